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
//!   unless c1 = tP and c2 = t(V1 + P_i): a cheating server ends there.
//!
//! # What it does not protect
//!
//! * **Server and delegatee together learn K_S**: every capsule of the granted classes, requested or not, capsules of
//!   the future included, for as long as γ lives. No other class. So grant short periods, and never future ones to
//!   somebody who may leave.
//! * **One m must never serve two grants**: the server would open their difference. m is a hash of the transcript, and
//!   the transcript has an id that never repeats.
//! * An old grant verifies until it expires. Whether it is still live is for the server's list of live grants.
//! * HPKE with X-Wing protects x, not the records: a quantum computer takes t from c1.
//! * Re-encrypted capsules can be re-randomised by anyone.
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
//! | accept a grant | 1 HPKE open, 1 G1 fixed base |
//! | open | 1 three-pairing product, 2 G1, 1 G1 fixed base |

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
    Capsule, ClassGrid, GenerationChain, Kac, KeyAggregate, OwnerSecret, Params, VerifiedCapsule, VerifiedGeneration,
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

    /// The generation after the newest of `chain`.
    ///
    /// # Errors
    /// [`KeyError`] when the chain does not verify.
    pub fn after(params: &Params, chain: GenerationChain, owner: &PartyId) -> Result<Self, KeyError> {
        let newest = chain.verify(params, owner)?;
        Ok(Self { grid: newest.grid().clone(), before: Some((chain, newest)) })
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
        let previous = label.before.as_ref().map(|(_, newest)| newest);
        let (secret, cert) = Kac::keygen(params, &label.grid, root, signer, previous, rng)?;
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
