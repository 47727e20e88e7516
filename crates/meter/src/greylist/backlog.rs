//! What the peer has not heard yet: a bounded list. When it is full it is thrown away, and the peer gets the whole memory.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::greylist::limits::BACKLOG_ENTRIES;
use crate::greylist::memory::{Digest, Entry};

/// Which of the two memories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Triplets.
    Triplets,
    /// Proven domains and contacts.
    Known,
}

/// Something that the peer has to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// This was seen.
    Seen(Part, Entry),
    /// This triplet is to be forgotten.
    Forgotten(Digest),
    /// All triplets are.
    ForgottenAll,
}

/// What to send next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// These changes, at least one.
    Changes(Vec<Change>),
    /// Everything: some changes were lost.
    Everything,
}

/// The list. One task takes from it; everybody may add.
#[derive(Debug, Default)]
pub struct Backlog {
    held: Mutex<Held>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Held {
    /// Whether somebody takes from it.
    is_open: bool,
    has_overflowed: bool,
    waiting: VecDeque<Change>,
}

impl Backlog {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to collect: what changes from now on is told.
    pub fn open(&self) {
        *self.held() = Held { is_open: true, ..Held::default() };
    }

    /// Collects no more, and gives up what waits.
    pub fn close(&self) {
        *self.held() = Held::default();
    }

    /// Adds a change, when somebody collects.
    pub fn push(&self, change: Change) {
        let mut held = self.held();
        if !held.is_open || held.has_overflowed {
            return;
        }
        if held.waiting.len() >= BACKLOG_ENTRIES {
            held.waiting = VecDeque::new();
            held.has_overflowed = true;
        } else {
            held.waiting.push_back(change);
        }
        drop(held);
        self.wake.notify_one();
    }

    /// Waits for changes and takes at most `count_max`. Safe to cancel.
    pub async fn next(&self, count_max: usize) -> Next {
        loop {
            if let Some(next) = self.take(count_max) {
                return next;
            }
            self.wake.notified().await;
        }
    }

    fn take(&self, count_max: usize) -> Option<Next> {
        let mut held = self.held();
        if held.has_overflowed {
            held.has_overflowed = false;
            return Some(Next::Everything);
        }
        let count = held.waiting.len().min(count_max);
        (count > 0).then(|| Next::Changes(held.waiting.drain(..count).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn changes_wait_in_their_order() {
        let backlog = Backlog::default();
        backlog.push(Change::ForgottenAll);
        backlog.open();
        let changes = ["a", "b", "c"].map(|text| Change::Forgotten(Digest::of(text)));
        changes.iter().for_each(|change| backlog.push(*change));
        let (first, rest) = changes.split_at(2);
        assert_eq!(backlog.next(2).await, Next::Changes(first.to_vec()));
        assert_eq!(backlog.next(2).await, Next::Changes(rest.to_vec()));
        assert_eq!(backlog.take(2), None);
    }

    #[tokio::test]
    async fn too_many_become_everything() {
        let backlog = Backlog::default();
        backlog.open();
        for _ in 0..BACKLOG_ENTRIES + 5 {
            backlog.push(Change::ForgottenAll);
        }
        assert_eq!(backlog.next(1).await, Next::Everything);
        assert_eq!(backlog.take(1), None);
        backlog.push(Change::ForgottenAll);
        assert_eq!(backlog.next(1).await, Next::Changes(vec![Change::ForgottenAll]));
    }
}
