//! The stages that examine a whole message, in their order.

use crate::inbound::arrival::{Arrival, Finding};
use crate::inbound::content;
use crate::inbound::refusal;
use crate::inbound::service::Service;

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
    content::choose(service, arrival);
    Finding::Pass
}
