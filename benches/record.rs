//! What a sealed partition costs above its cipher: sealing and opening 1 MiB, beside the bare `aes-gcm` crate in the
//! same run. The key comes from outside, so the scheme's cost is not in it.
//!
//! `cargo bench --bench record`, and again with `--features rayon`.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::hint::black_box;

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit, Nonce};
use common::report::{Run, head, row};
use criterion::{BatchSize, Criterion, Throughput};
use sesphr::Digest;
use sesphr::context::{Context, Partition, RecordId, Slot};
use sesphr::encoding::SuiteId;
use sesphr::hazmat::record::{Fixed, open_into};
use sesphr::identity::SigningKey;
use sesphr::record::{Aead, ChunkSize, Expected, Plaintext, Versions};

const KEY: [u8; 32] = [7; 32];

fn bodies(c: &mut Criterion) {
    let author = SigningKey::from_seed(&[1; 32]);
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
    let authors = [author.id()];
    let expected = Expected {
        owner: context.owner,
        record: context.record,
        partition: context.partition,
        authors: &authors,
        versions: Versions::Exactly(1),
    };
    let plaintext: Vec<u8> = (0..1_usize << 20).map(|i| i as u8).collect();

    let mut group = c.benchmark_group("1MiB");
    group.throughput(Throughput::Bytes(plaintext.len() as u64));

    let bare = Aes256Gcm::new(&KEY.into());
    let nonce = Nonce::from([0; 12]);
    let mut buffer = plaintext.clone();
    group.bench_function("bare/aes-256-gcm/seal in place", |b| {
        b.iter(|| bare.encrypt_inout_detached(&nonce, &[], InOutBuf::from(black_box(&mut *buffer))).unwrap());
    });
    group.bench_function("bare/aes-256-gcm/seal to vec", |b| {
        b.iter_with_large_drop(|| {
            let mut out = vec![0; plaintext.len() + 16];
            let (text, place) = out.split_at_mut(plaintext.len());
            let tag =
                bare.encrypt_inout_detached(&nonce, &[], InOutBuf::new(black_box(&plaintext), text).unwrap()).unwrap();
            place.copy_from_slice(&tag);
            out
        });
    });
    let mut sealed = plaintext.clone();
    let tag = bare.encrypt_inout_detached(&nonce, &[], InOutBuf::from(&mut *sealed)).unwrap();
    group.bench_function("bare/aes-256-gcm/open in place", |b| {
        b.iter_batched_ref(
            || sealed.clone(),
            |text| bare.decrypt_inout_detached(&nonce, &[], InOutBuf::from(&mut **text), &tag).unwrap(),
            BatchSize::LargeInput,
        );
    });
    group.bench_function("bare/aes-256-gcm/open to vec", |b| {
        b.iter_with_large_drop(|| {
            let mut out = vec![0; sealed.len()];
            bare.decrypt_inout_detached(&nonce, &[], InOutBuf::new(black_box(&sealed), &mut out).unwrap(), &tag)
                .unwrap();
            out
        });
    });
    group.bench_function("bare/blake3", |b| b.iter(|| blake3::hash(black_box(&plaintext))));

    for aead in [Aead::Aes256Gcm, Aead::ChaCha20Poly1305] {
        let fixed =
            Fixed { key: &KEY, context, capsule: &[0; 160], aead, chunk_size: ChunkSize::DEFAULT, salt: [3; 32] };
        // What does not depend on the length: headers, keys, signature.
        let (mut body, mut out) = (Vec::new(), Plaintext::new());
        let header = fixed.seal_into(&author, b"", &mut body).unwrap();
        group.bench_function(format!("record/{aead:?}/open nothing"), |b| {
            b.iter(|| open_into(&KEY, &expected, &header, black_box(&body), &mut out).unwrap());
        });
        group.bench_function(format!("record/{aead:?}/seal nothing"), |b| {
            b.iter(|| fixed.seal_into(&author, black_box(b""), &mut body).unwrap());
        });
        let header = fixed.seal_into(&author, &plaintext, &mut body).unwrap();
        group.bench_function(format!("record/{aead:?}/seal, buffer reused"), |b| {
            b.iter(|| fixed.seal_into(&author, black_box(&plaintext), &mut body).unwrap());
        });
        group.bench_function(format!("record/{aead:?}/seal to vec"), |b| {
            b.iter_with_large_drop(|| {
                let mut body = Vec::new();
                (fixed.seal_into(&author, black_box(&plaintext), &mut body).unwrap(), body)
            });
        });
        group.bench_function(format!("record/{aead:?}/open, buffer reused"), |b| {
            b.iter(|| open_into(&KEY, &expected, &header, black_box(&body), &mut out).unwrap());
        });
        group.bench_function(format!("record/{aead:?}/open to vec"), |b| {
            b.iter_with_large_drop(|| {
                let mut out = Plaintext::new();
                open_into(&KEY, &expected, &header, black_box(&body), &mut out).unwrap();
                out
            });
        });
    }
    group.finish();
}

fn table(run: &Run) {
    let rayon = if cfg!(feature = "rayon") { "with" } else { "without" };
    head(&format!("1 MiB, {rayon} `rayon`"), &["", "seal", "open", "seal to vec", "open to vec"]);
    // Criterion makes underscores of slashes.
    let cells = |name: &str, ways: [&str; 4]| {
        let times = ways.map(|way| run.cell(&format!("1MiB/{}_{way}", name.replace('/', "_"))));
        row([name.to_owned()].into_iter().chain(times));
    };
    cells("bare/aes-256-gcm", ["seal in place", "open in place", "seal to vec", "open to vec"]);
    for aead in [Aead::Aes256Gcm, Aead::ChaCha20Poly1305] {
        let ways = ["seal, buffer reused", "open, buffer reused", "seal to vec", "open to vec"];
        cells(&format!("record/{aead:?}"), ways);
    }
    println!("\nBLAKE3 alone, one core: {}.", run.cell("1MiB/bare_blake3"));
}

fn main() {
    let mut run = Run::new();
    bodies(&mut run.criterion);
    run.finish(table);
}
