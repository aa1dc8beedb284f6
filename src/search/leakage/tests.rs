use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::cmp::Ordering::{Equal, Greater, Less};

use proptest::prelude::*;

use super::*;

fn seen(comparisons: &[Comparison]) -> Vec<(core::cmp::Ordering, Option<u8>)> {
    comparisons.iter().map(|c| (c.order, c.first)).collect()
}

#[test]
fn the_shape_of_values_in_order() {
    // 0000 0001, 0000 0011, 0000 0011, 1000 0000, 1111 0000
    let values = [(2, 0x03), (7, 0xf0), (1, 0x03), (1, 0x80), (3, 0x01)];
    let shape = ordered_shape(8, &values);
    assert_eq!(shape.groups, [&[3][..], &[1, 2], &[1], &[7]]);
    assert_eq!(shape.splits, [6, 0, 1]);
    assert_eq!(ordered_shape(8, &[]), OrderedShape { groups: Vec::new(), splits: Vec::new() });
    assert_eq!(ordered_shape(64, &[(0, 0), (0, u64::MAX), (0, 1)]).splits, [63, 0]);
    // The same width for all, and no bit above it.
    assert_eq!(ordered_shape(16, &values).splits, [14, 8, 9]);
    assert_eq!(ordered_shape(8, &[(0, 0x101), (0, 0x001)]).groups, [[0, 0]]);
}

#[test]
fn a_shape_tells_what_matters_and_nothing_else() {
    let shape = |values: &[(u32, u64)]| ordered_shape(8, values);
    let one = shape(&[(0, 0b0000_0000), (1, 0b0000_1000), (0, 0b1000_0000)]);
    // Other values with the same forks, in another sequence.
    assert_eq!(one, shape(&[(0, 0b1111_1111), (0, 0b0110_0101), (1, 0b0110_1101)]));
    // Another provider, another fork, another equality.
    assert_ne!(one, shape(&[(1, 0b0000_0000), (0, 0b0000_1000), (0, 0b1000_0000)]));
    assert_ne!(one, shape(&[(0, 0b0000_0000), (1, 0b0000_0100), (0, 0b1000_0000)]));
    assert_ne!(one, shape(&[(0, 0b0000_0000), (1, 0b0000_0000), (0, 0b1000_0000)]));
}

#[test]
fn what_tokens_show_of_values() {
    let values = [(0, 0x1234), (1, 0x1235), (1, 0x1134), (2, 0xf234)];
    let blocks = [(Equal, None), (Greater, Some(3)), (Less, Some(1)), (Greater, Some(0))];
    assert_eq!(seen(&federated_token(16, &values, 0x1234)), blocks);
    let bits = [(Equal, None), (Greater, Some(15)), (Less, Some(6)), (Greater, Some(0))];
    assert_eq!(seen(&ordered_token(16, &values, 0x1234)), bits);
    assert_eq!(seen(&federated_token(64, &[(0, u64::MAX)], u64::MAX - 1)), [(Greater, Some(15))]);
    assert_eq!(federated_point(&values, 0x1235), [false, true, false, false]);
}

#[test]
fn what_the_federated_mode_shows_before_tokens() {
    assert_eq!(federated_at_rest(&[(4, 1), (2, 9), (4, 1)]), BTreeMap::from([(2, 1), (4, 2)]));
}

#[test]
fn what_tokens_show_of_tokens() {
    assert_eq!(common_prefix(16, 0x1234, 0x1234), 4);
    assert_eq!(common_prefix(16, 0x1234, 0x1235), 3);
    assert_eq!(common_prefix(16, 0x1234, 0x1334), 1);
    assert_eq!(common_prefix(16, 0x1234, 0x9234), 0);
    assert_eq!(common_prefix(64, 7, 7), 16);
}

#[test]
fn profiles_differ_where_the_modes_do() {
    use Moment::{AtRest, PerToken};
    let federated = LeakageProfile::of(Mode::Federated, Queries::RangesAndPoints);
    let points = LeakageProfile::of(Mode::Federated, Queries::Points);
    let ordered = LeakageProfile::of(Mode::Ordered, Queries::Ranges);
    for leak in [Leak::Equality, Leak::Order, Leak::FirstDifferingBit] {
        assert!(ordered.includes(leak, Observer::Cloud, AtRest));
        assert!(ordered.includes(leak, Observer::Switcher, AtRest));
        assert!(!federated.includes(leak, Observer::Cloud, AtRest));
    }
    for profile in [federated, points, ordered] {
        for leak in [Leak::Space, Leak::Counts, Leak::Provenance, Leak::Records] {
            assert!(profile.includes(leak, Observer::Cloud, AtRest));
        }
        for leak in [Leak::Scope, Leak::QueryKind, Leak::ResultSets, Leak::TokenEquality] {
            assert!(profile.includes(leak, Observer::Cloud, PerToken));
        }
        assert!(profile.reveals(Observer::Provider, AtRest).is_empty());
    }
    for leak in [Leak::TokenPrefixes, Leak::OrderToBound, Leak::FirstDifferingBlock, Leak::OneSided] {
        assert!(federated.includes(leak, Observer::Cloud, PerToken));
        assert!(!points.includes(leak, Observer::Cloud, PerToken));
    }
    assert!(!federated.includes(Leak::FirstDifferingBitOfBounds, Observer::Cloud, PerToken));
    for leak in [Leak::OrderToBound, Leak::FirstDifferingBitOfBounds, Leak::OneSided] {
        assert!(ordered.includes(leak, Observer::Cloud, PerToken));
    }
    assert_eq!(federated.reveals(Observer::CloudAndProvider, AtRest), [Leak::ValuesBelow]);
    assert_eq!(federated.reveals(Observer::CloudAndUser, AtRest), [Leak::ValuesInScope]);
    for observer in [Observer::Switcher, Observer::SwitcherAndKey] {
        assert!(Moment::ALL.iter().all(|moment| federated.reveals(observer, *moment).is_empty()));
    }
    assert_eq!(ordered.reveals(Observer::CloudAndProvider, AtRest), [Leak::ValuesBelow, Leak::AllByGuessing]);
    assert_eq!(ordered.reveals(Observer::Switcher, PerToken), ordered.reveals(Observer::Cloud, PerToken));
    assert_eq!(ordered.reveals(Observer::CloudAndUser, AtRest), [Leak::AllByGuessing]);
    assert_eq!(ordered.reveals(Observer::SwitcherAndKey, AtRest), [Leak::AllKeys]);
    assert_eq!(ordered, LeakageProfile::of(Mode::Ordered, Queries::Points));
}

#[test]
fn a_profile_prints_a_table() {
    let points = LeakageProfile::of(Mode::Federated, Queries::Points);
    let expected = "\
| Who                | When      | What |
|---|---|---|
| cloud              | at rest   | space; who writes and who may ask; number of values per provider; path of each value; record of each value |
| cloud              | per token | who asks; providers asked; kind of query; values found; equal tokens |
| cloud and provider | at rest   | values of the provider and below |
| cloud and user     | at rest   | values of the user's scope |
";
    assert_eq!(points.to_string(), expected);
    let ordered = LeakageProfile::of(Mode::Ordered, Queries::Ranges);
    assert_eq!(ordered.rows().count(), 7);
    assert!(ordered.rows().all(|(observer, moment, leaks)| ordered.reveals(observer, moment) == leaks));
}

proptest! {
    /// The shape has what every two values show of each other, by its definition: bit by bit.
    #[test]
    fn a_shape_has_all_pairs(values in proptest::collection::vec((0_u32..3, 0_u64..4096), 0..12)) {
        let shape = ordered_shape(12, &values);
        let mut sorted: Vec<u64> = values.iter().map(|(_, value)| *value).collect();
        sorted.sort_unstable();
        sorted.dedup();
        prop_assert_eq!(shape.groups.iter().map(Vec::len).sum::<usize>(), values.len());
        for (i, a) in sorted.iter().enumerate() {
            for (j, b) in sorted.iter().enumerate().skip(i + 1) {
                let naive = (0..12_u8).find(|t| a >> (11 - t) & 1 != b >> (11 - t) & 1);
                prop_assert_eq!(shape.splits[i..j].iter().min().copied(), naive);
                prop_assert_eq!(federated_token(12, &[(0, *a)], *b)[0].first, naive.map(|t| t / 4));
            }
        }
    }
}
