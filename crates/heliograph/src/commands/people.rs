//! `heliograph domain`, `account`, `alias` and `group`.

use std::fmt::Write as _;
use std::io::{BufRead, IsTerminal};

use clap::Subcommand;
use directory::entry::Name;
use model::ByteSize;
use serde_json::Value;

use crate::context::Context;
use crate::control::client;
use crate::control::request::Request;
use crate::failure::Failure;
use crate::terminal::{confirm, print};
use crate::verbs::people::{PeopleRequest, ShownAccount};

/// What can be done with domains.
#[derive(Debug, Subcommand)]
pub enum DomainVerb {
    /// Make a domain ours: mail for it is taken.
    Add {
        /// Such as example.org.
        domain: String,
    },
    /// List our domains.
    List,
    /// Give a domain up; it must have no accounts, aliases or groups left.
    Remove {
        /// Such as example.org.
        domain: String,
    },
}

/// What can be done with accounts.
#[derive(Debug, Subcommand)]
pub enum AccountVerb {
    /// Make an account. Asks for its password unless it comes on standard input.
    Add {
        /// Its address, which is also its name to log in.
        address: String,
        /// What people call its owner.
        #[arg(long, default_value = "")]
        name: String,
        /// Read the password from the first line of standard input.
        #[arg(long)]
        password_stdin: bool,
        /// Without a password: nobody can log in.
        #[arg(long, conflicts_with = "password_stdin")]
        no_password: bool,
        /// user, domain-administrator, administrator, auditor.
        #[arg(long, value_delimiter = ',')]
        role: Vec<String>,
        /// How much it may keep, such as "5 GiB".
        #[arg(long)]
        quota: Option<ByteSize>,
        /// The partition that keeps its mail.
        #[arg(long)]
        partition: Option<String>,
    },
    /// List accounts.
    List {
        /// Only those whose address or name holds this.
        #[arg(long)]
        holding: Option<String>,
        /// Only those after this address.
        #[arg(long)]
        after: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Set an account's password. Asks for it unless it comes on standard input.
    Password {
        /// The account.
        address: String,
        /// Read the password from the first line of standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Suspend an account: nobody logs in, and mail is put off.
    Suspend {
        /// The account.
        address: String,
    },
    /// Let a suspended or deleted account be used again.
    Activate {
        /// The account.
        address: String,
    },
    /// Delete an account; until it is forgotten it can be activated again.
    Delete {
        /// The account.
        address: String,
    },
}

/// What can be done with aliases and groups.
#[derive(Debug, Subcommand)]
pub enum NameVerb {
    /// Make or replace one.
    Set {
        /// Its address.
        address: String,
        /// The addresses behind it.
        #[arg(required = true)]
        members: Vec<String>,
    },
    /// List them.
    List,
    /// Take one away.
    Remove {
        /// Its address.
        address: String,
    },
}

/// `heliograph domain`.
///
/// # Errors
/// Why it was not done.
pub fn domain(verb: DomainVerb, context: &Context) -> Result<(), Failure> {
    match verb {
        DomainVerb::Add { domain } => done(context, PeopleRequest::AddDomain { domain }),
        DomainVerb::Remove { domain } => {
            confirm(context, &format!("Give up the domain {domain}?"))?;
            done(context, PeopleRequest::RemoveDomain { domain })
        }
        DomainVerb::List => {
            let report = ask(context, PeopleRequest::ListDomains)?;
            show(context, report, |names: Vec<String>| names.iter().map(|name| format!("{name}\n")).collect())
        }
    }
}

/// `heliograph account`.
///
/// # Errors
/// Why it was not done.
pub fn account(verb: AccountVerb, context: &Context) -> Result<(), Failure> {
    let status = |address: String, status: &str| {
        let report = ask(context, PeopleRequest::SetStatus { address, status: status.to_owned() })?;
        show(context, report, |account: ShownAccount| table(&[account]))
    };
    match verb {
        AccountVerb::Add { address, name, password_stdin, no_password, role, quota, partition } => {
            let password = if no_password { None } else { Some(password(password_stdin)?) };
            let quota_octets = quota.map(ByteSize::octets);
            let request = PeopleRequest::AddAccount { address, name, password, roles: role, quota_octets, partition };
            let report = ask(context, request)?;
            show(context, report, |account: ShownAccount| table(&[account]))
        }
        AccountVerb::List { holding, after, limit } => {
            let report = ask(context, PeopleRequest::ListAccounts { holding, after, limit })?;
            show(context, report, |accounts: Vec<ShownAccount>| table(&accounts))
        }
        AccountVerb::Password { address, password_stdin } => {
            done(context, PeopleRequest::SetPassword { address, password: password(password_stdin)? })
        }
        AccountVerb::Suspend { address } => status(address, "suspended"),
        AccountVerb::Activate { address } => status(address, "active"),
        AccountVerb::Delete { address } => {
            confirm(context, &format!("Delete the account {address}?"))?;
            status(address, "deleted")
        }
    }
}

/// `heliograph alias` and `heliograph group`.
///
/// # Errors
/// Why it was not done.
pub fn names(verb: NameVerb, groups: bool, context: &Context) -> Result<(), Failure> {
    match verb {
        NameVerb::Set { address, members } => {
            let name =
                if groups { Name::Group { title: String::new(), members } } else { Name::Alias { targets: members } };
            done(context, PeopleRequest::SetName { address, name })
        }
        NameVerb::Remove { address } => {
            confirm(context, &format!("Remove {address}?"))?;
            done(context, PeopleRequest::RemoveName { address })
        }
        NameVerb::List => {
            let report = ask(context, PeopleRequest::ListNames { groups })?;
            show(context, report, |names: Vec<(String, Name)>| {
                let mut text = String::new();
                for (address, name) in names {
                    let (Name::Alias { targets: members } | Name::Group { members, .. }) = name else { continue };
                    let _infallible = writeln!(text, "{address:<32} {}", members.join(" "));
                }
                text
            })
        }
    }
}

fn ask(context: &Context, request: PeopleRequest) -> Result<Value, Failure> {
    client::ask(context, Request::People(request))
}

fn done(context: &Context, request: PeopleRequest) -> Result<(), Failure> {
    ask(context, request).map(|_| ())
}

fn show<T: serde::de::DeserializeOwned>(
    context: &Context,
    report: Value,
    text: impl FnOnce(T) -> String,
) -> Result<(), Failure> {
    if context.json {
        return print(&format!("{report}\n"));
    }
    let value = serde_json::from_value(report).map_err(|error| Failure::failed("a strange report").because(error))?;
    print(&text(value))
}

fn table(accounts: &[ShownAccount]) -> String {
    let mut text = String::new();
    for account in accounts {
        let quota = account.quota_octets.map_or_else(String::new, |octets| format!(" of {}", ByteSize(octets)));
        let _infallible = writeln!(
            text,
            "{:<32} {:<10} {:<24} {:<12} {} messages, {} KiB{quota}",
            account.address,
            account.status,
            account.roles.join(","),
            account.partition,
            account.messages,
            account.octets.div_ceil(1024),
        );
    }
    text
}

/// A password that is never an argument: from standard input, or asked for twice.
fn password(from_stdin: bool) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::failed("cannot read the password").because(error);
    if from_stdin {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map_err(failed)?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage("no terminal to ask for the password; give --password-stdin"));
    }
    let first = rpassword::prompt_password("password: ").map_err(failed)?;
    let second = rpassword::prompt_password("once more: ").map_err(failed)?;
    if first == second { Ok(first) } else { Err(Failure::usage("the two passwords differ")) }
}
