//! What the parties send each other.

use alloc::vec::Vec;
use core::fmt;

use zeroize::ZeroizeOnDrop;

use crate::context::{ContextBuf, Timestamp};
use crate::encoding::{Kind, Message, Reader, SecretEncoding, Sink, SuiteId, kind, public_encoding, put_count};
use crate::error::DecodeError;
use crate::hash::Digest;
use crate::identity::PartyId;
use crate::pre::Pre;
use crate::sharing::SharingScheme;
use crate::sharing::log::Position;

/// From the owner to a re-encryption server: a grant, the re-encryption key that carries it out, and the owner's key
/// that both are under.
///
/// It contains the re-encryption key, so it is a secret between the two and travels over a confidential channel.
pub struct Delegation<S: Pre> {
    pub(crate) owner_key: S::OwnerPublic,
    pub(crate) grant: S::Grant,
    pub(crate) rekey: S::ReKey,
}

impl<S: Pre> Delegation<S> {
    /// The owner's key.
    pub fn owner_key(&self) -> &S::OwnerPublic {
        &self.owner_key
    }

    /// The grant: public.
    pub fn grant(&self) -> &S::Grant {
        &self.grant
    }

    /// The re-encryption key.
    pub fn rekey(&self) -> &S::ReKey {
        &self.rekey
    }
}

impl<S: SharingScheme> Delegation<S> {
    /// The one server that it is for; `None` where the grant does not say, and the owner sends it to the server of its
    /// choice.
    pub fn server(&self) -> Option<PartyId> {
        S::server(&self.grant, &self.rekey)
    }
}

impl<S: Pre> ZeroizeOnDrop for Delegation<S> {}

impl<S: Pre> fmt::Debug for Delegation<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delegation").field("grant", &self.grant).finish_non_exhaustive()
    }
}

impl<S: Pre> Message for Delegation<S> {
    const SUITE: SuiteId = S::SUITE;
    const KIND: Kind = kind::DELEGATION;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.owner_key.write(sink);
        self.grant.write(sink);
        self.rekey.write(sink);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            owner_key: S::OwnerPublic::read(reader)?,
            grant: S::Grant::read(reader)?,
            rekey: S::ReKey::read(reader)?,
        })
    }
}

impl<S: Pre> SecretEncoding for Delegation<S> {}

/// A user asks a server to re-encrypt one capsule; travels as [`Signed<Request>`](crate::identity::Signed), so the
/// server knows who asks, for what, and that the request was made for it and now.
pub struct Request<S: Pre> {
    pub(crate) server: PartyId,
    pub(crate) at: Timestamp,
    pub(crate) nonce: [u8; 16],
    pub(crate) context: ContextBuf,
    pub(crate) capsule: S::Capsule,
}

impl<S: Pre> Clone for Request<S> {
    fn clone(&self) -> Self {
        Self { context: self.context.clone(), capsule: self.capsule.clone(), ..*self }
    }
}

impl<S: Pre> fmt::Debug for Request<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("server", &self.server)
            .field("at", &self.at)
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

impl<S: Pre> Message for Request<S> {
    const SUITE: SuiteId = S::SUITE;
    const KIND: Kind = kind::REQUEST;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.server.as_bytes());
        sink.put(&self.at.0.to_be_bytes());
        sink.put(&self.nonce);
        self.context.write(sink);
        self.capsule.write(sink);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            server: PartyId::from_array(reader.array()?),
            at: Timestamp(reader.u64()?),
            nonce: reader.array()?,
            context: ContextBuf::read(reader)?,
            capsule: S::Capsule::read(reader)?,
        })
    }
}

public_encoding!(Request<S> where [S: Pre]);

/// A server's answer: the re-encrypted capsule, and the grant and key that the user checks it against.
///
/// It is not signed: a wrong answer does not open.
#[derive(Clone)]
pub struct Response<S: Pre> {
    pub(crate) request: Digest,
    pub(crate) owner_key: S::OwnerPublic,
    pub(crate) grant: S::Grant,
    pub(crate) parts: Vec<S::ReCapsule>,
}

impl<S: Pre> Response<S> {
    /// Most parts in an answer.
    pub const MAX_PARTS: usize = 256;

    /// The digest of the request that is answered.
    pub fn request(&self) -> Digest {
        self.request
    }
}

impl<S: Pre> fmt::Debug for Response<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("request", &self.request).field("grant", &self.grant).finish_non_exhaustive()
    }
}

impl<S: Pre> Message for Response<S> {
    const SUITE: SuiteId = S::SUITE;
    const KIND: Kind = kind::RESPONSE;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.request.as_bytes());
        self.owner_key.write(sink);
        self.grant.write(sink);
        put_count(sink, self.parts.len());
        self.parts.iter().for_each(|part| part.write(sink));
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let request = Digest::from_array(reader.array()?);
        let (owner_key, grant) = (S::OwnerPublic::read(reader)?, S::Grant::read(reader)?);
        let count = reader.count(Self::MAX_PARTS, 4)?;
        let parts = (0..count).map(|_| S::ReCapsule::read(reader)).collect::<Result<_, _>>()?;
        Ok(Self { request, owner_key, grant, parts })
    }
}

public_encoding!(Response<S> where [S: Pre]);

/// The owner asks for the log of a server or of a trustee; travels as [`Signed<AuditQuery>`](crate::identity::Signed).
/// 4 + 32 + 8 + 16 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditQuery {
    /// Who keeps the log.
    pub keeper: PartyId,
    /// When the owner asks.
    pub at: Timestamp,
    /// How far the owner has come.
    pub position: Position,
}

impl Message for AuditQuery {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::AUDIT_QUERY;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.keeper.as_bytes());
        sink.put(&self.at.0.to_be_bytes());
        sink.put(&self.position.read.to_be_bytes());
        sink.put(&self.position.size.to_be_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            keeper: PartyId::from_array(reader.array()?),
            at: Timestamp(reader.u64()?),
            position: Position { read: reader.u64()?, size: reader.u64()? },
        })
    }
}

public_encoding!(AuditQuery);
