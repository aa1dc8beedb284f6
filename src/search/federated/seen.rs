//! What a token shows of an entry, to whoever has both.

use core::cmp::Ordering;

use aes::cipher::BlockCipherEncrypt;

use super::left::{Left, Part, Trapdoor};
use super::prf::{cipher, mask, tag};
use super::right::Parts;
use super::{GREATER, LESS};
use crate::search::leakage::Comparison;
use crate::search::{Path, Shape};

/// What one entry shows against a trapdoor: more than whether it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// How it stands to the bounds that there are, and in which block of 4 bits it first differs from each.
    Range {
        /// To the lower one.
        lower: Option<Comparison>,
        /// To the upper one.
        upper: Option<Comparison>,
    },
    /// Whether it is equal.
    Equal(bool),
}

/// What a cloud sees of an entry of a provider's, once it has the trapdoor: for audits, and for users who check what they
/// are [shown](crate::search::Evidence). `None` if the trapdoor says nothing of this provider, or the bytes are no entry.
#[must_use]
pub fn seen(trapdoor: &Trapdoor, provider: &Path, shape: &Shape, entry: &[u8]) -> Option<Seen> {
    let parts = Parts::read(shape, entry).ok()?;
    match trapdoor.part(provider)? {
        Part::Range { lower, upper } => {
            let compare = |left: &Option<Left>| left.as_ref().map(|left| compare(left, &parts));
            Some(Seen::Range { lower: compare(lower), upper: compare(upper) })
        }
        Part::Tag { position, key } => {
            let mut block = parts.nonce.into();
            cipher(key).encrypt_block(&mut block);
            Some(Seen::Equal(parts.tags().nth(usize::from(*position)) == Some(tag(&block))))
        }
    }
}

/// The comparison of one left and one right ciphertext: the first block that differs decides.
fn compare(left: &Left, right: &Parts<'_>) -> Comparison {
    for ((at, (key, slot)), word) in (0..).zip(left.blocks()).zip(right.words()) {
        let mut block = right.nonce.into();
        cipher(key).encrypt_block(&mut block);
        let outcome = (((word >> (2 * slot)) & 3) + 3 - mask(&block)) % 3;
        // The outcome is of the bound to the entry.
        let order = match u8::try_from(outcome) {
            Ok(LESS) => Ordering::Greater,
            Ok(GREATER) => Ordering::Less,
            _ => continue,
        };
        return Comparison { order, first: Some(at) };
    }
    Comparison { order: Ordering::Equal, first: None }
}
