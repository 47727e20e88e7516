//! The store: checking every checksum, reference and count, and rewriting what is mostly dead.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::operations::{Operations, Progress, Tell, report};

/// What can be asked about the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoreRequest {
    /// Verify everything.
    Check,
    /// Put counts right from what is counted.
    Repair,
    /// Rewrite segments that are mostly dead.
    Compact,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreReport {
    /// Records of the logs that were verified.
    pub records: u64,
    /// Blobs that were verified.
    pub blobs: u64,
    /// Accounts looked at.
    pub accounts: u64,
    /// Messages looked at.
    pub messages: u64,
    /// What is wrong, or what was mended, one each.
    pub findings: Vec<String>,
    /// Octets given back.
    pub freed_octets: u64,
}

/// Performs a request.
///
/// # Errors
/// Why it was not done.
pub fn perform(operations: &Operations, request: StoreRequest, tell: Tell<'_>) -> Result<Value, Failure> {
    let done = match request {
        StoreRequest::Check => check(operations, tell)?,
        StoreRequest::Repair => repair(operations)?,
        StoreRequest::Compact => compact(operations, tell)?,
    };
    report(&done)
}

fn partitions(operations: &Operations) -> impl Iterator<Item = (&str, &storage::Partition)> {
    let store = &operations.services.store;
    std::iter::once(("system", &store.system)).chain(store.partitions.iter())
}

fn progress(name: &str, progress: storage::CheckProgress) -> Progress {
    let what = format!("{name}: {}", progress.stage);
    Progress { what, done: progress.done, total: (progress.total > 0).then_some(progress.total) }
}

fn check(operations: &Operations, tell: Tell<'_>) -> Result<StoreReport, Failure> {
    let services = &operations.services;
    let mut report = StoreReport::default();
    for (name, partition) in partitions(operations) {
        let checked = partition.check(&mut |step| tell(progress(name, step)));
        let checked = checked.map_err(|error| Failure::failed(format!("cannot check {name}")).because(error))?;
        report.records += checked.records;
        report.blobs += checked.blobs;
        report.findings.extend(checked.findings.into_iter().map(|finding| format!("{name}: {}", finding.text)));
        if checked.more_findings > 0 {
            report.findings.push(format!("{name}: {} more", checked.more_findings));
        }
    }
    let failed = |error: directory::error::Error| Failure::failed("cannot check the directory").because(error);
    report.findings.extend(services.directory.check().map_err(failed)?);
    let accounts = services.directory.accounts().map_err(failed)?;
    let queued = services.queue.check().map_err(|error| Failure::failed("cannot check the queue").because(error))?;
    report.messages += queued.messages;
    report.findings.extend(queued.findings.into_iter().map(|finding| format!("queue: {finding}")));
    if queued.unlisted > 0 {
        report.findings.push(format!("queue: {} more", queued.unlisted));
    }
    for (nick, _) in services.store.partitions.iter() {
        let here: Vec<model::AccountId> =
            accounts.iter().filter(|account| account.partition == nick).map(|account| account.account_id()).collect();
        let checked = services.mail.check(nick, &here);
        let checked =
            checked.map_err(|error| Failure::failed(format!("cannot check the mail of {nick}")).because(error))?;
        report.accounts += checked.accounts;
        report.messages += checked.messages;
        report.findings.extend(checked.findings.into_iter().map(|finding| format!("{nick}: {finding}")));
        if checked.unlisted > 0 {
            report.findings.push(format!("{nick}: {} more", checked.unlisted));
        }
    }
    Ok(report)
}

fn repair(operations: &Operations) -> Result<StoreReport, Failure> {
    let mut report = StoreReport::default();
    for (nick, _) in operations.services.store.partitions.iter() {
        let mending = operations.services.mail.repair(nick);
        let mended = tokio::runtime::Handle::current().block_on(mending);
        let mended =
            mended.map_err(|error| Failure::failed(format!("cannot repair the mail of {nick}")).because(error))?;
        report.findings.extend(mended.into_iter().map(|done| format!("{nick}: {done}")));
    }
    Ok(report)
}

fn compact(operations: &Operations, tell: Tell<'_>) -> Result<StoreReport, Failure> {
    let mut report = StoreReport::default();
    for (name, partition) in partitions(operations) {
        let before = partition.status().log_octets;
        let compacted = partition.compact(&mut |step| tell(progress(name, step)));
        compacted.map_err(|error| Failure::failed(format!("cannot rewrite {name}")).because(error))?;
        report.freed_octets += before.saturating_sub(partition.status().log_octets);
    }
    Ok(report)
}
