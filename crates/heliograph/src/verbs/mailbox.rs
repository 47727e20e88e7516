//! Mailboxes of an account: listing, making, renaming, deleting, who may use them.

use account::rights::Rights;
use mail::mailboxes::{Mailbox, Subscribed};
use mail::record::SpecialUse;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::operations::{Operations, report};
use crate::verbs::owner::{owner, store_failed};
use crate::verbs::page::Page;

/// What can be asked about an account's mailboxes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MailboxRequest {
    /// Those whose name holds a text, from one on.
    List {
        /// Whose.
        account: String,
        /// Which of them.
        page: Page,
    },
    /// Make one, and those above it that are missing.
    Create {
        /// Whose.
        account: String,
        /// Its name.
        name: String,
        /// What it is for, such as `sent`.
        special_use: Option<String>,
    },
    /// Delete one; its messages can be brought back for a while.
    Delete {
        /// Whose.
        account: String,
        /// Its name.
        name: String,
    },
    /// Give one, and those below it, another name.
    Rename {
        /// Whose.
        account: String,
        /// Its name.
        from: String,
        /// Its new name.
        to: String,
    },
    /// Who besides the owner may use one.
    Rights {
        /// Whose.
        account: String,
        /// Its name.
        name: String,
    },
    /// Let somebody use one, or no more.
    Grant {
        /// Whose.
        account: String,
        /// Its name.
        name: String,
        /// Who: an address, a group, `anyone`.
        identifier: String,
        /// The letters of RFC 4314; none takes the entry away.
        rights: String,
    },
    /// Subscribe the owner, or no more.
    Subscribe {
        /// Whose.
        account: String,
        /// Its name.
        name: String,
        /// Whether it shall be.
        wanted: bool,
    },
}

/// A mailbox as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownMailbox {
    /// Its name.
    pub name: String,
    /// Messages.
    pub messages: u32,
    /// Those nobody has seen.
    pub unseen: u32,
    /// Octets of all.
    pub octets: u64,
    /// What it is for.
    pub special_use: Option<String>,
    /// Whether its owner is subscribed to it.
    pub subscribed: bool,
    /// UIDVALIDITY.
    pub uid_validity: u32,
    /// UIDNEXT.
    pub uid_next: u32,
    /// HIGHESTMODSEQ.
    pub highest_modseq: u64,
    /// Who else may use it: identifier and letters.
    pub rights: Vec<(String, String)>,
}

/// Performs a request.
///
/// # Errors
/// Why it was not done.
pub fn perform(operations: &Operations, request: MailboxRequest) -> Result<Value, Failure> {
    tokio::runtime::Handle::current().block_on(answer(operations, request))
}

async fn answer(operations: &Operations, request: MailboxRequest) -> Result<Value, Failure> {
    let mail = &operations.services.mail;
    match request {
        MailboxRequest::List { account, page } => {
            let owner = owner(operations, &account).await?;
            let failed = |error| store_failed("list the mailboxes", error);
            let subscribed = mail.subscriptions(&owner).map_err(failed)?;
            let all = mail.mailboxes(&owner).map_err(failed)?;
            let holds = |mailbox: &Mailbox, text: &str| mailbox.row.name.contains(text);
            let all = page.of(all, |mailbox| &mailbox.row.name, holds);
            report(&all.iter().map(|mailbox| shown(mailbox, &subscribed)).collect::<Vec<ShownMailbox>>())
        }
        MailboxRequest::Create { account, name, special_use } => {
            let owner = owner(operations, &account).await?;
            let special_use = special_use.as_deref().map(parse_special_use).transpose()?;
            mail.create(&owner, &name, special_use).await.map_err(|error| store_failed("make the mailbox", error))?;
            Ok(Value::Null)
        }
        MailboxRequest::Delete { account, name } => {
            let (owner, mailbox) = find(operations, &account, &name).await?;
            mail.delete(&owner, mailbox.id).await.map_err(|error| store_failed("delete the mailbox", error))?;
            Ok(Value::Null)
        }
        MailboxRequest::Rename { account, from, to } => {
            let (owner, mailbox) = find(operations, &account, &from).await?;
            mail.rename(&owner, mailbox.id, &to).await.map_err(|error| store_failed("rename the mailbox", error))?;
            Ok(Value::Null)
        }
        MailboxRequest::Rights { account, name } => {
            let (_, mailbox) = find(operations, &account, &name).await?;
            report(&rights(&mailbox))
        }
        MailboxRequest::Grant { account, name, identifier, rights } => {
            let (owner, mailbox) = find(operations, &account, &name).await?;
            let rights = Rights::parse(&rights)
                .ok_or_else(|| Failure::usage(format!("{rights} are no rights; the letters are lrswipkxtea")))?;
            let granting = mail.grant(&owner, mailbox.id, &identifier, rights).await;
            granting.map_err(|error| store_failed("change the rights", error))?;
            Ok(Value::Null)
        }
        MailboxRequest::Subscribe { account, name, wanted } => {
            let owner = owner(operations, &account).await?;
            let wanted = if wanted { Subscribed::Yes } else { Subscribed::No };
            let subscribing = mail.subscribe(&owner, &name, wanted).await;
            subscribing.map_err(|error| store_failed("change the subscription", error))?;
            Ok(Value::Null)
        }
    }
}

/// A mailbox by its account and name.
///
/// # Errors
/// There is no such account or mailbox.
pub async fn find(
    operations: &Operations,
    account: &str,
    name: &str,
) -> Result<(account::owner::Owner, Mailbox), Failure> {
    let owner = owner(operations, account).await?;
    let found = operations.services.mail.find(&owner, name).map_err(|error| store_failed("find the mailbox", error))?;
    let mailbox = found.ok_or_else(|| Failure::failed(format!("{account} has no mailbox {name}")))?;
    Ok((owner, mailbox))
}

fn shown(mailbox: &Mailbox, subscribed: &[String]) -> ShownMailbox {
    let row = &mailbox.row;
    ShownMailbox {
        name: row.name.clone(),
        messages: row.messages,
        unseen: row.unseen,
        octets: row.octets,
        special_use: row.special_use.map(|special_use| special_use_name(special_use).to_owned()),
        subscribed: subscribed.contains(&row.name),
        uid_validity: row.uid_validity.0,
        uid_next: row.uid_next.0,
        highest_modseq: row.highest_modseq.0,
        rights: rights(mailbox),
    }
}

fn rights(mailbox: &Mailbox) -> Vec<(String, String)> {
    let entries = mailbox.row.grants.entries().iter();
    entries.map(|(identifier, rights)| (identifier.clone(), rights.to_string())).collect()
}

fn special_use_name(special_use: SpecialUse) -> &'static str {
    match special_use {
        SpecialUse::Archive => "archive",
        SpecialUse::Drafts => "drafts",
        SpecialUse::Junk => "junk",
        SpecialUse::Sent => "sent",
        SpecialUse::Trash => "trash",
    }
}

fn parse_special_use(text: &str) -> Result<SpecialUse, Failure> {
    let found = SpecialUse::ALL.into_iter().find(|special_use| special_use_name(*special_use) == text);
    found.ok_or_else(|| Failure::usage(format!("{text} is no special use: archive, drafts, junk, sent, trash")))
}
