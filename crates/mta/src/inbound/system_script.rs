//! The administrator's scripts of whole messages, `message/*.sieve`: a stage at the end of a message.

use crate::inbound::arrival::Arrival;
use crate::inbound::recipient::Accepted;
use crate::inbound::recipient::at_home_route;
use crate::inbound::refusal;
use crate::inbound::service::Service;
use crate::scripts::forward;
use crate::scripts::stage::{self, Message, Wanted};
use model::TraceId;
use smtp::reply::Reply;

/// What they make of a message.
pub enum Ruling {
    /// There are none.
    Silent,
    /// It goes on, as they want it.
    GoesOn(Wanted),
    /// It is refused.
    Refused(Reply),
    /// It is taken and dropped; others may be wanted to have a copy.
    Dropped(Wanted),
}

/// Runs them; nothing has happened yet.
pub async fn judge(service: &Service, message: &Message<'_>, smtputf8: bool) -> Ruling {
    let scripts = &service.parts.scripts;
    if scripts.library().message.is_empty() {
        return Ruling::Silent;
    }
    let wanted = match stage::end_of_message(scripts, message).await {
        Ok(wanted) => wanted,
        Err(error) => {
            service.signals.scripts_away(message.trace, &error);
            return Ruling::Refused(refusal::directory_away());
        }
    };
    if !wanted.notes.is_empty() {
        service.parts.queue.note(message.trace, None, wanted.notes.join("; "));
    }
    match &wanted.rejection {
        Some(reason) => {
            service.parts.scripts.not_captured(message.trace, wanted.captures.len());
            Ruling::Refused(refusal::refused_by_policy(reason, smtputf8))
        }
        None if wanted.is_dropped => Ruling::Dropped(wanted),
        None => Ruling::GoesOn(wanted),
    }
}

/// Has a message wait for an operator.
pub fn hold(service: &Service, trace: TraceId, reason: &str, recipients: &mut [Accepted]) {
    service.parts.queue.note(trace, None, format!("held by a script: {reason}"));
    for accepted in recipients {
        accepted.route = Some(accepted.route.take().unwrap_or_else(at_home_route).held());
    }
}

/// Has a copy made for those who are wanted to have one: a message of its own, queued in one transaction with this one,
/// which therefore goes through the queue.
pub fn capture(service: &Service, arrival: &mut Arrival, wanted: &Wanted) {
    if wanted.captures.is_empty() {
        return;
    }
    let to = arrival.envelope.recipients.iter().map(|recipient| &recipient.address);
    let envelope = forward::Envelope { sender: arrival.envelope.mail_from.reverse_path.as_ref(), to: to.collect() };
    let scripts = &service.parts.scripts;
    let now = service.parts.clock.now();
    let copy = || forward::capture(scripts, arrival.trace, &envelope, wanted.captures.clone(), &arrival.body, now);
    arrival.copy = Some(tokio::task::block_in_place(copy));
    for accepted in &mut arrival.recipients {
        if accepted.route.is_none() && !accepted.is_nobody() {
            accepted.route = Some(at_home_route());
        }
    }
}

/// After a message was refused for good or for now: nobody gets a copy of it.
pub fn give_up(service: &Service, arrival: &Arrival) {
    let wanted = arrival.copy.as_ref().map_or(0, |copy| copy.recipients.len());
    service.parts.scripts.not_captured(arrival.trace, wanted);
}
