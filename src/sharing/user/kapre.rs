//! What a user does in the owner's name: referring somebody, and asking trustees in an emergency.

use rand_core::TryCryptoRng;

use super::User;
use crate::context::{Partition, Period, Timestamp, Validity};
use crate::identity::{PartyId, Signed};
use crate::kac::ClassSet;
use crate::kapre::{Appeal, EmergencyRequest, EmergencyRules, Grant, Kapre, ReferralKey};
use crate::pre::DelegateError;
use crate::role::RoleCert;
use crate::sharing::{Response, VerifiedBundle, VerifiedDirectory};

impl User<Kapre> {
    /// Refers somebody to what this user reads in some partitions, with the grant of an answer that the user got. The
    /// owner need not be there; its rules, which the grant contains, decide. The grant is public; the key is for the
    /// re-encryption server, which [takes](crate::sharing::Server::refer) both.
    ///
    /// Bodies in a layer stay closed to who is referred: the keys of layers are the owner's to grant, to members.
    ///
    /// `to` and `role` are of who is referred, and `validity` lies within the user's own.
    ///
    /// # Errors
    /// [`DelegateError::Scope`] when the user has no such grant, [`DelegateError::Rules`] naming what the owner's rules do
    /// not allow, [`DelegateError::Rng`] when the generator fails.
    #[allow(clippy::too_many_arguments)]
    pub fn refer<R: TryCryptoRng + ?Sized>(
        &mut self,
        owner: &PartyId,
        response: &Response<Kapre>,
        to: &VerifiedBundle<Kapre>,
        role: &Signed<RoleCert>,
        partitions: &[Partition],
        validity: &Validity,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<(Grant, ReferralKey), DelegateError> {
        self.granted(owner, response, now).map_err(|_| DelegateError::Scope)?;
        let granted = self.grants.front().ok_or(DelegateError::Scope)?;
        let (terms, grid) = (&granted.terms, granted.terms.owner().grid());
        let wanted = partitions.iter().filter_map(|partition| grid.partition(partition));
        let set = wanted.fold(ClassSet::empty(), |set, classes| set.union(&classes)).intersection(terms.set());
        let referral = granted.grant.refer(&self.signing, to.key(), role, &set, validity, rng)?;
        Ok((referral.0.grant().clone(), referral.1))
    }

    /// Asks an owner's trustees for some partitions, in all of their epochs that have begun by the owner's directory. Send
    /// the request, with an [`appeal`](Self::appeal) to each, to as many trustees as the threshold and some more, and
    /// their parts to the re-encryption server.
    ///
    /// # Errors
    /// [`DelegateError::Scope`] for a partition that the directory does not have, [`DelegateError::Rng`] when the
    /// generator fails.
    pub fn ask_trustees<R: TryCryptoRng + ?Sized>(
        &self,
        directory: &VerifiedDirectory<Kapre>,
        rules: &Signed<EmergencyRules>,
        role: &Signed<RoleCert>,
        partitions: &[Partition],
        validity: &Validity,
        rng: &mut R,
    ) -> Result<Signed<EmergencyRequest>, DelegateError> {
        let mut set = ClassSet::empty();
        for partition in partitions {
            let place = directory.place(partition).ok_or(DelegateError::Scope)?;
            let Period { partition, epoch } = place.period();
            let classes = place.key().grid().range(&partition, 0..=epoch).ok_or(DelegateError::Scope)?;
            set = set.union(&classes);
        }
        EmergencyRequest::new(&self.signing, &self.public, role, rules, &set, validity, rng)
    }

    /// Says to one trustee, now, that a request is meant.
    pub fn appeal(&self, request: &Signed<EmergencyRequest>, trustee: PartyId, now: Timestamp) -> Signed<Appeal> {
        Signed::new(&self.signing, Appeal { request: request.digest(), trustee, at: now })
    }
}
