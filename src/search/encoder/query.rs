//! Queries from texts.

use alloc::vec::Vec;
use core::ops::{Bound, RangeBounds};

use zeroize::Zeroizing;

use super::{EncodeError, Encoder, code};
use crate::search::value::Ask;
use crate::search::{End, MAX_TOP, Query};

impl Query {
    /// The numbers between two bounds, each of which is a text, included, excluded or missing: `"7.0"..="8.5"`.
    ///
    /// * A decimal may have more digits than are kept, and is rounded inward: at one digit, above 7.55 is from 7.6 on.
    /// * A date-time is truncated, as values are: to the hour, after 10:30 is from 11:00 on, and from 10:30 on is from
    ///   10:00 on.
    /// * A part of a date is its interval, in UTC for date-times: from 2023 on starts with its first day, after 2023
    ///   with that of 2024, up to 2023 ends with its last day, before 2023 with that of 2022.
    /// * A bound at or beyond an end of what the encoder has is as good as none, and is left out: so a token does not
    ///   show that it was there.
    ///
    /// # Errors
    /// [`EncodeError::Query`] for codes, [`EncodeError::Empty`] where no value lies between, and what else is wrong with
    /// a bound.
    pub fn range<'a>(encoder: &Encoder, bounds: impl RangeBounds<&'a str>) -> Result<Self, EncodeError> {
        let (min, max) = encoder.domain().ok_or(EncodeError::Query)?;
        let lower = match bounds.start_bound() {
            Bound::Included(text) => encoder.span(text)?.first,
            Bound::Excluded(text) => encoder.span(text)?.last + 1,
            Bound::Unbounded => min,
        };
        let upper = match bounds.end_bound() {
            Bound::Included(text) => encoder.span(text)?.last,
            Bound::Excluded(text) => encoder.span(text)?.first - 1,
            Bound::Unbounded => max,
        };
        let (lower, upper) = (lower.max(min), upper.min(max));
        if lower > upper {
            return Err(EncodeError::Empty);
        }
        let bound = |number: i128, end: i128| (number != end).then(|| Zeroizing::new((number - min) as u64));
        Ok(Self(Ask::Range { lower: bound(lower, min), upper: bound(upper, max) }))
    }

    /// What equals a value.
    ///
    /// # Errors
    /// As [`Encoder::parse`].
    pub fn point(encoder: &Encoder, text: &str) -> Result<Self, EncodeError> {
        encoder.parse(text).map(|value| Self(Ask::Point(value)))
    }

    /// The codes that begin with a text, whose length is one of the encoder's [prefixes](Encoder::prefix_lengths).
    ///
    /// # Errors
    /// [`EncodeError::Query`] if the encoder is not for codes, [`EncodeError::Prefix`] for another length, and
    /// [`EncodeError::Length`] and [`EncodeError::Form`] if no code begins so.
    pub fn prefix(encoder: &Encoder, text: &str) -> Result<Self, EncodeError> {
        if encoder.domain().is_some() {
            return Err(EncodeError::Query);
        }
        code::check(text, true)?;
        if !encoder.prefix_lengths().any(|len| len == text.len()) {
            return Err(EncodeError::Prefix);
        }
        Ok(Self(Ask::Prefix(Zeroizing::new(Vec::from(text)))))
    }

    /// The smallest or the greatest values over all providers, at most `count` of them, in the ordered mode. Values are
    /// counted, not records: one that has three of them counts three times, and is named once.
    ///
    /// # Errors
    /// [`EncodeError::Empty`] for none, [`EncodeError::Range`] for more than [`MAX_TOP`]. A cloud takes up to 0.5 KiB of memory
    /// for as many of each provider.
    pub fn top(end: End, count: u32) -> Result<Self, EncodeError> {
        match count {
            0 => Err(EncodeError::Empty),
            1..=MAX_TOP => Ok(Self(Ask::Top(end, count))),
            _ => Err(EncodeError::Range),
        }
    }
}
