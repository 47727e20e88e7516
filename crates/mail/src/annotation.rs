//! Metadata: short texts that clients keep with a mailbox or with the account (RFC 5464).

use crate::error::Error;
use crate::keys;
use crate::limits::{ANNOTATION_OCTETS_MAX, ANNOTATIONS_MAX, ENTRY_OCTETS_MAX};
use crate::store::Mail;
use account::owner::Owner;
use model::MailboxId;
use std::ops::ControlFlow;
use storage::{Committed, Read};

/// An entry and its value.
pub type Annotation = (String, Vec<u8>);

impl Mail {
    /// Every annotation of a mailbox, or of the account (`None`), by entry name.
    pub fn annotations(&self, owner: &Owner, mailbox: Option<MailboxId>) -> Result<Vec<Annotation>, Error> {
        let (snapshot, spaces) = self.read(owner)?;
        let range = spaces.keys(owner).annotations(mailbox.unwrap_or(MailboxId(0))).range();
        let mut found = Vec::new();
        snapshot.each(range, &mut |key, value| {
            let entry = keys::rest(key).and_then(|mut parts| {
                parts.u32()?;
                parts.text()
            });
            found.push((entry.ok_or(storage::Error::Row("annotations"))?, value.to_vec()));
            Ok(ControlFlow::Continue(()))
        })?;
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
        self.in_book(owner, move |book| {
            let id = mailbox.unwrap_or(MailboxId(0));
            if mailbox.is_some() {
                let modseq = book.ledger.modseq();
                book.mailbox_mut(id)?.highest_modseq = modseq;
            } else {
                book.notify_account();
            }
            for (entry, value) in changes {
                if entry.is_empty() || entry.len() > ENTRY_OCTETS_MAX || entry.chars().any(char::is_control) {
                    return Err(Error::BadEntry);
                }
                let key = book.keys.annotation(id, &entry.to_ascii_lowercase());
                match value {
                    None => book.transaction.delete(key),
                    Some(value) if value.len() > ANNOTATION_OCTETS_MAX => {
                        return Err(Error::TooLarge("the annotation"));
                    }
                    Some(value) => book.transaction.put(key, value),
                }
            }
            let mut count = 0;
            book.transaction.each(book.keys.annotations(id).range(), &mut |_, _| {
                count += 1;
                Ok(ControlFlow::Continue(()))
            })?;
            if count > ANNOTATIONS_MAX {
                return Err(Error::TooMany("annotations"));
            }
            Ok(())
        })
        .await
    }
}
