//! What the forms of values have in common: ASCII, read from the front.

use super::EncodeError;

/// The rest of a text.
pub(super) struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self(text.as_bytes())
    }

    pub(super) fn is_end(&self) -> bool {
        self.0.is_empty()
    }

    /// Nothing follows.
    pub(super) fn end(&self) -> Result<(), EncodeError> {
        if self.is_end() { Ok(()) } else { Err(EncodeError::Form) }
    }

    /// Takes a byte if it is the next one.
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        match self.0.split_first() {
            Some((first, rest)) if *first == byte => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    pub(super) fn expect(&mut self, byte: u8) -> Result<(), EncodeError> {
        if self.eat(byte) { Ok(()) } else { Err(EncodeError::Form) }
    }

    /// The digits that come next, perhaps none.
    pub(super) fn run(&mut self) -> &'a [u8] {
        let len = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at_checked(len).unwrap_or((self.0, &[]));
        self.0 = rest;
        digits
    }

    /// Digits that are a number without zeros before it.
    pub(super) fn whole(&mut self) -> Result<&'a [u8], EncodeError> {
        match self.run() {
            [] | [b'0', _, ..] => Err(EncodeError::Form),
            digits => Ok(digits),
        }
    }

    /// A number of exactly so many digits: four at most.
    pub(super) fn digits(&mut self, count: usize) -> Result<u32, EncodeError> {
        let (digits, rest) = self.0.split_at_checked(count).ok_or(EncodeError::Form)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(EncodeError::Form);
        }
        self.0 = rest;
        Ok(digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
    }
}
