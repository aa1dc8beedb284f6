//! Key generation for many users, and for an owner's partitions: the paper's first figure.
//!
//! A user here is a signature key, an encryption key (with `Afgh` with a proof that its secret is known), and the signed
//! bundle that owners take. An owner's keys are certified key pairs for the paper's four partitions: four with `Afgh`,
//! one with `Kapre`, and with `Threshold` four of a tree of 64, all of which are made.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::hint::black_box;
use std::time::Duration;

use common::report::{Run, head, row};
use common::{LIFE, NOW, Scheme, name, paper, rng};
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use sesphr::context::Timestamp;
use sesphr::identity::SigningKey;
use sesphr::kem::OwnerRoot;
use sesphr::sharing::User;

fn users<S: Scheme>(c: &mut Criterion) {
    let mut group = c.benchmark_group("keygen");
    // A sample of 10,000 users takes seconds: ten samples, and one iteration a sample where that is enough.
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    let (params, rng) = (S::params(), &mut rng(3));
    for users in paper::USERS {
        group.warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_secs(1));
        group.throughput(Throughput::Elements(users as u64));
        group.bench_function(BenchmarkId::new(name::<S>(), users), |b| {
            b.iter(|| {
                for _ in 0..users {
                    let signing = SigningKey::generate(rng);
                    let (secret, public) = S::user_keygen(&params, &signing, rng).unwrap();
                    let user = User::<S>::from_keys(params.clone(), signing, secret, public);
                    black_box(user.bundle(1, Timestamp(NOW.0 + LIFE)));
                }
            });
        });
    }
    group.finish();
}

fn partitions<S: Scheme>(c: &mut Criterion) {
    let rng = &mut rng(4);
    let (params, signer, root) = (S::params(), SigningKey::generate(rng), OwnerRoot::generate(rng));
    c.bench_function(&format!("keygen-owner/{}", name::<S>()), |b| {
        b.iter(|| {
            for label in S::key_labels(&root, &signer.id()) {
                black_box(S::owner_keygen(&params, &root, &signer, &label, rng).unwrap());
            }
        });
    });
}

fn table<S: Scheme>(run: &Run) {
    let name = name::<S>();
    head("Key generation", &["users", "SeSPHR, published (s)", &name]);
    for (users, published) in paper::USERS.iter().zip(paper::KEYGEN) {
        row([users.to_string(), published.into(), run.cell(&format!("keygen/{name}/{users}"))]);
    }
    // Criterion keeps an id that is not in a group in a directory of one level.
    println!("\nAn owner's keys for four partitions: {}.", run.cell(&format!("keygen-owner_{name}")));
}

fn main() {
    let mut run = Run::new();
    for_schemes!(users(&mut run.criterion));
    for_schemes!(partitions(&mut run.criterion));
    run.finish(|run| for_schemes!(table(run)));
}
