//! What time takes away: expunged messages behind their window, names of old deliveries, long histories of changes. And
//! whole accounts, when the directory says so.

use crate::error::Error;
use crate::keys;
use crate::limits::{CHANGES_KEPT, DELIVERY_NAME_DAYS, MESSAGES_A_BATCH, VANISHED_KEPT};
use crate::rows;
use crate::scripts;
use crate::signals;
use crate::store::Mail;
use crate::uid_set::UidSet;
use account::owner::Owner;
use model::{AccountId, MailboxId, Modseq, Timestamp};
use std::time::Duration;
use storage::{KeyParts, KeyRange, Read, Scan};

/// What an upkeep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// Accounts looked at.
    pub accounts: usize,
    /// Expunged messages that cannot be brought back any more.
    pub purged: usize,
    /// Mailboxes whose older history of changes was forgotten.
    pub forgotten: usize,
}

impl Mail {
    /// The accounts that have rows on a partition, ascending.
    pub fn accounts(&self, partition: &str) -> Result<Vec<AccountId>, Error> {
        let (store, _) = self.partition(partition)?;
        let snapshot = store.snapshot()?;
        let mut found = Vec::new();
        let mut next = Some(1u32);
        while let Some(from) = next {
            let range = KeyRange { start: from.to_be_bytes().to_vec(), end: None };
            let page = snapshot.scan(range, Scan::first(1).keys_only())?;
            let account = page.rows.first().and_then(|(key, _)| KeyParts::new(key).u32());
            found.extend(account.map(AccountId));
            next = account.and_then(|account| account.checked_add(1));
        }
        Ok(found)
    }

    /// Does for every account of a partition what should be done some times a day.
    pub async fn upkeep(&self, partition: &str, now: Timestamp) -> Result<Upkeep, Error> {
        let mut upkeep = Upkeep::default();
        for account in self.accounts(partition)? {
            let owner = Owner::new(account, partition);
            upkeep.accounts += 1;
            // Damage of one account does not keep the others waiting; a check tells what it is.
            match self.keep_up(&owner, now).await {
                Ok((purged, forgotten)) => {
                    upkeep.purged += purged;
                    upkeep.forgotten += forgotten;
                }
                Err(error) if error.is_everywhere() => return Err(error),
                Err(error) => signals::not_kept_up(&owner, &error),
            }
        }
        signals::kept_up(partition, upkeep.accounts, upkeep.purged, upkeep.forgotten);
        Ok(upkeep)
    }

    async fn keep_up(&self, owner: &Owner, now: Timestamp) -> Result<(usize, usize), Error> {
        let purged = self.purge_all(owner, now.minus(self.inner.settings.undelete_window())).await?;
        self.forget_deliveries(owner, now.minus(Duration::from_secs(DELIVERY_NAME_DAYS * 86_400))).await?;
        self.forget_memories(owner, now).await?;
        let mut forgotten = 0;
        for mailbox in self.mailboxes(owner)? {
            forgotten += usize::from(self.forget_history(owner, mailbox.id).await?);
        }
        Ok((purged, forgotten))
    }

    async fn purge_all(&self, owner: &Owner, before: Timestamp) -> Result<usize, Error> {
        let mut purged = 0;
        // Reading first spares a write where there is nothing to purge.
        while self.trash(owner, Timestamp(0), 1)?.first().is_some_and(|oldest| oldest.when < before) {
            purged += self.purge(owner, before).await?;
        }
        Ok(purged)
    }

    /// Keeps the newest changes and expunges of a mailbox that has many.
    async fn forget_history(&self, owner: &Owner, mailbox: MailboxId) -> Result<bool, Error> {
        let (snapshot, spaces) = self.read(owner)?;
        let keys = spaces.keys(owner);
        let changed = floor(&snapshot, keys.all_changed(mailbox).range(), CHANGES_KEPT)?;
        let vanished = floor(&snapshot, keys.all_vanished(mailbox).range(), VANISHED_KEPT)?;
        drop(snapshot);
        if changed.is_none() && vanished.is_none() {
            return Ok(false);
        }
        let forgetting = self.in_book(owner, move |book| {
            if let Some(floor) = changed {
                let row = book.mailbox_mut(mailbox)?;
                row.changed_floor = row.changed_floor.max(floor);
                let behind = book.keys.changed(mailbox, Modseq(floor.0.saturating_add(1)));
                book.transaction.delete_range(book.keys.all_changed(mailbox).range().before(behind));
            }
            if let Some(floor) = vanished {
                let row = book.mailbox_mut(mailbox)?;
                row.vanished_floor = row.vanished_floor.max(floor);
                let behind = book.keys.vanished(mailbox, Modseq(floor.0.saturating_add(1)));
                book.transaction.delete_range(book.keys.all_vanished(mailbox).range().before(behind));
            }
            Ok(())
        });
        forgetting.await?;
        Ok(true)
    }

    /// Gives up all that an account has on its partition: mailboxes, messages, what could be brought back.
    pub async fn remove_account(&self, owner: &Owner) -> Result<(), Error> {
        for mailbox in self.mailboxes(owner)? {
            self.empty(owner, mailbox.id, false).await?;
        }
        while self.purge(owner, Timestamp(u64::MAX)).await? > 0 {}
        // What can be many rows goes some at a time: one transaction does not take them all.
        self.clear_threads(owner).await?;
        let (store, spaces) = self.partition(&owner.partition)?;
        let owner = owner.clone();
        let removing = move |transaction: &mut storage::Transaction<'_>| {
            let mut book = crate::book::Book::open(transaction, spaces, &owner)?;
            for mailbox in rows::all(book.transaction, book.keys)? {
                // What was filed since the mailboxes were emptied.
                for (uid, row) in rows::messages(book.transaction, book.keys, mailbox.id)? {
                    book.discard(mailbox.id, uid, row, false)?;
                }
                book.forget_mailbox(mailbox.id)?;
            }
            book.close();
            scripts::forget_all(transaction, spaces, &owner)?;
            let mut rest = vec![spaces.account.key(owner.account).range()];
            rest.push(spaces.mail.key(owner.account).range());
            rest.into_iter().for_each(|range| transaction.delete_range(range));
            Ok(())
        };
        store.write(removing).await?;
        Ok(())
    }

    async fn clear_threads(&self, owner: &Owner) -> Result<(), Error> {
        let (store, spaces) = self.partition(&owner.partition)?;
        let range = spaces.keys(owner).threads().range();
        loop {
            let range = range.clone();
            let clearing = move |transaction: &mut storage::Transaction<'_>| {
                let page = transaction.scan(range, Scan::first(MESSAGES_A_BATCH).keys_only())?;
                page.rows.into_iter().for_each(|(key, _)| transaction.delete(key));
                Ok(page.next.is_some())
            };
            if !store.write(clearing).await?.value {
                return Ok(());
            }
        }
    }

    /// Takes all messages out of a mailbox, some at a time.
    pub(crate) async fn empty(&self, owner: &Owner, mailbox: MailboxId, keep: bool) -> Result<(), Error> {
        loop {
            let emptying = self.in_book(owner, move |book| {
                let range = book.keys.messages(mailbox).range();
                let page = book.transaction.scan(range, Scan::first(MESSAGES_A_BATCH).keys_only())?;
                for (key, _) in &page.rows {
                    let uid = keys::last_uid(key).ok_or(storage::Error::Row("messages"))?;
                    let Some(row) = book.message(mailbox, uid)? else { continue };
                    book.discard(mailbox, uid, row, keep)?;
                }
                Ok(page.next.is_some())
            });
            if !emptying.await?.value {
                return Ok(());
            }
        }
    }
}

/// The last modseq to forget when the changes of the range name more than twice `kept` UIDs.
fn floor(reader: &dyn Read, range: KeyRange, kept: usize) -> Result<Option<Modseq>, Error> {
    let mut changes = Vec::new();
    reader.each(range, &mut |key, value| {
        let uids = UidSet::decode(value).map_err(|_| storage::Error::Row("changes"))?.uids().count();
        changes.push((keys::last_modseq(key).ok_or(storage::Error::Row("changes"))?, uids));
        Ok(std::ops::ControlFlow::Continue(()))
    })?;
    let mut after: usize = changes.iter().map(|(_, uids)| uids).sum();
    if after <= 2 * kept {
        return Ok(None);
    }
    let mut floor = None;
    for (modseq, uids) in changes {
        // What is left after this change is as much as shall be kept, or less.
        floor = Some(modseq);
        after = after.saturating_sub(uids);
        if after <= kept {
            break;
        }
    }
    Ok(floor)
}
