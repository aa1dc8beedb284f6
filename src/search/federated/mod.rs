//! The federated mode: every provider under a key of its own, and a token that says something about each of them.
mod key;
mod left;
mod prf;
mod right;
mod scan;

use alloc::vec::Vec;

use rand_core::TryCryptoRng;

use super::{
    Encoder, EncryptError, Mode, Path, PathError, Queries, Query, Rosters, ScopeError, Search, SearchRoot, Space,
    SpaceError, Step, TrapdoorError, Value,
};
use crate::encoding::SuiteId;

pub use key::{QueryKey, WriteKey};
pub use left::Trapdoor;
pub use right::{DecryptError, ReencryptError, Right};
pub use scan::Scan;

/// The bound is less than the entry.
const LESS: u8 = 1;
/// The bound is greater than the entry.
const GREATER: u8 = 2;

/// Order-revealing encryption with left and right ciphertexts. The [module](self) has the construction, what it rests on,
/// what it leaks and what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Federated;

impl Search for Federated {
    const MODE: Mode = Mode::Federated;
    const SUITE: SuiteId = SuiteId::Federated;

    type WriteKey = WriteKey;
    type QueryKey = QueryKey;
    type Upload = Right;
    type Stored = Right;
    type Question = Trapdoor;
    type Trapdoor = Trapdoor;
    type Store = Scan;
    type Gate = Rosters;

    /// There can: that codes have no order is said of every mode.
    fn check(_: &Encoder, _: Queries) -> Result<(), SpaceError> {
        Ok(())
    }

    fn write_key(root: &SearchRoot, space: &Space<Self>, path: &Path) -> WriteKey {
        WriteKey::new(root, space, path)
    }

    fn child_key(key: &WriteKey, child: Step) -> Result<WriteKey, PathError> {
        key.child(child)
    }

    fn writer(key: &WriteKey) -> (&Space<Self>, &Path) {
        (key.space(), key.path())
    }

    fn encrypt<R: TryCryptoRng + ?Sized>(
        key: &WriteKey,
        value: &Value,
        rng: &mut R,
        out: &mut Vec<u8>,
    ) -> Result<(), EncryptError> {
        right::encrypt(key, value, rng, out)
    }

    /// The same for every user: it is what the providers encrypt with.
    fn query_key(root: &SearchRoot, space: &Space<Self>, _: Step, scope: &[Path]) -> Result<QueryKey, ScopeError> {
        QueryKey::new(root, space, scope)
    }

    fn narrow(key: &QueryKey, keep: impl Fn(&Path) -> bool) -> Result<QueryKey, ScopeError> {
        key.narrow(keep)
    }

    fn asker(key: &QueryKey) -> (&Space<Self>, Vec<Path>) {
        (key.space(), key.scope().cloned().collect())
    }

    fn question(key: &QueryKey, query: &Query) -> Result<Trapdoor, TrapdoorError> {
        left::question(key, query)
    }
}

#[cfg(feature = "hazmat")]
pub(super) use right::encrypt_with;

/// The slots of all values of a block after a prefix.
#[cfg(feature = "hazmat")]
pub(super) fn permutation(key: &WriteKey, index: u8, prefix: u64) -> [u8; 16] {
    key.blocks().permutation(index, prefix).slots()
}

#[cfg(test)]
mod tests;
