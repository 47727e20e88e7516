//! Runs closures one after the other and joins them to groups. Sees what is on its way through the overlay.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use model::Timestamp;

use crate::error::{Error, WriteError};
use crate::index::View;
use crate::limits::{GROUP_OCTETS_MAX, GROUP_TRANSACTIONS_MAX};
use crate::options::{Clock, Options};
use crate::overlay::Overlay;
use crate::pipeline::group::{Draft, Group};
use crate::pipeline::job::{Job, JobQueue};
use crate::pipeline::stages::Stages;
use crate::pipeline::state::Shared;
use crate::rows::Position;
use crate::transaction::Transaction;
use crate::usage::Usage;

/// The thread that runs closures.
pub struct Executor {
    queue: Arc<JobQueue>,
    shared: Arc<Shared>,
    stages: Arc<Stages>,
    to_writer: SyncSender<Group>,
    /// Shows what was applied last; the overlay covers what is not applied yet.
    index: Box<dyn View>,
    overlay: Overlay,
    usage: Usage,
    clock: Clock,
    segment_octets: u64,
    epoch: u64,
    /// Behind the last group that was handed on; the offset is 0 if the next must begin a segment.
    end: Position,
    last_segment: u64,
    now: Timestamp,
}

impl Executor {
    /// Begins at what `shared` says is durable.
    pub fn new(
        queue: Arc<JobQueue>,
        shared: Arc<Shared>,
        stages: Arc<Stages>,
        to_writer: SyncSender<Group>,
        index: Box<dyn View>,
        options: &Options,
    ) -> Result<Executor, Error> {
        let usage = Usage::load(index.as_ref())?;
        let (epoch, end, last_segment) = {
            let state = shared.lock();
            (state.epoch, state.durable, state.last_segment)
        };
        let overlay = Overlay::default();
        let now = Timestamp(0);
        Ok(Executor {
            queue,
            shared,
            stages,
            to_writer,
            index,
            overlay,
            usage,
            clock: Arc::clone(&options.clock),
            segment_octets: options.segment_octets,
            epoch,
            end,
            last_segment,
            now,
        })
    }

    /// Runs until the queue is closed and empty.
    pub fn run(mut self) {
        while let Some(job) = self.queue.take() {
            if let Err(error) = self.catch_up() {
                self.shared.stop(&error);
            }
            let state = self.shared.lock().clone();
            if state.stopped.is_some() {
                job.answer(Err(state.refusal()));
                continue;
            }
            self.overlay.retire(state.applied.sequence);
            // What was retired is in the index, and what comes into it from now on stays in the overlay until the next
            // group: so the index may be read as it is now.
            if let Err(error) = self.index.pin() {
                self.shared.stop(&error);
                job.answer(Err(self.shared.lock().refusal()));
                continue;
            }
            let group = self.group(job);
            if let Err(error) = self.index.unpin() {
                self.shared.stop(&error);
            }
            // Nobody waits whose closure could be run meanwhile: then waking two more threads only costs time.
            if group.jobs.len() == 1 && self.queue.len() == 0 && self.stages.are_idle() {
                self.stages.pass(group);
            } else {
                self.stages.hand_on(group, &self.to_writer);
            }
        }
    }

    /// After a failure: forgets everything that did not happen. What did is waited for, so that the index shows it.
    fn catch_up(&mut self) -> Result<(), Error> {
        if self.shared.lock().epoch == self.epoch {
            return Ok(());
        }
        let state =
            self.shared.wait(|state| state.applied.sequence >= state.durable.sequence || state.stopped.is_some());
        self.overlay.clear();
        self.usage = Usage::load(self.index.as_ref())?;
        self.epoch = state.epoch;
        self.end = state.durable;
        self.last_segment = state.last_segment;
        Ok(())
    }

    /// Runs `first` and all that wait behind it.
    fn group(&mut self, first: Box<dyn Job>) -> Group {
        self.now = self.now.max((self.clock)());
        let begins_segment = self.end.offset == 0 || self.end.offset >= self.segment_octets;
        let (segment, start) =
            if begins_segment { (self.last_segment + 1, 0) } else { (self.end.segment, self.end.offset) };
        let mut draft = Draft::new(self.end.sequence + 1, segment, start);
        let mut next = Some(first);
        while let Some(job) = next {
            self.execute(job, &mut draft);
            let is_full = draft.jobs() >= GROUP_TRANSACTIONS_MAX || draft.octets() >= GROUP_OCTETS_MAX;
            next = if is_full { None } else { self.queue.take_now() };
        }
        if draft.is_empty() {
            let mut group = draft.finish(self.epoch, self.now, &mut self.usage);
            group.position = self.end;
            return group;
        }
        let group = draft.finish(self.epoch, self.now, &mut self.usage);
        self.end = group.position;
        self.last_segment = self.last_segment.max(segment);
        group
    }

    fn execute(&mut self, mut job: Box<dyn Job>, draft: &mut Draft) {
        let mut transaction = Transaction::new(&self.overlay, self.index.as_ref(), self.now);
        // The job is not used again but to answer it, and the transaction is dropped: nothing half-changed is seen.
        let outcome = match catch_unwind(AssertUnwindSafe(|| job.run(&mut transaction))) {
            Err(_) => Err(WriteError::Panicked),
            Ok(Err(abort)) => Err(abort.into()),
            Ok(Ok(())) => transaction.finish().map_err(WriteError::from),
        };
        match outcome {
            Err(error) => draft.fail(job, error),
            Ok(effects) => {
                let visible = draft.absorb(job, effects, &mut self.usage);
                self.overlay.insert(draft.sequence(), &visible);
            }
        }
    }
}
