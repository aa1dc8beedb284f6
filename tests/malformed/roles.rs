//! What the roles send each other and keep, under both schemes.

use std::sync::Mutex;

use sesphr::context::Partition;
use sesphr::kapre::Kapre;
use sesphr::pre::afgh::Afgh;
use sesphr::record::Versions;
use sesphr::sharing::{
    Backup, Delegation, Directory, KeyBundle, Membership, MemoryStorage, Owner, Request, Response, Role, Server, User,
    VerifiedBundle, VerifiedDirectory,
};

use super::sharing::{RECORD, Tested, World, at, rng, user};
use super::{Layout, Public, Sample, Signed, statement};

/// Names of request, membership, key bundle, directory, delegation and response.
const NAMES: [[&str; 6]; 2] = [
    ["request", "membership", "key bundle", "directory", "delegation", "response"],
    [
        "aggregate request",
        "aggregate membership",
        "aggregate key bundle",
        "aggregate directory",
        "aggregate delegation",
        "aggregate response",
    ],
];

pub(super) fn samples() -> Vec<Sample> {
    let (mut samples, [afgh, kapre]) = (common(), NAMES);
    samples.extend(of_scheme::<Afgh>(afgh));
    samples.extend(of_scheme::<Kapre>(kapre).into_iter().map(Sample::sparse));
    samples
}

/// What is the same in every scheme.
fn common() -> Vec<Sample> {
    let mut w = World::<Afgh>::with_partitions(1, [Partition::MEDICAL]);
    let bob = user(10);
    w.join(&bob, Role::Researcher, at(1), at(1));
    let backup = w.owner.export(&mut rng(5)).unwrap();
    vec![
        statement("role certificate", &w.cert(&bob, Role::Doctor)),
        statement("audit query", &w.owner.ask_audit(&w.auditor, at(2))),
        Sample::public("backup", &backup, Layout::default(), |m: Backup| {
            Owner::<Afgh>::recover(Afgh::params(), World::<Afgh>::root(1), &m, 0).is_err()
        }),
    ]
}

fn of_scheme<S: Tested>(
    [request, membership, bundle, directory, delegation, response]: [&'static str; 6],
) -> Vec<Sample>
where
    Signed<Request<S>>: Public,
    Signed<Membership<S>>: Public,
    Signed<KeyBundle<S>>: Public,
    Signed<Directory<S>>: Public,
    Response<S>: Public,
    S::Params: Send + Sync,
    VerifiedDirectory<S>: Send + Sync,
    User<S>: Send,
    Server<S, MemoryStorage>: Send,
{
    let new = || World::<S>::with_partitions(1, [Partition::MEDICAL]);
    let mut w = new();
    let (bob, carol) = (user::<S>(10), user::<S>(11));
    w.join(&bob, Role::Researcher, at(1), at(1));
    let gone = w.depart(&bob, at(1));
    let joined = w.join(&carol, Role::Researcher, at(1), at(1));
    let sealed = w.write(Partition::MEDICAL, 1, at(2));
    let asked = carol.request(w.server.id(), sealed.header(), at(2), &mut w.rng).unwrap();
    let answer = w.server.reencrypt(&asked, at(2), &mut w.rng).unwrap();
    let (owner, shown, none) = (w.id(), carol.bundle(1, at(9)), Layout::default());
    let mut server = new().server;
    server.update(&owner, &w.owner.live().unwrap(), at(2)).unwrap();
    let (server, params) = (Mutex::new(server), S::params());
    vec![
        statement(request, &asked),
        statement(membership, &w.owner.membership()),
        Sample::public(bundle, &shown, none, {
            let (carol, params) = (carol.id(), params.clone());
            move |m: Signed<KeyBundle<S>>| VerifiedBundle::<S>::new(&params, &m, &carol, at(2)).is_err()
        }),
        Sample::public(directory, &gone.directory, none, move |m: Signed<Directory<S>>| {
            VerifiedDirectory::<S>::new(&params, &m, &owner, 0, at(2)).is_err()
        }),
        Sample::secret(delegation, &joined.delegations[0], none, move |m: Delegation<S>| {
            server.lock().unwrap().accept(&owner, &m, at(2)).is_err()
        }),
        Sample::public(response, &answer, none, {
            let (named, reader, directory) = (answer.request(), Mutex::new(carol), w.directory(at(2)));
            move |m: Response<S>| {
                let carol = &mut *reader.lock().unwrap();
                let one = Versions::Exactly(1);
                // The request is named for routing alone.
                m.request() != named
                    || carol.open(&directory, RECORD, Partition::MEDICAL, one, &sealed, &m, at(2)).is_err()
            }
        }),
    ]
}
