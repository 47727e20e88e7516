//! When something is judged.

use std::fmt;

/// A stage of a session or of a message, in the order in which they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// A connection, before the greeting.
    Connect,
    /// EHLO, HELO or LHLO.
    Hello,
    /// MAIL FROM.
    Mail,
    /// RCPT TO: the recipient as it was given.
    Recipient,
    /// RCPT TO: each address that aliases and groups make of it.
    Expanded,
    /// DATA or the first BDAT, before the octets come.
    Data,
    /// The whole message, before it is acknowledged.
    Message,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Stage; 7] =
        [Stage::Connect, Stage::Hello, Stage::Mail, Stage::Recipient, Stage::Expanded, Stage::Data, Stage::Message];

    /// Its name in rules and reports.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Connect => "connect",
            Stage::Hello => "hello",
            Stage::Mail => "mail",
            Stage::Recipient => "rcpt",
            Stage::Expanded => "expanded",
            Stage::Data => "data",
            Stage::Message => "message",
        }
    }

    /// The stage of a name.
    pub fn from_name(name: &str) -> Option<Stage> {
        Stage::ALL.into_iter().find(|stage| stage.name() == name)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
