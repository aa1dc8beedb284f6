//! The re-encryption server: the paper's SRS, with the secret keys of nobody.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;

use crate::context::Timestamp;
use crate::encoding::{Message, Reader, SecretEncoding};
use crate::error::DecodeError;
use crate::hash::Digest;
use crate::identity::{PartyId, Signed, SigningKey, Verified};
use crate::pre::{GrantId, GrantTerms, OwnerTerms, Pre, ReencryptError};
use crate::sharing::{
    Delegation, Denial, DenialQuery, Denied, Request, RequestError, Response, Revocation, Rule, ServerError, Storage,
};

/// A grant that the server carries out.
struct Carried<S: Pre> {
    owner: S::VerifiedOwner,
    owner_key: S::OwnerPublic,
    grant: S::Grant,
    terms: S::VerifiedGrant,
    rekey: S::VerifiedReKey,
}

/// What is kept of a revoked grant until it would have ended by itself.
#[derive(Clone, Copy)]
struct Tombstone {
    not_after: Timestamp,
    /// Whom the grant served, where the server knew it: so that the owner is told «revoked» and not «no grant».
    served: Option<(PartyId, Digest)>,
}

/// A semi-trusted server that carries out grants.
///
/// It holds re-encryption keys and no key that opens anything; it sees who asks for which record and when. It could
/// refuse to work, or go on serving a grant that was revoked: nothing here detects that. Together with a delegatee it
/// reaches what the scheme's documentation says.
///
/// State is written to [`Storage`] before it takes effect and read back by [`load`](Self::load), where everything is
/// checked again. A server restored from an old backup has forgotten the revocations since: let the owners send them
/// again before it serves.
pub struct Server<S: Pre, St: Storage> {
    params: Arc<S::Params>,
    signing: SigningKey,
    storage: St,
    owners: BTreeSet<PartyId>,
    grants: BTreeMap<(PartyId, Digest), Vec<Carried<S>>>,
    tombstones: BTreeMap<(PartyId, GrantId), Tombstone>,
    seen: BTreeMap<Digest, Timestamp>,
    denials: BTreeMap<PartyId, VecDeque<Denial>>,
}

impl<S: Pre, St: Storage> fmt::Debug for Server<S, St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("id", &self.id())
            .field("owners", &self.owners.len())
            .field("grants", &self.grants.len())
            .finish_non_exhaustive()
    }
}

const OWNER: &[u8] = b"owner/";
const GRANT: &[u8] = b"grant/";
const TOMBSTONE: &[u8] = b"tombstone/";

fn storage_key(prefix: &[u8], owner: &PartyId, id: &[u8]) -> Vec<u8> {
    [prefix, owner.as_bytes(), id].concat()
}

/// Owner and the rest of a storage key.
fn split_key<'k, E>(prefix: &[u8], key: &'k [u8]) -> Result<(PartyId, Reader<'k>), ServerError<E>> {
    let mut reader = Reader::new(key.get(prefix.len()..).unwrap_or_default());
    Ok((PartyId::from_array(reader.array().map_err(ServerError::Corrupt)?), reader))
}

impl Tombstone {
    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = self.not_after.0.to_be_bytes().to_vec();
        if let Some((user, origin)) = self.served {
            bytes.extend_from_slice(user.as_bytes());
            bytes.extend_from_slice(origin.as_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let not_after = Timestamp(reader.u64()?);
        let served = match reader.remaining() {
            0 => None,
            _ => Some((PartyId::from_array(reader.array()?), Digest::from_array(reader.array()?))),
        };
        reader.finish()?;
        Ok(Self { not_after, served })
    }
}

impl<S: Pre<Params = ()>, St: Storage> Server<S, St> {
    /// A server of a scheme without parameters, with what `storage` holds.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn new(signing: SigningKey, storage: St, now: Timestamp) -> Result<Self, ServerError<St::Error>> {
        Self::load(Arc::new(()), signing, storage, now)
    }
}

impl<S: Pre, St: Storage> Server<S, St> {
    /// How far a request's time may lie from the server's, in seconds.
    pub const WINDOW: u64 = 300;
    /// How many denials are kept for each owner; older ones are dropped.
    pub const MAX_DENIALS: usize = 1024;

    /// A server with what `storage` holds. Everything is checked again; grants that have ended are deleted.
    ///
    /// # Errors
    /// [`ServerError::Corrupt`] and the errors of the checks when the storage returns something else than was stored.
    pub fn load(
        params: Arc<S::Params>,
        signing: SigningKey,
        storage: St,
        now: Timestamp,
    ) -> Result<Self, ServerError<St::Error>> {
        let mut server = Self {
            params,
            signing,
            storage,
            owners: BTreeSet::new(),
            grants: BTreeMap::new(),
            tombstones: BTreeMap::new(),
            seen: BTreeMap::new(),
            denials: BTreeMap::new(),
        };
        for key in server.storage.keys(OWNER).map_err(ServerError::Storage)? {
            let (owner, _) = split_key(OWNER, &key)?;
            server.owners.insert(owner);
        }
        // Before the grants: a crash may have left a revoked grant in place.
        for key in server.storage.keys(TOMBSTONE).map_err(ServerError::Storage)? {
            let (owner, mut id) = split_key(TOMBSTONE, &key)?;
            let id = GrantId::from_array(id.array().map_err(ServerError::Corrupt)?);
            let value = server.storage.get(&key).map_err(ServerError::Storage)?.unwrap_or_default();
            let tombstone = Tombstone::from_bytes(&value).map_err(ServerError::Corrupt)?;
            server.tombstones.insert((owner, id), tombstone);
        }
        for key in server.storage.keys(GRANT).map_err(ServerError::Storage)? {
            let (owner, _) = split_key(GRANT, &key)?;
            let value = server.storage.get(&key).map_err(ServerError::Storage)?.unwrap_or_default();
            let delegation = Delegation::from_bytes(&value).map_err(ServerError::Corrupt)?;
            match server.check(&owner, &delegation, now) {
                Ok(carried) => server.carry(carried),
                // Nothing would delete it later, and a re-encryption key is a secret.
                Err(ServerError::Tombstone | ServerError::Grant(crate::pre::GrantError::Expired)) => {
                    server.storage.delete(&key).map_err(ServerError::Storage)?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(server)
    }

    /// The server's name.
    pub fn id(&self) -> PartyId {
        self.signing.id()
    }

    /// Begins to serve an owner.
    ///
    /// # Errors
    /// [`ServerError::Storage`].
    pub fn enroll(&mut self, owner: PartyId) -> Result<(), ServerError<St::Error>> {
        self.storage.put(&storage_key(OWNER, &owner, &[]), &[]).map_err(ServerError::Storage)?;
        self.owners.insert(owner);
        Ok(())
    }

    /// Takes a delegation of `owner`'s: checks the owner's key, the grant's signature and time, and that the
    /// re-encryption key is the one that the grant fixes. The same delegation may come again.
    ///
    /// # Errors
    /// [`ServerError`]; [`ServerError::Tombstone`] for a grant that was revoked or an id that another grant has.
    pub fn accept(
        &mut self,
        owner: &PartyId,
        delegation: &Delegation<S>,
        now: Timestamp,
    ) -> Result<(), ServerError<St::Error>> {
        let carried = self.check(owner, delegation, now)?;
        let key = storage_key(GRANT, owner, carried.terms.id().as_bytes());
        let bytes = delegation.to_secret_bytes();
        match self.storage.get(&key).map_err(ServerError::Storage)? {
            // The owner may send again; the point and the id fix the rest.
            Some(stored) if stored == bytes => return Ok(()),
            Some(_) => return Err(ServerError::Tombstone),
            None => {}
        }
        self.storage.put(&key, &bytes).map_err(ServerError::Storage)?;
        self.carry(carried);
        Ok(())
    }

    fn check(
        &self,
        owner: &PartyId,
        delegation: &Delegation<S>,
        now: Timestamp,
    ) -> Result<Carried<S>, ServerError<St::Error>> {
        if !self.owners.contains(owner) {
            return Err(ServerError::UnknownOwner);
        }
        let key = S::verify_owner(&self.params, &delegation.owner_key, owner).map_err(ServerError::Key)?;
        let terms = S::verify_grant(&self.params, &key, &delegation.grant, now).map_err(ServerError::Grant)?;
        if self.tombstones.contains_key(&(*owner, terms.id())) {
            return Err(ServerError::Tombstone);
        }
        let rekey = S::verify_rekey(&self.params, &key, &terms, &delegation.rekey).map_err(ServerError::Grant)?;
        Ok(Carried {
            owner: key,
            owner_key: delegation.owner_key.clone(),
            grant: delegation.grant.clone(),
            terms,
            rekey,
        })
    }

    fn carry(&mut self, carried: Carried<S>) {
        self.grants.entry((carried.terms.user(), carried.terms.origin())).or_default().push(carried);
    }

    /// Takes a grant back. It need not be known: a revocation that arrives before its grant keeps the grant out.
    ///
    /// # Errors
    /// [`ServerError::UnknownOwner`], [`ServerError::Signature`], [`ServerError::Storage`].
    pub fn revoke(&mut self, owner: &PartyId, revocation: &Signed<Revocation>) -> Result<(), ServerError<St::Error>> {
        let revocation = self.speak_for(owner, revocation)?;
        let of = |carried: &Carried<S>| carried.owner.owner() == *owner && carried.terms.id() == revocation.id;
        let known = self.grants.values().flatten().find(|carried| of(carried)).map(|carried| &carried.terms);
        // A revocation may come twice, and the second finds no grant to learn from.
        let former = self.tombstones.get(&(*owner, revocation.id));
        let tombstone = Tombstone {
            // Whatever the revocation says, the grant must stay dead for as long as it would verify.
            not_after: known
                .map(|terms| terms.validity().not_after())
                .into_iter()
                .chain(former.map(|tombstone| tombstone.not_after))
                .fold(revocation.not_after, Timestamp::max),
            served: known.map(|t| (t.user(), t.origin())).or(former.and_then(|tombstone| tombstone.served)),
        };
        let id = revocation.id.as_bytes();
        // First the tombstone: a crash in between leaves a dead grant, never a live one.
        self.storage.put(&storage_key(TOMBSTONE, owner, id), &tombstone.to_bytes()).map_err(ServerError::Storage)?;
        self.grants.retain(|_, carried| {
            carried.retain(|carried| !of(carried));
            !carried.is_empty()
        });
        self.tombstones.insert((*owner, revocation.id), tombstone);
        self.storage.delete(&storage_key(GRANT, owner, id)).map_err(ServerError::Storage)
    }

    /// Forgets what has ended by itself: expired grants, and tombstones of grants that would have expired.
    ///
    /// # Errors
    /// [`ServerError::Storage`]; call it again then.
    pub fn purge(&mut self, now: Timestamp) -> Result<(), ServerError<St::Error>> {
        let ended = |carried: &Carried<S>| carried.terms.validity().not_after() < now;
        let expired = self.grants.values().flatten().filter(|carried| ended(carried));
        let expired = expired.map(|c| storage_key(GRANT, &c.owner.owner(), c.terms.id().as_bytes()));
        let forgotten = self.tombstones.iter().filter(|(_, tombstone)| tombstone.not_after < now);
        let forgotten = forgotten.map(|((owner, id), _)| storage_key(TOMBSTONE, owner, id.as_bytes()));
        for key in expired.chain(forgotten).collect::<Vec<_>>() {
            self.storage.delete(&key).map_err(ServerError::Storage)?;
        }
        self.tombstones.retain(|_, tombstone| tombstone.not_after >= now);
        self.grants.retain(|_, carried| {
            carried.retain(|carried| !ended(carried));
            !carried.is_empty()
        });
        Ok(())
    }

    /// Carries out a request: who signed it, whether it is meant for this server and now, whether a grant covers it,
    /// and whether the capsule is well-formed, in this order; then re-encrypts.
    ///
    /// The requester learns «denied» and nothing else, though not always after the same time; the owner learns which
    /// [`Rule`] denied from [`denials`](Self::denials).
    ///
    /// Cost: two signature checks, the scheme's capsule check and re-encryption.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn reencrypt<R: TryCryptoRng + ?Sized>(
        &mut self,
        request: &Signed<Request<S>>,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Response<S>, RequestError<St::Error>> {
        let requester = request.signer().id();
        let request = request.verify(&requester).map_err(|_| RequestError::Denied(Denied))?;
        let owner = request.context.get().owner;
        // Without a signature there is nobody to name, and without an owner nobody to tell.
        if !self.owners.contains(&owner) {
            return Err(RequestError::Denied(Denied));
        }
        match self.decide(&requester, &request, now, rng) {
            Ok(response) => Ok(response),
            Err(Rule::Reencrypt(ReencryptError::Rng)) => Err(RequestError::Rng),
            Err(rule) => {
                let denial = Denial { requester, record: request.context.get().record, at: now, rule };
                let denials = self.denials.entry(owner).or_default();
                denials.push_back(denial);
                if denials.len() > Self::MAX_DENIALS {
                    denials.pop_front();
                }
                Err(RequestError::Denied(Denied))
            }
        }
    }

    fn decide<R: TryCryptoRng + ?Sized>(
        &mut self,
        requester: &PartyId,
        request: &Verified<Request<S>>,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Response<S>, Rule> {
        if request.server != self.id() {
            return Err(Rule::OtherServer);
        }
        if request.at.0.abs_diff(now.0) > Self::WINDOW {
            return Err(Rule::Stale);
        }
        self.seen.retain(|_, at| at.0.abs_diff(now.0) <= Self::WINDOW);
        if self.seen.contains_key(&request.digest()) {
            return Err(Rule::Replayed);
        }
        let ctx = request.context.get();
        let wanted = (*requester, ctx.origin);
        let Some(carried) = self.grants.get(&wanted) else {
            let revoked = self.tombstones.values().any(|tombstone| tombstone.served == Some(wanted));
            return Err(if revoked { Rule::Revoked } else { Rule::NoGrant });
        };
        let mut refusal = Rule::NoGrant;
        // Several grants may be under one key; the last refusal is reported.
        for carried in carried {
            let capsule = S::verify_capsule(&self.params, &carried.owner, &request.capsule, &ctx);
            let capsule = capsule.map_err(Rule::Capsule)?;
            match S::reencrypt(&self.params, &carried.rekey, &capsule, &self.signing, now, rng) {
                Ok(part) => {
                    self.seen.insert(request.digest(), request.at);
                    return Ok(Response {
                        request: request.digest(),
                        owner_key: carried.owner_key.clone(),
                        grant: carried.grant.clone(),
                        parts: Vec::from([part]),
                    });
                }
                Err(error) => refusal = Rule::Reencrypt(error),
            }
        }
        Err(refusal)
    }

    /// Tells an owner which requests for the owner's records were denied, and why; at most
    /// [`MAX_DENIALS`](Self::MAX_DENIALS), since the server was started.
    ///
    /// # Errors
    /// [`ServerError::UnknownOwner`], [`ServerError::Signature`], [`ServerError::Stale`].
    pub fn denials(
        &self,
        query: &Signed<DenialQuery>,
        now: Timestamp,
    ) -> Result<impl Iterator<Item = &Denial>, ServerError<St::Error>> {
        let owner = query.signer().id();
        let query = self.speak_for(&owner, query)?;
        if query.server != self.id() || query.at.0.abs_diff(now.0) > Self::WINDOW {
            return Err(ServerError::Stale);
        }
        Ok(self.denials.get(&owner).into_iter().flatten())
    }

    fn speak_for<T: Message + Clone>(
        &self,
        owner: &PartyId,
        statement: &Signed<T>,
    ) -> Result<Verified<T>, ServerError<St::Error>> {
        if !self.owners.contains(owner) {
            return Err(ServerError::UnknownOwner);
        }
        statement.verify(owner).map_err(|_| ServerError::Signature)
    }

    /// The storage, for backups and tests.
    pub fn storage(&self) -> &St {
        &self.storage
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::{Partition, Validity};
    use crate::pre::OwnerRoot;
    use crate::pre::afgh::Afgh;
    use crate::record::Sealer;
    use crate::sharing::{AccessPolicy, MemoryStorage, Owner, Role, User, VerifiedDirectory};
    use getrandom::SysRng;

    const NOW: Timestamp = Timestamp(1_000);
    const END: Timestamp = Timestamp(9_000);

    fn key() -> SigningKey {
        SigningKey::try_generate(&mut SysRng).unwrap()
    }

    struct Setting {
        owner: Owner,
        user: User<Afgh>,
        server: Server<Afgh, MemoryStorage>,
        delegations: Vec<Delegation<Afgh>>,
        request: Signed<Request<Afgh>>,
    }

    /// An owner, a pharmacist with grants on epochs 0 and 1, and a request for what the owner wrote in epoch 1.
    fn setting() -> Setting {
        let rng = &mut SysRng;
        let root = OwnerRoot::try_generate(rng).unwrap();
        let mut owner = Owner::new(key(), root, AccessPolicy::new(5_000), Partition::SESPHR, 5_000, NOW);
        let user = User::<Afgh>::new(key(), rng).unwrap();
        let cert = owner.certify(user.id(), Role::Pharmacist, Validity::new(NOW, END).unwrap());
        let update = owner.join(&user.bundle(1, END), &cert, NOW, NOW, rng).unwrap();
        let mut server = Server::new(key(), MemoryStorage::new(), NOW).unwrap();
        server.enroll(owner.id()).unwrap();
        update.delegations.iter().for_each(|d| server.accept(&owner.id(), d, NOW).unwrap());
        let directory = VerifiedDirectory::new(&update.directory, &owner.id(), 0, NOW).unwrap();
        let under = directory.key(&Partition::PRESCRIPTION).unwrap();
        let sealer = Sealer::<Afgh>::new(&(), under, &(), owner.signing());
        let sealed = sealer.seal(crate::context::RecordId::from_array([7; 16]), 1, b"{}", rng).unwrap();
        let request = user.request(server.id(), sealed.header(), NOW, rng).unwrap();
        Setting { owner, user, server, delegations: update.delegations, request }
    }

    fn rules(server: &Server<Afgh, MemoryStorage>, owner: &Owner) -> Vec<Rule> {
        let query = owner.ask_denials(server.id(), NOW);
        server.denials(&query, NOW).unwrap().map(|denial| denial.rule).collect()
    }

    #[test]
    fn a_revocation_may_come_twice() {
        let Setting { mut owner, user, mut server, delegations, request } = setting();
        server.reencrypt(&request, NOW, &mut SysRng).unwrap();
        let update = owner.depart(&user.id(), NOW, &mut SysRng).unwrap();
        for _ in 0..2 {
            update.revocations.iter().for_each(|revocation| server.revoke(&owner.id(), revocation).unwrap());
        }
        // A third that would let the grants come back sooner.
        for revocation in &update.revocations {
            let hasty = Revocation { id: revocation.unverified().id, not_after: NOW };
            server.revoke(&owner.id(), &Signed::new(owner.signing(), hasty)).unwrap();
        }
        server.purge(Timestamp(NOW.0 + 1)).unwrap();
        for delegation in &delegations {
            assert_eq!(server.accept(&owner.id(), delegation, NOW), Err(ServerError::Tombstone));
        }
        let again = Request { nonce: [1; 16], ..request.unverified().clone() };
        let denied = server.reencrypt(&Signed::new(user.signing(), again), NOW, &mut SysRng).unwrap_err();
        assert_eq!(denied, RequestError::Denied(Denied));
        assert_eq!(rules(&server, &owner), [Rule::Revoked]);
    }

    #[test]
    fn ended_grants_leave_the_storage_on_load() {
        let Setting { server, delegations, .. } = setting();
        let late = Server::<Afgh, _>::new(key(), server.storage.clone(), END).unwrap();
        assert_eq!(server.storage.keys(GRANT).unwrap().len(), delegations.len());
        assert_eq!(late.storage.keys(GRANT), Ok(Vec::new()));
    }
}
