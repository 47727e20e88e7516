//! The open mailboxes: one newest view each, caught up from the rows when somebody asks, dropped when long unused.

use crate::change::Place;
use crate::error::Error;
use crate::keys::{self, Keys};
use crate::limits::IDLE_VIEW_MESSAGES_MAX;
use crate::mailboxes;
use crate::record::MessageRow;
use crate::signals;
use crate::store::Mail;
use crate::view::{Row, View};
use model::{AccountId, MailboxId, Modseq, Uid};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use storage::{KeyRange, Read};

/// Views by partition, account and mailbox.
#[derive(Default)]
pub(crate) struct Cache {
    views: Mutex<Views>,
}

#[derive(Default)]
struct Views {
    by_place: HashMap<(String, AccountId, MailboxId), Slot>,
    clock: u64,
    trim_at: u64,
}

/// One mailbox. Its lock is held while it catches up, so that one session works and the others take the result.
#[derive(Clone, Default)]
struct Slot {
    view: Arc<Mutex<Option<Arc<View>>>>,
    used: u64,
}

impl Mail {
    /// The mailbox as it is now. Costs what has changed since anybody last asked.
    pub fn view(&self, place: &Place) -> Result<Arc<View>, Error> {
        let slot = self.inner.cache.slot(place);
        let mut held = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let (snapshot, spaces) = self.read(&place.owner)?;
        let keys = spaces.keys(&place.owner);
        let Some(row) = mailboxes::row(&snapshot, keys, place.mailbox)? else {
            *held = None;
            return Err(Error::NoMailbox);
        };
        let view = match held.take() {
            Some(view) if view.highest_modseq == row.highest_modseq => view,
            // Forgotten expunges may be among what this view has not seen.
            Some(view) if view.highest_modseq >= row.vanished_floor => {
                let (rows, vanished) = changes(&snapshot, keys, place.mailbox, view.highest_modseq)?;
                Arc::new(view.next(&row, rows, &vanished))
            }
            _ => {
                signals::opened(place, row.messages);
                let rows = mailboxes::messages(&snapshot, keys, place.mailbox)?;
                let rows = rows.iter().map(|(uid, row)| Row::new(*uid, row)).collect();
                Arc::new(View::new(&row, rows))
            }
        };
        *held = Some(view.clone());
        drop(held);
        self.inner.cache.trim();
        Ok(view)
    }

    /// The UIDs expunged after `since`, ascending; `None` when that was so long ago that they were forgotten.
    pub fn vanished_since(&self, place: &Place, since: Modseq) -> Result<Option<Vec<Uid>>, Error> {
        let (snapshot, spaces) = self.read(&place.owner)?;
        let keys = spaces.keys(&place.owner);
        let row = mailboxes::row(&snapshot, keys, place.mailbox)?.ok_or(Error::NoMailbox)?;
        if since < row.vanished_floor {
            return Ok(None);
        }
        let range = after(keys.all_vanished(place.mailbox).range(), keys.vanished(place.mailbox, next(since)));
        uids(&snapshot, range).map(Some)
    }
}

fn next(modseq: Modseq) -> Modseq {
    Modseq(modseq.0.saturating_add(1))
}

fn after(range: KeyRange, start: storage::Key) -> KeyRange {
    range.starting_at(start)
}

fn uids(reader: &dyn Read, range: KeyRange) -> Result<Vec<Uid>, Error> {
    let mut found = Vec::new();
    reader.each(range, &mut |key, _| {
        found.extend(keys::last_uid(key));
        Ok(ControlFlow::Continue(()))
    })?;
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// The rows that changed after `since` and the UIDs that vanished after it, each ascending.
fn changes(reader: &dyn Read, keys: Keys, mailbox: MailboxId, since: Modseq) -> Result<(Vec<Row>, Vec<Uid>), Error> {
    let changed = uids(reader, after(keys.all_changed(mailbox).range(), keys.changed(mailbox, next(since))))?;
    let mut rows = Vec::with_capacity(changed.len());
    for uid in changed {
        let bytes = reader.get(&keys.message(mailbox, uid))?.ok_or(storage::Error::Row("messages"))?;
        rows.push(Row::new(uid, &MessageRow::decode(&bytes).map_err(|_| storage::Error::Row("messages"))?));
    }
    let vanished = uids(reader, after(keys.all_vanished(mailbox).range(), keys.vanished(mailbox, next(since))))?;
    Ok((rows, vanished))
}

impl Cache {
    fn slot(&self, place: &Place) -> Arc<Mutex<Option<Arc<View>>>> {
        let mut views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        views.clock += 1;
        let now = views.clock;
        let key = (place.owner.partition.clone(), place.owner.account, place.mailbox);
        let slot = views.by_place.entry(key).or_default();
        slot.used = now;
        slot.view.clone()
    }

    /// Drops the least recently used views that no session holds once too many messages are held for nobody.
    fn trim(&self) {
        let mut views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        let mut idle: Vec<(u64, usize, (String, AccountId, MailboxId))> = Vec::new();
        // Looking at all of them costs as much as there are: so it is done once in as many calls.
        if views.clock < views.trim_at {
            return;
        }
        views.trim_at = views.clock + (views.by_place.len() as u64).max(64);
        for (key, slot) in &views.by_place {
            // Whoever holds the lock is using it.
            let Ok(held) = slot.view.try_lock() else { continue };
            match held.as_ref() {
                Some(view) if Arc::strong_count(view) == 1 => idle.push((slot.used, view.len() + 64, key.clone())),
                None if Arc::strong_count(&slot.view) == 1 => idle.push((0, 0, key.clone())),
                _ => {}
            }
        }
        idle.sort_unstable_by_key(|(used, ..)| std::cmp::Reverse(*used));
        let mut kept = 0;
        for (_, messages, key) in idle {
            kept += messages;
            if messages == 0 || kept > IDLE_VIEW_MESSAGES_MAX {
                views.by_place.remove(&key);
            }
        }
    }
}
