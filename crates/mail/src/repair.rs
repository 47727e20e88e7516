//! Making right what can be computed again: counts, lost flags, names, what is shared. The messages
//! themselves are what is believed; nothing of them is thrown away.

use crate::book::Book;
use crate::error::Error;
use crate::flags::SystemFlags;
use crate::keys;
use crate::marks::Page;
use crate::record::MessageRow;
use crate::rows;
use crate::signals;
use crate::store::Mail;
use account::owner::Owner;
use model::{MailboxId, Uid};
use std::collections::BTreeMap;
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
        let messages = remark(book, &mailbox, &mut repairs)?;
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

/// Every message, each with marks: those that were lost begin without any, and marks of nothing are taken away.
fn remark(
    book: &mut Book<'_, '_>,
    mailbox: &rows::Mailbox,
    repairs: &mut Vec<String>,
) -> Result<Vec<(Uid, MessageRow)>, Error> {
    let (range, account) = (book.keys.pages(mailbox.id).range(), book.keys);
    let (mut stored, mut damaged) = (BTreeMap::new(), Vec::new());
    book.transaction.each(range, &mut |key, value| {
        let number = keys::last_page(key).ok_or(storage::Error::Row("marks"))?;
        match Page::decode(value) {
            Ok(page) => stored.extend(page.messages(number)),
            Err(_) => damaged.push(number),
        }
        Ok(ControlFlow::Continue(()))
    })?;
    damaged.into_iter().for_each(|number| book.transaction.delete(account.page(mailbox.id, number)));
    let mut messages = Vec::new();
    book.transaction.each(account.messages(mailbox.id).range(), &mut |key, value| {
        let uid = keys::last_uid(key).ok_or(storage::Error::Row("messages"))?;
        let marks = stored.remove(&uid);
        let row = rows::decode_message(value, marks.unwrap_or_default())?;
        messages.push((uid, row, marks.is_some()));
        Ok(ControlFlow::Continue(()))
    })?;
    let lost = count(messages.iter().filter(|(.., is_marked)| !is_marked));
    if lost > 0 || !stored.is_empty() {
        let modseq = book.ledger.modseq();
        for (uid, row, is_marked) in &mut messages {
            if !*is_marked {
                row.modseq = modseq;
                book.mark(mailbox.id, *uid, row.marks())?;
            }
        }
        for uid in stored.keys() {
            book.unmark(mailbox.id, *uid)?;
        }
        book.mailbox_mut(mailbox.id)?.highest_modseq = modseq;
        repairs.push(format!("{}: {lost} messages lost their flags", mailbox.row.name));
    }
    Ok(messages.into_iter().map(|(uid, row, _)| (uid, row)).collect())
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
