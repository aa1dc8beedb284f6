//! Tests of the mode as a whole, in a world of three hospitals.

mod keys;
mod order;
mod switch;
mod trie;

use alloc::vec::Vec;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::hazmat::value;
use super::*;
use crate::identity::SigningKey;
use crate::kem::OwnerRoot;

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

fn space(owner: PartyId, attribute: &str, bits: u8) -> Space<Ordered> {
    let attribute = Attribute::new(attribute).unwrap();
    Ordered::forced_space(owner, Partition::MEDICAL, attribute, Encoder::integer(bits).unwrap()).unwrap()
}

/// An owner; hospitals A, B, C; a clinic below A, and a physician below the clinic.
struct World {
    owner: SigningKey,
    root: SearchRoot,
    space: Space<Ordered>,
    hospitals: Vec<SigningKey>,
    clinic: SigningKey,
    physician: SigningKey,
    user: SigningKey,
}

impl World {
    fn new(bits: u8) -> Self {
        let rng = &mut rng(1);
        let owner = SigningKey::generate(rng);
        let (root, space) = (SearchRoot::new(&OwnerRoot::generate(rng)), space(owner.id(), "8480-6", bits));
        let hospitals = (0..3).map(|_| SigningKey::generate(rng)).collect();
        let [clinic, physician, user] = [(); 3].map(|()| SigningKey::generate(rng));
        Self { owner, root, space, hospitals, clinic, physician, user }
    }

    fn path(&self, hospital: usize, generation: u32) -> Path {
        Path::new(step(&self.hospitals[hospital], generation))
    }

    fn key(&self, path: &Path) -> WriteKey {
        Ordered::write_key(&self.root, &self.space, path)
    }

    fn switch_key(&self, path: &Path) -> VerifiedSwitchKey {
        let key = SwitchKey::provider(&self.root, &self.space, path, &self.owner).unwrap();
        key.verify(&self.owner.id()).unwrap()
    }

    fn querier(&self, generation: u32, scope: &[Path]) -> VerifiedSwitchKey {
        let user = step(&self.user, generation);
        let key = SwitchKey::querier(&self.root, &self.space, user, scope, &self.owner).unwrap();
        key.verify(&self.owner.id()).unwrap()
    }

    fn query_key(&self, generation: u32, scope: &[Path]) -> QueryKey {
        Ordered::query_key(&self.root, &self.space, step(&self.user, generation), scope).unwrap()
    }

    fn child_key(&self, parent: &WriteKey, child: Step, signer: &SigningKey) -> VerifiedSwitchKey {
        SwitchKey::child(parent, child, signer).unwrap().verify(&self.owner.id()).unwrap()
    }

    /// All writers of a generation, and a switcher that knows them and the user.
    fn everybody(&self, generation: u32) -> (Switch, Vec<WriteKey>) {
        let mut switch = Switch::new(&self.space, generation);
        let mut keys: Vec<_> = (0..3).map(|i| self.key(&self.path(i, generation))).collect();
        keys.iter().for_each(|key| switch.add(&self.switch_key(&key.path)).unwrap());
        let (clinic, physician) = (step(&self.clinic, 3), step(&self.physician, 0));
        switch.add(&self.child_key(&keys[0], clinic, &self.hospitals[0])).unwrap();
        keys.push(Ordered::child_key(&keys[0], clinic).unwrap());
        switch.add(&self.child_key(&keys[3], physician, &self.clinic)).unwrap();
        keys.push(Ordered::child_key(&keys[3], physician).unwrap());
        let scope: Vec<_> = (0..3).map(|i| self.path(i, generation)).collect();
        switch.add(&self.querier(generation, &scope)).unwrap();
        (switch, keys)
    }
}

fn step(party: &SigningKey, generation: u32) -> Step {
    Step { party: party.id(), generation }
}

fn encrypt(key: &WriteKey, number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    Ordered::encrypt(key, &value(number), &mut rng(9), &mut out).unwrap();
    out
}

fn switched(switch: &Switch, key: &WriteKey, number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    switch.switch_value(&key.path, &encrypt(key, number), &mut out).unwrap();
    out
}
