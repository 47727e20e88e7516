//! One session at a time has a maildrop (RFC 1939 §4).

use crate::pop3::port::Holder;
use model::AccountId;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// The maildrops that are locked.
#[derive(Clone, Debug, Default)]
pub struct Locks {
    held: Arc<Mutex<HashSet<(String, AccountId)>>>,
}

impl Locks {
    /// Locks a maildrop until the guard is dropped; `None` if another session has it.
    pub fn take(&self, holder: &Holder) -> Option<Held> {
        let key = (holder.partition.clone(), holder.account);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(key.clone()).then(|| Held { locks: self.clone(), key })
    }
}

/// A locked maildrop.
#[derive(Debug)]
pub struct Held {
    locks: Locks,
    key: (String, AccountId),
}

impl Drop for Held {
    fn drop(&mut self) {
        self.locks.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
