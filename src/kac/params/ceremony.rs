//! Parameters from several parties: the secret α is unknown as long as one of them deleted its share.
//!
//! It begins with the set for α = 1. Each contributor in turn checks what it received, draws β, publishes
//! P_k ← βᵏP_k and Q_k ← βᵏQ_k with PoK{β: P_1' = βP_1}(n, digest before, digest after, contributor), signs that, and
//! forgets β. Whoever verifies the transcript checks the signatures, the proofs along the chain from P to the last
//! P_1, and the form of the last set. The sets in between need not be kept: the form of the last one and its P_1 fix
//! it, and whoever contributed has checked the one before. n is in the proofs because of that: what an honest party
//! contributed to a larger set would otherwise fit a transcript that ends in a part of it.
//!
//! What it does not show: that a contributor forgot its β, and that two names are two people.

use alloc::vec::Vec;
use core::fmt;
use core::ops::ControlFlow;

use rand_core::TryCryptoRng;

use super::points::{Points, check_classes};
use super::progress::{Meter, Progress};
use super::{EncodedParams, Params, ParamsError, PointForm};
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding, put_count};
use crate::error::{DecodeError, RngError};
use crate::hash::{Digest, label};
use crate::identity::{PartyId, Signed, SigningKey};
use crate::pairing::G1Affine;
use crate::pok::{Proof, nonzero, read_g1};

/// Why a transcript is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CeremonyError {
    /// The parameters at the end are not accepted.
    Params(ParamsError),
    /// The contribution of this number, from 0, is not signed by whom it names.
    Signature(usize),
    /// The contribution of this number does not continue the one before.
    Chain(usize),
    /// The proof in the contribution of this number does not verify.
    Proof(usize),
    /// The parameters are not those that the last contribution names.
    End,
    /// Nobody contributed, so everybody knows α.
    Empty,
    /// There is no room for another contribution.
    Full,
}

impl From<ParamsError> for CeremonyError {
    fn from(error: ParamsError) -> Self {
        Self::Params(error)
    }
}

impl From<RngError> for CeremonyError {
    fn from(_: RngError) -> Self {
        Self::Params(ParamsError::Rng)
    }
}

impl fmt::Display for CeremonyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Params(error) => error.fmt(f),
            Self::Signature(i) => write!(f, "contribution {i} is not signed by its contributor"),
            Self::Chain(i) => write!(f, "contribution {i} does not continue the one before"),
            Self::Proof(i) => write!(f, "the proof of contribution {i} does not verify"),
            Self::End => f.write_str("the parameters are not those of the last contribution"),
            Self::Empty => f.write_str("nobody has contributed"),
            Self::Full => f.write_str("the transcript is full"),
        }
    }
}

impl core::error::Error for CeremonyError {}

/// What a contributor states and signs: from which set to which, and that it knows β. 4 + 32 + 32 + 48 + 64 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contribution {
    before: Digest,
    after: Digest,
    /// P_1 afterwards.
    first: G1Affine,
    proof: Proof,
}

impl Contribution {
    /// The digest of the set that was contributed to.
    pub fn before(&self) -> Digest {
        self.before
    }

    /// The digest of the set afterwards. A contributor remembers it and looks for it in the final transcript.
    pub fn after(&self) -> Digest {
        self.after
    }
}

impl Message for Contribution {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::CONTRIBUTION;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.before.as_bytes());
        sink.put(self.after.as_bytes());
        sink.put(&self.first.to_bytes());
        self.proof.write(sink);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            before: Digest::from_array(reader.array()?),
            after: Digest::from_array(reader.array()?),
            first: read_g1(reader)?,
            proof: Proof::read(reader)?,
        })
    }
}

/// Everything that was contributed, and the parameters that came out: what contributors pass on, and what whoever is
/// to use the parameters verifies.
///
/// Encoded length: 4 + 4 + 280 bytes a contribution + the [`EncodedParams`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    contributions: Vec<Signed<Contribution>>,
    params: EncodedParams,
}

impl Transcript {
    /// Most contributions of a transcript.
    pub const MAX_CONTRIBUTIONS: usize = 1024;
    /// 4 header bytes, key, statement, signature.
    const ITEM_LEN: usize = 4 + 32 + (4 + 32 + 32 + 48 + Proof::LEN) + 64;

    /// The contributions, unchecked.
    pub fn contributions(&self) -> &[Signed<Contribution>] {
        &self.contributions
    }

    /// Checks every contribution and the parameters at the end.
    ///
    /// Costs two multiplications in G1 and a signature a contribution, and [`EncodedParams::verify`].
    ///
    /// # Errors
    /// [`CeremonyError`] naming the check that failed and the contribution.
    pub fn verify<R: TryCryptoRng + ?Sized>(
        &self,
        rng: &mut R,
        mut watch: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<VerifiedTranscript, CeremonyError> {
        let n = self.params.classes();
        let start = VerifiedTranscript::start(n)?;
        let (mut digest, mut first) = (start.digest, start.points.first());
        for (i, signed) in self.contributions.iter().enumerate() {
            let contributor = signed.signer().id();
            let step = signed.verify(&contributor).map_err(|_| CeremonyError::Signature(i))?;
            if step.before != digest {
                return Err(CeremonyError::Chain(i));
            }
            let size = n.to_be_bytes();
            let message = [&size[..], step.before.as_bytes(), step.after.as_bytes(), contributor.as_bytes()];
            if !step.proof.vartime_verify(label::KAC_CONTRIBUTION_PROOF, &first, &step.first, &message) {
                return Err(CeremonyError::Proof(i));
            }
            (digest, first) = (step.after, step.first);
        }
        if self.contributions.is_empty() {
            // α = 1, which is well-formed and does not verify.
            return if self.params == EncodedParams::new(&start.points, self.params.form()) {
                Ok(start)
            } else {
                Err(CeremonyError::End)
            };
        }
        let mut meter = Meter::new(Points::count(n) + Points::verify_count(n), &mut watch);
        let (points, found) = self.params.verified_points(rng, &mut meter)?;
        if found != digest || points.first() != first {
            return Err(CeremonyError::End);
        }
        Ok(VerifiedTranscript { contributions: self.contributions.clone(), points, digest })
    }
}

impl Message for Transcript {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::TRANSCRIPT;

    fn encode_body(&self, sink: &mut dyn Sink) {
        put_count(sink, self.contributions.len());
        self.contributions.iter().for_each(|contribution| contribution.write(sink));
        self.params.write(sink);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = reader.count(Self::MAX_CONTRIBUTIONS, Self::ITEM_LEN)?;
        let contributions = (0..count).map(|_| Signed::read(reader)).collect::<Result<_, _>>()?;
        Ok(Self { contributions, params: EncodedParams::read(reader)? })
    }
}

public_encoding!(Contribution, Transcript);

/// A ceremony whose contributions so far were checked, or made here.
#[derive(Clone)]
pub struct VerifiedTranscript {
    contributions: Vec<Signed<Contribution>>,
    points: Points,
    digest: Digest,
}

impl VerifiedTranscript {
    /// Begins a ceremony for `n` classes. Its set is the one for α = 1, the same for everybody.
    ///
    /// # Errors
    /// [`ParamsError::Classes`] when `n` is 0 or above [`MAX_CLASSES`](crate::kac::MAX_CLASSES).
    pub fn start(n: u32) -> Result<Self, ParamsError> {
        check_classes(n)?;
        let points = Points::trivial(n);
        Ok(Self { contributions: Vec::new(), digest: points.digest(), points })
    }

    /// Contributes a secret β, which is drawn here, hedged with the contributor's, and wiped before this returns.
    ///
    /// # Errors
    /// [`CeremonyError::Full`] after [`Transcript::MAX_CONTRIBUTIONS`]; [`ParamsError::Cancelled`] and
    /// [`ParamsError::Rng`] in [`CeremonyError::Params`]. The ceremony is then as it was.
    pub fn contribute<R: TryCryptoRng + ?Sized>(
        &mut self,
        contributor: &SigningKey,
        rng: &mut R,
        mut watch: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), CeremonyError> {
        if self.contributions.len() >= Transcript::MAX_CONTRIBUTIONS {
            return Err(CeremonyError::Full);
        }
        let before = self.digest;
        let beta = nonzero(contributor.draw(label::KAC_BETA, &[before.as_bytes()], rng)?.scalar())?;
        let mut meter = Meter::new(Points::count(self.points.n()), &mut watch);
        let points = self.points.raise(&beta, &mut meter)?;
        let (after, base, first) = (points.digest(), self.points.first(), points.first());
        let (size, id) = (self.points.n().to_be_bytes(), contributor.id());
        let message = [&size[..], before.as_bytes(), after.as_bytes(), id.as_bytes()];
        let mul = |k: &_| base.mul(k).to_affine();
        let proof = Proof::new(label::KAC_CONTRIBUTION_PROOF, &beta, &base, &first, &message, mul, rng)?;
        self.contributions.push(Signed::new(contributor, Contribution { before, after, first, proof }));
        (self.points, self.digest) = (points, after);
        Ok(())
    }

    /// Who contributed, in order. The parameters are safe if one of them is honest.
    pub fn contributors(&self) -> impl Iterator<Item = PartyId> {
        self.contributions.iter().map(|contribution| contribution.signer().id())
    }

    /// What the next contributor, and in the end every user, verifies.
    pub fn transcript(&self, form: PointForm) -> Transcript {
        Transcript { contributions: self.contributions.clone(), params: EncodedParams::new(&self.points, form) }
    }

    /// The parameters.
    ///
    /// # Errors
    /// [`CeremonyError::Empty`] when nobody contributed.
    pub fn finish(self) -> Result<Params, CeremonyError> {
        if self.contributions.is_empty() {
            return Err(CeremonyError::Empty);
        }
        Ok(Params::new(self.points, self.digest))
    }
}

impl fmt::Debug for VerifiedTranscript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("VerifiedTranscript");
        out.field("contributions", &self.contributions.len()).field("digest", &self.digest).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;
    use crate::kac::params::unwatched;

    #[test]
    fn a_transcript_that_is_full_stays_as_it_is() {
        let rng = &mut ChaCha20Rng::from_seed([1; 32]);
        let party = SigningKey::generate(rng);
        let mut ceremony = VerifiedTranscript::start(1).unwrap();
        ceremony.contribute(&party, rng, unwatched).unwrap();
        let one = ceremony.contributions.first().unwrap().clone();
        ceremony.contributions = alloc::vec![one; Transcript::MAX_CONTRIBUTIONS];
        let before = ceremony.transcript(PointForm::Compact);
        assert_eq!(ceremony.contribute(&party, rng, unwatched), Err(CeremonyError::Full));
        assert_eq!(ceremony.transcript(PointForm::Compact), before);
        ceremony.contributions.pop();
        assert_eq!(ceremony.contribute(&party, rng, unwatched), Ok(()));
    }
}
