//! The program `heliograph`: one binary for a server and for those who operate it.

mod cli;
mod compose;
mod failure;
mod logging;
mod notify;
mod roles;
mod serve;
mod settings;
mod terminal;
mod verbs;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{CommandLine, Context, Verb};
use crate::failure::Failure;

fn main() -> ExitCode {
    let CommandLine { config, data, json, yes, verb } = CommandLine::parse();
    match run(verb, &Context { config, data, json, yes }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            terminal::complain(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(verb: Verb, context: &Context) -> Result<(), Failure> {
    match verb {
        Verb::Serve { role } => serve::serve(context, &role),
        Verb::Demo { any_port } => serve::demo::run(context, any_port),
        Verb::Config(verb) => verbs::config::run(verb, context),
        Verb::Completions { shell } => verbs::program::completions(shell),
        Verb::Man { out } => verbs::program::manual(out.as_deref()),
    }
}
