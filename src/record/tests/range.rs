//! Ranges.

use core::ops::Range;

use super::*;
use crate::hash::Digest;

const SIZE: u64 = 5 * 4096 + 7;

fn partition() -> &'static SealedPartition {
    static SEALED: OnceLock<SealedPartition> = OnceLock::new();
    SEALED.get_or_init(|| world().seal(&text(SIZE as usize)))
}

fn open(sealed: &SealedRange, wanted: Range<u64>) -> Result<Vec<u8>, OpenError> {
    let w = world();
    w.opener().open_range(&w.expected(), sealed, wanted).map(|text| text.to_vec())
}

#[test]
fn ranges_open() {
    let all = text(SIZE as usize);
    for range in [
        0..1,
        0..4096,
        4095..4097,
        4096..8192,
        4096..4097,
        1..SIZE - 1,
        0..SIZE,
        SIZE - 1..SIZE,
        5 * 4096..SIZE,
        5 * 4096 - 1..SIZE,
        0..0,
        4096..4096,
        SIZE..SIZE,
    ] {
        let sealed = partition().range(range.clone()).unwrap();
        assert_eq!(open(&sealed, range.clone()).unwrap(), &all[range.start as usize..range.end as usize]);
        assert_eq!(SealedRange::from_bytes(&sealed.to_bytes()).unwrap(), sealed);
        assert_eq!(sealed.range(), range);
    }
    for size in [0, 1, 4096] {
        let sealed = world().seal(&text(size));
        assert_eq!(open(&sealed.range(0..size as u64).unwrap(), 0..size as u64).unwrap(), text(size));
    }
}

#[test]
fn ranges_outside_are_refused() {
    #[expect(clippy::reversed_empty_ranges)]
    for range in [0..SIZE + 1, SIZE..SIZE + 1, SIZE + 1..SIZE + 1, 2..1, u64::MAX..u64::MAX, 0..u64::MAX] {
        assert_eq!(partition().range(range.clone()).unwrap_err(), RangeError::OutOfBounds);
        assert_eq!(open(&partition().range(0..1).unwrap(), range), Err(OpenError));
    }
}

#[test]
fn an_answer_is_for_what_was_asked() {
    let sealed = partition().range(4096..4100).unwrap();
    for other in [4096..4101, 4097..4100, 0..4, 4096..4096, 8192..8196] {
        assert_eq!(open(&sealed, other), Err(OpenError));
    }
    // The cloud says that the bytes are others, of the same chunk or of another.
    for claim in [4097..4101, 8192..8196, 0..4, SIZE - 4..SIZE] {
        let lie = SealedRange { range: claim.clone(), ..sealed.clone() };
        if claim.start / 4096 != 1 {
            assert_eq!(open(&lie, claim), Err(OpenError));
        }
        assert_eq!(open(&lie, 4096..4100), Err(OpenError));
    }
}

#[test]
fn every_bit_of_a_range_counts() {
    // Two chunks would do; a small last one keeps it short.
    let sealed = partition().range(SIZE - 1..SIZE).unwrap();
    let bytes = sealed.to_bytes();
    assert!(open(&sealed, SIZE - 1..SIZE).is_ok());
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let opened = SealedRange::from_bytes(&bad).map(|sealed| open(&sealed, SIZE - 1..SIZE));
        assert!(!matches!(opened, Ok(Ok(_))), "bit {bit}");
    }
}

#[test]
fn chunks_and_hashes_have_their_places() {
    let sealed = partition().range(4096..3 * 4096).unwrap();
    let wanted = || 4096..3 * 4096;
    assert!(open(&sealed, wanted()).is_ok());
    let with = |change: &dyn Fn(&mut SealedRange)| {
        let mut bad = sealed.clone();
        change(&mut bad);
        open(&bad, wanted())
    };
    let changes: [&dyn Fn(&mut SealedRange); 9] = [
        &|r| r.chunks.rotate_left(4112),
        &|r| r.chunks.truncate(4112),
        &|r| r.chunks.push(0),
        &|r| r.chunks.clear(),
        &|r| r.proof.swap(0, 1),
        &|r| r.proof.push(Digest::NONE),
        &|r| r.proof.truncate(r.proof.len() - 1),
        &|r| r.proof.clear(),
        &|r| r.proof.insert(0, r.proof[0]),
    ];
    for (i, change) in changes.iter().enumerate() {
        assert_eq!(with(change), Err(OpenError), "{i}");
    }
    // Right chunks, right hashes, of another place.
    let other = partition().range(0..2 * 4096).unwrap();
    assert_eq!(with(&|r| r.chunks.clone_from(&other.chunks)), Err(OpenError));
    assert_eq!(
        with(&|r| {
            r.chunks.clone_from(&other.chunks);
            r.proof.clone_from(&other.proof);
        }),
        Err(OpenError)
    );
}

#[test]
fn the_total_length_is_signed() {
    let (w, sealed) = (world(), partition());
    let header = sealed.header();
    let seal = header.seal().unverified().clone();
    // The same chunks said to be of a longer or a shorter body, in the author's name without its signature.
    for length in [SIZE - 1, SIZE + 1, SIZE + 4096, 4096] {
        let mut bytes = Signed::new(&w.author, Seal { length, ..seal.clone() }).to_bytes();
        let (at, genuine) = (bytes.len() - 64, header.seal().to_bytes());
        bytes[at..].copy_from_slice(&genuine[at..]);
        let forged = Signed::from_bytes(&bytes).unwrap();
        let header = SealedHeader::assemble(header.immutable().clone(), header.mutable().clone(), forged).unwrap();
        let range = SealedRange { header, ..sealed.range(0..4096).unwrap() };
        assert_eq!(open(&range, 0..4096), Err(OpenError));
    }
}

#[test]
fn a_damaged_body_is_not_cut() {
    let (header, body) = partition().clone().into_parts();
    let index = BodyIndex::new(&header, &body).unwrap();
    let mut bad = body.clone();
    bad[5] ^= 1;
    assert_eq!(BodyIndex::new(&header, &bad).unwrap_err(), RangeError::Body);
    assert_eq!(BodyIndex::new(&header, &body[1..]).unwrap_err(), RangeError::Body);
    assert_eq!(index.cut(&header, &body[..9], 0..1).unwrap_err(), RangeError::Body);
    let other = world().seal(b"short");
    assert_eq!(index.cut(other.header(), other.body(), 0..1).unwrap_err(), RangeError::Body);
}

#[test]
fn counts_are_bounded() {
    let sealed = partition().range(0..1).unwrap();
    let mut bytes = sealed.to_bytes();
    let at = bytes.len() - 32 * sealed.proof.len() - 4;
    for (count, error) in [(65, DecodeError::Length), (u32::MAX, DecodeError::Length), (64, DecodeError::Truncated)] {
        bytes[at..at + 4].copy_from_slice(&count.to_be_bytes());
        assert_eq!(SealedRange::from_bytes(&bytes).unwrap_err(), error);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.div_ceil(4)))]

    #[test]
    fn any_range_is_the_slice(a in 0..=SIZE, b in 0..=SIZE) {
        let range = a.min(b)..a.max(b);
        let sealed = partition().range(range.clone()).unwrap();
        let slice = &text(SIZE as usize)[range.start as usize..range.end as usize];
        prop_assert_eq!(open(&sealed, range).unwrap(), slice);
    }
}
