//! The program `heliograph`: one binary for a server and for those who operate it.

use std::process::ExitCode;

fn main() -> ExitCode {
    heliograph::run()
}
