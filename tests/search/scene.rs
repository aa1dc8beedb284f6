//! An owner, hospitals with departments, users, and what stands between them, in either mode.

use sesphr::context::{Partition, RecordId, Timestamp, Validity};
use sesphr::identity::{PartyId, Signed, SigningKey};
use sesphr::kem::OwnerRoot;
use std::collections::BTreeSet;

use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::search::ordered::{
    Points, Switch, SwitchError, SwitchKey, SwitchRotation, Switched, Switcher, SwitcherError,
};
use sesphr::search::{
    Answer, Attribute, Batch, BatchHead, Column, Draft, Duty, Encoder, Federated, Form, GateError, Index, InsertError,
    Inserted, Ordered, Path, Queries, Query, QueryError, Registrar, Roster, RosterError, Rosters, Search, SearchRoot,
    Space, Step, Token,
};

use crate::common::rng;

pub const NOW: Timestamp = Timestamp(1_700_000_000);
pub const LATER: Timestamp = Timestamp(1_700_000_060);
pub const END: Timestamp = Timestamp(1_700_086_400);

pub fn validity() -> Validity {
    Validity::new(NOW, END).unwrap()
}

pub fn record(number: u64) -> RecordId {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    RecordId::from_array(bytes)
}

/// A party with a fixed key.
pub fn party(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// What stands between providers and users and the index, in a mode.
pub trait Route: Search {
    const QUERIES: Queries;
    type Between;

    fn between(registrar: &Registrar<Self>, root: &SearchRoot, owner: &SigningKey) -> Self::Between;
    fn gate(between: &Self::Between, space: &Space<Self>, generation: u32) -> Self::Gate;
    /// Who hears of a roster.
    fn hear(
        between: &mut Self::Between,
        column: &mut Column<Self>,
        roster: &Signed<Roster>,
        now: Timestamp,
    ) -> Result<(), RosterError>;
    /// Makes somebody known who is below a provider.
    fn child(between: &mut Self::Between, owner: &SigningKey, key: &Self::WriteKey, child: Step, parent: &SigningKey);
    /// By which rosters everything is let in.
    fn rosters<'a>(between: &'a mut Self::Between, column: &'a mut Column<Self>) -> &'a mut Rosters;
    /// What goes to the cloud, with a switcher's refusal said as that of an index.
    fn try_upload(
        between: &Self::Between,
        batch: &Batch<Self, Self::Upload>,
        now: Timestamp,
    ) -> Result<Batch<Self, Self::Stored>, InsertError>;
    /// Likewise.
    fn try_ask(
        between: &Self::Between,
        token: &Signed<Token<Self, Self::Question>>,
        now: Timestamp,
    ) -> Result<Signed<Token<Self, Self::Trapdoor>>, QueryError>;
    /// Brings the values over to the keys of now, after the registrar renewed them.
    fn renewed(scene: &mut Scene<Self>, from: u32);
    /// What the owner says to the switcher of who is out.
    fn forget(between: &mut Self::Between, column: &mut Column<Self>, place: &Path) -> u32;
    /// Who signs what stands in the index.
    fn signer(between: &Self::Between, provider: &Path) -> PartyId;
    /// Serves a space of another scene too.
    fn join(between: &mut Self::Between, other: &mut Self::Between, space: &Space<Self>);
}

fn gate_of(error: SwitcherError) -> Option<GateError> {
    match error {
        SwitcherError::Gate(error) => Some(error),
        SwitcherError::Switch(SwitchError::Unknown | SwitchError::Scope) => Some(GateError::Unlisted),
        SwitcherError::Switch(SwitchError::Generation) => Some(GateError::Space),
        _ => None,
    }
}

impl Route for Federated {
    const QUERIES: Queries = Queries::RangesAndPoints;
    type Between = ();

    fn between(_: &Registrar<Self>, _: &SearchRoot, _: &SigningKey) {}

    fn gate((): &(), space: &Space<Self>, _: u32) -> Rosters {
        Rosters::new(space)
    }

    fn hear(
        (): &mut (),
        column: &mut Column<Self>,
        roster: &Signed<Roster>,
        now: Timestamp,
    ) -> Result<(), RosterError> {
        column.gate_mut().update(roster, now)
    }

    fn child((): &mut (), _: &SigningKey, _: &Self::WriteKey, _: Step, _: &SigningKey) {}

    fn rosters<'a>((): &'a mut (), column: &'a mut Column<Self>) -> &'a mut Rosters {
        column.gate_mut()
    }

    fn try_upload(
        (): &(),
        batch: &Batch<Self, Self::Upload>,
        _: Timestamp,
    ) -> Result<Batch<Self, Self::Stored>, InsertError> {
        Ok(batch.clone())
    }

    fn try_ask(
        (): &(),
        token: &Signed<Token<Self, Self::Question>>,
        _: Timestamp,
    ) -> Result<Signed<Token<Self, Self::Trapdoor>>, QueryError> {
        Ok(token.clone())
    }

    fn renewed(_: &mut Scene<Self>, _: u32) {}

    fn forget((): &mut (), column: &mut Column<Self>, _: &Path) -> u32 {
        column.sweep()
    }

    fn signer((): &(), provider: &Path) -> PartyId {
        provider.last().party
    }

    fn join((): &mut (), (): &mut (), _: &Space<Self>) {}
}

impl Route for Ordered {
    const QUERIES: Queries = Queries::Ranges;
    type Between = Switcher;

    fn between(registrar: &Registrar<Self>, root: &SearchRoot, owner: &SigningKey) -> Switcher {
        let mut switch = Switch::new(registrar.space(), registrar.generation());
        let mut add = |key: SwitchKey| switch.add(&key.verify(&owner.id()).unwrap()).unwrap();
        for (step, duty) in registrar.providers() {
            assert_eq!(duty, Duty::Writer);
            add(SwitchKey::provider(root, registrar.space(), &Path::new(step), owner).unwrap());
        }
        for (user, scope) in registrar.askers() {
            let user = Step { party: *user, generation: registrar.generation() };
            add(SwitchKey::querier(root, registrar.space(), user, scope, owner).unwrap());
        }
        let mut switcher = Switcher::new(party(99));
        switcher.serve(switch);
        switcher
    }

    fn gate(switcher: &Switcher, space: &Space<Self>, generation: u32) -> Switched {
        Switched::new(space, switcher.id(), generation)
    }

    /// Switcher and cloud both.
    fn hear(
        switcher: &mut Switcher,
        column: &mut Column<Self>,
        roster: &Signed<Roster>,
        now: Timestamp,
    ) -> Result<(), RosterError> {
        switcher.rosters_mut(&column.space().id()).unwrap().update(roster, now)?;
        column.gate_mut().rosters_mut().update(roster, now)
    }

    fn child(switcher: &mut Switcher, owner: &SigningKey, key: &Self::WriteKey, child: Step, parent: &SigningKey) {
        let (space, _) = Self::writer(key);
        let factor = SwitchKey::child(key, child, parent).unwrap();
        switcher.switch_mut(&space.id()).unwrap().add(&factor.verify(&owner.id()).unwrap()).unwrap();
    }

    fn rosters<'a>(switcher: &'a mut Switcher, column: &'a mut Column<Self>) -> &'a mut Rosters {
        switcher.rosters_mut(&column.space().id()).unwrap()
    }

    fn try_upload(
        switcher: &Switcher,
        batch: &Batch<Self, Points>,
        now: Timestamp,
    ) -> Result<Batch<Self, Self::Stored>, InsertError> {
        switcher.switch(batch, now).map_err(|error| match (error, gate_of(error)) {
            (_, Some(error)) => InsertError::Gate(error),
            (SwitcherError::Space, _) => InsertError::Space,
            _ => InsertError::Entries,
        })
    }

    fn try_ask(
        switcher: &Switcher,
        token: &Signed<Token<Self, Self::Question>>,
        now: Timestamp,
    ) -> Result<Signed<Token<Self, Self::Trapdoor>>, QueryError> {
        switcher.ask(token, now).map_err(|error| match (error, gate_of(error)) {
            (_, Some(error)) => QueryError::Gate(error),
            (SwitcherError::Space, _) => QueryError::Space,
            _ => panic!("{error}"),
        })
    }

    fn renewed(scene: &mut Scene<Self>, from: u32) {
        let (space, to) = (scene.space.clone(), scene.registrar.generation());
        let rotation = SwitchRotation::new(&scene.root, &space, from, to, &scene.owner).unwrap();
        let switch = scene.between.switch_mut(&space.id()).unwrap();
        switch.rotate(&rotation.verify(&scene.owner.id()).unwrap()).unwrap();
        let mut keys = Vec::new();
        for (step, duty) in scene.registrar.providers() {
            if duty == Duty::Writer {
                keys.push(SwitchKey::provider(&scene.root, &space, &Path::new(step), &scene.owner).unwrap());
            }
        }
        for (user, scope) in scene.registrar.askers() {
            let user = Step { party: *user, generation: to };
            keys.push(SwitchKey::querier(&scene.root, &space, user, scope, &scene.owner).unwrap());
        }
        for (above, child) in [(1, 11), (1, 12), (12, 121)] {
            if scene.writes(1) {
                keys.push(
                    SwitchKey::child(&scene.key(above), Scene::<Self>::path(child).last(), &party(above)).unwrap(),
                );
            }
        }
        let switch = scene.between.switch_mut(&space.id()).unwrap();
        keys.iter().for_each(|key| switch.add(&key.verify(&scene.owner.id()).unwrap()).unwrap());
        let rosters = scene.between.rosters_mut(&space.id()).unwrap().clone();
        let mut column = Column::new(space, Self::gate(&scene.between, &scene.space, to));
        *column.gate_mut().rosters_mut() = rosters;
        for (batch, taken) in &scene.stored {
            column.insert(&scene.between.switch_again(batch, taken).unwrap(), NOW).unwrap();
        }
        scene.index.set(column);
    }

    fn forget(switcher: &mut Switcher, column: &mut Column<Self>, place: &Path) -> u32 {
        switcher.switch_mut(&column.space().id()).unwrap().remove_provider(place);
        column.remove_where(|path| path.is_within(place))
    }

    fn signer(switcher: &Switcher, _: &Path) -> PartyId {
        switcher.id()
    }

    fn join(switcher: &mut Switcher, other: &mut Switcher, space: &Space<Self>) {
        let rosters = other.rosters_mut(&space.id()).unwrap().clone();
        let switch = other.switch_mut(&space.id()).unwrap().to_secret_bytes();
        switcher.serve(Switch::from_bytes(&switch).unwrap());
        *switcher.rosters_mut(&space.id()).unwrap() = rosters;
    }
}

/// One space with everybody around it: hospitals 1 to 3, of which 1 has the departments 11 and 12, and 12 the physician 121;
/// user 50 may ask all of them, and user 51 hospital 2 alone.
pub struct Scene<M: Route> {
    pub owner: SigningKey,
    pub root: SearchRoot,
    pub registrar: Registrar<M>,
    pub between: M::Between,
    pub index: Index<M>,
    pub space: Space<M>,
    pub sequence: u64,
    /// What was uploaded, with the heads under which it was taken.
    pub stored: Vec<Stored<M>>,
}

pub type Stored<M> = (Batch<M, <M as Search>::Upload>, Signed<BatchHead>);

pub const USER: u8 = 50;
pub const LESSER: u8 = 51;

impl<M: Route> Scene<M> {
    pub fn new(name: &str, encoder: Encoder) -> Self {
        Self::of(name, encoder, M::QUERIES)
    }

    pub fn codes(name: &str, encoder: Encoder) -> Self {
        Self::of(name, encoder, Queries::Points)
    }

    fn of(name: &str, encoder: Encoder, queries: Queries) -> Self {
        let owner_root = OwnerRoot::generate(&mut rng(1));
        let (owner, root) = (owner_root.signing_key(), SearchRoot::new(&owner_root));
        let attribute = Attribute::new(name).unwrap();
        let space = Space::new(owner.id(), Partition::MEDICAL, attribute, encoder, queries).unwrap();
        let mut registrar = Registrar::new(space.clone());
        for hospital in 1..=3 {
            registrar.enroll(party(hospital).id()).unwrap();
        }
        registrar.admit(party(USER).id(), &Self::places().map(Self::path)).unwrap();
        registrar.admit(party(LESSER).id(), &[Self::path(2)]).unwrap();
        let mut between = M::between(&registrar, &root, &owner);
        let mut column = Column::new(space.clone(), M::gate(&between, &space, 0));
        let roster = registrar.roster(validity(), &owner).unwrap();
        M::hear(&mut between, &mut column, &roster, NOW).unwrap();
        for (above, below) in [(1, &[11, 12][..]), (12, &[121])] {
            let members = below.iter().map(|child| (Self::path(*child).last(), Duty::Writer));
            let roster = Roster::new(space.id(), Some(Self::path(above)), 1, validity(), members).unwrap();
            M::hear(&mut between, &mut column, &Signed::new(&party(above), roster), NOW).unwrap();
        }
        let mut scene =
            Self { owner, root, registrar, between, index: Index::new(), space, sequence: 0, stored: Vec::new() };
        for (above, child) in [(1, 11), (1, 12), (12, 121)] {
            let key = scene.key(above);
            M::child(&mut scene.between, &scene.owner, &key, Self::path(child).last(), &party(above));
        }
        scene.index.set(column);
        scene
    }

    pub fn places() -> [u8; 6] {
        [1, 2, 3, 11, 12, 121]
    }

    pub fn path(place: u8) -> Path {
        let step = |seed: u8| Step { party: party(seed).id(), generation: 0 };
        match place {
            11 | 12 => Path::new(step(1)).child(step(place)).unwrap(),
            121 => Self::path(12).child(step(121)).unwrap(),
            _ => Path::new(step(place)),
        }
    }

    /// The key of a provider, as it comes down from the owner.
    pub fn key(&self, place: u8) -> M::WriteKey {
        let child = |above: u8| M::child_key(&self.key(above), Self::path(place).last()).unwrap();
        match place {
            11 | 12 => child(1),
            121 => child(12),
            _ => self.registrar.write_key(&self.root, &party(place).id()).unwrap(),
        }
    }

    pub fn batch(&mut self, place: u8, values: &[(u64, &str)]) -> Batch<M, M::Upload> {
        self.sequence += 1;
        let key = self.key(place);
        let mut draft = Draft::<M>::new(&key);
        for (number, value) in values {
            let value = self.space.encoder().parse(value).unwrap();
            draft.add(record(*number), &value, &mut rng(*number as u8)).unwrap();
        }
        draft.sign(self.sequence, &party(place)).unwrap()
    }

    /// A batch under a hospital's key of some generation, whatever the registrar says.
    pub fn batch_by(&mut self, hospital: u8, generation: u32, values: &[(u64, &str)]) -> Batch<M, M::Upload> {
        self.sequence += 1;
        let path = Path::new(Step { party: party(hospital).id(), generation });
        let key = M::write_key(&self.root, &self.space, &path);
        let mut draft = Draft::<M>::new(&key);
        for (number, value) in values {
            let value = self.space.encoder().parse(value).unwrap();
            draft.add(record(*number), &value, &mut rng(*number as u8)).unwrap();
        }
        draft.sign(self.sequence, &party(hospital)).unwrap()
    }

    pub fn column(&mut self) -> &mut Column<M> {
        self.index.column_mut(&self.space.id()).unwrap()
    }

    pub fn insert(&mut self, batch: &Batch<M, M::Upload>, now: Timestamp) -> Result<Inserted, InsertError> {
        let taken = M::try_upload(&self.between, batch, now)?;
        let inserted = self.column().insert(&taken, now)?;
        self.stored.push((batch.clone(), taken.head().clone()));
        Ok(inserted)
    }

    pub fn write(&mut self, place: u8, values: &[(u64, &str)]) {
        let batch = self.batch(place, values);
        let inserted = self.insert(&batch, NOW).unwrap();
        assert_eq!((inserted.added as usize, inserted.quarantined), (values.len(), 0));
    }

    pub fn token(&self, user: u8, query: &Query) -> Signed<Token<M, M::Question>> {
        let key = self.registrar.query_key(&self.root, &party(user).id()).unwrap();
        Token::new(&[(&key, query)], END, &party(user), &mut rng(2)).unwrap()
    }

    pub fn ask(&self, user: u8, query: &Query) -> Answer {
        self.try_ask(&self.token(user, query), NOW).unwrap()
    }

    pub fn try_ask(&self, token: &Signed<Token<M, M::Question>>, now: Timestamp) -> Result<Answer, QueryError> {
        self.index.query(&M::try_ask(&self.between, token, now)?, now)
    }

    /// Takes a roster, whoever takes rosters.
    pub fn hear(&mut self, roster: &Signed<Roster>, now: Timestamp) -> Result<(), RosterError> {
        M::hear(&mut self.between, self.index.column_mut(&self.space.id()).unwrap(), roster, now)
    }

    pub fn rosters(&mut self) -> &mut Rosters {
        M::rosters(&mut self.between, self.index.column_mut(&self.space.id()).unwrap())
    }

    /// The owner's list as things stand.
    pub fn announce(&mut self) {
        let roster = self.registrar.roster(validity(), &self.owner).unwrap();
        self.hear(&roster, NOW).unwrap();
    }

    /// A list of a provider's, of children under their first keys.
    pub fn list(&self, above: &Path, version: u64, below: &[u8], duty: Duty) -> Roster {
        let members = below.iter().map(|child| (Step { party: party(*child).id(), generation: 0 }, duty));
        Roster::new(self.space.id(), Some(above.clone()), version, validity(), members).unwrap()
    }

    /// Whether a hospital may write.
    pub fn writes(&self, hospital: u8) -> bool {
        self.registrar.path(&party(hospital).id()).is_ok()
    }

    /// The path of a place under the keys of now.
    pub fn now(&self, place: u8) -> Path {
        let path = Self::path(place);
        let hospital = self.registrar.path(&path.steps()[0].party).unwrap();
        path.steps()[1..].iter().fold(hospital, |path, step| path.child(*step).unwrap())
    }

    /// New keys for hospitals, and in the ordered mode for all; lists and values are brought over.
    pub fn renew(&mut self, hospitals: &[u8]) -> BTreeSet<PartyId> {
        let from = self.registrar.generation();
        let parties = hospitals.iter().map(|hospital| party(*hospital).id()).collect();
        let renewed = self.registrar.renew(&parties).unwrap();
        self.announce();
        M::renewed(self, from);
        for (above, below) in [(1, &[11, 12][..]), (12, &[121])] {
            if self.writes(1) {
                let roster = self.list(&self.now(above), 1, below, Duty::Writer);
                self.hear(&Signed::new(&party(above), roster), NOW).unwrap();
            }
        }
        renewed
    }

    /// A hospital is out with all that is below it.
    pub fn expel(&mut self, hospital: u8) -> u32 {
        self.registrar.expel(&party(hospital).id()).unwrap();
        self.announce();
        self.stored.retain(|(batch, _)| !batch.head().unverified().provider().is_within(&Self::path(hospital)));
        M::forget(&mut self.between, self.index.column_mut(&self.space.id()).unwrap(), &Self::path(hospital))
    }

    pub fn range(&self, user: u8, bounds: impl std::ops::RangeBounds<&'static str>) -> Vec<(u8, u64)> {
        found(&self.ask(user, &Query::range(self.space.encoder(), bounds).unwrap()))
    }
}

/// Places and record numbers of an answer, in ascending order.
pub fn found(answer: &Answer) -> Vec<(u8, u64)> {
    let place = |id: PartyId| Scene::<Federated>::places().into_iter().find(|seed| party(*seed).id() == id).unwrap();
    let number = |id: RecordId| u64::from_be_bytes(id.as_bytes()[8..].try_into().unwrap());
    let mut found: Vec<_> =
        answer.matches().iter().map(|found| (place(found.provider.last().party), number(found.record))).collect();
    found.sort_unstable();
    found
}

/// The batch with another head.
pub fn with_head<M: Search, F: Form>(batch: &Batch<M, F>, head: &Signed<BatchHead>) -> Batch<M, F> {
    let (bytes, old) = (batch.to_bytes(), batch.head().to_bytes());
    Batch::from_bytes(&[&bytes[..4], &head.to_bytes(), &bytes[4 + old.len()..]].concat()).unwrap()
}

/// A head whose bytes were changed, under a signature that fits again.
pub fn resigned(head: &Signed<BatchHead>, signer: &SigningKey, change: impl FnOnce(&mut Vec<u8>)) -> Signed<BatchHead> {
    let mut bytes = head.unverified().to_bytes();
    change(&mut bytes);
    Signed::new(signer, BatchHead::from_bytes(&bytes).unwrap())
}
