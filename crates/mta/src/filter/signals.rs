//! Every fact about filters that is logged or counted, one function each. All of them name the filter; none holds a word of
//! the message.

use crate::filter::failure::Failure;
use crate::filter::report::Report;
use crate::filter::settings::OnFailure;
use model::TraceId;
use net::metrics::REQUEST_SECONDS;
use net::{Counter, Gauge, Histogram, Registry};
use std::time::Duration;
use tracing::{debug, info, warn};

/// The instruments of one filter.
#[derive(Debug)]
pub struct Signals {
    name: String,
    clean: Counter,
    found: Counter,
    failed: Counter,
    passed: Counter,
    oversized: Counter,
    learned: Counter,
    unlearned: Counter,
    inapplicable: Counter,
    script_failures: Counter,
    not_changed: Counter,
    up: Gauge,
    seconds: Histogram,
    failures: Vec<(&'static str, Counter)>,
}

/// Every word of [`Failure::kind`].
const KINDS: &[&str] = &["connect", "resting", "busy", "timeout", "lost", "strange", "declined"];

impl Signals {
    pub fn new(registry: &Registry, name: &str) -> Signals {
        let labels = [("filter", name)];
        let counter = |name, help| registry.counter(name, help, &labels);
        let asked = |outcome| {
            let labels = [("filter", name), ("outcome", outcome)];
            registry.counter("heliograph_filter_messages_total", "Messages that a filter was asked about.", &labels)
        };
        let failures = KINDS.iter().map(|kind| {
            let labels = [("filter", name), ("kind", *kind)];
            let help = "Times that a filter gave no answer, or that one of its hosts failed.";
            (*kind, registry.counter("heliograph_filter_failures_total", help, &labels))
        });
        let up = registry.gauge("heliograph_filter_up", "Whether the filter answered last time.", &labels);
        up.set(1);
        Signals {
            name: name.to_owned(),
            clean: asked("clean"),
            found: asked("found"),
            failed: asked("failed"),
            passed: counter(
                "heliograph_filter_passed_unfiltered_total",
                "Messages that went on although the filter gave no answer.",
            ),
            oversized: counter(
                "heliograph_filter_oversized_total",
                "Messages that went on because they are larger than the filter is shown.",
            ),
            learned: counter("heliograph_filter_learned_total", "Messages that a filter was taught with."),
            unlearned: counter(
                "heliograph_filter_not_learned_total",
                "Messages that a filter could not be taught with.",
            ),
            inapplicable: counter(
                "heliograph_filter_inapplicable_total",
                "Actions that could not be done for a recipient elsewhere.",
            ),
            script_failures: counter(
                "heliograph_filter_script_failures_total",
                "Times that the script for a verdict failed for a recipient, so that the filter counted as away.",
            ),
            not_changed: counter(
                "heliograph_filter_not_changed_total",
                "Changes that a filter wanted and that were not made.",
            ),
            up,
            seconds: registry.histogram(
                "heliograph_filter_seconds",
                "How long a filter took.",
                &labels,
                REQUEST_SECONDS,
            ),
            failures: failures.collect(),
        }
    }

    fn count(&self, failure: &Failure) {
        if let Some((_, counter)) = self.failures.iter().find(|(kind, _)| *kind == failure.kind()) {
            counter.add(1);
        }
    }

    pub fn reported(&self, trace: TraceId, report: &Report, took: Duration) {
        self.up.set(1);
        self.seconds.record(took);
        if report.verdict.is_some() {
            self.found.add(1)
        } else {
            self.clean.add(1)
        }
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        debug!(%trace, filter = %self.name, millis, said = %report.told(), "filter asked");
    }

    /// A host failed; another one may be asked.
    pub fn host_failed(&self, trace: TraceId, failure: &Failure) {
        self.count(failure);
        info!(%trace, filter = %self.name, reason = %failure, "a host of the filter gave no answer");
    }

    /// No host gave an answer.
    pub fn failed(&self, trace: TraceId, failure: &Failure, then: OnFailure, took: Duration) {
        self.up.set(0);
        self.seconds.record(took);
        self.failed.add(1);
        if matches!(failure, Failure::Resting | Failure::Busy(_)) {
            self.count(failure);
        }
        let consequence = match then {
            OnFailure::Accept => {
                self.passed.add(1);
                "the message goes on without it"
            }
            OnFailure::Defer => "the client is told to come again",
            OnFailure::Reject => "the message is refused",
        };
        warn!(%trace, filter = %self.name, reason = %failure, consequence, "the filter gave no answer");
    }

    pub fn oversized(&self, trace: TraceId, octets: usize) {
        self.oversized.add(1);
        info!(%trace, filter = %self.name, octets, "the message is larger than the filter is shown");
    }

    pub fn acted(&self, trace: TraceId, recipient: &str, verdict: &str, what: &str) {
        info!(%trace, filter = %self.name, recipient, verdict, what, "the filter's verdict was acted on");
    }

    pub fn script_failed(&self, trace: TraceId, verdict: &str, reason: &str) {
        self.script_failures.add(1);
        warn!(%trace, filter = %self.name, verdict, reason, "the action for this verdict failed; on_failure says what is done");
    }

    pub fn inapplicable(&self, trace: TraceId, recipient: &str, verdict: &str) {
        self.inapplicable.add(1);
        warn!(%trace, filter = %self.name, recipient, verdict, "the action for this verdict cannot be done for a recipient elsewhere");
    }

    pub fn not_changed(&self, trace: TraceId, what: &str, reason: &str) {
        self.not_changed.add(1);
        warn!(%trace, filter = %self.name, what, reason, "a change that the filter wants could not be made");
    }

    pub fn learned(&self, is_spam: bool) {
        self.learned.add(1);
        debug!(filter = %self.name, is_spam, "the filter learned a message");
    }

    pub fn not_learned(&self, reason: &str) {
        self.unlearned.add(1);
        info!(filter = %self.name, reason, "the filter could not be taught with a message");
    }

    /// Whether the filter answered last time.
    pub fn is_up(&self) -> bool {
        self.up.value() == 1
    }

    /// Messages asked about: clean, found, failed.
    pub fn counts(&self) -> (u64, u64, u64) {
        (self.clean.value(), self.found.value(), self.failed.value())
    }
}
