//! Standing rules: whom others may admit in the owner's name.

use alloc::collections::BTreeSet;

use crate::context::Validity;
use crate::encoding::{Message, Reader, Sink, put_count};
use crate::error::DecodeError;
use crate::identity::{PartyId, Signed};
use crate::kac::ClassSet;
use crate::pre::GrantError;
use crate::role::{Role, RoleCert, check};

/// Whom others may admit in the owner's name, to which classes, and for how long: part of what the owner signs, in
/// [grants that may be referred](super::OwnerGrant) and in [rules for emergencies](super::EmergencyRules).
///
/// Who is to be admitted shows a certificate of a role from an issuer that is named here. The rules say nothing by
/// themselves: they are in force as long as the statement that contains them is live.
///
/// Encoded length: 4 + 33 for each issuer of a role + set + 8 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    issuers: BTreeSet<(Role, PartyId)>,
    set: ClassSet,
    seconds: u64,
}

impl Admission {
    /// Most pairs of role and issuer.
    pub const MAX_ISSUERS: usize = 256;

    /// To at most the classes of `set`, each time for at most `seconds`; nobody as long as no issuer is trusted.
    pub fn new(set: ClassSet, seconds: u64) -> Self {
        Self { issuers: BTreeSet::new(), set, seconds }
    }

    /// Accepts certificates of `role` from `issuer`. `None` beyond [`MAX_ISSUERS`](Self::MAX_ISSUERS).
    pub fn trust(mut self, role: Role, issuer: PartyId) -> Option<Self> {
        self.issuers.insert((role, issuer));
        (self.issuers.len() <= Self::MAX_ISSUERS).then_some(self)
    }

    /// The classes to which somebody may be admitted.
    pub fn set(&self) -> &ClassSet {
        &self.set
    }

    /// For how many seconds at most.
    pub fn seconds(&self) -> u64 {
        self.seconds
    }

    /// Checks that `user` may be admitted to `set` for `validity`, with `cert` for its role.
    ///
    /// # Errors
    /// [`GrantError::Rules`] with what is wrong with the certificate, [`GrantError::Scope`] when the classes exceed the
    /// rules, [`GrantError::TooLong`] when the time does.
    pub(super) fn check(
        &self,
        user: &PartyId,
        cert: &Signed<RoleCert>,
        set: &ClassSet,
        validity: &Validity,
    ) -> Result<(), GrantError> {
        let (start, end) = (validity.not_before(), validity.not_after());
        check(&self.issuers, user, cert, [start, end]).map_err(GrantError::Role)?;
        if !set.is_subset_of(&self.set) {
            return Err(GrantError::Scope);
        }
        // A validity does not end before it starts.
        if end.0.saturating_sub(start.0) > self.seconds {
            return Err(GrantError::TooLong);
        }
        Ok(())
    }

    pub(super) fn write(&self, sink: &mut dyn Sink) {
        put_count(sink, self.issuers.len());
        for (role, issuer) in &self.issuers {
            sink.put(&[*role as u8]);
            sink.put(issuer.as_bytes());
        }
        self.set.write(sink);
        sink.put(&self.seconds.to_be_bytes());
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut issuers = BTreeSet::new();
        for _ in 0..reader.count(Self::MAX_ISSUERS, 33)? {
            let [role] = reader.array()?;
            let issuer = (Role::from_byte(role)?, PartyId::from_array(reader.array()?));
            // In ascending order, each once: a set has one encoding.
            if issuers.last().is_some_and(|last| *last >= issuer) {
                return Err(DecodeError::Value);
            }
            issuers.insert(issuer);
        }
        Ok(Self { issuers, set: ClassSet::read(reader)?, seconds: reader.u64()? })
    }
}
