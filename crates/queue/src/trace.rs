//! What happened to a message, from connection to mailbox: bounded for each, and forgotten after a while.

use crate::entry::Event;
use crate::error::Error;
use crate::limits::{NOTES_BATCH, NOTES_MAX, SWEEP_ROWS};
use crate::queue::{Queue, lock};
use crate::record;
use crate::trail::{self, Names, day, forget, note};
use model::{QueueId, TraceId};
use std::ops::ControlFlow;
use storage::{Abort, Read, Scan, Transaction};

impl Queue {
    /// Notes an event of a message's way, to be written within about a second together with others: a trace is worth less
    /// than the speed of the mail that it tells of. `message_id` is the field's value.
    pub fn note(&self, trace: TraceId, message_id: Option<&str>, text: String) {
        let event = Event { at: self.now(), text };
        let names = Names { message_id: message_id.map_or(0, trail::hash_of), ..Names::default() };
        let mut notes = lock(&self.inner.notes);
        if notes.waiting.len() < NOTES_MAX {
            notes.waiting.push((trace, names, event));
        } else {
            notes.dropped += 1;
        }
    }

    /// Notes an event in a transaction of its own: it is there when this returns. For what is answered by nothing else that
    /// would last.
    ///
    /// # Errors
    /// The partition does not take it.
    pub async fn note_durably(&self, trace: TraceId, text: String) -> Result<(), Error> {
        let (keys, event) = (self.inner.keys, Event { at: self.now(), text });
        let writing = move |transaction: &mut Transaction<'_>| {
            note(transaction, keys, trace, Names::default(), &event).map_err(Abort::from)
        };
        self.inner.partition.write(writing).await?;
        Ok(())
    }

    /// Writes the events that wait.
    pub async fn write_notes(&self) -> Result<(), Error> {
        loop {
            let (batch, dropped) = {
                let mut notes = lock(&self.inner.notes);
                let most = notes.waiting.len().min(NOTES_BATCH);
                (notes.waiting.drain(..most).collect::<Vec<_>>(), std::mem::take(&mut notes.dropped))
            };
            if dropped > 0 {
                tracing::warn!(dropped, "too many events of messages at once: these cannot be traced");
            }
            if batch.is_empty() {
                return Ok(());
            }
            let keys = self.inner.keys;
            let writing = move |transaction: &mut Transaction<'_>| {
                for (trace, names, event) in &batch {
                    note(transaction, keys, *trace, *names, event).map_err(Abort::from)?;
                }
                Ok(())
            };
            self.inner.partition.write(writing).await?;
        }
    }

    /// The traces of messages that had this Message-ID, the newest last.
    pub fn traces_of_message_id(&self, message_id: &str) -> Result<Vec<TraceId>, Error> {
        let mut found = Vec::new();
        let range = self.inner.keys.of_message_id(trail::hash_of(message_id)).range();
        self.inner.partition.snapshot()?.each(range, &mut |key, _| {
            found.extend(key.last_chunk::<8>().map(|octets| TraceId(u64::from_be_bytes(*octets))));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// The events of a trace, oldest first.
    pub fn events(&self, trace: TraceId) -> Result<Vec<Event>, Error> {
        let mut events = Vec::new();
        self.inner.partition.snapshot()?.each(self.inner.keys.events(trace).range(), &mut |_, value| {
            events.push(record::decode_event(value));
            Ok(ControlFlow::Continue(()))
        })?;
        let mut events = events.into_iter().collect::<Result<Vec<Event>, _>>()?;
        // What was noted is written later than what belongs to a transaction.
        events.sort_by_key(|event| event.at);
        Ok(events)
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
