mod auditor;
mod keeper;

use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::context::{Partition, RecordId, Timestamp, Validity};
use crate::encoding::{Encoding, Message};
use crate::error::DecodeError;
use crate::hash::Digest;
use crate::identity::{PartyId, SigningKey};
use crate::pre::GrantId;
use crate::sharing::MemoryStorage;

fn key(n: u8) -> SigningKey {
    SigningKey::from_seed(&[n; 32])
}

fn keeper() -> SigningKey {
    key(1)
}

fn owner() -> PartyId {
    key(2).id()
}

fn party(n: u8) -> PartyId {
    PartyId::from_array([n; 32])
}

fn digest(n: u8) -> Digest {
    Digest::from_array([n; 32])
}

fn live(version: u64) -> LiveRef {
    LiveRef { version, head: if version == 0 { Digest::NONE } else { digest(version as u8) } }
}

fn read(n: u8) -> Event {
    Event::Reencrypted {
        grant: GrantId::from_array([n; 16]),
        user: party(n),
        request: digest(n),
        record: RecordId::from_array([n; 16]),
        version: 7,
        partition: Partition::MEDICAL,
        context: digest(n),
    }
}

fn events() -> Vec<Event> {
    let (grant, parent) = (GrantId::from_array([1; 16]), GrantId::from_array([2; 16]));
    let (user, by, request, record) = (party(3), party(4), digest(5), RecordId::from_array([6; 16]));
    let validity = Validity::new(Timestamp(10), Timestamp(20)).unwrap();
    let partition = Partition::PRESCRIPTION;
    let mut events = vec![
        Event::Granted { grant, user, terms: digest(7), validity },
        Event::Revoked { grant, user },
        Event::Advanced { generation: 0 },
        read(8),
        Event::Emergency { grant, user, request, approvers: vec![], validity },
        Event::Emergency { grant, user, request, approvers: (1..=255).map(party).collect(), validity },
        Event::Approved { grant, user, request, validity },
        Event::Referred { grant, parent, user, by, validity },
    ];
    events.extend(Rule::ALL.map(|rule| Event::Denied { user, request, record, partition, rule }));
    events
}

/// A log of `n` receipts, at 10, 11, 12, …, under heads 0, 0, 1, 1, 2, ….
fn log(n: u64) -> (Log, MemoryStorage) {
    log_of(|i| read(i as u8), n)
}

fn log_of(event: impl Fn(u64) -> Event, n: u64) -> (Log, MemoryStorage) {
    let (mut log, mut storage) = (Log::new(owner(), keeper().id()), MemoryStorage::new());
    for i in 0..n {
        log.append(&mut storage, &keeper(), Timestamp(10 + i), live(i / 2), event(i)).unwrap();
    }
    (log, storage)
}

fn auditor() -> Auditor {
    Auditor::new(owner(), keeper().id())
}

#[test]
fn every_event_has_one_encoding() {
    for (number, event) in (0..).zip(events()) {
        let receipt = Receipt { owner: owner(), number, at: Timestamp(1), live: live(number), event };
        let bytes = receipt.to_bytes();
        assert_eq!(Receipt::from_bytes(&bytes).as_ref(), Ok(&receipt));
        let event = bytes.len() - (4 + 32 + 8 + 8 + 40);
        let bound = match &receipt.event {
            Event::Emergency { approvers, .. } => 101 + 32 * approvers.len(),
            _ => 173,
        };
        assert!((1..=bound).contains(&event));
    }
    let encoded = |live, event| Receipt { owner: owner(), number: 0, at: Timestamp(1), live, event }.to_bytes();
    let refused = |bytes: &[u8]| assert_eq!(Receipt::from_bytes(bytes), Err(DecodeError::Value));
    // A version without a head, a head without a version, and no such event.
    refused(&encoded(LiveRef { version: 1, head: Digest::NONE }, Event::Advanced { generation: 0 }));
    refused(&encoded(LiveRef { version: 0, head: digest(1) }, Event::Advanced { generation: 0 }));
    let mut bytes = encoded(live(1), Event::Advanced { generation: 0 });
    // The tag, and a generation behind it.
    let at = bytes.len() - 5;
    assert_eq!(bytes[at..], [2, 0, 0, 0, 0]);
    bytes[at] = 8;
    refused(&bytes);
    // Approvers out of order, twice, and too many.
    let emergency = |approvers: Vec<PartyId>| {
        let (grant, validity) = (GrantId::from_array([1; 16]), Validity::new(Timestamp(1), Timestamp(2)).unwrap());
        Event::Emergency { grant, user: party(3), request: digest(5), approvers, validity }
    };
    let many = (0..=Event::MAX_APPROVERS as u32).map(|n| {
        let mut id = [0; 32];
        id[..4].copy_from_slice(&n.to_be_bytes());
        PartyId::from_array(id)
    });
    let (mut log, mut storage) = log(0);
    for approvers in [vec![party(2), party(1)], vec![party(1), party(1)], many.collect()] {
        let event = emergency(approvers.clone());
        let error = if approvers.len() > 2 { DecodeError::Length } else { DecodeError::Value };
        assert_eq!(Receipt::from_bytes(&encoded(live(1), event.clone())), Err(error));
        assert_eq!(log.append(&mut storage, &keeper(), Timestamp(1), live(1), event), Err(LogError::Event));
    }
    // A rule that there is not.
    let rule = Event::Denied {
        user: party(1),
        request: digest(1),
        record: RecordId::from_array([1; 16]),
        partition: Partition::MEDICAL,
        rule: Rule::Generation,
    };
    let mut bytes = encoded(live(1), rule);
    *bytes.last_mut().unwrap() = Rule::ALL.len() as u8;
    refused(&bytes);
}
