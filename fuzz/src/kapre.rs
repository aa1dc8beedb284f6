//! Key-aggregate proxy re-encryption: its decoders, and what tampering with grants, keys, capsules and answers gives.

use std::sync::OnceLock;

use sesphr::context::{ContextBuf, Partition, RecordId, Subject, Timestamp, Validity};
use sesphr::encoding::Message;
use sesphr::identity::{Signed, SigningKey};
use sesphr::kac::trustees::{Committee, Sharing, VerifiedShare, deal};
use sesphr::kac::{Capsule, ClassGrid, Params, VerifiedGeneration, params};
use sesphr::kapre::*;
use sesphr::kem::{OwnerRoot, SharedKey};
use sesphr::pre::Pre;
use sesphr::role::{Role, RoleCert};
use subtle::ConstantTimeEq;

use super::{Changes, Toy, bytes, identity};

pub fn decode_kapre(data: &[u8]) {
    family!(
        data,
        UserKey,
        Signed<UserKey>,
        UserSecret,
        OwnerGrant,
        Signed<OwnerGrant>,
        Grant,
        ReKey,
        ReCapsule,
        Referral,
        ReferralKey,
        EmergencyRules,
        Signed<EmergencyRules>,
        EmergencyRequest,
        Signed<EmergencyRequest>,
        Appeal,
        Signed<Appeal>,
        Approval,
        Signed<Approval>,
        ApprovalKey,
        EmergencyGrant,
    );
}

const NOW: Timestamp = Timestamp(15);

struct Story {
    owner: SigningKey,
    server: SigningKey,
    params: Params,
    key: VerifiedGeneration,
    user_public: Signed<UserKey>,
    user_secret: UserSecret,
    role: Signed<RoleCert>,
    grant: Grant,
    verified: VerifiedGrant,
    rekey: ReKey,
    ctx: ContextBuf,
    capsule: Capsule,
    shared: SharedKey,
    part: ReCapsule,
    referral: (VerifiedGrant, ReferralKey),
    sharing: Sharing,
    rules: Signed<EmergencyRules>,
    request: Signed<EmergencyRequest>,
    appeal: Signed<Appeal>,
    parts: Vec<(Signed<Approval>, ApprovalKey)>,
}

impl Story {
    fn get() -> &'static Self {
        static STORY: OnceLock<Story> = OnceLock::new();
        STORY.get_or_init(Self::new)
    }

    fn new() -> Self {
        let rng = &mut Toy(7);
        let [owner, user, server] = [5, 6, 7].map(|seed| SigningKey::from_seed(&[seed; 32]));
        let grid = ClassGrid::new(&[Partition::MEDICAL, Partition::INSURANCE], 2).unwrap();
        let params = Params::generate(4, &owner, rng, params::unwatched).unwrap();
        let root = OwnerRoot::try_generate(rng).unwrap();
        let (secret, chain) = Kapre::owner_keygen(&params, &root, &owner, &Lineage::first(grid.clone()), rng).unwrap();
        let key = Kapre::verify_owner(&params, &chain, &owner.id()).unwrap();
        let (user_secret, user_public) = UserSecret::generate(HpkeKem::X25519, &user, rng).unwrap();
        let user_key = Kapre::verify_user(&params, &user_public, &user.id()).unwrap();
        let validity = Validity::new(Timestamp(10), Timestamp(20)).unwrap();
        let cert = RoleCert { subject: user.id(), role: Role::Doctor, validity };
        let role = Signed::new(&server, cert);
        let admission = || Admission::new("0,2-3".parse().unwrap(), 10).trust(Role::Doctor, server.id()).unwrap();
        let scope = Scope { set: "0,2-3".parse().unwrap(), referral: Some(admission()) };
        let (grant, [rekey]) = Kapre::delegate(&params, &secret, &owner, &user_key, &scope, &validity, rng).unwrap();
        let verified = Kapre::verify_grant(&params, &key, &grant, NOW).unwrap();
        let held = Kapre::accept_grant(&params, &user_secret, &verified).unwrap();
        let label = ClassLabel::new(&grid, &grid.period(2).unwrap()).unwrap();
        let record = RecordId::from_array([2; 16]);
        let subject = Subject { record, version: 1, author: owner.id(), aad: b"free" };
        let ctx = Kapre::context(&params, &key, &label, &subject);
        let (capsule, shared) = Kapre::encapsulate(&params, &key, &ctx, &owner, rng).unwrap();
        let checked = Kapre::verify_capsule(&params, &key, &capsule, &ctx).unwrap();
        let ready = Kapre::verify_rekey(&params, &key, &verified, &rekey).unwrap();
        let part = Kapre::reencrypt(&params, &ready, &checked, &server, NOW, rng).unwrap();
        let referral = held.refer(&user, &user_key, &role, &"2".parse().unwrap(), &validity, rng).unwrap();

        let committee = Committee::new(1, &[owner.id(), server.id()]).unwrap();
        let (dealing, sub_shares) = deal(&secret, &owner, &committee, rng).unwrap();
        let start = Sharing::of_owner(&key);
        let step = start.reshare(&[start.verify_dealing(&dealing).unwrap()]).unwrap();
        let sharing = step.sharing().clone();
        let rules = EmergencyRules::new(&owner, &sharing, admission(), rng).unwrap();
        let set = "2-3".parse().unwrap();
        let request = EmergencyRequest::new(&user, &user_public, &role, &rules, &set, &validity, rng).unwrap();
        let appeal = Signed::new(&user, Appeal { request: request.digest(), trustee: server.id(), at: NOW });
        let share: VerifiedShare = step.share(&server.id(), &sub_shares).unwrap();
        let parts = vec![approve(&params, &share, &server, &rules, &request, &appeal, NOW, rng).unwrap()];
        Self {
            ctx: ContextBuf::try_from(&ctx).unwrap(),
            owner,
            server,
            params,
            key,
            user_public,
            user_secret,
            role,
            grant,
            verified,
            rekey,
            capsule,
            shared,
            part,
            referral,
            sharing,
            rules,
            request,
            appeal,
            parts,
        }
    }

    fn emergency(&self) -> Combined {
        combine(&self.params, &self.sharing, &self.rules, &self.request, &self.parts).unwrap()
    }
}

/// Whatever is done to grant, re-encryption key, capsule, context and answer: what is accepted is the original, and
/// what opens is the original key.
pub fn kapre_open(data: &[u8]) {
    let (story, changes) = (Story::get(), Changes(data));
    let (params, key) = (&story.params, &story.key);
    let (grant_changed, grant) = changes.apply(&story.grant, 0, 5);
    let (rekey_changed, rekey) = changes.apply(&story.rekey, 1, 5);
    let (capsule_changed, capsule) = changes.apply(&story.capsule, 2, 5);
    let (ctx_changed, ctx) = changes.apply(&story.ctx, 3, 5);
    let (part_changed, part) = changes.apply(&story.part, 4, 5);
    if let Some(grant) = grant {
        assert_eq!(Kapre::verify_grant(params, key, &grant, NOW).is_err(), grant_changed);
    }
    if let Some(rekey) = rekey {
        assert_eq!(Kapre::verify_rekey(params, key, &story.verified, &rekey).is_err(), rekey_changed);
    }
    let (Some(capsule), Some(ctx)) = (capsule, ctx) else { return };
    let ctx = ctx.get();
    let held = Kapre::accept_grant(params, &story.user_secret, &story.verified).unwrap();
    let right = |opened: SharedKey| bool::from(opened.ct_eq(&story.shared));
    // What passes the public check is re-encrypted, and opens.
    let checked = Kapre::verify_capsule(params, key, &capsule, &ctx);
    assert_eq!(checked.is_ok(), !capsule_changed && !ctx_changed);
    if let Ok(checked) = checked {
        let rekey = Kapre::verify_rekey(params, key, &story.verified, &story.rekey).unwrap();
        let part = Kapre::reencrypt(params, &rekey, &checked, &story.server, NOW, &mut Toy(9)).unwrap();
        assert!(Kapre::open_reencrypted(params, &held, &capsule, &[part], &ctx).is_ok_and(right));
    }
    let Some(part) = part else { return };
    let opened = Kapre::open_reencrypted(params, &held, &capsule, &[part], &ctx);
    match opened {
        // The proof is for servers; a delegatee recomputes what it proves. Signs of both points of an answer cancel.
        Ok(opened) => assert!(right(opened) && !ctx_changed),
        Err(_) => assert!(capsule_changed || ctx_changed || part_changed),
    }
}

/// Whatever is done to the statements of a break-glass grant: accepted if and only if nothing was.
pub fn kapre_emergency(data: &[u8]) {
    let (story, changes) = (Story::get(), Changes(data));
    let (params, key) = (&story.params, &story.key);
    let (rules_changed, rules) = changes.apply(&story.rules, 0, 5);
    let (request_changed, request) = changes.apply(&story.request, 1, 5);
    let (approval, approval_key) = &story.parts[0];
    let (approval_changed, approval) = changes.apply(approval, 2, 5);
    let (key_changed, approval_key) = changes.apply(approval_key, 3, 5);
    if let (Some(rules), Some(request), Some(approval), Some(approval_key)) = (rules, request, approval, approval_key) {
        let combined = combine(params, &story.sharing, &rules, &request, &[(approval, approval_key)]);
        assert_eq!(combined.is_err(), rules_changed || request_changed || approval_changed || key_changed);
        if let Err(EmergencyError::Missing { culprits, .. }) = combined {
            // Nobody else can make a trustee a culprit.
            assert!(culprits.is_empty());
        }
    }
    let Combined { grant, rekey, .. } = story.emergency();
    let (changed, grant) = changes.apply(&grant, 4, 5);
    let Some(grant) = grant else { return };
    let verified = Kapre::verify_grant(params, key, &grant, NOW);
    assert_eq!(verified.is_err(), changed);
    if let Ok(verified) = verified {
        assert!(Kapre::verify_rekey(params, key, &verified, &rekey).is_ok());
        assert!(Kapre::accept_grant(params, &story.user_secret, &verified).is_ok());
    }
}

// ---- Seeds.

pub(super) fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let story = Story::get();
    let Grant::Owner(owner) = &story.grant else { unreachable!("the owner's grant") };
    let (approval, approval_key) = &story.parts[0];
    let x_wing = UserSecret::generate(HpkeKem::XWing, &story.owner, &mut Toy(8)).unwrap();
    let emergency = story.emergency();
    let Grant::Emergency(by_trustees) = &emergency.grant else { unreachable!("the trustees' grant") };
    let Grant::Referral(referral) = story.referral.0.grant() else { unreachable!("the user's grant") };
    let change = |changes: &[[u8; 4]]| changes.concat();
    vec![
        ("decode_kapre", "user-key", bytes(story.user_public.unverified())),
        ("decode_kapre", "user-key-signed", bytes(&story.user_public)),
        ("decode_kapre", "user-key-x-wing", bytes(&x_wing.1)),
        ("decode_kapre", "user-secret", bytes(&story.user_secret)),
        ("decode_kapre", "owner-grant", bytes(owner.unverified())),
        ("decode_kapre", "owner-grant-signed", bytes(&**owner)),
        ("decode_kapre", "grant", bytes(&story.grant)),
        ("decode_kapre", "grant-by-referral", bytes(story.referral.0.grant())),
        ("decode_kapre", "grant-by-trustees", bytes(&emergency.grant)),
        ("decode_kapre", "rekey", bytes(&story.rekey)),
        ("decode_kapre", "recapsule", bytes(&story.part)),
        ("decode_kapre", "referral", bytes(&**referral)),
        ("decode_kapre", "referral-key", bytes(&story.referral.1)),
        ("decode_kapre", "rules", bytes(&story.rules)),
        ("decode_kapre", "request", bytes(&story.request)),
        ("decode_kapre", "appeal", bytes(&story.appeal)),
        ("decode_kapre", "approval", bytes(approval)),
        ("decode_kapre", "approval-key", bytes(approval_key)),
        ("decode_kapre", "emergency-grant", bytes(&**by_trustees)),
        ("decode_kapre", "role", bytes(&story.role)),
        ("kapre_open", "untouched", vec![]),
        ("kapre_open", "each", change(&[[0, 90, 1, 0], [0, 40, 1, 1], [0, 9, 1, 2], [0, 60, 1, 3], [0, 9, 1, 4]])),
        ("kapre_open", "both-signs", change(&[[0, 4, 0x20, 4], [0, 52, 0x20, 4]])),
        ("kapre_open", "proof", change(&[[0, 90, 1, 2]])),
        ("kapre_open", "set", change(&[[0, 130, 1, 0]])),
        ("kapre_emergency", "untouched", vec![]),
        (
            "kapre_emergency",
            "each",
            change(&[[0, 9, 1, 0], [0, 9, 1, 1], [0, 80, 1, 2], [0, 9, 0x20, 3], [0, 9, 1, 4]]),
        ),
        ("kapre_emergency", "key-sign", change(&[[0, 4, 0x20, 3]])),
        ("kapre_emergency", "validity", change(&[[0, 200, 1, 1]])),
    ]
}
