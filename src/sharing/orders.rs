//! What an owner sends a cloud so that what is stored follows its keys: how to update capsules and bodies.

use alloc::vec::Vec;
use core::fmt;

use zeroize::ZeroizeOnDrop;

use crate::context::{Partition, RecordId};
use crate::encoding::{Kind, Message, Reader, SecretEncoding, Sink, SuiteId, kind, public_encoding, put_count};
use crate::error::DecodeError;
use crate::hash::{Digest, Hasher, label};
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
