//! `Afgh`: the SeSPHR methodology's proxy re-encryption, hardened.
//!
//! # Where it comes from
//!
//! SeSPHR (Ali, Abbas, Khan, Khan, *IEEE Transactions on Cloud Computing*) re-encrypts with the second attempt of
//! Ateniese, Fu, Green and Hohenberger (*ACM TISSEC* 9(1), 2006). As printed there, one Z^r is multiplied onto every
//! 64-byte chunk, which leaks the ratios of chunks and has no integrity, and the server holds all users' secret keys,
//! so it can read everything. This module keeps the roles and the unidirectional, single-hop, non-interactive
//! re-encryption, uses it to encapsulate one key, and makes every step checkable.
//!
//! # Construction
//!
//! Type-3 pairing e: G1 × G2 → GT over BLS12-381 of order r, generators P and Q, Z = e(P, Q). Hashes are labelled;
//! `ctx` is the digest of the [`Context`].
//!
//! * **Keys.** Owner, per partition and period: a, A = aP ∈ G1, with PoK{a: A = aP}(owner id, partition, period) and
//!   the owner's signature. Delegatee: b, B = bQ ∈ G2, with PoK{b: B = bQ}(user id) and the delegatee's signature: the
//!   proof alone can be made for any id by anyone. The two kinds are different types in different groups.
//! * **Encapsulate**(A, ctx): σ fresh; ρ = H_s(σ, A, ctx); c1 = ρA; c3 = σ ⊕ KDF(Z^ρ); π = PoK{ρ: c1 = ρA}(c3, ctx);
//!   K = KDF(σ, c1, c3, ctx). ρP is never published.
//! * **Re-key**: rk = a⁻¹B ∈ G2, checked by e(A, rk) = e(P, B). A public check is no authorisation: whoever knows one
//!   rk' for B' also knows x·rk' for xB'. So rk travels with a [`Grant`] that the owner signed.
//! * **Re-encrypt**: check π and ctx; τ fresh; (C, E) = (τc1, τ⁻¹rk). No pairing, and 144 bytes of points instead of
//!   one GT element of 576.
//! * **Open** by the delegatee: Z^ρ = e(b⁻¹C, E). By the owner: Z^ρ = e(a⁻¹c1, Q). Then σ = c3 ⊕ KDF(Z^ρ), recompute ρ
//!   and reject unless c1 = ρA.
//!
//! The original publishes aQ beside A so that anyone can check e(A, Q) = e(P, aQ). It is left out: the proof of
//! knowledge already shows that A is well-formed, nothing else uses aQ, and publishing it would hand out B = x·aQ with
//! rk = xQ, for which the public check of a re-key holds. Without it the assumption is weaker and keys are smaller.
//!
//! # What it does not protect
//!
//! * **Server and delegatee together learn a⁻¹Q**, which opens every capsule under A, granted or not, and makes
//!   re-keys for anybody. One key pair per partition and period bounds the loss to that partition and period.
//! * There is no rotation: A and c1 are in every hash. New keys and re-encapsulation instead.
//! * A capsule authenticates no sender. Sealed records are signed by their author.
//! * Re-encrypted capsules can be re-randomised by anyone: recognise repeats by (c1, c3, ctx).
//!
//! # Cost
//!
//! | operation | group operations |
//! |---|---|
//! | owner key | 2 G1 fixed base |
//! | user key | 2 G2 fixed base |
//! | encapsulate | 2 G1, 1 GT fixed base |
//! | verify capsule | 1 double G1 |
//! | delegate | 1 G2 |
//! | verify re-key | 1 two-pairing product |
//! | re-encrypt | 1 G1, 1 G2 |
//! | open, owner | 1 G1, 1 G1 fixed base, 1 pairing |
//! | open, delegatee | 2 G1, 1 pairing |

mod capsule;
mod grant;
mod keys;
#[cfg(all(test, feature = "alloc"))]
mod tests;

use rand_core::TryCryptoRng;

use crate::context::{Context, Period, Slot, Subject, Timestamp, Validity};
use crate::encoding::SuiteId;
use crate::error::{OpenError, RngError};
use crate::hash::Digest;
use crate::identity::{PartyId, Signed, SigningKey};
use crate::kem::{CapsuleError, EncapsulateError, OwnerRoot, SharedKey};
use crate::pre::{DelegateError, GrantError, KeyError, Pre, ReencryptError};

pub use capsule::{Capsule, ReCapsule, VerifiedCapsule};
pub use grant::{Grant, ReKey, UserGrant, VerifiedGrant, VerifiedReKey};
pub use keys::{OwnerKey, OwnerSecret, UserKey, UserSecret, VerifiedOwner, VerifiedUser};

/// The scheme. See the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Afgh;

impl Pre for Afgh {
    const SUITE: SuiteId = SuiteId::Afgh;
    type Params = ();

    type KeyLabel = Period;
    type OwnerSecret = OwnerSecret;
    type OwnerPublic = Signed<OwnerKey>;
    type VerifiedOwner = VerifiedOwner;
    type UserSecret = UserSecret;
    type UserPublic = Signed<UserKey>;
    type VerifiedUser = VerifiedUser;

    type Label = ();
    type Scope = ();
    type Policy = Validity;
    type Grant = Signed<Grant>;
    type VerifiedGrant = VerifiedGrant;
    type UserGrant = UserGrant;
    type ReKey = ReKey;
    type VerifiedReKey = VerifiedReKey;
    type ReKeys = [ReKey; 1];

    type Capsule = Capsule;
    type VerifiedCapsule = VerifiedCapsule;
    type ReCapsule = ReCapsule;

    fn owner_keygen<R: TryCryptoRng + ?Sized>(
        (): &(),
        root: &OwnerRoot,
        signer: &SigningKey,
        label: &Period,
        rng: &mut R,
    ) -> Result<(OwnerSecret, Signed<OwnerKey>), KeyError> {
        Ok(keys::owner_keygen(root, signer, label, rng)?)
    }

    fn verify_owner((): &(), public: &Signed<OwnerKey>, owner: &PartyId) -> Result<VerifiedOwner, KeyError> {
        keys::verify_owner(public, owner)
    }

    fn user_keygen<R: TryCryptoRng + ?Sized>(
        (): &(),
        user: &SigningKey,
        rng: &mut R,
    ) -> Result<(UserSecret, Signed<UserKey>), RngError> {
        keys::user_keygen(user, rng)
    }

    fn verify_user((): &(), public: &Signed<UserKey>, user: &PartyId) -> Result<VerifiedUser, KeyError> {
        keys::verify_user(public, user)
    }

    fn context<'a>((): &(), owner: &VerifiedOwner, (): &(), subject: &Subject<'a>) -> Context<'a> {
        let name = owner.name();
        Context {
            suite: SuiteId::Afgh,
            owner: name.owner,
            record: subject.record,
            version: subject.version,
            partition: name.period.partition,
            slot: Slot::Epoch(name.period.epoch),
            params: Digest::NONE,
            origin: name.origin,
            author: subject.author,
            aad: subject.aad,
        }
    }

    fn encapsulate<R: TryCryptoRng + ?Sized>(
        (): &(),
        owner: &VerifiedOwner,
        ctx: &Context<'_>,
        author: &SigningKey,
        rng: &mut R,
    ) -> Result<(Capsule, SharedKey), EncapsulateError> {
        capsule::encapsulate(owner, ctx, author, rng)
    }

    fn verify_capsule(
        (): &(),
        owner: &VerifiedOwner,
        capsule: &Capsule,
        ctx: &Context<'_>,
    ) -> Result<VerifiedCapsule, CapsuleError> {
        capsule::verify(owner, capsule, ctx)
    }

    fn open((): &(), owner: &OwnerSecret, capsule: &Capsule, ctx: &Context<'_>) -> Result<SharedKey, OpenError> {
        capsule::open(owner, capsule, ctx)
    }

    fn delegate<R: TryCryptoRng + ?Sized>(
        (): &(),
        owner: &OwnerSecret,
        signer: &SigningKey,
        user: &VerifiedUser,
        (): &(),
        validity: &Validity,
        rng: &mut R,
    ) -> Result<(Signed<Grant>, [ReKey; 1]), DelegateError> {
        grant::delegate(owner, signer, user, validity, rng)
    }

    fn verify_grant(
        (): &(),
        owner: &VerifiedOwner,
        grant: &Signed<Grant>,
        now: Timestamp,
    ) -> Result<VerifiedGrant, GrantError> {
        grant::verify(owner, grant, now)
    }

    fn verify_rekey(
        (): &(),
        owner: &VerifiedOwner,
        grant: &VerifiedGrant,
        rekey: &ReKey,
    ) -> Result<VerifiedReKey, GrantError> {
        grant::verify_rekey(owner, grant, rekey)
    }

    fn reencrypt<R: TryCryptoRng + ?Sized>(
        (): &(),
        rekey: &VerifiedReKey,
        capsule: &VerifiedCapsule,
        server: &SigningKey,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<ReCapsule, ReencryptError> {
        capsule::reencrypt(rekey, capsule, server, now, rng)
    }

    fn accept_grant((): &(), user: &UserSecret, grant: &VerifiedGrant) -> Result<UserGrant, OpenError> {
        UserGrant::new(user, grant)
    }

    fn open_reencrypted(
        (): &(),
        grant: &UserGrant,
        capsule: &Capsule,
        parts: &[ReCapsule],
        ctx: &Context<'_>,
    ) -> Result<SharedKey, OpenError> {
        capsule::open_reencrypted(grant, capsule, parts, ctx)
    }
}
