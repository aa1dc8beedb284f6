//! Why an operation on epochs failed: one enum per situation.

use core::fmt;

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
