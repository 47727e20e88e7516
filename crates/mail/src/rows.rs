//! Reading rows: the same from a snapshot and from a running transaction.

use crate::error::Error;
use crate::keys::{self, Keys};
use crate::marks::{Marks, Page};
use crate::record::{MailboxRow, MessageRow};
use crate::uid_set::UidSet;
use model::{MailboxId, Uid};
use std::ops::ControlFlow;
use storage::{KeyRange, Read};

/// A mailbox as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// Its number, which a rename does not change.
    pub id: MailboxId,
    /// Everything else.
    pub row: MailboxRow,
}

/// Every mailbox of an account in the order of their numbers.
pub(crate) fn all(reader: &dyn Read, keys: Keys) -> Result<Vec<Mailbox>, Error> {
    let mut found = Vec::new();
    reader.each(keys.mailboxes().range(), &mut |key, value| {
        let id = keys::rest(key).and_then(|mut parts| parts.u32()).map(MailboxId);
        let row = MailboxRow::decode(value).map_err(|_| storage::Error::Row("mailboxes"))?;
        found.push(Mailbox { id: id.ok_or(storage::Error::Row("mailboxes"))?, row });
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// One mailbox's row.
pub(crate) fn row(reader: &dyn Read, keys: Keys, id: MailboxId) -> Result<Option<MailboxRow>, Error> {
    match reader.get(&keys.mailbox(id))? {
        None => Ok(None),
        Some(bytes) => Ok(Some(MailboxRow::decode(&bytes).map_err(|_| storage::Error::Row("mailboxes"))?)),
    }
}

/// The marks of the messages on one page.
pub(crate) fn page(reader: &dyn Read, keys: Keys, id: MailboxId, number: u32) -> Result<Page, Error> {
    match reader.get(&keys.page(id, number))? {
        None => Ok(Page::default()),
        Some(bytes) => Ok(Page::decode(&bytes).map_err(|_| storage::Error::Row("marks"))?),
    }
}

/// The marks of every message of a mailbox in the order of the UIDs.
pub(crate) fn all_marks(reader: &dyn Read, keys: Keys, id: MailboxId) -> Result<Vec<(Uid, Marks)>, Error> {
    let mut found = Vec::new();
    reader.each(keys.pages(id).range(), &mut |key, value| {
        let number = keys::last_page(key).ok_or(storage::Error::Row("marks"))?;
        found.extend(Page::decode(value).map_err(|_| storage::Error::Row("marks"))?.messages(number));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// Every message of a mailbox in the order of the UIDs. One without marks, or marks without a message, are damage.
pub(crate) fn messages(reader: &dyn Read, keys: Keys, id: MailboxId) -> Result<Vec<(Uid, MessageRow)>, Error> {
    let marks = all_marks(reader, keys, id)?;
    let mut found = Vec::with_capacity(marks.len());
    let mut marks = marks.into_iter();
    reader.each(keys.messages(id).range(), &mut |key, value| {
        let uid = keys::last_uid(key).ok_or(storage::Error::Row("messages"))?;
        match marks.next() {
            Some((marked, marks)) if marked == uid => found.push((uid, decode_message(value, marks)?)),
            _ => return Err(storage::Error::Row("marks")),
        }
        Ok(ControlFlow::Continue(()))
    })?;
    if marks.next().is_some() {
        return Err(storage::Error::Row("messages").into());
    }
    Ok(found)
}

/// A message from its row and its marks.
pub(crate) fn decode_message(value: &[u8], marks: Marks) -> Result<MessageRow, storage::Error> {
    MessageRow::decode(value, marks).map_err(|_| storage::Error::Row("messages"))
}

/// The UIDs in the sets of a range of changes, ascending, each once.
pub(crate) fn uids(reader: &dyn Read, range: KeyRange) -> Result<Vec<Uid>, Error> {
    let mut found = Vec::new();
    reader.each(range, &mut |_, value| {
        found.extend(UidSet::decode(value).map_err(|_| storage::Error::Row("changes"))?.uids());
        Ok(ControlFlow::Continue(()))
    })?;
    found.sort_unstable();
    found.dedup();
    Ok(found)
}
