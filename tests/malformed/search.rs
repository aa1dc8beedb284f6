//! Keys of search in the federated mode.

use sesphr::context::Partition;
use sesphr::hazmat::search::number;
use sesphr::identity::PartyId;
use sesphr::kem::OwnerRoot;
use sesphr::search::federated::{Federated, QueryKey, WriteKey};
use sesphr::search::{Attribute, Encoder, MAX_SCOPE, Path, Queries, Search, SearchRoot, Space, Step};

use super::common::rng;
use super::{Layout, Sample};

/// Behind a space.
const AFTER: usize = 4 + 4 + 32 + 4 + 7 + 4 + 5 + 2 + 1;

/// Name of a sample, where its count is, and the bound.
pub(super) const COUNTS: [(&str, usize, u32); 1] = [("federated query key", AFTER, MAX_SCOPE as u32)];

pub(super) fn samples() -> [Sample; 2] {
    let (owner, pulse) = (PartyId::from_array([81; 32]), Attribute::new("pulse").unwrap());
    let encoder = Encoder::integer(32).unwrap();
    let space = Space::<Federated>::new(owner, Partition::MEDICAL, pulse, encoder, Queries::Ranges).unwrap();
    let root = SearchRoot::new(&OwnerRoot::generate(&mut rng(82)));
    let path = |party| Path::new(Step { party: PartyId::from_array([party; 32]), generation: 7 });
    let scope = [path(83), path(84)];
    let entry = |path: &Path| {
        let (key, mut out) = (Federated::write_key(&root, &space, path), Vec::new());
        Federated::encrypt(&key, &number(5), &mut rng(85), &mut out).unwrap();
        out
    };
    let entries = scope.each_ref().map(entry);
    let write = Federated::write_key(&root, &space, &scope[0]);
    let query = Federated::query_key(&root, &space, scope[0].last(), &scope).unwrap();
    let (first, place) = (entries[0].clone(), (space.clone(), scope[0].clone()));
    [
        // They carry no proof: other bytes are keys of somebody else, or other keys.
        Sample::secret("federated write key", &write, Layout { lengths: &[40, 51], ..Layout::default() }, {
            move |m: WriteKey| (m.space(), m.path()) != (&place.0, &place.1) || m.decrypt(&first).is_err()
        }),
        Sample::secret("federated query key", &query, Layout { lengths: &[40, 51, AFTER], ..Layout::default() }, {
            move |m: QueryKey| {
                let lost = |(path, entry): (&Path, &Vec<u8>)| m.decrypt(path, entry).is_err();
                m.space() != &space || !m.scope().eq(&scope) || scope.iter().zip(&entries).any(lost)
            }
        }),
    ]
}
