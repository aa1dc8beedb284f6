//! Level 2: putting a layer around a body and replacing one, in memory and as a stream, beside bare AES-256-CTR over
//! the same bytes in the same run.

use std::hint::black_box;
use std::io::{self, Read, Write};

use aes::Aes256;
use criterion::{Criterion, Throughput};
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

use crate::common::primitives::Turns;
use crate::common::report::{Run, head, row, time};
use crate::common::rng;

const SIZES: [(&str, usize); 3] = [("64 KiB", 64 << 10), ("1 MiB", 1 << 20), ("16 MiB", 16 << 20)];
const WAYS: [&str; 2] = ["none to new", "old to new"];

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

/// One body, in no layer and in one, and the steps from there.
struct World {
    before: [SealedPartition; 2],
    steps: [LayerStep; 2],
}

impl World {
    fn new(length: usize) -> Self {
        let (author, root) = (SigningKey::from_seed(&[1; 32]), OwnerRoot::generate(&mut rng(1)));
        let fresh = sealed(&author, length);
        let key = |generation| {
            let tree = EpochTree::new(author.id(), Partition::MEDICAL, generation, 16).unwrap();
            let leaf = EpochKeys::derive(&root, &tree).leaf(0).unwrap();
            (generation, LayerKey::derive(&leaf.key(), &fresh.header().immutable().digest()))
        };
        let steps = [LayerStep::new(None, key(1)).unwrap(), LayerStep::new(Some(key(1)), key(2)).unwrap()];
        let mut layered = fresh.clone();
        layered.relayer(&steps[0]).unwrap();
        Self { before: [fresh, layered], steps }
    }

    /// A step in memory, over and over: the header goes back to where it was, and what the body holds is all one.
    fn memory(&self, way: usize) -> impl FnMut() + '_ {
        let (before, step) = (&self.before[way], &self.steps[way]);
        let mut body = before.body().to_vec();
        move || {
            let header = before.header().clone();
            let mut sealed = SealedPartition::from_parts(header, std::mem::take(&mut body)).unwrap();
            black_box(&mut sealed).relayer(step).unwrap();
            body = sealed.into_parts().1;
        }
    }

    fn stream(&self, way: usize) -> impl FnMut() + '_ {
        let (before, step) = (&self.before[way], &self.steps[way]);
        move || {
            step.apply_stream(before.header(), &mut black_box(before.body()), &mut io::sink()).unwrap();
        }
    }

    /// The cipher alone, once for each layer that a step has to do with.
    fn bare(&self, way: usize) -> impl FnMut() + '_ {
        let mut body = self.before[way].body().to_vec();
        move || (0..=way).for_each(|i| cipher(i).apply_keystream(black_box(&mut body)))
    }

    /// The same with reading and writing.
    fn bare_stream(&self, way: usize) -> impl FnMut() + '_ {
        let body = self.before[way].body();
        move || {
            let (mut buffer, mut left) = (vec![0; 64 << 10], black_box(body));
            let mut ciphers: Vec<_> = (0..=way).map(cipher).collect();
            while !left.is_empty() {
                let count = left.read(&mut buffer).unwrap();
                ciphers.iter_mut().for_each(|cipher| cipher.apply_keystream(&mut buffer[..count]));
                io::sink().write_all(black_box(&buffer[..count])).unwrap();
            }
        }
    }
}

fn cipher(number: usize) -> Ctr128BE<Aes256> {
    Ctr128BE::new(&[number as u8; 32].into(), &[0; 16].into())
}

pub(crate) fn benches(c: &mut Criterion) {
    for (size, length) in SIZES {
        let world = World::new(length);
        let mut group = c.benchmark_group(format!("layer/{size}"));
        group.throughput(Throughput::Bytes(world.before[0].body().len() as u64));
        for (way, name) in WAYS.iter().enumerate() {
            group.bench_function(format!("{name} in memory"), |b| b.iter(world.memory(way)));
            group.bench_function(format!("{name} as a stream"), |b| b.iter(world.stream(way)));
        }
        group.finish();
    }
}

/// Each beside the bare cipher, which is on one core with `rayon` too. Ratios above 1 are ours being faster.
pub(crate) fn tables(_: &Run) {
    let rayon = if cfg!(feature = "rayon") { "with" } else { "without" };
    for (way, name) in WAYS.iter().enumerate() {
        let passes = ["AES-256-CTR", "AES-256-CTR twice"][way];
        head(
            &format!("A layer, {name}, {rayon} `rayon`, in turns with {passes}"),
            &["", "in memory", passes, "of its speed", "as a stream", &format!("{passes}, streamed"), "of its speed"],
        );
        for (size, length) in SIZES {
            let world = World::new(length);
            let memory = Turns::new(&mut world.memory(way), &mut world.bare(way));
            let stream = Turns::new(&mut world.stream(way), &mut world.bare_stream(way));
            let cells = [memory, stream].map(|t| [time(t.first), time(t.second), format!("{:.2}", 1.0 / t.ratio)]);
            row([size.to_owned()].into_iter().chain(cells.into_iter().flatten()));
        }
    }
}
