//! Mail that a scanner gives back: its field is taken out, and what it says of the envelope holds again. On all other mail the
//! field is taken out, too, and nothing of it is believed.

use crate::channels::brought::Brought;
use crate::channels::detour::{FIELD, Passage};
use crate::channels::limits::PASSED_MAX;
use crate::inbound::arrival::Arrival;
use crate::inbound::recipient;
use crate::inbound::service::Service;
use directory::entry::Account;
use directory::resolve::Resolution;
use message::header;
use queue::channel::ChannelName;
use queue::entry::Channel;
use smtp::envelope::MailFrom;
use smtp::reply::Reply;
use smtp::server::Kind;

/// Takes the field out and puts the envelope right.
///
/// # Errors
/// A recipient elsewhere, of a client that may only give back what we have given it, and this is not that.
pub async fn take_back(service: &Service, arrival: &mut Arrival) -> Result<(), Reply> {
    let may_return = service.kind == Kind::Smtp && service.parts.channels.may_return(arrival.origin.peer);
    let may_relay = arrival.origin.account.is_some() || arrival.origin.may_relay;
    let passage = match header::find(&arrival.body, FIELD).map(|field| field.value.to_vec()) {
        None => None,
        Some(value) => {
            arrival.body = without_field(&arrival.body);
            believed(service, arrival, &value, may_return)
        }
    };
    if may_return && !may_relay {
        check_relays(service, arrival, passage.as_ref().map(|(_, passage)| passage)).await?;
    }
    if let Some((channel, passage)) = passage {
        service.parts.channels.signals.returned(arrival.trace, channel, arrival.recipients.len());
        let text = format!("it comes back from {channel}, as {} with its envelope as it was", passage.brought.source());
        service.parts.queue.note(arrival.trace, None, text);
        restore(service, arrival, passage).await;
    }
    Ok(())
}

/// How a message came. What a scanner sends without a field of ours, or with one whose time is over, does not go there again
/// either: it would come back, and so on.
pub fn brought(service: &Service, arrival: &Arrival) -> Brought {
    let mut brought = arrival.brought();
    if arrival.returned.is_none() && service.kind == Kind::Smtp && arrival.origin.account.is_none() {
        let scanners = service.parts.channels.returning(arrival.origin.peer);
        brought.passed.extend(scanners.take(PASSED_MAX));
    }
    brought
}

fn without_field(message: &[u8]) -> Vec<u8> {
    let (head, rest) = message.split_at(header::octets(message).min(message.len()));
    let mut kept = header::except(head, &[FIELD]);
    kept.extend_from_slice(rest);
    kept
}

/// What a field says, and of which channel, if it is ours and comes from where that channel gives mail back.
fn believed(service: &Service, arrival: &Arrival, value: &[u8], may_return: bool) -> Option<(ChannelName, Passage)> {
    let channels = &service.parts.channels;
    let (trace, peer) = (arrival.trace, arrival.origin.peer);
    let refuse = |why: &str| {
        channels.signals.misplaced(trace, peer, why);
        None
    };
    if !may_return {
        return refuse("the client is none of those that give mail back");
    }
    let key = channels.key()?;
    let passage = match Passage::read(value, key, service.parts.clock.now()) {
        Ok(passage) => passage,
        Err(why) => {
            channels.signals.not_believed(trace, peer, why);
            return None;
        }
    };
    let Some(channel) = passage.brought.passed.last().copied() else { return refuse("it names no channel") };
    if !channels.returning(peer).any(|returning| returning == channel) {
        return refuse("its channel gives nothing back from there");
    }
    if !arrival.envelope.recipients.iter().any(|rcpt| passage.recipient(&rcpt.address).is_some()) {
        return refuse("it names none of the recipients");
    }
    Some((channel, passage))
}

/// A recipient elsewhere was accepted for what the message might be: it must be that.
async fn check_relays(service: &Service, arrival: &Arrival, passage: Option<&Passage>) -> Result<(), Reply> {
    let octets = arrival.body.len() as u64;
    for (rcpt, accepted) in arrival.envelope.recipients.iter().zip(&arrival.recipients) {
        let is_elsewhere = accepted.route.as_ref().is_some_and(|route| route.channel != Channel::Process);
        let is_known = passage.is_some_and(|passage| passage.recipient(&rcpt.address).is_some());
        if is_elsewhere && !is_known && !accepted.is_nobody() {
            recipient::judge(service, arrival.trace, &accepted.address, octets, false).await?;
        }
    }
    Ok(())
}

/// Puts everything back as it was when the message went to the scanner.
async fn restore(service: &Service, arrival: &mut Arrival, passage: Passage) {
    let came = &arrival.envelope.mail_from;
    let was = passage.mail_from_at(service.parts.clock.now());
    arrival.envelope.mail_from =
        MailFrom { body: came.body, size_octets: None, smtputf8: came.smtputf8 || was.smtputf8, ..was };
    for (rcpt, accepted) in arrival.envelope.recipients.iter_mut().zip(&mut arrival.recipients) {
        let Some((was, instructions)) = passage.recipient(&rcpt.address) else { continue };
        (rcpt.notify, rcpt.original) = (was.notify, was.original.clone());
        accepted.instructions.splice(..0, instructions.iter().cloned());
    }
    (arrival.spam_score, arrival.virus) = (passage.scores.spam_percent, passage.scores.virus);
    arrival.origin.account = account(service, arrival, &passage).await;
    arrival.returned = Some(passage.brought);
}

/// Who had logged in to send it. Nobody, when that account is gone by now or the directory does not answer: it was judged
/// as that account's mail, and is only not signed again.
async fn account(service: &Service, arrival: &Arrival, passage: &Passage) -> Option<Box<Account>> {
    let login = passage.login.as_ref()?;
    match service.parts.directory.resolve(&login.parse().ok()?).await {
        Ok(Resolution::Expanded { local, .. }) => {
            let mut accounts = local.into_iter().map(|target| target.account);
            accounts.find(|account| account.address.eq_ignore_ascii_case(login)).map(Box::new)
        }
        Ok(_) => None,
        Err(error) => {
            service.signals.directory_away(arrival.trace, &error);
            None
        }
    }
}
