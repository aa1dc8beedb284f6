//! What a server writes down: every act once, with all that an owner wants to know of it, and nothing of strangers
//! that hides or fills.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::*;
use sesphr::context::{Partition, Timestamp, Validity};
use sesphr::encoding::{Encoding, Message};
use sesphr::identity::{PartyId, Signed};
use sesphr::pre::{GrantId, LiveUpdate};
use sesphr::record::SealedPartition;
use sesphr::sharing::log::{AuditError, Auditor, Event, LiveRef, Read, Receipt, Rule, reads};
use sesphr::sharing::*;

const MEDICAL: Partition = Partition::MEDICAL;
const INSURANCE: Partition = Partition::INSURANCE;

on_every_scheme! {
    every_act_leaves_its_receipt,
    nothing_is_written_of_what_changed_nothing,
    every_denial_names_its_rule,
    the_owner_learns_who_read_what_and_when,
    every_receipt_names_a_head_that_the_owner_signed,
    floods_are_bounded_for_everybody_by_himself,
    copies_of_a_members_requests_count_as_a_strangers,
    an_auditor_is_kept_between_audits,
    every_owner_has_a_log_of_its_own,
}

fn live(update: &LiveUpdate) -> LiveRef {
    LiveRef { version: update.head().unverified().version(), head: update.head().digest() }
}

/// The grants of an update, in the order in which they are sent.
fn granted<S: Tested>(update: &Update<S>) -> Vec<(GrantId, sesphr::Digest)> {
    update.delegations.iter().map(|delegation| S::name(delegation.grant())).collect()
}

fn request<S: Tested>(
    w: &mut World<S>,
    user: &User<S>,
    sealed: &SealedPartition,
    now: Timestamp,
) -> Signed<Request<S>> {
    user.request(w.server.id(), sealed.header(), now, &mut w.rng).unwrap()
}

fn every_act_leaves_its_receipt<S: Tested>() {
    let mut w = World::<S>::new();
    let bob = user::<S>(10);
    let mut expected: Vec<(Timestamp, LiveRef, Event)> = Vec::new();
    // The world began with a head.
    let first = live(&w.owner.live().unwrap());
    expected.push((at(0), first, Event::Advanced { generation: 0 }));
    // A member joins: a head, and the grants under it.
    let joined = w.join(&bob, Role::Doctor, at(1), at(1));
    let (now, head) = (at(1), live(&joined.live));
    expected.push((now, head, Event::Advanced { generation: 0 }));
    let end = at(YEAR);
    let validity = Validity::new(Timestamp(at(1).0 - Owner::<S>::EARLY), end).unwrap();
    for (grant, terms) in granted(&joined) {
        expected.push((now, head, Event::Granted { grant, user: bob.id(), terms, validity }));
    }
    // It reads, and asks for what it may not read.
    let (sealed, insurance) = (w.write(MEDICAL, 3, at(2)), w.write(INSURANCE, 1, at(2)));
    let asked = request(&mut w, &bob, &sealed, at(4));
    assert!(w.server.reencrypt(&asked, at(5), &mut rng(6)).is_ok());
    let ctx = sealed.header().context();
    let grants: Vec<_> = w.owner.grants(&bob.id()).collect();
    let grant = grants.iter().find(|(period, ..)| period.partition == MEDICAL).unwrap().1;
    let (user, digest) = (bob.id(), asked.digest());
    let reencrypted = Event::Reencrypted {
        grant,
        user,
        request: digest,
        record: RECORD,
        version: 3,
        partition: MEDICAL,
        context: ctx.digest(),
    };
    expected.push((at(5), head, reencrypted));
    let asked = request(&mut w, &bob, &insurance, at(6));
    assert!(w.server.reencrypt(&asked, at(7), &mut rng(6)).is_err());
    // Under one key there is a grant, which does not cover it.
    let rule = if S::ONE_KEY { Rule::Scope } else { Rule::NoGrant };
    let denied = Event::Denied { user, request: asked.digest(), record: RECORD, partition: INSURANCE, rule };
    expected.push((at(7), head, denied));
    // It departs: a head, and the end of each grant, in order of name.
    let mut gone: Vec<_> = granted(&joined).into_iter().map(|(id, _)| id).collect();
    gone.sort();
    let departed = w.depart(&bob, at(8));
    let head = live(&departed.live);
    expected.push((at(8), head, Event::Advanced { generation: 0 }));
    expected.extend(gone.into_iter().map(|grant| (at(8), head, Event::Revoked { grant, user })));
    // What is left of it asks in vain.
    let asked = request(&mut w, &bob, &sealed, at(9));
    assert!(w.server.reencrypt(&asked, at(9), &mut rng(6)).is_err());
    let rule = Rule::NoGrant;
    let denied = Event::Denied { user, request: asked.digest(), record: RECORD, partition: MEDICAL, rule };
    expected.push((at(9), head, denied));
    // Word for word.
    let owner = w.id();
    let numbered = (0..).zip(expected).map(|(number, (at, live, event))| Receipt { owner, number, at, live, event });
    assert_eq!(w.receipts(at(10)), numbered.collect::<Vec<_>>());
}

fn nothing_is_written_of_what_changed_nothing<S: Tested>() {
    let mut w = World::<S>::new();
    let bob = user::<S>(10);
    let joined = w.join(&bob, Role::Doctor, at(1), at(1));
    let sealed = w.write(MEDICAL, 1, at(2));
    w.receipts(at(2));
    let owner = w.id();
    // The same again, an audit, a purge before its time, a restart, and another enrolment.
    w.server.update(&owner, &joined.live, at(3)).unwrap();
    joined.delegations.iter().for_each(|delegation| w.server.accept(&owner, delegation, at(3)).unwrap());
    w.server.purge(at(3)).unwrap();
    w.server.enroll(owner).unwrap();
    w.restart();
    assert!(w.receipts(at(4)).is_empty());
    // What is refused by the owner's own rules is between owner and server.
    let stranger = World::<S>::of(2).try_join(&bob, Role::Doctor, at(1), at(1)).unwrap();
    assert!(w.server.accept(&owner, &stranger.delegations[0], at(5)).is_err());
    assert!(w.server.update(&owner, &stranger.live, at(5)).is_err());
    // What nobody signed, and what is about somebody who is not served.
    let mut forged = request(&mut w, &bob, &sealed, at(6)).to_bytes();
    *forged.last_mut().unwrap() ^= 1;
    assert!(w.server.reencrypt(&Signed::from_bytes(&forged).unwrap(), at(6), &mut rng(6)).is_err());
    let mut other = World::<S>::of(2);
    let theirs = other.write(MEDICAL, 1, at(6));
    assert!(w.ask(&bob, &theirs, at(6)).is_err());
    // A generator that fails answers nothing.
    let asked = request(&mut w, &bob, &sealed, at(7));
    assert_eq!(w.server.reencrypt(&asked, at(7), &mut FailAfter::new(0)).unwrap_err(), RequestError::Rng);
    assert!(w.receipts(at(8)).is_empty());
    // What ended by itself leaves no receipt when it is forgotten: its end is in the one of its beginning.
    w.server.purge(at(YEAR + 2)).unwrap();
    assert!(w.server.storage().keys(b"grant/").unwrap().is_empty());
    assert!(w.receipts(at(9)).is_empty());
}

fn every_denial_names_its_rule<S: Tested>() {
    let mut w = World::<S>::new();
    let (bob, carol) = (user::<S>(10), user::<S>(11));
    let cert = w.owner.certify(bob.id(), Role::Researcher, Validity::new(at(0), at(100)).unwrap());
    let update = w.owner.join(&bob.bundle(1, at(YEAR)), &cert, at(1), at(1), &mut w.rng).unwrap();
    w.send(&update, at(1));
    let (sealed, insurance) = (w.write(MEDICAL, 1, at(2)), w.write(INSURANCE, 1, at(2)));
    let elsewhere = bob.request(party(99).id(), sealed.header(), at(3), &mut w.rng).unwrap();
    let now = request(&mut w, &bob, &sealed, at(3));
    let early = request(&mut w, &bob, &sealed, Timestamp(at(0).0 - Owner::<S>::EARLY));
    let window = Server::<S, MemoryStorage>::WINDOW;
    let mut ask = |asked: &Signed<Request<S>>, when| w.server.reencrypt(asked, when, &mut rng(6)).is_ok();
    assert!(!ask(&elsewhere, at(3)));
    assert!(!ask(&now, at(4 + window)));
    assert!(ask(&now, at(3)));
    assert!(!ask(&now, at(4)));
    assert!(!ask(&early, Timestamp(at(0).0 - Owner::<S>::EARLY)));
    let late = request(&mut w, &bob, &sealed, at(101));
    assert!(w.server.reencrypt(&late, at(101), &mut rng(6)).is_err());
    assert!(w.ask(&bob, &insurance, at(102)).is_err());
    assert!(w.ask(&carol, &sealed, at(103)).is_err());
    assert!(w.ask(&bob, &sealed, at(YEAR + 2)).is_err());
    let scope = if S::ONE_KEY { Rule::Scope } else { Rule::NoGrant };
    let expected = [
        Rule::OtherServer,
        Rule::Stale,
        Rule::Replayed,
        Rule::NotYetValid,
        Rule::Expired,
        scope,
        Rule::NoGrant,
        Rule::NoHead,
    ];
    assert_eq!(w.rules(at(YEAR + 3)), expected);
}

fn the_owner_learns_who_read_what_and_when<S: Tested>() {
    let mut w = World::<S>::new();
    let (mut bob, mut carol, mut eve) = (user::<S>(10), user::<S>(11), user::<S>(12));
    w.join(&bob, Role::Researcher, at(1), at(1));
    w.join(&carol, Role::FamilyAndFriends, at(1), at(2));
    let (medical, insurance) = (w.write(MEDICAL, 4, at(3)), w.write(INSURANCE, 5, at(3)));
    for (reader, sealed, when) in
        [(0, &medical, 4), (1, &insurance, 5), (2, &medical, 6), (0, &insurance, 7), (1, &medical, 8)]
    {
        let reader = [&mut bob, &mut carol, &mut eve].into_iter().nth(reader).unwrap();
        w.reads(reader, sealed, at(when));
    }
    let receipts = w.receipts(at(9));
    let read =
        |user: PartyId, partition, version, when| Read { user, record: RECORD, version, partition, at: at(when) };
    let expected = [read(bob.id(), MEDICAL, 4, 4), read(carol.id(), INSURANCE, 5, 5), read(carol.id(), MEDICAL, 4, 8)];
    assert_eq!(reads(&receipts).collect::<Vec<_>>(), expected);
}

fn every_receipt_names_a_head_that_the_owner_signed<S: Tested>() {
    let mut w = World::<S>::new();
    let mut bob = user::<S>(10);
    w.join(&bob, Role::Researcher, at(1), at(1));
    let sealed = w.write(MEDICAL, 1, at(2));
    for seconds in 3..8 {
        assert!(w.reads(&mut bob, &sealed, at(seconds)));
        let update = w.owner.publish(at(seconds), &mut w.rng).unwrap();
        w.send(&update, at(seconds));
    }
    // A head that the server does not get: the receipt shows under which it worked.
    let known = live(&w.owner.live().unwrap());
    let _ = w.owner.publish(at(8), &mut w.rng).unwrap();
    assert!(w.reads(&mut bob, &sealed, at(9)));
    let receipts = w.receipts(at(10));
    assert_eq!(receipts.last().unwrap().live, known);
    assert_eq!(w.owner.check_live(&receipts), Ok(()));
    assert!(receipts.iter().all(|receipt| w.owner.signed_head(receipt.live.version, &receipt.live.head)));
    assert!(receipts.iter().map(|receipt| receipt.live.version).is_sorted());
    // Another version, another digest, another owner: not signed.
    let LiveRef { version, head } = known;
    assert!(!w.owner.signed_head(version + 1, &head) && !w.owner.signed_head(0, &head));
    let mut forged = receipts.clone();
    forged[3].live.head = sesphr::Digest::from_array([9; 32]);
    assert_eq!(w.owner.check_live(&forged), Err(AuditError::Live));
    assert_eq!(World::<S>::of(2).owner.check_live(&receipts), Err(AuditError::Live));
}

fn denials<S: Tested>(w: &mut World<S>, of: &PartyId, now: Timestamp) -> usize {
    let by = |receipt: &Receipt| matches!(receipt.event, Event::Denied { user, .. } if user == *of);
    w.receipts(now).iter().filter(|receipt| by(receipt)).count()
}

fn floods_are_bounded_for_everybody_by_himself<S: Tested>() {
    let mut w = World::<S>::new();
    let (bob, carol) = (user::<S>(10), user::<S>(11));
    w.join(&bob, Role::Researcher, at(1), at(1));
    w.join(&carol, Role::Researcher, at(1), at(2));
    let sealed = w.write(INSURANCE, 1, at(3));
    let max = Server::<S, MemoryStorage>::MAX_DENIALS;
    let before = w.server.storage().keys(b"log/").unwrap().len();
    for _ in 0..max + 5 {
        assert!(w.ask(&bob, &sealed, at(4)).is_err());
    }
    let after = w.server.storage().keys(b"log/").unwrap().len();
    assert_eq!(after - before, max);
    // He hides nothing of anybody else's, and what he may read he reads.
    assert!(w.ask(&carol, &sealed, at(5)).is_err());
    let medical = w.write(MEDICAL, 1, at(5));
    assert!(w.ask(&bob, &medical, at(5)).is_ok());
    let receipts = w.receipts(at(6));
    let denied = |of: &User<S>| {
        let by = |receipt: &&Receipt| matches!(receipt.event, Event::Denied { user, .. } if user == of.id());
        receipts.iter().filter(by).count()
    };
    assert_eq!((denied(&bob), denied(&carol), reads(&receipts).count()), (max, 1, 1));
    // With the audit the count begins anew.
    assert!(w.ask(&bob, &sealed, at(7)).is_err());
    assert_eq!(denials(&mut w, &bob.id(), at(8)), 1);
    // Who departed is known still.
    w.depart(&carol, at(9));
    for seed in 30..33 {
        assert!(w.ask(&user(seed), &sealed, at(10)).is_err());
    }
    assert!(w.ask(&carol, &sealed, at(10)).is_err());
    assert_eq!(denials(&mut w, &carol.id(), at(11)), 1);
}

fn copies_of_a_members_requests_count_as_a_strangers<S: Tested>() {
    let mut w = World::<S>::new();
    let bob = user::<S>(10);
    w.join(&bob, Role::Researcher, at(1), at(1));
    let (medical, insurance) = (w.write(MEDICAL, 1, at(2)), w.write(INSURANCE, 1, at(2)));
    let max = Server::<S, MemoryStorage>::MAX_DENIALS;
    // Somebody recorded one that was answered, one that was denied, one that is old and one for another server.
    let answered = request(&mut w, &bob, &medical, at(1000));
    assert!(w.server.reencrypt(&answered, at(1000), &mut rng(6)).is_ok());
    let denied = request(&mut w, &bob, &insurance, at(1000));
    assert!(w.server.reencrypt(&denied, at(1000), &mut rng(6)).is_err());
    let old = request(&mut w, &bob, &medical, at(2));
    let elsewhere = bob.request(party(99).id(), medical.header(), at(1000), &mut w.rng).unwrap();
    let copies = [answered, denied, old, elsewhere];
    for copy in copies.iter().cycle().take(max + 8) {
        assert!(w.server.reencrypt(copy, at(1001), &mut rng(6)).is_err());
    }
    // What he does himself is written down all the same.
    assert!(w.ask(&bob, &insurance, at(1002)).is_err());
    let own = if S::ONE_KEY { Rule::Scope } else { Rule::NoGrant };
    let rules = w.rules(at(1003));
    assert_eq!((rules.len(), rules[0], *rules.last().unwrap()), (1 + max + 1, own, own));
    let copied = [Rule::Replayed, Rule::Replayed, Rule::Stale, Rule::OtherServer];
    assert!(rules[1..=max].iter().zip(copied.iter().cycle()).all(|(rule, expected)| rule == expected));
}

fn an_auditor_is_kept_between_audits<S: Tested>() {
    let mut w = World::<S>::new();
    let mut bob = user::<S>(10);
    w.join(&bob, Role::Researcher, at(1), at(1));
    let sealed = w.write(MEDICAL, 1, at(2));
    let first = w.receipts(at(3)).len() as u64;
    assert!(w.reads(&mut bob, &sealed, at(4)));
    // Kept on paper; the server is restarted meanwhile, and the owner is on another device.
    w.auditor = Auditor::from_bytes(&w.auditor.to_bytes()).unwrap();
    w.restart();
    let backup = w.owner.export(&mut w.rng).unwrap();
    w.owner = Owner::recover(S::params(), World::<S>::root(1), &backup, 0).unwrap();
    let receipts = w.receipts(at(5));
    assert_eq!((receipts.len(), receipts[0].number, receipts[0].at), (1, first, at(4)));
    assert_eq!((w.auditor.unread(), w.auditor.at()), (0, Some(at(5))));
    // An answer that was given is not one to the next question, and an altered one is none.
    let query = w.owner.ask_audit(&w.auditor, at(6));
    assert!(w.reads(&mut bob, &sealed, at(6)));
    let audit = w.server.audit(&query, at(6)).unwrap();
    let mut altered = audit.to_bytes();
    *altered.last_mut().unwrap() ^= 1;
    let altered = log::Audit::from_bytes(&altered).unwrap();
    assert!(w.auditor.follow(&altered).is_err());
    assert_eq!(w.auditor.follow(&audit).unwrap().len(), 1);
    assert_eq!(w.auditor.follow(&audit), Err(AuditError::Position));
}

fn every_owner_has_a_log_of_its_own<S: Tested>() {
    let (mut w, mut other) = (World::<S>::new(), World::<S>::of(2));
    let bob = user::<S>(10);
    let two = other.id();
    w.server.enroll(two).unwrap();
    w.server.update(&two, &other.owner.live().unwrap(), at(1)).unwrap();
    let joined = other.try_join(&bob, Role::Researcher, at(2), at(2)).unwrap();
    w.server.update(&two, &joined.live, at(2)).unwrap();
    joined.delegations.iter().for_each(|delegation| w.server.accept(&two, delegation, at(2)).unwrap());
    other.cloud.publish(&two, &joined.directory, at(2)).unwrap();
    let sealed = other.write(MEDICAL, 1, at(3));
    assert!(w.ask(&bob, &sealed, at(4)).is_ok());
    w.restart();
    let count = joined.delegations.len();
    let mut auditor = Auditor::new(two, w.server.id());
    let theirs = auditor.follow(&w.server.audit(&other.owner.ask_audit(&auditor, at(5)), at(5)).unwrap()).unwrap();
    assert_eq!((theirs.len(), reads(&theirs).count()), (2 + count + 1, 1));
    assert!(theirs.iter().all(|receipt| receipt.owner == two));
    assert_eq!(other.owner.check_live(&theirs), Ok(()));
    let mine = w.receipts(at(6));
    assert!(mine.len() == 1 && mine[0].owner == w.id());
}
