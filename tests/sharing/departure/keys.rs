//! The keys of layers: who gets which, and who takes what.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::{INSURANCE, MEDICAL, Story};
use crate::common::*;
use sesphr::context::Partition;
use sesphr::encoding::{Encoding, Message};
use sesphr::identity::Signed;
use sesphr::kapre::Kapre;
use sesphr::record::SealedPartition;
use sesphr::sharing::*;

type Grant = Signed<LayerGrant>;

fn of(update: &Update, user: &User<Kapre>) -> Option<Grant> {
    update.layer_grants.iter().find(|grant| grant.unverified().user() == user.id()).cloned()
}

impl Story {
    /// Whether a user with these keys, and all the help of the server, opens a layered record.
    fn opens(&mut self, seed: u8, grant: Option<&Grant>, sealed: &SealedPartition) -> bool {
        let mut user = user::<Kapre>(seed);
        grant.into_iter().for_each(|grant| user.take_layers(&self.w.owner.id(), grant).unwrap());
        self.w.reads(&mut user, sealed, at(90))
    }
}

#[test]
fn keys_of_layers_are_taken_from_the_owner_by_their_user_and_none_older() {
    let mut s = Story::new();
    let gone = s.w.owner.depart(&s.bob.id(), Level::Bodies, at(6), &mut s.w.rng).unwrap();
    s.send(&gone, at(6));
    assert_eq!(s.carry_out().refused, []);
    let id = s.w.id();
    let old = of(&gone, &s.carol).unwrap();
    let dans = of(&gone, &s.dan).unwrap();
    let again = s.w.owner.grant_again(&s.carol.id(), at(7), &mut s.w.rng).unwrap();
    s.send(&again, at(7));
    let new = of(&again, &s.carol).unwrap();
    assert_eq!((old.unverified().version() + 1, again.layer_grants.len()), (new.unverified().version(), 1));
    // Another owner, with the same story.
    let mut other = World::<Kapre>::of(2);
    let eve = user::<Kapre>(13);
    other.join(&eve, Role::Researcher, at(0), at(1));
    other.join(&s.carol, Role::Researcher, at(0), at(1));
    let theirs = other.owner.depart(&eve.id(), Level::Bodies, at(2), &mut other.rng).unwrap();
    let foreign = of(&theirs, &s.carol).unwrap();
    let mut cases = vec![
        (dans.clone(), KeyGrantError::OtherUser),
        (old.clone(), KeyGrantError::Rollback),
        (foreign.clone(), KeyGrantError::Signature),
    ];
    let bytes = new.to_bytes();
    for place in 4..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[place] ^= 1;
        let altered = Signed::from_bytes(&bytes).ok();
        cases.extend(altered.map(|altered| (altered, KeyGrantError::Signature)));
    }
    assert!(cases.len() > bytes.len() * 3 / 4);
    // Signed by the owner, and sealed for something else: carol's in the place of dan's.
    let plain = |grant: &Grant| {
        let mut body = Vec::new();
        grant.unverified().write(&mut body);
        body
    };
    let swapped = |name: &[u8], version: &[u8], sealed: &Grant| {
        let sealed = plain(sealed);
        let bytes = [&sealed[..4], name, version, &sealed[44..]].concat();
        Signed::new(s.w.owner.signing(), LayerGrant::from_bytes(&bytes).unwrap())
    };
    let (carol, later) = (plain(&new)[4..36].to_vec(), 99_u64.to_be_bytes());
    cases.push((swapped(&carol, &later, &dans), KeyGrantError::Open));
    cases.push((swapped(&carol, &later, &new), KeyGrantError::Open));
    let sealed = s.stored(MEDICAL, 1);
    let mut user = user::<Kapre>(11);
    assert!(!s.w.reads(&mut user, &sealed, at(8)));
    user.take_layers(&id, &new).unwrap();
    for (grant, error) in &cases {
        assert_eq!(user.take_layers(&id, grant), Err(*error));
        let altered = *error == KeyGrantError::Signature && *grant != foreign;
        assert!(altered || s.w.reads(&mut user, &sealed, at(8)), "{error:?}");
    }
    assert!(s.w.reads(&mut user, &sealed, at(8)));
    // The same may come again.
    assert_eq!(user.take_layers(&id, &new), Ok(()));
    // The cloud takes the owner's, and none older.
    let stored = |w: &World<Kapre>| w.cloud.layers(&id, &user.id()).unwrap();
    assert_eq!(s.w.cloud.keep_layers(&id, &new), Ok(()));
    for (grant, error) in &cases {
        if matches!(error, KeyGrantError::Rollback | KeyGrantError::Signature) {
            assert_eq!(s.w.cloud.keep_layers(&id, grant), Err(CloudError::Orders));
        }
    }
    assert!(stored(&s.w) == Some(new.clone()));
    assert_eq!(s.w.cloud.keep_layers(&other.id(), &foreign), Err(CloudError::UnknownOwner));
    // What is broken there keeps nothing out.
    let mut storage = s.w.cloud.storage().clone();
    let name = storage.keys(&[b"layers/", &id.as_bytes()[..], user.id().as_bytes()].concat()).unwrap()[0].clone();
    storage.put(&name, &[1]).unwrap();
    s.w.cloud = Cloud::new(Kapre::params(), storage).unwrap();
    assert!(matches!(s.w.cloud.layers(&id, &user.id()), Err(CloudError::Corrupt(_))));
    assert_eq!(s.w.cloud.keep_layers(&id, &new), Ok(()));
    assert!(stored(&s.w) == Some(new.clone()));
    assert!(s.w.cloud.layers(&id, &s.bob.id()).unwrap().is_none());
}

#[test]
fn a_member_gets_the_keys_of_its_periods_and_no_others() {
    let mut s = Story::new();
    s.depart(Level::Bodies, at(6));
    assert_eq!(s.carry_out().refused, []);
    // Another layer, around the same and what came since, which dan does not have all of.
    let eve = user::<Kapre>(13);
    s.w.join(&eve, Role::Researcher, at(7), at(7));
    s.write(3, at(8));
    let gone = s.w.owner.depart(&eve.id(), Level::Bodies, at(9), &mut s.w.rng).unwrap();
    s.send(&gone, at(9));
    assert_eq!(s.carry_out().refused, []);
    s.settle(at(10));
    assert_eq!(s.read(MEDICAL, 1, at(11)), [false, true, false]);
    assert_eq!(s.read(MEDICAL, 3, at(11)), [false, true, true]);
    // Of layers that nothing is in any more, nobody gets keys.
    let again = s.w.owner.grant_again(&s.carol.id(), at(11), &mut s.w.rng).unwrap();
    s.send(&again, at(11));
    let length = |update: &Update| of(update, &user::<Kapre>(11)).unwrap().to_bytes().len();
    assert!(length(&again) < length(&gone));
    // Dan's grants reach what dan's keys do not, so that it is the keys that are tried.
    let history = s.w.owner.grant_history(&s.dan.id(), MEDICAL, 0..=2, at(12), &mut s.w.rng).unwrap();
    s.w.send(&history, at(12));
    let [first, second, third] = [1, 2, 3].map(|version| s.stored(MEDICAL, version));
    let (before, after) = (of(&gone, &s.dan).unwrap(), of(&history, &s.dan).unwrap());
    let reads =
        |s: &mut Story, grant: Option<&Grant>| [&first, &second, &third].map(|sealed| s.opens(12, grant, sealed));
    assert_eq!(reads(&mut s, None), [false; 3]);
    assert_eq!(reads(&mut s, Some(&before)), [false, true, true]);
    assert_eq!(reads(&mut s, Some(&after)), [true; 3]);
    // Whoever joins without history gets none; with a part of it, the keys of that part.
    let fay = user::<Kapre>(14);
    let joined = s.w.join(&fay, Role::Researcher, at(20), at(20));
    assert!(of(&joined, &fay).is_none());
    let guy = user::<Kapre>(15);
    let joined = s.w.join(&guy, Role::Insurer, at(0), at(21));
    assert!(of(&joined, &guy).is_none(), "there is no layer around what insurers read");
    let hal = user::<Kapre>(16);
    let joined = s.w.join(&hal, Role::Researcher, at(7), at(22));
    let grant = of(&joined, &hal).unwrap();
    let history = s.w.owner.grant_history(&hal.id(), MEDICAL, 0..=2, at(23), &mut s.w.rng).unwrap();
    s.w.send(&history, at(23));
    assert_eq!([&first, &second, &third].map(|sealed| s.opens(16, Some(&grant), sealed)), [false, false, true]);
    // Taken back from a partition, a member gets the keys of the others alone.
    let less = s.w.owner.disallow(&s.carol.id(), MEDICAL, Level::Bodies, at(24), &mut s.w.rng).unwrap();
    s.w.send(&less, at(24));
    assert!(of(&less, &s.carol).is_none() && of(&less, &s.dan).is_some());
    let sealed = s.stored(INSURANCE, 1);
    assert_eq!(s.carry_out().refused, []);
    s.settle(at(25));
    assert_eq!(s.read(INSURANCE, 1, at(26)), [false, true, false]);
    assert_eq!(sealed.header().immutable(), s.stored(INSURANCE, 1).header().immutable());
    for version in [1, 2, 3] {
        assert_eq!(s.read(MEDICAL, version, at(26)), [false, false, true]);
    }
    assert_eq!(s.read(Partition::PERSONAL, 2, at(26)), [false, true, true]);
}
