//! Decimals and integers, exactly.

use core::fmt;

use super::text::Text;
use super::{EncodeError, Span};

/// Digits before the point beyond which a number is greater than any that is encoded: it stands for all of them.
const DIGITS: i64 = 24;
/// 10 to that power.
const BEYOND: i128 = 1_000_000_000_000_000_000_000_000;

/// An integer as FHIR writes it: `0`, `-3`, `+7`.
pub(super) fn parse_integer(text: &str) -> Result<Span, EncodeError> {
    let mut text = Text::new(text);
    let negative = text.eat(b'-');
    let signed = negative || text.eat(b'+');
    let digits = text.whole()?;
    text.end()?;
    if signed && digits == b"0" {
        return Err(EncodeError::Form);
    }
    Ok(scaled(negative, digits, &[], 0))
}

/// A decimal as FHIR writes it, `-0.50` or `1e3`, times 10^scale.
pub(super) fn parse_decimal(text: &str, scale: u8) -> Result<Span, EncodeError> {
    let mut text = Text::new(text);
    let negative = text.eat(b'-');
    let whole = text.whole()?;
    let part = if text.eat(b'.') { text.run() } else { b"0" };
    if part.is_empty() {
        return Err(EncodeError::Form);
    }
    let mut exponent = 0;
    if text.eat(b'e') || text.eat(b'E') {
        let below = text.eat(b'-');
        if !below {
            text.eat(b'+');
        }
        let digits = text.run();
        if digits.is_empty() {
            return Err(EncodeError::Form);
        }
        // An exponent beyond all texts that fit in memory does what a greater one does.
        let add = |sum: i64, digit: &u8| (sum * 10 + i64::from(digit - b'0')).min(i64::MAX / 16);
        let size = digits.iter().fold(0, add);
        exponent = if below { -size } else { size };
    }
    text.end()?;
    Ok(scaled(negative, whole, part, exponent + i64::from(scale)))
}

/// The integers next to ±(`whole`.`part` · 10^shift): one if it is one.
fn scaled(negative: bool, whole: &[u8], part: &[u8], shift: i64) -> Span {
    let digits = || whole.iter().chain(part).map(|digit| digit - b'0').skip_while(|digit| *digit == 0);
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX / 16);
    let len = count(digits().count());
    // So many of the digits stand before the point.
    let before = len - count(part.len()) + shift;
    let (below, exact) = if len == 0 {
        (0, true)
    } else if before > DIGITS {
        (BEYOND, true)
    } else {
        let before = usize::try_from(before).unwrap_or(0);
        let head = digits().chain(core::iter::repeat(0)).take(before);
        (head.fold(0, |sum, digit| sum * 10 + i128::from(digit)), digits().skip(before).all(|digit| digit == 0))
    };
    // Between two numbers, the first one after it comes after the last one before it.
    let (last, first) = (below, if exact { below } else { below + 1 });
    if negative { Span { first: -last, last: -first } } else { Span { first, last } }
}

/// Writes `value` / 10^scale with all its digits after the point.
pub(super) fn write(out: &mut impl fmt::Write, value: i128, scale: u8) -> fmt::Result {
    let power = 10_u128.pow(scale.into());
    let (sign, size) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
    write!(out, "{sign}{}", size / power)?;
    if scale > 0 { write!(out, ".{:0width$}", size % power, width = scale.into()) } else { Ok(()) }
}
