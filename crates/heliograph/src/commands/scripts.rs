//! `heliograph sieve list|show|put|delete|activate|deactivate|administrators`.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::PathBuf;

use clap::Subcommand;

use crate::commands::show::show;
use crate::context::Context;
use crate::control::client;
use crate::control::request::Request;
use crate::failure::Failure;
use crate::terminal::confirm;
use crate::verbs::scripts::{ScriptRequest, ShownAdministrators, ShownScript, ShownScripts};

/// What can be done with people's scripts.
#[derive(Clone, Debug, Subcommand)]
pub enum ScriptVerb {
    /// List an account's scripts, and tell when one failed last.
    List {
        /// The account's address.
        account: String,
    },
    /// Print what a script says.
    Show {
        /// The account's address.
        account: String,
        /// The script's name, unless the active one is meant.
        name: Option<String>,
    },
    /// Check a script and store it, in the place of one of the same name.
    Put {
        /// The account's address.
        account: String,
        /// The script's name.
        name: String,
        /// The file; - is the standard input.
        file: PathBuf,
        /// Have it run from now on when mail comes.
        #[arg(long)]
        activate: bool,
    },
    /// Delete a script that is not active.
    Delete {
        /// The account's address.
        account: String,
        /// The script's name.
        name: String,
    },
    /// Have a script run when mail comes; no other of the account does then.
    Activate {
        /// The account's address.
        account: String,
        /// The script's name.
        name: String,
    },
    /// Have none of the account's scripts run.
    Deactivate {
        /// The account's address.
        account: String,
    },
    /// List the administrator's own scripts as they are run now, and those that cannot be.
    Administrators,
}

/// Does it.
///
/// # Errors
/// Why it was not done.
pub fn run(verb: ScriptVerb, context: &Context) -> Result<(), Failure> {
    let ask = |request: ScriptRequest| client::ask(context, Request::Script(request));
    match verb {
        ScriptVerb::List { account } => show(context, ask(ScriptRequest::List { account })?, |all| listing(&all)),
        ScriptVerb::Show { account, name } => {
            show(context, ask(ScriptRequest::Show { account, name })?, |text: String| text)
        }
        ScriptVerb::Put { account, name, file, activate } => {
            let text = read(&file)?;
            ask(ScriptRequest::Put { account: account.clone(), name: name.clone(), text })?;
            if activate {
                ask(ScriptRequest::Activate { account, name: Some(name) })?;
            }
            Ok(())
        }
        ScriptVerb::Delete { account, name } => {
            confirm(context, &format!("Delete the script {name} of {account}?"))?;
            ask(ScriptRequest::Delete { account, name }).map(drop)
        }
        ScriptVerb::Activate { account, name } => ask(ScriptRequest::Activate { account, name: Some(name) }).map(drop),
        ScriptVerb::Deactivate { account } => ask(ScriptRequest::Activate { account, name: None }).map(drop),
        ScriptVerb::Administrators => {
            show(context, ask(ScriptRequest::Administrators)?, |all: Vec<ShownAdministrators>| {
                all.iter()
                    .map(|one| match &one.problem {
                        Some(problem) => format!("{:<32} not run: {problem}\n", one.name),
                        None => format!("{}\n", one.name),
                    })
                    .collect()
            })
        }
    }
}

fn read(file: &PathBuf) -> Result<String, Failure> {
    let failed = |error| Failure::failed(format!("cannot read the script {}", file.display())).because(error);
    if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(failed)?;
        return Ok(text);
    }
    std::fs::read_to_string(file).map_err(failed)
}

fn listing(all: &ShownScripts) -> String {
    let mut text: String = all.scripts.iter().map(line).collect();
    if let Some(trouble) = &all.last_failure {
        let _infallible = writeln!(
            text,
            "\nlast failure {}: {}, line {}: {} (the mail was kept)",
            trouble.at, trouble.script, trouble.line, trouble.reason
        );
    }
    text
}

fn line(script: &ShownScript) -> String {
    let mark = if script.active { "active" } else { "" };
    format!("{:<32} {:>8} octets  {}  {mark}\n", script.name, script.octets, script.changed)
}
