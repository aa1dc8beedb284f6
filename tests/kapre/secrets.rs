//! What the secrets of `Kapre` give away by themselves, and how large its objects get.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeSet;

use crate::common::emergency::Scene;
use crate::common::kac::Kit;
use crate::common::kapre::*;
use crate::common::{NOW, assert_silent, party, rng, validity};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::identity::{Signed, SigningKey};
use sesphr::kac::ClassSet;
use sesphr::kapre::*;
use sesphr::pre::Pre;

// Secrets -------------------------------------------------------------------------------------------------------------

#[test]
fn secrets_do_not_print() {
    let kit = Kit::new(1, 2);
    for kem in [HpkeKem::X25519, HpkeKem::XWing] {
        let user = Reader::with(2, kem);
        assert_silent(&user.secret, &user.secret.to_secret_bytes()[37..]);
        let (grant, rekey) = kit.delegate(&user, referable("0-2", admission("0", 5)), &validity());
        let held = Held::new(&kit, &user, &grant, &rekey);
        let (rk, m) = (held.rk().to_bytes(), held.m().to_bytes());
        assert!(rekey.to_secret_bytes().ends_with(&rk));
        for value in [&held.rekey as &dyn std::fmt::Debug, &held.server, &held.user, &held.verified, &held.grant] {
            assert_silent(value, &rk);
            assert_silent(value, &m[..]);
        }
        let other = Reader::new(5);
        let (cert, time, rng) = (doctor(&other.signer.id()), during(12, 17), &mut rng(8));
        let made = held.user.refer(&user.signer, &other.key, &cert, &set("0"), &time, rng);
        let (_, key) = made.unwrap();
        assert_silent(&key, &key.to_secret_bytes()[36..]);
        assert_silent(&key.apply(&held.server), &key.to_secret_bytes()[36..]);
    }
    let s = Scene::new(1, 1);
    let request = s.request("0");
    let part = s.approve(0, &request);
    let rk = part.1.to_secret_bytes();
    assert_silent(&part, &rk[4..]);
    let combined = s.combine(&request, &[part]).unwrap();
    assert_silent(&combined, &rk[4..]);
    assert_silent(&combined, &combined.rekey.to_secret_bytes()[36..]);
}

assert_not!(
    UserSecret: Clone, UserGrant: Clone, ReKey: Clone, VerifiedReKey: Clone, ReferralKey: Clone, ApprovalKey: Clone,
    UserSecret: PartialEq, UserGrant: PartialEq, ReKey: PartialEq, VerifiedReKey: PartialEq, ReferralKey: PartialEq,
    ApprovalKey: PartialEq, UserSecret: Encoding, ReKey: Encoding, ReferralKey: Encoding, ApprovalKey: Encoding,
    VerifiedUser: Message, VerifiedGrant: Message, VerifiedReKey: Message, UserGrant: Message,
);

// Sizes ---------------------------------------------------------------------------------------------------------------

/// One class, one range of many, hundreds of scattered ones, all of them.
#[test]
fn keys_and_answers_are_as_long_for_any_set() {
    const N: u32 = 512;
    let (kit, user) = (Kit::full(1, N), Reader::new(2));
    let scattered = ClassSet::try_from_classes((0..N).filter(|class| class % 2 == 1)).unwrap();
    assert_eq!(scattered.ranges().len(), 256);
    let mut lengths = BTreeSet::new();
    for classes in ["0", "511", "1-300", "0-511", &scattered.to_string()] {
        let held = kit.grant(&user, classes);
        let class = set(classes).last().unwrap();
        let ctx = kit.ctx(class, 7);
        let (capsule, shared) = kit.seal(&ctx);
        let part = kit.reencrypt(&held, &capsule, &ctx);
        assert_eq!(kit.read(&held, &capsule, &part, &ctx).as_ref(), Some(shared.hazmat_bytes()), "{classes}");
        lengths.insert((held.rekey.encoded_len(), part.encoded_len()));
        // Only the set itself grows in the grant.
        assert_eq!(held.grant.encoded_len() - set(classes).encoded_len(), 4 + 1 + 4 + 32 + 64 + OWNER_GRANT);
    }
    assert_eq!(ReKey::KEY_LEN, 96);
    // The answer has a point of each group, and nothing of the 576 bytes of an element of GT.
    assert_eq!(lengths.into_iter().collect::<Vec<_>>(), [(4 + 32 + 96, 4 + 48 + 96)]);
}

/// The statement of a grant to an X25519 key, without its set.
const OWNER_GRANT: usize = 4 + 16 + 32 + 32 + 32 + 16 + 1 + MASK;
const MASK: usize = 48 + (4 + 32) + 48;
const SIGNED: usize = 4 + 32 + 64;
const CERT: usize = SIGNED + 4 + 32 + 1 + 16;

/// What the fields of all messages add up to is what their documentation says.
#[test]
fn documented_lengths() {
    let kit = Kit::new(1, 2);
    let one_range = 4 + 4 + 8;
    for (kem, public, enc) in [(HpkeKem::X25519, 32, 32), (HpkeKem::XWing, 1216, 1120)] {
        let user = Reader::with(2, kem);
        assert_eq!(user.public.unverified().encoded_len(), 4 + 1 + public);
        assert_eq!(user.secret.encoded_len(), 4 + 32 + 1 + 32);
        assert_eq!((user.key.user(), user.public.unverified().kem()), (user.signer.id(), kem));
        let held = kit.grant(&user, "0-2");
        assert_eq!(held.owner_grant().unverified().encoded_len(), OWNER_GRANT - 32 + enc + one_range);
    }
    // Rules with two issuers.
    let rules = admission("0-1,3", 5).trust(sesphr::role::Role::Pharmacist, party(61).id()).unwrap();
    let rules_len = 4 + 2 * 33 + (4 + 4 + 16) + 8;
    let (user, other) = (Reader::new(2), Reader::new(5));
    let (grant, rekey) = kit.delegate(&user, referable("0-2", rules.clone()), &validity());
    let held = Held::new(&kit, &user, &grant, &rekey);
    assert_eq!(held.owner_grant().unverified().encoded_len(), OWNER_GRANT + one_range + rules_len);
    let (cert, time, rng) = (doctor(&other.signer.id()), during(12, 17), &mut rng(8));
    assert_eq!(cert.encoded_len(), CERT);
    let made = held.user.refer(&user.signer, &other.key, &cert, &set("0"), &time, rng);
    let (referred, key) = made.unwrap();
    assert_eq!(key.encoded_len(), 4 + 32 + 96);
    let statement = 4 + 16 + 32 + 32 + 32 + one_range + 16 + 32 + CERT + MASK;
    let referral = 4 + held.owner_grant().encoded_len() + SIGNED + statement;
    assert_eq!(referred.grant().encoded_len(), 4 + 1 + referral);

    let s = Scene::with(2, 3, HpkeKem::X25519, rules);
    assert_eq!(s.rules.unverified().encoded_len(), 4 + 16 + 32 + 5 + 3 * 32 + rules_len);
    let request = s.request("0");
    let key = SIGNED + 4 + 1 + 32;
    assert_eq!(request.unverified().encoded_len(), 4 + 128 + one_range + 32 + key + CERT);
    let appeal = s.appeal(&request, &s.trustees.keys[0].id(), NOW.0);
    assert_eq!(appeal.unverified().encoded_len(), 4 + 32 + 32 + 8);
    let parts = s.parts(&request, &[0, 1]);
    assert_eq!(parts[0].0.unverified().encoded_len(), 4 + 32 + 32 + 1 + MASK + 32);
    assert_eq!(parts[0].1.encoded_len(), 4 + 96);
    let combined = s.combine(&request, &parts).unwrap();
    let emergency = 4 + s.rules.encoded_len() + request.encoded_len() + 4 + 2 * parts[0].0.encoded_len();
    assert_eq!(combined.grant.encoded_len(), 4 + 1 + emergency);
}

/// Up to 256 issuers, in one order, each once.
#[test]
fn rules_of_admission_have_a_bound_and_one_encoding() {
    let issuer = |k: u16| SigningKey::from_seed(&[k.to_be_bytes(); 16].concat().try_into().unwrap()).id();
    let mut rules = Admission::new(set("0"), 5);
    for k in 0..256 {
        rules = rules.trust(sesphr::role::Role::Doctor, issuer(k)).unwrap();
    }
    assert!(rules.clone().trust(sesphr::role::Role::Doctor, issuer(255)).is_some());
    assert!(rules.clone().trust(sesphr::role::Role::Doctor, issuer(256)).is_none());
    assert_eq!((rules.set(), rules.seconds()), (&set("0"), 5));
    let (kit, user) = (Kit::new(1, 2), Reader::new(2));
    let (grant, _) = kit.delegate(&user, referable("0", rules), &validity());
    assert_eq!(Grant::from_bytes(&grant.to_bytes()), Ok(grant));

    let rules = admission("0", 5).trust(sesphr::role::Role::Insurer, issuer(1)).unwrap();
    let (grant, _) = kit.delegate(&user, referable("0", rules), &validity());
    let Grant::Owner(signed) = &grant else { unreachable!() };
    let statement = signed.unverified().to_bytes();
    // Behind header, names, one range, times, flag and count.
    let at = 4 + 112 + 16 + 16 + 1 + 4;
    let (first, second) = (statement[at..at + 33].to_vec(), statement[at + 33..at + 66].to_vec());
    for pair in [[&second, &first], [&first, &first], [&second, &second]] {
        let mut bytes = statement.clone();
        bytes[at..at + 66].copy_from_slice(&[&pair[0][..], &pair[1][..]].concat());
        assert!(OwnerGrant::from_bytes(&bytes).is_err());
    }
    let mut bytes = statement;
    bytes[at] = 6;
    assert!(OwnerGrant::from_bytes(&bytes).is_err(), "no such role");
}

/// Who has the seed has the key, and nothing else is in it.
#[test]
fn a_users_key_comes_back_from_its_bytes() {
    let kit = Kit::new(1, 2);
    for kem in [HpkeKem::X25519, HpkeKem::XWing] {
        let user = Reader::with(2, kem);
        let secret = UserSecret::from_bytes(&user.secret.to_secret_bytes()).unwrap();
        assert_eq!(secret.user(), user.signer.id());
        let held = kit.grant(&user, "0-2");
        assert!(Kapre::accept_grant(&kit.params, &secret, &held.verified).is_ok());
        assert_eq!(Signed::<UserKey>::from_bytes(&user.public.to_bytes()).as_ref(), Ok(&user.public));
        for bit in 0..256 {
            let mut bytes = user.secret.to_secret_bytes();
            bytes[37 + bit / 8] ^= 1 << (bit % 8);
            let other = UserSecret::from_bytes(&bytes).unwrap();
            assert!(Kapre::accept_grant(&kit.params, &other, &held.verified).is_err(), "{kem:?} {bit}");
        }
    }
}
