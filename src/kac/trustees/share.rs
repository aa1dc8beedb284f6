//! A trustee's secret.

use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;
use subtle::ConstantTimeEq;
use zeroize::ZeroizeOnDrop;

use super::dealing::deal_share;
use super::{Committee, DealError, Dealing, ShareError, Sharing, SubShare};
use crate::encoding::{Kind, Message, Reader, SecretEncoding, Sink, SuiteId, kind};
use crate::error::DecodeError;
use crate::hash::Digest;
use crate::identity::{Signed, SigningKey};
use crate::pairing::{Scalar, mul_p};
use crate::pok::read_scalar;

/// A trustee's share γ_k of one state, as it is stored: unchecked, and bound to the state's name.
///
/// A trustee that comes back checks the chain that it kept or fetched, and then its share against that
/// ([`Share::verify`]); the name in the share refuses an older chain.
///
/// Encoded length: 4 + 32 + 1 + 32 bytes.
pub struct Share {
    sharing: Digest,
    index: u8,
    value: Scalar,
}

impl Share {
    pub(super) fn new(sharing: Digest, index: u8, value: Scalar) -> Self {
        Self { sharing, index, value }
    }

    /// The name of the state that it is of.
    pub fn sharing(&self) -> Digest {
        self.sharing
    }

    /// The number of the trustee, from 1.
    pub fn index(&self) -> u8 {
        self.index
    }

    /// Checks γ_kP = V1^(k). `self` remains, so that a wrong `sharing` loses nothing.
    ///
    /// Costs a fixed-base multiplication in G1.
    ///
    /// # Errors
    /// [`ShareError::Sharing`] when it is of another state, [`ShareError::Value`] when it is not the trustee's share.
    pub fn verify(&self, sharing: &Sharing) -> Result<VerifiedShare, ShareError> {
        if self.sharing != sharing.digest() {
            return Err(ShareError::Sharing);
        }
        let image = sharing.v1_of(self.index).ok_or(ShareError::Value)?;
        if bool::from(mul_p(&self.value).ct_eq(&image.to_projective())) {
            let share = Self::new(self.sharing, self.index, self.value.clone());
            Ok(VerifiedShare { share, sharing: sharing.clone() })
        } else {
            Err(ShareError::Value)
        }
    }
}

impl ZeroizeOnDrop for Share {}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share").field("sharing", &self.sharing).field("index", &self.index).finish_non_exhaustive()
    }
}

impl Message for Share {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::TRUSTEE_SHARE;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.sharing.as_bytes());
        sink.put(&[self.index]);
        sink.put(&*self.value.to_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (sharing, [index]) = (Digest::from_array(reader.array()?), reader.array()?);
        Ok(Self::new(sharing, index, read_scalar(reader)?))
    }
}

impl SecretEncoding for Share {}

/// A share that was checked against its state. It cannot be decoded.
pub struct VerifiedShare {
    share: Share,
    sharing: Sharing,
}

impl VerifiedShare {
    /// The share, to be stored.
    pub fn share(&self) -> &Share {
        &self.share
    }

    /// The state that it is of.
    pub fn sharing(&self) -> &Sharing {
        &self.sharing
    }

    /// The number of the trustee, from 1.
    pub fn index(&self) -> u8 {
        self.share.index
    }

    /// Shares this share among `committee`: this trustee's part of a resharing. The dealing is public; each of the sub-shares,
    /// which come in the order of the new trustees, is for its trustee alone.
    ///
    /// **As many new trustees as their threshold learn this share from it**: deal only to a committee that the owner, or
    /// whoever speaks for the trustees, wants. The share remains: erase it when all new trustees confirmed theirs.
    ///
    /// `trustee` is the trustee's key: it signs, and hedges the randomness. Costs a fixed-base multiplication in G1 for
    /// each of the new threshold.
    ///
    /// # Errors
    /// [`DealError::Signer`] when `trustee` is another party, [`DealError::Rng`] when the generator fails.
    pub fn deal<R: TryCryptoRng + ?Sized>(
        &self,
        trustee: &SigningKey,
        committee: &Committee,
        rng: &mut R,
    ) -> Result<(Signed<Dealing>, Vec<SubShare>), DealError> {
        deal_share(&self.sharing, self.share.index, &self.share.value, trustee, committee, rng)
    }

    /// γ_k, for a part of a grant in which it is masked.
    pub(crate) fn scalar(&self) -> &Scalar {
        &self.share.value
    }

    /// γ_k, for tests that have to compare secrets. Whoever has as many of them as the threshold has γ.
    #[cfg(feature = "hazmat")]
    pub fn hazmat_scalar(&self) -> &Scalar {
        &self.share.value
    }
}

impl ZeroizeOnDrop for VerifiedShare {}

impl fmt::Debug for VerifiedShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("VerifiedShare");
        out.field("sharing", &self.share.sharing).field("index", &self.share.index).finish_non_exhaustive()
    }
}
