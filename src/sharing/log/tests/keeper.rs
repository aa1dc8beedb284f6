use core::cell::Cell;
use core::fmt;

use zeroize::Zeroizing;

use super::*;
use crate::identity::Signed;
use crate::sharing::Storage;

#[test]
fn a_keeper_writes_only_what_an_auditor_takes() {
    let (mut log, mut storage) = log(5);
    let now = Timestamp(99);
    let mut append =
        |signer: &SigningKey, live| log.append(&mut storage, signer, now, live, Event::Advanced { generation: 0 });
    assert_eq!(append(&key(3), live(2)), Err(LogError::Keeper));
    for wrong in [live(1), LiveRef::NONE, LiveRef { version: 2, head: digest(9) }] {
        assert_eq!(append(&keeper(), wrong), Err(LogError::Live));
    }
    assert_eq!(append(&keeper(), LiveRef { version: 3, head: Digest::NONE }), Err(LogError::Live));
    append(&keeper(), live(2)).unwrap();
    // A clock that goes back, after a receipt and after a head.
    let early = log.append(&mut storage, &keeper(), Timestamp(1), live(3), Event::Advanced { generation: 0 }).unwrap();
    assert_eq!((early.unverified().at, early.unverified().number, log.live()), (now, 6, live(3)));
    assert_eq!(log.head(&keeper(), Timestamp(1)).unwrap().unverified().at, now);
    assert_eq!(log.head(&keeper(), Timestamp(120)).unwrap().unverified().at, Timestamp(120));
    let late = log.append(&mut storage, &keeper(), now, live(3), Event::Advanced { generation: 0 }).unwrap();
    assert_eq!(late.unverified().at, Timestamp(120));
    assert_eq!(log.head(&key(3), now), None);
    let asked = log.audit(&storage, Position::default(), 9, &key(3), now);
    assert_eq!(asked, Err(LogError::Keeper));
    for position in [Position { read: 9, size: 0 }, Position { read: 0, size: 9 }] {
        assert_eq!(log.audit(&storage, position, 9, &keeper(), now), Err(LogError::Position));
    }
    assert_eq!(
        auditor().follow(&log.audit(&storage, Position::default(), 9, &keeper(), now).unwrap()).unwrap().len(),
        8
    );
}

#[test]
fn a_log_is_rebuilt_from_its_storage() {
    for n in 0..9 {
        let (mut kept, mut storage) = log(n);
        // Of another owner, in the same storage.
        let mut other = Log::new(party(9), keeper().id());
        other.append(&mut storage, &keeper(), Timestamp(5), live(1), Event::Advanced { generation: 0 }).unwrap();
        let mut loaded = Log::load(&storage, owner(), keeper().id()).unwrap();
        assert_eq!((loaded.len(), loaded.live(), loaded.is_empty()), (n, kept.live(), n == 0));
        let position = Position::default();
        let audit = |log: &mut Log| log.audit(&storage, position, 9, &keeper(), Timestamp(30)).unwrap();
        assert_eq!(audit(&mut loaded), audit(&mut kept));
        let entry = loaded.append(&mut storage, &keeper(), Timestamp(3), live(9), read(9)).unwrap();
        assert_eq!(entry.unverified().at, Timestamp(30));
        // When it was last asked is not stored.
        let mut fresh = Log::load(&storage, owner(), keeper().id()).unwrap();
        assert_eq!(fresh.head(&keeper(), Timestamp(0)).unwrap().unverified().at, entry.unverified().at);
    }
}

#[test]
fn a_storage_that_was_tampered_with_is_noticed() {
    let entry_key = |number: u64| [b"log/", &owner().as_bytes()[..], &number.to_be_bytes()].concat();
    let refused = |error: LogError<core::convert::Infallible>, tamper: &dyn Fn(&mut MemoryStorage)| {
        let (mut kept, mut storage) = log(5);
        tamper(&mut storage);
        assert_eq!(Log::load(&storage, owner(), keeper().id()).unwrap_err(), error);
        // A log in memory does not answer with it either.
        let answer = kept.audit(&storage, Position::default(), 9, &keeper(), Timestamp(50));
        assert!(answer.is_err() || error == LogError::Gap);
    };
    let receipt = |number: u64| Receipt {
        owner: owner(),
        number,
        at: Timestamp(10 + number),
        live: live(number / 2),
        event: Event::Advanced { generation: 0 },
    };
    let put = |number: u64, signer: SigningKey, receipt: Receipt| {
        move |storage: &mut MemoryStorage| {
            storage.put(&entry_key(number), &Signed::new(&signer, receipt.clone()).to_bytes()).unwrap();
        }
    };
    refused(LogError::Gap, &|storage| storage.delete(&entry_key(2)).unwrap());
    refused(LogError::Gap, &|storage| storage.delete(&entry_key(0)).unwrap());
    refused(LogError::Gap, &|storage| storage.put(&[&entry_key(2)[..], b"x"].concat(), b"").unwrap());
    refused(LogError::Gap, &|storage| storage.put(&entry_key(6), b"").unwrap());
    refused(LogError::Corrupt(DecodeError::Truncated), &|storage| storage.put(&entry_key(2), b"").unwrap());
    refused(LogError::Signature, &put(2, key(3), receipt(2)));
    refused(LogError::Misplaced, &put(2, keeper(), receipt(3)));
    refused(LogError::Misplaced, &put(2, keeper(), Receipt { owner: party(9), ..receipt(2) }));
    refused(LogError::Corrupt(DecodeError::Value), &put(2, keeper(), Receipt { at: Timestamp(1), ..receipt(2) }));
    refused(LogError::Live, &put(4, keeper(), Receipt { live: LiveRef::NONE, ..receipt(4) }));
}

/// The keeper signed two receipts for one place: the storage fits, and the log in memory does not.
#[test]
fn what_was_rewritten_in_place_is_not_shown() {
    let (mut kept, mut storage) = log(5);
    let (_, other) = log_of(|i| read(if i == 2 { 99 } else { i as u8 }), 5);
    let changed = [b"log/", &owner().as_bytes()[..], &2_u64.to_be_bytes()].concat();
    storage.put(&changed, &other.get(&changed).unwrap().unwrap()).unwrap();
    assert!(Log::load(&storage, owner(), keeper().id()).is_ok());
    let answer = kept.audit(&storage, Position::default(), 9, &keeper(), Timestamp(50));
    assert_eq!(answer, Err(LogError::Corrupt(DecodeError::Value)));
}

#[derive(Debug, PartialEq, Eq)]
struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}

impl core::error::Error for Broken {}

/// Fails when the calls that are left have been made, before or after it did what it was asked for.
struct Faulty {
    inner: MemoryStorage,
    left: Cell<usize>,
    after: bool,
}

impl Faulty {
    fn call(&self) -> Result<(), Broken> {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        if left == 0 { Err(Broken) } else { Ok(()) }
    }
}

impl Storage for Faulty {
    type Error = Broken;

    fn get(&self, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Broken> {
        self.call()?;
        Ok(self.inner.get(key).unwrap())
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Broken> {
        let outcome = self.call();
        if outcome.is_ok() || self.after {
            self.inner.put(key, value).unwrap();
        }
        outcome
    }

    fn delete(&mut self, _: &[u8]) -> Result<(), Broken> {
        unreachable!("logs are never shortened")
    }

    fn keys(&self, prefix: &[u8]) -> Result<Vec<Vec<u8>>, Broken> {
        self.call()?;
        Ok(self.inner.keys(prefix).unwrap())
    }
}

#[test]
fn a_storage_that_fails_leaves_a_log_that_goes_on() {
    for after in [false, true] {
        for calls in 0..4 {
            let mut storage = Faulty { inner: MemoryStorage::new(), left: Cell::new(calls), after };
            let mut kept = Log::new(owner(), keeper().id());
            let mut follower = auditor();
            for i in 0..5_u64 {
                let mut append = |log: &mut Log, n: u8| {
                    log.append(&mut storage, &keeper(), Timestamp(i), live(i), read(n)).map(|_| ())
                };
                let before = kept.head(&keeper(), Timestamp(0));
                if append(&mut kept, 100).is_err() {
                    assert_eq!(kept.head(&keeper(), Timestamp(0)), before);
                    // Another act takes the place, before or after the keeper starts again.
                    let mut other = kept.clone();
                    storage.left.set(usize::MAX);
                    let loaded = Log::load(&storage, owner(), keeper().id()).unwrap();
                    assert_eq!(loaded.len(), other.len() + u64::from(after));
                    other.append(&mut storage, &keeper(), Timestamp(i), live(i), read(7)).unwrap();
                    kept = Log::load(&storage, owner(), keeper().id()).unwrap();
                    assert_eq!(kept.head(&keeper(), Timestamp(9)), other.head(&keeper(), Timestamp(9)));
                }
            }
            assert_eq!(kept.len(), 5);
            let audit = kept.audit(&storage, Position::default(), 9, &keeper(), Timestamp(9)).unwrap();
            assert_eq!(follower.follow(&audit).unwrap().len(), 5);
            // Reading fails at every call as well, and changes nothing.
            for calls in 0..5 {
                storage.left.set(calls);
                let audit = kept.audit(&storage, Position::default(), 9, &keeper(), Timestamp(99));
                assert_eq!(audit, Err(LogError::Storage(Broken)));
                storage.left.set(calls);
                let loaded = Log::load(&storage, owner(), keeper().id());
                assert_eq!(loaded.unwrap_err(), LogError::Storage(Broken));
            }
            assert_eq!(kept.head(&keeper(), Timestamp(9)).unwrap().unverified().at, Timestamp(9));
        }
    }
}
