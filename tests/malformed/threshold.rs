//! The messages of threshold re-encryption.

use std::sync::Arc;

use sesphr::context::{Partition, RecordId, Subject};
use sesphr::encoding::{Encoding, Message};
use sesphr::error::DecodeError;
use sesphr::identity::{Signed, SigningKey};
use sesphr::kem::OwnerRoot;
use sesphr::pre::Pre;
use sesphr::pre::threshold::*;

use super::common::{NOW, medical, party, rng, same, validity};
use super::{Layout, Sample, statement};

/// Name of a sample, where its count is, and the bound: the hashes of a path.
pub(super) const COUNTS: [(&str, usize, u32); 1] = [("label key", PATH, 64)];

/// The partition's name in an owner's key; the path behind name, epoch and point.
const NAME: usize = 4 + 140 + 4;
const PATH: usize = NAME + 4 + 7 + 4 + 32;
/// Points, servers and commitments of a signed grant for two of three.
const POINT: usize = 36 + 4 + 16 + 4 + 32 + 32;
const COMMITTEE: usize = POINT + 64 + 16 + 4;
const COMMITMENTS: usize = COMMITTEE + 2 + 3 * 32;

pub(super) fn samples() -> Vec<Sample> {
    let [owner, user] = [31, 32].map(party);
    let (owner_id, user_id, servers) = (owner.id(), user.id(), [33, 34, 35].map(party));
    let root = OwnerRoot::generate(&mut rng(31));
    let tree = Arc::new(LabelTree::derive(&root, owner_id, Partition::SESPHR, 3).unwrap());
    let label = tree.label(&medical(2)).unwrap();
    let (secret, public) = Threshold::owner_keygen(&(), &root, &owner, &label, &mut rng(31)).unwrap();
    let cert = Signed::<OwnerCert>::from_bytes(&public.to_bytes()[4..144]).unwrap();
    let key = Threshold::verify_owner(&(), &public, &owner_id).unwrap();
    let (user_secret, user_public) = Threshold::user_keygen(&(), &user, &mut rng(32)).unwrap();
    let user_key = Threshold::verify_user(&(), &user_public, &user_id).unwrap();
    let terms =
        Terms { validity: validity(), servers: Servers::new(2, servers.each_ref().map(SigningKey::id)).unwrap() };
    let (signed, fragments) = Threshold::delegate(&(), &secret, &owner, &user_key, &(), &terms, &mut rng(33)).unwrap();
    let grant = Threshold::verify_grant(&(), &key, &signed, NOW).unwrap();
    let subject = Subject { record: RecordId::from_array([7; 16]), version: 1, author: owner_id, aad: b"free" };
    let ctx = Threshold::context(&(), &key, &(), &subject);
    let (capsule, shared) = Threshold::encapsulate(&(), &key, &ctx, &owner, &mut rng(34)).unwrap();
    let checked = Threshold::verify_capsule(&(), &key, &capsule, &ctx).unwrap();
    let fragment = Threshold::verify_rekey(&(), &key, &grant, &fragments[1]).unwrap();
    let part = Threshold::reencrypt(&(), &fragment, &checked, &servers[1], NOW, &mut rng(35)).unwrap();

    let key: &'static VerifiedOwner = Box::leak(Box::new(key));
    let grant: &'static VerifiedGrant = Box::leak(Box::new(grant));
    let capsule: &'static Capsule = Box::leak(Box::new(capsule));
    let none = Layout::default();
    vec![
        statement("label certificate", &cert),
        Sample::public(
            "label key",
            &public,
            Layout { lengths: &[NAME], ristretto: &[PATH - 32], ..none },
            move |m: OwnerKey| Threshold::verify_owner(&(), &m, &owner_id).is_err(),
        ),
        Sample::secret(
            "label secret",
            &secret,
            Layout { lengths: &[36], keys: &[51], ..none },
            move |m: OwnerSecret| !Threshold::open(&(), &m, capsule, &ctx).is_ok_and(|key| same(&key, &shared)),
        ),
        Sample::public(
            "threshold user key",
            &user_public,
            Layout { ristretto: &[40], ..none },
            move |m: Signed<UserKey>| Threshold::verify_user(&(), &m, &user_id).is_err(),
        ),
        Sample::secret("threshold user secret", &user_secret, Layout { keys: &[36], ..none }, |m: UserSecret| {
            Threshold::accept_grant(&(), &m, grant).is_err()
        }),
        Sample::public("servers", grant.grant().servers(), none, |m: Servers| m != *grant.grant().servers()),
        Sample::public(
            "threshold grant",
            &signed,
            Layout { ristretto: &[POINT, POINT + 32, COMMITMENTS, COMMITMENTS + 32], ..none },
            |m: Signed<Grant>| Threshold::verify_grant(&(), key, &m, NOW).is_err(),
        ),
        Sample::secret("fragment", &fragments[1], Layout { keys: &[37], ..none }, |m: Fragment| {
            Threshold::verify_rekey(&(), key, grant, &m).is_err()
        }),
        Sample::public(
            "threshold capsule",
            capsule,
            Layout { ristretto: &[4], scalars: &[66], ..none },
            move |m: Capsule| Threshold::verify_capsule(&(), key, &m, &ctx).is_err(),
        ),
        Sample::public("part", &part, Layout { ristretto: &[5], scalars: &[101], ..none }, move |m: Part| {
            let claim = Claim { grant, capsule, ctx: &ctx, part: &m };
            let alone = Threshold::vartime_verify_part(&claim).is_none();
            let [at_once] = &*Threshold::vartime_verify_parts(&[claim], &mut rng(36)).unwrap() else { return false };
            assert_eq!(at_once.is_none(), alone);
            alone
        }),
    ]
}

#[test]
fn committees_and_numbers_that_cannot_be() {
    let find = |name: &str| super::samples().iter().find(|s| s.name == name).unwrap();
    for (name, at) in [("servers", 4), ("threshold grant", COMMITTEE)] {
        let sample = find(name);
        assert_eq!(sample.bytes[at..at + 2], [2, 3], "{name}");
        for committee in [[0, 3], [4, 3], [255, 3], [1, 0], [0, 0]] {
            assert_eq!(
                (sample.recode)(&sample.patched(at, &committee)),
                Err(DecodeError::Value),
                "{name} {committee:?}"
            );
        }
        // The first server once more.
        let twice = sample.patched(at + 2 + 64, &sample.bytes[at + 2..at + 2 + 32]);
        assert_eq!((sample.recode)(&twice), Err(DecodeError::Value), "{name}");
    }
    // More than there are.
    let sample = find("servers");
    for n in [4, 255] {
        assert_eq!((sample.recode)(&sample.patched(5, &[n])), Err(DecodeError::Truncated));
    }
    // Servers and fragments count from one.
    for (name, at) in [("fragment", 36), ("part", 4)] {
        let sample = find(name);
        assert_eq!(
            (sample.bytes[at], (sample.recode)(&sample.patched(at, &[0]))),
            (2, Err(DecodeError::Value)),
            "{name}"
        );
    }
    // It ends before it begins.
    let grant = find("threshold grant");
    assert_eq!((grant.recode)(&grant.patched(POINT + 64, &21u64.to_be_bytes())), Err(DecodeError::Value));
}
