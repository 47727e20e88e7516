//! What a group goes through after it was made: the log, then the index. Each has a thread of its own, so that groups
//! overlap; a group that has nothing to overlap with is taken through both by the thread that made it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Error;
use crate::pipeline::applier::{Applier, MERGED_MAX};
use crate::pipeline::group::Group;
use crate::pipeline::state::Shared;
use crate::pipeline::writer::Writer;

/// The log writer and the index applier.
pub struct Stages {
    writer: Mutex<Writer>,
    applier: Applier,
    shared: Arc<Shared>,
    /// Groups that were handed to the writer's thread and are neither applied nor refused.
    on_their_way: AtomicUsize,
}

impl Stages {
    /// Joins the two.
    pub fn new(writer: Writer, applier: Applier, shared: Arc<Shared>) -> Stages {
        Stages { writer: Mutex::new(writer), applier, shared, on_their_way: AtomicUsize::new(0) }
    }

    /// Whether both threads have nothing to do. Only the thread that hands groups on may rely on it.
    pub fn are_idle(&self) -> bool {
        self.on_their_way.load(Ordering::Acquire) == 0
    }

    /// Writes and applies a group here and now. Only while [`Stages::are_idle`], or it would overtake another.
    pub fn pass(&self, group: Group) {
        if let Some(group) = self.commit(group) {
            self.applier.apply(vec![group]);
        }
    }

    /// Hands a group to the writer's thread.
    pub fn hand_on(&self, group: Group, to_writer: &SyncSender<Group>) {
        self.on_their_way.fetch_add(1, Ordering::AcqRel);
        if let Err(lost) = to_writer.send(group) {
            self.lose(lost.0);
        }
    }

    /// The writer's thread: runs until the executor is gone.
    pub fn write_all(&self, groups: &Receiver<Group>, to_applier: &SyncSender<Group>) {
        for group in groups {
            match self.commit(group) {
                None => self.leave(1),
                Some(group) => {
                    if let Err(lost) = to_applier.send(group) {
                        self.lose(lost.0);
                    }
                }
            }
        }
    }

    /// The applier's thread: runs until the writer is gone.
    pub fn apply_all(&self, groups: &Receiver<Group>) {
        while let Ok(first) = groups.recv() {
            let mut merged = vec![first];
            while merged.len() < MERGED_MAX
                && let Ok(group) = groups.try_recv()
            {
                merged.push(group);
            }
            let count = merged.len();
            self.applier.apply(merged);
            self.leave(count);
        }
    }

    fn commit(&self, group: Group) -> Option<Group> {
        // A panic while it was held has stopped the partition, and a stopped partition writes nothing.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).commit(group)
    }

    fn lose(&self, group: Group) {
        self.shared.stop(&Error::Closed);
        group.refuse(&self.shared.lock().clone());
        self.leave(1);
    }

    fn leave(&self, groups: usize) {
        self.on_their_way.fetch_sub(groups, Ordering::AcqRel);
    }
}
