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
use sesphr::search::ordered::{Digests, Points, Question, Switch, SwitchTerms};
use sesphr::search::{
    Answer, Attribute, Batch, BatchHead, Column, Encoder, Evidence, Federated, Ordered, Queries, Registrar, Roster,
    Search, Space, Token, federated,
};
use sesphr::sharing::log::{Audit, Log};
use sesphr::sharing::{LayerGrant, OrderTerms, Orders, SearchGrant, SearchKey};

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

/// A path of one step, and a party with a generation.
const PATH: [u8; 37] = {
    let mut path = [0; 37];
    path[0] = 1;
    path
};
const STEP: [u8; 36] = [0; 36];

/// A space of numbers as it is written inside of other messages.
fn space<M: Search>() -> Vec<u8> {
    let (owner, pulse) = (SigningKey::from_seed(&[1; 32]).id(), Attribute::new("pulse").unwrap());
    let encoder = Encoder::integer(64).unwrap();
    Space::<M>::new(owner, Partition::MEDICAL, pulse, encoder, Queries::Ranges).unwrap().to_bytes()
}

/// Behind a header of a mode: what begins with a space, at each of its counts.
fn of_mode<M: Search>(gate: &[u8], count: &[u8], filler: usize) -> Vec<usize>
where
    Registrar<M>: Message,
    Column<M>: Message,
{
    let space = space::<M>();
    vec![
        peak::<Registrar<M>>(&[&space, &[0; 12], count], filler),
        peak::<Registrar<M>>(&[&space, &[0; 12], &[0; 4], count], filler),
        peak::<Registrar<M>>(&[&space, &[0; 12], &[0; 8], count], filler),
        peak::<Registrar<M>>(&[&space, &[0; 12], &[0; 8], &[0, 0, 0, 1], &STEP, count], filler),
        peak::<Registrar<M>>(&[&space, &[0; 12], &[0; 12], count], filler),
        peak::<Column<M>>(&[&space, gate, count], filler),
        peak::<Column<M>>(&[&space, gate, &[0; 4], count], filler),
        peak::<Column<M>>(&[&space, gate, &[0; 8], count], filler),
        peak::<Column<M>>(&[&space, gate, &[0; 12], count], filler),
        peak::<Token<M, M::Question>>(&[&[0; 88], count], filler),
    ]
}

/// What search decodes, at each of its counts.
fn search(count: &[u8; 4], filler: usize) -> Vec<usize> {
    let (one, owner) = ([0, 0, 0, 1], SigningKey::from_seed(&[1; 32]));
    let (federated, ordered) = (space::<Federated>(), space::<Ordered>());
    // Space, provider, sequence, source, and numbers of 64 bits; behind that what is removed, how many, and the root.
    let body = [&[0; 32][..], &PATH, &[0; 40], &[64, 0]].concat();
    let message = |body: &[u8]| {
        let kind = BatchHead::KIND.number().to_be_bytes();
        [&[1, BatchHead::SUITE as u8][..], &kind, body].concat()
    };
    let head = |count: u32| {
        let bytes = message(&[&body[..], &[0; 4], &count.to_be_bytes(), &[0; 32]].concat());
        Signed::new(&owner, BatchHead::from_bytes(&bytes).unwrap()).to_bytes()
    };
    let said = head(u32::from_be_bytes(*count).min(1 << 16));
    let key = |kind: u16, suite: u8, tag: u8| [&[tag, 1, suite][..], &kind.to_be_bytes()].concat();
    let query = federated::QueryKey::KIND.number();
    let clause = [&[0; 88][..], &one, &[0; 32], &[64, 0]].concat();
    let mut peaks = vec![
        peak::<Roster>(&[&[0; 32], &[0; 25], count], filler),
        peak::<BatchHead>(&[&body, count], filler),
        peak::<Batch<Federated, federated::Right>>(&[&said], filler),
        peak::<Batch<Ordered, Points>>(&[&said], filler),
        peak::<Batch<Ordered, Digests>>(&[&said], filler),
        peak::<Evidence<Federated, federated::Right>>(&[&head(1), &[0; 20 + 80], count], filler),
        peak::<Answer>(&[count], filler),
        peak::<Answer>(&[&one, &PATH, count], filler),
        peak::<Token<Federated, federated::Trapdoor>>(&[&clause, &[0], count], filler),
        peak::<Token<Federated, federated::Trapdoor>>(&[&clause, &[3], count], filler),
        peak::<Token<Ordered, Question>>(&[&clause, &[0; 6], count], filler),
        peak::<federated::QueryKey>(&[&federated, count], filler),
        peak::<sesphr::search::ordered::QueryKey>(&[&ordered, &STEP, count], filler),
        peak::<SwitchTerms>(&[&[0; 32], &[1], &STEP, count], filler),
        peak::<Switch>(&[&ordered, &[0; 4], count], filler),
        peak::<Switch>(&[&ordered, &[0; 8], count], filler),
        peak::<Switch>(&[&ordered, &[0; 8], &one, &STEP, count], filler),
        peak::<Switch>(&[&ordered, &[0; 12], count], filler),
        peak::<Switch>(&[&ordered, &[0; 16], count], filler),
        peak::<SearchKey>(&[&key(query, 4, 1), &federated, count], filler),
        peak::<SearchKey>(&[&key(query, 5, 3), &ordered, &STEP, count], filler),
        peak::<SearchGrant>(&[&[0; 40], count], filler),
    ];
    peaks.extend(of_mode::<Federated>(&[0; 4], count, filler));
    // The rosters of a gate.
    peaks.push(peak::<Column<Federated>>(&[&federated, count], filler));
    peaks.extend(of_mode::<Ordered>(&[0; 36], count, filler));
    peaks
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
            let peaks = search(count, filler);
            assert!(peaks.iter().all(|peak| *peak <= 4 * (filler + 512)), "{count:?} of {filler} bytes: {peaks:?}");
        }
        for committee in &committees {
            let peaks = [peak::<Servers>(&[committee], filler), peak::<Grant>(&[&grant, committee], filler)];
            for peak in peaks {
                assert!(peak <= 4 * (filler + 512), "{committee:?} of {filler} bytes: {peaks:?}");
            }
        }
    }
}
