//! The switcher: a role of its own, between providers and users on one side and the cloud on the other.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use zeroize::ZeroizeOnDrop;

use super::form::{decode, digests};
use super::{Ordered, Question, Subject, SwitchError, Trapdoor, VerifiedSwitchKey, VerifiedSwitchRotation};
use crate::encoding::{Kind, Message, Reader, SecretEncoding, Sink, SuiteId, kind, put_count};
use crate::error::DecodeError;
use crate::identity::PartyId;
use crate::ristretto::{Point, Scalar};
use crate::search::path::{read_scope, write_scope};
use crate::search::{Path, Space, SpaceId, Step};

/// A factor where it stays while maps move their items.
type Factor = Box<Scalar>;

/// Somebody who asks.
struct Querier {
    c: Factor,
    scope: Vec<Path>,
}

/// What a switcher has for one space: factors of all providers and users. A secret: **with the key of any one of them it is
/// r, and with r every value and every key of the space is open.** Keep it apart from the cloud and from everybody who has a
/// key.
///
/// Encoded length: 4 + the space + 4 + four lists, each 4 bytes and its items.
pub struct Switch {
    space: Space<Ordered>,
    sid: SpaceId,
    generation: u32,
    providers: BTreeMap<Path, Factor>,
    queriers: BTreeMap<Step, Querier>,
    /// What was removed in this generation: a key that comes again is refused.
    removed_providers: BTreeSet<Path>,
    removed_queriers: BTreeSet<Step>,
}

impl Switch {
    /// For a space in its present generation, without anybody.
    #[must_use]
    pub fn new(space: &Space<Ordered>, generation: u32) -> Self {
        Self {
            space: space.clone(),
            sid: space.id(),
            generation,
            providers: BTreeMap::new(),
            queriers: BTreeMap::new(),
            removed_providers: BTreeSet::new(),
            removed_queriers: BTreeSet::new(),
        }
    }

    /// Which space.
    #[must_use]
    pub fn space(&self) -> &Space<Ordered> {
        &self.space
    }

    /// The present generation of r.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Registers a provider or a user of the present generation.
    ///
    /// # Errors
    /// [`SwitchError`]: of another space, owner or generation; registered already, or removed in this generation, for which
    /// its key is the same; below somebody who is not registered.
    pub fn add(&mut self, key: &VerifiedSwitchKey) -> Result<(), SwitchError> {
        if key.owner != self.space.owner() || key.terms.space != self.sid {
            return Err(SwitchError::Space);
        }
        match &key.terms.subject {
            Subject::Provider(path) => {
                if path.generation() != self.generation {
                    return Err(SwitchError::Generation);
                }
                if self.providers.contains_key(path) {
                    return Err(SwitchError::Known);
                }
                if self.removed_providers.contains(path) {
                    return Err(SwitchError::Removed);
                }
                let c = match path.parent() {
                    None => key.factor.clone(),
                    Some(parent) => &**self.providers.get(&parent).ok_or(SwitchError::Parent)? * &key.factor,
                };
                self.providers.insert(path.clone(), Box::new(c.nonzero()?));
            }
            Subject::Querier(user, scope) => {
                if user.generation != self.generation {
                    return Err(SwitchError::Generation);
                }
                if self.queriers.contains_key(user) {
                    return Err(SwitchError::Known);
                }
                if self.removed_queriers.contains(user) {
                    return Err(SwitchError::Removed);
                }
                self.queriers.insert(*user, Querier { c: Box::new(key.factor.clone()), scope: scope.clone() });
            }
        }
        Ok(())
    }

    /// Forgets a provider and everybody below, whatever their generations. What they uploaded can no longer be switched
    /// again; to keep it, rotate instead and make no new key. Returns how many were there.
    pub fn remove_provider(&mut self, place: &Path) -> usize {
        let before = self.providers.len();
        let removed = &mut self.removed_providers;
        self.providers.retain(|path, _| {
            let stays = !path.is_within(place);
            if !stays {
                removed.insert(path.clone());
            }
            stays
        });
        before - self.providers.len()
    }

    /// Forgets a user. Returns whether it was there.
    pub fn remove_querier(&mut self, user: &PartyId) -> bool {
        let before = self.queriers.len();
        let removed = &mut self.removed_queriers;
        self.queriers.retain(|step, _| {
            let stays = step.party != *user;
            if !stays {
                removed.insert(*step);
            }
            stays
        });
        before > self.queriers.len()
    }

    /// Goes to a later generation: users and providers need new keys, and what was uploaded under former paths can be
    /// [switched again](Self::switch_stored_value).
    ///
    /// # Errors
    /// [`SwitchError::Space`], and [`SwitchError::Generation`] if it does not lead from the present one: so it applies once.
    pub fn rotate(&mut self, rotation: &VerifiedSwitchRotation) -> Result<(), SwitchError> {
        if rotation.owner != self.space.owner() || rotation.terms.space != self.sid {
            return Err(SwitchError::Space);
        }
        if rotation.terms.from != self.generation {
            return Err(SwitchError::Generation);
        }
        self.providers.values_mut().for_each(|c| **c = &**c * &rotation.delta);
        self.queriers.clear();
        // What is of a former generation is refused for that.
        self.removed_providers.clear();
        self.removed_queriers.clear();
        self.generation = rotation.terms.to;
        Ok(())
    }

    /// Switches a value that a provider uploads: its digests are appended to `out`. For each bit it takes two decodings, two
    /// multiplications and two hashes.
    ///
    /// # Errors
    /// [`SwitchError::Generation`] for a path of a former one, [`SwitchError::Unknown`], and [`SwitchError::Value`] for bytes
    /// that are not a value. Nothing is appended then.
    pub fn switch_value(&self, path: &Path, points: &[u8], out: &mut Vec<u8>) -> Result<(), SwitchError> {
        let c = self.present(path)?;
        Ok(self.switched(c, points, out)?)
    }

    /// The same for many values of one provider, each of which is one or not; with `rayon` on every core.
    ///
    /// # Errors
    /// [`SwitchError::Generation`], [`SwitchError::Unknown`].
    pub fn switch_values(
        &self,
        path: &Path,
        values: &[&[u8]],
    ) -> Result<Vec<Result<Vec<u8>, DecodeError>>, SwitchError> {
        Ok(self.all_switched(self.present(path)?, values))
    }

    fn all_switched(&self, c: &Scalar, values: &[&[u8]]) -> Vec<Result<Vec<u8>, DecodeError>> {
        let switch = |points: &&[u8]| {
            let mut out = Vec::new();
            self.switched(c, points, &mut out).map(|()| out)
        };
        #[cfg(feature = "rayon")]
        {
            use rayon::prelude::*;
            values.par_iter().map(switch).collect()
        }
        #[cfg(not(feature = "rayon"))]
        values.iter().map(switch).collect()
    }

    /// Switches a value that was uploaded in a former generation, under the path of then, to the present one.
    ///
    /// The switcher cannot see when a value was uploaded: give it what was stored before the rotation and nothing else.
    ///
    /// # Errors
    /// [`SwitchError::Generation`] for a path of the present one, otherwise as [`switch_value`](Self::switch_value).
    pub fn switch_stored_value(&self, path: &Path, points: &[u8], out: &mut Vec<u8>) -> Result<(), SwitchError> {
        Ok(self.switched(self.former(path)?, points, out)?)
    }

    /// The same for many values of one provider, each of which is one or not; with `rayon` on every core.
    ///
    /// # Errors
    /// [`SwitchError::Generation`], [`SwitchError::Unknown`].
    pub fn switch_stored_values(
        &self,
        path: &Path,
        values: &[&[u8]],
    ) -> Result<Vec<Result<Vec<u8>, DecodeError>>, SwitchError> {
        Ok(self.all_switched(self.former(path)?, values))
    }

    /// Switches what a user asks.
    ///
    /// # Errors
    /// [`SwitchError::Generation`], [`SwitchError::Unknown`], [`SwitchError::Scope`] if it asks for a provider that is within
    /// none of its scope, [`SwitchError::Value`].
    pub fn switch_question(&self, user: Step, question: &Question) -> Result<Trapdoor, SwitchError> {
        if user.generation != self.generation {
            return Err(SwitchError::Generation);
        }
        let querier = self.queriers.get(&user).ok_or(SwitchError::Unknown)?;
        let within = |path: &Path| querier.scope.iter().any(|allowed| path.is_within(allowed));
        if !question.scope.iter().all(within) {
            return Err(SwitchError::Scope);
        }
        let bound = |points: &Option<Vec<u8>>| {
            let switch = |points: &Vec<u8>| {
                let mut out = Vec::new();
                self.switched(&querier.c, points, &mut out).map(|()| out)
            };
            points.as_ref().map(switch).transpose()
        };
        Ok(Trapdoor {
            lower: bound(&question.lower)?,
            upper: bound(&question.upper)?,
            end: question.end,
            limit: question.limit,
            scope: question.scope.clone(),
            form: PhantomData,
        })
    }

    fn present(&self, path: &Path) -> Result<&Scalar, SwitchError> {
        if path.generation() != self.generation {
            return Err(SwitchError::Generation);
        }
        self.providers.get(path).map(|c| &**c).ok_or(SwitchError::Unknown)
    }

    fn former(&self, path: &Path) -> Result<&Scalar, SwitchError> {
        if path.generation() >= self.generation {
            return Err(SwitchError::Generation);
        }
        self.providers.get(path).map(|c| &**c).ok_or(SwitchError::Unknown)
    }

    /// c times each point. What comes out is not secret towards who sees its digests.
    fn switched(&self, c: &Scalar, points: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
        let points = decode(&self.space.shape(), points)?;
        let half = c.halve();
        let halves: Vec<_> = points.iter().map(|point| point.mul(&half)).collect();
        digests(&self.sid, &Point::doubles(&halves), out);
        Ok(())
    }
}

// Factors wipe themselves; nothing else is secret.
impl ZeroizeOnDrop for Switch {}

impl fmt::Debug for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Switch");
        out.field("space", &self.space).field("generation", &self.generation);
        out.field("providers", &self.providers.len()).field("queriers", &self.queriers.len()).finish_non_exhaustive()
    }
}

impl Message for Switch {
    const SUITE: SuiteId = SuiteId::Ordered;
    const KIND: Kind = kind::SWITCHER;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.space.write(sink);
        sink.put(&self.generation.to_be_bytes());
        put_count(sink, self.providers.len());
        for (path, c) in &self.providers {
            path.write(sink);
            sink.put(&*c.to_bytes());
        }
        put_count(sink, self.queriers.len());
        for (user, querier) in &self.queriers {
            user.write(sink);
            write_scope(&querier.scope, sink);
            sink.put(&*querier.c.to_bytes());
        }
        put_count(sink, self.removed_providers.len());
        self.removed_providers.iter().for_each(|path| path.write(sink));
        put_count(sink, self.removed_queriers.len());
        self.removed_queriers.iter().for_each(|user| user.write(sink));
    }

    /// Names are in ascending order without repetition, nobody is there and removed, and nobody is of a later generation.
    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let space = Space::read(reader)?;
        let mut switch = Self::new(&space, reader.u32()?);
        // Depth, one step, a scalar.
        for _ in 0..reader.count(usize::MAX, 69)? {
            let (path, c) = (Path::read(reader)?, Scalar::read_nonzero(reader)?);
            let above = path.parent().is_none_or(|parent| switch.providers.contains_key(&parent));
            let next = switch.providers.last_key_value().is_none_or(|(last, _)| *last < path);
            if !above || !next || path.generation() > switch.generation {
                return Err(DecodeError::Value);
            }
            switch.providers.insert(path, Box::new(c));
        }
        // A step, a scope of one, a scalar.
        for _ in 0..reader.count(usize::MAX, 109)? {
            let (user, scope) = (Step::read(reader)?, read_scope(reader)?);
            let next = switch.queriers.last_key_value().is_none_or(|(last, _)| *last < user);
            if !next || user.generation != switch.generation {
                return Err(DecodeError::Value);
            }
            switch.queriers.insert(user, Querier { c: Box::new(Scalar::read_nonzero(reader)?), scope });
        }
        for _ in 0..reader.count(usize::MAX, 37)? {
            let path = Path::read(reader)?;
            let next = switch.removed_providers.last().is_none_or(|last| *last < path);
            if !next || switch.providers.contains_key(&path) {
                return Err(DecodeError::Value);
            }
            switch.removed_providers.insert(path);
        }
        for _ in 0..reader.count(usize::MAX, 36)? {
            let user = Step::read(reader)?;
            let next = switch.removed_queriers.last().is_none_or(|last| *last < user);
            if !next || switch.queriers.contains_key(&user) {
                return Err(DecodeError::Value);
            }
            switch.removed_queriers.insert(user);
        }
        Ok(switch)
    }
}

impl SecretEncoding for Switch {}
