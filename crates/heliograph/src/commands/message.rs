//! `heliograph message`: what is in mailboxes, what was expunged, and what happened on the way.

use std::io::Write as _;
use std::time::Duration;

use clap::{Args, Subcommand};
use model::ByteSize;

use crate::commands::queue;
use crate::commands::show::{parse, show};
use crate::context::Context;
use crate::control::client;
use crate::control::request::Request;
use crate::failure::Failure;
use crate::terminal::{confirm, print};
use crate::verbs::message::{MessageRequest, Octets, ShownMessage, WhichExpunged};

/// What can be done with messages.
#[derive(Debug, Subcommand)]
pub enum MessageVerb {
    /// Tell what happened to a message, from connection to mailbox and each attempt.
    Trace {
        /// Its queue id, the name under which it was accepted (it stands in the reply and in the Received field), or its
        /// Message-ID.
        id: String,
    },
    /// List the messages of a mailbox.
    List {
        /// The account's address.
        account: String,
        /// The mailbox.
        #[arg(default_value = "INBOX")]
        mailbox: String,
        /// Only those whose sender or subject holds this.
        #[arg(long)]
        holding: Option<String>,
        /// Only those after this UID.
        #[arg(long, default_value_t = 0)]
        after: u32,
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Print a message as it is stored.
    Show {
        /// The account's address.
        account: String,
        /// The mailbox.
        mailbox: String,
        /// Its UID.
        uid: u32,
        /// Only its header.
        #[arg(long)]
        header: bool,
    },
    /// Expunge messages; they can be brought back for a while.
    Delete {
        /// The account's address.
        account: String,
        /// The mailbox.
        mailbox: String,
        /// Their UIDs.
        #[arg(required = true)]
        uids: Vec<u32>,
    },
    /// Bring expunged messages back to where they were, or list what can be brought back.
    Undelete {
        #[command(flatten)]
        which: Which,
        /// Only list them.
        #[arg(long)]
        list: bool,
    },
}

/// Which expunged messages are meant.
#[derive(Debug, Args)]
pub struct Which {
    /// The account's address.
    account: String,
    /// Only those that were in this mailbox.
    #[arg(long)]
    mailbox: Option<String>,
    /// Only those that had this UID there; can be given more than once.
    #[arg(long)]
    uid: Vec<u32>,
    /// Only those expunged within this time, such as 2h or 3d.
    #[arg(long, value_parser = humantime::parse_duration)]
    within: Option<Duration>,
    /// All of them.
    #[arg(long)]
    all: bool,
    /// At most so many.
    #[arg(long, default_value_t = 10_000)]
    limit: usize,
}

/// Does it.
///
/// # Errors
/// Why it was not done.
pub fn run(verb: MessageVerb, context: &Context) -> Result<(), Failure> {
    let ask = |request: MessageRequest| client::ask(context, Request::Message(request));
    match verb {
        MessageVerb::Trace { id } => queue::trace(id, context),
        MessageVerb::List { account, mailbox, holding, after, limit } => {
            let report = ask(MessageRequest::List { account, mailbox, holding, after, limit })?;
            show(context, report, |all: Vec<ShownMessage>| all.iter().map(line).collect())
        }
        MessageVerb::Show { account, mailbox, uid, header } => {
            let report = ask(MessageRequest::Show { account, mailbox, uid, header })?;
            if context.json {
                return print(&format!("{report}\n"));
            }
            let octets = parse::<Octets>(report)?.decode()?;
            let mut out = std::io::stdout().lock();
            let written = out.write_all(&octets).and_then(|()| out.flush());
            written.map_err(|error| Failure::failed("cannot write to standard output").because(error))
        }
        MessageVerb::Delete { account, mailbox, uids } => {
            confirm(context, &format!("Expunge {} messages from {mailbox} of {account}?", uids.len()))?;
            let report = ask(MessageRequest::Delete { account, mailbox, uids })?;
            show(context, report, |count: u64| format!("{count} expunged\n"))
        }
        MessageVerb::Undelete { which, list } => undelete(which, list, context),
    }
}

fn undelete(which: Which, list: bool, context: &Context) -> Result<(), Failure> {
    let is_chosen = which.all || which.mailbox.is_some() || !which.uid.is_empty() || which.within.is_some();
    if !list && !is_chosen {
        return Err(Failure::usage("say which: --mailbox, --uid, --within, or --all; --list shows what there is"));
    }
    let which = WhichExpunged {
        account: which.account,
        mailbox: which.mailbox,
        uids: which.uid,
        within_secs: which.within.map(|within| within.as_secs()),
        limit: which.limit,
    };
    if list {
        let report = client::ask(context, Request::Message(MessageRequest::ListExpunged(which)))?;
        return show(context, report, |all: Vec<ShownMessage>| all.iter().map(line).collect());
    }
    let report = client::ask(context, Request::Message(MessageRequest::Undelete(which)))?;
    show(context, report, |count: u64| format!("{count} brought back\n"))
}

fn line(message: &ShownMessage) -> String {
    let flags = message.flags.join(",");
    let (uid, size) = (message.uid, ByteSize(message.octets).to_string());
    format!(
        "{:<16} {uid:>8}  {}  {size:>10}  {flags:<12}  {:<28}  {}\n",
        message.mailbox, message.at, message.from, message.subject
    )
}
