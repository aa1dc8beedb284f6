use alloc::vec;

use super::*;
use crate::encoding::Encoding;
use crate::identity::{Signed, SigningKey};

fn owner() -> SigningKey {
    SigningKey::from_seed(&[1; 32])
}

fn id(n: u8) -> GrantId {
    GrantId::from_array([n; 16])
}

fn digest(n: u8) -> Digest {
    Digest::from_array([n; 32])
}

fn live(n: u8) -> (GrantId, Entry) {
    (id(n), Entry::Live { digest: digest(n) })
}

fn barred(n: u8, not_after: u64) -> (GrantId, Entry) {
    (id(n), Entry::Barred { not_after: Timestamp(not_after) })
}

/// The head at `at`, good for a hundred seconds.
fn advance(set: &mut LiveSet, removed: &[u8], changed: &[(GrantId, Entry)], at: u64) -> LiveUpdate {
    let removed = removed.iter().map(|n| id(*n));
    set.advance(&owner(), removed, changed.iter().copied(), Timestamp(at), Timestamp(at + 100)).unwrap()
}

/// An owner with two live grants, and a server that knows them.
fn pair() -> (LiveSet, LiveSet) {
    let (mut set, mut server) = (LiveSet::new(), LiveSet::new());
    let update = advance(&mut set, &[], &[live(2), live(1)], 10);
    server.apply(&update, &owner().id()).unwrap();
    (set, server)
}

/// Signs `change`d terms of the update's head again.
fn resigned(update: &LiveUpdate, change: impl FnOnce(&mut LiveHead)) -> LiveUpdate {
    let mut head = update.head.unverified().clone();
    change(&mut head);
    LiveUpdate { head: Signed::new(&owner(), head), ..update.clone() }
}

/// Refused with `error`, and nothing has changed.
fn refused(server: &mut LiveSet, update: &LiveUpdate, error: LiveError) {
    let before = server.clone();
    assert_eq!(server.apply(update, &owner().id()), Err(error));
    assert_eq!(*server, before);
}

fn roundtrip<M: Encoding>(message: &M) -> M {
    M::from_bytes(&message.to_bytes()).unwrap()
}

#[test]
fn a_server_follows_its_owner() {
    let (mut set, mut server) = pair();
    assert_eq!(server, set);
    for at in 11..20 {
        let n = at as u8;
        let update = advance(&mut set, &[n - 10], &[live(n), barred(n + 100, at + 2)], at);
        assert_eq!(roundtrip(&update), update);
        assert_eq!(update.base(), at - 10);
        server.apply(&update, &owner().id()).unwrap();
        // Nothing is lost by hearing it twice.
        server.apply(&update, &owner().id()).unwrap();
        assert_eq!(server, set);
        assert_eq!((server.version(), server.digest()), (at - 9, update.head().digest()));
    }
    let mut late = LiveSet::new();
    late.apply(&roundtrip(&set.complete().unwrap()), &owner().id()).unwrap();
    assert_eq!(late, set);
    // From a version in between as well.
    let (_, mut behind) = pair();
    behind.apply(&set.complete().unwrap(), &owner().id()).unwrap();
    assert_eq!(behind, set);
    assert!(set.entries().map(|(id, _)| *id).is_sorted_by(|a, b| a < b));
}

#[test]
fn changes_over_several_versions_apply_at_once() {
    let (mut set, mut server) = pair();
    advance(&mut set, &[1], &[live(3)], 11);
    let second = advance(&mut set, &[], &[live(4)], 12);
    let both = LiveUpdate { base: 1, removed: vec![id(1)], set: vec![live(3), live(4)], ..second };
    server.apply(&both, &owner().id()).unwrap();
    assert_eq!(server, set);
}

#[test]
fn updates_hold_what_changed_and_no_more() {
    let (mut set, _) = pair();
    let other = (id(2), Entry::Live { digest: digest(9) });
    let update = advance(&mut set, &[7], &[other, live(1), live(5)], 11);
    assert_eq!((update.removed(), update.set()), (&[][..], &[other, live(5)][..]));
    let update = advance(&mut set, &[5, 1], &[], 11);
    assert_eq!((update.removed(), update.set()), (&[id(1), id(5)][..], &[][..]));
    assert_eq!((set.len(), set.get(&id(2))), (1, Some(&other.1)));
    assert!(set.contains(&id(2)) && !set.contains(&id(1)) && !set.is_empty());
}

#[test]
fn what_is_barred_is_dropped_when_its_time_has_passed() {
    let (mut set, mut server) = pair();
    let (a, b) = (barred(3, 20), barred(4, 21));
    let first = advance(&mut set, &[], &[a, b, barred(5, 10)], 11);
    assert_eq!(first.set(), &[a, b]);
    let same = advance(&mut set, &[], &[], 20);
    assert_eq!((same.removed().len(), same.set().len()), (0, 0));
    let next = advance(&mut set, &[], &[], 21);
    assert_eq!((next.removed(), next.set()), (&[id(3)][..], &[][..]));
    for update in [first, same, next] {
        server.apply(&update, &owner().id()).unwrap();
    }
    assert_eq!(server, set);
    assert_eq!(server.len(), 3);
}

#[test]
fn admits_what_is_listed_and_nothing_else() {
    let (mut set, _) = pair();
    advance(&mut set, &[], &[barred(6, 1000)], 20);
    let now = Timestamp(50);
    let admits = |id: GrantId, by: GrantId, digest: Digest| set.admits(&id, (&by, &digest), now);
    // The grant itself, and one made under the rules of id 1.
    assert_eq!(admits(id(1), id(1), digest(1)), Ok(()));
    assert_eq!(admits(id(5), id(1), digest(1)), Ok(()));
    // Another statement of this id, one that is not listed, a barred one, and a barred one as authority.
    for (grant, by, of) in [(1, 1, 2), (5, 1, 2), (5, 5, 5), (6, 1, 1), (6, 6, 6), (5, 6, 6), (6, 6, 0)] {
        assert_eq!(admits(id(grant), id(by), digest(of)), Err(LiveError::NotLive), "{grant} {by} {of}");
    }
    // Nobody takes the id of what the owner lists.
    assert_eq!(admits(id(2), id(1), digest(1)), Err(LiveError::NotLive));
    // To the last second of the head.
    let at = |now: u64| set.admits(&id(1), (&id(1), &digest(1)), Timestamp(now));
    assert_eq!((at(120), at(121)), (Ok(()), Err(LiveError::Stale)));
    assert_eq!(LiveSet::new().admits(&id(1), (&id(1), &digest(1)), now), Err(LiveError::Stale));
    // Taken back.
    advance(&mut set, &[1], &[], 60);
    assert_eq!(set.admits(&id(1), (&id(1), &digest(1)), Timestamp(60)), Err(LiveError::NotLive));
    assert_eq!(set.admits(&id(5), (&id(1), &digest(1)), Timestamp(60)), Err(LiveError::NotLive));
}

#[test]
fn an_old_head_never_comes_back() {
    let (mut set, mut server) = pair();
    let full = set.complete().unwrap();
    let second = advance(&mut set, &[1], &[], 20);
    let third = advance(&mut set, &[2], &[live(3)], 30);
    server.apply(&second, &owner().id()).unwrap();
    server.apply(&third, &owner().id()).unwrap();
    for old in [full, second] {
        refused(&mut server, &old, LiveError::Rollback);
    }
    // A higher version with an earlier time: an owner's clock, or device, that went back.
    let next = advance(&mut set, &[], &[], 30);
    refused(&mut server, &resigned(&next, |head| head.at = Timestamp(29)), LiveError::Rollback);
    server.apply(&next, &owner().id()).unwrap();
}

#[test]
fn a_second_head_of_one_version_is_a_fork() {
    let (set, mut server) = pair();
    // The owner restored an older state and went another way.
    let (mut one, mut other) = (set.clone(), set);
    let first = advance(&mut one, &[1], &[], 20);
    let second = advance(&mut other, &[2], &[], 20);
    server.apply(&first, &owner().id()).unwrap();
    refused(&mut server, &second, LiveError::Fork);
    refused(&mut server, &other.complete().unwrap(), LiveError::Fork);
    // Nor does its successor pass, by changes or whole: it names a head that the server does not have.
    let later = advance(&mut other, &[], &[live(1)], 30);
    refused(&mut server, &later, LiveError::Fork);
    refused(&mut server, &other.complete().unwrap(), LiveError::Fork);
    // The server's copy puts the owner right.
    let mut restored = roundtrip(&server);
    restored.verify(&owner().id()).unwrap();
    let next = advance(&mut restored, &[], &[live(8)], 30);
    server.apply(&next, &owner().id()).unwrap();
    assert_eq!(server, restored);
}

#[test]
fn a_first_head_follows_none() {
    let (set, _) = pair();
    let mut fresh = LiveSet::new();
    let forged = resigned(&set.complete().unwrap(), |head| head.previous = digest(1));
    refused(&mut fresh, &forged, LiveError::Fork);
    assert_eq!(LiveUpdate::from_bytes(&forged.to_bytes()), Err(DecodeError::Value));
}

#[test]
fn an_older_set_takes_only_what_leads_on_from_it() {
    let (mut set, old) = pair();
    let second = advance(&mut set, &[1], &[], 20);
    let third = advance(&mut set, &[], &[live(3)], 30);
    // A server restored from its backup.
    let mut restored = roundtrip(&old);
    restored.verify(&owner().id()).unwrap();
    refused(&mut restored, &third, LiveError::Behind);
    refused(&mut LiveSet::new(), &third, LiveError::Behind);
    // It believes the head that it has until it hears of another: this is what it takes to catch up.
    restored.apply(&second, &owner().id()).unwrap();
    restored.apply(&third, &owner().id()).unwrap();
    assert_eq!(restored, set);
    // Changes that claim another base.
    let fourth = advance(&mut set, &[3], &[], 40);
    for base in [1, 2, 4, u64::MAX] {
        refused(&mut restored, &LiveUpdate { base, ..fourth.clone() }, LiveError::Behind);
    }
    refused(&mut restored, &LiveUpdate { base: 0, ..fourth.clone() }, LiveError::Mismatch);
    restored.apply(&fourth, &owner().id()).unwrap();
}

#[test]
fn changes_must_lead_to_what_was_signed() {
    let (mut set, mut server) = pair();
    let update = advance(&mut set, &[1], &[live(3), live(4)], 20);
    let with = |removed: &[u8], set: &[(GrantId, Entry)]| LiveUpdate {
        removed: removed.iter().map(|n| id(*n)).collect(),
        set: set.to_vec(),
        ..update.clone()
    };
    let other = (id(3), Entry::Live { digest: digest(4) });
    for wrong in [
        with(&[], &[live(3), live(4)]),
        with(&[1], &[live(3)]),
        with(&[1], &[live(3), live(4), live(5)]),
        with(&[1], &[other, live(4)]),
        with(&[1], &[barred(3, 90), live(4)]),
        with(&[1, 2], &[live(3), live(4)]),
        with(&[2], &[live(3), live(4)]),
        // It would lead there, but removes what is not there.
        with(&[1, 7], &[live(3), live(4)]),
    ] {
        refused(&mut server, &wrong, LiveError::Mismatch);
    }
    for wrong in [resigned(&update, |head| head.size = 4), resigned(&update, |head| head.root = digest(0))] {
        refused(&mut server, &wrong, LiveError::Mismatch);
    }
    server.apply(&update, &owner().id()).unwrap();
}

#[test]
fn only_the_owner_signs() {
    let (mut set, mut server) = pair();
    let eve = SigningKey::from_seed(&[2; 32]);
    let update = advance(&mut set, &[1], &[], 20);
    let forged = LiveUpdate { head: Signed::new(&eve, update.head.unverified().clone()), ..update.clone() };
    refused(&mut server, &forged, LiveError::Signature);
    let mut bytes = update.to_bytes();
    // The time, within the signed head.
    bytes[4 + 4 + 32 + 4 + 19] ^= 1;
    refused(&mut server, &LiveUpdate::from_bytes(&bytes).unwrap(), LiveError::Signature);
    // Eve's own list is not the next of this owner's.
    let before = server.clone();
    let mut hers = LiveSet::new();
    let (at, not_after) = (Timestamp(30), Timestamp(40));
    for n in 1..4 {
        hers.advance(&eve, [], [live(n)], at, not_after).unwrap();
    }
    let whole = hers.complete().unwrap();
    assert_eq!(server.apply(&whole, &eve.id()), Err(LiveError::Signature));
    assert_eq!(server, before);
    assert_eq!(hers.advance(&owner(), [], [], at, not_after), Err(LiveError::Signature));
    assert_eq!(hers.verify(&owner().id()), Err(LiveError::Signature));
    assert_eq!((hers.verify(&eve.id()), LiveSet::new().verify(&eve.id())), (Ok(()), Ok(())));
    // Of the right name and the wrong signature.
    let mut bytes = set.to_bytes();
    bytes[4 + 1 + 4 + 32 + 4 + 19] ^= 1;
    assert_eq!(LiveSet::from_bytes(&bytes).unwrap().verify(&owner().id()), Err(LiveError::Signature));
}

#[test]
fn an_owner_asks_for_nothing_impossible() {
    let (mut set, _) = pair();
    let before = set.clone();
    let mut step = |removed: &[u8], changed: &[(GrantId, Entry)], at: u64, not_after: u64| {
        let removed = removed.iter().map(|n| id(*n));
        set.advance(&owner(), removed, changed.iter().copied(), Timestamp(at), Timestamp(not_after)).unwrap_err()
    };
    assert_eq!(step(&[1], &[live(1)], 20, 30), LiveError::Mismatch);
    assert_eq!(step(&[1, 1], &[], 20, 30), LiveError::Mismatch);
    assert_eq!(step(&[], &[live(3), barred(3, 50)], 20, 30), LiveError::Mismatch);
    assert_eq!(step(&[], &[], 20, 19), LiveError::Time);
    assert_eq!(step(&[], &[], 9, 30), LiveError::Rollback);
    assert_eq!(set, before);
    // The last version is the last.
    let last = resigned(&set.complete().unwrap(), |head| (head.version, head.previous) = (u64::MAX, digest(1)));
    set.apply(&last, &owner().id()).unwrap();
    let end = set.advance(&owner(), [], [], Timestamp(20), Timestamp(30));
    assert_eq!((end, set.version()), (Err(LiveError::Exhausted), u64::MAX));
}

#[test]
fn a_list_has_its_bound() {
    let entries =
        |n: usize| (0..n as u128).map(|i| (GrantId::from_array(i.to_be_bytes()), Entry::Live { digest: Digest::NONE }));
    let step = |n| LiveSet::new().advance(&owner(), [], entries(n), Timestamp(1), Timestamp(2));
    assert_eq!(step(LiveSet::MAX + 1), Err(LiveError::Full));
    let update = step(LiveSet::MAX).unwrap();
    assert_eq!(update.head().unverified().size(), LiveSet::MAX as u64);
    let mut bytes = update.to_bytes();
    assert!(LiveUpdate::from_bytes(&bytes).is_ok());
    let count = update.head().encoded_len() + 4 + 8 + 4;
    bytes[count..count + 4].copy_from_slice(&(LiveSet::MAX as u32 + 1).to_be_bytes());
    assert_eq!(LiveUpdate::from_bytes(&bytes), Err(DecodeError::Length));
    let beyond = resigned(&update, |head| head.size += 1);
    assert_eq!(Signed::<LiveHead>::from_bytes(&beyond.head.to_bytes()), Err(DecodeError::Value));
}

/// What no honest party encodes does not decode.
#[test]
fn one_state_has_one_encoding() {
    let (mut set, _) = pair();
    let update = advance(&mut set, &[1], &[live(3), live(4)], 20);
    let decode = |update: &LiveUpdate| LiveUpdate::from_bytes(&update.to_bytes()).map(|_| ());
    assert_eq!(decode(&update), Ok(()));
    let value = Err(DecodeError::Value);
    for wrong in [
        LiveUpdate { set: vec![live(4), live(3)], ..update.clone() },
        LiveUpdate { set: vec![live(3), live(3)], ..update.clone() },
        LiveUpdate { removed: vec![id(2), id(1)], ..update.clone() },
        LiveUpdate { removed: vec![id(1), id(1)], ..update.clone() },
        LiveUpdate { removed: vec![id(3)], ..update.clone() },
        LiveUpdate { base: 0, ..update.clone() },
        LiveUpdate { base: 2, ..update.clone() },
    ] {
        assert_eq!(decode(&wrong), value, "{wrong:?}");
    }
    let head = |change: fn(&mut LiveHead)| {
        let head = resigned(&update, change).head;
        Signed::<LiveHead>::from_bytes(&head.to_bytes()).map(|_| ())
    };
    assert_eq!(head(|_| ()), Ok(()));
    assert_eq!(head(|head| head.version = 0), value);
    assert_eq!(head(|head| head.version = 1), value);
    assert_eq!(head(|head| head.previous = Digest::NONE), value);
    assert_eq!(head(|head| head.not_after = Timestamp(19)), value);

    // Of a set, the head must be that of its entries.
    for whole in [LiveSet::new(), set.clone()] {
        assert_eq!(roundtrip(&whole), whole);
    }
    let bytes = set.to_bytes();
    let refused = |change: &dyn Fn(&mut [u8])| {
        let mut bytes = bytes.clone();
        change(&mut bytes);
        assert_eq!(LiveSet::from_bytes(&bytes), Err(DecodeError::Value));
    };
    refused(&|bytes| bytes[4] = 2);
    // The tag and the last byte of the last entry, which is live.
    refused(&|bytes| bytes[bytes.len() - 33] = 2);
    refused(&|bytes| bytes[bytes.len() - 1] ^= 1);
    // The size and the root, as signed.
    let start = 4 + 1 + 4 + 32 + 4;
    refused(&|bytes| bytes[start + 31] += 1);
    refused(&|bytes| bytes[start + 32] ^= 1);
    let len = set.entries().len();
    assert_eq!(bytes.len(), 5 + set.head().unwrap().encoded_len() + 4 + 49 * len);
    assert_eq!(LiveSet::new().to_bytes().len(), 5);
    let zero = [&bytes[..4], &[0], &bytes[5..]].concat();
    assert_eq!(LiveSet::from_bytes(&zero), Err(DecodeError::TrailingBytes));
}
