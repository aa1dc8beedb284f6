//! Layers: who has the key opens as before, and who has all but that does not.

use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use subtle::ConstantTimeEq;

use super::*;
use crate::encoding::Reader;
use crate::epoch::KeyTree;
use crate::epoch::tree::{EpochKeys, EpochTree, LeafKey};
use crate::hash::{Digest, kdf, label};
use crate::record::layer::Keystream;

#[cfg(feature = "std")]
use super::stream::{Changing, Slow};
#[cfg(feature = "std")]
use std::io::{self, Cursor, ErrorKind, Read, Write};

const CHUNK: usize = 4096 + 16;

/// The leaf of the world's epoch in a generation.
fn leaf(generation: u32) -> LeafKey {
    let (w, root) = (world(), OwnerRoot::generate(&mut rng(40)));
    let tree = EpochTree::new(w.owner.id(), Partition::MEDICAL, generation, 4).unwrap();
    EpochKeys::derive(&root, &tree).leaf(3).unwrap().key()
}

fn key(generation: u32, header: &SealedHeader) -> LayerKey {
    LayerKey::derive(&leaf(generation), &header.immutable().digest())
}

fn step(from: Option<u32>, to: u32, header: &SealedHeader) -> LayerStep {
    let with = |generation| (generation, key(generation, header));
    LayerStep::new(from.map(with), with(to)).unwrap()
}

fn layered(plain: &[u8], generation: u32) -> SealedPartition {
    let mut sealed = world().seal(plain);
    sealed.relayer(&step(None, generation, sealed.header())).unwrap();
    sealed
}

/// The body as the construction says, block by block.
fn in_layer(generation: u32, header: &SealedHeader, inner: &[u8]) -> Vec<u8> {
    let key = kdf(label::BODY_LAYER, leaf(generation).as_bytes(), &[header.immutable().digest().as_bytes()]);
    let cipher = Aes256::new((&*key).into());
    let mut out = Vec::new();
    for (i, piece) in inner.chunks(16).enumerate() {
        let mut block = (i as u128).to_be_bytes().into();
        cipher.encrypt_block(&mut block);
        out.extend(piece.iter().zip(&block).map(|(a, b)| a ^ b));
    }
    out
}

/// Header and body with another layer in the header than the body has.
fn claim(header: &SealedHeader, layer: Layer, body: &[u8]) -> SealedPartition {
    let mut header = header.clone();
    header.set_layer(layer);
    SealedPartition::from_parts(header, body.to_vec()).unwrap()
}

fn open_with(key: &LayerKey, sealed: &SealedPartition) -> Result<Vec<u8>, OpenError> {
    let w = world();
    let opened = w.opener().layer(key).open(&w.expected(), sealed).map(|text| text.to_vec());
    // Every way takes the same bodies.
    let mut out = Plaintext::new();
    let into = w.opener().layer(key).open_into(&w.expected(), sealed.header(), sealed.body(), &mut out);
    assert_eq!(into.map(|()| out.to_vec()), opened);
    assert!(opened.is_ok() || out.is_empty());
    #[cfg(feature = "std")]
    {
        let mut out = Vec::new();
        let stream = &mut Cursor::new(sealed.body());
        let streamed = w.opener().layer(key).open_stream(&w.expected(), sealed.header(), stream, &mut out);
        match &opened {
            Ok(text) => assert_eq!((streamed.unwrap(), &out), (text.len() as u64, text)),
            Err(_) => assert!(matches!(streamed, Err(OpenStreamError::Open(_))) && out.is_empty()),
        }
    }
    opened
}

#[test]
fn layers_go_on_and_give_way_to_the_next() {
    let w = world();
    for (size, chunk) in [
        (0, ChunkSize::MIN),
        (1, ChunkSize::MIN),
        (4096, ChunkSize::MIN),
        (4097, ChunkSize::MIN),
        // Long enough that `rayon` spreads it, and pieces end within chunks.
        (70 * 4096 + 1, ChunkSize::MIN),
        (3 * KIB64 + 1, ChunkSize::DEFAULT),
    ] {
        let plain = text(size);
        let fresh = w.sealer().chunk_size(chunk).seal(RECORD, 1, &plain, &mut rng(2)).unwrap();
        let index = BodyIndex::new(fresh.header(), fresh.body()).unwrap();
        for path in [&[1, 2][..], &[5], &[0, 1, u32::MAX]] {
            let (mut sealed, mut before) = (fresh.clone(), None);
            for &generation in path {
                sealed.relayer(&step(before, generation, fresh.header())).unwrap();
                before = Some(generation);
                let header = sealed.header();
                assert_eq!(header.mutable().layer(), Layer::Stream { generation });
                assert_eq!(header.mutable().layer().generation(), Some(generation));
                // Nothing of the former layer is left, and nothing that the author signed is another.
                assert_eq!(sealed.body(), in_layer(generation, header, fresh.body()));
                assert_eq!((header.immutable(), header.seal()), (fresh.header().immutable(), fresh.header().seal()));
                assert_eq!(header.mutable().capsule_mutable(), fresh.header().mutable().capsule_mutable());

                assert_eq!(SealedPartition::from_bytes(&sealed.to_bytes()).unwrap(), sealed);
                let key = key(generation, header);
                assert_eq!(open_with(&key, &sealed).unwrap(), plain);
                // The index from before serves ranges, from memory and from storage.
                let size = size as u64;
                for range in [0..size, 0..size.min(1), size / 2..size, size - size.min(1)..size, size..size] {
                    let cut = index.cut(header, sealed.body(), range.clone()).unwrap();
                    #[cfg(feature = "std")]
                    {
                        let stored = &mut Cursor::new(sealed.body());
                        assert_eq!(index.cut_from(header, stored, range.clone()).unwrap(), cut);
                    }
                    let opened = w.opener().layer(&key).open_range(&w.expected(), &cut, range.clone()).unwrap();
                    assert_eq!(opened[..], plain[range.start as usize..range.end as usize]);
                    if !range.is_empty() {
                        assert!(w.opener().open_range(&w.expected(), &cut, range).is_err());
                    }
                }
            }
        }
    }
}

#[test]
fn a_body_without_a_layer_ignores_the_key() {
    let sealed = world().seal(b"bare");
    assert_eq!(sealed.header().mutable().layer().generation(), None);
    assert_eq!(open_with(&key(1, sealed.header()), &sealed).unwrap(), b"bare");
}

#[test]
fn who_kept_the_data_key_does_not_open() {
    let w = world();
    let plain = text(3 * 4096 + 100);
    let (fresh, sealed) = (w.seal(&plain), layered(&plain, 1));
    let (header, body) = (sealed.header(), sealed.body());
    // Someone who has departed with the shared key, and so with the cipher: the whole body, and each chunk.
    let (cipher, mut out) = (w.cipher(header), Plaintext::new());
    body::open_run(&w.cipher(fresh.header()), Run::whole(ChunkSize::MIN), fresh.body(), &mut out).unwrap();
    assert!(body::open_run(&cipher, Run::whole(ChunkSize::MIN), body, &mut out).is_err());
    for (first, chunk) in (0..).zip(body.chunks(CHUNK)) {
        let run = Run { chunk: ChunkSize::MIN, first, ends: first == 3 };
        assert!(body::open_run(&cipher, run, chunk, &mut out).is_err(), "{first}");
        assert!(out.is_empty());
    }
    // As a reader: without a layer key, with the header from before, or saying that there is no layer.
    assert_eq!(w.open(&sealed), Err(OpenError));
    assert_eq!(w.open(&claim(header, Layer::None, body)), Err(OpenError));
    // With the keys of the generation that the departed was in, of another epoch, of another body.
    let digest = header.immutable().digest();
    let (tree, root) = (EpochTree::new(w.owner.id(), Partition::MEDICAL, 1, 4), OwnerRoot::generate(&mut rng(40)));
    let other_epoch = EpochKeys::derive(&root, &tree.unwrap()).leaf(2).unwrap().key();
    let wrong = [
        key(0, header),
        key(2, header),
        LayerKey::derive(&other_epoch, &digest),
        LayerKey::derive(&leaf(1), &fresh.header().immutable().digest()),
        LayerKey::derive(&leaf(1), &Digest::NONE),
    ];
    for key in &wrong {
        assert_eq!(open_with(key, &sealed), Err(OpenError));
    }
    assert_eq!(open_with(&key(1, header), &sealed).unwrap(), plain);
    // The replaced layer's key does not open what came after it.
    let mut next = sealed.clone();
    next.relayer(&step(Some(1), 2, header)).unwrap();
    assert_eq!(open_with(&key(1, header), &next), Err(OpenError));
    assert_eq!(
        open_with(&key(1, header), &claim(header, Layer::Stream { generation: 1 }, next.body())),
        Err(OpenError)
    );
}

#[cfg(feature = "hazmat")]
#[test]
fn a_shared_key_alone_does_not_open() {
    use crate::record::hazmat::{open_into, open_layered_into};

    let w = world();
    let (sealed, mut out) = (layered(b"after the departure", 1), Plaintext::new());
    let (header, body, expected) = (sealed.header(), sealed.body(), w.expected());
    let kept = w.shared_key(header);
    open_layered_into(kept.expose(), &key(1, header), &expected, header, body, &mut out).unwrap();
    assert_eq!(&*out, b"after the departure");
    assert_eq!(open_into(kept.expose(), &expected, header, body, &mut out), Err(OpenError));
    assert!(out.is_empty());
    let bare = claim(header, Layer::None, body);
    assert_eq!(open_into(kept.expose(), &expected, bare.header(), body, &mut out), Err(OpenError));
    // What is not protected: together with a cloud that kept the former body, or the step, the key opens.
    let fresh = claim(header, Layer::None, &in_layer(1, header, body));
    open_into(kept.expose(), &expected, fresh.header(), fresh.body(), &mut out).unwrap();
    assert_eq!(&*out, b"after the departure");
}

#[test]
fn steps_are_taken_once_and_forward() {
    let fresh = world().seal(&text(5000));
    let header = fresh.header();
    let refused = |sealed: &SealedPartition, step: &LayerStep| {
        let mut changed = sealed.clone();
        assert_eq!(step.check(sealed.header()), Err(LayerError::Layer));
        assert_eq!(changed.relayer(step), Err(LayerError::Layer));
        // Nothing has happened.
        assert_eq!(&changed, sealed);
    };
    let (first, second) = (step(None, 1, header), step(Some(1), 2, header));
    assert_eq!((first.from(), first.to()), (Layer::None, Layer::Stream { generation: 1 }));
    assert_eq!((second.from(), second.to()), (Layer::Stream { generation: 1 }, Layer::Stream { generation: 2 }));
    refused(&fresh, &second);
    let mut sealed = fresh.clone();
    assert_eq!(first.check(header), Ok(()));
    sealed.relayer(&first).unwrap();
    refused(&sealed, &first);
    refused(&sealed, &step(Some(0), 1, header));
    refused(&sealed, &step(Some(2), 3, header));
    sealed.relayer(&second).unwrap();
    refused(&sealed, &second);
    refused(&sealed, &first);
    // Back, in place, or to a layer that would be the same: there are no such steps.
    let with = |generation| (generation, key(generation, header));
    assert!(LayerStep::new(Some(with(2)), with(1)).is_none());
    assert!(LayerStep::new(Some(with(2)), with(2)).is_none());
    assert!(LayerStep::new(Some(with(2)), (2, key(3, header))).is_none());
    assert!(LayerStep::new(Some(with(2)), (3, key(2, header))).is_none());
    assert!(LayerStep::new(Some(with(2)), with(3)).is_some());
    assert!(LayerStep::new(None, with(0)).is_some());
}

#[test]
fn no_two_bodies_share_a_keystream() {
    let w = world();
    let digest = |record, version| {
        w.sealer().seal(record, version, &[0; 100], &mut rng(2)).unwrap().header().immutable().digest()
    };
    // Versions, records, and one thing sealed twice.
    let other = RecordId::from_array([8; 16]);
    let digests = [digest(RECORD, 1), digest(RECORD, 2), digest(other, 1), digest(RECORD, 1)];
    let mut keys: Vec<_> = digests.iter().map(|digest| LayerKey::derive(&leaf(1), digest)).collect();
    keys.push(LayerKey::derive(&leaf(2), &digests[0]));
    for (i, a) in keys.iter().enumerate() {
        for b in &keys[i + 1..] {
            assert!(!bool::from(a.ct_eq(b)));
        }
    }
    assert!(bool::from(keys[0].ct_eq(&LayerKey::derive(&leaf(1), &digests[0]))));
    // What that prevents: under one keystream two layered bodies tell the XOR of what is within.
    let (a, b) = (w.seal(&text(100)), w.seal(&text(100)));
    let xor = |a: &[u8], b: &[u8]| a.iter().zip(b).map(|(a, b)| a ^ b).collect::<Vec<_>>();
    let inner = xor(a.body(), b.body());
    let outer = |shared: bool| {
        let (mut a, mut b, header) = (a.clone(), b.clone(), b.header().clone());
        a.relayer(&step(None, 1, a.header())).unwrap();
        b.relayer(&step(None, 1, if shared { a.header() } else { &header })).unwrap();
        xor(a.body(), b.body())
    };
    assert_eq!(outer(true), inner);
    assert_ne!(outer(false), inner);
}

#[test]
fn headers_and_bodies_are_of_one_layer() {
    let w = world();
    let (fresh, one) = (w.seal(b"some text"), Layer::Stream { generation: 1 });
    let header = fresh.header();
    let mut sealed = fresh.clone();
    sealed.relayer(&step(None, 1, header)).unwrap();
    // What the author signed is not what is stored.
    assert!(fresh.verify().is_ok());
    assert_eq!(sealed.verify(), Err(OpenError));
    assert_eq!(BodyIndex::new(sealed.header(), sealed.body()).unwrap_err(), RangeError::Body);
    assert_eq!(sealed.range(0..1).unwrap_err(), RangeError::Body);
    // A layer in the body alone, and in the header alone: nobody opens that, so nothing lets it pass.
    for bad in [claim(header, Layer::None, sealed.body()), claim(header, one, fresh.body())] {
        assert_eq!(open_with(&key(1, header), &bad), Err(OpenError));
        assert_eq!(w.open(&bad), Err(OpenError));
        assert_eq!(bad.verify(), Err(OpenError));
        assert_eq!(BodyIndex::new(bad.header(), bad.body()).unwrap_err(), RangeError::Body);
        #[cfg(feature = "std")]
        assert!(BodyIndex::read(bad.header(), &mut bad.body()).is_err());
        assert_eq!(bad.range(0..1).unwrap_err(), RangeError::Body);
    }
    // The generation is a name for the key, and changes nothing by itself.
    let renamed = claim(header, Layer::Stream { generation: 9 }, sealed.body());
    assert_eq!(open_with(&key(1, header), &renamed).unwrap(), b"some text");
    assert_eq!(open_with(&key(9, header), &renamed), Err(OpenError));
}

#[test]
fn every_bit_but_the_generation_counts() {
    let sealed = layered(b"a small one", 1);
    let (bytes, key) = (sealed.to_bytes(), key(1, sealed.header()));
    let w = world();
    let opener = w.opener().layer(&key);
    let opens = |bytes: &[u8]| {
        SealedPartition::from_bytes(bytes).is_ok_and(|sealed| opener.open(&w.expected(), &sealed).is_ok())
    };
    assert!(opens(&bytes));
    let end = 8 + sealed.header().immutable().encoded_len() + sealed.header().mutable().encoded_len();
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(opens(&bad), (end - 4..end).contains(&(bit / 8)), "bit {bit}");
    }
    for cut in 0..bytes.len() {
        assert!(SealedPartition::from_bytes(&bytes[..cut]).is_err(), "{cut}");
    }
}

#[test]
fn layers_are_encoded_in_one_way() {
    let sealed = layered(b"x", 0x0102_0304);
    let mutable = sealed.header().mutable();
    let bytes = mutable.to_bytes();
    assert!(bytes.ends_with(&[1, 1, 2, 3, 4]));
    assert_eq!(&MutableHeader::from_bytes(&bytes).unwrap(), mutable);
    let with = |layer: &[u8]| MutableHeader::from_bytes(&[&bytes[..bytes.len() - 5], layer].concat());
    assert_eq!(with(&[0]).unwrap().layer(), Layer::None);
    for (bad, error) in [
        (&[][..], DecodeError::Truncated),
        (&[1, 0, 0, 0], DecodeError::Truncated),
        (&[1, 0, 0, 0, 0, 0], DecodeError::TrailingBytes),
        (&[0, 0, 0, 0, 0], DecodeError::TrailingBytes),
        (&[2, 0, 0, 0, 0], DecodeError::Value),
    ] {
        assert_eq!(with(bad).unwrap_err(), error, "{bad:?}");
    }
}

#[test]
fn a_layer_hides_no_forgery() {
    let w = world();
    let (header, body) = w.seal(&text(3 * 4096)).into_parts();
    // A reader who holds both keys encrypts another chunk, and puts it within the layer.
    let run = Run { chunk: ChunkSize::MIN, first: 1, ends: false };
    let mut forged = body.clone();
    body::seal_run(&w.cipher(&header), &body::body_tree(), run, &[b'!'; 4096], &mut forged[CHUNK..2 * CHUNK]).unwrap();
    let one = Layer::Stream { generation: 1 };
    let stored = claim(&header, one, &in_layer(1, &header, &forged));
    assert_eq!(open_with(&key(1, &header), &stored), Err(OpenError));
    let index = BodyIndex::new(&header, &body).unwrap();
    let cut = index.cut(stored.header(), stored.body(), 4096..4097).unwrap();
    let key = key(1, &header);
    assert!(w.opener().layer(&key).open_range(&w.expected(), &cut, 4096..4097).is_err());
    // The control: the author's chunk.
    let stored = claim(&header, one, &in_layer(1, &header, &body));
    assert_eq!(open_with(&key, &stored).unwrap(), text(3 * 4096));
}

#[test]
fn keys_do_not_print_and_are_wiped() {
    fn wiped<T: zeroize::ZeroizeOnDrop>() {}
    wiped::<LayerKey>();
    wiped::<LayerStep>();
    wiped::<aes::Aes256Enc>();
    wiped::<ctr::Ctr128BE<aes::Aes256Enc>>();
    let key = LayerKey::read(&mut Reader::new(&[0xab; 32])).unwrap();
    assert_eq!(std::format!("{key:?}"), "LayerKey { .. }");
    assert_eq!(std::format!("{:?}", Keystream::new(&key)), "Keystream { .. }");
    let mut bytes = Vec::new();
    key.write(&mut bytes);
    assert_eq!(bytes, [0xab; 32]);
    assert_eq!(LayerKey::read(&mut Reader::new(&bytes[1..])).unwrap_err(), DecodeError::Truncated);
    let step = LayerStep::new(None, (1, key)).unwrap();
    assert_eq!(std::format!("{step:?}"), "LayerStep { from: None, to: (1, LayerKey { .. }) }");
}

#[cfg(feature = "std")]
fn stream(
    step: &LayerStep,
    header: &SealedHeader,
    body: &mut dyn Read,
    out: &mut dyn Write,
) -> Result<SealedHeader, LayerStreamError> {
    step.apply_stream(header, body, out)
}

#[cfg(feature = "std")]
#[test]
fn streams_make_the_same_bytes() {
    for size in [0, 1, 4095, 4096, 4097, 3 * 4096, 70 * 4096 + 1] {
        let mut sealed = world().seal(&text(size));
        for (from, to) in [(None, 1), (Some(1), 2)] {
            let step = step(from, to, sealed.header());
            let (mut out, body) = (Vec::new(), sealed.body().to_vec());
            let header = stream(&step, sealed.header(), &mut Slow::new(&body, usize::MAX), &mut out).unwrap();
            sealed.relayer(&step).unwrap();
            assert_eq!((&header, &*out), (sealed.header(), sealed.body()));
            // Taken again it reads nothing.
            let again = stream(&step, &header, &mut Slow::new(&body, 0), &mut Vec::new());
            assert!(matches!(again, Err(LayerStreamError::Layer(LayerError::Layer))));
        }
    }
}

#[cfg(feature = "std")]
#[test]
fn streams_of_another_length_are_refused() {
    for size in [0, 1, 4096, 3 * 4096 + 100] {
        let (header, body) = world().seal(&text(size)).into_parts();
        let step = step(None, 1, &header);
        let refused = |body: &[u8]| {
            let result = stream(&step, &header, &mut &*body, &mut Vec::new());
            matches!(result, Err(LayerStreamError::Layer(LayerError::Body)))
        };
        assert!(!refused(&body));
        for cut in [0, 1, 15, 16, CHUNK, body.len() - 1] {
            assert!(cut >= body.len() || refused(&body[..cut]), "{size}: {cut}");
        }
        for more in [1, 16, CHUNK] {
            assert!(refused(&[&*body, &std::vec![0; more]].concat()), "{size}: {more} more");
        }
    }
}

/// Counts down with every call, and fails at the last.
#[cfg(feature = "std")]
struct Fails<T> {
    calls: usize,
    inner: T,
}

#[cfg(feature = "std")]
impl<T> Fails<T> {
    fn count(&mut self) -> io::Result<&mut T> {
        self.calls = self.calls.checked_sub(1).ok_or(ErrorKind::TimedOut)?;
        Ok(&mut self.inner)
    }
}

#[cfg(feature = "std")]
impl<T: Read> Read for Fails<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len().min(1777);
        self.count()?.read(&mut buffer[..room])
    }
}

#[cfg(feature = "std")]
impl<T: Write> Write for Fails<T> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.count()?.write(&buffer[..buffer.len().min(1777)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.count()?.flush()
    }
}

#[cfg(feature = "std")]
#[test]
fn failures_at_every_call_surface() {
    let (header, body) = world().seal(&text(2 * 4096 + 5)).into_parts();
    let step = step(None, 1, &header);
    let all = in_layer(1, &header, &body);
    for reads in [true, false] {
        let mut calls = 0;
        loop {
            let (read, write) = if reads { (calls, usize::MAX) } else { (usize::MAX, calls) };
            let input = &mut Fails { calls: read, inner: &*body };
            let output = &mut Fails { calls: write, inner: Vec::new() };
            match stream(&step, &header, input, output) {
                Ok(header) => {
                    assert_eq!((header.mutable().layer(), &output.inner), (step.to(), &all));
                    break;
                }
                Err(LayerStreamError::Io(error)) => assert_eq!(error.kind(), ErrorKind::TimedOut),
                Err(other) => panic!("{other}"),
            }
            assert!(all.starts_with(&output.inner));
            calls += 1;
        }
        // Two chunks and a small one, by themselves or with `rayon` at once, and the end of the reader or the flush.
        assert_eq!(calls, if cfg!(feature = "rayon") { 5 + 1 } else { 3 + 3 + 1 + 1 });
    }
}

#[cfg(feature = "std")]
#[test]
fn storage_that_changes_between_the_passes_is_caught() {
    let w = world();
    let plain = text(3 * 4096);
    let fresh = w.seal(&plain);
    let mut sealed = fresh.clone();
    sealed.relayer(&step(None, 1, fresh.header())).unwrap();
    let (header, body) = sealed.into_parts();
    let key = key(1, &header);
    let mut damaged = body.clone();
    damaged[CHUNK] ^= 1;
    // Also the body that was sealed, which is no longer what the header says.
    for second in [&*damaged, &body[..CHUNK], fresh.body(), &[&*body, b"more"].concat()] {
        let (storage, mut out) = (&mut Changing::new([body.clone(), second.to_vec()]), Vec::new());
        let opened = w.opener().layer(&key).open_stream(&w.expected(), &header, storage, &mut out);
        assert!(matches!(opened, Err(OpenStreamError::Open(_))));
        assert!(plain.starts_with(&out));
    }
    let (storage, mut out) = (&mut Changing::new([body.clone(), body]), Vec::new());
    w.opener().layer(&key).open_stream(&w.expected(), &header, storage, &mut out).unwrap();
    assert_eq!(out, plain);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.div_ceil(8)))]

    #[test]
    fn any_path_leads_to_the_same_body(
        plain in prop::collection::vec(any::<u8>(), 0..20_000),
        path in prop::collection::btree_set(any::<u32>(), 1..5),
    ) {
        let fresh = world().seal(&plain);
        let (mut sealed, mut before) = (fresh.clone(), None);
        for generation in path {
            sealed.relayer(&step(before, generation, fresh.header())).unwrap();
            before = Some(generation);
        }
        let last = before.unwrap();
        prop_assert_eq!(sealed.body(), in_layer(last, fresh.header(), fresh.body()));
        prop_assert_eq!(open_with(&key(last, fresh.header()), &sealed).unwrap(), plain);
    }
}
