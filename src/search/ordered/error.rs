//! Why an operation of the ordered mode failed.

use core::fmt;

use crate::error::{DecodeError, RngError};

/// Two values that contradict each other: at least one was not made as the scheme says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inconsistent;

impl fmt::Display for Inconsistent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the values contradict each other")
    }
}

impl core::error::Error for Inconsistent {}

/// A value that its provider did not make as the scheme says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The first bit that is wrong, from the most significant.
    pub level: u8,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the value is malformed at bit {}", self.level)
    }
}

impl core::error::Error for Malformed {}

/// Why no key for a switcher was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SwitchKeyError {
    /// The signer is not who is directly above.
    Signer,
    /// The path is not directly below the owner, or would be too deep.
    Depth,
    /// More providers than a token has room for, or none.
    Scope,
    /// The generation that it leads to is not a later one.
    Generation,
    /// A factor came out as zero.
    Rng,
}

impl From<RngError> for SwitchKeyError {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

impl fmt::Display for SwitchKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signer => "the signer is not who is directly above",
            Self::Depth => "the path is at the wrong depth",
            Self::Scope => "too many providers for one token, or none",
            Self::Generation => "the generation is not a later one",
            Self::Rng => "a factor came out as zero",
        })
    }
}

impl core::error::Error for SwitchKeyError {}

/// Why a switcher does not accept a key or a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SwitchCheckError {
    /// It is not signed by who is directly above.
    Signature,
    /// The factor is not the one of the terms.
    Factor,
}

impl fmt::Display for SwitchCheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature => "not signed by who is directly above",
            Self::Factor => "the factor is not the one of the terms",
        })
    }
}

impl core::error::Error for SwitchCheckError {}

/// Why a switcher did not do something. Nothing was changed or appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SwitchError {
    /// It is of another space, or of another owner's.
    Space,
    /// It is of another generation than this needs.
    Generation,
    /// The parent is not registered.
    Parent,
    /// It is registered already.
    Known,
    /// It was registered, and removed.
    Removed,
    /// Nobody of that name is registered.
    Unknown,
    /// The querier may not ask for a provider in the scope.
    Scope,
    /// The value is not one.
    Value(DecodeError),
    /// A factor came out as zero.
    Rng,
}

impl From<DecodeError> for SwitchError {
    fn from(error: DecodeError) -> Self {
        Self::Value(error)
    }
}

impl From<RngError> for SwitchError {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

impl fmt::Display for SwitchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Space => "it belongs to another space",
            Self::Generation => "it belongs to another generation",
            Self::Parent => "the parent is not registered",
            Self::Known => "it is registered already",
            Self::Removed => "it was removed",
            Self::Unknown => "nobody of that name is registered",
            Self::Scope => "the querier may not ask for a provider in the scope",
            Self::Value(error) => return error.fmt(f),
            Self::Rng => "a factor came out as zero",
        })
    }
}

impl core::error::Error for SwitchError {}
