//! What everybody does on a good day, in both modes.

use std::ops::Bound;

use sesphr::encoding::{Encoding, Message};
use sesphr::search::{Column, Encoder, Federated, Ordered};

use crate::scene::{LESSER, Route, Scene, USER, found};

fn hba1c() -> Encoder {
    Encoder::decimal(1, 16).unwrap()
}

fn story<M: Route>() {
    let mut scene = Scene::<M>::new("4548-4", hba1c());
    scene.write(1, &[(1, "7.5"), (2, "7.6")]);
    scene.write(11, &[(3, "9.0"), (4, "5.1")]);
    scene.write(121, &[(5, "7.6"), (6, "12.3")]);
    scene.write(2, &[(7, "8.0"), (8, "6.9")]);
    let above = (Bound::Excluded("7.5"), Bound::Unbounded);
    let expected = [(1, 2), (2, 7), (11, 3), (121, 5), (121, 6)];
    assert_eq!(scene.range(USER, above), expected);
    assert_eq!(scene.range(LESSER, above), [(2, 7)]);
    assert_eq!(scene.range(USER, "7.5"..="7.6"), [(1, 1), (1, 2), (121, 5)]);
    let point = sesphr::search::Query::point(&hba1c(), "7.6").unwrap();
    assert_eq!(found(&scene.ask(USER, &point)), [(1, 2), (121, 5)]);

    // The cloud writes everything down and goes on from there.
    let bytes = scene.column().to_bytes();
    let column = Column::<M>::from_bytes(&bytes).unwrap();
    assert_eq!(column.to_bytes(), bytes);
    scene.index.set(column);
    assert_eq!(scene.range(USER, above), expected);
    scene.write(3, &[(9, "20")]);
    assert_eq!(scene.range(USER, "12.4"..), [(3, 9)]);
}

#[test]
fn a_token_finds_what_it_asks_for_over_all_providers() {
    story::<Federated>();
    story::<Ordered>();
}
