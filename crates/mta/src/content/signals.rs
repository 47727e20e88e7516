//! Every fact about the content of mail that is logged or counted, one function each. No body is logged.

use message::addition::{Added, Skipped};
use model::TraceId;
use net::{Counter, Registry};
use tracing::{info, warn};

/// What is counted.
#[derive(Debug)]
pub struct Signals {
    disclaimed: Counter,
    protected: Counter,
    present: Counter,
    no_text: Counter,
    unreadable: Counter,
    converted: Counter,
    kept: Counter,
    deleted: Counter,
    failed: Counter,
    waiting: Counter,
    joined: Counter,
    refused: Counter,
    released: Counter,
    dropped: Counter,
    split: Counter,
    unsplit: Counter,
}

impl Signals {
    /// Counters in this registry.
    pub fn new(registry: &Registry) -> Signals {
        let disclaimers = |outcome| {
            let help = "Parts, or whole messages, by what became of a disclaimer for them.";
            registry.counter("heliograph_disclaimers_total", help, &[("outcome", outcome)])
        };
        let conversions = |outcome| {
            let help = "Parts by what became of their conversion.";
            registry.counter("heliograph_conversions_total", help, &[("outcome", outcome)])
        };
        let fragments = |outcome| {
            let help = "Fragments of messages by what became of them.";
            registry.counter("heliograph_fragments_total", help, &[("outcome", outcome)])
        };
        Signals {
            disclaimed: disclaimers("added"),
            protected: disclaimers("protected"),
            present: disclaimers("present"),
            no_text: disclaimers("no_text"),
            unreadable: disclaimers("unreadable"),
            converted: conversions("converted"),
            kept: conversions("protected"),
            deleted: conversions("deleted"),
            failed: conversions("failed"),
            waiting: fragments("waiting"),
            joined: fragments("joined"),
            refused: fragments("refused"),
            released: fragments("released"),
            dropped: fragments("dropped"),
            split: fragments("made"),
            unsplit: fragments("not_made"),
        }
    }

    pub(crate) fn disclaimed(&self, name: &str, added: &Added) {
        self.disclaimed.add(added.parts as u64);
        for why in &added.skipped {
            let counter = match why {
                Skipped::Protected(_) => &self.protected,
                Skipped::Present => &self.present,
                Skipped::NoText => &self.no_text,
                Skipped::Charset | Skipped::Encoding => &self.unreadable,
            };
            counter.add(1);
            info!(disclaimer = name, %why, "a disclaimer was left out");
        }
    }

    pub(crate) fn converted(&self, trace: TraceId, part: &str, line: usize) {
        self.converted.add(1);
        info!(%trace, part, line, "a part was converted");
    }

    pub(crate) fn deleted(&self, trace: TraceId, part: &str, line: usize) {
        self.deleted.add(1);
        info!(%trace, part, line, "a part was deleted by a conversion");
    }

    pub(crate) fn protected(&self, trace: TraceId, part: &str, what: &str) {
        self.kept.add(1);
        info!(%trace, part, what, "a part was not converted: it is protected");
    }

    pub(crate) fn conversion_failed(&self, trace: TraceId, part: &str, line: usize, why: &str) {
        self.failed.add(1);
        warn!(%trace, part, line, why, "a conversion failed; the message is kept");
    }

    pub(crate) fn unconverted(&self, trace: TraceId, why: &str) {
        self.failed.add(1);
        warn!(%trace, why, "the parts of a message are not converted");
    }

    pub(crate) fn decided(&self, trace: TraceId, what: &str) {
        info!(%trace, what, "a conversion decided over a message");
    }

    pub(crate) fn fragment_waits(&self, trace: TraceId, number: u32, total: u32) {
        self.waiting.add(1);
        info!(%trace, number, total, "a fragment waits for the others");
    }

    pub(crate) fn fragments_joined(&self, trace: TraceId, total: u32, octets: usize) {
        self.joined.add(u64::from(total));
        info!(%trace, total, octets, "a message was put together from its fragments");
    }

    pub(crate) fn fragment_refused(&self, trace: TraceId, why: &str) {
        self.refused.add(1);
        info!(%trace, why, "a fragment was refused");
    }

    pub(crate) fn fragment_released(&self, trace: TraceId, how: &str) {
        self.released.add(1);
        info!(%trace, how, "a fragment waited for the others in vain");
    }

    pub(crate) fn fragments_dropped(&self, trace: TraceId, count: u64, why: &str) {
        self.dropped.add(count);
        warn!(%trace, count, why, "fragments were dropped: the message made of them was refused");
    }

    pub(crate) fn split(&self, trace: TraceId, fragments: usize) {
        self.split.add(fragments as u64);
        info!(%trace, fragments, "a message goes on as fragments");
    }

    pub(crate) fn unsplit(&self, trace: TraceId, why: &str) {
        self.unsplit.add(1);
        warn!(%trace, why, "a message that is too large for one piece goes on whole");
    }

    pub(crate) fn queue_failed(&self, trace: TraceId, error: &queue::error::Error) {
        warn!(%trace, %error, "the queue failed");
    }
}
