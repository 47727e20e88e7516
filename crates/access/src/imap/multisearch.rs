//! ESEARCH over several mailboxes (RFC 7377).

use crate::imap::find;
use crate::imap::progress::Progress;
use crate::imap::refusal;
use crate::imap::scope::{Known, may_read};
use crate::imap::search::mentions_modseq;
use crate::imap::session::{Done, Outcome, Session, key_uses_numbers};
use imap::command::Numbers;
use imap::search::{Key, Return, Scope};
use imap::sequence::SequenceSet;

impl Session<'_> {
    pub async fn search_many(&mut self, scopes: Vec<Scope>, returns: Return, key: Key) -> Done {
        let only_selected = scopes.iter().all(|scope| *scope == Scope::Selected);
        if scopes.is_empty() || scopes.contains(&Scope::Selected) {
            if self.selected.is_none() {
                return Ok(Outcome::bad("no mailbox is selected"));
            }
            self.catch_up(true)?;
        }
        // Numbers and $ stand for messages of the selected mailbox (RFC 7377 §2.1).
        if !only_selected && (returns.save || key_uses_numbers(&key) || uses_saved(&key)) {
            return Ok(Outcome::bad("numbers and $ belong to the selected mailbox alone"));
        }
        let scopes = if scopes.is_empty() { vec![Scope::Selected] } else { scopes };
        let known = match self.known().await {
            Ok(known) => known,
            Err(error) => return Ok(self.failed(&error)),
        };
        self.condstore |= mentions_modseq(&key);
        if returns.update {
            let tag = self.tag_string();
            self.say(&format!("* NO [NOUPDATE {tag}] changes of several mailboxes are not told\r\n"));
        }
        let mut is_allowed = true;
        for known in known {
            if !scopes.iter().any(|scope| self.is_in(scope, &known)) {
                continue;
            }
            if !may_read(&known) {
                // One that is named and may not be read is worth a word (RFC 7377 §2.2); the others are searched.
                is_allowed &= !scopes.iter().any(|scope| matches!(scope, Scope::Mailboxes(_)));
                continue;
            }
            if let Err(error) = self.search_one(&known, &returns, &key) {
                return Ok(self.failed(&error));
            }
            self.flush_some().await?;
        }
        Ok(if is_allowed { Outcome::ok("done") } else { Outcome::no(refusal::NO_PERMISSION) })
    }

    fn search_one(&mut self, known: &Known, returns: &Return, key: &Key) -> Result<(), mail::error::Error> {
        let place = known.found.place();
        let selected = self.selected.as_ref().filter(|selected| selected.place == place);
        let is_selected = selected.is_some();
        let view = match selected {
            Some(selected) => selected.view.clone(),
            None => self.service.mail.view(&place)?,
        };
        let (service, now, saved) = (self.service, self.service.clock.now(), self.saved.clone());
        let question = find::Question { key, now, saved: &saved };
        let mut progress = Progress::of(self);
        let found = tokio::task::block_in_place(|| {
            find::search(&service.mail, &place, &view, question, &mut |done, total| {
                progress.step(self, done, total);
            })
        })?;
        // A mailbox without a match is not answered (RFC 7377 §2.1).
        if found.is_empty() {
            return Ok(());
        }
        let returns = Return { save: returns.save && is_selected, ..returns.clone() };
        let returns = if tells_nothing(&returns) { Return { all: true, ..returns } } else { returns };
        let start = self.line.output.len();
        self.answer(&view, &found, Numbers::Uid, &returns, mentions_modseq(key));
        let answer = self.line.output.split_off(start);
        let end = b"* ESEARCH (TAG ".len() + self.tag_string().len();
        let (head, rest) = answer.split_at_checked(end).unwrap_or((&answer, &[]));
        self.line.output.extend_from_slice(head);
        if !head.is_empty() {
            self.say(" MAILBOX ");
            self.write_name(&known.name);
            self.say(&format!(" UIDVALIDITY {}", view.uid_validity));
        }
        self.line.output.extend_from_slice(rest);
        Ok(())
    }
}

fn tells_nothing(returns: &Return) -> bool {
    !(returns.min || returns.max || returns.all || returns.count || returns.partial.is_some() || returns.save)
}

fn uses_saved(key: &Key) -> bool {
    match key {
        Key::Numbers(set) | Key::Uids(set) => *set == SequenceSet::Saved,
        Key::Not(key) => uses_saved(key),
        Key::Or(one, other) => uses_saved(one) || uses_saved(other),
        Key::And(keys) => keys.iter().any(uses_saved),
        _ => false,
    }
}
