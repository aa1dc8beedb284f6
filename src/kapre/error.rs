//! Why trustees did not let somebody in.

use alloc::vec::Vec;
use core::fmt;

use crate::identity::PartyId;
use crate::pre::{DelegateError, GrantError};

/// Why a trustee did not approve, or approvals were not combined.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmergencyError {
    /// The signing key is not that of the trustee whose share it is.
    Trustee,
    /// The rules are for another committee than the shares.
    Committee,
    /// The appeal is not for this request, this trustee and now.
    Appeal,
    /// Rules or request do not hold.
    Grant(GrantError),
    /// Nothing could be sealed to who asks, or the generator failed.
    Delegate(DelegateError),
    /// Fewer good parts than the threshold.
    Missing {
        /// How many are good.
        good: usize,
        /// How many are needed.
        need: usize,
        /// Trustees who signed for a key that does not fit their share.
        culprits: Vec<PartyId>,
    },
}

impl From<GrantError> for EmergencyError {
    fn from(error: GrantError) -> Self {
        Self::Grant(error)
    }
}

impl fmt::Display for EmergencyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trustee => f.write_str("the share is another trustee's"),
            Self::Committee => f.write_str("the rules are for another committee"),
            Self::Appeal => f.write_str("the appeal is not for this request, this trustee and now"),
            Self::Grant(error) => error.fmt(f),
            Self::Delegate(error) => error.fmt(f),
            Self::Missing { good, need, culprits } => {
                write!(f, "{good} of {need} parts are good, and {} are not", culprits.len())
            }
        }
    }
}

impl core::error::Error for EmergencyError {}
