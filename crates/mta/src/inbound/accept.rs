//! What is done with a whole message: it is filed for every recipient in one transaction, or refused.

use crate::aside::aside;
use crate::content::fragments::Gathered;
use crate::delivery::target::target;
use crate::inbound::arrival::Arrival;
use crate::inbound::recipient::{Accepted, at_home_route};
use crate::inbound::refusal;
use crate::inbound::service::Service;
use crate::scripts::decision::Sent;
use mail::deliver::{Filed, NewMessage, Rule, Target};
use mail::error::Error;
use mail::filing::{Filing, Placed};
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
    /// A copy for others that is queued with it.
    pub copy: Option<NewEntry>,
    /// Who had logged in.
    pub authenticated: Option<String>,
}

impl Learned {
    /// What goes with an arrival, which gives it away.
    pub fn of(arrival: &mut Arrival) -> Learned {
        Learned {
            scores: arrival.scores(),
            gathered: arrival.gathered.take(),
            copy: arrival.copy.take(),
            authenticated: arrival.origin.account.as_ref().map(|account| account.address.clone()),
        }
    }
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
    let (rule, count) = manner(service, recipients);
    let Some(plan) = plan(envelope, recipients) else {
        let reply = submit(service, trace, message, envelope, recipients, learned).await;
        return Answered::only(vec![reply; count]);
    };
    let parsed = aside(message.len(), || NewMessage::new(message));
    let outcome = match parsed {
        Ok(message) => service.parts.mail.deliver(&plan.partition, message, plan.targets, rule).await,
        Err(error) => Err(error),
    };
    answer(service, trace, recipients, &plan.places, outcome)
}

/// How a message is filed as a whole, and how many replies there are.
fn manner(service: &Service, recipients: &[Accepted]) -> (Rule, usize) {
    match service.kind {
        Kind::Lmtp => (Rule::Each, recipients.len()),
        Kind::Smtp | Kind::Submission => (Rule::AllOrNone, 1),
    }
}

/// Files as scripts decided, all at once; nothing when what they decided upon has changed since.
pub async fn place(
    service: &Service,
    trace: TraceId,
    recipients: &[Accepted],
    plan: &Plan,
    filings: Vec<Filing>,
) -> Option<Answered> {
    let (rule, _) = manner(service, recipients);
    let outcome = service.parts.mail.place(&plan.partition, filings, rule).await;
    if matches!(outcome, Err(Error::Outdated)) {
        return None;
    }
    let outcome = outcome.map(|Committed { value, receipt }| {
        for (target, placed) in plan.targets.iter().zip(&value) {
            if let Placed::Done { missing, .. } = placed {
                service.parts.scripts.missing(trace, &target.owner.account.to_string(), missing);
            }
        }
        Committed { value: value.iter().map(Filed::from).collect(), receipt }
    });
    Some(answer(service, trace, recipients, &plan.places, outcome))
}

/// The replies to a message that was filed at once, or was not.
fn answer(
    service: &Service,
    trace: TraceId,
    recipients: &[Accepted],
    places: &[Vec<usize>],
    outcome: Result<Committed<Vec<Filed>>, Error>,
) -> Answered {
    let (rule, count) = manner(service, recipients);
    let committed = match outcome {
        Ok(committed) => committed,
        Err(Error::OverQuota) => return Answered::only(vec![refusal::over_quota(); count]),
        Err(error) => {
            service.signals.store_failed(trace, &error);
            return Answered::only(vec![refusal::store_away(&error); count]);
        }
    };
    let where_filed = Some(filed_where(recipients, places, &committed.value));
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
    /// Whether everybody is refused for good.
    pub fn is_refusal(&self) -> bool {
        self.replies.iter().all(|reply| reply.class() == 5)
    }

    /// Replies alone.
    pub fn only(replies: Vec<Reply>) -> Answered {
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
            Some(Filed::Done { uid, .. }) if uid.0 == 0 => "not kept".to_owned(),
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
    plan(envelope, recipients).is_some()
}

/// How everything is filed at once.
pub struct Plan {
    /// Where.
    pub partition: String,
    /// For whom, each account once.
    pub targets: Vec<Target>,
    /// For each recipient the places of its targets among them.
    pub places: Vec<Vec<usize>>,
}

/// How everything can be filed at once; `None` when some of it must go through the queue: somebody is elsewhere, the
/// accounts live on several partitions, the sender wants it held back or wants to be told of success.
pub fn plan(envelope: &Envelope, recipients: &[Accepted]) -> Option<Plan> {
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
            let target = target(envelope.mail_from.reverse_path.as_ref(), local, None);
            let is_it = |there: &Target| there.owner == target.owner && there.mailbox == target.mailbox;
            let there = targets.iter().position(is_it);
            mine.push(there.unwrap_or(targets.len()));
            if there.is_none() {
                targets.push(target);
            }
        }
        places.push(mine);
    }
    let partition = targets.first().map(|target| target.owner.partition.clone()).unwrap_or_default();
    let is_one = targets.iter().all(|target| target.owner.partition == partition);
    is_one.then_some(Plan { partition, targets, places })
}

/// Puts the message into the queue for all recipients, in one transaction.
pub async fn submit(
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
        body: aside(message.len(), || NewBlob::new(message)),
        trace,
        received_from: String::new(),
        authenticated: learned.authenticated,
        scores: learned.scores,
        instructions: instructed.map(|(place, accepted)| (place, accepted.instructions.clone())).collect(),
    };
    // The lock in what was gathered goes when the message is durable.
    let (fragments, told) = learned
        .gathered
        .as_ref()
        .map(|gathered| (gathered.fragments.clone(), gathered.told.clone()))
        .unwrap_or_default();
    let copies = learned.copy.iter().map(|copy| (Sent::Capture, copy.clone())).collect::<Vec<_>>();
    let entries = std::iter::once(entry).chain(learned.copy).collect();
    match service.parts.queue.submit_all(entries, fragments, told).await {
        Ok(Committed { value, receipt }) => {
            service.parts.scripts.sent(trace, "", &copies);
            refusal::queued(receipt, value.first().copied().unwrap_or_default())
        }
        Err(error) => {
            service.signals.queue_failed(trace, &error);
            refusal::queue_away(&error)
        }
    }
}

/// Queues the copy of a message that nobody else gets; the refusal when that fails.
pub async fn submit_copy(service: &Service, trace: TraceId, copy: Option<NewEntry>) -> Result<(), Reply> {
    let Some(copy) = copy else { return Ok(()) };
    match service.parts.queue.submit(copy.clone()).await {
        Ok(_) => {
            service.parts.scripts.sent(trace, "", &[(Sent::Capture, copy)]);
            Ok(())
        }
        Err(error) => {
            service.signals.queue_failed(trace, &error);
            Err(refusal::queue_away(&error))
        }
    }
}

/// The moment at which a transaction is accepted, for the Received field.
pub fn now(service: &Service) -> Timestamp {
    service.parts.clock.now()
}
