//! Delegatees' keys: HPKE keys (RFC 9180), signed by whom they belong to.

use alloc::vec::Vec;
use core::convert::Infallible;
use core::fmt;

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::{X25519HkdfSha256, XWing};
use hpke::{Deserializable, HpkeError, Kem, OpModeR, OpModeS, Serializable};
use rand_core::{TryCryptoRng, TryRng};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::encoding::{Hex, Kind, Message, Reader, SecretEncoding, Sink, SuiteId, kind, public_encoding};
use crate::error::{DecodeError, OpenError, RngError};
use crate::hash::{Digest, Hasher, hash, label};
use crate::identity::{PartyId, Signed, SigningKey};
use crate::pre::{DelegateError, KeyError};

/// How the secret of a grant travels to its delegatee.
///
/// `XWing` protects that way against a quantum computer. It does **not** protect the records: whoever has such a
/// computer takes t from a capsule's c1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum HpkeKem {
    /// DHKEM(X25519, HKDF-SHA256) of RFC 9180. Public keys and encapsulations of 32 bytes.
    X25519 = 0,
    /// X25519 with ML-KEM-768. Public keys of 1216 bytes, encapsulations of 1120.
    XWing = 1,
}

/// Runs an expression with `$K` as the KEM.
macro_rules! with_kem {
    ($kem:expr, $K:ident => $body:expr) => {
        match $kem {
            HpkeKem::X25519 => {
                type $K = X25519HkdfSha256;
                $body
            }
            HpkeKem::XWing => {
                type $K = XWing;
                $body
            }
        }
    };
}

impl HpkeKem {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.array()? {
            [0] => Ok(Self::X25519),
            [1] => Ok(Self::XWing),
            _ => Err(DecodeError::Value),
        }
    }

    const fn public_len(self) -> usize {
        match self {
            Self::X25519 => 32,
            Self::XWing => 1216,
        }
    }

    /// Bytes of the encapsulation in a grant.
    pub(super) const fn enc_len(self) -> usize {
        match self {
            Self::X25519 => 32,
            Self::XWing => 1120,
        }
    }
}

/// A delegatee's public HPKE key: 4 + 1 + 32 or 1216 bytes. It is published as `Signed<UserKey>`, and the signature is
/// what says whose it is.
#[derive(Clone, PartialEq, Eq)]
pub struct UserKey {
    kem: HpkeKem,
    public: Vec<u8>,
}

impl UserKey {
    /// Which KEM the key is for.
    pub fn kem(&self) -> HpkeKem {
        self.kem
    }
}

impl fmt::Debug for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserKey").field("kem", &self.kem).field("public", &Hex(&self.public)).finish()
    }
}

impl Message for UserKey {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::KAPRE_USER_KEY;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(&[self.kem as u8]);
        sink.put(&self.public);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let kem = HpkeKem::read(reader)?;
        let public = reader.take(kem.public_len())?;
        // Some bytes are no key of the KEM.
        let canonical = with_kem!(kem, K => {
            <K as Kem>::PublicKey::from_bytes(public).is_ok_and(|key| key.to_bytes().as_slice() == public)
        });
        if canonical { Ok(Self { kem, public: public.to_vec() }) } else { Err(DecodeError::Value) }
    }
}

public_encoding!(UserKey);

/// A delegatee's public key whose signature was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedUser {
    user: PartyId,
    /// The name of the signed key.
    name: Digest,
    key: UserKey,
}

impl VerifiedUser {
    /// Whose key it is.
    pub fn user(&self) -> PartyId {
        self.user
    }

    pub(super) fn name(&self) -> Digest {
        self.name
    }

    /// Seals `secret` to the key for `info`: encapsulation and ciphertext.
    pub(super) fn seal(
        &self,
        secret: &[u8; 32],
        info: &Digest,
        rng: &mut HashRng,
    ) -> Result<(Vec<u8>, [u8; SEALED_LEN]), HpkeError> {
        let (enc, sealed) = with_kem!(self.key.kem, K => seal::<K>(&self.key.public, secret, info, rng))?;
        Ok((enc, sealed.try_into().map_err(|_| HpkeError::SealError)?))
    }

    /// Seals a message of any length to the key for `info`, with `sender`'s secret hedging the randomness: encapsulation,
    /// then ciphertext with its tag of 16 bytes.
    pub(crate) fn seal_message<R: TryCryptoRng + ?Sized>(
        &self,
        message: &[u8],
        info: &Digest,
        sender: &SigningKey,
        rng: &mut R,
    ) -> Result<Vec<u8>, DelegateError> {
        // Of the message too: a generator that repeats must not give two messages one key.
        let parts = [info.as_bytes().as_slice(), self.name.as_bytes(), message];
        let mut rng = HashRng::new(sender.draw(label::KAPRE_HPKE, &parts, rng)?);
        let sealed = with_kem!(self.key.kem, K => seal::<K>(&self.key.public, message, info, &mut rng));
        let (mut enc, sealed) = sealed.map_err(|_| DelegateError::User)?;
        enc.extend(sealed);
        Ok(enc)
    }
}

/// A delegatee's secret key: the seed of which RFC 9180 derives the pair, so that one key has one encoding. Of X25519's own
/// secret keys, bits are ignored.
///
/// Encoded length: 4 + 32 + 1 + 32 bytes.
pub struct UserSecret {
    user: PartyId,
    kem: HpkeKem,
    seed: Zeroizing<[u8; 32]>,
}

impl UserSecret {
    /// Makes a key pair for `user`, whose secret hedges the randomness.
    ///
    /// # Errors
    /// [`RngError`] when the generator fails.
    pub fn generate<R: TryCryptoRng + ?Sized>(
        kem: HpkeKem,
        user: &SigningKey,
        rng: &mut R,
    ) -> Result<(Self, Signed<UserKey>), RngError> {
        let seed = user.draw(label::KAPRE_USER_SECRET, &[&[kem as u8]], rng)?.digest();
        let seed = Zeroizing::new(*seed.as_bytes());
        let public = with_kem!(kem, K => K::derive_keypair(&*seed).1.to_bytes().to_vec());
        Ok((Self { user: user.id(), kem, seed }, Signed::new(user, UserKey { kem, public })))
    }

    /// Whose key it is.
    pub fn user(&self) -> PartyId {
        self.user
    }

    /// Opens what [`VerifiedUser::seal`] sealed to this key.
    pub(super) fn open(
        &self,
        enc: &[u8],
        sealed: &[u8; SEALED_LEN],
        info: &Digest,
    ) -> Result<Zeroizing<[u8; 32]>, OpenError> {
        let opened = with_kem!(self.kem, K => open::<K>(&self.seed, enc, sealed, info)).map_err(|_| OpenError)?;
        let mut out = Zeroizing::new([0; 32]);
        if opened.len() != out.len() {
            return Err(OpenError);
        }
        out.copy_from_slice(&opened);
        Ok(out)
    }

    /// Opens what [`VerifiedUser::seal_message`] sealed to this key.
    pub(crate) fn open_message(&self, sealed: &[u8], info: &Digest) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (enc, sealed) = sealed.split_at_checked(self.kem.enc_len()).ok_or(OpenError)?;
        with_kem!(self.kem, K => open::<K>(&self.seed, enc, sealed, info)).map_err(|_| OpenError)
    }
}

impl ZeroizeOnDrop for UserSecret {}

impl fmt::Debug for UserSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserSecret").field("user", &self.user).field("kem", &self.kem).finish_non_exhaustive()
    }
}

impl Message for UserSecret {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::KAPRE_USER_SECRET;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.user.as_bytes());
        sink.put(&[self.kem as u8]);
        sink.put(&*self.seed);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (user, kem) = (PartyId::from_array(reader.array()?), HpkeKem::read(reader)?);
        Ok(Self { user, kem, seed: Zeroizing::new(reader.array()?) })
    }
}

impl SecretEncoding for UserSecret {}

pub(super) fn verify_user(public: &Signed<UserKey>, user: &PartyId) -> Result<VerifiedUser, KeyError> {
    let key = public.verify(user).map_err(|_| KeyError::Signature)?;
    Ok(VerifiedUser { user: *user, name: key.digest(), key: UserKey::clone(&key) })
}

/// A 32-byte secret and the AEAD's tag.
pub(super) const SEALED_LEN: usize = 48;

fn seal<K: Kem>(
    public: &[u8],
    message: &[u8],
    info: &Digest,
    rng: &mut HashRng,
) -> Result<(Vec<u8>, Vec<u8>), HpkeError> {
    let public = K::PublicKey::from_bytes(public)?;
    let (enc, sealed) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, K>(
        &OpModeS::Base,
        &public,
        info.as_bytes(),
        message,
        &[],
        rng,
    )?;
    Ok((enc.to_bytes().to_vec(), sealed))
}

fn open<K: Kem>(seed: &[u8; 32], enc: &[u8], sealed: &[u8], info: &Digest) -> Result<Zeroizing<Vec<u8>>, HpkeError> {
    let ((secret, _), enc) = (K::derive_keypair(seed), K::EncappedKey::from_bytes(enc)?);
    let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, K>(
        &OpModeR::Base,
        &secret,
        &enc,
        info.as_bytes(),
        sealed,
        &[],
    )?;
    Ok(Zeroizing::new(opened))
}

/// A generator for libraries that take none that can fail: SHA-512 of a hedged seed and a counter.
pub(super) struct HashRng {
    seed: Zeroizing<[u8; 64]>,
    count: u64,
}

impl HashRng {
    pub(super) fn new(seed: Hasher) -> Self {
        Self { seed: seed.wide(), count: 0 }
    }

    fn block(&mut self) -> Zeroizing<[u8; 64]> {
        self.count += 1;
        hash(label::HASH_RNG, &[&*self.seed, &self.count.to_be_bytes()]).wide()
    }
}

impl TryRng for HashRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        for chunk in dst.chunks_mut(64) {
            chunk.iter_mut().zip(self.block().iter()).for_each(|(to, from)| *to = *from);
        }
        Ok(())
    }
}

impl TryCryptoRng for HashRng {}
