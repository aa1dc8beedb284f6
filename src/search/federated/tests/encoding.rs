//! Keys and tokens as bytes.

use super::*;

#[test]
fn keys_survive_their_encoding_and_say_nothing() {
    let (space, scope) = (space(32), [path(2), path(1), path(2)]);
    let write = writer(&space, &path(1).child(step(4, 9)).unwrap());
    let bytes = write.to_secret_bytes();
    let again = WriteKey::from_bytes(&bytes).unwrap();
    assert_eq!(again.to_secret_bytes(), bytes);
    assert_eq!(*again.decrypt(&encrypt(&write, &number(8), 1)).unwrap(), 8);
    let ask = asker(&space, &scope);
    let bytes = ask.to_secret_bytes();
    let again = QueryKey::from_bytes(&bytes).unwrap();
    assert_eq!(again.to_secret_bytes(), bytes);
    assert_eq!(Federated::asker(&again), (&space, vec![path(1), path(2)]));
    let debug = std::format!("{write:?} {ask:?} {:?}", Federated::question(&ask, &range(1, 2)).unwrap());
    assert!(debug.contains("Trapdoor { providers: 2, .. }"), "{debug}");
    let chain = write.to_secret_bytes();
    for secret in [&chain[chain.len() - 32..], &ask.keys()[0].1[..], write.data()] {
        assert!(!debug.contains(&std::format!("{}, {}, {}", secret[0], secret[1], secret[2])), "{debug}");
    }
}

#[test]
fn scopes_out_of_order_or_bounds_are_refused() {
    let space = space(32);
    let key = asker(&space, &[path(1), path(2)]);
    let narrowed = Federated::narrow(&key, |path| *path == self::path(2)).unwrap();
    assert_eq!(narrowed.to_secret_bytes(), asker(&space, &[path(2)]).to_secret_bytes());
    assert_eq!(Federated::narrow(&key, |_| false).err(), Some(ScopeError::Empty));
    assert_eq!(Federated::query_key(&root(), &space, step(9, 0), &[]).err(), Some(ScopeError::Empty));

    // Two providers of one step each stand at the end.
    let whole = key.to_secret_bytes();
    let (head, parts) = whole.split_at(whole.len() - 2 * 69);
    let (a, b) = parts.split_at(69);
    let head = &head[..head.len() - 4];
    let read = |count: u32, parts: &[&[u8]]| {
        QueryKey::from_bytes(&[head, &count.to_be_bytes(), &parts.concat()].concat()).err()
    };
    assert_eq!(read(2, &[a, b]), None);
    assert_eq!(read(1, &[b]), None);
    assert_eq!(read(2, &[b, a]), Some(DecodeError::Value));
    assert_eq!(read(2, &[a, a]), Some(DecodeError::Value));
    assert_eq!(read(0, &[]), Some(DecodeError::Value));
    assert_eq!(read(3, &[a, b]), Some(DecodeError::Truncated));
    assert_eq!(read(MAX_SCOPE as u32 + 1, &[a, b]), Some(DecodeError::Length));
    assert_eq!(read(1, &[a, b]), Some(DecodeError::TrailingBytes));
}

fn read(shape: &Shape, bytes: &[u8]) -> Result<Trapdoor, DecodeError> {
    let mut reader = Reader::new(bytes);
    let trapdoor = Trapdoor::read(shape, &mut reader)?;
    reader.finish().map(|()| trapdoor)
}

fn written(trapdoor: &Trapdoor) -> Vec<u8> {
    let mut out = Vec::new();
    trapdoor.write(&mut out);
    out
}

#[test]
fn tokens_survive_their_encoding_and_no_other_bytes_are_tokens() {
    let (space, scope) = (space_of("pulse", INTEGER(12), Queries::RangesAndPoints), [path(1), path(2)]);
    let (shape, key) = (space.shape(), asker(&space, &scope));
    for query in [range(5, 9), range(5, None), range(None, 9), range(None, None), point(number(7))] {
        let trapdoor = Federated::question(&key, &query).unwrap();
        let bytes = written(&trapdoor);
        assert_eq!(read(&shape, &bytes), Ok(trapdoor.clone()));
        assert!(trapdoor.scope().eq(&scope));
        for len in 0..bytes.len() {
            assert_eq!(read(&shape, &bytes[..len]), Err(DecodeError::Truncated));
        }
        for flags in [5, 8, 16, 128, 255] {
            assert_eq!(read(&shape, &[&[flags], &bytes[1..]].concat()), Err(DecodeError::Value));
        }
    }
    let bytes = written(&Federated::question(&key, &range(5, None)).unwrap());
    let (head, parts) = bytes.split_at(5);
    // Three blocks: 48 bytes, and slots in two.
    let (a, b) = parts.split_at(37 + 50);
    let mut odd = bytes.clone();
    *odd.last_mut().unwrap() |= 1;
    assert_eq!(read(&shape, &odd), Err(DecodeError::Value));
    assert_eq!(read(&shape, &[head, b, a].concat()), Err(DecodeError::Value));
    assert_eq!(read(&shape, &[head, a, a].concat()), Err(DecodeError::Value));
    assert_eq!(read(&shape, &[1, 0, 0, 0, 0]), Err(DecodeError::Value));
    assert_eq!(read(&shape, &[1, 0, 0, 4, 1]), Err(DecodeError::Length));
    // A tag that there is not, and a question that the space does not answer.
    let mut tag = written(&Federated::question(&key, &point(number(7))).unwrap());
    let points = space_of("pulse", INTEGER(12), Queries::Points).shape();
    assert!(read(&points, &tag).is_ok() && read(&self::space(12).shape(), &tag).is_err());
    assert_eq!(read(&points, &bytes), Err(DecodeError::Value));
    tag[1] = 1;
    assert_eq!(read(&shape, &tag), Err(DecodeError::Value));
}

#[test]
fn a_token_for_a_hundred_providers_is_short() {
    let space = space(32);
    let scope: Vec<_> = (0..100).map(path).collect();
    let trapdoor = Federated::question(&asker(&space, &scope), &range(5, 9)).unwrap();
    assert_eq!(written(&trapdoor).len(), 1 + 4 + 100 * (37 + 264));
}
