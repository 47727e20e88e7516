//! Reading rows: the same from a snapshot and from a running transaction.

use crate::error::Error;
use crate::keys::{self, Keys};
use crate::record::{MailboxRow, MessageRow};
use model::{MailboxId, Uid};
use std::ops::ControlFlow;
use storage::Read;

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

/// Every message of a mailbox in the order of the UIDs.
pub(crate) fn messages(reader: &dyn Read, keys: Keys, id: MailboxId) -> Result<Vec<(Uid, MessageRow)>, Error> {
    let mut found = Vec::new();
    reader.each(keys.messages(id).range(), &mut |key, value| {
        found.push(decode_message(key, value)?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// A message from its row.
pub(crate) fn decode_message(key: &[u8], value: &[u8]) -> Result<(Uid, MessageRow), storage::Error> {
    let uid = keys::last_uid(key).ok_or(storage::Error::Row("messages"))?;
    Ok((uid, MessageRow::decode(value).map_err(|_| storage::Error::Row("messages"))?))
}
