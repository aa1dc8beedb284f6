//! What users ask, and what others ask in their name.

use sesphr::context::Timestamp;
use sesphr::encoding::{Encoding, Message};
use sesphr::hazmat::search::range;
use sesphr::hazmat::search_ordered::top;
use sesphr::identity::{PartyId, Signed};
use sesphr::search::ordered::SwitcherError;
use sesphr::search::{
    Encoder, End, Federated, GateError, Index, MAX_CLAUSES, Ordered, Path, Query, QueryError, ScopeError, Search, Step,
    Token, TokenError, Trapdoor,
};

use crate::common::{TestRng, rng};
use crate::scene::{END, LATER, LESSER, NOW, Route, Scene, USER, found, party};

fn named<M: Route>(name: &str) -> Scene<M> {
    Scene::new(name, Encoder::integer(12).unwrap())
}

fn query(text: &str) -> Query {
    Query::point(&Encoder::integer(12).unwrap(), text).unwrap()
}

fn step(seed: u8) -> Step {
    Step { party: party(seed).id(), generation: 0 }
}

fn key<M: Route>(scene: &Scene<M>, user: u8) -> M::QueryKey {
    scene.registrar.query_key(&scene.root, &party(user).id()).unwrap()
}

/// Spaces of one owner in one index, behind one switcher.
fn together<M: Route>(scenes: &mut [Scene<M>]) -> Index<M> {
    let mut index = Index::new();
    let (first, rest) = scenes.split_first_mut().unwrap();
    for other in rest {
        M::join(&mut first.between, &mut other.between, &other.space);
    }
    for scene in scenes {
        let bytes = scene.column().to_bytes();
        index.set(sesphr::search::Column::from_bytes(&bytes).unwrap());
    }
    index
}

fn several<M: Route>() {
    let mut scenes = [named::<M>("a"), named::<M>("b"), named::<M>("c")];
    scenes[0].write(1, &[(1, "5"), (2, "5"), (3, "4")]);
    scenes[0].write(2, &[(1, "5"), (4, "5")]);
    scenes[0].write(121, &[(6, "5")]);
    // Hospital 1 has another key in this space, and keeps what it wrote: records are those of places.
    scenes[0].renew(&[1]);
    scenes[0].write(11, &[(5, "5"), (7, "5")]);
    scenes[1].write(1, &[(1, "7"), (3, "7"), (2, "8")]);
    // The same records, said by somebody else: not the same match.
    scenes[1].write(2, &[(4, "7")]);
    scenes[1].write(3, &[(1, "7")]);
    scenes[1].write(11, &[(5, "7")]);
    scenes[1].write(121, &[(6, "7"), (7, "7")]);
    scenes[2].write(1, &[(1, "1")]);
    scenes[2].write(11, &[(5, "2")]);
    let index = together(&mut scenes);
    let keys = scenes.each_ref().map(|scene| key(scene, USER));
    let ask = |queries: &[(&M::QueryKey, &Query)]| {
        let token = Token::<M, M::Question>::new(queries, END, &party(USER), &mut rng(3)).unwrap();
        assert_eq!(Signed::from_bytes(&token.to_bytes()).as_ref(), Ok(&token));
        assert_eq!(token.unverified().spaces().len(), queries.len());
        found(&index.query(&M::try_ask(&scenes[0].between, &token, NOW).unwrap(), NOW).unwrap())
    };
    let (five, seven, any) = (query("5"), query("7"), range(None, None));
    let expected = [(1, 1), (2, 4), (11, 5), (121, 6)];
    assert_eq!(ask(&[(&keys[0], &five), (&keys[1], &seven)]), expected);
    assert_eq!(ask(&[(&keys[1], &seven), (&keys[0], &five)]), expected);
    assert_eq!(ask(&[(&keys[2], &any), (&keys[1], &seven), (&keys[0], &five)]), [(1, 1), (11, 5)]);
    assert_eq!(ask(&[(&keys[0], &query("-2048")), (&keys[1], &seven)]), []);
    // One space is not there: nothing of the others is said either.
    let other = named::<M>("d");
    let both =
        Token::<M, M::Question>::new(&[(&keys[0], &five), (&key(&other, USER), &five)], END, &party(USER), &mut rng(3));
    let both = both.unwrap();
    let answer = M::try_ask(&scenes[0].between, &both, NOW).and_then(|token| index.query(&token, NOW));
    assert_eq!(answer, Err(QueryError::Space));
}

#[test]
fn several_spaces_are_asked_at_once() {
    several::<Federated>();
    several::<Ordered>();
}

fn bounds<M: Route>() {
    let scene = named::<M>("a");
    let user = party(USER);
    let many: Vec<_> = (0..=MAX_CLAUSES).map(|at| named::<M>(&format!("space-{at}"))).collect();
    let keys: Vec<_> = many.iter().map(|scene| key(scene, USER)).collect();
    let five = query("5");
    let new = |queries: &[(&M::QueryKey, &Query)]| Token::<M, M::Question>::new(queries, END, &user, &mut rng(1));
    let all: Vec<_> = keys.iter().map(|key| (key, &five)).collect();
    assert_eq!(new(&all).unwrap_err(), TokenError::Clauses);
    assert_eq!(new(&[]).unwrap_err(), TokenError::Clauses);
    let eight = new(&all[..MAX_CLAUSES]).unwrap();
    assert_eq!(Signed::from_bytes(&eight.to_bytes()).as_ref(), Ok(&eight));
    let one = key(&scene, USER);
    assert_eq!(new(&[(&one, &five), (&one, &query("6"))]).unwrap_err(), TokenError::Clauses);
    let ten = top(End::Greatest, 10);
    assert_eq!(new(&[(&one, &ten), (&keys[0], &five)]).unwrap_err(), TokenError::TopOfSeveral);
    assert_eq!(new(&[(&keys[0], &five), (&one, &ten)]).unwrap_err(), TokenError::TopOfSeveral);
    assert!(matches!(new(&[(&one, &range(Some(3), Some(2)))]), Err(TokenError::Query(_))));
    assert!(matches!(new(&[(&one, &range(Some(4096), None))]), Err(TokenError::Query(_))));
    let failing = Token::<M, M::Question>::new(&[(&one, &five)], END, &user, &mut TestRng::fail_after(0));
    assert_eq!(failing.unwrap_err(), TokenError::Rng);
    // A generator that repeats repeats no token.
    let again = |user| Token::<M, M::Question>::new(&[(&one, &five)], END, user, &mut TestRng::constant(7)).unwrap();
    assert_ne!(again(&user), again(&user));

    // Bytes cannot say it either: no clause, two of one space, out of order.
    let statement = new(&[(&one, &top_or_all::<M>())]).unwrap().unverified().clone();
    let bytes = statement.to_bytes();
    let clauses = 4 + 32 + 8 + 16 + 32;
    let decode = |bytes: &[u8]| Token::<M, M::Question>::from_bytes(bytes);
    assert_eq!(decode(&bytes), Ok(statement));
    let none = [&bytes[..clauses], &[0; 4]].concat();
    assert!(decode(&none).is_err());
    let twice = [&bytes[..clauses], &[0, 0, 0, 2], &bytes[clauses + 4..], &bytes[clauses + 4..]].concat();
    assert!(decode(&twice).is_err());
    let mut other = bytes[clauses + 4..].to_vec();
    other[0] ^= 1;
    let (low, high) = if other[..] < bytes[clauses + 4..] {
        (&other[..], &bytes[clauses + 4..])
    } else {
        (&bytes[clauses + 4..], &other[..])
    };
    assert!(decode(&[&bytes[..clauses], &[0, 0, 0, 2], low, high].concat()).is_ok());
    assert!(decode(&[&bytes[..clauses], &[0, 0, 0, 2], high, low].concat()).is_err());
    let nine: Vec<u8> = (0..9_u8).flat_map(|at| [&[at], &bytes[clauses + 5..]].concat()).collect();
    assert!(decode(&[&bytes[..clauses], &[0, 0, 0, 9], &nine].concat()).is_err());
}

/// Without bounds: its bytes do not depend on how wide the space is.
fn top_or_all<M: Route>() -> Query {
    range(None, None)
}

#[test]
fn a_token_has_between_one_and_eight_clauses_of_different_spaces() {
    bounds::<Federated>();
    bounds::<Ordered>();
}

fn who<M: Route>() {
    let mut scene = named::<M>("a");
    scene.write(1, &[(1, "5")]);
    scene.write(2, &[(2, "5")]);
    let gate = |error| Err(QueryError::Gate(error));
    let five = query("5");
    let token = scene.token(USER, &five);
    assert_eq!(found(&scene.try_ask(&token, NOW).unwrap()), [(1, 1), (2, 2)]);
    // Who signs is who asks.
    for forger in [LESSER, 1, 77] {
        let forged = Signed::new(&party(forger), token.unverified().clone());
        assert_eq!(scene.try_ask(&forged, NOW), gate(GateError::Signature));
    }
    let bytes = token.to_bytes();
    for at in (0..bytes.len()).step_by(7) {
        let mut tampered = bytes.clone();
        tampered[at] ^= 1;
        if let Ok(tampered) = Signed::<Token<M, M::Question>>::from_bytes(&tampered) {
            assert!(scene.try_ask(&tampered, NOW).is_err(), "byte {at}");
        }
    }
    // Somebody whom nobody lists, with a key that leaked.
    let leaked = key(&scene, USER);
    let stranger = Token::new(&[(&leaked, &five)], END, &party(77), &mut rng(1)).unwrap();
    assert_eq!(scene.try_ask(&stranger, NOW), gate(GateError::Unlisted));
    // A provider is no user.
    let provider = Token::new(&[(&leaked, &five)], END, &party(1), &mut rng(1)).unwrap();
    assert_eq!(scene.try_ask(&provider, NOW), gate(GateError::Unlisted));

    let short = Token::new(&[(&leaked, &five)], LATER, &party(USER), &mut rng(1)).unwrap();
    assert!(scene.try_ask(&short, LATER).is_ok());
    assert_eq!(scene.try_ask(&short, Timestamp(LATER.0 + 1)), gate(GateError::Time));
    // A switcher's word ends too, also for who kept it.
    let switched = M::try_ask(&scene.between, &short, NOW).unwrap();
    assert!(scene.index.query(&switched, LATER).is_ok());
    assert_eq!(scene.index.query(&switched, Timestamp(LATER.0 + 1)), gate(GateError::Time));

    scene.registrar.dismiss(&party(USER).id()).unwrap();
    scene.announce();
    assert_eq!(scene.try_ask(&token, NOW), gate(GateError::Unlisted));
    let token = scene.token(LESSER, &five);
    assert_eq!(found(&scene.try_ask(&token, NOW).unwrap()), [(2, 2)]);
}

#[test]
fn a_token_is_by_who_asks_and_may_and_for_a_time() {
    who::<Federated>();
    who::<Ordered>();
}

/// Nobody keeps a token for ever, even where the cloud does not hear who is dismissed.
#[test]
fn a_switched_token_ends_with_the_list_that_names_who_asks() {
    let mut scene = named::<Ordered>("a");
    scene.write(2, &[(1, "5")]);
    let token =
        Token::new(&[(&key(&scene, USER), &query("5"))], Timestamp(u64::MAX), &party(USER), &mut rng(1)).unwrap();
    let switched = scene.between.ask(&token, NOW).unwrap();
    assert_eq!(switched.unverified().not_after(), END);
    // A cloud that hears of no later list: until then.
    assert_eq!(found(&scene.index.query(&switched, END).unwrap()), [(2, 1)]);
    assert_eq!(scene.index.query(&switched, Timestamp(END.0 + 1)), Err(QueryError::Gate(GateError::Time)));
    scene.registrar.dismiss(&party(USER).id()).unwrap();
    scene.announce();
    assert_eq!(scene.index.query(&switched, NOW), Err(QueryError::Gate(GateError::Unlisted)));
}

fn where_to<M: Route>() {
    let mut scene = named::<M>("a");
    scene.write(1, &[(1, "5")]);
    let other = named::<M>("b");
    assert_eq!(scene.try_ask(&other.token(USER, &query("5")), NOW), Err(QueryError::Space));
    // Under another shape, which the owner of the key can say and no index has.
    let token = scene.token(USER, &top_or_all::<M>());
    let mut bytes = token.unverified().to_bytes();
    let shape = 4 + 32 + 8 + 16 + 32 + 4 + 32;
    assert_eq!(bytes[shape], 12);
    bytes[shape] = 16;
    let other = Signed::new(&party(USER), Token::from_bytes(&bytes).unwrap());
    assert_eq!(scene.try_ask(&other, NOW), Err(QueryError::Space));
    assert_eq!(found(&scene.try_ask(&token, NOW).unwrap()), [(1, 1)]);
    let empty = Index::<M>::new();
    let token = M::try_ask(&scene.between, &token, NOW).unwrap();
    assert_eq!(empty.query(&token, NOW), Err(QueryError::Space));
}

#[test]
fn a_token_is_for_spaces_that_are_there_as_they_are() {
    where_to::<Federated>();
    where_to::<Ordered>();
}

/// The shape is looked at by the cloud too, whoever switched.
#[test]
fn a_cloud_refuses_a_switched_token_of_another_shape() {
    let mut scene = named::<Ordered>("a");
    scene.write(1, &[(1, "5")]);
    let switched = scene.between.ask(&scene.token(USER, &range(None, None)), NOW).unwrap();
    let mut bytes = switched.unverified().to_bytes();
    bytes[4 + 32 + 8 + 16 + 32 + 4 + 32] = 16;
    let other = Signed::new(&party(99), Token::from_bytes(&bytes).unwrap());
    assert_eq!(scene.index.query(&other, NOW), Err(QueryError::Space));
    // So does the switcher, before it puts its name to it.
    let mut bytes = scene.token(USER, &range(None, None)).unverified().to_bytes();
    bytes[4 + 32 + 8 + 16 + 32 + 4 + 32] = 16;
    let other = Signed::new(&party(USER), Token::from_bytes(&bytes).unwrap());
    assert_eq!(scene.between.ask(&other, NOW).unwrap_err(), SwitcherError::Space);
    // Nor is one good that somebody else signed: the user, or a provider.
    for forger in [USER, 1] {
        let forged = Signed::new(&party(forger), switched.unverified().clone());
        assert_eq!(scene.index.query(&forged, NOW), Err(QueryError::Gate(GateError::Signature)));
    }
    assert_eq!(found(&scene.index.query(&switched, NOW).unwrap()), [(1, 1)]);
}

fn scope<M: Route>() {
    let mut scene = named::<M>("a");
    for place in Scene::<M>::places() {
        scene.write(place, &[(u64::from(place), "5")]);
    }
    let all = key(&scene, USER);
    let path = Scene::<M>::path;
    for place in Scene::<M>::places() {
        let narrow = M::narrow(&all, |other| *other == path(place)).unwrap();
        for query in [query("5"), range(None, None), range(Some(2048 + 5), None), range(None, Some(2048 + 5))] {
            let token = Token::new(&[(&narrow, &query)], END, &party(USER), &mut rng(1)).unwrap();
            let answer = found(&scene.try_ask(&token, NOW).unwrap());
            let below = M::MODE == sesphr::search::Mode::Ordered;
            let expected = Scene::<M>::places().into_iter().filter(|other| match below {
                true => path(*other).is_within(&path(place)),
                false => *other == place,
            });
            assert_eq!(answer, expected.map(|other| (other, u64::from(other))).collect::<Vec<_>>(), "{place}");
        }
    }
    assert_eq!(M::narrow(&all, |_| false).unwrap_err(), ScopeError::Empty);
    assert_eq!(scene.range(LESSER, ..), [(2, 2)]);
    assert_eq!(M::question(&key(&scene, LESSER), &query("5")).unwrap().scope().cloned().collect::<Vec<_>>(), [path(2)]);
}

#[test]
fn a_token_finds_nothing_of_providers_that_it_does_not_name() {
    scope::<Federated>();
    scope::<Ordered>();
}

#[test]
fn a_switcher_lets_nobody_ask_beyond_the_scope_that_was_registered() {
    let scene = named::<Ordered>("a");
    // In the ordered mode the scope in a key is good will: a user writes another one into it.
    let wide =
        Ordered::query_key(&scene.root, &scene.space, step(LESSER), &[1, 2].map(Scene::<Ordered>::path)).unwrap();
    let token = Token::new(&[(&wide, &query("5"))], END, &party(LESSER), &mut rng(1)).unwrap();
    assert_eq!(scene.between.ask(&token, NOW).unwrap_err(), SwitcherError::Gate(GateError::Scope));
    let below = Scene::<Ordered>::path(2).child(step(22)).unwrap();
    let narrow = Ordered::query_key(&scene.root, &scene.space, step(LESSER), &[below]).unwrap();
    let token = Token::new(&[(&narrow, &query("5"))], END, &party(LESSER), &mut rng(1)).unwrap();
    assert!(scene.between.ask(&token, NOW).is_ok());
}

fn small<M: Route>() {
    let scene = Scene::<M>::new("a", Encoder::integer(32).unwrap());
    let hospital = |at: u8| Path::new(Step { party: PartyId::from_array([at; 32]), generation: 0 });
    let scope: Vec<_> = (0..100).map(hospital).collect();
    let key = M::query_key(&scene.root, &scene.space, step(USER), &scope).unwrap();
    let query = range(Some(1_234_567), Some(3_234_567_890));
    let token = Token::<M, M::Question>::new(&[(&key, &query)], END, &party(USER), &mut rng(1)).unwrap();
    let len = token.to_bytes().len();
    assert!(len <= 32_768, "{len}");
    let too_many: Vec<_> = (0..=1024).map(|generation| Path::new(Step { generation, ..step(1) })).collect();
    assert!(M::query_key(&scene.root, &scene.space, step(USER), &too_many[1..]).is_ok());
    assert_eq!(M::query_key(&scene.root, &scene.space, step(USER), &too_many).unwrap_err(), ScopeError::TooMany);
}

#[test]
fn a_token_for_a_hundred_providers_is_at_most_32_kilobytes() {
    small::<Federated>();
    small::<Ordered>();
}
