//! Every fact about greylisting that is logged or counted, one function each.

use std::net::SocketAddr;
use std::path::Path;

use net::{Counter, Gauge, Histogram, Registry};
use tracing::{debug, error, info, warn};

use crate::greylist::exemption::Exemption;
use crate::greylist::recent::Decision;
use crate::greylist::tally::Action;

/// The signals of the greylister.
#[derive(Debug)]
pub struct Signals {
    decisions: [(Action, Counter); 4],
    exempt: [(Exemption, Counter); 4],
    known: Counter,
    took: Histogram,
    late: Counter,
    found: Counter,
    absent: Counter,
    failed: Counter,
    exhausted: Counter,
    malformed: Counter,
    saved: Counter,
    saves_failed: Counter,
    peer_connected: Gauge,
    peer_entries_sent: Counter,
    peer_entries_received: Counter,
    peer_whole_states: Counter,
    peer_refused: Counter,
}

impl Signals {
    /// Signals in this registry.
    pub fn new(registry: &Registry) -> Signals {
        let decisions = |action: Action| {
            let labels = [("action", action.name())];
            (action, registry.counter("heliograph_greylist_decisions_total", "Verdicts on deliveries.", &labels))
        };
        let exempt = |why: Exemption| {
            let help = "Deliveries let in without a look at their client.";
            (why, registry.counter("heliograph_greylist_exempt_total", help, &[("why", why.name())]))
        };
        let lookups = |answer| {
            let help = "Questions to lists in the name service.";
            registry.counter("heliograph_greylist_lookups_total", help, &[("answer", answer)])
        };
        let counter = |name, help| registry.counter(name, help, &[]);
        let took = registry.histogram(
            "heliograph_greylist_seconds",
            "Time that verdicts took.",
            &[],
            net::metrics::REQUEST_SECONDS,
        );
        Signals {
            decisions: [Action::Trust, Action::Match, Action::Grey, Action::Block].map(decisions),
            exempt: Exemption::ALL.map(exempt),
            known: counter(
                "heliograph_greylist_known_total",
                "Suspicious deliveries let in because their sender is a contact or proved its domain before.",
            ),
            took,
            late: counter("heliograph_greylist_late_total", "Verdicts made before all lists had answered."),
            found: lookups("found"),
            absent: lookups("absent"),
            failed: lookups("failed"),
            exhausted: lookups("not-asked"),
            malformed: counter("heliograph_greylist_malformed_total", "Questions that could not be read."),
            saved: counter("heliograph_greylist_saves_total", "Times the memory was written to its file."),
            saves_failed: counter(
                "heliograph_greylist_saves_failed_total",
                "Times the memory could not be written to its file.",
            ),
            peer_connected: registry.gauge(
                "heliograph_greylist_peer_connected",
                "Whether the peer gets our changes.",
                &[],
            ),
            peer_entries_sent: counter("heliograph_greylist_peer_sent_total", "Entries sent to the peer."),
            peer_entries_received: counter("heliograph_greylist_peer_received_total", "Entries got from the peer."),
            peer_whole_states: counter(
                "heliograph_greylist_peer_whole_states_total",
                "Times the whole memory was sent to the peer: when it connects, and when changes came too fast.",
            ),
            peer_refused: counter(
                "heliograph_greylist_peer_refused_total",
                "Connections of peers that did not know the secret or broke the protocol.",
            ),
        }
    }

    /// A verdict. At most one address of each side and no content is logged, as Gross does it.
    pub fn decided(&self, decision: &Decision) {
        let of_action = self.decisions.iter().find(|(action, _)| *action == decision.action);
        if let Some((_, counter)) = of_action {
            counter.add(1);
        }
        self.took.record(decision.took);
        match decision.exemption {
            Some(why) => {
                if let Some((_, counter)) = self.exempt.iter().find(|(counted, _)| *counted == why) {
                    counter.add(1);
                }
                debug!(way = decision.way.name(), exempt = why.name(), "{}", decision.line());
            }
            None => info!(way = decision.way.name(), "{}", decision.line()),
        }
    }

    pub(crate) fn known_sender(&self) {
        self.known.add(1);
    }

    pub(crate) fn late(&self, lists: usize) {
        self.late.add(1);
        info!(lists, "lists did not answer within the time limit; the verdict was made without them");
    }

    pub(crate) fn name_found(&self) {
        self.found.add(1);
    }

    pub(crate) fn name_absent(&self) {
        self.absent.add(1);
    }

    pub(crate) fn list_failed(&self, name: &str) {
        self.failed.add(1);
        info!(name, "a list gave no answer");
    }

    pub(crate) fn lookups_exhausted(&self) {
        self.exhausted.add(1);
        debug!("a list was not asked: too many questions are under way");
    }

    pub(crate) fn malformed(&self, way: &'static str, peer: &str, why: &dyn std::fmt::Display) {
        self.malformed.add(1);
        info!(way, peer, reason = %why, "a question could not be read");
    }

    pub(crate) fn unanswered(&self, peer: SocketAddr, error: &std::io::Error) {
        info!(%peer, reason = %error, "an answer could not be sent");
    }

    pub(crate) fn remark(&self, peer: SocketAddr, text: &str) {
        let text: String = text.chars().filter(|character| !character.is_control()).collect();
        info!(%peer, text, "a client of the greylister says something");
    }

    pub(crate) fn saved(&self, file: &Path, entries: usize) {
        self.saved.add(1);
        debug!(file = %file.display(), entries, "the greylister's memory was written");
    }

    pub(crate) fn save_failed(&self, file: &Path, error: &(dyn std::error::Error + 'static)) {
        self.saves_failed.add(1);
        warn!(file = %file.display(), reason = error, "the greylister's memory could not be written; it is tried again");
    }

    pub(crate) fn loaded(&self, file: &Path, entries: usize) {
        info!(file = %file.display(), entries, "the greylister's memory was read");
    }

    pub(crate) fn damaged(&self, file: &Path, error: &(dyn std::error::Error + 'static)) {
        error!(
            file = %file.display(),
            reason = error,
            "the greylister's memory cannot be read: it was put aside and everything begins anew"
        );
    }

    pub(crate) fn peer_connected(&self, peer: SocketAddr) {
        self.peer_connected.set(1);
        info!(%peer, "the greylister's peer gets our changes");
    }

    pub(crate) fn is_peer_connected(&self) -> bool {
        self.peer_connected.value() > 0
    }

    pub(crate) fn peer_lost(&self, peer: SocketAddr, why: &dyn std::fmt::Display) {
        self.peer_connected.set(0);
        warn!(%peer, reason = %why, "the greylister's peer does not get our changes; the whole memory follows when it is back");
    }

    pub(crate) fn peer_sent(&self, entries: usize) {
        self.peer_entries_sent.add(entries as u64);
    }

    pub(crate) fn peer_whole_state(&self, entries: usize) {
        self.peer_whole_states.add(1);
        self.peer_sent(entries);
    }

    pub(crate) fn peer_received(&self, entries: usize) {
        self.peer_entries_received.add(entries as u64);
    }

    pub(crate) fn peer_refused(&self, peer: &str, why: &dyn std::fmt::Display) {
        self.peer_refused.add(1);
        warn!(peer, reason = %why, "a replica of the greylister was sent away");
    }
}
