//! The broadcast: a public message.

use alloc::vec::Vec;
use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{CommonKey, Group, Place};
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding, put_count};
use crate::error::{DecodeError, OpenError};
use crate::hash::{Digest, kdf, label};

/// What all wraps of a broadcast are bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) group: Group,
    pub(super) number: u64,
    pub(super) salt: Digest,
}

impl Head {
    fn pad(&self, key: &[u8; 32], place: Place) -> Zeroizing<[u8; 32]> {
        let (id, salt) = (self.group.id.as_bytes(), self.salt.as_bytes());
        kdf(label::BROADCAST_PAD, key, &[id, &self.number.to_be_bytes(), salt, &place.to_array()])
    }

    /// Commits to the key and to everything that is opened with it.
    fn tag(&self, key: &[u8; 32], place: Place, sealed: &[u8; 32]) -> Zeroizing<[u8; 32]> {
        let (id, salt) = (self.group.id.as_bytes(), self.salt.as_bytes());
        kdf(label::BROADCAST_TAG, key, &[id, &self.number.to_be_bytes(), salt, &place.to_array(), sealed])
    }

    pub(super) fn wrap(&self, key: &[u8; 32], place: Place, common: &CommonKey) -> Wrap {
        let sealed = *common.masked(self.pad(key, place)).as_bytes();
        Wrap { place, sealed, tag: *self.tag(key, place, &sealed) }
    }

    pub(super) fn open(&self, key: &[u8; 32], wrap: &Wrap) -> Result<CommonKey, OpenError> {
        if !bool::from(self.tag(key, wrap.place, &wrap.sealed).ct_eq(&wrap.tag)) {
            return Err(OpenError);
        }
        Ok(CommonKey::new(self.pad(key, wrap.place)).masked(Zeroizing::new(wrap.sealed)))
    }
}

/// The common key for who holds one node's key.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Wrap {
    place: Place,
    sealed: [u8; 32],
    tag: [u8; 32],
}

impl Wrap {
    /// Encoded length.
    const LEN: usize = Place::LEN + 32 + 32;

    fn write(&self, sink: &mut dyn Sink) {
        sink.put(&self.place.to_array());
        sink.put(&self.sealed);
        sink.put(&self.tag);
    }

    pub(super) fn read(reader: &mut Reader<'_>, height: u8) -> Result<Self, DecodeError> {
        Ok(Self { place: Place::read(reader, height)?, sealed: reader.array()?, tag: reader.array()? })
    }
}

/// A key for all members of a group who are not revoked. It travels as [`Signed`](crate::identity::Signed) by the owner.
///
/// It hides nothing but the key: which seats are revoked, and how many were handed out, can be seen by everybody.
///
/// Encoded length: 4 + 65 + 8 + 32 + 4 bytes + 69 for each node, and 96 + 4 for the signature with its key. Decoding takes
/// no other cover than the smallest one for the same seats.
#[derive(Clone, PartialEq, Eq)]
pub struct Broadcast {
    head: Head,
    // Their nodes are disjoint, from left to right, and never both children of one.
    wraps: Vec<Wrap>,
}

impl Broadcast {
    pub(super) fn new(head: Head, wraps: impl Iterator<Item = Wrap>) -> Self {
        Self { head, wraps: wraps.collect() }
    }

    /// The group that it is to.
    pub fn group(&self) -> &Group {
        &self.head.group
    }

    /// The owner's count. Old broadcasts stay valid: a receiver that wants the latest remembers the greatest number that
    /// it opened.
    pub fn number(&self) -> u64 {
        self.head.number
    }

    /// How many nodes its cover has.
    pub fn nodes(&self) -> usize {
        self.wraps.len()
    }

    /// Whether it is to this seat.
    pub fn is_to(&self, seat: u32) -> bool {
        self.wrap_for(seat).is_some()
    }

    fn wrap_for(&self, seat: u32) -> Option<&Wrap> {
        let at = self.wraps.partition_point(|wrap| wrap.place.last() < seat);
        self.wraps.get(at).filter(|wrap| wrap.place.first() <= seat)
    }

    /// Opens it with the key that `key_of` finds for a level of the seat's path.
    pub(super) fn open<'a>(
        &self,
        seat: u32,
        key_of: impl FnOnce(u8) -> Option<&'a [u8; 32]>,
    ) -> Result<CommonKey, OpenError> {
        let wrap = self.wrap_for(seat).ok_or(OpenError)?;
        self.head.open(key_of(wrap.place.level()).ok_or(OpenError)?, wrap)
    }
}

impl fmt::Debug for Broadcast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places: Vec<_> = self.wraps.iter().map(|wrap| wrap.place).collect();
        f.debug_struct("Broadcast").field("head", &self.head).field("cover", &places).finish_non_exhaustive()
    }
}

impl Message for Broadcast {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::BROADCAST;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.head.group.write(sink);
        sink.put(&self.head.number.to_be_bytes());
        sink.put(self.head.salt.as_bytes());
        put_count(sink, self.wraps.len());
        self.wraps.iter().for_each(|wrap| wrap.write(sink));
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (group, number) = (Group::read(reader)?, reader.u64()?);
        let head = Head { group, number, salt: Digest::from_array(reader.array()?) };
        // Of two seats side by side, at most one node: both together would be another.
        let most = usize::try_from(group.seats() / 2).unwrap_or(usize::MAX);
        let count = reader.count(most, Wrap::LEN)?;
        let mut wraps: Vec<Wrap> = Vec::with_capacity(count);
        for _ in 0..count {
            let wrap = Wrap::read(reader, group.height)?;
            // Out of order, twice, one below the other, or two for which there is one.
            if wraps
                .last()
                .is_some_and(|last| wrap.place.first() <= last.place.last() || wrap.place.is_sibling(last.place))
            {
                return Err(DecodeError::Value);
            }
            wraps.push(wrap);
        }
        // To nobody.
        if wraps.is_empty() { Err(DecodeError::Value) } else { Ok(Self { head, wraps }) }
    }
}

public_encoding!(Broadcast);

#[cfg(test)]
impl Broadcast {
    pub(super) fn head(&self) -> &Head {
        &self.head
    }

    pub(super) fn wraps(&self) -> &[Wrap] {
        &self.wraps
    }
}

#[cfg(test)]
impl Wrap {
    pub(super) fn place(&self) -> Place {
        self.place
    }

    pub(super) fn to_array(&self) -> [u8; Self::LEN] {
        let mut out = Vec::new();
        self.write(&mut out);
        out.try_into().unwrap_or([0; Self::LEN])
    }
}
