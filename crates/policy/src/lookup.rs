//! What only the outside can tell. A machine yields a [`Lookup`] and goes on with an [`Answer`].

use std::fmt;
use std::net::IpAddr;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// A counter of the meter.
    Meter {
        /// What is done with it.
        routine: MeterRoutine,
        /// The meter's table.
        table: String,
        /// The datum.
        key: String,
    },
    /// Whether a triplet must wait.
    Greylist {
        /// Who connects.
        client: String,
        /// The envelope sender; empty for `<>`.
        sender: String,
        /// The recipient.
        recipient: String,
        /// How the client named itself.
        hello: String,
    },
    /// Whether an address or a name stands on a DNS list (RFC 5782).
    DnsList {
        /// The list's zone.
        zone: String,
        /// The address or name.
        subject: String,
    },
    /// The name of an address, confirmed by looking it up again.
    HostName {
        /// The address.
        address: IpAddr,
    },
    /// Something of the directory.
    Directory {
        /// What.
        field: DirectoryField,
        /// Of whom.
        key: String,
    },
    /// A command that the settings name.
    Command {
        /// Its name there.
        name: String,
        /// What it is given.
        arguments: Vec<String>,
    },
    /// A page over HTTP.
    Http {
        /// Which.
        url: String,
        /// What is sent to it with POST; GET without.
        body: Option<String>,
    },
    /// A line asked of a Unix socket, answered with a line.
    Socket {
        /// The socket's path.
        path: String,
        /// The line.
        line: String,
    },
    /// The next number of a series.
    Sequence {
        /// Its name.
        name: String,
        /// How it is written.
        form: SequenceForm,
    },
    /// A throw of dice: found so often out of a million.
    Chance {
        /// How often.
        millionths: u32,
    },
}

/// How a number of a series is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SequenceForm {
    /// The base, 2 to 36; ten for anything else.
    pub radix: u32,
    /// Digits at least, at most 64.
    pub width: u32,
    /// What it is divided by to keep the rest; 0 for not at all.
    pub modulus: u64,
}

impl SequenceForm {
    /// Writes a number that came in decimal digits; what is none stays as it is.
    pub fn write(self, text: &str) -> String {
        let Ok(mut number) = text.parse::<u64>() else { return text.to_owned() };
        if self.modulus > 0 {
            number %= self.modulus;
        }
        let radix = if (2..=36).contains(&self.radix) { self.radix } else { 10 };
        let mut digits = Vec::new();
        while number > 0 || digits.is_empty() {
            let digit = u32::try_from(number % u64::from(radix)).unwrap_or(0);
            digits.push(char::from_digit(digit, radix).unwrap_or('0').to_ascii_uppercase());
            number /= u64::from(radix);
        }
        while digits.len() < self.width.min(64) as usize {
            digits.push('0');
        }
        digits.into_iter().rev().collect()
    }
}

/// What the meter does with a datum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MeterRoutine {
    /// Counts, and is found when that goes over the quota.
    Throttle,
    /// The same with a rate of its own, as the oldest form writes it.
    ThrottleAt {
        /// So many a minute.
        per_minute: u32,
        /// Whether attempts over the quota count on.
        penalise: bool,
    },
    /// Whether it is over the quota, without counting.
    Query,
    /// Compares the value with a number.
    Test(Comparison, i64),
    /// Adds to the value.
    Adjust(i64),
    /// Adds to the value and compares the sum with a number.
    AdjustAndTest(i64, Comparison, i64),
    /// The value as text.
    Fetch,
    /// Sets the value.
    Store(String),
    /// Forgets the value.
    Remove,
    /// Whether a datum of a greylisting table must wait.
    Greylisting,
}

/// How two numbers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `<`
    Less,
    /// `<=`
    AtMost,
}

/// What the directory is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectoryField {
    /// The main address of an account.
    Address,
    /// An account's name before the `@`.
    User,
    /// `active` or `inactive`.
    Status,
    /// Whether a name is an account, alias or group of ours.
    Exists,
    /// Whether a domain is ours.
    Domain,
    /// The groups of an address, separated by commas.
    Groups,
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Yes, with a text that may be empty.
    Found(String),
    /// No.
    NotFound,
    /// It could not be asked: what depends on it does not match.
    Failed(String),
}

impl Lookup {
    /// Whether asking changes anything outside.
    pub fn has_effect(&self) -> bool {
        match self {
            Lookup::Meter { routine, .. } => {
                !matches!(routine, MeterRoutine::Query | MeterRoutine::Test(..) | MeterRoutine::Fetch)
            }
            Lookup::Greylist { .. } | Lookup::Command { .. } | Lookup::Socket { .. } | Lookup::Sequence { .. } => true,
            Lookup::Http { body, .. } => body.is_some(),
            Lookup::DnsList { .. } | Lookup::HostName { .. } | Lookup::Directory { .. } | Lookup::Chance { .. } => {
                false
            }
        }
    }

    /// The kind in a word, for metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Lookup::Meter { .. } => "meter",
            Lookup::Greylist { .. } => "greylist",
            Lookup::DnsList { .. } => "dns-list",
            Lookup::HostName { .. } => "host-name",
            Lookup::Directory { .. } => "directory",
            Lookup::Command { .. } => "command",
            Lookup::Http { .. } => "http",
            Lookup::Socket { .. } => "socket",
            Lookup::Sequence { .. } => "sequence",
            Lookup::Chance { .. } => "chance",
        }
    }

    /// Whether the answer's text is written in the template language: it may set flags.
    pub fn answers_in_templates(&self) -> bool {
        matches!(self, Lookup::Greylist { .. } | Lookup::Command { .. } | Lookup::Http { .. } | Lookup::Socket { .. })
    }
}

impl Comparison {
    /// Reads `=`, `>`, `>=`, `<` or `<=` in front of a number.
    pub fn read(text: &str) -> Option<(Comparison, i64)> {
        let text = text.trim();
        let signs = [
            (">=", Comparison::AtLeast),
            ("<=", Comparison::AtMost),
            ("==", Comparison::Equal),
            ("=", Comparison::Equal),
            (">", Comparison::Greater),
            ("<", Comparison::Less),
        ];
        let (rest, how) = signs.iter().find_map(|(sign, how)| text.strip_prefix(sign).map(|rest| (rest, *how)))?;
        rest.trim().parse().ok().map(|number| (how, number))
    }

    /// Whether `left` compares so with `right`.
    pub fn holds(self, left: i64, right: i64) -> bool {
        match self {
            Comparison::Equal => left == right,
            Comparison::Greater => left > right,
            Comparison::AtLeast => left >= right,
            Comparison::Less => left < right,
            Comparison::AtMost => left <= right,
        }
    }

    /// How it is written.
    pub fn sign(self) -> &'static str {
        match self {
            Comparison::Equal => "=",
            Comparison::Greater => ">",
            Comparison::AtLeast => ">=",
            Comparison::Less => "<",
            Comparison::AtMost => "<=",
        }
    }
}

impl fmt::Display for MeterRoutine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MeterRoutine::Throttle => f.write_str("throttle"),
            MeterRoutine::ThrottleAt { per_minute, penalise } => {
                write!(f, "throttle{} at {per_minute} a minute", if *penalise { "_p" } else { "" })
            }
            MeterRoutine::Query => f.write_str("query"),
            MeterRoutine::Test(how, number) => write!(f, "test {}{number}", how.sign()),
            MeterRoutine::Adjust(by) => write!(f, "adjust {by:+}"),
            MeterRoutine::AdjustAndTest(by, how, number) => write!(f, "adjust {by:+} and test {}{number}", how.sign()),
            MeterRoutine::Fetch => f.write_str("fetch"),
            MeterRoutine::Store(_) => f.write_str("store"),
            MeterRoutine::Remove => f.write_str("remove"),
            MeterRoutine::Greylisting => f.write_str("greylisting"),
        }
    }
}

impl fmt::Display for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lookup::Meter { routine, table, key } => write!(f, "meter {routine} in {table} of {key}"),
            Lookup::Greylist { client, sender, recipient, .. } => {
                write!(f, "greylist {client}, <{sender}> to <{recipient}>")
            }
            Lookup::DnsList { zone, subject } => write!(f, "DNS list {zone} about {subject}"),
            Lookup::HostName { address } => write!(f, "the name of {address}"),
            Lookup::Directory { field, key } => write!(f, "directory {} of {key}", format!("{field:?}").to_lowercase()),
            Lookup::Command { name, arguments } => write!(f, "command {name} ({})", arguments.join(", ")),
            Lookup::Http { url, body: None } => write!(f, "GET {url}"),
            Lookup::Http { url, body: Some(_) } => write!(f, "POST {url}"),
            Lookup::Socket { path, .. } => write!(f, "socket {path}"),
            Lookup::Sequence { name, .. } => write!(f, "sequence {name}"),
            Lookup::Chance { millionths } => write!(f, "chance of {} %", f64::from(*millionths) / 10_000.0),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Found(text) if text.is_empty() => f.write_str("yes"),
            Answer::Found(text) => write!(f, "yes: {text}"),
            Answer::NotFound => f.write_str("no"),
            Answer::Failed(why) => write!(f, "failed: {why}"),
        }
    }
}
