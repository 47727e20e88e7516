//! What is asked about: who delivers, from whom, to whom; and the digest under which it is remembered.

use std::net::IpAddr;

use model::network_of;

use crate::greylist::memory::Digest;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// This program's own SMTP server, or its rules.
    Inside,
    /// Postfix's policy delegation.
    Policy,
    /// A milter client.
    Milter,
    /// Sun's datagrams.
    Datagram,
}

impl Way {
    /// Its name in logs.
    pub fn name(self) -> &'static str {
        match self {
            Way::Inside => "inside",
            Way::Policy => "policy",
            Way::Milter => "milter",
            Way::Datagram => "gross",
        }
    }
}

/// One delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Who asks.
    pub way: Way,
    /// Who delivers.
    pub client: IpAddr,
    /// The envelope sender without angle brackets; empty is the null sender.
    pub sender: String,
    /// The envelope recipient without angle brackets.
    pub recipient: String,
    /// How the client named itself; empty when it is not known.
    pub hello: String,
    /// Whether the client has logged in.
    pub authenticated: bool,
}

impl Query {
    /// A delivery by somebody who has not logged in. Angle brackets around the addresses do not count.
    pub fn new(way: Way, client: IpAddr, sender: &str, recipient: &str) -> Query {
        Query {
            way,
            client: client.to_canonical(),
            sender: bare(sender).to_owned(),
            recipient: bare(recipient).to_owned(),
            hello: String::new(),
            authenticated: false,
        }
    }

    /// The same delivery by a client that named itself so.
    #[must_use]
    pub fn named(mut self, hello: &str) -> Query {
        hello.clone_into(&mut self.hello);
        self
    }

    /// The sender's domain in lower case, if there is one.
    pub fn sender_domain(&self) -> Option<String> {
        domain_of(&self.sender)
    }
}

/// The domain of an address in lower case, if there is one.
pub fn domain_of(address: &str) -> Option<String> {
    let (_, domain) = address.rsplit_once('@')?;
    (!domain.is_empty()).then(|| domain.to_ascii_lowercase())
}

fn bare(address: &str) -> &str {
    let address = address.trim();
    address.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(address)
}

/// How many bits of a client's address count, so that a retry from a neighbour is the same delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mask {
    /// Of IPv4, 0 to 32.
    pub v4_bits: u8,
    /// Of IPv6, 0 to 128.
    pub v6_bits: u8,
}

impl Mask {
    /// The network of an address, as an address.
    pub fn network(self, client: IpAddr) -> IpAddr {
        network_of(client, self.v4_bits, self.v6_bits)
    }

    /// The digest of a delivery: that of `NETWORK SENDER RECIPIENT`, in which case does not count.
    pub fn triplet(self, query: &Query) -> Digest {
        let network = self.network(query.client);
        let sender = if query.sender.is_empty() { "<>" } else { &query.sender };
        let mut text = format!("{network} {sender} {}", query.recipient);
        text.make_ascii_lowercase();
        Digest::of(&text)
    }

    /// The digest of "mail of this domain, proven to be its own, came from this network".
    pub fn proven(self, domain: &str, client: IpAddr) -> Digest {
        Digest::of(&format!("proven {} {}", domain.to_ascii_lowercase(), self.network(client)))
    }
}

/// The digest of "this user of ours has written to that address".
pub fn contact(owner: &str, other: &str) -> Digest {
    let mut text = format!("contact {} {}", bare(owner), bare(other));
    text.make_ascii_lowercase();
    Digest::of(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: Mask = Mask { v4_bits: 24, v6_bits: 64 };

    fn query(client: &str, sender: &str) -> Query {
        Query::new(Way::Policy, client.parse().unwrap(), sender, "<Bob@Home.test>")
    }

    #[test]
    fn neighbours_are_the_same_delivery() {
        let first = MASK.triplet(&query("192.0.2.1", "a@far.test"));
        assert_eq!(first, MASK.triplet(&query("192.0.2.254", "<A@Far.Test>")));
        assert_eq!(first, MASK.triplet(&query("::ffff:192.0.2.9", "a@far.test")));
        assert_ne!(first, MASK.triplet(&query("192.0.3.1", "a@far.test")));
        assert_ne!(first, MASK.triplet(&query("192.0.2.1", "b@far.test")));
        assert_eq!(first, Digest::of("192.0.2.0 a@far.test bob@home.test"));
        let v6 = MASK.triplet(&query("2001:db8::1", "a@far.test"));
        assert_eq!(v6, MASK.triplet(&query("2001:db8::ffff:1", "a@far.test")));
        assert_ne!(v6, MASK.triplet(&query("2001:db8:0:1::1", "a@far.test")));
    }

    #[test]
    fn a_mask_may_take_all_or_nothing() {
        let all = Mask { v4_bits: 32, v6_bits: 128 };
        let nothing = Mask { v4_bits: 0, v6_bits: 0 };
        for address in ["192.0.2.77", "2001:db8::77"] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(all.network(address), address);
            assert!(nothing.network(address).is_unspecified());
        }
    }

    #[test]
    fn the_null_sender_has_no_domain() {
        assert_eq!(query("192.0.2.1", "<>").sender, "");
        assert_eq!(query("192.0.2.1", "<>").sender_domain(), None);
        assert_eq!(query("192.0.2.1", "\"a@b\"@Far.Test").sender_domain().as_deref(), Some("far.test"));
        assert_eq!(contact("<Me@Home.test>", "you@far.test"), contact("me@home.test", "<YOU@far.test>"));
    }
}
