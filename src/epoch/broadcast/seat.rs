//! What a member holds, and what it gets.

use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::{Broadcast, Group};
use crate::encoding::{Kind, Message, Reader, SecretEncoding, Sink, SuiteId, kind};
use crate::error::{DecodeError, OpenError, RngError};
use crate::identity::{Verified, fresh_secret};

/// The keys of one seat: those of the nodes from its leaf to the root. They never change.
///
/// They carry no proof. Take them from a sealed and signed message; with others, broadcasts do not open.
///
/// Encoded length: 4 + 65 + 4 bytes + 32 · (height + 1).
pub struct SeatKeys {
    group: Group,
    seat: u32,
    // By level. Keys are copied into a vector of their own size and never moved out, so that wiping the vector wipes the
    // only place where they are.
    keys: Zeroizing<Vec<[u8; 32]>>,
}

impl SeatKeys {
    /// With the `keys` of all levels, lowest first.
    pub(super) fn new(group: Group, seat: u32, keys: impl Iterator<Item = Zeroizing<[u8; 32]>>) -> Self {
        let mut own = Self::empty(group, seat);
        keys.for_each(|key| own.keys.push(*key));
        own
    }

    /// With room for all keys.
    fn empty(group: Group, seat: u32) -> Self {
        Self { group, seat, keys: Zeroizing::new(Vec::with_capacity(usize::from(group.height) + 1)) }
    }

    /// Which group they are of.
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// The seat.
    pub fn seat(&self) -> u32 {
        self.seat
    }

    /// What a broadcast gives to this seat, at the cost of two KDF calls. Which of the keys opens it is public.
    ///
    /// # Errors
    /// [`OpenError`] if it is not to this seat, of another group, not signed by the group's owner, or not well made.
    pub fn open(&self, broadcast: &Verified<Broadcast>) -> Result<CommonKey, OpenError> {
        if broadcast.signer() != self.group.owner || *broadcast.group() != self.group {
            return Err(OpenError);
        }
        broadcast.open(self.seat, |level| self.keys.get(usize::from(level)))
    }
}

#[cfg(test)]
impl SeatKeys {
    /// By level.
    pub(super) fn all(&self) -> impl Iterator<Item = &[u8; 32]> {
        self.keys.iter()
    }
}

impl ZeroizeOnDrop for SeatKeys {}

impl fmt::Debug for SeatKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeatKeys").field("group", &self.group).field("seat", &self.seat).finish_non_exhaustive()
    }
}

impl Message for SeatKeys {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::SEAT_KEYS;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.group.write(sink);
        sink.put(&self.seat.to_be_bytes());
        self.keys.iter().for_each(|key| sink.put(key));
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (group, seat) = (Group::read(reader)?, reader.u32()?);
        group.check(seat).map_err(|_| DecodeError::Value)?;
        let mut own = Self::empty(group, seat);
        for _ in 0..=group.height {
            let key: Option<&[u8; 32]> = reader.take(32)?.first_chunk();
            own.keys.extend(key);
        }
        Ok(own)
    }
}

impl SecretEncoding for SeatKeys {}

/// What is broadcast: a symmetric key of 32 bytes. It is wiped on drop and cannot be printed or copied.
pub struct CommonKey(Zeroizing<[u8; 32]>);

impl CommonKey {
    /// From the bytes of a uniform secret.
    pub fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    /// A new one.
    ///
    /// # Errors
    /// [`RngError`] when the generator fails.
    pub fn try_generate<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, RngError> {
        fresh_secret(rng).map(Self)
    }

    /// The bytes, to derive from or for a cipher.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Its exclusive or with a pad.
    pub(super) fn masked(&self, mut pad: Zeroizing<[u8; 32]>) -> Self {
        pad.iter_mut().zip(&*self.0).for_each(|(to, from)| *to ^= from);
        Self(pad)
    }
}

impl ZeroizeOnDrop for CommonKey {}

impl ConstantTimeEq for CommonKey {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&*other.0)
    }
}

impl fmt::Debug for CommonKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommonKey").finish_non_exhaustive()
    }
}
