//! Who leaves, what becomes of its keys, and what it keeps.

use std::collections::BTreeSet;

use sesphr::encoding::{Encoding, Message, Reader, SecretEncoding};
use sesphr::hazmat::ristretto::Scalar;
use sesphr::hazmat::search::{number, point, range};
use sesphr::identity::Signed;
use sesphr::search::ordered::{SwitchError, SwitchKey, SwitcherError};
use sesphr::search::{
    BatchError, Column, Draft, Duty, Encoder, Federated, GateError, InsertError, Ordered, Path, Query, QueryError,
    Registrar, RegistrarError, Search, Step, Store, Token,
};

use crate::common::rng;
use crate::scene::{END, LESSER, NOW, Route, Scene, USER, found, party, resigned, with_head};

fn scene<M: Route>() -> Scene<M> {
    Scene::new("2339-0", Encoder::integer(12).unwrap())
}

fn key<M: Route>(scene: &Scene<M>, user: u8) -> M::QueryKey {
    scene.registrar.query_key(&scene.root, &party(user).id()).unwrap()
}

fn five() -> Query {
    point(number(2048 + 5))
}

fn path_of(hospital: u8, generation: u32) -> Path {
    Path::new(Step { party: party(hospital).id(), generation })
}

#[test]
fn who_was_dismissed_finds_nothing_under_new_keys_whatever_the_cloud_does() {
    let mut scene = scene::<Federated>();
    scene.write(1, &[(1, "5")]);
    let old = key(&scene, USER);
    let affected = scene.registrar.dismiss(&party(USER).id()).unwrap();
    assert_eq!(affected, [1, 2, 3].map(|seed| party(seed).id()).into());
    scene.renew(&[1, 2, 3]);
    scene.write(1, &[(2, "5"), (3, "5"), (4, "6")]);
    let trapdoor = Federated::question(&old, &five()).unwrap();
    let [before, after] = [path_of(1, 0), path_of(1, 1)];
    let store = scene.column().store();
    // The old value it finds, the new ones not: neither under their name, nor when the cloud says that they are old ones.
    assert_eq!(store.query(&[before.clone(), after], &trapdoor).entries, [0]);
    assert_eq!(store.query(&[path_of(9, 0), before.clone()], &trapdoor).entries, [] as [u32; 0]);
    // Nor does it read them.
    let mut value = Vec::new();
    store.get(1, &mut value);
    assert!(old.decrypt(&before, &value).is_err());
    let mut value = Vec::new();
    store.get(0, &mut value);
    assert_eq!(*old.decrypt(&before, &value).unwrap(), 2048 + 5);
    let token = Token::new(&[(&old, &five())], END, &party(USER), &mut rng(1)).unwrap();
    assert_eq!(scene.try_ask(&token, NOW), Err(QueryError::Gate(GateError::Unlisted)));
}

/// Values of numbers by order are encrypted again by whoever has the keys, from what is stored.
#[test]
fn what_is_encrypted_again_is_found_and_the_old_form_is_swept_out() {
    // By order alone: tags cannot be read, and a provider has the plaintext of those anyway.
    let mut scene = scene::<Federated>();
    scene.write(1, &[(1, "5"), (2, "6")]);
    scene.write(11, &[(3, "5")]);
    scene.write(2, &[(4, "5")]);
    let kept = scene.column().to_bytes();
    let leaver = key(&scene, USER);
    let expected = scene.range(USER, ..);
    let old = scene.key(1);
    let renewed = scene.renew(&[1]);
    assert_eq!(renewed, [party(1).id(), party(USER).id()].into());
    assert_eq!(scene.range(USER, ..), expected);
    let batch = scene.batch_by(1, 0, &[(5, "5")]);
    assert_eq!(scene.insert(&batch, NOW), Err(InsertError::Gate(GateError::Unlisted)));

    let new = scene.key(1);
    let mut draft = Draft::<Federated>::new(&new);
    for (found, value) in scene.index.column(&scene.space.id()).unwrap().entries() {
        if found.provider == path_of(1, 0) {
            let mut again = Vec::new();
            old.reencrypt(&new, &value, &mut rng(3), &mut again).unwrap();
            draft.add_encrypted(found.record, &again).unwrap();
        }
    }
    let batch = draft.sign(90, &party(1)).unwrap();
    assert_eq!(scene.insert(&batch, NOW).unwrap().added, 2);
    assert_eq!(scene.range(USER, ..), expected);
    assert_eq!(scene.range(USER, "6"..="6"), [(1, 2)]);
    // Nobody brought the department's over: it goes with the former keys.
    scene.registrar.settle();
    scene.announce();
    assert_eq!(scene.column().sweep(), 3);
    assert_eq!(scene.range(USER, ..), [(1, 1), (1, 2), (2, 4)]);
    assert_eq!(scene.range(USER, "6"..="6"), [(1, 2)]);
    assert_eq!(scene.column().sweep(), 0);
    // A user's key is for what there is.
    assert!(Federated::asker(&key(&scene, USER)).1.iter().all(|path| path.steps()[0] != path_of(1, 0).last()));

    // What is not protected: whoever kept the old index and a key of then.
    let copy = Column::<Federated>::from_bytes(&kept).unwrap();
    let trapdoor = Federated::question(&leaver, &five()).unwrap();
    let mut paths = [path_of(1, 0), Scene::<Federated>::path(11), path_of(2, 0)];
    // Numbers are given in the order of paths where a column is read.
    paths.sort();
    let found = copy.store().query(&paths, &trapdoor);
    assert_eq!(found.entries.len(), 3);
}

/// A user whose scope became narrower is held to it by the cloud, whatever key it has.
#[test]
fn a_narrower_scope_counts_from_the_next_list_on() {
    let mut scene = scene::<Federated>();
    scene.write(1, &[(1, "5")]);
    let old = key(&scene, USER);
    let token = Token::new(&[(&old, &five())], END, &party(USER), &mut rng(1)).unwrap();
    assert_eq!(found(&scene.try_ask(&token, NOW).unwrap()), [(1, 1)]);
    scene.registrar.admit(party(USER).id(), &[path_of(2, 0)]).unwrap();
    scene.announce();
    assert_eq!(scene.try_ask(&token, NOW), Err(QueryError::Gate(GateError::Scope)));
    assert_eq!(found(&scene.ask(USER, &five())), []);
    assert_eq!(scene.renew(&[1]), [party(1).id()].into());
    scene.write(1, &[(2, "5")]);
    assert_eq!(scene.try_ask(&token, NOW), Err(QueryError::Gate(GateError::Scope)));
}

fn stays<M: Route>() {
    let mut scene = scene::<M>();
    scene.write(1, &[(1, "5")]);
    scene.write(12, &[(2, "6")]);
    scene.registrar.retire(&party(1).id()).unwrap();
    assert_eq!(scene.registrar.retire(&party(1).id()), Err(RegistrarError::Unknown));
    scene.announce();
    assert_eq!(scene.range(USER, ..), [(1, 1), (12, 2)]);
    assert_eq!(scene.column().sweep(), 0);
    let batch = scene.batch_by(1, 0, &[(3, "5")]);
    assert_eq!(scene.insert(&batch, NOW), Err(InsertError::Gate(GateError::Unlisted)));
    // Through other people's departures too, and nobody hands it a key.
    let renewed = scene.renew(&[1, 2]);
    assert!(!renewed.contains(&party(1).id()) && renewed.contains(&party(2).id()));
    assert_eq!(scene.registrar.write_key(&scene.root, &party(1).id()).unwrap_err(), RegistrarError::Unknown);
    assert_eq!(scene.range(USER, ..), [(1, 1), (12, 2)]);
    scene.registrar.settle();
    scene.announce();
    scene.column().sweep();
    assert_eq!(scene.range(USER, ..), [(1, 1), (12, 2)]);
}

#[test]
fn what_a_retired_provider_wrote_stays() {
    stays::<Federated>();
    stays::<Ordered>();
}

#[test]
fn a_rotation_brings_everything_over_and_ends_every_old_key_and_token() {
    let mut scene = scene::<Ordered>();
    scene.write(1, &[(1, "5"), (2, "6")]);
    scene.write(121, &[(3, "5"), (4, "-2048")]);
    scene.write(2, &[(5, "2047"), (6, "5")]);
    let queries = [range(None, None), five(), range(Some(2048 + 6), None), range(None, Some(2048 + 5))];
    let [all, one, above, below] = &queries;
    let before = queries.each_ref().map(|query| found(&scene.ask(USER, query)));
    let tokens = queries.each_ref().map(|query| scene.token(USER, query));
    let switched = tokens.each_ref().map(|token| scene.between.ask(token, NOW).unwrap());
    let batch = scene.batch(3, &[(7, "5")]);
    let kept_back = Ordered::try_upload(&scene.between, &batch, NOW).unwrap();

    let renewed = scene.renew(&[]);
    assert_eq!(renewed, [1, 2, 3, USER, LESSER].map(|seed| party(seed).id()).into());
    assert_eq!(scene.registrar.generation(), 1);
    assert_eq!(queries.each_ref().map(|query| found(&scene.ask(USER, query))), before);
    assert!(scene.column().counts().keys().all(|path| path.steps()[0].generation == 1));

    // Tokens of before, also those that the switcher signed and that have no bound.
    for (token, switched) in tokens.iter().zip(&switched) {
        assert_eq!(scene.try_ask(token, NOW), Err(QueryError::Gate(GateError::Space)));
        assert_eq!(scene.index.query(switched, NOW), Err(QueryError::Gate(GateError::Space)));
    }
    // Who is still listed, and writes the generation of now into its old key.
    let scope: Vec<_> = Scene::<Ordered>::places().map(|place| scene.now(place)).into();
    let bytes =
        Ordered::query_key(&scene.root, &scene.space, Step { generation: 0, ..path_of(USER, 0).last() }, &scope);
    let stale = bytes.unwrap();
    for (query, expected) in [(one, &before[1]), (above, &before[2]), (below, &before[3])] {
        let token = Token::new(&[(&stale, query)], END, &party(USER), &mut rng(1)).unwrap();
        assert_eq!(found(&scene.try_ask(&token, NOW).unwrap()), []);
        assert!(!expected.is_empty());
    }
    let token = Token::new(&[(&stale, all)], END, &party(USER), &mut rng(1)).unwrap();
    // Without a bound a key is not needed, and the list names who asks.
    assert_eq!(found(&scene.try_ask(&token, NOW).unwrap()), before[0]);
    // A batch that was switched before belongs to the index of before.
    assert_eq!(scene.column().insert(&kept_back, NOW), Err(InsertError::Gate(GateError::Space)));
    let batch = scene.batch_by(3, 0, &[(8, "5")]);
    assert_eq!(scene.insert(&batch, NOW), Err(InsertError::Gate(GateError::Unlisted)));
    // A second time from the same uploads.
    scene.renew(&[]);
    assert_eq!(queries.each_ref().map(|query| found(&scene.ask(USER, query))), before);
}

/// A user that is about to leave writes the next generation into its scope.
#[test]
fn no_token_is_made_for_a_generation_to_come() {
    let scene = scene::<Ordered>();
    let ahead = Ordered::query_key(&scene.root, &scene.space, path_of(USER, 0).last(), &[path_of(1, 1)]).unwrap();
    let token = Token::new(&[(&ahead, &range(None, None))], END, &party(USER), &mut rng(1)).unwrap();
    assert_eq!(scene.between.ask(&token, NOW).unwrap_err(), SwitcherError::Switch(SwitchError::Generation));
}

#[test]
fn only_what_was_let_in_is_switched_again() {
    let mut scene = scene::<Ordered>();
    scene.write(1, &[(1, "5"), (2, "6")]);
    scene.write(2, &[(3, "5")]);
    let held_back = scene.batch(1, &[(4, "7")]);
    let [(batch, taken), (theirs, taken_of_theirs)] = [scene.stored[0].clone(), scene.stored[1].clone()];
    // Not before there is something to bring over.
    let switch = SwitcherError::Switch;
    assert_eq!(scene.between.switch_again(&batch, &taken).unwrap_err(), switch(SwitchError::Generation));
    scene.renew(&[]);
    let again = |batch: &_, head: &_| scene.between.switch_again(batch, head).map(|_| ());
    assert_eq!(again(&batch, &taken), Ok(()));
    assert_eq!(again(&held_back, &taken), Err(SwitcherError::Source));
    assert_eq!(again(&theirs, &taken), Err(SwitcherError::Source));
    assert_eq!(again(&batch, &taken_of_theirs), Err(SwitcherError::Source));
    // The provider signs that the switcher took it; or the owner does.
    for forger in [party(1), party(77)] {
        let forged = Signed::new(&forger, taken.unverified().clone());
        assert_eq!(again(&batch, &forged), Err(SwitcherError::Source));
    }
    assert_eq!(again(&batch, batch.head()), Err(SwitcherError::Source));
    // Other values under the head that was taken.
    let other = with_head(&theirs, theirs.head());
    assert_eq!(other, theirs);
    let bytes = batch.to_bytes();
    let mut swapped = bytes.clone();
    let entries = 4 + batch.head().to_bytes().len();
    let half = (bytes.len() - entries) / 2;
    swapped[entries..].rotate_left(half);
    let swapped = sesphr::search::Batch::from_bytes(&swapped).unwrap();
    assert_eq!(again(&swapped, &taken), Err(SwitcherError::Batch(BatchError::Entries)));
    // Signed by somebody else under the same words: another source.
    let resigned = with_head(&batch, &resigned(batch.head(), &party(77), |_| {}));
    assert_eq!(again(&resigned, &taken), Err(SwitcherError::Source));
    // Of another space.
    let mut elsewhere = Scene::<Ordered>::new("other", Encoder::integer(12).unwrap());
    elsewhere.write(1, &[(1, "5")]);
    let (other, other_taken) = &elsewhere.stored[0];
    assert_eq!(again(other, other_taken), Err(SwitcherError::Space));
    // Of who was expelled in the meantime.
    scene.expel(1);
    let out = SwitcherError::Gate(GateError::Unlisted);
    assert_eq!(scene.between.switch_again(&batch, &taken).unwrap_err(), out);
    assert!(scene.between.switch_again(&theirs, &taken_of_theirs).is_ok());
}

#[test]
fn a_switcher_refuses_who_was_removed_whatever_lists_say() {
    let mut scene = scene::<Ordered>();
    let (batch, below, token) =
        (scene.batch(1, &[(1, "5")]), scene.batch(121, &[(2, "5")]), scene.token(USER, &five()));
    let space = scene.space.id();
    let switch = scene.between.switch_mut(&space).unwrap();
    assert_eq!(switch.remove_provider(&Scene::<Ordered>::path(12)), 2);
    assert!(switch.remove_querier(&party(USER).id()));
    let unknown = SwitcherError::Switch(SwitchError::Unknown);
    assert!(scene.between.switch(&batch, NOW).is_ok());
    assert_eq!(scene.between.switch(&below, NOW).unwrap_err(), unknown);
    assert_eq!(scene.between.ask(&token, NOW).unwrap_err(), unknown);
    // Nor does it know other spaces.
    let mut elsewhere = Scene::<Ordered>::new("other", Encoder::integer(12).unwrap());
    let batch = elsewhere.batch(1, &[(1, "5")]);
    assert_eq!(scene.between.switch(&batch, NOW).unwrap_err(), SwitcherError::Space);
    assert!(scene.between.switch_mut(&elsewhere.space.id()).is_none());
}

fn rules<M: Route>() -> Registrar<M> {
    let mut registrar = Registrar::<M>::new(scene::<M>().space.clone());
    let [one, two, user] = [party(1).id(), party(2).id(), party(USER).id()];
    assert_eq!(registrar.enroll(one), Ok(path_of(1, 0)));
    assert_eq!(registrar.enroll(one), Err(RegistrarError::Already));
    assert_eq!(registrar.retire(&two), Err(RegistrarError::Unknown));
    assert_eq!(registrar.expel(&two), Err(RegistrarError::Unknown));
    assert_eq!(registrar.dismiss(&user), Err(RegistrarError::Unknown));
    assert_eq!(registrar.path(&two), Err(RegistrarError::Unknown));
    assert_eq!(registrar.admit(user, &[]), Err(RegistrarError::Scope));
    assert_eq!(registrar.admit(user, &[path_of(2, 0)]), Err(RegistrarError::Unknown));
    assert_eq!(registrar.admit(user, &[path_of(1, 0), path_of(1, 1)]), Err(RegistrarError::Unknown));
    let many: Vec<_> =
        (0..1025).map(|at| path_of(1, 0).child(Step { generation: at, ..path_of(3, 0).last() }).unwrap()).collect();
    assert_eq!(registrar.admit(user, &many), Err(RegistrarError::Scope));
    registrar.enroll(two).unwrap();
    assert_eq!(registrar.admit(user, &[path_of(1, 0), path_of(2, 0), path_of(1, 0)]), Ok(()));
    let askers: Vec<_> = registrar.askers().map(|(user, scope)| (*user, scope.len())).collect();
    assert_eq!(askers, [(user, 2)]);
    let roster = registrar.roster(crate::scene::validity(), &party(1));
    assert_eq!(roster.unwrap_err(), RegistrarError::Signer);
    registrar
}

#[test]
fn who_was_out_comes_back_under_another_key() {
    let mut registrar = rules::<Federated>();
    let (one, user) = (party(1).id(), party(USER).id());
    assert_eq!(registrar.admit(user, &[path_of(1, 0)]), Ok(()));
    registrar.retire(&one).unwrap();
    assert_eq!(registrar.enroll(one), Ok(path_of(1, 1)));
    assert_eq!(registrar.providers().filter(|(step, _)| step.party == one).count(), 2);
    registrar.expel(&one).unwrap();
    // Who may ask nobody does not ask.
    assert_eq!(registrar.askers().len(), 0);
    assert_eq!(registrar.enroll(one), Ok(path_of(1, 2)));
    assert_eq!(registrar.renew(&BTreeSet::from([one])), Ok([one].into()));
    assert_eq!(registrar.path(&one), Ok(path_of(1, 3)));
    assert_eq!(registrar.generation(), 0);
    // Somebody unknown has no keys to renew.
    assert_eq!(registrar.renew(&BTreeSet::from([user])), Ok([].into()));
}

#[test]
fn in_the_ordered_mode_who_was_out_comes_back_after_new_keys() {
    let mut registrar = rules::<Ordered>();
    let (one, two, user) = (party(1).id(), party(2).id(), party(USER).id());
    assert_eq!(registrar.admit(user, &[path_of(1, 0)]), Err(RegistrarError::Renew));
    // Who retired has its key: it is the one that it comes back with.
    registrar.retire(&one).unwrap();
    assert_eq!(registrar.enroll(one), Ok(path_of(1, 0)));
    registrar.expel(&one).unwrap();
    assert_eq!(registrar.enroll(one), Err(RegistrarError::Renew));
    assert_eq!(registrar.dismiss(&user), Ok([two].into()));
    assert_eq!(registrar.admit(user, &[path_of(2, 0)]), Err(RegistrarError::Renew));
    assert_eq!(registrar.renew(&BTreeSet::new()), Ok([two].into()));
    assert_eq!(registrar.generation(), 1);
    assert_eq!(registrar.enroll(one), Ok(path_of(1, 1)));
    assert_eq!(registrar.admit(user, &[path_of(2, 0)]), Err(RegistrarError::Unknown));
    assert_eq!(registrar.admit(user, &[path_of(2, 1)]), Ok(()));
    registrar.retire(&two).unwrap();
    assert_eq!(registrar.renew(&BTreeSet::from([two])), Ok([one, user].into()));
    assert_eq!(registrar.providers().collect::<Vec<_>>().len(), 2);
    assert!(
        registrar.providers().all(|(step, duty)| step.generation == 2 && (duty == Duty::Writer) == (step.party == one))
    );
    assert_eq!(registrar.askers().next().unwrap().1, [path_of(2, 2)]);
    // What was forgotten is not the same as what was never there.
    assert_eq!(registrar.enroll(party(9).id()), Ok(path_of(9, 2)));
}

#[test]
fn a_list_has_room_for_so_many() {
    let mut registrar = Registrar::<Federated>::new(scene::<Federated>().space.clone());
    let id = |at: u16| {
        let mut bytes = [0; 32];
        bytes[..2].copy_from_slice(&at.to_be_bytes());
        sesphr::identity::PartyId::from_array(bytes)
    };
    for at in 0..4095 {
        registrar.enroll(id(at)).unwrap();
    }
    let path = |at| Path::new(Step { party: id(at), generation: 0 });
    registrar.admit(party(USER).id(), &[path(0)]).unwrap();
    let full = registrar.clone();
    assert_eq!(registrar.enroll(id(4095)), Err(RegistrarError::Full));
    assert_eq!(registrar.admit(party(LESSER).id(), &[path(0)]), Err(RegistrarError::Full));
    assert!(registrar == full);
    // New keys do not wait for room: the former ones end at once.
    assert_eq!(registrar.renew(&BTreeSet::from([id(0)])), Ok([id(0), party(USER).id()].into()));
    assert!(
        registrar
            .providers()
            .all(|(step, duty)| duty == Duty::Writer && (step.party == id(0)) == (step.generation == 1))
    );
    assert_eq!(registrar.askers().next().unwrap().1, [path_of_party(id(0), 1)]);
    // Who is on it is admitted to something else.
    assert_eq!(registrar.admit(party(USER).id(), &[path(1)]), Ok(()));
    registrar.expel(&id(0)).unwrap();
    // Nor for room in a scope.
    let below = |at: u16| path(1).child(Step { party: id(at), generation: 0 }).unwrap();
    let scope: Vec<_> = (0..600).map(below).collect();
    registrar.admit(party(USER).id(), &scope).unwrap();
    assert_eq!(registrar.renew(&BTreeSet::from([id(1)])), Ok([id(1), party(USER).id()].into()));
    let (_, scope) = registrar.askers().next().unwrap();
    assert!(scope.len() == 600 && scope.iter().all(|path| path.steps()[0].generation == 1));
    // With room for both, both are asked.
    let two = scope[..2].to_vec();
    registrar.admit(party(USER).id(), &two).unwrap();
    registrar.renew(&BTreeSet::from([id(1)])).unwrap();
    assert_eq!(registrar.askers().next().unwrap().1.len(), 4);
}

/// What somebody has keys for is known until they are replaced, also after it asks no more, or less.
#[test]
fn keys_are_owed_until_they_are_replaced() {
    let mut registrar = Registrar::<Federated>::new(scene::<Federated>().space.clone());
    let [a, b] = [1, 2].map(|seed| party(seed).id());
    let [path_a, path_b] = [a, b].map(|party| registrar.enroll(party).unwrap());
    let user = party(USER).id();
    registrar.admit(user, &[path_a.clone(), path_b]).unwrap();
    registrar.admit(user, &[path_a]).unwrap();
    assert_eq!(registrar.held(&user), [a, b].into());
    // Those of now it holds as long as it asks; of others no longer.
    registrar.renew(&[a].into()).unwrap();
    assert_eq!(registrar.held(&user), [a, b].into());
    let twin = Registrar::from_bytes(&registrar.to_bytes()).unwrap();
    assert!(twin == registrar);
    assert_eq!(registrar.dismiss(&user), Ok([a, b].into()));
    assert_eq!(registrar.dismiss(&user), Err(RegistrarError::Unknown));
    assert_eq!(registrar.held(&user), [a, b].into());
    registrar.renew(&[b].into()).unwrap();
    assert_eq!(registrar.held(&user), [a].into());
    assert_eq!(registrar.expel(&a), Ok([].into()));
    assert_eq!(registrar.held(&user), [].into());
}

/// Whose scope becomes smaller by the way hears of it.
#[test]
fn who_is_concerned_is_said() {
    let mut registrar = Registrar::<Federated>::new(scene::<Federated>().space.clone());
    let [a, b] = [1, 2].map(|seed| party(seed).id());
    let [path_a, path_b] = [a, b].map(|party| registrar.enroll(party).unwrap());
    let [both, one] = [USER, LESSER].map(|seed| party(seed).id());
    registrar.admit(both, &[path_a.clone(), path_b]).unwrap();
    registrar.admit(one, &[path_a]).unwrap();
    registrar.renew(&[b].into()).unwrap();
    assert_eq!(registrar.settle(), [both].into());
    assert_eq!(registrar.settle(), [].into());
    assert_eq!(registrar.expel(&a), Ok([both, one].into()));
}

fn path_of_party(party: sesphr::identity::PartyId, generation: u32) -> Path {
    Path::new(Step { party, generation })
}

/// What is not protected: one provider and the switcher have every key of the space.
#[test]
fn a_provider_and_the_switcher_have_every_key() {
    let scene = scene::<Ordered>();
    let last = |bytes: &[u8]| {
        let mut reader = Reader::new(&bytes[bytes.len() - 32..]);
        Scalar::read(&mut reader).unwrap()
    };
    let factor = |place| {
        let key = SwitchKey::provider(&scene.root, &scene.space, &path_of(place, 0), &scene.owner).unwrap();
        last(&key.to_secret_bytes())
    };
    let mine = last(&scene.key(1).to_secret_bytes());
    let r = &mine * &factor(1);
    let theirs = &r * &factor(2).invert();
    assert_eq!(*theirs.to_bytes(), *last(&scene.key(2).to_secret_bytes()).to_bytes());
}
