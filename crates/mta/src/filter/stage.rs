//! What filters say, made into what is done: who gets the message, who is refused it, how it is changed, and which scripts run
//! at delivery.
//!
//! The order of the filters' numbers decides everything that an order can decide. For one recipient the strongest counts: a
//! refusal for good, a refusal for now, jettison, hold, then all the rest together. A message for several recipients is
//! refused by SMTP only as a whole: for now when anybody is to be refused for now, for good when everybody is to be refused
//! for good, or somebody whose mail leaves this server. LMTP tells each. Of the others who are refused for good under SMTP
//! while somebody is not, the copy is refused at delivery, by a notice.

use crate::filter::action::{self, Act, Subject};
use crate::filter::apply::Parts;
use crate::filter::original::{Original, joined};
use crate::filter::report::Report;
use crate::filter::service::{Filters, Said};
use crate::filter::settings::OnFailure;
use crate::inbound::arrival::{Arrival, Fate, Finding};
use crate::inbound::recipient::{self, Accepted};
use crate::inbound::refusal;
use crate::inbound::service::Service;
use bytes::Bytes;
use message::parse;
use queue::entry::Channel;
use smtp::command::{self, Command};
use smtp::milter::response::Change;
use smtp::reply::Reply;
use smtp::server::Kind;
use std::sync::Arc;

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
        let original = Arc::new(original(arrival, &service.settings.host));
        let said = self.ask(&original).await;
        note(service, &original, &said);
        let wishes = vec![Wish::default(); original.recipients.len()];
        let mut work = Work { service, arrival, original, message: None, wishes };
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
        peer: arrival.origin.peer,
        hello: arrival.origin.hello.clone(),
        tls: arrival.origin.tls,
        login: arrival.origin.account.as_ref().map(|account| account.address.clone()),
        host: host.to_owned(),
        mail_from: arrival.envelope.mail_from.clone(),
        recipients: arrival.recipients.iter().map(names).collect(),
        message: Bytes::from(joined(&arrival.fields, &arrival.body)),
    }
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

impl Work<'_> {
    async fn take(&mut self, said: &Said) {
        let filter = &said.engine.filter;
        let answer = match &said.answer {
            None => return,
            Some(Ok(answer)) => answer,
            Some(Err(_)) => {
                let reply = match filter.on_failure {
                    OnFailure::Accept => return,
                    OnFailure::Defer => refusal::filter_away(),
                    OnFailure::Reject => refusal::filter_missing(),
                };
                return self.refuse(&said.places, &reply);
            }
        };
        let report = &answer.report;
        self.score(report);
        if let Some(rewritten) = &answer.rewritten {
            self.message = Some(rewritten.clone());
        }
        self.change(said, report).await;
        for (place, reply) in &report.refused {
            if let Some(place) = said.places.get(*place) {
                self.refuse(&[*place], reply);
            }
        }
        match said.script() {
            Some(script) => self.act(said, said.verdict().unwrap_or_default(), &script),
            // Nobody chose what to do: the filter's own wish is done.
            None => self.wish(said, report),
        }
    }

    fn refuse(&mut self, places: &[usize], reply: &Reply) {
        for place in places {
            if let Some(wish) = self.wishes.get_mut(*place) {
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
            let Some(wish) = self.wishes.get_mut(*place) else { continue };
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

    /// Whether the filter was asked for all recipients, so that it may change the one message of all.
    fn is_for_all(&self, said: &Said) -> bool {
        said.places.len() == self.original.recipients.len()
    }

    /// Runs the script of a verdict for each recipient concerned, and does at once what need not wait.
    fn act(&mut self, said: &Said, verdict: &str, script: &str) {
        let message = self.current().to_vec();
        let structure = parse::structure(&message);
        let is_for_all = self.is_for_all(said);
        let mut changes: Option<action::Change> = None;
        for place in &said.places {
            let recipient = self.original.recipient(*place).to_owned();
            let subject = Subject {
                message: &message,
                structure: &structure,
                sender: self.original.bare_sender(),
                recipient: recipient.clone(),
                login: self.original.login.clone(),
                now: self.service.parts.clock.now(),
                spam_percent: self.arrival.spam_score,
                virus: self.arrival.virus,
            };
            let act = match action::run(script, &subject) {
                Ok(act) => act,
                Err(reason) => {
                    said.engine.signals.script_failed(self.original.trace, verdict, &reason);
                    continue;
                }
            };
            let what = match act {
                Act::Nothing => continue,
                Act::Refuse(reason) => {
                    self.refuse(&[*place], &refusal::content_refused(&reason));
                    "refused"
                }
                Act::Jettison => {
                    self.jettison(*place);
                    "jettisoned"
                }
                Act::Discard if self.is_elsewhere(*place) => {
                    self.jettison(*place);
                    "discarded"
                }
                Act::Hold(reason) => {
                    if let Some(wish) = self.wishes.get_mut(*place) {
                        wish.held.get_or_insert(reason);
                    }
                    "held"
                }
                // What is the same for all is done to the one message of all.
                Act::Change(change) if is_for_all && changes.as_ref().is_none_or(|first| *first == change) => {
                    changes = Some(change);
                    "changed"
                }
                Act::Discard | Act::Change(_) | Act::AtDelivery if self.is_elsewhere(*place) => {
                    said.engine.signals.inapplicable(self.original.trace, &recipient, verdict);
                    continue;
                }
                Act::Discard | Act::Change(_) | Act::AtDelivery => {
                    if let Some(accepted) = self.arrival.recipients.get_mut(*place) {
                        accepted.instructions.push(script.to_owned());
                    }
                    "a script runs at delivery"
                }
            };
            said.engine.signals.acted(self.original.trace, &recipient, verdict, what);
        }
        if let Some(change) = changes {
            self.apply(change, message);
        }
    }

    fn jettison(&mut self, place: usize) {
        if let Some(wish) = self.wishes.get_mut(place) {
            wish.is_jettisoned = true;
        }
    }

    /// Whether no script of ours runs when it is delivered.
    fn is_elsewhere(&self, place: usize) -> bool {
        elsewhere(self.arrival, place)
    }

    fn apply(&mut self, change: action::Change, message: Vec<u8>) {
        if change.message.is_some() || !change.tags.is_empty() {
            let mut message = change.message.unwrap_or(message);
            if !change.tags.is_empty() {
                let mut parts = Parts::of(&message);
                change.tags.iter().for_each(|tag| parts.tag(tag));
                message = parts.joined();
            }
            self.message = Some(message);
        }
        if change.spam_thousandths != 0 {
            // A thousandth of a score of 10 is a hundredth of a percent.
            let score = i64::from(self.arrival.spam_score.unwrap_or(0)) + change.spam_thousandths / 100;
            self.arrival.spam_score = u8::try_from(score.clamp(0, 100)).ok();
        }
        self.arrival.virus = change.virus.or(self.arrival.virus);
    }

    /// Makes the changes that a filter wants. Fields added by a filter that is asked for some recipients only go to these;
    /// everything else there is but once, and is for all.
    async fn change(&mut self, said: &Said, report: &Report) {
        let is_for_all = self.is_for_all(said);
        let mut parts = None;
        for change in &report.changes {
            let made = match change {
                Change::AddHeader(field) | Change::InsertHeader { field, .. } if !is_for_all => {
                    let value = String::from_utf8_lossy(&field.value).replace(['\r', '\n'], " ");
                    let place = if matches!(change, Change::AddHeader(_)) { " :last" } else { "" };
                    let (name, value) = (action::quoted(&field.name), action::quoted(value.trim()));
                    self.instruct(said, &format!("require \"editheader\"; addheader{place} \"{name}\" \"{value}\";"))
                }
                Change::AddHeader(field) => self.parts(&mut parts).add(field).map_err(str::to_owned),
                Change::InsertHeader { index, field } => {
                    self.parts(&mut parts).insert(*index, field).map_err(str::to_owned)
                }
                Change::ChangeHeader { index, field } => {
                    self.parts(&mut parts).change(*index, field).map_err(str::to_owned)
                }
                Change::AddRecipient { address, arguments } => self.add_recipient(address, arguments).await,
                Change::DeleteRecipient(address) => self.delete_recipient(address),
                Change::ChangeFrom { address, arguments } => self.change_from(address, arguments),
                // Told apart before.
                Change::ReplaceBody(_) | Change::Quarantine(_) => Ok(()),
            };
            if let Err(reason) = made {
                said.engine.signals.not_changed(self.original.trace, &told(change), &reason);
            }
        }
        if let Some(body) = &report.body {
            self.parts(&mut parts).replace_body(body);
        }
        if let Some(parts) = parts {
            self.message = Some(parts.joined());
        }
    }

    fn parts<'b>(&self, parts: &'b mut Option<Parts>) -> &'b mut Parts {
        parts.get_or_insert_with(|| Parts::of(self.current()))
    }

    fn instruct(&mut self, said: &Said, script: &str) -> Result<(), String> {
        for place in &said.places {
            if self.is_elsewhere(*place) {
                let recipient = self.original.recipient(*place);
                said.engine.signals.inapplicable(self.original.trace, recipient, "field to add");
            } else if let Some(accepted) = self.arrival.recipients.get_mut(*place) {
                accepted.instructions.push(script.to_owned());
            }
        }
        Ok(())
    }

    async fn add_recipient(&mut self, address: &str, arguments: &[String]) -> Result<(), String> {
        let line = path_command("RCPT TO", address, arguments);
        let Ok(Command::Rcpt(rcpt)) = command::parse(line.as_bytes()) else {
            return Err("it is no address".to_owned());
        };
        let octets = u64::try_from(self.original.message.len()).unwrap_or(u64::MAX);
        // The operator trusts the filter, which may send mail anywhere.
        let judged = recipient::judge(self.service, self.original.trace, &rcpt.address, octets, true).await;
        let accepted = judged.map_err(|reply| reply.text())?;
        self.arrival.envelope.recipients.push(*rcpt);
        self.arrival.recipients.push(accepted);
        Ok(())
    }

    fn delete_recipient(&mut self, address: &str) -> Result<(), String> {
        let bare = address.trim().trim_start_matches('<').trim_end_matches('>');
        let recipients = self.arrival.recipients.iter().enumerate();
        let meant = recipients.filter(|(_, accepted)| accepted.address.to_string().eq_ignore_ascii_case(bare));
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
        let refused: Vec<&Reply> = wishes.iter().filter_map(|wish| wish.refusal.as_ref()).collect();
        if service.kind != Kind::Lmtp {
            let for_now = refused.iter().find(|reply| reply.is_temporary());
            // What goes elsewhere has no delivery of ours that could refuse it.
            let is_elsewhere = |place: usize| elsewhere(arrival, place);
            let cannot_wait = wishes.iter().enumerate().any(|(at, wish)| wish.refusal.is_some() && is_elsewhere(at));
            let for_all = refused.first().filter(|_| cannot_wait || refused.len() == wishes.len());
            if let Some(reply) = for_now.or(for_all) {
                return Finding::Refuse((*reply).clone());
            }
        }
        for (place, (accepted, wish)) in arrival.recipients.iter_mut().zip(wishes).enumerate() {
            if let Some(reply) = wish.refusal {
                if service.kind == Kind::Lmtp {
                    arrival.fates.insert(place, Fate::Refused(reply));
                } else {
                    let text = action::quoted(&reply.text());
                    accepted.instructions = vec![format!("require \"reject\"; reject \"{text}\"; stop;")];
                }
            } else if wish.is_jettisoned {
                arrival.fates.insert(place, Fate::Dropped);
            } else if wish.held.is_some() {
                accepted.hold();
            }
        }
        Finding::Pass
    }
}

/// Whether a recipient's mail leaves this server.
fn elsewhere(arrival: &Arrival, place: usize) -> bool {
    let route = arrival.recipients.get(place).and_then(|accepted| accepted.route.as_ref());
    route.is_some_and(|route| matches!(route.channel, Channel::Smtp | Channel::Lmtp | Channel::Held))
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
