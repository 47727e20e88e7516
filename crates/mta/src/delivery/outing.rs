//! What a message takes along to a scanner that gives it back: a field on top that says how its envelope was.

use crate::channels::detour::Passage;
use crate::channels::key::Key;
use crate::channels::named::NamedChannel;
use crate::delivery::peer::Trouble;
use crate::delivery::service::Service;
use bytes::Bytes;
use queue::entry::Recipient;
use queue::lease::Lease;
use smtp::envelope::RcptTo;
use smtp::reply::Reply;
use smtp::status::EnhancedStatus;

/// A message on its way to a scanner.
pub struct Outing<'a> {
    key: &'a Key,
    lease: &'a Lease,
    passage: Passage,
}

impl<'a> Outing<'a> {
    /// That of a lease, if its channel is a detour.
    pub fn of(service: &'a Service, lease: &'a Lease) -> Option<Outing<'a>> {
        let channels = &service.parts.channels;
        let channel: &NamedChannel = channels.of(&lease.route)?;
        let detour = channel.detour.as_ref()?;
        let message = &lease.message;
        let passage = Passage {
            brought: channel.brought(&lease.route),
            until: service.parts.queue.now().plus(detour.returns_within),
            login: message.authenticated.clone(),
            mail_from: message.mail_from.clone(),
            deliver_from: message.counts_from,
            scores: message.scores,
            recipients: Vec::new(),
        };
        Some(Outing { key: channels.key()?, lease, passage })
    }

    /// How many of these recipients can go in one transaction.
    pub fn fitting(&self, waiting: &[&(u32, Recipient)]) -> usize {
        let all: Vec<(&RcptTo, &[String])> =
            waiting.iter().map(|(_, one)| (&one.rcpt, one.instructions.as_slice())).collect();
        Passage::fitting(&all)
    }

    /// The message as these recipients' transaction takes it along.
    ///
    /// # Errors
    /// That the envelope does not fit into a field: the message waits, for an operator.
    pub fn body(&self, service: &Service, batch: &[&(u32, Recipient)], body: &Bytes) -> Result<Bytes, Trouble> {
        let (trace, channel) = (self.lease.message.trace, self.lease.route.channel);
        let recipients = batch.iter().map(|(_, one)| (one.rcpt.clone(), one.instructions.clone())).collect();
        let passage = Passage { recipients, ..self.passage.clone() };
        let Some(mut octets) = passage.field(self.key) else {
            service.parts.channels.signals.too_long(trace, channel);
            // RFC 3463 §3.4: X.3.0, other or undefined mail system status.
            let text = "the envelope is too long to be kept over a detour";
            return Err(Trouble::Refused(Reply::new(451, EnhancedStatus::new(4, 3, 0), text)));
        };
        octets.extend_from_slice(body);
        service.parts.channels.signals.sent(trace, channel, batch.len());
        Ok(octets.into())
    }
}
