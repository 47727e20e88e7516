//! Why a command did not do what it was asked, and with which exit code it ends.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::settings::problem::Problems;

/// A command's failure.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
    causes: Vec<String>,
}

/// The exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Exit {
    /// It failed: 1.
    Failed,
    /// It was asked wrongly: 2.
    Usage,
    /// It failed now and may work later: 75 (EX_TEMPFAIL).
    Temporary,
}

impl Failure {
    /// It ends with `exit`.
    pub fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure { exit, message: message.into(), causes: Vec::new() }
    }

    /// How it ends.
    pub fn exit(&self) -> Exit {
        self.exit
    }
    /// It failed.
    pub fn failed(message: impl Into<String>) -> Failure {
        Failure { exit: Exit::Failed, message: message.into(), causes: Vec::new() }
    }

    /// It was asked wrongly.
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure { exit: Exit::Usage, message: message.into(), causes: Vec::new() }
    }

    /// It failed now and may work later.
    pub fn temporary(message: impl Into<String>) -> Failure {
        Failure { exit: Exit::Temporary, message: message.into(), causes: Vec::new() }
    }

    /// The same with its cause, and the causes of that.
    #[must_use]
    pub fn because(mut self, cause: impl std::error::Error) -> Failure {
        self.causes.push(cause.to_string());
        let mut next = cause.source();
        while let Some(cause) = next {
            self.causes.push(cause.to_string());
            next = cause.source();
        }
        self
    }

    /// The exit code.
    pub fn exit_code(&self) -> u8 {
        match self.exit {
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Temporary => 75,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message.trim_end())?;
        // An error often repeats its cause's words; say each thing once.
        let mut last = self.message.as_str();
        for cause in &self.causes {
            if !last.ends_with(cause.as_str()) {
                write!(f, ": {cause}")?;
            }
            last = cause;
        }
        Ok(())
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Failure {
        Failure::failed(problems.to_string())
    }
}
