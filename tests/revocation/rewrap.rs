//! Attacks on wrapped keys that move from one generation to the next, each a test named after what the attacker does; and
//! what cannot be defended: there the test is that the loss is the documented one and no greater.

use std::collections::HashSet;
use std::sync::LazyLock;

use proptest::prelude::*;
use sesphr::context::{Partition, RecordId, Timestamp, Validity};
use sesphr::encoding::{Encoding, Message, Reader, SecretEncoding};
use sesphr::epoch::rewrap::*;
use sesphr::epoch::tree::{EpochKeys, EpochTree};
use sesphr::epoch::{EpochDirectoryError, EpochError, KeyTree, Rewrap, TokenCheckError, TokenError, UpdateError};
use sesphr::error::{DecodeError, OpenError};
use sesphr::hazmat::hash;
use sesphr::hazmat::ristretto::{Element, Point, Scalar};
use sesphr::identity::{PartyId, Signed, SigningKey};
use sesphr::kem::OwnerRoot;
use zeroize::ZeroizeOnDrop;

use crate::common::{NOW, TestRng, assert_silent, fails_until, party, rng, validity};

// A world -------------------------------------------------------------------------------------------------------------

const EPOCH: u32 = 5;
/// Where the parts of a wrapped key's encoding are.
const GENERATION: usize = 4;
const C1: usize = 8;
const C2: usize = 40;
const SEALED: usize = 72;
const TAG: usize = 104;
const END: usize = 136;

/// Keys of a tree of the owner with this seed.
fn keys(owner: u8, partition: Partition, generation: u32, height: u8) -> EpochKeys {
    let tree = EpochTree::new(party(owner).id(), partition, generation, height).unwrap();
    EpochKeys::derive(&OwnerRoot::generate(&mut rng(owner)), &tree)
}

fn secret(generation: u32) -> EpochSecret {
    Rise::secret(&keys(1, Partition::MEDICAL, generation, 6), EPOCH).unwrap()
}

/// What the scalars behind it are, after the documentation.
fn x(secret: &EpochSecret, owner: u8) -> Scalar {
    let tree = secret.tree();
    let keys = keys(owner, tree.partition(), tree.generation(), tree.height());
    Scalar::from_wide(&keys.leaf(secret.epoch()).unwrap().scalar_bytes())
}

fn directory<'a>(
    owner: u8,
    version: u64,
    current: impl IntoIterator<Item = &'a EpochSecret>,
) -> Signed<EpochDirectory> {
    Signed::new(&party(owner), EpochDirectory::new(version, validity(), current).unwrap())
}

fn public(owner: u8, secret: &EpochSecret) -> EpochPublic {
    let directory = VerifiedEpochDirectory::new(&directory(owner, 1, [secret]), &party(owner).id(), 0, NOW).unwrap();
    directory.key(&secret.tree().partition(), NOW).unwrap().clone()
}

fn record(byte: u8, version: u64) -> RecordVersion {
    RecordVersion { record: RecordId::from_array([byte; 16]), version }
}

fn data_key(byte: u8) -> DataKey {
    DataKey::from_array(&[byte; 32])
}

/// As data key, [9; 32].
fn wrap(owner: u8, secret: &EpochSecret, subject: &RecordVersion) -> Wrapped {
    // The author's counter keeps two apart even with this generator.
    static AUTHOR: LazyLock<SigningKey> = LazyLock::new(|| party(3));
    Rise::wrap(&public(owner, secret), subject, &data_key(9), &AUTHOR, &mut rng(3)).unwrap()
}

fn unwrap(secret: &EpochSecret, wrapped: &Wrapped, subject: &RecordVersion) -> Option<[u8; 32]> {
    Rise::unwrap(secret, wrapped, subject).ok().map(|key| *key.as_bytes())
}

fn token(owner: u8, old: &EpochSecret, new: &EpochSecret) -> Token {
    Rise::token(old, new, &party(owner)).unwrap()
}

fn verified(owner: u8, old: &EpochSecret, new: &EpochSecret) -> VerifiedToken {
    Rise::verify_token(&token(owner, old, new), &party(owner).id()).unwrap()
}

fn update(token: &VerifiedToken, wrapped: &Wrapped) -> Result<Wrapped, UpdateError> {
    Rise::update(token, &token.location(), wrapped, &party(4), &mut rng(4))
}

/// Δ, from the bytes of a token.
fn delta(token: &Token) -> Scalar {
    let bytes = token.to_secret_bytes();
    Scalar::read(&mut Reader::new(&bytes[bytes.len() - 32..])).unwrap()
}

fn point(bytes: &[u8]) -> Point {
    Point::from_bytes(bytes.try_into().unwrap()).unwrap()
}

fn c1(wrapped: &Wrapped) -> Point {
    point(&wrapped.to_bytes()[C1..C2])
}

fn c2(wrapped: &Wrapped) -> Point {
    point(&wrapped.to_bytes()[C2..SEALED])
}

/// A wrapped key with other points.
fn with_points(wrapped: &Wrapped, c1: &Element, c2: &Element) -> Wrapped {
    let bytes = wrapped.to_bytes();
    let bytes = [&bytes[..C1], c1.encode().as_bytes(), c2.encode().as_bytes(), &bytes[SEALED..]].concat();
    Wrapped::from_bytes(&bytes).unwrap()
}

fn with_generation(wrapped: &Wrapped, generation: u32) -> Wrapped {
    let bytes = wrapped.to_bytes();
    Wrapped::from_bytes(&[&bytes[..GENERATION], &generation.to_be_bytes(), &bytes[C1..]].concat()).unwrap()
}

/// M from a wrapped key by somebody with the scalar x, whatever the generation.
fn m_by(wrapped: &Wrapped, x: &Scalar) -> Point {
    (c2(wrapped).element() + -c1(wrapped).mul(&x.invert())).encode()
}

/// What M opens, after the documentation: what everybody who has M can do for ever.
fn open_with_m(m: &Point, location: &Location, subject: &RecordVersion, wrapped: &Wrapped) -> Option<[u8; 32]> {
    let k = hash::kdf(
        "sesphr v1 rewrap key",
        m.as_bytes(),
        &[
            location.owner.as_bytes(),
            location.period.partition.as_str().as_bytes(),
            &location.period.epoch.to_be_bytes(),
            &[location.height],
            subject.record.as_bytes(),
            &subject.version.to_be_bytes(),
        ],
    );
    let bytes = wrapped.to_bytes();
    let (pad, tag) =
        (hash::kdf("sesphr v1 rewrap pad", &*k, &[]), hash::kdf("sesphr v1 rewrap tag", &*k, &[&bytes[SEALED..TAG]]));
    (tag[..] == bytes[TAG..]).then(|| std::array::from_fn(|i| bytes[SEALED + i] ^ pad[i]))
}

// Generations ---------------------------------------------------------------------------------------------------------

#[test]
fn secret_of_another_generation_opens_nothing() {
    let (old, new, subject) = (secret(0), secret(1), record(7, 1));
    let before = wrap(1, &old, &subject);
    let after = update(&verified(1, &old, &new), &before).unwrap();
    assert_eq!(unwrap(&old, &before, &subject), Some([9; 32]));
    assert_eq!(unwrap(&new, &after, &subject), Some([9; 32]));
    assert_eq!((before.generation(), after.generation()), (0, 1));
    // Whatever generation it is said to be of.
    for (secret, wrapped) in [(&old, &after), (&new, &before)] {
        let generation = secret.tree().generation();
        assert_eq!(Rise::unwrap(secret, wrapped, &subject).unwrap_err(), OpenError);
        assert_eq!(Rise::unwrap(secret, &with_generation(wrapped, generation), &subject).unwrap_err(), OpenError);
        assert_eq!(
            unwrap(secret, &with_points(wrapped, &c1(&before).element(), &c2(&after).element()), &subject),
            None
        );
    }
    // What was renumbered is not what it says, though its points are good.
    for generation in [0, 2, u32::MAX] {
        assert_eq!(unwrap(&new, &with_generation(&after, generation), &subject), None);
    }
}

#[test]
fn update_that_is_repeated() {
    let (old, new, subject) = (secret(0), secret(1), record(7, 1));
    let (token, before) = (verified(1, &old, &new), wrap(1, &old, &subject));
    let after = update(&token, &before).unwrap();
    assert_eq!(update(&token, &after), Err(UpdateError::Generation));
    let many = Rise::update_many(&token, &token.location(), &[before.clone(), after.clone()], &party(4), &mut rng(4));
    assert_eq!(many, Err(UpdateError::Generation));
    // A cloud that does it without the library: ΔΔ leads nowhere.
    let twice = with_generation(&update(&token, &with_generation(&after, 0)).unwrap(), 1);
    assert_eq!(unwrap(&new, &twice, &subject), None);
    assert_eq!(unwrap(&old, &with_generation(&twice, 0), &subject), None);
}

#[test]
fn tokens_out_of_order() {
    let (secrets, subject) = ([0, 1, 2, 3].map(secret), record(7, 1));
    let [s0, s1, s2, s3] = &secrets;
    let start = wrap(1, s0, &subject);
    let [t01, t12, t13] = [(s0, s1), (s1, s2), (s1, s3)].map(|(old, new)| verified(1, old, new));
    assert_eq!((t13.from(), t13.to()), (s1.tree(), 3));
    assert_eq!(update(&t12, &start), Err(UpdateError::Generation));
    let first = update(&t01, &start).unwrap();
    let (second, third) = (update(&t12, &first).unwrap(), update(&t13, &first).unwrap());
    // Each opens under its own secret and no other. A generation may be left out.
    for (i, wrapped) in [&start, &first, &second, &third].into_iter().enumerate() {
        for (j, secret) in secrets.iter().enumerate() {
            assert_eq!(unwrap(secret, wrapped, &subject), (i == j).then_some([9; 32]), "{i} under {j}");
        }
    }
    assert_eq!(update(&t13, &second), Err(UpdateError::Generation));
}

#[test]
fn updates_are_fresh_and_both_open() {
    let (old, new, subject) = (secret(0), secret(1), record(7, 1));
    let (token, before) = (verified(1, &old, &new), wrap(1, &old, &subject));
    // The generator repeats; the cloud counts.
    let cloud = party(4);
    let run = || Rise::update(&token, &token.location(), &before, &cloud, &mut TestRng::constant(0)).unwrap();
    let (a, b) = (run(), run());
    assert!(c1(&a) != c1(&b) && c2(&a) != c2(&b));
    assert!([&a, &b].iter().all(|wrapped| unwrap(&new, wrapped, &subject) == Some([9; 32])));
    // C1 and C2 are those of before, moved by multiples of Y' and B that are new.
    let factor = delta(&self::token(1, &old, &new));
    let by = |wrapped: &Wrapped| (c2(wrapped).element() + -c2(&before).element()).encode();
    assert_eq!((c1(&before).mul(&factor) + by(&a).mul(&x(&new, 1))).encode(), c1(&a), "C1' = ΔC1 + ρ'Y'");
    // What the documentation says does link them.
    assert_eq!(a.to_bytes()[SEALED..], before.to_bytes()[SEALED..]);
    // Many at once have a ρ' each.
    let many: Vec<_> = (0..20).map(|i| wrap(1, &old, &record(i, 1))).collect();
    let moved = Rise::update_many(&token, &token.location(), &many, &party(4), &mut rng(4)).unwrap();
    let shifts = many.iter().zip(&moved).map(|(before, after)| {
        let shift = c2(after).element() + -c2(before).element();
        *shift.encode().as_bytes()
    });
    assert_eq!(shifts.collect::<HashSet<_>>().len(), many.len());
}

#[test]
fn many_at_once_are_as_one_by_one_and_all_or_none() {
    let (old, new) = (secret(0), secret(1));
    let token = verified(1, &old, &new);
    let subjects: Vec<_> = (0..40).map(|i| record(i, 3)).collect();
    let before: Vec<_> = subjects.iter().map(|subject| wrap(1, &old, subject)).collect();
    let run = |wrapped: &[Wrapped]| Rise::update_many(&token, &token.location(), wrapped, &party(4), &mut rng(4));
    let after = run(&before).unwrap();
    assert_eq!(after.len(), before.len());
    for ((subject, before), after) in subjects.iter().zip(&before).zip(&after) {
        assert_eq!(update(&token, before).as_ref(), Ok(after));
        assert_eq!(unwrap(&new, after, subject), Some([9; 32]));
    }
    assert_eq!(run(&[]), Ok(vec![]));
    for at in [0, 20, 39] {
        let mut mixed = before.clone();
        mixed[at] = after[at].clone();
        assert_eq!(run(&mixed), Err(UpdateError::Generation));
    }
    let elsewhere = Location { height: 7, ..token.location() };
    assert_eq!(Rise::update_many(&token, &elsewhere, &before, &party(4), &mut rng(4)), Err(UpdateError::Location));
}

// Where and what for ----------------------------------------------------------------------------------------------------

/// One thing varies in each: owner, partition, epoch, height; and the record and its version.
#[test]
fn wrapped_key_moved_to_another_context() {
    let (medical, personal) = (Partition::MEDICAL, Partition::PERSONAL);
    let places = [(1, medical, 5, 6), (2, medical, 5, 6), (1, personal, 5, 6), (1, medical, 4, 6), (1, medical, 5, 7)];
    let secrets = places.map(|(owner, partition, epoch, height)| {
        let of = |generation| Rise::secret(&keys(owner, partition, generation, height), epoch).unwrap();
        (owner, of(0), of(1))
    });
    let subjects = [record(7, 1), record(8, 1), record(7, 2)];
    let cells: Vec<_> = (0..5).map(|place| (place, 0)).chain([(0, 1), (0, 2)]).collect();
    for (i, (place, subject)) in cells.iter().enumerate() {
        let (owner, old, new) = &secrets[*place];
        let before = wrap(*owner, old, &subjects[*subject]);
        let token = verified(*owner, old, new);
        let after = update(&token, &before).unwrap();
        for (j, (place, subject)) in cells.iter().enumerate() {
            let (_, other_old, other_new) = &secrets[*place];
            let expected = (i == j).then_some([9; 32]);
            assert_eq!(unwrap(other_old, &before, &subjects[*subject]), expected, "{i} as {j}");
            assert_eq!(unwrap(other_new, &after, &subjects[*subject]), expected, "updated {i} as {j}");
            // A token for one place does not touch what belongs to another.
            let same = other_old.location() == old.location();
            let moved = Rise::update(&token, &other_old.location(), &before, &party(4), &mut rng(4));
            assert_eq!(moved.is_ok(), same, "{i} at {j}");
            assert!(same || moved == Err(UpdateError::Location));
        }
    }
}

/// The same secret, so that it is the name of each place alone that keeps them apart.
#[test]
fn every_part_of_the_context_is_in_the_key() {
    let (secret, subject) = (secret(0), record(7, 1));
    let wrapped = wrap(1, &secret, &subject);
    let (m, at) = (m_by(&wrapped, &x(&secret, 1)), secret.location());
    assert_eq!(open_with_m(&m, &at, &subject, &wrapped), Some([9; 32]));
    let mut elsewhere = [at; 4];
    elsewhere[0].owner = party(2).id();
    elsewhere[1].period.partition = Partition::PERSONAL;
    elsewhere[2].period.epoch = 4;
    elsewhere[3].height = 7;
    assert!(elsewhere.iter().all(|at| open_with_m(&m, at, &subject, &wrapped).is_none()));
}

#[test]
fn token_for_secrets_that_do_not_belong_together() {
    let old = secret(0);
    let of = |owner, partition, generation, height, epoch| {
        Rise::secret(&keys(owner, partition, generation, height), epoch).unwrap()
    };
    let (medical, owner) = (Partition::MEDICAL, party(1));
    for other in [
        of(2, medical, 1, 6, EPOCH),
        of(1, Partition::PERSONAL, 1, 6, EPOCH),
        of(1, medical, 1, 6, EPOCH + 1),
        of(1, medical, 1, 7, EPOCH),
    ] {
        assert_eq!(Rise::token(&old, &other, &owner).unwrap_err(), TokenError::Location);
    }
    let new = secret(1);
    assert_eq!(Rise::token(&new, &old, &owner).unwrap_err(), TokenError::Generation);
    assert_eq!(Rise::token(&old, &secret(0), &owner).unwrap_err(), TokenError::Generation);
    assert_eq!(Rise::token(&old, &new, &party(2)).unwrap_err(), TokenError::Signer);
    assert!(Rise::token(&old, &new, &owner).is_ok());
}

#[test]
fn token_that_was_tampered_with() {
    let (old, new) = (secret(0), secret(1));
    let (token, owner) = (token(1, &old, &new), party(1).id());
    let bytes = token.to_secret_bytes();
    let (terms, factor) = bytes.split_at(bytes.len() - 32);
    let check =
        |bytes: &[u8], owner: &PartyId| Token::from_bytes(bytes).map(|token| Rise::verify_token(&token, owner).err());
    assert_eq!(check(&bytes, &owner), Ok(None));
    assert_eq!(check(&bytes, &party(2).id()), Ok(Some(TokenCheckError::Signature)));
    // Another factor: a wrong one, that of another epoch, the way back, one.
    let next = Rise::secret(&keys(1, Partition::MEDICAL, 1, 6), EPOCH + 1).unwrap();
    for other in [
        &x(&next, 1) * &x(&old, 1).invert(),
        delta(&token).invert(),
        &delta(&token) + &Scalar::from_u64(1),
        Scalar::from_u64(1),
    ] {
        let forged = [terms, &other.to_bytes()[..]].concat();
        assert_eq!(check(&forged, &owner), Ok(Some(TokenCheckError::Factor)));
    }
    assert_eq!(check(&[terms, &[0; 32]].concat(), &owner), Err(DecodeError::Scalar));
    // Signed by another party, for its own key but the owner's tree.
    let forged = Signed::new(&party(2), token.terms().unverified().clone());
    let forged = [&bytes[..4], &forged.to_bytes(), factor].concat();
    assert_eq!(check(&forged, &owner), Ok(Some(TokenCheckError::Signature)));
    assert_eq!(check(&forged, &party(2).id()), Ok(Some(TokenCheckError::Owner)));
    // Every byte of the signed terms.
    for at in 0..terms.len() {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1;
        assert_ne!(check(&bytes, &owner), Ok(None), "byte {at}");
    }
}

/// Terms that no owner's program makes do not decode.
#[test]
fn impossible_terms() {
    let (old, new) = (secret(2), secret(3));
    let terms = token(1, &old, &new).terms().unverified().clone();
    assert_eq!((terms.from(), terms.to(), terms.epoch()), (old.tree(), 3, EPOCH));
    let bytes = terms.to_bytes();
    let [to, epoch, points] = [4 + 32 + 4 + 7 + 4 + 1, 4 + 32 + 4 + 7 + 4 + 1 + 4, 4 + 32 + 4 + 7 + 4 + 1 + 8];
    let patched = |at: usize, patch: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[at..at + patch.len()].copy_from_slice(patch);
        TokenTerms::from_bytes(&bytes)
    };
    assert_eq!(patched(to, &3u32.to_be_bytes()).as_ref(), Ok(&terms));
    assert!(patched(to, &4u32.to_be_bytes()).is_ok());
    for generation in [0u32, 1, 2] {
        assert_eq!(patched(to, &generation.to_be_bytes()), Err(DecodeError::Value));
    }
    assert!(patched(epoch, &63u32.to_be_bytes()).is_ok());
    assert_eq!(patched(epoch, &64u32.to_be_bytes()), Err(DecodeError::Value));
    for at in [points, points + 32] {
        assert_eq!(patched(at, &[0; 32]), Err(DecodeError::Point));
    }
}

// Wrapped keys --------------------------------------------------------------------------------------------------------

#[test]
fn every_flipped_bit_of_a_wrapped_key() {
    let (secret, subject) = (secret(0), record(7, 1));
    let bytes = wrap(1, &secret, &subject).to_bytes();
    assert_eq!(bytes.len(), END);
    let mut opened = [0; 2];
    for bit in 0..8 * bytes.len() {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(wrapped) = Wrapped::from_bytes(&bytes) {
            assert_eq!(Rise::unwrap(&secret, &wrapped, &subject).unwrap_err(), OpenError, "bit {bit}");
            opened[usize::from(bit >= 8 * SEALED)] += 1;
        }
    }
    // All of the data key and tag decode, and some points.
    assert!(opened[0] > 32 && opened[1] == 8 * 64, "{opened:?}");
}

#[test]
fn parts_swapped_between_wrapped_keys() {
    let (secret, subject) = (secret(0), record(7, 1));
    let all = [wrap(1, &secret, &subject), wrap(1, &secret, &subject), wrap(1, &secret, &record(8, 1))];
    let all = all.map(|wrapped| wrapped.to_bytes());
    for i in 0..81 {
        let (w, x, y, z) = (i % 3, i / 3 % 3, i / 9 % 3, i / 27);
        let bytes = [&all[w][..C2], &all[x][C2..SEALED], &all[y][SEALED..TAG], &all[z][TAG..]].concat();
        let whole = w == x && x == y && y == z && w < 2;
        let opened = unwrap(&secret, &Wrapped::from_bytes(&bytes).unwrap(), &subject);
        assert_eq!(opened, whole.then_some([9; 32]), "{w}{x}{y}{z}");
    }
}

#[test]
fn identity_and_what_is_no_point() {
    let bytes = wrap(1, &secret(0), &record(7, 1)).to_bytes();
    for at in [C1, C2] {
        for bad in [[0; 32], [0xff; 32], std::array::from_fn(|i| u8::from(i == 0))] {
            let mut bytes = bytes.clone();
            bytes[at..at + 32].copy_from_slice(&bad);
            assert_eq!(Wrapped::from_bytes(&bytes), Err(DecodeError::Point));
        }
    }
}

/// Points that an attacker can make from public ones, in front of a data key and tag that it copied.
#[test]
fn mauled_points() {
    let (secret, subject) = (secret(0), record(7, 1));
    let wrapped = wrap(1, &secret, &subject);
    let (a, b, y) = (c1(&wrapped), c2(&wrapped), Element::base(&x(&secret, 1)));
    let two = Scalar::from_u64(2);
    for (c1, c2) in [
        (a.mul(&two), b.mul(&two)),
        (a.mul(&two), b.element()),
        (-a.element(), b.element()),
        (a.element() + y, b.element()),
        (a.element(), b.element() + Element::base(&two)),
        (b.element(), a.element()),
        (y, Element::base(&two)),
    ] {
        assert_eq!(unwrap(&secret, &with_points(&wrapped, &c1, &c2), &subject), None);
    }
}

/// A limit: who knows Y makes another wrapped key of it that opens to the same. No data key is other than the author's.
#[test]
fn anybody_can_randomise_a_wrapped_key_anew() {
    let (secret, subject) = (secret(0), record(7, 1));
    let (wrapped, r) = (wrap(1, &secret, &subject), Scalar::from_u64(4711));
    let y = Element::base(&x(&secret, 1)).encode();
    let again =
        with_points(&wrapped, &(c1(&wrapped).element() + y.mul(&r)), &(c2(&wrapped).element() + Element::base(&r)));
    assert_ne!(again, wrapped);
    assert_eq!(unwrap(&secret, &again, &subject), Some([9; 32]));
}

/// Whoever makes it: what opens under one secret and as one record opens under and as no other. With a tag that does not bind
/// M, the author would choose C1 and C2 for two secrets.
#[test]
fn one_wrapped_key_for_two_readers() {
    let (a, b, subject) = (secret(0), Rise::secret(&keys(2, Partition::MEDICAL, 0, 6), EPOCH).unwrap(), record(7, 1));
    let wrapped = wrap(1, &a, &subject);
    let (xa, xb) = (x(&a, 1), x(&b, 2));
    // One M for both: C2 − C1/xa = C2 − C1/xb has the identity as its only C1, which does not decode. So M differs.
    assert_ne!(m_by(&wrapped, &xa), m_by(&wrapped, &xb));
    assert_eq!(unwrap(&b, &wrapped, &subject), None);
    // The tag is of K, so that of b's is another, and it is compared whole.
    for at in TAG..END {
        let mut bytes = wrapped.to_bytes();
        bytes[at] ^= 0x10;
        assert_eq!(unwrap(&a, &Wrapped::from_bytes(&bytes).unwrap(), &subject), None, "byte {at}");
    }
    // And it is of the sealed data key: another one is not had by turning a bit.
    for at in SEALED..TAG {
        let mut bytes = wrapped.to_bytes();
        bytes[at] ^= 0x10;
        assert_eq!(unwrap(&a, &Wrapped::from_bytes(&bytes).unwrap(), &subject), None, "byte {at}");
    }
}

// Directories ---------------------------------------------------------------------------------------------------------

#[test]
fn directory_that_is_stale_rolled_back_or_foreign() {
    let (owner, current) = (party(1).id(), secret(3));
    let signed = directory(1, 4, [&current]);
    let check = |signed: &Signed<EpochDirectory>, seen, now| {
        VerifiedEpochDirectory::new(signed, &owner, seen, Timestamp(now)).map(drop)
    };
    for (now, expected) in [(9, false), (10, true), (20, true), (21, false)] {
        let result = check(&signed, 0, now);
        assert_eq!(result, if expected { Ok(()) } else { Err(EpochDirectoryError::Time) }, "{now}");
    }
    assert_eq!(check(&signed, 4, 15), Ok(()));
    assert_eq!(check(&signed, 5, 15), Err(EpochDirectoryError::Rollback));
    // Another's directory; another's signature over this one; and one of this owner's with another's tree.
    assert_eq!(check(&directory(2, 4, [&current]), 0, 15), Err(EpochDirectoryError::Signature));
    let foreign = Rise::secret(&keys(2, Partition::MEDICAL, 3, 6), EPOCH).unwrap();
    assert_eq!(check(&directory(1, 4, [&foreign]), 0, 15), Err(EpochDirectoryError::Owner));
    // It was verified, and then time went on.
    let checked = VerifiedEpochDirectory::new(&signed, &owner, 0, NOW).unwrap();
    assert_eq!((checked.owner(), checked.version(), checked.validity()), (owner, 4, validity()));
    for (now, expected) in [(9, false), (10, true), (20, true), (21, false)] {
        let key = checked.key(&Partition::MEDICAL, Timestamp(now));
        assert_eq!(key.err(), (!expected).then_some(EpochDirectoryError::Time), "{now}");
    }
    assert_eq!(checked.key(&Partition::PERSONAL, NOW), Err(EpochDirectoryError::Partition));
    let key = checked.key(&Partition::MEDICAL, NOW).unwrap();
    assert_eq!((key.tree(), key.epoch(), key.location()), (current.tree(), EPOCH, current.location()));
}

#[test]
fn every_flipped_bit_of_a_directory() {
    let signed = directory(1, 4, [&secret(3)]);
    let bytes = signed.to_bytes();
    for bit in 0..8 * bytes.len() {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(signed) = Signed::<EpochDirectory>::from_bytes(&bytes) {
            let error = VerifiedEpochDirectory::new(&signed, &party(1).id(), 0, NOW).unwrap_err();
            assert_eq!(error, EpochDirectoryError::Signature, "bit {bit}");
        }
    }
}

#[test]
fn directories_have_each_partition_once_and_in_order() {
    let of = |partition| Rise::secret(&keys(1, partition, 0, 6), EPOCH).unwrap();
    let all = Partition::SESPHR.map(of);
    let forward = EpochDirectory::new(1, validity(), &all).unwrap();
    assert_eq!(EpochDirectory::new(1, validity(), all.iter().rev()).unwrap(), forward);
    assert_eq!(EpochDirectory::from_bytes(&forward.to_bytes()), Ok(forward.clone()));
    let checked = VerifiedEpochDirectory::new(&Signed::new(&party(1), forward), &party(1).id(), 0, NOW).unwrap();
    for (secret, partition) in all.iter().zip(&Partition::SESPHR) {
        assert_eq!(checked.key(partition, NOW).unwrap().tree(), secret.tree());
    }
    let twice = EpochDirectory::new(1, validity(), [&all[0], &all[1], &all[0]]);
    assert_eq!(twice, Err(EpochDirectoryError::Partition));
    // The bytes of two that are one, and of two in the wrong order.
    let [a, b] = [0, 1].map(|i| EpochDirectory::new(1, validity(), [&all[i]]).unwrap().to_bytes());
    let (head, [a, b]) = (&a[..28], [&a[32..], &b[32..]]);
    let read = |entries: &[&[u8]]| {
        let count = u32::try_from(entries.len()).unwrap().to_be_bytes();
        EpochDirectory::from_bytes(&[head, &count, &entries.concat()].concat())
    };
    // “medical” is before “personal”.
    assert_eq!(read(&[b, a]).unwrap(), EpochDirectory::new(1, validity(), &all[..2]).unwrap());
    assert_eq!(read(&[a, b]), Err(DecodeError::Value));
    assert_eq!(read(&[a, a]), Err(DecodeError::Value));
    // An epoch beyond the tree, and a point that is none.
    for (at, patch, error) in [(48, 64u32.to_be_bytes(), DecodeError::Value), (52, [0xff; 4], DecodeError::Point)] {
        let mut entry = b.to_vec();
        assert!(read(&[&entry]).is_ok());
        entry[at..at + 4].copy_from_slice(&patch);
        assert_eq!(read(&[&entry]), Err(error));
    }
}

#[test]
fn directory_of_too_many_partitions() {
    let of = |i: usize| {
        let partition = Partition::new(&format!("p{i:04}")).unwrap();
        Rise::secret(&keys(1, partition, 0, 1), 0).unwrap()
    };
    let all: Vec<_> = (0..=EpochDirectory::MAX_PARTITIONS).map(of).collect();
    let most = EpochDirectory::new(1, validity(), &all[1..]).unwrap();
    assert_eq!(EpochDirectory::from_bytes(&most.to_bytes()), Ok(most.clone()));
    assert_eq!(EpochDirectory::new(1, validity(), &all), Err(EpochDirectoryError::Partition));
    let mut bytes = most.to_bytes();
    bytes[28..32].copy_from_slice(&1025u32.to_be_bytes());
    assert_eq!(EpochDirectory::from_bytes(&bytes), Err(DecodeError::Length));
}

#[test]
fn validity_that_ends_early_is_none() {
    assert_eq!(Validity::new(Timestamp(2), Timestamp(1)), None);
    let mut bytes = EpochDirectory::new(1, validity(), []).unwrap().to_bytes();
    bytes[20..28].copy_from_slice(&9u64.to_be_bytes());
    assert_eq!(EpochDirectory::from_bytes(&bytes), Err(DecodeError::Value));
}

// What cannot be defended ---------------------------------------------------------------------------------------------

/// Who left with the old secret of an epoch, and got hold of its token, has the new secret of that epoch, for what is there
/// already and for what is written later; and of no other epoch.
#[test]
fn stolen_token_and_old_secret_open_that_epoch_and_no_other() {
    let subject = record(7, 1);
    let epochs = |generation| {
        let keys = keys(1, Partition::MEDICAL, generation, 6);
        [EPOCH, EPOCH + 1].map(|epoch| Rise::secret(&keys, epoch).unwrap())
    };
    let ([old, old_next], [new, new_next]) = (epochs(0), epochs(1));
    let stolen = delta(&token(1, &old, &new));
    let departed = &stolen * &x(&old, 1);
    assert_eq!(departed.to_bytes(), x(&new, 1).to_bytes());
    let read =
        |wrapped: &Wrapped, at: &EpochSecret| open_with_m(&m_by(wrapped, &departed), &at.location(), &subject, wrapped);
    let moved = update(&verified(1, &old, &new), &wrap(1, &old, &subject)).unwrap();
    assert_eq!(read(&moved, &new), Some([9; 32]));
    assert_eq!(read(&wrap(1, &new, &subject), &new), Some([9; 32]));
    // The next epoch, moved and new.
    let next = update(&verified(1, &old_next, &new_next), &wrap(1, &old_next, &subject)).unwrap();
    for wrapped in [next, wrap(1, &new_next, &subject)] {
        assert_eq!(read(&wrapped, &new_next), None);
    }
    // Its token alone gives nothing without the old secret of the same epoch.
    let next = delta(&token(1, &old_next, &new_next));
    assert_ne!((&next * &x(&old, 1)).to_bytes(), x(&new_next, 1).to_bytes());
    // And backwards: a token and the new secret give the old one.
    assert_eq!((&stolen.invert() * &x(&new, 1)).to_bytes(), x(&old, 1).to_bytes());
}

/// M does not change, and neither does the data key.
#[test]
fn kept_m_or_data_key_still_opens() {
    let (old, new, subject) = (secret(0), secret(1), record(7, 1));
    let before = wrap(1, &old, &subject);
    let kept = m_by(&before, &x(&old, 1));
    let after = update(&verified(1, &old, &new), &before).unwrap();
    assert_eq!(open_with_m(&kept, &new.location(), &subject, &after), Some([9; 32]));
    // Old secret and new state alone do not give M.
    assert_ne!(m_by(&after, &x(&old, 1)), kept);
    assert_eq!(open_with_m(&m_by(&after, &x(&old, 1)), &new.location(), &subject, &after), None);
    // Nor does the ρ of the author who wrapped it.
    let rho_y = c1(&before);
    assert_ne!((c2(&after).element() + -rho_y.mul(&x(&old, 1).invert())).encode(), kept);
    // One who copied the old state.
    assert_eq!(unwrap(&old, &before, &subject), Some([9; 32]));
}

// Members and secrets -------------------------------------------------------------------------------------------------

#[test]
fn members_have_the_secrets_of_their_epochs() {
    let all = keys(1, Partition::MEDICAL, 0, 6);
    let member = all.grant(3..=9).unwrap();
    let subject = record(7, 1);
    for epoch in 0..=63 {
        let wrapped = wrap(1, &Rise::secret(&all, epoch).unwrap(), &subject);
        match Rise::secret(&member, epoch) {
            Ok(secret) => assert_eq!(unwrap(&secret, &wrapped, &subject), Some([9; 32])),
            Err(error) => assert_eq!(error, EpochError::NotHeld),
        }
        assert_eq!(Rise::secret(&member, epoch).is_ok(), (3..=9).contains(&epoch));
    }
    assert_eq!(Rise::secret(&all, 64).unwrap_err(), EpochError::OutOfTree);
}

#[test]
fn secrets_do_not_print() {
    let (old, new, subject) = (secret(0), secret(1), record(7, 1));
    let token = token(1, &old, &new);
    let (delta, wrapped) = (delta(&token).to_bytes(), wrap(1, &old, &subject));
    let everything: [&dyn std::fmt::Debug; 5] = [&old, &token, &verified(1, &old, &new), &data_key(9), &wrapped];
    for value in everything {
        for secret in [&x(&old, 1), &x(&old, 1).invert(), &x(&new, 1)] {
            assert_silent(value, &secret.to_bytes()[..]);
        }
        assert_silent(value, &delta[..]);
        assert_silent(value, &[9; 32]);
    }
    // The control: what prints, prints.
    assert!(format!("{old:?}").contains("epoch: 5"));
    assert!(token.to_secret_bytes().ends_with(&delta[..]));
}

assert_not!(
    EpochSecret: Clone, Token: Clone, VerifiedToken: Clone, DataKey: Clone,
    EpochSecret: PartialEq, Token: PartialEq, VerifiedToken: PartialEq, DataKey: PartialEq,
    EpochSecret: Message, VerifiedToken: Message, DataKey: Message, EpochPublic: Message, VerifiedEpochDirectory: Message,
    Token: Encoding,
);

#[test]
fn secrets_are_wiped() {
    fn wiped<T: ZeroizeOnDrop>() {}
    wiped::<EpochSecret>();
    wiped::<Token>();
    wiped::<VerifiedToken>();
    wiped::<DataKey>();
}

// Broken generators ---------------------------------------------------------------------------------------------------

#[test]
fn generator_that_fails_at_any_draw() {
    let (old, new, subject) = (secret(0), secret(1), record(7, 1));
    let (public, token, wrapped) = (public(1, &old), verified(1, &old, &new), wrap(1, &old, &subject));
    let (at, author) = (token.location(), party(3));
    fails_until(1, |rng| DataKey::try_generate(rng).map_err(|_| true));
    fails_until(1, |rng| Rise::wrap(&public, &subject, &data_key(9), &author, rng).map_err(|_| true));
    fails_until(1, |rng| Rise::update(&token, &at, &wrapped, &author, rng).map_err(|e| e == UpdateError::Rng));
    let many = vec![wrapped; 5];
    fails_until(1, |rng| Rise::update_many(&token, &at, &many, &author, rng).map_err(|e| e == UpdateError::Rng));
    assert!(DataKey::try_generate(&mut TestRng::constant(0)).is_err());
}

/// A generator that repeats, in processes that run from one snapshot: the author's counter repeats as well.
#[test]
fn generator_that_repeats_gives_no_two_data_keys_one_pad() {
    let (secret, other, subject) = (secret(0), secret(1), record(7, 1));
    let wrap = |secret: &EpochSecret, subject: &RecordVersion, key: u8| {
        Rise::wrap(&public(1, secret), subject, &data_key(key), &party(3), &mut TestRng::constant(0)).unwrap()
    };
    let first = wrap(&secret, &subject, 9);
    assert_eq!(first, wrap(&secret, &subject, 9));
    for second in [wrap(&secret, &subject, 8), wrap(&secret, &record(7, 2), 9), wrap(&other, &subject, 9)] {
        assert!(c1(&first) != c1(&second) && c2(&first) != c2(&second));
        assert_ne!(m_by(&first, &x(&secret, 1)), m_by(&second, &x(&secret, 1)));
    }
    let pads = [9, 8].map(|key| wrap(&secret, &subject, key).to_bytes()[SEALED] ^ key);
    assert_ne!(pads[0], pads[1]);
    // And of a cloud: ρ' is of what it is for.
    let cloud = |token: &VerifiedToken, wrapped: &Wrapped| {
        let moved = Rise::update(token, &token.location(), wrapped, &party(4), &mut TestRng::constant(0)).unwrap();
        *(c2(&moved).element() + -c2(wrapped).element()).encode().as_bytes()
    };
    let (token, third) = (verified(1, &secret, &other), self::secret(2));
    let shifts = [
        cloud(&token, &first),
        cloud(&token, &wrap(&secret, &record(8, 1), 9)),
        cloud(&verified(1, &secret, &third), &first),
    ];
    assert_eq!(HashSet::from(shifts).len(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Along any chain of generations, whatever is wrapped opens with the last secret alone.
    #[test]
    fn any_data_key_survives_any_generations(
        key: [u8; 32], record: [u8; 16], version: u64, epoch in 0u32..64, steps in prop::collection::vec(1u32..1000, 1..4),
    ) {
        let subject = RecordVersion { record: RecordId::from_array(record), version };
        let of = |generation| Rise::secret(&keys(1, Partition::MEDICAL, generation, 6), epoch).unwrap();
        let key_of = DataKey::from_array(&key);
        let mut held = of(0);
        let mut wrapped = Rise::wrap(&public(1, &held), &subject, &key_of, &party(3), &mut rng(3)).unwrap();
        for step in steps {
            let next = of(held.tree().generation() + step);
            let moved = update(&verified(1, &held, &next), &wrapped).unwrap();
            let moved = Wrapped::from_bytes(&moved.to_bytes()).unwrap();
            prop_assert_eq!(unwrap(&held, &moved, &subject), None);
            prop_assert_eq!(unwrap(&next, &wrapped, &subject), None);
            prop_assert_eq!(unwrap(&next, &moved, &subject), Some(key));
            (held, wrapped) = (next, moved);
        }
    }

    /// What decodes encodes to the same bytes, and opens only if it is what was made.
    #[test]
    fn any_bytes_are_one_wrapped_key_or_none(patch in prop::collection::vec((0usize..136, any::<u8>()), 1..6)) {
        let (secret, subject) = (secret(0), record(7, 1));
        let genuine = wrap(1, &secret, &subject).to_bytes();
        let mut bytes = genuine.clone();
        patch.iter().for_each(|(at, byte)| bytes[*at] = *byte);
        if let Ok(wrapped) = Wrapped::from_bytes(&bytes) {
            prop_assert_eq!(&wrapped.to_bytes(), &bytes);
            prop_assert_eq!(unwrap(&secret, &wrapped, &subject).is_some(), bytes == genuine);
        }
    }
}

/// A cloud's program takes nobody else's key by accident.
#[test]
fn updates_by_two_clouds_differ_and_both_open() {
    let (old, new, subject) = (secret(0), secret(1), record(7, 1));
    let (token, wrapped) = (verified(1, &old, &new), wrap(1, &old, &subject));
    let by = |cloud: SigningKey| {
        Rise::update(&token, &token.location(), &wrapped, &cloud, &mut TestRng::constant(0)).unwrap()
    };
    let (a, b) = (by(party(4)), by(party(5)));
    assert_ne!(a, b);
    assert!([a, b].iter().all(|wrapped| unwrap(&new, wrapped, &subject) == Some([9; 32])));
}
