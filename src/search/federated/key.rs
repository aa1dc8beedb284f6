//! Keys to encrypt and to ask with.

use alloc::vec::Vec;
use core::fmt;

use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::Federated;
use super::prf::{Blocks, Tags};
use crate::encoding::{Kind, Message, Reader, SecretEncoding, Sink, SuiteId, kind, put_count};
use crate::error::DecodeError;
use crate::hash::{kdf, label};
use crate::search::{MAX_SCOPE, Path, PathError, ScopeError, SearchRoot, Space, Step, scope_of};

/// The first chain key of a space and those along a path: the last of them.
fn chain(root: &SearchRoot, space: &Space<Federated>, path: &Path) -> Zeroizing<[u8; 32]> {
    let first = kdf(label::FEDERATED_CHAIN, root.expose(), &[space.id().as_bytes()]);
    path.steps().iter().fold(first, |key, step| below(&key, step))
}

/// The chain key of the next step.
fn below(key: &[u8; 32], step: &Step) -> Zeroizing<[u8; 32]> {
    kdf(label::FEDERATED_CHILD, key, &[step.party.as_bytes(), &step.generation.to_be_bytes()])
}

/// The data key to a chain key.
fn data(chain: &[u8; 32], space: &Space<Federated>) -> Zeroizing<[u8; 32]> {
    kdf(label::FEDERATED_DATA, chain, &[space.id().as_bytes()])
}

/// Encrypts values of one space, as one provider. Whoever holds it can also read what was encrypted with it, and makes the
/// keys of everybody below; it says nothing about who is above or beside.
///
/// A secret: wiped on drop, not printed. Encoded length: 4 + space + 1 + 36 for each step + 32 bytes. AES keys are expanded
/// when it is made, not for each value.
pub struct WriteKey {
    space: Space<Federated>,
    path: Path,
    chain: Zeroizing<[u8; 32]>,
    data: Zeroizing<[u8; 32]>,
    blocks: Blocks,
    tags: Tags,
}

impl WriteKey {
    fn from_chain(space: Space<Federated>, path: Path, chain: Zeroizing<[u8; 32]>) -> Self {
        let data = data(&chain, &space);
        let (blocks, tags) = (Blocks::new(&data), Tags::new(&data));
        Self { space, path, chain, data, blocks, tags }
    }

    pub(super) fn new(root: &SearchRoot, space: &Space<Federated>, path: &Path) -> Self {
        Self::from_chain(space.clone(), path.clone(), chain(root, space, path))
    }

    pub(super) fn child(&self, step: Step) -> Result<Self, PathError> {
        let path = self.path.child(step)?;
        Ok(Self::from_chain(self.space.clone(), path, below(&self.chain, &step)))
    }

    /// The space.
    #[must_use]
    pub fn space(&self) -> &Space<Federated> {
        &self.space
    }

    /// Whose it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn data(&self) -> &[u8; 32] {
        &self.data
    }

    pub(super) fn blocks(&self) -> &Blocks {
        &self.blocks
    }

    pub(super) fn tags(&self) -> &Tags {
        &self.tags
    }
}

impl Message for WriteKey {
    const SUITE: SuiteId = SuiteId::Federated;
    const KIND: Kind = kind::SEARCH_WRITE_KEY;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.space.write(sink);
        self.path.write(sink);
        sink.put(&*self.chain);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (space, path) = (Space::read(reader)?, Path::read(reader)?);
        Ok(Self::from_chain(space, path, Zeroizing::new(reader.array()?)))
    }
}

impl SecretEncoding for WriteKey {}

impl ZeroizeOnDrop for WriteKey {}

impl fmt::Debug for WriteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("WriteKey");
        out.field("space", &self.space).field("path", &self.path).finish_non_exhaustive()
    }
}

/// Asks for values of one space that certain providers encrypted. Whoever holds it **reads** what they encrypted, and could
/// **make** ciphertexts under their keys too, as with every symmetric key: an index refuses those because nobody signed
/// them who may write. It says nothing about who is above, below or beside these providers, nor about another space.
///
/// What it reads it keeps: only what is encrypted in a new generation of a provider's key is out of its reach.
///
/// A secret: wiped on drop, not printed. Encoded length: 4 + space + 4 bytes, and for each provider 33 + 36 for each
/// step that it does not share with the one before.
pub struct QueryKey {
    space: Space<Federated>,
    /// Data keys: ascending by path, at least one, at most [`MAX_SCOPE`].
    keys: Vec<(Path, Zeroizing<[u8; 32]>)>,
}

impl QueryKey {
    pub(super) fn new(root: &SearchRoot, space: &Space<Federated>, scope: &[Path]) -> Result<Self, ScopeError> {
        let key = |path: Path| {
            let key = data(&chain(root, space, &path), space);
            (path, key)
        };
        Ok(Self { space: space.clone(), keys: scope_of(scope)?.into_iter().map(key).collect() })
    }

    pub(super) fn narrow(&self, keep: impl Fn(&Path) -> bool) -> Result<Self, ScopeError> {
        let keys: Vec<_> = self.keys.iter().filter(|(path, _)| keep(path)).cloned().collect();
        if keys.is_empty() { Err(ScopeError::Empty) } else { Ok(Self { space: self.space.clone(), keys }) }
    }

    /// The space.
    #[must_use]
    pub fn space(&self) -> &Space<Federated> {
        &self.space
    }

    /// Of which providers, in ascending order.
    pub fn scope(&self) -> impl ExactSizeIterator<Item = &Path> {
        self.keys.iter().map(|(path, _)| path)
    }

    pub(super) fn keys(&self) -> &[(Path, Zeroizing<[u8; 32]>)] {
        &self.keys
    }
}

/// Reads what there is for each of several providers: at least one, at most [`MAX_SCOPE`], in ascending order.
pub(super) fn read_scope<T>(
    reader: &mut Reader<'_>,
    min_len: usize,
    mut read: impl FnMut(&mut Reader<'_>) -> Result<T, DecodeError>,
) -> Result<Vec<(Path, T)>, DecodeError> {
    // A path has at least one step.
    let count = reader.count(MAX_SCOPE, min_len.saturating_add(37))?;
    let mut out = Vec::with_capacity(count);
    for _ in 0..count {
        let path = Path::read_after(out.last().map(|(last, _)| last), reader)?;
        out.push((path, read(reader)?));
    }
    if out.is_empty() { Err(DecodeError::Value) } else { Ok(out) }
}

impl Message for QueryKey {
    const SUITE: SuiteId = SuiteId::Federated;
    const KIND: Kind = kind::SEARCH_QUERY_KEY;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.space.write(sink);
        put_count(sink, self.keys.len());
        let mut last = None;
        for (path, key) in &self.keys {
            path.write_after(last, sink);
            last = Some(path);
            sink.put(&**key);
        }
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let space = Space::read(reader)?;
        Ok(Self { space, keys: read_scope(reader, 32, |reader| reader.array().map(Zeroizing::new))? })
    }
}

impl SecretEncoding for QueryKey {}

impl ZeroizeOnDrop for QueryKey {}

impl fmt::Debug for QueryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("QueryKey");
        out.field("space", &self.space).field("providers", &self.keys.len()).finish_non_exhaustive()
    }
}
