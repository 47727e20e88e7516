//! Looking addresses up, and filing mail in our own mailboxes, exactly once.

use crate::channels::brought::Brought;
use crate::channels::choice;
use crate::channels::named::Piece;
use crate::delivery::routing::rule_of;
use crate::delivery::service::Service;
use crate::delivery::target;
use crate::scripts::run;
use crate::scripts::subject::Subject;
use crate::scripts::whole::Whole;
use directory::entry::Account;
use directory::resolve::{LocalTarget, Resolution};
use mail::deliver::{Filed, NewMessage, Rule, Target};
use mail::error::Error;
use mail::filing::Placed;
use message::edit::{self, Prefix};
use model::Address;
use queue::entry::{Channel, NewEntry, Outcome, Recipient, Route, Verdict};
use queue::lease::Lease;
use smtp::reply::Reply;
use smtp::status::EnhancedStatus;
use std::collections::BTreeMap;

/// The targets of each partition.
type Plan = BTreeMap<String, Vec<Planned>>;

/// An account that recipients lead to.
struct Planned {
    /// The recipients: the first has it filed, and what becomes of it is told of all.
    numbers: Vec<u32>,
    recipient: Address,
    instructions: Vec<String>,
    is_released: bool,
    account: Box<Account>,
    target: Target,
}

/// What an attempt came to, and the messages that recipients caused.
#[derive(Default)]
pub struct Attempted {
    /// By recipient.
    pub outcomes: Vec<(u32, Outcome)>,
    /// By recipient.
    pub caused: Vec<(u32, NewEntry)>,
}

/// What became of one account's copy.
#[derive(Clone)]
enum Became {
    /// As the reply says.
    Told(Reply),
    /// A script wants an operator to look at it.
    Held(Reply),
}

/// Files a message for those of its recipients who are ours, and finds the way of the others.
pub async fn attempt(service: &Service, lease: &Lease) -> Attempted {
    let mut outcomes: Vec<(u32, Outcome)> = Vec::new();
    let mut onward: BTreeMap<u32, Vec<(Address, Route)>> = BTreeMap::new();
    let mut plan = Plan::new();
    for (number, recipient) in &lease.recipients {
        let address = &recipient.rcpt.address;
        let refused = match service.parts.directory.resolve(address).await {
            Ok(Resolution::Expanded { local, remote }) => {
                for target in local {
                    add(&mut plan, lease, *number, recipient, &target);
                }
                if !remote.is_empty() {
                    let mut ways = Vec::with_capacity(remote.len());
                    for to in remote {
                        let route = way(service, lease, &to).await;
                        ways.push((to, route));
                    }
                    onward.insert(*number, ways);
                }
                continue;
            }
            Ok(Resolution::Foreign) => {
                onward.insert(*number, vec![(address.clone(), way(service, lease, address).await)]);
                continue;
            }
            Ok(Resolution::Unknown) => reply(550, (5, 1, 1), "there is no such mailbox"),
            Ok(Resolution::Suspended) => reply(450, (4, 2, 1), "the mailbox takes no mail now"),
            Ok(Resolution::Loop) => reply(554, (5, 4, 6), "the address leads back to itself"),
            Err(error) => {
                service.signals.directory_away(lease.message.trace, &error);
                reply(451, (4, 3, 0), "the directory is away")
            }
        };
        outcomes.push((*number, judged(refused)));
    }
    let planned: Vec<u32> = plan.values().flatten().flat_map(|one| one.numbers.iter().copied()).collect();
    let (filed, caused) = file(service, lease, plan).await;
    for (number, _) in &lease.recipients {
        if outcomes.iter().any(|(known, _)| known == number) {
            continue;
        }
        let mine: Vec<&Became> = filed.iter().filter(|(known, _)| known == number).map(|(_, became)| became).collect();
        let wanted = planned.iter().filter(|known| *known == number).count();
        let outcome = joined(&mine, wanted, onward.remove(number));
        if mine.len() < wanted {
            service.signals.store_failed(lease.message.trace, "nothing came of a copy");
        }
        service.signals.attempted(lease.message.trace, Channel::Local, "", &outcome.reply);
        outcomes.push((*number, outcome));
    }
    Attempted { outcomes, caused }
}

/// What a recipient came to whose accounts fared as they did. Whoever must wait makes it wait, and so does one of the
/// `wanted` accounts of which nothing is known: the others have it already and will not get it twice. A refusal of one is
/// told to the sender when all are done, unless the message goes on to others elsewhere as well.
fn joined(mine: &[&Became], wanted: usize, onward: Option<Vec<(Address, Route)>>) -> Outcome {
    if mine.len() < wanted || mine.is_empty() && onward.is_none() {
        return judged(reply(451, (4, 3, 0), "it is not known what became of a copy"));
    }
    let (mut worst, mut held) = (None::<&Reply>, None);
    let rank = |reply: &Reply| [2, 5, 4].iter().position(|class| *class == reply.class());
    for became in mine {
        match became {
            Became::Held(reply) => held = Some(reply),
            Became::Told(reply) if worst.is_none_or(|worst| rank(reply) > rank(worst)) => worst = Some(reply),
            Became::Told(_) => {}
        }
    }
    let done = worst.cloned().unwrap_or_else(|| reply(250, (2, 1, 5), "delivered"));
    let outcome = |reply: &Reply, verdict| Outcome { reply: reply.clone(), host: String::new(), verdict };
    match (held, onward) {
        (Some(reply), _) if !done.is_temporary() => outcome(reply, Verdict::Held),
        (_, Some(ways)) if !done.is_temporary() => outcome(&done, Verdict::Expanded(ways)),
        _ => judged(done),
    }
}

fn reply(code: u16, status: (u8, u16, u16), text: &str) -> Reply {
    Reply::new(code, EnhancedStatus::new(status.0, status.1, status.2), text)
}

fn judged(reply: Reply) -> Outcome {
    let verdict = match reply.class() {
        2 => Verdict::Delivered,
        5 => Verdict::Failed,
        _ => Verdict::Deferred,
    };
    Outcome { reply, host: String::new(), verdict }
}

/// The way of an address that is not ours: by a named channel, or by way of the conversion channel when its mail is treated
/// there, which the way here tells.
async fn way(service: &Service, lease: &Lease, address: &Address) -> Route {
    let parts = &service.parts;
    let brought = match lease.route.channel {
        Channel::Process => Brought::read(&lease.route.destination),
        _ => Brought::default(),
    };
    let mail = Piece { brought: &brought, from: lease.message.mail_from.reverse_path.as_ref(), to: address };
    let by_rule = || rule_of(&service.settings.rules, &address.domain).route(&address.domain);
    let route = parts.channels.elsewhere(mail).unwrap_or_else(by_rule);
    choice::choose(&parts.channels, &parts.content, mail, route).await
}

fn add(plan: &mut Plan, lease: &Lease, number: u32, recipient: &Recipient, local: &LocalTarget) {
    let sender = lease.message.mail_from.reverse_path.as_ref();
    let target = target::target(sender, local, Some((lease.id, number)));
    let planned = plan.entry(target.owner.partition.clone()).or_default();
    let is_it = |one: &&mut Planned| one.target.owner == target.owner && one.target.mailbox == target.mailbox;
    if let Some(one) = planned.iter_mut().find(is_it) {
        if !one.numbers.contains(&number) {
            one.numbers.push(number);
        }
        return;
    }
    planned.push(Planned {
        numbers: vec![number],
        is_released: recipient.is_released,
        recipient: recipient.rcpt.address.clone(),
        instructions: recipient.instructions.clone(),
        account: Box::new(local.account.clone()),
        target,
    });
}

/// Files the message on every partition: what became of each target by recipient, and the messages that scripts send.
async fn file(service: &Service, lease: &Lease, plan: Plan) -> (Vec<(u32, Became)>, Vec<(u32, NewEntry)>) {
    if plan.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let scripts = &service.parts.scripts;
    let is_scripted = |one: &Planned| scripts.concern(&one.account, &one.instructions);
    let any_scripted = plan.values().flatten().any(is_scripted);
    let read = read(lease, any_scripted).await;
    let (message, whole) = match read {
        Ok(read) => read,
        Err(text) => {
            service.signals.store_failed(lease.message.trace, &text);
            let all = plan.into_values().flatten().flat_map(|one| one.numbers);
            return (all.map(|number| (number, away())).collect(), Vec::new());
        }
    };
    let (mut became, mut caused) = (Vec::new(), Vec::new());
    for (partition, planned) in plan {
        let (scripted, plain) = divided(planned, whole.as_ref(), is_scripted);
        for (one, whole) in scripted {
            let (what, sent) = file_scripted(service, lease, &one, whole).await;
            if let Some(first) = one.numbers.first() {
                caused.extend(sent.into_iter().map(|entry| (*first, entry)));
            }
            became.extend(one.numbers.iter().map(|number| (*number, what.clone())));
        }
        if plain.is_empty() {
            continue;
        }
        let (numbers, targets): (Vec<Vec<u32>>, Vec<Target>) =
            plain.into_iter().map(|one| (one.numbers, one.target)).unzip();
        match service.parts.mail.deliver(&partition, message.clone(), targets, Rule::Each).await {
            Ok(committed) => {
                let filed = numbers.into_iter().zip(&committed.value);
                became.extend(filed.flat_map(|(numbers, filed)| {
                    numbers.into_iter().map(|number| (number, Became::Told(told(filed))))
                }));
            }
            Err(error) => {
                service.signals.store_failed(lease.message.trace, &error.to_string());
                became.extend(numbers.into_iter().flatten().map(|number| (number, away())));
            }
        }
    }
    (became, caused)
}

/// Those whose scripts run, each with the message to run them on, and the others. A script that came up since the message was
/// read without parsing it does not run for it: nobody is passed over.
fn divided<T, W>(all: Vec<T>, whole: Option<&W>, is_scripted: impl FnMut(&T) -> bool) -> (Vec<(T, &W)>, Vec<T>) {
    let Some(whole) = whole else { return (Vec::new(), all) };
    let (scripted, plain): (Vec<T>, Vec<T>) = all.into_iter().partition(is_scripted);
    (scripted.into_iter().map(|one| (one, whole)).collect(), plain)
}

/// Runs the scripts of one account and files as they say. What they remember is written with it, marked with this
/// delivery: when the attempt is made again after a crash they decide the same, file nothing twice, and send what was
/// not queued yet.
async fn file_scripted(service: &Service, lease: &Lease, one: &Planned, whole: &Whole) -> (Became, Vec<NewEntry>) {
    /// Other messages of the same account that may come in between before this one waits for its next turn.
    const DECISIONS_MAX: usize = 8;
    for _ in 0..DECISIONS_MAX {
        if let Some(done) = decide_and_file(service, lease, one, whole).await {
            return done;
        }
    }
    (away(), Vec::new())
}

/// One decision, and its filing. Nothing when a message filed meanwhile is remembered, so that the scripts may decide
/// otherwise now: of two messages that come at once one answers their sender.
async fn decide_and_file(
    service: &Service,
    lease: &Lease,
    one: &Planned,
    whole: &Whole,
) -> Option<(Became, Vec<NewEntry>)> {
    let message = &lease.message;
    let subject = Subject {
        trace: message.trace,
        sender: message.mail_from.reverse_path.as_ref(),
        recipient: &one.recipient,
        account: &one.account,
        target: &one.target,
        instructions: &one.instructions,
        scores: message.scores,
        authenticated: message.authenticated.as_deref(),
        is_released: one.is_released,
    };
    let decision = match run::decide(&service.parts.scripts, &subject, whole).await {
        Ok(decision) => decision,
        Err(error) => {
            service.signals.store_failed(message.trace, &error.to_string());
            return Some((away(), Vec::new()));
        }
    };
    let note = || {
        if !decision.notes.is_empty() {
            let text = format!("scripts of {}: {}", one.account.address, decision.notes.join("; "));
            service.parts.queue.note(message.trace, None, text);
        }
    };
    if let Some(reason) = &decision.hold {
        note();
        return Some((Became::Held(reply(450, (4, 7, 0), &format!("held by a script: {reason}"))), Vec::new()));
    }
    let filing = decision.filing(&one.target);
    let placed = service.parts.mail.place(&one.target.owner.partition, vec![filing], Rule::Each).await;
    if matches!(placed, Err(Error::Outdated)) {
        return None;
    }
    note();
    match placed {
        Ok(committed) => {
            let placed = committed.value.first();
            if let Some(Placed::Done { missing, .. }) = placed {
                service.parts.scripts.missing(message.trace, &one.account.address, missing);
            }
            let filed = placed.map_or(Filed::Before, Filed::from);
            if filed == Filed::OverQuota {
                return Some((Became::Told(told(&filed)), Vec::new()));
            }
            service.parts.scripts.sent(message.trace, &one.account.address, &decision.outgoing);
            let sent = decision.outgoing.into_iter().map(|(_, entry)| entry).collect();
            let words = decision.rejection.map(|reason| reason.split_whitespace().collect::<Vec<_>>().join(" "));
            Some(match words {
                Some(reason) => (Became::Told(reply(550, (5, 7, 1), &reason)), sent),
                None => (Became::Told(told(&filed)), sent),
            })
        }
        Err(error) => {
            service.signals.store_failed(message.trace, &error.to_string());
            Some((away(), Vec::new()))
        }
    }
}

fn told(filed: &Filed) -> Reply {
    match filed {
        Filed::OverQuota => reply(452, (4, 2, 2), "the mailbox is full"),
        Filed::Done { .. } | Filed::Before => reply(250, (2, 1, 5), "delivered"),
    }
}

fn away() -> Became {
    Became::Told(reply(451, (4, 3, 0), "the store is away"))
}

/// The message as it is filed, with its Return-Path on top (RFC 5321 §4.4); parsed for scripts if there are any.
async fn read(lease: &Lease, is_scripted: bool) -> Result<(NewMessage, Option<Whole>), String> {
    let body = lease.body().map_err(|error| error.to_string())?;
    let mut prefix = Prefix::new();
    prefix.return_path(lease.message.mail_from.reverse_path.as_ref());
    let mut octets = prefix.into_octets();
    octets.reserve(body.len() + 2);
    if !edit::begins_with_field(&body) {
        octets.extend_from_slice(b"\r\n");
    }
    octets.extend_from_slice(&body);
    let reading = tokio::task::spawn_blocking(move || match is_scripted {
        false => NewMessage::new(octets).map(|message| (message, None)),
        true => Whole::new(octets).map(|whole| (whole.filed(), Some(whole))),
    });
    match reading.await {
        Ok(message) => message.map_err(|error| error.to_string()),
        Err(_) => Err("reading the message was given up".to_owned()),
    }
}

#[cfg(test)]
mod tests;
