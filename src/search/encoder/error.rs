//! Why an encoder did not do what was asked of it.

use core::fmt;

/// Why there is no such encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncoderError {
    /// A width is a multiple of 4 from 4 to 64 bits.
    Bits,
    /// More than 18 digits after the point.
    Scale,
    /// A length of prefixes is from 1 to 64 characters, and there are at most 8 of them.
    Prefixes,
}

impl fmt::Display for EncoderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bits => "a width is a multiple of 4 from 4 to 64 bits",
            Self::Scale => "at most 18 digits are kept after the point",
            Self::Prefixes => "at most eight lengths of prefixes can be asked for, from 1 to 64",
        })
    }
}

impl core::error::Error for EncoderError {}

/// Why a text is neither a value nor a bound, or a query is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// It has not the form of what the encoder is for.
    Form,
    /// No calendar has such a day, no clock such a time, no zone such an offset.
    Calendar,
    /// It names an interval, a year for example, where one value is wanted.
    Partial,
    /// A time without an offset from UTC is no instant.
    Offset,
    /// A leap second: the sixtieth second of a minute, for which there is no number.
    LeapSecond,
    /// It is beyond the least or the greatest value of the encoder.
    Range,
    /// More digits after the point than the encoder keeps. They are not rounded.
    Digits,
    /// A code is empty, or longer than 64 bytes.
    Length,
    /// A prefix has a length that the encoder does not have.
    Prefix,
    /// The encoder has no such queries: codes have no ranges, numbers no prefixes.
    Query,
    /// Nothing can be found: the range ends before it starts, or is outside the encoder's.
    Empty,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "the text has not the encoder's form",
            Self::Calendar => "there is no such day, time or offset",
            Self::Partial => "a part of a date is an interval, not a value",
            Self::Offset => "the time has no offset from UTC",
            Self::LeapSecond => "leap seconds have no number",
            Self::Range => "the value is out of the encoder's range",
            Self::Digits => "the value has more digits than the encoder keeps",
            Self::Length => "a code is from 1 to 64 bytes long",
            Self::Prefix => "the encoder has no prefixes of this length",
            Self::Query => "the encoder has no such queries",
            Self::Empty => "the query can find nothing",
        })
    }
}

impl core::error::Error for EncodeError {}
