//! The messages of key-aggregate proxy re-encryption.

use sesphr::encoding::{Encoding, Message};
use sesphr::error::DecodeError;
use sesphr::identity::Signed;
use sesphr::kapre::*;
use sesphr::pre::Pre;

use super::common::NOW;
use super::common::emergency::Scene;
use super::common::kapre::{Held, Reader, admission, again, doctor, during, referable, set};
use super::common::{rng, validity};
use super::{Layout, Sample, statement};

/// Name of a sample, where its count is, and the bound: issuers, then classes; trustees, issuers; approvals.
pub(super) const COUNTS: [(&str, usize, u32); 5] = [
    ("aggregate owner grant", 36 + SET + 4, 1 << 15),
    ("aggregate owner grant", 36 + FLAG + 1, 256),
    ("emergency rules", 36 + 4 + 16 + 32 + 1, 255),
    ("emergency rules", 36 + 4 + 16 + 32 + 5 + 32, 256),
    ("emergency request", 36 + SET + 4, 1 << 15),
];

/// Offsets in what is stated for one range of classes.
const SET: usize = 4 + 112;
const FLAG: usize = SET + 16 + 16;
/// Rules of one issuer for one range.
const RULES: usize = 4 + 33 + 16 + 8;

pub(super) fn samples() -> Vec<Sample> {
    // One trustee, one class for the rest.
    let s: &'static Scene = Box::leak(Box::new(Scene::new(1, 1)));
    let kit = &s.kit;
    let leak = |held: Held| -> &'static Held { Box::leak(Box::new(held)) };
    let reader = |seed, kem| -> &'static Reader { Box::leak(Box::new(Reader::with(seed, kem))) };
    let users = [reader(2, HpkeKem::X25519), reader(2, HpkeKem::XWing)];
    let [user, _] = users;
    let (grant, rekey) = kit.delegate(user, referable("0", admission("0", 5)), &validity());
    let held = leak(Held::new(kit, user, &grant, &rekey));
    let narrow = leak(kit.grant(user, "0"));
    let (cert, time) = (doctor(&s.user.signer.id()), during(12, 17));
    let referred = held.user.refer(&user.signer, &s.user.key, &cert, &set("0"), &time, &mut rng(8));
    let (referred, referral_key) = referred.unwrap();
    let request: &'static Signed<EmergencyRequest> = Box::leak(Box::new(s.request("0")));
    let part = s.approve(0, request);
    let combined = s.combine(request, &[again(&part)]).unwrap();
    let approval: &'static Signed<Approval> = Box::leak(Box::new(part.0.clone()));
    let ctx: &'static _ = Box::leak(Box::new(kit.ctx(0, 7)));
    let capsule: &'static _ = Box::leak(Box::new(kit.seal(ctx).0));
    let answer = kit.reencrypt(narrow, capsule, ctx);

    let refused = |grant: &Grant| s.verify(grant).is_err();
    let none = Layout::default();
    let mut samples = Vec::new();
    for user in users {
        let (id, held) = (user.signer.id(), leak(kit.grant(user, "0")));
        samples.push(Sample::public("delegatee's key", &user.public, none, move |m: Signed<UserKey>| {
            Kapre::verify_user(&kit.params, &m, &id).is_err()
        }));
        samples.push(Sample::secret("delegatee's secret", &user.secret, none, |m: UserSecret| {
            Kapre::accept_grant(&kit.params, &m, &held.verified).is_err()
        }));
    }
    // With rules for referrals and without; on its own and as a grant.
    let with = Layout { lengths: &[36 + FLAG + 1 + RULES + 48], g1: &[36 + FLAG + 1 + RULES], ..none };
    let without = Layout { lengths: &[36 + FLAG + 1 + 48], g1: &[36 + FLAG + 1], ..none };
    for (held, layout) in [(held, with), (narrow, without)] {
        samples.push(Sample::public(
            "aggregate owner grant",
            held.owner_grant(),
            layout,
            move |m: Signed<OwnerGrant>| refused(&Grant::Owner(Box::new(m))),
        ));
    }
    samples.extend(
        [&narrow.grant, referred.grant(), &combined.grant]
            .map(|grant| Sample::public("aggregate grant", grant, none, move |m: Grant| refused(&m))),
    );
    samples.extend([
        Sample::secret("aggregate re-key", &narrow.rekey, Layout { g2: &[36], ..none }, |m: ReKey| {
            Kapre::verify_rekey(&kit.params, &kit.generation, &narrow.verified, &m).is_err()
        }),
        Sample::public("aggregate re-capsule", &answer, Layout { g1: &[4], g2: &[52], ..none }, |m: ReCapsule| {
            kit.read(narrow, capsule, &m, ctx).is_none()
        }),
        Sample::secret("referral key", &referral_key, Layout { g2: &[36], ..none }, move |m: ReferralKey| {
            let rekey = m.apply(&held.server);
            Kapre::verify_rekey(&kit.params, &kit.generation, &referred, &rekey).is_err()
        }),
        statement("emergency rules", &s.rules),
        statement("emergency request", request),
        statement("appeal", &s.appeal(request, &s.trustees.keys[0].id(), NOW.0)),
        Sample::public(
            "approval",
            approval,
            Layout { lengths: &[36 + 69 + 48], g1: &[36 + 69], ..none },
            |m: Signed<Approval>| m.verify(&approval.signer().id()).is_err(),
        ),
        Sample::secret("approval key", &part.1, Layout { g2: &[4], ..none }, |m: ApprovalKey| {
            s.combine(request, &[(approval.clone(), m)]).is_err()
        }),
    ]);
    samples
}

/// On their own, what the samples have inside a grant.
#[test]
fn referrals_and_emergency_grants_without_a_grant_around_them() {
    fn check<M: Encoding + PartialEq + std::fmt::Debug>(whole: &[u8]) {
        let bytes = &whole[5..];
        assert_eq!(M::from_bytes(bytes).unwrap().to_bytes(), bytes);
        for end in (0..bytes.len()).step_by(7) {
            assert_eq!(M::from_bytes(&bytes[..end]), Err(DecodeError::Truncated), "{end}");
        }
        assert_eq!(M::from_bytes(&[bytes, &[0]].concat()), Err(DecodeError::TrailingBytes));
        assert!(M::from_bytes(whole).is_err());
    }
    let [_, referral, emergency] = *super::samples().iter().filter(|s| s.name == "aggregate grant").collect::<Vec<_>>()
    else {
        unreachable!()
    };
    check::<Referral>(&referral.bytes);
    check::<EmergencyGrant>(&emergency.bytes);
    assert!(Referral::from_bytes(&emergency.bytes[5..]).is_err());
}

#[test]
fn grants_of_no_kind() {
    let sample = super::samples().iter().find(|s| s.name == "aggregate grant").unwrap();
    for tag in 1..=255 {
        assert!(Grant::from_bytes(&sample.patched(4, &[tag])).is_err(), "{tag}");
    }
    let sample = super::samples().iter().find(|s| s.name == "delegatee's key").unwrap();
    for kem in 1..=255 {
        assert!(Signed::<UserKey>::from_bytes(&sample.patched(40, &[kem])).is_err(), "{kem}");
    }
    // A coefficient of ML-KEM beyond its modulus.
    let sample = super::samples().iter().rfind(|s| s.name == "delegatee's key").unwrap();
    assert_eq!(sample.bytes[40], 1);
    let bytes = sample.patched(41, &[0xff; 3]);
    assert_eq!(Signed::<UserKey>::from_bytes(&bytes), Err(DecodeError::Value));
    // Too many approvals for any committee, and more than there are bytes for.
    let s = Scene::new(1, 1);
    let request = s.request("0");
    let Combined { grant, .. } = s.combine(&request, &[s.approve(0, &request)]).unwrap();
    let at = 4 + 1 + 4 + s.rules.encoded_len() + request.encoded_len();
    for count in [2u32, 255, 256, u32::MAX] {
        let mut bytes = grant.to_bytes();
        bytes[at..at + 4].copy_from_slice(&count.to_be_bytes());
        assert!(Grant::from_bytes(&bytes).is_err(), "{count}");
    }
}
