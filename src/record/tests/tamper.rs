//! Changes by whoever stores a partition.

use super::*;

fn fails(sealed: &[u8]) -> bool {
    SealedPartition::from_bytes(sealed).map_or(true, |sealed| world().open(&sealed).is_err())
}

#[test]
fn every_bit_counts() {
    let sealed = world().seal(b"a small one").to_bytes();
    assert!(!fails(&sealed));
    for bit in 0..sealed.len() * 8 {
        let mut bad = sealed.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(fails(&bad), "bit {bit}");
    }
}

#[test]
fn every_prefix_and_every_extension_fails() {
    let sealed = world().seal(b"a small one").to_bytes();
    for end in 0..sealed.len() {
        assert!(SealedPartition::from_bytes(&sealed[..end]).is_err(), "{end}");
    }
    for more in 1..=64 {
        let longer = [&*sealed, &std::vec![0; more]].concat();
        assert_eq!(SealedPartition::from_bytes(&longer).unwrap_err(), DecodeError::TrailingBytes);
    }
}

/// Opens a body beside its header, past the check of the length that decoding makes.
fn opens(header: &SealedHeader, body: &[u8]) -> bool {
    let (w, mut out) = (world(), Plaintext::new());
    let opened = w.opener().open_into(&w.expected(), header, body, &mut out).is_ok();
    assert!(opened || out.is_empty());
    opened
}

#[test]
fn bodies_are_whole_and_in_order() {
    const C: usize = 4096 + 16;
    let (header, body) = world().seal(&text(3 * 4096 + 100)).into_parts();
    assert!(opens(&header, &body));
    for cut in [0, 1, 15, 16, 17, C - 1, C, C + 1, 2 * C, 3 * C, 3 * C + 15, 3 * C + 16, body.len() - 1] {
        assert!(!opens(&header, &body[..cut]), "cut at {cut}");
    }
    let (a, b, c, last) = (&body[..C], &body[C..2 * C], &body[2 * C..3 * C], &body[3 * C..]);
    for (what, parts) in [
        ("extended", &[a, b, c, last, &[0][..]][..]),
        ("extended by a chunk", &[a, b, c, last, a]),
        ("reordered", &[b, a, c, last]),
        ("duplicated", &[a, a, c, last]),
        ("duplicated and longer", &[a, a, b, c, last]),
        ("dropped in the middle", &[a, c, last]),
        ("dropped last", &[a, b, c]),
        ("last first", &[last, a, b, c]),
    ] {
        assert!(!opens(&header, &parts.concat()), "{what}");
    }
}

#[test]
fn expectations_are_checked_one_by_one() {
    let w = world();
    let sealed = w.seal(b"x");
    let good = w.expected();
    let other = SigningKey::from_seed(&[77; 32]).id();
    let both = [other, w.author.id()];
    let opens = |expected: Expected<'_>| w.opener().open(&expected, &sealed).is_ok();
    assert!(opens(good));
    assert!(opens(Expected { authors: &both, ..good }));
    assert!(opens(Expected { versions: Versions::AtLeast(0), ..good }));
    assert!(opens(Expected { versions: Versions::AtLeast(1), ..good }));
    for bad in [
        Expected { owner: other, ..good },
        Expected { record: RecordId::from_array([8; 16]), ..good },
        Expected { partition: Partition::PERSONAL, ..good },
        Expected { authors: &both[..1], ..good },
        Expected { authors: &[], ..good },
        Expected { versions: Versions::Exactly(2), ..good },
        Expected { versions: Versions::Exactly(0), ..good },
        Expected { versions: Versions::AtLeast(2), ..good },
    ] {
        assert!(!opens(bad), "{bad:?}");
    }
}

#[test]
fn another_scheme_does_not_open() {
    let w = world();
    let sealed = w.seal(b"x");
    let open = |suite| open::unlock(sealed.header(), suite, &w.expected(), None, |_| Ok(w.shared_key(sealed.header())));
    assert!(open(SuiteId::Afgh).is_ok());
    assert!(open(SuiteId::Common).is_err());
}

#[test]
fn pieces_of_two_partitions_do_not_mix() {
    let w = world();
    // Same record, version, author, length: nothing but the pieces themselves tell them apart.
    let (a, b) = (w.seal(b"one"), w.seal(b"two"));
    let (ha, hb) = (a.header(), b.header());
    for pick in 1..7 {
        let of = |bit: u8| if pick & bit == 0 { (ha, a.body()) } else { (hb, b.body()) };
        let mixed = assemble(of(1).0.immutable(), ha.mutable(), of(2).0.seal(), of(4).1).unwrap();
        assert_eq!(w.open(&mixed), Err(OpenError), "{pick}");
    }
    let whole = assemble(hb.immutable(), ha.mutable(), hb.seal(), b.body()).unwrap();
    assert_eq!(w.open(&whole).unwrap(), b"two");
}

#[test]
fn the_mutable_header_of_a_scheme_that_does_not_rotate_is_fixed() {
    let w = world();
    let sealed = w.seal(b"x");
    let header = sealed.header();
    for mutable in [MutableHeader::create(1, Vec::new()), MutableHeader::create(0, std::vec![0])] {
        let changed = assemble(header.immutable(), &mutable, header.seal(), sealed.body()).unwrap();
        assert_eq!(w.open(&changed), Err(OpenError));
    }
}

#[test]
fn wrong_keys_do_not_open() {
    let (w, rng) = (world(), &mut rng(6));
    let sealed = w.seal(b"x");
    let period = Period { partition: Partition::MEDICAL, epoch: 3 };
    let (other, _) = Afgh::owner_keygen(&(), &OwnerRoot::generate(rng), &w.owner, &period, rng).unwrap();
    let opener = Opener::<Afgh>::owner(&(), &other);
    assert_eq!(opener.open(&w.expected(), &sealed).unwrap_err(), OpenError);
}

#[test]
fn lengths_are_bounded_before_anything_is_allocated() {
    let w = world();
    let sealed = w.seal(b"x");
    let (header, seal) = (sealed.header(), sealed.header().seal().unverified().clone());
    // The author claims the longest body there is; decoding sees that it is not there.
    let most = u64::from(u32::MAX) << 12;
    let claim = |length| Signed::new(&w.author, Seal { length, ..seal.clone() });
    let long = SealedHeader::assemble(header.immutable().clone(), header.mutable().clone(), claim(most)).unwrap();
    let bytes = [&*long.to_bytes(), sealed.body()].concat();
    // The message header differs in its kind alone.
    let wrap = |kind: crate::encoding::Kind, rest: &[u8]| {
        let [k0, k1] = kind.number().to_be_bytes();
        [&[1, 0, k0, k1], rest].concat()
    };
    let bytes = wrap(SealedPartition::KIND, &bytes);
    assert_eq!(SealedPartition::from_bytes(&bytes).unwrap_err(), DecodeError::Truncated);
    let range = [&*long.to_bytes(), &0_u64.to_be_bytes(), &most.to_be_bytes(), sealed.body()].concat();
    let range = wrap(SealedRange::KIND, &range);
    assert_eq!(SealedRange::from_bytes(&range).unwrap_err(), DecodeError::Truncated);
    // One more than there are numbers for.
    for length in [most + 1, u64::MAX] {
        let immutable = header.immutable();
        let parts = [&*immutable.to_bytes(), &header.mutable().to_bytes(), &claim(length).to_bytes()].concat();
        let bytes = wrap(SealedHeader::KIND, &parts);
        assert_eq!(SealedHeader::from_bytes(&bytes).unwrap_err(), DecodeError::Length);
    }
    // Capsules: at the bound the field is missing bytes, above it the bound speaks.
    let mutable = |length: u32| wrap(MutableHeader::KIND, &[[0; 4], length.to_be_bytes()].concat());
    assert_eq!(MutableHeader::from_bytes(&mutable(1024)).unwrap_err(), DecodeError::Truncated);
    for length in [1025, u32::MAX] {
        assert_eq!(MutableHeader::from_bytes(&mutable(length)).unwrap_err(), DecodeError::Length);
    }
    let context = ContextBuf::try_from(&header.context()).unwrap().to_bytes();
    let immutable = |length: u32| wrap(ImmutableHeader::KIND, &[&*context, &length.to_be_bytes()].concat());
    assert_eq!(ImmutableHeader::from_bytes(&immutable(1024)).unwrap_err(), DecodeError::Truncated);
    for length in [1025, u32::MAX] {
        assert_eq!(ImmutableHeader::from_bytes(&immutable(length)).unwrap_err(), DecodeError::Length);
    }
}

#[test]
fn fields_hold_only_what_they_can() {
    let header = world().seal(b"x");
    let immutable = header.header().immutable().to_bytes();
    let at = immutable.len() - 66;
    for (offset, bad) in [(at, 0), (at, 3), (at + 1, 11), (at + 1, 21), (at + 1, 255)] {
        let mut bytes = immutable.clone();
        bytes[offset] = bad;
        assert_eq!(ImmutableHeader::from_bytes(&bytes).unwrap_err(), DecodeError::Value);
    }
    let mut mutable = header.header().mutable().to_bytes();
    for (bad, error) in [(1, DecodeError::Truncated), (2, DecodeError::Value), (255, DecodeError::Value)] {
        *mutable.last_mut().unwrap() = bad;
        assert_eq!(MutableHeader::from_bytes(&mutable).unwrap_err(), error);
    }
}

#[test]
fn a_body_of_another_length_than_the_header_states_is_no_partition() {
    let (header, mut body) = world().seal(b"x").into_parts();
    body.push(0);
    assert_eq!(SealedPartition::from_parts(header, body).unwrap_err(), DecodeError::Length);
}
