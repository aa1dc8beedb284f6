//! Why an operation on search failed: one enum per situation.

use core::fmt;

use crate::error::RngError;

/// Why there is no such path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathError {
    /// It would be too deep.
    Depth,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Depth => "a hierarchy of providers has at most four levels",
        })
    }
}

impl core::error::Error for PathError {}

/// Why there is no such space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpaceError {
    /// Codes have no order: they can be asked for by equality and by prefix.
    CodeByOrder,
    /// The ordered mode has no place for codes.
    CodeInOrdered,
    /// The domain is so small that an index in order gives all values away.
    SmallDomain,
    /// The ordered mode answers ranges, and points as ranges of one.
    Queries,
}

impl fmt::Display for SpaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CodeByOrder => "codes have no order",
            Self::CodeInOrdered => "codes are not for the ordered mode",
            Self::SmallDomain => "a domain of one byte is too small for an index in order",
            Self::Queries => "the ordered mode answers by order alone",
        })
    }
}

impl core::error::Error for SpaceError {}

/// Why a value was not encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncryptError {
    /// The value is not one of the space's encoder.
    Value,
    /// The random number generator failed.
    Rng,
}

impl From<RngError> for EncryptError {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

impl fmt::Display for EncryptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value => "the value is not one of the space's encoder",
            Self::Rng => "the random number generator failed",
        })
    }
}

impl core::error::Error for EncryptError {}

/// Why no trapdoor was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrapdoorError {
    /// The space does not answer such queries.
    Query,
    /// The query is of another width.
    Value,
    /// The range ends before it starts.
    Empty,
    /// More providers than a token has room for, or none.
    Scope,
    /// The random number generator failed.
    Rng,
}

impl From<RngError> for TrapdoorError {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

impl fmt::Display for TrapdoorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Query => "the space does not answer such queries",
            Self::Value => "the query is not one of the space's encoder",
            Self::Empty => "the range ends before it starts",
            Self::Scope => "too many providers for one token, or none",
            Self::Rng => "the random number generator failed",
        })
    }
}

impl core::error::Error for TrapdoorError {}

/// Why there is no key for these providers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScopeError {
    /// No provider is left.
    Empty,
    /// More than [`MAX_SCOPE`](super::MAX_SCOPE).
    TooMany,
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the scope names no provider",
            Self::TooMany => "the scope names too many providers",
        })
    }
}

impl core::error::Error for ScopeError {}
