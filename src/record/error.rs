//! Why sealing, cutting or streaming failed. Opening in memory has one error for everything:
//! [`OpenError`].

use core::fmt;

#[cfg(feature = "std")]
use crate::error::OpenError;
use crate::error::RngError;
use crate::kem::EncapsulateError;

/// Why nothing was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealError {
    /// The scheme did not make a key for this context.
    Encapsulate(EncapsulateError),
    /// The plaintext needs more than 2^32 − 1 chunks, or does not fit into this machine's memory.
    TooLong,
    /// The random number generator failed.
    Rng,
}

impl From<EncapsulateError> for SealError {
    fn from(error: EncapsulateError) -> Self {
        match error {
            EncapsulateError::Rng => Self::Rng,
            other => Self::Encapsulate(other),
        }
    }
}

impl From<RngError> for SealError {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encapsulate(error) => error.fmt(f),
            Self::TooLong => f.write_str("the plaintext is too long"),
            Self::Rng => RngError.fmt(f),
        }
    }
}

impl core::error::Error for SealError {}

/// Why no range was cut out of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RangeError {
    /// The range does not lie within the plaintext, or ends before it starts.
    OutOfBounds,
    /// The body is not the one that the header states.
    Body,
}

impl fmt::Display for RangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutOfBounds => "the range does not lie within the plaintext",
            Self::Body => "the body does not belong to the header",
        })
    }
}

impl core::error::Error for RangeError {}

/// Why the layer around a body was not replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LayerError {
    /// The body has another layer than the one that the step begins at: the step was taken before, or is for another
    /// state.
    Layer,
    /// The body does not have the length that the header states.
    Body,
}

impl fmt::Display for LayerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Layer => "the body has another layer than the step begins at",
            Self::Body => "the body does not have the length that the header states",
        })
    }
}

impl core::error::Error for LayerError {}

macro_rules! io_error {
    ($(#[$meta:meta])* $name:ident { $(#[$vmeta:meta])* $variant:ident($inner:ty) }) => {
        $(#[$meta])*
        #[cfg(feature = "std")]
        #[derive(Debug)]
        #[non_exhaustive]
        pub enum $name {
            $(#[$vmeta])*
            $variant($inner),
            /// Reading or writing failed.
            Io(std::io::Error),
        }

        #[cfg(feature = "std")]
        impl<E: Into<$inner>> From<E> for $name {
            fn from(error: E) -> Self {
                Self::$variant(error.into())
            }
        }

        #[cfg(feature = "std")]
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    Self::$variant(error) => error.fmt(f),
                    Self::Io(error) => error.fmt(f),
                }
            }
        }

        #[cfg(feature = "std")]
        impl core::error::Error for $name {
            fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
                match self {
                    Self::$variant(_) => None,
                    Self::Io(error) => Some(error),
                }
            }
        }
    };
}

io_error! {
    /// Why a stream was not sealed. What was written so far has no header and opens for nobody.
    SealStreamError {
        /// Sealing failed.
        Seal(SealError)
    }
}

io_error! {
    /// Why a stream was not opened.
    OpenStreamError {
        /// The partition does not open, whatever the cause.
        Open(OpenError)
    }
}

io_error! {
    /// Why the layer around a stored body was not replaced. What was written so far is to be removed; header and body
    /// stay as they were.
    LayerStreamError {
        /// Step or body are wrong.
        Layer(LayerError)
    }
}

io_error! {
    /// Why no range was cut out of a stored body.
    RangeStreamError {
        /// Range or body are wrong.
        Range(RangeError)
    }
}
