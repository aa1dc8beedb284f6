use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::{format, vec};

use proptest::prelude::*;

use super::*;
use crate::encoding::Encoding;

const TOP: u32 = MAX_CLASSES - 1;

fn set(text: &str) -> ClassSet {
    text.parse().unwrap()
}

/// Message bytes that say `count` and then the numbers.
fn message(count: u32, ranges: &[(u32, u32)]) -> Vec<u8> {
    let mut bytes = vec![1, 2, 0, 0x44];
    bytes.extend(count.to_be_bytes());
    ranges.iter().for_each(|(first, last)| bytes.extend([first.to_be_bytes(), last.to_be_bytes()].concat()));
    bytes
}

fn decode(ranges: &[(u32, u32)]) -> Result<ClassSet, DecodeError> {
    ClassSet::from_bytes(&message(u32::try_from(ranges.len()).unwrap(), ranges))
}

#[test]
fn bounds() {
    for class in [0, 1, TOP - 1, TOP] {
        let single = ClassSet::single(class).unwrap();
        assert_eq!((single.count(), single.last()), (1, Some(class)));
        assert_eq!([class.wrapping_sub(1), class, class + 1].map(|c| single.contains(c)), [false, true, false]);
    }
    let all = ClassSet::range(0..=TOP).unwrap();
    assert_eq!((all.count(), all.last(), all.to_string()), (MAX_CLASSES, Some(TOP), "0-65535".into()));
    assert_eq!([MAX_CLASSES, u32::MAX].map(|c| all.contains(c)), [false, false]);
    assert!(all.complement().is_empty());
    assert_eq!(all.union(&all), all);
    assert_eq!(ClassSet::empty().complement(), all);
    assert_eq!(all.difference(&set("0,65535")), set("1-65534"));
}

#[test]
fn the_empty_set() {
    let empty = ClassSet::empty();
    assert_eq!((empty.count(), empty.last(), empty.is_empty()), (0, None, true));
    assert_eq!((empty.to_string(), set(""), ClassSet::default()), (String::new(), empty.clone(), empty.clone()));
    assert_eq!(ClassSet::try_from_classes([]), Ok(empty.clone()));
    assert!(empty.is_subset_of(&empty) && empty.is_disjoint_from(&empty) && !empty.contains(0));
    assert!(empty.is_subset_of(&set("7")) && !set("7").is_subset_of(&empty));
    assert_eq!(empty.iter().next(), None);
}

#[test]
fn numbers_that_are_no_classes() {
    use ClassSetError::{OutOfRange, Reversed};
    assert_eq!(ClassSet::range(TOP..=MAX_CLASSES), Err(OutOfRange));
    assert_eq!(ClassSet::range(0..=u32::MAX), Err(OutOfRange));
    assert_eq!(ClassSet::range(u32::MAX..=u32::MAX), Err(OutOfRange));
    #[allow(clippy::reversed_empty_ranges)]
    let reversed = [1..=0, u32::MAX..=0];
    reversed.into_iter().for_each(|range| assert_eq!(ClassSet::range(range), Err(Reversed)));
    let mut exhausted = 3..=5;
    assert_eq!(exhausted.by_ref().count(), 3);
    assert_eq!(ClassSet::range(exhausted), Err(Reversed));
    for class in [MAX_CLASSES, u32::MAX] {
        assert_eq!(ClassSet::single(class), Err(OutOfRange));
        assert_eq!(ClassSet::try_from_classes([0, class, 1]), Err(OutOfRange));
    }
}

#[test]
fn what_touches_is_one_range() {
    assert_eq!(ClassSet::try_from_classes([3, 1, 2, 2, 5]).unwrap().to_string(), "1-3,5");
    assert_eq!(set("0-3").union(&set("4")).ranges().len(), 1);
    assert_eq!(set("0-3").union(&set("5")).ranges().len(), 2);
    assert_eq!(set("0-3,5").union(&set("4")), set("0-5"));
    let parts = set("0-3,5");
    let ends: Vec<_> = parts.ranges().iter().map(|range| (range.first(), range.last())).collect();
    assert_eq!(ends, [(0, 3), (5, 5)]);
    // Each of two ranges is inside, what is between them is not.
    assert!(parts.is_subset_of(&set("0-5")) && !set("0-5").is_subset_of(&parts));
}

#[test]
fn text() {
    assert_eq!(set("36-47,24,0-11").to_string(), "0-11,24,36-47");
    assert_eq!(format!("{:?}", set("0-11,24,36-47")), "0-11,24,36-47");
    for (text, normal) in [
        ("5,3,4", "3-5"),
        ("0-9,2-3", "0-9"),
        ("2-3,0-9", "0-9"),
        ("0-4,3-6", "0-6"),
        ("7,7", "7"),
        ("7-7", "7"),
        ("007,0000000000065535", "7,65535"),
    ] {
        assert_eq!(set(text).to_string(), normal, "{text}");
    }
}

#[test]
fn text_that_is_no_set() {
    use ParseClassSetError::{Classes, EmptyItem, Number};
    let parse = |text: &str| text.parse::<ClassSet>();
    for text in [",", "1,", ",1", "1,,2"] {
        assert_eq!(parse(text), Err(EmptyItem), "{text}");
    }
    for text in [" ", " 1", "1 ", "1, 2", "+1", "-", "-1", "1-", "1-2-3", "1--2", "1-+2", "0x1", "a", "1;2", "١", "1\n"]
    {
        assert_eq!(parse(text), Err(Number), "{text}");
    }
    for text in ["65536", "0-65536", "4294967296", "0-99999999999999999999999999999999999999999"] {
        assert_eq!(parse(text), Err(Classes(ClassSetError::OutOfRange)), "{text}");
    }
    assert_eq!(parse("3-2"), Err(Classes(ClassSetError::Reversed)));
    assert_eq!(Classes(ClassSetError::OutOfRange).to_string(), "classes end at 65535");
}

#[test]
fn one_encoding() {
    assert_eq!(set("0-11,24").to_bytes(), message(2, &[(0, 11), (24, 24)]));
    assert_eq!(decode(&[(0, 11), (13, 13), (15, TOP)]), Ok(set("0-11,13,15-65535")));
    for ranges in [
        &[(2, 1)][..],
        &[(0, MAX_CLASSES)],
        &[(u32::MAX, u32::MAX)],
        &[(0, u32::MAX)],
        // Out of order, repeated, overlapping, adjacent.
        &[(4, 5), (0, 1)],
        &[(4, 5), (4, 5)],
        &[(0, 5), (5, 6)],
        &[(0, 5), (2, 3)],
        &[(0, 5), (6, 7)],
        &[(0, TOP), (0, 0)],
    ] {
        assert_eq!(decode(ranges), Err(DecodeError::Value), "{ranges:?}");
    }
}

#[test]
fn as_many_ranges_as_fit() {
    let most = ClassSet::try_from_classes((0..MAX_CLASSES).step_by(2)).unwrap();
    assert_eq!(most.ranges().len(), MAX_RANGES);
    assert_eq!(ClassSet::from_bytes(&most.to_bytes()), Ok(most));
    // A claim costs as many bytes, and beyond the bound it is refused before they are looked at.
    assert_eq!(ClassSet::from_bytes(&message(1 << 15, &[(0, 0)])), Err(DecodeError::Truncated));
    assert_eq!(ClassSet::from_bytes(&message((1 << 15) + 1, &[(0, 0)])), Err(DecodeError::Length));
}

/// Classes at both ends, close enough to each other to overlap and touch.
fn classes() -> impl Strategy<Value = BTreeSet<u32>> {
    prop::collection::vec((prop_oneof![0..40u32, MAX_CLASSES - 40..MAX_CLASSES], 0..6u32), 0..12).prop_map(|runs| {
        runs.into_iter().flat_map(|(first, more)| first..=first.saturating_add(more).min(TOP)).collect()
    })
}

fn of(classes: &BTreeSet<u32>) -> ClassSet {
    ClassSet::try_from_classes(classes.iter().copied()).unwrap()
}

fn is_normal(set: &ClassSet) -> bool {
    let sorted = set.ranges.windows(2).all(|pair| pair[0].last + 1 < pair[1].first);
    sorted && set.ranges.iter().all(|range| range.first <= range.last && range.last < MAX_CLASSES)
}

proptest! {
    #[test]
    fn a_set_is_its_classes(classes in classes(), shuffle in any::<u64>()) {
        let set = of(&classes);
        prop_assert!(is_normal(&set));
        prop_assert!(set.iter().eq(classes.iter().copied()));
        prop_assert!(set.iter().rev().eq(classes.iter().rev().copied()));
        prop_assert_eq!(set.count(), u32::try_from(classes.len()).unwrap());
        prop_assert_eq!(set.is_empty(), classes.is_empty());
        prop_assert_eq!(set.last(), classes.last().copied());
        for class in (0..60).chain(MAX_CLASSES - 60..MAX_CLASSES + 2) {
            prop_assert_eq!(set.contains(class), classes.contains(&class), "{}", class);
        }
        // In another order, with some of them twice.
        let mut list: Vec<_> = classes.iter().chain(classes.iter().step_by(3)).copied().collect();
        list.sort_by_key(|class| u64::from(*class + 1).wrapping_mul(shuffle | 1));
        prop_assert_eq!(ClassSet::try_from_classes(list), Ok(set));
    }

    #[test]
    fn two_sets_are_their_classes(a in classes(), b in classes()) {
        let (x, y) = (of(&a), of(&b));
        for (result, expected) in [
            (x.union(&y), &a | &b),
            (x.intersection(&y), &a & &b),
            (x.difference(&y), &a - &b),
        ] {
            prop_assert_eq!(result, of(&expected));
        }
        prop_assert_eq!(x.is_subset_of(&y), a.is_subset(&b));
        prop_assert_eq!(x.is_disjoint_from(&y), a.is_disjoint(&b));
        prop_assert_eq!(x == y, a == b);
        // Subsets and disjoint sets seldom come by chance.
        prop_assert!(x.intersection(&y).is_subset_of(&y) && x.is_subset_of(&x.union(&y)));
        prop_assert!(x.difference(&y).is_disjoint_from(&y) && x.complement().is_disjoint_from(&x));
    }

    #[test]
    fn text_and_bytes_lead_back(classes in classes()) {
        let set = of(&classes);
        prop_assert_eq!(set.to_string().parse(), Ok(set.clone()));
        let one_by_one: Vec<_> = classes.iter().rev().map(u32::to_string).collect();
        prop_assert_eq!(one_by_one.join(",").parse(), Ok(set.clone()));
        let bytes = set.to_bytes();
        prop_assert_eq!(bytes.len(), 8 + 8 * set.ranges().len());
        prop_assert_eq!(ClassSet::from_bytes(&bytes), Ok(set));
    }

    #[test]
    fn what_decodes_is_normal(ranges in prop::collection::vec((0..12u32, 0..12u32), 0..5)) {
        if let Ok(set) = decode(&ranges) {
            prop_assert!(is_normal(&set));
            prop_assert_eq!(set.to_bytes(), message(u32::try_from(ranges.len()).unwrap(), &ranges));
        }
    }
}
