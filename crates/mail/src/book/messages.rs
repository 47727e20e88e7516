//! The messages of an account's book: their fixed rows are written at once, their marks and the lists of what changed
//! when the book is closed.

use crate::book::{Book, NewItem};
use crate::error::Error;
use crate::flags::SystemFlags;
use crate::limits::SUMMARY_OCTETS_MAX;
use crate::marks::{Marks, Page, page_of};
use crate::record::MessageRow;
use crate::rows;
use crate::uid_set::UidSet;
use model::{MailboxId, Uid};
use std::collections::BTreeMap;
use storage::Read;

/// Pages of marks that were read, and what was changed.
#[derive(Default)]
pub struct Marked {
    pages: BTreeMap<(MailboxId, u32), (Page, bool)>,
    changed: BTreeMap<MailboxId, Vec<Uid>>,
    vanished: BTreeMap<MailboxId, Vec<Uid>>,
}

impl Marked {
    /// Nothing of a mailbox that is no more is written.
    pub fn forget(&mut self, mailbox: MailboxId) {
        self.pages.retain(|(of, _), _| *of != mailbox);
        self.changed.remove(&mailbox);
        self.vanished.remove(&mailbox);
    }
}

impl Book<'_, '_> {
    fn page(&mut self, mailbox: MailboxId, number: u32) -> Result<&mut (Page, bool), Error> {
        if !self.marked.pages.contains_key(&(mailbox, number)) {
            let page = rows::page(self.transaction, self.keys, mailbox, number)?;
            self.marked.pages.insert((mailbox, number), (page, false));
        }
        Ok(self.marked.pages.entry((mailbox, number)).or_default())
    }

    /// The marks of a message that is there.
    pub fn marks(&mut self, mailbox: MailboxId, uid: Uid) -> Result<Option<Marks>, Error> {
        Ok(self.page(mailbox, page_of(uid))?.0.marks(uid))
    }

    /// Gives a message marks that it had lost.
    pub fn mark(&mut self, mailbox: MailboxId, uid: Uid, marks: Marks) -> Result<(), Error> {
        self.marked.changed.entry(mailbox).or_default().push(uid);
        self.set_marks(mailbox, uid, Some(marks))
    }

    /// Takes marks away that belong to no message.
    pub fn unmark(&mut self, mailbox: MailboxId, uid: Uid) -> Result<(), Error> {
        self.marked.vanished.entry(mailbox).or_default().push(uid);
        self.set_marks(mailbox, uid, None)
    }

    fn set_marks(&mut self, mailbox: MailboxId, uid: Uid, marks: Option<Marks>) -> Result<(), Error> {
        let (page, is_dirty) = self.page(mailbox, page_of(uid))?;
        *is_dirty = true;
        match marks {
            Some(marks) => page.set(uid, marks),
            None => page.remove(uid),
        }
        Ok(())
    }

    /// A message row.
    pub fn message(&mut self, mailbox: MailboxId, uid: Uid) -> Result<Option<MessageRow>, Error> {
        let Some(bytes) = self.transaction.get(&self.keys.message(mailbox, uid))? else { return Ok(None) };
        let marks = self.marks(mailbox, uid)?.ok_or(storage::Error::Row("marks"))?;
        Ok(Some(rows::decode_message(&bytes, marks)?))
    }

    /// Files a message whose blob the transaction holds already; returns its UID.
    pub fn add(&mut self, mailbox: MailboxId, item: NewItem, summary: &[u8]) -> Result<Uid, Error> {
        let (modseq, now) = (self.ledger.modseq(), self.now());
        self.ledger.grow(u64::from(item.octets));
        let row = self.mailbox_mut(mailbox)?;
        let uid = row.uid_next;
        row.uid_next = Uid(uid.0.checked_add(1).ok_or(Error::TooMany("messages in the mailbox's life"))?);
        let keywords = row.keywords.bits(&item.keywords)?;
        row.highest_modseq = modseq;
        row.messages += 1;
        row.octets += u64::from(item.octets);
        row.unseen += u32::from(!item.flags.has(SystemFlags::SEEN));
        row.deleted += u32::from(item.flags.has(SystemFlags::DELETED));
        let message = MessageRow {
            modseq,
            flags: item.flags,
            keywords,
            internal_date: item.internal_date,
            save_date: now,
            octets: item.octets,
            blob: item.blob,
            thread: item.thread,
        };
        self.transaction.put(self.keys.message(mailbox, uid), message.encode_fixed());
        self.set_marks(mailbox, uid, Some(message.marks()))?;
        self.marked.changed.entry(mailbox).or_default().push(uid);
        if summary.len() <= SUMMARY_OCTETS_MAX {
            self.transaction.put(self.keys.summary(mailbox, uid), summary.to_vec());
        }
        Ok(uid)
    }

    /// Sets the flags and keywords of a message.
    pub fn change(&mut self, mailbox: MailboxId, uid: Uid, before: Marks, after: Marks) -> Result<(), Error> {
        let modseq = self.ledger.modseq();
        let row = self.mailbox_mut(mailbox)?;
        row.highest_modseq = modseq;
        let count = |counter: &mut u32, was: bool, is: bool| match (was, is) {
            (true, false) => *counter = counter.saturating_sub(1),
            (false, true) => *counter += 1,
            _ => {}
        };
        count(&mut row.unseen, !before.flags.has(SystemFlags::SEEN), !after.flags.has(SystemFlags::SEEN));
        count(&mut row.deleted, before.flags.has(SystemFlags::DELETED), after.flags.has(SystemFlags::DELETED));
        self.set_marks(mailbox, uid, Some(Marks { modseq, ..after }))?;
        self.marked.changed.entry(mailbox).or_default().push(uid);
        Ok(())
    }

    /// Takes a message out of its mailbox and remembers that it vanished. The reference to its blob is kept by the
    /// caller: it goes to the trash, to another mailbox, or is given up.
    pub fn remove(&mut self, mailbox: MailboxId, uid: Uid, message: &MessageRow) -> Result<(), Error> {
        let modseq = self.ledger.modseq();
        self.ledger.shrink(u64::from(message.octets));
        let row = self.mailbox_mut(mailbox)?;
        row.highest_modseq = modseq;
        row.messages = row.messages.saturating_sub(1);
        row.octets = row.octets.saturating_sub(u64::from(message.octets));
        row.unseen = row.unseen.saturating_sub(u32::from(!message.flags.has(SystemFlags::SEEN)));
        row.deleted = row.deleted.saturating_sub(u32::from(message.flags.has(SystemFlags::DELETED)));
        self.transaction.delete(self.keys.message(mailbox, uid));
        self.transaction.delete(self.keys.summary(mailbox, uid));
        self.set_marks(mailbox, uid, None)?;
        self.marked.vanished.entry(mailbox).or_default().push(uid);
        Ok(())
    }

    /// Writes the pages that changed, and what was changed and what vanished by this transaction.
    pub(super) fn write_marked(&mut self) {
        let modseq = self.ledger.modseq_if_any();
        let Marked { pages, changed, vanished } = std::mem::take(&mut self.marked);
        for ((mailbox, number), (page, _)) in pages.into_iter().filter(|(_, (_, is_dirty))| *is_dirty) {
            let key = self.keys.page(mailbox, number);
            if page.is_empty() {
                self.transaction.delete(key);
            } else {
                self.transaction.put(key, page.encode());
            }
        }
        let Some(modseq) = modseq else { return };
        for (mailbox, uids) in changed {
            self.transaction.put(self.keys.changed(mailbox, modseq), UidSet::new(uids).encode());
        }
        for (mailbox, uids) in vanished {
            self.transaction.put(self.keys.vanished(mailbox, modseq), UidSet::new(uids).encode());
        }
    }
}
