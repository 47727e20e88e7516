//! Applies durable groups to the index, tells the observers, and answers those who wait.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::Duration;

use crate::error::Error;
use crate::index::{Change, Index};
use crate::pipeline::group::Group;
use crate::pipeline::state::Shared;
use crate::reserve::Reserve;
use crate::rows::Position;

/// Groups that are applied in one transaction of the index.
pub const MERGED_MAX: usize = 16;
/// How often a durable group is tried again that finds no room in the index.
const RETRY: Duration = Duration::from_millis(100);

/// Applies groups.
pub struct Applier {
    /// The index.
    pub index: Arc<dyn Index>,
    /// What all threads know.
    pub shared: Arc<Shared>,
    /// Given up when the index finds no room.
    pub reserve: Arc<Reserve>,
    /// Wakes the upkeep.
    pub to_upkeep: SyncSender<()>,
}

impl Applier {
    /// Applies durable groups, in their order, in one transaction of the index, and answers them.
    pub fn apply(&self, mut groups: Vec<Group>) {
        let mut changes: Vec<Change> = Vec::new();
        let mut position = None;
        for group in groups.iter_mut().filter(|group| !group.pieces.is_empty()) {
            changes.append(&mut group.changes);
            position = Some(group.position);
            // The bodies are on the disk; nobody needs them in memory any more.
            group.pieces.clear();
        }
        if let Some(position) = position
            && let Err(error) = self.store(&changes, position)
        {
            // What is durable in the log will be there at the next opening, but nobody can be told so now.
            self.shared.stop(&error);
            let state = self.shared.lock().clone();
            groups.into_iter().for_each(|group| group.refuse(&state));
            return;
        }
        self.shared.change(|state| {
            state.applied = position.unwrap_or(state.applied);
            let succeeded = groups.iter().flat_map(|group| &group.jobs).filter(|(_, outcome)| outcome.is_ok());
            state.transactions += succeeded.count() as u64;
        });
        self.publish(&groups);
        groups.into_iter().for_each(Group::confirm);
        let wants_upkeep = position.is_some();
        // A full channel means that it is awake already.
        if wants_upkeep && let Err(TrySendError::Disconnected(())) = self.to_upkeep.try_send(()) {
            tracing::debug!("the upkeep of a partition has ended");
        }
    }

    fn store(&self, changes: &[Change], position: Position) -> Result<(), Error> {
        loop {
            match self.index.apply(changes, Some(position)) {
                Err(Error::NoSpace { .. }) => {
                    let state = self.shared.change(|state| {
                        state.is_full = true;
                        state.clone()
                    });
                    if state.is_closing {
                        return Err(Error::Closed);
                    }
                    self.reserve.release();
                    if let Err(error) = self.index.apply(changes, Some(position)) {
                        tracing::warn!(%error, "a durable group waits for room in the index");
                        self.shared.pause(RETRY);
                        continue;
                    }
                    return Ok(());
                }
                outcome => return outcome,
            }
        }
    }

    fn publish(&self, groups: &[Group]) {
        let observers = self.shared.observers();
        for notices in groups.iter().map(|group| &group.notices).filter(|notices| !notices.is_empty()) {
            for observer in &observers {
                // Whoever listens must not be able to stop those who write.
                if catch_unwind(AssertUnwindSafe(|| observer.committed(notices))).is_err() {
                    tracing::error!("an observer of a partition panicked");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
