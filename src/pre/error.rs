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
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature => "the certificate is not signed by the named party",
            Self::Proof => "the proof of possession does not verify",
        })
    }
}

impl core::error::Error for KeyError {}

/// Why nothing was delegated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DelegateError {
    /// The signing key is not that of the owner of the secret.
    Signer,
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
        f.write_str(match self {
            Self::Signer => "the signing key is not the owner's",
            Self::Rng => "the random number generator failed",
        })
    }
}

impl core::error::Error for DelegateError {}

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
    /// The re-encryption key is not the one that the grant fixes.
    ReKey,
}

impl fmt::Display for GrantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature => "the grant is not signed by the owner",
            Self::WrongKey => "the grant is under another key",
            Self::NotYetValid => "the grant is not valid yet",
            Self::Expired => "the grant has expired",
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
