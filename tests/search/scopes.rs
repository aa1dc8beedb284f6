//! Whom a user may ask, by the owner's list and not by the user's word; and what the cloud of the ordered mode looks at itself.

use sesphr::Digest;
use sesphr::encoding::{Encoding, Message, Reader, SecretEncoding};
use sesphr::error::DecodeError;
use sesphr::hazmat::search::{number, range};
use sesphr::hazmat::search_ordered::top;
use sesphr::identity::{PartyId, Signed};
use sesphr::search::ordered::{Switch, SwitchRotation, Switcher, SwitcherError};
use sesphr::search::{
    Draft, Duty, EncodeError, Encoder, End, Federated, GateError, InsertError, MAX_TOP, Ordered, Path, Query,
    QueryError, Registrar, RegistrarError, Roster, RosterError, Search, Step, Token, Trapdoor, TrapdoorError,
};

use crate::common::rng;
use crate::scene::{END, LATER, LESSER, NOW, Route, Scene, USER, found, party, record, validity};

fn scene<M: Route>() -> Scene<M> {
    Scene::new("2339-0", Encoder::integer(12).unwrap())
}

fn step(seed: u8) -> Step {
    Step { party: party(seed).id(), generation: 0 }
}

/// Whoever makes a key for itself, or gets one from somebody, is held to what the owner lists.
fn beyond<M: Route>() {
    let mut scene = scene::<M>();
    scene.write(1, &[(1, "5")]);
    scene.write(2, &[(2, "5")]);
    let wide = Scene::<M>::places().map(Scene::<M>::path);
    let key = M::query_key(&scene.root, &scene.space, step(LESSER), &wide).unwrap();
    for query in [range(None, None), range(Some(0), Some(4095))] {
        let token = Token::<M, _>::new(&[(&key, &query)], END, &party(LESSER), &mut rng(1)).unwrap();
        assert!(scene.try_ask(&token, NOW).is_err());
    }
    let narrow = M::narrow(&key, |path| *path == Scene::<M>::path(2)).unwrap();
    let token = Token::<M, _>::new(&[(&narrow, &range(None, None))], END, &party(LESSER), &mut rng(1)).unwrap();
    assert_eq!(found(&scene.try_ask(&token, NOW).unwrap()), [(2, 2)]);
}

#[test]
fn nobody_asks_beyond_what_the_owner_lists() {
    beyond::<Federated>();
    beyond::<Ordered>();
    let mut scene = scene::<Federated>();
    scene.write(1, &[(1, "5")]);
    let key = Federated::query_key(&scene.root, &scene.space, step(LESSER), &[Scene::<Federated>::path(1)]).unwrap();
    let token = Token::<Federated, _>::new(&[(&key, &range(None, None))], END, &party(LESSER), &mut rng(1)).unwrap();
    assert_eq!(scene.index.query(&token, NOW), Err(QueryError::Gate(GateError::Scope)));
    // Who is listed without a scope asks nobody.
    let members = [1, 2, 3].map(|seed| (step(seed), Duty::Writer)).into_iter().chain([(step(USER), Duty::Querier)]);
    let roster = Roster::new(scene.space.id(), None, 9, validity(), members).unwrap();
    scene.hear(&Signed::new(&scene.owner, roster), NOW).unwrap();
    let token = scene.token(USER, &range(None, None));
    assert_eq!(scene.index.query(&token, NOW), Err(QueryError::Gate(GateError::Scope)));
}

/// What the switcher let through, before it heard of a change.
#[test]
fn the_cloud_of_the_ordered_mode_looks_at_lists_of_its_own() {
    let mut scene = scene::<Ordered>();
    scene.write(1, &[(1, "5")]);
    scene.write(11, &[(2, "5")]);
    scene.write(2, &[(3, "5")]);
    let token = scene.between.ask(&scene.token(USER, &range(None, None)), NOW).unwrap();
    let held = [1, 11, 2].map(|place| {
        let batch = scene.batch(place, &[(7, "6")]);
        scene.between.switch(&batch, NOW).unwrap()
    });
    let narrower = |hospitals: &[u8], version| {
        let members = hospitals.iter().map(|seed| (step(*seed), Duty::Writer));
        let members = members.chain([(step(USER), Duty::Querier)]);
        let roster = Roster::new(scene.space.id(), None, version, validity(), members).unwrap();
        let roster = roster.with_scope(step(USER), &[Scene::<Ordered>::path(2)]).unwrap();
        Signed::new(&scene.owner, roster)
    };
    let (less, out) = (narrower(&[1, 2, 3], 8), narrower(&[2, 3], 9));
    let of_hospital = Signed::new(&party(1), scene.list(&Scene::<Ordered>::path(1), 2, &[12], Duty::Writer));
    assert!(scene.index.query(&token, NOW).is_ok());
    scene.column().gate_mut().rosters_mut().update(&less, NOW).unwrap();
    assert_eq!(scene.index.query(&token, NOW), Err(QueryError::Gate(GateError::Scope)));

    // A hospital leaves a department out; then the owner the hospital. Values go, and none come.
    let refused = Err(InsertError::Gate(GateError::Unlisted));
    scene.column().gate_mut().rosters_mut().update(&of_hospital, NOW).unwrap();
    assert_eq!(scene.column().insert(&held[1], NOW), refused);
    assert_eq!(scene.column().sweep(), 1);
    scene.column().gate_mut().rosters_mut().update(&out, NOW).unwrap();
    assert_eq!(scene.column().insert(&held[0], NOW), refused);
    assert_eq!((scene.column().sweep(), scene.column().len()), (1, 1));
    let late = sesphr::context::Timestamp(END.0 + 1);
    assert_eq!(scene.column().insert(&held[2], late), Err(InsertError::Gate(GateError::Time)));
    assert!(scene.column().insert(&held[2], LATER).is_ok());
}

/// A switcher that was restarted and has no lists yet brings nothing over.
#[test]
fn without_lists_a_switcher_switches_nothing_again() {
    let mut scene = scene::<Ordered>();
    scene.write(1, &[(1, "5")]);
    scene.renew(&[1]);
    let (batch, taken) = &scene.stored[0];
    assert!(scene.between.switch_again(batch, taken).is_ok());
    let switch = scene.between.switch_mut(&scene.space.id()).unwrap().to_secret_bytes();
    let mut restarted = Switcher::new(party(99));
    restarted.serve(Switch::from_bytes(&switch).unwrap());
    let unlisted = Err(SwitcherError::Gate(GateError::Unlisted));
    assert_eq!(restarted.switch_again(batch, taken), unlisted);
}

/// Whom a hospital left out does not come back by a rotation, before the hospital says anything of its new keys.
#[test]
fn lists_of_before_a_rotation_count_until_there_are_newer_ones() {
    let mut scene = scene::<Ordered>();
    scene.write(11, &[(1, "5")]);
    scene.write(12, &[(2, "5")]);
    let list = scene.list(&Scene::<Ordered>::path(1), 2, &[12], Duty::Writer);
    scene.hear(&Signed::new(&party(1), list), NOW).unwrap();
    scene.registrar.renew(&[party(1).id()].into()).unwrap();
    let rotation = SwitchRotation::new(&scene.root, &scene.space, 0, 1, &scene.owner).unwrap();
    let switch = scene.between.switch_mut(&scene.space.id()).unwrap();
    switch.rotate(&rotation.verify(&scene.owner.id()).unwrap()).unwrap();
    scene.announce();
    let again = |at: usize| scene.between.switch_again(&scene.stored[at].0, &scene.stored[at].1);
    assert_eq!(again(0), Err(SwitcherError::Gate(GateError::Unlisted)));
    assert!(again(1).is_ok());
}

fn without_lists<M: Route>() {
    let mut scene = scene::<M>();
    scene.write(1, &[(1, "5")]);
    let empty = M::gate(&scene.between, &scene.space, 0);
    *scene.column().gate_mut() = empty;
    assert_eq!((scene.column().sweep(), scene.column().len()), (0, 1));
}

#[test]
fn nothing_is_swept_before_the_first_list() {
    without_lists::<Federated>();
    without_lists::<Ordered>();
}

#[test]
fn scopes_are_of_listed_users_and_have_one_encoding() {
    let space = Digest::from_array([1; 32]);
    let members = [(step(1), Duty::Writer), (step(USER), Duty::Querier), (step(LESSER), Duty::Querier)];
    let roster = || Roster::new(space, None, 1, validity(), members).unwrap();
    let path = |seed| Path::new(step(seed));
    assert_eq!(roster().with_scope(step(1), &[path(1)]), Err(RosterError::Querier));
    assert_eq!(roster().with_scope(step(9), &[path(1)]), Err(RosterError::Querier));
    assert_eq!(roster().with_scope(step(USER), &[]), Err(RosterError::TooMany));
    let both = [USER, LESSER].into_iter().try_fold(roster(), |roster, user| roster.with_scope(step(user), &[path(1)]));
    let both = both.unwrap();
    let bytes = both.to_bytes();
    assert_eq!(Roster::from_bytes(&bytes), Ok(both));
    // A step, a count, a path.
    let each = 36 + 4 + 37;
    let first = bytes.len() - 2 * each;
    let mut swapped = bytes.clone();
    swapped[first..].rotate_left(each);
    assert_eq!(Roster::from_bytes(&swapped), Err(DecodeError::Value));
    let mut twice = bytes.clone();
    twice.copy_within(first..first + each, first + each);
    assert_eq!(Roster::from_bytes(&twice), Err(DecodeError::Value));
    let mut unlisted = bytes;
    unlisted[first..first + 36].fill(0);
    assert_eq!(Roster::from_bytes(&unlisted), Err(DecodeError::Value));
}

#[test]
fn all_scopes_together_have_a_bound() {
    let id = |at: u32| PartyId::from_array(std::array::from_fn(|i| at.to_be_bytes()[i % 4]));
    let users = (0..=256).map(|at| Step { party: id(at), generation: 0 });
    let members = users.clone().map(|user| (user, Duty::Querier));
    let mut roster = Roster::new(Digest::from_array([1; 32]), None, 1, validity(), members).unwrap();
    let hospital = Path::new(step(1));
    let scope: Vec<_> = (0..1024).map(|at| hospital.child(Step { party: id(at), generation: 0 }).unwrap()).collect();
    for user in users.clone().take(256) {
        roster = roster.with_scope(user, &scope).unwrap();
    }
    let last = users.clone().next_back().unwrap();
    assert_eq!(roster.with_scope(last, &scope[..1]), Err(RosterError::TooMany));

    let mut registrar = Registrar::<Federated>::new(scene::<Federated>().space.clone());
    registrar.enroll(party(1).id()).unwrap();
    for user in users.take(256) {
        registrar.admit(user.party, &scope).unwrap();
    }
    assert_eq!(registrar.admit(last.party, &scope[..1]), Err(RegistrarError::Full));
    // Who has a scope may have another one of the same length.
    assert_eq!(registrar.admit(id(7), &scope), Ok(()));
}

/// Departments of one hospital cost a token one step each.
#[test]
fn a_token_for_a_hundred_departments_is_at_most_32_kilobytes() {
    let scene = Scene::<Federated>::new("a", Encoder::integer(32).unwrap());
    let mut scope = Vec::new();
    for at in 0..10_u8 {
        let hospital = Path::new(Step { party: PartyId::from_array([at; 32]), generation: 0 });
        let below = |child: u8| Step { party: PartyId::from_array([100 + child; 32]), generation: 3 };
        scope.extend((0..9).map(|child| hospital.child(below(child)).unwrap()));
        scope.push(hospital);
    }
    let key = Federated::query_key(&scene.root, &scene.space, step(USER), &scope).unwrap();
    let query = range(Some(1_234_567), Some(3_234_567_890));
    let token = Token::<Federated, _>::new(&[(&key, &query)], END, &party(USER), &mut rng(1)).unwrap();
    let bytes = token.to_bytes();
    assert!(bytes.len() <= 32_768, "{}", bytes.len());
    assert_eq!(Signed::from_bytes(&bytes), Ok(token));
}

/// However many may be asked for, the first are in order.
#[test]
fn as_many_as_may_be_asked_for_are_in_order() {
    let mut scene = scene::<Ordered>();
    scene.write(1, &[(1, "5"), (2, "-7")]);
    scene.write(2, &[(3, "0")]);
    assert!(Query::top(End::Greatest, MAX_TOP).is_ok());
    assert_eq!(Query::top(End::Greatest, MAX_TOP + 1).unwrap_err(), EncodeError::Range);
    let key = scene.registrar.query_key(&scene.root, &party(USER).id()).unwrap();
    for limit in [MAX_TOP + 1, u32::MAX] {
        assert_eq!(Ordered::question(&key, &top(End::Greatest, limit)), Err(TrapdoorError::Value));
    }
    // Nor do the bytes of a token say more. The limit stands behind the kind of bounds and the end.
    let (shape, mut bytes) = (scene.space.shape(), Vec::new());
    Ordered::question(&key, &top(End::Greatest, MAX_TOP)).unwrap().write(&mut bytes);
    let read = |bytes: &[u8]| <Ordered as Search>::Question::read(&shape, &mut Reader::new(bytes)).map(|_| ());
    assert_eq!(read(&bytes), Ok(()));
    bytes[2..6].copy_from_slice(&(MAX_TOP + 1).to_be_bytes());
    assert_eq!(read(&bytes), Err(DecodeError::Value));
    bytes[2..6].fill(0xff);
    assert_eq!(read(&bytes), Ok(()));
    let answer = scene.ask(USER, &top(End::Greatest, MAX_TOP));
    let order: Vec<_> = answer.matches().iter().map(|found| found.record).collect();
    assert_eq!((order, answer.in_order()), (Vec::from([1, 3, 2].map(record)), 3));
}

#[test]
fn batches_do_not_keep_the_order_in_which_values_were_added() {
    let scene = scene::<Federated>();
    let key = scene.key(1);
    let mut draft = Draft::<Federated>::new(&key);
    for at in 0..40 {
        draft.add(record(at), &number(at), &mut rng(at as u8)).unwrap();
    }
    let batch = draft.sign(1, &party(1)).unwrap();
    assert!(batch.entries().map(|(_, value)| value).is_sorted());
    assert!(!batch.entries().map(|(record, _)| record).is_sorted());
}
