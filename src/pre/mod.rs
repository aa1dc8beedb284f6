//! Proxy re-encryption: an owner encrypts, a semi-trusted server re-encrypts for whom the owner granted, and the
//! server learns nothing.
//!
//! A scheme is a unit struct that implements [`Pre`]; its keys, grants and capsules are associated types, so code
//! names the scheme once: `Afgh::encapsulate(…)`, or an alias of the user's. Two things hold in every scheme:
//!
//! * **What was checked has a type of its own.** `VerifiedOwner`, `VerifiedUser`, `VerifiedGrant`, `VerifiedReKey`
//!   and `VerifiedCapsule` are made by checking and cannot be decoded.
//! * **Single hop.** Re-encryption takes a [`Pre::VerifiedCapsule`] and gives a [`Pre::ReCapsule`], and nothing turns
//!   the one into the other.
//!
//! Which grants are in force is the owner's word, in a [`LiveSet`].
//!
//! Every function that needs randomness takes a generator that may fail ([`TryCryptoRng`]); one that cannot fail is
//! one as well. There is no hidden generator and no clock.

pub mod afgh;
mod error;
#[cfg(feature = "alloc")]
mod live;
#[cfg(feature = "alloc")]
mod proxy;
#[cfg(feature = "alloc")]
pub mod threshold;

use core::fmt;

use rand_core::TryCryptoRng;
use zeroize::ZeroizeOnDrop;

use crate::context::{Context, Subject, Timestamp, Validity};
use crate::encoding::{Encoding, Hex, SecretEncoding, SuiteId};
use crate::error::{OpenError, RngError};
use crate::hash::Digest;
use crate::identity::{PartyId, SigningKey};
use crate::kem::{CapsuleError, CapsuleParts, EncapsulateError, OwnerRoot, OwnerTerms, SharedKey};
use crate::pairing::Scalar;
use error::TimeError;
pub use error::{DelegateError, GrantError, KeyError, ReencryptError};
#[cfg(feature = "alloc")]
pub use live::{Entry, LiveError, LiveHead, LiveSet, LiveUpdate};
#[cfg(feature = "alloc")]
pub use proxy::{Proxy, Reencryptor};

/// A proxy re-encryption scheme, used as a key encapsulation mechanism.
pub trait Pre: Copy + fmt::Debug + 'static {
    /// The scheme's number on the wire.
    const SUITE: SuiteId;
    /// Public parameters that all parties share; `()` where there are none.
    type Params: ?Sized;

    /// Which of an owner's key pairs: a partition and period, a generation.
    type KeyLabel: Clone + Eq + fmt::Debug;
    /// An owner's secret key.
    type OwnerSecret: ZeroizeOnDrop + fmt::Debug;
    /// An owner's public key with its certificate.
    type OwnerPublic: Clone + Eq + fmt::Debug + Encoding;
    /// An owner's public key whose certificate was checked.
    type VerifiedOwner: Clone + fmt::Debug + OwnerTerms;
    /// A delegatee's secret key.
    type UserSecret: ZeroizeOnDrop + fmt::Debug + SecretEncoding;
    /// A delegatee's public key with its proof of possession, signed by the delegatee.
    type UserPublic: Clone + Eq + fmt::Debug + Encoding;
    /// A delegatee's public key whose signature and proof were checked.
    type VerifiedUser: Clone + fmt::Debug;

    /// What a capsule is under, beyond the owner's key: a class, a label; `()` where the key says it all.
    type Label: Clone + Eq + fmt::Debug;
    /// What a grant covers, beyond the owner's key.
    type Scope: Clone + Eq + fmt::Debug;
    /// On which terms: validity, how many servers.
    type Policy: Clone + Eq + fmt::Debug;
    /// The owner's signed permission: public.
    type Grant: Clone + fmt::Debug + Encoding;
    /// A grant whose signature, parties and time were checked.
    type VerifiedGrant: Clone + fmt::Debug + GrantTerms;
    /// A grant as its delegatee holds it: what opening needs of it, computed once. A secret.
    type UserGrant: ZeroizeOnDrop + fmt::Debug;
    /// What a server needs to carry a grant out. A secret.
    type ReKey: SecretEncoding + ZeroizeOnDrop + fmt::Debug;
    /// A re-encryption key that was checked against its grant.
    type VerifiedReKey: ZeroizeOnDrop + fmt::Debug;
    /// One re-encryption key, or a fragment per server.
    type ReKeys: AsRef<[Self::ReKey]> + IntoIterator<Item = Self::ReKey>;

    /// The encapsulation of a key.
    type Capsule: CapsuleParts;
    /// A capsule whose public checks passed.
    type VerifiedCapsule: Clone + fmt::Debug;
    /// A re-encrypted capsule, or a server's part of one.
    type ReCapsule: Clone + fmt::Debug + Encoding;

    /// Derives the owner's key pair for `label` from the root secret and certifies it with `signer`.
    ///
    /// The secret depends on root, signer and label alone: losing it loses nothing while the root is kept.
    ///
    /// # Errors
    /// [`KeyError`] when the label does not fit the parameters or the generator fails.
    fn owner_keygen<R: TryCryptoRng + ?Sized>(
        params: &Self::Params,
        root: &OwnerRoot,
        signer: &SigningKey,
        label: &Self::KeyLabel,
        rng: &mut R,
    ) -> Result<(Self::OwnerSecret, Self::OwnerPublic), KeyError>;

    /// Checks an owner's public key: certificate, key, proof of possession.
    ///
    /// # Errors
    /// [`KeyError`] naming the check that failed.
    fn verify_owner(
        params: &Self::Params,
        public: &Self::OwnerPublic,
        owner: &PartyId,
    ) -> Result<Self::VerifiedOwner, KeyError>;

    /// Makes a key pair for the delegatee `user`, whose secret hedges the randomness.
    ///
    /// # Errors
    /// [`RngError`] when the generator fails.
    fn user_keygen<R: TryCryptoRng + ?Sized>(
        params: &Self::Params,
        user: &SigningKey,
        rng: &mut R,
    ) -> Result<(Self::UserSecret, Self::UserPublic), RngError>;

    /// Checks a delegatee's public key: that `user` signed it, and the proof of possession.
    ///
    /// # Errors
    /// [`KeyError`] naming the check that failed.
    fn verify_user(
        params: &Self::Params,
        public: &Self::UserPublic,
        user: &PartyId,
    ) -> Result<Self::VerifiedUser, KeyError>;

    /// Completes a subject to the context that a capsule under this key and label has.
    fn context<'a>(
        params: &Self::Params,
        owner: &Self::VerifiedOwner,
        label: &Self::Label,
        subject: &Subject<'a>,
    ) -> Context<'a>;

    /// Makes a fresh key and its capsule. `author` is who `ctx` names; its secret hedges the randomness.
    ///
    /// # Errors
    /// [`EncapsulateError`] when the context is not one of this key's or the generator fails.
    fn encapsulate<R: TryCryptoRng + ?Sized>(
        params: &Self::Params,
        owner: &Self::VerifiedOwner,
        ctx: &Context<'_>,
        author: &SigningKey,
        rng: &mut R,
    ) -> Result<(Self::Capsule, SharedKey), EncapsulateError>;

    /// The public checks of a capsule, which whoever uses a secret on it makes first.
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

    /// Lets `user` read what `scope` covers, on the terms of `policy`.
    ///
    /// # Errors
    /// [`DelegateError`] when signer and secret do not belong together or the generator fails.
    fn delegate<R: TryCryptoRng + ?Sized>(
        params: &Self::Params,
        owner: &Self::OwnerSecret,
        signer: &SigningKey,
        user: &Self::VerifiedUser,
        scope: &Self::Scope,
        policy: &Self::Policy,
        rng: &mut R,
    ) -> Result<(Self::Grant, Self::ReKeys), DelegateError>;

    /// Checks a grant: the owner's signature, that it is under this key, and its time.
    ///
    /// # Errors
    /// [`GrantError`] naming the check that failed.
    fn verify_grant(
        params: &Self::Params,
        owner: &Self::VerifiedOwner,
        grant: &Self::Grant,
        now: Timestamp,
    ) -> Result<Self::VerifiedGrant, GrantError>;

    /// Checks that `rekey` is the one that `grant` fixes.
    ///
    /// # Errors
    /// [`GrantError`] naming the check that failed.
    fn verify_rekey(
        params: &Self::Params,
        owner: &Self::VerifiedOwner,
        grant: &Self::VerifiedGrant,
        rekey: &Self::ReKey,
    ) -> Result<Self::VerifiedReKey, GrantError>;

    /// Re-encrypts for the grant's delegatee. `server` is the re-encrypting party; its secret hedges the randomness.
    ///
    /// # Errors
    /// [`ReencryptError`] when the grant does not cover the capsule or the time, or the generator fails.
    fn reencrypt<R: TryCryptoRng + ?Sized>(
        params: &Self::Params,
        rekey: &Self::VerifiedReKey,
        capsule: &Self::VerifiedCapsule,
        server: &SigningKey,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Self::ReCapsule, ReencryptError>;

    /// Takes a grant with the delegatee's secret, once for all that will be opened with it.
    ///
    /// # Errors
    /// [`OpenError`] when it is another party's grant.
    fn accept_grant(
        params: &Self::Params,
        user: &Self::UserSecret,
        grant: &Self::VerifiedGrant,
    ) -> Result<Self::UserGrant, OpenError>;

    /// Opens what the server re-encrypted.
    ///
    /// # Errors
    /// [`OpenError`], whatever the cause.
    fn open_reencrypted(
        params: &Self::Params,
        grant: &Self::UserGrant,
        capsule: &Self::Capsule,
        parts: &[Self::ReCapsule],
        ctx: &Context<'_>,
    ) -> Result<SharedKey, OpenError>;
}

/// The inverse of a scalar that [`nonzero`](crate::pok::nonzero) or a decoder let through.
pub(crate) fn inverse(scalar: &Scalar) -> Result<Scalar, RngError> {
    Option::from(scalar.invert()).ok_or(RngError)
}

/// Whether the validity holds at `now`.
pub(crate) fn check_time(validity: &Validity, now: Timestamp) -> Result<(), TimeError> {
    if now < validity.not_before() {
        Err(TimeError::Early)
    } else if now > validity.not_after() {
        Err(TimeError::Late)
    } else {
        Ok(())
    }
}

/// The name of a grant: 16 bytes that never repeat.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrantId([u8; 16]);

impl GrantId {
    /// From the bytes of a known id.
    pub const fn from_array(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

crate::encoding::serde_name!(GrantId);

impl fmt::Debug for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0).fmt(f)
    }
}

/// What every checked grant says, whatever its scheme.
pub trait GrantTerms {
    /// The grant's name.
    fn id(&self) -> GrantId;
    /// Who may read.
    fn user(&self) -> PartyId;
    /// The owner's key that it is under.
    fn origin(&self) -> Digest;
    /// When.
    fn validity(&self) -> Validity;
    /// The name of the whole signed grant.
    fn digest(&self) -> Digest;
    /// The owner's statement that it stands on: the grant itself, or what others may grant under. It has to be
    /// live.
    fn authority(&self) -> (GrantId, Digest);
    /// In whose right it was made.
    #[cfg(feature = "alloc")]
    fn basis(&self) -> Basis {
        Basis::Owner
    }
}

/// In whose right a grant was made.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Basis {
    /// By the owner.
    Owner,
    /// By a delegatee, who passes on what it has.
    Referral {
        /// The owner's grant to the delegatee.
        parent: GrantId,
        /// The delegatee.
        by: PartyId,
    },
    /// By trustees, under the owner's rules for emergencies.
    Emergency {
        /// The digest of the signed request.
        request: Digest,
        /// The trustees.
        approvers: alloc::vec::Vec<PartyId>,
    },
}
