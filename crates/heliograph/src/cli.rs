//! The command line: what can be typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use crate::commands::account::AccountVerb;
use crate::commands::authentication::AuthenticationVerb;
use crate::commands::config::ConfigVerb;
use crate::commands::explain::ExplainVerb;
use crate::commands::filter::FilterVerb;
use crate::commands::greylist::GreylistVerb;
use crate::commands::mailbox::MailboxVerb;
use crate::commands::mapping::MappingVerb;
use crate::commands::message::MessageVerb;
use crate::commands::meter::MeterVerb;
use crate::commands::partition::PartitionVerb;
use crate::commands::people::{DomainVerb, NameVerb};
use crate::commands::queue::QueueVerb;
use crate::commands::report::ReportVerb;
use crate::commands::sieve::SieveVerb;
use crate::commands::store::StoreVerb;

/// One program for an organisation's mail.
#[derive(Debug, Parser)]
#[command(name = "heliograph", version, about, propagate_version = true, max_term_width = 100)]
pub struct CommandLine {
    /// The settings file. Unless given: the one that HELIOGRAPH_CONFIG names, else DIR/heliograph.toml of --data DIR
    /// if it exists, else /etc/heliograph/heliograph.toml.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The data folder, instead of the one that the settings name.
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Print JSON, for programs.
    #[arg(long, global = true)]
    pub json: bool,
    /// Do not ask before doing what cannot be undone.
    #[arg(long, global = true)]
    pub yes: bool,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run the server in the foreground.
    Serve {
        /// Only these parts: mta, access, meter, greylist.
        #[arg(long, value_delimiter = ',', value_name = "ROLES")]
        role: Vec<String>,
    },
    /// Run a complete demo on loopback, with two users and an administrator.
    Demo {
        /// Take whatever ports are free instead of the demo's own.
        #[arg(long)]
        any_port: bool,
    },
    /// Look at the settings and change them.
    #[command(subcommand)]
    Config(ConfigVerb),
    /// The domains whose mail is ours.
    #[command(subcommand)]
    Domain(DomainVerb),
    /// Accounts and their passwords.
    #[command(subcommand)]
    Account(AccountVerb),
    /// Other names for addresses.
    #[command(subcommand)]
    Alias(NameVerb),
    /// Groups that get mail together.
    #[command(subcommand)]
    Group(NameVerb),
    /// The tables that judge connections, senders and recipients.
    #[command(subcommand)]
    Mapping(MappingVerb),
    /// Tell what the policy would do, step by step, and do nothing.
    #[command(subcommand)]
    Explain(ExplainVerb),
    /// Ask whether a message is authentic.
    #[command(subcommand)]
    Authentication(AuthenticationVerb),
    /// Reports about authenticity and TLS, of others and to others.
    #[command(subcommand)]
    Report(ReportVerb),
    /// Mail that waits.
    #[command(subcommand)]
    Queue(QueueVerb),
    /// Spam and virus filters.
    #[command(subcommand)]
    Filter(FilterVerb),
    /// An account's mailboxes and who may use them.
    #[command(subcommand)]
    Mailbox(MailboxVerb),
    /// Messages in mailboxes, what was expunged, and what happened on the way.
    #[command(subcommand)]
    Message(MessageVerb),
    /// The partitions that keep mail.
    #[command(subcommand)]
    Partition(PartitionVerb),
    /// Sieve scripts: keep people's, check them, and try them on messages.
    #[command(subcommand)]
    Sieve(SieveVerb),
    /// What the meter counts, and of whom.
    #[command(subcommand)]
    Meter(MeterVerb),
    /// What the greylister decided, what it remembers, and forgetting.
    #[command(subcommand)]
    Greylist(GreylistVerb),
    /// Check, repair and rewrite the store.
    #[command(subcommand)]
    Store(StoreVerb),
    /// Tell how the server is.
    Status,
    /// Have the server read its settings and certificates again; connections stay.
    Reload,
    /// Have the server finish what it does and end.
    Stop,
    /// Print what a shell needs to complete this program's commands.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page, or write one for each command into a folder.
    Man {
        /// The folder.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}
