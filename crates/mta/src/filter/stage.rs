//! What filters say, made into what is done: who gets the message, who is refused it, how it is changed, and which scripts run
//! at delivery.
//!
//! The order of the filters' numbers decides everything that an order can decide. For one recipient the strongest counts: a
//! refusal for good, a refusal for now, jettison, hold, then all the rest together. A message for several recipients is
//! refused by SMTP only as a whole: for now when anybody is to be refused for now, for good when everybody is to be refused
//! for good, or somebody whose mail leaves this server. LMTP tells each; only what was put together from fragments is refused
//! for now for all, since the fragments end as soon as anybody has the whole. Of the others who are refused for good under
//! SMTP while somebody is not, the copy is refused at delivery, by a notice.

use crate::filter::action::{self, Act, Subject};
use crate::filter::apply::{Parts, check_name};
use crate::filter::limits::VERDICT_CHARS_MAX;
use crate::filter::original::{Original, joined};
use crate::filter::report::Report;
use crate::filter::service::{Filters, Said};
use crate::filter::settings::OnFailure;
use crate::inbound::arrival::{Arrival, Fate, Finding};
use crate::inbound::recipient::{self, Accepted};
use crate::inbound::refusal;
use crate::inbound::service::Service;
use crate::scripts::effects::{adjusted, tagged};
use bytes::Bytes;
use message::parse;
use sieve::Script;
use smtp::command::{self, Command};
use smtp::milter::response::Change;
use smtp::reply::Reply;
use smtp::server::Kind;
use std::fmt::Write;
use std::sync::Arc;
use tokio::task::block_in_place;

/// Why a change is not made that would be one for all.
const FOR_SOME: &str = "the filter was asked for some of the recipients only";

/// What the stage has come to so far.
struct Work<'a> {
    service: &'a Service,
    arrival: &'a mut Arrival,
    original: Arc<Original>,
    /// The message as it is now, once something changed it.
    message: Option<Vec<u8>>,
    /// For each recipient of the original, what it comes to.
    wishes: Vec<Wish>,
}

/// What one recipient comes to.
#[derive(Clone, Debug, Default)]
struct Wish {
    refusal: Option<Reply>,
    is_jettisoned: bool,
    held: Option<String>,
}

impl Wish {
    /// A refusal for good goes before one for now; of two alike the first counts.
    fn refuse(&mut self, reply: Reply) {
        let is_stronger = self.refusal.as_ref().is_none_or(|old| old.is_temporary() && !reply.is_temporary());
        if is_stronger {
            self.refusal = Some(reply);
        }
    }
}

impl Filters {
    /// Asks them about an arriving message and does what they say.
    pub async fn examine(&self, service: &Service, arrival: &mut Arrival) -> Finding {
        if self.is_empty() || arrival.recipients.is_empty() {
            return Finding::Pass;
        }
        let octets = arrival.fields.len() + arrival.body.len();
        let Some(_memory) = service.memory_for_copies(octets, self.copies()) else {
            return Finding::Refuse(refusal::no_memory());
        };
        let original = Arc::new(block_in_place(|| original(arrival, &service.settings.host)));
        let mut said = self.ask(&original).await;
        note(service, &original, &said);
        let wishes = vec![Wish::default(); original.recipients.len()];
        let mut work = Work { service, arrival, original, message: None, wishes };
        work.rewrite(&mut said);
        for said in &said {
            work.take(said).await;
        }
        work.end()
    }
}

/// An arriving message as filters see it. The octets are copied once, for all filters.
fn original(arrival: &Arrival, host: &str) -> Original {
    let names = |accepted: &Accepted| {
        let behind = accepted.targets.iter().map(|target| target.account.address.clone());
        std::iter::once(accepted.address.to_string()).chain(behind).collect()
    };
    Original {
        trace: arrival.trace,
        kind: arrival.origin.kind,
        source: arrival.origin.channel.clone(),
        peer: arrival.origin.peer,
        hello: arrival.origin.hello.clone(),
        tls: arrival.origin.tls,
        login: arrival.origin.account.as_ref().map(|account| account.address.clone()),
        host: host.to_owned(),
        mail_from: arrival.envelope.mail_from.clone(),
        recipients: arrival.recipients.iter().map(names).collect(),
        outs: arrival.recipients.iter().map(out).collect(),
        message: Bytes::from(joined(&arrival.fields, &arrival.body)),
    }
}

/// The named channel by which a recipient's mail leaves.
fn out(accepted: &Accepted) -> String {
    let named = accepted.route.as_ref().and_then(|route| route.channel.named());
    named.map(|name| name.to_string()).unwrap_or_default()
}

/// Writes down for the message's trace what each filter said.
fn note(service: &Service, original: &Original, said: &[Said]) {
    let message_id = message::header::find(&original.message, "Message-ID").map(|field| field.unfolded().into_owned());
    for said in said {
        let told = match &said.answer {
            None => "not asked: the message is too large for it".to_owned(),
            Some(Ok(answer)) => answer.report.told(),
            Some(Err(failure)) => format!("no answer ({failure}); then: {}", said.engine.filter.on_failure.name()),
        };
        let text = format!("filter {}: {told}", said.engine.filter.name);
        service.parts.queue.note(original.trace, message_id.as_deref(), text);
    }
}

/// What the script of a verdict comes to.
struct Ran {
    /// For each recipient; changes are left out of it.
    acts: Vec<(usize, Result<Act, String>)>,
    /// The change that all who get the message agree on.
    common: Option<action::Change>,
}

impl Work<'_> {
    /// Takes the message as a filter rewrote it, which it made of the original: everything else is done to that. The first
    /// that rewrote it counts, if it was asked for all.
    fn rewrite(&mut self, all: &mut [Said]) {
        for said in all {
            let rewritten = said.answer.as_mut().and_then(|answer| answer.as_mut().ok()?.rewritten.take());
            let Some(message) = rewritten else { continue };
            let why_not = match self.message {
                None if self.is_for_all(said) => {
                    self.message = Some(message);
                    continue;
                }
                None => FOR_SOME,
                Some(_) => "another filter has rewritten the message",
            };
            said.engine.signals.not_changed(self.original.trace, "rewriting the message", why_not);
        }
    }

    async fn take(&mut self, said: &Said) {
        let answer = match &said.answer {
            None => return,
            Some(Ok(answer)) => answer,
            Some(Err(_)) => return self.fail(said, &said.places),
        };
        let report = &answer.report;
        self.score(report);
        block_in_place(|| self.change_message(said, report));
        self.change_envelope(said, report).await;
        for (place, reply) in &report.refused {
            if let Some(place) = said.places.get(*place) {
                self.refuse(&[*place], reply);
            }
        }
        match said.script() {
            Some(script) => block_in_place(|| self.act(said, said.verdict().unwrap_or_default(), &script)),
            // Nobody chose what to do: the filter's own wish is done.
            None => self.wish(said, report),
        }
    }

    /// Does what the settings say when a filter, or the script for its verdict, fails.
    fn fail(&mut self, said: &Said, places: &[usize]) {
        match said.engine.filter.on_failure {
            OnFailure::Accept => {}
            OnFailure::Defer => self.refuse(places, &refusal::filter_away()),
            OnFailure::Reject => self.refuse(places, &refusal::filter_missing()),
        }
    }

    /// What is wished for a recipient; nothing for one who gets nothing anyway.
    fn wish_of(&mut self, place: usize) -> Option<&mut Wish> {
        let is_nobody = self.is_nobody(place);
        self.wishes.get_mut(place).filter(|_| !is_nobody)
    }

    fn is_nobody(&self, place: usize) -> bool {
        self.arrival.recipients.get(place).is_none_or(Accepted::is_nobody)
    }

    fn refuse(&mut self, places: &[usize], reply: &Reply) {
        let reply = refusal::of_filter(reply, self.arrival.envelope.mail_from.smtputf8);
        for place in places {
            if let Some(wish) = self.wish_of(*place) {
                wish.refuse(reply.clone());
            }
        }
    }

    /// The highest of all scores counts.
    fn score(&mut self, report: &Report) {
        let spam = report.score.map(|score| score.percent());
        self.arrival.spam_score = self.arrival.spam_score.max(spam);
        self.arrival.virus = self.arrival.virus.max(report.virus);
    }

    fn wish(&mut self, said: &Said, report: &Report) {
        if let Some(reply) = &report.refusal {
            return self.refuse(&said.places, reply);
        }
        for place in &said.places {
            let Some(wish) = self.wish_of(*place) else { continue };
            wish.is_jettisoned |= report.discards;
            if let Some(reason) = &report.quarantine {
                wish.held.get_or_insert_with(|| reason.clone());
            }
        }
    }

    /// The message as it is now.
    fn current(&self) -> &[u8] {
        self.message.as_deref().unwrap_or(&self.original.message)
    }

    /// Whether the filter was asked for all who get the message, so that it may change the one message of all.
    fn is_for_all(&self, said: &Said) -> bool {
        let mut places = 0..self.original.recipients.len();
        places.all(|place| self.is_nobody(place) || said.places.binary_search(&place).is_ok())
    }

    /// Whether some of a recipient's mail goes where no script of ours runs.
    fn leaves(&self, place: usize) -> bool {
        self.arrival.recipients.get(place).is_some_and(Accepted::leaves)
    }

    /// Runs the script of a verdict for each recipient concerned, and does at once what need not wait.
    fn act(&mut self, said: &Said, verdict: &str, source: &str) {
        let trace = self.original.trace;
        // Compiled once for all recipients, and kept for the next message of the same verdict.
        let script = match self.service.parts.scripts.fragment(source) {
            Ok(script) => script,
            Err(reason) => {
                said.engine.signals.script_failed(trace, verdict, &reason);
                return self.fail(said, &said.places);
            }
        };
        let Ran { acts, common } = self.run(said, &script);
        for (place, act) in acts {
            let what = match act {
                Err(reason) => {
                    said.engine.signals.script_failed(trace, verdict, &reason);
                    self.fail(said, &[place]);
                    continue;
                }
                Ok(Act::Nothing) => continue,
                Ok(Act::Refuse(reason)) => {
                    self.refuse(&[place], &refusal::content_refused(&reason));
                    "refused"
                }
                Ok(Act::Jettison) => {
                    self.jettison(place);
                    "jettisoned"
                }
                Ok(Act::Discard) if self.leaves(place) => {
                    self.jettison(place);
                    "discarded"
                }
                Ok(Act::Hold(reason)) => {
                    if let Some(wish) = self.wish_of(place) {
                        wish.held.get_or_insert(reason);
                    }
                    "held"
                }
                Ok(Act::Change(_)) if common.is_some() => "changed",
                Ok(Act::Discard | Act::Change(_) | Act::AtDelivery) => {
                    match self.instruct(said, place, source, verdict) {
                        Ok(true) => "a script runs at delivery",
                        Ok(false) => continue,
                        Err(reason) => {
                            said.engine.signals.script_failed(trace, verdict, reason);
                            self.fail(said, &[place]);
                            continue;
                        }
                    }
                }
            };
            said.engine.signals.acted(trace, self.original.recipient(place), verdict, what);
        }
        if let Some(change) = common {
            self.apply(change);
        }
    }

    /// Runs a script for each recipient; nothing has happened yet. What is the same for all who get the message is done to
    /// the one message of all, and is kept once, however many they are.
    fn run(&self, said: &Said, script: &Arc<Script>) -> Ran {
        let message = self.current();
        let structure = parse::structure(message);
        let mut ran = Ran { acts: Vec::with_capacity(said.places.len()), common: None };
        let mut agree = self.is_for_all(said);
        for place in said.places.iter().copied().filter(|place| !self.is_nobody(*place)) {
            let subject = Subject {
                message,
                structure: &structure,
                sender: self.original.bare_sender(),
                recipient: self.original.recipient(place).to_owned(),
                login: self.original.login.clone(),
                now: self.service.parts.clock.now(),
                spam_percent: self.arrival.spam_score,
                virus: self.arrival.virus,
                redirects_max: self.service.parts.scripts.redirects_max(),
            };
            let mut act = action::run(script, &subject);
            match &mut act {
                Ok(Act::Change(change)) => {
                    let change = std::mem::take(change);
                    agree &= ran.common.as_ref().is_none_or(|first| *first == change);
                    ran.common.get_or_insert(change);
                }
                Ok(Act::Refuse(_) | Act::Jettison) => {}
                Ok(Act::Discard) if self.leaves(place) => {}
                Ok(_) | Err(_) => agree = false,
            }
            ran.acts.push((place, act));
        }
        ran.common = ran.common.filter(|_| agree);
        ran
    }

    fn jettison(&mut self, place: usize) {
        if let Some(wish) = self.wish_of(place) {
            wish.is_jettisoned = true;
        }
    }

    fn apply(&mut self, change: action::Change) {
        let mut message = change.message;
        for tag in &change.tags {
            message = Some(tagged(message.as_deref().unwrap_or_else(|| self.current()), tag));
        }
        if message.is_some() {
            self.message = message;
        }
        if change.spam_thousandths != 0 {
            self.arrival.spam_score = adjusted(self.arrival.scores(), change.spam_thousandths).spam_percent;
        }
        self.arrival.virus = change.virus.or(self.arrival.virus);
    }

    /// Changes header and body as a filter wants it. Where it was asked for some recipients only, fields change in their
    /// copies, by a script at delivery; the body there is but once, and it stays.
    fn change_message(&mut self, said: &Said, report: &Report) {
        let trace = self.original.trace;
        let is_for_all = self.is_for_all(said);
        let (mut parts, mut script) = (None, String::new());
        for change in &report.changes {
            let made = if is_for_all { self.change_field(&mut parts, change) } else { written(change, &mut script) };
            if let Err(reason) = made {
                said.engine.signals.not_changed(trace, &told(change), reason);
            }
        }
        match &report.body {
            Some(body) if is_for_all => self.parts(&mut parts).replace_body(body),
            Some(_) => said.engine.signals.not_changed(trace, "replacing the body", FOR_SOME),
            None => {}
        }
        if let Some(parts) = parts {
            self.message = Some(parts.joined());
        }
        if script.is_empty() {
            return;
        }
        let script = format!("require \"editheader\";{script}");
        for place in said.places.iter().copied() {
            if let Err(reason) = self.instruct(said, place, &script, "changed fields") {
                said.engine.signals.not_changed(trace, "changing fields", reason);
            }
        }
    }

    fn change_field(&self, parts: &mut Option<Parts>, change: &Change) -> Result<(), &'static str> {
        match change {
            Change::AddHeader(field) => self.parts(parts).add(field),
            Change::InsertHeader { index, field } => self.parts(parts).insert(*index, field),
            Change::ChangeHeader { index, field } => self.parts(parts).change(*index, field),
            // Those of the envelope come later, the others were told apart before.
            _ => Ok(()),
        }
    }

    fn parts<'b>(&self, parts: &'b mut Option<Parts>) -> &'b mut Parts {
        parts.get_or_insert_with(|| Parts::of(self.current()))
    }

    async fn change_envelope(&mut self, said: &Said, report: &Report) {
        for change in &report.changes {
            let made = match change {
                Change::AddRecipient { address, arguments } => self.add_recipient(address, arguments).await,
                Change::DeleteRecipient(address) => self.delete_recipient(said, address),
                Change::ChangeFrom { .. } if !self.is_for_all(said) => Err(FOR_SOME.to_owned()),
                Change::ChangeFrom { address, arguments } => self.change_from(address, arguments),
                _ => Ok(()),
            };
            if let Err(reason) = made {
                said.engine.signals.not_changed(self.original.trace, &told(change), &reason);
            }
        }
    }

    /// Has a script run where the recipient's mail is filed; what of it goes elsewhere is told. Whether any is filed.
    fn instruct(&mut self, said: &Said, place: usize, script: &str, what: &str) -> Result<bool, &'static str> {
        let Some(accepted) = self.arrival.recipients.get_mut(place).filter(|accepted| !accepted.is_nobody()) else {
            return Ok(false);
        };
        if accepted.leaves() {
            said.engine.signals.inapplicable(self.original.trace, self.original.recipient(place), what);
        }
        match accepted.comes_home() {
            true if accepted.instruct(script) => Ok(true),
            true => Err("the recipient carries as many scripts as it can"),
            false => Ok(false),
        }
    }

    async fn add_recipient(&mut self, address: &str, arguments: &[String]) -> Result<(), String> {
        let line = path_command("RCPT TO", address, arguments);
        let Ok(Command::Rcpt(rcpt)) = command::parse(line.as_bytes()) else {
            return Err("it is no address".to_owned());
        };
        if self.arrival.recipients.len() >= self.service.settings.recipients_max {
            return Err("the message has as many recipients as it may".to_owned());
        }
        let octets = u64::try_from(self.original.message.len()).unwrap_or(u64::MAX);
        // The operator trusts the filter, which may send mail anywhere.
        let judged = recipient::judge(self.service, self.original.trace, &rcpt.address, octets, true).await;
        let accepted = judged.map_err(|reply| reply.text())?;
        self.arrival.envelope.recipients.push(*rcpt);
        self.arrival.recipients.push(accepted);
        Ok(())
    }

    /// Those for whom the filter was asked, and those whom filters added, can be taken out.
    fn delete_recipient(&mut self, said: &Said, address: &str) -> Result<(), String> {
        let bare = address.trim().trim_start_matches('<').trim_end_matches('>');
        let named = self.original.recipients.len();
        let recipients = self.arrival.recipients.iter().enumerate();
        let meant = recipients.filter(|(place, accepted)| {
            let is_its = *place >= named || said.places.binary_search(place).is_ok();
            is_its && accepted.address.to_string().eq_ignore_ascii_case(bare)
        });
        let places: Vec<usize> = meant.map(|(place, _)| place).collect();
        self.arrival.fates.extend(places.iter().map(|place| (*place, Fate::Dropped)));
        if places.is_empty() { Err("there is no such recipient".to_owned()) } else { Ok(()) }
    }

    fn change_from(&mut self, address: &str, arguments: &[String]) -> Result<(), String> {
        let line = path_command("MAIL FROM", address, arguments);
        let Ok(Command::Mail(mail)) = command::parse(line.as_bytes()) else {
            return Err("it is no address".to_owned());
        };
        let old = &mut self.arrival.envelope.mail_from;
        old.reverse_path = mail.reverse_path;
        old.returned = mail.returned.or(old.returned);
        old.envelope_id = mail.envelope_id.or_else(|| old.envelope_id.take());
        Ok(())
    }

    /// Sums up.
    fn end(self) -> Finding {
        let Work { service, arrival, original: _, message, wishes } = self;
        if let Some(message) = message {
            arrival.body = message;
            arrival.fields = Vec::new();
        }
        if let Some(reply) = refusal_for_all(service.kind, arrival, &wishes) {
            return Finding::Refuse(reply);
        }
        let mut holds = Vec::new();
        for (place, (accepted, wish)) in arrival.recipients.iter_mut().zip(wishes).enumerate() {
            if let Some(reply) = wish.refusal {
                if service.kind == Kind::Lmtp {
                    arrival.fates.insert(place, Fate::Refused(reply));
                } else {
                    let text: String = reply.text().chars().take(VERDICT_CHARS_MAX).collect();
                    let text = action::quoted(&text);
                    accepted.instructions = vec![format!("require \"reject\"; reject \"{text}\"; stop;")];
                }
            } else if wish.is_jettisoned {
                arrival.fates.insert(place, Fate::Dropped);
            } else if let Some(reason) = wish.held {
                accepted.hold();
                if !holds.contains(&reason) {
                    holds.push(reason);
                }
            }
        }
        for reason in holds {
            service.parts.queue.note(arrival.trace, None, format!("held by a filter: {reason}"));
        }
        Finding::Pass
    }
}

/// The reply with which the message is refused as a whole.
fn refusal_for_all(kind: Kind, arrival: &Arrival, wishes: &[Wish]) -> Option<Reply> {
    let refused =
        || arrival.recipients.iter().zip(wishes).filter_map(|(one, wish)| Some((one, wish.refusal.as_ref()?)));
    let for_now = refused().map(|(_, reply)| reply).find(|reply| reply.is_temporary());
    if kind == Kind::Lmtp {
        return for_now.filter(|_| arrival.gathered.as_ref().is_some_and(|gathered| gathered.is_whole)).cloned();
    }
    let getting = arrival.recipients.iter().take(wishes.len()).filter(|accepted| !accepted.is_nobody()).count();
    // What goes elsewhere has no delivery of ours that could refuse it.
    let is_for_all = refused().count() == getting || refused().any(|(accepted, _)| accepted.leaves());
    for_now.or_else(|| refused().map(|(_, reply)| reply).next().filter(|_| is_for_all)).cloned()
}

/// A change of fields as a line of a script for a recipient's own copy (RFC 5293).
fn written(change: &Change, script: &mut String) -> Result<(), &'static str> {
    let (field, is_first, deleted) = match change {
        Change::AddHeader(field) => (field, false, None),
        Change::InsertHeader { field, .. } => (field, true, None),
        Change::ChangeHeader { index, field } => (field, false, Some(*index)),
        _ => return Ok(()),
    };
    check_name(&field.name)?;
    let value = String::from_utf8_lossy(&field.value).replace(['\r', '\n'], " ");
    let (name, value) = (action::quoted(&field.name), action::quoted(value.trim()));
    let written = match deleted {
        Some(u32::MAX) => write!(script, "\ndeleteheader \"{name}\";"),
        Some(index) => write!(script, "\ndeleteheader :index {} \"{name}\";", index.max(1)),
        None => Ok(()),
    };
    let place = if is_first { "" } else { " :last" };
    let added = match deleted {
        Some(_) if value.is_empty() => Ok(()),
        _ => write!(script, "\naddheader{place} \"{name}\" \"{value}\";"),
    };
    written.and(added).map_err(|_| "it cannot be written")
}

fn path_command(verb: &str, address: &str, arguments: &[String]) -> String {
    let bare = address.trim().trim_start_matches('<').trim_end_matches('>');
    let mut line = format!("{verb}:<{bare}>");
    for argument in arguments {
        line.push(' ');
        line.push_str(argument);
    }
    line
}

/// A change in a few words, without its values.
fn told(change: &Change) -> String {
    match change {
        Change::AddHeader(field) | Change::InsertHeader { field, .. } => format!("adding the field {}", field.name),
        Change::ChangeHeader { field, .. } => format!("changing the field {}", field.name),
        Change::AddRecipient { .. } => "adding a recipient".to_owned(),
        Change::DeleteRecipient(_) => "deleting a recipient".to_owned(),
        Change::ChangeFrom { .. } => "changing the sender".to_owned(),
        Change::ReplaceBody(_) => "replacing the body".to_owned(),
        Change::Quarantine(_) => "putting it aside".to_owned(),
    }
}
