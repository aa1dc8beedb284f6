//! Receipts: what a server or a trustee did with an owner's grants, in a log that it can append to and not rewrite.
//!
//! | What | Who makes it | What it shows |
//! |---|---|---|
//! | [`Receipt`] | the keeper, signed | one act: a grant taken, a capsule re-encrypted, a request denied |
//! | [`Log`] | the keeper | all receipts of one owner, in order, under one Merkle tree |
//! | [`LogHead`] | the keeper, signed | the tree's size and root at a time |
//! | [`Audit`] | the keeper, on request | a page of receipts, and that the log continues the one seen before |
//! | [`Auditor`] | the owner, or whoever checks | what was verified so far |
//!
//! The tree is that of RFC 6962: an [`Auditor`] that has seen one head takes another only with a proof that the second
//! log starts with the first. So a receipt that the owner has read, or that lies under a head that the owner has
//! taken, cannot be removed, altered or moved without being found.
//!
//! Every receipt names the head of live grants that was in force, so that the owner can tell whether the keeper
//! worked under the owner's [latest word](crate::pre::LiveSet).
//!
//! **What it does not protect.**
//!
//! * A server that never logs a thing is not detectable: receipts hold the honest to their word, and make the
//!   dishonest keep a second set of books.
//! * A keeper can show one log to one party and another log to another, as long as each sees the same all the time.
//!   Two clients who compare heads find this: [`Auditor::agrees`].
//! * A keeper can answer with an old head. What the auditor has seen so far stands, and [`Auditor::at`] says how old
//!   it is: ask again, and do not believe in a log that never has anything new.
//! * Receipts name who read what and when. They are for the owner; whoever else gets them learns that.
//! * The times are the keeper's own.
//!
//! A log is never shortened, so a keeper writes for strangers only as much as it is willing to store: what requests of
//! theirs it logs is its decision.

mod audit;
mod auditor;
mod event;
mod keeper;
mod receipt;
#[cfg(test)]
mod tests;

pub use audit::{Audit, LogHead, Position};
pub use auditor::{AuditError, Auditor};
pub use event::{Event, Rule};
pub use keeper::{Log, LogError};
pub use receipt::{LiveRef, Read, Receipt, reads};
