//! `heliograph completions` and `heliograph man`: the program about itself.

use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::CommandLine;
use crate::failure::Failure;
use crate::terminal::print;

/// Prints completions for a shell.
///
/// # Errors
/// That they could not be printed.
pub fn completions(shell: Shell) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut CommandLine::command(), "heliograph", &mut text);
    print(&String::from_utf8_lossy(&text))
}

/// Prints the manual page, or writes one for each command.
///
/// # Errors
/// That they could not be written.
pub fn manual(folder: Option<&Path>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::failed("cannot write the manual").because(error);
    if let Some(folder) = folder {
        std::fs::create_dir_all(folder).map_err(failed)?;
        return clap_mangen::generate_to(CommandLine::command(), folder).map_err(failed);
    }
    let mut text = Vec::new();
    clap_mangen::Man::new(CommandLine::command()).render(&mut text).map_err(failed)?;
    print(&String::from_utf8_lossy(&text))
}
