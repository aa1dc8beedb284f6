//! Whole columns of the federated mode: what several providers upload, and a signed token over all of it.

use std::hint::black_box;
use std::time::Instant;

use rand_core::Rng;
use sesphr::context::{Partition, RecordId, Timestamp, Validity};
use sesphr::encoding::Encoding;
use sesphr::hazmat::search::{number, range};
use sesphr::identity::{PartyId, SigningKey};
use sesphr::kem::OwnerRoot;
use sesphr::search::{
    Attribute, Batch, Column, Draft, Encoder, Federated, Index, Path, Queries, Registrar, Rosters, SearchRoot, Space,
    Token, federated,
};

use crate::common::primitives::Turns;
use crate::common::report::{head, row, time};
use crate::common::rng;

const NOW: Timestamp = Timestamp(1_700_000_000);
const END: Timestamp = Timestamp(1_800_000_000);
/// Values in a batch.
const BATCH: u32 = 1000;

/// An owner, so many providers, and a user who may ask all of them.
struct Setting {
    space: Space<Federated>,
    root: SearchRoot,
    registrar: Registrar<Federated>,
    rosters: Rosters,
    providers: Vec<SigningKey>,
    user: SigningKey,
}

impl Setting {
    fn new(providers: u8) -> Self {
        let owner_root = OwnerRoot::generate(&mut rng(1));
        let (owner, root) = (owner_root.signing_key(), SearchRoot::new(&owner_root));
        let (attribute, encoder) = (Attribute::new("8480-6").unwrap(), Encoder::integer(32).unwrap());
        let space = Space::new(owner.id(), Partition::MEDICAL, attribute, encoder, Queries::Ranges).unwrap();
        let providers: Vec<_> = (0..providers).map(|seed| SigningKey::generate(&mut rng(seed))).collect();
        let (mut registrar, user) = (Registrar::new(space.clone()), SigningKey::generate(&mut rng(200)));
        let scope: Vec<Path> = providers.iter().map(|key| registrar.enroll(key.id()).unwrap()).collect();
        registrar.admit(user.id(), &scope).unwrap();
        let mut rosters = Rosters::new(&space);
        let roster = registrar.roster(Validity::new(NOW, END).unwrap(), &owner).unwrap();
        rosters.update(&roster, NOW).unwrap();
        Self { space, root, registrar, rosters, providers, user }
    }

    fn key(&self, provider: &PartyId) -> federated::WriteKey {
        self.registrar.write_key(&self.root, provider).unwrap()
    }

    /// Random values, divided evenly.
    fn batches(&self, entries: u32) -> Vec<Batch<Federated, federated::Right>> {
        let (each, rng) = (entries / self.providers.len() as u32, &mut rng(2));
        let mut batches = Vec::new();
        for signer in &self.providers {
            let key = self.key(&signer.id());
            for (sequence, first) in (1..).zip((0..each).step_by(BATCH as usize)) {
                let mut draft = Draft::<Federated>::new(&key);
                for at in first..each.min(first + BATCH) {
                    let mut record = [0; 16];
                    record[..4].copy_from_slice(&at.to_be_bytes());
                    let value = number(rng.next_u32().into());
                    draft.add(RecordId::from_array(record), &value, rng).unwrap();
                }
                batches.push(draft.sign(sequence, signer).unwrap());
            }
        }
        batches
    }
}

pub(crate) fn tables() {
    let rayon = if cfg!(feature = "rayon") { "with" } else { "without" };
    head(
        &format!("Federated columns {rayon} `rayon`: random values of 32 bits, batches of {BATCH}, one in 1,000 found"),
        &["providers", "values", "merge, each", "query", "token", "column, bytes each"],
    );
    for providers in [1, 10, 100] {
        let setting = Setting::new(providers);
        let key = setting.registrar.query_key(&setting.root, &setting.user.id()).unwrap();
        let query = range(Some(1 << 30), Some((1 << 30) + u64::from(u32::MAX / 1000)));
        let token = Token::new(&[(&key, &query)], END, &setting.user, &mut rng(3)).unwrap();
        for entries in [1_000, 10_000, 100_000, 1_000_000] {
            let batches = setting.batches(entries);
            let mut column = Column::<Federated>::new(setting.space.clone(), setting.rosters.clone());
            let start = Instant::now();
            let merged = column.merge(&batches, NOW);
            let merge = start.elapsed().as_secs_f64() / f64::from(entries);
            assert!(merged.iter().all(Result::is_ok) && column.len() == entries as usize);
            let length = column.to_bytes().len() as f64 / f64::from(entries);
            let mut index = Index::new();
            index.set(column);
            let ask = || index.query(black_box(&token), NOW).unwrap();
            let taken = Turns::new(&mut || _ = black_box(ask()), &mut || ()).first;
            row([
                providers.to_string(),
                entries.to_string(),
                time(merge),
                time(taken),
                token.to_bytes().len().to_string(),
                format!("{length:.0}"),
            ]);
        }
    }
}
