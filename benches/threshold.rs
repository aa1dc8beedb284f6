//! Re-encryption by several servers: every operation of `Threshold` beside the sum of its primitives, many parts checked at
//! once beside one by one, the search for liars, and the sums that these stand on. What matters is timed in turns with what
//! it is compared with.
//!
//! `cargo bench --bench threshold`. It has no other backend.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::hint::black_box;
use std::sync::Arc;

use common::kac::len;
use common::primitives::{Operation, Parts, Turns, benches, ratios};
use common::report::{Run, head, row, time};
use common::{Keys, NOW, RECORD, rng, validity};
use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::VartimeMultiscalarMul;
use sesphr::context::{Context, Partition, Period, RecordId, Subject};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::identity::{Signed, SigningKey};
use sesphr::pre::Pre;
use sesphr::pre::threshold::{
    Capsule, Claim, Fragment, Grant, LabelTree, Part, Servers, Terms, Threshold, UserGrant, VerifiedFragment,
    VerifiedGrant,
};

/// The library that it computes with.
const ON: &str = "curve25519-dalek";

/// How many servers it takes, and of how many.
const COMMITTEES: [(u8, usize); 3] = [(1, 1), (2, 3), (5, 9)];

/// A capsule with its context.
type Sealed = (Capsule, Context<'static>);

/// A grant divided among servers, past every check.
struct Division {
    terms: Terms,
    grant: Signed<Grant>,
    /// The last server's, whose number takes the most additions.
    fragment: Fragment,
    verified: VerifiedGrant,
    verified_fragments: Vec<VerifiedFragment>,
    held: UserGrant,
}

struct Setting {
    keys: Keys<Threshold>,
    servers: Vec<SigningKey>,
}

impl Setting {
    fn new() -> Self {
        let rng = &mut rng(50);
        Self { keys: Keys::new(), servers: (0..9).map(|_| SigningKey::generate(rng)).collect() }
    }

    fn delegate(&self, terms: &Terms) -> (Signed<Grant>, Vec<Fragment>) {
        let (Keys { owner_secret, signer, verified_user, .. }, rng) = (&self.keys, &mut rng(51));
        Threshold::delegate(&(), owner_secret, signer, verified_user, &(), terms, rng).unwrap()
    }

    fn divide(&self, (threshold, among): (u8, usize)) -> Division {
        let Keys { owner, user_secret, .. } = &self.keys;
        let ids = self.servers.iter().take(among).map(SigningKey::id);
        let terms = Terms { validity: validity(), servers: Servers::new(threshold, ids).unwrap() };
        let (grant, mut fragments) = self.delegate(&terms);
        let verified = Threshold::verify_grant(&(), owner, &grant, NOW).unwrap();
        let held = Threshold::accept_grant(&(), user_secret, &verified).unwrap();
        let verify = |fragment| Threshold::verify_rekey(&(), owner, &verified, fragment).unwrap();
        let verified_fragments = fragments.iter().map(verify).collect();
        Division { terms, grant, fragment: fragments.pop().unwrap(), verified, verified_fragments, held }
    }

    /// A capsule of a record with this number.
    fn seal(&self, record: u8) -> Sealed {
        let Keys { owner, author, .. } = &self.keys;
        let record = RecordId::from_array([record; 16]);
        let subject = Subject { record, version: 1, author: author.id(), aad: &[] };
        let ctx = Threshold::context(&(), owner, &(), &subject);
        (Threshold::encapsulate(&(), owner, &ctx, author, &mut rng(52)).unwrap().0, ctx)
    }

    /// By so many servers, the last ones.
    fn reencrypt(&self, division: &Division, (capsule, ctx): &Sealed, servers: usize) -> Vec<Part> {
        let (checked, rng) = (Threshold::verify_capsule(&(), &self.keys.owner, capsule, ctx).unwrap(), &mut rng(53));
        let with_keys = division.verified_fragments.iter().zip(&self.servers).rev().take(servers);
        let one = |(fragment, server)| Threshold::reencrypt(&(), fragment, &checked, server, NOW, rng).unwrap();
        with_keys.map(one).collect()
    }
}

/// What the operations have to compute, counted as [`common::primitives`] says.
fn primitives_of(operation: &str) -> Parts {
    use common::primitives::Primitive::*;
    match operation {
        // A. Hashes: party id, origin, statement; a.
        "owner_keygen" => &[(RFixed, 1), (REncode, 1), (Hash, 3), (RHashToScalar, 1), (Sign, 1)],
        // Hashes: party id, statement, its name, origin. Nodes: the leaf, and a path of 6.
        "verify_owner" => &[(Hash, 4), (Node, 7), (VerifySignature, 1)],
        // Nodes: the leaves, and all above.
        TREE => &[(RFixed, 4096), (REncodeOf(4096), 1), (RHashToScalar, 4096), (Node, 8191)],
        // B. Hashes: party id, statement; b.
        "user_keygen" => &[(RFixed, 1), (REncode, 1), (Hash, 2), (RHashToScalar, 1), (Sign, 1)],
        // Hashes: party id, statement, its name.
        "verify_user" => &[(Hash, 3), (VerifySignature, 1)],
        // c1 and the proof's commitment; ρA. Hashes: context, party id, challenge; ρ, nonce. Derivations: key, tag.
        "encapsulate" => {
            &[(RFixed, 2), (REncodeOf(2), 1), (RMul, 1), (REncode, 1), (Hash, 3), (RHashToScalar, 2), (Kdf, 2)]
        }
        "encapsulate, precomputed owner" => {
            &[(RFixed, 2), (REncodeOf(2), 1), (RTable, 1), (REncode, 1), (Hash, 3), (RHashToScalar, 2), (Kdf, 2)]
        }
        // Hashes: context, challenge.
        "verify_capsule" => &[(RDouble, 1), (REncode, 1), (Hash, 2)],
        // ρA. Hashes: context. Derivations: key, tag.
        "open" => &[(RMul, 1), (REncode, 1), (Hash, 1), (Kdf, 2)],
        // X and x'·bB; d⁻¹; the commitments. Hashes: party id, name of the grant, statement, its name; x', d, coefficients.
        "delegate, 1 of 1" => {
            &[(RFixed, 2), (RMul, 1), (REncode, 3), (RInverse, 1), (Hash, 4), (RHashToScalar, 2), (Sign, 1)]
        }
        // The same; the names of three servers fill half a hash, those of nine more than one.
        "delegate, 2 of 3" | "refresh, 2 of 3" => &[
            (RFixed, 3),
            (RMul, 1),
            (REncode, 2),
            (REncodeOf(2), 1),
            (RInverse, 1),
            (Hash, 6),
            (RHashToScalar, 3),
            (Sign, 1),
        ],
        "delegate, 5 of 9" => &[
            (RFixed, 6),
            (RMul, 1),
            (REncode, 2),
            (REncodeOf(5), 1),
            (RInverse, 1),
            (Hash, 12),
            (RHashToScalar, 6),
            (Sign, 1),
        ],
        // Hashes: party id, statement, its name, with the names of three servers.
        "verify_grant, 2 of 3" => &[(Hash, 4), (VerifySignature, 1)],
        // U_k, from the fragment and from the commitments.
        "verify_rekey, 1 of 1" => &[(RFixed, 1)],
        "verify_rekey, 2 of 3" => &[(RFixed, 1), (REncode, 1), (RAdd, 3)],
        "verify_rekey, 5 of 9" => &[(RFixed, 1), (REncode, 1), (RAdd, 20)],
        // b·X, d·F_0. Hashes: d.
        "accept_grant" => &[(RMul, 2), (REncode, 1), (RHashToScalar, 1)],
        // E_k; the proof's commitments. Hashes: challenge, over two times as much; nonce.
        "reencrypt" => &[(RMul, 2), (RFixed, 1), (REncodeOf(3), 1), (Hash, 2), (RHashToScalar, 1)],
        // U_k; both equations. Hashes: context, challenge, over two times as much.
        "verify_part, 1 of 1" => &[(RVarDouble, 1), (RDouble, 1), (REncode, 2), (Hash, 3)],
        "verify_part, 2 of 3" => &[(RVarDouble, 1), (RDouble, 1), (REncode, 3), (RAdd, 3), (Hash, 3)],
        "verify_part, 5 of 9" => &[(RVarDouble, 1), (RDouble, 1), (REncode, 3), (RAdd, 20), (Hash, 3)],
        // ρA. Hashes: context. Derivations: key, tag.
        "open_reencrypted, 1 of 1" => &[(RMul, 1), (REncode, 1), (Hash, 1), (Kdf, 2)],
        "open_reencrypted, 2 of 3" => &[(RSum(2), 1), (RInverse, 1), (REncode, 1), (Hash, 1), (Kdf, 2)],
        "open_reencrypted, 5 of 9" => &[(RSum(5), 1), (RInverse, 1), (REncode, 1), (Hash, 1), (Kdf, 2)],
        _ => unreachable!("no count for {operation}"),
    }
}

const TREE: &str = "tree of 4 × 1024 labels";

fn new<'a, O>(name: &'static str, f: impl FnMut() -> O + 'a) -> Operation<'a> {
    Operation::new(name, primitives_of(name), f)
}

/// What does not depend on the committee.
fn operations<'a>(setting: &'a Setting, division: &'a Division) -> Vec<Operation<'a>> {
    let Setting { keys, servers } = setting;
    let Keys { root, signer, author, owner, owner_secret, user, .. } = keys;
    let (owner_id, user_id, precomputed) = (signer.id(), user.id(), owner.clone().precompute());
    let (capsule, ctx) = setting.seal(0);
    let checked = Threshold::verify_capsule(&(), owner, &capsule, &ctx).unwrap();
    let (opened, Division { verified, verified_fragments, .. }) = (capsule.clone(), division);
    let [mut r1, mut r2, mut r3, mut r4, mut r5, mut r6] = [54, 55, 56, 57, 58, 59].map(rng);
    vec![
        new("owner_keygen", move || {
            Threshold::owner_keygen(&(), root, signer, black_box(&keys.key_label), &mut r1).unwrap()
        }),
        new("verify_owner", move || Threshold::verify_owner(&(), black_box(&keys.owner_public), &owner_id).unwrap()),
        new(TREE, move || LabelTree::derive(black_box(root), owner_id, Partition::SESPHR, 1024).unwrap()),
        new("user_keygen", move || Threshold::user_keygen(&(), black_box(user), &mut r2).unwrap()),
        new("verify_user", move || Threshold::verify_user(&(), black_box(&keys.user_public), &user_id).unwrap()),
        new("encapsulate", move || Threshold::encapsulate(&(), owner, black_box(&ctx), author, &mut r3).unwrap()),
        new("encapsulate, precomputed owner", move || {
            Threshold::encapsulate(&(), &precomputed, black_box(&ctx), author, &mut r4).unwrap()
        }),
        new("verify_capsule", move || Threshold::verify_capsule(&(), owner, black_box(&capsule), &ctx).unwrap()),
        new("open", move || Threshold::open(&(), owner_secret, black_box(&opened), &ctx).unwrap()),
        new("verify_grant, 2 of 3", move || {
            Threshold::verify_grant(&(), owner, black_box(&division.grant), NOW).unwrap()
        }),
        new("refresh, 2 of 3", move || {
            let servers = &division.terms.servers;
            Threshold::refresh(owner_secret, signer, black_box(verified), servers, &mut r5).unwrap()
        }),
        new("accept_grant", move || Threshold::accept_grant(&(), &keys.user_secret, black_box(verified)).unwrap()),
        new("reencrypt", move || {
            let (fragment, server) = (verified_fragments.first().unwrap(), servers.first().unwrap());
            Threshold::reencrypt(&(), fragment, black_box(&checked), server, NOW, &mut r6).unwrap()
        }),
    ]
}

/// What does.
fn committee_operations<'a>(setting: &'a Setting, division: &'a Division) -> Vec<Operation<'a>> {
    let Division { terms, fragment, verified, held, .. } = division;
    let sealed = setting.seal(0);
    let parts = setting.reencrypt(division, &sealed, terms.servers.threshold().into());
    let ((capsule, ctx), first) = (sealed.clone(), parts.first().unwrap().clone());
    let of = |operations: [&'static str; COMMITTEES.len()]| {
        let of = |(t, n): (u8, usize)| t == terms.servers.threshold() && n == terms.servers.ids().len();
        let at = COMMITTEES.into_iter().position(of);
        at.and_then(|at| operations.into_iter().nth(at)).unwrap()
    };
    vec![
        new(of(["delegate, 1 of 1", "delegate, 2 of 3", "delegate, 5 of 9"]), move || {
            setting.delegate(black_box(terms))
        }),
        new(of(["verify_rekey, 1 of 1", "verify_rekey, 2 of 3", "verify_rekey, 5 of 9"]), move || {
            Threshold::verify_rekey(&(), &setting.keys.owner, verified, black_box(fragment)).unwrap()
        }),
        new(of(["verify_part, 1 of 1", "verify_part, 2 of 3", "verify_part, 5 of 9"]), move || {
            let claim = Claim { grant: verified, capsule: &capsule, ctx: &ctx, part: black_box(&first) };
            Threshold::vartime_verify_part(&claim).unwrap()
        }),
        new(of(["open_reencrypted, 1 of 1", "open_reencrypted, 2 of 3", "open_reencrypted, 5 of 9"]), move || {
            let (capsule, ctx) = &sealed;
            Threshold::open_reencrypted(&(), held, black_box(capsule), &parts, ctx).unwrap()
        }),
    ]
}

fn claim(claim: &str, turns: Turns) {
    let times = format!("{} / {}", time(turns.first), time(turns.second));
    row([claim, &format!("{:.3}", turns.ratio), &times]);
}

/// Parts of a batch.
const BATCH: u8 = 64;

/// The parts that so many servers make of as many capsules as it takes.
struct Batch<'a> {
    grant: &'a VerifiedGrant,
    parts: Vec<(Sealed, Part)>,
}

impl<'a> Batch<'a> {
    fn new(setting: &Setting, division: &'a Division, servers: u8) -> Self {
        let of = |record| {
            let sealed = setting.seal(record);
            let parts = setting.reencrypt(division, &sealed, servers.into());
            parts.into_iter().map(move |part| (sealed.clone(), part))
        };
        Self { grant: &division.verified, parts: (0..BATCH / servers).flat_map(of).collect() }
    }

    /// With one wrong part.
    fn lie(mut self, at: usize) -> Self {
        let (_, part) = self.parts.get_mut(at).unwrap();
        let mut bytes = part.to_bytes();
        // In the response, which stays canonical.
        *bytes.iter_mut().nth_back(16).unwrap() ^= 1;
        *part = Part::from_bytes(&bytes).unwrap();
        self
    }

    fn claims(&self) -> Vec<Claim<'_>> {
        let parts = self.parts.iter();
        parts.map(|((capsule, ctx), part)| Claim { grant: self.grant, capsule, ctx, part }).collect()
    }
}

fn at_once(claims: &[Claim<'_>], good: usize) {
    let verified = Threshold::vartime_verify_parts(black_box(claims), &mut rng(60)).unwrap();
    assert_eq!(verified.iter().flatten().count(), good);
}

fn one_by_one(claims: &[Claim<'_>], good: usize) {
    let verified = black_box(claims).iter().filter_map(Threshold::vartime_verify_part);
    assert_eq!(verified.count(), good);
}

/// A batch takes at most half of what its parts take one by one.
fn batches(setting: &Setting, divisions: &[Division]) {
    head(&format!("Threshold: {BATCH} parts, in turns"), &["", "ratio", "times"]);
    let all = usize::from(BATCH);
    for division in divisions {
        let (t, n) = (division.terms.servers.threshold(), division.terms.servers.ids().len());
        for servers in [2, 1].into_iter().filter(|servers| usize::from(*servers) <= n) {
            let (batch, capsules) = (Batch::new(setting, division, servers), BATCH / servers);
            let claims = batch.claims();
            let name = format!("{t} of {n}, {capsules} capsules by {servers}: at once / one by one");
            claim(&name, Turns::new(&mut || at_once(&claims, all), &mut || one_by_one(&claims, all)));
        }
    }
    let [_, division, ..] = divisions else { unreachable!("more than one") };
    let (good, bad) = (Batch::new(setting, division, 2), Batch::new(setting, division, 2).lie(21));
    let (good, bad) = (good.claims(), bad.claims());
    let mut with_one = || at_once(&bad, all - 1);
    claim("a wrong one among them: at once / all right", Turns::new(&mut with_one, &mut || at_once(&good, all)));
    claim("a wrong one among them: at once / one by one", Turns::new(&mut with_one, &mut || one_by_one(&bad, all - 1)));
}

/// What a delegatee pays when a server lies: another has to be asked, and opening with one part more finds out.
fn liars(setting: &Setting, divisions: &[Division]) {
    head("Threshold: opening with a wrong part first / with right ones, in turns", &["", "ratio", "times"]);
    for division in divisions {
        let (t, n) = (division.terms.servers.threshold(), division.terms.servers.ids().len());
        let sealed = setting.seal(0);
        let mut parts = setting.reencrypt(division, &sealed, n);
        parts.truncate(usize::from(t) + 1);
        // With one server there is nobody else to ask.
        if parts.len() <= usize::from(t) {
            continue;
        }
        let right = parts.clone();
        let other = setting.reencrypt(division, &setting.seal(1), n);
        parts.splice(..1, other.into_iter().take(1));
        let open = |parts: &[Part]| {
            let (capsule, ctx) = &sealed;
            let _ = black_box(Threshold::open_reencrypted(&(), &division.held, capsule, parts, ctx).unwrap());
        };
        claim(&format!("{t} of {n}"), Turns::new(&mut || open(&parts), &mut || open(&right)));
    }
}

/// How many points the sums of the table below have: those of 64 parts of 64 capsules.
const SUM: u32 = 4 * 64 + 2;

/// Where a long sum of public points is best divided. Half of the scalars have 128 bits, as in a batch.
fn chunks() {
    let scalar = |i: u32| {
        let wide = (0..64).map(|at: u32| ((i + 1).wrapping_mul(2_654_435_761).wrapping_mul(at + 7) >> 13) as u8);
        Scalar::from_bytes_mod_order_wide(&wide.collect::<Vec<_>>().try_into().unwrap())
    };
    let half = |k: Scalar| Scalar::from(u128::from_le_bytes(*k.as_bytes().first_chunk().unwrap()));
    let weight = |i: u32| if i & 1 == 1 { half(scalar(i)) } else { scalar(i) };
    let terms: Vec<_> = (0..SUM).map(|i| (weight(i), RistrettoPoint::mul_base(&scalar(!i >> 1)))).collect();
    let sum = |chunk: usize| {
        let one = |terms: &[(Scalar, RistrettoPoint)]| {
            RistrettoPoint::vartime_multiscalar_mul(terms.iter().map(|(k, _)| k), terms.iter().map(|(_, point)| point))
        };
        let _ = black_box(black_box(&terms).chunks(chunk).map(one).sum::<RistrettoPoint>());
    };
    head(&format!("Sums of {SUM} points, in chunks / at once, in turns"), &["points in a chunk", "ratio", "times"]);
    for chunk in [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 128, 192] {
        claim(&chunk.to_string(), Turns::new(&mut || sum(chunk), &mut || sum(SUM as usize)));
    }
}

fn sizes(setting: &Setting, divisions: &[Division]) {
    let Keys { root, signer, .. } = &setting.keys;
    let tree = Arc::new(LabelTree::derive(root, signer.id(), Partition::SESPHR, 1024).unwrap());
    let label = tree.label(&Period { partition: Partition::MEDICAL, epoch: 0 }).unwrap();
    let (_, public) = Threshold::owner_keygen(&(), root, signer, &label, &mut rng(61)).unwrap();
    println!("\nAn owner's key with its path in a tree of 4 × 1024 labels: {} bytes.", len(&public));
    head("Threshold: bytes", &["committee", "signed grant", "fragment", "part", "capsule"]);
    let (capsule, ctx) = setting.seal(RECORD.as_bytes()[0]);
    for division in divisions {
        let Division { terms: Terms { servers, .. }, grant, fragment, .. } = division;
        let parts = setting.reencrypt(division, &(capsule.clone(), ctx), 1);
        let committee = format!("{} of {}", servers.threshold(), servers.ids().len());
        let fragment = fragment.to_secret_bytes().len().to_string();
        row([committee, len(grant), fragment, len(parts.first().unwrap()), len(&capsule)]);
    }
}

fn main() {
    let mut run = Run::new();
    let setting = Setting::new();
    let divisions = COMMITTEES.map(|committee| setting.divide(committee));
    let mut operations = operations(&setting, &divisions[1]);
    operations.extend(divisions.iter().flat_map(|division| committee_operations(&setting, division)));
    benches("threshold", ON, &mut run.criterion, &mut operations);
    run.finish(|_| {
        ratios("Threshold", ON, &mut operations);
        batches(&setting, &divisions);
        liars(&setting, &divisions);
        chunks();
        sizes(&setting, &divisions);
    });
}
