//! Who can open what after a departure: the table of SECURITY.md, each cell of it run on real keys.
//!
//! Every attacker has what the cloud serves to everybody, beside what the row says. [`Loot::opens`] tries everything that
//! can be made of it: each state of the header, rotated forth and back with Δ, with the generation written over; each key,
//! kept or opened with any aggregate key; each body, as it is and in each layer whose key is known.

use std::fmt::Write;

use sesphr::Digest;
use sesphr::context::{Context, Partition, Slot, Timestamp, Validity};
use sesphr::encoding::{Encoding, Message, Reader, SecretEncoding, SuiteId};
use sesphr::epoch::rewrap::{
    DataKey, EpochDirectory, EpochSecret, RecordVersion, Rise, VerifiedEpochDirectory, Wrapped,
};
use sesphr::epoch::tree::{EpochKeys, EpochTree};
use sesphr::epoch::{KeyTree, Rewrap};
use sesphr::hazmat::hash;
use sesphr::hazmat::pairing::{G1Affine, G2Affine, Scalar};
use sesphr::hazmat::record::{Fixed, open_into, open_layered_into};
use sesphr::hazmat::ristretto;
use sesphr::identity::{PartyId, Signed};
use sesphr::kac::{AggregateKey, ClassSet, Kac, KeyAggregate, OwnerSecret, Rotate, VerifiedGeneration};
use sesphr::kapre::{Kapre, VerifiedGrant};
use sesphr::kem::{CapsuleParts, OwnerRoot};
use sesphr::pre::{GrantTerms, Pre};
use sesphr::record::{
    Aead, ChunkSize, Expected, LayerKey, LayerStep, Plaintext, SealedHeader, SealedPartition, Versions,
};
use sesphr::sharing::*;

use crate::roles::*;

const MEDICAL: Partition = Partition::MEDICAL;
const INSURANCE: Partition = Partition::INSURANCE;

/// Who tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Joiner,
    Member,
    Honest,
    OldKeys,
    OldHeaders,
    StolenToken,
    DeltaInside,
    DeltaOutside,
    ReKeys,
    WithServer,
    WithCloud,
}

/// Row by row: a record that is as it was, one whose header was rotated, one whose body got a layer as well, and one that
/// was written after the departure.
const TABLE: [(Who, &str, [bool; 4]); 11] = [
    (Who::Joiner, "joiner, without history", [false, false, false, true]),
    (Who::Member, "member", [true, true, true, true]),
    (Who::Honest, "departed, honest", [false, false, false, false]),
    (Who::OldKeys, "departed with old keys (K_S: its own and the server's together)", [true, false, false, false]),
    (Who::OldHeaders, "departed with old headers and the keys inside", [true, true, false, false]),
    (Who::StolenToken, "departed + stolen token, of an epoch that it held (`rewrap`)", [true, true, false, false]),
    (Who::DeltaInside, "departed + Δ and old keys, inside its classes", [true, true, false, false]),
    (Who::DeltaOutside, "departed + Δ and old keys, outside its classes", [false, false, false, false]),
    (Who::ReKeys, "departed with old keys and others' old and new re-keys", [true, false, false, false]),
    (Who::WithServer, "departed + server, which keeps and hands out everything", [true, false, false, false]),
    (Who::WithCloud, "departed + cloud, which keeps old state", [true, true, true, false]),
];

/// The same in Markdown.
fn markdown() -> String {
    let mut out =
        String::from("| Who | old record | rotated record | level-2 record | new record |\n|---|---|---|---|---|\n");
    for (_, name, cells) in TABLE {
        let [a, b, c, d] = cells.map(|reads| if reads { "**reads**" } else { "–" });
        writeln!(out, "| {name} | {a} | {b} | {c} | {d} |").unwrap();
    }
    out
}

#[test]
fn the_table_is_in_security_md() {
    assert!(include_str!("../../SECURITY.md").contains(&markdown()), "{}", markdown());
}

#[test]
fn every_cell_is_as_the_table_says() {
    let mut scenes = [Level::Epochs, Level::Headers, Level::Bodies].map(Scene::new);
    let token = token_row();
    for (who, name, expected) in TABLE {
        if who == Who::StolenToken {
            assert_eq!(token, expected, "{name}");
            continue;
        }
        let partition = if who == Who::DeltaOutside { INSURANCE } else { MEDICAL };
        let [old, rotated, covered] = scenes.each_mut().map(|scene| scene.reads(who, &scene.stored(partition)));
        // What is new is under the same keys at every level.
        let new = scenes.each_mut().map(|scene| scene.reads(who, &scene.new.clone()));
        assert_eq!(new, [expected[3]; 3], "{name}");
        assert_eq!([old, rotated, covered], expected[..3], "{name}");
    }
}

/// Why masks are drawn anew: under one mask, the difference of an old and a new re-encryption key is Δ·D_S.
#[test]
fn updated_re_encryption_keys_would_hand_out_the_new_generation() {
    let s = Scene::new(Level::Headers);
    let old = s.rekey(&s.delegations[0], s.carol.id());
    let set = s.set(&s.delegations[0], s.carol.id());
    let of = |secret| Kac::extract(&s.w.params, secret, &set).unwrap().to_secret_bytes();
    let [before, after] = [of(&s.secrets[0]), of(&s.secrets[1])];
    let [before, after] = [before, after].map(|key| G2Affine::from_bytes(key[4..].try_into().unwrap()).unwrap());
    let updated = old.to_projective().add_affine(&after).sub_affine(&before).to_affine();
    let loot = Loot { aggregate: s.differences([old, updated]), ..Loot::default() };
    assert!(loot.opens(&s.w, &s.stored(MEDICAL)));
    // What the owner really made.
    let fresh = s.rekey(&s.delegations[1], s.carol.id());
    let loot = Loot { aggregate: s.differences([old, fresh]), ..Loot::default() };
    assert!(!loot.opens(&s.w, &s.stored(MEDICAL)));
}

/// Everything that somebody has beside what the cloud serves.
#[derive(Default)]
struct Loot {
    /// Keys within capsules.
    shared: Vec<[u8; 32]>,
    /// Aggregate keys with the generation and set that they are said to be of.
    aggregate: Vec<(VerifiedGeneration, ClassSet, [u8; 96])>,
    /// Δ from generation 0 to 1.
    delta: Option<[u8; 32]>,
    /// States of the record.
    stored: Vec<SealedPartition>,
    /// Keys of layers.
    layers: Vec<LayerKey>,
}

fn with_mutable(sealed: &SealedPartition, generation: u32, rotating: &[u8], layer: &[u8]) -> SealedPartition {
    let (header, body) = sealed.clone().into_parts();
    // Immutable header, then 4 + 4 + 4 + the capsule's part + the layer, then the seal.
    let (mutable, seal) = (header.mutable().encoded_len(), header.seal().encoded_len());
    let bytes = header.to_bytes();
    let (front, rest) = bytes.split_at(bytes.len() - seal - mutable);
    let mut forged = front.to_vec();
    forged.extend_from_slice(&rest[..4]);
    forged.extend_from_slice(&generation.to_be_bytes());
    forged.extend_from_slice(&(rotating.len() as u32).to_be_bytes());
    forged.extend_from_slice(rotating);
    forged.extend_from_slice(layer);
    forged.extend_from_slice(&rest[mutable..]);
    SealedPartition::from_parts(SealedHeader::from_bytes(&forged).unwrap(), body).unwrap()
}

/// The same record with c2 + kc1 in place of c2, and as of a generation.
fn moved(sealed: &SealedPartition, k: Option<&Scalar>, generation: u32) -> SealedPartition {
    let capsule = sealed.header().capsule::<Kapre>().unwrap();
    let (mut core, mut rotating) = (Vec::new(), Vec::new());
    capsule.write_core(&mut core);
    capsule.write_mutable(&mut rotating);
    let [c1, c2] = [&core[..48], &rotating[4..]].map(|bytes| G1Affine::from_bytes(bytes.try_into().unwrap()).unwrap());
    let c2 = k.map_or(c2.to_projective(), |k| c1.mul(k).add_affine(&c2)).to_affine();
    let rotating = [&generation.to_be_bytes()[..], &c2.to_bytes()].concat();
    with_mutable(sealed, generation, &rotating, &layer_bytes(sealed))
}

fn layer_bytes(sealed: &SealedPartition) -> Vec<u8> {
    sealed.header().mutable().layer().generation().map_or(vec![0], |g| [&[1][..], &g.to_be_bytes()].concat())
}

impl Loot {
    /// The states of the record that can be made of those that are there.
    fn states(&self, served: &SealedPartition) -> Vec<SealedPartition> {
        let mut states: Vec<_> = self.stored.iter().chain([served]).cloned().collect();
        if let Some(delta) = &self.delta {
            let delta = Scalar::from_bytes(delta).unwrap();
            let more = |sealed| [moved(sealed, Some(&delta), 1), moved(sealed, Some(&-&delta), 0)];
            states.extend(states.iter().flat_map(more).collect::<Vec<_>>());
        }
        // The generation is the cloud's word.
        states.extend(states.iter().flat_map(|sealed| [0, 1].map(|of| moved(sealed, None, of))).collect::<Vec<_>>());
        states
    }

    /// Whether anything leads to the plaintext of the record.
    fn opens(&self, w: &World<Kapre>, served: &SealedPartition) -> bool {
        let states = self.states(served);
        let mut shared = self.shared.clone();
        for (generation, set, bytes) in &self.aggregate {
            let key = AggregateKey::from_bytes(&[&[1, 2, 0, 0x48][..], bytes].concat()).unwrap();
            let Ok(key) = Kac::verify_key(&w.params, generation, set, &key) else { continue };
            for state in &states {
                let Ok(capsule) = state.header().capsule::<Kapre>() else { continue };
                let opened = Kac::open_aggregate(&w.params, &key, &capsule, &state.header().context());
                shared.extend(opened.map(|key| *key.hazmat_bytes()));
            }
        }
        states.iter().any(|state| shared.iter().any(|key| opens(key, &self.layers, state)))
    }
}

/// Whether a key opens the body, as it is or in one of the layers.
fn opens(key: &[u8; 32], layers: &[LayerKey], sealed: &SealedPartition) -> bool {
    let ctx = sealed.header().context();
    let versions = Versions::Exactly(ctx.version);
    let authors = [ctx.author];
    let (owner, record, partition) = (ctx.owner, ctx.record, ctx.partition);
    let expected = Expected { owner, record, partition, authors: &authors, versions };
    let mut out = Plaintext::new();
    let bare = open_into(key, &expected, sealed.header(), sealed.body(), &mut out).is_ok();
    let layered = |layer| open_layered_into(key, layer, &expected, sealed.header(), sealed.body(), &mut out).is_ok();
    bare || layers.iter().any(layered)
}

/// A world in which bob, a researcher, left at a level, and everything was settled.
struct Scene {
    w: World<Kapre>,
    bob: User<Kapre>,
    carol: User<Kapre>,
    dan: User<Kapre>,
    /// The medical record and the one outside of bob's classes, as they were.
    before: [SealedPartition; 2],
    /// The owner's keys of both generations.
    secrets: [OwnerSecret; 2],
    /// What the server was sent before the departure and at it.
    delegations: [Vec<Vec<u8>>; 2],
    /// And when dan came.
    joined: Vec<Vec<u8>>,
    /// The key inside the medical record, which bob opened.
    inside: [u8; 32],
    /// The step around the medical body that the cloud was ordered to take, and the key of a layer of before.
    step: [LayerKey; 2],
    /// What an application's tree of the same name gives, which bob was granted ahead.
    application: LayerKey,
    /// A record that was written afterwards.
    new: SealedPartition,
}

fn now() -> Timestamp {
    at(60)
}

/// The root of the trees that the keys of layers come from, which is not the one that applications derive theirs from.
fn layer_root(key: &VerifiedGeneration) -> OwnerRoot {
    let root = World::<Kapre>::root(1).to_secret_bytes();
    let (params, grid) = (key.params(), key.grid().to_bytes());
    let counts: [&[u8]; 2] = [params.as_bytes(), &grid];
    let layers = hash::kdf("sesphr v1 layer root", &root[4..], &counts);
    OwnerRoot::from_bytes(&[&root[..4], &*layers].concat()).unwrap()
}

/// The key of a layer of a generation around a medical body.
fn layer_key(root: &OwnerRoot, owner: PartyId, generation: u32, epoch: u32, header: &SealedHeader) -> LayerKey {
    let tree = EpochTree::new(owner, MEDICAL, generation, 16).unwrap();
    let leaf = EpochKeys::derive(root, &tree).leaf(epoch).unwrap();
    LayerKey::derive(&leaf.key(), &header.immutable().digest())
}

impl Scene {
    fn new(level: Level) -> Self {
        let mut w = World::<Kapre>::new();
        let [mut bob, mut carol, dan] = [10, 11, 12].map(user::<Kapre>);
        w.join(&bob, Role::Researcher, at(0), at(1));
        // With it, both get the epoch that begins, and carol no other.
        let joined = w.join(&carol, Role::Researcher, at(2), at(2));
        let before = [MEDICAL, INSURANCE].map(|partition| w.write(partition, 1, at(2)));
        assert!(w.reads(&mut bob, &before[0], at(3)) && w.reads(&mut carol, &before[0], at(3)));
        let directory = w.directory(at(3));
        let (grid, epoch) = {
            let place = directory.place(&MEDICAL).unwrap();
            (place.key().grid().clone(), place.period().epoch)
        };
        let derive = |previous| OwnerSecret::derive(&w.params, &grid, &World::<Kapre>::root(1), &w.id(), previous);
        let first = derive(None).unwrap();
        let second = derive(Some(first.generation())).unwrap();
        let capsule = before[0].header().capsule::<Kapre>().unwrap();
        let inside = *Kapre::open(&w.params, &first, &capsule, &before[0].header().context()).unwrap().hazmat_bytes();

        let gone = w.owner.depart(&bob.id(), level, at(10), &mut w.rng).unwrap();
        w.send(&gone, at(10));
        let headers = w.cloud.headers(&w.id(), None, usize::MAX).unwrap();
        if let Some(orders) = w.owner.orders(&headers).unwrap() {
            let progress = w.cloud.carry_out(&w.owner.id(), &orders).unwrap();
            assert_eq!((progress.rotated, progress.covered), (2, usize::from(level == Level::Bodies)));
        }
        let settled = w.owner.settle(at(20), &mut w.rng).unwrap();
        w.send(&settled, at(20));
        let arrived = w.join(&dan, Role::Researcher, at(30), at(30));
        let new = w.write(MEDICAL, 2, at(40));
        if let Some(grant) = w.cloud.layers(&w.id(), &carol.id()).unwrap() {
            carol.take_layers(&w.owner.id(), &grant).unwrap();
        }
        let step = [1, 0].map(|generation| {
            layer_key(&layer_root(second.generation()), w.id(), generation, epoch, before[0].header())
        });
        let application = layer_key(&World::<Kapre>::root(1), w.id(), 1, epoch, before[0].header());
        let kept = |update: &Update| update.delegations.iter().map(|d| d.to_secret_bytes().to_vec()).collect();
        let (delegations, arrived, secrets) = ([kept(&joined), kept(&gone)], kept(&arrived), [first, second]);
        Self { w, bob, carol, dan, before, secrets, delegations, joined: arrived, inside, step, application, new }
    }

    fn stored(&self, partition: Partition) -> SealedPartition {
        self.w.cloud.fetch(&self.w.id(), &RECORD, &partition, 1).unwrap()
    }

    /// What the server got for a user.
    fn delegation(&self, among: &[Vec<u8>], user: PartyId) -> (Delegation<Kapre>, VerifiedGrant) {
        let checked = among.iter().map(|bytes| {
            let delegation = Delegation::<Kapre>::from_bytes(bytes).unwrap();
            let key = Kapre::verify_owner(&self.w.params, delegation.owner_key(), &self.w.id()).unwrap();
            let grant = Kapre::verify_grant(&self.w.params, &key, delegation.grant(), at(30)).unwrap();
            (delegation, grant)
        });
        checked.into_iter().find(|(_, grant)| grant.user() == user).unwrap()
    }

    fn set(&self, among: &[Vec<u8>], user: PartyId) -> ClassSet {
        self.delegation(among, user).1.set().clone()
    }

    fn rekey(&self, among: &[Vec<u8>], user: PartyId) -> G2Affine {
        let bytes = self.delegation(among, user).0.rekey().to_secret_bytes();
        G2Affine::from_bytes(bytes[36..].try_into().unwrap()).unwrap()
    }

    /// K_S of a user's set: what the server's re-encryption key and the user's mask make together.
    fn key_of(&self, among: &[Vec<u8>], user: PartyId) -> (VerifiedGeneration, ClassSet, [u8; 96]) {
        let (_, grant) = self.delegation(among, user);
        let secret = &self.secrets[grant.owner().generation() as usize];
        let key = Kac::extract(&self.w.params, secret, grant.set()).unwrap();
        (secret.generation().clone(), grant.set().clone(), key.to_secret_bytes()[4..].try_into().unwrap())
    }

    /// That of bob.
    fn old_key(&self) -> (VerifiedGeneration, ClassSet, [u8; 96]) {
        self.key_of(&self.delegations[0], self.bob.id())
    }

    fn delta(&self) -> [u8; 32] {
        Kac::token(&self.secrets[0], &self.secrets[1]).unwrap().to_secret_bytes()[68..].try_into().unwrap()
    }

    /// What bob makes of K_S and the two re-encryption keys of another, whatever set the new one is for.
    fn differences(&self, [old, new]: [G2Affine; 2]) -> Vec<(VerifiedGeneration, ClassSet, [u8; 96])> {
        let (_, _, key) = self.old_key();
        let key = G2Affine::from_bytes(&key).unwrap();
        let sum = key.to_projective().add_affine(&new).sub_affine(&old).to_affine().to_bytes();
        let generation = self.secrets[1].generation();
        let sets = self.delegations.iter().map(|among| self.set(among, self.carol.id()));
        sets.map(|set| (generation.clone(), set, sum)).collect()
    }

    fn reads(&mut self, who: Who, served: &SealedPartition) -> bool {
        let old_keys = Loot { aggregate: vec![self.old_key()], ..Loot::default() };
        let carols = [0, 1].map(|i| self.rekey(&self.delegations[i], self.carol.id()));
        let loot = match who {
            Who::Joiner if self.w.reads(&mut self.dan, served, now()) => return true,
            // The joiner's own K_S, for whom the server helps, with what a departed member and others show each other.
            Who::Joiner => {
                let (generation, set, key) = self.key_of(&self.joined, self.dan.id());
                let mut loot = Loot { aggregate: vec![(generation, set, key)], ..Loot::default() };
                loot.layers.push(self.application.hazmat_clone());
                loot
            }
            Who::Member => return self.w.reads(&mut self.carol, served, now()),
            Who::Honest => return self.w.reads(&mut self.bob, served, now()),
            Who::OldKeys | Who::StolenToken => old_keys,
            Who::OldHeaders => {
                // Headers, not bodies: whoever kept the body has the plaintext.
                let header = self.before[0].header().clone();
                let stored = vec![SealedPartition::from_parts(header, served.body().to_vec()).unwrap()];
                let [_, former] = &self.step;
                let layers = [former, &self.application].map(LayerKey::hazmat_clone).into();
                Loot { shared: vec![self.inside], stored, layers, ..Loot::default() }
            }
            Who::DeltaInside | Who::DeltaOutside => Loot { delta: Some(self.delta()), ..old_keys },
            Who::ReKeys | Who::WithServer => {
                let mut loot = old_keys;
                loot.aggregate.extend(self.differences(carols));
                // What the server carried out before, it carries out again.
                if who == Who::WithServer && self.served_again(served) {
                    return true;
                }
                loot
            }
            Who::WithCloud => {
                let [ordered, _] = &self.step;
                let (shared, stored) = (vec![self.inside], self.before.to_vec());
                let (delta, layers) = (Some(self.delta()), vec![ordered.hazmat_clone()]);
                Loot { delta, shared, stored, layers, ..old_keys }
            }
        };
        // The record that is asked for: who kept another one has not read it.
        let of = |state: &SealedPartition| state.header().immutable() == served.header().immutable();
        let stored = loot.stored.into_iter().filter(of).collect();
        Loot { stored, ..loot }.opens(&self.w, served)
    }

    /// A server that goes on with the grant that bob had.
    fn served_again(&mut self, served: &SealedPartition) -> bool {
        let (capsule, ctx) = (served.header().capsule::<Kapre>().unwrap(), served.header().context());
        let (delegation, grant) = self.delegation(&self.delegations[0], self.bob.id());
        let (params, key) = (&self.w.params, grant.owner());
        let rekey = Kapre::verify_rekey(params, key, &grant, delegation.rekey()).unwrap();
        let Ok(checked) = Kapre::verify_capsule(params, key, &capsule, &ctx) else { return false };
        let Ok(part) = Kapre::reencrypt(params, &rekey, &checked, &party(201), at(10), &mut rng(9)) else {
            return false;
        };
        let held = Kapre::accept_grant(params, self.bob.secret(), &grant).unwrap();
        let key = Kapre::open_reencrypted(params, &held, &capsule, &[part], &ctx);
        key.is_ok_and(|key| opens(key.hazmat_bytes(), &[], served))
    }
}

/// Data keys under the keys of epochs: who left with the secret of an epoch, and then gets the token of that epoch.
fn token_row() -> [bool; 4] {
    let (owner, author, cloud, draw) = (party(1), party(2), party(3), &mut rng(4));
    let root = World::<Kapre>::root(1);
    let tree = EpochTree::new(owner.id(), MEDICAL, 0, 16).unwrap();
    let generations = [tree, tree.next_generation().unwrap()].map(|tree| EpochKeys::derive(&root, &tree));
    let secret = |generation: usize, epoch| Rise::secret(&generations[generation], epoch).unwrap();
    let wrap = |secret: &EpochSecret, version, draw: &mut _| {
        let validity = Validity::new(at(0), at(9)).unwrap();
        let directory = Signed::new(&owner, EpochDirectory::new(1, validity, [secret]).unwrap());
        let directory = VerifiedEpochDirectory::new(&directory, &owner.id(), 0, at(1)).unwrap();
        let key = DataKey::from_array(&[version; 32]);
        let subject = RecordVersion { record: RECORD, version: version.into() };
        (Rise::wrap(directory.key(&MEDICAL, at(1)).unwrap(), &subject, &key, &author, draw).unwrap(), subject)
    };
    let body = |version: u8| {
        let (key, salt) = ([version; 32], [version; 32]);
        let context = Context {
            suite: SuiteId::Kac,
            owner: owner.id(),
            record: RECORD,
            version: version.into(),
            partition: MEDICAL,
            slot: Slot::Epoch(6),
            params: Digest::NONE,
            origin: Digest::NONE,
            author: author.id(),
            aad: b"",
        };
        let (aead, chunk_size) = (Aead::default(), ChunkSize::default());
        let mut body = Vec::new();
        let fixed = Fixed { key: &key, context, capsule: b"", aead, chunk_size, salt };
        let header = fixed.seal_into(&author, b"0+", &mut body).unwrap();
        SealedPartition::from_parts(header, body).unwrap()
    };
    // What bob holds: the keys of epoch 6, in the generation in which he was a member, and a token.
    let held = generations[0].grant(6..=6).unwrap();
    let [x, next] = [Rise::secret(&held, 6).unwrap(), secret(1, 6)];
    let token = Rise::token(&x, &next, &owner).unwrap();
    let stolen = token.to_secret_bytes();
    let stolen = ristretto::Scalar::read(&mut Reader::new(&stolen[stolen.len() - 32..])).unwrap();
    // Back: C1 / Δ, under the old generation.
    let back = |wrapped: &Wrapped| {
        let mut bytes = wrapped.to_bytes();
        let c1 = ristretto::Point::from_bytes(bytes[8..40].try_into().unwrap()).unwrap();
        bytes[4..8].copy_from_slice(&0_u32.to_be_bytes());
        bytes[8..40].copy_from_slice(c1.mul(&stolen.invert()).encode().as_bytes());
        Wrapped::from_bytes(&bytes).unwrap()
    };
    let layers = [held.leaf(6).unwrap().key()];
    let reads = |wrapped: &Wrapped, subject: &RecordVersion, body: &SealedPartition| {
        let keys = [wrapped.clone(), back(wrapped)].map(|wrapped| Rise::unwrap(&x, &wrapped, subject).ok());
        let digest = body.header().immutable().digest();
        let layers: Vec<_> = layers.iter().map(|leaf| LayerKey::derive(leaf, &digest)).collect();
        keys.iter().flatten().any(|key| opens(key.as_bytes(), &layers, body))
    };
    let (wrapped, subject) = wrap(&x, 1, draw);
    let old = body(1);
    let checked = Rise::verify_token(&token, &owner.id()).unwrap();
    let rotated = Rise::update(&checked, &x.location(), &wrapped, &cloud, draw).unwrap();
    // Whoever stays reads it.
    assert!(Rise::unwrap(&next, &rotated, &subject).is_ok() && Rise::unwrap(&x, &rotated, &subject).is_err());
    let mut covered = old.clone();
    let layer = layer_key(&root, owner.id(), 1, 6, old.header());
    covered.relayer(&LayerStep::new(None, (1, layer.hazmat_clone())).unwrap()).unwrap();
    assert!(opens(&[1; 32], &[layer], &covered));
    let (new, later) = wrap(&secret(1, 7), 2, draw);
    // Of another epoch, a token is of no use to him.
    let (other, elsewhere) = wrap(&secret(0, 5), 3, draw);
    assert!(!reads(&other, &elsewhere, &body(3)));
    [
        reads(&wrapped, &subject, &old),
        reads(&rotated, &subject, &old),
        reads(&rotated, &subject, &covered),
        reads(&new, &later, &body(2)),
    ]
}
