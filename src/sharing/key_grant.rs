//! Keys that an owner gives to one person: of layers around stored bodies, and for search.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use zeroize::Zeroizing;

use crate::encoding::{
    Kind, Message, Reader, SecretEncoding, Sink, SuiteId, kind, public_encoding, put_count, put_var,
};
use crate::epoch::tree::EpochKeys;
use crate::error::{DecodeError, OpenError};
use crate::hash::{Digest, hash, label};
use crate::identity::PartyId;

/// What kinds of keys are granted.
pub trait GrantedKey: SecretEncoding {
    /// Which message a grant of them is.
    const GRANT: Kind;
    /// The least bytes that one takes.
    const MIN_LEN: usize;

    /// What the sealed part of a grant is bound to.
    fn info(owner: &PartyId, user: &PartyId, version: u64) -> Digest;
}

/// Keys that an owner gives to one party, sealed to it; travels as [`Signed<KeyGrant<…>>`](crate::identity::Signed). Each
/// takes the place of the ones before.
///
/// Whoever keeps it sees for whom it is, and from its length about how many keys there are.
///
/// Encoded length: 4 + 32 + 8 + 4 bytes + what is sealed.
pub struct KeyGrant<K> {
    user: PartyId,
    version: u64,
    sealed: Vec<u8>,
    keys: PhantomData<fn() -> K>,
}

/// The keys of layers around the bodies of the periods that a member was granted.
pub type LayerGrant = KeyGrant<EpochKeys>;

impl GrantedKey for EpochKeys {
    const GRANT: Kind = kind::LAYER_GRANT;
    const MIN_LEN: usize = 4 + 32 + 5 + 4 + 1 + 4;

    fn info(owner: &PartyId, user: &PartyId, version: u64) -> Digest {
        hash(label::LAYER_GRANT, &[owner.as_bytes(), user.as_bytes(), &version.to_be_bytes()]).digest()
    }
}

impl<K: GrantedKey> KeyGrant<K> {
    /// Longest sealed part in bytes.
    pub const MAX_LEN: usize = 1 << 24;
    /// Most keys.
    const MAX_KEYS: usize = 1 << 16;

    /// Whom it is for.
    pub fn user(&self) -> PartyId {
        self.user
    }

    /// The version of the owner's directory that it came with.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Whether so many keys can be sealed in one grant, with what sealing adds.
    pub(super) fn fits(keys: &[K]) -> bool {
        const OVERHEAD: usize = 4096;
        let length: usize = keys.iter().map(K::encoded_len).sum();
        keys.len() <= Self::MAX_KEYS && length <= Self::MAX_LEN - OVERHEAD
    }

    /// Seals keys to a party, with a function that seals bytes for what they are bound to.
    pub(super) fn seal<E>(
        owner: &PartyId,
        user: PartyId,
        version: u64,
        keys: &[K],
        seal: impl FnOnce(&[u8], &Digest) -> Result<Vec<u8>, E>,
    ) -> Result<Self, E> {
        // Room for all of it: growing would leave copies behind.
        let length: usize = keys.iter().map(K::encoded_len).sum();
        let mut message = Zeroizing::new(Vec::with_capacity(length.saturating_add(4)));
        put_count(&mut *message, keys.len());
        keys.iter().for_each(|keys| keys.write(&mut *message));
        let sealed = seal(&message, &K::info(owner, &user, version))?;
        Ok(Self { user, version, sealed, keys: PhantomData })
    }

    /// The keys, with a function that opens what was sealed.
    pub(super) fn open(
        &self,
        owner: &PartyId,
        open: impl FnOnce(&[u8], &Digest) -> Result<Zeroizing<Vec<u8>>, OpenError>,
    ) -> Result<Vec<K>, OpenError> {
        let message = open(&self.sealed, &K::info(owner, &self.user, self.version))?;
        Self::read_keys(&message).map_err(|_| OpenError)
    }

    fn read_keys(message: &[u8]) -> Result<Vec<K>, DecodeError> {
        let mut reader = Reader::new(message);
        let count = reader.count(Self::MAX_KEYS, K::MIN_LEN)?;
        let keys = (0..count).map(|_| K::read(&mut reader)).collect::<Result<_, _>>()?;
        reader.finish().map(|()| keys)
    }
}

// Derived, these would ask the same of the keys.
impl<K> Clone for KeyGrant<K> {
    fn clone(&self) -> Self {
        Self { sealed: self.sealed.clone(), ..*self }
    }
}

impl<K> PartialEq for KeyGrant<K> {
    fn eq(&self, other: &Self) -> bool {
        (self.user, self.version, &self.sealed) == (other.user, other.version, &other.sealed)
    }
}

impl<K> Eq for KeyGrant<K> {}

impl<K> fmt::Debug for KeyGrant<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("KeyGrant");
        out.field("user", &self.user).field("version", &self.version).field("len", &self.sealed.len()).finish()
    }
}

impl<K: GrantedKey> Message for KeyGrant<K> {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = K::GRANT;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.user.as_bytes());
        sink.put(&self.version.to_be_bytes());
        put_var(sink, &self.sealed);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (user, version) = (PartyId::from_array(reader.array()?), reader.u64()?);
        Ok(Self { user, version, sealed: reader.var(Self::MAX_LEN)?.to_vec(), keys: PhantomData })
    }
}

public_encoding!(KeyGrant<K> where [K: GrantedKey]);

#[cfg(test)]
mod tests {
    use super::*;

    /// A key of so many bytes.
    struct Long(usize);

    impl Message for Long {
        const SUITE: SuiteId = SuiteId::Common;
        const KIND: Kind = kind::SEARCH_KEY;

        fn encode_body(&self, _: &mut dyn Sink) {}

        fn decode_body(_: &mut Reader<'_>) -> Result<Self, DecodeError> {
            Err(DecodeError::Value)
        }

        fn encoded_len(&self) -> usize {
            self.0
        }
    }

    impl SecretEncoding for Long {}

    impl GrantedKey for Long {
        const GRANT: Kind = kind::SEARCH_GRANT;
        const MIN_LEN: usize = 1;

        fn info(_: &PartyId, _: &PartyId, _: u64) -> Digest {
            Digest::NONE
        }
    }

    #[test]
    fn no_more_keys_are_sealed_than_are_read() {
        let fits = |each: usize, keys: usize| {
            KeyGrant::fits(&core::iter::repeat_with(|| Long(each)).take(keys).collect::<Vec<_>>())
        };
        assert!(fits(1 << 20, 15) && !fits(1 << 20, 16));
        assert!(fits(1, 1 << 16) && !fits(1, (1 << 16) + 1));
    }
}
