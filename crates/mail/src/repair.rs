//! Making right what can be computed again: counts, the order of changes, names, what is shared. The messages
//! themselves are what is believed; nothing of them is thrown away.

use crate::book::Book;
use crate::error::Error;
use crate::flags::SystemFlags;
use crate::keys;
use crate::rows;
use crate::signals;
use crate::store::Mail;
use account::owner::Owner;
use model::{MailboxId, Modseq, Uid};
use std::ops::ControlFlow;
use storage::Read;

impl Mail {
    /// Recounts every account of a partition; returns in words what was made right.
    pub async fn repair(&self, partition: &str) -> Result<Vec<String>, Error> {
        let mut repairs = Vec::new();
        for account in self.accounts(partition)? {
            let owner = Owner::new(account, partition);
            let made_right = self.in_book(&owner, recount).await?.value;
            if !made_right.is_empty() {
                signals::repaired(&owner, made_right.len());
                repairs.extend(made_right.into_iter().map(|repair| format!("account {account}: {repair}")));
            }
        }
        Ok(repairs)
    }
}

fn recount(book: &mut Book<'_, '_>) -> Result<Vec<String>, Error> {
    let mut repairs = Vec::new();
    let (mut octets, mut items) = (0u64, 0u64);
    for mailbox in rows::all(book.transaction, book.keys)? {
        let messages = rows::messages(book.transaction, book.keys, mailbox.id)?;
        let mut right = mailbox.row.clone();
        right.messages = u32::try_from(messages.len()).unwrap_or(u32::MAX);
        right.octets = messages.iter().map(|(_, row)| u64::from(row.octets)).sum();
        right.unseen = count(messages.iter().filter(|(_, row)| !row.flags.has(SystemFlags::SEEN)));
        right.deleted = count(messages.iter().filter(|(_, row)| row.flags.has(SystemFlags::DELETED)));
        let behind = messages.last().map_or(Uid(1), |(uid, _)| Uid(uid.0.saturating_add(1)));
        right.uid_next = right.uid_next.max(behind);
        octets += right.octets;
        items += u64::from(right.messages);
        if right != mailbox.row {
            // Whoever saw the wrong counts must look again.
            right.highest_modseq = book.ledger.modseq();
            *book.mailbox_mut(mailbox.id)? = right;
            repairs.push(format!("{}: counts", mailbox.row.name));
        }
        reorder(book, &mailbox, messages.iter().map(|(uid, row)| (row.modseq, *uid)).collect(), &mut repairs)?;
        refind(book, &mailbox, &mut repairs)?;
    }
    if (book.ledger.row.octets, book.ledger.row.items) != (octets, items) {
        (book.ledger.row.octets, book.ledger.row.items) = (octets, items);
        repairs.push("usage".to_owned());
    }
    Ok(repairs)
}

fn count<T>(found: impl Iterator<Item = T>) -> u32 {
    u32::try_from(found.count()).unwrap_or(u32::MAX)
}

/// The order of changes holds every message once.
fn reorder(
    book: &mut Book<'_, '_>,
    mailbox: &rows::Mailbox,
    mut right: Vec<(Modseq, Uid)>,
    repairs: &mut Vec<String>,
) -> Result<(), Error> {
    let mut stored = Vec::new();
    let range = book.keys.all_changed(mailbox.id).range();
    book.transaction.each(range.clone(), &mut |key, _| {
        stored.extend(keys::rest(key).and_then(|mut parts| {
            parts.u32()?;
            Some((Modseq(parts.u64()?), Uid(parts.u32()?)))
        }));
        Ok(ControlFlow::Continue(()))
    })?;
    right.sort_unstable();
    if stored != right {
        book.transaction.delete_range(range);
        for (modseq, uid) in right {
            book.transaction.put(book.keys.changed(mailbox.id, modseq).u32(uid.0), Vec::new());
        }
        repairs.push(format!("{}: order of changes", mailbox.row.name));
    }
    Ok(())
}

/// The mailbox is found by its name, and by those it is shared with.
fn refind(book: &mut Book<'_, '_>, mailbox: &rows::Mailbox, repairs: &mut Vec<String>) -> Result<(), Error> {
    let MailboxId(number) = mailbox.id;
    match book.find(&mailbox.row.name)? {
        Some(id) if id == mailbox.id => {}
        Some(_) => {
            let name = format!("{}-{number}", mailbox.row.name);
            book.transaction.put(book.keys.name(&name), number.to_le_bytes());
            repairs.push(format!("{}: another has this name, it is now {name}", mailbox.row.name));
            book.mailbox_mut(mailbox.id)?.name = name;
        }
        None => {
            book.transaction.put(book.keys.name(&mailbox.row.name), number.to_le_bytes());
            repairs.push(format!("{}: name", mailbox.row.name));
        }
    }
    for (identifier, _) in mailbox.row.grants.entries().iter().filter(|(identifier, _)| !identifier.starts_with('-')) {
        let share = keys::share(book.keys.space, identifier, book.keys.account, mailbox.id);
        if book.transaction.get(&share)?.is_none() {
            book.transaction.put(share, Vec::new());
            repairs.push(format!("{}: shared with {identifier}", mailbox.row.name));
        }
    }
    Ok(())
}
