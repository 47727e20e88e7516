//! `heliograph sieve`: scripts checked and tried without a server.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::{Args, Subcommand};
use message::{address, header};
use model::Timestamp;

use crate::commands::scripts::{self, ScriptVerb};
use crate::context::Context;
use crate::failure::Failure;
use crate::terminal::print;
use crate::verbs::sieve::{Author, CheckReport, RunAction, RunReport, RunTarget, World, check, run as run_script};

/// What can be done with Sieve scripts.
#[derive(Clone, Debug, Subcommand)]
pub enum SieveVerb {
    /// Tell whether a script can be run, and if not, where it is wrong and why. Needs no server.
    Check {
        /// The script; - is standard input.
        script: PathBuf,
        /// Allow what only administrators' scripts may require.
        #[arg(long)]
        administrator: bool,
    },
    /// Run a script on a message and print what would be done. Nothing is done, and no server is needed.
    Run(#[command(flatten)] Box<Trial>),
    /// The same with each step and its line.
    Trace(#[command(flatten)] Box<Trial>),
    /// What is done with scripts that are kept.
    #[command(flatten)]
    Kept(ScriptVerb),
}

/// A script, a message, and what the world says.
#[derive(Clone, Debug, Args)]
pub struct Trial {
    /// The script; - is standard input.
    pub script: PathBuf,
    /// The message.
    pub message: PathBuf,
    /// The envelope sender, "" for the null sender. Unless given: Return-Path or From of the message.
    #[arg(long, value_name = "ADDRESS")]
    pub envelope_from: Option<String>,
    /// The envelope recipient. Unless given: Envelope-To, Delivered-To or To of the message.
    #[arg(long, value_name = "ADDRESS")]
    pub envelope_to: Option<String>,
    /// Who authenticated to send it.
    #[arg(long, value_name = "NAME")]
    pub authenticated: Option<String>,
    /// Such as 2026-11-24T08:00:00Z, instead of now.
    #[arg(long, value_name = "TIME")]
    pub now: Option<humantime::Timestamp>,
    /// The zone of the server, in minutes east of UTC.
    #[arg(long, value_name = "MINUTES", default_value_t = 0, allow_negative_numbers = true)]
    pub zone_minutes: i16,
    /// What stands between user and detail of an address.
    #[arg(long, value_name = "CHARACTER", default_value_t = '+')]
    pub separator: char,
    /// An item of environment, NAME=VALUE; can be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    pub environment: Vec<String>,
    /// How much the message is like spam, 0 to 100.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub spam: Option<u8>,
    /// The virus level, 1 to 5.
    #[arg(long, value_name = "LEVEL", value_parser = clap::value_parser!(u8).range(1..=5))]
    pub virus: Option<u8>,
    /// How many addresses one run may redirect to.
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    pub redirects: usize,
    /// A mailbox that is there; can be repeated.
    #[arg(long, value_name = "NAME")]
    pub mailbox: Vec<String>,
    /// A value of an external list, LIST=VALUE; can be repeated.
    #[arg(long, value_name = "LIST=VALUE")]
    pub list: Vec<String>,
    /// A value that duplicate has seen before; can be repeated.
    #[arg(long, value_name = "VALUE")]
    pub duplicate: Vec<String>,
    /// An annotation, MAILBOX:NAME=VALUE, or :NAME=VALUE for one of the server; can be repeated.
    #[arg(long, value_name = "MAILBOX:NAME=VALUE")]
    pub metadata: Vec<String>,
    /// A folder with the user's scripts for include, NAME.sieve each.
    #[arg(long, value_name = "DIR")]
    pub scripts: Option<PathBuf>,
    /// A folder with the server's scripts for include :global.
    #[arg(long, value_name = "DIR")]
    pub global_scripts: Option<PathBuf>,
    /// Allow what only administrators' scripts may require.
    #[arg(long)]
    pub administrator: bool,
}

/// The largest script file that is read, in octets.
const SCRIPT_OCTETS_MAX: u64 = 1 << 20;
/// The largest message file that is read, in octets.
const MESSAGE_OCTETS_MAX: u64 = 256 << 20;
/// Scripts of a folder that are read, at most.
const SCRIPTS_MAX: usize = 1000;

/// Does it.
///
/// # Errors
/// Why not, or that the script is wrong.
pub fn run(verb: SieveVerb, context: &Context) -> Result<(), Failure> {
    match verb {
        SieveVerb::Check { script, administrator } => show_check(&script, author(administrator), context),
        SieveVerb::Run(trial) => show_run(&trial, false, context),
        SieveVerb::Trace(trial) => show_run(&trial, true, context),
        SieveVerb::Kept(verb) => scripts::run(verb, context),
    }
}

fn author(is_administrator: bool) -> Author {
    if is_administrator { Author::Administrator } else { Author::User }
}

fn show_check(file: &Path, author: Author, context: &Context) -> Result<(), Failure> {
    let report = check(&read(file, SCRIPT_OCTETS_MAX)?, author);
    let name = file.display();
    if context.json {
        print(&format!("{}\n", serde_json::json!(report)))?;
    }
    match report {
        CheckReport { problem: Some(problem), line, column, .. } => {
            Err(Failure::failed(format!("{name}:{line}:{column}: {problem}")))
        }
        _ if context.json => Ok(()),
        CheckReport { requires, operations, .. } => {
            let requires = if requires.is_empty() { "nothing".to_owned() } else { requires.join(", ") };
            print(&format!("{name}: can be run; {operations} operations, requires {requires}\n"))
        }
    }
}

fn show_run(trial: &Trial, traces: bool, context: &Context) -> Result<(), Failure> {
    let script = read(&trial.script, SCRIPT_OCTETS_MAX)?;
    let message = read(&trial.message, MESSAGE_OCTETS_MAX)?;
    let world = world(trial, &message)?;
    let report = run_script(&script, &message, &world, author(trial.administrator), traces).map_err(|fault| {
        Failure::failed(format!("{}:{}:{}: {}", trial.script.display(), fault.at.line, fault.at.column, fault.problem))
    })?;
    if context.json {
        return print(&format!("{}\n", serde_json::json!(report)));
    }
    print(&text(&report))
}

fn read(file: &Path, octets_max: u64) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("cannot read {}", file.display())).because(error);
    let mut octets = Vec::new();
    if file.as_os_str() == "-" {
        std::io::stdin().lock().take(octets_max + 1).read_to_end(&mut octets).map_err(failed)?;
    } else {
        std::fs::File::open(file).map_err(failed)?.take(octets_max + 1).read_to_end(&mut octets).map_err(failed)?;
    }
    if octets.len() as u64 > octets_max {
        return Err(Failure::failed(format!("{} is larger than {octets_max} octets", file.display())));
    }
    Ok(octets)
}

fn world(trial: &Trial, message: &[u8]) -> Result<World, Failure> {
    let mut lists: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (list, value) in pairs(&trial.list, "--list", "LIST=VALUE")? {
        lists.entry(list).or_default().insert(value);
    }
    let mut metadata = Vec::new();
    for (place, value) in pairs(&trial.metadata, "--metadata", "MAILBOX:NAME=VALUE")? {
        let wrong = || Failure::usage(format!("--metadata takes MAILBOX:NAME=VALUE, not {place}={value}"));
        let (mailbox, name) = place.split_once(':').ok_or_else(wrong)?;
        metadata.push((mailbox.to_owned(), name.to_owned(), value.clone()));
    }
    let mut environment = standing_environment();
    for (name, value) in pairs(&trial.environment, "--environment", "NAME=VALUE")? {
        environment.retain(|(known, _)| *known != name);
        environment.push((name, value));
    }
    let now = trial.now.map_or_else(SystemTime::now, |now| *now);
    let milliseconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    Ok(World {
        sender: trial.envelope_from.clone().or_else(|| found(message, &["return-path", "from"])),
        recipient: trial.envelope_to.clone().or_else(|| found(message, &["envelope-to", "delivered-to", "to"])),
        authenticated: trial.authenticated.clone(),
        now: Timestamp(u64::try_from(milliseconds).unwrap_or(u64::MAX)),
        offset_minutes: trial.zone_minutes,
        separator: trial.separator,
        environment,
        spam_percent: trial.spam,
        virus: trial.virus,
        redirects_max: trial.redirects,
        mailboxes: trial.mailbox.iter().cloned().collect(),
        lists,
        duplicates: trial.duplicate.iter().cloned().collect(),
        metadata,
        scripts: [scripts(trial.scripts.as_deref())?, scripts(trial.global_scripts.as_deref())?],
    })
}

/// What is so in every delivery (RFC 5183 §4.1), and what is empty outside of IMAP (RFC 6785 §4).
fn standing_environment() -> Vec<(String, String)> {
    let items = [
        ("name", "Heliograph"),
        ("version", env!("CARGO_PKG_VERSION")),
        ("location", "MDA"),
        ("phase", "during"),
        ("imap.user", ""),
        ("imap.email", ""),
        ("imap.cause", ""),
        ("imap.mailbox", ""),
        ("imap.changedflags", ""),
    ];
    items.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

fn pairs(given: &[String], option: &str, form: &str) -> Result<Vec<(String, String)>, Failure> {
    let split = |text: &String| match text.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err(Failure::usage(format!("{option} takes {form}, not {text}"))),
    };
    given.iter().map(split).collect()
}

/// The first address in the first of these fields that is there.
fn found(message: &[u8], names: &[&str]) -> Option<String> {
    let field = names.iter().find_map(|name| header::find(message, name))?;
    let entries = address::parse(field.value);
    address::mailboxes(&entries).next().map(address::Mailbox::address)
}

/// The scripts of a folder: `NAME.sieve` each.
fn scripts(folder: Option<&Path>) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
    let mut scripts = BTreeMap::new();
    let Some(folder) = folder else { return Ok(scripts) };
    let failed = |error: std::io::Error| Failure::failed(format!("cannot read {}", folder.display())).because(error);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_script = path.extension().is_some_and(|extension| extension == "sieve");
        if let Some(name) = path.file_stem().and_then(|name| name.to_str()).filter(|_| is_script) {
            if scripts.len() >= SCRIPTS_MAX {
                return Err(Failure::failed(format!("{} holds more than {SCRIPTS_MAX} scripts", folder.display())));
            }
            scripts.insert(name.to_owned(), read(&path, SCRIPT_OCTETS_MAX)?);
        }
    }
    Ok(scripts)
}

fn text(report: &RunReport) -> String {
    let mut text = String::new();
    for step in &report.trace {
        let script = if step.script.is_empty() { String::new() } else { format!("{}, ", step.script) };
        let _infallible = writeln!(text, "{script}line {}: {}", step.line, step.what);
    }
    if !report.trace.is_empty() {
        text.push('\n');
    }
    if let Some(failure) = &report.failure {
        let script = if failure.script.is_empty() { String::new() } else { format!(" of {:?}", failure.script) };
        let _infallible =
            writeln!(text, "failed at line {}{script}: {}; the message is kept", failure.line, failure.reason);
    }
    for action in &report.actions {
        let _infallible = writeln!(text, "{}", describe(action));
    }
    if report.actions.is_empty() {
        text.push_str("discard: nothing is done with the message\n");
    }
    for value in &report.remembers {
        let _infallible = writeln!(text, "remember {value:?} for duplicate");
    }
    text
}

fn describe(action: &RunAction) -> String {
    let changed = |message: &Option<String>| if message.is_some() { " (changed message)" } else { "" };
    let with =
        |word: &str, value: &Option<String>| value.as_ref().map_or(String::new(), |value| format!(" {word} {value}"));
    match action {
        RunAction::Keep { implicit, flags, message } => {
            let why = if *implicit { " (implicit)" } else { "" };
            format!("keep{why}{}{}", shown_flags(flags), changed(message))
        }
        RunAction::Fileinto { target, message } => format!("fileinto {}{}", shown_target(target), changed(message)),
        RunAction::Redirect { to, list, notify, ret, by, message } => {
            let what = if *list { "redirect to the list" } else { "redirect to" };
            let options = [with("NOTIFY", notify), with("RET", ret), with("BY", by)].concat();
            format!("{what} {to}{options}{}", changed(message))
        }
        RunAction::Reject { reason, extended } => {
            format!("{}: {:?}", if *extended { "ereject" } else { "reject" }, reason.trim_end())
        }
        RunAction::Vacation { seconds, subject, from, reason, fcc, .. } => {
            let copy = fcc.as_ref().map_or(String::new(), |target| format!(", a copy into {}", shown_target(target)));
            let said = [with("subject", subject), with("from", from)].concat();
            format!("vacation, once in {seconds} seconds{said}: {:?}{copy}", reason.trim_end())
        }
        RunAction::Notify { method, importance, message, .. } => {
            format!("notify {method}, importance {importance}{}", with("message", message))
        }
        RunAction::System { name, argument } => format!("{name} {argument}").trim_end().to_owned(),
    }
}

fn shown_flags(flags: &[String]) -> String {
    if flags.is_empty() { String::new() } else { format!(" with the flags {}", flags.join(" ")) }
}

fn shown_target(target: &RunTarget) -> String {
    let id = target.mailbox_id.as_ref().map_or(String::new(), |id| format!(" or the mailbox {id}"));
    let special = target.special_use.as_ref().map_or(String::new(), |used| format!(" or the one for {used}"));
    let create = if target.create { ", made if missing" } else { "" };
    format!("{:?}{id}{special}{create}{}", target.mailbox, shown_flags(&target.flags))
}
