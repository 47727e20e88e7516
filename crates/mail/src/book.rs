//! An account's rows inside one transaction: read when first needed, changed in memory, written once at the end.

use crate::error::Error;
use crate::flags::{KeywordTable, SystemFlags};
use crate::keys::{self, Keys, Spaces, TOPIC};
use crate::limits::MAILBOXES_MAX;
use crate::name::{self, INBOX};
use crate::record::{MailboxRow, MessageRow, SpecialUse, TrashRow};
use crate::rows;
use messages::Marked;

use account::ledger::Ledger;
use account::owner::Owner;
use account::rights::Grants;
use model::{AccountId, BlobHash, MailboxId, Modseq, Timestamp, Uid};
use std::collections::BTreeMap;
use storage::{Notice, Read, Transaction};

mod messages;

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
    marked: Marked,
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
        let mut book = Book {
            transaction,
            keys,
            ledger,
            mailboxes: BTreeMap::new(),
            marked: Marked::default(),
            account: owner.account,
        };
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

    /// Whether there is a mailbox of this number.
    pub fn has(&self, id: MailboxId) -> Result<bool, Error> {
        Ok(self.mailboxes.contains_key(&id) || self.transaction.get(&self.keys.mailbox(id))?.is_some())
    }

    /// The mailbox that is for something. Those made in this very transaction have no rows yet.
    pub fn find_by_use(&self, wanted: SpecialUse) -> Result<Option<MailboxId>, Error> {
        let here = self.mailboxes.iter().find(|(_, (row, _))| row.special_use == Some(wanted));
        if let Some((id, _)) = here {
            return Ok(Some(*id));
        }
        let all = rows::all(self.transaction, self.keys)?;
        Ok(all.into_iter().find(|held| held.row.special_use == Some(wanted)).map(|held| held.id))
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
            changed_floor: Modseq(0),
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
        self.marked.forget(id);
        self.transaction.delete(self.keys.name(&name));
        self.transaction.delete(self.keys.mailbox(id));
        for range in [
            self.keys.all_changed(id).range(),
            self.keys.all_vanished(id).range(),
            self.keys.pages(id).range(),
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
        self.write_marked();
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
