//! The facade of ristretto255 against RFC 9496: see `ristretto.json`.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::json::{array, bytes, list};
use serde_json::Value;
use sesphr::encoding::Reader;
use sesphr::error::DecodeError;
use sesphr::hazmat::ristretto::{Element, Point, Scalar};

fn vectors() -> Value {
    serde_json::from_str(include_str!("ristretto.json")).unwrap()
}

#[test]
fn multiples_of_the_generator() {
    let v = &vectors();
    let multiples = list(v, "multiples");
    assert_eq!(multiples.len(), 16);
    let mut sum = Element::base(&Scalar::from_u64(0));
    for (k, expected) in multiples.iter().enumerate() {
        let k = Scalar::from_u64(k as u64);
        let by = [sum, Element::base(&k), Point::generator().mul(&k), Point::bases(&[k])[0].element()];
        for found in by {
            assert_eq!(found.encode().as_bytes()[..], bytes(expected));
        }
        // The identity is nothing that a protocol takes.
        let decoded = Point::from_bytes(&array(expected));
        assert_eq!(decoded.is_none(), sum.is_identity());
        assert!(
            decoded
                .is_none_or(|point| point == sum.encode() && bytes(expected) == *point.element().encode().as_bytes())
        );
        sum = sum + Point::generator().element();
    }
}

#[test]
fn invalid_encodings() {
    let v = &vectors();
    let all: Vec<_> = list(v, "invalid").iter().flat_map(|group| list(group, "encodings")).collect();
    assert_eq!(all.len(), 29);
    for encoding in all {
        assert!(Point::from_bytes(&array(encoding)).is_none(), "{encoding}");
        let found = Point::read(&mut Reader::new(&bytes(encoding)));
        assert_eq!(found, Err(DecodeError::Point), "{encoding}");
    }
}

#[test]
fn elements_from_uniform_bytes() {
    let v = &vectors();
    assert_eq!(list(v, "uniform").len(), 7);
    for case in list(v, "uniform") {
        let element = Element::from_wide(&array(&case["input"]));
        assert_eq!(element.encode().as_bytes()[..], bytes(&case["output"]));
        let k = Scalar::from_u64(77);
        assert_eq!(element.mul(&k).encode(), element.encode().mul(&k).encode());
    }
}
