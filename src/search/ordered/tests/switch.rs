//! The switcher: who is registered, what is asked, and rotation.

use core::cmp::Ordering;

use super::super::hazmat::{range, top};
use super::*;
use crate::encoding::{Message, SecretEncoding};
use crate::error::DecodeError;
use crate::identity::Signed;
use crate::search::{Store, Trapdoor as _};

#[test]
fn who_is_registered_once_and_in_its_place() {
    let world = World::new(12);
    let (mut switch, keys) = world.everybody(0);
    let clinic = world.child_key(&keys[0], step(&world.clinic, 3), &world.hospitals[0]);
    assert_eq!(switch.add(&world.switch_key(&world.path(0, 0))), Err(SwitchError::Known));
    assert_eq!(switch.add(&clinic), Err(SwitchError::Known));
    assert_eq!(switch.add(&world.querier(0, &[world.path(0, 0)])), Err(SwitchError::Known));
    assert_eq!(switch.add(&world.switch_key(&world.path(0, 1))), Err(SwitchError::Generation));
    assert_eq!(switch.add(&world.querier(1, &[world.path(0, 0)])), Err(SwitchError::Generation));
    // Another space, and another owner who signs for this one.
    let other = World { space: space(world.owner.id(), "other", 12), ..World::new(12) };
    assert_eq!(switch.add(&other.switch_key(&world.path(0, 0))), Err(SwitchError::Space));
    let parent = SwitchKey::child(&keys[0], step(&world.clinic, 4), &world.hospitals[0]).unwrap();
    assert_eq!(switch.add(&parent.verify(&world.user.id()).unwrap()), Err(SwitchError::Space));
    // Below nobody.
    let mut empty = Switch::new(&world.space, 0);
    assert_eq!(empty.add(&clinic), Err(SwitchError::Parent));
    assert_eq!((switch.generation(), switch.space()), (0, &world.space));

    // A place goes with all below it, and does not come back with the keys that it had.
    assert_eq!(switch.remove_provider(&world.path(0, 7)), 3);
    assert_eq!(switch.remove_provider(&world.path(0, 7)), 0);
    let mut out = Vec::new();
    for at in [0, 3, 4] {
        let points = encrypt(&keys[at], 5);
        assert_eq!(switch.switch_value(&keys[at].path, &points, &mut out), Err(SwitchError::Unknown));
        assert_eq!(switch.switch_values(&keys[at].path, &[&points]), Err(SwitchError::Unknown));
    }
    assert!(switch.switch_value(&keys[1].path, &encrypt(&keys[1], 5), &mut out).is_ok());
    assert_eq!(switch.add(&world.switch_key(&world.path(0, 0))), Err(SwitchError::Removed));
    let later = world.child_key(&keys[0], step(&world.clinic, 4), &world.hospitals[0]);
    assert_eq!(switch.add(&later), Err(SwitchError::Parent));
    let question = Ordered::question(&world.query_key(0, &[world.path(1, 0)]), &range(None, Some(5))).unwrap();
    let user = step(&world.user, 0);
    assert!(switch.switch_question(user, &question).is_ok());
    assert!(switch.remove_querier(&world.user.id()) && !switch.remove_querier(&world.user.id()));
    assert_eq!(switch.switch_question(user, &question), Err(SwitchError::Unknown));
    assert_eq!(switch.add(&world.querier(0, &[world.path(1, 0)])), Err(SwitchError::Removed));
    // A switcher that starts again knows all of this.
    let bytes = switch.to_secret_bytes();
    let mut again = Switch::from_bytes(&bytes).unwrap();
    assert_eq!(again.to_secret_bytes(), bytes);
    assert_eq!(again.add(&world.switch_key(&world.path(0, 0))), Err(SwitchError::Removed));
    assert_eq!(again.add(&world.querier(0, &[world.path(1, 0)])), Err(SwitchError::Removed));
}

#[test]
fn a_switcher_reads_what_it_wrote_and_nothing_else() {
    let world = World::new(12);
    let (switch, keys) = world.everybody(4);
    let bytes = switch.to_secret_bytes();
    let read = Switch::from_bytes(&bytes).unwrap();
    assert_eq!(read.to_secret_bytes(), bytes);
    keys.iter().for_each(|key| assert_eq!(switched(&read, key, 77), switched(&switch, key, 77)));
    // Lists by hand: providers, users, and both that were removed.
    let head = || {
        let mut out = Vec::from(&bytes[..4]);
        world.space.write(&mut out);
        out.extend(4_u32.to_be_bytes());
        out
    };
    let list = |items: &[Vec<u8>]| [&(items.len() as u32).to_be_bytes()[..], &items.concat()].concat();
    let path = |path: &Path| {
        let mut out = Vec::new();
        path.write(&mut out);
        out
    };
    let (mut a, mut b) = (world.path(0, 4), world.path(1, 4));
    if a > b {
        core::mem::swap(&mut a, &mut b);
    }
    let scalar = |k: u8| core::array::from_fn::<u8, 32, _>(|i| if i == 0 { k } else { 0 }).to_vec();
    let provider = |at: &Path, k| [path(at), scalar(k)].concat();
    let user = |generation: u32, k| {
        let scope = [&[0, 0, 0, 1][..], &path(&a)].concat();
        [world.user.id().as_bytes(), &generation.to_be_bytes()[..], &scope, &scalar(k)].concat()
    };
    let gone = [&world.user.id().as_bytes()[..], &4_u32.to_be_bytes()].concat();
    let read = |lists: [&[Vec<u8>]; 4]| {
        let bytes = [head(), lists.map(list).concat()].concat();
        Switch::from_bytes(&bytes).map(|read| assert_eq!(read.to_secret_bytes()[..], bytes))
    };
    let value = Err(DecodeError::Value);
    assert_eq!(read([&[provider(&a, 1), provider(&b, 2)], &[user(4, 1)], &[], &[]]), Ok(()));
    assert_eq!(read([&[provider(&b, 1), provider(&a, 2)], &[], &[], &[]]), value);
    assert_eq!(read([&[provider(&a, 1), provider(&a, 2)], &[], &[], &[]]), value);
    assert_eq!(read([&[provider(&a, 0)], &[], &[], &[]]), Err(DecodeError::Scalar));
    let child = a.child(step(&world.clinic, 0)).unwrap();
    assert_eq!(read([&[provider(&a, 1), provider(&child, 1)], &[], &[], &[]]), Ok(()));
    assert_eq!(read([&[provider(&child, 1)], &[], &[], &[]]), value);
    assert_eq!(read([&[provider(&world.path(0, 3), 1)], &[], &[], &[]]), Ok(()));
    assert_eq!(read([&[provider(&world.path(0, 5), 1)], &[], &[], &[]]), value);
    assert_eq!(read([&[], &[user(4, 1), user(4, 1)], &[], &[]]), value);
    assert_eq!(read([&[], &[user(3, 1)], &[], &[]]), value);
    assert_eq!(read([&[], &[user(4, 0)], &[], &[]]), Err(DecodeError::Scalar));
    assert_eq!(read([&[], &[], &[path(&a), path(&b)], core::slice::from_ref(&gone)]), Ok(()));
    assert_eq!(read([&[], &[], &[path(&b), path(&a)], &[]]), value);
    assert_eq!(read([&[provider(&a, 1)], &[], &[path(&a)], &[]]), value);
    assert_eq!(read([&[], &[], &[], &[gone.clone(), gone.clone()]]), value);
    assert_eq!(read([&[], &[user(4, 1)], &[], &[gone]]), value);
    // A claim of many costs as many bytes.
    let many = [head(), u32::MAX.to_be_bytes().to_vec()].concat();
    assert_eq!(Switch::from_bytes(&many).unwrap_err(), DecodeError::Truncated);
}

#[test]
fn a_question_finds_its_range_within_its_scope() {
    let world = World::new(12);
    let (switch, keys) = world.everybody(0);
    let paths: Vec<_> = keys.iter().map(|key| key.path.clone()).collect();
    let mut trie = Trie::new(&world.space);
    for (entry, n) in (0..).zip([50, 10, 40, 20, 30]) {
        trie.insert(entry, entry, &switched(&switch, &keys[entry as usize], n)).unwrap();
    }
    let user = step(&world.user, 0);
    let find = |scope: &[Path], query: &Query| {
        let question = Ordered::question(&world.query_key(0, scope), query).unwrap();
        let trapdoor = switch.switch_question(user, &question).unwrap();
        assert!(trapdoor.scope().eq(question.scope()));
        trie.query(&paths, &trapdoor).entries
    };
    let all = &paths[..3];
    assert_eq!(find(all, &range(Some(20), Some(40))), [2, 3, 4]);
    assert_eq!(find(all, &range(Some(21), Some(39))), [4]);
    assert_eq!(find(all, &range(Some(41), Some(49))), [0_u32; 0]);
    assert_eq!(find(all, &range(None, Some(20))), [1, 3]);
    assert_eq!(find(all, &top(End::Greatest, 2)), [0, 2]);
    assert_eq!(find(all, &Query(Ask::Point(value(30)))), [4]);
    // The hospital and all below it; the clinic and the physician.
    assert_eq!(find(&paths[..1], &range(None, None)), [0, 3, 4]);
    assert_eq!(find(&paths[3..4], &range(None, None)), [3, 4]);
    assert_eq!(find(&paths[4..5], &range(None, None)), [4]);
    // More than the switcher was told.
    let stranger = Path::new(step(&world.user, 0));
    let question = Ordered::question(&world.query_key(0, &[paths[0].clone(), stranger]), &range(None, None)).unwrap();
    assert_eq!(switch.switch_question(user, &question), Err(SwitchError::Scope));
    let question = Ordered::question(&world.query_key(0, all), &range(Some(1), Some(2))).unwrap();
    for bound in [&question.lower, &question.upper] {
        assert!(bound.is_some());
    }
    let mut bad = question.clone();
    bad.upper = Some([0; 768].to_vec());
    assert_eq!(switch.switch_question(user, &bad), Err(SwitchError::Value(DecodeError::Point)));
    assert_eq!(switch.switch_question(step(&world.user, 1), &question), Err(SwitchError::Generation));
    assert_eq!(switch.switch_question(step(&world.clinic, 0), &question), Err(SwitchError::Unknown));
    // Many at once are each what one is.
    let (good, bad) = (encrypt(&keys[0], 9), [1; 768]);
    let many = switch.switch_values(&paths[0], &[&good, &bad, &good[1..]]).unwrap();
    let expected = Ok(switched(&switch, &keys[0], 9));
    assert_eq!(many, [expected, Err(DecodeError::Point), Err(DecodeError::Length)]);
}

#[test]
fn rotation_moves_stored_values_once() {
    let world = World::new(12);
    let (mut switch, old) = world.everybody(0);
    let stored: Vec<_> = old.iter().zip([50, 10, 40, 20, 30]).map(|(key, n)| (key, n, encrypt(key, n))).collect();
    let before: Vec<_> = stored.iter().map(|(key, n, _)| switched(&switch, key, *n)).collect();
    let mut out = Vec::new();
    let early = switch.switch_stored_value(&old[0].path, &stored[0].2, &mut out);
    assert_eq!((early, out.len()), (Err(SwitchError::Generation), 0));
    let rotation = |from, to| {
        let rotation = SwitchRotation::new(&world.root, &world.space, from, to, &world.owner).unwrap();
        rotation.verify(&world.owner.id()).unwrap()
    };
    let other = World { space: space(world.owner.id(), "other", 12), ..World::new(12) };
    let foreign = SwitchRotation::new(&other.root, &other.space, 0, 2, &other.owner).unwrap();
    assert_eq!(switch.rotate(&foreign.verify(&world.owner.id()).unwrap()), Err(SwitchError::Space));
    // The right one, said by somebody else.
    let right = SwitchRotation::new(&world.root, &world.space, 0, 2, &world.owner).unwrap();
    let (bytes, terms) = (right.to_secret_bytes(), right.terms().unverified().clone());
    let mut forged = Vec::from(&bytes[..4]);
    Signed::new(&world.user, terms).write(&mut forged);
    forged.extend(&bytes[bytes.len() - 32..]);
    let forged = SwitchRotation::from_bytes(&forged).unwrap();
    assert_eq!(forged.verify(&world.owner.id()).unwrap_err(), SwitchCheckError::Signature);
    assert_eq!(switch.rotate(&forged.verify(&world.user.id()).unwrap()), Err(SwitchError::Space));
    assert_eq!(switch.rotate(&rotation(1, 2)), Err(SwitchError::Generation));
    switch.remove_provider(&world.path(1, 0));
    switch.rotate(&rotation(0, 2)).unwrap();
    // Twice is refused, and so is what leads from elsewhere.
    assert_eq!(switch.rotate(&rotation(0, 2)), Err(SwitchError::Generation));
    assert_eq!(switch.rotate(&rotation(0, 3)), Err(SwitchError::Generation));
    let mut switch = Switch::from_bytes(&switch.to_secret_bytes()).unwrap();
    assert_eq!(switch.rotate(&rotation(0, 2)), Err(SwitchError::Generation));
    assert_eq!(switch.generation(), 2);

    // What came before is switched again, but of whom was removed, and has its order with what comes.
    let new = world.key(&world.path(2, 2));
    switch.add(&world.switch_key(&new.path)).unwrap();
    let moved = |switch: &Switch, at: usize| {
        let (key, _, points) = &stored[at];
        let mut out = Vec::new();
        switch.switch_stored_value(&key.path, points, &mut out).map(|()| out)
    };
    assert_eq!(moved(&switch, 1), Err(SwitchError::Unknown));
    for at in [0, 2, 3, 4] {
        let (key, n, points) = &stored[at];
        let again = moved(&switch, at).unwrap();
        for other in [5, 30, 40, 45] {
            assert_eq!(compare(&again, &switched(&switch, &new, other)), Ok(n.cmp(&other)));
        }
        assert_eq!(compare(&again, &before[at]), Err(Inconsistent));
        let both = again.chunks(16).zip(before[at].chunks(16));
        assert!(both.into_iter().all(|(new, old)| new != old));
        // Under the old key nothing new is taken, and under the new one nothing is old.
        let mut out = Vec::new();
        assert_eq!(switch.switch_value(&key.path, points, &mut out), Err(SwitchError::Generation));
    }
    let mut out = Vec::new();
    let late = switch.switch_stored_value(&new.path, &encrypt(&new, 1), &mut out);
    assert_eq!((late, out.len()), (Err(SwitchError::Generation), 0));
    assert_eq!(switch.add(&world.switch_key(&world.path(1, 0))), Err(SwitchError::Generation));

    // Users have to have new keys: old ones are refused, and would find nothing.
    let (scope, user) = ([world.path(2, 2)], step(&world.user, 2));
    let ask =
        |generation| Ordered::question(&world.query_key(generation, &scope), &range(Some(1), Some(4000))).unwrap();
    assert_eq!(switch.switch_question(user, &ask(2)), Err(SwitchError::Unknown));
    assert_eq!(switch.switch_question(step(&world.user, 0), &ask(0)), Err(SwitchError::Generation));
    switch.add(&world.querier(2, &scope)).unwrap();
    let mut trie = Trie::new(&world.space);
    trie.insert(0, 0, &switched(&switch, &new, 7)).unwrap();
    trie.insert(1, 0, &moved(&switch, 2).unwrap()).unwrap();
    let find = |question| trie.query(&scope, &switch.switch_question(user, &question).unwrap()).entries;
    assert_eq!(find(ask(2)), [0, 1]);
    assert!(find(ask(0)).is_empty());

    // And once more: what is two generations old comes along.
    let second = moved(&switch, 0).unwrap();
    switch.rotate(&rotation(2, 3)).unwrap();
    let third = moved(&switch, 0).unwrap();
    assert_eq!(compare(&second, &third), Err(Inconsistent));
    let newest = world.key(&world.path(1, 3));
    switch.add(&world.switch_key(&newest.path)).unwrap();
    assert_eq!(compare(&third, &switched(&switch, &newest, 51)), Ok(Ordering::Less));
}
