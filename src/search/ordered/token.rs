//! What users ask, before and after the switcher.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use super::{Digests, Points};
use crate::encoding::{Kind, Reader, Sink, kind};
use crate::error::DecodeError;
use crate::search::path::{read_scope, write_scope};
use crate::search::{End, Form, MAX_TOP, Path, Shape};

/// The forms of values that bounds come in.
pub trait Bound: Form {
    /// Which message a token with them is.
    const TOKEN: Kind;
}

impl Bound for Points {
    const TOKEN: Kind = kind::POINT_TOKEN;
}

impl Bound for Digests {
    const TOKEN: Kind = kind::DIGEST_TOKEN;
}

/// What a user asks the switcher to switch.
pub type Question = Token<Points>;

/// What the index answers. Whoever has it can ask again, and learns with the index what the answer leaks.
pub type Trapdoor = Token<Digests>;

/// A range, both ends included, either of which may be missing; from which end, how many at most, and of which providers.
///
/// The scope is good will: switcher and index filter by it, and no cryptography does.
///
/// Encoded length: 1 + each bound + 1 + 4 + 4 + the paths bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Token<F> {
    pub(super) lower: Option<Vec<u8>>,
    pub(super) upper: Option<Vec<u8>>,
    pub(super) end: End,
    pub(super) limit: u32,
    pub(super) scope: Vec<Path>,
    pub(super) form: PhantomData<F>,
}

impl<F> Token<F> {
    /// From which end.
    #[must_use]
    pub fn end(&self) -> End {
        self.end
    }

    /// How many at most.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.limit
    }
}

impl<F> fmt::Debug for Token<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bounds = (self.lower.is_some(), self.upper.is_some());
        let mut out = f.debug_struct("Token");
        out.field("bounds", &bounds).field("end", &self.end).field("limit", &self.limit).field("scope", &self.scope);
        out.finish_non_exhaustive()
    }
}

impl<F: Bound> crate::search::Trapdoor for Token<F> {
    const TOKEN: Kind = F::TOKEN;

    fn scope(&self) -> impl Iterator<Item = &Path> {
        self.scope.iter()
    }

    fn write(&self, sink: &mut dyn Sink) {
        sink.put(&[u8::from(self.lower.is_some()) | u8::from(self.upper.is_some()) << 1]);
        [&self.lower, &self.upper].into_iter().flatten().for_each(|bound| sink.put(bound));
        sink.put(&[match self.end {
            End::Smallest => 0,
            End::Greatest => 1,
        }]);
        sink.put(&self.limit.to_be_bytes());
        write_scope(&self.scope, sink);
    }

    fn read(shape: &Shape, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let [bounds] = reader.array()?;
        if bounds > 3 {
            return Err(DecodeError::Value);
        }
        let mut bound = |there: bool| {
            let take = || {
                let bytes = reader.take(F::len(shape))?;
                F::check(shape, bytes)?;
                Ok(bytes.to_vec())
            };
            there.then(take).transpose()
        };
        let (lower, upper) = (bound(bounds & 1 != 0)?, bound(bounds & 2 != 0)?);
        let end = match reader.array()? {
            [0] => End::Smallest,
            [1] => End::Greatest,
            _ => return Err(DecodeError::Value),
        };
        let limit = reader.u32()?;
        // A range has no limit.
        if limit > MAX_TOP && limit != u32::MAX {
            return Err(DecodeError::Value);
        }
        Ok(Self { lower, upper, end, limit, scope: read_scope(reader)?, form: PhantomData })
    }
}
