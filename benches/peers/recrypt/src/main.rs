//! Reads lines of an operation and a count, runs the operation so often, and answers how many nanoseconds of processor
//! time that took, or with a dash where there is no such operation.

use std::hint::black_box;
use std::io::{BufRead, Write};
use std::time::Duration;

use cpu_time::ThreadTime;
use recrypt::api::{
    CryptoOps, DefaultRng, Ed25519, Ed25519Ops, EncryptedValue, KeyGenOps, Plaintext, PrivateKey, PublicKey,
    RandomBytes, Recrypt, Sha256, SigningKeypair, TransformKey,
};

struct World {
    api: Recrypt<Sha256, Ed25519, RandomBytes<DefaultRng>>,
    signing: SigningKeypair,
    owner: (PrivateKey, PublicKey),
    user: (PrivateKey, PublicKey),
    plaintext: Plaintext,
    encrypted: EncryptedValue,
    transform: TransformKey,
    transformed: EncryptedValue,
}

impl World {
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

    /// Whether there is such an operation.
    fn run(&self, operation: &str) -> bool {
        match operation {
            // Owners and users have keys of one kind, which are not signed.
            "owner_keygen" | "user_keygen" => _ = black_box(self.api.generate_key_pair().unwrap()),
            "encapsulate" => {
                let plaintext = self.api.gen_plaintext();
                black_box(self.api.derive_symmetric_key(&plaintext));
                black_box(self.api.encrypt(&plaintext, &self.owner.1, &self.signing).unwrap());
            }
            "open" => self.open(black_box(self.encrypted.clone()), &self.owner.0),
            "delegate" => {
                let (from, to) = (black_box(&self.owner.0), &self.user.1);
                black_box(self.api.generate_transform_key(from, to, &self.signing).unwrap());
            }
            "reencrypt" => _ = black_box(self.transform()),
            "open_reencrypted" => self.open(black_box(self.transformed.clone()), &self.user.0),
            "turnaround" => self.open(self.transform(), &self.user.0),
            _ => return false,
        }
        true
    }

    fn time(&self, operation: &str, count: u32) -> Option<Duration> {
        let start = ThreadTime::now();
        (0..count).all(|_| self.run(operation)).then(|| start.elapsed())
    }
}

fn main() {
    let (world, mut out) = (World::new(), std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let (operation, count) = line.split_once(' ').expect("an operation and a count");
        match world.time(operation, count.parse().expect("a count")) {
            Some(time) => writeln!(out, "{}", time.as_nanos()),
            None => writeln!(out, "-"),
        }
        .and_then(|()| out.flush())
        .unwrap();
    }
}
