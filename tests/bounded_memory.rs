//! Streams of any length in bounded memory, measured by a counting allocator: 16 MiB here, 1 GiB with `--release`.
//! One test alone, so that nothing else allocates meanwhile.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use peak_alloc::PeakAlloc;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sesphr::context::{Partition, Period, RecordId};
use sesphr::epoch::KeyTree;
use sesphr::epoch::tree::{EpochKeys, EpochTree};
use sesphr::identity::SigningKey;
use sesphr::kem::OwnerRoot;
use sesphr::pre::Pre;
use sesphr::pre::afgh::Afgh;
use sesphr::record::{Expected, LayerKey, LayerStep, Opener, Sealer, Versions};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const SIZE: u64 = if cfg!(debug_assertions) { 16 << 20 } else { 1 << 30 };

fn byte(at: u64) -> u8 {
    (at ^ (at >> 13)) as u8
}

/// A plaintext that is computed as it is read.
struct Source(u64);

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = (buffer.len() as u64).min(SIZE - self.0);
        for place in buffer.iter_mut().take(n as usize) {
            *place = byte(self.0);
            self.0 += 1;
        }
        Ok(n as usize)
    }
}

/// Compares what is written with what was read, and keeps none of it.
struct Check(u64);

impl Write for Check {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        for got in buffer {
            assert_eq!(*got, byte(self.0));
            self.0 += 1;
        }
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What `job` allocates at most beyond what is there already.
fn peak<T>(job: impl FnOnce() -> T) -> (T, usize) {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let result = job();
    (result, MEMORY.peak_usage().saturating_sub(before))
}

#[test]
fn streams_hold_a_few_chunks() {
    let rng = &mut ChaCha20Rng::from_seed([1; 32]);
    let (owner, author) = (SigningKey::generate(rng), SigningKey::generate(rng));
    let period = Period { partition: Partition::MEDICAL, epoch: 0 };
    let (secret, public) = Afgh::owner_keygen(&(), &OwnerRoot::generate(rng), &owner, &period, rng).unwrap();
    let key = Afgh::verify_owner(&(), &public, &owner.id()).unwrap();
    let record = RecordId::from_array([1; 16]);
    let sealer = Sealer::<Afgh>::new(&(), &key, &(), &author);
    let authors = [author.id()];
    let expected = Expected {
        owner: owner.id(),
        record,
        partition: Partition::MEDICAL,
        authors: &authors,
        versions: Versions::Exactly(1),
    };
    // The tables of the scheme and the threads are made once, by a small body.
    let small = sealer.seal(record, 1, &[0; 1 << 20], rng).unwrap();
    Opener::<Afgh>::owner(&(), &secret).open(&expected, &small).unwrap();

    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bounded_memory-{}", std::process::id()));
    let mut body = File::create(&path).unwrap();
    let (header, sealing) = peak(|| sealer.seal_stream(record, 1, &mut Source(0), &mut body, rng).unwrap());
    assert_eq!(header.plaintext_len(), SIZE);
    assert_eq!(body.metadata().unwrap().len(), header.body_len());

    let mut check = Check(0);
    let mut body = BufReader::new(File::open(&path).unwrap());
    let (length, opening) =
        peak(|| Opener::<Afgh>::owner(&(), &secret).open_stream(&expected, &header, &mut body, &mut check).unwrap());
    assert_eq!((length, check.0), (SIZE, SIZE));

    // One layer, and another in its place: to a second file and back to the first one.
    let root = OwnerRoot::generate(rng);
    let layer_key = |generation| {
        let tree = EpochTree::new(owner.id(), Partition::MEDICAL, generation, 1).unwrap();
        let leaf = EpochKeys::derive(&root, &tree).leaf(0).unwrap();
        (generation, LayerKey::derive(&leaf.key(), &header.immutable().digest()))
    };
    let (first, second) = (LayerStep::new(None, layer_key(1)), LayerStep::new(Some(layer_key(1)), layer_key(2)));
    let other = path.with_extension("layered");
    let take = |step: Option<LayerStep>, header, from, to| {
        let (mut body, mut out) = (File::open(from).unwrap(), File::create(to).unwrap());
        peak(|| step.unwrap().apply_stream(header, &mut body, &mut out).unwrap())
    };
    let (header, putting) = take(first, &header, &path, &other);
    let (header, replacing) = take(second, &header, &other, &path);
    std::fs::remove_file(&other).unwrap();
    assert_eq!(path.metadata().unwrap().len(), header.body_len());
    let (mut check, (_, key)) = (Check(0), layer_key(2));
    let mut body = BufReader::new(File::open(&path).unwrap());
    let opener = Opener::<Afgh>::owner(&(), &secret).layer(&key);
    let (length, removing) = peak(|| opener.open_stream(&expected, &header, &mut body, &mut check).unwrap());
    std::fs::remove_file(&path).unwrap();
    assert_eq!((length, check.0), (SIZE, SIZE));

    // One chunk of each text; with `rayon` at most 4 MiB of each. The kept hashes double when they grow.
    let texts = if cfg!(feature = "rayon") { 9 << 20 } else { 256 << 10 };
    let hashes = 3 * 32 * (SIZE >> 16) as usize;
    println!("{} MiB: sealing held {} KiB, opening {} KiB", SIZE >> 20, sealing >> 10, opening >> 10);
    println!("putting a layer on {}, replacing it {}, removing it {}", putting >> 10, replacing >> 10, removing >> 10);
    assert!(sealing < texts, "sealing held {sealing} bytes");
    assert!(opening < texts + hashes, "opening held {opening} bytes");
    // One buffer.
    assert!(putting < texts / 2, "putting a layer on held {putting} bytes");
    assert!(replacing < texts / 2, "replacing a layer held {replacing} bytes");
    assert!(removing < texts + hashes, "opening a layered body held {removing} bytes");
}
