//! Forgeries by those who hold keys: readers, who know the body's key, and authors.

use super::*;

#[test]
fn a_reader_cannot_write_a_chunk() {
    let w = world();
    let plain = text(3 * 4096);
    let (header, body) = w.seal(&plain).into_parts();
    let cipher = w.cipher(&header);
    // The reader encrypts another second chunk, as the author would have: its tag is valid.
    let run = Run { chunk: ChunkSize::MIN, first: 1, ends: false };
    let mut forged = body.clone();
    let place = &mut forged[4112..2 * 4112];
    body::seal_run(&cipher, &body::body_tree(), run, &[b'!'; 4096], place).unwrap();
    let mut out = Plaintext::new();
    body::open_run(&cipher, Run::whole(ChunkSize::MIN), &forged, &mut out).unwrap();
    assert_eq!(&out[4096..8192], [b'!'; 4096]);
    // It is the root that the author signed that gives it away: whole, by range, and by stream (there).
    let sealed = SealedPartition::from_parts(header.clone(), forged.clone()).unwrap();
    assert_eq!(w.open(&sealed), Err(OpenError));
    // Not even the untouched chunks of it open as a whole; by range, with true hashes, they do.
    let index = BodyIndex::new(&header, &body).unwrap();
    let open = |body: &[u8], range: core::ops::Range<u64>| {
        w.opener().open_range(&w.expected(), &index.cut(&header, body, range.clone()).unwrap(), range)
    };
    assert_eq!(&*open(&forged, 0..4096).unwrap(), &plain[..4096]);
    assert_eq!(open(&forged, 4096..4097).unwrap_err(), OpenError);
    assert!(open(&body, 4096..4097).is_ok());

    // A root of the reader's own needs a signature of the author's.
    let tree = body::body_tree();
    let root = tree.root(&body::hash_run(&tree, ChunkSize::MIN, &forged));
    let statement = Seal { root, ..header.seal().unverified().clone() };
    let mallory = SigningKey::from_seed(&[66; 32]);
    let own = Signed::new(&mallory, statement.clone());
    let resigned = assemble(header.immutable(), header.mutable(), &own, &forged).unwrap();
    assert_eq!(w.open(&resigned), Err(OpenError));
    // Under the author's name, with the reader's signature, and with the author's over the true root.
    for signature in [&own, header.seal()] {
        let mut bytes = Signed::new(&w.author, statement.clone()).to_bytes();
        let (at, theirs) = (bytes.len() - 64, signature.to_bytes());
        bytes[at..].copy_from_slice(&theirs[at..]);
        let spliced = Signed::from_bytes(&bytes).unwrap();
        let spliced = assemble(header.immutable(), header.mutable(), &spliced, &forged).unwrap();
        assert_eq!(w.open(&spliced), Err(OpenError));
    }
    // The control: what the author signs opens.
    let signed = Signed::new(&w.author, statement);
    let signed = assemble(header.immutable(), header.mutable(), &signed, &forged).unwrap();
    assert_eq!(&w.open(&signed).unwrap()[4096..8192], [b'!'; 4096]);
}

#[test]
fn another_author_cannot_take_a_partition_over() {
    let w = world();
    let mallory = SigningKey::from_seed(&[66; 32]);
    let sealed = w.seal(b"mine");
    let own = Signed::new(&mallory, sealed.header().seal().unverified().clone());
    let taken = assemble(sealed.header().immutable(), sealed.header().mutable(), &own, sealed.body()).unwrap();
    // Neither as the author's nor, for a reader who trusts both, as Mallory's: the context names the author.
    let both = [w.author.id(), mallory.id()];
    for authors in [&both[..1], &both[1..], &both] {
        let expected = Expected { authors, ..w.expected() };
        assert_eq!(w.opener().open(&expected, &taken).unwrap_err(), OpenError);
    }
    // Mallory may seal under an own name, and nobody who did not ask for it takes it.
    let own = Sealer::<Afgh>::new(&(), &w.key, &(), &mallory).seal(RECORD, 1, b"x", &mut rng(4)).unwrap();
    assert_eq!(w.open(&own), Err(OpenError));
    assert!(w.opener().open(&Expected { authors: &both, ..w.expected() }, &own).is_ok());
}

#[test]
fn a_seal_is_over_one_header() {
    let w = world();
    let sealed = w.seal(b"x");
    // Everybody can encapsulate in the author's name. Here under a later version, with the author's old seal; an
    // empty range, because no chunk would decrypt.
    let subject = crate::context::Subject { record: RECORD, version: 2, author: w.author.id(), aad: b"" };
    let ctx = Afgh::context(&(), &w.key, &(), &subject);
    // Hedging wants the author's key; any other way of making a capsule would do as well.
    let (capsule, key) = Afgh::encapsulate(&(), &w.key, &ctx, &w.author, &mut rng(8)).unwrap();
    let mut core = Vec::new();
    capsule.write_core(&mut core);
    let (immutable, _) = ImmutableHeader::create(
        &key,
        ContextBuf::try_from(&ctx).unwrap(),
        core,
        Aead::Aes256Gcm,
        ChunkSize::MIN,
        [0; 32],
    );
    let forged = assemble(&immutable, sealed.header().mutable(), sealed.header().seal(), sealed.body()).unwrap();
    let range = forged.range(0..0).unwrap();
    let expected = Expected { versions: Versions::Exactly(2), ..w.expected() };
    assert_eq!(w.opener().open_range(&expected, &range, 0..0).unwrap_err(), OpenError);
    // The control: signed by the author it opens.
    let seal = Seal { header: immutable.digest(), ..sealed.header().seal().unverified().clone() };
    let seal = Signed::new(&w.author, seal);
    let good = assemble(&immutable, sealed.header().mutable(), &seal, sealed.body()).unwrap();
    assert!(w.opener().open_range(&expected, &good.range(0..0).unwrap(), 0..0).is_ok());
}

#[test]
fn a_header_commits_to_one_key() {
    let w = world();
    let sealed = w.seal(b"x");
    let immutable = sealed.header().immutable();
    assert!(immutable.unlock(&w.shared_key(sealed.header())).is_ok());
    for key in [[0; 32], [1; 32]] {
        let key = SharedKey::new(zeroize::Zeroizing::new(key));
        assert_eq!(immutable.unlock(&key).unwrap_err(), OpenError);
    }
}

#[test]
fn body_keys_follow_from_every_field() {
    let w = world();
    let context = ContextBuf::try_from(&w.seal(b"").header().context()).unwrap();
    let later = ContextBuf::try_from(&Context { version: 9, ..context.get() }).unwrap();
    let make = |key: u8, context: &ContextBuf, core: u8, chunk, salt: u8| {
        let key = SharedKey::new(zeroize::Zeroizing::new([key; 32]));
        let core = std::vec![core];
        let (_, cipher) = ImmutableHeader::create(&key, context.clone(), core, Aead::Aes256Gcm, chunk, [salt; 32]);
        let mut out = [0; 32];
        body::seal_run(&cipher, &body::body_tree(), Run::whole(ChunkSize::MIN), &[0; 16], &mut out).unwrap();
        out
    };
    let base = make(1, &context, 1, ChunkSize::MIN, 1);
    assert_eq!(base, make(1, &context, 1, ChunkSize::MIN, 1));
    for other in [
        make(2, &context, 1, ChunkSize::MIN, 1),
        make(1, &later, 1, ChunkSize::MIN, 1),
        make(1, &context, 2, ChunkSize::MIN, 1),
        make(1, &context, 1, ChunkSize::MAX, 1),
        make(1, &context, 1, ChunkSize::MIN, 2),
    ] {
        assert_ne!(base, other);
    }
}

#[test]
fn an_author_cannot_sign_nonsense_into_plaintext() {
    let w = world();
    let (header, body) = w.seal(&text(2 * 4096)).into_parts();
    let tree = body::body_tree();
    let seal = |body: &[u8], length| {
        let root = tree.root(&body::hash_run(&tree, ChunkSize::MIN, body));
        let statement = Seal { root, length, ..header.seal().unverified().clone() };
        SealedHeader::assemble(header.immutable().clone(), header.mutable().clone(), Signed::new(&w.author, statement))
            .unwrap()
    };
    let opens = |header: &SealedHeader, body: &[u8]| {
        let mut out = Plaintext::new();
        let opened = w.opener().open_into(&w.expected(), header, body, &mut out);
        assert!(opened.is_ok() || out.is_empty());
        opened.is_ok()
    };
    assert!(opens(&seal(&body, 2 * 4096), &body));
    // A length that is not the body's.
    for length in [0, 1, 4096, 2 * 4096 - 1, 2 * 4096 + 1] {
        assert!(!opens(&seal(&body, length), &body), "{length}");
    }
    // Signed chunks whose tags do not verify: the second after the first has been decrypted.
    let mut broken = body.clone();
    broken[4112] ^= 1;
    assert!(!opens(&seal(&broken, 2 * 4096), &broken));
    // Signed, but the last chunk is missing: the flag in the nonce says so.
    assert!(!opens(&seal(&body[..4112], 4096), &body[..4112]));
}

#[test]
fn failed_decryption_leaves_no_plaintext_in_the_buffer() {
    let w = world();
    let (header, mut body) = w.seal(&[0xee; 2 * 4096]).into_parts();
    body[4112] ^= 1;
    let mut out = Plaintext::new();
    let run = Run::whole(ChunkSize::MIN);
    assert!(body::open_run(&w.cipher(&header), run, &body, &mut out).is_err());
    assert!(out.is_empty());
    assert!(out.room(2 * 4096).iter().all(|byte| *byte == 0));
}
