//! What else an owner does while stored records are updated.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::{INSURANCE, MEDICAL, Story};
use crate::common::emergency::{Emergency, committee, rule};
use crate::common::*;
use sesphr::context::{Partition, Validity};
use sesphr::kapre::Kapre;
use sesphr::pre::{GrantError, LiveError};
use sesphr::record::{Layer, Versions};
use sesphr::sharing::*;

const PERSONAL: Partition = Partition::PERSONAL;

impl Story {
    /// The owner on another device.
    fn recover(&mut self) {
        let backup = self.w.owner.export(&mut self.w.rng).unwrap();
        let before = self.w.owner.membership();
        let seen = self.w.cloud.directory(&self.w.id()).unwrap().unverified().version();
        self.w.owner = Owner::recover(Kapre::params(), World::<Kapre>::root(1), &backup, seen).unwrap();
        assert_eq!(self.w.owner.membership(), before);
    }

    fn moved(&mut self) {
        assert_eq!(self.carry_out().refused, []);
    }

    /// Versions 1 and 2 of a partition.
    fn both(&mut self, partition: Partition, seconds: u64) -> [[bool; 3]; 2] {
        [1, 2].map(|version| self.read(partition, version, at(seconds)))
    }
}

#[test]
fn a_recovered_owner_brings_it_to_the_end() {
    for level in [Level::Headers, Level::Bodies] {
        let mut s = Story::new();
        s.depart(level, at(6));
        s.recover();
        let (half, _) = s.page(None, 5);
        assert_eq!(half.unwrap().rotated, 5);
        s.recover();
        assert!(!s.w.owner.is_settled());
        // Another departure on the new device continues the chain.
        s.leave(&s.dan.id(), level, at(7));
        s.recover();
        let check = |s: &mut Story, seconds| {
            for partition in [MEDICAL, INSURANCE] {
                assert_eq!(s.both(partition, seconds), [[false, true, false]; 2]);
                for version in [1, 2] {
                    let sealed = s.stored(partition, version);
                    assert!(s.w.owner.open(RECORD, partition, Versions::Exactly(version), &sealed).is_ok());
                }
            }
        };
        check(&mut s, 8);
        s.moved();
        check(&mut s, 9);
        s.settle(at(10));
        s.recover();
        assert!(s.w.owner.is_settled());
        check(&mut s, 11);
        assert!(s.page(None, usize::MAX).0.is_none());
        let generation = |s: &Story| s.stored(MEDICAL, 1).header().mutable().generation();
        assert_eq!(generation(&s), 2);
        s.leave(&s.carol.id(), level, at(12));
        s.recover();
        s.moved();
        assert_eq!(generation(&s), 3);
    }
}

#[test]
fn members_are_renewed_granted_and_taken_in_meanwhile() {
    for half in [0, 4, usize::MAX] {
        let mut s = Story::new();
        s.depart(Level::Bodies, at(6));
        s.page(None, half);
        // Everything again under the newest generation; what is under the former stays.
        let again = s.w.owner.grant_ending(at(9 * YEAR), at(7), &mut s.w.rng).unwrap();
        assert_eq!((again.delegations.len(), again.layer_grants.len()), (2, 2));
        s.send(&again, at(7));
        assert_eq!(s.both(MEDICAL, 8), [[false, true, false], [false, true, true]]);
        // A newer key, and only what is updated with it; a newcomer likewise.
        let cert = s.w.owner.certify(s.carol.id(), Role::FamilyAndFriends, Validity::new(at(0), at(9 * YEAR)).unwrap());
        let newer = User::<Kapre>::new(Kapre::params(), party(11), &mut rng(77)).unwrap();
        let renewed = s.w.owner.renew(&newer.bundle(2, at(9 * YEAR)), &cert, at(9), &mut s.w.rng).unwrap();
        s.send_renewed(&renewed);
        let mut former = std::mem::replace(&mut s.carol, newer);
        let eve = user::<Kapre>(13);
        let joined = s.w.try_join(&eve, Role::Researcher, at(0), at(10)).unwrap();
        s.w.send(&joined, at(10));
        let mut eve = eve;
        let layers = |w: &World<Kapre>, user: &mut User<Kapre>| {
            let grant = w.cloud.layers(&w.id(), &user.id()).unwrap().unwrap();
            user.take_layers(&w.id(), &grant).unwrap();
        };
        layers(&s.w, &mut s.carol);
        layers(&s.w, &mut eve);
        for version in [1, 2] {
            let sealed = s.stored(MEDICAL, version);
            let moved = sealed.header().mutable().generation() == 1;
            assert_eq!(s.w.reads(&mut s.carol, &sealed, at(11)), moved);
            assert_eq!(s.w.reads(&mut eve, &sealed, at(11)), moved);
            assert!(!s.w.reads(&mut former, &sealed, at(11)));
        }
        let _ = s.carry_out();
        for settle in [false, true] {
            if settle {
                s.settle(at(12));
            }
            for version in [1, 2] {
                let sealed = s.stored(MEDICAL, version);
                assert_eq!(s.read(MEDICAL, version, at(13)), [false, true, version == 2]);
                assert!(s.w.reads(&mut eve, &sealed, at(13)) && !s.w.reads(&mut former, &sealed, at(13)));
            }
        }
        // The former key opens no keys of layers that are sealed to the newer one.
        let grant = renewed.layer_grants.iter().find(|grant| grant.unverified().user() == former.id()).unwrap();
        assert_eq!(former.take_layers(&s.w.id(), grant), Err(KeyGrantError::Open));
    }
}

impl Story {
    fn send_renewed(&mut self, update: &Update) {
        self.w.send(update, at(9));
    }
}

/// Dan's certificate has ended when bob leaves.
#[test]
fn who_has_run_out_gets_nothing_until_renewed_and_then_all_of_it() {
    for (settled_first, epochs) in [(false, 1), (true, 1), (true, 2)] {
        let mut s = Story::new();
        let short = |from, until| Validity::new(at(from), at(until)).unwrap();
        let id = s.dan.id();
        let cert = s.w.owner.certify(id, Role::FamilyAndFriends, short(0, 20));
        let update = s.w.owner.renew(&s.dan.bundle(2, at(YEAR)), &cert, at(5), &mut s.w.rng).unwrap();
        s.send(&update, at(5));
        assert_eq!(s.both(MEDICAL, 6), [[true, true, false], [true, true, true]]);
        let eve = user::<Kapre>(13);
        s.w.join(&eve, Role::Researcher, at(7), at(7));
        s.leave(&s.bob.id(), Level::Bodies, at(30));
        s.write(3, at(31));
        if epochs > 1 {
            s.leave(&eve.id(), Level::Bodies, at(32));
        }
        s.write(4, at(33));
        let granted = s.w.cloud.layers(&s.w.id(), &id).unwrap();
        assert!(granted.is_none(), "no keys of layers for who has run out");
        assert!(s.w.owner.grants(&id).all(|(_, _, until)| until == at(20)), "nor any grant");
        assert!(s.w.cloud.layers(&s.w.id(), &s.carol.id()).unwrap().is_some());
        s.moved();
        if settled_first {
            s.settle(at(34));
        }
        for version in 1..=4 {
            assert_eq!(s.read(MEDICAL, version, at(35)), [false, true, false]);
        }
        s.recover();
        let cert = s.w.owner.certify(id, Role::FamilyAndFriends, short(0, YEAR));
        let update = s.w.owner.renew(&s.dan.bundle(3, at(YEAR)), &cert, at(40), &mut s.w.rng).unwrap();
        assert!(update.lapsed.is_empty());
        s.send(&update, at(40));
        if !settled_first {
            s.settle(at(41));
        }
        for version in 1..=4 {
            let reads = s.read(MEDICAL, version, at(42));
            assert_eq!(reads, [false, true, version > 1], "{version} {settled_first} {epochs}");
            assert_eq!(s.read(PERSONAL, version, at(42)), [false, true, version > 1]);
        }
    }
}

#[test]
fn a_partition_is_taken_back_as_far_as_the_level_says() {
    for level in [Level::Epochs, Level::Headers, Level::Bodies] {
        let mut s = Story::new();
        let before = s.w.owner.epoch(&INSURANCE).unwrap();
        let update = s.w.owner.disallow(&s.dan.id(), MEDICAL, level, at(6), &mut s.w.rng).unwrap();
        assert_eq!(s.w.owner.is_settled(), level == Level::Epochs);
        s.send(&update, at(6));
        s.write(3, at(7));
        let check = |s: &mut Story, seconds| {
            for version in [1, 2, 3] {
                assert_eq!(s.read(MEDICAL, version, at(seconds)), [true, true, false]);
                // The rest stays open to dan, before and after it is updated.
                let reads = s.read(INSURANCE, version, at(seconds));
                assert_eq!(reads, [false, true, version > 1], "{level:?} {version} {seconds}");
            }
        };
        check(&mut s, 8);
        s.moved();
        check(&mut s, 9);
        s.settle(at(10));
        check(&mut s, 11);
        let layer = if level == Level::Bodies { Layer::Stream { generation: 1 } } else { Layer::None };
        assert_eq!(s.stored(MEDICAL, 2).header().mutable().layer(), layer);
        assert_eq!(s.stored(INSURANCE, 2).header().mutable().layer(), Layer::None);
        assert_eq!(s.w.owner.epoch(&INSURANCE), Ok(before));
    }
}

#[test]
fn who_was_suspended_departs_as_far_as_the_level_says() {
    for level in [Level::Epochs, Level::Headers, Level::Bodies] {
        let mut s = Story::new();
        let before = s.w.owner.epoch(&MEDICAL).unwrap();
        let update = s.w.owner.suspend(&s.bob.id(), at(5), &mut s.w.rng).unwrap();
        s.send(&update, at(5));
        assert_eq!(s.w.owner.epoch(&MEDICAL), Ok(before));
        s.depart(level, at(6));
        assert_eq!(s.w.owner.epoch(&MEDICAL), Ok(before + 1));
        s.write(3, at(7));
        s.moved();
        let layer = if level == Level::Bodies { Layer::Stream { generation: 1 } } else { Layer::None };
        assert_eq!(s.stored(MEDICAL, 2).header().mutable().layer(), layer);
        assert_eq!(s.stored(INSURANCE, 2).header().mutable().layer(), Layer::None);
        s.settle(at(8));
        for version in [1, 2, 3] {
            assert_eq!(s.read(MEDICAL, version, at(9)), [false, true, version > 1]);
        }
    }
}

/// Where there is no epoch to begin, the keys still change, and bodies still get a layer: in the running epoch too.
#[test]
fn where_the_epochs_end_who_was_suspended_departs_with_its_keys() {
    [Level::Headers, Level::Bodies].into_iter().for_each(without_epochs);
}

fn without_epochs(level: Level) {
    let partitions = (0..31).map(|i| Partition::new(&format!("p{i}")).unwrap());
    let mut w = World::<Kapre>::with_partitions(1, partitions.chain([MEDICAL]));
    w.owner.policy_mut().set_access(Role::Insurer, []);
    let (mut bob, mut carol) = (user(10), user(11));
    // The one epoch that can begin is for both.
    w.join(&carol, Role::Insurer, at(0), at(1));
    let allowed = w.owner.allow(&carol.id(), MEDICAL, at(1), &mut w.rng).unwrap();
    w.send(&allowed, at(1));
    w.owner.policy_mut().set_access(Role::Doctor, []);
    w.join(&bob, Role::Doctor, at(0), at(2));
    assert_eq!(w.owner.allow(&bob.id(), MEDICAL, at(2), &mut w.rng).unwrap_err(), OwnerError::Exhausted);
    let history = w.owner.grant_history(&bob.id(), MEDICAL, 0..=0, at(2), &mut w.rng).unwrap();
    w.send(&history, at(2));
    let sealed = w.write(MEDICAL, 1, at(2));
    let gone = w.owner.suspend(&bob.id(), at(3), &mut w.rng).unwrap();
    w.send(&gone, at(3));
    assert_eq!(w.owner.depart(&carol.id(), level, at(4), &mut w.rng).unwrap_err(), OwnerError::Exhausted);
    let gone = w.owner.depart(&bob.id(), level, at(4), &mut w.rng).unwrap();
    w.send(&gone, at(4));
    let later = w.write(MEDICAL, 2, at(5));
    let headers = w.cloud.headers(&w.id(), None, 9).unwrap();
    let orders = w.owner.orders(&headers).unwrap().unwrap();
    let id = w.id();
    let progress = w.cloud.carry_out(&id, &orders).unwrap();
    assert_eq!((progress.rotated, progress.covered), (1, if level == Level::Bodies { 2 } else { 0 }));
    let settled = w.owner.settle(at(6), &mut w.rng).unwrap();
    w.send(&settled, at(6));
    let grant = w.cloud.layers(&id, &carol.id()).unwrap();
    assert_eq!(grant.is_some(), level == Level::Bodies);
    grant.iter().for_each(|grant| carol.take_layers(&id, grant).unwrap());
    for sealed in [sealed, later] {
        let version = sealed.header().context().version;
        let stored = w.cloud.fetch(&id, &RECORD, &MEDICAL, version).unwrap();
        let layer = if level == Level::Bodies { Layer::Stream { generation: 1 } } else { Layer::None };
        assert_eq!(stored.header().mutable().layer(), layer);
        assert!(w.reads(&mut carol, &stored, at(7)) && !w.reads(&mut bob, &stored, at(7)));
    }
}

#[test]
fn rules_for_emergencies_end_with_the_generation_that_they_are_under() {
    let mut s = Story::new();
    let mut e = Emergency::new(&mut s.w);
    let (request, mut doctor) = e.request(&s.w, at(10));
    let parts = e.approve(&s.w, &[0, 1], &request, &doctor, at(10));
    e.break_glass(&mut s.w, &request, &parts, at(10)).unwrap();
    let header = s.stored(MEDICAL, 1);
    assert!(s.w.reads(&mut doctor, &header, at(11)));
    s.depart(Level::Headers, at(12));
    // In force, for what is of its generation.
    assert!(s.w.owner.is_prepared() && s.w.reads(&mut doctor, &header, at(13)));
    s.moved();
    let moved = s.stored(MEDICAL, 1);
    assert_eq!(s.w.read(&mut doctor, &moved, at(13)), DENIED);
    s.settle(at(14));
    assert!(!s.w.owner.is_prepared());
    assert_eq!(s.w.read(&mut doctor, &header, at(15)), DENIED);
    assert_eq!(s.w.read(&mut doctor, &moved, at(15)), DENIED);
    let refused = e.break_glass(&mut s.w, &request, &parts, at(15));
    assert_eq!(refused, Err(ServerError::Live(LiveError::Generation)));
    // Prepared between departure and settlement, they stay.
    s.leave(&s.dan.id(), Level::Headers, at(16));
    let (update, plan) = s.w.owner.prepare_emergency(&committee(), &rule(), at(17), &mut s.w.rng).unwrap();
    s.send(&update, at(17));
    for trustee in &mut e.trustees {
        trustee.entrust(&s.w.owner.id(), &plan.owner_key, &plan.rules, &plan.sharing, &plan.sub_shares).unwrap();
    }
    e.plan = plan;
    s.moved();
    s.settle(at(18));
    s.recover();
    assert!(s.w.owner.is_prepared());
    let (request, mut doctor) = e.request(&s.w, at(20));
    let parts = e.approve(&s.w, &[1, 2], &request, &doctor, at(20));
    e.break_glass(&mut s.w, &request, &parts, at(20)).unwrap();
    let moved = s.stored(MEDICAL, 1);
    assert!(s.w.reads(&mut doctor, &moved, at(21)));
}

#[test]
fn referrals_end_with_the_grant_that_they_stand_on() {
    let mut s = Story::new();
    let rule = AdmissionRule { roles: [Role::Doctor].into(), partitions: [MEDICAL].into(), seconds: 1000 };
    s.w.owner.policy_mut().set_referral(Role::Doctor, Some(rule));
    let (mut doctor, mut specialist) = (user::<Kapre>(20), user::<Kapre>(21));
    s.w.join(&doctor, Role::Doctor, at(5), at(5));
    s.write(3, at(5));
    let header = s.stored(MEDICAL, 3);
    let id = s.w.id();
    let refer = |s: &mut Story, doctor: &mut User<Kapre>, header: &_, now: u64| {
        let answer = s.w.ask(doctor, header, at(now)).unwrap();
        let specialist = user::<Kapre>(21);
        let bundle = specialist.bundle(1, at(YEAR));
        let to = VerifiedBundle::<Kapre>::new(&Kapre::params(), &bundle, &specialist.id(), at(now)).unwrap();
        let role = s.w.cert(&specialist, Role::Doctor);
        let validity = Validity::new(at(now), at(now + 900)).unwrap();
        doctor.refer(&id, &answer, &to, &role, &[MEDICAL], &validity, at(now), &mut rng(30)).unwrap()
    };
    let referral = refer(&mut s, &mut doctor, &header, 6);
    s.w.server.refer(&id, &referral.0, &referral.1, at(6)).unwrap();
    assert!(s.w.reads(&mut specialist, &header, at(7)));
    s.depart(Level::Headers, at(8));
    assert!(s.w.reads(&mut specialist, &header, at(9)));
    s.moved();
    let moved = s.stored(MEDICAL, 3);
    assert!(s.w.reads(&mut doctor, &moved, at(9)) && !s.w.reads(&mut specialist, &moved, at(9)));
    s.settle(at(10));
    assert_eq!(s.w.read(&mut specialist, &header, at(11)), DENIED);
    assert_eq!(s.w.read(&mut specialist, &moved, at(11)), DENIED);
    let refused = s.w.server.refer(&id, &referral.0, &referral.1, at(11));
    assert_eq!(refused, Err(ServerError::Grant(GrantError::Rules)));
    // Anew, on the grant that the doctor has now.
    let referral = refer(&mut s, &mut doctor, &moved, 12);
    s.w.server.refer(&id, &referral.0, &referral.1, at(12)).unwrap();
    assert!(s.w.reads(&mut specialist, &moved, at(13)));
}

#[test]
fn where_the_generator_fails_nothing_changes() {
    let mut s = Story::new();
    s.depart(Level::Bodies, at(6));
    let before = s.w.owner.membership();
    let (dan, carol) = (s.dan.id(), s.carol.id());
    type Change<'a> = Box<dyn Fn(&mut Owner<Kapre>, &mut FailAfter) -> Result<Update, OwnerError> + 'a>;
    let changes: [Change<'_>; 4] = [
        Box::new(|owner, rng| owner.depart(&dan, Level::Bodies, at(7), rng)),
        Box::new(|owner, rng| owner.disallow(&carol, MEDICAL, Level::Headers, at(7), rng)),
        Box::new(|owner, rng| owner.grant_again(&carol, at(7), rng)),
        Box::new(|owner, rng| owner.settle(at(7), rng)),
    ];
    for change in &changes {
        let mut draws = 0;
        while let Err(error) = change(&mut s.w.owner, &mut FailAfter::new(draws)) {
            assert_eq!(error, OwnerError::Rng);
            assert_eq!(s.w.owner.membership(), before);
            draws += 1;
        }
        assert!(draws > 0 && s.w.owner.membership() != before);
        s.w.owner = s.w.reopen(&before);
    }
}
