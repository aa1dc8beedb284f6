//! The index against a sorted list.

use core::cmp::Ordering;

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::hazmat::{digests, trapdoor};
use super::*;
use crate::search::{Conflict, Found, Store};

const BITS: u8 = 8;

#[derive(Clone, Debug)]
enum Do {
    Insert(u32, u32, u64),
    Remove(u32),
    Query { bounds: [Option<u64>; 2], end: End, limit: u32, scope: usize },
}

fn action() -> impl Strategy<Value = Do> {
    // Few numbers, so that many are equal or neighbours.
    let number = prop_oneof![0_u64..256, 126_u64..130];
    let bound = prop::option::of(number.clone());
    let end = prop_oneof![Just(End::Smallest), Just(End::Greatest)];
    let limit = prop_oneof![0_u32..5, Just(u32::MAX)];
    prop_oneof![
        4 => (0_u32..24, 0_u32..4, number).prop_map(|(entry, provider, number)| Do::Insert(entry, provider, number)),
        2 => (0_u32..24).prop_map(Do::Remove),
        3 => ([bound.clone(), bound], end, limit, 1_usize..4)
            .prop_map(|(bounds, end, limit, scope)| Do::Query { bounds, end, limit, scope }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_trie_is_a_sorted_list(actions in prop::collection::vec(action(), 1..60)) {
        let world = World::new(BITS);
        // The last provider is below the first.
        let mut paths: Vec<_> = (0..3).map(|i| world.path(i, 0)).collect();
        paths.push(paths[0].child(step(&world.clinic, 0)).unwrap());
        let (sid, shape) = (world.space.id(), world.space.shape());
        let made = |number| digests(&sid, &shape, number, b"key");
        let mut trie = Trie::new(&world.space);
        // In the order in which they came.
        let mut list: Vec<(u64, u32, u32)> = Vec::new();
        for action in actions {
            match action {
                Do::Insert(entry, provider, number) => {
                    let taken = list.iter().any(|(_, other, _)| *other == entry);
                    let conflict = Conflict { level: 0, against: Vec::from([entry]) };
                    let expected = if taken { Err(conflict) } else { Ok(()) };
                    prop_assert_eq!(trie.insert(entry, provider, &made(number)), expected);
                    if !taken {
                        list.push((number, entry, provider));
                    }
                }
                Do::Remove(entry) => {
                    trie.remove(entry);
                    list.retain(|(_, other, _)| *other != entry);
                }
                Do::Query { bounds: [lower, upper], end, limit, scope } => {
                    let token = trapdoor(lower.map(made), upper.map(made), end, limit, &paths[..scope]);
                    let mut expected: Vec<_> = list.iter().filter(|(number, _, provider)| {
                        let provider = if *provider == 3 { 0 } else { *provider as usize };
                        lower.is_none_or(|lower| *number >= lower)
                            && upper.is_none_or(|upper| *number <= upper)
                            && provider < scope
                    }).collect();
                    match end {
                        End::Smallest => expected.sort_by_key(|(number, ..)| *number),
                        End::Greatest => expected.sort_by_key(|(number, ..)| u64::MAX - *number),
                    }
                    let Found { entries, in_order } = trie.query(&paths, &token);
                    let of = |entry: &u32| *list.iter().find(|(_, other, _)| other == entry).unwrap();
                    let found: Vec<_> = entries.iter().map(of).collect();
                    // Each is one that is expected, and there once.
                    let distinct: BTreeSet<_> = entries.iter().collect();
                    prop_assert_eq!(distinct.len(), entries.len());
                    prop_assert!(found.iter().all(|item| expected.contains(&item)));
                    if limit == u32::MAX {
                        // A range: all of them, those of each provider in order.
                        prop_assert_eq!((found.len(), in_order), (expected.len(), 0));
                        for provider in 0..4 {
                            let of = |items: &[(u64, u32, u32)]| -> Vec<u64> {
                                items.iter().filter(|item| item.2 == provider).map(|item| item.0).collect()
                            };
                            let expected: Vec<_> = expected.iter().map(|item| **item).collect();
                            prop_assert_eq!(of(&found), of(&expected));
                        }
                    } else {
                        let numbers = |items: &[&(u64, u32, u32)]| items.iter().map(|item| item.0).collect::<Vec<_>>();
                        expected.truncate(limit as usize);
                        prop_assert_eq!(numbers(&found.iter().collect::<Vec<_>>()), numbers(&expected));
                        prop_assert_eq!(in_order, found.len());
                    }
                }
            }
            for (number, entry, _) in &list {
                let mut out = Vec::new();
                trie.get(*entry, &mut out);
                prop_assert_eq!(out, made(*number));
            }
        }
        // Nothing stays of what is gone, and its room is used again.
        let nodes = trie.nodes.len();
        list.iter().for_each(|(_, entry, _)| trie.remove(*entry));
        let every = trapdoor(None, None, End::Smallest, u32::MAX, &paths);
        prop_assert!(trie.query(&paths, &every).entries.is_empty());
        let mut out = Vec::new();
        trie.get(0, &mut out);
        prop_assert!(out.is_empty());
        list.iter().for_each(|(number, entry, provider)| trie.insert(*entry, *provider, &made(*number)).unwrap());
        prop_assert_eq!(trie.nodes.len(), nodes);
    }

    /// Nothing that somebody may put into an index or a token makes it panic or lose its order.
    #[test]
    fn made_up_digests_never_break_the_order(values in prop::collection::vec(prop::collection::vec(0_u8..4, 8), 1..40)) {
        let world = World::new(4);
        let path = [world.path(0, 0)];
        let made = |bytes: &[u8]| -> Vec<u8> { bytes.iter().flat_map(|byte| [*byte; 16]).collect() };
        let mut trie = Trie::new(&world.space);
        let all = trapdoor(None, None, End::Smallest, u32::MAX, &path);
        let mut there = Vec::new();
        for (entry, value) in (0..).zip(&values) {
            let (bytes, before) = (made(value), trie.nodes.len());
            match trie.insert(entry, 0, &bytes) {
                Ok(()) => there.push((entry, bytes.clone())),
                Err(conflict) => {
                    prop_assert_eq!(trie.nodes.len(), before);
                    prop_assert!(!conflict.against.is_empty());
                    for other in conflict.against {
                        let (_, other) = &there[there.iter().position(|(entry, _)| *entry == other).unwrap()];
                        let prefix = |bytes: &[u8]| (0..usize::from(conflict.level)).flat_map(|t| bytes[32 * t..][..16].to_vec()).collect::<Vec<_>>();
                        prop_assert_eq!(prefix(other), prefix(&bytes));
                    }
                }
            }
            let found = trie.query(&path, &all).entries;
            prop_assert_eq!(found.len(), there.len());
            let bytes = |entry: &u32| &there.iter().find(|(other, _)| other == entry).unwrap().1;
            let in_order = |a, b| {
                let order = compare(bytes(a), bytes(b));
                order == Ok(Ordering::Less) || order == Ok(Ordering::Equal)
            };
            prop_assert!(found.is_sorted_by(in_order));
            for end in [End::Smallest, End::Greatest] {
                let bound = || Some(made(value));
                trie.query(&path, &trapdoor(bound(), None, end, 9, &path));
                trie.query(&path, &trapdoor(None, bound(), end, 9, &path));
            }
        }
    }
}

#[test]
fn what_has_another_length_is_refused_and_finds_nothing() {
    let world = World::new(BITS);
    let (sid, shape, path) = (world.space.id(), world.space.shape(), [world.path(0, 0)]);
    let mut trie = Trie::new(&world.space);
    let (good, none) = (digests(&sid, &shape, 5, b"key"), Conflict { level: 0, against: Vec::new() });
    assert_eq!(trie.insert(0, 0, &good[32..]), Err(none.clone()));
    assert_eq!(trie.insert(u32::MAX, 0, &good), Err(none));
    trie.insert(0, 0, &good).unwrap();
    trie.remove(9);
    let find = |bound: &[u8]| trie.query(&path, &trapdoor(Some(bound.to_vec()), None, End::Smallest, 9, &path)).entries;
    assert_eq!(find(&good), [0]);
    assert!(find(&good[..good.len() - 32]).is_empty() && find(&[]).is_empty());
    assert!(find(&[&good[..], &good[..32]].concat()).is_empty());
    // A provider that the caller does not name is in no scope.
    let all = trapdoor(None, None, End::Smallest, 9, &path);
    assert!(trie.query(&[], &all).entries.is_empty());
}

/// A value by the digests of its bits: each a byte, U before V, repeated.
fn made(pairs: &[[u8; 2]]) -> Vec<u8> {
    let bit = |pair: &[u8; 2]| [[pair[0]; 16], [pair[1]; 16]].concat();
    pairs.iter().flat_map(bit).collect()
}

/// One hospital lies, whoever comes first, and whatever it has below itself: the others are found and stay in order.
#[test]
fn who_lies_keeps_nobody_out_and_nobody_in_order_but_the_honest() {
    let world = World::new(4);
    let mut paths: Vec<_> = (0..3).map(|i| world.path(i, 0)).collect();
    // The liar is the last, with two more below it.
    paths.extend([0, 1].map(|party| {
        let child = Step { party: PartyId::from_array([200 + party; 32]), generation: 0 };
        paths[2].child(child).unwrap()
    }));
    let (sid, shape) = (world.space.id(), world.space.shape());
    let honest = |number| digests(&sid, &shape, number, b"key");
    let lies = |number| digests(&sid, &shape, number, b"another key");
    // With the first bits of an honest value, and what follows made up.
    let mut spliced = honest(5);
    spliced[64..].copy_from_slice(&made(&[[1, 2], [3, 4]]));
    let values = [
        (0, honest(2)),
        (1, honest(9)),
        (0, honest(5)),
        (1, honest(5)),
        (2, lies(1)),
        (3, lies(3)),
        (4, lies(7)),
        (2, lies(15)),
    ];
    for turn in 0..values.len() {
        let mut trie = Trie::new(&world.space);
        let mut numbered: Vec<_> = (0..).zip(&values).collect();
        numbered.rotate_left(turn);
        for (entry, (provider, bytes)) in &numbered {
            trie.insert(*entry, *provider, bytes).unwrap();
        }
        let find = |lower: Option<Vec<u8>>, upper: Option<Vec<u8>>, end, limit| {
            trie.query(&paths, &trapdoor(lower, upper, end, limit, &paths))
        };
        let mut range = find(Some(honest(3)), Some(honest(9)), End::Smallest, u32::MAX).entries;
        range.sort_unstable();
        assert_eq!(range, [1, 2, 3]);
        for (end, expected) in [(End::Smallest, [0, 2, 3]), (End::Greatest, [1, 3, 2])] {
            let Found { entries, in_order } = find(None, None, end, 3);
            let (mut first, mut aside) = (entries[..in_order].to_vec(), entries[in_order..].to_vec());
            // The two fives are equal.
            let fives = 1;
            first[fives..].sort_unstable();
            let mut expected = expected;
            expected[fives..].sort_unstable();
            aside.sort_unstable();
            assert_eq!((first, aside), (expected.to_vec(), Vec::from([4, 5, 6, 7])));
        }
        let mut contradicting = trie.contradicting(&paths);
        contradicting.sort_unstable();
        assert_eq!(contradicting, [4, 5, 6, 7]);
    }
    // A lie in the last bits contradicts those who have the same first ones.
    let mut trie = Trie::new(&world.space);
    for (entry, provider, bytes) in [(0, 0, honest(5)), (1, 1, honest(4)), (2, 2, spliced), (3, 2, honest(1))] {
        trie.insert(entry, provider, &bytes).unwrap();
    }
    assert_eq!(trie.contradicting(&paths), [2]);
    let Found { entries, in_order } = trie.query(&paths, &trapdoor(None, None, End::Smallest, 9, &paths));
    assert_eq!((entries, in_order), (Vec::from([3, 1, 0, 2]), 3));
}

/// Three providers each of whose values have an order by twos, and none by threes.
#[test]
fn a_cycle_over_several_providers_is_put_aside() {
    let world = World::new(4);
    let paths: Vec<_> = (0..3).map(|i| world.path(i, 0)).collect();
    let rest = [[9, 8], [9, 8], [9, 8]];
    let value = |pair| made(&[&[pair], &rest[..]].concat());
    let mut trie = Trie::new(&world.space);
    for (entry, pair) in (0..).zip([[1, 2], [2, 3], [3, 1]]) {
        trie.insert(entry, entry, &value(pair)).unwrap();
    }
    let Found { entries, in_order } = trie.query(&paths, &trapdoor(None, None, End::Smallest, 9, &paths));
    assert_eq!((entries.len(), in_order), (3, 2));
    assert_eq!(trie.contradicting(&paths), entries[2..]);
}
