//! The live grants of one owner, as the owner and each of its servers keep them.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::fmt;

use super::update::{read_entries, write_entries};
use crate::context::Timestamp;
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding};
use crate::error::DecodeError;
use crate::hash::{Digest, label};
use crate::identity::{PartyId, Signed, SigningKey};
use crate::merkle::{Roots, Tree};
use crate::pre::{Entry, GrantId, LiveError, LiveHead, LiveUpdate};

/// The highest head of live grants and the entries under it: the owner's state, which makes the next head, and each
/// server's, which follows.
///
/// Whoever keeps it writes it down before acting on it. An owner that went back to an older set would sign a second
/// head of a version that exists, which every server that has the first one refuses: it takes the set back from a
/// server, decodes it, and [verifies](Self::verify) it.
///
/// Making and taking a head costs one hash for each entry.
///
/// Encoded length: 5 bytes for an empty set; otherwise 5 + the signed head + 4 + 49 or 25 for each entry.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct LiveSet {
    /// With its digest.
    head: Option<(Signed<LiveHead>, Digest)>,
    entries: BTreeMap<GrantId, Entry>,
}

impl fmt::Debug for LiveSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("LiveSet");
        out.field("version", &self.version()).field("digest", &self.digest()).field("len", &self.len()).finish()
    }
}

impl LiveSet {
    /// Most entries.
    pub const MAX: usize = 1 << 20;

    /// What is in force before the first head: nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The owner's signed head.
    pub fn head(&self) -> Option<&Signed<LiveHead>> {
        self.head.as_ref().map(|(head, _)| head)
    }

    fn statement(&self) -> Option<&LiveHead> {
        self.head().map(Signed::unverified)
    }

    /// The head's version; zero before the first.
    pub fn version(&self) -> u64 {
        self.statement().map_or(0, LiveHead::version)
    }

    /// The digest of the signed head; [`Digest::NONE`] before the first.
    pub fn digest(&self) -> Digest {
        self.head.as_ref().map_or(Digest::NONE, |(_, digest)| *digest)
    }

    /// The lowest generation of the owner's key that is served.
    pub fn generation(&self) -> u32 {
        self.statement().map_or(0, LiveHead::generation)
    }

    /// When the head was signed; `None` before the first.
    pub fn at(&self) -> Option<Timestamp> {
        self.statement().map(LiveHead::at)
    }

    /// The last second in which grants are carried out under the head; `None` before the first.
    pub fn not_after(&self) -> Option<Timestamp> {
        self.statement().map(LiveHead::not_after)
    }

    /// All entries, in ascending order of id.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (&GrantId, &Entry)> {
        self.entries.iter()
    }

    /// The entry of `id`.
    pub fn get(&self, id: &GrantId) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// Whether `id` is listed, as live or as barred.
    pub fn contains(&self, id: &GrantId) -> bool {
        self.entries.contains_key(id)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is listed.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Checks that the head is `owner`'s: for whoever decoded the set. Before the first head there is nothing to check.
    ///
    /// # Errors
    /// [`LiveError::Signature`].
    pub fn verify(&self, owner: &PartyId) -> Result<(), LiveError> {
        self.head().map_or(Ok(()), |head| head.verify(owner).map(|_| ()).map_err(|_| LiveError::Signature))
    }

    /// Whether the set is `owner`'s, whose signature was checked when the head came.
    fn belongs_to(&self, owner: &PartyId) -> Result<(), LiveError> {
        let foreign = self.head().is_some_and(|head| head.signer().id() != *owner);
        if foreign { Err(LiveError::Signature) } else { Ok(()) }
    }

    /// The owner's next head: without the entries of `removed`, with those of `set` as they are there, signed at `at`
    /// and good until `not_after`. Barred entries whose time has passed are dropped.
    ///
    /// Removing what is not listed changes nothing, so that a step which was cut short can be repeated.
    ///
    /// # Errors
    /// [`LiveError::Signature`] when the set is another owner's, [`LiveError::Mismatch`] when an id comes twice,
    /// [`LiveError::Time`] and [`LiveError::Rollback`] for impossible times, [`LiveError::Full`],
    /// [`LiveError::Exhausted`].
    pub fn advance(
        &mut self,
        signer: &SigningKey,
        removed: impl IntoIterator<Item = GrantId>,
        set: impl IntoIterator<Item = (GrantId, Entry)>,
        at: Timestamp,
        not_after: Timestamp,
    ) -> Result<LiveUpdate, LiveError> {
        self.advance_to(signer, self.generation(), removed, set, at, not_after)
    }

    /// The same, with `generation` as the lowest of the owner's key that is served from now on.
    ///
    /// # Errors
    /// As [`advance`](Self::advance); [`LiveError::Rollback`] for a generation before that of the former head.
    pub fn advance_to(
        &mut self,
        signer: &SigningKey,
        generation: u32,
        removed: impl IntoIterator<Item = GrantId>,
        set: impl IntoIterator<Item = (GrantId, Entry)>,
        at: Timestamp,
        not_after: Timestamp,
    ) -> Result<LiveUpdate, LiveError> {
        self.belongs_to(&signer.id())?;
        if not_after < at {
            return Err(LiveError::Time);
        }
        if self.at().is_some_and(|former| at < former) || generation < self.generation() {
            return Err(LiveError::Rollback);
        }
        let (base, previous) = (self.version(), self.digest());
        let version = base.checked_add(1).ok_or(LiveError::Exhausted)?;
        let mut entries = self.entries.clone();
        let mut named = BTreeSet::new();
        for id in removed {
            // Twice in one list or once in both: which of the two the owner meant is not ours to guess.
            if !named.insert(id) {
                return Err(LiveError::Mismatch);
            }
            entries.remove(&id);
        }
        for (id, entry) in set {
            if !named.insert(id) {
                return Err(LiveError::Mismatch);
            }
            entries.insert(id, entry);
        }
        entries.retain(|_, entry| !entry.ended(at));
        if entries.len() > Self::MAX {
            return Err(LiveError::Full);
        }
        let (size, root) = (entries.len() as u64, root(&entries));
        let head = Signed::new(signer, LiveHead { version, generation, at, not_after, size, root, previous });
        let gone = self.entries.keys().filter(|id| !entries.contains_key(id));
        let changed = entries.iter().filter(|(id, entry)| self.entries.get(id) != Some(entry));
        let update = LiveUpdate {
            head: head.clone(),
            base,
            removed: gone.copied().collect(),
            set: changed.map(|(id, entry)| (*id, *entry)).collect(),
        };
        let digest = head.digest();
        *self = Self { head: Some((head, digest)), entries };
        Ok(update)
    }

    /// The head with all entries: for a server that is new, or that lost something. `None` before the first head.
    pub fn complete(&self) -> Option<LiveUpdate> {
        let set = self.entries.iter().map(|(id, entry)| (*id, *entry)).collect();
        Some(LiveUpdate { head: self.head()?.clone(), base: 0, removed: Vec::new(), set })
    }

    /// Takes a head of `owner`'s: checks the signature, that it comes after the head that is known, and that the
    /// entries that result are those it was signed over. The head that is known may come again.
    ///
    /// # Errors
    /// [`LiveError::Signature`], [`LiveError::Rollback`], [`LiveError::Fork`], [`LiveError::Behind`],
    /// [`LiveError::Mismatch`].
    pub fn apply(&mut self, update: &LiveUpdate, owner: &PartyId) -> Result<(), LiveError> {
        self.belongs_to(owner)?;
        let head = update.head.verify(owner).map_err(|_| LiveError::Signature)?;
        let (version, digest) = (self.version(), self.digest());
        if head.version == version {
            return if head.digest() == digest { Ok(()) } else { Err(LiveError::Fork) };
        }
        let earlier = self.at().is_some_and(|former| head.at < former) || head.generation < self.generation();
        if head.version < version || earlier {
            return Err(LiveError::Rollback);
        }
        if update.base != 0 && update.base != version {
            return Err(LiveError::Behind);
        }
        // The next head names this one. Heads further on name heads that this server never saw.
        if head.version.checked_sub(1) == Some(version) && head.previous != digest {
            return Err(LiveError::Fork);
        }
        let mut entries = if update.base == 0 { BTreeMap::new() } else { self.entries.clone() };
        if !update.removed.iter().all(|id| entries.remove(id).is_some()) {
            return Err(LiveError::Mismatch);
        }
        entries.extend(update.set.iter().copied());
        if entries.len() as u64 != head.size || root(&entries) != head.root {
            return Err(LiveError::Mismatch);
        }
        *self = Self { head: Some((update.head.clone(), head.digest())), entries };
        Ok(())
    }

    /// Whether the grant `id` is in force at `now`. `authority` is the owner's statement that it stands on, with its
    /// digest: the grant itself, or the standing rules under which somebody else made it.
    ///
    /// Under standing rules nobody makes a grant with an id that the owner lists: a listed id stands for the statement
    /// that is listed with it.
    ///
    /// # Errors
    /// [`LiveError::Stale`] when there is no head or it has expired, [`LiveError::NotLive`] when the authority is not
    /// listed with this digest or the grant is barred.
    pub fn admits(&self, id: &GrantId, authority: (&GrantId, &Digest), now: Timestamp) -> Result<(), LiveError> {
        if self.not_after().is_none_or(|not_after| not_after < now) {
            return Err(LiveError::Stale);
        }
        let (by, digest) = authority;
        let live = self.get(by) == Some(&Entry::Live { digest: *digest });
        if live && (id == by || !self.contains(id)) { Ok(()) } else { Err(LiveError::NotLive) }
    }
}

/// The root over the entries, in ascending order of id.
fn root(entries: &BTreeMap<GrantId, Entry>) -> Digest {
    let tree = Tree::new(label::MERKLE_LIVE);
    let (mut roots, mut leaf) = (Roots::new(&tree), Vec::new());
    for (id, entry) in entries {
        leaf.clear();
        entry.write(id, &mut leaf);
        roots.push(tree.leaf(&leaf));
    }
    roots.root()
}

impl Message for LiveSet {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::LIVE_SET;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(&[u8::from(self.head.is_some())]);
        if let Some(head) = self.head() {
            head.write(sink);
            write_entries(sink, self.entries());
        }
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.array()? {
            [0] => return Ok(Self::new()),
            [1] => {}
            _ => return Err(DecodeError::Value),
        }
        let head = Signed::<LiveHead>::read(reader)?;
        let entries: BTreeMap<_, _> = read_entries(reader)?.into_iter().collect();
        let LiveHead { size, root: signed, .. } = head.unverified();
        if entries.len() as u64 != *size || root(&entries) != *signed {
            return Err(DecodeError::Value);
        }
        let digest = head.digest();
        Ok(Self { head: Some((head, digest)), entries })
    }
}

public_encoding!(LiveSet);
