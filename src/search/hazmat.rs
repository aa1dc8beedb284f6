//! Index values without an encoder, and right ciphertexts with a chosen nonce. **Two values under one nonce and key show
//! where they first differ.** For test vectors and benchmarks.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::federated::WriteKey;
use super::value::{Ask, Plain};
use super::{EncryptError, Query, Value};

/// A number.
#[must_use]
pub fn number(number: u64) -> Value {
    Value(Plain::Number(Zeroizing::new(number)))
}

/// A code.
#[must_use]
pub fn code(text: &str) -> Value {
    Value(Plain::Code(Zeroizing::new(text.into())))
}

/// Numbers from `lower` to `upper`, both included; without one, to the end of the domain.
#[must_use]
pub fn range(lower: Option<u64>, upper: Option<u64>) -> Query {
    Query(Ask::Range { lower: lower.map(Zeroizing::new), upper: upper.map(Zeroizing::new) })
}

/// What equals a value.
#[must_use]
pub fn point(value: Value) -> Query {
    Query(Ask::Point(value))
}

/// Codes that begin with a text.
#[must_use]
pub fn prefix(text: &str) -> Query {
    Query(Ask::Prefix(Zeroizing::new(text.into())))
}

/// As [`Search::encrypt`](super::Search::encrypt) in the federated mode, with this nonce.
///
/// # Errors
/// [`EncryptError::Value`]; nothing is appended then.
pub fn encrypt_with(key: &WriteKey, value: &Value, nonce: [u8; 16], out: &mut Vec<u8>) -> Result<(), EncryptError> {
    super::federated::encrypt_with(key, value, nonce, out)
}

/// The slots of the values from 0 to 15 in a block after a prefix.
#[must_use]
pub fn permutation(key: &WriteKey, index: u8, prefix: u64) -> [u8; 16] {
    super::federated::permutation(key, index, prefix)
}
