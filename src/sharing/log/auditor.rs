//! The owner's side: following a log, and holding its keeper to it.

use alloc::vec::Vec;
use core::fmt;

use crate::context::Timestamp;
use crate::encoding::{Encoding, Kind, Message, Reader, Sink, SuiteId, kind, public_encoding};
use crate::error::DecodeError;
use crate::hash::{Digest, label};
use crate::identity::{PartyId, Signed, Verified};
use crate::merkle::Tree;
use crate::sharing::log::{Audit, LiveRef, LogHead, Position, Receipt};

/// What is wrong with what a keeper showed. The auditor is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuditError {
    /// The head or a receipt is not signed by the keeper.
    Signature,
    /// The head or a receipt is about another owner.
    Owner,
    /// The log is shorter than it was.
    Truncated,
    /// The log was not shown to continue the one seen before. Two heads of one size with different roots are evidence.
    Forked,
    /// The answer is to another question than this auditor asked.
    Position,
    /// There are receipts that were not read, and none of them is here.
    Withheld,
    /// The receipts are not the next ones, in order.
    Order,
    /// The receipts are not those that the head is over.
    Entries,
    /// A receipt names a head of live grants older than one before it, a second one of the same version, or one that
    /// the owner did not sign.
    Live,
    /// A receipt or head is older than what comes before it.
    Time,
    /// The log has another receipt, or none, in this one's place.
    Missing,
}

impl fmt::Display for AuditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature => "the head or a receipt is not signed by the keeper",
            Self::Owner => "the head or a receipt is about another owner",
            Self::Truncated => "the log is shorter than it was",
            Self::Forked => "the log does not continue the one seen before",
            Self::Position => "the answer is to another question",
            Self::Withheld => "receipts are withheld",
            Self::Order => "the receipts are not the next ones, in order",
            Self::Entries => "the receipts are not those that the head is over",
            Self::Live => "a receipt names a head of live grants that cannot have been in force",
            Self::Time => "a receipt or head is older than what comes before it",
            Self::Missing => "the log does not hold this receipt",
        })
    }
}

impl core::error::Error for AuditError {}

/// What somebody has verified of a keeper's log of an owner.
///
/// It remembers two things that need not agree: the highest head that it took, and how many receipts it has read.
/// Every later head must continue the head, whether or not the receipts under it were read. What was not read is the
/// keeper's claim: a head may promise receipts that do not exist, and then [`unread`](Self::unread) never comes to
/// zero.
///
/// Keep it where nobody else writes, and never go back to an older one: it is the only memory of what the keeper said.
///
/// Encoded length: 4 + 32 + 32 + 8 + 8 + 40 + 1, and the signed head if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auditor {
    owner: PartyId,
    keeper: PartyId,
    head: Option<Signed<LogHead>>,
    read: u64,
    // Of the last receipt that was read.
    at: Timestamp,
    live: LiveRef,
}

impl Auditor {
    /// One that has seen nothing of the log that `keeper` keeps of `owner`.
    pub fn new(owner: PartyId, keeper: PartyId) -> Self {
        Self { owner, keeper, head: None, read: 0, at: Timestamp(0), live: LiveRef::NONE }
    }

    /// Whose grants the log is about.
    pub fn owner(&self) -> PartyId {
        self.owner
    }

    /// Who keeps the log.
    pub fn keeper(&self) -> PartyId {
        self.keeper
    }

    /// The highest head taken: to compare with others, and evidence against the keeper.
    pub fn head(&self) -> Option<&Signed<LogHead>> {
        self.head.as_ref()
    }

    fn seen(&self) -> Option<&LogHead> {
        self.head().map(Signed::unverified)
    }

    /// When the keeper signed the head; `None` before the first.
    pub fn at(&self) -> Option<Timestamp> {
        self.seen().map(|head| head.at)
    }

    /// What to ask the keeper for.
    pub fn position(&self) -> Position {
        Position { read: self.read, size: self.seen().map_or(0, |head| head.size) }
    }

    /// How many receipts the keeper has answered for that were not read yet: while there are any, ask again.
    pub fn unread(&self) -> u64 {
        self.position().size.saturating_sub(self.read)
    }

    /// The head of live grants in the last receipt that was read.
    pub fn live(&self) -> LiveRef {
        self.live
    }

    /// Takes the keeper's answer to [`position`](Self::position): checks the head, that it continues the one before,
    /// and that the receipts are the next ones under it. Returns them.
    ///
    /// Cost: one signature check for each receipt.
    ///
    /// # Errors
    /// [`AuditError`] naming the first check that failed. An answer altered on the way fails as a keeper's lie does:
    /// ask again before accusing anybody.
    pub fn follow(&mut self, audit: &Audit) -> Result<Vec<Receipt>, AuditError> {
        let head = self.next_head(audit)?;
        if audit.position.read != self.read {
            return Err(AuditError::Position);
        }
        let entries = self.page(audit, &head)?;
        if entries.is_empty() && self.read < head.size {
            return Err(AuditError::Withheld);
        }
        let (mut at, mut live) = (self.at, self.live);
        for receipt in &entries {
            if !receipt.live.follows(&live) {
                return Err(AuditError::Live);
            }
            if receipt.at < at {
                return Err(AuditError::Time);
            }
            (at, live) = (receipt.at, receipt.live);
        }
        if head.at < at {
            return Err(AuditError::Time);
        }
        // As many as the page holds at most.
        self.read = self.read.saturating_add(entries.len() as u64);
        self.head = Some(audit.head.clone());
        (self.at, self.live) = (at, live);
        Ok(entries.into_iter().map(|entry| Receipt::clone(&entry)).collect())
    }

    /// Checks that the log holds `receipt`, by the keeper's answer to a [`Position`] that asks for its number next.
    /// The head is taken, as by [`follow`](Self::follow); what was read stays as it is.
    ///
    /// A receipt that the keeper signed, and another in its place in the keeper's log, are evidence against it. A head
    /// that was signed before the receipt says nothing.
    ///
    /// # Errors
    /// [`AuditError::Missing`], and as [`follow`](Self::follow).
    pub fn includes(&mut self, receipt: &Signed<Receipt>, audit: &Audit) -> Result<(), AuditError> {
        let claimed = receipt.verify(&self.keeper).map_err(|_| AuditError::Signature)?;
        if claimed.owner != self.owner {
            return Err(AuditError::Owner);
        }
        let head = self.next_head(audit)?;
        let entries = self.page(audit, &head)?;
        // The keeper may have been asked for another page; then this is no answer.
        let place = claimed.number.checked_sub(audit.position.read).ok_or(AuditError::Position)?;
        let held = usize::try_from(place).ok().and_then(|place| entries.get(place));
        if held.is_none() && claimed.number < head.size {
            return Err(AuditError::Position);
        }
        if held.map(Verified::digest) != Some(claimed.digest()) {
            return Err(AuditError::Missing);
        }
        self.head = Some(audit.head.clone());
        Ok(())
    }

    /// Checks that a head which the keeper gave somebody else is of the same log, by
    /// [the keeper's proof](crate::sharing::log::Log::prove) between the two sizes, whichever is smaller. Two clients
    /// who do this find a keeper who shows each another log.
    ///
    /// # Errors
    /// [`AuditError::Signature`], [`AuditError::Owner`], and [`AuditError::Forked`] when one log does not continue the
    /// other.
    pub fn agrees(&self, head: &Signed<LogHead>, proof: &[Digest]) -> Result<(), AuditError> {
        let other = self.own(head)?;
        let (mine, theirs) = (self.seen_root(), (other.size, other.root));
        let (old, new) = if mine.0 <= theirs.0 { (mine, theirs) } else { (theirs, mine) };
        if consistent(&old, &new, proof) { Ok(()) } else { Err(AuditError::Forked) }
    }

    /// Checks that every head of live grants that `receipts` name is one that the owner signed: `signed` says of a
    /// version which.
    ///
    /// # Errors
    /// [`AuditError::Live`].
    pub fn check_live<'a>(
        receipts: impl IntoIterator<Item = &'a Receipt>,
        signed: impl Fn(u64) -> Option<Digest>,
    ) -> Result<(), AuditError> {
        let genuine = |live: &LiveRef| *live == LiveRef::NONE || signed(live.version) == Some(live.head);
        if receipts.into_iter().all(|receipt| genuine(&receipt.live)) { Ok(()) } else { Err(AuditError::Live) }
    }

    /// Size and root of the log as far as it was seen.
    fn seen_root(&self) -> (u64, Digest) {
        self.seen().map_or_else(|| (0, tree().root(&[])), |head| (head.size, head.root))
    }

    /// A head that the keeper signed, of this owner's log.
    fn own(&self, head: &Signed<LogHead>) -> Result<Verified<LogHead>, AuditError> {
        let head = head.verify(&self.keeper).map_err(|_| AuditError::Signature)?;
        if head.owner == self.owner { Ok(head) } else { Err(AuditError::Owner) }
    }

    /// The answer's head, if it continues the one that was seen.
    fn next_head(&self, audit: &Audit) -> Result<Verified<LogHead>, AuditError> {
        let head = self.own(&audit.head)?;
        let (size, root) = self.seen_root();
        if head.size < size {
            return Err(AuditError::Truncated);
        }
        // Of one size there is one root, whatever the rest of the answer says.
        if head.size == size && head.root != root {
            return Err(AuditError::Forked);
        }
        if audit.position.size != size {
            return Err(AuditError::Position);
        }
        if !consistent(&(size, root), &(head.size, head.root), &audit.consistency) {
            return Err(AuditError::Forked);
        }
        if self.at().is_some_and(|at| head.at < at) {
            return Err(AuditError::Time);
        }
        Ok(head)
    }

    /// The answer's receipts, if the head is over them in their places.
    fn page(&self, audit: &Audit, head: &LogHead) -> Result<Vec<Verified<Receipt>>, AuditError> {
        let numbers = audit.position.read..;
        let entries = audit.entries.iter().zip(numbers).map(|(entry, number)| {
            let receipt = entry.verify(&self.keeper).map_err(|_| AuditError::Signature)?;
            if receipt.owner != self.owner {
                return Err(AuditError::Owner);
            }
            if receipt.number != number {
                return Err(AuditError::Order);
            }
            Ok(receipt)
        });
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        let tree = tree();
        let leaves: Vec<_> = audit.entries.iter().map(|entry| tree.leaf(&entry.to_bytes())).collect();
        let root = tree.root_of_range(head.size, audit.position.read, &leaves, &audit.inclusion);
        if root == Some(head.root) { Ok(entries) } else { Err(AuditError::Entries) }
    }
}

fn tree() -> Tree {
    Tree::new(label::MERKLE_LOG)
}

fn consistent(old: &(u64, Digest), new: &(u64, Digest), proof: &[Digest]) -> bool {
    tree().consistent((old.0, &old.1), (new.0, &new.1), proof)
}

impl Message for Auditor {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::AUDITOR;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.owner.as_bytes());
        sink.put(self.keeper.as_bytes());
        sink.put(&self.read.to_be_bytes());
        sink.put(&self.at.0.to_be_bytes());
        self.live.write(sink);
        sink.put(&[u8::from(self.head.is_some())]);
        if let Some(head) = self.head() {
            head.write(sink);
        }
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (owner, keeper) = (PartyId::from_array(reader.array()?), PartyId::from_array(reader.array()?));
        let (read, at, live) = (reader.u64()?, Timestamp(reader.u64()?), LiveRef::read(reader)?);
        let head = match reader.array()? {
            [0] => None,
            [1] => Some(Signed::<LogHead>::read(reader)?),
            _ => return Err(DecodeError::Value),
        };
        let auditor = Self { owner, keeper, head, read, at, live };
        // What was read lies under the head, and of what was not read there is no trace.
        let place = auditor.read <= auditor.position().size;
        let fresh = auditor.read > 0 || (auditor.at == Timestamp(0) && auditor.live == LiveRef::NONE);
        if place && fresh && auditor.live.well_formed() { Ok(auditor) } else { Err(DecodeError::Value) }
    }
}

public_encoding!(Auditor);
