//! Directories of epochs, what cannot be defended, secrets, and broken generators.

use super::*;

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
