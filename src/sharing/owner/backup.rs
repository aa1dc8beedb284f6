//! The owner's state outside the device: in the clear for those who keep it themselves, and under a key from the root
//! for a cloud to keep.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::convert::Infallible;
use core::fmt;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use rand_core::TryCryptoRng;
use zeroize::Zeroizing;

use super::{Membership, Owner};
use crate::encoding::{Encoding, Kind, Message, Reader, Sink, SuiteId, kind, public_encoding, put_var};
use crate::error::{DecodeError, RngError};
use crate::hash::{kdf, label};
use crate::identity::Signed;
use crate::kem::OwnerRoot;
use crate::sharing::{OwnerError, SharingScheme, VerifiedBundle};

/// An owner's [`Membership`], signed and then encrypted with AES-256-GCM under a key from the owner's root and a salt of
/// its own. Whoever keeps it learns its length.
///
/// Encoded length: 4 + 32 + 4 + membership + 16 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Backup {
    salt: [u8; 32],
    sealed: Vec<u8>,
}

impl Backup {
    /// Longest in bytes.
    pub const MAX_LEN: usize = 1 << 30;

    /// A salt serves once, so the key does, and one nonce is enough.
    fn cipher(root: &OwnerRoot, salt: &[u8; 32]) -> Aes256Gcm {
        let key = kdf(label::BACKUP_KEY, root.expose(), &[salt]);
        Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key))
    }
}

impl fmt::Debug for Backup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backup").field("len", &self.sealed.len()).finish_non_exhaustive()
    }
}

impl Message for Backup {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::BACKUP;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(&self.salt);
        put_var(sink, &self.sealed);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { salt: reader.array()?, sealed: reader.var(Self::MAX_LEN)?.to_vec() })
    }
}

public_encoding!(Backup);

impl<S: SharingScheme> Owner<S> {
    /// Who may read what, without any key. It names people, so keep it as private as the records;
    /// [`export`](Self::export) seals it.
    pub fn membership(&self) -> Signed<Membership<S>> {
        let Ok(state) = self.state.clone().try_map(|_, _| Ok::<_, Infallible>(()));
        let (policy, seconds) = (self.policy.clone(), self.seconds);
        Signed::new(&self.signing, Membership { state, policy, seconds })
    }

    /// The owner with a state that was [kept](Self::membership).
    ///
    /// `seen` is the version of the latest [`Directory`](crate::sharing::Directory) that the owner finds at the cloud. An older state would
    /// count the same epochs again, under keys for which former members have grants, so it is refused.
    ///
    /// The last [`Update`](super::Update) may not have reached the servers: send the [head of live grants](Self::live), then
    /// [grant again](Self::grant_again) where members lack something.
    ///
    /// # Errors
    /// [`OwnerError::Signature`], [`OwnerError::Rollback`], [`OwnerError::Bundle`], [`OwnerError::Live`], or
    /// [`OwnerError::Exhausted`] under other parameters.
    pub fn import(
        params: Arc<S::Params>,
        root: OwnerRoot,
        membership: &Signed<Membership<S>>,
        seen: u64,
    ) -> Result<Self, OwnerError> {
        let signing = root.signing_key();
        let membership = membership.verify(&signing.id()).map_err(|_| OwnerError::Signature)?;
        if membership.version() < seen {
            return Err(OwnerError::Rollback);
        }
        membership.state.live.verify(&signing.id())?;
        let state = membership.state.clone().try_map(|id, member| {
            // Who has run out stays a member; grants look at the time themselves.
            let bundle = VerifiedBundle::<S>::new(&params, &member.bundle, id, member.bundle.unverified().not_after)?;
            Ok::<_, OwnerError>(bundle.key().clone())
        })?;
        let mut plan = S::plan(&params, &root, &signing.id(), &state.partitions()).ok_or(OwnerError::Exhausted)?;
        if let Some(chain) = &state.chain {
            plan = S::after(&params, &plan, chain, &signing.id())?.ok_or(OwnerError::NoRotation)?;
        }
        let (policy, seconds) = (membership.policy.clone(), membership.seconds);
        Ok(Self { params, plan, signing, root, policy, seconds, state })
    }

    /// The owner's state for safe keeping, best after every change and before its [`Update`](super::Update) is sent. With
    /// the root it is all that [`recover`](Self::recover) needs.
    ///
    /// # Errors
    /// [`RngError`] when the generator fails.
    pub fn export<R: TryCryptoRng + ?Sized>(&self, rng: &mut R) -> Result<Backup, RngError> {
        let state = Zeroizing::new(self.membership().to_bytes());
        let drawn = self.signing.draw(label::BACKUP_SALT, &[&state], rng)?.digest();
        let salt = *drawn.as_bytes();
        let payload = Payload { msg: &state, aad: &[] };
        // It fails for more than 64 GiB alone.
        let sealed = Backup::cipher(&self.root, &salt).encrypt(&Nonce::default(), payload).map_err(|_| RngError)?;
        Ok(Backup { salt, sealed })
    }

    /// The owner on another device, from the root and what was [exported](Self::export).
    ///
    /// `seen` is the version of the latest [`Directory`](crate::sharing::Directory) that the owner finds at the cloud:
    /// see [`import`](Self::import), which this is after decryption.
    ///
    /// # Errors
    /// [`OwnerError::Backup`] when it is another root's or was tampered with; otherwise as [`import`](Self::import).
    pub fn recover(params: Arc<S::Params>, root: OwnerRoot, backup: &Backup, seen: u64) -> Result<Self, OwnerError> {
        let payload = Payload { msg: &backup.sealed, aad: &[] };
        let state = Backup::cipher(&root, &backup.salt).decrypt(&Nonce::default(), payload);
        let state = Zeroizing::new(state.map_err(|_| OwnerError::Backup)?);
        let membership = Signed::<Membership<S>>::from_bytes(&state).map_err(|_| OwnerError::Backup)?;
        Self::import(params, root, &membership, seen)
    }
}
