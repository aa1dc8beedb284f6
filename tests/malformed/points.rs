//! Encodings that are no points of their group, at every place where a message has one.

use sesphr::error::DecodeError;
use sesphr::hazmat::pairing::{Scalar, mul_p, mul_q};
use sesphr::hazmat::ristretto::{self, Element};

use super::common::json::{bytes, list};
use super::samples;

/// p, big-endian.
const P: [u8; 48] = [
    0x1a, 0x01, 0x11, 0xea, 0x39, 0x7f, 0xe6, 0x9a, 0x4b, 0x1b, 0xa7, 0xb6, 0x43, 0x4b, 0xac, 0xd7, 0x64, 0x77, 0x4b,
    0x84, 0xf3, 0x85, 0x12, 0xbf, 0x67, 0x30, 0xd2, 0xa0, 0xf6, 0xb0, 0xf6, 0x24, 0x1e, 0xab, 0xff, 0xfe, 0xb1, 0x53,
    0xff, 0xff, 0xb9, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xaa, 0xab,
];
/// `bytes`, whose last coordinate becomes x + p, if that still leaves the three flag bits free. A decoder that reduces
/// instead of refusing would take it for the same point.
fn plus_p(bytes: &[u8], at: usize) -> Option<Vec<u8>> {
    let mut out = bytes.to_vec();
    let flags = if at == 0 { out[0] & 0xe0 } else { 0 };
    out[at] &= if at == 0 { 0x1f } else { 0xff };
    let mut carry = 0;
    for i in (0..48).rev() {
        let sum = u16::from(out[at + i]) + u16::from(P[i]) + carry;
        out[at + i] = sum as u8;
        carry = sum >> 8;
    }
    let fits = carry == 0 && (at != 0 || out[0] & 0xe0 == 0);
    out[0] |= flags;
    fits.then_some(out)
}

/// Encodings of `N` bytes that are no element of the subgroup, or not the canonical one. `unchecked` decodes without
/// the subgroup check and tells whether the point is in the subgroup.
fn bad_points(len: usize, good: &[Vec<u8>], unchecked: impl Fn(&[u8]) -> Option<bool>) -> Vec<(&'static str, Vec<u8>)> {
    let small = |x: u8, flags: u8| {
        let mut bytes = vec![0; len];
        bytes[len - 1] = x;
        bytes[0] = flags;
        bytes
    };
    let find = |want: Option<bool>| (1..=255).map(|x| small(x, 0x80)).find(|b| unchecked(b) == want).unwrap();
    let flagged = |f: &dyn Fn(u8) -> u8| {
        let mut bytes = good[0].clone();
        bytes[0] = f(bytes[0]);
        bytes
    };
    let mut bad = vec![
        ("identity", small(0, 0xc0)),
        ("identity with a sign", small(0, 0xe0)),
        ("identity with a coordinate", small(1, 0xc0)),
        ("uncompressed identity", small(0, 0x40)),
        ("zeros", small(0, 0)),
        ("ones", vec![0xff; len]),
        ("off the curve", find(None)),
        ("outside the subgroup", find(Some(false))),
        ("not compressed", flagged(&|b| b & 0x7f)),
        ("at infinity with a coordinate", flagged(&|b| b | 0x40)),
    ];
    for at in (0..len).step_by(48) {
        let above = good.iter().find_map(|bytes| plus_p(bytes, at)).unwrap();
        bad.push(("not reduced", above));
    }
    bad
}

/// [`bad_points`] of the groups, and some good ones.
fn good_g1() -> Vec<Vec<u8>> {
    (1..40).map(|k| mul_p(&Scalar::from_u64(k)).to_affine().to_bytes().to_vec()).collect()
}

fn good_g2() -> Vec<Vec<u8>> {
    (1..40).map(|k| mul_q(&Scalar::from_u64(k)).to_affine().to_bytes().to_vec()).collect()
}

pub(super) fn bad_g1() -> Vec<(&'static str, Vec<u8>)> {
    bad_points(48, &good_g1(), |b| {
        let point = bls12_381::G1Affine::from_compressed_unchecked(b.try_into().unwrap());
        Option::from(point).map(|p: bls12_381::G1Affine| p.is_torsion_free().into())
    })
}

pub(super) fn bad_g2() -> Vec<(&'static str, Vec<u8>)> {
    bad_points(96, &good_g2(), |b| {
        let point = bls12_381::G2Affine::from_compressed_unchecked(b.try_into().unwrap());
        Option::from(point).map(|p: bls12_381::G2Affine| p.is_torsion_free().into())
    })
}

fn good_ristretto() -> Vec<Vec<u8>> {
    (1..40).map(|k| Element::base(&ristretto::Scalar::from_u64(k)).encode().as_bytes().to_vec()).collect()
}

/// All that RFC 9496 lists, and the identity.
fn bad_ristretto() -> Vec<(&'static str, Vec<u8>)> {
    let rfc: serde_json::Value = serde_json::from_str(include_str!("../vectors/ristretto.json")).unwrap();
    let encodings = list(&rfc, "invalid").iter().flat_map(|group| list(group, "encodings"));
    encodings.map(|encoding| ("of the RFC", bytes(encoding))).chain([("identity", vec![0; 32])]).collect()
}

#[test]
fn no_point_but_of_the_group_in_its_one_encoding() {
    let (g1, g2, good, bad1, bad2, bad) = (good_g1(), good_g2(), good_ristretto(), bad_g1(), bad_g2(), bad_ristretto());
    let mut tried = 0;
    for s in samples() {
        let kinds = [(s.layout.g1, &g1, &bad1), (s.layout.g2, &g2, &bad2), (s.layout.ristretto, &good, &bad)];
        for (offsets, good, bad) in kinds {
            for offset in offsets {
                // A good point decodes there, so the offset is right and the bad ones fail as points.
                assert!((s.recode)(&s.patched(*offset, &good[7])).is_ok(), "{} at {offset}", s.name);
                assert!(s.rejects(&s.patched(*offset, &good[7])), "{} at {offset}", s.name);
                for (what, point) in bad {
                    let result = (s.recode)(&s.patched(*offset, point));
                    assert_eq!(result, Err(DecodeError::Point), "{} at {offset}: {what}", s.name);
                    tried += 1;
                }
            }
        }
    }
    assert_eq!(tried, 18 * bad1.len() + 12 * bad2.len() + 27 * bad.len());
}
