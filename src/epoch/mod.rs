//! Keys for epochs: who joins late cannot read the past, who leaves cannot read the future.
//!
//! An owner's data of one partition is cut into epochs, numbered from 0, and each epoch has a key of its own. A member
//! is given the keys of the epochs that it may read, in one message whose length grows with the logarithm of their
//! number. Two terms, precisely:
//!
//! * **Backward access control**: who joins at epoch j cannot read the epochs before j, unless they are granted too.
//! * **Forward access control**: who leaves at epoch f cannot read the epochs from f on. (The SeSPHR text uses
//!   “backward” for letting a newcomer read the past. Functions here are named by what they do.)
//!
//! [`KeyTree`] is how keys are handed out, in [`tree`]. [`Rewrap`] is how data keys that were wrapped for an epoch are moved
//! beyond the keys of somebody who left, in [`rewrap`].
//! For groups of many members, [`broadcast`] carries a key to all who are not revoked in one message.
//!
//! # In a program
//!
//! ```
//! use sesphr::context::Partition;
//! use sesphr::encoding::{Message, SecretEncoding};
//! use sesphr::epoch::KeyTree;
//! use sesphr::epoch::tree::{EpochKeys, EpochTree};
//! use sesphr::identity::SigningKey;
//! use sesphr::kem::OwnerRoot;
//! use subtle::ConstantTimeEq;
//!
//! let rng = &mut getrandom::SysRng;
//! let (signer, root) = (SigningKey::try_generate(rng)?, OwnerRoot::try_generate(rng)?);
//!
//! // The first generation of 2^16 epochs for one partition. The owner holds the keys of all of them.
//! let tree = EpochTree::new(signer.id(), Partition::MEDICAL, 0, 16)?;
//! let mut keys = EpochKeys::derive(&root, &tree);
//!
//! // A member joins at epoch 100 and is granted half a year of weeks, in a message for its eyes only.
//! let message = keys.grant(100..=125)?.to_secret_bytes();
//! let mut member = EpochKeys::from_bytes(&message)?;
//! assert!(bool::from(member.leaf(110)?.key().ct_eq(&keys.leaf(110)?.key())));
//! assert!(member.leaf(99).is_err() && member.leaf(126).is_err());
//!
//! // It stays, and is granted the next half. One leaf after another costs about one hash each.
//! member.merge(&keys.grant(126..=151)?)?;
//! assert_eq!(member.leaves(100..=151)?.count(), 52);
//!
//! // The owner's device forgets what is past. Whoever takes the device gets the keys from epoch 120 on.
//! keys.puncture(0..=119)?;
//! assert!(keys.leaf(119).is_err() && keys.leaf(120).is_ok());
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

pub mod broadcast;
mod error;
pub mod rewrap;
pub mod tree;

use alloc::vec::Vec;
use core::fmt;
use core::ops::RangeInclusive;

use rand_core::TryCryptoRng;
use zeroize::ZeroizeOnDrop;

use crate::encoding::{Encoding, SecretEncoding};
use crate::error::{OpenError, RngError};
use crate::identity::{PartyId, Signed, SigningKey, Verified};
use crate::kem::OwnerRoot;

use broadcast::{CommonKey, Recipients};
pub use error::{
    BroadcastError, EpochDirectoryError, EpochError, GroupError, MergeError, SeatError, TokenCheckError, TokenError,
    TreeError, UpdateError,
};

/// The keys of some epochs of one tree, from which those of fewer epochs can be handed out. The owner's are those of
/// all epochs; what a member is granted is of the same type, and so is what is left after erasure.
///
/// What it revokes: **nothing that was granted**. It provides
///
/// * backward access control, since [`grant`](Self::grant) gives the epochs of its range and no other;
/// * forward access control for as far as nobody was granted epochs beyond its departure. Grant few epochs ahead. What
///   was granted too far ahead ends with the generation: data of the next one is under another tree, whose keys do not
///   follow from this one's;
/// * erasure: after [`puncture`](Self::puncture), who takes the device does not get the epochs that were erased.
///
/// What it does not protect:
///
/// * Keys that were read stay read, on every device and in every backup that has them. A puncture recalls nothing that
///   was granted, and erases nothing where a secret is left that the keys derive from: the [`OwnerRoot`], or the
///   message that brought them. Memory is wiped; what an operating system or a disk copied is beyond reach.
/// * Whoever holds keys can hand them on, all or some. They carry no name and cannot be traced.
/// * Holders who put their keys together open the union of their epochs, and nothing else.
/// * Nobody can see of a grant whether its keys are the owner's: it proves nothing and is not signed. Take it from a
///   sealed and signed message.
/// * Which epochs they are of is not hidden from whoever sees the keys.
pub trait KeyTree: SecretEncoding + ZeroizeOnDrop + fmt::Debug {
    /// Which tree.
    type Tree: Copy + Eq + fmt::Debug;
    /// The secret of one epoch.
    type Leaf: ZeroizeOnDrop + fmt::Debug;
    /// The secrets of consecutive epochs.
    type Leaves<'a>: Iterator<Item = Self::Leaf>
    where
        Self: 'a;

    /// The keys of all epochs of the owner's tree. The same root and tree give the same keys; another generation has
    /// other keys, and neither follows from the other.
    fn derive(root: &OwnerRoot, tree: &Self::Tree) -> Self;

    /// Which tree they are of.
    fn tree(&self) -> &Self::Tree;

    /// The epochs that they open, in ascending order: ranges of which no two touch.
    fn epochs(&self) -> impl Iterator<Item = RangeInclusive<u32>> + '_;

    /// The keys of `epochs` and of no other: what a member gets that may read these.
    ///
    /// # Errors
    /// [`EpochError`] if the range is empty, leads beyond the tree, or is not all held. Never less than was asked for.
    fn grant(&self, epochs: RangeInclusive<u32>) -> Result<Self, EpochError>;

    /// Erases `epochs`: afterwards what is left opens those held before except these, and the erased ones cannot be
    /// derived from it. Erasing what is not held, or again, changes nothing. With 0 as start it erases the past.
    ///
    /// # Errors
    /// [`EpochError`] if the range is empty or leads beyond the tree. Nothing is erased then.
    fn puncture(&mut self, epochs: RangeInclusive<u32>) -> Result<(), EpochError>;

    /// Adds the keys of `other`: afterwards they open the union of both. Neither order nor repetition makes a
    /// difference.
    ///
    /// # Errors
    /// [`MergeError`] if `other` is of another tree, or if the two disagree about a key that both have. Nothing is
    /// changed then.
    fn merge(&mut self, other: &Self) -> Result<(), MergeError>;

    /// The secrets of consecutive epochs, at less cost than one by one.
    ///
    /// # Errors
    /// As [`grant`](Self::grant).
    fn leaves(&self, epochs: RangeInclusive<u32>) -> Result<Self::Leaves<'_>, EpochError>;

    /// The secret of one epoch.
    ///
    /// # Errors
    /// [`EpochError::OutOfTree`] or [`EpochError::NotHeld`].
    fn leaf(&self, epoch: u32) -> Result<Self::Leaf, EpochError> {
        self.leaves(epoch..=epoch)?.next().ok_or(EpochError::NotHeld)
    }
}

/// Wrapped data keys that a cloud moves from one generation of an epoch to the next, with a token for that epoch and
/// without opening them.
///
/// When a member leaves, the owner hands out the keys of the next generation to those who stay, and gives the cloud a token
/// for each epoch that the member could read. What it revokes: **old keys, and nothing that was opened with them**.
///
/// * Who holds only the old generation's secret of an epoch cannot open what was moved from it.
/// * Who opened a wrapped key before, and kept the data key or what it was encapsulated in, still has it: neither changes.
///   So does who kept the old wrapped key beside the old secret. New data keys and a new layer on the body are for others to
///   make.
/// * A token together with either generation's secret of its epoch gives the other's. Tokens are per epoch: a member who
///   left and stole the token of an epoch that it could read learns what is in that epoch, and nothing of any other.
/// * A cloud that keeps what it had before, or keeps the token for who left, undoes it for that epoch. That it has not is not
///   proved to anybody.
///
/// What it does not protect:
///
/// * Who wrote a wrapped key, and that it is complete and the newest: nothing here is signed by an author.
/// * Which wrapped key became which: the sealed data key and its tag stay the same bytes.
/// * A record whose data key a member reads while it may.
pub trait Rewrap: Copy + fmt::Debug + 'static {
    /// Where the secrets of epochs come from.
    type Keys: KeyTree;
    /// The secret of one epoch and generation.
    type Secret: ZeroizeOnDrop + fmt::Debug;
    /// What belongs to it in public, from the owner's checked directory.
    type Public: Clone + fmt::Debug;
    /// Where a wrapped key belongs, which no generation changes.
    type Location: Copy + Eq + fmt::Debug;
    /// Whose data key it is.
    type Subject: Copy + Eq + fmt::Debug;
    /// What is wrapped.
    type DataKey: ZeroizeOnDrop + fmt::Debug;
    /// A wrapped data key.
    type Wrapped: Clone + Eq + fmt::Debug + Encoding;
    /// What a cloud needs to move the wrapped keys of one epoch. A secret.
    type Token: SecretEncoding + ZeroizeOnDrop + fmt::Debug;
    /// A token that was checked.
    type VerifiedToken: ZeroizeOnDrop + fmt::Debug;

    /// The secret of one epoch.
    ///
    /// # Errors
    /// [`EpochError`] if the keys do not open the epoch.
    fn secret(keys: &Self::Keys, epoch: u32) -> Result<Self::Secret, EpochError>;

    /// Wraps a data key. The secret of `author`, who writes, hedges the randomness.
    ///
    /// # Errors
    /// [`RngError`] when the generator fails.
    fn wrap<R: TryCryptoRng + ?Sized>(
        public: &Self::Public,
        subject: &Self::Subject,
        data_key: &Self::DataKey,
        author: &SigningKey,
        rng: &mut R,
    ) -> Result<Self::Wrapped, RngError>;

    /// Opens a wrapped data key. It opens under one secret and as one subject's, or not at all: nobody can make one that
    /// opens in two ways.
    ///
    /// # Errors
    /// [`OpenError`], whatever the reason.
    fn unwrap(
        secret: &Self::Secret,
        wrapped: &Self::Wrapped,
        subject: &Self::Subject,
    ) -> Result<Self::DataKey, OpenError>;

    /// The token that leads from one generation's secret of an epoch to a later one's, signed by the owner.
    ///
    /// # Errors
    /// [`TokenError`] unless both are of one epoch of this owner and `new` is of a later generation.
    fn token(old: &Self::Secret, new: &Self::Secret, owner: &SigningKey) -> Result<Self::Token, TokenError>;

    /// Checks a token: that the owner signed what it is, and that it is that.
    ///
    /// # Errors
    /// [`TokenCheckError`] naming the check that failed.
    fn verify_token(token: &Self::Token, owner: &PartyId) -> Result<Self::VerifiedToken, TokenCheckError>;

    /// Moves a wrapped key to the token's new generation, with fresh randomness, which the secret of `cloud` hedges. The
    /// caller replaces the old one by it, and only if that is still the one it read: compare and swap.
    ///
    /// `location` is where the wrapped key belongs after what the cloud keeps beside it. A wrapped key does not say so
    /// itself, and under a token of another epoch it would be lost.
    ///
    /// # Errors
    /// [`UpdateError`] if the token is for elsewhere, if the wrapped key is not of the generation that the token leads
    /// from, as after a first update with the same token, or if the generator fails.
    fn update<R: TryCryptoRng + ?Sized>(
        token: &Self::VerifiedToken,
        location: &Self::Location,
        wrapped: &Self::Wrapped,
        cloud: &SigningKey,
        rng: &mut R,
    ) -> Result<Self::Wrapped, UpdateError>;

    /// Many that belong to one place, all or none; in their order. With the feature `rayon` on every core. It draws
    /// randomness once, from which that of each follows.
    ///
    /// # Errors
    /// As [`update`](Self::update), if one of them cannot be moved.
    fn update_many<R: TryCryptoRng + ?Sized>(
        token: &Self::VerifiedToken,
        location: &Self::Location,
        wrapped: &[Self::Wrapped],
        cloud: &SigningKey,
        rng: &mut R,
    ) -> Result<Vec<Self::Wrapped>, UpdateError>;
}

/// One message from an owner to a group of many, of which those who were revoked do not open it: broadcast encryption
/// (Fiat and Naor, *CRYPTO* 1993), symmetric, for receivers that keep no state. It is optional: a message to each member
/// does the same for groups of up to a few hundred.
///
/// The owner gives each member a seat, once and for all, with the keys of that seat. Nobody's keys change when others
/// come or go.
///
/// What it revokes: a revoked seat opens **no broadcast made after its revocation**, whatever other revoked seats it puts
/// its keys together with. It keeps what it opened before, and what it could have opened: broadcasts are public, and who
/// kept one opens it later. Revoking is not announced and not undone: the owner names all revoked seats for every
/// broadcast, and one that it leaves out opens again.
///
/// What it does not protect:
///
/// * A member can hand on what it opened, or its keys, and nothing here finds out who did. Once known, the seat is revoked
///   like any other.
/// * It hides nothing but the key. Owner, group, number and who is revoked can be seen by everybody.
/// * Whether a broadcast is the latest: compare [numbers](crate::epoch::broadcast::Broadcast::number).
/// * Nothing, once the [`OwnerRoot`] or the owner's keys of the group are known: all broadcasts open, past and future.
pub trait BroadcastEncryption: ZeroizeOnDrop + fmt::Debug {
    /// Which group.
    type Group: Copy + Eq + fmt::Debug;
    /// What a member holds.
    type SeatKeys: SecretEncoding + ZeroizeOnDrop + fmt::Debug;
    /// The message to all.
    type Broadcast: Encoding + Clone + fmt::Debug;

    /// The owner's keys of a group. The same root and group give the same keys.
    fn derive(root: &OwnerRoot, group: &Self::Group) -> Self;

    /// Which group they are of.
    fn group(&self) -> &Self::Group;

    /// The keys of one seat, for one member's eyes only. **Give no seat to two people, not even one after the other**: they
    /// cannot be revoked apart.
    ///
    /// # Errors
    /// [`SeatError`] if the group has no such seat.
    fn seat(&self, seat: u32) -> Result<Self::SeatKeys, SeatError>;

    /// A message that gives `common` to `recipients`. The `number` is the owner's count of broadcasts to the group:
    /// receivers tell by it which came last. A number that repeats costs no secrecy.
    ///
    /// # Errors
    /// [`BroadcastError`] if the signer is not the owner, if there are no such recipients or none at all, or if the
    /// generator fails.
    fn broadcast<R: TryCryptoRng + ?Sized>(
        &self,
        signer: &SigningKey,
        number: u64,
        common: &CommonKey,
        recipients: &Recipients<'_>,
        rng: &mut R,
    ) -> Result<Signed<Self::Broadcast>, BroadcastError>;

    /// What a broadcast gives to a seat.
    ///
    /// # Errors
    /// [`OpenError`] if it is not to this seat, of another group or not signed by its owner, or if the owner made it
    /// otherwise than [`broadcast`](Self::broadcast) does.
    fn open(seat: &Self::SeatKeys, broadcast: &Verified<Self::Broadcast>) -> Result<CommonKey, OpenError>;
}
