//! The question in each mode, and what the cloud saw.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use sesphr::context::RecordId;
use sesphr::encoding::{Encoding, Message};
use sesphr::identity::SigningKey;
use sesphr::search::leakage::{Comparison, LeakageProfile, Moment, Observer};
use sesphr::search::ordered::{self, Switch, SwitchKey, Switched, Switcher};
use sesphr::search::{Answer, Column, Federated, Index, Ordered, Queries, Rosters, Search, Space};

use crate::common::{Story, StoryError};
use crate::fhir::{self, Observation};
use crate::parties::{Clinic, Told};

fn value(observation: &Observation) -> &str {
    &observation.value
}

fn time(observation: &Observation) -> &str {
    &observation.at
}

/// Federated: the cloud takes what hospitals and departments upload, and answers.
pub(crate) fn federated(story: &mut Story, clinic: &mut Clinic) -> Result<Index<Federated>, StoryError> {
    let (spaces, now) = (clinic.spaces::<Federated>(), clinic.world.now);
    let mut index = Index::new();
    for space in [&spaces.value, &spaces.time] {
        index.set(Column::new(space.clone(), Rosters::new(space)));
    }
    for roster in clinic.published()?.rosters {
        clinic.spread(&mut index, &roster)?;
    }
    for (space, of) in [(&spaces.value, value as fn(&Observation) -> &str), (&spaces.time, time)] {
        for roster in clinic.rosters(space)? {
            clinic.spread(&mut index, &roster)?;
        }
        let column = index.column_mut(&space.id()).ok_or("no column")?;
        let inserted = column.merge(&clinic.batches(space, of)?, now);
        let added: u32 = inserted.into_iter().map(|inserted| Ok(inserted?.added)).sum::<Result<_, StoryError>>()?;
        let all = added as usize == clinic.observations.len();
        story.check(format_args!("the cloud has {added} encrypted values of {}", space.attribute()), all);
    }
    // The cloud is switched off and on.
    for space in [&spaces.value, &spaces.time] {
        let bytes = index.column(&space.id()).ok_or("no column")?.to_bytes();
        index.set(Column::from_bytes(&bytes)?);
    }
    story.says("What it sees before anybody asks: how many values there are of each place.");
    let column = index.column(&spaces.value.id()).ok_or("no column")?;
    for (path, count) in column.counts() {
        story.says(format_args!("  {count:3}  {}", clinic.name(path)));
    }

    let token = clinic.token::<Federated>(&clinic.doctor)?;
    let length = token.to_bytes().len();
    story.says(format_args!(
        "Dr. Amari sends one token for both attributes and all {} places: {length} bytes.",
        clinic.places.len()
    ));
    let answer = index.query(&token, now)?;
    answered(story, clinic, &spaces.value, &answer)?;

    story.says("What the cloud sees with the token, of each value against the bound above 7.5 %:");
    let (shape, trapdoor) = (spaces.value.shape(), token.unverified().trapdoor(&spaces.value.id()).ok_or("no clause")?);
    let mut seen: BTreeMap<(Option<u8>, bool), usize> = BTreeMap::new();
    for (found, entry) in column.entries() {
        let Some(sesphr::search::federated::Seen::Range { lower: Some(Comparison { order, first }), .. }) =
            sesphr::search::federated::seen(trapdoor, &found.provider, &shape, &entry)
        else {
            return Err("an entry that shows nothing".into());
        };
        *seen.entry((first, order == Ordering::Less)).or_default() += 1;
    }
    let total: usize = seen.values().sum();
    for ((first, less), count) in &seen {
        let side = if *less { "below" } else { "not below" };
        match first {
            Some(block) => story.says(format_args!("  {count:3}  {side} it, first different in block {block} of 4")),
            None => story.says(format_args!("  {count:3}  equal to it")),
        }
    }
    story.check(
        "that is every value, each with its side and one block, and no value itself",
        total == clinic.observations.len(),
    );
    revealed::<Federated>(story, Queries::Ranges);
    Ok(index)
}

/// Ordered: a switcher stands between everybody and the cloud.
pub(crate) fn ordered(story: &mut Story, clinic: &mut Clinic) -> Result<(), StoryError> {
    let (spaces, now, owner) = (clinic.spaces::<Ordered>(), clinic.world.now, clinic.world.owner.id());
    let mut switcher = Switcher::new(SigningKey::try_generate(&mut clinic.world.rng)?);
    let mut index = Index::new();
    for space in [&spaces.value, &spaces.time] {
        let mut switch = Switch::new(space, 0);
        // Marta gives factors for hospitals and the doctor, hospitals for their departments.
        for key in clinic.world.owner.switch_keys(&space.id())? {
            switch.add(&key.verify(&owner)?)?;
        }
        for place in &clinic.places {
            let Some(above) = place.path.parent() else { continue };
            let above = clinic.places.iter().find(|place| place.path == above).ok_or("nobody above")?;
            let key = SwitchKey::child(above.key::<Ordered>(space)?, place.path.last(), above.user.signing())?;
            switch.add(&key.verify(&owner)?)?;
        }
        switcher.serve(switch);
        index.set(Column::new(space.clone(), Switched::new(space, switcher.id(), 0)));
    }
    for roster in clinic.published()?.rosters {
        let space = roster.unverified().space();
        let (switcher, cloud) = (switcher.rosters_mut(&space), index.column_mut(&space));
        for rosters in switcher.into_iter().chain(cloud.map(|column| column.gate_mut().rosters_mut())) {
            rosters.update(&roster, now)?;
        }
    }
    for (space, of) in [(&spaces.value, value as fn(&Observation) -> &str), (&spaces.time, time)] {
        for roster in clinic.rosters(space)? {
            switcher.rosters_mut(&space.id()).ok_or("no space")?.update(&roster, now)?;
        }
        let column = index.column_mut(&space.id()).ok_or("no column")?;
        for batch in clinic.batches(space, of)? {
            column.insert(&switcher.switch(&batch, now)?, now)?;
        }
        let all = column.len() == clinic.observations.len() && column.quarantine().count() == 0;
        story.check(format_args!("the cloud has {} values of {} in order", column.len(), space.attribute()), all);
    }

    let token = clinic.token::<Ordered>(&clinic.doctor)?;
    let switched = switcher.ask(&token, now)?;
    let length = token.to_bytes().len();
    story.says(format_args!("Dr. Amari sends the switcher one token: {length} bytes, whatever the number of places."));
    let unswitched = sesphr::identity::Signed::new(clinic.doctor.signing(), switched.unverified().clone());
    story.check("the cloud takes no token that the switcher did not sign", index.query(&unswitched, now).is_err());
    let answer = index.query(&switched, now)?;
    answered(story, clinic, &spaces.value, &answer)?;

    story.says(
        "What the cloud sees of HbA1c without any token: all values in order, equal ones together, and whose each is.",
    );
    let column = index.column(&spaces.value.id()).ok_or("no column")?;
    let ranks = ranks(column)?;
    for (rank, names) in &ranks {
        let names: Vec<_> = names.iter().map(|record| short(clinic, *record)).collect();
        story.says(format_args!("  {rank:3}.  {}", names.join(", ")));
    }
    let mut values: Vec<f64> = clinic.observations.iter().map(|o| o.value.parse()).collect::<Result<_, _>>()?;
    values.sort_by(f64::total_cmp);
    values.dedup();
    story.check("that is the order of the plaintext, with its equalities", ranks.len() == values.len());
    revealed::<Ordered>(story, Queries::Ranges);
    Ok(())
}

/// The stored values in their order, equal ones together.
fn ranks(column: &Column<Ordered>) -> Result<BTreeMap<usize, Vec<RecordId>>, StoryError> {
    let mut entries: Vec<_> = column.entries().collect();
    let mut broken = false;
    entries.sort_by(|(_, a), (_, b)| {
        ordered::compare(a, b).unwrap_or_else(|_| {
            broken = true;
            Ordering::Equal
        })
    });
    if broken {
        return Err("values without an order".into());
    }
    let mut ranks: BTreeMap<usize, Vec<RecordId>> = BTreeMap::new();
    let mut last: Option<Vec<u8>> = None;
    let mut rank = 0;
    for (found, digests) in entries {
        if last.as_ref() != Some(&digests) {
            rank += 1;
        }
        ranks.entry(rank).or_default().push(found.record);
        last = Some(digests);
    }
    Ok(ranks)
}

/// A record as the cloud knows it: a name that means nothing, and whose it is.
fn short(clinic: &Clinic, record: RecordId) -> String {
    let name = format!("{record:?}");
    let place = clinic.performer(record);
    format!("{} ({place})", &name[..6])
}

/// The answer, beside the plaintext, and as Dr. Amari reads it.
fn answered<M: Told>(
    story: &mut Story,
    clinic: &mut Clinic,
    space: &Space<M>,
    answer: &Answer,
) -> Result<(), StoryError> {
    let mut found: Vec<_> = answer.matches().iter().map(|found| found.record).collect();
    found.sort_unstable();
    let same = found == clinic.expected()?;
    story.check(format_args!("{} records are found, which are those of the plaintext", found.len()), same);
    let read = clinic.read(space, answer)?;
    for (path, records) in answer.by_provider() {
        let values = records.iter().filter_map(|record| {
            let (_, text) = read.iter().find(|(found, _)| found.record == *record)?;
            let resource = serde_json::from_str(text.as_ref().ok()?).ok()?;
            let (value, at) =
                (fhir::text(&resource, "/valueQuantity/value"), fhir::text(&resource, "/effectiveDateTime"));
            Some(format!("{} % ({})", value.ok()?, at.ok()?.get(..10)?))
        });
        let values: Vec<_> = values.collect();
        story.says(format_args!("  {:34} {}", clinic.name(path), values.join(", ")));
    }
    story.check("Dr. Amari reads all of them", read.iter().all(|(_, text)| text.is_ok()));
    Ok(())
}

/// What the mode says of itself.
fn revealed<M: Search>(story: &mut Story, queries: Queries) {
    let profile = LeakageProfile::of(M::MODE, queries);
    for (moment, text) in [(Moment::AtRest, "at rest"), (Moment::PerToken, "with each token")] {
        let leaks: Vec<_> = profile.reveals(Observer::Cloud, moment).iter().map(ToString::to_string).collect();
        story.says(format_args!("By its profile the cloud learns {text}: {}.", leaks.join("; ")));
    }
}
