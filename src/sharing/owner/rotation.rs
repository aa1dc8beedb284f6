//! What is stored follows the owner's keys: orders to the cloud, and the end of former generations.

use alloc::collections::BTreeSet;
use alloc::collections::btree_map::{BTreeMap, Entry};
use alloc::vec::Vec;

use rand_core::TryCryptoRng;

use super::{Owner, Update, layer};
use crate::context::{Context, Partition, Period, Timestamp};
use crate::epoch::tree::EpochKeys;
use crate::kac::Rotate;
use crate::kapre::{Kapre, Lineage};
use crate::record::{Layer, LayerStep, SealedHeader};
use crate::sharing::orders::{Item, Orders};
use crate::sharing::{OwnerError, SharingScheme};

impl Owner<Kapre> {
    /// What the cloud has to do so that the partitions with these headers, a [page](crate::sharing::Cloud::headers) of what
    /// it stores, are as the last [departure](Self::depart) wants them; `None` when they are. The orders are for the
    /// cloud that keeps the owner's records, and for nobody else.
    ///
    /// It depends on nothing but the owner's state and the headers, whatever generation and layer these are of: go through
    /// all pages, as often as it takes, and then [settle](Self::settle).
    ///
    /// **It takes the cloud's word**: nothing signs the generation and the layer of a header, so whoever shows an old header
    /// in time gets the token of its generation and the key of its layer. Once all is settled nobody does.
    ///
    /// Cost: a key pair for each former generation among the headers; two KDFs and some hashes for each body that gets
    /// another layer.
    ///
    /// # Errors
    /// [`OwnerError::Settled`] for a header that was to be brought up to date before the owner settled;
    /// [`OwnerError::NoSuchPeriod`] for one that is not of this owner's, [`OwnerError::Rollback`] for one of a generation
    /// that is still to come, [`OwnerError::Exhausted`] beyond [`Orders::MAX`] headers.
    pub fn orders(&self, headers: &[SealedHeader]) -> Result<Option<Orders>, OwnerError> {
        let lowest = self.state.live.generation();
        if headers.iter().any(|header| header.mutable().generation() < lowest) {
            return Err(OwnerError::Settled);
        }
        let orders = self.orders_for_left_out(headers)?;
        if orders.is_some() && self.is_settled() { Err(OwnerError::Settled) } else { Ok(orders) }
    }

    /// The same for what the cloud had left out when the owner settled: of whatever former generation and layer.
    ///
    /// A cloud that erased its tokens gets them again from here, with all that they are good for. So find out first why
    /// something was left out, and that it is the cloud that asks.
    ///
    /// # Errors
    /// As [`orders`](Self::orders), without [`OwnerError::Settled`].
    pub fn orders_for_left_out(&self, headers: &[SealedHeader]) -> Result<Option<Orders>, OwnerError> {
        if headers.len() > Orders::MAX {
            return Err(OwnerError::Exhausted);
        }
        let current = self.plan.generation();
        let secret = |plan: &Lineage| Kapre::secret(&self.params, &self.root, &self.id(), plan);
        let generations = headers.iter().map(|header| header.mutable().generation());
        let former: BTreeSet<_> = generations.filter(|generation| *generation < current).collect();
        // Room for all of them: growing would leave copies of tokens and keys behind.
        let (mut tokens, mut items) = (Vec::with_capacity(former.len()), Vec::with_capacity(headers.len()));
        // Once all is done, pages need no key.
        if !former.is_empty() {
            let newest = secret(&self.plan)?;
            for generation in former {
                let former = self.plan.ancestor(generation).ok_or(OwnerError::NoSuchPeriod)?;
                tokens.push(Kapre::token(&secret(&former)?, &newest).map_err(|_| OwnerError::NoRotation)?);
            }
        }
        let mut trees = BTreeMap::new();
        for header in headers {
            let ctx = header.context();
            let generation = header.mutable().generation();
            // The cloud is ahead of this state, which is an old one.
            if generation > current {
                return Err(OwnerError::Rollback);
            }
            let step = self.layer_step(header, &ctx, &mut trees)?;
            if generation < current || step.is_some() {
                items.push(Item { entry: (ctx.record, ctx.partition, ctx.version), step });
            }
        }
        Ok(if items.is_empty() { None } else { Some(Orders::new(&self.signing, tokens, items)) })
    }

    fn period_of(&self, ctx: &Context<'_>) -> Result<Period, OwnerError> {
        let period = Kapre::period(&self.plan, ctx).filter(|_| ctx.owner == self.id());
        period.ok_or(OwnerError::NoSuchPeriod)
    }

    /// The step from the layer that a body has to the one that it is to have, where that is another.
    fn layer_step(
        &self,
        header: &SealedHeader,
        ctx: &Context<'_>,
        trees: &mut BTreeMap<(Partition, u32), EpochKeys>,
    ) -> Result<Option<LayerStep>, OwnerError> {
        let period = self.period_of(ctx)?;
        let layers = self.state.layers.get(&period.partition);
        let wanted = layers.and_then(BTreeMap::last_key_value).filter(|(_, last)| period.epoch <= **last);
        let Some((wanted, _)) = wanted else { return Ok(None) };
        let digest = header.immutable().digest();
        let mut key = |generation: u32| {
            let keys = match trees.entry((period.partition, generation)) {
                Entry::Occupied(keys) => keys.into_mut(),
                Entry::Vacant(place) => place.insert(layer::keys(self, period.partition, generation)?),
            };
            Ok::<_, OwnerError>((generation, layer::key(keys, period.epoch, &digest)?))
        };
        let from = match header.mutable().layer() {
            Layer::None => None,
            Layer::Stream { generation } if generation < *wanted => Some(key(generation)?),
            Layer::Stream { .. } => return Ok(None),
        };
        Ok(LayerStep::new(from, key(*wanted)?))
    }

    /// Ends the former generations, when the cloud has [carried out](crate::sharing::Cloud::carry_out) everything: the next
    /// head of live grants lists the current generation alone and raises the lowest that is served. Rules for emergencies
    /// of before end with it: [prepare](Self::prepare_emergency) them again.
    ///
    /// It takes the cloud's word. A partition that the cloud left as it was is then read by the owner alone, until it is
    /// brought up to date by [orders](Self::orders_for_left_out), which works at any time.
    ///
    /// # Errors
    /// [`OwnerError`]; the state is unchanged then.
    pub fn settle<R: TryCryptoRng + ?Sized>(&mut self, now: Timestamp, rng: &mut R) -> Result<Update, OwnerError> {
        self.change(now, rng, |_, state, step| {
            step.settle(state);
            Ok(())
        })
    }

    /// Whether there may be stored partitions of former generations or layers, and grants for them.
    pub fn is_settled(&self) -> bool {
        self.state.live.generation() == self.plan.generation()
    }
}
