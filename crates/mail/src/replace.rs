//! A message in the place of another: the new one is there and the old one is gone, or nothing happened (RFC 8508).

use crate::book::Book;
use crate::change::{Expunge, Place};
use crate::deliver::{Append, Placed, Quota, fits, put};
use crate::error::Error;
use crate::store::Mail;
use model::Uid;
use storage::{Committed, Transaction};

impl Mail {
    /// Puts `append` into `to` and takes the message `uid` out of `from`, which can be brought back for a while. Between
    /// partitions the old message goes only when the new one is durable.
    pub async fn replace(
        &self,
        from: &Place,
        uid: Uid,
        to: &Place,
        append: Append,
        quota: Quota,
    ) -> Result<Committed<Placed>, Error> {
        if from.owner.partition != to.owner.partition {
            if self.message(from, uid)?.is_none() {
                return Err(Error::NoMessage);
            }
            let placed = self.append(&to.owner, to.mailbox, vec![append], quota).await?;
            self.expunge(from, vec![uid], Expunge::All).await?;
            return Ok(placed);
        }
        let keep = self.inner.settings.undelete_days > 0;
        let (store, spaces) = self.partition(&from.owner.partition)?;
        let (from, to) = (from.clone(), to.clone());
        let replacing = move |transaction: &mut Transaction<'_>| {
            let mut book = Book::open(transaction, spaces, &from.owner)?;
            let old = book.message(from.mailbox, uid)?.ok_or(Error::NoMessage)?;
            book.discard(from.mailbox, uid, old, keep)?;
            if from.owner != to.owner {
                book.close();
                book = Book::open(transaction, spaces, &to.owner)?;
            }
            let uid_validity = book.mailbox(to.mailbox)?.uid_validity;
            if !fits(quota, book.ledger.row.octets, book.ledger.row.items, append.message.octets()) {
                return Err(Error::OverQuota.into());
            }
            let date = append.internal_date.unwrap_or_else(|| book.now());
            let uids = vec![put(&mut book, to.mailbox, &append.message, &append.flags, date)?];
            book.close();
            Ok(Placed { uid_validity, uids })
        };
        Ok(store.write(replacing).await?)
    }
}
