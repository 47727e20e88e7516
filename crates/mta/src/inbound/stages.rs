//! The stages that examine a whole message, in their order.

use crate::inbound::arrival::{Arrival, Finding};
use crate::inbound::content;
use crate::inbound::refusal;
use crate::inbound::service::Service;
use crate::judge::whole::{self, Whole};
use queue::entry::Channel;
use smtp::reply::Reply;

/// Examines a message stage by stage; the first refusal ends it.
pub async fn examine(service: &Service, arrival: &mut Arrival) -> Finding {
    if message::edit::hops(&arrival.body) > service.settings.hops_max {
        return Finding::Refuse(refusal::mail_loop());
    }
    if let Err(reply) = content::gather(service, arrival).await {
        return Finding::Refuse(reply);
    }
    // What judges the message stands here: it sees what was put together, and what leaves is changed last.
    if let Finding::Refuse(reply) = service.parts.filters.examine(service, arrival).await {
        return Finding::Refuse(reply);
    }
    if let Err(reply) = judge(service, arrival).await {
        return Finding::Refuse(reply);
    }
    content::choose(service, arrival);
    Finding::Pass
}

/// The policy's say; what waits for other fragments is judged when it is whole.
async fn judge(service: &Service, arrival: &mut Arrival) -> Result<(), Reply> {
    let Arrival { trace, envelope, recipients, body, fields, heard, .. } = arrival;
    let waits = |route: &queue::entry::Route| route.channel == Channel::Defragment;
    if recipients.iter().any(|recipient| recipient.route.as_ref().is_some_and(waits)) {
        return Ok(());
    }
    match heard {
        Some(heard) => {
            whole::examine(service, Whole { trace: *trace, envelope, recipients, body, fields, heard }).await
        }
        None => Ok(()),
    }
}
