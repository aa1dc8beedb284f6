//! One message to a group of many, which revoked members do not open: the complete-subtree method.
//!
//! For groups beyond a few hundred members, where a message to each of them is too much.
//!
//! ```
//! use sesphr::Digest;
//! use sesphr::encoding::{Encoding, Message, SecretEncoding};
//! use sesphr::epoch::BroadcastEncryption;
//! use sesphr::epoch::broadcast::{Broadcast, CommonKey, Group, GroupKeys, Recipients, SeatKeys};
//! use sesphr::identity::{Signed, SigningKey};
//! use sesphr::kem::OwnerRoot;
//! use subtle::ConstantTimeEq;
//!
//! let rng = &mut getrandom::SysRng;
//! let (signer, root) = (SigningKey::try_generate(rng)?, OwnerRoot::try_generate(rng)?);
//!
//! // A group of up to 2^16 members. Each gets a seat of its own, in a message for its eyes only.
//! let group = Group::new(signer.id(), Digest::from_array([1; 32]), 16)?;
//! let keys = GroupKeys::derive(&root, &group);
//! let [first, second] = [keys.seat(0)?.to_secret_bytes(), keys.seat(1)?.to_secret_bytes()];
//!
//! // 5000 seats were handed out, and two are revoked. Everybody else gets a key in one message.
//! let common = CommonKey::try_generate(rng)?;
//! let recipients = Recipients { seats: 5000, revoked: &[4711, 1] };
//! let message = keys.broadcast(&signer, 7, &common, &recipients, rng)?.to_bytes();
//! assert!(message.len() < 2000);
//!
//! // Members check who it is from.
//! let message = Signed::<Broadcast>::from_bytes(&message)?.verify(&signer.id())?;
//! let opened = SeatKeys::from_bytes(&first)?.open(&message)?;
//! assert!(bool::from(opened.ct_eq(&common)));
//! assert!(SeatKeys::from_bytes(&second)?.open(&message).is_err());
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Construction
//!
//! Naor, Naor and Lotspiech, *CRYPTO* 2001, section 3.1 (“The Complete Subtree Method”), on a binary tree whose 2^h
//! leaves are the seats of a group, 1 ≤ h ≤ 24. A node is named by its level, leaves being at 0 and the root at h, and by
//! its index on that level from the left; five bytes.
//!
//! * **Group**: id = H(owner id, name, h), h as one byte.
//! * **Nodes**: master = KDF(root secret, id); the key of a node is KDF(master, id, node). They are independent: a member
//!   holds nodes above its seat, from which nothing beside the way to its seat may follow. The tree of
//!   [`epoch::tree`](crate::epoch::tree) is of another kind.
//! * **Seat**: the h + 1 keys from the leaf to the root.
//! * **Cover**: the highest nodes with no revoked seat below them. They hold all others, each once.
//! * **Broadcast** of a key M under the number n: salt s, and for each node of the cover, with key k, sealed = M ⊕
//!   KDF(pad, k, id, n, s, node) and tag = KDF(tag, k, id, n, s, node, sealed). It is signed by the owner.
//!
//! The salt is a hash over fresh randomness, the owner's signature key, a counter, id, n and M: where generator and number
//! repeat, the pad for another M is still another. The tag commits to everything that a receiver uses: to find a wrap that
//! opens under two keys, whosever they are, takes a collision in 32 bytes of HKDF-SHA-512. It is compared in constant time,
//! before anything is opened.
//!
//! # How many nodes
//!
//! For r ≥ 1 revoked of N = 2^h seats, at most r·log₂(N/r); 1 for none. Where fewer seats were handed out than there are,
//! at most h more. A broadcast is as long in r as this says, and does not depend on the number of members otherwise: with
//! 2^16 seats, 69 bytes for none revoked, at most 1104 for one, and at most 65 kB for a hundred.
//!
//! Seats that were not handed out do not open a broadcast ([`Recipients::seats`]): who gets one of them later cannot read
//! the past. To let newcomers read it, say that all were handed out.
//!
//! # What it rests on
//!
//! All revoked members together hold no key of a node of the cover: such a node has none of them below it. What they see
//! is as good as random to them if the KDF is a pseudorandom function of its secret. No structure is left to a quantum
//! computer but the signature's. That the owner gives the same key to all is not proven: every wrap commits to its own.
//!
//! # Cost
//!
//! In KDF calls:
//!
//! | operation | cost |
//! |---|---|
//! | derive | 1 |
//! | keys of a seat | h + 1 |
//! | broadcast | 3 for each node, and a signature; seats are not visited, r revoked ones are sorted |
//! | open | 2, after a binary search and the check of the signature |

mod message;
mod seat;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::tree::node::Place;
use super::{BroadcastEncryption, BroadcastError, GroupError, SeatError};
use crate::encoding::{Reader, Sink};
use crate::error::{DecodeError, OpenError};
use crate::hash::{Digest, hash, kdf, label};
use crate::identity::{PartyId, Signed, SigningKey, Verified};
use crate::kem::OwnerRoot;
pub use message::Broadcast;
use message::Head;
pub use seat::{CommonKey, SeatKeys};

/// Which group: an owner's, of up to 2^height seats. It is public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    owner: PartyId,
    name: Digest,
    height: u8,
    id: Digest,
}

impl Group {
    /// The greatest height.
    pub const MAX_HEIGHT: u8 = 24;

    /// The group of this owner and `name`, with 2^`height` seats. The name is any that the owner gives to no other group.
    /// Another height is another group.
    ///
    /// # Errors
    /// [`GroupError::Height`] unless it is from 1 to [`MAX_HEIGHT`](Self::MAX_HEIGHT).
    pub fn new(owner: PartyId, name: Digest, height: u8) -> Result<Self, GroupError> {
        if !(1..=Self::MAX_HEIGHT).contains(&height) {
            return Err(GroupError::Height);
        }
        let id = hash(label::BROADCAST_GROUP, &[owner.as_bytes(), name.as_bytes(), &[height]]).digest();
        Ok(Self { owner, name, height, id })
    }

    /// Whose it is.
    pub fn owner(&self) -> PartyId {
        self.owner
    }

    /// The name that the owner gave it.
    pub fn name(&self) -> Digest {
        self.name
    }

    /// The height: there are 2^height seats.
    pub fn height(&self) -> u8 {
        self.height
    }

    /// The number of seats, which are counted from 0.
    pub fn seats(&self) -> u32 {
        1 << self.height
    }

    /// The group's name in derivations: a hash of all of the above.
    pub fn id(&self) -> Digest {
        self.id
    }

    fn check(&self, seat: u32) -> Result<(), SeatError> {
        if seat < self.seats() { Ok(()) } else { Err(SeatError::OutOfGroup) }
    }

    /// The nodes above a seat, itself first.
    fn path(&self, seat: u32) -> impl Iterator<Item = Place> {
        (0..=self.height).map(move |level| Place::above(seat, level))
    }

    fn write(&self, sink: &mut dyn Sink) {
        sink.put(self.owner.as_bytes());
        sink.put(self.name.as_bytes());
        sink.put(&[self.height]);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (owner, name) = (PartyId::from_array(reader.array()?), Digest::from_array(reader.array()?));
        let [height] = reader.array()?;
        Self::new(owner, name, height).map_err(|_| DecodeError::Value)
    }
}

/// To whom a broadcast is.
#[derive(Clone, Copy, Debug)]
pub struct Recipients<'a> {
    /// How many seats were handed out, from 0 on. Seats from here on do not open the broadcast, whoever gets them later;
    /// [`Group::seats`] lets everybody open it who ever gets one.
    pub seats: u32,
    /// Which of them are revoked: all that ever were, in any order.
    pub revoked: &'a [u32],
}

impl Recipients<'_> {
    /// The highest nodes below which everybody is a recipient, from left to right.
    fn cover(&self, group: &Group) -> Result<Vec<Place>, BroadcastError> {
        if self.seats > group.seats() {
            return Err(BroadcastError::OutOfGroup);
        }
        let mut revoked = self.revoked.to_vec();
        revoked.sort_unstable();
        if revoked.last().is_some_and(|seat| *seat >= self.seats) {
            return Err(BroadcastError::NotSeated);
        }
        // A node without a revoked seat lies between two that are revoked next to each other.
        let (mut first, mut cover) = (0, Vec::new());
        for end in revoked.into_iter().chain([self.seats]) {
            while first < end {
                let place = Place::greatest(first, end);
                cover.push(place);
                // No overflow here and below: a group has at most 2^24 seats.
                first = place.last() + 1;
            }
            first = end + 1;
        }
        if cover.is_empty() { Err(BroadcastError::Nobody) } else { Ok(cover) }
    }
}

/// The owner's keys of a [`Group`]: all of them follow from one.
pub struct GroupKeys {
    group: Group,
    master: Zeroizing<[u8; 32]>,
}

impl GroupKeys {
    /// The key of a node.
    fn node(&self, place: Place) -> Zeroizing<[u8; 32]> {
        kdf(label::BROADCAST_NODE, &*self.master, &[self.group.id.as_bytes(), &place.to_array()])
    }
}

impl BroadcastEncryption for GroupKeys {
    type Group = Group;
    type SeatKeys = SeatKeys;
    type Broadcast = Broadcast;

    fn derive(root: &OwnerRoot, group: &Group) -> Self {
        Self { group: *group, master: kdf(label::BROADCAST_MASTER, root.expose(), &[group.id.as_bytes()]) }
    }

    fn group(&self) -> &Group {
        &self.group
    }

    fn seat(&self, seat: u32) -> Result<SeatKeys, SeatError> {
        self.group.check(seat)?;
        Ok(SeatKeys::new(self.group, seat, self.group.path(seat).map(|place| self.node(place))))
    }

    fn broadcast<R: TryCryptoRng + ?Sized>(
        &self,
        signer: &SigningKey,
        number: u64,
        common: &CommonKey,
        recipients: &Recipients<'_>,
        rng: &mut R,
    ) -> Result<Signed<Broadcast>, BroadcastError> {
        if signer.id() != self.group.owner {
            return Err(BroadcastError::Signer);
        }
        let cover = recipients.cover(&self.group)?;
        let parts: [&[u8]; 3] = [self.group.id.as_bytes(), &number.to_be_bytes(), common.as_bytes()];
        let salt = signer.draw(label::BROADCAST_SALT, &parts, rng)?.digest();
        let head = Head { group: self.group, number, salt };
        let wraps = cover.into_iter().map(|place| head.wrap(&self.node(place), place, common));
        Ok(Signed::new(signer, Broadcast::new(head, wraps)))
    }

    fn open(seat: &SeatKeys, broadcast: &Verified<Broadcast>) -> Result<CommonKey, OpenError> {
        seat.open(broadcast)
    }
}

impl ZeroizeOnDrop for GroupKeys {}

impl fmt::Debug for GroupKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupKeys").field("group", &self.group).finish_non_exhaustive()
    }
}
