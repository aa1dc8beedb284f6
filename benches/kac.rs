//! The key-aggregate scheme: every operation by the number of classes and by the share of them that is delegated, beside
//! the sum of its primitives, and what the documentation claims of it. What matters is timed in turns with what it is
//! compared with.
//!
//! `cargo bench --bench kac`, and with `--features blst` for the other backend. Parameters of 2^16 classes are made once
//! and take 60 MB.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::hint::black_box;
use std::time::{Duration, Instant};

use common::kac::{Delegation, World, id, len, params};
use common::primitives::{Operation, Parts, Turns, ratios};
use common::report::{Run, head, row, time};
use common::rng;
use criterion::{BenchmarkId, Criterion, SamplingMode};
use sesphr::encoding::SecretEncoding;
use sesphr::hazmat::pairing::{BACKEND, G2Projective};
use sesphr::kac::params::{PointForm, unwatched};
use sesphr::kac::{Kac, KeyAggregate};

/// The numbers of classes as powers of two. Runs that do not measure stay small.
fn sizes() -> &'static [u32] {
    if Run::measures() { &[4, 6, 8, 10, 12, 14, 16] } else { &[4, 6] }
}

/// Up to here setup is measured more than once.
const REPEATED: u32 = 12;
/// The shares of Chu et al., table 3, in percent.
const SHARES: [u32; 10] = [10, 20, 30, 40, 50, 60, 70, 80, 90, 95];

fn bench(c: &mut Criterion, id: &str, mut f: impl FnMut()) {
    let [group, backend, parameter] = *id.split('/').collect::<Vec<_>>() else { unreachable!("three parts") };
    let mut group = c.benchmark_group(group);
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_millis(600));
    group.bench_function(BenchmarkId::new(backend, parameter), |b| b.iter(&mut f));
    group.finish();
}

/// The benches by the number of classes, and how long the last setup took.
fn by_classes(c: &mut Criterion) -> (World, Vec<f64>) {
    let mut setups = Vec::new();
    let mut last = None;
    for power in sizes() {
        let n = 1 << power;
        drop(last.take());
        if *power <= REPEATED {
            bench(c, &id("setup", n), || drop(black_box(params(n))));
        }
        let start = Instant::now();
        let world = World::new(n);
        setups.push(start.elapsed().as_secs_f64());
        let delegation = world.delegate(world.range(n / 2));
        bench(c, &id("extract", n), || drop(black_box(world.extract(&delegation.set))));
        bench(c, &id("encapsulate", n), || drop(black_box(world.encapsulate(&delegation.ctx))));
        bench(c, &id("open", n), || world.open(&delegation));
        last = Some(world);
    }
    (last.unwrap(), setups)
}

fn by_share(c: &mut Criterion, world: &World) {
    for share in SHARES {
        let count = (world.classes() * share).div_ceil(100);
        for (layout, set) in [("scattered", world.scattered(count)), ("range", world.range(count))] {
            let delegation = world.delegate(set);
            bench(c, &id(&format!("extract_{layout}"), share), || drop(black_box(world.extract(&delegation.set))));
            bench(c, &id(&format!("open_{layout}"), share), || world.open(&delegation));
        }
    }
}

fn tables(run: &Run, world: &World, setups: &[f64]) {
    let title = format!("Kac on `{BACKEND}`, by the number of classes; a key of half of them, in one range");
    head(&title, &["classes", "setup", "extract", "encapsulate", "open"]);
    for (power, setup) in sizes().iter().zip(setups) {
        let n = 1 << power;
        let cell = |operation| run.cell(&id(operation, n));
        let setup = if *power <= REPEATED { cell("setup") } else { format!("{}, once", time(*setup)) };
        row([n.to_string(), setup, cell("extract"), cell("encapsulate"), cell("open")]);
    }
    let title = format!("Kac on `{BACKEND}`, {} classes, by the share that is delegated", world.classes());
    head(&title, &["share", "extract, scattered", "extract, one range", "open, scattered", "open, one range"]);
    for share in SHARES {
        let cell = |operation| run.cell(&id(operation, share));
        let cells = ["extract_scattered", "extract_range", "open_scattered", "open_range"].map(cell);
        row([format!("0.{}", share.to_string().trim_end_matches('0'))].into_iter().chain(cells));
    }
}

/// Capsules in the batches whose primitives are counted.
const BATCH: u32 = 100;

/// What the operations have to compute, counted as [`common::primitives`] says. In brackets what a set of one range
/// takes.
fn primitives_of(operation: &str) -> Parts {
    use common::primitives::Primitive::*;
    match operation {
        // V1, V2; the proof's commitment. Hashes: party id, origin, statement; γ, nonce, challenge.
        "keygen" => &[
            (G1Fixed, 2),
            (G2Fixed, 1),
            (G1Affine, 2),
            (G2Affine, 1),
            (G1Bytes, 2),
            (G2Bytes, 1),
            (Hash, 3),
            (HashToScalar, 3),
            (Sign, 1),
        ],
        // Hashes: party id, statement, its name, origin; challenge.
        "verify_owner" => &[
            (G1Double, 1),
            (G1Affine, 1),
            (PairingEqQ, 1),
            (G1Bytes, 2),
            (G2Bytes, 1),
            (Hash, 4),
            (HashToScalar, 1),
            (VerifySignature, 1),
        ],
        // c1 and the proof's commitment, which depends on c1; c2, after one addition. c1 and c2 are brought to affine
        // coordinates together. Hashes: context, party id, σ; t, nonce, challenge. Derivations: mask, key.
        "encapsulate" => &[
            (G1Fixed, 2),
            (G1Add, 1),
            (G1Mul, 1),
            (G1AffineOf(2), 1),
            (G1Affine, 1),
            (GtTable, 1),
            (GtBytes, 1),
            (G1Bytes, 2),
            (Hash, 3),
            (HashToScalar, 3),
            (KdfGt, 1),
            (Kdf, 1),
        ],
        // V2 + Q_i. Hashes: context; challenge.
        "verify_capsule" => &[
            (G1Double, 1),
            (G1Affine, 1),
            (G2Add, 1),
            (G2Affine, 1),
            (PairingEqQ, 1),
            (G1Bytes, 2),
            (Hash, 1),
            (HashToScalar, 1),
        ],
        // c2 − γc1; tP; t(V1 + P_i). Hashes: context; t. Derivations: mask, key.
        "open, owner" => &[
            (G1Mul, 2),
            (G1Add, 2),
            (G1Fixed, 1),
            (G1Affine, 1),
            (Pairing, 1),
            (GtBytes, 1),
            (G1Bytes, 1),
            (Hash, 1),
            (HashToScalar, 1),
            (KdfGt, 1),
            (Kdf, 1),
        ],
        // γ[D_S]
        "extract" => &[(G2Add, 1), (G2Mul, 1), (G2Affine, 1)],
        // [D_S]; K_S + mD_S; V1 + mP. The lines through D_S are kept. Hashes: m.
        "verify_key" => &[
            (G2Add, 2),
            (G2Affine, 2),
            (G2Bytes, 2),
            (G2Mul, 1),
            (G1Fixed, 1),
            (G1Add, 1),
            (G1Affine, 1),
            (Prepare, 1),
            (Product, 1),
            (HashToScalar, 1),
        ],
        // c2 + mc1; K_S + mD_S + [F_{S,i}]; tP; t(V1 + P_i). Hashes: context; t. Derivations: mask, key.
        "open_aggregate" => &[
            (G1Mul, 2),
            (G1Add, 2),
            (G1Fixed, 1),
            (G1Affine, 1),
            (G2Add, 2),
            (G2Affine, 1),
            (Product, 1),
            (GtBytes, 1),
            (G1Bytes, 1),
            (Hash, 1),
            (HashToScalar, 1),
            (KdfGt, 1),
            (Kdf, 1),
        ],
        "open_aggregate, blinding not counted" => &[
            (G1Mul, 1),
            (G1Add, 1),
            (G1Fixed, 1),
            (G2Add, 2),
            (G2Affine, 1),
            (Product, 1),
            (GtBytes, 1),
            (G1Bytes, 1),
            (Hash, 1),
            (HashToScalar, 1),
            (KdfGt, 1),
            (Kdf, 1),
        ],
        // Of one class: what opening takes but for F_{S,i}, its lines and V1 + P_i, which are once for all. Instead of
        // the two multiplications that check c1 and c2, two terms of a sum and their coefficients' hashes.
        "open_batch, per capsule" => &[
            (G1Mul, BATCH + 1),
            (G1Add, BATCH + 1),
            (G1AffineOf(BATCH as usize), 1),
            (G2Add, 2),
            (G2Affine, 1),
            (Prepare, 1),
            (ProductPrepared, BATCH),
            (GtBytes, BATCH),
            (G1Bytes, 2 * BATCH),
            (Hash, 3 * BATCH),
            (HashToScalar, BATCH),
            (KdfGt, BATCH),
            (Kdf, BATCH),
            (G1Msm(2 * BATCH as usize), 1),
            (G1Fixed, 1),
        ],
        _ => unreachable!("no count for {operation}"),
    }
}

fn operations<'a>(world: &'a World, delegation: &'a Delegation) -> Vec<Operation<'a>> {
    let World { params, grid, root, signer, secret, cert, generation } = world;
    let Delegation { verified, capsule, ctx, .. } = delegation;
    fn new<'a, O>(name: &'static str, f: impl FnMut() -> O + 'a) -> Operation<'a> {
        Operation::new(name, primitives_of(name), f)
    }
    let (mut r1, owner) = (rng(20), signer.id());
    let capsules = world.capsules(&delegation.set, 1, BATCH);
    let unblinded = "open_aggregate, blinding not counted";
    vec![
        new("keygen", move || Kac::keygen(params, black_box(grid), root, signer, None, &mut r1).unwrap()),
        new("verify_owner", move || Kac::verify_owner(params, black_box(cert), &owner, None).unwrap()),
        new("encapsulate", move || world.encapsulate(black_box(ctx))),
        new("verify_capsule", move || Kac::verify_capsule(params, generation, black_box(capsule), ctx).unwrap()),
        new("open, owner", move || Kac::open(params, secret, black_box(capsule), ctx).unwrap()),
        new("extract", move || world.extract(black_box(&delegation.set))),
        new("verify_key", move || world.verify_key(black_box(delegation))),
        new("open_aggregate", move || world.open(black_box(delegation))).also(unblinded, primitives_of(unblinded)),
        new("open_batch, per capsule", move || world.open_batch(verified, black_box(&capsules))).results(BATCH),
    ]
}

fn claim(claim: &str, turns: Turns) {
    let times = format!("{} / {}", time(turns.first), time(turns.second));
    row([claim, &format!("{:.3}", turns.ratio), &times]);
}

/// How many classes "many" are in the claims.
const MANY: u32 = 10_000;
/// Capsules of a batch.
const CAPSULES: u32 = 1000;

fn claims(world: &World) {
    head(&format!("Kac on `{BACKEND}`: claims, in turns"), &["ratio of", "measured", "times"]);
    let (ten, many) = (world.delegate(world.range(10)), world.delegate(world.range(MANY)));
    let scattered = world.delegate(world.scattered(MANY));
    let open = |delegation| move || world.open(delegation);
    claim("open, range of 10,000 / of 10", Turns::new(&mut open(&many), &mut open(&ten)));
    let extract = |set| move || drop(black_box(world.extract(set)));
    claim("extract, range of 10,000 / of 10", Turns::new(&mut extract(&many.set), &mut extract(&ten.set)));
    let check = |delegation| move || drop(black_box(world.verify_key(delegation)));
    claim("verify_key, range of 10,000 / of 10", Turns::new(&mut check(&many), &mut check(&ten)));

    let points: Vec<_> = std::iter::successors(Some(G2Projective::generator()), |point| Some(point.double()))
        .take(MANY as usize)
        .collect();
    let points = G2Projective::batch_to_affine(&points);
    let mut additions = || {
        let mut sum = G2Projective::identity();
        points.iter().for_each(|point| sum = sum.add_affine(point));
        drop(black_box(sum));
    };
    claim("open, 10,000 scattered / 10,000 additions in G2", Turns::new(&mut open(&scattered), &mut additions));
    let mut extraction = extract(&scattered.set);
    claim("extract, 10,000 scattered / 10,000 additions in G2", Turns::new(&mut extraction, &mut additions));

    let batches = [("range", 1, &many), ("range", 10, &many), ("range", 100, &many), ("range", 1000, &many)];
    for (layout, classes, delegation) in batches.into_iter().chain([("scattered", 100, &scattered)]) {
        let capsules = world.capsules(&delegation.set, classes, CAPSULES);
        let mut batch = || world.open_batch(&delegation.verified, &capsules);
        let name = format!("open_batch, {CAPSULES} capsules in {classes} classes of 10,000 {layout}, each /");
        let each = |turns: Turns| {
            let n = f64::from(CAPSULES);
            Turns { first: turns.first / n, second: turns.second, ratio: turns.ratio / n }
        };
        claim(&format!("{name} open_aggregate"), each(Turns::new(&mut batch, &mut open(delegation))));
        let mut arrived = || {
            check(delegation)();
            open(delegation)();
        };
        claim(&format!("{name} verify_key + open_aggregate"), each(Turns::new(&mut batch, &mut arrived)));
    }
    sizes_of([&world.delegate(world.range(1)), &many, &scattered]);
}

fn loading() {
    let n = 1 << REPEATED;
    let params = params(n);
    head(
        &format!("Kac on `{BACKEND}`: {n} classes, loading / verifying, in turns"),
        &["form", "ratio", "loading / verifying", "bytes"],
    );
    for (name, form) in [("uncompressed", PointForm::Uncompressed), ("compact", PointForm::Compact)] {
        let (encoded, digest) = (params.encode(form), params.digest());
        let mut load = || drop(black_box(encoded.load(&digest, unwatched).unwrap()));
        let mut verify = || drop(black_box(encoded.verify(&mut rng(21), unwatched).unwrap()));
        let turns = Turns::new(&mut load, &mut verify);
        let times = format!("{} / {}", time(turns.first), time(turns.second));
        row([name, &format!("{:.3}", turns.ratio), &times, &len(&encoded)]);
    }
}

fn sizes_of(delegations: [&Delegation; 3]) {
    head("Kac: bytes", &["set", "key", "set beside it", "ranges", "capsule"]);
    let kinds = ["one class", "10,000 classes, one range", "10,000 classes, scattered"];
    for (kind, Delegation { set, key, capsule, .. }) in kinds.into_iter().zip(delegations) {
        let key = key.to_secret_bytes().len().to_string();
        row([kind, &key, &len(set), &set.ranges().len().to_string(), &len(capsule)]);
    }
}

fn main() {
    let mut run = Run::new();
    let (world, setups) = by_classes(&mut run.criterion);
    by_share(&mut run.criterion, &world);
    run.finish(|run| {
        tables(run, &world, &setups);
        let delegation = world.delegate(world.range(MANY));
        ratios("Kac", BACKEND, &mut operations(&world, &delegation));
        claims(&world);
        loading();
    });
}
