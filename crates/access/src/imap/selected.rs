//! The selected mailbox: SELECT and EXAMINE, and telling the client what has changed (RFC 9051 §5.2, §6.3.2, RFC 7162).

use crate::imap::session::{Broken, Done, Outcome, Session};
use crate::imap::state::Selected;
use account::rights::Rights;
use imap::command::Select;
use imap::sequence::{self, SequenceSet};
use imap::write;
use mail::change::Place;
use mail::error::Error;
use mail::flags::SystemFlags;
use mail::view::{Row, View};
use model::{Modseq, Uid};
use std::sync::Arc;

/// The system flags by their names on the wire.
pub(crate) const SYSTEM_FLAGS: [(SystemFlags, &str); 5] = [
    (SystemFlags::ANSWERED, "\\Answered"),
    (SystemFlags::FLAGGED, "\\Flagged"),
    (SystemFlags::DELETED, "\\Deleted"),
    (SystemFlags::SEEN, "\\Seen"),
    (SystemFlags::DRAFT, "\\Draft"),
];

/// Writes the flags of a message in parentheses.
pub(crate) fn write_flags(out: &mut Vec<u8>, view: &View, row: &Row) {
    out.push(b'(');
    let system = SYSTEM_FLAGS.iter().filter(|(flag, _)| row.flags.has(*flag)).map(|(_, name)| *name);
    for (at, name) in system.chain(view.keywords.names_of(row.keywords)).enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(name.as_bytes());
    }
    out.push(b')');
}

impl Session<'_> {
    pub async fn select(&mut self, select: Select, wants_write: bool) -> Done {
        let had_one = self.selected.is_some();
        self.leave();
        let found = match self.find(&select.mailbox).await {
            Ok(found) => found,
            Err(error) => return Ok(self.failed(&error)),
        };
        if had_one {
            self.say("* OK [CLOSED] the mailbox before is closed\r\n");
        }
        if !found.rights.has(Rights::READ) {
            return Ok(Outcome::no(crate::imap::refusal::NO_PERMISSION));
        }
        let place = found.place();
        let view = match self.service.mail.view(&place) {
            Ok(view) => view,
            Err(error) => return Ok(self.failed(&error)),
        };
        self.condstore |= select.condstore || select.qresync.is_some();
        let changes = [Rights::SEEN, Rights::WRITE, Rights::DELETE_ITEMS, Rights::EXPUNGE, Rights::INSERT];
        let read_only = !wants_write || !changes.iter().any(|right| found.rights.has(*right));
        self.tell_mailbox(&view, read_only, found.owner.account.0, found.mailbox.id.0, &select.mailbox);
        if let Some(known) = &select.qresync
            && self.qresync
            && known.uid_validity == view.uid_validity.0
        {
            self.tell_since(&place, &view, Modseq(known.modseq), known.known.as_ref())?;
        }
        self.selected = Some(Box::new(Selected { place, view, rights: found.rights, read_only }));
        let code = if read_only { "[READ-ONLY]" } else { "[READ-WRITE]" };
        Ok(Outcome::Ok(format!("{code} selected")))
    }

    fn tell_mailbox(&mut self, view: &View, read_only: bool, account: u32, id: u32, name: &str) {
        self.say(&format!("* {} EXISTS\r\n", view.len()));
        if !self.rev2 {
            self.say("* 0 RECENT\r\n");
        }
        self.tell_flags(view, read_only);
        if self.rev2 {
            self.say("* LIST () \"/\" ");
            let decoded = self.decode_name(name).unwrap_or_else(|_| name.to_owned());
            self.write_name(&mail::name::normalise(&decoded).unwrap_or(decoded));
            self.say("\r\n");
        } else if let Some(first) = view.first_unseen() {
            self.say(&format!("* OK [UNSEEN {}] the first unseen message\r\n", first + 1));
        }
        self.say(&format!("* OK [UIDVALIDITY {}] valid\r\n", view.uid_validity));
        self.say(&format!("* OK [UIDNEXT {}] next\r\n", view.uid_next));
        self.say(&format!("* OK [HIGHESTMODSEQ {}] the last change\r\n", view.highest_modseq));
        self.say(&format!("* OK [MAILBOXID (F{account:x}-{id:x})] the mailbox itself\r\n"));
    }

    /// FLAGS and PERMANENTFLAGS.
    pub fn tell_flags(&mut self, view: &View, read_only: bool) {
        let system: Vec<&str> = SYSTEM_FLAGS.iter().map(|(_, name)| *name).collect();
        let keywords: Vec<&str> = view.keywords.names().iter().map(String::as_str).collect();
        let all = [system.join(" "), keywords.join(" ")].join(" ");
        let all = all.trim_end();
        self.say(&format!("* FLAGS ({all})\r\n"));
        let more = if view.keywords.has_room() { " \\*" } else { "" };
        let permanent = if read_only { String::new() } else { format!("{all}{more}") };
        self.say(&format!("* OK [PERMANENTFLAGS ({permanent})] these stay\r\n"));
    }

    /// What a client missed since it last saw the mailbox (RFC 7162 §3.2.5.1).
    fn tell_since(
        &mut self,
        place: &Place,
        view: &View,
        since: Modseq,
        known: Option<&SequenceSet>,
    ) -> Result<(), Broken> {
        let known = known.map(|set| set.resolve(view.uid_next.0.saturating_sub(1)));
        let is_known = |uid: u32| {
            known.as_ref().is_none_or(|ranges| ranges.iter().any(|(first, last)| (*first..=*last).contains(&uid)))
        };
        let vanished = match self.service.mail.vanished_since(place, since) {
            Ok(Some(uids)) => uids.into_iter().map(|uid| uid.0).collect(),
            // Too long ago: everything that is not there has vanished.
            Ok(None) => (1..view.uid_next.0).filter(|uid| view.index_of(Uid(*uid)).is_none()).collect::<Vec<u32>>(),
            Err(error) => {
                self.failed(&error);
                return Err(Broken::Session("the mail store is away"));
            }
        };
        let vanished = sequence::write(vanished.into_iter().filter(|uid| is_known(*uid)));
        if !vanished.is_empty() {
            self.say(&format!("* VANISHED (EARLIER) {vanished}\r\n"));
        }
        for (index, row) in view.rows().enumerate().filter(|(_, row)| row.modseq > since && is_known(row.uid.0)) {
            self.write_fetch_head(index, row);
            self.say(&format!("UID {} FLAGS ", row.uid));
            write_flags(&mut self.line.output, view, row);
            self.say(&format!(" MODSEQ ({}))\r\n", row.modseq));
        }
        Ok(())
    }

    /// Lets go of the selected mailbox.
    pub fn leave(&mut self) {
        self.selected = None;
        self.saved = Vec::new();
        self.contexts = Vec::new();
    }

    /// Tells the client what has changed. Without `may_expunge` nothing is told that would renumber messages; the
    /// session then goes on with what it knew. Returns the view as it is now.
    pub fn catch_up(&mut self, may_expunge: bool) -> Result<Option<Arc<View>>, Broken> {
        let Some(selected) = self.selected.as_ref() else { return Ok(None) };
        let (old, place, read_only) = (selected.view.clone(), selected.place.clone(), selected.read_only);
        let new = match self.service.mail.view(&place) {
            Ok(new) => new,
            Err(Error::NoMailbox) => {
                self.say("* BYE the selected mailbox was deleted\r\n");
                return Err(Broken::Session("the selected mailbox was deleted"));
            }
            Err(error) => {
                // Reading what the client knows already goes on.
                self.failed(&error);
                return Ok(Some(old));
            }
        };
        if Arc::ptr_eq(&old, &new) || old.highest_modseq == new.highest_modseq {
            return Ok(Some(new));
        }
        let mut told = new.clone();
        let mut changes = old.changes_to(&new);
        if !changes.expunged.is_empty() && !may_expunge {
            // Everything but the expunges, which would change numbers that the client may be using just now.
            if changes.changed.is_empty() && changes.added.is_empty() {
                return Ok(Some(new));
            }
            told = Arc::new(old.without_expunges(&new));
            changes = old.changes_to(&told);
            changes.expunged.clear();
        }
        if *old.keywords != *new.keywords {
            self.tell_flags(&new, read_only);
        }
        self.tell_lost(&old, &changes.expunged);
        self.tell_expunged(&old, &changes.expunged);
        if !changes.added.is_empty() {
            self.say(&format!("* {} EXISTS\r\n", told.len()));
        }
        for index in &changes.changed {
            self.tell_flags_of(&told, *index);
        }
        if let Some(selected) = self.selected.as_mut() {
            selected.view = told.clone();
        }
        self.tell_updates(&place, &told, &changes);
        Ok(Some(new))
    }

    fn tell_expunged(&mut self, old: &View, expunged: &[usize]) {
        if expunged.is_empty() {
            return;
        }
        if self.qresync || self.uid_only {
            let uids = expunged.iter().filter_map(|index| old.get(*index)).map(|row| row.uid.0);
            let line = format!("* VANISHED {}\r\n", sequence::write(uids));
            return self.say(&line);
        }
        // From the last to the first, so that no number changes before it is told.
        for index in expunged.iter().rev() {
            self.say(&format!("* {} EXPUNGE\r\n", index + 1));
        }
    }

    /// How a response about a message begins: with its number, or its UID where only UIDs are in use (RFC 9586 §3.3).
    pub fn write_fetch_head(&mut self, index: usize, row: &Row) {
        self.say("* ");
        if self.uid_only {
            write::number(&mut self.line.output, u64::from(row.uid.0));
            self.say(" UIDFETCH (");
        } else {
            write::number(&mut self.line.output, index as u64 + 1);
            self.say(" FETCH (");
        }
    }

    /// An untagged FETCH with the flags of the message at `index`.
    pub fn tell_flags_of(&mut self, view: &View, index: usize) {
        let Some(row) = view.get(index) else { return };
        self.write_fetch_head(index, row);
        self.say("UID ");
        write::number(&mut self.line.output, u64::from(row.uid.0));
        self.say(" FLAGS ");
        write_flags(&mut self.line.output, view, row);
        if self.condstore {
            self.say(&format!(" MODSEQ ({})", row.modseq));
        }
        self.say(")\r\n");
    }

    /// The indices in the selected view that a set names. A message number beyond the last is an error.
    pub fn indices(&self, set: &SequenceSet, numbers: imap::command::Numbers) -> Result<Vec<usize>, Outcome> {
        let Some(selected) = self.selected.as_ref() else { return Ok(Vec::new()) };
        let view = &selected.view;
        let uids = |ranges: Vec<(u32, u32)>| {
            ranges
                .into_iter()
                .flat_map(|(first, last)| view.lower_bound(Uid(first))..view.lower_bound(Uid(last.saturating_add(1))))
                .collect()
        };
        if *set == SequenceSet::Saved {
            let saved = self.saved.iter().filter_map(|uid| view.index_of(Uid(*uid)));
            return Ok(saved.collect());
        }
        match numbers {
            imap::command::Numbers::Uid => Ok(uids(set.resolve(selected.largest_uid()))),
            imap::command::Numbers::Sequence => {
                let count = u32::try_from(view.len()).unwrap_or(u32::MAX);
                if set.exceeds(count) {
                    return Err(Outcome::bad("there are not so many messages"));
                }
                let ranges = set.resolve(count);
                Ok(ranges.into_iter().flat_map(|(first, last)| (first as usize - 1)..last as usize).collect())
            }
        }
    }
}
