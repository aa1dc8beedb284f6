//! What a delegatee does with the servers' parts: put them together, and only when that fails ask who lied.

use alloc::collections::btree_map::Entry;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::capsule::{Capsule, finish};
use super::fragment::{Part, Statement};
use super::grant::{UserGrant, VerifiedGrant};
use crate::context::Context;
use crate::error::OpenError;
use crate::hash::{Digest, hash, label};
use crate::kem::SharedKey;
use crate::pre::GrantTerms;
use crate::ristretto::{Element, Point, Scalar, vartime_invert_all};

/// A part that was checked: it is what the fragment of its number makes of the capsule. It cannot be decoded.
#[derive(Clone, Debug)]
pub struct VerifiedPart {
    part: Part,
    grant: Digest,
    c1: Point,
    ctx: Digest,
}

impl VerifiedPart {
    /// Its number.
    pub fn index(&self) -> u8 {
        self.part.index()
    }
}

/// A part with what it is said to be a part of.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The grant that the server carries out.
    pub grant: &'a VerifiedGrant,
    /// The capsule that was to be re-encrypted.
    pub capsule: &'a Capsule,
    /// The capsule's context.
    pub ctx: &'a Context<'a>,
    /// The part.
    pub part: &'a Part,
}

/// U_k by grant and number: once for all parts that one fragment made.
#[derive(Default)]
struct Images(BTreeMap<(Digest, u8), Point>);

impl Images {
    fn vartime_of(&mut self, grant: &VerifiedGrant, index: u8) -> Point {
        *self.0.entry((grant.digest(), index)).or_insert_with(|| grant.grant().vartime_image(index))
    }
}

impl<'a> Claim<'a> {
    /// The statement of the part's proof; `None` where no server of the grant could have made the part.
    fn statement(&self, images: &mut Images) -> Option<Statement<'a>> {
        let Claim { grant, capsule, ctx, part } = *self;
        let known = grant.grant().servers().server(part.index()).is_some() && grant.key().covers(ctx);
        let image = known.then(|| images.vartime_of(grant, part.index()))?;
        Some(Statement { grant, c1: capsule.c1(), ctx: ctx.digest(), image })
    }

    /// The same, with e and z of the proof.
    fn proof(&self, images: &mut Images) -> Option<(Statement<'a>, (Scalar, Scalar))> {
        let statement = self.statement(images)?;
        let scalars = statement.scalars(self.part)?;
        Some((statement, scalars))
    }

    fn verified(&self, statement: &Statement<'_>) -> VerifiedPart {
        let Statement { grant, c1, ctx, .. } = *statement;
        VerifiedPart { part: self.part.clone(), grant: grant.digest(), c1: *c1, ctx }
    }
}

/// Checks one part.
pub(super) fn vartime_verify(claim: &Claim<'_>) -> Option<VerifiedPart> {
    let statement = claim.statement(&mut Images::default()).filter(|statement| statement.vartime_verify(claim.part))?;
    Some(claim.verified(&statement))
}

/// Both equations of a proof, each times a weight, as a sum that is zero: w(R1 + e·E − z·c1) + v(R2 + e·U − z·B). With
/// these signs the commitments' scalars are the weights, which cost half of what others do.
struct Weighted {
    terms: [(Scalar, Point); 6],
}

impl Weighted {
    fn new(statement: &Statement<'_>, (e, z): &(Scalar, Scalar), part: &Part, weights: [[u8; 16]; 2]) -> Option<Self> {
        let [first, second] = part.commitments()?;
        let ([w, v], minus_z) = (weights.map(|half| Scalar::from_half(&half)), -z);
        let terms = [
            (&w * &minus_z, *statement.c1),
            (&w * e, *part.e()),
            (w, first),
            (&v * &minus_z, Point::generator()),
            (&v * e, statement.image),
            (v, second),
        ];
        Some(Self { terms })
    }
}

/// The sum of all. Equal points count once: one capsule's c1, one server's U, the generator.
fn vartime_total(proofs: &[(usize, Weighted)]) -> Element {
    let mut sum: BTreeMap<&[u8; Point::LEN], (Scalar, Element)> = BTreeMap::new();
    for (k, point) in proofs.iter().flat_map(|(_, proof)| &proof.terms) {
        match sum.entry(point.as_bytes()) {
            Entry::Vacant(entry) => drop(entry.insert((k.clone(), point.element()))),
            Entry::Occupied(mut entry) => {
                let (total, _) = entry.get_mut();
                *total = &*total + k;
            }
        }
    }
    Element::vartime_sum(sum.values().map(|(k, element)| (k, *element)))
}

/// Collects the numbers of the proofs that do not hold, given the sum of all. What one half lacks of it is the sum of the
/// other.
fn vartime_blame(proofs: &[(usize, Weighted)], total: Element, bad: &mut BTreeSet<usize>) {
    if total.is_identity() {
        return;
    }
    match proofs {
        [] => {}
        [(number, _)] => drop(bad.insert(*number)),
        _ => {
            let (left, right) = proofs.split_at(proofs.len() / 2);
            let sum = vartime_total(left);
            vartime_blame(left, sum, bad);
            vartime_blame(right, total + -sum, bad);
        }
    }
}

/// Checks all parts at once. `secret` is unknown to whoever made them: the weights follow from it and from everything
/// that the proofs say.
pub(super) fn vartime_verify_all(claims: &[Claim<'_>], secret: &[u8; 32]) -> Vec<Option<VerifiedPart>> {
    let mut images = Images::default();
    let proofs: Vec<_> = claims.iter().map(|claim| claim.proof(&mut images)).collect();
    let mut transcript = hash(label::THRESHOLD_BATCH, &[secret]);
    for proof in &proofs {
        // A challenge stands for everything but the response.
        let (e, z) = proof.as_ref().map(|(_, (e, z))| (e.to_bytes(), z.to_bytes())).unwrap_or_default();
        transcript = transcript.part(&*e).part(&*z);
    }
    let seed = transcript.wide();
    let (mut weighted, mut bad) = (Vec::with_capacity(claims.len()), BTreeSet::new());
    for (number, (proof, claim)) in proofs.iter().zip(claims).enumerate() {
        let weights = hash(label::THRESHOLD_WEIGHT, &[&*seed, &(number as u64).to_be_bytes()]).halves();
        match proof.as_ref().and_then(|(statement, scalars)| Weighted::new(statement, scalars, claim.part, weights)) {
            Some(proof) => weighted.push((number, proof)),
            None => drop(bad.insert(number)),
        }
    }
    vartime_blame(&weighted, vartime_total(&weighted), &mut bad);
    let parts = proofs.iter().zip(claims).enumerate().map(|(number, (proof, claim))| {
        let (statement, _) = proof.as_ref().filter(|_| !bad.contains(&number))?;
        Some(claim.verified(statement))
    });
    parts.collect()
}

/// d·Σλ_kE_k = ρA, from parts whose numbers differ.
fn combine(grant: &UserGrant, parts: &[&Part]) -> Zeroizing<Element> {
    if let [part] = parts {
        return Zeroizing::new(part.e().mul(grant.d()));
    }
    let numbers: Vec<_> = parts.iter().map(|part| Scalar::from_u64(part.index().into())).collect();
    let one = Scalar::from_u64(1);
    // λ_k = Π j/(j − k) over the other numbers j.
    let product = |k: usize, factor: &dyn Fn(&Scalar) -> Scalar| {
        let others = numbers.iter().enumerate().filter(|(j, _)| *j != k);
        others.fold(one.clone(), |product, (_, j)| &product * &factor(j))
    };
    let denominators: Vec<_> = numbers.iter().enumerate().map(|(i, k)| product(i, &|j| j - k)).collect();
    let inverses = vartime_invert_all(&denominators).into_iter().enumerate();
    let weights: Vec<_> = inverses.map(|(i, inverse)| &(&product(i, &Scalar::clone) * &inverse) * grant.d()).collect();
    Zeroizing::new(Element::sum(weights.iter().zip(parts.iter().map(|part| part.e().element()))))
}

/// The first part of each number, as many as the grant needs.
fn enough<'a>(grant: &UserGrant, parts: impl IntoIterator<Item = &'a Part>) -> Result<Vec<&'a Part>, OpenError> {
    let servers = grant.grant().grant().servers();
    let mut seen = BTreeSet::new();
    let known = |part: &&Part| servers.server(part.index()).is_some() && seen.insert(part.index());
    let chosen: Vec<_> = parts.into_iter().filter(known).take(servers.threshold().into()).collect();
    if chosen.len() == usize::from(servers.threshold()) { Ok(chosen) } else { Err(OpenError) }
}

/// Opens from parts that were checked before.
pub(super) fn open_verified(
    grant: &UserGrant,
    capsule: &Capsule,
    parts: &[VerifiedPart],
    ctx: &Context<'_>,
) -> Result<SharedKey, OpenError> {
    let (digest, ctx) = (grant.grant().digest(), ctx.digest());
    let of = |part: &&VerifiedPart| part.grant == digest && part.c1 == *capsule.c1() && part.ctx == ctx;
    let chosen = enough(grant, parts.iter().filter(of).map(|part| &part.part))?;
    finish(&combine(grant, &chosen), capsule, &ctx)
}

/// Opens as if nobody lied, and only when that fails finds out who did.
pub(super) fn open(
    grant: &UserGrant,
    capsule: &Capsule,
    parts: &[Part],
    ctx: &Context<'_>,
) -> Result<SharedKey, OpenError> {
    if !grant.grant().key().covers(ctx) {
        return Err(OpenError);
    }
    let chosen = enough(grant, parts)?;
    finish(&combine(grant, &chosen), capsule, &ctx.digest()).or_else(|OpenError| {
        let verified: Vec<_> = verify_for(grant, capsule, parts, ctx).into_iter().flatten().collect();
        open_verified(grant, capsule, &verified, ctx)
    })
}

/// Checks the parts of one capsule as the delegatee, whose d no server knows.
pub(super) fn verify_for(
    grant: &UserGrant,
    capsule: &Capsule,
    parts: &[Part],
    ctx: &Context<'_>,
) -> Vec<Option<VerifiedPart>> {
    let claims: Vec<_> = parts.iter().map(|part| Claim { grant: grant.grant(), capsule, ctx, part }).collect();
    vartime_verify_all(&claims, &grant.d().to_bytes())
}
