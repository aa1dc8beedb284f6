//! A message that announces much and brings little makes its decoder allocate little, measured by a counting
//! allocator. One test alone, so that nothing else allocates meanwhile.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::Arc;

use peak_alloc::PeakAlloc;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sesphr::context::{Partition, Period, Timestamp, Validity};
use sesphr::encoding::{Encoding, Message};
use sesphr::epoch::broadcast::{Broadcast, SeatKeys};
use sesphr::epoch::rewrap::EpochDirectory;
use sesphr::epoch::tree::EpochKeys;
use sesphr::identity::{Signed, SigningKey};
use sesphr::kac::params::{EncodedParams, Pins, Transcript};
use sesphr::kac::{ClassGrid, ClassSet, GenerationChain};
use sesphr::kem::OwnerRoot;
use sesphr::pre::Pre;
use sesphr::pre::threshold::{Grant, LabelTree, OwnerKey, Servers, Terms, Threshold};
use sesphr::pre::{LiveSet, LiveUpdate};
use sesphr::sharing::log::{Audit, Log};
use sesphr::sharing::{LayerGrant, OrderTerms, Orders};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Header and body, which must not decode.
fn peak<M: Message>(body: &[&[u8]], filler: usize) -> usize {
    let mut bytes = vec![1, M::SUITE as u8];
    bytes.extend(M::KIND.number().to_be_bytes());
    body.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes.resize(bytes.len() + filler, 0);
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    assert!(M::from_bytes(&bytes).is_err());
    MEMORY.peak_usage().saturating_sub(before)
}

/// What stands in front of the path in an owner's key, and in front of the committee in a grant.
fn threshold(owner: &SigningKey) -> (Vec<u8>, Vec<u8>) {
    let rng = &mut ChaCha20Rng::from_seed([2; 32]);
    let root = OwnerRoot::generate(rng);
    let tree = Arc::new(LabelTree::derive(&root, owner.id(), [Partition::MEDICAL], 2).unwrap());
    let label = tree.label(&Period { partition: Partition::MEDICAL, epoch: 1 }).unwrap();
    let (secret, key) = Threshold::owner_keygen(&(), &root, owner, &label, rng).unwrap();
    let user = Threshold::user_keygen(&(), owner, rng).unwrap().1;
    let user = Threshold::verify_user(&(), &user, &owner.id()).unwrap();
    let validity = Validity::new(Timestamp(1), Timestamp(2)).unwrap();
    let terms = Terms { validity, servers: Servers::new(1, [owner.id()]).unwrap() };
    let (grant, _) = Threshold::delegate(&(), &secret, owner, &user, &(), &terms, rng).unwrap();
    let (key, grant) = (key.to_bytes(), grant.unverified().to_bytes());
    (key[4..key.len() - 36].to_vec(), grant[4..grant.len() - 66].to_vec())
}

#[test]
fn what_is_announced_is_not_allocated() {
    let owner = SigningKey::from_seed(&[1; 32]);
    let (mut live, base) = (LiveSet::new(), 0_u64.to_be_bytes());
    live.advance(&owner, [], [], Timestamp(1), Timestamp(2)).unwrap();
    let live = live.head().unwrap().to_bytes();
    let log = Log::new(owner.id(), owner.id()).head(&owner, Timestamp(1)).unwrap().to_bytes();
    let (key, grant) = threshold(&owner);
    let committees = [[1, 2], [2, 2], [1, 255], [255, 255]];
    // Owner, a partition of one letter, generation, and the greatest height.
    let tree = [&[0; 32][..], &[0, 0, 0, 1, b'a'], &[0; 4], &[32]].concat();
    // Owner, name, and the greatest height; number and salt.
    let (group, head) = ([&[0; 64][..], &[24]].concat(), [0; 8 + 32]);
    let mut terms = vec![1, OrderTerms::SUITE as u8];
    terms.extend(OrderTerms::KIND.number().to_be_bytes());
    terms.extend([7; 32]);
    let orders = Signed::new(&owner, OrderTerms::from_bytes(&terms).unwrap()).to_bytes();
    let counts = [2, 1 << 10, 1 << 15, 1 << 16, (1 << 16) + 1, 1 << 31, u32::MAX].map(u32::to_be_bytes);
    for filler in [0, 8, 1000] {
        for count in &counts {
            let peaks = [
                peak::<EncodedParams>(&[&[0], count], filler.min(300)),
                peak::<EncodedParams>(&[&[1], count], filler.min(300)),
                peak::<Pins>(&[count], filler.min(100)),
                peak::<Transcript>(&[count], filler),
                peak::<ClassSet>(&[count], filler),
                peak::<ClassGrid>(&[&[0, 0, 0, 1], count], filler),
                peak::<GenerationChain>(&[count], filler),
                peak::<LiveUpdate>(&[&live, &base, count], filler),
                peak::<LiveUpdate>(&[&live, &base, &[0; 4], count], filler),
                peak::<LiveSet>(&[&[1], &live, count], filler),
                peak::<Audit>(&[&log, &[0; 16], count], filler),
                peak::<Audit>(&[&log, &[0; 20], count], filler),
                peak::<OwnerKey>(&[&key, count], filler),
                peak::<EpochKeys>(&[&tree, count], filler),
                peak::<EpochDirectory>(&[&[0; 24], count], filler),
                peak::<Broadcast>(&[&group, &head, count], filler),
                peak::<SeatKeys>(&[&group, &[0; 4]], filler),
                peak::<Orders>(&[&orders, count], filler),
                peak::<Orders>(&[&orders, &[0; 4], count], filler),
                peak::<LayerGrant>(&[&[0; 40], count], filler),
            ];
            for peak in peaks {
                assert!(peak <= 4 * (filler + 512), "{count:?} of {filler} bytes: {peaks:?}");
            }
        }
        for committee in &committees {
            let peaks = [peak::<Servers>(&[committee], filler), peak::<Grant>(&[&grant, committee], filler)];
            for peak in peaks {
                assert!(peak <= 4 * (filler + 512), "{committee:?} of {filler} bytes: {peaks:?}");
            }
        }
    }
}
