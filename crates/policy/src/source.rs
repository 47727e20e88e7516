//! Which channel a session belongs to: the first entry of the operator's list that fits what is known by then, so that a
//! login or TLS switches the channel as soon as it is there.

use crate::facts::{Facts, Protocol};
use crate::wildcard::Wildcards;
use model::Network;

/// One channel that sessions can belong to.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its name, as tables and rules see it.
    pub name: String,
    /// From where; empty for anywhere.
    pub addresses: Vec<Network>,
    /// Only sessions of these protocols; empty for all.
    pub protocols: Vec<Protocol>,
    /// Only sessions on these ports of ours; empty for all.
    pub ports: Vec<u16>,
    /// Only with a login, or without one.
    pub login: Option<bool>,
    /// Only under TLS, or without.
    pub tls: Option<bool>,
    /// Only accounts like these.
    pub accounts: Wildcards,
    /// What the channel allows and asks.
    pub manner: Manner,
}

/// What a channel allows and asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// Mail for others is taken without a login.
    pub may_relay: bool,
    /// MAIL FROM needs a login.
    pub must_login: bool,
    /// MAIL FROM needs TLS.
    pub must_tls: bool,
    /// Octets of a message at most.
    pub octets_max: Option<u64>,
    /// Recipients of a message at most.
    pub recipients_max: Option<u64>,
}

/// The channel of a session.
pub fn of<'a>(sources: &'a [Source], facts: &Facts) -> (&'a str, Manner) {
    sources
        .iter()
        .find(|source| source.fits(facts))
        .map_or_else(|| (usual(facts), Manner::default()), |source| (source.name.as_str(), source.manner))
}

/// The names of the channels of sessions that no entry fits.
pub const USUAL: [&str; 4] = ["tcp_local", "tcp_auth", "tcp_submit", "tcp_lmtp"];

/// The channel of sessions that no entry fits.
fn usual(facts: &Facts) -> &'static str {
    match facts.protocol {
        Protocol::Lmtp => "tcp_lmtp",
        Protocol::Submission => "tcp_submit",
        Protocol::Smtp if facts.login.is_some() => "tcp_auth",
        Protocol::Smtp => "tcp_local",
    }
}

impl Source {
    fn fits(&self, facts: &Facts) -> bool {
        let client = facts.client.map(|client| client.ip());
        (self.addresses.is_empty()
            || client.is_some_and(|client| self.addresses.iter().any(|network| network.contains(client))))
            && (self.protocols.is_empty() || self.protocols.contains(&facts.protocol))
            && (self.ports.is_empty() || facts.server.is_some_and(|server| self.ports.contains(&server.port())))
            && self.login.is_none_or(|wanted| wanted == facts.login.is_some())
            && self.tls.is_none_or(|wanted| wanted == facts.tls)
            && (self.accounts.is_empty() || facts.login.as_deref().is_some_and(|login| self.accounts.fits(login)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_fits_names_the_channel_and_a_login_switches() {
        let inside = Source {
            name: "tcp_intranet".to_owned(),
            addresses: vec!["10.0.0.0/8".parse().unwrap()],
            protocols: vec![],
            ports: vec![],
            login: None,
            tls: None,
            accounts: Wildcards::default(),
            manner: Manner { may_relay: true, ..Manner::default() },
        };
        let mut facts = Facts { client: Some("10.1.2.3:4".parse().unwrap()), ..Facts::default() };
        assert!(of(std::slice::from_ref(&inside), &facts).1.may_relay);
        facts.client = Some("192.0.2.1:4".parse().unwrap());
        assert_eq!(of(std::slice::from_ref(&inside), &facts), ("tcp_local", Manner::default()));
        facts.login = Some("a@b.test".to_owned());
        assert_eq!(of(&[inside], &facts).0, "tcp_auth");
    }
}
