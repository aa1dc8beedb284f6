//! One grant at one server, with the scheme chosen at run time.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;

use crate::context::{Context, Timestamp};
use crate::encoding::Message;
use crate::error::RngError;
use crate::identity::SigningKey;
use crate::kem::CapsuleError;
use crate::pre::{Pre, ReencryptError};

/// A server that chooses scheme and grant at run time: the one object-safe joint.
pub trait Reencryptor: Send + Sync {
    /// Checks and re-encrypts an encoded capsule; appends the encoded result to `out`.
    ///
    /// # Errors
    /// [`ReencryptError`]; `out` is as it was then.
    fn reencrypt(
        &self,
        capsule: &[u8],
        ctx: &Context<'_>,
        now: Timestamp,
        rng: &mut dyn TryCryptoRng<Error = RngError>,
        out: &mut Vec<u8>,
    ) -> Result<(), ReencryptError>;
}

/// A grant that was checked, ready to be carried out: a [`Reencryptor`] for any scheme.
pub struct Proxy<S: Pre> {
    params: Arc<S::Params>,
    owner: S::VerifiedOwner,
    rekey: S::VerifiedReKey,
    server: Arc<SigningKey>,
}

impl<S: Pre> Proxy<S> {
    /// For a re-encryption key that was checked under `owner`, at `server`.
    pub fn new(
        params: Arc<S::Params>,
        owner: S::VerifiedOwner,
        rekey: S::VerifiedReKey,
        server: Arc<SigningKey>,
    ) -> Self {
        Self { params, owner, rekey, server }
    }
}

impl<S: Pre> fmt::Debug for Proxy<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("rekey", &self.rekey).finish_non_exhaustive()
    }
}

impl<S: Pre> Reencryptor for Proxy<S>
where
    S::Params: Send + Sync,
    S::VerifiedOwner: Send + Sync,
    S::VerifiedReKey: Send + Sync,
{
    fn reencrypt(
        &self,
        capsule: &[u8],
        ctx: &Context<'_>,
        now: Timestamp,
        rng: &mut dyn TryCryptoRng<Error = RngError>,
        out: &mut Vec<u8>,
    ) -> Result<(), ReencryptError> {
        let capsule = S::Capsule::from_bytes(capsule).map_err(CapsuleError::Decode)?;
        let capsule = S::verify_capsule(&self.params, &self.owner, &capsule, ctx)?;
        let part = S::reencrypt(&self.params, &self.rekey, &capsule, &self.server, now, rng)?;
        part.write(out);
        Ok(())
    }
}
