//! The operations of a scheme with one server on pairings.

use std::hint::black_box;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sesphr::context::{Context, Partition, Period, RecordId, Subject, Timestamp, Validity};
use sesphr::identity::SigningKey;
use sesphr::kac::params::unwatched;
use sesphr::kac::{ClassGrid, Params};
use sesphr::kapre::{ClassLabel, Kapre, Lineage};
use sesphr::kem::OwnerRoot;
use sesphr::pre::Pre;
use sesphr::pre::afgh::Afgh;
use sesphr_peers_timing::{Named, World};

const NOW: Timestamp = Timestamp(1_800_000_000);

/// What a scheme's own types need.
pub struct Terms<S: Pre> {
    params: Box<S::Params>,
    key_label: S::KeyLabel,
    label: S::Label,
    scope: S::Scope,
    policy: S::Policy,
}

pub trait Scheme: Pre<Params: Sized> {
    fn terms(period: Period, validity: Validity, rng: &mut ChaCha20Rng) -> Terms<Self>;
}

impl Scheme for Afgh {
    fn terms(period: Period, validity: Validity, _: &mut ChaCha20Rng) -> Terms<Self> {
        Terms { params: Box::new(()), key_label: period, label: (), scope: (), policy: validity }
    }
}

impl Scheme for Kapre {
    /// 64 classes in one partition, of which 32 are granted, in one range.
    fn terms(period: Period, validity: Validity, rng: &mut ChaCha20Rng) -> Terms<Self> {
        let grid = ClassGrid::new(&[period.partition], 64).unwrap();
        let params = Params::generate(grid.classes(), &SigningKey::generate(rng), rng, unwatched).unwrap();
        let label = ClassLabel::new(&grid, &period).unwrap();
        let set = grid.range(&period.partition, 16..=47).unwrap();
        let key_label = Lineage::first(grid);
        Terms { params: Box::new(params), key_label, label, scope: set.into(), policy: validity }
    }
}

/// Everybody, with one grant and one capsule, past every check.
pub struct Ours<S: Scheme> {
    terms: Terms<S>,
    rng: ChaCha20Rng,
    signer: SigningKey,
    author: SigningKey,
    server: SigningKey,
    user: SigningKey,
    root: OwnerRoot,
    owner_secret: S::OwnerSecret,
    owner: S::VerifiedOwner,
    user_secret: S::UserSecret,
    verified_user: S::VerifiedUser,
    grant: S::Grant,
    rekeys: S::ReKeys,
    user_grant: S::UserGrant,
    rekey: S::VerifiedReKey,
    ctx: Context<'static>,
    capsule: S::Capsule,
    checked: S::VerifiedCapsule,
    parts: [S::ReCapsule; 1],
}

impl<S: Scheme> Ours<S> {
    pub fn new() -> Self {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let validity = Validity::new(NOW, Timestamp(NOW.0 + 86_400)).unwrap();
        let period = Period { partition: Partition::MEDICAL, epoch: 32 };
        let terms = S::terms(period, validity, &mut rng);
        let [signer, author, server, user] = [(); 4].map(|()| SigningKey::generate(&mut rng));
        let (root, params, rng_) = (OwnerRoot::generate(&mut rng), &*terms.params, &mut rng);
        let (owner_secret, owner_public) = S::owner_keygen(params, &root, &signer, &terms.key_label, rng_).unwrap();
        let owner = S::verify_owner(params, &owner_public, &signer.id()).unwrap();
        let (user_secret, user_public) = S::user_keygen(params, &user, rng_).unwrap();
        let verified_user = S::verify_user(params, &user_public, &user.id()).unwrap();
        let (scope, policy) = (&terms.scope, &terms.policy);
        let (grant, rekeys) = S::delegate(params, &owner_secret, &signer, &verified_user, scope, policy, rng_).unwrap();
        let verified_grant = S::verify_grant(params, &owner, &grant, NOW).unwrap();
        let user_grant = S::accept_grant(params, &user_secret, &verified_grant).unwrap();
        let [rekey] = rekeys.as_ref() else { panic!("one server") };
        let rekey = S::verify_rekey(params, &owner, &verified_grant, rekey).unwrap();
        let subject = Subject { record: RecordId::from_array([7; 16]), version: 1, author: author.id(), aad: &[] };
        let ctx = S::context(params, &owner, &terms.label, &subject);
        let (capsule, _) = S::encapsulate(params, &owner, &ctx, &author, rng_).unwrap();
        let checked = S::verify_capsule(params, &owner, &capsule, &ctx).unwrap();
        let parts = [S::reencrypt(params, &rekey, &checked, &server, NOW, rng_).unwrap()];
        Self {
            terms,
            rng,
            signer,
            author,
            server,
            user,
            root,
            owner_secret,
            owner,
            user_secret,
            verified_user,
            grant,
            rekeys,
            user_grant,
            rekey,
            ctx,
            capsule,
            checked,
            parts,
        }
    }

    fn verify_capsule(&self) -> S::VerifiedCapsule {
        S::verify_capsule(&self.terms.params, &self.owner, black_box(&self.capsule), &self.ctx).unwrap()
    }

    fn reencrypt(&mut self, checked: &S::VerifiedCapsule) -> S::ReCapsule {
        let params = &*self.terms.params;
        S::reencrypt(params, &self.rekey, black_box(checked), &self.server, NOW, &mut self.rng).unwrap()
    }

    fn open_reencrypted(&self, parts: &[S::ReCapsule]) {
        let (params, ctx) = (&*self.terms.params, &self.ctx);
        let opened = S::open_reencrypted(params, &self.user_grant, &self.capsule, black_box(parts), ctx);
        let _ = black_box(opened.unwrap());
    }

    /// What server and delegatee check when they get a grant.
    fn accept(&self) {
        let (params, owner) = (&*self.terms.params, &self.owner);
        let [rekey] = self.rekeys.as_ref() else { panic!("one server") };
        let by_server = S::verify_grant(params, owner, black_box(&self.grant), NOW).unwrap();
        let _ = black_box(S::verify_rekey(params, owner, &by_server, rekey).unwrap());
        let by_user = S::verify_grant(params, owner, black_box(&self.grant), NOW).unwrap();
        let _ = black_box(S::accept_grant(params, &self.user_secret, &by_user).unwrap());
    }
}

impl<S: Scheme> World for Ours<S> {
    const OPERATIONS: Named<fn(&mut Self)> = &[
        ("owner_keygen", |world| {
            let (params, label) = (&world.terms.params, black_box(&world.terms.key_label));
            let _ = black_box(S::owner_keygen(params, &world.root, &world.signer, label, &mut world.rng).unwrap());
        }),
        ("user_keygen", |world| {
            let _ = black_box(S::user_keygen(&world.terms.params, black_box(&world.user), &mut world.rng).unwrap());
        }),
        ("encapsulate", |world| {
            let (params, owner, ctx) = (&world.terms.params, &world.owner, black_box(&world.ctx));
            let _ = black_box(S::encapsulate(params, owner, ctx, &world.author, &mut world.rng).unwrap());
        }),
        ("open", |world| {
            let (params, capsule) = (&world.terms.params, black_box(&world.capsule));
            let _ = black_box(S::open(params, &world.owner_secret, capsule, &world.ctx).unwrap());
        }),
        ("delegate", |world| {
            let (Terms { params, scope, policy, .. }, rng) = (&world.terms, &mut world.rng);
            let (secret, user) = (&world.owner_secret, black_box(&world.verified_user));
            let _ = black_box(S::delegate(params, secret, &world.signer, user, scope, policy, rng).unwrap());
        }),
        ("accept", |world| world.accept()),
        ("verify_capsule", |world| _ = black_box(world.verify_capsule())),
        ("reencrypt", |world| _ = black_box(world.reencrypt(&world.checked.clone()))),
        ("open_reencrypted", |world| world.open_reencrypted(&world.parts)),
        ("turnaround", |world| {
            let part = world.reencrypt(&world.checked.clone());
            world.open_reencrypted(&[part]);
        }),
        ("checked_turnaround", |world| {
            let part = world.reencrypt(&world.verify_capsule());
            world.open_reencrypted(&[part]);
        }),
    ];
}
