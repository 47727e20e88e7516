//! One session at a time has a maildrop (RFC 1939 §4).

use account::owner::Owner;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// The maildrops that are locked.
#[derive(Clone, Debug, Default)]
pub struct Locks {
    held: Arc<Mutex<HashSet<Owner>>>,
}

impl Locks {
    /// Locks a maildrop until the guard is dropped; `None` if another session has it.
    pub fn take(&self, owner: &Owner) -> Option<Held> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(owner.clone()).then(|| Held { locks: self.clone(), owner: owner.clone() })
    }
}

/// A locked maildrop.
#[derive(Debug)]
pub struct Held {
    locks: Locks,
    owner: Owner,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.locks.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.owner);
    }
}
