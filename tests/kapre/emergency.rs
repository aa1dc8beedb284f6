//! Attacks on the parts of trustees: fewer than the threshold, forged and replayed ones, and blame. Those on rules, requests
//! and appeals are in `attacks_kapre_requests.rs`.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use crate::common::emergency::*;
use crate::common::kac::*;
use crate::common::kapre::*;
use crate::common::party;
use sesphr::encoding::Message;
use sesphr::error::{DecodeError, OpenError};
use sesphr::hazmat::pairing::{G2Affine, G2Projective, Scalar, mul_p};
use sesphr::identity::Signed;
use sesphr::kapre::*;
use sesphr::pre::{GrantError, GrantTerms, Pre};

fn subsets(n: usize, size: usize) -> Vec<Vec<usize>> {
    let sets = (0..1u32 << n).filter(|set| set.count_ones() as usize == size);
    sets.map(|set| (0..n).filter(|i| set >> i & 1 == 1).collect()).collect()
}

#[test]
fn any_quorum_lets_in_to_exactly_the_request() {
    for (threshold, count, kem) in
        [(1, 1, HpkeKem::X25519), (1, 2, HpkeKem::X25519), (2, 3, HpkeKem::XWing), (3, 5, HpkeKem::X25519)]
    {
        let s = Scene::with(threshold, count, kem, admission("0-2", 5));
        let quorums = subsets(count.into(), threshold.into());
        // All trustees at once count as well.
        let all = (0..count.into()).collect();
        for (i, quorum) in quorums.iter().chain([&all]).enumerate() {
            let classes = ["0", "1-2", "0,2"][i % 3];
            let held = s.grant(classes, &quorum.iter().rev().copied().collect::<Vec<_>>());
            let Grant::Emergency(grant) = &held.grant else { panic!("no emergency") };
            assert!(grant.approvers().eq(s.trustees.ids(&quorum[..threshold.into()])));
            assert_eq!(held.verified.authority(), (s.rules.unverified().id(), s.rules.digest()));
            assert_eq!(held.verified.id(), grant.request().unverified().id());
            assert_eq!((held.verified.user(), held.verified.validity()), (s.user.signer.id(), during(12, 17)));
            assert!(held.verified.faulty(&s.user.secret).is_empty());
            for class in 0..4 {
                assert_eq!(s.kit.through(&held, class, 7), set(classes).contains(class), "{classes} {class}");
            }
            assert_eq!(s.kit.keys_among_all_sets(&held.collude()), [classes]);
            assert!(s.kit.keys_among_all_sets(&held.rk()).is_empty());
        }
    }
}

#[test]
fn fewer_trustees_than_the_threshold_reach_nothing() {
    let s = Scene::new(3, 5);
    let request = s.request("1-2");
    for few in (0..3).flat_map(|size| subsets(5, size)) {
        let parts = s.parts(&request, &few);
        assert_eq!(s.combine(&request, &parts).unwrap_err(), missing(few.len(), 3, vec![]));
        // The same part again, and again signed by somebody else, makes no more of them.
        let mut more: Vec<_> = parts.iter().chain(&parts).chain(&parts).map(again).collect();
        let strangers: Vec<_> = parts
            .iter()
            .flat_map(|part| [&s.user.signer, &s.kit.signer, &s.trustees.keys[4]].map(|key| (part, key)))
            .map(|((approval, key), by)| {
                (
                    Signed::new(by, approval.unverified().clone()),
                    again(&(approval.clone(), approval_key(&approval_key_point(key)))).1,
                )
            })
            .collect();
        more.extend(strangers);
        assert_eq!(s.combine(&request, &more).unwrap_err(), missing(few.len(), 3, vec![]));
    }
    // With their secrets: γ_kD_S of two of three, with every weight that a quorum has.
    let sum = s.kit.sum(&set("1-2"), 0);
    let term = |k: usize, among: &[usize]| {
        let x = |k: usize| Scalar::from_u64(k as u64 + 1);
        let others = among.iter().filter(|j| **j != k);
        let weight = others.fold(Scalar::one(), |w, j| &w * &(&x(*j) * &inverse(&(&x(*j) - &x(k)))));
        sum.mul(&(&weight * s.trustees.shares[k].hazmat_scalar()))
    };
    let total = |some: &[usize], among: &[usize]| {
        some.iter().fold(G2Projective::identity(), |sum, k| sum.add(&term(*k, among))).to_affine()
    };
    for quorum in subsets(5, 3) {
        assert_eq!(s.kit.keys_among_all_sets(&total(&quorum, &quorum)), ["1-2"]);
        for two in subsets(3, 2).iter().map(|two| [quorum[two[0]], quorum[two[1]]]) {
            assert!(s.kit.keys_among_all_sets(&total(&two, &quorum)).is_empty());
            assert!(s.kit.keys_among_all_sets(&total(&two, &two)).is_empty());
        }
    }
}

// The grant -----------------------------------------------------------------------------------------------------------

#[test]
fn grant_without_a_quorum_of_signatures() {
    let s = Scene::new(2, 3);
    let (request, other) = (s.request("1-2"), s.request("1-2"));
    let parts = s.parts(&request, &[0, 1, 2]);
    let [a, b, c] = [0, 1, 2].map(|k| &parts[k].0);
    let check =
        |approvals: &[&Signed<Approval>]| s.verify(&assemble_grant(&s, &request, approvals).unwrap()).map(|_| ());
    for good in [[a, b], [a, c], [b, c]] {
        assert_eq!(check(&good), Ok(()));
    }
    // Too few, too many.
    for bad in [&[][..], &[a], &[b], &[a, b, c]] {
        assert_eq!(check(bad), Err(GrantError::Signature));
    }
    // Twice, in another order.
    for bad in [[a, a], [b, a], [c, b]] {
        assert_eq!(assemble_grant(&s, &request, &bad).unwrap_err(), DecodeError::Value);
    }
    // Signed by somebody else, in another's place, in the place of nobody.
    let index = 4 + 32 + 32;
    for eve in [&s.user.signer, &s.kit.signer, &party(90), &s.trustees.keys[0], &s.trustees.keys[2]] {
        let forged = Signed::new(eve, b.unverified().clone());
        assert_eq!(check(&[a, &forged]), Err(GrantError::Signature));
        let named = patched(&forged, 4, s.trustees.keys[1].verifying_key().as_bytes());
        assert_eq!(check(&[a, &named]), Err(GrantError::Signature));
    }
    for place in [3, 4, 255] {
        let moved = resigned(a, index, &[place], &s.trustees.keys[0]);
        assert_eq!(check(&[b, &moved]), Err(GrantError::Signature), "{place}");
    }
    let nobody = resigned(a, index, &[0], &s.trustees.keys[0]);
    assert_eq!(check(&[&nobody, b]), Err(GrantError::Signature));
    // For another request, even of the same terms.
    let foreign = s.approve(1, &other).0;
    assert_eq!(check(&[a, &foreign]), Err(GrantError::WrongKey));
    assert_eq!(s.verify(&assemble_grant(&s, &other, &[a, b]).unwrap()).unwrap_err(), GrantError::WrongKey);
}

#[test]
fn every_field_of_an_approval_is_signed_and_binds_the_mask() {
    let s = Scene::new(2, 3);
    let request = s.request("1-2");
    let parts = s.parts(&request, &[0, 1]);
    let combined = s.combine(&request, &parts).unwrap();
    let (a, b, rk) = (&parts[0].0, &parts[1].0, rk_of(&combined.rekey));
    let (mask, len) = (4 + 32 + 32 + 1, b.unverified().encoded_len());
    let point = mul_p(&Scalar::from_u64(3)).to_affine().to_bytes();
    for (what, at, value) in [
        ("sharing", 4 + 32, vec![9; 32]),
        ("commitment", mask, point.to_vec()),
        ("encapsulation", mask + 52, vec![9; 32]),
        ("seal", mask + 84, vec![9; 48]),
        ("key", len - 32, vec![9; 32]),
    ] {
        let kept = patched(b, 36 + at, &value);
        assert_eq!(s.verify(&assemble_grant(&s, &request, &[a, &kept]).unwrap()).unwrap_err(), GrantError::Signature);
        // The trustee itself: another grant, which the server's key is not for.
        let changed = resigned(b, at, &value, &s.trustees.keys[1]);
        let verified = s.verify(&assemble_grant(&s, &request, &[a, &changed]).unwrap()).unwrap();
        let taken = Kapre::verify_rekey(&s.kit.params, &s.kit.generation, &verified, &combined.rekey);
        assert_eq!(taken.unwrap_err(), GrantError::ReKey, "{what}");
        let renamed = rekey_of(&verified.digest(), &rk);
        let taken = Kapre::verify_rekey(&s.kit.params, &s.kit.generation, &verified, &renamed);
        assert_eq!(taken.is_ok(), what != "commitment", "{what}");
        // Only the hash of the key is not part of what the mask is bound to: it comes later.
        let held = Kapre::accept_grant(&s.kit.params, &s.user.secret, &verified);
        assert_eq!(held.is_ok(), what == "key", "{what}");
        let faulty = if what == "key" { vec![] } else { s.trustees.ids(&[1]) };
        assert_eq!(verified.faulty(&s.user.secret), faulty, "{what}");
    }
}

/// One request, approved by all: the quorums make grants of one name and different masks.
#[test]
fn two_quorums_of_one_request() {
    let s = Scene::new(2, 3);
    let request = s.request("1-2");
    let parts = s.parts(&request, &[0, 1, 2]);
    let [one, two] = [[0, 1], [1, 2]].map(|quorum| {
        let combined = s.combine(&request, &quorum.map(|k| again(&parts[k]))).unwrap();
        Held::new(&s.kit, &s.user, &combined.grant, &combined.rekey)
    });
    assert_eq!(one.verified.id(), two.verified.id());
    assert_ne!(one.verified.digest(), two.verified.digest());
    for rekey in [rekey_of(&two.verified.digest(), &one.rk()), rekey_of(&one.verified.digest(), &two.rk())] {
        let taken = Kapre::verify_rekey(&s.kit.params, &s.kit.generation, &two.verified, &rekey);
        assert_eq!(taken.unwrap_err(), GrantError::ReKey);
    }
    let ctx = s.kit.ctx(1, 7);
    let (capsule, _) = s.kit.seal(&ctx);
    let part = s.kit.reencrypt(&one, &capsule, &ctx);
    assert!(s.kit.read(&one, &capsule, &part, &ctx).is_some() && s.kit.read(&two, &capsule, &part, &ctx).is_none());
    // The server has every part, and knows nothing by all of them.
    let points: Vec<_> = parts.iter().map(|(_, key)| approval_key_point(key)).collect();
    for point in [minus2(&one.rk(), &two.rk()), minus2(&points[0], &points[1]), points[0], points[2]] {
        assert!(s.kit.keys_among_all_sets(&point).is_empty());
    }
}

// Blame ---------------------------------------------------------------------------------------------------------------

#[test]
fn whoever_signed_for_a_bad_key_is_named_and_nobody_else() {
    let s = Scene::new(2, 3);
    let request = s.request("1-2");
    let parts = s.parts(&request, &[0, 1, 2]);
    let point = approval_key_point(&parts[0].1);
    let mask = plus2(&point, &G2Affine::generator());
    let bad =
        [point.neg(), mask, G2Affine::generator()].map(|point| signed_for(&parts[0], &point, &s.trustees.keys[0]));
    let culprit = s.trustees.ids(&[0]);
    for bad in &bad {
        let combined = s.combine(&request, &[again(bad), again(&parts[1]), again(&parts[2])]).unwrap();
        assert_eq!(combined.culprits, culprit);
        Held::new(&s.kit, &s.user, &combined.grant, &combined.rekey);
        let few = s.combine(&request, &[again(&parts[2]), again(bad)]).unwrap_err();
        assert_eq!(few, missing(1, 2, culprit.clone()));
    }
    // Named once for several, and also when it sent a good one too, in whatever order.
    let all = [&bad[0], &parts[0], &bad[1], &parts[1]];
    for shift in 0..4 {
        let order: Vec<_> = (0..4).map(|i| again(all[(i + shift) % 4])).collect();
        let combined = s.combine(&request, &order).unwrap();
        assert_eq!(combined.culprits, culprit);
        Held::new(&s.kit, &s.user, &combined.grant, &combined.rekey);
    }
    // With a commitment that is not the one of the key.
    let point = mul_p(&Scalar::from_u64(3)).to_affine().to_bytes();
    let forged = resigned(&parts[0].0, 4 + 32 + 32 + 1, &point, &s.trustees.keys[0]);
    let combined = s.combine(&request, &[(forged, again(&parts[0]).1), again(&parts[1]), again(&parts[2])]).unwrap();
    assert_eq!(combined.culprits, culprit);
}

/// Approvals are public and keys unsigned: anybody can put a wrong key beside a genuine approval, and first.
#[test]
fn wrong_key_in_an_innocent_trustees_name() {
    let s = Scene::new(2, 3);
    let request = s.request("1-2");
    let parts = s.parts(&request, &[0, 1, 2]);
    let beside = |k: usize, key: &G2Affine| (parts[k].0.clone(), approval_key(key));
    let garbage = [G2Affine::generator(), approval_key_point(&parts[1].1), approval_key_point(&parts[0].1).neg()];
    let mut sent: Vec<_> = garbage.iter().map(|key| beside(0, key)).collect();
    assert_eq!(s.combine(&request, &sent).unwrap_err(), missing(0, 2, vec![]));
    // The genuine parts come later, and count.
    sent.extend([again(&parts[0]), again(&parts[1])]);
    let combined = s.combine(&request, &sent).unwrap();
    assert!(combined.culprits.is_empty());
    Held::new(&s.kit, &s.user, &combined.grant, &combined.rekey);
}

#[test]
fn parts_that_no_trustee_made_blame_nobody() {
    let s = Scene::new(2, 3);
    let (request, other) = (s.request("1-2"), s.request("0"));
    let parts = s.parts(&request, &[0, 1]);
    let (a, point) = (&parts[0].0, G2Affine::generator());
    let index = 4 + 32 + 32;
    let (stranger, trustee) = (party(66), &s.trustees.keys[0]);
    let mut sent: Vec<Part> = vec![
        signed_for(&parts[0], &point, &stranger),
        // In the trustee's name.
        {
            let (forged, key) = signed_for(&parts[0], &point, &stranger);
            (patched(&forged, 4, trustee.verifying_key().as_bytes()), key)
        },
        // Another trustee's place, which the trustee may sign, but which is not its own.
        (resigned(a, index, &[2], trustee), again(&parts[0]).1),
        // Another request's.
        s.approve(0, &other),
    ];
    assert_eq!(s.combine(&request, &sent).unwrap_err(), missing(0, 2, vec![]));
    sent.extend(parts.iter().map(again));
    assert!(s.combine(&request, &sent).unwrap().culprits.is_empty());
}

/// A server that has not seen a refresh of the shares, or a trustee that has not, blames nobody.
#[test]
fn parts_of_another_state_of_the_shares() {
    let s = Scene::new(2, 3);
    let renewed = s.trustees.refreshed();
    assert_eq!(renewed.sharing.committee(), s.trustees.sharing.committee());
    let request = s.request("1-2");
    let (old, new) = (s.parts(&request, &[0, 1]), [0, 1].map(|k| s.approve_with(&renewed, k, &request).unwrap()));
    let sent = |parts: &[&Part]| parts.iter().map(|part| again(part)).collect::<Vec<_>>();
    let mixed = [sent(&[&old[0], &new[1]]), sent(&[&new[0], &old[1]])];
    for sharing in [&s.trustees.sharing, &renewed.sharing] {
        for parts in &mixed {
            assert_eq!(s.combine_at(sharing, &request, parts).unwrap_err(), missing(1, 2, vec![]));
        }
    }
    assert_eq!(
        s.combine_at(&renewed.sharing, &request, &sent(&[&old[0], &old[1]])).unwrap_err(),
        missing(0, 2, vec![])
    );
    // The rules outlive the refresh, and with all parts the server takes those of its state.
    for sharing in [&s.trustees.sharing, &renewed.sharing] {
        let combined = s.combine_at(sharing, &request, &sent(&[&old[0], &new[0], &old[1], &new[1]])).unwrap();
        assert!(combined.culprits.is_empty());
        Held::new(&s.kit, &s.user, &combined.grant, &combined.rekey);
    }
    // Masked keys of two states, by hand: neither a grant nor a key.
    let by_hand = {
        let [x, y] = [&old[0], &new[1]].map(|(_, key)| approval_key_point(key));
        minus2(&plus2(&x, &x), &y)
    };
    let grant = assemble_grant(&s, &request, &[&old[0].0, &new[1].0]).unwrap();
    let verified = s.verify(&grant).unwrap();
    let rekey = rekey_of(&verified.digest(), &by_hand);
    let taken = Kapre::verify_rekey(&s.kit.params, &s.kit.generation, &verified, &rekey);
    assert_eq!(taken.unwrap_err(), GrantError::ReKey);
}

/// The server cannot see what is sealed; who asks can, and says whom to leave out.
#[test]
fn trustee_that_seals_something_else() {
    let s = Scene::new(2, 3);
    let request = s.request("1-2");
    let mut parts = s.parts(&request, &[0, 1, 2]);
    parts[0].0 = resigned(&parts[0].0, 4 + 32 + 32 + 1 + 84, &[9; 48], &s.trustees.keys[0]);
    let combined = s.combine(&request, &parts).unwrap();
    assert!(combined.culprits.is_empty());
    let verified = s.verify(&combined.grant).unwrap();
    assert!(Kapre::verify_rekey(&s.kit.params, &s.kit.generation, &verified, &combined.rekey).is_ok());
    assert_eq!(Kapre::accept_grant(&s.kit.params, &s.user.secret, &verified).unwrap_err(), OpenError);
    assert_eq!(verified.faulty(&s.user.secret), s.trustees.ids(&[0]));
    let combined = s.combine(&request, &parts[1..]).unwrap();
    let held = Held::new(&s.kit, &s.user, &combined.grant, &combined.rekey);
    assert!(held.verified.faulty(&s.user.secret).is_empty() && s.kit.through(&held, 1, 7));
    // To somebody else all seem faulty.
    assert_eq!(held.verified.faulty(&Reader::new(6).secret), s.trustees.ids(&[1, 2]));
    assert!(s.kit.grant(&s.user, "1").verified.faulty(&s.user.secret).is_empty());
}
