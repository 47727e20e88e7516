//! Records beyond addresses: TLSA, SRV, and how kinds and families are named.

use std::net::IpAddr;

/// Which kind of record a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Mail exchangers.
    Mx,
    /// Addresses of both families.
    Address,
    /// Texts.
    Txt,
    /// Certificate associations.
    Tlsa,
}

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4: A records.
    V4,
    /// IPv6: AAAA records.
    V6,
}

impl Family {
    /// That of an address.
    pub fn of(address: IpAddr) -> Family {
        if address.is_ipv4() { Family::V4 } else { Family::V6 }
    }

    /// The kind of its records, as texts name it.
    pub fn record(self) -> &'static str {
        match self {
            Family::V4 => "A",
            Family::V6 => "AAAA",
        }
    }
}

/// A certificate association (RFC 6698 §2.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tlsa {
    /// Certificate usage: 2 is a trust anchor (DANE-TA), 3 the server itself (DANE-EE); 0 and 1 are not for mail
    /// (RFC 7672 §3.1.3).
    pub usage: u8,
    /// 0 for the whole certificate, 1 for its public key.
    pub selector: u8,
    /// 0 for the octets themselves, 1 for their SHA-256, 2 for their SHA-512.
    pub matching: u8,
    /// The octets or their hash.
    pub data: Vec<u8>,
}

impl Tlsa {
    /// Whether a mail client can use it (RFC 7672 §3.1).
    pub fn is_usable(&self) -> bool {
        let length = match self.matching {
            0 => !self.data.is_empty(),
            1 => self.data.len() == 32,
            2 => self.data.len() == 64,
            _ => false,
        };
        matches!(self.usage, 2 | 3) && self.selector <= 1 && length
    }

    /// Reads `3 1 1 HEX`, as zone files write it; white space in the hexadecimal part is passed over.
    pub fn parse(text: &str) -> Option<Tlsa> {
        let mut words = text.split_ascii_whitespace();
        let mut number = || words.next()?.parse::<u8>().ok();
        let (usage, selector, matching) = (number()?, number()?, number()?);
        let hex: String = words.collect();
        if hex.is_empty() || !hex.len().is_multiple_of(2) || !hex.is_ascii() {
            return None;
        }
        let octets = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok());
        Some(Tlsa { usage, selector, matching, data: octets.collect::<Option<Vec<u8>>>()? })
    }
}

impl std::fmt::Display for Tlsa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {} ", self.usage, self.selector, self.matching)?;
        self.data.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// A server of a service (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Srv {
    /// Lower is tried first.
    pub priority: u16,
    /// Among equals, how often.
    pub weight: u16,
    /// Its port.
    pub port: u16,
    /// The host, without a dot at the end; empty when there is no such service.
    pub target: String,
}
