//! Tests of the record layer: what opens, and (in the submodules) what must not.

mod forge;
mod layer;
mod range;
#[cfg(feature = "std")]
mod stream;
mod tamper;

use std::sync::OnceLock;
use std::vec::Vec;

use aead_stream::{Encryptor, StreamBE32};
use aes_gcm::Aes256Gcm;
use chacha20poly1305::ChaCha20Poly1305;
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::{SeedableRng, TryCryptoRng, TryRng};

use super::body::{self, Cipher, Layout, Run};
use super::*;
use crate::context::{Context, ContextBuf, Partition, Period, RecordId, Timestamp, Validity};
use crate::encoding::{Encoding, Message, SuiteId};
use crate::error::{DecodeError, OpenError, RngError};
use crate::identity::{PartyId, Signed, SigningKey};
use crate::kem::{CapsuleParts, EncapsulateError, OwnerRoot, SharedKey};
use crate::pre::Pre;
use crate::pre::afgh::Afgh;

const RECORD: RecordId = RecordId::from_array([9; 16]);

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

/// An owner with a key, and an author.
struct World {
    owner: SigningKey,
    author: SigningKey,
    authors: [PartyId; 1],
    secret: <Afgh as Pre>::OwnerSecret,
    key: <Afgh as Pre>::VerifiedOwner,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let rng = &mut rng(1);
        let (owner, author) = (SigningKey::generate(rng), SigningKey::generate(rng));
        let period = Period { partition: Partition::MEDICAL, epoch: 3 };
        let (secret, public) = Afgh::owner_keygen(&(), &OwnerRoot::generate(rng), &owner, &period, rng).unwrap();
        let key = Afgh::verify_owner(&(), &public, &owner.id()).unwrap();
        World { authors: [author.id()], owner, author, secret, key }
    })
}

impl World {
    fn sealer(&self) -> Sealer<'_, Afgh> {
        Sealer::new(&(), &self.key, &(), &self.author).chunk_size(ChunkSize::MIN)
    }

    fn seal(&self, plaintext: &[u8]) -> SealedPartition {
        self.sealer().seal(RECORD, 1, plaintext, &mut rng(2)).unwrap()
    }

    fn opener(&self) -> Opener<'_, Afgh> {
        Opener::owner(&(), &self.secret)
    }

    fn expected(&self) -> Expected<'_> {
        Expected {
            owner: self.owner.id(),
            record: RECORD,
            partition: Partition::MEDICAL,
            authors: &self.authors,
            versions: Versions::Exactly(1),
        }
    }

    fn open(&self, sealed: &SealedPartition) -> Result<Vec<u8>, OpenError> {
        self.opener().open(&self.expected(), sealed).map(|text| text.to_vec())
    }

    /// What every legitimate reader can get at.
    fn shared_key(&self, header: &SealedHeader) -> SharedKey {
        let capsule = <Afgh as Pre>::Capsule::from_parts(header.immutable().capsule_core(), &[]).unwrap();
        Afgh::open(&(), &self.secret, &capsule, &header.context()).unwrap()
    }

    fn cipher(&self, header: &SealedHeader) -> Cipher {
        header.immutable().unlock(&self.shared_key(header)).unwrap()
    }
}

fn text(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 31 + i / 251) as u8).collect()
}

/// A sealed partition of other parts than the constructors take.
fn assemble(
    immutable: &ImmutableHeader,
    mutable: &MutableHeader,
    seal: &Signed<Seal>,
    body: &[u8],
) -> Result<SealedPartition, DecodeError> {
    let header = SealedHeader::assemble(immutable.clone(), mutable.clone(), seal.clone()).unwrap();
    SealedPartition::from_parts(header, body.to_vec())
}

const KIB64: usize = 65536;

#[test]
fn every_size_opens_again() {
    let w = world();
    for aead in [Aead::Aes256Gcm, Aead::ChaCha20Poly1305] {
        for size in [0, 1, KIB64 - 1, KIB64, KIB64 + 1, 3 * KIB64 - 1, 3 * KIB64, 3 * KIB64 + 1] {
            let sealer = w.sealer().aead(aead).chunk_size(ChunkSize::DEFAULT).aad(b"free");
            let sealed = sealer.seal(RECORD, 1, &text(size), &mut rng(2)).unwrap();
            let chunks = size.div_ceil(KIB64).max(1);
            assert_eq!(sealed.body().len(), size + 16 * chunks);
            assert_eq!(sealed.header().plaintext_len(), size as u64);
            assert_eq!(sealed.header().context().aad, b"free");
            assert_eq!(w.open(&sealed).unwrap(), text(size));
            let again = SealedPartition::from_bytes(&sealed.to_bytes()).unwrap();
            assert_eq!(again, sealed);
            let header = SealedHeader::from_bytes(&sealed.header().to_bytes()).unwrap();
            assert_eq!(&header, sealed.header());
        }
    }
}

#[test]
fn delegatee_opens() {
    let (w, rng) = (world(), &mut rng(5));
    let (user, server) = (SigningKey::generate(rng), SigningKey::generate(rng));
    let (user_secret, user_public) = Afgh::user_keygen(&(), &user, rng).unwrap();
    let user_key = Afgh::verify_user(&(), &user_public, &user.id()).unwrap();
    let (validity, now) = (Validity::new(Timestamp(1), Timestamp(9)).unwrap(), Timestamp(5));
    let (grant, [rekey]) = Afgh::delegate(&(), &w.secret, &w.owner, &user_key, &(), &validity, rng).unwrap();
    let grant = Afgh::verify_grant(&(), &w.key, &grant, now).unwrap();
    let rekey = Afgh::verify_rekey(&(), &w.key, &grant, &rekey).unwrap();

    let sealed = w.seal(b"seen by two");
    let header = sealed.header();
    let capsule = header.capsule::<Afgh>().unwrap();
    let checked = Afgh::verify_capsule(&(), &w.key, &capsule, &header.context()).unwrap();
    let parts = [Afgh::reencrypt(&(), &rekey, &checked, &server, now, rng).unwrap()];
    let held = Afgh::accept_grant(&(), &user_secret, &grant).unwrap();
    let opener = Opener::<Afgh>::delegatee(&(), &held, &parts);
    assert_eq!(&*opener.open(&w.expected(), &sealed).unwrap(), b"seen by two");
    let range = sealed.range(5..7).unwrap();
    assert_eq!(&*opener.open_range(&w.expected(), &range, 5..7).unwrap(), b"by");

    // Parts for another partition's capsule, and none at all.
    let other = w.sealer().seal(RECORD, 2, b"other", rng).unwrap();
    let expected = Expected { versions: Versions::Exactly(2), ..w.expected() };
    assert_eq!(opener.open(&expected, &other).unwrap_err(), OpenError);
    let opener = Opener::<Afgh>::delegatee(&(), &held, &[]);
    assert_eq!(opener.open(&w.expected(), &sealed).unwrap_err(), OpenError);
}

#[test]
fn buffers_are_used_again_and_hold_one_body() {
    let w = world();
    let (mut body, mut out) = (Vec::new(), Plaintext::new());
    for size in [5000, 3, 0, 9000] {
        let header = w.sealer().seal_into(RECORD, 1, &text(size), &mut body, &mut rng(2)).unwrap();
        assert_eq!(body.len() as u64, header.body_len());
        w.opener().open_into(&w.expected(), &header, &body, &mut out).unwrap();
        assert_eq!(&*out, text(size));
        // A failure leaves nothing of the former body to be taken for this one.
        let mut bad = body.clone();
        bad[0] ^= 1;
        assert!(w.opener().open_into(&w.expected(), &header, &bad, &mut out).is_err());
        assert!(out.is_empty());
    }
}

#[test]
fn chunks_are_those_of_the_stream_construction() {
    let (key, chunk) = ([5; 32], ChunkSize::MIN);
    // The last is long enough that `rayon` spreads it.
    for size in [0, 1, 4096, 4097, 3 * 4096, 70 * 4096 + 1] {
        let plain = text(size);
        let layout = Layout::new(chunk, size as u64).unwrap();
        let seal = |aead| {
            let mut out = std::vec![0; layout.sealed_len() as usize];
            let (cipher, tree) = (Cipher::new(aead, &key), body::body_tree());
            let leaves = body::seal_run(&cipher, &tree, Run::whole(chunk), &plain, &mut out).unwrap();
            let in_order: Vec<_> = out.chunks(chunk.sealed()).map(|chunk| tree.leaf(chunk)).collect();
            assert_eq!(leaves, in_order);
            assert_eq!(body::hash_run(&tree, chunk, &out), in_order);
            out
        };
        macro_rules! reference {
            ($cipher:ty) => {{
                let mut stream = Encryptor::<$cipher, StreamBE32<$cipher>>::new(&key.into(), &[0; 7].into());
                let mut parts: Vec<&[u8]> = plain.chunks(chunk.bytes()).collect();
                let last = parts.pop().unwrap_or_default();
                let mut out = Vec::new();
                parts.iter().for_each(|part| out.extend(stream.encrypt_next(*part).unwrap()));
                out.extend(stream.encrypt_last(last).unwrap());
                out
            }};
        }
        assert_eq!(seal(Aead::Aes256Gcm), reference!(Aes256Gcm));
        assert_eq!(seal(Aead::ChaCha20Poly1305), reference!(ChaCha20Poly1305));
    }
}

#[test]
fn the_same_plaintext_seals_differently() {
    let w = world();
    // A generator that repeats: the author's counter keeps keys and salts apart.
    let (a, b) = (w.seal(b"x"), w.seal(b"x"));
    assert_ne!(a.header().immutable().capsule_core(), b.header().immutable().capsule_core());
    assert_ne!(a.body(), b.body());
}

#[test]
fn layouts_end_where_numbers_do() {
    let most = u64::from(u32::MAX) << 12;
    let layout = Layout::new(ChunkSize::MIN, most).unwrap();
    assert_eq!((layout.chunks(), layout.sealed_len()), (u32::MAX, most + 16 * u64::from(u32::MAX)));
    assert_eq!(Layout::new(ChunkSize::MIN, most + 1), None);
    assert_eq!(Layout::new(ChunkSize::MAX, u64::MAX), None);
    assert_eq!(Layout::new(ChunkSize::MIN, 0).unwrap().chunks(), 1);
    // A run that would pass the last number is refused, not wrapped.
    let cipher = Cipher::new(Aead::Aes256Gcm, &[0; 32]);
    let run = Run { chunk: ChunkSize::MIN, first: u32::MAX, ends: true };
    let mut out = std::vec![0; 4096 + 16 + 17];
    assert_eq!(body::seal_run(&cipher, &body::body_tree(), run, &text(4097), &mut out), None);
}

#[test]
fn chunk_sizes_are_powers_of_two_within_bounds() {
    for bad in [0, 1, 2048, 4095, 4097, 65535, (1 << 20) + 1, 1 << 21, usize::MAX] {
        assert_eq!(ChunkSize::new(bad), None, "{bad}");
    }
    for log2 in 12..=20 {
        assert_eq!(ChunkSize::new(1 << log2).unwrap().bytes(), 1 << log2);
    }
    assert_eq!(ChunkSize::new(KIB64), Some(ChunkSize::DEFAULT));
}

/// Fails on the draw with this number.
struct Failing {
    left: u32,
    inner: ChaCha20Rng,
}

impl TryRng for Failing {
    type Error = RngError;

    fn try_next_u32(&mut self) -> Result<u32, RngError> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes).map(|()| u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, RngError> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes).map(|()| u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), RngError> {
        self.left = self.left.checked_sub(1).ok_or(RngError)?;
        self.inner.try_fill_bytes(bytes).map_err(|_| RngError)
    }
}

impl TryCryptoRng for Failing {}

#[test]
fn a_failing_generator_seals_nothing() {
    let w = world();
    let seal = |left| {
        let mut body = Vec::new();
        let rng = &mut Failing { left, inner: rng(3) };
        let result = w.sealer().seal_into(RECORD, 1, b"x", &mut body, rng);
        (result, body)
    };
    let mut left = 0;
    while seal(left).0.is_err() {
        let (result, body) = seal(left);
        assert_eq!((result.unwrap_err(), body.len()), (SealError::Rng, 0));
        left += 1;
    }
    // One draw for the capsule at least, and one for the salt.
    assert!((2..100).contains(&left));
}

#[test]
fn what_cannot_be_sealed_is_refused() {
    let w = world();
    let long = std::vec![0; Context::MAX_AAD + 1];
    let sealed = w.sealer().aad(&long).seal(RECORD, 1, b"", &mut rng(2));
    assert_eq!(sealed.unwrap_err(), SealError::Encapsulate(EncapsulateError::Context));
    assert!(w.sealer().aad(&long[1..]).seal(RECORD, 1, b"", &mut rng(2)).is_ok());
}

#[test]
fn secrets_do_not_print() {
    fn wiped<T: zeroize::ZeroizeOnDrop>() {}
    wiped::<Plaintext>();
    wiped::<Aes256Gcm>();
    wiped::<ChaCha20Poly1305>();
    wiped::<Cipher>();
    let w = world();
    let sealed = w.seal(&[0xab; 40]);
    let text = w.opener().open(&w.expected(), &sealed).unwrap();
    assert_eq!(std::format!("{text:?}"), "Plaintext { len: 40, .. }");
    assert_eq!(std::format!("{:?}", w.opener()), "Opener { .. }");
    assert_eq!(std::format!("{:?}", w.cipher(sealed.header())), "Cipher { .. }");
}

#[test]
fn plaintext_is_wiped_where_it_lay() {
    let mut out = Plaintext::new();
    out.room(64).copy_from_slice(&[7; 64]);
    out.narrow(8, 16).unwrap();
    assert_eq!(&*out, [7; 8]);
    out.wipe();
    assert!(out.is_empty());
    // The same memory again, whole: also what was out of view is gone.
    assert_eq!(out.room(64), [0; 64]);
    assert!(out.narrow(3, 2).is_err() && out.narrow(0, 65).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.div_ceil(4)))]

    #[test]
    fn any_body_opens_and_any_change_does_not(
        plain in prop::collection::vec(any::<u8>(), 0..20_000),
        place in any::<prop::sample::Index>(),
        change in 1..=255_u8,
    ) {
        let w = world();
        let sealed = w.seal(&plain);
        prop_assert_eq!(&w.open(&sealed).unwrap(), &plain);
        let mut bytes = sealed.to_bytes();
        let at = place.index(bytes.len());
        bytes[at] ^= change;
        let opened = SealedPartition::from_bytes(&bytes).map(|sealed| w.open(&sealed));
        prop_assert!(!matches!(opened, Ok(Ok(_))));
    }

    #[test]
    fn decoders_take_anything(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = SealedPartition::from_bytes(&bytes);
        let _ = SealedRange::from_bytes(&bytes);
    }
}
