//! What a cloud can compute from what it has is what `leakage` says, and nothing else.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use aes::Aes128Enc;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use rand_core::Rng;
use sesphr::encoding::Encoding;
use sesphr::hazmat::search::{number, point, range};
use sesphr::search::leakage::{
    Comparison, OrderedShape, common_prefix, federated_at_rest, federated_point, federated_token, ordered_shape,
    ordered_token,
};
use sesphr::search::ordered::compare;
use sesphr::search::{Draft, Encoder, Federated, Ordered, Path, Search, Step, Store, Trapdoor};

use crate::common::rng;
use crate::scene::{NOW, Route, Scene, USER, party, record};

const BITS: u8 = 16;

/// Values with the place that each is from.
type Data = Vec<(u32, u64)>;

fn random(seed: u8, len: usize) -> Data {
    let mut rng = rng(seed);
    let places = Scene::<Federated>::places();
    let value = |choice: u64| [choice & 0xffff, 0x1234, 0x1235, choice & 0xf | 0x8000][(choice >> 20) as usize & 3];
    (0..len).map(|_| rng.next_u64()).map(|choice| (places[(choice >> 40) as usize % 6].into(), value(choice))).collect()
}

/// An index of the values, in the order in which they stand.
fn filled<M: Route>(data: &Data) -> Scene<M> {
    filled_by(data, 0)
}

fn filled_by<M: Route>(data: &Data, salt: u8) -> Scene<M> {
    let mut scene = Scene::<M>::new("8302-2", Encoder::integer(BITS).unwrap());
    for (at, (place, value)) in (0..).zip(data) {
        let (place, sequence) = (*place as u8, at);
        let key = scene.key(place);
        let mut draft = Draft::<M>::new(&key);
        draft.add(record(at), &number(*value), &mut rng(at as u8 ^ salt)).unwrap();
        let batch = draft.sign(sequence, &party(place)).unwrap();
        assert_eq!(scene.insert(&batch, NOW).unwrap().added, 1);
    }
    scene
}

fn stored<M: Route>(scene: &Scene<M>, count: usize) -> Vec<Vec<u8>> {
    let store = scene.index.column(&scene.space.id()).unwrap().store();
    let get = |entry| {
        let mut value = Vec::new();
        store.get(entry, &mut value);
        value
    };
    (0..count as u32).map(get).collect()
}

fn key<M: Route>(scene: &Scene<M>) -> M::QueryKey {
    scene.registrar.query_key(&scene.root, &party(USER).id()).unwrap()
}

fn bytes(trapdoor: &impl Trapdoor) -> Vec<u8> {
    let mut out = Vec::new();
    trapdoor.write(&mut out);
    out
}

/// A left ciphertext: for each block the key of a slot, and which.
type Left = Vec<([u8; 16], u8)>;

/// The lower bound of a token for each of its providers, as the cloud reads it.
fn lefts(trapdoor: &impl Trapdoor) -> BTreeMap<Path, Left> {
    let (bytes, blocks) = (bytes(trapdoor), usize::from(BITS) / 4);
    assert_eq!(bytes[0], 1, "a lower bound alone");
    let mut rest = &bytes[5..];
    let mut out = BTreeMap::new();
    for path in trapdoor.scope() {
        // The steps that it shares with the one before are left out.
        let (depth, shared) = (usize::from(rest[0] & 0xf), usize::from(rest[0] >> 4));
        assert_eq!(depth, path.steps().len());
        rest = &rest[1 + 36 * (depth - shared)..];
        let (keys, after) = rest.split_at(16 * blocks);
        let slots = &after[..blocks.div_ceil(2)];
        let slot = |at: usize| slots[at / 2] >> (4 * (1 - at % 2)) & 0xf;
        let left = keys.chunks_exact(16).enumerate().map(|(at, key)| (key.try_into().unwrap(), slot(at))).collect();
        out.insert(path.clone(), left);
        rest = &after[blocks.div_ceil(2)..];
    }
    assert!(rest.is_empty());
    out
}

/// Holds a stored value against a bound, block by block, as Lewi and Wu have it; written down anew.
fn held_against(left: &Left, right: &[u8]) -> Comparison {
    let (nonce, words) = right.split_at(16);
    for (at, (key, slot)) in left.iter().enumerate() {
        let mut block = aes::Block::try_from(nonce).unwrap();
        Aes128Enc::new(key.into()).encrypt_block(&mut block);
        let front = u32::from_be_bytes(block[..4].try_into().unwrap());
        let mask = ((u64::from(front) * 3) >> 32) as u32;
        let word = u32::from_be_bytes(words[4 * at..][..4].try_into().unwrap());
        let order = match ((word >> (2 * slot) & 3) + 3 - mask) % 3 {
            0 => continue,
            // The bound is less.
            1 => Ordering::Greater,
            _ => Ordering::Less,
        };
        return Comparison { order, first: Some(at as u8) };
    }
    Comparison { order: Ordering::Equal, first: None }
}

#[test]
fn at_rest_the_federated_mode_shows_counts() {
    for seed in [1, 2, 3] {
        let one = random(seed, 30);
        // Other values of the same providers: all equal.
        let other: Data = one.iter().map(|(place, _)| (*place, 0x1234)).collect();
        assert_eq!(federated_at_rest(&one), federated_at_rest(&other));
        let mut scenes = [filled_by::<Federated>(&one, 0), filled_by(&other, 128)];
        let [a, b] = scenes.each_ref().map(|scene| stored(scene, 30));
        let all: BTreeSet<_> = a.iter().chain(&b).collect();
        // No two are alike, nor any part of two, whatever they are of.
        assert_eq!(all.len(), 60);
        let words: BTreeSet<_> = all.iter().flat_map(|value| value.chunks_exact(16)).collect();
        assert_eq!(words.len(), all.iter().map(|value| value.len() / 16).sum::<usize>());
        let sizes = scenes.each_mut().map(|scene| scene.column().to_bytes().len());
        assert_eq!(sizes[0], sizes[1]);
        for scene in &mut scenes {
            let counts: BTreeMap<_, _> =
                scene.column().counts().into_iter().map(|(path, count)| (path.clone(), count)).collect();
            let expected = federated_at_rest(&one)
                .into_iter()
                .map(|(place, count)| (Scene::<Federated>::path(place as u8), count));
            assert_eq!(counts, expected.collect());
        }
    }
}

#[test]
fn a_token_of_the_federated_mode_shows_order_and_first_differing_block() {
    for seed in [4, 5] {
        let data = random(seed, 40);
        let scene = filled::<Federated>(&data);
        let (key, values) = (key(&scene), stored(&scene, 40));
        let path = |place: u32| Scene::<Federated>::path(place as u8);
        let bounds = [0x1234, 0x1235, 0x8000, 0x0001, 0xfffe, data[0].1.max(1)];
        let tokens = bounds.map(|bound| lefts(&Federated::question(&key, &range(Some(bound), None)).unwrap()));
        for (bound, token) in bounds.iter().zip(&tokens) {
            let seen = data.iter().zip(&values).map(|((place, _), right)| held_against(&token[&path(*place)], right));
            assert_eq!(seen.collect::<Vec<_>>(), federated_token(BITS, &data, *bound));
            // Held against another provider's values a bound says nothing: what comes out is not what they are.
            let other = |place: u32| path(if place == 1 { 2 } else { 1 });
            let seen = data.iter().zip(&values).map(|((place, _), right)| held_against(&token[&other(*place)], right));
            assert_ne!(seen.collect::<Vec<_>>(), federated_token(BITS, &data, *bound));
        }
        for (a, one) in bounds.iter().zip(&tokens) {
            for (b, two) in bounds.iter().zip(&tokens) {
                for (path, left) in one {
                    let shared = left.iter().zip(&two[path]).take_while(|(a, b)| a == b).count();
                    assert_eq!(shared, usize::from(common_prefix(BITS, *a, *b)));
                    // And after that nothing is: no key of a slot comes twice.
                    let after =
                        left.iter().skip(shared).filter(|(key, _)| two[path].iter().any(|(other, _)| key == other));
                    assert_eq!(after.count(), 0);
                    let others = two.iter().filter(|(other, _)| *other != path).flat_map(|(_, left)| left);
                    assert!(others.into_iter().all(|(key, _)| left.iter().all(|(mine, _)| mine != key)));
                }
            }
        }
        // Two bounds are two: an upper bound shows the same as a lower one.
        let both = bytes(&Federated::question(&key, &range(Some(0x1234), Some(0x8000))).unwrap());
        let lower = bytes(&Federated::question(&key, &range(Some(0x1234), None)).unwrap());
        let upper = bytes(&Federated::question(&key, &range(None, Some(0x8000))).unwrap());
        let scope: Vec<_> = key.scope().collect();
        let shared = |pair: &[&Path]| pair[0].steps().iter().zip(pair[1].steps()).take_while(|(a, b)| a == b).count();
        let steps: usize = scope.iter().map(|path| path.steps().len()).sum();
        let paths = scope.len() + 36 * (steps - scope.windows(2).map(shared).sum::<usize>());
        assert_eq!((both[0], upper[0], both.len() + 5 + paths), (3, 2, lower.len() + upper.len()));
    }
}

#[test]
fn a_point_of_the_federated_mode_shows_who_equals_it() {
    let data = random(6, 40);
    let mut scene = filled::<Federated>(&data);
    let key = key(&scene);
    for wanted in [0x1234, 0x1235, data[3].1, 7] {
        let trapdoor = Federated::question(&key, &point(number(wanted))).unwrap();
        let mut paths: Vec<Path> = Vec::new();
        for (place, _) in &data {
            let path = Scene::<Federated>::path(*place as u8);
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        let found: BTreeSet<_> = scene.column().store().query(&paths, &trapdoor).entries.into_iter().collect();
        let seen: Vec<_> = (0..40).map(|entry| found.contains(&entry)).collect();
        assert_eq!(seen, federated_point(&data, wanted));
    }
}

/// The first bit at which two values differ, and their order, from what stands in the index.
fn pair(a: &[u8], b: &[u8]) -> Comparison {
    let first = a.chunks_exact(32).zip(b.chunks_exact(32)).position(|(a, b)| a != b);
    Comparison { order: compare(a, b).unwrap(), first: first.map(|at| at as u8) }
}

/// The shape of an index, from its values and whose they are.
fn shape(data: &Data, values: &[Vec<u8>]) -> OrderedShape {
    let mut sorted: Vec<_> = data.iter().map(|(place, _)| *place).zip(values).collect();
    sorted.sort_by(|(_, a), (_, b)| compare(a, b).unwrap());
    let mut shape = OrderedShape { groups: Vec::new(), splits: Vec::new() };
    let mut before: Option<&Vec<u8>> = None;
    for (place, value) in sorted {
        match before.map(|before| pair(before, value).first) {
            Some(None) => shape.groups.last_mut().unwrap().push(place),
            first => {
                shape.splits.extend(first.flatten());
                shape.groups.push(Vec::from([place]));
            }
        }
        before = Some(value);
    }
    shape.groups.iter_mut().for_each(|group| group.sort_unstable());
    shape
}

/// All that the bytes say of each other, without their names: digests are numbered as they first come up in order.
fn anonymous(data: &Data, values: &[Vec<u8>]) -> Vec<(u32, Vec<usize>)> {
    let mut sorted: Vec<_> = data.iter().map(|(place, _)| *place).zip(values).collect();
    sorted.sort_by(|(p, a), (q, b)| compare(a, b).unwrap().then(p.cmp(q)));
    let mut names = BTreeMap::new();
    let mut name = |digest: &[u8]| {
        let next = names.len();
        *names.entry(digest.to_vec()).or_insert(next)
    };
    sorted.into_iter().map(|(place, value)| (place, value.chunks_exact(16).map(&mut name).collect())).collect()
}

/// Other values of the same shape: where no two values part, bits are turned over.
fn disguised(data: &Data) -> Data {
    let forks = |value: u64, level: u8| {
        let rest = BITS - level;
        let of = data.iter().filter(|(_, other)| other >> rest == value >> rest);
        of.map(|(_, other)| other >> (rest - 1) & 1).collect::<BTreeSet<_>>().len() > 1
    };
    let turn = |value: u64| {
        (0..BITS).filter(|level| !forks(value, *level)).fold(value, |out, level| out ^ 1 << (BITS - 1 - level))
    };
    data.iter().map(|(place, value)| (*place, turn(*value))).collect()
}

#[test]
fn the_ordered_mode_shows_its_shape_and_nothing_else() {
    let mut forms = Vec::new();
    for seed in [7, 8, 9] {
        let data = random(seed, 24);
        let other = disguised(&data);
        assert!(data.iter().zip(&other).all(|((_, a), (_, b))| a != b));
        assert_eq!(ordered_shape(BITS, &data), ordered_shape(BITS, &other));
        let values = [&data, &other].map(|data| stored(&filled::<Ordered>(data), 24));
        for (data, values) in [&data, &other].into_iter().zip(&values) {
            assert_eq!(shape(data, values), ordered_shape(BITS, data));
            for (value, (_, bound)) in values.iter().zip(data) {
                let seen: Vec<_> = values.iter().map(|other| pair(other, value)).collect();
                assert_eq!(seen, ordered_token(BITS, data, *bound));
            }
        }
        // The same but for the names of digests, none of which is in both.
        let form = anonymous(&data, &values[0]);
        assert_eq!(form, anonymous(&other, &values[1]));
        let digests = |at: usize| values[at].iter().flat_map(|value| value.chunks_exact(16)).collect::<BTreeSet<_>>();
        // Where all values have gone the same way from the top, two sets that turn there share no digest below.
        assert!(digests(0).intersection(&digests(1)).count() < digests(0).len() / 4);
        assert!(!forms.contains(&form));
        forms.push(form);
    }
    // Another equality, another provider, another bit: another form.
    let data: Data = [(1, 0x10), (2, 0x18), (3, 0x80)].into();
    let form = |data: &Data| anonymous(data, &stored(&filled::<Ordered>(data), data.len()));
    let one = form(&data);
    for other in
        [[(1, 0x18), (2, 0x18), (3, 0x80)], [(2, 0x10), (1, 0x18), (3, 0x80)], [(1, 0x10), (2, 0x14), (3, 0x80)]]
    {
        let other: Data = other.into();
        assert_ne!(ordered_shape(BITS, &data), ordered_shape(BITS, &other));
        assert_ne!(one, form(&other));
    }
}

#[test]
fn a_token_of_the_ordered_mode_shows_where_its_bounds_stand() {
    let data = random(10, 24);
    let mut scene = filled::<Ordered>(&data);
    let (key, values, space) = (key(&scene), stored(&scene, 24), scene.space.id());
    let user = Step { party: party(USER).id(), generation: 0 };
    for bound in [0x1234, 0x1235, data[2].1.max(1), 0x7fff, 0xfffe] {
        let question = Ordered::question(&key, &range(Some(bound), None)).unwrap();
        let trapdoor = scene.between.switch_mut(&space).unwrap().switch_question(user, &question).unwrap();
        let bytes = bytes(&trapdoor);
        let bound_bytes = &bytes[1..1 + 32 * usize::from(BITS)];
        let seen: Vec<_> = values.iter().map(|value| pair(value, bound_bytes)).collect();
        assert_eq!(seen, ordered_token(BITS, &data, bound));
        // Before the switcher it is in no relation with what is stored.
        assert!(values.iter().all(|value| self::bytes(&question).windows(16).all(|part| part != &value[..16])));
    }
}
