//! Order, and who can tell it.

use core::cmp::Ordering;

use super::super::form::PAIR;
use super::super::hazmat::{digests, number};
use super::*;
use crate::error::DecodeError;
use crate::hash::Digest;
use crate::ristretto::{Element, Scalar};
use crate::search::{Conflict, Form, Store};

/// The ends, the middle, neighbours, and what has a long common prefix.
const NUMBERS: [u64; 11] = [0, 1, 2, 3, 0x7fe, 0x7ff, 0x800, 0x801, 0xaaa, 0xffe, 0xfff];

#[test]
fn the_order_of_everybodys_values_is_that_of_numbers() {
    let world = World::new(12);
    let (switch, keys) = world.everybody(0);
    let mut trie = Trie::new(&world.space);
    let mut values = Vec::new();
    for key in &keys {
        for n in NUMBERS {
            let stored = switched(&switch, key, n);
            assert_eq!(Digests::check(&world.space.shape(), &stored), Ok(()));
            trie.insert(values.len() as u32, 0, &stored).unwrap();
            values.push((n, stored));
        }
    }
    for (a, x) in &values {
        for (b, y) in &values {
            assert_eq!(compare(x, y), Ok(a.cmp(b)));
        }
    }
    // The index agrees with the comparison.
    let scope = [world.path(0, 0)];
    let all = hazmat::trapdoor(None, None, End::Smallest, u32::MAX, &scope);
    let found: Vec<_> = trie.query(&scope, &all).entries.into_iter().map(|at| values[at as usize].clone()).collect();
    assert_eq!(found.len(), values.len());
    assert!(found.is_sorted_by(|(_, x), (_, y)| compare(x, y).unwrap() != Ordering::Greater));
    // What is encrypted is what the owner reads.
    for key in &keys {
        let read = inspect(&world.root, &world.space, &key.path, &encrypt(key, 0xaaa)).unwrap();
        assert_eq!(number(&read), Some(0xaaa));
    }
}

#[test]
fn widths_to_the_last_bit() {
    for bits in [4, 8, 64] {
        let world = World::new(bits);
        let key = world.key(&world.path(0, 0));
        let mut switch = Switch::new(&world.space, 0);
        switch.add(&world.switch_key(&key.path)).unwrap();
        let max = u64::MAX >> (64 - bits);
        let [low, below, top] = [0, max - 1, max].map(|n| switched(&switch, &key, n));
        assert_eq!(low.len(), PAIR * usize::from(bits));
        assert_eq!((compare(&low, &top), compare(&top, &below)), (Ok(Ordering::Less), Ok(Ordering::Greater)));
        let read = inspect(&world.root, &world.space, &key.path, &encrypt(&key, max)).unwrap();
        assert_eq!(number(&read), Some(max));
        if bits < 64 {
            let mut out = Vec::new();
            let above = Ordered::encrypt(&key, &value(max + 1), &mut rng(9), &mut out);
            assert_eq!((above, out.len()), (Err(EncryptError::Value), 0));
        }
    }
}

/// Without the switcher, values of two providers have nothing in common, and neither do those of two spaces.
#[test]
fn nothing_compares_across_keys_without_the_switcher() {
    let world = World::new(12);
    let (switch, keys) = world.everybody(0);
    let plain = |sid, key, n| {
        let mut out = Vec::new();
        form::digests(sid, &form::decode(&world.space.shape(), &encrypt(key, n)).unwrap(), &mut out);
        out
    };
    let sid = &world.space.id();
    // Within one key it does.
    assert_eq!(compare(&plain(sid, &keys[0], 5), &plain(sid, &keys[0], 6)), Ok(Ordering::Less));
    for other in &keys[1..] {
        assert_eq!(compare(&plain(sid, &keys[0], 5), &plain(sid, other, 6)), Err(Inconsistent));
        assert_eq!(compare(&plain(sid, &keys[0], 5), &plain(sid, other, 5)), Err(Inconsistent));
    }
    // Another space of the same providers, and the same points said to be of another space.
    let other = World { space: space(world.owner.id(), "8462-4", 12), ..World::new(12) };
    let (elsewhere, their_keys) = other.everybody(0);
    let (here, there) = (switched(&switch, &keys[0], 5), switched(&elsewhere, &their_keys[0], 6));
    assert_eq!(compare(&here, &there), Err(Inconsistent));
    assert_eq!(compare(&plain(sid, &keys[0], 5), &plain(&other.space.id(), &keys[0], 6)), Err(Inconsistent));
    let foreign = inspect(&other.root, &other.space, &keys[0].path, &encrypt(&keys[0], 5)).unwrap_err();
    assert_eq!(foreign, Malformed { level: 0 });
}

/// What is not protected: one provider with the switcher has every key.
#[test]
fn a_provider_with_the_switcher_reads_everybody() {
    let world = World::new(12);
    let (_, keys) = world.everybody(0);
    let [own, other] = [0, 1].map(|i| world.switch_key(&keys[i].path));
    let r = &keys[0].k * &own.factor;
    let k = &r * &other.factor.invert();
    assert_eq!(k.to_bytes(), keys[1].k.to_bytes());
    // And with the key a value, bit by bit.
    let secret = encrypt(&keys[1], 0xabc);
    let stolen = WriteKey { space: world.space.clone(), path: keys[1].path.clone(), k };
    let read = (0..12).rev().fold(0, |n, bit| {
        let (tried, bits) = (encrypt(&stolen, n | 1 << bit), 64 * (12 - bit));
        if tried[..bits] == secret[..bits] { n | 1 << bit } else { n }
    });
    assert_eq!(read, 0xabc);
    // A user with the switcher likewise.
    let (user, asks) = (world.querier(0, &[world.path(0, 0)]), world.query_key(0, &[world.path(0, 0)]));
    assert_eq!((&asks.k * &user.factor).to_bytes(), r.to_bytes());
}

/// Digests of 12 bits with these pairs in front.
fn made(front: &[[u8; 2]]) -> Vec<u8> {
    let rest = (front.len()..12).map(|level| [100 + level as u8, 200 + level as u8]);
    front.iter().copied().chain(rest).flat_map(|[u, v]| [[u; 16], [v; 16]].concat()).collect()
}

#[test]
fn what_contradicts_itself_is_inconsistent() {
    let a = made(&[[1, 2]]);
    assert_eq!(compare(&a, &a), Ok(Ordering::Equal));
    assert_eq!(compare(&a, &made(&[[2, 3]])), Ok(Ordering::Less));
    assert_eq!(compare(&made(&[[2, 3]]), &a), Ok(Ordering::Greater));
    // Both, neither, the same U with another V at the end and before a difference, other lengths.
    assert_eq!(compare(&a, &made(&[[2, 1]])), Err(Inconsistent));
    assert_eq!(compare(&a, &made(&[[4, 5]])), Err(Inconsistent));
    assert_eq!(compare(&a, &made(&[[1, 3]])), Err(Inconsistent));
    assert_eq!(compare(&made(&[[1, 2], [5, 6]]), &made(&[[1, 3], [6, 7]])), Err(Inconsistent));
    assert_eq!(compare(&made(&[[1, 1]]), &a), Err(Inconsistent));
    assert_eq!(compare(&a, &made(&[[1, 1]])), Err(Inconsistent));
    assert_eq!(compare(&a, &a[32..]), Err(Inconsistent));
    assert_eq!(compare(&a[1..], &a[1..]), Err(Inconsistent));
    assert_eq!(compare(&a[..16], &a[..16]), Err(Inconsistent));
}

/// Each pair has an order, and the three of them have none.
#[test]
fn a_cycle_is_refused_and_never_sorted() {
    let space = World::new(12).space;
    let cycle = [[1, 2], [2, 3], [3, 1]].map(|pair| made(&[pair]));
    for i in 0..3 {
        assert_eq!(compare(&cycle[i], &cycle[(i + 1) % 3]), Ok(Ordering::Less));
    }
    let path = World::new(12).path(0, 0);
    let all = |trie: &Trie| {
        trie.query(
            core::slice::from_ref(&path),
            &hazmat::trapdoor(None, None, End::Smallest, u32::MAX, core::slice::from_ref(&path)),
        )
        .entries
    };
    for first in 0..3 {
        let mut trie = Trie::new(&space);
        let [a, b, c] = [0, 1, 2].map(|i| &cycle[(first + i) % 3]);
        trie.insert(0, 0, a).unwrap();
        trie.insert(1, 0, b).unwrap();
        assert_eq!(trie.insert(2, 0, c), Err(Conflict { level: 0, against: Vec::from([0, 1]) }));
        assert_eq!(all(&trie), [0, 1]);
        // As a bound it finds nothing.
        let bound = hazmat::trapdoor(Some(c.clone()), None, End::Smallest, 9, core::slice::from_ref(&path));
        assert!(trie.query(core::slice::from_ref(&path), &bound).entries.is_empty());
    }
    // Deeper, and behind a common prefix.
    let mut trie = Trie::new(&space);
    for (entry, pair) in (0..).zip([[1, 2], [2, 3]]) {
        trie.insert(entry, 0, &made(&[[7, 8], [7, 8], pair])).unwrap();
    }
    let conflict = Conflict { level: 2, against: Vec::from([0, 1]) };
    assert_eq!(trie.insert(2, 0, &made(&[[7, 8], [7, 8], [3, 1]])), Err(conflict));
    let conflict = Conflict { level: 1, against: Vec::from([0]) };
    assert_eq!(trie.insert(2, 0, &made(&[[7, 8], [7, 9], [1, 2]])), Err(conflict));
    let conflict = Conflict { level: 2, against: Vec::from([1]) };
    assert_eq!(trie.insert(2, 0, &made(&[[7, 8], [7, 8], [2, 4]])), Err(conflict));
}

#[test]
fn malformed_values_are_refused_and_attributed() {
    let world = World::new(12);
    let (switch, keys) = world.everybody(0);
    let (shape, key) = (world.space.shape(), &keys[0]);
    let good = encrypt(key, 0x5a5);
    assert_eq!(Points::check(&shape, &good), Ok(()));
    let with = |at: usize, bytes: &[u8]| {
        let mut bad = good.clone();
        bad[at * 32..][..32].copy_from_slice(bytes);
        bad
    };
    let refused = |bytes: &[u8], error| {
        assert_eq!(Points::check(&shape, bytes), Err(error));
        let mut out = Vec::from([7]);
        assert_eq!(switch.switch_value(&key.path, bytes, &mut out), Err(SwitchError::Value(error)));
        assert_eq!(out, [7]);
    };
    refused(&with(23, &[0; 32]), DecodeError::Point);
    refused(&with(4, &[0xff; 32]), DecodeError::Point);
    refused(&with(6, &good[7 * 32..][..32]), DecodeError::Value);
    refused(&good[1..], DecodeError::Length);
    refused(&[&good[..], &[0; 64]].concat(), DecodeError::Length);
    refused(&[], DecodeError::Length);
    let inspect = |bytes: &[u8]| inspect(&world.root, &world.space, &key.path, bytes).map(|value| number(&value));
    assert_eq!(inspect(&good), Ok(Some(0x5a5)));
    // Points of its own choice, the pair swapped, another key's, another bit's.
    let random = Element::base(&Scalar::from_u64(5)).encode();
    assert_eq!(inspect(&with(10, random.as_bytes())), Err(Malformed { level: 5 }));
    assert_eq!(inspect(&with(11, random.as_bytes())), Err(Malformed { level: 5 }));
    let swapped = [&good[..64], &good[96..128], &good[64..96], &good[128..]].concat();
    assert_eq!(inspect(&swapped), Err(Malformed { level: 1 }));
    assert_eq!(inspect(&encrypt(&keys[1], 0x5a5)), Err(Malformed { level: 0 }));
    assert_eq!(inspect(&[&encrypt(key, 0xfff)[..64], &good[64..]].concat()), Err(Malformed { level: 1 }));
    // Too short by its last bit, and too long.
    assert_eq!(inspect(&good[..good.len() - 64]), Err(Malformed { level: 0 }));
    assert_eq!(inspect(&[&good[..], &[0; 64]].concat()), Err(Malformed { level: 0 }));
    // Digests.
    let stored = digests(&Digest::NONE, &shape, 3, b"key");
    assert_eq!(Digests::check(&shape, &stored), Ok(()));
    assert_eq!(Digests::check(&shape, &stored[1..]), Err(DecodeError::Length));
    let same = [&stored[..16], &stored[..16], &stored[32..]].concat();
    assert_eq!(Digests::check(&shape, &same), Err(DecodeError::Value));
    assert_eq!((Points::len(&shape), Digests::len(&shape)), (768, 384));
}
