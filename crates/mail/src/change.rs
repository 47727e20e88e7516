//! Changes of messages that are there: flags, copies, moves, expunging. Many messages are changed in several
//! transactions, one after the other, so that the deliveries of others go on between them.

use crate::book::{Book, NewItem};
use crate::deliver::{Placed, Quota};
use crate::error::Error;
use crate::flags::{FlagMode, Flags, SystemFlags};
use crate::limits::{MESSAGES_A_BATCH, TRAVELLING_OCTETS_MAX};
use crate::marks::{Marks, page_of};
use crate::moves::Moved;
use crate::record::MessageRow;
use crate::rows;
use crate::store::Mail;
use account::owner::Owner;
use model::{MailboxId, Modseq, Uid};
use std::sync::Arc;
use storage::{Committed, Read, Transaction};

/// What a change of flags did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlagsChanged {
    /// Messages whose flags are now as asked, whether or not they were before.
    pub done: Vec<Uid>,
    /// Messages left alone because they changed since the given modseq (RFC 7162 §3.1.3).
    pub modified: Vec<Uid>,
}

/// What a copy or move did. Messages that had gone meanwhile are in neither list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// The UIDs in the source, in their order.
    pub from: Vec<Uid>,
    /// Where they are now.
    pub to: Option<Placed>,
}

/// A place within the partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whose mailbox.
    pub owner: Owner,
    /// Which.
    pub mailbox: MailboxId,
}

impl Mail {
    /// Changes flags and keywords of `uids`; unknown ones are passed over.
    pub async fn store_flags(
        &self,
        place: &Place,
        uids: Vec<Uid>,
        mode: FlagMode,
        flags: Flags,
        unchanged_since: Option<Modseq>,
    ) -> Result<Committed<FlagsChanged>, Error> {
        let flags = Arc::new(flags);
        let mut whole = FlagsChanged::default();
        let mut batches = batches(uids).into_iter();
        loop {
            let (batch, is_last) = (batches.next().unwrap_or_default(), batches.len() == 0);
            let (mailbox, flags) = (place.mailbox, flags.clone());
            let storing =
                move |book: &mut Book<'_, '_>| change_flags(book, mailbox, &batch, mode, &flags, unchanged_since);
            let Committed { value, receipt } = self.in_book(&place.owner, storing).await?;
            whole.done.extend(value.done);
            whole.modified.extend(value.modified);
            if is_last {
                return Ok(Committed { value: whole, receipt });
            }
        }
    }

    /// Copies messages: all that are there, or none.
    pub async fn copy(
        &self,
        from: &Place,
        uids: Vec<Uid>,
        to: &Place,
        quota: Quota,
    ) -> Result<Committed<Copied>, Error> {
        self.copy_or_move(from, uids, to, quota, Then::Keep).await
    }

    /// Moves messages, each of them wholly. A failure leaves those behind it where they were; it is told only when not
    /// one was moved.
    pub async fn move_messages(
        &self,
        from: &Place,
        uids: Vec<Uid>,
        to: &Place,
        quota: Quota,
    ) -> Result<Committed<Copied>, Error> {
        self.copy_or_move(from, uids, to, quota, Then::Remove).await
    }

    /// In batches. What a failed copy had already copied is taken back (RFC 9051 §6.4.7); what was moved stays moved
    /// (RFC 6851 §3.3).
    async fn copy_or_move(
        &self,
        from: &Place,
        uids: Vec<Uid>,
        to: &Place,
        quota: Quota,
        then: Then,
    ) -> Result<Committed<Copied>, Error> {
        // A move within one account needs no room.
        let quota = if then == Then::Remove && from.owner == to.owner { Quota::default() } else { quota };
        let is_near = from.owner.partition == to.owner.partition;
        let mut whole: Option<Committed<Copied>> = None;
        let mut batches = if is_near { batches(uids) } else { self.loads(from, uids)? }.into_iter();
        loop {
            let (batch, is_last) = (batches.next().unwrap_or_default(), batches.len() == 0);
            let outcome = if is_near {
                self.within(from, batch, to, quota, then).await
            } else {
                self.across(from, batch, to, quota, then).await
            };
            whole = match (outcome, whole) {
                (Ok(copied), before) => Some(joined(before, copied)),
                (Err(error), None) => return Err(error),
                (Err(_), Some(moved)) if then == Then::Remove => {
                    self.tell(from, to, &moved.value);
                    return Ok(moved);
                }
                (Err(error), Some(copied)) => {
                    let uids = copied.value.to.map(|placed| placed.uids).unwrap_or_default();
                    self.remove(to, uids, Expunge::All, false).await?;
                    return Err(error);
                }
            };
            if is_last && let Some(whole) = whole {
                self.tell(from, to, &whole.value);
                return Ok(whole);
            }
        }
    }

    fn tell(&self, from: &Place, to: &Place, copied: &Copied) {
        if let Some(placed) = copied.to.as_ref().filter(|placed| !placed.uids.is_empty()) {
            self.moved(Moved {
                from: (from.owner.clone(), from.mailbox),
                to: (to.owner.clone(), to.mailbox),
                uids: placed.uids.clone(),
            });
        }
    }

    async fn within(
        &self,
        from: &Place,
        uids: Vec<Uid>,
        to: &Place,
        quota: Quota,
        then: Then,
    ) -> Result<Committed<Copied>, Error> {
        let (store, spaces) = self.partition(&from.owner.partition)?;
        let (from, to) = (from.clone(), to.clone());
        let copying = move |transaction: &mut Transaction<'_>| {
            let mut book = Book::open(transaction, spaces, &from.owner)?;
            let items = take(&mut book, from.mailbox, &uids, then)?;
            if from.owner != to.owner {
                book.close();
                book = Book::open(transaction, spaces, &to.owner)?;
            }
            let copied = place_items(&mut book, to.mailbox, &items, quota)?;
            book.close();
            Ok(Copied { from: items.iter().map(|item| item.uid).collect(), to: copied })
        };
        Ok(store.write(copying).await?)
    }

    /// The UIDs in pieces whose messages fit into memory.
    fn loads(&self, from: &Place, uids: Vec<Uid>) -> Result<Vec<Vec<Uid>>, Error> {
        let mut loads: Vec<Vec<Uid>> = Vec::new();
        let mut octets = u64::MAX;
        for uid in batches(uids).into_iter().flatten() {
            let Some(row) = self.message(from, uid)? else { continue };
            octets = octets.saturating_add(u64::from(row.octets));
            match loads.last_mut() {
                Some(load) if octets <= TRAVELLING_OCTETS_MAX && load.len() < MESSAGES_A_BATCH => load.push(uid),
                _ => {
                    octets = u64::from(row.octets);
                    loads.push(vec![uid]);
                }
            }
        }
        Ok(loads)
    }

    /// To another partition the octets travel; the originals go only when the copies are durable.
    async fn across(
        &self,
        from: &Place,
        uids: Vec<Uid>,
        to: &Place,
        quota: Quota,
        then: Then,
    ) -> Result<Committed<Copied>, Error> {
        let mut appends = Vec::new();
        let mut found = Vec::new();
        for uid in uids {
            let Some(row) = self.message(from, uid)? else { continue };
            let keywords = self.keywords_of(from, row.keywords)?;
            appends.push(crate::deliver::Append {
                message: crate::deliver::NewMessage::new(self.body(&from.owner, &row.blob)?)?,
                flags: Flags { system: row.flags, keywords },
                internal_date: Some(row.internal_date),
            });
            found.push(uid);
        }
        let placed = self.append(&to.owner, to.mailbox, appends, quota).await?;
        if then == Then::Remove {
            self.remove(from, found.clone(), Expunge::All, false).await?;
        }
        let to = (!found.is_empty()).then_some(placed.value);
        Ok(Committed { value: Copied { from: found, to }, receipt: placed.receipt })
    }

    /// Takes messages out of the mailbox; they can be brought back for a while. Returns those that went.
    pub async fn expunge(&self, place: &Place, uids: Vec<Uid>, which: Expunge) -> Result<Committed<Vec<Uid>>, Error> {
        let keep = self.inner.settings.undelete_days > 0;
        self.remove(place, uids, which, keep).await
    }

    async fn remove(
        &self,
        place: &Place,
        uids: Vec<Uid>,
        which: Expunge,
        keep: bool,
    ) -> Result<Committed<Vec<Uid>>, Error> {
        let mut whole = Vec::new();
        let mut batches = batches(uids).into_iter();
        loop {
            let (batch, is_last) = (batches.next().unwrap_or_default(), batches.len() == 0);
            let mailbox = place.mailbox;
            let expunging = self.in_book(&place.owner, move |book| {
                let mut gone = Vec::new();
                for uid in batch {
                    let Some(row) = book.message(mailbox, uid)? else { continue };
                    if which == Expunge::All || row.flags.has(SystemFlags::DELETED) {
                        book.discard(mailbox, uid, row, keep)?;
                        gone.push(uid);
                    }
                }
                Ok(gone)
            });
            let Committed { value, receipt } = expunging.await?;
            whole.extend(value);
            if is_last {
                return Ok(Committed { value: whole, receipt });
            }
        }
    }

    /// A message's row.
    pub fn message(&self, place: &Place, uid: Uid) -> Result<Option<MessageRow>, Error> {
        let (snapshot, spaces) = self.read(&place.owner)?;
        let keys = spaces.keys(&place.owner);
        let Some(bytes) = snapshot.get(&keys.message(place.mailbox, uid))? else { return Ok(None) };
        let page = rows::page(&snapshot, keys, place.mailbox, page_of(uid))?;
        let marks = page.marks(uid).ok_or(storage::Error::Row("marks"))?;
        Ok(Some(rows::decode_message(&bytes, marks)?))
    }

    fn keywords_of(&self, place: &Place, bits: u128) -> Result<Vec<String>, Error> {
        let (snapshot, spaces) = self.read(&place.owner)?;
        let row = rows::row(&snapshot, spaces.keys(&place.owner), place.mailbox)?.ok_or(Error::NoMailbox)?;
        Ok(row.keywords.names_of(bits).map(str::to_owned).collect())
    }
}

/// Which of the named messages are expunged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expunge {
    /// Those that have the deleted flag when the transaction runs.
    Deleted,
    /// All.
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Keep,
    Remove,
}

struct Item {
    uid: Uid,
    row: MessageRow,
    keywords: Vec<String>,
    summary: Vec<u8>,
}

/// The UIDs in order, each once, in pieces that one transaction takes.
fn batches(mut uids: Vec<Uid>) -> Vec<Vec<Uid>> {
    uids.sort_unstable();
    uids.dedup();
    uids.chunks(MESSAGES_A_BATCH).map(<[Uid]>::to_vec).collect()
}

fn joined(before: Option<Committed<Copied>>, copied: Committed<Copied>) -> Committed<Copied> {
    let Some(Committed { value: mut whole, .. }) = before else { return copied };
    whole.from.extend(copied.value.from);
    match (&mut whole.to, copied.value.to) {
        (Some(placed), Some(more)) => placed.uids.extend(more.uids),
        (to, more) => *to = to.take().or(more),
    }
    Committed { value: whole, receipt: copied.receipt }
}

fn change_flags(
    book: &mut Book<'_, '_>,
    mailbox: MailboxId,
    uids: &[Uid],
    mode: FlagMode,
    flags: &Flags,
    unchanged_since: Option<Modseq>,
) -> Result<FlagsChanged, Error> {
    let mut result = FlagsChanged::default();
    let named = match mode {
        FlagMode::Remove => book.mailbox(mailbox)?.keywords.known_bits(&flags.keywords),
        FlagMode::Add | FlagMode::Replace => {
            let known = book.mailbox(mailbox)?.keywords.known_bits(&flags.keywords);
            if known.count_ones() as usize == flags.keywords.len() {
                known
            } else {
                book.mailbox_mut(mailbox)?.keywords.bits(&flags.keywords)?
            }
        }
    };
    for uid in uids {
        let Some(before) = book.marks(mailbox, *uid)? else { continue };
        if unchanged_since.is_some_and(|since| before.modseq > since) {
            result.modified.push(*uid);
            continue;
        }
        let (system, keywords) = match mode {
            FlagMode::Add => (before.flags.with(flags.system), before.keywords | named),
            FlagMode::Remove => (before.flags.without(flags.system), before.keywords & !named),
            FlagMode::Replace => (flags.system, named),
        };
        if (system, keywords) != (before.flags, before.keywords) {
            book.change(mailbox, *uid, before, Marks { flags: system, keywords, ..before })?;
        }
        result.done.push(*uid);
    }
    Ok(result)
}

fn take(book: &mut Book<'_, '_>, from: MailboxId, uids: &[Uid], then: Then) -> Result<Vec<Item>, Error> {
    let mut items = Vec::with_capacity(uids.len());
    for uid in uids {
        let Some(row) = book.message(from, *uid)? else { continue };
        let keywords = book.mailbox(from)?.keywords.names_of(row.keywords).map(str::to_owned).collect();
        let summary = book.transaction.get(&book.keys.summary(from, *uid))?;
        // A copy holds the octets once more; a move carries the reference along.
        match then {
            Then::Keep => book.transaction.link(&row.blob)?,
            Then::Remove => book.remove(from, *uid, &row)?,
        }
        items.push(Item { uid: *uid, row, keywords, summary: summary.unwrap_or_else(too_long_to_keep) });
    }
    Ok(items)
}

/// A summary that was not stored is not stored for the copy either.
fn too_long_to_keep() -> Vec<u8> {
    vec![0; crate::limits::SUMMARY_OCTETS_MAX + 1]
}

fn place_items(book: &mut Book<'_, '_>, to: MailboxId, items: &[Item], quota: Quota) -> Result<Option<Placed>, Error> {
    let uid_validity = book.mailbox(to)?.uid_validity;
    let mut uids = Vec::with_capacity(items.len());
    for item in items {
        let room = quota.octets.is_none_or(|most| book.ledger.row.octets + u64::from(item.row.octets) <= most)
            && quota.messages.is_none_or(|most| book.ledger.row.items < most);
        if !room {
            return Err(Error::OverQuota);
        }
        let new = NewItem {
            flags: item.row.flags,
            keywords: item.keywords.clone(),
            internal_date: item.row.internal_date,
            octets: item.row.octets,
            blob: item.row.blob,
            thread: item.row.thread,
        };
        uids.push(book.add(to, new, &item.summary)?);
    }
    Ok((!uids.is_empty()).then_some(Placed { uid_validity, uids }))
}
