//! The administrator's scripts of whole messages, `message/*.sieve`: a stage at the end of a message.

use crate::inbound::arrival::{Arrival, Finding};
use crate::inbound::refusal;
use crate::inbound::service::Service;
use crate::scripts::stage::{self, Message};
use queue::entry::{Channel, Route};

/// Runs them and does what they want with the arrival.
pub async fn examine(service: &Service, arrival: &mut Arrival) -> Finding {
    let scripts = &service.parts.scripts;
    if scripts.library().message.is_empty() {
        return Finding::Pass;
    }
    let only_recipient = match arrival.recipients.as_slice() {
        [only] => Some(&only.address),
        _ => None,
    };
    let message = Message {
        trace: arrival.trace,
        sender: arrival.envelope.mail_from.reverse_path.as_ref(),
        only_recipient,
        authenticated: arrival.origin.account.as_ref().map(|account| account.address.as_str()),
        scores: arrival.scores(),
        octets: &arrival.body,
    };
    let wanted = match stage::end_of_message(scripts, &message).await {
        Ok(wanted) => wanted,
        Err(error) => {
            service.signals.scripts_away(arrival.trace, &error);
            return Finding::Refuse(refusal::directory_away());
        }
    };
    if !wanted.notes.is_empty() {
        service.parts.queue.note(arrival.trace, None, wanted.notes.join("; "));
    }
    if let Some(reason) = &wanted.rejection {
        return Finding::Refuse(refusal::refused_by_policy(reason, arrival.envelope.mail_from.smtputf8));
    }
    if wanted.is_dropped {
        return Finding::Drop;
    }
    (arrival.spam_score, arrival.virus) = (wanted.scores.spam_percent, wanted.scores.virus);
    if let Some(octets) = wanted.octets {
        arrival.body = octets;
    }
    if let Some(reason) = wanted.hold {
        service.parts.queue.note(arrival.trace, None, format!("held by a script: {reason}"));
        for accepted in &mut arrival.recipients {
            accepted.route = Some(Route::new(Channel::Held, ""));
        }
    }
    // A copy is an instruction, so that it is made once, with the filing.
    for to in wanted.captures {
        let text = format!("require \"vnd.heliograph.system\"; capture \"{to}\";");
        match arrival.recipients.iter_mut().find(|accepted| !accepted.targets.is_empty()) {
            Some(accepted) => accepted.instructions.push(text),
            None => scripts.not_captured(arrival.trace),
        }
    }
    Finding::Pass
}
