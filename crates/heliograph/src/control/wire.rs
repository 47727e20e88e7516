//! What goes over the administration socket: one line of JSON for the request, then lines of answers, of which the last
//! is `done` or `failed`. It is between one program and itself: both ends are of the same version.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::{Exit, Failure};
use crate::operations::Progress;

/// Octets of a request, at most. Imports of many accounts are the largest.
pub const REQUEST_OCTETS: usize = 64 * 1024 * 1024;

/// A line of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// It goes on.
    Progress(Progress),
    /// It is done.
    Done(Value),
    /// It was not done.
    Failed {
        /// Why.
        message: String,
        /// With which exit code the command ends.
        exit: Exit,
    },
}

impl From<Result<Value, Failure>> for Answer {
    fn from(result: Result<Value, Failure>) -> Answer {
        match result {
            Ok(value) => Answer::Done(value),
            Err(failure) => Answer::Failed { message: failure.to_string(), exit: failure.exit() },
        }
    }
}

impl Answer {
    /// As a line.
    pub fn line(&self) -> Vec<u8> {
        // Serialising strings and numbers into memory cannot fail.
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }
}
