//! Taking work: one agent has one message for one destination at a time.

use crate::entry::{Channel, Message, Recipient, Route, State};
use crate::error::Error;
use crate::queue::{Queue, load, lock};
use bytes::Bytes;
use model::{QueueId, Timestamp};

/// A message and those of its recipients that are due by one route. Dropping it without completing it gives the work
/// to the next agent.
pub struct Lease {
    queue: Queue,
    /// The message's number.
    pub id: QueueId,
    /// By which way.
    pub route: Route,
    /// The message.
    pub message: Message,
    /// Recipients with their numbers.
    pub recipients: Vec<(u32, Recipient)>,
}

impl Queue {
    /// Takes the best work of a channel that is due at `now`, if `may` agrees to another job for its destination.
    /// Nothing while the channel is stopped.
    pub fn take(
        &self,
        channel: Channel,
        now: Timestamp,
        may: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Option<Lease>, Error> {
        if channel == Channel::Held || lock(&self.inner.stopped).contains(&channel) {
            return Ok(None);
        }
        for _ in 0..1000 {
            let taken = {
                let mut index = self.refresh()?;
                // Whose time is over waits for no destination that rests.
                let late = index.take_late(now, channel);
                late.or_else(|| index.take(now, &mut |route| route.channel == channel && may(&route.destination)))
            };
            let Some((id, route)) = taken else { return Ok(None) };
            if let Some(lease) = self.lease(id, route, now)? {
                return Ok(Some(lease));
            }
        }
        Ok(None)
    }

    fn lease(&self, id: QueueId, route: Route, now: Timestamp) -> Result<Option<Lease>, Error> {
        let read = self.inner.partition.snapshot().map_err(Error::from);
        let entry = read.and_then(|snapshot| load(&snapshot, self.inner.keys, id));
        let entry = match entry {
            Ok(Some(entry)) => entry,
            other => {
                lock(&self.inner.index).give_back(id, &route);
                return other.map(|_| None);
            }
        };
        let (message, all) = entry;
        let is_ours =
            |recipient: &Recipient| recipient.route == route && matches!(recipient.state, State::Due(at) if at <= now);
        let recipients: Vec<(u32, Recipient)> = (0u32..).zip(all).filter(|(_, one)| is_ours(one)).collect();
        let lease = Lease { queue: self.clone(), id, route, message, recipients };
        // Somebody changed it between index and rows: the next look at the index knows.
        Ok(if lease.recipients.is_empty() { None } else { Some(lease) })
    }
}

impl Lease {
    pub(crate) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The message's octets.
    pub fn body(&self) -> Result<Bytes, Error> {
        Ok(self.queue.inner.partition.blob(&self.message.body)?.into_bytes())
    }

    /// Whether the time in which it had to be delivered is over and it must be returned (RFC 2852 §4.1.3).
    pub fn is_too_late(&self, now: Timestamp) -> bool {
        self.message.returned_at().is_some_and(|until| until <= now)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        lock(&self.queue.inner.index).give_back(self.id, &self.route);
        self.queue.ring();
    }
}
