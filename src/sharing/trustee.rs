//! A trustee: somebody who lets others in while an owner cannot act.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;

use crate::context::Timestamp;
use crate::encoding::{Encoding, Message, Reader, SecretEncoding, Sink};
use crate::error::DecodeError;
use crate::hash::Digest;
use crate::identity::{PartyId, Signed, SigningKey};
use crate::kac::trustees::{Dealing, Share, SharingChain, SubShare, VerifiedShare};
use crate::kac::{GenerationChain, Params};
use crate::kapre::{Appeal, Approval, ApprovalKey, EmergencyError, EmergencyRequest, EmergencyRules, Kapre, approve};
use crate::pre::{DelegateError, Pre};
use crate::sharing::log::{Audit, Event, LiveRef, Log};
use crate::sharing::{AuditQuery, Storage, TrusteeError};

/// An owner in this trustee's care.
struct Ward {
    share: VerifiedShare,
    rules: Signed<EmergencyRules>,
    log: Log,
}

/// A trustee with its shares of owners' secrets, and a [log](crate::sharing::log) for each owner, which the owner reads
/// when it can again.
///
/// It approves what the owner's rules allow, for whom proves who he is: [`approve`](crate::kapre::approve). Whether there
/// is an emergency is for people: ask before you call.
///
/// A share is written to [`Storage`] before it is used, in the clear: choose a storage that is as safe as the share has
/// to be. As many trustees as the threshold read everything if they collude.
pub struct Trustee<St: Storage> {
    params: Arc<Params>,
    signing: SigningKey,
    storage: St,
    wards: BTreeMap<PartyId, Ward>,
    seen: BTreeSet<(Timestamp, Digest)>,
}

impl<St: Storage> fmt::Debug for Trustee<St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Trustee");
        out.field("id", &self.id()).field("wards", &self.wards.len()).finish_non_exhaustive()
    }
}

const WARD: &[u8] = b"ward/";

fn storage_key(owner: &PartyId) -> Vec<u8> {
    [WARD, owner.as_bytes()].concat()
}

/// That the owner signed the rules, for those who share its secret.
fn check_rules<E>(
    rules: &Signed<EmergencyRules>,
    owner: &PartyId,
    share: &VerifiedShare,
) -> Result<(), TrusteeError<E>> {
    let rules = rules.verify(owner).map_err(|_| TrusteeError::Signature)?;
    if rules.committee() == share.sharing().committee() {
        Ok(())
    } else {
        Err(TrusteeError::Emergency(EmergencyError::Committee))
    }
}

impl<St: Storage> Trustee<St> {
    /// How far an audit's time may lie from the trustee's, in seconds.
    pub const WINDOW: u64 = 300;

    /// A trustee with what `storage` holds; everything is checked again.
    ///
    /// # Errors
    /// [`TrusteeError`] when the storage returns something else than was stored.
    pub fn load(params: Arc<Params>, signing: SigningKey, storage: St) -> Result<Self, TrusteeError<St::Error>> {
        let mut trustee = Self { params, signing, storage, wards: BTreeMap::new(), seen: BTreeSet::new() };
        for key in trustee.storage.keys(WARD).map_err(TrusteeError::Storage)? {
            let owner = key.get(WARD.len()..).and_then(|owner| owner.try_into().ok());
            let owner = PartyId::from_array(owner.ok_or(TrusteeError::Corrupt(DecodeError::Length))?);
            let bytes = trustee.storage.get(&key).map_err(TrusteeError::Storage)?.unwrap_or_default();
            let mut reader = Reader::new(&bytes);
            let mut read = || {
                let (key, sharing) = (GenerationChain::read(&mut reader)?, SharingChain::read(&mut reader)?);
                let (rules, share) = (Signed::<EmergencyRules>::read(&mut reader)?, Share::read(&mut reader)?);
                Ok((key, sharing, rules, share))
            };
            let (owner_key, sharing, rules, share) = read().map_err(TrusteeError::Corrupt)?;
            reader.finish().map_err(TrusteeError::Corrupt)?;
            let generation = Kapre::verify_owner(&trustee.params, &owner_key, &owner).map_err(TrusteeError::Key)?;
            let sharing = sharing.verify(&generation).map_err(TrusteeError::Sharing)?;
            let share = share.verify(&sharing).map_err(TrusteeError::Share)?;
            check_rules(&rules, &owner, &share)?;
            let log = Log::load(&trustee.storage, owner, trustee.signing.id())?;
            trustee.wards.insert(owner, Ward { share, rules, log });
        }
        Ok(trustee)
    }

    /// The trustee's name.
    pub fn id(&self) -> PartyId {
        self.signing.id()
    }

    /// Takes an owner into care, or what the owner prepared anew, or the trustees refreshed: checks the owner's key, how its
    /// secret is shared, and that the sub-shares that this trustee received make its share. What was there before is
    /// gone.
    ///
    /// # Errors
    /// [`TrusteeError`] naming the check that failed.
    pub fn entrust(
        &mut self,
        owner: &PartyId,
        owner_key: &GenerationChain,
        rules: &Signed<EmergencyRules>,
        sharing: &SharingChain,
        sub_shares: &[SubShare],
    ) -> Result<(), TrusteeError<St::Error>> {
        let generation = Kapre::verify_owner(&self.params, owner_key, owner).map_err(TrusteeError::Key)?;
        let resharing = sharing.last(&generation).map_err(TrusteeError::Sharing)?;
        let share = resharing.share(&self.id(), sub_shares).map_err(TrusteeError::Share)?;
        check_rules(rules, owner, &share)?;
        let share_bytes = share.share().to_secret_bytes();
        let public = [owner_key.to_bytes(), sharing.to_bytes(), rules.to_bytes()].concat();
        let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(public.len() + share_bytes.len()));
        bytes.put(&public);
        bytes.put(&share_bytes);
        self.storage.put(&storage_key(owner), &bytes).map_err(TrusteeError::Storage)?;
        let log = match self.wards.remove(owner) {
            Some(ward) => ward.log,
            None => Log::load(&self.storage, *owner, self.id())?,
        };
        self.wards.insert(*owner, Ward { share, rules: rules.clone(), log });
        Ok(())
    }

    /// This trustee's part of a refresh: shares its share anew among the same trustees. The dealing is public, and each of
    /// the sub-shares, which come in their order, is for its trustee alone.
    ///
    /// The dealings of as many trustees as the threshold, all the same ones everywhere, go into the owner's
    /// [`SharingChain`]; with that and the sub-shares every trustee is [entrusted](Self::entrust) anew, under the rules of
    /// before. Shares that were stolen before fit nothing then.
    ///
    /// # Errors
    /// [`TrusteeError::Unknown`] for an owner who is not in care, [`TrusteeError::Rng`] when the generator fails.
    #[allow(clippy::type_complexity, reason = "what dealing gives, and what may go wrong")]
    pub fn deal<R: TryCryptoRng + ?Sized>(
        &self,
        owner: &PartyId,
        rng: &mut R,
    ) -> Result<(Signed<Dealing>, Vec<SubShare>), TrusteeError<St::Error>> {
        let Ward { share, .. } = self.wards.get(owner).ok_or(TrusteeError::Unknown)?;
        // The share is this trustee's, so nothing but the generator fails.
        share.deal(&self.signing, share.sharing().committee(), rng).map_err(|_| TrusteeError::Rng)
    }

    /// Approves a request, after writing the receipt that the owner will find: the approval for everybody, and the key
    /// for the re-encryption server alone, over a confidential channel that shows who sent it.
    ///
    /// # Errors
    /// [`TrusteeError::Unknown`] for an owner who is not in care; [`TrusteeError::Emergency`] naming the check that
    /// failed; [`TrusteeError::Rng`]; [`TrusteeError::Storage`] when the receipt could not be written: then nothing was
    /// approved.
    pub fn approve<R: TryCryptoRng + ?Sized>(
        &mut self,
        owner: &PartyId,
        request: &Signed<EmergencyRequest>,
        appeal: &Signed<Appeal>,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<(Signed<Approval>, ApprovalKey), TrusteeError<St::Error>> {
        let ward = self.wards.get_mut(owner).ok_or(TrusteeError::Unknown)?;
        let (params, signing) = (&self.params, &self.signing);
        let approved = approve(params, &ward.share, signing, &ward.rules, request, appeal, now, rng);
        let approved = approved.map_err(|error| match error {
            EmergencyError::Delegate(DelegateError::Rng) => TrusteeError::Rng,
            other => TrusteeError::Emergency(other),
        })?;
        let event = Event::Approved {
            grant: request.unverified().id(),
            user: request.signer().id(),
            request: request.digest(),
            validity: request.unverified().validity(),
        };
        ward.log.append(&mut self.storage, signing, now, LiveRef::NONE, event)?;
        Ok(approved)
    }

    /// Answers an owner's audit, as a server [does](crate::sharing::Server::audit).
    ///
    /// # Errors
    /// [`TrusteeError::Unknown`], [`TrusteeError::Signature`]; [`TrusteeError::Stale`] for a query to another keeper, of
    /// another time, or that was answered before; [`TrusteeError::Log`] for a position beyond the log.
    pub fn audit(&mut self, query: &Signed<AuditQuery>, now: Timestamp) -> Result<Audit, TrusteeError<St::Error>> {
        let owner = query.signer().id();
        let ward = self.wards.get_mut(&owner).ok_or(TrusteeError::Unknown)?;
        let query = query.verify(&owner).map_err(|_| TrusteeError::Signature)?;
        let stale = query.keeper != self.signing.id() || query.at.0.abs_diff(now.0) > Self::WINDOW;
        if stale || self.seen.contains(&(query.at, query.digest())) {
            return Err(TrusteeError::Stale);
        }
        let audit = ward.log.audit(&self.storage, query.position, Audit::MAX_PAGE, &self.signing, now)?;
        self.seen = self.seen.split_off(&(Timestamp(now.0.saturating_sub(Self::WINDOW)), Digest::NONE));
        self.seen.insert((query.at, query.digest()));
        Ok(audit)
    }

    /// The storage, for backups and tests.
    pub fn storage(&self) -> &St {
        &self.storage
    }
}
