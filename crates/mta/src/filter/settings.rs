//! What the operator chooses for one filter.

use crate::filter::limits::ACTIONS_MAX;
use smtp::server::Kind;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// How a filter is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// The milter protocol, as sendmail and Postfix speak it.
    Milter,
    /// rspamd's own protocol over HTTP (`/checkv2`).
    Rspamd,
    /// SpamAssassin's spamd.
    Spamd,
    /// ClamAV's clamd (`INSTREAM`).
    Clamd,
    /// An ICAP server's response modification (RFC 3507).
    Icap,
}

impl Protocol {
    /// All of them by name.
    pub const NAMES: &[&str] = &["milter", "rspamd", "spamd", "clamd", "icap"];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Milter => "milter",
            Protocol::Rspamd => "rspamd",
            Protocol::Spamd => "spamd",
            Protocol::Clamd => "clamd",
            Protocol::Icap => "icap",
        }
    }

    /// The protocol of a name.
    pub fn from_name(name: &str) -> Option<Protocol> {
        [Protocol::Milter, Protocol::Rspamd, Protocol::Spamd, Protocol::Clamd, Protocol::Icap]
            .into_iter()
            .find(|protocol| protocol.name() == name)
    }
}

/// Where a filter is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A host and its port.
    Tcp {
        /// Its name or address.
        host: String,
        /// Its port.
        port: u16,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Host::Tcp { host, port } => write!(f, "{host}:{port}"),
            Host::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// What happens to mail when the filter gives no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// It goes on without it.
    Accept,
    /// The client is told to come again: 451.
    Defer,
    /// It is refused: 554.
    Reject,
}

impl OnFailure {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            OnFailure::Accept => "accept",
            OnFailure::Defer => "defer",
            OnFailure::Reject => "reject",
        }
    }
}

/// What spamd is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpamdCommand {
    /// Verdict and score only.
    Check,
    /// And the names of the rules that matched.
    Symbols,
    /// The message as SpamAssassin rewrites it; it takes the old one's place.
    Process,
}

/// For whom a filter is asked. Patterns are `*`, `user@domain`, `domain` or `.domain` (all domains below).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Concern {
    /// Recipients who have opted in.
    pub recipients: Vec<String>,
    /// Recipients who have opted out; goes before `recipients`.
    pub not_recipients: Vec<String>,
    /// Senders whose mail it is asked about.
    pub senders: Vec<String>,
    /// Senders whose mail it is not asked about; goes before `senders`.
    pub not_senders: Vec<String>,
    /// The kinds of channels by which mail comes.
    pub channels: Vec<Kind>,
    /// Channels by which it comes, as tables and rules name them, and named ones by which it leaves.
    pub names: Vec<String>,
}

/// One filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Its number, from 1 on; it decides between two answers.
    pub number: usize,
    /// How logs, metrics and traces call it.
    pub name: String,
    /// How it is spoken to.
    pub protocol: Protocol,
    /// Where it is; they are tried in turn.
    pub hosts: Vec<Host>,
    /// What happens when it gives no answer.
    pub on_failure: OnFailure,
    /// Time to connect.
    pub connect_timeout: Duration,
    /// Time for one step: a piece sent, an answer or a sign of life received.
    pub step_timeout: Duration,
    /// Time for all of it, all hosts together.
    pub total_timeout: Duration,
    /// Messages that are with it at one time.
    pub connections_max: usize,
    /// How long an idle connection is kept.
    pub idle_kept: Duration,
    /// Larger messages are not shown to it; they go on.
    pub message_octets_max: u64,
    /// For whom it is asked.
    pub concern: Concern,
    /// What is done on which verdict, the first that fits.
    pub verdicts: Vec<(String, String)>,
    /// What is done when it found nothing.
    pub null_action: Option<String>,
    /// What is done on a verdict that fits none of `verdicts`; without it, the filter's own wish is done.
    pub string_action: Option<String>,
    /// The word used as verdict when it finds something, in place of its own.
    pub verdict: Option<String>,
    /// rspamd's password for learning.
    pub password: Option<String>,
    /// The user whose preferences spamd and rspamd use.
    pub user: Option<String>,
    /// What spamd is asked for.
    pub spamd_command: SpamdCommand,
    /// The service of an ICAP server, such as `avscan`.
    pub icap_service: String,
    /// Octets shown to an ICAP server before it says whether it wants the rest; a server that has its own limit gets that.
    pub icap_preview: usize,
    /// Whether it learns from what people move into and out of Junk.
    pub learns: bool,
    /// Where it learns: rspamd has another port for it. Empty means the hosts themselves.
    pub learn_hosts: Vec<Host>,
}

impl Filter {
    /// A filter with the usual choices.
    pub fn new(number: usize, name: &str, protocol: Protocol, hosts: Vec<Host>) -> Filter {
        Filter {
            number,
            name: name.to_owned(),
            protocol,
            hosts,
            on_failure: OnFailure::Defer,
            connect_timeout: Duration::from_secs(3),
            step_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_secs(60),
            connections_max: 50,
            idle_kept: Duration::from_secs(30),
            message_octets_max: 50 << 20,
            concern: Concern {
                recipients: vec!["*".to_owned()],
                senders: vec!["*".to_owned()],
                channels: vec![Kind::Smtp, Kind::Submission, Kind::Lmtp],
                names: Vec::new(),
                ..Concern::default()
            },
            verdicts: Vec::new(),
            null_action: None,
            string_action: None,
            verdict: None,
            password: None,
            user: None,
            spamd_command: SpamdCommand::Symbols,
            icap_service: "avscan".to_owned(),
            icap_preview: 1_024,
            learns: false,
            learn_hosts: Vec::new(),
        }
    }

    /// All scripts of the settings, each with the name of its key.
    pub fn scripts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let verdicts = self.verdicts.iter().take(ACTIONS_MAX).map(|(_, action)| ("verdicts", action.as_str()));
        let null = self.null_action.iter().map(|action| ("null_action", action.as_str()));
        let string = self.string_action.iter().map(|action| ("string_action", action.as_str()));
        verdicts.chain(null).chain(string)
    }
}
