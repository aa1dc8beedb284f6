//! Labelled hashing and key derivation. Every use has a label, all labels are here, and every part is
//! length-prefixed, so no two uses can be made to agree by shifting bytes between parts.
//!
//! * `hash(label, parts…)` = SHA-512(len(label) ‖ label ‖ len(part_1) ‖ part_1 ‖ …), lengths as big-endian `u64`.
//! * `digest` = its first 32 bytes.
//! * `H_s(label, parts…)` = its 64 bytes as a little-endian integer, reduced modulo the group order.
//! * `KDF(label, secret, parts…)` = 32 bytes of HKDF-SHA-512 with salt `label`, input `secret` and info
//!   `hash(label, parts…)`.

use core::fmt;

use hkdf::Hkdf;
use sha2::{Digest as _, Sha512};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::encoding::{Hex, Message, Sink};
use crate::pairing::Scalar;

/// The name of one use of a hash function. Two uses never share a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Label(&'static str);

impl Label {
    pub(crate) fn bytes(self) -> &'static [u8] {
        self.0.as_bytes()
    }

    #[cfg(feature = "hazmat")]
    pub(crate) fn hazmat(text: &'static str) -> Self {
        Self(text)
    }
}

/// All labels of the crate.
#[cfg_attr(not(feature = "alloc"), allow(dead_code))]
pub(crate) mod label {
    use super::Label;

    pub(crate) const CONTEXT: Label = Label("sesphr v1 context");
    pub(crate) const PARTY_ID: Label = Label("sesphr v1 party id");
    pub(crate) const STATEMENT: Label = Label("sesphr v1 signed statement");
    pub(crate) const STATEMENT_ID: Label = Label("sesphr v1 statement id");
    pub(crate) const HEDGE_KEY: Label = Label("sesphr v1 hedge key");
    pub(crate) const PROOF_NONCE: Label = Label("sesphr v1 proof nonce");

    pub(crate) const AFGH_ORIGIN: Label = Label("sesphr v1 afgh origin");
    pub(crate) const AFGH_OWNER_SECRET: Label = Label("sesphr v1 afgh owner secret");
    pub(crate) const AFGH_USER_SECRET: Label = Label("sesphr v1 afgh user secret");
    pub(crate) const AFGH_OWNER_PROOF: Label = Label("sesphr v1 afgh owner proof");
    pub(crate) const AFGH_USER_PROOF: Label = Label("sesphr v1 afgh user proof");
    pub(crate) const AFGH_SIGMA: Label = Label("sesphr v1 afgh sigma");
    pub(crate) const AFGH_RHO: Label = Label("sesphr v1 afgh rho");
    pub(crate) const AFGH_MASK: Label = Label("sesphr v1 afgh mask");
    pub(crate) const AFGH_CAPSULE_PROOF: Label = Label("sesphr v1 afgh capsule proof");
    pub(crate) const AFGH_KEY: Label = Label("sesphr v1 afgh key");
    pub(crate) const AFGH_BLIND: Label = Label("sesphr v1 afgh blind");
    pub(crate) const AFGH_GRANT_ID: Label = Label("sesphr v1 afgh grant id");

    pub(crate) const KAC_PARAMS: Label = Label("sesphr v1 kac params");
    pub(crate) const KAC_ALPHA: Label = Label("sesphr v1 kac alpha");
    pub(crate) const KAC_BETA: Label = Label("sesphr v1 kac beta");
    pub(crate) const KAC_PARAMS_CHECK: Label = Label("sesphr v1 kac params check");
    pub(crate) const KAC_CONTRIBUTION_PROOF: Label = Label("sesphr v1 kac contribution proof");
    pub(crate) const KAC_GAMMA: Label = Label("sesphr v1 kac gamma");
    pub(crate) const KAC_GENERATION_PROOF: Label = Label("sesphr v1 kac generation proof");
    pub(crate) const KAC_ORIGIN: Label = Label("sesphr v1 kac origin");
    pub(crate) const KAC_SIGMA: Label = Label("sesphr v1 kac sigma");
    pub(crate) const KAC_T: Label = Label("sesphr v1 kac t");
    pub(crate) const KAC_MASK: Label = Label("sesphr v1 kac mask");
    pub(crate) const KAC_CAPSULE_PROOF: Label = Label("sesphr v1 kac capsule proof");
    pub(crate) const KAC_KEY: Label = Label("sesphr v1 kac key");
    pub(crate) const KAC_KEY_BLIND: Label = Label("sesphr v1 kac key blind");
    pub(crate) const KAC_WEIGHT: Label = Label("sesphr v1 kac weight");
    pub(crate) const KAC_BATCH: Label = Label("sesphr v1 kac batch");
    pub(crate) const KAC_ROTATION: Label = Label("sesphr v1 kac rotation");
    pub(crate) const KAC_POLYNOMIAL: Label = Label("sesphr v1 kac polynomial");
    pub(crate) const KAC_SHARING: Label = Label("sesphr v1 kac sharing");

    pub(crate) const KAPRE_USER_SECRET: Label = Label("sesphr v1 kapre user secret");
    pub(crate) const KAPRE_UNNAMED: Label = Label("sesphr v1 kapre unnamed");
    pub(crate) const KAPRE_TERMS: Label = Label("sesphr v1 kapre terms");
    pub(crate) const KAPRE_REFERRAL: Label = Label("sesphr v1 kapre referral");
    pub(crate) const KAPRE_APPROVAL: Label = Label("sesphr v1 kapre approval");
    pub(crate) const KAPRE_APPROVAL_KEY: Label = Label("sesphr v1 kapre approval key");
    pub(crate) const KAPRE_EMERGENCY: Label = Label("sesphr v1 kapre emergency grant");
    pub(crate) const KAPRE_GRANT_ID: Label = Label("sesphr v1 kapre grant id");
    pub(crate) const KAPRE_X: Label = Label("sesphr v1 kapre x");
    pub(crate) const KAPRE_MASK: Label = Label("sesphr v1 kapre mask");
    pub(crate) const KAPRE_HPKE: Label = Label("sesphr v1 kapre hpke");
    pub(crate) const KAPRE_SHIFT: Label = Label("sesphr v1 kapre shift");
    pub(crate) const KAPRE_BLIND: Label = Label("sesphr v1 kapre blind");
    pub(crate) const THRESHOLD_OWNER_SECRET: Label = Label("sesphr v1 threshold owner secret");
    pub(crate) const THRESHOLD_ORIGIN: Label = Label("sesphr v1 threshold origin");
    pub(crate) const THRESHOLD_USER_SECRET: Label = Label("sesphr v1 threshold user secret");
    pub(crate) const THRESHOLD_RHO: Label = Label("sesphr v1 threshold rho");
    pub(crate) const THRESHOLD_KEY: Label = Label("sesphr v1 threshold key");
    pub(crate) const THRESHOLD_TAG: Label = Label("sesphr v1 threshold tag");
    pub(crate) const THRESHOLD_CAPSULE_NONCE: Label = Label("sesphr v1 threshold capsule nonce");
    pub(crate) const THRESHOLD_CAPSULE_PROOF: Label = Label("sesphr v1 threshold capsule proof");
    pub(crate) const THRESHOLD_GRANT_ID: Label = Label("sesphr v1 threshold grant id");
    pub(crate) const THRESHOLD_X: Label = Label("sesphr v1 threshold x");
    pub(crate) const THRESHOLD_D: Label = Label("sesphr v1 threshold d");
    pub(crate) const THRESHOLD_COEFFICIENT: Label = Label("sesphr v1 threshold coefficient");
    pub(crate) const THRESHOLD_PART_NONCE: Label = Label("sesphr v1 threshold part nonce");
    pub(crate) const THRESHOLD_PART_PROOF: Label = Label("sesphr v1 threshold part proof");
    pub(crate) const THRESHOLD_WEIGHT: Label = Label("sesphr v1 threshold weight");
    pub(crate) const THRESHOLD_BATCH: Label = Label("sesphr v1 threshold batch");
    pub(crate) const HASH_RNG: Label = Label("sesphr v1 hash generator");

    pub(crate) const EPOCH_TREE: Label = Label("sesphr v1 epoch tree");
    pub(crate) const EPOCH_MASTER: Label = Label("sesphr v1 epoch master");
    pub(crate) const EPOCH_ROOT: Label = Label("sesphr v1 epoch root");
    // With at most 18 characters, what is hashed under one of these fits into one block.
    pub(crate) const GGM_NODE: Label = Label("sesphr v1 ggm node");
    pub(crate) const GGM_KEY: Label = Label("sesphr v1 ggm key");
    pub(crate) const GGM_WIDE: Label = Label("sesphr v1 ggm wide");

    pub(crate) const REWRAP_M: Label = Label("sesphr v1 rewrap m");
    pub(crate) const REWRAP_RHO: Label = Label("sesphr v1 rewrap rho");
    pub(crate) const REWRAP_KEY: Label = Label("sesphr v1 rewrap key");
    pub(crate) const REWRAP_PAD: Label = Label("sesphr v1 rewrap pad");
    pub(crate) const REWRAP_TAG: Label = Label("sesphr v1 rewrap tag");
    pub(crate) const REWRAP_UPDATE: Label = Label("sesphr v1 rewrap update");
    pub(crate) const BROADCAST_GROUP: Label = Label("sesphr v1 broadcast group");
    pub(crate) const BROADCAST_MASTER: Label = Label("sesphr v1 broadcast master");
    pub(crate) const BROADCAST_NODE: Label = Label("sesphr v1 broadcast node");
    pub(crate) const BROADCAST_SALT: Label = Label("sesphr v1 broadcast salt");
    pub(crate) const BROADCAST_PAD: Label = Label("sesphr v1 broadcast pad");
    pub(crate) const BROADCAST_TAG: Label = Label("sesphr v1 broadcast tag");

    pub(crate) const OWNER_SIGNING: Label = Label("sesphr v1 owner signing key");
    pub(crate) const BACKUP_SALT: Label = Label("sesphr v1 backup salt");
    pub(crate) const BACKUP_KEY: Label = Label("sesphr v1 backup key");
    pub(crate) const ORDERS: Label = Label("sesphr v1 orders");
    pub(crate) const LAYER_ROOT: Label = Label("sesphr v1 layer root");
    pub(crate) const LAYER_GRANT: Label = Label("sesphr v1 layer grant");
    pub(crate) const GRANT_CACHE: Label = Label("sesphr v1 grant cache");
    pub(crate) const REQUEST_NONCE: Label = Label("sesphr v1 request nonce");

    pub(crate) const BODY_SALT: Label = Label("sesphr v1 body salt");
    pub(crate) const BODY_COMMITMENT: Label = Label("sesphr v1 body commitment");
    pub(crate) const BODY_KEY: Label = Label("sesphr v1 body key");
    pub(crate) const BODY_LAYER: Label = Label("sesphr v1 body layer");
    pub(crate) const IMMUTABLE_HEADER: Label = Label("sesphr v1 immutable header");

    pub(crate) const MERKLE_BODY: Label = Label("sesphr v1 merkle body");
    pub(crate) const MERKLE_LIVE: Label = Label("sesphr v1 merkle live");
    pub(crate) const MERKLE_LOG: Label = Label("sesphr v1 merkle log");
    pub(crate) const MERKLE_LABELS: Label = Label("sesphr v1 merkle labels");

    pub(crate) const SEARCH_PATH: Label = Label("sesphr v1 search path");
    pub(crate) const SEARCH_SPACE: Label = Label("sesphr v1 search space");
    pub(crate) const SEARCH_ROOT: Label = Label("sesphr v1 search root");
    pub(crate) const SEARCH_GRANT: Label = Label("sesphr v1 search grant");
    pub(crate) const SEARCH_NONCE: Label = Label("sesphr v1 search nonce");
    pub(crate) const MERKLE_ENTRIES: Label = Label("sesphr v1 merkle entries");
    pub(crate) const FEDERATED_CHAIN: Label = Label("sesphr v1 federated chain");
    pub(crate) const FEDERATED_CHILD: Label = Label("sesphr v1 federated child");
    pub(crate) const FEDERATED_DATA: Label = Label("sesphr v1 federated data key");
    pub(crate) const FEDERATED_BLOCKS: Label = Label("sesphr v1 federated blocks");
    pub(crate) const FEDERATED_SLOTS: Label = Label("sesphr v1 federated slots");
    pub(crate) const FEDERATED_TAGS: Label = Label("sesphr v1 federated tags");
    pub(crate) const FEDERATED_TAG: Label = Label("sesphr v1 federated tag");
    pub(crate) const FEDERATED_NONCE: Label = Label("sesphr v1 federated nonce");
    pub(crate) const ORDERED_R: Label = Label("sesphr v1 ordered r");
    pub(crate) const ORDERED_C: Label = Label("sesphr v1 ordered c");
    pub(crate) const ORDERED_TAU: Label = Label("sesphr v1 ordered tau");
    pub(crate) const ORDERED_POINT: Label = Label("sesphr v1 ordered point");
    pub(crate) const ORDERED_DIGEST: Label = Label("sesphr v1 ordered digest");

    /// Every label, for the test that they differ.
    #[cfg(test)]
    pub(crate) const ALL: &[Label] = &[
        CONTEXT,
        PARTY_ID,
        STATEMENT,
        STATEMENT_ID,
        HEDGE_KEY,
        PROOF_NONCE,
        AFGH_ORIGIN,
        AFGH_OWNER_SECRET,
        AFGH_USER_SECRET,
        AFGH_OWNER_PROOF,
        AFGH_USER_PROOF,
        AFGH_SIGMA,
        AFGH_RHO,
        AFGH_MASK,
        AFGH_CAPSULE_PROOF,
        AFGH_KEY,
        AFGH_BLIND,
        AFGH_GRANT_ID,
        KAC_PARAMS,
        KAC_ALPHA,
        KAC_BETA,
        KAC_PARAMS_CHECK,
        KAC_CONTRIBUTION_PROOF,
        KAC_GAMMA,
        KAC_GENERATION_PROOF,
        KAC_ORIGIN,
        KAC_SIGMA,
        KAC_T,
        KAC_MASK,
        KAC_CAPSULE_PROOF,
        KAC_KEY,
        KAC_KEY_BLIND,
        KAC_WEIGHT,
        KAC_BATCH,
        KAC_ROTATION,
        KAC_POLYNOMIAL,
        KAC_SHARING,
        KAPRE_USER_SECRET,
        KAPRE_UNNAMED,
        KAPRE_TERMS,
        KAPRE_REFERRAL,
        KAPRE_APPROVAL,
        KAPRE_APPROVAL_KEY,
        KAPRE_EMERGENCY,
        KAPRE_GRANT_ID,
        KAPRE_X,
        KAPRE_MASK,
        KAPRE_HPKE,
        KAPRE_SHIFT,
        KAPRE_BLIND,
        THRESHOLD_OWNER_SECRET,
        THRESHOLD_ORIGIN,
        THRESHOLD_USER_SECRET,
        THRESHOLD_RHO,
        THRESHOLD_KEY,
        THRESHOLD_TAG,
        THRESHOLD_CAPSULE_NONCE,
        THRESHOLD_CAPSULE_PROOF,
        THRESHOLD_GRANT_ID,
        THRESHOLD_X,
        THRESHOLD_D,
        THRESHOLD_COEFFICIENT,
        THRESHOLD_PART_NONCE,
        THRESHOLD_PART_PROOF,
        THRESHOLD_WEIGHT,
        THRESHOLD_BATCH,
        HASH_RNG,
        EPOCH_TREE,
        EPOCH_MASTER,
        EPOCH_ROOT,
        GGM_NODE,
        GGM_KEY,
        GGM_WIDE,
        REWRAP_M,
        REWRAP_RHO,
        REWRAP_KEY,
        REWRAP_PAD,
        REWRAP_TAG,
        REWRAP_UPDATE,
        BROADCAST_GROUP,
        BROADCAST_MASTER,
        BROADCAST_NODE,
        BROADCAST_SALT,
        BROADCAST_PAD,
        BROADCAST_TAG,
        OWNER_SIGNING,
        BACKUP_SALT,
        BACKUP_KEY,
        ORDERS,
        LAYER_ROOT,
        LAYER_GRANT,
        GRANT_CACHE,
        REQUEST_NONCE,
        BODY_SALT,
        BODY_COMMITMENT,
        BODY_KEY,
        BODY_LAYER,
        IMMUTABLE_HEADER,
        MERKLE_BODY,
        MERKLE_LIVE,
        MERKLE_LOG,
        MERKLE_LABELS,
        SEARCH_PATH,
        SEARCH_SPACE,
        SEARCH_ROOT,
        SEARCH_GRANT,
        SEARCH_NONCE,
        MERKLE_ENTRIES,
        FEDERATED_CHAIN,
        FEDERATED_CHILD,
        FEDERATED_DATA,
        FEDERATED_BLOCKS,
        FEDERATED_SLOTS,
        FEDERATED_TAGS,
        FEDERATED_TAG,
        FEDERATED_NONCE,
        ORDERED_R,
        ORDERED_C,
        ORDERED_TAU,
        ORDERED_POINT,
        ORDERED_DIGEST,
    ];
}

/// A public 32-byte hash value: the name of an object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Length in bytes.
    pub const LEN: usize = 32;
    /// All zero: the place of an object that does not exist.
    pub const NONE: Self = Self([0; 32]);

    /// From the bytes of a digest that was computed before.
    pub const fn from_array(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 16 bytes: for names and nonces that must not repeat.
    pub(crate) fn half(&self) -> [u8; 16] {
        let mut out = [0; 16];
        out.iter_mut().zip(&self.0).for_each(|(to, from)| *to = *from);
        out
    }
}

crate::encoding::serde_name!(Digest);

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0).fmt(f)
    }
}

impl ConstantTimeEq for Digest {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

/// A labelled hash in the making.
pub(crate) struct Hasher(Sha512);

impl Sink for Hasher {
    fn put(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

impl Hasher {
    pub(crate) fn new(label: Label) -> Self {
        Self(Sha512::new()).part(label.bytes())
    }

    fn length(&mut self, len: usize) {
        self.0.update((len as u64).to_be_bytes());
    }

    pub(crate) fn part(mut self, bytes: &[u8]) -> Self {
        self.length(bytes.len());
        self.0.update(bytes);
        self
    }

    /// A message as one part, without a buffer.
    pub(crate) fn message<M: Message>(mut self, message: &M) -> Self {
        self.length(message.encoded_len());
        message.write(&mut self);
        self
    }

    pub(crate) fn wide(self) -> Zeroizing<[u8; 64]> {
        Zeroizing::new(self.0.finalize().into())
    }

    pub(crate) fn digest(self) -> Digest {
        let wide = self.wide();
        let mut out = [0; 32];
        out.iter_mut().zip(wide.iter()).for_each(|(to, from)| *to = *from);
        Digest(out)
    }

    /// Its first 32 bytes as two halves: weights of a batched check.
    #[cfg(feature = "alloc")]
    pub(crate) fn halves(self) -> [[u8; 16]; 2] {
        let digest = self.digest();
        let mut second = [0; 16];
        second.iter_mut().zip(digest.0.iter().skip(16)).for_each(|(to, from)| *to = *from);
        [digest.half(), second]
    }

    /// `H_s`: a scalar from 64 uniform bytes.
    pub(crate) fn scalar(self) -> Scalar {
        Scalar::from_wide(&self.wide())
    }
}

/// `hash(label, parts…)`.
pub(crate) fn hash(label: Label, parts: &[&[u8]]) -> Hasher {
    parts.iter().fold(Hasher::new(label), |hasher, part| hasher.part(part))
}

/// `KDF(label, secret, parts…)`: 32 bytes that are wiped on drop.
pub(crate) fn kdf(label: Label, secret: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new([0; 32]);
    let info = hash(label, parts).wide();
    let expanded = Hkdf::<Sha512>::new(Some(label.bytes()), secret).expand(&*info, &mut *out);
    // 32 bytes are far below HKDF's limit of 255 blocks.
    debug_assert!(expanded.is_ok());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_is_listed() {
        let source = include_str!("hash.rs");
        let constants = source
            .lines()
            .filter(|line| line.trim_start().starts_with("pub(crate) const") && line.contains("Label(\""));
        assert_eq!(constants.count(), label::ALL.len());
    }

    #[test]
    fn labels_differ() {
        for (i, a) in label::ALL.iter().enumerate() {
            for b in &label::ALL[i + 1..] {
                assert_ne!(a, b);
            }
        }
    }

    #[test]
    fn parts_do_not_run_together() {
        let l = label::CONTEXT;
        let of = |parts: &[&[u8]]| hash(l, parts).digest();
        assert_ne!(of(&[b"ab", b"c"]), of(&[b"a", b"bc"]));
        assert_ne!(of(&[b"abc"]), of(&[b"abc", b""]));
        assert_ne!(of(&[b"abc"]), hash(label::PARTY_ID, &[b"abc"]).digest());
        assert_ne!(kdf(l, b"k", &[b"ab", b"c"]), kdf(l, b"k", &[b"a", b"bc"]));
        assert_ne!(kdf(l, b"k", &[]), kdf(l, b"l", &[]));
        assert_ne!(kdf(l, b"k", &[]), kdf(label::PARTY_ID, b"k", &[]));
    }
}
