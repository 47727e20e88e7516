//! Every fact about the meter that is logged or counted, one function each.

use std::time::Duration;

use model::TraceId;
use net::{Counter, Endpoint, Gauge, Registry};
use tracing::{debug, info, warn};

use crate::call::{Outcome, Refused};
use crate::wire::offence::Offence;

/// The signals of one table.
#[derive(Debug)]
pub(crate) struct TableSignals {
    calls: Counter,
    over: Counter,
    refused: Counter,
}

impl TableSignals {
    pub(crate) fn new(registry: &Registry, table: &str) -> TableSignals {
        let labels = &[("table", table)];
        TableSignals {
            calls: registry.counter("heliograph_meter_calls_total", "Questions to a table of the meter.", labels),
            over: registry.counter(
                "heliograph_meter_over_total",
                "Answers of the meter that hold somebody back: over the quota, or to come back later.",
                labels,
            ),
            refused: registry.counter(
                "heliograph_meter_refused_total",
                "Questions that a table of the meter could not answer: wrong key, type or argument.",
                labels,
            ),
        }
    }

    pub(crate) fn performed(&self, outcome: &Result<Outcome, Refused>) {
        self.calls.add(1);
        match outcome {
            Ok(Outcome::Verdict(verdict)) if verdict.is_over => self.over.add(1),
            Ok(Outcome::Greylisting(verdict)) if verdict.waits() => self.over.add(1),
            Ok(_) => {}
            Err(_) => self.refused.add(1),
        }
    }
}

/// The signals of all tables together.
#[derive(Debug)]
pub(crate) struct TablesSignals {
    unknown: Counter,
}

impl TablesSignals {
    pub(crate) fn new(registry: &Registry) -> TablesSignals {
        TablesSignals {
            unknown: registry.counter(
                "heliograph_meter_unknown_tables_total",
                "Questions of this server to tables of its meter that are not there: nobody was held back.",
                &[],
            ),
        }
    }

    /// A question of our own was refused. What a table itself refuses is counted there.
    pub(crate) fn refused(&self, refused: &Refused) {
        match refused {
            // Keys come from outside, and whoever sends wrong ones must not fill the log.
            Refused::Key { .. } => debug!(reason = %refused, "the meter refused a question: nobody is held back by it"),
            Refused::NoSuchTable { .. } | Refused::WrongType { .. } | Refused::Argument { .. } => {
                self.unknown.add(u64::from(matches!(refused, Refused::NoSuchTable { .. })));
                warn!(reason = %refused, "the meter refused a question: nobody is held back by it");
            }
        }
    }
}

/// The signals of those who ask this meter over the network.
#[derive(Debug)]
pub(crate) struct ServiceSignals {
    logins_failed: Counter,
    offences: Counter,
    policy_requests: Counter,
    policy_answers: Counter,
    policy_offences: Counter,
}

impl ServiceSignals {
    pub(crate) fn new(registry: &Registry) -> ServiceSignals {
        let counter = |name, help| registry.counter(name, help, &[]);
        ServiceSignals {
            logins_failed: counter("heliograph_meter_logins_failed_total", "Meter clients with a wrong secret."),
            offences: counter("heliograph_meter_offences_total", "Meter clients cut off for what they sent."),
            policy_requests: counter("heliograph_meter_policy_requests_total", "Requests of policy delegation."),
            policy_answers: counter(
                "heliograph_meter_policy_restrained_total",
                "Requests of policy delegation answered with a rule's action.",
            ),
            policy_offences: counter(
                "heliograph_meter_policy_offences_total",
                "Clients of policy delegation cut off for what they sent.",
            ),
        }
    }

    pub(crate) fn offended(&self, trace: TraceId, peer: Endpoint, offence: Offence) {
        if offence == Offence::WrongSecret {
            self.logins_failed.add(1);
            warn!(%trace, %peer, "a meter client does not know the secret: it is cut off");
        } else {
            self.offences.add(1);
            warn!(%trace, %peer, reason = %offence, "a meter client is cut off");
        }
    }

    pub(crate) fn policy_asked(&self) {
        self.policy_requests.add(1);
    }

    pub(crate) fn policy_restrained(&self, trace: TraceId, table: &str, answer: &str) {
        self.policy_answers.add(1);
        debug!(%trace, table, answer, "a policy request is over a quota");
    }

    pub(crate) fn policy_offended(&self, trace: TraceId, peer: Endpoint, why: &str) {
        self.policy_offences.add(1);
        warn!(%trace, %peer, reason = why, "a client of policy delegation is cut off");
    }
}

/// The signals of our asking a meter elsewhere.
#[derive(Debug)]
pub(crate) struct ClientSignals {
    connected: Gauge,
    connects: Counter,
    failures: Counter,
    pub(crate) unavailable: Counter,
    refused: Counter,
}

impl ClientSignals {
    pub(crate) fn new(registry: &Registry) -> ClientSignals {
        let counter = |name, help| registry.counter(name, help, &[]);
        ClientSignals {
            connected: registry.gauge(
                "heliograph_meter_client_connected",
                "Whether the meter that we ask is connected.",
                &[],
            ),
            connects: counter("heliograph_meter_client_connects_total", "Attempts to connect to a meter."),
            failures: counter(
                "heliograph_meter_client_failures_total",
                "Connections to a meter that could not be made, broke or hung.",
            ),
            unavailable: counter(
                "heliograph_meter_client_unavailable_total",
                "Questions that no meter answered: nobody was held back.",
            ),
            refused: counter(
                "heliograph_meter_client_refused_total",
                "Questions that the meter refused: no such table, wrong key, type or argument.",
            ),
        }
    }

    pub(crate) fn connecting(&self) {
        self.connects.add(1);
    }

    pub(crate) fn connected(&self, server: &str) {
        self.connected.set(1);
        info!(server, "connected to the meter");
    }

    pub(crate) fn rested(&self, server: &str) {
        self.connected.set(0);
        debug!(server, "the connection to the meter was closed while nobody asked");
    }

    pub(crate) fn failed(&self, server: &str, why: &str, again_after: Duration) {
        self.connected.set(0);
        self.failures.add(1);
        warn!(
            server,
            reason = why,
            again_after_seconds = again_after.as_secs(),
            "the meter cannot be asked: nobody is held back by its tables until it answers again"
        );
    }

    pub(crate) fn refused(&self, why: &str) {
        self.refused.add(1);
        warn!(reason = why, "the meter refused a question: nobody is held back by it");
    }

    pub(crate) fn unavailable(&self) {
        self.unavailable.add(1);
    }
}
