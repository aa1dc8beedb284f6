//! The patient reads the server's log: who read what and when, who was denied and why.

use std::collections::BTreeMap;

use sesphr::context::{Partition, Timestamp};
use sesphr::encoding::{Encoding, Message};
use sesphr::identity::Signed;
use sesphr::sharing::SharingScheme;
use sesphr::sharing::log::{Audit, AuditError, Auditor, Event, LiveRef, Receipt, Rule, reads};

use crate::attempts::Pieces;
use crate::matrix::{self, Cell, Who};
use crate::world::{Scheme, StoryError, World, timed};

/// How often the server refused somebody by one rule.
#[derive(Clone, Debug)]
pub(crate) struct Denied {
    pub(crate) who: &'static str,
    pub(crate) rule: Rule,
    pub(crate) count: usize,
}

/// What somebody read of one version of a partition.
#[derive(Clone, Debug)]
pub(crate) struct WasRead {
    pub(crate) who: &'static str,
    pub(crate) partition: Partition,
    pub(crate) version: u64,
    pub(crate) count: usize,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
}

/// What the log says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings {
    pub(crate) reads: Vec<WasRead>,
    pub(crate) denials: Vec<Denied>,
}

/// The patient asks for the whole log, page by page, and checks it.
pub(crate) fn audit(world: &mut World) -> Result<Findings, StoryError> {
    let mut auditor = Auditor::new(world.owner.id(), world.server.id());
    let (mut receipts, mut pages, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
    let (followed, took) = timed(|| {
        loop {
            let query = world.owner.ask_audit(&auditor, world.now);
            let page = world.server.audit(&Signed::from_bytes(&query.to_bytes())?, world.now)?;
            let page = Audit::from_bytes(&page.to_bytes())?;
            receipts.extend(auditor.follow(&page)?);
            sizes = vec![("query", query.encoded_len()), ("page", page.encoded_len())];
            pages.push(page);
            // Each question is answered once.
            world.wait(1);
            if auditor.unread() == 0 {
                return Ok::<_, StoryError>(());
            }
        }
    });
    followed?;
    world.note(format!("{} receipts, checked one by one", receipts.len()), took, sizes);

    let signed = |receipt: &Receipt| world.owner.signed_head(receipt.live.version, &receipt.live.head);
    let held = receipts.iter().all(|receipt| receipt.live == LiveRef::NONE || signed(receipt));
    world.check(Who::Patient, "reads the log", "every receipt names a head that the patient signed", held);
    let held = complete(world, &receipts)?;
    world.check(Who::Patient, "compares the log with what readers got", "there is a receipt of every answer", held);
    let held = told(world, &receipts)?;
    world.check(Who::Patient, "asks why the pharmacist was denied", "its grant ended, and no other covers it", held);
    let held = lies_are_found(world, &pages)?;
    world.check(Who::Server, "hides or cuts off receipts", "the patient's auditor refuses the log", held);
    let reads = all_reads(world, &receipts);
    let may = matrix::expected();
    let allowed = |read: &WasRead| {
        let of =
            |cell: &Cell| (cell.who.name(), cell.partition, cell.version) == (read.who, read.partition, read.version);
        may.iter().any(|(cell, may)| *may && of(cell))
    };
    let held = !reads.is_empty() && reads.iter().all(allowed);
    world.check(Who::Patient, "looks who read", "nobody who never was to", held);
    Ok(Findings { reads, denials: all_denials(world, &receipts) })
}

/// Whether every answer that somebody got has its receipt, with the grant that it came with.
fn complete(world: &World, receipts: &[Receipt]) -> Result<bool, StoryError> {
    let mut logged = BTreeMap::new();
    for receipt in receipts {
        if let Event::Reencrypted { grant, user, request, .. } = &receipt.event {
            logged.insert(*request.as_bytes(), (*user, *grant));
        }
    }
    let mut held = !world.loot.is_empty();
    for loot in &world.loot {
        let (grant, _) = Scheme::name(&Pieces::of(&loot.response)?.grant);
        held &= logged.get(loot.request.digest().as_bytes()) == Some(&(world.id(loot.who)?, grant));
    }
    Ok(held)
}

/// Whether the log says that the pharmacist's grants ended, and denies it everything from then on.
fn told(world: &World, receipts: &[Receipt]) -> Result<bool, StoryError> {
    let pharmacist = world.id(Who::Pharmacist)?;
    let ended = |receipt: &Receipt| matches!(receipt.event, Event::Revoked { user, .. } if user == pharmacist);
    let end = receipts.iter().rposition(ended).ok_or("no receipt of the end of the pharmacist's grants")?;
    let after = receipts.iter().skip(end).filter_map(|receipt| match receipt.event {
        Event::Denied { user, rule, .. } if user == pharmacist => Some(rule == Rule::NoGrant),
        Event::Reencrypted { user, .. } if user == pharmacist => Some(false),
        _ => None,
    });
    let after: Vec<_> = after.collect();
    Ok(!after.is_empty() && after.iter().all(|denied| *denied))
}

/// Whether a log that is shorter than it was, or has a hole, is found out.
fn lies_are_found(world: &World, pages: &[Audit]) -> Result<bool, StoryError> {
    let first = pages.first().ok_or("the log has no page")?;
    let fresh = || Auditor::new(world.owner.id(), world.server.id());
    let mut held = true;
    // Without one of the receipts: the root is over all of them.
    let bytes = first.to_bytes();
    let receipt = first.entries().last().ok_or("the log is empty")?.to_bytes();
    let at = bytes.windows(receipt.len()).position(|window| window == receipt).ok_or("no such receipt")?;
    let mut hole = bytes.clone();
    hole.drain(at..at + receipt.len());
    // Their count stands behind the head and the position.
    let count = u32::try_from(first.entries().len() - 1)?;
    let start = 4 + first.head().encoded_len() + 16;
    hole.get_mut(start..start + 4).ok_or("no count")?.copy_from_slice(&count.to_be_bytes());
    held &= fresh().follow(&Audit::from_bytes(&hole)?) == Err(AuditError::Entries);
    // From the start again, to an auditor that has read on.
    let mut auditor = fresh();
    pages.iter().try_for_each(|page| auditor.follow(page).map(|_| ()))?;
    let again = auditor.follow(first);
    held &= matches!(again, Err(AuditError::Truncated | AuditError::Position | AuditError::Forked));
    Ok(held)
}

fn all_reads(world: &World, receipts: &[Receipt]) -> Vec<WasRead> {
    let mut all: BTreeMap<_, WasRead> = BTreeMap::new();
    for read in reads(receipts) {
        let who = world.who(&read.user);
        let place = Who::ALL.iter().position(|other| other.name() == who);
        let was = all.entry((place, read.partition, read.version)).or_insert(WasRead {
            who,
            partition: read.partition,
            version: read.version,
            count: 0,
            first: read.at,
            last: read.at,
        });
        was.count += 1;
        was.last = read.at;
    }
    all.into_values().collect()
}

fn all_denials(world: &World, receipts: &[Receipt]) -> Vec<Denied> {
    let mut all: BTreeMap<_, Denied> = BTreeMap::new();
    for receipt in receipts {
        if let Event::Denied { user, rule, .. } = receipt.event {
            let who = world.who(&user);
            let place = Who::ALL.iter().position(|other| other.name() == who);
            all.entry((place, rule)).or_insert(Denied { who, rule, count: 0 }).count += 1;
        }
    }
    all.into_values().collect()
}
