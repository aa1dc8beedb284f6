//! Providers that lie: the ordered mode keeps the order of what is honest, and says who is to be asked.

use rand_core::Rng;
use sesphr::encoding::{Encoding, Message};
use sesphr::hazmat::ristretto::{Element, Scalar};
use sesphr::hazmat::search::{number, range};
use sesphr::hazmat::search_ordered;
use sesphr::search::ordered::{Digests, Malformed, compare, inspect};
use sesphr::search::{Batch, Column, Draft, Encoder, End, Form, InsertError, Inserted, Match, Ordered, Search};

use crate::common::rng;
use crate::scene::{NOW, Route, Scene, USER, found, party, record};

const BITS: usize = 12;
/// Length of both points of a bit.
const BIT: usize = 64;

fn scene() -> Scene<Ordered> {
    Scene::new("8480-6", Encoder::integer(BITS as u8).unwrap())
}

fn points(scene: &Scene<Ordered>, place: u8, value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    Ordered::encrypt(&scene.key(place), &number(value), &mut rng(1), &mut out).unwrap();
    out
}

fn point(seed: u64) -> [u8; 32] {
    *Element::base(&Scalar::from_u64(seed)).encode().as_bytes()
}

/// The first bits of one number and the last of another.
fn spliced(scene: &Scene<Ordered>, place: u8, first: u64, last: u64, at: usize) -> Vec<u8> {
    [&points(scene, place, first)[..at * BIT], &points(scene, place, last)[at * BIT..]].concat()
}

/// A number whose V at one bit is of something else.
fn crooked(scene: &Scene<Ordered>, place: u8, value: u64, at: usize) -> Vec<u8> {
    let mut points = points(scene, place, value);
    points[at * BIT + 32..(at + 1) * BIT].copy_from_slice(&point(3 + at as u64));
    points
}

fn noise(seed: u64) -> Vec<u8> {
    (0..2 * BITS as u64).flat_map(|at| point(1000 * seed + at + 2)).collect()
}

fn say(
    scene: &mut Scene<Ordered>,
    place: u8,
    values: &[(u64, Vec<u8>)],
) -> Batch<Ordered, <Ordered as Search>::Upload> {
    scene.sequence += 1;
    let key = scene.key(place);
    let mut draft = Draft::<Ordered>::new(&key);
    for (at, points) in values {
        draft.add_encrypted(record(*at), points).unwrap();
    }
    draft.sign(scene.sequence, &party(place)).unwrap()
}

fn put(scene: &mut Scene<Ordered>, place: u8, at: u64, points: Vec<u8>) -> Inserted {
    let batch = say(scene, place, &[(at, points)]);
    scene.insert(&batch, NOW).unwrap()
}

fn take_out(scene: &mut Scene<Ordered>, place: u8, at: u64) -> Inserted {
    scene.sequence += 1;
    let key = scene.key(place);
    let mut draft = Draft::<Ordered>::new(&key);
    draft.remove(record(at));
    let batch = draft.sign(scene.sequence, &party(place)).unwrap();
    scene.insert(&batch, NOW).unwrap()
}

const ADDED: Inserted = Inserted { added: 1, quarantined: 0, removed: 0 };
const ASIDE: Inserted = Inserted { added: 0, quarantined: 1, removed: 0 };

/// Places and numbers of records.
type Named = Vec<(u8, u64)>;

/// Records in the order of their values over all providers, and those that have no place in it.
fn arranged(scene: &Scene<Ordered>) -> (Named, Named) {
    let answer = scene.ask(USER, &search_ordered::top(End::Smallest, 1000));
    let one =
        |one: &Match| (one.provider.last().party, u64::from_be_bytes(one.record.as_bytes()[8..].try_into().unwrap()));
    let place = |id| Scene::<Ordered>::places().into_iter().find(|seed| party(*seed).id() == id).unwrap();
    let (order, aside) = answer.matches().split_at(answer.in_order());
    let named = |matches: &[Match]| matches.iter().map(one).map(|(id, at)| (place(id), at)).collect();
    (named(order), named(aside))
}

fn in_order(scene: &Scene<Ordered>) -> Vec<(u8, u64)> {
    arranged(scene).0
}

/// All the ways to lie about a number that we know of.
fn lies(scene: &Scene<Ordered>, place: u8, value: u64) -> Vec<Vec<u8>> {
    let mut lies = Vec::from([noise(1), noise(2)]);
    for at in [0, 1, 5, BITS - 1] {
        lies.push(crooked(scene, place, value, at));
        lies.push(spliced(scene, place, value, !value & 0xfff, at.max(1)));
        // U of the other bit, with V as it was; and both exchanged.
        let mut other = points(scene, place, value);
        let (u, v) = (at * BIT..at * BIT + 32, at * BIT + 32..(at + 1) * BIT);
        let both = [&other[v.clone()], &other[u.clone()]].concat();
        other[at * BIT..(at + 1) * BIT].copy_from_slice(&both);
        lies.push(other.clone());
        let flipped = points(scene, place, value ^ 1 << (BITS - 1 - at));
        other[u.clone()].copy_from_slice(&flipped[u]);
        other[v.clone()].copy_from_slice(&points(scene, place, value)[v]);
        if differ(&other) {
            lies.push(other);
        }
    }
    lies
}

/// Whether no bit's points are equal: that the switcher refuses by itself.
fn differ(points: &[u8]) -> bool {
    points.chunks_exact(BIT).all(|bit| bit[..32] != bit[32..])
}

#[test]
fn whoever_comes_first_the_order_of_the_honest_is_theirs() {
    let values = [0_u64, 1, 0x7ff, 0x800, 0x801, 0x555, 0x554, 0xfff, 0x555];
    let blank = scene();
    for lie in lies(&blank, 3, 0x555) {
        for first in [true, false] {
            let mut scene = scene();
            if first {
                assert_eq!(put(&mut scene, 3, 99, lie.clone()), ADDED);
            }
            // Whatever is said before: nobody is kept out, nor learns from it what others have.
            for (at, value) in (0..).zip(values) {
                let honest = points(&scene, if at % 2 == 0 { 1 } else { 2 }, value);
                assert_eq!(put(&mut scene, if at % 2 == 0 { 1 } else { 2 }, at, honest), ADDED);
            }
            if !first {
                assert_eq!(put(&mut scene, 3, 99, lie.clone()), ADDED);
            }
            let (order, aside) = arranged(&scene);
            assert_eq!(order.len() + aside.len(), values.len() + 1);
            let honest = order.into_iter().filter(|(place, _)| *place != 3);
            assert!(honest.map(|(_, at)| values[at as usize]).is_sorted());
            // Ranges find what is honest, as if nobody had lied.
            for (lower, upper) in [(0, 0xfff), (0x555, 0x555), (0x554, 0x800), (2, 0x7fe)] {
                let found = found(&scene.ask(USER, &range(Some(lower), Some(upper))));
                let honest: Vec<_> = found.into_iter().filter(|(place, _)| *place != 3).map(|(_, at)| at).collect();
                let inside = |at: &u64| (lower..=upper).contains(&values[*at as usize]);
                let mut expected: Vec<_> = (0..values.len() as u64).filter(inside).collect();
                expected.sort_unstable_by_key(|at| (at % 2, *at));
                assert_eq!(honest, expected);
            }
            // As it is after being written down.
            let bytes = scene.column().to_bytes();
            let column = Column::from_bytes(&bytes).unwrap();
            assert!(column.to_bytes() == bytes);
            scene.index.set(column);
            // The liar goes, and everything honest is there.
            let path = Scene::<Ordered>::path(3);
            assert_eq!(scene.column().remove_where(|other| *other == path), 1);
            assert_eq!((scene.column().quarantine().count(), scene.column().len()), (0, values.len()));
            let order: Vec<_> = in_order(&scene).into_iter().map(|(_, at)| values[at as usize]).collect();
            let mut sorted = values;
            sorted.sort_unstable();
            assert_eq!(order, sorted);
        }
    }
}

#[test]
fn a_conflict_names_both_sides_and_the_owner_tells_who_lied() {
    let mut scene = scene();
    let lie = crooked(&scene, 3, 0x555, 4);
    assert_eq!(put(&mut scene, 3, 7, lie.clone()), ADDED);
    scene.write(2, &[(1, "-2048")]);
    // Others are not concerned, and the liar contradicts itself.
    let honest = points(&scene, 1, 0x555);
    assert_eq!(put(&mut scene, 1, 2, honest.clone()), ADDED);
    let own = points(&scene, 3, 0x555);
    assert_eq!(put(&mut scene, 3, 3, own), ASIDE);
    let [liar, one, two] = [3, 1, 2].map(Scene::<Ordered>::path);
    let (root, space) = (&scene.root, scene.space.clone());
    assert_eq!(inspect(root, &space, &liar, &lie).unwrap_err(), Malformed { level: 4 });
    assert_eq!(search_ordered::number(&inspect(root, &space, &one, &honest).unwrap()), Some(0x555));
    assert!(inspect(root, &space, &two, &honest).is_err());
    {
        let column = scene.column();
        let aside: Vec<_> = column.quarantine().collect();
        assert_eq!((aside.len(), aside[0].provider, aside[0].record, aside[0].level), (1, &liar, record(3), 4));
        assert_eq!(aside[0].against, [Match { provider: liar.clone(), record: record(7) }]);
        assert_eq!(aside[0].value.len(), Digests::len(&space.shape()));
        // Nothing shows as found what nobody finds.
        assert_eq!(column.evidence(&Match { provider: liar.clone(), record: record(3) }).count(), 0);
        assert_eq!(column.evidence(&Match { provider: liar.clone(), record: record(7) }).count(), 1);
        // Two hospitals say two things of one prefix: one of them has no place in the order.
        let contradicting = column.contradicting();
        assert_eq!(contradicting.len(), 1);
        assert!([liar.clone(), one.clone()].contains(&contradicting[0].provider));
    }
    assert_eq!(found(&scene.ask(USER, &range(None, None))), [(1, 2), (2, 1), (3, 7)]);
    // A third one settles it.
    let third = points(&scene, 2, 0x555);
    put(&mut scene, 2, 5, third);
    assert_eq!(scene.column().contradicting(), [Match { provider: liar.clone(), record: record(7) }]);
    assert_eq!(scene.column().remove_where(|other| *other == liar), 2);
    assert_eq!(scene.column().contradicting(), []);
    assert_eq!(found(&scene.ask(USER, &range(None, None))), [(1, 2), (2, 1), (2, 5)]);
    let shown = scene.column().evidence(&Match { provider: one, record: record(2) }).next().unwrap();
    assert!(shown.verify(&space, &party(99).id()).is_ok());
}

/// Two honest hospitals on two sides of a bit stand together against a third, whatever it is called.
#[test]
fn two_sides_that_fit_are_more_than_one_that_fits_neither() {
    for liar in 1..=3 {
        let mut scene = scene();
        put(&mut scene, liar, 9, noise(3));
        let mut honest: Vec<u8> = (1..=3).filter(|place| *place != liar).collect();
        for (at, (place, value)) in (0..).zip(honest.iter().zip([0x001, 0xffe])) {
            let points = points(&scene, *place, value);
            put(&mut scene, *place, at, points);
        }
        let expected: Vec<_> = honest.drain(..).zip(0..).collect();
        assert_eq!(arranged(&scene), (expected, Vec::from([(liar, 9)])));
    }
}

/// Majorities are of hospitals: as many departments as it likes give nobody a second voice.
#[test]
fn who_has_many_below_has_one_voice() {
    let mut scene = scene();
    for (at, place) in (0..).zip([1, 11, 12, 121]) {
        let lie = crooked(&scene, place, 0x555, 4);
        put(&mut scene, place, at, lie);
    }
    for (at, place) in (10..).zip([2, 3]) {
        let honest = points(&scene, place, 0x555);
        put(&mut scene, place, at, honest);
    }
    let (order, aside) = arranged(&scene);
    assert_eq!(order, [(2, 10), (3, 11)]);
    assert_eq!(aside.len(), 4);
    // Nor does it by saying the same again and again.
    let mut scene = self::scene();
    for at in 0..5 {
        let lie = crooked(&scene, 1, 0x555, 4);
        put(&mut scene, 1, at, lie);
    }
    for (at, place) in (10..).zip([2, 3]) {
        let honest = points(&scene, place, 0x555);
        put(&mut scene, place, at, honest);
    }
    assert_eq!(in_order(&scene), [(2, 10), (3, 11)]);
}

#[test]
fn a_circle_of_three_never_stands_in_the_order() {
    // Three values at the first bit: each is below the next, and the last below the first.
    let mut scene = scene();
    let edge = [point(10), point(11), point(12)];
    let circle: Vec<Vec<u8>> = (0..3_usize)
        .map(|at| [&edge[at][..], &edge[(at + 1) % 3], &points(&scene, 3, at as u64)[BIT..]].concat())
        .collect();
    let mut digests = Vec::new();
    for (at, points) in circle.iter().enumerate() {
        let batch = say(&mut scene, 3, &[(at as u64, points.clone())]);
        digests.push(Ordered::try_upload(&scene.between, &batch, NOW).unwrap().entries().next().unwrap().1.to_vec());
    }
    for at in 0..3 {
        assert_eq!(compare(&digests[at], &digests[(at + 1) % 3]), Ok(std::cmp::Ordering::Less));
    }
    for order in [[0, 1, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0], [0, 2, 1], [1, 0, 2]] {
        let mut scene = self::scene();
        assert_eq!(put(&mut scene, 3, 0, circle[order[0]].clone()), ADDED);
        assert_eq!(put(&mut scene, 3, 1, circle[order[1]].clone()), ADDED);
        assert_eq!(put(&mut scene, 3, 2, circle[order[2]].clone()), ASIDE);
        let column = scene.column();
        let aside = column.quarantine().next().unwrap();
        let records: Vec<_> = aside.against.iter().map(|found| found.record).collect();
        assert_eq!((aside.level, records.len()), (0, 2));
        assert!(records.contains(&record(0)) && records.contains(&record(1)));
        // With one of the two gone there is an order of two again.
        assert_eq!(take_out(&mut scene, 3, 0).removed, 1);
        assert_eq!((scene.column().len(), scene.column().quarantine().count()), (2, 0));
    }
}

#[test]
fn a_value_comes_out_when_the_last_that_it_contradicts_is_gone_and_not_before() {
    let mut scene = scene();
    let lie = crooked(&scene, 3, 0x555, 4);
    put(&mut scene, 3, 7, lie.clone());
    put(&mut scene, 3, 8, lie.clone());
    scene.write(3, &[(1, "-2048"), (2, "-2047")]);
    let honest = points(&scene, 3, 0x555);
    assert_eq!(put(&mut scene, 3, 3, honest), ASIDE);
    let against = |scene: &mut Scene<Ordered>| -> Vec<_> {
        scene.column().quarantine().flat_map(|aside| aside.against).map(|found| found.record).collect()
    };
    assert_eq!(against(&mut scene), [record(7)]);
    // Something else goes.
    take_out(&mut scene, 3, 1);
    assert_eq!(against(&mut scene), [record(7)]);
    // The one that it was held against goes, and its place is taken at once by something else.
    scene.sequence += 1;
    let key = scene.key(3);
    let mut draft = Draft::<Ordered>::new(&key);
    draft.remove(record(7)).add(record(9), &number(0xfff), &mut rng(1)).unwrap();
    let batch = draft.sign(scene.sequence, &party(3)).unwrap();
    assert_eq!(scene.insert(&batch, NOW).unwrap(), Inserted { added: 1, quarantined: 0, removed: 1 });
    assert_eq!(against(&mut scene), [record(8)]);
    take_out(&mut scene, 3, 8);
    assert_eq!(scene.column().quarantine().count(), 0);
    assert_eq!(in_order(&scene), [(3, 2), (3, 3), (3, 9)]);
}

#[test]
fn who_wrote_what_stands_aside_takes_it_out() {
    let mut scene = scene();
    for place in [1, 11] {
        let lie = crooked(&scene, place, 0x555, 4);
        assert_eq!(put(&mut scene, place, 7, lie), ADDED);
        let honest = points(&scene, place, 0x555);
        assert_eq!(put(&mut scene, place, 2, honest), ASIDE);
    }
    // Not another one's of the same record.
    assert_eq!(take_out(&mut scene, 2, 2).removed, 0);
    assert_eq!(take_out(&mut scene, 1, 2).removed, 1);
    assert_eq!(scene.column().quarantine().count(), 1);
    assert_eq!(take_out(&mut scene, 1, 2).removed, 0);
    // Expelled with its departments, also what stands aside goes; and it is in no encoding.
    assert_eq!(scene.expel(1), 3);
    assert_eq!((scene.column().quarantine().count(), scene.column().len()), (0, 0));
    assert!(Column::<Ordered>::from_bytes(&scene.column().to_bytes()).is_ok());
}

#[test]
fn what_is_no_value_at_all_does_not_pass_the_switcher() {
    let mut scene = scene();
    let honest = points(&scene, 1, 0x555);
    let key = scene.key(1);
    let mut draft = Draft::<Ordered>::new(&key);
    let mut equal = honest.clone();
    equal.copy_within(0..32, 32);
    let mut identity = honest.clone();
    identity[..32].fill(0);
    let mut none = honest.clone();
    none[..32].fill(0xff);
    for bytes in [&equal, &identity, &none, &honest[..honest.len() - 1].to_vec(), &Vec::new()] {
        assert!(draft.add_encrypted(record(1), bytes).is_err());
    }
    assert!(draft.sign(50, &party(1)).unwrap().entries().len() == 0);
    assert_eq!(put(&mut scene, 1, 1, honest), ADDED);
}

#[test]
fn who_comes_first_with_noise_hides_nobody() {
    let mut scene = scene();
    assert_eq!(put(&mut scene, 3, 1, noise(5)), ADDED);
    scene.write(1, &[(1, "5"), (2, "6")]);
    scene.write(2, &[(3, "7")]);
    assert_eq!(scene.range(USER, "5"..="6"), [(1, 1), (1, 2)]);
    let (order, aside) = arranged(&scene);
    assert_eq!((order, aside), (Vec::from([(1, 1), (1, 2), (2, 3)]), Vec::from([(3, 1)])));
    let liar = Scene::<Ordered>::path(3);
    assert!(inspect(&scene.root, &scene.space, &liar, &noise(5)).is_err());
    assert_eq!(scene.expel(3), 1);
    assert_eq!(scene.column().contradicting(), []);
}

#[test]
fn liars_among_many_change_nothing_for_the_others() {
    let mut scene = scene();
    let mut source = rng(41);
    let (mut at, mut values) = (0, Vec::new());
    let all = |scene: &Scene<Ordered>, value: u64| lies(scene, 3, value);
    for _ in 0..60 {
        let choice = source.next_u64();
        let value = [0x555, 0x554, 0xfff, choice >> 8 & 0xfff][choice as usize & 3];
        at += 1;
        match choice >> 2 & 3 {
            0 => {
                let lies = all(&scene, value);
                let lie = lies[(choice >> 20) as usize % lies.len()].clone();
                put(&mut scene, 3, at, lie);
            }
            1 if !values.is_empty() => {
                let (place, gone, _) = values.swap_remove((choice >> 20) as usize % values.len());
                assert_eq!(take_out(&mut scene, place, gone).removed, 1);
            }
            _ => {
                let place = [1, 2, 11, 121][(choice >> 30) as usize % 4];
                let honest = points(&scene, place, value);
                put(&mut scene, place, at, honest);
                values.push((place, at, value));
            }
        }
        let value = |at: u64| values.iter().find(|(_, other, _)| *other == at).unwrap().2;
        assert!(in_order(&scene).into_iter().filter(|(place, _)| *place != 3).map(|(_, at)| value(at)).is_sorted());
    }
    let batch = say(&mut scene, 3, &[(1, noise(1))]);
    let bytes = scene.column().to_bytes();
    let column = Column::<Ordered>::from_bytes(&bytes).unwrap();
    let aside = scene.column().quarantine().count();
    assert!(aside > 2 && scene.column().quarantine().all(|aside| aside.provider.last().party == party(3).id()));
    assert!(column.to_bytes() == bytes);
    scene.index.set(column);
    scene.expel(3);
    assert_eq!((scene.column().quarantine().count(), scene.column().len()), (0, values.len()));
    values.sort_unstable_by_key(|(_, _, value)| *value);
    let order = in_order(&scene).into_iter().map(|(_, at)| values.iter().find(|(_, other, _)| *other == at).unwrap().2);
    assert_eq!(order.collect::<Vec<_>>(), values.iter().map(|(_, _, value)| *value).collect::<Vec<_>>());
    // It does not come back.
    assert!(matches!(scene.insert(&batch, NOW), Err(InsertError::Gate(_))));
}
