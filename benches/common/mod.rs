//! What the benches of the paper's figures share: the schemes, set-up generic over them, the published values, and
//! tables ready for `docs/benchmarks.md`.
#![allow(dead_code, unreachable_pub)] // every bench uses a part

pub mod kac;
pub mod paper;
pub mod primitives;
pub mod report;
pub mod ristretto;
pub mod story;

use std::sync::{Arc, OnceLock};

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sesphr::context::{Context, Partition, Period, RecordId, Subject, Timestamp, Validity};
use sesphr::hazmat::pairing::BACKEND;
use sesphr::identity::{PartyId, SigningKey};
use sesphr::kac::{ClassGrid, Params};
use sesphr::kapre::{ClassLabel, Kapre, Lineage, Scope};
use sesphr::kem::OwnerRoot;

use sesphr::pre::afgh::Afgh;
use sesphr::pre::threshold::{KeyLabel, LabelTree, Servers, Threshold};
use sesphr::sharing::SharingScheme;

/// A scheme as the benches need it: its name, and the values of its own types that the set-up takes.
pub trait Scheme: SharingScheme {
    const NAME: &'static str;
    fn params() -> Arc<Self::Params>;
    /// An owner's keys for the paper's four partitions.
    fn key_labels(root: &OwnerRoot, owner: &PartyId) -> Vec<Self::KeyLabel>;
    /// The one of them that is for medical records.
    fn medical_key(root: &OwnerRoot, owner: &PartyId) -> Self::KeyLabel;
    /// Of a medical record.
    fn medical_label() -> Self::Label;
    /// All medical records under the key.
    fn medical_scope() -> Self::Scope;
}

impl Scheme for Afgh {
    const NAME: &'static str = "Afgh";

    fn params() -> Arc<()> {
        Arc::new(())
    }

    fn key_labels(_: &OwnerRoot, _: &PartyId) -> Vec<Period> {
        periods().collect()
    }

    fn medical_key(_: &OwnerRoot, _: &PartyId) -> Period {
        MEDICAL
    }

    fn medical_label() {}

    fn medical_scope() {}
}

/// One key for all partitions, which are classes of its grid.
impl Scheme for Kapre {
    const NAME: &'static str = "Kapre";

    fn params() -> Arc<Params> {
        static PARAMS: OnceLock<Arc<Params>> = OnceLock::new();
        PARAMS.get_or_init(|| Arc::new(kac::params(grid().classes()))).clone()
    }

    fn key_labels(root: &OwnerRoot, owner: &PartyId) -> Vec<Lineage> {
        vec![Self::medical_key(root, owner)]
    }

    fn medical_key(_: &OwnerRoot, _: &PartyId) -> Lineage {
        Lineage::first(grid())
    }

    fn medical_label() -> ClassLabel {
        ClassLabel::new(&grid(), &MEDICAL).unwrap()
    }

    fn medical_scope() -> Scope {
        grid().partition(&MEDICAL.partition).unwrap().into()
    }
}

/// One server, as in the paper. Every epoch of every partition has a key, and one tree certifies them all.
impl Scheme for Threshold {
    const NAME: &'static str = "Threshold";

    fn params() -> Arc<()> {
        Arc::new(())
    }

    fn key_labels(root: &OwnerRoot, owner: &PartyId) -> Vec<KeyLabel> {
        let tree = tree(root, owner);
        periods().map(|period| tree.label(&period).unwrap()).collect()
    }

    fn medical_key(root: &OwnerRoot, owner: &PartyId) -> KeyLabel {
        tree(root, owner).label(&MEDICAL).unwrap()
    }

    fn medical_label() {}

    fn medical_scope() {}
}

const MEDICAL: Period = Period { partition: Partition::MEDICAL, epoch: 0 };
/// Of each partition, where their number has to be said.
const EPOCHS: u32 = 16;

/// The first of each partition.
fn periods() -> impl Iterator<Item = Period> {
    Partition::SESPHR.into_iter().map(|partition| Period { partition, epoch: 0 })
}

fn grid() -> ClassGrid {
    ClassGrid::new(&Partition::SESPHR, EPOCHS).unwrap()
}

fn tree(root: &OwnerRoot, owner: &PartyId) -> Arc<LabelTree> {
    Arc::new(LabelTree::derive(root, *owner, Partition::SESPHR, EPOCHS).unwrap())
}

/// Calls a function for every scheme. A scheme joins all figures by its line here.
#[macro_export]
macro_rules! for_schemes {
    ($function:ident($($argument:expr),*)) => {{
        $function::<sesphr::pre::afgh::Afgh>($($argument),*);
        $function::<sesphr::kapre::Kapre>($($argument),*);
        $function::<sesphr::pre::threshold::Threshold>($($argument),*);
    }};
}

/// The scheme's name in bench ids. The default build has the bare one; others are kept apart, since criterion would
/// take a change of backend for a change of speed.
pub fn name<S: Scheme>() -> String {
    let backend = if BACKEND == "blst" { "+blst" } else { "" };
    let rayon = if cfg!(feature = "rayon") { "+rayon" } else { "" };
    format!("{}{backend}{rayon}", S::NAME)
}

pub const NOW: Timestamp = Timestamp(1_800_000_000);
/// Long enough for every bench that lets time pass.
pub const LIFE: u64 = 1_000_000_000;
pub const RECORD: RecordId = RecordId::from_array([7; 16]);

pub fn validity() -> Validity {
    Validity::new(NOW, Timestamp(NOW.0 + LIFE)).unwrap()
}

/// A generator that repeats from run to run.
pub fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

pub fn plaintext(kb: usize) -> Vec<u8> {
    (0..kb * 1024).map(|i| (i % 251) as u8).collect()
}

/// One owner's key, one grant, and all who take part, past every check.
pub struct Keys<S: Scheme> {
    pub params: Arc<S::Params>,
    pub signer: SigningKey,
    pub author: SigningKey,
    pub server: SigningKey,
    pub user: SigningKey,
    pub root: OwnerRoot,
    pub key_label: S::KeyLabel,
    pub label: S::Label,
    pub owner_secret: S::OwnerSecret,
    pub owner_public: S::OwnerPublic,
    pub owner: S::VerifiedOwner,
    pub user_secret: S::UserSecret,
    pub user_public: S::UserPublic,
    pub verified_user: S::VerifiedUser,
    pub grant: S::Grant,
    pub rekeys: S::ReKeys,
    pub verified_grant: S::VerifiedGrant,
    pub user_grant: S::UserGrant,
    pub verified_rekeys: Vec<S::VerifiedReKey>,
}

impl<S: Scheme> Keys<S> {
    pub fn new() -> Self {
        let rng = &mut rng(1);
        let params = S::params();
        let (signer, author) = (SigningKey::generate(rng), SigningKey::generate(rng));
        let (server, user) = (SigningKey::generate(rng), SigningKey::generate(rng));
        let root = OwnerRoot::generate(rng);
        let key_label = S::medical_key(&root, &signer.id());
        let (owner_secret, owner_public) = S::owner_keygen(&params, &root, &signer, &key_label, rng).unwrap();
        let owner = S::verify_owner(&params, &owner_public, &signer.id()).unwrap();
        let (user_secret, user_public) = S::user_keygen(&params, &user, rng).unwrap();
        let verified_user = S::verify_user(&params, &user_public, &user.id()).unwrap();
        let servers = Servers::new(1, [server.id()]).unwrap();
        let policy = S::policy(Some(&servers), validity()).unwrap();
        let (grant, rekeys) =
            S::delegate(&params, &owner_secret, &signer, &verified_user, &S::medical_scope(), &policy, rng).unwrap();
        let verified_grant = S::verify_grant(&params, &owner, &grant, NOW).unwrap();
        let user_grant = S::accept_grant(&params, &user_secret, &verified_grant).unwrap();
        let verify = |rekey| S::verify_rekey(&params, &owner, &verified_grant, rekey).unwrap();
        let verified_rekeys = rekeys.as_ref().iter().map(verify).collect();
        Self {
            label: S::medical_label(),
            params,
            signer,
            author,
            server,
            user,
            root,
            key_label,
            owner_secret,
            owner_public,
            owner,
            user_secret,
            user_public,
            verified_user,
            grant,
            rekeys,
            verified_grant,
            user_grant,
            verified_rekeys,
        }
    }

    pub fn author_id(&self) -> PartyId {
        self.author.id()
    }

    pub fn context(&self) -> Context<'static> {
        let subject = Subject { record: RECORD, version: 1, author: self.author.id(), aad: &[] };
        S::context(&self.params, &self.owner, &self.label, &subject)
    }

    /// What the servers answer for a capsule.
    pub fn reencrypt(&self, capsule: &S::Capsule, ctx: &Context<'_>) -> Vec<S::ReCapsule> {
        let rng = &mut rng(2);
        let checked = S::verify_capsule(&self.params, &self.owner, capsule, ctx).unwrap();
        let one = |rekey| S::reencrypt(&self.params, rekey, &checked, &self.server, NOW, rng).unwrap();
        self.verified_rekeys.iter().map(one).collect()
    }
}
