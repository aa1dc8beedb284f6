//! A doctor refers a specialist, within rules that the owner set in advance, and without the owner.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::*;
use sesphr::context::{Partition, Timestamp, Validity};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::identity::{PartyId, Signed, SigningKey};
use sesphr::kapre::{Grant, Kapre, ReferralKey};
use sesphr::pre::{DelegateError, GrantError, LiveError};
use sesphr::record::SealedPartition;
use sesphr::sharing::log::{Event, Rule};
use sesphr::sharing::*;

const MEDICAL: Partition = Partition::MEDICAL;
const PERSONAL: Partition = Partition::PERSONAL;
/// How long a referral may last.
const WEEK: u64 = 7 * 86_400;

type W = World<Kapre>;
type Failure = ServerError<core::convert::Infallible>;

fn rule() -> AdmissionRule {
    AdmissionRule { roles: [Role::Doctor].into(), partitions: [MEDICAL].into(), seconds: WEEK }
}

struct Scene {
    w: W,
    doctor: User<Kapre>,
    specialist: User<Kapre>,
    medical: SealedPartition,
    personal: SealedPartition,
}

/// A doctor who may refer other doctors to what is medical, and a record.
fn scene() -> Scene {
    let mut w = W::new();
    w.owner.policy_mut().set_referral(Role::Doctor, Some(rule()));
    let (doctor, specialist) = (user(20), user(21));
    w.join(&doctor, Role::Doctor, at(1), at(1));
    let (medical, personal) = (w.write(MEDICAL, 1, at(2)), w.write(PERSONAL, 1, at(2)));
    Scene { w, doctor, specialist, medical, personal }
}

fn span(from: u64, until: u64) -> Validity {
    Validity::new(at(from), at(until)).unwrap()
}

fn week(from: u64) -> Validity {
    span(from, from + WEEK)
}

fn bundle_of(user: &User<Kapre>, now: Timestamp) -> VerifiedBundle<Kapre> {
    VerifiedBundle::<Kapre>::new(&Kapre::params(), &user.bundle(1, at(YEAR)), &user.id(), now).unwrap()
}

impl Scene {
    /// What the doctor wrote: to whom, with which certificate, to what and when.
    fn refer_to(
        &mut self,
        to: &User<Kapre>,
        role: &Signed<RoleCert>,
        partitions: &[Partition],
        validity: &Validity,
    ) -> Result<(Grant, ReferralKey), DelegateError> {
        let answer = self.w.ask(&self.doctor, &self.medical, at(3)).unwrap();
        let (owner, to) = (self.w.id(), bundle_of(to, at(3)));
        self.doctor.refer(&owner, &answer, &to, role, partitions, validity, at(3), &mut rng(30))
    }

    fn refer(&mut self) -> (Grant, ReferralKey) {
        let specialist = user(21);
        let role = self.w.cert(&specialist, Role::Doctor);
        self.refer_to(&specialist, &role, &[MEDICAL], &week(3)).unwrap()
    }

    fn take(&mut self, (grant, key): &(Grant, ReferralKey), now: Timestamp) -> Result<(), Failure> {
        let owner = self.w.id();
        self.w.server.refer(&owner, grant, key, now)
    }

    /// Whether doctor and specialist read the two records.
    fn seen(&mut self, now: Timestamp) -> [[bool; 2]; 2] {
        let Self { w, doctor, specialist, medical, personal } = self;
        [doctor, specialist].map(|user| [&*medical, &*personal].map(|sealed| w.reads(user, sealed, now)))
    }
}

#[test]
fn a_specialist_reads_what_he_was_referred_to() {
    let mut s = scene();
    assert_eq!(s.seen(at(3)), [[true, true], [false, false]]);
    let referral = s.refer();
    s.w.receipts(at(3));
    assert_eq!(s.take(&referral, at(4)), Ok(()));
    assert_eq!(s.seen(at(5)), [[true, true], [true, false]]);
    let receipts = s.w.receipts(at(6));
    let parent = s.w.owner.grants(&s.doctor.id()).next().unwrap().1;
    let (grant, user, by) = (referral.0.id(), s.specialist.id(), s.doctor.id());
    let event = Event::Referred { grant, parent, user, by, validity: week(3) };
    assert_eq!((receipts[0].at, &receipts[0].event), (at(4), &event));
    assert!(receipts.iter().any(|receipt| {
        matches!(receipt.event, Event::Reencrypted { grant: under, user: who, .. } if (under, who) == (grant, user))
    }));
    assert!(receipts.iter().any(|receipt| {
        matches!(receipt.event, Event::Denied { user: who, partition: PERSONAL, rule: Rule::Scope, .. } if who == user)
    }));
    assert_eq!(s.w.owner.check_live(&receipts), Ok(()));
    // The referral is not in the owner's list, and needs no step of the owner's.
    assert!(!s.w.owner.live().unwrap().set().iter().any(|(id, _)| *id == grant));
    // It survives a restart, and may come again.
    s.w.restart();
    assert_eq!(s.take(&referral, at(7)), Ok(()));
    assert_eq!(s.seen(at(7)), [[true, true], [true, false]]);
    assert!(!s.w.receipts(at(8)).iter().any(|receipt| matches!(receipt.event, Event::Referred { .. })));
    // What is written in the doctor's epoch is the specialist's too; the next epoch is not.
    s.medical = s.w.write(MEDICAL, 2, at(9));
    assert_eq!(s.seen(at(9))[1], [true, false]);
    s.w.join(&crate::common::user(40), Role::Researcher, at(10), at(10));
    s.medical = s.w.write(MEDICAL, 3, at(11));
    assert_eq!(s.seen(at(11)), [[true, true], [false, false]]);
}

#[test]
fn it_dies_with_the_grant_that_it_stands_on() {
    for how in 0..3 {
        let mut s = scene();
        let referral = s.refer();
        s.take(&referral, at(4)).unwrap();
        let parent = s.w.owner.grants(&s.doctor.id()).next().unwrap().1;
        s.w.receipts(at(4));
        let doctor = s.doctor.id();
        let update = match how {
            0 => s.w.owner.depart(&doctor, Level::Epochs, at(5), &mut s.w.rng),
            1 => s.w.owner.suspend(&doctor, at(5), &mut s.w.rng),
            // Another grant of the same is another grant.
            _ => s.w.owner.grant_again(&doctor, at(5), &mut s.w.rng),
        };
        s.w.send(&update.unwrap(), at(5));
        assert_eq!(s.seen(at(6))[1], [false, false]);
        let revoked = s.w.receipts(at(7)).into_iter().filter_map(|receipt| match receipt.event {
            Event::Revoked { grant, user } => Some((grant, user)),
            _ => None,
        });
        let mut expected = [(parent, doctor), (referral.0.id(), s.specialist.id())];
        expected.sort();
        assert_eq!(revoked.collect::<Vec<_>>(), expected);
        // The server has nothing left to make it from.
        let rules = Err(ServerError::Grant(GrantError::Rules));
        for _ in 0..2 {
            assert_eq!(s.take(&referral, at(8)), rules);
            s.w.restart();
        }
    }
}

#[test]
fn the_owner_bars_one_referral() {
    let mut s = scene();
    let referral = s.refer();
    s.take(&referral, at(4)).unwrap();
    let update = s.w.owner.bar(referral.0.id(), week(3).not_after(), at(5), &mut s.w.rng).unwrap();
    s.w.send(&update, at(5));
    assert_eq!(s.seen(at(6)), [[true, true], [false, false]]);
    for _ in 0..2 {
        assert_eq!(s.take(&referral, at(7)), Err(ServerError::Live(LiveError::NotLive)));
        s.w.restart();
    }
    // The doctor may think again, and so may the owner.
    let again = s.refer();
    assert_ne!(again.0.id(), referral.0.id());
    s.take(&again, at(8)).unwrap();
    assert_eq!(s.seen(at(9)), [[true, true], [true, false]]);
}

#[test]
fn it_ends_when_it_says() {
    let mut s = scene();
    let referral = s.refer();
    let early = s.take(&referral, at(2));
    assert_eq!(early, Err(ServerError::Grant(GrantError::NotYetValid)));
    s.take(&referral, at(4)).unwrap();
    let end = week(3).not_after();
    assert_eq!(s.seen(end), [[true, true], [true, false]]);
    s.w.receipts(end);
    let late = Timestamp(end.0 + 1);
    assert_eq!(s.w.read(&mut s.specialist, &s.medical, late), DENIED);
    assert_eq!(s.w.rules(late), [Rule::Expired]);
    assert_eq!(s.take(&referral, late), Err(ServerError::Grant(GrantError::Expired)));
    s.w.server.purge(late).unwrap();
    assert_eq!(s.w.server.storage().keys(b"grant/").unwrap().len(), 1);
    assert_eq!(s.seen(late), [[true, true], [false, false]]);
}

#[test]
fn nobody_is_referred_beyond_the_owners_rules() {
    let mut s = scene();
    let (specialist, chamber) = (user(21), party(200));
    let cert = |issuer: &SigningKey, subject: PartyId, role, until| {
        Signed::new(issuer, RoleCert { subject, role, validity: span(0, until) })
    };
    let good = cert(&chamber, specialist.id(), Role::Doctor, YEAR);
    let mut refused = |to: &User<Kapre>, role: &Signed<RoleCert>, partitions: &[Partition], validity: &Validity| match s
        .refer_to(to, role, partitions, validity)
    {
        Err(DelegateError::Rules(error)) => error,
        other => unreachable!("{other:?}"),
    };
    for (role, error) in [
        (cert(&chamber, specialist.id(), Role::Insurer, YEAR), RoleError::Issuer),
        (cert(&party(202), specialist.id(), Role::Doctor, YEAR), RoleError::Issuer),
        (cert(specialist.signing(), specialist.id(), Role::Doctor, YEAR), RoleError::Issuer),
        (cert(&chamber, user::<Kapre>(22).id(), Role::Doctor, YEAR), RoleError::Subject),
        (cert(&chamber, specialist.id(), Role::Doctor, WEEK), RoleError::Time),
    ] {
        assert_eq!(refused(&specialist, &role, &[MEDICAL], &week(3)), GrantError::Role(error));
    }
    // A partition of the doctor's that is not for referral, one that the doctor does not read, one that does not exist.
    let dental = Partition::new("dental").unwrap();
    for partitions in [&[PERSONAL][..], &[MEDICAL, PERSONAL], &[Partition::INSURANCE], &[dental], &[]] {
        assert_eq!(refused(&specialist, &good, partitions, &week(3)), GrantError::Scope, "{partitions:?}");
    }
    let longer = span(3, 4 + WEEK);
    assert_eq!(refused(&specialist, &good, &[MEDICAL], &longer), GrantError::TooLong);
    // Beyond the doctor's own time, at either end.
    let long = cert(&chamber, specialist.id(), Role::Doctor, 2 * YEAR);
    let after = span(YEAR - 10, YEAR + 1);
    assert_eq!(refused(&specialist, &long, &[MEDICAL], &after), GrantError::TooLong);
    let before = Validity::new(Timestamp(at(0).0 - Owner::<Kapre>::EARLY), at(9)).unwrap();
    let since = Validity::new(Timestamp(0), at(2 * YEAR)).unwrap();
    let ever = Signed::new(&chamber, RoleCert { subject: specialist.id(), role: Role::Doctor, validity: since });
    assert_eq!(refused(&specialist, &ever, &[MEDICAL], &before), GrantError::TooLong);
    // Nobody is in the storage but the doctor.
    assert_eq!(s.w.server.storage().keys(b"grant/").unwrap().len(), 1);
    let failed = {
        let answer = s.w.ask(&s.doctor, &s.medical, at(3)).unwrap();
        let (owner, to) = (s.w.id(), bundle_of(&specialist, at(3)));
        s.doctor.refer(&owner, &answer, &to, &good, &[MEDICAL], &week(3), at(3), &mut FailAfter::new(0))
    };
    assert_eq!(failed.unwrap_err(), DelegateError::Rng);
}

#[test]
fn only_who_has_a_grant_with_rules_refers() {
    // Where the policy says nothing nobody refers, and a rule is for the grants that are made after it.
    let mut w = W::new();
    let (mut doctor, mut other) = (user::<Kapre>(20), user::<Kapre>(22));
    w.join(&doctor, Role::Doctor, at(1), at(1));
    let sealed = w.write(MEDICAL, 1, at(2));
    w.owner.policy_mut().set_referral(Role::Doctor, Some(rule()));
    let (owner, specialist) = (w.id(), user::<Kapre>(21));
    let role = w.cert(&specialist, Role::Doctor);
    let to = bundle_of(&specialist, at(2));
    let refer = |w: &mut W, by: &mut User<Kapre>, answer: &Response<Kapre>, now| {
        by.refer(&owner, answer, &to, &role, &[MEDICAL], &week(3), now, &mut w.rng)
    };
    let answer = w.ask(&doctor, &sealed, at(3)).unwrap();
    let rules = DelegateError::Rules(GrantError::Rules);
    assert_eq!(refer(&mut w, &mut doctor, &answer, at(3)).unwrap_err(), rules);
    let update = w.owner.grant_again(&doctor.id(), at(4), &mut w.rng).unwrap();
    w.send(&update, at(4));
    let answer = w.ask(&doctor, &sealed, at(5)).unwrap();
    let referral = refer(&mut w, &mut doctor, &answer, at(5)).unwrap();
    // Another's answer is no grant of one's own, and one that ended is none.
    assert_eq!(refer(&mut w, &mut other, &answer, at(5)).unwrap_err(), DelegateError::Scope);
    assert_eq!(refer(&mut w, &mut doctor, &answer, at(YEAR + 1)).unwrap_err(), DelegateError::Scope);
    // Nor is one of this owner's, which was opened before, one of another owner's.
    let stranger = W::of(2).id();
    let foreign = doctor.refer(&stranger, &answer, &to, &role, &[MEDICAL], &week(3), at(5), &mut rng(1));
    assert_eq!(foreign.unwrap_err(), DelegateError::Scope);
    // Who was referred refers nobody.
    w.server.refer(&owner, &referral.0, &referral.1, at(6)).unwrap();
    let mut specialist = specialist;
    let answer = w.ask(&specialist, &sealed, at(6)).unwrap();
    assert_eq!(refer(&mut w, &mut specialist, &answer, at(6)).unwrap_err(), rules);
    // A rule that is withdrawn binds the grants that come after.
    w.owner.policy_mut().set_referral(Role::Doctor, None);
    assert!(w.owner.policy().referral(Role::Doctor).is_none());
    let answer = w.ask(&doctor, &sealed, at(7)).unwrap();
    assert!(refer(&mut w, &mut doctor, &answer, at(7)).is_ok());
    let update = w.owner.grant_again(&doctor.id(), at(8), &mut w.rng).unwrap();
    w.send(&update, at(8));
    let answer = w.ask(&doctor, &sealed, at(9)).unwrap();
    assert_eq!(refer(&mut w, &mut doctor, &answer, at(9)).unwrap_err(), rules);
}

#[test]
fn servers_take_referrals_that_fit_and_no_others() {
    let mut s = scene();
    let (first, second) = (s.refer(), s.refer());
    let owner = s.w.id();
    let mine = first.1.to_secret_bytes().to_vec();
    let key = |bytes: &[u8]| ReferralKey::from_bytes(bytes).unwrap();
    let mut take = |grant: &Grant, key: &ReferralKey| s.w.server.refer(&owner, grant, key, at(4)).unwrap_err();
    // The key of another referral, under its own name and under this one's.
    assert_eq!(take(&first.0, &second.1), ServerError::Grant(GrantError::ReKey));
    let crossed = [&mine[..36], &second.1.to_secret_bytes()[36..]].concat();
    assert_eq!(take(&first.0, &key(&crossed)), ServerError::Grant(GrantError::ReKey));
    // Every part of the grant is signed by somebody.
    let bytes = first.0.to_bytes();
    let mut tried = 0;
    for place in (8..bytes.len()).step_by(7) {
        let mut bytes = bytes.clone();
        bytes[place] ^= 1;
        let Ok(forged) = Grant::from_bytes(&bytes) else { continue };
        assert!(matches!(take(&forged, &first.1), ServerError::Grant(_)), "byte {place}");
        tried += 1;
    }
    assert!(tried > 20);
    // What is no referral, and a grant that the server does not have.
    let update = s.w.owner.grant_again(&s.doctor.id(), at(4), &mut s.w.rng).unwrap();
    let own = update.delegations[0].grant().clone();
    let mut take = |owner: &PartyId, grant: &Grant| s.w.server.refer(owner, grant, &first.1, at(4)).unwrap_err();
    assert_eq!(take(&owner, &own), ServerError::Grant(GrantError::Rules));
    let stranger = party(99).id();
    assert_eq!(take(&stranger, &first.0), ServerError::UnknownOwner);
    let other = W::of(2);
    s.w.server.enroll(other.id()).unwrap();
    let mut take = |owner: &PartyId, grant: &Grant| s.w.server.refer(owner, grant, &first.1, at(4)).unwrap_err();
    assert_eq!(take(&other.id(), &first.0), ServerError::Grant(GrantError::Rules));
    // None of it left anything, and both of them still fit.
    assert_eq!(s.w.server.storage().keys(b"grant/").unwrap().len(), 1);
    for referral in [&first, &second] {
        assert_eq!(s.take(referral, at(5)), Ok(()));
    }
    assert_eq!(s.seen(at(6)), [[true, true], [true, false]]);
}

#[test]
fn nobody_else_reads_with_a_referral() {
    let mut s = scene();
    let referral = s.refer();
    s.take(&referral, at(4)).unwrap();
    let answer = s.w.ask(&s.specialist, &s.medical, at(5)).unwrap();
    let mut eve = user::<Kapre>(66);
    assert_eq!(s.w.open(&mut eve, &s.medical, &answer, at(5)), Err(Refused::ByReader));
    assert_eq!(s.w.open(&mut s.doctor, &s.medical, &answer, at(5)), Err(Refused::ByReader));
    assert_eq!(s.w.open(&mut s.specialist, &s.medical, &answer, at(5)), Ok(()));
    assert_eq!(s.w.read(&mut eve, &s.medical, at(5)), DENIED);
    let text = format!("{referral:?}");
    let secret = referral.1.to_secret_bytes();
    let hex: String = secret[36..].iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!text.contains(&hex) && !text.contains(&format!("{:?}", &secret[36..])));
}
