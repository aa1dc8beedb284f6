//! What is written down is read again as it was, and nothing that could not have been written.

use sesphr::encoding::{Encoding, Message, Reader};
use sesphr::error::DecodeError;
use sesphr::hazmat::search::number;
use sesphr::hazmat::search_ordered::top;
use sesphr::identity::Signed;
use sesphr::search::{
    Answer, Attribute, Batch, BatchHead, Column, Draft, Encoder, End, Federated, Form, Ordered, Precision, Queries,
    Registrar, Roster, Search, Space, SpaceError,
};

use crate::common::rng;
use crate::scene::{NOW, Route, Scene, USER, party, record, resigned};

/// A column taken apart.
#[derive(Clone)]
struct Parts {
    front: Vec<u8>,
    providers: Vec<Vec<u8>>,
    batches: Vec<Vec<u8>>,
    entries: Vec<Vec<u8>>,
    aside: Vec<Vec<u8>>,
}

impl Parts {
    fn of<M: Route>(scene: &mut Scene<M>) -> Self {
        let len = 24 + M::Stored::len(&scene.space.shape());
        let rosters = 4 + scene.rosters().signed().map(|roster| roster.to_bytes().len()).sum::<usize>();
        let gate = if M::MODE == sesphr::search::Mode::Ordered { 36 + rosters } else { rosters };
        let bytes = scene.column().to_bytes();
        let (front, rest) = bytes.split_at(4 + scene.space.to_bytes().len() + gate);
        let mut reader = Reader::new(rest);
        let mut many = |read: &dyn Fn(&mut Reader<'_>) -> Vec<u8>| -> Vec<Vec<u8>> {
            let count = reader.u32().unwrap();
            (0..count).map(|_| read(&mut reader)).collect()
        };
        let providers = many(&|reader| {
            let [depth] = reader.array().unwrap();
            [&[depth], reader.take(36 * usize::from(depth) + 8).unwrap()].concat()
        });
        let batches = many(&|reader| {
            let head = Signed::<BatchHead>::read(reader).unwrap();
            [head.to_bytes(), reader.take(32 * head.unverified().count() as usize).unwrap().to_vec()].concat()
        });
        let entries = many(&|reader| reader.take(len).unwrap().to_vec());
        let aside = many(&|reader| reader.take(len).unwrap().to_vec());
        assert_eq!(reader.remaining(), 0);
        Self { front: front.to_vec(), providers, batches, entries, aside }
    }

    fn read<M: Route>(&self) -> Result<Column<M>, DecodeError> {
        let mut out = self.front.clone();
        for part in [&self.providers, &self.batches, &self.entries, &self.aside] {
            out.extend((part.len() as u32).to_be_bytes());
            part.iter().for_each(|item| out.extend(item));
        }
        Column::from_bytes(&out)
    }

    fn refused<M: Route>(&self, change: impl FnOnce(&mut Self)) {
        let mut changed = self.clone();
        change(&mut changed);
        assert_eq!(changed.read::<M>().map(|_| ()).unwrap_err(), DecodeError::Value);
    }
}

/// Two hospitals with a department, of which one value was taken out; and one that stands aside where the mode has it.
fn scene<M: Route>() -> Scene<M> {
    let mut scene = Scene::<M>::new("29463-7", Encoder::integer(12).unwrap());
    scene.write(1, &[(1, "5"), (2, "6"), (3, "5")]);
    scene.write(11, &[(4, "7")]);
    scene.write(2, &[(5, "5")]);
    scene.write(1, &[(6, "5")]);
    let key = scene.key(1);
    let mut draft = Draft::<M>::new(&key);
    draft.remove(record(2)).add(record(7), &number(9), &mut rng(1)).unwrap();
    scene.sequence += 1;
    let batch = draft.sign(scene.sequence, &party(1)).unwrap();
    assert_eq!(scene.insert(&batch, NOW).unwrap().removed, 1);
    scene
}

fn columns<M: Route>() {
    let mut scene = scene::<M>();
    let parts = Parts::of(&mut scene);
    assert_eq!((parts.providers.len(), parts.batches.len(), parts.entries.len(), parts.aside.len()), (3, 5, 6, 0));
    let bytes = scene.column().to_bytes();
    let column = parts.read::<M>().unwrap();
    assert!(column.to_bytes() == bytes);
    assert_eq!((column.len(), column.counts()), (scene.column().len(), scene.column().counts()));
    assert_eq!((column.space(), column.gate()), (&scene.space.clone(), scene.column().gate()));

    parts.refused::<M>(|parts| parts.entries.push(parts.entries[0].clone()));
    parts.refused::<M>(|parts| parts.aside.push(parts.entries[0].clone()));
    // It does not contradict anything.
    parts.refused::<M>(|parts| {
        let entry = parts.entries.remove(1);
        parts.aside.push(entry);
    });
    // Another batch, one that is not there, another position, one that is not there, another record, another value.
    for (at, byte) in [(3, 1), (3, 99), (7, 1), (7, 99), (23, 1), (24, 1)] {
        parts.refused::<M>(|parts| parts.entries[0][at] ^= byte);
    }
    // A batch of a provider that is not known, or whose count was not there yet.
    for at in 0..3 {
        parts.refused::<M>(|parts| drop(parts.providers.remove(at)));
        parts.refused::<M>(|parts| parts.providers[at].iter_mut().rev().take(8).for_each(|byte| *byte = 0));
    }
    parts.refused::<M>(|parts| parts.providers.swap(0, 1));
    parts.refused::<M>(|parts| parts.providers.insert(1, parts.providers[0].clone()));
    // Who signed, what was signed, and its hashes.
    for at in 0..parts.batches.len() {
        let head = Signed::<BatchHead>::read(&mut Reader::new(&parts.batches[at])).unwrap();
        let len = head.to_bytes().len();
        parts.refused::<M>(|parts| parts.batches[at][len - 1] ^= 1);
        parts.refused::<M>(|parts| parts.batches[at][len] ^= 1);
        let forged = Signed::new(&party(77), head.unverified().clone()).to_bytes();
        parts.refused::<M>(|parts| drop(parts.batches[at].splice(..len, forged)));
    }
    // The hash of a value that was taken out: with another one the root is another.
    let first = head_of(&parts, 0);
    assert_eq!((first.sequence(), first.count()), (1, 3));
    parts.refused::<M>(|parts| {
        let end = parts.batches[0].len();
        parts.batches[0][end - 2 * 32] ^= 1;
    });
    // A batch of which nothing is left, and one that comes twice or out of order.
    parts.refused::<M>(|parts| parts.entries.retain(|entry| entry[3] != 1));
    parts.refused::<M>(|parts| {
        parts.batches.push(parts.batches[1].clone());
        let mut entry = parts.entries.iter().find(|entry| entry[3] == 1).unwrap().clone();
        entry[3] = 5;
        parts.entries.push(entry);
    });
    let of_one: Vec<_> = (0..5).filter(|at| head_of(&parts, *at).provider() == &Scene::<M>::path(1)).collect();
    parts.refused::<M>(|parts| {
        let (a, b) = (of_one[0], of_one[1]);
        parts.batches.swap(a, b);
        for entry in &mut parts.entries {
            entry[3] = if entry[3] == a as u8 {
                b as u8
            } else if entry[3] == b as u8 {
                a as u8
            } else {
                entry[3]
            };
        }
    });
    // Of another space, and of another shape, said by who signs: nothing else is wrong.
    let at = (0..5).find(|at| head_of(&parts, *at).provider() == &Scene::<M>::path(2)).unwrap();
    let head = Signed::<BatchHead>::read(&mut Reader::new(&parts.batches[at])).unwrap();
    let signer = party(if M::MODE == sesphr::search::Mode::Ordered { 99 } else { 2 });
    let with = |head: &Signed<BatchHead>, leaf: &[u8]| [&head.to_bytes()[..], leaf].concat();
    let hash = &parts.batches[at][head.to_bytes().len()..];
    let same = with(&resigned(&head, &signer, |_| {}), hash);
    assert_eq!(same, parts.batches[at]);
    for (byte, value) in [(4, 0), (4 + 32 + 37 + 8 + 32, 16)] {
        let other = resigned(&head, &signer, |bytes| bytes[byte] = if value == 0 { !bytes[byte] } else { value });
        parts.refused::<M>(|parts| parts.batches[at] = with(&other, hash));
    }
    // A value that is none, signed by who wrote it.
    let entry = parts.entries.iter().position(|entry| usize::from(entry[3]) == at).unwrap();
    let mut none = parts.entries[entry].clone();
    none[24..].fill(0xff);
    let leaf = leaf(&none[8..]);
    let other = resigned(&head, &signer, |bytes| {
        let root = bytes.len() - 32;
        bytes[root..].copy_from_slice(&leaf);
    });
    for aside in [false, true] {
        parts.refused::<M>(|parts| {
            parts.batches[at] = with(&other, &leaf);
            parts.entries[entry] = none.clone();
            if aside {
                let none = parts.entries.remove(entry);
                parts.aside.push(none);
            }
        });
    }
    for len in [0, 3, 40, bytes.len() / 2, bytes.len() - 1] {
        assert!(Column::<M>::from_bytes(&bytes[..len]).is_err());
    }
    assert_eq!(Column::<M>::from_bytes(&[&bytes[..], &[0]].concat()).unwrap_err(), DecodeError::TrailingBytes);
}

/// The hash of a record and its value in a batch, and the root of a batch that has nothing else.
fn leaf(entry: &[u8]) -> [u8; 32] {
    let key = sesphr::hazmat::hash::wide("sesphr v1 merkle entries", &[b"leaf"]);
    *blake3::keyed_hash(key[..32].try_into().unwrap(), entry).as_bytes()
}

fn head_of(parts: &Parts, at: usize) -> BatchHead {
    Signed::<BatchHead>::read(&mut Reader::new(&parts.batches[at])).unwrap().unverified().clone()
}

#[test]
fn a_column_is_read_as_it_was_written_or_not_at_all() {
    columns::<Federated>();
    columns::<Ordered>();
}

#[test]
fn what_stands_aside_has_to_contradict_and_what_is_found_must_not() {
    let mut scene = scene::<Ordered>();
    scene.write(3, &[(8, "5")]);
    let mut points = Vec::new();
    Ordered::encrypt(&scene.key(3), &number(2048 + 5), &mut rng(1), &mut points).unwrap();
    let (u, v) = (points[..32].to_vec(), points[32..64].to_vec());
    points[..64].copy_from_slice(&[v, u].concat());
    let key = scene.key(3);
    let mut draft = Draft::<Ordered>::new(&key);
    draft.add_encrypted(record(9), &points).unwrap();
    let batch = draft.sign(60, &party(3)).unwrap();
    assert_eq!(scene.insert(&batch, NOW).unwrap().quarantined, 1);
    let parts = Parts::of(&mut scene);
    assert_eq!(parts.aside.len(), 1);
    let column = parts.read::<Ordered>().unwrap();
    assert!(column.to_bytes() == scene.column().to_bytes());
    assert_eq!(column.quarantine().map(|aside| (aside.record, aside.level)).collect::<Vec<_>>(), [(record(9), 0)]);
    parts.refused::<Ordered>(|parts| parts.entries.push(parts.aside[0].clone()));
    parts.refused::<Ordered>(|parts| {
        let aside = parts.aside.remove(0);
        parts.entries.push(aside);
    });
    parts.refused::<Ordered>(|parts| parts.aside.push(parts.aside[0].clone()));
    parts.refused::<Ordered>(|parts| parts.aside[0][30] ^= 1);
    parts.refused::<Ordered>(|parts| parts.aside.clear());
}

/// The lists of a column in the federated mode.
#[test]
fn the_lists_in_a_column_are_signed_in_order_and_of_the_space() {
    let mut scene = scene::<Federated>();
    let rosters: Vec<Signed<Roster>> = scene.rosters().signed().cloned().collect();
    let parts = Parts::of(&mut scene);
    let lists = |rosters: &[Signed<Roster>]| {
        let mut changed = parts.clone();
        changed.front.truncate(4 + scene.space.to_bytes().len());
        changed.front.extend((rosters.len() as u32).to_be_bytes());
        rosters.iter().for_each(|roster| changed.front.extend(roster.to_bytes()));
        changed.read::<Federated>().map(|_| ())
    };
    assert_eq!((rosters.len(), lists(&rosters)), (3, Ok(())));
    let mut swapped = rosters.clone();
    swapped.swap(1, 2);
    assert_eq!(lists(&swapped), Err(DecodeError::Value));
    assert_eq!(lists(&[rosters[0].clone(), rosters[0].clone()]), Err(DecodeError::Value));
    let forged = Signed::new(&party(9), rosters[0].unverified().clone());
    assert_eq!(lists(&[forged]), Err(DecodeError::Value));
    let mut other = Scene::<Federated>::new("other", Encoder::integer(12).unwrap());
    let other: Vec<_> = other.rosters().signed().cloned().collect();
    assert_eq!(lists(&other), Err(DecodeError::Value));
}

fn messages<M: Route>() {
    let mut scene = scene::<M>();
    let space = scene.space.clone();
    assert_eq!(Space::from_bytes(&space.to_bytes()).as_ref(), Ok(&space));
    let batch = scene.batch(1, &[(1, "5"), (2, "7")]);
    assert_eq!(Batch::from_bytes(&batch.to_bytes()).as_ref(), Ok(&batch));
    let stored = M::try_upload(&scene.between, &batch, NOW).unwrap();
    assert_eq!(Batch::from_bytes(&stored.to_bytes()).as_ref(), Ok(&stored));
    let query = top(End::Greatest, 3);
    let query =
        if M::MODE == sesphr::search::Mode::Ordered { query } else { sesphr::hazmat::search::range(Some(3), None) };
    let token = scene.token(USER, &query);
    assert_eq!(Signed::from_bytes(&token.to_bytes()).as_ref(), Ok(&token));
    let switched = M::try_ask(&scene.between, &token, NOW).unwrap();
    assert_eq!(Signed::from_bytes(&switched.to_bytes()).as_ref(), Ok(&switched));

    let answer = scene.ask(USER, &sesphr::hazmat::search::range(None, None));
    assert!(answer.matches().len() > 4);
    let bytes = answer.to_bytes();
    assert_eq!(Answer::from_bytes(&bytes), Ok(answer.clone()));
    assert_eq!(Answer::from_bytes(&Answer::default().to_bytes()), Ok(Answer::default()));
    // The last record twice, of a provider that is not there, and a provider without a record.
    let count = bytes.len() - 20 * answer.matches().len() - 4;
    let more = (answer.matches().len() as u32 + 1).to_be_bytes();
    let twice = [&bytes[..count], &more, &bytes[count + 4..], &bytes[bytes.len() - 20..]].concat();
    assert_eq!(Answer::from_bytes(&twice), Err(DecodeError::Value));
    let mut unknown = bytes.clone();
    unknown[count + 7] = 9;
    assert_eq!(Answer::from_bytes(&unknown), Err(DecodeError::Value));
    let lonely = [&bytes[..count], &[0; 4]].concat();
    assert_eq!(Answer::from_bytes(&lonely), Err(DecodeError::Value));
    // Providers in another order are other bytes for the same answer.
    let mut turned = bytes.clone();
    let first = 1 + 36 * usize::from(bytes[8]);
    turned[8..count].rotate_left(first);
    assert_eq!(Answer::from_bytes(&turned), Err(DecodeError::Value));
}

#[test]
fn every_message_is_read_as_it_was_written() {
    messages::<Federated>();
    messages::<Ordered>();
}

/// At the end, whose keys are held: by one user those of three hospitals, by another those of one.
const HELD: usize = 4 + 2 * 36 + 4 * 32;

#[test]
fn registrars_are_whole() {
    let mut scene = scene::<Federated>();
    scene.registrar.renew(&[party(1).id()].into()).unwrap();
    let bytes = scene.registrar.to_bytes();
    assert_eq!(Registrar::from_bytes(&bytes).as_ref(), Ok(&scene.registrar));
    let front = 4 + scene.space.to_bytes().len();
    let refused = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut changed = bytes.clone();
        change(&mut changed);
        assert_eq!(Registrar::<Federated>::from_bytes(&changed).map(|_| ()), Err(DecodeError::Value));
    };
    let (generation, members) = (front + 8, front + 8 + 4);
    assert_eq!(bytes[members..members + 4], [0, 0, 0, 4]);
    let last = members + 4 + 4 * 37;
    let askers = last + 4 + 3 * 36;
    refused(&|bytes| bytes[generation + 3] = 1);
    // A member that asks, in another order, twice, of a generation that nobody counted or nobody at all.
    refused(&|bytes| bytes[members + 4 + 36] = 2);
    refused(&|bytes| bytes[members + 4..members + 4 + 74].rotate_left(37));
    refused(&|bytes| bytes.copy_within(members + 4..members + 4 + 37, members + 4 + 37));
    refused(&|bytes| bytes[members + 4 + 35] = 9);
    refused(&|bytes| bytes[last + 4..last + 4 + 72].rotate_left(36));
    refused(&|bytes| bytes[last + 4 + 31] ^= 1);
    // A user of another generation, with a scope out of order or of nobody.
    assert_eq!(bytes[askers..askers + 4], [0, 0, 0, 2]);
    refused(&|bytes| bytes[askers + 4 + 35] = 1);
    let first = askers + 4 + 36 + 4;
    // Whoever has one hospital in its scope may come first: the order is that of names.
    let scope = if bytes[first - 1] == 1 { first + 37 + 36 + 4 } else { first };
    refused(&|bytes| bytes[scope + 1] ^= 1);
    let one = 1 + 36 * usize::from(bytes[scope]);
    refused(&|bytes| {
        let two = 1 + 36 * usize::from(bytes[scope + one]);
        bytes[scope..scope + one + two].rotate_left(one);
    });
    // In this mode nobody is remembered who asked.
    let asked = bytes.len() - HELD - 4;
    refused(&|bytes| {
        bytes[asked + 3] = 1;
        bytes.splice(asked + 4..asked + 4, *party(77).id().as_bytes());
    });
    // Who holds what is named in order, each with something; and who asks holds what it asks.
    let held = bytes.len() - HELD + 4;
    let count = usize::from(bytes[held + 35]);
    refused(&|bytes| bytes[held..].rotate_left(36 + 32 * count));
    refused(&|bytes| bytes[held + 36] ^= 1);
    refused(&|bytes| {
        bytes[held - 1] = 3;
        bytes.splice(held..held, [0; 36]);
    });
    let all = if count == 3 { held } else { held + 36 + 32 };
    refused(&|bytes| bytes[all + 36..all + 36 + 64].rotate_left(32));

    let mut lonely = Registrar::<Federated>::new(scene.space.clone()).to_bytes();
    lonely[generation + 3] = 1;
    assert_eq!(Registrar::<Federated>::from_bytes(&lonely).map(|_| ()), Err(DecodeError::Value));

    let scene = self::scene::<Ordered>();
    let bytes = scene.registrar.to_bytes();
    assert_eq!(Registrar::from_bytes(&bytes).as_ref(), Ok(&scene.registrar));
    let front = 4 + scene.space.to_bytes().len();
    let mut later = bytes.clone();
    later[front + 11] = 1;
    assert_eq!(Registrar::<Ordered>::from_bytes(&later).map(|_| ()), Err(DecodeError::Value));
    // Who asks is named in order.
    let askers = front + 12 + 4 + 3 * 37 + 4 + 3 * 36 + 4;
    let len = |at: usize| {
        let paths = bytes[at + 39];
        (0..paths).fold(40, |len, _| len + 1 + 36 * usize::from(bytes[at + len]))
    };
    let (first, second) = (len(askers), len(askers + len(askers)));
    assert_eq!(askers + first + second + 4 + 64 + HELD, bytes.len());
    let mut turned = bytes.clone();
    turned[askers..askers + first + second].rotate_left(first);
    assert_eq!(Registrar::<Ordered>::from_bytes(&turned).map(|_| ()), Err(DecodeError::Value));
    // Who asks has asked; and those who did are named in order.
    let end = bytes.len() - HELD;
    let forgotten = [&bytes[..end - 68], &[0; 4], &bytes[end..]].concat();
    assert_eq!(Registrar::<Ordered>::from_bytes(&forgotten).map(|_| ()), Err(DecodeError::Value));
    let mut swapped = bytes.clone();
    swapped[end - 64..end].rotate_left(32);
    assert_eq!(Registrar::<Ordered>::from_bytes(&swapped).map(|_| ()), Err(DecodeError::Value));
}

#[test]
fn spaces_keep_to_the_rules_of_their_mode() {
    let scene = scene::<Federated>();
    let (owner, partition, name) = (scene.owner.id(), scene.space.partition(), Attribute::new("x").unwrap());
    let code = Encoder::code(&[3]).unwrap();
    let small = Encoder::integer(8).unwrap();
    let date = Encoder::date_time(Precision::Minute);
    let federated = |encoder, queries| Space::<Federated>::new(owner, partition, name, encoder, queries);
    let ordered = |encoder, queries| Space::<Ordered>::new(owner, partition, name, encoder, queries);
    for queries in [Queries::Ranges, Queries::RangesAndPoints] {
        assert_eq!(federated(code, queries).unwrap_err(), SpaceError::CodeByOrder);
    }
    assert_eq!(ordered(code, Queries::Ranges).unwrap_err(), SpaceError::CodeInOrdered);
    assert_eq!(ordered(small, Queries::Ranges).unwrap_err(), SpaceError::SmallDomain);
    assert_eq!(ordered(date, Queries::RangesAndPoints).unwrap_err(), SpaceError::Queries);
    let shape = |space: Space<Federated>| (space.shape().bits(), space.shape().tags());
    assert_eq!(shape(federated(code, Queries::Points).unwrap()), (0, 2));
    assert_eq!(shape(federated(date, Queries::Points).unwrap()), (0, 1));
    assert_eq!(shape(federated(date, Queries::Ranges).unwrap()), (36, 0));
    assert_eq!(shape(federated(date, Queries::RangesAndPoints).unwrap()), (36, 1));

    let forced = Ordered::forced_space(owner, partition, name, small).unwrap();
    assert_eq!(Space::from_bytes(&forced.to_bytes()).as_ref(), Ok(&forced));
    // What the constructor refuses, bytes do not say: a number's ranges become those of a code, or other queries.
    let mut points = forced.to_bytes();
    *points.last_mut().unwrap() = 1;
    assert_eq!(Space::<Ordered>::from_bytes(&points), Err(DecodeError::Value));
    let mut by_order = federated(code, Queries::Points).unwrap().to_bytes();
    for queries in [0, 2, 3, 4] {
        *by_order.last_mut().unwrap() = queries;
        assert_eq!(Space::<Federated>::from_bytes(&by_order), Err(DecodeError::Value));
    }
    // The mode is in the name, and in the message.
    let (one, two) = (federated(date, Queries::Ranges).unwrap(), ordered(date, Queries::Ranges).unwrap());
    assert_ne!(one.id(), two.id());
    assert!(Space::<Ordered>::from_bytes(&one.to_bytes()).is_err());
    assert!(
        Draft::<Federated>::new(&Federated::write_key(&scene.root, &one, &Scene::<Federated>::path(1)))
            .sign(1, &party(1))
            .is_ok()
    );
}
