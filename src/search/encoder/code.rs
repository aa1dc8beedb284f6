//! Codes: texts that are equal, or begin alike.

use super::{EncodeError, Encoder};

/// What FHIR calls a code, in printable ASCII: words with single spaces between them. A prefix may end with a space.
pub(super) fn check(text: &str, prefix: bool) -> Result<(), EncodeError> {
    let bytes = text.as_bytes();
    if !(1..=Encoder::MAX_CODE).contains(&bytes.len()) {
        return Err(EncodeError::Length);
    }
    let printable = bytes.iter().all(|byte| matches!(byte, b' '..=b'~'));
    let spaced = text.starts_with(' ') || text.contains("  ") || (text.ends_with(' ') && !prefix);
    if printable && !spaced { Ok(()) } else { Err(EncodeError::Form) }
}
