//! Key-aggregate proxy re-encryption. Grants, capsules and what a server answers are published; the owner's γ, shares of
//! it, re-encryption keys, masks and users' keys are secret.

use sesphr::context::{Context, Timestamp, Validity};
use sesphr::encoding::{Encoding, SecretEncoding};
use sesphr::identity::{Signed, SigningKey};
use sesphr::kac::trustees::{Committee, Sharing, VerifiedShare, deal};
use sesphr::kac::{Capsule, ClassSet, VerifiedCapsule};
use sesphr::kapre::*;
use sesphr::kem::SharedKey;
use sesphr::pre::Pre;
use sesphr::role::{Role, RoleCert};

use crate::Case;
use crate::kac::{World as Kac, assert_opened};
use crate::memcheck::{declassify_bytes, is_secret, running};
use crate::world::{AUTHOR, NOW, OWNER, SERVER, Toy, USER, decode_marked, secret_signer};

pub const CASES: &[Case] = &[
    ("kapre-user-keygen-x25519", || user_keygen(HpkeKem::X25519)),
    ("kapre-user-keygen-x-wing", || user_keygen(HpkeKem::XWing)),
    ("kapre-user-secret-decode", user_secret_decode),
    ("kapre-delegate-x25519", || delegate(HpkeKem::X25519)),
    ("kapre-delegate-x-wing", || delegate(HpkeKem::XWing)),
    ("kapre-rekey-decode", rekey_decode),
    ("kapre-verify-rekey", verify_rekey),
    ("kapre-reencrypt", reencrypt),
    ("kapre-accept-grant-x25519", || accept_grant(HpkeKem::X25519)),
    ("kapre-accept-grant-x-wing", || accept_grant(HpkeKem::XWing)),
    ("kapre-accept-others-grant", accept_others_grant),
    ("kapre-open", open),
    ("kapre-open-false-answer", open_false_answer),
    ("kapre-refer", refer),
    ("kapre-apply-referral", apply_referral),
    ("kapre-approve", approve_request),
    ("kapre-combine", combine_approvals),
];

/// Everything in the clear: a grant of classes 0, 2 and 3, of which the user may refer a doctor to class 2.
struct World {
    kac: Kac,
    user: SigningKey,
    user_secret: UserSecret,
    user_key: VerifiedUser,
    public: Signed<UserKey>,
    scope: Scope,
    validity: Validity,
    grant: VerifiedGrant,
    rekey: ReKey,
}

impl World {
    fn new(kem: HpkeKem) -> Self {
        let (rng, kac) = (&mut Toy::clear(), Kac::new());
        let user = SigningKey::from_seed(&USER);
        let (user_secret, public) = UserSecret::generate(kem, &user, rng).unwrap();
        let user_key = Kapre::verify_user(&kac.params, &public, &user.id()).unwrap();
        let rules = Admission::new("2".parse().unwrap(), 10).trust(Role::Doctor, kac.author.id());
        let scope = Scope { set: "0,2-3".parse().unwrap(), referral: rules };
        let validity = Validity::new(Timestamp(10), Timestamp(20)).unwrap();
        let (grant, [rekey]) =
            Kapre::delegate(&kac.params, &kac.secret, &kac.owner, &user_key, &scope, &validity, rng).unwrap();
        let grant = Kapre::verify_grant(&kac.params, &kac.public(), &grant, NOW).unwrap();
        Self { kac, user, user_secret, user_key, public, scope, validity, grant, rekey }
    }

    fn marked_user(&self) -> UserSecret {
        decode_marked(&self.user_secret, |bytes| bytes.last_chunk_mut::<32>().unwrap())
    }

    fn marked_rekey(&self) -> ReKey {
        decode_marked(&self.rekey, |bytes| bytes.last_chunk_mut::<96>().unwrap())
    }

    fn capsule(&self) -> (Context<'static>, Capsule, VerifiedCapsule, SharedKey) {
        let ctx = self.kac.context(2, 7);
        let (capsule, key) = self.kac.capsule(&ctx);
        let checked = Kapre::verify_capsule(&self.kac.params, &self.kac.public(), &capsule, &ctx).unwrap();
        (ctx, capsule, checked, key)
    }

    /// The server's answer, and what else opening needs.
    fn answer(&self) -> (Context<'static>, Capsule, ReCapsule, SharedKey) {
        let (ctx, capsule, checked, key) = self.capsule();
        let (params, server) = (&self.kac.params, SigningKey::from_seed(&SERVER));
        let rekey = Kapre::verify_rekey(params, &self.kac.public(), &self.grant, &self.rekey).unwrap();
        let part = Kapre::reencrypt(params, &rekey, &checked, &server, NOW, &mut Toy::clear()).unwrap();
        (ctx, capsule, part, key)
    }

    fn role(&self) -> Signed<RoleCert> {
        let cert = RoleCert { subject: self.user.id(), role: Role::Doctor, validity: self.validity };
        Signed::new(&self.kac.author, cert)
    }

    /// Two of three have the owner's secret, and may let the user in.
    fn emergency(&self) -> (Vec<VerifiedShare>, Signed<EmergencyRules>, Signed<EmergencyRequest>) {
        let rng = &mut Toy::clear();
        let committee = Committee::new(2, &TRUSTEES.map(|seed| SigningKey::from_seed(&seed).id())).unwrap();
        let (dealing, sub_shares) = deal(&self.kac.secret, &self.kac.owner, &committee, rng).unwrap();
        let start = Sharing::of_owner(self.kac.secret.generation());
        let step = start.reshare(&[start.verify_dealing(&dealing).unwrap()]).unwrap();
        let shares = committee.trustees().iter().map(|trustee| step.share(trustee, &sub_shares).unwrap()).collect();
        let admission = Admission::new(self.scope.set.clone(), 10).trust(Role::Doctor, self.kac.author.id()).unwrap();
        let rules = EmergencyRules::new(&self.kac.owner, step.sharing(), admission, rng).unwrap();
        let set: ClassSet = "2-3".parse().unwrap();
        let request =
            EmergencyRequest::new(&self.user, &self.public, &self.role(), &rules, &set, &self.validity, rng).unwrap();
        (shares, rules, request)
    }

    fn approve(
        &self,
        share: &VerifiedShare,
        trustee: &SigningKey,
        rules: &Signed<EmergencyRules>,
        request: &Signed<EmergencyRequest>,
        rng: &mut Toy,
    ) -> (Signed<Approval>, ApprovalKey) {
        let appeal = Appeal { request: request.digest(), trustee: trustee.id(), at: NOW };
        let appeal = Signed::new(&self.user, appeal);
        approve(&self.kac.params, share, trustee, rules, request, &appeal, NOW, rng).unwrap()
    }
}

const TRUSTEES: [[u8; 32]; 3] = [AUTHOR, SERVER, OWNER];

/// The same object, published.
fn publish<T: Encoding>(object: &T) -> T {
    let bytes = object.to_bytes();
    declassify_bytes(&bytes);
    T::from_bytes(&bytes).unwrap()
}

/// The last bytes of its encoding are secret, and the rest is declassified.
fn assert_secret<const N: usize, T: SecretEncoding>(object: &T) -> T {
    let bytes = object.to_secret_bytes();
    let (name, value) = bytes.split_last_chunk::<N>().unwrap();
    assert_eq!(is_secret(value), running());
    declassify_bytes(name);
    declassify_bytes(value);
    T::from_bytes(&bytes).unwrap()
}

fn user_keygen(kem: HpkeKem) {
    let (secret, public) = UserSecret::generate(kem, &secret_signer(USER), &mut Toy::secret()).unwrap();
    let public = publish(&public);
    assert_secret::<32, _>(&secret);
    let kac = Kac::new();
    assert!(Kapre::verify_user(&kac.params, &public, &SigningKey::from_seed(&USER).id()).is_ok());
}

fn user_secret_decode() {
    World::new(HpkeKem::X25519).marked_user();
}

fn delegate(kem: HpkeKem) {
    let mut w = World::new(kem);
    w.kac.mark_gamma();
    let (params, owner, rng) = (&w.kac.params, secret_signer(OWNER), &mut Toy::secret());
    let (grant, [rekey]) =
        Kapre::delegate(params, &w.kac.secret, &owner, &w.user_key, &w.scope, &w.validity, rng).unwrap();
    let (grant, rekey) = (publish(&grant), assert_secret::<96, _>(&rekey));
    let grant = Kapre::verify_grant(params, &w.kac.public(), &grant, NOW).unwrap();
    assert!(Kapre::verify_rekey(params, &w.kac.public(), &grant, &rekey).is_ok());
    assert!(Kapre::accept_grant(params, &w.user_secret, &grant).is_ok());
}

fn rekey_decode() {
    World::new(HpkeKem::X25519).marked_rekey();
}

fn verify_rekey() {
    let w = World::new(HpkeKem::X25519);
    assert!(Kapre::verify_rekey(&w.kac.params, &w.kac.public(), &w.grant, &w.marked_rekey()).is_ok());
}

fn reencrypt() {
    let w = World::new(HpkeKem::X25519);
    let (_, _, checked, _) = w.capsule();
    let rekey = Kapre::verify_rekey(&w.kac.params, &w.kac.public(), &w.grant, &w.marked_rekey()).unwrap();
    let (server, rng) = (secret_signer(SERVER), &mut Toy::secret());
    publish(&Kapre::reencrypt(&w.kac.params, &rekey, &checked, &server, NOW, rng).unwrap());
}

fn accept_grant(kem: HpkeKem) {
    let w = World::new(kem);
    assert!(Kapre::accept_grant(&w.kac.params, &w.marked_user(), &w.grant).is_ok());
}

/// The key of another user, under the name of the grant's.
fn accept_others_grant() {
    let w = World::new(HpkeKem::X25519);
    let other = decode_marked(&w.user_secret, |bytes| {
        bytes.last_mut().into_iter().for_each(|byte| *byte ^= 8);
        bytes.last_chunk_mut::<32>().unwrap()
    });
    assert!(Kapre::accept_grant(&w.kac.params, &other, &w.grant).is_err());
}

fn open() {
    let w = World::new(HpkeKem::X25519);
    let (ctx, capsule, part, expected) = w.answer();
    let held = Kapre::accept_grant(&w.kac.params, &w.marked_user(), &w.grant).unwrap();
    let opened = Kapre::open_reencrypted(&w.kac.params, &held, &capsule, &[part], &ctx).unwrap();
    assert_opened(&opened, &expected);
}

fn open_false_answer() {
    let w = World::new(HpkeKem::X25519);
    let (ctx, capsule, part, _) = w.answer();
    let held = Kapre::accept_grant(&w.kac.params, &w.marked_user(), &w.grant).unwrap();
    let other = Context { version: 2, ..ctx };
    assert!(Kapre::open_reencrypted(&w.kac.params, &held, &capsule, &[part], &other).is_err());
}

fn refer() {
    let w = World::new(HpkeKem::X25519);
    let held = Kapre::accept_grant(&w.kac.params, &w.marked_user(), &w.grant).unwrap();
    let (set, validity) = ("2".parse().unwrap(), w.validity);
    let (doctor, rng) = (secret_signer(USER), &mut Toy::secret());
    let (_, key) = held.refer(&doctor, &w.user_key, &w.role(), &set, &validity, rng).unwrap();
    assert_secret::<96, _>(&key);
}

fn apply_referral() {
    let w = World::new(HpkeKem::X25519);
    let held = Kapre::accept_grant(&w.kac.params, &w.user_secret, &w.grant).unwrap();
    let (set, validity, rng) = ("2".parse().unwrap(), w.validity, &mut Toy::clear());
    let (grant, key) = held.refer(&w.user, &w.user_key, &w.role(), &set, &validity, rng).unwrap();
    let key = decode_marked(&key, |bytes| bytes.last_chunk_mut::<96>().unwrap());
    let rekey = Kapre::verify_rekey(&w.kac.params, &w.kac.public(), &w.grant, &w.marked_rekey()).unwrap();
    assert!(Kapre::verify_rekey(&w.kac.params, &w.kac.public(), &grant, &key.apply(&rekey)).is_ok());
}

fn approve_request() {
    let w = World::new(HpkeKem::X25519);
    let (shares, rules, request) = w.emergency();
    let share = decode_marked(shares[1].share(), |bytes| bytes.last_chunk_mut::<32>().unwrap());
    let share = share.verify(shares[1].sharing()).unwrap();
    let (approval, key) = w.approve(&share, &secret_signer(TRUSTEES[1]), &rules, &request, &mut Toy::secret());
    publish(&approval);
    assert_secret::<96, _>(&key);
}

fn combine_approvals() {
    let w = World::new(HpkeKem::X25519);
    let (shares, rules, request) = w.emergency();
    let part = |k: usize| {
        let trustee = SigningKey::from_seed(&TRUSTEES[k]);
        let (approval, key) = w.approve(&shares[k], &trustee, &rules, &request, &mut Toy::clear());
        (approval, decode_marked(&key, |bytes| bytes.last_chunk_mut::<96>().unwrap()))
    };
    let combined = combine(&w.kac.params, shares[0].sharing(), &rules, &request, &[part(0), part(2)]).unwrap();
    assert_eq!((combined.culprits.len(), is_secret(&combined.rekey.to_secret_bytes()[36..])), (0, running()));
}
