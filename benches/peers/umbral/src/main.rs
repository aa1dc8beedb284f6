//! `umbral-pre`: times its operations and measures its encodings, for `sesphr-peers` or by itself.
#![allow(clippy::unwrap_used)]

use std::hint::black_box;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sesphr_peers_timing::{Named, World};
use umbral_pre::{
    Capsule, CapsuleFrag, DefaultDeserialize, DefaultSerialize, KeyFrag, PublicKey, SecretKey, Signer,
    VerifiedCapsuleFrag, VerifiedKeyFrag, decrypt_original, decrypt_reencrypted, encrypt_with_rng,
    generate_kfrags_with_rng, reencrypt_with_rng,
};

const PLAINTEXT: [u8; 32] = [0x5e; 32];

/// A delegation to some servers, of whom the threshold has re-encrypted.
struct Delegation {
    kfrags: Box<[VerifiedKeyFrag]>,
    cfrags: Vec<VerifiedCapsuleFrag>,
}

/// umbral-pre consumes the fragments that it checks and uses. The copies are timed, since they are needed again; each has
/// less than a thousand bytes.
struct Umbral {
    rng: ChaCha20Rng,
    owner: (SecretKey, PublicKey),
    user: (SecretKey, PublicKey),
    signer: Signer,
    verifying: PublicKey,
    capsule: Capsule,
    encoded: Box<[u8]>,
    ciphertext: Box<[u8]>,
    /// By thresholds.
    delegations: Vec<(usize, Delegation)>,
    /// One of each, as they arrive.
    kfrag: KeyFrag,
    cfrag: CapsuleFrag,
}

fn key_pair(rng: &mut ChaCha20Rng) -> (SecretKey, PublicKey) {
    let secret = SecretKey::random_with_rng(rng);
    let public = secret.public_key();
    (secret, public)
}

impl Umbral {
    fn new() -> Self {
        let rng = &mut ChaCha20Rng::from_seed([1; 32]);
        let (owner, user, signer) = (key_pair(rng), key_pair(rng), Signer::new(SecretKey::random_with_rng(rng)));
        let (capsule, ciphertext) = encrypt_with_rng(rng, &owner.1, &PLAINTEXT).unwrap();
        let delegations = [(1, 1), (2, 3), (5, 9)].map(|(threshold, shares)| {
            let kfrags = generate_kfrags_with_rng(rng, &owner.0, &user.1, &signer, threshold, shares, true, true);
            let cfrags = kfrags.iter().take(threshold);
            let cfrags = cfrags.map(|kfrag| reencrypt_with_rng(rng, &capsule, kfrag.clone())).collect();
            (threshold, Delegation { kfrags, cfrags })
        });
        let [(_, Delegation { kfrags, cfrags }), ..] = &delegations;
        let (kfrag, cfrag) = (kfrags[0].clone().unverify(), cfrags[0].clone().unverify());
        let (rng, verifying) = (rng.clone(), signer.verifying_key());
        let delegations = delegations.into();
        Self {
            rng,
            owner,
            user,
            signer,
            verifying,
            encoded: capsule.to_bytes().unwrap(),
            capsule,
            ciphertext,
            delegations,
            kfrag,
            cfrag,
        }
    }

    fn delegation(&self, threshold: usize) -> &Delegation {
        self.delegations.iter().find(|(of, _)| *of == threshold).map(|(_, delegation)| delegation).unwrap()
    }

    fn delegate(&mut self, threshold: usize, shares: usize) {
        let (owner, user, signer) = (black_box(&self.owner.0), black_box(&self.user.1), &self.signer);
        let rng = &mut self.rng;
        black_box(generate_kfrags_with_rng(rng, owner, user, signer, threshold, shares, true, true));
    }

    fn verify_kfrag(&self, kfrag: KeyFrag) -> VerifiedKeyFrag {
        kfrag.verify(&self.verifying, Some(&self.owner.1), Some(&self.user.1)).unwrap()
    }

    fn reencrypt(&mut self, kfrag: VerifiedKeyFrag) -> VerifiedCapsuleFrag {
        reencrypt_with_rng(&mut self.rng, black_box(&self.capsule), kfrag)
    }

    fn verify_cfrag(&self, cfrag: CapsuleFrag) -> VerifiedCapsuleFrag {
        cfrag.verify(black_box(&self.capsule), &self.verifying, &self.owner.1, &self.user.1).unwrap()
    }

    fn open_reencrypted(&self, cfrags: impl IntoIterator<Item = VerifiedCapsuleFrag>) {
        let (secret, owner, capsule) = (black_box(&self.user.0), &self.owner.1, black_box(&self.capsule));
        let plaintext = decrypt_reencrypted(secret, owner, capsule, cfrags, &self.ciphertext).unwrap();
        assert!(*black_box(plaintext) == PLAINTEXT);
    }

    fn open_cfrags(&self, threshold: usize) {
        self.open_reencrypted(self.delegation(threshold).cfrags.iter().cloned());
    }

    /// Re-encryption by so many servers; the delegatee checks all that arrives and opens.
    fn turnaround(&mut self, threshold: usize) {
        let cfrags: Vec<_> = (0..threshold)
            .map(|server| self.reencrypt(self.delegation(threshold).kfrags[server].clone()).unverify())
            .collect();
        self.open_reencrypted(cfrags.into_iter().map(|cfrag| self.verify_cfrag(cfrag)));
    }
}

impl World for Umbral {
    const OPERATIONS: Named<fn(&mut Self)> = &[
        ("keygen", |world| _ = black_box(key_pair(&mut world.rng))),
        ("keygen_64", |world| (0..64).for_each(|_| _ = black_box(key_pair(&mut world.rng)))),
        ("encrypt", |world| {
            let (owner, plaintext) = (black_box(&world.owner.1), black_box(&PLAINTEXT));
            let _ = black_box(encrypt_with_rng(&mut world.rng, owner, plaintext).unwrap());
        }),
        // A capsule is checked where it is decoded.
        ("verify_capsule", |world| _ = black_box(Capsule::from_bytes(black_box(&world.encoded)).unwrap())),
        ("open", |world| {
            let (capsule, ciphertext) = (black_box(&world.capsule), &world.ciphertext);
            let plaintext = decrypt_original(&world.owner.0, capsule, ciphertext).unwrap();
            assert!(*black_box(plaintext) == PLAINTEXT);
        }),
        ("delegate_1_of_1", |world| world.delegate(1, 1)),
        ("delegate_2_of_3", |world| world.delegate(2, 3)),
        ("delegate_5_of_9", |world| world.delegate(5, 9)),
        ("verify_rekey", |world| _ = black_box(world.verify_kfrag(world.kfrag.clone()))),
        ("reencrypt", |world| {
            let kfrag = world.delegation(1).kfrags[0].clone();
            let _ = black_box(world.reencrypt(kfrag));
        }),
        ("verify_part", |world| _ = black_box(world.verify_cfrag(world.cfrag.clone()))),
        ("open_reencrypted_1", |world| world.open_cfrags(1)),
        ("open_reencrypted_2", |world| world.open_cfrags(2)),
        ("open_reencrypted_5", |world| world.open_cfrags(5)),
        ("turnaround_1", |world| world.turnaround(1)),
        ("turnaround_2", |world| world.turnaround(2)),
        ("turnaround_5", |world| world.turnaround(5)),
    ];

    const SIZES: Named<fn(&Self) -> usize> = &[
        ("capsule", |world| world.capsule.to_bytes_simple().len()),
        ("ciphertext", |world| world.ciphertext.len()),
        // MessagePack: it has no simple form.
        ("rekey", |world| world.kfrag.to_bytes().unwrap().len()),
        ("part", |world| world.cfrag.to_bytes_simple().len()),
    ];
}

fn main() {
    sesphr_peers_timing::run_peer(Umbral::new());
}
