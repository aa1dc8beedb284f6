//! The mask of a grant: what a delegatee holds, committed to in public and sealed to the delegatee.

use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::user::{HashRng, HpkeKem, SEALED_LEN, UserSecret, VerifiedUser};
use crate::encoding::{Hex, Reader, Sink, put_var};
use crate::error::{DecodeError, OpenError};
use crate::hash::{Digest, hash, label};
use crate::identity::SigningKey;
use crate::pairing::{G1Affine, Scalar, mul_p};
use crate::pok::{nonzero, read_g1};
use crate::pre::DelegateError;

/// M = mP, and x sealed to the delegatee, where m = H_s(x, transcript).
///
/// The transcript has a name that never repeats, so one x cannot give one m to two grants, and it is HPKE's `info`, so
/// that the sealed x opens for this transcript alone.
///
/// Encoded length: 48 + (4 + 32 or 1120) + 48 bytes.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct SealedMask {
    commitment: G1Affine,
    enc: Vec<u8>,
    sealed: [u8; SEALED_LEN],
}

fn derive(x: &[u8; 32], transcript: &Digest) -> Scalar {
    hash(label::KAPRE_MASK, &[x, transcript.as_bytes()]).scalar()
}

impl SealedMask {
    /// A fresh mask for `user`, made by `maker`.
    pub(super) fn new<R: TryCryptoRng + ?Sized>(
        maker: &SigningKey,
        user: &VerifiedUser,
        transcript: &Digest,
        rng: &mut R,
    ) -> Result<(Self, Scalar), DelegateError> {
        let x = maker.draw(label::KAPRE_X, &[transcript.as_bytes()], rng)?.digest();
        let x = Zeroizing::new(*x.as_bytes());
        let m = nonzero(derive(&x, transcript))?;
        let mut hpke = HashRng::new(maker.draw(label::KAPRE_HPKE, &[transcript.as_bytes()], rng)?);
        let (enc, sealed) = user.seal(&x, transcript, &mut hpke).map_err(|_| DelegateError::User)?;
        Ok((Self { commitment: mul_p(&m).to_affine(), enc, sealed }, m))
    }

    /// m, if the delegatee's key opens it and it is what was committed to.
    pub(super) fn open(&self, user: &UserSecret, transcript: &Digest) -> Result<Scalar, OpenError> {
        let x = user.open(&self.enc, &self.sealed, transcript)?;
        let m = derive(&x, transcript);
        if bool::from(mul_p(&m).ct_eq(&self.commitment.to_projective())) { Ok(m) } else { Err(OpenError) }
    }

    pub(super) fn commitment(&self) -> &G1Affine {
        &self.commitment
    }

    pub(super) fn write(&self, sink: &mut dyn Sink) {
        sink.put(&self.commitment.to_bytes());
        put_var(sink, &self.enc);
        sink.put(&self.sealed);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let commitment = read_g1(reader)?;
        let enc = reader.var(HpkeKem::XWing.enc_len())?.to_vec();
        Ok(Self { commitment, enc, sealed: reader.array()? })
    }
}

impl fmt::Debug for SealedMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("SealedMask");
        out.field("commitment", &self.commitment).field("sealed", &Hex(&self.sealed)).finish_non_exhaustive()
    }
}
