//! Identities and the proxy re-encryption schemes.

use sesphr::context::{Context, ContextBuf};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::identity::{Signed, SigningKey};
use sesphr::kem::{OwnerRoot, SharedKey};
use sesphr::pre::Pre;
use sesphr::pre::afgh::{Afgh, Capsule};
use std::hint::black_box;
use subtle::ConstantTimeEq;

use crate::Case;
use crate::memcheck::{declassify, declassify_bytes, is_secret, poison, poison_fields, running};
use crate::world::{
    AUTHOR, NOW, OWNER, SERVER, Toy, USER, World, decode_marked, mark_owner_secret, mark_user_secret, rekey_image,
    secret_signer,
};

pub const CASES: &[Case] = &[
    ("signing-key-generate", signing_key_generate),
    ("signing-key-decode", signing_key_decode),
    ("sign", sign),
    ("owner-root-generate", owner_root_generate),
    ("afgh-owner-keygen", owner_keygen),
    ("afgh-owner-secret-decode", owner_secret_decode),
    ("afgh-owner-secret-encode", owner_secret_encode),
    ("afgh-user-keygen", user_keygen),
    ("afgh-user-secret-decode", user_secret_decode),
    ("afgh-encapsulate", || encapsulate(false)),
    ("afgh-encapsulate-precomputed", || encapsulate(true)),
    ("afgh-delegate", delegate),
    ("afgh-rekey-decode", rekey_decode),
    ("afgh-verify-rekey", verify_rekey),
    ("afgh-reencrypt", reencrypt),
    ("afgh-open", open),
    ("afgh-open-other-context", open_other_context),
    ("afgh-open-reencrypted", open_reencrypted),
    ("shared-key-equal", shared_key_equal),
];

fn signing_key_generate() {
    let key = SigningKey::try_generate(&mut Toy::secret()).unwrap();
    declassify(key.id());
}

fn signing_key_decode() {
    let mut seed = black_box([9; 32]);
    poison(&mut seed);
    let key = SigningKey::from_seed(&seed);
    let bytes = key.to_secret_bytes();
    assert_eq!(is_secret(&bytes), running());
    declassify(SigningKey::from_bytes(&declassify_vec(bytes.to_vec())).unwrap().id());
}

fn declassify_vec(bytes: Vec<u8>) -> Vec<u8> {
    declassify_bytes(&bytes);
    bytes
}

fn sign() {
    let world = World::new();
    let signer = secret_signer(OWNER);
    let signed = declassify(Signed::new(&signer, ContextBuf::try_from(&world.context()).unwrap()));
    assert!(signed.verify(&world.owner.id()).is_ok());
}

fn owner_root_generate() {
    let root = OwnerRoot::try_generate(&mut Toy::secret()).unwrap();
    assert_eq!(declassify(root.ct_eq(&root).unwrap_u8()), 1);
}

fn owner_keygen() {
    let world = World::new();
    let signer = secret_signer(OWNER);
    let root = decode_marked(&world.root, |bytes| &mut bytes[4..]);
    let (_, public) = Afgh::owner_keygen(&(), &root, &signer, &world.period, &mut Toy::secret()).unwrap();
    let public = declassify(public);
    assert!(Afgh::verify_owner(&(), &public, &world.owner.id()).is_ok());
}

fn owner_secret_decode() {
    let world = World::new();
    decode_marked(&world.owner_secret, |bytes| bytes.last_chunk_mut::<32>().unwrap());
}

fn owner_secret_encode() {
    let mut world = World::new();
    mark_owner_secret(&mut world.owner_secret);
    assert_eq!(is_secret(&world.owner_secret.to_secret_bytes()), running());
}

fn user_keygen() {
    let world = World::new();
    let (_, public) = Afgh::user_keygen(&(), &secret_signer(USER), &mut Toy::secret()).unwrap();
    let public = declassify(public);
    assert!(Afgh::verify_user(&(), &public, &world.user.id()).is_ok());
}

fn user_secret_decode() {
    let world = World::new();
    decode_marked(&world.user_secret, |bytes| bytes.last_chunk_mut::<32>().unwrap());
}

/// The key is secret, and it is the one in `capsule`.
fn check_key(world: &World, capsule: &Capsule, ctx: &Context<'_>, key: &SharedKey) {
    let expected = World::new();
    let again = Afgh::open(&(), &expected.owner_secret, capsule, ctx).unwrap();
    assert_eq!(declassify(again.ct_eq(key).unwrap_u8()), 1);
    let _ = world;
}

fn encapsulate(precompute: bool) {
    let world = World::new();
    let (author, ctx) = (secret_signer(AUTHOR), world.context());
    let owner = if precompute { world.owner_key.clone().precompute() } else { world.owner_key.clone() };
    let (capsule, key) = Afgh::encapsulate(&(), &owner, &ctx, &author, &mut Toy::secret()).unwrap();
    let capsule = declassify(capsule);
    assert_eq!(is_secret(key.hazmat_bytes()), running());
    assert!(Afgh::verify_capsule(&(), &owner, &capsule, &ctx).is_ok());
    check_key(&world, &capsule, &ctx, &key);
}

fn delegate() {
    let mut world = World::new();
    mark_owner_secret(&mut world.owner_secret);
    let (grant, [rekey]) = Afgh::delegate(
        &(),
        &world.owner_secret,
        &secret_signer(OWNER),
        &world.user_key,
        &(),
        &world.validity,
        &mut Toy::secret(),
    )
    .unwrap();
    let grant = declassify(grant);
    assert!(Afgh::verify_grant(&(), &world.owner_key, &grant, NOW).is_ok());
    assert_eq!(is_secret(rekey.to_secret_bytes().last_chunk::<96>().unwrap()), running());
}

fn rekey_decode() {
    let world = World::new();
    decode_marked(&world.rekey, |bytes| bytes.last_chunk_mut::<96>().unwrap());
}

fn verify_rekey() {
    let mut world = World::new();
    let image = rekey_image(&world.rekey);
    poison_fields(&mut world.rekey, &[&image]);
    assert!(Afgh::verify_rekey(&(), &world.owner_key, &world.grant, &world.rekey).is_ok());
}

fn capsule(world: &World) -> (Capsule, SharedKey, Context<'static>) {
    let ctx = world.context();
    let (capsule, key) = Afgh::encapsulate(&(), &world.owner_key, &ctx, &world.author, &mut Toy::clear()).unwrap();
    (capsule, key, ctx)
}

fn reencrypt() {
    let world = World::new();
    let (capsule, key, ctx) = capsule(&world);
    let checked = Afgh::verify_capsule(&(), &world.owner_key, &capsule, &ctx).unwrap();
    let mut rekey = Afgh::verify_rekey(&(), &world.owner_key, &world.grant, &world.rekey).unwrap();
    poison_fields(&mut rekey, &[&rekey_image(&world.rekey)]);
    let part = Afgh::reencrypt(&(), &rekey, &checked, &secret_signer(SERVER), NOW, &mut Toy::secret()).unwrap();
    let part = declassify(part);
    assert_eq!(part.to_bytes().len(), 4 + 48 + 96);
    let opened = Afgh::accept_grant(&(), &world.user_secret, &world.grant)
        .and_then(|grant| Afgh::open_reencrypted(&(), &grant, &capsule, &[part], &ctx))
        .unwrap();
    assert!(bool::from(opened.ct_eq(&key)));
}

fn open() {
    let mut world = World::new();
    let (capsule, key, ctx) = capsule(&world);
    mark_owner_secret(&mut world.owner_secret);
    let opened = Afgh::open(&(), &world.owner_secret, &capsule, &ctx).unwrap();
    assert_eq!(declassify(opened.ct_eq(&key).unwrap_u8()), 1);
}

fn open_other_context() {
    let mut world = World::new();
    let (capsule, _, ctx) = capsule(&world);
    mark_owner_secret(&mut world.owner_secret);
    let other = Context { version: 2, ..ctx };
    assert!(Afgh::open(&(), &world.owner_secret, &capsule, &other).is_err());
}

fn open_reencrypted() {
    let mut world = World::new();
    let (capsule, key, ctx) = capsule(&world);
    let checked = Afgh::verify_capsule(&(), &world.owner_key, &capsule, &ctx).unwrap();
    let rekey = Afgh::verify_rekey(&(), &world.owner_key, &world.grant, &world.rekey).unwrap();
    let part = Afgh::reencrypt(&(), &rekey, &checked, &world.server, NOW, &mut Toy::clear()).unwrap();
    mark_user_secret(&mut world.user_secret);
    let opened = Afgh::accept_grant(&(), &world.user_secret, &world.grant)
        .and_then(|grant| Afgh::open_reencrypted(&(), &grant, &capsule, &[part], &ctx))
        .unwrap();
    assert_eq!(declassify(opened.ct_eq(&key).unwrap_u8()), 1);
}

fn shared_key_equal() {
    let world = World::new();
    let ctx = world.context();
    let seal = |rng: &mut Toy| Afgh::encapsulate(&(), &world.owner_key, &ctx, &secret_signer(AUTHOR), rng).unwrap().1;
    let (a, b) = (seal(&mut Toy::secret()), seal(&mut Toy::clear()));
    assert_eq!(declassify(a.ct_eq(&b).unwrap_u8()), 0);
}
