//! Fixed-base tables: multiplication of one public element by many secret scalars.
//!
//! The scalar is cut into signed windows of w bits (`window`). Row j of the table holds d·2^(w·s·j)·B for
//! d = 1..=2^(w−1), where s is the stride: with s = 1 there is a row for every window and no doubling at
//! all; with s > 1 only every sth window has a row, and the other windows are added in s passes with w
//! doublings in between. A pass costs w doublings and saves the memory of the rows it shares, which is
//! why s = 2 halves a table at a few percent of the time.
//!
//! The base is public and the scalar is secret: a lookup reads the whole row and keeps the wanted entry
//! with masks, so neither branches nor addresses depend on the scalar.

use super::group::Group;
use super::scalar::Scalar;
use super::window;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

/// Multiples of one public element. See the aliases for sizes and costs.
pub struct Table<G: Group> {
    /// Rows of `ROW` entries each.
    entries: Box<[G::Entry]>,
}

impl<G: Group> Table<G> {
    const ROW: usize = 1 << (G::TABLE_WINDOW - 1);
    const ROWS: usize = window::windows(window::BITS, G::TABLE_WINDOW).div_ceil(G::TABLE_STRIDE);

    /// Bytes that a table occupies on the heap.
    pub const BYTES: usize = Self::ROW * Self::ROWS * size_of::<G::Entry>();

    pub(crate) fn build(base: &G::Element) -> Self {
        let mut elements = Vec::with_capacity(Self::ROW * Self::ROWS);
        let mut row_base = *base;
        for _ in 0..Self::ROWS {
            let mut multiple = row_base;
            elements.push(multiple);
            for _ in 1..Self::ROW {
                multiple = G::add(&multiple, &row_base);
                elements.push(multiple);
            }
            // `multiple` is 2^(w−1) times the base of the row.
            row_base = multiple;
            for _ in 0..G::TABLE_WINDOW * (G::TABLE_STRIDE - 1) + 1 {
                row_base = G::double(&row_base);
            }
        }
        Self { entries: G::batch_to_entry(&elements).into_boxed_slice() }
    }

    pub(crate) fn multiply(&self, k: &Scalar) -> G::Element {
        let bytes = k.to_bytes();
        let mut acc = G::identity();
        for pass in (0..G::TABLE_STRIDE).rev() {
            if pass + 1 != G::TABLE_STRIDE {
                for _ in 0..G::TABLE_WINDOW {
                    acc = G::double(&acc);
                }
            }
            for (j, row) in self.entries.chunks_exact(Self::ROW).enumerate() {
                let digit = window::digit(&bytes, j * G::TABLE_STRIDE + pass, G::TABLE_WINDOW);
                acc = G::add_entry(&acc, &window::lookup::<G>(row, digit));
            }
        }
        acc
    }
}

impl<G: Group> Clone for Table<G> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone() }
    }
}

impl<G: Group> fmt::Debug for Table<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").finish_non_exhaustive()
    }
}
