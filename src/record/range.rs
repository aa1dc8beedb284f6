//! Ranges: some bytes of a body, with what proves that the author signed them at this place.

use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use super::body::{self, Layout, Plaintext, Run};
use super::error::RangeError;
use super::header::{Layer, SealedHeader, SealedPartition};
use super::open::{Expected, Opener, Unlocked};
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding};
use crate::error::{DecodeError, OpenError};
use crate::hash::Digest;
use crate::merkle::MAX_PROOF;
use crate::pre::Pre;

/// A range of a plaintext as chunks.
pub(super) struct Cover {
    /// Numbers of the chunks.
    pub(super) chunks: Range<u32>,
    /// Where they lie in the body.
    pub(super) body: Range<u64>,
    /// Where the range starts in the first chunk.
    skip: usize,
    /// Length of the range.
    take: usize,
}

impl Cover {
    /// `None` when the range is not within the plaintext. An empty range is covered by no chunk.
    pub(super) fn new(layout: Layout, range: &Range<u64>) -> Option<Self> {
        if range.end > layout.length() {
            return None;
        }
        // Also refuses a range that ends before it starts.
        let take = usize::try_from(range.end.checked_sub(range.start)?).ok()?;
        let size = layout.chunk().bytes() as u64;
        let chunks = if range.is_empty() {
            0..0
        } else {
            u32::try_from(range.start.checked_div(size)?).ok()?..u32::try_from(range.end.div_ceil(size)).ok()?
        };
        let sealed = layout.chunk().sealed() as u64;
        let at = |chunk: u32| u64::from(chunk).checked_mul(sealed).map(|at| at.min(layout.sealed_len()));
        Some(Self {
            body: at(chunks.start)?..at(chunks.end)?,
            chunks,
            skip: if range.is_empty() { 0 } else { usize::try_from(range.start.checked_rem(size)?).ok()? },
            take,
        })
    }

    fn body_len(&self) -> Option<usize> {
        usize::try_from(self.body.end.checked_sub(self.body.start)?).ok()
    }
}

/// What a cloud returns for a range of bytes: the header, the chunks that cover the range, and the Merkle hashes that
/// lead from them to the root that the author signed. It opens without anything else.
///
/// Encoded, after the 4 header bytes: [`SealedHeader`], first byte of the range (8 bytes) and the one behind its last
/// (8), chunks, number of hashes (4), hashes (32 each, at most 64). The hashes are those of the largest subtrees that
/// hold no chunk of the range, left to right. An empty range has no chunks, and the root as its only hash.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedRange {
    pub(super) header: SealedHeader,
    pub(super) range: Range<u64>,
    pub(super) chunks: Vec<u8>,
    pub(super) proof: Vec<Digest>,
}

impl SealedRange {
    /// The header of the partition.
    pub fn header(&self) -> &SealedHeader {
        &self.header
    }

    /// Which bytes of the plaintext it is said to hold.
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }
}

impl fmt::Debug for SealedRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedRange").field("header", &self.header).field("range", &self.range).finish_non_exhaustive()
    }
}

impl Message for SealedRange {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::SEALED_RANGE;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.header.write(sink);
        sink.put(&self.range.start.to_be_bytes());
        sink.put(&self.range.end.to_be_bytes());
        sink.put(&self.chunks);
        // At most `MAX_PROOF`.
        sink.put(&(self.proof.len() as u32).to_be_bytes());
        self.proof.iter().for_each(|hash| sink.put(hash.as_bytes()));
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let header = SealedHeader::read(reader)?;
        let range = reader.u64()?..reader.u64()?;
        let cover = Cover::new(header.layout(), &range).ok_or(DecodeError::Value)?;
        let chunks = reader.take(cover.body_len().ok_or(DecodeError::Length)?)?.to_vec();
        let count = reader.count(MAX_PROOF, Digest::LEN)?;
        let proof = (0..count).map(|_| reader.array().map(Digest::from_array)).collect::<Result<_, _>>()?;
        Ok(Self { header, range, chunks, proof })
    }
}

public_encoding!(SealedRange);

/// The leaf hashes of one body, for a cloud that serves ranges of it: 32 bytes a chunk, 0.5 MiB for 1 GiB.
///
/// The hashes are of what the author sealed, so they stay when a cloud puts a [`Layer`] around the body or replaces it:
/// keep the index, and ranges of the layered body are cut with it. From a layered body no index can be made.
#[derive(Clone)]
pub struct BodyIndex {
    pub(super) leaves: Vec<Digest>,
}

impl fmt::Debug for BodyIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyIndex").field("chunks", &self.leaves.len()).finish_non_exhaustive()
    }
}

impl BodyIndex {
    /// Hashes a body once.
    ///
    /// # Errors
    /// [`RangeError::Body`] when this is not the body that the header's seal states: the cloud learns of its own
    /// damage. A body with a [`Layer`] is never that one. It does not check the signature.
    pub fn new(header: &SealedHeader, body: &[u8]) -> Result<Self, RangeError> {
        if body.len() as u64 != header.body_len() {
            return Err(RangeError::Body);
        }
        Self { leaves: body::hash_run(&body::body_tree(), header.layout().chunk(), body) }.checked(header)
    }

    pub(super) fn checked(self, header: &SealedHeader) -> Result<Self, RangeError> {
        let root = body::body_tree().root(&self.leaves);
        let sealed = header.mutable().layer() == Layer::None && root == header.seal().unverified().root();
        if sealed { Ok(self) } else { Err(RangeError::Body) }
    }

    /// Cuts bytes `range` of the plaintext out of the body. Costs O(chunks of the body) hashes of 64 bytes.
    ///
    /// # Errors
    /// [`RangeError`].
    pub fn cut(&self, header: &SealedHeader, body: &[u8], range: Range<u64>) -> Result<SealedRange, RangeError> {
        self.cut_with(header, range, |within| {
            let within = usize::try_from(within.start).ok()?..usize::try_from(within.end).ok()?;
            body.get(within).map(<[u8]>::to_vec)
        })
    }

    pub(super) fn cut_with(
        &self,
        header: &SealedHeader,
        range: Range<u64>,
        chunks: impl FnOnce(Range<u64>) -> Option<Vec<u8>>,
    ) -> Result<SealedRange, RangeError> {
        let cover = Cover::new(header.layout(), &range).ok_or(RangeError::OutOfBounds)?;
        if self.leaves.len() != header.layout().chunks() as usize {
            return Err(RangeError::Body);
        }
        let (start, end) = (cover.chunks.start as usize, cover.chunks.end as usize);
        let proof = body::body_tree().prove(&self.leaves, &(start..end)).ok_or(RangeError::Body)?;
        let chunks = chunks(cover.body).ok_or(RangeError::Body)?;
        Ok(SealedRange { header: header.clone(), range, chunks, proof })
    }
}

impl SealedPartition {
    /// Cuts bytes `range` of the plaintext out. For several ranges of one body, make a [`BodyIndex`] once.
    ///
    /// # Errors
    /// [`RangeError`]; always [`RangeError::Body`] for a body with a [`Layer`], which needs the [`BodyIndex`] from before.
    pub fn range(&self, range: Range<u64>) -> Result<SealedRange, RangeError> {
        BodyIndex::new(self.header(), self.body())?.cut(self.header(), self.body(), range)
    }
}

impl Unlocked {
    /// Opens some chunks of a body by their place in the tree.
    pub(super) fn open_range(&self, sealed: &SealedRange, wanted: &Range<u64>) -> Result<Plaintext, OpenError> {
        let cover = Cover::new(self.layout, wanted).ok_or(OpenError)?;
        if sealed.range != *wanted || cover.body_len() != Some(sealed.chunks.len()) {
            return Err(OpenError);
        }
        let (tree, chunk) = (body::body_tree(), self.layout.chunk());
        let chunks = self.without_layer(cover.body.start, &sealed.chunks);
        let leaves = body::hash_run(&tree, chunk, &chunks);
        let (count, first) = (self.layout.chunks(), cover.chunks.start);
        let root = tree.root_of_range(count.into(), first.into(), &leaves, &sealed.proof);
        if root != Some(self.root) {
            return Err(OpenError);
        }
        let run = Run { chunk, first, ends: cover.chunks.end == count };
        let mut out = Plaintext::new();
        body::open_run(&self.cipher, run, &chunks, &mut out)?;
        out.narrow(cover.skip, cover.skip.checked_add(cover.take).ok_or(OpenError)?)?;
        Ok(out)
    }
}

impl<S: Pre> Opener<'_, S> {
    /// Opens bytes `wanted` of a plaintext from what a cloud cut out. The total length is checked with the place, so
    /// the answer is for these bytes of this body.
    ///
    /// Costs as [`Opener::open`], for the chunks of the range.
    ///
    /// # Errors
    /// [`OpenError`], whatever the cause; also when the answer is for another range.
    pub fn open_range(
        &self,
        expected: &Expected<'_>,
        sealed: &SealedRange,
        wanted: Range<u64>,
    ) -> Result<Plaintext, OpenError> {
        self.unlock(&sealed.header, expected)?.open_range(sealed, &wanted)
    }
}
