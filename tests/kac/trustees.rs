//! Trustees of an owner's secret: any threshold of them has it, nobody less has, and whoever cheats is found.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::sync::OnceLock;

use crate::common::{TestRng, rng};
use proptest::prelude::*;
use sesphr::context::Partition;
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::error::DecodeError;
use sesphr::hazmat::pairing::Scalar;
use sesphr::identity::{PartyId, Signed, SigningKey};
use sesphr::kac::params::unwatched;
use sesphr::kac::trustees::*;
use sesphr::kac::{ClassGrid, Kac, KeyAggregate, OwnerSecret, Params, VerifiedGeneration};
use sesphr::kem::OwnerRoot;
use subtle::ConstantTimeEq;

/// An owner with two generations of its key, and its secret of the first as a test may see it.
struct Owner {
    signer: SigningKey,
    secret: OwnerSecret,
    generation: VerifiedGeneration,
    next: VerifiedGeneration,
    gamma: Scalar,
}

fn owner() -> &'static Owner {
    static OWNER: OnceLock<Owner> = OnceLock::new();
    OWNER.get_or_init(|| {
        let (signer, rng) = (party(1000), &mut rng(1));
        let grid = ClassGrid::new(&[Partition::MEDICAL], 1).unwrap();
        let params = Params::generate(1, &signer, rng, unwatched).unwrap();
        let root = OwnerRoot::generate(rng);
        let (secret, cert) = Kac::keygen(&params, &grid, &root, &signer, None, rng).unwrap();
        let generation = Kac::verify_owner(&params, &cert, &signer.id(), None).unwrap();
        let (next, _) = Kac::keygen(&params, &grid, &root, &signer, Some(&generation), rng).unwrap();
        // The one trustee of a committee of one has the secret.
        let alone = Committee::new(1, &[signer.id()]).unwrap();
        let (dealing, sub_shares) = deal(&secret, &signer, &alone, rng).unwrap();
        let start = Sharing::of_owner(&generation);
        let step = start.reshare(&[start.verify_dealing(&dealing).unwrap()]).unwrap();
        let gamma = step.share(&signer.id(), &sub_shares).unwrap().hazmat_scalar().clone();
        Owner { signer, secret, generation, next: next.generation().clone(), gamma }
    })
}

fn party(number: u16) -> SigningKey {
    let mut seed = [7; 32];
    seed[..2].copy_from_slice(&number.to_be_bytes());
    SigningKey::from_seed(&seed)
}

fn parties(numbers: impl IntoIterator<Item = u16>) -> Vec<SigningKey> {
    numbers.into_iter().map(party).collect()
}

fn ids(keys: &[SigningKey]) -> Vec<PartyId> {
    keys.iter().map(SigningKey::id).collect()
}

/// The value at 0 of the polynomial through these shares. There is no such function in the library.
fn combine(shares: &[&VerifiedShare]) -> Scalar {
    let x = |share: &VerifiedShare| Scalar::from_u64(share.index().into());
    shares.iter().fold(Scalar::zero(), |sum, i| {
        let others = shares.iter().filter(|j| j.index() != i.index());
        let weight = others.fold(Scalar::one(), |weight, j| {
            &weight * &(&x(j) * &Option::<Scalar>::from((&x(j) - &x(i)).invert()).unwrap())
        });
        &sum + &(&weight * i.hazmat_scalar())
    })
}

fn is_gamma(shares: &[&VerifiedShare]) -> bool {
    combine(shares).ct_eq(&owner().gamma).into()
}

fn subsets(n: usize, size: usize) -> Vec<Vec<usize>> {
    let sets = (0..1u32 << n).filter(|set| set.count_ones() as usize == size);
    sets.map(|set| (0..n).filter(|i| set >> i & 1 == 1).collect()).collect()
}

/// A committee whose members all have their shares.
struct Group {
    keys: Vec<SigningKey>,
    sharing: Sharing,
    shares: Vec<VerifiedShare>,
    /// The dealings that led here.
    dealings: Vec<Signed<Dealing>>,
}

type Dealt = (Signed<Dealing>, Vec<SubShare>);

impl Group {
    /// The owner deals.
    fn first(threshold: u8, keys: Vec<SigningKey>) -> Self {
        let owner = owner();
        let committee = Committee::new(threshold, &ids(&keys)).unwrap();
        let dealt = deal(&owner.secret, &owner.signer, &committee, &mut rng(2)).unwrap();
        Self::after(&Sharing::of_owner(&owner.generation), vec![dealt], keys)
    }

    /// What these old trustees deal.
    fn deal(&self, dealers: &[usize], committee: &Committee) -> Vec<Dealt> {
        dealers.iter().map(|i| self.shares[*i].deal(&self.keys[*i], committee, &mut rng(3)).unwrap()).collect()
    }

    fn reshare(&self, dealers: &[usize], threshold: u8, keys: Vec<SigningKey>) -> Self {
        let committee = Committee::new(threshold, &ids(&keys)).unwrap();
        Self::after(&self.sharing, self.deal(dealers, &committee), keys)
    }

    fn after(old: &Sharing, dealt: Vec<Dealt>, keys: Vec<SigningKey>) -> Self {
        let verified: Vec<_> = dealt.iter().map(|(dealing, _)| old.verify_dealing(dealing).unwrap()).collect();
        let step = old.reshare(&verified).unwrap();
        let (dealings, sub_shares): (Vec<_>, Vec<_>) = dealt.into_iter().unzip();
        let sub_shares: Vec<_> = sub_shares.into_iter().flatten().collect();
        let shares = keys.iter().map(|key| step.share(&key.id(), &sub_shares).unwrap()).collect();
        Self { keys, sharing: step.sharing().clone(), shares, dealings }
    }

    /// Whether this set of trustees has γ.
    fn has(&self, set: &[usize]) -> bool {
        is_gamma(&set.iter().map(|i| &self.shares[*i]).collect::<Vec<_>>())
    }
}

/// Three of five.
fn group() -> Group {
    Group::first(3, parties(0..5))
}

/// Another value in its place.
fn patched<M: Message>(message: &M, at: usize, bytes: &[u8]) -> M {
    let mut out = Vec::new();
    message.write(&mut out);
    out[at..at + bytes.len()].copy_from_slice(bytes);
    M::from_bytes(&out).unwrap()
}

#[test]
fn every_threshold_has_the_secret_and_nobody_less() {
    let group = group();
    for size in 1..=5 {
        for set in subsets(5, size) {
            assert_eq!(group.has(&set), size >= 3, "{set:?}");
        }
    }
}

#[test]
fn the_largest_committee() {
    let group = Group::first(3, parties(0..255));
    assert!(group.has(&[0, 127, 254]) && group.has(&[252, 253, 254]));
    assert!(!group.has(&[0, 254]));
    let small = group.reshare(&[254, 0, 100], 1, parties([3]));
    assert!(small.has(&[0]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.div_ceil(20)))]

    /// Resharing to any committee, by any threshold of the old one, any number of times.
    #[test]
    fn resharings(steps in prop::collection::vec((1u8..=5, 0u8..5, any::<prop::sample::Index>(), 0u16..3), 1..4)) {
        let mut group: Option<Group> = None;
        for (m, t, dealers, from) in steps {
            let (t, keys) = (t % m + 1, parties(from..from + u16::from(m)));
            let next = match &group {
                None => Group::first(t, keys),
                Some(old) => {
                    let sets = subsets(old.keys.len(), old.sharing.committee().threshold().into());
                    let mut set = sets[dealers.index(sets.len())].clone();
                    set.reverse();
                    old.reshare(&set, t, keys)
                }
            };
            for size in 1..=usize::from(m) {
                for set in subsets(m.into(), size) {
                    prop_assert_eq!(next.has(&set), size >= usize::from(t));
                }
            }
            let before = group.map_or(0, |old| old.sharing.round());
            prop_assert_eq!(next.sharing.round(), before + 1);
            group = Some(next);
        }
    }
}

#[test]
fn whoever_reshares_gets_the_same_state() {
    let group = group();
    let to = Committee::new(2, &ids(&parties(5..8))).unwrap();
    let dealt = group.deal(&[0, 2, 4], &to);
    let mut verified: Vec<_> = dealt.iter().map(|(d, _)| group.sharing.verify_dealing(d).unwrap()).collect();
    let step = group.sharing.reshare(&verified).unwrap();
    verified.reverse();
    assert_eq!(group.sharing.reshare(&verified).unwrap().sharing(), step.sharing());
    // Other dealers lead elsewhere, to another name.
    let other = group.reshare(&[0, 1, 2], 2, parties(5..8));
    assert_ne!(other.sharing.digest(), step.sharing().digest());
    assert_ne!(&other.sharing, step.sharing());
}

#[test]
fn shares_of_two_rounds_do_not_mix() {
    let old = group();
    let new = old.reshare(&[0, 1, 2], 3, parties(0..5));
    for set in subsets(5, 3) {
        for from_old in 1..3 {
            let pick = |(n, i): (usize, &usize)| if n < from_old { &old.shares[*i] } else { &new.shares[*i] };
            let shares: Vec<_> = set.iter().enumerate().map(pick).collect();
            assert!(!is_gamma(&shares), "{set:?}");
        }
    }
    // Nor does the old share pass for one of the new state, even under its name.
    let share = old.shares[0].share();
    assert_eq!(share.verify(&new.sharing).unwrap_err(), ShareError::Sharing);
    let renamed = patched(share, 4, new.sharing.digest().as_bytes());
    assert_eq!(renamed.verify(&new.sharing).unwrap_err(), ShareError::Value);
    assert_eq!(renamed.verify(&old.sharing).unwrap_err(), ShareError::Sharing);
    // Shares of two forks of one round do not mix either.
    let fork = old.reshare(&[0, 1, 2], 3, parties(0..5));
    assert_eq!(fork.sharing.round(), new.sharing.round());
    assert!(!is_gamma(&[&new.shares[0], &new.shares[1], &fork.shares[2]]));
    assert_eq!(fork.shares[2].share().verify(&new.sharing).unwrap_err(), ShareError::Sharing);
}

/// Two shares a round, of three that are needed, and all trustees in the end.
#[test]
fn an_attacker_that_moves_has_nothing() {
    let rounds = {
        let first = group();
        let second = first.reshare(&[0, 1, 2], 3, parties(0..5));
        let third = second.reshare(&[2, 3, 4], 3, parties(0..5));
        [first, second, third]
    };
    let stolen: Vec<_> =
        rounds.iter().zip([[0, 1], [2, 3], [4, 0]]).flat_map(|(g, set)| set.map(|i| &g.shares[i])).collect();
    for set in subsets(stolen.len(), 3) {
        let shares: Vec<_> = set.iter().map(|i| stolen[*i]).collect();
        let distinct = subsets(3, 2).iter().all(|pair| shares[pair[0]].index() != shares[pair[1]].index());
        assert!(!distinct || !is_gamma(&shares), "{set:?}");
    }
    // t of one round have it, whatever came after.
    assert!(rounds[0].has(&[0, 1, 2]));
}

#[test]
fn bad_dealings_are_refused_and_named() {
    let group = group();
    let to = Committee::new(2, &ids(&parties(5..8))).unwrap();
    let dealt = group.deal(&[0, 1, 2], &to);
    let (good, other) = (&dealt[0].0, &dealt[1].0);
    let check = |dealing: &Signed<Dealing>| group.sharing.verify_dealing(dealing).map(|d| d.dealer());
    assert_eq!(check(good), Ok(group.keys[0].id()));
    let sign = |key: &SigningKey, dealing: &Dealing| Signed::new(key, dealing.clone());
    let statement = good.unverified();

    // The signature over something else, and somebody else's signature under this name.
    let len = good.encoded_len();
    let signature = other.to_bytes().last_chunk::<64>().copied().unwrap();
    assert_eq!(check(&patched(good, len - 64, &signature)), Err(DealingError::Signature));
    let name = group.keys[1].verifying_key();
    assert_eq!(check(&patched(good, 4, name.as_bytes())), Err(DealingError::Signature));
    // Another trustee's dealing, a stranger's, the owner's: none has this share.
    assert_eq!(check(&sign(&group.keys[1], statement)), Err(DealingError::Image));
    assert_eq!(check(&sign(&party(5), statement)), Err(DealingError::Dealer));
    assert_eq!(check(&sign(&owner().signer, statement)), Err(DealingError::Dealer));
    // Another secret: the first commitment stands behind header, name and committee.
    let (at, image) = (4 + 32 + 1 + 4 + 3 * 32, other.unverified().to_bytes());
    let wrong: Dealing = patched(statement, at, &image[at..at + 48]);
    assert_eq!(check(&sign(&group.keys[0], &wrong)), Err(DealingError::Image));
    // Another state, the owner's among them.
    for previous in [[9; 32], *Sharing::of_owner(&owner().generation).digest().as_bytes()] {
        let stale: Dealing = patched(statement, 4, &previous);
        assert_eq!(check(&sign(&group.keys[0], &stale)), Err(DealingError::Previous));
    }
    // More or fewer commitments than the threshold have no encoding.
    let bytes = statement.to_bytes();
    assert_eq!(Dealing::from_bytes(&bytes[..bytes.len() - 48]), Err(DecodeError::Truncated));
    let long = [&bytes[..], &bytes[bytes.len() - 48..]].concat();
    assert_eq!(Dealing::from_bytes(&long), Err(DecodeError::TrailingBytes));
    for threshold in [0, 4, 255] {
        let mut bytes = bytes.clone();
        bytes[36] = threshold;
        assert_eq!(Dealing::from_bytes(&bytes), Err(DecodeError::Value), "{threshold}");
    }
    let mut twice = bytes.clone();
    twice.copy_within(41..73, 73);
    assert_eq!(Dealing::from_bytes(&twice), Err(DecodeError::Value));
}

#[test]
fn the_owners_dealing_is_checked_like_any() {
    let owner = owner();
    let start = Sharing::of_owner(&owner.generation);
    let to = Committee::new(1, &ids(&parties(0..2))).unwrap();
    let (good, _) = deal(&owner.secret, &owner.signer, &to, &mut rng(2)).unwrap();
    let resigned = Signed::new(&party(0), good.unverified().clone());
    assert_eq!(start.verify_dealing(&resigned), Err(DealingError::Dealer));
    // With threshold 1 the one commitment comes last.
    let statement = good.unverified();
    let at = statement.encoded_len() - 48;
    let group = group();
    let (foreign, _) = &group.deal(&[0], &to)[0];
    let wrong: Dealing = patched(statement, at, &foreign.unverified().to_bytes()[at..]);
    assert_eq!(start.verify_dealing(&Signed::new(&owner.signer, wrong)), Err(DealingError::Image));
    // A dealing of one generation is none of the next.
    let next = Sharing::of_owner(&owner.next);
    assert_eq!(next.verify_dealing(&good), Err(DealingError::Previous));
    // Only the owner deals the owner's secret, only a trustee its share.
    assert_eq!(deal(&owner.secret, &party(0), &to, &mut rng(2)).unwrap_err(), DealError::Signer);
    assert_eq!(group.shares[0].deal(&group.keys[1], &to, &mut rng(2)).unwrap_err(), DealError::Signer);
}

#[test]
fn only_a_full_and_consistent_set_of_dealings_makes_a_state() {
    let group = group();
    let [to, other] = [5, 6].map(|from| Committee::new(2, &ids(&parties(from..from + 3))).unwrap());
    let verify = |dealt: Vec<Dealt>| -> Vec<_> {
        dealt.iter().map(|(dealing, _)| group.sharing.verify_dealing(dealing).unwrap()).collect()
    };
    let error = |dealings: &[VerifiedDealing]| group.sharing.reshare(dealings).unwrap_err();
    let all = verify(group.deal(&[0, 1, 2, 3, 4], &to));
    for count in [0, 1, 2, 4, 5] {
        assert_eq!(error(&all[..count]), ResharingError::Count, "{count}");
    }
    // The same dealing twice, and two dealings of one dealer.
    let again = verify(group.deal(&[1], &to));
    assert_ne!(again[0], all[1]);
    for twice in [&all[1], &again[0]] {
        let dealings = [all[0].clone(), all[1].clone(), twice.clone()];
        assert_eq!(error(&dealings), ResharingError::Duplicate(group.keys[1].id()));
    }
    let foreign = verify(group.deal(&[2], &other));
    assert_eq!(error(&[all[0].clone(), all[1].clone(), foreign[0].clone()]), ResharingError::Committee);
    // A threshold of another size over the same trustees is another committee.
    let higher = Committee::new(3, to.trustees()).unwrap();
    let foreign = verify(group.deal(&[2], &higher));
    assert_eq!(error(&[all[0].clone(), all[1].clone(), foreign[0].clone()]), ResharingError::Committee);
    // Dealings that were checked against another state.
    let next = group.reshare(&[0, 1, 2], 3, parties(0..5));
    assert_eq!(next.sharing.reshare(&all[..3]).unwrap_err(), ResharingError::Previous);
    let dealt = next.deal(&[2], &to);
    let late = next.sharing.verify_dealing(&dealt[0].0).unwrap();
    assert_eq!(error(&[all[0].clone(), all[1].clone(), late]), ResharingError::Previous);
}

#[test]
fn bad_sub_shares_are_refused_and_their_dealers_named() {
    let group = group();
    let (keys, dealers) = (parties(5..8), [0, 1, 2]);
    let to = Committee::new(2, &ids(&keys)).unwrap();
    let dealt = group.deal(&dealers, &to);
    let verified: Vec<_> = dealt.iter().map(|(d, _)| group.sharing.verify_dealing(d).unwrap()).collect();
    let step = group.sharing.reshare(&verified).unwrap();
    let me = keys[1].id();
    let mine = |of: usize| patched(&dealt[of].1[1], 4, &[]);
    let value = |sub_share: &SubShare| *sub_share.to_secret_bytes().last_chunk::<32>().unwrap();
    let named = |sub_shares: &[SubShare]| match step.share(&me, sub_shares) {
        Err(ShareError::SubShares(dealers)) => dealers,
        other => panic!("{other:?}"),
    };
    let culprit = |i: usize| vec![group.keys[i].id()];
    assert!(step.share(&me, &[mine(0), mine(1), mine(2)]).is_ok());
    assert!((0..3).all(|i| verified[i].fits(&mine(i))));

    let mut altered = value(&mine(1));
    altered[0] ^= 1;
    let bad = [
        // Altered, zero, another trustee's value, another trustee's sub-share, another dealer's value.
        patched(&mine(1), 37, &altered),
        patched(&mine(1), 37, &[0; 32]),
        patched(&mine(1), 37, &value(&dealt[1].1[0])),
        patched(&dealt[1].1[0], 4, &[]),
        patched(&mine(1), 37, &value(&mine(0))),
        // The right value under another number or another dealing's name.
        patched(&mine(1), 36, &[1]),
        patched(&mine(1), 36, &[0]),
        patched(&mine(1), 4, verified[0].digest().as_bytes()),
        patched(&mine(1), 4, &[9; 32]),
    ];
    for (n, bad) in bad.into_iter().enumerate() {
        // The other trustee's sub-share is good, but not for this one.
        assert_eq!(verified[1].fits(&bad), n == 3, "{n}");
        let sub_shares = [mine(0), bad, mine(2)];
        assert_eq!(named(&sub_shares), culprit(1), "{n}");
        // Garbage in a dealer's name beside what the dealer sent harms nobody.
        let [first, bad, last] = sub_shares;
        assert!(step.share(&me, &[bad, first, last, mine(1)]).is_ok(), "{n}");
    }
    assert_eq!(named(&[mine(1)]), [culprit(0), culprit(2)].concat());
    assert_eq!(named(&[]).len(), 3);
    assert_eq!(step.share(&group.keys[0].id(), &[mine(0)]).unwrap_err(), ShareError::Trustee);
    // A sub-share of the same dealer to the same trustee, from another dealing.
    let again = group.deal(&[1], &to);
    assert_eq!(named(&[mine(0), patched(&again[0].1[1], 4, &[]), mine(2)]), culprit(1));
    // What failed cost nobody anything: the old shares deal again, without the one who was named.
    assert!(group.reshare(&[0, 2, 3], 2, parties(5..8)).has(&[0, 2]));
}

#[test]
fn a_trustee_comes_back() {
    let old = group();
    let new = old.reshare(&[0, 1, 2], 3, parties(0..5));
    let mut chain = SharingChain::new(old.dealings[0].clone());
    let short = SharingChain::from_bytes(&chain.to_bytes()).unwrap();
    chain.push(new.dealings.iter().cloned());
    let chain = SharingChain::from_bytes(&chain.to_bytes()).unwrap();
    let generation = &owner().generation;
    assert_eq!(chain.verify(generation).unwrap(), new.sharing);
    assert_eq!(chain.rounds().map(<[_]>::len).collect::<Vec<_>>(), [1, 3]);

    let stored = new.shares[3].share().to_secret_bytes();
    assert_eq!(stored.len(), 69);
    let share = Share::from_bytes(&stored).unwrap();
    assert_eq!((share.index(), share.sharing()), (4, new.sharing.digest()));
    let back = share.verify(&chain.verify(generation).unwrap()).unwrap();
    assert!(is_gamma(&[&new.shares[0], &new.shares[1], &back]));
    // An older chain is true, and not that of the share.
    assert_eq!(short.verify(generation).unwrap(), old.sharing);
    assert_eq!(share.verify(&old.sharing).unwrap_err(), ShareError::Sharing);
    // Not the trustee's share: altered, zero, under another number.
    let value = *stored.last_chunk::<32>().unwrap();
    let mut altered = value;
    altered[3] ^= 1;
    for bad in [patched(&share, 37, &altered), patched(&share, 37, &[0; 32])] {
        assert_eq!(bad.verify(&new.sharing).unwrap_err(), ShareError::Value);
    }
    for index in [0, 3, 5, 6, 255] {
        assert_eq!(patched(&share, 36, &[index]).verify(&new.sharing).unwrap_err(), ShareError::Value, "{index}");
    }
}

#[test]
fn a_chain_names_what_is_wrong_with_it() {
    let old = group();
    let new = old.reshare(&[0, 1, 2], 3, parties(0..5));
    let owner = owner();
    let chain = |rounds: &[&[Signed<Dealing>]]| {
        let mut chain = SharingChain::new(old.dealings[0].clone());
        rounds.iter().for_each(|round| chain.push(round.iter().cloned()));
        chain
    };
    let error = |round, dealer: &SigningKey, error| ChainError::Dealing { round, dealer: dealer.id(), error };
    // A round that is replayed, or left out.
    let replayed = chain(&[&new.dealings, &new.dealings]).verify(&owner.generation);
    assert_eq!(replayed, Err(error(3, &old.keys[0], DealingError::Previous)));
    let again = chain(&[&old.dealings]).verify(&owner.generation);
    assert_eq!(again, Err(error(2, &owner.signer, DealingError::Previous)));
    let headless = SharingChain::new(new.dealings[0].clone()).verify(&owner.generation);
    assert_eq!(headless, Err(error(1, &old.keys[0], DealingError::Previous)));
    // Too few dealings, none, and a foreign one.
    for few in [&new.dealings[..2], &[]] {
        let expected = ChainError::Resharing { round: 2, error: ResharingError::Count };
        assert_eq!(chain(&[few]).verify(&owner.generation), Err(expected));
    }
    let stranger = Signed::new(&party(9), new.dealings[2].unverified().clone());
    let foreign = [new.dealings[0].clone(), new.dealings[1].clone(), stranger];
    assert_eq!(chain(&[&foreign]).verify(&owner.generation), Err(error(2, &party(9), DealingError::Dealer)));
    // Another generation of the key.
    assert_eq!(chain(&[]).verify(&owner.next), Err(error(1, &owner.signer, DealingError::Previous)));
    // No rounds, and a round of no dealings, have no encoding.
    let bytes = chain(&[]).to_bytes();
    let head = &bytes[..4];
    assert_eq!(SharingChain::from_bytes(&[head, &[0; 4]].concat()), Err(DecodeError::Length));
    let mut none = bytes.clone();
    none[8..12].fill(0);
    assert_eq!(SharingChain::from_bytes(&none), Err(DecodeError::Length));
}

#[test]
fn no_committee_without_a_sound_threshold() {
    let id = |n| party(n).id();
    assert_eq!(Committee::new(0, &[id(1), id(2)]), Err(CommitteeError::Threshold));
    assert_eq!(Committee::new(0, &[]), Err(CommitteeError::Threshold));
    assert_eq!(Committee::new(1, &[]), Err(CommitteeError::Threshold));
    assert_eq!(Committee::new(3, &[id(1), id(2)]), Err(CommitteeError::Threshold));
    assert_eq!(Committee::new(2, &[id(1), id(2), id(1)]), Err(CommitteeError::Duplicate));
    let many = ids(&parties(0..256));
    assert_eq!(Committee::new(2, &many), Err(CommitteeError::TooMany));
    let most = Committee::new(255, &many[..255]).unwrap();
    assert_eq!((most.index(&many[0]), most.index(&many[254]), most.index(&many[255])), (Some(1), Some(255), None));
}

#[test]
fn a_generator_that_fails_leaves_nothing() {
    let (owner, group) = (owner(), group());
    let to = Committee::new(4, &ids(&parties(5..10))).unwrap();
    // One draw for each coefficient but the secret.
    for draws in 0..3 {
        let failing = &mut TestRng::fail_after(draws);
        assert_eq!(deal(&owner.secret, &owner.signer, &to, failing).unwrap_err(), DealError::Rng);
        let failing = &mut TestRng::fail_after(draws);
        assert_eq!(group.shares[0].deal(&group.keys[0], &to, failing).unwrap_err(), DealError::Rng);
    }
    assert!(deal(&owner.secret, &owner.signer, &to, &mut TestRng::fail_after(3)).is_ok());
    // A generator that is dead does not make the same polynomial twice.
    let dealt = |_| deal(&owner.secret, &owner.signer, &to, &mut TestRng::constant(0)).unwrap().0;
    let [a, b] = [0, 1].map(dealt);
    let tail = |dealing: &Signed<Dealing>| dealing.unverified().to_bytes().last_chunk::<144>().copied().unwrap();
    assert!(tail(&a).chunks(48).zip(tail(&b).chunks(48)).all(|(a, b)| a != b));
}

#[test]
fn secrets_do_not_print() {
    let group = group();
    let (_, sub_shares) = &group.deal(&[0], &Committee::new(1, &[party(5).id()]).unwrap())[0];
    let share = &group.shares[0];
    let (sharing, dealing) = (group.sharing.digest(), sub_shares[0].dealing());
    assert_eq!(format!("{share:?}"), format!("VerifiedShare {{ sharing: {sharing:?}, index: 1, .. }}"));
    assert_eq!(format!("{:?}", share.share()), format!("Share {{ sharing: {sharing:?}, index: 1, .. }}"));
    assert_eq!(format!("{:?}", sub_shares[0]), format!("SubShare {{ dealing: {dealing:?}, index: 1, .. }}"));
}
