//! Who may read what: the owner's policy.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::context::{Partition, Timestamp};
use crate::identity::{PartyId, Signed};
use crate::kac::ClassSet;
use crate::kapre::Admission;
use crate::pre::threshold::Servers;
use crate::role::{Role, RoleCert, RoleError, check};

/// The owner's access-control list: which role reads which partitions, and whose word on roles counts.
///
/// A new policy has the defaults of [`Role::default_partitions`] and trusts no issuer, so it admits nobody until the
/// owner names one. A role that somebody declares for themself gets nothing: the certificate has to come from an
/// issuer that is named here, for that role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessPolicy {
    pub(super) access: BTreeMap<Role, BTreeSet<Partition>>,
    pub(super) issuers: BTreeSet<(Role, PartyId)>,
    pub(super) referrals: BTreeMap<Role, AdmissionRule>,
    pub(super) servers: Option<Servers>,
    pub(super) grant_seconds: u64,
}

/// Whom others may admit in the owner's name: members of a role by [referral](AccessPolicy::set_referral), trustees [in an
/// emergency](crate::sharing::Owner::prepare_emergency).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdmissionRule {
    /// Who may be admitted: roles that an issuer certifies whom the policy trusts with them.
    pub roles: BTreeSet<Role>,
    /// To which partitions: by referral, of those that the member reads; by trustees, in any of their epochs.
    pub partitions: BTreeSet<Partition>,
    /// For how many seconds at most; by referral, never longer than the member reads.
    pub seconds: u64,
}

impl AdmissionRule {
    /// The rule as a scheme's: for the classes of `set`, with the issuers that the policy trusts with its roles. `None`
    /// when these are too many.
    pub(super) fn admission(&self, set: ClassSet, issuers: &BTreeSet<(Role, PartyId)>) -> Option<Admission> {
        let issuers = issuers.iter().filter(|(role, _)| self.roles.contains(role));
        issuers.copied().try_fold(Admission::new(set, self.seconds), |rules, (role, issuer)| rules.trust(role, issuer))
    }
}

impl AccessPolicy {
    /// The defaults, for grants that last at most `grant_seconds`.
    pub fn new(grant_seconds: u64) -> Self {
        let access = Role::ALL.into_iter().map(|role| (role, role.default_partitions().iter().copied().collect()));
        let (access, issuers, referrals) = (access.collect(), BTreeSet::new(), BTreeMap::new());
        Self { access, issuers, referrals, servers: None, grant_seconds }
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

    /// Lets members of `role` refer others, in grants that are made from now on, or no longer. Nobody may at first.
    ///
    /// A referral stands on the grant of the member who refers, and ends when that grant does: also when it is renewed.
    ///
    /// Only schemes with referrals act on it: [`Kapre`](crate::kapre::Kapre) does.
    pub fn set_referral(&mut self, role: Role, rule: Option<AdmissionRule>) {
        match rule {
            Some(rule) => self.referrals.insert(role, rule),
            None => self.referrals.remove(&role),
        };
    }

    /// Whom members of `role` may refer.
    pub fn referral(&self, role: Role) -> Option<&AdmissionRule> {
        self.referrals.get(&role)
    }

    /// Sets the servers among which grants are divided that are made from now on. To replace a server that is lost or not
    /// trusted any more, and to divide everything anew from time to time, grant
    /// [everything again](crate::sharing::Owner::grant_ending) afterwards: members have no part in it.
    ///
    /// Schemes with several servers need it, and only they act on it: [`Threshold`](crate::pre::threshold::Threshold) does.
    pub fn set_servers(&mut self, servers: Servers) {
        self.servers = Some(servers);
    }

    /// The servers among which grants are divided.
    pub fn servers(&self) -> Option<&Servers> {
        self.servers.as_ref()
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
        check(&self.issuers, subject, cert, [now])
    }
}
