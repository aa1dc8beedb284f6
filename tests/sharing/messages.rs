//! What `malformed` does not see of sharing's messages: sets, counts, and what prints.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::*;
use sesphr::context::Partition;
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::error::DecodeError;
use sesphr::identity::Signed;
use sesphr::sharing::*;

const MEDICAL: Partition = Partition::MEDICAL;

on_every_scheme! {
    sets_have_one_order,
    lengths_that_nothing_backs_allocate_nothing,
    secrets_do_not_print,
}

fn bytes_of(message: &impl Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.write(&mut bytes);
    bytes
}

struct All<S: Tested> {
    update: Update<S>,
    response: Response<S>,
    membership: Signed<Membership<S>>,
    w: World<S>,
    bob: User<S>,
}

fn all<S: Tested>() -> All<S> {
    let mut w = World::<S>::new();
    let (bob, carol) = (user::<S>(10), user::<S>(11));
    w.join(&bob, Role::Pharmacist, at(1), at(1));
    let update = w.owner.set_author(party(60).id(), Author::Retired, at(1), &mut w.rng).unwrap();
    w.send(&update, at(1));
    w.join(&carol, Role::Pharmacist, at(1), at(1));
    let sealed = w.write(Partition::PRESCRIPTION, 1, at(2));
    let request = bob.request(w.server.id(), sealed.header(), at(2), &mut w.rng).unwrap();
    let response = w.server.reencrypt(&request, at(2), &mut w.rng).unwrap();
    let update = w.owner.depart(&carol.id(), Level::Epochs, at(3), &mut w.rng).unwrap();
    let membership = w.owner.membership();
    All { update, response, membership, w, bob }
}

/// Where the periods of a directory begin, behind its version, its validity and their count.
const PERIODS: usize = 4 + 8 + 16 + 4;

/// Bytes of a period: name and epoch.
fn period(partition: Partition) -> usize {
    4 + partition.as_str().len() + 4
}

fn sets_have_one_order<S: Tested>() {
    let all = all::<S>();
    let refused = |bytes: &[u8]| assert_eq!(Directory::<S>::from_bytes(bytes).err(), Some(DecodeError::Value));
    // A directory's periods swapped, one of them twice, and an author twice.
    let bytes = bytes_of(all.update.directory.unverified());
    let (one, two) = (period(Partition::INSURANCE), period(MEDICAL));
    assert_eq!(&bytes[PERIODS + 4..PERIODS + 13], b"insurance");
    let (start, rest) = bytes.split_at(PERIODS);
    refused(&[start, &rest[one..one + two], &rest[..one], &rest[one + two..]].concat());
    let mut twice = [start, &rest[..one], rest].concat();
    twice[PERIODS - 1] += 1;
    refused(&twice);
    let mut authors = [&bytes[..], &bytes[bytes.len() - 33..]].concat();
    authors[bytes.len() - 33 - 1] = 2;
    refused(&authors);
    let mut standing = bytes.clone();
    *standing.last_mut().unwrap() = 2;
    refused(&standing);
    // The owner's state: partitions swapped or twice cannot be, epochs without an end neither.
    let refused = |bytes: &[u8]| assert_eq!(Membership::<S>::from_bytes(bytes).err(), Some(DecodeError::Value));
    let state = bytes_of(all.membership.unverified());
    let epochs_at = 4 + 8 + 4 + 4 + "insurance".len();
    assert_eq!(state[epochs_at..epochs_at + 4], [0, 0, 0, 1]);
    let end = epochs_at + 4 + 12;
    refused(&[&state[..epochs_at], &[0; 4], &state[end..]].concat());
    let mut twice = [&state[..end], &state[16..]].concat();
    twice[15] += 1;
    refused(&twice);
    // The next partition's first epoch: one that comes after the second.
    let next = end + 4 + MEDICAL.as_str().len();
    assert_eq!(state[next..next + 8], [0, 0, 0, 1, 0, 0, 0, 0]);
    let (head, one, tail) = (&state[..next + 4], &state[next + 4..next + 16], &state[next + 16..]);
    let mut swapped = [head, one, one, tail].concat();
    swapped[next + 3] = 2;
    refused(&swapped);
    // A role that does not exist, in the policy at the end: the number of the last issuer's role.
    // Behind it are referrals, none, and servers, one.
    let servers = state.len() - 8 - 8 - 4 - 38;
    assert_eq!(state[servers..servers + 4], [0, 0, 0, 1]);
    let policy_end = servers - 4;
    let mut role = state.clone();
    role[policy_end - 33] = 99;
    refused(&role);
}

fn lengths_that_nothing_backs_allocate_nothing<S: Tested>() {
    let all = all::<S>();
    let max = [0xff; 4];
    let spoil = |bytes: &[u8], place: usize| [&bytes[..place], &max, &bytes[place + 4..]].concat();
    let directory = bytes_of(all.update.directory.unverified());
    let decode = |bytes: &[u8]| Directory::<S>::from_bytes(bytes).err();
    assert_eq!(decode(&spoil(&directory, PERIODS - 4)), Some(DecodeError::Length));
    let mut many = directory.clone();
    many[PERIODS - 4..PERIODS].copy_from_slice(&1024_u32.to_be_bytes());
    assert_eq!(decode(&many[..many.len().min(900)]), Some(DecodeError::Truncated));
    many[PERIODS - 4..PERIODS].copy_from_slice(&1025_u32.to_be_bytes());
    assert_eq!(decode(&many), Some(DecodeError::Length));
    // No more keys than periods.
    let keys = PERIODS + Partition::SESPHR.into_iter().map(period).sum::<usize>();
    let mut more = directory.clone();
    more[keys..keys + 4].copy_from_slice(&5_u32.to_be_bytes());
    assert_eq!(decode(&more), Some(DecodeError::Length));
    assert_eq!(decode(&spoil(&directory, directory.len() - 37)), Some(DecodeError::Length));
    let response = all.response.to_bytes();
    let spoiled = spoil(&response, response.len() - S::PART - 4);
    assert_eq!(Response::<S>::from_bytes(&spoiled).err(), Some(DecodeError::Length));
    let membership = bytes_of(all.membership.unverified());
    let servers = membership.len() - 8 - 8 - 4 - 38;
    for place in [12, servers] {
        assert_eq!(Membership::<S>::from_bytes(&spoil(&membership, place)).err(), Some(DecodeError::Length));
    }
    let backup = all.w.owner.export(&mut rng(5)).unwrap().to_bytes();
    assert_eq!(Backup::from_bytes(&spoil(&backup, 36)).err(), Some(DecodeError::Length));
}

fn secrets_do_not_print<S: Tested>() {
    let mut all = all::<S>();
    let rekey = all.update.delegations[0].rekey().to_secret_bytes().to_vec();
    let secret = all.bob.secret().to_secret_bytes().to_vec();
    let root = World::<S>::root(1).to_secret_bytes().to_vec();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let backup = all.w.owner.export(&mut rng(5)).unwrap();
    let printed = [
        format!("{:?}", all.w.owner),
        format!("{:?}", all.w.server),
        format!("{:?}", all.w.cloud),
        format!("{:?}", all.w.server.storage()),
        format!("{:?}", all.bob),
        format!("{:?}", all.update),
        format!("{:?}", all.update.delegations[0].rekey()),
        format!("{:?}", all.membership),
        format!("{backup:?}"),
    ];
    for text in printed {
        for secret in [&rekey[36..], &secret[secret.len() - 32..], &root[4..], &[10; 32]] {
            assert!(!text.contains(&hex(secret)) && !text.contains(&format!("{secret:?}")), "{text}");
        }
    }
    assert!(!format!("{:?}", all.membership).contains(&hex(all.bob.id().as_bytes())), "who is a member is private");
    // Nor does what is sealed name anybody.
    let sealed = backup.to_bytes();
    assert!(!sealed.windows(32).any(|window| window == all.bob.id().as_bytes()));
    // The denials of a member, as its requester and the owner see them.
    let mut stranger = user::<S>(99);
    let sealed = all.w.write(MEDICAL, 1, at(4));
    let refused = all.w.read(&mut stranger, &sealed, at(4)).unwrap_err();
    assert_eq!(format!("{refused:?}"), "ByServer(Denied(Denied))");
}
