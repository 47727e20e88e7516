//! Whether the queue's rows agree with each other, with the blobs, and with what is known in memory.

use crate::entry::State;
use crate::error::Error;
use crate::keys;
use crate::queue::Queue;
use crate::record;
use model::{BlobHash, QueueId};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use storage::{Read, Snapshot};

/// What a check lists; the rest is counted.
const FINDINGS_MAX: usize = 1000;

/// What a check has seen and found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Messages looked at.
    pub messages: u64,
    /// What is wrong, in words, one each.
    pub findings: Vec<String>,
    /// How much is wrong that is not listed.
    pub unlisted: u64,
}

impl Report {
    fn find(&mut self, finding: String) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        } else {
            self.unlisted += 1;
        }
    }
}

impl Queue {
    /// Checks every message and recipient of the queue. Mail comes and goes meanwhile: one snapshot is looked at.
    pub fn check(&self) -> Result<Report, Error> {
        let keys = self.inner.keys;
        let snapshot = self.inner.partition.snapshot()?;
        let mut report = Report::default();
        let mut held: BTreeMap<BlobHash, u32> = BTreeMap::new();
        let mut open: BTreeSet<QueueId> = BTreeSet::new();
        let last_id = snapshot.counter(&keys.last_id())?;
        snapshot.each(keys.messages().range(), &mut |key, value| {
            let id = keys::rest(key).and_then(|mut parts| parts.u64()).map(QueueId).unwrap_or_default();
            report.messages += 1;
            open.insert(id);
            match record::decode_message(value) {
                Ok(message) => *held.entry(message.body).or_default() += 1,
                Err(error) => report.find(format!("message {id}: {error}")),
            }
            if i64::try_from(id.0).is_ok_and(|id| id > last_id) {
                report.find(format!("message {id} has a number never given out"));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        let mut waiting: BTreeSet<QueueId> = BTreeSet::new();
        snapshot.each(keys.all_recipients().range(), &mut |key, value| {
            let id = keys::rest(key).and_then(|mut parts| parts.u64()).map(QueueId).unwrap_or_default();
            match record::decode_recipient(value) {
                Ok(recipient) if matches!(recipient.state, State::Due(_) | State::Held) => {
                    waiting.insert(id);
                }
                Ok(_) => {}
                Err(error) => report.find(format!("a recipient of message {id}: {error}")),
            }
            if !open.contains(&id) {
                report.find(format!("a recipient of message {id}, which is not there"));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        for id in open.difference(&waiting) {
            report.find(format!("message {id} waits for nobody"));
        }
        check_blobs(&snapshot, held, &mut report)?;
        Ok(report)
    }
}

/// The system partition holds blobs for the queue alone.
fn check_blobs(snapshot: &Snapshot, mut held: BTreeMap<BlobHash, u32>, report: &mut Report) -> Result<(), Error> {
    let mut after = None;
    loop {
        let page = snapshot.blobs(after, 1_000)?;
        let Some(last) = page.last() else { break };
        after = Some(last.hash);
        for blob in page {
            let count = held.remove(&blob.hash).unwrap_or(0);
            if count != blob.count {
                report.find(format!("blob {}: held by {count} messages, counted {} times", blob.hash, blob.count));
            }
        }
    }
    held.keys().for_each(|hash| report.find(format!("blob {hash}: a message needs it and it is not stored")));
    Ok(())
}
