//! What is done with a whole message: it is filed for every recipient in one transaction, or refused.

use crate::content::fragments::Gathered;
use crate::inbound::recipient::{Accepted, at_home_route, quota};
use crate::inbound::refusal;
use crate::inbound::service::Service;
use account::owner::Owner;
use account::rights::Asker;
use mail::deliver::{Filed, NewMessage, Rule, Target};
use mail::error::Error;
use mail::flags::Flags;
use model::{Timestamp, TraceId};
use queue::entry::{NewEntry, Scores};
use smtp::envelope::{Envelope, RcptTo};
use smtp::reply::Reply;
use smtp::server::Kind;
use storage::{Committed, NewBlob};

/// What the stages learned of a message that goes into the queue with it.
pub struct Learned {
    /// What filters thought of it.
    pub scores: Scores,
    /// Fragments in the queue that end when it is taken in.
    pub gathered: Option<Gathered>,
}

/// Files `message` and returns the replies that the protocol wants: one for each recipient under LMTP, else one for all,
/// who then all have the message or all have not. Each account gets it once, however many addresses lead there.
pub async fn file(
    service: &Service,
    trace: TraceId,
    message: Vec<u8>,
    envelope: &Envelope,
    recipients: &[Accepted],
    learned: Learned,
) -> Answered {
    let poster = envelope.mail_from.reverse_path.as_ref().map(ToString::to_string);
    let (rule, count) = match service.kind {
        Kind::Lmtp => (Rule::Each, recipients.len()),
        Kind::Smtp | Kind::Submission => (Rule::AllOrNone, 1),
    };
    let Some((partition, targets, places)) = plan(envelope, recipients, poster.as_deref()) else {
        let reply = submit(service, trace, message, envelope, recipients, learned).await;
        return Answered::only(vec![reply; count]);
    };
    let parsed = tokio::task::block_in_place(|| NewMessage::new(message));
    let outcome = match parsed {
        Ok(message) => service.parts.mail.deliver(&partition, message, targets, rule).await,
        Err(error) => Err(error),
    };
    let committed = match outcome {
        Ok(committed) => committed,
        Err(Error::OverQuota) => return Answered::only(vec![refusal::over_quota(); count]),
        Err(error) => {
            service.signals.store_failed(trace, &error);
            return Answered::only(vec![refusal::store_away(&error); count]);
        }
    };
    let where_filed = Some(filed_where(recipients, &places, &committed.value));
    if rule == Rule::AllOrNone {
        return Answered { replies: vec![refusal::accepted(committed.receipt, trace)], where_filed };
    }
    let filed = |at: &usize| committed.value.get(*at).is_some_and(|filed| *filed != Filed::OverQuota);
    let reply = |places: &Vec<usize>| {
        if places.iter().all(filed) { refusal::accepted(committed.receipt, trace) } else { refusal::over_quota() }
    };
    Answered { replies: places.iter().map(reply).collect(), where_filed }
}

/// What a message came to.
pub struct Answered {
    /// The replies.
    pub replies: Vec<Reply>,
    /// Whose mailboxes have it, for the trace; nothing when it went into the queue or was refused.
    pub where_filed: Option<String>,
}

impl Answered {
    fn only(replies: Vec<Reply>) -> Answered {
        Answered { replies, where_filed: None }
    }
}

/// Who got it and under which UID, for the trace; some of them when there are many.
fn filed_where(recipients: &[Accepted], places: &[Vec<usize>], filed: &[Filed]) -> String {
    const SHOWN: usize = 5;
    let targets = recipients.iter().zip(places).flat_map(|(recipient, places)| recipient.targets.iter().zip(places));
    let mut told = Vec::new();
    for (local, place) in targets.take(SHOWN) {
        let how = match filed.get(*place) {
            Some(Filed::Done { uid, .. }) => format!("UID {uid}"),
            Some(Filed::Before) => "there before".to_owned(),
            Some(Filed::OverQuota) | None => "no room".to_owned(),
        };
        told.push(format!(
            "{}{} ({how})",
            local.account.address,
            local.detail.as_ref().map_or(String::new(), |name| format!(" in {name}"))
        ));
    }
    let more = filed.len().saturating_sub(told.len());
    if more > 0 { format!("{} and {more} more", told.join(", ")) } else { told.join(", ") }
}

/// Whether everything can be filed at once, without the queue.
pub fn is_filed_at_once(envelope: &Envelope, recipients: &[Accepted]) -> bool {
    plan(envelope, recipients, None).is_some()
}

/// The partition, its targets, and for each recipient the places of its targets among them.
type Plan = (String, Vec<Target>, Vec<Vec<usize>>);

/// How everything can be filed at once; `None` when some of it must go through the queue: somebody is elsewhere, the
/// accounts live on several partitions, the sender wants it held back or wants to be told of success.
fn plan(envelope: &Envelope, recipients: &[Accepted], poster: Option<&str>) -> Option<Plan> {
    let tells = |rcpt: &RcptTo| rcpt.notify.is_some_and(|notify| notify.success);
    let waits = envelope.mail_from.hold.is_some();
    if waits || recipients.iter().any(|recipient| recipient.route.is_some()) || envelope.recipients.iter().any(tells) {
        return None;
    }
    let mut targets: Vec<Target> = Vec::new();
    let mut places = Vec::with_capacity(recipients.len());
    for recipient in recipients {
        let mut mine = Vec::with_capacity(recipient.targets.len());
        for local in &recipient.targets {
            let owner = Owner::new(local.account.account_id(), local.account.partition.clone());
            let there = targets.iter().position(|target| target.owner == owner && target.mailbox == local.detail);
            mine.push(there.unwrap_or(targets.len()));
            if there.is_none() {
                let is_own = poster.is_some_and(|poster| poster.eq_ignore_ascii_case(&local.account.address));
                let asker = Asker { address: poster.unwrap_or_default().to_owned(), groups: Vec::new() };
                targets.push(Target {
                    owner,
                    mailbox: local.detail.clone(),
                    // Without any grants the owner's own subaddresses work for everybody, as the address asks for.
                    poster: (!is_own && !local.is_direct).then_some(asker),
                    flags: Flags::default(),
                    quota: quota(local),
                    delivery: None,
                });
            }
        }
        places.push(mine);
    }
    let partition = targets.first().map(|target| target.owner.partition.clone()).unwrap_or_default();
    let is_one = targets.iter().all(|target| target.owner.partition == partition);
    is_one.then_some((partition, targets, places))
}

/// Puts the message into the queue for all recipients, in one transaction.
async fn submit(
    service: &Service,
    trace: TraceId,
    message: Vec<u8>,
    envelope: &Envelope,
    recipients: &[Accepted],
    learned: Learned,
) -> Reply {
    let routed = envelope.recipients.iter().zip(recipients);
    let instructed = (0usize..).zip(recipients).filter(|(_, accepted)| !accepted.instructions.is_empty());
    let entry = NewEntry {
        mail_from: envelope.mail_from.clone(),
        recipients: routed
            .map(|(rcpt, accepted)| {
                let rcpt = RcptTo { address: accepted.address.clone(), ..rcpt.clone() };
                (rcpt, accepted.route.clone().unwrap_or_else(at_home_route))
            })
            .collect(),
        body: tokio::task::block_in_place(|| NewBlob::new(message)),
        trace,
        received_from: String::new(),
        scores: learned.scores,
        instructions: instructed.map(|(place, accepted)| (place, accepted.instructions.clone())).collect(),
    };
    let submitted = match learned.gathered {
        None => service.parts.queue.submit(entry).await,
        // The lock in it goes when the message is durable.
        Some(ref gathered) => {
            let (fragments, told) = (gathered.fragments.clone(), gathered.told.clone());
            let submitted = service.parts.queue.submit_all(vec![entry], fragments, told).await;
            submitted.map(|Committed { value, receipt }| Committed {
                value: value.first().copied().unwrap_or_default(),
                receipt,
            })
        }
    };
    match submitted {
        Ok(committed) => refusal::queued(committed.receipt, committed.value),
        Err(error) => {
            service.signals.queue_failed(trace, &error);
            refusal::queue_away(&error)
        }
    }
}

/// The moment at which a transaction is accepted, for the Received field.
pub fn now(service: &Service) -> Timestamp {
    service.parts.clock.now()
}
