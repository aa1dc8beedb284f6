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

/// Why a roster is not made or not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RosterError {
    /// It is not signed by the owner, or by the provider whose list it is.
    Signature,
    /// It is for another space.
    Space,
    /// It is not valid at this time.
    Time,
    /// It is older than one that is known, or another one of the same number.
    Rollback,
    /// Whose list it is, is itself on no list.
    Unlisted,
    /// Only the owner lists users who ask.
    Querier,
    /// Nobody can be below.
    Depth,
    /// More members than a roster has room for, or what is below one provider of the owner's.
    TooMany,
}

impl fmt::Display for RosterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature => "the roster is not signed by whose it is",
            Self::Space => "the roster is for another space",
            Self::Time => "the roster is not valid at this time",
            Self::Rollback => "the roster is older than one that is known",
            Self::Unlisted => "the roster is of somebody who is on none",
            Self::Querier => "only the owner lists users who ask",
            Self::Depth => "nobody can be below the last level",
            Self::TooMany => "the roster has too many members",
        })
    }
}

impl core::error::Error for RosterError {}

/// Why somebody is not let in to write or to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GateError {
    /// The signature is not that of who is said to write or ask.
    Signature,
    /// It is on no roster for what it does.
    Unlisted,
    /// A roster is not valid at this time, or the token has expired.
    Time,
    /// It is for another space, or of another generation.
    Space,
    /// The token asks for providers beyond what its user may ask.
    Scope,
}

impl fmt::Display for GateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature => "the signature is not that of who writes or asks",
            Self::Unlisted => "nobody lists this party for what it does",
            Self::Time => "a roster or the token is not valid at this time",
            Self::Space => "it is for another space or generation",
            Self::Scope => "the token asks for providers beyond its user's scope",
        })
    }
}

impl core::error::Error for GateError {}

/// Why a batch is not made, or is not what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BatchError {
    /// Who signs, or signed, is not who the batch is by.
    Signer,
    /// More values or removals than [`MAX_BATCH`](super::MAX_BATCH).
    TooMany,
    /// It is for another space.
    Space,
    /// The values are not those that the head covers.
    Entries,
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signer => "the batch is not signed by who it is by",
            Self::TooMany => "the batch has too many values or removals",
            Self::Space => "the batch is for another space",
            Self::Entries => "the values are not those that the head covers",
        })
    }
}

impl core::error::Error for BatchError {}

/// Why no token was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// No query, more than [`MAX_CLAUSES`](super::MAX_CLAUSES), or two of one space.
    Clauses,
    /// The smallest or greatest are asked for together with something else.
    TopOfSeveral,
    /// One of the queries.
    Query(TrapdoorError),
    /// The random number generator failed.
    Rng,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clauses => f.write_str("a token asks between one and eight spaces, each once"),
            Self::TopOfSeveral => f.write_str("the greatest values are asked for by themselves"),
            Self::Query(error) => error.fmt(f),
            Self::Rng => f.write_str("the random number generator failed"),
        }
    }
}

impl core::error::Error for TokenError {}

/// Why a batch was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InsertError {
    /// It is for another space.
    Space,
    /// Who wrote it may not.
    Gate(GateError),
    /// The values are not those that the head covers.
    Entries,
    /// The provider's count went on since: it was taken before, or is older than one that was.
    Replayed,
    /// There is no room for more values.
    Full,
}

impl fmt::Display for InsertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Space => "the batch is for another space",
            Self::Gate(error) => return error.fmt(f),
            Self::Entries => "the values are not those that the head covers",
            Self::Replayed => "the batch is not newer than what was taken",
            Self::Full => "there is no room for more values",
        })
    }
}

impl core::error::Error for InsertError {}

/// Why a token is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueryError {
    /// It asks a space that is not here.
    Space,
    /// Who asks may not.
    Gate(GateError),
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Space => f.write_str("the token asks a space that is not here"),
            Self::Gate(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for QueryError {}

/// Why the owner's list of a space was not changed, or gave no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegistrarError {
    /// The party is on the list.
    Already,
    /// The party is not on the list, or a provider that is named.
    Unknown,
    /// The scope names no provider, or too many.
    Scope,
    /// The list, a scope or a count has no room for more.
    Full,
    /// Only the owner signs.
    Signer,
    /// In the ordered mode, only after the keys were renewed.
    Renew,
}

impl fmt::Display for RegistrarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Already => "the party is on the list",
            Self::Unknown => "the party is not on the list",
            Self::Scope => "the scope names no provider, or too many",
            Self::Full => "there is no room for more",
            Self::Signer => "only the owner of the space signs",
            Self::Renew => "in the ordered mode that takes new keys first",
        })
    }
}

impl core::error::Error for RegistrarError {}
