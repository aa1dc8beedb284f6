//! The key-aggregate cryptosystem: one 96-byte key opens any chosen set of record classes.
