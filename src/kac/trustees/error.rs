//! Why an operation with trustees failed: one enum per situation.

use alloc::vec::Vec;
use core::fmt;

use crate::error::RngError;
use crate::identity::PartyId;

/// Why there is no such committee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommitteeError {
    /// The threshold is zero or above the number of trustees.
    Threshold,
    /// There are more than 255 trustees.
    TooMany,
    /// A trustee is named twice.
    Duplicate,
}

impl fmt::Display for CommitteeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Threshold => "the threshold is zero or above the number of trustees",
            Self::TooMany => "there are more than 255 trustees",
            Self::Duplicate => "a trustee is named twice",
        })
    }
}

impl core::error::Error for CommitteeError {}

/// Why nothing was dealt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DealError {
    /// The signature key is not that of whose secret is to be dealt.
    Signer,
    /// The random number generator failed.
    Rng,
}

impl From<RngError> for DealError {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

impl fmt::Display for DealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signer => "the secret is not the signer's",
            Self::Rng => "the random number generator failed",
        })
    }
}

impl core::error::Error for DealError {}

/// Why a dealing is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DealingError {
    /// The named party did not sign. Anybody can make such a dealing: it says nothing about that party.
    Signature,
    /// It continues another state: an older one, say.
    Previous,
    /// The dealer has no share of this state.
    Dealer,
    /// The dealer signed a dealing of something else than its share, which proves that it cheated.
    Image,
}

impl fmt::Display for DealingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature => "the dealing is not signed by the party that it names",
            Self::Previous => "the dealing continues another state",
            Self::Dealer => "the dealer is not a trustee of this state",
            Self::Image => "the dealer did not deal its share",
        })
    }
}

impl core::error::Error for DealingError {}

/// Why dealings do not make a new state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResharingError {
    /// The dealings are not as many as the threshold.
    Count,
    /// A dealing was checked against another state.
    Previous,
    /// Two of the dealings are this party's.
    Duplicate(PartyId),
    /// The dealings are for different committees.
    Committee,
    /// There were too many rounds.
    Round,
    /// The dealings do not add up to the owner's key.
    Secret,
    /// The dealings add up to a polynomial of lower degree, or to a share of zero. By chance this does not happen:
    /// dealers worked together. Take other dealings.
    Degenerate,
}

impl fmt::Display for ResharingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count => f.write_str("the dealings are not as many as the threshold"),
            Self::Previous => f.write_str("a dealing continues another state"),
            Self::Duplicate(dealer) => write!(f, "two dealings are of {dealer:?}"),
            Self::Committee => f.write_str("the dealings are for different committees"),
            Self::Round => f.write_str("there were too many rounds"),
            Self::Secret => f.write_str("the dealings do not share the owner's secret"),
            Self::Degenerate => f.write_str("the dealings cancel each other"),
        }
    }
}

impl core::error::Error for ResharingError {}

/// Why a stored chain is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainError {
    /// A dealing is not accepted.
    Dealing {
        /// The round that the dealing leads to.
        round: u32,
        /// Whom the dealing names as its dealer.
        dealer: PartyId,
        /// Why.
        error: DealingError,
    },
    /// The dealings of a round do not make a new state.
    Resharing {
        /// The round that they would lead to.
        round: u32,
        /// Why.
        error: ResharingError,
    },
}

impl fmt::Display for ChainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dealing { round, dealer, error } => write!(f, "round {round}, dealer {dealer:?}: {error}"),
            Self::Resharing { round, error } => write!(f, "round {round}: {error}"),
        }
    }
}

impl core::error::Error for ChainError {}

/// Why there is no share.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShareError {
    /// The party is not a trustee of the state.
    Trustee,
    /// Of these dealers there is no sub-share that fits. Ask them again; what it proves, see the
    /// [module](crate::kac::trustees).
    SubShares(Vec<PartyId>),
    /// The share is of another state.
    Sharing,
    /// It is not the trustee's share.
    Value,
}

impl fmt::Display for ShareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trustee => f.write_str("the party is not a trustee"),
            Self::SubShares(dealers) => write!(f, "no sub-share fits of {dealers:?}"),
            Self::Sharing => f.write_str("the share is of another state"),
            Self::Value => f.write_str("the share is not the trustee's"),
        }
    }
}

impl core::error::Error for ShareError {}
