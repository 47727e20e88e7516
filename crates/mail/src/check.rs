//! Whether the rows of the mail store agree with each other and with the blobs. What counts can be repaired from what
//! is counted.

use crate::error::Error;
use crate::keys::{self, Keys, Spaces};
use crate::limits::FINDINGS_MAX;
use crate::marks::{Marks, Page};
use crate::record::TrashRow;
use crate::rows;
use crate::scripts;
use crate::store::Mail;
use account::ledger;
use model::{AccountId, BlobHash, Uid};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use storage::{Read, Snapshot};

/// What a check has seen and found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Accounts looked at.
    pub accounts: u64,
    /// Mailboxes looked at.
    pub mailboxes: u64,
    /// Messages looked at.
    pub messages: u64,
    /// What is wrong, in words, one each; see `limits::FINDINGS_MAX`.
    pub findings: Vec<String>,
    /// How much is wrong that is not listed.
    pub unlisted: u64,
    /// Accounts that have mail here although the directory does not place them here.
    pub strangers: Vec<AccountId>,
    /// How often the store holds each blob.
    pub references: BTreeMap<BlobHash, u32>,
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

impl Mail {
    /// Checks every account that has rows on a partition. `accounts` are those that the directory places there.
    pub fn check(&self, partition: &str, accounts: &[AccountId]) -> Result<Report, Error> {
        let (store, spaces) = self.partition(partition)?;
        let snapshot = store.snapshot()?;
        let mut report = Report::default();
        for account in self.accounts(partition)? {
            if !accounts.contains(&account) {
                report.strangers.push(account);
            }
            check_account(&snapshot, spaces, account, &mut report)?;
        }
        check_blobs(&snapshot, &mut report)?;
        Ok(report)
    }
}

fn check_account(snapshot: &Snapshot, spaces: Spaces, account: AccountId, report: &mut Report) -> Result<(), Error> {
    let Some(row) = ledger::row(snapshot, spaces.account, account)? else { return Ok(()) };
    let keys = Keys { space: spaces.mail, account };
    report.accounts += 1;
    let (mut octets, mut items) = (0, 0);
    for mailbox in rows::all(snapshot, keys)? {
        report.mailboxes += 1;
        let (mailbox_octets, mailbox_items) = check_mailbox(snapshot, keys, &mailbox, report)?;
        octets += mailbox_octets;
        items += mailbox_items;
        if mailbox.row.highest_modseq.0 > row.modseq {
            report.find(format!("account {account}: {} is ahead of the account", mailbox.row.name));
        }
        if mailbox.id.0 > row.last_collection {
            report.find(format!("account {account}: {} has a number never given out", mailbox.row.name));
        }
    }
    if (octets, items) != (row.octets, row.items) {
        report.find(format!(
            "account {account}: {items} messages of {octets} octets are there, {} of {} are counted",
            row.items, row.octets
        ));
    }
    let (mut held, mut found) = (Vec::new(), Vec::new());
    scripts::check(snapshot, spaces, keys, &mut |blob| held.push(blob), &mut |finding| found.push(finding))?;
    held.into_iter().for_each(|blob| *report.references.entry(blob).or_default() += 1);
    found.into_iter().for_each(|finding| report.find(finding));
    snapshot.each(keys.trash().range(), &mut |_, value| {
        match TrashRow::decode(value) {
            Ok(row) => *report.references.entry(row.message.blob).or_default() += 1,
            Err(error) => report.find(format!("account {account}: a trash row: {error}")),
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(())
}

fn check_mailbox(
    snapshot: &Snapshot,
    keys: Keys,
    mailbox: &rows::Mailbox,
    report: &mut Report,
) -> Result<(u64, u64), Error> {
    let account = keys.account;
    let name = &mailbox.row.name;
    let (mut octets, mut unseen, mut deleted, mut count) = (0, 0, 0, 0u32);
    let mut marks = check_marks(snapshot, keys, mailbox, report)?;
    let mut messages = Vec::new();
    snapshot.each(keys.messages(mailbox.id).range(), &mut |key, value| {
        let uid = keys::last_uid(key).unwrap_or_default();
        let known = marks.remove(&uid);
        if known.is_none() {
            report.find(format!("account {account}: {name}: UID {uid} has no flags"));
        }
        match rows::decode_message(value, known.unwrap_or_default()) {
            Ok(row) => messages.push((uid, row)),
            Err(_) => report.find(format!("account {account}: {name}: UID {uid} cannot be read")),
        }
        Ok(ControlFlow::Continue(()))
    })?;
    if !marks.is_empty() {
        report.find(format!("account {account}: {name}: flags of {} messages that are not there", marks.len()));
    }
    for (uid, row) in messages {
        report.messages += 1;
        count += 1;
        octets += u64::from(row.octets);
        unseen += u32::from(!row.flags.has(crate::flags::SystemFlags::SEEN));
        deleted += u32::from(row.flags.has(crate::flags::SystemFlags::DELETED));
        *report.references.entry(row.blob).or_default() += 1;
        if uid >= mailbox.row.uid_next {
            report.find(format!("account {account}: {name}: UID {uid} is not below UIDNEXT"));
        }
        if row.modseq > mailbox.row.highest_modseq {
            report.find(format!("account {account}: {name}: UID {uid} is ahead of the mailbox"));
        }
    }
    for range in [keys.all_changed(mailbox.id).range(), keys.all_vanished(mailbox.id).range()] {
        if let Err(error) = rows::uids(snapshot, range) {
            report.find(format!("account {account}: {name}: the history of changes: {error}"));
        }
    }
    let mut without_message = 0;
    snapshot.each(keys.summaries(mailbox.id).range(), &mut |key, _| {
        let uid = keys::last_uid(key).unwrap_or_default();
        without_message += u32::from(snapshot.get(&keys.message(mailbox.id, uid))?.is_none());
        Ok(ControlFlow::Continue(()))
    })?;
    if without_message > 0 {
        report.find(format!("account {account}: {name}: {without_message} summaries without a message"));
    }
    let counted = (mailbox.row.messages, mailbox.row.unseen, mailbox.row.deleted, mailbox.row.octets);
    if counted != (count, unseen, deleted, octets) {
        report.find(format!("account {account}: {name}: the counts differ from the messages"));
    }
    match snapshot.get(&keys.name(name))? {
        Some(id) if id == mailbox.id.0.to_le_bytes() => {}
        _ => report.find(format!("account {account}: {name} cannot be found by its name")),
    }
    Ok((octets, u64::from(count)))
}

/// The marks that can be read, by UID.
fn check_marks(
    snapshot: &Snapshot,
    keys: Keys,
    mailbox: &rows::Mailbox,
    report: &mut Report,
) -> Result<BTreeMap<Uid, Marks>, Error> {
    let mut found = BTreeMap::new();
    snapshot.each(keys.pages(mailbox.id).range(), &mut |key, value| {
        let number = keys::last_page(key).unwrap_or_default();
        match Page::decode(value) {
            Ok(page) => found.extend(page.messages(number)),
            Err(error) => {
                report.find(format!("account {}: {}: flags, page {number}: {error}", keys.account, mailbox.row.name));
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

fn check_blobs(snapshot: &Snapshot, report: &mut Report) -> Result<(), Error> {
    let mut after = None;
    let mut missing = report.references.clone();
    loop {
        let page = snapshot.blobs(after, 1_000)?;
        let Some(last) = page.last() else { break };
        after = Some(last.hash);
        for blob in page {
            let held = missing.remove(&blob.hash).unwrap_or(0);
            if held != blob.count {
                report.find(format!("blob {}: held {held} times, counted {} times", blob.hash, blob.count));
            }
        }
    }
    missing
        .keys()
        .for_each(|hash| report.find(format!("blob {hash}: a message or script needs it and it is not stored")));
    Ok(())
}
