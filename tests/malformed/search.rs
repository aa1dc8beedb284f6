//! Search in both modes: what its parties send each other, keep, and hold secret.

use std::sync::Mutex;

use sesphr::context::Partition;
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::error::DecodeError;
use sesphr::hazmat::search::{number, range};
use sesphr::identity::Signed;
use sesphr::kapre::Kapre;
use sesphr::search::ordered::{Digests, Points, Switch, SwitchError, SwitchKey, SwitchRotation};
use sesphr::search::{
    Answer, Attribute, Batch, BatchHead, Column, Draft, Duty, Encoder, End, Evidence, Federated, Gate, MAX_BATCH,
    MAX_CLAUSES, MAX_SCOPE, Mode, Ordered, Path, Queries, Query, Registrar, Roster, Search, Space, Step, Token,
};
use sesphr::sharing::{SearchGrant, SearchKey, SharedSearch};

use super::common::rng;
use super::scene::{LESSER, NOW, Route, Scene, USER, party, record, validity};
use super::sharing::{World, at, user};
use super::{Layout, Public, Sample, statement, written};

/// Names of space, batch, token, evidence, column, registrar, key to write and key to ask with.
const NAMES: [[&str; 8]; 2] = [
    [
        "federated space",
        "batch of right ciphertexts",
        "token of left ciphertexts",
        "federated evidence",
        "federated column",
        "federated registrar",
        "federated write key",
        "federated query key",
    ],
    [
        "ordered space",
        "batch of points",
        "token of points",
        "ordered evidence",
        "ordered column",
        "ordered registrar",
        "ordered write key",
        "ordered query key",
    ],
];
/// The one whose keys are scalars of ristretto255, though its suite is the common one.
pub(super) const KEY: &str = "search key";

/// Length of a space: header, owner, “medical” and “pulse” with their lengths, encoder, queries.
const SPACE: usize = 4 + 32 + 4 + 7 + 4 + 5 + 2 + 1;
/// Behind the space, in a message that begins with it.
const AFTER: usize = 4 + SPACE;
/// Where the fields of a signed statement begin: behind header, key and header.
const SIGNED: usize = 4 + 32 + 4;
/// A party and a generation, and a path of one step.
const STEP: usize = 36;
const PATH: usize = 1 + STEP;
/// Space, the owner as no steps, version and validity.
const MEMBERS: usize = 4 + 32 + 1 + 8 + 16;
/// Space, provider, sequence, source and shape.
const REMOVED: usize = 4 + 32 + PATH + 8 + 32 + 2;
/// Behind a signed head without records to remove: count and root come last.
const SIGNED_HEAD: usize = SIGNED + 32 + PATH + 8 + 32 + 2 + 4 + 4 + 32 + 64;
/// Who asks, until when, nonce and source.
const CLAUSES: usize = SIGNED + 32 + 8 + 16 + 32;

/// Name of a sample, where its count is, and the bound.
pub(super) const COUNTS: [(&str, usize, u32); 9] = [
    ("federated query key", AFTER, MAX_SCOPE as u32),
    ("ordered query key", AFTER + STEP, MAX_SCOPE as u32),
    ("roster", MEMBERS, Roster::MAX_MEMBERS as u32),
    ("batch head", REMOVED, MAX_BATCH as u32),
    ("token of digests", CLAUSES, MAX_CLAUSES as u32),
    ("federated registrar", AFTER + 8 + 4, Roster::MAX_MEMBERS as u32),
    ("ordered registrar", AFTER + 8 + 4, Roster::MAX_MEMBERS as u32),
    ("terms of a switch key", SIGNED + 32 + 1 + STEP, MAX_SCOPE as u32),
    ("search grant", SIGNED + 32 + 8, 1 << 24),
];

/// What differs between the modes for who looks at a message.
trait Sampled: Route + SharedSearch {
    /// Whose the key is, if it says so.
    fn user(key: &Self::QueryKey) -> Option<Step>;
    /// Whether nobody takes what a provider uploads. `column` is one before.
    fn refuses(between: &Self::Between, column: &[u8], batch: &Batch<Self, Self::Upload>) -> bool;
}

impl Sampled for Federated {
    fn user(_: &Self::QueryKey) -> Option<Step> {
        None
    }

    fn refuses((): &(), column: &[u8], batch: &Batch<Self, Self::Upload>) -> bool {
        Column::<Self>::from_bytes(column).unwrap().insert(batch, NOW).is_err()
    }
}

impl Sampled for Ordered {
    fn user(key: &Self::QueryKey) -> Option<Step> {
        Some(key.user())
    }

    fn refuses(switcher: &Self::Between, _: &[u8], batch: &Batch<Self, Points>) -> bool {
        switcher.switch(batch, NOW).is_err()
    }
}

fn offsets<const N: usize>(at: [usize; N]) -> &'static [usize] {
    Box::leak(Box::new(at))
}

fn scene<M: Route>() -> Scene<M> {
    Scene::new("pulse", Encoder::integer(12).unwrap())
}

fn path(place: u8) -> Path {
    Scene::<Federated>::path(place)
}

pub(super) fn samples() -> Vec<Sample> {
    let mut samples = common();
    samples.extend(of_mode::<Federated>(NAMES[0]));
    samples.extend(of_mode::<Ordered>(NAMES[1]));
    samples.extend(switched());
    samples.extend(switch());
    samples.push(granted());
    samples
}

/// What is the same in both modes.
fn common() -> Vec<Sample> {
    let (mut scene, none) = (scene::<Federated>(), Layout::default());
    let owners = scene.registrar.roster(validity(), &scene.owner).unwrap();
    let members = [(path(121).last(), Duty::Writer), (path(11).last(), Duty::Former)];
    let providers = Roster::new(scene.space.id(), Some(path(12)), 1, validity(), members).unwrap();
    let roster = owners.unverified().clone();
    scene.write(2, &[(1, "5"), (2, "7")]);
    scene.write(11, &[(1, "6")]);
    let answer = scene.ask(USER, &Query::range(scene.space.encoder(), "0"..).unwrap());
    assert_eq!(answer.matches().len(), 3);
    let key = scene.key(2);
    let mut draft = Draft::<Federated>::new(&key);
    draft.remove(record(1)).remove(record(2));
    let head = draft.sign(9, &party(2)).unwrap().head().clone();
    let unsigned = head.unverified().clone();
    vec![
        Sample::public("roster", &roster.clone(), none, move |m: Roster| m != roster),
        statement("signed roster", &owners),
        statement("signed roster", &Signed::new(&party(12), providers)),
        Sample::public("batch head", &unsigned.clone(), none, move |m: BatchHead| m != unsigned),
        statement("signed batch head", &head),
        // Nobody signs it, and nothing is decided by it.
        Sample::public("answer", &answer.clone(), none, move |m: Answer| m != answer),
    ]
}

/// Whether a key to write is another than hospital 2 has: keys carry no proof, other bytes are other keys.
fn writes_otherwise<M: Sampled>(scene: &Scene<M>) -> impl Fn(&M::WriteKey) -> bool + Send + Sync + 'static {
    let entry = |key: &M::WriteKey| {
        let mut out = Vec::new();
        M::encrypt(key, &number(5), &mut rng(85), &mut out).unwrap();
        out
    };
    let (expected, space) = (entry(&scene.key(2)), scene.space.clone());
    move |key| M::writer(key) != (&space, &path(2)) || entry(key) != expected
}

/// Whether a key to ask with is another than the user has.
fn asks_otherwise<M: Sampled>(scene: &Scene<M>) -> impl Fn(&M::QueryKey) -> bool + Send + Sync + 'static {
    let (query, key) = (range(Some(5), None), user_key(scene));
    let (expected, space, user) = (M::question(&key, &query).unwrap(), scene.space.clone(), M::user(&key));
    move |key| {
        M::asker(key) != (&space, vec![path(2)])
            || M::user(key) != user
            || M::question(key, &query).as_ref() != Ok(&expected)
    }
}

fn user_key<M: Route>(scene: &Scene<M>) -> M::QueryKey {
    scene.registrar.query_key(&scene.root, &party(LESSER).id()).unwrap()
}

/// Where a message that begins with a space after so many bytes has lengths, and one that ends with a scalar has it.
fn of_key<M: Search>(key: &impl Message, before: usize) -> Layout {
    let keys = if M::MODE == Mode::Ordered { offsets([key.encoded_len() - 32]) } else { &[] };
    Layout { lengths: offsets([before + 40, before + 51]), keys, ..Layout::default() }
}

fn of_mode<M: Sampled>(
    [space_name, batch_name, token, evidence, column_name, registrar, write, query]: [&'static str; 8],
) -> Vec<Sample>
where
    M::Between: Send + Sync + 'static,
    Space<M>: Public,
    Batch<M, M::Upload>: Public,
    Evidence<M, M::Stored>: Public,
    Column<M>: Public,
    Registrar<M>: Public,
    Signed<Token<M, M::Question>>: Public,
{
    let (mut scene, none) = (scene::<M>(), Layout::default());
    let empty = scene.column().to_bytes();
    let batch = scene.batch(2, &[(1, "5"), (2, "7")]);
    scene.insert(&batch, NOW).unwrap();
    let question = scene.token(LESSER, &Query::range(scene.space.encoder(), "3"..).unwrap());
    let found = scene.ask(LESSER, &Query::range(scene.space.encoder(), "6"..).unwrap());
    let shown = scene.column().evidence(&found.matches()[0]).next().unwrap();
    let signer = scene.column().gate().signer(&path(2));
    // Of one value nothing is left but its hash among those of its batch.
    let key = scene.key(2);
    let mut draft = Draft::<M>::new(&key);
    draft.remove(record(1));
    scene.insert(&draft.sign(8, &party(2)).unwrap(), NOW).unwrap();
    // A value under a key that the owner did not make contradicts its provider's others, where values stand in order.
    scene.write(3, &[(4, "6")]);
    let mut bytes = scene.key(3).to_secret_bytes();
    bytes.last_chunk_mut::<32>().unwrap()[0] ^= 1;
    let other = M::WriteKey::from_bytes(&bytes).unwrap();
    let mut draft = Draft::<M>::new(&other);
    draft.add(record(3), &number(6), &mut rng(1)).unwrap();
    let inserted = scene.insert(&draft.sign(9, &party(3)).unwrap(), NOW).unwrap();
    assert_eq!(inserted.quarantined, u32::from(M::MODE == Mode::Ordered));
    let column = scene.column().to_bytes();
    let kept = Column::<M>::from_bytes(&column).unwrap();

    let (space, of_evidence, own) = (scene.space.clone(), scene.space.clone(), scene.registrar.clone());
    let points = |at: usize| if M::MODE == Mode::Ordered { offsets([at, at + 32]) } else { &[] };
    let (in_batch, in_token) = (points(4 + SIGNED_HEAD + 16), points(CLAUSES + 4 + 32 + 2 + 1));
    let (write_key, query_key) = (scene.key(2), user_key(&scene));
    let (of_write, of_query) = (of_key::<M>(&write_key, 0), of_key::<M>(&query_key, 0));
    let (writes, asks) = (writes_otherwise(&scene), asks_otherwise(&scene));
    let mut samples = vec![
        Sample::secret(write, &write_key, of_write, move |m: M::WriteKey| writes(&m)),
        Sample::secret(query, &query_key, of_query, move |m: M::QueryKey| asks(&m)),
    ];
    let (write_key, query_key) = (M::granted_write(write_key), M::granted_query(query_key));
    let (of_write, of_query) = (of_key::<M>(&write_key, 5), of_key::<M>(&query_key, 5));
    let (writes, asks) = (writes_otherwise(&scene), asks_otherwise(&scene));
    samples.extend([
        Sample::secret(KEY, &write_key, of_write, move |m: SearchKey| M::write_key_of(&m).is_none_or(&writes)),
        Sample::secret(KEY, &query_key, of_query, move |m: SearchKey| M::query_key_of(&m).is_none_or(&asks)),
    ]);
    let Scene { between, .. } = scene;
    let token = Sample { layout: Layout { ristretto: in_token, ..none }, ..statement(token, &question) };
    samples.extend([
        Sample::public(space_name, &space.clone(), Layout { lengths: &[36, 47], ..none }, move |m: Space<M>| {
            m != space
        }),
        Sample::public(batch_name, &batch, Layout { ristretto: in_batch, ..none }, {
            move |m: Batch<M, M::Upload>| M::refuses(&between, &empty, &m)
        })
        .sparse(),
        token.sparse(),
        Sample::public(evidence, &shown, none, {
            move |m: Evidence<M, M::Stored>| m.verify(&of_evidence, &signer).is_err()
        })
        .sparse(),
        // What a cloud keeps for itself: what neither batches nor rosters say is not checked, and has one encoding.
        Sample::public(column_name, &kept, Layout { lengths: &[40, 51], ..none }, {
            move |m: Column<M>| m.to_bytes() != column
        })
        .sparse(),
        // What an owner keeps for itself.
        Sample::public(registrar, &own.clone(), Layout { lengths: &[40, 51], ..none }, move |m: Registrar<M>| m != own),
    ]);
    samples
}

/// What a switcher makes of batches and tokens.
fn switched() -> Vec<Sample> {
    let mut scene = scene::<Ordered>();
    let (empty, batch) = (scene.column().to_bytes(), scene.batch(2, &[(1, "5"), (2, "7")]));
    let batch = Ordered::try_upload(&scene.between, &batch, NOW).unwrap();
    let asked = |query: &Query| Ordered::try_ask(&scene.between, &scene.token(LESSER, query), NOW).unwrap();
    vec![
        Sample::public("batch of digests", &batch, Layout::default(), move |m: Batch<Ordered, Digests>| {
            Column::<Ordered>::from_bytes(&empty).unwrap().insert(&m, NOW).is_err()
        })
        .sparse(),
        statement("token of digests", &asked(&Query::top(End::Greatest, 3).unwrap())),
        statement("token of digests", &asked(&range(Some(5), Some(9)))).sparse(),
    ]
}

/// What a switcher is given, and what it keeps.
fn switch() -> Vec<Sample> {
    let (scene, none) = (scene::<Ordered>(), Layout::default());
    let (owner, space, root) = (&scene.owner, &scene.space, &scene.root);
    let owner_id = owner.id();
    let user = |seed: u8| Step { party: party(seed).id(), generation: 0 };
    let provider = |place: u8| SwitchKey::provider(root, space, &path(place), owner).unwrap();
    let querier = |seed: u8| SwitchKey::querier(root, space, user(seed), &[path(2)], owner).unwrap();
    let rotation = SwitchRotation::new(root, space, 0, 1, owner).unwrap();

    let child = SwitchKey::child(&scene.key(1), path(11).last(), &party(1)).unwrap();
    let mut switch = Switch::new(space, 0);
    let [removed, gone] = [provider(3), querier(52)].map(|key| key.verify(&owner_id).unwrap());
    let of_others = [provider(1), child, querier(LESSER)].map(|key| key.verify(&owner_id).unwrap());
    of_others.iter().chain([&removed, &gone]).for_each(|key| switch.add(key).unwrap());
    assert!(switch.remove_provider(&path(3)) == 1 && switch.remove_querier(&user(52).party));
    let points = [1, 11].map(|place| {
        let mut out = Vec::new();
        Ordered::encrypt(&scene.key(place), &number(5), &mut rng(1), &mut out).unwrap();
        (path(place), out)
    });
    let question = Ordered::question(&user_key(&scene), &range(Some(5), None)).unwrap();
    let asker = user(LESSER);
    let works = move |switch: &Switch| {
        let values = points.each_ref().map(|(path, points)| {
            let mut out = Vec::new();
            switch.switch_value(path, points, &mut out).map(|()| out)
        });
        (values, switch.switch_question(asker, &question))
    };
    let expected = works(&switch);
    assert!(expected.1.is_ok() && expected.0.iter().all(Result::is_ok));
    // Factors of a hospital, its department, and a user.
    let first = AFTER + 4 + 4 + PATH;
    let [second, scope] = [first + 32 + PATH + STEP, first + 64 + PATH + STEP + 4 + STEP + 4];
    let place_of_scope = scope + PATH - 4..scope + PATH;
    let (state, of_space) = (written(&switch), space.clone());
    let keys = offsets([first, second, scope + PATH]);
    let switch =
        Sample::secret("switch", &switch, Layout { lengths: &[40, 51], keys, ..none }, move |mut m: Switch| {
            let refused = |result| result == Err(SwitchError::Removed);
            m.space() != &of_space
            || m.generation() != 0
            || works(&m) != expected
            || ![&removed, &gone].into_iter().all(|key| refused(m.add(key)))
            // A scope says places, whatever the generations.
            || written(&m)[place_of_scope.clone()] != state[place_of_scope.clone()]
        });

    let key = |key: SwitchKey, image: usize| {
        let terms = Sample {
            layout: Layout { ristretto: offsets([SIGNED + image]), ..none },
            ..statement("terms of a switch key", key.terms())
        };
        let (ristretto, keys) = (offsets([4 + SIGNED + image]), offsets([key.encoded_len() - 32]));
        let key = Sample::secret("switch key", &key, Layout { ristretto, keys, ..none }, move |m: SwitchKey| {
            m.verify(&owner_id).is_err()
        });
        [terms, key]
    };
    let image = SIGNED + 32 + 4 + 4;
    let [points, inside] = [offsets([image, image + 32]), offsets([4 + image, 4 + image + 32])];
    let terms = statement("terms of a switch rotation", rotation.terms());
    let keys = offsets([rotation.encoded_len() - 32]);
    let mut samples = Vec::from(key(querier(LESSER), 32 + 1 + STEP + 4 + PATH));
    samples.extend(key(provider(2), 32 + 1 + PATH));
    samples.extend([
        switch.sparse(),
        Sample { layout: Layout { ristretto: points, ..none }, ..terms },
        Sample::secret("switch rotation", &rotation, Layout { ristretto: inside, keys, ..none }, {
            move |m: SwitchRotation| m.verify(&owner_id).is_err()
        }),
    ]);
    samples
}

/// Keys that an owner gives a hospital, of both modes.
fn granted() -> Sample {
    let mut w = World::<Kapre>::with_partitions(1, [Partition::MEDICAL]);
    let mut hospital = user::<Kapre>(10);
    let (owner, pulse) = (w.id(), Attribute::new("pulse").unwrap());
    let encoder = Encoder::integer(12).unwrap();
    let space = Space::<Ordered>::new(owner, Partition::MEDICAL, pulse, encoder, Queries::Ranges).unwrap();
    let _update = w.owner.open_space(space.clone(), at(1), &mut w.rng).unwrap();
    let enroll = |registrar: &mut Registrar<Ordered>| registrar.enroll(hospital.id());
    let _update = w.owner.change_space(&space.id(), at(1), &mut w.rng, enroll).unwrap();
    let grant = w.owner.search_keys(&hospital.id(), &hospital.bundle(1, at(9)), at(1), &mut w.rng).unwrap();
    hospital.take_search_keys(&owner, &grant).unwrap();
    let hospital = Mutex::new(hospital);
    Sample::public("search grant", &grant, Layout::default(), move |m: Signed<SearchGrant>| {
        hospital.lock().unwrap().take_search_keys(&owner, &m).is_err()
    })
    .sparse()
}

/// The ordered mode has no values of no bits: one would take no bytes, and a batch of them has no entries to write.
#[test]
fn no_values_without_bits_in_the_ordered_mode() {
    let sample = |name: &str| super::samples().iter().find(|s| s.name == name).unwrap();
    // A head with one entry, of one tag and no bits.
    let mut head = sample("batch head").bytes.clone();
    head[REMOVED - 2..REMOVED].copy_from_slice(&[0, 1]);
    let count = head.len() - 36;
    head[count..count + 4].copy_from_slice(&1u32.to_be_bytes());
    let head = Signed::new(&party(2), BatchHead::from_bytes(&head).unwrap()).to_bytes();
    for name in ["batch of points", "batch of digests", "ordered evidence"] {
        let sample = sample(name);
        let [record, position, proof]: [&[u8]; 3] = [&[7; 16], &[0; 4], &[0; 4]];
        let entry = if name == "ordered evidence" { [position, record, proof].concat() } else { record.to_vec() };
        let bytes = [&sample.bytes[..4], &head, &entry].concat();
        assert_eq!((sample.recode)(&bytes), Err(DecodeError::Value), "{name}");
    }
}

/// Whatever a column's bytes say is said by a batch or a roster, but for the counts of providers and the generation of a
/// switched one: nothing else that is changed is read.
#[test]
fn columns_are_what_batches_and_rosters_say() {
    for name in ["federated column", "ordered column"] {
        let sample = super::samples().iter().find(|s| s.name == name).unwrap();
        // The two of them, in the order of their paths.
        let table = |place| [&[0, 0, 0, 2, 1][..], party(place).id().as_bytes(), &[0; 4]].concat();
        let table = [table(2), table(3)]
            .into_iter()
            .find_map(|table| sample.bytes.windows(table.len()).position(|bytes| bytes == table));
        let counts = [1, 2].map(|paths| table.unwrap() + 4 + PATH * paths + 8 * (paths - 1));
        let mut read = Vec::new();
        for at in 4..sample.bytes.len() {
            if (sample.recode)(&sample.patched(at, &[sample.bytes[at] ^ 1])).is_ok() {
                read.push(at);
            }
        }
        // The last count of each is one of its batches': a smaller one is not read.
        let unchecked = |at: &usize| {
            let generation = AFTER + 32..AFTER + 36;
            counts.iter().any(|count| (*count..count + 8).contains(at))
                || (name == "ordered column" && generation.contains(at))
        };
        assert!(!read.is_empty() && read.iter().all(unchecked), "{name}: {read:?}");
    }
}

/// A value stands in a column once.
#[test]
fn no_value_twice_in_a_column() {
    const ENTRY: usize = 4 + 4 + 16 + (16 + 3 * 4 + 8);
    let sample = super::samples().iter().find(|s| s.name == "federated column").unwrap();
    let (before, rest) = sample.bytes.split_at(sample.bytes.len() - (4 + 3 * ENTRY + 4));
    let (count, entries) = rest.split_at(4);
    assert_eq!(count, 3u32.to_be_bytes());
    let twice = [before, &4u32.to_be_bytes(), &entries[..ENTRY], entries].concat();
    assert_eq!((sample.recode)(&twice), Err(DecodeError::Value));
}
