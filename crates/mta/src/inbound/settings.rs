//! What the operator chooses for SMTP, submission and LMTP.

use std::time::Duration;

/// How sessions behave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// This server's name, always the first word of the greeting.
    pub host: String,
    /// What the greeting says after it; says nothing about the version.
    pub banner: String,
    /// More lines of the greeting.
    pub banner_addition: Vec<String>,
    /// How long a client is watched for words before its greeting.
    pub greeting_delay: Duration,
    /// What becomes of those that speak then.
    pub early_talkers: EarlyTalkers,
    /// Whether clients on this machine are watched, too.
    pub watches_loopback: bool,
    /// Largest message in octets.
    pub message_octets_max: u64,
    /// Octets of messages that all sessions together may hold in memory.
    pub spool_octets_max: u64,
    /// Recipients of one message.
    pub recipients_max: usize,
    /// Offences and refusals after which a session is closed.
    pub errors_max: usize,
    /// After so many errors each further reply waits a little longer.
    pub tarpit_after: usize,
    /// How long a client may be silent between commands (RFC 5321 §4.5.3.2.7: five minutes at least).
    pub command_timeout: Duration,
    /// How long a client may be silent inside a message.
    pub data_timeout: Duration,
    /// How long the peer may take to accept a reply.
    pub send_timeout: Duration,
    /// `Received` fields after which a message is taken to be in a loop (RFC 5321 §6.3).
    pub hops_max: usize,
    /// The longest time for which our users may ask to hold a message back (RFC 4865); zero offers nothing.
    pub hold_max: Duration,
    /// Whether a client on this machine may log in without TLS, as the demo does.
    pub plain_login_on_loopback: bool,
}

/// What becomes of clients that speak before they are greeted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlyTalkers {
    /// They are refused.
    Refuse,
    /// What they said is forgotten.
    Purge,
}

impl Settings {
    /// Defaults for a server called `host`.
    pub fn new(host: &str) -> Settings {
        Settings {
            host: host.to_owned(),
            banner: "ready".to_owned(),
            banner_addition: Vec::new(),
            greeting_delay: Duration::from_millis(20),
            early_talkers: EarlyTalkers::Refuse,
            watches_loopback: false,
            message_octets_max: 50 << 20,
            spool_octets_max: 512 << 20,
            recipients_max: 1_000,
            errors_max: 20,
            tarpit_after: 5,
            command_timeout: Duration::from_secs(300),
            data_timeout: Duration::from_secs(180),
            send_timeout: Duration::from_secs(300),
            hops_max: 50,
            hold_max: Duration::from_secs(30 * 86_400),
            plain_login_on_loopback: false,
        }
    }
}
