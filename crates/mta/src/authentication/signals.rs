//! Every fact about authentication that is logged or counted, one function each.

use model::TraceId;
use net::{Counter, Registry};
use tracing::{info, warn};

use crate::authentication::results::{Results, Verdict};

/// What counts.
pub struct Signals {
    registry: Registry,
    refused: Counter,
    quarantined: Counter,
    forged: Counter,
    signed: Counter,
    unsigned: Counter,
    sealed: Counter,
    rewritten: Counter,
    too_long: Counter,
    slow: Counter,
    unlooked: Counter,
    policies_unknown: Counter,
    policies_dropped: Counter,
    unreadable: Counter,
    strangers: Counter,
    dropped: Counter,
    reports_sent: Counter,
    reports_not_sent: Counter,
    reports_received: Counter,
    reports_unread: Counter,
}

impl Signals {
    /// Counters in this registry.
    pub fn new(registry: &Registry) -> Signals {
        let counter = |name, help| registry.counter(name, help, &[]);
        Signals {
            registry: registry.clone(),
            refused: counter("heliograph_authentication_refused_total", "Messages refused for SPF or DMARC."),
            quarantined: counter("heliograph_authentication_quarantined_total", "Messages put into Junk for DMARC."),
            forged: counter(
                "heliograph_authentication_forged_fields_total",
                "Authentication-Results in our name removed.",
            ),
            signed: counter("heliograph_authentication_signed_total", "Messages signed."),
            unsigned: counter("heliograph_authentication_sign_failed_total", "Messages that could not be signed."),
            sealed: counter("heliograph_authentication_sealed_total", "Messages sealed before they were passed on."),
            rewritten: counter("heliograph_authentication_rewritten_total", "Senders rewritten before forwarding."),
            too_long: counter("heliograph_authentication_rewrite_failed_total", "Senders too long to be rewritten."),
            slow: counter("heliograph_authentication_timeouts_total", "Messages whose check took too long."),
            unreadable: counter(
                "heliograph_authentication_unreadable_total",
                "Messages refused for a header whose fields, or whose author, nobody can tell.",
            ),
            strangers: counter(
                "heliograph_authentication_not_the_author_total",
                "Messages not signed: the author is no address of who logged in.",
            ),
            policies_unknown: counter(
                "heliograph_authentication_policies_unknown_total",
                "MTA-STS policies that could not be asked for, fetched or kept.",
            ),
            policies_dropped: counter(
                "heliograph_authentication_policies_dropped_total",
                "MTA-STS policies forgotten before their time, since there are very many.",
            ),
            unlooked: counter(
                "heliograph_authentication_signatures_dropped_total",
                "Signatures that nobody looked at: too many, too long, or covering too much.",
            ),
            dropped: counter("heliograph_authentication_report_rows_dropped_total", "Facts that no report will hold."),
            reports_sent: counter("heliograph_authentication_reports_sent_total", "Reports sent to others."),
            reports_not_sent: counter(
                "heliograph_authentication_reports_not_sent_total",
                "Attempts to send a report to others that failed, for now or for good.",
            ),
            reports_received: counter("heliograph_authentication_reports_received_total", "Reports received and read."),
            reports_unread: counter(
                "heliograph_authentication_reports_unread_total",
                "Reports that could not be read.",
            ),
        }
    }

    /// A message was checked.
    pub fn checked(&self, trace: TraceId, results: &Results) {
        for (method, result) in results.facts() {
            let labels = [("method", method), ("result", result)];
            self.registry.counter("heliograph_authentication_results_total", "Results of checks.", &labels).add(1);
        }
        if results.unlooked > 0 {
            self.unlooked.add(results.unlooked as u64);
            warn!(%trace, count = results.unlooked, "signatures were not looked at: there are too many, or they are too large");
        }
        let [spf, _, dkim, dmarc, arc] = results.facts().map(|(_, result)| result);
        info!(%trace, spf, dkim, dmarc, arc, from = results.dmarc.domain, "authentication");
    }

    /// A check took too long and counts as a temporary error.
    pub fn slow(&self, trace: TraceId) {
        self.slow.add(1);
        warn!(%trace, "checking the message's authenticity took too long; it is taken without");
    }

    /// A message is refused.
    pub fn refused(&self, trace: TraceId, why: &'static str, verdict: Verdict) {
        self.refused.add(1);
        info!(%trace, why, %verdict, "the message is not authentic");
    }

    /// A message is refused for its header.
    pub fn unreadable(&self, trace: TraceId, why: &'static str) {
        self.unreadable.add(1);
        info!(%trace, why, "the message cannot be checked and is refused");
    }

    /// A message names an author whom its sender may not speak for.
    pub fn not_the_author(&self, trace: TraceId, domain: &str) {
        self.strangers.add(1);
        warn!(%trace, domain, "not signed: the author is no address of who logged in");
    }

    /// A message goes into Junk.
    pub fn quarantined(&self, trace: TraceId) {
        self.quarantined.add(1);
        info!(%trace, "the message is not authentic and goes into Junk");
    }

    /// Fields in our name that we did not write.
    pub fn forged(&self, trace: TraceId, count: usize) {
        self.forged.add(count as u64);
        info!(%trace, count, "Authentication-Results fields in our name were removed");
    }

    /// A message was signed.
    pub fn signed(&self, trace: TraceId, domain: &str, keys: usize) {
        self.signed.add(1);
        info!(%trace, domain, keys, "signed");
    }

    /// A message goes unsigned.
    pub fn sign_failed(&self, trace: TraceId, domain: &str, why: &str) {
        self.unsigned.add(1);
        warn!(%trace, domain, why, "the message could not be signed and goes without");
    }

    /// A message was sealed.
    pub fn sealed(&self, trace: TraceId, domain: &str) {
        self.sealed.add(1);
        info!(%trace, domain, "sealed");
    }

    /// A sender was rewritten.
    pub fn rewritten(&self, trace: TraceId) {
        self.rewritten.add(1);
        info!(%trace, "the sender was rewritten for forwarding");
    }

    /// A sender stays as it is.
    pub fn too_long(&self, trace: TraceId) {
        self.too_long.add(1);
        warn!(%trace, "the sender is too long to be rewritten; the next host may refuse the message for SPF");
    }

    /// Facts for reports were dropped: there are too many, or they could not be kept.
    pub fn dropped(&self, count: u64, why: &str) {
        self.dropped.add(count);
        warn!(count, why, "facts for reports were dropped");
    }

    /// A report goes out.
    pub fn report_sent(&self, kind: &'static str, domain: &str, to: &str) {
        self.reports_sent.add(1);
        info!(kind, domain, to, "report sent");
    }

    /// A report cannot go out.
    pub fn report_not_sent(&self, kind: &'static str, domain: &str, why: &str) {
        self.reports_not_sent.add(1);
        warn!(kind, domain, why, "a report is not sent");
    }

    /// A report was read.
    pub fn report_received(&self, trace: TraceId, kind: &'static str, domain: &str, from: &str) {
        self.reports_received.add(1);
        info!(%trace, kind, domain, from, "report received");
    }

    /// A report came again, which counts once.
    pub fn report_known(&self, trace: TraceId, domain: &str, from: &str) {
        info!(%trace, domain, from, "the report is known already");
    }

    /// A message to the address for reports holds none that can be read.
    pub fn report_unread(&self, trace: TraceId, why: &str) {
        self.reports_unread.add(1);
        warn!(%trace, why, "a message to the address for reports holds no report that can be read");
    }

    /// A policy of another domain could not be fetched.
    pub fn policy_unknown(&self, domain: &str, why: &str) {
        self.policies_unknown.add(1);
        warn!(domain, why, "the MTA-STS policy cannot be fetched");
    }

    /// A policy had to go for another.
    pub fn policy_dropped(&self) {
        self.policies_dropped.add(1);
        warn!("an MTA-STS policy was forgotten, since there are very many");
    }
}
