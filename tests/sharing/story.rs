//! Who reads what as members come and go.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use crate::common::*;
use sesphr::context::{Partition, Period, Validity};
use sesphr::encoding::{Encoding, Message};
use sesphr::identity::Signed;
use sesphr::kapre::Kapre;
use sesphr::pre::afgh::Afgh;
use sesphr::pre::{GrantId, LiveError};
use sesphr::record::{SealedPartition, Versions};
use sesphr::sharing::log::Rule;
use sesphr::sharing::*;

const MEDICAL: Partition = Partition::MEDICAL;
const PERSONAL: Partition = Partition::PERSONAL;
const INSURANCE: Partition = Partition::INSURANCE;
const PRESCRIPTION: Partition = Partition::PRESCRIPTION;

on_every_scheme! {
    roles_by_partitions,
    only_a_certificate_from_a_named_issuer_gives_a_role,
    joining_with_a_date_opens_the_epochs_that_began_since,
    who_departs_reads_nothing_new_and_is_no_longer_served,
    who_comes_back_gets_new_grants_and_no_older_key,
    pinned_bundles_are_replaced_by_newer_ones_of_the_same_user,
    a_renewed_member_reads_all_it_had_with_its_new_key_alone,
    members_whose_time_has_run_out_are_reported_and_renewed,
    lost_delegations_are_granted_again,
    history_is_of_epochs_that_ended,
    allowing_and_disallowing,
    a_suspended_member_is_not_served_and_nobody_else_notices,
}

/// The names of a member's grants.
pub(super) fn ids<S: Tested>(w: &World<S>, user: &User<S>) -> BTreeSet<GrantId> {
    w.owner.grants(&user.id()).map(|(_, id, _)| id).collect()
}

fn roles_by_partitions<S: Tested>() {
    let mut w = World::<S>::new();
    // Columns: personal, medical, insurance, prescription.
    let expected = [
        (Role::FamilyAndFriends, [true, true, true, true]),
        (Role::Doctor, [true, true, false, true]),
        (Role::Insurer, [false, false, true, false]),
        (Role::Pharmacist, [false, false, false, true]),
        (Role::Researcher, [false, true, false, false]),
        (Role::Provider, [false, true, false, false]),
    ];
    let mut users: Vec<User<S>> = (0..6).map(|i| user(10 + i)).collect();
    for ((role, _), user) in expected.iter().zip(&users) {
        w.join(user, *role, at(1), at(1));
    }
    let sealed: Vec<_> = Partition::SESPHR.iter().map(|partition| w.write(*partition, 1, at(2))).collect();
    let mut stranger = user::<S>(30);
    for ((role, reads), user) in expected.iter().zip(&mut users) {
        let seen: Vec<_> = sealed.iter().map(|sealed| w.reads(user, sealed, at(3))).collect();
        assert_eq!(&seen, reads, "{role:?}");
    }
    assert!(sealed.iter().all(|sealed| w.read(&mut stranger, sealed, at(3)) == DENIED));
    let ctx = sealed[1].header().context();
    let versions = Versions::Exactly(1);
    assert_eq!(&w.owner.open(RECORD, ctx.partition, versions, &sealed[1]).unwrap()[..], b"0+");
    assert!(w.owner.open(RECORD, PERSONAL, versions, &sealed[1]).is_err());
    assert_eq!(w.owner.members().count(), 6);
}

fn only_a_certificate_from_a_named_issuer_gives_a_role<S: Tested>() {
    let mut w = World::<S>::new();
    let (bob, eve, quack) = (user::<S>(10), user::<S>(11), party(202));
    let year = Validity::new(at(0), at(YEAR)).unwrap();
    let cert = |issuer, subject: &User<S>, role, validity| {
        Signed::new(issuer, RoleCert { subject: subject.id(), role, validity })
    };
    w.owner.policy_mut().trust(Role::Pharmacist, quack.id());
    let span = |a, b| Validity::new(at(a), at(b)).unwrap();
    let chamber = party(200);
    let mut tampered = cert(&chamber, &bob, Role::Researcher, year).to_bytes();
    let at_role = 4 + 32 + 4 + 32;
    assert_eq!(tampered[at_role], Role::Researcher as u8);
    tampered[at_role] = Role::Doctor as u8;
    let cases = [
        (cert(bob.signing(), &bob, Role::Doctor, year), RoleError::Issuer),
        (cert(&quack, &bob, Role::Doctor, year), RoleError::Issuer),
        (cert(&chamber, &bob, Role::Doctor, span(11, 20)), RoleError::Time),
        (cert(&chamber, &bob, Role::Doctor, span(0, 9)), RoleError::Time),
        (Signed::from_bytes(&tampered).unwrap(), RoleError::Signature),
    ];
    let before = w.owner.membership();
    for (cert, error) in cases {
        let joined = w.owner.join(&bob.bundle(1, at(YEAR)), &cert, at(10), at(10), &mut w.rng);
        assert_eq!(joined.unwrap_err(), OwnerError::Role(error));
    }
    // Another subject's: the policy alone, and with a bundle that is not the subject's.
    let of_eve = cert(&chamber, &eve, Role::Doctor, year);
    assert_eq!(w.owner.policy().check(&bob.id(), &of_eve, at(10)), Err(RoleError::Subject));
    let joined = w.owner.join(&bob.bundle(1, at(YEAR)), &of_eve, at(10), at(10), &mut w.rng);
    assert_eq!(joined.unwrap_err(), OwnerError::Bundle(BundleError::Signature));
    // A key that has run out, and an issuer that is no longer trusted.
    let good = cert(&chamber, &bob, Role::Doctor, year);
    let joined = w.owner.join(&bob.bundle(1, at(9)), &good, at(10), at(10), &mut w.rng);
    assert_eq!(joined.unwrap_err(), OwnerError::Bundle(BundleError::Expired));
    w.owner.policy_mut().distrust(Role::Doctor, chamber.id());
    let joined = w.owner.join(&bob.bundle(1, at(YEAR)), &good, at(10), at(10), &mut w.rng);
    assert_eq!(joined.unwrap_err(), OwnerError::Role(RoleError::Issuer));
    w.owner.policy_mut().trust(Role::Doctor, chamber.id());
    assert_eq!(w.owner.membership(), before);
    assert!(w.owner.join(&bob.bundle(1, at(YEAR)), &good, at(10), at(10), &mut w.rng).is_ok());
}

/// Three epochs of the medical partition that begin at 0, 100 and 200, with a record in each.
fn three_epochs<S: Tested>(w: &mut World<S>) -> Vec<SealedPartition> {
    let mut sealed = vec![w.write(MEDICAL, 1, at(1))];
    for (seed, when) in [(40, 100), (41, 200)] {
        let update = w.try_join(&user(seed), Role::Researcher, at(when), at(when)).unwrap();
        w.send(&update, at(when));
        sealed.push(w.write(MEDICAL, when, at(when + 1)));
    }
    sealed
}

fn joining_with_a_date_opens_the_epochs_that_began_since<S: Tested>() {
    for (from, opened) in [
        (0, [true, true, true]),
        (1, [false, true, true]),
        (100, [false, true, true]),
        (101, [false, false, true]),
        (200, [false, false, true]),
        (201, [false, false, false]),
        (300, [false, false, false]),
    ] {
        let mut w = World::<S>::new();
        let sealed = three_epochs(&mut w);
        let mut carol = user::<S>(42);
        w.join(&carol, Role::Researcher, at(from), at(300));
        let new = w.write(MEDICAL, 300, at(301));
        let seen: Vec<_> = sealed.iter().map(|sealed| w.reads(&mut carol, sealed, at(302))).collect();
        assert_eq!(seen, opened, "from {from}");
        assert!(w.reads(&mut carol, &new, at(302)));
    }
    let mut w = World::<S>::new();
    let before = w.owner.membership();
    assert_eq!(w.try_join(&user(42), Role::Doctor, at(11), at(10)).unwrap_err(), OwnerError::Time);
    assert_eq!(w.owner.membership(), before);
}

fn who_departs_reads_nothing_new_and_is_no_longer_served<S: Tested>() {
    let mut w = World::<S>::new();
    let (mut bob, mut carol) = (user::<S>(10), user::<S>(11));
    w.join(&bob, Role::Doctor, at(1), at(1));
    w.join(&carol, Role::Doctor, at(1), at(2));
    let old = w.write(MEDICAL, 1, at(3));
    let kept = w.ask(&bob, &old, at(4)).unwrap();
    let epochs = Partition::SESPHR.map(|partition| w.owner.epoch(&partition).unwrap());
    w.depart(&bob, at(5));
    let after = Partition::SESPHR.map(|partition| w.owner.epoch(&partition).unwrap());
    // Where the member read nothing nothing happens.
    assert_eq!(after, [epochs[0] + 1, epochs[1] + 1, epochs[2], epochs[3] + 1]);
    let new = w.write(MEDICAL, 2, at(6));
    assert_eq!(w.read(&mut bob, &old, at(7)), DENIED);
    assert_eq!(w.read(&mut bob, &new, at(7)), DENIED);
    assert_eq!(w.rules(at(8)), [Rule::NoGrant, Rule::NoGrant]);
    assert_eq!([&old, &new].map(|sealed| w.reads(&mut carol, sealed, at(7))), [true, true]);
    // What cannot be defended: the answer that it kept still opens what it opened.
    assert_eq!(w.open(&mut bob, &old, &kept, at(9)), Ok(()));
    let gone = w.owner.depart(&bob.id(), Level::Epochs, at(9), &mut w.rng);
    assert_eq!(gone.unwrap_err(), OwnerError::NotMember);
}

fn who_comes_back_gets_new_grants_and_no_older_key<S: Tested>() {
    let mut w = World::<S>::new();
    let mut bob = user::<S>(10);
    let first = w.join(&bob, Role::Researcher, at(1), at(1));
    let old = w.write(MEDICAL, 1, at(2));
    w.depart(&bob, at(3));
    // With the same key, and without history.
    w.join(&bob, Role::Researcher, at(4), at(4));
    assert_eq!(w.read(&mut bob, &old, at(5)), DENIED);
    let new = w.write(MEDICAL, 2, at(5));
    assert!(w.reads(&mut bob, &new, at(6)));
    for delegation in &first.delegations {
        assert_eq!(w.server.accept(&w.owner.id(), delegation, at(6)), Err(ServerError::Live(LiveError::NotLive)));
    }
    assert_eq!(w.try_join(&bob, Role::Researcher, at(6), at(6)).unwrap_err(), OwnerError::AlreadyMember);
    // After a newer key the old one is refused, also after departing, also with the same serial.
    let newer = User::new(S::params(), party(10), &mut rng(77)).unwrap();
    let cert = w.cert(&bob, Role::Researcher);
    let update = w.owner.renew(&newer.bundle(2, at(YEAR)), &cert, at(7), &mut w.rng).unwrap();
    w.send(&update, at(7));
    let before = w.owner.membership();
    for bundle in [bob.bundle(1, at(YEAR)), bob.bundle(2, at(YEAR))] {
        let renewed = w.owner.renew(&bundle, &cert, at(8), &mut w.rng);
        assert_eq!(renewed.unwrap_err(), OwnerError::Bundle(BundleError::Rollback));
    }
    assert_eq!(w.owner.membership(), before);
    w.depart(&bob, at(9));
    let joined = w.owner.join(&bob.bundle(1, at(YEAR)), &cert, at(10), at(10), &mut w.rng);
    assert_eq!(joined.unwrap_err(), OwnerError::Bundle(BundleError::Rollback));
    assert!(w.owner.join(&newer.bundle(2, at(YEAR)), &cert, at(10), at(10), &mut w.rng).is_ok());
}

fn pinned_bundles_are_replaced_by_newer_ones_of_the_same_user<S: Tested>() {
    let (bob, eve, params) = (user::<S>(10), user::<S>(11), S::params());
    let verify = |user: &User<S>, bundle: &Signed<_>| VerifiedBundle::<S>::new(&params, bundle, &user.id(), at(9));
    let pin = |user: &User<S>, serial| verify(user, &user.bundle(serial, at(9))).unwrap();
    let pinned = pin(&bob, 5);
    assert_eq!([4, 5, 6].map(|serial| pin(&bob, serial).replaces(&pinned).is_ok()), [false, true, true]);
    let other = verify(&bob, &bob.bundle(5, at(10))).unwrap();
    assert_eq!(other.replaces(&pinned), Err(BundleError::Rollback));
    assert_eq!(pin(&eve, 6).replaces(&pinned), Err(BundleError::Rollback));
    // A bundle with somebody else's key in it.
    let stolen = eve.bundle(1, at(9)).to_bytes();
    let stolen = KeyBundle::<S>::from_bytes(&stolen[36..stolen.len() - 64]).unwrap();
    let stolen = Signed::new(bob.signing(), stolen);
    assert!(matches!(verify(&bob, &stolen), Err(BundleError::Key(_))));
}

fn a_renewed_member_reads_all_it_had_with_its_new_key_alone<S: Tested>() {
    let mut w = World::<S>::new();
    let mut bob = user::<S>(10);
    w.join(&bob, Role::Researcher, at(0), at(1));
    let first = w.write(MEDICAL, 1, at(2));
    w.join(&user(11), Role::Researcher, at(3), at(3));
    let second = w.write(MEDICAL, 2, at(4));
    let mut newer = User::new(S::params(), party(10), &mut rng(77)).unwrap();
    let cert = w.cert(&bob, Role::Researcher);
    let (had, grants) = (w.owner.grants(&bob.id()).count(), ids(&w, &bob));
    let update = w.owner.renew(&newer.bundle(2, at(YEAR)), &cert, at(5), &mut w.rng).unwrap();
    assert_eq!(had, 3);
    assert!(update.live.removed().iter().eq(&grants));
    assert_eq!(update.delegations.len(), S::grants(had));
    assert!(update.lapsed.is_empty());
    w.send(&update, at(5));
    for sealed in [&first, &second] {
        assert_eq!(w.read(&mut bob, sealed, at(6)), Err(Refused::ByReader));
        assert_eq!(w.read(&mut newer, sealed, at(6)), Ok(()));
    }
    let cert = w.cert(&bob, Role::Doctor);
    let renewed = w.owner.renew(&newer.bundle(3, at(YEAR)), &cert, at(7), &mut w.rng);
    assert_eq!(renewed.unwrap_err(), OwnerError::OtherRole);
    let cert = w.cert(&user(12), Role::Doctor);
    let renewed = w.owner.renew(&user(12).bundle(3, at(YEAR)), &cert, at(7), &mut w.rng);
    assert_eq!(renewed.unwrap_err(), OwnerError::NotMember);
}

fn members_whose_time_has_run_out_are_reported_and_renewed<S: Tested>() {
    let mut w = World::<S>::new();
    let (mut bob, carol) = (user::<S>(10), user::<S>(11));
    let validity = Validity::new(at(0), at(50)).unwrap();
    let short = w.owner.certify(bob.id(), Role::Researcher, validity);
    let update = w.owner.join(&bob.bundle(1, at(YEAR)), &short, at(1), at(1), &mut w.rng).unwrap();
    w.send(&update, at(1));
    assert!(w.owner.grants(&bob.id()).all(|(_, _, end)| end == at(50)));
    let old = w.write(MEDICAL, 1, at(2));
    assert!(w.reads(&mut bob, &old, at(50)));
    assert_eq!(w.read(&mut bob, &old, at(51)), DENIED);
    assert_eq!(w.rules(at(51)), [Rule::Expired]);
    let update = w.join(&carol, Role::Researcher, at(60), at(60));
    assert_eq!(update.lapsed, [(bob.id(), Period { partition: MEDICAL, epoch: 2 })]);
    let new = w.write(MEDICAL, 2, at(61));
    assert_eq!(w.read(&mut bob, &new, at(62)), DENIED);
    let long = w.cert(&bob, Role::Researcher);
    let update = w.owner.renew(&bob.bundle(1, at(YEAR)), &long, at(63), &mut w.rng).unwrap();
    // What ended by itself left the list with the change before.
    let counts = (update.live.removed().len(), update.delegations.len(), update.lapsed.len());
    assert_eq!(counts, (0, S::grants(2), 0));
    w.send(&update, at(63));
    assert_eq!([&old, &new].map(|sealed| w.reads(&mut bob, sealed, at(64))), [true, true]);
    // The same for a key that runs out.
    let dave = user::<S>(12);
    let cert = w.cert(&dave, Role::Researcher);
    let _ = w.owner.join(&dave.bundle(1, at(70)), &cert, at(65), at(65), &mut w.rng).unwrap();
    assert!(w.owner.grants(&dave.id()).all(|(_, _, end)| end == at(70)));
    assert_eq!(w.owner.grant_again(&dave.id(), at(70), &mut w.rng).unwrap().lapsed, []);
    assert_eq!(w.owner.grant_again(&dave.id(), at(71), &mut w.rng).unwrap().lapsed.len(), 1);
}

fn lost_delegations_are_granted_again<S: Tested>() {
    let mut w = World::<S>::new();
    let mut bob = user::<S>(10);
    let update = w.try_join(&bob, Role::Researcher, at(1), at(1)).unwrap();
    w.cloud.publish(&w.owner.id(), &update.directory, at(1)).unwrap();
    let sealed = w.write(MEDICAL, 1, at(2));
    assert_eq!(w.read(&mut bob, &sealed, at(3)), DENIED);
    let again = w.owner.grant_again(&bob.id(), at(4), &mut w.rng).unwrap();
    // The server has not heard of the change before this one, and says so.
    let behind = w.server.update(&w.owner.id(), &again.live, at(4));
    assert_eq!(behind, Err(ServerError::Live(LiveError::Behind)));
    w.catch_up(at(4));
    w.send(&again, at(4));
    assert!(w.reads(&mut bob, &sealed, at(5)));
    // The lost one turns up.
    assert_eq!(
        w.server.accept(&w.owner.id(), &update.delegations[0], at(6)),
        Err(ServerError::Live(LiveError::NotLive))
    );
    assert_eq!(w.owner.grant_again(&user::<S>(11).id(), at(6), &mut w.rng).unwrap_err(), OwnerError::NotMember);
}

fn history_is_of_epochs_that_ended<S: Tested>() {
    let mut w = World::<S>::new();
    let mut bob = user::<S>(10);
    w.join(&bob, Role::Pharmacist, at(1), at(1));
    let sealed = three_epochs(&mut w);
    let before = w.owner.membership();
    let member = bob.id();
    let grant = |w: &mut World<S>, epochs| w.owner.grant_history(&member, MEDICAL, epochs, at(300), &mut w.rng);
    #[allow(clippy::reversed_empty_ranges)]
    for (epochs, error) in [
        (0..=3, OwnerError::NoSuchPeriod),
        (3..=3, OwnerError::NoSuchPeriod),
        (0..=u32::MAX, OwnerError::NoSuchPeriod),
        (1..=0, OwnerError::NoSuchPeriod),
        (0..=2, OwnerError::Running),
        (2..=2, OwnerError::Running),
    ] {
        assert_eq!(grant(&mut w, epochs.clone()).unwrap_err(), error, "{epochs:?}");
    }
    let unknown = Partition::new("dental").unwrap();
    let dental = w.owner.grant_history(&bob.id(), unknown, 0..=0, at(300), &mut w.rng);
    assert_eq!(dental.unwrap_err(), OwnerError::NoSuchPeriod);
    let stranger = w.owner.grant_history(&user::<S>(50).id(), MEDICAL, 0..=0, at(300), &mut w.rng);
    assert_eq!(stranger.unwrap_err(), OwnerError::NotMember);
    assert_eq!(w.owner.membership(), before);

    // A partition that the member does not read: the past and nothing else.
    let update = grant(&mut w, 0..=1).unwrap();
    w.send(&update, at(300));
    let again = grant(&mut w, 1..=1).unwrap();
    assert_eq!((again.live.removed().len(), again.delegations.len()), (1, 1));
    w.send(&again, at(300));
    let seen: Vec<_> = sealed.iter().map(|sealed| w.reads(&mut bob, sealed, at(301))).collect();
    assert_eq!(seen, [true, true, false]);
    // It goes with the partition, or with the member.
    let update = w.owner.disallow(&bob.id(), MEDICAL, Level::Epochs, at(302), &mut w.rng).unwrap();
    assert_eq!(update.live.removed().len(), S::grants(2));
    w.send(&update, at(302));
    assert!(!w.reads(&mut bob, &sealed[0], at(303)));
}

fn allowing_and_disallowing<S: Tested>() {
    let mut w = World::<S>::new();
    let (mut bob, mut carol) = (user::<S>(10), user::<S>(11));
    w.join(&bob, Role::Pharmacist, at(1), at(1));
    w.join(&carol, Role::Insurer, at(1), at(1));
    let early = w.write(INSURANCE, 1, at(2));
    let update = w.owner.allow(&bob.id(), INSURANCE, at(3), &mut w.rng).unwrap();
    w.send(&update, at(3));
    let late = w.write(INSURANCE, 2, at(4));
    assert_eq!([&early, &late].map(|sealed| w.reads(&mut bob, sealed, at(5))), [false, true]);
    assert_eq!([&early, &late].map(|sealed| w.reads(&mut carol, sealed, at(5))), [true, true]);
    let again = w.owner.allow(&bob.id(), INSURANCE, at(6), &mut w.rng).unwrap();
    assert!(again.delegations.is_empty());
    let update = w.owner.disallow(&bob.id(), INSURANCE, Level::Epochs, at(7), &mut w.rng).unwrap();
    assert_eq!(update.live.removed().len(), 1);
    w.send(&update, at(7));
    let last = w.write(INSURANCE, 3, at(8));
    assert_eq!([&late, &last].map(|sealed| w.reads(&mut bob, sealed, at(9))), [false, false]);
    assert_eq!([&late, &last].map(|sealed| w.reads(&mut carol, sealed, at(9))), [true, true]);
    let stays = w.write(PRESCRIPTION, 1, at(9));
    assert!(w.reads(&mut bob, &stays, at(9)));

    let dental = Partition::new("dental").unwrap();
    let missing = w.owner.allow(&bob.id(), dental, at(10), &mut w.rng).unwrap_err();
    assert_eq!(missing, OwnerError::NoSuchPeriod);
    let twice = w.owner.add_partition(MEDICAL, at(10), &mut w.rng).unwrap_err();
    assert_eq!(twice, OwnerError::PartitionExists);
    let stranger = user::<S>(50).id();
    assert_eq!(w.owner.allow(&stranger, MEDICAL, at(10), &mut w.rng).unwrap_err(), OwnerError::NotMember);
    assert_eq!(
        w.owner.disallow(&stranger, MEDICAL, Level::Epochs, at(10), &mut w.rng).unwrap_err(),
        OwnerError::NotMember
    );
}

#[test]
fn partitions_are_added_where_the_parameters_leave_room() {
    let dental = Partition::new("dental").unwrap();
    let mut w = World::<Afgh>::new();
    let mut bob = user(10);
    w.join(&bob, Role::Doctor, at(1), at(1));
    let update = w.owner.add_partition(dental, at(10), &mut w.rng).unwrap();
    w.send(&update, at(10));
    assert_eq!(w.owner.add_partition(dental, at(10), &mut w.rng).unwrap_err(), OwnerError::PartitionExists);
    let update = w.owner.allow(&bob.id(), dental, at(11), &mut w.rng).unwrap();
    w.send(&update, at(11));
    let sealed = w.write(dental, 1, at(12));
    assert!(w.reads(&mut bob, &sealed, at(13)));

    // A grid is for ever.
    let mut w = World::<Kapre>::new();
    let before = w.owner.membership();
    assert_eq!(w.owner.add_partition(dental, at(10), &mut w.rng).unwrap_err(), OwnerError::Exhausted);
    assert_eq!(w.owner.membership(), before);
    // As many as there is room for, and one more.
    let partitions = |n: usize| (0..n).map(|i| Partition::new(&format!("p{i}")).unwrap());
    let new = |n| {
        Owner::<Kapre>::new(Kapre::params(), World::<Kapre>::root(1), AccessPolicy::new(1), partitions(n), 1, at(0))
    };
    assert_eq!(new(64).unwrap().epochs_left(&Partition::new("p0").unwrap()), Ok(0));
    assert_eq!(new(65).unwrap_err(), OwnerError::Exhausted);
    assert_eq!(new(0).unwrap_err(), OwnerError::Exhausted);
}

/// A grid of two epochs: one change and no other.
#[test]
fn where_the_epochs_end_a_member_can_still_be_shut_out() {
    let partitions = (0..31).map(|i| Partition::new(&format!("p{i}")).unwrap());
    let mut w = World::<Kapre>::with_partitions(1, partitions.chain([MEDICAL]));
    let (mut bob, carol) = (user(10), user(11));
    assert_eq!(w.owner.epochs_left(&MEDICAL), Ok(1));
    w.join(&bob, Role::Researcher, at(0), at(1));
    assert_eq!(w.owner.epochs_left(&MEDICAL), Ok(0));
    let sealed = w.write(MEDICAL, 1, at(2));
    assert!(w.reads(&mut bob, &sealed, at(3)));
    let before = w.owner.membership();
    assert_eq!(w.try_join(&carol, Role::Researcher, at(4), at(4)).unwrap_err(), OwnerError::Exhausted);
    assert_eq!(w.owner.depart(&bob.id(), Level::Epochs, at(4), &mut w.rng).unwrap_err(), OwnerError::Exhausted);
    assert_eq!(
        w.owner.disallow(&bob.id(), MEDICAL, Level::Epochs, at(4), &mut w.rng).unwrap_err(),
        OwnerError::Exhausted
    );
    assert_eq!(w.owner.membership(), before);
    let update = w.owner.suspend(&bob.id(), at(5), &mut w.rng).unwrap();
    w.send(&update, at(5));
    assert_eq!(w.read(&mut bob, &sealed, at(6)), DENIED);
    // With nothing left to take back it can go.
    let update = w.owner.depart(&bob.id(), Level::Epochs, at(7), &mut w.rng).unwrap();
    assert_eq!((update.live.removed().len(), w.owner.members().count()), (0, 0));
}

/// What a member has at once is one grant under one key.
#[test]
fn one_aggregate_grant_covers_all_periods_of_a_member() {
    let mut w = World::<Kapre>::new();
    let sealed = three_epochs(&mut w);
    let mut bob = user(10);
    let update = w.join(&bob, Role::FamilyAndFriends, at(0), at(300));
    // Four partitions, with all their epochs.
    let periods = w.owner.grants(&bob.id()).count();
    assert_eq!((periods, ids(&w, &bob).len(), update.delegations.len()), (4 + 3 * 2, 1, 3));
    assert!(sealed.iter().all(|sealed| w.reads(&mut bob, sealed, at(301))));
    // An epoch that begins later is another grant, until all is granted again.
    w.join(&user(43), Role::Researcher, at(302), at(302));
    assert_eq!(ids(&w, &bob).len(), 2);
    let update = w.owner.grant_again(&bob.id(), at(303), &mut w.rng).unwrap();
    w.send(&update, at(303));
    assert_eq!((ids(&w, &bob).len(), update.live.removed().len(), update.delegations.len()), (1, 2, 1));
    assert!(sealed.iter().all(|sealed| w.reads(&mut bob, sealed, at(304))));
    // Taking one partition back replaces it, for the others go on.
    let update = w.owner.disallow(&bob.id(), MEDICAL, Level::Epochs, at(305), &mut w.rng).unwrap();
    w.send(&update, at(305));
    assert!(sealed.iter().all(|sealed| w.read(&mut bob, sealed, at(306)) == DENIED));
    let insurance = w.write(INSURANCE, 1, at(307));
    assert!(w.reads(&mut bob, &insurance, at(307)));
}

fn a_suspended_member_is_not_served_and_nobody_else_notices<S: Tested>() {
    let mut w = World::<S>::new();
    let (mut bob, mut carol) = (user::<S>(10), user::<S>(11));
    w.join(&bob, Role::Researcher, at(1), at(1));
    w.join(&carol, Role::Researcher, at(1), at(2));
    let sealed = w.write(MEDICAL, 1, at(3));
    let (epoch, grants) = (w.owner.epoch(&MEDICAL), ids(&w, &bob));
    let update = w.owner.suspend(&bob.id(), at(4), &mut w.rng).unwrap();
    assert!(update.live.removed().iter().eq(&grants));
    assert_eq!((update.delegations.len(), w.owner.epoch(&MEDICAL)), (0, epoch));
    w.send(&update, at(4));
    assert_eq!(w.read(&mut bob, &sealed, at(5)), DENIED);
    assert!(w.reads(&mut carol, &sealed, at(5)));
    // It stays a member, and gets nothing by what others do or by itself.
    w.join(&user(12), Role::Researcher, at(6), at(6));
    let update = w.owner.grant_again(&bob.id(), at(7), &mut w.rng).unwrap();
    assert!(update.delegations.is_empty());
    w.send(&update, at(7));
    let update = w.owner.allow(&bob.id(), MEDICAL, at(8), &mut w.rng).unwrap();
    w.send(&update, at(8));
    let new = w.write(MEDICAL, 2, at(9));
    assert_eq!([&sealed, &new].map(|sealed| w.reads(&mut bob, sealed, at(9))), [false, true]);
    let stranger = user::<S>(50).id();
    assert_eq!(w.owner.suspend(&stranger, at(10), &mut w.rng).unwrap_err(), OwnerError::NotMember);
}
