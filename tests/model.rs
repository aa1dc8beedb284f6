//! The SeSPHR paper's high-level Petri net, checked exhaustively with stateright for small configurations: the paper's
//! three properties, forward and backward access control, and that every check of the library is needed.
//!
//! The paper lets Z3 check an unrolled net; here every reachable marking is visited. Nothing about cryptography is
//! checked: that a ciphertext opens only with the right parameters is an assumption of the model, and what the
//! library's own tests are about.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

#[path = "model/net.rs"]
#[allow(unreachable_pub, reason = "the replay on the library uses it too")]
mod net;

use std::time::Instant;

use net::{Action, Guard, Net, State};
use stateright::{Checker, HasDiscoveries, Model, Property};

impl Model for Net {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, _: &State, actions: &mut Vec<Action>) {
        actions.extend(Net::actions(self));
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        self.step(state, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("1: no parameters beyond the role", Net::no_foreign_parameters),
            Property::always("2: decryption inverts encryption", Net::plain_was_sealed),
            Property::always("2: members can read", Net::members_can_read),
            Property::always("3: strangers get nothing", Net::strangers_get_nothing),
            Property::always("readers were members when it was written", Net::readers_were_members),
            Property::always("departed members gain nothing", Net::departed_gain_nothing),
            // The net does something: otherwise all of the above would hold for nothing.
            Property::sometimes("somebody reads", |net: &Net, state: &State| {
                (0..net.roles.len()).any(|user| state.users[user].plain != 0)
            }),
        ]
    }
}

const DOCTOR: (u8, bool) = (0b01, true);
const FAMILY: (u8, bool) = (0b11, true);
const STRANGER: (u8, bool) = (0b11, false);

fn net(partitions: usize, epochs: usize, roles: &[(u8, bool)], collusion: bool) -> Net {
    Net { partitions, epochs, roles: roles.to_vec(), collusion, removed: None }
}

/// The configurations, small enough for seconds.
fn configurations() -> Vec<(&'static str, Net)> {
    vec![
        ("two partitions, two epochs, a doctor", net(2, 2, &[DOCTOR], false)),
        ("two partitions, two epochs, a doctor, colluding server", net(2, 2, &[DOCTOR], true)),
        ("one partition, two epochs, a doctor and a stranger", net(1, 2, &[DOCTOR, STRANGER], false)),
        (
            "one partition, two epochs, a doctor, a relative and a stranger",
            net(1, 2, &[DOCTOR, FAMILY, STRANGER], false),
        ),
        ("two partitions, two epochs, a doctor and a relative, colluding server", net(2, 2, &[DOCTOR, FAMILY], true)),
        ("one partition, three epochs, a doctor, colluding server", net(1, 3, &[DOCTOR], true)),
    ]
}

fn check(net: Net) -> impl Checker<Net> {
    net.checker().threads(2).spawn_bfs().join()
}

#[test]
fn every_property_holds_everywhere() {
    for (name, net) in configurations() {
        let start = Instant::now();
        let checker = check(net);
        println!(
            "model: {name}: {} states, {} transitions, depth {}, {:.1} s",
            checker.unique_state_count(),
            checker.state_count(),
            checker.max_depth(),
            start.elapsed().as_secs_f32()
        );
        checker.assert_properties();
    }
}

/// A property that still holds when a check is left out does not test it.
#[test]
fn every_guard_is_needed() {
    for guard in Guard::ALL {
        let caught = configurations().into_iter().find_map(|(name, net)| {
            let net = Net { removed: Some(guard), ..net };
            let checker = net.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
            let discoveries = checker.discoveries();
            let broken = discoveries.into_iter().find(|(property, _)| *property != "somebody reads")?;
            Some((name, broken.0, broken.1.into_actions()))
        });
        let (name, property, trace) = caught.unwrap_or_else(|| panic!("nothing notices that {guard:?} is missing"));
        println!("model: without {guard:?}: «{property}» fails after {} steps ({name}): {trace:?}", trace.len());
    }
}
