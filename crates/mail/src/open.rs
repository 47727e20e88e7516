//! Opening a mailbox: the view that others hold, caught up from the rows, or a new one.

use crate::change::Place;
use crate::error::Error;
use crate::keys::Keys;
use crate::marks::{Page, page_of};
use crate::rows;
use crate::signals;
use crate::store::Mail;
use crate::view::{Row, View};
use model::{MailboxId, Modseq, Uid};
use std::sync::{Arc, PoisonError};
use storage::{KeyRange, Read};

impl Mail {
    /// The mailbox as it is now. Costs what has changed since anybody last asked.
    pub fn view(&self, place: &Place) -> Result<Arc<View>, Error> {
        let slot = self.inner.cache.slot(&place.owner, place.mailbox);
        let mut held = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let (snapshot, spaces) = self.read(&place.owner)?;
        let keys = spaces.keys(&place.owner);
        let Some(row) = rows::row(&snapshot, keys, place.mailbox)? else {
            *held = None;
            return Err(Error::NoMailbox);
        };
        let view = match held.take() {
            Some(view) if view.highest_modseq == row.highest_modseq => view,
            // Forgotten changes may be among what this view has not seen.
            Some(view) if view.highest_modseq >= row.vanished_floor.max(row.changed_floor) => {
                let (rows, vanished) = changes(&snapshot, keys, place.mailbox, &view)?;
                Arc::new(view.next(&row, rows, &vanished))
            }
            _ => {
                signals::opened(&place.owner, place.mailbox, row.messages);
                let messages = rows::messages(&snapshot, keys, place.mailbox)?;
                let messages = messages.iter().map(|(uid, row)| Row::new(*uid, row)).collect();
                Arc::new(View::new(&row, messages))
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
        let row = rows::row(&snapshot, keys, place.mailbox)?.ok_or(Error::NoMailbox)?;
        if since < row.vanished_floor {
            return Ok(None);
        }
        let range = after(keys.all_vanished(place.mailbox).range(), keys.vanished(place.mailbox, next(since)));
        rows::uids(&snapshot, range).map(Some)
    }
}

fn next(modseq: Modseq) -> Modseq {
    Modseq(modseq.0.saturating_add(1))
}

fn after(range: KeyRange, start: storage::Key) -> KeyRange {
    range.starting_at(start)
}

/// The rows that changed after the view and the UIDs that vanished after it, each ascending.
fn changes(reader: &dyn Read, keys: Keys, mailbox: MailboxId, view: &View) -> Result<(Vec<Row>, Vec<Uid>), Error> {
    let since = view.highest_modseq;
    let changed = rows::uids(reader, after(keys.all_changed(mailbox).range(), keys.changed(mailbox, next(since))))?;
    let mut rows = Vec::with_capacity(changed.len());
    let mut page = (u32::MAX, Page::default());
    for uid in changed {
        let number = page_of(uid);
        if page.0 != number {
            page = (number, rows::page(reader, keys, mailbox, number)?);
        }
        // It may have been expunged by a later change.
        let Some(marks) = page.1.marks(uid) else { continue };
        let row = match view.index_of(uid).and_then(|index| view.get(index)) {
            Some(known) => Row { modseq: marks.modseq, flags: marks.flags, keywords: marks.keywords, ..known.clone() },
            None => {
                let bytes = reader.get(&keys.message(mailbox, uid))?.ok_or(storage::Error::Row("messages"))?;
                Row::new(uid, &rows::decode_message(&bytes, marks)?)
            }
        };
        rows.push(row);
    }
    let vanished = rows::uids(reader, after(keys.all_vanished(mailbox).range(), keys.vanished(mailbox, next(since))))?;
    Ok((rows, vanished))
}
