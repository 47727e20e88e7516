//! Writing to standard output: the only place that does, so that a closed pipe ends a listing quietly.

use std::io::{BufRead, IsTerminal, Write};

use crate::context::Context;
use crate::failure::Failure;

/// Prints a text as it is.
///
/// # Errors
/// That standard output takes nothing; a reader that went away is none.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::failed("cannot write to standard output").because(error))
        }
        _ => Ok(()),
    }
}

/// Prints a failure to standard error.
pub fn complain(failure: &Failure) {
    let mut out = std::io::stderr().lock();
    // Nobody is left to be told when standard error is gone.
    let _unheard = writeln!(out, "heliograph: {failure}");
}

/// Asks before doing what cannot be undone, unless `--yes` was given.
///
/// # Errors
/// That the answer is no, or that nobody can be asked.
pub fn confirm(context: &Context, question: &str) -> Result<(), Failure> {
    if context.yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage("no terminal to ask on; give --yes to do it without asking"));
    }
    print(&format!("{question} [y/N] "))?;
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|error| Failure::failed("cannot read the answer").because(error))?;
    if answer.trim().eq_ignore_ascii_case("y") { Ok(()) } else { Err(Failure::failed("nothing was done")) }
}
