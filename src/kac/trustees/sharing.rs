//! The public state of a sharing, and how it becomes the next one.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::hash::{Digest, Hasher, label};
use crate::identity::{PartyId, Signed, Verified};
use crate::kac::VerifiedGeneration;
use crate::kem::OwnerTerms;
use crate::pairing::{G1Affine, G1Projective, Scalar, vartime_msm_g1};

use super::dealing::image_at;
use super::{Committee, Dealing, DealingError, ResharingError, Share, ShareError, SubShare, VerifiedShare};

/// Who has shares of an owner's γ, and the image of each share: a public state that was checked from the owner's
/// certificate on. It has no decoder: [`SharingChain`](super::SharingChain) is what is stored and sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Sharing(Arc<State>);

#[derive(PartialEq, Eq)]
struct State {
    generation: VerifiedGeneration,
    round: u32,
    committee: Committee,
    commitments: Vec<G1Affine>,
    /// V1^(k) for k = 1, …, m.
    images: Vec<G1Affine>,
    digest: Digest,
}

impl Sharing {
    /// The last round that there can be.
    pub const MAX_ROUND: u32 = 1 << 16;

    /// Round 0: the owner alone has γ.
    pub fn of_owner(generation: &VerifiedGeneration) -> Self {
        let v1 = *generation.v1();
        let (commitments, images) = (Vec::from([v1]), Vec::from([v1]));
        Self::new(generation, 0, Committee::alone(generation.owner()), commitments, images)
    }

    pub(super) fn new(
        generation: &VerifiedGeneration,
        round: u32,
        committee: Committee,
        commitments: Vec<G1Affine>,
        images: Vec<G1Affine>,
    ) -> Self {
        let mut hasher =
            Hasher::new(label::KAC_SHARING).part(generation.origin().as_bytes()).part(&round.to_be_bytes());
        committee.write(&mut hasher);
        let hasher = commitments.iter().fold(hasher, |hasher, commitment| hasher.part(&commitment.to_bytes()));
        let (generation, digest) = (generation.clone(), hasher.digest());
        Self(Arc::new(State { generation, round, committee, commitments, images, digest }))
    }

    /// The generation of the owner's key that is shared.
    pub fn generation(&self) -> &VerifiedGeneration {
        &self.0.generation
    }

    /// How many resharings led here. 0 is the owner alone.
    pub fn round(&self) -> u32 {
        self.0.round
    }

    /// Who has shares.
    pub fn committee(&self) -> &Committee {
        &self.0.committee
    }

    /// The name of the state.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// V1^(k) = γ_kP of the trustee with this number.
    pub(crate) fn v1_of(&self, index: u8) -> Option<&G1Affine> {
        self.0.images.get(usize::from(index).checked_sub(1)?)
    }

    /// Checks a dealing that is said to continue this state: that whoever is named in it signed it, is a trustee, and
    /// dealt its own share.
    ///
    /// Costs a signature. That it deals well to everybody only its sub-shares show: each trustee checks its own.
    ///
    /// # Errors
    /// [`DealingError`] naming the check that failed; the dealer is `dealing.signer().id()`.
    pub fn verify_dealing(&self, dealing: &Signed<Dealing>) -> Result<VerifiedDealing, DealingError> {
        let dealing = dealing.verify(&dealing.signer().id()).map_err(|_| DealingError::Signature)?;
        if dealing.previous != self.digest() {
            return Err(DealingError::Previous);
        }
        let index = self.committee().index(&dealing.signer()).ok_or(DealingError::Dealer)?;
        if dealing.commitments.first() != self.v1_of(index) {
            return Err(DealingError::Image);
        }
        Ok(VerifiedDealing { index, dealing })
    }

    /// The next state, from dealings of exactly as many trustees as the threshold, in any order.
    ///
    /// Choose them after the new trustees checked their sub-shares; everybody has to choose the same. Costs a sum in G1 of
    /// as many terms for each commitment, and the images of all shares.
    ///
    /// # Errors
    /// [`ResharingError`] naming the check that failed.
    pub fn reshare(&self, dealings: &[VerifiedDealing]) -> Result<Resharing, ResharingError> {
        if dealings.len() != usize::from(self.committee().threshold()) {
            return Err(ResharingError::Count);
        }
        if dealings.iter().any(|dealing| dealing.dealing.previous != self.digest()) {
            return Err(ResharingError::Previous);
        }
        let indices: Vec<_> = dealings.iter().map(|dealing| dealing.index).collect();
        for (i, dealing) in dealings.iter().enumerate() {
            if indices.iter().take(i).any(|index| *index == dealing.index) {
                return Err(ResharingError::Duplicate(dealing.dealer()));
            }
        }
        let (Some(first), Some(weights)) = (dealings.first(), weights(&indices)) else {
            return Err(ResharingError::Count);
        };
        if dealings.iter().any(|dealing| dealing.committee() != first.committee()) {
            return Err(ResharingError::Committee);
        }
        let committee = first.committee().clone();
        let round = self.round().checked_add(1).filter(|round| *round <= Self::MAX_ROUND);
        let round = round.ok_or(ResharingError::Round)?;

        let commitments: Vec<_> = (0..usize::from(committee.threshold()))
            .map(|j| {
                let terms = dealings.iter().zip(&weights);
                let terms = terms.filter_map(|(dealing, weight)| Some((dealing.dealing.commitments.get(j)?, weight)));
                vartime_msm_g1(&terms.collect::<Vec<_>>())
            })
            .collect();
        let commitments = G1Projective::batch_to_affine(&commitments);
        // It follows from the checks of the dealings.
        if commitments.first() != Some(self.0.generation.v1()) {
            return Err(ResharingError::Secret);
        }
        let images: Vec<_> = committee.indices().map(|index| image_at(&commitments, index)).collect();
        let images = G1Projective::batch_to_affine(&images);
        // A polynomial of lower degree has a lower threshold than the committee says, and a share of zero is everybody's.
        if commitments.last().into_iter().chain(&images).any(|point| point.is_identity().into()) {
            return Err(ResharingError::Degenerate);
        }
        let sharing = Self::new(self.generation(), round, committee, commitments, images);
        Ok(Resharing { sharing, parts: weights.into_iter().zip(dealings.iter().cloned()).collect() })
    }
}

impl fmt::Debug for Sharing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Sharing");
        out.field("generation", &self.0.generation).field("round", &self.0.round);
        out.field("committee", &self.0.committee).field("digest", &self.0.digest).finish_non_exhaustive()
    }
}

/// The Lagrange coefficients at 0 of distinct numbers: λ_i = Π_{j≠i} j / (j − i). `None` unless they are distinct.
pub(crate) fn weights(indices: &[u8]) -> Option<Vec<Scalar>> {
    let scalar = |index: u8| Scalar::from_u64(index.into());
    let weight = |(at, i): (usize, &u8)| {
        let one = || Scalar::one();
        // The others by place: a number that comes twice makes the product below zero, which has no inverse.
        let others = indices.iter().enumerate().filter(|(place, _)| *place != at).map(|(_, j)| scalar(*j));
        let (above, below) =
            others.fold((one(), one()), |(above, below), j| (&above * &j, &below * &(&j - &scalar(*i))));
        Option::<Scalar>::from(below.invert()).map(|inverse| &above * &inverse)
    };
    indices.iter().enumerate().map(weight).collect()
}

/// A dealing that was checked against the state that it continues. Made by [`Sharing::verify_dealing`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedDealing {
    /// The dealer's number in the old committee.
    pub(super) index: u8,
    pub(super) dealing: Verified<Dealing>,
}

impl VerifiedDealing {
    /// Who dealt.
    pub fn dealer(&self) -> PartyId {
        self.dealing.signer()
    }

    /// The new committee.
    pub fn committee(&self) -> &Committee {
        &self.dealing.committee
    }

    /// The dealing's name, which its sub-shares carry.
    pub fn digest(&self) -> Digest {
        self.dealing.digest()
    }

    /// Whether `sub_share` is the one that this dealing commits to, for the trustee with the number that it names.
    ///
    /// Costs a fixed-base multiplication and short ones, as many as the new threshold.
    pub fn fits(&self, sub_share: &SubShare) -> bool {
        sub_share.dealing == self.digest()
            && self.committee().trustee(sub_share.index).is_some()
            && sub_share.fits(&self.dealing.commitments)
    }
}

/// The step from one state to the next: the new state, and the dealings that it comes from. Made by
/// [`Sharing::reshare`] alone.
#[derive(Clone, Debug)]
pub struct Resharing {
    sharing: Sharing,
    parts: Vec<(Scalar, VerifiedDealing)>,
}

impl Resharing {
    /// The new state.
    pub fn sharing(&self) -> &Sharing {
        &self.sharing
    }

    /// The share of `trustee` in the new state, from the sub-shares that it received. What else is among them is passed over.
    ///
    /// Store the share before you confirm it, and erase the sub-shares and the old share when all new trustees did.
    ///
    /// Costs a fixed-base multiplication in G1 for each of the old threshold, and one more.
    ///
    /// # Errors
    /// [`ShareError::Trustee`] when `trustee` is not of the new committee; [`ShareError::SubShares`] naming every dealer
    /// of whom no sub-share fits.
    pub fn share(&self, trustee: &PartyId, sub_shares: &[SubShare]) -> Result<VerifiedShare, ShareError> {
        let index = self.sharing.committee().index(trustee).ok_or(ShareError::Trustee)?;
        let (mut value, mut missing) = (Scalar::zero(), Vec::new());
        for (weight, dealing) in &self.parts {
            match sub_shares.iter().find(|sub_share| sub_share.index == index && dealing.fits(sub_share)) {
                Some(sub_share) => value = &value + &(weight * &sub_share.value),
                None => missing.push(dealing.dealer()),
            }
        }
        if !missing.is_empty() {
            return Err(ShareError::SubShares(missing));
        }
        Share::new(self.sharing.digest(), index, value).verify(&self.sharing)
    }
}
