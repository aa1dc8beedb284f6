//! What several test files share: generators that fail or repeat, and one complete run of `Afgh`.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

#[path = "kapre_emergency.rs"]
pub mod emergency;
pub mod json;
pub mod kac;
pub mod kapre;
pub mod scene;
pub mod threshold;

use std::collections::VecDeque;

use rand_chacha::ChaCha20Rng;
use rand_core::{SeedableRng, TryCryptoRng, TryRng};
use sesphr::context::{Context, Partition, Period, RecordId, Subject, Timestamp, Validity};
use sesphr::error::RngError;
use sesphr::identity::{Signed, SigningKey};
use sesphr::kem::{OwnerRoot, SharedKey};
use sesphr::pre::Pre;
use sesphr::pre::afgh::*;
use subtle::ConstantTimeEq;

/// What a [`TestRng`] does when asked.
enum Mode {
    /// Gives these, then fails.
    Replay(VecDeque<Vec<u8>>),
    /// Gives this byte for ever.
    Constant(u8),
    /// Works this many times, then fails.
    FailAfter(usize, Box<ChaCha20Rng>),
}

/// A generator for tests.
pub struct TestRng(Mode);

impl TestRng {
    /// Each string answers one request, whose length it must have.
    pub fn replay<I: IntoIterator<Item = Vec<u8>>>(strings: I) -> Self {
        Self(Mode::Replay(strings.into_iter().collect()))
    }

    pub fn constant(byte: u8) -> Self {
        Self(Mode::Constant(byte))
    }

    pub fn fail_after(draws: usize) -> Self {
        Self(Mode::FailAfter(draws, Box::new(ChaCha20Rng::from_seed([77; 32]))))
    }

    /// Whether everything was asked for.
    pub fn is_used_up(&self) -> bool {
        matches!(&self.0, Mode::Replay(strings) if strings.is_empty())
    }
}

impl TryRng for TestRng {
    type Error = RngError;

    fn try_next_u32(&mut self) -> Result<u32, RngError> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, RngError> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), RngError> {
        match &mut self.0 {
            Mode::Replay(strings) => {
                let next = strings.pop_front().ok_or(RngError)?;
                assert_eq!(next.len(), dst.len(), "another request than the vector's");
                dst.copy_from_slice(&next);
            }
            Mode::Constant(byte) => dst.fill(*byte),
            Mode::FailAfter(0, _) => return Err(RngError),
            Mode::FailAfter(left, rng) => {
                *left -= 1;
                rng.try_fill_bytes(dst).unwrap();
            }
        }
        Ok(())
    }
}

impl TryCryptoRng for TestRng {}

/// Runs `operation` with generators that fail at the first, second, … draw until it succeeds.
pub fn fails_until<T>(draws: usize, operation: impl Fn(&mut TestRng) -> Result<T, bool>) {
    for n in 0..draws {
        assert!(operation(&mut TestRng::fail_after(n)).is_err_and(|is_rng| is_rng), "draw {n}");
    }
    assert!(operation(&mut TestRng::fail_after(draws)).is_ok());
}

/// Fails to compile if the type implements the trait: the name below then means two things.
#[allow(unused_macros)]
macro_rules! assert_not {
    ($($ty:ty: $bound:path),+ $(,)?) => {$(
        const _: fn() = || {
            trait Ambiguous<A> { fn here() {} }
            impl<T: ?Sized> Ambiguous<()> for T {}
            struct Bound;
            impl<T: ?Sized + $bound> Ambiguous<Bound> for T {}
            let _ = <$ty as Ambiguous<_>>::here;
        };
    )+};
}

/// Neither form of `Debug` shows three bytes of `secret` in a row.
pub fn assert_silent(value: &dyn std::fmt::Debug, secret: &[u8]) {
    let text = format!("{value:?}\n{value:#?}").to_lowercase();
    for window in secret.windows(3) {
        let hex: String = window.iter().map(|b| format!("{b:02x}")).collect();
        assert!(!text.contains(&hex), "{hex} in {text}");
        let list = format!("{}, {}, {}", window[0], window[1], window[2]);
        assert!(!text.contains(&list), "{list} in {text}");
    }
}

pub fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

pub fn party(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

pub const NOW: Timestamp = Timestamp(15);

pub fn validity() -> Validity {
    Validity::new(Timestamp(10), Timestamp(20)).unwrap()
}

pub fn medical(epoch: u32) -> Period {
    Period { partition: Partition::MEDICAL, epoch }
}

pub fn same(a: &SharedKey, b: &SharedKey) -> bool {
    a.ct_eq(b).into()
}

/// An owner with one key.
pub struct Owner {
    pub signer: SigningKey,
    pub root: OwnerRoot,
    pub secret: OwnerSecret,
    pub public: Signed<OwnerKey>,
    pub key: VerifiedOwner,
}

impl Owner {
    pub fn new(seed: u8, period: Period) -> Self {
        let signer = party(seed);
        let root = OwnerRoot::generate(&mut rng(seed));
        let (secret, public) = Afgh::owner_keygen(&(), &root, &signer, &period, &mut rng(seed)).unwrap();
        let key = Afgh::verify_owner(&(), &public, &signer.id()).unwrap();
        Self { signer, root, secret, public, key }
    }

    pub fn ctx<'a>(&self, author: &SigningKey, record: u8, version: u64, aad: &'a [u8]) -> Context<'a> {
        let record = RecordId::from_array([record; 16]);
        Afgh::context(&(), &self.key, &(), &Subject { record, version, author: author.id(), aad })
    }

    pub fn seal(&self, ctx: &Context<'_>, author: &SigningKey) -> (Capsule, SharedKey) {
        // The author's counter keeps two capsules apart even with this generator.
        Afgh::encapsulate(&(), &self.key, ctx, author, &mut rng(3)).unwrap()
    }

    /// A grant to `user`, signed and as its parties check it.
    pub fn grant(&self, user: &User, validity: Validity, now: Timestamp) -> Granted {
        let (signed, [rekey]) =
            Afgh::delegate(&(), &self.secret, &self.signer, &user.key, &(), &validity, &mut rng(4)).unwrap();
        let grant = Afgh::verify_grant(&(), &self.key, &signed, now).unwrap();
        let verified = Afgh::verify_rekey(&(), &self.key, &grant, &rekey).unwrap();
        Granted { signed, grant, rekey, verified }
    }
}

/// A delegatee.
pub struct User {
    pub signer: SigningKey,
    pub secret: UserSecret,
    pub public: Signed<UserKey>,
    pub key: VerifiedUser,
}

impl User {
    pub fn new(seed: u8) -> Self {
        let signer = party(seed);
        let (secret, public) = Afgh::user_keygen(&(), &signer, &mut rng(seed)).unwrap();
        let key = Afgh::verify_user(&(), &public, &signer.id()).unwrap();
        Self { signer, secret, public, key }
    }
}

/// A grant in all its forms.
pub struct Granted {
    pub signed: Signed<Grant>,
    pub grant: VerifiedGrant,
    pub rekey: ReKey,
    pub verified: VerifiedReKey,
}
