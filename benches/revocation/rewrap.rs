//! Wrapped keys: wrapping, unwrapping, and moving them to the next generation, one and many.

use std::hint::black_box;

use sesphr::context::{Partition, RecordId};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::epoch::rewrap::*;
use sesphr::epoch::tree::{EpochKeys, EpochTree};
use sesphr::epoch::{KeyTree, Rewrap};
use sesphr::identity::{Signed, SigningKey};
use sesphr::kem::OwnerRoot;

use crate::common::primitives::{Operation, Parts, Turns};
use crate::common::report::{head, row, time};
use crate::common::{NOW, RECORD, rng, validity};

/// The library that it computes with.
pub(crate) const ON: &str = "curve25519-dalek";

/// The height of the trees: an epoch a week for centuries, or one an hour for seven years.
const HEIGHT: u8 = 16;
const EPOCH: u32 = 40_000;

/// An owner's epoch in two generations, and what goes between them.
pub(crate) struct Setting {
    owner: SigningKey,
    author: SigningKey,
    cloud: SigningKey,
    keys: EpochKeys,
    old: EpochSecret,
    new: EpochSecret,
    directory: Signed<EpochDirectory>,
    public: EpochPublic,
    data_key: DataKey,
    token: Token,
    verified: VerifiedToken,
}

impl Setting {
    pub(crate) fn new() -> Self {
        let rng = &mut rng(70);
        let [owner, author, cloud] = std::array::from_fn(|_| SigningKey::generate(rng));
        let root = OwnerRoot::generate(rng);
        let tree = EpochTree::new(owner.id(), Partition::MEDICAL, 0, HEIGHT).unwrap();
        let keys = EpochKeys::derive(&root, &tree);
        let next = EpochKeys::derive(&root, &tree.next_generation().unwrap());
        let [old, new] = [&keys, &next].map(|keys| Rise::secret(keys, EPOCH).unwrap());
        let directory = Signed::new(&owner, EpochDirectory::new(1, validity(), [&old]).unwrap());
        let checked = VerifiedEpochDirectory::new(&directory, &owner.id(), 0, NOW).unwrap();
        let public = checked.key(&Partition::MEDICAL, NOW).unwrap().clone();
        let token = Rise::token(&old, &new, &owner).unwrap();
        let verified = Rise::verify_token(&token, &owner.id()).unwrap();
        let data_key = DataKey::try_generate(rng).unwrap();
        Self { owner, author, cloud, keys, old, new, directory, public, data_key, token, verified }
    }

    fn wrap(&self, subject: &RecordVersion) -> Wrapped {
        Rise::wrap(&self.public, subject, &self.data_key, &self.author, &mut rng(71)).unwrap()
    }

    /// Wrapped keys of so many records.
    fn wraps(&self, count: u32) -> Vec<Wrapped> {
        let record = |i: u32| {
            let mut id = [0; 16];
            id.iter_mut().zip(i.to_be_bytes()).for_each(|(to, byte)| *to = byte);
            RecordVersion { record: RecordId::from_array(id), version: 1 }
        };
        (0..count).map(|i| self.wrap(&record(i))).collect()
    }

    fn update_many(&self, wraps: &[Wrapped]) {
        let at = self.verified.location();
        let _ = black_box(Rise::update_many(&self.verified, &at, black_box(wraps), &self.cloud, &mut rng(72)).unwrap());
    }
}

/// What the operations have to compute, counted as [`crate::common::primitives`] says.
fn primitives_of(operation: &str) -> Parts {
    use crate::common::primitives::Primitive::*;
    match operation {
        // x⁻¹, Y. Hashes: one a level, and x.
        "secret" => &[(RFixed, 1), (REncode, 1), (RInverse, 1), (Hash, 16), (RHashToScalar, 1)],
        // Hashes: party id, statement, its name.
        "verify directory" => &[(Hash, 3), (VerifySignature, 1)],
        // M, C1, C2. Hashes: m, over a little more; ρ. Derivations: K, pad, tag.
        "wrap" => &[(RFixed, 2), (RMul, 1), (RAdd, 1), (REncode, 3), (RHashToScalar, 2), (Kdf, 3)],
        "unwrap" => &[(RMul, 1), (RAdd, 1), (REncode, 1), (Kdf, 3)],
        // Hashes: party id, statement.
        "token" => &[(Hash, 2), (Sign, 1)],
        // ΔY and the multiples of Y'. Hashes: party id, statement, its name.
        "verify token" => &[(RMul, 1), (RNewTable, 1), (Hash, 3), (VerifySignature, 1)],
        // Hashes: the seed; ρ'.
        "update" => &[(RMul, 1), (RTable, 1), (RFixed, 1), (RAdd, 2), (REncode, 2), (Hash, 1), (RHashToScalar, 1)],
        _ => unreachable!("no count for {operation}"),
    }
}

/// The group operations of an update alone.
const GROUP: Parts = {
    use crate::common::primitives::Primitive::*;
    &[(RMul, 1), (RTable, 1), (RFixed, 1), (RAdd, 2), (REncode, 2)]
};

fn new<'a, O>(name: &'static str, f: impl FnMut() -> O + 'a) -> Operation<'a> {
    Operation::new(name, primitives_of(name), f)
}

pub(crate) fn operations(setting: &Setting) -> Vec<Operation<'_>> {
    let Setting { owner, author, cloud, keys, old, new: next, directory, public, data_key, token, verified } = setting;
    let (id, subject, at) = (owner.id(), RecordVersion { record: RECORD, version: 1 }, verified.location());
    let (wrapped, moved) = (setting.wrap(&subject), setting.wrap(&subject));
    let [mut r1, mut r2] = [73, 74].map(rng);
    vec![
        new("secret", move || Rise::secret(keys, black_box(EPOCH)).unwrap()),
        new("verify directory", move || VerifiedEpochDirectory::new(black_box(directory), &id, 0, NOW).unwrap()),
        new("wrap", move || Rise::wrap(public, black_box(&subject), data_key, author, &mut r1).unwrap()),
        new("unwrap", move || Rise::unwrap(old, black_box(&wrapped), &subject).unwrap()),
        new("token", move || Rise::token(black_box(old), next, owner).unwrap()),
        new("verify token", move || Rise::verify_token(black_box(token), &id).unwrap()),
        new("update", move || Rise::update(verified, &at, black_box(&moved), cloud, &mut r2).unwrap())
            .also("update, group operations alone", GROUP),
    ]
}

/// A cloud's epoch, in one call: beside one by one, and with `rayon` on one core beside two.
pub(crate) fn many(setting: &Setting) {
    let rayon = if cfg!(feature = "rayon") { "with" } else { "without" };
    head(&format!("Rise: many wrapped keys {rayon} `rayon`, in turns"), &["", "ratio", "times", "for each"]);
    let at = setting.verified.location();
    for count in [1_000, 100_000] {
        let wraps = setting.wraps(count);
        let claim = |claim: &str, turns: Turns| {
            let times = format!("{} / {}", time(turns.first), time(turns.second));
            let each = time(turns.first / f64::from(count));
            row([format!("{count}: {claim}"), format!("{:.3}", turns.ratio), times, each]);
        };
        let mut one_by_one = || {
            let rng = &mut rng(75);
            for wrapped in &wraps {
                let _ = black_box(Rise::update(&setting.verified, &at, wrapped, &setting.cloud, rng).unwrap());
            }
        };
        claim("at once / one by one", Turns::new(&mut || setting.update_many(&wraps), &mut one_by_one));
        #[cfg(feature = "rayon")]
        {
            let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let (one, two) = (pool(1), pool(2));
            let on = |pool: &rayon::ThreadPool| pool.install(|| setting.update_many(&wraps));
            let again = on;
            claim("two cores / one core", Turns::new(&mut || on(&two), &mut || again(&one)));
        }
    }
}

/// Encoded lengths.
pub(crate) fn sizes(setting: &Setting) {
    head("Rise: bytes", &["message", "bytes"]);
    let subject = RecordVersion { record: RECORD, version: 1 };
    let terms = setting.token.terms();
    for (name, len) in [
        ("wrapped key", setting.wrap(&subject).to_bytes().len()),
        ("directory of one partition", setting.directory.encoded_len()),
        ("terms of a token", terms.encoded_len()),
        ("token", setting.token.to_secret_bytes().len()),
    ] {
        row([name, &len.to_string()]);
    }
}
