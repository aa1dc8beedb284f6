//! Left ciphertexts and tokens: what is asked with.

use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use super::key::{QueryKey, read_scope};
use super::prf::{At, Blocks, Scratch, Tags, blocks};
use super::right::lengths;
use crate::encoding::{Kind, Reader, Sink, kind, put_count};
use crate::error::DecodeError;
use crate::search::value::{Ask, Plain, check_range, fits};
use crate::search::{Encoder, Path, Query, Shape, TrapdoorError, Value};

/// The left ciphertext of a bound: for each block the key of its slot, and which slot. 132 bytes for 32 bits.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Left(Vec<([u8; 16], u8)>);

impl Left {
    pub(super) fn new(keys: &Blocks, bits: u8, number: u64) -> Self {
        let mut scratch = Scratch::new();
        let block = |at: At| {
            let slot = keys.permutation(at.index, *at.prefix, &mut scratch).slot(*at.value);
            (keys.slot_key(at.index, slot, *at.prefix), slot)
        };
        Self(At::all(bits, number).map(block).collect())
    }

    pub(super) fn blocks(&self) -> &[([u8; 16], u8)] {
        &self.0
    }

    /// Encoded length.
    fn len(bits: u8) -> usize {
        let count = usize::from(blocks(bits));
        16 * count + count.div_ceil(2)
    }

    /// Keys, then slots, two to a byte.
    pub(super) fn write(&self, sink: &mut dyn Sink) {
        self.0.iter().for_each(|(key, _)| sink.put(key));
        let mut slots = self.0.iter().map(|(_, slot)| slot);
        while let Some(slot) = slots.next() {
            sink.put(&[slot << 4 | slots.next().unwrap_or(&0)]);
        }
    }

    fn read(bits: u8, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = usize::from(blocks(bits));
        let keys = (0..count).map(|_| reader.array()).collect::<Result<Vec<_>, _>>()?;
        let slots = reader.take(count.div_ceil(2))?;
        let mut slots = slots.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
        let left = keys.into_iter().zip(slots.by_ref()).collect();
        // What is left of an odd number.
        if slots.any(|slot| slot != 0) { Err(DecodeError::Value) } else { Ok(Self(left)) }
    }
}

/// What is asked of all providers alike.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Test {
    /// Numbers within the bounds that there are.
    Range { lower: bool, upper: bool },
    /// Values whose tag at this position is the key's.
    Tag(u8),
}

impl Test {
    const LOWER: u8 = 1;
    const UPPER: u8 = 2;
    const TAG: u8 = 4;

    fn write(self, sink: &mut dyn Sink) {
        match self {
            Self::Range { lower, upper } => {
                sink.put(&[(u8::from(lower) * Self::LOWER) | (u8::from(upper) * Self::UPPER)])
            }
            Self::Tag(position) => sink.put(&[Self::TAG, position]),
        }
    }

    fn read(shape: &Shape, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let [flags] = reader.array()?;
        if flags == Self::TAG {
            let [position] = reader.array()?;
            return if position < shape.tags() { Ok(Self::Tag(position)) } else { Err(DecodeError::Value) };
        }
        if shape.bits() == 0 || flags & !(Self::LOWER | Self::UPPER) != 0 {
            return Err(DecodeError::Value);
        }
        Ok(Self::Range { lower: flags & Self::LOWER != 0, upper: flags & Self::UPPER != 0 })
    }
}

/// What one provider's values are held against.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Part {
    Range { lower: Option<Left>, upper: Option<Left> },
    Tag { position: u8, key: [u8; 16] },
}

/// What a token says for one space: for each provider the left ciphertexts of the bounds, or the key of a tag.
///
/// With it a cloud learns which entries of these providers are less than, equal to and greater than each bound, and in which
/// block of 4 bits they first differ; of a tag, which entries have it. Two tokens for one provider show how many of their
/// bounds' first blocks are the same. It works on every entry of these providers, also on one that comes later, until their
/// keys change.
///
/// Encoded: what is asked, in 1 or 2 bytes; a count in 4; for each provider 1 + 36 for each step that it does not share with
/// the one before, and 16.5 bytes for each block of each bound, or 16 for a tag: 30 kB for 100 providers and both bounds of 32
/// bits, also where they are departments.
#[derive(Clone, PartialEq, Eq)]
pub struct Trapdoor {
    test: Test,
    parts: Vec<(Path, Part)>,
}

impl Trapdoor {
    /// What the values of a provider are held against.
    pub(super) fn part(&self, path: &Path) -> Option<&Part> {
        let found = self.parts.binary_search_by(|(other, _)| other.cmp(path)).ok()?;
        self.parts.get(found).map(|(_, part)| part)
    }
}

impl crate::search::Trapdoor for Trapdoor {
    const TOKEN: Kind = kind::LEFT_TOKEN;

    fn scope(&self) -> impl Iterator<Item = &Path> {
        self.parts.iter().map(|(path, _)| path)
    }

    fn write(&self, sink: &mut dyn Sink) {
        self.test.write(sink);
        put_count(sink, self.parts.len());
        let mut last = None;
        for (path, part) in &self.parts {
            path.write_after(last, sink);
            last = Some(path);
            match part {
                Part::Range { lower, upper } => [lower, upper].into_iter().flatten().for_each(|left| left.write(sink)),
                Part::Tag { key, .. } => sink.put(key),
            }
        }
    }

    fn read(shape: &Shape, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (test, bits) = (Test::read(shape, reader)?, shape.bits());
        let parts = match test {
            Test::Range { lower, upper } => {
                let bounds = usize::from(lower) + usize::from(upper);
                read_scope(reader, bounds * Left::len(bits), |reader| {
                    let mut bound = |is: bool| is.then(|| Left::read(bits, reader)).transpose();
                    Ok(Part::Range { lower: bound(lower)?, upper: bound(upper)? })
                })
            }
            Test::Tag(position) => read_scope(reader, 16, |reader| Ok(Part::Tag { position, key: reader.array()? })),
        }?;
        Ok(Self { test, parts })
    }
}

impl fmt::Debug for Trapdoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trapdoor").field("providers", &self.parts.len()).finish_non_exhaustive()
    }
}

/// Makes a token.
pub(super) fn question(key: &QueryKey, query: &Query) -> Result<Trapdoor, TrapdoorError> {
    let (encoder, queries) = (key.space().encoder(), key.space().queries());
    match &query.0 {
        Ask::Range { lower, upper } if queries.ranges() => {
            range(key, lower.as_deref().copied(), upper.as_deref().copied())
        }
        Ask::Point(Value(plain)) => match (plain, encoder.bits()) {
            (Plain::Number(number), Some(bits)) if !fits(bits, **number) => Err(TrapdoorError::Value),
            (Plain::Number(number), Some(_)) if queries.points() => {
                Ok(by_tag(key, encoder.tags() - 1, Tags::WHOLE, &number.to_be_bytes()))
            }
            (Plain::Number(number), Some(_)) => range(key, Some(**number), Some(**number)),
            (Plain::Code(text), None) if text.len() <= Encoder::MAX_CODE => {
                Ok(by_tag(key, encoder.tags() - 1, Tags::WHOLE, text))
            }
            _ => Err(TrapdoorError::Value),
        },
        Ask::Prefix(text) => {
            // Only codes have prefixes.
            let of_length = |(_, len): &(u8, u8)| usize::from(*len) == text.len();
            let (position, len) = (0..).zip(lengths(encoder)).find(of_length).ok_or(TrapdoorError::Query)?;
            Ok(by_tag(key, position, len, text))
        }
        // The order is not known before somebody asks.
        _ => Err(TrapdoorError::Query),
    }
}

fn range(key: &QueryKey, lower: Option<u64>, upper: Option<u64>) -> Result<Trapdoor, TrapdoorError> {
    let bits = key.space().shape().bits();
    check_range(bits, lower, upper)?;
    let part = |(path, data): &(Path, Zeroizing<[u8; 32]>)| {
        let keys = Blocks::new(data);
        let left = |bound: Option<u64>| bound.map(|bound| Left::new(&keys, bits, bound));
        (path.clone(), Part::Range { lower: left(lower), upper: left(upper) })
    };
    let test = Test::Range { lower: lower.is_some(), upper: upper.is_some() };
    Ok(Trapdoor { test, parts: key.keys().iter().map(part).collect() })
}

fn by_tag(key: &QueryKey, position: u8, level: u8, text: &[u8]) -> Trapdoor {
    let part = |(path, data): &(Path, Zeroizing<[u8; 32]>)| {
        let key = *Tags::new(data).key(level, text);
        (path.clone(), Part::Tag { position, key })
    };
    Trapdoor { test: Test::Tag(position), parts: key.keys().iter().map(part).collect() }
}
