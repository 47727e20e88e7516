//! What the operator chooses for POP3.

use std::time::Duration;

/// How POP3 sessions behave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The name in the greeting; never empty.
    pub host: String,
    /// How long a client that has logged in may be silent (RFC 1939 §3: at least ten minutes).
    pub idle_timeout: Duration,
    /// How long a client may take between commands before it has logged in.
    pub login_timeout: Duration,
    /// How long the peer may take to accept what we send.
    pub send_timeout: Duration,
    /// After so many failed logins a connection ends.
    pub failed_logins_max: u32,
    /// After so many wrong commands a connection ends.
    pub offences_max: u32,
    /// Whether a client on this machine may log in without TLS, as the demo does.
    pub plain_login_on_loopback: bool,
}

impl Settings {
    /// Defaults for a server called `host`.
    pub fn new(host: &str) -> Settings {
        Settings {
            host: host.to_owned(),
            idle_timeout: Duration::from_secs(10 * 60),
            login_timeout: Duration::from_secs(2 * 60),
            send_timeout: Duration::from_secs(5 * 60),
            failed_logins_max: 3,
            offences_max: 20,
            plain_login_on_loopback: false,
        }
    }
}
