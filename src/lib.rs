//! Share encrypted health records through servers that nobody trusts.
//!
//! A patient keeps records encrypted in a cloud and shares parts of them (personal, medical, insurance, prescription)
//! with family, doctors, insurers, pharmacists, researchers. A semi-trusted server re-encrypts what the patient
//! granted and learns nothing. This is the SeSPHR methodology (Ali, Abbas, Khan, Khan, *IEEE Transactions on Cloud
//! Computing*), built from parts that were chosen so that each step can be checked.
//!
//! **This crate has not been audited.** Read `SECURITY.md` before you put anybody's data into it.
//!
//! # Who holds what
//!
//! | Party | Type | Holds | Can read |
//! |---|---|---|---|
//! | patient | [`sharing::Owner`] | root secret, signature key | everything |
//! | re-encryption server | [`sharing::Server`] | re-encryption keys | nothing |
//! | cloud | [`sharing::Cloud`], [`search::Index`] | sealed partitions, encrypted index values | nothing of records; of index values what the [mode](search) shows |
//! | member | [`sharing::User`] | a key pair of its own | what was granted to it |
//! | trustee | [`sharing::Trustee`] | a share of the patient's secret | nothing; as many as the threshold together, everything |
//! | server with a member | | | the partitions and periods granted to the member, until what is stored is [rotated](sharing::Level) |
//! | fewer servers than the threshold with a member | | with [`pre::threshold`] | nothing that was not re-encrypted for the member |
//!
//! # Share and revoke
//!
//! ```
//! # #[cfg(feature = "alloc")] {
//! use std::sync::Arc;
//!
//! use sesphr::context::{Partition, RecordId, Timestamp, Validity};
//! use sesphr::identity::SigningKey;
//! use sesphr::kac::{Params, params};
//! use sesphr::kapre::Kapre;
//! use sesphr::kem::OwnerRoot;
//! use sesphr::record::{Sealer, Versions};
//! use sesphr::sharing::{AccessPolicy, Cloud, Level, MemoryStorage, Owner, Role, Server, User, VerifiedDirectory};
//!
//! let rng = &mut getrandom::SysRng;
//! let (now, later) = (Timestamp(1_700_000_000), Timestamp(1_700_000_060));
//! const YEAR: u64 = 365 * 86_400;
//!
//! // Public parameters, made once: room for four partitions with 16 epochs each. A ceremony makes better ones.
//! let params = Arc::new(Params::generate(64, &SigningKey::try_generate(rng)?, rng, params::unwatched)?);
//!
//! // Everybody makes keys of their own. The patient's all derive from one root.
//! let (root, policy) = (OwnerRoot::try_generate(rng)?, AccessPolicy::new(YEAR));
//! let mut owner = Owner::<Kapre>::new(params.clone(), root, policy, Partition::SESPHR, YEAR, now)?;
//! let mut server = Server::<Kapre, _>::load(params.clone(), SigningKey::try_generate(rng)?, MemoryStorage::new())?;
//! let mut cloud = Cloud::new(params.clone(), MemoryStorage::new())?;
//! let mut sister = User::<Kapre>::new(params.clone(), SigningKey::try_generate(rng)?, rng)?;
//! server.enroll(owner.id())?;
//!
//! // The owner knows the sister and lets her in; the server learns which grants are in force, and carries them out.
//! let role = owner.certify(sister.id(), Role::FamilyAndFriends, Validity::new(now, Timestamp(now.0 + YEAR)).unwrap());
//! let update = owner.join(&sister.bundle(1, Timestamp(now.0 + YEAR)), &role, now, now, rng)?;
//! server.update(&owner.id(), &update.live, now)?;
//! update.delegations.iter().try_for_each(|delegation| server.accept(&owner.id(), delegation, now))?;
//! cloud.publish(&owner.id(), &update.directory, now)?;
//!
//! // The owner writes. Any author whom the directory names could.
//! let directory = VerifiedDirectory::<Kapre>::new(&params, cloud.directory(&owner.id())?, &owner.id(), 0, now)?;
//! let place = directory.place(&Partition::MEDICAL).unwrap();
//! let record = RecordId::try_generate(rng)?;
//! let sealer = Sealer::<Kapre>::new(&params, place.key(), place.label(), owner.signing());
//! cloud.upload(&sealer.seal(record, 1, b"blood group 0+", rng)?, now)?;
//!
//! // The sister reads.
//! let sealed = cloud.latest(&owner.id(), &record, &Partition::MEDICAL)?;
//! let request = sister.request(server.id(), sealed.header(), now, rng)?;
//! let answer = server.reencrypt(&request, now, rng)?;
//! let wanted = Versions::AtLeast(1);
//! let text = sister.open(&directory, record, Partition::MEDICAL, wanted, &sealed, &answer, now)?;
//! assert_eq!(&text[..], b"blood group 0+");
//!
//! // She leaves: her grants are dead, and what is written from now on is in classes that she never gets.
//! let update = owner.depart(&sister.id(), Level::Epochs, later, rng)?;
//! server.update(&owner.id(), &update.live, later)?;
//! cloud.publish(&owner.id(), &update.directory, later)?;
//! let request = sister.request(server.id(), sealed.header(), later, rng)?;
//! assert!(server.reencrypt(&request, later, rng).is_err());
//! # }
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! The example `share_record` plays the whole story on a FHIR record, with members who join and leave, and with a
//! server and a cloud that try to read, alone and with members. `revoke_member`, `emergency_access`, `hospital_referral`
//! and `several_servers` play what comes after, and `multi_hospital_search` a question to three hospitals.
//!
//! # Which module
//!
//! * To share records among people: [`sharing`].
//! * To seal and open records with keys that reach you some other way: [`record`].
//! * To re-encrypt keys for a protocol of your own: [`pre`] and its schemes, [`kapre`] for most uses, [`pre::threshold`]
//!   where no single server is to be trusted, and [`pre::afgh`] to reproduce the SeSPHR paper or without an allocator.
//! * To open any set of your own records with one key of constant size: [`kac`].
//! * To find records by ranges, equality and prefixes over what several providers encrypted: [`search`].
//! * To give each epoch a key of its own, and to hand out the keys of a range of epochs in one short message: [`epoch`];
//!   to have a cloud move wrapped data keys beyond who left with old ones: [`epoch::rewrap`]; to send a key to a group of
//!   many members, some of whom are revoked, in one message: [`epoch::broadcast`].
//! * Beneath them: [`kem`] (what all schemes' encapsulations share), [`identity`] (parties and signed statements),
//!   [`role`] (certificates of roles), [`context`] (what a ciphertext is about), [`encoding`] (messages and bytes),
//!   [`error`].
//!
//! # Features
//!
//! | Feature | Default | Gives |
//! |---|---|---|
//! | `std` | yes | `std::io` forms of sealing and opening; tables that are built once per process |
//! | `alloc` | by `std` | records, roles, key aggregation, tables; without it `pre::afgh` alone, in constant space |
//! | `blst` | | the pairing in the `blst` C library: same bytes, two to five times faster |
//! | `rayon` | | bodies are sealed and opened, and indexes searched, on every core |
//! | `serde` | | every public object as hexadecimal text or as bytes |
//! | `hazmat` | | entry points for vectors and benchmarks; unstable, not for applications |
#![no_std]
#![cfg_attr(not(feature = "blst"), forbid(unsafe_code))]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

pub mod context;
pub mod encoding;
#[cfg(feature = "alloc")]
pub mod epoch;
pub mod error;
mod hash;
#[cfg(feature = "hazmat")]
pub mod hazmat;
pub mod identity;
#[cfg(feature = "alloc")]
pub mod kac;
#[cfg(feature = "alloc")]
pub mod kapre;
pub mod kem;
#[cfg(feature = "alloc")]
mod merkle;
// The facade is a whole; what is reachable of it depends on the features.
#[cfg_attr(not(feature = "hazmat"), allow(dead_code, unreachable_pub))]
mod pairing;
mod pok;
pub mod pre;
#[cfg(feature = "alloc")]
pub mod record;
// Reachable as a whole with `hazmat`, for benchmarks and tests.
#[cfg(feature = "alloc")]
#[cfg_attr(not(feature = "hazmat"), allow(dead_code, unreachable_pub))]
mod ristretto;
#[cfg(feature = "alloc")]
pub mod role;
#[cfg(feature = "alloc")]
pub mod search;
#[cfg(feature = "alloc")]
pub mod sharing;

pub use hash::Digest;
