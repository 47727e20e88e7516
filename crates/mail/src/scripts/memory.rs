//! What scripts remember from one message to the next (RFC 5230 §4.2, RFC 7352 §3.3), each for its time, and the last
//! time that one failed.

use crate::error::Error;
use crate::keys::Keys;
use crate::limits::{MEMORIES_MAX, TROUBLE_OCTETS_MAX};
use crate::scripts::record::{MemoryRow, Trouble, decode_trouble, encode_trouble};
use crate::store::Mail;
use account::owner::Owner;
use model::{QueueId, Timestamp};
use std::ops::ControlFlow;
use storage::{Read, Transaction};

/// Something to remember.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// What, as a hash.
    pub key: u128,
    /// Until when.
    pub until: Timestamp,
    /// Whether the scripts decided as they did because it was not remembered.
    pub is_new: bool,
}

impl Mail {
    /// Whether a script of the account remembers this at `now`, unless `delivery` itself caused it.
    pub fn remembers(
        &self,
        owner: &Owner,
        key: u128,
        now: Timestamp,
        delivery: Option<(QueueId, u32)>,
    ) -> Result<bool, Error> {
        let (snapshot, spaces) = self.read(owner)?;
        let Some(row) = snapshot.get(&spaces.keys(owner).memory(key))? else { return Ok(false) };
        let row = MemoryRow::decode(&row).map_err(|_| storage::Error::Row("memories"))?;
        Ok(row.until > now && delivery.is_none_or(|delivery| delivery != row.delivery))
    }

    /// The last time that a script of the account failed.
    pub fn script_trouble(&self, owner: &Owner) -> Result<Option<Trouble>, Error> {
        let (snapshot, spaces) = self.read(owner)?;
        let Some(row) = snapshot.get(&spaces.keys(owner).trouble())? else { return Ok(None) };
        Ok(Some(decode_trouble(&row).map_err(|_| storage::Error::Row("troubles"))?))
    }

    /// Forgets what is over. Most accounts have nothing to forget, which one look tells.
    pub(crate) async fn forget_memories(&self, owner: &Owner, now: Timestamp) -> Result<(), Error> {
        let (store, spaces) = self.partition(&owner.partition)?;
        let keys = spaces.keys(owner);
        let mut is_any = false;
        store.snapshot()?.each(keys.memories().range(), &mut |_, value| {
            is_any = is_over(value, now);
            Ok(if is_any { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        if is_any {
            store.write(move |transaction| Ok(prune(transaction, keys, now)?)).await?;
        }
        Ok(())
    }
}

/// Whether something was remembered since the scripts decided because it was not.
pub(crate) fn is_outdated(
    transaction: &Transaction<'_>,
    keys: Keys,
    memories: &[Memory],
    delivery: Option<(QueueId, u32)>,
) -> Result<bool, Error> {
    let now = transaction.now();
    for memory in memories.iter().filter(|memory| memory.is_new) {
        let Some(row) = transaction.get(&keys.memory(memory.key))? else { continue };
        let row = MemoryRow::decode(&row).map_err(|_| storage::Error::Row("memories"))?;
        if row.until > now && delivery.is_none_or(|delivery| delivery != row.delivery) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Remembers in an open transaction. Of too many the ones that end soonest are forgotten.
pub(crate) fn remember(
    transaction: &mut Transaction<'_>,
    keys: Keys,
    memories: &[Memory],
    delivery: Option<(QueueId, u32)>,
) -> Result<(), Error> {
    for memory in memories {
        let key = keys.memory(memory.key);
        let is_new = transaction.get(&key)?.is_none();
        let delivery = delivery.unwrap_or_default();
        transaction.put(key, MemoryRow { until: memory.until, delivery }.encode());
        if is_new && transaction.add(keys.memory_count(), 1) > MEMORIES_MAX {
            let now = transaction.now();
            prune(transaction, keys, now)?;
        }
    }
    Ok(())
}

/// Writes down that a script failed.
pub(crate) fn note_trouble(transaction: &mut Transaction<'_>, keys: Keys, trouble: &Trouble) {
    let mut trouble = trouble.clone();
    for text in [&mut trouble.script, &mut trouble.reason] {
        let end = (0..=TROUBLE_OCTETS_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or(0));
    }
    transaction.put(keys.trouble(), encode_trouble(&trouble));
}

/// Forgets what is over, and of what is still too much those that end soonest; a quarter, so that it is not done often.
fn prune(transaction: &mut Transaction<'_>, keys: Keys, now: Timestamp) -> Result<(), storage::Error> {
    let mut kept: Vec<(Timestamp, Vec<u8>)> = Vec::new();
    let mut gone: Vec<Vec<u8>> = Vec::new();
    transaction.each(keys.memories().range(), &mut |key, value| {
        match MemoryRow::decode(value) {
            Ok(row) if row.until > now => kept.push((row.until, key.to_vec())),
            _ => gone.push(key.to_vec()),
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let max = usize::try_from(MEMORIES_MAX).unwrap_or(usize::MAX);
    if kept.len() > max {
        kept.sort();
        let rest = kept.split_off(kept.len() - max / 4 * 3);
        gone.extend(kept.drain(..).map(|(_, key)| key));
        kept = rest;
    }
    gone.into_iter().for_each(|key| transaction.delete(key));
    let count = i64::try_from(kept.len()).unwrap_or(i64::MAX);
    transaction.put(keys.memory_count(), count.to_le_bytes());
    Ok(())
}

fn is_over(value: &[u8], now: Timestamp) -> bool {
    MemoryRow::decode(value).map_or(true, |row| row.until <= now)
}
