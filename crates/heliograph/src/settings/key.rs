//! What may be written: one [`Key`] for each setting, from which checking, `config explain`, the manual and the book's
//! chapter are all made.

use std::fmt;
use std::time::Duration;

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name: `server.host`; in a list of tables, `listeners[].address`.
    pub path: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Its default as TOML writes it; empty means that it is unset.
    pub default: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// A value as TOML writes it.
    pub example: &'static str,
    /// When a change takes effect.
    pub effect: Effect,
}

/// When a changed setting takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// At the next reload.
    Reload,
    /// At the next start.
    Restart,
}

/// What a setting takes.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "the set is complete by kind, not by use")]
pub enum Kind {
    /// Any text.
    Text,
    /// A text that is never shown. May be written `KEY_file = PATH` or `KEY_env = NAME` instead.
    Secret,
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Number {
        /// The least.
        min: i64,
        /// The most.
        max: i64,
    },
    /// Octets: a number, or a text such as `"50 MiB"`.
    Size {
        /// The least, in octets.
        min: u64,
        /// The most, in octets.
        max: u64,
    },
    /// A time: `"30s"`, `"5m"`, `"3d"`.
    Time {
        /// The shortest.
        min: Duration,
        /// The longest.
        max: Duration,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// The path of a file or folder; a relative one starts at the settings file's folder.
    FilePath,
    /// A domain name.
    Domain,
    /// Where to listen.
    Listen,
    /// An Internet address and port.
    Socket,
    /// An Internet address.
    Ip,
    /// A range of addresses.
    Network,
    /// An entry of the table of names.
    NameEntry,
    /// File permissions in octal digits.
    Mode,
    /// Several of a kind.
    List(&'static Kind),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Text => f.write_str("text"),
            Kind::Secret => f.write_str("secret text (or KEY_file = \"PATH\", or KEY_env = \"VARIABLE\")"),
            Kind::Flag => f.write_str("true or false"),
            Kind::Number { min, max } => write!(f, "a whole number from {min} to {max}"),
            Kind::Size { min, max } => {
                write!(f, "a size from {} to {}, such as \"50 MiB\"", model::ByteSize(*min), model::ByteSize(*max))
            }
            Kind::Time { min, max } => {
                write!(f, "a time from {} to {}, such as \"30s\" or \"3d\"", written(*min), written(*max))
            }
            Kind::Choice(words) => write!(f, "one of {}", quoted(words)),
            Kind::FilePath => f.write_str("a path"),
            Kind::Domain => f.write_str("a domain name"),
            Kind::Listen => f.write_str("where to listen, such as \"*:25\", \"127.0.0.1:25\" or \"unix:/path\""),
            Kind::Socket => f.write_str("an address and port, such as \"192.0.2.1:53\" or \"[2001:db8::1]:53\""),
            Kind::Ip => f.write_str("an address, such as \"192.0.2.1\" or \"2001:db8::1\""),
            Kind::Network => f.write_str("a range of addresses, such as \"10.0.0.0/8\""),
            Kind::NameEntry => f.write_str("an entry such as \"example.org mx 10 mx.example.org\""),
            Kind::Mode => f.write_str("file permissions in octal digits, such as \"660\""),
            Kind::List(kind) => write!(f, "a list of: {kind}"),
        }
    }
}

/// A time as a settings file writes it.
pub fn written(time: Duration) -> String {
    humantime::format_duration(time).to_string().replace(' ', "").replace("days", "d").replace("day", "d")
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}
