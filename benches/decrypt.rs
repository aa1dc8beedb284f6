//! Opening a record, as the owner and as a delegatee: the paper's third figure. Decapsulation, the author's signature,
//! Merkle tree and cipher.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::report::{Run, head, row};
use common::{Keys, RECORD, Scheme, name, paper, plaintext, rng};
use criterion::{BenchmarkId, Criterion, Throughput};
use sesphr::context::Partition;
use sesphr::kem::CapsuleParts;
use sesphr::record::{Expected, Opener, Sealer, Versions};

fn open<S: Scheme>(c: &mut Criterion) {
    let (keys, rng) = (Keys::<S>::new(), &mut rng(3));
    let sealer = Sealer::<S>::new(&keys.params, &keys.owner, &keys.label, &keys.author);
    let authors = [keys.author_id()];
    let expected = Expected {
        owner: keys.signer.id(),
        record: RECORD,
        partition: Partition::MEDICAL,
        authors: &authors,
        versions: Versions::AtLeast(1),
    };
    let mut group = c.benchmark_group("decrypt");
    for kb in paper::KB {
        let sealed = sealer.seal(RECORD, 1, &plaintext(kb), rng).unwrap();
        let header = sealed.header();
        let (core, mutable) = (header.immutable().capsule_core(), header.mutable().capsule_mutable());
        let parts = keys.reencrypt(&S::Capsule::from_parts(core, mutable).unwrap(), &header.context());
        let ways = [
            ("owner", Opener::<S>::owner(&keys.params, &keys.owner_secret)),
            ("delegatee", Opener::<S>::delegatee(&keys.params, &keys.user_grant, &parts)),
        ];
        group.throughput(Throughput::Bytes(kb as u64 * 1024));
        for (who, opener) in ways {
            group.bench_function(BenchmarkId::new(format!("{}/{who}", name::<S>()), format!("{kb}KB")), |b| {
                b.iter_with_large_drop(|| opener.open(&expected, &sealed).unwrap());
            });
        }
    }
    group.finish();
}

fn table<S: Scheme>(run: &Run) {
    let name = name::<S>();
    let cell = |who: &str, kb: usize| run.cell(&format!("decrypt/{name}_{who}/{kb}KB"));
    head("Decryption", &["KB", "SeSPHR, published (s)", &format!("{name}, delegatee"), &format!("{name}, owner")]);
    for (kb, published) in paper::KB.into_iter().zip(paper::DECRYPT) {
        row([kb.to_string(), published.into(), cell("delegatee", kb), cell("owner", kb)]);
    }
}

fn main() {
    let mut run = Run::new();
    for_schemes!(open(&mut run.criterion));
    run.finish(|run| for_schemes!(table(run)));
}
