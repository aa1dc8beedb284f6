//! Dealings: a secret behind a polynomial, in public commitments and secret values.

use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;
use subtle::ConstantTimeEq;
use zeroize::ZeroizeOnDrop;

use super::{Committee, DealError, Sharing};
use crate::encoding::{Kind, Message, Reader, SecretEncoding, Sink, SuiteId, kind, public_encoding};
use crate::error::{DecodeError, RngError};
use crate::hash::{Digest, label};
use crate::identity::{Signed, SigningKey};
use crate::kac::OwnerSecret;
use crate::pairing::{G1Affine, G1Projective, Scalar, mul_p};
use crate::pok::{nonzero, read_g1, read_scalar};

/// What a trustee publishes when it shares its share among a new committee: which state this continues, the committee,
/// and one commitment for each coefficient of its polynomial, which are as many as the committee's threshold. It
/// travels as `Signed<Dealing>` and is used as [`VerifiedDealing`](super::VerifiedDealing).
///
/// Encoded length: 4 + 32 + 1 + 4 + 32m + 48t bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dealing {
    pub(super) previous: Digest,
    pub(super) committee: Committee,
    pub(super) commitments: Vec<G1Affine>,
}

impl Dealing {
    /// Length of a signed dealing to a committee of one: header, key and signature, and the fields of the dealing.
    pub(super) const MIN_SIGNED_LEN: usize = 4 + 32 + 64 + 4 + 32 + 1 + 4 + 32 + 48;

    /// The name of the state that this continues.
    pub fn previous(&self) -> Digest {
        self.previous
    }

    /// The new committee.
    pub fn committee(&self) -> &Committee {
        &self.committee
    }
}

impl Message for Dealing {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::DEALING;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.previous.as_bytes());
        self.committee.write(sink);
        self.commitments.iter().for_each(|commitment| sink.put(&commitment.to_bytes()));
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let previous = Digest::from_array(reader.array()?);
        let committee = Committee::read(reader)?;
        let commitments = (0..committee.threshold()).map(|_| read_g1(reader)).collect::<Result<_, _>>()?;
        Ok(Self { previous, committee, commitments })
    }
}

public_encoding!(Dealing);

/// What a dealer sends to one trustee of the new committee: the value of its polynomial at the trustee's number. A
/// secret, and unsigned: it goes over a channel of the application's that is confidential, authentic and forward-secret.
///
/// As many of them as the new threshold, from one dealing, reveal the dealer's share. Erase it with the old shares.
///
/// Encoded length: 4 + 32 + 1 + 32 bytes.
pub struct SubShare {
    pub(super) dealing: Digest,
    pub(super) index: u8,
    pub(super) value: Scalar,
}

impl SubShare {
    /// The name of the dealing that it is of.
    pub fn dealing(&self) -> Digest {
        self.dealing
    }

    /// The number, from 1, of the trustee that it is for.
    pub fn index(&self) -> u8 {
        self.index
    }

    /// Whether this is the value at its number of the polynomial that is committed to. The result is public.
    pub(super) fn fits(&self, commitments: &[G1Affine]) -> bool {
        mul_p(&self.value).ct_eq(&image_at(commitments, self.index)).into()
    }
}

impl ZeroizeOnDrop for SubShare {}

impl fmt::Debug for SubShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubShare").field("dealing", &self.dealing).field("index", &self.index).finish_non_exhaustive()
    }
}

impl Message for SubShare {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::SUB_SHARE;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.dealing.as_bytes());
        sink.put(&[self.index]);
        sink.put(&*self.value.to_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (dealing, [index]) = (Digest::from_array(reader.array()?), reader.array()?);
        Ok(Self { dealing, index, value: read_scalar(reader)? })
    }
}

impl SecretEncoding for SubShare {}

/// The coefficients of a dealer's polynomial, the secret first.
struct Polynomial(Vec<Scalar>);

impl Polynomial {
    /// A polynomial with `secret` at 0 and a degree of exactly the threshold less one.
    fn draw<R: TryCryptoRng + ?Sized>(
        secret: &Scalar,
        previous: &Digest,
        committee: &Committee,
        dealer: &SigningKey,
        rng: &mut R,
    ) -> Result<Self, RngError> {
        let mut to = Vec::new();
        committee.write(&mut to);
        // The capacity is exact: growing would leave copies behind.
        let mut coefficients = Vec::with_capacity(usize::from(committee.threshold()));
        coefficients.push(secret.clone());
        for j in 1..committee.threshold() {
            let coefficient = dealer.draw(label::KAC_POLYNOMIAL, &[previous.as_bytes(), &to, &[j]], rng)?;
            coefficients.push(nonzero(coefficient.scalar())?);
        }
        Ok(Self(coefficients))
    }

    /// The value at a public number, in constant time.
    fn at(&self, index: u8) -> Scalar {
        let x = Scalar::from_u64(index.into());
        self.0.iter().rev().fold(Scalar::zero(), |acc, coefficient| &(&acc * &x) + coefficient)
    }
}

/// f(k)P from the commitments to f. All is public.
pub(super) fn image_at(commitments: &[G1Affine], k: u8) -> G1Projective {
    let times_k = |point: &G1Projective| {
        let bits = (0..u8::BITS - k.leading_zeros()).rev();
        bits.fold(G1Projective::identity(), |acc, bit| {
            let acc = acc.double();
            if k >> bit & 1 == 1 { acc.add(point) } else { acc }
        })
    };
    commitments.iter().rev().fold(G1Projective::identity(), |acc, commitment| times_k(&acc).add_affine(commitment))
}

/// Shares an owner's secret among `committee`. The dealing is public; each of the sub-shares, which come in the order of the
/// trustees, is for its trustee alone. Trustees continue [`Sharing::of_owner`] with it.
///
/// `owner` is the owner's key: it signs, and hedges the randomness. Costs a fixed-base multiplication in G1 for each
/// of the threshold.
///
/// # Errors
/// [`DealError::Signer`] when `owner` is another party, [`DealError::Rng`] when the generator fails.
pub fn deal<R: TryCryptoRng + ?Sized>(
    secret: &OwnerSecret,
    owner: &SigningKey,
    committee: &Committee,
    rng: &mut R,
) -> Result<(Signed<Dealing>, Vec<SubShare>), DealError> {
    deal_share(&Sharing::of_owner(secret.generation()), 1, secret.gamma(), owner, committee, rng)
}

/// Shares `share`, which trustee `index` of `sharing` has, among `committee`.
pub(super) fn deal_share<R: TryCryptoRng + ?Sized>(
    sharing: &Sharing,
    index: u8,
    share: &Scalar,
    dealer: &SigningKey,
    committee: &Committee,
    rng: &mut R,
) -> Result<(Signed<Dealing>, Vec<SubShare>), DealError> {
    if sharing.committee().trustee(index) != Some(&dealer.id()) {
        return Err(DealError::Signer);
    }
    let previous = sharing.digest();
    let polynomial = Polynomial::draw(share, &previous, committee, dealer, rng)?;
    let commitments: Vec<_> = polynomial.0.iter().map(mul_p).collect();
    let commitments = G1Projective::batch_to_affine(&commitments);
    let dealing = Signed::new(dealer, Dealing { previous, committee: committee.clone(), commitments });
    let name = dealing.digest();
    let sub_share = |index| SubShare { dealing: name, index, value: polynomial.at(index) };
    let mut sub_shares = Vec::with_capacity(committee.trustees().len());
    sub_shares.extend(committee.indices().map(sub_share));
    Ok((dealing, sub_shares))
}
