//! Writing to standard output: the only place that does, so that a closed pipe ends a listing quietly.

use std::io::Write;

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
