//! Sets of record classes.

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;
use core::ops::RangeInclusive;
use core::str::FromStr;

use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding, put_count};
use crate::error::DecodeError;

/// How many classes there can be at most: they are numbered from 0 to `MAX_CLASSES` − 1.
pub const MAX_CLASSES: u32 = 1 << 16;

/// Most ranges that a set can have: one class in two.
const MAX_RANGES: usize = 1 << 15;

/// Classes from `first` to `last`, both included.
///
/// `Display` and `Debug` print `first-last`, or the number alone if there is one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClassRange {
    first: u32,
    last: u32,
}

impl ClassRange {
    fn new(first: u32, last: u32) -> Result<Self, ClassSetError> {
        if first > last {
            return Err(ClassSetError::Reversed);
        }
        if last >= MAX_CLASSES {
            return Err(ClassSetError::OutOfRange);
        }
        Ok(Self { first, last })
    }

    /// The lowest class.
    pub fn first(&self) -> u32 {
        self.first
    }

    /// The highest class.
    pub fn last(&self) -> u32 {
        self.last
    }

    fn count(&self) -> u32 {
        self.last - self.first + 1
    }

    /// Whether a class lies between the two ranges, so that they cannot be one. `self` starts first.
    fn ends_before(&self, next: &Self) -> bool {
        // No overflow: classes are below 2¹⁶.
        self.last + 1 < next.first
    }
}

impl fmt::Display for ClassRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last { write!(f, "{}", self.first) } else { write!(f, "{}-{}", self.first, self.last) }
    }
}

impl fmt::Debug for ClassRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A set of record classes below [`MAX_CLASSES`], as ranges that are sorted, disjoint and not adjacent.
///
/// Classes are numbered from 0. The literature numbers the points P_i from 1, so class c stands for i = c + 1.
///
/// The ranges of a set are unique, so equal sets have equal encodings. Every operation costs what the number of ranges
/// says, however many classes they span; at most 2¹⁵ ranges are possible. The set is public: nothing here is constant
/// in time.
///
/// As text a set is its ranges with commas between them, `0-11,24,36-47`, and the empty set is the empty text; `Debug`
/// prints the same.
///
/// Encoded length: 4 + 4 + 8 bytes for each range.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct ClassSet {
    ranges: Vec<ClassRange>,
}

impl ClassSet {
    /// No class.
    pub const fn empty() -> Self {
        Self { ranges: Vec::new() }
    }

    /// The classes from one number to another, both included.
    ///
    /// # Errors
    /// [`ClassSetError::Reversed`] if the range is empty, [`ClassSetError::OutOfRange`] if it leads to
    /// [`MAX_CLASSES`] or beyond.
    pub fn range(classes: RangeInclusive<u32>) -> Result<Self, ClassSetError> {
        // A range that was iterated to its end is empty, though its bounds may not show it.
        if classes.is_empty() {
            return Err(ClassSetError::Reversed);
        }
        let range = ClassRange::new(*classes.start(), *classes.end())?;
        Ok(Self { ranges: [range].into() })
    }

    /// One class.
    ///
    /// # Errors
    /// [`ClassSetError::OutOfRange`] from [`MAX_CLASSES`] on.
    pub fn single(class: u32) -> Result<Self, ClassSetError> {
        Self::range(class..=class)
    }

    /// The classes of a list, in any order and any number of times. Costs sorting the list.
    ///
    /// # Errors
    /// [`ClassSetError::OutOfRange`] if one is [`MAX_CLASSES`] or above.
    pub fn try_from_classes(classes: impl IntoIterator<Item = u32>) -> Result<Self, ClassSetError> {
        let ranges: Result<_, _> = classes.into_iter().map(|class| ClassRange::new(class, class)).collect();
        Ok(Self::from_unsorted(ranges?))
    }

    fn from_unsorted(mut ranges: Vec<ClassRange>) -> Self {
        ranges.sort_unstable_by_key(|range| range.first);
        Self::from_sorted(ranges.into_iter())
    }

    /// From ranges in the order of their first classes; those that overlap or touch become one.
    fn from_sorted(sorted: impl Iterator<Item = ClassRange>) -> Self {
        let mut ranges: Vec<ClassRange> = Vec::new();
        for next in sorted {
            match ranges.last_mut() {
                Some(last) if !last.ends_before(&next) => last.last = last.last.max(next.last),
                _ => ranges.push(next),
            }
        }
        Self { ranges }
    }

    /// Where `class` is, if it is in the set.
    fn range_of(&self, class: u32) -> Option<&ClassRange> {
        let order = |range: &ClassRange| {
            if range.last < class {
                Ordering::Less
            } else if range.first > class {
                Ordering::Greater
            } else {
                Ordering::Equal
            }
        };
        self.ranges.binary_search_by(order).ok().and_then(|at| self.ranges.get(at))
    }

    /// Whether `class` is in the set. A binary search over the ranges.
    pub fn contains(&self, class: u32) -> bool {
        self.range_of(class).is_some()
    }

    /// The number of classes.
    pub fn count(&self) -> u32 {
        // No overflow: the ranges are disjoint and below 2¹⁶.
        self.ranges.iter().map(ClassRange::count).sum()
    }

    /// Whether there is no class.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The ranges in ascending order; at least one class lies between any two of them.
    pub fn ranges(&self) -> &[ClassRange] {
        &self.ranges
    }

    /// The classes in ascending order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = u32> + Clone + '_ {
        self.ranges.iter().flat_map(|range| range.first..=range.last)
    }

    /// The highest class.
    pub fn last(&self) -> Option<u32> {
        self.ranges.last().map(|range| range.last)
    }

    /// The classes that are in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let (mut a, mut b) = (self.ranges.iter().copied().peekable(), other.ranges.iter().copied().peekable());
        Self::from_sorted(core::iter::from_fn(|| match (a.peek(), b.peek()) {
            (Some(x), Some(y)) if y.first < x.first => b.next(),
            (None, _) => b.next(),
            _ => a.next(),
        }))
    }

    /// The classes that are in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        // Two classes in a row that both sets have lie in one range of each, so no two overlaps touch.
        Self { ranges: self.overlaps(other).collect() }
    }

    /// The classes that are in this set and not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.intersection(&other.complement())
    }

    /// Whether every class is in `other` too.
    pub fn is_subset_of(&self, other: &Self) -> bool {
        // Ranges that touch are one, so a range of ours lies within one of theirs or not inside at all.
        self.ranges.iter().all(|range| other.range_of(range.first).is_some_and(|outer| range.last <= outer.last))
    }

    /// Whether no class is in `other` too.
    pub fn is_disjoint_from(&self, other: &Self) -> bool {
        self.overlaps(other).next().is_none()
    }

    /// What each range shares with each of `other`'s, in ascending order.
    fn overlaps<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = ClassRange> + 'a {
        let (mut a, mut b) = (self.ranges.iter().peekable(), other.ranges.iter().peekable());
        core::iter::from_fn(move || {
            loop {
                let (x, y) = (**a.peek()?, **b.peek()?);
                // What ends first meets nothing further on the other side.
                if x.last < y.last {
                    a.next()
                } else {
                    b.next()
                };
                let (first, last) = (x.first.max(y.first), x.last.min(y.last));
                if first <= last {
                    return Some(ClassRange { first, last });
                }
            }
        })
    }

    /// The classes below [`MAX_CLASSES`] that are not in the set.
    fn complement(&self) -> Self {
        let starts = core::iter::once(0).chain(self.ranges.iter().map(|range| range.last + 1));
        let ends = self.ranges.iter().map(|range| range.first).chain([MAX_CLASSES]);
        // Before class 0 and after the last one there may be nothing.
        let gaps = starts.zip(ends).filter(|(start, end)| start < end);
        Self { ranges: gaps.map(|(start, end)| ClassRange { first: start, last: end - 1 }).collect() }
    }
}

impl fmt::Display for ClassSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, range) in self.ranges.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            write!(f, "{range}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ClassSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Takes items in any order, overlapping and adjacent, and numbers with leading zeros; what is printed is the normal
/// form.
impl FromStr for ClassSet {
    type Err = ParseClassSetError;

    fn from_str(text: &str) -> Result<Self, ParseClassSetError> {
        if text.is_empty() {
            return Ok(Self::empty());
        }
        let ranges: Result<_, _> = text.split(',').map(parse_range).collect();
        Ok(Self::from_unsorted(ranges?))
    }
}

fn parse_range(item: &str) -> Result<ClassRange, ParseClassSetError> {
    if item.is_empty() {
        return Err(ParseClassSetError::EmptyItem);
    }
    let (first, last) = item.split_once('-').unwrap_or((item, item));
    Ok(ClassRange::new(parse_class(first)?, parse_class(last)?)?)
}

fn parse_class(text: &str) -> Result<u32, ParseClassSetError> {
    // The parser of the standard library would take a plus sign.
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ParseClassSetError::Number);
    }
    // Digits alone fail for one reason.
    text.parse().map_err(|_| ClassSetError::OutOfRange.into())
}

impl Message for ClassSet {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::CLASS_SET;

    fn encode_body(&self, sink: &mut dyn Sink) {
        put_count(sink, self.ranges.len());
        for range in &self.ranges {
            sink.put(&range.first.to_be_bytes());
            sink.put(&range.last.to_be_bytes());
        }
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = reader.count(MAX_RANGES, 8)?;
        let mut ranges: Vec<ClassRange> = Vec::with_capacity(count);
        for _ in 0..count {
            let next = ClassRange::new(reader.u32()?, reader.u32()?).map_err(|_| DecodeError::Value)?;
            if ranges.last().is_some_and(|last| !last.ends_before(&next)) {
                return Err(DecodeError::Value);
            }
            ranges.push(next);
        }
        Ok(Self { ranges })
    }
}

public_encoding!(ClassSet);

/// Why numbers are not a set of classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClassSetError {
    /// A class is [`MAX_CLASSES`] or above.
    OutOfRange,
    /// A range ends before it starts.
    Reversed,
}

impl fmt::Display for ClassSetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange => write!(f, "classes end at {}", MAX_CLASSES - 1),
            Self::Reversed => f.write_str("a range of classes ends before it starts"),
        }
    }
}

impl core::error::Error for ClassSetError {}

/// Why text is not a set of classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseClassSetError {
    /// There is nothing before, between or after commas.
    EmptyItem,
    /// An item is neither a number nor two with a dash between them; only digits make a number.
    Number,
    /// The numbers are not classes.
    Classes(ClassSetError),
}

impl From<ClassSetError> for ParseClassSetError {
    fn from(error: ClassSetError) -> Self {
        Self::Classes(error)
    }
}

impl fmt::Display for ParseClassSetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyItem => f.write_str("an item between commas is empty"),
            Self::Number => f.write_str("an item is neither a number nor a range of two"),
            Self::Classes(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ParseClassSetError {}

#[cfg(test)]
mod tests {
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
        for text in
            [" ", " 1", "1 ", "1, 2", "+1", "-", "-1", "1-", "1-2-3", "1--2", "1-+2", "0x1", "a", "1;2", "١", "1\n"]
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
}
