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

mod limits;

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
