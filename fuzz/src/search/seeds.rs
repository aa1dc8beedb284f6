//! What fuzzing of search starts from.

use super::*;

/// One of each message, and some steps.
pub fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let mut seeds = vec![
        ("search_federated", "found", [[0, 1, 0, 5], [8, 2, 0, 9], [0x3d, 1, 0, 4], [0x3f, 0, 0, 9]].concat()),
        ("search_federated", "replaced", [[0, 1, 0, 5], [8, 1, 0, 6], [4, 2, 0, 0], [0x3e, 0, 0, 5]].concat()),
        ("search_federated", "of-nobody", [[0, 1, 0, 5], [3, 2, 0, 9], [3, 17, 0, 9], [0x3e, 1, 0, 9]].concat()),
        ("search_ordered", "sorted", [[0, 1, 9, 0], [8, 2, 4, 0], [0, 3, 9, 0], [6, 3, 4, 9], [7, 12, 0, 0]].concat()),
        ("search_ordered", "contradicted", [[0, 1, 9, 0], [3, 10, 9, 8], [0x83, 67, 4, 4], [4, 4, 9, 200]].concat()),
        ("search_ordered", "removed", [[0, 1, 9, 0], [0, 2, 8, 0], [5, 1, 0, 0], [0, 1, 7, 0], [6, 0, 0, 0]].concat()),
        ("search_column", "federated", vec![0, 0, 0x15, 0x88, 0x27, 2, 0x13, 6, 0, 7, 0, 5, 0]),
        ("search_column", "ordered", vec![255, 0, 0x15, 0x88, 0x27, 2, 0x13, 6, 0, 7, 0, 5, 0]),
        ("search_column", "quarantine", vec![255, 0, 0x15, 3, 0x27, 11, 0x19, 6, 0, 4, 0x10, 6, 0, 5, 0]),
    ];
    // Long ones: many steps at hazard.
    for (target, name, len, first) in [
        ("search_federated", "long", 256, 0),
        ("search_federated", "long-other", 256, 1),
        ("search_ordered", "long", 256, 2),
        ("search_ordered", "long-other", 256, 3),
        ("search_column", "long-federated", 33, 0),
        ("search_column", "long-ordered", 33, 255),
        ("search_column", "long-ordered-other", 33, 254),
    ] {
        let mut long = vec![0; len];
        Toy(u64::from(first) + 31).try_fill_bytes(&mut long).unwrap();
        long[0] = first;
        seeds.push((target, name, long));
    }
    seeds.extend(of_mode::<Federated>([
        "federated-space",
        "federated-batch",
        "federated-column",
        "federated-evidence",
        "federated-registrar",
        "federated-token",
        "federated-write-key",
        "federated-query-key",
    ]));
    seeds.extend(of_mode::<Ordered>([
        "ordered-space",
        "ordered-batch",
        "ordered-column",
        "ordered-evidence",
        "ordered-registrar",
        "ordered-token",
        "ordered-write-key",
        "ordered-query-key",
    ]));
    seeds.extend(of_switcher());
    seeds
}

fn seed(name: &'static str, message: &impl Message) -> (&'static str, &'static str, Vec<u8>) {
    ("decode_search", name, bytes(message))
}

/// Space, batch, column, evidence, registrar, token, and both keys. The last value is under a key of nobody's.
fn of_mode<M: Uploads>(names: [&'static str; 8]) -> Vec<(&'static str, &'static str, Vec<u8>)>
where
    Batch<M, M::Upload>: Message,
{
    let (world, (_, root)) = (M::world(), owner());
    let mut column = Column::<M>::from_bytes(&world.empty).unwrap();
    let upload = |key: &M::WriteKey, sequence| {
        let mut draft = Draft::<M>::new(key);
        draft.remove(RecordId::from_array([9; 16]));
        draft.add(RecordId::from_array([1; 16]), &number(5), &mut Toy(23)).unwrap();
        draft.sign(sequence, &party(1)).unwrap()
    };
    let batch = upload(&world.keys[0], 1);
    let stored = bytes(&batch);
    column.insert(&M::stored(world, batch), NOW).unwrap();
    let found = Match { provider: paths().remove(0), record: RecordId::from_array([1; 16]) };
    let evidence = column.evidence(&found).next().unwrap();
    column.insert(&M::stored(world, upload(&world.others[0], 2)), NOW).unwrap();
    let mut registrar = Registrar::new(world.space.clone());
    (1..=PROVIDERS).for_each(|seed| drop(registrar.enroll(party(seed).id()).unwrap()));
    registrar.admit(party(USER).id(), &scope(3)).unwrap();
    let key = registrar.query_key(&root, &party(USER).id()).unwrap();
    let token =
        Token::<M, M::Question>::new(&[(&key, &range(Some(3), None))], END, &party(USER), &mut Toy(25)).unwrap();
    let [space, batch, a_column, an_evidence, a_registrar, a_token, write, query] = names;
    vec![
        seed(space, &world.space),
        ("decode_search", batch, stored),
        seed(a_column, &column),
        seed(an_evidence, &evidence),
        seed(a_registrar, &registrar),
        seed(a_token, &token),
        seed(write, &world.keys[0]),
        seed(query, &key),
    ]
}

/// What is of one mode or of both alike.
fn of_switcher() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let (world, (owner, root)) = (Ordered::world(), owner());
    let space = &world.space;
    let providers = SwitchKey::provider(&root, space, &paths()[0], &owner).unwrap();
    let users = SwitchKey::querier(&root, space, step(USER), &scope(3), &owner).unwrap();
    let mut switch = Switch::new(space, 0);
    for key in [&providers, &users] {
        switch.add(&key.verify(&owner.id()).unwrap()).unwrap();
    }
    let rotation = SwitchRotation::new(&root, space, 0, 1, &owner).unwrap();
    let mut registrar = Registrar::new(space.clone());
    let path = registrar.enroll(party(1).id()).unwrap();
    let roster = registrar.roster(Validity::new(Timestamp(10), END).unwrap(), &owner).unwrap();
    let digests = Ordered::stored(world, {
        let mut draft = Draft::<Ordered>::new(&world.keys[0]);
        draft.add(RecordId::from_array([1; 16]), &number(5), &mut Toy(23)).unwrap();
        draft.sign(1, &party(1)).unwrap()
    });
    let write = SearchKey::OrderedWrite(Ordered::write_key(&root, space, &path));
    let mut answer = [0, 0, 0, 1, 1].to_vec();
    // One provider and one record.
    answer.extend([[7; 36].as_slice(), &[0, 0, 0, 1, 0, 0, 0, 0], &[8; 16]].concat());
    let header = bytes(&Answer::default());
    vec![
        seed("switch-key-of-provider", &providers),
        seed("switch-key-of-user", &users),
        seed("switch-terms", users.terms()),
        seed("switch", &switch),
        seed("switch-rotation", &rotation),
        seed("switch-rotation-terms", rotation.terms()),
        seed("roster", &roster),
        seed("batch-head", digests.head()),
        seed("batch-of-digests", &digests),
        seed("search-key", &write),
        ("decode_search", "answer", [&header[..4], &answer].concat()),
    ]
}
