//! Threshold re-encryption. Certificates, grants, capsules and what servers answer are published; the owner's root and a, the
//! delegatee's b and d, and the servers' fragments are secret.

use std::sync::Arc;

use sesphr::context::{Context, Partition, Period, RecordId, Subject, Timestamp, Validity};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::identity::{Signed, SigningKey};
use sesphr::kem::{OwnerRoot, SharedKey};
use sesphr::pre::Pre;
use sesphr::pre::threshold::*;
use subtle::ConstantTimeEq;

use crate::Case;
use crate::memcheck::{declassify, declassify_bytes, is_secret, poison_fields, running};
use crate::world::{AUTHOR, NOW, OWNER, SERVER, Toy, USER, decode_marked, secret_signer};

pub const CASES: &[Case] = &[
    ("threshold-label-tree", label_tree),
    ("threshold-owner-keygen", owner_keygen),
    ("threshold-owner-secret-derive", owner_secret_derive),
    ("threshold-owner-secret-decode", owner_secret_decode),
    ("threshold-user-keygen", user_keygen),
    ("threshold-user-secret-decode", user_secret_decode),
    ("threshold-encapsulate", || encapsulate(false)),
    ("threshold-encapsulate-precomputed", || encapsulate(true)),
    ("threshold-open", open),
    ("threshold-open-other-context", open_other_context),
    ("threshold-delegate", delegate),
    ("threshold-refresh", refresh),
    ("threshold-fragment-decode", fragment_decode),
    ("threshold-verify-rekey", verify_rekey),
    ("threshold-verify-others-rekey", verify_others_rekey),
    ("threshold-reencrypt", reencrypt),
    ("threshold-accept-grant", accept_grant),
    ("threshold-open-reencrypted", open_reencrypted),
    ("threshold-open-alone", open_alone),
    ("threshold-open-among-liars", open_among_liars),
    ("threshold-open-verified", open_verified),
    ("threshold-culprits", culprits),
];

const SERVERS: [[u8; 32]; 3] = [SERVER, AUTHOR, OWNER];

/// Everything in the clear: a grant to any `threshold` of three servers.
struct World {
    owner: SigningKey,
    author: SigningKey,
    root: OwnerRoot,
    tree: Arc<LabelTree>,
    secret: OwnerSecret,
    key: VerifiedOwner,
    user_secret: UserSecret,
    user: VerifiedUser,
    terms: Terms,
    grant: VerifiedGrant,
    fragments: Vec<Fragment>,
}

const PERIOD: Period = Period { partition: Partition::MEDICAL, epoch: 2 };

impl World {
    fn new(threshold: u8) -> Self {
        let rng = &mut Toy::clear();
        let [owner, author, user] = [OWNER, AUTHOR, USER].map(|seed| SigningKey::from_seed(&seed));
        let root = OwnerRoot::try_generate(rng).unwrap();
        let tree = Arc::new(LabelTree::derive(&root, owner.id(), Partition::SESPHR, 3).unwrap());
        let label = tree.label(&PERIOD).unwrap();
        let (secret, public) = Threshold::owner_keygen(&(), &root, &owner, &label, rng).unwrap();
        let key = Threshold::verify_owner(&(), &public, &owner.id()).unwrap();
        let (user_secret, public) = Threshold::user_keygen(&(), &user, rng).unwrap();
        let user = Threshold::verify_user(&(), &public, &user.id()).unwrap();
        let validity = Validity::new(Timestamp(10), Timestamp(20)).unwrap();
        let servers = Servers::new(threshold, SERVERS.map(|seed| SigningKey::from_seed(&seed).id())).unwrap();
        let terms = Terms { validity, servers };
        let (grant, fragments) = Threshold::delegate(&(), &secret, &owner, &user, &(), &terms, rng).unwrap();
        let grant = Threshold::verify_grant(&(), &key, &grant, NOW).unwrap();
        Self { owner, author, root, tree, secret, key, user_secret, user, terms, grant, fragments }
    }

    fn marked_root(&self) -> OwnerRoot {
        decode_marked(&self.root, |bytes| bytes.last_chunk_mut::<32>().unwrap())
    }

    fn marked_fragment(&self, k: usize) -> Fragment {
        decode_marked(&self.fragments[k], |bytes| bytes.last_chunk_mut::<32>().unwrap())
    }

    fn context(&self, version: u64) -> Context<'static> {
        let record = RecordId::from_array([7; 16]);
        Threshold::context(&(), &self.key, &(), &Subject { record, version, author: self.author.id(), aad: b"free" })
    }

    fn capsule(&self) -> (Context<'static>, Capsule, VerifiedCapsule, SharedKey) {
        let ctx = self.context(1);
        let (capsule, key) = Threshold::encapsulate(&(), &self.key, &ctx, &self.author, &mut Toy::clear()).unwrap();
        let checked = Threshold::verify_capsule(&(), &self.key, &capsule, &ctx).unwrap();
        (ctx, capsule, checked, key)
    }

    /// What the servers answer.
    fn parts(&self, capsule: &VerifiedCapsule) -> Vec<Part> {
        let of = |(fragment, seed): (&Fragment, [u8; 32])| {
            let fragment = Threshold::verify_rekey(&(), &self.key, &self.grant, fragment).unwrap();
            let (server, rng) = (SigningKey::from_seed(&seed), &mut Toy::clear());
            Threshold::reencrypt(&(), &fragment, capsule, &server, NOW, rng).unwrap()
        };
        self.fragments.iter().zip(SERVERS).map(of).collect()
    }

    /// The delegatee's grant, of which d is secret because b is.
    fn held(&mut self) -> UserGrant {
        mark(&mut self.user_secret);
        Threshold::accept_grant(&(), &self.user_secret, &self.grant).unwrap()
    }
}

/// Marks the scalar that a secret's encoding ends with. The library keeps it as these bytes.
fn mark<T: SecretEncoding>(secret: &mut T) {
    let scalar: [u8; 32] = *secret.to_secret_bytes().last_chunk().unwrap();
    poison_fields(secret, &[&scalar]);
}

/// The same object, published.
fn publish<T: Encoding>(object: &T) -> T {
    let bytes = object.to_bytes();
    declassify_bytes(&bytes);
    T::from_bytes(&bytes).unwrap()
}

/// The scalar that its encoding ends with is secret, and the rest is declassified.
fn assert_secret<T: SecretEncoding>(object: &T) -> T {
    let bytes = object.to_secret_bytes();
    assert_eq!(is_secret(bytes.last_chunk::<32>().unwrap()), running());
    declassify_bytes(&bytes);
    T::from_bytes(&bytes).unwrap()
}

/// The key is secret, and it is the right one.
fn assert_opened(key: &SharedKey, expected: &SharedKey) {
    assert_eq!(is_secret(key.hazmat_bytes()), running());
    assert_eq!(declassify(key.ct_eq(expected).unwrap_u8()), 1);
}

fn label_tree() {
    let w = World::new(2);
    let tree = LabelTree::derive(&w.marked_root(), w.owner.id(), Partition::SESPHR, 3).unwrap();
    assert!(tree.has(&PERIOD));
}

fn owner_keygen() {
    let w = World::new(2);
    let (root, owner, label) = (w.marked_root(), secret_signer(OWNER), w.tree.label(&PERIOD).unwrap());
    let (secret, public) = Threshold::owner_keygen(&(), &root, &owner, &label, &mut Toy::secret()).unwrap();
    assert_secret(&secret);
    assert!(Threshold::verify_owner(&(), &publish(&public), &w.owner.id()).is_ok());
}

fn owner_secret_derive() {
    let w = World::new(2);
    let secret = assert_secret(&OwnerSecret::derive(&w.marked_root(), w.owner.id(), &PERIOD).unwrap());
    assert!(*secret.to_secret_bytes() == *w.secret.to_secret_bytes());
}

fn owner_secret_decode() {
    decode_marked(&World::new(2).secret, |bytes| bytes.last_chunk_mut::<32>().unwrap());
}

fn user_keygen() {
    let (secret, public) = Threshold::user_keygen(&(), &secret_signer(USER), &mut Toy::secret()).unwrap();
    assert_secret(&secret);
    assert!(Threshold::verify_user(&(), &publish(&public), &SigningKey::from_seed(&USER).id()).is_ok());
}

fn user_secret_decode() {
    decode_marked(&World::new(2).user_secret, |bytes| bytes.last_chunk_mut::<32>().unwrap());
}

fn encapsulate(precompute: bool) {
    let w = World::new(2);
    let (author, ctx) = (secret_signer(AUTHOR), w.context(1));
    let key = if precompute { w.key.clone().precompute() } else { w.key.clone() };
    let (capsule, shared) = Threshold::encapsulate(&(), &key, &ctx, &author, &mut Toy::secret()).unwrap();
    let capsule = publish(&capsule);
    assert!(Threshold::verify_capsule(&(), &key, &capsule, &ctx).is_ok());
    assert_opened(&shared, &Threshold::open(&(), &w.secret, &capsule, &ctx).unwrap());
}

fn open() {
    let mut w = World::new(2);
    let (ctx, capsule, _, expected) = w.capsule();
    mark(&mut w.secret);
    assert_opened(&Threshold::open(&(), &w.secret, &capsule, &ctx).unwrap(), &expected);
}

fn open_other_context() {
    let mut w = World::new(2);
    let (_, capsule, ..) = w.capsule();
    mark(&mut w.secret);
    assert!(Threshold::open(&(), &w.secret, &capsule, &w.context(2)).is_err());
}

/// A grant with its fragments, all of them published.
fn check_grant(w: &World, grant: &Signed<Grant>, fragments: &[Fragment]) {
    let grant = Threshold::verify_grant(&(), &w.key, &publish(grant), NOW).unwrap();
    for fragment in fragments {
        let fragment = assert_secret(fragment);
        assert!(Threshold::verify_rekey(&(), &w.key, &grant, &fragment).is_ok());
    }
    assert!(Threshold::accept_grant(&(), &w.user_secret, &grant).is_ok());
}

fn delegate() {
    let mut w = World::new(2);
    mark(&mut w.secret);
    let (owner, rng) = (secret_signer(OWNER), &mut Toy::secret());
    let (grant, fragments) = Threshold::delegate(&(), &w.secret, &owner, &w.user, &(), &w.terms, rng).unwrap();
    check_grant(&w, &grant, &fragments);
}

fn refresh() {
    let mut w = World::new(2);
    mark(&mut w.secret);
    let (owner, rng) = (secret_signer(OWNER), &mut Toy::secret());
    let (grant, fragments) = Threshold::refresh(&w.secret, &owner, &w.grant, &w.terms.servers, rng).unwrap();
    check_grant(&w, &grant, &fragments);
}

fn fragment_decode() {
    World::new(2).marked_fragment(1);
}

fn verify_rekey() {
    let w = World::new(2);
    assert!(Threshold::verify_rekey(&(), &w.key, &w.grant, &w.marked_fragment(1)).is_ok());
}

/// Another server's share under this one's number.
fn verify_others_rekey() {
    let w = World::new(2);
    let mut bytes = w.fragments[1].to_secret_bytes().to_vec();
    bytes[36] = 3;
    let other = decode_marked(&Fragment::from_bytes(&bytes).unwrap(), |bytes| bytes.last_chunk_mut::<32>().unwrap());
    assert!(Threshold::verify_rekey(&(), &w.key, &w.grant, &other).is_err());
}

fn reencrypt() {
    let w = World::new(2);
    let (ctx, capsule, checked, _) = w.capsule();
    let fragment = Threshold::verify_rekey(&(), &w.key, &w.grant, &w.marked_fragment(0)).unwrap();
    let (server, rng) = (secret_signer(SERVER), &mut Toy::secret());
    let part = publish(&Threshold::reencrypt(&(), &fragment, &checked, &server, NOW, rng).unwrap());
    let claim = Claim { grant: &w.grant, capsule: &capsule, ctx: &ctx, part: &part };
    assert!(Threshold::vartime_verify_part(&claim).is_some());
}

fn accept_grant() {
    World::new(2).held();
}

fn open_reencrypted() {
    let mut w = World::new(2);
    let (ctx, capsule, checked, expected) = w.capsule();
    let (parts, held) = (w.parts(&checked), w.held());
    assert_opened(&Threshold::open_reencrypted(&(), &held, &capsule, &parts[1..], &ctx).unwrap(), &expected);
}

/// With a threshold of one.
fn open_alone() {
    let mut w = World::new(1);
    let (ctx, capsule, checked, expected) = w.capsule();
    let (parts, held) = (w.parts(&checked), w.held());
    assert_opened(&Threshold::open_reencrypted(&(), &held, &capsule, &parts[2..], &ctx).unwrap(), &expected);
}

/// The point of server 2 is that of server 1.
fn with_a_lie(parts: &[Part]) -> Vec<Part> {
    let mut lie = parts[1].to_bytes();
    lie[5..37].copy_from_slice(&parts[0].to_bytes()[5..37]);
    vec![parts[0].clone(), Part::from_bytes(&lie).unwrap(), parts[2].clone()]
}

fn open_among_liars() {
    let mut w = World::new(2);
    let (ctx, capsule, checked, expected) = w.capsule();
    let (parts, held) = (with_a_lie(&w.parts(&checked)), w.held());
    assert_opened(&Threshold::open_reencrypted(&(), &held, &capsule, &parts, &ctx).unwrap(), &expected);
}

fn open_verified() {
    let mut w = World::new(2);
    let (ctx, capsule, checked, expected) = w.capsule();
    let (parts, held) = (w.parts(&checked), w.held());
    let claim = |part| Claim { grant: held.grant(), capsule: &capsule, ctx: &ctx, part };
    let verified: Vec<_> = parts.iter().map(|part| Threshold::vartime_verify_part(&claim(part)).unwrap()).collect();
    assert_opened(&Threshold::open_verified(&held, &capsule, &verified, &ctx).unwrap(), &expected);
}

fn culprits() {
    let mut w = World::new(2);
    let (ctx, capsule, checked, _) = w.capsule();
    let (parts, held) = (with_a_lie(&w.parts(&checked)), w.held());
    assert_eq!(Threshold::culprits(&held, &capsule, &parts, &ctx), [SigningKey::from_seed(&SERVERS[1]).id()]);
}
