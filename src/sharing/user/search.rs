//! Search, as a user does it: keys from the owner, and the way from an answer back to records.

use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;

use super::User;
use crate::context::Timestamp;
use crate::identity::{PartyId, Signed};
use crate::record::{Plaintext, Versions};
use crate::search::{Answer, Match, Search, Space, SpaceId};
use crate::sharing::search::{SearchGrant, SearchKey, SharedSearch};
use crate::sharing::{Cloud, KeyGrantError, Request, Response, SharingScheme, Storage, VerifiedDirectory};

/// What an owner granted last.
pub(super) struct SearchKeys {
    version: u64,
    keys: Vec<SearchKey>,
}

/// Why a record that was found was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotRead {
    /// The cloud has no such record, or the storage failed.
    Missing,
    /// The re-encryption server denied it, or its capsule is of another scheme: the user may know that it is there, and not
    /// read it.
    Denied,
    /// It did not open.
    Open,
    /// It is not by who said what it contains.
    Author,
}

impl fmt::Display for NotRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "the cloud does not have the record",
            Self::Denied => "the server did not re-encrypt the record",
            Self::Open => "the record did not open",
            Self::Author => "the record is not by the provider whose index value led to it",
        })
    }
}

impl core::error::Error for NotRead {}

impl<S: SharingScheme> User<S> {
    /// Takes the keys for search that an owner [gave](crate::sharing::Owner::search_keys) this user, in place of those that it
    /// had of the owner. They stay in memory.
    ///
    /// # Errors
    /// [`KeyGrantError`] naming the check that failed; the user keeps what it had then.
    pub fn take_search_keys(&mut self, owner: &PartyId, grant: &Signed<SearchGrant>) -> Result<(), KeyGrantError> {
        let known = self.search.get(owner).map(|known| known.version);
        let (version, keys) = self.granted_keys(owner, grant, known)?;
        self.search.insert(*owner, SearchKeys { version, keys });
        Ok(())
    }

    fn search_keys(&self, owner: &PartyId) -> impl Iterator<Item = &SearchKey> {
        self.search.get(owner).into_iter().flat_map(|known| &known.keys)
    }

    /// The key with which this user writes index values, as a provider directly below the owner.
    pub fn write_key<M: SharedSearch>(&self, owner: &PartyId, space: &SpaceId) -> Option<&M::WriteKey> {
        self.search_keys(owner).filter_map(M::write_key_of).find(|key| M::writer(key).0.id() == *space)
    }

    /// The key with which this user asks.
    pub fn query_key<M: SharedSearch>(&self, owner: &PartyId, space: &SpaceId) -> Option<&M::QueryKey> {
        self.search_keys(owner).filter_map(M::query_key_of).find(|key| M::asker(key).0.id() == *space)
    }

    /// Reads what was found: fetches the latest version of each record from the cloud, has the server re-encrypt it, and opens
    /// it. `reencrypt` carries a request to the server and brings its answer; `server` is its name.
    ///
    /// A record counts only if one of those wrote it on whose way the index value stood: otherwise a provider could lead
    /// readers to somebody else's records.
    ///
    /// What this does not show: that the record contains what was searched for, which whoever knows its format compares; and
    /// that nothing else matches.
    #[allow(clippy::too_many_arguments)]
    pub fn read_found<M: Search, St: Storage, E, R: TryCryptoRng + ?Sized>(
        &mut self,
        directory: &VerifiedDirectory<S>,
        space: &Space<M>,
        answer: &Answer,
        cloud: &Cloud<S, St>,
        server: PartyId,
        mut reencrypt: impl FnMut(&Signed<Request<S>>) -> Result<Response<S>, E>,
        now: Timestamp,
        rng: &mut R,
    ) -> Vec<(Match, Result<Plaintext, NotRead>)> {
        let mut read = |found: &Match| {
            let partition = space.partition();
            let sealed = cloud.latest(&space.owner(), &found.record, &partition).map_err(|_| NotRead::Missing)?;
            let author = sealed.header().context().author;
            if found.provider.parties().all(|party| party != author) {
                return Err(NotRead::Author);
            }
            let request = self.request(server, sealed.header(), now, rng).map_err(|_| NotRead::Denied)?;
            let response = reencrypt(&request).map_err(|_| NotRead::Denied)?;
            let latest = Versions::AtLeast(0);
            self.open(directory, found.record, partition, latest, &sealed, &response, now).map_err(|_| NotRead::Open)
        };
        answer.matches().iter().map(|found| (found.clone(), read(found))).collect()
    }
}
