//! Metadata: short texts that clients keep with a mailbox or with the account (RFC 5464).

use crate::error::Error;
use crate::limits::{ANNOTATION_OCTETS_MAX, ANNOTATIONS_MAX, ENTRY_OCTETS_MAX};
use crate::store::Mail;
use account::owner::Owner;
use model::{AccountId, MailboxId};
use std::ops::ControlFlow;
use storage::{Committed, Key, KeyParts, Read, Scan};

/// An entry and its value.
pub type Annotation = (String, Vec<u8>);

/// What begins the names of entries that only one person sees (RFC 5464 §3.2).
const PRIVATE: &str = "/private/";

impl Mail {
    /// Every annotation of a mailbox, or of the account (`None`), by entry name, as its owner sees them.
    pub fn annotations(&self, owner: &Owner, mailbox: Option<MailboxId>) -> Result<Vec<Annotation>, Error> {
        let (snapshot, spaces) = self.read(owner)?;
        read(&snapshot, spaces.keys(owner).annotations(mailbox.unwrap_or(MailboxId(0))))
    }

    /// One annotation of a mailbox, or of the account (`None`), as its owner sees it. Costs one look at one row.
    pub fn annotation(&self, owner: &Owner, mailbox: Option<MailboxId>, entry: &str) -> Result<Option<Vec<u8>>, Error> {
        let (snapshot, spaces) = self.read(owner)?;
        let place = spaces.keys(owner).annotations(mailbox.unwrap_or(MailboxId(0)));
        Ok(snapshot.get(&place.text(entry))?.map(|value| value.to_vec()))
    }

    /// The same as `guest`, whose account is another one, sees them: what is shared, and the guest's own private ones.
    pub fn annotations_for(
        &self,
        owner: &Owner,
        mailbox: Option<MailboxId>,
        guest: AccountId,
    ) -> Result<Vec<Annotation>, Error> {
        let (snapshot, spaces) = self.read(owner)?;
        let (keys, id) = (spaces.keys(owner), mailbox.unwrap_or(MailboxId(0)));
        let mut found = read(&snapshot, keys.annotations(id))?;
        if guest != owner.account {
            found.retain(|(entry, _)| !entry.starts_with(PRIVATE));
            found.extend(read(&snapshot, keys.guest_annotations(id, guest))?);
            found.sort();
        }
        Ok(found)
    }

    /// Sets annotations, or takes away those without a value: all of them or none. Entry names are lower-cased, for
    /// their case does not count (RFC 5464 §3.1).
    pub async fn annotate(
        &self,
        owner: &Owner,
        mailbox: Option<MailboxId>,
        changes: Vec<(String, Option<Vec<u8>>)>,
    ) -> Result<Committed<()>, Error> {
        self.annotate_as(owner, mailbox, owner.account, changes).await
    }

    /// The same for a `guest`, whose private entries are kept apart from the owner's.
    pub async fn annotate_as(
        &self,
        owner: &Owner,
        mailbox: Option<MailboxId>,
        guest: AccountId,
        changes: Vec<(String, Option<Vec<u8>>)>,
    ) -> Result<Committed<()>, Error> {
        let is_owner = guest == owner.account;
        self.in_book(owner, move |book| {
            let id = mailbox.unwrap_or(MailboxId(0));
            if mailbox.is_some() {
                let modseq = book.ledger.modseq();
                book.mailbox_mut(id)?.highest_modseq = modseq;
            } else {
                book.notify_account();
            }
            let (common, own) = (book.keys.annotations(id), book.keys.guest_annotations(id, guest));
            for (entry, value) in changes {
                if entry.is_empty() || entry.len() > ENTRY_OCTETS_MAX || entry.chars().any(char::is_control) {
                    return Err(Error::BadEntry);
                }
                let entry = entry.to_ascii_lowercase();
                let place = if is_owner || !entry.starts_with(PRIVATE) { &common } else { &own };
                let key = place.clone().text(&entry);
                match value {
                    None => book.transaction.delete(key),
                    Some(value) if value.len() > ANNOTATION_OCTETS_MAX => {
                        return Err(Error::TooLarge("the annotation"));
                    }
                    Some(value) => book.transaction.put(key, value),
                }
            }
            for place in [common, own] {
                let held = book.transaction.scan(place.range(), Scan::first(ANNOTATIONS_MAX + 1).keys_only())?;
                if held.rows.len() > ANNOTATIONS_MAX {
                    return Err(Error::TooMany("annotations"));
                }
            }
            Ok(())
        })
        .await
    }
}

fn read(reader: &dyn Read, place: Key) -> Result<Vec<Annotation>, Error> {
    let prefix = place.len();
    let mut found = Vec::new();
    reader.each(place.range(), &mut |key, value| {
        let entry = key.get(prefix..).and_then(|rest| KeyParts::new(rest).text());
        found.push((entry.ok_or(storage::Error::Row("annotations"))?, value.to_vec()));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}
