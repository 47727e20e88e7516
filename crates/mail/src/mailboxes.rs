//! Mailboxes themselves: listing, making, renaming, deleting; rights and subscriptions.

use crate::book::{Book, INBOX_ID, NewItem};
use crate::error::Error;
use crate::keys;
use crate::limits::{GRANTS_MAX, IDENTIFIER_OCTETS_MAX, MAILBOX_ROW_OCTETS_MAX, SUBSCRIPTIONS_MAX, SUMMARY_OCTETS_MAX};
use crate::name::{self, INBOX, SEPARATOR};
use crate::record::SpecialUse;
use crate::rows::{all, messages, row};
use crate::store::Mail;
use account::owner::Owner;
use account::rights::Rights;
use model::MailboxId;
use std::ops::ControlFlow;
use storage::{Committed, Read, Scan, Transaction};

pub use crate::rows::Mailbox;

impl Mail {
    /// Makes sure that the account has its first mailboxes.
    pub async fn prepare(&self, owner: &Owner) -> Result<(), Error> {
        if self.usage(owner)?.last_collection > 0 {
            return Ok(());
        }
        let (store, spaces) = self.partition(&owner.partition)?;
        let owner = owner.clone();
        let preparing = move |transaction: &mut Transaction<'_>| {
            Book::open(transaction, spaces, &owner)?.close();
            Ok(())
        };
        store.write(preparing).await?;
        Ok(())
    }

    /// All mailboxes of the account by name, INBOX first.
    pub fn mailboxes(&self, owner: &Owner) -> Result<Vec<Mailbox>, Error> {
        let (snapshot, spaces) = self.read(owner)?;
        let mut found = all(&snapshot, spaces.keys(owner))?;
        found
            .sort_by(|left, right| (left.id != INBOX_ID, &left.row.name).cmp(&(right.id != INBOX_ID, &right.row.name)));
        Ok(found)
    }

    /// The mailbox of this name.
    pub fn find(&self, owner: &Owner, name: &str) -> Result<Option<Mailbox>, Error> {
        let Ok(name) = name::normalise(name) else { return Ok(None) };
        let (snapshot, spaces) = self.read(owner)?;
        let keys = spaces.keys(owner);
        let Some(bytes) = snapshot.get(&keys.name(&name))? else { return Ok(None) };
        let octets: [u8; 4] = bytes.try_into().map_err(|_| storage::Error::Row("mailbox names"))?;
        let id = MailboxId(u32::from_le_bytes(octets));
        Ok(row(&snapshot, keys, id)?.map(|row| Mailbox { id, row }))
    }

    /// The mailbox of this number.
    pub fn mailbox(&self, owner: &Owner, id: MailboxId) -> Result<Option<Mailbox>, Error> {
        let (snapshot, spaces) = self.read(owner)?;
        Ok(row(&snapshot, spaces.keys(owner), id)?.map(|row| Mailbox { id, row }))
    }

    /// Makes a mailbox and those above it that are missing.
    pub async fn create(
        &self,
        owner: &Owner,
        name: &str,
        special_use: Option<SpecialUse>,
    ) -> Result<Committed<MailboxId>, Error> {
        let name = name::normalise(name)?;
        self.in_book(owner, move |book| {
            if special_use.is_some()
                && all(book.transaction, book.keys)?.iter().any(|held| held.row.special_use == special_use)
            {
                return Err(Error::SpecialUseTaken);
            }
            book.create_with_parents(&name, special_use)
        })
        .await
    }

    /// Deletes a mailbox; its messages can be brought back for a while. Mailboxes below it stay.
    pub async fn delete(&self, owner: &Owner, id: MailboxId) -> Result<Committed<()>, Error> {
        if id == INBOX_ID {
            return Err(Error::Unmovable);
        }
        let keep = self.inner.settings.undelete_days > 0;
        self.empty(owner, id, keep).await?;
        self.in_book(owner, move |book| {
            book.mailbox(id)?;
            // What was filed since it was emptied.
            for (uid, row) in messages(book.transaction, book.keys, id)? {
                book.discard(id, uid, row, keep)?;
            }
            book.forget_mailbox(id)
        })
        .await
    }

    /// Renames a mailbox and those below it. INBOX stays and its messages go (RFC 9051 §6.3.6).
    pub async fn rename(&self, owner: &Owner, id: MailboxId, to: &str) -> Result<Committed<()>, Error> {
        let to = name::normalise(to)?;
        self.in_book(owner, move |book| {
            let from = book.mailbox(id)?.name.clone();
            if to == INBOX || name::is_below(&to, &from) {
                return Err(Error::Unmovable);
            }
            book.create_parents(&to)?;
            if id == INBOX_ID {
                let target = book.create(&to, None)?;
                return move_all(book, id, target);
            }
            let mut moves = vec![(id, to.clone())];
            for held in all(book.transaction, book.keys)? {
                if let Some(rest) = held.row.name.strip_prefix(&from).filter(|rest| rest.starts_with(SEPARATOR)) {
                    moves.push((held.id, name::normalise(&format!("{to}{rest}"))?));
                }
            }
            for (id, name) in moves {
                rename_one(book, id, &name)?;
            }
            Ok(())
        })
        .await
    }

    /// Sets the rights that `identifier`, whose case does not count, has; none takes the entry away.
    pub async fn grant(
        &self,
        owner: &Owner,
        id: MailboxId,
        identifier: &str,
        rights: Rights,
    ) -> Result<Committed<()>, Error> {
        let identifier = identifier.to_lowercase();
        let name = identifier.strip_prefix('-').unwrap_or(&identifier);
        if name.is_empty() || name.len() > IDENTIFIER_OCTETS_MAX || name.chars().any(char::is_control) {
            return Err(Error::BadIdentifier);
        }
        self.in_book(owner, move |book| {
            let modseq = book.ledger.modseq();
            let row = book.mailbox_mut(id)?;
            row.highest_modseq = modseq;
            row.grants.set(&identifier, rights);
            if row.grants.entries().len() > GRANTS_MAX || row.encode().len() > MAILBOX_ROW_OCTETS_MAX {
                return Err(Error::TooMany("entries in the access control list"));
            }
            let share = keys::share(book.keys.space, &identifier, book.keys.account, id);
            match rights.is_empty() {
                true => book.transaction.delete(share),
                false if identifier.starts_with('-') => {}
                false => book.transaction.put(share, Vec::new()),
            }
            Ok(())
        })
        .await
    }

    /// Adds or takes away a subscription; the mailbox need not exist (RFC 9051 §6.3.7).
    pub async fn subscribe(&self, owner: &Owner, name: &str, wanted: Subscribed) -> Result<Committed<()>, Error> {
        let name = name::normalise(name)?;
        self.in_book(owner, move |book| {
            let key = book.keys.subscription(&name);
            match wanted {
                Subscribed::Yes => {
                    let held = book.transaction.scan(book.keys.subscriptions().range(), all_subscriptions())?;
                    if held.rows.len() >= SUBSCRIPTIONS_MAX {
                        return Err(Error::TooMany("subscriptions"));
                    }
                    book.transaction.put(key, Vec::new());
                }
                Subscribed::No => book.transaction.delete(key),
            }
            book.notify_account();
            Ok(())
        })
        .await
    }

    /// The names subscribed to, in order.
    pub fn subscriptions(&self, owner: &Owner) -> Result<Vec<String>, Error> {
        let (snapshot, spaces) = self.read(owner)?;
        let mut names = Vec::new();
        snapshot.each(spaces.keys(owner).subscriptions().range(), &mut |key, _| {
            names.extend(keys::rest(key).and_then(|mut parts| parts.text()));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(names)
    }

    /// Runs `work` on the account's book in one transaction.
    pub(crate) async fn in_book<R: Send + 'static>(
        &self,
        owner: &Owner,
        work: impl FnOnce(&mut Book<'_, '_>) -> Result<R, Error> + Send + 'static,
    ) -> Result<Committed<R>, Error> {
        let (store, spaces) = self.partition(&owner.partition)?;
        let owner = owner.clone();
        let running = move |transaction: &mut Transaction<'_>| {
            let mut book = Book::open(transaction, spaces, &owner)?;
            let result = work(&mut book)?;
            book.close();
            Ok(result)
        };
        Ok(store.write(running).await?)
    }
}

fn all_subscriptions() -> Scan {
    Scan::first(SUBSCRIPTIONS_MAX).keys_only()
}

/// Whether a subscription is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscribed {
    /// It is.
    Yes,
    /// It is not.
    No,
}

fn rename_one(book: &mut Book<'_, '_>, id: MailboxId, name: &str) -> Result<(), Error> {
    if book.find(name)?.is_some() {
        return Err(Error::MailboxExists);
    }
    let modseq = book.ledger.modseq();
    let row = book.mailbox_mut(id)?;
    row.highest_modseq = modseq;
    let old = std::mem::replace(&mut row.name, name.to_owned());
    book.transaction.delete(book.keys.name(&old));
    book.transaction.put(book.keys.name(name), id.0.to_le_bytes());
    Ok(())
}

fn move_all(book: &mut Book<'_, '_>, from: MailboxId, to: MailboxId) -> Result<(), Error> {
    for (uid, row) in messages(book.transaction, book.keys, from)? {
        let keywords = book.mailbox(from)?.keywords.names_of(row.keywords).map(str::to_owned).collect();
        let summary = book.transaction.get(&book.keys.summary(from, uid))?;
        book.remove(from, uid, &row)?;
        let item = NewItem {
            flags: row.flags,
            keywords,
            internal_date: row.internal_date,
            octets: row.octets,
            blob: row.blob,
            thread: row.thread,
        };
        book.add(to, item, &summary.unwrap_or_else(|| vec![0; SUMMARY_OCTETS_MAX + 1]))?;
    }
    Ok(())
}
