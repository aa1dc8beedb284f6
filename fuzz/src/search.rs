//! Search: its decoders, its two stores against lists of what is in them, and columns on their way through batches,
//! removals and bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use rand_core::TryRng;
use sesphr::context::{Partition, RecordId, Timestamp, Validity};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::hazmat::search::{number, point, range};
use sesphr::hazmat::search_ordered::{digests, trapdoor};
use sesphr::identity::{Signed, SigningKey};
use sesphr::kem::OwnerRoot;
use sesphr::search::federated::{self, Right, Scan};
use sesphr::search::ordered::{self, Digests, Points, Switch, SwitchKey, SwitchRotation, Switched, Switcher, compare};
use sesphr::search::{
    Answer, Attribute, Batch, BatchHead, Column, Draft, Encoder, End, Evidence, Federated, Form, Found, Gate,
    InsertError, Match, Ordered, Path, Queries, Registrar, Roster, Rosters, Search, SearchRoot, Space, Step, Store,
    Token,
};
use sesphr::sharing::{SearchGrant, SearchKey};

use super::{Toy, bytes, identity};

mod seeds;
pub use seeds::seeds;

pub fn decode_search(data: &[u8]) {
    family!(
        data,
        Space<Federated>,
        Space<Ordered>,
        Roster,
        Signed<Roster>,
        BatchHead,
        Signed<BatchHead>,
        Batch<Federated, Right>,
        Batch<Ordered, Points>,
        Batch<Ordered, Digests>,
        Evidence<Federated, Right>,
        Evidence<Ordered, Digests>,
        Token<Federated, federated::Trapdoor>,
        Signed<Token<Federated, federated::Trapdoor>>,
        Token<Ordered, ordered::Question>,
        Signed<Token<Ordered, ordered::Question>>,
        Token<Ordered, ordered::Trapdoor>,
        Signed<Token<Ordered, ordered::Trapdoor>>,
        Answer,
        Column<Federated>,
        Column<Ordered>,
        Registrar<Federated>,
        Registrar<Ordered>,
        federated::WriteKey,
        federated::QueryKey,
        ordered::WriteKey,
        ordered::QueryKey,
        ordered::SwitchTerms,
        Signed<ordered::SwitchTerms>,
        SwitchKey,
        Switch,
        ordered::SwitchRotationTerms,
        Signed<ordered::SwitchRotationTerms>,
        SwitchRotation,
        SearchKey,
        SearchGrant,
        Signed<SearchGrant>,
    );
    if let Ok(batch) = Batch::<Ordered, Digests>::from_bytes(data) {
        assert_eq!(batch.entries().len(), batch.head().unverified().count() as usize);
    }
    if let Ok(answer) = Answer::from_bytes(data) {
        assert_eq!(answer.by_provider().values().map(Vec::len).sum::<usize>(), answer.matches().len());
    }
}

const NOW: Timestamp = Timestamp(15);
const END: Timestamp = Timestamp(20);
/// Providers, all directly below the owner.
const PROVIDERS: u8 = 3;
/// Who asks.
const USER: u8 = 9;

fn party(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn step(seed: u8) -> Step {
    Step { party: party(seed).id(), generation: 0 }
}

fn paths() -> Vec<Path> {
    (1..=PROVIDERS).map(|seed| Path::new(step(seed))).collect()
}

/// Those of a mask; all of an empty one.
fn scope(mask: u8) -> Vec<Path> {
    let all = paths();
    let some: Vec<_> =
        all.iter().zip(0..).filter(|(_, at)| mask >> at & 1 == 1).map(|(path, _)| path.clone()).collect();
    if some.is_empty() { all } else { some }
}

fn owner() -> (SigningKey, SearchRoot) {
    let root = OwnerRoot::try_generate(&mut Toy(21)).unwrap();
    (root.signing_key(), SearchRoot::new(&root))
}

fn attribute() -> Attribute {
    Attribute::new("pulse").unwrap()
}

/// The keys of the federated mode, made once: of the providers, and to ask for each set of them.
struct Keys {
    space: Space<Federated>,
    write: Vec<federated::WriteKey>,
    query: Vec<federated::QueryKey>,
}

impl Keys {
    fn get() -> &'static Self {
        static KEYS: OnceLock<Keys> = OnceLock::new();
        KEYS.get_or_init(|| {
            let (owner, root) = owner();
            let encoder = Encoder::integer(12).unwrap();
            let space =
                Space::new(owner.id(), Partition::MEDICAL, attribute(), encoder, Queries::RangesAndPoints).unwrap();
            let write = paths().iter().map(|path| Federated::write_key(&root, &space, path)).collect();
            let query = |mask| Federated::query_key(&root, &space, step(USER), &scope(mask)).unwrap();
            Self { write, query: (0..1 << PROVIDERS).map(query).collect(), space }
        })
    }
}

/// Four bytes are a step: what, where, and a number. Entries that a provider made are found as a list says; bytes of
/// nobody's change nothing of it.
pub fn search_federated(data: &[u8]) {
    let (keys, shape) = (Keys::get(), Keys::get().space.shape());
    let (mut scan, mut rng) = (<Scan as Store<Federated>>::new(&keys.space), Toy(22));
    // Of each entry: whose, its number if somebody made it, and its bytes.
    let mut list = BTreeMap::<u32, (u8, Option<u64>, Vec<u8>)>::new();
    for step in data.chunks_exact(4).take(64) {
        let (provider, entry) = (step[0] >> 3 & 3, u32::from(step[1] & 31));
        let provider = provider % PROVIDERS;
        let value = u64::from(u16::from_be_bytes([step[2], step[3]]) & 0xfff);
        match step[0] % 8 {
            kind @ 0..=3 => {
                let (key, mut entry_bytes) = (&keys.write[usize::from(provider)], Vec::new());
                Federated::encrypt(key, &number(value), &mut rng, &mut entry_bytes).unwrap();
                assert_eq!(key.decrypt(&entry_bytes).as_deref(), Ok(&value));
                if kind == 3 {
                    let at = usize::from(step[1]) % entry_bytes.len();
                    entry_bytes[at] ^= step[0] | 1;
                }
                assert!(kind == 3 || Right::check(&shape, &entry_bytes).is_ok());
                if Right::check(&shape, &entry_bytes).is_ok() {
                    scan.insert(entry, provider.into(), &entry_bytes).unwrap();
                    list.insert(entry, (provider, (kind != 3).then_some(value), entry_bytes));
                }
            }
            4 => {
                scan.remove(entry);
                list.remove(&entry);
            }
            kind => {
                let mask = step[0] >> 3 & 7;
                let key = &keys.query[usize::from(mask)];
                let other = u64::from(step[1]) << 4;
                let (lower, upper) = match kind {
                    5 => (Some(value.min(other)), Some(value.max(other))),
                    6 if step[1] & 1 == 0 => (Some(value), None),
                    6 => (None, Some(value)),
                    _ => (Some(value), Some(value)),
                };
                let query = if kind == 7 { point(number(value)) } else { range(lower, upper) };
                let trapdoor = Federated::question(key, &query).unwrap();
                let asked: BTreeSet<_> = key.scope().cloned().collect();
                let found: BTreeSet<_> = scan.query(&paths(), &trapdoor).entries.into_iter().collect();
                for (entry, (provider, number, _)) in &list {
                    let asked = asked.contains(&paths()[usize::from(*provider)]);
                    let within = |number: u64| lower.is_none_or(|l| l <= number) && upper.is_none_or(|u| number <= u);
                    if let Some(number) = number {
                        assert_eq!(found.contains(entry), asked && within(*number));
                    }
                    assert!(asked || !found.contains(entry));
                }
                assert!(found.iter().all(|entry| list.contains_key(entry)));
            }
        }
    }
    for entry in 0..32 {
        let mut out = Vec::new();
        scan.get(entry, &mut out);
        assert!(out == list.get(&entry).map(|(.., bytes)| bytes.clone()).unwrap_or_default());
    }
}

/// A value in the trie.
struct Placed {
    provider: u8,
    /// Of those that keep to the scheme.
    number: Option<u64>,
    bytes: Vec<u8>,
}

fn small_space() -> Space<Ordered> {
    Ordered::forced_space(owner().0.id(), Partition::MEDICAL, attribute(), Encoder::integer(8).unwrap()).unwrap()
}

const KEY: &[u8] = b"the key";

/// Four bytes are a step: what, where, and two numbers. Values of one key stand in order and are found as in a sorted list;
/// among values of others nothing is ever out of order.
pub fn search_ordered(data: &[u8]) {
    let space = small_space();
    let (sid, shape) = (space.id(), space.shape());
    let mut trie = <ordered::Trie as Store<Ordered>>::new(&space);
    let mut list = BTreeMap::<u32, Placed>::new();
    for step in data.chunks_exact(4).take(64) {
        let (provider, entry) = (step[0] >> 3 & 3, u32::from(step[1] & 31));
        let provider = provider % PROVIDERS;
        let (a, b) = (u64::from(step[2]), u64::from(step[3]));
        let made = |number: u64| digests(&sid, &shape, number, KEY);
        match step[0] % 8 {
            kind @ 0..=4 => {
                let (mut value, honest) = (made(a), kind < 3);
                let len = value.len();
                match kind {
                    // Two values, of one key or of two, one behind the other; then one with a byte changed.
                    3 => {
                        let cut = (usize::from(step[1]) >> 3) % len;
                        let key = if step[0] >> 7 == 0 { KEY } else { b"another key" };
                        value[cut..].copy_from_slice(&digests(&sid, &shape, b, key)[cut..]);
                    }
                    4 => value[usize::from(step[3]) % len] ^= step[1] | 1,
                    _ => {}
                }
                if Digests::check(&shape, &value).is_err() {
                    continue;
                }
                // Others contradict nobody.
                let own = |placed: &&Placed| placed.provider == provider;
                let all_honest = list.values().filter(own).all(|placed| placed.number.is_some());
                match trie.insert(entry, provider.into(), &value) {
                    Ok(()) => {
                        let number = honest.then_some(a);
                        let placed = Placed { provider, number, bytes: value };
                        assert!(list.insert(entry, placed).is_none());
                    }
                    Err(conflict) if list.contains_key(&entry) => assert_eq!(conflict.against, [entry]),
                    Err(conflict) => {
                        assert!(!(honest && all_honest), "a value that keeps to the scheme is refused");
                        assert!(!conflict.against.is_empty());
                        assert!(conflict.against.iter().all(|other| list[other].provider == provider));
                    }
                }
            }
            5 => {
                trie.remove(entry);
                list.remove(&entry);
            }
            kind => {
                let (lower, upper) = match step[1] & 3 {
                    0 => (None, None),
                    1 => (Some(a), None),
                    2 => (None, Some(a)),
                    _ => (Some(a.min(b)), Some(a.max(b))),
                };
                let end = if kind == 6 { End::Smallest } else { End::Greatest };
                let limit = if step[1] & 4 == 0 { u32::MAX } else { u32::from(step[1] >> 3) };
                let scope = scope(step[0] >> 3 & 7);
                let asked = trapdoor(lower.map(made), upper.map(made), end, limit, &scope);
                let Found { entries: found, in_order: ordered } = trie.query(&paths(), &asked);
                let within = |number: u64| lower.is_none_or(|l| l <= number) && upper.is_none_or(|u| number <= u);
                let inside = |placed: &Placed| scope.contains(&paths()[usize::from(placed.provider)]);
                assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), found.len());
                assert!(found.iter().all(|entry| inside(&list[entry])));
                assert!(found.iter().filter_map(|entry| list[entry].number).all(within));
                // A range is in order for each provider, the first of all over all of them.
                if limit == u32::MAX {
                    assert_eq!(ordered, 0);
                    each_in_order(&list, &found, end);
                } else {
                    assert!(ordered <= limit as usize);
                    in_order(&list, &found[..ordered], end);
                }
                // Whoever lies hides nothing of others.
                let lies: BTreeSet<_> = list.values().filter(|p| p.number.is_none()).map(|p| p.provider).collect();
                let number = |placed: &Placed| placed.number.filter(|_| !lies.contains(&placed.provider));
                let honest = list.values().filter(|placed| inside(placed));
                let mut expected: Vec<_> = honest.filter_map(number).filter(|n| within(*n)).collect();
                expected.sort_unstable();
                let mut numbers: Vec<_> = found.iter().filter_map(|entry| number(&list[entry])).collect();
                if limit == u32::MAX {
                    numbers.sort_unstable();
                    assert_eq!(numbers, expected);
                } else if lies.is_empty() {
                    if end == End::Greatest {
                        expected.reverse();
                    }
                    expected.truncate(limit as usize);
                    assert_eq!((numbers, ordered), (expected, found.len()));
                }
            }
        }
    }
    for end in [End::Smallest, End::Greatest] {
        let all = trie.query(&paths(), &trapdoor(None, None, end, u32::MAX, &paths())).entries;
        assert_eq!(all.len(), list.len());
        each_in_order(&list, &all, end);
        let Found { entries, in_order: ordered } = trie.query(&paths(), &trapdoor(None, None, end, 1000, &paths()));
        assert_eq!(entries.len(), list.len());
        in_order(&list, &entries[..ordered], end);
        assert_eq!(trie.contradicting(&paths()).len(), list.len() - ordered);
    }
    for (entry, placed) in &list {
        let mut out = Vec::new();
        trie.get(*entry, &mut out);
        assert!(out == placed.bytes);
    }
}

/// Those of each provider.
fn each_in_order(list: &BTreeMap<u32, Placed>, found: &[u32], end: End) {
    for provider in 0..PROVIDERS {
        let of: Vec<_> = found.iter().copied().filter(|entry| list[entry].provider == provider).collect();
        in_order(list, &of, end);
    }
}

/// No two of them are the wrong way round.
fn in_order(list: &BTreeMap<u32, Placed>, found: &[u32], end: End) {
    for (i, first) in found.iter().enumerate() {
        for second in &found[i + 1..] {
            let order = compare(&list[first].bytes, &list[second].bytes).unwrap();
            assert!(if end == End::Smallest { order.is_le() } else { order.is_ge() });
        }
    }
}

/// What providers write into a column, in a mode.
trait Uploads: Search {
    fn world() -> &'static World<Self>;
    fn stored(world: &World<Self>, batch: Batch<Self, Self::Upload>) -> Batch<Self, Self::Stored>;
}

struct World<M: Search> {
    space: Space<M>,
    keys: Vec<M::WriteKey>,
    /// Keys that the owner did not make.
    others: Vec<M::WriteKey>,
    switcher: Option<Switcher>,
    empty: Vec<u8>,
}

impl<M: Search> World<M> {
    fn new(space: Space<M>, gate: impl FnOnce(&Registrar<M>, &Signed<Roster>) -> (M::Gate, Option<Switcher>)) -> Self
    where
        Column<M>: Encoding,
    {
        let (owner, root) = owner();
        let mut registrar = Registrar::new(space.clone());
        (1..=PROVIDERS).for_each(|seed| drop(registrar.enroll(party(seed).id()).unwrap()));
        let roster = registrar.roster(Validity::new(Timestamp(10), END).unwrap(), &owner).unwrap();
        let (gate, switcher) = gate(&registrar, &roster);
        let keys: Vec<_> = paths().iter().map(|path| M::write_key(&root, &space, path)).collect();
        let other = |key: &M::WriteKey| {
            let mut bytes = key.to_secret_bytes();
            let at = bytes.len() - 32;
            bytes[at] ^= 1;
            M::WriteKey::from_bytes(&bytes).unwrap()
        };
        let others = keys.iter().map(other).collect();
        Self { others, keys, switcher, empty: Column::new(space.clone(), gate).to_bytes(), space }
    }
}

impl Uploads for Federated {
    fn world() -> &'static World<Self> {
        static WORLD: OnceLock<World<Federated>> = OnceLock::new();
        WORLD.get_or_init(|| {
            let encoder = Encoder::integer(8).unwrap();
            let owner = owner().0.id();
            let space = Space::new(owner, Partition::MEDICAL, attribute(), encoder, Queries::RangesAndPoints).unwrap();
            World::new(space.clone(), |_, roster| {
                let mut rosters = Rosters::new(&space);
                rosters.update(roster, NOW).unwrap();
                (rosters, None)
            })
        })
    }

    fn stored(_: &World<Self>, batch: Batch<Self, Right>) -> Batch<Self, Right> {
        batch
    }
}

impl Uploads for Ordered {
    fn world() -> &'static World<Self> {
        static WORLD: OnceLock<World<Ordered>> = OnceLock::new();
        WORLD.get_or_init(|| {
            let encoder = Encoder::integer(4).unwrap();
            let (owner, root) = owner();
            let space = Ordered::forced_space(owner.id(), Partition::MEDICAL, attribute(), encoder).unwrap();
            World::new(space.clone(), |_, roster| {
                let (mut switch, mut switcher) = (Switch::new(&space, 0), Switcher::new(party(99)));
                for path in paths() {
                    let key = SwitchKey::provider(&root, &space, &path, &owner).unwrap();
                    switch.add(&key.verify(&owner.id()).unwrap()).unwrap();
                }
                switcher.serve(switch);
                switcher.rosters_mut(&space.id()).unwrap().update(roster, NOW).unwrap();
                let mut gate = Switched::new(&space, switcher.id(), 0);
                gate.rosters_mut().update(roster, NOW).unwrap();
                (gate, Some(switcher))
            })
        })
    }

    fn stored(world: &World<Self>, batch: Batch<Self, Points>) -> Batch<Self, Digests> {
        world.switcher.as_ref().unwrap().switch(&batch, NOW).unwrap()
    }
}

/// The first byte says which mode; two bytes are a step. Whatever providers write and remove, nothing is lost, and a column
/// that was written down is the column.
pub fn search_column(data: &[u8]) {
    match data.split_first() {
        Some((0..=127, steps)) => column::<Federated>(steps),
        Some((_, steps)) => column::<Ordered>(steps),
        None => {}
    }
}

fn column<M: Uploads>(data: &[u8])
where
    Column<M>: Encoding,
{
    let world = M::world();
    let mut column = Column::<M>::from_bytes(&world.empty).unwrap();
    // Provider, record and number of everything that is somewhere.
    let mut list = Vec::<(usize, u8)>::new();
    let (mut sequence, mut last) = (0, None);
    for step in data.chunks_exact(2).take(16) {
        let (provider, record) = (usize::from(step[0] >> 3 & 3) % usize::from(PROVIDERS), step[1] >> 4 & 3);
        let id = |record: u8| RecordId::from_array([record; 16]);
        match step[0] % 8 {
            kind @ 0..=4 => {
                let key = if kind == 3 { &world.others[provider] } else { &world.keys[provider] };
                let mut draft = Draft::<M>::new(key);
                let before = list.len();
                if kind == 2 || kind == 4 {
                    draft.remove(id(record));
                    list.retain(|one| *one != (provider, record));
                }
                let removed = before - list.len();
                if kind != 4 {
                    let value = u64::from(step[1] & 15);
                    draft.add(id(record), &number(value), &mut Toy(23)).unwrap();
                    list.push((provider, record));
                    if step[0] >> 7 == 1 {
                        draft.add(id(record ^ 1), &number(value / 2), &mut Toy(24)).unwrap();
                        list.push((provider, record ^ 1));
                    }
                }
                sequence += 1;
                let added = list.len() + removed - before;
                let batch = M::stored(world, draft.sign(sequence, &party(provider as u8 + 1)).unwrap());
                let inserted = column.insert(&batch, NOW).unwrap();
                assert_eq!((inserted.added + inserted.quarantined) as usize, added);
                assert_eq!(inserted.removed as usize, removed);
                last = Some(batch);
            }
            5 => {
                let before = list.len();
                list.retain(|(of, _)| *of != provider);
                let gone = column.remove_where(|path| *path == paths()[provider]);
                assert_eq!(gone as usize, before - list.len());
            }
            6 => column = again(&column),
            _ => {
                let before = bytes(&column);
                if let Some(batch) = &last {
                    assert_eq!(column.insert(batch, NOW), Err(InsertError::Replayed));
                }
                assert!(bytes(&column) == before);
            }
        }
        let aside = column.quarantine().count();
        assert_eq!(column.len() + aside, list.len());
        assert_eq!(column.counts().values().sum::<usize>(), column.len());
        assert!(aside == 0 || M::MODE == Ordered::MODE);
    }
    again(&column);
    // What is found is shown to be its provider's.
    let mut shown = 0;
    for (path, record) in paths().into_iter().flat_map(|path| (0..4).map(move |record| (path.clone(), record))) {
        let signer = column.gate().signer(&path);
        let found = Match { provider: path, record: RecordId::from_array([record; 16]) };
        for evidence in column.evidence(&found) {
            assert!(evidence.verify(&world.space, &signer).is_ok() && *evidence.provider() == found.provider);
            shown += 1;
        }
    }
    assert_eq!(shown, column.len());
}

fn again<M: Search>(column: &Column<M>) -> Column<M>
where
    Column<M>: Encoding,
{
    let bytes = bytes(column);
    identity::<Column<M>>(&bytes);
    let again = Column::<M>::from_bytes(&bytes).unwrap();
    assert!(again.len() == column.len() && again.counts() == column.counts());
    assert_eq!(again.quarantine().count(), column.quarantine().count());
    again
}
