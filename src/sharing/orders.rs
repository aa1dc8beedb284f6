//! What an owner sends so that what is stored follows its keys: to a cloud, how to update capsules and bodies; to members,
//! the keys of layers.

use alloc::vec::Vec;
use core::fmt;

use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::context::{Partition, RecordId};
use crate::encoding::{
    Kind, Message, Reader, SecretEncoding, Sink, SuiteId, kind, public_encoding, put_count, put_var,
};
use crate::epoch::tree::EpochKeys;
use crate::error::{DecodeError, OpenError};
use crate::hash::{Digest, Hasher, hash, label};
use crate::identity::{PartyId, Signed, SigningKey};
use crate::kac::RotationToken;
use crate::record::LayerStep;
use crate::sharing::Entry;

/// Height of the trees from which the keys of layers come: as many epochs as a class grid has room for.
pub(super) const LAYER_HEIGHT: u8 = 16;

/// How a cloud is to update some stored partitions: the tokens for their capsules, and for each partition that gets a
/// layer the step to it. Made by [`Owner::orders`](crate::sharing::Owner::orders).
///
/// It is a secret between owner and cloud and travels over a confidential channel. Once it is
/// [carried out](crate::sharing::Cloud::carry_out) the cloud is to erase it, which dropping it does: with a token, an old
/// key opens what was moved, and with the keys of a layer, the layer can be taken off.
///
/// The same orders may come again, in any order: what was updated is left as it is.
///
/// Encoded length: 4 + a signed digest + 4 + 100 for each token + 4 + (26 + partition + 1, 37 or 73) for each partition.
pub struct Orders {
    terms: Signed<OrderTerms>,
    tokens: Vec<RotationToken>,
    items: Vec<Item>,
}

/// A stored partition that is to be updated.
pub(super) struct Item {
    pub(super) entry: Entry,
    pub(super) step: Option<LayerStep>,
}

/// What the owner signs of orders: their digest. That of the keys in it tells nothing of them, since they are uniform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderTerms {
    digest: Digest,
}

impl Message for OrderTerms {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::ORDER_TERMS;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.digest.as_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.array().map(|digest| Self { digest: Digest::from_array(digest) })
    }
}

public_encoding!(OrderTerms);

impl Orders {
    /// Most partitions in one message.
    pub const MAX: usize = 1 << 16;
    /// Most tokens: one for each former generation.
    const MAX_TOKENS: usize = crate::kac::GenerationChain::MAX;

    pub(super) fn new(signer: &SigningKey, tokens: Vec<RotationToken>, items: Vec<Item>) -> Self {
        let terms = Signed::new(signer, OrderTerms { digest: digest(&tokens, &items) });
        Self { terms, tokens, items }
    }

    /// What is ordered, if `owner` ordered it.
    pub(super) fn verify(&self, owner: &PartyId) -> Option<(&[RotationToken], &[Item])> {
        let terms = self.terms.verify(owner).ok()?;
        (terms.digest == digest(&self.tokens, &self.items)).then_some((&self.tokens, &self.items))
    }

    /// How many partitions they are about.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether they are about none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

fn write(tokens: &[RotationToken], items: &[Item], sink: &mut dyn Sink) {
    put_count(sink, tokens.len());
    tokens.iter().for_each(|token| token.write(sink));
    put_count(sink, items.len());
    for Item { entry: (record, partition, version), step } in items {
        sink.put(record.as_bytes());
        partition.write(sink);
        sink.put(&version.to_be_bytes());
        sink.put(&[u8::from(step.is_some())]);
        if let Some(step) = step {
            step.write(sink);
        }
    }
}

fn digest(tokens: &[RotationToken], items: &[Item]) -> Digest {
    let mut hasher = Hasher::new(label::ORDERS);
    write(tokens, items, &mut hasher);
    hasher.digest()
}

impl ZeroizeOnDrop for Orders {}

impl fmt::Debug for Orders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Orders").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Message for Orders {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::ORDERS;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.terms.write(sink);
        write(&self.tokens, &self.items, sink);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let terms = Signed::read(reader)?;
        // Room for all of them: growing would leave copies of tokens and keys behind.
        let count = reader.count(Self::MAX_TOKENS, 4 + 32 + 32 + 32)?;
        let mut tokens = Vec::with_capacity(count);
        for _ in 0..count {
            tokens.push(RotationToken::read(reader)?);
        }
        let count = reader.count(Self::MAX, 16 + 5 + 8 + 1)?;
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            let entry = (RecordId::from_array(reader.array()?), Partition::read(reader)?, reader.u64()?);
            let step = match reader.array()? {
                [0] => None,
                [1] => Some(LayerStep::read(reader)?),
                _ => return Err(DecodeError::Value),
            };
            items.push(Item { entry, step });
        }
        Ok(Self { terms, tokens, items })
    }
}

impl SecretEncoding for Orders {}

/// The keys of layers around the bodies of the periods that a member was granted, sealed to the member; travels as
/// [`Signed<LayerGrant>`]. Each takes the place of the ones before.
///
/// Whoever keeps it sees for whom it is, and from its length about how many ranges of epochs the member has.
///
/// Encoded length: 4 + 32 + 8 + 4 bytes + what is sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct LayerGrant {
    user: PartyId,
    version: u64,
    sealed: Vec<u8>,
}

impl LayerGrant {
    /// Longest sealed part in bytes.
    pub const MAX_LEN: usize = 1 << 24;
    /// Most trees of keys.
    const MAX_TREES: usize = 1 << 16;

    /// Whom it is for.
    pub fn user(&self) -> PartyId {
        self.user
    }

    /// The version of the owner's directory that it came with.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// What the sealed part is bound to.
    fn info(owner: &PartyId, user: &PartyId, version: u64) -> Digest {
        hash(label::LAYER_GRANT, &[owner.as_bytes(), user.as_bytes(), &version.to_be_bytes()]).digest()
    }

    /// Seals keys to a member, with a function that seals bytes for what they are bound to.
    pub(super) fn seal<E>(
        owner: &PartyId,
        user: PartyId,
        version: u64,
        keys: &[EpochKeys],
        seal: impl FnOnce(&[u8], &Digest) -> Result<Vec<u8>, E>,
    ) -> Result<Self, E> {
        // Room for all of it: growing would leave copies behind.
        let length: usize = keys.iter().map(EpochKeys::encoded_len).sum();
        let mut message = Zeroizing::new(Vec::with_capacity(length.saturating_add(4)));
        put_count(&mut *message, keys.len());
        keys.iter().for_each(|keys| keys.write(&mut *message));
        Ok(Self { user, version, sealed: seal(&message, &Self::info(owner, &user, version))? })
    }

    /// The keys, with a function that opens what was sealed.
    pub(super) fn open(
        &self,
        owner: &PartyId,
        open: impl FnOnce(&[u8], &Digest) -> Result<Zeroizing<Vec<u8>>, OpenError>,
    ) -> Result<Vec<EpochKeys>, OpenError> {
        let message = open(&self.sealed, &Self::info(owner, &self.user, self.version))?;
        read_keys(&message).map_err(|_| OpenError)
    }
}

/// What is sealed in a [`LayerGrant`].
fn read_keys(message: &[u8]) -> Result<Vec<EpochKeys>, DecodeError> {
    let mut reader = Reader::new(message);
    let count = reader.count(LayerGrant::MAX_TREES, 4 + 32 + 5 + 4 + 1 + 4)?;
    let keys = (0..count).map(|_| EpochKeys::read(&mut reader)).collect::<Result<_, _>>()?;
    reader.finish().map(|()| keys)
}

impl fmt::Debug for LayerGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("LayerGrant");
        out.field("user", &self.user).field("version", &self.version).field("len", &self.sealed.len()).finish()
    }
}

impl Message for LayerGrant {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::LAYER_GRANT;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.user.as_bytes());
        sink.put(&self.version.to_be_bytes());
        put_var(sink, &self.sealed);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (user, version) = (PartyId::from_array(reader.array()?), reader.u64()?);
        Ok(Self { user, version, sealed: reader.var(Self::MAX_LEN)?.to_vec() })
    }
}

public_encoding!(LayerGrant);
