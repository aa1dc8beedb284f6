//! Sets of record classes.

#[cfg(test)]
mod tests;

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
