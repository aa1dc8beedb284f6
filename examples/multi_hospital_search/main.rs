//! A doctor asks for “HbA1c above 7.5 % in 2023, at any of my patient's hospitals”: with one token, over indexes that three
//! hospitals and their departments encrypt under keys of their own, at a cloud that cannot read them.
//!
//! ```text
//! cargo run --release --example multi_hospital_search
//! ```
//!
//! * Marta opens indexes of her HbA1c values and their dates, in both modes of search, and lets three hospitals write.
//! * Two of the hospitals have departments, with keys that the hospitals made.
//! * Dr. Amari asks once in each mode, and reads what is found, as far as Marta lets her read.
//! * What the cloud saw stands beside each answer: of every value, what it learned and from whose.
//! * What fails: a stolen token, somebody without a key, a hospital that looks into another's values, a false index value, and
//!   Dr. Amari after she has left.
//!
//! Exit code 1 if anything comes out otherwise than written down here.

#[path = "../common/mod.rs"]
mod common;
mod fhir;
mod modes;
#[allow(clippy::indexing_slicing, reason = "places are numbered as they stand")]
mod parties;

use std::process::ExitCode;

use common::{DAY, Story, StoryError};
use getrandom::SysRng;
use parties::Clinic;
use sesphr::encoding::{Encoding, Message};
use sesphr::identity::Signed;
use sesphr::search::{Column, Draft, Federated, GateError, Index, QueryError, Search};
use sesphr::sharing::{Level, NotRead};

fn main() -> ExitCode {
    common::run(play)
}

fn play(story: &mut Story) -> Result<(), StoryError> {
    story.chapter("1. Marta opens indexes, and hospitals write");
    let mut clinic = Clinic::new(story)?;
    clinic.write_records(story)?;

    story.chapter("2. The federated mode: every hospital under its own key");
    let mut index = modes::federated(story, &mut clinic)?;
    what_fails(story, &mut clinic, &mut index)?;

    story.chapter("3. The ordered mode: one index in order, behind a key-switcher");
    modes::ordered(story, &mut clinic)?;

    story.chapter("4. Dr. Amari leaves");
    she_leaves(story, &mut clinic, &mut index)
}

/// Who finds nothing, and what is found and not believed.
fn what_fails(story: &mut Story, clinic: &mut Clinic, index: &mut Index<Federated>) -> Result<(), StoryError> {
    let now = clinic.world.now;
    let token = clinic.token::<Federated>(&clinic.doctor)?;
    // Somebody took the token on its way, and signs it as its own.
    let thief = clinic.world.user()?;
    let stolen = Signed::new(thief.signing(), token.unverified().clone());
    let refused = index.query(&stolen, now) == Err(QueryError::Gate(GateError::Signature));
    story.check("a stolen token under another name is refused", refused);

    // A department of North Hospital has a key, and takes the whole index from the cloud.
    let laboratory = clinic.place("North Hospital, Laboratory")?;
    let key = laboratory.key::<Federated>(&clinic.spaces::<Federated>().value)?;
    let column = index.column(&clinic.spaces::<Federated>().value.id()).ok_or("no column")?;
    let opened: Vec<_> = column.entries().filter(|(_, value)| key.decrypt(value).is_ok()).collect();
    let own = opened.iter().all(|(found, _)| found.provider == laboratory.path) && opened.len() == 5;
    story.check("a department that has everything the cloud has reads the values that it wrote, and no other", own);
    let hospital = clinic.place("North Hospital")?.key::<Federated>(&clinic.spaces::<Federated>().value)?;
    let below = Federated::child_key(hospital, laboratory.path.last())?;
    let reads = opened.iter().all(|(_, value)| below.decrypt(value).is_ok());
    story.check("the hospital above it reads them too", reads);

    // Lakeside Clinic points to a record of South Hospital, with a value that it made up.
    let (lakeside, spaces) = (clinic.place("Lakeside Clinic")?, clinic.spaces::<Federated>());
    let victim = clinic.observations.iter().find(|o| o.value == "7.4").ok_or("no such value")?.record;
    for (space, value) in [(&spaces.value, "13.0"), (&spaces.time, "2023-02-02T12:00:00Z")] {
        let mut draft = Draft::<Federated>::new(lakeside.key::<Federated>(space)?);
        draft.add(victim, &space.encoder().parse(value)?, &mut SysRng)?;
        let batch = draft.sign(100, lakeside.user.signing())?;
        index.column_mut(&space.id()).ok_or("no column")?.insert(&batch, now)?;
    }
    let answer = index.query(&token, now)?;
    let read = clinic.read(&spaces.value, &answer)?;
    let refused = read.iter().any(|(found, text)| found.record == victim && *text == Err(NotRead::Author));
    story.check(
        "an index value that points to another hospital's record is found, and the record not taken for it",
        refused,
    );
    Ok(())
}

/// What her key is worth once she has left.
fn she_leaves(story: &mut Story, clinic: &mut Clinic, index: &mut Index<Federated>) -> Result<(), StoryError> {
    clinic.world.wait(DAY);
    let now = clinic.world.now;
    let token = clinic.token::<Federated>(&clinic.doctor)?;
    let update = clinic.world.owner.depart(&clinic.doctor.id(), Level::Epochs, now, &mut clinic.world.rng)?;
    clinic.world.send(&update)?;
    let hospitals = clinic.places.iter().filter(|place| place.path.parent().is_none()).count();
    story.check("all hospitals that she could ask get new keys", update.rekeyed.len() == hospitals);
    for roster in &update.rosters {
        clinic.spread(index, roster)?;
    }
    story.check("the cloud turns her away", index.query(&token, now) == Err(QueryError::Gate(GateError::Unlisted)));

    // A cloud that obeys nobody answers all the same. South Hospital writes under its new key.
    clinic.hand_out()?;
    let (south, spaces) = (clinic.place("South Hospital")?, clinic.spaces::<Federated>());
    let mut obedient = Index::new();
    for (space, value) in [(&spaces.value, "12.0"), (&spaces.time, "2023-11-11T11:11:00Z")] {
        let owner = clinic.world.owner.id();
        let key = south.user.write_key::<Federated>(&owner, &space.id()).ok_or("no key")?;
        let mut draft = Draft::<Federated>::new(key);
        draft.add(clinic.world.record, &space.encoder().parse(value)?, &mut SysRng)?;
        let batch = draft.sign(1, south.user.signing())?;
        let column = index.column_mut(&space.id()).ok_or("no column")?;
        column.insert(&batch, now)?;
        let mut copy = Column::<Federated>::from_bytes(&column.to_bytes())?;
        *copy.gate_mut() = clinic.disobedient(space)?;
        obedient.set(copy);
    }
    let answer = obedient.query(&token, now)?;
    let new = answer.matches().iter().any(|found| found.record == clinic.world.record);
    story.check(
        "a cloud that obeys nobody finds her the old values, and not the new one",
        !new && answer.matches().len() > 3,
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_story_comes_out() {
        let story = common::told(play);
        assert_eq!(story.failed, 0, "{}", story.text);
        for part in [
            "7 records are found, which are those of the plaintext",
            "first different in block 3 of 4",
            "the cloud learns at rest: space; who writes and who may ask; number of values per provider",
            "all values in order, equal ones together",
        ] {
            assert!(story.text.contains(part), "{}", story.text);
        }
        // What the cloud saw says no value; what Dr. Amari read does.
        let (before, after) = story.text.split_once("What the cloud sees with the token").unwrap_or_default();
        assert!(before.contains("11.2 %"), "{}", story.text);
        assert!(!after.split("By its profile").next().unwrap_or_default().contains("11.2"), "{}", story.text);
    }
}
