//! What both sides of a comparison compute: the permutation of a block's values, and the keys of its slots; and the keys of
//! tags.

use alloc::boxed::Box;
use core::mem::{self, ManuallyDrop};

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128Enc, Block};
use subtle::{ConditionallySelectable, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{GREATER, LESS};
use crate::hash::{Label, hash, kdf, label};

/// Values of a block of 4 bits, and slots of a right ciphertext's block.
pub(super) const SLOTS: usize = 16;
/// Bits of a block.
const BLOCK: u8 = 4;
/// Blocks of the widest numbers.
pub(super) const MAX_BLOCKS: u8 = 16;

/// What something about one value is computed from: wiped on drop.
pub(super) type Secret<T> = Zeroizing<T>;

/// How many blocks numbers of so many bits have.
pub(super) fn blocks(bits: u8) -> u8 {
    (bits / BLOCK).min(MAX_BLOCKS)
}

/// A block of a number, and what is before it.
pub(super) struct At {
    /// Which, from the most significant.
    pub(super) index: u8,
    /// The number that the blocks before are.
    pub(super) prefix: Secret<u64>,
    /// Its value.
    pub(super) value: Secret<u8>,
}

impl At {
    /// The blocks of a number, from the most significant.
    pub(super) fn all(bits: u8, number: u64) -> impl Iterator<Item = Self> {
        let (count, number) = (blocks(bits), Zeroizing::new(number));
        (0..count).map(move |index| {
            let head = *number >> (BLOCK * (count - 1 - index));
            Self { index, prefix: Zeroizing::new(head >> BLOCK), value: Zeroizing::new(head as u8 & 0xf) }
        })
    }
}

/// 1 if a < b, else 0, from the borrow of the difference.
fn less(a: u64, b: u64) -> u8 {
    u8::from(a.overflowing_sub(b).1)
}

/// How a value of a block compares with that of an entry: 0 if it equals it, 1 if it is less, 2 if it is greater.
fn comparison(value: u8, entry: u8) -> u8 {
    (LESS * less(value.into(), entry.into())) | (GREATER * less(entry.into(), value.into()))
}

/// One block of input to AES under k1 or k2: index, slot or counter, six zeros, prefix. For one index, prefixes have one length.
fn input(index: u8, number: u8, prefix: u64) -> Block {
    let mut block = Block::default();
    block.iter_mut().zip([index, number]).for_each(|(to, byte)| *to = byte);
    block.iter_mut().skip(8).zip(prefix.to_be_bytes()).for_each(|(to, byte)| *to = byte);
    block
}

/// The 32 bits at the front of a block.
fn front(block: &Block) -> u32 {
    block.iter().take(4).fold(0, |bits, byte| bits << 8 | u32::from(*byte))
}

/// The mask of a slot from the encrypted nonce: one of 0, 1, 2, with a bias below 2⁻³¹.
pub(super) fn mask(block: &Block) -> u32 {
    ((u64::from(front(block)) * 3) >> 32) as u32
}

/// The 64 bits at the front of the encrypted nonce: a tag.
pub(super) fn tag(block: &Block) -> u64 {
    block.iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}

/// AES-128 under a key that is itself secret.
pub(super) fn cipher(key: &[u8; 16]) -> Aes128Enc {
    Aes128Enc::new(key.into())
}

/// The first 16 of 32 derived bytes: an AES key.
fn key(label: Label, data: &[u8; 32]) -> Box<Aes128Enc> {
    let bytes = kdf(label, data, &[]);
    let mut half = Zeroizing::new([0; 16]);
    half.iter_mut().zip(bytes.iter()).for_each(|(to, from)| *to = *from);
    Box::new(cipher(&half))
}

/// Room to compute one block after the other. Wiping takes longer than computing: what is left of a block goes where that of
/// the one before was, and the last is wiped on drop.
pub(super) struct Scratch {
    schedule: ManuallyDrop<Aes128Enc>,
    keys: [Block; SLOTS],
    inputs: [Block; SLOTS / 2],
    draws: [u64; SLOTS],
}

impl Scratch {
    pub(super) fn new() -> Self {
        let (keys, inputs) = ([Block::default(); SLOTS], [Block::default(); SLOTS / 2]);
        Self { schedule: ManuallyDrop::new(cipher(&[0; 16])), keys, inputs, draws: [0; SLOTS] }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let none = ManuallyDrop::new(cipher(&[0; 16]));
        drop(ManuallyDrop::into_inner(mem::replace(&mut self.schedule, none)));
        self.keys.iter_mut().chain(&mut self.inputs).for_each(|block| block.zeroize());
        self.draws.zeroize();
    }
}

impl ZeroizeOnDrop for Scratch {}

/// The values of a block in the order of their slots: the slot of each value.
pub(super) struct Permutation(Zeroizing<[u8; SLOTS]>);

impl Permutation {
    /// The slot of a secret value.
    pub(super) fn slot(&self, value: u8) -> u8 {
        // Compilers make a branch of a mask that is computed here.
        let mut found = 0;
        (0_u8..).zip(self.0.iter()).for_each(|(v, slot)| found.conditional_assign(slot, v.ct_eq(&value)));
        found
    }

    /// The comparisons of all values with one, each two bits in the slot of its value.
    pub(super) fn word(&self, entry: u8) -> u32 {
        let at = |(v, slot): (u8, &u8)| u32::from(comparison(v, entry)) << (2 * slot);
        (0..).zip(self.0.iter()).map(at).fold(0, |word, bits| word | bits)
    }

    /// The value of which this would be the word, if there is one: so many values are less.
    pub(super) fn value(&self, word: u32) -> u8 {
        let less = self.0.iter().map(|slot| {
            let bits = word >> (2 * slot) & 3;
            (bits & 1 & !(bits >> 1)) as u8
        });
        less.sum::<u8>() & 0xf
    }

    #[cfg(any(test, feature = "hazmat"))]
    pub(super) fn slots(&self) -> [u8; SLOTS] {
        *self.0
    }
}

/// The keys of numbers that are compared by order: k1 for the keys of slots, k2 for permutations. In boxes, so that moving
/// them leaves no copies.
pub(super) struct Blocks {
    k1: Box<Aes128Enc>,
    k2: Box<Aes128Enc>,
}

impl Blocks {
    pub(super) fn new(data: &[u8; 32]) -> Self {
        Self { k1: key(label::FEDERATED_BLOCKS, data), k2: key(label::FEDERATED_SLOTS, data) }
    }

    /// The permutation of a block after a prefix: the rank of each of 16 draws of 64 bits, in constant time.
    pub(super) fn permutation(&self, index: u8, prefix: u64, scratch: &mut Scratch) -> Permutation {
        let Scratch { inputs, draws, .. } = scratch;
        (0..).zip(&mut *inputs).for_each(|(counter, block)| *block = input(index, counter, prefix));
        self.k2.encrypt_blocks(inputs);
        let halves = inputs.iter().flat_map(|block| block.chunks_exact(8));
        draws.iter_mut().zip(halves).for_each(|(draw, half)| {
            *draw = half.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        });
        let mut ranks = Zeroizing::new([0; SLOTS]);
        // Each pair once: the greater draw gains a rank, and of equal ones the later.
        let (mut rest, mut draws) = (ranks.as_mut_slice(), draws.as_slice());
        while let (Some((rank, others)), Some((draw, after))) = (rest.split_first_mut(), draws.split_first()) {
            for (other, later) in others.iter_mut().zip(after) {
                let greater = less(*later, *draw);
                *rank += greater;
                *other += 1 - greater;
            }
            (rest, draws) = (others, after);
        }
        Permutation(ranks)
    }

    /// The key of one slot of a block after a prefix.
    pub(super) fn slot_key(&self, index: u8, slot: u8, prefix: u64) -> [u8; 16] {
        let mut block = input(index, slot, prefix);
        self.k1.encrypt_block(&mut block);
        block.into()
    }

    /// The masks of all slots of a block after a prefix, each two bits, for one nonce.
    pub(super) fn masks(&self, index: u8, prefix: u64, nonce: &Block, scratch: &mut Scratch) -> Secret<[u32; SLOTS]> {
        let Scratch { schedule, keys, .. } = scratch;
        (0..).zip(&mut *keys).for_each(|(slot, block)| *block = input(index, slot, prefix));
        self.k1.encrypt_blocks(keys);
        let mut masks = Zeroizing::new([0; SLOTS]);
        for (mask_of, key) in masks.iter_mut().zip(&*keys) {
            let mut block = *nonce;
            *schedule = ManuallyDrop::new(Aes128Enc::new(key));
            schedule.encrypt_block(&mut block);
            *mask_of = mask(&block);
        }
        masks
    }
}

impl ZeroizeOnDrop for Blocks {}

/// The key of tags, k_eq.
pub(super) struct Tags(Zeroizing<[u8; 32]>);

impl Tags {
    /// The level of the tag of a whole value; that of a prefix is its length.
    pub(super) const WHOLE: u8 = 255;

    pub(super) fn new(data: &[u8; 32]) -> Self {
        Self(kdf(label::FEDERATED_TAGS, data, &[]))
    }

    /// The key of the tags of one text at one level.
    pub(super) fn key(&self, level: u8, text: &[u8]) -> Zeroizing<[u8; 16]> {
        let wide = hash(label::FEDERATED_TAG, &[&*self.0, &[level], text]).wide();
        let mut key = Zeroizing::new([0; 16]);
        key.iter_mut().zip(wide.iter()).for_each(|(to, from)| *to = *from);
        key
    }
}

impl ZeroizeOnDrop for Tags {}
