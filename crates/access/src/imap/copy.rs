//! COPY, MOVE, EXPUNGE and CLOSE (RFC 9051 §6.4.1 to §6.4.8, RFC 4315, RFC 6851).

use crate::imap::refusal;
use crate::imap::session::{Broken, Done, Outcome, Session};
use account::rights::Rights;
use imap::command::{Copy, Numbers};
use imap::sequence::{self, SequenceSet};
use mail::change::{Copied, Expunge, Place};
use mail::deliver::Quota;
use mail::error::Error;
use mail::flags::SystemFlags;
use mail::witness::Cause;
use model::Uid;

/// Source, UIDs, target and the target's quota.
type Prepared = (Place, Vec<Uid>, Place, Quota);

impl Session<'_> {
    pub async fn copy(&mut self, copy: Copy) -> Done {
        let numbers = copy.numbers;
        let (from, uids, to, quota) = match self.prepare_copy(&copy, Rights::READ).await? {
            Ok(prepared) => prepared,
            Err(outcome) => return Ok(outcome),
        };
        let copied = match self.service.mail.copy(&from, uids, &to, quota).await {
            Ok(copied) => copied.value,
            Err(error) => return Ok(self.failed(&error)),
        };
        if let Some(placed) = &copied.to {
            Box::pin(self.arrived(Cause::Copied, &to, placed)).await;
        }
        self.catch_up(numbers == Numbers::Uid)?;
        Ok(Outcome::Ok(
            copy_code(&copied).map_or_else(|| "nothing to copy".to_owned(), |code| format!("{code} copied")),
        ))
    }

    pub async fn move_messages(&mut self, copy: Copy) -> Done {
        let (from, uids, to, quota) = match self.prepare_copy(&copy, Rights::EXPUNGE).await? {
            Ok(prepared) => prepared,
            Err(outcome) => return Ok(outcome),
        };
        let moved = match self.service.mail.move_messages(&from, uids, &to, quota).await {
            Ok(moved) => moved.value,
            Err(error) => return Ok(self.failed(&error)),
        };
        if let Some(placed) = &moved.to {
            Box::pin(self.arrived(Cause::Copied, &to, placed)).await;
        }
        // COPYUID comes before the expunges (RFC 6851 §4.3).
        if let Some(code) = copy_code(&moved) {
            self.say(&format!("* OK {code} moved\r\n"));
        }
        self.catch_up(true)?;
        Ok(Outcome::ok("done"))
    }

    async fn prepare_copy(&mut self, copy: &Copy, right: Rights) -> Result<Result<Prepared, Outcome>, Broken> {
        self.catch_up(copy.numbers == Numbers::Uid)?;
        let indices = match self.indices(&copy.set, copy.numbers) {
            Ok(indices) => indices,
            Err(outcome) => return Ok(Err(outcome)),
        };
        let target = match self.find(&copy.mailbox).await {
            Ok(target) => target,
            Err(Error::NoMailbox) => return Ok(Err(Outcome::no(refusal::TRY_CREATE))),
            Err(error) => return Ok(Err(self.failed(&error))),
        };
        let Some(selected) = self.selected.as_ref() else { return Ok(Err(Outcome::bad("select a mailbox first"))) };
        if right == Rights::EXPUNGE && selected.read_only {
            return Ok(Err(Outcome::no("[READ-ONLY] the mailbox is open for reading only")));
        }
        if !selected.rights.has(right) || !target.rights.has(Rights::INSERT) {
            return Ok(Err(Outcome::no(refusal::NO_PERMISSION)));
        }
        let uids = indices.iter().filter_map(|index| selected.view.get(*index)).map(|row| row.uid).collect();
        Ok(Ok((selected.place.clone(), uids, target.place(), target.quota)))
    }

    pub async fn expunge(&mut self, set: Option<SequenceSet>) -> Done {
        let Some(selected) = self.selected.as_ref() else { return Ok(Outcome::bad("select a mailbox first")) };
        if selected.read_only {
            return Ok(Outcome::no("[READ-ONLY] the mailbox is open for reading only"));
        }
        if !selected.rights.has(Rights::EXPUNGE) {
            return Ok(Outcome::no(refusal::NO_PERMISSION));
        }
        self.catch_up(true)?;
        let uids = match &set {
            Some(set) => match self.indices(set, Numbers::Uid) {
                Ok(indices) => Some(indices),
                Err(outcome) => return Ok(outcome),
            },
            None => None,
        };
        if let Some(outcome) = self.expunge_deleted(uids).await {
            return Ok(outcome);
        }
        self.catch_up(true)?;
        if self.condstore
            && let Some(selected) = self.selected.as_ref()
        {
            return Ok(Outcome::Ok(format!("[HIGHESTMODSEQ {}] expunged", selected.view.highest_modseq)));
        }
        Ok(Outcome::ok("expunged"))
    }

    /// Expunges what is marked deleted among `indices`, or everywhere.
    async fn expunge_deleted(&mut self, indices: Option<Vec<usize>>) -> Option<Outcome> {
        let selected = self.selected.as_ref()?;
        let view = selected.view.clone();
        let is_deleted = |row: &&mail::view::Row| row.flags.has(SystemFlags::DELETED);
        let uids: Vec<Uid> = match indices {
            Some(indices) => {
                indices.iter().filter_map(|index| view.get(*index)).filter(is_deleted).map(|row| row.uid).collect()
            }
            None => view.deleted().map(|row| row.uid).collect(),
        };
        if uids.is_empty() {
            return None;
        }
        let place = selected.place.clone();
        let expunged = self.service.mail.expunge(&place, uids, Expunge::Deleted).await;
        expunged.err().map(|error| self.failed(&error))
    }

    pub async fn close(&mut self) -> Done {
        let Some(selected) = self.selected.as_ref() else { return Ok(Outcome::bad("select a mailbox first")) };
        if !selected.read_only && selected.rights.has(Rights::EXPUNGE) {
            // The newest view, but nothing is told any more.
            if let Ok(view) = self.service.mail.view(&selected.place)
                && let Some(selected) = self.selected.as_mut()
            {
                selected.view = view;
            }
            if let Some(outcome) = self.expunge_deleted(None).await {
                return Ok(outcome);
            }
        }
        self.leave();
        Ok(Outcome::ok("closed"))
    }
}

/// `[COPYUID validity from to]`
fn copy_code(copied: &Copied) -> Option<String> {
    let placed = copied.to.as_ref()?;
    let from = sequence::write(copied.from.iter().map(|uid| uid.0));
    let to = sequence::write(placed.uids.iter().map(|uid| uid.0));
    Some(format!("[COPYUID {} {from} {to}]", placed.uid_validity))
}
