//! The secret from which an owner's keys for search derive.

use core::fmt;

use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::kem::OwnerRoot;

/// 32 bytes from which all keys for search of one owner derive. It follows from the [`OwnerRoot`], which does not follow
/// from it.
pub struct SearchRoot(Zeroizing<[u8; 32]>);

impl SearchRoot {
    /// An owner's.
    #[must_use]
    pub fn new(root: &OwnerRoot) -> Self {
        Self(root.search())
    }

    pub(super) fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl ZeroizeOnDrop for SearchRoot {}

impl fmt::Debug for SearchRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SearchRoot").finish_non_exhaustive()
    }
}
