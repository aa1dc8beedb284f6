//! Label keys: one key pair for each partition and epoch, all derived from the owner's root, and one signed Merkle root
//! over all of their public keys.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use zeroize::ZeroizeOnDrop;

use crate::context::{Context, Partition, Period, Slot};
use crate::encoding::{Kind, Message, Reader, SecretEncoding, Sink, SuiteId, kind, public_encoding, put_count};
use crate::error::{DecodeError, RngError};
use crate::hash::{Digest, hash, label};
use crate::identity::{PartyId, Signed, SigningKey};
use crate::kem::{OwnerRoot, OwnerTerms};
use crate::merkle::{Growing, MAX_PROOF, Tree};
use crate::pre::KeyError;
use crate::ristretto::{Element, Point, Scalar, Table};

/// What identifies an owner's key in contexts and grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyName {
    pub(crate) owner: PartyId,
    pub(crate) period: Period,
    pub(crate) point: Point,
    /// H(owner, period, A). The tree is left out: a key that is certified again has its old name.
    pub(crate) origin: Digest,
}

impl KeyName {
    fn new(owner: PartyId, period: Period, point: Point) -> Self {
        let origin = period.with_parts(|partition, epoch| {
            hash(label::THRESHOLD_ORIGIN, &[owner.as_bytes(), partition, epoch, point.as_bytes()]).digest()
        });
        Self { owner, period, point, origin }
    }

    /// Whether `ctx` is one of this key's. Capsules are bound to owner, partition and period by this equality.
    pub(crate) fn covers(&self, ctx: &Context<'_>) -> bool {
        ctx.suite == SuiteId::Threshold
            && ctx.owner == self.owner
            && ctx.partition == self.period.partition
            && ctx.slot == Slot::Epoch(self.period.epoch)
            && ctx.params == Digest::NONE
            && ctx.origin == self.origin
            && ctx.aad.len() <= Context::MAX_AAD
    }
}

fn tree() -> Tree {
    Tree::new(label::MERKLE_LABELS)
}

fn leaf(tree: &Tree, period: &Period, point: &[u8; Point::LEN]) -> Digest {
    let mut data = Vec::new();
    period.write(&mut data);
    data.put(point);
    tree.leaf(&data)
}

fn secret_scalar(root: &OwnerRoot, owner: &PartyId, period: &Period) -> Result<Scalar, RngError> {
    let hasher = period.with_parts(|partition, epoch| {
        hash(label::THRESHOLD_OWNER_SECRET, &[root.expose(), owner.as_bytes(), partition, epoch])
    });
    Scalar::of(hasher).nonzero()
}

/// The public keys of an owner's labels, and the Merkle tree over them. Public as a whole; a path shows one of them.
///
/// 96 bytes a label.
#[derive(Clone)]
pub struct LabelTree {
    owner: PartyId,
    /// In ascending order.
    partitions: Vec<Partition>,
    epochs: u32,
    points: Vec<[u8; Point::LEN]>,
    /// With its inner nodes, or every certificate would hash them all again.
    nodes: Growing,
    root: Digest,
}

impl LabelTree {
    /// Most labels of one tree.
    pub const MAX_LABELS: u32 = 1 << 20;

    /// The tree over the keys that `root` determines for `owner`: each of `partitions` with `epochs` epochs from 0 on.
    ///
    /// Cost: one multiplication of the generator a label.
    ///
    /// # Errors
    /// [`KeyError::Label`] without a label, with more than [`MAX_LABELS`](Self::MAX_LABELS), or with a partition named twice.
    pub fn derive(
        root: &OwnerRoot,
        owner: PartyId,
        partitions: impl IntoIterator<Item = Partition>,
        epochs: u32,
    ) -> Result<Self, KeyError> {
        let mut partitions: Vec<_> = partitions.into_iter().collect();
        partitions.sort_unstable();
        let count = u32::try_from(partitions.len()).ok().and_then(|count| count.checked_mul(epochs));
        let fits = count.is_some_and(|count| (1..=Self::MAX_LABELS).contains(&count));
        if !fits || !partitions.is_sorted_by(|a, b| a < b) {
            return Err(KeyError::Label);
        }
        let of = |partition: Partition| (0..epochs).map(move |epoch| Period { partition, epoch });
        let periods: Vec<_> = partitions.iter().copied().flat_map(of).collect();
        // Room for all at once: growing would leave copies behind.
        let mut scalars = Vec::with_capacity(periods.len());
        for period in &periods {
            scalars.push(secret_scalar(root, &owner, period)?);
        }
        let points: Vec<_> = Point::bases(&scalars).iter().map(|point| *point.as_bytes()).collect();
        let (tree, mut nodes) = (tree(), Growing::new(tree()));
        periods.iter().zip(&points).for_each(|(period, point)| nodes.push(leaf(&tree, period, point)));
        let root = nodes.root();
        Ok(Self { owner, partitions, epochs, points, nodes, root })
    }

    /// How many epochs each partition has.
    pub fn epochs(&self) -> u32 {
        self.epochs
    }

    /// The label of a period; `None` if the tree has none.
    pub fn label(self: &Arc<Self>, period: &Period) -> Option<KeyLabel> {
        self.index(period).map(|_| KeyLabel { tree: self.clone(), period: *period })
    }

    /// Whether the tree has a key for this period.
    pub fn has(&self, period: &Period) -> bool {
        self.index(period).is_some()
    }

    fn index(&self, period: &Period) -> Option<usize> {
        let row = self.partitions.binary_search(&period.partition).ok()?;
        let (epochs, epoch) = (usize::try_from(self.epochs).ok()?, usize::try_from(period.epoch).ok()?);
        (epoch < epochs).then(|| row.checked_mul(epochs)?.checked_add(epoch)).flatten()
    }

    /// The certificate of one key.
    fn certify(&self, signer: &SigningKey, secret: &OwnerSecret) -> Option<OwnerKey> {
        let index = self.index(&secret.name.period)?;
        if self.points.get(index)? != secret.name.point.as_bytes() {
            return None;
        }
        let index = u32::try_from(index).ok()?;
        let path = self.nodes.prove(&(index.into()..u64::from(index).checked_add(1)?))?;
        let cert = OwnerCert { labels: u32::try_from(self.nodes.len()).ok()?, root: self.root };
        Some(OwnerKey {
            cert: Signed::new(signer, cert),
            index,
            period: secret.name.period,
            point: secret.name.point,
            path,
        })
    }
}

impl PartialEq for LabelTree {
    fn eq(&self, other: &Self) -> bool {
        (self.owner, self.root) == (other.owner, other.root)
    }
}

impl Eq for LabelTree {}

impl fmt::Debug for LabelTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LabelTree").field("owner", &self.owner).field("root", &self.root).finish_non_exhaustive()
    }
}

/// Which of an owner's keys: a partition and epoch of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyLabel {
    tree: Arc<LabelTree>,
    period: Period,
}

impl KeyLabel {
    /// The tree that it is in.
    pub fn tree(&self) -> &Arc<LabelTree> {
        &self.tree
    }

    /// The partition and epoch.
    pub fn period(&self) -> Period {
        self.period
    }
}

/// The owner's word on all of its label keys: how many there are, and the Merkle root over them. It travels as
/// [`Signed<OwnerCert>`] inside of [`OwnerKey`]. 4 + 4 + 32 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerCert {
    labels: u32,
    root: Digest,
}

impl Message for OwnerCert {
    const SUITE: SuiteId = SuiteId::Threshold;
    const KIND: Kind = kind::THRESHOLD_OWNER_CERT;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(&self.labels.to_be_bytes());
        sink.put(self.root.as_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { labels: reader.u32()?, root: Digest::from_array(reader.array()?) })
    }
}

/// An owner's public key for one label, with its path to the root that the owner signed. Writers use it as
/// [`VerifiedOwner`] only: there is no way to one without the path, since a cloud that serves a key of its own would read
/// what is written.
///
/// The path shows that it is one of the owner's keys, and not that it is the one for today: compare [`period`](Self::period)
/// with what was asked for, lest a cloud serve the key of an epoch that has ended.
///
/// Encoded length: 4 + 140 + 4 + (4 + partition) + 4 + 32 + 4 bytes, and 32 for each level of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerKey {
    cert: Signed<OwnerCert>,
    index: u32,
    period: Period,
    point: Point,
    path: Vec<Digest>,
}

impl OwnerKey {
    /// The partition and epoch that the key is for.
    pub fn period(&self) -> Period {
        self.period
    }
}

impl Message for OwnerKey {
    const SUITE: SuiteId = SuiteId::Threshold;
    const KIND: Kind = kind::THRESHOLD_OWNER_KEY;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.cert.write(sink);
        sink.put(&self.index.to_be_bytes());
        self.period.write(sink);
        sink.put(self.point.as_bytes());
        put_count(sink, self.path.len());
        self.path.iter().for_each(|hash| sink.put(hash.as_bytes()));
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let cert = Signed::read(reader)?;
        let (index, period, point) = (reader.u32()?, Period::read(reader)?, Point::read(reader)?);
        let count = reader.count(MAX_PROOF, Digest::LEN)?;
        let path = (0..count).map(|_| reader.array().map(Digest::from_array)).collect::<Result<_, _>>()?;
        Ok(Self { cert, index, period, point, path })
    }
}

public_encoding!(OwnerCert, OwnerKey);

/// An owner's public key whose path and certificate were checked.
#[derive(Clone)]
pub struct VerifiedOwner {
    name: KeyName,
    table: Option<Arc<Table>>,
}

impl VerifiedOwner {
    pub(crate) fn name(&self) -> &KeyName {
        &self.name
    }

    /// The partition and epoch that the key is for.
    pub fn period(&self) -> Period {
        self.name.period
    }

    /// Builds a table of multiples of the key, 30 KiB, for writers of many records: it costs about what a hundred
    /// encapsulations save. Clones share it.
    #[must_use]
    pub fn precompute(mut self) -> Self {
        self.table = Some(Arc::new(Table::new(&self.name.point)));
        self
    }

    /// kA in constant time.
    pub(super) fn mul(&self, k: &Scalar) -> Element {
        self.table.as_ref().map_or_else(|| self.name.point.mul(k), |table| table.mul(k))
    }
}

impl OwnerTerms for VerifiedOwner {
    fn owner(&self) -> PartyId {
        self.name.owner
    }

    fn origin(&self) -> Digest {
        self.name.origin
    }
}

impl fmt::Debug for VerifiedOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VerifiedOwner").field(&self.name).finish()
    }
}

/// An owner's secret key for one label.
pub struct OwnerSecret {
    name: KeyName,
    a: Scalar,
}

impl OwnerSecret {
    fn new(owner: PartyId, period: Period, a: Scalar) -> Self {
        Self { name: KeyName::new(owner, period, Element::base(&a).encode()), a }
    }

    /// The key pair that `root` determines, without its certificate. Derivation is hardened: one label's key says nothing
    /// about another's.
    ///
    /// # Errors
    /// [`RngError`] in the one case in 2²⁵² that the scalar is zero.
    pub fn derive(root: &OwnerRoot, owner: PartyId, period: &Period) -> Result<Self, RngError> {
        Ok(Self::new(owner, *period, secret_scalar(root, &owner, period)?))
    }

    pub(crate) fn name(&self) -> &KeyName {
        &self.name
    }

    pub(super) fn a(&self) -> &Scalar {
        &self.a
    }

    /// The partition and epoch that the key is for.
    pub fn period(&self) -> Period {
        self.name.period
    }
}

impl ZeroizeOnDrop for OwnerSecret {}

impl fmt::Debug for OwnerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnerSecret").field("period", &self.name.period).finish_non_exhaustive()
    }
}

/// Export of one key pair; the owner's [`OwnerRoot`] is the usual thing to keep.
impl Message for OwnerSecret {
    const SUITE: SuiteId = SuiteId::Threshold;
    const KIND: Kind = kind::THRESHOLD_OWNER_SECRET;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.name.owner.as_bytes());
        self.name.period.write(sink);
        sink.put(&*self.a.to_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (owner, period) = (PartyId::from_array(reader.array()?), Period::read(reader)?);
        Ok(Self::new(owner, period, Scalar::read_nonzero(reader)?))
    }
}

impl SecretEncoding for OwnerSecret {}

pub(super) fn owner_keygen(
    root: &OwnerRoot,
    signer: &SigningKey,
    label: &KeyLabel,
) -> Result<(OwnerSecret, OwnerKey), KeyError> {
    let secret = OwnerSecret::derive(root, signer.id(), &label.period)?;
    // A tree of another root or owner does not have this key.
    let public = label.tree.certify(signer, &secret).ok_or(KeyError::Label)?;
    Ok((secret, public))
}

pub(super) fn verify_owner(public: &OwnerKey, owner: &PartyId) -> Result<VerifiedOwner, KeyError> {
    let cert = public.cert.verify(owner).map_err(|_| KeyError::Signature)?;
    let tree = tree();
    let leaf = leaf(&tree, &public.period, public.point.as_bytes());
    let root = tree.root_of_range(cert.labels.into(), public.index.into(), &[leaf], &public.path);
    if root != Some(cert.root) {
        return Err(KeyError::Path);
    }
    Ok(VerifiedOwner { name: KeyName::new(*owner, public.period, public.point), table: None })
}
