//! One small enum per situation.
//!
//! Structural failures say precisely what is wrong; cryptographic ones say nothing beyond their name, because what
//! they could add is what an attacker wants to learn.

use core::fmt;

/// The random number generator failed, or gave a value that no working generator gives.
///
/// Nothing was produced: randomness is drawn before anything is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RngError;

impl fmt::Display for RngError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the random number generator failed")
    }
}

impl core::error::Error for RngError {}

/// A capsule or a record did not open.
///
/// Wrong key, wrong context, bad tag, bad signature, tampered capsule: all of them are this one value, so that the
/// holder of a key is no oracle for whoever made the ciphertext.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenError;

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the ciphertext did not open")
    }
}

impl core::error::Error for OpenError {}

/// A signature is not the named party's over this statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignatureError;

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the signature does not verify")
    }
}

impl core::error::Error for SignatureError {}

/// Why bytes are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end before the message does.
    Truncated,
    /// Bytes follow the message.
    TrailingBytes,
    /// The format version is not one that this release reads.
    Version(u8),
    /// The message belongs to another scheme.
    Suite(u8),
    /// The message is of another kind.
    Kind(u16),
    /// A point is not canonically encoded, not on the curve, outside the subgroup, or the identity.
    Point,
    /// A scalar is not canonical, or is zero where zero is excluded.
    Scalar,
    /// An Ed25519 public key is not canonical or of small order.
    VerifyingKey,
    /// A length or a count exceeds its bound.
    Length,
    /// A field holds a value that it cannot have.
    Value,
    /// The text around the bytes is not hexadecimal.
    Text,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the message is truncated"),
            Self::TrailingBytes => f.write_str("bytes follow the message"),
            Self::Version(v) => write!(f, "unknown format version {v}"),
            Self::Suite(s) => write!(f, "the message belongs to suite {s}"),
            Self::Kind(k) => write!(f, "the message is of kind {k:#06x}"),
            Self::Point => f.write_str("invalid point"),
            Self::Scalar => f.write_str("invalid scalar"),
            Self::VerifyingKey => f.write_str("invalid Ed25519 key"),
            Self::Length => f.write_str("a length exceeds its bound"),
            Self::Value => f.write_str("a field holds an impossible value"),
            Self::Text => f.write_str("not hexadecimal text"),
        }
    }
}

impl core::error::Error for DecodeError {}

/// The caller's buffer is too small for the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferTooSmall {
    /// The length that the message needs.
    pub needed: usize,
}

impl fmt::Display for BufferTooSmall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the message needs {} bytes", self.needed)
    }
}

impl core::error::Error for BufferTooSmall {}
