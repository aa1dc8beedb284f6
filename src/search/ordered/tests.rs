//! Tests of the mode as a whole.
