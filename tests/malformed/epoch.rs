//! Keys of epochs, broadcasts to groups and the keys of their seats.

use sesphr::Digest;
use sesphr::context::Partition;
use sesphr::epoch::broadcast::{Broadcast, CommonKey, Group, GroupKeys, Recipients, SeatKeys};
use sesphr::epoch::tree::{EpochKeys, EpochTree};
use sesphr::epoch::{BroadcastEncryption, KeyTree};
use sesphr::identity::Signed;
use sesphr::kem::OwnerRoot;
use subtle::ConstantTimeEq;

use super::common::{party, rng};
use super::{Layout, Sample};

/// Name of a sample, where its count is, and the bound: as many nodes as the tree has epochs, or half of a group's seats.
pub(super) const COUNTS: [(&str, usize, u32); 2] =
    [("epoch keys", 4 + 32 + 4 + 7 + 4 + 1, 1 << 4), ("broadcast", 4 + 32 + 4 + 32 + 32 + 1 + 8 + 32, 1 << 3)];

pub(super) fn samples() -> Vec<Sample> {
    let tree = EpochTree::new(party(51).id(), Partition::MEDICAL, 1, 4).unwrap();
    let opened = |keys: &EpochKeys| -> Vec<_> {
        keys.epochs().flatten().map(|epoch| (epoch, *keys.leaf(epoch).unwrap().key().as_bytes())).collect()
    };
    // Six nodes: as many as a range can take.
    let keys = EpochKeys::derive(&OwnerRoot::generate(&mut rng(52)), &tree).grant(1..=14).unwrap();
    let right = opened(&keys);
    let mut samples = vec![Sample::secret(
        "epoch keys",
        &keys,
        Layout { lengths: &[36], ..Layout::default() },
        // They carry no proof: other bytes are keys of another tree, of other epochs, or other keys.
        move |m: EpochKeys| m.tree() != &tree || opened(&m) != right,
    )];
    samples.extend(broadcasts());
    samples
}

fn broadcasts() -> [Sample; 2] {
    let (owner, common) = (party(53), CommonKey::try_generate(&mut rng(54)).unwrap());
    let group = Group::new(owner.id(), Digest::from_array([55; 32]), 4).unwrap();
    let keys = GroupKeys::derive(&OwnerRoot::generate(&mut rng(56)), &group);
    let send = |revoked: &[u32]| {
        let recipients = Recipients { seats: group.seats(), revoked };
        keys.broadcast(&owner, 3, &common, &recipients, &mut rng(57)).unwrap()
    };
    // Seat 5 opens each of them with another of its keys.
    let revoked: [&[u32]; 5] = [&[4], &[7], &[1], &[13], &[]];
    let sent = revoked.map(|revoked| send(revoked).verify(&owner.id()).unwrap());
    let (seat, owner_id) = (keys.seat(5).unwrap(), owner.id());
    [
        Sample::public("broadcast", &send(&[13]), Layout::default(), move |m: Signed<Broadcast>| {
            m.verify(&owner_id).is_err()
        }),
        // They carry no proof either: with other bytes, some broadcast does not open.
        Sample::secret("seat keys", &seat, Layout::default(), move |m: SeatKeys| {
            !sent.iter().all(|sent| m.open(sent).is_ok_and(|opened| bool::from(opened.ct_eq(&common))))
        }),
    ]
}
