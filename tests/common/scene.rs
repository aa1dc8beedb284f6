//! The tools of an attacker on `Afgh`, and a scene to use them in.

use std::sync::LazyLock;

use sesphr::context::Context;
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::error::OpenError;
use sesphr::hazmat::hash;
use sesphr::hazmat::pairing::{G1Affine, G2Affine, Scalar, z_pow};
use sesphr::identity::SigningKey;
use sesphr::kem::{CapsuleError, SharedKey};
use sesphr::pre::Pre;
use sesphr::pre::afgh::*;

use super::{Granted, NOW, Owner, User, medical, party, rng, validity};

pub fn open(owner: &Owner, capsule: &Capsule, ctx: &Context<'_>) -> Result<SharedKey, OpenError> {
    Afgh::open(&(), &owner.secret, capsule, ctx)
}

pub fn verify(owner: &Owner, capsule: &Capsule, ctx: &Context<'_>) -> Result<VerifiedCapsule, CapsuleError> {
    Afgh::verify_capsule(&(), &owner.key, capsule, ctx)
}

pub fn reencrypt(owner: &Owner, granted: &Granted, capsule: &Capsule, ctx: &Context<'_>) -> ReCapsule {
    // One server: its counter keeps the answers apart.
    static SERVER: LazyLock<SigningKey> = LazyLock::new(|| party(90));
    let checked = verify(owner, capsule, ctx).unwrap();
    Afgh::reencrypt(&(), &granted.verified, &checked, &SERVER, NOW, &mut rng(9)).unwrap()
}

pub fn read(
    user: &User,
    granted: &Granted,
    capsule: &Capsule,
    part: &ReCapsule,
    ctx: &Context<'_>,
) -> Option<SharedKey> {
    Afgh::accept_grant(&(), &user.secret, &granted.grant)
        .and_then(|grant| Afgh::open_reencrypted(&(), &grant, capsule, std::slice::from_ref(part), ctx))
        .ok()
}

pub fn g1(bytes: &[u8]) -> G1Affine {
    G1Affine::from_bytes(bytes[..48].try_into().unwrap()).unwrap()
}

pub fn g2(bytes: &[u8]) -> G2Affine {
    G2Affine::from_bytes(bytes[..96].try_into().unwrap()).unwrap()
}

pub fn scalar(bytes: &[u8]) -> Scalar {
    Scalar::from_bytes(bytes[..32].try_into().unwrap()).unwrap()
}

/// A message of `kind` from its fields.
pub fn message<M: Message>(fields: &[&[u8]]) -> M {
    let mut bytes = vec![1, M::SUITE as u8];
    bytes.extend(M::KIND.number().to_be_bytes());
    fields.iter().for_each(|field| bytes.extend_from_slice(field));
    M::from_bytes(&bytes).unwrap()
}

pub fn point_of(owner: &Owner) -> G1Affine {
    let bytes = owner.public.to_bytes();
    g1(&bytes[bytes.len() - 64 - 64 - 48..])
}

pub fn rk_of(granted: &Granted) -> G2Affine {
    g2(&granted.rekey.to_secret_bytes()[36..])
}

/// A capsule under `point` for any context at all, proof included: what a writer who ignores the library can make.
pub fn handmade(point: &G1Affine, ctx: &Context<'_>) -> Capsule {
    let (ctx, a) = (ctx.digest(), point.to_bytes());
    let sigma = [42; 32];
    let rho = hash::scalar("sesphr v1 afgh rho", &[&sigma, &a, ctx.as_bytes()]);
    let c1 = point.mul(&rho).to_affine().to_bytes();
    let mut c3 = *hash::kdf("sesphr v1 afgh mask", &z_pow(&rho).to_hash_bytes()[..], &[]);
    c3.iter_mut().zip(sigma).for_each(|(c, s)| *c ^= s);
    let nonce = Scalar::from_u64(1234567);
    let commitment = point.mul(&nonce).to_affine().to_bytes();
    let challenge = hash::scalar("sesphr v1 afgh capsule proof", &[&a, &c1, &commitment, &c3, ctx.as_bytes()]);
    let response = &nonce + &(&challenge * &rho);
    message(&[&c1, &c3, &challenge.to_bytes()[..], &response.to_bytes()[..]])
}

/// Owner and author, a user with a grant, a context and a capsule under it.
pub struct Scene {
    pub owner: Owner,
    pub author: SigningKey,
    pub user: User,
    pub granted: Granted,
}

impl Scene {
    pub fn new() -> Self {
        let (owner, user) = (Owner::new(1, medical(3)), User::new(2));
        let granted = owner.grant(&user, validity(), NOW);
        Self { owner, author: party(3), user, granted }
    }

    pub fn ctx(&self) -> Context<'static> {
        self.owner.ctx(&self.author, 7, 1, b"ab")
    }

    pub fn seal(&self) -> (Context<'static>, Capsule, SharedKey) {
        let ctx = self.ctx();
        let (capsule, key) = self.owner.seal(&ctx, &self.author);
        (ctx, capsule, key)
    }
}
