//! Why an operation on epochs failed: one enum per situation.

use core::fmt;

use crate::error::RngError;

/// Why there is no such tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TreeError {
    /// A tree is at least 1 and at most 32 high.
    Height,
    /// There is no generation after this one.
    Generation,
}

impl fmt::Display for TreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Height => "a tree of epochs is between 1 and 32 high",
            Self::Generation => "there is no generation after this one",
        })
    }
}

impl core::error::Error for TreeError {}

/// Why a range of epochs cannot be had or erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EpochError {
    /// The range ends before it starts, or was iterated to its end.
    Empty,
    /// An epoch is beyond the last one of the tree.
    OutOfTree,
    /// The keys do not open all of these epochs.
    NotHeld,
}

impl fmt::Display for EpochError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the range of epochs is empty",
            Self::OutOfTree => "an epoch is beyond the tree's last",
            Self::NotHeld => "the keys do not open all of these epochs",
        })
    }
}

impl core::error::Error for EpochError {}

/// Why keys were not put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MergeError {
    /// They are of another tree: another owner, partition, generation or height.
    Tree,
    /// They disagree about a key that both have: at least one of them is not the owner's.
    Inconsistent,
}

impl fmt::Display for MergeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tree => "the keys are of another tree",
            Self::Inconsistent => "the keys disagree about an epoch that both have",
        })
    }
}

impl core::error::Error for MergeError {}

/// Why a directory of epochs, or a partition in it, is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EpochDirectoryError {
    /// The directory is not signed by the owner.
    Signature,
    /// The directory is not valid at this time.
    Time,
    /// A newer directory was seen before.
    Rollback,
    /// A tree in it is another owner's.
    Owner,
    /// The partition is not in it, or is in it twice, or there are too many.
    Partition,
}

impl fmt::Display for EpochDirectoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature => "the directory of epochs is not signed by the owner",
            Self::Time => "the directory of epochs is not valid at this time",
            Self::Rollback => "a newer directory of epochs was seen before",
            Self::Owner => "a tree in the directory of epochs is another owner's",
            Self::Partition => "a directory of epochs has each of its partitions once, and not more than 1024",
        })
    }
}

impl core::error::Error for EpochDirectoryError {}

/// Why no token was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// The signing key is not that of the owner of the secrets.
    Signer,
    /// The two secrets are of different owners, partitions, epochs or heights.
    Location,
    /// The new secret is not of a later generation than the old one.
    Generation,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signer => "the signing key is another party's",
            Self::Location => "the secrets are not of one epoch",
            Self::Generation => "a token leads to a later generation",
        })
    }
}

impl core::error::Error for TokenError {}

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenCheckError {
    /// The token is not signed by the owner.
    Signature,
    /// The tree is another owner's.
    Owner,
    /// The factor does not lead from the old point to the new one.
    Factor,
}

impl fmt::Display for TokenCheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature => "the token is not signed by the owner",
            Self::Owner => "the token is for another owner's tree",
            Self::Factor => "the token's factor does not lead from the old point to the new one",
        })
    }
}

impl core::error::Error for TokenCheckError {}

/// Why a wrapped key was not moved to another generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpdateError {
    /// The token is for another owner, partition, epoch or height.
    Location,
    /// The wrapped key is not under the generation that the token leads from; it may have been moved already.
    Generation,
    /// The random number generator failed.
    Rng,
}

impl From<RngError> for UpdateError {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

impl fmt::Display for UpdateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Location => "the token is for another epoch",
            Self::Generation => "the wrapped key is not under the generation that the token leads from",
            Self::Rng => "the random number generator failed",
        })
    }
}

impl core::error::Error for UpdateError {}

/// Why there is no such group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupError {
    /// The tree of a group is at least 1 and at most 24 high.
    Height,
}

impl fmt::Display for GroupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Height => "the tree of a group is between 1 and 24 high",
        })
    }
}

impl core::error::Error for GroupError {}

/// Why there are no keys of a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SeatError {
    /// The seat is beyond the last one of the group.
    OutOfGroup,
}

impl fmt::Display for SeatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutOfGroup => "the seat is beyond the group's last",
        })
    }
}

impl core::error::Error for SeatError {}

/// Why nothing was broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BroadcastError {
    /// Whoever would sign is not the group's owner.
    Signer,
    /// More seats are said to have been handed out than the group has.
    OutOfGroup,
    /// A revoked seat is not among those that were handed out.
    NotSeated,
    /// Nobody is left to open it.
    Nobody,
    /// The random number generator failed.
    Rng,
}

impl From<RngError> for BroadcastError {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

impl fmt::Display for BroadcastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signer => "the signer is not the group's owner",
            Self::OutOfGroup => "the group has fewer seats",
            Self::NotSeated => "a revoked seat was not handed out",
            Self::Nobody => "nobody is left to open the broadcast",
            Self::Rng => "the random number generator failed",
        })
    }
}

impl core::error::Error for BroadcastError {}
