use super::*;
use crate::hash::label;
use crate::identity::Signed;
use crate::merkle::{Growing, Tree};

/// What `signed` makes of each of six receipts, in a tree of a keeper who does not care what it says.
fn forged(signed: impl Fn(Receipt) -> Signed<Receipt>) -> Audit {
    let entries: Vec<_> = (0..6)
        .map(|i| {
            let (number, at) = (i, Timestamp(10 + i));
            signed(Receipt { owner: owner(), number, at, live: live(i / 2), event: read(i as u8) })
        })
        .collect();
    let mut tree = Growing::new(Tree::new(label::MERKLE_LOG));
    entries.iter().for_each(|entry| tree.push(tree.tree().leaf(&entry.to_bytes())));
    let head = LogHead { owner: owner(), size: 6, root: tree.root(), at: Timestamp(50) };
    let (inclusion, consistency) = (tree.prove(&(0..6)).unwrap(), vec![]);
    Audit { head: Signed::new(&keeper(), head), position: Position::default(), entries, inclusion, consistency }
}

fn refused(auditor: &mut Auditor, audit: &Audit, error: AuditError) {
    let before = auditor.clone();
    assert_eq!(auditor.follow(audit), Err(error));
    assert_eq!(*auditor, before);
}

/// The genuine log of six, with what `change` makes of the receipt at `place`, signed again.
fn changed(place: u64, change: impl Fn(&mut Receipt)) -> Audit {
    forged(|mut receipt| {
        if receipt.number == place {
            change(&mut receipt);
        }
        Signed::new(&keeper(), receipt)
    })
}

fn answer(log: &mut Log, storage: &MemoryStorage, position: Position, limit: usize) -> Audit {
    log.audit(storage, position, limit, &keeper(), Timestamp(100)).unwrap()
}

#[test]
fn an_auditor_reads_everything_page_by_page() {
    for limit in [0, 1, 2, 3, 5, 7, 100] {
        let (mut kept, mut storage) = log(0);
        let (mut follower, mut all, mut written) = (auditor(), vec![], 0);
        // An empty log is a log.
        assert_eq!(follower.follow(&answer(&mut kept, &storage, follower.position(), limit)), Ok(vec![]));
        for more in [1_u64, 0, 4, 3, 8, 0, 1] {
            for _ in 0..more {
                kept.append(&mut storage, &keeper(), Timestamp(written), live(written), read(written as u8)).unwrap();
                written += 1;
            }
            // New receipts come while the last ones are not read.
            let audit = answer(&mut kept, &storage, follower.position(), limit);
            assert_eq!(Audit::from_bytes(&audit.to_bytes()).as_ref(), Ok(&audit));
            all.extend(follower.follow(&audit).unwrap());
            assert_eq!(follower.position(), Position { read: all.len() as u64, size: written });
            // It goes where its owner goes.
            follower = Auditor::from_bytes(&follower.to_bytes()).unwrap();
        }
        while follower.unread() > 0 {
            all.extend(follower.follow(&answer(&mut kept, &storage, follower.position(), limit)).unwrap());
        }
        assert!((0..).zip(&all).all(|(i, receipt)| receipt.number == i && receipt.event == read(i as u8)));
        assert_eq!((all.len(), follower.live()), (17, live(16)));
        assert_eq!(reads(&all).count(), 17);
    }
}

#[test]
fn what_a_keeper_signs_must_still_be_a_log() {
    let genuine = changed(9, |_| ());
    assert_eq!(auditor().follow(&genuine).unwrap().len(), 6);
    let refused = |audit: &Audit, error| refused(&mut auditor(), audit, error);
    let other = |signer: u8| forged(move |r| Signed::new(&if r.number == 3 { key(signer) } else { keeper() }, r));
    assert_eq!(auditor().follow(&other(1)).map(|entries| entries.len()), Ok(6));
    refused(&other(3), AuditError::Signature);
    refused(&changed(3, |r| r.owner = party(9)), AuditError::Owner);
    refused(&changed(3, |r| r.number = 4), AuditError::Order);
    refused(&changed(3, |r| r.live = LiveRef::NONE), AuditError::Live);
    refused(&changed(3, |r| r.live.head = digest(9)), AuditError::Live);
    refused(&changed(3, |r| r.at = Timestamp(11)), AuditError::Time);
    // Later than the head that it lies under.
    refused(&changed(5, |r| r.at = Timestamp(51)), AuditError::Time);
}

#[test]
fn what_came_before_binds_what_comes_after() {
    // The first three are read: live 1, at 12.
    let follower = |first: &Audit| {
        let mut follower = auditor();
        let page = forged_page(first, 0..3);
        assert_eq!(follower.follow(&page).unwrap().len(), 3);
        follower
    };
    let genuine = changed(9, |_| ());
    assert_eq!(follower(&genuine).follow(&forged_page(&genuine, 3..6)).unwrap().len(), 3);
    for (audit, error) in [
        (changed(3, |r| r.live = LiveRef::NONE), AuditError::Live),
        (changed(3, |r| r.at = Timestamp(11)), AuditError::Time),
    ] {
        refused(&mut follower(&audit), &forged_page(&audit, 3..6), error);
    }
    // Nothing where there is something, and what was read before.
    refused(&mut follower(&genuine), &forged_page(&genuine, 3..3), AuditError::Withheld);
    refused(&mut follower(&genuine), &forged_page(&genuine, 2..6), AuditError::Position);
    refused(&mut follower(&genuine), &forged_page(&genuine, 4..6), AuditError::Position);
    // A head older than the last.
    let mut early = forged_page(&genuine, 3..6);
    let head = LogHead { at: Timestamp(49), ..early.head.unverified().clone() };
    early.head = Signed::new(&keeper(), head);
    refused(&mut follower(&genuine), &early, AuditError::Time);
}

/// One page of a forged log, for an auditor who has its head if the page is not the first.
fn forged_page(whole: &Audit, range: core::ops::Range<u64>) -> Audit {
    let mut tree = Growing::new(Tree::new(label::MERKLE_LOG));
    whole.entries.iter().for_each(|entry| tree.push(tree.tree().leaf(&entry.to_bytes())));
    let position = Position { read: range.start, size: if range.start == 0 { 0 } else { 6 } };
    let entries = whole.entries[range.start as usize..range.end as usize].to_vec();
    Audit { position, entries, inclusion: tree.prove(&range).unwrap(), ..whole.clone() }
}

#[test]
fn a_user_shows_its_receipt() {
    let (mut kept, mut storage) = log(5);
    let held = kept.append(&mut storage, &keeper(), Timestamp(20), live(2), read(50)).unwrap();
    kept.append(&mut storage, &keeper(), Timestamp(21), live(2), read(51)).unwrap();
    let mut follower = auditor();
    follower.follow(&answer(&mut kept, &storage, follower.position(), 2)).unwrap();
    let ask = |follower: &Auditor, read| Position { read, ..follower.position() };
    let audit = answer(&mut kept, &storage, ask(&follower, 5), 1);
    assert_eq!(follower.includes(&held, &audit), Ok(()));
    assert_eq!(follower.position(), Position { read: 2, size: 7 });
    // Within a page as well, by whoever has seen nothing.
    assert_eq!(auditor().includes(&held, &answer(&mut kept, &storage, Position { read: 3, size: 0 }, 4)), Ok(()));

    // Never logged, or something else in its place; another page; another signer; another owner.
    let before = follower.clone();
    let claim = |signer: &SigningKey, change: fn(&mut Receipt)| {
        let mut receipt = held.unverified().clone();
        change(&mut receipt);
        Signed::new(signer, receipt)
    };
    for (claim, error) in [
        (claim(&keeper(), |r| r.event = read(99)), AuditError::Missing),
        (claim(&keeper(), |r| r.number = 7), AuditError::Missing),
        (claim(&keeper(), |r| r.number = 4), AuditError::Position),
        (claim(&keeper(), |r| r.number = 6), AuditError::Position),
        (claim(&key(3), |_| ()), AuditError::Signature),
        (claim(&keeper(), |r| r.owner = party(9)), AuditError::Owner),
    ] {
        assert_eq!(follower.includes(&claim, &audit), Err(error));
    }
    // A log that is not the one seen before shows nothing.
    let (mut other, elsewhere) = log_of(|i| read(i as u8 + 60), 7);
    let audit = answer(&mut other, &elsewhere, ask(&follower, 5), 1);
    assert_eq!(follower.includes(&held, &audit), Err(AuditError::Forked));
    let mut audit = answer(&mut kept, &storage, ask(&follower, 5), 1);
    audit.inclusion.pop();
    assert_eq!(follower.includes(&held, &audit), Err(AuditError::Entries));
    assert_eq!(follower, before);
}

#[test]
fn the_owner_knows_its_own_heads() {
    let (mut kept, storage) = log(6);
    let receipts = auditor().follow(&answer(&mut kept, &storage, Position::default(), 9)).unwrap();
    let check = |signed: &dyn Fn(u64) -> Option<Digest>| Auditor::check_live(&receipts, signed);
    assert_eq!(check(&|version| Some(live(version).head)), Ok(()));
    assert_eq!(check(&|version| (version < 2).then(|| live(version).head)), Err(AuditError::Live));
    assert_eq!(check(&|_| Some(digest(1))), Err(AuditError::Live));
    // Before the first head there is none to know.
    assert_eq!(Auditor::check_live(&receipts[..2], |_| None), Ok(()));
}

#[test]
fn only_states_that_there_are_decode() {
    let (mut kept, storage) = log(5);
    let mut follower = auditor();
    assert_eq!(Auditor::from_bytes(&follower.to_bytes()).as_ref(), Ok(&follower));
    assert_eq!(follower.to_bytes().len(), 4 + 32 + 32 + 8 + 8 + 40 + 1);
    follower.follow(&answer(&mut kept, &storage, Position::default(), 3)).unwrap();
    assert_eq!(Auditor::from_bytes(&follower.to_bytes()).as_ref(), Ok(&follower));
    let refused = |at: usize, byte: u8| {
        let mut bytes = follower.to_bytes();
        bytes[at] = byte;
        assert_eq!(Auditor::from_bytes(&bytes), Err(DecodeError::Value), "{at}");
    };
    let read = 4 + 64 + 7;
    // More read than there is, and something read of nothing.
    refused(read, 6);
    refused(read, 0);
    // The version of the live grants, and the flag.
    refused(read + 8 + 8, 0);
    refused(read + 8 + 8 + 33, 2);
}
