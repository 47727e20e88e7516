//! The two ends of a connection, and the addresses that listeners are given in the settings.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// An Internet address and port.
    Ip(SocketAddr),
    /// A Unix socket of this machine.
    Unix,
    /// The other half of an in-memory pair (tests).
    Memory,
}

impl Endpoint {
    /// The Internet address, if there is one. IPv4 in IPv6 clothes is shown as IPv4.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Endpoint::Ip(address) => Some(address.ip().to_canonical()),
            Endpoint::Unix | Endpoint::Memory => None,
        }
    }

    /// The port, if there is one.
    pub fn port(&self) -> Option<u16> {
        match self {
            Endpoint::Ip(address) => Some(address.port()),
            Endpoint::Unix | Endpoint::Memory => None,
        }
    }

    /// Whether the other end is on this machine, so that nobody on a wire can listen.
    pub fn is_local(&self) -> bool {
        self.ip().is_none_or(|ip| ip.is_loopback())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Ip(address) => SocketAddr::new(address.ip().to_canonical(), address.port()).fmt(f),
            Endpoint::Unix => f.write_str("unix"),
            Endpoint::Memory => f.write_str("memory"),
        }
    }
}

/// Where a listener listens: `127.0.0.1:25`, `[::1]:25`, `*:25` (every address of the machine) or `unix:/run/lmtp.sock`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ListenAddress {
    /// An Internet address and port; port 0 lets the system choose.
    Ip(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// Why a text is no listening address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no address to listen on: write 127.0.0.1:25, [::1]:25, *:25 or unix:/path")]
pub struct ListenAddressError(pub String);

impl ListenAddress {
    /// The port, if it is an Internet address.
    pub fn port(&self) -> Option<u16> {
        match self {
            ListenAddress::Ip(address) => Some(address.port()),
            ListenAddress::Unix(_) => None,
        }
    }
}

impl FromStr for ListenAddress {
    type Err = ListenAddressError;

    fn from_str(text: &str) -> Result<ListenAddress, ListenAddressError> {
        let refused = || ListenAddressError(text.to_owned());
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() { Err(refused()) } else { Ok(ListenAddress::Unix(PathBuf::from(path))) };
        }
        if let Some(port) = text.strip_prefix("*:") {
            let port = port.parse().map_err(|_| refused())?;
            return Ok(ListenAddress::Ip(SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port)));
        }
        text.parse().map(ListenAddress::Ip).map_err(|_| refused())
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListenAddress::Ip(address) => address.fmt(f),
            ListenAddress::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listening_addresses_read_back() {
        for text in ["127.0.0.1:25", "[::1]:25", "unix:/run/lmtp.sock"] {
            assert_eq!(text.parse::<ListenAddress>().unwrap().to_string(), text);
        }
        assert_eq!("*:25".parse::<ListenAddress>().unwrap().to_string(), "[::]:25");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "25", "localhost:25", "unix:", "*:", "*:70000", "127.0.0.1"] {
            assert!(text.parse::<ListenAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn ipv4_in_ipv6_counts_as_ipv4() {
        let end = Endpoint::Ip("[::ffff:127.0.0.1]:9".parse().unwrap());
        assert_eq!(end.to_string(), "127.0.0.1:9");
        assert!(end.is_local());
    }
}
