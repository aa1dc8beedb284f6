//! What `malformed` does not see of sharing's messages: sets, counts, and what prints.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "common/sharing.rs"]
mod common;

use common::*;
use sesphr::context::Partition;
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::error::DecodeError;
use sesphr::identity::Signed;
use sesphr::pre::afgh::Afgh;
use sesphr::sharing::*;

const MEDICAL: Partition = Partition::MEDICAL;

fn bytes_of(message: &impl Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.write(&mut bytes);
    bytes
}

struct All {
    update: Update,
    response: Response<Afgh>,
    membership: Signed<Membership>,
    w: World,
    bob: User<Afgh>,
}

fn all() -> All {
    let mut w = World::new();
    let (bob, carol) = (user(10), user(11));
    w.join(&bob, Role::Pharmacist, at(1), at(1));
    let update = w.owner.set_author(party(60).id(), Author::Retired, at(1), &mut w.rng).unwrap();
    w.send(&update, at(1));
    w.join(&carol, Role::Pharmacist, at(1), at(1));
    let sealed = w.write(Partition::PRESCRIPTION, 1, at(2));
    let request = bob.request(w.server.id(), sealed.header(), at(2), &mut w.rng).unwrap();
    let response = w.server.reencrypt(&request, at(2), &mut w.rng).unwrap();
    let update = w.owner.depart(&carol.id(), at(3), &mut w.rng).unwrap();
    let membership = w.owner.export();
    All { update, response, membership, w, bob }
}

#[test]
fn sets_have_one_order() {
    let all = all();
    // A directory's keys swapped, and an author twice.
    let bytes = bytes_of(all.update.directory.unverified());
    let first = 4 + 8 + 16 + 4;
    let keys = ["insurance", "medical", "personal", "prescription"];
    let key_len = |name: &str| 4 + 32 + (4 + 4 + name.len() + 4 + 48 + 64) + 64;
    let (one, two) = (key_len(keys[0]), key_len(keys[1]));
    let swapped = [
        &bytes[..first],
        &bytes[first + one..first + one + two],
        &bytes[first..first + one],
        &bytes[first + one + two..],
    ];
    assert_eq!(Directory::from_bytes(&swapped.concat()).err(), Some(DecodeError::Value));
    let twice = [&bytes[..first + one], &bytes[first..first + one], &bytes[first + one..]].concat();
    let mut twice = twice;
    twice[first - 1] += 1;
    assert_eq!(Directory::from_bytes(&twice).err(), Some(DecodeError::Value));
    let at_count = bytes.len() - 33 - 1;
    let mut authors = [&bytes[..], &bytes[bytes.len() - 33..]].concat();
    authors[at_count] = 2;
    assert_eq!(Directory::from_bytes(&authors).err(), Some(DecodeError::Value));
    let mut standing = bytes.clone();
    *standing.last_mut().unwrap() = 2;
    assert_eq!(Directory::from_bytes(&standing).err(), Some(DecodeError::Value));
    // The owner's state: partitions swapped cannot be, epochs without an end neither.
    let state = bytes_of(all.membership.unverified());
    let name = 4 + "insurance".len();
    let epochs_at = 4 + 8 + 4 + name;
    assert_eq!(state[epochs_at..epochs_at + 4], [0, 0, 0, 1]);
    let mut none = [&state[..epochs_at], &[0; 4], &state[epochs_at + 16..]].concat();
    assert_eq!(Membership::from_bytes(&none).err(), Some(DecodeError::Value));
    none.clear();
    let swapped = [&state[..16], &state[epochs_at + 16..], &[]].concat();
    assert!(Membership::from_bytes(&swapped).is_err());
    let twice = [&state[..16], &state[16..epochs_at + 16], &state[16..]].concat();
    let mut twice = twice;
    twice[15] += 1;
    assert_eq!(Membership::from_bytes(&twice).err(), Some(DecodeError::Value));
}

#[test]
fn lengths_that_nothing_backs_allocate_nothing() {
    let all = all();
    let max = [0xff; 4];
    let spoil = |bytes: &[u8], place: usize| [&bytes[..place], &max, &bytes[place + 4..]].concat();
    let directory = bytes_of(all.update.directory.unverified());
    assert_eq!(Directory::from_bytes(&spoil(&directory, 28)).err(), Some(DecodeError::Length));
    let mut many = directory.clone();
    many[28..32].copy_from_slice(&1024_u32.to_be_bytes());
    assert_eq!(Directory::from_bytes(&many[..900]).err(), Some(DecodeError::Truncated));
    assert_eq!(Directory::from_bytes(&spoil(&directory, directory.len() - 37)).err(), Some(DecodeError::Length));
    let response = all.response.to_bytes();
    assert_eq!(Response::<Afgh>::from_bytes(&spoil(&response, response.len() - 152)).err(), Some(DecodeError::Length));
    let membership = bytes_of(all.membership.unverified());
    assert_eq!(Membership::from_bytes(&spoil(&membership, 12)).err(), Some(DecodeError::Length));
}

#[test]
fn secrets_do_not_print() {
    let mut all = all();
    let rekey = all.update.delegations[0].rekey().to_secret_bytes().to_vec();
    let secret = all.bob.secret().to_secret_bytes().to_vec();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let printed = [
        format!("{:?}", all.w.owner),
        format!("{:?}", all.w.server),
        format!("{:?}", all.w.cloud),
        format!("{:?}", all.w.server.storage()),
        format!("{:?}", all.bob),
        format!("{:?}", all.update),
        format!("{:?}", all.update.delegations[0].rekey()),
        format!("{:?}", all.membership),
    ];
    for text in printed {
        for secret in [&rekey[36..], &secret[36..], &[1; 32], &[10; 32]] {
            assert!(!text.contains(&hex(secret)) && !text.contains(&format!("{secret:?}")), "{text}");
        }
    }
    assert!(!format!("{:?}", all.membership).contains(&hex(all.bob.id().as_bytes())), "who is a member is private");
    // The denials of a member, as its requester and the owner see them.
    let stranger = user(99);
    let sealed = all.w.write(MEDICAL, 1, at(4));
    assert_eq!(format!("{:?}", all.w.read(&stranger, &sealed, at(4)).unwrap_err()), "ByServer(Denied(Denied))");
}
