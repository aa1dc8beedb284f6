//! Key bundles: how a user's encryption key is published and pinned.

use core::fmt;

use crate::context::Timestamp;
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding};
use crate::error::DecodeError;
use crate::hash::Digest;
use crate::identity::{PartyId, Signed};
use crate::pre::Pre;
use crate::sharing::BundleError;

/// A user's encryption key, signed by the user as [`Signed<KeyBundle>`]. Users make their keys themselves, and no
/// server ever holds a user's secret key.
///
/// Encoded length: 4 + key + 16 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyBundle<S: Pre> {
    pub(crate) key: S::UserPublic,
    pub(crate) serial: u64,
    pub(crate) not_after: Timestamp,
}

impl<S: Pre> fmt::Debug for KeyBundle<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyBundle")
            .field("key", &self.key)
            .field("serial", &self.serial)
            .field("not_after", &self.not_after)
            .finish()
    }
}

impl<S: Pre> Message for KeyBundle<S> {
    const SUITE: SuiteId = S::SUITE;
    const KIND: Kind = kind::KEY_BUNDLE;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.key.write(sink);
        sink.put(&self.serial.to_be_bytes());
        sink.put(&self.not_after.0.to_be_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { key: S::UserPublic::read(reader)?, serial: reader.u64()?, not_after: Timestamp(reader.u64()?) })
    }
}

public_encoding!(KeyBundle<S> where [S: Pre]);

/// A key bundle whose signature, proof of possession and time were checked.
pub struct VerifiedBundle<S: Pre> {
    user: PartyId,
    key: S::VerifiedUser,
    serial: u64,
    not_after: Timestamp,
    fingerprint: Digest,
}

impl<S: Pre> VerifiedBundle<S> {
    /// Checks that `user` made the bundle, holds its secret, and that it has not expired.
    ///
    /// `user` comes from elsewhere: a certificate, a fingerprint read out on the telephone. A bundle alone proves that
    /// somebody made it.
    ///
    /// # Errors
    /// [`BundleError`] naming the check that failed.
    pub fn new(
        params: &S::Params,
        bundle: &Signed<KeyBundle<S>>,
        user: &PartyId,
        now: Timestamp,
    ) -> Result<Self, BundleError> {
        let fingerprint = bundle.digest();
        let bundle = bundle.verify(user).map_err(|_| BundleError::Signature)?;
        if now > bundle.not_after {
            return Err(BundleError::Expired);
        }
        let key = S::verify_user(params, &bundle.key, user).map_err(BundleError::Key)?;
        Ok(Self { user: *user, key, serial: bundle.serial, not_after: bundle.not_after, fingerprint })
    }

    /// Whether this bundle may take the place of `pinned`: the same user, and a higher serial or the same bundle.
    ///
    /// # Errors
    /// [`BundleError::Rollback`] when it may not.
    pub fn replaces(&self, pinned: &Self) -> Result<(), BundleError> {
        let newer = self.serial > pinned.serial || self.fingerprint == pinned.fingerprint;
        if self.user == pinned.user && newer { Ok(()) } else { Err(BundleError::Rollback) }
    }

    /// Whose bundle it is.
    pub fn user(&self) -> PartyId {
        self.user
    }

    /// The key.
    pub fn key(&self) -> &S::VerifiedUser {
        &self.key
    }

    /// The user's counter of bundles.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// The last second of the bundle's life.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// What two people compare to be sure that they hold the same bundle.
    pub fn fingerprint(&self) -> Digest {
        self.fingerprint
    }
}

impl<S: Pre> Clone for VerifiedBundle<S> {
    fn clone(&self) -> Self {
        Self { key: self.key.clone(), ..*self }
    }
}

impl<S: Pre> fmt::Debug for VerifiedBundle<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedBundle")
            .field("user", &self.user)
            .field("serial", &self.serial)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}
