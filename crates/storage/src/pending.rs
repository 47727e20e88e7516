//! A transaction on its way: a future, or something to wait for on a plain thread.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use tokio::sync::oneshot;

use crate::error::WriteError;

/// Proof that a transaction is durable. Only the partition makes one; whoever says "done" to a client takes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Receipt {
    sequence: u64,
}

impl Receipt {
    pub(crate) fn new(sequence: u64) -> Receipt {
        Receipt { sequence }
    }

    /// The group of the partition's log with which the transaction became durable.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }
}

/// What the closure returned, with the proof that what it did is durable and readable.
#[derive(Clone, Debug)]
pub struct Committed<R> {
    /// The closure's value.
    pub value: R,
    /// The proof.
    pub receipt: Receipt,
}

/// A transaction that was handed in. It happens whether or not anybody waits.
#[must_use = "the outcome of a transaction is known only when it is awaited"]
pub struct Pending<R> {
    receiver: oneshot::Receiver<Result<Committed<R>, WriteError>>,
}

impl<R> Pending<R> {
    pub(crate) fn new(receiver: oneshot::Receiver<Result<Committed<R>, WriteError>>) -> Pending<R> {
        Pending { receiver }
    }

    /// Waits on this thread, which must not be one that drives futures others need.
    pub fn wait(mut self) -> Result<Committed<R>, WriteError> {
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            match Pin::new(&mut self).poll(&mut context) {
                Poll::Ready(outcome) => return outcome,
                Poll::Pending => std::thread::park(),
            }
        }
    }
}

impl<R> Future for Pending<R> {
    type Output = Result<Committed<R>, WriteError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.receiver).poll(context).map(|outcome| outcome.unwrap_or(Err(WriteError::Closed)))
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
