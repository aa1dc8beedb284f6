use alloc::collections::BTreeSet;
use alloc::format;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::{SeedableRng, TryRng};
use subtle::ConstantTimeEq;

use super::message::Wrap;
use super::*;
use crate::encoding::{Encoding, Message, SecretEncoding};

/// Bytes of the group in either message, and of a broadcast before its count.
const GROUP: usize = 4 + 32 + 32 + 1;
const HEAD: usize = GROUP + 8 + 32;
const WRAP: usize = 5 + 32 + 32;

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

fn owner() -> SigningKey {
    SigningKey::from_seed(&[3; 32])
}

fn root() -> OwnerRoot {
    OwnerRoot::generate(&mut rng(4))
}

fn group(height: u8) -> Group {
    Group::new(owner().id(), Digest::from_array([5; 32]), height).unwrap()
}

fn keys(height: u8) -> GroupKeys {
    GroupKeys::derive(&root(), &group(height))
}

fn common(byte: u8) -> CommonKey {
    CommonKey::new(Zeroizing::new([byte; 32]))
}

fn all_but(revoked: &[u32], height: u8) -> Recipients<'_> {
    Recipients { seats: group(height).seats(), revoked }
}

fn send(keys: &GroupKeys, recipients: &Recipients<'_>) -> Result<Broadcast, BroadcastError> {
    let sent = keys.broadcast(&owner(), 9, &common(0xc7), recipients, &mut rng(6))?;
    Ok(sent.unverified().clone())
}

/// As if the owner had meant it.
fn signed(broadcast: &Broadcast) -> Verified<Broadcast> {
    Signed::new(&owner(), broadcast.clone()).verify(&owner().id()).unwrap()
}

fn opens(seat: &SeatKeys, broadcast: &Broadcast) -> bool {
    match seat.open(&signed(broadcast)) {
        Ok(opened) => {
            assert_eq!(opened.as_bytes(), &[0xc7; 32], "another key");
            true
        }
        Err(OpenError) => false,
    }
}

/// Level and first seat of each node of the cover, as encoded.
fn cover(broadcast: &Broadcast) -> Vec<(u8, u32)> {
    let node = |wrap: &[u8]| (wrap[0], u32::from_be_bytes(wrap[1..5].try_into().unwrap()) << wrap[0]);
    broadcast.to_bytes()[HEAD + 4..].chunks(WRAP).map(node).collect()
}

/// The cover by its definition: from the top, the first nodes below which all are recipients.
fn definition(height: u8, seats: u32, revoked: &BTreeSet<u32>) -> Vec<(u8, u32)> {
    fn walk(level: u8, first: u32, seats: u32, revoked: &BTreeSet<u32>, out: &mut Vec<(u8, u32)>) {
        let end = first + (1 << level);
        let mut below = revoked.range(first..end);
        if below.next().is_none() && end <= seats {
            out.push((level, first));
        } else if level > 0 && first < seats {
            walk(level - 1, first, seats, revoked, out);
            walk(level - 1, first + (1 << (level - 1)), seats, revoked, out);
        }
    }
    let mut out = Vec::new();
    walk(height, 0, seats, revoked, &mut out);
    out
}

/// At most r·log₂(N/r) nodes, 1 where nobody is revoked, and what the seats that were not handed out add.
fn assert_few(nodes: usize, height: u8, seats: u32, revoked: usize) {
    let more = if seats == 1 << height { 0.0 } else { f64::from(height) };
    let (seats, revoked) = (f64::from(seats), revoked as f64);
    let most = if revoked == 0.0 { 1.0 } else { revoked * (seats / revoked).log2() };
    assert!(nodes as f64 <= most + more + 1e-6, "{nodes} nodes for {revoked} of {seats}");
}

/// Nothing in the broadcast opens with any key of these seats.
fn assert_closed(colluding: &[&SeatKeys], broadcast: &Broadcast) {
    let places: BTreeSet<_> = colluding.iter().flat_map(|seat| broadcast.group().path(seat.seat())).map(key).collect();
    for wrap in broadcast.wraps() {
        assert!(!places.contains(&key(wrap.place())), "they hold a node of the cover");
        for tried in colluding.iter().flat_map(|seat| seat.all()) {
            assert!(broadcast.head().open(tried, wrap).is_err());
        }
    }
}

fn key(place: Place) -> [u8; 5] {
    place.to_array()
}

#[test]
fn exactly_the_recipients_open_all_groups_of_eight() {
    let keys = keys(3);
    let members: Vec<_> = (0..8).map(|seat| keys.seat(seat).unwrap()).collect();
    for seats in 0..=8 {
        for set in 0..1_u32 << seats {
            let revoked: Vec<_> = (0..8).filter(|seat| set & 1 << seat != 0).collect();
            let recipients = Recipients { seats, revoked: &revoked };
            if revoked.len() == seats as usize {
                assert_eq!(send(&keys, &recipients), Err(BroadcastError::Nobody));
                continue;
            }
            let broadcast = send(&keys, &recipients).unwrap();
            assert_eq!(Broadcast::from_bytes(&broadcast.to_bytes()).as_ref(), Ok(&broadcast));
            assert_eq!(cover(&broadcast), definition(3, seats, &revoked.iter().copied().collect()));
            assert_eq!(broadcast.nodes(), cover(&broadcast).len());
            assert_few(broadcast.nodes(), 3, seats, revoked.len());
            let (to, others): (Vec<_>, Vec<_>) =
                members.iter().partition(|member| member.seat() < seats && !revoked.contains(&member.seat()));
            assert!(to.iter().all(|member| broadcast.is_to(member.seat()) && opens(member, &broadcast)));
            assert!(others.iter().all(|member| !broadcast.is_to(member.seat()) && !opens(member, &broadcast)));
            // Everybody who is not a recipient, together.
            assert_closed(&others, &broadcast);
        }
    }
}

/// A height, how many seats were handed out, and some of them.
fn setting() -> impl Strategy<Value = (u8, u32, Vec<u32>)> {
    let seats =
        (1_u8..=24).prop_flat_map(|height| (Just(height), prop_oneof![Just(1_u32 << height), 1..=1_u32 << height]));
    // Close together, and anywhere.
    seats.prop_flat_map(|(height, seats)| {
        let seat = prop_oneof![0..seats, (0..seats.min(64)).prop_map(move |back| seats - 1 - back)];
        (Just(height), Just(seats), prop::collection::vec(seat, 0..40))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn covers_are_the_smallest_there_are((height, seats, revoked) in setting()) {
        let (keys, set): (_, BTreeSet<_>) = (keys(height), revoked.iter().copied().collect());
        let expected = definition(height, seats, &set);
        let sent = send(&keys, &Recipients { seats, revoked: &revoked });
        if expected.is_empty() {
            prop_assert_eq!(sent, Err(BroadcastError::Nobody));
            return Ok(());
        }
        let broadcast = sent.unwrap();
        prop_assert_eq!(cover(&broadcast), expected);
        assert_few(broadcast.nodes(), height, seats, set.len());
        prop_assert!(Broadcast::from_bytes(&broadcast.to_bytes()).is_ok());
        let out: Vec<_> = set.iter().take(8).map(|seat| keys.seat(*seat).unwrap()).collect();
        prop_assert!(out.iter().all(|member| !opens(member, &broadcast)));
        assert_closed(&out.iter().collect::<Vec<_>>(), &broadcast);
        // Neighbours of the revoked, both ends, and whoever comes later.
        let near = set.iter().take(4).flat_map(|seat| [seat.saturating_sub(1), seat + 1]);
        for seat in near.chain([0, seats - 1, seats]).filter(|seat| *seat < 1 << height) {
            let to = seat < seats && !set.contains(&seat);
            prop_assert_eq!(opens(&keys.seat(seat).unwrap(), &broadcast), to);
            prop_assert_eq!(broadcast.is_to(seat), to);
        }
    }
}

/// Seats are not visited: it would take minutes.
#[test]
fn great_groups_take_no_longer() {
    let start = Instant::now();
    for height in [16, 24] {
        let keys = keys(height);
        let apart = keys.group().seats() / 100;
        let revoked: Vec<_> = (0..100).map(|i| i * apart).collect();
        for few in [&revoked[..0], &revoked[..1], &revoked] {
            let broadcast = send(&keys, &all_but(few, height)).unwrap();
            assert_few(broadcast.nodes(), height, keys.group().seats(), few.len());
            assert!(opens(&keys.seat(7).unwrap(), &broadcast));
        }
    }
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn the_worst_case_meets_the_bound() {
    // Spread evenly, each of r takes log₂(N/r).
    let revoked: Vec<_> = (0..64).map(|i| i << 10).collect();
    assert_eq!(send(&keys(16), &all_but(&revoked, 16)).unwrap().nodes(), 64 * 10);
    assert_eq!(send(&keys(16), &all_but(&[], 16)).unwrap().nodes(), 1);
}

#[test]
fn order_and_repetition_make_no_difference() {
    let keys = keys(5);
    let bytes = |revoked: &[u32]| send(&keys, &all_but(revoked, 5)).unwrap().to_bytes();
    assert_eq!(bytes(&[3, 17, 30]), bytes(&[30, 3, 17, 3, 30, 30]));
    assert_ne!(bytes(&[3, 17, 30]), bytes(&[3, 17]));
}

#[test]
fn recipients_that_there_are_not() {
    let keys = keys(3);
    let error = |seats, revoked: &[u32]| send(&keys, &Recipients { seats, revoked }).err();
    assert_eq!(error(9, &[]), Some(BroadcastError::OutOfGroup));
    assert_eq!(error(u32::MAX, &[]), Some(BroadcastError::OutOfGroup));
    for (seats, seat) in [(8, 8), (8, u32::MAX), (5, 5), (5, 7), (0, 0)] {
        assert_eq!(error(seats, &[seat]), Some(BroadcastError::NotSeated));
        assert_eq!(error(seats, &[seat, 0]), Some(BroadcastError::NotSeated));
    }
    assert_eq!(error(0, &[]), Some(BroadcastError::Nobody));
    assert_eq!(error(2, &[1, 0]), Some(BroadcastError::Nobody));
    assert_eq!(error(8, &[7]), None);
    for height in [0, 25, 32, 255] {
        assert_eq!(Group::new(owner().id(), Digest::NONE, height), Err(GroupError::Height));
    }
    assert_eq!(group(24).seats(), 1 << 24);
    assert!(keys.seat(7).is_ok());
    assert_eq!(keys.seat(8).err(), Some(SeatError::OutOfGroup));
    assert_eq!(keys.seat(u32::MAX).err(), Some(SeatError::OutOfGroup));
}

#[test]
fn only_the_owner_broadcasts() {
    let (keys, other) = (keys(3), SigningKey::from_seed(&[8; 32]));
    let sent = keys.broadcast(&other, 9, &common(1), &all_but(&[], 3), &mut rng(1));
    assert_eq!(sent.err(), Some(BroadcastError::Signer));
    // Somebody else's signature over the owner's words.
    let (seat, broadcast) = (keys.seat(2).unwrap(), send(&keys, &all_but(&[], 3)).unwrap());
    let stolen = Signed::new(&other, broadcast.clone());
    assert!(stolen.verify(&owner().id()).is_err());
    assert!(seat.open(&stolen.verify(&other.id()).unwrap()).is_err());
    assert!(opens(&seat, &broadcast));
    assert!(GroupKeys::open(&seat, &signed(&broadcast)).unwrap().ct_eq(&common(0xc7)).unwrap_u8() == 1);
}

#[test]
fn groups_have_nothing_to_do_with_each_other() {
    let (here, root, recipients) = (keys(3), root(), all_but(&[0], 3));
    let (broadcast, mine) = (send(&here, &recipients).unwrap(), here.seat(5).unwrap());
    let name = Digest::from_array([6; 32]);
    let named = Group::new(owner().id(), name, 3).unwrap();
    let others = [
        GroupKeys::derive(&root, &named),
        GroupKeys::derive(&root, &group(4)),
        GroupKeys::derive(&OwnerRoot::generate(&mut rng(9)), &group(3)),
    ];
    for other in &others {
        assert!(!opens(&other.seat(5).unwrap(), &broadcast));
        let theirs = send(other, &Recipients { revoked: &[0], seats: other.group().seats() }).unwrap();
        assert!(!opens(&mine, &theirs));
        assert_ne!(cover(&theirs), []);
        let held: BTreeSet<_> = mine.all().collect();
        assert!(other.seat(5).unwrap().all().all(|key| !held.contains(key)));
    }
    // What is said to be of another group does not open, though the owner made it with the right keys.
    let mut head = *broadcast.head();
    head.group = named;
    let place = Place::above(5, 2);
    let wrap = |head: &Head| [head.wrap(&here.node(place), place, &common(0xc7))].into_iter();
    assert!(!opens(&mine, &Broadcast::new(head, wrap(&head))));
    assert!(opens(&mine, &Broadcast::new(*broadcast.head(), wrap(broadcast.head()))));
}

#[test]
fn members_share_the_nodes_above_both_and_no_others() {
    let keys = keys(4);
    let mut nodes = BTreeSet::new();
    for (a, b) in (0..16).flat_map(|a| (0..16).map(move |b| (a, b))) {
        let (x, y) = (keys.seat(a).unwrap(), keys.seat(b).unwrap());
        let shared: Vec<_> = x.all().zip(y.all()).map(|(x, y)| x == y).collect();
        assert_eq!(shared, (0..=4).map(|level| a >> level == b >> level).collect::<Vec<_>>());
        nodes.extend(x.all().copied());
    }
    assert_eq!(nodes.len(), 31);
}

#[test]
fn every_changed_bit_is_noticed() {
    let keys = keys(3);
    let (seat, broadcast) = (keys.seat(5).unwrap(), send(&keys, &all_but(&[1], 3)).unwrap());
    let bytes = broadcast.to_bytes();
    let sent = Signed::new(&owner(), broadcast.clone());
    // The seat's wrap is the last: others may be changed.
    let own = bytes.len() - WRAP..bytes.len();
    let mut decoded = 0;
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let Ok(bad) = Broadcast::from_bytes(&bad) else { continue };
        decoded += 1;
        let forged = [&sent.to_bytes()[..36], &bad.to_bytes(), &sent.to_bytes()[36 + bytes.len()..]].concat();
        assert!(Signed::<Broadcast>::from_bytes(&forged).unwrap().verify(&owner().id()).is_err());
        // Even if the owner had signed it.
        if bit / 8 < HEAD || own.contains(&(bit / 8)) {
            assert!(!opens(&seat, &bad), "bit {bit}");
        } else {
            assert!(opens(&seat, &bad), "bit {bit}");
        }
    }
    assert!(decoded > 8 * (32 + 32 + 8 + 32 + 3 * 64));
}

/// Everything that a wrap is derived from, one at a time.
#[test]
fn a_wrap_commits_to_everything() {
    let (keys, place) = (keys(3), Place::above(5, 1));
    let (key, head) = (keys.node(place), Head { group: group(3), number: 7, salt: Digest::from_array([2; 32]) });
    let wrap = head.wrap(&key, place, &common(1));
    assert!(head.open(&key, &wrap).unwrap().as_bytes() == &[1; 32]);
    let heads = [
        Head { group: group(4), ..head },
        Head { number: 8, ..head },
        Head { salt: Digest::from_array([3; 32]), ..head },
    ];
    let sealed = |wrap: &Wrap| wrap.to_array()[5..37].to_vec();
    let tag = |wrap: &Wrap| wrap.to_array()[37..].to_vec();
    let mut pads = BTreeSet::from([sealed(&wrap)]);
    for other in &heads {
        assert!(other.open(&key, &wrap).is_err());
        assert!(pads.insert(sealed(&other.wrap(&key, place, &common(1)))));
    }
    for other in [Place::above(5, 0), Place::above(4, 0), Place::above(5, 2), Place::above(3, 1)] {
        let moved = [&other.to_array()[..], &sealed(&wrap), &tag(&wrap)].concat();
        assert!(head.open(&key, &Wrap::read(&mut Reader::new(&moved), 3).unwrap()).is_err());
        assert!(pads.insert(sealed(&head.wrap(&key, other, &common(1)))));
    }
    for bit in 0..256 {
        let mut other = *key;
        other[bit / 8] ^= 1 << (bit % 8);
        assert!(head.open(&other, &wrap).is_err());
        assert!(pads.insert(sealed(&head.wrap(&other, place, &common(1)))));
    }
    // Another content has another tag under the same key.
    assert_ne!(tag(&head.wrap(&key, place, &common(2))), tag(&wrap));
    // The tag says nothing of the pad.
    assert_ne!(tag(&wrap), head.wrap(&key, place, &common(0)).to_array()[5..37]);
}

/// A generator that gives one byte for ever, or fails.
struct Dead(Option<u8>);

impl TryRng for Dead {
    type Error = RngBroken;

    fn try_next_u32(&mut self) -> Result<u32, RngBroken> {
        Err(RngBroken)
    }

    fn try_next_u64(&mut self) -> Result<u64, RngBroken> {
        Err(RngBroken)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), RngBroken> {
        out.fill(self.0.ok_or(RngBroken)?);
        Ok(())
    }
}

impl TryCryptoRng for Dead {}

#[derive(Debug)]
struct RngBroken;

impl fmt::Display for RngBroken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}

impl core::error::Error for RngBroken {}

#[test]
fn a_dead_generator_repeats_no_pad() {
    let (keys, everybody) = (keys(3), all_but(&[], 3));
    let send = |signer: &SigningKey, number, byte| {
        let sent = keys.broadcast(signer, number, &common(byte), &everybody, &mut Dead(Some(0))).unwrap();
        let wrap = sent.unverified().wraps()[0].to_array();
        let pad: Vec<_> = wrap[5..37].iter().map(|sealed| sealed ^ byte).collect();
        (pad, *sent.unverified().head().salt.as_bytes())
    };
    // The same process, and one that started again from the same state.
    let signer = owner();
    let sent =
        [send(&signer, 1, 1), send(&signer, 1, 1), send(&signer, 1, 2), send(&owner(), 1, 2), send(&owner(), 2, 1)];
    for (i, (pad, salt)) in sent.iter().enumerate() {
        assert!(sent[..i].iter().all(|(other, before)| other != pad && before != salt), "{i}");
    }
    assert_eq!(send(&owner(), 1, 2), sent[3], "nothing differs");
}

#[test]
fn a_failing_generator_gives_nothing() {
    let sent = keys(3).broadcast(&owner(), 1, &common(1), &all_but(&[], 3), &mut Dead(None));
    assert_eq!(sent.err(), Some(BroadcastError::Rng));
    assert!(CommonKey::try_generate(&mut Dead(None)).is_err());
    assert!(CommonKey::try_generate(&mut Dead(Some(0))).is_err());
    assert_eq!(CommonKey::try_generate(&mut Dead(Some(1))).unwrap().as_bytes(), &[1; 32]);
}

/// A broadcast to a group of height 3 with these nodes, whatever they are.
fn decode(count: u32, nodes: &[(u8, u32)]) -> Result<Broadcast, DecodeError> {
    let mut bytes = send(&keys(3), &all_but(&[], 3)).unwrap().to_bytes();
    bytes.truncate(HEAD);
    bytes.extend(count.to_be_bytes());
    for (level, index) in nodes {
        bytes.extend([&[*level][..], &index.to_be_bytes(), &[7; 64]].concat());
    }
    Broadcast::from_bytes(&bytes)
}

#[test]
fn covers_that_nobody_makes() {
    let of = |nodes: &[(u8, u32)]| decode(nodes.len().try_into().unwrap(), nodes);
    for right in [&[(3, 0)][..], &[(0, 1), (1, 1), (2, 1)], &[(0, 0), (0, 2), (0, 5), (0, 7)], &[(0, 1), (0, 2)]] {
        assert!(of(right).is_ok(), "{right:?}");
    }
    for wrong in [
        // To nobody; twice; out of order; one below the other; both children of one.
        &[][..],
        &[(0, 3), (0, 3)],
        &[(0, 3), (0, 1)],
        &[(2, 1), (1, 0)],
        &[(2, 0), (0, 3)],
        &[(0, 3), (2, 0)],
        &[(2, 0), (2, 1)],
        &[(0, 4), (0, 5)],
        // Outside of the tree.
        &[(4, 0)],
        &[(255, 0)],
        &[(3, 1)],
        &[(0, 8)],
        &[(2, 2)],
        &[(1, u32::MAX)],
    ] {
        assert_eq!(of(wrong), Err(DecodeError::Value), "{wrong:?}");
    }
    // At most half of the seats, and a claim costs as many bytes.
    assert_eq!(decode(5, &[(0, 0); 5]), Err(DecodeError::Length));
    assert_eq!(decode(u32::MAX, &[]), Err(DecodeError::Length));
    assert_eq!(decode(4, &[(0, 0), (0, 2), (0, 5)]), Err(DecodeError::Truncated));
    assert_eq!(decode(1, &[(0, 0), (0, 2)]), Err(DecodeError::TrailingBytes));
}

#[test]
fn groups_and_seats_that_there_are_not() {
    let keys = keys(3);
    let (sent, seat) = (send(&keys, &all_but(&[], 3)).unwrap().to_bytes(), keys.seat(6).unwrap().to_secret_bytes());
    for height in [0, 25, 32, 255] {
        let with = |bytes: &[u8]| [&bytes[..GROUP - 1], &[height], &bytes[GROUP..]].concat();
        assert_eq!(Broadcast::from_bytes(&with(&sent)), Err(DecodeError::Value));
        assert_eq!(SeatKeys::from_bytes(&with(&seat)).err(), Some(DecodeError::Value));
    }
    for other in [8, 9, u32::MAX] {
        let bytes = [&seat[..GROUP], &u32::to_be_bytes(other), &seat[GROUP + 4..]].concat();
        assert_eq!(SeatKeys::from_bytes(&bytes).err(), Some(DecodeError::Value));
    }
    // One key for each level.
    let taller = [&seat[..GROUP - 1], &[4], &seat[GROUP..]].concat();
    assert_eq!(SeatKeys::from_bytes(&taller).err(), Some(DecodeError::Truncated));
    let lower = [&seat[..GROUP - 1], &[2], &[0, 0, 0, 1], &seat[GROUP + 4..]].concat();
    assert_eq!(SeatKeys::from_bytes(&lower).err(), Some(DecodeError::TrailingBytes));
}

#[test]
fn messages_are_as_long_as_documented() {
    for height in [1, 3, 24] {
        let keys = keys(height);
        let (seat, sent) = (keys.seat(1).unwrap(), send(&keys, &all_but(&[0], height)).unwrap());
        assert_eq!(seat.to_secret_bytes().len(), 4 + 65 + 4 + 32 * (usize::from(height) + 1));
        assert_eq!(sent.to_bytes().len(), 4 + 65 + 8 + 32 + 4 + 69 * usize::from(height));
        assert_eq!(Signed::new(&owner(), sent.clone()).encoded_len(), sent.encoded_len() + 4 + 96);
        assert_eq!(sent.nodes(), usize::from(height));
        let again = SeatKeys::from_bytes(&seat.to_secret_bytes()).unwrap();
        assert_eq!((again.group(), again.seat()), (keys.group(), 1));
        assert_eq!(*again.to_secret_bytes(), *seat.to_secret_bytes());
        assert!(opens(&again, &sent));
        assert_eq!((sent.number(), sent.group()), (9, keys.group()));
    }
}

#[test]
fn secrets_do_not_print_and_are_wiped() {
    fn wiped<T: ZeroizeOnDrop>(_: &T) {}
    let (keys, common) = (keys(3), common(0xc7));
    let seat = keys.seat(6).unwrap();
    wiped(&keys);
    wiped(&seat);
    wiped(&common);
    let text = format!("{keys:?} {seat:?} {common:?}");
    assert!(text.contains("GroupKeys") && text.contains("seat: 6") && text.contains("CommonKey"));
    for secret in seat.all().chain([&*keys.master, common.as_bytes()]) {
        let hex: alloc::string::String = secret[..3].iter().map(|byte| format!("{byte:02x}")).collect();
        let list = format!("{}, {}, {}", secret[0], secret[1], secret[2]);
        assert!(!text.contains(&hex) && !text.contains(&list));
    }
}

/// Fails to compile if one of them can be cloned or compared in variable time: the name below then means two things.
const _: fn() = || {
    trait Ambiguous<A> {
        fn here() {}
    }
    struct Cloned;
    struct Compared;
    impl<T: ?Sized> Ambiguous<()> for T {}
    impl<T: Clone> Ambiguous<Cloned> for T {}
    impl<T: PartialEq> Ambiguous<Compared> for T {}
    let _ = (<GroupKeys as Ambiguous<_>>::here, <SeatKeys as Ambiguous<_>>::here, <CommonKey as Ambiguous<_>>::here);
};
