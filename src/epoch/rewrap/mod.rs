//! RISE: wrapped data keys that a cloud moves to the next generation of an epoch, without opening them.
//!
//! ```
//! use sesphr::context::{Partition, RecordId, Timestamp, Validity};
//! use sesphr::epoch::rewrap::{DataKey, EpochDirectory, RecordVersion, Rise, VerifiedEpochDirectory};
//! use sesphr::epoch::tree::{EpochKeys, EpochTree};
//! use sesphr::epoch::{KeyTree, Rewrap, UpdateError};
//! use sesphr::identity::{Signed, SigningKey};
//! use sesphr::kem::OwnerRoot;
//! use subtle::ConstantTimeEq;
//!
//! # let rng = &mut getrandom::SysRng;
//! # let (now, validity) = (Timestamp(15), Validity::new(Timestamp(10), Timestamp(20)).unwrap());
//! # let (author, cloud) = (SigningKey::try_generate(rng)?, SigningKey::try_generate(rng)?);
//! let (owner, root) = (SigningKey::try_generate(rng)?, OwnerRoot::try_generate(rng)?);
//! let tree = EpochTree::new(owner.id(), Partition::MEDICAL, 0, 16)?;
//! let keys = EpochKeys::derive(&root, &tree);
//!
//! // It is epoch 7, says the owner.
//! let old = Rise::secret(&keys, 7)?;
//! let directory = Signed::new(&owner, EpochDirectory::new(1, validity, [&old])?);
//!
//! // An author wraps the key of a record's data.
//! let directory = VerifiedEpochDirectory::new(&directory, &owner.id(), 0, now)?;
//! let subject = RecordVersion { record: RecordId::try_generate(rng)?, version: 1 };
//! let (public, data_key) = (directory.key(&Partition::MEDICAL, now)?, DataKey::try_generate(rng)?);
//! let wrapped = Rise::wrap(public, &subject, &data_key, &author, rng)?;
//! assert!(bool::from(Rise::unwrap(&old, &wrapped, &subject)?.ct_eq(&data_key)));
//!
//! // A member leaves. Those who stay get keys of the next generation, and the cloud a token for each epoch.
//! let next = EpochKeys::derive(&root, &tree.next_generation()?);
//! let new = Rise::secret(&next, 7)?;
//! let token = Rise::verify_token(&Rise::token(&old, &new, &owner)?, &owner.id())?;
//! let moved = Rise::update(&token, &public.location(), &wrapped, &cloud, rng)?;
//! assert!(bool::from(Rise::unwrap(&new, &moved, &subject)?.ct_eq(&data_key)));
//! assert!(Rise::unwrap(&old, &moved, &subject).is_err());
//!
//! // Twice is refused.
//! let again = Rise::update(&token, &public.location(), &moved, &cloud, rng);
//! assert_eq!(again.unwrap_err(), UpdateError::Generation);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Construction
//!
//! RISE (Lehmann and Tackmann, “Updatable Encryption with Post-Compromise Security”, *EUROCRYPT* 2018, section 5.3 of
//! the full version) is ElGamal encryption with the key on the other side, so that a quotient of two secrets leads from
//! one to the next. Here it encapsulates a key, on ristretto255 with generator B:
//!
//! * **Secret**: x of an epoch e in generation g, from the 64 bytes of the [leaf](crate::epoch::tree::Leaf::scalar_bytes)
//!   of that generation's tree; Y = xB. Independent for each epoch and generation.
//! * **Wrap**: M = mB for a random m, ρ = H_s(m, Y, B); C1 = ρY, C2 = ρB + M. K = KDF(M; owner, partition, e, height,
//!   record, version), without the generation. The data key is XORed with KDF(K) and tag = KDF'(K; sealed), 32 bytes.
//! * **Unwrap**: M = C2 − x⁻¹·C1, and the tag before all else.
//! * **Token**: Δ = x'·x⁻¹, and signed by the owner: the old tree, the new generation, e, Y, Y'. Whoever takes it checks
//!   ΔY = Y'.
//! * **Update**: C1' = Δ·C1 + ρ'Y', C2' = C2 + ρ'B with fresh ρ'. The new C1' = (ρ + ρ')Y' and C2' = (ρ + ρ')B + M are
//!   distributed as if wrapped anew.
//!
//! m is a hash over fresh randomness, the author's secret, the data key and all that it is wrapped for, ρ' one over fresh
//! randomness, the cloud's secret, the token's name, C1 and C2. ρ' takes from an old author, or from whoever knew its ρ, what
//! they know of the new one.
//!
//! # What it rests on
//!
//! * A wrapped key tells nothing without x, also to who can have others unwrapped: M from Y, C1, C2 is the Diffie–Hellman
//!   problem, with an oracle that tells right guesses from wrong ones (the gap problem), and K is its hash (a random oracle).
//! * It commits: tag and sealed data key fix K, and K fixes M and what it is wrapped for, up to collisions of the
//!   derivation at 2^128. Two secrets give two M. So nobody, its author included, makes one that two readers open to two
//!   data keys, or a reader for two records.
//! * Discrete logarithms fall to a quantum computer, and what was wrapped before with them.
//!
//! # What it revokes
//!
//! What the trait [`Rewrap`] says: old secrets, for what was moved. M does not change, and neither does the data key. Of
//! someone who leaves with a copied wrapped key and the old secret nothing is taken.
//!
//! Δ works in both directions: x' = Δx, x = x'·Δ⁻¹. Who left with x of an epoch and steals Δ of that epoch reads what is
//! written into it later too, in the new generation; of an epoch that it could not read it has no x, and Δ alone opens
//! nothing. Who stays with x' and has Δ learns the x of before. So the cloud erases Δ when the epoch is done, and data goes
//! into an epoch that begins after the departure.
//!
//! # Cost
//!
//! | operation | multiplications | encodings | beside that |
//! |---|---|---|---|
//! | secret | 1 of B | 1 | 1 inversion; at most as many hashes as the tree is high |
//! | wrap | 1, and 2 of B | 3 | 3 KDF, 2 hashes |
//! | unwrap | 1 | 1 | 3 KDF |
//! | token | | | 1 signature |
//! | verify token | 1, and the time of 50 for the multiples of Y' | | 1 signature check |
//! | update | 1, 1 of Y' through its multiples, 1 of B | 2; of many, one is shared | 1 hash for each, 1 for all; 2 additions |
//! | directory | | | 1 signature check |
//!
//! An update takes what its group operations take, some 55 µs on one x86-64 core; many at once take 6 % less each. The
//! multiples of Y' pay from about fifty updates on.

mod directory;
mod secret;
mod token;
mod wrapped;

use alloc::vec::Vec;

use rand_core::TryCryptoRng;

use super::{EpochError, Rewrap, TokenCheckError, TokenError, UpdateError};
use crate::context::{Period, RecordId};
use crate::epoch::tree::{EpochKeys, EpochTree};
use crate::error::{OpenError, RngError};
use crate::identity::{PartyId, SigningKey};
pub use directory::{EpochDirectory, EpochPublic, VerifiedEpochDirectory};
pub use secret::EpochSecret;
pub use token::{Token, TokenTerms, VerifiedToken};
pub use wrapped::{DataKey, Wrapped};

/// Where a wrapped key belongs, which no generation changes: the owner, the partition with the epoch, the height of the
/// tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    /// The owner.
    pub owner: PartyId,
    /// The partition and the epoch.
    pub period: Period,
    /// The height of the tree: another height is another tree.
    pub height: u8,
}

impl Location {
    /// An epoch of a tree.
    pub fn new(tree: &EpochTree, epoch: u32) -> Self {
        Self { owner: tree.owner(), period: Period { partition: tree.partition(), epoch }, height: tree.height() }
    }
}

/// Whose data key is wrapped: that of one version of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecordVersion {
    /// The record.
    pub record: RecordId,
    /// The record's version.
    pub version: u64,
}

/// RISE on ristretto255, as a key encapsulation mechanism with a committing wrap. The [module](self) has the construction,
/// what it rests on and what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rise;

impl Rewrap for Rise {
    type Keys = EpochKeys;
    type Secret = EpochSecret;
    type Public = EpochPublic;
    type Location = Location;
    type Subject = RecordVersion;
    type DataKey = DataKey;
    type Wrapped = Wrapped;
    type Token = Token;
    type VerifiedToken = VerifiedToken;

    fn secret(keys: &EpochKeys, epoch: u32) -> Result<EpochSecret, EpochError> {
        EpochSecret::new(keys, epoch)
    }

    fn wrap<R: TryCryptoRng + ?Sized>(
        public: &EpochPublic,
        subject: &RecordVersion,
        data_key: &DataKey,
        author: &SigningKey,
        rng: &mut R,
    ) -> Result<Wrapped, RngError> {
        wrapped::wrap(public, subject, data_key, author, rng)
    }

    fn unwrap(secret: &EpochSecret, wrapped: &Wrapped, subject: &RecordVersion) -> Result<DataKey, OpenError> {
        wrapped::unwrap_key(secret, wrapped, subject)
    }

    fn token(old: &EpochSecret, new: &EpochSecret, owner: &SigningKey) -> Result<Token, TokenError> {
        Token::new(old, new, owner)
    }

    fn verify_token(token: &Token, owner: &PartyId) -> Result<VerifiedToken, TokenCheckError> {
        token.verify_token(owner)
    }

    fn update<R: TryCryptoRng + ?Sized>(
        token: &VerifiedToken,
        location: &Location,
        wrapped: &Wrapped,
        cloud: &SigningKey,
        rng: &mut R,
    ) -> Result<Wrapped, UpdateError> {
        token.update(location, wrapped, cloud, rng)
    }

    fn update_many<R: TryCryptoRng + ?Sized>(
        token: &VerifiedToken,
        location: &Location,
        wrapped: &[Wrapped],
        cloud: &SigningKey,
        rng: &mut R,
    ) -> Result<Vec<Wrapped>, UpdateError> {
        token.update_many(location, wrapped, cloud, rng)
    }
}
