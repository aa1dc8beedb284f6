//! The keys of layers around stored bodies, as a user keeps them.

use alloc::vec::Vec;

use super::User;
use crate::epoch::KeyTree;
use crate::epoch::tree::EpochKeys;
use crate::error::OpenError;
use crate::identity::{PartyId, Signed};
use crate::record::{LayerKey, SealedHeader};
use crate::sharing::{GrantedKey, KeyGrant, KeyGrantError, LayerGrant, SharingScheme, VerifiedDirectory};

/// What an owner granted last.
pub(super) struct Layers {
    version: u64,
    keys: Vec<EpochKeys>,
}

impl<S: SharingScheme> User<S> {
    /// Takes the keys of layers that an owner granted this user, which the cloud [keeps](crate::sharing::Cloud::layers), in
    /// place of those that it had of the owner. They stay in memory: fetch them again after a restart, and whenever a body
    /// that should open does not.
    ///
    /// # Errors
    /// [`KeyGrantError`] naming the check that failed; the user keeps what it had then.
    pub fn take_layers(&mut self, owner: &PartyId, grant: &Signed<LayerGrant>) -> Result<(), KeyGrantError> {
        let known = self.layers.get(owner).map(|known| known.version);
        let (version, keys) = self.granted_keys(owner, grant, known)?;
        self.layers.insert(*owner, Layers { version, keys });
        Ok(())
    }

    /// The keys in a grant to this user, unless those that it has are of a later version.
    pub(super) fn granted_keys<K: GrantedKey>(
        &self,
        owner: &PartyId,
        grant: &Signed<KeyGrant<K>>,
        known: Option<u64>,
    ) -> Result<(u64, Vec<K>), KeyGrantError> {
        let grant = grant.verify(owner).map_err(|_| KeyGrantError::Signature)?;
        if grant.user() != self.id() {
            return Err(KeyGrantError::OtherUser);
        }
        if known.is_some_and(|known| known > grant.version()) {
            return Err(KeyGrantError::Rollback);
        }
        let keys = grant.open(owner, |sealed, info| S::open_sealed(&self.secret, sealed, info));
        Ok((grant.version(), keys.map_err(|_| KeyGrantError::Open)?))
    }

    /// The key of the layer around a body; `None` where there is no layer.
    pub(super) fn layer_key(
        &self,
        directory: &VerifiedDirectory<S>,
        header: &SealedHeader,
    ) -> Result<Option<LayerKey>, OpenError> {
        let Some(generation) = header.mutable().layer().generation() else { return Ok(None) };
        let ctx = header.context();
        let place = directory.place(&ctx.partition).ok_or(OpenError)?;
        let epoch = S::epoch(place.key(), &ctx).ok_or(OpenError)?;
        let known = self.layers.get(&directory.owner()).into_iter().flat_map(|layers| &layers.keys);
        let of = |keys: &&EpochKeys| (keys.tree().partition(), keys.tree().generation()) == (ctx.partition, generation);
        let leaf = known.filter(of).find_map(|keys| keys.leaf(epoch).ok()).ok_or(OpenError)?;
        Ok(Some(LayerKey::derive(&leaf.key(), &header.immutable().digest())))
    }
}
