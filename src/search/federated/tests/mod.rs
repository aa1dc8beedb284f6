mod encoding;

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::slice::from_ref;
use std::vec;

use proptest::prelude::*;
use rand_core::{TryCryptoRng, TryRng};
use zeroize::Zeroizing;

use super::prf::{Blocks, SLOTS};
use super::right::Parts;
use super::*;
use crate::context::Partition;
use crate::encoding::{Message, Reader, SecretEncoding};
use crate::error::DecodeError;
use crate::identity::PartyId;
use crate::kem::OwnerRoot;
use crate::search::leakage::Comparison;
use crate::search::value::{Ask, Plain};
use crate::search::{Attribute, End, Form, MAX_SCOPE, Shape, Store, Trapdoor as _};

/// Counts up, so that no two draws are the same; or repeats one byte; or fails.
#[derive(Clone)]
enum TestRng {
    Counter(u64),
    Dead,
    Failing,
}

#[derive(Debug)]
struct Failed;

impl core::fmt::Display for Failed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("failed")
    }
}

impl core::error::Error for Failed {}

impl TryRng for TestRng {
    type Error = Failed;

    fn try_next_u32(&mut self) -> Result<u32, Failed> {
        self.try_next_u64().map(|number| number as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Failed> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Failed> {
        match self {
            Self::Counter(count) => {
                *count += 1;
                dst.iter_mut().zip(count.to_le_bytes()).for_each(|(to, byte)| *to = byte);
            }
            Self::Dead => dst.fill(7),
            Self::Failing => return Err(Failed),
        }
        Ok(())
    }
}

impl TryCryptoRng for TestRng {}

const INTEGER: fn(u8) -> Encoder = |bits| Encoder::integer(bits).unwrap();
/// Prefixes of 1, 3 and 5 characters.
fn codes() -> Encoder {
    Encoder::code(&[1, 3, 5]).unwrap()
}

fn space_of(attribute: &str, encoder: Encoder, queries: Queries) -> Space<Federated> {
    let owner = PartyId::from_array([1; 32]);
    Space::new(owner, Partition::MEDICAL, Attribute::new(attribute).unwrap(), encoder, queries).unwrap()
}

fn space(bits: u8) -> Space<Federated> {
    space_of("pulse", INTEGER(bits), Queries::Ranges)
}

fn root() -> SearchRoot {
    SearchRoot::new(&OwnerRoot::from_bytes(&[&[1, 0, 0, 4][..], &[9; 32]].concat()).unwrap())
}

fn step(party: u8, generation: u32) -> Step {
    Step { party: PartyId::from_array([party; 32]), generation }
}

fn path(party: u8) -> Path {
    Path::new(step(party, 0))
}

fn writer(space: &Space<Federated>, path: &Path) -> WriteKey {
    Federated::write_key(&root(), space, path)
}

fn asker(space: &Space<Federated>, scope: &[Path]) -> QueryKey {
    Federated::query_key(&root(), space, step(99, 0), scope).unwrap()
}

fn number(number: u64) -> Value {
    Value(Plain::Number(Zeroizing::new(number)))
}

fn code(text: &str) -> Value {
    Value(Plain::Code(Zeroizing::new(text.into())))
}

fn range(lower: impl Into<Option<u64>>, upper: impl Into<Option<u64>>) -> Query {
    Query(Ask::Range { lower: lower.into().map(Zeroizing::new), upper: upper.into().map(Zeroizing::new) })
}

fn point(value: Value) -> Query {
    Query(Ask::Point(value))
}

fn prefix(text: &str) -> Query {
    Query(Ask::Prefix(Zeroizing::new(text.into())))
}

fn encrypt(key: &WriteKey, value: &Value, seed: u64) -> Vec<u8> {
    let mut out = Vec::new();
    Federated::encrypt(key, value, &mut TestRng::Counter(seed << 32), &mut out).unwrap();
    assert_eq!(out.len(), Right::len(&key.space().shape()));
    assert_eq!(Right::check(&key.space().shape(), &out), Ok(()));
    out
}

/// A store with values of one provider.
fn scan(key: &WriteKey, values: &[Value]) -> Scan {
    let mut scan = Scan::new(key.space());
    for (entry, value) in (0..).zip(values) {
        scan.insert(entry, 0, &encrypt(key, value, entry.into())).unwrap();
    }
    scan
}

fn found(scan: &Scan, path: &Path, key: &QueryKey, query: &Query) -> Vec<u32> {
    let trapdoor = Federated::question(key, query).unwrap();
    let mut found = scan.query(from_ref(path), &trapdoor).entries;
    found.sort_unstable();
    found
}

fn max(bits: u8) -> u64 {
    u64::MAX >> (64 - bits)
}

/// Values that differ in every block from their neighbours, and where blocks end.
fn adversarial(bits: u8) -> Vec<u64> {
    let middle = 0x5a5a_5a5a_5a5a_5a5a & max(bits);
    let mut values = vec![0, 1, max(bits), max(bits) - 1, middle, middle];
    for block in 0..bits / 4 {
        let unit = 1 << (4 * block);
        values.extend([middle ^ unit, middle ^ (0xf * unit), unit, (max(bits) >> (4 * block)).saturating_sub(1)]);
    }
    values
}

#[test]
fn ranges_are_those_of_the_numbers_at_every_width() {
    for bits in (4..=64).step_by(4) {
        let (space, path) = (space(bits), path(1));
        let (key, asker) = (writer(&space, &path), asker(&space, from_ref(&path)));
        let values = adversarial(bits);
        let scan = scan(&key, &values.iter().copied().map(number).collect::<Vec<_>>());
        let few: Vec<_> = values.iter().step_by(1 + values.len() / 8).copied().map(Some).chain([None]).collect();
        for lower in &few {
            for upper in &few {
                let query = range(*lower, *upper);
                if lower.zip(*upper).is_some_and(|(lower, upper)| lower > upper) {
                    assert_eq!(Federated::question(&asker, &query), Err(TrapdoorError::Empty));
                    continue;
                }
                let within = |value: u64| lower.is_none_or(|l| l <= value) && upper.is_none_or(|u| value <= u);
                let expected: Vec<_> = (0..).zip(&values).filter(|(_, v)| within(**v)).map(|(i, _)| i).collect();
                assert_eq!(found(&scan, &path, &asker, &query), expected, "{bits}: {lower:x?} to {upper:x?}");
            }
        }
        for value in values {
            assert_eq!(*key.decrypt(&encrypt(&key, &number(value), 3)).unwrap(), value);
        }
    }
}

#[test]
fn more_entries_than_a_chunk() {
    let (space, path) = (space(16), path(1));
    let (key, asker) = (writer(&space, &path), asker(&space, from_ref(&path)));
    let values: Vec<u64> = (0..5_000_u64).map(|i| i * 40_503 % 65_536).collect();
    let scan = scan(&key, &values.iter().copied().map(number).collect::<Vec<_>>());
    for (lower, upper) in [(1_000, 50_000), (0, 65_535), (32_768, 32_783), (7, 7)] {
        let expected: Vec<_> =
            (0..).zip(&values).filter(|(_, v)| (lower..=upper).contains(*v)).map(|(i, _)| i).collect();
        assert_eq!(found(&scan, &path, &asker, &range(lower, upper)), expected);
    }
}

#[test]
fn a_comparison_shows_the_order_and_the_first_block_that_differs() {
    let (space, others, path) = (space(32), path(2), path(1));
    let (key, asker) = (writer(&space, &path), asker(&space, from_ref(&path)));
    for (bound, entry, order, first) in [
        (0x1234_5678, 0x1234_5678, Ordering::Equal, None),
        (0x1234_5678, 0x1234_5679, Ordering::Greater, Some(7)),
        (0x1234_5678, 0x1234_5667, Ordering::Less, Some(6)),
        (0x1fff_ffff, 0x2000_0000, Ordering::Greater, Some(0)),
        (u64::from(u32::MAX), 0, Ordering::Less, Some(0)),
    ] {
        let trapdoor = Federated::question(&asker, &range(bound, None)).unwrap();
        let right = encrypt(&key, &number(entry), 1);
        let lower = Some(Comparison { order, first });
        assert_eq!(seen(&trapdoor, &path, &space.shape(), &right), Some(Seen::Range { lower, upper: None }));
        let trapdoor = Federated::question(&asker, &range(None, bound)).unwrap();
        let upper = Some(Comparison { order, first });
        assert_eq!(seen(&trapdoor, &path, &space.shape(), &right), Some(Seen::Range { lower: None, upper }));
        // Nothing of providers that it does not name, nor of what is no entry.
        assert_eq!(seen(&trapdoor, &others, &space.shape(), &right), None);
        assert_eq!(seen(&trapdoor, &path, &space.shape(), &right[1..]), None);
    }
}

#[test]
fn points_are_found_by_tag_or_as_ranges_of_one() {
    let path = path(1);
    for queries in [Queries::Points, Queries::Ranges, Queries::RangesAndPoints] {
        let space = space_of("pulse", INTEGER(32), queries);
        let (key, asker) = (writer(&space, &path), asker(&space, from_ref(&path)));
        let values = [5, 6, 5, 0, u32::MAX.into()];
        let scan = scan(&key, &values.map(number));
        assert_eq!(found(&scan, &path, &asker, &point(number(5))), [0, 2]);
        assert!(found(&scan, &path, &asker, &point(number(7))).is_empty());
        assert_eq!(Federated::question(&asker, &point(number(1 << 32))), Err(TrapdoorError::Value));
        assert_eq!(Federated::question(&asker, &point(code("5"))), Err(TrapdoorError::Value));
        assert_eq!(Federated::question(&asker, &prefix("5")), Err(TrapdoorError::Query));
        assert_eq!(Federated::question(&asker, &Query(Ask::Top(End::Smallest, 1))), Err(TrapdoorError::Query));
        let asked = Federated::question(&asker, &range(5, 6));
        if queries.ranges() {
            assert_eq!(found(&scan, &path, &asker, &range(5, 6)), [0, 1, 2]);
            assert_eq!(Federated::question(&asker, &range(1 << 32, None)), Err(TrapdoorError::Value));
            assert_eq!(Federated::question(&asker, &range(None, 1 << 32)), Err(TrapdoorError::Value));
        } else {
            assert_eq!(asked, Err(TrapdoorError::Query));
        }
        let bytes = encrypt(&key, &number(5), 1);
        let lost = (queries == Queries::Points).then_some(DecryptError::Tags);
        assert_eq!(key.decrypt(&bytes).err(), lost);
        assert_eq!(key.reencrypt(&key, &bytes, &mut TestRng::Dead, &mut Vec::new()).is_ok(), lost.is_none());
    }
}

#[test]
fn codes_are_found_whole_and_by_prefixes_of_the_lengths_of_the_encoder() {
    let (space, path) = (space_of("icd", codes(), Queries::Points), path(1));
    let (key, asker) = (writer(&space, &path), asker(&space, from_ref(&path)));
    assert_eq!(Right::len(&space.shape()), 16 + 4 * 8);
    let scan = scan(&key, &["E", "E11", "E11.9", "E11.91", "F11", "", "E1"].map(code));
    for (text, expected) in [("E", &[0, 1, 2, 3, 6][..]), ("E11", &[1, 2, 3]), ("E11.9", &[2, 3]), ("F", &[4])] {
        assert_eq!(found(&scan, &path, &asker, &prefix(text)), expected, "{text}");
    }
    for (text, expected) in [("E", 0), ("E11", 1), ("E11.9", 2), ("E11.91", 3), ("", 5), ("E1", 6)] {
        assert_eq!(found(&scan, &path, &asker, &point(code(text))), [expected], "{text}");
    }
    for text in ["", "E1", "E11.", "E11.91"] {
        assert_eq!(Federated::question(&asker, &prefix(text)), Err(TrapdoorError::Query));
    }
    assert_eq!(Federated::question(&asker, &range(1, 2)), Err(TrapdoorError::Query));
    assert_eq!(Federated::question(&asker, &point(number(1))), Err(TrapdoorError::Value));
    let long = core::str::from_utf8(&[b'a'; 65]).unwrap();
    assert_eq!(Federated::question(&asker, &point(code(long))), Err(TrapdoorError::Value));
    assert!(Federated::question(&asker, &point(code(&long[1..]))).is_ok());
    let mut out = Vec::new();
    assert_eq!(Federated::encrypt(&key, &code(long), &mut TestRng::Dead, &mut out), Err(EncryptError::Value));
    assert_eq!(Federated::encrypt(&key, &number(1), &mut TestRng::Dead, &mut out), Err(EncryptError::Value));
    assert!(out.is_empty());
    assert_eq!(key.decrypt(&encrypt(&key, &code("E"), 1)), Err(DecryptError::Tags));
    // No two tags of an entry are the same, whether the code is long enough or not.
    let bytes = encrypt(&key, &code("E"), 1);
    let mut tags: Vec<_> = Parts::read(&space.shape(), &bytes).unwrap().tags().collect();
    tags.sort_unstable();
    tags.dedup();
    assert_eq!(tags.len(), 4);
}

#[test]
fn nothing_is_found_with_keys_of_others() {
    let (space, hospital) = (space(32), path(1));
    let ward = hospital.child(step(2, 0)).unwrap();
    let (other, later) = (path(3), Path::new(step(1, 1)));
    let everybody = [hospital.clone(), ward.clone(), other.clone(), later.clone()];
    let elsewhere = space_of("weight", INTEGER(32), Queries::Ranges);
    let entries: Vec<_> = everybody.iter().map(|path| encrypt(&writer(&space, path), &number(77), 1)).collect();
    for (i, path) in everybody.iter().enumerate() {
        let key = asker(&space, from_ref(path));
        let trapdoor = Federated::question(&key, &range(77, 77)).unwrap();
        for (j, bytes) in entries.iter().enumerate() {
            let mut scan = Scan::new(&space);
            scan.insert(0, 0, bytes).unwrap();
            // The token is for one path, and it tells nothing where somebody files another's entry under that path.
            assert_eq!(scan.query(from_ref(path), &trapdoor).entries, if i == j { vec![0] } else { vec![] });
            assert_eq!(scan.query(&[everybody[j].clone()], &trapdoor).entries, if i == j { vec![0] } else { vec![] });
            let read = [key.decrypt(path, bytes), writer(&space, path).decrypt(bytes)];
            for read in read {
                assert_eq!(read.map(|n| *n), if i == j { Ok(77) } else { Err(DecryptError::Key) });
            }
            if i != j {
                assert_eq!(key.decrypt(&everybody[j], bytes), Err(DecryptError::Key));
            }
        }
        // Another attribute.
        let key = asker(&elsewhere, from_ref(path));
        assert_eq!(key.decrypt(path, &entries[i]), Err(DecryptError::Key));
        let mut scan = Scan::new(&space);
        scan.insert(0, 0, &entries[i]).unwrap();
        assert!(scan.query(from_ref(path), &Federated::question(&key, &range(77, 77)).unwrap()).entries.is_empty());
    }
}

#[test]
fn who_is_above_has_the_keys_of_who_is_below() {
    let space = space(32);
    let mut key = writer(&space, &path(1));
    for depth in 2..=4 {
        let child = step(depth, u32::from(depth));
        let path = key.path().child(child).unwrap();
        key = Federated::child_key(&key, child).unwrap();
        assert_eq!(Federated::writer(&key), (&space, &path));
        let same = writer(&space, &path);
        assert_eq!(key.to_secret_bytes(), same.to_secret_bytes());
        assert_eq!(*key.decrypt(&encrypt(&same, &number(depth.into()), 1)).unwrap(), u64::from(depth));
    }
    assert_eq!(Federated::child_key(&key, step(5, 0)).err(), Some(PathError::Depth));
}

#[test]
fn a_data_key_is_no_chain_key() {
    let (space, path) = (space(32), path(1));
    let (writes, asks) = (writer(&space, &path), asker(&space, from_ref(&path)));
    let chain = writes.to_secret_bytes();
    assert_ne!(chain[chain.len() - 32..], asks.keys()[0].1[..]);
    assert_eq!(writes.data(), &*asks.keys()[0].1);
}

#[test]
fn permutations_are_permutations_and_about_uniform() {
    let blocks = Blocks::new(&[5; 32]);
    let mut counts = [[0_u32; SLOTS]; SLOTS];
    let mut seen = std::collections::BTreeSet::new();
    for (index, prefix) in (1..=4).flat_map(|index| (0..400).map(move |prefix| (index, prefix))) {
        let permutation = blocks.permutation(index, prefix, &mut prf::Scratch::new());
        let slots = permutation.slots();
        let mut sorted = slots;
        sorted.sort_unstable();
        assert_eq!(sorted, core::array::from_fn(|i| i as u8));
        for (value, slot) in slots.into_iter().enumerate() {
            counts[value][usize::from(slot)] += 1;
            assert_eq!(permutation.slot(value as u8), slot);
            assert_eq!(permutation.value(permutation.word(value as u8)), value as u8);
        }
        seen.insert(slots);
    }
    assert_eq!(seen.len(), 1600);
    // 100 expected; the standard deviation is below 10.
    assert!(counts.iter().flatten().all(|count| (50..150).contains(count)), "{counts:?}");
}

#[test]
fn a_slot_of_three_is_refused() {
    let (space, path) = (space(32), path(1));
    let bytes = encrypt(&writer(&space, &path), &number(5), 1);
    let shape = space.shape();
    for slot in 0..128 {
        let mut bad = bytes.clone();
        bad[16 + slot / 4] |= 3 << (2 * (slot % 4));
        assert_eq!(Right::check(&shape, &bad), Err(DecodeError::Value), "{slot}");
    }
    assert_eq!(Right::check(&shape, &bytes[1..]), Err(DecodeError::Truncated));
    assert_eq!(Right::check(&shape, &[&bytes[..], &[0]].concat()), Err(DecodeError::TrailingBytes));
    assert_eq!(writer(&space, &path).decrypt(&bytes[1..]), Err(DecryptError::Form));
}

#[test]
fn every_changed_slot_is_noticed_by_who_reads() {
    let space = space_of("pulse", INTEGER(8), Queries::RangesAndPoints);
    let key = writer(&space, &path(1));
    let bytes = encrypt(&key, &number(0x5a), 1);
    for byte in 16..bytes.len() {
        for other in 1..=255 {
            let mut bad = bytes.clone();
            bad[byte] ^= other;
            if Right::check(&space.shape(), &bad).is_ok() {
                assert_eq!(key.decrypt(&bad), Err(DecryptError::Key), "{byte} {other}");
            }
        }
    }
}

#[test]
fn values_that_do_not_fit_and_a_generator_that_fails() {
    for bits in [4, 32, 60] {
        let key = writer(&space(bits), &path(1));
        let mut out = vec![1, 2];
        let too_big = number(max(bits) + 1);
        assert_eq!(Federated::encrypt(&key, &too_big, &mut TestRng::Dead, &mut out), Err(EncryptError::Value));
        assert_eq!(Federated::encrypt(&key, &code("a"), &mut TestRng::Dead, &mut out), Err(EncryptError::Value));
        assert_eq!(Federated::encrypt(&key, &number(1), &mut TestRng::Failing, &mut out), Err(EncryptError::Rng));
        assert_eq!(out, [1, 2]);
        assert_eq!(Federated::encrypt(&key, &number(max(bits)), &mut TestRng::Dead, &mut out), Ok(()));
        assert_eq!(out[..2], [1, 2]);
    }
}

#[test]
fn a_dead_generator_repeats_a_nonce_only_for_the_same_value_and_key() {
    let nonce = |key: &WriteKey, value: u64| {
        let mut out = Vec::new();
        Federated::encrypt(key, &number(value), &mut TestRng::Dead, &mut out).unwrap();
        out[..16].to_vec()
    };
    let (a, b) = (writer(&space(32), &path(1)), writer(&space(32), &path(2)));
    assert_eq!(nonce(&a, 1), nonce(&a, 1));
    assert_ne!(nonce(&a, 1), nonce(&a, 2));
    assert_ne!(nonce(&a, 1), nonce(&b, 1));
    // And a working one is used.
    assert_ne!(encrypt(&a, &number(1), 1)[..16], encrypt(&a, &number(1), 2)[..16]);
}

#[test]
fn a_next_generation_takes_the_numbers_over() {
    let space = space_of("pulse", INTEGER(32), Queries::RangesAndPoints);
    let (old, new) = (writer(&space, &path(1)), writer(&space, &Path::new(step(1, 1))));
    let (rng, mut out) = (&mut TestRng::Counter(1), vec![3]);
    let bytes = encrypt(&old, &number(0xdead_beef), 1);
    old.reencrypt(&new, &bytes, rng, &mut out).unwrap();
    assert_eq!((out[0], new.decrypt(&out[1..]).map(|n| *n)), (3, Ok(0xdead_beef)));
    assert_eq!(old.decrypt(&out[1..]), Err(DecryptError::Key));
    let before = out.clone();
    let elsewhere = writer(&self::space(32), &path(1));
    assert_eq!(old.reencrypt(&elsewhere, &bytes, rng, &mut out), Err(ReencryptError::Space));
    let wrong = Err(ReencryptError::Decrypt(DecryptError::Key));
    assert_eq!(new.reencrypt(&old, &bytes, rng, &mut out), wrong);
    let failed = Err(ReencryptError::Encrypt(EncryptError::Rng));
    assert_eq!(old.reencrypt(&new, &bytes, &mut TestRng::Failing, &mut out), failed);
    assert_eq!(out, before);
}

#[derive(Clone, Debug)]
enum Change {
    Insert(u32, u8, u16),
    Remove(u32),
}

fn steps() -> impl Strategy<Value = Vec<Change>> {
    let insert = (0..24_u32, 0..3_u8, any::<u16>()).prop_map(|(entry, provider, v)| Change::Insert(entry, provider, v));
    prop::collection::vec(prop_oneof![3 => insert, 1 => (0..24_u32).prop_map(Change::Remove)], 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_store_does_what_a_map_does(steps in steps(), lower: u16, upper: u16, asked in 1..8_u8) {
        let space = space_of("pulse", INTEGER(16), Queries::RangesAndPoints);
        let paths = [path(1), path(2), path(3)];
        let keys = paths.each_ref().map(|path| writer(&space, path));
        let (mut scan, mut model) = (Scan::new(&space), std::collections::BTreeMap::new());
        for (seed, step) in (0..).zip(steps) {
            match step {
                Change::Insert(entry, provider, value) => {
                    let bytes = encrypt(&keys[usize::from(provider)], &number(value.into()), seed);
                    scan.insert(entry, provider.into(), &bytes).unwrap();
                    model.insert(entry, (provider, value, bytes));
                }
                Change::Remove(entry) => {
                    scan.remove(entry);
                    model.remove(&entry);
                }
            }
        }
        for entry in 0..30 {
            let mut out = Vec::new();
            scan.get(entry, &mut out);
            prop_assert_eq!(&out, &model.get(&entry).map(|(_, _, bytes)| bytes.clone()).unwrap_or_default());
        }
        let scope: Vec<_> = (0..3).filter(|i| asked >> i & 1 == 1).map(|i| paths[i].clone()).collect();
        let (lower, upper) = (lower.min(upper), lower.max(upper));
        let some = model.values().next().map_or(lower, |(_, value, _)| *value);
        let key = asker(&space, &scope);
        for (query, first, last) in [
            (range(u64::from(lower), u64::from(upper)), lower, upper),
            (point(number(some.into())), some, some),
        ] {
            let mut found = scan.query(&paths, &Federated::question(&key, &query).unwrap()).entries;
            found.sort_unstable();
            let is = |(provider, value, _): &(u8, u16, Vec<u8>)| asked >> provider & 1 == 1 && (first..=last).contains(value);
            let expected: Vec<_> = model.iter().filter(|(_, entry)| is(entry)).map(|(entry, _)| *entry).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
