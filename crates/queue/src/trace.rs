//! What happened to a message, from connection to mailbox: bounded for each, and forgotten after a while.

use crate::entry::Event;
use crate::error::Error;
use crate::limits::SWEEP_ROWS;
use crate::queue::Queue;
use crate::record;
use crate::trail::{day, forget, note};
use model::{QueueId, TraceId};
use std::ops::ControlFlow;
use storage::{Abort, Read, Scan, Transaction};

impl Queue {
    /// Writes an event without waiting for it: a trace is worth less than the message.
    pub fn note(&self, trace: TraceId, text: String) {
        let (keys, now) = (self.inner.keys, self.now());
        drop(self.inner.partition.write(move |transaction: &mut Transaction<'_>| {
            note(transaction, keys, trace, None, now, &text).map_err(Abort::from)
        }));
    }

    /// The events of a trace, oldest first.
    pub fn events(&self, trace: TraceId) -> Result<Vec<Event>, Error> {
        let mut events = Vec::new();
        self.inner.partition.snapshot()?.each(self.inner.keys.events(trace).range(), &mut |_, value| {
            events.push(record::decode_event(value));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(events.into_iter().collect::<Result<_, _>>()?)
    }

    /// The events of what an operator names: a queue id or a trace.
    pub fn trace(&self, number: u64) -> Result<Vec<Event>, Error> {
        match self.trace_of(QueueId(number))? {
            Some(trace) => self.events(trace),
            None => self.events(TraceId(number)),
        }
    }

    /// Forgets some of the traces that are too old; true when there may be more.
    pub async fn sweep(&self) -> Result<bool, Error> {
        let keys = self.inner.keys;
        let until = day(self.now().minus(self.inner.settings.trace_kept));
        let sweeping = move |transaction: &mut Transaction<'_>| {
            let old = keys.days().range().before(keys.days().u32(until));
            let page = transaction.scan(old, Scan::first(SWEEP_ROWS))?;
            for (key, value) in &page.rows {
                forget(transaction, keys, key, value, until)?;
                transaction.delete(key.clone());
            }
            Ok(page.next.is_some())
        };
        Ok(self.inner.partition.write(sweeping).await?.value)
    }
}
