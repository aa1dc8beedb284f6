//! Level 2: putting a layer around a body and replacing one, in memory and as a stream, beside bare AES-256-CTR over
//! the same bytes in the same run.

use std::hint::black_box;
use std::io;

use aes::Aes256;
use criterion::{BenchmarkId, Criterion, Throughput};
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use sesphr::Digest;
use sesphr::context::{Context, Partition, RecordId, Slot};
use sesphr::encoding::SuiteId;
use sesphr::epoch::KeyTree;
use sesphr::epoch::tree::{EpochKeys, EpochTree};
use sesphr::hazmat::record::Fixed;
use sesphr::identity::SigningKey;
use sesphr::kem::OwnerRoot;
use sesphr::record::{Aead, ChunkSize, LayerKey, LayerStep, SealedPartition};

use crate::common::report::{Run, head, row};
use crate::common::rng;

const SIZES: [(&str, usize); 3] = [("64KiB", 64 << 10), ("1MiB", 1 << 20), ("16MiB", 16 << 20)];

fn sealed(author: &SigningKey, length: usize) -> SealedPartition {
    let context = Context {
        suite: SuiteId::Afgh,
        owner: author.id(),
        record: RecordId::from_array([2; 16]),
        version: 1,
        partition: Partition::MEDICAL,
        slot: Slot::Epoch(0),
        params: Digest::NONE,
        origin: Digest::NONE,
        author: author.id(),
        aad: &[],
    };
    let (aead, chunk_size) = (Aead::Aes256Gcm, ChunkSize::DEFAULT);
    let fixed = Fixed { key: &[7; 32], context, capsule: &[0; 160], aead, chunk_size, salt: [3; 32] };
    let mut body = Vec::new();
    let header = fixed.seal_into(author, &vec![1; length], &mut body).unwrap();
    SealedPartition::from_parts(header, body).unwrap()
}

pub fn benches(c: &mut Criterion) {
    let author = SigningKey::from_seed(&[1; 32]);
    let root = OwnerRoot::generate(&mut rng(1));
    for (name, length) in SIZES {
        let mut group = c.benchmark_group(format!("layer/{name}"));
        let fresh = sealed(&author, length);
        let digest = fresh.header().immutable().digest();
        let key = |generation| {
            let tree = EpochTree::new(author.id(), Partition::MEDICAL, generation, 16).unwrap();
            let leaf = EpochKeys::derive(&root, &tree).leaf(0).unwrap();
            (generation, LayerKey::derive(&leaf.key(), &digest))
        };
        let steps = [
            ("none to new", LayerStep::new(None, key(1)).unwrap()),
            ("old to new", LayerStep::new(Some(key(1)), key(2)).unwrap()),
        ];
        let mut layered = fresh.clone();
        layered.relayer(&steps[0].1).unwrap();
        group.throughput(Throughput::Bytes(fresh.body().len() as u64));

        let mut body = fresh.body().to_vec();
        let ctr = |key: u8, body: &mut [u8]| {
            Ctr128BE::<Aes256>::new(&[key; 32].into(), &[0; 16].into()).apply_keystream(black_box(body));
        };
        group.bench_function(BenchmarkId::new("bare", "none to new"), |b| b.iter(|| ctr(1, &mut body)));
        group.bench_function(BenchmarkId::new("bare", "old to new"), |b| {
            b.iter(|| {
                ctr(1, &mut body);
                ctr(2, &mut body);
            });
        });
        for ((name, step), before) in steps.iter().zip([&fresh, &layered]) {
            // What is taken over and over is the step; the header goes back to where it was, the body does not matter.
            let mut partition = Some(before.clone());
            group.bench_function(BenchmarkId::new("memory", name), |b| {
                b.iter_custom(|times| {
                    let mut total = std::time::Duration::ZERO;
                    for _ in 0..times {
                        let (_, body) = partition.take().unwrap().into_parts();
                        let mut sealed = SealedPartition::from_parts(before.header().clone(), body).unwrap();
                        let start = std::time::Instant::now();
                        black_box(&mut sealed).relayer(step).unwrap();
                        total += start.elapsed();
                        partition = Some(sealed);
                    }
                    total
                });
            });
            group.bench_function(BenchmarkId::new("stream", name), |b| {
                b.iter(|| {
                    step.apply_stream(before.header(), &mut black_box(before.body()), &mut io::sink()).unwrap();
                });
            });
        }
        group.finish();
    }
}

pub fn tables(run: &Run) {
    let rayon = if cfg!(feature = "rayon") { "with" } else { "without" };
    for (title, way) in [("A layer around a sealed body", "none to new"), ("One layer for another", "old to new")] {
        head(&format!("{title}, {rayon} `rayon`"), &["", "64 KiB", "1 MiB", "16 MiB"]);
        let passes = if way == "none to new" { "AES-256-CTR alone" } else { "AES-256-CTR alone, twice" };
        for (name, kind) in [(passes, "bare"), ("in memory", "memory"), ("as a stream", "stream")] {
            let cells = SIZES.map(|(size, _)| run.cell(&format!("layer_{size}/{kind}/{way}")));
            row([name.to_owned()].into_iter().chain(cells));
        }
    }
}
