//! What an owner sends so that stored capsules and bodies follow its keys.

use std::sync::Mutex;

use sesphr::context::Partition;
use sesphr::encoding::{Message, SecretEncoding};
use sesphr::error::DecodeError;
use sesphr::hazmat::pairing::Scalar;
use sesphr::identity::Signed;
use sesphr::kac::params::Params;
use sesphr::kac::{ClassGrid, Kac, KeyAggregate, Rotate, RotationToken};
use sesphr::kapre::Kapre;
use sesphr::kem::OwnerRoot;
use sesphr::sharing::{LayerGrant, Level, OrderTerms, Orders, Role, User};

use super::common::{party, rng};
use super::sharing::{World, at, user};
use super::{Layout, Sample, statement};

/// Offset of the first token in orders: behind header, signed terms and a count.
const TOKENS: usize = 4 + (4 + 32 + 4 + 32 + 64) + 4;
/// Offset of the first partition behind one token.
const ITEMS: usize = TOKENS + 100 + 4;
/// Offset of the length of what is sealed in a layer grant.
const SEALED: usize = 4 + 32 + 4 + 32 + 8;

/// Name of a sample, where its count is, and the bound.
pub(super) const COUNTS: [(&str, usize, u32); 3] =
    [("orders", TOKENS - 4, 1 << 12), ("orders", ITEMS - 4, 1 << 16), ("layer grant", SEALED, 1 << 24)];

/// Two members depart, one after the other: three stored versions of one record to be updated at the second departure,
/// without a layer, to the first layer, and from one to the next.
struct Departures {
    w: World<Kapre>,
    stays: User<Kapre>,
    orders: Orders,
    grant: Signed<LayerGrant>,
}

impl Departures {
    fn new() -> Self {
        let mut w = World::<Kapre>::with_partitions(1, [Partition::MEDICAL, Partition::INSURANCE]);
        let [bob, carol, dan] = [10, 11, 12].map(user::<Kapre>);
        for (user, role) in [(&bob, Role::Researcher), (&carol, Role::Researcher), (&dan, Role::FamilyAndFriends)] {
            w.join(user, role, at(1), at(1));
        }
        w.write(Partition::MEDICAL, 1, at(2));
        let orders = |w: &World<Kapre>| {
            let headers = w.cloud.headers(&w.id(), None, usize::MAX).unwrap();
            w.owner.orders(&headers).unwrap().unwrap()
        };
        let depart = |w: &mut World<Kapre>, user: &User<Kapre>, now| {
            let update = w.owner.depart(&user.id(), Level::Bodies, at(now), &mut w.rng).unwrap();
            w.send(&update, at(now));
            update.layer_grants
        };
        depart(&mut w, &bob, 3);
        assert!(w.cloud.carry_out(&w.owner.id(), &orders(&w)).unwrap().refused.is_empty());
        let update = w.owner.settle(at(4), &mut w.rng).unwrap();
        w.send(&update, at(4));
        w.write(Partition::MEDICAL, 2, at(5));
        w.write(Partition::INSURANCE, 3, at(5));
        let grant = depart(&mut w, &carol, 6).pop().unwrap();
        assert_eq!(grant.unverified().user(), dan.id());
        Self { orders: orders(&w), w, stays: dan, grant }
    }
}

pub(super) fn samples() -> Vec<Sample> {
    let none = Layout::default();
    let (rng, signer) = (&mut rng(61), party(61));
    let params = Params::hazmat_from_alpha(2, &Scalar::from_u64(9)).unwrap();
    let grid = ClassGrid::new(&[Partition::MEDICAL], 2).unwrap();
    let root = OwnerRoot::generate(rng);
    let (first, _) = Kac::keygen(&params, &grid, &root, &signer, None, rng).unwrap();
    let (second, _) = Kac::keygen(&params, &grid, &root, &signer, Some(first.generation()), rng).unwrap();
    let token = Kac::token(&first, &second).unwrap();

    let Departures { w, mut stays, orders, grant } = Departures::new();
    let (owner, cloud) = (w.id(), Mutex::new(w.cloud));
    let terms = Signed::<OrderTerms>::from_bytes(&orders.to_secret_bytes()[4..TOKENS - 4]).unwrap();
    stays.take_layers(&owner, &grant).unwrap();
    let stays = Mutex::new(stays);
    vec![
        Sample::secret("rotation token", &token, Layout { keys: &[68], ..none }, move |m: RotationToken| {
            Kac::verify_token(second.generation(), &m).is_err()
        }),
        Sample::secret("orders", &orders, Layout { keys: &[TOKENS + 68], ..none }, move |m: Orders| {
            cloud.lock().unwrap().carry_out(&owner, &m).is_err()
        }),
        statement("order terms", &terms),
        Sample::public("layer grant", &grant, none, move |m: Signed<LayerGrant>| {
            stays.lock().unwrap().take_layers(&owner, &m).is_err()
        }),
    ]
}

/// Steps that lead nowhere, and tags that there are not.
#[test]
fn orders_with_steps_of_no_kind() {
    let sample = super::samples().iter().find(|s| s.name == "orders").unwrap();
    let orders = Orders::from_bytes(&sample.bytes).unwrap();
    assert_eq!((orders.len(), orders.is_empty()), (3, false));
    // Record, partition and version in front of the tag; then the tag of the step, generation and key.
    let [insurance, medical] = ["insurance", "medical"].map(|label| 16 + 4 + label.len() + 8);
    let first = ITEMS + insurance;
    assert_eq!(sample.bytes[first], 0);
    let second = first + 1 + medical;
    assert_eq!(sample.bytes[second..second + 6], [1, 1, 0, 0, 0, 1]);
    let third = second + 2 + 2 * 36 + medical;
    assert_eq!(sample.bytes[third..third + 6], [1, 0, 0, 0, 0, 2]);
    assert_eq!(sample.bytes.len(), third + 2 + 36);
    let refused = |bytes: &[u8]| assert_eq!(Orders::from_bytes(bytes).unwrap_err(), DecodeError::Value);
    for tag in 2..=255 {
        for at in [first, second, second + 1, third, third + 1] {
            refused(&sample.patched(at, &[tag]));
        }
    }
    // To the generation that it begins at, to one before, and from one key to the same.
    let (from, to) = (second + 2, second + 2 + 36);
    refused(&sample.patched(to, &1u32.to_be_bytes()));
    refused(&sample.patched(to, &0u32.to_be_bytes()));
    refused(&sample.patched(to + 4, &sample.bytes[from + 4..from + 36]));
}
