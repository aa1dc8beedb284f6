//! Roles, and certificates of them.

use alloc::collections::BTreeSet;
use core::fmt;

use crate::context::{Partition, Timestamp, Validity};
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding};
use crate::error::DecodeError;
use crate::identity::{PartyId, Signed};

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

    pub(crate) fn from_byte(byte: u8) -> Result<Self, DecodeError> {
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

/// Why a certificate gives no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RoleError {
    /// The owner's policy names no such issuer for this role.
    Issuer,
    /// The signature is not the issuer's.
    Signature,
    /// The certificate is about somebody else.
    Subject,
    /// The certificate is not valid at this time.
    Time,
}

impl fmt::Display for RoleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Issuer => "the policy names no such issuer for this role",
            Self::Signature => "the role certificate is not signed by its issuer",
            Self::Subject => "the role certificate is about somebody else",
            Self::Time => "the role certificate is not valid at this time",
        })
    }
}

impl core::error::Error for RoleError {}

/// Checks that an issuer whose word on this role counts says that `subject` has it, at all of `times`.
pub(crate) fn check(
    issuers: &BTreeSet<(Role, PartyId)>,
    subject: &PartyId,
    cert: &Signed<RoleCert>,
    times: impl IntoIterator<Item = Timestamp>,
) -> Result<RoleCert, RoleError> {
    let issuer = cert.signer().id();
    if !issuers.contains(&(cert.unverified().role, issuer)) {
        return Err(RoleError::Issuer);
    }
    let cert = cert.verify(&issuer).map_err(|_| RoleError::Signature)?;
    if cert.subject != *subject {
        return Err(RoleError::Subject);
    }
    if !times.into_iter().all(|time| cert.validity.contains(time)) {
        return Err(RoleError::Time);
    }
    Ok(RoleCert::clone(&cert))
}
