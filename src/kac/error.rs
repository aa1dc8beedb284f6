//! Why an operation of the scheme failed: one enum per situation.

use core::fmt;

use crate::error::RngError;

/// Why there is no generation, or its certificate is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GenerationError {
    /// The certificate is not signed by the named party.
    Signature,
    /// The certificate is for other parameters.
    Params,
    /// The grid has more classes than the parameters, or is not that of the generation before.
    Grid,
    /// The generation does not continue the one before.
    Chain,
    /// The proof of knowledge does not verify.
    Proof,
    /// V1 and V2 are not multiples by one secret.
    Halves,
    /// The random number generator failed.
    Rng,
}

impl From<RngError> for GenerationError {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

impl fmt::Display for GenerationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature => "the certificate is not signed by the named party",
            Self::Params => "the certificate is for other parameters",
            Self::Grid => "the grid does not fit the parameters or the generation before",
            Self::Chain => "the generation does not continue the one before",
            Self::Proof => "the proof of possession does not verify",
            Self::Halves => "the two halves of the public key do not belong together",
            Self::Rng => "the random number generator failed",
        })
    }
}

impl core::error::Error for GenerationError {}

/// Why an aggregate key was not made, or is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AggregateKeyError {
    /// The parameters are not those of the owner's key.
    Params,
    /// The set is empty, or names classes that the grid does not have.
    Set,
    /// The key is not that of the set under this generation.
    Key,
}

impl fmt::Display for AggregateKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Params => "the parameters are not those of the owner's key",
            Self::Set => "the set of classes is empty or exceeds the grid",
            Self::Key => "the aggregate key is not that of the set",
        })
    }
}

impl core::error::Error for AggregateKeyError {}

/// Why a capsule was not moved to another generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RotateError {
    /// The two generations do not follow each other in one chain.
    Chain,
    /// The token is not the difference of the two keys.
    Token,
    /// The capsule is not of the generation that the token leads from.
    Generation,
    /// The context is not one under the owner's key.
    Context,
    /// The capsule's rotating part was not that of its class and generation.
    Capsule,
}

impl fmt::Display for RotateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chain => "the generations do not follow each other in one chain",
            Self::Token => "the token is not the difference of the two keys",
            Self::Generation => "the capsule is not of the generation that the token leads from",
            Self::Context => "the context is not one of this owner key's",
            Self::Capsule => "the capsule's rotating part does not fit its class and generation",
        })
    }
}

impl core::error::Error for RotateError {}
