//! Who may write and who may ask, and who tries to say so.

use std::collections::BTreeSet;

use sesphr::Digest;
use sesphr::context::{Timestamp, Validity};
use sesphr::encoding::{Encoding, Message};
use sesphr::error::DecodeError;
use sesphr::identity::{PartyId, Signed};
use sesphr::search::ordered::{Switch, Switcher};
use sesphr::search::{
    Column, Duty, Encoder, Federated, GateError, InsertError, Ordered, Path, Query, QueryError, Roster, RosterError,
    Rosters, Step,
};

use crate::scene::{END, LATER, LESSER, NOW, Route, Scene, USER, party, validity};

fn scene<M: Route>() -> Scene<M> {
    Scene::new("718-7", Encoder::integer(12).unwrap())
}

fn step(seed: u8) -> Step {
    Step { party: party(seed).id(), generation: 0 }
}

/// The owner's list of everybody, with another number, time or space.
fn owners<M: Route>(scene: &Scene<M>, version: u64, validity: Validity) -> Roster {
    let writers = [1, 2, 3].map(|seed| (step(seed), Duty::Writer));
    let queriers = [USER, LESSER].map(|seed| (step(seed), Duty::Querier));
    Roster::new(scene.space.id(), None, version, validity, writers.into_iter().chain(queriers)).unwrap()
}

fn sorted(paths: impl IntoIterator<Item = Path>) -> BTreeSet<Path> {
    paths.into_iter().collect()
}

fn refused<M: Route>(scene: &mut Scene<M>, roster: &Signed<Roster>, now: Timestamp, error: RosterError) {
    let before = scene.rosters().clone();
    assert_eq!(scene.hear(roster, now), Err(error));
    assert_eq!(*scene.rosters(), before);
}

fn who_signs_and_when<M: Route>() {
    let mut scene = scene::<M>();
    let owner = scene.owner.verifying_key().id();
    assert_eq!(scene.rosters().signed().next().unwrap().unverified().version(), 1);
    let newer = owners(&scene, 2, validity());
    for forger in [1, USER, 77] {
        refused(&mut scene, &Signed::new(&party(forger), newer.clone()), NOW, RosterError::Signature);
    }
    // A signature of the owner's under another list.
    let signed = Signed::new(&scene.owner, newer.clone());
    for at in 0..signed.to_bytes().len() {
        let mut bytes = signed.to_bytes();
        bytes[at] ^= 1;
        if let Ok(tampered) = Signed::<Roster>::from_bytes(&bytes) {
            assert!(scene.hear(&tampered, NOW).is_err(), "byte {at}");
        }
    }
    let other = Roster::new(Digest::from_array([9; 32]), None, 2, validity(), []).unwrap();
    let other = Signed::new(&scene.owner, other);
    refused(&mut scene, &other, NOW, RosterError::Space);
    refused(&mut scene, &signed, Timestamp(NOW.0 - 1), RosterError::Time);
    refused(&mut scene, &signed, Timestamp(END.0 + 1), RosterError::Time);
    assert_eq!(scene.hear(&signed, END), Ok(()));
    // The same again is nothing new; another of its number, or an older one, is a fork or a step back.
    assert_eq!(scene.hear(&signed, NOW), Ok(()));
    let longer = Validity::new(NOW, Timestamp(END.0 + 9)).unwrap();
    let fork = Signed::new(&scene.owner, owners(&scene, 2, longer));
    refused(&mut scene, &fork, NOW, RosterError::Rollback);
    let old = Signed::new(&scene.owner, owners(&scene, 1, validity()));
    refused(&mut scene, &old, NOW, RosterError::Rollback);
    assert_eq!(scene.rosters().signed().next().unwrap().verify(&owner).unwrap().validity(), validity());
}

#[test]
fn only_the_newest_list_of_the_owner_counts() {
    who_signs_and_when::<Federated>();
    who_signs_and_when::<Ordered>();
}

fn times<M: Route>() {
    let mut scene = scene::<M>();
    let batches = [1, 11, 121].map(|place| scene.batch(place, &[(u64::from(place), "7")]));
    let token = scene.token(USER, &Query::point(scene.space.encoder(), "7").unwrap());
    for now in [Timestamp(NOW.0 - 1), Timestamp(END.0 + 1)] {
        for batch in &batches {
            assert_eq!(scene.insert(batch, now), Err(InsertError::Gate(GateError::Time)));
        }
        assert_eq!(scene.try_ask(&token, now), Err(QueryError::Gate(GateError::Time)));
    }
    // A department's time ends before its hospital's.
    let members = [(step(11), Duty::Writer), (step(12), Duty::Writer)];
    let short = Validity::new(NOW, LATER).unwrap();
    let roster = Roster::new(scene.space.id(), Some(Scene::<M>::path(1)), 2, short, members).unwrap();
    scene.hear(&Signed::new(&party(1), roster), NOW).unwrap();
    let after = Timestamp(LATER.0 + 1);
    assert!(scene.insert(&batches[0], after).is_ok());
    assert_eq!(scene.insert(&batches[1], after), Err(InsertError::Gate(GateError::Time)));
    assert_eq!(scene.insert(&batches[2], after), Err(InsertError::Gate(GateError::Time)));
    assert_eq!(scene.rosters().duty(&Scene::<M>::path(121), after), Err(GateError::Time));
    assert!(scene.insert(&batches[1], LATER).is_ok() && scene.insert(&batches[2], LATER).is_ok());
    // What was written stays listed whatever the time.
    assert!(scene.rosters().providers().any(|path| path == Scene::<M>::path(121)));
}

#[test]
fn lists_count_from_their_first_second_to_their_last() {
    times::<Federated>();
    times::<Ordered>();
}

#[test]
fn what_cannot_be_said_in_a_list() {
    let space = Digest::from_array([1; 32]);
    let path = Scene::<Federated>::path(1);
    let new = |above: Option<Path>, members: &[(Step, Duty)]| {
        Roster::new(space, above, 1, validity(), members.iter().copied())
    };
    assert_eq!(new(Some(path.clone()), &[(step(50), Duty::Querier)]), Err(RosterError::Querier));
    let deepest = (0..3).fold(path.clone(), |path, seed| path.child(step(seed)).unwrap());
    assert_eq!(new(Some(deepest.clone()), &[]), Err(RosterError::Depth));
    assert!(new(deepest.parent(), &[(step(2), Duty::Writer)]).is_ok());
    let many = |count: u32| (0..count).map(|generation| (Step { generation, ..step(1) }, Duty::Former));
    assert!(Roster::new(space, None, 1, validity(), many(4096)).is_ok());
    assert_eq!(Roster::new(space, None, 1, validity(), many(4097)), Err(RosterError::TooMany));

    // Nor can bytes say it: out of order, twice, no duty, a querier below a provider, below the last.
    let roster = new(Some(path.clone()), &[(step(2), Duty::Writer), (step(3), Duty::Former)]).unwrap();
    let bytes = roster.to_bytes();
    assert_eq!(Roster::from_bytes(&bytes), Ok(roster));
    // Behind them there are no scopes.
    let first = bytes.len() - 4 - 2 * 37;
    let mut swapped = bytes.clone();
    swapped[first..first + 2 * 37].rotate_left(37);
    assert_eq!(Roster::from_bytes(&swapped), Err(DecodeError::Value));
    let mut twice = bytes.clone();
    twice.copy_within(first..first + 37, first + 37);
    assert_eq!(Roster::from_bytes(&twice), Err(DecodeError::Value));
    for duty in [2, 3] {
        let mut other = bytes.clone();
        other[first + 2 * 37 - 1] = duty;
        assert_eq!(Roster::from_bytes(&other), Err(DecodeError::Value));
    }
    let mut deep = bytes.clone();
    let mut four = Vec::from([4]);
    (0..4).for_each(|_| four.extend(&bytes[37..73]));
    deep.splice(36..73, four);
    assert_eq!(Roster::from_bytes(&deep), Err(DecodeError::Value));
    let mut claims = bytes;
    claims[first - 4..first].copy_from_slice(&4097_u32.to_be_bytes());
    assert_eq!(Roster::from_bytes(&claims), Err(DecodeError::Length));
}

fn below<M: Route>() {
    let mut scene = scene::<M>();
    let say = |scene: &Scene<M>, signer: u8, above: &Path, version, below: &[u8], duty| {
        Signed::new(&party(signer), scene.list(above, version, below, duty))
    };
    let path = Scene::<M>::path;
    // Nobody lists 13, so it lists nobody; nor does somebody who has the name of a department elsewhere.
    let unlisted = path(1).child(step(13)).unwrap();
    let roster = say(&scene, 13, &unlisted, 1, &[14], Duty::Writer);
    refused(&mut scene, &roster, NOW, RosterError::Unlisted);
    let elsewhere = path(2).child(step(12)).unwrap();
    let roster = say(&scene, 12, &elsewhere, 1, &[121], Duty::Writer);
    refused(&mut scene, &roster, NOW, RosterError::Unlisted);
    // The owner and who is beside do not speak for a hospital.
    let roster = scene.list(&path(1), 2, &[13], Duty::Writer);
    refused(&mut scene, &Signed::new(&party(2), roster.clone()), NOW, RosterError::Signature);
    let by_owner = Signed::new(&scene.owner, roster);
    refused(&mut scene, &by_owner, NOW, RosterError::Signature);
    // A user is not a provider.
    let roster = say(&scene, USER, &Path::new(step(USER)), 1, &[14], Duty::Writer);
    refused(&mut scene, &roster, NOW, RosterError::Unlisted);

    scene.write(121, &[(1, "5")]);
    // Department 12 loses its physician, and gets it back.
    scene.hear(&say(&scene, 12, &path(12), 2, &[], Duty::Writer), NOW).unwrap();
    let batch = scene.batch(121, &[(2, "6")]);
    assert_eq!(scene.insert(&batch, NOW), Err(InsertError::Gate(GateError::Unlisted)));
    let old = say(&scene, 12, &path(12), 1, &[121], Duty::Writer);
    refused(&mut scene, &old, NOW, RosterError::Rollback);
    scene.hear(&say(&scene, 12, &path(12), 3, &[121], Duty::Writer), NOW).unwrap();
    assert!(scene.insert(&batch, NOW).is_ok());
    // Former among the departments: what is below is silent, and stays.
    scene.hear(&say(&scene, 1, &path(1), 2, &[11, 12], Duty::Former), NOW).unwrap();
    for place in [11, 12, 121] {
        let batch = scene.batch(place, &[(3, "7")]);
        assert_eq!(scene.insert(&batch, NOW), Err(InsertError::Gate(GateError::Unlisted)), "{place}");
        assert_eq!(scene.rosters().duty(&path(place), NOW), Ok(Duty::Former));
    }
    let roster = say(&scene, 12, &path(12), 4, &[122], Duty::Writer);
    refused(&mut scene, &roster, NOW, RosterError::Unlisted);
    assert_eq!(scene.range(USER, ..), [(121, 1), (121, 2)]);
    scene.write(1, &[(4, "8")]);
}

#[test]
fn a_provider_speaks_for_those_directly_below_it_while_it_is_listed() {
    below::<Federated>();
    below::<Ordered>();
}

fn out_and_back<M: Route>() {
    let mut scene = scene::<M>();
    let path = Scene::<M>::path;
    scene.write(11, &[(1, "5")]);
    let without = |scene: &Scene<M>, version| {
        let all = owners(scene, version, validity());
        let members: Vec<_> = all.members().filter(|(step, _)| step.party != party(1).id()).collect();
        Signed::new(&scene.owner, Roster::new(scene.space.id(), None, version, validity(), members).unwrap())
    };
    scene.hear(&Signed::new(&party(1), scene.list(&path(1), 2, &[11, 12], Duty::Writer)), NOW).unwrap();
    let old = Signed::new(&party(1), scene.list(&path(1), 1, &[11, 12, 13], Duty::Writer));
    let out = without(&scene, 2);
    scene.hear(&out, NOW).unwrap();
    for place in [1, 11, 12, 121] {
        assert_eq!(scene.rosters().duty(&path(place), NOW), Err(GateError::Unlisted));
        let batch = scene.batch(place, &[(2, "6")]);
        assert_eq!(scene.insert(&batch, NOW), Err(InsertError::Gate(GateError::Unlisted)));
    }
    // Those below somebody who is out are not listed either.
    assert_eq!(sorted(scene.rosters().providers()), sorted([2, 3].map(path)));
    let newer = Signed::new(&party(1), scene.list(&path(1), 3, &[11], Duty::Writer));
    refused(&mut scene, &newer, NOW, RosterError::Unlisted);
    // Under the same key again: its last list counts, and none from before.
    let back = Signed::new(&scene.owner, owners(&scene, 3, validity()));
    scene.hear(&back, NOW).unwrap();
    refused(&mut scene, &old, NOW, RosterError::Rollback);
    assert_eq!(scene.rosters().duty(&path(121), NOW), Ok(Duty::Writer));
    assert_eq!(scene.rosters().duty(&path(1).child(step(13)).unwrap(), NOW), Err(GateError::Unlisted));
}

#[test]
fn a_hospital_that_comes_back_does_not_bring_its_old_lists() {
    out_and_back::<Federated>();
    out_and_back::<Ordered>();
}

#[test]
fn a_party_may_write_and_ask_and_one_says_nothing_of_the_other() {
    let mut scene = scene::<Federated>();
    let both = party(1).id();
    scene.registrar.admit(both, &[Scene::<Federated>::path(2)]).unwrap();
    scene.announce();
    scene.write(1, &[(1, "5")]);
    scene.write(2, &[(2, "5")]);
    assert_eq!(scene.range(1, ..), [(2, 2)]);
    scene.registrar.retire(&both).unwrap();
    scene.announce();
    assert_eq!(scene.range(1, ..), [(2, 2)]);
    let batch = scene.batch_by(1, 0, &[(3, "5")]);
    assert_eq!(scene.insert(&batch, NOW), Err(InsertError::Gate(GateError::Unlisted)));
    let token = scene.token(1, &Query::point(scene.space.encoder(), "5").unwrap());
    scene.registrar.enroll(both).unwrap();
    scene.registrar.dismiss(&both).unwrap();
    scene.announce();
    assert_eq!(scene.try_ask(&token, NOW), Err(QueryError::Gate(GateError::Unlisted)));
    scene.write(1, &[(4, "5")]);
    // Who only asks does not write, whatever it signs; who only writes does not ask.
    assert_eq!(scene.rosters().duty(&Path::new(step(USER)), NOW), Err(GateError::Unlisted));
    assert_eq!(scene.rosters().querier(&party(2).id(), NOW), Err(GateError::Unlisted));
    // The newest generation of who asks counts, not the first that is found.
    let steps = [0, 3, 1].map(|generation| (Step { generation, ..step(60) }, Duty::Querier));
    let other = [(Step { generation: 9, ..step(60) }, Duty::Writer)];
    let roster = Roster::new(scene.space.id(), None, 99, validity(), steps.into_iter().chain(other)).unwrap();
    scene.hear(&Signed::new(&scene.owner, roster), NOW).unwrap();
    assert_eq!(scene.rosters().querier(&party(60).id(), NOW), Ok(Step { generation: 3, ..step(60) }));
    // Both a writer and a former one: a former one.
    let both = [(step(2), Duty::Former), (step(2), Duty::Writer)];
    let roster = Roster::new(scene.space.id(), None, 100, validity(), both).unwrap();
    scene.hear(&Signed::new(&scene.owner, roster), NOW).unwrap();
    assert_eq!(scene.rosters().duty(&Scene::<Federated>::path(2), NOW), Ok(Duty::Former));
}

#[test]
fn nobody_knows_anything_before_the_first_list() {
    let scene = scene::<Federated>();
    let mut rosters = Rosters::new(&scene.space);
    assert_eq!(rosters.duty(&Scene::<Federated>::path(1), NOW), Err(GateError::Unlisted));
    assert_eq!(rosters.querier(&party(USER).id(), NOW), Err(GateError::Unlisted));
    let child = Signed::new(&party(1), scene.list(&Scene::<Federated>::path(1), 1, &[11], Duty::Writer));
    assert_eq!(rosters.update(&child, NOW), Err(RosterError::Unlisted));
    assert_eq!((rosters.signed().len(), rosters.providers().count()), (0, 0));
}

/// A hospital whose departments are its own inventions fills no more than its share.
#[test]
fn there_is_a_most_below_one_hospital() {
    let mut scene = scene::<Federated>();
    let path = Scene::<Federated>::path(1);
    let wards: Vec<u8> = (100..=114).collect();
    scene.hear(&Signed::new(&party(1), scene.list(&path, 2, &wards, Duty::Writer)), NOW).unwrap();
    let space = scene.space.id();
    let fill = |ward: u8, version, count: u32| {
        let invented =
            (0..count).map(|generation| (Step { generation, party: PartyId::from_array([7; 32]) }, Duty::Former));
        let above = path.child(step(ward)).unwrap();
        Signed::new(&party(ward), Roster::new(space, Some(above), version, validity(), invented).unwrap())
    };
    // 16 for the hospital's list, 2 for department 12's, 4097 for each of these.
    for ward in 100..=114 {
        scene.hear(&fill(ward, 1, 4096), NOW).unwrap();
    }
    let last = Signed::new(&party(1), scene.list(&path, 3, &[100, 101, 102, 12], Duty::Writer));
    scene.hear(&last, NOW).unwrap();
    let room = (Rosters::MAX_BELOW - (4 + 1) - 15 * 4097 - 1) as u32;
    assert_eq!(scene.hear(&fill(12, 2, room + 1), NOW), Err(RosterError::TooMany));
    assert_eq!(scene.hear(&fill(12, 2, room), NOW), Ok(()));
    // What counts is what there is now: a list in the place of another takes its room, not more.
    assert_eq!(scene.hear(&fill(100, 2, 4096), NOW), Ok(()));
    // Others are not crowded out.
    scene.hear(&Signed::new(&party(2), scene.list(&Scene::<Federated>::path(2), 1, &[21], Duty::Writer)), NOW).unwrap();
    scene.announce();
}

#[test]
fn lists_are_kept_and_handed_on() {
    let mut scene = scene::<Ordered>();
    let kept: Vec<_> = scene.rosters().signed().cloned().collect();
    let mut restored = Rosters::restore(&scene.space, kept.clone()).unwrap();
    assert_eq!(restored, *scene.rosters());
    let old = Signed::new(&party(1), scene.list(&Scene::<Ordered>::path(1), 0, &[11], Duty::Writer));
    assert_eq!(restored.update(&old, NOW), Err(RosterError::Rollback));
    let two = [kept[0].clone(), Signed::new(&scene.owner, owners(&scene, 1, validity()))];
    assert_eq!(Rosters::restore(&scene.space, two), Err(RosterError::Rollback));
    let forged = Signed::new(&party(9), kept[0].unverified().clone());
    assert_eq!(Rosters::restore(&scene.space, [forged]), Err(RosterError::Signature));
    let other = Scene::<Ordered>::new("other", Encoder::integer(12).unwrap());
    assert_eq!(Rosters::restore(&other.space, kept), Err(RosterError::Space));

    // A switcher that is given the factors again keeps what it heard.
    let (space, rosters) = (scene.space.clone(), scene.rosters().clone());
    scene.between.serve(Switch::new(&space, 0));
    assert_eq!(*scene.rosters(), rosters);
    let mut fresh = Switcher::new(party(99));
    fresh.serve(Switch::new(&space, 0));
    assert_eq!(*fresh.rosters_mut(&space.id()).unwrap(), Rosters::new(&space));
    *fresh.rosters_mut(&space.id()).unwrap() = rosters.clone();
    assert_eq!(*fresh.rosters_mut(&space.id()).unwrap(), rosters);

    // In the federated mode they go with the column: also those of who is out, so that nothing old comes back.
    let mut scene = self::scene::<Federated>();
    scene.write(121, &[(1, "5")]);
    scene.expel(1);
    let column = Column::<Federated>::from_bytes(&scene.column().to_bytes()).unwrap();
    assert_eq!(column.gate(), &*scene.rosters());
    assert_eq!(column.gate().signed().len(), 3);
}
