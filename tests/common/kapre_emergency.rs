//! An owner with trustees and rules for emergencies, and somebody who asks.

use sesphr::context::{Timestamp, Validity};
use sesphr::encoding::{Encoding, Message};
use sesphr::error::DecodeError;
use sesphr::hazmat::hash;
use sesphr::hazmat::pairing::G2Affine;
use sesphr::identity::{PartyId, Signed, SigningKey};
use sesphr::kac::trustees::Sharing;
use sesphr::kapre::*;
use sesphr::pre::{GrantError, Pre};
use sesphr::role::RoleCert;

use super::kac::Kit;
use super::kapre::*;
use super::{NOW, rng};

pub const USER: u8 = 5;

/// An owner with trustees, rules that let doctors of the hospital's into classes 0 to 2 for 5 seconds, and a doctor.
pub struct Scene {
    pub kit: Kit,
    pub trustees: Trustees,
    pub rules: Signed<EmergencyRules>,
    pub user: Reader,
}

impl Scene {
    pub fn new(threshold: u8, count: u8) -> Self {
        Self::with(threshold, count, HpkeKem::X25519, admission("0-2", 5))
    }

    pub fn with(threshold: u8, count: u8, kem: HpkeKem, admission: Admission) -> Self {
        let kit = Kit::new(1, 2);
        let trustees = Trustees::new(&kit, threshold, count);
        let rules = EmergencyRules::new(&kit.signer, &trustees.sharing, admission, &mut rng(7)).unwrap();
        let rules = Signed::from_bytes(&rules.to_bytes()).unwrap();
        Self { kit, trustees, rules, user: Reader::with(USER, kem) }
    }

    pub fn cert(&self) -> Signed<RoleCert> {
        doctor(&self.user.signer.id())
    }

    pub fn ask(&self, cert: &Signed<RoleCert>, classes: &str, validity: &Validity) -> Signed<EmergencyRequest> {
        let Reader { signer, public, .. } = &self.user;
        let made = EmergencyRequest::new(signer, public, cert, &self.rules, &set(classes), validity, &mut rng(8));
        Signed::from_bytes(&made.unwrap().to_bytes()).unwrap()
    }

    /// Classes for seconds 12 to 17.
    pub fn request(&self, classes: &str) -> Signed<EmergencyRequest> {
        self.ask(&self.cert(), classes, &during(12, 17))
    }

    pub fn appeal(&self, request: &Signed<EmergencyRequest>, trustee: &PartyId, at: u64) -> Signed<Appeal> {
        let appeal = Appeal { request: request.digest(), trustee: *trustee, at: Timestamp(at) };
        Signed::new(&self.user.signer, appeal)
    }

    pub fn approve_with(
        &self,
        trustees: &Trustees,
        k: usize,
        request: &Signed<EmergencyRequest>,
    ) -> Result<Part, EmergencyError> {
        let (share, key) = (&trustees.shares[k], &trustees.keys[k]);
        let appeal = self.appeal(request, &key.id(), NOW.0);
        approve(&self.kit.params, share, key, &self.rules, request, &appeal, NOW, &mut rng(9))
    }

    pub fn approve(&self, k: usize, request: &Signed<EmergencyRequest>) -> Part {
        again(&self.approve_with(&self.trustees, k, request).unwrap())
    }

    pub fn parts(&self, request: &Signed<EmergencyRequest>, trustees: &[usize]) -> Vec<Part> {
        trustees.iter().map(|k| self.approve(*k, request)).collect()
    }

    pub fn combine_at(
        &self,
        sharing: &Sharing,
        request: &Signed<EmergencyRequest>,
        parts: &[Part],
    ) -> Result<Combined, EmergencyError> {
        combine(&self.kit.params, sharing, &self.rules, request, parts)
    }

    pub fn combine(&self, request: &Signed<EmergencyRequest>, parts: &[Part]) -> Result<Combined, EmergencyError> {
        self.combine_at(&self.trustees.sharing, request, parts)
    }

    /// The grant of some trustees, from their request to the user.
    pub fn grant(&self, classes: &str, trustees: &[usize]) -> Held {
        let request = self.request(classes);
        let combined = self.combine(&request, &self.parts(&request, trustees)).unwrap();
        assert!(combined.culprits.is_empty());
        Held::new(&self.kit, &self.user, &combined.grant, &combined.rekey)
    }

    pub fn verify(&self, grant: &Grant) -> Result<VerifiedGrant, GrantError> {
        Kapre::verify_grant(&self.kit.params, &self.kit.generation, grant, NOW)
    }

    /// Why a trustee does not approve a request.
    pub fn refused(&self, request: &Signed<EmergencyRequest>) -> GrantError {
        let EmergencyError::Grant(error) = self.approve_with(&self.trustees, 0, request).unwrap_err() else {
            unreachable!("another error")
        };
        // Neither would the server combine, unless only the time is wrong.
        if !matches!(error, GrantError::NotYetValid | GrantError::Expired) {
            assert_eq!(self.combine(request, &[]).unwrap_err(), EmergencyError::Grant(error));
        }
        error
    }
}

pub fn missing(good: usize, need: usize, culprits: Vec<PartyId>) -> EmergencyError {
    EmergencyError::Missing { good, need, culprits }
}

/// An approval whose trustee signs for another key.
pub fn signed_for(part: &Part, point: &G2Affine, trustee: &SigningKey) -> Part {
    let hash = hash::wide("sesphr v1 kapre approval key", &[&point.to_bytes()]);
    let statement = part.0.unverified();
    (resigned(&part.0, statement.encoded_len() - 32, &hash[..32], trustee), approval_key(point))
}

/// A grant put together by hand, with any approvals at all.
pub fn assemble_grant(
    s: &Scene,
    request: &Signed<EmergencyRequest>,
    approvals: &[&Signed<Approval>],
) -> Result<Grant, DecodeError> {
    let mut bytes = vec![1, 2, 0, 0x53, 2, 1, 2, 0, 0x5e];
    s.rules.write(&mut bytes);
    request.write(&mut bytes);
    bytes.extend((approvals.len() as u32).to_be_bytes());
    approvals.iter().for_each(|approval| approval.write(&mut bytes));
    Grant::from_bytes(&bytes)
}
