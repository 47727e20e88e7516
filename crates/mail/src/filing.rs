//! Filing as scripts want it: several copies of a message for one owner, each with its own place, flags and text, and
//! what is to be remembered of it, in one transaction.

use crate::book::{Book, INBOX_ID};
use crate::deliver::{Filed, NewMessage, Quota, Rule, choose, fits, put};
use crate::error::Error;
use crate::flags::Flags;
use crate::keys::Spaces;
use crate::name;
use crate::record::SpecialUse;
use crate::scripts::{Memory, Trouble, is_outdated, note_trouble, remember};
use crate::signals;
use crate::store::Mail;
use account::owner::Owner;
use account::rights::Asker;
use model::{MailboxId, QueueId, Timestamp, Uid};
use storage::{Committed, Read, Transaction};

/// What happens with a message for one owner.
#[derive(Clone)]
pub struct Filing {
    /// Whose mailboxes.
    pub owner: Owner,
    /// How much the owner may keep.
    pub quota: Quota,
    /// The delivery's name: a second one with the same name files nothing, and succeeds.
    pub delivery: Option<(QueueId, u32)>,
    /// When the message arrived; `None` is now. Copies of a message that was there before keep its time.
    pub internal_date: Option<Timestamp>,
    /// The copies; none where the message is dropped.
    pub placements: Vec<Placement>,
    /// What scripts want remembered.
    pub remember: Vec<Memory>,
    /// That a script failed.
    pub trouble: Option<Trouble>,
}

/// One copy.
#[derive(Clone)]
pub struct Placement {
    /// Its text.
    pub message: NewMessage,
    /// Where it goes.
    pub destination: Destination,
    /// Its flags. Keywords that the mailbox cannot take are left out.
    pub flags: Flags,
}

/// Where a copy goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Where it would go without a script; see [`crate::deliver::Target`].
    Usual {
        /// The mailbox that the address names.
        mailbox: Option<String>,
        /// Who posts there.
        poster: Option<Asker>,
    },
    /// Where a script says. If nothing of it is there, INBOX.
    Chosen {
        /// By number first.
        id: Option<MailboxId>,
        /// By use next.
        special_use: Option<SpecialUse>,
        /// By name last.
        mailbox: String,
        /// Whether that is made.
        creates: bool,
    },
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placed {
    /// All of it is done.
    Done {
        /// Where the copies are.
        copies: Vec<(MailboxId, Uid)>,
        /// Mailboxes that were chosen and are not there.
        missing: Vec<String>,
    },
    /// A delivery of this name was done before.
    Before,
    /// The owner's quota leaves no room; nothing was done for this owner.
    OverQuota,
}

impl From<&Placed> for Filed {
    fn from(placed: &Placed) -> Filed {
        match placed {
            Placed::Done { copies, .. } => {
                let (mailbox, uid) = copies.first().copied().unwrap_or_default();
                Filed::Done { mailbox, uid }
            }
            Placed::Before => Filed::Before,
            Placed::OverQuota => Filed::OverQuota,
        }
    }
}

impl Mail {
    /// Does all `filings` of one partition in one transaction.
    ///
    /// # Errors
    /// [`Error::Outdated`] when something was remembered since that scripts would have decided upon: nothing is filed.
    pub async fn place(
        &self,
        partition: &str,
        filings: Vec<Filing>,
        rule: Rule,
    ) -> Result<Committed<Vec<Placed>>, Error> {
        let (store, spaces) = self.partition(partition)?;
        if let Some(stray) = filings.iter().find(|filing| filing.owner.partition != partition) {
            return Err(Error::NoPartition(stray.owner.partition.clone()));
        }
        let placing = move |transaction: &mut Transaction<'_>| {
            let mut results = Vec::with_capacity(filings.len());
            for filing in &filings {
                let placed = place(transaction, spaces, filing)?;
                if rule == Rule::AllOrNone && placed == Placed::OverQuota {
                    return Err(Error::OverQuota.into());
                }
                results.push(placed);
            }
            Ok(results)
        };
        Ok(store.write(placing).await?)
    }
}

fn place(transaction: &mut Transaction<'_>, spaces: Spaces, filing: &Filing) -> Result<Placed, Error> {
    let keys = spaces.keys(&filing.owner);
    let mark = filing.delivery.map(|(id, recipient)| keys.delivery(id, recipient));
    if let Some(mark) = &mark
        && transaction.get(mark)?.is_some()
    {
        return Ok(Placed::Before);
    }
    if is_outdated(transaction, keys, &filing.remember, filing.delivery)? {
        return Err(Error::Outdated);
    }
    let mut book = Book::open(transaction, spaces, &filing.owner)?;
    let octets: u64 = filing.placements.iter().map(|placement| placement.message.octets()).sum();
    let others = u64::try_from(filing.placements.len().saturating_sub(1)).unwrap_or(u64::MAX);
    let items = book.ledger.row.items.saturating_add(others);
    if !filing.placements.is_empty() && !fits(filing.quota, book.ledger.row.octets, items, octets) {
        book.close();
        signals::over_quota(&filing.owner, octets);
        return Ok(Placed::OverQuota);
    }
    let now = book.now();
    let (mut missing, mut done) = (Vec::new(), Vec::new());
    for placement in &filing.placements {
        let mailbox = find(&mut book, &placement.destination, &mut missing)?;
        // RFC 5228 §2.10.3: the same message is filed into the same mailbox once.
        let hash = placement.message.hash();
        if done.iter().any(|(there, what, _)| (*there, *what) == (mailbox, hash)) {
            continue;
        }
        let flags = acceptable(&mut book, mailbox, &placement.flags)?;
        let uid = put(&mut book, mailbox, &placement.message, &flags, filing.internal_date.unwrap_or(now))?;
        done.push((mailbox, hash, uid));
    }
    book.close();
    remember(transaction, keys, &filing.remember, filing.delivery)?;
    if let Some(trouble) = &filing.trouble {
        note_trouble(transaction, keys, trouble);
    }
    if let Some(mark) = mark {
        transaction.put(mark, now.0.to_le_bytes());
    }
    Ok(Placed::Done { copies: done.into_iter().map(|(mailbox, _, uid)| (mailbox, uid)).collect(), missing })
}

fn find(book: &mut Book<'_, '_>, destination: &Destination, missing: &mut Vec<String>) -> Result<MailboxId, Error> {
    let (id, special_use, name, creates) = match destination {
        Destination::Usual { mailbox, poster } => return choose(book, mailbox.as_deref(), poster.as_ref()),
        Destination::Chosen { id, special_use, mailbox, creates } => (*id, *special_use, mailbox, *creates),
    };
    if let Some(id) = id
        && book.has(id)?
    {
        return Ok(id);
    }
    if let Some(wanted) = special_use
        && let Some(found) = book.find_by_use(wanted)?
    {
        return Ok(found);
    }
    let Ok(normal) = name::normalise(name) else {
        missing.push(name.clone());
        return Ok(INBOX_ID);
    };
    match book.find(&normal)? {
        Some(id) => Ok(id),
        None if creates => match book.create_with_parents(&normal, special_use) {
            // As many mailboxes as there may be: the message must be somewhere all the same.
            Err(Error::TooMany(_)) => {
                missing.push(name.clone());
                Ok(INBOX_ID)
            }
            made => made,
        },
        None => {
            missing.push(name.clone());
            Ok(INBOX_ID)
        }
    }
}

/// The flags without keywords that the mailbox cannot take: a message is not lost for a flag.
fn acceptable(book: &mut Book<'_, '_>, mailbox: MailboxId, flags: &Flags) -> Result<Flags, Error> {
    let mut table = book.mailbox(mailbox)?.keywords.clone();
    let keywords = flags.keywords.iter().filter(|keyword| table.bits(std::slice::from_ref(*keyword)).is_ok());
    Ok(Flags { system: flags.system, keywords: keywords.cloned().collect() })
}
