//! Roles and messages: the SeSPHR methodology end to end.
//!
//! | Party | Type | Holds | Learns |
//! |---|---|---|---|
//! | owner, the patient | [`Owner`] | root secret, signature key, policy | everything |
//! | re-encryption server, the paper's SRS | [`Server`] | re-encryption keys | who asks for what, and when |
//! | cloud | [`Cloud`] | sealed partitions | sizes, authors, owners, times |
//! | user: family, doctor, insurer, pharmacist, researcher, provider | [`User`] | own key pair | what the owner granted |
//! | issuer: chamber, authority, hospital | a [`SigningKey`](crate::identity::SigningKey) | signature key | nothing |
//!
//! The story:
//!
//! 1. The owner [publishes](Owner::publish) a [`Directory`]: the current key of each partition and who may write.
//! 2. An author [seals](crate::record::Sealer) a partition under that key and uploads it to the cloud.
//! 3. A user shows a [`KeyBundle`] and a [`RoleCert`]; the owner's [`AccessPolicy`] says what the role reads, and
//!    [`Owner::join`] makes [`Delegation`]s for the server.
//! 4. The user fetches the record and sends the server a signed [`Request`]; the server re-encrypts, or denies.
//! 5. The user opens with its own key, after checking the owner's key, the grant, the author and the body.
//! 6. [`Owner::depart`] revokes the grants and begins new epochs.
//!
//! Two things are enforced by cryptography whatever the server does by itself: a user reads only what is under keys
//! that were delegated to it, and nobody reads what is sealed under a key of which no delegation exists for it. Two
//! are enforced by the server's good will: that a revoked or expired grant is no longer carried out for old records.
//! Server and delegatee together reach the whole period, see [`afgh`](crate::pre::afgh).

mod acl;
mod bundle;
mod cloud;
mod directory;
mod error;
pub mod log;
mod messages;
mod owner;
mod server;
mod storage;
mod user;

pub use acl::{AccessPolicy, Role, RoleCert};
pub use bundle::{KeyBundle, VerifiedBundle};
pub use cloud::{Cloud, Entry};
pub use directory::{Author, Directory, VerifiedDirectory};
pub use error::{
    BundleError, CloudError, Denial, Denied, DirectoryError, OwnerError, RequestError, RequestFailure, RoleError, Rule,
    ServerError,
};
pub use messages::{Delegation, DenialQuery, Request, Response, Revocation};
pub use owner::{Membership, Owner, Update};
pub use server::Server;
pub use storage::{MemoryStorage, Storage};
pub use user::User;
