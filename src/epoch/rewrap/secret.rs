//! The secret of one epoch as a scalar, and its point.

use core::fmt;

use zeroize::ZeroizeOnDrop;

use super::Location;
use crate::epoch::tree::{EpochKeys, EpochTree};
use crate::epoch::{EpochError, KeyTree};
use crate::ristretto::{Element, Point, Scalar};

/// x of one epoch and generation, with its inverse and Y = xB. Whoever holds the [`EpochKeys`] of an epoch has it: the
/// owner, and every member who may read the epoch.
///
/// It is wiped on drop and has no encoding: the keys have.
pub struct EpochSecret {
    tree: EpochTree,
    epoch: u32,
    x: Scalar,
    inverse: Scalar,
    y: Point,
}

impl EpochSecret {
    /// Cost: one multiplication of the generator, one inversion, and at most as many hashes as the tree is high.
    pub(super) fn new(keys: &EpochKeys, epoch: u32) -> Result<Self, EpochError> {
        // Zero comes up with probability 2⁻²⁵²: such an epoch has no secret.
        let x = Scalar::from_wide(&keys.leaf(epoch)?.scalar_bytes()).nonzero().map_err(|_| EpochError::NotHeld)?;
        let (inverse, y) = (x.invert(), Element::base(&x).encode());
        Ok(Self { tree: *keys.tree(), epoch, x, inverse, y })
    }

    /// The tree, with the generation.
    pub fn tree(&self) -> &EpochTree {
        &self.tree
    }

    /// The epoch.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Of what it is, apart from the generation.
    pub fn location(&self) -> Location {
        Location::new(&self.tree, self.epoch)
    }

    pub(super) fn x(&self) -> &Scalar {
        &self.x
    }

    pub(super) fn inverse(&self) -> &Scalar {
        &self.inverse
    }

    pub(super) fn y(&self) -> &Point {
        &self.y
    }
}

impl ZeroizeOnDrop for EpochSecret {}

impl fmt::Debug for EpochSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EpochSecret").field("tree", &self.tree).field("epoch", &self.epoch).finish_non_exhaustive()
    }
}
