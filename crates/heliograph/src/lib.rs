//! The roof: settings assembled, services wired, roles, operator verbs, command line.
//!
//! A library only so that fuzzing can reach the settings; [`run`] is the whole program.
//!
//! | file | holds |
//! |---|---|
//! | `cli`, `context`, `terminal`, `failure` | what can be typed, what it prints, how it ends |
//! | `settings/` | one TOML file: its keys, checks, explanations and changes |
//! | `roles` | protocols and the parts of the program that speak them |
//! | `compose/` | from settings to services, ground to roof: one file for each floor |
//! | `serve/` | listening, reloading, ending; the demo |
//! | `verbs/`, `operations` | what operators can have done: typed request to typed report, one file for each noun |
//! | `control/` | the way there: the administration socket, or the store itself when no server runs |
//! | `commands/` | the verbs as they are typed and printed |
//! | `greylisting` | the greylister, as the settings have it |
//! | `metering` | the meter, its rules and rates, as the settings have them |
//! | `login_failures` | failed logins, counted by the meter |
//! | `logging`, `notify` | the log; telling systemd |

mod cli;
mod commands;
mod compose;
mod context;
mod control;
mod failure;
pub mod fuzz;
mod greylisting;
mod logging;
mod login_failures;
mod metering;
mod notify;
mod operations;
mod roles;
mod serve;
mod settings;
mod terminal;
mod verbs;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{CommandLine, Verb};
use crate::context::Context;
use crate::failure::Failure;

/// Does what the command line says.
pub fn run() -> ExitCode {
    let CommandLine { config, data, json, yes, verb } = CommandLine::parse();
    match dispatch(verb, &Context { config, data, json, yes }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            terminal::complain(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

fn dispatch(verb: Verb, context: &Context) -> Result<(), Failure> {
    match verb {
        Verb::Serve { role } => serve::serve(context, &role),
        Verb::Demo { any_port } => serve::demo::run(context, any_port),
        Verb::Config(verb) => commands::config::run(verb, context),
        Verb::Domain(verb) => commands::people::domain(verb, context),
        Verb::Account(verb) => commands::account::run(verb, context),
        Verb::Alias(verb) => commands::people::names(verb, false, context),
        Verb::Group(verb) => commands::people::names(verb, true, context),
        Verb::Mapping(verb) => commands::mapping::run(verb, context),
        Verb::Explain(verb) => commands::explain::run(verb, context),
        Verb::Authentication(verb) => commands::authentication::run(verb, context),
        Verb::Report(verb) => commands::report::run(verb, context),
        Verb::Queue(verb) => commands::queue::run(verb, context),
        Verb::Filter(verb) => commands::filter::run(verb, context),
        Verb::Mailbox(verb) => commands::mailbox::run(verb, context),
        Verb::Message(verb) => commands::message::run(verb, context),
        Verb::Partition(verb) => commands::partition::run(verb, context),
        Verb::Sieve(verb) => commands::sieve::run(verb, context),
        Verb::Meter(verb) => commands::meter::run(verb, context),
        Verb::Greylist(verb) => commands::greylist::run(verb, context),
        Verb::Store(verb) => commands::store::run(verb, context),
        Verb::Status => commands::server::show_status(context),
        Verb::Reload => commands::server::reload(context),
        Verb::Stop => commands::server::stop(context),
        Verb::Completions { shell } => commands::program::completions(shell),
        Verb::Man { out } => commands::program::manual(out.as_deref()),
    }
}
