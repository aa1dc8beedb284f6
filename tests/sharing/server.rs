//! The re-encryption server against everybody: owners, members, strangers, and whoever reads the wire.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeSet;

use crate::common::*;
use sesphr::Digest;
use sesphr::context::{Context, ContextBuf, Partition, Period, RecordId, Slot, Timestamp, Validity};
use sesphr::encoding::{Encoding, Message, SecretEncoding, SuiteId};
use sesphr::identity::{PartyId, Signed, SigningKey};
use sesphr::kapre::Kapre;
use sesphr::kem::OwnerTerms;
use sesphr::pre::afgh::{Afgh, OwnerSecret};
use sesphr::pre::{GrantError, LiveError, Pre};
use sesphr::record::SealedPartition;
use sesphr::sharing::log::{AuditError, Auditor, Event, LogError, Position, Rule};
use sesphr::sharing::*;

const MEDICAL: Partition = Partition::MEDICAL;

on_every_scheme! {
    owners_do_not_reach_each_other,
    forged_and_mixed_delegations,
    requests_for_somebody_else_some_other_time_or_twice,
    a_failing_generator_answers_nothing_and_burns_no_request,
    audits_are_for_the_owner_once_and_for_nobody_else,
    strangers_do_not_push_members_out_of_the_log,
    swapped_answers_do_not_open,
    a_server_cannot_swap_the_owners_key,
    an_old_backup_serves_what_was_revoked_until_the_owner_says_so_again,
    a_server_with_a_departed_member_reaches_the_old_epoch_and_no_other,
}

pub(super) type ServerOf<S> = Server<S, MemoryStorage>;

/// A delegation put together from three.
fn mix<S: Tested>(key: &Delegation<S>, grant: &Delegation<S>, rekey: &Delegation<S>) -> Delegation<S> {
    let mut bytes = grant.to_secret_bytes()[..4].to_vec();
    bytes.extend(key.owner_key().to_bytes());
    bytes.extend(grant.grant().to_bytes());
    bytes.extend(&*rekey.rekey().to_secret_bytes());
    Delegation::from_bytes(&bytes).unwrap()
}

/// A world with a member who reads one record.
pub(super) fn with_reader<S: Tested>() -> (World<S>, User<S>, SealedPartition, Sent<S>) {
    let mut w = World::<S>::new();
    let bob = user::<S>(10);
    let update = w.join(&bob, Role::Researcher, at(1), at(1));
    let sealed = w.write(MEDICAL, 1, at(2));
    (w, bob, sealed, update)
}

pub(super) fn not_live<E>() -> Result<(), ServerError<E>> {
    Err(ServerError::Live(LiveError::NotLive))
}

fn owners_do_not_reach_each_other<S: Tested>() {
    let (mut w, mut bob, sealed, update) = with_reader::<S>();
    let mut other = World::<S>::of(2);
    let carol = user::<S>(11);
    let theirs = other.try_join(&carol, Role::Researcher, at(1), at(1)).unwrap();
    let all = other.owner.live().unwrap();
    let (one, two) = (w.id(), other.id());
    // Not enrolled.
    assert_eq!(w.server.accept(&two, &theirs.delegations[0], at(2)), Err(ServerError::UnknownOwner));
    assert_eq!(w.server.update(&two, &all, at(2)), Err(ServerError::UnknownOwner));
    let query = other.owner.ask_audit(&Auditor::new(two, w.server.id()), at(2));
    assert_eq!(w.server.audit(&query, at(2)), Err(ServerError::UnknownOwner));
    w.server.enroll(two).unwrap();
    w.server.enroll(one).unwrap();
    // One's delegation as another's, and one's head as another's.
    assert!(matches!(w.server.accept(&one, &theirs.delegations[0], at(2)), Err(ServerError::Key(_))));
    assert!(matches!(w.server.accept(&two, &update.delegations[0], at(2)), Err(ServerError::Key(_))));
    assert_eq!(w.server.update(&one, &all, at(2)), Err(ServerError::Live(LiveError::Signature)));
    w.server.update(&two, &all, at(2)).unwrap();
    assert_eq!(w.server.update(&two, &w.owner.live().unwrap(), at(2)), Err(ServerError::Live(LiveError::Signature)));
    // Barring and removing keep to who says so.
    let id = w.owner.grants(&bob.id()).next().unwrap().1;
    let barred = other.owner.bar(id, at(YEAR), at(3), &mut other.rng).unwrap();
    w.server.update(&two, &barred.live, at(3)).unwrap();
    assert!(w.reads(&mut bob, &sealed, at(3)));
    w.restart();
    assert!(w.reads(&mut bob, &sealed, at(4)));
    // Receipts too.
    assert_eq!(w.ask(&carol, &sealed, at(4)).unwrap_err(), RequestError::Denied(Denied));
    let mut auditor = Auditor::new(two, w.server.id());
    let query = other.owner.ask_audit(&auditor, at(4));
    let events = auditor.follow(&w.server.audit(&query, at(4)).unwrap()).unwrap();
    assert!(events.iter().all(|receipt| receipt.owner == two && receipt.event == Event::Advanced { generation: 0 }));
    assert_eq!((events.len(), w.rules(at(4))), (2, vec![Rule::NoGrant]));
}

fn forged_and_mixed_delegations<S: Tested>() {
    let mut w = World::<S>::new();
    let (bob, carol) = (user::<S>(10), user::<S>(11));
    let joined = w.try_join(&bob, Role::Doctor, at(1000), at(1000)).unwrap();
    let update = w.try_join(&carol, Role::Doctor, at(1000), at(1000)).unwrap();
    w.catch_up(at(1000));
    let mut other = World::<S>::of(2);
    let theirs = other.try_join(&bob, Role::Doctor, at(1000), at(1000)).unwrap();
    let owner = w.id();
    let all = &update.delegations;
    assert!(all.len() >= 2);
    let foreign = &theirs.delegations[0];
    let origin =
        |delegation: &Delegation<S>| S::verify_owner(&S::params(), delegation.owner_key(), &owner).unwrap().origin();
    let mut accept = |delegation: &Delegation<S>, when| w.server.accept(&owner, delegation, when);
    let rekey = Err(ServerError::Grant(GrantError::ReKey));
    for (i, a) in all.iter().enumerate() {
        for (j, b) in all.iter().enumerate() {
            if i == j {
                continue;
            }
            assert_eq!(accept(&mix(a, a, b), at(1000)), rekey, "{i} {j}");
            let expected = if origin(a) == origin(b) { Ok(()) } else { Err(ServerError::Grant(GrantError::WrongKey)) };
            assert_eq!(accept(&mix(a, b, b), at(1000)), expected, "{i} {j}");
        }
    }
    assert!(matches!(accept(&mix(foreign, &all[0], &all[0]), at(1000)), Err(ServerError::Key(_))));
    let forged = Err(ServerError::Grant(GrantError::Signature));
    assert_eq!(accept(&mix(&all[0], foreign, foreign), at(1000)), forged);
    // A re-encryption key that names the grant and is another's point.
    let (mine, other) = (all[0].rekey().to_secret_bytes(), all[1].rekey().to_secret_bytes());
    let spliced = [&mine[..36], &other[36..]].concat();
    let mut bytes = mix(&all[0], &all[0], &all[0]).to_secret_bytes().to_vec();
    let start = bytes.len() - spliced.len();
    S::ReKey::from_bytes(&spliced).unwrap();
    bytes[start..].copy_from_slice(&spliced);
    assert_eq!(accept(&Delegation::from_bytes(&bytes).unwrap(), at(1000)), rekey);
    // Time.
    let early = at(999 - Owner::<S>::EARLY);
    assert_eq!(accept(&all[0], early), Err(ServerError::Grant(GrantError::NotYetValid)));
    assert_eq!(accept(&all[0], at(YEAR + 1)), Err(ServerError::Grant(GrantError::Expired)));
    // Again and again, with one receipt.
    (0..3).for_each(|_| assert_eq!(accept(&all[0], at(1000)), Ok(())));
    // What was granted before is live beside what came later.
    joined.delegations.iter().for_each(|delegation| assert_eq!(accept(delegation, at(1000)), Ok(())));
    let granted = w.receipts(at(1000)).into_iter().filter_map(|receipt| match receipt.event {
        Event::Granted { grant, .. } => Some(grant),
        _ => None,
    });
    let granted: Vec<_> = granted.collect();
    assert_eq!(granted.len(), granted.iter().collect::<BTreeSet<_>>().len());
}

#[test]
fn one_id_names_one_grant() {
    let (mut w, mut bob, sealed, update) = with_reader::<Afgh>();
    let owner = w.id();
    // The owner's device is out of order: the same id, under another key, with a good re-encryption key.
    let genuine = &update.delegations[0];
    let period = Period { partition: MEDICAL, epoch: 1 };
    let secret = OwnerSecret::derive(&World::<Afgh>::root(1), owner, &period).unwrap();
    let signer = w.owner.signing();
    let key = Afgh::verify_user(&(), &key_of(&bob), &bob.id()).unwrap();
    let validity = Validity::new(at(0), at(YEAR)).unwrap();
    let (grant, [rekey]) = Afgh::delegate(&(), &secret, signer, &key, &(), &validity, &mut rng(5)).unwrap();
    let mut statement = grant.unverified().to_plain_bytes();
    statement[4..20].copy_from_slice(genuine.grant().unverified().id().as_bytes());
    let grant = Signed::new(signer, sesphr::pre::afgh::Grant::from_bytes(&statement).unwrap());
    let mut rekey = rekey.to_secret_bytes().to_vec();
    rekey[4..36].copy_from_slice(grant.digest().as_bytes());
    let mut bytes = genuine.to_secret_bytes()[..4].to_vec();
    bytes.extend(genuine.owner_key().to_bytes());
    bytes.extend(grant.to_bytes());
    bytes.extend(rekey);
    // The head lists a statement, not a name.
    assert_eq!(w.server.accept(&owner, &Delegation::from_bytes(&bytes).unwrap(), at(3)), not_live());
    assert!(w.reads(&mut bob, &sealed, at(3)));
    w.server.accept(&owner, genuine, at(4)).unwrap();
}

fn key_of<S: Tested>(user: &User<S>) -> S::UserPublic {
    let bundle = user.bundle(1, at(YEAR)).to_bytes();
    let key = &bundle[40..bundle.len() - 64 - 16];
    Message::from_bytes(key).unwrap()
}

trait PlainBytes: Message {
    fn to_plain_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        bytes
    }
}

impl<T: Message> PlainBytes for T {}

/// Server, time, nonce, context and capsule of a request, to be put together again.
struct Parts {
    server: PartyId,
    when: Timestamp,
    ctx: ContextBuf,
    capsule: Vec<u8>,
}

impl Parts {
    fn of<S: Tested>(w: &World<S>, sealed: &SealedPartition, when: Timestamp) -> Self {
        let capsule = sealed.header().capsule::<S>().unwrap().to_bytes();
        Self { server: w.server.id(), when, ctx: ContextBuf::try_from(&sealed.header().context()).unwrap(), capsule }
    }

    fn sign<S: Tested>(&self, signer: &SigningKey) -> Signed<Request<S>> {
        let kind = Request::<S>::KIND.number().to_be_bytes();
        let mut bytes = vec![1, S::SUITE as u8, kind[0], kind[1]];
        bytes.extend(self.server.as_bytes());
        bytes.extend(self.when.0.to_be_bytes());
        bytes.extend([9; 16]);
        bytes.extend(self.ctx.to_bytes());
        bytes.extend(&self.capsule);
        Signed::new(signer, Request::from_bytes(&bytes).unwrap())
    }
}

fn requests_for_somebody_else_some_other_time_or_twice<S: Tested>() {
    let (mut w, bob, sealed, _) = with_reader::<S>();
    let denied = |w: &mut World<S>, request: &Signed<Request<S>>, now| {
        let answer = w.server.reencrypt(request, now, &mut rng(6));
        assert_eq!(answer.unwrap_err(), RequestError::Denied(Denied));
    };
    let parts = Parts::of(&w, &sealed, at(1000));
    let window = ServerOf::<S>::WINDOW;
    let good = parts.sign(bob.signing());
    denied(&mut w, &good, at(1001 + window));
    denied(&mut w, &good, at(999 - window));
    let elsewhere = Parts { server: party(203).id(), ..Parts::of(&w, &sealed, at(1000)) };
    denied(&mut w, &elsewhere.sign(bob.signing()), at(1000));
    // Not in the name of somebody else: the signature says who asks.
    denied(&mut w, &parts.sign(&party(30)), at(1000));
    assert_eq!(w.rules(at(1000)), [Rule::Stale, Rule::Stale, Rule::OtherServer, Rule::NoGrant]);
    // Without a good signature there is nobody to name.
    let mut bytes = good.to_bytes();
    *bytes.last_mut().unwrap() ^= 1;
    denied(&mut w, &Signed::from_bytes(&bytes).unwrap(), at(1000));
    let mut framed = parts.sign::<S>(&party(30)).to_bytes();
    framed[4..36].copy_from_slice(bob.signing().verifying_key().as_bytes());
    denied(&mut w, &Signed::from_bytes(&framed).unwrap(), at(1000));
    assert!(w.rules(at(1001)).is_empty());
    // At both ends of the window, and never again within it, not even by a clock that goes back and forth.
    for (shift, first) in [(0, at(1000 - window)), (1, at(1000 + window))] {
        let request = Parts { when: at(1000 + shift), ..Parts::of(&w, &sealed, at(0)) };
        let request = request.sign(bob.signing());
        assert!(w.server.reencrypt(&request, Timestamp(first.0 + shift), &mut rng(6)).is_ok());
        let other = Parts { when: at(100), ..Parts::of(&w, &sealed, at(0)) }.sign(bob.signing());
        let _ = w.server.reencrypt(&other, at(100), &mut rng(6));
        let later = Parts { when: at(995 + window + shift), ..Parts::of(&w, &sealed, at(0)) }.sign(bob.signing());
        assert!(w.server.reencrypt(&later, at(1000 + window), &mut rng(6)).is_ok());
        for when in [1000 - window + shift, 1000, 1000 + window] {
            denied(&mut w, &request, at(when));
        }
    }
    assert_eq!(w.rules(at(1002)).iter().filter(|rule| **rule == Rule::Replayed).count(), 6);
    // What cannot be defended: a restarted server does not know it.
    w.restart();
    assert!(w.server.reencrypt(&good, at(1000), &mut rng(6)).is_ok());
}

fn a_failing_generator_answers_nothing_and_burns_no_request<S: Tested>() {
    let (mut w, bob, sealed, _) = with_reader::<S>();
    let request = bob.request(w.server.id(), sealed.header(), at(3), &mut w.rng).unwrap();
    let mut draws = 0;
    while let Err(error) = w.server.reencrypt(&request, at(3), &mut FailAfter::new(draws)) {
        assert_eq!(error, RequestError::Rng);
        draws += 1;
    }
    assert!(draws > 0);
    assert!(w.rules(at(3)).is_empty());
}

/// What the owner learns of requests for one capsule as of somewhere else, and for other capsules as of here.
fn relabelled<S: Tested>() -> Vec<Rule> {
    let (mut w, bob, sealed, _) = with_reader::<S>();
    let second = w.write(MEDICAL, 2, at(2));
    let other = w.write(Partition::PERSONAL, 1, at(2));
    let two = World::<S>::of(2).owner;
    w.server.enroll(two.id()).unwrap();
    let ctx = sealed.header().context();
    let cases: [Context<'_>; 11] = [
        Context { suite: SuiteId::Common, ..ctx },
        // This denial goes to the other owner.
        Context { owner: two.id(), ..ctx },
        Context { record: RecordId::from_array([8; 16]), ..ctx },
        Context { version: 2, ..ctx },
        Context { partition: Partition::PERSONAL, ..ctx },
        Context { slot: Slot::Epoch(0), ..ctx },
        Context { slot: Slot::Class(0), ..ctx },
        Context { params: Digest::from_array([1; 32]), ..ctx },
        Context { origin: Digest::from_array([1; 32]), ..ctx },
        Context { author: bob.id(), ..ctx },
        Context { aad: b"x", ..ctx },
    ];
    for ctx in cases {
        let parts = Parts { ctx: ContextBuf::try_from(&ctx).unwrap(), ..Parts::of(&w, &sealed, at(3)) };
        assert!(w.server.reencrypt(&parts.sign(bob.signing()), at(3), &mut rng(6)).is_err(), "{ctx:?}");
    }
    // The capsule of another record or partition.
    for from in [&second, &other] {
        let parts = Parts { capsule: Parts::of(&w, from, at(3)).capsule, ..Parts::of(&w, &sealed, at(3)) };
        assert!(w.server.reencrypt(&parts.sign(bob.signing()), at(3), &mut rng(6)).is_err());
    }
    let genuine = Parts::of(&w, &sealed, at(3)).sign(bob.signing());
    assert!(w.server.reencrypt(&genuine, at(3), &mut rng(6)).is_ok());
    let mut auditor = Auditor::new(two.id(), w.server.id());
    let audit = w.server.audit(&two.ask_audit(&auditor, at(3)), at(3)).unwrap();
    let [theirs] = &auditor.follow(&audit).unwrap()[..] else { panic!("one denial") };
    assert!(matches!(theirs.event, Event::Denied { rule: Rule::NoGrant, .. }));
    w.rules(at(3))
}

#[test]
fn a_relabelled_capsule_is_not_reencrypted() {
    use Rule::{Capsule, NoGrant};
    // Under another origin there is no grant; everything else is the capsule's proof to refuse.
    let (all, other) = ([Capsule; 12], 7);
    let mut expected = all.to_vec();
    expected[other] = NoGrant;
    assert_eq!(relabelled::<Afgh>(), expected);
    // A context that is not one of the owner's grid is under no grant either.
    let expected =
        [NoGrant, Capsule, Capsule, NoGrant, NoGrant, NoGrant, NoGrant, NoGrant, Capsule, Capsule, Capsule, Capsule];
    assert_eq!(relabelled::<Kapre>(), expected);
}

fn audits_are_for_the_owner_once_and_for_nobody_else<S: Tested>() {
    let (mut w, bob, sealed, _) = with_reader::<S>();
    let (carol, server) = (user::<S>(11), w.server.id());
    assert_eq!(w.ask(&carol, &sealed, at(3)).unwrap_err(), RequestError::Denied(Denied));
    let position = Position::default();
    let sign = |signer: &SigningKey, keeper, when| Signed::new(signer, AuditQuery { keeper, at: when, position });
    let owner = World::<S>::root(1).signing_key();
    let window = ServerOf::<S>::WINDOW;
    let mut ask = |query: &Signed<AuditQuery>, now| w.server.audit(query, now);
    let query = sign(&owner, server, at(1000));
    let audit = ask(&query, at(1000)).unwrap();
    let last = audit.entries().last().unwrap().unverified().clone();
    assert!(
        matches!(last.event, Event::Denied { user, record: RECORD, rule: Rule::NoGrant, .. } if user == carol.id())
    );
    for when in [1000, 1000 + window, 1000 - window, 1001 + window, 999 - window] {
        assert_eq!(ask(&query, at(when)), Err(ServerError::Stale));
    }
    assert_eq!(ask(&sign(&owner, server, at(2)), at(3 + window)), Err(ServerError::Stale));
    assert_eq!(ask(&sign(&owner, server, at(4 + window)), at(3)), Err(ServerError::Stale));
    assert_eq!(ask(&sign(&owner, party(203).id(), at(3)), at(3)), Err(ServerError::Stale));
    assert_eq!(ask(&sign(bob.signing(), server, at(3)), at(3)), Err(ServerError::UnknownOwner));
    let mut forged = sign(&owner, server, at(3)).to_bytes();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(ask(&Signed::from_bytes(&forged).unwrap(), at(3)), Err(ServerError::Signature));
    // What the log does not reach costs nothing: neither the query nor the position.
    let beyond = Position { read: last.number + 2, size: last.number + 2 };
    let beyond = Signed::new(&owner, AuditQuery { keeper: server, at: at(1001), position: beyond });
    for _ in 0..2 {
        assert_eq!(ask(&beyond, at(1001)), Err(ServerError::Log(LogError::Position)));
    }
}

fn strangers_do_not_push_members_out_of_the_log<S: Tested>() {
    let (mut w, bob, sealed, _) = with_reader::<S>();
    w.receipts(at(2));
    let elsewhere = Parts { server: party(203).id(), ..Parts::of(&w, &sealed, at(3)) };
    let max = ServerOf::<S>::MAX_DENIALS;
    // Whatever their names.
    let strangers: Vec<_> = (30..38).map(|seed| elsewhere.sign::<S>(&party(seed))).collect();
    let below = strangers.iter().filter(|request| request.signer().id() < bob.id()).count();
    assert!((1..8).contains(&below));
    for request in strangers.iter().cycle().take(max + 100) {
        assert!(w.server.reencrypt(request, at(3), &mut rng(6)).is_err());
    }
    // The member's are logged all the same.
    let insurance = w.write(Partition::INSURANCE, 1, at(4));
    assert!(w.ask(&bob, &insurance, at(4)).is_err());
    let of = |receipts: Vec<log::Receipt>| {
        let users = receipts.into_iter().filter_map(|receipt| match receipt.event {
            Event::Denied { user, .. } => Some(user == bob.id()),
            _ => None,
        });
        let users: Vec<_> = users.collect();
        (users.len(), users.into_iter().filter(|bob| *bob).count())
    };
    assert_eq!(of(w.receipts(at(5))), (max + 1, 1));
    // And after the owner has looked there is room again.
    assert!(w.server.reencrypt(&strangers[0], at(6), &mut rng(6)).is_err());
    assert_eq!(of(w.receipts(at(6))), (1, 0));
}

fn swapped_answers_do_not_open<S: Tested>() {
    let (mut w, mut bob, first, _) = with_reader::<S>();
    let mut carol = user::<S>(11);
    w.join(&carol, Role::Researcher, at(0), at(2));
    let second = w.write(MEDICAL, 2, at(3));
    let third = w.write(MEDICAL, 3, at(3));
    let update = w.owner.grant_history(&bob.id(), MEDICAL, 0..=0, at(3), &mut w.rng).unwrap();
    w.send(&update, at(3));
    let answers: Vec<_> = [&first, &second, &third].iter().map(|sealed| w.ask(&bob, sealed, at(4)).unwrap()).collect();
    for (i, answer) in answers.iter().enumerate() {
        for (j, sealed) in [&first, &second, &third].iter().enumerate() {
            let expected = if i == j { Ok(()) } else { Err(Refused::ByReader) };
            assert_eq!(w.open(&mut bob, sealed, answer, at(4)), expected, "{i} {j}");
        }
    }
    // Another member's, in whole and by halves: key and grant of one, part of the other.
    let of_carol = w.ask(&carol, &second, at(4)).unwrap();
    assert_eq!(w.open(&mut bob, &second, &of_carol, at(4)), Err(Refused::ByReader));
    assert_eq!(w.open(&mut carol, &second, &of_carol, at(4)), Ok(()));
    let part = |answer: &Response<S>| answer.to_bytes().split_off(answer.encoded_len() - S::PART);
    let head = |answer: &Response<S>| answer.to_bytes()[..answer.encoded_len() - S::PART].to_vec();
    let join = |a, b| Response::<S>::from_bytes(&[head(a), part(b)].concat()).unwrap();
    for (a, b) in
        [(&answers[1], &of_carol), (&of_carol, &answers[1]), (&answers[0], &answers[1]), (&answers[1], &answers[2])]
    {
        assert_eq!(w.open(&mut bob, &second, &join(a, b), at(4)), Err(Refused::ByReader));
    }
    // No part, and one too many.
    let (mut none, mut two) = (head(&answers[1]), [head(&answers[1]), part(&answers[1]), part(&answers[1])].concat());
    let count = none.len() - 1;
    (none[count], two[count]) = (0, 2);
    for (bytes, opens) in [(none, false), (two, S::SPARE)] {
        let answer = Response::from_bytes(&bytes).unwrap();
        assert_eq!(w.open(&mut bob, &second, &answer, at(4)).is_ok(), opens);
    }
    // A twin of the same record by the same user: nothing is gained or lost.
    let twin = w.ask(&bob, &second, at(4)).unwrap();
    assert_ne!(twin.request(), answers[1].request());
    assert_eq!(w.open(&mut bob, &second, &join(&twin, &answers[1]), at(4)), Ok(()));
}

fn a_server_cannot_swap_the_owners_key<S: Tested>() {
    let (mut w, mut bob, sealed, update) = with_reader::<S>();
    // It sets up as an owner of its own, and grants the user a key that it knows.
    let (mallory, params) = (party(201), S::params());
    let period = Period { partition: MEDICAL, epoch: 1 };
    let root = World::<S>::root(9);
    let plan = S::plan(&params, &root, &mallory.id(), &Partition::SESPHR.into()).unwrap();
    let label = S::key_label(&plan, &period).unwrap();
    let (secret, public) = S::owner_keygen(&params, &root, &mallory, &label, &mut rng(9)).unwrap();
    let key = S::verify_user(&params, &key_of(&bob), &bob.id()).unwrap();
    let policy = S::policy(w.owner.policy().servers(), Validity::new(at(0), at(YEAR)).unwrap()).unwrap();
    let scope = S::scope(&plan, &[period].into(), None).unwrap();
    let (grant, _) = S::delegate(&params, &secret, &mallory, &key, &scope, &policy, &mut rng(9)).unwrap();
    let genuine = w.ask(&bob, &sealed, at(3)).unwrap().to_bytes();
    let mine = &update.delegations[0];
    let (at_key, at_grant) = (36, 36 + mine.owner_key().encoded_len());
    let at_parts = at_grant + mine.grant().encoded_len();
    assert_eq!(genuine[at_key..at_grant], mine.owner_key().to_bytes());
    for (key, grant) in [(&public, &grant), (&public, mine.grant()), (mine.owner_key(), &grant)] {
        let forged = [&genuine[..at_key], &key.to_bytes(), &grant.to_bytes(), &genuine[at_parts..]].concat();
        let forged = Response::from_bytes(&forged).unwrap();
        assert_eq!(w.open(&mut bob, &sealed, &forged, at(3)), Err(Refused::ByReader));
    }
    // And an answer under a grant that has ended is refused by the reader too.
    let genuine = Response::from_bytes(&genuine).unwrap();
    assert_eq!(w.open(&mut bob, &sealed, &genuine, at(3)), Ok(()));
    let update = w.owner.publish(at(YEAR), &mut w.rng).unwrap();
    w.cloud.publish(&w.owner.id(), &update.directory, at(YEAR)).unwrap();
    assert_eq!(w.open(&mut bob, &sealed, &genuine, at(YEAR + 2)), Err(Refused::ByReader));
}

fn an_old_backup_serves_what_was_revoked_until_the_owner_says_so_again<S: Tested>() {
    let (mut w, mut bob, sealed, _) = with_reader::<S>();
    let backup = w.server.storage().clone();
    let gone = w.depart(&bob, at(3));
    assert_eq!(w.ask(&bob, &sealed, at(3)).unwrap_err(), RequestError::Denied(Denied));
    w.receipts(at(3));
    let owner = w.id();
    w.server = Server::load(w.params.clone(), party(201), backup).unwrap();
    // What cannot be defended.
    assert!(w.reads(&mut bob, &sealed, at(4)));
    // But noticed: the log does not reach to where the owner was,
    let query = w.owner.ask_audit(&w.auditor, at(5));
    assert_eq!(w.server.audit(&query, at(5)), Err(ServerError::Log(LogError::Position)));
    w.server.update(&owner, &gone.live, at(6)).unwrap();
    assert_eq!(w.read(&mut bob, &sealed, at(7)), DENIED);
    // and when it does, it is another one.
    assert!(w.ask(&bob, &sealed, at(8)).is_err());
    let query = w.owner.ask_audit(&w.auditor, at(9));
    let audit = w.server.audit(&query, at(9)).unwrap();
    assert_eq!(w.auditor.follow(&audit), Err(AuditError::Forked));
}

fn a_server_with_a_departed_member_reaches_the_old_epoch_and_no_other<S: Tested>() {
    let (mut w, bob, old, update) = with_reader::<S>();
    w.depart(&bob, at(3));
    let new = w.write(MEDICAL, 2, at(4));
    // Re-encrypting without the server's checks, as a server can that kept the delegation.
    let (kept, params) = (&update.delegations[0], S::params());
    let key = S::verify_owner(&params, kept.owner_key(), &w.id()).unwrap();
    let grant = S::verify_grant(&params, &key, kept.grant(), at(4)).unwrap();
    let rekey = S::verify_rekey(&params, &key, &grant, kept.rekey()).unwrap();
    let mut reach = |sealed: &SealedPartition| {
        let ctx = sealed.header().context();
        let capsule = sealed.header().capsule::<S>().unwrap();
        let checked = S::verify_capsule(&params, &key, &capsule, &ctx).ok()?;
        let part = S::reencrypt(&params, &rekey, &checked, &party(201), at(4), &mut w.rng).ok()?;
        S::accept_grant(&params, bob.secret(), &grant)
            .and_then(|grant| S::open_reencrypted(&params, &grant, &capsule, &[part], &ctx))
            .ok()
    };
    // What cannot be defended, and what is.
    assert!(reach(&old).is_some());
    assert!(reach(&new).is_none());
}
