//! What is done with a whole message: it is filed for every recipient in one transaction, or refused.

use crate::inbound::recipient::{Accepted, quota};
use crate::inbound::refusal;
use crate::inbound::service::Service;
use account::owner::Owner;
use account::rights::Asker;
use mail::deliver::{Filed, NewMessage, Rule, Target};
use mail::error::Error;
use mail::flags::Flags;
use model::{Timestamp, TraceId};
use smtp::reply::Reply;
use smtp::server::Kind;

/// Files `message` and returns the replies that the protocol wants: one for each recipient under LMTP, else one for all,
/// who then all have the message or all have not. Each account gets it once, however many addresses lead there.
pub async fn file(
    service: &Service,
    trace: TraceId,
    message: Vec<u8>,
    recipients: &[Accepted],
    poster: Option<&str>,
) -> Vec<Reply> {
    let (rule, count) = match service.kind {
        Kind::Lmtp => (Rule::Each, recipients.len()),
        Kind::Smtp | Kind::Submission => (Rule::AllOrNone, 1),
    };
    let (partition, targets, places) = match plan(recipients, poster) {
        Ok(plan) => plan,
        Err(reply) => return vec![reply; count],
    };
    let parsed = tokio::task::block_in_place(|| NewMessage::new(message));
    let outcome = match parsed {
        Ok(message) => service.parts.mail.deliver(&partition, message, targets, rule).await,
        Err(error) => Err(error),
    };
    let committed = match outcome {
        Ok(committed) => committed,
        Err(Error::OverQuota) => return vec![refusal::over_quota(); count],
        Err(error) => {
            service.signals.store_failed(trace, &error);
            return vec![refusal::store_away(&error); count];
        }
    };
    if rule == Rule::AllOrNone {
        return vec![refusal::accepted(committed.receipt, trace)];
    }
    let filed = |at: &usize| committed.value.get(*at).is_some_and(|filed| *filed != Filed::OverQuota);
    let reply = |places: &Vec<usize>| {
        if places.iter().all(filed) { refusal::accepted(committed.receipt, trace) } else { refusal::over_quota() }
    };
    places.iter().map(reply).collect()
}

/// The partition, its targets, and for each recipient the places of its targets among them.
type Plan = (String, Vec<Target>, Vec<Vec<usize>>);

fn plan(recipients: &[Accepted], poster: Option<&str>) -> Result<Plan, Reply> {
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
    if targets.iter().any(|target| target.owner.partition != partition) {
        return Err(Reply::new(
            451,
            smtp::status::EnhancedStatus::new(4, 5, 3),
            "the recipients live on different partitions; send to each alone",
        ));
    }
    Ok((partition, targets, places))
}

/// The moment at which a transaction is accepted, for the Received field.
pub fn now(service: &Service) -> Timestamp {
    service.parts.clock.now()
}
