//! A message in the conversion channel: its parts are converted, it gets its disclaimers, and it goes on by the way that its
//! recipients had, in one transaction with the end of its original.

use crate::content::conversion::apply::{self, Converted};
use crate::content::conversion::matching::Between;
use crate::content::disclaimer;
use crate::content::selection::{self, Conversion};
use crate::content::service::Content;
use crate::content::way::Way;
use directory::directory::Directory;
use model::{Address, LocalPart};
use queue::entry::{Channel, Outcome, Route, Verdict};
use queue::lease::Lease;
use queue::replace::{Change, Replacement};
use smtp::reply::Reply;
use smtp::status::EnhancedStatus;
use std::collections::BTreeMap;
use storage::NewBlob;

/// Decides what becomes of a leased message; nothing has happened until the lease is given the answer.
pub async fn attempt(content: &Content, directory: &dyn Directory, lease: &Lease) -> Change {
    let Ok(way) = lease.route.destination.parse::<Way>() else {
        // Nobody writes such a route; whoever gets here finds its way anew.
        return Change { outcomes: passed(lease, &Route::new(Channel::Process, "")), ..Change::default() };
    };
    if way.brought.is_own() {
        return Change { outcomes: passed(lease, &way.route), ..Change::default() };
    }
    let body = match lease.body() {
        Ok(body) => body,
        Err(error) => {
            content.signals.queue_failed(lease.message.trace, &error);
            return Change { outcomes: deferred(lease, "the message cannot be read now"), ..Change::default() };
        }
    };
    let out = way.out_channel();
    let mut told = Vec::new();
    let mut converted = None;
    if let Conversion::Yes { tag } = selection::of_way(content, &way) {
        let between = Between { source: &way.brought.kind, out, tag: &tag };
        let (result, sentences) = apply::convert(content, lease.message.trace, &body, between).await;
        told.extend(sentences);
        match result {
            Converted::Message(message) => converted = message,
            Converted::Post(why) => return Change { told, ..post(content, directory, lease, &why).await },
            decided => return Change { told, ..decide(lease, &way, decided) },
        }
    }
    disclaim(content, lease, &way, &body, converted, told)
}

/// Gives each recipient the disclaimers that are for it: those who get the same go together.
fn disclaim(
    content: &Content,
    lease: &Lease,
    way: &Way,
    body: &[u8],
    converted: Option<Vec<u8>>,
    mut told: Vec<String>,
) -> Change {
    let mut groups: BTreeMap<Vec<usize>, Vec<u32>> = BTreeMap::new();
    let from = lease.message.mail_from.reverse_path.as_ref();
    for (number, recipient) in &lease.recipients {
        let which = disclaimer::of(content, &way.brought.kind, way.out_channel(), from, &recipient.rcpt.address);
        groups.entry(which).or_default().push(*number);
    }
    let mut change = Change::default();
    for (which, numbers) in groups {
        let octets = converted.as_deref().unwrap_or(body);
        let (disclaimed, sentences) = tokio::task::block_in_place(|| disclaimer::give(content, octets, &which));
        told.extend(sentences);
        match disclaimed.or_else(|| converted.clone()) {
            Some(message) => change.replacements.push(Replacement {
                body: tokio::task::block_in_place(|| NewBlob::new(message)),
                recipients: numbers.into_iter().map(|number| (number, way.route.clone())).collect(),
            }),
            None => {
                let all = passed(lease, &way.route).into_iter();
                change.outcomes.extend(all.filter(|(number, _)| numbers.contains(number)));
            }
        }
    }
    Change { told, ..change }
}

/// What a command decided over the whole message.
fn decide(lease: &Lease, way: &Way, decided: Converted) -> Change {
    let mut change = Change::default();
    match decided {
        Converted::Message(_) | Converted::Post(_) => change.outcomes = passed(lease, &way.route),
        Converted::Return(why) => {
            // RFC 3463 §3.7: X.6.0, other or undefined media error; the sender's mail system cannot help it.
            let reply = Reply::new(550, EnhancedStatus::new(5, 6, 0), &why);
            change.outcomes = all(lease, |_| (reply.clone(), Verdict::Failed));
        }
        // What is released goes on as it is: the same command would only hold it again.
        Converted::Hold(why) => {
            let route = way.as_it_is().through();
            change.held = lease.recipients.iter().map(|(number, _)| (*number, route.clone(), why.clone())).collect();
        }
        Converted::Discard => change.outcomes = all(lease, |_| (own("discarded"), Verdict::Expanded(Vec::new()))),
        Converted::Defer(why) => change.outcomes = deferred(lease, &why),
    }
    change
}

/// The message goes to the postmaster instead: one copy, however many recipients there were.
async fn post(content: &Content, directory: &dyn Directory, lease: &Lease, why: &str) -> Change {
    let outcomes = match postmaster(content, directory).await {
        Ok(Some(postmaster)) => {
            let mut first = vec![(postmaster, Route::new(Channel::Process, ""))];
            all(lease, |_| (own(why), Verdict::Expanded(std::mem::take(&mut first))))
        }
        Ok(None) => deferred(lease, "no domain of this server's name has a postmaster to send the message to"),
        Err(_) => deferred(lease, "the directory is away"),
    };
    Change { outcomes, ..Change::default() }
}

/// The postmaster of this server: of its name, or of the domain of ours that the name lies in.
async fn postmaster(content: &Content, directory: &dyn Directory) -> Result<Option<Address>, directory::error::Error> {
    let Ok(local) = LocalPart::new("postmaster") else { return Ok(None) };
    let mut name = content.host.as_str();
    loop {
        if let Ok(domain) = name.parse()
            && directory.is_local_domain(&domain).await?
        {
            return Ok(Some(Address::new(local, domain)));
        }
        let Some((_, parent)) = name.split_once('.') else { return Ok(None) };
        name = parent;
    }
}

/// Everybody goes on with the message as it is.
fn passed(lease: &Lease, route: &Route) -> Vec<(u32, Outcome)> {
    let onward = lease.recipients.iter().map(|(number, recipient)| {
        let verdict = Verdict::Expanded(vec![(recipient.rcpt.address.clone(), route.clone())]);
        (*number, Outcome { reply: own("it goes on"), host: String::new(), verdict })
    });
    onward.collect()
}

fn deferred(lease: &Lease, why: &str) -> Vec<(u32, Outcome)> {
    // RFC 3463 §3.4: X.3.0, other or undefined mail system status.
    let reply = Reply::new(451, EnhancedStatus::new(4, 3, 0), why);
    all(lease, |_| (reply.clone(), Verdict::Deferred))
}

fn all(lease: &Lease, mut judge: impl FnMut(u32) -> (Reply, Verdict)) -> Vec<(u32, Outcome)> {
    let outcomes = lease.recipients.iter().map(|(number, _)| {
        let (reply, verdict) = judge(*number);
        (*number, Outcome { reply, host: String::new(), verdict })
    });
    outcomes.collect()
}

fn own(text: &str) -> Reply {
    Reply::new(250, EnhancedStatus::new(2, 0, 0), text)
}
