//! A user: somebody with whom an owner shares.

use alloc::sync::Arc;
use core::fmt;

use rand_core::TryCryptoRng;

use crate::context::{Partition, RecordId, Timestamp};
use crate::error::{OpenError, RngError};
use crate::hash::label;
use crate::identity::{PartyId, Signed, SigningKey};
use crate::pre::Pre;
use crate::record::{Expected, Opener, Plaintext, SealedHeader, SealedPartition, Versions};
use crate::sharing::{KeyBundle, Request, RequestFailure, Response, VerifiedDirectory};

/// Family, doctor, insurer, pharmacist, researcher, provider: whoever makes a key pair of their own and asks.
pub struct User<S: Pre> {
    params: Arc<S::Params>,
    signing: SigningKey,
    secret: S::UserSecret,
    public: S::UserPublic,
}

impl<S: Pre> fmt::Debug for User<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("id", &self.id()).finish_non_exhaustive()
    }
}

impl<S: Pre<Params = ()>> User<S> {
    /// A user of a scheme without parameters, with a fresh encryption key.
    ///
    /// # Errors
    /// [`RngError`] when the generator fails.
    pub fn new<R: TryCryptoRng + ?Sized>(signing: SigningKey, rng: &mut R) -> Result<Self, RngError> {
        let (secret, public) = S::user_keygen(&(), &signing, rng)?;
        Ok(Self { params: Arc::new(()), signing, secret, public })
    }
}

impl<S: Pre> User<S> {
    /// A user whose keys exist already.
    pub fn from_keys(
        params: Arc<S::Params>,
        signing: SigningKey,
        secret: S::UserSecret,
        public: S::UserPublic,
    ) -> Self {
        Self { params, signing, secret, public }
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
    /// version are what the user wants, not what the cloud says that it sent.
    ///
    /// Cost: three signature checks, one proof, the scheme's opening, and the body.
    ///
    /// # Errors
    /// [`OpenError`], whatever the cause.
    #[allow(clippy::too_many_arguments)]
    pub fn open(
        &self,
        directory: &VerifiedDirectory,
        record: RecordId,
        partition: Partition,
        versions: Versions,
        sealed: &SealedPartition,
        response: &Response<S>,
        now: Timestamp,
    ) -> Result<Plaintext, OpenError> {
        let author = sealed.header().context().author;
        if !directory.validity().contains(now) || directory.author(&author).is_none() {
            return Err(OpenError);
        }
        let owner = S::verify_owner(&self.params, &response.owner_key, &directory.owner()).map_err(|_| OpenError)?;
        let grant = S::verify_grant(&self.params, &owner, &response.grant, now).map_err(|_| OpenError)?;
        let expected = Expected { owner: directory.owner(), record, partition, authors: &[author], versions };
        let grant = S::accept_grant(&self.params, &self.secret, &grant)?;
        Opener::<S>::delegatee(&self.params, &grant, &response.parts).open(&expected, sealed)
    }
}
