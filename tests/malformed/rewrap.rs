//! Wrapped keys, tokens and directories of epochs.

use sesphr::context::{Partition, RecordId};
use sesphr::encoding::Message;
use sesphr::epoch::rewrap::*;
use sesphr::epoch::tree::{EpochKeys, EpochTree};
use sesphr::epoch::{KeyTree, Rewrap};
use sesphr::identity::Signed;
use sesphr::kem::OwnerRoot;

use super::common::{NOW, party, rng, validity};
use super::{Layout, Sample};

/// The one whose key is a scalar of ristretto255, though its suite is the common one.
pub(super) const TOKEN: &str = "token";
/// Name of a sample, where its count is, and the bound: the partitions of a directory.
pub(super) const COUNTS: [(&str, usize, u32); 1] =
    [("directory of epochs", SIGNED + 8 + 16, EpochDirectory::MAX_PARTITIONS as u32)];

/// Where the fields of a signed statement begin: behind header, key and header.
const SIGNED: usize = 4 + 32 + 4;
/// A tree of “medical”: owner, length, partition, generation, height.
const TREE: usize = 32 + 4 + 7 + 4 + 1;
const DIRECTORY_TREE: usize = SIGNED + 8 + 16 + 4;
const TERMS_POINTS: usize = SIGNED + TREE + 4 + 4;

pub(super) fn samples() -> Vec<Sample> {
    let (owner, none) = (party(61), Layout::default());
    let (owner_id, root) = (owner.id(), OwnerRoot::generate(&mut rng(62)));
    let secret = |generation| {
        let tree = EpochTree::new(owner_id, Partition::MEDICAL, generation, 4).unwrap();
        Rise::secret(&EpochKeys::derive(&root, &tree), 5).unwrap()
    };
    let (old, new) = (secret(0), secret(1));
    let directory = Signed::new(&owner, EpochDirectory::new(1, validity(), [&old]).unwrap());
    let checked = VerifiedEpochDirectory::new(&directory, &owner_id, 0, NOW).unwrap();
    let public = checked.key(&Partition::MEDICAL, NOW).unwrap();
    let subject = RecordVersion { record: RecordId::from_array([7; 16]), version: 1 };
    let data_key = DataKey::try_generate(&mut rng(63)).unwrap();
    let wrapped = Rise::wrap(public, &subject, &data_key, &party(64), &mut rng(65)).unwrap();
    let token = Rise::token(&old, &new, &owner).unwrap();
    let factor = token.encoded_len() - 32;
    let keys: &'static [usize] = Box::leak(Box::new([factor]));
    vec![
        Sample::public(
            "directory of epochs",
            &directory,
            Layout { lengths: &[DIRECTORY_TREE + 32], ristretto: &[DIRECTORY_TREE + TREE + 4], ..none },
            move |m: Signed<EpochDirectory>| VerifiedEpochDirectory::new(&m, &owner_id, 0, NOW).is_err(),
        ),
        Sample::public("wrapped key", &wrapped, Layout { ristretto: &[8, 40], ..none }, move |m: Wrapped| {
            Rise::unwrap(&old, &m, &subject).is_err()
        }),
        Sample::public(
            "token terms",
            token.terms(),
            Layout { lengths: &[SIGNED + 32], ristretto: &[TERMS_POINTS, TERMS_POINTS + 32], ..none },
            move |m: Signed<TokenTerms>| m.verify(&owner_id).is_err(),
        ),
        Sample::secret(
            TOKEN,
            &token,
            Layout { lengths: &[4 + SIGNED + 32], ristretto: &[4 + TERMS_POINTS, 4 + TERMS_POINTS + 32], keys, ..none },
            move |m: Token| Rise::verify_token(&m, &owner_id).is_err(),
        ),
    ]
}
