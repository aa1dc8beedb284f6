//! `Kapre`: proxy re-encryption of aggregate capsules. One re-encryption key of 96 bytes lets a server re-encrypt
//! exactly the classes that the owner granted, and server and delegatee together gain nothing more.
//!
//! # Where it comes from
//!
//! The aggregate key of [`kac`](crate::kac) (Chu et al. 2014) is a bearer token: it cannot be taken back. Here it is
//! masked for one delegatee, and the masked key goes to a re-encryption server, which serves it only for as long as the
//! grant lasts. `Afgh` (the scheme of SeSPHR) loses everything under the owner's key when the server and one delegatee
//! collude; here they get the classes of the grant.
//!
//! # Construction
//!
//! As in [`kac`](crate::kac), with D_S = Σ_{j∈S} Q_{n+1−j}, K_S = γ·D_S, F_{S,i} = Σ_{j∈S, j≠i} Q_{n+1−j+i}.
//!
//! * **Grant**(owner → B, S, validity): the transcript is (grant id, origin of the owner's generation, B's id, B's key, S,
//!   validity, rules for referrals if there are any); x fresh; m = H_s(x, transcript); M = mP; enc = HPKE.Seal_B(x; info = transcript). The owner signs
//!   transcript, M and enc. The re-encryption key rk = K_S + mQ goes to the server. It is neither signed nor logged:
//!   M fixes it, and the server checks e(P, rk) = e(V1, D_S) · e(M, Q).
//! * **Re-encrypt** a capsule of class i ∈ S that passed its public check: τ fresh; (C, E) = (τc1, τ⁻¹(rk + F_{S,i})).
//!   No pairing, 144 bytes of points.
//! * **Open** by B, who checked M = mP once: Z_n^t = e(c2, D_S) · e(c1, mQ) / e(C, E). Recover σ, recompute t and reject
//!   unless c1 = tP: a cheating server ends there. c2 is not compared: it is in no hash, and a server that makes up for a
//!   changed one in its answer opens the same key.
//!
//! * **Refer**, where the owner's grant has [rules](Admission) for it: the delegatee draws m', seals it to who is referred,
//!   signs the terms with M' = m'P, and sends δ = (m' − m)Q to the server; rk' = rk + δ passes the same check.
//! * **Break-glass**: γ is shared among [trustees](crate::kac::trustees), who act under [rules](EmergencyRules) of the
//!   owner's; trustee k makes rk_k = γ_k·D_S + m_k·Q, and the server combines as many as the threshold ([`combine`]).
//!
//! The three kinds of [`Grant`] become one [`VerifiedGrant`] when they are checked, and nothing behind that asks which it
//! was. Whether a grant is in force is not in it: the owner's [head of live grants](crate::pre::LiveSet) says so, and
//! [`sharing`](crate::sharing) holds every re-encryption against it.
//!
//! # In a program
//!
//! ```
//! use sesphr::context::{Partition, Period, RecordId, Subject, Timestamp, Validity};
//! use sesphr::identity::SigningKey;
//! use sesphr::kac::{ClassGrid, Params, params};
//! use sesphr::kapre::{ClassLabel, Kapre, Lineage};
//! use sesphr::kem::OwnerRoot;
//! use sesphr::pre::Pre;
//! use subtle::ConstantTimeEq;
//!
//! let rng = &mut getrandom::SysRng;
//! let [owner, doctor, server] = [(); 3].map(|()| SigningKey::try_generate(rng).unwrap());
//! let grid = ClassGrid::new(&[Partition::MEDICAL, Partition::INSURANCE], 12)?;
//! let params = Params::generate(grid.classes(), &owner, rng, params::unwatched)?;
//! let root = OwnerRoot::try_generate(rng)?;
//! let (secret, chain) = Kapre::owner_keygen(&params, &root, &owner, &Lineage::first(grid.clone()), rng)?;
//! let key = Kapre::verify_owner(&params, &chain, &owner.id())?;
//!
//! // The doctor reads the first half of the medical year. 96 bytes of key at the server, whatever the set.
//! let (doctor_secret, public) = Kapre::user_keygen(&params, &doctor, rng)?;
//! let doctor_key = Kapre::verify_user(&params, &public, &doctor.id())?;
//! let scope = grid.range(&Partition::MEDICAL, 0..=5).unwrap().into();
//! let (now, year) = (Timestamp(1_700_000_000), Validity::new(Timestamp(1_700_000_000), Timestamp(1_731_536_000)));
//! let (grant, [rekey]) = Kapre::delegate(&params, &secret, &owner, &doctor_key, &scope, &year.unwrap(), rng)?;
//! let grant = Kapre::verify_grant(&params, &key, &grant, now)?;
//! let rekey = Kapre::verify_rekey(&params, &key, &grant, &rekey)?;
//! let held = Kapre::accept_grant(&params, &doctor_secret, &grant)?;
//!
//! let april = ClassLabel::new(&grid, &Period { partition: Partition::MEDICAL, epoch: 3 }).unwrap();
//! let subject = Subject { record: RecordId::try_generate(rng)?, version: 1, author: owner.id(), aad: b"" };
//! let ctx = Kapre::context(&params, &key, &april, &subject);
//! let (capsule, shared) = Kapre::encapsulate(&params, &key, &ctx, &owner, rng)?;
//! let checked = Kapre::verify_capsule(&params, &key, &capsule, &ctx)?;
//! let part = Kapre::reencrypt(&params, &rekey, &checked, &server, now, rng)?;
//! let opened = Kapre::open_reencrypted(&params, &held, &capsule, &[part], &ctx)?;
//! assert!(bool::from(opened.ct_eq(&shared)));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # What it does not protect
//!
//! * **Server and delegatee together learn K_S**: every capsule of the granted classes, requested or not, capsules of
//!   the future included, until they are of another generation ([`Rotate`]). No other class. So grant short periods, and never future ones to
//!   somebody who may leave.
//! * **One m must never serve two grants**: the server would open their difference. m is a hash of the transcript, and
//!   the transcript has an id that never repeats.
//! * An old grant verifies until it expires. Whether it is still live is for the owner's head of live grants.
//! * A referral is held to fewer classes than the grant that it stands on by the server alone: together with the server,
//!   who was referred reaches all classes of that grant.
//! * HPKE with X-Wing protects x, not the records: a quantum computer takes t from c1.
//! * Re-encrypted capsules can be re-randomised by anyone.
//!
//! # What it rests on
//!
//! The key of a grant is that of [`kac`](crate::kac), masked by mQ with m known to the delegatee alone: to a server without
//! the delegatee, rk is a uniform point that fixes M, and its answers are simulated from it. Against a delegatee without
//! the server, the capsule of a class that was not granted is one of `kac` for which it has no key, and what honest
//! re-encryption of granted capsules gives it, it can compute with K_S itself. Server and delegatee together have K_S and
//! no more, so the game of `kac` with extraction of S carries over, tightly and without the algebraic group model. All
//! this for parties that are corrupted from the start. HPKE in base mode (RFC 9180) with the transcript as `info` seals x;
//! the grant's signature says who made it. What is the literature's: aggregate keys (Chu et al.), unidirectional
//! re-encryption with honest re-encryption attacks (Cohen, *PKC* 2019), verifiable secret sharing (Feldman 1987). What is
//! ours: their union, the mask, referral and break-glass by it; no proof of these has been published.
//!
//! # Cost
//!
//! In group operations, for a set of m ranges:
//!
//! | operation | cost |
//! |---|---|
//! | grant | 2m G2 additions, 1 G2, 1 G2 and 1 G1 fixed base, 1 HPKE seal |
//! | check of a re-encryption key | 1 three-pairing product, 1 G1 and 1 G2 fixed base |
//! | re-encrypt | 2m G2 additions, 1 G1, 1 G2 |
//! | accept a grant | 1 HPKE open, 1 G1 fixed base; with `blst` 1 G2 fixed base and lines through two points |
//! | open | 1 three-pairing product, 1 G1 fixed base; without `blst` 1 G1 |
//! | refer | 1 G1 and 1 G2 fixed base, 1 HPKE seal |
//! | approve | 2m G2 additions, 1 G2, 1 G1 and 1 G2 fixed base, 1 HPKE seal |
//! | combine t parts | t three-pairing products, 2t fixed base, t G2 |

mod admission;
mod capsule;
mod emergency;
mod error;
mod grant;
mod mask;
mod referral;
mod rekey;
#[cfg(test)]
mod tests;
mod user;

use alloc::vec::Vec;

use rand_core::TryCryptoRng;

use crate::context::{Context, Partition, Period, Slot, Subject, Timestamp, Validity};
use crate::encoding::SuiteId;
use crate::error::{OpenError, RngError};
use crate::identity::{PartyId, Signed, SigningKey};
use crate::kac::{
    Capsule, ClassGrid, GenerationChain, GenerationError, Kac, KeyAggregate, OwnerSecret, Params, Rotate, RotateError,
    RotationToken, VerifiedCapsule, VerifiedGeneration, VerifiedToken,
};
use crate::kem::{CapsuleError, EncapsulateError, OwnerRoot, SharedKey};
use crate::pre::{DelegateError, GrantError, KeyError, Pre, ReencryptError};

pub use admission::Admission;
pub use capsule::ReCapsule;
pub use emergency::{
    APPEAL_WINDOW, Appeal, Approval, ApprovalKey, Combined, EmergencyGrant, EmergencyRequest, EmergencyRules, approve,
    combine,
};
pub use error::EmergencyError;
pub use grant::{Grant, OwnerGrant, Scope, UserGrant, VerifiedGrant};
pub use referral::{Referral, ReferralKey};
pub use rekey::{ReKey, VerifiedReKey};
pub use user::{HpkeKem, UserKey, UserSecret, VerifiedUser};

/// The scheme. See the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kapre;

/// Keys and capsules are those of [`Kac`], and so is their rotation.
impl Rotate for Kapre {
    type Params = Params;
    type OwnerSecret = OwnerSecret;
    type VerifiedOwner = VerifiedGeneration;
    type Capsule = Capsule;
    type Token = RotationToken;
    type VerifiedToken = VerifiedToken;

    fn token(from: &OwnerSecret, to: &OwnerSecret) -> Result<RotationToken, RotateError> {
        Kac::token(from, to)
    }

    fn verify_token(newest: &VerifiedGeneration, token: &RotationToken) -> Result<VerifiedToken, RotateError> {
        Kac::verify_token(newest, token)
    }

    fn rotate(
        params: &Params,
        token: &VerifiedToken,
        capsules: &[(&Capsule, &Context<'_>)],
    ) -> Vec<Result<Capsule, RotateError>> {
        Kac::rotate(params, token, capsules)
    }
}

/// Which generation of an owner's key: the first one under a grid, or the one after a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lineage {
    grid: ClassGrid,
    before: Option<(GenerationChain, VerifiedGeneration)>,
}

impl Lineage {
    /// The first generation under `grid`.
    pub fn first(grid: ClassGrid) -> Self {
        Self { grid, before: None }
    }

    /// What the classes stand for.
    pub fn grid(&self) -> &ClassGrid {
        &self.grid
    }

    /// The generation before.
    pub fn previous(&self) -> Option<&VerifiedGeneration> {
        self.before.as_ref().map(|(_, newest)| newest)
    }

    /// The generation after the newest of `chain`.
    ///
    /// # Errors
    /// [`KeyError`] when the chain does not verify, or nothing can come after it.
    pub fn after(params: &Params, chain: GenerationChain, owner: &PartyId) -> Result<Self, KeyError> {
        // Before the checks, each of which costs pairings.
        if chain.certs().len() >= GenerationChain::MAX {
            return Err(GenerationError::Chain.into());
        }
        let newest = chain.verify(params, owner)?;
        Ok(Self { grid: newest.grid().clone(), before: Some((chain, newest)) })
    }

    /// The number of the generation.
    pub fn generation(&self) -> u32 {
        self.previous().map_or(0, |previous| previous.generation().saturating_add(1))
    }

    /// The chain that it continues; `None` for the first generation.
    pub fn chain(&self) -> Option<&GenerationChain> {
        self.before.as_ref().map(|(chain, _)| chain)
    }

    /// This generation or one before, by its number.
    pub fn ancestor(&self, generation: u32) -> Option<Self> {
        if generation == self.generation() {
            return Some(self.clone());
        }
        let (chain, newest) = self.before.as_ref()?;
        let Some(before) = generation.checked_sub(1) else { return Some(Self::first(self.grid.clone())) };
        let newest = newest.ancestor(before)?;
        Some(Self { grid: self.grid.clone(), before: Some((chain.until(before), newest.clone())) })
    }
}

/// The class of a period, from the owner's grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassLabel {
    partition: Partition,
    class: u32,
}

impl ClassLabel {
    /// `None` when the grid has no such period.
    pub fn new(grid: &ClassGrid, period: &Period) -> Option<Self> {
        Some(Self { partition: period.partition, class: grid.class(period)? })
    }
}

impl Kapre {
    /// Re-encrypts many: each capsule under the key beside it, so both many capsules under one grant and one capsule for
    /// many grants. The answers are in the order of the pairs. With the feature `rayon` on every core.
    ///
    /// # Errors
    /// [`ReencryptError`] when a grant does not cover its capsule or the time, or the generator fails: then nothing is
    /// re-encrypted.
    pub fn reencrypt_many<R: TryCryptoRng + ?Sized>(
        params: &Params,
        pairs: &[(&VerifiedReKey, &VerifiedCapsule)],
        server: &SigningKey,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Vec<ReCapsule>, ReencryptError> {
        capsule::reencrypt(params, pairs, server, now, rng)
    }
}

impl Pre for Kapre {
    const SUITE: SuiteId = SuiteId::Kac;
    type Params = Params;

    type KeyLabel = Lineage;
    type OwnerSecret = OwnerSecret;
    type OwnerPublic = GenerationChain;
    type VerifiedOwner = VerifiedGeneration;
    type UserSecret = UserSecret;
    type UserPublic = Signed<UserKey>;
    type VerifiedUser = VerifiedUser;

    type Label = ClassLabel;
    type Scope = Scope;
    type Policy = Validity;
    type Grant = Grant;
    type VerifiedGrant = VerifiedGrant;
    type UserGrant = UserGrant;
    type ReKey = ReKey;
    type VerifiedReKey = VerifiedReKey;
    type ReKeys = [ReKey; 1];

    type Capsule = Capsule;
    type VerifiedCapsule = VerifiedCapsule;
    type ReCapsule = ReCapsule;

    fn owner_keygen<R: TryCryptoRng + ?Sized>(
        params: &Params,
        root: &OwnerRoot,
        signer: &SigningKey,
        label: &Lineage,
        rng: &mut R,
    ) -> Result<(OwnerSecret, GenerationChain), KeyError> {
        let (secret, cert) = Kac::keygen(params, &label.grid, root, signer, label.previous(), rng)?;
        let chain = match &label.before {
            Some((chain, _)) => {
                let mut chain = chain.clone();
                chain.push(cert);
                chain
            }
            None => GenerationChain::new(cert),
        };
        Ok((secret, chain))
    }

    fn verify_owner(
        params: &Params,
        public: &GenerationChain,
        owner: &PartyId,
    ) -> Result<VerifiedGeneration, KeyError> {
        Ok(public.verify(params, owner)?)
    }

    /// Makes an X25519 key; [`UserSecret::generate`] makes either kind.
    fn user_keygen<R: TryCryptoRng + ?Sized>(
        _: &Params,
        user: &SigningKey,
        rng: &mut R,
    ) -> Result<(UserSecret, Signed<UserKey>), RngError> {
        UserSecret::generate(HpkeKem::X25519, user, rng)
    }

    fn verify_user(_: &Params, public: &Signed<UserKey>, user: &PartyId) -> Result<VerifiedUser, KeyError> {
        user::verify_user(public, user)
    }

    fn context<'a>(_: &Params, owner: &VerifiedGeneration, label: &ClassLabel, subject: &Subject<'a>) -> Context<'a> {
        owner.context_of(label.partition, Slot::Class(label.class), subject)
    }

    fn encapsulate<R: TryCryptoRng + ?Sized>(
        params: &Params,
        owner: &VerifiedGeneration,
        ctx: &Context<'_>,
        author: &SigningKey,
        rng: &mut R,
    ) -> Result<(Capsule, SharedKey), EncapsulateError> {
        Kac::encapsulate(params, owner, ctx, author, rng)
    }

    fn verify_capsule(
        params: &Params,
        owner: &VerifiedGeneration,
        capsule: &Capsule,
        ctx: &Context<'_>,
    ) -> Result<VerifiedCapsule, CapsuleError> {
        Kac::verify_capsule(params, owner, capsule, ctx)
    }

    fn open(
        params: &Params,
        owner: &OwnerSecret,
        capsule: &Capsule,
        ctx: &Context<'_>,
    ) -> Result<SharedKey, OpenError> {
        Kac::open(params, owner, capsule, ctx)
    }

    fn delegate<R: TryCryptoRng + ?Sized>(
        params: &Params,
        owner: &OwnerSecret,
        signer: &SigningKey,
        user: &VerifiedUser,
        scope: &Scope,
        validity: &Validity,
        rng: &mut R,
    ) -> Result<(Grant, [ReKey; 1]), DelegateError> {
        grant::delegate(params, owner, signer, user, scope, validity, rng)
    }

    fn verify_grant(
        params: &Params,
        owner: &VerifiedGeneration,
        grant: &Grant,
        now: Timestamp,
    ) -> Result<VerifiedGrant, GrantError> {
        grant::verify(params, owner, grant, now)
    }

    fn verify_rekey(
        _: &Params,
        owner: &VerifiedGeneration,
        grant: &VerifiedGrant,
        rekey: &ReKey,
    ) -> Result<VerifiedReKey, GrantError> {
        rekey::verify(owner, grant, rekey)
    }

    fn reencrypt<R: TryCryptoRng + ?Sized>(
        params: &Params,
        rekey: &VerifiedReKey,
        capsule: &VerifiedCapsule,
        server: &SigningKey,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<ReCapsule, ReencryptError> {
        let mut parts = capsule::reencrypt(params, &[(rekey, capsule)], server, now, rng)?;
        // As many as pairs.
        parts.pop().ok_or(ReencryptError::Rng)
    }

    fn accept_grant(_: &Params, user: &UserSecret, grant: &VerifiedGrant) -> Result<UserGrant, OpenError> {
        UserGrant::new(user, grant)
    }

    fn open_reencrypted(
        params: &Params,
        grant: &UserGrant,
        capsule: &Capsule,
        parts: &[ReCapsule],
        ctx: &Context<'_>,
    ) -> Result<SharedKey, OpenError> {
        let [part] = parts else { return Err(OpenError) };
        capsule::open(params, grant, capsule, part, ctx)
    }
}
