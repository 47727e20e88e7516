//! Looking addresses up, and filing mail in our own mailboxes, exactly once.

use crate::content::selection;
use crate::delivery::routing::rule_of;
use crate::delivery::service::Service;
use account::owner::Owner;
use account::rights::Asker;
use directory::resolve::{LocalTarget, Resolution};
use mail::deliver::{Filed, NewMessage, Quota, Rule, Target};
use mail::flags::Flags;
use message::edit::{self, Prefix};
use model::Address;
use queue::entry::{Channel, Outcome, Route, Verdict};
use queue::lease::Lease;
use smtp::reply::Reply;
use smtp::status::EnhancedStatus;
use std::collections::BTreeMap;

/// The targets of each partition, with the recipient that each is for.
type Plan = BTreeMap<String, Vec<(u32, Target)>>;

/// Files a message for those of its recipients who are ours, and finds the way of the others.
pub async fn attempt(service: &Service, lease: &Lease) -> Vec<(u32, Outcome)> {
    let mut outcomes: Vec<(u32, Outcome)> = Vec::new();
    let mut onward: BTreeMap<u32, Vec<(Address, Route)>> = BTreeMap::new();
    let mut plan = Plan::new();
    for (number, recipient) in &lease.recipients {
        let address = &recipient.rcpt.address;
        let refused = match service.parts.directory.resolve(address).await {
            Ok(Resolution::Expanded { local, remote }) => {
                for target in local {
                    add(&mut plan, lease, *number, &target);
                }
                if !remote.is_empty() {
                    let ways = remote.into_iter().map(|to| (to.clone(), way(service, lease, &to))).collect();
                    onward.insert(*number, ways);
                }
                continue;
            }
            Ok(Resolution::Foreign) => {
                onward.insert(*number, vec![(address.clone(), way(service, lease, address))]);
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
    let filed = file(service, lease, plan).await;
    for (number, _) in &lease.recipients {
        if outcomes.iter().any(|(known, _)| known == number) {
            continue;
        }
        let mine = filed.iter().filter(|(known, _)| known == number).map(|(_, reply)| reply);
        // One account without room does not hold up the others, who have it already and will not get it twice.
        let worst = mine.max_by_key(|reply| reply.class()).cloned();
        let done = worst.unwrap_or_else(|| reply(250, (2, 1, 5), "delivered"));
        let outcome = match onward.remove(number) {
            Some(ways) if done.is_positive() => {
                Outcome { reply: done, host: String::new(), verdict: Verdict::Expanded(ways) }
            }
            _ => judged(done),
        };
        service.signals.attempted(lease.message.trace, Channel::Local, "", &outcome.reply);
        outcomes.push((*number, outcome));
    }
    outcomes
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

/// The way of an address that is not ours: by the conversion channel when its mail is treated there, which the way here tells.
fn way(service: &Service, lease: &Lease, address: &Address) -> Route {
    let route = rule_of(&service.settings.rules, &address.domain).route(&address.domain);
    let source = if lease.route.channel == Channel::Process { lease.route.destination.as_str() } else { "" };
    let from = lease.message.mail_from.reverse_path.as_ref();
    selection::route(&service.parts.content, source, from, address, route)
}

fn add(plan: &mut Plan, lease: &Lease, number: u32, local: &LocalTarget) {
    let owner = Owner::new(local.account.account_id(), local.account.partition.clone());
    let targets = plan.entry(owner.partition.clone()).or_default();
    if targets.iter().any(|(_, target)| target.owner == owner && target.mailbox == local.detail) {
        return;
    }
    let asker = Asker { address: String::new(), groups: Vec::new() };
    let target = Target {
        owner,
        mailbox: local.detail.clone(),
        poster: (!local.is_direct).then_some(asker),
        flags: Flags::default(),
        quota: Quota { octets: local.account.quota_octets, messages: local.account.quota_messages },
        delivery: Some((lease.id, number)),
    };
    targets.push((number, target));
}

/// Files the message on every partition; a reply for each target.
async fn file(service: &Service, lease: &Lease, plan: Plan) -> Vec<(u32, Reply)> {
    if plan.is_empty() {
        return Vec::new();
    }
    let message = match read(lease).await {
        Ok(message) => message,
        Err(text) => {
            service.signals.store_failed(lease.message.trace, &text);
            let all = plan.into_values().flatten();
            return all.map(|(number, _)| (number, reply(451, (4, 3, 0), "the store is away"))).collect();
        }
    };
    let mut replies = Vec::new();
    for (partition, targets) in plan {
        let (numbers, targets): (Vec<u32>, Vec<Target>) = targets.into_iter().unzip();
        match service.parts.mail.deliver(&partition, message.clone(), targets, Rule::Each).await {
            Ok(committed) => {
                let told = committed.value.iter().map(|filed| match filed {
                    Filed::OverQuota => reply(452, (4, 2, 2), "the mailbox is full"),
                    Filed::Done { .. } | Filed::Before => reply(250, (2, 1, 5), "delivered"),
                });
                replies.extend(numbers.into_iter().zip(told));
            }
            Err(error) => {
                service.signals.store_failed(lease.message.trace, &error.to_string());
                replies.extend(numbers.into_iter().map(|number| (number, reply(451, (4, 3, 0), "the store is away"))));
            }
        }
    }
    replies
}

/// The message as it is filed, with its Return-Path on top (RFC 5321 §4.4).
async fn read(lease: &Lease) -> Result<NewMessage, String> {
    let body = lease.body().map_err(|error| error.to_string())?;
    let mut prefix = Prefix::new();
    prefix.return_path(lease.message.mail_from.reverse_path.as_ref());
    let mut octets = prefix.into_octets();
    octets.reserve(body.len() + 2);
    if !edit::begins_with_field(&body) {
        octets.extend_from_slice(b"\r\n");
    }
    octets.extend_from_slice(&body);
    let reading = tokio::task::spawn_blocking(move || NewMessage::new(octets));
    match reading.await {
        Ok(message) => message.map_err(|error| error.to_string()),
        Err(_) => Err("reading the message was given up".to_owned()),
    }
}
