//! What was expunged and can still be brought back.

use crate::book::{Book, NewItem, give_up};
use crate::error::Error;
use crate::keys;
use crate::record::TrashRow;
use crate::store::Mail;
use account::owner::Owner;
use message::summary::Summary;
use model::{MailboxId, Timestamp, Uid};
use std::ops::ControlFlow;
use storage::{Committed, Read, Scan, Transaction};

/// An expunged message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trashed {
    /// When it was expunged.
    pub when: Timestamp,
    /// Its UID at that time.
    pub uid: Uid,
    /// The rest.
    pub row: TrashRow,
}

impl Mail {
    /// Up to `limit` expunged messages of an account from `after` on, the oldest first.
    pub fn trash(&self, owner: &Owner, after: Timestamp, limit: usize) -> Result<Vec<Trashed>, Error> {
        let (snapshot, spaces) = self.read(owner)?;
        let keys = spaces.keys(owner);
        let range = keys.trash().range().starting_at(keys.trashed(after, MailboxId(0), Uid(0)));
        let mut found = Vec::new();
        snapshot.each(range, &mut |key, value| {
            if found.len() >= limit {
                return Ok(ControlFlow::Break(()));
            }
            found.push(decode(key, value)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// Brings expunged messages back to the mailboxes they were in - which are made again when they are gone - with new
    /// UIDs and their old dates, flags and keywords, but not the deleted flag. Returns how many came back.
    pub async fn undelete(&self, owner: &Owner, messages: Vec<Trashed>) -> Result<Committed<usize>, Error> {
        let mut ready = Vec::with_capacity(messages.len());
        for trashed in messages {
            let summary = Summary::of(&self.body(owner, &trashed.row.message.blob)?).encode();
            ready.push((trashed, summary));
        }
        self.in_book(owner, move |book| {
            let mut count = 0;
            for (trashed, summary) in ready {
                count += usize::from(bring_back(book, trashed, &summary)?);
            }
            Ok(count)
        })
        .await
    }

    /// Gives up for good what was expunged before `before`, some thousand messages at most; returns how many.
    pub async fn purge(&self, owner: &Owner, before: Timestamp) -> Result<usize, Error> {
        let (store, spaces) = self.partition(&owner.partition)?;
        let keys = spaces.keys(owner);
        let purging = move |transaction: &mut Transaction<'_>| {
            let range = keys.trash().range().before(keys.trashed(before, MailboxId(0), Uid(0)));
            let page = transaction.scan(range, Scan::first(5_000))?;
            let count = page.rows.len();
            for (key, value) in page.rows {
                let row = TrashRow::decode(&value).map_err(|_| storage::Error::Row("trash"))?;
                give_up(transaction, &row.message.blob)?;
                transaction.delete(key);
            }
            Ok(count)
        };
        Ok(store.write(purging).await?.value)
    }
}

fn decode(key: &[u8], value: &[u8]) -> Result<Trashed, storage::Error> {
    let mut parts = keys::rest(key).ok_or(storage::Error::Row("trash"))?;
    let when = parts.u64().map(Timestamp).ok_or(storage::Error::Row("trash"))?;
    let uid = keys::last_uid(key).ok_or(storage::Error::Row("trash"))?;
    Ok(Trashed { when, uid, row: TrashRow::decode(value).map_err(|_| storage::Error::Row("trash"))? })
}

fn bring_back(book: &mut Book<'_, '_>, trashed: Trashed, summary: &[u8]) -> Result<bool, Error> {
    let key = book.keys.trashed(trashed.when, trashed.row.mailbox, trashed.uid);
    if book.transaction.get(&key)?.is_none() {
        return Ok(false);
    }
    // Its reference to the octets goes over to the new row.
    book.transaction.delete(key);
    let mailbox = home(book, &trashed.row)?;
    let message = trashed.row.message;
    let item = NewItem {
        flags: message.flags.without(crate::flags::SystemFlags::DELETED),
        keywords: trashed.row.keywords,
        internal_date: message.internal_date,
        octets: message.octets,
        blob: message.blob,
        thread: message.thread,
    };
    book.add(mailbox, item, summary)?;
    Ok(true)
}

/// The mailbox the message was in, one of the same name, or that name made again.
fn home(book: &mut Book<'_, '_>, row: &TrashRow) -> Result<MailboxId, Error> {
    match book.mailbox(row.mailbox) {
        Ok(_) => return Ok(row.mailbox),
        Err(Error::NoMailbox) => {}
        Err(error) => return Err(error),
    }
    match book.find(&row.name)? {
        Some(id) => Ok(id),
        None => book.create_with_parents(&row.name, None),
    }
}
