//! What the cloud sees, computed from the values themselves.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cmp::Ordering;

/// Bits of a block in the federated mode.
const BLOCK: u8 = 4;

/// What an index of the ordered mode shows: the binary trie of the values without their names, and whose each one is.
///
/// The trie follows from it: the least of `splits` is where the root forks, those on either side are the subtrees. Which
/// bits stand on the paths between forks is not in it. When each value came is not in it either, though the cloud knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrderedShape {
    /// For each distinct value, in ascending order, under which providers it is: ascending, one for each entry.
    pub groups: Vec<Vec<u32>>,
    /// For each two distinct values that follow each other, the first bit in which they differ, from the most significant.
    pub splits: Vec<u8>,
}

/// How a value stands to a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Comparison {
    /// Of the value to the bound.
    pub order: Ordering,
    /// The first place in which they differ, from the most significant: a block or a bit. `None` if they are equal.
    pub first: Option<u8>,
}

/// What an index of the ordered mode shows of values of `bits` bits, each with the number of its provider. Two sets of
/// values with one shape give indexes that differ in digests alone.
///
/// Higher bits of values are ignored, here and below.
#[must_use]
pub fn ordered_shape(bits: u8, values: &[(u32, u64)]) -> OrderedShape {
    let mut groups = BTreeMap::<u64, Vec<u32>>::new();
    for (provider, value) in values {
        groups.entry(low(bits, *value)).or_default().push(*provider);
    }
    let next = groups.keys().zip(groups.keys().skip(1));
    let splits = next.filter_map(|(a, b)| compare(bits, 1, *a, *b).first).collect();
    let sorted = |mut providers: Vec<u32>| {
        providers.sort_unstable();
        providers
    };
    OrderedShape { splits, groups: groups.into_values().map(sorted).collect() }
}

/// How each value stands to a bound in the ordered mode: the order, and the first differing bit.
#[must_use]
pub fn ordered_token(bits: u8, values: &[(u32, u64)], bound: u64) -> Vec<Comparison> {
    values.iter().map(|(_, value)| compare(bits, 1, *value, bound)).collect()
}

/// What an index of the federated mode shows before the first token: the number of values by provider.
#[must_use]
pub fn federated_at_rest(values: &[(u32, u64)]) -> BTreeMap<u32, usize> {
    let mut counts = BTreeMap::new();
    for (provider, _) in values {
        *counts.entry(*provider).or_default() += 1;
    }
    counts
}

/// How each value stands to a bound of a token of the federated mode: the order, and the first differing block of 4 bits.
/// The values are those of the providers that the token is for; it says nothing of others.
#[must_use]
pub fn federated_token(bits: u8, values: &[(u32, u64)], bound: u64) -> Vec<Comparison> {
    values.iter().map(|(_, value)| compare(bits, BLOCK, *value, bound)).collect()
}

/// Which values a token for one value finds in the federated mode. Of the others it says no more than that.
#[must_use]
pub fn federated_point(values: &[(u32, u64)], point: u64) -> Vec<bool> {
    values.iter().map(|(_, value)| *value == point).collect()
}

/// What two bounds of tokens of the federated mode show of each other, for one provider: how many first blocks of 4 bits
/// they share. Tokens for different providers show nothing of each other.
#[must_use]
pub fn common_prefix(bits: u8, bound: u64, other: u64) -> u8 {
    compare(bits, BLOCK, bound, other).first.unwrap_or(bits.min(64) / BLOCK)
}

/// The lower `bits` bits.
fn low(bits: u8, value: u64) -> u64 {
    value & u64::MAX.checked_shr(64 - u32::from(bits.min(64))).unwrap_or(0)
}

/// Compares in steps of so many bits.
fn compare(bits: u8, step: u8, value: u64, bound: u64) -> Comparison {
    let (value, bound) = (low(bits, value), low(bits, bound));
    let differ = value ^ bound;
    let from_top = || (differ.leading_zeros() as u8).saturating_sub(64 - bits.min(64));
    Comparison { order: value.cmp(&bound), first: (differ != 0).then(|| from_top() / step) }
}
