//! Searches whose results are kept up to date (RFC 5267 §4.3): `RETURN (UPDATE)` and CANCELUPDATE.

use crate::imap::find;
use crate::imap::session::{Outcome, Session, key_uses_numbers};
use crate::imap::state::Context;
use imap::command::Numbers;
use imap::search::Key;
use imap::sequence::{self, SequenceSet};
use mail::view::{Changes, View};
use std::collections::BTreeSet;

/// Searches that one session may keep up to date.
const CONTEXTS_MAX: usize = 16;

impl Session<'_> {
    /// Keeps a result up to date from now on, or says that it is not.
    pub fn keep(&mut self, view: &View, found: &[usize], numbers: Numbers, key: &Key) {
        let tag = self.tag_string();
        self.contexts.retain(|context| context.tag != tag);
        if self.contexts.len() >= CONTEXTS_MAX || key_uses_numbers(key) || is_of_the_moment(key) {
            self.say(&format!("* NO [NOUPDATE {tag}] this result is not kept up to date\r\n"));
            return;
        }
        let uids = found.iter().filter_map(|index| view.get(*index)).map(|row| row.uid.0).collect();
        self.contexts.push(Context { tag, numbers, key: key.clone(), uids });
    }

    /// Ends the updates of the searches with these tags (RFC 5267 §4.3.5).
    pub fn cancel_update(&mut self, tags: &[String]) -> Outcome {
        let quoted = |tag: &String| {
            let mut out = Vec::new();
            imap::write::string(&mut out, tag.as_bytes(), false);
            String::from_utf8_lossy(&out).into_owned()
        };
        let tags: Vec<String> = tags.iter().map(quoted).collect();
        self.contexts.retain(|context| !tags.contains(&context.tag));
        Outcome::ok("done")
    }

    /// Tells which results lose messages that are about to be expunged: before their numbers go.
    pub fn tell_lost(&mut self, old: &View, expunged: &[usize]) {
        let mut contexts = std::mem::take(&mut self.contexts);
        for context in &mut contexts {
            let lost = expunged.iter().filter_map(|index| Some((*index, old.get(*index)?.uid.0)));
            let lost: Vec<(usize, u32)> = lost.filter(|(_, uid)| context.uids.contains(uid)).collect();
            lost.iter().for_each(|(_, uid)| {
                context.uids.remove(uid);
            });
            self.tell_update(context, "REMOVEFROM", &lost);
        }
        self.contexts = contexts;
    }

    /// Tells which messages came into results or fell out of them by what has changed.
    pub fn tell_updates(&mut self, place: &mail::change::Place, new: &View, changes: &Changes) {
        if self.contexts.is_empty() {
            return;
        }
        let touched = changes.changed.iter().copied().chain(changes.added.clone());
        let touched: Vec<(usize, u32)> = touched.filter_map(|index| Some((index, new.get(index)?.uid.0))).collect();
        if touched.is_empty() {
            return;
        }
        let ranges = touched.iter().map(|(_, uid)| (Some(*uid), Some(*uid))).collect();
        let set = SequenceSet::Ranges(ranges);
        let mut contexts = std::mem::take(&mut self.contexts);
        let (mail, now) = (&self.service.mail, self.service.clock.now());
        for context in &mut contexts {
            let key = Key::And(vec![Key::Uids(set.clone()), context.key.clone()]);
            let question = find::Question { key: &key, now, saved: &[] };
            let search = || find::search(mail, place, new, question, &mut |_, _| {});
            // What cannot be read now is told at the next change.
            let Ok(found) = tokio::task::block_in_place(search) else { continue };
            let fits: BTreeSet<usize> = found.into_iter().collect();
            let (mut lost, mut won) = (Vec::new(), Vec::new());
            for (index, uid) in &touched {
                match (context.uids.contains(uid), fits.contains(index)) {
                    (true, false) => lost.push((*index, *uid)),
                    (false, true) => won.push((*index, *uid)),
                    _ => {}
                }
            }
            lost.iter().for_each(|(_, uid)| {
                context.uids.remove(uid);
            });
            context.uids.extend(won.iter().map(|(_, uid)| *uid));
            self.tell_update(context, "REMOVEFROM", &lost);
            self.tell_update(context, "ADDTO", &won);
        }
        self.contexts = contexts;
    }

    /// Position 0: the result has no order of its own (RFC 5267 §4.3.1).
    fn tell_update(&mut self, context: &Context, what: &str, messages: &[(usize, u32)]) {
        if messages.is_empty() {
            return;
        }
        let (uid, set) = match context.numbers {
            Numbers::Uid => (" UID", sequence::write(messages.iter().map(|(_, uid)| *uid))),
            Numbers::Sequence => {
                let numbers = messages.iter().filter_map(|(index, _)| u32::try_from(index + 1).ok());
                ("", sequence::write(numbers))
            }
        };
        let line = format!("* ESEARCH (TAG {}){uid} {what} (0 {set})\r\n", context.tag);
        self.say(&line);
    }
}

/// Keys whose answer changes with the time alone, or that stand for another search's result.
fn is_of_the_moment(key: &Key) -> bool {
    match key {
        Key::Older(_) | Key::Younger(_) => true,
        Key::Numbers(set) | Key::Uids(set) => *set == SequenceSet::Saved,
        Key::Not(key) => is_of_the_moment(key),
        Key::Or(one, other) => is_of_the_moment(one) || is_of_the_moment(other),
        Key::And(keys) => keys.iter().any(is_of_the_moment),
        _ => false,
    }
}
