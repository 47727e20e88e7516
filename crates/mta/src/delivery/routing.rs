//! From a domain to its way out.

use model::Domain;
use queue::entry::{Channel, Route};
use std::path::PathBuf;

/// How mail for some domains goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// `example.org`, `.example.org` for what lies below it, or `*` for everything.
    pub domain: String,
    /// Where to.
    pub way: Way,
    /// How private the connection must be.
    pub tls: TlsPolicy,
    /// As whom to log in, at a smart host.
    pub login: Option<Credentials>,
}

/// Where mail goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// To the hosts that the name service tells.
    Mx,
    /// To this host, a smart host or one known to the operator.
    Host {
        /// Its name or address.
        host: String,
        /// Its port.
        port: u16,
    },
    /// To the first of these hosts that takes it.
    Hosts(Vec<(String, u16)>),
    /// Into the store of this host, over LMTP.
    Lmtp {
        /// Its name or address.
        host: String,
        /// Its port.
        port: u16,
    },
    /// Into the store behind this socket, over LMTP.
    LmtpUnix(PathBuf),
    /// Nowhere: it is held.
    Hold,
}

/// How private a connection must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsPolicy {
    /// Never TLS.
    Never,
    /// TLS where it is offered, with whoever is there (RFC 7435).
    #[default]
    Opportunistic,
    /// TLS always, with whoever is there.
    Encrypted,
    /// TLS always, with a certificate that is good for the host's name.
    Verified,
}

/// A name and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name.
    pub name: String,
    /// The password; never logged.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Rule {
    /// The rule of domains that have none.
    pub fn default_way() -> Rule {
        Rule { domain: "*".to_owned(), way: Way::Mx, tls: TlsPolicy::default(), login: None }
    }

    fn fits(&self, domain: &str) -> bool {
        match self.domain.strip_prefix('.') {
            _ if self.domain == "*" => true,
            Some(parent) => {
                domain.len() > parent.len() + 1
                    && domain.to_ascii_lowercase().ends_with(&self.domain.to_ascii_lowercase())
            }
            None => self.domain.eq_ignore_ascii_case(domain),
        }
    }

    /// The route in the queue: what goes to the same place goes together.
    pub fn route(&self, domain: &Domain) -> Route {
        match &self.way {
            Way::Mx => Route::new(Channel::Smtp, &domain.as_str().to_lowercase()),
            Way::Host { host, port } => Route::new(Channel::Smtp, &format!("{host}:{port}")),
            Way::Hosts(hosts) => {
                let names: Vec<String> = hosts.iter().map(|(host, port)| format!("{host}:{port}")).collect();
                Route::new(Channel::Smtp, &names.join(","))
            }
            Way::Lmtp { host, port } => Route::new(Channel::Lmtp, &format!("{host}:{port}")),
            Way::LmtpUnix(path) => Route::new(Channel::Lmtp, &format!("unix:{}", path.display())),
            Way::Hold => Route::new(Channel::Held, ""),
        }
    }
}

/// The rule for a domain: the first that fits.
pub fn rule_of(rules: &[Rule], domain: &Domain) -> Rule {
    rules.iter().find(|rule| rule.fits(domain.as_str())).cloned().unwrap_or_else(Rule::default_way)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_fits_holds() {
        let host = |domain: &str, host: &str| Rule {
            domain: domain.to_owned(),
            way: Way::Host { host: host.to_owned(), port: 25 },
            ..Rule::default_way()
        };
        let rules = [host("a.test", "one"), host(".a.test", "two"), host("*", "three")];
        let route = |domain: &str| {
            let domain = domain.parse().unwrap();
            rule_of(&rules, &domain).route(&domain).destination
        };
        assert_eq!(route("A.test"), "one:25");
        assert_eq!(route("x.a.test"), "two:25");
        assert_eq!(route("xa.test"), "three:25");
        assert_eq!(rule_of(&[], &"q.test".parse().unwrap()).way, Way::Mx);
    }
}
