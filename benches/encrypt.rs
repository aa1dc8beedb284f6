//! Sealing a record: the paper's second figure. Encapsulation, cipher, Merkle tree and signature.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::report::{Run, head, row};
use common::{Keys, RECORD, Scheme, name, paper, plaintext, rng};
use criterion::{BenchmarkId, Criterion, Throughput};
use sesphr::record::Sealer;

fn seal<S: Scheme>(c: &mut Criterion) {
    let (keys, rng) = (Keys::<S>::new(), &mut rng(3));
    let sealer = Sealer::<S>::new(&keys.params, &keys.owner, &keys.label, &keys.author);
    let mut group = c.benchmark_group("encrypt");
    for kb in paper::KB {
        let plaintext = plaintext(kb);
        group.throughput(Throughput::Bytes(plaintext.len() as u64));
        group.bench_function(BenchmarkId::new(name::<S>(), format!("{kb}KB")), |b| {
            b.iter_with_large_drop(|| sealer.seal(RECORD, 1, &plaintext, rng).unwrap());
        });
    }
    group.finish();
}

fn table<S: Scheme>(run: &Run) {
    let name = name::<S>();
    head("Encryption", &["KB", "SeSPHR, published (s)", &name]);
    for (kb, published) in paper::KB.iter().zip(paper::ENCRYPT) {
        row([kb.to_string(), published.into(), run.cell(&format!("encrypt/{name}/{kb}KB"))]);
    }
}

fn main() {
    let mut run = Run::new();
    for_schemes!(seal(&mut run.criterion));
    run.finish(|run| for_schemes!(table(run)));
}
