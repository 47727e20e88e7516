//! The log, on standard error: lines for people, or JSON for programs.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::failure::Failure;
use crate::settings::sections::log::Log;

/// Starts the log. A filter that cannot be read is refused.
///
/// # Errors
/// What is wrong with the filter.
pub fn start(log: &Log) -> Result<(), Failure> {
    let filter =
        EnvFilter::try_new(&log.filter).map_err(|error| Failure::failed("log.filter cannot be used").because(error))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if log.json {
        lines.json().flatten_event(true).init();
    } else {
        let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        lines.with_ansi(colours).init();
    }
    Ok(())
}
