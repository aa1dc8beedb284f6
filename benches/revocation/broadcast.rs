//! One message to a group, of which some are revoked: how long it is, and what it takes to make and to open.

use std::hint::black_box;

use sesphr::Digest;
use sesphr::encoding::SecretEncoding;
use sesphr::epoch::BroadcastEncryption;
use sesphr::epoch::broadcast::{CommonKey, Group, GroupKeys, Recipients};
use sesphr::identity::SigningKey;
use sesphr::kem::OwnerRoot;

use crate::common::kac::len;
use crate::common::primitives::Turns;
use crate::common::report::{head, row, time};
use crate::common::rng;

/// Heights of the groups' trees.
const HEIGHTS: [u8; 2] = [10, 16];

/// How many seats are revoked.
const REVOKED: [u32; 3] = [0, 1, 100];

/// A broadcast to all but some seats that are far from each other, which takes the most nodes; and opening it, with and
/// without the check of its signature.
pub(crate) fn broadcasts() {
    let rng = &mut rng(70);
    let (signer, root) = (SigningKey::generate(rng), OwnerRoot::generate(rng));
    let common = CommonKey::try_generate(rng).unwrap();
    for height in HEIGHTS {
        let group = Group::new(signer.id(), Digest::NONE, height).unwrap();
        let (keys, seats) = (GroupKeys::derive(&root, &group), group.seats());
        // Nobody's who is revoked.
        let seat = keys.seat(seats - 1).unwrap();
        println!("\nKeys of a seat among {seats}: {} bytes.", seat.to_secret_bytes().len());
        head(
            &format!("Broadcast to {seats} seats"),
            &["revoked", "nodes", "signed bytes", "broadcast", "open", "check and open"],
        );
        for count in REVOKED {
            let revoked: Vec<_> = (0..count).map(|i| i * (seats / count)).collect();
            let recipients = Recipients { seats, revoked: &revoked };
            let sent = keys.broadcast(&signer, 1, &common, &recipients, rng).unwrap();
            let verified = sent.verify(&signer.id()).unwrap();
            let send = &mut || _ = black_box(keys.broadcast(&signer, 1, &common, black_box(&recipients), rng).unwrap());
            let turns = Turns::new(send, &mut || _ = black_box(seat.open(black_box(&verified)).unwrap()));
            let check = &mut || _ = black_box(seat.open(&black_box(&sent).verify(&signer.id()).unwrap()).unwrap());
            let checked = Turns::new(check, &mut || _ = black_box(seat.open(black_box(&verified)).unwrap()));
            let times = [turns.first, turns.second, checked.first].map(time);
            row([count.to_string(), verified.nodes().to_string(), len(&sent)].into_iter().chain(times));
        }
    }
}
