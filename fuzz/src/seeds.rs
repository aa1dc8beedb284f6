//! What fuzzing starts from.

use super::*;

/// Target, name and bytes of every seed: the story's messages, and some changes to them.
pub fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let story = Story::get();
    let rng = &mut Toy(9);
    let secret = UserSecret::from_bytes(&bytes(&story.user_secret)).unwrap();
    let user =
        User::<Afgh>::from_keys(Arc::new(()), SigningKey::from_seed(&[3; 32]), secret, story.user_public.clone());
    let role = RoleCert { subject: story.user.id(), role: Role::Doctor, validity: Validity::new(NOW, NOW).unwrap() };
    let query = AuditQuery { keeper: story.server.id(), at: NOW, position: Position { read: 3, size: 5 } };
    let root = OwnerRoot::from_bytes(&bytes(&story.root)).unwrap();
    let policy = AccessPolicy::new(9);
    let mut owner = Owner::<Afgh>::new(Arc::new(()), root, policy, [Partition::MEDICAL], 9, NOW).unwrap();
    let cert = owner.certify(user.id(), Role::Researcher, Validity::new(NOW, NOW).unwrap());
    let update = owner.join(&user.bundle(1, NOW), &cert, NOW, NOW, rng).unwrap();
    let request = user.request(story.server.id(), story.sealed.header(), NOW, rng).unwrap();
    let (header, body) = (story.sealed.header(), story.sealed.body());
    let range = BodyIndex::new(header, body).unwrap().cut(header, body, 4000..4200).unwrap();
    let change = |changes: &[[u8; 4]]| changes.concat();
    let mut point = vec![0x5a; 64];
    point.extend(Affine::<<Zkcrypto as Backend>::G1>::generator().to_bytes());
    point.extend(Affine::<<Zkcrypto as Backend>::G2>::generator().to_bytes());
    let mut seeds = kac::seeds();
    seeds.extend(kapre::seeds());
    seeds.extend(threshold::seeds());
    seeds.extend(epoch::seeds());
    seeds.extend(rotate::seeds());
    seeds.extend(search::seeds());
    seeds.extend([
        ("afgh_open", "untouched", vec![]),
        ("afgh_open", "each", change(&[[0, 9, 1, 0], [0, 9, 1, 1], [0, 9, 1, 2], [0, 9, 1, 3]])),
        ("afgh_open", "capsule-c3", change(&[[0, 60, 1, 0]])),
        ("afgh_open", "capsule-proof", change(&[[0, 90, 1, 0]])),
        ("afgh_open", "context-version", change(&[[0, 60, 1, 1]])),
        ("afgh_open", "part-sign", change(&[[0, 4, 0x20, 2]])),
        ("afgh_reencrypt", "untouched", vec![]),
        ("afgh_reencrypt", "grant-signature", change(&[[0, 240, 1, 0]])),
        ("afgh_reencrypt", "rekey-sign", change(&[[0, 36, 0x20, 1]])),
        ("context", "context", bytes(&story.ctx)),
        ("decode_afgh", "owner-key", bytes(story.owner_public.unverified())),
        ("decode_afgh", "owner-key-signed", bytes(&story.owner_public)),
        ("decode_afgh", "owner-secret", bytes(&story.owner_secret)),
        ("decode_afgh", "user-key", bytes(&story.user_public)),
        ("decode_afgh", "user-secret", bytes(&story.user_secret)),
        ("decode_afgh", "grant", bytes(&story.grant)),
        ("decode_afgh", "rekey", bytes(&story.rekey)),
        ("decode_afgh", "capsule", bytes(&story.capsule)),
        ("decode_afgh", "recapsule", bytes(&story.part)),
        ("decode_identity", "verifying-key", bytes(&story.owner.verifying_key())),
        ("decode_identity", "signing-key", bytes(&story.owner)),
        ("decode_identity", "owner-root", bytes(&story.root)),
        ("decode_identity", "context-signed", bytes(&Signed::new(&story.owner, story.ctx.clone()))),
        ("decode_record", "immutable", bytes(header.immutable())),
        ("decode_record", "mutable", bytes(header.mutable())),
        ("decode_record", "seal", bytes(header.seal())),
        ("decode_record", "header", bytes(header)),
        ("decode_record", "partition", bytes(&story.sealed)),
        ("decode_record", "range", bytes(&range)),
        ("decode_sharing", "bundle", bytes(&user.bundle(1, NOW))),
        ("decode_sharing", "role", bytes(&Signed::new(&story.owner, role))),
        ("decode_sharing", "audit-query", bytes(&Signed::new(&story.owner, query))),
        ("decode_sharing", "directory", bytes(&update.directory)),
        ("decode_sharing", "delegation", bytes(&update.delegations[0])),
        ("decode_sharing", "membership", bytes(&owner.membership())),
        ("decode_sharing", "backup", bytes(&owner.export(rng).unwrap())),
        ("decode_sharing", "request", bytes(&request)),
        ("reader", "every-field", [[16, 1, 2, 3, 4, 37, 38, 7].as_slice(), &[0; 40]].concat()),
        ("scalar_point", "generators", point),
        ("scalar_point", "short", vec![0xff; 70]),
        ("sealed_partition", "untouched", vec![]),
        ("sealed_partition", "first-chunk", change(&[[0x10, 0, 1, 0]])),
        ("sealed_range", "untouched", vec![0x0f, 0xa0, 0x10, 0x68]),
        ("sealed_range", "empty", vec![0; 4]),
        ("sealed_range", "changed", vec![0x0f, 0xa0, 0x10, 0x68, 0x03, 0, 1, 0]),
    ]);
    seeds
}
