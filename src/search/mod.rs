//! Search over the encrypted indexes of several providers (MOPSE and MOPSE+).
//!
//! Hospitals encrypt index values under keys of their own; departments and physicians hang below hospitals. A cloud that
//! nobody trusts answers range and point queries over all of them from one token, and the answers name records, per provider.
//! The function is that of Yao et al., "MOPSE: Multiple Owners Order-Preserving Symmetric Encryption" (2018), whose algorithm
//! is not public in full; the constructions are others, and what they leak is stated.
//!
//! # Two modes
//!
//! If anyone can compare values across providers without interaction, one provider and the cloud find another's values by
//! binary search; no scheme avoids that. Hence two modes behind one trait, [`Search`]:
//!
//! * [`Federated`], **the one to take**: order-revealing encryption with left and right ciphertexts, under a key for each
//!   provider. An index shows how many values there are, and nothing else until somebody asks. A token is for the providers that
//!   it names, and the cloud holds all their values against it. Providers are isolated from each other, also from one that has
//!   everything the cloud has.
//! * [`Ordered`], to be asked for by name: one index in order, made possible by a [switcher](ordered::Switcher) of its own,
//!   apart from the cloud. Ranges are found in the time of their answers, and the smallest and greatest over all. The index
//!   shows the whole order, and one provider or user together with the switcher reads everything.
//!
//! [`LeakageProfile`] says the same to programs, and [`leakage`] what has been done with as much.
//!
//! # Who holds what
//!
//! | Party | Type | Holds |
//! |---|---|---|
//! | owner | [`Registrar`] and [`SearchRoot`] | who has which key, and the secret that they derive from |
//! | provider: hospital, department, physician | [`Search::WriteKey`], [`Draft`] | its own key, and those of all below it |
//! | user | [`Search::QueryKey`], [`Token`] | keys to ask certain providers |
//! | cloud | [`Index`], a [`Column`] for each [`Space`] | encrypted values, signed by providers |
//! | switcher, in the ordered mode | [`ordered::Switcher`] | a factor for each key |
//!
//! A [`Space`] is one attribute of an owner's records, encoded in one way by an [`Encoder`]: keys, values, tokens and rosters
//! of one are of no use in another. [`Rosters`], signed by the owner and by each provider for those below it, say who writes
//! and who asks whom; they are what the [gate](Gate) of a column lets in by, and whom the newest one leaves out is out.
//!
//! # In a program
//!
//! ```
//! use std::ops::Bound;
//!
//! use sesphr::context::{Partition, RecordId, Timestamp, Validity};
//! use sesphr::identity::SigningKey;
//! use sesphr::kem::OwnerRoot;
//! use sesphr::search::*;
//!
//! let rng = &mut getrandom::SysRng;
//! let (now, end) = (Timestamp(1_700_000_000), Timestamp(1_700_086_400));
//! let root = OwnerRoot::try_generate(rng)?;
//! let (owner, search_root) = (root.signing_key(), SearchRoot::new(&root));
//! let (hospital, doctor) = (SigningKey::try_generate(rng)?, SigningKey::try_generate(rng)?);
//!
//! // HbA1c in per cent with one decimal, in 16 bits. The owner lets a hospital write, and a doctor ask.
//! let (attribute, encoder) = (Attribute::new("4548-4").unwrap(), Encoder::decimal(1, 16)?);
//! let space = Space::<Federated>::new(owner.id(), Partition::MEDICAL, attribute, encoder, Queries::Ranges)?;
//! let mut registrar = Registrar::new(space.clone());
//! let path = registrar.enroll(hospital.id())?;
//! registrar.admit(doctor.id(), &[path])?;
//! let roster = registrar.roster(Validity::new(now, end).unwrap(), &owner)?;
//!
//! // The cloud hears of it, and takes what the hospital uploads.
//! let mut column = Column::new(space.clone(), Rosters::new(&space));
//! column.gate_mut().update(&roster, now)?;
//! let key = registrar.write_key(&search_root, &hospital.id())?;
//! let (high, low) = (RecordId::try_generate(rng)?, RecordId::try_generate(rng)?);
//! let mut draft = Draft::<Federated>::new(&key);
//! draft.add(high, &encoder.parse("8.1")?, rng)?.add(low, &encoder.parse("7.5")?, rng)?;
//! column.insert(&draft.sign(1, &hospital)?, now)?;
//! let mut index = Index::new();
//! index.set(column);
//!
//! // The doctor asks what is above 7.5 %.
//! let key = registrar.query_key(&search_root, &doctor.id())?;
//! let query = Query::range(&encoder, (Bound::Excluded("7.5"), Bound::Unbounded))?;
//! let token = Token::new(&[(&key, &query)], end, &doctor, rng)?;
//! let answer = index.query(&token, now)?;
//! assert_eq!(answer.matches().iter().map(|found| found.record).collect::<Vec<_>>(), [high]);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! Among the roles of [`sharing`](crate::sharing) an owner keeps spaces beside its other state, keys travel
//! [sealed](crate::sharing::Owner::search_keys), departures take them back, and a user
//! [reads](crate::sharing::User::read_found) what was found.
//!
//! # What is not protected
//!
//! * **Whether an answer is complete.** A cloud leaves out what it likes. A provider writes what it likes under its own name.
//! * What answers show over time, and which records are fetched after them: see [`leakage`].
//! * Who writes and who asks is known to the cloud. A token is a signed statement that somebody asked, and can be shown around.
//! * A token is not used up. Who presents one is for the cloud to find out: it names who asks, and not who holds it.
//! * A conjunction is over the values of one provider: what a laboratory and a ward of one hospital wrote of one record apart
//!   does not come together. Ask for each, and compare the records.
//! * Whoever has a provider's key reads what that provider and all below it write, and can make values under it. Uploads are
//!   signed, so it cannot have them taken for the provider's.
//! * Departments that begin later are not in the scope of keys that were made before.

mod batch;
pub mod encoder;
mod error;
pub mod federated;
mod gate;
#[cfg(feature = "hazmat")]
pub(crate) mod hazmat;
mod index;
pub mod leakage;
pub mod ordered;
mod path;
mod registrar;
mod root;
mod roster;
mod space;
mod token;
mod value;

use alloc::vec::Vec;
use core::fmt;
use core::hash::Hash;

use rand_core::TryCryptoRng;
use zeroize::ZeroizeOnDrop;

use crate::encoding::{Kind, Reader, SecretEncoding, Sink, SuiteId};
use crate::error::DecodeError;

pub use batch::{Batch, BatchHead, Draft, Evidence, MAX_BATCH};
pub use encoder::{EncodeError, Encoder, EncoderError, Precision};
pub use error::{
    BatchError, EncryptError, GateError, InsertError, PathError, QueryError, RegistrarError, RosterError, ScopeError,
    SpaceError, TokenError, TrapdoorError,
};
pub use federated::Federated;
pub use gate::Gate;
pub use index::{Answer, Column, Index, Inserted, Match, Quarantined};
pub use leakage::LeakageProfile;
pub use ordered::Ordered;
pub use path::{Path, Step};
pub use registrar::Registrar;
pub use root::SearchRoot;
pub use roster::{Duty, Roster, Rosters};
pub use space::{Attribute, Mode, Queries, Shape, Space, SpaceId};
pub use token::{MAX_CLAUSES, Token};
pub use value::{End, Query, Value};

/// The most values that can be asked for as the smallest or greatest.
pub const MAX_TOP: u32 = 65_536;

/// The most providers that one key to ask with, or one token, is for.
pub const MAX_SCOPE: usize = 1024;

/// An encrypted index value as bytes, of a length that follows from the space's [`Shape`].
pub trait Form: Copy + Eq + fmt::Debug + Send + Sync + 'static {
    /// Which message a batch of them is.
    const BATCH: Kind;

    /// Length in bytes.
    fn len(shape: &Shape) -> usize;

    /// Whether these bytes, of that length, are one.
    ///
    /// # Errors
    /// [`DecodeError`].
    fn check(shape: &Shape, bytes: &[u8]) -> Result<(), DecodeError>;
}

/// What a token holds for one space: with it a cloud finds what was asked for in that space, and nothing in another.
pub trait Trapdoor: Clone + Eq + fmt::Debug + Send + Sync + 'static {
    /// Which message a token with them is.
    const TOKEN: Kind;

    /// For which providers: at most [`MAX_SCOPE`], in ascending order without repetition.
    fn scope(&self) -> impl Iterator<Item = &Path>;

    /// Writes it.
    fn write(&self, sink: &mut dyn Sink);

    /// Reads one for a space of this shape.
    ///
    /// # Errors
    /// [`DecodeError`].
    fn read(shape: &Shape, reader: &mut Reader<'_>) -> Result<Self, DecodeError>;
}

/// The encrypted values of one space in the form that is searched, by number. Numbers are the [column](Column)'s.
pub trait Store<M: Search>: fmt::Debug + Send + Sync {
    /// Without values.
    fn new(space: &Space<M>) -> Self;

    /// Adds a value, whose bytes were checked. `provider` is the number of the path that it is under: providers are
    /// numbered from 0, a next one is always the next number.
    ///
    /// # Errors
    /// [`Conflict`] if it contradicts what is there; nothing was added then.
    fn insert(&mut self, entry: u32, provider: u32, bytes: &[u8]) -> Result<(), Conflict>;

    /// Takes a value away; one that is not there is none.
    fn remove(&mut self, entry: u32);

    /// The bytes of a value as they were inserted, appended to `out`; nothing if it is not there.
    fn get(&self, entry: u32, out: &mut Vec<u8>);

    /// What is found, each once. `providers` are the paths by number.
    fn query(&self, providers: &[Path], trapdoor: &M::Trapdoor) -> Found;
}

/// What was found in a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// By number.
    pub entries: Vec<u32>,
    /// How many of them, from the front, are in the order that was asked for. What follows has no place in it.
    pub in_order: usize,
}

/// An encrypted value that contradicts others: somebody did not keep to the scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// At which bit, from the most significant.
    pub level: u8,
    /// Values that it contradicts: one from each side.
    pub against: Vec<u32>,
}

/// Search in one of two modes.
pub trait Search: Copy + Ord + Hash + fmt::Debug + Send + Sync + Sized + 'static {
    /// Which.
    const MODE: Mode;
    /// To which scheme its messages belong.
    const SUITE: SuiteId;

    /// With what a provider encrypts values of one space, and makes the keys of those below it.
    type WriteKey: SecretEncoding + ZeroizeOnDrop + fmt::Debug;
    /// With what a user asks for values of one space.
    type QueryKey: SecretEncoding + ZeroizeOnDrop + fmt::Debug;
    /// A value as providers encrypt it.
    type Upload: Form;
    /// A value as it stands in an index.
    type Stored: Form;
    /// What users ask with.
    type Question: Trapdoor;
    /// What an index answers.
    type Trapdoor: Trapdoor;
    /// Where values stand.
    type Store: Store<Self>;
    /// By whose word an index takes values and answers.
    type Gate: Gate<Self>;

    /// Whether there can be such a space.
    ///
    /// # Errors
    /// [`SpaceError`].
    fn check(encoder: &Encoder, queries: Queries) -> Result<(), SpaceError>;

    /// The key of a provider, whose way to it is `path`, generations included.
    fn write_key(root: &SearchRoot, space: &Space<Self>, path: &Path) -> Self::WriteKey;

    /// The key of somebody below a provider, made by that provider.
    ///
    /// # Errors
    /// [`PathError::Depth`].
    fn child_key(key: &Self::WriteKey, child: Step) -> Result<Self::WriteKey, PathError>;

    /// Whose key it is.
    fn writer(key: &Self::WriteKey) -> (&Space<Self>, &Path);

    /// Encrypts a value: its bytes are appended to `out`.
    ///
    /// # Errors
    /// [`EncryptError`]; nothing is appended then.
    fn encrypt<R: TryCryptoRng + ?Sized>(
        key: &Self::WriteKey,
        value: &Value,
        rng: &mut R,
        out: &mut Vec<u8>,
    ) -> Result<(), EncryptError>;

    /// The key of a user, for the values of certain providers.
    ///
    /// # Errors
    /// [`ScopeError`].
    fn query_key(
        root: &SearchRoot,
        space: &Space<Self>,
        user: Step,
        scope: &[Path],
    ) -> Result<Self::QueryKey, ScopeError>;

    /// The same key for fewer providers: those of its scope for which `keep` holds.
    ///
    /// # Errors
    /// [`ScopeError`] if none is left.
    fn narrow(key: &Self::QueryKey, keep: impl Fn(&Path) -> bool) -> Result<Self::QueryKey, ScopeError>;

    /// Of which space a key to ask with is, and for which providers.
    fn asker(key: &Self::QueryKey) -> (&Space<Self>, Vec<Path>);

    /// What a token says for one space.
    ///
    /// # Errors
    /// [`TrapdoorError`].
    fn question(key: &Self::QueryKey, query: &Query) -> Result<Self::Question, TrapdoorError>;
}

/// Sorts a scope and checks its bounds.
pub(crate) fn scope_of(scope: &[Path]) -> Result<Vec<Path>, ScopeError> {
    let mut scope = scope.to_vec();
    scope.sort_unstable();
    scope.dedup();
    match scope.len() {
        0 => Err(ScopeError::Empty),
        1..=MAX_SCOPE => Ok(scope),
        _ => Err(ScopeError::TooMany),
    }
}
