//! The key-aggregate cryptosystem: one 96-byte key opens any chosen set of record classes.

mod class_set;
mod grid;

pub use class_set::{ClassRange, ClassSet, ClassSetError, MAX_CLASSES, ParseClassSetError};
pub use grid::{ClassGrid, ClassGridError};
