//! The administrator's scripts of whole messages, `message/*.sieve`: a stage at the end of a message.

use crate::inbound::recipient::Accepted;
use crate::inbound::refusal;
use crate::inbound::service::Service;
use crate::scripts::stage::{self, Message, Wanted};
use model::TraceId;
use queue::entry::{Channel, Route};
use smtp::reply::Reply;

/// What they make of a message.
pub enum Ruling {
    /// There are none.
    Silent,
    /// It goes on, as they want it.
    GoesOn(Wanted),
    /// It is refused.
    Refused(Reply),
    /// It is taken and dropped.
    Dropped,
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
        Some(reason) => Ruling::Refused(refusal::refused_by_policy(reason, smtputf8)),
        None if wanted.is_dropped => Ruling::Dropped,
        None => Ruling::GoesOn(wanted),
    }
}

/// Has a message wait for an operator.
pub fn hold(service: &Service, trace: TraceId, reason: &str, recipients: &mut [Accepted]) {
    service.parts.queue.note(trace, None, format!("held by a script: {reason}"));
    for accepted in recipients {
        accepted.route = Some(Route::new(Channel::Held, ""));
    }
}

/// Has copies made for those who are wanted to have one: by an instruction, so that it is made once, with the filing.
pub fn capture(service: &Service, trace: TraceId, wanted: &Wanted, recipients: &mut [Accepted]) {
    for to in &wanted.captures {
        let text = format!("require \"vnd.heliograph.system\"; capture \"{to}\";");
        match recipients.iter_mut().find(|accepted| !accepted.targets.is_empty()) {
            Some(accepted) => accepted.instructions.push(text),
            None => service.parts.scripts.not_captured(trace),
        }
    }
}
