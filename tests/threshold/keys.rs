//! The writer's side of `Threshold`: a key without a path that leads to the owner's root is an error, and nothing falls back.

use std::sync::Arc;

use crate::common::kapre::{patched, resigned};
use crate::common::scene::message;
use crate::common::threshold::*;
use crate::common::{TestRng, medical, party, rng};
use sesphr::context::{Partition, Period};
use sesphr::encoding::{Encoding, Message};
use sesphr::error::DecodeError;
use sesphr::hazmat::hash;
use sesphr::identity::{Signed, SigningKey};
use sesphr::kem::{OwnerRoot, OwnerTerms};
use sesphr::pre::threshold::*;
use sesphr::pre::{KeyError, Pre};

fn tree_of(seed: u8, partitions: &[Partition], epochs: u32) -> (SigningKey, OwnerRoot, Arc<LabelTree>) {
    tree_with(seed, seed, partitions, epochs)
}

fn tree_with(signer: u8, root: u8, partitions: &[Partition], epochs: u32) -> (SigningKey, OwnerRoot, Arc<LabelTree>) {
    let (signer, root) = (party(signer), OwnerRoot::generate(&mut rng(root)));
    let tree = LabelTree::derive(&root, signer.id(), partitions.iter().copied(), epochs).unwrap();
    (signer, root, Arc::new(tree))
}

fn key_of((signer, root, tree): &(SigningKey, OwnerRoot, Arc<LabelTree>), period: Period) -> OwnerKey {
    let label = tree.label(&period).unwrap();
    Threshold::owner_keygen(&(), root, signer, &label, &mut TestRng::fail_after(0)).unwrap().1
}

/// An owner's key in its fields: certificate, index, period, point, path.
#[derive(Clone)]
struct Fields {
    cert: Vec<u8>,
    index: u32,
    period: Vec<u8>,
    point: Vec<u8>,
    path: Vec<[u8; 32]>,
}

impl Fields {
    fn of(key: &OwnerKey) -> Self {
        let bytes = key.to_bytes();
        let at = 148 + 4 + key.period().partition.as_str().len() + 4;
        Self {
            cert: bytes[4..144].to_vec(),
            index: u32::from_be_bytes(bytes[144..148].try_into().unwrap()),
            period: bytes[148..at].to_vec(),
            point: bytes[at..at + 32].to_vec(),
            path: bytes[at + 36..].chunks(32).map(|hash| hash.try_into().unwrap()).collect(),
        }
    }

    fn key(&self) -> OwnerKey {
        let count = (self.path.len() as u32).to_be_bytes();
        message(&[&self.cert, &self.index.to_be_bytes(), &self.period, &self.point, &count, &self.path.concat()])
    }

    fn verify(&self, owner: &SigningKey) -> Result<VerifiedOwner, KeyError> {
        Threshold::verify_owner(&(), &self.key(), &owner.id())
    }
}

#[test]
fn every_label_of_every_tree_has_its_path_and_no_other() {
    let partitions = Partition::SESPHR;
    for (count, epochs) in [(1, 1), (1, 2), (1, 5), (2, 3), (3, 1), (4, 4), (3, 3)] {
        let owner = tree_of(1, &partitions[..count], epochs);
        assert_eq!(owner.2.epochs(), epochs);
        let periods = partitions[..count].iter().flat_map(|p| (0..epochs).map(|epoch| Period { partition: *p, epoch }));
        let keys: Vec<_> = periods.map(|period| (period, Fields::of(&key_of(&owner, period)))).collect();
        for (period, fields) in &keys {
            let verified = fields.verify(&owner.0).unwrap();
            assert_eq!((verified.period(), verified.owner()), (*period, owner.0.id()));
            assert!(owner.2.has(period));
            // Path and index belong to this key alone.
            for (other, another) in keys.iter().filter(|(other, _)| other != period) {
                let path = Fields { path: another.path.clone(), ..fields.clone() };
                let index = Fields { index: another.index, ..fields.clone() };
                let both = Fields { path: another.path.clone(), ..index.clone() };
                for moved in [path, index, both] {
                    let same = moved.path == fields.path && moved.index == fields.index;
                    assert_eq!(moved.verify(&owner.0).is_ok(), same, "{period:?} as {other:?}");
                }
            }
        }
    }
}

#[test]
fn path_that_does_not_lead_to_the_owners_root() {
    let owner = tree_of(1, &Partition::SESPHR, 5);
    let good = Fields::of(&key_of(&owner, medical(3)));
    assert!(good.verify(&owner.0).is_ok());
    let refused = |fields: &Fields, what: &str| {
        assert_eq!(fields.verify(&owner.0).unwrap_err(), KeyError::Path, "{what}");
    };
    refused(&Fields { path: Vec::new(), ..good.clone() }, "no path");
    for length in 0..good.path.len() {
        refused(&Fields { path: good.path[..length].to_vec(), ..good.clone() }, "cut off");
    }
    for length in good.path.len() + 1..=64 {
        let mut path = good.path.clone();
        path.resize(length, [7; 32]);
        refused(&Fields { path, ..good.clone() }, "too long");
    }
    for at in 0..good.path.len() {
        for bit in 0..256 {
            let mut fields = good.clone();
            fields.path[at][bit / 8] ^= 1 << (bit % 8);
            refused(&fields, "another hash");
        }
        let mut fields = good.clone();
        fields.path.swap(at, 0);
        assert_eq!(fields.verify(&owner.0).is_ok(), at == 0, "another order");
    }
    for index in (0..25).chain([u32::MAX - 1, u32::MAX]).filter(|index| *index != good.index) {
        refused(&Fields { index, ..good.clone() }, "another index");
    }
    // The key itself: another point, another partition, another epoch.
    let other = key_of(&owner, medical(4));
    refused(&Fields { point: Fields::of(&other).point, ..good.clone() }, "another label's point");
    refused(&Fields { period: Fields::of(&other).period, ..good.clone() }, "another epoch");
    let personal = key_of(&owner, Period { partition: Partition::PERSONAL, epoch: 3 });
    refused(&Fields { period: Fields::of(&personal).period, ..good.clone() }, "another partition");
    refused(&Fields { point: point(&good.point).mul(&small(2)).encode().as_bytes().to_vec(), ..good.clone() }, "2A");

    // The owner's own signature under another size: the path of a label among the first 16 is the same for 17 labels to 32,
    // which all have their first 16 on one side.
    let cert = Signed::<OwnerCert>::from_bytes(&good.cert).unwrap();
    assert_eq!((good.index, cert.to_bytes()[40..44].to_vec()), (8, vec![0, 0, 0, 20]));
    for labels in (0..70u32).chain([u32::MAX]) {
        let cert = resigned(&cert, 4, &labels.to_be_bytes(), &owner.0);
        let verified = Fields { cert: cert.to_bytes(), ..good.clone() }.verify(&owner.0);
        assert_eq!(verified.err(), (!(17..=32).contains(&labels)).then_some(KeyError::Path), "{labels} labels");
    }
    // Its own signature under another root.
    for seed in [1, 9] {
        let key = key_of(&tree_with(1, seed, &Partition::SESPHR, 4), medical(3));
        assert!(Threshold::verify_owner(&(), &key, &owner.0.id()).is_ok());
        refused(&Fields { cert: Fields::of(&key).cert, ..good.clone() }, "another tree's root");
        refused(&Fields { path: Fields::of(&key).path, ..good.clone() }, "another tree's path");
    }
}

#[test]
fn key_that_the_cloud_made() {
    let (owner, cloud) = (tree_of(1, &Partition::SESPHR, 5), tree_of(66, &Partition::SESPHR, 5));
    let (good, own) = (Fields::of(&key_of(&owner, medical(3))), Fields::of(&key_of(&cloud, medical(3))));
    assert!(own.verify(&cloud.0).is_ok());
    assert_eq!(own.verify(&owner.0).unwrap_err(), KeyError::Signature);
    assert_eq!(good.verify(&cloud.0).unwrap_err(), KeyError::Signature);
    // With the owner's name on it.
    let mut named = own.clone();
    named.cert[4..36].copy_from_slice(owner.0.verifying_key().as_bytes());
    assert_eq!(named.verify(&owner.0).unwrap_err(), KeyError::Signature);
    // Its point at the owner's place, and in the owner's certificate.
    let swapped = Fields { point: own.point.clone(), ..good.clone() };
    assert_eq!(swapped.verify(&owner.0).unwrap_err(), KeyError::Path);
    let mixed = Fields { cert: good.cert.clone(), ..own.clone() };
    assert_eq!(mixed.verify(&owner.0).unwrap_err(), KeyError::Path);
    let cert = Signed::<OwnerCert>::from_bytes(&good.cert).unwrap();
    // Every byte of the certificate is signed: the cloud's root, another size, a bit.
    for at in 40..80 {
        let forged = patched(&cert, at, &[good.cert[at] ^ 1]);
        let forged = Fields { cert: forged.to_bytes(), ..own.clone() };
        assert_eq!(forged.verify(&owner.0).unwrap_err(), KeyError::Signature, "{at}");
    }
}

#[test]
fn label_that_is_not_in_the_tree() {
    let (signer, root, tree) = tree_of(1, &[Partition::MEDICAL, Partition::INSURANCE], 5);
    for period in [
        Period { partition: Partition::PERSONAL, epoch: 0 },
        Period { partition: Partition::INSURANCE, epoch: 5 },
        Period { partition: Partition::MEDICAL, epoch: 5 },
        medical(u32::MAX),
    ] {
        assert!(tree.label(&period).is_none() && !tree.has(&period), "{period:?}");
    }
    let label = tree.label(&medical(3)).unwrap();
    assert_eq!((label.period(), label.tree()), (medical(3), &tree));
    // The tree of another root, and of another owner.
    let rng = &mut rng(50);
    for (root, signer) in [(&OwnerRoot::generate(rng), &signer), (&root, &party(2))] {
        let made = Threshold::owner_keygen(&(), root, signer, &label, rng);
        assert_eq!(made.unwrap_err(), KeyError::Label);
    }
    assert!(Threshold::owner_keygen(&(), &root, &signer, &label, rng).is_ok());
}

#[test]
fn trees_that_cannot_be() {
    let root = OwnerRoot::generate(&mut rng(1));
    let derive = |partitions: &[Partition], epochs| {
        LabelTree::derive(&root, party(1).id(), partitions.iter().copied(), epochs).map(|_| ())
    };
    let (medical, personal) = (Partition::MEDICAL, Partition::PERSONAL);
    assert_eq!(derive(&[], 5), Err(KeyError::Label));
    assert_eq!(derive(&[medical], 0), Err(KeyError::Label));
    assert_eq!(derive(&[medical, personal, medical], 5), Err(KeyError::Label));
    assert_eq!(derive(&[medical], LabelTree::MAX_LABELS + 1), Err(KeyError::Label));
    assert_eq!(derive(&[medical, personal], LabelTree::MAX_LABELS / 2 + 1), Err(KeyError::Label));
    // Whose product is zero again modulo 2^32.
    assert_eq!(derive(&[medical, personal], 1 << 31), Err(KeyError::Label));
    assert_eq!(derive(&[medical, personal], 2), Ok(()));
    // The order of naming is none of the tree.
    let named = |partitions: [Partition; 2]| LabelTree::derive(&root, party(1).id(), partitions, 2).unwrap();
    assert_eq!(named([medical, personal]), named([personal, medical]));
    assert_ne!(named([medical, personal]), named([medical, Partition::INSURANCE]));
}

#[test]
fn malformed_owner_keys_do_not_decode() {
    let good = Fields::of(&key_of(&tree_of(1, &Partition::SESPHR, 5), medical(3)));
    let bytes = good.key().to_bytes();
    let at = bytes.len() - 32 * good.path.len() - 36;
    let with = |at: usize, value: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[at..at + value.len()].copy_from_slice(value);
        OwnerKey::from_bytes(&bytes)
    };
    assert_eq!(with(at, &[0; 32]), Err(DecodeError::Point));
    assert_eq!(with(at + 32, &65u32.to_be_bytes()), Err(DecodeError::Length));
    assert_eq!(with(at + 32, &u32::MAX.to_be_bytes()), Err(DecodeError::Length));
    assert_eq!(with(at + 32, &64u32.to_be_bytes()), Err(DecodeError::Truncated));
    assert_eq!(with(at + 32, &1u32.to_be_bytes()), Err(DecodeError::TrailingBytes));
}

/// An owner who makes room for more epochs signs a new root. Keys keep their names, so capsules and grants live on.
#[test]
fn key_in_a_larger_tree_has_its_old_name() {
    let small = tree_of(1, &[Partition::MEDICAL], 4);
    let large = tree_of(1, &Partition::SESPHR, 9);
    let [old, new] = [&small, &large].map(|tree| key_of(tree, medical(3)));
    assert_ne!(old, new);
    let [old, new] = [old, new].map(|key| Threshold::verify_owner(&(), &key, &party(1).id()).unwrap());
    assert_eq!(old.origin(), new.origin());
    let owner = Owner::new(1, medical(3));
    let ctx = owner.ctx(&party(3), 7, 1, b"");
    let (capsule, _) = Threshold::encapsulate(&(), &new, &ctx, &party(3), &mut rng(1)).unwrap();
    assert!(Threshold::verify_capsule(&(), &old, &capsule, &ctx).is_ok());
    assert!(owner.open(&capsule, &ctx).is_some());
}

/// Each name of a key is in its derivation.
#[test]
fn keys_of_all_labels_and_owners_differ() {
    let (root, other) = (OwnerRoot::generate(&mut rng(1)), OwnerRoot::generate(&mut rng(2)));
    let mut seen = std::collections::BTreeSet::new();
    for root in [&root, &other] {
        for owner in [party(1).id(), party(2).id()] {
            for partition in Partition::SESPHR {
                for epoch in [0, 1, 256, u32::MAX] {
                    let secret = OwnerSecret::derive(root, owner, &Period { partition, epoch }).unwrap();
                    assert_eq!(secret.period(), Period { partition, epoch });
                    let bytes = sesphr::encoding::SecretEncoding::to_secret_bytes(&secret);
                    assert!(seen.insert(bytes[bytes.len() - 32..].to_vec()));
                }
            }
        }
    }
}

#[test]
fn names_of_keys_are_derived_as_documented() {
    let owner = Owner::new(1, medical(3));
    let (id, point) = (owner.signer.id(), owner.point());
    let parts: [&[u8]; 4] = [id.as_bytes(), b"medical", &3u32.to_be_bytes(), point.as_bytes()];
    assert_eq!(hash::wide("sesphr v1 threshold origin", &parts)[..32], owner.key.origin().as_bytes()[..]);
    let root = sesphr::encoding::SecretEncoding::to_secret_bytes(&owner.root);
    let parts: [&[u8]; 4] = [&root[4..], id.as_bytes(), b"medical", &3u32.to_be_bytes()];
    assert_eq!(hashed("sesphr v1 threshold owner secret", &parts).to_bytes(), owner.a().to_bytes());
}

// Delegatees' keys ----------------------------------------------------------------------------------------------------

#[test]
fn key_that_is_not_the_delegatees_own() {
    let (user, eve) = (Delegatee::new(2), party(66));
    let swapped = Signed::new(&eve, Delegatee::new(90).public.unverified().clone());
    for signed in [&swapped, &patched(&swapped, 4, user.signer.verifying_key().as_bytes())] {
        let checked = Threshold::verify_user(&(), signed, &user.signer.id());
        assert_eq!(checked.unwrap_err(), KeyError::Signature);
    }
    let zero = [&user.public.to_bytes()[..40], &[0; 32], &user.public.to_bytes()[72..]].concat();
    assert_eq!(Signed::<UserKey>::from_bytes(&zero), Err(DecodeError::Point));
}
