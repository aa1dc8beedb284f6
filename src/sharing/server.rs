//! The re-encryption server: the paper's SRS, with the secret keys of nobody.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;

use crate::context::Timestamp;
use crate::encoding::{Encoding, Message, Reader, SecretEncoding, Sink};
use crate::error::DecodeError;
use crate::hash::Digest;
use crate::identity::{PartyId, Signed, SigningKey, Verified};
use crate::pre::{GrantError, GrantId, GrantTerms, Pre, ReencryptError};
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

impl<S: Pre> Carried<S> {
    fn serves(&self) -> Served {
        (self.terms.user(), self.terms.origin())
    }

    fn ended(&self, now: Timestamp) -> bool {
        self.terms.validity().not_after() < now
    }
}

/// A user, and the owner's key whose capsules are re-encrypted for it.
type Served = (PartyId, Digest);

/// What is kept of a revoked grant until it would have ended by itself.
#[derive(Clone, Copy)]
struct Tombstone {
    not_after: Timestamp,
    /// Whom the grant served, where the server knew it: so that the owner is told «revoked» and not «no grant».
    served: Option<Served>,
}

/// The latest denials of one kind.
#[derive(Default)]
struct Ring(VecDeque<Denial>);

impl Ring {
    fn push(&mut self, denial: Denial, max: usize) {
        if self.0.len() >= max {
            self.0.pop_front();
        }
        self.0.push_back(denial);
    }
}

/// What the server keeps for one owner. Nothing of it is reachable through another owner's statements.
struct Account<S: Pre> {
    grants: BTreeMap<GrantId, Carried<S>>,
    tombstones: BTreeMap<GrantId, Tombstone>,
    /// All grants, dead ones included, by what they serve.
    served: BTreeMap<Served, BTreeSet<GrantId>>,
    /// Of parties that have or had a grant, and of all others: strangers cost nothing to make, and must not be able
    /// to push out what the owner wants to know about a member.
    denials: [Ring; 2],
}

impl<S: Pre> Default for Account<S> {
    fn default() -> Self {
        Self {
            grants: BTreeMap::new(),
            tombstones: BTreeMap::new(),
            served: BTreeMap::new(),
            denials: [Ring::default(), Ring::default()],
        }
    }
}

impl<S: Pre> Account<S> {
    fn carry(&mut self, carried: Carried<S>) {
        let id = carried.terms.id();
        self.served.entry(carried.serves()).or_default().insert(id);
        self.grants.insert(id, carried);
    }

    fn bury(&mut self, id: GrantId, tombstone: Tombstone) {
        self.grants.remove(&id);
        if let Some(served) = tombstone.served {
            self.served.entry(served).or_default().insert(id);
        }
        self.tombstones.insert(id, tombstone);
    }

    fn full(&self, max: usize) -> bool {
        self.grants.len() + self.tombstones.len() >= max
    }

    fn knows(&self, user: &PartyId) -> bool {
        self.served.range((*user, Digest::NONE)..).next().is_some_and(|((served, _), _)| served == user)
    }

    fn purge(&mut self, now: Timestamp) {
        self.grants.retain(|_, carried| !carried.ended(now));
        self.tombstones.retain(|_, tombstone| tombstone.not_after >= now);
        let (grants, tombstones) = (&self.grants, &self.tombstones);
        self.served.retain(|_, ids| {
            ids.retain(|id| grants.contains_key(id) || tombstones.contains_key(id));
            !ids.is_empty()
        });
    }
}

/// A semi-trusted server that carries out grants.
///
/// It holds re-encryption keys and no key that opens anything; it sees who asks for which record and when. It could
/// refuse to work, or go on serving a grant that was revoked: nothing here detects that. Together with a delegatee it
/// reaches what the scheme's documentation says.
///
/// Grants and revocations are written to [`Storage`] before they take effect, and [`load`](Self::load) reads back the
/// same state and checks everything again. Two things are in memory alone: the denials, and which requests were seen,
/// so that one of the last [`WINDOW`](Self::WINDOW) can be repeated once after a restart, to nobody's use but the
/// requester's. A server restored from an old backup has forgotten the revocations since: let the owners send
/// [theirs](crate::sharing::Owner::revocations) again before it serves.
pub struct Server<S: Pre, St: Storage> {
    params: Arc<S::Params>,
    signing: SigningKey,
    storage: St,
    accounts: BTreeMap<PartyId, Account<S>>,
    /// By time, so that forgetting costs only what is forgotten.
    seen: BTreeSet<(Timestamp, Digest)>,
    /// The latest time for which anything was purged.
    purged: Timestamp,
}

impl<S: Pre, St: Storage> fmt::Debug for Server<S, St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("id", &self.id())
            .field("owners", &self.accounts.len())
            .field("grants", &self.accounts.values().map(|account| account.grants.len()).sum::<usize>())
            .finish_non_exhaustive()
    }
}

const OWNER: &[u8] = b"owner/";
const GRANT: &[u8] = b"grant/";
const TOMBSTONE: &[u8] = b"tombstone/";
const PURGED: &[u8] = b"purged";

fn storage_key(prefix: &[u8], owner: &PartyId, id: &[u8]) -> Vec<u8> {
    [prefix, owner.as_bytes(), id].concat()
}

/// Owner and, for the kinds that have one, the grant's id.
fn split_key<const ID: usize>(prefix: &[u8], key: &[u8]) -> Result<(PartyId, [u8; ID]), DecodeError> {
    let mut reader = Reader::new(key.get(prefix.len()..).unwrap_or_default());
    let (owner, id) = (PartyId::from_array(reader.array()?), reader.array()?);
    reader.finish().map(|()| (owner, id))
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
    pub fn new(signing: SigningKey, storage: St) -> Result<Self, ServerError<St::Error>> {
        Self::load(Arc::new(()), signing, storage)
    }
}

impl<S: Pre, St: Storage> Server<S, St> {
    /// How far a request's time may lie from the server's, in seconds.
    pub const WINDOW: u64 = 300;
    /// How many denials are kept for each owner, of members as of strangers; older ones are dropped.
    pub const MAX_DENIALS: usize = 1024;
    /// Most grants of one owner, revoked ones included until they would have ended.
    pub const MAX_GRANTS: usize = 65_536;

    /// A server with what `storage` holds. Everything is checked again, as of the time when it was accepted: what the
    /// clock says when a server starts changes nothing.
    ///
    /// # Errors
    /// [`ServerError::Corrupt`] and the errors of the checks when the storage returns something else than was stored.
    pub fn load(params: Arc<S::Params>, signing: SigningKey, storage: St) -> Result<Self, ServerError<St::Error>> {
        let accounts = BTreeMap::new();
        let mut server = Self { params, signing, storage, accounts, seen: BTreeSet::new(), purged: Timestamp(0) };
        if let Some(bytes) = server.storage.get(PURGED).map_err(ServerError::Storage)? {
            let time = bytes.as_slice().try_into().map_err(|_| ServerError::Corrupt(DecodeError::Length))?;
            server.purged = Timestamp(u64::from_be_bytes(time));
        }
        for key in server.storage.keys(OWNER).map_err(ServerError::Storage)? {
            let (owner, []) = split_key(OWNER, &key).map_err(ServerError::Corrupt)?;
            server.accounts.insert(owner, Account::default());
        }
        // Before the grants: a crash may have left a revoked grant in place.
        for key in server.storage.keys(TOMBSTONE).map_err(ServerError::Storage)? {
            let (owner, id) = split_key(TOMBSTONE, &key).map_err(ServerError::Corrupt)?;
            let value = server.storage.get(&key).map_err(ServerError::Storage)?.unwrap_or_default();
            let tombstone = Tombstone::from_bytes(&value).map_err(ServerError::Corrupt)?;
            server.account(&owner)?.bury(GrantId::from_array(id), tombstone);
        }
        for key in server.storage.keys(GRANT).map_err(ServerError::Storage)? {
            let (owner, id) = split_key(GRANT, &key).map_err(ServerError::Corrupt)?;
            let value = server.storage.get(&key).map_err(ServerError::Storage)?.unwrap_or_default();
            let mut reader = Reader::new(&value);
            let accepted = Timestamp(reader.u64().map_err(ServerError::Corrupt)?);
            let delegation = Delegation::read(&mut reader).map_err(ServerError::Corrupt)?;
            reader.finish().map_err(ServerError::Corrupt)?;
            match server.check(&owner, &delegation, accepted) {
                Ok(carried) if carried.terms.id().as_bytes() != &id => {
                    return Err(ServerError::Corrupt(DecodeError::Value));
                }
                Ok(carried) => server.account(&owner)?.carry(carried),
                // A revocation or a purge was cut short. What it left is a secret that nobody needs any more.
                Err(ServerError::Tombstone | ServerError::Grant(GrantError::Expired)) => {
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

    fn account(&mut self, owner: &PartyId) -> Result<&mut Account<S>, ServerError<St::Error>> {
        self.accounts.get_mut(owner).ok_or(ServerError::UnknownOwner)
    }

    /// Begins to serve an owner: the operator decides whom.
    ///
    /// # Errors
    /// [`ServerError::Storage`].
    pub fn enroll(&mut self, owner: PartyId) -> Result<(), ServerError<St::Error>> {
        self.storage.put(&storage_key(OWNER, &owner, &[]), &[]).map_err(ServerError::Storage)?;
        self.accounts.entry(owner).or_default();
        Ok(())
    }

    /// Takes a delegation of `owner`'s: checks the owner's key, the grant's signature and time, and that the
    /// re-encryption key is the one that the grant fixes. The same delegation may come again.
    ///
    /// # Errors
    /// [`ServerError`]; [`ServerError::Tombstone`] for a grant that was revoked or an id that another grant has, and
    /// [`ServerError::Full`] beyond [`MAX_GRANTS`](Self::MAX_GRANTS).
    pub fn accept(
        &mut self,
        owner: &PartyId,
        delegation: &Delegation<S>,
        now: Timestamp,
    ) -> Result<(), ServerError<St::Error>> {
        let carried = self.check(owner, delegation, now)?;
        let id = carried.terms.id();
        let account = self.account(owner)?;
        match account.grants.get(&id) {
            // The grant fixes the re-encryption key, so nothing else can have come.
            Some(known) if known.grant.to_bytes() == carried.grant.to_bytes() => return Ok(()),
            Some(_) => return Err(ServerError::Tombstone),
            None if account.full(Self::MAX_GRANTS) => return Err(ServerError::Full),
            None => {}
        }
        let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(8 + delegation.encoded_len()));
        bytes.put(&now.0.to_be_bytes());
        bytes.put(&delegation.to_secret_bytes());
        self.storage.put(&storage_key(GRANT, owner, id.as_bytes()), &bytes).map_err(ServerError::Storage)?;
        self.account(owner)?.carry(carried);
        Ok(())
    }

    fn check(
        &self,
        owner: &PartyId,
        delegation: &Delegation<S>,
        now: Timestamp,
    ) -> Result<Carried<S>, ServerError<St::Error>> {
        let account = self.accounts.get(owner).ok_or(ServerError::UnknownOwner)?;
        let key = S::verify_owner(&self.params, &delegation.owner_key, owner).map_err(ServerError::Key)?;
        let terms = S::verify_grant(&self.params, &key, &delegation.grant, now).map_err(ServerError::Grant)?;
        if account.tombstones.contains_key(&terms.id()) {
            return Err(ServerError::Tombstone);
        }
        // Its tombstone may be gone already, whatever the clock says now.
        if terms.validity().not_after() < self.purged {
            return Err(ServerError::Grant(GrantError::Expired));
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

    /// Takes a grant back. It need not be known: a revocation that arrives before its grant keeps the grant out. The
    /// same revocation may come again.
    ///
    /// # Errors
    /// [`ServerError::UnknownOwner`], [`ServerError::Signature`]; [`ServerError::Storage`]: send it again then;
    /// [`ServerError::Full`] for a grant that is not known, beyond [`MAX_GRANTS`](Self::MAX_GRANTS).
    pub fn revoke(&mut self, owner: &PartyId, revocation: &Signed<Revocation>) -> Result<(), ServerError<St::Error>> {
        let revocation = self.speak_for(owner, revocation)?;
        let id = revocation.id;
        let account = self.account(owner)?;
        let (live, dead) = (account.grants.get(&id), account.tombstones.get(&id));
        if live.is_none() && dead.is_none() && account.full(Self::MAX_GRANTS) {
            return Err(ServerError::Full);
        }
        // Whatever the revocation says, the grant stays dead for as long as it would verify, and a repetition forgets
        // nothing.
        let ends = [live.map(|carried| carried.terms.validity().not_after()), dead.map(|dead| dead.not_after)];
        let tombstone = Tombstone {
            not_after: ends.into_iter().flatten().fold(revocation.not_after, Ord::max),
            served: live.map(Carried::serves).or(dead.and_then(|dead| dead.served)),
        };
        // First the tombstone: a crash in between leaves a dead grant, never a live one.
        let place = storage_key(TOMBSTONE, owner, id.as_bytes());
        self.storage.put(&place, &tombstone.to_bytes()).map_err(ServerError::Storage)?;
        self.account(owner)?.bury(id, tombstone);
        self.storage.delete(&storage_key(GRANT, owner, id.as_bytes())).map_err(ServerError::Storage)
    }

    /// Forgets what has ended by itself: expired grants, and tombstones of grants that would have expired. A grant
    /// that ended before the latest purge is refused from then on, even by a clock that goes back.
    ///
    /// # Errors
    /// [`ServerError::Storage`]; call it again then.
    pub fn purge(&mut self, now: Timestamp) -> Result<(), ServerError<St::Error>> {
        // First the time, then grants, then tombstones: a crash in between leaves nothing that could come back.
        if now > self.purged {
            self.storage.put(PURGED, &now.0.to_be_bytes()).map_err(ServerError::Storage)?;
            self.purged = now;
        }
        for (owner, account) in &mut self.accounts {
            let expired = account.grants.iter().filter(|(_, carried)| carried.ended(now));
            let expired = expired.map(|(id, _)| storage_key(GRANT, owner, id.as_bytes()));
            let forgotten = account.tombstones.iter().filter(|(_, tombstone)| tombstone.not_after < now);
            let forgotten = forgotten.map(|(id, _)| storage_key(TOMBSTONE, owner, id.as_bytes()));
            for key in expired.chain(forgotten) {
                self.storage.delete(&key).map_err(ServerError::Storage)?;
            }
            account.purge(now);
        }
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
    ) -> Result<Response<S>, RequestError> {
        let requester = request.signer().id();
        let request = request.verify(&requester).map_err(|_| RequestError::Denied(Denied))?;
        let owner = request.context.get().owner;
        // Without a signature there is nobody to name, and without an owner nobody to tell.
        if !self.accounts.contains_key(&owner) {
            return Err(RequestError::Denied(Denied));
        }
        let rule = match self.decide(&requester, &request, now, rng) {
            Ok(response) => return Ok(response),
            Err(Rule::Reencrypt(ReencryptError::Rng)) => return Err(RequestError::Rng),
            Err(rule) => rule,
        };
        if let Some(account) = self.accounts.get_mut(&owner) {
            let denial = Denial { requester, record: request.context.get().record, at: now, rule };
            let known = account.knows(&requester);
            let [of_known, of_strangers] = &mut account.denials;
            if known { of_known } else { of_strangers }.push(denial, Self::MAX_DENIALS);
        }
        Err(RequestError::Denied(Denied))
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
        if self.seen.contains(&(request.at, request.digest())) {
            return Err(Rule::Replayed);
        }
        let ctx = request.context.get();
        let account = self.accounts.get(&ctx.owner).ok_or(Rule::NoGrant)?;
        let ids = account.served.get(&(*requester, ctx.origin)).ok_or(Rule::NoGrant)?;
        let mut refusal = Rule::Revoked;
        // Several grants may be under one key; the last refusal is reported.
        for carried in ids.iter().filter_map(|id| account.grants.get(id)) {
            let capsule = S::verify_capsule(&self.params, &carried.owner, &request.capsule, &ctx);
            let capsule = capsule.map_err(Rule::Capsule)?;
            match S::reencrypt(&self.params, &carried.rekey, &capsule, &self.signing, now, rng) {
                Ok(part) => {
                    let response = Response {
                        request: request.digest(),
                        owner_key: carried.owner_key.clone(),
                        grant: carried.grant.clone(),
                        parts: Vec::from([part]),
                    };
                    self.remember(request, request.at, now);
                    return Ok(response);
                }
                Err(error) => refusal = Rule::Reencrypt(error),
            }
        }
        Err(refusal)
    }

    /// Remembers a statement that was acted on, and forgets those that are too old to be taken again. What lies in
    /// the future stays: a clock that went back comes forward again.
    fn remember<T>(&mut self, statement: &Verified<T>, at: Timestamp, now: Timestamp) {
        let oldest = Timestamp(now.0.saturating_sub(Self::WINDOW));
        self.seen = self.seen.split_off(&(oldest, Digest::NONE));
        self.seen.insert((at, statement.digest()));
    }

    /// Tells an owner which requests for the owner's records were denied, and why: since the server was started, at
    /// most [`MAX_DENIALS`](Self::MAX_DENIALS) of parties that have or had a grant, and as many of others.
    ///
    /// Each query is answered once; the answer is for the owner and travels over a confidential channel.
    ///
    /// # Errors
    /// [`ServerError::UnknownOwner`], [`ServerError::Signature`]; [`ServerError::Stale`] for a query to another
    /// server, of another time, or that was answered before.
    pub fn denials(
        &mut self,
        query: &Signed<DenialQuery>,
        now: Timestamp,
    ) -> Result<impl Iterator<Item = &Denial>, ServerError<St::Error>> {
        let owner = query.signer().id();
        let query = self.speak_for(&owner, query)?;
        let stale = query.server != self.id() || query.at.0.abs_diff(now.0) > Self::WINDOW;
        if stale || self.seen.contains(&(query.at, query.digest())) {
            return Err(ServerError::Stale);
        }
        self.remember(&query, query.at, now);
        Ok(self.account(&owner)?.denials.iter().flat_map(|ring| &ring.0))
    }

    fn speak_for<T: Encoding + Clone>(
        &self,
        owner: &PartyId,
        statement: &Signed<T>,
    ) -> Result<Verified<T>, ServerError<St::Error>> {
        if !self.accounts.contains_key(owner) {
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
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;
    use crate::context::{Partition, Validity};
    use crate::kem::OwnerRoot;
    use crate::pre::afgh::Afgh;
    use crate::sharing::{AccessPolicy, MemoryStorage, Owner, Role, User};

    #[test]
    fn an_owner_cannot_fill_the_server() {
        let (owner, other) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
        let mut server = Server::<Afgh, _>::new(SigningKey::from_seed(&[3; 32]), MemoryStorage::new()).unwrap();
        server.enroll(owner.id()).unwrap();
        server.enroll(other.id()).unwrap();
        let id = |n: usize| GrantId::from_array((n as u128).to_be_bytes());
        let revoke = |signer, n| Signed::new(signer, Revocation { id: id(n), not_after: Timestamp(9) });
        let max = Server::<Afgh, MemoryStorage>::MAX_GRANTS;
        for n in 1..max {
            let tombstone = Tombstone { not_after: Timestamp(9), served: None };
            server.account(&owner.id()).unwrap().bury(id(n), tombstone);
        }
        assert_eq!(server.revoke(&owner.id(), &revoke(&owner, 0)), Ok(()));
        assert_eq!(server.revoke(&owner.id(), &revoke(&owner, max)), Err(ServerError::Full));
        let rng = &mut ChaCha20Rng::from_seed([4; 32]);
        let user = User::<Afgh>::new(SigningKey::from_seed(&[5; 32]), rng).unwrap();
        let (root, policy) = (OwnerRoot::generate(rng), AccessPolicy::new(9));
        let mut patient =
            Owner::new(SigningKey::from_seed(&[1; 32]), root, policy, [Partition::MEDICAL], 9, Timestamp(0));
        let cert = patient.certify(user.id(), Role::Doctor, Validity::new(Timestamp(0), Timestamp(9)).unwrap());
        let bundle = user.bundle(1, Timestamp(9));
        let update = patient.join(&bundle, &cert, Timestamp(0), Timestamp(0), rng).unwrap();
        let accepted = server.accept(&owner.id(), &update.delegations[0], Timestamp(0));
        assert_eq!(accepted, Err(ServerError::Full));
        // What the server has can be revoked again; other owners do not notice.
        assert_eq!(server.revoke(&owner.id(), &revoke(&owner, 1)), Ok(()));
        assert_eq!(server.revoke(&other.id(), &revoke(&other, 1)), Ok(()));
        server.purge(Timestamp(10)).unwrap();
        assert_eq!(server.revoke(&owner.id(), &revoke(&owner, max)), Ok(()));
    }
}
