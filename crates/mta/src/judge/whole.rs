//! The stage of a whole message: what the rules say of it, and all that was decided before is carried out.

use crate::inbound::recipient::{self, Accepted};
use crate::inbound::refusal;
use crate::inbound::service::Service;
use crate::judge::hearing::{Heard, Told, channel_name};
use crate::judge::lookups::Effects;
use message::edit::Prefix;
use message::header;
use model::{Address, TraceId};
use policy::decision::Verdict;
use policy::facts::{Facts, Recipient};
use policy::stage::Stage;
use smtp::envelope::Envelope;
use smtp::reply::Reply;

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
}

/// Judges a whole message and changes it as decided.
///
/// # Errors
/// The refusal for all recipients.
pub async fn examine(service: &Service, mut whole: Whole<'_>) -> Result<(), Reply> {
    let heard = &*whole.heard;
    if heard.effects == Effects::On {
        service.parts.judge.wait(&heard.rules, heard.carried.delay).await;
    }
    let octets = whole.body.len() as u64;
    if let Some(limit) = heard.carried.octets_max.filter(|limit| octets > *limit) {
        return Err(refusal::too_large_here(limit));
    }
    let mut fates = vec![Verdict::Accept; whole.recipients.len()];
    if !heard.rules.policy.is_silent(Stage::Message) {
        ask_rules(service, &mut whole, &mut fates).await?;
    }
    let all = whole.heard.carried.fate.clone();
    for (place, fate) in fates.into_iter().enumerate() {
        let fate = if all.strength() > fate.strength() { all.clone() } else { fate };
        carry_out(service, &mut whole, place, fate).await?;
    }
    change(&mut whole);
    if whole.heard.effects == Effects::On && !whole.heard.carried.reasons.is_empty() {
        let text = format!("policy: {}", whole.heard.carried.reasons.join("; "));
        service.parts.queue.note(whole.trace, None, text);
    }
    Ok(())
}

/// Asks the rules: once, or for each recipient when they look at recipients. A refusal for one refuses the message, for
/// there is one message and nobody who could be told later.
async fn ask_rules(service: &Service, whole: &mut Whole<'_>, fates: &mut [Verdict]) -> Result<(), Reply> {
    let heard = &mut *whole.heard;
    let mut facts = heard.facts.clone();
    facts.octets = whole.body.len() as u64;
    facts.authentication = authentication(whole.fields);
    facts.header = fields(whole.body, &heard.rules.policy.header_fields());
    facts.tags.clone_from(&heard.carried.tags);
    facts.score = heard.carried.score;
    facts.recipient = None;
    if !heard.rules.policy.is_message_judged_by_recipient() {
        let verdict = ask(service, whole.trace, heard, &facts, "").await?;
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
        *fate = ask(service, whole.trace, heard, &facts, &address).await?;
    }
    Ok(())
}

async fn ask(
    service: &Service,
    trace: TraceId,
    heard: &mut Heard,
    facts: &Facts,
    about: &str,
) -> Result<Verdict, Reply> {
    let judge = &service.parts.judge;
    let mut decision = judge.judge(&heard.rules, trace, Stage::Message, facts, heard.effects).await;
    if heard.effects == Effects::Off {
        heard.told.push(Told { stage: Stage::Message, about: about.to_owned(), decision: decision.clone() });
    } else {
        judge.wait(&heard.rules, decision.delay).await;
    }
    if let Some(refusal) = decision.verdict.refusal() {
        return Err(refusal::of_policy(refusal));
    }
    let verdict = std::mem::take(&mut decision.verdict);
    if let Some(limit) = decision.octets_max.filter(|limit| facts.octets > *limit) {
        return Err(refusal::too_large_here(limit));
    }
    for field in std::mem::take(&mut decision.headers) {
        // Judged for each recipient, the same rule may say it several times; the message is one.
        if !heard.carried.headers.contains(&field) {
            heard.carried.headers.push(field);
        }
    }
    heard.carried.take(decision);
    Ok(verdict)
}

/// Does to one recipient what was decided about it.
async fn carry_out(service: &Service, whole: &mut Whole<'_>, place: usize, fate: Verdict) -> Result<(), Reply> {
    let Some(accepted) = whole.recipients.get_mut(place) else { return Ok(()) };
    match fate {
        Verdict::Discard { .. } => accepted.discard(),
        Verdict::Hold if !accepted.is_nobody() => accepted.hold(),
        Verdict::Redirect(to) if !accepted.is_nobody() => {
            let address = to.parse::<Address>().map_err(|_| refusal::no_such_redirect())?;
            let is_there = whole.recipients.iter().take(place).any(|other| other.address == address);
            let found = if is_there {
                // It goes there already, for another recipient.
                None
            } else {
                let octets = whole.body.len() as u64;
                Some(recipient::judge(service, whole.trace, &address, octets, true).await?)
            };
            if let Some(accepted) = whole.recipients.get_mut(place) {
                match found {
                    Some(found) => *accepted = found,
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
        whole.envelope.mail_from.reverse_path = sender.parse::<Address>().ok();
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

/// The results that our own authentication wrote on top of the message; those that the client brought are not believed.
fn authentication(fields: &[u8]) -> Vec<(String, String)> {
    let own = header::fields(fields).filter(|field| field.is("Authentication-Results"));
    let mut results = Vec::new();
    for field in own {
        for clause in field.unfolded().split(';').skip(1) {
            let word = clause.split_whitespace().next().unwrap_or_default();
            if let Some((method, result)) = word.split_once('=') {
                results.push((method.to_ascii_lowercase(), result.to_ascii_lowercase()));
            }
        }
    }
    results
}

/// The fields that rules look at, decoded.
fn fields(body: &[u8], names: &[&str]) -> Vec<(String, String)> {
    if names.is_empty() {
        return Vec::new();
    }
    let wanted = header::fields(body).filter(|field| names.iter().any(|name| field.is(name)));
    wanted.map(|field| (String::from_utf8_lossy(field.name).into_owned(), field.decoded())).collect()
}
