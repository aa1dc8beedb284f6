//! The tools of an attacker on `Kapre`: delegatees, grants in all their forms, trustees, and answers made by hand.

use std::sync::LazyLock;

use sesphr::Digest;
use sesphr::context::{Context, Timestamp, Validity};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::error::OpenError;
use sesphr::hazmat::pairing::{G1Affine, G2Affine, G2Projective, Gt, Scalar, mul_p, mul_q, pairing};
use sesphr::identity::{PartyId, Signed, SigningKey};
use sesphr::kac::trustees::{Committee, Sharing, VerifiedShare, deal};
use sesphr::kac::{Capsule, ClassSet, Kac, KeyAggregate, VerifiedCapsule};
use sesphr::kapre::*;
use sesphr::kem::SharedKey;
use sesphr::pre::{GrantTerms, Pre, ReencryptError};
use sesphr::role::{Role, RoleCert};

use super::kac::{Kit, minus2, points_of};
use super::scene::{g2, message};
use super::{NOW, party, rng, validity};

pub fn set(text: &str) -> ClassSet {
    text.parse().unwrap()
}

pub fn during(not_before: u64, not_after: u64) -> Validity {
    Validity::new(Timestamp(not_before), Timestamp(not_after)).unwrap()
}

/// Another value in its place.
pub fn patched<M: Message>(message: &M, at: usize, bytes: &[u8]) -> M {
    let mut out = Vec::new();
    message.write(&mut out);
    out[at..at + bytes.len()].copy_from_slice(bytes);
    M::from_bytes(&out).unwrap()
}

/// The statement inside a signed one with another value in its place, signed by `signer`.
pub fn resigned<T: Encoding>(signed: &Signed<T>, at: usize, bytes: &[u8], signer: &SigningKey) -> Signed<T> {
    Signed::new(signer, patched(signed.unverified(), at, bytes))
}

/// A delegatee.
pub struct Reader {
    pub signer: SigningKey,
    pub secret: UserSecret,
    pub public: Signed<UserKey>,
    pub key: VerifiedUser,
}

impl Reader {
    pub fn new(seed: u8) -> Self {
        Self::with(seed, HpkeKem::X25519)
    }

    pub fn with(seed: u8, kem: HpkeKem) -> Self {
        let signer = party(seed);
        let (secret, public) = UserSecret::generate(kem, &signer, &mut rng(seed)).unwrap();
        // As it travels.
        let secret = UserSecret::from_bytes(&secret.to_secret_bytes()).unwrap();
        let public = Signed::<UserKey>::from_bytes(&public.to_bytes()).unwrap();
        let params = sesphr::kac::Params::hazmat_from_alpha(1, &Scalar::from_u64(5)).unwrap();
        let key = Kapre::verify_user(&params, &public, &signer.id()).unwrap();
        Self { signer, secret, public, key }
    }
}

/// A grant in all its forms, each after a journey as bytes.
pub struct Held {
    pub grant: Grant,
    pub verified: VerifiedGrant,
    pub rekey: ReKey,
    pub server: VerifiedReKey,
    pub user: UserGrant,
}

impl Held {
    pub fn new(kit: &Kit, user: &Reader, grant: &Grant, rekey: &ReKey) -> Self {
        let grant = Grant::from_bytes(&grant.to_bytes()).unwrap();
        let rekey = ReKey::from_bytes(&rekey.to_secret_bytes()).unwrap();
        let verified = Kapre::verify_grant(&kit.params, &kit.generation, &grant, NOW).unwrap();
        let server = Kapre::verify_rekey(&kit.params, &kit.generation, &verified, &rekey).unwrap();
        let user = Kapre::accept_grant(&kit.params, &user.secret, &verified).unwrap();
        Self { grant, verified, rekey, server, user }
    }

    pub fn rk(&self) -> G2Affine {
        rk_of(&self.rekey)
    }

    pub fn m(&self) -> &Scalar {
        self.user.hazmat_mask()
    }

    /// What server and delegatee compute when they collude: rk − mQ.
    pub fn collude(&self) -> G2Affine {
        minus2(&self.rk(), &mul_q(self.m()).to_affine())
    }

    pub fn owner_grant(&self) -> &Signed<OwnerGrant> {
        match &self.grant {
            Grant::Owner(grant) => grant,
            _ => unreachable!("not an owner's grant"),
        }
    }
}

pub fn rk_of(rekey: &ReKey) -> G2Affine {
    g2(&rekey.to_secret_bytes()[36..])
}

pub fn rekey_of(grant: &Digest, rk: &G2Affine) -> ReKey {
    message(&[grant.as_bytes(), &rk.to_bytes()])
}

pub fn recapsule(c: &G1Affine, e: &G2Affine) -> ReCapsule {
    message(&[&c.to_bytes(), &e.to_bytes()])
}

pub fn points(part: &ReCapsule) -> (G1Affine, G2Affine) {
    let bytes = part.to_bytes();
    (super::scene::g1(&bytes[4..]), g2(&bytes[52..]))
}

pub fn inverse(x: &Scalar) -> Scalar {
    Option::<Scalar>::from(x.invert()).unwrap()
}

pub fn bytes(key: SharedKey) -> [u8; 32] {
    *key.hazmat_bytes()
}

impl Kit {
    pub fn delegate(&self, user: &Reader, scope: impl Into<Scope>, validity: &Validity) -> (Grant, ReKey) {
        let made =
            Kapre::delegate(&self.params, &self.secret, &self.signer, &user.key, &scope.into(), validity, &mut rng(4));
        let (grant, [rekey]) = made.unwrap();
        (grant, rekey)
    }

    /// A grant of the classes of a set, as text.
    pub fn grant(&self, user: &Reader, classes: &str) -> Held {
        let (grant, rekey) = self.delegate(user, set(classes), &validity());
        Held::new(self, user, &grant, &rekey)
    }

    pub fn checked(&self, capsule: &Capsule, ctx: &Context<'_>) -> VerifiedCapsule {
        Kapre::verify_capsule(&self.params, &self.generation, capsule, ctx).unwrap()
    }

    pub fn try_reencrypt(
        &self,
        held: &Held,
        capsule: &Capsule,
        ctx: &Context<'_>,
    ) -> Result<ReCapsule, ReencryptError> {
        // One server: its counter keeps the answers apart.
        static SERVER: LazyLock<SigningKey> = LazyLock::new(|| party(90));
        let checked = self.checked(capsule, ctx);
        Kapre::reencrypt(&self.params, &held.server, &checked, &SERVER, NOW, &mut rng(9))
    }

    pub fn reencrypt(&self, held: &Held, capsule: &Capsule, ctx: &Context<'_>) -> ReCapsule {
        let part = self.try_reencrypt(held, capsule, ctx).unwrap();
        ReCapsule::from_bytes(&part.to_bytes()).unwrap()
    }

    pub fn read(&self, held: &Held, capsule: &Capsule, part: &ReCapsule, ctx: &Context<'_>) -> Option<[u8; 32]> {
        let opened = Kapre::open_reencrypted(&self.params, &held.user, capsule, std::slice::from_ref(part), ctx);
        opened.map(bytes).map_err(|error| assert_eq!(error, OpenError)).ok()
    }

    /// Whether a capsule of a class comes through the server to the delegatee, and then opens to its key.
    pub fn through(&self, held: &Held, class: u32, record: u8) -> bool {
        let ctx = self.ctx(class, record);
        let (capsule, shared) = self.seal(&ctx);
        let Ok(part) = self.try_reencrypt(held, &capsule, &ctx) else { return false };
        assert_eq!(self.read(held, &capsule, &part, &ctx), Some(bytes(shared)));
        true
    }

    /// Σ Q_{n+1−j+shift} over a set, without the element that must not exist: D_S for 0, F_{S,i} for i.
    pub fn sum(&self, set: &ClassSet, shift: u32) -> G2Projective {
        let (n, shift) = (self.points.n(), shift as usize);
        let indices = set.iter().map(|class| n - class as usize + shift).filter(|k| *k != n + 1);
        indices.fold(G2Projective::identity(), |sum, k| sum.add_affine(&self.points.q_at(k)))
    }

    /// (τc1, τ⁻¹(rk + F_{S,i})): what a server that ignores the library answers, whatever the grant says.
    pub fn answer(&self, rk: &G2Affine, reach: &ClassSet, capsule: &Capsule, class: u32, tau: &Scalar) -> ReCapsule {
        let key = self.sum(reach, class + 1).add_affine(rk);
        recapsule(&points_of(capsule).0.mul(tau).to_affine(), &key.mul(&inverse(tau)).to_affine())
    }

    /// e(c2, D_S) · e(c1, mQ) / e(C, E) by hand, without a check.
    pub fn unchecked(&self, m: &Scalar, reach: &ClassSet, capsule: &Capsule, part: &ReCapsule) -> Gt {
        let ((c1, c2), (c, e)) = (points_of(capsule), points(part));
        let left = pairing(&c2, &self.sum(reach, 0).to_affine());
        left.mul(&pairing(&c1, &mul_q(m).to_affine())).mul(&pairing(&c.neg(), &e))
    }

    /// Whether a point is the aggregate key of a set, and then opens what such a key opens.
    pub fn is_key(&self, point: &G2Affine, set: &ClassSet) -> bool {
        let key = message(&[&point.to_bytes()]);
        let Ok(key) = Kac::verify_key(&self.params, &self.generation, set, &key) else { return false };
        for class in 0..self.generation.grid().classes() {
            // A record of its own for each: also one that nobody ever asked for, and one of the future.
            let ctx = self.ctx(class, 100 + class as u8);
            let (capsule, shared) = self.seal(&ctx);
            let opened = Kac::open_aggregate(&self.params, &key, &capsule, &ctx).ok().map(bytes);
            assert_eq!(opened, set.contains(class).then(|| bytes(shared)), "{set} {class}");
        }
        true
    }

    /// All sets of which a point is the aggregate key.
    pub fn keys_among_all_sets(&self, point: &G2Affine) -> Vec<String> {
        let classes = self.generation.grid().classes();
        let sets = (1..1u32 << classes)
            .map(|mask| ClassSet::try_from_classes((0..classes).filter(|c| mask >> c & 1 == 1)).unwrap());
        // The check of keys without their opening.
        let left = |set: &ClassSet| pairing(&self.v1(), &self.sum(set, 0).to_affine()).to_hash_bytes();
        let right = pairing(&mul_p(&Scalar::one()).to_affine(), point).to_hash_bytes();
        let found: Vec<_> = sets.filter(|set| left(set) == right).collect();
        found.iter().for_each(|set| assert!(self.is_key(point, set)));
        found.iter().map(ToString::to_string).collect()
    }
}

// Roles and rules -----------------------------------------------------------------------------------------------------

pub fn hospital() -> SigningKey {
    party(60)
}

pub fn cert(subject: &PartyId, role: Role, validity: Validity, issuer: &SigningKey) -> Signed<RoleCert> {
    Signed::new(issuer, RoleCert { subject: *subject, role, validity })
}

/// A doctor of the hospital's, for a long time.
pub fn doctor(subject: &PartyId) -> Signed<RoleCert> {
    cert(subject, Role::Doctor, during(0, 1000), &hospital())
}

/// Doctors of the hospital's may be let in to these classes, for so many seconds.
pub fn admission(classes: &str, seconds: u64) -> Admission {
    Admission::new(set(classes), seconds).trust(Role::Doctor, hospital().id()).unwrap()
}

/// Classes, and doctors may be referred to some of them.
pub fn referable(classes: &str, rules: Admission) -> Scope {
    Scope { set: set(classes), referral: Some(rules) }
}

// Trustees ------------------------------------------------------------------------------------------------------------

/// Trustees of a kit's owner who all have their shares.
pub struct Trustees {
    pub keys: Vec<SigningKey>,
    pub sharing: Sharing,
    pub shares: Vec<VerifiedShare>,
}

impl Trustees {
    /// The owner deals. Trustees are parties 200, 201, …
    pub fn new(kit: &Kit, threshold: u8, count: u8) -> Self {
        Self::of(kit, threshold, (0..count).map(|k| party(200 + k)).collect())
    }

    pub fn of(kit: &Kit, threshold: u8, keys: Vec<SigningKey>) -> Self {
        let ids: Vec<_> = keys.iter().map(SigningKey::id).collect();
        let committee = Committee::new(threshold, &ids).unwrap();
        let (dealing, sub_shares) = deal(&kit.secret, &kit.signer, &committee, &mut rng(6)).unwrap();
        let start = Sharing::of_owner(&kit.generation);
        let step = start.reshare(&[start.verify_dealing(&dealing).unwrap()]).unwrap();
        let shares = keys.iter().map(|key| step.share(&key.id(), &sub_shares).unwrap()).collect();
        Self { keys, sharing: step.sharing().clone(), shares }
    }

    /// The first trustees of the threshold renew all shares.
    pub fn refreshed(&self) -> Self {
        let committee = self.sharing.committee();
        let dealers = self.shares.iter().zip(&self.keys).take(committee.threshold().into());
        let dealt: Vec<_> = dealers.map(|(share, key)| share.deal(key, committee, &mut rng(7)).unwrap()).collect();
        let verified: Vec<_> = dealt.iter().map(|(dealing, _)| self.sharing.verify_dealing(dealing).unwrap()).collect();
        let step = self.sharing.reshare(&verified).unwrap();
        let sub_shares: Vec<_> = dealt.into_iter().flat_map(|(_, sub_shares)| sub_shares).collect();
        let keys: Vec<_> =
            self.keys.iter().map(|key| SigningKey::from_bytes(&key.to_secret_bytes()).unwrap()).collect();
        let shares = keys.iter().map(|key| step.share(&key.id(), &sub_shares).unwrap()).collect();
        Self { keys, sharing: step.sharing().clone(), shares }
    }

    pub fn ids(&self, indices: &[usize]) -> Vec<PartyId> {
        indices.iter().map(|k| self.keys[*k].id()).collect()
    }
}

pub type Part = (Signed<Approval>, ApprovalKey);

/// A part as it travels, for who needs it twice.
pub fn again((approval, key): &Part) -> Part {
    (Signed::from_bytes(&approval.to_bytes()).unwrap(), ApprovalKey::from_bytes(&key.to_secret_bytes()).unwrap())
}

pub fn approval_key_point(key: &ApprovalKey) -> G2Affine {
    g2(&key.to_secret_bytes()[4..])
}

pub fn approval_key(point: &G2Affine) -> ApprovalKey {
    message(&[&point.to_bytes()])
}

/// The name under which a verified grant is live.
pub fn names(grant: &VerifiedGrant) -> (sesphr::pre::GrantId, Digest) {
    (grant.id(), grant.digest())
}

/// A signed message around any statement at all, by `party(seed)`: for statements that have no public type.
pub fn sign_raw(seed: u8, statement: &[u8]) -> Vec<u8> {
    use ed25519_dalek::Signer;
    let key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
    let public = *party(seed).verifying_key().as_bytes();
    let digest = sesphr::hazmat::hash::wide("sesphr v1 signed statement", &[&public, statement]);
    let header = [statement[0], statement[1], statement[2] | 0x80, statement[3]];
    [&header[..], &public, statement, &key.sign(&digest[..]).to_bytes()].concat()
}
