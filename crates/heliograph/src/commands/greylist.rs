//! `heliograph greylist`.

use std::fmt::Write as _;

use clap::{Args, Subcommand};

use crate::commands::show::show;
use crate::context::Context;
use crate::control::client;
use crate::control::request::Request;
use crate::failure::Failure;
use crate::terminal::confirm;
use crate::verbs::greylist::{Delivery, Filter, GreylistRequest, ShownDecision, ShownList, ShownStanding, Status};

/// Which decisions: all that is given must hold.
#[derive(Clone, Debug, Default, Args)]
pub struct Which {
    /// In the client's address.
    #[arg(long)]
    client: Option<String>,
    /// In the sender; "<>" is the null sender.
    #[arg(long)]
    sender: Option<String>,
    /// In the recipient.
    #[arg(long)]
    recipient: Option<String>,
    /// The verdict: trust, match, greylist or block.
    #[arg(long)]
    action: Option<String>,
}

/// What can be done with the greylister.
#[derive(Debug, Subcommand)]
pub enum GreylistVerb {
    /// List the last decisions, the latest first.
    List {
        #[command(flatten)]
        which: Which,
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// The most frequent clients, senders, domains, recipients, lists or actions among the last decisions.
    Top {
        /// client, sender, domain, recipient, list, action.
        #[arg(default_value = "client")]
        field: String,
        #[command(flatten)]
        which: Which,
        /// At most so many.
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Tell what is known of a delivery.
    Show {
        /// The client's address.
        client: String,
        /// The sender; "<>" for none.
        sender: String,
        /// The recipient.
        recipient: String,
    },
    /// Forget a delivery, so that its next attempt is the first.
    Forget {
        /// The client's address.
        #[arg(required_unless_present = "all")]
        client: Option<String>,
        /// The sender; "<>" for none.
        #[arg(required_unless_present = "all")]
        sender: Option<String>,
        /// The recipient.
        #[arg(required_unless_present = "all")]
        recipient: Option<String>,
        /// Forget all deliveries.
        #[arg(long, conflicts_with_all = ["client", "sender", "recipient"])]
        all: bool,
    },
    /// Tell how the greylister is.
    Status,
}

/// `heliograph greylist`.
///
/// # Errors
/// Why it was not done.
pub fn run(verb: GreylistVerb, context: &Context) -> Result<(), Failure> {
    let ask = |request| client::ask_server(context, Request::Greylist(request));
    match verb {
        GreylistVerb::List { which, limit } => {
            let report = ask(GreylistRequest::List { filter: which.into(), limit })?;
            show(context, report, |decisions: Vec<ShownDecision>| decisions.iter().map(line).collect())
        }
        GreylistVerb::Top { field, which, limit } => {
            let report = ask(GreylistRequest::Top { field, filter: which.into(), limit })?;
            show(context, report, |rows: Vec<(String, u64)>| {
                rows.iter().map(|(text, count)| format!("{count:>8}  {text}\n")).collect()
            })
        }
        GreylistVerb::Show { client, sender, recipient } => {
            let report = ask(GreylistRequest::Show(Delivery { client, sender, recipient }))?;
            show(context, report, |standing: ShownStanding| about(&standing))
        }
        GreylistVerb::Forget { client: Some(client), sender: Some(sender), recipient: Some(recipient), .. } => {
            let report = ask(GreylistRequest::Forget(Delivery { client, sender, recipient }))?;
            show(context, report, |count: u64| format!("{count} deliveries forgotten\n"))
        }
        GreylistVerb::Forget { .. } => {
            confirm(context, "Forget all deliveries, so that all have to come again?")?;
            show(context, ask(GreylistRequest::ForgetAll)?, |count: u64| format!("{count} deliveries forgotten\n"))
        }
        GreylistVerb::Status => show(context, ask(GreylistRequest::Status)?, |status: Status| how(&status)),
    }
}

impl From<Which> for Filter {
    fn from(which: Which) -> Filter {
        Filter { client: which.client, sender: which.sender, recipient: which.recipient, action: which.action }
    }
}

fn line(decision: &ShownDecision) -> String {
    let why = match &decision.exempt {
        Some(why) => format!("exempt: {why}"),
        None => weights(&decision.lists),
    };
    format!(
        "{}  {:<8}  {}  {} -> {}  {why}\n",
        decision.at, decision.action, decision.client, decision.sender, decision.recipient
    )
}

fn weights(lists: &[ShownList]) -> String {
    lists.iter().map(|list| format!("{}{:+}", list.name, list.weight)).collect::<Vec<_>>().join(" ")
}

fn about(standing: &ShownStanding) -> String {
    let (Some(first), Some(last), Some(from)) = (&standing.first_seen, &standing.last_seen, &standing.let_in_from)
    else {
        return format!("not known from the network {}\n", standing.network);
    };
    let now = if standing.ripe { "is let in" } else { "has to wait" };
    format!(
        "network {}\nfirst seen {first}\nlast seen {last}\nlet in from {from} on: {now} now, if it is suspicious at all\n",
        standing.network
    )
}

fn how(status: &Status) -> String {
    let mut text = format!(
        "{} deliveries and {} known senders are remembered; {} went before their time\n",
        status.triplets, status.known, status.evicted
    );
    // Writing to a String cannot fail.
    let _infallible = match status.lists.as_slice() {
        [] => writeln!(text, "no lists are asked: everybody has to come twice"),
        lists => writeln!(text, "lists: {}", weights(lists)),
    };
    if status.dry_run {
        text.push_str("a trial: everybody is let in\n");
    }
    if let Some(file) = &status.state_file {
        let _infallible = writeln!(text, "kept in {file}");
    }
    match status.peer_connected {
        Some(true) => text.push_str("the peer gets our changes\n"),
        Some(false) => text.push_str("the peer does not get our changes: it cannot be reached\n"),
        None => {}
    }
    text
}
