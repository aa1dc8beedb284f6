//! `recrypt`: times its operations, for `sesphr-peers` or by itself.
#![allow(clippy::unwrap_used)]

use std::hint::black_box;

use recrypt::api::{
    CryptoOps, DefaultRng, Ed25519, Ed25519Ops, EncryptedValue, KeyGenOps, Plaintext, PrivateKey, PublicKey,
    RandomBytes, Recrypt, Sha256, SigningKeypair, TransformKey,
};
use sesphr_peers_timing::{Named, World};

struct Recrypted {
    api: Recrypt<Sha256, Ed25519, RandomBytes<DefaultRng>>,
    signing: SigningKeypair,
    owner: (PrivateKey, PublicKey),
    user: (PrivateKey, PublicKey),
    plaintext: Plaintext,
    encrypted: EncryptedValue,
    transform: TransformKey,
    transformed: EncryptedValue,
}

impl Recrypted {
    fn new() -> Self {
        let api = Recrypt::new();
        let signing = api.generate_ed25519_key_pair();
        let (owner, user) = (api.generate_key_pair().unwrap(), api.generate_key_pair().unwrap());
        let plaintext = api.gen_plaintext();
        let encrypted = api.encrypt(&plaintext, &owner.1, &signing).unwrap();
        let transform = api.generate_transform_key(&owner.0, &user.1, &signing).unwrap();
        let transformed = api.transform(encrypted.clone(), transform.clone(), &signing).unwrap();
        Self { api, signing, owner, user, plaintext, encrypted, transform, transformed }
    }

    fn transform(&self) -> EncryptedValue {
        self.api.transform(black_box(self.encrypted.clone()), self.transform.clone(), &self.signing).unwrap()
    }

    /// The key of a value, as a user of a key encapsulation mechanism wants it.
    fn open(&self, value: EncryptedValue, secret: &PrivateKey) {
        let plaintext = self.api.decrypt(value, secret).unwrap();
        assert!(plaintext == self.plaintext);
        black_box(self.api.derive_symmetric_key(&plaintext));
    }
}

impl World for Recrypted {
    const OPERATIONS: Named<fn(&mut Self)> = &[
        // Owners and users have keys of one kind, which are not signed.
        ("owner_keygen", |world| _ = black_box(world.api.generate_key_pair().unwrap())),
        ("user_keygen", |world| _ = black_box(world.api.generate_key_pair().unwrap())),
        ("encapsulate", |world| {
            let plaintext = world.api.gen_plaintext();
            black_box(world.api.derive_symmetric_key(&plaintext));
            black_box(world.api.encrypt(&plaintext, &world.owner.1, &world.signing).unwrap());
        }),
        ("open", |world| world.open(black_box(world.encrypted.clone()), &world.owner.0)),
        ("delegate", |world| {
            let (from, to) = (black_box(&world.owner.0), &world.user.1);
            black_box(world.api.generate_transform_key(from, to, &world.signing).unwrap());
        }),
        ("reencrypt", |world| _ = black_box(world.transform())),
        ("open_reencrypted", |world| world.open(black_box(world.transformed.clone()), &world.user.0)),
        ("turnaround", |world| world.open(world.transform(), &world.user.0)),
    ];
}

fn main() {
    sesphr_peers_timing::run_peer(Recrypted::new());
}
