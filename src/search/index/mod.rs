//! Indexes: what a cloud holds of one owner, a column for each space.

mod answer;
mod archive;
mod column;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;

use super::{QueryError, Search, SpaceId, Token};
use crate::context::Timestamp;
use crate::identity::Signed;

pub use answer::{Answer, Match};
pub use column::{Column, Inserted, Quarantined};

/// The columns of an owner's spaces, asked together.
///
/// What an answer is worth: a record in it may be checked, by [evidence](Column::evidence) and by opening it. **That
/// nothing is missing is not provided**: a cloud can leave out what it likes.
pub struct Index<M: Search> {
    columns: BTreeMap<SpaceId, Column<M>>,
}

impl<M: Search> Default for Index<M> {
    fn default() -> Self {
        Self { columns: BTreeMap::new() }
    }
}

impl<M: Search> Index<M> {
    /// Without columns.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a column in, in the place of the one of its space.
    pub fn set(&mut self, column: Column<M>) {
        self.columns.insert(column.space().id(), column);
    }

    /// The column of a space.
    #[must_use]
    pub fn column(&self, space: &SpaceId) -> Option<&Column<M>> {
        self.columns.get(space)
    }

    /// The column of a space, to write into.
    pub fn column_mut(&mut self, space: &SpaceId) -> Option<&mut Column<M>> {
        self.columns.get_mut(space)
    }

    /// All columns.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = &Column<M>> {
        self.columns.values()
    }

    /// Answers a token: the records for which everything holds that it asks for. A record is named once for each provider
    /// that wrote of it.
    ///
    /// Each space is searched by itself, so a cloud learns what is found in each.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn query(&self, token: &Signed<Token<M, M::Trapdoor>>, now: Timestamp) -> Result<Answer, QueryError> {
        let mut columns = Vec::new();
        for clause in &token.unverified().clauses {
            let column = self.columns.get(&clause.space).ok_or(QueryError::Space)?;
            if column.space().shape() != clause.shape {
                return Err(QueryError::Space);
            }
            column.asks(token, &clause.trapdoor, now).map_err(QueryError::Gate)?;
            columns.push((column, &clause.trapdoor));
        }
        let mut answers = columns.into_iter().map(|(column, trapdoor)| column.find(trapdoor));
        // A token asks at least one space.
        let first = answers.next().unwrap_or_default();
        Ok(answers.fold(first, Answer::and))
    }
}

impl<M: Search> fmt::Debug for Index<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.columns.values()).finish()
    }
}
