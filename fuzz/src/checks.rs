//! What the fuzz targets check. `fuzz/fuzz_targets/NAME.rs` feeds one function with libFuzzer's inputs, and
//! `tests/corpus.rs` feeds all of them with the committed ones.
//!
//! To add a target: a function here, a line in [`TARGETS`], and `fuzz/add_target.sh NAME`. To add a message to the
//! decoders: a line in the list of its family. Seeds come from [`seeds`].
#![allow(dead_code, reason = "a target uses its own function only")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use core::convert::Infallible;
use std::sync::{Arc, OnceLock};

use rand_core::{TryCryptoRng, TryRng};
use sesphr::context::{Context, ContextBuf, Partition, Period, RecordId, Subject, Timestamp, Validity};
use sesphr::encoding::{Message, Reader};
use sesphr::error::{DecodeError, OpenError};
use sesphr::hazmat::pairing::{Affine, Backend, Curve, Engine, Projective, Scalar, Zkcrypto};
use sesphr::identity::{PartyId, Signed, SigningKey, VerifyingKey};
use sesphr::kapre::Kapre;
use sesphr::kem::{CapsuleParts, OwnerRoot, SharedKey};
use sesphr::pre::afgh::{
    Afgh, Capsule, Grant, OwnerKey, OwnerSecret, ReCapsule, ReKey, UserKey, UserSecret, VerifiedGrant, VerifiedOwner,
};
use sesphr::pre::{LiveHead, LiveSet, LiveUpdate, Pre};
use sesphr::record::{
    BodyIndex, ChunkSize, Expected, ImmutableHeader, MutableHeader, Opener, Seal, SealedHeader, SealedPartition,
    SealedRange, Sealer, Versions,
};
use sesphr::sharing::log::{Audit, Auditor, LogHead, Position, Receipt};
use sesphr::sharing::{
    AccessPolicy, AuditQuery, Backup, Delegation, Directory, KeyBundle, LayerGrant, Membership, OrderTerms, Orders,
    Owner, Request, Response, Role, RoleCert, User,
};
use subtle::ConstantTimeEq;

/// What a target does with its input.
pub type Check = fn(&[u8]);

/// Every target: the name of its file and of its corpus, and its function.
pub const TARGETS: &[(&str, Check)] = &[
    ("afgh_open", afgh_open),
    ("afgh_reencrypt", afgh_reencrypt),
    ("class_set", class_set),
    ("context", context),
    ("decode_afgh", decode_afgh),
    ("decode_epoch", decode_epoch),
    ("decode_identity", decode_identity),
    ("decode_kac", decode_kac),
    ("decode_record", decode_record),
    ("decode_search", decode_search),
    ("decode_sharing", decode_sharing),
    ("epoch_keys", epoch_keys),
    ("kac_open", kac_open),
    ("kac_params", kac_params),
    ("decode_kapre", decode_kapre),
    ("kapre_open", kapre_open),
    ("kapre_emergency", kapre_emergency),
    ("decode_threshold", decode_threshold),
    ("threshold_open", threshold_open),
    ("reader", reader),
    ("rotate", rotate),
    ("scalar_point", scalar_point),
    ("sealed_partition", sealed_partition),
    ("sealed_range", sealed_range),
    ("search_column", search_column),
    ("search_federated", search_federated),
    ("search_ordered", search_ordered),
];

// ---- Decoders: what decodes encodes to the same bytes.

fn identity<T: Message>(data: &[u8]) {
    let Ok(message) = T::from_bytes(data) else { return };
    let len = message.encoded_len();
    let mut out = vec![0; len];
    assert_eq!(message.encode_to(&mut out), Ok(len));
    assert!(out == data, "what was decoded encodes to other bytes");
    assert!(message.encode_to(&mut out[1..]).is_err());
    // A message ends where it ends.
    let longer = [data, &[0]].concat();
    assert!(matches!(T::from_bytes(&longer), Err(DecodeError::TrailingBytes)));
    assert!(T::from_bytes(&data[..len - 1]).is_err());
}

/// At most one of them takes the bytes: the header says which.
macro_rules! family {
    ($data:expr, $($message:ty),+ $(,)?) => {{
        let taken = [$(<$message>::from_bytes($data).is_ok()),+];
        assert!(taken.iter().filter(|taken| **taken).count() <= 1, "bytes of two kinds");
        $(identity::<$message>($data);)+
    }};
}

// Behind the macro, which it uses.
mod epoch;
mod kac;
mod kapre;
mod rotate;
mod search;
mod seeds;
mod threshold;
mod trustees;
#[allow(unused_imports, reason = "a target uses its own function only")]
pub use epoch::{decode_epoch, epoch_keys};
#[allow(unused_imports, reason = "a target uses its own function only")]
pub use kac::{class_set, decode_kac, kac_open, kac_params};
pub use kapre::{decode_kapre, kapre_emergency, kapre_open};
pub use rotate::rotate;
#[allow(unused_imports, reason = "a target uses its own function only")]
pub use search::{decode_search, search_column, search_federated, search_ordered};
pub use seeds::seeds;
pub use threshold::{decode_threshold, threshold_open};

pub fn decode_identity(data: &[u8]) {
    family!(data, VerifyingKey, SigningKey, OwnerRoot, ContextBuf, Signed<ContextBuf>);
}

pub fn decode_afgh(data: &[u8]) {
    family!(
        data,
        OwnerKey,
        Signed<OwnerKey>,
        OwnerSecret,
        UserKey,
        Signed<UserKey>,
        UserSecret,
        Grant,
        Signed<Grant>,
        ReKey,
        Capsule,
        ReCapsule,
    );
    if let Ok(capsule) = Capsule::from_bytes(data) {
        let (mut core, mut mutable) = (Vec::new(), Vec::new());
        capsule.write_core(&mut core);
        capsule.write_mutable(&mut mutable);
        assert_eq!((core.len(), mutable.len()), (Capsule::CORE_LEN, Capsule::MUTABLE_LEN));
        assert!(Capsule::from_parts(&core, &mutable).is_ok_and(|again| again == capsule));
    }
}

pub fn decode_record(data: &[u8]) {
    family!(data, ImmutableHeader, MutableHeader, Seal, Signed<Seal>, SealedHeader, SealedPartition, SealedRange,);
}

pub fn decode_sharing(data: &[u8]) {
    family!(
        data,
        Delegation<Afgh>,
        Delegation<Kapre>,
        Directory<Afgh>,
        Signed<Directory<Afgh>>,
        Directory<Kapre>,
        Signed<Directory<Kapre>>,
        KeyBundle<Afgh>,
        Signed<KeyBundle<Afgh>>,
        KeyBundle<Kapre>,
        Signed<KeyBundle<Kapre>>,
        RoleCert,
        Signed<RoleCert>,
        Request<Afgh>,
        Signed<Request<Afgh>>,
        Request<Kapre>,
        Signed<Request<Kapre>>,
        Response<Afgh>,
        Response<Kapre>,
        AuditQuery,
        Signed<AuditQuery>,
        Membership<Afgh>,
        Signed<Membership<Afgh>>,
        Membership<Kapre>,
        Signed<Membership<Kapre>>,
        Backup,
        LiveHead,
        Signed<LiveHead>,
        LiveUpdate,
        LiveSet,
        Receipt,
        Signed<Receipt>,
        LogHead,
        Signed<LogHead>,
        Audit,
        Auditor,
        Orders,
        OrderTerms,
        Signed<OrderTerms>,
        LayerGrant,
        Signed<LayerGrant>,
    );
}

pub fn context(data: &[u8]) {
    identity::<ContextBuf>(data);
    let Ok(buf) = ContextBuf::from_bytes(data) else { return };
    let ctx = buf.get();
    assert!(ContextBuf::try_from(&ctx).unwrap() == buf);
    assert_eq!(Partition::new(ctx.partition.as_str()), Some(ctx.partition));
    assert!(ctx.aad.len() <= Context::MAX_AAD);
    // Another context has another digest.
    for at in 4..data.len() {
        let mut other = data.to_vec();
        other[at] ^= 1;
        if let Ok(other) = ContextBuf::from_bytes(&other) {
            assert_ne!(other.get().digest(), ctx.digest());
        }
    }
}

/// Reads fields as the first half of the input says from the second.
pub fn reader(data: &[u8]) {
    let (script, bytes) = data.split_at(data.len() / 2);
    let mut reader = Reader::new(bytes);
    for step in script {
        let at = bytes.len() - reader.remaining();
        let rest = &bytes[at..];
        let n = usize::from(step >> 3);
        let used = match step & 7 {
            0 => reader.take(n).map(|taken| {
                assert_eq!(taken, &rest[..n]);
                n
            }),
            1 => reader.array::<7>().map(|taken| {
                assert_eq!(taken, rest[..7]);
                7
            }),
            2 => reader.u16().map(|value| {
                assert_eq!(value.to_be_bytes(), rest[..2]);
                2
            }),
            3 => reader.u32().map(|value| {
                assert_eq!(value.to_be_bytes(), rest[..4]);
                4
            }),
            4 => reader.u64().map(|value| {
                assert_eq!(value.to_be_bytes(), rest[..8]);
                8
            }),
            5 => reader.var(n).map(|taken| {
                assert!(taken.len() <= n);
                assert_eq!(taken, &rest[4..4 + taken.len()]);
                4 + taken.len()
            }),
            6 => reader.count(n, 3).map(|count| {
                assert!(count <= n && count * 3 <= rest.len() - 4);
                4
            }),
            _ => reader.take(usize::MAX).map(<[u8]>::len),
        };
        match used {
            Ok(used) => assert_eq!(reader.remaining(), rest.len() - used),
            // What fails may have consumed a length, never more than is there.
            Err(_) => assert!(reader.remaining() <= rest.len()),
        }
    }
    let left = reader.remaining();
    assert_eq!(reader.finish().is_ok(), left == 0);
}

// ---- Scalars and points.

fn point<C: Curve>(bytes: &C::Encoding) -> Option<C::Encoding> {
    let point = Affine::<C>::from_bytes(bytes);
    let encoded = point.as_ref().map(Affine::to_bytes);
    if let Some(encoded) = &encoded {
        assert!(encoded == bytes, "two encodings of one point");
    }
    let trusted = Affine::<C>::from_bytes_trusted(bytes);
    assert!(point.is_none() || point == trusted);
    if let Some(trusted) = trusted {
        assert!(trusted.to_bytes() == *bytes, "two encodings of one point");
        assert_eq!(Affine::<C>::from_uncompressed(&trusted.to_uncompressed()), point);
    }
    let nonidentity = point.filter(|point| !bool::from(point.is_identity()));
    assert_eq!(Affine::<C>::from_bytes_nonidentity(bytes).is_some(), nonidentity.is_some());
    encoded
}

fn uncompressed<C: Curve>(bytes: &C::Uncompressed) -> Option<C::Encoding> {
    let (point, trusted) = (Affine::<C>::from_uncompressed(bytes), Affine::<C>::from_uncompressed_trusted(bytes));
    assert!(point.is_none() || point == trusted);
    assert!(trusted.is_none_or(|trusted| trusted.to_uncompressed() == *bytes), "two encodings of one point");
    trusted.map(|trusted| trusted.to_bytes())
}

/// (a + b)P, (ab)P and aP + bP by all the ways there are, as bytes.
fn arithmetic<C: Curve>(a: &Scalar, b: &Scalar, mul: impl Fn(&Scalar) -> Projective<C>) -> Vec<u8> {
    let base = Affine::<C>::generator();
    let (pa, pb) = (base.mul(a), base.mul(b));
    let sum = mul(&(a + b));
    assert!(bool::from(sum.ct_eq(&pa.add(&pb))));
    assert!(bool::from(sum.ct_eq(&pa.add_affine(&pb.to_affine()))));
    assert!(bool::from(mul(&(a * b)).ct_eq(&pa.mul(b))));
    assert!(bool::from(mul(&(a - b)).ct_eq(&pa.sub(&pb))));
    assert!(bool::from(mul(&-a).ct_eq(&pa.neg())));
    [sum, pa, pb].iter().flat_map(|point| point.to_affine().to_bytes().as_ref().to_vec()).collect()
}

fn backend<B: Backend>(g1: &[u8; 48], g2: &[u8; 96], a: &Scalar, b: &Scalar) -> Vec<u8> {
    let mut out = arithmetic::<B::G1>(a, b, Engine::<B>::mul_p);
    out.extend(arithmetic::<B::G2>(a, b, Engine::<B>::mul_q));
    out.extend(point::<B::G1>(g1).into_iter().flatten());
    out.extend(point::<B::G2>(g2).into_iter().flatten());
    // The bytes of a compressed point of G2 are as many as those of an uncompressed one of G1.
    out.extend(uncompressed::<B::G1>(g2).into_iter().flatten());
    out.extend(&*Engine::<B>::z_pow(&(a * b)).to_hash_bytes());
    let paired = Engine::<B>::pairing(&Engine::<B>::mul_p(a).to_affine(), &Engine::<B>::mul_q(b).to_affine());
    out.extend(&*paired.to_hash_bytes());
    out
}

pub fn scalar_point(data: &[u8]) {
    let Some((head, rest)) = data.split_first_chunk::<64>() else { return };
    let canonical: [u8; 32] = head[..32].try_into().unwrap();
    let (a, b) = (Scalar::from_wide(head), Option::<Scalar>::from(Scalar::from_bytes(&canonical)));
    if let Some(b) = &b {
        assert_eq!(*b.to_bytes(), canonical);
    }
    for scalar in [Some(&a), b.as_ref()].into_iter().flatten() {
        let again = Scalar::from_bytes(&scalar.to_bytes()).unwrap();
        assert!(bool::from(again.ct_eq(scalar)));
        let inverse = Option::<Scalar>::from(scalar.invert());
        assert_eq!(inverse.is_none(), bool::from(scalar.is_zero()));
        assert!(inverse.is_none_or(|inverse| bool::from((&inverse * scalar).ct_eq(&Scalar::one()))));
    }
    let (mut g1, mut g2) = ([0; 48], [0; 96]);
    let taken = rest.len().min(48);
    g1[..taken].copy_from_slice(&rest[..taken]);
    let rest = &rest[taken..];
    let taken = rest.len().min(96);
    g2[..taken].copy_from_slice(&rest[..taken]);
    let b = b.unwrap_or_else(Scalar::one);
    let bytes = backend::<Zkcrypto>(&g1, &g2, &a, &b);
    #[cfg(feature = "blst")]
    assert!(bytes == backend::<sesphr::hazmat::pairing::Blst>(&g1, &g2, &a, &b), "the backends disagree");
    drop(bytes);
}

// ---- A story, and what tampering with it gives.

/// A counter.
pub struct Toy(u64);

impl TryRng for Toy {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.try_next_u64()? as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Ok(self.0)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for chunk in out.chunks_mut(8) {
            let word = self.try_next_u64()?.to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Toy {}

const NOW: Timestamp = Timestamp(15);
const PLAINTEXT_LEN: usize = 9000;

/// Everything in the clear, made once.
struct Story {
    owner: SigningKey,
    author: [PartyId; 1],
    server: SigningKey,
    root: OwnerRoot,
    owner_public: Signed<OwnerKey>,
    owner_key: VerifiedOwner,
    owner_secret: OwnerSecret,
    user: SigningKey,
    user_public: Signed<UserKey>,
    user_secret: UserSecret,
    grant: Signed<Grant>,
    verified_grant: VerifiedGrant,
    rekey: ReKey,
    ctx: ContextBuf,
    capsule: Capsule,
    key: SharedKey,
    part: ReCapsule,
    sealed: SealedPartition,
}

impl Story {
    fn get() -> &'static Self {
        static STORY: OnceLock<Story> = OnceLock::new();
        STORY.get_or_init(Self::new)
    }

    fn new() -> Self {
        let rng = &mut Toy(1);
        let [owner, author, user, server] = [1, 2, 3, 4].map(|seed| SigningKey::from_seed(&[seed; 32]));
        let root = OwnerRoot::try_generate(rng).unwrap();
        let period = Period { partition: Partition::MEDICAL, epoch: 3 };
        let (owner_secret, owner_public) = Afgh::owner_keygen(&(), &root, &owner, &period, rng).unwrap();
        let owner_key = Afgh::verify_owner(&(), &owner_public, &owner.id()).unwrap();
        let (user_secret, user_public) = Afgh::user_keygen(&(), &user, rng).unwrap();
        let user_key = Afgh::verify_user(&(), &user_public, &user.id()).unwrap();
        let validity = Validity::new(Timestamp(10), Timestamp(20)).unwrap();
        let (grant, [rekey]) = Afgh::delegate(&(), &owner_secret, &owner, &user_key, &(), &validity, rng).unwrap();
        let verified_grant = Afgh::verify_grant(&(), &owner_key, &grant, NOW).unwrap();
        let record = RecordId::from_array([7; 16]);
        let subject = Subject { record, version: 1, author: author.id(), aad: b"free" };
        let ctx = Afgh::context(&(), &owner_key, &(), &subject);
        let (capsule, key) = Afgh::encapsulate(&(), &owner_key, &ctx, &author, rng).unwrap();
        let checked = Afgh::verify_capsule(&(), &owner_key, &capsule, &ctx).unwrap();
        let verified = Afgh::verify_rekey(&(), &owner_key, &verified_grant, &rekey).unwrap();
        let part = Afgh::reencrypt(&(), &verified, &checked, &server, NOW, rng).unwrap();
        let sealed = Sealer::<Afgh>::new(&(), &owner_key, &(), &author)
            .chunk_size(ChunkSize::MIN)
            .seal(record, 1, &plaintext(), rng)
            .unwrap();
        let ctx = ContextBuf::try_from(&ctx).unwrap();
        let author = [author.id()];
        Self {
            owner,
            author,
            server,
            root,
            owner_public,
            owner_key,
            owner_secret,
            user,
            user_public,
            user_secret,
            grant,
            verified_grant,
            rekey,
            ctx,
            capsule,
            key,
            part,
            sealed,
        }
    }

    fn expected(&self) -> Expected<'_> {
        let ctx = self.ctx.get();
        Expected {
            owner: ctx.owner,
            record: ctx.record,
            partition: ctx.partition,
            authors: &self.author,
            versions: Versions::Exactly(1),
        }
    }
}

fn plaintext() -> Vec<u8> {
    (0..PLAINTEXT_LEN).map(|i| ((i * 31) >> 3) as u8).collect()
}

fn bytes<T: Message>(message: &T) -> Vec<u8> {
    let mut out = vec![0; message.encoded_len()];
    message.encode_to(&mut out).unwrap();
    out
}

/// Four bytes are one change: where to (two bytes, and the kind in two bits of the second), and with what.
struct Changes<'a>(&'a [u8]);

impl Changes<'_> {
    /// Changes some of `original`; whether something is different, and what decodes of it.
    fn apply<T: Message>(&self, original: &T, number: u8, all: u8) -> (bool, Option<T>) {
        let before = bytes(original);
        let mut after = before.clone();
        for change in self.0.chunks_exact(4).filter(|change| change[3] % all == number) {
            let at = usize::from(u16::from_be_bytes([change[0], change[1]]) & 0x3fff);
            let at = at % after.len().max(1);
            match change[1] >> 6 {
                0 | 1 => after.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= change[2]),
                2 => after.truncate(after.len().saturating_sub(usize::from(change[2]))),
                _ => after.insert(at.min(after.len()), change[2]),
            }
        }
        (after != before, T::from_bytes(&after).ok())
    }
}

/// Whatever is done to capsule, context, grant and re-encrypted capsule: no panic, and no key but the right one.
pub fn afgh_open(data: &[u8]) {
    let (story, changes) = (Story::get(), Changes(data));
    let (capsule_changed, capsule) = changes.apply(&story.capsule, 0, 4);
    let (ctx_changed, ctx) = changes.apply(&story.ctx, 1, 4);
    let (part_changed, part) = changes.apply(&story.part, 2, 4);
    let (grant_changed, grant) = changes.apply(&story.grant, 3, 4);
    let (Some(capsule), Some(ctx), Some(part), Some(grant)) = (capsule, ctx, part, grant) else { return };
    let right = |key: &SharedKey| bool::from(key.ct_eq(&story.key));

    let by_owner = Afgh::open(&(), &story.owner_secret, &capsule, &ctx.get());
    // c1 and c3 have no second form under one context. The proof is not part of what opening looks at.
    let mut core = [Vec::new(), Vec::new()];
    capsule.write_core(&mut core[0]);
    story.capsule.write_core(&mut core[1]);
    let same = core[0][..80] == core[1][..80] && !ctx_changed;
    assert_eq!(by_owner.is_ok(), same);
    assert!(by_owner.is_ok_and(|key| right(&key)) == same);

    let verified = Afgh::verify_grant(&(), &story.owner_key, &grant, NOW);
    assert_eq!(verified.is_err(), grant_changed);
    let verified = verified.unwrap_or_else(|_| story.verified_grant.clone());
    let by_user = Afgh::accept_grant(&(), &story.user_secret, &verified)
        .and_then(|grant| Afgh::open_reencrypted(&(), &grant, &capsule, &[part], &ctx.get()));
    match by_user {
        Ok(key) => assert!(right(&key) && same),
        Err(_) => assert!(part_changed || !same),
    }
    // The server's check does look at the proof.
    let checked = Afgh::verify_capsule(&(), &story.owner_key, &capsule, &ctx.get());
    assert_eq!(checked.is_ok(), !capsule_changed && !ctx_changed);
}

/// Whatever is done to grant, re-encryption key, owner key and user key: nothing that was changed is accepted.
pub fn afgh_reencrypt(data: &[u8]) {
    let (story, changes) = (Story::get(), Changes(data));
    let (grant_changed, grant) = changes.apply(&story.grant, 0, 4);
    let (rekey_changed, rekey) = changes.apply(&story.rekey, 1, 4);
    let (owner_changed, owner) = changes.apply(&story.owner_public, 2, 4);
    let (user_changed, user) = changes.apply(&story.user_public, 3, 4);
    if let Some(owner) = owner {
        assert_eq!(Afgh::verify_owner(&(), &owner, &story.owner.id()).is_err(), owner_changed);
    }
    if let Some(user) = user {
        assert_eq!(Afgh::verify_user(&(), &user, &story.user.id()).is_err(), user_changed);
    }
    let (Some(grant), Some(rekey)) = (grant, rekey) else { return };
    let grant = Afgh::verify_grant(&(), &story.owner_key, &grant, NOW);
    assert_eq!(grant.is_err(), grant_changed);
    let Ok(grant) = grant else { return };
    assert_eq!(Afgh::verify_rekey(&(), &story.owner_key, &grant, &rekey).is_err(), rekey_changed);
}

/// A sealed partition that was changed opens to what was sealed, or not at all.
pub fn sealed_partition(data: &[u8]) {
    let story = Story::get();
    let (changed, sealed) = Changes(data).apply(&story.sealed, 0, 1);
    let Some(sealed) = sealed else { return };
    let opened = Opener::<Afgh>::owner(&(), &story.owner_secret).open(&story.expected(), &sealed);
    match opened {
        Ok(opened) => assert!(*opened == *plaintext()),
        Err(OpenError) => assert!(changed),
    }
    assert!(sealed.verify().is_ok() || changed);
}

/// The same for a range. The first four bytes say which.
pub fn sealed_range(data: &[u8]) {
    let Some((ends, changes)) = data.split_first_chunk::<4>() else { return };
    let story = Story::get();
    let end = |high, low| u64::from(u16::from_be_bytes([high, low])) % (PLAINTEXT_LEN as u64 + 2);
    let wanted = end(ends[0], ends[1])..end(ends[2], ends[3]);
    let (header, body) = (story.sealed.header(), story.sealed.body());
    let cut = BodyIndex::new(header, body).unwrap().cut(header, body, wanted.clone());
    // An empty range is one, and opens to nothing.
    assert_eq!(cut.is_ok(), wanted.start <= wanted.end && wanted.end <= PLAINTEXT_LEN as u64);
    let Ok(cut) = cut else { return };
    let (changed, cut) = Changes(changes).apply(&cut, 0, 1);
    let Some(cut) = cut else { return };
    let opened = Opener::<Afgh>::owner(&(), &story.owner_secret).open_range(&story.expected(), &cut, wanted.clone());
    match opened {
        Ok(opened) => assert!(*opened == plaintext()[wanted.start as usize..wanted.end as usize]),
        Err(OpenError) => assert!(changed),
    }
}

// ---- Seeds.
