//! The roof: settings assembled, services wired, roles, operator verbs, command line.
//!
//! A library only so that fuzzing can reach the settings; [`run`] is the whole program.
//!
//! | file | holds |
//! |---|---|
//! | `cli`, `context`, `terminal`, `failure` | what can be typed, what it prints, how it ends |
//! | `settings/` | one TOML file: its keys, checks, explanations and changes |
//! | `roles` | protocols and the parts of the program that speak them |
//! | `compose` | from settings to services, ground to roof |
//! | `serve/` | listening, reloading, ending; the demo |
//! | `verbs/` | one file for each noun of the command line |
//! | `logging`, `notify` | the log; telling systemd |

mod cli;
mod compose;
mod context;
mod failure;
pub mod fuzz;
mod logging;
mod notify;
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
        Verb::Config(verb) => verbs::config::run(verb, context),
        Verb::Completions { shell } => verbs::program::completions(shell),
        Verb::Man { out } => verbs::program::manual(out.as_deref()),
    }
}
