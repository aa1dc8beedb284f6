//! The SeSPHR paper's Petri net as a step function without dependencies: who has what, and what each transition does.
//!
//! Places: the re-encryption server (SRS), the users, the cloud. A *cell* is a partition in an epoch; it has a key
//! pair of its own and holds one record. Sets of cells are bits of a byte.
//!
//! Beside the paper's transitions there are joining, departing, rolling an epoch, replaying a delegation, and a server
//! that colludes with a user. [`Guard`] lists what the library checks; a net from which one is removed is what shows
//! that the properties need it.

/// The most users that a net can have.
pub const MAX_USERS: usize = 3;
/// The most partitions.
pub const MAX_PARTITIONS: usize = 2;

/// A set of cells.
pub type Cells = u8;

/// A check that the library makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Guard {
    /// Who joins shows a certificate of an issuer that the owner trusts.
    RoleCertificate,
    /// Delegations are made for the partitions of the role alone.
    Policy,
    /// Delegations are made for members alone.
    Membership,
    /// Delegations are made for epochs that began with or after the membership.
    EpochOfJoining,
    /// Who joins begins new epochs.
    RollOnJoin,
    /// Who departs ends epochs.
    RollOnDepart,
    /// The server drops the grants of who departs.
    Revocation,
    /// The server refuses delegations that were revoked.
    Tombstone,
    /// The server re-encrypts for whom the grant names.
    Requester,
    /// Parameters open what they were made for.
    Context,
    /// Writers use the current epoch's key.
    CurrentKey,
}

impl Guard {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::RoleCertificate,
        Self::Policy,
        Self::Membership,
        Self::EpochOfJoining,
        Self::RollOnJoin,
        Self::RollOnDepart,
        Self::Revocation,
        Self::Tombstone,
        Self::Requester,
        Self::Context,
        Self::CurrentKey,
    ];
}

/// A transition. The paper's have its names; `cell` and `user` are indices.
#[allow(clippy::upper_case_acronyms, reason = "the paper's names")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A user makes its key pair. (In the paper the SRS does, and can read everything.)
    GenKeys { user: usize },
    /// The user's public key reaches the owner.
    SendKeys { user: usize },
    /// The owner admits the user.
    Join { user: usize },
    /// The user leaves.
    Depart { user: usize },
    /// The owner begins a new epoch.
    Roll { partition: usize },
    /// A writer draws the randomness of a record.
    GenRi { cell: usize },
    /// A writer encrypts a partition.
    EncryptPi { cell: usize },
    /// The ciphertext reaches the cloud.
    SendC { cell: usize },
    /// The owner computes the delegations that a user lacks.
    ComptRi { user: usize },
    /// They reach the server.
    SendRi { user: usize },
    /// Somebody sends an old delegation again.
    Replay { user: usize, cell: usize },
    /// A user downloads what is there: from an untrusted cloud anybody can.
    DC { user: usize },
    /// A request for parameters succeeds.
    DRS { user: usize, cell: usize },
    /// A request for parameters fails.
    DRF { user: usize, cell: usize },
    /// The server colludes with a user, with every delegation it ever saw.
    Collude { user: usize, cell: usize },
    /// A user opens a ciphertext with parameters that it has.
    Decrypt { user: usize, cell: usize, with: usize },
}

/// How far a user has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Nothing yet.
    #[default]
    Outside,
    /// Has a key pair.
    Keys,
    /// The owner has the public key.
    Known,
    /// Is a member.
    Member,
    /// Was one.
    Departed,
}

/// What a user has, and what others have of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct User {
    /// How far it has come.
    pub stage: Stage,
    /// Owner: cells that the membership covers.
    pub covered: Cells,
    /// Owner: delegations computed.
    pub computed: Cells,
    /// SRS: delegations that it saw.
    pub seen: Cells,
    /// SRS: grants it carries out.
    pub granted: Cells,
    /// SRS: grants that were revoked.
    pub revoked: Cells,
    /// User: ciphertexts.
    pub downloaded: Cells,
    /// User: parameters.
    pub parameters: Cells,
    /// User: plaintexts.
    pub plain: Cells,
    /// History, for the properties: records that were written while the user was a member for their partition.
    pub rightful: Cells,
    /// History: the parameters that the user had when it departed.
    pub kept: Cells,
}

/// A marking of the net.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    /// The users.
    pub users: [User; MAX_USERS],
    /// The current epoch of each partition; one past the last when no more is written.
    pub epoch: [u8; MAX_PARTITIONS],
    /// Records whose randomness is drawn.
    pub drawn: Cells,
    /// Records that are encrypted.
    pub sealed: Cells,
    /// Records at the cloud.
    pub cloud: Cells,
}

/// A configuration.
#[derive(Clone, Debug)]
pub struct Net {
    /// How many partitions.
    pub partitions: usize,
    /// How many epochs each.
    pub epochs: usize,
    /// Per user: the partitions that it claims a role for, as bits, and whether it has a certificate for it.
    pub roles: Vec<(u8, bool)>,
    /// Whether the server colludes.
    pub collusion: bool,
    /// The check that is left out.
    pub removed: Option<Guard>,
}

const fn bit(index: usize) -> u8 {
    1 << index
}

impl Net {
    fn on(&self, guard: Guard) -> bool {
        self.removed != Some(guard)
    }

    /// Number of cells.
    pub fn cells(&self) -> usize {
        self.partitions * self.epochs
    }

    /// The partition of a cell.
    pub fn partition(&self, cell: usize) -> usize {
        cell / self.epochs
    }

    /// The epoch of a cell.
    pub fn epoch(&self, cell: usize) -> usize {
        cell % self.epochs
    }

    /// All cells of the partitions in `partitions`.
    pub fn cells_of(&self, partitions: u8) -> Cells {
        (0..self.cells()).filter(|&cell| partitions & bit(self.partition(cell)) != 0).map(bit).sum()
    }

    fn current(&self, state: &State, cell: usize) -> bool {
        usize::from(state.epoch[self.partition(cell)]) == self.epoch(cell)
    }

    /// Which partitions the owner's policy gives the user.
    fn access(&self, user: usize) -> u8 {
        if self.on(Guard::Policy) { self.roles[user].0 } else { bit(self.partitions) - 1 }
    }

    /// The owner begins an epoch: it covers the members of the partition.
    fn roll(&self, state: &mut State, partition: usize) {
        let epoch = usize::from(state.epoch[partition]);
        if epoch >= self.epochs {
            return;
        }
        state.epoch[partition] += 1;
        for user in 0..self.roles.len() {
            self.cover(state, user, partition);
        }
    }

    /// The current epoch of the partition covers the user if it is a member for it.
    fn cover(&self, state: &mut State, user: usize, partition: usize) {
        let epoch = usize::from(state.epoch[partition]);
        let member = state.users[user].stage == Stage::Member && self.access(user) & bit(partition) != 0;
        if member && epoch < self.epochs {
            state.users[user].covered |= bit(partition * self.epochs + epoch);
        }
    }

    /// Every transition that somebody could try.
    pub fn actions(&self) -> Vec<Action> {
        let users = || 0..self.roles.len();
        let cells = || 0..self.cells();
        let mut actions = Vec::new();
        for user in users() {
            actions.extend([
                Action::GenKeys { user },
                Action::SendKeys { user },
                Action::Join { user },
                Action::Depart { user },
                Action::ComptRi { user },
                Action::SendRi { user },
                Action::DC { user },
            ]);
            for cell in cells() {
                actions.extend([
                    Action::Replay { user, cell },
                    Action::DRS { user, cell },
                    Action::DRF { user, cell },
                    Action::Collude { user, cell },
                ]);
                actions.extend(cells().map(|with| Action::Decrypt { user, cell, with }));
            }
        }
        actions.extend((0..self.partitions).map(|partition| Action::Roll { partition }));
        for cell in cells() {
            actions.extend([Action::GenRi { cell }, Action::EncryptPi { cell }, Action::SendC { cell }]);
        }
        actions
    }

    /// The marking after `action`, `None` if the action is not possible or refused.
    pub fn step(&self, state: &State, action: Action) -> Option<State> {
        let mut next = *state;
        match action {
            Action::GenKeys { user } => {
                let user = &mut next.users[user];
                (user.stage == Stage::Outside).then(|| user.stage = Stage::Keys)?;
            }
            Action::SendKeys { user } => {
                let user = &mut next.users[user];
                (user.stage == Stage::Keys).then(|| user.stage = Stage::Known)?;
            }
            Action::Join { user } => {
                let (_, certified) = self.roles[user];
                if state.users[user].stage != Stage::Known || (self.on(Guard::RoleCertificate) && !certified) {
                    return None;
                }
                next.users[user].stage = Stage::Member;
                for partition in 0..self.partitions {
                    if self.access(user) & bit(partition) == 0 {
                        continue;
                    }
                    if self.on(Guard::RollOnJoin) {
                        self.roll(&mut next, partition);
                    } else {
                        self.cover(&mut next, user, partition);
                    }
                }
            }
            Action::Depart { user } => {
                if state.users[user].stage != Stage::Member {
                    return None;
                }
                let member = &mut next.users[user];
                member.stage = Stage::Departed;
                member.kept = member.parameters;
                member.revoked |= member.computed | member.seen;
                if self.on(Guard::Revocation) {
                    member.granted = 0;
                }
                if self.on(Guard::RollOnDepart) {
                    for partition in 0..self.partitions {
                        if self.access(user) & bit(partition) != 0 {
                            self.roll(&mut next, partition);
                        }
                    }
                }
            }
            Action::Roll { partition } => {
                if usize::from(state.epoch[partition]) >= self.epochs {
                    return None;
                }
                self.roll(&mut next, partition);
            }
            Action::GenRi { cell } => {
                let past = self.epoch(cell) < usize::from(state.epoch[self.partition(cell)]);
                let allowed = self.current(state, cell) || (past && !self.on(Guard::CurrentKey));
                (allowed && state.drawn & bit(cell) == 0).then(|| next.drawn |= bit(cell))?;
            }
            Action::EncryptPi { cell } => {
                // A record drawn for an epoch that has ended is written again under the new key.
                let allowed = self.current(state, cell) || !self.on(Guard::CurrentKey);
                if !allowed || state.drawn & bit(cell) == 0 || state.sealed & bit(cell) != 0 {
                    return None;
                }
                next.sealed |= bit(cell);
                for (user, (partitions, certified)) in next.users.iter_mut().zip(&self.roles) {
                    let role = *certified && partitions & bit(self.partition(cell)) != 0;
                    if role && user.stage == Stage::Member {
                        user.rightful |= bit(cell);
                    }
                }
            }
            Action::SendC { cell } => {
                (state.sealed & !state.cloud & bit(cell) != 0).then(|| next.cloud |= bit(cell))?;
            }
            Action::ComptRi { user } => {
                let ended: Cells = (0..self.cells())
                    .filter(|&cell| self.epoch(cell) < usize::from(state.epoch[self.partition(cell)]))
                    .map(bit)
                    .sum();
                let partitions =
                    (0..self.partitions).filter(|&p| state.users[user].covered & self.cells_of(bit(p)) != 0);
                let past = self.cells_of(partitions.map(bit).sum()) & ended;
                let user = &mut next.users[user];
                let member =
                    user.stage == Stage::Member || (user.stage == Stage::Departed && !self.on(Guard::Membership));
                let wanted = user.covered | if self.on(Guard::EpochOfJoining) { 0 } else { past };
                (member && wanted & !user.computed != 0).then(|| user.computed |= wanted)?;
            }
            Action::SendRi { user } => {
                let user = &mut next.users[user];
                let sent = user.computed & !user.seen;
                (sent != 0).then(|| self.accept(user, sent))??;
            }
            Action::Replay { user, cell } => {
                let user = &mut next.users[user];
                (user.seen & !user.granted & bit(cell) != 0).then(|| self.accept(user, bit(cell)))??;
            }
            Action::DC { user } => {
                let user = &mut next.users[user];
                (state.cloud & !user.downloaded != 0).then(|| user.downloaded = state.cloud)?;
            }
            Action::DRS { user, cell } => {
                let new = state.users[user].parameters & bit(cell) == 0;
                (new && self.serves(state, user, cell)).then(|| next.users[user].parameters |= bit(cell))?;
            }
            Action::DRF { user, cell } => {
                // Nothing changes: that is the point.
                (!self.serves(state, user, cell)).then_some(())?;
            }
            Action::Collude { user, cell } => {
                let user = &mut next.users[user];
                let possible = self.collusion && user.stage >= Stage::Keys && user.seen & bit(cell) != 0;
                (possible && user.parameters & bit(cell) == 0).then(|| user.parameters |= bit(cell))?;
            }
            Action::Decrypt { user, cell, with } => {
                let user = &mut next.users[user];
                let fits = cell == with || !self.on(Guard::Context);
                let has = user.downloaded & bit(cell) != 0 && user.parameters & bit(with) != 0;
                (fits && has && user.plain & bit(cell) == 0).then(|| user.plain |= bit(cell))?;
            }
        }
        Some(next)
    }

    /// The server takes delegations, but for those that were revoked.
    fn accept(&self, user: &mut User, sent: Cells) -> Option<()> {
        let taken = if self.on(Guard::Tombstone) { sent & !user.revoked } else { sent };
        user.seen |= taken;
        user.granted |= taken;
        (taken != 0).then_some(())
    }

    /// Whether the server answers a request for parameters.
    fn serves(&self, state: &State, user: usize, cell: usize) -> bool {
        let granted = |user: &User| user.granted & bit(cell) != 0;
        let named = granted(&state.users[user]);
        let any = state.users.iter().any(granted);
        state.users[user].stage >= Stage::Keys && if self.on(Guard::Requester) { named } else { any }
    }

    /// Property 1: a user has parameters for no partition that its role does not give.
    pub fn no_foreign_parameters(&self, state: &State) -> bool {
        state
            .users
            .iter()
            .zip(&self.roles)
            .all(|(user, (partitions, _))| user.parameters & !self.cells_of(*partitions) == 0)
    }

    /// Property 2, one half: what is decrypted is what was encrypted, and reached the reader through the cloud.
    pub fn plain_was_sealed(&self, state: &State) -> bool {
        state.users.iter().all(|user| user.plain & !(state.sealed & state.cloud & user.downloaded) == 0)
    }

    /// Property 2, the other half: a member reads what was written for it, as soon as it and the server do their part.
    pub fn members_can_read(&self, state: &State) -> bool {
        (0..self.roles.len()).all(|user| {
            let rightful = state.users[user].rightful & state.cloud;
            let member = state.users[user].stage == Stage::Member;
            (0..self.cells()).filter(|&cell| member && rightful & bit(cell) != 0).all(|cell| {
                let steps = [
                    Action::ComptRi { user },
                    Action::SendRi { user },
                    Action::DC { user },
                    Action::DRS { user, cell },
                    Action::Decrypt { user, cell, with: cell },
                ];
                let end = steps.iter().fold(*state, |state, step| self.step(&state, *step).unwrap_or(state));
                end.users[user].plain & bit(cell) != 0
            })
        })
    }

    /// Property 3: whom nobody certified has no delegation, no parameters and no plaintext.
    pub fn strangers_get_nothing(&self, state: &State) -> bool {
        let nothing = |user: &User| user.computed | user.seen | user.granted | user.parameters | user.plain == 0;
        state.users.iter().zip(&self.roles).all(|(user, (_, certified))| *certified || nothing(user))
    }

    /// Backward and forward access control: a user reads what was written while it was a member, and nothing that was
    /// written before it joined or after it left.
    pub fn readers_were_members(&self, state: &State) -> bool {
        state.users.iter().all(|user| user.plain & !user.rightful == 0)
    }

    /// An honest server gives nothing more to who has left. One that colludes does.
    pub fn departed_gain_nothing(&self, state: &State) -> bool {
        self.collusion
            || state.users.iter().all(|user| user.stage != Stage::Departed || user.parameters & !user.kept == 0)
    }
}
