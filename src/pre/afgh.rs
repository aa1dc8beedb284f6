//! SeSPHR proxy re-encryption.
