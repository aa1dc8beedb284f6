//! `Threshold`: t-of-n proxy re-encryption on ristretto255. No single server is trusted: fewer than t of them, together with
//! the delegatee, learn nothing that was not re-encrypted for it, and any t of n keep the service up.
//!
//! # Where it comes from
//!
//! Umbral (Nuñez 2018, *Umbral: a threshold proxy re-encryption scheme*) divides the re-encryption key among servers. This
//! module keeps that idea and leaves out what went wrong with it in practice: fields that no signature covers, thresholds
//! of zero or beyond the number of servers, an encryption key that also signs. It needs no pairing.
//!
//! # Construction
//!
//! Group ristretto255 (RFC 9496) of prime order ℓ, generator B. Hashes are labelled; `ctx` is the digest of the
//! [`Context`].
//!
//! * **Label keys.** One pair a, A = aB for each partition and epoch, a = H_s(root, owner, partition, epoch): one label's
//!   key says nothing about another's. The owner signs one Merkle root over all of them ([`LabelTree`], [`OwnerCert`]),
//!   and a writer gets a key with its path ([`OwnerKey`]). A key without a path that leads to the root is an error.
//! * **Delegatee**: b, bB, signed.
//! * **Encapsulate**(A, ctx): ρ fresh; c1 = ρB; K and a tag of 14 bytes from KDF(ρA; c1, ctx); π = PoK{ρ: c1 = ρB}(A, tag,
//!   ctx) with a challenge of 128 bits.
//! * **Delegate** to bB, with t of n [`Servers`]: X = x'B; d = H_s(x'·bB, X, A, bB, owner's key, user, grant id); f of degree
//!   t − 1 with f(0) = a·d⁻¹; server k gets f(k). The owner signs everything and the commitments F_j = f_jB, so that
//!   U_k = f(k)B = Σ kʲF_j follows and nothing is left unsigned. x' derives from a and the grant's name: the owner keeps
//!   nothing.
//! * **Re-encrypt** a capsule whose proof holds: E_k = f(k)·c1, with a proof (R1, R2, z) that log_{c1} E_k = log_B U_k.
//! * **Accept** a grant: d, and A = dF_0. From then on any t honest servers open what an honest author sealed.
//! * **Open**: ρA = d·Σλ_kE_k with Lagrange's coefficients λ_k, accepted if the capsule's tag says so. Only if it does not are
//!   the proofs looked at, all in one multi-scalar multiplication, and the liars named.
//! * **Refresh**: another f with the same f(0), for the same or for other servers ([`Threshold::refresh`]). X and d stay,
//!   so the delegatee has no part in it. Fragments of two rounds do not combine.
//!
//! # In a program
//!
//! ```
//! use std::sync::Arc;
//!
//! use sesphr::context::{Partition, Period, RecordId, Subject, Timestamp, Validity};
//! use sesphr::identity::SigningKey;
//! use sesphr::kem::OwnerRoot;
//! use sesphr::pre::Pre;
//! use sesphr::pre::threshold::{LabelTree, Servers, Terms, Threshold};
//! use subtle::ConstantTimeEq;
//!
//! let rng = &mut getrandom::SysRng;
//! let [owner, doctor, one, two, three] = [(); 5].map(|()| SigningKey::try_generate(rng).unwrap());
//! let root = OwnerRoot::try_generate(rng)?;
//! // Two partitions with room for 16 epochs each, under one signed root.
//! let tree = Arc::new(LabelTree::derive(&root, owner.id(), [Partition::MEDICAL, Partition::INSURANCE], 16)?);
//! let label = tree.label(&Period { partition: Partition::MEDICAL, epoch: 3 }).unwrap();
//! let (secret, public) = Threshold::owner_keygen(&(), &root, &owner, &label, rng)?;
//! let key = Threshold::verify_owner(&(), &public, &owner.id())?;
//!
//! // The doctor reads with the help of any two of three servers.
//! let (doctor_secret, public) = Threshold::user_keygen(&(), &doctor, rng)?;
//! let doctor_key = Threshold::verify_user(&(), &public, &doctor.id())?;
//! let now = Timestamp(1_700_000_000);
//! let validity = Validity::new(now, Timestamp(1_731_536_000)).unwrap();
//! let terms = Terms { validity, servers: Servers::new(2, [&one, &two, &three].map(SigningKey::id))? };
//! let (grant, fragments) = Threshold::delegate(&(), &secret, &owner, &doctor_key, &(), &terms, rng)?;
//! let grant = Threshold::verify_grant(&(), &key, &grant, now)?;
//! let held = Threshold::accept_grant(&(), &doctor_secret, &grant)?;
//!
//! let subject = Subject { record: RecordId::try_generate(rng)?, version: 1, author: owner.id(), aad: b"" };
//! let ctx = Threshold::context(&(), &key, &(), &subject);
//! let (capsule, shared) = Threshold::encapsulate(&(), &key, &ctx, &owner, rng)?;
//!
//! // Each server checks its fragment once and every capsule. The third one is down.
//! let mut parts = Vec::new();
//! for (server, fragment) in [&one, &two].into_iter().zip(&fragments) {
//!     let fragment = Threshold::verify_rekey(&(), &key, &grant, fragment)?;
//!     let checked = Threshold::verify_capsule(&(), &key, &capsule, &ctx)?;
//!     parts.push(Threshold::reencrypt(&(), &fragment, &checked, server, now, rng)?);
//! }
//! let opened = Threshold::open_reencrypted(&(), &held, &capsule, &parts, &ctx)?;
//! assert!(bool::from(opened.ct_eq(&shared)));
//! assert!(Threshold::culprits(&held, &capsule, &parts, &ctx).is_empty());
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # What it does not protect
//!
//! * **t servers and the delegatee together learn a**: everything under that label, granted or not, and what is still
//!   written under it. One label a partition and epoch bounds the loss; whoever leaves ends an epoch.
//! * t servers without the delegatee learn nothing, but they can refuse. So can n − t + 1 servers.
//! * A part is not signed. Its proof shows that it is right; a wrong one may be the server's or somebody's on the way:
//!   ask over an authenticated channel, then the server named is the server at fault.
//! * The tag is the author's to choose. An author in league with a server can make a capsule that opens for a delegatee
//!   through that server and not for the owner. Who must rule that out checks the parts first
//!   ([`vartime_verify_parts`](Threshold::vartime_verify_parts), [`open_verified`](Threshold::open_verified)): what opens then is ρA.
//! * Openings go by the tag. π is there for the servers, so capsules that differ in π alone open alike: what is deduplicated
//!   is c1, tag and context.
//! * There is no rotation: A and c1 are in every hash. New labels instead.
//! * A capsule authenticates no sender. Sealed records are signed by their author.
//! * Nothing here resists a quantum computer.
//!
//! # Cost
//!
//! | operation | group operations |
//! |---|---|
//! | label key | 1 fixed base |
//! | encapsulate | 2 fixed base, 1 multiplication |
//! | verify capsule | 1 double |
//! | delegate | t + 1 fixed base, 1 multiplication, 1 inversion |
//! | verify fragment | 1 fixed base, 16(t − 1) additions at most |
//! | re-encrypt | 2 multiplications, 1 fixed base |
//! | verify part | 2 double, 16(t − 1) additions at most |
//! | accept a grant | 2 multiplications |
//! | open, owner | 1 multiplication |
//! | open, delegatee | 1 t-fold multi-scalar multiplication, 1 inversion |

mod capsule;
mod fragment;
mod grant;
mod labels;
mod open;
mod servers;
#[cfg(test)]
mod tests;
mod user;

use alloc::vec::Vec;

use rand_core::TryCryptoRng;

use crate::context::{Context, Slot, Subject, Timestamp};
use crate::encoding::SuiteId;
use crate::error::{OpenError, RngError};
use crate::hash::Digest;
use crate::identity::{PartyId, Signed, SigningKey, fresh_secret};
use crate::kem::{CapsuleError, EncapsulateError, OwnerRoot, SharedKey};
use crate::pre::{DelegateError, GrantError, KeyError, Pre, ReencryptError};

pub use capsule::{Capsule, VerifiedCapsule};
pub use fragment::{Fragment, Part, VerifiedFragment};
pub use grant::{Grant, UserGrant, VerifiedGrant};
pub use labels::{KeyLabel, LabelTree, OwnerCert, OwnerKey, OwnerSecret, VerifiedOwner};
pub use open::{Claim, VerifiedPart};
pub use servers::{Servers, ServersError, Terms};
pub use user::{UserKey, UserSecret, VerifiedUser};

/// The scheme. All its operations are those of [`Pre`], and those that several servers bring with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold;

/// What several servers bring with them.
impl Threshold {
    /// Divides a grant anew, for the same servers or for others: proactively, so that fragments which were stolen one by one
    /// over the years never add up, or to replace a server that is lost. The delegatee has no part in it, and its
    /// [`UserGrant`] of any round gives the same d.
    ///
    /// Fragments of different rounds do not combine, except that a threshold of one leaves nothing to divide: there each
    /// fragment is a·d⁻¹, in every round. What makes the former round useless is that servers delete it: the
    /// owner's [head of live grants](crate::pre::LiveSet) names the new one.
    ///
    /// Cost: as `delegate`.
    ///
    /// # Errors
    /// [`DelegateError::Signer`], [`DelegateError::Scope`] for a grant under another key or in its last round, 2³² − 1,
    /// [`DelegateError::Rng`].
    pub fn refresh<R: TryCryptoRng + ?Sized>(
        owner: &OwnerSecret,
        signer: &SigningKey,
        grant: &VerifiedGrant,
        servers: &Servers,
        rng: &mut R,
    ) -> Result<(Signed<Grant>, Vec<Fragment>), DelegateError> {
        grant::refresh(owner, signer, grant, servers, rng)
    }

    /// Checks that a part is what its fragment makes of the capsule. `None` when it is not.
    ///
    /// Opening does not need it: [`open_reencrypted`](Pre::open_reencrypted) looks at proofs only when it fails.
    pub fn vartime_verify_part(claim: &Claim<'_>) -> Option<VerifiedPart> {
        open::vartime_verify(claim)
    }

    /// Checks many parts, of any grants and capsules, by one multi-scalar multiplication with 128-bit weights; one that
    /// fails is halved until the liars stand alone. In the order of the claims.
    ///
    /// Cost: at most five points a part in the sum, and two to decode; less where parts are of one capsule or one server.
    ///
    /// # Errors
    /// [`RngError`] when the generator fails, which makes the weights.
    pub fn vartime_verify_parts<R: TryCryptoRng + ?Sized>(
        claims: &[Claim<'_>],
        rng: &mut R,
    ) -> Result<Vec<Option<VerifiedPart>>, RngError> {
        Ok(open::vartime_verify_all(claims, &*fresh_secret(rng)?))
    }

    /// Opens from parts that were checked before. Parts of other capsules or grants do not count.
    ///
    /// # Errors
    /// [`OpenError`], whatever the cause.
    pub fn open_verified(
        grant: &UserGrant,
        capsule: &Capsule,
        parts: &[VerifiedPart],
        ctx: &Context<'_>,
    ) -> Result<SharedKey, OpenError> {
        open::open_verified(grant, capsule, parts, ctx)
    }

    /// Who lied: the servers of the numbers that the wrong parts bear, each once. A part that bears another server's number
    /// is blamed on that server, so see first that each server's part bears its [own](Servers::index).
    ///
    /// A part names no round. `grant` has to be the one that the servers carry out: measured by that of another round, right
    /// parts are wrong, although they may open.
    pub fn culprits(grant: &UserGrant, capsule: &Capsule, parts: &[Part], ctx: &Context<'_>) -> Vec<PartyId> {
        let servers = grant.grant().grant().servers();
        let verified = open::verify_for(grant, capsule, parts, ctx);
        let wrong = parts.iter().zip(verified).filter(|(_, verified)| verified.is_none());
        let mut culprits: Vec<_> = wrong.filter_map(|(part, _)| servers.server(part.index())).collect();
        culprits.sort_unstable();
        culprits.dedup();
        culprits
    }
}

impl Pre for Threshold {
    const SUITE: SuiteId = SuiteId::Threshold;
    type Params = ();

    type KeyLabel = KeyLabel;
    type OwnerSecret = OwnerSecret;
    type OwnerPublic = OwnerKey;
    type VerifiedOwner = VerifiedOwner;
    type UserSecret = UserSecret;
    type UserPublic = Signed<UserKey>;
    type VerifiedUser = VerifiedUser;

    type Label = ();
    type Scope = ();
    type Policy = Terms;
    type Grant = Signed<Grant>;
    type VerifiedGrant = VerifiedGrant;
    type UserGrant = UserGrant;
    type ReKey = Fragment;
    type VerifiedReKey = VerifiedFragment;
    type ReKeys = Vec<Fragment>;

    type Capsule = Capsule;
    type VerifiedCapsule = VerifiedCapsule;
    type ReCapsule = Part;

    fn owner_keygen<R: TryCryptoRng + ?Sized>(
        (): &(),
        root: &OwnerRoot,
        signer: &SigningKey,
        label: &KeyLabel,
        _: &mut R,
    ) -> Result<(OwnerSecret, OwnerKey), KeyError> {
        labels::owner_keygen(root, signer, label)
    }

    fn verify_owner((): &(), public: &OwnerKey, owner: &PartyId) -> Result<VerifiedOwner, KeyError> {
        labels::verify_owner(public, owner)
    }

    fn user_keygen<R: TryCryptoRng + ?Sized>(
        (): &(),
        user: &SigningKey,
        rng: &mut R,
    ) -> Result<(UserSecret, Signed<UserKey>), RngError> {
        user::user_keygen(user, rng)
    }

    fn verify_user((): &(), public: &Signed<UserKey>, user: &PartyId) -> Result<VerifiedUser, KeyError> {
        user::verify_user(public, user)
    }

    fn context<'a>((): &(), owner: &VerifiedOwner, (): &(), subject: &Subject<'a>) -> Context<'a> {
        let name = owner.name();
        Context {
            suite: SuiteId::Threshold,
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
        terms: &Terms,
        rng: &mut R,
    ) -> Result<(Signed<Grant>, Vec<Fragment>), DelegateError> {
        grant::delegate(owner, signer, user, terms, rng)
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
        rekey: &Fragment,
    ) -> Result<VerifiedFragment, GrantError> {
        fragment::verify(owner, grant, rekey)
    }

    fn reencrypt<R: TryCryptoRng + ?Sized>(
        (): &(),
        rekey: &VerifiedFragment,
        capsule: &VerifiedCapsule,
        server: &SigningKey,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Part, ReencryptError> {
        fragment::reencrypt(rekey, capsule, server, now, rng)
    }

    fn accept_grant((): &(), user: &UserSecret, grant: &VerifiedGrant) -> Result<UserGrant, OpenError> {
        UserGrant::new(user, grant)
    }

    fn open_reencrypted(
        (): &(),
        grant: &UserGrant,
        capsule: &Capsule,
        parts: &[Part],
        ctx: &Context<'_>,
    ) -> Result<SharedKey, OpenError> {
        open::open(grant, capsule, parts, ctx)
    }
}
