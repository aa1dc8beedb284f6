//! Who takes part, and what everybody holds.

use std::collections::BTreeMap;

use getrandom::SysRng;
use sesphr::context::{Partition, RecordId};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::identity::Signed;
use sesphr::kapre::Kapre;
use sesphr::record::Sealer;
use sesphr::search::{
    Answer, Attribute, Batch, Draft, Duty, Encoder, Federated, Index, Match, Ordered, Path, Precision, Queries, Query,
    Registrar, Roster, Rosters, Space, SpaceId, Step, Token,
};
use sesphr::sharing::{Author, NotRead, Request, Role, SharedSearch, Update, User};

use crate::common::{DAY, START, Story, StoryError, World};
use crate::fhir::{self, Observation};

const MEDICAL: Partition = Partition::MEDICAL;

/// A hospital or a department: it signs, and has keys for search.
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) user: User,
    pub(crate) path: Path,
    federated: BTreeMap<SpaceId, sesphr::search::federated::WriteKey>,
    ordered: BTreeMap<SpaceId, sesphr::search::ordered::WriteKey>,
}

/// The two spaces of the story in one mode.
#[derive(Clone)]
pub(crate) struct Spaces<M> {
    /// HbA1c in per cent, to one decimal.
    pub(crate) value: Space<M>,
    /// When it was measured, to the minute.
    pub(crate) time: Space<M>,
}

/// A mode as the story runs on it.
pub(crate) trait Told: SharedSearch {
    const QUERIES: Queries;

    fn spaces(clinic: &Clinic) -> &Spaces<Self>;
    fn keys(place: &Place) -> &BTreeMap<SpaceId, Self::WriteKey>;
    fn keys_mut(place: &mut Place) -> &mut BTreeMap<SpaceId, Self::WriteKey>;
}

impl Told for Federated {
    const QUERIES: Queries = Queries::Ranges;

    fn spaces(clinic: &Clinic) -> &Spaces<Self> {
        &clinic.federated
    }

    fn keys(place: &Place) -> &BTreeMap<SpaceId, Self::WriteKey> {
        &place.federated
    }

    fn keys_mut(place: &mut Place) -> &mut BTreeMap<SpaceId, Self::WriteKey> {
        &mut place.federated
    }
}

impl Told for Ordered {
    const QUERIES: Queries = Queries::Ranges;

    fn spaces(clinic: &Clinic) -> &Spaces<Self> {
        &clinic.ordered
    }

    fn keys(place: &Place) -> &BTreeMap<SpaceId, Self::WriteKey> {
        &place.ordered
    }

    fn keys_mut(place: &mut Place) -> &mut BTreeMap<SpaceId, Self::WriteKey> {
        &mut place.ordered
    }
}

impl Place {
    pub(crate) fn key<M: Told>(&self, space: &Space<M>) -> Result<&M::WriteKey, StoryError> {
        Ok(M::keys(self).get(&space.id()).ok_or("no key")?)
    }
}

/// A record that was found, and what became of reading it.
pub(crate) type Read = (Match, Result<String, NotRead>);

/// Everybody.
pub(crate) struct Clinic {
    pub(crate) world: World,
    pub(crate) places: Vec<Place>,
    pub(crate) doctor: User,
    pub(crate) observations: Vec<Observation>,
    /// Where each observation was made, by place.
    performers: BTreeMap<RecordId, usize>,
    federated: Spaces<Federated>,
    ordered: Spaces<Ordered>,
}

fn spaces<M: Told>(world: &World) -> Result<Spaces<M>, StoryError> {
    let space = |name: &str, encoder| -> Result<Space<M>, StoryError> {
        let attribute = Attribute::new(name).ok_or("no attribute")?;
        Ok(Space::new(world.owner.id(), MEDICAL, attribute, encoder, M::QUERIES)?)
    };
    let (value, time) = (Encoder::decimal(1, 16)?, Encoder::date_time(Precision::Minute));
    Ok(Spaces { value: space("4548-4", value)?, time: space("4548-4.effective", time)? })
}

impl Clinic {
    pub(crate) fn new(story: &mut Story) -> Result<Self, StoryError> {
        let mut world = World::new(60 * DAY, 60 * DAY, |policy, chamber| {
            policy.trust(Role::Doctor, chamber);
        })?;
        let (organizations, observations) = fhir::read()?;
        let mut places: Vec<Place> = Vec::new();
        let mut numbers = BTreeMap::new();
        for organization in &organizations {
            let user = world.user()?;
            let step = Step { party: user.id(), generation: 0 };
            let path = match &organization.part_of {
                None => Path::new(step),
                Some(above) => {
                    let above: usize = *numbers.get(above).ok_or("part of nothing")?;
                    places[above].path.child(step)?
                }
            };
            let update = world.owner.set_author(user.id(), Author::Active, world.now, &mut SysRng)?;
            world.send(&update)?;
            numbers.insert(organization.reference.clone(), places.len());
            let (federated, ordered) = (BTreeMap::new(), BTreeMap::new());
            places.push(Place { name: organization.name.clone(), user, path, federated, ordered });
        }
        let performer = |o: &Observation| Some((o.record, *numbers.get(&o.performer)?));
        let performers = observations.iter().filter_map(performer).collect();
        let doctor = world.user()?;
        drop(world.join(&doctor, Role::Doctor, START)?);
        let (federated, ordered) = (spaces(&world)?, spaces(&world)?);
        let mut clinic = Self { world, places, doctor, observations, performers, federated, ordered };
        clinic.open::<Federated>()?;
        clinic.open::<Ordered>()?;
        clinic.hand_out()?;
        clinic.hand_down::<Federated>()?;
        clinic.hand_down::<Ordered>()?;
        let hospitals = clinic.places.iter().filter(|place| place.path.parent().is_none()).count();
        let departments = clinic.places.len() - hospitals;
        let all = clinic.observations.len();
        story.says(format_args!(
            "{hospitals} hospitals, {departments} departments, {all} observations of HbA1c (LOINC 4548-4)"
        ));
        Ok(clinic)
    }

    pub(crate) fn spaces<M: Told>(&self) -> Spaces<M> {
        <M as Told>::spaces(self).clone()
    }

    pub(crate) fn place(&self, name: &str) -> Result<&Place, StoryError> {
        Ok(self.places.iter().find(|place| place.name == name).ok_or("no such place")?)
    }

    /// The name of a place that an answer names.
    pub(crate) fn name(&self, path: &Path) -> &str {
        self.places.iter().find(|place| place.path.same_place(path)).map_or("?", |place| &place.name)
    }

    /// Who made an observation.
    pub(crate) fn performer(&self, record: RecordId) -> &str {
        self.performers.get(&record).map_or("?", |at| &self.places[*at].name)
    }

    /// Marta opens the spaces of a mode: hospitals write, and Dr. Amari may ask all of them.
    fn open<M: Told>(&mut self) -> Result<(), StoryError> {
        let (now, spaces) = (self.world.now, self.spaces::<M>());
        let scope: Vec<_> = self.places.iter().map(|place| place.path.clone()).collect();
        let hospitals: Vec<_> = scope.iter().filter(|path| path.parent().is_none()).collect();
        for space in [&spaces.value, &spaces.time] {
            let update = self.world.owner.open_space(space.clone(), now, &mut SysRng)?;
            self.world.send(&update)?;
            let change = |registrar: &mut Registrar<M>| {
                for hospital in &hospitals {
                    registrar.enroll(hospital.last().party)?;
                }
                registrar.admit(self.doctor.id(), &scope)
            };
            let (update, ()) = self.world.owner.change_space(&space.id(), now, &mut SysRng, change)?;
            self.world.send(&update)?;
        }
        Ok(())
    }

    /// Marta seals keys for search to hospitals and to the doctor; each opens its own.
    pub(crate) fn hand_out(&mut self) -> Result<(), StoryError> {
        let (owner, now, end) = (self.world.owner.id(), self.world.now, self.world.later(30 * DAY));
        let hospitals = self.places.iter_mut().filter(|place| place.path.parent().is_none());
        for user in hospitals.map(|place| &mut place.user).chain([&mut self.doctor]) {
            let grant = self.world.owner.search_keys(&user.id(), &user.bundle(1, end), now, &mut SysRng)?;
            user.take_search_keys(&owner, &Signed::from_bytes(&grant.to_bytes())?)?;
        }
        Ok(())
    }

    /// Hospitals make the keys of their departments.
    fn hand_down<M: Told>(&mut self) -> Result<(), StoryError> {
        let (owner, spaces) = (self.world.owner.id(), self.spaces::<M>());
        for space in [&spaces.value, &spaces.time] {
            for at in 0..self.places.len() {
                let path = self.places[at].path.clone();
                let key = match path.parent() {
                    None => self.places[at].user.write_key::<M>(&owner, &space.id()).ok_or("no key")?.to_secret_bytes(),
                    Some(above) => {
                        let above = self.places.iter().find(|place| place.path == above).ok_or("nobody above")?;
                        M::child_key(above.key(space)?, path.last())?.to_secret_bytes()
                    }
                };
                M::keys_mut(&mut self.places[at]).insert(space.id(), M::WriteKey::from_bytes(&key)?);
            }
        }
        Ok(())
    }

    /// What a hospital says of its departments, for who lets them in.
    pub(crate) fn rosters<M: Told>(&self, space: &Space<M>) -> Result<Vec<Signed<Roster>>, StoryError> {
        let mut rosters = Vec::new();
        for hospital in &self.places {
            let below = self.places.iter().filter(|place| place.path.parent().as_ref() == Some(&hospital.path));
            let members: Vec<_> = below.map(|place| (place.path.last(), Duty::Writer)).collect();
            if !members.is_empty() {
                let validity = self.world.validity(30 * DAY)?;
                let roster = Roster::new(space.id(), Some(hospital.path.clone()), 1, validity, members)?;
                rosters.push(Signed::new(hospital.user.signing(), roster));
            }
        }
        Ok(rosters)
    }

    /// Marta's newest rosters.
    pub(crate) fn published(&mut self) -> Result<Update, StoryError> {
        let update = self.world.owner.publish(self.world.now, &mut SysRng)?;
        self.world.send(&update)?;
        Ok(update)
    }

    /// The cloud hears of a roster, if it is of a space that it has.
    pub(crate) fn spread(&self, index: &mut Index<Federated>, roster: &Signed<Roster>) -> Result<(), StoryError> {
        if let Some(column) = index.column_mut(&roster.unverified().space()) {
            column.gate_mut().update(roster, self.world.now)?;
        }
        Ok(())
    }

    /// Who measured seals each observation as a record of Marta's, and stores it.
    pub(crate) fn write_records(&mut self, story: &mut Story) -> Result<(), StoryError> {
        let directory = self.world.directory()?;
        let place = directory.place(&MEDICAL).ok_or("no such partition")?;
        for observation in &self.observations {
            let author = &self.places[self.performers[&observation.record]].user;
            let sealer = Sealer::<Kapre>::new(&self.world.params, place.key(), place.label(), author.signing());
            let sealed = sealer.seal(observation.record, 1, observation.text.as_bytes(), &mut SysRng)?;
            self.world.cloud.upload(&sealed, self.world.now)?;
        }
        let stored = self.world.cloud.list(&self.world.owner.id())?.len();
        story.check("every observation is sealed and stored", stored == self.observations.len());
        Ok(())
    }

    /// Each place's values of one space, encrypted and signed.
    pub(crate) fn batches<M: Told>(
        &self,
        space: &Space<M>,
        value: impl Fn(&Observation) -> &str,
    ) -> Result<Vec<Batch<M, M::Upload>>, StoryError> {
        let mut batches = Vec::new();
        for (at, place) in self.places.iter().enumerate() {
            let mut draft = Draft::<M>::new(place.key(space)?);
            for observation in self.observations.iter().filter(|o| self.performers[&o.record] == at) {
                draft.add(observation.record, &space.encoder().parse(value(observation))?, &mut SysRng)?;
            }
            let batch = draft.sign(1, place.user.signing())?;
            batches.push(Batch::from_bytes(&batch.to_bytes())?);
        }
        Ok(batches)
    }

    /// The question of the story, as one token.
    pub(crate) fn token<M: Told>(&self, asker: &User) -> Result<Signed<Token<M, M::Question>>, StoryError> {
        let (owner, spaces) = (self.world.owner.id(), self.spaces::<M>());
        let key = |space: &Space<M>| asker.query_key::<M>(&owner, &space.id()).ok_or("no key");
        let above = (std::ops::Bound::Excluded("7.5"), std::ops::Bound::Unbounded);
        let queries =
            (Query::range(spaces.value.encoder(), above)?, Query::range(spaces.time.encoder(), "2023"..="2023")?);
        let queries = [(key(&spaces.value)?, &queries.0), (key(&spaces.time)?, &queries.1)];
        let token = Token::<M, _>::new(&queries, self.world.later(DAY), asker.signing(), &mut SysRng)?;
        Ok(Signed::from_bytes(&token.to_bytes())?)
    }

    /// The records that answer it, from the plaintext, by someone who has never heard of indexes.
    pub(crate) fn expected(&self) -> Result<Vec<RecordId>, StoryError> {
        let mut expected = Vec::new();
        for observation in &self.observations {
            let value: f64 = observation.value.parse()?;
            // What is written with another offset than UTC here, is of the night of a new year.
            let utc = match observation.at.as_str() {
                "2023-01-01T00:10:00+01:00" => "2022",
                "2024-01-01T00:30:00+01:00" => "2023",
                other => &other[..4],
            };
            if value > 7.5 && utc == "2023" {
                expected.push(observation.record);
            }
        }
        expected.sort_unstable();
        Ok(expected)
    }

    /// Dr. Amari reads what was found.
    pub(crate) fn read<M: Told>(&mut self, space: &Space<M>, answer: &Answer) -> Result<Vec<Read>, StoryError> {
        let (directory, now) = (self.world.directory()?, self.world.now);
        let World { server, cloud, .. } = &mut self.world;
        let name = server.id();
        let reencrypt = |request: &Signed<Request<Kapre>>| server.reencrypt(request, now, &mut SysRng);
        let read = self.doctor.read_found(&directory, space, answer, cloud, name, reencrypt, now, &mut SysRng);
        let text = |text: sesphr::record::Plaintext| String::from_utf8_lossy(&text).into_owned();
        Ok(read.into_iter().map(|(found, read)| (found, read.map(text))).collect())
    }

    /// The gate of a cloud that answers Dr. Amari whatever Marta says.
    pub(crate) fn disobedient(&self, space: &Space<Federated>) -> Result<Rosters, StoryError> {
        let mut registrar = self.world.owner.space::<Federated>(&space.id()).ok_or("no space")?.clone();
        let scope: Vec<_> = self.places.iter().map(|place| place.path.clone()).collect();
        registrar.admit(self.doctor.id(), &scope)?;
        let mut rosters = Rosters::new(space);
        let roster = registrar.roster(self.world.validity(DAY)?, self.world.owner.signing())?;
        rosters.update(&roster, self.world.now)?;
        Ok(rosters)
    }
}
