//! Unstable entry points for benchmarks, vectors and tests of the ordered mode.

use alloc::vec::Vec;
use core::marker::PhantomData;

use zeroize::Zeroizing;

use super::form::split;
use super::{Digests, Token, Trapdoor};
use crate::hash::{hash, label};
use crate::search::value::{Ask, Plain};
use crate::search::{End, Path, Query, Shape, SpaceId, Value};

/// A value from its number.
#[must_use]
pub fn value(number: u64) -> Value {
    Value(Plain::Number(Zeroizing::new(number)))
}

/// The number of a value; `None` for codes.
#[must_use]
pub fn number(value: &Value) -> Option<u64> {
    match &value.0 {
        Plain::Number(number) => Some(**number),
        Plain::Code(_) => None,
    }
}

/// A range of numbers.
#[must_use]
pub fn range(lower: Option<u64>, upper: Option<u64>) -> Query {
    Query(Ask::Range { lower: lower.map(Zeroizing::new), upper: upper.map(Zeroizing::new) })
}

/// The smallest or greatest values.
#[must_use]
pub fn top(end: End, limit: u32) -> Query {
    Query(Ask::Top(end, limit))
}

/// Digests that are consistent with each other under one key, without any group operation.
#[must_use]
pub fn digests(sid: &SpaceId, shape: &Shape, number: u64, key: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for level in 0..shape.bits() {
        let (prefix, bit) = split(number, shape.bits(), level);
        for value in [bit, bit + 1] {
            let parts: [&[u8]; 5] = [key, sid.as_bytes(), &[level], &prefix.to_be_bytes(), &[value]];
            out.extend_from_slice(&hash(label::ORDERED_DIGEST, &parts).digest().half());
        }
    }
    out
}

/// A trapdoor with bounds from [`digests`].
#[must_use]
pub fn trapdoor(lower: Option<Vec<u8>>, upper: Option<Vec<u8>>, end: End, limit: u32, scope: &[Path]) -> Trapdoor {
    let mut scope = scope.to_vec();
    scope.sort_unstable();
    Token::<Digests> { lower, upper, end, limit, scope, form: PhantomData }
}
