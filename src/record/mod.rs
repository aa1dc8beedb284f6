//! Sealed partitions: a health record at rest, readable by whom the owner lets, and by nobody who merely stores it.
//!
//! A record is a set of partitions (the SeSPHR paper's four, or any [`Partition`](crate::context::Partition)). Each
//! version of each partition is sealed by itself, under a key of its own that a proxy re-encryption scheme
//! encapsulates.
//!
//! | Piece | Made by | Protected by |
//! |---|---|---|
//! | [`ImmutableHeader`]: context, capsule, cipher, salt, key commitment | author | its digest, in the body's key and in the seal |
//! | [`MutableHeader`]: generation, the capsule's rotating part | author, then the cloud | the scheme, when it opens the capsule |
//! | [`Seal`]: header digest, Merkle root, length | author | Ed25519 signature, verified on every opening |
//! | body: chunks of 64 KiB, each with a 16-byte tag | author | AEAD and Merkle root |
//!
//! **Construction.** The scheme makes K and its capsule. commitment = KDF("sesphr v1 body commitment", K, salt), body
//! key = KDF("sesphr v1 body key", K, salt, digest of the immutable header), and the body is STREAM over AES-256-GCM or
//! ChaCha20-Poly1305: chunk i has the nonce 0 (7 bytes) ‖ i (4, big-endian) ‖ 1 if it is the last, else 0, and no
//! associated data. The author signs the digest of the header, the Merkle root over the encrypted chunks, tags
//! included, and the plaintext's length. An AEAD tag proves that someone who holds K made a chunk; every reader does.
//! The signature is what proves that it was the author, also for a range of the body, also while streaming.
//!
//! **How to.** [`Sealer`] seals, [`Opener`] opens; both have a form for memory and one for `std::io` streams. A cloud
//! that serves ranges keeps a [`BodyIndex`] and cuts a [`SealedRange`].
//!
//! ```
//! use getrandom::SysRng;
//! use sesphr::context::{Partition, Period, RecordId};
//! use sesphr::identity::SigningKey;
//! use sesphr::pre::afgh::Afgh;
//! use sesphr::kem::OwnerRoot;
//! use sesphr::pre::Pre;
//! use sesphr::record::{Expected, Opener, Sealer, Versions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let rng = &mut SysRng;
//! let (patient, doctor) = (SigningKey::try_generate(rng)?, SigningKey::try_generate(rng)?);
//! let period = Period { partition: Partition::MEDICAL, epoch: 0 };
//! let root = OwnerRoot::try_generate(rng)?;
//! let (secret, public) = Afgh::owner_keygen(&(), &root, &patient, &period, rng)?;
//!
//! // The doctor writes into the patient's medical partition …
//! let key = Afgh::verify_owner(&(), &public, &patient.id())?;
//! let record = RecordId::try_generate(rng)?;
//! let sealed = Sealer::<Afgh>::new(&(), &key, &(), &doctor).seal(record, 1, b"blood group 0+", rng)?;
//!
//! // … and the patient reads it, saying what was asked of the cloud.
//! let expected = Expected {
//!     owner: patient.id(),
//!     record,
//!     partition: Partition::MEDICAL,
//!     authors: &[doctor.id()],
//!     versions: Versions::AtLeast(1),
//! };
//! let opener = Opener::<Afgh>::owner(&(), &secret);
//! assert_eq!(&*opener.open(&expected, &sealed)?, b"blood group 0+");
//!
//! // A range, as a cloud cuts it out without any key.
//! let range = sealed.range(6..11)?;
//! assert_eq!(&*opener.open_range(&expected, &range, 6..11)?, b"group");
//! # Ok(())
//! # }
//! ```
//!
//! **Not protected.** Length, cipher, context and author are public. A cloud can withhold a partition and can hand
//! out an older version than the reader knows of. Who reads can keep what was read. A signature can be shown to third
//! parties: a leaked partition proves who wrote it. AES-GCM with 2^32 chunks of 1 MiB under one key stays at a
//! distinguishing advantage of about 2^-32, with 64 KiB of 2^-40.

mod body;
mod error;
mod header;
mod layer;
mod open;
mod range;
mod seal;
#[cfg(feature = "std")]
mod stream;

#[cfg(feature = "hazmat")]
pub(crate) mod hazmat;
#[cfg(test)]
mod tests;

pub use body::{Aead, ChunkSize, Plaintext};
pub use error::{LayerError, RangeError, SealError};
#[cfg(feature = "std")]
pub use error::{LayerStreamError, OpenStreamError, RangeStreamError, SealStreamError};
pub use header::{ImmutableHeader, Layer, MutableHeader, Seal, SealedHeader, SealedPartition};
pub use layer::{LayerKey, LayerStep};
pub use open::{Expected, Opener, Versions};
pub use range::{BodyIndex, SealedRange};
pub use seal::Sealer;
