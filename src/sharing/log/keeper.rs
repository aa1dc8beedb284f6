//! The keeper's side: appending to a log, and answering for it.

use alloc::vec::Vec;
use core::fmt;

use crate::context::Timestamp;
use crate::encoding::{Encoding, Message};
use crate::error::DecodeError;
use crate::hash::{Digest, label};
use crate::identity::{PartyId, Signed, SigningKey};
use crate::merkle::{Growing, Tree};
use crate::sharing::Storage;
use crate::sharing::log::{Audit, Event, LiveRef, LogHead, Position, Receipt};

const LOG: &[u8] = b"log/";

/// Why a receipt was not written, or a log not read. The log is as it was. After [`Storage`](Self::Storage) the storage
/// may hold a receipt that the log does not count: the next one replaces it, and a log that is loaded again counts it.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogError<E> {
    /// The signing key is not that of the log's keeper.
    Keeper,
    /// The event has no encoding: its approvers are too many or not in order.
    Event,
    /// The log has a newer head of live grants: the keeper's list of grants is older than its log.
    Live,
    /// A receipt is missing, or there is something else among them.
    Gap,
    /// A stored receipt is not signed by the keeper.
    Signature,
    /// A stored receipt belongs elsewhere: to another owner or another place.
    Misplaced,
    /// What the storage returned is not what was stored.
    Corrupt(DecodeError),
    /// The log has not come as far as the auditor says it saw.
    Position,
    /// The storage failed.
    Storage(E),
}

impl<E: fmt::Display> fmt::Display for LogError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keeper => f.write_str("the key is not that of the log's keeper"),
            Self::Event => f.write_str("the event's approvers are too many or not in order"),
            Self::Live => f.write_str("the log has a newer head of live grants"),
            Self::Gap => f.write_str("a receipt is missing"),
            Self::Signature => f.write_str("a stored receipt is not signed by the keeper"),
            Self::Misplaced => f.write_str("a stored receipt belongs elsewhere"),
            Self::Corrupt(error) => error.fmt(f),
            Self::Position => f.write_str("the log has not come as far"),
            Self::Storage(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for LogError<E> {}

/// A keeper's log of one owner.
///
/// The receipts are in [`Storage`], under `log/`, the owner's id and the big-endian number; in memory are two hashes
/// for each. It is never shortened. A keeper restored from a backup has a shorter log than it answered for, and the
/// owner's [`Auditor`](crate::sharing::log::Auditor) refuses it from then on.
#[derive(Clone)]
pub struct Log {
    owner: PartyId,
    keeper: PartyId,
    tree: Growing,
    /// Of the last receipt or, if later, of the last head signed since the log was loaded.
    at: Timestamp,
    live: LiveRef,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Log");
        out.field("owner", &self.owner).field("keeper", &self.keeper).field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Log {
    /// An empty log.
    pub fn new(owner: PartyId, keeper: PartyId) -> Self {
        let tree = Growing::new(Tree::new(label::MERKLE_LOG));
        Self { owner, keeper, tree, at: Timestamp(0), live: LiveRef::NONE }
    }

    /// The log that `storage` holds. Everything is checked again: one signature for each receipt.
    ///
    /// A storage that lost the last receipts cannot be told from one that never had them; the owner's auditor can.
    ///
    /// # Errors
    /// [`LogError`] naming what is wrong with the storage.
    pub fn load<St: Storage>(storage: &St, owner: PartyId, keeper: PartyId) -> Result<Self, LogError<St::Error>> {
        let mut log = Self::new(owner, keeper);
        let prefix = [LOG, owner.as_bytes()].concat();
        for key in storage.keys(&prefix).map_err(LogError::Storage)? {
            // In order of number, as keys are.
            let number = log.len();
            if key != log.key(number) {
                return Err(LogError::Gap);
            }
            let (entry, leaf) = log.read(storage, number)?;
            let receipt = entry.verify(&keeper).map_err(|_| LogError::Signature)?;
            if receipt.owner != owner || receipt.number != number {
                return Err(LogError::Misplaced);
            }
            if receipt.at < log.at {
                return Err(LogError::Corrupt(DecodeError::Value));
            }
            if !receipt.live.follows(&log.live) {
                return Err(LogError::Live);
            }
            log.grow(leaf, &receipt);
        }
        Ok(log)
    }

    /// Whose grants the log is about.
    pub fn owner(&self) -> PartyId {
        self.owner
    }

    /// Who keeps it.
    pub fn keeper(&self) -> PartyId {
        self.keeper
    }

    /// How many receipts there are.
    pub fn len(&self) -> u64 {
        self.tree.len()
    }

    /// Whether there is none yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The head of live grants in the last receipt.
    pub fn live(&self) -> LiveRef {
        self.live
    }

    fn key(&self, number: u64) -> Vec<u8> {
        [LOG, self.owner.as_bytes(), &number.to_be_bytes()].concat()
    }

    /// A stored receipt and its leaf.
    fn read<St: Storage>(&self, storage: &St, number: u64) -> Result<(Signed<Receipt>, Digest), LogError<St::Error>> {
        let bytes = storage.get(&self.key(number)).map_err(LogError::Storage)?.ok_or(LogError::Gap)?;
        let entry = Signed::from_bytes(&bytes).map_err(LogError::Corrupt)?;
        Ok((entry, self.tree.tree().leaf(&bytes)))
    }

    fn grow(&mut self, leaf: Digest, receipt: &Receipt) {
        self.tree.push(leaf);
        (self.at, self.live) = (receipt.at, receipt.live);
    }

    /// Writes a receipt of `event`, which happens at `at` under the live grants of `live`, and then makes it part of
    /// the log: hand out what the receipt is about only after this. Times never go back: a clock that does writes the
    /// last time again. Store the list of live grants before the first receipt that names it.
    ///
    /// # Errors
    /// [`LogError::Keeper`], [`LogError::Event`], [`LogError::Live`] for what an auditor would refuse, and
    /// [`LogError::Storage`]. The next receipt takes the same place then.
    pub fn append<St: Storage>(
        &mut self,
        storage: &mut St,
        signer: &SigningKey,
        at: Timestamp,
        live: LiveRef,
        event: Event,
    ) -> Result<Signed<Receipt>, LogError<St::Error>> {
        if !self.kept_by(signer) {
            return Err(LogError::Keeper);
        }
        if !event.well_formed() {
            return Err(LogError::Event);
        }
        if !live.well_formed() || !live.follows(&self.live) {
            return Err(LogError::Live);
        }
        let (number, at) = (self.len(), at.max(self.at));
        let entry = Signed::new(signer, Receipt { owner: self.owner, number, at, live, event });
        let bytes = entry.to_bytes();
        storage.put(&self.key(number), &bytes).map_err(LogError::Storage)?;
        self.grow(self.tree.tree().leaf(&bytes), entry.unverified());
        Ok(entry)
    }

    fn kept_by(&self, signer: &SigningKey) -> bool {
        signer.id() == self.keeper
    }

    /// The signed head of the log as it is; `None` when the key is not the keeper's.
    pub fn head(&mut self, signer: &SigningKey, at: Timestamp) -> Option<Signed<LogHead>> {
        if !self.kept_by(signer) {
            return None;
        }
        self.at = self.at.max(at);
        let (size, root) = (self.len(), self.tree.root());
        Some(Signed::new(signer, LogHead { owner: self.owner, size, root, at: self.at }))
    }

    /// Answers an auditor who has come to `position`: the head at `at`, the next receipts, at least one if there is
    /// one and at most `limit` or [`Audit::MAX_PAGE`], and the proofs for both. To show one receipt, ask for it as the
    /// next with a limit of one.
    ///
    /// # Errors
    /// [`LogError::Position`] when the log is shorter than that, [`LogError::Keeper`], and what is wrong with the
    /// storage.
    pub fn audit<St: Storage>(
        &mut self,
        storage: &St,
        position: Position,
        limit: usize,
        signer: &SigningKey,
        at: Timestamp,
    ) -> Result<Audit, LogError<St::Error>> {
        let page = limit.clamp(1, Audit::MAX_PAGE) as u64;
        let range = position.read..position.read.saturating_add(page).min(self.len());
        let inclusion = self.tree.prove(&range).ok_or(LogError::Position)?;
        let consistency = self.prove(position.size, self.len()).ok_or(LogError::Position)?;
        let entries = range.map(|number| {
            let (entry, leaf) = self.read(storage, number)?;
            // What no longer fits the log would be held against the keeper.
            if self.tree.leaf(number) == Some(&leaf) { Ok(entry) } else { Err(LogError::Corrupt(DecodeError::Value)) }
        });
        let entries = entries.collect::<Result<_, _>>()?;
        let head = self.head(signer, at).ok_or(LogError::Keeper)?;
        Ok(Audit { head, position, entries, inclusion, consistency })
    }

    /// The hashes that show that the log of `new` receipts continues that of `old`, for two clients who compare heads;
    /// `None` when there are not as many.
    pub fn prove(&self, old: u64, new: u64) -> Option<Vec<Digest>> {
        self.tree.prove_consistency(old, new)
    }
}
