//! BLS12-381 behind one interface.
