//! From what a script wants to what is to be done.

use crate::aside::aside;
use crate::scripts::answers::{mailbox_id, named_use};
use crate::scripts::decision::{Decision, Sent, usual};
use crate::scripts::forward;
use crate::scripts::notify;
use crate::scripts::remembered::duplicate_key;
use crate::scripts::service::Scripts;
use crate::scripts::subject::{Away, Subject};
use crate::scripts::vacation;
use crate::scripts::whole::Whole;
use mail::filing::{Destination, Placement};
use mail::flags::{Flags, SystemFlags};
use mail::record::SpecialUse;
use mail::scripts::Memory;
use message::edit::{self, Prefix};
use message::header;
use model::{Address, Timestamp};
use queue::entry::{NewEntry, Scores};
use sieve::{Effect, Outcome, Recipients, RedirectOptions, Target, Version};
use std::time::Duration;

/// Whether the message is still to be kept, and later scripts run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is.
    Yes,
    /// It was dealt with.
    No,
}

/// A script whose wishes are fulfilled.
#[derive(Clone, Copy)]
pub struct Act<'a> {
    /// What runs scripts.
    pub scripts: &'a Scripts,
    /// For whom.
    pub subject: &'a Subject<'a>,
    /// What the script is called.
    pub name: &'a str,
    /// When.
    pub now: Timestamp,
    /// Whether the recipient wrote it.
    pub is_own: bool,
}

/// What one script leaves to the next.
pub struct State {
    /// The message as it is now.
    pub whole: Whole,
    /// What filters found, as scripts have corrected it.
    pub scores: Scores,
    /// Messages that may still be sent on.
    pub redirects_left: usize,
    flags: Vec<String>,
    has_answered: bool,
    is_junk: bool,
}

impl State {
    /// Before the first script.
    pub fn new(whole: Whole, scores: Scores, redirects_left: usize) -> State {
        State { whole, scores, redirects_left, flags: Vec::new(), has_answered: false, is_junk: false }
    }

    /// Does what a script wants, in its order.
    ///
    /// # Errors
    /// The directory is away.
    pub async fn apply(
        &mut self,
        act: &Act<'_>,
        decision: &mut Decision,
        outcome: Box<Outcome<'_>>,
    ) -> Result<Kept, Away> {
        let Act { scripts, subject, name, now, is_own } = *act;
        self.is_junk &= !(is_own && keeps_outright(&outcome));
        let mut kept = Kept::No;
        let account = subject.account.address.as_str();
        let mut tags: Vec<String> = Vec::new();
        for effect in outcome.effects {
            match effect {
                Effect::Keep { flags, message } => {
                    kept = Kept::Yes;
                    if !flags.is_empty() {
                        self.flags = flags;
                    }
                    self.whole = text(&self.whole, &message)?;
                }
                Effect::FileInto { target, message } => {
                    let message = text(&self.whole, &message)?.filed();
                    decision.note(format!("{name}: filed into {}", target.mailbox));
                    decision.keep(chosen(subject, &target, message));
                }
                Effect::Redirect { to, options, message } => {
                    let octets = text(&self.whole, &message)?;
                    if !self.redirect(act, decision, &to, &options, &octets) {
                        kept = Kept::Yes;
                    }
                }
                Effect::Reject { reason, .. } => {
                    decision.note(format!("{name}: refused"));
                    decision.rejection = Some(reason);
                }
                Effect::Vacation(wanted) => self.vacation(act, decision, &wanted).await?,
                Effect::Notify(wanted) => {
                    match notify::letter(scripts, subject, self.whole.octets(), &wanted, now).await? {
                        Ok((entry, copy)) => {
                            send(decision, Sent::Notify, entry);
                            self.copy(subject, decision, wanted.copy.as_ref(), copy)?;
                        }
                        Err(why) => not_done(act, decision, why),
                    }
                }
                Effect::Jettison => {
                    decision.note(format!("{name}: dropped for good"));
                    decision.placements.clear();
                    return Ok(Kept::No);
                }
                Effect::Junk => {
                    decision.note(format!("{name}: goes into Junk unless the owner's script says where"));
                    self.is_junk = true;
                }
                Effect::Hold { .. } if subject.is_released => {
                    decision.note(format!("{name}: not held again after an operator released it"));
                    kept = Kept::Yes;
                }
                Effect::Hold { reason } => {
                    *decision = Decision { hold: Some(reason), ..Decision::default() };
                    return Ok(Kept::No);
                }
                Effect::Capture { to } => self.capture(act, decision, to),
                Effect::AddTag { tag } => tags.push(tag),
                Effect::SpamAdjust { thousandths } => self.scores = adjusted(self.scores, thousandths),
                Effect::VirusSet { level } => self.scores.virus = Some(level.min(5)),
            }
        }
        for tag in tags {
            self.whole = parsed(tagged(self.whole.octets(), &tag))?;
        }
        for memory in outcome.remember {
            let until = now.plus(Duration::from_secs(memory.seconds));
            decision.remember.push(Memory { key: duplicate_key(&memory.id), until, is_new: !memory.is_known });
        }
        if kept == Kept::No {
            decision.note(format!("{name} dealt with the message for {account}"));
        }
        Ok(kept)
    }

    /// Keeps the message where it goes without scripts.
    pub fn keep(&self, subject: &Subject<'_>, decision: &mut Decision) -> Result<(), mail::error::Error> {
        let (mailbox, special_use) = ("Junk".to_owned(), Some(SpecialUse::Junk));
        let junk = Destination::Chosen { id: None, special_use, mailbox, creates: true };
        let (message, destination) = (self.whole.filed(), if self.is_junk { junk } else { usual(subject.target) });
        decision.keep(Placement { message, destination, flags: flags(&self.flags) });
        Ok(())
    }

    /// Whether the message is sent on; one that was here before is kept instead (RFC 5228 §10).
    fn redirect(
        &mut self,
        act: &Act<'_>,
        decision: &mut Decision,
        to: &Recipients,
        options: &RedirectOptions,
        whole: &Whole,
    ) -> bool {
        let subject = act.subject;
        let to = match to {
            Recipients::Address(address) => Ok(address.clone()),
            // A list is a group of ours, by its address.
            Recipients::List(list) => list.parse(),
        };
        let Ok(to) = to else {
            not_done(act, decision, "a message cannot be sent on to a list that is no address");
            return false;
        };
        let is_loop = subject.account.address.parse().is_ok_and(|own| edit::was_delivered_to(whole.octets(), &own));
        if is_loop {
            not_done(act, decision, "the message was sent on from here before and is kept");
            return false;
        }
        self.redirects_left = self.redirects_left.saturating_sub(1);
        decision.note(format!("sent on to {to}"));
        let octets = whole.octets();
        let entry = aside(octets.len(), || forward::onward(subject, to, options, octets));
        send(decision, Sent::Redirect, entry);
        true
    }

    /// A copy with its envelope for somebody else; one for each who is to have it.
    fn capture(&self, act: &Act<'_>, decision: &mut Decision, to: Address) {
        /// Copies of one message for one account, each of which is built whole: more than have an eye on anybody.
        const CAPTURES_MAX: usize = 16;
        let Act { scripts, subject, now, .. } = *act;
        let copies = || decision.outgoing.iter().filter(|(kind, _)| *kind == Sent::Capture).map(|(_, copy)| copy);
        if copies().flat_map(|copy| &copy.recipients).any(|(known, _)| known.address == to) {
            return;
        }
        if copies().count() >= CAPTURES_MAX {
            return not_done(act, decision, "more copies of one message are wanted than are made");
        }
        let envelope = forward::Envelope { sender: subject.sender, to: vec![subject.recipient] };
        let octets = self.whole.octets();
        let copy = || forward::capture(scripts, subject.trace, &envelope, vec![to], octets, now);
        send(decision, Sent::Capture, aside(octets.len(), copy));
    }

    async fn vacation(&mut self, act: &Act<'_>, decision: &mut Decision, wanted: &sieve::Vacation) -> Result<(), Away> {
        let Act { scripts, subject, now, .. } = *act;
        if std::mem::replace(&mut self.has_answered, true) {
            return Ok(());
        }
        match vacation::answer(scripts, subject, self.whole.octets(), wanted, now).await? {
            Ok(answer) => {
                decision.note(format!("answered {} that nobody is there", answer.to));
                send(decision, Sent::Vacation, answer.entry);
                decision.remember.extend(answer.remember);
                self.copy(subject, decision, wanted.copy.as_ref(), answer.octets)?;
            }
            Err(why) => decision.note(format!("no answer that somebody is away: {why}")),
        }
        Ok(())
    }

    /// A copy of what was sent, where the script wants it (RFC 8580).
    fn copy(
        &self,
        subject: &Subject<'_>,
        decision: &mut Decision,
        target: Option<&Target>,
        octets: Vec<u8>,
    ) -> Result<(), Away> {
        if let Some(target) = target {
            decision.keep(chosen(subject, target, parsed(octets)?.filed()));
        }
        Ok(())
    }
}

/// Whether a script says itself that the message is kept.
fn keeps_outright(outcome: &Outcome<'_>) -> bool {
    let keeps = outcome.effects.iter().filter(|effect| matches!(effect, Effect::Keep { .. })).count();
    keeps > usize::from(outcome.is_implicit_keep)
}

fn send(decision: &mut Decision, kind: Sent, entry: NewEntry) {
    decision.outgoing.push((kind, entry));
}

fn not_done(act: &Act<'_>, decision: &mut Decision, what: &str) {
    let Act { scripts, subject, .. } = *act;
    scripts.signals.not_done(subject.trace, &subject.account.address, what);
    decision.note(what);
}

/// The text that a script means, parsed again only where it was changed.
fn text(whole: &Whole, version: &Version<'_>) -> Result<Whole, Away> {
    if version.is_original() { Ok(whole.clone()) } else { parsed(version.octets().into_owned()) }
}

fn parsed(octets: Vec<u8>) -> Result<Whole, Away> {
    aside(octets.len(), || Whole::new(octets)).map_err(|error| Away(error.to_string()))
}

fn chosen(subject: &Subject<'_>, target: &Target, message: mail::deliver::NewMessage) -> Placement {
    let account = subject.target.owner.account.0;
    let destination = Destination::Chosen {
        id: target.mailbox_id.as_deref().and_then(|id| mailbox_id(id, account)),
        special_use: target.special_use.as_deref().and_then(named_use),
        mailbox: target.mailbox.clone(),
        creates: target.creates,
    };
    Placement { message, destination, flags: flags(&target.flags) }
}

/// Flags by their IMAP names. Those beginning with `\` that no message can have are left out.
pub(crate) fn flags(names: &[String]) -> Flags {
    let mut flags = Flags::default();
    for name in names {
        let system = match name.to_ascii_lowercase().as_str() {
            "\\seen" => SystemFlags::SEEN,
            "\\answered" => SystemFlags::ANSWERED,
            "\\flagged" => SystemFlags::FLAGGED,
            "\\deleted" => SystemFlags::DELETED,
            "\\draft" => SystemFlags::DRAFT,
            other => {
                if !other.starts_with('\\') {
                    flags.keywords.push(name.clone());
                }
                continue;
            }
        };
        flags.system = flags.system.with(system);
    }
    flags
}

/// The scores with something added to that of spam.
pub fn adjusted(scores: Scores, thousandths: i64) -> Scores {
    let before = i64::from(scores.spam_percent.unwrap_or(0));
    let after = before.saturating_add(thousandths / 1000).clamp(0, 100);
    Scores { spam_percent: u8::try_from(after).ok(), ..scores }
}

/// The message with something before its subject, once.
pub fn tagged(octets: &[u8], tag: &str) -> Vec<u8> {
    let found = header::find(octets, "Subject");
    let before = found.as_ref().map(|field| field.decoded()).unwrap_or_default();
    if before.trim_start().starts_with(tag) {
        return octets.to_vec();
    }
    let mut field = Prefix::new();
    field.field("Subject", &message::word::encode(format!("{tag} {before}").trim_end()));
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    let (start, end) = found.map_or((0, 0), |field| (place(field.span.start), place(field.span.end)));
    let before = octets.get(..start).unwrap_or_default();
    let after = octets.get(end..).unwrap_or_default();
    [before, field.octets(), after].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_have_their_imap_names() {
        let names = ["\\Seen", "$Label1", "\\Recent"].map(str::to_owned);
        let found = flags(&names);
        assert_eq!((found.system, found.keywords.as_slice()), (SystemFlags::SEEN, &["$Label1".to_owned()][..]));
    }

    #[test]
    fn a_tag_stands_before_the_subject() {
        let message = b"From: a@b.test\r\nSubject: two\r\n words\r\nTo: c@d.test\r\n\r\nbody\r\n";
        let changed = String::from_utf8(tagged(message, "[SPAM]")).unwrap();
        assert_eq!(changed, "From: a@b.test\r\nSubject: [SPAM] two words\r\nTo: c@d.test\r\n\r\nbody\r\n");
        assert!(tagged(b"From: a@b.test\r\n\r\n", "[X]").starts_with(b"Subject: [X]\r\nFrom:"));
    }
}
