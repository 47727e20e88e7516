//! Every fact about named channels and detours that is logged or counted, one function each.

use crate::channels::detour::NotOurs;
use model::{Address, TraceId};
use net::{Counter, Endpoint, Registry};
use queue::channel::ChannelName;
use queue::entry::Channel;
use smtp::reply::Reply;
use tracing::{info, warn};

#[derive(Debug)]
pub struct Signals {
    registry: Registry,
    unknown: Counter,
    sent: Counter,
    returned: Counter,
    forged: Counter,
    expired: Counter,
    misplaced: Counter,
    strange: Counter,
}

impl Signals {
    pub fn new(registry: &Registry) -> Signals {
        let detours = |outcome| {
            let help = "Messages that make a detour to a scanner, and fields of those that come back, by outcome.";
            registry.counter("heliograph_detours_total", help, &[("outcome", outcome)])
        };
        Signals {
            registry: registry.clone(),
            unknown: registry.counter(
                "heliograph_channel_unknown_total",
                "Attempts put off because the settings have no channel of the name.",
                &[],
            ),
            sent: detours("sent"),
            returned: detours("returned"),
            forged: detours("forged"),
            expired: detours("expired"),
            misplaced: detours("misplaced"),
            strange: registry.counter(
                "heliograph_conversions_table_strange_total",
                "Answers of the CONVERSIONS mapping table with words that mean nothing, or that could not be had.",
                &[],
            ),
        }
    }

    /// The reply to one recipient at the end of a channel.
    pub fn replied(&self, channel: Channel, reply: &Reply) {
        let outcome = match reply.class() {
            2 => "done",
            5 => "refused",
            _ => "deferred",
        };
        let help = "Replies to deliveries, by channel.";
        let labels = [("channel", channel.as_str()), ("outcome", outcome)];
        self.registry.counter("heliograph_channel_replies_total", help, &labels).add(1);
    }

    pub fn unknown(&self, trace: TraceId, channel: Channel) {
        self.unknown.add(1);
        warn!(%trace, %channel, "mail waits for a channel that the settings do not have; write it back, or return the mail");
    }

    pub fn sent(&self, trace: TraceId, channel: Channel, recipients: usize) {
        self.sent.add(1);
        info!(%trace, %channel, recipients, "the message makes a detour");
    }

    pub fn returned(&self, trace: TraceId, channel: ChannelName, recipients: usize) {
        self.returned.add(1);
        info!(%trace, %channel, recipients, "the message has come back from its detour");
    }

    pub fn not_believed(&self, trace: TraceId, peer: Endpoint, why: NotOurs) {
        let counter = if why == NotOurs::Expired { &self.expired } else { &self.forged };
        counter.add(1);
        warn!(%trace, %peer, %why, "a detour field was removed and not believed");
    }

    pub fn misplaced(&self, trace: TraceId, peer: Endpoint, why: &str) {
        self.misplaced.add(1);
        warn!(%trace, %peer, why, "a detour field was removed and not believed");
    }

    pub fn strange_answer(&self, probe: &str, words: &str) {
        self.strange.add(1);
        warn!(probe, words, "the CONVERSIONS mapping table answered what means nothing");
    }

    pub fn held(&self, to: &Address, name: &str) {
        self.strange.add(1);
        warn!(%to, name, "the CONVERSIONS mapping table named what cannot be a channel; the mail is held");
    }

    pub fn too_long(&self, trace: TraceId, channel: Channel) {
        warn!(%trace, %channel, "the envelope is too long for a detour field; the mail waits");
    }
}
