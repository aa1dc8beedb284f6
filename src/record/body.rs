//! The body: a STREAM of AEAD chunks, and the Merkle leaf of each.
//!
//! STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015) in the form of the `aead-stream` crate's `StreamBE32`: the nonce
//! is a 7-byte prefix, the chunk's number as a big-endian `u32`, and one byte that is 1 for the last chunk. The
//! prefix is zero: a body key encrypts one body, so numbers alone keep nonces apart and a prefix would add nothing.
//! The nonces are made here because that crate encrypts a growing buffer in place, which would copy every chunk once
//! more; here a chunk goes from the plaintext to its place in the body in one pass. A test holds the two together.
//!
//! The chunks have no associated data: the digest of the header, context included, is in the key.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;

use aes_gcm::aead::array::Array;
use aes_gcm::aead::consts::{U12, U16};
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use chacha20poly1305::ChaCha20Poly1305;
use zeroize::{ZeroizeOnDrop, optimization_barrier};

use crate::error::{DecodeError, OpenError};
use crate::hash::{Digest, label};
use crate::merkle::Tree;

/// Bytes that a chunk grows by.
pub(crate) const TAG_LEN: usize = 16;

/// The authenticated cipher of a body. Both have 32-byte keys and 16-byte tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Aead {
    /// AES-256-GCM: the fastest where the processor has AES instructions, and constant-time everywhere.
    #[default]
    Aes256Gcm,
    /// ChaCha20-Poly1305: the faster one where the processor has none.
    ChaCha20Poly1305,
}

impl Aead {
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Aes256Gcm => 1,
            Self::ChaCha20Poly1305 => 2,
        }
    }

    pub(super) fn from_number(number: u8) -> Result<Self, DecodeError> {
        match number {
            1 => Ok(Self::Aes256Gcm),
            2 => Ok(Self::ChaCha20Poly1305),
            _ => Err(DecodeError::Value),
        }
    }
}

/// How many bytes of plaintext go into a chunk: a power of two from 4 KiB to 1 MiB.
///
/// Smaller chunks make cheaper ranges; each costs 16 bytes and about a microsecond. Streams hold a few chunks in
/// memory, so the bound limits what a header can make its reader allocate.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChunkSize {
    log2: u8,
}

impl ChunkSize {
    /// 4 KiB.
    pub const MIN: Self = Self { log2: 12 };
    /// 64 KiB.
    pub const DEFAULT: Self = Self { log2: 16 };
    /// 1 MiB.
    pub const MAX: Self = Self { log2: 20 };

    /// The size of so many bytes; `None` if that is no power of two between [`ChunkSize::MIN`] and
    /// [`ChunkSize::MAX`].
    pub fn new(bytes: usize) -> Option<Self> {
        let log2 = u8::try_from(bytes.checked_ilog2()?).ok()?;
        Self::from_log2(log2).ok().filter(|size| size.bytes() == bytes)
    }

    /// The number of bytes.
    pub fn bytes(self) -> usize {
        1 << self.log2
    }

    pub(super) fn sealed(self) -> usize {
        self.bytes().saturating_add(TAG_LEN)
    }

    pub(super) fn log2(self) -> u8 {
        self.log2
    }

    pub(super) fn from_log2(log2: u8) -> Result<Self, DecodeError> {
        let size = Self { log2 };
        if (Self::MIN.log2..=Self::MAX.log2).contains(&log2) { Ok(size) } else { Err(DecodeError::Value) }
    }
}

impl Default for ChunkSize {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Debug for ChunkSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ChunkSize").field(&self.bytes()).finish()
    }
}

/// How a body of so many bytes lies in its chunks. Every chunk is full but the last, and the last is empty only in an
/// empty body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    chunk: ChunkSize,
    length: u64,
    chunks: u32,
}

impl Layout {
    /// `None` when there are more chunks than numbers: 2^32 − 1 chunks is the most.
    pub(super) fn new(chunk: ChunkSize, length: u64) -> Option<Self> {
        let chunks = u32::try_from(length.div_ceil(chunk.bytes() as u64)).ok()?.max(1);
        Some(Self { chunk, length, chunks })
    }

    pub(super) fn chunk(&self) -> ChunkSize {
        self.chunk
    }

    /// Length of the plaintext.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn chunks(&self) -> u32 {
        self.chunks
    }

    /// Length of the body.
    pub(super) fn sealed_len(&self) -> u64 {
        // At most 2^32 chunks of 2^20 + 16 bytes: no overflow.
        self.length.saturating_add(u64::from(self.chunks).saturating_mul(TAG_LEN as u64))
    }
}

/// The cipher of one body, with its key schedule. Wiped on drop by its members.
pub(crate) enum Cipher {
    Aes256Gcm(Box<Aes256Gcm>),
    ChaCha20Poly1305(ChaCha20Poly1305),
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cipher").finish_non_exhaustive()
    }
}

impl ZeroizeOnDrop for Cipher {}

fn nonce(number: u32, last: bool) -> Array<u8, U12> {
    let [a, b, c, d] = number.to_be_bytes();
    [0, 0, 0, 0, 0, 0, 0, a, b, c, d, u8::from(last)].into()
}

fn seal_one<A: AeadInOut<NonceSize = U12, TagSize = U16>>(
    aead: &A,
    nonce: &Array<u8, U12>,
    plain: &[u8],
    sealed: &mut [u8],
) -> Option<()> {
    let (text, tag_place) = sealed.split_last_chunk_mut::<TAG_LEN>()?;
    let tag = aead.encrypt_inout_detached(nonce, &[], InOutBuf::new(plain, text).ok()?).ok()?;
    *tag_place = tag.into();
    Some(())
}

fn open_one<A: AeadInOut<NonceSize = U12, TagSize = U16>>(
    aead: &A,
    nonce: &Array<u8, U12>,
    sealed: &[u8],
    plain: &mut [u8],
) -> Option<()> {
    let (text, tag) = sealed.split_last_chunk::<TAG_LEN>()?;
    aead.decrypt_inout_detached(nonce, &[], InOutBuf::new(text, plain).ok()?, &(*tag).into()).ok()
}

impl Cipher {
    pub(super) fn new(aead: Aead, key: &[u8; 32]) -> Self {
        match aead {
            Aead::Aes256Gcm => Self::Aes256Gcm(Box::new(Aes256Gcm::new(key.into()))),
            Aead::ChaCha20Poly1305 => Self::ChaCha20Poly1305(ChaCha20Poly1305::new(key.into())),
        }
    }

    fn seal_chunk(&self, number: u32, last: bool, plain: &[u8], sealed: &mut [u8]) -> Option<()> {
        let nonce = nonce(number, last);
        match self {
            Self::Aes256Gcm(aead) => seal_one(&**aead, &nonce, plain, sealed),
            Self::ChaCha20Poly1305(aead) => seal_one(aead, &nonce, plain, sealed),
        }
    }

    fn open_chunk(&self, number: u32, last: bool, sealed: &[u8], plain: &mut [u8]) -> Option<()> {
        let nonce = nonce(number, last);
        match self {
            Self::Aes256Gcm(aead) => open_one(&**aead, &nonce, sealed, plain),
            Self::ChaCha20Poly1305(aead) => open_one(aead, &nonce, sealed, plain),
        }
    }
}

/// Where a run of chunks stands in its body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(super) chunk: ChunkSize,
    /// Number of the first chunk.
    pub(super) first: u32,
    /// Whether the run's last chunk is the body's last.
    pub(super) ends: bool,
}

impl Run {
    /// The whole of a body.
    pub(super) fn whole(chunk: ChunkSize) -> Self {
        Self { chunk, first: 0, ends: true }
    }
}

/// The tree over the chunks of a body.
pub(crate) fn body_tree() -> Tree {
    Tree::new(label::MERKLE_BODY)
}

/// The one place where work on chunks is spread: over every core with `rayon`, in order without; the results are in
/// order with both, so the bytes are the same. `None` when a job gives none.
pub(super) fn each<I: Send, T: Send>(
    chunk: ChunkSize,
    items: Vec<I>,
    job: impl Fn(I) -> Option<T> + Sync,
) -> Option<Vec<T>> {
    #[cfg(feature = "rayon")]
    {
        // Below 64 KiB a task costs more than it saves.
        let portion = ChunkSize::DEFAULT.bytes().checked_div(chunk.bytes()).unwrap_or(1).max(1);
        let portions = items.len().div_ceil(portion);
        let helpers = rayon::current_num_threads().min(portions).saturating_sub(1);
        if helpers > 0 {
            return spread(items, portion, helpers, job);
        }
    }
    #[cfg(not(feature = "rayon"))]
    let _ = chunk;
    items.into_iter().map(job).collect()
}

/// The calling thread and so many `helpers` of the pool take portions from one queue until it is empty. A parallel
/// iterator would leave the calling thread asleep until the pool is done: waking threads up twice costs as much as
/// several chunks.
#[cfg(feature = "rayon")]
fn spread<I: Send, T: Send>(
    items: Vec<I>,
    portion: usize,
    helpers: usize,
    job: impl Fn(I) -> Option<T> + Sync,
) -> Option<Vec<T>> {
    use std::sync::{Mutex, PoisonError};

    let mut done = Vec::with_capacity(items.len());
    let queue = Mutex::new(items.into_iter().enumerate());
    let results = Mutex::new(&mut done);
    let work = || {
        let mut own = Vec::new();
        loop {
            // A lock is poisoned by a panic elsewhere, which the scope passes on.
            let taken: Vec<_> = queue.lock().unwrap_or_else(PoisonError::into_inner).by_ref().take(portion).collect();
            if taken.is_empty() {
                break;
            }
            own.extend(taken.into_iter().map(|(i, item)| (i, job(item))));
        }
        results.lock().unwrap_or_else(PoisonError::into_inner).append(&mut own);
    };
    rayon::in_place_scope(|scope| {
        for _ in 0..helpers {
            scope.spawn(|_| work());
        }
        work();
    });
    done.sort_unstable_by_key(|(i, _)| *i);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Encrypts a run of chunks from `plain` to `sealed` and gives the leaf of each, hashed while it is in the cache.
///
/// `None` when the lengths do not belong together or the numbers run out; `sealed` is of no use then.
pub(super) fn seal_run(cipher: &Cipher, tree: &Tree, run: Run, plain: &[u8], sealed: &mut [u8]) -> Option<Vec<Digest>> {
    let mut rest = plain;
    let count = sealed.len().div_ceil(run.chunk.sealed());
    let mut items = Vec::with_capacity(count);
    for (i, place) in sealed.chunks_mut(run.chunk.sealed()).enumerate() {
        let (text, after) = rest.split_at_checked(place.len().checked_sub(TAG_LEN)?)?;
        rest = after;
        let last = run.ends && i.checked_add(1)? == count;
        items.push((run.first.checked_add(u32::try_from(i).ok()?)?, last, text, place));
    }
    if !rest.is_empty() {
        return None;
    }
    each(run.chunk, items, |(number, last, text, place)| {
        cipher.seal_chunk(number, last, text, place)?;
        Some(tree.leaf(place))
    })
}

/// The leaf of each chunk of a run.
pub(super) fn hash_run(tree: &Tree, chunk: ChunkSize, sealed: &[u8]) -> Vec<Digest> {
    let items: Vec<&[u8]> = sealed.chunks(chunk.sealed()).collect();
    // Hashing does not fail; an empty list would not match any root.
    each(chunk, items, |sealed| Some(tree.leaf(sealed))).unwrap_or_default()
}

/// Decrypts a run of chunks. On an error `out` is empty, and what was decrypted is wiped.
///
/// # Errors
/// [`OpenError`] when a tag does not verify or the lengths make no chunks.
pub(super) fn open_run(cipher: &Cipher, run: Run, sealed: &[u8], out: &mut Plaintext) -> Result<(), OpenError> {
    let count = sealed.len().div_ceil(run.chunk.sealed());
    let length = sealed.len().checked_sub(count.saturating_mul(TAG_LEN));
    let opened = length.and_then(|length| open_into(cipher, run, sealed, out.room(length)));
    if opened.is_none() {
        out.wipe();
    }
    opened.ok_or(OpenError)
}

fn open_into(cipher: &Cipher, run: Run, sealed: &[u8], plain: &mut [u8]) -> Option<()> {
    let mut rest = plain;
    let count = sealed.len().div_ceil(run.chunk.sealed());
    let mut items = Vec::with_capacity(count);
    for (i, sealed) in sealed.chunks(run.chunk.sealed()).enumerate() {
        let (place, after) = core::mem::take(&mut rest).split_at_mut_checked(sealed.len().checked_sub(TAG_LEN)?)?;
        rest = after;
        let last = run.ends && i.checked_add(1)? == count;
        items.push((run.first.checked_add(u32::try_from(i).ok()?)?, last, sealed, place));
    }
    each(run.chunk, items, |(number, last, sealed, place)| cipher.open_chunk(number, last, sealed, place)).map(drop)
}

/// Decrypted bytes: they are wiped on drop and not printed. `Deref` gives the slice.
///
/// Use one again for the next body of about the same size and nothing is allocated.
#[derive(Default)]
pub struct Plaintext {
    // Longer than what is in view where a longer plaintext was here before, so that dropping wipes all of it. Never
    // grown: growing would leave a copy behind.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Plaintext {
    /// No bytes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Overwrites the bytes with zeros and leaves none in view.
    pub fn wipe(&mut self) {
        // `zeroize` would write byte by byte, as slowly as decrypting; a plain fill before a barrier that the optimiser
        // cannot see through is wiped as surely.
        self.bytes.fill(0);
        optimization_barrier(self.bytes.as_slice());
        (self.start, self.end) = (0, 0);
    }

    /// Leaves no bytes in view. They are wiped or overwritten later.
    pub(super) fn hide(&mut self) {
        (self.start, self.end) = (0, 0);
    }

    /// Room for `length` bytes, all of them in view; what they hold is whatever was there.
    pub(super) fn room(&mut self, length: usize) -> &mut [u8] {
        if self.bytes.len() < length {
            self.wipe();
            self.bytes = alloc::vec![0; length];
        }
        (self.start, self.end) = (0, length);
        self.bytes.get_mut(..length).unwrap_or_default()
    }

    /// Takes only `start..end` of what is in view; the other bytes stay until they are wiped with the rest.
    pub(super) fn narrow(&mut self, start: usize, end: usize) -> Result<(), OpenError> {
        if start > end || end > self.end {
            return Err(OpenError);
        }
        (self.start, self.end) = (start, end);
        Ok(())
    }
}

impl Deref for Plaintext {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // `start..end` always lies within the bytes.
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }
}

impl AsRef<[u8]> for Plaintext {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plaintext").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Drop for Plaintext {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl ZeroizeOnDrop for Plaintext {}
