//! What the operator chooses for ManageSieve.

use sieve::Extensions;
use std::time::Duration;

/// How ManageSieve sessions behave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The name in the greeting; never empty.
    pub host: String,
    /// What scripts may require where mail is filed.
    pub extensions: Extensions,
    /// Methods of `notify` by which somebody can be told.
    pub methods: Vec<String>,
    /// How often one run may redirect.
    pub redirects_max: usize,
    /// The largest script, octets.
    pub script_octets_max: u64,
    /// How long a client that has logged in may be silent (RFC 5804 §1.2: at least thirty minutes).
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
    /// Defaults for a server called `host` whose scripts may require `extensions`.
    pub fn new(host: &str, extensions: Extensions) -> Settings {
        Settings {
            host: host.to_owned(),
            extensions,
            methods: vec!["mailto".to_owned()],
            redirects_max: 4,
            script_octets_max: 256 << 10,
            idle_timeout: Duration::from_secs(30 * 60),
            login_timeout: Duration::from_secs(2 * 60),
            send_timeout: Duration::from_secs(5 * 60),
            failed_logins_max: 3,
            offences_max: 20,
            plain_login_on_loopback: false,
        }
    }
}
