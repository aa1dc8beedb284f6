use core::ops::ControlFlow;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use subtle::ConstantTimeEq;

use super::params::{EncodedParams, ParamsError, Pins, PointForm, Progress, Transcript, VerifiedTranscript, unwatched};
use super::*;
use crate::context::{Partition, RecordId};
use crate::encoding::{Encoding, Message};
use crate::pairing::G2Projective;

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

fn same(a: &SharedKey, b: &SharedKey) -> bool {
    a.ct_eq(b).into()
}

struct World {
    params: Params,
    signer: SigningKey,
    secret: OwnerSecret,
    generation: VerifiedGeneration,
}

impl World {
    fn new(epochs: u32) -> Self {
        let rng = &mut rng(1);
        let signer = SigningKey::generate(rng);
        let grid = ClassGrid::new(&[Partition::MEDICAL, Partition::INSURANCE], epochs).unwrap();
        let params = Params::generate(grid.classes() + 1, &signer, rng, unwatched).unwrap();
        let (secret, cert) = Kac::keygen(&params, &grid, &OwnerRoot::generate(rng), &signer, None, rng).unwrap();
        let generation = GenerationChain::new(cert).verify(&params, &signer.id()).unwrap();
        assert_eq!(&generation, secret.generation());
        Self { params, signer, secret, generation }
    }

    fn context(&self, class: u32, record: u8) -> Context<'static> {
        let period = self.generation.grid().period(class).unwrap();
        let record = RecordId::from_array([record; 16]);
        let subject = Subject { record, version: 1, author: self.signer.id(), aad: b"x" };
        Kac::context(&self.generation, &period, &subject).unwrap()
    }

    fn encapsulate(&self, ctx: &Context<'_>) -> (Capsule, SharedKey) {
        Kac::encapsulate(&self.params, &self.generation, ctx, &self.signer, &mut rng(2)).unwrap()
    }

    fn key(&self, set: &str) -> VerifiedKey {
        let set: ClassSet = set.parse().unwrap();
        let key = Kac::extract(&self.params, &self.secret, &set).unwrap();
        Kac::verify_key(&self.params, &self.generation, &set, &key).unwrap()
    }
}

#[test]
fn the_owner_and_the_key_of_a_set_open() {
    let w = World::new(4);
    let key = w.key("0,2-3,6-7");
    for class in 0..8 {
        let ctx = w.context(class, 7);
        let (capsule, shared) = w.encapsulate(&ctx);
        assert_eq!(capsule.encoded_len(), 200);
        let capsule = Capsule::from_bytes(&capsule.to_bytes()).unwrap();
        let checked = Kac::verify_capsule(&w.params, &w.generation, &capsule, &ctx).unwrap();
        assert_eq!(checked.class(), class);
        assert!(same(&Kac::open(&w.params, &w.secret, &capsule, &ctx).unwrap(), &shared));
        let opened = Kac::open_aggregate(&w.params, &key, &capsule, &ctx);
        assert_eq!(opened.is_ok(), key.set().contains(class), "{class}");
        assert!(opened.is_err() || same(&opened.unwrap(), &shared));
    }
}

#[test]
fn a_batch_opens_what_each_would() {
    let w = World::new(4);
    let key = w.key("1-4,7");
    let contexts: Vec<_> = (0..16).map(|i| w.context(i % 8, i as u8)).collect();
    let mut sealed: Vec<_> = contexts.iter().map(|ctx| w.encapsulate(ctx)).collect();
    for bad in [None, Some(2), Some(7)] {
        if let Some(bad) = bad {
            sealed[bad].0.c2 = sealed[bad].0.c2.neg();
        }
        let items: Vec<_> = sealed.iter().map(|(capsule, _)| capsule).zip(&contexts).collect();
        let opened = Kac::open_batch(&w.params, &key, &items);
        assert_eq!(opened.len(), items.len());
        for (i, (result, (capsule, ctx))) in opened.iter().zip(&items).enumerate() {
            let alone = Kac::open_aggregate(&w.params, &key, capsule, ctx);
            assert_eq!(result.is_ok(), alone.is_ok(), "{bad:?} {i}");
            assert!(result.as_ref().is_ok_and(|key| same(key, &sealed[i].1)) || alone.is_err());
        }
    }
}

#[test]
fn parameters_travel() {
    for n in [1, 2, 3, 5] {
        let signer = SigningKey::generate(&mut rng(1));
        let params = Params::generate(n, &signer, &mut rng(2), unwatched).unwrap();
        let mut pins = Pins::new();
        for form in [PointForm::Compact, PointForm::Uncompressed] {
            let encoded = EncodedParams::from_bytes(&params.encode(form).to_bytes()).unwrap();
            assert_eq!(encoded.verify(&mut rng(3), unwatched).unwrap(), params);
            assert_eq!(encoded.load(&params.digest(), unwatched).unwrap(), params);
            pins.pin(&params).unwrap();
            assert_eq!(pins.load(&encoded, unwatched).unwrap(), params);
            let broken = encoded.verify(&mut rng(3), |_: Progress| ControlFlow::Break(()));
            assert_eq!(broken, Err(ParamsError::Cancelled));
        }
    }
}

#[test]
fn sums_over_all_sets() {
    let n = 6;
    let params = Params::generate(n, &SigningKey::generate(&mut rng(1)), &mut rng(2), unwatched).unwrap();
    for bits in 0..1u32 << n {
        let set = ClassSet::try_from_classes((0..n).filter(|class| bits >> class & 1 == 1)).unwrap();
        // D_S, and F_{S,i} for the classes of the set.
        for shift in core::iter::once(0).chain(set.iter().map(|class| class + 1)) {
            let terms = set.iter().filter_map(|class| params.q(n - class + shift));
            let expected = terms.fold(G2Projective::identity(), |sum, point| sum.add_affine(point));
            assert!(bool::from(params.sum_over(&set, shift).ct_eq(&expected)), "{set} {shift}");
        }
    }
}

#[test]
fn a_ceremony_of_two() {
    let rng = &mut rng(4);
    let mut ceremony = VerifiedTranscript::start(5).unwrap();
    for _ in 0..2 {
        let bytes = ceremony.transcript(PointForm::Compact).to_bytes();
        ceremony = Transcript::from_bytes(&bytes).unwrap().verify(rng, unwatched).unwrap();
        ceremony.contribute(&SigningKey::generate(rng), rng, unwatched).unwrap();
    }
    let transcript = ceremony.transcript(PointForm::Uncompressed);
    let params = transcript.verify(rng, unwatched).unwrap().finish().unwrap();
    assert_eq!(params, params.encode(PointForm::Compact).verify(rng, unwatched).unwrap());
}
