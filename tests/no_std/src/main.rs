//! A whole story (keys, encapsulation, delegation, re-encryption, opening) in a program without `std`.
//!
//! That it links shows that nothing below `sesphr` needs an operating system: a crate that pulls in `std` would bring
//! a second panic handler. That it returns 0 shows that it works. Edition 2021, because edition 2024 spells
//! `no_mangle` with a word that this repository keeps to two places; nothing here is unsafe.
#![no_std]
#![no_main]

use core::convert::Infallible;
use core::panic::PanicInfo;

use rand_core::{TryCryptoRng, TryRng};
use sesphr::context::{Partition, Period, RecordId, Subject, Timestamp, Validity};
use sesphr::encoding::Message;
use sesphr::identity::SigningKey;
use sesphr::kem::OwnerRoot;
use sesphr::pre::afgh::{Afgh, Capsule, ReCapsule};
use sesphr::pre::Pre;
use subtle::ConstantTimeEq;

#[cfg(feature = "alloc")]
#[global_allocator]
static HEAP: libc_alloc::LibcAlloc = libc_alloc::LibcAlloc;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // Whoever runs this sets a time limit.
    loop {}
}

/// The precompiled `core` unwinds and names this; with `panic = "abort"` nobody calls it.
#[no_mangle]
extern "C" fn rust_eh_personality() {}

/// The same for unoptimised builds.
#[no_mangle]
extern "C" fn _Unwind_Resume() {}

/// A counter. It makes the program deterministic and would make everything it touched worthless.
struct Toy(u64);

impl TryRng for Toy {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.try_next_u64()? as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Ok(self.0)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for chunk in out.chunks_mut(8) {
            let word = self.try_next_u64()?.to_le_bytes();
            chunk.iter_mut().zip(word).for_each(|(to, from)| *to = from);
        }
        Ok(())
    }
}

impl TryCryptoRng for Toy {}

/// Over the wire and back, without a heap.
fn resend<T: Message>(message: &T) -> Option<T> {
    let mut buffer = [0; 512];
    let len = message.encode_to(&mut buffer).ok()?;
    T::from_bytes(buffer.get(..len)?).ok()
}

fn story() -> Option<()> {
    let rng = &mut Toy(1);
    let (owner, author, user, server) = (
        SigningKey::try_generate(rng).ok()?,
        SigningKey::try_generate(rng).ok()?,
        SigningKey::try_generate(rng).ok()?,
        SigningKey::try_generate(rng).ok()?,
    );
    let root = OwnerRoot::try_generate(rng).ok()?;
    let period = Period { partition: Partition::MEDICAL, epoch: 0 };
    let (secret, public) = Afgh::owner_keygen(&(), &root, &owner, &period, rng).ok()?;
    let key = Afgh::verify_owner(&(), &resend(&public)?, &owner.id()).ok()?;
    let (user_secret, user_public) = Afgh::user_keygen(&(), &user, rng).ok()?;
    let user_key = Afgh::verify_user(&(), &resend(&user_public)?, &user.id()).ok()?;

    let subject = Subject { record: RecordId::from_array([7; 16]), version: 1, author: author.id(), aad: b"no_std" };
    let ctx = Afgh::context(&(), &key, &(), &subject);
    let (capsule, shared) = Afgh::encapsulate(&(), &key, &ctx, &author, rng).ok()?;
    let capsule: Capsule = resend(&capsule)?;

    let (now, validity) = (Timestamp(15), Validity::new(Timestamp(10), Timestamp(20))?);
    let (grant, [rekey]) = Afgh::delegate(&(), &secret, &owner, &user_key, &(), &validity, rng).ok()?;
    let grant = Afgh::verify_grant(&(), &key, &resend(&grant)?, now).ok()?;
    let rekey = Afgh::verify_rekey(&(), &key, &grant, &resend(&rekey)?).ok()?;
    let checked = Afgh::verify_capsule(&(), &key, &capsule, &ctx).ok()?;
    let part: ReCapsule = resend(&Afgh::reencrypt(&(), &rekey, &checked, &server, now, rng).ok()?)?;

    let by_owner = Afgh::open(&(), &secret, &capsule, &ctx).ok()?;
    let grant = Afgh::accept_grant(&(), &user_secret, &grant).ok()?;
    let by_user = Afgh::open_reencrypted(&(), &grant, &capsule, &[part], &ctx).ok()?;
    bool::from(by_owner.ct_eq(&shared) & by_user.ct_eq(&shared)).then_some(())
}

/// One aggregate key, and one grant, with a heap.
#[cfg(feature = "alloc")]
fn aggregate_story() -> Option<()> {
    use sesphr::kac::params::{unwatched, Params};
    use sesphr::kac::{ClassGrid, ClassSet, Kac, KeyAggregate};
    use sesphr::kapre::Kapre;

    let rng = &mut Toy(2);
    let owner = SigningKey::try_generate(rng).ok()?;
    let root = OwnerRoot::try_generate(rng).ok()?;
    let params = Params::generate(2, &owner, rng, unwatched).ok()?;
    let grid = ClassGrid::new(&[Partition::MEDICAL], 2).ok()?;
    let (secret, cert) = Kac::keygen(&params, &grid, &root, &owner, None, rng).ok()?;
    let generation = Kac::verify_owner(&params, &resend(&cert)?, &owner.id(), None).ok()?;

    let subject = Subject { record: RecordId::from_array([7; 16]), version: 1, author: owner.id(), aad: b"no_std" };
    let ctx = Kac::context(&generation, &grid.period(1)?, &subject)?;
    let (capsule, shared) = Kac::encapsulate(&params, &generation, &ctx, &owner, rng).ok()?;
    let set = ClassSet::single(1).ok()?;
    let key = resend(&Kac::extract(&params, &secret, &set).ok()?)?;
    let key = Kac::verify_key(&params, &generation, &set, &key).ok()?;
    let opened = Kac::open_aggregate(&params, &key, &resend(&capsule)?, &ctx).ok()?;

    let (user, server) = (SigningKey::try_generate(rng).ok()?, SigningKey::try_generate(rng).ok()?);
    let (user_secret, user_public) = Kapre::user_keygen(&params, &user, rng).ok()?;
    let user_key = Kapre::verify_user(&params, &resend(&user_public)?, &user.id()).ok()?;
    let (now, validity) = (Timestamp(15), Validity::new(Timestamp(10), Timestamp(20))?);
    let (grant, [rekey]) = Kapre::delegate(&params, &secret, &owner, &user_key, &set.into(), &validity, rng).ok()?;
    let grant = Kapre::verify_grant(&params, &generation, &resend(&grant)?, now).ok()?;
    let rekey = Kapre::verify_rekey(&params, &generation, &grant, &resend(&rekey)?).ok()?;
    let checked = Kapre::verify_capsule(&params, &generation, &capsule, &ctx).ok()?;
    let part = resend(&Kapre::reencrypt(&params, &rekey, &checked, &server, now, rng).ok()?)?;
    let grant = Kapre::accept_grant(&params, &user_secret, &grant).ok()?;
    let by_user = Kapre::open_reencrypted(&params, &grant, &capsule, &[part], &ctx).ok()?;
    bool::from(opened.ct_eq(&shared) & by_user.ct_eq(&shared)).then_some(())
}

/// Two of three servers, one of which lies, with a heap.
#[cfg(feature = "alloc")]
fn threshold_story() -> Option<()> {
    extern crate alloc;

    use alloc::sync::Arc;
    use sesphr::pre::threshold::{LabelTree, Servers, Terms, Threshold};

    let rng = &mut Toy(3);
    let (owner, user, one, two, three) = (
        SigningKey::try_generate(rng).ok()?,
        SigningKey::try_generate(rng).ok()?,
        SigningKey::try_generate(rng).ok()?,
        SigningKey::try_generate(rng).ok()?,
        SigningKey::try_generate(rng).ok()?,
    );
    let root = OwnerRoot::try_generate(rng).ok()?;
    let tree = Arc::new(LabelTree::derive(&root, owner.id(), [Partition::MEDICAL], 2).ok()?);
    let label = tree.label(&Period { partition: Partition::MEDICAL, epoch: 1 })?;
    let (secret, public) = Threshold::owner_keygen(&(), &root, &owner, &label, rng).ok()?;
    let key = Threshold::verify_owner(&(), &resend(&public)?, &owner.id()).ok()?;
    let (user_secret, user_public) = Threshold::user_keygen(&(), &user, rng).ok()?;
    let user_key = Threshold::verify_user(&(), &resend(&user_public)?, &user.id()).ok()?;

    let subject = Subject { record: RecordId::from_array([7; 16]), version: 1, author: owner.id(), aad: b"no_std" };
    let ctx = Threshold::context(&(), &key, &(), &subject);
    let (capsule, shared) = Threshold::encapsulate(&(), &key, &ctx, &owner, rng).ok()?;
    let capsule = resend(&capsule)?;
    let checked = Threshold::verify_capsule(&(), &key, &capsule, &ctx).ok()?;

    let (now, validity) = (Timestamp(15), Validity::new(Timestamp(10), Timestamp(20))?);
    let terms = Terms { validity, servers: Servers::new(2, [one.id(), two.id(), three.id()]).ok()? };
    let (grant, fragments) = Threshold::delegate(&(), &secret, &owner, &user_key, &(), &terms, rng).ok()?;
    let grant = Threshold::verify_grant(&(), &key, &resend(&grant)?, now).ok()?;
    let mut parts = alloc::vec::Vec::new();
    for (server, fragment) in [&one, &two, &three].into_iter().zip(&fragments) {
        let fragment = Threshold::verify_rekey(&(), &key, &grant, &resend(fragment)?).ok()?;
        parts.push(resend(&Threshold::reencrypt(&(), &fragment, &checked, server, now, rng).ok()?)?);
    }
    // The first server answers for another capsule.
    let (other, _) = Threshold::encapsulate(&(), &key, &ctx, &owner, rng).ok()?;
    let other = Threshold::verify_capsule(&(), &key, &other, &ctx).ok()?;
    let fragment = Threshold::verify_rekey(&(), &key, &grant, fragments.first()?).ok()?;
    *parts.first_mut()? = Threshold::reencrypt(&(), &fragment, &other, &one, now, rng).ok()?;

    let by_owner = Threshold::open(&(), &secret, &capsule, &ctx).ok()?;
    let grant = Threshold::accept_grant(&(), &user_secret, &grant).ok()?;
    let by_user = Threshold::open_reencrypted(&(), &grant, &capsule, &parts, &ctx).ok()?;
    let named = Threshold::culprits(&grant, &capsule, &parts, &ctx) == [one.id()];
    (named && bool::from(by_owner.ct_eq(&shared) & by_user.ct_eq(&shared))).then_some(())
}

#[cfg(not(feature = "alloc"))]
fn aggregate_story() -> Option<()> {
    Some(())
}

#[cfg(not(feature = "alloc"))]
fn threshold_story() -> Option<()> {
    Some(())
}

#[no_mangle]
extern "C" fn main(_argc: i32, _argv: *const *const u8) -> i32 {
    match story().and_then(|()| aggregate_story()).and_then(|()| threshold_story()) {
        Some(()) => 0,
        None => 1,
    }
}
