//! Messages in mailboxes: listing, showing, deleting, and bringing back what was expunged.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail::change::{Expunge, Place};
use mail::flags::SystemFlags;
use mail::trash::Trashed;
use mail::view::{Row, View};
use message::summary::Summary;
use model::{Timestamp, Uid};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::operations::{Operations, Progress, Tell, report};
use crate::verbs::mailbox::find;
use crate::verbs::owner::{owner, store_failed};

/// What can be asked about messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MessageRequest {
    /// Those of a mailbox, from one on.
    List {
        /// Whose.
        account: String,
        /// The mailbox.
        mailbox: String,
        /// Only those whose sender or subject holds this.
        holding: Option<String>,
        /// Only those after this UID.
        after: u32,
        /// At most so many.
        limit: usize,
    },
    /// One, as it is stored.
    Show {
        /// Whose.
        account: String,
        /// The mailbox.
        mailbox: String,
        /// Its UID.
        uid: u32,
        /// Only its header.
        header: bool,
    },
    /// Expunge some.
    Delete {
        /// Whose.
        account: String,
        /// The mailbox.
        mailbox: String,
        /// Their UIDs.
        uids: Vec<u32>,
    },
    /// What was expunged and can be brought back.
    ListExpunged(WhichExpunged),
    /// Bring it back.
    Undelete(WhichExpunged),
}

/// Which expunged messages are meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhichExpunged {
    /// Whose.
    pub account: String,
    /// Only those that were in this mailbox.
    pub mailbox: Option<String>,
    /// Only those that had these UIDs there.
    pub uids: Vec<u32>,
    /// Only those expunged within so many seconds.
    pub within_secs: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// A message as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownMessage {
    /// The mailbox it is in, or was in.
    pub mailbox: String,
    /// Its UID there.
    pub uid: u32,
    /// When it arrived, or when it was expunged.
    pub at: String,
    /// Octets.
    pub octets: u64,
    /// Flags and keywords.
    pub flags: Vec<String>,
    /// Who sent it, as the message says.
    pub from: String,
    /// Its subject.
    pub subject: String,
}

/// A message as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Octets {
    /// Base64.
    pub octets: String,
}

impl Octets {
    /// The octets themselves.
    ///
    /// # Errors
    /// That a server of another version sent something else.
    pub fn decode(&self) -> Result<Vec<u8>, Failure> {
        STANDARD.decode(&self.octets).map_err(|error| Failure::failed("a strange report").because(error))
    }
}

/// Performs a request.
///
/// # Errors
/// Why it was not done.
pub fn perform(operations: &Operations, request: MessageRequest, tell: Tell<'_>) -> Result<Value, Failure> {
    tokio::runtime::Handle::current().block_on(answer(operations, request, tell))
}

async fn answer(operations: &Operations, request: MessageRequest, tell: Tell<'_>) -> Result<Value, Failure> {
    let mail = &operations.services.mail;
    match request {
        MessageRequest::List { account, mailbox, holding, after, limit } => {
            report(&list(operations, (&account, &mailbox), holding.as_deref(), after, limit).await?)
        }
        MessageRequest::Show { account, mailbox, uid, header } => {
            let (owner, found) = find(operations, &account, &mailbox).await?;
            let place = Place { owner: owner.clone(), mailbox: found.id };
            let failed = |error| store_failed("read the message", error);
            let row = mail.message(&place, Uid(uid)).map_err(failed)?;
            let row = row.ok_or_else(|| Failure::failed(format!("{mailbox} of {account} has no message {uid}")))?;
            let body = mail.body(&owner, &row.blob).map_err(failed)?;
            let end = if header { message::header::octets(&body) } else { body.len() };
            report(&Octets { octets: STANDARD.encode(body.get(..end).unwrap_or_default()) })
        }
        MessageRequest::Delete { account, mailbox, uids } => {
            let (owner, found) = find(operations, &account, &mailbox).await?;
            let place = Place { owner, mailbox: found.id };
            let gone = mail.expunge(&place, uids.into_iter().map(Uid).collect(), Expunge::All).await;
            report(&gone.map_err(|error| store_failed("expunge", error))?.value.len())
        }
        MessageRequest::ListExpunged(which) => {
            let expunged = expunged(operations, &which).await?;
            let owner = owner(operations, &which.account).await?;
            let shown = expunged.iter().map(|one| {
                let summary = mail.body(&owner, &one.row.message.blob).map(|body| Summary::of(&body)).ok();
                let message = &one.row.message;
                let flags = flags(message.flags, one.row.keywords.iter().map(String::as_str));
                line(&one.row.name, one.uid, one.when, message.octets, flags, summary.as_ref())
            });
            report(&shown.collect::<Vec<ShownMessage>>())
        }
        MessageRequest::Undelete(which) => {
            let owner = owner(operations, &which.account).await?;
            let expunged = expunged(operations, &which).await?;
            let (total, mut back) = (expunged.len() as u64, 0);
            for batch in expunged.chunks(BATCH) {
                let returned = mail.undelete(&owner, batch.to_vec()).await;
                back += returned.map_err(|error| store_failed("bring messages back", error))?.value;
                tell(Progress { what: "bringing back".to_owned(), done: back as u64, total: Some(total) });
            }
            report(&back)
        }
    }
}

/// Messages brought back in one transaction.
const BATCH: usize = 100;
/// Expunged messages that are looked through.
const EXPUNGED_MAX: usize = 1_000_000;

async fn expunged(operations: &Operations, which: &WhichExpunged) -> Result<Vec<Trashed>, Failure> {
    let owner = owner(operations, &which.account).await?;
    let now = operations.services.clock.now();
    let since = which.within_secs.map_or(Timestamp(0), |secs| now.minus(Duration::from_secs(secs)));
    let all = operations.services.mail.trash(&owner, since, EXPUNGED_MAX);
    let mut all = all.map_err(|error| store_failed("list what was expunged", error))?;
    all.retain(|one| {
        which.mailbox.as_ref().is_none_or(|name| one.row.name == *name)
            && (which.uids.is_empty() || which.uids.contains(&one.uid.0))
    });
    all.truncate(which.limit);
    Ok(all)
}

async fn list(
    operations: &Operations,
    (account, mailbox): (&str, &str),
    holding: Option<&str>,
    after: u32,
    limit: usize,
) -> Result<Vec<ShownMessage>, Failure> {
    let mail = &operations.services.mail;
    let (owner, found) = find(operations, account, mailbox).await?;
    let place = Place { owner, mailbox: found.id };
    let failed = |error| store_failed("list the messages", error);
    let view = mail.view(&place).map_err(failed)?;
    let from = view.lower_bound(Uid(after.saturating_add(1)));
    let indices: Vec<usize> = (from..view.len()).collect();
    let mut shown = Vec::new();
    mail.summaries(&place, &view, &indices, &mut |index, summary| {
        if let Some(row) = view.get(index) {
            let one = message_line(&found.row.name, &view, row, &summary);
            if holding.is_none_or(|text| one.subject.contains(text) || one.from.contains(text)) {
                shown.push(one);
            }
        }
        if shown.len() < limit { std::ops::ControlFlow::Continue(()) } else { std::ops::ControlFlow::Break(()) }
    })
    .map_err(failed)?;
    Ok(shown)
}

fn message_line(mailbox: &str, view: &View, row: &Row, summary: &Summary) -> ShownMessage {
    let flags = flags(row.flags, view.keywords.names_of(row.keywords));
    line(mailbox, row.uid, row.internal_date, row.octets, flags, Some(summary))
}

fn line(
    mailbox: &str,
    uid: Uid,
    at: Timestamp,
    octets: u32,
    flags: Vec<String>,
    summary: Option<&Summary>,
) -> ShownMessage {
    let envelope = summary.map(|summary| &summary.envelope);
    let from = envelope.and_then(|envelope| message::address::mailboxes(&envelope.from).next());
    ShownMessage {
        mailbox: mailbox.to_owned(),
        uid: uid.0,
        at: at.to_string(),
        octets: u64::from(octets),
        flags,
        from: from.map_or_else(String::new, |mailbox| format!("{}@{}", mailbox.local, mailbox.domain)),
        subject: envelope.and_then(|envelope| envelope.subject.clone()).unwrap_or_default(),
    }
}

fn flags<'a>(system: SystemFlags, keywords: impl Iterator<Item = &'a str>) -> Vec<String> {
    let names = [
        (SystemFlags::SEEN, "seen"),
        (SystemFlags::ANSWERED, "answered"),
        (SystemFlags::FLAGGED, "flagged"),
        (SystemFlags::DELETED, "deleted"),
        (SystemFlags::DRAFT, "draft"),
    ];
    let set = names.into_iter().filter(|(flag, _)| system.has(*flag)).map(|(_, name)| name.to_owned());
    set.chain(keywords.map(str::to_owned)).collect()
}
