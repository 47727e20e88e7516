//! The server itself: how it is, reloading, ending.

use model::Timestamp;
use net::{Clock, SystemClock};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::operations::{Operations, report};
use crate::serve::running::Running;

/// What can be asked about the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerRequest {
    /// How it is.
    Status,
    /// Read settings and certificates again.
    Reload,
    /// End.
    Stop,
}

/// How the server is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Whether a server runs; if not, the store was looked at directly.
    pub running: bool,
    /// This program's version.
    pub version: String,
    /// Since when it runs, in milliseconds since 1970.
    pub since_ms: Option<u64>,
    /// For how long it has been running.
    pub uptime_secs: Option<u64>,
    /// What listens where.
    pub listeners: Vec<ListenerStatus>,
    /// The partitions, `system` first.
    pub partitions: Vec<PartitionStatus>,
}

/// A listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerStatus {
    /// What it speaks.
    pub protocol: String,
    /// Where.
    pub address: String,
}

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionStatus {
    /// Its nickname, or `system`.
    pub name: String,
    /// `ok`, `full`, or why it stopped.
    pub state: String,
    /// Octets of its log.
    pub log_octets: u64,
    /// Octets of the blobs that are still held.
    pub live_octets: u64,
    /// Transactions since it was opened.
    pub transactions: u64,
}

/// What a reload came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// Settings that changed and hold now.
    pub applied: Vec<String>,
    /// Settings that changed and need a restart.
    pub need_restart: Vec<String>,
}

/// Performs a request.
///
/// # Errors
/// Why it was not done.
pub fn perform(operations: &Operations, request: ServerRequest) -> Result<Value, Failure> {
    match request {
        ServerRequest::Status => report(&status(operations)),
        other => {
            let running = operations.running.as_ref().ok_or_else(|| Failure::failed("no server runs here"))?;
            command(running, other)
        }
    }
}

/// The same where nothing but the server itself is known: it has no store.
///
/// # Errors
/// Why it was not done.
pub fn perform_without_store(running: &Running, request: ServerRequest) -> Result<Value, Failure> {
    match request {
        ServerRequest::Status => report(&status_of(Some(running), SystemClock.now(), Vec::new())),
        other => command(running, other),
    }
}

fn command(running: &Running, request: ServerRequest) -> Result<Value, Failure> {
    match request {
        ServerRequest::Reload => {
            let changes = running.reload().map_err(Failure::failed)?;
            report(&Reloaded {
                applied: changes.applied.into_iter().collect(),
                need_restart: changes.need_restart.into_iter().collect(),
            })
        }
        ServerRequest::Stop => {
            running.ask_to_stop();
            Ok(Value::Null)
        }
        ServerRequest::Status => Ok(Value::Null),
    }
}

fn status(operations: &Operations) -> Status {
    let store = &operations.services.store;
    let partitions = std::iter::once(("system", &store.system)).chain(store.partitions.iter());
    let partitions = partitions.map(|(name, partition)| partition_status(name, &partition.status())).collect();
    status_of(operations.running.as_deref(), operations.services.clock.now(), partitions)
}

fn status_of(running: Option<&Running>, now: Timestamp, partitions: Vec<PartitionStatus>) -> Status {
    let since = running.and_then(Running::since);
    let listeners = running.map_or(&[][..], Running::listeners);
    Status {
        running: running.is_some(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        since_ms: since.map(|since| since.0),
        uptime_secs: since.map(|since| now.0.saturating_sub(since.0) / 1000),
        listeners: listeners
            .iter()
            .map(|(protocol, address)| ListenerStatus {
                protocol: (*protocol).to_owned(),
                address: address.to_string(),
            })
            .collect(),
        partitions,
    }
}

fn partition_status(name: &str, status: &storage::PartitionStatus) -> PartitionStatus {
    let state = match &status.stopped {
        Some(why) => format!("stopped: {why}"),
        None if status.is_full => "full".to_owned(),
        None => "ok".to_owned(),
    };
    PartitionStatus {
        name: name.to_owned(),
        state,
        log_octets: status.log_octets,
        live_octets: status.live_octets,
        transactions: status.transactions,
    }
}
