//! `PoK{t: X = tY}(m)`: Schnorr proofs of knowledge of a discrete logarithm, made non-interactive by hashing.
//!
//! Prove: k = H_s(label, t, Y, X, fresh, m), R = kY, c = H_s(label, Y, X, R, m), z = k + ct; the proof is (c, z), 64 bytes.
//! Verify: R = zY − cX, accept iff c = H_s(label, Y, X, R, m). Recomputing R binds its encoding without decoding it.
//!
//! The nonce is hedged with the witness itself, so a generator that repeats or is known reveals nothing as long as
//! t is secret; two proofs over different statements or messages have independent nonces whatever the generator does.
//! Source: Schnorr 1991 with the Fiat–Shamir transform; knowledge soundness holds in the random oracle model.

use core::fmt;

use rand_core::TryCryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::encoding::{Hex, Reader, Sink};
use crate::error::{DecodeError, RngError};
use crate::hash::{Label, hash, label};
use crate::pairing::{self, G1Affine, G2Affine, Scalar};

/// What a proof needs of a group.
pub(crate) trait Element: Copy {
    type Bytes: AsRef<[u8]>;

    fn bytes(&self) -> Self::Bytes;

    /// xA + yB, for public x and y.
    fn vartime_lincomb(x: &Scalar, a: &Self, y: &Scalar, b: &Self) -> Self;
}

impl Element for G1Affine {
    type Bytes = [u8; 48];

    fn bytes(&self) -> Self::Bytes {
        self.to_bytes()
    }

    fn vartime_lincomb(x: &Scalar, a: &Self, y: &Scalar, b: &Self) -> Self {
        pairing::vartime_lincomb2_g1(x, a, y, b).to_affine()
    }
}

impl Element for G2Affine {
    type Bytes = [u8; 96];

    fn bytes(&self) -> Self::Bytes {
        self.to_bytes()
    }

    fn vartime_lincomb(x: &Scalar, a: &Self, y: &Scalar, b: &Self) -> Self {
        pairing::vartime_lincomb2_g2(x, a, y, b).to_affine()
    }
}

/// A proof: public, 64 bytes.
#[derive(Clone)]
pub(crate) struct Proof {
    challenge: Scalar,
    response: Scalar,
}

impl Proof {
    pub(crate) const LEN: usize = 64;

    fn challenge<E: Element>(label: Label, base: &E, image: &E, commitment: &E, message: &[&[u8]]) -> Scalar {
        let hasher = hash(label, &[base.bytes().as_ref(), image.bytes().as_ref(), commitment.bytes().as_ref()]);
        message.iter().fold(hasher, |hasher, part| hasher.part(part)).scalar()
    }

    /// Proves knowledge of `witness` with `image = witness · base`. `mul` multiplies the base in constant time, from
    /// a table where there is one.
    pub(crate) fn new<E: Element, R: TryCryptoRng + ?Sized>(
        label: Label,
        witness: &Scalar,
        base: &E,
        image: &E,
        message: &[&[u8]],
        mul: impl FnOnce(&Scalar) -> E,
        rng: &mut R,
    ) -> Result<Self, RngError> {
        let mut fresh = Zeroizing::new([0; 32]);
        rng.try_fill_bytes(&mut *fresh).map_err(|_| RngError)?;
        let nonce = nonzero(Self::nonce(label, witness, base, image, message, &fresh))?;
        let challenge = Self::challenge(label, base, image, &mul(&nonce), message);
        let response = &nonce + &(&challenge * witness);
        Ok(Self { challenge, response })
    }

    pub(crate) fn nonce<E: Element>(
        proof_label: Label,
        witness: &Scalar,
        base: &E,
        image: &E,
        message: &[&[u8]],
        fresh: &[u8; 32],
    ) -> Scalar {
        let hasher = hash(
            label::PROOF_NONCE,
            &[proof_label.bytes(), &*witness.to_bytes(), base.bytes().as_ref(), image.bytes().as_ref(), fresh],
        );
        message.iter().fold(hasher, |hasher, part| hasher.part(part)).scalar()
    }

    /// Whether the proof holds. All inputs are public; the time depends on them.
    pub(crate) fn vartime_verify<E: Element>(&self, label: Label, base: &E, image: &E, message: &[&[u8]]) -> bool {
        let commitment = E::vartime_lincomb(&self.response, base, &-&self.challenge, image);
        Self::challenge(label, base, image, &commitment, message).ct_eq(&self.challenge).into()
    }

    pub(crate) fn to_array(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        let (challenge, response) = out.split_at_mut(32);
        challenge.copy_from_slice(&*self.challenge.to_bytes());
        response.copy_from_slice(&*self.response.to_bytes());
        out
    }

    pub(crate) fn write(&self, sink: &mut dyn Sink) {
        sink.put(&self.to_array());
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { challenge: read_scalar(reader)?, response: read_scalar(reader)? })
    }
}

impl PartialEq for Proof {
    fn eq(&self, other: &Self) -> bool {
        self.to_array() == other.to_array()
    }
}

impl Eq for Proof {}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.to_array()).fmt(f)
    }
}

/// A scalar that has to be invertible. Zero comes up with probability 2⁻²⁵⁵ or from a broken machine; either way
/// nothing is made from it.
pub(crate) fn nonzero(scalar: Scalar) -> Result<Scalar, RngError> {
    if scalar.is_zero().into() { Err(RngError) } else { Ok(scalar) }
}

pub(crate) fn read_scalar(reader: &mut Reader<'_>) -> Result<Scalar, DecodeError> {
    let bytes = Zeroizing::new(reader.array()?);
    Option::from(Scalar::from_bytes(&bytes)).ok_or(DecodeError::Scalar)
}

/// A scalar that may not be zero: a key, never a proof's field.
pub(crate) fn read_nonzero_scalar(reader: &mut Reader<'_>) -> Result<Scalar, DecodeError> {
    let scalar = read_scalar(reader)?;
    if scalar.is_zero().into() { Err(DecodeError::Scalar) } else { Ok(scalar) }
}

/// A point of G1 that is not the identity: 48 bytes.
pub(crate) fn read_g1(reader: &mut Reader<'_>) -> Result<G1Affine, DecodeError> {
    G1Affine::from_bytes_nonidentity(&reader.array()?).ok_or(DecodeError::Point)
}

/// A point of G2 that is not the identity: 96 bytes.
pub(crate) fn read_g2(reader: &mut Reader<'_>) -> Result<G2Affine, DecodeError> {
    G2Affine::from_bytes_nonidentity(&reader.array()?).ok_or(DecodeError::Point)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::RngError;
    use core::convert::Infallible;
    use rand_core::{TryCryptoRng, TryRng};

    struct Zeros;

    impl TryRng for Zeros {
        type Error = Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            Ok(0)
        }
        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            Ok(0)
        }
        fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
            dst.fill(0);
            Ok(())
        }
    }

    impl TryCryptoRng for Zeros {}

    fn proof(message: &[&[u8]]) -> (Proof, G1Affine, G1Affine) {
        let (base, t) = (G1Affine::generator(), Scalar::from_u64(7));
        let image = base.mul(&t).to_affine();
        let l = label::AFGH_OWNER_PROOF;
        let made: Result<_, RngError> =
            Proof::new(l, &t, &base, &image, message, |k| base.mul(k).to_affine(), &mut Zeros);
        (made.unwrap(), base, image)
    }

    #[test]
    fn holds_for_its_statement_alone() {
        let l = label::AFGH_OWNER_PROOF;
        let (p, base, image) = proof(&[b"ab", b"c"]);
        assert!(p.vartime_verify(l, &base, &image, &[b"ab", b"c"]));
        assert!(!p.vartime_verify(l, &base, &image, &[b"a", b"bc"]));
        assert!(!p.vartime_verify(label::AFGH_USER_PROOF, &base, &image, &[b"ab", b"c"]));
        assert!(!p.vartime_verify(l, &image, &base, &[b"ab", b"c"]));
        let other = base.mul(&Scalar::from_u64(8)).to_affine();
        assert!(!p.vartime_verify(l, &base, &other, &[b"ab", b"c"]));
        for i in 0..2 {
            let mut bad = p.clone();
            let part = if i == 0 { &mut bad.challenge } else { &mut bad.response };
            *part = &*part + &Scalar::one();
            assert!(!bad.vartime_verify(l, &base, &image, &[b"ab", b"c"]));
        }
    }

    /// With a generator that always gives zeros, proofs over different messages must not share their nonce: two
    /// responses under one nonce reveal the witness.
    #[test]
    fn a_dead_generator_repeats_no_nonce() {
        let ((p, base, image), (q, ..)) = (proof(&[b"m"]), proof(&[b"n"]));
        let commitment = |p: &Proof| G1Affine::vartime_lincomb(&p.response, &base, &-&p.challenge, &image).to_bytes();
        assert_ne!(commitment(&p), commitment(&q));
    }
}
