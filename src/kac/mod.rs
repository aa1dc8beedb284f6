//! The key-aggregate cryptosystem: one 96-byte key opens any chosen set of record classes.
//!
//! # Where it comes from
//!
//! Chu, Chow, Tzeng, Zhou and Deng, “Key-Aggregate Cryptosystem for Scalable Data Sharing in Cloud Storage”, *IEEE
//! TPDS* 25(2), 2014, section 4: whoever owns records in n classes hands out one key of constant size for any set S of
//! them. Their scheme is built on the broadcast encryption of Boneh, Gentry and Waters (*CRYPTO* 2005). This module
//! moves it to a type-3 pairing with ciphertexts in G1 and keys in G2, uses it to encapsulate one key, makes it secure
//! against chosen ciphertexts, and makes every object checkable in public.
//!
//! # In a program
//!
//! ```
//! use sesphr::context::{Partition, Period, RecordId, Subject};
//! use sesphr::identity::SigningKey;
//! use sesphr::kac::{ClassGrid, GenerationChain, Kac, KeyAggregate, Params, params};
//! use sesphr::kem::OwnerRoot;
//! use subtle::ConstantTimeEq;
//!
//! let rng = &mut getrandom::SysRng;
//! let (signer, root) = (SigningKey::try_generate(rng)?, OwnerRoot::try_generate(rng)?);
//!
//! // Two partitions of twelve months each, and parameters of the owner's own.
//! let grid = ClassGrid::new(&[Partition::MEDICAL, Partition::INSURANCE], 12)?;
//! let params = Params::generate(grid.classes(), &signer, rng, params::unwatched)?;
//! let (secret, cert) = Kac::keygen(&params, &grid, &root, &signer, None, rng)?;
//!
//! // An author encapsulates for the fourth month, under a certificate that it has checked.
//! let owner = GenerationChain::new(cert).verify(&params, &signer.id())?;
//! let author = SigningKey::try_generate(rng)?;
//! let record = RecordId::try_generate(rng)?;
//! let subject = Subject { record, version: 1, author: author.id(), aad: b"" };
//! let april = Period { partition: Partition::MEDICAL, epoch: 3 };
//! let ctx = Kac::context(&owner, &april, &subject).unwrap();
//! let (capsule, key) = Kac::encapsulate(&params, &owner, &ctx, &author, rng)?;
//!
//! // One key for the first half of the medical year, and all of the insurance.
//! let half = grid.range(&Partition::MEDICAL, 0..=5).unwrap();
//! let set = half.union(&grid.partition(&Partition::INSURANCE).unwrap());
//! assert_eq!(set.to_string(), "0-5,12-23");
//! let aggregate = Kac::extract(&params, &secret, &set)?;
//! let aggregate = Kac::verify_key(&params, &owner, &set, &aggregate)?;
//! let opened = Kac::open_aggregate(&params, &aggregate, &capsule, &ctx)?;
//! assert!(bool::from(opened.ct_eq(&key)));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Construction
//!
//! Pairing e: G1 × G2 → GT over BLS12-381 of order r, generators P and Q. Hashes are labelled; `ctx` is the digest of
//! the [`Context`]. Classes are numbered from 0 in the interface and in contexts, and from 1 in the mathematics: class c is i = c + 1,
//! four bytes big-endian in t and π.
//!
//! * **Parameters** ([`params`]): α deleted; P_k = αᵏP for k = 1, …, n; Q_k = αᵏQ for k = 1, …, n, n+2, …, 2n; Z_n =
//!   e(P_1, Q_n). Q_{n+1} must never exist.
//! * **Keys** ([`GenerationCert`]): γ = H_s(root, owner id, parameters digest, grid, generation); V1 = γP, V2 = γQ, with
//!   PoK{γ: V1 = γP}(origin), signed by the owner, where origin = H(owner id, parameters digest ‖ generation ‖ grid ‖
//!   origin of the generation before ‖ V1 ‖ V2), as they stand in the certificate.
//! * **Encapsulate**(i, ctx): σ fresh; t = H_s(σ, parameters digest, owner id, i, ctx); c1 = tP; c2 = t(V1 + P_i); c3 =
//!   σ ⊕ KDF(Z_n^t); π = PoK{t: c1 = tP}(parameters digest, owner id, i, c3, ctx); K = KDF(σ, c1, c3, ctx).
//! * **A capsule is well-formed**, which anyone can check, if its context is the owner's, π holds, and
//!   e(c2, Q) = e(c1, V2 + Q_i).
//! * **Extract**(S): K_S = γ·D_S with D_S = Σ_{j∈S} Q_{n+1−j}; checked by e(P, K_S) = e(V1, D_S).
//! * **Open**(K_S, S, i), for i ∈ S: with F_{S,i} = Σ_{j∈S, j≠i} Q_{n+1−j+i}, Z_n^t = e(c2, D_S) / e(c1, K_S + F_{S,i});
//!   recover σ, recompute t, reject unless c1 = tP and c2 = t(V1 + P_i). By the owner: Z_n^t = e(c2 − γc1, Q_{n+1−i}).
//!
//! * **Rotate** ([`Rotate`]), from γ to γ' of a later generation, at a cloud that opens nothing: Δ = γ' − γ, checked by
//!   ΔP = V1' − V1; c2' = c2 + Δc1, checked by e(c2', Q) = e(c1, V2' + Q_i) before it takes the place of c2.
//!
//! It works because e(c2, D_S) is Z^t to the sum over j ∈ S of γα^(n+1−j) + α^(n+1−j+i), and dividing by e(c1, K_S)
//! and e(c1, F_{S,i}) leaves the term j = i, which is α^(n+1).
//!
//! The V1, V2 and c2 of today are in neither t, π, K nor any signature over a record: they rotate. `ctx` names the origin
//! that a capsule was made under, and keeps it.
//!
//! Sums over a range of classes are differences of two prefix sums, so the cost of extracting and opening follows the
//! number of ranges of S, not of classes. A [`ClassGrid`] lays partitions and epochs out so that a period of time of a
//! partition is one range.
//!
//! # What an aggregate key is, and is not
//!
//! * It is a **bearer token**. It carries no name, copies cannot be told apart or traced, and it cannot be revoked: it
//!   opens its classes, capsules of the future included, until the owner's key rotates. So it stays on the owner's own
//!   devices. Other people get a grant, which has a name, an end, and a server that enforces both.
//! * Keys **combine**. Holders of K_{S1} and K_{S2} together open exactly S1 ∪ S2. For S2 ⊆ S1, K_{S1} − K_{S2} is the
//!   key of S1 ∖ S2: handing out a key and a key of a subset hands out the key of the difference.
//! * It says nothing about who wrote what it opens. Sealed records are signed by their authors.
//! * A reader of a capsule learns its t, and can make other capsules with it that pass the public check. They fail the
//!   recomputation of t when they are opened.
//!
//! # What it rests on
//!
//! * **Assumption**: decisional n-BDHE (Boneh, Gentry, Waters, *CRYPTO* 2005) in its asymmetric form: given P_k and Q_k
//!   as above and hP for random α and h, Z^(hα^(n+1)) cannot be told from random.
//! * **Chosen plaintexts**: security for a class i that the attacker names beforehand, with keys of any sets without i,
//!   reduces to it tightly. The reduction draws γ' and publishes V1 = γ'P − P_i, V2 = γ'Q − Q_i, so γ = γ' − αⁱ. For
//!   i ∉ S it computes K_S = γ'D_S − Σ_{j∈S} Q_{n+1−j+i}, where Q_{n+1} does not occur. The challenge is c1 = hP, c2 =
//!   γ'hP, masked with the value in question. Naming i late costs a factor n. Chu et al. state the scheme without a
//!   proof; Patranabis, Shrivastava and Mukhopadhyay (*IEEE TC* 66(5), 2017) prove a variant of it.
//! * **Chosen ciphertexts**: t is recomputed from σ (Fujisaki, Okamoto, *CRYPTO* 1999), in the random oracle model. That
//!   whoever makes a capsule knows its t, so that servers may use secrets on what passed the public check, is argued
//!   for π in the algebraic group model (Fuchsbauer, Kiltz, Loss, *CRYPTO* 2018).
//! * **Bits**: given αᵈQ for a divisor d of r − 1, Cheon (*EUROCRYPT* 2006) finds α in about √(r/d) group operations.
//!   2³² divides r − 1 and d can be 2n for an n that is a power of two: about 121 bits at n = 2¹², 119 at 2¹⁶. GT itself
//!   is estimated at 117 to 120 bits (Guillevic, *PKC* 2020). No bits against a quantum computer.
//! * **Parameters**: whoever knows α opens everything under them. See [`params`] for who that can be.
//! * **One t must never serve two classes**: then c2 − c2' = t(P_i − P_j), and the mask follows from public values. σ
//!   is drawn inside, the class is in t, and no function moves a capsule to another class.
//!
//! # Cost
//!
//! In group operations, for a set of m ranges:
//!
//! | operation | cost |
//! |---|---|
//! | key | 2 G1 and 1 G2 fixed base |
//! | check of a certificate | 1 double G1, 1 two-pairing product |
//! | encapsulate | 2 G1 and 1 GT fixed base, 1 G1 |
//! | check of a capsule | 1 double G1, 1 two-pairing product |
//! | open, owner | 1 pairing, 2 G1, 1 G1 fixed base |
//! | extract | 2m G2 additions, 1 G2 |
//! | check of an aggregate key | 2m G2 additions, 1 G2, 1 G1 fixed base, 1 two-pairing product |
//! | open | 2m G2 additions, 1 two-pairing product, 2 G1, 1 G1 fixed base |
//! | check of a token | 1 G1 fixed base |
//! | rotate | 1 G1, 2 terms of a sum in G1; 1 pairing of a product a class in each 256 |
//! | open, one of many | 1 two-pairing product, 1 G1, 2 terms of a sum in G1; 2m G2 additions and 1 G1 a class |
//!
//! A range of a single class takes one addition instead of two.

mod aggregate;
mod capsule;
mod class_set;
mod error;
mod generation;
mod grid;
pub mod params;
mod rotation;
#[cfg(test)]
mod tests;
pub mod trustees;
mod weights;

use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;
use zeroize::ZeroizeOnDrop;

use crate::context::{Context, Period, Subject};
use crate::encoding::{Encoding, SecretEncoding, SuiteId};
use crate::error::OpenError;
use crate::identity::{PartyId, Signed, SigningKey};
use crate::kem::{CapsuleError, CapsuleParts, EncapsulateError, OwnerRoot, OwnerTerms, SharedKey};

pub(crate) use aggregate::sum;
pub use aggregate::{AggregateKey, VerifiedKey};
pub(crate) use capsule::{Binding, finish_without_c2};
pub use capsule::{Capsule, VerifiedCapsule};
pub use class_set::{ClassRange, ClassSet, ClassSetError, MAX_CLASSES};
pub use error::{AggregateKeyError, GenerationError, RotateError};
pub use generation::{GenerationCert, GenerationChain, OwnerSecret, VerifiedGeneration};
pub use grid::{ClassGrid, ClassGridError};
pub use params::Params;
pub use rotation::{Rotate, RotationToken, VerifiedToken};

/// A key-aggregate cryptosystem, used as a key encapsulation mechanism: an owner encapsulates, or lets others, under
/// classes, and hands out one key of constant size for any set of them.
pub trait KeyAggregate: Copy + fmt::Debug + 'static {
    /// The scheme's number on the wire.
    const SUITE: SuiteId;
    /// Public parameters that all parties share.
    type Params: ?Sized;
    /// What the classes stand for.
    type Grid: Clone + Eq + fmt::Debug + Encoding;
    /// A set of classes.
    type Set: Clone + Eq + fmt::Debug + Encoding;

    /// An owner's secret of one generation.
    type OwnerSecret: ZeroizeOnDrop + fmt::Debug;
    /// An owner's public key of one generation, certified.
    type OwnerPublic: Clone + Eq + fmt::Debug + Encoding;
    /// A generation whose certificate was checked.
    type VerifiedOwner: Clone + fmt::Debug + OwnerTerms;

    /// The encapsulation of a key.
    type Capsule: CapsuleParts;
    /// A capsule whose public checks passed.
    type VerifiedCapsule: Clone + fmt::Debug;

    /// The key of a set of classes. A secret.
    type AggregateKey: SecretEncoding + ZeroizeOnDrop + fmt::Debug;
    /// An aggregate key that was checked for its set.
    type VerifiedKey: ZeroizeOnDrop + fmt::Debug;

    /// Why there is no generation, or its certificate is not accepted.
    type OwnerError: core::error::Error;
    /// Why an aggregate key was not made, or is not accepted.
    type KeyError: core::error::Error;

    /// Derives the owner's key after `previous`, or its first one, from the root secret, and certifies it with `signer`.
    ///
    /// The secret depends on root, signer, parameters, grid and number of the generation alone: losing it loses nothing
    /// while the root is kept.
    ///
    /// # Errors
    /// When the grid does not fit, `previous` is another owner's or under other parameters, or the generator fails.
    fn keygen<R: TryCryptoRng + ?Sized>(
        params: &Self::Params,
        grid: &Self::Grid,
        root: &OwnerRoot,
        signer: &SigningKey,
        previous: Option<&Self::VerifiedOwner>,
        rng: &mut R,
    ) -> Result<(Self::OwnerSecret, Self::OwnerPublic), Self::OwnerError>;

    /// Checks the certificate of the generation after `previous`, or of the first one.
    ///
    /// # Errors
    /// Naming the check that failed.
    fn verify_owner(
        params: &Self::Params,
        public: &Self::OwnerPublic,
        owner: &PartyId,
        previous: Option<&Self::VerifiedOwner>,
    ) -> Result<Self::VerifiedOwner, Self::OwnerError>;

    /// Completes a subject to the context of a capsule for `period`; `None` when no class stands for it.
    fn context<'a>(owner: &Self::VerifiedOwner, period: &Period, subject: &Subject<'a>) -> Option<Context<'a>>;

    /// Makes a fresh key and its capsule. `author` is who `ctx` names; its secret hedges the randomness.
    ///
    /// # Errors
    /// [`EncapsulateError`] when the context is not one of this generation's or the generator fails.
    fn encapsulate<R: TryCryptoRng + ?Sized>(
        params: &Self::Params,
        owner: &Self::VerifiedOwner,
        ctx: &Context<'_>,
        author: &SigningKey,
        rng: &mut R,
    ) -> Result<(Self::Capsule, SharedKey), EncapsulateError>;

    /// The public checks of a capsule, which whoever uses a secret on it for others makes first.
    ///
    /// # Errors
    /// [`CapsuleError`] naming the check that failed.
    fn verify_capsule(
        params: &Self::Params,
        owner: &Self::VerifiedOwner,
        capsule: &Self::Capsule,
        ctx: &Context<'_>,
    ) -> Result<Self::VerifiedCapsule, CapsuleError>;

    /// Opens with the owner's secret.
    ///
    /// # Errors
    /// [`OpenError`], whatever the cause.
    fn open(
        params: &Self::Params,
        owner: &Self::OwnerSecret,
        capsule: &Self::Capsule,
        ctx: &Context<'_>,
    ) -> Result<SharedKey, OpenError>;

    /// The key of all classes in `set`. Keep it on the owner's devices: it can be neither traced nor taken back.
    ///
    /// # Errors
    /// When the set is empty or exceeds the grid, or the parameters are others.
    fn extract(
        params: &Self::Params,
        owner: &Self::OwnerSecret,
        set: &Self::Set,
    ) -> Result<Self::AggregateKey, Self::KeyError>;

    /// Checks that `key` is that of `set` under this generation, and prepares it for opening.
    ///
    /// # Errors
    /// When it is not.
    fn verify_key(
        params: &Self::Params,
        owner: &Self::VerifiedOwner,
        set: &Self::Set,
        key: &Self::AggregateKey,
    ) -> Result<Self::VerifiedKey, Self::KeyError>;

    /// Opens a capsule of one of the key's classes.
    ///
    /// # Errors
    /// [`OpenError`], whatever the cause.
    fn open_aggregate(
        params: &Self::Params,
        key: &Self::VerifiedKey,
        capsule: &Self::Capsule,
        ctx: &Context<'_>,
    ) -> Result<SharedKey, OpenError>;

    /// Opens many capsules, in the order given. Each result is what opening the capsule alone gives; the cost is lower,
    /// and the lower the more capsules share a class. If one is bad, those with it in a batch cost as much as alone.
    fn open_batch(
        params: &Self::Params,
        key: &Self::VerifiedKey,
        capsules: &[(&Self::Capsule, &Context<'_>)],
    ) -> Vec<Result<SharedKey, OpenError>>;
}

/// The scheme. See the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kac;

impl KeyAggregate for Kac {
    const SUITE: SuiteId = SuiteId::Kac;
    type Params = Params;
    type Grid = ClassGrid;
    type Set = ClassSet;

    type OwnerSecret = OwnerSecret;
    type OwnerPublic = Signed<GenerationCert>;
    type VerifiedOwner = VerifiedGeneration;

    type Capsule = Capsule;
    type VerifiedCapsule = VerifiedCapsule;

    type AggregateKey = AggregateKey;
    type VerifiedKey = VerifiedKey;

    type OwnerError = GenerationError;
    type KeyError = AggregateKeyError;

    fn keygen<R: TryCryptoRng + ?Sized>(
        params: &Params,
        grid: &ClassGrid,
        root: &OwnerRoot,
        signer: &SigningKey,
        previous: Option<&VerifiedGeneration>,
        rng: &mut R,
    ) -> Result<(OwnerSecret, Signed<GenerationCert>), GenerationError> {
        generation::keygen(params, grid, root, signer, previous, rng)
    }

    fn verify_owner(
        params: &Params,
        public: &Signed<GenerationCert>,
        owner: &PartyId,
        previous: Option<&VerifiedGeneration>,
    ) -> Result<VerifiedGeneration, GenerationError> {
        generation::verify(params, public, owner, previous)
    }

    fn context<'a>(owner: &VerifiedGeneration, period: &Period, subject: &Subject<'a>) -> Option<Context<'a>> {
        owner.context(period, subject)
    }

    fn encapsulate<R: TryCryptoRng + ?Sized>(
        params: &Params,
        owner: &VerifiedGeneration,
        ctx: &Context<'_>,
        author: &SigningKey,
        rng: &mut R,
    ) -> Result<(Capsule, SharedKey), EncapsulateError> {
        capsule::encapsulate(params, owner, ctx, author, rng)
    }

    fn verify_capsule(
        params: &Params,
        owner: &VerifiedGeneration,
        capsule: &Capsule,
        ctx: &Context<'_>,
    ) -> Result<VerifiedCapsule, CapsuleError> {
        capsule::verify(params, owner, capsule, ctx)
    }

    fn open(
        params: &Params,
        owner: &OwnerSecret,
        capsule: &Capsule,
        ctx: &Context<'_>,
    ) -> Result<SharedKey, OpenError> {
        capsule::open(params, owner, capsule, ctx)
    }

    fn extract(params: &Params, owner: &OwnerSecret, set: &ClassSet) -> Result<AggregateKey, AggregateKeyError> {
        aggregate::extract(params, owner, set)
    }

    fn verify_key(
        params: &Params,
        owner: &VerifiedGeneration,
        set: &ClassSet,
        key: &AggregateKey,
    ) -> Result<VerifiedKey, AggregateKeyError> {
        aggregate::verify(params, owner, set, key)
    }

    fn open_aggregate(
        params: &Params,
        key: &VerifiedKey,
        capsule: &Capsule,
        ctx: &Context<'_>,
    ) -> Result<SharedKey, OpenError> {
        aggregate::open(params, key, capsule, ctx)
    }

    fn open_batch(
        params: &Params,
        key: &VerifiedKey,
        capsules: &[(&Capsule, &Context<'_>)],
    ) -> Vec<Result<SharedKey, OpenError>> {
        aggregate::open_batch(params, key, capsules)
    }
}
