//! What providers write, and what others make of it.

use sesphr::encoding::{Encoding, Message, Reader};
use sesphr::hazmat::search::number;
use sesphr::identity::Signed;
use sesphr::search::{
    Batch, BatchError, BatchHead, Column, Draft, Encoder, Evidence, Federated, Form, GateError, InsertError, Inserted,
    MAX_BATCH, Match, Mode, Ordered, Path, Queries, Search, Step, Store,
};

use crate::common::rng;
use crate::scene::{LATER, NOW, Route, Scene, USER, party, record, resigned, with_head};

fn scene<M: Route>() -> Scene<M> {
    Scene::new("718-7", Encoder::integer(12).unwrap())
}

/// Where fields of an encoded head of a hospital's start.
const SEQUENCE: usize = 4 + 32 + 37;
const SHAPE: usize = SEQUENCE + 8 + 32;
const REMOVED: usize = SHAPE + 2;

fn unchanged<M: Route>(scene: &mut Scene<M>, act: impl FnOnce(&mut Scene<M>)) {
    let before = scene.column().to_bytes();
    act(scene);
    assert!(scene.column().to_bytes() == before);
}

/// Neither who stands before the cloud nor the cloud lets it in, and nothing changes.
fn refused<M: Route>(scene: &mut Scene<M>, batch: &Batch<M, M::Upload>, error: InsertError) {
    unchanged(scene, |scene| assert_eq!(scene.insert(batch, NOW), Err(error)));
}

fn whose<M: Route>() {
    let mut scene = scene::<M>();
    scene.write(1, &[(1, "5")]);
    let batch = scene.batch(1, &[(2, "6"), (3, "7")]);
    let head = batch.head().clone();
    let gate = |error| InsertError::Gate(error);
    for other in [2, 11, USER, 77] {
        let forged = with_head(&batch, &Signed::new(&party(other), head.unverified().clone()));
        refused(&mut scene, &forged, gate(GateError::Signature));
    }
    // Hospital 1's head under hospital 2's name, and the other way round.
    let theirs = scene.batch(2, &[(2, "6"), (3, "7")]);
    let swapped = with_head(&batch, theirs.head());
    refused(&mut scene, &swapped, InsertError::Entries);
    let swapped = with_head(&theirs, &head);
    refused(&mut scene, &swapped, InsertError::Entries);
    let renamed = resigned(&head, &party(1), |bytes| bytes[37..69].copy_from_slice(party(2).id().as_bytes()));
    refused(&mut scene, &with_head(&batch, &renamed), gate(GateError::Signature));
    // Of a provider that nobody lists, and of a generation that nobody lists.
    let unlisted = resigned(&head, &party(77), |bytes| bytes[37..69].copy_from_slice(party(77).id().as_bytes()));
    refused(&mut scene, &with_head(&batch, &unlisted), gate(GateError::Unlisted));
    let later = resigned(&head, &party(1), |bytes| bytes[72] = 1);
    refused(&mut scene, &with_head(&batch, &later), gate(GateError::Unlisted));
    // One draws up a batch with the key of another.
    let key = scene.key(2);
    assert_eq!(Draft::<M>::new(&key).sign(9, &party(1)).unwrap_err(), BatchError::Signer);

    // Another space: of another name, of another width.
    let mut elsewhere = Scene::<M>::new("other", *scene.space.encoder());
    elsewhere.sequence = 40;
    let other = elsewhere.batch(1, &[(2, "6"), (3, "7")]);
    refused(&mut scene, &other, InsertError::Space);
    let renamed = resigned(other.head(), &party(1), |bytes| bytes[4..36].copy_from_slice(scene.space.id().as_bytes()));
    let renamed = with_head(&other, &renamed);
    // Under this space's name it is taken: signed by who may write, and of the right length. It is nobody's key's.
    let inserted = scene.insert(&renamed, NOW).unwrap();
    assert_eq!(inserted.added + inserted.quarantined, 2);
    let mut wide = Scene::<M>::new("718-7", Encoder::integer(16).unwrap());
    let wider = wide.batch(1, &[(2, "6")]);
    refused(&mut scene, &wider, InsertError::Space);
    let renamed = resigned(wider.head(), &party(1), |bytes| bytes[4..36].copy_from_slice(scene.space.id().as_bytes()));
    refused(&mut scene, &with_head(&wider, &renamed), InsertError::Space);
}

#[test]
fn a_batch_is_by_who_signed_it_of_one_space_and_shape() {
    whose::<Federated>();
    whose::<Ordered>();
}

fn tampered<M: Route>() {
    let mut scene = scene::<M>();
    scene.write(1, &[(1, "5"), (9, "9")]);
    let key = scene.key(1);
    let mut draft = Draft::<M>::new(&key);
    for (at, value) in [(2, 6), (3, 7), (2, 6)] {
        draft.add(record(at), &number(value), &mut rng(3)).unwrap();
    }
    draft.remove(record(1)).remove(record(9));
    let batch = draft.sign(2, &party(1)).unwrap();
    let bytes = batch.to_bytes();
    // Every byte of the head and one of each part of the entries: refused by the decoder or by the index.
    let entry = bytes.len() - batch.head().to_bytes().len() - 4;
    let at_entries = bytes.len() - entry;
    let few = (at_entries..bytes.len()).step_by(29);
    for at in (0..at_entries).chain(few) {
        for flip in [1, 0x80] {
            let mut tampered = bytes.clone();
            tampered[at] ^= flip;
            if let Ok(tampered) = Batch::<M, M::Upload>::from_bytes(&tampered) {
                unchanged(&mut scene, |scene| assert!(scene.insert(&tampered, NOW).is_err(), "byte {at}"));
            }
        }
    }
    // Entries in another order, one of another batch, one too few and one too many.
    let one = entry / 3;
    let mut swapped = bytes.clone();
    swapped[at_entries..].rotate_left(one);
    refused(&mut scene, &Batch::from_bytes(&swapped).unwrap(), InsertError::Entries);
    let other = scene.batch(1, &[(2, "7"), (3, "7"), (2, "6")]);
    let mut moved = bytes.clone();
    moved[at_entries..at_entries + one].copy_from_slice(&other.to_bytes()[other.to_bytes().len() - entry..][..one]);
    refused(&mut scene, &Batch::from_bytes(&moved).unwrap(), InsertError::Entries);
    assert!(Batch::<M, M::Upload>::from_bytes(&bytes[..bytes.len() - one]).is_err());
    assert!(Batch::<M, M::Upload>::from_bytes(&[&bytes[..], &bytes[bytes.len() - one..]].concat()).is_err());
    // Who signs says how many there are, and what it says has to be so.
    for count in [2_u32, 4] {
        let head = resigned(batch.head(), &party(1), |bytes| {
            let at = bytes.len() - 36;
            bytes[at..at + 4].copy_from_slice(&count.to_be_bytes());
        });
        let old = batch.head().to_bytes().len();
        let rest = &bytes[4 + old..];
        let rest = if count == 2 { rest[..2 * one].to_vec() } else { [rest, &rest[..one]].concat() };
        let other = Batch::from_bytes(&[&bytes[..4], &head.to_bytes(), &rest].concat()).unwrap();
        refused(&mut scene, &other, InsertError::Entries);
    }
    // What is no value is read as none.
    let mut none = bytes.clone();
    none[at_entries + 16..at_entries + one].fill(0xff);
    assert!(Batch::<M, M::Upload>::from_bytes(&none).is_err());
    let inserted = scene.insert(&batch, NOW).unwrap();
    assert_eq!(inserted, Inserted { added: 3, quarantined: 0, removed: 2 });
}

#[test]
fn nothing_of_a_batch_can_be_changed() {
    tampered::<Federated>();
    tampered::<Ordered>();
}

fn order<M: Route>() {
    let mut scene = scene::<M>();
    let [first, second, third] = [1, 2, 3].map(|at| scene.batch(1, &[(at, "5")]));
    assert!(scene.insert(&second, NOW).is_ok());
    for replayed in [&second, &first] {
        refused(&mut scene, replayed, InsertError::Replayed);
    }
    assert!(scene.insert(&third, NOW).is_ok());
    // Its own count, not that of others; and 0 is a number.
    let key = scene.key(2);
    let mut draft = Draft::<M>::new(&key);
    draft.add(record(4), &number(7), &mut rng(1)).unwrap();
    let zero = draft.sign(0, &party(2)).unwrap();
    assert!(scene.insert(&zero, NOW).is_ok());
    refused(&mut scene, &zero, InsertError::Replayed);
    // Nothing is left of them, and they do not come back: not after an encoding either.
    let path = Scene::<M>::path(1);
    assert_eq!(scene.column().remove_where(|other| *other == path), 2);
    refused(&mut scene, &third, InsertError::Replayed);
    let column = Column::from_bytes(&scene.column().to_bytes()).unwrap();
    scene.index.set(column);
    refused(&mut scene, &third, InsertError::Replayed);
    refused(&mut scene, &zero, InsertError::Replayed);
    // The last number there is.
    let last = Draft::<M>::new(&scene.key(1)).sign(u64::MAX, &party(1)).unwrap();
    assert!(scene.insert(&last, NOW).is_ok());
    let batch = scene.batch(1, &[(5, "5")]);
    refused(&mut scene, &batch, InsertError::Replayed);
}

#[test]
fn batches_of_a_provider_are_taken_in_order_and_once() {
    order::<Federated>();
    order::<Ordered>();
}

fn gone<M: Route>() {
    let mut scene = scene::<M>();
    scene.write(1, &[(1, "5")]);
    scene.write(2, &[(2, "5")]);
    let (held, of_child) = (scene.batch(1, &[(3, "5")]), scene.batch(11, &[(4, "5")]));
    scene.registrar.retire(&party(1).id()).unwrap();
    scene.announce();
    for batch in [&held, &of_child] {
        refused(&mut scene, batch, InsertError::Gate(GateError::Unlisted));
    }
    assert_eq!(scene.range(USER, ..), [(1, 1), (2, 2)]);
    let held = scene.batch(2, &[(5, "5")]);
    assert_eq!(scene.expel(2), 1);
    refused(&mut scene, &held, InsertError::Gate(GateError::Unlisted));
    assert_eq!(scene.range(USER, ..), [(1, 1)]);
}

#[test]
fn who_retired_or_was_expelled_writes_nothing_that_it_held_back() {
    gone::<Federated>();
    gone::<Ordered>();
}

fn sizes<M: Route>() {
    let mut scene = scene::<M>();
    let empty = scene.batch(1, &[]);
    assert_eq!(scene.insert(&empty, NOW).unwrap(), Inserted { added: 0, quarantined: 0, removed: 0 });
    // It counts, and nothing of it is kept.
    refused(&mut scene, &empty, InsertError::Replayed);
    let size = scene.column().to_bytes().len();
    let empty = scene.batch(1, &[]);
    scene.insert(&empty, NOW).unwrap();
    assert_eq!(scene.column().to_bytes().len(), size);

    let key = scene.key(1);
    let mut many = Draft::<M>::new(&key);
    (0..MAX_BATCH as u64).for_each(|at| {
        many.remove(record(at));
    });
    assert!(many.sign(50, &party(1)).is_ok());
    let mut many = Draft::<M>::new(&key);
    (0..=MAX_BATCH as u64).for_each(|at| {
        many.remove(record(at));
    });
    assert_eq!(many.sign(50, &party(1)).unwrap_err(), BatchError::TooMany);
    // What bytes claim costs nothing before it is there.
    let batch = scene.batch(1, &[(1, "5")]);
    let head = batch.head().unverified().to_bytes();
    let at = head.len() - 36;
    let mut claim = head.clone();
    claim[at..at + 4].copy_from_slice(&(MAX_BATCH as u32 + 1).to_be_bytes());
    assert!(BatchHead::from_bytes(&claim).is_err());
    claim[at..at + 4].copy_from_slice(&(MAX_BATCH as u32).to_be_bytes());
    let claim = Signed::new(&party(1), BatchHead::from_bytes(&claim).unwrap());
    let bytes = batch.to_bytes();
    let bytes = [&bytes[..4], &claim.to_bytes(), &bytes[4 + batch.head().to_bytes().len()..]].concat();
    assert!(Batch::<M, M::Upload>::from_bytes(&bytes).is_err());
    let mut claim = head.clone();
    claim[REMOVED..REMOVED + 4].copy_from_slice(&(MAX_BATCH as u32 + 1).to_be_bytes());
    assert!(BatchHead::from_bytes(&claim).is_err());
    for shape in [[0, 0], [13, 0], [68, 0], [12, 10]] {
        let mut other = head.clone();
        other[SHAPE..REMOVED].copy_from_slice(&shape);
        assert!(BatchHead::from_bytes(&other).is_err(), "{shape:?}");
    }
    // Removed records are named in order, each once.
    let mut draft = Draft::<M>::new(&key);
    draft.remove(record(2)).remove(record(1)).remove(record(2));
    let head = draft.sign(60, &party(1)).unwrap().head().unverified().clone();
    assert_eq!((head.removed().len(), head.count(), head.sequence()), (2, 0, 60));
    let mut swapped = head.to_bytes();
    swapped[REMOVED + 4..REMOVED + 36].rotate_left(16);
    assert!(BatchHead::from_bytes(&swapped).is_err());
    let mut twice = head.to_bytes();
    twice.copy_within(REMOVED + 4..REMOVED + 20, REMOVED + 20);
    assert!(BatchHead::from_bytes(&twice).is_err());
}

#[test]
fn a_batch_has_bounds() {
    sizes::<Federated>();
    sizes::<Ordered>();
}

/// Points are dear, so the bound on values is tried where they are not.
#[test]
fn a_batch_has_no_more_values_than_it_may() {
    let space = Scene::<Federated>::codes("718-7", Encoder::code(&[]).unwrap());
    let key = space.key(1);
    let mut draft = Draft::<Federated>::new(&key);
    let value = space.space.encoder().parse("x").unwrap();
    let mut source = rng(1);
    for at in 0..=MAX_BATCH as u64 {
        draft.add(record(at), &value, &mut source).unwrap();
    }
    assert_eq!(draft.sign(1, &party(1)).unwrap_err(), BatchError::TooMany);
    assert_eq!(space.space.queries(), Queries::Points);
}

fn removal<M: Route>() {
    let mut scene = scene::<M>();
    scene.write(1, &[(1, "5"), (1, "6"), (2, "7")]);
    scene.write(11, &[(1, "5")]);
    scene.write(2, &[(1, "5")]);
    // A removal is of one's own, whatever record it names, and does not touch what the same batch brings.
    let key = scene.key(1);
    let mut draft = Draft::<M>::new(&key);
    draft.add(record(1), &number(2048 + 9), &mut rng(1)).unwrap();
    draft.remove(record(1)).remove(record(3));
    let batch = draft.sign(10, &party(1)).unwrap();
    assert_eq!(scene.insert(&batch, NOW).unwrap(), Inserted { added: 1, quarantined: 0, removed: 2 });
    assert_eq!(scene.range(USER, "5"..="5"), [(2, 1), (11, 1)]);
    assert_eq!(scene.range(USER, "9"..="9"), [(1, 1)]);
    // Numbers of what is gone are given again: there is no sixth.
    let store = scene.column().store();
    let mut sixth = Vec::new();
    store.get(5, &mut sixth);
    assert!(sixth.is_empty());
    let counts: Vec<_> = scene.column().counts().into_values().collect();
    assert_eq!((counts.iter().sum::<usize>(), counts.len()), (4, 3));
}

#[test]
fn who_removes_removes_its_own() {
    removal::<Federated>();
    removal::<Ordered>();
}

/// What a provider wrote under a former key it takes out under the one of now, and nobody else's.
#[test]
fn a_removal_reaches_what_was_written_under_a_former_key() {
    let mut scene = scene::<Federated>();
    scene.write(1, &[(1, "5"), (2, "5")]);
    scene.write(11, &[(1, "5")]);
    scene.write(2, &[(1, "5")]);
    scene.renew(&[1]);
    scene.write(1, &[(1, "6")]);
    let key = scene.key(1);
    let mut draft = Draft::<Federated>::new(&key);
    draft.remove(record(1));
    let batch = draft.sign(50, &party(1)).unwrap();
    assert_eq!(scene.insert(&batch, NOW).unwrap().removed, 2);
    assert_eq!(scene.range(USER, ..), [(1, 2), (2, 1), (11, 1)]);
}

fn merged<M: Route>() {
    let mut scene = scene::<M>();
    let good: Vec<_> = [1, 2, 11].into_iter().map(|place| scene.batch(place, &[(u64::from(place), "5")])).collect();
    let again = scene.batch(1, &[(20, "6")]);
    let stored = |scene: &Scene<M>, batch| M::try_upload(&scene.between, batch, NOW).unwrap();
    let mut batches: Vec<_> = good.iter().map(|batch| stored(&scene, batch)).collect();
    batches.insert(1, with_head(&batches[1], batches[0].head()));
    batches.insert(2, batches[0].clone());
    batches.push(with_head(&batches[0], &Signed::new(&party(77), batches[0].head().unverified().clone())));
    batches.push(stored(&scene, &again));
    let results = scene.column().merge(&batches, NOW);
    let errors: Vec<_> = results.iter().map(|result| result.err()).collect();
    let gate = Some(InsertError::Gate(GateError::Signature));
    assert_eq!(errors, [None, Some(InsertError::Entries), Some(InsertError::Replayed), None, None, gate, None]);
    assert!(
        results.iter().flatten().all(|inserted| (inserted.added, inserted.quarantined, inserted.removed) == (1, 0, 0))
    );
    assert_eq!(scene.range(USER, ..), [(1, 1), (1, 20), (2, 2), (11, 11)]);
    // One after the other is the same.
    let mut single = self::scene::<M>();
    let results: Vec<_> = batches.iter().map(|batch| single.column().insert(batch, NOW).err()).collect();
    assert_eq!((results, single.column().to_bytes()), (errors, scene.column().to_bytes()));
}

#[test]
fn what_is_wrong_with_one_batch_keeps_no_other_out() {
    merged::<Federated>();
    merged::<Ordered>();
}

fn evidence<M: Route>() {
    let mut scene = scene::<M>();
    scene.write(1, &[(1, "5"), (2, "6"), (1, "7"), (3, "8"), (4, "9")]);
    scene.write(2, &[(1, "5")]);
    let space = scene.space.clone();
    let path = Scene::<M>::path(1);
    let found = |record| Match { provider: path.clone(), record };
    let shown: Vec<_> = scene.column().evidence(&found(record(1))).collect();
    assert_eq!(shown.len(), 2);
    assert_ne!(shown[0], shown[1]);
    let who = M::signer(&scene.between, &path);
    for evidence in &shown {
        assert!(evidence.verify(&space, &who).is_ok());
        assert_eq!((evidence.provider(), evidence.record()), (&path, record(1)));
        let bytes = evidence.to_bytes();
        assert_eq!(Evidence::from_bytes(&bytes).as_ref(), Ok(evidence));
        for at in 0..bytes.len() {
            let mut tampered = bytes.clone();
            tampered[at] ^= 1;
            if let Ok(tampered) = Evidence::<M, M::Stored>::from_bytes(&tampered) {
                assert!(tampered.verify(&space, &who).is_err(), "byte {at}");
            }
        }
        assert_eq!(evidence.verify(&space, &party(2).id()), Err(BatchError::Signer));
        let other = Scene::<M>::new("other", *space.encoder());
        assert_eq!(evidence.verify(&other.space, &who), Err(BatchError::Space));
        // One of a record for another: the record is 16 bytes behind the position.
        let at = bytes.windows(16).position(|part| part == record(1).as_bytes()).unwrap();
        let mut other = bytes.clone();
        other[at..at + 16].copy_from_slice(record(2).as_bytes());
        let other = Evidence::<M, M::Stored>::from_bytes(&other).unwrap();
        assert_eq!(other.verify(&space, &who), Err(BatchError::Entries));
        let mut none = bytes.clone();
        let len = M::Stored::len(&space.shape());
        none[at + 16..at + 16 + len].fill(0xff);
        assert!(Evidence::<M, M::Stored>::from_bytes(&none).is_err());
    }
    assert_eq!(scene.column().evidence(&found(record(9))).count(), 0);
    let nobody = Match { provider: Path::new(Step { party: party(77).id(), generation: 0 }), record: record(1) };
    assert_eq!(scene.column().evidence(&nobody).count(), 0);
    // Of another width, under this space's name by who signs for it.
    let mut wide = Scene::<M>::new("718-7", Encoder::integer(16).unwrap());
    wide.write(1, &[(1, "5")]);
    let shown = wide.column().evidence(&found(record(1))).next().unwrap();
    let signer = if M::MODE == Mode::Ordered { party(99) } else { party(1) };
    let bytes = shown.to_bytes();
    let head = Signed::<BatchHead>::read(&mut Reader::new(&bytes[4..])).unwrap();
    let renamed = resigned(&head, &signer, |bytes| bytes[4..36].copy_from_slice(space.id().as_bytes()));
    let renamed = [&bytes[..4], &renamed.to_bytes(), &bytes[4 + head.to_bytes().len()..]].concat();
    let renamed = Evidence::<M, M::Stored>::from_bytes(&renamed).unwrap();
    assert!(shown.verify(&wide.space, &who).is_ok());
    assert_eq!(renamed.verify(&space, &who), Err(BatchError::Space));
    // What is removed is not shown, and the rest of its batch is.
    let key = scene.key(1);
    let mut draft = Draft::<M>::new(&key);
    draft.remove(record(1));
    let batch = draft.sign(9, &party(1)).unwrap();
    scene.insert(&batch, LATER).unwrap();
    assert_eq!(scene.column().evidence(&found(record(1))).count(), 0);
    assert!(scene.column().evidence(&found(record(3))).all(|evidence| evidence.verify(&space, &who).is_ok()));
}

#[test]
fn evidence_shows_who_wrote_of_which_record() {
    evidence::<Federated>();
    evidence::<Ordered>();
}

#[test]
fn who_has_a_key_sees_whether_evidence_matches_the_query() {
    let mut scene = scene::<Federated>();
    scene.write(1, &[(1, "5"), (2, "6")]);
    scene.write(2, &[(1, "5")]);
    let key = scene.registrar.query_key(&scene.root, &party(USER).id()).unwrap();
    let [one, two] = [1, 2].map(Scene::<Federated>::path);
    let space = scene.space.clone();
    let found = Match { provider: one.clone(), record: record(1) };
    let evidence = scene.column().evidence(&found).next().unwrap();
    let value = evidence.verify(&space, &party(1).id()).unwrap();
    assert_eq!(*key.decrypt(&one, value).unwrap(), 2048 + 5);
    // It was not the other hospital that wrote this, nor does who may not ask read it.
    assert!(key.decrypt(&two, value).is_err());
    let narrow = Federated::narrow(&key, |path| *path == two).unwrap();
    assert!(narrow.decrypt(&one, value).is_err());
    // A value that no key of the hospital's made is signed all the same, and seen for what it is.
    let batch = scene.batch(1, &[(3, "5")]);
    let bytes = batch.to_bytes();
    let mut value = bytes[bytes.len() - batch.entries().next().unwrap().1.len()..].to_vec();
    value[20] ^= 1;
    assert!(key.decrypt(&one, &value).is_err());
}
