//! Key-aggregate proxy re-encryption: every operation of `Kapre` beside the sum of its primitives, what does not depend
//! on the set that is granted, and many capsules at once. What matters is timed in turns with what it is compared with.
//!
//! The owner's keys and capsules are those of the key-aggregate scheme and in its bench.
//!
//! `cargo bench --bench kapre`, and with `--features blst` for the other backend, `--features rayon` for batches on
//! every core.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::hint::black_box;

use common::kac::{World, len};
use common::primitives::{Operation, Parts, Turns, benches, ratios};
use common::report::{Run, head, row, time};
use common::{NOW, rng, validity};
use sesphr::context::Context;
use sesphr::encoding::SecretEncoding;
use sesphr::hazmat::pairing::BACKEND;
use sesphr::identity::{Signed, SigningKey};
use sesphr::kac::trustees::{Committee, Sharing, VerifiedShare, deal};
use sesphr::kac::{Capsule, ClassSet, Params, VerifiedCapsule};
use sesphr::kapre::{
    Admission, Appeal, Approval, ApprovalKey, EmergencyRequest, EmergencyRules, Grant, HpkeKem, Kapre, ReCapsule,
    ReKey, Scope, UserGrant, UserKey, UserSecret, VerifiedGrant, VerifiedReKey, VerifiedUser, approve, combine,
};
use sesphr::pre::Pre;
use sesphr::role::{Role, RoleCert};

/// Whether lines through mQ are kept with a grant.
const KEEPS_LINES: bool = cfg!(feature = "blst");
const PRODUCT: &str = "open_reencrypted, product with all lines prepared and multiplications alone";
const PRODUCT_AND_LINES: &str = "open_reencrypted, product with E's lines and multiplications alone";

/// Classes where their number does not matter.
const FEW: u32 = 64;

/// A party and its HPKE key.
struct Party {
    signing: SigningKey,
    secret: UserSecret,
    public: Signed<UserKey>,
    verified: VerifiedUser,
}

impl Party {
    fn new(params: &Params, seed: u8, kem: HpkeKem) -> Self {
        let rng = &mut rng(seed);
        let signing = SigningKey::generate(rng);
        let (secret, public) = UserSecret::generate(kem, &signing, rng).unwrap();
        let verified = Kapre::verify_user(params, &public, &signing.id()).unwrap();
        Self { signing, secret, public, verified }
    }

    fn role(&self, issuer: &SigningKey) -> Signed<RoleCert> {
        Signed::new(issuer, RoleCert { subject: self.signing.id(), role: Role::Doctor, validity: validity() })
    }
}

/// A grant, and a capsule of one of its classes, past every check.
struct Granted {
    scope: Scope,
    grant: Grant,
    rekey: ReKey,
    verified: VerifiedGrant,
    verified_rekey: VerifiedReKey,
    held: UserGrant,
    ctx: Context<'static>,
    capsule: Capsule,
    checked: VerifiedCapsule,
    parts: [ReCapsule; 1],
}

struct Setting {
    world: World,
    server: SigningKey,
    issuer: SigningKey,
    doctor: Party,
    specialist: Party,
}

impl Setting {
    fn new(classes: u32) -> Self {
        let (server, issuer) = (SigningKey::generate(&mut rng(30)), SigningKey::generate(&mut rng(31)));
        let world = World::new(classes);
        let [doctor, specialist] = [32, 33].map(|seed| Party::new(&world.params, seed, HpkeKem::X25519));
        Self { world, server, issuer, doctor, specialist }
    }

    /// Who may be admitted, to all of the classes.
    fn admission(&self, set: ClassSet) -> Admission {
        Admission::new(set, common::LIFE).trust(Role::Doctor, self.issuer.id()).unwrap()
    }

    fn delegate(&self, user: &VerifiedUser, scope: &Scope) -> (Grant, [ReKey; 1]) {
        let World { params, secret, signer, .. } = &self.world;
        Kapre::delegate(params, secret, signer, user, scope, &validity(), &mut rng(34)).unwrap()
    }

    fn grant(&self, set: ClassSet) -> Granted {
        let World { params, generation, .. } = &self.world;
        let scope = Scope { set: set.clone(), referral: Some(self.admission(set)) };
        let (grant, [rekey]) = self.delegate(&self.doctor.verified, &scope);
        let verified = Kapre::verify_grant(params, generation, &grant, NOW).unwrap();
        let verified_rekey = Kapre::verify_rekey(params, generation, &verified, &rekey).unwrap();
        let held = Kapre::accept_grant(params, &self.doctor.secret, &verified).unwrap();
        // Not at an end.
        let class = scope.set.iter().nth(scope.set.count() as usize / 2).unwrap();
        let ctx = self.world.context(class, 0);
        let capsule = self.world.encapsulate(&ctx);
        let checked = Kapre::verify_capsule(params, generation, &capsule, &ctx).unwrap();
        let part = Kapre::reencrypt(params, &verified_rekey, &checked, &self.server, NOW, &mut rng(35)).unwrap();
        let parts = [part];
        Granted { scope, grant, rekey, verified, verified_rekey, held, ctx, capsule, checked, parts }
    }

    fn reencrypt(&self, granted: &Granted) -> ReCapsule {
        let (rekey, checked) = (&granted.verified_rekey, black_box(&granted.checked));
        Kapre::reencrypt(&self.world.params, rekey, checked, &self.server, NOW, &mut rng(36)).unwrap()
    }

    fn open(&self, granted: &Granted) {
        let Granted { held, capsule, parts, ctx, .. } = granted;
        let opened = Kapre::open_reencrypted(&self.world.params, held, black_box(capsule), parts, ctx);
        let _ = black_box(opened.unwrap());
    }
}

/// Break-glass with two of three trustees, up to the approvals.
struct Emergency {
    trustees: Vec<SigningKey>,
    sharing: Sharing,
    shares: Vec<VerifiedShare>,
    rules: Signed<EmergencyRules>,
    request: Signed<EmergencyRequest>,
    appeals: Vec<Signed<Appeal>>,
}

impl Emergency {
    fn new(setting: &Setting) -> Self {
        let (Setting { world, doctor, .. }, rng) = (setting, &mut rng(37));
        let trustees: Vec<_> = (0..3).map(|_| SigningKey::generate(rng)).collect();
        let ids: Vec<_> = trustees.iter().map(SigningKey::id).collect();
        let committee = Committee::new(2, &ids).unwrap();
        let (dealing, sub_shares) = deal(&world.secret, &world.signer, &committee, rng).unwrap();
        let start = Sharing::of_owner(&world.generation);
        let first = start.reshare(&[start.verify_dealing(&dealing).unwrap()]).unwrap();
        let share = |id| first.share(id, &sub_shares).unwrap();
        let shares = ids.iter().map(share).collect();
        let set = world.range(FEW / 2);
        let admission = setting.admission(set.clone());
        let rules = EmergencyRules::new(&world.signer, first.sharing(), admission, rng).unwrap();
        let (signing, role) = (&doctor.signing, doctor.role(&setting.issuer));
        let request = EmergencyRequest::new(signing, &doctor.public, &role, &rules, &set, &validity(), rng).unwrap();
        let appeal = |trustee| Signed::new(signing, Appeal { request: request.digest(), trustee, at: NOW });
        let appeals = ids.into_iter().map(appeal).collect();
        Self { trustees, sharing: first.sharing().clone(), shares, rules, request, appeals }
    }

    fn approve(&self, setting: &Setting, index: usize) -> (Signed<Approval>, ApprovalKey) {
        let (share, trustee) = (self.shares.get(index).unwrap(), self.trustees.get(index).unwrap());
        let (appeal, rng) = (self.appeals.get(index).unwrap(), &mut rng(38));
        approve(&setting.world.params, share, trustee, &self.rules, &self.request, appeal, NOW, rng).unwrap()
    }
}

/// What the operations have to compute for a set of one range, counted as [`common::primitives`] says.
fn primitives_of(operation: &str) -> Parts {
    use common::primitives::Primitive::*;
    match operation {
        // Hashes: party id, seed, statement.
        "user_keygen" => &[(HpkeKeygen, 1), (Hash, 3), (Sign, 1)],
        // Hashes: party id, statement, its name.
        "verify_user" => &[(Hash, 3), (VerifySignature, 1)],
        // [D_S]; γD_S + mQ; M. Hashes: party id, terms, id, transcript, x, HPKE's seed and randomness, statement, its
        // name; m.
        "delegate" => &[
            (G2Add, 2),
            (G2Mul, 1),
            (G2Fixed, 1),
            (G2Affine, 1),
            (G1Fixed, 1),
            (G1Affine, 1),
            (G1Bytes, 1),
            (HpkeSeal, 1),
            (Hash, 9),
            (HashToScalar, 1),
            (Sign, 1),
        ],
        // [D_S]. Hashes: party id, statement, its name, transcript.
        "verify_grant" => &[(G2Add, 1), (G2Affine, 1), (G1Bytes, 1), (Hash, 4), (VerifySignature, 1)],
        // rk and M, both shifted; the lines through rk and D_S. Hashes: the shift.
        "verify_rekey" => &[
            (G2Fixed, 1),
            (G2Add, 1),
            (G2Affine, 1),
            (G1Fixed, 1),
            (G1Add, 1),
            (G1Affine, 1),
            (G2Bytes, 1),
            (HashToScalar, 1),
            (Prepare, 2),
            (Product3Prepared, 1),
        ],
        // mP; the lines through D_S. Hashes: m.
        "accept_grant" if KEEPS_LINES => {
            &[(HpkeOpen, 1), (HashToScalar, 1), (G1Fixed, 1), (G2Fixed, 1), (G2Affine, 1), (Prepare, 2)]
        }
        "accept_grant" => &[(HpkeOpen, 1), (HashToScalar, 1), (G1Fixed, 1), (Prepare, 1)],
        // τc1; τ⁻¹(rk + [F_{S,i}]). Hashes: τ.
        "reencrypt" => &[
            (G1Mul, 1),
            (G2Add, 2),
            (G2Mul, 1),
            (G1Affine, 1),
            (G2Affine, 1),
            (Inverse, 1),
            (G1Bytes, 1),
            (G2Bytes, 1),
            (HashToScalar, 1),
        ],
        "reencrypt, multiplications alone" => &[(G1Mul, 1), (G2Mul, 1)],
        // The lines through E; tP; and mc1 where lines through mQ are not kept. Hashes: context; t. Derivations: mask, key.
        "open_reencrypted" if KEEPS_LINES => &[
            (G1Fixed, 1),
            (Prepare, 1),
            (Product3Prepared, 1),
            (GtBytes, 1),
            (G1Bytes, 1),
            (Hash, 1),
            (HashToScalar, 1),
            (KdfGt, 1),
            (Kdf, 1),
        ],
        "open_reencrypted" => &[
            (G1Mul, 1),
            (G1Fixed, 1),
            (G1Affine, 1),
            (Prepare, 1),
            (Product3Prepared, 1),
            (GtBytes, 1),
            (G1Bytes, 1),
            (Hash, 1),
            (HashToScalar, 1),
            (KdfGt, 1),
            (Kdf, 1),
        ],
        PRODUCT if KEEPS_LINES => &[(G1Fixed, 1), (Product3Prepared, 1)],
        PRODUCT => &[(G1Mul, 1), (G1Fixed, 1), (Product3Prepared, 1)],
        PRODUCT_AND_LINES if KEEPS_LINES => &[(G1Fixed, 1), (Prepare, 1), (Product3Prepared, 1)],
        PRODUCT_AND_LINES => &[(G1Mul, 1), (G1Fixed, 1), (Prepare, 1), (Product3Prepared, 1)],
        // M'; (m' − m)Q. Hashes: the two party ids, terms, id, transcript, x, HPKE's seed and randomness, statement, its
        // name; the role's statement, issuer, name; m'.
        "refer" => &[
            (G1Fixed, 1),
            (G1Affine, 1),
            (G1Bytes, 1),
            (G2Fixed, 1),
            (G2Affine, 1),
            (HpkeSeal, 1),
            (Hash, 13),
            (HashToScalar, 1),
            (Sign, 1),
            (VerifySignature, 1),
        ],
        // [D_S]; γ_kD_S + m_kQ; M_k. Signatures: rules, request, key, role, appeal. Hashes: five party ids, five
        // statements and their names; transcript, x, HPKE's seed and randomness, statement, its name; m_k.
        "approve" => &[
            (G2Add, 2),
            (G2Mul, 1),
            (G2Fixed, 1),
            (G2Affine, 1),
            (G1Fixed, 1),
            (G1Affine, 1),
            (G1Bytes, 1),
            (HpkeSeal, 1),
            (Hash, 21),
            (HashToScalar, 1),
            (Sign, 1),
            (VerifySignature, 5),
        ],
        // [D_S] and its lines; for each part what verify_rekey takes; Σ λ_k·rk_k. Signatures: rules, request, key, role,
        // two approvals. Hashes: three for each, the grant's name; two shifts.
        "combine, 2 of 3" => &[
            (G2Add, 4),
            (G2Affine, 4),
            (G2Fixed, 2),
            (G1Fixed, 2),
            (G1Add, 2),
            (G1Affine, 2),
            (G1Bytes, 2),
            (G2Bytes, 2),
            (Prepare, 3),
            (Product3Prepared, 2),
            (G2Mul, 2),
            (Inverse, 2),
            (Hash, 19),
            (HashToScalar, 2),
            (VerifySignature, 6),
        ],
        _ => unreachable!("no count for {operation}"),
    }
}

fn operations<'a>(setting: &'a Setting, granted: &'a Granted, emergency: &'a Emergency) -> Vec<Operation<'a>> {
    let Setting { world: World { params, generation, .. }, issuer, doctor, specialist, .. } = setting;
    fn new<'a, O>(name: &'static str, f: impl FnMut() -> O + 'a) -> Operation<'a> {
        Operation::new(name, primitives_of(name), f)
    }
    let user = doctor.signing.id();
    let (role, parts) = (specialist.role(issuer), [0, 2].map(|index| emergency.approve(setting, index)));
    let (mut r1, mut r2) = (rng(40), rng(41));
    let scope = Scope::from(granted.scope.set.clone());
    let multiplications = "reencrypt, multiplications alone";
    vec![
        new("user_keygen", move || Kapre::user_keygen(params, black_box(&doctor.signing), &mut r1).unwrap()),
        new("verify_user", move || Kapre::verify_user(params, black_box(&doctor.public), &user).unwrap()),
        new("delegate", move || setting.delegate(&doctor.verified, black_box(&scope))),
        new("verify_grant", move || Kapre::verify_grant(params, generation, black_box(&granted.grant), NOW).unwrap()),
        new("verify_rekey", move || {
            Kapre::verify_rekey(params, generation, &granted.verified, black_box(&granted.rekey)).unwrap()
        }),
        new("accept_grant", move || Kapre::accept_grant(params, &doctor.secret, black_box(&granted.verified)).unwrap()),
        new("reencrypt", move || setting.reencrypt(granted)).also(multiplications, primitives_of(multiplications)),
        new("open_reencrypted", move || setting.open(granted)).also(PRODUCT, primitives_of(PRODUCT)),
        Operation::new(PRODUCT_AND_LINES, primitives_of(PRODUCT_AND_LINES), move || setting.open(granted)),
        new("refer", move || {
            let (signing, set) = (&doctor.signing, &granted.scope.set);
            let user = black_box(&specialist.verified);
            granted.held.refer(signing, user, &role, set, &validity(), &mut r2).unwrap()
        }),
        new("approve", move || emergency.approve(black_box(setting), 0)),
        new("combine, 2 of 3", move || {
            let Emergency { sharing, rules, request, .. } = emergency;
            combine(params, sharing, rules, request, black_box(&parts)).unwrap()
        }),
    ]
}

fn claim(claim: &str, turns: Turns) {
    let times = format!("{} / {}", time(turns.first), time(turns.second));
    row([claim, &format!("{:.3}", turns.ratio), &times]);
}

/// How many classes "many" are in the claims, and of how many.
const MANY: u32 = 4_000;
const CLASSES: u32 = 8_192;
/// Capsules of a batch.
const CAPSULES: u32 = 256;

fn claims() {
    let setting = Setting::new(CLASSES);
    let World { params, generation, .. } = &setting.world;
    let one = setting.grant(setting.world.range(1));
    let (range, scattered) = (setting.grant(setting.world.range(MANY)), setting.grant(setting.world.scattered(MANY)));
    head(&format!("Kapre on `{BACKEND}`: a set of 4,000 classes beside one class, in turns"), &["", "ratio", "times"]);
    for (name, many) in [("in one range", &range), ("scattered", &scattered)] {
        let delegate =
            |granted: &'_ Granted| drop(black_box(setting.delegate(&setting.doctor.verified, &granted.scope)));
        claim(&format!("delegate, {name}"), Turns::new(&mut || delegate(many), &mut || delegate(&one)));
        let verify = |granted: &'_ Granted| {
            drop(black_box(Kapre::verify_grant(params, generation, &granted.grant, NOW).unwrap()));
        };
        claim(&format!("verify_grant, {name}"), Turns::new(&mut || verify(many), &mut || verify(&one)));
        let rekey = |granted: &'_ Granted| {
            let Granted { verified, rekey, .. } = granted;
            drop(black_box(Kapre::verify_rekey(params, generation, verified, rekey).unwrap()));
        };
        claim(&format!("verify_rekey, {name}"), Turns::new(&mut || rekey(many), &mut || rekey(&one)));
        let reencrypt = |granted: &'_ Granted| _ = black_box(setting.reencrypt(granted));
        claim(&format!("reencrypt, {name}"), Turns::new(&mut || reencrypt(many), &mut || reencrypt(&one)));
        let open = |granted: &'_ Granted| setting.open(granted);
        claim(&format!("open_reencrypted, {name}"), Turns::new(&mut || open(many), &mut || open(&one)));
    }
    batches(&setting, [("one range", &range), ("scattered", &scattered)]);
    sizes([("one class", &one), ("4,000 classes in one range", &range), ("4,000 classes, scattered", &scattered)]);
}

/// `reencrypt_many` beside `reencrypt` one after another.
fn batches(setting: &Setting, sets: [(&str, &Granted); 2]) {
    let World { params, generation, .. } = &setting.world;
    let rayon = if cfg!(feature = "rayon") { "with" } else { "without" };
    head(
        &format!("Kapre on `{BACKEND}`: {CAPSULES} capsules {rayon} `rayon`, at once / one by one, in turns"),
        &["", "ratio", "times, each capsule"],
    );
    for (name, granted) in sets {
        let capsules = setting.world.capsules(&granted.scope.set, CAPSULES as usize, CAPSULES);
        let check =
            |(capsule, ctx): &(Capsule, Context<'_>)| Kapre::verify_capsule(params, generation, capsule, ctx).unwrap();
        let checked: Vec<_> = capsules.iter().map(check).collect();
        let (server, rekey) = (&setting.server, &granted.verified_rekey);
        let pairs: Vec<_> = checked.iter().map(|capsule| (rekey, capsule)).collect();
        let (r1, r2) = (&mut rng(42), &mut rng(43));
        let mut at_once = || drop(black_box(Kapre::reencrypt_many(params, &pairs, server, NOW, r1).unwrap()));
        let mut one_by_one = || {
            for (rekey, capsule) in &pairs {
                let _ = black_box(Kapre::reencrypt(params, rekey, capsule, server, NOW, r2).unwrap());
            }
        };
        let turns = Turns::new(&mut at_once, &mut one_by_one);
        let each = |seconds: f64| seconds / f64::from(CAPSULES);
        claim(name, Turns { first: each(turns.first), second: each(turns.second), ..turns });
    }
}

/// What X-Wing costs above X25519.
fn kems(setting: &Setting) {
    head(&format!("Kapre on `{BACKEND}`: X-Wing / X25519, in turns"), &["", "ratio", "times"]);
    let World { params, generation, .. } = &setting.world;
    let scope = Scope::from(setting.world.range(FEW / 2));
    let parties = [HpkeKem::XWing, HpkeKem::X25519].map(|kem| (kem, Party::new(params, 44, kem)));
    let [xwing, x25519] = &parties;
    let generate = |(kem, party): &(HpkeKem, Party)| {
        drop(black_box(UserSecret::generate(*kem, &party.signing, &mut rng(45)).unwrap()));
    };
    claim("user_keygen", Turns::new(&mut || generate(xwing), &mut || generate(x25519)));
    let delegate = |(_, party): &(HpkeKem, Party)| drop(black_box(setting.delegate(&party.verified, &scope)));
    claim("delegate", Turns::new(&mut || delegate(xwing), &mut || delegate(x25519)));
    let grants = [xwing, x25519].map(|(_, party)| {
        let (grant, _) = setting.delegate(&party.verified, &scope);
        (party, Kapre::verify_grant(params, generation, &grant, NOW).unwrap())
    });
    let [xwing, x25519] = &grants;
    let accept = |(party, grant): &(&Party, VerifiedGrant)| {
        drop(black_box(Kapre::accept_grant(params, &party.secret, grant).unwrap()));
    };
    claim("accept_grant", Turns::new(&mut || accept(xwing), &mut || accept(x25519)));
}

fn sizes(sets: [(&str, &Granted); 3]) {
    head("Kapre: bytes", &["set", "re-encryption key", "re-encrypted capsule", "grant", "ranges in it"]);
    for (name, Granted { rekey, parts: [part], grant, scope, .. }) in sets {
        let rekey = rekey.to_secret_bytes().len().to_string();
        row([name, &rekey, &len(part), &len(grant), &scope.set.ranges().len().to_string()]);
    }
}

fn main() {
    let mut run = Run::new();
    let setting = Setting::new(FEW);
    let (granted, emergency) = (setting.grant(setting.world.range(FEW / 2)), Emergency::new(&setting));
    let mut operations = operations(&setting, &granted, &emergency);
    benches("kapre", BACKEND, &mut run.criterion, &mut operations);
    run.finish(|_| {
        ratios("Kapre", BACKEND, &mut operations);
        kems(&setting);
        claims();
    });
}
