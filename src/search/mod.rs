//! Search over the encrypted indexes of several providers (MOPSE and MOPSE+).
//!
//! Hospitals encrypt index values under keys of their own; departments and physicians hang below hospitals. A cloud that
//! nobody trusts answers range and point queries over all of them from one token, and the answers name records, per provider.

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
