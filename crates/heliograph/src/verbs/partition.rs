//! The partitions that keep mail.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::operations::{Operations, report};

/// What can be asked about partitions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartitionRequest {
    /// All of them, with directory and queue's own first.
    List,
    /// Make the folder of a new one, which is used from the next start on.
    Add {
        /// Its nickname.
        name: String,
    },
}

/// A partition as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownPartition {
    /// Its nickname; `system` keeps directory and queue.
    pub name: String,
    /// Its folder.
    pub path: String,
    /// Whether new accounts go there.
    pub is_default: bool,
    /// Accounts that the directory places there.
    pub accounts: u64,
    /// Segments of its log.
    pub segments: u64,
    /// Octets of its log.
    pub log_octets: u64,
    /// Octets of the messages that are still held.
    pub live_octets: u64,
    /// The last durable group of transactions.
    pub sequence: u64,
    /// Transactions since it was opened.
    pub transactions: u64,
    /// Transactions that wait.
    pub waiting: u64,
    /// Whether the disk is full.
    pub is_full: bool,
    /// Why it takes no more writes.
    pub stopped: Option<String>,
}

/// Performs a request.
///
/// # Errors
/// Why it was not done.
pub fn perform(operations: &Operations, request: PartitionRequest) -> Result<Value, Failure> {
    match request {
        PartitionRequest::List => report(&list(operations)?),
        PartitionRequest::Add { name } => {
            let store = &operations.services.store;
            let path = store.layout.partition(&name).map_err(|error| Failure::usage(error.to_string()))?;
            if path.exists() {
                return Err(Failure::failed(format!("the partition {name} is there already: {}", path.display())));
            }
            std::fs::create_dir(&path)
                .map_err(|error| Failure::failed(format!("cannot make {}", path.display())).because(error))?;
            Ok(Value::String(path.display().to_string()))
        }
    }
}

fn list(operations: &Operations) -> Result<Vec<ShownPartition>, Failure> {
    let store = &operations.services.store;
    let accounts = operations.services.directory.accounts();
    let accounts = accounts.map_err(|error| Failure::temporary("the directory is not available").because(error))?;
    let system = std::iter::once(("system", store.layout.system(), &store.system));
    let others = store
        .partitions
        .iter()
        .filter_map(|(name, partition)| store.layout.partition(name).ok().map(|path| (name, path, partition)));
    let shown = system.chain(others).map(|(name, path, partition)| {
        let status = partition.status();
        ShownPartition {
            name: name.to_owned(),
            path: path.display().to_string(),
            is_default: name == store.partitions.default_nick(),
            accounts: accounts.iter().filter(|account| account.partition == name).count() as u64,
            segments: status.segments,
            log_octets: status.log_octets,
            live_octets: status.live_octets,
            sequence: status.sequence,
            transactions: status.transactions,
            waiting: status.waiting as u64,
            is_full: status.is_full,
            stopped: status.stopped,
        }
    });
    Ok(shown.collect())
}
