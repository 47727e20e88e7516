//! Writing and removing the events of a message's way, inside a transaction.

use crate::entry::Event;
use crate::error::Error;
use crate::keys::{self, Keys};
use crate::limits::{TRACE_EVENTS_MAX, TRACE_TEXT_OCTETS_MAX, cut};
use crate::record;
use model::{QueueId, Timestamp, TraceId};
use storage::{NewBlob, Read, Scan, Transaction};

const DAY_MS: u64 = 86_400_000;

/// By which other names a trace can be found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The message's number in the queue; 0 for none.
    pub id: QueueId,
    /// The hash of its Message-ID; 0 for none.
    pub message_id: u64,
}

impl Names {
    /// A message in the queue.
    pub fn queued(id: QueueId) -> Names {
        Names { id, message_id: 0 }
    }

    /// The day row's value.
    fn encode(self) -> Vec<u8> {
        [self.id.0, self.message_id].iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    fn decode(value: &[u8]) -> Option<Names> {
        let (id, message_id) = value.split_first_chunk::<8>()?;
        let message_id = u64::from_le_bytes(message_id.try_into().ok()?);
        Some(Names { id: QueueId(u64::from_le_bytes(*id)), message_id })
    }
}

/// Events that wait to be written.
#[derive(Debug, Default)]
pub struct Notes {
    /// In their order.
    pub waiting: Vec<(TraceId, Names, Event)>,
    /// How many found no room.
    pub dropped: u64,
}

/// The hash under which a Message-ID is remembered; angle brackets and case do not matter.
pub fn hash_of(message_id: &str) -> u64 {
    let plain = message_id.trim().trim_start_matches('<').trim_end_matches('>').to_lowercase();
    let hash = NewBlob::new(plain.into_bytes()).hash();
    hash.0.first_chunk::<8>().map_or(1, |octets| u64::from_le_bytes(*octets)).max(1)
}

/// Writes an event in an open transaction. The events after `TRACE_EVENTS_MAX` are dropped.
pub fn note(
    transaction: &mut Transaction<'_>,
    keys: Keys,
    trace: TraceId,
    names: Names,
    event: &Event,
) -> Result<(), Error> {
    let last = transaction.scan(keys.events(trace).range(), Scan::last(1).keys_only())?;
    let number = last.rows.first().and_then(|(key, _)| keys::last_number(key)).map_or(0, |number| number + 1);
    if number >= TRACE_EVENTS_MAX {
        return Ok(());
    }
    let event = Event { at: event.at, text: cut(&event.text, TRACE_TEXT_OCTETS_MAX).to_owned() };
    transaction.put(keys.event(trace, number), record::encode_event(&event));
    let day = keys.day(day(event.at), trace);
    let known = transaction.get(&day)?.and_then(|value| Names::decode(&value));
    let before = known.unwrap_or_default();
    let either = |new: u64, old: u64| if new == 0 { old } else { new };
    let names =
        Names { id: QueueId(either(names.id.0, before.id.0)), message_id: either(names.message_id, before.message_id) };
    if known != Some(names) {
        transaction.put(day, names.encode());
        if names.message_id != 0 {
            transaction.put(keys.of_message_id(names.message_id).u64(trace.0), Vec::new());
        }
    }
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
    let names = Names::decode(value).unwrap_or_default();
    if names.message_id != 0 {
        transaction.delete(keys.of_message_id(names.message_id).u64(trace.0));
    }
    if names.id.0 != 0 && transaction.get(&keys.message(names.id))?.is_none() {
        transaction.delete(keys.trace_of(names.id));
    }
    Ok(())
}
