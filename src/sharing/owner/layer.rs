//! The keys of layers: whose bodies' they are, and who gets them.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use rand_core::TryCryptoRng;

use super::Owner;
use super::state::Member;
use crate::context::{Partition, Timestamp};
use crate::epoch::KeyTree;
use crate::epoch::tree::{EpochKeys, EpochTree};
use crate::hash::Digest;
use crate::identity::{PartyId, Signed};
use crate::record::LayerKey;
use crate::sharing::orders::LAYER_HEIGHT;
use crate::sharing::{LayerGrant, OwnerError, SharingScheme};

/// The layers of each partition that there may be: by generation, up to which epoch.
pub(super) type Layers = BTreeMap<Partition, BTreeMap<u32, u32>>;

/// The keys of all epochs of a layer.
pub(super) fn keys<S: SharingScheme>(
    owner: &Owner<S>,
    partition: Partition,
    generation: u32,
) -> Result<EpochKeys, OwnerError> {
    let tree = EpochTree::new(owner.id(), partition, generation, LAYER_HEIGHT).map_err(|_| OwnerError::Exhausted)?;
    Ok(EpochKeys::derive(&S::layers(&owner.params, &owner.plan, &owner.root), &tree))
}

/// The key of the layer around one body.
pub(super) fn key(keys: &EpochKeys, epoch: u32, header: &Digest) -> Result<LayerKey, OwnerError> {
    let leaf = keys.leaf(epoch).map_err(|_| OwnerError::Exhausted)?;
    Ok(LayerKey::derive(&leaf.key(), header))
}

/// Ranges of consecutive epochs.
fn ranges(epochs: &BTreeSet<u32>) -> Vec<RangeInclusive<u32>> {
    let epochs: Vec<_> = epochs.iter().copied().collect();
    let runs = epochs.chunk_by(|a, b| a.checked_add(1) == Some(*b));
    runs.filter_map(|run| Some(*run.first()?..=*run.last()?)).collect()
}

/// The keys of the layers around what a member may read at `now`; `None` where there are none.
pub(super) fn grant<S: SharingScheme, R: TryCryptoRng + ?Sized>(
    owner: &Owner<S>,
    (version, layers): (u64, &Layers),
    user: &PartyId,
    member: &Member<S, S::VerifiedUser>,
    now: Timestamp,
    rng: &mut R,
) -> Result<Option<Signed<LayerGrant>>, OwnerError> {
    let mut granted = Vec::new();
    for (partition, generations) in layers {
        for (generation, last) in generations {
            let issued = member.issued.iter().filter(|(_, issued)| issued.not_after >= now);
            let periods = issued.map(|((_, period), _)| period);
            let within = periods.filter(|period| period.partition == *partition && period.epoch <= *last);
            let epochs: BTreeSet<_> = within.map(|period| period.epoch).collect();
            let all = keys(owner, *partition, *generation)?;
            let mut some: Option<EpochKeys> = None;
            for range in ranges(&epochs) {
                let part = all.grant(range).map_err(|_| OwnerError::Exhausted)?;
                match &mut some {
                    // All are of one tree.
                    Some(keys) => keys.merge(&part).map_err(|_| OwnerError::Exhausted)?,
                    None => some = Some(part),
                }
            }
            granted.extend(some);
        }
    }
    if granted.is_empty() {
        return Ok(None);
    }
    let seal = |message: &[u8], info: &Digest| S::seal_to(&member.key, message, info, &owner.signing, rng);
    let grant = LayerGrant::seal(&owner.id(), *user, version, &granted, seal)?;
    Ok(Some(Signed::new(&owner.signing, grant)))
}
