use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;
use crate::pre::afgh::Afgh;

const MEDICAL: Partition = Partition::MEDICAL;

fn owner() -> Owner<Afgh> {
    let policy = AccessPolicy::new(1000);
    let root = OwnerRoot::generate(&mut ChaCha20Rng::from_seed([1; 32]));
    Owner::new(Arc::new(()), root, policy, [MEDICAL], 1000, Timestamp(0)).unwrap()
}

/// An owner and a member, at the given epoch of the one partition.
fn at_epoch(epoch: u32) -> (Owner<Afgh>, PartyId) {
    let rng = &mut ChaCha20Rng::from_seed([2; 32]);
    let mut owner = owner();
    owner.state.epochs.get_mut(&MEDICAL).unwrap().insert(epoch - 1, Timestamp(0));
    let user = crate::sharing::User::<Afgh>::new(Arc::new(()), SigningKey::from_seed(&[3; 32]), rng).unwrap();
    let cert = owner.certify(user.id(), Role::Researcher, Validity::new(Timestamp(0), Timestamp(1000)).unwrap());
    let update = owner.join(&user.bundle(1, Timestamp(1000)), &cert, Timestamp(1), Timestamp(1), rng).unwrap();
    assert_eq!(update.delegations.len(), 1);
    (owner, user.id())
}

#[test]
fn counters_end_in_an_error() {
    let rng = &mut ChaCha20Rng::from_seed([2; 32]);
    let (mut owner, user) = at_epoch(u32::MAX);
    assert_eq!(owner.epoch(&MEDICAL), Ok(u32::MAX));
    let before = owner.membership();
    // What revokes by rolling says so; nothing is half done.
    assert_eq!(owner.depart(&user, Level::Epochs, Timestamp(2), rng).unwrap_err(), OwnerError::Exhausted);
    assert_eq!(owner.disallow(&user, MEDICAL, Level::Epochs, Timestamp(2), rng).unwrap_err(), OwnerError::Exhausted);
    assert_eq!(owner.membership(), before);
    // Two are known, so a range over all of them costs no more than that.
    let all = owner.grant_history(&user, MEDICAL, (u32::MAX - 1)..=u32::MAX, Timestamp(2), rng);
    assert_eq!(all.unwrap_err(), OwnerError::Running);

    owner.state.version = u64::MAX;
    assert_eq!(owner.publish(Timestamp(2), rng).unwrap_err(), OwnerError::Exhausted);
    let mut owner = self::owner();
    owner.state.version = u64::MAX - 1;
    assert!(owner.publish(Timestamp(2), rng).is_ok());
    assert_eq!(owner.publish(Timestamp(2), rng).unwrap_err(), OwnerError::Exhausted);
    let mut owner = self::owner();
    assert_eq!(owner.publish(Timestamp(u64::MAX), rng).unwrap_err(), OwnerError::Exhausted);
}

#[test]
fn directories_have_an_end() {
    let rng = &mut ChaCha20Rng::from_seed([2; 32]);
    let mut owner = owner();
    for n in 0..u32::try_from(Directory::MAX_AUTHORS).unwrap() {
        let mut id = [0; 32];
        id[..4].copy_from_slice(&n.to_be_bytes());
        owner.state.authors.insert(PartyId::from_array(id), Author::Active);
    }
    let one_more = PartyId::from_array([255; 32]);
    assert_eq!(owner.set_author(one_more, Author::Active, Timestamp(1), rng).unwrap_err(), OwnerError::Exhausted);
    assert!(owner.publish(Timestamp(1), rng).is_ok());
}

#[test]
fn epochs_from_the_future_count_as_begun_early() {
    let mut owner = owner();
    let times = [5, 900, 20, 800, 40].map(Timestamp);
    *owner.state.epochs.get_mut(&MEDICAL).unwrap() = (0..).zip(times).collect();
    let now = |seconds| owner.state.at(Timestamp(seconds)).unwrap().epochs[&MEDICAL].values().map(|t| t.0).collect();
    let seen: Vec<u64> = now(100);
    assert_eq!(seen, [5, 5, 20, 20, 40]);
    let seen: Vec<u64> = now(4);
    assert_eq!(seen, [0; 5]);
    let seen: Vec<u64> = now(900);
    assert_eq!(seen, times.map(|t| t.0));
}

#[test]
fn a_member_can_be_shut_out_when_no_epoch_is_left() {
    let rng = &mut ChaCha20Rng::from_seed([2; 32]);
    let (mut owner, user) = at_epoch(u32::MAX);
    assert_eq!(owner.epochs_left(&MEDICAL), Ok(0));
    assert_eq!(owner.depart(&user, Level::Epochs, Timestamp(2), rng).unwrap_err(), OwnerError::Exhausted);
    assert_eq!(owner.state.live.len(), 1);
    let update = owner.suspend(&user, Timestamp(2), rng).unwrap();
    assert_eq!((update.live.removed().len(), update.delegations.len(), owner.state.live.len()), (1, 0, 0));
    assert_eq!(owner.grants(&user).count(), 0);
    // Nor does it come back by itself.
    let update = owner.grant_again(&user, Timestamp(3), rng).unwrap();
    assert_eq!((update.delegations.len(), owner.state.live.len()), (0, 0));
}

#[test]
fn grants_that_ended_leave_the_list() {
    let rng = &mut ChaCha20Rng::from_seed([2; 32]);
    let (mut owner, user) = at_epoch(2);
    let (_, id, end) = owner.grants(&user).next().unwrap();
    for (now, listed) in [(end.0, true), (end.0 + 1, false)] {
        let _ = owner.publish(Timestamp(now), rng).unwrap();
        assert_eq!(owner.state.live.contains(&id), listed, "{now}");
        // What there was to renew is remembered.
        assert_eq!(owner.grants(&user).count(), 1);
    }
}

#[test]
fn a_clock_that_ran_ahead_does_not_keep_the_owner_from_signing() {
    let rng = &mut ChaCha20Rng::from_seed([2; 32]);
    let mut owner = owner();
    let _ = owner.publish(Timestamp(1_000_000), rng).unwrap();
    let update = owner.publish(Timestamp(5), rng).unwrap();
    let head = update.live.head().unverified();
    assert_eq!((head.version(), head.at()), (2, Timestamp(1_000_000)));
    assert!(owner.signed_head(2, &update.live.head().digest()) && !owner.signed_head(1, &update.live.head().digest()));
}

#[test]
fn an_export_has_room_for_the_heads_that_are_kept() {
    let rng = &mut ChaCha20Rng::from_seed([2; 32]);
    let mut owner = owner();
    owner.state.heads = (0..state::MAX as u64).map(|n| (u64::MAX - n, Digest::NONE)).collect();
    let update = owner.publish(Timestamp(1), rng).unwrap();
    assert_eq!(owner.state.heads.len(), state::MAX);
    // The oldest goes, which here is the one just signed.
    assert!(!owner.signed_head(1, &update.live.head().digest()));
}
