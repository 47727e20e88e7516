//! `heliograph mailbox`.

use std::fmt::Write as _;

use clap::Subcommand;
use model::ByteSize;

use crate::commands::show::show;
use crate::context::Context;
use crate::control::client;
use crate::control::request::Request;
use crate::failure::Failure;
use crate::terminal::confirm;
use crate::verbs::mailbox::{MailboxRequest, ShownMailbox};
use crate::verbs::page::Page;

/// What can be done with an account's mailboxes.
#[derive(Debug, Subcommand)]
pub enum MailboxVerb {
    /// List mailboxes with their counts.
    List {
        /// The account's address.
        account: String,
        /// Which of them.
        #[command(flatten)]
        page: Page,
    },
    /// Make a mailbox, and those above it that are missing.
    Create {
        /// The account's address.
        account: String,
        /// Its name, with / between levels.
        name: String,
        /// What it is for: archive, drafts, junk, sent or trash.
        #[arg(long)]
        special_use: Option<String>,
    },
    /// Delete a mailbox; its messages can be brought back for a while.
    Delete {
        /// The account's address.
        account: String,
        /// Its name.
        name: String,
    },
    /// Give a mailbox, and those below it, another name.
    Rename {
        /// The account's address.
        account: String,
        /// Its name.
        name: String,
        /// Its new name.
        to: String,
    },
    /// List who besides the owner may use a mailbox.
    Rights {
        /// The account's address.
        account: String,
        /// Its name.
        name: String,
    },
    /// Let somebody use a mailbox.
    Grant {
        /// The account's address.
        account: String,
        /// Its name.
        name: String,
        /// Who: an address, a group, anyone.
        identifier: String,
        /// What: letters of lrswipkxtea (RFC 4314), such as lrs for reading.
        rights: String,
    },
    /// Take somebody's rights to a mailbox away.
    Revoke {
        /// The account's address.
        account: String,
        /// Its name.
        name: String,
        /// Who.
        identifier: String,
    },
    /// Subscribe the owner to a mailbox.
    Subscribe {
        /// The account's address.
        account: String,
        /// Its name.
        name: String,
    },
    /// End a subscription.
    Unsubscribe {
        /// The account's address.
        account: String,
        /// Its name.
        name: String,
    },
}

/// Does it.
///
/// # Errors
/// Why it was not done.
pub fn run(verb: MailboxVerb, context: &Context) -> Result<(), Failure> {
    let ask = |request: MailboxRequest| client::ask(context, Request::Mailbox(request));
    match verb {
        MailboxVerb::List { account, page } => {
            let report = ask(MailboxRequest::List { account, page })?;
            show(context, report, |all: Vec<ShownMailbox>| all.iter().map(line).collect())
        }
        MailboxVerb::Create { account, name, special_use } => {
            ask(MailboxRequest::Create { account, name, special_use }).map(drop)
        }
        MailboxVerb::Delete { account, name } => {
            confirm(context, &format!("Delete the mailbox {name} of {account}?"))?;
            ask(MailboxRequest::Delete { account, name }).map(drop)
        }
        MailboxVerb::Rename { account, name, to } => ask(MailboxRequest::Rename { account, from: name, to }).map(drop),
        MailboxVerb::Rights { account, name } => {
            let report = ask(MailboxRequest::Rights { account, name })?;
            show(context, report, |all: Vec<(String, String)>| {
                all.iter().map(|(identifier, rights)| format!("{identifier:<40} {rights}\n")).collect()
            })
        }
        MailboxVerb::Grant { account, name, identifier, rights } => {
            ask(MailboxRequest::Grant { account, name, identifier, rights }).map(drop)
        }
        MailboxVerb::Revoke { account, name, identifier } => {
            ask(MailboxRequest::Grant { account, name, identifier, rights: String::new() }).map(drop)
        }
        MailboxVerb::Subscribe { account, name } => {
            ask(MailboxRequest::Subscribe { account, name, wanted: true }).map(drop)
        }
        MailboxVerb::Unsubscribe { account, name } => {
            ask(MailboxRequest::Subscribe { account, name, wanted: false }).map(drop)
        }
    }
}

fn line(mailbox: &ShownMailbox) -> String {
    let mut text = format!(
        "{:<32} {:>8} messages {:>8} unseen {:>10}",
        mailbox.name,
        mailbox.messages,
        mailbox.unseen,
        ByteSize(mailbox.octets).to_string()
    );
    if let Some(special_use) = &mailbox.special_use {
        let _infallible = write!(text, "  {special_use}");
    }
    if !mailbox.rights.is_empty() {
        let _infallible = write!(text, "  shared with {}", mailbox.rights.len());
    }
    text.push('\n');
    text
}
