//! The ordered mode: what a value takes until it stands in the index, and what the index takes to answer.

use std::hint::black_box;
use std::time::Instant;

use criterion::Criterion;
use rand_core::Rng;
use sesphr::context::Partition;
use sesphr::hazmat::search_ordered::{digests, trapdoor, value};
use sesphr::identity::{PartyId, SigningKey};
use sesphr::kem::OwnerRoot;
use sesphr::search::ordered::{Switch, SwitchKey, Trapdoor, Trie, WriteKey, compare};
use sesphr::search::{Attribute, Encoder, End, Ordered, Path, Queries, Search, SearchRoot, Space, Step, Store};

use crate::common::primitives::{Operation, Parts, Primitive, Turns};
use crate::common::report::{head, row, time};
use crate::common::rng;

/// The library that it computes with.
const ON: &str = "curve25519-dalek";

/// Entries of indexes.
const ENTRIES: [u32; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// Answers of the ranges that are asked for.
const ANSWERS: usize = 1000;

fn space(bits: u8) -> Space<Ordered> {
    let (owner, attribute) = (SigningKey::generate(&mut rng(80)).id(), Attribute::new("8480-6").unwrap());
    Space::new(owner, Partition::MEDICAL, attribute, Encoder::integer(bits).unwrap(), Queries::Ranges).unwrap()
}

/// A provider and a switcher that knows it, for values of 32 bits.
struct Setting {
    key: WriteKey,
    path: Path,
    switch: Switch,
    points: Vec<u8>,
    low: Vec<u8>,
    high: Vec<u8>,
}

impl Setting {
    fn new() -> Self {
        let owner = SigningKey::generate(&mut rng(80));
        let (root, space) = (SearchRoot::new(&OwnerRoot::generate(&mut rng(81))), space(32));
        let path = Path::new(Step { party: SigningKey::generate(&mut rng(82)).id(), generation: 0 });
        let mut switch = Switch::new(&space, 0);
        let switch_key = SwitchKey::provider(&root, &space, &path, &owner).unwrap();
        switch.add(&switch_key.verify(&owner.id()).unwrap()).unwrap();
        let key = Ordered::write_key(&root, &space, &path);
        let points = encrypt(&key, 0xdead_beee);
        // They differ in the last bit.
        let [low, high] = [0xdead_beee, 0xdead_beef].map(|number| {
            let mut out = Vec::new();
            switch.switch_value(&path, &encrypt(&key, number), &mut out).unwrap();
            out
        });
        Self { key, path, switch, points, low, high }
    }
}

fn encrypt(key: &WriteKey, number: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(2048);
    Ordered::encrypt(key, &value(number), &mut rng(83), &mut out).unwrap();
    out
}

fn operations(setting: &Setting) -> Vec<Operation<'_>> {
    use Primitive::{Hash, RDecode, REncodeOf, RMap, RMul};
    const ENCRYPT: Parts = &[(RMap, 64), (RMul, 64), (REncodeOf(64), 1)];
    const SWITCH: Parts = &[(RDecode, 64), (RMul, 64), (REncodeOf(64), 1), (Hash, 64)];
    let switch = || {
        let mut out = Vec::with_capacity(1024);
        setting.switch.switch_value(&setting.path, black_box(&setting.points), &mut out).unwrap();
        out
    };
    vec![
        Operation::new("encrypt, 32 bits", ENCRYPT, || encrypt(&setting.key, black_box(0xdead_beef))),
        Operation::new("switch, 32 bits", SWITCH, switch),
    ]
}

pub(crate) fn benches(c: &mut Criterion) {
    let setting = Setting::new();
    crate::common::primitives::benches("ordered", ON, c, &mut operations(&setting));
    c.bench_function("ordered/compare, 32 bits", |b| {
        b.iter(|| compare(black_box(&setting.low), black_box(&setting.high)).unwrap());
    });
}

/// An index of so many entries of numbers at random, of so many providers, and the numbers in order.
fn index(bits: u8, entries: u32, providers: u32) -> (Trie, Vec<u64>, f64) {
    let (space, rng) = (space(bits), &mut rng(84));
    let (sid, shape) = (space.id(), space.shape());
    let mut trie = Trie::new(&space);
    let (mut numbers, mut taken) = (Vec::new(), 0.0);
    // Some at a time: all digests at once would take more room than the index.
    let mut made = Vec::new();
    for first in (0..entries).step_by(1000) {
        made.clear();
        for _ in 0..1000 {
            let number = rng.next_u64() >> (64 - bits);
            numbers.push(number);
            made.push(digests(&sid, &shape, number, b"key"));
        }
        let start = Instant::now();
        for (entry, bytes) in (first..).zip(&made) {
            trie.insert(entry, entry % providers, bytes).unwrap();
        }
        taken += start.elapsed().as_secs_f64();
    }
    numbers.sort_unstable();
    (trie, numbers, taken / f64::from(entries))
}

pub(crate) fn tables() {
    let setting = Setting::new();
    crate::common::primitives::ratios("Ordered", ON, &mut operations(&setting));
    let nanoseconds = |f: &mut dyn FnMut()| Turns::new(f, &mut || ()).first * 1e9;
    let compared = nanoseconds(&mut || _ = black_box(compare(black_box(&setting.low), black_box(&setting.high))));
    let equal = nanoseconds(&mut || _ = black_box(compare(black_box(&setting.low), black_box(&setting.low))));
    println!("\nTo compare two values of 32 bits takes {compared:.0} ns, two that are equal {equal:.0} ns.");

    head(
        "Ordered indexes: a range of about 1,000 answers, the greatest, and how long an entry takes to insert",
        &["bits", "providers", "entries", "insert", "range", "answers", "10 greatest", "range of nothing"],
    );
    for (bits, providers) in [(16, 1), (16, 100), (24, 1), (24, 10), (24, 100), (32, 1), (32, 100)] {
        let space = space(bits);
        let made = |number| digests(&space.id(), &space.shape(), number, b"key");
        let paths: Vec<_> = (0..providers).map(path).collect();
        for entries in ENTRIES {
            let (trie, numbers, insert) = index(bits, entries, providers);
            let from = numbers.len() / 3;
            let [lower, upper] = [from, (from + ANSWERS - 1).min(numbers.len() - 1)].map(|at| numbers[at]);
            let token = |lower, upper, end, limit| trapdoor(lower, upper, end, limit, &paths);
            let range = token(Some(made(lower)), Some(made(upper)), End::Smallest, u32::MAX);
            let top = token(None, None, End::Greatest, 10);
            // The bounds are sought, and nothing is between them.
            let none = token(Some(made(upper)), Some(made(lower)), End::Smallest, u32::MAX);
            let ask = |token: &Trapdoor| trie.query(black_box(&paths), black_box(token));
            let taken = |token: &Trapdoor| time(Turns::new(&mut || _ = black_box(ask(token)), &mut || ()).first);
            let found = ask(&range).entries.len();
            row([
                bits.to_string(),
                providers.to_string(),
                entries.to_string(),
                time(insert),
                taken(&range),
                found.to_string(),
                taken(&top),
                taken(&none),
            ]);
        }
    }
}

fn path(number: u32) -> Path {
    let mut id = [7; 32];
    id[..4].copy_from_slice(&number.to_be_bytes());
    Path::new(Step { party: PartyId::from_array(id), generation: 0 })
}
