//! New messages: parsed before, then filed - in one mailbox or in those of many owners - by one transaction.

use crate::book::{Book, INBOX_ID, NewItem};
use crate::error::Error;
use crate::flags::Flags;
use crate::keys::Spaces;
use crate::limits::MESSAGES_A_TRANSACTION_MAX;
use crate::name;
use crate::signals;
use crate::store::Mail;
use crate::thread::ThreadKeys;
use account::owner::Owner;
use account::rights::{Asker, Rights};
use bytes::Bytes;
use message::summary::Summary;
use model::{BlobHash, MailboxId, QueueId, Timestamp, Uid, UidValidity};
use std::sync::Arc;
use storage::{Committed, NewBlob, Read, Transaction};

/// A message ready to be filed: hashed, parsed and summarised outside of the transaction. Cheap to clone.
#[derive(Clone)]
pub struct NewMessage(Arc<Parts>);

struct Parts {
    blob: NewBlob,
    summary: Vec<u8>,
    threads: ThreadKeys,
}

impl NewMessage {
    /// Reads the message once. Costs some ten microseconds for ordinary mail.
    pub fn new(octets: impl Into<Bytes>) -> Result<NewMessage, Error> {
        let blob = NewBlob::new(octets);
        if u32::try_from(blob.len()).is_err() {
            return Err(Error::TooLarge("the message"));
        }
        let summary = Summary::of(blob.bytes());
        let threads = ThreadKeys::of(&summary);
        Ok(NewMessage(Arc::new(Parts { blob, summary: summary.encode(), threads })))
    }

    /// Its octets' name in the store.
    pub fn hash(&self) -> BlobHash {
        self.0.blob.hash()
    }

    /// How many octets it has.
    pub fn octets(&self) -> u64 {
        self.0.blob.len() as u64
    }
}

/// How much an owner may keep. `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Octets.
    pub octets: Option<u64>,
    /// Messages.
    pub messages: Option<u64>,
}

/// One owner who gets a message.
#[derive(Clone, Debug)]
pub struct Target {
    /// Whose mailbox.
    pub owner: Owner,
    /// Which mailbox, when an address names one; it must exist and let `poster` post, else INBOX takes the message.
    pub mailbox: Option<String>,
    /// Who posts, when it is known; the owner's own subaddresses need no right.
    pub poster: Option<Asker>,
    /// Flags to begin with.
    pub flags: Flags,
    /// How much the owner may keep.
    pub quota: Quota,
    /// The delivery's name: a second one with the same name files nothing, and succeeds.
    pub delivery: Option<(QueueId, u32)>,
}

/// What became of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filed {
    /// It is there.
    Done {
        /// The mailbox.
        mailbox: MailboxId,
        /// Its UID.
        uid: Uid,
    },
    /// A delivery of this name was filed before.
    Before,
    /// The owner's quota leaves no room; nothing was filed for this owner.
    OverQuota,
}

/// A message that a client puts in.
pub struct Append {
    /// The message.
    pub message: NewMessage,
    /// Its flags.
    pub flags: Flags,
    /// When it arrived, if the client says.
    pub internal_date: Option<Timestamp>,
}

/// Where appended or copied messages are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The mailbox's UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// The new UIDs in the order of the messages.
    pub uids: Vec<Uid>,
}

/// What a target without room means for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// They get the message, and the caller can say so to each.
    Each,
    /// Nobody gets it, for there is one answer for all: [`Error::OverQuota`].
    AllOrNone,
}

impl Mail {
    /// Files a message for all `targets` of one partition in one transaction.
    pub async fn deliver(
        &self,
        partition: &str,
        message: NewMessage,
        targets: Vec<Target>,
        rule: Rule,
    ) -> Result<Committed<Vec<Filed>>, Error> {
        let (store, spaces) = self.partition(partition)?;
        if let Some(stray) = targets.iter().find(|target| target.owner.partition != partition) {
            return Err(Error::NoPartition(stray.owner.partition.clone()));
        }
        let filing = move |transaction: &mut Transaction<'_>| {
            let mut results = Vec::with_capacity(targets.len());
            for target in &targets {
                let filed = file(transaction, spaces, &message, target)?;
                if rule == Rule::AllOrNone && filed == Filed::OverQuota {
                    return Err(Error::OverQuota.into());
                }
                results.push(filed);
            }
            Ok(results)
        };
        Ok(store.write(filing).await?)
    }

    /// Files a message for one owner in an open transaction of the owner's partition, for those who do more in it.
    pub fn file(
        &self,
        transaction: &mut Transaction<'_>,
        message: &NewMessage,
        target: &Target,
    ) -> Result<Filed, Error> {
        let (_, spaces) = self.partition(&target.owner.partition)?;
        file(transaction, spaces, message, target)
    }

    /// Whether a message of `octets` would fit into the owner's quota now.
    pub fn has_room(&self, owner: &Owner, quota: Quota, octets: u64) -> Result<bool, Error> {
        let row = self.usage(owner)?;
        Ok(fits(quota, row.octets, row.items, octets))
    }

    /// Puts messages into a mailbox: all of them or none.
    pub async fn append(
        &self,
        owner: &Owner,
        mailbox: MailboxId,
        messages: Vec<Append>,
        quota: Quota,
    ) -> Result<Committed<Placed>, Error> {
        let (store, spaces) = self.partition(&owner.partition)?;
        if messages.len() > MESSAGES_A_TRANSACTION_MAX {
            return Err(Error::TooMany("messages at once"));
        }
        let owner = owner.clone();
        let appending = move |transaction: &mut Transaction<'_>| {
            let mut book = Book::open(transaction, spaces, &owner)?;
            let uid_validity = book.mailbox(mailbox)?.uid_validity;
            let mut uids = Vec::with_capacity(messages.len());
            for append in &messages {
                let octets = append.message.octets();
                if !fits(quota, book.ledger.row.octets, book.ledger.row.items, octets) {
                    return Err(Error::OverQuota.into());
                }
                let date = append.internal_date.unwrap_or_else(|| book.now());
                uids.push(put(&mut book, mailbox, &append.message, &append.flags, date)?);
            }
            book.close();
            Ok(Placed { uid_validity, uids })
        };
        Ok(store.write(appending).await?)
    }

    /// Forgets delivery names older than `before`; the queue asks only for messages that it still holds.
    pub async fn forget_deliveries(&self, owner: &Owner, before: Timestamp) -> Result<(), Error> {
        let (store, spaces) = self.partition(&owner.partition)?;
        let keys = spaces.keys(owner);
        // Queue ids grow with time, so the first one tells whether there is anything to forget.
        let first = store.snapshot()?.scan(keys.deliveries().range(), storage::Scan::first(1))?;
        let is_old =
            |value: &Vec<u8>| value.as_slice().try_into().map(u64::from_le_bytes).is_ok_and(|at| at < before.0);
        if !first.rows.first().is_some_and(|(_, value)| is_old(value)) {
            return Ok(());
        }
        let forgetting = move |transaction: &mut Transaction<'_>| {
            let page = transaction.scan(keys.deliveries().range(), storage::Scan::first(10_000))?;
            for (key, value) in page.rows {
                if value.try_into().map(u64::from_le_bytes).is_ok_and(|filed| filed < before.0) {
                    transaction.delete(key);
                }
            }
            Ok(())
        };
        store.write(forgetting).await?;
        Ok(())
    }
}

pub(crate) fn fits(quota: Quota, used_octets: u64, used_messages: u64, octets: u64) -> bool {
    quota.octets.is_none_or(|most| used_octets.saturating_add(octets) <= most)
        && quota.messages.is_none_or(|most| used_messages < most)
}

fn file(
    transaction: &mut Transaction<'_>,
    spaces: Spaces,
    message: &NewMessage,
    target: &Target,
) -> Result<Filed, Error> {
    let mark = target.delivery.map(|(id, recipient)| spaces.keys(&target.owner).delivery(id, recipient));
    if let Some(mark) = &mark
        && transaction.get(mark)?.is_some()
    {
        return Ok(Filed::Before);
    }
    let mut book = Book::open(transaction, spaces, &target.owner)?;
    if !fits(target.quota, book.ledger.row.octets, book.ledger.row.items, message.octets()) {
        // A new account's first mailboxes are worth keeping.
        book.close();
        signals::over_quota(&target.owner, message.octets());
        return Ok(Filed::OverQuota);
    }
    let mailbox = choose(&mut book, target.mailbox.as_deref(), target.poster.as_ref())?;
    let now = book.now();
    let uid = put(&mut book, mailbox, message, &target.flags, now)?;
    book.close();
    if let Some(mark) = mark {
        transaction.put(mark, now.0.to_le_bytes());
    }
    Ok(Filed::Done { mailbox, uid })
}

pub(crate) fn choose(
    book: &mut Book<'_, '_>,
    mailbox: Option<&str>,
    poster: Option<&Asker>,
) -> Result<MailboxId, Error> {
    let Some(Ok(name)) = mailbox.map(name::normalise) else { return Ok(INBOX_ID) };
    let Some(id) = book.find(&name)? else { return Ok(INBOX_ID) };
    let may_post = match poster {
        None => true,
        Some(poster) => book.mailbox(id)?.grants.effective(poster).has(Rights::POST),
    };
    Ok(if may_post { id } else { INBOX_ID })
}

pub(crate) fn put(
    book: &mut Book<'_, '_>,
    mailbox: MailboxId,
    message: &NewMessage,
    flags: &Flags,
    internal_date: Timestamp,
) -> Result<Uid, Error> {
    let parts = &message.0;
    let thread = parts.threads.resolve(book)?;
    book.transaction.blob(&parts.blob);
    let item = NewItem {
        flags: flags.system,
        keywords: flags.keywords.clone(),
        internal_date,
        octets: u32::try_from(parts.blob.len()).unwrap_or(u32::MAX),
        blob: parts.blob.hash(),
        thread,
    };
    book.add(mailbox, item, &parts.summary)
}
