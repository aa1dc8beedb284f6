//! `Afgh`: attacks and limits. One program, because each one has to be linked.
#![cfg(feature = "alloc")]

#[path = "../common/mod.rs"]
#[macro_use]
mod common;

mod attacks;
mod limits;
