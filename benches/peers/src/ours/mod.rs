//! The worlds of this crate's schemes. What a peer calls by the same name is timed beside it.

pub mod kapre;
pub mod threshold;
