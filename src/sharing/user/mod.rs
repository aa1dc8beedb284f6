//! A user: somebody with whom an owner shares.

mod kapre;
mod layers;
mod search;
mod threshold;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use core::fmt;

use rand_core::TryCryptoRng;

use crate::context::{Partition, RecordId, Timestamp};
use crate::error::{OpenError, RngError};
use crate::hash::{Digest, Hasher, label};
use crate::identity::{PartyId, Signed, SigningKey};
use crate::kapre::Kapre;
use crate::pre::GrantTerms;
use crate::record::{Expected, Opener, Plaintext, SealedHeader, SealedPartition, Versions};
use crate::sharing::{KeyBundle, Request, RequestFailure, Response, SharingScheme, VerifiedDirectory};
use layers::Layers;
pub use search::NotRead;
use search::SearchKeys;
pub use threshold::{NotOpened, Opened};

/// Family, doctor, insurer, pharmacist, researcher, provider: whoever makes a key pair of their own and asks.
pub struct User<S: SharingScheme = Kapre> {
    params: Arc<S::Params>,
    signing: SigningKey,
    secret: S::UserSecret,
    public: S::UserPublic,
    /// The grants that were used last, newest first.
    grants: VecDeque<Granted<S>>,
    /// The keys of layers, by owner.
    layers: BTreeMap<PartyId, Layers>,
    /// The keys for search, by owner.
    search: BTreeMap<PartyId, SearchKeys>,
}

/// A grant that was checked, and opened with the user's secret.
struct Granted<S: SharingScheme> {
    /// Of the owner's key and the grant as they came.
    digest: Digest,
    owner: PartyId,
    terms: S::VerifiedGrant,
    grant: S::UserGrant,
}

impl<S: SharingScheme> fmt::Debug for User<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("id", &self.id()).finish_non_exhaustive()
    }
}

impl<S: SharingScheme> User<S> {
    /// How many grants are kept at hand.
    const KEPT: usize = 64;

    /// A user with a fresh encryption key.
    ///
    /// # Errors
    /// [`RngError`] when the generator fails.
    pub fn new<R: TryCryptoRng + ?Sized>(
        params: Arc<S::Params>,
        signing: SigningKey,
        rng: &mut R,
    ) -> Result<Self, RngError> {
        let (secret, public) = S::user_keygen(&params, &signing, rng)?;
        Ok(Self::from_keys(params, signing, secret, public))
    }

    /// A user whose keys exist already.
    pub fn from_keys(
        params: Arc<S::Params>,
        signing: SigningKey,
        secret: S::UserSecret,
        public: S::UserPublic,
    ) -> Self {
        Self {
            params,
            signing,
            secret,
            public,
            grants: VecDeque::new(),
            layers: BTreeMap::new(),
            search: BTreeMap::new(),
        }
    }

    /// The user's name.
    pub fn id(&self) -> PartyId {
        self.signing.id()
    }

    /// The signature key: as an author, a user seals records with it.
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// The encryption key, for export.
    pub fn secret(&self) -> &S::UserSecret {
        &self.secret
    }

    /// The public key as owners want it. Count `serial` up with each bundle, of a new key or to a new date.
    pub fn bundle(&self, serial: u64, not_after: Timestamp) -> Signed<KeyBundle<S>> {
        Signed::new(&self.signing, KeyBundle { key: self.public.clone(), serial, not_after })
    }

    /// Asks `server` to re-encrypt the capsule of a sealed partition.
    ///
    /// # Errors
    /// [`RequestFailure`] if the header's capsule is not one of this scheme or the generator fails.
    pub fn request<R: TryCryptoRng + ?Sized>(
        &self,
        server: PartyId,
        header: &SealedHeader,
        at: Timestamp,
        rng: &mut R,
    ) -> Result<Signed<Request<S>>, RequestFailure> {
        let capsule = header.capsule::<S>().map_err(RequestFailure::Capsule)?;
        let ctx = header.context();
        let drawn = self.signing.draw(label::REQUEST_NONCE, &[ctx.digest().as_bytes()], rng);
        let nonce = drawn.map_err(|RngError| RequestFailure::Rng)?.digest().half();
        Ok(Signed::new(
            &self.signing,
            Request { server, at, nonce, context: header.immutable().context_buf().clone(), capsule },
        ))
    }

    /// Opens the partition that was asked for with the server's answer.
    ///
    /// `directory` is the owner's, checked by this user: it says who may have written. The record, partition and
    /// version are what the user wants, not what the cloud says that it sent. A body in a layer opens with the keys that the
    /// user [took](Self::take_layers).
    ///
    /// Cost: the author's signature, the scheme's opening, and the body; and once for each grant, the checks of the owner's
    /// key and of the grant, and [`accept_grant`](crate::pre::Pre::accept_grant).
    ///
    /// # Errors
    /// [`OpenError`], whatever the cause.
    #[allow(clippy::too_many_arguments)]
    pub fn open(
        &mut self,
        directory: &VerifiedDirectory<S>,
        record: RecordId,
        partition: Partition,
        versions: Versions,
        sealed: &SealedPartition,
        response: &Response<S>,
        now: Timestamp,
    ) -> Result<Plaintext, OpenError> {
        let author = permitted_author(directory, sealed, now)?;
        let params = self.params.clone();
        let layer = self.layer_key(directory, sealed.header())?;
        let granted = self.granted(&directory.owner(), response, now)?;
        let expected = Expected { owner: directory.owner(), record, partition, authors: &[author], versions };
        let opener = Opener::<S>::delegatee(&params, &granted.grant, &response.parts);
        layer.iter().fold(opener, |opener, key| opener.layer(key)).open(&expected, sealed)
    }

    /// The grant of an answer, checked and opened: now, or before.
    fn granted(&mut self, owner: &PartyId, response: &Response<S>, now: Timestamp) -> Result<&Granted<S>, OpenError> {
        let digest = Hasher::new(label::GRANT_CACHE).message(&response.owner_key).message(&response.grant).digest();
        let known = self.grants.iter().position(|granted| granted.digest == digest && granted.owner == *owner);
        let granted = match known.and_then(|at| self.grants.remove(at)) {
            Some(granted) => granted,
            None => {
                let key = S::verify_owner(&self.params, &response.owner_key, owner).map_err(|_| OpenError)?;
                let terms = S::verify_grant(&self.params, &key, &response.grant, now).map_err(|_| OpenError)?;
                let grant = S::accept_grant(&self.params, &self.secret, &terms)?;
                Granted { digest, owner: *owner, terms, grant }
            }
        };
        self.grants.push_front(granted);
        self.grants.truncate(Self::KEPT);
        // What was checked yesterday may have ended since.
        self.grants.front().filter(|granted| granted.terms.validity().contains(now)).ok_or(OpenError)
    }
}

/// Who wrote it, if that counts.
fn permitted_author<S: SharingScheme>(
    directory: &VerifiedDirectory<S>,
    sealed: &SealedPartition,
    now: Timestamp,
) -> Result<PartyId, OpenError> {
    let author = sealed.header().context().author;
    if directory.validity().contains(now) && directory.author(&author).is_some() { Ok(author) } else { Err(OpenError) }
}
