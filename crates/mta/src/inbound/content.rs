//! The stages of an arriving message that are about its content: fragments are put together first, so that everything after
//! judges the whole; at the end those who are to get something else than what came are sent by way of the conversion channel.

use crate::channels::choice;
use crate::channels::named::Piece;
use crate::content::fragments::{self, Gathering, Ground, Refused};
use crate::content::selection;
use crate::inbound::arrival::Arrival;
use crate::inbound::detour;
use crate::inbound::recipient::{Accepted, at_home_route};
use crate::inbound::refusal;
use crate::inbound::service::Service;
use queue::entry::{Channel, Route};
use smtp::reply::Reply;

/// Puts a message together whose last fragment this is, or has the fragment wait.
pub async fn gather(service: &Service, arrival: &mut Arrival) -> Result<(), Reply> {
    let content = &service.parts.content;
    let outs = outs(service, arrival).await;
    let Some(channel) = fragments::channel(content, outs.into_iter()) else { return Ok(()) };
    let (ground, trace) = (Ground { content, queue: &service.parts.queue, memory: &service.spool }, arrival.trace);
    let gathering = fragments::gather(ground, trace, channel, &arrival.envelope, &arrival.body).await;
    match gathering {
        Ok(Gathering::Other) => {}
        Ok(Gathering::Waits(place, gathered)) => {
            let route = Route::new(Channel::Defragment, &place.to_string());
            // What is to be held is held in its fragments, too: nobody else lets them go on.
            let waits = |recipient: &&mut Accepted| !recipient.is_nobody() && !recipient.is_held();
            arrival.recipients.iter_mut().filter(waits).for_each(|recipient| recipient.route = Some(route.clone()));
            arrival.gathered = Some(gathered);
        }
        Ok(Gathering::Whole(whole, gathered)) => {
            arrival.body = whole;
            arrival.envelope.mail_from.size_octets = None;
            // Through the queue, where the fragments end in the transaction that takes the whole in.
            let at_once = |recipient: &&mut Accepted| recipient.route.is_none() && !recipient.is_nobody();
            for recipient in arrival.recipients.iter_mut().filter(at_once) {
                recipient.route = Some(at_home_route());
            }
            arrival.gathered = Some(gathered);
        }
        Err(refused) => {
            content.signals.fragment_refused(trace, &refused.to_string());
            return Err(match &refused {
                Refused::Queue(error) => refusal::queue_away(error),
                _ => refusal::bad_fragment(&refused),
            });
        }
    }
    Ok(())
}

/// After a message was refused for good, or is for nobody: the fragments that it was made of will not wait for anything else.
pub async fn give_up(service: &Service, arrival: &mut Arrival, reply: &Reply) {
    let Some(gathered) = arrival.gathered.take().filter(|gathered| gathered.is_whole && reply.class() == 5) else {
        return;
    };
    let why = reply.text();
    let told =
        format!("dropped: the message made of its fragments was refused as {}: {} {why}", arrival.trace, reply.code);
    match service.parts.queue.drop_fragments(gathered.fragments, told).await {
        Ok(count) => service.parts.content.signals.fragments_dropped(arrival.trace, count, &why),
        Err(error) => service.signals.queue_failed(arrival.trace, &error),
    }
}

/// Chooses the way of each recipient's mail: by a named channel, as the CONVERSIONS table says, by way of the conversion
/// channel. Nobody is asked about those who get nothing.
pub async fn choose(service: &Service, arrival: &mut Arrival) {
    let (content, channels) = (&service.parts.content, &service.parts.channels);
    if !selection::is_used(content) && !channels.is_used() {
        return;
    }
    let brought = detour::brought(service, arrival);
    let from = arrival.envelope.mail_from.reverse_path.clone();
    for (place, recipient) in arrival.recipients.iter_mut().enumerate() {
        if recipient.is_nobody() || arrival.fates.contains_key(&place) {
            continue;
        }
        let mail = Piece { brought: &brought, from: from.as_ref(), to: &recipient.address };
        let is_held = recipient.is_held();
        let before = recipient.route.as_ref().map(|route| if is_held { route.released() } else { route.clone() });
        let way = before.clone().unwrap_or_else(at_home_route);
        let named = match way.channel {
            // A stage may have sent it elsewhere, by the rules alone.
            Channel::Smtp | Channel::Lmtp => channels.elsewhere(mail),
            _ => None,
        };
        let route = choice::choose(channels, content, mail, named.unwrap_or(way)).await;
        match before {
            _ if route != at_home_route() => recipient.route = Some(route),
            // Where it leads is found in the queue, which must know by then how the message came.
            Some(_) => recipient.route = Some(Route::new(Channel::Process, &brought.to_string())),
            None => {}
        }
        if is_held {
            // Whoever releases it lets it go on by the way that it would have taken.
            recipient.route = recipient.route.as_ref().map(Route::held);
        }
    }
}

/// The channels by which the message leaves, as far as that is known before it is judged.
async fn outs(service: &Service, arrival: &Arrival) -> Vec<Channel> {
    let (content, channels) = (&service.parts.content, &service.parts.channels);
    let mut outs: Vec<Channel> = arrival.recipients.iter().map(out).collect();
    if fragments::are_joined(content) && channels.is_used() && fragments::is_fragment(&arrival.body) {
        let brought = detour::brought(service, arrival);
        let from = arrival.envelope.mail_from.reverse_path.as_ref();
        for recipient in arrival.recipients.iter().filter(|recipient| !recipient.is_nobody()) {
            let mail = Piece { brought: &brought, from, to: &recipient.address };
            let way = recipient.route.clone().unwrap_or_else(at_home_route);
            outs.extend(choice::foresee(channels, mail, &way).await);
        }
    }
    outs
}

/// The channel by which a recipient's mail leaves; our own mailboxes are local, whatever leads there.
fn out(recipient: &Accepted) -> Channel {
    match recipient.route.as_ref().map(|route| route.channel) {
        None | Some(Channel::Process) => Channel::Local,
        Some(other) => other,
    }
}
