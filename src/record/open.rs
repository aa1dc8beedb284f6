//! Opening.

use alloc::borrow::Cow;
use core::fmt;

use super::body::{self, Cipher, Layout, Plaintext, Run};
use super::header::{Layer, Seal, SealedHeader, SealedPartition};
use super::layer::{self, Keystream, LayerKey};
use crate::context::{Context, Partition, RecordId};
use crate::encoding::SuiteId;
use crate::error::OpenError;
use crate::hash::Digest;
use crate::identity::{PartyId, Verified};
use crate::kem::{CapsuleParts, SharedKey};
use crate::pre::Pre;

/// Which versions of a record the reader takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Versions {
    /// This one.
    Exactly(u64),
    /// This one or a later one: for who remembers the highest version seen, or `AtLeast(0)` for who remembers none
    /// and takes an old version for new.
    AtLeast(u64),
}

impl Versions {
    fn include(self, version: u64) -> bool {
        match self {
            Self::Exactly(n) => version == n,
            Self::AtLeast(n) => version >= n,
        }
    }
}

/// What the reader asked for. A cloud holds many partitions that the reader's key opens; this is what keeps it from
/// handing out another one than was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected<'a> {
    /// Whose record.
    pub owner: PartyId,
    /// Which record.
    pub record: RecordId,
    /// Which part of it.
    pub partition: Partition,
    /// Who may have written it. None, and nothing opens.
    pub authors: &'a [PartyId],
    /// Which versions.
    pub versions: Versions,
}

impl Expected<'_> {
    fn matches(&self, ctx: &Context<'_>) -> bool {
        ctx.owner == self.owner
            && ctx.record == self.record
            && ctx.partition == self.partition
            && self.authors.contains(&ctx.author)
            && self.versions.include(ctx.version)
    }
}

/// A body that may be decrypted: the author signed the header that it belongs to, and this is the author's key.
#[derive(Debug)]
pub(crate) struct Unlocked {
    pub(super) cipher: Cipher,
    pub(super) layout: Layout,
    pub(super) root: Digest,
    /// What is to be removed from the body first.
    pub(super) keystream: Option<Keystream>,
}

/// The seal, if the author that the context names made it for this header.
fn verify_seal(header: &SealedHeader) -> Result<Verified<Seal>, OpenError> {
    // The capsule authenticates no sender: without this, whoever can encapsulate could write as anybody.
    let seal = header.seal().verify(&header.context().author).map_err(|_| OpenError)?;
    // A seal is over one header. Without this, a reader who holds both keys could pair seal and body of one partition
    // with the header of another.
    if seal.header == header.immutable().digest() { Ok(seal) } else { Err(OpenError) }
}

/// Whether a body in memory is the one that the author signed: its length, and the root over all of it.
fn verify_body(layout: Layout, root: Digest, sealed: &[u8]) -> Result<(), OpenError> {
    let tree = body::body_tree();
    // The root is public, so a plain comparison reveals nothing.
    let intact =
        sealed.len() as u64 == layout.sealed_len() && tree.root(&body::hash_run(&tree, layout.chunk(), sealed)) == root;
    if intact { Ok(()) } else { Err(OpenError) }
}

impl SealedPartition {
    /// Checks without any key that the author whom the context names signed this header and body. It says nothing
    /// about whether that author may write, and nothing about the capsule.
    ///
    /// Costs one signature verification and BLAKE3 over the body.
    ///
    /// # Errors
    /// [`OpenError`], whatever the cause; also when the header names a [`Layer`]. The author signed what is within the
    /// layer, which only its readers see.
    pub fn verify(&self) -> Result<(), OpenError> {
        // Nothing signs the layer: without this, a whole body under a header that says it has one would pass, and no
        // reader could open it.
        if self.header().mutable().layer() != Layer::None {
            return Err(OpenError);
        }
        verify_body(self.header().layout(), verify_seal(self.header())?.root, self.body())
    }
}

/// Everything that precedes the body, for every way of opening. `key` gets at the shared key; it runs on nothing but
/// what an expected author signed, the rotating part of the capsule excepted.
pub(crate) fn unlock(
    header: &SealedHeader,
    suite: SuiteId,
    expected: &Expected<'_>,
    layer: Option<&LayerKey>,
    key: impl FnOnce(&Context<'_>) -> Result<SharedKey, OpenError>,
) -> Result<Unlocked, OpenError> {
    let ctx = header.context();
    if ctx.suite != suite || !expected.matches(&ctx) {
        return Err(OpenError);
    }
    let keystream = match (header.mutable().layer(), layer) {
        (Layer::None, _) => None,
        (Layer::Stream { .. }, Some(key)) => Some(Keystream::new(key)),
        (Layer::Stream { .. }, None) => return Err(OpenError),
    };
    let seal = verify_seal(header)?;
    let key = key(&ctx)?;
    let cipher = header.immutable().unlock(&key)?;
    Ok(Unlocked { cipher, layout: header.layout(), root: seal.root, keystream })
}

impl Unlocked {
    /// Opens a body in memory: first the root over all of it, then the chunks.
    pub(super) fn open(&self, sealed: &[u8], out: &mut Plaintext) -> Result<(), OpenError> {
        let sealed = self.without_layer(0, sealed);
        verify_body(self.layout, self.root, &sealed)?;
        body::open_run(&self.cipher, Run::whole(self.layout.chunk()), &sealed, out)
    }

    /// What the author sealed, of a piece of a stored body that begins at byte `at`: a copy only where there is a layer.
    pub(super) fn without_layer<'b>(&self, at: u64, stored: &'b [u8]) -> Cow<'b, [u8]> {
        let mut sealed = Cow::Borrowed(stored);
        if let Some(keystream) = &self.keystream {
            layer::apply(core::slice::from_ref(keystream), at, sealed.to_mut());
        }
        sealed
    }
}

/// Who opens: the owner, or a delegatee with what the server re-encrypted.
enum Way<'a, S: Pre> {
    Owner(&'a S::OwnerSecret),
    Delegatee { grant: &'a S::UserGrant, parts: &'a [S::ReCapsule] },
}

impl<S: Pre> Clone for Way<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Pre> Copy for Way<'_, S> {}

/// Opens sealed partitions with the owner's secret, or with a delegatee's and what the server re-encrypted.
///
/// Each way of opening (in memory, a range, a stream) checks in this order: that the header is what was
/// [`Expected`]; the author's signature over header, chunks and length; the scheme's checks of the capsule and the
/// key commitment; the Merkle root over the chunks, without the cloud's [`layer`](Opener::layer) if there is one; the
/// tags. Nothing is decrypted before its chunk was checked
/// against what the author signed. All failures are one [`OpenError`].
///
/// It does not protect against a cloud that hands out an older version than the reader knows of (say so with
/// [`Versions`]) or withholds a partition, and an author can still sign nonsense.
pub struct Opener<'a, S: Pre> {
    params: &'a S::Params,
    way: Way<'a, S>,
    layer: Option<&'a LayerKey>,
}

impl<S: Pre> Clone for Opener<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Pre> Copy for Opener<'_, S> {}

impl<S: Pre> fmt::Debug for Opener<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener").finish_non_exhaustive()
    }
}

impl<'a, S: Pre> Opener<'a, S> {
    /// Opens as the owner.
    pub fn owner(params: &'a S::Params, owner: &'a S::OwnerSecret) -> Self {
        Self { params, way: Way::Owner(owner), layer: None }
    }

    /// Opens as a delegatee what the server re-encrypted under `grant`: one part, or as many as the scheme needs.
    pub fn delegatee(params: &'a S::Params, grant: &'a S::UserGrant, parts: &'a [S::ReCapsule]) -> Self {
        Self { params, way: Way::Delegatee { grant, parts }, layer: None }
    }

    /// Takes `key` to remove a [`Layer::Stream`], before anything of the body is checked. A body that has none opens
    /// with it as without.
    ///
    /// The key is that of one body and one generation: [`Layer::generation`] of the stored header says which. Costs
    /// AES-256-CTR over the body and, in memory, a copy of it.
    pub fn layer(self, key: &'a LayerKey) -> Self {
        Self { layer: Some(key), ..self }
    }

    pub(super) fn unlock(&self, header: &SealedHeader, expected: &Expected<'_>) -> Result<Unlocked, OpenError> {
        unlock(header, S::SUITE, expected, self.layer, |ctx| {
            let capsule = header.capsule::<S>().map_err(|_| OpenError)?;
            // The header says again what the capsule says: a cloud has nothing to choose.
            if header.mutable().generation() != capsule.generation() {
                return Err(OpenError);
            }
            match self.way {
                Way::Owner(owner) => S::open(self.params, owner, &capsule, ctx),
                Way::Delegatee { grant, parts } => S::open_reencrypted(self.params, grant, &capsule, parts, ctx),
            }
        })
    }

    /// Opens a whole partition in memory.
    ///
    /// Costs the scheme's opening, one signature verification, BLAKE3 over the body and then the cipher; on every core
    /// with `rayon`.
    ///
    /// # Errors
    /// [`OpenError`], whatever the cause; what was decrypted is wiped.
    pub fn open(&self, expected: &Expected<'_>, sealed: &SealedPartition) -> Result<Plaintext, OpenError> {
        let mut out = Plaintext::new();
        self.open_into(expected, sealed.header(), sealed.body(), &mut out)?;
        Ok(out)
    }

    /// The same for header and body that are kept apart, into the caller's buffer: what it held is replaced, and one
    /// that held as much before is used as it is.
    ///
    /// # Errors
    /// [`OpenError`], whatever the cause; `out` is empty then, and what was decrypted is wiped.
    pub fn open_into(
        &self,
        expected: &Expected<'_>,
        header: &SealedHeader,
        body: &[u8],
        out: &mut Plaintext,
    ) -> Result<(), OpenError> {
        // What `out` held must not pass for this body's plaintext, whatever happens.
        out.hide();
        self.unlock(header, expected)?.open(body, out)
    }
}
