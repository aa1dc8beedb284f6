//! A user whose grants are carried out by several servers.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::fmt;

use super::{User, permitted_author};
use crate::context::{Partition, RecordId, Timestamp};
use crate::error::OpenError;
use crate::hash::Digest;
use crate::identity::PartyId;
use crate::pre::GrantTerms;
use crate::pre::threshold::{Part, Threshold};
use crate::record::{Expected, Opener, Plaintext, SealedPartition, Versions};
use crate::sharing::{Response, VerifiedDirectory};

/// A record that was opened with the answers of several servers.
#[derive(Debug)]
pub struct Opened {
    /// The record.
    pub text: Plaintext,
    /// Servers whose answers were found to be wrong. Answers that were not needed were not looked at.
    pub culprits: BTreeSet<PartyId>,
}

/// The answers of several servers did not open a record.
///
/// With culprits enough: ask other servers. With none, and as many answers as the grant needs, it was not the servers: the
/// record is not what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotOpened {
    /// Servers whose answers are wrong.
    pub culprits: BTreeSet<PartyId>,
}

impl fmt::Display for NotOpened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.culprits.len() {
            0 => OpenError.fmt(f),
            n => write!(f, "the ciphertext did not open, and {n} servers answered wrongly"),
        }
    }
}

impl core::error::Error for NotOpened {}

/// The parts that servers made under one grant.
struct Answered<'a> {
    answer: &'a Response<Threshold>,
    parts: Vec<Part>,
}

impl User<Threshold> {
    /// Opens the partition that was asked for with the answers of several servers. `answers` says who answered: whom the
    /// user reached over an authenticated channel, not what the answer claims.
    ///
    /// As many right answers as the grant needs open the record, whatever else is among them; of each server the first one
    /// counts. Proofs are looked at only when the first answers fail. Servers that are behind answer under another grant,
    /// which is no lie.
    ///
    /// Cost: as [`open`](Self::open); with a wrong answer among the first, the proofs of all answers and as much again.
    ///
    /// # Errors
    /// [`NotOpened`], with the servers that answered wrongly.
    #[allow(clippy::too_many_arguments)]
    pub fn open_with(
        &mut self,
        directory: &VerifiedDirectory<Threshold>,
        record: RecordId,
        partition: Partition,
        versions: Versions,
        sealed: &SealedPartition,
        answers: &[(PartyId, Response<Threshold>)],
        now: Timestamp,
    ) -> Result<Opened, NotOpened> {
        let mut culprits = BTreeSet::new();
        let Ok(author) = permitted_author(directory, sealed, now) else { return Err(NotOpened { culprits }) };
        let expected = Expected { owner: directory.owner(), record, partition, authors: &[author], versions };
        for Answered { answer, parts } in self.sort(&directory.owner(), answers, &mut culprits, now) {
            if let Ok(text) = self.try_open(&expected, sealed, answer, parts, &mut culprits, now) {
                return Ok(Opened { text, culprits });
            }
        }
        Err(NotOpened { culprits })
    }

    /// The answers by their grants. Who answers under no grant of the user's, or with anything but its own part, lies.
    fn sort<'a>(
        &mut self,
        owner: &PartyId,
        answers: &'a [(PartyId, Response<Threshold>)],
        culprits: &mut BTreeSet<PartyId>,
        now: Timestamp,
    ) -> Vec<Answered<'a>> {
        let mut sorted: BTreeMap<Digest, Answered<'a>> = BTreeMap::new();
        for (server, answer) in answers {
            let granted = self.granted(owner, answer, now).ok();
            let own = granted.and_then(|granted| {
                let index = granted.terms.grant().servers().index(server)?;
                let [part] = &*answer.parts else { return None };
                (part.index() == index).then(|| (granted.terms.digest(), part.clone()))
            });
            match own {
                Some((grant, part)) => {
                    let parts = &mut sorted.entry(grant).or_insert(Answered { answer, parts: Vec::new() }).parts;
                    if parts.iter().all(|other| other.index() != part.index()) {
                        parts.push(part);
                    }
                }
                None => drop(culprits.insert(*server)),
            }
        }
        sorted.into_values().collect()
    }

    fn try_open(
        &mut self,
        expected: &Expected<'_>,
        sealed: &SealedPartition,
        answer: &Response<Threshold>,
        mut parts: Vec<Part>,
        culprits: &mut BTreeSet<PartyId>,
        now: Timestamp,
    ) -> Result<Plaintext, OpenError> {
        let granted = self.granted(&expected.owner, answer, now)?;
        let servers = granted.terms.grant().servers();
        let needed = usize::from(servers.threshold());
        let open = |parts: &[Part]| Opener::<Threshold>::delegatee(&(), &granted.grant, parts).open(expected, sealed);
        // As if nobody lied.
        if let Ok(text) = open(parts.get(..needed).ok_or(OpenError)?) {
            return Ok(text);
        }
        let capsule = sealed.header().capsule::<Threshold>().map_err(|_| OpenError)?;
        let found = Threshold::culprits(&granted.grant, &capsule, &parts, &sealed.header().context());
        parts.retain(|part| servers.server(part.index()).is_some_and(|server| !found.contains(&server)));
        culprits.extend(found);
        open(&parts)
    }
}
