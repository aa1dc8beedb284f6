//! Storages that fail, before or after they did what they were asked for.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use sesphr::sharing::Storage;
use zeroize::Zeroizing;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing happened.
    Before,
    /// It happened, and the caller hears that it did not.
    After,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken;

impl core::fmt::Display for Broken {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("broken")
    }
}

impl core::error::Error for Broken {}

/// Clones share everything, so that the test keeps a hand on what the server has.
#[derive(Clone)]
pub(crate) struct Faulty {
    pub values: Rc<RefCell<BTreeMap<Vec<u8>, Vec<u8>>>>,
    /// How many calls still succeed.
    pub left: Rc<Cell<usize>>,
    pub fault: Fault,
}

impl Faulty {
    pub(crate) fn new(fault: Fault) -> Self {
        Self { values: Rc::default(), left: Rc::new(Cell::new(usize::MAX)), fault }
    }

    pub(crate) fn fork(&self) -> Self {
        let values = self.values.borrow().clone();
        Self { values: Rc::new(RefCell::new(values)), left: Rc::new(Cell::new(usize::MAX)), fault: self.fault }
    }

    pub(crate) fn call<T>(&self, body: impl FnOnce(&mut BTreeMap<Vec<u8>, Vec<u8>>) -> T) -> Result<T, Broken> {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        if left == 0 && self.fault == Fault::Before {
            return Err(Broken);
        }
        let done = body(&mut self.values.borrow_mut());
        if left == 0 { Err(Broken) } else { Ok(done) }
    }
}

impl Storage for Faulty {
    type Error = Broken;

    fn get(&self, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Broken> {
        self.call(|values| values.get(key).map(|value| Zeroizing::new(value.clone())))
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Broken> {
        self.call(|values| drop(values.insert(key.to_vec(), value.to_vec())))
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), Broken> {
        self.call(|values| drop(values.remove(key)))
    }

    fn keys(&self, prefix: &[u8]) -> Result<Vec<Vec<u8>>, Broken> {
        self.call(|values| values.keys().filter(|key| key.starts_with(prefix)).cloned().collect())
    }
}
