//! From request to plaintext: the paper's fourth figure. Computation only; the paper's has the network in it.
//!
//! Upload: the author seals, the cloud checks and stores. Download: the cloud hands out, the user signs a request, the
//! server checks and re-encrypts, the user checks and opens. The store is in memory.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::report::{Run, head, row};
use common::story::Story;
use common::{NOW, RECORD, Scheme, name, paper, plaintext, rng};
use criterion::{BenchmarkId, Criterion, Throughput};
use sesphr::context::{Partition, Timestamp};
use sesphr::identity::SigningKey;
use sesphr::record::{Sealer, Versions};

fn turnaround<S: Scheme>(c: &mut Criterion) {
    let rng = &mut rng(5);
    let mut story = Story::<S>::new(rng);
    // What the author holds is apart from what changes.
    let (params, place, author) = (story.params.clone(), story.place.clone(), SigningKey::generate(rng));
    let author = std::mem::replace(&mut story.author, author);
    let sealer = Sealer::<S>::new(&params, place.key(), place.label(), &author);
    let mut group = c.benchmark_group("turnaround");
    // The same record again would be recognised, and the same request refused: versions and time go on.
    let (mut version, mut now) = (0, NOW);
    for kb in paper::KB {
        let plaintext = plaintext(kb);
        group.throughput(Throughput::Bytes(plaintext.len() as u64));
        let id = |way: &str| BenchmarkId::new(format!("{}/{way}", name::<S>()), format!("{kb}KB"));
        group.bench_function(id("upload"), |b| {
            b.iter_with_large_drop(|| {
                version += 1;
                let sealed = sealer.seal(RECORD, version, &plaintext, rng).unwrap();
                story.upload(&sealed);
                sealed
            });
        });
        // A filter may have left the upload out.
        version += 1;
        story.upload(&sealer.seal(RECORD, version, &plaintext, rng).unwrap());
        let (directory, versions) = (story.directory.clone(), Versions::Exactly(version));
        group.bench_function(id("download"), |b| {
            b.iter_with_large_drop(|| {
                now = Timestamp(now.0 + 1);
                let sealed = story.fetch(version);
                let request = story.user.request(story.server.id(), sealed.header(), now, rng).unwrap();
                let response = story.server.reencrypt(&request, now, rng).unwrap();
                let partition = Partition::MEDICAL;
                let opened = story.user.open(&directory, RECORD, partition, versions, &sealed, &response, now).unwrap();
                (opened, sealed)
            });
        });
    }
    group.finish();
}

fn table<S: Scheme>(run: &Run) {
    let name = name::<S>();
    let cell = |way: &str, kb: usize| run.cell(&format!("turnaround/{name}_{way}/{kb}KB"));
    let (upload, download) = (format!("{name}, upload"), format!("{name}, download"));
    head(
        "Turnaround (published: with network; ours: computation only)",
        &["KB", "SeSPHR, upload (s)", &upload, "SeSPHR, download (s)", &download],
    );
    for (kb, (up, down)) in paper::KB.into_iter().zip(paper::UPLOAD.into_iter().zip(paper::DOWNLOAD)) {
        row([kb.to_string(), up.into(), cell("upload", kb), down.into(), cell("download", kb)]);
    }
}

fn main() {
    let mut run = Run::new();
    for_schemes!(turnaround(&mut run.criterion));
    run.finish(|run| for_schemes!(table(run)));
}
