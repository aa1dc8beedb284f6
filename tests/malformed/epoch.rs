//! Keys of epochs.

use sesphr::context::Partition;
use sesphr::epoch::KeyTree;
use sesphr::epoch::tree::{EpochKeys, EpochTree};
use sesphr::kem::OwnerRoot;

use super::common::{party, rng};
use super::{Layout, Sample};

/// Name of a sample, where its count is, and the bound: as many nodes as the tree has epochs.
pub(super) const COUNTS: [(&str, usize, u32); 1] = [("epoch keys", 4 + 32 + 4 + 7 + 4 + 1, 1 << 4)];

pub(super) fn samples() -> Vec<Sample> {
    let tree = EpochTree::new(party(51).id(), Partition::MEDICAL, 1, 4).unwrap();
    let opened = |keys: &EpochKeys| -> Vec<_> {
        keys.epochs().flatten().map(|epoch| (epoch, *keys.leaf(epoch).unwrap().key().as_bytes())).collect()
    };
    // Six nodes: as many as a range can take.
    let keys = EpochKeys::derive(&OwnerRoot::generate(&mut rng(52)), &tree).grant(1..=14).unwrap();
    let right = opened(&keys);
    vec![Sample::secret(
        "epoch keys",
        &keys,
        Layout { lengths: &[36], ..Layout::default() },
        // They carry no proof: other bytes are keys of another tree, of other epochs, or other keys.
        move |m: EpochKeys| m.tree() != &tree || opened(&m) != right,
    )]
}
