//! The re-encryption server against everybody: owners, members, strangers, and whoever reads the wire.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "common/sharing.rs"]
mod common;

use common::*;
use sesphr::Digest;
use sesphr::context::{Context, ContextBuf, Partition, Period, RecordId, Slot, Timestamp, Validity};
use sesphr::encoding::{Encoding, Message, SecretEncoding, SuiteId};
use sesphr::identity::{PartyId, Signed, SigningKey};
use sesphr::kem::{CapsuleError, OwnerRoot};
use sesphr::pre::afgh::{Afgh, OwnerSecret, ReKey};
use sesphr::pre::{GrantError, Pre};
use sesphr::record::SealedPartition;
use sesphr::sharing::*;

const MEDICAL: Partition = Partition::MEDICAL;
type Delegated = Delegation<Afgh>;

fn delegation(bytes: &[u8]) -> Delegated {
    Delegation::from_bytes(bytes).unwrap()
}

/// A delegation put together from two.
fn mix(key: &Delegated, grant: &Delegated, rekey: &Delegated) -> Delegated {
    let mut bytes = grant.to_secret_bytes()[..4].to_vec();
    bytes.extend(key.owner_key().to_bytes());
    bytes.extend(grant.grant().to_bytes());
    bytes.extend(&*rekey.rekey().to_secret_bytes());
    delegation(&bytes)
}

/// A world with a member who reads one record.
fn with_reader() -> (World, User<Afgh>, SealedPartition, Sent) {
    let mut w = World::new();
    let bob = user(10);
    let update = w.join(&bob, Role::Researcher, at(1), at(1));
    let sealed = w.write(MEDICAL, 1, at(2));
    (w, bob, sealed, update)
}

#[test]
fn a_revoked_grant_stays_revoked() {
    let (mut w, bob, sealed, update) = with_reader();
    let owner = w.id();
    let gone = w.depart(&bob, at(3));
    // Nor does the storage keep what carried it out.
    assert!(w.server.storage().keys(b"grant/").unwrap().is_empty());
    for _ in 0..2 {
        for delegation in &update.delegations {
            assert_eq!(w.server.accept(&owner, delegation, at(4)), Err(ServerError::Tombstone));
        }
        assert_eq!(w.read(&bob, &sealed, at(4)), DENIED);
        assert_eq!(w.rules(at(4)), [Rule::Revoked]);
        w.restart();
        // Sent again it takes nothing away: neither how long the grant stays dead, nor whom it served.
        gone.revocations.iter().for_each(|revocation| w.server.revoke(&owner, revocation).unwrap());
        w.restart();
    }
    // Until it would have ended, and then it is refused for its time.
    w.server.purge(at(YEAR)).unwrap();
    assert_eq!(w.server.accept(&owner, &update.delegations[0], at(4)), Err(ServerError::Tombstone));
    w.server.purge(at(YEAR + 2)).unwrap();
    let expired = Err(ServerError::Grant(GrantError::Expired));
    assert_eq!(w.server.accept(&owner, &update.delegations[0], at(YEAR + 2)), expired);
    // Also by a clock that goes back after the tombstone is gone, and after a restart.
    assert_eq!(w.server.accept(&owner, &update.delegations[0], at(4)), expired);
    w.restart();
    assert_eq!(w.server.accept(&owner, &update.delegations[0], at(4)), expired);
    assert_eq!(w.read(&bob, &sealed, at(4)), DENIED);
}

#[test]
fn a_revocation_with_too_short_a_life_does_not_outlive_its_grant() {
    let (mut w, _, _, update) = with_reader();
    let owner = w.id();
    let id = update.delegations[0].grant().unverified().id();
    let sign = |not_after| Signed::new(&party(1), Revocation { id, not_after });
    w.server.revoke(&owner, &sign(at(5))).unwrap();
    w.server.revoke(&owner, &sign(at(4))).unwrap();
    w.server.purge(at(100)).unwrap();
    assert_eq!(w.server.accept(&owner, &update.delegations[0], at(101)), Err(ServerError::Tombstone));
}

#[test]
fn a_revocation_may_come_before_its_grant() {
    let mut w = World::new();
    let bob = user(10);
    let update = w.try_join(&bob, Role::Researcher, at(1), at(1)).unwrap();
    let gone = w.owner.depart(&bob.id(), at(2), &mut w.rng).unwrap();
    w.send(&gone, at(2));
    for _ in 0..2 {
        assert_eq!(w.server.accept(&w.owner.id(), &update.delegations[0], at(3)), Err(ServerError::Tombstone));
        w.restart();
    }
}

#[test]
fn owners_do_not_reach_each_other() {
    let (mut w, bob, sealed, update) = with_reader();
    let mut other = World::of(2);
    let carol = user(11);
    let theirs = other.try_join(&carol, Role::Researcher, at(1), at(1)).unwrap();
    let (one, two, three) = (w.id(), other.id(), party(3));
    // Not enrolled.
    assert_eq!(w.server.accept(&two, &theirs.delegations[0], at(2)), Err(ServerError::UnknownOwner));
    let id = update.delegations[0].grant().unverified().id();
    let revocation = |signer: &SigningKey| Signed::new(signer, Revocation { id, not_after: at(YEAR) });
    assert_eq!(w.server.revoke(&two, &revocation(&party(2))), Err(ServerError::UnknownOwner));
    w.server.enroll(two).unwrap();
    w.server.enroll(one).unwrap();
    // One's delegation as another's, and one's grant revoked by another, in the own name and in the other's.
    assert!(matches!(w.server.accept(&one, &theirs.delegations[0], at(2)), Err(ServerError::Key(_))));
    assert!(matches!(w.server.accept(&two, &update.delegations[0], at(2)), Err(ServerError::Key(_))));
    assert_eq!(w.server.revoke(&one, &revocation(&party(2))), Err(ServerError::Signature));
    assert_eq!(w.server.revoke(&one, &revocation(&three)), Err(ServerError::Signature));
    w.server.revoke(&two, &revocation(&party(2))).unwrap();
    assert!(w.reads(&bob, &sealed, at(3)));
    w.restart();
    assert!(w.reads(&bob, &sealed, at(4)));
    // Purging and denials keep to their owner too.
    assert_eq!(w.read(&carol, &sealed, at(4)), DENIED);
    let query = other.owner.ask_denials(w.server.id(), at(4));
    assert_eq!(w.server.denials(&query, at(4)).unwrap().count(), 0);
    assert_eq!(w.rules(at(4)), [Rule::NoGrant]);
}

#[test]
fn forged_and_mixed_delegations() {
    let mut w = World::new();
    let (bob, carol) = (user(10), user(11));
    let update = w.try_join(&bob, Role::Doctor, at(100), at(1000));
    assert!(update.is_ok());
    let update = w.try_join(&carol, Role::Doctor, at(1000), at(1000)).unwrap();
    let mut other = World::of(2);
    let theirs = other.try_join(&bob, Role::Doctor, at(1000), at(1000)).unwrap();
    let owner = w.id();
    let all = &update.delegations;
    let foreign = &theirs.delegations[0];
    let mut accept = |delegation: &Delegated, when| w.server.accept(&owner, delegation, when);
    let rekey = Err(ServerError::Grant(GrantError::ReKey));
    for (i, a) in all.iter().enumerate() {
        for (j, b) in all.iter().enumerate() {
            if i == j {
                continue;
            }
            assert_eq!(accept(&mix(a, a, b), at(1000)), rekey, "{i} {j}");
            let same_key = a.owner_key().unverified().period() == b.owner_key().unverified().period();
            let expected = if same_key { Ok(()) } else { Err(ServerError::Grant(GrantError::WrongKey)) };
            assert_eq!(accept(&mix(a, b, b), at(1000)), expected, "{i} {j}");
        }
    }
    assert!(matches!(accept(&mix(foreign, &all[0], &all[0]), at(1000)), Err(ServerError::Key(_))));
    let forged = Err(ServerError::Grant(GrantError::Signature));
    assert_eq!(accept(&mix(&all[0], foreign, foreign), at(1000)), forged);
    // A re-encryption key that names the grant and is another's point; a point of the wrong grant under the name.
    let (mine, other) = (all[0].rekey().to_secret_bytes(), all[1].rekey().to_secret_bytes());
    let spliced = [&mine[..36], &other[36..]].concat();
    let mut bytes = mix(&all[0], &all[0], &all[0]).to_secret_bytes().to_vec();
    let start = bytes.len() - spliced.len();
    ReKey::from_bytes(&spliced).unwrap();
    bytes[start..].copy_from_slice(&spliced);
    assert_eq!(accept(&delegation(&bytes), at(1000)), rekey);
    // Time.
    let early = at(999 - Owner::EARLY);
    assert_eq!(accept(&all[0], early), Err(ServerError::Grant(GrantError::NotYetValid)));
    assert_eq!(accept(&all[0], at(YEAR + 1)), Err(ServerError::Grant(GrantError::Expired)));
    // Again and again.
    (0..3).for_each(|_| assert_eq!(accept(&all[0], at(1000)), Ok(())));
}

#[test]
fn one_id_names_one_grant() {
    let (mut w, bob, sealed, update) = with_reader();
    let owner = w.id();
    // The owner's device is out of order: the same id, under another key, with a good re-encryption key.
    let genuine = &update.delegations[0];
    let secret =
        OwnerSecret::derive(&OwnerRoot::generate(&mut rng(1)), owner, &Period { partition: MEDICAL, epoch: 1 });
    let key = Afgh::verify_user(&(), &bob_key(&bob), &bob.id()).unwrap();
    let validity = Validity::new(at(0), at(YEAR)).unwrap();
    let (grant, [rekey]) = Afgh::delegate(&(), &secret.unwrap(), &party(1), &key, &(), &validity, &mut rng(5)).unwrap();
    let mut statement = grant.unverified().to_plain_bytes();
    statement[4..20].copy_from_slice(genuine.grant().unverified().id().as_bytes());
    let grant = Signed::new(&party(1), sesphr::pre::afgh::Grant::from_bytes(&statement).unwrap());
    let mut rekey = rekey.to_secret_bytes().to_vec();
    rekey[4..36].copy_from_slice(grant.digest().as_bytes());
    let mut bytes = genuine.to_secret_bytes()[..4].to_vec();
    bytes.extend(genuine.owner_key().to_bytes());
    bytes.extend(grant.to_bytes());
    bytes.extend(rekey);
    assert_eq!(w.server.accept(&owner, &delegation(&bytes), at(3)), Err(ServerError::Tombstone));
    assert!(w.reads(&bob, &sealed, at(3)));
    // Before the genuine one it is a grant like any other.
    let mut fresh = World::new();
    fresh.server.accept(&owner, &delegation(&bytes), at(3)).unwrap();
}

fn bob_key(bob: &User<Afgh>) -> <Afgh as Pre>::UserPublic {
    let bundle = bob.bundle(1, at(YEAR)).to_bytes();
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
    fn of(w: &World, sealed: &SealedPartition, when: Timestamp) -> Self {
        let capsule = sealed.header().capsule::<Afgh>().unwrap().to_bytes();
        Self { server: w.server.id(), when, ctx: ContextBuf::try_from(&sealed.header().context()).unwrap(), capsule }
    }

    fn sign(&self, signer: &SigningKey) -> Signed<Request<Afgh>> {
        let kind = Request::<Afgh>::KIND.number().to_be_bytes();
        let mut bytes = vec![1, SuiteId::Afgh as u8, kind[0], kind[1]];
        bytes.extend(self.server.as_bytes());
        bytes.extend(self.when.0.to_be_bytes());
        bytes.extend([9; 16]);
        bytes.extend(self.ctx.to_bytes());
        bytes.extend(&self.capsule);
        Signed::new(signer, Request::from_bytes(&bytes).unwrap())
    }
}

#[test]
fn requests_for_somebody_else_some_other_time_or_twice() {
    let (mut w, bob, sealed, _) = with_reader();
    let denied = |w: &mut World, request: &Signed<Request<Afgh>>, now| {
        let answer = w.server.reencrypt(request, now, &mut rng(6));
        assert_eq!(answer.unwrap_err(), RequestError::Denied(Denied));
    };
    let parts = Parts::of(&w, &sealed, at(1000));
    let window = Server::<Afgh, MemoryStorage>::WINDOW;
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
    let mut framed = parts.sign(&party(30)).to_bytes();
    framed[4..36].copy_from_slice(bob.signing().verifying_key().as_bytes());
    denied(&mut w, &Signed::from_bytes(&framed).unwrap(), at(1000));
    assert_eq!(w.rules(at(1001)).len(), 4);
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

#[test]
fn a_failing_generator_answers_nothing_and_burns_no_request() {
    let (mut w, bob, sealed, _) = with_reader();
    let request = bob.request(w.server.id(), sealed.header(), at(3), &mut w.rng).unwrap();
    let mut draws = 0;
    while let Err(error) = w.server.reencrypt(&request, at(3), &mut FailAfter::new(draws)) {
        assert_eq!(error, RequestError::Rng);
        draws += 1;
    }
    assert!(draws > 0);
    assert!(w.rules(at(3)).is_empty());
}

#[test]
fn a_relabelled_capsule_is_not_reencrypted() {
    let (mut w, bob, sealed, _) = with_reader();
    let second = w.write(MEDICAL, 2, at(2));
    let other = w.write(Partition::PERSONAL, 1, at(2));
    w.server.enroll(party(2).id()).unwrap();
    let ctx = sealed.header().context();
    let proof = Rule::Capsule(CapsuleError::Proof);
    let context = Rule::Capsule(CapsuleError::Context);
    let cases: [(Context<'_>, Option<Rule>); 11] = [
        (Context { suite: SuiteId::Common, ..ctx }, Some(context)),
        // The denial goes to the other owner.
        (Context { owner: party(2).id(), ..ctx }, None),
        (Context { record: RecordId::from_array([8; 16]), ..ctx }, Some(proof)),
        (Context { version: 2, ..ctx }, Some(proof)),
        (Context { partition: Partition::PERSONAL, ..ctx }, Some(context)),
        (Context { slot: Slot::Epoch(0), ..ctx }, Some(context)),
        (Context { slot: Slot::Class(1), ..ctx }, Some(context)),
        (Context { params: Digest::from_array([1; 32]), ..ctx }, Some(context)),
        (Context { origin: other.header().context().origin, ..ctx }, Some(Rule::NoGrant)),
        (Context { author: bob.id(), ..ctx }, Some(proof)),
        (Context { aad: b"x", ..ctx }, Some(proof)),
    ];
    let mut rules = Vec::new();
    for (ctx, rule) in cases {
        let parts = Parts { ctx: ContextBuf::try_from(&ctx).unwrap(), ..Parts::of(&w, &sealed, at(3)) };
        assert!(w.server.reencrypt(&parts.sign(bob.signing()), at(3), &mut rng(6)).is_err(), "{ctx:?}");
        rules.extend(rule);
    }
    // The capsule of another record or partition.
    for from in [&second, &other] {
        let parts = Parts { capsule: Parts::of(&w, from, at(3)).capsule, ..Parts::of(&w, &sealed, at(3)) };
        assert!(w.server.reencrypt(&parts.sign(bob.signing()), at(3), &mut rng(6)).is_err());
        rules.push(proof);
    }
    assert_eq!(w.rules(at(3)), rules);
    let genuine = Parts::of(&w, &sealed, at(3)).sign(bob.signing());
    assert!(w.server.reencrypt(&genuine, at(3), &mut rng(6)).is_ok());
    let theirs = Signed::new(&party(2), DenialQuery { server: w.server.id(), at: at(3) });
    assert_eq!(
        w.server.denials(&theirs, at(3)).unwrap().map(|denial| denial.rule).collect::<Vec<_>>(),
        [Rule::NoGrant]
    );
}

#[test]
fn denials_are_for_the_owner_once_and_for_nobody_else() {
    let (mut w, bob, sealed, _) = with_reader();
    let (carol, server) = (user(11), w.server.id());
    assert_eq!(w.read(&carol, &sealed, at(3)), DENIED);
    let sign = |signer, server, when| Signed::new(signer, DenialQuery { server, at: when });
    let owner = party(1);
    let window = Server::<Afgh, MemoryStorage>::WINDOW;
    let mut ask = |query: &Signed<DenialQuery>, now| {
        w.server.denials(query, now).map(|denials| denials.copied().collect::<Vec<_>>())
    };
    let denial = Denial { requester: carol.id(), record: RECORD, at: at(3), rule: Rule::NoGrant };
    let query = sign(&owner, server, at(1000));
    assert_eq!(ask(&query, at(1000)), Ok(vec![denial]));
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
}

#[test]
fn strangers_do_not_push_members_out_of_the_denials() {
    let (mut w, bob, sealed, _) = with_reader();
    let elsewhere = Parts { server: party(203).id(), ..Parts::of(&w, &sealed, at(3)) };
    let max = Server::<Afgh, MemoryStorage>::MAX_DENIALS;
    assert!(w.server.reencrypt(&elsewhere.sign(bob.signing()), at(3), &mut rng(6)).is_err());
    // Whatever their names.
    let strangers: Vec<_> = (30..38).map(|seed| elsewhere.sign(&party(seed))).collect();
    let below = strangers.iter().filter(|request| request.signer().id() < bob.id()).count();
    assert!((1..8).contains(&below));
    for request in strangers.iter().cycle().take(max * 8) {
        assert!(w.server.reencrypt(request, at(3), &mut rng(6)).is_err());
    }
    let query = w.owner.ask_denials(w.server.id(), at(3));
    let of_bob = |denial: &&Denial| denial.requester == bob.id();
    let denials: Vec<_> = w.server.denials(&query, at(3)).unwrap().collect();
    assert_eq!((denials.len(), denials.into_iter().filter(of_bob).count()), (max + 1, 1));
}

#[test]
fn swapped_answers_do_not_open() {
    let (mut w, bob, first, _) = with_reader();
    let carol = user(11);
    w.join(&carol, Role::Researcher, at(0), at(2));
    let second = w.write(MEDICAL, 2, at(3));
    let third = w.write(MEDICAL, 3, at(3));
    let update = w.owner.grant_history(&bob.id(), MEDICAL, 0..=0, at(3), &mut w.rng).unwrap();
    w.send(&update, at(3));
    let answers: Vec<_> = [&first, &second, &third].iter().map(|sealed| w.ask(&bob, sealed, at(4)).unwrap()).collect();
    for (i, answer) in answers.iter().enumerate() {
        for (j, sealed) in [&first, &second, &third].iter().enumerate() {
            let expected = if i == j { Ok(()) } else { Err(Refused::ByReader) };
            assert_eq!(w.open(&bob, sealed, answer, at(4)), expected, "{i} {j}");
        }
    }
    // Another member's, in whole and by halves: key and grant of one, part of the other.
    let of_carol = w.ask(&carol, &second, at(4)).unwrap();
    assert_eq!(w.open(&bob, &second, &of_carol, at(4)), Err(Refused::ByReader));
    assert_eq!(w.open(&carol, &second, &of_carol, at(4)), Ok(()));
    let part = |answer: &Response<Afgh>| answer.to_bytes().split_off(answer.encoded_len() - 148);
    let head = |answer: &Response<Afgh>| answer.to_bytes()[..answer.encoded_len() - 148].to_vec();
    let join = |a, b| Response::<Afgh>::from_bytes(&[head(a), part(b)].concat()).unwrap();
    for (a, b) in
        [(&answers[1], &of_carol), (&of_carol, &answers[1]), (&answers[0], &answers[1]), (&answers[1], &answers[2])]
    {
        assert_eq!(w.open(&bob, &second, &join(a, b), at(4)), Err(Refused::ByReader));
    }
    // No part, and one too many.
    let (mut none, mut two) = (head(&answers[1]), [head(&answers[1]), part(&answers[1]), part(&answers[1])].concat());
    let count = none.len() - 1;
    (none[count], two[count]) = (0, 2);
    for bytes in [none, two] {
        let answer = Response::from_bytes(&bytes).unwrap();
        assert_eq!(w.open(&bob, &second, &answer, at(4)), Err(Refused::ByReader));
    }
    // A twin of the same record by the same user: nothing is gained or lost.
    let twin = w.ask(&bob, &second, at(4)).unwrap();
    assert_ne!(twin.request(), answers[1].request());
    assert_eq!(w.open(&bob, &second, &join(&twin, &answers[1]), at(4)), Ok(()));
}

#[test]
fn a_server_cannot_swap_the_owners_key() {
    let (mut w, bob, sealed, update) = with_reader();
    // It sets up as an owner of its own, and grants the user a key that it knows.
    let mallory = party(201);
    let period = Period { partition: MEDICAL, epoch: 1 };
    let (secret, public) =
        Afgh::owner_keygen(&(), &OwnerRoot::generate(&mut rng(9)), &mallory, &period, &mut rng(9)).unwrap();
    let key = Afgh::verify_user(&(), &bob_key(&bob), &bob.id()).unwrap();
    let validity = Validity::new(at(0), at(YEAR)).unwrap();
    let (grant, _) = Afgh::delegate(&(), &secret, &mallory, &key, &(), &validity, &mut rng(9)).unwrap();
    let genuine = w.ask(&bob, &sealed, at(3)).unwrap().to_bytes();
    let mine = &update.delegations[0];
    let (at_key, at_grant) = (36, 36 + mine.owner_key().encoded_len());
    let at_parts = at_grant + mine.grant().encoded_len();
    assert_eq!(genuine[at_key..at_grant], mine.owner_key().to_bytes());
    for (key, grant) in [(&public, &grant), (&public, mine.grant()), (mine.owner_key(), &grant)] {
        let forged = [&genuine[..at_key], &key.to_bytes(), &grant.to_bytes(), &genuine[at_parts..]].concat();
        let forged = Response::from_bytes(&forged).unwrap();
        assert_eq!(w.open(&bob, &sealed, &forged, at(3)), Err(Refused::ByReader));
    }
    // And an answer under a grant that has ended is refused by the reader too.
    let genuine = Response::from_bytes(&genuine).unwrap();
    assert_eq!(w.open(&bob, &sealed, &genuine, at(3)), Ok(()));
    let update = w.owner.publish(at(YEAR), &mut w.rng).unwrap();
    w.cloud.publish(&w.owner.id(), &update, at(YEAR)).unwrap();
    assert_eq!(w.open(&bob, &sealed, &genuine, at(YEAR + 2)), Err(Refused::ByReader));
}

#[test]
fn an_old_backup_serves_what_was_revoked_until_the_owner_says_so_again() {
    let (mut w, bob, sealed, _) = with_reader();
    let backup = w.server.storage().clone();
    w.depart(&bob, at(3));
    w.server = Server::new(party(201), backup).unwrap();
    // What cannot be defended.
    assert!(w.reads(&bob, &sealed, at(4)));
    let owner = w.id();
    w.owner.revocations(at(4)).iter().for_each(|revocation| w.server.revoke(&owner, revocation).unwrap());
    assert_eq!(w.read(&bob, &sealed, at(5)), DENIED);
}

#[test]
fn a_server_with_a_departed_member_reaches_the_old_epoch_and_no_other() {
    let (mut w, bob, old, update) = with_reader();
    w.depart(&bob, at(3));
    let new = w.write(MEDICAL, 2, at(4));
    // Re-encrypting without the server's checks, as a server can that kept the delegation.
    let kept = &update.delegations[0];
    let key = Afgh::verify_owner(&(), kept.owner_key(), &w.id()).unwrap();
    let grant = Afgh::verify_grant(&(), &key, kept.grant(), at(4)).unwrap();
    let rekey = Afgh::verify_rekey(&(), &key, &grant, kept.rekey()).unwrap();
    let mut reach = |sealed: &SealedPartition| {
        let ctx = sealed.header().context();
        let capsule = sealed.header().capsule::<Afgh>().unwrap();
        let capsule = Afgh::verify_capsule(&(), &key, &capsule, &ctx).ok()?;
        let part = Afgh::reencrypt(&(), &rekey, &capsule, &party(201), at(4), &mut w.rng).ok()?;
        let grant = Afgh::verify_grant(&(), &key, kept.grant(), at(4)).ok()?;
        let capsule = sealed.header().capsule::<Afgh>().unwrap();
        Afgh::accept_grant(&(), bob.secret(), &grant)
            .and_then(|grant| Afgh::open_reencrypted(&(), &grant, &capsule, &[part], &ctx))
            .ok()
    };
    // What cannot be defended, and what is.
    assert!(reach(&old).is_some());
    assert!(reach(&new).is_none());
}
