//! Every fact about outgoing mail that is logged or counted, one function each. No body and no password is logged.

use model::TraceId;
use net::{Counter, Registry};
use queue::entry::Channel;
use smtp::reply::Reply;
use tracing::{info, warn};

#[derive(Debug)]
pub struct Signals {
    done: Counter,
    deferred: Counter,
    refused: Counter,
}

impl Signals {
    pub fn new(registry: &Registry) -> Signals {
        let counter =
            |outcome, help| registry.counter("heliograph_delivery_replies_total", help, &[("outcome", outcome)]);
        Signals {
            done: counter("done", "Replies to deliveries."),
            deferred: counter("deferred", "Replies to deliveries."),
            refused: counter("refused", "Replies to deliveries."),
        }
    }

    pub fn attempted(&self, trace: TraceId, channel: Channel, host: &str, reply: &Reply) {
        let counter = match reply.class() {
            2 => &self.done,
            5 => &self.refused,
            _ => &self.deferred,
        };
        counter.add(1);
        info!(%trace, %channel, host, code = reply.code, text = %reply.text(), "delivery");
    }

    pub fn directory_away(&self, trace: TraceId, error: &directory::error::Error) {
        warn!(%trace, %error, "the directory is away");
    }

    pub fn store_failed(&self, trace: TraceId, error: &str) {
        warn!(%trace, error, "the store could not take the message");
    }

    pub fn queue_failed(&self, trace: TraceId, error: &queue::error::Error) {
        warn!(%trace, %error, "the queue failed");
    }
}
