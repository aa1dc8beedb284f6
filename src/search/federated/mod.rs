//! The federated mode: every provider under a key of its own, and a token that says something about each of them.
//!
//! # Construction
//!
//! Lewi and Wu, “Order-Revealing Encryption: New Constructions, Applications, and Lower Bounds”, *CCS* 2016, section 4: left
//! ciphertexts in tokens, right ones in the index, in blocks of 4 bits. Two right ciphertexts cannot be compared. Every PRF
//! is AES-128.
//!
//! * **Keys** of a space with name s: ck₀ = KDF(root; s), and along a path ck = KDF(ck of above; party, generation). The data
//!   key dk = KDF'(ck; s) has AES keys k1 and k2 of 16 bytes and k_eq of 32, by KDF under a label each. A chain key is never
//!   the key of anything but chain and data keys, so dk tells nothing about who is below.
//! * **Permutation** of the values of block i after the blocks before it, p: π(v) is the rank of the v-th of 16 draws of 64
//!   bits, AES_k2 of (i, counter, p). Equal draws are ranked by v.
//! * **Slot key**: l = AES_k1(i, slot, p). **Mask** for a nonce: ⌊3·a / 2³²⌋ for the first 32 bits a of AES_l(nonce).
//! * **Right** of x: a nonce of 16 bytes; for each block 16 slots of 2 bits, slot 0 the least significant of a big-endian
//!   `u32`. Slot π(v) is the comparison of v with the block's value plus its mask, modulo 3: 0 where v equals it, 1 where v is
//!   less, 2 where it is greater.
//! * **Left** of a bound y: for each block π(y_i) and the key of that slot.
//! * **Comparison**: the slot minus the mask, block by block; the first that is not 0 decides.
//! * **Tag** for equality: the first 8 bytes of AES_t(nonce), t = hash(k_eq, level, text), 16 bytes. The level is 255 for a
//!   whole value, else the length of a prefix. A code that is shorter has the tag of itself at that level: no query of that
//!   length is for a text so short, and nobody sees without a key that it is.
//!
//! The nonce is a hash of 32 fresh bytes, dk and the value. If the generator repeats, nonces repeat only for equal values.
//!
//! # What it rests on
//!
//! That AES-128 is a PRF, and the hash a random oracle for keys. Masks are off uniform by less than 2⁻³⁰. A tag finds a
//! wrong entry with probability 2⁻⁶⁴.
//!
//! # What it leaks
//!
//! * The **index** alone: how many entries each provider has, and what is added and removed when. No order, no equality.
//! * A **token** against an entry: their order, and the first block of 4 bits in which they differ; of a tag, equality. Two
//!   tokens for one provider: how many first blocks their bounds share. Tokens do not expire; a cloud holds one against every
//!   later entry until the provider's key changes.
//! * **Many tokens** show the order of entries closely, and with the distribution of values known that gives values: from
//!   order-revealing indexes of hospitals most were recovered (Naveed, Kamara, Wright, “Inference Attacks on
//!   Property-Preserving Encrypted Databases”, *CCS* 2015).
//!
//! A provider together with the cloud learns nothing of another's entries. Who is above reads who is below, and nobody who is
//! above or beside. Whoever holds a key, of either kind, can **read and make** entries under it: that a user does not write is
//! for signatures. Whether an answer is complete is not shown.
//!
//! # What it revokes
//!
//! Nothing by itself. A user keeps its keys, and a cloud its tokens. With a provider's next generation both end, for entries
//! that are [encrypted again](WriteKey::reencrypt), as long as the cloud keeps no old ones.
//!
//! # Cost
//!
//! AES, for a number of n blocks of 4 bits:
//!
//! | operation | key schedules | AES blocks | beside that |
//! |---|---|---|---|
//! | encrypt | 16n | 40n | 1 hash; for each tag 1 hash, 1 key schedule and 1 AES block |
//! | decrypt | 16n | 40n | |
//! | question, for each provider and bound | | 9n | 2 KDF for each provider |
//! | scan, for each provider and bound | n | | |
//! | scan, for each entry and bound | | 1 + 1/16 + … for random values, at most n | |
mod key;
mod left;
mod prf;
mod right;
mod scan;
mod seen;

use alloc::vec::Vec;

use rand_core::TryCryptoRng;

use super::{
    Encoder, EncryptError, Mode, Path, PathError, Queries, Query, Rosters, ScopeError, Search, SearchRoot, Space,
    SpaceError, Step, TrapdoorError, Value,
};
use crate::encoding::SuiteId;

pub use key::{QueryKey, WriteKey};
pub use left::Trapdoor;
pub use right::{DecryptError, ReencryptError, Right};
pub use scan::Scan;
pub use seen::{Seen, seen};

/// The bound is less than the entry.
const LESS: u8 = 1;
/// The bound is greater than the entry.
const GREATER: u8 = 2;

/// Order-revealing encryption with left and right ciphertexts. The [module](self) has the construction, what it rests on,
/// what it leaks and what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Federated;

impl Search for Federated {
    const MODE: Mode = Mode::Federated;
    const SUITE: SuiteId = SuiteId::Federated;

    type WriteKey = WriteKey;
    type QueryKey = QueryKey;
    type Upload = Right;
    type Stored = Right;
    type Question = Trapdoor;
    type Trapdoor = Trapdoor;
    type Store = Scan;
    type Gate = Rosters;

    /// There can: that codes have no order is said of every mode.
    fn check(_: &Encoder, _: Queries) -> Result<(), SpaceError> {
        Ok(())
    }

    fn write_key(root: &SearchRoot, space: &Space<Self>, path: &Path) -> WriteKey {
        WriteKey::new(root, space, path)
    }

    fn child_key(key: &WriteKey, child: Step) -> Result<WriteKey, PathError> {
        key.child(child)
    }

    fn writer(key: &WriteKey) -> (&Space<Self>, &Path) {
        (key.space(), key.path())
    }

    fn encrypt<R: TryCryptoRng + ?Sized>(
        key: &WriteKey,
        value: &Value,
        rng: &mut R,
        out: &mut Vec<u8>,
    ) -> Result<(), EncryptError> {
        right::encrypt(key, value, rng, out)
    }

    /// The same for every user: it is what the providers encrypt with.
    fn query_key(root: &SearchRoot, space: &Space<Self>, _: Step, scope: &[Path]) -> Result<QueryKey, ScopeError> {
        QueryKey::new(root, space, scope)
    }

    fn narrow(key: &QueryKey, keep: impl Fn(&Path) -> bool) -> Result<QueryKey, ScopeError> {
        key.narrow(keep)
    }

    fn asker(key: &QueryKey) -> (&Space<Self>, Vec<Path>) {
        (key.space(), key.scope().cloned().collect())
    }

    fn question(key: &QueryKey, query: &Query) -> Result<Trapdoor, TrapdoorError> {
        left::question(key, query)
    }
}

#[cfg(feature = "hazmat")]
pub(super) use right::encrypt_with;

/// The slots of all values of a block after a prefix.
#[cfg(feature = "hazmat")]
pub(super) fn permutation(key: &WriteKey, index: u8, prefix: u64) -> [u8; 16] {
    key.blocks().permutation(index, prefix, &mut prf::Scratch::new()).slots()
}

#[cfg(test)]
mod tests;
