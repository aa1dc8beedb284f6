//! RISE: wrapped data keys that a cloud moves to the next generation of an epoch, without opening them.

mod directory;
mod secret;
mod token;
mod wrapped;

use alloc::vec::Vec;

use rand_core::TryCryptoRng;

use super::{EpochError, Rewrap, TokenCheckError, TokenError, UpdateError};
use crate::context::{Period, RecordId};
use crate::epoch::tree::{EpochKeys, EpochTree};
use crate::error::{OpenError, RngError};
use crate::identity::{PartyId, SigningKey};
pub use directory::{EpochDirectory, EpochPublic, VerifiedEpochDirectory};
pub use secret::EpochSecret;
pub use token::{Token, TokenTerms, VerifiedToken};
pub use wrapped::{DataKey, Wrapped};

/// Where a wrapped key belongs, which no generation changes: the owner, the partition with the epoch, the height of the
/// tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    /// The owner.
    pub owner: PartyId,
    /// The partition and the epoch.
    pub period: Period,
    /// The height of the tree: another height is another tree.
    pub height: u8,
}

impl Location {
    /// An epoch of a tree.
    pub fn new(tree: &EpochTree, epoch: u32) -> Self {
        Self { owner: tree.owner(), period: Period { partition: tree.partition(), epoch }, height: tree.height() }
    }
}

/// Whose data key is wrapped: that of one version of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecordVersion {
    /// The record.
    pub record: RecordId,
    /// The record's version.
    pub version: u64,
}

/// RISE on ristretto255, as a key encapsulation mechanism with a committing wrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rise;

impl Rewrap for Rise {
    type Keys = EpochKeys;
    type Secret = EpochSecret;
    type Public = EpochPublic;
    type Location = Location;
    type Subject = RecordVersion;
    type DataKey = DataKey;
    type Wrapped = Wrapped;
    type Token = Token;
    type VerifiedToken = VerifiedToken;

    fn secret(keys: &EpochKeys, epoch: u32) -> Result<EpochSecret, EpochError> {
        EpochSecret::new(keys, epoch)
    }

    fn wrap<R: TryCryptoRng + ?Sized>(
        public: &EpochPublic,
        subject: &RecordVersion,
        data_key: &DataKey,
        author: &SigningKey,
        rng: &mut R,
    ) -> Result<Wrapped, RngError> {
        wrapped::wrap(public, subject, data_key, author, rng)
    }

    fn unwrap(secret: &EpochSecret, wrapped: &Wrapped, subject: &RecordVersion) -> Result<DataKey, OpenError> {
        wrapped::unwrap(secret, wrapped, subject)
    }

    fn token(old: &EpochSecret, new: &EpochSecret, owner: &SigningKey) -> Result<Token, TokenError> {
        Token::new(old, new, owner)
    }

    fn verify_token(token: &Token, owner: &PartyId) -> Result<VerifiedToken, TokenCheckError> {
        token.verify(owner)
    }

    fn update<R: TryCryptoRng + ?Sized>(
        token: &VerifiedToken,
        location: &Location,
        wrapped: &Wrapped,
        cloud: &SigningKey,
        rng: &mut R,
    ) -> Result<Wrapped, UpdateError> {
        token.update(location, wrapped, cloud, rng)
    }

    fn update_many<R: TryCryptoRng + ?Sized>(
        token: &VerifiedToken,
        location: &Location,
        wrapped: &[Wrapped],
        cloud: &SigningKey,
        rng: &mut R,
    ) -> Result<Vec<Wrapped>, UpdateError> {
        token.update_many(location, wrapped, cloud, rng)
    }
}
