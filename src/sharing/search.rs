//! Keys for search, as the roles pass them on.

use alloc::collections::BTreeMap;
use core::fmt;

use zeroize::ZeroizeOnDrop;

use crate::encoding::{Kind, Message, Reader, SecretEncoding, Sink, SuiteId, kind, put_count};
use crate::error::DecodeError;
use crate::hash::{Digest, hash, label};
use crate::identity::PartyId;
use crate::search::{Federated, Ordered, Registrar, Search, SpaceId, federated, ordered};
use crate::sharing::{GrantedKey, KeyGrant};

/// A key that an owner gives a provider to write into an index, or a user to ask one.
pub enum SearchKey {
    /// To write, in the federated mode.
    FederatedWrite(federated::WriteKey),
    /// To ask, in the federated mode.
    FederatedQuery(federated::QueryKey),
    /// To write, in the ordered mode.
    OrderedWrite(ordered::WriteKey),
    /// To ask, in the ordered mode.
    OrderedQuery(ordered::QueryKey),
}

/// The keys for search that an owner gives one party, in all spaces.
pub type SearchGrant = KeyGrant<SearchKey>;

impl GrantedKey for SearchKey {
    const GRANT: Kind = kind::SEARCH_GRANT;
    const MIN_LEN: usize = 4 + 1 + 4 + 32 + 32;

    fn info(owner: &PartyId, user: &PartyId, version: u64) -> Digest {
        hash(label::SEARCH_GRANT, &[owner.as_bytes(), user.as_bytes(), &version.to_be_bytes()]).digest()
    }
}

// Each of the keys wipes itself.
impl ZeroizeOnDrop for SearchKey {}

impl fmt::Debug for SearchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FederatedWrite(key) => key.fmt(f),
            Self::FederatedQuery(key) => key.fmt(f),
            Self::OrderedWrite(key) => key.fmt(f),
            Self::OrderedQuery(key) => key.fmt(f),
        }
    }
}

impl Message for SearchKey {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::SEARCH_KEY;

    fn encode_body(&self, sink: &mut dyn Sink) {
        match self {
            Self::FederatedWrite(key) => put(0, key, sink),
            Self::FederatedQuery(key) => put(1, key, sink),
            Self::OrderedWrite(key) => put(2, key, sink),
            Self::OrderedQuery(key) => put(3, key, sink),
        }
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.array()? {
            [0] => Message::read(reader).map(Self::FederatedWrite),
            [1] => Message::read(reader).map(Self::FederatedQuery),
            [2] => Message::read(reader).map(Self::OrderedWrite),
            [3] => Message::read(reader).map(Self::OrderedQuery),
            _ => Err(DecodeError::Value),
        }
    }
}

impl SecretEncoding for SearchKey {}

fn put<K: Message>(tag: u8, key: &K, sink: &mut dyn Sink) {
    sink.put(&[tag]);
    key.write(sink);
}

/// An owner's spaces of one mode.
pub(super) type Spaces<M> = BTreeMap<SpaceId, Registrar<M>>;

/// An owner's spaces.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct AllSpaces {
    pub(super) federated: Spaces<Federated>,
    pub(super) ordered: Spaces<Ordered>,
}

impl AllSpaces {
    /// The most spaces of each mode.
    pub(super) const MAX: usize = 256;

    pub(super) fn write(&self, sink: &mut dyn Sink) {
        put_count(sink, self.federated.len());
        self.federated.values().for_each(|registrar| registrar.write(sink));
        put_count(sink, self.ordered.len());
        self.ordered.values().for_each(|registrar| registrar.write(sink));
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { federated: read_spaces(reader)?, ordered: read_spaces(reader)? })
    }
}

fn read_spaces<M: Search>(reader: &mut Reader<'_>) -> Result<Spaces<M>, DecodeError> {
    let mut spaces = BTreeMap::new();
    for _ in 0..reader.count(AllSpaces::MAX, 80)? {
        let registrar = Registrar::<M>::read(reader)?;
        let id = registrar.space().id();
        if spaces.last_key_value().is_some_and(|(last, _)| *last >= id) {
            return Err(DecodeError::Value);
        }
        spaces.insert(id, registrar);
    }
    Ok(spaces)
}

/// The modes of search that owners keep spaces of.
pub trait SharedSearch: Search {
    #[doc(hidden)]
    fn spaces(all: &AllSpaces) -> &BTreeMap<SpaceId, Registrar<Self>>;
    #[doc(hidden)]
    fn spaces_mut(all: &mut AllSpaces) -> &mut BTreeMap<SpaceId, Registrar<Self>>;

    /// A key to write, as it is granted.
    fn granted_write(key: Self::WriteKey) -> SearchKey;

    /// A key to ask, as it is granted.
    fn granted_query(key: Self::QueryKey) -> SearchKey;

    /// The key to write, if it is one of this mode.
    fn write_key_of(key: &SearchKey) -> Option<&Self::WriteKey>;

    /// The key to ask, if it is one of this mode.
    fn query_key_of(key: &SearchKey) -> Option<&Self::QueryKey>;
}

macro_rules! shared_search {
    ($mode:ty, $spaces:ident, $write:ident, $query:ident) => {
        impl SharedSearch for $mode {
            fn spaces(all: &AllSpaces) -> &Spaces<Self> {
                &all.$spaces
            }

            fn spaces_mut(all: &mut AllSpaces) -> &mut Spaces<Self> {
                &mut all.$spaces
            }

            fn granted_write(key: Self::WriteKey) -> SearchKey {
                SearchKey::$write(key)
            }

            fn granted_query(key: Self::QueryKey) -> SearchKey {
                SearchKey::$query(key)
            }

            fn write_key_of(key: &SearchKey) -> Option<&Self::WriteKey> {
                if let SearchKey::$write(key) = key { Some(key) } else { None }
            }

            fn query_key_of(key: &SearchKey) -> Option<&Self::QueryKey> {
                if let SearchKey::$query(key) = key { Some(key) } else { None }
            }
        }
    };
}

shared_search!(Federated, federated, FederatedWrite, FederatedQuery);
shared_search!(Ordered, ordered, OrderedWrite, OrderedQuery);
