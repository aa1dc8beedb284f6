//! Who takes part in the cases, made in the clear.

use core::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};
use sesphr::context::{Context, Partition, Period, RecordId, Subject, Timestamp, Validity};
use sesphr::encoding::{Message, SecretEncoding};
use sesphr::hazmat::pairing::{G2Affine, Scalar};
use sesphr::identity::SigningKey;
use sesphr::kem::OwnerRoot;
use sesphr::pre::Pre;
use sesphr::pre::afgh::{Afgh, OwnerSecret, ReKey, UserSecret, VerifiedGrant, VerifiedOwner, VerifiedUser};

use crate::memcheck::{image, poison, poison_fields};

pub const NOW: Timestamp = Timestamp(15);

/// A counter, in the clear or secret.
pub struct Toy {
    state: u64,
    secret: bool,
}

impl Toy {
    pub fn clear() -> Self {
        Self { state: 1, secret: false }
    }

    pub fn secret() -> Self {
        Self { state: 2, secret: true }
    }
}

impl TryRng for Toy {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.try_next_u64()? as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for chunk in out.chunks_mut(8) {
            self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            chunk.copy_from_slice(&self.state.to_le_bytes()[..chunk.len()]);
        }
        if self.secret {
            poison(out);
        }
        Ok(())
    }
}

impl TryCryptoRng for Toy {}

/// The party of this seed, with its secrets marked: everything but the public key.
pub fn secret_signer(seed: [u8; 32]) -> SigningKey {
    let mut signer = SigningKey::from_seed(&seed);
    mark_signer(&mut signer, seed);
    signer
}

fn mark_signer(signer: &mut SigningKey, seed: [u8; 32]) {
    let inner = ed25519_dalek::SigningKey::from_bytes(&seed);
    // The key's image is seed and public key in some order; what surrounds the seed is public, and so is what
    // surrounds the image except the hedge.
    let inner = image(&inner);
    let at = (0..=inner.len() - 32).find(|&at| inner[at..].starts_with(&seed)).expect("the seed is in the key");
    let publics: Vec<&[u8]> = [&inner[..at], &inner[at + 32..]].into_iter().filter(|part| !part.is_empty()).collect();
    crate::memcheck::poison_except(signer, &publics);
}

/// The image of a scalar as the library keeps it.
fn scalar_images(bytes: &[u8; 32]) -> [Vec<u8>; 2] {
    let scalar = Scalar::from_bytes(bytes).unwrap();
    [image(&scalar), image(&scalar.invert().unwrap())]
}

fn last_32(bytes: &[u8]) -> [u8; 32] {
    *bytes.last_chunk().unwrap()
}

pub fn mark_owner_secret(secret: &mut OwnerSecret) {
    let [a, inverse] = scalar_images(&last_32(&secret.to_secret_bytes()));
    poison_fields(secret, &[&a, &inverse]);
}

pub fn mark_user_secret(secret: &mut UserSecret) {
    let [b, inverse] = scalar_images(&last_32(&secret.to_secret_bytes()));
    poison_fields(secret, &[&b, &inverse]);
}

/// The coordinates of a re-encryption key as the library keeps them.
pub fn rekey_image(rekey: &ReKey) -> Vec<u8> {
    let point = G2Affine::from_bytes(rekey.to_secret_bytes().last_chunk().unwrap()).unwrap();
    // The two coordinates; a flag and padding may follow.
    image(&point)[..192].to_vec()
}

/// Everything in the clear.
pub struct World {
    pub owner: SigningKey,
    pub author: SigningKey,
    pub user: SigningKey,
    pub server: SigningKey,
    pub root: OwnerRoot,
    pub period: Period,
    pub owner_secret: OwnerSecret,
    pub owner_key: VerifiedOwner,
    pub user_secret: UserSecret,
    pub user_key: VerifiedUser,
    pub validity: Validity,
    pub grant: VerifiedGrant,
    pub rekey: ReKey,
}

pub const OWNER: [u8; 32] = [1; 32];
pub const AUTHOR: [u8; 32] = [2; 32];
pub const USER: [u8; 32] = [3; 32];
pub const SERVER: [u8; 32] = [4; 32];

impl World {
    pub fn new() -> Self {
        let rng = &mut Toy::clear();
        let [owner, author, user, server] = [OWNER, AUTHOR, USER, SERVER].map(|seed| SigningKey::from_seed(&seed));
        let root = OwnerRoot::try_generate(rng).unwrap();
        let period = Period { partition: Partition::MEDICAL, epoch: 3 };
        let (owner_secret, public) = Afgh::owner_keygen(&(), &root, &owner, &period, rng).unwrap();
        let owner_key = Afgh::verify_owner(&(), &public, &owner.id()).unwrap();
        let (user_secret, public) = Afgh::user_keygen(&(), &user, rng).unwrap();
        let user_key = Afgh::verify_user(&(), &public, &user.id()).unwrap();
        let validity = Validity::new(Timestamp(10), Timestamp(20)).unwrap();
        let (grant, [rekey]) = Afgh::delegate(&(), &owner_secret, &owner, &user_key, &(), &validity, rng).unwrap();
        let grant = Afgh::verify_grant(&(), &owner_key, &grant, NOW).unwrap();
        Self {
            owner,
            author,
            user,
            server,
            root,
            period,
            owner_secret,
            owner_key,
            user_secret,
            user_key,
            validity,
            grant,
            rekey,
        }
    }

    pub fn context(&self) -> Context<'static> {
        let subject = Subject {
            record: RecordId::from_array([7; 16]),
            version: 1,
            author: self.author.id(),
            aad: b"constant time",
        };
        Afgh::context(&(), &self.owner_key, &(), &subject)
    }
}

/// The same object, decoded from its secret bytes, which are marked first where `secret` says.
pub fn decode_marked<T: SecretEncoding>(object: &T, secret: impl FnOnce(&mut [u8]) -> &mut [u8]) -> T {
    let mut bytes = object.to_secret_bytes();
    poison(secret(&mut bytes));
    <T as Message>::from_bytes(&bytes).unwrap()
}
