//! What happened to a message, from connection to mailbox: bounded for each, and forgotten after a while.

use crate::error::Error;
use crate::keys::{self, Keys};
use crate::limits::{SWEEP_ROWS, TRACE_EVENTS_MAX, TRACE_TEXT_OCTETS_MAX, cut};
use crate::queue::Queue;
use crate::record;
use model::{QueueId, Timestamp, TraceId};
use std::ops::ControlFlow;
use storage::{Abort, Read, Scan, Transaction};

const DAY_MS: u64 = 86_400_000;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    pub text: String,
}

/// Writes an event in an open transaction. The events after `TRACE_EVENTS_MAX` are dropped.
pub(crate) fn note(
    transaction: &mut Transaction<'_>,
    keys: Keys,
    trace: TraceId,
    id: Option<QueueId>,
    at: Timestamp,
    text: &str,
) -> Result<(), Error> {
    let last = transaction.scan(keys.events(trace).range(), Scan::last(1).keys_only())?;
    let number = last.rows.first().and_then(|(key, _)| keys::last_number(key)).map_or(0, |number| number + 1);
    if number >= TRACE_EVENTS_MAX {
        return Ok(());
    }
    let event = Event { at, text: cut(text, TRACE_TEXT_OCTETS_MAX).to_owned() };
    transaction.put(keys.event(trace, number), record::encode_event(&event));
    transaction.put(keys.day(day(at), trace), id.unwrap_or_default().0.to_le_bytes());
    Ok(())
}

fn day(at: Timestamp) -> u32 {
    u32::try_from(at.0 / DAY_MS).unwrap_or(u32::MAX)
}

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

/// Removes a trace unless something happened to it since.
fn forget(
    transaction: &mut Transaction<'_>,
    keys: Keys,
    key: &[u8],
    value: &[u8],
    until: u32,
) -> Result<(), storage::Error> {
    let Some(trace) = keys::rest(key).and_then(|mut parts| parts.u32().and_then(|_| parts.u64())).map(TraceId) else {
        return Ok(());
    };
    let last = transaction.scan(keys.events(trace).range(), Scan::last(1))?;
    let last = last.rows.first().and_then(|(_, row)| record::decode_event(row).ok());
    if last.is_some_and(|event| day(event.at) >= until) {
        return Ok(());
    }
    transaction.delete_range(keys.events(trace).range());
    if let Ok(id) = value.try_into().map(u64::from_le_bytes)
        && id != 0
        && transaction.get(&keys.message(QueueId(id)))?.is_none()
    {
        transaction.delete(keys.trace_of(QueueId(id)));
    }
    Ok(())
}
