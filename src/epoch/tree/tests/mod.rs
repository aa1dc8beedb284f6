mod encoding;

use alloc::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::node::count;
use super::*;
use crate::hash::Label;

/// Bytes before the nodes: header, owner, label “medical” with its length, generation, height, count.
const HEAD: usize = 4 + 32 + 4 + 7 + 4 + 1 + 4;

type Key = [u8; 32];

fn root() -> OwnerRoot {
    OwnerRoot::generate(&mut ChaCha20Rng::from_seed([5; 32]))
}

fn owner() -> PartyId {
    PartyId::from_array([7; 32])
}

fn tree(height: u8) -> EpochTree {
    EpochTree::new(owner(), Partition::MEDICAL, 0, height).unwrap()
}

fn all(height: u8) -> EpochKeys {
    EpochKeys::derive(&root(), &tree(height))
}

fn again(keys: &EpochKeys) -> EpochKeys {
    EpochKeys::from_bytes(&keys.to_secret_bytes()).unwrap()
}

fn merged(a: &EpochKeys, b: &EpochKeys) -> EpochKeys {
    let mut sum = again(a);
    sum.merge(b).unwrap();
    sum
}

fn same(a: &EpochKeys, b: &EpochKeys) -> bool {
    *a.to_secret_bytes() == *b.to_secret_bytes()
}

/// Level, index and key of each node, as encoded.
fn nodes(keys: &EpochKeys) -> Vec<(u8, u32, Key)> {
    let bytes = keys.to_secret_bytes();
    let node =
        |node: &[u8]| (node[0], u32::from_be_bytes(node[1..5].try_into().unwrap()), node[5..].try_into().unwrap());
    bytes[HEAD..].chunks(Node::LEN).map(node).collect()
}

/// A message with these nodes, whatever they are.
fn message(height: u8, count: u32, nodes: &[(u8, u32, Key)]) -> Vec<u8> {
    let mut bytes = all(1).to_secret_bytes()[..HEAD - 5].to_vec();
    bytes.push(height);
    bytes.extend(count.to_be_bytes());
    nodes.iter().for_each(|(level, index, key)| bytes.extend([&[*level][..], &index.to_be_bytes(), key].concat()));
    bytes
}

fn decode(height: u8, nodes: &[(u8, u32, Key)]) -> Result<EpochKeys, DecodeError> {
    EpochKeys::from_bytes(&message(height, nodes.len().try_into().unwrap(), nodes))
}

/// Every node of the tree by level and index, from the root as it is documented.
fn definition(height: u8) -> BTreeMap<(u8, u32), Key> {
    fn walk(id: &Digest, level: u8, index: u32, key: Key, out: &mut BTreeMap<(u8, u32), Key>) {
        out.insert((level, index), key);
        if level > 0 {
            let place = [id.as_bytes(), &[level][..], &index.to_be_bytes()].concat();
            let both = hash(label::GGM_NODE, &[&key, &place]).wide();
            walk(id, level - 1, 2 * index, both[..32].try_into().unwrap(), out);
            walk(id, level - 1, 2 * index + 1, both[32..].try_into().unwrap(), out);
        }
    }
    let (owner, partition) = (owner(), b"medical");
    let id = hash(label::EPOCH_TREE, &[owner.as_bytes(), partition, &[0; 4], &[height]]).digest();
    let master = kdf(label::EPOCH_MASTER, root().expose(), &[owner.as_bytes(), partition]);
    let mut out = BTreeMap::new();
    walk(&id, height, 0, *kdf(label::EPOCH_ROOT, &*master, &[id.as_bytes()]), &mut out);
    out
}

fn leaf_bytes(id: &Digest, epoch: u32, leaf: &Key, label: Label) -> [u8; 64] {
    let place = [id.as_bytes(), &[0][..], &epoch.to_be_bytes()].concat();
    *hash(label, &[leaf, &place]).wide()
}

/// The symmetric key of each epoch, where it can be had; the definition says which it must be.
fn opened(keys: &EpochKeys) -> Vec<Option<Key>> {
    let key = |epoch| keys.leaf(epoch).map(|leaf| *leaf.key().as_bytes());
    (0..=keys.tree().last_epoch()).map(|epoch| key(epoch).ok()).collect()
}

/// All ranges of a tree.
fn ranges(height: u8) -> impl Iterator<Item = RangeInclusive<u32>> + Clone {
    let last = last_of(height);
    (0..=last).flat_map(move |a| (a..=last).map(move |b| a..=b))
}

/// They open the epochs of `open` with the right keys, no other, and hold no node that leads to another.
fn assert_opens(keys: &EpochKeys, right: &[Option<Key>], open: impl Fn(u32) -> bool) {
    let expected: Vec<_> = (0..).zip(right).map(|(epoch, key)| key.filter(|_| open(epoch))).collect();
    assert_eq!(opened(keys), expected);
    for node in keys.nodes.iter() {
        assert!((node.place().first()..=node.place().last()).all(&open));
    }
    let listed: Vec<_> = keys.epochs().flatten().collect();
    assert_eq!(listed, (0..=keys.tree().last_epoch()).filter(|epoch| open(*epoch)).collect::<Vec<_>>());
    let ends: Vec<_> = keys.epochs().collect();
    assert!(ends.windows(2).all(|pair| pair[0].end() + 1 < *pair[1].start()));
}

#[test]
fn the_tree_is_as_documented() {
    for height in 1..=4 {
        let (keys, id) = (all(height), tree(height).id());
        let mut seen = BTreeSet::new();
        for ((level, index), key) in definition(height) {
            let (first, last) = (index << level, ((index + 1) << level) - 1);
            assert_eq!(nodes(&keys.grant(first..=last).unwrap()), [(level, index, key)]);
            assert!(seen.insert(key));
            if level == 0 {
                let leaf = keys.leaf(index).unwrap();
                let [symmetric, wide] =
                    [label::GGM_KEY, label::GGM_WIDE].map(|label| leaf_bytes(&id, index, &key, label));
                assert_eq!(leaf.epoch(), index);
                assert_eq!(leaf.key().as_bytes()[..], symmetric[..32]);
                assert_eq!(*leaf.scalar_bytes(), wide);
                let halves = [&symmetric[..32], &wide[..32], &wide[32..]];
                assert!(halves.iter().all(|half| seen.insert((*half).try_into().unwrap())));
            }
        }
    }
}

#[test]
fn every_range_has_its_minimal_cover_and_opens_nothing_else() {
    for height in 1..=5u8 {
        let (keys, right) = (all(height), opened(&all(height)));
        let (most, mut longest) = (usize::from(2 * height - 2).max(1), 0);
        for range in ranges(height) {
            let (calls, grant) = count::of(|| keys.grant(range.clone()).unwrap());
            assert_opens(&grant, &right, |epoch| range.contains(&epoch));
            // Minimal: all epochs of a node are in the range, and not all of its parent's.
            for (level, index, _) in nodes(&grant) {
                let (first, last) = ((index >> 1) << (level + 1), (((index >> 1) + 1) << (level + 1)) - 1);
                assert!(level == height || !(range.contains(&first) && range.contains(&last)));
            }
            assert_eq!(grant.nodes.capacity(), 1 + 2 * usize::from(height), "it grew");
            assert!(calls <= 2 * usize::from(height));
            longest = longest.max(nodes(&grant).len());
            // A grant of a grant is that of the owner.
            for inner in ranges(height).filter(|inner| range.contains(inner.start()) && range.contains(inner.end())) {
                assert!(same(&grant.grant(inner.clone()).unwrap(), &keys.grant(inner).unwrap()));
            }
        }
        assert_eq!(longest, most);
    }
}

#[test]
fn two_grants_open_their_union_and_nothing_else() {
    for height in 1..=4 {
        let (keys, right) = (all(height), opened(&all(height)));
        let grants: Vec<_> = ranges(height).map(|range| (keys.grant(range.clone()).unwrap(), range)).collect();
        for (i, (a, in_a)) in grants.iter().enumerate() {
            for (b, in_b) in &grants[i..] {
                let sum = merged(a, b);
                assert_opens(&sum, &right, |epoch| in_a.contains(&epoch) || in_b.contains(&epoch));
                assert!(same(&sum, &merged(b, a)) && same(&sum, &merged(&sum, a)) && same(&sum, &again(&sum)));
                let parts: Vec<_> = nodes(a).into_iter().chain(nodes(b)).collect();
                assert!(nodes(&sum).iter().all(|node| parts.contains(node)), "a node that neither had");
            }
        }
    }
}

/// What a merge cannot do, and what replaces the parts.
#[test]
fn siblings_stay_two_until_their_parent_comes() {
    let keys = all(3);
    let [left, right, both] = [0..=1, 2..=3, 0..=3].map(|range| keys.grant(range).unwrap());
    let sum = merged(&left, &right);
    assert_eq!((nodes(&sum).len(), nodes(&both).len()), (2, 1));
    assert_eq!(sum.epochs().collect::<Vec<_>>(), [0..=3]);
    assert!(same(&sum.grant(0..=3).unwrap(), &sum), "as coarse as what is held");
    assert!(same(&merged(&sum, &both), &both) && same(&merged(&both, &sum), &both));
}

#[test]
fn punctured_epochs_are_gone_and_the_others_stay() {
    for height in 1..=4 {
        let right = opened(&all(height));
        for erased in ranges(height) {
            for held in [0..=last_of(height), 1..=last_of(height) - 1].into_iter().filter(|held| !held.is_empty()) {
                let mut keys = all(height).grant(held.clone()).unwrap();
                let before = keys.nodes.len();
                let (calls, ()) = count::of(|| keys.puncture(erased.clone()).unwrap());
                assert!(calls <= 2 * usize::from(height));
                assert_eq!(keys.nodes.capacity(), before + 2 * usize::from(height), "it grew");
                assert_opens(&keys, &right, |epoch| held.contains(&epoch) && !erased.contains(&epoch));
                let once = again(&keys);
                let (calls, ()) = count::of(|| keys.puncture(erased.clone()).unwrap());
                assert!(same(&keys, &once) && calls == 0);
            }
        }
    }
}

#[test]
fn erasing_the_past_leaves_the_grant_of_the_future() {
    for height in 1..=5 {
        let mut rolling = all(height);
        for past in 0..last_of(height) {
            let mut keys = all(height);
            keys.puncture(0..=past).unwrap();
            assert!(same(&keys, &all(height).grant(past + 1..=last_of(height)).unwrap()));
            // In one go or epoch by epoch.
            rolling.puncture(past..=past).unwrap();
            assert!(same(&rolling, &keys));
            assert_eq!(keys.grant(past..=past + 1).unwrap_err(), EpochError::NotHeld);
        }
        rolling.puncture(0..=last_of(height)).unwrap();
        assert_eq!((nodes(&rolling).len(), rolling.epochs().count()), (0, 0));
        assert_eq!(rolling.leaf(0).unwrap_err(), EpochError::NotHeld);
        // Nothing left is a state too, and can be filled again.
        let mut rolling = again(&rolling);
        rolling.merge(&all(height)).unwrap();
        assert!(same(&rolling, &all(height)));
    }
}

#[test]
fn covers_of_the_highest_trees_stay_short() {
    for (height, most) in [(16, 30), (32, 62)] {
        let (keys, last) = (all(height), last_of(height));
        let grant = keys.grant(1..=last - 1).unwrap();
        assert_eq!(nodes(&grant).len(), most);
        assert_eq!(grant.encoded_len(), HEAD + 37 * most);
        assert_eq!(grant.nodes.capacity(), 1 + 2 * usize::from(height));
        assert_eq!(grant.epochs().collect::<Vec<_>>(), [1..=last - 1]);
        assert_eq!(nodes(&keys.grant(0..=last).unwrap()).len(), 1);
        assert_eq!(nodes(&keys.grant(last..=last).unwrap()).len(), 1);
    }
}

#[test]
fn epochs_end_without_wrapping() {
    let (keys, max) = (all(32), u32::MAX);
    assert_eq!(tree(32).last_epoch(), max);
    let last: Vec<_> = keys.leaves(max - 2..=max).unwrap().map(|leaf| leaf.epoch()).collect();
    assert_eq!(last, [max - 2, max - 1, max]);
    let end = keys.grant(max..=max).unwrap();
    assert_eq!((end.epochs().next(), end.leaf(max).unwrap().epoch()), (Some(max..=max), max));
    assert_eq!(end.leaf(0).unwrap_err(), EpochError::NotHeld);
    assert_eq!(end.leaf(max - 1).unwrap_err(), EpochError::NotHeld);
    let both = merged(&end, &keys.grant(0..=max - 1).unwrap());
    assert_eq!(both.epochs().collect::<Vec<_>>(), [0..=max]);
    let mut rest = all(32);
    rest.puncture(0..=max - 1).unwrap();
    assert!(same(&rest, &end));
    rest.puncture(max..=max).unwrap();
    assert_eq!(rest.epochs().next(), None);
}

#[test]
fn ranges_that_are_none_of_the_tree() {
    use EpochError::{Empty, NotHeld, OutOfTree};
    #[allow(clippy::reversed_empty_ranges)]
    let reversed = 3..=2;
    let mut exhausted = 2..=3;
    assert_eq!(exhausted.by_ref().count(), 2);
    for height in [2, 31] {
        let (mut keys, after) = (all(height), last_of(height) + 1);
        for (range, error) in [
            (reversed.clone(), Empty),
            (exhausted.clone(), Empty),
            (0..=after, OutOfTree),
            (after..=after, OutOfTree),
            (0..=u32::MAX, OutOfTree),
            (u32::MAX..=u32::MAX, OutOfTree),
        ] {
            assert_eq!(keys.grant(range.clone()).unwrap_err(), error);
            assert_eq!(keys.leaves(range.clone()).unwrap_err(), error);
            assert_eq!(keys.puncture(range), Err(error));
        }
        assert!(same(&keys, &all(height)));
        assert_eq!(keys.leaf(after).unwrap_err(), OutOfTree);
    }
    // Not held: before, behind, in part, and across a gap, which a grant never fills.
    let mut keys = all(4).grant(3..=12).unwrap();
    keys.puncture(7..=8).unwrap();
    for range in [0..=2, 13..=15, 2..=3, 12..=13, 6..=9, 6..=7, 8..=9, 7..=7, 3..=12, 0..=15] {
        assert_eq!(keys.grant(range.clone()).unwrap_err(), NotHeld);
        assert_eq!(keys.leaves(range).unwrap_err(), NotHeld);
    }
    assert!(keys.grant(3..=6).is_ok() && keys.grant(9..=12).is_ok());
}

#[test]
fn heights_and_generations_that_do_not_exist() {
    for height in [0, 33, u8::MAX] {
        assert_eq!(EpochTree::new(owner(), Partition::MEDICAL, 0, height), Err(TreeError::Height));
    }
    assert_eq!(tree(1).next_generation().unwrap().generation(), 1);
    let last = EpochTree::new(owner(), Partition::MEDICAL, u32::MAX, 32).unwrap();
    assert_eq!(last.next_generation(), Err(TreeError::Generation));
}

/// The root of another tree cannot be had from this one's, and no key is in both.
#[test]
fn trees_share_no_key() {
    let other_owner = PartyId::from_array([8; 32]);
    let first = tree(3);
    let trees = [
        first,
        first.next_generation().unwrap(),
        first.next_generation().unwrap().next_generation().unwrap(),
        EpochTree::new(other_owner, Partition::MEDICAL, 0, 3).unwrap(),
        EpochTree::new(owner(), Partition::INSURANCE, 0, 3).unwrap(),
        tree(2),
        tree(4),
    ];
    assert_eq!((first.owner(), first.partition(), first.height()), (owner(), Partition::MEDICAL, 3));
    assert_eq!((trees[1].owner(), trees[1].partition(), trees[1].height()), (owner(), Partition::MEDICAL, 3));
    let mut seen = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for tree in &trees {
        let keys = EpochKeys::derive(&root(), tree);
        assert!(same(&keys, &EpochKeys::derive(&root(), tree)));
        assert!(opened(&keys).into_iter().all(|key| seen.insert(key)));
        assert!(ids.insert(tree.id()));
        for other in trees.iter().filter(|other| *other != tree) {
            let mut keys = EpochKeys::derive(&root(), tree);
            assert_eq!(keys.merge(&EpochKeys::derive(&root(), other)), Err(MergeError::Tree));
            assert!(same(&keys, &EpochKeys::derive(&root(), tree)));
        }
    }
    // A node means something else in another tree: its key leads to none of that tree's.
    let (level, index, key) = nodes(&all(3))[0];
    let mut moved = message(3, 1, &[(level, index, key)]);
    moved[4] ^= 1;
    let moved = EpochKeys::from_bytes(&moved).unwrap();
    assert!(opened(&moved).into_iter().all(|key| seen.insert(key)));
    let another = EpochKeys::derive(&OwnerRoot::generate(&mut ChaCha20Rng::from_seed([6; 32])), &first);
    assert!(opened(&another).into_iter().all(|key| seen.insert(key)));
}

#[test]
fn keys_that_disagree_do_not_merge() {
    let keys = all(4);
    let places = ranges(4).filter(|range| nodes(&keys.grant(range.clone()).unwrap()).len() == 1);
    for place in places {
        let node = nodes(&keys.grant(place).unwrap())[0];
        for bit in [0, 255] {
            let (level, index, mut key) = node;
            key[bit / 8] ^= 1 << (bit % 8);
            let forged = decode(4, &[(level, index, key)]).unwrap();
            let mut a = again(&forged);
            assert_eq!(a.merge(&keys), Err(MergeError::Inconsistent));
            assert!(same(&a, &forged));
            let mut b = all(4);
            assert_eq!(b.merge(&forged), Err(MergeError::Inconsistent));
            assert!(same(&b, &keys));
            // One wrong key among right ones before and after it.
            let (first, last) = (index << level, ((index + 1) << level) - 1);
            if first > 0 && last < 15 {
                let around = merged(&keys.grant(0..=0).unwrap(), &keys.grant(15..=15).unwrap());
                assert_eq!(all(4).merge(&merged(&around, &forged)), Err(MergeError::Inconsistent));
            }
            // Where they have nothing in common nobody can tell.
            let mut rest = all(4);
            rest.puncture(first..=last).unwrap();
            assert_eq!(rest.merge(&forged), Ok(()));
        }
    }
}

#[test]
fn merging_costs_the_levels_between() {
    let keys = all(16);
    let (leaves, other) = (keys.grant(7..=7).unwrap(), keys.grant(9..=10).unwrap());
    assert_eq!(count::of(|| again(&leaves).merge(&keys).unwrap()).0, 16);
    assert_eq!(count::of(|| all(16).merge(&merged(&leaves, &other)).unwrap()).0, 3 * 16);
    assert_eq!(count::of(|| again(&leaves).merge(&leaves).unwrap()).0, 0);
    assert_eq!(count::of(|| again(&leaves).merge(&other).unwrap()).0, 0);
}

#[test]
fn consecutive_keys_take_two_hash_calls_each() {
    let thousand = |keys: &EpochKeys, first: u32| {
        let (calls, derived) = count::of(|| {
            let leaves = keys.leaves(first..=first + 999).unwrap();
            leaves.map(|leaf| (leaf.epoch(), *leaf.key().as_bytes())).collect::<Vec<_>>()
        });
        assert!(calls <= 2200, "{calls}");
        assert!(calls <= 1000 + 1000 + 2 * usize::from(keys.tree().height()));
        assert!(derived.iter().map(|(epoch, _)| *epoch).eq(first..=first + 999));
        for (epoch, key) in derived.iter().step_by(97) {
            assert_eq!(keys.leaf(*epoch).unwrap().key().as_bytes(), key);
        }
    };
    for (height, first) in [(10, 0), (10, 24), (16, 32_268), (32, 0), (32, (1 << 31) - 500), (32, u32::MAX - 999)] {
        let keys = all(height);
        thousand(&keys, first);
        thousand(&keys.grant(first..=first + 999).unwrap(), first);
    }
    // One by one, as held after as many merges.
    let keys = all(16);
    let mut single = keys.grant(100..=100).unwrap();
    (101..1100).for_each(|epoch| single.merge(&keys.grant(epoch..=epoch).unwrap()).unwrap());
    assert_eq!(single.nodes.len(), 1000);
    thousand(&single, 100);
    assert_eq!(count::of(|| keys.leaf(77).unwrap()).0, 16);
}

/// What is hashed under the label of a node or a leaf is framed into 111 bytes at most, which leaves SHA-512 its 17 bytes
/// of padding in the one block.
#[test]
fn a_hash_call_is_one_block() {
    for label in [label::GGM_NODE, label::GGM_KEY, label::GGM_WIDE] {
        assert!(8 + label.bytes().len() + 8 + 32 + 8 + (32 + 1 + 4) <= 128 - 1 - 16);
    }
}

#[test]
fn iterating_crosses_nodes_and_ends() {
    let keys = all(4);
    let right = opened(&keys);
    let mut parts = keys.grant(1..=6).unwrap();
    parts.merge(&keys.grant(6..=14).unwrap()).unwrap();
    for range in ranges(4).filter(|range| *range.start() >= 1 && *range.end() <= 14) {
        let mut leaves = parts.leaves(range.clone()).unwrap();
        let len = range.clone().count();
        assert_eq!(leaves.size_hint(), (len, Some(len)));
        for epoch in range {
            let leaf = leaves.next().unwrap();
            assert_eq!((leaf.epoch(), Some(*leaf.key().as_bytes())), (epoch, right[epoch as usize]));
            assert_eq!(leaves.right.capacity(), 4, "it grew");
        }
        assert!(leaves.next().is_none() && leaves.next().is_none());
    }
}

/// A height and epochs of it, both ends more often than chance would have them.
fn spans() -> impl Strategy<Value = (u8, Vec<(u8, u32, u32)>)> {
    (1..=32u8).prop_flat_map(|height| {
        let last = last_of(height);
        let near = last.min(9);
        let epoch = || prop_oneof![0..=last, 0..=near, last - near..=last];
        let span = (any::<u8>(), epoch(), epoch()).prop_map(|(what, a, b)| (what, a.min(b), a.max(b)));
        (Just(height), prop::collection::vec(span, 1..8))
    })
}

proptest! {
    /// Grants, merges and punctures against a list of which epochs are open, looked up where something changes.
    #[test]
    fn any_sequence_opens_what_it_should((height, steps) in spans()) {
        let owner = all(height);
        let mut keys = owner.grant(steps[0].1..=steps[0].2).unwrap();
        let mut history = Vec::from([(true, steps[0].1, steps[0].2)]);
        for (what, first, last) in &steps[1..] {
            if what % 2 == 0 {
                keys.puncture(*first..=*last).unwrap();
            } else {
                let grant = owner.grant(*first..=*last).unwrap();
                prop_assert!(grant.nodes.len() <= usize::from(2 * height - 2).max(1));
                keys.merge(&grant).unwrap();
            }
            history.push((what % 2 == 1, *first, *last));
        }
        prop_assert!(same(&keys, &again(&keys)));
        prop_assert!(keys.nodes.windows(2).all(|pair| pair[0].place().last() < pair[1].place().first()));
        let edges = steps.iter().flat_map(|(_, a, b)| [a.saturating_sub(1), *a, a.saturating_add(1), b.saturating_add(1), *b]);
        for epoch in edges.filter(|epoch| *epoch <= last_of(height)) {
            let touched = history.iter().rev().find(|(_, first, last)| (first..=last).contains(&&epoch));
            let open = touched.is_some_and(|(open, _, _)| *open);
            let leaf = keys.leaf(epoch);
            prop_assert_eq!(leaf.is_ok(), open, "{}", epoch);
            prop_assert_eq!(keys.epochs().any(|run| run.contains(&epoch)), open);
            if let Ok(leaf) = leaf {
                prop_assert!(bool::from(leaf.key().ct_eq(&owner.leaf(epoch).unwrap().key())));
            }
        }
    }
}
