//! `heliograph filter`.

use std::io::Read as _;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::Subcommand;

use crate::commands::show::show;
use crate::context::Context;
use crate::control::client;
use crate::control::request::Request;
use crate::failure::Failure;
use crate::verbs::filter::{FilterRequest, ShownFilter, ShownVerdict};

/// What can be done with filters.
#[derive(Debug, Subcommand)]
pub enum FilterVerb {
    /// List the filters: number, name, protocol, hosts, and what happens without them.
    List,
    /// Tell how they are: whether they answer, and what they found.
    Status,
    /// Run a message file through the filters, print what each says, and do nothing.
    Test {
        /// The message; - is standard input.
        file: PathBuf,
        /// Its sender.
        #[arg(long, default_value = "")]
        from: String,
        /// A recipient; several are possible.
        #[arg(long = "to", default_value = "postmaster@localhost")]
        recipients: Vec<String>,
        /// From which address it seems to come.
        #[arg(long)]
        client: Option<IpAddr>,
    },
}

/// Does it.
///
/// # Errors
/// Why it was not done.
pub fn run(verb: FilterVerb, context: &Context) -> Result<(), Failure> {
    let ask = |request: FilterRequest| client::ask(context, Request::Filter(request));
    match verb {
        FilterVerb::List => {
            show(context, ask(FilterRequest::List)?, |all: Vec<ShownFilter>| all.iter().map(line).collect())
        }
        FilterVerb::Status => {
            show(context, ask(FilterRequest::List)?, |all: Vec<ShownFilter>| all.iter().map(condition).collect())
        }
        FilterVerb::Test { file, from, recipients, client } => {
            let message = read(&file)?;
            let request = FilterRequest::Test { message, sender: Some(from), recipients, client };
            show(context, ask(request)?, |all: Vec<ShownVerdict>| match all.is_empty() {
                true => "no filter is asked about this message\n".to_owned(),
                false => all.iter().map(verdict).collect(),
            })
        }
    }
}

/// The message, with the line ends that mail has.
fn read(file: &PathBuf) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("cannot read {}", file.display())).because(error);
    let mut octets = Vec::new();
    if file.as_os_str() == "-" {
        std::io::stdin().read_to_end(&mut octets).map_err(failed)?;
    } else {
        octets = std::fs::read(file).map_err(failed)?;
    }
    let text = String::from_utf8(octets).map_err(|error| {
        Failure::usage(format!("{} is not UTF-8: 8-bit mail cannot be tried", file.display())).because(error)
    })?;
    Ok(text.replace("\r\n", "\n").replace('\n', "\r\n"))
}

fn line(filter: &ShownFilter) -> String {
    format!(
        "{} {:<16} {:<8} {}  without it: {}\n",
        filter.number,
        filter.name,
        filter.protocol,
        filter.hosts.join(", "),
        filter.on_failure
    )
}

fn condition(filter: &ShownFilter) -> String {
    let resting = match filter.resting.is_empty() {
        true => String::new(),
        false => format!("  left alone for a moment: {}", filter.resting.join(", ")),
    };
    format!(
        "{} {:<16} {:<8} clean {} found {} no answer {}{resting}\n",
        filter.number,
        filter.name,
        if filter.up { "up" } else { "down" },
        filter.clean,
        filter.found,
        filter.failed
    )
}

fn verdict(said: &ShownVerdict) -> String {
    format!(
        "{} {}\n  verdict  {}\n  said     {}\n  for      {}\n  action   {}\n  then     {}\n",
        said.number,
        said.name,
        said.verdict.as_deref().unwrap_or("none"),
        said.told,
        said.recipients.join(", "),
        said.action.as_deref().unwrap_or("what the filter wants"),
        said.then
    )
}
