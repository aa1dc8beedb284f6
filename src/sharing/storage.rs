//! Where servers keep their state: a small trait, and an implementation in memory.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::convert::Infallible;
use core::fmt;

use zeroize::Zeroizing;

/// A store of values under keys.
///
/// A `put` or `delete` that returns `Ok` is durable, and one that fails changed nothing; the callers order their
/// writes so that a crash between any two of them loses nothing. Values may be secret (re-encryption keys): an
/// implementation keeps them as carefully as the server's own key, and wipes what it can.
pub trait Storage {
    /// What can go wrong.
    type Error: core::error::Error + 'static;

    /// The value under `key`.
    ///
    /// # Errors
    /// Those of the store.
    fn get(&self, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Self::Error>;

    /// Sets the value under `key`.
    ///
    /// # Errors
    /// Those of the store.
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Self::Error>;

    /// Removes the value under `key`, if there is one.
    ///
    /// # Errors
    /// Those of the store.
    fn delete(&mut self, key: &[u8]) -> Result<(), Self::Error>;

    /// All keys that start with `prefix`, in order.
    ///
    /// # Errors
    /// Those of the store.
    fn keys(&self, prefix: &[u8]) -> Result<Vec<Vec<u8>>, Self::Error>;
}

/// A store in memory.
#[derive(Clone, Default)]
pub struct MemoryStorage(BTreeMap<Vec<u8>, Zeroizing<Vec<u8>>>);

impl MemoryStorage {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

impl fmt::Debug for MemoryStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStorage").field("len", &self.0.len()).finish_non_exhaustive()
    }
}

impl Storage for MemoryStorage {
    type Error = Infallible;

    fn get(&self, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Infallible> {
        Ok(self.0.get(key).cloned())
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Infallible> {
        self.0.insert(key.to_vec(), Zeroizing::new(value.to_vec()));
        Ok(())
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), Infallible> {
        self.0.remove(key);
        Ok(())
    }

    fn keys(&self, prefix: &[u8]) -> Result<Vec<Vec<u8>>, Infallible> {
        let from_prefix = self.0.range(prefix.to_vec()..);
        Ok(from_prefix.map(|(key, _)| key.clone()).take_while(|key| key.starts_with(prefix)).collect())
    }
}
