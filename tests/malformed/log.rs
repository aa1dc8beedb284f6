//! Live grants, receipts, and what is shown of a log.

use sesphr::Digest;
use sesphr::context::Timestamp;
use sesphr::pre::{Entry, GrantId, LiveSet, LiveUpdate};
use sesphr::sharing::MemoryStorage;
use sesphr::sharing::log::{Audit, Auditor, Event, LiveRef, Log};

use super::common::party;
use super::{Layout, Sample, statement};

/// Name of a message, offset of a count in it, and the count's bound.
pub(super) const COUNTS: [(&str, usize, u32); 6] = [
    ("live update", 216, 1 << 20),
    ("live update", 236, 1 << 20),
    ("live set", 209, 1 << 20),
    ("audit", 204, 1024),
    // Behind the entries, which the sample has two of.
    ("audit", 208 + 2 * AUDITED, 64),
    ("audit", 208 + 2 * AUDITED + 4 + 2 * 32, 64),
];

/// A signed receipt of a revocation.
const AUDITED: usize = 4 + 32 + 4 + 32 + 8 + 8 + 40 + 1 + 16 + 32 + 64;

pub(super) fn samples() -> Vec<Sample> {
    let (owner, keeper, none) = (party(51), party(52), Layout::default());
    let (owner_id, keeper_id) = (owner.id(), keeper.id());
    let (id, digest) = (|n| GrantId::from_array([n; 16]), Digest::from_array([9; 32]));
    let mut set = LiveSet::new();
    let mut advance = |removed: &[u8], added: u8| {
        let changed =
            [(id(added), Entry::Live { digest }), (id(added + 1), Entry::Barred { not_after: Timestamp(100) })];
        let removed: Vec<_> = removed.iter().map(|n| id(*n)).collect();
        let update = set.advance(&owner, removed, changed, Timestamp(added.into()), Timestamp(90)).unwrap();
        (update, set.clone())
    };
    advance(&[], 10);
    let (_, server) = advance(&[], 20);
    let (update, now) = advance(&[10], 30);

    let (mut log, mut storage) = (Log::new(owner_id, keeper_id), MemoryStorage::new());
    let mut append = |log: &mut Log, n: u8| {
        let event = Event::Revoked { grant: id(n), user: owner_id };
        log.append(&mut storage, &keeper, Timestamp(n.into()), LiveRef::from(&now), event).unwrap();
        storage.clone()
    };
    let mut follower = Auditor::new(owner_id, keeper_id);
    let held = (1..=3).map(|n| append(&mut log, n)).last().unwrap();
    let audit = log.audit(&held, follower.position(), 9, &keeper, Timestamp(4)).unwrap();
    let receipt = audit.entries()[0].clone();
    follower.follow(&audit).unwrap();
    let held = (5..=6).map(|n| append(&mut log, n)).last().unwrap();
    let audit = log.audit(&held, follower.position(), 9, &keeper, Timestamp(7)).unwrap();
    let seen = follower.clone();
    vec![
        statement("live head", update.head()),
        Sample::public("live update", &update, none, move |m: LiveUpdate| server.clone().apply(&m, &owner_id).is_err()),
        Sample::public("live set", &now, none, move |m: LiveSet| m.verify(&owner_id).is_err()),
        statement("receipt", &receipt),
        statement("log head", audit.head()),
        Sample::public("audit", &audit, none, move |m: Audit| follower.clone().follow(&m).is_err()),
        Sample::public("auditor", &seen.clone(), none, move |m: Auditor| m != seen),
    ]
}
