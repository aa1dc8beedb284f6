//! Why an operation of a scheme failed: one enum per situation.

use core::fmt;

use crate::error::RngError;
use crate::kem::CapsuleError;

/// Why a public key is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// The certificate's signature is not the named party's.
    Signature,
    /// The proof of possession does not verify.
    Proof,
    /// The path does not lead to the root that the owner signed.
    #[cfg(feature = "alloc")]
    Path,
    /// The label is not one of the tree's, or the tree is another owner's.
    #[cfg(feature = "alloc")]
    Label,
    /// The generation of an aggregate scheme is not accepted.
    #[cfg(feature = "alloc")]
    Generation(crate::kac::GenerationError),
    /// The random number generator failed.
    Rng,
}

#[cfg(feature = "alloc")]
impl From<crate::kac::GenerationError> for KeyError {
    fn from(error: crate::kac::GenerationError) -> Self {
        match error {
            crate::kac::GenerationError::Rng => Self::Rng,
            other => Self::Generation(other),
        }
    }
}

impl From<RngError> for KeyError {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature => f.write_str("the certificate is not signed by the named party"),
            Self::Proof => f.write_str("the proof of possession does not verify"),
            #[cfg(feature = "alloc")]
            Self::Path => f.write_str("the path does not lead to the root that the owner signed"),
            #[cfg(feature = "alloc")]
            Self::Label => f.write_str("the label is not one of the owner's tree"),
            #[cfg(feature = "alloc")]
            Self::Generation(error) => error.fmt(f),
            Self::Rng => f.write_str("the random number generator failed"),
        }
    }
}

impl core::error::Error for KeyError {}

/// Why nothing was delegated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DelegateError {
    /// The signing key is not that of the owner of the secret.
    Signer,
    /// The scope is not one of the owner's key.
    Scope,
    /// The delegatee's key cannot be used.
    User,
    /// The rules under which it would stand do not allow it.
    #[cfg(feature = "alloc")]
    Rules(GrantError),
    /// The random number generator failed.
    Rng,
}

impl From<RngError> for DelegateError {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

impl fmt::Display for DelegateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signer => f.write_str("the signing key is another party's"),
            Self::Scope => f.write_str("the scope is not one of the owner's key"),
            Self::User => f.write_str("the delegatee's key cannot be used"),
            #[cfg(feature = "alloc")]
            Self::Rules(error) => error.fmt(f),
            Self::Rng => f.write_str("the random number generator failed"),
        }
    }
}

impl core::error::Error for DelegateError {}

/// On which side of a validity a time lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeError {
    Early,
    Late,
}

impl From<TimeError> for GrantError {
    fn from(error: TimeError) -> Self {
        match error {
            TimeError::Early => Self::NotYetValid,
            TimeError::Late => Self::Expired,
        }
    }
}

impl From<TimeError> for ReencryptError {
    fn from(error: TimeError) -> Self {
        match error {
            TimeError::Early => Self::NotYetValid,
            TimeError::Late => Self::Expired,
        }
    }
}

/// Why a grant or its re-encryption key is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GrantError {
    /// The grant is not signed by the owner.
    Signature,
    /// The grant is under another of the owner's keys.
    WrongKey,
    /// The grant starts later.
    NotYetValid,
    /// The grant has ended.
    Expired,
    /// The scope is not one of the owner's key.
    Scope,
    /// The owner set no rules under which it could stand, or other ones.
    Rules,
    /// The certificate of the role is not one that the rules accept.
    #[cfg(feature = "alloc")]
    Role(crate::role::RoleError),
    /// It would last longer than what it stands on allows.
    TooLong,
    /// The re-encryption key is not the one that the grant fixes.
    ReKey,
}

impl fmt::Display for GrantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature => "the grant is not signed by who has to sign it",
            Self::WrongKey => "the grant is under another key",
            Self::NotYetValid => "the grant is not valid yet",
            Self::Expired => "the grant has expired",
            Self::Scope => "the scope is not one that can be granted",
            Self::Rules => "the owner set no such rules",
            #[cfg(feature = "alloc")]
            Self::Role(error) => return error.fmt(f),
            Self::TooLong => "the grant lasts longer than it may",
            Self::ReKey => "the re-encryption key does not belong to the grant",
        })
    }
}

impl core::error::Error for GrantError {}

/// Why a server did not re-encrypt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReencryptError {
    /// The capsule did not pass its public checks.
    Capsule(CapsuleError),
    /// The grant does not cover the capsule.
    Scope,
    /// The grant starts later.
    NotYetValid,
    /// The grant has ended.
    Expired,
    /// The random number generator failed.
    Rng,
}

impl From<CapsuleError> for ReencryptError {
    fn from(error: CapsuleError) -> Self {
        Self::Capsule(error)
    }
}

impl From<RngError> for ReencryptError {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

impl fmt::Display for ReencryptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capsule(error) => error.fmt(f),
            Self::Scope => f.write_str("the grant does not cover the capsule"),
            Self::NotYetValid => f.write_str("the grant is not valid yet"),
            Self::Expired => f.write_str("the grant has expired"),
            Self::Rng => f.write_str("the random number generator failed"),
        }
    }
}

impl core::error::Error for ReencryptError {}
