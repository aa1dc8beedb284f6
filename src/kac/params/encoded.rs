//! Parameters as bytes, and the digests that a client remembers.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;
use core::ops::ControlFlow;

use rand_core::TryCryptoRng;

use super::points::{Points, Source, check_classes};
use super::progress::{Meter, Progress};
use super::{Params, ParamsError};
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding, put_count};
use crate::error::DecodeError;
use crate::hash::Digest;

/// How points are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum PointForm {
    /// Compressed: 48 bytes in G1, 96 in G2. Half the size, and every point costs a square root to read.
    Compact = 0,
    /// Both coordinates: 96 and 192 bytes.
    Uncompressed = 1,
}

impl PointForm {
    pub(super) const fn g1_len(self) -> usize {
        match self {
            Self::Compact => 48,
            Self::Uncompressed => 96,
        }
    }

    const fn points_len(self, n: u32) -> usize {
        // n points of G1, and 2n − 1 of G2, which are twice as long.
        self.g1_len() * (5 * n as usize - 2)
    }
}

/// Parameters as they travel and are stored: not yet parameters, but their points in bytes.
///
/// Decoding checks the length; [`EncodedParams::verify`] and [`EncodedParams::load`] do the rest, since it takes long.
///
/// Encoded length: 4 + 1 + 4 + 48·(5n − 2) bytes compact, 4 + 1 + 4 + 96·(5n − 2) uncompressed.
#[derive(Clone, PartialEq, Eq)]
pub struct EncodedParams {
    form: PointForm,
    n: u32,
    points: Vec<u8>,
}

impl EncodedParams {
    pub(super) fn new(points: &Points, form: PointForm) -> Self {
        let mut bytes = Vec::with_capacity(form.points_len(points.n()));
        points.write(form, &mut bytes);
        Self { form, n: points.n(), points: bytes }
    }

    /// The number of classes that the parameters say they are for.
    pub fn classes(&self) -> u32 {
        self.n
    }

    /// How the points are written.
    pub fn form(&self) -> PointForm {
        self.form
    }

    /// Takes foreign parameters after checking everything that can be checked: every point on the curve and in the
    /// subgroup, all of them powers of one α whose order is not small. It does not show that nobody knows α.
    ///
    /// The coefficients of the check come from `rng`. `watch` is called every few hundred points.
    ///
    /// # Errors
    /// [`ParamsError`] naming the check that failed.
    pub fn verify<R: TryCryptoRng + ?Sized>(
        &self,
        rng: &mut R,
        mut watch: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Params, ParamsError> {
        let total = Points::count(self.n) + Points::verify_count(self.n);
        let mut meter = Meter::new(total, &mut watch);
        let (points, digest) = self.verified_points(rng, &mut meter)?;
        Ok(Params::new(points, digest))
    }

    pub(super) fn verified_points<R: TryCryptoRng + ?Sized>(
        &self,
        rng: &mut R,
        meter: &mut Meter<'_>,
    ) -> Result<(Points, Digest), ParamsError> {
        let points = Points::read(self.n, self.form, &self.points, Source::Foreign, meter)?;
        let digest = points.digest();
        points.verify(&digest, rng, meter)?;
        Ok((points, digest))
    }

    /// Takes parameters whose digest is `pinned`: the digest of parameters that were generated or verified, by whoever
    /// vouches for the digest. What verification would check is not checked again.
    ///
    /// # Errors
    /// [`ParamsError::NotPinned`] when these are others; [`ParamsError::Point`] when compact bytes are not points.
    pub fn load(
        &self,
        pinned: &Digest,
        mut watch: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Params, ParamsError> {
        let mut meter = Meter::new(Points::count(self.n), &mut watch);
        let uncompressed = self.form == PointForm::Uncompressed;
        // Where the bytes are what the digest covers, nothing else is looked at before.
        if uncompressed && Points::digest_of(self.n, &self.points) != *pinned {
            return Err(ParamsError::NotPinned);
        }
        let points = Points::read(self.n, self.form, &self.points, Source::Pinned, &mut meter)?;
        if !uncompressed && points.digest() != *pinned {
            return Err(ParamsError::NotPinned);
        }
        Ok(Params::new(points, *pinned))
    }

    /// The encoding of P_1 in compressed form.
    fn first(&self) -> Option<[u8; 48]> {
        let mut first = *self.points.first_chunk::<48>()?;
        if self.form == PointForm::Uncompressed {
            let point = crate::pairing::G1Affine::from_uncompressed(self.points.first_chunk()?)?;
            first = point.to_bytes();
        }
        Some(first)
    }
}

impl fmt::Debug for EncodedParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("EncodedParams");
        out.field("form", &self.form).field("classes", &self.n).finish_non_exhaustive()
    }
}

impl Message for EncodedParams {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::PARAMS;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(&[self.form as u8]);
        sink.put(&self.n.to_be_bytes());
        sink.put(&self.points);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let form = match reader.array()? {
            [0] => PointForm::Compact,
            [1] => PointForm::Uncompressed,
            _ => return Err(DecodeError::Value),
        };
        let n = reader.u32()?;
        check_classes(n).map_err(|_| DecodeError::Length)?;
        Ok(Self { form, n, points: reader.take(form.points_len(n))?.to_vec() })
    }
}

/// The digests of the parameters that a client has verified, generated or been given by somebody it trusts, so that it
/// verifies each once. At most one set for an α: a second one is refused whatever its size, because the element that
/// must not exist in the smaller of two is published in the larger.
///
/// Keep it where an attacker cannot write. Encoded length: 4 + 4 + 80 bytes a set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pins {
    /// By the encoding of P_1, which names α.
    digests: BTreeMap<[u8; 48], Digest>,
}

impl Pins {
    const MAX: usize = 1 << 16;
    const ITEM_LEN: usize = 48 + Digest::LEN;

    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Remembers `params`. Doing so again changes nothing.
    ///
    /// # Errors
    /// [`ParamsError::KnownAlpha`] when another set under the same α is pinned; [`ParamsError::Length`] when 2^16 sets
    /// are.
    pub fn pin(&mut self, params: &Params) -> Result<(), ParamsError> {
        let first = params.points.first().to_bytes();
        match self.digests.get(&first) {
            Some(known) if *known == params.digest => Ok(()),
            Some(_) => Err(ParamsError::KnownAlpha),
            None if self.digests.len() >= Self::MAX => Err(ParamsError::Length),
            None => {
                self.digests.insert(first, params.digest);
                Ok(())
            }
        }
    }

    /// Whether parameters of this digest are pinned.
    pub fn contains(&self, digest: &Digest) -> bool {
        self.digests.values().any(|known| known == digest)
    }

    /// [`EncodedParams::load`] of parameters that are pinned here.
    ///
    /// # Errors
    /// [`ParamsError::NotPinned`] when they are unknown; [`ParamsError::KnownAlpha`] when they are not the set that is
    /// pinned for their α.
    pub fn load(
        &self,
        encoded: &EncodedParams,
        watch: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Params, ParamsError> {
        let first = encoded.first().ok_or(ParamsError::Point)?;
        let pinned = self.digests.get(&first).ok_or(ParamsError::NotPinned)?;
        encoded.load(pinned, watch).map_err(|error| match error {
            ParamsError::NotPinned => ParamsError::KnownAlpha,
            other => other,
        })
    }
}

impl Message for Pins {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::PINS;

    fn encode_body(&self, sink: &mut dyn Sink) {
        put_count(sink, self.digests.len());
        for (first, digest) in &self.digests {
            sink.put(first);
            sink.put(digest.as_bytes());
        }
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = reader.count(Self::MAX, Self::ITEM_LEN)?;
        let mut pins = Self::new();
        for _ in 0..count {
            let first: [u8; 48] = reader.array()?;
            // In rising order, so that one set of pins has one encoding.
            if pins.digests.last_key_value().is_some_and(|(last, _)| *last >= first) {
                return Err(DecodeError::Value);
            }
            pins.digests.insert(first, Digest::from_array(reader.array()?));
        }
        Ok(pins)
    }
}

public_encoding!(EncodedParams, Pins);

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;
    use crate::identity::SigningKey;
    use crate::kac::params::unwatched;

    #[test]
    fn pins_that_are_full_take_no_more_than_they_know() {
        let rng = &mut ChaCha20Rng::from_seed([1; 32]);
        let signer = SigningKey::generate(rng);
        let [known, new] = [1, 2].map(|n| Params::generate(n, &signer, rng, unwatched).unwrap());
        let mut pins = Pins::new();
        pins.pin(&known).unwrap();
        let mut name = [0; 48];
        for i in 1..Pins::MAX {
            name[..8].copy_from_slice(&(i as u64).to_be_bytes());
            pins.digests.insert(name, Digest::NONE);
        }
        assert_eq!(pins.pin(&known), Ok(()));
        assert_eq!(pins.pin(&new), Err(ParamsError::Length));
        assert!(!pins.contains(&new.digest()));
    }
}
