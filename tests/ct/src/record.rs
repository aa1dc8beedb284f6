//! Sealed bodies: what is done with the shared key, the author's key and the plaintext.

use sesphr::context::Context;
use sesphr::epoch::KeyTree;
use sesphr::hazmat::record::{Fixed, open_into};
use sesphr::pre::afgh::Afgh;
use sesphr::record::{
    Aead, ChunkSize, Expected, LayerKey, LayerStep, Opener, Plaintext, SealedPartition, Sealer, Versions,
};
use std::hint::black_box;

use crate::Case;
use crate::epoch::{all, marked};
use crate::memcheck::{declassify_bytes, is_secret, poison, running};
use crate::world::{AUTHOR, Toy, World, mark_owner_secret, secret_signer};

pub const CASES: &[Case] = &[
    ("record-seal-aes", || drop(seal(Aead::Aes256Gcm))),
    ("record-seal-chacha", || drop(seal(Aead::ChaCha20Poly1305))),
    ("record-open-aes", || open_under_key(Aead::Aes256Gcm)),
    ("record-open-chacha", || open_under_key(Aead::ChaCha20Poly1305)),
    ("record-sealer-and-opener", sealer_and_opener),
    ("record-layers", layers),
];

/// More than one chunk of the smallest size.
const LEN: usize = 5000;

fn secret<const N: usize>() -> [u8; N] {
    let mut bytes = black_box([0x33; N]);
    poison(&mut bytes);
    bytes
}

/// What is published of a sealed partition: all of it.
fn publish(sealed: SealedPartition) -> SealedPartition {
    use sesphr::encoding::{Encoding, Message};
    let bytes = sealed.to_bytes();
    declassify_bytes(&bytes);
    SealedPartition::from_bytes(&bytes).unwrap()
}

fn seal(aead: Aead) -> (World, SealedPartition) {
    let world = World::new();
    let (key, plaintext) = (secret::<32>(), secret::<LEN>());
    let context: Context<'static> = world.context();
    let fixed = Fixed { key: &key, context, capsule: b"", aead, chunk_size: ChunkSize::MIN, salt: [5; 32] };
    let mut body = Vec::new();
    let header = fixed.seal_into(&secret_signer(AUTHOR), &plaintext, &mut body).unwrap();
    let sealed = publish(SealedPartition::from_parts(header, body).unwrap());
    assert!(sealed.verify().is_ok());
    (world, sealed)
}

fn expected<'a>(ctx: &Context<'_>, authors: &'a [sesphr::identity::PartyId; 1]) -> Expected<'a> {
    Expected {
        owner: ctx.owner,
        record: ctx.record,
        partition: ctx.partition,
        authors,
        versions: Versions::Exactly(ctx.version),
    }
}

fn open_under_key(aead: Aead) {
    let (world, sealed) = seal(aead);
    let authors = [world.author.id()];
    let ctx = world.context();
    let mut opened = Plaintext::default();
    open_into(&secret::<32>(), &expected(&ctx, &authors), sealed.header(), sealed.body(), &mut opened).unwrap();
    assert_eq!(opened.len(), LEN);
    assert_eq!(is_secret(&opened), running());
}

fn sealer_and_opener() {
    let mut world = World::new();
    let ctx = world.context();
    let author = secret_signer(AUTHOR);
    let sealed = Sealer::<Afgh>::new(&(), &world.owner_key, &(), &author).chunk_size(ChunkSize::MIN).seal(
        ctx.record,
        ctx.version,
        &secret::<LEN>(),
        &mut Toy::secret(),
    );
    let sealed = publish(sealed.unwrap());
    mark_owner_secret(&mut world.owner_secret);
    let authors = [world.author.id()];
    let opened = Opener::<Afgh>::owner(&(), &world.owner_secret).open(&expected(&ctx, &authors), &sealed).unwrap();
    assert_eq!(opened.len(), LEN);
}

/// One layer, and another in its place. The keys are secret; the bodies are what the cloud stores.
fn layers() {
    let fresh = seal(Aead::Aes256Gcm).1;
    let keys = marked(&all());
    let key = |epoch| LayerKey::derive(&keys.leaf(epoch).unwrap().key(), &fresh.header().immutable().digest());
    let (first, second) = (LayerStep::new(None, (1, key(1))), LayerStep::new(Some((1, key(1))), (2, key(2))));
    let direct = LayerStep::new(None, (2, key(2)));
    let take = |sealed: &SealedPartition, step: Option<LayerStep>| {
        let mut sealed = sealed.clone();
        sealed.relayer(&step.unwrap()).unwrap();
        assert_eq!(is_secret(sealed.body()), running());
        publish(sealed)
    };
    assert!(take(&take(&fresh, first), second) == take(&fresh, direct));
}
