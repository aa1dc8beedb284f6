//! Threshold re-encryption: its decoders, and what any mixture of honest, wrong, doubled and missing answers opens.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use sesphr::context::{ContextBuf, Partition, Period, RecordId, Subject, Timestamp, Validity};
use sesphr::encoding::Message;
use sesphr::identity::{PartyId, Signed, SigningKey};
use sesphr::kem::{CapsuleParts, OwnerRoot, SharedKey};
use sesphr::pre::Pre;
use sesphr::pre::threshold::*;
use subtle::ConstantTimeEq;

use super::{Toy, bytes, identity};

pub fn decode_threshold(data: &[u8]) {
    family!(
        data,
        OwnerCert,
        Signed<OwnerCert>,
        OwnerKey,
        OwnerSecret,
        UserKey,
        Signed<UserKey>,
        UserSecret,
        Servers,
        Grant,
        Signed<Grant>,
        Fragment,
        Capsule,
        Part,
    );
    if let Ok(capsule) = Capsule::from_bytes(data) {
        let (mut core, mut mutable) = (Vec::new(), Vec::new());
        capsule.write_core(&mut core);
        capsule.write_mutable(&mut mutable);
        assert_eq!((core.len(), mutable.len()), (Capsule::CORE_LEN, Capsule::MUTABLE_LEN));
        assert!(Capsule::from_parts(&core, &mutable).is_ok_and(|again| again == capsule));
    }
}

const NOW: Timestamp = Timestamp(15);
/// Most servers of a committee.
const MOST: u8 = 6;
/// Most answers that are looked at.
const ANSWERS: usize = 16;
/// Where an answer has its number, E, R1, R2 and z.
const INDEX: usize = 4;
const E: usize = INDEX + 1;
const R1: usize = E + 32;
const R2: usize = R1 + 32;
const Z: usize = R2 + 32;

/// What all committees share.
struct Story {
    owner: SigningKey,
    servers: Vec<SigningKey>,
    secret: OwnerSecret,
    public: OwnerKey,
    key: VerifiedOwner,
    user_secret: UserSecret,
    user_public: Signed<UserKey>,
    user: VerifiedUser,
    ctx: ContextBuf,
    capsule: Capsule,
    shared: SharedKey,
    other_capsule: VerifiedCapsule,
}

impl Story {
    fn get() -> &'static Self {
        static STORY: OnceLock<Story> = OnceLock::new();
        STORY.get_or_init(Self::new)
    }

    fn new() -> Self {
        let rng = &mut Toy(11);
        let [owner, user] = [5, 6].map(|seed| SigningKey::from_seed(&[seed; 32]));
        let servers = (10..10 + MOST).map(|seed| SigningKey::from_seed(&[seed; 32])).collect();
        let root = OwnerRoot::try_generate(rng).unwrap();
        let tree = Arc::new(LabelTree::derive(&root, owner.id(), Partition::SESPHR, 3).unwrap());
        let label = tree.label(&Period { partition: Partition::MEDICAL, epoch: 2 }).unwrap();
        let (secret, public) = Threshold::owner_keygen(&(), &root, &owner, &label, rng).unwrap();
        let key = Threshold::verify_owner(&(), &public, &owner.id()).unwrap();
        let (user_secret, user_public) = Threshold::user_keygen(&(), &user, rng).unwrap();
        let user = Threshold::verify_user(&(), &user_public, &user.id()).unwrap();
        let record = RecordId::from_array([2; 16]);
        let subject = Subject { record, version: 1, author: owner.id(), aad: b"free" };
        let ctx = Threshold::context(&(), &key, &(), &subject);
        let (capsule, shared) = Threshold::encapsulate(&(), &key, &ctx, &owner, rng).unwrap();
        let (other_capsule, _) = Threshold::encapsulate(&(), &key, &ctx, &owner, rng).unwrap();
        let other_capsule = Threshold::verify_capsule(&(), &key, &other_capsule, &ctx).unwrap();
        let ctx = ContextBuf::try_from(&ctx).unwrap();
        Self {
            owner,
            servers,
            secret,
            public,
            key,
            user_secret,
            user_public,
            user,
            ctx,
            capsule,
            shared,
            other_capsule,
        }
    }

    /// Everybody's answer, twice for the capsule and once for another.
    fn answers(&self, grant: &VerifiedGrant, fragments: &[Fragment]) -> Vec<[Vec<u8>; 3]> {
        let rng = &mut Toy(12);
        let checked = Threshold::verify_capsule(&(), &self.key, &self.capsule, &self.ctx.get()).unwrap();
        let of = |(fragment, server): (&Fragment, &SigningKey)| {
            let fragment = Threshold::verify_rekey(&(), &self.key, grant, fragment).unwrap();
            [&checked, &checked, &self.other_capsule]
                .map(|capsule| bytes(&Threshold::reencrypt(&(), &fragment, capsule, server, NOW, rng).unwrap()))
        };
        fragments.iter().zip(&self.servers).map(of).collect()
    }
}

/// Any t of n: a grant, and all that its servers ever answered.
struct Committee {
    threshold: usize,
    ids: Vec<PartyId>,
    signed: Signed<Grant>,
    fragments: Vec<Fragment>,
    held: UserGrant,
    answers: Vec<[Vec<u8>; 3]>,
    /// The same servers with the fragments of a former round.
    former: Vec<[Vec<u8>; 3]>,
}

impl Committee {
    fn get(threshold: u8, n: u8) -> &'static Self {
        const ROW: usize = MOST as usize;
        static ALL: [OnceLock<Committee>; ROW * ROW] = [const { OnceLock::new() }; ROW * ROW];
        let at = usize::from(n - 1) * ROW + usize::from(threshold - 1);
        ALL[at].get_or_init(|| Self::new(threshold, n))
    }

    fn new(threshold: u8, n: u8) -> Self {
        let (story, rng) = (Story::get(), &mut Toy(13));
        let ids: Vec<_> = story.servers.iter().take(n.into()).map(SigningKey::id).collect();
        let servers = Servers::new(threshold, ids.iter().copied()).unwrap();
        let terms = Terms { validity: Validity::new(Timestamp(10), Timestamp(20)).unwrap(), servers };
        let (secret, owner) = (&story.secret, &story.owner);
        let (grant, fragments) = Threshold::delegate(&(), secret, owner, &story.user, &(), &terms, rng).unwrap();
        let grant = Threshold::verify_grant(&(), &story.key, &grant, NOW).unwrap();
        let former = story.answers(&grant, &fragments);
        let (signed, fragments) = Threshold::refresh(secret, owner, &grant, &terms.servers, rng).unwrap();
        let grant = Threshold::verify_grant(&(), &story.key, &signed, NOW).unwrap();
        let answers = story.answers(&grant, &fragments);
        let held = Threshold::accept_grant(&(), &story.user_secret, &grant).unwrap();
        Self { threshold: threshold.into(), ids, signed, fragments, held, answers, former }
    }
}

/// An answer as it arrives.
struct Answer {
    part: Part,
    honest: bool,
    /// Of which polynomial its point is, if it is the one for its number: those of one polynomial add up.
    point: Option<u8>,
}

/// Two bytes: whose answer, and what becomes of it.
fn answer(committee: &Committee, who: u8, what: u8) -> Option<Answer> {
    let n = committee.ids.len();
    let (k, other) = (usize::from(who) % n, usize::from(what >> 4));
    let mut bytes = committee.answers[k][0].clone();
    let number = bytes[INDEX];
    let (mut honest, mut point) = (false, Some(0));
    match what & 15 {
        1 => bytes[R1 + 2 * other] ^= 1 << (other & 7),
        2 => bytes[R2 + 2 * other] ^= 1 << (other & 7),
        3 => bytes[Z + other] ^= 1 << (other & 7),
        // Only the point, with the proof of the right one; then everything, for another capsule.
        4 => {
            bytes[E..E + 32].copy_from_slice(&committee.answers[k][2][E..E + 32]);
            point = None;
        }
        5 => {
            bytes.clone_from(&committee.answers[k][2]);
            point = None;
        }
        // Under another number, which no server needs to have.
        6 => {
            bytes[INDEX] = u8::try_from(1 + other).ok()?;
            honest = bytes[INDEX] == number;
        }
        // What another server answered, under this one's number.
        7 => {
            let from = &committee.answers[other % n][0];
            bytes.clone_from(from);
            bytes[INDEX] = number;
            honest = from[INDEX] == number;
        }
        // By the fragment of a former round.
        8 => {
            bytes.clone_from(&committee.former[k][0]);
            point = Some(1);
        }
        9 => {
            bytes.clone_from(&committee.answers[k][1]);
            honest = true;
        }
        _ => honest = true,
    }
    // With a constant polynomial there is one point for all numbers and rounds.
    if committee.threshold == 1 {
        point = point.map(|_| 0);
    } else if matches!(what & 15, 6 | 7) && !honest {
        point = None;
    }
    Some(Answer { part: Part::from_bytes(&bytes).ok()?, honest, point })
}

/// Whatever arrives, in whatever order: enough honest answers open, and who lied is named and nobody else; with fewer,
/// nothing opens but what adds up in spite of wrong proofs.
pub fn threshold_open(data: &[u8]) {
    let [t, n, script @ ..] = data else { return };
    let n = 1 + n % MOST;
    let committee = Committee::get(1 + t % n, n);
    let (story, held, t) = (Story::get(), &committee.held, committee.threshold);
    let (capsule, ctx) = (&story.capsule, &story.ctx.get());
    let choices = script.chunks_exact(2).take(ANSWERS);
    let answers: Vec<_> = choices.filter_map(|choice| answer(committee, choice[0], choice[1])).collect();
    let parts: Vec<_> = answers.iter().map(|answer| answer.part.clone()).collect();
    let server = |answer: &Answer| committee.ids.get(usize::from(answer.part.index()) - 1).copied();

    let liars: BTreeSet<_> = answers.iter().filter(|answer| !answer.honest).filter_map(server).collect();
    assert_eq!(Threshold::culprits(held, capsule, &parts, ctx), Vec::from_iter(liars));

    let claims: Vec<_> = parts.iter().map(|part| Claim { grant: held.grant(), capsule, ctx, part }).collect();
    let at_once = Threshold::vartime_verify_parts(&claims, &mut Toy(14)).unwrap();
    for ((answer, claim), verified) in answers.iter().zip(&claims).zip(&at_once) {
        assert_eq!(
            (verified.is_some(), Threshold::vartime_verify_part(claim).is_some()),
            (answer.honest, answer.honest)
        );
    }
    let right = |key: SharedKey| assert!(bool::from(key.ct_eq(&story.shared)), "another key");
    let honest: BTreeSet<_> = answers.iter().filter(|answer| answer.honest).map(|answer| answer.part.index()).collect();
    let verified: Vec<_> = at_once.into_iter().flatten().collect();
    let opened = Threshold::open_verified(held, capsule, &verified, ctx).map(right);
    assert_eq!(opened.is_ok(), honest.len() >= t);

    // The first answer of each server, as many as it takes.
    let mut first = BTreeMap::new();
    for answer in answers.iter().filter(|answer| server(answer).is_some()) {
        if first.len() < t {
            first.entry(answer.part.index()).or_insert(answer.point);
        }
    }
    let polynomials: BTreeSet<_> = first.values().collect();
    let adds_up = first.len() == t && polynomials.len() == 1 && !polynomials.contains(&None);
    let opened = Threshold::open_reencrypted(&(), held, capsule, &parts, ctx).map(right);
    assert_eq!(opened.is_ok(), honest.len() >= t || adds_up);
}

// ---- Seeds.

pub(super) fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let (story, committee) = (Story::get(), Committee::get(2, 3));
    let cert = bytes(&story.public)[4..144].to_vec();
    vec![
        ("decode_threshold", "owner-cert", cert[36..76].to_vec()),
        ("decode_threshold", "owner-cert-signed", cert),
        ("decode_threshold", "owner-key", bytes(&story.public)),
        ("decode_threshold", "owner-secret", bytes(&story.secret)),
        ("decode_threshold", "user-key", bytes(story.user_public.unverified())),
        ("decode_threshold", "user-key-signed", bytes(&story.user_public)),
        ("decode_threshold", "user-secret", bytes(&story.user_secret)),
        ("decode_threshold", "servers", bytes(committee.signed.unverified().servers())),
        ("decode_threshold", "grant", bytes(committee.signed.unverified())),
        ("decode_threshold", "grant-signed", bytes(&committee.signed)),
        ("decode_threshold", "fragment", bytes(&committee.fragments[1])),
        ("decode_threshold", "capsule", bytes(&story.capsule)),
        ("decode_threshold", "part", committee.answers[1][0].clone()),
        ("threshold_open", "nobody", vec![1, 2]),
        ("threshold_open", "one-of-one", vec![0, 0, 0, 0]),
        ("threshold_open", "two-of-three", vec![1, 2, 2, 0, 0, 0]),
        ("threshold_open", "one-too-few", vec![1, 2, 1, 0, 1, 9, 4, 0]),
        ("threshold_open", "every-way-to-lie", {
            let all = (1..=8).flat_map(|how| [how, how | 0x10]);
            [3, 5].into_iter().chain(all).chain([0, 0, 1, 0, 2, 9, 3, 0]).collect()
        }),
        ("threshold_open", "former-round", vec![1, 2, 0, 8, 1, 8]),
        ("threshold_open", "mixed-rounds", vec![1, 2, 0, 8, 1, 0]),
        ("threshold_open", "right-points-wrong-proofs", vec![2, 4, 0, 1, 1, 0x52, 2, 0x33]),
        ("threshold_open", "constant-polynomial", vec![0, 3, 0, 0x16, 1, 0x27]),
        ("threshold_open", "number-of-nobody", vec![1, 2, 0, 0xf6, 0, 0, 1, 0]),
        ("threshold_open", "all-of-six", vec![5, 5, 5, 0, 4, 0, 3, 0, 2, 0, 1, 0, 0, 0]),
        ("threshold_open", "last-one-lies", vec![5, 5, 5, 0, 4, 0, 3, 0, 2, 0, 1, 0, 0, 4]),
    ]
}
