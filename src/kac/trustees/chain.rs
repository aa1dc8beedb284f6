//! The story of a sharing, as it is stored and sent.

use alloc::vec::Vec;

use super::{ChainError, Dealing, Resharing, ResharingError, Sharing};
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding, put_count};
use crate::error::DecodeError;
use crate::identity::Signed;
use crate::kac::VerifiedGeneration;

/// All dealings that led to a state, round by round from the owner's on. [`SharingChain::verify`] checks them all.
///
/// It proves the state from the owner's certificate alone, so it can be kept anywhere. It does not prove that there is
/// no later state: a trustee's [`Share`](super::Share) names its own, everybody else keeps the highest round seen.
///
/// Encoded length: 4 + 4 bytes, and for each round 4 bytes + the signed dealings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharingChain(Vec<Vec<Signed<Dealing>>>);

impl SharingChain {
    /// Most rounds of a chain.
    pub const MAX: usize = Sharing::MAX_ROUND as usize;

    /// A chain that begins with the owner's dealing.
    pub fn new(first: Signed<Dealing>) -> Self {
        Self(Vec::from([Vec::from([first])]))
    }

    /// Adds the dealings of the next resharing, unchecked.
    pub fn push(&mut self, dealings: impl IntoIterator<Item = Signed<Dealing>>) {
        self.0.push(dealings.into_iter().collect());
    }

    /// The dealings of each round, unchecked.
    pub fn rounds(&self) -> impl Iterator<Item = &[Signed<Dealing>]> {
        self.0.iter().map(Vec::as_slice)
    }

    /// Checks every dealing and that each round continues the one before. The result is the last state.
    ///
    /// Costs, for each round, what [`Sharing::verify_dealing`] and [`Sharing::reshare`] do. Whoever keeps a [`Sharing`]
    /// checks the next round alone.
    ///
    /// # Errors
    /// [`ChainError`] naming the first round, and in it the dealer, whose check failed.
    pub fn verify(&self, generation: &VerifiedGeneration) -> Result<Sharing, ChainError> {
        self.last(generation).map(|resharing| resharing.sharing().clone())
    }

    /// The same, with what a trustee of the last state needs to compute its share.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn last(&self, generation: &VerifiedGeneration) -> Result<Resharing, ChainError> {
        let mut rounds = self.0.iter();
        let next = |sharing: &Sharing, dealings: &Vec<Signed<Dealing>>| {
            let round = sharing.round().saturating_add(1);
            let verify = |dealing: &Signed<Dealing>| {
                let dealer = dealing.signer().id();
                sharing.verify_dealing(dealing).map_err(|error| ChainError::Dealing { round, dealer, error })
            };
            let verified = dealings.iter().map(verify).collect::<Result<Vec<_>, _>>()?;
            sharing.reshare(&verified).map_err(|error| ChainError::Resharing { round, error })
        };
        let owner = Sharing::of_owner(generation);
        // A chain has a first round.
        let first = rounds.next().ok_or(ChainError::Resharing { round: 1, error: ResharingError::Count })?;
        rounds.try_fold(next(&owner, first)?, |resharing, dealings| next(resharing.sharing(), dealings))
    }
}

impl Message for SharingChain {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::SHARING;

    fn encode_body(&self, sink: &mut dyn Sink) {
        put_count(sink, self.0.len());
        for dealings in &self.0 {
            put_count(sink, dealings.len());
            dealings.iter().for_each(|dealing| dealing.write(sink));
        }
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let rounds = reader.count(Self::MAX, 4 + Dealing::MIN_SIGNED_LEN)?;
        if rounds == 0 {
            return Err(DecodeError::Length);
        }
        let round = |reader: &mut Reader<'_>| {
            let count = reader.count(super::Committee::MAX, Dealing::MIN_SIGNED_LEN)?;
            if count == 0 {
                return Err(DecodeError::Length);
            }
            (0..count).map(|_| Signed::read(reader)).collect()
        };
        (0..rounds).map(|_| round(reader)).collect::<Result<_, _>>().map(Self)
    }
}

public_encoding!(SharingChain);
