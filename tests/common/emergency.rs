//! An owner with trustees, and a doctor who is no member.

use std::collections::BTreeSet;

use sesphr::context::{Partition, Timestamp, Validity};
use sesphr::identity::{Signed, SigningKey};
use sesphr::kac::trustees::Committee;
use sesphr::kapre::{Approval, ApprovalKey, EmergencyRequest, Kapre};
use sesphr::sharing::log::{Auditor, Receipt};
use sesphr::sharing::*;

use super::{Tested, World, at, party, rng, user};

/// How long somebody may be let in.
pub const SECONDS: u64 = 3600;

pub fn trustee_key(n: u8) -> SigningKey {
    party(70 + n)
}

/// Two of three.
pub fn committee() -> Committee {
    Committee::new(2, &[0, 1, 2].map(|n| trustee_key(n).id())).unwrap()
}

/// Doctors, to what is medical and personal, for an hour.
pub fn rule() -> AdmissionRule {
    let partitions = BTreeSet::from([Partition::MEDICAL, Partition::PERSONAL]);
    AdmissionRule { roles: BTreeSet::from([Role::Doctor]), partitions, seconds: SECONDS }
}

pub type Part = (Signed<Approval>, ApprovalKey);

/// What the owner prepared, and the trustees who were given it.
pub struct Emergency {
    pub plan: EmergencyPlan,
    pub trustees: Vec<Trustee<MemoryStorage>>,
    pub auditors: Vec<Auditor>,
}

impl Emergency {
    /// The owner prepares at the fifth second.
    pub fn new(w: &mut World<Kapre>) -> Self {
        let (update, plan) = w.owner.prepare_emergency(&committee(), &rule(), at(5), &mut w.rng).unwrap();
        w.send(&update, at(5));
        let trustee = |n| Trustee::load(Kapre::params(), trustee_key(n), MemoryStorage::new()).unwrap();
        let mut trustees: Vec<_> = (0..3).map(trustee).collect();
        for trustee in &mut trustees {
            trustee.entrust(&w.id(), &plan.owner_key, &plan.rules, &plan.sharing, &plan.sub_shares).unwrap();
        }
        let auditors = trustees.iter().map(|trustee| Auditor::new(w.id(), trustee.id())).collect();
        Self { plan, trustees, auditors }
    }

    pub fn validity(now: Timestamp) -> Validity {
        Validity::new(now, Timestamp(now.0 + SECONDS)).unwrap()
    }

    /// A doctor asks for the medical partition, for as long as the rules allow.
    pub fn request(&self, w: &World<Kapre>, now: Timestamp) -> (Signed<EmergencyRequest>, User<Kapre>) {
        let doctor = user::<Kapre>(20);
        (self.request_by(w, &doctor, now), doctor)
    }

    pub fn request_by(&self, w: &World<Kapre>, doctor: &User<Kapre>, now: Timestamp) -> Signed<EmergencyRequest> {
        let (role, validity) = (w.cert(doctor, Role::Doctor), Self::validity(now));
        let directory = w.directory(now);
        doctor
            .ask_trustees(&directory, &self.plan.rules, &role, &[Partition::MEDICAL], &validity, &mut rng(21))
            .unwrap()
    }

    /// Trustees approve.
    pub fn approve(
        &mut self,
        w: &World<Kapre>,
        who: &[usize],
        request: &Signed<EmergencyRequest>,
        doctor: &User<Kapre>,
        now: Timestamp,
    ) -> Vec<Part> {
        let approve = |n: &usize| {
            let trustee = &mut self.trustees[*n];
            let appeal = doctor.appeal(request, trustee.id(), now);
            trustee.approve(&w.id(), request, &appeal, now, &mut rng(22)).unwrap()
        };
        who.iter().map(approve).collect()
    }

    /// The parts go to the server.
    pub fn break_glass(
        &self,
        w: &mut World<Kapre>,
        request: &Signed<EmergencyRequest>,
        parts: &[Part],
        now: Timestamp,
    ) -> Result<Vec<sesphr::identity::PartyId>, ServerError<core::convert::Infallible>> {
        let EmergencyPlan { owner_key, rules, sharing, .. } = &self.plan;
        w.server.break_glass(&w.owner.id(), owner_key, sharing, rules, request, parts, now)
    }

    /// What a trustee's log says that the owner has not read yet.
    pub fn receipts(&mut self, w: &World<Kapre>, n: usize, now: Timestamp) -> Vec<Receipt> {
        let query = w.owner.ask_audit(&self.auditors[n], now);
        self.auditors[n].follow(&self.trustees[n].audit(&query, now).unwrap()).unwrap()
    }
}
