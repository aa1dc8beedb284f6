//! Right ciphertexts: what is stored.

use alloc::vec::Vec;
use core::fmt;

use aes::Block;
use aes::cipher::BlockCipherEncrypt;
use rand_core::TryCryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::key::{QueryKey, WriteKey};
use super::prf::{At, Blocks, Scratch, Tags, blocks, cipher, tag};
use crate::encoding::{Kind, Reader, kind};
use crate::error::{DecodeError, RngError};
use crate::hash::{hash, label};
use crate::search::value::{Plain, fits};
use crate::search::{Encoder, EncryptError, Form, Path, Shape, Value};

/// Length of a nonce.
pub(super) const NONCE: usize = 16;
/// Length of a block: 16 slots of 2 bits.
pub(super) const WORD: usize = 4;
/// Length of a tag.
pub(super) const TAG: usize = 8;

/// The right ciphertext of a value: a nonce of 16 bytes; for each 4 bits of a number that is compared by order 4 bytes; for
/// each tag 8 bytes. 48 bytes for a number of 32 bits without tags.
///
/// Without a token it tells nothing, not even whether two of them are of equal values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Right;

impl Form for Right {
    const BATCH: Kind = kind::RIGHT_BATCH;

    fn len(shape: &Shape) -> usize {
        NONCE + WORD * usize::from(blocks(shape.bits())) + TAG * usize::from(shape.tags())
    }

    /// Every slot of an order's block is 0, 1 or 2.
    fn check(shape: &Shape, bytes: &[u8]) -> Result<(), DecodeError> {
        let parts = Parts::read(shape, bytes)?;
        let three = |word: u32| word & word >> 1 & 0x5555_5555 != 0;
        if parts.words().any(three) { Err(DecodeError::Value) } else { Ok(()) }
    }
}

/// A right ciphertext taken apart.
pub(super) struct Parts<'a> {
    pub(super) nonce: [u8; NONCE],
    words: &'a [u8],
    tags: &'a [u8],
}

impl<'a> Parts<'a> {
    pub(super) fn read(shape: &Shape, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let nonce = reader.array()?;
        let words = reader.take(WORD * usize::from(blocks(shape.bits())))?;
        let tags = reader.take(TAG * usize::from(shape.tags()))?;
        reader.finish()?;
        Ok(Self { nonce, words, tags })
    }

    pub(super) fn words(&self) -> impl Iterator<Item = u32> + 'a {
        self.words.chunks_exact(WORD).map(|word| word.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte)))
    }

    pub(super) fn tags(&self) -> impl Iterator<Item = u64> + 'a {
        self.tags.chunks_exact(TAG).map(|tag| tag.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte)))
    }
}

/// The lengths at which prefixes of codes can be asked for, ascending.
pub(super) fn lengths(encoder: &Encoder) -> impl Iterator<Item = u8> + use<> {
    encoder.prefix_lengths().filter_map(|len| u8::try_from(len).ok())
}

/// A value of this encoder as bytes: the text of a code, a number in 8 bytes.
fn bytes_of(encoder: &Encoder, value: &Value) -> Result<Zeroizing<Vec<u8>>, EncryptError> {
    match (&value.0, encoder.bits()) {
        (Plain::Number(number), Some(bits)) if fits(bits, **number) => {
            Ok(Zeroizing::new(number.to_be_bytes().to_vec()))
        }
        (Plain::Code(text), None) if text.len() <= Encoder::MAX_CODE => Ok(text.clone()),
        _ => Err(EncryptError::Value),
    }
}

/// Encrypts with a nonce that the caller chose.
pub(in crate::search) fn encrypt_with(
    key: &WriteKey,
    value: &Value,
    nonce: [u8; NONCE],
    out: &mut Vec<u8>,
) -> Result<(), EncryptError> {
    let (encoder, shape) = (key.space().encoder(), key.space().shape());
    let text = bytes_of(encoder, value)?;
    out.reserve(Right::len(&shape));
    out.extend(nonce);
    let nonce = Block::from(nonce);
    if let Plain::Number(number) = &value.0 {
        let mut scratch = Scratch::new();
        At::all(shape.bits(), **number).for_each(|at| {
            let word = key.blocks().permutation(at.index, *at.prefix, &mut scratch).word(*at.value);
            out.extend(shift(key.blocks(), &at, &nonce, word, 1, &mut scratch).to_be_bytes());
        });
    }
    if shape.tags() == 0 {
        return Ok(());
    }
    // A code that is too short for a prefix has the tag of itself at that length, for which no query is made: the texts of
    // those have that length. Numbers have no prefixes.
    let tags = lengths(encoder).map(|len| (len, text.get(..usize::from(len)).unwrap_or(&text)));
    tags.for_each(|(len, prefix)| out.extend(tag_of(key.tags(), len, prefix, nonce).to_be_bytes()));
    out.extend(tag_of(key.tags(), Tags::WHOLE, &text, nonce).to_be_bytes());
    Ok(())
}

fn tag_of(tags: &Tags, level: u8, text: &[u8], nonce: Block) -> u64 {
    let mut block = nonce;
    cipher(&tags.key(level, text)).encrypt_block(&mut block);
    tag(&block)
}

/// Of at most 6: a division would take a time that depends on it.
fn modulo_3(sum: u32) -> u32 {
    sum - 3 * ((sum * 11) >> 5)
}

/// Adds so many times the masks of a block to the 16 comparisons in a word, each modulo 3: once to encrypt, twice to decrypt.
fn shift(blocks: &Blocks, at: &At, nonce: &Block, word: u32, times: u32, scratch: &mut Scratch) -> u32 {
    let masks = blocks.masks(at.index, *at.prefix, nonce, scratch);
    let slot = |(slot, mask): (u32, &u32)| modulo_3((word >> (2 * slot) & 3) + times * mask) << (2 * slot);
    (0..).zip(masks.iter()).map(slot).fold(0, |word, bits| word | bits)
}

/// Encrypts with a nonce that repeats only if the generator and the value do.
pub(super) fn encrypt<R: TryCryptoRng + ?Sized>(
    key: &WriteKey,
    value: &Value,
    rng: &mut R,
    out: &mut Vec<u8>,
) -> Result<(), EncryptError> {
    let text = bytes_of(key.space().encoder(), value)?;
    let mut fresh = Zeroizing::new([0; 32]);
    rng.try_fill_bytes(&mut *fresh).map_err(|_| RngError)?;
    let nonce = hash(label::FEDERATED_NONCE, &[&*fresh, key.data(), &text]).digest().half();
    encrypt_with(key, value, nonce, out)
}

/// Why a stored value was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecryptError {
    /// Entries of this space are tags alone, which are compared and not read.
    Tags,
    /// The bytes are no entry of this space.
    Form,
    /// The entry is not one of this provider's, or nobody's who keeps to the scheme; or the key is for other providers.
    Key,
}

impl fmt::Display for DecryptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tags => "entries of this space can be compared and not read",
            Self::Form => "these bytes are no entry of the space",
            Self::Key => "the entry was not encrypted with this key",
        })
    }
}

impl core::error::Error for DecryptError {}

/// The number of an entry. The time it takes does not depend on the number.
fn read(shape: &Shape, keys: &Blocks, tags: &Tags, bytes: &[u8]) -> Result<Zeroizing<u64>, DecryptError> {
    if shape.bits() == 0 {
        return Err(DecryptError::Tags);
    }
    let parts = Parts::read(shape, bytes).map_err(|_| DecryptError::Form)?;
    let nonce = Block::from(parts.nonce);
    let (mut number, mut scratch) = (Zeroizing::new(0), Scratch::new());
    let mut ok = subtle::Choice::from(1);
    for (index, word) in (0..).zip(parts.words()) {
        let at = At { index, prefix: number.clone(), value: Zeroizing::new(0) };
        let permutation = keys.permutation(index, *number, &mut scratch);
        let word = Zeroizing::new(shift(keys, &at, &nonce, word, 2, &mut scratch));
        let value = permutation.value(*word);
        // All 16 comparisons have to be those with one value: of wrong ones that happens once in 2.7 million.
        ok &= permutation.word(value).ct_eq(&word);
        *number = *number << 4 | u64::from(value);
    }
    for tag in parts.tags() {
        ok &= tag_of(tags, Tags::WHOLE, &number.to_be_bytes(), nonce).ct_eq(&tag);
    }
    if ok.into() { Ok(number) } else { Err(DecryptError::Key) }
}

impl WriteKey {
    /// Reads the number of an entry that was encrypted with this key. Cost: as encryption.
    ///
    /// # Errors
    /// [`DecryptError`]. Entries that are tags alone are not read so: those of codes, and those of numbers that can only be
    /// asked for by equality. Whoever has a key reads them by trying all values that there may be.
    pub fn decrypt(&self, bytes: &[u8]) -> Result<Zeroizing<u64>, DecryptError> {
        read(&self.space().shape(), self.blocks(), self.tags(), bytes)
    }

    /// Encrypts the number of an entry, which was encrypted with this key, with another of the same space: a provider's
    /// next one. The bytes are appended to `out`. Cost: twice that of encryption.
    ///
    /// It revokes nothing by itself: whoever kept the entry and its key reads it as before. The old entry has to go from
    /// the index.
    ///
    /// # Errors
    /// [`ReencryptError`]; nothing is appended then. Entries that are tags alone cannot be read: the provider encrypts them
    /// again from data of its own.
    pub fn reencrypt<R: TryCryptoRng + ?Sized>(
        &self,
        new: &Self,
        bytes: &[u8],
        rng: &mut R,
        out: &mut Vec<u8>,
    ) -> Result<(), ReencryptError> {
        if self.space() != new.space() {
            return Err(ReencryptError::Space);
        }
        let number = self.decrypt(bytes).map_err(ReencryptError::Decrypt)?;
        encrypt(new, &Value(Plain::Number(number)), rng, out).map_err(ReencryptError::Encrypt)
    }
}

impl QueryKey {
    /// Reads the number of an entry that the provider at `path` encrypted. Cost: as encryption, and the derivation of that
    /// provider's keys.
    ///
    /// # Errors
    /// [`DecryptError`]: as [`WriteKey::decrypt`].
    pub fn decrypt(&self, path: &Path, bytes: &[u8]) -> Result<Zeroizing<u64>, DecryptError> {
        let (_, data) = self.keys().iter().find(|(other, _)| other == path).ok_or(DecryptError::Key)?;
        read(&self.space().shape(), &Blocks::new(data), &Tags::new(data), bytes)
    }
}

/// Why an entry was not encrypted with another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReencryptError {
    /// The keys are of two spaces.
    Space,
    /// The entry was not read.
    Decrypt(DecryptError),
    /// Its number was not encrypted.
    Encrypt(EncryptError),
}

impl fmt::Display for ReencryptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Space => f.write_str("the keys are of two spaces"),
            Self::Decrypt(error) => error.fmt(f),
            Self::Encrypt(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ReencryptError {}
