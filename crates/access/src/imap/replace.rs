//! REPLACE and UID REPLACE (RFC 8508).

use crate::imap::append::ready;
use crate::imap::refusal;
use crate::imap::session::{Done, Outcome, Session};
use account::rights::Rights;
use imap::command::{Append, Numbers};
use imap::sequence::SequenceSet;
use mail::error::Error;
use mail::witness::Cause;

impl Session<'_> {
    pub async fn replace(&mut self, number: u32, numbers: Numbers, mailbox: &str, message: Append) -> Done {
        self.catch_up(numbers == Numbers::Uid)?;
        let indices = match self.indices(&SequenceSet::Ranges(vec![(Some(number), Some(number))]), numbers) {
            Ok(indices) => indices,
            Err(outcome) => return Ok(outcome),
        };
        let Some(selected) = self.selected.as_ref() else { return Ok(Outcome::bad("select a mailbox first")) };
        if selected.read_only {
            return Ok(Outcome::no("[READ-ONLY] the mailbox is open for reading only"));
        }
        let (from, rights) = (selected.place.clone(), selected.rights);
        let Some(uid) = indices.first().and_then(|index| selected.view.get(*index)).map(|row| row.uid) else {
            return Ok(Outcome::no("[NONEXISTENT] there is no such message"));
        };
        let target = match self.find(mailbox).await {
            Ok(target) => target,
            Err(Error::NoMailbox) => return Ok(Outcome::no(refusal::TRY_CREATE)),
            Err(error) => return Ok(self.failed(&error)),
        };
        let needed = Rights::DELETE_ITEMS.with(Rights::EXPUNGE);
        if !rights.has(needed) || !target.rights.has(Rights::INSERT) {
            return Ok(Outcome::no(refusal::NO_PERMISSION));
        }
        let append = match ready(self, message, target.rights).await {
            Ok(append) => append,
            Err(outcome) => return Ok(outcome),
        };
        let replaced = self.service.mail.replace(&from, uid, &target.place(), append, target.quota).await;
        let replaced = match replaced {
            Ok(replaced) => replaced,
            Err(Error::NoMessage) => return Ok(Outcome::no("[NONEXISTENT] the message has gone meanwhile")),
            Err(error) => return Ok(self.failed(&error)),
        };
        Box::pin(self.arrived(Cause::Added, &target.place(), &replaced.value)).await;
        // The code comes before the expunge (RFC 8508 §3.3).
        if let Some(new) = replaced.value.uids.first() {
            let line = format!("* OK [APPENDUID {} {new}] the replacement is there\r\n", replaced.value.uid_validity);
            self.say(&line);
        }
        self.catch_up(true)?;
        Ok(done(replaced.receipt))
    }
}

/// The one positive answer, which only a receipt gives.
fn done(_receipt: storage::Receipt) -> Outcome {
    Outcome::ok("replaced")
}
