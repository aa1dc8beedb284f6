//! Who may read what: roles, certificates of roles, and the owner's policy.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::context::{Partition, Timestamp, Validity};
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding};
use crate::error::DecodeError;
use crate::identity::{PartyId, Signed};
use crate::sharing::RoleError;

/// What a member is to the patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Role {
    /// Family members and friends.
    FamilyAndFriends = 0,
    /// A treating doctor.
    Doctor = 1,
    /// A health insurer.
    Insurer = 2,
    /// A pharmacist.
    Pharmacist = 3,
    /// A medical researcher.
    Researcher = 4,
    /// A hospital or laboratory that writes records.
    Provider = 5,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 6] =
        [Self::FamilyAndFriends, Self::Doctor, Self::Insurer, Self::Pharmacist, Self::Researcher, Self::Provider];

    /// What the role reads unless the owner says otherwise: what its task needs and no more.
    pub fn default_partitions(self) -> &'static [Partition] {
        match self {
            Self::FamilyAndFriends => &Partition::SESPHR,
            Self::Doctor => &[Partition::PERSONAL, Partition::MEDICAL, Partition::PRESCRIPTION],
            Self::Insurer => &[Partition::INSURANCE],
            Self::Pharmacist => &[Partition::PRESCRIPTION],
            Self::Researcher | Self::Provider => &[Partition::MEDICAL],
        }
    }

    pub(super) fn from_byte(byte: u8) -> Result<Self, DecodeError> {
        Self::ALL.into_iter().find(|role| *role as u8 == byte).ok_or(DecodeError::Value)
    }
}

/// An issuer's statement that somebody has a role; it travels as [`Signed<RoleCert>`]. 4 + 32 + 1 + 16 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleCert {
    /// Who has the role.
    pub subject: PartyId,
    /// Which.
    pub role: Role,
    /// When.
    pub validity: Validity,
}

impl Message for RoleCert {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::ROLE_CERT;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.subject.as_bytes());
        sink.put(&[self.role as u8]);
        self.validity.write(sink);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let subject = PartyId::from_array(reader.array()?);
        let [role] = reader.array()?;
        Ok(Self { subject, role: Role::from_byte(role)?, validity: Validity::read(reader)? })
    }
}

public_encoding!(RoleCert);

/// The owner's access-control list: which role reads which partitions, and whose word on roles counts.
///
/// A new policy has the defaults of [`Role::default_partitions`] and trusts no issuer, so it admits nobody until the
/// owner names one. A role that somebody declares for themself gets nothing: the certificate has to come from an
/// issuer that is named here, for that role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessPolicy {
    pub(super) access: BTreeMap<Role, BTreeSet<Partition>>,
    pub(super) issuers: BTreeSet<(Role, PartyId)>,
    pub(super) grant_seconds: u64,
}

impl AccessPolicy {
    /// The defaults, for grants that last at most `grant_seconds`.
    pub fn new(grant_seconds: u64) -> Self {
        let access = Role::ALL.into_iter().map(|role| (role, role.default_partitions().iter().copied().collect()));
        Self { access: access.collect(), issuers: BTreeSet::new(), grant_seconds }
    }

    /// Accepts certificates of `role` from `issuer`.
    pub fn trust(&mut self, role: Role, issuer: PartyId) {
        self.issuers.insert((role, issuer));
    }

    /// No longer accepts certificates of `role` from `issuer`. Grants made before stay.
    pub fn distrust(&mut self, role: Role, issuer: PartyId) {
        self.issuers.remove(&(role, issuer));
    }

    /// Sets what members who join with `role` from now on may read.
    pub fn set_access(&mut self, role: Role, partitions: impl IntoIterator<Item = Partition>) {
        self.access.insert(role, partitions.into_iter().collect());
    }

    /// What `role` reads.
    pub fn access(&self, role: Role) -> impl Iterator<Item = Partition> + '_ {
        self.access.get(&role).into_iter().flatten().copied()
    }

    /// Longest life of a grant, in seconds.
    pub fn grant_seconds(&self) -> u64 {
        self.grant_seconds
    }

    /// The role that `cert` gives `subject` at `now`.
    ///
    /// # Errors
    /// [`RoleError`] naming the check that failed.
    pub fn check(&self, subject: &PartyId, cert: &Signed<RoleCert>, now: Timestamp) -> Result<RoleCert, RoleError> {
        let issuer = cert.signer().id();
        if !self.issuers.contains(&(cert.unverified().role, issuer)) {
            return Err(RoleError::Issuer);
        }
        let cert = cert.verify(&issuer).map_err(|_| RoleError::Signature)?;
        if cert.subject != *subject {
            return Err(RoleError::Subject);
        }
        if !cert.validity.contains(now) {
            return Err(RoleError::Time);
        }
        Ok(RoleCert::clone(&cert))
    }
}
