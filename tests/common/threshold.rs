//! The tools of an attacker on `Threshold`: an owner with labels, delegatees, committees, and what the library makes, made by
//! hand.

use std::sync::{Arc, LazyLock};

use sesphr::Digest;
use sesphr::context::{Context, Partition, Period, RecordId, Subject};
use sesphr::encoding::{Encoding, Message, Reader, SecretEncoding};
use sesphr::error::OpenError;
use sesphr::hazmat::hash;
use sesphr::hazmat::ristretto::{Element, Point, Scalar};
use sesphr::identity::{Signed, SigningKey};
use sesphr::kem::{OwnerRoot, SharedKey};
use sesphr::pre::threshold::*;
use sesphr::pre::{GrantTerms, Pre};

use super::scene::message;
use super::{NOW, medical, party, rng, validity};

// Where fields stand in their messages.
pub const ID: usize = 4;
pub const ROUND: usize = 20;
pub const ORIGIN: usize = 24;
pub const USER: usize = 56;
pub const POINT: usize = 88;
pub const X: usize = 120;
pub const SERVERS: usize = 168;

pub fn scalar(bytes: &[u8]) -> Scalar {
    Scalar::read(&mut Reader::new(&bytes[..32])).unwrap()
}

pub fn point(bytes: &[u8]) -> Point {
    Point::from_bytes(bytes[..32].try_into().unwrap()).unwrap()
}

pub fn small(k: u8) -> Scalar {
    Scalar::from_u64(k.into())
}

/// Another point in its place.
pub fn shifted(point: &Point, by: &Element) -> Point {
    (point.element() + *by).encode()
}

/// `H_s`.
pub fn hashed(label: &'static str, parts: &[&[u8]]) -> Scalar {
    Scalar::from_wide(&hash::wide(label, parts))
}

fn challenge(label: &'static str, parts: &[&[u8]]) -> [u8; 16] {
    hash::wide(label, parts)[..16].try_into().unwrap()
}

pub fn bytes(key: &SharedKey) -> [u8; 32] {
    *key.hazmat_bytes()
}

/// Lagrange's coefficient at zero of number `k` among others.
pub fn lambda(k: u8, among: &[u8]) -> Scalar {
    let others = among.iter().filter(|j| **j != k);
    others.fold(small(1), |product, j| &product * &(&small(*j) * &(&small(*j) - &small(k)).invert()))
}

/// f(0) of the polynomial of least degree through these.
pub fn interpolate(shares: &[(u8, Scalar)]) -> Scalar {
    let among: Vec<_> = shares.iter().map(|(k, _)| *k).collect();
    shares.iter().fold(small(0), |sum, (k, share)| &sum + &(&lambda(*k, &among) * share))
}

/// Key and tag of ρA.
pub fn derive(shared: &Element, c1: &Point, ctx: &Context<'_>) -> ([u8; 32], [u8; 14]) {
    let (shared, ctx) = (shared.encode(), ctx.digest());
    let parts: [&[u8]; 2] = [c1.as_bytes(), ctx.as_bytes()];
    let of = |label| *hash::kdf(label, shared.as_bytes(), &parts);
    (of("sesphr v1 threshold key"), of("sesphr v1 threshold tag")[..14].try_into().unwrap())
}

pub fn c1_of(capsule: &Capsule) -> Point {
    point(&capsule.to_bytes()[4..])
}

/// The key of a capsule, for who believes to have ρA.
pub fn unlock(shared: &Element, capsule: &Capsule, ctx: &Context<'_>) -> Option<[u8; 32]> {
    let (key, tag) = derive(shared, &c1_of(capsule), ctx);
    (tag == capsule.to_bytes()[36..50]).then_some(key)
}

/// A capsule under `a` for any context at all, its tag that of any `shared` at all, proof included: what a writer who ignores
/// the library can make.
pub fn handmade(a: &Point, rho: &Scalar, shared: &Element, ctx: &Context<'_>) -> Capsule {
    let c1 = Element::base(rho).encode();
    let (_, tag) = derive(shared, &c1, ctx);
    let nonce = Scalar::from_u64(1_234_567);
    let (commitment, digest) = (Element::base(&nonce).encode(), ctx.digest());
    let parts: [&[u8]; 5] = [c1.as_bytes(), commitment.as_bytes(), a.as_bytes(), &tag, digest.as_bytes()];
    let e = challenge("sesphr v1 threshold capsule proof", &parts);
    let z = &nonce + &(&Scalar::from_half(&e) * rho);
    message(&[c1.as_bytes(), &tag, &e, &*z.to_bytes()])
}

/// An owner with four partitions of five epochs, and one of the keys.
pub struct Owner {
    pub signer: SigningKey,
    pub root: OwnerRoot,
    pub tree: Arc<LabelTree>,
    pub secret: OwnerSecret,
    pub public: OwnerKey,
    pub key: VerifiedOwner,
}

impl Owner {
    pub fn new(seed: u8, period: Period) -> Self {
        let (signer, root) = (party(seed), OwnerRoot::generate(&mut rng(seed)));
        let tree = Arc::new(LabelTree::derive(&root, signer.id(), Partition::SESPHR, 5).unwrap());
        let label = tree.label(&period).unwrap();
        let (secret, public) = Threshold::owner_keygen(&(), &root, &signer, &label, &mut rng(seed)).unwrap();
        // As they travel.
        let secret = OwnerSecret::from_bytes(&secret.to_secret_bytes()).unwrap();
        let public = OwnerKey::from_bytes(&public.to_bytes()).unwrap();
        let key = Threshold::verify_owner(&(), &public, &signer.id()).unwrap();
        Self { signer, root, tree, secret, public, key }
    }

    pub fn a(&self) -> Scalar {
        let secret = self.secret.to_secret_bytes();
        scalar(&secret[secret.len() - 32..])
    }

    pub fn point(&self) -> Point {
        Element::base(&self.a()).encode()
    }

    pub fn ctx<'a>(&self, author: &SigningKey, record: u8, version: u64, aad: &'a [u8]) -> Context<'a> {
        let record = RecordId::from_array([record; 16]);
        Threshold::context(&(), &self.key, &(), &Subject { record, version, author: author.id(), aad })
    }

    pub fn seal(&self, ctx: &Context<'_>, author: &SigningKey) -> (Capsule, [u8; 32]) {
        // The author's counter keeps two capsules apart even with this generator.
        let (capsule, shared) = Threshold::encapsulate(&(), &self.key, ctx, author, &mut rng(3)).unwrap();
        (Capsule::from_bytes(&capsule.to_bytes()).unwrap(), bytes(&shared))
    }

    pub fn open(&self, capsule: &Capsule, ctx: &Context<'_>) -> Option<[u8; 32]> {
        let opened = Threshold::open(&(), &self.secret, capsule, ctx);
        opened.map(|key| bytes(&key)).map_err(|error| assert_eq!(error, OpenError)).ok()
    }

    pub fn delegate(&self, user: &Delegatee, servers: &Servers) -> Held {
        let terms = Terms { validity: validity(), servers: servers.clone() };
        let made = Threshold::delegate(&(), &self.secret, &self.signer, &user.key, &(), &terms, &mut rng(4));
        Held::new(self, user, made.unwrap())
    }

    pub fn refresh(&self, user: &Delegatee, held: &Held, servers: &Servers) -> Held {
        let made = Threshold::refresh(&self.secret, &self.signer, &held.grant, servers, &mut rng(5));
        Held::new(self, user, made.unwrap())
    }
}

/// A delegatee.
pub struct Delegatee {
    pub signer: SigningKey,
    pub secret: UserSecret,
    pub public: Signed<UserKey>,
    pub key: VerifiedUser,
}

impl Delegatee {
    pub fn new(seed: u8) -> Self {
        let signer = party(seed);
        let (secret, public) = Threshold::user_keygen(&(), &signer, &mut rng(seed)).unwrap();
        let secret = UserSecret::from_bytes(&secret.to_secret_bytes()).unwrap();
        let public = Signed::<UserKey>::from_bytes(&public.to_bytes()).unwrap();
        let key = Threshold::verify_user(&(), &public, &signer.id()).unwrap();
        Self { signer, secret, public, key }
    }

    pub fn b(&self) -> Scalar {
        scalar(&self.secret.to_secret_bytes()[36..])
    }

    /// d of a grant, with nothing but b and what is public.
    pub fn factor(&self, owner: &Owner, grant: &Signed<Grant>) -> Scalar {
        let grant = grant.unverified().to_bytes();
        let shared = point(&grant[X..]).mul(&self.b()).encode();
        let (x, point) = (&grant[X..X + 32], &grant[POINT..POINT + 32]);
        let (a, origin, user, id) =
            (owner.point(), &grant[ORIGIN..ORIGIN + 32], &grant[USER..USER + 32], &grant[ID..ID + 16]);
        hashed("sesphr v1 threshold d", &[shared.as_bytes(), x, a.as_bytes(), point, origin, user, id])
    }
}

/// Servers by number, any `threshold` of them.
pub fn committee(threshold: u8, servers: impl IntoIterator<Item = u8>) -> Servers {
    Servers::new(threshold, servers.into_iter().map(|k| party(100 + k).id())).unwrap()
}

/// A grant in all its forms, each after a journey as bytes.
pub struct Held {
    pub signed: Signed<Grant>,
    pub grant: VerifiedGrant,
    pub fragments: Vec<Fragment>,
    pub verified: Vec<VerifiedFragment>,
    pub user: UserGrant,
}

impl Held {
    pub fn new(owner: &Owner, user: &Delegatee, (signed, fragments): (Signed<Grant>, Vec<Fragment>)) -> Self {
        let signed = Signed::<Grant>::from_bytes(&signed.to_bytes()).unwrap();
        let fragments: Vec<_> =
            fragments.iter().map(|fragment| Fragment::from_bytes(&fragment.to_secret_bytes()).unwrap()).collect();
        let grant = Threshold::verify_grant(&(), &owner.key, &signed, NOW).unwrap();
        let check = |fragment| Threshold::verify_rekey(&(), &owner.key, &grant, fragment).unwrap();
        let verified = fragments.iter().map(check).collect();
        let user = Threshold::accept_grant(&(), &user.secret, &grant).unwrap();
        Self { signed, grant, fragments, verified, user }
    }

    pub fn n(&self) -> u8 {
        self.verified.len() as u8
    }

    pub fn threshold(&self) -> usize {
        self.grant.grant().servers().threshold().into()
    }

    pub fn share(&self, index: u8) -> Scalar {
        scalar(&self.fragments[usize::from(index) - 1].to_secret_bytes()[37..])
    }

    /// F_j.
    pub fn commitment(&self, j: usize) -> Point {
        point(&self.signed.unverified().to_bytes()[SERVERS + 6 + 32 * usize::from(self.n()) + 32 * j..])
    }

    pub fn part(&self, owner: &Owner, index: u8, capsule: &Capsule, ctx: &Context<'_>) -> Part {
        // One server: its counter keeps the answers apart.
        static SERVER: LazyLock<SigningKey> = LazyLock::new(|| party(90));
        let fragment = &self.verified[usize::from(index) - 1];
        let checked = Threshold::verify_capsule(&(), &owner.key, capsule, ctx).unwrap();
        let part = Threshold::reencrypt(&(), fragment, &checked, &SERVER, NOW, &mut rng(9)).unwrap();
        Part::from_bytes(&part.to_bytes()).unwrap()
    }

    /// Of all servers.
    pub fn parts(&self, owner: &Owner, capsule: &Capsule, ctx: &Context<'_>) -> Vec<Part> {
        (1..=self.n()).map(|index| self.part(owner, index, capsule, ctx)).collect()
    }

    pub fn open(&self, capsule: &Capsule, parts: &[Part], ctx: &Context<'_>) -> Option<[u8; 32]> {
        let opened = Threshold::open_reencrypted(&(), &self.user, capsule, parts, ctx);
        opened.map(|key| bytes(&key)).map_err(|error| assert_eq!(error, OpenError)).ok()
    }

    /// The numbers of the servers that are named.
    pub fn culprits(&self, capsule: &Capsule, parts: &[Part], ctx: &Context<'_>) -> Vec<u8> {
        let named = Threshold::culprits(&self.user, capsule, parts, ctx);
        let mut numbers: Vec<_> = named.iter().map(|id| self.grant.grant().servers().index(id).unwrap()).collect();
        numbers.sort_unstable();
        numbers
    }

    /// What one check of the part says.
    pub fn check(&self, capsule: &Capsule, part: &Part, ctx: &Context<'_>) -> Option<VerifiedPart> {
        Threshold::vartime_verify_part(&Claim { grant: &self.grant, capsule, ctx, part })
    }

    /// That one check and many say the same, and what.
    pub fn accepts(&self, capsule: &Capsule, part: &Part, ctx: &Context<'_>) -> bool {
        let claim = Claim { grant: &self.grant, capsule, ctx, part };
        let many = Threshold::vartime_verify_parts(&[claim, claim], &mut rng(6)).unwrap();
        let one = self.check(capsule, part, ctx).is_some();
        assert!(many.iter().all(|verified| verified.is_some() == one));
        one
    }
}

/// What the proof of a part is about, each field open to change.
#[derive(Clone, Copy)]
pub struct Statement {
    pub a: Point,
    pub user: Point,
    pub grant: Digest,
    pub index: u8,
    pub ctx: Digest,
    pub c1: Point,
    pub e: Point,
    pub image: Point,
}

impl Statement {
    /// The true one.
    pub fn of(owner: &Owner, held: &Held, index: u8, capsule: &Capsule, ctx: &Context<'_>) -> Self {
        let (share, c1) = (held.share(index), c1_of(capsule));
        Self {
            a: owner.point(),
            user: point(&held.signed.unverified().to_bytes()[POINT..]),
            grant: held.grant.digest(),
            index,
            ctx: ctx.digest(),
            c1,
            e: c1.mul(&share).encode(),
            image: Element::base(&share).encode(),
        }
    }

    /// A part that says it, proven with `share` as if `base` were the generator.
    pub fn prove_on(&self, base: &Point, share: &Scalar, nonce: &Scalar) -> Part {
        let commitments = [self.c1.mul(nonce).encode(), base.mul(nonce).encode()];
        let e = self.challenge(&commitments);
        let z = &nonce.clone() + &(&e * share);
        message(&[
            &[self.index],
            self.e.as_bytes(),
            commitments[0].as_bytes(),
            commitments[1].as_bytes(),
            &*z.to_bytes(),
        ])
    }

    pub fn prove(&self, share: &Scalar) -> Part {
        self.prove_on(&Point::generator(), share, &Scalar::from_u64(7_654_321))
    }

    pub fn challenge(&self, commitments: &[Point; 2]) -> Scalar {
        let parts: [&[u8]; 10] = [
            self.a.as_bytes(),
            self.user.as_bytes(),
            self.grant.as_bytes(),
            &[self.index],
            self.ctx.as_bytes(),
            self.c1.as_bytes(),
            self.e.as_bytes(),
            self.image.as_bytes(),
            commitments[0].as_bytes(),
            commitments[1].as_bytes(),
        ];
        Scalar::from_half(&challenge("sesphr v1 threshold part proof", &parts))
    }
}

/// An owner, an author, a delegatee and a grant to it, with servers 1 to n.
pub struct Scene {
    pub owner: Owner,
    pub author: SigningKey,
    pub user: Delegatee,
    pub held: Held,
}

impl Scene {
    pub fn new(threshold: u8, servers: u8) -> Self {
        let (owner, user) = (Owner::new(1, medical(3)), Delegatee::new(2));
        let held = owner.delegate(&user, &committee(threshold, 1..=servers));
        Self { owner, author: party(3), user, held }
    }

    pub fn ctx(&self) -> Context<'static> {
        self.owner.ctx(&self.author, 7, 1, b"ab")
    }

    pub fn seal(&self) -> (Context<'static>, Capsule, [u8; 32]) {
        let ctx = self.ctx();
        let (capsule, key) = self.owner.seal(&ctx, &self.author);
        (ctx, capsule, key)
    }

    pub fn part(&self, index: u8, capsule: &Capsule, ctx: &Context<'_>) -> Part {
        self.held.part(&self.owner, index, capsule, ctx)
    }

    pub fn parts(&self, capsule: &Capsule, ctx: &Context<'_>) -> Vec<Part> {
        self.held.parts(&self.owner, capsule, ctx)
    }
}
