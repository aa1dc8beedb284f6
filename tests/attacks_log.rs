//! A keeper that lies about its log, whoever it has the key of: each lie is found, and named.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use proptest::prelude::*;
use sesphr::Digest;
use sesphr::context::{Partition, RecordId, Timestamp};
use sesphr::encoding::{Encoding, Message, Reader};
use sesphr::identity::{PartyId, Signed, SigningKey};
use sesphr::pre::GrantId;
use sesphr::sharing::MemoryStorage;
use sesphr::sharing::log::*;

fn key(n: u8) -> SigningKey {
    SigningKey::from_seed(&[n; 32])
}

fn keeper() -> SigningKey {
    key(1)
}

fn owner() -> PartyId {
    key(2).id()
}

fn event(n: u64) -> Event {
    Event::Reencrypted {
        grant: GrantId::from_array([1; 16]),
        user: key(4).id(),
        request: Digest::from_array([n as u8; 32]),
        record: RecordId::from_array([n as u8; 16]),
        version: n,
        partition: Partition::MEDICAL,
        context: Digest::from_array([3; 32]),
    }
}

/// A keeper's log of one owner, with its storage.
#[derive(Clone)]
struct Kept(Log, MemoryStorage);

impl Kept {
    /// The events of these numbers, one a second.
    fn new(events: impl IntoIterator<Item = u64>) -> Self {
        Self::of(owner(), &keeper(), events)
    }

    fn of(owner: PartyId, keeper: &SigningKey, events: impl IntoIterator<Item = u64>) -> Self {
        let mut kept = Self(Log::new(owner, keeper.id()), MemoryStorage::new());
        events.into_iter().for_each(|n| drop(kept.write(keeper, n)));
        kept
    }

    fn write(&mut self, keeper: &SigningKey, n: u64) -> Signed<Receipt> {
        let at = Timestamp(self.0.len());
        self.0.append(&mut self.1, keeper, at, LiveRef::NONE, event(n)).unwrap()
    }

    /// Signed in the second of the last receipt, as the clock does not go back.
    fn head(&mut self) -> Signed<LogHead> {
        self.0.head(&keeper(), Timestamp(0)).unwrap()
    }

    fn answer(&mut self, position: Position, limit: usize) -> Audit {
        self.signed_answer(&keeper(), position, limit)
    }

    fn signed_answer(&mut self, keeper: &SigningKey, position: Position, limit: usize) -> Audit {
        self.0.audit(&self.1, position, limit, keeper, Timestamp(0)).unwrap()
    }
}

/// An answer, taken apart.
#[derive(Clone, PartialEq)]
struct Parts {
    head: Signed<LogHead>,
    position: Position,
    entries: Vec<Signed<Receipt>>,
    proofs: [Vec<[u8; 32]>; 2],
}

impl Parts {
    fn of(audit: &Audit) -> Self {
        let (bytes, entries) = (audit.to_bytes(), audit.entries().to_vec());
        let skip = 4 + audit.head().encoded_len() + 16 + 4 + entries.iter().map(Message::encoded_len).sum::<usize>();
        let mut reader = Reader::new(&bytes[skip..]);
        let proofs = [(); 2].map(|()| (0..reader.u32().unwrap()).map(|_| reader.array().unwrap()).collect());
        reader.finish().unwrap();
        Self { head: audit.head().clone(), position: audit.position(), entries, proofs }
    }

    fn audit(&self) -> Audit {
        let count = |n: usize| u32::try_from(n).unwrap().to_be_bytes();
        let mut bytes = vec![1, Audit::SUITE as u8];
        bytes.extend(Audit::KIND.number().to_be_bytes());
        self.head.write(&mut bytes);
        bytes.extend([self.position.read, self.position.size].into_iter().flat_map(u64::to_be_bytes));
        bytes.extend(count(self.entries.len()));
        self.entries.iter().for_each(|entry| entry.write(&mut bytes));
        for proof in &self.proofs {
            bytes.extend(count(proof.len()));
            bytes.extend(proof.concat());
        }
        Audit::from_bytes(&bytes).unwrap()
    }

    fn sign_head(&mut self, signer: &SigningKey, change: impl FnOnce(&mut LogHead)) {
        let mut head = self.head.unverified().clone();
        change(&mut head);
        self.head = Signed::new(signer, head);
    }
}

/// An auditor who has read the first three of eight receipts, and the keeper.
fn scene() -> (Auditor, Kept) {
    let (mut auditor, mut kept) = (Auditor::new(owner(), keeper().id()), Kept::new(0..5));
    auditor.follow(&kept.answer(auditor.position(), 3)).unwrap();
    (5..8).for_each(|n| drop(kept.write(&keeper(), n)));
    (auditor, kept)
}

/// The lie is named, nothing has changed, and the truth still passes.
fn refused(lie: impl FnOnce(&mut Parts), error: AuditError) {
    let (mut auditor, mut kept) = scene();
    let truth = kept.answer(auditor.position(), 9);
    let mut parts = Parts::of(&truth);
    assert!(parts.audit() == truth);
    lie(&mut parts);
    let before = auditor.clone();
    assert_eq!(auditor.follow(&parts.audit()), Err(error));
    assert_eq!(auditor, before);
    assert_eq!(auditor.follow(&truth).unwrap().len(), 5);
}

#[test]
fn a_receipt_is_removed() {
    for at in 0..4 {
        refused(|parts| drop(parts.entries.remove(at)), AuditError::Order);
    }
    refused(|parts| drop(parts.entries.pop()), AuditError::Entries);
    refused(|parts| parts.entries.clear(), AuditError::Entries);
    refused(|parts| parts.entries.insert(2, parts.entries[2].clone()), AuditError::Order);
}

#[test]
fn receipts_are_reordered() {
    for (a, b) in [(0, 1), (1, 3), (3, 4)] {
        refused(|parts| parts.entries.swap(a, b), AuditError::Order);
    }
}

#[test]
fn a_receipt_is_altered() {
    // By the keeper, who signs it, or by somebody else.
    let altered = |signer: SigningKey, change: fn(&mut Receipt)| {
        move |parts: &mut Parts| {
            let mut receipt = parts.entries[2].unverified().clone();
            change(&mut receipt);
            parts.entries[2] = Signed::new(&signer, receipt);
        }
    };
    refused(altered(keeper(), |receipt| receipt.event = event(99)), AuditError::Entries);
    refused(altered(keeper(), |receipt| receipt.at = Timestamp(6)), AuditError::Entries);
    refused(altered(keeper(), |receipt| receipt.number = 6), AuditError::Order);
    refused(altered(keeper(), |receipt| receipt.owner = key(9).id()), AuditError::Owner);
    refused(altered(key(9), |_| ()), AuditError::Signature);
    // The content of one under the signature of another.
    refused(
        |parts| {
            let (signed, other) = (parts.entries[2].to_bytes(), parts.entries[3].to_bytes());
            let bytes = [&signed[..signed.len() - 64], &other[other.len() - 64..]].concat();
            parts.entries[2] = Signed::from_bytes(&bytes).unwrap();
        },
        AuditError::Signature,
    );
}

#[test]
fn a_head_is_not_the_keepers() {
    refused(|parts| parts.sign_head(&key(9), |_| ()), AuditError::Signature);
    refused(|parts| parts.sign_head(&keeper(), |head| head.owner = key(9).id()), AuditError::Owner);
    // A root or size of the keeper's invention has no proof.
    refused(|parts| parts.sign_head(&keeper(), |head| head.root = Digest::NONE), AuditError::Forked);
    refused(|parts| parts.sign_head(&keeper(), |head| head.size = 9), AuditError::Forked);
    // One whose proof has the same shape does not hold these receipts.
    refused(|parts| parts.sign_head(&keeper(), |head| head.size = 7), AuditError::Entries);
    refused(|parts| parts.sign_head(&keeper(), |head| head.at = Timestamp(3)), AuditError::Time);
}

#[test]
fn proofs_are_tampered_with() {
    for which in 0..2 {
        let error = [AuditError::Entries, AuditError::Forked][which];
        refused(|parts| assert!(parts.proofs[which].pop().is_some()), error);
        refused(|parts| parts.proofs[which].push([0; 32]), error);
        refused(|parts| parts.proofs[which][0][0] ^= 1, error);
    }
    refused(|parts| parts.position.read = 2, AuditError::Position);
    refused(|parts| parts.position.size = 4, AuditError::Position);
}

/// Whatever the keeper rewrites of what an auditor has seen, read or not, it cannot go on from there.
#[test]
fn the_past_is_rewritten() {
    for at in 0..5 {
        for size in 5..10 {
            let (mut auditor, _) = scene();
            let mut forked = Kept::new((0..size).map(|n| if n == at { 99 } else { n }));
            let lie = forked.answer(auditor.position(), 9);
            assert_eq!(auditor.follow(&lie), Err(AuditError::Forked), "{at} {size}");
            // A receipt left out, and all after it moved.
            let mut shorter = Kept::new((0..=size).filter(|n| *n != at));
            let lie = shorter.answer(auditor.position(), 9);
            assert_eq!(auditor.follow(&lie), Err(AuditError::Forked), "{at} {size}");
        }
    }
    // A second head of one size is evidence, whatever comes with it.
    let (mut auditor, _) = scene();
    let mut parts = Parts::of(&Kept::new([0, 1, 2, 3, 99]).answer(auditor.position(), 9));
    parts.position.size = 4;
    assert_eq!(auditor.follow(&parts.audit()), Err(AuditError::Forked));
    // What nobody has seen yet is still the keeper's to choose.
    let (mut auditor, _) = scene();
    let mut other = Kept::new([0, 1, 2, 3, 4, 99]);
    assert_eq!(auditor.follow(&other.answer(auditor.position(), 9)).unwrap().len(), 3);
}

#[test]
fn the_log_is_truncated() {
    let (mut auditor, mut kept) = scene();
    let mut backup = Kept::new(0..4);
    // A keeper that went back cannot prove anything, and one that pretends has a shorter log.
    let asked = backup.0.audit(&backup.1, auditor.position(), 9, &keeper(), Timestamp(0));
    assert_eq!(asked, Err(LogError::Position));
    let lie = backup.answer(Position { read: 3, size: 4 }, 9);
    assert_eq!(auditor.follow(&lie), Err(AuditError::Truncated));
    // One that goes on from there has another log.
    (4..9).for_each(|n| drop(backup.write(&keeper(), n + 50)));
    assert_eq!(auditor.follow(&backup.answer(auditor.position(), 9)), Err(AuditError::Forked));

    let old = kept.answer(auditor.position(), 9);
    auditor.follow(&old).unwrap();
    kept.write(&keeper(), 8);
    // An old answer again: nothing new in it, and not what was asked for.
    assert_eq!(auditor.follow(&old), Err(AuditError::Position));
    auditor.follow(&kept.answer(auditor.position(), 9)).unwrap();
    assert_eq!(auditor.follow(&old), Err(AuditError::Truncated));
    // A page of nothing while there is something.
    let (mut auditor, mut kept) = scene();
    let empty = kept.answer(Position { read: 8, ..auditor.position() }, 9);
    assert_eq!(auditor.follow(&empty), Err(AuditError::Position));
    let mut parts = Parts::of(&empty);
    parts.position.read = 3;
    assert_eq!(auditor.follow(&parts.audit()), Err(AuditError::Withheld));
}

#[test]
fn a_log_is_another_owners_or_another_keepers() {
    let (mut auditor, _) = scene();
    let mut theirs = Kept::of(key(9).id(), &keeper(), 0..8);
    assert_eq!(auditor.follow(&theirs.answer(auditor.position(), 9)), Err(AuditError::Owner));
    let mut elsewhere = Kept::of(owner(), &key(9), 0..8);
    let lie = elsewhere.signed_answer(&key(9), auditor.position(), 9);
    assert_eq!(auditor.follow(&lie), Err(AuditError::Signature));
    // Their receipts under this owner's head.
    refused(
        |parts| parts.entries = theirs.answer(Position { read: 3, size: 5 }, 9).entries().to_vec(),
        AuditError::Owner,
    );
}

/// Each client sees one log all the time; together they see two.
#[test]
fn two_clients_compare_heads() {
    let (mut first, mut kept) = scene();
    let mut second = Auditor::new(owner(), keeper().id());
    let mut forked = Kept::new([0, 1, 2, 3, 4, 50, 51, 52]);
    first.follow(&kept.answer(first.position(), 9)).unwrap();
    second.follow(&forked.answer(second.position(), 9)).unwrap();
    let (one, other) = (kept.head(), forked.head());
    // Of one size there is nothing to prove.
    assert_eq!(first.agrees(&one, &[]), Ok(()));
    assert_eq!(first.agrees(&other, &[]), Err(AuditError::Forked));
    assert_eq!(second.agrees(&one, &[]), Err(AuditError::Forked));
    // Of others the keeper has to prove it, whoever is ahead: it can for one log, and for no other.
    kept.write(&keeper(), 8);
    forked.write(&keeper(), 53);
    let proof = kept.0.prove(8, 9).unwrap();
    assert_eq!(first.agrees(&kept.head(), &proof), Ok(()));
    assert_eq!(first.agrees(&kept.head(), &[]), Err(AuditError::Forked));
    assert_eq!(first.agrees(&forked.head(), &forked.0.prove(8, 9).unwrap()), Err(AuditError::Forked));
    first.follow(&kept.answer(first.position(), 9)).unwrap();
    assert_eq!(first.agrees(&one, &proof), Ok(()));
    assert_eq!(first.agrees(&other, &proof), Err(AuditError::Forked));
    // Who has seen nothing agrees with anything that the keeper signed about this owner.
    let fresh = Auditor::new(owner(), keeper().id());
    assert_eq!(fresh.agrees(&one, &[]), Ok(()));
    let head = |signer: &SigningKey, owner| Signed::new(signer, LogHead { owner, ..one.unverified().clone() });
    assert_eq!(fresh.agrees(&head(&key(9), owner()), &[]), Err(AuditError::Signature));
    assert_eq!(fresh.agrees(&head(&keeper(), key(9).id()), &[]), Err(AuditError::Owner));
}

/// What cannot be defended: an act of which there is no receipt.
#[test]
fn what_is_never_logged_is_not_found() {
    let (mut auditor, mut kept) = scene();
    // The keeper re-encrypts, and says nothing.
    let receipts = auditor.follow(&kept.answer(auditor.position(), 9)).unwrap();
    assert_eq!(reads(&receipts).map(|read| read.version).collect::<Vec<_>>(), [3, 4, 5, 6, 7]);
    assert_eq!(auditor.unread(), 0);
}

/// Of what lies under a head and was not read there is only the keeper's word. A size that is not the root's can pass
/// as long as nobody reads that far; then no log leads on from there.
#[test]
fn a_head_over_nothing_is_found_when_it_is_read() {
    let (mut auditor, mut kept) = (Auditor::new(owner(), keeper().id()), Kept::new(0..5));
    let mut parts = Parts::of(&kept.answer(auditor.position(), 2));
    parts.sign_head(&keeper(), |head| head.size = 7);
    assert_eq!(auditor.follow(&parts.audit()).unwrap().len(), 2);
    assert_eq!(auditor.unread(), 5);
    stuck(auditor, &kept);
}

/// Nothing that the keeper has takes this auditor to the end of what the head promised: neither the log as it was or
/// will be, nor pages of it under that head.
fn stuck(mut auditor: Auditor, kept: &Kept) {
    let size = auditor.position().size;
    for real in 0..size + 3 {
        let mut log = Kept::new(0..real);
        // As it was, what there is still reads.
        for limit in 1..=5 {
            let read = auditor.position().read.min(real);
            let mut parts = Parts::of(&log.answer(Position { read, size: real }, limit));
            (parts.head, parts.position) = (auditor.head().unwrap().clone(), auditor.position());
            if let Ok(receipts) = auditor.follow(&parts.audit()) {
                assert!(receipts.iter().all(|receipt| receipt.event == event(receipt.number)));
                assert!(auditor.position().read <= kept.0.len());
            }
        }
        if real >= size {
            assert_eq!(auditor.follow(&log.answer(auditor.position(), 9)), Err(AuditError::Forked));
        }
    }
    assert!(auditor.unread() > 0);
}

/// A lie that random numbers choose; `None` when they choose none.
fn lie(kept: &Kept, truth: &Audit, which: u8, a: usize, b: usize) -> Option<Audit> {
    let mut parts = Parts::of(truth);
    let (seen, page) = (truth.position().size, parts.entries.len());
    match which {
        0 if page > 0 => drop(parts.entries.remove(a % page)),
        1 if page > 0 => parts.entries.swap(a % page, b % page),
        2 if page > 0 => parts.entries.insert(a % page, parts.entries[b % page].clone()),
        3 if page > 0 => {
            let mut receipt = parts.entries[a % page].unverified().clone();
            receipt.event = event(1000 + b as u64);
            parts.entries[a % page] = Signed::new(&keeper(), receipt);
        }
        4 => parts.proofs[a % 2].truncate(b % 3),
        5 => parts.proofs[a % 2].insert(0, [b as u8; 32]),
        6 => parts.proofs.swap(0, 1),
        7 => parts.sign_head(&keeper(), |head| head.size = head.size.wrapping_add(1 + (b % 3) as u64)),
        8 => parts.sign_head(&keeper(), |head| head.size = head.size.saturating_sub(1 + (b % 3) as u64)),
        9 => parts.sign_head(&keeper(), |head| head.root = Digest::from_array([b as u8; 32])),
        10 => parts.position.read = b as u64 % 40,
        11 => parts.position.size = b as u64 % 40,
        12 if seen > 0 => {
            // Another log from some receipt on that the auditor has seen.
            let fork = a as u64 % seen;
            let mut other = Kept::new((0..kept.0.len()).map(|n| if n < fork { n } else { n + 500 }));
            return Some(other.answer(truth.position(), 1 + b % 10));
        }
        _ => {
            let mut bytes = truth.to_bytes();
            let at = a % bytes.len();
            bytes[at] ^= 1 << (b % 8);
            return Audit::from_bytes(&bytes).ok();
        }
    }
    Some(parts.audit())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.div_ceil(5),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_lie_passes(
        steps in prop::collection::vec((0_u64..6, 1_usize..5, 0_u8..16, any::<usize>(), any::<usize>()), 1..12),
    ) {
        let (mut auditor, mut kept) = (Auditor::new(owner(), keeper().id()), Kept::new([]));
        let mut read = 0;
        for (more, limit, which, a, b) in steps {
            (0..more).for_each(|_| drop({ let n = kept.0.len(); kept.write(&keeper(), n) }));
            let truth = kept.answer(auditor.position(), limit);
            if let Some(lie) = lie(&kept, &truth, which, a, b).filter(|lie| *lie != truth) {
                let mut deceived = auditor.clone();
                if deceived.follow(&lie).is_ok() {
                    // The receipts are genuine, and the head promises what there is not.
                    prop_assert!((7..9).contains(&which) && lie.entries() == truth.entries(), "{which} {a} {b}");
                    prop_assert!(deceived.unread() > 0);
                    stuck(deceived, &kept);
                } else {
                    prop_assert!(deceived == auditor);
                }
            }
            let receipts = auditor.follow(&truth).unwrap();
            prop_assert!(receipts.iter().all(|receipt| receipt.event == event(receipt.number)));
            read += receipts.len() as u64;
            prop_assert_eq!(auditor.position(), Position { read, size: kept.0.len() });
        }
    }
}
