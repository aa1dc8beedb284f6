//! Whom we compare with whom, in what, and what we claim.

use sesphr::hazmat::pairing::BACKEND;
use sesphr::kapre::Kapre;
use sesphr::pre::afgh::Afgh;
use sesphr_peers_timing::Timed;

use crate::ours::{kapre, threshold};

/// What is timed. Both sides know it by one name.
pub struct Row {
    pub operation: &'static str,
    /// What the peer is asked for: what comes closest where it has no operation of this name.
    pub peers: &'static str,
    /// What it is called in the table.
    pub title: &'static str,
    /// The claim: how much of the peer's time the last of our schemes takes at most.
    pub most: Option<f64>,
}

impl Row {
    const fn new(operation: &'static str, title: &'static str) -> Self {
        Self { operation, peers: operation, title, most: None }
    }

    const fn beside(self, peers: &'static str) -> Self {
        Self { peers, ..self }
    }

    const fn at_most(self, most: f64) -> Self {
        Self { most: Some(most), ..self }
    }
}

/// What a scheme of ours is called, and its world.
pub type Contender = (&'static str, Box<dyn Timed>);

pub struct Comparison {
    /// The directory of the peer's package.
    pub package: &'static str,
    /// The crate.
    pub peer: &'static str,
    /// Our schemes; claims are on the last.
    pub ours: fn() -> Vec<Contender>,
    /// The library that they compute with.
    pub on: &'static str,
    pub rows: &'static [Row],
    /// Names and titles of what is encoded.
    pub encodings: &'static [(&'static str, &'static str)],
}

pub const COMPARISONS: [Comparison; 2] = [
    Comparison {
        package: "recrypt",
        peer: "recrypt",
        ours: || vec![("Afgh", Box::new(kapre::Ours::<Afgh>::new())), ("Kapre", Box::new(kapre::Ours::<Kapre>::new()))],
        on: BACKEND,
        rows: RECRYPT,
        encodings: &[],
    },
    Comparison {
        package: "umbral",
        peer: "umbral-pre",
        ours: || vec![("Threshold", Box::new(threshold::Ours::new()))],
        on: "curve25519-dalek",
        rows: UMBRAL,
        encodings: UMBRAL_ENCODINGS,
    },
];

const KAPRE_TURNAROUND: f64 = if cfg!(feature = "blst") { 0.06 } else { 0.15 };

const RECRYPT: &[Row] = &[
    Row::new("owner_keygen", "an owner's key pair"),
    Row::new("user_keygen", "a delegatee's key pair"),
    Row::new("encapsulate", "a fresh key, encrypted"),
    Row::new("open", "decryption by the owner"),
    Row::new("delegate", "transform key, or grant"),
    Row::new("accept", "check of a grant and its key by server and delegatee, once a grant"),
    Row::new("reencrypt", "re-encryption"),
    Row::new("open_reencrypted", "decryption by the delegatee"),
    Row::new("turnaround", "**turnaround**: re-encryption and decryption").at_most(KAPRE_TURNAROUND),
    Row::new("verify_capsule", "public check of a capsule"),
    // It checks signatures where it transforms, and has no check beyond.
    Row::new("checked_turnaround", "**turnaround** with the public check of the capsule").beside("turnaround"),
];

const UMBRAL: &[Row] = &[
    Row::new("keygen", "a key pair").at_most(0.35),
    Row::new("label_tree", "64 key pairs, with the tree that certifies them").beside("keygen_64"),
    Row::new("user_keygen", "a delegatee's key pair, certified").beside("keygen"),
    Row::new("encrypt", "encryption of 32 bytes").at_most(0.35),
    Row::new("seal_record", "the same as a sealed record, signed by its author").beside("encrypt"),
    Row::new("verify_capsule", "decoding and public check of a capsule"),
    Row::new("open", "decryption by the owner"),
    Row::new("delegate_1_of_1", "delegation, 1 of 1").at_most(0.3),
    Row::new("delegate_2_of_3", "delegation, 2 of 3").at_most(0.3),
    Row::new("delegate_5_of_9", "delegation, 5 of 9").at_most(0.3),
    Row::new("verify_rekey", "check of one server's key with the grant, once a grant"),
    Row::new("reencrypt", "re-encryption by one server").at_most(0.5),
    Row::new("verify_part", "check of one re-encrypted fragment").at_most(0.3),
    Row::new("open_reencrypted_1", "decryption of 1 fragment, and acceptance of the grant").at_most(0.3),
    Row::new("open_reencrypted_2", "decryption of 2").at_most(0.3),
    Row::new("open_reencrypted_5", "decryption of 5").at_most(0.3),
    Row::new("open_held_1", "decryption of 1, the grant accepted before").beside("open_reencrypted_1"),
    Row::new("open_held_2", "decryption of 2").beside("open_reencrypted_2"),
    Row::new("open_held_5", "decryption of 5").beside("open_reencrypted_5"),
    Row::new("turnaround_1", "**turnaround**: re-encryption by 1, check and decryption").at_most(0.30),
    Row::new("turnaround_2", "**turnaround** by 2").at_most(0.27),
    Row::new("turnaround_5", "**turnaround** by 5").at_most(0.25),
];

const UMBRAL_ENCODINGS: &[(&str, &str)] = &[
    ("capsule", "capsule"),
    ("ciphertext", "ciphertext of 32 bytes"),
    ("rekey", "one server's key"),
    ("part", "re-encrypted fragment"),
    ("grant_1_of_1", "signed grant, 1 of 1, once a grant"),
    ("grant_2_of_3", "2 of 3"),
    ("grant_5_of_9", "5 of 9"),
];
