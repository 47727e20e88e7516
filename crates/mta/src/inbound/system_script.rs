//! The administrator's scripts of whole messages, `message/*.sieve`: a stage at the end of a message.

use crate::inbound::recipient::Accepted;
use crate::inbound::refusal;
use crate::inbound::service::Service;
use crate::scripts::stage::{self, Message, Wanted};
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

/// Tells the recipients of a message that goes on what is wanted: where it waits, and who gets a copy.
pub fn instruct(service: &Service, trace: model::TraceId, wanted: &Wanted, recipients: &mut [Accepted]) {
    if let Some(reason) = &wanted.hold {
        service.parts.queue.note(trace, None, format!("held by a script: {reason}"));
        for accepted in recipients.iter_mut() {
            accepted.route = Some(Route::new(Channel::Held, ""));
        }
    }
    // A copy is an instruction, so that it is made once, with the filing.
    for to in &wanted.captures {
        let text = format!("require \"vnd.heliograph.system\"; capture \"{to}\";");
        match recipients.iter_mut().find(|accepted| !accepted.targets.is_empty()) {
            Some(accepted) => accepted.instructions.push(text),
            None => service.parts.scripts.not_captured(trace),
        }
    }
}
