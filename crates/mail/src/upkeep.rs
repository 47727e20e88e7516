//! What time takes away: expunged messages behind their window, names of old deliveries, long lists of expunges. And
//! whole accounts, when the directory says so.

use crate::error::Error;
use crate::limits::{DELIVERY_NAME_DAYS, MESSAGES_A_BATCH, VANISHED_KEPT};
use crate::rows;
use crate::signals;
use crate::store::Mail;
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
    /// Mailboxes whose older expunges were forgotten.
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
        let mut forgotten = 0;
        for mailbox in self.mailboxes(owner)? {
            forgotten += usize::from(self.forget_expunges(owner, mailbox.id).await?);
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

    /// Keeps the newest expunges of a mailbox that has many.
    async fn forget_expunges(&self, owner: &Owner, mailbox: MailboxId) -> Result<bool, Error> {
        let (snapshot, spaces) = self.read(owner)?;
        let keys = spaces.keys(owner);
        let mut modseqs = Vec::new();
        snapshot.each(keys.all_vanished(mailbox).range(), &mut |key, _| {
            modseqs.extend(crate::keys::rest(key).and_then(|mut parts| {
                parts.u32()?;
                parts.u64()
            }));
            Ok(std::ops::ControlFlow::Continue(()))
        })?;
        drop(snapshot);
        let Some(last_forgotten) = modseqs.len().checked_sub(VANISHED_KEPT + 1).and_then(|at| modseqs.get(at)) else {
            return Ok(false);
        };
        if modseqs.len() <= 2 * VANISHED_KEPT {
            return Ok(false);
        }
        let floor = Modseq(*last_forgotten);
        let forgetting = self.in_book(owner, move |book| {
            let row = book.mailbox_mut(mailbox)?;
            row.vanished_floor = row.vanished_floor.max(floor);
            let behind = book.keys.vanished(mailbox, Modseq(floor.0.saturating_add(1)));
            book.transaction.delete_range(book.keys.all_vanished(mailbox).range().before(behind));
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
            let mut rest = vec![spaces.account.key(owner.account).range()];
            rest.push(spaces.mail.key(owner.account).range());
            rest.into_iter().for_each(|range| transaction.delete_range(range));
            Ok(())
        };
        store.write(removing).await?;
        Ok(())
    }

    /// Takes all messages out of a mailbox, some at a time.
    pub(crate) async fn empty(&self, owner: &Owner, mailbox: MailboxId, keep: bool) -> Result<(), Error> {
        loop {
            let emptying = self.in_book(owner, move |book| {
                let range = book.keys.messages(mailbox).range();
                let page = book.transaction.scan(range, Scan::first(MESSAGES_A_BATCH))?;
                for (key, value) in &page.rows {
                    let (uid, row) = rows::decode_message(key, value)?;
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
