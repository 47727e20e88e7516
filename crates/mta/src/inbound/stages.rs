//! The stages that examine a whole message, in their order.

use crate::inbound::arrival::{Arrival, Fate, Finding};
use crate::inbound::author;
use crate::inbound::content;
use crate::inbound::detour;
use crate::inbound::recipient::Accepted;
use crate::inbound::refusal;
use crate::inbound::service::Service;
use crate::inbound::system_script::{self, Ruling};
use crate::judge::whole::{self, Whole};
use crate::scripts::stage::Message;
use smtp::reply::Reply;

/// Examines a message stage by stage; the first refusal ends it.
pub async fn examine(service: &Service, arrival: &mut Arrival) -> Finding {
    if message::edit::hops(&arrival.body) > service.settings.hops_max {
        return Finding::Refuse(refusal::mail_loop());
    }
    if let Err(reply) = detour::take_back(service, arrival).await {
        return Finding::Refuse(reply);
    }
    if let Err(reply) = content::gather(service, arrival).await {
        return Finding::Refuse(reply);
    }
    // What a scanner has given back was judged before it went there.
    let hold = match arrival.returned {
        Some(_) => None,
        None => match judge_whole(service, arrival).await {
            Ok(reason) => reason,
            Err(finding) => return finding,
        },
    };
    match author::is_author(service, arrival).await {
        Ok(is_author) => arrival.is_author = is_author,
        Err(reply) => return Finding::Refuse(reply),
    }
    content::choose(service, arrival).await;
    if let Some(reason) = hold {
        system_script::hold(service, arrival.trace, &reason, &mut arrival.recipients);
    }
    Finding::Pass
}

/// Everybody's say about a whole message, one after the other: why it is to be held, or what ends it.
async fn judge_whole(service: &Service, arrival: &mut Arrival) -> Result<Option<String>, Finding> {
    if let refusal @ Finding::Refuse(_) = service.parts.authentication.examine(arrival).await {
        return Err(refusal);
    }
    // What judges the message stands here: it sees what was put together, and what leaves is changed last.
    if let refusal @ Finding::Refuse(_) = service.parts.filters.examine(service, arrival).await {
        return Err(refusal);
    }
    judge(service, arrival).await.map_err(Finding::Refuse)?;
    if arrival.is_fragment() { Ok(None) } else { obey_scripts(service, arrival).await }
}

/// The policy's say; what waits for other fragments is judged when it is whole.
async fn judge(service: &Service, arrival: &mut Arrival) -> Result<(), Reply> {
    if arrival.is_fragment() {
        return Ok(());
    }
    let Arrival { trace, envelope, recipients, body, fields, heard, authentication, gathered, .. } = arrival;
    let Some(heard) = heard else { return Ok(()) };
    let authentication = whole::facts_of(authentication);
    let must_queue = gathered.is_some();
    let whole = Whole { trace: *trace, envelope, recipients, body, fields, heard, authentication, must_queue };
    whole::examine(service, whole).await
}

/// Has the administrator's scripts of whole messages judge it; why it is to be held, or that it is refused.
async fn obey_scripts(service: &Service, arrival: &mut Arrival) -> Result<Option<String>, Finding> {
    let only_recipient = match arrival.recipients.as_slice() {
        [only] => Some(&only.address),
        _ => None,
    };
    let mail_from = &arrival.envelope.mail_from;
    let message = Message {
        trace: arrival.trace,
        sender: mail_from.reverse_path.as_ref(),
        only_recipient,
        authenticated: arrival.origin.account.as_ref().map(|account| account.address.as_str()),
        scores: arrival.scores(),
        octets: &arrival.body,
    };
    let wanted = match system_script::judge(service, &message, mail_from.smtputf8).await {
        Ruling::Silent => return Ok(None),
        Ruling::Refused(reply) => return Err(Finding::Refuse(reply)),
        Ruling::Dropped(wanted) => {
            system_script::capture(service, arrival, &wanted);
            arrival.fates.extend((0..arrival.recipients.len()).map(|place| (place, Fate::Dropped)));
            return Ok(None);
        }
        Ruling::GoesOn(wanted) => wanted,
    };
    (arrival.spam_score, arrival.virus) = (wanted.scores.spam_percent, wanted.scores.virus);
    let mut wanted = wanted;
    if let Some(octets) = wanted.octets.take() {
        arrival.body = octets;
    }
    if wanted.is_junk {
        arrival.recipients.iter_mut().for_each(Accepted::put_into_junk);
    }
    system_script::capture(service, arrival, &wanted);
    Ok(wanted.hold)
}
