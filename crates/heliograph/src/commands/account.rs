//! `heliograph account`.

use std::fmt::Write as _;
use std::io::{BufRead, IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use model::ByteSize;
use serde_json::Value;

use crate::commands::show::{parse, show};
use crate::context::Context;
use crate::control::client;
use crate::control::request::Request;
use crate::failure::Failure;
use crate::operations::report;
use crate::terminal::{confirm, print};
use crate::verbs::account::{AccountDetail, AccountRequest, Imported};
use crate::verbs::page::Page;
use crate::verbs::people::{PeopleRequest, ShownAccount};

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
    List(Page),
    /// Show one in detail.
    Show {
        /// The account.
        address: String,
    },
    /// Change what is given.
    Set(Changes),
    /// Set an account's password. Asks for it unless it comes on standard input.
    Password {
        /// The account.
        address: String,
        /// Read the password from the first line of standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Passwords for programs.
    #[command(subcommand)]
    AppPassword(AppPasswordVerb),
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
    /// Forget a deleted account with all its mail now, without waiting for its grace period.
    Forget {
        /// The account.
        address: String,
    },
    /// Print every account, without passwords.
    Export {
        /// The form.
        #[arg(long, value_enum, default_value = "csv")]
        format: Format,
    },
    /// Make accounts from a file; each line that cannot be used is told with its number.
    Import {
        /// The file; - is standard input. CSV begins with a line that names its columns: address, name, password, roles,
        /// quota_octets, quota_messages, partition, state.
        file: PathBuf,
        /// The form; unless given, .jsonl and .json files hold JSON lines, all others CSV.
        #[arg(long, value_enum)]
        format: Option<Format>,
        /// Only say what would be done.
        #[arg(long)]
        dry_run: bool,
    },
}

/// What of an account is changed.
#[derive(Debug, Args)]
pub struct Changes {
    /// The account.
    address: String,
    /// What people call its owner.
    #[arg(long)]
    name: Option<String>,
    /// user, domain-administrator, administrator, auditor.
    #[arg(long, value_delimiter = ',')]
    role: Option<Vec<String>>,
    /// How much it may keep, such as "5 GiB", or none.
    #[arg(long)]
    quota: Option<String>,
    /// How many messages it may keep, or none.
    #[arg(long)]
    quota_messages: Option<String>,
}

/// What can be done with application passwords.
#[derive(Debug, Subcommand)]
pub enum AppPasswordVerb {
    /// Make one; it is printed once and never again.
    Add {
        /// The account.
        address: String,
        /// What its owner calls it, such as "phone".
        name: String,
    },
    /// List an account's application passwords by name.
    List {
        /// The account.
        address: String,
    },
    /// Take one away.
    Remove {
        /// The account.
        address: String,
        /// Its name.
        name: String,
    },
}

/// The form of a file of accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Comma-separated values with a header line.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

/// Does it.
///
/// # Errors
/// Why it was not done.
pub fn run(verb: AccountVerb, context: &Context) -> Result<(), Failure> {
    match verb {
        AccountVerb::Add { address, name, password_stdin, no_password, role, quota, partition } => {
            let password = if no_password { None } else { Some(password(password_stdin)?) };
            let quota_octets = quota.map(ByteSize::octets);
            let request = PeopleRequest::AddAccount { address, name, password, roles: role, quota_octets, partition };
            show(context, people(context, request)?, |account: ShownAccount| table(&[account]))
        }
        AccountVerb::List(page) => {
            let report = people(context, PeopleRequest::ListAccounts(page))?;
            show(context, report, |accounts: Vec<ShownAccount>| table(&accounts))
        }
        AccountVerb::Show { address } => {
            show(context, ask(context, AccountRequest::Show { address })?, |account: AccountDetail| detail(&account))
        }
        AccountVerb::Set(changes) => set(changes, context),
        AccountVerb::Password { address, password_stdin } => {
            let password = password(password_stdin)?;
            people(context, PeopleRequest::SetPassword { address, password }).map(drop)
        }
        AccountVerb::AppPassword(verb) => app_password(verb, context),
        AccountVerb::Suspend { address } => status(context, address, "suspended"),
        AccountVerb::Activate { address } => status(context, address, "active"),
        AccountVerb::Delete { address } => {
            confirm(context, &format!("Delete the account {address}?"))?;
            status(context, address, "deleted")
        }
        AccountVerb::Forget { address } => {
            confirm(context, &format!("Forget {address} and all its mail? This cannot be undone."))?;
            ask(context, AccountRequest::Forget { address }).map(drop)
        }
        AccountVerb::Export { format } => {
            let report = ask(context, AccountRequest::Export { json_lines: format == Format::Jsonl })?;
            print(&parse::<String>(report)?)
        }
        AccountVerb::Import { file, format, dry_run } => import(&file, format, dry_run, context),
    }
}

fn ask(context: &Context, request: AccountRequest) -> Result<Value, Failure> {
    client::ask(context, Request::Account(request))
}

fn people(context: &Context, request: PeopleRequest) -> Result<Value, Failure> {
    client::ask(context, Request::People(request))
}

fn status(context: &Context, address: String, status: &str) -> Result<(), Failure> {
    let report = people(context, PeopleRequest::SetStatus { address, status: status.to_owned() })?;
    show(context, report, |account: ShownAccount| table(&[account]))
}

fn set(changes: Changes, context: &Context) -> Result<(), Failure> {
    let Changes { address, name, role, quota, quota_messages } = changes;
    if name.is_none() && role.is_none() && quota.is_none() && quota_messages.is_none() {
        return Err(Failure::usage("say what to change: --name, --role, --quota or --quota-messages"));
    }
    let octets = |text: &str| text.parse::<ByteSize>().map(ByteSize::octets).map_err(|error| error.to_string());
    let count = |text: &str| text.parse::<u64>().map_err(|error| error.to_string());
    let request = AccountRequest::Set {
        address,
        name,
        roles: role,
        quota_octets: quota.map(|text| limit("--quota", &text, octets)).transpose()?,
        quota_messages: quota_messages.map(|text| limit("--quota-messages", &text, count)).transpose()?,
    };
    show(context, ask(context, request)?, |account: AccountDetail| detail(&account))
}

/// A number, or `none` for no limit.
fn limit(option: &str, text: &str, read: impl Fn(&str) -> Result<u64, String>) -> Result<Option<u64>, Failure> {
    if text == "none" {
        return Ok(None);
    }
    read(text).map(Some).map_err(|why| Failure::usage(format!("{option} {text}: {why}")))
}

fn app_password(verb: AppPasswordVerb, context: &Context) -> Result<(), Failure> {
    match verb {
        AppPasswordVerb::Add { address, name } => {
            let report = ask(context, AccountRequest::AddApplicationPassword { address, name })?;
            show(context, report, |password: String| format!("{password}\n"))
        }
        AppPasswordVerb::List { address } => {
            let account: AccountDetail = parse(ask(context, AccountRequest::Show { address })?)?;
            show(context, report(&account.application_passwords)?, |all: Vec<(String, String)>| {
                all.iter().map(|(name, created)| format!("{name:<32} {created}\n")).collect()
            })
        }
        AppPasswordVerb::Remove { address, name } => {
            confirm(context, &format!("Take the application password {name} of {address} away?"))?;
            ask(context, AccountRequest::RemoveApplicationPassword { address, name }).map(drop)
        }
    }
}

fn import(file: &Path, format: Option<Format>, dry_run: bool, context: &Context) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("cannot read {}", file.display())).because(error);
    let text = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).map_err(failed)?;
        text
    } else {
        std::fs::read_to_string(file).map_err(failed)?
    };
    let is_json = file.extension().is_some_and(|extension| extension == "jsonl" || extension == "json");
    let json_lines = format.map_or(is_json, |format| format == Format::Jsonl);
    let report = ask(context, AccountRequest::Import { text, json_lines, dry_run })?;
    let imported: Imported = parse(report.clone())?;
    show(context, report, |imported: Imported| {
        let mut text = String::new();
        for (line, why) in &imported.refused {
            let _infallible = writeln!(text, "line {line}: {why}");
        }
        let would = if dry_run { "would be made" } else { "made" };
        let _infallible =
            writeln!(text, "{} accounts {would}, {} lines refused", imported.made, imported.refused.len());
        text
    })?;
    match imported.refused.len() {
        0 => Ok(()),
        count => Err(Failure::failed(format!("{count} lines could not be used"))),
    }
}

fn detail(account: &AccountDetail) -> String {
    let mut text = String::new();
    let shown = &account.account;
    let quota = shown.quota_octets.map_or_else(String::new, |octets| format!(" of {}", ByteSize(octets)));
    let most = account.quota_messages.map_or_else(String::new, |count| format!(" of {count}"));
    let mut line = |name: &str, value: String| {
        let _infallible = writeln!(text, "{name:<14} {value}");
    };
    line("address", shown.address.clone());
    line("name", shown.name.clone());
    line("number", account.id.to_string());
    line("status", shown.status.clone());
    if let Some(deleted) = &account.deleted {
        line("deleted", deleted.clone());
    }
    line("roles", shown.roles.join(", "));
    line("partition", shown.partition.clone());
    line("keeps", format!("{}{quota}", ByteSize(shown.octets)));
    line("messages", format!("{}{most}", shown.messages));
    line("made", account.created.clone());
    line("password", if account.has_password { "set".to_owned() } else { "none".to_owned() });
    for (name, created) in &account.application_passwords {
        line("app password", format!("{name}, made {created}"));
    }
    text
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
