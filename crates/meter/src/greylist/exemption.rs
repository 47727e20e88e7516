//! Deliveries that are never asked about, because waiting would hurt more than it helps.

use std::fmt;

use model::Network;

use crate::greylist::triplet::Query;

/// Why a delivery is let in without a look at its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exemption {
    /// The client has logged in.
    Authenticated,
    /// A notice: it has no sender to send it again.
    NullSender,
    /// Somebody who must be reachable, such as the postmaster.
    Recipient,
    /// A client on a network that the operator trusts.
    Network,
}

impl Exemption {
    /// All of them.
    pub const ALL: [Exemption; 4] =
        [Exemption::Authenticated, Exemption::NullSender, Exemption::Recipient, Exemption::Network];

    /// Its name in logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Exemption::Authenticated => "authenticated",
            Exemption::NullSender => "null-sender",
            Exemption::Recipient => "recipient",
            Exemption::Network => "network",
        }
    }

    /// Whether a delivery is exempt. `recipients` are local parts or whole addresses in lower case.
    pub fn of(query: &Query, networks: &[Network], recipients: &[String]) -> Option<Exemption> {
        if query.authenticated {
            return Some(Exemption::Authenticated);
        }
        if query.sender.is_empty() {
            return Some(Exemption::NullSender);
        }
        let local = query.recipient.rsplit_once('@').map_or(query.recipient.as_str(), |(local, _)| local);
        let is_meant =
            |listed: &String| listed.eq_ignore_ascii_case(if listed.contains('@') { &query.recipient } else { local });
        if recipients.iter().any(is_meant) {
            return Some(Exemption::Recipient);
        }
        networks.iter().any(|network| network.contains(query.client)).then_some(Exemption::Network)
    }
}

impl fmt::Display for Exemption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::greylist::triplet::Way;

    fn exemption(client: &str, sender: &str, recipient: &str) -> Option<Exemption> {
        let query = Query::new(Way::Policy, client.parse().unwrap(), sender, recipient);
        let recipients = ["postmaster".to_owned(), "boss@home.test".to_owned()];
        Exemption::of(&query, &["192.0.2.0/24".parse().unwrap()], &recipients)
    }

    #[test]
    fn only_those_are_exempt() {
        assert_eq!(exemption("198.51.100.1", "a@far.test", "b@home.test"), None);
        assert_eq!(exemption("198.51.100.1", "<>", "b@home.test"), Some(Exemption::NullSender));
        assert_eq!(exemption("198.51.100.1", "a@far.test", "Postmaster@any.test"), Some(Exemption::Recipient));
        assert_eq!(exemption("198.51.100.1", "a@far.test", "postmaster"), Some(Exemption::Recipient));
        assert_eq!(exemption("198.51.100.1", "a@far.test", "boss@Home.test"), Some(Exemption::Recipient));
        assert_eq!(exemption("198.51.100.1", "a@far.test", "boss@other.test"), None);
        assert_eq!(exemption("192.0.2.5", "a@far.test", "b@home.test"), Some(Exemption::Network));
        let mut query = Query::new(Way::Inside, "198.51.100.1".parse().unwrap(), "a@far.test", "b@home.test");
        query.authenticated = true;
        assert_eq!(Exemption::of(&query, &[], &[]), Some(Exemption::Authenticated));
    }
}
