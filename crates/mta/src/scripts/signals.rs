//! Every fact about scripts that is logged or counted, one function each. Nothing of a message or script is logged.

use crate::scripts::decision::Sent;
use model::TraceId;
use net::{Counter, Registry};
use policy::stage::Stage;
use tracing::{info, warn};

#[derive(Debug)]
pub struct Signals {
    runs: Counter,
    failures: Counter,
    unusable: Counter,
    not_done: Counter,
    left_alone: Counter,
    sent: [Counter; 4],
}

impl Signals {
    pub fn new(registry: &Registry) -> Signals {
        let counter = |name, help| registry.counter(name, help, &[]);
        let sent =
            |kind| registry.counter("heliograph_sieve_sent_total", "Messages that scripts send.", &[("kind", kind)]);
        Signals {
            runs: counter("heliograph_sieve_runs_total", "Scripts run where mail is judged or filed."),
            failures: counter(
                "heliograph_sieve_failures_total",
                "Runs of scripts that ended early: the mail is kept, or, before it has come, refused for now.",
            ),
            unusable: counter("heliograph_sieve_unusable_scripts_total", "Scripts that could not be read or compiled."),
            not_done: counter(
                "heliograph_sieve_not_done_total",
                "Wishes of scripts that were not fulfilled: loops, addresses and mailboxes that are not there.",
            ),
            left_alone: counter(
                "heliograph_sieve_messages_left_alone_total",
                "Messages that an IMAP command touched beyond the bound of what scripts are run for.",
            ),
            sent: [sent("redirect"), sent("vacation"), sent("notify"), sent("capture")],
        }
    }

    pub fn ran(&self) {
        self.runs.add(1);
    }

    pub fn failed(&self, trace: TraceId, account: &str, script: &str, line: u32, reason: &str) {
        self.failures.add(1);
        warn!(%trace, account, script, line, reason, "a script failed; the message is kept");
    }

    pub fn failed_early(&self, trace: TraceId, stage: Stage, script: &str, line: u32, reason: &str) {
        self.failures.add(1);
        warn!(%trace, %stage, script, line, reason, "a script of a stage failed; the client is told to come again");
    }

    pub fn unusable(&self, script: &str, reason: &str) {
        self.unusable.add(1);
        warn!(script, reason, "a script cannot be used");
    }

    pub fn folder_unreadable(&self, folder: &std::path::Path, error: &std::io::Error) {
        self.unusable.add(1);
        warn!(folder = %folder.display(), %error, "the administrator's scripts cannot be read; those read before stay");
    }

    pub fn folder_read(&self, scripts: usize) {
        info!(scripts, "the administrator's scripts were read");
    }

    pub fn not_done(&self, trace: TraceId, account: &str, what: &str) {
        self.not_done.add(1);
        info!(%trace, account, what, "a script's wish was not fulfilled");
    }

    pub fn left_alone(&self, trace: TraceId, account: &str, script: &str, messages: usize) {
        self.left_alone.add(u64::try_from(messages).unwrap_or(u64::MAX));
        warn!(%trace, account, script, messages, "an IMAP command touched more messages than its script is run for");
    }

    pub fn away(&self, trace: TraceId, account: &str, reason: &str) {
        self.failures.add(1);
        warn!(%trace, account, reason, "what a script wanted after an IMAP command could not be done");
    }

    pub fn sends(&self, trace: TraceId, account: &str, kind: Sent) {
        let [redirect, vacation, notify, capture] = &self.sent;
        let counter = match kind {
            Sent::Redirect => redirect,
            Sent::Vacation => vacation,
            Sent::Notify => notify,
            Sent::Capture => capture,
        };
        counter.add(1);
        info!(%trace, account, ?kind, "a script sends a message");
    }
}
