//! Whatever happens in whatever order, a query finds what somebody with all the plaintext would find.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rand_core::Rng;
use sesphr::context::RecordId;
use sesphr::encoding::{Encoding, Message};
use sesphr::hazmat::search::{number, range};
use sesphr::hazmat::search_ordered::top;
use sesphr::identity::PartyId;
use sesphr::search::{Column, Draft, Duty, Encoder, End, Federated, Mode, Ordered, Query, Registrar};

use crate::common::rng;
use crate::scene::{LESSER, NOW, Route, Scene, USER, found, party, record};

/// May ask hospital 1.
const THIRD: u8 = 52;
const BITS: u8 = 12;
const MAX: u64 = (1 << BITS) - 1;

/// A value that somebody wrote: place, generation of the hospital's key, record, number.
type Fact = (u8, u32, u64, u64);

/// What happens, from random bytes.
#[derive(Clone, Copy, Debug)]
struct Event {
    kind: u8,
    place: u8,
    a: u64,
    b: u64,
    record: u64,
}

struct World<M: Route> {
    scene: Scene<M>,
    facts: Vec<Fact>,
    /// Hospitals that are neither retired nor expelled.
    active: BTreeSet<u8>,
    expelled: BTreeSet<u8>,
}

fn hospital(place: u8) -> u8 {
    if place > 3 { 1 } else { place }
}

impl<M: Route> World<M> {
    fn new() -> Self {
        let mut scene = Scene::<M>::new("8867-4", Encoder::integer(BITS).unwrap());
        scene.admit_third();
        Self { scene, facts: Vec::new(), active: BTreeSet::from([1, 2, 3]), expelled: BTreeSet::new() }
    }

    fn write(&mut self, event: Event) {
        let place = event.place;
        let Event { a, b, record: at, .. } = event;
        let entries = [(at, a), (at, b), (at + 1, a ^ 1), (at + 2, a)];
        let entries = &entries[..(event.kind as usize % 4) + 1];
        let removed = event.b.is_multiple_of(3).then_some(at);
        if !self.active.contains(&hospital(place)) {
            // There is no key of now for it.
            return;
        }
        self.scene.sequence += 1;
        let (key, sequence) = (self.scene.key(place), self.scene.sequence);
        let mut draft = Draft::<M>::new(&key);
        for (at, value) in entries {
            draft.add(record(*at), &number(*value), &mut rng(event.kind)).unwrap();
        }
        removed.into_iter().for_each(|at| {
            draft.remove(record(at));
        });
        let batch = draft.sign(sequence, &party(place)).unwrap();
        let before = self.facts.len();
        self.facts.retain(|(of, _, at, _)| *of != place || removed != Some(*at));
        let inserted = self.scene.insert(&batch, NOW).unwrap();
        assert_eq!((inserted.added as usize, inserted.quarantined), (entries.len(), 0));
        assert_eq!(inserted.removed as usize, before - self.facts.len());
        let generation = self.scene.now(place).steps()[0].generation;
        self.facts.extend(entries.iter().map(|(at, value)| (place, generation, *at, *value)));
    }

    fn happen(&mut self, event: Event) {
        let one = hospital(event.place);
        match event.kind {
            // A hospital with departments stays, mostly.
            200..=205 if self.active.len() > 1 && self.active.remove(&one) => {
                self.scene.registrar.retire(&party(one).id()).unwrap();
                self.scene.announce();
            }
            206..=211 if one != 1 && self.active.len() > 1 && !self.expelled.contains(&one) => {
                self.active.remove(&one);
                self.expelled.insert(one);
                let before = self.facts.len();
                self.facts.retain(|(place, ..)| hospital(*place) != one);
                let swept = self.scene.expel(one);
                assert_eq!(swept as usize, before - self.facts.len());
            }
            212..=219 => {
                self.scene.renew(&[one]);
                if M::MODE == Mode::Ordered {
                    let generation = self.scene.registrar.generation();
                    self.facts.iter_mut().for_each(|fact| fact.1 = generation);
                }
            }
            220..=226 if M::MODE == Mode::Federated => {
                self.scene.registrar.settle();
                self.scene.announce();
                let listed: BTreeSet<_> = self.scene.registrar.providers().map(|(step, _)| step).collect();
                let before = self.facts.len();
                self.facts.retain(|(place, generation, ..)| {
                    listed
                        .iter()
                        .any(|step| step.party == party(hospital(*place)).id() && step.generation == *generation)
                });
                assert_eq!(self.scene.column().sweep() as usize, before - self.facts.len());
            }
            227..=235 => {
                let bytes = self.scene.column().to_bytes();
                let column = Column::<M>::from_bytes(&bytes).unwrap();
                assert_eq!(column.to_bytes(), bytes);
                self.scene.index.set(column);
                let registrar = Registrar::<M>::from_bytes(&self.scene.registrar.to_bytes()).unwrap();
                assert_eq!(registrar, self.scene.registrar);
                self.scene.registrar = registrar;
            }
            236..=255 => {}
            _ => self.write(event),
        }
        assert_eq!(self.scene.column().len(), self.facts.len());
    }

    /// Whether a user may find what is in a place.
    fn sees(&self, user: u8, place: u8) -> bool {
        let below = M::MODE == Mode::Ordered;
        match user {
            USER => true,
            LESSER => place == 2,
            _ => place == 1 || (below && hospital(place) == 1),
        }
    }

    fn asks(&self, user: u8) -> bool {
        self.scene.registrar.askers().any(|(asker, _)| *asker == party(user).id())
    }

    fn compare(&self, lower: Option<u64>, upper: Option<u64>) {
        if lower.zip(upper).is_some_and(|(lower, upper)| lower > upper) {
            return;
        }
        for user in [USER, LESSER, THIRD] {
            if !self.asks(user) {
                continue;
            }
            let answer = self.scene.ask(user, &range(lower, upper));
            let inside = |value: &u64| lower.is_none_or(|l| l <= *value) && upper.is_none_or(|u| *value <= u);
            let of = self.facts.iter().filter(|(place, _, _, value)| self.sees(user, *place) && inside(value));
            let expected: BTreeSet<_> = of.map(|(place, _, at, _)| (*place, *at)).collect();
            assert_eq!(found(&answer), expected.iter().copied().collect::<Vec<_>>(), "{user} {lower:?} {upper:?}");
            let per_provider: usize = answer.by_provider().values().map(Vec::len).sum();
            assert_eq!(per_provider, expected.len());
            if M::MODE == Mode::Ordered {
                self.is_sorted(&answer, inside);
            }
        }
    }

    /// A range gives each provider's records in the order of its values: a record stands where its smallest one inside does.
    fn is_sorted(&self, answer: &sesphr::search::Answer, inside: impl Fn(&u64) -> bool) {
        let smallest = |place: PartyId, id: RecordId| {
            let of = |fact: &&Fact| party(fact.0).id() == place && record(fact.2) == id && inside(&fact.3);
            self.facts.iter().filter(of).map(|fact| fact.3).min().unwrap()
        };
        for (provider, records) in answer.by_provider() {
            assert!(records.iter().map(|id| smallest(provider.last().party, *id)).is_sorted());
        }
    }

    fn tops(&self, count: u32) {
        if M::MODE != Mode::Ordered || !self.asks(USER) {
            return;
        }
        for end in [End::Smallest, End::Greatest] {
            let answer = self.scene.ask(USER, &top(end, count));
            let mut values: Vec<_> = self.facts.iter().map(|fact| fact.3).collect();
            values.sort_unstable();
            if end == End::Greatest {
                values.reverse();
            }
            values.truncate(count as usize);
            let mut left = values.clone();
            // Values are counted before records are named once.
            assert!(answer.matches().len() <= values.len() && (values.is_empty() || !answer.matches().is_empty()));
            for found in answer.matches() {
                let of =
                    |fact: &&Fact| party(fact.0).id() == found.provider.last().party && record(fact.2) == found.record;
                let at = left.iter().position(|value| self.facts.iter().filter(of).any(|fact| fact.3 == *value));
                left.remove(at.expect("one of the values at that end"));
            }
        }
    }
}

impl<M: Route> Scene<M> {
    /// Admitted before anything happens: in the ordered mode with the first keys.
    fn admit_third(&mut self) {
        self.registrar.admit(party(THIRD).id(), &[Self::path(1)]).unwrap();
        // The others stay; in the ordered mode the switcher hears of the new one by the way of a renewal.
        self.renew(&[]);
    }
}

fn run<M: Route>(events: &[Event]) {
    let mut world = World::<M>::new();
    for event in events {
        world.happen(*event);
        if event.kind >= 227 {
            let (a, b) = (event.a.min(event.b), event.a.max(event.b));
            world.compare(Some(a), Some(b));
            world.compare(Some(a), None);
            world.compare(None, Some(b));
            world.compare(Some(a), Some(a));
            world.tops(event.record as u32 % 5 + 1);
        }
    }
    world.compare(None, None);
    for fact in world.facts.clone() {
        world.compare(Some(fact.3), Some((fact.3 + 1).min(MAX)));
    }
}

/// Equal, neighbours, extremes, powers of two and their neighbours; and any.
fn adversarial(choice: u64) -> u64 {
    let bit = 1 << ((choice >> 3 & 0xff) % u64::from(BITS));
    match choice & 7 {
        0 => 0,
        1 => MAX,
        2 => bit,
        3 => bit - 1,
        4 => MAX - bit,
        5 => MAX / 2 + (choice >> 8 & 1),
        6 => 1234,
        _ => choice >> 8 & MAX,
    }
}

fn event(bytes: u64, choices: [u64; 2]) -> Event {
    let places = Scene::<Federated>::places();
    Event {
        kind: bytes as u8,
        place: places[(bytes >> 8) as usize % places.len()],
        a: adversarial(choices[0]),
        b: adversarial(choices[1]),
        record: bytes >> 16 & 7,
    }
}

fn events(len: usize) -> impl Strategy<Value = Vec<Event>> {
    let one = (any::<u64>(), any::<[u64; 2]>()).prop_map(|(bytes, choices)| event(bytes, choices));
    proptest::collection::vec(one, 1..len)
}

fn long<M: Route>(seed: u8, len: usize) {
    let mut rng = rng(seed);
    let events: Vec<_> = (0..len).map(|_| event(rng.next_u64(), [rng.next_u64(), rng.next_u64()])).collect();
    run::<M>(&events);
}

#[test]
fn a_long_day_in_the_federated_mode() {
    long::<Federated>(7, 150);
    long::<Federated>(8, 150);
}

#[test]
fn a_long_day_in_the_ordered_mode() {
    long::<Ordered>(9, 60);
}

#[test]
fn codes_are_found_whole_and_by_prefix_over_all_providers() {
    let mut scene = Scene::<Federated>::codes("icd-10", Encoder::code(&[1, 3]).unwrap());
    let codes = ["E11", "E11.9", "E10", "I10", "E", "e11"];
    let mut facts = BTreeMap::new();
    for (at, (code, place)) in (0..).zip(codes.iter().zip([1, 11, 2, 121, 3, 12])) {
        scene.write(place, &[(at, code)]);
        facts.insert((place, at), *code);
    }
    let expect = |wanted: &dyn Fn(&str) -> bool| -> Vec<_> {
        facts.iter().filter(|(_, code)| wanted(code)).map(|(key, _)| *key).collect()
    };
    let encoder = *scene.space.encoder();
    for code in codes {
        let point = Query::point(&encoder, code).unwrap();
        assert_eq!(found(&scene.ask(USER, &point)), expect(&|other| other == code));
    }
    for prefix in ["E", "E11", "I10", "e11"] {
        let query = Query::prefix(&encoder, prefix).unwrap();
        let long_enough = |code: &str| code.len() >= prefix.len() && code.starts_with(prefix);
        assert_eq!(found(&scene.ask(USER, &query)), expect(&long_enough), "{prefix}");
    }
}

#[test]
fn a_renewed_hospital_that_retires_stays_retired() {
    // What a random run rarely meets.
    let mut world = World::<Federated>::new();
    let write = |place, a| Event { kind: 0, place, a, b: 1, record: 3 };
    world.happen(write(2, 5));
    world.scene.renew(&[2]);
    world.happen(write(2, 6));
    world.scene.registrar.retire(&party(2).id()).unwrap();
    world.scene.announce();
    assert!(
        world
            .scene
            .registrar
            .providers()
            .filter(|(step, _)| step.party == party(2).id())
            .all(|(_, duty)| duty == Duty::Former)
    );
    world.compare(None, None);
    world.happen(Event { kind: 220, ..write(2, 0) });
    world.compare(None, None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.div_ceil(16)))]

    #[test]
    fn any_order_in_the_federated_mode(events in events(40)) {
        run::<Federated>(&events);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.div_ceil(100)))]

    #[test]
    fn any_order_in_the_ordered_mode(events in events(20)) {
        run::<Ordered>(&events);
    }
}
