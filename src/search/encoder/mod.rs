//! Encoders: how values become numbers whose order is theirs, or texts that are equal or not.
//!
//! They read what FHIR writes, in its lexical forms and no others, and never round: what does not fit is refused, since a
//! value that was changed on the way in is found where it should not be. The one exception is said by the encoder's name,
//! the [`Precision`] of date-times.
//!
//! They hide nothing: what a mode shows of the numbers, [`leakage`](super::leakage) says. Whoever gives a code more lengths
//! of prefixes, or a date-time more precision than anybody asks for, has more to show.
//!
//! They work on plaintext, at whoever has it anyway, and take time that depends on it. A [`Value`] is wiped on drop;
//! the text that it was made of is the caller's, and intermediate numbers are left to the stack.

mod calendar;
mod code;
mod decimal;
mod error;
mod query;
#[cfg(test)]
mod tests;
mod text;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use super::value::{Plain, Value};
use crate::encoding::{Reader, Sink};
use crate::error::DecodeError;
use calendar::Calendar;

pub use error::{EncodeError, EncoderError};

/// Of what a date-time is kept. Everything below is cut off, not rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Precision {
    /// Hours, in 28 bits.
    Hour = 1,
    /// Minutes, in 36 bits.
    Minute = 2,
    /// Seconds, in 40 bits.
    Second = 3,
}

impl Precision {
    fn seconds(self) -> i128 {
        match self {
            Self::Hour => 3600,
            Self::Minute => 60,
            Self::Second => 1,
        }
    }

    /// The least multiple of 4 that has room for the last unit of the year 9999.
    fn bits(self) -> u8 {
        match self {
            Self::Hour => 28,
            Self::Minute => 36,
            Self::Second => 40,
        }
    }
}

/// How the values of a space are encoded.
///
/// Every width costs: an encrypted value is as long as its encoder is wide, and what is wider than the data shows more of
/// where values differ. Encoded length: 1 byte for dates, 2 for date-times and integers, 3 for decimals, 9 for codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Encoder(Kind);

/// Which, within the bounds that the constructors and the reader check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Date,
    DateTime(Precision),
    Decimal { scale: u8, bits: u8 },
    Integer { bits: u8 },
    Code { prefixes: u64 },
}

/// The numbers that a text names: one, several if it is a part of a date, and none if it lies between two numbers; then
/// `first` is the one after it and `last` the one before it.
struct Span {
    first: i128,
    last: i128,
}

impl Encoder {
    /// The most lengths of prefixes.
    pub const MAX_PREFIXES: usize = 8;
    /// The longest code in bytes.
    pub const MAX_CODE: usize = 64;
    /// The most digits after the point of a decimal.
    pub const MAX_SCALE: u8 = 18;

    /// Days, from 0001-01-01 to 9999-12-31 in the Gregorian calendar, in 24 bits.
    #[must_use]
    pub fn date() -> Self {
        Self(Kind::Date)
    }

    /// Instants in UTC, from the beginning of the year 1 to the end of the year 9999.
    #[must_use]
    pub fn date_time(precision: Precision) -> Self {
        Self(Kind::DateTime(precision))
    }

    /// Decimals with at most `scale` digits after the point, at most [`MAX_SCALE`](Self::MAX_SCALE). Times 10^scale, they
    /// are integers in two's complement of `bits` bits, a multiple of 4 from 4 to 64.
    ///
    /// # Errors
    /// [`EncoderError::Scale`], [`EncoderError::Bits`].
    pub fn decimal(scale: u8, bits: u8) -> Result<Self, EncoderError> {
        Self(Kind::Decimal { scale, bits }).checked()
    }

    /// Integers in two's complement of `bits` bits, a multiple of 4 from 4 to 64.
    ///
    /// # Errors
    /// [`EncoderError::Bits`].
    pub fn integer(bits: u8) -> Result<Self, EncoderError> {
        Self(Kind::Integer { bits }).checked()
    }

    /// Codes, which are equal or begin alike, and have no order. `prefixes` are the lengths of prefixes that can be asked
    /// for: at most [`MAX_PREFIXES`](Self::MAX_PREFIXES), none beyond [`MAX_CODE`](Self::MAX_CODE); the order in which
    /// they are given does not matter, nor does a repetition.
    ///
    /// # Errors
    /// [`EncoderError::Prefixes`].
    pub fn code(prefixes: &[usize]) -> Result<Self, EncoderError> {
        let bit = |len: &usize| match len {
            1..=Self::MAX_CODE => Ok(1 << (len - 1)),
            _ => Err(EncoderError::Prefixes),
        };
        let prefixes = prefixes.iter().try_fold(0_u64, |all, len| Ok(all | bit(len)?))?;
        Self(Kind::Code { prefixes }).checked()
    }

    /// The one place where parameters are checked, for constructors and for the reader.
    fn checked(self) -> Result<Self, EncoderError> {
        match self.0 {
            Kind::Decimal { scale, .. } if scale > Self::MAX_SCALE => Err(EncoderError::Scale),
            Kind::Decimal { bits, .. } | Kind::Integer { bits } if !(4..=64).contains(&bits) || bits % 4 != 0 => {
                Err(EncoderError::Bits)
            }
            Kind::Code { prefixes } if prefixes.count_ones() as usize > Self::MAX_PREFIXES => {
                Err(EncoderError::Prefixes)
            }
            _ => Ok(self),
        }
    }

    /// The width of the numbers in bits, a multiple of 4; `None` for codes.
    #[must_use]
    pub fn bits(&self) -> Option<u8> {
        match self.0 {
            Kind::Date => Some(24),
            Kind::DateTime(precision) => Some(precision.bits()),
            Kind::Decimal { bits, .. } | Kind::Integer { bits } => Some(bits),
            Kind::Code { .. } => None,
        }
    }

    /// How many tags a value has: one for itself and one for each length of prefix.
    #[must_use]
    pub fn tags(&self) -> u8 {
        // At most nine.
        1 + self.prefixes().count_ones() as u8
    }

    /// The lengths of prefixes that can be asked for, ascending; none for numbers.
    pub fn prefix_lengths(&self) -> impl Iterator<Item = usize> + use<> {
        let prefixes = self.prefixes();
        (1..=Self::MAX_CODE).filter(move |len| prefixes >> (len - 1) & 1 == 1)
    }

    fn prefixes(&self) -> u64 {
        match self.0 {
            Kind::Code { prefixes } => prefixes,
            _ => 0,
        }
    }

    /// The least and the greatest number before the least is taken off; `None` for codes.
    fn domain(&self) -> Option<(i128, i128)> {
        match self.0 {
            Kind::Date => Some((0, calendar::DAYS - 1)),
            Kind::DateTime(precision) => {
                Some((0, calendar::DAYS * calendar::SECONDS_PER_DAY / precision.seconds() - 1))
            }
            Kind::Decimal { bits, .. } | Kind::Integer { bits } => {
                let half = 1 << (bits - 1);
                Some((-half, half - 1))
            }
            Kind::Code { .. } => None,
        }
    }

    /// The numbers that a text names, within the domain or not.
    fn span(&self, text: &str) -> Result<Span, EncodeError> {
        match self.0 {
            Kind::Date => match calendar::parse(text)? {
                Calendar::Days(days) => Ok(days),
                Calendar::Second(_) => Err(EncodeError::Form),
            },
            Kind::DateTime(precision) => {
                let (first, last) = match calendar::parse(text)? {
                    Calendar::Days(Span { first, last }) => {
                        (first * calendar::SECONDS_PER_DAY, (last + 1) * calendar::SECONDS_PER_DAY - 1)
                    }
                    Calendar::Second(second) => (second, second),
                };
                let unit = precision.seconds();
                Ok(Span { first: first.div_euclid(unit), last: last.div_euclid(unit) })
            }
            Kind::Decimal { scale, .. } => decimal::parse_decimal(text, scale),
            Kind::Integer { .. } => decimal::parse_integer(text),
            Kind::Code { .. } => Err(EncodeError::Query),
        }
    }

    /// A value from its text, in FHIR's form:
    ///
    /// * dates: `2023-05-01`. A year or a month alone is an interval, and refused: who knows no more has no date.
    /// * date-times: `2023-05-01T10:00:00+02:00`, with any number of digits after the seconds; in UTC, cut off at the
    ///   [`Precision`]. Without an offset, a time is refused. So is a leap second: the second before it and the one
    ///   after it have numbers of their own, and to choose is the caller's.
    /// * decimals: `7.5`, `-0.30`, `1e3`. Zeros at the end do not count: 7.50 equals 7.5.
    /// * integers: `42`, `-7`, `+7`.
    /// * codes: 1 to [`MAX_CODE`](Self::MAX_CODE) characters of printable ASCII, without a space at either end or two
    ///   in a row. Case counts.
    ///
    /// # Errors
    /// [`EncodeError`].
    pub fn parse(&self, text: &str) -> Result<Value, EncodeError> {
        if let Kind::Code { .. } = self.0 {
            code::check(text, false)?;
            return Ok(Value(Plain::Code(Zeroizing::new(Vec::from(text)))));
        }
        let Span { first, last } = self.span(text)?;
        if first < last {
            return Err(EncodeError::Partial);
        }
        if first > last {
            return Err(EncodeError::Digits);
        }
        self.number(first)
    }

    /// A value of an encoder of [integers](Self::integer).
    ///
    /// # Errors
    /// [`EncodeError::Range`], or [`EncodeError::Form`] if the encoder is another.
    pub fn encode(&self, integer: i64) -> Result<Value, EncodeError> {
        match self.0 {
            Kind::Integer { .. } => self.number(integer.into()),
            _ => Err(EncodeError::Form),
        }
    }

    fn number(&self, number: i128) -> Result<Value, EncodeError> {
        match self.domain() {
            Some((min, max)) if (min..=max).contains(&number) => {
                Ok(Value(Plain::Number(Zeroizing::new((number - min) as u64))))
            }
            _ => Err(EncodeError::Range),
        }
    }

    /// The text of a value, from which [`parse`](Self::parse) makes it again: all digits of decimals, date-times with
    /// seconds and in UTC. `None` if the value is not this encoder's. Wiped on drop.
    #[must_use]
    pub fn format(&self, value: &Value) -> Option<Zeroizing<String>> {
        // Room for every value: growing would leave a copy behind.
        let mut out = Zeroizing::new(String::with_capacity(Self::MAX_CODE));
        match &value.0 {
            Plain::Number(number) => {
                let (min, max) = self.domain()?;
                let number = i128::from(**number) + min;
                (number <= max).then_some(())?;
                self.write_number(&mut out, number).ok()?;
            }
            Plain::Code(bytes) => {
                let text = core::str::from_utf8(bytes).ok()?;
                self.domain().is_none().then_some(())?;
                code::check(text, false).ok()?;
                out.push_str(text);
            }
        }
        Some(out)
    }

    fn write_number(&self, out: &mut String, number: i128) -> fmt::Result {
        match self.0 {
            Kind::Date => calendar::write_day(out, u32::try_from(number).map_err(|_| fmt::Error)?),
            Kind::DateTime(precision) => calendar::write_second(out, number * precision.seconds()),
            Kind::Decimal { scale, .. } => decimal::write(out, number, scale),
            Kind::Integer { .. } => decimal::write(out, number, 0),
            Kind::Code { .. } => Err(fmt::Error),
        }
    }

    pub(crate) fn write(&self, sink: &mut dyn Sink) {
        match self.0 {
            Kind::Date => sink.put(&[1]),
            Kind::DateTime(precision) => sink.put(&[2, precision as u8]),
            Kind::Decimal { scale, bits } => sink.put(&[3, scale, bits]),
            Kind::Integer { bits } => sink.put(&[4, bits]),
            Kind::Code { prefixes } => {
                sink.put(&[5]);
                sink.put(&prefixes.to_be_bytes());
            }
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let [tag] = reader.array()?;
        let kind = match tag {
            1 => Kind::Date,
            2 => match reader.array()? {
                [1] => Kind::DateTime(Precision::Hour),
                [2] => Kind::DateTime(Precision::Minute),
                [3] => Kind::DateTime(Precision::Second),
                _ => return Err(DecodeError::Value),
            },
            3 => {
                let [scale, bits] = reader.array()?;
                Kind::Decimal { scale, bits }
            }
            4 => {
                let [bits] = reader.array()?;
                Kind::Integer { bits }
            }
            5 => Kind::Code { prefixes: reader.u64()? },
            _ => return Err(DecodeError::Value),
        };
        Self(kind).checked().map_err(|_| DecodeError::Value)
    }
}
