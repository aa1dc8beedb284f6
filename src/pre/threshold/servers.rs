//! Among which servers a grant is divided, and how many of them it takes.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::fmt;

use crate::context::Validity;
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding};
use crate::error::DecodeError;
use crate::identity::PartyId;

/// n re-encryption servers, of which any t together carry out a grant, 1 ≤ t ≤ n ≤ 255. Server k in this order, from 1 on,
/// holds the fragment f(k).
///
/// t = 1 lets every server act by itself, which is what a single server is; t = n needs all of them, so that one lost
/// server stops everything until it is replaced. A reader who is one of the servers needs one accomplice less.
///
/// Encoded length: 4 + 2 + 32 n bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Servers {
    threshold: u8,
    ids: Vec<PartyId>,
}

/// Why servers and threshold do not make a committee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServersError {
    /// The threshold is zero: nobody would be needed.
    NoThreshold,
    /// The threshold is above the number of servers: nobody could ever read.
    TooFew,
    /// There are more than 255 servers.
    TooMany,
    /// A server is named twice: it would count twice towards the threshold.
    Duplicate,
}

impl fmt::Display for ServersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoThreshold => "the threshold is zero",
            Self::TooFew => "there are fewer servers than the threshold",
            Self::TooMany => "there are more than 255 servers",
            Self::Duplicate => "a server is named twice",
        })
    }
}

impl core::error::Error for ServersError {}

impl Servers {
    /// Most servers.
    pub const MAX: usize = 255;

    /// Any `threshold` of these servers.
    ///
    /// # Errors
    /// [`ServersError`].
    pub fn new(threshold: u8, ids: impl IntoIterator<Item = PartyId>) -> Result<Self, ServersError> {
        let ids: Vec<_> = ids.into_iter().take(Self::MAX.saturating_add(1)).collect();
        if threshold == 0 {
            Err(ServersError::NoThreshold)
        } else if ids.len() > Self::MAX {
            Err(ServersError::TooMany)
        } else if usize::from(threshold) > ids.len() {
            Err(ServersError::TooFew)
        } else if ids.iter().collect::<BTreeSet<_>>().len() != ids.len() {
            Err(ServersError::Duplicate)
        } else {
            Ok(Self { threshold, ids })
        }
    }

    /// How many it takes.
    pub fn threshold(&self) -> u8 {
        self.threshold
    }

    /// All of them, in order.
    pub fn ids(&self) -> &[PartyId] {
        &self.ids
    }

    /// The server that holds the fragment with this number; `None` for zero and beyond the last.
    pub fn server(&self, index: u8) -> Option<PartyId> {
        self.ids.get(usize::from(index).checked_sub(1)?).copied()
    }

    /// The number of a server's fragment.
    pub fn index(&self, server: &PartyId) -> Option<u8> {
        let position = self.ids.iter().position(|id| id == server)?;
        u8::try_from(position.checked_add(1)?).ok()
    }

    /// The numbers of all fragments.
    pub(super) fn indices(&self) -> impl Iterator<Item = u8> {
        (1..=u8::MAX).take(self.ids.len())
    }
}

impl Message for Servers {
    const SUITE: SuiteId = SuiteId::Threshold;
    const KIND: Kind = kind::THRESHOLD_SERVERS;

    fn encode_body(&self, sink: &mut dyn Sink) {
        // Not above 255: the constructor saw to it.
        sink.put(&[self.threshold, u8::try_from(self.ids.len()).unwrap_or(u8::MAX)]);
        self.ids.iter().for_each(|id| sink.put(id.as_bytes()));
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let [threshold, count] = reader.array()?;
        let ids = (0..count).map(|_| reader.array().map(PartyId::from_array)).collect::<Result<Vec<_>, _>>()?;
        Self::new(threshold, ids).map_err(|_| DecodeError::Value)
    }
}

public_encoding!(Servers);

/// On which terms a grant is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// When.
    pub validity: Validity,
    /// By whom.
    pub servers: Servers,
}
