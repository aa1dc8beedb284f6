//! Any t parts of `Threshold` open and fewer do not, in whatever order and company.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::{Index, subsequence};

use crate::common::kapre::patched;
use crate::common::threshold::*;
use crate::common::{NOW, TestRng, party, rng};
use sesphr::context::{Context, Timestamp};
use sesphr::encoding::{Encoding, Message};
use sesphr::error::OpenError;
use sesphr::hazmat::ristretto::{Element, Scalar};
use sesphr::pre::threshold::*;
use sesphr::pre::{GrantTerms, Pre, Proxy, ReencryptError, Reencryptor};

/// Every committee of up to five servers, every set of its parts.
#[test]
fn exactly_the_sets_of_t_parts_open() {
    for (t, n) in (1..=5).flat_map(|n| (1..=n).map(move |t| (t, n))) {
        let s = Scene::new(t, n);
        let (ctx, capsule, key) = s.seal();
        let parts = s.parts(&capsule, &ctx);
        let checked: Vec<_> = parts.iter().map(|part| s.held.check(&capsule, part, &ctx).unwrap()).collect();
        for mask in 0..1u32 << n {
            let chosen = |k: &usize| mask >> k & 1 == 1;
            let some: Vec<_> = (0..parts.len()).filter(chosen).map(|k| parts[k].clone()).collect();
            let expected = (mask.count_ones() >= t.into()).then_some(key);
            assert_eq!(s.held.open(&capsule, &some, &ctx), expected, "{t} of {n}: {mask:b}");
            let some: Vec<_> = (0..parts.len()).filter(chosen).map(|k| checked[k].clone()).collect();
            let opened = Threshold::open_verified(&s.held.user, &capsule, &some, &ctx);
            assert_eq!(opened.ok().map(|key| bytes(&key)), expected, "{t} of {n}: {mask:b}, verified");
        }
        assert_eq!(s.owner.open(&capsule, &ctx), Some(key));
    }
}

/// Fragments are what the polynomial says: any t of them give a/d, fewer something else.
#[test]
fn shares_interpolate_to_the_owners_secret() {
    for (t, n) in [(1, 1), (1, 3), (2, 3), (3, 3), (3, 5), (5, 9)] {
        let s = Scene::new(t, n);
        let d = s.user.factor(&s.owner, &s.held.signed);
        let shares: Vec<_> = (1..=n).map(|k| (k, s.held.share(k))).collect();
        for window in shares.windows(t.into()) {
            let a = &d * &interpolate(window);
            assert_eq!(a.to_bytes(), s.owner.a().to_bytes());
        }
        for window in shares.windows(usize::from(t)) {
            assert_ne!((&d * &interpolate(&window[1..])).to_bytes(), s.owner.a().to_bytes());
        }
        // U_k = Σ kʲF_j, and A = dF_0.
        for (k, share) in &shares {
            let images = (0..usize::from(t)).map(|j| {
                let power = (0..j).fold(small(1), |power, _| &power * &small(*k));
                s.held.commitment(j).mul(&power)
            });
            let sum = images.reduce(|sum, image| sum + image).unwrap();
            assert_eq!(sum.encode(), Element::base(share).encode());
        }
        assert_eq!(s.held.commitment(0).mul(&d).encode(), s.owner.point());
    }
}

#[test]
fn one_part_many_times_is_one_part() {
    let s = Scene::new(3, 4);
    let (ctx, capsule, key) = s.seal();
    let parts = s.parts(&capsule, &ctx);
    // Another answer of the same server is no other part either.
    let again = s.part(1, &capsule, &ctx);
    assert_ne!(parts[0], again);
    let [one, two, three] = [0, 1, 2].map(|k| parts[k].clone());
    for some in [
        vec![],
        vec![one.clone(); 3],
        vec![one.clone(), again.clone(), two.clone()],
        vec![one.clone(), two.clone(), two.clone(), one.clone(), again.clone()],
    ] {
        assert_eq!(s.held.open(&capsule, &some, &ctx), None);
        let checked: Vec<_> = some.iter().map(|part| s.held.check(&capsule, part, &ctx).unwrap()).collect();
        let opened = Threshold::open_verified(&s.held.user, &capsule, &checked, &ctx);
        assert_eq!(opened.unwrap_err(), OpenError);
        assert!(s.held.culprits(&capsule, &some, &ctx).is_empty(), "nobody lied");
    }
    assert_eq!(s.held.open(&capsule, &[one.clone(), again, one, two, three], &ctx), Some(key));
}

#[test]
fn verified_parts_of_something_else_do_not_count() {
    let s = Scene::new(2, 3);
    let (ctx, capsule, key) = s.seal();
    let other_ctx = s.owner.ctx(&s.author, 8, 1, b"ab");
    let (_, other_capsule, _) = s.seal();
    let (third, _) = s.owner.seal(&other_ctx, &s.author);
    let other = s.owner.delegate(&s.user, &committee(2, 1..=3));
    let good = |k| s.held.check(&capsule, &s.part(k, &capsule, &ctx), &ctx).unwrap();
    let elsewhere = [
        s.held.check(&other_capsule, &s.part(2, &other_capsule, &ctx), &ctx).unwrap(),
        s.held.check(&third, &s.part(2, &third, &other_ctx), &other_ctx).unwrap(),
        other.check(&capsule, &other.part(&s.owner, 2, &capsule, &ctx), &ctx).unwrap(),
    ];
    let open = |parts: &[VerifiedPart]| {
        Threshold::open_verified(&s.held.user, &capsule, parts, &ctx).ok().map(|key| bytes(&key))
    };
    for part in &elsewhere {
        assert_eq!(part.index(), 2);
        assert_eq!(open(&[good(1), part.clone()]), None);
        // Nor do they take the place of one that does.
        assert_eq!(open(&[part.clone(), good(1), good(2)]), Some(key));
    }
    assert_eq!(open(&[good(3), good(2)]), Some(key));

    // One ρ in two contexts: c1 and E are the same, and a part is a part of one of them.
    let (a, rho) = (s.owner.point(), Scalar::from_u64(4711));
    let [(ctx, capsule), (elsewhere, same)] = [ctx, other_ctx].map(|ctx| (ctx, handmade(&a, &rho, &a.mul(&rho), &ctx)));
    let checked = |capsule: &Capsule, ctx: &Context<'_>| {
        (1..=2).map(|k| s.held.check(capsule, &s.part(k, capsule, ctx), ctx).unwrap()).collect::<Vec<_>>()
    };
    let opens = |parts: &[VerifiedPart]| Threshold::open_verified(&s.held.user, &capsule, parts, &ctx).is_ok();
    assert!(opens(&checked(&capsule, &ctx)));
    assert!(!opens(&checked(&same, &elsewhere)));
}

/// An author knows ρ, and with it ρF_0: all that the servers' answers add up to. It is one part all the same, where t are needed.
#[test]
fn part_that_stands_for_all_of_them() {
    let s = Scene::new(2, 3);
    let (ctx, rho, a) = (s.ctx(), Scalar::from_u64(4711), s.owner.point());
    let capsule = handmade(&a, &rho, &a.mul(&rho), &ctx);
    let part = s.part(1, &capsule, &ctx);
    let whole = patched(&part, 5, s.held.commitment(0).mul(&rho).encode().as_bytes());
    let shared = s.held.commitment(0).mul(&rho).encode().mul(&s.user.factor(&s.owner, &s.held.signed));
    assert_eq!(unlock(&shared, &capsule, &ctx), s.owner.open(&capsule, &ctx));
    assert!(s.owner.open(&capsule, &ctx).is_some());
    for parts in [vec![whole.clone()], vec![whole.clone(), whole]] {
        assert_eq!(s.held.open(&capsule, &parts, &ctx), None);
    }
}

/// All 255 of 255, and one of them.
#[test]
fn largest_committee() {
    let owner = Owner::new(1, crate::common::medical(3));
    let (user, author) = (Delegatee::new(2), party(3));
    let ids = (0..255u8).map(|k| sesphr::identity::PartyId::from_array([k; 32]));
    for threshold in [1, 2, 255] {
        let held = owner.delegate(&user, &Servers::new(threshold, ids.clone()).unwrap());
        assert_eq!(held.fragments.len(), 255);
        let ctx = owner.ctx(&author, 7, 1, b"");
        let (capsule, key) = owner.seal(&ctx, &author);
        let last = 255 - threshold + 1;
        let parts: Vec<_> = (last..=255).map(|k| held.part(&owner, k, &capsule, &ctx)).collect();
        assert_eq!(held.open(&capsule, &parts, &ctx), Some(key));
        assert_eq!(held.open(&capsule, &parts[1..], &ctx), None);
    }
}

/// What a grant says of itself.
#[test]
fn terms_of_a_grant() {
    let s = Scene::new(2, 3);
    let terms = s.held.grant.grant();
    assert_eq!((terms.id(), terms.round(), terms.user()), (s.held.grant.id(), 0, s.user.signer.id()));
    assert_eq!((terms.origin(), terms.validity()), (s.held.grant.origin(), crate::common::validity()));
    assert_eq!(s.held.grant.authority(), (s.held.grant.id(), s.held.signed.digest()));
    let servers = terms.servers();
    assert_eq!((servers.threshold(), servers.ids().len()), (2, 3));
    for k in 1..=3 {
        let id = party(100 + k).id();
        assert_eq!((servers.server(k), servers.index(&id)), (Some(id), Some(k)));
        assert_eq!(s.held.fragments[usize::from(k) - 1].index(), k);
        assert_eq!(s.held.verified[usize::from(k) - 1].grant().id(), terms.id());
    }
    assert_eq!([0, 4, 255].map(|k| servers.server(k)), [None; 3]);
    assert_eq!(servers.index(&party(99).id()), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// t of n in any order open, also with more of them and with doubles; t − 1 do not.
    #[test]
    fn any_t_parts_open_in_any_order(
        n in 1u8..=9, t in any::<Index>(), order in Just((1u8..=9).collect::<Vec<_>>()).prop_shuffle(), extra in any::<Index>(),
    ) {
        let t = t.index(n.into()) as u8 + 1;
        let s = Scene::new(t, n);
        let (ctx, capsule, key) = s.seal();
        let order: Vec<_> = order.into_iter().filter(|k| *k <= n).collect();
        let parts: Vec<_> = order.iter().map(|k| s.part(*k, &capsule, &ctx)).collect();
        let (enough, few) = (usize::from(t), usize::from(t) - 1);
        prop_assert_eq!(s.held.open(&capsule, &parts[..enough], &ctx), Some(key));
        prop_assert_eq!(s.held.open(&capsule, &parts[..few], &ctx), None);
        let more = enough + extra.index(parts.len() - few);
        prop_assert_eq!(s.held.open(&capsule, &parts[..more], &ctx), Some(key));
        let doubled: Vec<_> = parts[..few].iter().chain(&parts[..enough]).cloned().collect();
        prop_assert_eq!(s.held.open(&capsule, &doubled, &ctx), Some(key));
        prop_assert!(s.held.culprits(&capsule, &parts, &ctx).is_empty());
    }

    /// Every pair of disjoint committees within one grant gives the same key.
    #[test]
    fn whoever_helps_the_key_is_one(left in subsequence((1u8..=6).collect::<Vec<_>>(), 3)) {
        let s = Scene::new(3, 6);
        let (ctx, capsule, key) = s.seal();
        let of = |wanted: bool| -> Vec<_> {
            (1..=6).filter(|k| left.contains(k) == wanted).map(|k| s.part(k, &capsule, &ctx)).collect()
        };
        prop_assert_eq!(s.held.open(&capsule, &of(true), &ctx), Some(key));
        prop_assert_eq!(s.held.open(&capsule, &of(false), &ctx), Some(key));
    }

    #[test]
    fn decoders_survive_anything(kind in 0x80u16..0x90, signed: bool, body in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut message = vec![1, 3];
        message.extend((kind | if signed { 0x8000 } else { 0 }).to_be_bytes());
        message.extend(body);
        fn check<M: Encoding>(bytes: &[u8]) -> Result<(), TestCaseError> {
            if let Ok(message) = M::from_bytes(bytes) {
                prop_assert_eq!(message.to_bytes(), bytes);
            }
            Ok(())
        }
        check::<Capsule>(&message)?;
        check::<Part>(&message)?;
        check::<Servers>(&message)?;
        check::<OwnerKey>(&message)?;
        check::<sesphr::identity::Signed<Grant>>(&message)?;
        check::<sesphr::identity::Signed<UserKey>>(&message)?;
        check::<sesphr::identity::Signed<OwnerCert>>(&message)?;
    }
}

/// A writer's table changes nothing.
#[test]
fn precomputed_key_is_the_key() {
    let s = Scene::new(1, 1);
    let (ctx, key) = (s.ctx(), s.owner.key.clone().precompute());
    let (capsule, shared) = Threshold::encapsulate(&(), &key, &ctx, &s.author, &mut rng(3)).unwrap();
    assert_eq!(s.owner.open(&capsule, &ctx), Some(bytes(&shared)));
    // With the same draw, the same capsule.
    let made = |key| Threshold::encapsulate(&(), key, &ctx, &party(3), &mut rng(3)).unwrap().0;
    assert_eq!(made(&key), made(&s.owner.key));
}

/// Bytes in, bytes out, as a server that serves several schemes runs it.
#[test]
fn servers_that_choose_the_scheme_at_run_time() {
    let s = Scene::new(2, 3);
    let (ctx, capsule, key) = s.seal();
    let mut out = Vec::new();
    let mut parts = Vec::new();
    for (fragment, k) in s.held.fragments.iter().zip(1..) {
        let rekey = Threshold::verify_rekey(&(), &s.owner.key, &s.held.grant, fragment).unwrap();
        let proxy: Box<dyn Reencryptor> =
            Box::new(Proxy::<Threshold>::new(Arc::new(()), s.owner.key.clone(), rekey, Arc::new(party(100 + k))));
        let run =
            |bytes: &[u8], now, out: &mut Vec<u8>| proxy.reencrypt(bytes, &ctx, now, &mut TestRng::constant(7), out);
        // What fails appends nothing.
        let refused = run(&capsule.to_bytes()[1..], NOW, &mut out).unwrap_err();
        assert!(matches!(refused, ReencryptError::Capsule(_)));
        assert_eq!(run(&capsule.to_bytes(), Timestamp(21), &mut out), Err(ReencryptError::Expired));
        assert!(out.is_empty());
        run(&capsule.to_bytes(), NOW, &mut out).unwrap();
        parts.push(Part::from_bytes(&std::mem::take(&mut out)).unwrap());
    }
    assert_eq!(s.held.open(&capsule, &parts, &ctx), Some(key));
    assert!(s.held.culprits(&capsule, &parts, &ctx).is_empty());
}
