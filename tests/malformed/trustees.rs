//! What trustees publish, send and keep.

use sesphr::context::Partition;
use sesphr::identity::Signed;
use sesphr::kac::trustees::{Committee, Dealing, Share, Sharing, SharingChain, SubShare, deal};
use sesphr::kac::{ClassGrid, Kac, KeyAggregate, Params, params};
use sesphr::kem::OwnerRoot;

use super::common::{party, rng};
use super::{Layout, Sample};

/// Name of a message, offset of a count in it, and the count's bound.
pub(super) const COUNTS: [(&str, usize, u32); 3] = [("dealing", 73, 255), ("sharing", 4, 1 << 16), ("sharing", 8, 255)];

pub(super) fn samples() -> Vec<Sample> {
    let (owner, trustees, rng) = (party(31), [party(32), party(33), party(34)].map(|key| key.id()), &mut rng(35));
    let grid = ClassGrid::new(&[Partition::MEDICAL], 1).unwrap();
    let params = Params::generate(1, &owner, rng, params::unwatched).unwrap();
    let root = OwnerRoot::generate(rng);
    let (secret, _) = Kac::keygen(&params, &grid, &root, &owner, None, rng).unwrap();
    let generation = secret.generation().clone();
    let (dealing, sub_shares) = deal(&secret, &owner, &Committee::new(2, &trustees).unwrap(), rng).unwrap();
    let start = Sharing::of_owner(&generation);
    let verified = start.verify_dealing(&dealing).unwrap();
    let step = start.reshare(std::slice::from_ref(&verified)).unwrap();
    let share = step.share(&trustees[1], &sub_shares).unwrap();
    let (sharing, secret) = (step.sharing().clone(), Layout { scalars: &[37], ..Layout::default() });
    let chain = SharingChain::new(dealing.clone());
    vec![
        Sample::public(
            "dealing",
            &dealing,
            Layout { lengths: &[73], g1: &[173, 221], ..Layout::default() },
            move |m: Signed<Dealing>| start.verify_dealing(&m).is_err(),
        ),
        Sample::secret("sub-share", &sub_shares[1], secret, move |m: SubShare| !verified.fits(&m)),
        Sample::secret("trustee's share", share.share(), secret, move |m: Share| m.verify(&sharing).is_err()),
        Sample::public(
            "sharing",
            &chain,
            Layout { lengths: &[85], g1: &[185, 233], ..Layout::default() },
            move |m: SharingChain| m.verify(&generation).is_err(),
        ),
    ]
}
