//! Sealing and opening through `std::io`, for bodies that do not fit into memory.

use alloc::vec::Vec;
use core::ops::Range;
use std::io::{self, Read, Seek, SeekFrom, Write};

use rand_core::TryCryptoRng;

use super::body::{self, ChunkSize, Layout, Plaintext, Run};
use super::error::{
    LayerError, LayerStreamError, OpenStreamError, RangeError, RangeStreamError, SealError, SealStreamError,
};
use super::header::SealedHeader;
use super::layer::{self, Keystream, LayerStep};
use super::open::{Expected, Opener, Unlocked};
use super::range::{BodyIndex, Cover, SealedRange};
use super::seal::{Draft, Sealer};
use crate::context::RecordId;
use crate::error::OpenError;
use crate::hash::Digest;
use crate::identity::SigningKey;
use crate::merkle::{Roots, Tree};
use crate::pre::Pre;

/// How many chunks are in memory at a time: one; with `rayon` four for each thread, but at most 4 MiB.
fn batch(chunk: ChunkSize) -> usize {
    #[cfg(feature = "rayon")]
    {
        let most = (4_usize << 20).checked_div(chunk.bytes()).unwrap_or(1);
        rayon::current_num_threads().saturating_mul(4).clamp(1, most)
    }
    #[cfg(not(feature = "rayon"))]
    {
        let _ = chunk;
        1
    }
}

/// Reads until `buffer` is full or the reader ends, and gives the count.
fn fill<R: Read + ?Sized>(reader: &mut R, mut buffer: &mut [u8]) -> io::Result<usize> {
    let mut total = 0_usize;
    while !buffer.is_empty() {
        match reader.read(buffer) {
            Ok(0) => break,
            Ok(n) => {
                // A reader that claims more than there is room for is broken; believing it would panic later.
                let rest = core::mem::take(&mut buffer).get_mut(n..);
                buffer = rest.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
                total = total.saturating_add(n);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(total)
}

fn too_long() -> SealStreamError {
    SealError::TooLong.into()
}

impl<S: Pre> Sealer<'_, S> {
    /// Seals what `plaintext` yields until it ends, writes the body to `body`, and returns the header, which is to be
    /// kept with it. The same bytes as [`Sealer::seal`] makes.
    ///
    /// Holds one chunk of plaintext and one of ciphertext (with `rayon` at most 4 MiB of each) and one hash for each
    /// of at most 32 tree levels, whatever the length.
    ///
    /// # Errors
    /// [`SealStreamError`]. What was written by then has no header and opens for nobody; remove it.
    pub fn seal_stream<In, Out, R>(
        &self,
        record: RecordId,
        version: u64,
        plaintext: &mut In,
        body: &mut Out,
        rng: &mut R,
    ) -> Result<SealedHeader, SealStreamError>
    where
        In: Read + ?Sized,
        Out: Write + ?Sized,
        R: TryCryptoRng + ?Sized,
    {
        let draft = self.draft(record, version, rng)?;
        draft.seal_stream(self.author(), self.chunk(), plaintext, body)
    }
}

impl Draft {
    pub(super) fn seal_stream<In: Read + ?Sized, Out: Write + ?Sized>(
        self,
        author: &SigningKey,
        chunk: ChunkSize,
        plaintext: &mut In,
        body: &mut Out,
    ) -> Result<SealedHeader, SealStreamError> {
        let tree = body::body_tree();
        let mut roots = Roots::new(&tree);
        let room = batch(chunk).saturating_mul(chunk.bytes());
        // One byte more than a batch: only when it is there is the batch not the last one.
        let mut plain = Plaintext::new();
        let plain = plain.room(room.saturating_add(1));
        let mut sealed = alloc::vec![0; batch(chunk).saturating_mul(chunk.sealed())];
        let (mut ahead, mut length, mut first) = (0_usize, 0_u64, 0_u32);
        loop {
            let space = plain.get_mut(ahead..).ok_or_else(too_long)?;
            let count = ahead.saturating_add(fill(plaintext, space).map_err(SealStreamError::Io)?);
            let (ends, count) = (count <= room, count.min(room));
            length = length.checked_add(count as u64).ok_or_else(too_long)?;
            // Checked before the batch is encrypted: chunk numbers never wrap.
            let layout = Layout::new(chunk, length).ok_or_else(too_long)?;
            let sealed_len = count.saturating_add(count.div_ceil(chunk.bytes()).max(1).saturating_mul(body::TAG_LEN));
            let text = plain.get(..count).ok_or_else(too_long)?;
            let place = sealed.get_mut(..sealed_len).ok_or_else(too_long)?;
            let run = Run { chunk, first, ends };
            let leaves = body::seal_run(self.cipher(), &tree, run, text, place).ok_or_else(too_long)?;
            leaves.into_iter().for_each(|leaf| roots.push(leaf));
            body.write_all(place).map_err(SealStreamError::Io)?;
            if ends {
                break;
            }
            first = layout.chunks();
            plain.copy_within(room.., 0);
            ahead = 1;
        }
        body.flush().map_err(SealStreamError::Io)?;
        Ok(self.finish(author, roots.root(), length)?)
    }
}

/// Calls `take` with the chunks of a body, a batch at a time and with `keystreams` applied, and checks that the body
/// ends where its header says.
fn batches<R: Read + ?Sized>(
    body: &mut R,
    layout: Layout,
    keystreams: &[Keystream],
    mut take: impl FnMut(Run, &[u8]) -> Result<(), OpenStreamError>,
) -> Result<(), OpenStreamError> {
    let chunk = layout.chunk();
    let (mut left, mut first) = (layout.sealed_len(), 0_u32);
    // A small body takes no more room than it has bytes.
    let room = batch(chunk).saturating_mul(chunk.sealed()).min(usize::try_from(left).unwrap_or(usize::MAX));
    let mut sealed = alloc::vec![0; room];
    while left > 0 {
        let count = sealed.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let place = sealed.get_mut(..count).ok_or(OpenError)?;
        if fill(body, place).map_err(OpenStreamError::Io)? != count {
            return Err(OpenError.into());
        }
        layer::apply(keystreams, layout.sealed_len().saturating_sub(left), place);
        left = left.saturating_sub(count as u64);
        take(Run { chunk, first, ends: left == 0 }, place)?;
        // Wraps nowhere: the layout has at most 2^32 - 1 chunks.
        first = first.saturating_add(u32::try_from(count.div_ceil(chunk.sealed())).unwrap_or(u32::MAX));
    }
    if fill(body, &mut [0]).map_err(OpenStreamError::Io)? != 0 {
        return Err(OpenError.into());
    }
    Ok(())
}

/// The leaf hashes of a body. The list grows with what was read, not with what the header claims.
fn read_leaves<R: Read + ?Sized>(
    body: &mut R,
    layout: Layout,
    keystreams: &[Keystream],
    tree: &Tree,
) -> Result<Vec<Digest>, OpenStreamError> {
    let mut leaves = Vec::new();
    batches(body, layout, keystreams, |run, sealed| {
        leaves.extend(body::hash_run(tree, run.chunk, sealed));
        Ok(())
    })?;
    Ok(leaves)
}

impl Unlocked {
    pub(super) fn open_stream<In, Out>(&self, body: &mut In, plaintext: &mut Out) -> Result<u64, OpenStreamError>
    where
        In: Read + Seek + ?Sized,
        Out: Write + ?Sized,
    {
        let (tree, keystream) = (body::body_tree(), self.keystream.as_slice());
        let start = body.stream_position().map_err(OpenStreamError::Io)?;
        let leaves = read_leaves(body, self.layout, keystream, &tree)?;
        if tree.root(&leaves) != self.root {
            return Err(OpenError.into());
        }
        body.seek(SeekFrom::Start(start)).map_err(OpenStreamError::Io)?;
        let mut kept = leaves.iter();
        let mut text = Plaintext::new();
        batches(body, self.layout, keystream, |run, sealed| {
            // What storage returns now need not be what it returned before: only the hashes that led to the signed
            // root count.
            if !body::hash_run(&tree, run.chunk, sealed).iter().all(|leaf| kept.next() == Some(leaf)) {
                return Err(OpenError.into());
            }
            body::open_run(&self.cipher, run, sealed, &mut text)?;
            plaintext.write_all(&text).map_err(OpenStreamError::Io)
        })?;
        plaintext.flush().map_err(OpenStreamError::Io)?;
        Ok(self.layout.length())
    }
}

impl<S: Pre> Opener<'_, S> {
    /// Opens a body that is read twice, from where `body` stands to its end, and returns the plaintext's length.
    ///
    /// The first pass hashes the chunks and checks the root that the author signed; the second checks each chunk
    /// against its hash from the first pass before it is decrypted and written. So nothing is written that the author
    /// did not sign at this place, even if storage changes in between. Holds one chunk (with `rayon` at most 4 MiB)
    /// of each text, and 32 bytes a chunk: 0.5 MiB for 1 GiB.
    ///
    /// # Errors
    /// [`OpenStreamError`]. When storage changes between the passes or writing fails, a beginning of the plaintext
    /// was written: authentic, but not all of it. In every other case nothing was.
    pub fn open_stream<In, Out>(
        &self,
        expected: &Expected<'_>,
        header: &SealedHeader,
        body: &mut In,
        plaintext: &mut Out,
    ) -> Result<u64, OpenStreamError>
    where
        In: Read + Seek + ?Sized,
        Out: Write + ?Sized,
    {
        self.unlock(header, expected)?.open_stream(body, plaintext)
    }
}

impl LayerStep {
    /// Takes the step with a stored body: reads it from where `body` stands to its end, writes it with the new layer
    /// to `out`, and returns the header that is to be kept with it. The same bytes as
    /// [`SealedPartition::relayer`](super::SealedPartition::relayer) makes.
    ///
    /// Holds one chunk (with `rayon` at most 4 MiB) of the body, whatever its length.
    ///
    /// # Errors
    /// [`LayerStreamError`]: before anything is read when the header names another layer than the step begins at;
    /// otherwise when the body does not have the length that the header states, or reading or writing fails. Then the
    /// former header and body stay valid, and what was written to `out` is to be removed. Replace them only on success,
    /// both at once.
    pub fn apply_stream<In: Read + ?Sized, Out: Write + ?Sized>(
        &self,
        header: &SealedHeader,
        body: &mut In,
        out: &mut Out,
    ) -> Result<SealedHeader, LayerStreamError> {
        self.check(header)?;
        batches(body, header.layout(), &self.keystreams(), |_, layered| {
            out.write_all(layered).map_err(OpenStreamError::Io)
        })
        .and_then(|()| out.flush().map_err(OpenStreamError::Io))
        .map_err(|error| match error {
            OpenStreamError::Io(error) => LayerStreamError::Io(error),
            OpenStreamError::Open(_) => LayerError::Body.into(),
        })?;
        let mut header = header.clone();
        header.set_layer(self.to());
        Ok(header)
    }
}

impl BodyIndex {
    /// Hashes a stored body once, from where `body` stands to its end.
    ///
    /// # Errors
    /// [`RangeStreamError`], as [`BodyIndex::new`].
    pub fn read<In: Read + ?Sized>(header: &SealedHeader, body: &mut In) -> Result<Self, RangeStreamError> {
        let leaves = read_leaves(body, header.layout(), &[], &body::body_tree()).map_err(|error| match error {
            OpenStreamError::Io(error) => RangeStreamError::Io(error),
            OpenStreamError::Open(_) => RangeError::Body.into(),
        })?;
        Ok(Self { leaves }.checked(header)?)
    }

    /// Cuts bytes `range` of the plaintext out of a stored body that starts at position 0 of `body`. Reads the chunks
    /// of the range alone.
    ///
    /// # Errors
    /// [`RangeStreamError`], as [`BodyIndex::cut`].
    pub fn cut_from<In: Read + Seek + ?Sized>(
        &self,
        header: &SealedHeader,
        body: &mut In,
        range: Range<u64>,
    ) -> Result<SealedRange, RangeStreamError> {
        let cover = Cover::new(header.layout(), &range).ok_or(RangeError::OutOfBounds)?;
        body.seek(SeekFrom::Start(cover.body.start)).map_err(RangeStreamError::Io)?;
        let length = cover.body.end.saturating_sub(cover.body.start);
        let mut chunks = Vec::new();
        body.take(length).read_to_end(&mut chunks).map_err(RangeStreamError::Io)?;
        if chunks.len() as u64 != length {
            return Err(RangeError::Body.into());
        }
        Ok(self.cut_with(header, range, |_| Some(chunks))?)
    }
}
