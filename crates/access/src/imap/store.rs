//! STORE (RFC 9051 §6.4.6, RFC 7162 §3.1.3).

use crate::imap::refusal;
use crate::imap::selected::{SYSTEM_FLAGS, write_flags};
use crate::imap::session::{Broken, Done, Outcome, Session};
use crate::imap::state::Wanted;
use account::rights::Rights;
use imap::command::{Numbers, StoreMode};
use imap::sequence::{self, SequenceSet};
use imap::write;
use mail::flags::{FlagMode, Flags, SystemFlags};
use model::{Modseq, Uid};

/// Flags by their names on the wire; `Err` is one that cannot be.
pub(crate) fn parse_flags(names: &[String]) -> Result<Flags, Outcome> {
    let mut flags = Flags::default();
    for name in names {
        if let Some((flag, _)) = SYSTEM_FLAGS.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)) {
            flags.system = flags.system.with(*flag);
        } else if name.eq_ignore_ascii_case("\\Recent") || name.starts_with('\\') {
            return Err(Outcome::Bad(format!("{name} is no flag that can be stored")));
        } else if !flags.keywords.iter().any(|held| held.eq_ignore_ascii_case(name)) {
            flags.keywords.push(name.clone());
        }
    }
    Ok(flags)
}

/// What rights a change of these flags needs (RFC 4314 §4).
fn needed(flags: &Flags, mode: StoreMode) -> Rights {
    if mode == StoreMode::Replace {
        return Rights::WRITE.with(Rights::SEEN).with(Rights::DELETE_ITEMS);
    }
    let mut needed = Rights::NONE;
    if flags.system.has(SystemFlags::SEEN) {
        needed = needed.with(Rights::SEEN);
    }
    if flags.system.has(SystemFlags::DELETED) {
        needed = needed.with(Rights::DELETE_ITEMS);
    }
    let others = flags.system.without(SystemFlags::SEEN).without(SystemFlags::DELETED);
    if others != SystemFlags::default() || !flags.keywords.is_empty() {
        needed = needed.with(Rights::WRITE);
    }
    needed
}

impl Session<'_> {
    pub async fn store(&mut self, set: SequenceSet, numbers: Numbers, wanted: Wanted) -> Done {
        self.condstore |= wanted.unchanged_since.is_some();
        self.catch_up(numbers == Numbers::Uid)?;
        let flags = match parse_flags(&wanted.flags) {
            Ok(flags) => flags,
            Err(outcome) => return Ok(outcome),
        };
        let indices = match self.indices(&set, numbers) {
            Ok(indices) => indices,
            Err(outcome) => return Ok(outcome),
        };
        let Some(selected) = self.selected.as_ref() else { return Ok(Outcome::bad("select a mailbox first")) };
        if selected.read_only {
            return Ok(Outcome::no("[READ-ONLY] the mailbox is open for reading only"));
        }
        if !selected.rights.has(needed(&flags, wanted.mode)) {
            return Ok(Outcome::no(refusal::NO_PERMISSION));
        }
        let (place, old) = (selected.place.clone(), selected.view.clone());
        let uids: Vec<Uid> = indices.iter().filter_map(|index| old.get(*index)).map(|row| row.uid).collect();
        let mode = match wanted.mode {
            StoreMode::Add => FlagMode::Add,
            StoreMode::Remove => FlagMode::Remove,
            StoreMode::Replace => FlagMode::Replace,
        };
        let since = wanted.unchanged_since.map(Modseq);
        let stored = match self.service.mail.store_flags(&place, uids, mode, flags, since).await {
            Ok(stored) => stored.value,
            Err(error) => return Ok(self.failed(&error)),
        };
        self.tell_stored(&old, &stored.done, numbers, wanted.silent)?;
        // What a script changes besides is told even where the client's own change is not.
        if Box::pin(self.flagged(&place, &old, &stored.done)).await {
            self.catch_up(numbers == Numbers::Uid)?;
        }
        if stored.modified.is_empty() {
            return Ok(Outcome::ok("done"));
        }
        let numbers_of = |uid: &Uid| match numbers {
            Numbers::Uid => Some(uid.0),
            Numbers::Sequence => old.index_of(*uid).and_then(|index| u32::try_from(index + 1).ok()),
        };
        let modified = sequence::write(stored.modified.iter().filter_map(numbers_of));
        Ok(Outcome::Ok(format!("[MODIFIED {modified}] some messages had changed")))
    }

    /// Tells the new flags of every message that was named; silently only the modseqs, when they are wanted.
    fn tell_stored(
        &mut self,
        old: &mail::view::View,
        done: &[Uid],
        numbers: Numbers,
        silent: bool,
    ) -> Result<(), Broken> {
        let Some(selected) = self.selected.as_ref() else { return Ok(()) };
        let Ok(new) = self.service.mail.view(&selected.place) else { return Ok(()) };
        let changes = old.changes_to(&new);
        let read_only = selected.read_only;
        if *old.keywords != *new.keywords {
            // Keywords are told before flags that use them.
            self.tell_flags(&new, read_only);
        }
        // Expunges by others wait until they may be told, and everything else of others with them.
        if changes.expunged.is_empty()
            && let Some(selected) = self.selected.as_mut()
        {
            selected.view = new.clone();
            if !changes.added.is_empty() {
                self.say(&format!("* {} EXISTS\r\n", new.len()));
            }
            let is_of_others = |index: &usize| new.get(*index).is_some_and(|row| done.binary_search(&row.uid).is_err());
            for index in changes.changed.iter().copied().filter(is_of_others) {
                self.tell_flags_of(&new, index);
            }
        }
        for uid in done {
            let (Some(index), Some(at)) = (old.index_of(*uid), new.index_of(*uid)) else { continue };
            let Some(row) = new.get(at) else { continue };
            if silent && !self.condstore {
                continue;
            }
            self.write_fetch_head(index, row);
            if numbers == Numbers::Uid || self.qresync {
                self.say("UID ");
                write::number(&mut self.line.output, u64::from(row.uid.0));
                self.say(" ");
            }
            if !silent {
                self.say("FLAGS ");
                write_flags(&mut self.line.output, &new, row);
            }
            if self.condstore {
                let blank = if silent { "" } else { " " };
                self.say(&format!("{blank}MODSEQ ({})", row.modseq));
            }
            self.say(")\r\n");
        }
        if changes.expunged.is_empty()
            && let Some(place) = self.selected.as_ref().map(|selected| selected.place.clone())
        {
            self.tell_updates(&place, &new, &changes);
        }
        Ok(())
    }
}
