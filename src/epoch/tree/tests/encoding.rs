//! Encodings of keys, and what the keys give away by themselves.

use alloc::format;

use zeroize::Zeroize;

use super::*;

#[test]
fn no_encoding_but_the_one() {
    let [a, b] = [1, 2].map(|byte| [byte; 32]);
    assert!(decode(3, &[]).is_ok());
    for good in [
        &[(3, 0, a)][..],
        &[(0, 7, a)],
        &[(2, 0, a), (2, 1, b)],
        &[(1, 0, a), (0, 2, b), (0, 3, a), (2, 1, b)],
        &[(0, 0, a), (0, 7, a)],
    ] {
        assert_eq!(nodes(&decode(3, good).unwrap()), good);
    }
    for bad in [
        // Above the root, and beside the tree.
        &[(4, 0, a)][..],
        &[(255, 0, a)],
        &[(3, 1, a)],
        &[(2, 2, a)],
        &[(0, 8, a)],
        &[(0, u32::MAX, a)],
        // Out of order, twice, twice with another key, one below the other.
        &[(0, 1, a), (0, 0, a)],
        &[(2, 1, a), (2, 0, a)],
        &[(0, 1, a), (0, 1, a)],
        &[(0, 1, a), (0, 1, b)],
        &[(1, 0, a), (0, 0, b)],
        &[(1, 0, a), (0, 1, b)],
        &[(0, 0, b), (1, 0, a)],
        &[(0, 1, b), (1, 0, a)],
        &[(3, 0, a), (0, 7, b)],
        &[(0, 7, b), (3, 0, a)],
        &[(0, 0, a), (2, 1, a), (0, 4, a)],
    ] {
        assert_eq!(decode(3, bad).unwrap_err(), DecodeError::Value, "{bad:?}");
    }
    for height in [0, 33, 255] {
        assert_eq!(decode(height, &[]).unwrap_err(), DecodeError::Value);
    }
    for (height, most) in [(1, 2), (3, 8), (16, 1 << 16), (31, 1 << 31)] {
        let claims = |count| EpochKeys::from_bytes(&message(height, count, &[(0, 0, a)])).unwrap_err();
        assert_eq!(claims(most), DecodeError::Truncated);
        assert_eq!(claims(most + 1), DecodeError::Length);
        assert_eq!(claims(u32::MAX), DecodeError::Length);
    }
    assert!(decode(32, &[(32, 0, a)]).is_ok() && decode(32, &[(0, u32::MAX, a)]).is_ok());
    assert_eq!(decode(32, &[(32, 1, a)]).unwrap_err(), DecodeError::Value);
    assert_eq!(EpochKeys::from_bytes(&message(32, u32::MAX, &[])).unwrap_err(), DecodeError::Truncated);
}

#[test]
fn every_prefix_extension_and_flipped_bit() {
    let keys = all(4).grant(1..=14).unwrap();
    let (bytes, right) = (keys.to_secret_bytes(), opened(&keys));
    for end in 0..bytes.len() {
        assert_eq!(EpochKeys::from_bytes(&bytes[..end]).unwrap_err(), DecodeError::Truncated);
    }
    for extra in 1..=64 {
        let long = [&bytes[..], &[0].repeat(extra)].concat();
        assert_eq!(EpochKeys::from_bytes(&long).unwrap_err(), DecodeError::TrailingBytes);
    }
    let mut valid = 0;
    for bit in 0..8 * bytes.len() {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let Ok(other) = EpochKeys::from_bytes(&flipped) else { continue };
        assert!(*other.to_secret_bytes() == flipped, "two encodings");
        assert!(other.tree() != keys.tree() || opened(&other) != right, "bit {bit} changes nothing");
        valid += 1;
    }
    assert!(valid > 8 * 32 * 6);
}

#[test]
fn secrets_do_not_print_and_are_wiped() {
    fn wiped<T: ZeroizeOnDrop>(_: &T) {}
    let keys = all(4).grant(3..=9).unwrap();
    let (leaves, leaf) = (keys.leaves(4..=9).unwrap(), keys.leaf(5).unwrap());
    let key = leaf.key();
    wiped(&keys);
    wiped(&leaves);
    wiped(&leaf);
    wiped(&key);
    let text = format!("{keys:?} {leaves:?} {leaf:?} {key:?} {keys:#?} {leaves:#?} {leaf:#?} {key:#?}").to_lowercase();
    let secrets = definition(4).into_values().chain(opened(&keys).into_iter().flatten());
    for window in secrets.flat_map(|secret| secret.windows(3).map(<[u8]>::to_vec).collect::<Vec<_>>()) {
        let [a, b, c] = window[..] else { unreachable!() };
        assert!(!text.contains(&format!("{a:02x}{b:02x}{c:02x}")) && !text.contains(&format!("{a}, {b}, {c}")));
    }
    assert!(text.contains("epochs: [3..=9]") && text.contains("epoch: 5"));
    let mut node = Node::new(Place::root(4), &[9; 32]);
    node.zeroize();
    let mut bytes = Vec::new();
    node.write(&mut bytes);
    assert_eq!(bytes[5..], [0; 32]);
    assert!(bool::from(key.ct_eq(&keys.leaf(5).unwrap().key())));
    assert!(!bool::from(key.ct_eq(&keys.leaf(6).unwrap().key())));
}

/// Fails to compile if one of them can be cloned or compared in variable time: the name below then means two things.
const _: fn() = || {
    trait Ambiguous<A> {
        fn here() {}
    }
    struct Cloned;
    struct Compared;
    impl<T: ?Sized> Ambiguous<()> for T {}
    impl<T: Clone> Ambiguous<Cloned> for T {}
    impl<T: ?Sized + PartialEq> Ambiguous<Compared> for T {}
    let _ = <EpochKeys as Ambiguous<_>>::here;
    let _ = <Leaf as Ambiguous<_>>::here;
    let _ = <LeafKey as Ambiguous<_>>::here;
};

proptest! {
    /// Of what arrives nothing is believed: bytes of any kind decode to themselves or not at all.
    #[test]
    fn any_nodes_decode_to_themselves_or_not(
        height in 1..=32u8,
        places in prop::collection::vec((0..=33u8, prop_oneof![0..9u32, any::<u32>()]), 0..6),
    ) {
        let list: Vec<_> = places.into_iter().map(|(level, index)| (level, index, [3; 32])).collect();
        if let Ok(keys) = decode(height, &list) {
            prop_assert_eq!(nodes(&keys), list);
            let mut sum = again(&keys);
            sum.merge(&keys).unwrap();
            prop_assert!(same(&sum, &keys));
        }
    }
}
