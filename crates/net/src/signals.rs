//! Every fact about connections that is logged or counted, one function each.

use std::io;
use std::net::SocketAddr;

use model::TraceId;
use tokio::task::JoinError;
use tracing::{debug, error, info, warn};

use crate::admission::Refused;
use crate::connection::Connection;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::metrics::{Counter, Gauge, Registry};

/// The signals of one listener.
#[derive(Debug)]
pub(crate) struct Signals {
    protocol: &'static str,
    connections: Counter,
    open: Gauge,
    refused: Counter,
    handshakes_failed: Counter,
    proxies_failed: Counter,
    panics: Counter,
    accepts_failed: Counter,
}

/// A connection that counts as open until this is dropped.
#[derive(Debug)]
pub(crate) struct Open(Gauge);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.add(-1);
    }
}

impl Signals {
    pub(crate) fn new(registry: &Registry, protocol: &'static str) -> Signals {
        let labels = &[("protocol", protocol)];
        let counter = |name, help| registry.counter(name, help, labels);
        Signals {
            protocol,
            connections: counter("heliograph_connections_total", "Connections accepted."),
            open: registry.gauge("heliograph_connections", "Connections open now.", labels),
            refused: counter("heliograph_connections_refused_total", "Connections refused for a limit."),
            handshakes_failed: counter("heliograph_tls_handshakes_failed_total", "TLS handshakes that failed."),
            proxies_failed: counter(
                "heliograph_proxy_headers_failed_total",
                "Trusted proxies without a proper header.",
            ),
            panics: counter("heliograph_connection_panics_total", "Connections ended by a fault of ours."),
            accepts_failed: counter("heliograph_accepts_failed_total", "Connections that could not be accepted."),
        }
    }

    pub(crate) fn connected(&self, connection: &Connection) -> Open {
        self.connections.add(1);
        self.open.add(1);
        debug!(
            protocol = self.protocol,
            trace = %connection.trace(),
            peer = %connection.peer(),
            local = %connection.local(),
            "connected"
        );
        Open(self.open.clone())
    }

    pub(crate) fn refused(&self, trace: TraceId, peer: Endpoint, refused: Refused) {
        self.refused.add(1);
        info!(protocol = self.protocol, %trace, %peer, reason = %refused, "connection refused");
    }

    pub(crate) fn handshake_failed(&self, connection: &Connection, failure: &Error) {
        self.handshakes_failed.add(1);
        let cause = std::error::Error::source(failure).map(ToString::to_string).unwrap_or_default();
        debug!(protocol = self.protocol, trace = %connection.trace(), peer = %connection.peer(), cause, "{failure}");
    }

    pub(crate) fn proxy_failed(&self, trace: TraceId, failure: &Error) {
        self.proxies_failed.add(1);
        let cause = std::error::Error::source(failure).map(ToString::to_string).unwrap_or_default();
        warn!(protocol = self.protocol, %trace, cause, "{failure}");
    }

    pub(crate) fn accept_failed(&self, failure: &io::Error) {
        self.accepts_failed.add(1);
        warn!(protocol = self.protocol, cause = %failure, "a connection could not be accepted");
    }

    pub(crate) fn ended(&self, ended: &Result<(), JoinError>) {
        if let Err(failure) = ended
            && failure.is_panic()
        {
            self.panics.add(1);
            error!(protocol = self.protocol, "a connection was ended by a fault of ours: please report it");
        }
    }

    pub(crate) fn cut_off(&self, count: usize) {
        info!(protocol = self.protocol, count, "connections cut off at the end of the time to finish");
    }
}

/// The signals of one datagram listener.
#[derive(Debug)]
pub(crate) struct DatagramSignals {
    protocol: &'static str,
    datagrams: Counter,
    refused: Counter,
    panics: Counter,
}

impl DatagramSignals {
    pub(crate) fn new(registry: &Registry, protocol: &'static str) -> DatagramSignals {
        let labels = &[("protocol", protocol)];
        DatagramSignals {
            protocol,
            datagrams: registry.counter("heliograph_datagrams_total", "Datagrams received.", labels),
            refused: registry.counter(
                "heliograph_datagrams_refused_total",
                "Datagrams dropped because too many were being answered.",
                labels,
            ),
            panics: registry.counter(
                "heliograph_datagram_panics_total",
                "Answers to datagrams ended by a fault of ours.",
                labels,
            ),
        }
    }

    pub(crate) fn received(&self) {
        self.datagrams.add(1);
    }

    pub(crate) fn refused(&self, peer: SocketAddr) {
        self.refused.add(1);
        debug!(protocol = self.protocol, %peer, "datagram dropped: too many are being answered");
    }

    pub(crate) fn failed(&self, failure: &io::Error) {
        warn!(protocol = self.protocol, cause = %failure, "a datagram could not be received or sent");
    }

    pub(crate) fn ended(&self, ended: &Result<(), JoinError>) {
        if let Err(failure) = ended
            && failure.is_panic()
        {
            self.panics.add(1);
            error!(protocol = self.protocol, "an answer was ended by a fault of ours: please report it");
        }
    }
}

/// The signals of the name service.
#[derive(Debug)]
pub(crate) struct NameSignals {
    servers: String,
    answered: Counter,
    absent: Counter,
    failed: Counter,
}

impl NameSignals {
    pub(crate) fn new(registry: &Registry, servers: &[SocketAddr]) -> NameSignals {
        let counter = |outcome| {
            let help = "Questions to the name service by their outcome, those answered from memory among them.";
            registry.counter("heliograph_dns_questions_total", help, &[("outcome", outcome)])
        };
        let servers = match servers {
            [] => "those of /etc/resolv.conf".to_owned(),
            some => some.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(", "),
        };
        NameSignals { servers, answered: counter("answered"), absent: counter("absent"), failed: counter("failed") }
    }

    pub(crate) fn answered(&self) {
        self.answered.add(1);
    }

    pub(crate) fn absent(&self) {
        self.absent.add(1);
    }

    /// No server said yes or no. `is_silence` tells servers that are away from those that say that they cannot answer, which
    /// happens every day for names of others.
    pub(crate) fn failed(&self, name: &str, kind: &str, why: &str, is_silence: bool) {
        self.failed.add(1);
        let servers = &self.servers;
        if is_silence {
            warn!(%servers, name, kind, reason = why, "the name service gave no answer");
        } else {
            info!(%servers, name, kind, reason = why, "the name service could not answer");
        }
    }
}
