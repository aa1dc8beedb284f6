//! Spaces, keys, questions, and their encodings.

use zeroize::Zeroizing;

use super::super::hazmat::{range, top};
use super::*;
use crate::encoding::{Encoding, Message, Reader, SecretEncoding};
use crate::error::DecodeError;
use crate::ristretto::Scalar;
use crate::search::value::Plain;
use crate::search::{MAX_SCOPE, Trapdoor as _};

#[test]
fn spaces_that_the_mode_refuses() {
    let integer = |bits| Encoder::integer(bits).unwrap();
    let code = Encoder::code(&[]).unwrap();
    assert_eq!(Ordered::check(&code, Queries::Points), Err(SpaceError::CodeInOrdered));
    assert_eq!(Ordered::check(&integer(8), Queries::Ranges), Err(SpaceError::SmallDomain));
    assert_eq!(Ordered::check(&integer(12), Queries::Ranges), Ok(()));
    for queries in [Queries::Points, Queries::RangesAndPoints] {
        assert_eq!(Ordered::check(&integer(8), queries), Err(SpaceError::Queries));
        assert_eq!(Ordered::check(&integer(32), queries), Err(SpaceError::Queries));
    }
    let (owner, attribute) = (World::new(12).owner.id(), Attribute::new("x").unwrap());
    let forced = |encoder| Ordered::forced_space(owner, Partition::MEDICAL, attribute, encoder);
    assert_eq!(forced(code), Err(SpaceError::CodeInOrdered));
    let small = forced(integer(4)).unwrap();
    assert_eq!(Space::from_bytes(&small.to_bytes()), Ok(small));
    assert!(Space::<Ordered>::new(owner, Partition::MEDICAL, attribute, integer(8), Queries::Ranges).is_err());
}

#[test]
fn the_owner_derives_what_providers_derive() {
    let world = World::new(12);
    let (_, keys) = world.everybody(2);
    for key in &keys {
        assert_eq!(world.key(&key.path).to_secret_bytes(), key.to_secret_bytes());
        assert_eq!(Ordered::writer(key), (&world.space, &key.path));
    }
    let deepest = Ordered::child_key(&keys[4], step(&world.user, 0)).unwrap();
    assert_eq!(Ordered::child_key(&deepest, step(&world.user, 0)).unwrap_err(), PathError::Depth);
    assert_eq!(SwitchKey::child(&deepest, step(&world.user, 0), &world.user).unwrap_err(), SwitchKeyError::Depth);
    // Everything is in the name.
    let mut all: Vec<_> = keys.iter().map(|key| key.k.to_bytes()).collect();
    all.extend(
        [world.key(&world.path(0, 3)), world.key(&world.path(0, 2).child(step(&world.clinic, 4)).unwrap())]
            .map(|key| key.k.to_bytes()),
    );
    all.extend([2, 3].map(|generation| world.query_key(generation, &[world.path(0, 0)]).k.to_bytes()));
    let other = World { space: space(world.owner.id(), "other", 12), ..World::new(12) };
    all.push(other.key(&world.path(0, 2)).k.to_bytes());
    // A user who is a provider has two keys.
    let user =
        Ordered::query_key(&world.root, &world.space, step(&world.hospitals[0], 2), &[world.path(0, 0)]).unwrap();
    all.push(user.k.to_bytes());
    for (i, a) in all.iter().enumerate() {
        assert!(all[i + 1..].iter().all(|b| a != b));
    }
}

#[test]
fn who_may_make_keys_for_the_switcher() {
    let world = World::new(12);
    let (owner, hospital) = (&world.owner, &world.hospitals[0]);
    let (path, key) = (world.path(0, 0), world.key(&world.path(0, 0)));
    let provider = |path: &Path, signer| SwitchKey::provider(&world.root, &world.space, path, signer);
    assert_eq!(provider(&path, hospital).unwrap_err(), SwitchKeyError::Signer);
    let clinic = step(&world.clinic, 0);
    assert_eq!(provider(&path.child(clinic).unwrap(), owner).unwrap_err(), SwitchKeyError::Depth);
    for signer in [owner, &world.clinic, &world.hospitals[1]] {
        assert_eq!(SwitchKey::child(&key, clinic, signer).unwrap_err(), SwitchKeyError::Signer);
    }
    let user = step(&world.user, 0);
    let querier = |scope: &[Path], signer| SwitchKey::querier(&world.root, &world.space, user, scope, signer);
    assert_eq!(querier(core::slice::from_ref(&path), &world.user).unwrap_err(), SwitchKeyError::Signer);
    assert_eq!(querier(&[], owner).unwrap_err(), SwitchKeyError::Scope);
    let rotation = |from, to, signer| SwitchRotation::new(&world.root, &world.space, from, to, signer);
    assert_eq!(rotation(0, 1, hospital).unwrap_err(), SwitchKeyError::Signer);
    assert_eq!(rotation(1, 1, owner).unwrap_err(), SwitchKeyError::Generation);
    // Who is above has to have signed, whoever else did.
    let child = SwitchKey::child(&key, clinic, hospital).unwrap();
    let all = [provider(&path, owner).unwrap(), child, querier(core::slice::from_ref(&path), owner).unwrap()];
    for (key, signer) in all.iter().zip([owner, hospital, owner]) {
        let bytes = key.to_secret_bytes();
        let good = SwitchKey::from_bytes(&bytes).unwrap();
        assert_eq!(good.to_secret_bytes(), bytes);
        assert_eq!(good.verify(&owner.id()).unwrap().terms(), key.terms().unverified());
        assert_eq!(
            SwitchTerms::from_bytes(&key.terms().unverified().to_bytes()).as_ref(),
            Ok(key.terms().unverified())
        );
        let other = if signer.id() == owner.id() { hospital } else { owner };
        let mut forged = Vec::from(&bytes[..4]);
        crate::identity::Signed::new(other, key.terms().unverified().clone()).write(&mut forged);
        forged.extend(&bytes[bytes.len() - 32..]);
        assert_eq!(
            SwitchKey::from_bytes(&forged).unwrap().verify(&owner.id()).unwrap_err(),
            SwitchCheckError::Signature
        );
        let mut wrong = bytes.to_vec();
        wrong.truncate(bytes.len() - 32);
        let scalar = |k: &Scalar| [&wrong[..], &k.to_bytes()[..]].concat();
        let factor = SwitchKey::from_bytes(&scalar(&Scalar::from_u64(5))).unwrap();
        assert_eq!(factor.verify(&owner.id()).unwrap_err(), SwitchCheckError::Factor);
        assert_eq!(SwitchKey::from_bytes(&scalar(&Scalar::from_u64(0))).unwrap_err(), DecodeError::Scalar);
    }
    let rotation = rotation(0, 1, owner).unwrap();
    let bytes = rotation.to_secret_bytes();
    let read = SwitchRotation::from_bytes(&bytes).unwrap();
    assert_eq!(read.verify(&owner.id()).unwrap().terms(), rotation.terms().unverified());
    assert_eq!(read.verify(&hospital.id()).unwrap_err(), SwitchCheckError::Signature);
    let wrong = [&bytes[..bytes.len() - 32], &Scalar::from_u64(5).to_bytes()[..]].concat();
    let wrong = SwitchRotation::from_bytes(&wrong).unwrap();
    assert_eq!(wrong.verify(&owner.id()).unwrap_err(), SwitchCheckError::Factor);
    let terms = rotation.terms().unverified().to_bytes();
    assert_eq!(SwitchRotationTerms::from_bytes(&terms).as_ref(), Ok(rotation.terms().unverified()));
    let back = [&terms[..36], &[0, 0, 0, 1, 0, 0, 0, 1], &terms[44..]].concat();
    assert_eq!(SwitchRotationTerms::from_bytes(&back), Err(DecodeError::Value));
}

#[test]
fn keys_read_as_they_were_written() {
    let world = World::new(12);
    let (write, query) = (world.key(&world.path(0, 0)), world.query_key(0, &[world.path(1, 0), world.path(0, 0)]));
    let bytes = write.to_secret_bytes();
    assert_eq!(WriteKey::from_bytes(&bytes).unwrap().to_secret_bytes(), bytes);
    let zero = [&bytes[..bytes.len() - 32], &[0; 32]].concat();
    assert_eq!(WriteKey::from_bytes(&zero).unwrap_err(), DecodeError::Scalar);
    let bytes = query.to_secret_bytes();
    let read = QueryKey::from_bytes(&bytes).unwrap();
    assert_eq!((read.to_secret_bytes(), read.user()), (bytes.clone(), query.user()));
    let zero = [&bytes[..bytes.len() - 32], &[0; 32]].concat();
    assert_eq!(QueryKey::from_bytes(&zero).unwrap_err(), DecodeError::Scalar);
    // A key of nothing encrypts nothing.
    let zero = WriteKey { space: world.space.clone(), path: world.path(0, 0), k: Scalar::from_u64(0) };
    let mut out = Vec::new();
    assert_eq!(Ordered::encrypt(&zero, &value(1), &mut rng(2), &mut out), Err(EncryptError::Rng));
    assert!(out.is_empty());
    let zero =
        QueryKey { k: Scalar::from_u64(0), scope: query.scope.clone(), space: world.space.clone(), user: query.user };
    assert_eq!(Ordered::question(&zero, &range(Some(1), None)), Err(TrapdoorError::Rng));
    // Nothing secret is printed.
    let secrets = [write.k.to_bytes(), query.k.to_bytes()].map(|k| crate::hash::Digest::from_array(*k));
    let printed = std::format!("{write:?} {query:?} {:?}", world.everybody(0).0);
    assert!(secrets.iter().all(|k| !printed.contains(&std::format!("{k:?}"))));
}

#[test]
fn questions() {
    let world = World::new(12);
    let scope = [world.path(0, 0), world.path(1, 0)];
    let key = world.query_key(0, &scope);
    let ask = |query: &Query| Ordered::question(&key, query);
    let both = ask(&range(Some(3), Some(9))).unwrap();
    assert_eq!((both.end(), both.limit()), (End::Smallest, u32::MAX));
    assert!(both.lower.is_some() && both.upper.is_some() && both.lower != both.upper);
    assert_eq!(ask(&range(Some(9), Some(3))), Err(TrapdoorError::Empty));
    assert_eq!(ask(&range(Some(4096), None)), Err(TrapdoorError::Value));
    assert_eq!(ask(&range(None, Some(4096))), Err(TrapdoorError::Value));
    assert_eq!(ask(&Query(Ask::Point(value(3)))), ask(&range(Some(3), Some(3))));
    assert_eq!(ask(&Query(Ask::Point(value(4096)))), Err(TrapdoorError::Value));
    let code = || Zeroizing::new(Vec::from(*b"I10"));
    assert_eq!(ask(&Query(Ask::Point(Value(Plain::Code(code()))))), Err(TrapdoorError::Value));
    assert_eq!(ask(&Query(Ask::Prefix(code()))), Err(TrapdoorError::Query));
    let greatest = ask(&top(End::Greatest, 5)).unwrap();
    assert_eq!((greatest.end(), greatest.limit(), &greatest.lower, &greatest.upper), (End::Greatest, 5, &None, &None));
    // Scopes.
    let (space, mut asker) = Ordered::asker(&key);
    asker.sort_unstable();
    let mut sorted = scope.to_vec();
    sorted.sort_unstable();
    assert_eq!((space, &asker), (&world.space, &sorted));
    let narrow = Ordered::narrow(&key, |path| *path == scope[1]).unwrap();
    assert_eq!(narrow.scope, [scope[1].clone()]);
    assert_eq!(Ordered::narrow(&key, |_| false).unwrap_err(), ScopeError::Empty);
    assert_eq!(Ordered::query_key(&world.root, &world.space, key.user, &[]).unwrap_err(), ScopeError::Empty);
    // Encodings.
    let shape = world.space.shape();
    let read = |bytes: &[u8]| Question::read(&shape, &mut Reader::new(bytes));
    for question in [both.clone(), greatest, ask(&range(None, Some(9))).unwrap(), ask(&range(Some(1), None)).unwrap()] {
        let mut bytes = Vec::new();
        question.write(&mut bytes);
        let mut reader = Reader::new(&bytes);
        assert_eq!(Question::read(&shape, &mut reader).as_ref(), Ok(&question));
        assert_eq!(reader.remaining(), 0);
        assert!(question.scope().eq(&sorted));
    }
    let mut bytes = Vec::new();
    ask(&top(End::Greatest, 5)).unwrap().write(&mut bytes);
    let with = |at: usize, byte: u8| {
        let mut bad = bytes.clone();
        bad[at] = byte;
        bad
    };
    assert_eq!(read(&with(0, 4)), Err(DecodeError::Value));
    assert_eq!(read(&with(1, 2)), Err(DecodeError::Value));
    let scope = |count: u32, paths: &[&Path]| {
        let mut out = Vec::from(&bytes[..6]);
        out.extend(count.to_be_bytes());
        paths.iter().for_each(|path| path.write(&mut out));
        out
    };
    let (a, b) = (&sorted[0], &sorted[1]);
    assert_eq!(scope(2, &[a, b]), bytes);
    assert_eq!(read(&scope(2, &[b, a])), Err(DecodeError::Value));
    assert_eq!(read(&scope(2, &[a, a])), Err(DecodeError::Value));
    assert_eq!(read(&scope(0, &[])), Err(DecodeError::Value));
    assert_eq!(read(&scope(MAX_SCOPE as u32 + 1, &[a])), Err(DecodeError::Length));
    let mut bytes = Vec::new();
    both.write(&mut bytes);
    bytes[1..33].fill(0);
    assert_eq!(read(&bytes), Err(DecodeError::Point));
}
