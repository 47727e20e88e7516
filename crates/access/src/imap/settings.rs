//! What the operator chooses for IMAP.

use std::time::Duration;

/// How sessions behave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The name in the greeting.
    pub host: String,
    /// Where people keep their scripts (`sieve://host`), told where the scripts of mailboxes are run (RFC 6785 §2.1).
    pub sieve_url: Option<String>,
    /// Largest message that is appended, in octets (RFC 7889).
    pub append_octets_max: u64,
    /// What all sessions together may hold in memory of messages in flight, in octets.
    pub memory_octets_max: u64,
    /// How long a client that has logged in may be silent (RFC 9051 §5.4: thirty minutes at least).
    pub idle_timeout: Duration,
    /// How long a client may take before it has logged in.
    pub login_timeout: Duration,
    /// How long the peer may take to accept what we send.
    pub send_timeout: Duration,
    /// How often a client that waits for a long search is told how far it has come (RFC 9585).
    pub progress_every: Duration,
    /// Failed logins after which the connection ends.
    pub failed_logins_max: u32,
    /// Wrong commands after which the connection ends.
    pub offences_max: u32,
    /// Whether a client on this machine may log in without TLS, as the demo does.
    pub plain_login_on_loopback: bool,
}

impl Settings {
    /// Defaults for a server called `host`.
    pub fn new(host: &str) -> Settings {
        Settings {
            host: host.to_owned(),
            sieve_url: None,
            append_octets_max: 50 << 20,
            memory_octets_max: 512 << 20,
            idle_timeout: Duration::from_secs(31 * 60),
            login_timeout: Duration::from_secs(120),
            send_timeout: Duration::from_secs(300),
            progress_every: Duration::from_secs(5),
            failed_logins_max: 3,
            offences_max: 50,
            plain_login_on_loopback: false,
        }
    }
}
