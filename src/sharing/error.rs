//! Why a step of sharing failed: one enum per situation.

use core::fmt;

use crate::error::{DecodeError, OpenError, RngError};
use crate::kac::RotateError;
use crate::kac::trustees::{ChainError, ShareError};
use crate::kapre::EmergencyError;
use crate::kem::CapsuleError;
use crate::pre::{DelegateError, GrantError, KeyError, LiveError};
use crate::role::RoleError;
use crate::search::RegistrarError;
use crate::sharing::log::LogError;

/// Why a key bundle is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BundleError {
    /// The bundle is not signed by its user.
    Signature,
    /// The key does not pass its checks.
    Key(KeyError),
    /// The bundle has expired.
    Expired,
    /// The bundle is older than the pinned one, or another one with the same serial.
    Rollback,
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature => f.write_str("the key bundle is not signed by its user"),
            Self::Key(error) => error.fmt(f),
            Self::Expired => f.write_str("the key bundle has expired"),
            Self::Rollback => f.write_str("the key bundle does not replace the pinned one"),
        }
    }
}

impl core::error::Error for BundleError {}

/// Why the owner's directory is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DirectoryError {
    /// The directory is not signed by the owner.
    Signature,
    /// The directory is not valid at this time.
    Time,
    /// A newer directory was seen before.
    Rollback,
    /// A key in it does not pass its checks.
    Key(KeyError),
    /// A period is under none of the keys, or a key is of none of the periods.
    Period,
}

impl fmt::Display for DirectoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature => f.write_str("the directory is not signed by the owner"),
            Self::Time => f.write_str("the directory is not valid at this time"),
            Self::Rollback => f.write_str("a newer directory was seen before"),
            Self::Key(error) => error.fmt(f),
            Self::Period => f.write_str("the directory's keys are not those of its periods"),
        }
    }
}

impl core::error::Error for DirectoryError {}

/// Why keys that an owner granted are not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyGrantError {
    /// They are not signed by the owner.
    Signature,
    /// They are for another user.
    OtherUser,
    /// Newer ones are here.
    Rollback,
    /// They do not open with this user's key.
    Open,
}

impl fmt::Display for KeyGrantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature => "the keys are not signed by the owner",
            Self::OtherUser => "the keys are for another user",
            Self::Rollback => "newer keys are here",
            Self::Open => "the keys do not open",
        })
    }
}

impl core::error::Error for KeyGrantError {}

/// Why the owner's step did not happen. The owner's state is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OwnerError {
    /// The role certificate gives no role.
    Role(RoleError),
    /// The key bundle is not accepted.
    Bundle(BundleError),
    /// The party is a member already.
    AlreadyMember,
    /// The party is no member.
    NotMember,
    /// The certificate is for another role than the member has: let it depart and join.
    OtherRole,
    /// There is no such partition, or no such epoch of it.
    NoSuchPeriod,
    /// The epoch has not ended.
    Running,
    /// The partition exists already.
    PartitionExists,
    /// The date from which to read lies in the future.
    Time,
    /// The exported state is not signed by this owner.
    Signature,
    /// The exported state is older than what the cloud has.
    Rollback,
    /// A counter has reached its end, or the parameters have no room for another partition or epoch.
    Exhausted,
    /// What was exported does not open or decode.
    Backup,
    /// There is no head of live grants to be made.
    Live(LiveError),
    /// The owner's own keys do not fit together.
    Key(KeyError),
    /// The policy names no [servers](crate::sharing::AccessPolicy::set_servers), and the scheme needs them.
    NoServers,
    /// The scheme's keys do not rotate: new records alone can be kept from somebody.
    NoRotation,
    /// That was to be brought up to date before the owner [settled](crate::sharing::Owner::settle).
    Settled,
    /// Delegation failed.
    Delegate(DelegateError),
    /// It is somebody else's.
    NotOwner,
    /// The space is open already.
    SpaceExists,
    /// There is no such space.
    NoSuchSpace,
    /// Who writes and asks index values does not change so.
    Search(RegistrarError),
    /// The random number generator failed.
    Rng,
}

impl From<RegistrarError> for OwnerError {
    fn from(error: RegistrarError) -> Self {
        Self::Search(error)
    }
}

impl From<RoleError> for OwnerError {
    fn from(error: RoleError) -> Self {
        Self::Role(error)
    }
}

impl From<BundleError> for OwnerError {
    fn from(error: BundleError) -> Self {
        Self::Bundle(error)
    }
}

impl From<KeyError> for OwnerError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Rng => Self::Rng,
            other => Self::Key(other),
        }
    }
}

impl From<LiveError> for OwnerError {
    fn from(error: LiveError) -> Self {
        match error {
            LiveError::Exhausted => Self::Exhausted,
            other => Self::Live(other),
        }
    }
}

impl From<DelegateError> for OwnerError {
    fn from(error: DelegateError) -> Self {
        match error {
            DelegateError::Rng => Self::Rng,
            other => Self::Delegate(other),
        }
    }
}

impl From<RngError> for OwnerError {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

impl fmt::Display for OwnerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(error) => error.fmt(f),
            Self::Bundle(error) => error.fmt(f),
            Self::AlreadyMember => f.write_str("the party is a member already"),
            Self::NotMember => f.write_str("the party is no member"),
            Self::OtherRole => f.write_str("the certificate is for another role than the member has"),
            Self::NoSuchPeriod => f.write_str("there is no such partition or epoch"),
            Self::Running => f.write_str("the epoch has not ended"),
            Self::PartitionExists => f.write_str("the partition exists already"),
            Self::Time => f.write_str("the date lies in the future"),
            Self::Signature => f.write_str("the state is not signed by its owner"),
            Self::Rollback => f.write_str("the state is older than the cloud's directory"),
            Self::Exhausted => f.write_str("a counter or the room for epochs has reached its end"),
            Self::Backup => f.write_str("the backup does not open"),
            Self::Live(error) => error.fmt(f),
            Self::Key(error) => error.fmt(f),
            Self::NoServers => f.write_str("the policy names no servers to divide grants among"),
            Self::NoRotation => f.write_str("the scheme's keys do not rotate"),
            Self::Settled => f.write_str("that was to be brought up to date before the owner settled"),
            Self::Delegate(error) => error.fmt(f),
            Self::NotOwner => f.write_str("the space is somebody else's"),
            Self::SpaceExists => f.write_str("the space is open already"),
            Self::NoSuchSpace => f.write_str("there is no such space"),
            Self::Search(error) => error.fmt(f),
            Self::Rng => f.write_str("the random number generator failed"),
        }
    }
}

impl core::error::Error for OwnerError {}

/// Why no request was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestFailure {
    /// The record's capsule is not one of this scheme.
    Capsule(DecodeError),
    /// The random number generator failed.
    Rng,
}

impl fmt::Display for RequestFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capsule(error) => error.fmt(f),
            Self::Rng => f.write_str("the random number generator failed"),
        }
    }
}

impl core::error::Error for RequestFailure {}

/// What a requester learns about a refusal: nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denied;

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("denied")
    }
}

impl core::error::Error for Denied {}

/// Why a server did not accept what an owner sent, or could not work. Its state is as it was; after
/// [`Storage`](Self::Storage) it is that or the state asked for, and asking again settles it.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerError<E> {
    /// The server does not serve this owner.
    UnknownOwner,
    /// The statement is not signed by the owner it speaks for.
    Signature,
    /// The statement was made out to another server, is not valid at this time, or was answered before.
    Stale,
    /// The owner's key does not pass its checks.
    Key(KeyError),
    /// The grant or its re-encryption key does not pass its checks.
    Grant(GrantError),
    /// The head of live grants is not accepted, or does not list the grant.
    Live(LiveError),
    /// The re-encryption key is another server's.
    OtherServer,
    /// Another grant has this name.
    Duplicate,
    /// The owner's secret is not shared in this way.
    Sharing(ChainError),
    /// The trustees' parts do not make a grant.
    Emergency(EmergencyError),
    /// The log does not fit, or does not reach so far.
    Log(LogError<E>),
    /// The owner has as many grants as the server takes of one.
    Full,
    /// What the storage returned is not what was stored.
    Corrupt(DecodeError),
    /// The storage failed.
    Storage(E),
}

impl<E> From<LogError<E>> for ServerError<E> {
    fn from(error: LogError<E>) -> Self {
        match error {
            LogError::Storage(error) => Self::Storage(error),
            other => Self::Log(other),
        }
    }
}

impl<E: fmt::Display> fmt::Display for ServerError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownOwner => f.write_str("the server does not serve this owner"),
            Self::Signature => f.write_str("the statement is not signed by its owner"),
            Self::Stale => f.write_str("the statement is not for this server and time"),
            Self::OtherServer => f.write_str("the re-encryption key is another server's"),
            Self::Key(error) => error.fmt(f),
            Self::Grant(error) => error.fmt(f),
            Self::Live(error) => error.fmt(f),
            Self::Duplicate => f.write_str("another grant has this name"),
            Self::Sharing(error) => error.fmt(f),
            Self::Emergency(error) => error.fmt(f),
            Self::Log(error) => error.fmt(f),
            Self::Full => f.write_str("the owner has as many grants as the server takes"),
            Self::Corrupt(error) => error.fmt(f),
            Self::Storage(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for ServerError<E> {}

/// Why a trustee did not take an owner into care, or did not approve. Its state is as it was.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrusteeError<E> {
    /// The owner is not in this trustee's care.
    Unknown,
    /// The statement is not signed by the owner.
    Signature,
    /// The query was made out to another keeper, is not valid at this time, or was answered before.
    Stale,
    /// The owner's key does not pass its checks.
    Key(KeyError),
    /// The owner's secret is not shared in this way.
    Sharing(ChainError),
    /// The share is not this trustee's.
    Share(ShareError),
    /// Rules or request do not hold.
    Emergency(EmergencyError),
    /// The log does not fit, or does not reach so far.
    Log(LogError<E>),
    /// The random number generator failed.
    Rng,
    /// What the storage returned is not what was stored.
    Corrupt(DecodeError),
    /// The storage failed.
    Storage(E),
}

impl<E> From<LogError<E>> for TrusteeError<E> {
    fn from(error: LogError<E>) -> Self {
        match error {
            LogError::Storage(error) => Self::Storage(error),
            other => Self::Log(other),
        }
    }
}

impl<E: fmt::Display> fmt::Display for TrusteeError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("the owner is not in this trustee's care"),
            Self::Signature => f.write_str("the statement is not signed by the owner"),
            Self::Stale => f.write_str("the query is not for this keeper and time"),
            Self::Key(error) => error.fmt(f),
            Self::Sharing(error) => error.fmt(f),
            Self::Share(error) => error.fmt(f),
            Self::Emergency(error) => error.fmt(f),
            Self::Log(error) => error.fmt(f),
            Self::Rng => f.write_str("the random number generator failed"),
            Self::Corrupt(error) => error.fmt(f),
            Self::Storage(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for TrusteeError<E> {}

/// Why a re-encryption did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The request was refused; the owner can ask why.
    Denied(Denied),
    /// The random number generator failed: try again.
    Rng,
    /// The server could not write its receipt, and without a receipt it does nothing: try again.
    Unavailable,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(denied) => denied.fmt(f),
            Self::Rng => f.write_str("the random number generator failed"),
            Self::Unavailable => f.write_str("the server could not write its receipt"),
        }
    }
}

impl core::error::Error for RequestError {}

/// Why the cloud did not store or serve something.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloudError<E> {
    /// The cloud has no directory of this owner.
    UnknownOwner,
    /// The directory is not accepted.
    Directory(DirectoryError),
    /// The owner's directory does not let this author write.
    Author,
    /// The record was sealed under a key that is not the partition's current one: fetch the directory and seal again.
    OldKey,
    /// The record is not well-formed, or its author's signature does not verify.
    Open(OpenError),
    /// The capsule did not pass its public checks.
    Capsule(CapsuleError),
    /// There is a record under this name already. Records are never overwritten.
    Exists,
    /// The owner did not sign this, or something newer is here.
    Orders,
    /// A token is not the one between two generations of the owner's key.
    Rotate(RotateError),
    /// There is no such record.
    NotFound,
    /// What the storage returned is not what was stored.
    Corrupt(DecodeError),
    /// The storage failed.
    Storage(E),
}

impl<E: fmt::Display> fmt::Display for CloudError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownOwner => f.write_str("the cloud has no directory of this owner"),
            Self::Directory(error) => error.fmt(f),
            Self::Author => f.write_str("the owner does not let this author write"),
            Self::OldKey => f.write_str("the record is not sealed under the partition's current key"),
            Self::Open(_) => f.write_str("the record is not well-formed or not signed by its author"),
            Self::Capsule(error) => error.fmt(f),
            Self::Exists => f.write_str("there is a record under this name already"),
            Self::Orders => f.write_str("the owner did not sign this, or something newer is here"),
            Self::Rotate(error) => error.fmt(f),
            Self::NotFound => f.write_str("there is no such record"),
            Self::Corrupt(error) => error.fmt(f),
            Self::Storage(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for CloudError<E> {}
