//! Trustees of a key-aggregate secret.

use sesphr::context::Partition;
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::identity::{Signed, SigningKey};
use sesphr::kac::trustees::{Committee, Dealing, Resharing, Share, Sharing, SubShare, deal};
use sesphr::kac::{ClassGrid, Kac, KeyAggregate, OwnerSecret, Params, params};
use sesphr::kem::OwnerRoot;

use crate::Case;
use crate::memcheck::{declassify_bytes, image, is_secret, poison_fields, running};
use crate::world::{AUTHOR, OWNER, SERVER, Toy, USER, decode_marked, secret_signer};

pub const CASES: &[Case] = &[
    ("trustees-deal", owner_deals),
    ("trustees-sub-share-decode", sub_share_decode),
    ("trustees-share", share),
    ("trustees-share-verify", share_verify),
    ("trustees-reshare", reshare),
];

const TRUSTEES: [[u8; 32]; 3] = [AUTHOR, USER, SERVER];

/// Everything in the clear: two of three have the owner's secret.
struct Shared {
    secret: OwnerSecret,
    committee: Committee,
    sub_shares: Vec<SubShare>,
    step: Resharing,
}

impl Shared {
    fn new() -> Self {
        let (rng, owner) = (&mut Toy::clear(), SigningKey::from_seed(&OWNER));
        let grid = ClassGrid::new(&[Partition::MEDICAL], 1).unwrap();
        let params = Params::generate(1, &owner, rng, params::unwatched).unwrap();
        let root = OwnerRoot::try_generate(rng).unwrap();
        let (secret, _) = Kac::keygen(&params, &grid, &root, &owner, None, rng).unwrap();
        let committee = Committee::new(2, &TRUSTEES.map(|seed| SigningKey::from_seed(&seed).id())).unwrap();
        let (dealing, sub_shares) = deal(&secret, &owner, &committee, rng).unwrap();
        let start = Sharing::of_owner(secret.generation());
        let step = start.reshare(&[start.verify_dealing(&dealing).unwrap()]).unwrap();
        Self { secret, committee, sub_shares, step }
    }

    fn share(&self, trustee: usize) -> Share {
        let share = self.step.share(&self.committee.trustees()[trustee], &self.sub_shares).unwrap();
        Share::from_bytes(&share.share().to_secret_bytes()).unwrap()
    }
}

/// The last 32 bytes.
fn value(bytes: &mut [u8]) -> &mut [u8] {
    bytes.last_chunk_mut::<32>().unwrap()
}

/// Publishes the dealing, and of each sub-share everything but the value.
fn publish((dealing, sub_shares): (Signed<Dealing>, Vec<SubShare>)) -> (Signed<Dealing>, Vec<SubShare>) {
    let bytes = dealing.to_bytes();
    declassify_bytes(&bytes);
    let open = |sub_share: &SubShare| {
        let bytes = sub_share.to_secret_bytes();
        let (name, value) = bytes.split_last_chunk::<32>().unwrap();
        declassify_bytes(name);
        assert_eq!(is_secret(value), running());
        SubShare::from_bytes(&bytes).unwrap()
    };
    (Signed::from_bytes(&bytes).unwrap(), sub_shares.iter().map(open).collect())
}

fn owner_deals() {
    let mut world = Shared::new();
    let owner = SigningKey::from_seed(&OWNER);
    // The one trustee of a committee of one has the secret itself.
    let alone = Committee::new(1, &[owner.id()]).unwrap();
    let (dealing, sub_shares) = deal(&world.secret, &owner, &alone, &mut Toy::clear()).unwrap();
    let start = Sharing::of_owner(world.secret.generation());
    let step = start.reshare(&[start.verify_dealing(&dealing).unwrap()]).unwrap();
    let gamma = image(step.share(&owner.id(), &sub_shares).unwrap().hazmat_scalar());
    poison_fields(&mut world.secret, &[&gamma]);
    let dealt = deal(&world.secret, &secret_signer(OWNER), &world.committee, &mut Toy::secret()).unwrap();
    let (dealing, sub_shares) = publish(dealt);
    assert_eq!(sub_shares.len(), 3);
    assert!(start.verify_dealing(&dealing).is_ok());
}

fn sub_share_decode() {
    let world = Shared::new();
    decode_marked(&world.sub_shares[0], value);
}

fn share() {
    let world = Shared::new();
    let sub_shares: Vec<_> = world.sub_shares.iter().map(|sub_share| decode_marked(sub_share, value)).collect();
    let share = world.step.share(&world.committee.trustees()[2], &sub_shares).unwrap();
    assert_eq!(is_secret(share.share().to_secret_bytes().last_chunk::<32>().unwrap()), running());
}

fn share_verify() {
    let world = Shared::new();
    let share = decode_marked(&world.share(1), value);
    assert!(share.verify(world.step.sharing()).is_ok());
}

fn reshare() {
    let world = Shared::new();
    let state = world.step.sharing();
    let dealt = [0, 1].map(|i| {
        let share = decode_marked(&world.share(i), value).verify(state).unwrap();
        publish(share.deal(&secret_signer(TRUSTEES[i]), &world.committee, &mut Toy::secret()).unwrap())
    });
    let verified = dealt.each_ref().map(|(dealing, _)| state.verify_dealing(dealing).unwrap());
    let step = state.reshare(&verified).unwrap();
    let sub_shares: Vec<_> = dealt.into_iter().flat_map(|(_, sub_shares)| sub_shares).collect();
    let share = step.share(&world.committee.trustees()[0], &sub_shares).unwrap();
    assert_eq!(is_secret(share.share().to_secret_bytes().last_chunk::<32>().unwrap()), running());
}
