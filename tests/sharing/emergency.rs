//! Break-glass: trustees let a doctor in while the owner cannot act, and everybody has it in writing.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use crate::common::emergency::{Emergency, Part, SECONDS, committee, rule, trustee_key};
use crate::common::*;
use sesphr::context::{Partition, Timestamp, Validity};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::hazmat::hash;
use sesphr::identity::{PartyId, Signed, SigningKey};
use sesphr::kac::trustees::{ChainError, Committee, ShareError, SharingChain, SubShare};
use sesphr::kapre::{Appeal, Approval, ApprovalKey, EmergencyError, EmergencyRequest, EmergencyRules, Kapre};
use sesphr::pre::{DelegateError, Entry, GrantError, LiveError};
use sesphr::sharing::log::{Auditor, Event, LiveRef, LogError, Position, Receipt, Rule};
use sesphr::sharing::*;

const MEDICAL: Partition = Partition::MEDICAL;
const PERSONAL: Partition = Partition::PERSONAL;

type W = World<Kapre>;
type Refusal = EmergencyError;

/// The owner prepared; a record of each partition is there, and a doctor asks at the tenth second.
fn scene() -> (W, Emergency, Signed<EmergencyRequest>, User<Kapre>) {
    let mut w = W::new();
    let emergency = Emergency::new(&mut w);
    let (request, doctor) = emergency.request(&w, at(10));
    (w, emergency, request, doctor)
}

/// The doctor was let in by the first and the third trustee.
fn let_in() -> (W, Emergency, Signed<EmergencyRequest>, User<Kapre>, Vec<Part>) {
    let (mut w, mut e, request, doctor) = scene();
    let parts = e.approve(&w, &[2, 0], &request, &doctor, at(11));
    assert_eq!(e.break_glass(&mut w, &request, &parts, at(12)), Ok(vec![]));
    (w, e, request, doctor, parts)
}

fn missing(good: usize, culprits: &[PartyId]) -> Result<Vec<PartyId>, ServerError<core::convert::Infallible>> {
    Err(ServerError::Emergency(Refusal::Missing { good, need: 2, culprits: culprits.to_vec() }))
}

fn not_live<T>() -> Result<T, ServerError<core::convert::Infallible>> {
    Err(ServerError::Live(LiveError::NotLive))
}

#[test]
fn a_doctor_is_let_in_and_everybody_has_it_in_writing() {
    let mut w = W::new();
    let mut bob = user::<Kapre>(10);
    w.join(&bob, Role::Researcher, at(1), at(1));
    let sealed = w.write(MEDICAL, 1, at(2));
    let personal = w.write(PERSONAL, 1, at(2));
    let mut e = Emergency::new(&mut w);
    let (request, mut doctor) = e.request(&w, at(10));
    let id = request.unverified().id();
    assert_eq!(w.read(&mut doctor, &sealed, at(10)), DENIED);
    let parts = e.approve(&w, &[2, 0], &request, &doctor, at(11));
    w.receipts(at(11));
    assert_eq!(e.break_glass(&mut w, &request, &parts, at(12)), Ok(vec![]));
    assert_eq!(w.read(&mut doctor, &sealed, at(13)), Ok(()));
    assert_eq!(w.read(&mut doctor, &personal, at(14)), DENIED);
    assert!(w.reads(&mut bob, &sealed, at(14)));
    // Each trustee who approved has one receipt, and the other none.
    let (user, validity) = (doctor.id(), Emergency::validity(at(10)));
    for (n, approved) in [true, false, true].into_iter().enumerate() {
        let event = Event::Approved { grant: id, user, request: request.digest(), validity };
        let receipt = Receipt { owner: w.id(), number: 0, at: at(11), live: LiveRef::NONE, event };
        let expected = if approved { vec![receipt] } else { vec![] };
        assert_eq!(e.receipts(&w, n, at(20)), expected, "trustee {n}");
    }
    // The server names them all, in order.
    let mut approvers = vec![trustee_key(0).id(), trustee_key(2).id()];
    approvers.sort();
    let receipts = w.receipts(at(20));
    let event = Event::Emergency { grant: id, user, request: request.digest(), approvers, validity };
    assert_eq!((receipts[0].at, &receipts[0].event), (at(12), &event));
    assert!(
        matches!(receipts[1].event, Event::Reencrypted { grant, user: who, .. } if (grant, who) == (id, doctor.id()))
    );
    assert!(matches!(receipts[2].event, Event::Denied { rule: Rule::Scope, .. }));
    assert_eq!(w.owner.check_live(&receipts), Ok(()));
    // What is written after the next epoch began was not asked for, whoever begins it.
    w.join(&crate::common::user(11), Role::Researcher, at(21), at(21));
    let later = w.write(MEDICAL, 2, at(22));
    assert_eq!(w.read(&mut doctor, &later, at(23)), DENIED);
    assert!(w.reads(&mut doctor, &sealed, at(23)));
    assert!(w.reads(&mut bob, &later, at(23)));
}

/// Documented: trustees have no keys of layers to give.
#[test]
fn who_is_let_in_does_not_read_bodies_in_layers() {
    for (level, reads) in [(Level::Headers, true), (Level::Bodies, false)] {
        let mut w = W::new();
        let [bob, mut carol] = [10, 11].map(user::<Kapre>);
        w.join(&bob, Role::Researcher, at(1), at(1));
        w.join(&carol, Role::Researcher, at(1), at(1));
        w.write(MEDICAL, 1, at(2));
        let update = w.owner.depart(&bob.id(), level, at(3), &mut w.rng).unwrap();
        w.send(&update, at(3));
        let headers = w.cloud.headers(&w.id(), None, usize::MAX).unwrap();
        let orders = w.owner.orders(&headers).unwrap().unwrap();
        let _ = w.cloud.carry_out(&w.owner.id(), &orders).unwrap();
        let update = w.owner.settle(at(4), &mut w.rng).unwrap();
        w.send(&update, at(4));
        if let Some(grant) = w.cloud.layers(&w.id(), &carol.id()).unwrap() {
            carol.take_layers(&w.id(), &grant).unwrap();
        }
        let mut e = Emergency::new(&mut w);
        let (request, mut doctor) = e.request(&w, at(10));
        let parts = e.approve(&w, &[2, 0], &request, &doctor, at(11));
        assert_eq!(e.break_glass(&mut w, &request, &parts, at(12)), Ok(vec![]));
        let sealed = w.cloud.fetch(&w.id(), &RECORD, &MEDICAL, 1).unwrap();
        assert!(w.reads(&mut carol, &sealed, at(13)));
        assert_eq!(w.reads(&mut doctor, &sealed, at(13)), reads, "{level:?}");
        // What is written from then on has no layer.
        let new = w.write(MEDICAL, 2, at(14));
        assert!(w.reads(&mut carol, &new, at(15)));
    }
}

#[test]
fn fewer_than_the_threshold_let_nobody_in() {
    let (mut w, mut e, request, mut doctor) = scene();
    let sealed = w.write(MEDICAL, 1, at(10));
    assert_eq!(e.break_glass(&mut w, &request, &[], at(12)), missing(0, &[]));
    let one = e.approve(&w, &[0], &request, &doctor, at(11));
    assert_eq!(e.break_glass(&mut w, &request, &one, at(12)), missing(1, &[]));
    // The same trustee twice is one trustee.
    let mut twice = one;
    twice.extend(e.approve(&w, &[0], &request, &doctor, at(12)));
    assert_eq!(e.break_glass(&mut w, &request, &twice, at(12)), missing(1, &[]));
    // And approvals of two requests are no two approvals of one.
    let other = e.request_by(&w, &doctor, at(10));
    twice.extend(e.approve(&w, &[1], &other, &doctor, at(12)));
    assert_eq!(e.break_glass(&mut w, &request, &twice, at(12)), missing(1, &[]));
    assert_eq!(w.read(&mut doctor, &sealed, at(13)), DENIED);
    assert!(w.server.storage().keys(b"grant/").unwrap().is_empty());
    // With one more, and more than enough, it works.
    twice.extend(e.approve(&w, &[1, 2], &request, &doctor, at(13)));
    assert_eq!(e.break_glass(&mut w, &request, &twice, at(14)), Ok(vec![]));
    assert!(w.reads(&mut doctor, &sealed, at(15)));
}

/// A part whose trustee signs for the key of another one, and sends that.
fn spoiled((approval, _): &Part, from: &Part, trustee: &SigningKey) -> Part {
    let (mut bytes, key) = (approval.unverified().to_bytes(), from.1.to_secret_bytes());
    let hash = hash::wide("sesphr v1 kapre approval key", &[&key[4..]]);
    bytes.last_chunk_mut::<32>().unwrap().copy_from_slice(&hash[..32]);
    (Signed::new(trustee, Approval::from_bytes(&bytes).unwrap()), ApprovalKey::from_bytes(&key).unwrap())
}

#[test]
fn a_bad_part_is_named_and_the_others_suffice() {
    let (mut w, mut e, request, mut doctor) = scene();
    let sealed = w.write(MEDICAL, 1, at(10));
    let mut parts = e.approve(&w, &[0, 1, 2], &request, &doctor, at(11));
    let cheat = trustee_key(1).id();
    // A key that somebody else sends in its name blames nobody.
    let other = ApprovalKey::from_bytes(&parts[0].1.to_secret_bytes()).unwrap();
    let framed = [(parts[1].0.clone(), other)];
    assert_eq!(e.break_glass(&mut w, &request, &framed, at(12)), missing(0, &[]));
    parts[1] = spoiled(&parts[1], &parts[0], &trustee_key(1));
    assert_eq!(e.break_glass(&mut w, &request, &parts[..2], at(12)), missing(1, &[cheat]));
    // What no trustee signed, or what names another approval, blames nobody.
    let stranger = Signed::new(&party(99), parts[0].0.unverified().clone());
    let mut forged = parts[0].0.to_bytes();
    *forged.last_mut().unwrap() ^= 1;
    let key = || ApprovalKey::from_bytes(&parts[0].1.to_secret_bytes()).unwrap();
    let forged = Signed::<Approval>::from_bytes(&forged).unwrap();
    let crossed = parts[2].0.clone();
    let noise = [(stranger, key()), (forged, key()), (crossed, key())];
    assert_eq!(e.break_glass(&mut w, &request, &noise, at(12)), missing(0, &[]));
    assert_eq!(w.read(&mut doctor, &sealed, at(12)), DENIED);
    assert_eq!(e.break_glass(&mut w, &request, &parts, at(12)), Ok(vec![cheat]));
    assert!(w.reads(&mut doctor, &sealed, at(13)));
    let emergency = |receipt: Receipt| match receipt.event {
        Event::Emergency { approvers, .. } => Some(approvers),
        _ => None,
    };
    let named: Vec<_> = w.receipts(at(14)).into_iter().filter_map(emergency).collect();
    assert!(named.len() == 1 && named[0].len() == 2 && !named[0].contains(&cheat));
}

#[test]
fn the_owner_bars_what_the_trustees_granted() {
    let (mut w, mut e, request, mut doctor, parts) = let_in();
    let mut bob = user::<Kapre>(10);
    w.join(&bob, Role::Researcher, at(0), at(13));
    // In an epoch that began after the request.
    let sealed = w.write(MEDICAL, 1, at(14));
    assert_eq!(w.read(&mut doctor, &sealed, at(14)), DENIED);
    let (id, end) = (request.unverified().id(), Emergency::validity(at(10)).not_after());
    w.receipts(at(14));
    let update = w.owner.bar(id, end, at(15), &mut w.rng).unwrap();
    w.send(&update, at(15));
    assert_eq!(e.break_glass(&mut w, &request, &parts, at(16)), not_live());
    let others = e.approve(&w, &[0, 1], &request, &doctor, at(16));
    assert_eq!(e.break_glass(&mut w, &request, &others, at(16)), not_live());
    w.restart();
    assert_eq!(e.break_glass(&mut w, &request, &parts, at(17)), not_live());
    assert!(w.server.storage().keys(b"grant/").unwrap().len() == 1 && w.reads(&mut bob, &sealed, at(17)));
    let events: Vec<_> = w.receipts(at(18)).into_iter().map(|receipt| receipt.event).collect();
    assert_eq!(events[..2], [Event::Advanced { generation: 0 }, Event::Revoked { grant: id, user: doctor.id() }]);
    // Another request is another grant: the rules are still there.
    let again = e.request_by(&w, &doctor, at(20));
    let parts = e.approve(&w, &[1, 2], &again, &doctor, at(20));
    assert_eq!(e.break_glass(&mut w, &again, &parts, at(20)), Ok(vec![]));
    assert!(w.reads(&mut doctor, &sealed, at(21)));
    // Barred before it came.
    let third = e.request_by(&w, &doctor, at(22));
    let update = w.owner.bar(third.unverified().id(), at(YEAR), at(23), &mut w.rng).unwrap();
    w.send(&update, at(23));
    let parts = e.approve(&w, &[1, 2], &third, &doctor, at(24));
    assert_eq!(e.break_glass(&mut w, &third, &parts, at(24)), not_live());
}

#[test]
fn with_the_rules_ends_what_was_granted_under_them() {
    let (mut w, mut e, request, mut doctor, parts) = let_in();
    let sealed = w.write(MEDICAL, 1, at(13));
    assert!(w.reads(&mut doctor, &sealed, at(13)));
    // New rules, and the same trustees with new shares.
    let (update, plan) = w.owner.prepare_emergency(&committee(), &rule(), at(14), &mut w.rng).unwrap();
    let entry = |plan: &EmergencyPlan| (plan.rules.unverified().id(), Entry::Live { digest: plan.rules.digest() });
    assert_eq!((update.live.removed(), update.live.set()), (&[entry(&e.plan).0][..], &[entry(&plan)][..]));
    w.send(&update, at(14));
    assert_eq!(w.read(&mut doctor, &sealed, at(15)), DENIED);
    assert_eq!(e.break_glass(&mut w, &request, &parts, at(15)), not_live());
    let owner = w.id();
    for trustee in &mut e.trustees {
        trustee.entrust(&owner, &plan.owner_key, &plan.rules, &plan.sharing, &plan.sub_shares).unwrap();
    }
    // A request under the former rules moves nobody.
    let appeal = doctor.appeal(&request, e.trustees[0].id(), at(16));
    let refused = e.trustees[0].approve(&owner, &request, &appeal, at(16), &mut rng(1));
    assert_eq!(refused.unwrap_err(), TrusteeError::Emergency(Refusal::Grant(GrantError::Rules)));
    e.plan = plan;
    let again = e.request_by(&w, &doctor, at(17));
    let parts = e.approve(&w, &[0, 1], &again, &doctor, at(17));
    assert_eq!(e.break_glass(&mut w, &again, &parts, at(17)), Ok(vec![]));
    assert!(w.reads(&mut doctor, &sealed, at(18)));
    // No rules at all.
    let update = w.owner.end_emergency(at(19), &mut w.rng).unwrap();
    assert_eq!((update.live.removed(), update.live.set()), (&[entry(&e.plan).0][..], &[][..]));
    w.send(&update, at(19));
    assert_eq!(w.read(&mut doctor, &sealed, at(20)), DENIED);
    assert_eq!(e.break_glass(&mut w, &again, &parts, at(20)), not_live());
    let update = w.owner.end_emergency(at(21), &mut w.rng).unwrap();
    assert!(update.live.removed().is_empty());
}

#[test]
fn it_ends_when_the_request_said() {
    let (mut w, mut e, request, mut doctor, parts) = let_in();
    let sealed = w.write(MEDICAL, 1, at(13));
    let end = Timestamp(at(10).0 + SECONDS);
    assert!(w.reads(&mut doctor, &sealed, end));
    w.receipts(end);
    let late = Timestamp(end.0 + 1);
    assert_eq!(w.read(&mut doctor, &sealed, late), DENIED);
    assert_eq!(w.rules(late), [Rule::Expired]);
    let expired = Refusal::Grant(GrantError::Expired);
    assert_eq!(e.break_glass(&mut w, &request, &parts, late), Err(ServerError::Grant(GrantError::Expired)));
    let owner = w.id();
    let appeal = doctor.appeal(&request, e.trustees[0].id(), late);
    let refused = e.trustees[0].approve(&owner, &request, &appeal, late, &mut rng(1));
    assert_eq!(refused.unwrap_err(), TrusteeError::Emergency(expired));
    let appeal = doctor.appeal(&request, e.trustees[0].id(), at(9));
    let refused = e.trustees[0].approve(&owner, &request, &appeal, at(9), &mut rng(1));
    assert_eq!(refused.unwrap_err(), TrusteeError::Emergency(Refusal::Grant(GrantError::NotYetValid)));
    w.server.purge(late).unwrap();
    assert!(w.server.storage().keys(b"grant/").unwrap().is_empty());
    // The head that lists the rules has an end too: with no owner to sign the next, so has all this.
    let head = w.owner.live().unwrap().head().unverified().not_after();
    let cert = w.owner.certify(doctor.id(), Role::Doctor, Validity::new(at(0), at(2 * YEAR)).unwrap());
    let (directory, validity) = (w.directory(head), Emergency::validity(head));
    let again = doctor.ask_trustees(&directory, &e.plan.rules, &cert, &[MEDICAL], &validity, &mut rng(1)).unwrap();
    let parts = e.approve(&w, &[0, 1], &again, &doctor, head);
    let stale = Err(ServerError::Live(LiveError::Stale));
    assert_eq!(e.break_glass(&mut w, &again, &parts, Timestamp(head.0 + 1)), stale);
    assert_eq!(e.break_glass(&mut w, &again, &parts, head), Ok(vec![]));
}

#[test]
fn trustees_let_in_whom_the_owner_said_and_nobody_else() {
    let (w, mut e, _, doctor) = scene();
    let (owner, directory) = (w.id(), w.directory(at(10)));
    let hour = Emergency::validity(at(10));
    let mut approve = |role: &Signed<RoleCert>, partitions: &[Partition], validity: &Validity| {
        let rules = &e.plan.rules;
        let request = doctor.ask_trustees(&directory, rules, role, partitions, validity, &mut rng(1)).unwrap();
        let appeal = doctor.appeal(&request, e.trustees[0].id(), at(10));
        match e.trustees[0].approve(&owner, &request, &appeal, at(10), &mut rng(1)) {
            Ok(_) => Ok(()),
            Err(TrusteeError::Emergency(Refusal::Grant(error))) => Err(error),
            Err(other) => unreachable!("{other:?}"),
        }
    };
    let cert = |issuer: &SigningKey, subject: &User<Kapre>, role, until| {
        let validity = Validity::new(at(0), at(until)).unwrap();
        Signed::new(issuer, RoleCert { subject: subject.id(), role, validity })
    };
    let chamber = party(200);
    let good = cert(&chamber, &doctor, Role::Doctor, YEAR);
    assert_eq!(approve(&good, &[MEDICAL, PERSONAL], &hour), Ok(()));
    for (role, error) in [
        (cert(&chamber, &doctor, Role::Researcher, YEAR), RoleError::Issuer),
        (cert(&party(202), &doctor, Role::Doctor, YEAR), RoleError::Issuer),
        (cert(doctor.signing(), &doctor, Role::Doctor, YEAR), RoleError::Issuer),
        (cert(&chamber, &user(21), Role::Doctor, YEAR), RoleError::Subject),
        (cert(&chamber, &doctor, Role::Doctor, 10), RoleError::Time),
    ] {
        assert_eq!(approve(&role, &[MEDICAL], &hour), Err(GrantError::Role(error)));
    }
    // The owner's own word on roles counts.
    let own = w.owner.certify(doctor.id(), Role::Doctor, Validity::new(at(0), at(YEAR)).unwrap());
    assert_eq!(approve(&own, &[MEDICAL], &hour), Ok(()));
    assert_eq!(approve(&good, &[Partition::INSURANCE], &hour), Err(GrantError::Scope));
    assert_eq!(approve(&good, &[MEDICAL, Partition::INSURANCE], &hour), Err(GrantError::Scope));
    assert_eq!(approve(&good, &[], &hour), Err(GrantError::Scope));
    let longer = Validity::new(at(10), Timestamp(at(11).0 + SECONDS)).unwrap();
    assert_eq!(approve(&good, &[MEDICAL], &longer), Err(GrantError::TooLong));
    // What the owner does not have cannot be asked for.
    let dental = Partition::new("dental").unwrap();
    let ask = |partition, rng: &mut dyn rand_core::TryCryptoRng<Error = sesphr::error::RngError>| {
        doctor.ask_trustees(&directory, &e.plan.rules, &good, &[partition], &hour, rng)
    };
    assert_eq!(ask(dental, &mut FailAfter::new(9)).unwrap_err(), DelegateError::Scope);
    assert_eq!(ask(MEDICAL, &mut FailAfter::new(0)).unwrap_err(), DelegateError::Rng);
    assert!(ask(MEDICAL, &mut FailAfter::new(9)).is_ok());
    // What was refused left no receipt.
    assert_eq!(e.receipts(&w, 0, at(11)).len(), 2);
}

#[test]
fn each_trustee_is_asked_now_and_by_who_asks() {
    let (w, mut e, request, doctor) = scene();
    let (owner, me, other) = (w.id(), trustee_key(0).id(), trustee_key(1).id());
    let sign = |signer: &SigningKey, request, trustee, at| Signed::new(signer, Appeal { request, trustee, at });
    let (digest, window) = (request.digest(), sesphr::kapre::APPEAL_WINDOW);
    let mut approve =
        |appeal: &Signed<Appeal>, now| e.trustees[0].approve(&owner, &request, appeal, now, &mut rng(1)).map(drop);
    let now = at(1000);
    let refused = Err(TrusteeError::Emergency(Refusal::Appeal));
    for appeal in [
        sign(doctor.signing(), digest, other, now),
        sign(doctor.signing(), e.plan.rules.digest(), me, now),
        sign(&party(99), digest, me, now),
        sign(doctor.signing(), digest, me, Timestamp(now.0 - window - 1)),
        sign(doctor.signing(), digest, me, Timestamp(now.0 + window + 1)),
    ] {
        assert_eq!(approve(&appeal, now), refused);
    }
    let mut forged = doctor.appeal(&request, me, now).to_bytes();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(approve(&Signed::from_bytes(&forged).unwrap(), now), refused);
    for when in [now.0 - window, now.0, now.0 + window] {
        assert_eq!(approve(&doctor.appeal(&request, me, Timestamp(when)), now), Ok(()));
    }
    let stranger = World::<Kapre>::of(2).id();
    let appeal = doctor.appeal(&request, me, now);
    let unknown = e.trustees[0].approve(&stranger, &request, &appeal, now, &mut rng(1));
    assert_eq!(unknown.unwrap_err(), TrusteeError::Unknown);
    let failed = e.trustees[0].approve(&owner, &request, &appeal, now, &mut FailAfter::new(0));
    assert_eq!(failed.unwrap_err(), TrusteeError::Rng);
    // One receipt for each time that it approved.
    assert_eq!(e.receipts(&w, 0, at(1001)).len(), 3);
}

/// The trustees share anew: the dealings of the first two, and what they add to the chain.
fn refresh(w: &W, e: &Emergency) -> (SharingChain, Vec<SubShare>) {
    let dealt = e.trustees[..2].iter().map(|trustee| trustee.deal(&w.id(), &mut rng(31)).unwrap());
    let (dealings, sub_shares): (Vec<_>, Vec<_>) = dealt.unzip();
    let mut chain = e.plan.sharing.clone();
    chain.push(dealings);
    (chain, sub_shares.into_iter().flatten().collect())
}

#[test]
fn trustees_refresh_their_shares_and_old_ones_fit_nothing() {
    let (mut w, mut e, request, mut doctor) = scene();
    let sealed = w.write(MEDICAL, 1, at(10));
    let stolen = e.approve(&w, &[0], &request, &doctor, at(11));
    let (chain, sub_shares) = refresh(&w, &e);
    let owner = w.id();
    for trustee in &mut e.trustees {
        trustee.entrust(&owner, &e.plan.owner_key, &e.plan.rules, &chain, &sub_shares).unwrap();
    }
    // The log goes on.
    let fresh = e.approve(&w, &[1, 2], &request, &doctor, at(12));
    assert_eq!(e.receipts(&w, 0, at(13)).len(), 1);
    // Parts of different rounds do not combine, under neither chain, and it is nobody's fault.
    let mixed = || {
        stolen
            .iter()
            .chain(&fresh)
            .take(2)
            .map(|(a, k)| (a.clone(), ApprovalKey::from_bytes(&k.to_secret_bytes()).unwrap()))
    };
    let mixed: Vec<Part> = mixed().collect();
    assert_eq!(e.break_glass(&mut w, &request, &mixed, at(14)), missing(1, &[]));
    let old = std::mem::replace(&mut e.plan.sharing, chain);
    assert_eq!(e.break_glass(&mut w, &request, &mixed, at(14)), missing(1, &[]));
    assert_eq!(w.read(&mut doctor, &sealed, at(14)), DENIED);
    assert_eq!(e.break_glass(&mut w, &request, &fresh, at(15)), Ok(vec![]));
    assert!(w.reads(&mut doctor, &sealed, at(16)));
    // Whoever shows the old chain gets nobody blamed.
    e.plan.sharing = old;
    assert_eq!(e.break_glass(&mut w, &request, &fresh, at(17)), missing(0, &[]));
    let nobody = World::<Kapre>::of(2).id();
    assert_eq!(e.trustees[0].deal(&nobody, &mut rng(1)).unwrap_err(), TrusteeError::Unknown);
    assert_eq!(e.trustees[0].deal(&owner, &mut FailAfter::new(0)).unwrap_err(), TrusteeError::Rng);
}

#[test]
fn a_trustee_takes_what_the_owner_prepared_for_it_and_nothing_else() {
    let (mut w, e, ..) = scene();
    let owner = w.id();
    let EmergencyPlan { owner_key, rules, sharing, sub_shares } = &e.plan;
    let mut theirs = World::<Kapre>::of(2);
    let foreign = Emergency::new(&mut theirs).plan;
    // The same owner, with another committee.
    let committee = Committee::new(1, &[trustee_key(0).id()]).unwrap();
    let (_, other) = w.owner.prepare_emergency(&committee, &rule(), at(6), &mut w.rng).unwrap();
    let load = |n| Trustee::load(Kapre::params(), trustee_key(n), MemoryStorage::new()).unwrap();
    let mut trustee = load(0);
    let mut refuse = |key, rules: &Signed<EmergencyRules>, sharing, shares: &[SubShare], error| {
        assert_eq!(trustee.entrust(&owner, key, rules, sharing, shares), Err(error));
        assert!(trustee.storage().keys(b"").unwrap().is_empty());
    };
    let signature = || TrusteeError::Signature;
    refuse(owner_key, &foreign.rules, sharing, sub_shares, signature());
    let mut forged = rules.to_bytes();
    *forged.last_mut().unwrap() ^= 1;
    refuse(owner_key, &Signed::from_bytes(&forged).unwrap(), sharing, sub_shares, signature());
    refuse(owner_key, &other.rules, sharing, sub_shares, TrusteeError::Emergency(Refusal::Committee));
    refuse(owner_key, rules, &other.sharing, &other.sub_shares, TrusteeError::Emergency(Refusal::Committee));
    refuse(owner_key, rules, sharing, &[], TrusteeError::Share(ShareError::SubShares(vec![owner])));
    let wrong = TrusteeError::Share(ShareError::SubShares(vec![owner]));
    refuse(owner_key, rules, sharing, &foreign.sub_shares, wrong);
    let of = |sharing: &SharingChain| match trustee_of(&owner, owner_key, rules, sharing, sub_shares) {
        Err(TrusteeError::Sharing(error)) => error,
        other => unreachable!("{other:?}"),
    };
    assert!(matches!(of(&foreign.sharing), ChainError::Dealing { round: 1, .. }));
    let key = trustee_of(&owner, &foreign.owner_key, rules, sharing, sub_shares);
    assert!(matches!(key, Err(TrusteeError::Key(_))));
    let stranger = load(9).entrust(&owner, owner_key, rules, sharing, sub_shares);
    assert_eq!(stranger, Err(TrusteeError::Share(ShareError::Trustee)));
}

/// The first trustee is given these.
fn trustee_of(
    owner: &PartyId,
    key: &sesphr::kac::GenerationChain,
    rules: &Signed<EmergencyRules>,
    sharing: &SharingChain,
    shares: &[SubShare],
) -> Result<(), TrusteeError<core::convert::Infallible>> {
    let mut trustee = Trustee::load(Kapre::params(), trustee_key(0), MemoryStorage::new()).unwrap();
    trustee.entrust(owner, key, rules, sharing, shares)
}

#[test]
fn a_trustee_that_comes_back_has_its_share_and_its_log() {
    let (w, mut e, request, doctor) = scene();
    e.approve(&w, &[0], &request, &doctor, at(11));
    let load = |storage, n| Trustee::load(Kapre::params(), trustee_key(n), storage);
    let storage = e.trustees[0].storage().clone();
    e.trustees[0] = load(storage.clone(), 0).unwrap();
    e.approve(&w, &[0], &request, &doctor, at(12));
    let numbers: Vec<_> = e.receipts(&w, 0, at(13)).into_iter().map(|receipt| (receipt.number, receipt.at)).collect();
    assert_eq!(numbers, [(0, at(11)), (1, at(12))]);
    // Another's storage is of no use: the receipts in it are not its own, and without them the share is not.
    assert_eq!(load(storage.clone(), 1).unwrap_err(), TrusteeError::Log(LogError::Signature));
    let share = storage.keys(b"ward/").unwrap().remove(0);
    let mut bare = MemoryStorage::new();
    bare.put(&share, &storage.get(&share).unwrap().unwrap()).unwrap();
    let mut thief = load(bare.clone(), 1).unwrap();
    let appeal = doctor.appeal(&request, thief.id(), at(13));
    let refused = thief.approve(&w.id(), &request, &appeal, at(13), &mut rng(1));
    assert_eq!(refused.unwrap_err(), TrusteeError::Emergency(Refusal::Trustee));
    // What the storage gives back is what was put there.
    let tampered = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = bare.get(&share).unwrap().unwrap().to_vec();
        change(&mut bytes);
        let mut storage = MemoryStorage::new();
        storage.put(&share, &bytes).unwrap();
        load(storage, 0).map(drop)
    };
    assert_eq!(tampered(&|_| ()), Ok(()));
    assert!(matches!(tampered(&|bytes| bytes.truncate(9)), Err(TrusteeError::Corrupt(_))));
    assert!(matches!(tampered(&|bytes| bytes.push(0)), Err(TrusteeError::Corrupt(_))));
    assert_eq!(tampered(&|bytes| *bytes.last_mut().unwrap() ^= 1), Err(TrusteeError::Share(ShareError::Value)));
    // The signature of the rules, before the share of 69 bytes.
    let place = |bytes: &mut Vec<u8>| bytes.len() - 69 - 1;
    assert_eq!(
        tampered(&|bytes| {
            let at = place(bytes);
            bytes[at] ^= 1
        }),
        Err(TrusteeError::Signature)
    );
    let mut elsewhere = MemoryStorage::new();
    elsewhere.put(b"ward/x", &bare.get(&share).unwrap().unwrap()).unwrap();
    assert!(matches!(load(elsewhere, 0), Err(TrusteeError::Corrupt(_))));
    // Audits are for the owner, once.
    let mut auditor = Auditor::new(w.id(), trustee_key(0).id());
    let query = w.owner.ask_audit(&auditor, at(14));
    auditor.follow(&e.trustees[0].audit(&query, at(14)).unwrap()).unwrap();
    let window = Trustee::<MemoryStorage>::WINDOW;
    let sign =
        |signer: &SigningKey, keeper, when, position| Signed::new(signer, AuditQuery { keeper, at: when, position });
    let (own, none) = (w.owner.signing(), Position::default());
    let mut ask = |query: &Signed<AuditQuery>, now| e.trustees[0].audit(query, now).map(drop);
    for when in [at(14), at(14 + window), at(15 + window)] {
        assert_eq!(ask(&query, when), Err(TrusteeError::Stale));
    }
    let keeper = trustee_key(0).id();
    assert_eq!(ask(&sign(own, trustee_key(1).id(), at(15), none), at(15)), Err(TrusteeError::Stale));
    assert_eq!(ask(&sign(own, keeper, at(400), none), at(401 + window)), Err(TrusteeError::Stale));
    assert_eq!(ask(&sign(&party(99), keeper, at(15), none), at(15)), Err(TrusteeError::Unknown));
    let mut forged = sign(own, keeper, at(15), none).to_bytes();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(ask(&Signed::from_bytes(&forged).unwrap(), at(15)), Err(TrusteeError::Signature));
    let beyond = Position { read: 9, size: 9 };
    assert_eq!(ask(&sign(own, keeper, at(15), beyond), at(15)), Err(TrusteeError::Log(LogError::Position)));
    assert_eq!(ask(&sign(own, keeper, at(15), none), at(15)), Ok(()));
}

#[test]
fn replays_and_mixed_statements_change_nothing() {
    let (mut w, mut e, request, mut doctor, parts) = let_in();
    let sealed = w.write(MEDICAL, 1, at(13));
    w.receipts(at(13));
    // Sent again it is the same grant; by other trustees it has the same name and is another one.
    assert_eq!(e.break_glass(&mut w, &request, &parts, at(14)), Ok(vec![]));
    let others = e.approve(&w, &[0, 1], &request, &doctor, at(14));
    assert_eq!(e.break_glass(&mut w, &request, &others, at(14)), Err(ServerError::Duplicate));
    assert!(w.receipts(at(15)).is_empty());
    w.restart();
    assert_eq!(e.break_glass(&mut w, &request, &parts, at(15)), Ok(vec![]));
    assert!(w.reads(&mut doctor, &sealed, at(15)));
    // Nobody else reads with it: who signed the request is who is let in.
    let mut eve = user::<Kapre>(66);
    let answer = w.ask(&doctor, &sealed, at(16)).unwrap();
    assert_eq!(w.open(&mut eve, &sealed, &answer, at(16)), Err(Refused::ByReader));
    assert_eq!(w.read(&mut eve, &sealed, at(16)), DENIED);
    // Another owner's statements, and an owner who is not served.
    let mut theirs = W::of(2);
    let foreign = Emergency::new(&mut theirs).plan;
    let EmergencyPlan { owner_key, rules, sharing, .. } = &e.plan;
    let (one, two) = (w.id(), theirs.id());
    let mut server = |owner, key, sharing, rules| {
        w.server.break_glass(owner, key, sharing, rules, &request, &parts, at(17)).unwrap_err()
    };
    assert!(matches!(server(&one, &foreign.owner_key, sharing, rules), ServerError::Key(_)));
    assert!(matches!(server(&one, owner_key, &foreign.sharing, rules), ServerError::Sharing(_)));
    let signature = ServerError::Emergency(Refusal::Grant(GrantError::Signature));
    assert_eq!(server(&one, owner_key, sharing, &foreign.rules), signature);
    assert!(matches!(server(&two, owner_key, sharing, rules), ServerError::Key(_)));
    let mut elsewhere = Server::load(Kapre::params(), party(201), MemoryStorage::new()).unwrap();
    let unknown = elsewhere.break_glass(&one, owner_key, sharing, rules, &request, &parts, at(17));
    assert_eq!(unknown, Err(ServerError::UnknownOwner));
    // A request that was altered, or that is somebody else's.
    let mut forged = request.to_bytes();
    *forged.last_mut().unwrap() ^= 1;
    let forged = Signed::<EmergencyRequest>::from_bytes(&forged).unwrap();
    assert_eq!(
        w.server.break_glass(&one, owner_key, sharing, rules, &forged, &parts, at(17)),
        Err(ServerError::Emergency(Refusal::Grant(GrantError::Signature)))
    );
}

#[test]
fn preparing_fails_as_a_whole() {
    let mut w = W::new();
    let before = w.owner.membership();
    let dental = AdmissionRule { partitions: BTreeSet::from([Partition::new("dental").unwrap()]), ..rule() };
    let failed = w.owner.prepare_emergency(&committee(), &dental, at(1), &mut w.rng);
    assert_eq!(failed.unwrap_err(), OwnerError::NoSuchPeriod);
    let mut draws = 0;
    while let Err(error) = w.owner.prepare_emergency(&committee(), &rule(), at(1), &mut FailAfter::new(draws)) {
        assert_eq!((error, w.owner.membership() == before), (OwnerError::Rng, true), "draw {draws}");
        draws += 1;
    }
    assert!(draws > 2);
    // More issuers than rules can name.
    for n in 0..256_u32 {
        let mut id = [0; 32];
        id[..4].copy_from_slice(&n.to_be_bytes());
        w.owner.policy_mut().trust(Role::Doctor, PartyId::from_array(id));
    }
    let failed = w.owner.prepare_emergency(&committee(), &rule(), at(2), &mut w.rng);
    assert_eq!(failed.unwrap_err(), OwnerError::Exhausted);
}
