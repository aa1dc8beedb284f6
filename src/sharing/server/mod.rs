//! The re-encryption server: the paper's SRS, with the secret keys of nobody.

mod carried;
mod kapre;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;

use self::carried::{Account, Carried, storage_key};
use crate::context::{Context, Timestamp};
use crate::encoding::{Encoding, Message, Reader, SecretEncoding, Sink};
use crate::error::DecodeError;
use crate::hash::Digest;
use crate::identity::{PartyId, Signed, SigningKey, Verified};
use crate::kem::{CapsuleParts, OwnerTerms};
use crate::pre::{Basis, GrantId, GrantTerms, LiveError, LiveSet, LiveUpdate, ReencryptError};
use crate::sharing::log::{Audit, Event, Log, Rule};
use crate::sharing::{
    AuditQuery, Delegation, Denied, Request, RequestError, Response, ServerError, SharingScheme, Storage,
};

/// A semi-trusted server that carries out grants.
///
/// It holds re-encryption keys and no key that opens anything; it sees who asks for which record and when. It carries
/// out what the owner's highest [head of live grants](LiveSet) lists, for as long as that head lasts, and writes a
/// [receipt](crate::sharing::log) of all that it does before anybody has anything of it. It could refuse to work, go on
/// serving a grant that was taken back, or write no receipt: nothing here detects that. Together with a delegatee it
/// reaches what the scheme's documentation says.
///
/// Everything is written to [`Storage`] before it takes effect, and [`load`](Self::load) reads back the same state and
/// checks it again. In memory alone is which requests were seen, so that one of the last [`WINDOW`](Self::WINDOW) can be
/// repeated once after a restart, to nobody's use but the requester's. A server restored from an old backup goes on
/// with an old head until that expires or the owner [sends](crate::sharing::Owner::live) the current one, and the owner
/// notices: its log is shorter than it was.
pub struct Server<S: SharingScheme, St: Storage> {
    params: Arc<S::Params>,
    signing: SigningKey,
    storage: St,
    accounts: BTreeMap<PartyId, Account<S>>,
    /// By time, so that forgetting costs only what is forgotten.
    seen: BTreeSet<(Timestamp, Digest)>,
}

impl<S: SharingScheme, St: Storage> fmt::Debug for Server<S, St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("id", &self.id())
            .field("owners", &self.accounts.len())
            .field("grants", &self.accounts.values().map(|account| account.grants.len()).sum::<usize>())
            .finish_non_exhaustive()
    }
}

const OWNER: &[u8] = b"owner/";
const LIVE: &[u8] = b"live/";
const GRANT: &[u8] = b"grant/";

/// Owner and, for the kinds that have one, the grant's id.
fn split_key<const ID: usize>(prefix: &[u8], key: &[u8]) -> Result<(PartyId, [u8; ID]), DecodeError> {
    let mut reader = Reader::new(key.get(prefix.len()..).unwrap_or_default());
    let (owner, id) = (PartyId::from_array(reader.array()?), reader.array()?);
    reader.finish().map(|()| (owner, id))
}

impl<S: SharingScheme, St: Storage> Server<S, St> {
    /// How far a request's time may lie from the server's, in seconds.
    pub const WINDOW: u64 = 300;
    /// How many denials of one party, and of all strangers together, the log takes between two audits by the owner.
    pub const MAX_DENIALS: usize = 1024;
    /// Most grants of one owner.
    pub const MAX_GRANTS: usize = 65_536;
    /// Most receipts in one answer to an audit.
    const PAGE: usize = Audit::MAX_PAGE;

    /// A server with what `storage` holds. Everything is checked again, as of the time when it was accepted: what the
    /// clock says when a server starts changes nothing. What a crash cut short is brought to its end.
    ///
    /// # Errors
    /// [`ServerError::Corrupt`] and the errors of the checks when the storage returns something else than was stored.
    pub fn load(params: Arc<S::Params>, signing: SigningKey, storage: St) -> Result<Self, ServerError<St::Error>> {
        let mut server = Self { params, signing, storage, accounts: BTreeMap::new(), seen: BTreeSet::new() };
        for key in server.storage.keys(OWNER).map_err(ServerError::Storage)? {
            let (owner, []) = split_key(OWNER, &key).map_err(ServerError::Corrupt)?;
            let stored = server.storage.get(&storage_key(LIVE, &owner, &[])).map_err(ServerError::Storage)?;
            let live = stored.map_or(Ok(LiveSet::new()), |bytes| LiveSet::from_bytes(&bytes));
            let live = live.map_err(ServerError::Corrupt)?;
            live.verify(&owner).map_err(ServerError::Live)?;
            let log = Log::load(&server.storage, owner, server.signing.id())?;
            server.accounts.insert(owner, Account::new(live, log));
        }
        for key in server.storage.keys(GRANT).map_err(ServerError::Storage)? {
            let (owner, id) = split_key(GRANT, &key).map_err(ServerError::Corrupt)?;
            let value = server.storage.get(&key).map_err(ServerError::Storage)?.unwrap_or_default();
            let mut reader = Reader::new(&value);
            let accepted = Timestamp(reader.u64().map_err(ServerError::Corrupt)?);
            let delegation = Delegation::read(&mut reader).map_err(ServerError::Corrupt)?;
            reader.finish().map_err(ServerError::Corrupt)?;
            let carried = server.check(&owner, &delegation, accepted)?;
            if carried.terms.id().as_bytes() != &id {
                return Err(ServerError::Corrupt(DecodeError::Value));
            }
            server.account(&owner)?.carry(carried);
        }
        let owners: Vec<_> = server.accounts.keys().copied().collect();
        owners.iter().try_for_each(|owner| server.settle(owner, Timestamp(0)))?;
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
        let log = Log::new(owner, self.signing.id());
        self.accounts.entry(owner).or_insert_with(|| Account::new(LiveSet::new(), log));
        Ok(())
    }

    /// Writes a receipt.
    fn note(&mut self, owner: &PartyId, now: Timestamp, event: Event) -> Result<(), ServerError<St::Error>> {
        let account = self.accounts.get_mut(owner).ok_or(ServerError::UnknownOwner)?;
        let live = (&account.live).into();
        account.log.append(&mut self.storage, &self.signing, now, live, event)?;
        Ok(())
    }

    /// Takes the owner's word on which grants are in force. What it does not list is dead from then on, its
    /// re-encryption key is deleted, and no older word brings it back. The same head may come again.
    ///
    /// # Errors
    /// [`ServerError::UnknownOwner`]; [`ServerError::Live`] naming the check that failed, with
    /// [`LiveError::Behind`] when the server needs the [complete list](crate::sharing::Owner::live);
    /// [`ServerError::Storage`]: send it again then.
    pub fn update(
        &mut self,
        owner: &PartyId,
        update: &LiveUpdate,
        now: Timestamp,
    ) -> Result<(), ServerError<St::Error>> {
        let mut live = self.account(owner)?.live.clone();
        live.apply(update, owner).map_err(ServerError::Live)?;
        // First the list: a crash after it leaves dead grants, never live ones.
        self.storage.put(&storage_key(LIVE, owner, &[]), &live.to_bytes()).map_err(ServerError::Storage)?;
        self.account(owner)?.live = live;
        self.settle(owner, now)
    }

    /// Brings log and grants to what the list of live grants says.
    fn settle(&mut self, owner: &PartyId, now: Timestamp) -> Result<(), ServerError<St::Error>> {
        let account = self.account(owner)?;
        let dead = account.dead();
        if account.log.live() != (&account.live).into() {
            let generation = account.live.generation();
            self.note(owner, now, Event::Advanced { generation })?;
        }
        for (grant, user) in dead {
            self.note(owner, now, Event::Revoked { grant, user })?;
            self.storage.delete(&storage_key(GRANT, owner, grant.as_bytes())).map_err(ServerError::Storage)?;
            self.account(owner)?.drop(&grant);
        }
        Ok(())
    }

    /// Takes a delegation of `owner`'s: checks the owner's key, the grant's signature and time, that it is live, and that
    /// the re-encryption key is the one that the grant fixes. The same delegation may come again.
    ///
    /// # Errors
    /// [`ServerError`]; [`ServerError::Live`] for a grant that is not live or was taken back, [`ServerError::Duplicate`]
    /// when another grant has its name, and [`ServerError::Full`] beyond [`MAX_GRANTS`](Self::MAX_GRANTS).
    pub fn accept(
        &mut self,
        owner: &PartyId,
        delegation: &Delegation<S>,
        now: Timestamp,
    ) -> Result<(), ServerError<St::Error>> {
        let carried = self.check(owner, delegation, now)?;
        let (id, user, validity) = (carried.terms.id(), carried.terms.user(), carried.terms.validity());
        let account = self.account(owner)?;
        account.admits(&carried, now).map_err(ServerError::Live)?;
        match account.grants.get(&id) {
            // The grant fixes the re-encryption key, so nothing else can have come.
            Some(known) if known.terms.digest() == carried.terms.digest() => return Ok(()),
            Some(_) => return Err(ServerError::Duplicate),
            None if account.grants.len() >= Self::MAX_GRANTS => return Err(ServerError::Full),
            None => {}
        }
        let event = match carried.terms.basis() {
            Basis::Owner => Event::Granted { grant: id, user, terms: carried.terms.digest(), validity },
            Basis::Referral { parent, by } => Event::Referred { grant: id, parent, user, by, validity },
            Basis::Emergency { request, mut approvers } => {
                approvers.sort_unstable();
                Event::Emergency { grant: id, user, request, approvers, validity }
            }
        };
        self.note(owner, now, event)?;
        let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(8 + delegation.encoded_len()));
        bytes.put(&now.0.to_be_bytes());
        bytes.put(&delegation.to_secret_bytes());
        self.storage.put(&storage_key(GRANT, owner, id.as_bytes()), &bytes).map_err(ServerError::Storage)?;
        self.account(owner)?.carry(carried);
        Ok(())
    }

    /// Everything about a delegation but whether it is live.
    fn check(
        &self,
        owner: &PartyId,
        delegation: &Delegation<S>,
        now: Timestamp,
    ) -> Result<Carried<S>, ServerError<St::Error>> {
        if !self.accounts.contains_key(owner) {
            return Err(ServerError::UnknownOwner);
        }
        let key = S::verify_owner(&self.params, &delegation.owner_key, owner).map_err(ServerError::Key)?;
        let terms = S::verify_grant(&self.params, &key, &delegation.grant, now).map_err(ServerError::Grant)?;
        let rekey = S::verify_rekey(&self.params, &key, &terms, &delegation.rekey).map_err(ServerError::Grant)?;
        // It would count twice towards the threshold, were this server to answer with two of them.
        if delegation.server().is_some_and(|server| server != self.id()) {
            return Err(ServerError::OtherServer);
        }
        Ok(Carried {
            owner: key,
            owner_key: delegation.owner_key.clone(),
            grant: delegation.grant.clone(),
            terms,
            rekey,
        })
    }

    /// Forgets what has ended by itself: the re-encryption keys of expired grants.
    ///
    /// # Errors
    /// [`ServerError::Storage`]; call it again then.
    pub fn purge(&mut self, now: Timestamp) -> Result<(), ServerError<St::Error>> {
        for (owner, account) in &mut self.accounts {
            for id in account.ended(now) {
                self.storage.delete(&storage_key(GRANT, owner, id.as_bytes())).map_err(ServerError::Storage)?;
                account.drop(&id);
            }
        }
        Ok(())
    }

    /// Carries out a request: who signed it, whether it is meant for this server and now, whether a live grant covers
    /// it, and whether the capsule is well-formed, in this order; then re-encrypts, writes the receipt, and answers.
    ///
    /// The requester learns «denied» and nothing else, though not always after the same time; the owner learns which
    /// [`Rule`] denied from the log.
    ///
    /// Cost: two signature checks, the scheme's capsule check and re-encryption, one signature, one write.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn reencrypt<R: TryCryptoRng + ?Sized>(
        &mut self,
        request: &Signed<Request<S>>,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Response<S>, RequestError> {
        let user = request.signer().id();
        let request = request.verify(&user).map_err(|_| RequestError::Denied(Denied))?;
        let ctx = request.context.get();
        // Without a signature there is nobody to name, and without an owner nobody to tell.
        if !self.accounts.contains_key(&ctx.owner) {
            return Err(RequestError::Denied(Denied));
        }
        let (digest, record, partition) = (request.digest(), ctx.record, ctx.partition);
        match self.decide(&user, &request, &ctx, now, rng) {
            Ok((grant, response)) => {
                let (version, context) = (ctx.version, ctx.digest());
                let event = Event::Reencrypted { grant, user, request: digest, record, version, partition, context };
                self.note(&ctx.owner, now, event).map_err(|_| RequestError::Unavailable)?;
                self.remember(&request, request.at, now);
                Ok(response)
            }
            Err(ReencryptFailure::Rng) => Err(RequestError::Rng),
            Err(ReencryptFailure::Denied(rule)) => {
                let account = self.accounts.get_mut(&ctx.owner).ok_or(RequestError::Denied(Denied))?;
                // Whoever has a copy can send these in another's name, so they do not count as a member's.
                let fresh = !matches!(rule, Rule::OtherServer | Rule::Stale | Rule::Replayed);
                let member = account.knows(&user).filter(|_| fresh);
                if account.may_log_denial(member, Self::MAX_DENIALS) {
                    let event = Event::Denied { user, request: digest, record, partition, rule };
                    self.note(&ctx.owner, now, event).map_err(|_| RequestError::Unavailable)?;
                    if member.is_some() {
                        self.remember(&request, request.at, now);
                    }
                }
                Err(RequestError::Denied(Denied))
            }
        }
    }

    fn decide<R: TryCryptoRng + ?Sized>(
        &self,
        user: &PartyId,
        request: &Verified<Request<S>>,
        ctx: &Context<'_>,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<(GrantId, Response<S>), ReencryptFailure> {
        if request.server != self.id() {
            return Err(Rule::OtherServer.into());
        }
        if request.at.0.abs_diff(now.0) > Self::WINDOW {
            return Err(Rule::Stale.into());
        }
        if self.seen.contains(&(request.at, request.digest())) {
            return Err(Rule::Replayed.into());
        }
        let account = self.accounts.get(&ctx.owner).ok_or(Rule::NoGrant)?;
        let generation = request.capsule.generation();
        if generation < account.live.generation() {
            return Err(Rule::Generation.into());
        }
        let (mut refusal, mut checked) = (Rule::NoGrant, None);
        // While stored capsules are updated, a user has grants of two generations.
        let fits = |carried: &&Carried<S>| {
            carried.owner.generation() == generation && S::covers(&self.params, &carried.owner, ctx)
        };
        for carried in account.of(user).filter(fits) {
            match account.admits(carried, now) {
                Ok(()) => {}
                Err(LiveError::Stale) => return Err(Rule::NoHead.into()),
                Err(_) => continue,
            }
            // The grants of one user are under one key in schemes that have one.
            if checked.as_ref().is_none_or(|(origin, _)| *origin != carried.terms.origin()) {
                let capsule = S::verify_capsule(&self.params, &carried.owner, &request.capsule, ctx);
                checked = Some((carried.terms.origin(), capsule.map_err(|_| Rule::Capsule)?));
            }
            let Some((_, capsule)) = &checked else { continue };
            match S::reencrypt(&self.params, &carried.rekey, capsule, &self.signing, now, rng) {
                Ok(part) => {
                    let response = Response {
                        request: request.digest(),
                        owner_key: carried.owner_key.clone(),
                        grant: carried.grant.clone(),
                        parts: Vec::from([part]),
                    };
                    return Ok((carried.terms.id(), response));
                }
                // Another grant may cover it. What is said of one that does cover it goes first.
                Err(ReencryptError::Scope) if refusal != Rule::NoGrant => {}
                Err(ReencryptError::Scope) => refusal = Rule::Scope,
                Err(ReencryptError::NotYetValid) => refusal = Rule::NotYetValid,
                Err(ReencryptError::Expired) => refusal = Rule::Expired,
                Err(ReencryptError::Capsule(_)) => refusal = Rule::Capsule,
                Err(ReencryptError::Rng) => return Err(ReencryptFailure::Rng),
            }
        }
        Err(refusal.into())
    }

    /// Remembers a statement that was acted on, and forgets those that are too old to be taken again. What lies in
    /// the future stays: a clock that went back comes forward again.
    fn remember<T>(&mut self, statement: &Verified<T>, at: Timestamp, now: Timestamp) {
        let oldest = Timestamp(now.0.saturating_sub(Self::WINDOW));
        self.seen = self.seen.split_off(&(oldest, Digest::NONE));
        self.seen.insert((at, statement.digest()));
    }

    /// Answers an owner's audit: a page of the log of the owner's grants, with its signed head and proofs, for the
    /// owner's [`Auditor`](crate::sharing::log::Auditor).
    ///
    /// Each query is answered once; the answer is for the owner and travels over a confidential channel.
    ///
    /// # Errors
    /// [`ServerError::UnknownOwner`], [`ServerError::Signature`]; [`ServerError::Stale`] for a query to another
    /// server, of another time, or that was answered before; [`ServerError::Log`] for a position beyond the log.
    pub fn audit(&mut self, query: &Signed<AuditQuery>, now: Timestamp) -> Result<Audit, ServerError<St::Error>> {
        let owner = query.signer().id();
        if !self.accounts.contains_key(&owner) {
            return Err(ServerError::UnknownOwner);
        }
        let query = query.verify(&owner).map_err(|_| ServerError::Signature)?;
        let stale = query.keeper != self.id() || query.at.0.abs_diff(now.0) > Self::WINDOW;
        if stale || self.seen.contains(&(query.at, query.digest())) {
            return Err(ServerError::Stale);
        }
        let account = self.accounts.get_mut(&owner).ok_or(ServerError::UnknownOwner)?;
        let audit = account.log.audit(&self.storage, query.position, Self::PAGE, &self.signing, now)?;
        account.audited();
        self.remember(&query, query.at, now);
        Ok(audit)
    }

    /// The storage, for backups and tests.
    pub fn storage(&self) -> &St {
        &self.storage
    }
}

impl<S: SharingScheme<Params = ()>, St: Storage> Server<S, St> {
    /// A server of a scheme without parameters, with what `storage` holds.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn new(signing: SigningKey, storage: St) -> Result<Self, ServerError<St::Error>> {
        Self::load(Arc::new(()), signing, storage)
    }
}

/// Why nothing was re-encrypted.
enum ReencryptFailure {
    Denied(Rule),
    Rng,
}

impl From<Rule> for ReencryptFailure {
    fn from(rule: Rule) -> Self {
        Self::Denied(rule)
    }
}
