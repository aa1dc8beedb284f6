//! Rotation of capsules: one and many, of one class and of many.

use std::hint::black_box;

use sesphr::context::{Context, Partition};
use sesphr::hazmat::pairing::BACKEND;
use sesphr::kac::{Capsule, Kac, KeyAggregate, Rotate, RotationToken, VerifiedGeneration, VerifiedToken};

use crate::common::kac::World;
use crate::common::primitives::{Operation, Parts, Turns};
use crate::common::report::{head, row, time};
use crate::common::rng;

/// The library that it computes with.
pub(crate) const ON: &str = BACKEND;

/// As many as are checked at once.
const BATCH: u32 = 256;

/// An owner's key in two generations.
pub(crate) struct Setting {
    world: World,
    newest: VerifiedGeneration,
    token: RotationToken,
    verified: VerifiedToken,
}

impl Setting {
    pub(crate) fn new() -> Self {
        let world = World::new(BATCH);
        let (first, signer) = (Some(&world.generation), &world.signer);
        let keys = Kac::keygen(&world.params, &world.grid, &world.root, signer, first, &mut rng(80));
        let (second, cert) = keys.unwrap();
        let newest = Kac::verify_owner(&world.params, &cert, &signer.id(), first).unwrap();
        let token = Kac::token(&world.secret, &second).unwrap();
        let verified = Kac::verify_token(&newest, &token).unwrap();
        Self { world, newest, token, verified }
    }

    /// So many capsules, in turn of so many classes.
    fn capsules(&self, classes: usize, count: usize) -> Vec<(Capsule, Context<'static>)> {
        let all = self.world.grid.partition(&Partition::MEDICAL).unwrap();
        let few = self.world.capsules(&all, classes, BATCH);
        few.iter().cycle().take(count).cloned().collect()
    }

    fn rotate(&self, capsules: &[(Capsule, Context<'_>)]) {
        let pairs: Vec<_> = capsules.iter().map(|(capsule, ctx)| (capsule, ctx)).collect();
        let rotated = Kac::rotate(&self.world.params, &self.verified, black_box(&pairs));
        assert!(black_box(rotated).iter().all(Result::is_ok));
    }
}

/// What the operations have to compute, counted as [`crate::common::primitives`] says.
fn primitives_of(operation: &str) -> Parts {
    use crate::common::primitives::Primitive::*;
    match operation {
        // A difference of two points.
        "verify token" => &[(G1Fixed, 1), (G1Add, 1)],
        // V2 + Q_i. Hashes: context, seed, weight.
        "rotate one" => &[
            (G1Mul, 1),
            (G1Add, 1),
            (G1Affine, 1),
            (G1Msm(1), 2),
            (G2Add, 1),
            (G2Affine, 1),
            (PairingEqQ, 1),
            (G1Bytes, 2),
            (Hash, 3),
        ],
        "rotate 256 of one class" => &[
            (G1Mul, 256),
            (G1Add, 256),
            (G1AffineOf(256), 1),
            (G1Msm(256), 2),
            (G2Add, 1),
            (G2Affine, 1),
            (PairingEqQ, 1),
            (G1Bytes, 512),
            (Hash, 768),
        ],
        _ => unreachable!("no count for {operation}"),
    }
}

fn new<'a, O>(name: &'static str, f: impl FnMut() -> O + 'a) -> Operation<'a> {
    Operation::new(name, primitives_of(name), f)
}

pub(crate) fn operations(setting: &Setting) -> Vec<Operation<'_>> {
    let Setting { newest, token, .. } = setting;
    let (one, many) = (setting.capsules(1, 1), setting.capsules(1, BATCH as usize));
    vec![
        new("verify token", || Kac::verify_token(newest, black_box(token)).unwrap()),
        new("rotate one", move || setting.rotate(&one)),
        new("rotate 256 of one class", move || setting.rotate(&many)).results(BATCH),
    ]
}

/// Many in one call: by the number of classes, and with `rayon` on one core beside two.
pub(crate) fn many(setting: &Setting) {
    let rayon = if cfg!(feature = "rayon") { "with" } else { "without" };
    head(&format!("Kapre on `{ON}`: rotation of many capsules {rayon} `rayon`, in turns"), &["", "ratio", "for each"]);
    let claim = |claim: &str, count: usize, turns: Turns| {
        row([claim.to_string(), format!("{:.3}", turns.ratio), time(turns.first / count as f64)]);
    };
    let count = 4 * BATCH as usize;
    let one = setting.capsules(1, count);
    for classes in [16, 256] {
        let several = setting.capsules(classes, count);
        let turns = Turns::new(&mut || setting.rotate(&several), &mut || setting.rotate(&one));
        claim(&format!("{count} of {classes} classes / of one class"), count, turns);
    }
    #[cfg(feature = "rayon")]
    {
        let count = 100_000;
        let capsules = setting.capsules(16, count);
        let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let (one, two) = (pool(1), pool(2));
        let on = |pool: &rayon::ThreadPool| pool.install(|| setting.rotate(&capsules));
        let again = on;
        claim("100000: two cores / one core", count, Turns::new(&mut || on(&two), &mut || again(&one)));
    }
}
