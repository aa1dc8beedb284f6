//! Every kind of message, malformed in every way we know, through one suite. A new kind joins by one entry in
//! [`samples`]. Two forms of a message share its name.
#![cfg(feature = "alloc")]
#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing)]

mod common;
#[path = "malformed/epoch.rs"]
mod epoch;
#[path = "malformed/kac.rs"]
mod kac;
#[path = "malformed/kapre.rs"]
mod kapre;
#[path = "malformed/log.rs"]
mod log;
#[path = "malformed/points.rs"]
mod points;
#[path = "malformed/rewrap.rs"]
mod rewrap;
#[path = "malformed/roles.rs"]
mod roles;
#[path = "malformed/rotation.rs"]
mod rotation;
#[path = "search/scene.rs"]
#[allow(dead_code, unreachable_pub, reason = "the stories of search use all of it")]
mod scene;
#[path = "malformed/search.rs"]
mod search;
#[path = "common/sharing.rs"]
mod sharing;
#[path = "malformed/threshold.rs"]
mod threshold;
#[path = "malformed/trustees.rs"]
mod trustees;

use std::ops::Range;
use std::sync::OnceLock;
use std::thread;

use common::{Granted, NOW, Owner, User, medical, party, rng, same, validity};
use sesphr::context::{Context, ContextBuf, Partition, RecordId};
use sesphr::encoding::{Encoding, Message, SuiteId, VERSION};
use sesphr::epoch::KeyTree;
use sesphr::epoch::tree::{EpochKeys, EpochTree};
use sesphr::error::{BufferTooSmall, DecodeError, OpenError};
use sesphr::identity::{Signed, SigningKey, VerifyingKey};
use sesphr::kem::{OwnerRoot, SharedKey};
use sesphr::pre::Pre;
use sesphr::pre::afgh::*;
use sesphr::record::{
    Expected, ImmutableHeader, LayerKey, LayerStep, MutableHeader, Opener, SealedHeader, SealedPartition, Sealer,
    Versions,
};

/// What a message must be to be public.
#[cfg(feature = "serde")]
trait Public: Encoding + serde::Serialize + serde::de::DeserializeOwned {}
#[cfg(feature = "serde")]
impl<M: Encoding + serde::Serialize + serde::de::DeserializeOwned> Public for M {}
#[cfg(not(feature = "serde"))]
trait Public: Encoding {}
#[cfg(not(feature = "serde"))]
impl<M: Encoding> Public for M {}

/// Offsets of the fields that have malformed values of their own.
#[derive(Clone, Copy, Default)]
struct Layout {
    lengths: &'static [usize],
    g1: &'static [usize],
    g2: &'static [usize],
    ristretto: &'static [usize],
    /// Scalars of proofs, which may be zero.
    scalars: &'static [usize],
    /// Scalars that are secret keys.
    keys: &'static [usize],
}

type Recode = fn(&[u8]) -> Result<Vec<u8>, DecodeError>;
/// What is decoded from the bytes, encoded again, and whether it is refused by whoever would use it.
type Judge = Box<dyn Fn(&[u8]) -> Result<(Vec<u8>, bool), DecodeError> + Send + Sync>;

/// One message, without its type.
struct Sample {
    name: &'static str,
    bytes: Vec<u8>,
    header: (SuiteId, u16),
    layout: Layout,
    recode: Recode,
    encode_to: fn(&[u8]),
    #[cfg(feature = "serde")]
    serde: Option<fn(&[u8])>,
    judge: Judge,
    /// One in how many bits is flipped.
    step: usize,
}

fn written<M: Message>(message: &M) -> Vec<u8> {
    let mut out = Vec::new();
    message.write(&mut out);
    out
}

impl Sample {
    fn secret<M: Message>(
        name: &'static str,
        message: &M,
        layout: Layout,
        rejects: impl Fn(M) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            bytes: written(message),
            header: (M::SUITE, M::KIND.number()),
            layout,
            recode: |bytes| M::from_bytes(bytes).map(|message| written(&message)),
            encode_to: encodes_to::<M>,
            #[cfg(feature = "serde")]
            serde: None,
            judge: Box::new(move |bytes| M::from_bytes(bytes).map(|message| (written(&message), rejects(message)))),
            step: 1,
        }
    }

    fn public<M: Public>(
        name: &'static str,
        message: &M,
        layout: Layout,
        rejects: impl Fn(M) -> bool + Send + Sync + 'static,
    ) -> Self {
        assert_eq!(message.to_bytes(), written(message));
        Self {
            #[cfg(feature = "serde")]
            serde: Some(serde_forms::<M>),
            ..Self::secret(name, message, layout, rejects)
        }
    }

    /// For what is checked at the cost of many pairings.
    fn sparse(self) -> Self {
        // Prime to eight, so that no place in a byte is left out.
        Self { step: 11, ..self }
    }

    /// Whether what the bytes decode to is refused.
    fn rejects(&self, bytes: &[u8]) -> bool {
        (self.judge)(bytes).unwrap().1
    }

    /// The bytes with `patch` at `offset`.
    fn patched(&self, offset: usize, patch: &[u8]) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes[offset..offset + patch.len()].copy_from_slice(patch);
        bytes
    }
}

/// Every message, with the check that stands behind its decoder.
fn samples() -> &'static [Sample] {
    static SAMPLES: OnceLock<Vec<Sample>> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let leak = |owner| -> &'static Owner { Box::leak(Box::new(owner)) };
        let owner = leak(Owner::new(1, medical(3)));
        let user: &'static User = Box::leak(Box::new(User::new(2)));
        let author: &'static SigningKey = Box::leak(Box::new(party(3)));
        let ctx: &'static Context<'static> = Box::leak(Box::new(owner.ctx(author, 7, 1, b"free")));
        let (capsule, shared): &'static (Capsule, SharedKey) = Box::leak(Box::new(owner.seal(ctx, author)));
        let granted: &'static Granted = Box::leak(Box::new(owner.grant(user, validity(), NOW)));
        let checked = Afgh::verify_capsule(&(), &owner.key, capsule, ctx).unwrap();
        let part = Afgh::reencrypt(&(), &granted.verified, &checked, &party(4), NOW, &mut rng(5)).unwrap();
        let part: &'static ReCapsule = Box::leak(Box::new(part));
        let (key_id, fingerprint) = (author.id(), ctx.digest());
        let (user_id, owner_id) = (user.signer.id(), owner.signer.id());
        let none = Layout::default();
        let opens = move |key: Result<SharedKey, OpenError>| key.is_ok_and(|key| same(&key, shared));
        let mut samples = vec![
            Sample::public("verifying key", &author.verifying_key(), none, move |m: VerifyingKey| m.id() != key_id),
            Sample::secret("signing key", author, none, move |m: SigningKey| m.id() != key_id),
            Sample::secret("owner root", &owner.root, none, move |m: OwnerRoot| {
                let derived = OwnerSecret::derive(&m, owner_id, &medical(3)).unwrap();
                written(&derived) != written(&owner.secret)
            }),
            Sample::public(
                "context",
                &ContextBuf::try_from(ctx).unwrap(),
                Layout { lengths: &[61, 173], ..none },
                move |m: ContextBuf| m.get().digest() != fingerprint,
            ),
            Sample::public(
                "owner key",
                &owner.public,
                Layout { lengths: &[40], g1: &[55], scalars: &[103, 135], ..none },
                move |m: Signed<OwnerKey>| Afgh::verify_owner(&(), &m, &owner_id).is_err(),
            ),
            Sample::secret(
                "owner secret",
                &owner.secret,
                Layout { lengths: &[36], keys: &[51], ..none },
                move |m: OwnerSecret| !opens(Afgh::open(&(), &m, capsule, ctx)),
            ),
            Sample::public(
                "user key",
                &user.public,
                Layout { g2: &[40], scalars: &[136, 168], ..none },
                move |m: Signed<UserKey>| Afgh::verify_user(&(), &m, &user_id).is_err(),
            ),
            Sample::secret("user secret", &user.secret, Layout { keys: &[36], ..none }, move |m: UserSecret| {
                let parts = std::slice::from_ref(part);
                !opens(
                    Afgh::accept_grant(&(), &m, &granted.grant)
                        .and_then(|grant| Afgh::open_reencrypted(&(), &grant, capsule, parts, ctx)),
                )
            }),
            Sample::public("grant", &granted.signed, Layout { g2: &[120], ..none }, move |m: Signed<Grant>| {
                Afgh::verify_grant(&(), &owner.key, &m, NOW).is_err()
            }),
            Sample::secret("re-key", &granted.rekey, Layout { g2: &[36], ..none }, move |m: ReKey| {
                Afgh::verify_rekey(&(), &owner.key, &granted.grant, &m).is_err()
            }),
            Sample::public("capsule", capsule, Layout { g1: &[4], scalars: &[84, 116], ..none }, move |m: Capsule| {
                Afgh::verify_capsule(&(), &owner.key, &m, ctx).is_err()
            }),
            Sample::public("re-capsule", part, Layout { g1: &[4], g2: &[52], ..none }, move |m: ReCapsule| {
                !opens(
                    Afgh::accept_grant(&(), &user.secret, &granted.grant)
                        .and_then(|grant| Afgh::open_reencrypted(&(), &grant, capsule, &[m], ctx)),
                )
            }),
        ];
        samples.extend(record_samples());
        samples.extend(roles::samples());
        samples.extend(kac::samples());
        samples.extend(trustees::samples());
        samples.extend(log::samples());
        samples.extend(kapre::samples());
        samples.extend(threshold::samples());
        samples.extend(epoch::samples());
        samples.extend(rewrap::samples());
        samples.extend(rotation::samples());
        samples.extend(search::samples());
        samples
    })
}

/// A signed statement whose only check is the signature.
fn statement<T: Encoding + Clone>(name: &'static str, signed: &Signed<T>) -> Sample {
    let signer = signed.signer().id();
    Sample::public(name, signed, Layout::default(), move |m: Signed<T>| m.verify(&signer).is_err())
}

fn record_samples() -> Vec<Sample> {
    let (owner, author, record) = (Owner::new(21, medical(3)), party(22), RecordId::from_array([7; 16]));
    let sealer = Sealer::<Afgh>::new(&(), &owner.key, &(), &author);
    let sealed = sealer.seal(record, 1, &[9; 100], &mut rng(23)).unwrap();
    let (authors, none) = ([author.id()], Layout::default());
    let (header, range, body) = (sealed.header().clone(), sealed.range(10..20).unwrap(), sealed.body().to_vec());
    let (fixed, updated) = (header.immutable().digest(), header.mutable().clone());
    let tree = EpochTree::new(owner.signer.id(), Partition::MEDICAL, 5, 2).unwrap();
    let leaf = EpochKeys::derive(&OwnerRoot::generate(&mut rng(24)), &tree).leaf(3).unwrap();
    let mut layered = sealed.clone();
    layered.relayer(&LayerStep::new(None, (5, LayerKey::derive(&leaf.key(), &fixed))).unwrap()).unwrap();
    let in_layer = layered.header().mutable().clone();
    // One owner for all the openings below.
    let owner: &'static Owner = Box::leak(Box::new(owner));
    let authors: &'static [_] = Box::leak(Box::new(authors));
    let expected = Expected {
        owner: owner.signer.id(),
        record,
        partition: Partition::MEDICAL,
        authors,
        versions: Versions::AtLeast(0),
    };
    let opener = Opener::<Afgh>::owner(&(), &owner.secret);
    vec![
        Sample::public("immutable header", header.immutable(), none, move |m: ImmutableHeader| m.digest() != fixed),
        Sample::public("mutable header", header.mutable(), none, move |m: MutableHeader| m != updated),
        Sample::public("mutable header", layered.header().mutable(), none, move |m: MutableHeader| m != in_layer),
        statement("seal", header.seal()),
        Sample::public("sealed header", &header, none, move |m: SealedHeader| {
            SealedPartition::from_parts(m, body.clone()).map_or(true, |sealed| opener.open(&expected, &sealed).is_err())
        }),
        Sample::public("sealed partition", &sealed, none, move |m| opener.open(&expected, &m).is_err()),
        Sample::public("sealed range", &range, none, move |m| opener.open_range(&expected, &m, 10..20).is_err()),
    ]
}

#[test]
fn the_whole_message_and_nothing_but() {
    for s in samples() {
        assert_eq!((s.recode)(&s.bytes).as_ref(), Ok(&s.bytes), "{}", s.name);
        assert!(!s.rejects(&s.bytes), "{}: the genuine message is refused", s.name);
        for end in 0..s.bytes.len() {
            assert_eq!((s.recode)(&s.bytes[..end]), Err(DecodeError::Truncated), "{}: {end} bytes", s.name);
        }
        for extra in 1..=64 {
            for fill in [0, 0xff, 0x5a] {
                let mut long = s.bytes.clone();
                long.extend(std::iter::repeat_n(fill, extra));
                assert_eq!((s.recode)(&long), Err(DecodeError::TrailingBytes), "{}: {extra} more", s.name);
            }
        }
    }
}

/// How many messages with one of `bits` flipped decode. Each has one encoding, and is refused by whoever would use it.
fn flip(s: &Sample, bits: Range<usize>) -> usize {
    let mut decoded = 0;
    for bit in bits.step_by(s.step) {
        let mut bytes = s.bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok((again, rejected)) = (s.judge)(&bytes) {
            decoded += 1;
            assert_eq!(again, bytes, "{}: bit {bit} has two encodings", s.name);
            assert!(rejected, "{}: bit {bit} goes unnoticed", s.name);
        }
    }
    decoded
}

#[test]
fn every_flipped_bit_is_noticed() {
    for s in samples() {
        // The longest test of all, so on two cores.
        let half = s.bytes.len() * 4;
        let decoded = thread::scope(|scope| {
            let first = scope.spawn(move || flip(s, 0..half));
            flip(s, half..2 * half) + first.join().unwrap()
        });
        // Otherwise the check above would not have run.
        assert!(decoded > 0, "{}", s.name);
    }
}

#[test]
fn other_versions_suites_and_kinds() {
    for s in samples() {
        let (suite, kind) = s.header;
        assert_eq!(s.bytes[..2], [VERSION, suite as u8], "{}", s.name);
        assert_eq!(s.bytes[2..4], kind.to_be_bytes(), "{}", s.name);
        for other in (0..=255).filter(|v| *v != VERSION) {
            assert_eq!((s.recode)(&s.patched(0, &[other])), Err(DecodeError::Version(other)), "{}", s.name);
        }
        for other in (0..=255).filter(|v| *v != suite as u8) {
            assert_eq!((s.recode)(&s.patched(1, &[other])), Err(DecodeError::Suite(other)), "{}", s.name);
        }
        for other in (0..=0x90).chain(0x8000..=0x8090).chain([0xffff]).filter(|k| *k != kind) {
            let bytes = s.patched(2, &u16::to_be_bytes(other));
            assert_eq!((s.recode)(&bytes), Err(DecodeError::Kind(other)), "{}", s.name);
        }
        for t in samples().iter().filter(|t| t.name != s.name) {
            assert_ne!(s.header, t.header, "{} and {}", s.name, t.name);
            assert!((t.recode)(&s.bytes).is_err(), "{} read as {}", s.name, t.name);
        }
    }
}

#[test]
fn impossible_lengths() {
    for s in samples() {
        for offset in s.layout.lengths {
            for (length, errors) in [
                (0, &[DecodeError::Value, DecodeError::TrailingBytes][..]),
                (u32::MAX, &[DecodeError::Length]),
                (1 << 31, &[DecodeError::Length]),
                (4097, &[DecodeError::Length]),
            ] {
                let error = (s.recode)(&s.patched(*offset, &length.to_be_bytes())).unwrap_err();
                assert!(errors.contains(&error), "{} at {offset}: {length} gives {error:?}", s.name);
            }
        }
    }
    // Counts beyond their bound, and within it but beyond the bytes.
    let counts = kac::COUNTS.into_iter().chain(trustees::COUNTS).chain(log::COUNTS).chain(kapre::COUNTS);
    let counts = counts.chain(threshold::COUNTS).chain(epoch::COUNTS).chain(rewrap::COUNTS).chain(rotation::COUNTS);
    let counts = counts.chain(search::COUNTS);
    for (name, offset, bound) in counts {
        let s = samples().iter().find(|s| s.name == name).unwrap();
        for (count, error) in [
            (bound, DecodeError::Truncated),
            (bound + 1, DecodeError::Length),
            (1 << 31, DecodeError::Length),
            (u32::MAX, DecodeError::Length),
        ] {
            assert_eq!((s.recode)(&s.patched(offset, &count.to_be_bytes())), Err(error), "{name}: {count}");
        }
    }
    // Labels beyond their bound and outside their alphabet.
    let context = samples().iter().find(|s| s.name == "context").unwrap();
    assert_eq!((context.recode)(&context.patched(61, &33u32.to_be_bytes())), Err(DecodeError::Length));
    for label in [b"Medical", b"medica\0", b"m dical", b"medi/al", b"medica\xff"] {
        assert_eq!((context.recode)(&context.patched(65, label)), Err(DecodeError::Value), "{label:?}");
    }
    for tag in 2..=255 {
        assert_eq!((context.recode)(&context.patched(72, &[tag])), Err(DecodeError::Value), "slot {tag}");
    }
    let grant = samples().iter().find(|s| s.name == "grant").unwrap();
    assert_eq!((grant.recode)(&grant.patched(216, &21u64.to_be_bytes())), Err(DecodeError::Value), "ends early");
}

fn encodes_to<M: Message>(bytes: &[u8]) {
    let (message, needed) = (M::from_bytes(bytes).unwrap(), bytes.len());
    for len in 0..needed {
        let mut out = vec![0xa5; len];
        assert_eq!(message.encode_to(&mut out), Err(BufferTooSmall { needed }));
        assert!(out.iter().all(|b| *b == 0xa5), "{len} bytes");
    }
    let mut out = vec![0xa5; needed + 3];
    assert_eq!(message.encode_to(&mut out), Ok(needed));
    assert_eq!(out[..needed], *bytes);
    assert_eq!(out[needed..], [0xa5; 3]);
}

#[test]
fn short_buffers_stay_untouched() {
    for s in samples() {
        println!("{}", s.name);
        (s.encode_to)(&s.bytes);
    }
}

/// r, little-endian.
const R: [u8; 32] = [
    0x01, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xfe, 0x5b, 0xfe, 0xff, 0x02, 0xa4, 0xbd, 0x53, 0x05, 0xd8, 0xa1,
    0x09, 0x08, 0xd8, 0x39, 0x33, 0x48, 0x7d, 0x9d, 0x29, 0x53, 0xa7, 0xed, 0x73,
];

/// ℓ, little-endian.
const L: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10,
];

#[test]
fn no_scalar_beyond_the_order_and_no_key_of_zero() {
    for s in samples() {
        let on_ristretto = matches!(s.header.0, SuiteId::Threshold | SuiteId::Ordered)
            || [rewrap::TOKEN, search::KEY].contains(&s.name);
        let order = if on_ristretto { L } else { R };
        let (mut below, mut above) = (order, order);
        below[0] -= 1;
        above[0] += 1;
        for offset in s.layout.scalars.iter().chain(s.layout.keys) {
            for bytes in [order, above, [0xff; 32]] {
                let result = (s.recode)(&s.patched(*offset, &bytes));
                assert_eq!(result, Err(DecodeError::Scalar), "{} at {offset}", s.name);
            }
            assert!(s.rejects(&s.patched(*offset, &below)), "{} at {offset}", s.name);
        }
        for offset in s.layout.keys {
            let result = (s.recode)(&s.patched(*offset, &[0; 32]));
            assert_eq!(result, Err(DecodeError::Scalar), "{}: a key of zero", s.name);
        }
        for offset in s.layout.scalars {
            assert!(s.rejects(&s.patched(*offset, &[0; 32])), "{}: a proof of zero", s.name);
        }
    }
}

/// Every Ed25519 key of small order verifies a signature over anything; several have two encodings.
#[test]
fn no_weak_or_ambiguous_ed25519_key() {
    let mut keys = vec![[0; 32], [0xff; 32], [0xff; 32], [0xff; 32]];
    let mut one = [0; 32];
    one[0] = 1;
    keys.push(one);
    // The identity with a sign, p, p + 1 (y = 0 and y = 1 again), and p − 1 (order 2).
    one[31] = 0x80;
    keys.push(one);
    for low in [0xed, 0xee, 0xec] {
        let mut p = [0xff; 32];
        p[0] = low;
        p[31] = 0x7f;
        keys.push(p);
    }
    // y = 2^255 − 19 + 3: the valid y = 3, not reduced.
    let (mut three, mut above) = ([0; 32], [0xff; 32]);
    three[0] = 3;
    (above[0], above[31]) = (0xf0, 0x7f);
    let sample = samples().iter().find(|s| s.name == "verifying key").unwrap();
    assert!((sample.recode)(&sample.patched(4, &three)).is_ok());
    keys.push(above);
    for s in samples().iter().filter(|s| s.name == "verifying key" || s.header.1 & 0x8000 != 0) {
        for key in &keys {
            let result = (s.recode)(&s.patched(4, key));
            assert_eq!(result, Err(DecodeError::VerifyingKey), "{}: {key:02x?}", s.name);
        }
    }
}

#[cfg(feature = "serde")]
fn serde_forms<M: Public>(bytes: &[u8]) {
    let message = M::from_bytes(bytes).unwrap();
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    let json = serde_json::to_string(&message).unwrap();
    assert_eq!(json, format!("\"{hex}\""));
    assert_eq!(serde_json::from_str::<M>(&json).unwrap().to_bytes(), bytes);
    let packed = postcard::to_allocvec(&message).unwrap();
    assert!(packed.ends_with(bytes) && packed.len() <= bytes.len() + 2);
    assert_eq!(postcard::from_bytes::<M>(&packed).unwrap().to_bytes(), bytes);
    for end in [0, 1, packed.len() / 2, packed.len() - 1] {
        assert!(postcard::from_bytes::<M>(&packed[..end]).is_err());
    }
    let cut = &hex[..hex.len() - 1];
    for text in [
        "\"\"".to_owned(),
        format!("\"{cut}\""),
        format!("\"{cut}g\""),
        format!("\"0x{hex}\""),
        format!("\" {hex}\""),
        format!("\"{hex}00\""),
        format!("\"{}\"", &hex[2..]),
        format!("[{}]", bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(",")),
        hex.clone(),
        "null".to_owned(),
        "7".to_owned(),
        "{}".to_owned(),
    ] {
        assert!(serde_json::from_str::<M>(&text).is_err(), "{text}");
    }
}

#[cfg(feature = "serde")]
#[test]
fn serde_is_hex_in_text_and_bytes_in_binary() {
    let mut secrets = Vec::new();
    for s in samples() {
        match s.serde {
            Some(check) => check(&s.bytes),
            None => secrets.push(s.name),
        }
    }
    let known = "signing key, owner root, owner secret, user secret, re-key, delegation, aggregate delegation, \
                 aggregate key, sub-share, trustee's share, delegatee's secret, delegatee's secret, aggregate re-key, \
                 referral key, approval key, label secret, threshold user secret, fragment, epoch keys, seat keys, token, \
                 rotation token, orders, federated write key, federated query key, search key, search key, \
                 ordered write key, ordered query key, search key, search key, switch key, switch key, switch, \
                 switch rotation";
    assert_eq!(secrets.join(", "), known);
}
