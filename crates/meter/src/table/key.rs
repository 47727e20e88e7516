//! What of a key counts: letters of either case as one, an address as the network around it.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::network_of;

use crate::call::Refused;
use crate::limits::KEY_OCTETS_MAX;

/// What the keys of a table are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataType {
    /// Any text.
    Text {
        /// Whether letters of either case are the same.
        fold_case: bool,
    },
    /// Addresses, of which the first bits count.
    Address {
        /// Bits of an IPv4 address; `None` refuses them.
        v4_bits: Option<u8>,
        /// Bits of an IPv6 address; `None` refuses them.
        v6_bits: Option<u8>,
    },
}

impl DataType {
    /// The octets under which a key is kept: text as it counts, or 4 or 16 octets of an address.
    ///
    /// # Errors
    /// [`Refused::Key`].
    pub fn canonical<'a>(&self, key: &'a str) -> Result<Cow<'a, [u8]>, Refused> {
        let refused = |why| Err(Refused::Key { why });
        if key.is_empty() {
            return refused("it is empty");
        }
        if key.len() > KEY_OCTETS_MAX {
            return refused("it is longer than 1024 octets");
        }
        match *self {
            DataType::Text { fold_case: false } => Ok(Cow::Borrowed(key.as_bytes())),
            DataType::Text { fold_case: true } => Ok(folded(key)),
            DataType::Address { v4_bits, v6_bits } => {
                let bare = key.strip_prefix('[').and_then(|key| key.strip_suffix(']')).unwrap_or(key);
                let bare = bare.strip_prefix("IPv6:").unwrap_or(bare);
                // Listings show networks, and what they show can be asked for.
                let (bare, written) = match bare.split_once('/') {
                    Some((bare, bits)) => (bare, Some(bits)),
                    None => (bare, None),
                };
                let Ok(address) = bare.parse::<IpAddr>().map(|address| address.to_canonical()) else {
                    return refused("it is no address");
                };
                let Some(bits) = (if address.is_ipv4() { v4_bits } else { v6_bits }) else {
                    return refused(match address {
                        IpAddr::V4(_) => "the table takes no IPv4 addresses",
                        IpAddr::V6(_) => "the table takes no IPv6 addresses",
                    });
                };
                if written.is_some_and(|written| written.parse() != Ok(bits)) {
                    return refused("the networks of the table have another length");
                }
                Ok(Cow::Owned(match network_of(address, bits, bits) {
                    IpAddr::V4(network) => network.octets().to_vec(),
                    IpAddr::V6(network) => network.octets().to_vec(),
                }))
            }
        }
    }

    /// A kept key as people write it.
    pub fn shown(&self, octets: &[u8]) -> String {
        let DataType::Address { v4_bits, v6_bits } = *self else {
            return String::from_utf8_lossy(octets).into_owned();
        };
        let (address, bits, all) = if let Ok(octets) = <[u8; 4]>::try_from(octets) {
            (IpAddr::V4(Ipv4Addr::from(octets)), v4_bits, 32)
        } else if let Ok(octets) = <[u8; 16]>::try_from(octets) {
            (IpAddr::V6(Ipv6Addr::from(octets)), v6_bits, 128)
        } else {
            return String::from_utf8_lossy(octets).into_owned();
        };
        match bits {
            Some(bits) if bits < all => format!("{address}/{bits}"),
            _ => address.to_string(),
        }
    }
}

fn folded(key: &str) -> Cow<'_, [u8]> {
    if !key.is_ascii() {
        return Cow::Owned(key.to_lowercase().into_bytes());
    }
    if key.bytes().any(|octet| octet.is_ascii_uppercase()) {
        return Cow::Owned(key.to_ascii_lowercase().into_bytes());
    }
    Cow::Borrowed(key.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(data_type: DataType, key: &str) -> String {
        data_type.canonical(key).map_or_else(|refused| refused.to_string(), |octets| data_type.shown(&octets))
    }

    #[test]
    fn letters_of_either_case_are_one_where_asked_for() {
        let (folds, keeps) = (DataType::Text { fold_case: true }, DataType::Text { fold_case: false });
        assert_eq!(folds.canonical("A@x"), folds.canonical("a@x"));
        assert_eq!(folds.canonical("É@x"), folds.canonical("é@x"));
        assert_ne!(keeps.canonical("A@x"), keeps.canonical("a@x"));
    }

    #[test]
    fn an_address_counts_as_its_network() {
        let networks = DataType::Address { v4_bits: Some(24), v6_bits: Some(64) };
        assert_eq!(shown(networks, "192.0.2.77"), "192.0.2.0/24");
        assert_eq!(shown(networks, "::ffff:192.0.2.77"), "192.0.2.0/24");
        assert_eq!(shown(networks, "[IPv6:2001:db8:1:2:3::4]"), "2001:db8:1:2::/64");
        let hosts = DataType::Address { v4_bits: Some(32), v6_bits: None };
        assert_eq!(shown(hosts, "192.0.2.77"), "192.0.2.77");
        assert_eq!(shown(hosts, "2001:db8::1"), "the key is refused: the table takes no IPv6 addresses");
        assert_eq!(shown(hosts, "somebody"), "the key is refused: it is no address");
        assert_eq!(shown(DataType::Address { v4_bits: Some(0), v6_bits: Some(0) }, "192.0.2.1"), "0.0.0.0/0");
    }

    #[test]
    fn networks_are_read_as_they_are_shown() {
        let networks = DataType::Address { v4_bits: Some(24), v6_bits: Some(64) };
        for network in ["192.0.2.0/24", "2001:db8:1:2::/64"] {
            assert_eq!(shown(networks, network), network);
        }
        let refused = "the key is refused: the networks of the table have another length";
        assert_eq!(shown(networks, "192.0.2.0/25"), refused);
        assert_eq!(shown(networks, "192.0.2.0/x"), refused);
    }

    #[test]
    fn empty_and_endless_keys_are_refused() {
        let text = DataType::Text { fold_case: false };
        assert!(text.canonical("").is_err());
        assert!(text.canonical(&"x".repeat(KEY_OCTETS_MAX)).is_ok());
        assert!(text.canonical(&"x".repeat(KEY_OCTETS_MAX + 1)).is_err());
    }
}
