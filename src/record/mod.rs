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
//! | [`Layer`]: a keystream around the body, from the first departure on | cloud | nothing: a wrong one does not open |
//!
//! **Construction.** The scheme makes K and its capsule. commitment = KDF("sesphr v1 body commitment", K, salt), body
//! key = KDF("sesphr v1 body key", K, salt, digest of the immutable header), and the body is STREAM over AES-256-GCM or
//! ChaCha20-Poly1305: chunk i has the nonce 0 (7 bytes) ‖ i (4, big-endian) ‖ 1 if it is the last, else 0, and no
//! associated data. The author signs the digest of the header, the Merkle root over the encrypted chunks, tags
//! included, and the plaintext's length. An AEAD tag proves that someone who holds K made a chunk; every reader does.
//! The signature is what proves that it was the author, also for a range of the body, also while streaming.
//!
//! **How to.** [`Sealer`] seals, [`Opener`] opens; both have a form for memory and one for `std::io` streams. A cloud
//! that serves ranges keeps a [`BodyIndex`] and cuts a [`SealedRange`]. When a member departs who may have kept data
//! keys, the owner gives the cloud a [`LayerStep`] for each body, and the readers who stay a [`LayerKey`].
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
//!
//! # Layers
//!
//! Revocation at level 2: a departed member who kept a data key no longer opens the body.
//!
//! **Why.** Rotation (level 1) changes what stands in headers. It stops a departed member who kept *keys* and gets at the
//! cloud's new state, but the shared key within the capsule does not change: who kept a *header* and opened it, or the
//! shared key or data key itself, would still open the body. Level 2 changes the body, without decrypting it.
//!
//! **Construction.** layer key = KDF("sesphr v1 body layer", leaf key, digest of the immutable header), where the leaf
//! key is the *symmetric* one ([`Leaf::key`](crate::epoch::tree::Leaf::key)) of the body's epoch in an epoch tree of a new
//! generation, which nobody who departed was granted. The stored body is the sealed one XOR the keystream of AES-256-CTR
//! under the layer key: block i is AES(i), i as 16 bytes, big-endian, from 0, so that any part of a body can be had by
//! itself.
//!
//! The digest names owner, record, version, partition and salt, so no two bodies share a keystream. **Two bodies under
//! one keystream would give each other away**: their XOR would be that of what is within the layers, and who has kept a
//! copy of one, two versions of a record for instance, would have the other. A key is therefore for one body: who may
//! read all bodies of an epoch is given the leaf, who may read one is given that layer's key.
//!
//! **Replacing.** A [`LayerStep`] leads from one layer to the next: body XOR new keystream XOR old, in one pass. The
//! layers do not pile up, a reader removes one. The former layer leaves no trace: the result is the same as if the new
//! one had been put around the sealed body. The new layer is on before the old one is off, so the sealed body is nowhere
//! bare on the way. A step names the layer it begins at and is taken only there: taken twice it does no harm.
//!
//! **Opening.** The reader removes the layer ([`Opener::layer`]) and then checks what it always
//! checks: the author's signature, Merkle root and tags are over what is within. A [`BodyIndex`] from
//! before stays right.
//!
//! **What it revokes.** Who kept headers, capsule secrets or data keys of a body, and who gets the body from the cloud
//! afterwards, reads nothing of it without the layer's key. A stolen rotation token does not help: it moves the scalars of
//! an epoch, and its symmetric leaf key does not follow from them.
//!
//! **Not protected.**
//!
//! * A plaintext that was read, or a body that was fetched before, cannot be recalled.
//! * **A cloud that keeps the former body defeats it**, and so does one that keeps the steps it was given: undoing a
//!   step takes nothing but its keys. A cloud that hands both to the departed has not been kept out by anything.
//! * The keys of two layers are independent, but who has a body in both and one of the keys has what is within both.
//! * The layer is not authenticated by itself. A wrong layer, a wrong key or a changed bit do not open, since what is
//!   within does not match the author's signature. A cloud can damage a body, with a layer or without.
//! * That a body has a layer, and of which generation, is public.
//!
//! **Cost.** AES-256-CTR over the body to put a layer on and to open it, twice that to replace one; memory for one chunk
//! when streaming.

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
