//! What the threads of a partition know of each other.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::{Error, WriteError};
use crate::notice::Observer;
use crate::rows::Position;

/// Shared by the threads and the handle of a partition.
pub struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    observers: Mutex<Vec<Arc<dyn Observer>>>,
}

/// How far the partition has come.
#[derive(Clone, Debug)]
pub struct State {
    /// Counts the failures after which groups on their way are void.
    pub epoch: u64,
    /// What the log holds durably. The offset is 0 if the next group must begin a segment.
    pub durable: Position,
    /// The highest number a segment has had, also one that was never begun properly.
    pub last_segment: u64,
    /// What the index holds.
    pub applied: Position,
    /// Why nothing is written any more.
    pub stopped: Option<String>,
    /// The disk is full and the reserve given up.
    pub is_full: bool,
    /// The partition is closing.
    pub is_closing: bool,
    /// Transactions committed.
    pub transactions: u64,
    /// Groups synchronised.
    pub groups: u64,
    /// Octets appended since the opening.
    pub appended_octets: u64,
}

impl Shared {
    /// Begins where the opening ended.
    pub fn new(durable: Position, applied: Position, last_segment: u64) -> Shared {
        let state = State {
            epoch: 0,
            durable,
            last_segment,
            applied,
            stopped: None,
            is_full: false,
            is_closing: false,
            transactions: 0,
            groups: 0,
            appended_octets: 0,
        };
        Shared { state: Mutex::new(state), changed: Condvar::new(), observers: Mutex::default() }
    }

    /// The state, held still.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and wakes who waits for it.
    pub fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let outcome = change(&mut self.lock());
        self.changed.notify_all();
        outcome
    }

    /// Waits until `holds`.
    pub fn wait(&self, holds: impl Fn(&State) -> bool) -> State {
        let mut state = self.lock();
        while !holds(&state) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.clone()
    }

    /// Waits until something changes, but not longer than `patience`.
    pub fn pause(&self, patience: Duration) {
        let state = self.lock();
        drop(self.changed.wait_timeout(state, patience).unwrap_or_else(PoisonError::into_inner));
    }

    /// Fail-stop: nothing is written any more until the partition is opened again.
    pub fn stop(&self, error: &Error) {
        tracing::error!(%error, "a partition stopped");
        self.change(|state| {
            state.epoch += 1;
            state.stopped.get_or_insert_with(|| error.to_string());
        });
    }

    /// Adds an observer.
    pub fn subscribe(&self, observer: Arc<dyn Observer>) {
        self.observers.lock().unwrap_or_else(PoisonError::into_inner).push(observer);
    }

    /// All observers.
    pub fn observers(&self) -> Vec<Arc<dyn Observer>> {
        self.observers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl State {
    /// What a transaction is told that was on its way when the epoch changed.
    pub fn refusal(&self) -> WriteError {
        match &self.stopped {
            Some(reason) => WriteError::Storage(Error::Stopped { reason: reason.clone() }),
            None => WriteError::NoSpace,
        }
    }
}
