//! The verbs of the command line: one file for each noun.

pub mod config;
pub mod program;
