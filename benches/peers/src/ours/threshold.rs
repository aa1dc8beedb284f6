//! The operations of `Threshold`: several servers without a pairing.

use std::hint::black_box;
use std::sync::Arc;

use aes_gcm::aead::Aead;
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sesphr::context::{Context, Partition, Period, RecordId, Subject, Timestamp, Validity};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::identity::{PartyId, Signed, SigningKey};
use sesphr::kem::{OwnerRoot, SharedKey};
use sesphr::pre::Pre;
use sesphr::pre::threshold::{
    Capsule, Claim, Fragment, Grant, LabelTree, OwnerSecret, Part, Servers, Terms, Threshold, UserGrant, UserSecret,
    VerifiedCapsule, VerifiedFragment, VerifiedGrant, VerifiedOwner, VerifiedPart, VerifiedUser,
};
use sesphr::record::Sealer;
use sesphr_peers_timing::{Named, World};

const NOW: Timestamp = Timestamp(1_800_000_000);
const PLAINTEXT: [u8; 32] = [0x5e; 32];
const PERIOD: Period = Period { partition: Partition::MEDICAL, epoch: 32 };
/// Labels of one tree.
const EPOCHS: u32 = 64;

/// A grant to some servers, past every check, of whom the threshold has re-encrypted.
struct Delegation {
    terms: Terms,
    /// As they arrive.
    grant: Signed<Grant>,
    fragments: Vec<Fragment>,
    verified: VerifiedGrant,
    held: UserGrant,
    verified_fragments: Vec<VerifiedFragment>,
    parts: Vec<Part>,
}

/// Everybody, and what they made.
struct Story {
    root: OwnerRoot,
    /// The owner.
    id: PartyId,
    signer: SigningKey,
    author: SigningKey,
    servers: Vec<SigningKey>,
    user: SigningKey,
    owner_secret: OwnerSecret,
    owner: VerifiedOwner,
    user_secret: UserSecret,
    verified_user: VerifiedUser,
    ctx: Context<'static>,
    capsule: Capsule,
    encoded: Vec<u8>,
    checked: VerifiedCapsule,
    ciphertext: Vec<u8>,
    /// By thresholds.
    delegations: Vec<(u8, Delegation)>,
}

pub struct Ours {
    story: Story,
    rng: ChaCha20Rng,
}

/// The cipher of sealed records. Every key is for one message, so its nonce can be one for all.
fn cipher(key: &SharedKey) -> (Aes256Gcm, Nonce<aes_gcm::aead::consts::U12>) {
    (Aes256Gcm::new(key.hazmat_bytes().into()), Nonce::default())
}

fn seal(key: &SharedKey) -> Vec<u8> {
    let (cipher, nonce) = cipher(key);
    cipher.encrypt(&nonce, black_box(&PLAINTEXT[..])).unwrap()
}

impl Story {
    fn new(rng: &mut ChaCha20Rng) -> Self {
        let [signer, author, user] = [(); 3].map(|()| SigningKey::generate(rng));
        let servers: Vec<_> = (0..9).map(|_| SigningKey::generate(rng)).collect();
        let (root, id) = (OwnerRoot::generate(rng), signer.id());
        let tree = Arc::new(LabelTree::derive(&root, id, [PERIOD.partition], EPOCHS).unwrap());
        let label = tree.label(&PERIOD).unwrap();
        let (owner_secret, public) = Threshold::owner_keygen(&(), &root, &signer, &label, rng).unwrap();
        let owner = Threshold::verify_owner(&(), &public, &id).unwrap();
        let (user_secret, public) = Threshold::user_keygen(&(), &user, rng).unwrap();
        let verified_user = Threshold::verify_user(&(), &public, &user.id()).unwrap();
        let subject = Subject { record: RecordId::from_array([7; 16]), version: 1, author: author.id(), aad: &[] };
        let ctx = Threshold::context(&(), &owner, &(), &subject);
        let (capsule, key) = Threshold::encapsulate(&(), &owner, &ctx, &author, rng).unwrap();
        let checked = Threshold::verify_capsule(&(), &owner, &capsule, &ctx).unwrap();
        let validity = Validity::new(NOW, Timestamp(NOW.0 + 86_400)).unwrap();
        let delegate = |(threshold, of)| {
            let among = servers.iter().take(of);
            let terms =
                Terms { validity, servers: Servers::new(threshold, among.clone().map(SigningKey::id)).unwrap() };
            let delegated = Threshold::delegate(&(), &owner_secret, &signer, &verified_user, &(), &terms, rng);
            let (grant, fragments) = delegated.unwrap();
            let verified = Threshold::verify_grant(&(), &owner, &grant, NOW).unwrap();
            let held = Threshold::accept_grant(&(), &user_secret, &verified).unwrap();
            let verify = |fragment| Threshold::verify_rekey(&(), &owner, &verified, fragment).unwrap();
            let verified_fragments: Vec<_> = fragments.iter().map(verify).collect();
            let needed = verified_fragments.iter().zip(among).take(threshold.into());
            let reencrypt =
                |(fragment, server)| Threshold::reencrypt(&(), fragment, &checked, server, NOW, rng).unwrap();
            let parts = needed.map(reencrypt).collect();
            (threshold, Delegation { terms, grant, fragments, verified, held, verified_fragments, parts })
        };
        let delegations = [(1, 1), (2, 3), (5, 9)].map(delegate).into();
        let (encoded, ciphertext) = (capsule.to_bytes(), seal(&key));
        Self {
            root,
            id,
            signer,
            author,
            servers,
            user,
            owner_secret,
            owner,
            user_secret,
            verified_user,
            ctx,
            capsule,
            encoded,
            checked,
            ciphertext,
            delegations,
        }
    }

    fn delegation(&self, threshold: u8) -> &Delegation {
        self.delegations.iter().find(|(of, _)| *of == threshold).map(|(_, delegation)| delegation).unwrap()
    }

    fn open(&self, key: &SharedKey) {
        let (cipher, nonce) = cipher(key);
        let plaintext = cipher.decrypt(&nonce, &*self.ciphertext).unwrap();
        assert!(*black_box(plaintext) == PLAINTEXT);
    }

    fn delegate(&self, threshold: u8, rng: &mut ChaCha20Rng) {
        let (secret, user) = (black_box(&self.owner_secret), black_box(&self.verified_user));
        let terms = &self.delegation(threshold).terms;
        let _ = black_box(Threshold::delegate(&(), secret, &self.signer, user, &(), terms, rng).unwrap());
    }

    /// What each server checks of a grant and its fragment when they arrive.
    fn verify_rekey(&self) {
        let Delegation { grant, fragments, .. } = self.delegation(1);
        let grant = Threshold::verify_grant(&(), &self.owner, black_box(grant), NOW).unwrap();
        let _ = black_box(Threshold::verify_rekey(&(), &self.owner, &grant, &fragments[0]).unwrap());
    }

    /// By so many servers.
    fn reencrypt(&self, threshold: u8, rng: &mut ChaCha20Rng) -> Vec<Part> {
        let fragments = self.delegation(threshold).verified_fragments.iter().take(threshold.into());
        let one = |(fragment, server)| {
            Threshold::reencrypt(&(), fragment, black_box(&self.checked), server, NOW, rng).unwrap()
        };
        fragments.zip(&self.servers).map(one).collect()
    }

    fn accept(&self, threshold: u8) -> UserGrant {
        let grant = black_box(&self.delegation(threshold).verified);
        Threshold::accept_grant(&(), black_box(&self.user_secret), grant).unwrap()
    }

    /// Opens what servers are said to have answered, which nobody checked.
    fn open_parts(&self, held: &UserGrant, threshold: u8) {
        let (capsule, parts) = (black_box(&self.capsule), &self.delegation(threshold).parts);
        self.open(&Threshold::open_reencrypted(&(), held, capsule, parts, &self.ctx).unwrap());
    }

    fn claims<'a>(&'a self, grant: &'a VerifiedGrant, parts: &'a [Part]) -> Vec<Claim<'a>> {
        let (capsule, ctx) = (black_box(&self.capsule), &self.ctx);
        parts.iter().map(|part| Claim { grant, capsule, ctx, part }).collect()
    }

    /// Re-encryption by so many servers; the delegatee checks all that arrives, in one batch, and opens.
    fn turnaround(&self, threshold: u8, rng: &mut ChaCha20Rng) {
        let parts = self.reencrypt(threshold, rng);
        let claims = self.claims(&self.delegation(threshold).verified, &parts);
        let verified = Threshold::vartime_verify_parts(&claims, rng).unwrap();
        let verified: Vec<VerifiedPart> = verified.into_iter().map(Option::unwrap).collect();
        let held = self.accept(threshold);
        self.open(&Threshold::open_verified(&held, &self.capsule, &verified, &self.ctx).unwrap());
    }
}

impl Ours {
    pub fn new() -> Self {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        Self { story: Story::new(&mut rng), rng }
    }
}

impl World for Ours {
    const OPERATIONS: Named<fn(&mut Self)> = &[
        ("keygen", |Self { story, .. }| {
            let (root, period) = (black_box(&story.root), black_box(&PERIOD));
            let _ = black_box(OwnerSecret::derive(root, story.id, period).unwrap());
        }),
        ("label_tree", |Self { story, .. }| {
            let (root, partitions) = (black_box(&story.root), [black_box(PERIOD.partition)]);
            let _ = black_box(LabelTree::derive(root, story.id, partitions, EPOCHS).unwrap());
        }),
        ("user_keygen", |Self { story, rng }| {
            let _ = black_box(Threshold::user_keygen(&(), black_box(&story.user), rng).unwrap());
        }),
        ("encrypt", |Self { story, rng }| {
            let (owner, ctx) = (black_box(&story.owner), black_box(&story.ctx));
            let (capsule, key) = Threshold::encapsulate(&(), owner, ctx, &story.author, rng).unwrap();
            let _ = black_box((capsule, seal(&key)));
        }),
        ("seal_record", |Self { story, rng }| {
            let sealer = Sealer::<Threshold>::new(&(), black_box(&story.owner), &(), &story.author);
            let _ = black_box(sealer.seal(story.ctx.record, 1, black_box(&PLAINTEXT), rng).unwrap());
        }),
        ("verify_capsule", |Self { story, .. }| {
            let capsule = Capsule::from_bytes(black_box(&story.encoded)).unwrap();
            let _ = black_box(Threshold::verify_capsule(&(), &story.owner, &capsule, &story.ctx).unwrap());
        }),
        ("open", |Self { story, .. }| {
            let (secret, capsule) = (black_box(&story.owner_secret), black_box(&story.capsule));
            story.open(&Threshold::open(&(), secret, capsule, &story.ctx).unwrap());
        }),
        ("delegate_1_of_1", |Self { story, rng }| story.delegate(1, rng)),
        ("delegate_2_of_3", |Self { story, rng }| story.delegate(2, rng)),
        ("delegate_5_of_9", |Self { story, rng }| story.delegate(5, rng)),
        ("verify_rekey", |Self { story, .. }| story.verify_rekey()),
        ("reencrypt", |Self { story, rng }| _ = black_box(story.reencrypt(1, rng))),
        ("verify_part", |Self { story, .. }| {
            let Delegation { verified, parts, .. } = story.delegation(1);
            let _ = black_box(Threshold::vartime_verify_part(&story.claims(verified, parts)[0]).unwrap());
        }),
        ("open_reencrypted_1", |Self { story, .. }| story.open_parts(&story.accept(1), 1)),
        ("open_reencrypted_2", |Self { story, .. }| story.open_parts(&story.accept(2), 2)),
        ("open_reencrypted_5", |Self { story, .. }| story.open_parts(&story.accept(5), 5)),
        ("open_held_1", |Self { story, .. }| story.open_parts(&story.delegation(1).held, 1)),
        ("open_held_2", |Self { story, .. }| story.open_parts(&story.delegation(2).held, 2)),
        ("open_held_5", |Self { story, .. }| story.open_parts(&story.delegation(5).held, 5)),
        ("turnaround_1", |Self { story, rng }| story.turnaround(1, rng)),
        ("turnaround_2", |Self { story, rng }| story.turnaround(2, rng)),
        ("turnaround_5", |Self { story, rng }| story.turnaround(5, rng)),
    ];

    const SIZES: Named<fn(&Self) -> usize> = &[
        ("capsule", |Self { story, .. }| story.encoded.len()),
        ("ciphertext", |Self { story, .. }| story.ciphertext.len()),
        ("rekey", |Self { story, .. }| story.delegation(1).fragments[0].to_secret_bytes().len()),
        ("part", |Self { story, .. }| story.delegation(1).parts[0].encoded_len()),
        ("grant_1_of_1", |Self { story, .. }| story.delegation(1).grant.encoded_len()),
        ("grant_2_of_3", |Self { story, .. }| story.delegation(2).grant.encoded_len()),
        ("grant_5_of_9", |Self { story, .. }| story.delegation(5).grant.encoded_len()),
    ];
}
