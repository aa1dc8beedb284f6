use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;

const MEDICAL: Partition = Partition::MEDICAL;

fn owner() -> Owner {
    let policy = AccessPolicy::new(1000);
    let root = OwnerRoot::generate(&mut ChaCha20Rng::from_seed([1; 32]));
    Owner::new(SigningKey::from_seed(&[1; 32]), root, policy, [MEDICAL], 1000, Timestamp(0))
}

/// An owner and a member, at the given epoch of the one partition.
fn at_epoch(epoch: u32) -> (Owner, PartyId) {
    let rng = &mut ChaCha20Rng::from_seed([2; 32]);
    let mut owner = owner();
    owner.state.epochs.get_mut(&MEDICAL).unwrap().insert(epoch - 1, Timestamp(0));
    let user = crate::sharing::User::<Afgh>::new(SigningKey::from_seed(&[3; 32]), rng).unwrap();
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
    let before = owner.export();
    // What revokes by rolling says so; nothing is half done.
    assert_eq!(owner.depart(&user, Timestamp(2), rng).unwrap_err(), OwnerError::Exhausted);
    assert_eq!(owner.disallow(&user, MEDICAL, Timestamp(2), rng).unwrap_err(), OwnerError::Exhausted);
    assert_eq!(owner.export(), before);
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
fn revocations_are_kept_until_their_grants_would_have_ended() {
    let rng = &mut ChaCha20Rng::from_seed([2; 32]);
    let (mut owner, user) = at_epoch(2);
    assert_eq!(owner.depart(&user, Timestamp(2), rng).unwrap().revocations.len(), 1);
    for (now, kept) in [(1000, 1), (1001, 0)] {
        let _ = owner.publish(Timestamp(now), rng).unwrap();
        assert_eq!((owner.state.revoked.len(), owner.revocations(Timestamp(3)).len()), (kept, kept));
    }
}
