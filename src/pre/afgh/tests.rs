use alloc::sync::Arc;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng, TryRng};
use subtle::ConstantTimeEq;

use super::*;
use crate::context::{Partition, RecordId};
use crate::encoding::{Encoding, Message};
use crate::pre::{Proxy, Reencryptor};

#[test]
fn owner_and_delegatee_open() {
    let rng = &mut ChaCha20Rng::from_seed([1; 32]);
    let (owner, author, user, server) =
        (SigningKey::generate(rng), SigningKey::generate(rng), SigningKey::generate(rng), SigningKey::generate(rng));
    let root = OwnerRoot::generate(rng);
    let period = Period { partition: Partition::MEDICAL, epoch: 3 };
    let (secret, public) = Afgh::owner_keygen(&(), &root, &owner, &period, rng).unwrap();
    let key = Afgh::verify_owner(&(), &public, &owner.id()).unwrap();
    let (user_secret, user_public) = Afgh::user_keygen(&(), &user, rng).unwrap();
    let user_key = Afgh::verify_user(&(), &user_public, &user.id()).unwrap();
    let subject = Subject { record: RecordId::from_array([7; 16]), version: 1, author: author.id(), aad: b"x" };
    let ctx = Afgh::context(&(), &key, &(), &subject);
    let (capsule, shared) = Afgh::encapsulate(&(), &key, &ctx, &author, rng).unwrap();
    assert!(bool::from(Afgh::open(&(), &secret, &capsule, &ctx).unwrap().ct_eq(&shared)));

    let validity = Validity::new(Timestamp(10), Timestamp(20)).unwrap();
    let (grant, [rekey]) = Afgh::delegate(&(), &secret, &owner, &user_key, &(), &validity, rng).unwrap();
    let now = Timestamp(15);
    let grant = Afgh::verify_grant(&(), &key, &grant, now).unwrap();
    let rekey = Afgh::verify_rekey(&(), &key, &grant, &rekey).unwrap();
    let checked = Afgh::verify_capsule(&(), &key, &capsule, &ctx).unwrap();
    let part = Afgh::reencrypt(&(), &rekey, &checked, &server, now, rng).unwrap();
    let opened = Afgh::accept_grant(&(), &user_secret, &grant)
        .and_then(|grant| Afgh::open_reencrypted(&(), &grant, &capsule, &[part], &ctx))
        .unwrap();
    assert!(bool::from(opened.ct_eq(&shared)));

    // The same through the object-safe joint.
    let proxy: alloc::boxed::Box<dyn Reencryptor> =
        alloc::boxed::Box::new(Proxy::<Afgh>::new(Arc::new(()), key, rekey, Arc::new(server)));
    let mut out = alloc::vec::Vec::from([0xff]);
    let mut rng = Fallible(ChaCha20Rng::from_seed([2; 32]));
    proxy.reencrypt(&capsule.to_bytes(), &ctx, now, &mut rng, &mut out).unwrap();
    let part = ReCapsule::from_bytes(&out[1..]).unwrap();
    assert!(bool::from(
        Afgh::accept_grant(&(), &user_secret, &grant)
            .and_then(|grant| Afgh::open_reencrypted(&(), &grant, &capsule, &[part], &ctx))
            .unwrap()
            .ct_eq(&shared)
    ));

    let before = out.clone();
    let late = proxy.reencrypt(&capsule.to_bytes(), &ctx, Timestamp(21), &mut rng, &mut out);
    assert_eq!(late, Err(ReencryptError::Expired));
    let cut = proxy.reencrypt(&capsule.to_bytes()[1..], &ctx, now, &mut rng, &mut out);
    assert!(matches!(cut, Err(ReencryptError::Capsule(CapsuleError::Decode(_)))));
    let mut other = ctx;
    other.version = 2;
    let moved = proxy.reencrypt(&capsule.to_bytes(), &other, now, &mut rng, &mut out);
    assert_eq!(moved, Err(ReencryptError::Capsule(CapsuleError::Proof)));
    assert_eq!(out, before);
}

/// A generator whose type says that it may fail.
struct Fallible(ChaCha20Rng);

impl TryRng for Fallible {
    type Error = RngError;

    fn try_next_u32(&mut self) -> Result<u32, RngError> {
        Ok(self.0.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, RngError> {
        Ok(self.0.next_u64())
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), RngError> {
        self.0.fill_bytes(dst);
        Ok(())
    }
}

impl TryCryptoRng for Fallible {}
