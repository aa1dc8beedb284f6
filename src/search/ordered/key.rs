//! Keys to write and to ask with, and the scalars that they derive from.

use alloc::vec::Vec;
use core::fmt;

use zeroize::ZeroizeOnDrop;

use super::Ordered;
use crate::encoding::{Kind, Message, Reader, SecretEncoding, Sink, SuiteId, kind};
use crate::error::DecodeError;
use crate::hash::{hash, label};
use crate::ristretto::Scalar;
use crate::search::path::{read_scope, write_scope};
use crate::search::{Path, PathError, SearchRoot, Space, SpaceId, Step};

/// r of a generation: what all values of a space are multiplied with in the end.
pub(super) fn r(root: &SearchRoot, sid: &SpaceId, generation: u32) -> Scalar {
    Scalar::of(hash(label::ORDERED_R, &[root.expose(), sid.as_bytes(), &generation.to_be_bytes()]))
}

/// c of a provider directly below the owner.
pub(super) fn provider(root: &SearchRoot, sid: &SpaceId, path: &Path) -> Scalar {
    let mut name = Vec::new();
    path.write(&mut name);
    Scalar::of(hash(label::ORDERED_C, &[root.expose(), sid.as_bytes(), b"provider", &name]))
}

/// c of a user.
pub(super) fn querier(root: &SearchRoot, sid: &SpaceId, user: Step) -> Scalar {
    let mut name = Vec::new();
    user.write(&mut name);
    Scalar::of(hash(label::ORDERED_C, &[root.expose(), sid.as_bytes(), b"querier", &name]))
}

/// τ of somebody below a provider with key k.
pub(super) fn tau(k: &Scalar, sid: &SpaceId, child: &Path) -> Scalar {
    let mut name = Vec::new();
    child.write(&mut name);
    Scalar::of(hash(label::ORDERED_TAU, &[&*k.to_bytes(), sid.as_bytes(), &name]))
}

/// k of a provider.
pub(super) fn write_scalar(root: &SearchRoot, sid: &SpaceId, path: &Path) -> Scalar {
    match path.parent() {
        None => &r(root, sid, path.last().generation) * &provider(root, sid, path).invert(),
        // At most four levels.
        Some(parent) => {
            let k = write_scalar(root, sid, &parent);
            &k * &tau(&k, sid, path)
        }
    }
}

/// k of a provider in one space: it encrypts, and the keys of those below derive from it. A secret.
///
/// Encoded length: 4 + the space + 1 + 36 for each step + 32 bytes.
#[derive(ZeroizeOnDrop)]
pub struct WriteKey {
    #[zeroize(skip)]
    pub(super) space: Space<Ordered>,
    #[zeroize(skip)]
    pub(super) path: Path,
    pub(super) k: Scalar,
}

impl WriteKey {
    pub(super) fn derive(root: &SearchRoot, space: &Space<Ordered>, path: &Path) -> Self {
        Self { space: space.clone(), path: path.clone(), k: write_scalar(root, &space.id(), path) }
    }

    pub(super) fn child(&self, child: Step) -> Result<Self, PathError> {
        let path = self.path.child(child)?;
        let k = &self.k * &tau(&self.k, &self.space.id(), &path);
        Ok(Self { space: self.space.clone(), path, k })
    }
}

impl fmt::Debug for WriteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteKey").field("space", &self.space).field("path", &self.path).finish_non_exhaustive()
    }
}

impl Message for WriteKey {
    const SUITE: SuiteId = SuiteId::Ordered;
    const KIND: Kind = kind::SEARCH_WRITE_KEY;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.space.write(sink);
        self.path.write(sink);
        sink.put(&*self.k.to_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { space: Space::read(reader)?, path: Path::read(reader)?, k: Scalar::read_nonzero(reader)? })
    }
}

impl SecretEncoding for WriteKey {}

/// k of a user in one space, and which providers it may ask for. A secret.
///
/// The scope is good will: the [`Switch`](super::Switch) and the index enforce it, and no cryptography does.
///
/// Encoded length: 4 + the space + 36 + 4 + the paths + 32 bytes.
#[derive(ZeroizeOnDrop)]
pub struct QueryKey {
    #[zeroize(skip)]
    pub(super) space: Space<Ordered>,
    #[zeroize(skip)]
    pub(super) user: Step,
    #[zeroize(skip)]
    pub(super) scope: Vec<Path>,
    pub(super) k: Scalar,
}

impl QueryKey {
    /// Whose it is, and of which generation of r.
    #[must_use]
    pub fn user(&self) -> Step {
        self.user
    }
}

impl fmt::Debug for QueryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("QueryKey");
        out.field("space", &self.space).field("user", &self.user).field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl Message for QueryKey {
    const SUITE: SuiteId = SuiteId::Ordered;
    const KIND: Kind = kind::SEARCH_QUERY_KEY;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.space.write(sink);
        self.user.write(sink);
        write_scope(&self.scope, sink);
        sink.put(&*self.k.to_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (space, user) = (Space::read(reader)?, Step::read(reader)?);
        Ok(Self { space, user, scope: read_scope(reader)?, k: Scalar::read_nonzero(reader)? })
    }
}

impl SecretEncoding for QueryKey {}
