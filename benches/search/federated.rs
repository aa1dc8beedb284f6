//! The federated mode: encrypting, asking, and holding a token against many entries.

use std::hint::black_box;

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128Enc, Block};
use criterion::{BenchmarkId, Criterion, Throughput};
use rand_core::Rng;
use sesphr::context::Partition;
use sesphr::hazmat::search::{number, range};
use sesphr::identity::PartyId;
use sesphr::kem::OwnerRoot;
use sesphr::search::federated::{Federated, QueryKey, Scan, Trapdoor, WriteKey};
use sesphr::search::{Attribute, Encoder, Path, Queries, Search, SearchRoot, Space, Step, Store, Trapdoor as _};

use crate::common::primitives::Turns;
use crate::common::report::{head, row, time};
use crate::common::rng;

const SIZES: [u32; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// The last block alone differs from that of the bounds.
const SHARED: u64 = 0x1234_5670;

struct Setting {
    space: Space<Federated>,
    root: SearchRoot,
}

fn path(number: u32) -> Path {
    let mut id = [7; 32];
    id.iter_mut().zip(number.to_be_bytes()).for_each(|(to, byte)| *to = byte);
    Path::new(Step { party: PartyId::from_array(id), generation: 0 })
}

impl Setting {
    fn new() -> Self {
        let (attribute, encoder) = (Attribute::new("8480-6").unwrap(), Encoder::integer(32).unwrap());
        let owner = PartyId::from_array([1; 32]);
        let space = Space::new(owner, Partition::MEDICAL, attribute, encoder, Queries::Ranges).unwrap();
        Self { space, root: SearchRoot::new(&OwnerRoot::generate(&mut rng(1))) }
    }

    fn write(&self) -> WriteKey {
        Federated::write_key(&self.root, &self.space, &path(0))
    }

    fn query(&self, providers: u32) -> QueryKey {
        let scope: Vec<_> = (0..providers).map(path).collect();
        Federated::query_key(&self.root, &self.space, path(0).last(), &scope).unwrap()
    }

    fn store(&self, count: u32, value: impl Fn(u32) -> u64) -> Scan {
        let (key, rng, mut scan) = (self.write(), &mut rng(2), Scan::new(&self.space));
        for entry in 0..count {
            let mut bytes = Vec::new();
            Federated::encrypt(&key, &number(value(entry)), rng, &mut bytes).unwrap();
            scan.insert(entry, 0, &bytes).unwrap();
        }
        scan
    }

    /// Random values, and the middle half of them.
    fn typical(&self, count: u32) -> (Scan, Trapdoor) {
        let mut rng = rng(3);
        let values: Vec<_> = (0..count).map(|_| u64::from(rng.next_u32())).collect();
        let query = range(Some(1 << 30), Some(3 << 30));
        (self.store(count, |entry| values[entry as usize]), Federated::question(&self.query(1), &query).unwrap())
    }

    /// All values share all but their last block with both bounds, and are within them.
    fn worst(&self, count: u32) -> (Scan, Trapdoor) {
        let query = range(Some(SHARED), Some(SHARED + 15));
        let scan = self.store(count, |entry| SHARED + u64::from(entry % 16));
        (scan, Federated::question(&self.query(1), &query).unwrap())
    }
}

pub(crate) fn benches(c: &mut Criterion) {
    let setting = Setting::new();
    let mut group = c.benchmark_group("search/federated");
    let (key, mut rng, mut out) = (setting.write(), rng(4), Vec::new());
    group.bench_function("encrypt 32 bits", |b| {
        b.iter(|| {
            out.clear();
            Federated::encrypt(&key, black_box(&number(SHARED)), &mut rng, &mut out).unwrap();
        });
    });
    for providers in [1, 10, 100] {
        let (key, query) = (setting.query(providers), range(Some(SHARED), Some(SHARED + 15)));
        group.bench_function(BenchmarkId::new("question", providers), |b| {
            b.iter(|| Federated::question(&key, black_box(&query)).unwrap());
        });
    }
    for count in SIZES {
        let (scan, trapdoor) = setting.typical(count);
        group.throughput(Throughput::Elements(count.into()));
        group.bench_function(BenchmarkId::new("scan", count), |b| {
            b.iter(|| scan.query(&[path(0)], black_box(&trapdoor)));
        });
    }
    let (scan, trapdoor) = setting.worst(100_000);
    group.throughput(Throughput::Elements(100_000));
    group.bench_function("scan, worst case/100000", |b| b.iter(|| scan.query(&[path(0)], black_box(&trapdoor))));
    group.finish();
}

/// Each beside the AES blocks that it cannot do without.
pub(crate) fn tables() {
    let (setting, count) = (Setting::new(), 100_000);
    let rayon = if cfg!(feature = "rayon") { "with" } else { "without" };
    let title =
        format!("Federated: 100,000 entries of 32 bits and two bounds {rayon} `rayon`, in turns with bare AES-128");
    head(&title, &["", "scan", "AES-128 alone", "ratio"]);
    // Of random values, one in 16 is open after each block of a bound.
    for (name, (scan, trapdoor), blocks) in
        [("random values", setting.typical(count), 2), ("worst case", setting.worst(count), 16)]
    {
        let (cipher, mut buffer) = (Aes128Enc::new(&[1; 16].into()), vec![Block::default(); 256]);
        let mut bare = || {
            (0..count * blocks / 256).for_each(|_| cipher.encrypt_blocks(black_box(&mut buffer)));
        };
        let ours = &mut || drop(black_box(scan.query(&[path(0)], &trapdoor)));
        let turns = Turns::new(ours, &mut bare);
        row([name.to_owned(), time(turns.first), time(turns.second), format!("{:.2}", turns.ratio)]);
    }
    let alone = |f: &mut dyn FnMut()| time(Turns::new(f, &mut || ()).first);
    let (key, mut rng, mut out) = (setting.write(), rng(4), Vec::new());
    let encrypt = alone(&mut || {
        out.clear();
        Federated::encrypt(&key, black_box(&number(SHARED)), &mut rng, &mut out).unwrap();
    });
    println!("\nTo encrypt a value of 32 bits, which takes {} bytes, takes {encrypt}.", out.len());
    head("Federated: a token, two bounds of 32 bits", &["providers", "bytes", "takes"]);
    for providers in [1, 10, 100] {
        let (key, query) = (setting.query(providers), range(Some(SHARED), Some(SHARED + 15)));
        let mut bytes = Vec::new();
        Federated::question(&key, &query).unwrap().write(&mut bytes);
        let ask = alone(&mut || _ = black_box(Federated::question(&key, black_box(&query)).unwrap()));
        row([providers.to_string(), bytes.len().to_string(), ask]);
    }
}
