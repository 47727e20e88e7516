//! The stage of a whole message: what the rules say of it, and all that was decided before is carried out.

use crate::authentication::results::Results;
use crate::inbound::recipient::{self, Accepted, at_home_route};
use crate::inbound::refusal;
use crate::inbound::service::Service;
use crate::judge::court::{Matter, Time};
use crate::judge::hearing::{Heard, Told, channel_name};
use crate::judge::lookups::Effects;
use crate::scripts::library::Library;
use message::edit::Prefix;
use message::header;
use model::{Address, TraceId};
use policy::decision::Verdict;
use policy::facts::{Facts, Recipient};
use policy::stage::Stage;
use smtp::envelope::Envelope;
use smtp::reply::Reply;
use std::time::Duration;

/// A whole message before the judge.
#[derive(Debug)]
pub struct Whole<'a> {
    /// The transaction's name.
    pub trace: TraceId,
    /// The envelope.
    pub envelope: &'a mut Envelope,
    /// What is behind each recipient.
    pub recipients: &'a mut Vec<Accepted>,
    /// The message.
    pub body: &'a mut Vec<u8>,
    /// Fields that go on top of it.
    pub fields: &'a mut Vec<u8>,
    /// What was decided before.
    pub heard: &'a mut Heard,
    /// What its authentication found, by method.
    pub authentication: Vec<(String, String)>,
    /// Whether it must go through the queue, because fragments in there end with it.
    pub must_queue: bool,
}

/// What our own authentication found, by method, for rules; each DKIM signature by itself. Nothing when it has not looked.
pub fn facts_of(results: &Results) -> Vec<(String, String)> {
    if !results.checked {
        return Vec::new();
    }
    let of_all = results.facts().into_iter().filter(|(method, _)| *method != "dkim" || results.dkim.is_empty());
    let signatures = results.dkim.iter().map(|one| ("dkim", one.verdict.as_str()));
    of_all.chain(signatures).map(|(method, result)| (method.to_owned(), result.to_owned())).collect()
}

/// Judges a whole message and changes it as decided. The reply waits once, for the longest of all delays.
///
/// # Errors
/// The refusal for all recipients.
pub async fn examine(service: &Service, mut whole: Whole<'_>) -> Result<(), Reply> {
    let mut delay = whole.heard.carried.delay;
    let judged = judge(service, &mut whole, &mut delay).await;
    if whole.heard.effects == Effects::On {
        let delay = delay.min(whole.heard.rules.settings.delay_max);
        service.parts.judge.wait(delay.saturating_sub(whole.heard.waited)).await;
    }
    judged
}

async fn judge(service: &Service, whole: &mut Whole<'_>, delay: &mut Duration) -> Result<(), Reply> {
    let heard = &*whole.heard;
    let octets = whole.body.len() as u64;
    if let Some(limit) = heard.carried.octets_max.filter(|limit| octets > *limit) {
        return Err(refusal::too_large_here(limit));
    }
    let mut fates = vec![Verdict::Accept; whole.recipients.len()];
    if !heard.rules.policy.is_silent(Stage::Message) {
        ask_rules(service, whole, &mut fates, delay).await?;
    }
    let all = whole.heard.carried.fate.clone();
    for (place, fate) in fates.into_iter().enumerate() {
        let fate = if all.strength() > fate.strength() { all.clone() } else { fate };
        carry_out(service, whole, place, fate).await?;
    }
    change(whole);
    if whole.heard.effects == Effects::On && !whole.heard.carried.reasons.is_empty() {
        let text = format!("policy: {}", whole.heard.carried.reasons.join("; "));
        service.parts.queue.note(whole.trace, None, text);
    }
    Ok(())
}

/// Asks the rules: once, or for each recipient when they look at recipients. A refusal for one refuses the message, for
/// there is one message and nobody who could be told later.
async fn ask_rules(
    service: &Service,
    whole: &mut Whole<'_>,
    fates: &mut [Verdict],
    delay: &mut Duration,
) -> Result<(), Reply> {
    let mut asking = Asking { service, trace: whole.trace, time: Time::begin(), delay };
    let heard = &mut *whole.heard;
    let mut facts = heard.facts.clone();
    facts.octets = whole.body.len() as u64;
    facts.authentication.clone_from(&whole.authentication);
    facts.header = fields(whole.body, &heard.rules.policy.header_fields());
    facts.tags.clone_from(&heard.carried.tags);
    facts.score = heard.carried.score;
    facts.recipient = None;
    if !heard.rules.policy.is_message_judged_by_recipient() {
        let verdict = asking.ask(heard, &facts, "").await?;
        if verdict.strength() > heard.carried.fate.strength() {
            heard.carried.fate = verdict;
        }
        return Ok(());
    }
    let names = heard.rules.settings.destinations.clone();
    for ((rcpt, accepted), fate) in whole.envelope.recipients.iter().zip(whole.recipients.iter()).zip(fates) {
        let notify = rcpt.notify.unwrap_or_default();
        let address = accepted.address.to_string();
        facts.recipient = Some(Recipient {
            address: address.clone(),
            destination: channel_name(&names, accepted.route.as_ref()).to_owned(),
            notify_delay: notify.delay,
            notify_failure: notify.failure,
            notify_success: notify.success,
        });
        *fate = asking.ask(heard, &facts, &address).await?;
    }
    Ok(())
}

/// The rules being asked about a message.
struct Asking<'a> {
    service: &'a Service,
    trace: TraceId,
    /// For all look-ups together.
    time: Time,
    /// The longest delay so far.
    delay: &'a mut Duration,
}

impl Asking<'_> {
    async fn ask(&mut self, heard: &mut Heard, facts: &Facts, about: &str) -> Result<Verdict, Reply> {
        let judge = &self.service.parts.judge;
        let (rules, effects, time) = (&*heard.rules, heard.effects, self.time);
        // Those of whole messages run later, when all else is decided.
        let scripts = &Library::default();
        let matter = Matter { rules, scripts, stage: Stage::Message, facts, effects, time };
        let mut decision = judge.judge(self.trace, &matter).await;
        if heard.effects == Effects::Off {
            heard.told.push(Told { stage: Stage::Message, about: about.to_owned(), decision: decision.clone() });
        }
        *self.delay = (*self.delay).max(decision.delay);
        if let Some(refusal) = decision.verdict.refusal() {
            return Err(refusal::of_policy(refusal));
        }
        let verdict = std::mem::take(&mut decision.verdict);
        if let Some(limit) = decision.octets_max.filter(|limit| facts.octets > *limit) {
            return Err(refusal::too_large_here(limit));
        }
        judge.signals.not_carried(self.trace, heard.carried.take(decision));
        Ok(verdict)
    }
}

/// Does to one recipient what was decided about it.
async fn carry_out(service: &Service, whole: &mut Whole<'_>, place: usize, fate: Verdict) -> Result<(), Reply> {
    let Some(accepted) = whole.recipients.get_mut(place) else { return Ok(()) };
    match fate {
        Verdict::Discard { .. } => accepted.discard(),
        Verdict::Hold if !accepted.is_nobody() => accepted.hold(),
        // Who is held was held by a stronger verdict before.
        Verdict::Redirect(to) if !accepted.is_nobody() && !accepted.is_held() => {
            let address = to.parse::<Address>().map_err(|_| refusal::no_such_redirect())?;
            let mut before = whole.recipients.iter().take(place);
            let is_there = before.any(|other| other.address == address && !other.is_nobody());
            let found = if is_there {
                // It goes there already, for another recipient.
                None
            } else {
                let octets = whole.body.len() as u64;
                Some(recipient::judge(service, whole.trace, &address, octets, true).await?)
            };
            if let Some(accepted) = whole.recipients.get_mut(place) {
                match found {
                    Some(found) => {
                        let instructions = std::mem::replace(accepted, found).instructions;
                        accepted.instructions = instructions;
                        if whole.must_queue {
                            accepted.route.get_or_insert_with(at_home_route);
                        }
                    }
                    None => accepted.discard(),
                }
            }
            if let Some(rcpt) = whole.envelope.recipients.get_mut(place) {
                rcpt.address = address;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Sender and fields as decided.
fn change(whole: &mut Whole<'_>) {
    let carried = &whole.heard.carried;
    if let Some(sender) = &carried.sender {
        // Only what is empty means nobody; the tables let nothing else through that is no address.
        match sender.parse::<Address>() {
            Ok(address) => whole.envelope.mail_from.reverse_path = Some(address),
            Err(_) if sender.is_empty() => whole.envelope.mail_from.reverse_path = None,
            Err(_) => {}
        }
    }
    let mut prefix = Prefix::new();
    for (name, value) in &carried.headers {
        prefix.field(name, value);
    }
    if let Some(sender) = &carried.sender_field {
        let octets = header::octets(whole.body).min(whole.body.len());
        let (head, rest) = whole.body.split_at(octets);
        let mut body = header::except(head, &["Sender"]);
        body.extend_from_slice(rest);
        *whole.body = body;
        prefix.field("Sender", sender);
    }
    whole.fields.extend_from_slice(&prefix.into_octets());
}

/// The fields that rules look at, decoded.
fn fields(body: &[u8], names: &[&str]) -> Vec<(String, String)> {
    if names.is_empty() {
        return Vec::new();
    }
    let wanted = header::fields(body).filter(|field| names.iter().any(|name| field.is(name)));
    wanted.map(|field| (String::from_utf8_lossy(field.name).into_owned(), field.decoded())).collect()
}
