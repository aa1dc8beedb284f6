//! What takes hands inside: dealings that no function makes, and states that nobody reaches.

use alloc::vec::Vec;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use subtle::ConstantTimeEq;

use super::dealing::{deal_share, image_at};
use super::*;
use crate::context::Partition;
use crate::identity::{PartyId, Signed, SigningKey};
use crate::kac::params::unwatched;
use crate::kac::{ClassGrid, Kac, KeyAggregate, OwnerSecret, Params};
use crate::kem::OwnerRoot;
use crate::pairing::{G1Affine, Scalar, mul_p};

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

fn party(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn committee(threshold: u8, parties: &[SigningKey]) -> Committee {
    Committee::new(threshold, &parties.iter().map(SigningKey::id).collect::<Vec<_>>()).unwrap()
}

/// The owner's key, and two trustees who both are needed.
struct World {
    owner: SigningKey,
    secret: OwnerSecret,
    trustees: [SigningKey; 2],
    sharing: Sharing,
    shares: Vec<VerifiedShare>,
}

impl World {
    fn new() -> Self {
        let rng = &mut rng(1);
        let (owner, trustees) = (party(1), [party(2), party(3)]);
        let grid = ClassGrid::new(&[Partition::MEDICAL], 1).unwrap();
        let params = Params::generate(1, &owner, rng, unwatched).unwrap();
        let (secret, _) = Kac::keygen(&params, &grid, &OwnerRoot::generate(rng), &owner, None, rng).unwrap();
        let (dealing, sub_shares) = deal(&secret, &owner, &committee(2, &trustees), rng).unwrap();
        let start = Sharing::of_owner(secret.generation());
        let step = start.reshare(&[start.verify_dealing(&dealing).unwrap()]).unwrap();
        let shares = trustees.iter().map(|t| step.share(&t.id(), &sub_shares).unwrap()).collect();
        Self { owner, secret, trustees, sharing: step.sharing().clone(), shares }
    }

    /// What trustee `i` of the two would deal with this polynomial.
    fn forge(&self, i: usize, coefficients: &[&Scalar]) -> Signed<Dealing> {
        let commitments: Vec<_> = coefficients.iter().map(|c| mul_p(c).to_affine()).collect();
        let committee = Committee::new(commitments.len() as u8, &ids(&self.trustees)).unwrap();
        Signed::new(&self.trustees[i], Dealing { previous: self.sharing.digest(), committee, commitments })
    }

    fn reshare(&self, dealings: [Signed<Dealing>; 2]) -> Result<Resharing, ResharingError> {
        self.sharing.reshare(&dealings.map(|dealing| self.sharing.verify_dealing(&dealing).unwrap()))
    }
}

fn ids(parties: &[SigningKey]) -> Vec<PartyId> {
    parties.iter().map(SigningKey::id).collect()
}

#[test]
fn dealers_cannot_lower_the_threshold_together() {
    let w = World::new();
    let [one, two] = [0, 1].map(|i| w.shares[i].hazmat_scalar());
    let a = Scalar::from_u64(5);
    // λ = (2, −1).
    assert!(w.reshare([w.forge(0, &[one, &a]), w.forge(1, &[two, &a])]).is_ok());
    let cancels = &a + &a;
    let resharing = w.reshare([w.forge(0, &[one, &a]), w.forge(1, &[two, &cancels])]);
    assert_eq!(resharing.unwrap_err(), ResharingError::Degenerate);
}

#[test]
fn dealers_cannot_make_a_share_of_zero_together() {
    let w = World::new();
    let [one, two] = [0, 1].map(|i| w.shares[i].hazmat_scalar());
    let a = Scalar::from_u64(5);
    // γ + (2a − b)k = 0 for k = 1, and for k = 2.
    let half = Scalar::from_u64(2).invert().unwrap();
    for slope in [w.secret.gamma().clone(), w.secret.gamma() * &half] {
        let b = &(&a + &a) + &slope;
        let resharing = w.reshare([w.forge(0, &[one, &a]), w.forge(1, &[two, &b])]);
        assert_eq!(resharing.unwrap_err(), ResharingError::Degenerate);
    }
}

/// The last line of defence: dealings that got past their own check do not get a foreign secret in.
#[test]
fn the_secret_stays_the_owners() {
    let w = World::new();
    let (x, a) = (Scalar::from_u64(7), Scalar::from_u64(5));
    let dealings = [(1, w.forge(0, &[&x, &a])), (2, w.forge(1, &[&x, &a]))];
    let dealings = dealings.map(|(index, dealing)| {
        assert_eq!(w.sharing.verify_dealing(&dealing), Err(DealingError::Image));
        VerifiedDealing { index, dealing: dealing.verify(&dealing.signer().id()).unwrap() }
    });
    assert_eq!(w.sharing.reshare(&dealings).unwrap_err(), ResharingError::Secret);
}

#[test]
fn rounds_end() {
    let w = World::new();
    let v1 = *w.secret.generation().v1();
    for (round, expected) in [
        (Sharing::MAX_ROUND - 1, Ok(Sharing::MAX_ROUND)),
        (Sharing::MAX_ROUND, Err(ResharingError::Round)),
        (u32::MAX, Err(ResharingError::Round)),
    ] {
        let alone = Committee::alone(w.owner.id());
        let sharing = Sharing::new(w.secret.generation(), round, alone.clone(), [v1].to_vec(), [v1].to_vec());
        let (dealing, _) = deal_share(&sharing, 1, w.secret.gamma(), &w.owner, &alone, &mut rng(2)).unwrap();
        let resharing = sharing.reshare(&[sharing.verify_dealing(&dealing).unwrap()]);
        assert_eq!(resharing.map(|resharing| resharing.sharing().round()), expected);
    }
}

/// At 0 the polynomial has the secret itself, and beyond the committee there are values too: neither is anybody's.
#[test]
fn only_members_have_sub_shares() {
    let w = World::new();
    let to = committee(1, &[party(9)]);
    let (dealing, mut sub_shares) = w.shares[0].deal(&w.trustees[0], &to, &mut rng(3)).unwrap();
    let dealing = w.sharing.verify_dealing(&dealing).unwrap();
    let mut sub_share = sub_shares.remove(0);
    // With threshold 1 the polynomial is constant, so the value fits at every number.
    for index in 0..=u8::MAX {
        sub_share.index = index;
        assert_eq!(dealing.fits(&sub_share), index == 1, "{index}");
    }
}

#[test]
fn images_are_those_of_the_shares() {
    let w = World::new();
    for (share, k) in w.shares.iter().zip(1..) {
        let image = mul_p(share.hazmat_scalar()).to_affine();
        assert_eq!(w.sharing.v1_of(k), Some(&image));
    }
    assert_eq!((w.sharing.v1_of(0), w.sharing.v1_of(3), w.sharing.v1_of(255)), (None, None, None));
    let coefficients: Vec<_> = (1..=4).map(|i| Scalar::from_u64(1_000_003 * i)).collect();
    let commitments: Vec<_> = coefficients.iter().map(|c| mul_p(c).to_affine()).collect();
    for k in 0..=u8::MAX {
        let at = |acc: Scalar, c: &Scalar| &(&acc * &Scalar::from_u64(k.into())) + c;
        let value = coefficients.iter().rev().fold(Scalar::zero(), at);
        assert!(bool::from(mul_p(&value).ct_eq(&image_at(&commitments, k))), "{k}");
    }
}

/// A generator that repeats, and a process that starts over, repeat no coefficient for another purpose.
#[test]
fn coefficients_are_hedged() {
    let w = World::new();
    let of = |to: &Committee, sharing: &Sharing| -> Vec<G1Affine> {
        // A party that starts over counts its draws anew.
        let dealer = party(2);
        let index = sharing.committee().index(&dealer.id()).unwrap();
        let (dealing, _) = deal_share(sharing, index, w.shares[0].hazmat_scalar(), &dealer, to, &mut rng(4)).unwrap();
        dealing.unverified().commitments[1..].to_vec()
    };
    let three = [party(4), party(5), party(6)];
    let (to, other) = (committee(3, &three), committee(3, &[party(4), party(5), party(7)]));
    let v1 = *w.secret.generation().v1();
    let alone = Committee::alone(party(2).id());
    let another = Sharing::new(w.secret.generation(), 1, alone, [v1].to_vec(), [v1].to_vec());
    assert_eq!(of(&to, &w.sharing), of(&to, &w.sharing));
    let all = [of(&to, &w.sharing), of(&other, &w.sharing), of(&to, &another)].concat();
    for (i, a) in all.iter().enumerate() {
        assert!(!all[..i].contains(a));
    }
    // The dealer's secret is in it: another dealer draws something else from the same generator.
    let ((a, _), (b, _)) = (
        w.shares[0].deal(&party(2), &to, &mut rng(4)).unwrap(),
        w.shares[1].deal(&party(3), &to, &mut rng(4)).unwrap(),
    );
    assert_ne!(a.unverified().commitments[1..], b.unverified().commitments[1..]);
}

#[test]
fn numbers_that_repeat_have_no_weights() {
    for (indices, distinct) in
        [(&[1, 2, 3][..], true), (&[7], true), (&[], true), (&[1, 1], false), (&[2, 5, 2], false)]
    {
        assert_eq!(weights(indices).is_some(), distinct, "{indices:?}");
    }
}
