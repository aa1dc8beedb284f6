//! Seeds: what trustees send and keep.

use sesphr::context::Partition;
use sesphr::encoding::Message;
use sesphr::identity::{Signed, SigningKey};
use sesphr::kac::trustees::{Committee, Dealing, Share, Sharing, SharingChain, SubShare, deal};
use sesphr::kac::{ClassGrid, Kac, KeyAggregate, Params, params};
use sesphr::kem::OwnerRoot;

use super::{Toy, bytes};

/// The messages of a sharing among two trustees: dealing, sub-share, share, and the chain of two rounds.
pub fn messages() -> (Signed<Dealing>, SubShare, Share, SharingChain) {
    let (rng, [owner, ann, bob]) = (&mut Toy(7), [1, 5, 6].map(|seed| SigningKey::from_seed(&[seed; 32])));
    let grid = ClassGrid::new(&[Partition::MEDICAL], 1).unwrap();
    let params = Params::generate(1, &owner, rng, params::unwatched).unwrap();
    let root = OwnerRoot::try_generate(rng).unwrap();
    let (secret, _) = Kac::keygen(&params, &grid, &root, &owner, None, rng).unwrap();
    let committee = Committee::new(2, &[ann.id(), bob.id()]).unwrap();
    let (first, mut sub_shares) = deal(&secret, &owner, &committee, rng).unwrap();
    let start = Sharing::of_owner(secret.generation());
    let step = start.reshare(&[start.verify_dealing(&first).unwrap()]).unwrap();
    let mut chain = SharingChain::new(first.clone());
    chain.push([&ann, &bob].map(|trustee| {
        let share = step.share(&trustee.id(), &sub_shares).unwrap();
        share.deal(trustee, &committee, rng).unwrap().0
    }));
    let share = Share::from_bytes(&bytes(step.share(&bob.id(), &sub_shares).unwrap().share())).unwrap();
    (first, sub_shares.remove(0), share, chain)
}
