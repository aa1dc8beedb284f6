//! Encoders: how values become numbers whose order is theirs, or texts that are equal or not.

use crate::encoding::{Reader, Sink};
use crate::error::DecodeError;

/// How the values of a space are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Encoder {
    /// Whole numbers in two's complement of so many bits: a multiple of 4 from 4 to 64.
    Integer {
        /// The width.
        bits: u8,
    },
    /// Codes, which are equal or begin alike, and have no order.
    Code {
        /// The lengths at which prefixes can be asked for: bit n for n + 1 characters, at most
        /// [`MAX_PREFIXES`](Self::MAX_PREFIXES) of them.
        prefixes: u64,
    },
}

impl Encoder {
    /// The most lengths of prefixes.
    pub const MAX_PREFIXES: usize = 8;
    /// The longest code in bytes.
    pub const MAX_CODE: usize = 64;

    /// The width of the numbers in bits, a multiple of 4; `None` for codes.
    #[must_use]
    pub fn bits(&self) -> Option<u8> {
        match *self {
            Self::Integer { bits } => Some(bits),
            Self::Code { .. } => None,
        }
    }

    /// How many tags a value has: one for itself and one for each length of prefix.
    #[must_use]
    pub fn tags(&self) -> u8 {
        match *self {
            Self::Code { prefixes } => 1 + prefixes.count_ones() as u8,
            Self::Integer { .. } => 1,
        }
    }

    pub(crate) fn write(&self, sink: &mut dyn Sink) {
        match *self {
            Self::Integer { bits } => sink.put(&[4, bits]),
            Self::Code { prefixes } => {
                sink.put(&[5]);
                sink.put(&prefixes.to_be_bytes());
            }
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let [tag] = reader.array()?;
        match tag {
            4 => Ok(Self::Integer { bits: u8::from_be_bytes(reader.array()?) }),
            5 => Ok(Self::Code { prefixes: reader.u64()? }),
            _ => Err(DecodeError::Value),
        }
    }
}
