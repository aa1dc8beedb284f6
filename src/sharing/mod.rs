//! Roles and messages: the SeSPHR methodology end to end, on any [scheme](SharingScheme).
//!
//! | Party | Type | Holds | Learns |
//! |---|---|---|---|
//! | owner, the patient | [`Owner`] | one root secret, policy | everything |
//! | re-encryption server, the paper's SRS | [`Server`] | re-encryption keys | who asks for what, and when |
//! | cloud | [`Cloud`] | sealed partitions | sizes, authors, owners, times |
//! | user: family, doctor, insurer, pharmacist, researcher, provider | [`User`] | own key pair | what the owner granted |
//! | trustee | [`Trustee`] | a share of the owner's secret | who asks in an emergency |
//! | issuer: chamber, authority, hospital | a [`SigningKey`](crate::identity::SigningKey) | signature key | nothing |
//!
//! # The story
//!
//! 1. The owner [publishes](Owner::publish) a [`Directory`]: where each partition is written to now, and who may write.
//! 2. An author [seals](crate::record::Sealer) a partition there and uploads it to the cloud.
//! 3. A user shows a [`KeyBundle`] and a [`RoleCert`]; the owner's [`AccessPolicy`] says what the role reads, and
//!    [`Owner::join`] makes [`Delegation`]s for the server, and a [head of live grants](crate::pre::LiveHead) that lists
//!    them: what the newest head does not list is dead.
//! 4. The user fetches the record and sends the server a signed [`Request`]; the server re-encrypts, or denies, and
//!    writes a [receipt](log) of either before it answers.
//! 5. The user opens with its own key, after checking the owner's key, the grant, the author and the body.
//! 6. [`Owner::depart`] takes the grants off the list and begins new epochs; at higher [levels](Level) stored records
//!    follow, on [orders](Owner::orders) that the cloud [carries out](Cloud::carry_out), until the owner
//!    [settles](Owner::settle) it.
//! 7. The owner [reads the log](Owner::ask_audit): who read what, and when.
//!
//! While the owner cannot act, [`Trustee`]s let an emergency doctor in, under [rules](AdmissionRule) that the owner set
//! before; and a doctor refers a specialist, where the owner's [policy](AccessPolicy::set_referral) allows it.
//!
//! # Which scheme
//!
//! * [`Kapre`](crate::kapre::Kapre), the default: one key pair of the owner's for all periods, and a grant of constant
//!   size for any set of them. Server and member together reach the periods of the member's grants and no other.
//!   The number of epochs is bounded by the parameters.
//! * [`Threshold`](crate::pre::threshold::Threshold), where no single server is to be trusted: a grant for each period is
//!   divided among [n servers](AccessPolicy::set_servers), and [any t of them](User::open_with) carry it out.
//! * [`Afgh`](crate::pre::afgh::Afgh), to reproduce the paper: a key pair and a grant for each period.
//!
//! # What is enforced by what
//!
//! By cryptography, whatever the server does by itself: a user reads only what is in periods that were granted to it, and
//! nobody reads what is in a period of which no grant exists for it. By the server's good will: that a grant which was
//! taken off the list or has expired is no longer carried out for old records; that a referral is held to part of what
//! the doctor reads; that there is a receipt of everything. Server and delegatee together reach the periods of the
//! delegatee's grants, until a departure at the [level](Level) of headers has brought what is stored to new keys.

mod acl;
mod bundle;
mod cloud;
mod directory;
mod error;
mod key_grant;
pub mod log;
mod messages;
mod orders;
mod owner;
mod scheme;
mod search;
mod server;
mod storage;
mod trustee;
mod user;

pub use crate::role::{Role, RoleCert, RoleError};
pub use acl::{AccessPolicy, AdmissionRule};
pub use bundle::{KeyBundle, VerifiedBundle};
pub use cloud::{Cloud, Entry, Progress};
pub use directory::{Author, Directory, Place, VerifiedDirectory};
pub use error::{
    BundleError, CloudError, Denied, DirectoryError, KeyGrantError, OwnerError, RequestError, RequestFailure,
    ServerError, TrusteeError,
};
pub use key_grant::{GrantedKey, KeyGrant, LayerGrant};
pub use messages::{AuditQuery, Delegation, Request, Response};
pub use orders::{OrderTerms, Orders};
pub use owner::{Backup, EmergencyPlan, Level, Membership, Owner, Update};
pub use scheme::SharingScheme;
pub use search::{SearchGrant, SearchKey, SharedSearch};
pub use server::Server;
pub use storage::{MemoryStorage, Storage};
pub use trustee::Trustee;
pub use user::{NotOpened, NotRead, Opened, User};
