//! A channel that the operator named, and whose mail goes by it.

use crate::channels::brought::Brought;
use crate::content::pattern::{fits, fits_address};
use crate::delivery::routing::Rule;
use model::{Address, Domain, Network};
use queue::channel::ChannelName;
use queue::entry::{Channel, Route};
use smtp::client::Kind;
use std::time::Duration;

/// A named channel.
#[derive(Clone, Debug)]
pub struct NamedChannel {
    /// Its name.
    pub name: ChannelName,
    /// What is spoken there.
    pub kind: Kind,
    /// Where it leads, how private, and as whom. What the rule says of domains does not matter.
    pub rule: Rule,
    /// Recipients, as patterns of addresses or domains; none at all means any.
    pub to: Vec<String>,
    /// Senders, as patterns of addresses or domains; none at all means any.
    pub from: Vec<String>,
    /// Channels that bring mail, as patterns; none at all means any.
    pub from_channels: Vec<String>,
    /// Whether and how what goes there comes back.
    pub detour: Option<Detour>,
}

/// How a scanner gives mail back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detour {
    /// From where.
    pub returns_from: Vec<Network>,
    /// How long it may take.
    pub returns_within: Duration,
}

/// A message for one recipient.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// How it came.
    pub brought: &'a Brought,
    /// Its envelope sender.
    pub from: Option<&'a Address>,
    /// The recipient.
    pub to: &'a Address,
}

impl NamedChannel {
    /// Whether a message goes by this channel of itself. Without any condition only the CONVERSIONS table sends mail there.
    pub fn takes(&self, mail: Piece<'_>) -> bool {
        if self.to.is_empty() && self.from.is_empty() && self.from_channels.is_empty() {
            return false;
        }
        let any_address = |patterns: &[String], address: &str| {
            patterns.is_empty() || patterns.iter().any(|pattern| fits_address(pattern, address))
        };
        let from = mail.from.map(ToString::to_string).unwrap_or_default();
        any_address(&self.to, &mail.to.to_string()) && any_address(&self.from, &from) && self.is_for(mail.brought)
    }

    fn is_for(&self, brought: &Brought) -> bool {
        let is_it =
            |pattern: &String| !brought.is_own() && (fits(pattern, &brought.kind) || fits(pattern, &brought.channel));
        self.from_channels.is_empty() || self.from_channels.iter().any(is_it)
    }

    /// The route in the queue of mail for a domain. That of a detour says how the mail came.
    pub fn route(&self, domain: &Domain, brought: &Brought) -> Route {
        let destination = self.rule.route(domain).destination;
        let destination = if self.detour.is_some() { format!("{destination} {brought}") } else { destination };
        Route::new(Channel::Named(self.name), &destination)
    }

    /// What a route by this channel says of how the mail came.
    pub fn brought(&self, route: &Route) -> Brought {
        let told = route.destination.split_once(' ').filter(|_| self.detour.is_some());
        told.map(|(_, brought)| Brought::read(brought)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::routing::{TlsPolicy, Way};

    fn channel() -> NamedChannel {
        let way = Way::Hosts(vec![("one.test".to_owned(), 25), ("two.test".to_owned(), 26)]);
        NamedChannel {
            name: "tcp_partner".parse().unwrap(),
            kind: Kind::Smtp,
            rule: Rule { domain: "*".to_owned(), way, tls: TlsPolicy::default(), login: None },
            to: Vec::new(),
            from: Vec::new(),
            from_channels: Vec::new(),
            detour: None,
        }
    }

    #[test]
    fn all_conditions_must_hold_and_none_means_nothing() {
        let (from, to) = ("a@ours.test".parse().unwrap(), "x@Partner.test".parse().unwrap());
        let brought = Brought { channel: "tcp_intranet".to_owned(), ..Brought::by("smtp") };
        let mail = Piece { brought: &brought, from: Some(&from), to: &to };
        assert!(!channel().takes(mail));
        let words = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        for (to, from, from_channels, takes) in [
            (&["partner.test"][..], &[][..], &[][..], true),
            (&["other.test", "*@partner.test"], &[], &[], true),
            (&["partner.test"], &["theirs.test"], &[], false),
            (&[], &["ours.test"], &["smtp"], true),
            (&[], &[], &["tcp_intra*"], true),
            (&[], &[], &["submission"], false),
        ] {
            let (to, from, from_channels) = (words(to), words(from), words(from_channels));
            let one = NamedChannel { to, from, from_channels, ..channel() };
            assert_eq!(one.takes(mail), takes, "{one:?}");
            let own = one.takes(Piece { brought: &Brought::default(), ..mail });
            assert_eq!(own, takes && one.from_channels.is_empty(), "mail of our own comes by no channel");
        }
    }

    #[test]
    fn a_route_says_where_and_for_a_detour_how_it_came() {
        let domain = "x.test".parse().unwrap();
        let brought = Brought { channel: "tcp_local".to_owned(), ..Brought::by("smtp") };
        let route = channel().route(&domain, &brought);
        assert_eq!((route.channel.as_str(), route.destination.as_str()), ("tcp_partner", "one.test:25,two.test:26"));
        let detour = Some(Detour { returns_from: Vec::new(), returns_within: Duration::from_secs(60) });
        let scanner = NamedChannel { detour, ..channel() };
        let brought = brought.through(scanner.name).unwrap();
        let route = scanner.route(&domain, &brought);
        assert_eq!(route.destination, "one.test:25,two.test:26 smtp/tcp_local/tcp_partner");
        assert_eq!(scanner.brought(&route), brought);
    }
}
