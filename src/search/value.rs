//! What is encrypted and what is asked for, after encoding and before encryption.

use core::fmt;

use alloc::vec::Vec;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::TrapdoorError;

/// A plaintext index value, made by an [`Encoder`](super::Encoder): a number of that encoder's width, or the text of a code.
///
/// A secret: wiped on drop, not printed.
#[derive(Clone)]
pub struct Value(pub(super) Plain);

/// The two kinds of values.
#[derive(Clone)]
pub(super) enum Plain {
    /// Below 2^bits; its order is the order of what it encodes.
    Number(Zeroizing<u64>),
    /// At most [`Encoder::MAX_CODE`](super::Encoder::MAX_CODE) bytes.
    Code(Zeroizing<Vec<u8>>),
}

impl ZeroizeOnDrop for Value {}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value").finish_non_exhaustive()
    }
}

/// Whether a number has no more than so many bits. Who gives one that has is told.
pub(super) fn fits(bits: u8, number: u64) -> bool {
    // One bit after the other would be one bit too many.
    number.checked_shr(bits.into()).unwrap_or(0) == 0
}

/// Whether there can be numbers of so many bits between two bounds.
pub(super) fn check_range(bits: u8, lower: Option<u64>, upper: Option<u64>) -> Result<(), TrapdoorError> {
    if [lower, upper].iter().any(|bound| bound.is_some_and(|bound| !fits(bits, bound))) {
        return Err(TrapdoorError::Value);
    }
    match (lower, upper) {
        (Some(lower), Some(upper)) if lower > upper => Err(TrapdoorError::Empty),
        _ => Ok(()),
    }
}

/// What is asked of one space, after encoding. It says what somebody looks for: a secret, wiped on drop, not printed.
#[derive(Clone)]
pub struct Query(pub(super) Ask);

/// What can be asked.
#[derive(Clone)]
pub(super) enum Ask {
    /// Numbers from `lower` to `upper`, both included; without one, to the end of the domain.
    Range { lower: Option<Zeroizing<u64>>, upper: Option<Zeroizing<u64>> },
    /// What equals a value.
    Point(Value),
    /// Codes that begin with a text, whose length is one of the encoder's.
    Prefix(Zeroizing<Vec<u8>>),
    /// The smallest or greatest values, at most so many.
    Top(End, u32),
}

/// An end of the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The smallest values first.
    Smallest,
    /// The greatest values first.
    Greatest,
}

impl Query {
    /// Whether it asks for the smallest or greatest values.
    pub(super) fn is_top(&self) -> bool {
        matches!(self.0, Ask::Top(..))
    }
}

impl ZeroizeOnDrop for Query {}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query").finish_non_exhaustive()
    }
}
