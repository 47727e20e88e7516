//! An account's rows inside one transaction: read when first needed, changed in memory, written once at the end.

use crate::error::Error;
use crate::flags::{KeywordTable, SystemFlags};
use crate::keys::{self, Keys, Spaces, TOPIC};
use crate::limits::{MAILBOXES_MAX, SUMMARY_OCTETS_MAX};
use crate::name::{self, INBOX};
use crate::record::{MailboxRow, MessageRow, SpecialUse, TrashRow};

use account::ledger::Ledger;
use account::owner::Owner;
use account::rights::Grants;
use model::{AccountId, BlobHash, MailboxId, Modseq, Timestamp, Uid};
use std::collections::BTreeMap;
use storage::{Notice, Read, Transaction};

/// The mailboxes that every account begins with.
const FIRST_MAILBOXES: [(&str, Option<SpecialUse>); 6] = [
    (INBOX, None),
    ("Archive", Some(SpecialUse::Archive)),
    ("Drafts", Some(SpecialUse::Drafts)),
    ("Junk", Some(SpecialUse::Junk)),
    ("Sent", Some(SpecialUse::Sent)),
    ("Trash", Some(SpecialUse::Trash)),
];

/// The number of INBOX in every account: it is made first.
pub const INBOX_ID: MailboxId = MailboxId(1);

/// One account's rows in a transaction.
pub struct Book<'t, 's> {
    pub transaction: &'t mut Transaction<'s>,
    pub keys: Keys,
    pub ledger: Ledger,
    mailboxes: BTreeMap<MailboxId, (MailboxRow, bool)>,
    account: AccountId,
}

/// What a new message needs besides its UID.
pub struct NewItem {
    pub flags: SystemFlags,
    pub keywords: Vec<String>,
    pub internal_date: Timestamp,
    pub octets: u32,
    pub blob: BlobHash,
    pub thread: u64,
}

impl<'t, 's> Book<'t, 's> {
    /// Opens the account's book; an account without rows gets its first mailboxes.
    pub fn open(transaction: &'t mut Transaction<'s>, spaces: Spaces, owner: &Owner) -> Result<Book<'t, 's>, Error> {
        let ledger = Ledger::open(transaction, spaces.account, owner.account)?;
        let is_new = ledger.is_new();
        let keys = spaces.keys(owner);
        let mut book = Book { transaction, keys, ledger, mailboxes: BTreeMap::new(), account: owner.account };
        if is_new {
            for (name, special_use) in FIRST_MAILBOXES {
                book.create(name, special_use)?;
                let subscription = book.keys.subscription(name);
                book.transaction.put(subscription, Vec::new());
            }
        }
        Ok(book)
    }

    /// When this transaction happens.
    pub fn now(&self) -> Timestamp {
        self.transaction.now()
    }

    /// A mailbox, read on first use.
    pub fn mailbox(&mut self, id: MailboxId) -> Result<&MailboxRow, Error> {
        self.load(id)?;
        self.mailboxes.get(&id).map(|(row, _)| row).ok_or(Error::NoMailbox)
    }

    /// A mailbox to change; it will be written.
    pub fn mailbox_mut(&mut self, id: MailboxId) -> Result<&mut MailboxRow, Error> {
        self.load(id)?;
        let (row, is_dirty) = self.mailboxes.get_mut(&id).ok_or(Error::NoMailbox)?;
        *is_dirty = true;
        Ok(row)
    }

    fn load(&mut self, id: MailboxId) -> Result<(), Error> {
        if self.mailboxes.contains_key(&id) {
            return Ok(());
        }
        let bytes = self.transaction.get(&self.keys.mailbox(id))?.ok_or(Error::NoMailbox)?;
        let row = MailboxRow::decode(&bytes).map_err(|_| storage::Error::Row("mailboxes"))?;
        self.mailboxes.insert(id, (row, false));
        Ok(())
    }

    /// The mailbox of this (normalised) name.
    pub fn find(&self, name: &str) -> Result<Option<MailboxId>, Error> {
        match self.transaction.get(&self.keys.name(name))? {
            None => Ok(None),
            Some(bytes) => {
                let octets: [u8; 4] = bytes.try_into().map_err(|_| storage::Error::Row("mailbox names"))?;
                Ok(Some(MailboxId(u32::from_le_bytes(octets))))
            }
        }
    }

    /// Makes a mailbox; the name must be normalised.
    pub fn create(&mut self, name: &str, special_use: Option<SpecialUse>) -> Result<MailboxId, Error> {
        if self.find(name)?.is_some() {
            return Err(Error::MailboxExists);
        }
        let id = MailboxId(self.ledger.next_collection());
        if id.0 as usize > MAILBOXES_MAX && self.count_mailboxes()? >= MAILBOXES_MAX {
            return Err(Error::TooMany("mailboxes"));
        }
        let now_secs = self.now().secs();
        let row = MailboxRow {
            name: name.to_owned(),
            uid_validity: self.ledger.next_uid_validity(now_secs),
            uid_next: Uid(1),
            highest_modseq: self.ledger.modseq(),
            vanished_floor: Modseq(0),
            messages: 0,
            unseen: 0,
            deleted: 0,
            octets: 0,
            special_use,
            keywords: KeywordTable::default(),
            grants: Grants::default(),
        };
        self.transaction.put(self.keys.name(name), id.0.to_le_bytes());
        self.mailboxes.insert(id, (row, true));
        Ok(id)
    }

    /// Makes a mailbox and those above it that are missing.
    pub fn create_with_parents(&mut self, name: &str, special_use: Option<SpecialUse>) -> Result<MailboxId, Error> {
        self.create_parents(name)?;
        self.create(name, special_use)
    }

    /// Makes the mailboxes above `name` that are missing.
    pub fn create_parents(&mut self, name: &str) -> Result<(), Error> {
        for parent in name::parents(name) {
            if self.find(parent)?.is_none() {
                self.create(parent, None)?;
            }
        }
        Ok(())
    }

    fn count_mailboxes(&self) -> Result<usize, Error> {
        let mut count = 0;
        self.transaction.each(self.keys.mailboxes().range(), &mut |_, _| {
            count += 1;
            Ok(std::ops::ControlFlow::Continue(()))
        })?;
        Ok(count)
    }

    /// A message row.
    pub fn message(&self, mailbox: MailboxId, uid: Uid) -> Result<Option<MessageRow>, Error> {
        match self.transaction.get(&self.keys.message(mailbox, uid))? {
            None => Ok(None),
            Some(bytes) => Ok(Some(MessageRow::decode(&bytes).map_err(|_| storage::Error::Row("messages"))?)),
        }
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
        self.transaction.put(self.keys.message(mailbox, uid), message.encode());
        self.transaction.put(self.keys.changed(mailbox, modseq).u32(uid.0), Vec::new());
        if summary.len() <= SUMMARY_OCTETS_MAX {
            self.transaction.put(self.keys.summary(mailbox, uid), summary.to_vec());
        }
        Ok(uid)
    }

    /// Writes a message whose flags changed, and moves it to the end of the order of changes.
    pub fn change(
        &mut self,
        mailbox: MailboxId,
        uid: Uid,
        before: &MessageRow,
        after: MessageRow,
    ) -> Result<(), Error> {
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
        self.transaction.delete(self.keys.changed(mailbox, before.modseq).u32(uid.0));
        self.transaction.put(self.keys.changed(mailbox, modseq).u32(uid.0), Vec::new());
        self.transaction.put(self.keys.message(mailbox, uid), MessageRow { modseq, ..after }.encode());
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
        self.transaction.delete(self.keys.changed(mailbox, message.modseq).u32(uid.0));
        self.transaction.put(self.keys.vanished(mailbox, modseq).u32(uid.0), Vec::new());
        Ok(())
    }

    /// Puts an expunged message, already taken out, where it can be brought back from.
    pub fn throw_away(&mut self, mailbox: MailboxId, uid: Uid, message: MessageRow) -> Result<(), Error> {
        let row = self.mailbox(mailbox)?;
        let keywords = row.keywords.names_of(message.keywords).map(str::to_owned).collect();
        let trash = TrashRow { mailbox, name: row.name.clone(), keywords, message };
        let key = self.keys.trashed(self.now(), mailbox, uid);
        self.transaction.put(key, trash.encode());
        Ok(())
    }

    /// Takes a message out; it goes to the trash, or its octets are given up.
    pub fn discard(&mut self, mailbox: MailboxId, uid: Uid, message: MessageRow, keep: bool) -> Result<(), Error> {
        self.remove(mailbox, uid, &message)?;
        if keep { self.throw_away(mailbox, uid, message) } else { Ok(give_up(self.transaction, &message.blob)?) }
    }

    /// Takes a mailbox that has no messages off the books.
    pub fn forget_mailbox(&mut self, id: MailboxId) -> Result<(), Error> {
        let row = self.mailbox(id)?;
        let name = row.name.clone();
        let identifiers: Vec<String> = row.grants.entries().iter().map(|(identifier, _)| identifier.clone()).collect();
        for identifier in identifiers {
            self.transaction.delete(keys::share(self.keys.space, &identifier, self.account, id));
        }
        self.ledger.modseq();
        self.mailboxes.remove(&id);
        self.transaction.delete(self.keys.name(&name));
        self.transaction.delete(self.keys.mailbox(id));
        for range in [
            self.keys.all_vanished(id).range(),
            self.keys.annotations(id).range(),
            self.keys.all_guest_annotations(id).range(),
        ] {
            self.transaction.delete_range(range);
        }
        self.notify(id);
        Ok(())
    }

    /// Tells of a change that belongs to no mailbox.
    pub fn notify_account(&mut self) {
        self.ledger.modseq();
        self.notify(MailboxId(0));
    }

    fn notify(&mut self, id: MailboxId) {
        let sequence = self.ledger.row.modseq;
        self.transaction.notify(Notice { account: self.account, topic: TOPIC, collection: id.0, sequence });
    }

    /// Writes what changed and tells of it.
    pub fn close(mut self) {
        let dirty: Vec<(MailboxId, Vec<u8>)> =
            self.mailboxes.iter().filter(|(_, (_, dirty))| *dirty).map(|(id, (row, _))| (*id, row.encode())).collect();
        for (id, bytes) in dirty {
            self.transaction.put(self.keys.mailbox(id), bytes);
            self.notify(id);
        }
        self.ledger.write(self.transaction);
    }
}

/// Gives a reference to octets up. That they are lost already must not keep what is left of the message for ever.
pub fn give_up(transaction: &mut Transaction<'_>, blob: &BlobHash) -> Result<(), storage::Error> {
    match transaction.unlink(blob) {
        Err(storage::Error::NoBlob(_)) => Ok(()),
        other => other,
    }
}
