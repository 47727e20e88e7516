//! Transactions that wait for the executor.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::error::{Abort, Error, WriteError};
use crate::limits::WAITING_MAX;
use crate::pending::{Committed, Pending, Receipt};
use crate::transaction::Transaction;

/// A transaction that was handed in, whatever its closure returns.
pub trait Job: Send {
    /// Runs the closure, once.
    fn run(&mut self, transaction: &mut Transaction<'_>) -> Result<(), Abort>;
    /// Tells whoever waits.
    fn answer(self: Box<Self>, outcome: Result<Receipt, WriteError>);
}

struct Work<F, R> {
    closure: Option<F>,
    value: Option<R>,
    waiter: oneshot::Sender<Result<Committed<R>, WriteError>>,
}

impl<F, R> Job for Work<F, R>
where
    F: FnOnce(&mut Transaction<'_>) -> Result<R, Abort> + Send,
    R: Send,
{
    fn run(&mut self, transaction: &mut Transaction<'_>) -> Result<(), Abort> {
        let closure = self.closure.take().ok_or(Error::Closed)?;
        self.value = Some(closure(transaction)?);
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<Receipt, WriteError>) {
        let outcome = match (outcome, self.value) {
            (Ok(receipt), Some(value)) => Ok(Committed { value, receipt }),
            (Ok(_), None) => Err(WriteError::Closed),
            (Err(error), _) => Err(error),
        };
        // Nobody may be waiting any more; the transaction happened all the same.
        let _ = self.waiter.send(outcome);
    }
}

/// Makes a job of a closure, and what to wait for.
pub fn job<R, F>(closure: F) -> (Box<dyn Job>, Pending<R>)
where
    F: FnOnce(&mut Transaction<'_>) -> Result<R, Abort> + Send + 'static,
    R: Send + 'static,
{
    let (waiter, receiver) = oneshot::channel();
    (Box::new(Work { closure: Some(closure), value: None, waiter }), Pending::new(receiver))
}

/// First in, first out.
#[derive(Default)]
pub struct JobQueue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Box<dyn Job>>,
    is_closed: bool,
}

impl JobQueue {
    /// Adds a job, or answers it at once if there is no room.
    pub fn push(&self, job: Box<dyn Job>) {
        let mut waiting = self.lock();
        let refusal = match () {
            () if waiting.is_closed => WriteError::Closed,
            () if waiting.jobs.len() >= WAITING_MAX => WriteError::Storage(Error::Overloaded),
            () => {
                waiting.jobs.push_back(job);
                drop(waiting);
                self.changed.notify_one();
                return;
            }
        };
        drop(waiting);
        job.answer(Err(refusal));
    }

    /// Waits for the next job. `None` once the queue is closed and empty.
    pub fn take(&self) -> Option<Box<dyn Job>> {
        let mut waiting = self.lock();
        loop {
            if let Some(job) = waiting.jobs.pop_front() {
                return Some(job);
            }
            if waiting.is_closed {
                return None;
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next job, if one is there.
    pub fn take_now(&self) -> Option<Box<dyn Job>> {
        self.lock().jobs.pop_front()
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.lock().jobs.len()
    }

    /// Takes no more jobs; those that wait are still run.
    pub fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
