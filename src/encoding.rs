//! How messages become bytes: one trait, one bounds-checked reader, version and suite in every message.
//!
//! Every message starts with four bytes: format version, [`SuiteId`], and [`Kind`] (big-endian). Integers are
//! big-endian; points are compressed; scalars are 32 bytes little-endian; what varies in length carries a `u32`
//! length that is checked against a bound before anything is allocated. Decoding accepts exactly the bytes that
//! encoding produces, so an object has one encoding and its hash can stand for it.
//!
//! Decoding checks form. Whether a signature, a proof or a pairing equation holds is for the `verify` functions,
//! whose result is a type that has no decoder.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
#[cfg(feature = "alloc")]
use zeroize::Zeroizing;

use crate::error::{BufferTooSmall, DecodeError};

/// The format version that this release writes and reads.
pub const VERSION: u8 = 1;

/// The scheme that a message belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum SuiteId {
    /// Messages that every scheme shares: signed statements, sealed bodies, roles.
    Common = 0,
    /// [`Afgh`](crate::pre::afgh::Afgh): BLS12-381, SHA-512, HKDF-SHA-512.
    Afgh = 1,
    /// [`Kac`](crate::kac): BLS12-381, SHA-512, HKDF-SHA-512.
    Kac = 2,
    /// [`Threshold`](crate::pre::threshold): ristretto255, SHA-512, HKDF-SHA-512.
    Threshold = 3,
    /// [`Federated`](crate::search::Federated) search: AES-128, SHA-512.
    Federated = 4,
    /// [`Ordered`](crate::search::Ordered) search: ristretto255, SHA-512.
    Ordered = 5,
}

impl SuiteId {
    pub(crate) fn from_byte(byte: u8) -> Result<Self, DecodeError> {
        match byte {
            0 => Ok(Self::Common),
            1 => Ok(Self::Afgh),
            2 => Ok(Self::Kac),
            3 => Ok(Self::Threshold),
            4 => Ok(Self::Federated),
            5 => Ok(Self::Ordered),
            other => Err(DecodeError::Suite(other)),
        }
    }
}

/// What a message is: two bytes, unique over the crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kind(u16);

impl Kind {
    /// Bit that marks the signed form of a statement.
    const SIGNED: u16 = 0x8000;

    /// The number on the wire.
    pub const fn number(self) -> u16 {
        self.0
    }

    pub(crate) const fn signed(self) -> Self {
        Self(self.0 | Self::SIGNED)
    }
}

/// All kinds in one place, so that no two messages share one.
#[cfg_attr(not(feature = "alloc"), allow(dead_code))]
pub(crate) mod kind {
    use super::Kind;

    pub(crate) const CONTEXT: Kind = Kind(0x0001);
    pub(crate) const VERIFYING_KEY: Kind = Kind(0x0002);
    pub(crate) const SIGNING_KEY: Kind = Kind(0x0003);
    pub(crate) const OWNER_ROOT: Kind = Kind(0x0004);

    pub(crate) const OWNER_KEY: Kind = Kind(0x0010);
    pub(crate) const OWNER_SECRET: Kind = Kind(0x0011);
    pub(crate) const USER_KEY: Kind = Kind(0x0012);
    pub(crate) const USER_SECRET: Kind = Kind(0x0013);
    pub(crate) const GRANT: Kind = Kind(0x0014);
    pub(crate) const REKEY: Kind = Kind(0x0015);
    pub(crate) const CAPSULE: Kind = Kind(0x0016);
    pub(crate) const RECAPSULE: Kind = Kind(0x0017);

    pub(crate) const IMMUTABLE_HEADER: Kind = Kind(0x0020);
    pub(crate) const MUTABLE_HEADER: Kind = Kind(0x0021);
    pub(crate) const SEAL: Kind = Kind(0x0022);
    pub(crate) const SEALED_HEADER: Kind = Kind(0x0023);
    pub(crate) const SEALED_PARTITION: Kind = Kind(0x0024);
    pub(crate) const SEALED_RANGE: Kind = Kind(0x0025);

    pub(crate) const KEY_BUNDLE: Kind = Kind(0x0030);
    pub(crate) const ROLE_CERT: Kind = Kind(0x0031);
    pub(crate) const REQUEST: Kind = Kind(0x0033);
    pub(crate) const RESPONSE: Kind = Kind(0x0034);
    pub(crate) const DIRECTORY: Kind = Kind(0x0035);
    pub(crate) const DELEGATION: Kind = Kind(0x0036);
    pub(crate) const AUDIT_QUERY: Kind = Kind(0x0037);
    pub(crate) const MEMBERSHIP: Kind = Kind(0x0038);
    pub(crate) const LIVE_HEAD: Kind = Kind(0x0039);
    pub(crate) const LIVE_UPDATE: Kind = Kind(0x003a);
    pub(crate) const LIVE_SET: Kind = Kind(0x003b);
    pub(crate) const BACKUP: Kind = Kind(0x0060);
    pub(crate) const ORDERS: Kind = Kind(0x0061);
    pub(crate) const ORDER_TERMS: Kind = Kind(0x0062);
    pub(crate) const LAYER_GRANT: Kind = Kind(0x0063);
    pub(crate) const RECEIPT: Kind = Kind(0x003c);
    pub(crate) const LOG_HEAD: Kind = Kind(0x003d);
    pub(crate) const AUDIT: Kind = Kind(0x003e);
    pub(crate) const AUDITOR: Kind = Kind(0x003f);

    pub(crate) const PARAMS: Kind = Kind(0x0040);
    pub(crate) const PINS: Kind = Kind(0x0041);
    pub(crate) const CONTRIBUTION: Kind = Kind(0x0042);
    pub(crate) const TRANSCRIPT: Kind = Kind(0x0043);
    pub(crate) const CLASS_SET: Kind = Kind(0x0044);
    pub(crate) const CLASS_GRID: Kind = Kind(0x0045);
    pub(crate) const GENERATION_CERT: Kind = Kind(0x0046);
    pub(crate) const GENERATION_CHAIN: Kind = Kind(0x0047);
    pub(crate) const AGGREGATE_KEY: Kind = Kind(0x0048);
    pub(crate) const AGGREGATE_CAPSULE: Kind = Kind(0x0049);
    pub(crate) const DEALING: Kind = Kind(0x004a);
    pub(crate) const SUB_SHARE: Kind = Kind(0x004b);
    pub(crate) const TRUSTEE_SHARE: Kind = Kind(0x004c);
    pub(crate) const SHARING: Kind = Kind(0x004d);
    pub(crate) const ROTATION_TOKEN: Kind = Kind(0x004e);

    pub(crate) const KAPRE_USER_KEY: Kind = Kind(0x0050);
    pub(crate) const KAPRE_USER_SECRET: Kind = Kind(0x0051);
    pub(crate) const KAPRE_OWNER_GRANT: Kind = Kind(0x0052);
    pub(crate) const KAPRE_GRANT: Kind = Kind(0x0053);
    pub(crate) const KAPRE_REKEY: Kind = Kind(0x0054);
    pub(crate) const KAPRE_RECAPSULE: Kind = Kind(0x0055);
    pub(crate) const KAPRE_REFERRAL_TERMS: Kind = Kind(0x0056);
    pub(crate) const KAPRE_REFERRAL: Kind = Kind(0x0057);
    pub(crate) const KAPRE_REFERRAL_KEY: Kind = Kind(0x0058);
    pub(crate) const KAPRE_EMERGENCY_RULES: Kind = Kind(0x0059);
    pub(crate) const KAPRE_EMERGENCY_REQUEST: Kind = Kind(0x005a);
    pub(crate) const KAPRE_APPEAL: Kind = Kind(0x005b);
    pub(crate) const KAPRE_APPROVAL: Kind = Kind(0x005c);
    pub(crate) const KAPRE_APPROVAL_KEY: Kind = Kind(0x005d);
    pub(crate) const KAPRE_EMERGENCY_GRANT: Kind = Kind(0x005e);

    pub(crate) const EPOCH_KEYS: Kind = Kind(0x0070);
    pub(crate) const EPOCH_DIRECTORY: Kind = Kind(0x0071);
    pub(crate) const WRAPPED: Kind = Kind(0x0072);
    pub(crate) const TOKEN: Kind = Kind(0x0073);
    pub(crate) const TOKEN_TERMS: Kind = Kind(0x0076);
    pub(crate) const BROADCAST: Kind = Kind(0x0074);
    pub(crate) const SEAT_KEYS: Kind = Kind(0x0075);

    pub(crate) const THRESHOLD_OWNER_CERT: Kind = Kind(0x0080);
    pub(crate) const THRESHOLD_OWNER_KEY: Kind = Kind(0x0081);
    pub(crate) const THRESHOLD_OWNER_SECRET: Kind = Kind(0x0082);
    pub(crate) const THRESHOLD_USER_KEY: Kind = Kind(0x0083);
    pub(crate) const THRESHOLD_USER_SECRET: Kind = Kind(0x0084);
    pub(crate) const THRESHOLD_GRANT: Kind = Kind(0x0085);
    pub(crate) const THRESHOLD_FRAGMENT: Kind = Kind(0x0086);
    pub(crate) const THRESHOLD_CAPSULE: Kind = Kind(0x0087);
    pub(crate) const THRESHOLD_PART: Kind = Kind(0x0088);
    pub(crate) const THRESHOLD_SERVERS: Kind = Kind(0x0089);

    pub(crate) const SEARCH_SPACE: Kind = Kind(0x0090);
    pub(crate) const SEARCH_ROSTER: Kind = Kind(0x0091);
    pub(crate) const SEARCH_BATCH_HEAD: Kind = Kind(0x0092);
    pub(crate) const RIGHT_BATCH: Kind = Kind(0x0093);
    pub(crate) const POINT_BATCH: Kind = Kind(0x0094);
    pub(crate) const DIGEST_BATCH: Kind = Kind(0x0095);
    pub(crate) const LEFT_TOKEN: Kind = Kind(0x0096);
    pub(crate) const POINT_TOKEN: Kind = Kind(0x0097);
    pub(crate) const DIGEST_TOKEN: Kind = Kind(0x0098);
    pub(crate) const SEARCH_COLUMN: Kind = Kind(0x0099);
    pub(crate) const SEARCH_EVIDENCE: Kind = Kind(0x009a);
    pub(crate) const SEARCH_ANSWER: Kind = Kind(0x009b);
    pub(crate) const SEARCH_WRITE_KEY: Kind = Kind(0x009c);
    pub(crate) const SEARCH_QUERY_KEY: Kind = Kind(0x009d);
    pub(crate) const SWITCH_TERMS: Kind = Kind(0x00a0);
    pub(crate) const SWITCH_KEY: Kind = Kind(0x00a1);
    pub(crate) const SWITCHER: Kind = Kind(0x00a2);
    pub(crate) const SWITCH_ROTATION_TERMS: Kind = Kind(0x00a3);
    pub(crate) const SWITCH_ROTATION: Kind = Kind(0x00a4);
    pub(crate) const SEARCH_REGISTRAR: Kind = Kind(0x00a5);
    pub(crate) const SEARCH_GRANT: Kind = Kind(0x00a6);
    pub(crate) const SEARCH_KEY: Kind = Kind(0x00a7);
}

/// Where encoded bytes go: a buffer, a hash, or a counter.
pub trait Sink {
    /// Takes the next bytes.
    fn put(&mut self, bytes: &[u8]);
}

#[cfg(feature = "alloc")]
impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

struct Counter(usize);

impl Sink for Counter {
    fn put(&mut self, bytes: &[u8]) {
        self.0 = self.0.saturating_add(bytes.len());
    }
}

/// Writes into a slice that was measured before; what does not fit is dropped.
struct SliceSink<'a> {
    rest: &'a mut [u8],
}

impl Sink for SliceSink<'_> {
    fn put(&mut self, bytes: &[u8]) {
        let rest = core::mem::take(&mut self.rest);
        let n = bytes.len().min(rest.len());
        let (head, tail) = rest.split_at_mut(n);
        if let Some(bytes) = bytes.get(..n) {
            head.copy_from_slice(bytes);
        }
        self.rest = tail;
    }
}

/// Writes `bytes` behind their length.
pub(crate) fn put_var(sink: &mut dyn Sink, bytes: &[u8]) {
    // No field of ours comes near 4 GiB: each has a bound that its constructor and its reader check.
    put_count(sink, bytes.len());
    sink.put(bytes);
}

/// Writes a count of items.
pub(crate) fn put_count(sink: &mut dyn Sink, count: usize) {
    sink.put(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
}

/// An object with exactly one encoding.
pub trait Message: Sized {
    /// The scheme it belongs to.
    const SUITE: SuiteId;
    /// Which message it is.
    const KIND: Kind;

    /// Writes what follows the four header bytes.
    fn encode_body(&self, sink: &mut dyn Sink);

    /// Reads what follows the four header bytes.
    ///
    /// # Errors
    /// The first thing that is wrong with the bytes.
    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// Writes header and body.
    fn write(&self, sink: &mut dyn Sink) {
        let [k0, k1] = Self::KIND.0.to_be_bytes();
        sink.put(&[VERSION, Self::SUITE as u8, k0, k1]);
        self.encode_body(sink);
    }

    /// Length of the whole message in bytes.
    fn encoded_len(&self) -> usize {
        let mut counter = Counter(0);
        self.write(&mut counter);
        counter.0
    }

    /// Encodes into the caller's buffer and returns the length used.
    ///
    /// # Errors
    /// [`BufferTooSmall`] with the length needed; the buffer is untouched then.
    fn encode_to(&self, out: &mut [u8]) -> Result<usize, BufferTooSmall> {
        let needed = self.encoded_len();
        let rest = out.get_mut(..needed).ok_or(BufferTooSmall { needed })?;
        self.write(&mut SliceSink { rest });
        Ok(needed)
    }

    /// Reads one message from the front of `reader`.
    ///
    /// # Errors
    /// The first thing that is wrong with the bytes.
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let [version] = reader.array()?;
        if version != VERSION {
            return Err(DecodeError::Version(version));
        }
        let [suite] = reader.array()?;
        if SuiteId::from_byte(suite)? != Self::SUITE {
            return Err(DecodeError::Suite(suite));
        }
        let kind = reader.u16()?;
        if kind != Self::KIND.0 {
            return Err(DecodeError::Kind(kind));
        }
        Self::decode_body(reader)
    }

    /// Decodes a message that fills `bytes` exactly.
    ///
    /// # Errors
    /// The first thing that is wrong with the bytes.
    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let message = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(message)
    }
}

/// A [`Message`] that anyone may see.
pub trait Encoding: Message {
    /// The whole message.
    #[cfg(feature = "alloc")]
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.encoded_len());
        self.write(&mut out);
        out
    }
}

/// A [`Message`] that is a secret: its bytes are wiped when dropped, and it has no `serde` form.
pub trait SecretEncoding: Message {
    /// The whole message, in one allocation that is wiped on drop.
    #[cfg(feature = "alloc")]
    fn to_secret_bytes(&self) -> Zeroizing<Vec<u8>> {
        // The capacity is exact: growing would leave a copy behind.
        let mut out = Zeroizing::new(Vec::with_capacity(self.encoded_len()));
        self.write(&mut *out);
        out
    }
}

/// Reads fields from a slice and never past its end.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the front of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self.rest.split_at_checked(n).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(head)
    }

    /// The next `N` bytes as an array.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*head)
    }

    /// A big-endian `u16`.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_be_bytes)
    }

    /// A big-endian `u32`.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_be_bytes)
    }

    /// A big-endian `u64`.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_be_bytes)
    }

    /// Bytes behind a `u32` length of at most `max`.
    ///
    /// # Errors
    /// [`DecodeError::Length`] above the bound, [`DecodeError::Truncated`] when fewer bytes are there.
    pub fn var(&mut self, max: usize) -> Result<&'a [u8], DecodeError> {
        let len = usize::try_from(self.u32()?).map_err(|_| DecodeError::Length)?;
        if len > max {
            return Err(DecodeError::Length);
        }
        self.take(len)
    }

    /// A count of at most `max` items of at least `min_len` bytes each, so that a claim of many items costs their
    /// sender as many bytes.
    ///
    /// # Errors
    /// [`DecodeError::Length`] above the bound, [`DecodeError::Truncated`] when fewer bytes are there.
    pub fn count(&mut self, max: usize, min_len: usize) -> Result<usize, DecodeError> {
        let count = usize::try_from(self.u32()?).map_err(|_| DecodeError::Length)?;
        if count > max {
            return Err(DecodeError::Length);
        }
        if count.saturating_mul(min_len) > self.rest.len() {
            return Err(DecodeError::Truncated);
        }
        Ok(count)
    }

    /// How many bytes are left.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Checks that nothing is left.
    ///
    /// # Errors
    /// [`DecodeError::TrailingBytes`].
    pub fn finish(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::TrailingBytes) }
    }
}

/// Formats bytes as lower-case hexadecimal, for `Debug` of public objects.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl core::fmt::Debug for Hex<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// `serde` through the encoding: hexadecimal in readable formats, bytes in binary ones.
#[cfg(feature = "serde")]
pub(crate) mod serde_form {
    use super::Encoding;
    use serde::{Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<T: Encoding, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serdect::slice::serialize_hex_lower_or_bin(&value.to_bytes(), serializer)
    }

    pub(crate) fn deserialize<'de, T: Encoding, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        let bytes = serdect::slice::deserialize_hex_or_bin_vec(deserializer)?;
        T::from_bytes(&bytes).map_err(D::Error::custom)
    }
}

/// `serde` for names of fixed length: hexadecimal in readable formats, bytes in binary ones.
macro_rules! serde_name {
    ($($ty:ty),+ $(,)?) => {$(
        #[cfg(feature = "serde")]
        impl serde::Serialize for $ty {
            fn serialize<Ser: serde::Serializer>(&self, serializer: Ser) -> Result<Ser::Ok, Ser::Error> {
                serde::Serialize::serialize(&serdect::array::HexOrBin::<_, false>(*self.as_bytes()), serializer)
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $ty {
            fn deserialize<De: serde::Deserializer<'de>>(deserializer: De) -> Result<Self, De::Error> {
                let bytes: serdect::array::HexLowerOrBin<_> = serde::Deserialize::deserialize(deserializer)?;
                Ok(Self::from_array(bytes.0))
            }
        }
    )+};
}
pub(crate) use serde_name;

/// Marks messages as public: [`Encoding`], and `serde` where that is on.
macro_rules! public_encoding {
    ($($(#[$meta:meta])* $ty:ty $(where [$($gen:tt)*])?),+ $(,)?) => {$(
        $(#[$meta])*
        impl $(<$($gen)*>)? $crate::encoding::Encoding for $ty {}

        #[cfg(feature = "serde")]
        $(#[$meta])*
        impl $(<$($gen)*>)? serde::Serialize for $ty {
            fn serialize<Ser: serde::Serializer>(&self, serializer: Ser) -> Result<Ser::Ok, Ser::Error> {
                $crate::encoding::serde_form::serialize(self, serializer)
            }
        }

        #[cfg(feature = "serde")]
        $(#[$meta])*
        impl<'de, $($($gen)*)?> serde::Deserialize<'de> for $ty {
            fn deserialize<De: serde::Deserializer<'de>>(deserializer: De) -> Result<Self, De::Error> {
                $crate::encoding::serde_form::deserialize(deserializer)
            }
        }
    )+};
}
pub(crate) use public_encoding;
