//! Writing and removing the events of a message's way, inside a transaction.

use crate::entry::Event;
use crate::error::Error;
use crate::keys::{self, Keys};
use crate::limits::{TRACE_EVENTS_MAX, TRACE_TEXT_OCTETS_MAX, cut};
use crate::record;
use model::{QueueId, Timestamp, TraceId};
use storage::{Read, Scan, Transaction};

const DAY_MS: u64 = 86_400_000;

/// Writes an event in an open transaction. The events after `TRACE_EVENTS_MAX` are dropped.
pub fn note(
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

/// The day of a moment, counted from 1970.
pub fn day(at: Timestamp) -> u32 {
    u32::try_from(at.0 / DAY_MS).unwrap_or(u32::MAX)
}

/// Removes a trace unless something happened to it since.
pub fn forget(
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
