//! Recipients who do not get the message as the others do, taken out before it is filed; every reply that the protocol wants
//! comes back in the order of RCPT.

use crate::inbound::arrival::{Arrival, Fate};
use crate::inbound::refusal;
use model::TraceId;
use smtp::reply::Reply;
use std::collections::BTreeMap;

/// The fates of those whom the client named.
#[derive(Debug)]
pub struct Fates {
    fates: BTreeMap<usize, Fate>,
    named: usize,
}

impl Fates {
    /// Takes those who do not get the message out of it, also those for whom the policy discarded it. The client named the
    /// first `named`; stages may have added more.
    pub fn take(arrival: &mut Arrival, named: usize) -> Fates {
        let mut fates = std::mem::take(&mut arrival.fates);
        for (place, _) in arrival.recipients.iter().enumerate().filter(|(_, recipient)| recipient.is_nobody()) {
            fates.entry(place).or_insert(Fate::Dropped);
        }
        arrival.recipients = without(std::mem::take(&mut arrival.recipients), &fates);
        arrival.envelope.recipients = without(std::mem::take(&mut arrival.envelope.recipients), &fates);
        Fates { fates, named }
    }

    /// How many replies the client waits for.
    pub fn named(&self) -> usize {
        self.named
    }

    /// How many are dropped.
    pub fn dropped(&self) -> usize {
        self.fates.values().filter(|fate| **fate == Fate::Dropped).count()
    }

    /// Whether somebody is refused for now, so that the client brings the message again.
    pub fn may_come_again(&self) -> bool {
        self.fates.values().any(|fate| matches!(fate, Fate::Refused(reply) if reply.is_temporary()))
    }

    /// One reply for each whom the client named; `filed` are those of the recipients who were left, in their order.
    pub fn replies(&self, filed: Vec<Reply>, trace: TraceId) -> Vec<Reply> {
        let mut filed = filed.into_iter();
        let reply = |place| match self.fates.get(&place) {
            None => filed.next(),
            Some(Fate::Refused(reply)) => Some(reply.clone()),
            Some(Fate::Dropped) => Some(refusal::dropped(trace)),
        };
        (0..self.named).filter_map(reply).collect()
    }
}

fn without<T>(all: Vec<T>, fates: &BTreeMap<usize, Fate>) -> Vec<T> {
    all.into_iter().enumerate().filter(|(place, _)| !fates.contains_key(place)).map(|(_, kept)| kept).collect()
}
