//! Streams.

use std::io::{self, Cursor, ErrorKind, Read, Seek, SeekFrom, Write};

use super::*;

/// What `w.author` would be in another process: the same secret, no draws yet.
fn twins() -> [SigningKey; 2] {
    [SigningKey::from_seed(&[31; 32]), SigningKey::from_seed(&[31; 32])]
}

/// Gives few bytes at a time, is interrupted, and fails at `fail_at`.
pub(super) struct Slow<'a> {
    data: &'a [u8],
    at: usize,
    calls: usize,
    fail_at: usize,
}

impl<'a> Slow<'a> {
    pub(super) fn new(data: &'a [u8], fail_at: usize) -> Self {
        Self { data, at: 0, calls: 0, fail_at }
    }
}

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.calls += 1;
        if self.calls.is_multiple_of(3) {
            return Err(ErrorKind::Interrupted.into());
        }
        if self.at >= self.fail_at {
            return Err(ErrorKind::TimedOut.into());
        }
        let rest = &self.data[self.at..];
        let n = rest.len().min(buffer.len()).min(1777);
        buffer[..n].copy_from_slice(&rest[..n]);
        self.at += n;
        Ok(n)
    }
}

/// Takes so many bytes, then fails; or takes all and fails to flush.
struct Full {
    room: usize,
    flushes: bool,
    taken: Vec<u8>,
}

impl Write for Full {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let n = buffer.len().min(self.room - self.taken.len());
        if n == 0 && !buffer.is_empty() {
            return Err(ErrorKind::StorageFull.into());
        }
        self.taken.extend_from_slice(&buffer[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.flushes { Ok(()) } else { Err(ErrorKind::StorageFull.into()) }
    }
}

/// Another body from the second pass on.
pub(super) struct Changing {
    bodies: [Vec<u8>; 2],
    pass: usize,
    at: usize,
}

impl Changing {
    pub(super) fn new(bodies: [Vec<u8>; 2]) -> Self {
        Self { bodies, pass: 0, at: 0 }
    }
}

impl Read for Changing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = (&self.bodies[self.pass][self.at..]).read(buffer)?;
        self.at += n;
        Ok(n)
    }
}

impl Seek for Changing {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match to {
            SeekFrom::Current(0) => {}
            SeekFrom::Start(0) => (self.pass, self.at) = (1, 0),
            _ => panic!("not sought here"),
        }
        Ok(self.at as u64)
    }
}

fn open(header: &SealedHeader, body: &[u8]) -> Result<Vec<u8>, OpenStreamError> {
    let (w, mut out) = (world(), Vec::new());
    let opened = w.opener().open_stream(&w.expected(), header, &mut Cursor::new(body), &mut out);
    if opened.is_err() {
        assert!(out.is_empty());
    }
    opened.map(|length| {
        assert_eq!(length, out.len() as u64);
        out
    })
}

fn refused<T>(result: Result<T, OpenStreamError>) -> bool {
    matches!(result, Err(OpenStreamError::Open(OpenError)))
}

#[test]
fn streams_and_memory_make_the_same_bytes() {
    let w = world();
    // Around one chunk, and around the batches that `rayon` makes.
    for size in [0, 1, 4095, 4096, 4097, 3 * 4096 - 1, 3 * 4096, 3 * 4096 + 1, 32 * 4096, 32 * 4096 + 1, 300_000] {
        for aead in [Aead::Aes256Gcm, Aead::ChaCha20Poly1305] {
            let [a, b] = twins();
            let sealer = |author| Sealer::<Afgh>::new(&(), &w.key, &(), author).aead(aead).chunk_size(ChunkSize::MIN);
            let plain = text(size);
            let memory = sealer(&a).seal(RECORD, 1, &plain, &mut rng(2)).unwrap();
            let mut body = Vec::new();
            let mut input = Slow::new(&plain, usize::MAX);
            let header = sealer(&b).seal_stream(RECORD, 1, &mut input, &mut body, &mut rng(2)).unwrap();
            assert_eq!((&header, &*body), (memory.header(), memory.body()));
            // And back, from where the reader stands.
            let mut padded = Cursor::new([b"before", &*body].concat());
            padded.set_position(6);
            let mut out = Vec::new();
            let expected = Expected { authors: &[a.id()], ..w.expected() };
            let length = w.opener().open_stream(&expected, &header, &mut padded, &mut out).unwrap();
            assert_eq!((length, &out), (size as u64, &plain));
        }
    }
}

#[test]
fn tampered_streams_give_nothing() {
    const C: usize = 4096 + 16;
    let (header, body) = world().seal(&text(3 * 4096 + 100)).into_parts();
    assert!(open(&header, &body).is_ok());
    for cut in [0, 1, 16, C - 1, C, C + 1, 2 * C, 3 * C, body.len() - 1] {
        assert!(refused(open(&header, &body[..cut])), "cut at {cut}");
    }
    let (a, b, c, last) = (&body[..C], &body[C..2 * C], &body[2 * C..3 * C], &body[3 * C..]);
    for parts in [&[a, b, c, last, &[0]][..], &[a, b, c, last, a], &[b, a, c, last], &[a, a, c, last], &[a, b, last]] {
        assert!(refused(open(&header, &parts.concat())));
    }
    for at in [0, C - 1, C, 3 * C, body.len() - 1] {
        let mut bad = body.clone();
        bad[at] ^= 1;
        assert!(refused(open(&header, &bad)), "{at}");
    }
    let w = world();
    let expected = Expected { versions: Versions::AtLeast(2), ..w.expected() };
    assert!(refused(w.opener().open_stream(&expected, &header, &mut Cursor::new(&body), &mut Vec::new())));
}

#[test]
fn storage_that_changes_between_the_passes_is_caught() {
    let w = world();
    let plain = text(3 * 4096);
    let (header, body) = w.seal(&plain).into_parts();
    // The strongest change: by a reader, with valid tags.
    let run = Run { chunk: ChunkSize::MIN, first: 1, ends: false };
    let mut forged = body.clone();
    body::seal_run(&w.cipher(&header), &body::body_tree(), run, &[b'!'; 4096], &mut forged[4112..8224]).unwrap();
    let longer = [&*body, b"more"].concat();
    for second in [&*forged, &body[..4112], &body[..0], &*longer] {
        let mut storage = Changing::new([body.clone(), second.to_vec()]);
        let mut out = Vec::new();
        assert!(refused(w.opener().open_stream(&w.expected(), &header, &mut storage, &mut out)));
        // What was released is the author's.
        assert!(plain.starts_with(&out));
    }
    let mut storage = Changing::new([body.clone(), body]);
    let mut out = Vec::new();
    w.opener().open_stream(&w.expected(), &header, &mut storage, &mut out).unwrap();
    assert_eq!(out, plain);
}

#[test]
fn failures_of_readers_and_writers_surface() {
    let w = world();
    let plain = text(3 * 4096);
    let seal = |input: &mut dyn Read, output: &mut dyn Write| {
        w.sealer().seal_stream(RECORD, 1, input, output, &mut rng(2)).map(|_| ())
    };
    let io_kind = |result: Result<(), SealStreamError>| match result {
        Err(SealStreamError::Io(error)) => error.kind(),
        other => panic!("{other:?}"),
    };
    for at in [0, 1, 4096, 3 * 4096] {
        assert_eq!(io_kind(seal(&mut Slow::new(&plain, at), &mut Vec::new())), ErrorKind::TimedOut);
    }
    let full = |room, flushes| Full { room, flushes, taken: Vec::new() };
    for room in [0, 1, 4112, 3 * 4112 - 1] {
        assert_eq!(io_kind(seal(&mut &*plain, &mut full(room, true))), ErrorKind::StorageFull);
    }
    assert_eq!(io_kind(seal(&mut &*plain, &mut full(1 << 20, false))), ErrorKind::StorageFull);
    assert!(seal(&mut &*plain, &mut full(1 << 20, true)).is_ok());

    let (header, body) = w.seal(&plain).into_parts();
    for (room, flushes) in [(0, true), (1, true), (4096, true), (3 * 4096 - 1, true), (1 << 20, false)] {
        let out = &mut full(room, flushes);
        let opened = w.opener().open_stream(&w.expected(), &header, &mut Cursor::new(&body), out);
        assert!(matches!(opened, Err(OpenStreamError::Io(error)) if error.kind() == ErrorKind::StorageFull));
        assert!(plain.starts_with(&out.taken));
    }
}

#[test]
fn a_reader_that_claims_too_much_is_an_error() {
    struct Liar;
    impl Read for Liar {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            Ok(buffer.len() + 1)
        }
    }
    let sealed = world().sealer().seal_stream(RECORD, 1, &mut Liar, &mut Vec::new(), &mut rng(2));
    assert!(matches!(sealed, Err(SealStreamError::Io(error)) if error.kind() == ErrorKind::InvalidData));
}

#[test]
fn a_failing_generator_writes_nothing() {
    let mut body = Vec::new();
    let rng = &mut Failing { left: 1, inner: rng(3) };
    let sealed = world().sealer().seal_stream(RECORD, 1, &mut &b"x"[..], &mut body, rng);
    assert!(matches!(sealed, Err(SealStreamError::Seal(SealError::Rng))));
    assert!(body.is_empty());
}

#[test]
fn ranges_are_cut_from_storage() {
    let w = world();
    let plain = text(5 * 4096 + 7);
    let (header, body) = w.seal(&plain).into_parts();
    let index = BodyIndex::read(&header, &mut &*body).unwrap();
    for range in [0..1, 4095..4097, 5 * 4096..5 * 4096 + 7, 0..0, 0..5 * 4096 + 7] {
        let cut = index.cut_from(&header, &mut Cursor::new(&body), range.clone()).unwrap();
        assert_eq!(cut, index.cut(&header, &body, range.clone()).unwrap());
        let opened = w.opener().open_range(&w.expected(), &cut, range.clone()).unwrap();
        assert_eq!(&*opened, &plain[range.start as usize..range.end as usize]);
    }
    let bad = |result: Result<_, RangeStreamError>| match result {
        Err(RangeStreamError::Range(error)) => error,
        Err(RangeStreamError::Io(error)) => panic!("{error}"),
        Ok(_) => panic!("was cut"),
    };
    assert_eq!(bad(index.cut_from(&header, &mut Cursor::new(&body), 0..1 << 40)), RangeError::OutOfBounds);
    assert_eq!(bad(index.cut_from(&header, &mut Cursor::new(&body[..100]), 0..1)), RangeError::Body);
    let read = |body: &[u8]| match BodyIndex::read(&header, &mut &*body) {
        Err(RangeStreamError::Range(RangeError::Body)) => true,
        other => panic!("{other:?}"),
    };
    let mut damaged = body.clone();
    damaged[0] ^= 1;
    assert!(read(&damaged) && read(&body[1..]) && read(&[&*body, b"x"].concat()));
    let mut broken = Slow::new(&body, 5000);
    assert!(matches!(BodyIndex::read(&header, &mut broken), Err(RangeStreamError::Io(_))));
}
