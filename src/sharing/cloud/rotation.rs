//! What a cloud does to what it stores, on the owner's orders and without opening any of it.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::{Cloud, Entry, partition_key};
use crate::encoding::{Encoding, Message};
use crate::identity::{PartyId, Signed};
use crate::kac::{Capsule, Rotate, VerifiedGeneration, VerifiedToken};
use crate::kapre::Kapre;
use crate::record::SealedPartition;
use crate::sharing::orders::Item;
use crate::sharing::{CloudError, LayerGrant, Orders, SharingScheme, Storage};

/// What became of orders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "what was refused is as it was before"]
pub struct Progress {
    /// How many capsules are of the newest generation now and were not before.
    pub rotated: usize,
    /// How many bodies have another layer now.
    pub covered: usize,
    /// What was left as it was: it is not there, does not decode, or its capsule was not well-formed before.
    pub refused: Vec<Entry>,
}

/// How many partitions are in memory at a time, some portions of what [`Rotate::rotate`] gives a core; and after how many
/// bytes of bodies no more of them.
const BATCH: usize = 1024;
const BATCH_BYTES: usize = 16 << 20;

/// A stored partition on its way.
struct Work<'a> {
    name: Vec<u8>,
    sealed: SealedPartition,
    item: &'a Item,
    changed: bool,
}

impl<St: Storage> Cloud<Kapre, St> {
    /// Carries out an owner's [`Orders`]: brings each capsule to the newest generation and puts the layer that is ordered
    /// around each body. A partition is written once, header and body together, after the new capsule was checked; what
    /// is of another generation or has another layer than the orders begin at is left as it is. So they can be carried
    /// out again after a crash, and twice makes no difference.
    ///
    /// Send the [directory](Self::publish) first: it has the certificate of the generation. Drop the orders afterwards,
    /// and keep no old state: either gives whoever kept old keys or data what the departure was to take away.
    ///
    /// Cost: as [`Rotate::rotate`], AES over the bodies that get a layer, one write each.
    ///
    /// # Errors
    /// [`CloudError::Orders`] when the owner did not make them, [`CloudError::Rotate`] when a token is not the one between
    /// the generations of the directory, and those of the storage, after which what is done is done: carry them out again.
    pub fn carry_out(&mut self, owner: &PartyId, orders: &Orders) -> Result<Progress, CloudError<St::Error>> {
        let (_, directory) = self.directories.get(owner).ok_or(CloudError::UnknownOwner)?;
        let (tokens, items) = orders.verify(owner).ok_or(CloudError::Orders)?;
        let mut progress = Progress::default();
        let Some(newest) = directory.places().next().map(|place| place.key().clone()) else { return Ok(progress) };
        // Room for all of them: growing would leave copies behind.
        let mut verified = Vec::with_capacity(tokens.len());
        for token in tokens {
            verified.push(Kapre::verify_token(&newest, token).map_err(CloudError::Rotate)?);
        }
        let tokens = verified;
        let (mut works, mut bytes) = (Vec::new(), 0_usize);
        for (left, item) in (0..items.len()).rev().zip(items) {
            match self.work(owner, item) {
                Ok(work) => {
                    bytes = bytes.saturating_add(work.sealed.body().len());
                    works.push(work);
                }
                // One that is lost does not keep the others from being updated.
                Err(CloudError::NotFound | CloudError::Corrupt(_)) => progress.refused.push(item.entry),
                Err(error) => return Err(error),
            }
            if left == 0 || works.len() >= BATCH || bytes >= BATCH_BYTES {
                tokens.iter().for_each(|token| self.rotate(token, &mut works, &mut progress));
                works.drain(..).try_for_each(|work| self.finish(work, &newest, &mut progress))?;
                bytes = 0;
            }
        }
        Ok(progress)
    }

    fn work<'a>(&self, owner: &PartyId, item: &'a Item) -> Result<Work<'a>, CloudError<St::Error>> {
        let (record, partition, version) = &item.entry;
        let name = [partition_key(owner, record, partition), version.to_be_bytes().to_vec()].concat();
        let sealed = self.stored(&name)?;
        Ok(Work { name, sealed, item, changed: false })
    }

    /// Rotates the capsules that are of the token's generation and well-formed.
    fn rotate(&self, token: &VerifiedToken, works: &mut [Work<'_>], progress: &mut Progress) {
        let capsule = |work: &Work<'_>| work.sealed.header().capsule::<Kapre>().ok();
        let capsules: Vec<Option<Capsule>> = works.iter().map(capsule).collect();
        let contexts: Vec<_> = works.iter().map(|work| work.sealed.header().context()).collect();
        // Those of another generation are refused without a computation.
        let of_token = |(capsule, ctx)| Some((Option::as_ref(capsule)?, ctx));
        let pairs: Vec<_> = capsules.iter().zip(&contexts).filter_map(of_token).collect();
        let mut rotated = Kapre::rotate(&self.params, token, &pairs).into_iter();
        let rotated: Vec<_> =
            capsules.iter().map(|capsule| capsule.as_ref().and_then(|_| rotated.next()?.ok())).collect();
        for (work, capsule) in works.iter_mut().zip(rotated) {
            if capsule.is_some_and(|capsule| work.sealed.header_mut().set_rotated(&capsule).is_ok()) {
                progress.rotated += 1;
                work.changed = true;
            }
        }
    }

    /// Puts the layer on, and writes what has changed.
    fn finish(
        &mut self,
        work: Work<'_>,
        newest: &VerifiedGeneration,
        progress: &mut Progress,
    ) -> Result<(), CloudError<St::Error>> {
        let Work { name, mut sealed, item, mut changed } = work;
        if sealed.header().mutable().generation() != newest.generation() {
            progress.refused.push(item.entry);
            return Ok(());
        }
        // A step that was taken before is not one that can be taken.
        if item.step.as_ref().is_some_and(|step| sealed.relayer(step).is_ok()) {
            progress.covered += 1;
            changed = true;
        }
        if changed { self.storage.put(&name, &sealed.to_bytes()).map_err(CloudError::Storage) } else { Ok(()) }
    }
}

impl<S: SharingScheme, St: Storage> Cloud<S, St> {
    /// Keeps the keys of layers for a member who is to fetch them, in place of older ones.
    ///
    /// # Errors
    /// [`CloudError::UnknownOwner`]; [`CloudError::Orders`] when the owner did not sign them or newer ones are here.
    pub fn keep_layers(&mut self, owner: &PartyId, grant: &Signed<LayerGrant>) -> Result<(), CloudError<St::Error>> {
        if !self.directories.contains_key(owner) {
            return Err(CloudError::UnknownOwner);
        }
        let checked = grant.verify(owner).map_err(|_| CloudError::Orders)?;
        let stored = match self.layers(owner, &checked.user()) {
            // What does not decode any more keeps nothing out.
            Err(CloudError::Corrupt(_)) => None,
            stored => stored?,
        };
        if stored.is_some_and(|stored| stored.unverified().version() > checked.version()) {
            return Err(CloudError::Orders);
        }
        let name = layers_key(owner, &checked.user());
        self.storage.put(&name, &grant.to_bytes()).map_err(CloudError::Storage)
    }

    /// The keys of layers for a member, sealed to it; `None` where it needs none.
    ///
    /// # Errors
    /// [`CloudError::Corrupt`], [`CloudError::Storage`].
    pub fn layers(&self, owner: &PartyId, user: &PartyId) -> Result<Option<Signed<LayerGrant>>, CloudError<St::Error>> {
        let bytes: Option<Zeroizing<Vec<u8>>> =
            self.storage.get(&layers_key(owner, user)).map_err(CloudError::Storage)?;
        bytes.map(|bytes| Signed::from_bytes(&bytes)).transpose().map_err(CloudError::Corrupt)
    }
}

fn layers_key(owner: &PartyId, user: &PartyId) -> Vec<u8> {
    [b"layers/", &owner.as_bytes()[..], user.as_bytes()].concat()
}
