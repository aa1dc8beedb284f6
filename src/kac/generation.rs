//! An owner's keys: generations, their certificates, and the chain that they form.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;
use zeroize::ZeroizeOnDrop;

use super::capsule::same_multiple;
use super::{ClassGrid, GenerationError, Params};
use crate::context::{Context, Partition, Period, Slot, Subject};
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding, put_count};
use crate::error::DecodeError;
use crate::hash::{Digest, Hasher, label};
use crate::identity::{PartyId, Signed, SigningKey};
use crate::kem::{OwnerRoot, OwnerTerms};
use crate::pairing::{G1Affine, G2Affine, Scalar, mul_p, mul_q};
use crate::pok::{Proof, nonzero, read_g1, read_g2};

/// What an owner publishes of one generation of its key: V1 = γP and V2 = γQ with a proof that the owner knows γ, for
/// which parameters and which [`ClassGrid`], after which generation. It travels as `Signed<GenerationCert>`; writers
/// use it as [`VerifiedGeneration`] only, since a cloud that serves a key of its own would read what is written.
///
/// The certificate fixes what each class means, so that a writer and a reader cannot differ about it.
///
/// Encoded length: 4 + 32 + 4 + grid + 32 + 48 + 96 + 64 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerationCert {
    terms: Terms,
    proof: Proof,
}

/// Everything that a certificate states.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Terms {
    params: Digest,
    generation: u32,
    grid: ClassGrid,
    /// The origin of the generation before; [`Digest::NONE`] for the first.
    previous: Digest,
    v1: G1Affine,
    v2: G2Affine,
}

impl Terms {
    fn write(&self, sink: &mut dyn Sink) {
        sink.put(self.params.as_bytes());
        sink.put(&self.generation.to_be_bytes());
        self.grid.write(sink);
        sink.put(self.previous.as_bytes());
        sink.put(&self.v1.to_bytes());
        sink.put(&self.v2.to_bytes());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            params: Digest::from_array(reader.array()?),
            generation: reader.u32()?,
            grid: ClassGrid::read(reader)?,
            previous: Digest::from_array(reader.array()?),
            v1: read_g1(reader)?,
            v2: read_g2(reader)?,
        })
    }

    /// The generation's name in contexts and in the next certificate. The proof is left out, so that a key derived
    /// again from the root has its old name.
    fn origin(&self, owner: &PartyId) -> Digest {
        let mut hasher = Hasher::new(label::KAC_ORIGIN).part(owner.as_bytes());
        self.write(&mut hasher);
        hasher.digest()
    }
}

impl GenerationCert {
    /// The digest of the parameters.
    pub fn params(&self) -> Digest {
        self.terms.params
    }

    /// The number of the generation, from 0.
    pub fn generation(&self) -> u32 {
        self.terms.generation
    }

    /// What the classes stand for.
    pub fn grid(&self) -> &ClassGrid {
        &self.terms.grid
    }
}

impl Message for GenerationCert {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::GENERATION_CERT;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.terms.write(sink);
        self.proof.write(sink);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { terms: Terms::read(reader)?, proof: Proof::read(reader)? })
    }
}

/// The certificates of an owner's generations, oldest first. [`GenerationChain::verify`] checks them all.
///
/// Encoded length: 4 + 4 bytes + the certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerationChain(Vec<Signed<GenerationCert>>);

impl GenerationChain {
    /// Most generations of a chain. A new one begins with generation 0 again, under another grid or other parameters.
    pub const MAX: usize = 1 << 12;

    /// A chain that begins with `first`.
    pub fn new(first: Signed<GenerationCert>) -> Self {
        Self(Vec::from([first]))
    }

    /// Adds the next generation, unchecked.
    pub fn push(&mut self, next: Signed<GenerationCert>) {
        self.0.push(next);
    }

    /// The chain up to a generation.
    pub(crate) fn until(&self, generation: u32) -> Self {
        Self((0..=generation).zip(&self.0).map(|(_, cert)| cert.clone()).collect())
    }

    /// The certificates, unchecked.
    pub fn certs(&self) -> &[Signed<GenerationCert>] {
        &self.0
    }

    /// Checks every certificate and that each continues the one before. The result is the newest generation.
    ///
    /// Costs a signature, a double multiplication in G1 and a product of two pairings a generation: some 2 ms each, so a
    /// chain of the greatest length takes seconds. A client that
    /// keeps a [`VerifiedGeneration`] checks the next certificate alone, with [`VerifiedGeneration::succeeded_by`].
    ///
    /// # Errors
    /// [`GenerationError`] naming the first check that failed.
    pub fn verify(&self, params: &Params, owner: &PartyId) -> Result<VerifiedGeneration, GenerationError> {
        let mut newest = None;
        for cert in &self.0 {
            newest = Some(verify(params, cert, owner, newest.as_ref())?);
        }
        newest.ok_or(GenerationError::Chain)
    }
}

impl Message for GenerationChain {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::GENERATION_CHAIN;

    fn encode_body(&self, sink: &mut dyn Sink) {
        put_count(sink, self.0.len());
        self.0.iter().for_each(|cert| cert.write(sink));
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        // Header, key and signature of a signed certificate, and the fields whose length is fixed.
        let count = reader.count(Self::MAX, 4 + 32 + 64 + 4 + 32 + 4 + 32 + 48 + 96 + Proof::LEN)?;
        if count == 0 {
            return Err(DecodeError::Length);
        }
        (0..count).map(|_| Signed::read(reader)).collect::<Result<_, _>>().map(Self)
    }
}

public_encoding!(GenerationCert, GenerationChain);

/// What identifies a generation in contexts and keys.
struct Name {
    owner: PartyId,
    terms: Terms,
    origin: Digest,
    /// The generation before.
    previous: Option<VerifiedGeneration>,
}

impl Drop for Name {
    /// One after the other: a chain is longer than some stacks are deep.
    fn drop(&mut self) {
        let mut before = self.previous.take();
        while let Some(VerifiedGeneration(name)) = before {
            before = Arc::into_inner(name).and_then(|mut name| name.previous.take());
        }
    }
}

/// A generation of an owner's key whose certificate was checked, with those before it: a capsule keeps the origin that it
/// was made under while its mutable part rotates, so readers accept every origin of the chain.
#[derive(Clone)]
pub struct VerifiedGeneration(Arc<Name>);

impl PartialEq for VerifiedGeneration {
    /// By the origin: it is a hash of everything here and names the one before.
    fn eq(&self, other: &Self) -> bool {
        self.0.origin == other.0.origin
    }
}

impl Eq for VerifiedGeneration {}

impl VerifiedGeneration {
    fn new(owner: PartyId, terms: Terms, origin: Digest, previous: Option<&Self>) -> Self {
        Self(Arc::new(Name { owner, terms, origin, previous: previous.cloned() }))
    }

    /// This generation and those before it, newest first.
    pub(crate) fn lineage(&self) -> impl Iterator<Item = &Self> {
        core::iter::successors(Some(self), |generation| generation.0.previous.as_ref())
    }

    /// This generation or one before, by its number.
    pub fn ancestor(&self, generation: u32) -> Option<&Self> {
        self.lineage().find(|former| former.generation() == generation)
    }

    /// The number of the generation, from 0.
    pub fn generation(&self) -> u32 {
        self.0.terms.generation
    }

    /// What the classes stand for.
    pub fn grid(&self) -> &ClassGrid {
        &self.0.terms.grid
    }

    /// The digest of the parameters.
    pub fn params(&self) -> Digest {
        self.0.terms.params
    }

    /// Checks the certificate of the generation after this one.
    ///
    /// # Errors
    /// [`GenerationError`] naming the check that failed.
    pub fn succeeded_by(&self, params: &Params, cert: &Signed<GenerationCert>) -> Result<Self, GenerationError> {
        verify(params, cert, &self.0.owner, Some(self))
    }

    /// What a capsule of this generation for `period` is about; `None` when the grid has no such period.
    pub fn context<'a>(&self, period: &Period, subject: &Subject<'a>) -> Option<Context<'a>> {
        Some(self.context_of(period.partition, Slot::Class(self.0.terms.grid.class(period)?), subject))
    }

    pub(crate) fn context_of<'a>(&self, partition: Partition, slot: Slot, subject: &Subject<'a>) -> Context<'a> {
        Context {
            suite: SuiteId::Kac,
            owner: self.0.owner,
            record: subject.record,
            version: subject.version,
            partition,
            slot,
            params: self.0.terms.params,
            origin: self.0.origin,
            author: subject.author,
            aad: subject.aad,
        }
    }

    pub(crate) fn v1(&self) -> &G1Affine {
        &self.0.terms.v1
    }

    pub(super) fn v2(&self) -> &G2Affine {
        &self.0.terms.v2
    }

    /// The class of `ctx` if that is a context of this generation or of one before, under these parameters.
    pub(crate) fn class_of(&self, params: &Params, ctx: &Context<'_>) -> Option<u32> {
        let Name { owner, terms, .. } = &*self.0;
        let Slot::Class(class) = ctx.slot else { return None };
        let known = self.lineage().any(|generation| generation.0.origin == ctx.origin);
        let fits = ctx.suite == SuiteId::Kac
            && ctx.owner == *owner
            && ctx.params == terms.params
            && params.digest() == terms.params
            && terms.grid.period(class).is_some_and(|period| period.partition == ctx.partition)
            && ctx.aad.len() <= Context::MAX_AAD;
        (known && fits).then_some(class)
    }
}

impl OwnerTerms for VerifiedGeneration {
    fn owner(&self) -> PartyId {
        self.0.owner
    }

    fn origin(&self) -> Digest {
        self.0.origin
    }

    fn generation(&self) -> u32 {
        self.0.terms.generation
    }
}

impl fmt::Debug for VerifiedGeneration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("VerifiedGeneration");
        out.field("owner", &self.0.owner).field("generation", &self.0.terms.generation).field("origin", &self.0.origin);
        out.finish_non_exhaustive()
    }
}

/// An owner's secret γ of one generation.
pub struct OwnerSecret {
    generation: VerifiedGeneration,
    gamma: Scalar,
}

impl OwnerSecret {
    /// Derives γ of the generation after `previous`, or of the first one, from the root: for opening the owner's own
    /// records. [`keygen`](super::KeyAggregate::keygen) certifies it as well.
    ///
    /// # Errors
    /// [`GenerationError`] when the grid does not fit, or `previous` is another owner's or under other parameters.
    pub fn derive(
        params: &Params,
        grid: &ClassGrid,
        root: &OwnerRoot,
        owner: &PartyId,
        previous: Option<&VerifiedGeneration>,
    ) -> Result<Self, GenerationError> {
        let (generation, previous_origin) = expected_place(params, grid, owner, previous)?;
        // A γ belongs to one parameter set and one grid, and depends on nothing that could be lost but the root.
        let gamma = Hasher::new(label::KAC_GAMMA)
            .part(root.expose())
            .part(owner.as_bytes())
            .part(params.digest().as_bytes())
            .message(grid)
            .part(&generation.to_be_bytes());
        let gamma = nonzero(gamma.scalar())?;
        let (v1, v2) = (mul_p(&gamma).to_affine(), mul_q(&gamma).to_affine());
        let grid = grid.clone();
        let terms = Terms { params: params.digest(), generation, grid, previous: previous_origin, v1, v2 };
        let origin = terms.origin(owner);
        Ok(Self { generation: VerifiedGeneration::new(*owner, terms, origin, previous), gamma })
    }

    /// The public half.
    pub fn generation(&self) -> &VerifiedGeneration {
        &self.generation
    }

    pub(crate) fn gamma(&self) -> &Scalar {
        &self.gamma
    }
}

impl ZeroizeOnDrop for OwnerSecret {}

impl fmt::Debug for OwnerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnerSecret").field("generation", &self.generation).finish_non_exhaustive()
    }
}

pub(super) fn keygen<R: TryCryptoRng + ?Sized>(
    params: &Params,
    grid: &ClassGrid,
    root: &OwnerRoot,
    signer: &SigningKey,
    previous: Option<&VerifiedGeneration>,
    rng: &mut R,
) -> Result<(OwnerSecret, Signed<GenerationCert>), GenerationError> {
    let secret = OwnerSecret::derive(params, grid, root, &signer.id(), previous)?;
    let terms = secret.generation.0.terms.clone();
    let (base, mul) = (G1Affine::generator(), |k: &Scalar| mul_p(k).to_affine());
    let (gamma, v1, origin) = (&secret.gamma, &terms.v1, secret.generation.origin());
    let proof = Proof::new(label::KAC_GENERATION_PROOF, gamma, &base, v1, &[origin.as_bytes()], mul, rng)?;
    Ok((secret, Signed::new(signer, GenerationCert { terms, proof })))
}

/// The number of the generation after `previous`, and the origin that it continues.
fn expected_place(
    params: &Params,
    grid: &ClassGrid,
    owner: &PartyId,
    previous: Option<&VerifiedGeneration>,
) -> Result<(u32, Digest), GenerationError> {
    if grid.classes() > params.classes() {
        return Err(GenerationError::Grid);
    }
    let Some(VerifiedGeneration(previous)) = previous else { return Ok((0, Digest::NONE)) };
    let Name { terms, origin, .. } = &**previous;
    if previous.owner != *owner || terms.params != params.digest() {
        return Err(GenerationError::Chain);
    }
    // Another grid would give the classes of stored capsules another meaning.
    if terms.grid != *grid {
        return Err(GenerationError::Grid);
    }
    match terms.generation + 1 {
        next if (next as usize) < GenerationChain::MAX => Ok((next, *origin)),
        _ => Err(GenerationError::Chain),
    }
}

pub(super) fn verify(
    params: &Params,
    cert: &Signed<GenerationCert>,
    owner: &PartyId,
    previous: Option<&VerifiedGeneration>,
) -> Result<VerifiedGeneration, GenerationError> {
    let cert = cert.verify(owner).map_err(|_| GenerationError::Signature)?;
    let terms = &cert.terms;
    if terms.params != params.digest() {
        return Err(GenerationError::Params);
    }
    if (terms.generation, terms.previous) != expected_place(params, &terms.grid, owner, previous)? {
        return Err(GenerationError::Chain);
    }
    let p = G1Affine::generator();
    let origin = terms.origin(owner);
    if !cert.proof.vartime_verify(label::KAC_GENERATION_PROOF, &p, &terms.v1, &[origin.as_bytes()]) {
        return Err(GenerationError::Proof);
    }
    if !same_multiple(&terms.v1, &p, &terms.v2) {
        return Err(GenerationError::Halves);
    }
    Ok(VerifiedGeneration::new(*owner, terms.clone(), origin, previous))
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;
    use crate::context::Partition;
    use crate::kac::params::unwatched;

    /// A thread of 64 KiB takes down a chain of the greatest length, and compares it with another of its kind.
    #[test]
    fn the_longest_chain_needs_no_stack() {
        let rng = &mut ChaCha20Rng::from_seed([2; 32]);
        let (signer, root) = (SigningKey::generate(rng), OwnerRoot::generate(rng));
        let grid = ClassGrid::new(&[Partition::MEDICAL], 1).unwrap();
        let params = Params::generate(1, &signer, rng, unwatched).unwrap();
        let first = OwnerSecret::derive(&params, &grid, &root, &signer.id(), None).unwrap().generation;
        let chain = || {
            (1..GenerationChain::MAX as u32).fold(first.clone(), |previous, generation| {
                let terms = Terms { generation, previous: previous.0.origin, ..previous.0.terms.clone() };
                let origin = terms.origin(&signer.id());
                VerifiedGeneration::new(signer.id(), terms, origin, Some(&previous))
            })
        };
        let [one, other] = [chain(), chain()];
        let kept = one.ancestor(7).cloned();
        let small = std::thread::Builder::new().stack_size(64 << 10);
        let same = small.spawn(move || one == other && Some(&one) != one.ancestor(4094)).unwrap();
        assert!(same.join().unwrap());
        // What somebody else holds stays.
        assert_eq!(kept.map(|kept| kept.lineage().count()), Some(8));
    }

    #[test]
    fn a_chain_ends_where_its_decoder_says() {
        let rng = &mut ChaCha20Rng::from_seed([1; 32]);
        let (signer, root) = (SigningKey::generate(rng), OwnerRoot::generate(rng));
        let grid = ClassGrid::new(&[Partition::MEDICAL], 1).unwrap();
        let params = Params::generate(1, &signer, rng, unwatched).unwrap();
        let (secret, _) = keygen(&params, &grid, &root, &signer, None, rng).unwrap();
        let mut after = |number: usize| {
            let terms = Terms { generation: number.try_into().unwrap(), ..secret.generation.0.terms.clone() };
            let origin = terms.origin(&signer.id());
            let previous = VerifiedGeneration::new(signer.id(), terms, origin, None);
            keygen(&params, &grid, &root, &signer, Some(&previous), rng).map(|_| ())
        };
        assert_eq!(after(GenerationChain::MAX - 2), Ok(()));
        assert_eq!(after(GenerationChain::MAX - 1), Err(GenerationError::Chain));
    }
}
