//! An INBOX as one client sees it: the messages that were there when it logged in.

use crate::pop3::limits::{DELETIONS, PIECE_OCTETS};
use crate::pop3::listing::{Entry, Listing};
use crate::pop3::stuffing;
use account::owner::Owner;
use bytes::Bytes;
use mail::change::{Expunge, Place};
use mail::error::Error;
use mail::name::INBOX;
use mail::store::Mail;
use mail::view::View;
use model::{BlobHash, Uid};
use std::sync::Arc;
use storage::Receipt;

/// An open maildrop.
pub(crate) struct Maildrop {
    mail: Mail,
    place: Place,
    view: Arc<View>,
}

impl Maildrop {
    pub(crate) async fn open(mail: &Mail, owner: &Owner) -> Result<Maildrop, Error> {
        mail.prepare(owner).await?;
        let inbox = mail.find(owner, INBOX)?.ok_or(Error::NoMailbox)?;
        let place = Place { owner: owner.clone(), mailbox: inbox.id };
        let view = mail.view(&place)?;
        Ok(Maildrop { mail: mail.clone(), place, view })
    }

    pub(crate) fn listing(&self) -> Listing {
        let entries = self.view.rows().map(|row| Entry { uid: row.uid, octets: u64::from(row.octets) });
        Listing::new(self.view.uid_validity, entries.collect())
    }

    /// The name of a message's octets and how many there are.
    pub(crate) fn blob(&self, uid: Uid) -> Option<(BlobHash, u64)> {
        let row = self.view.get(self.view.index_of(uid)?)?;
        Some((row.blob, u64::from(row.octets)))
    }

    /// The octets from `start` on, as many as are sent at a time.
    pub(crate) fn piece(&self, blob: &BlobHash, start: u64) -> Result<Bytes, Error> {
        self.mail.body_range(&self.place.owner, blob, start..start.saturating_add(PIECE_OCTETS))
    }

    /// What TOP sends of a message. No more is read than must be, at most twice as much.
    pub(crate) fn top(&self, blob: &BlobHash, octets: u64, lines: u64) -> Result<Bytes, Error> {
        let mut end = PIECE_OCTETS.min(octets);
        loop {
            let beginning = self.mail.body_range(&self.place.owner, blob, 0..end)?;
            let wanted = stuffing::top(&beginning, lines).len();
            if wanted < beginning.len() || end >= octets {
                return Ok(beginning.slice(..wanted));
            }
            end = end.saturating_mul(2).min(octets);
        }
    }

    /// Deletes for good, as far as POP3 knows: within the undelete window an operator can bring messages back.
    pub(crate) async fn delete(&self, uids: &[Uid]) -> Result<Option<Receipt>, Error> {
        let mut receipt = None;
        for some in uids.chunks(DELETIONS) {
            let expunged = self.mail.expunge(&self.place, some.to_vec(), Expunge::All).await?;
            receipt = Some(expunged.receipt);
        }
        Ok(receipt)
    }
}
