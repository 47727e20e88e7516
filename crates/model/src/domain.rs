//! A domain as it stands after the `@` of an address or in `EHLO`: a name or an address literal.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A domain name or an address literal, in the form in which it is compared (RFC 5321 §4.1.2 `Domain`,
/// §4.1.3 `address-literal`; RFC 6531 §3.3 for U-labels).
///
/// ASCII letters are lower-cased and a trailing dot is removed, so `==` is the comparison that mail needs. U-labels are
/// kept as they came: turning them into A-labels belongs to whoever looks them up.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(String);

/// Why a text is not a [`Domain`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DomainError {
    /// Nothing is there.
    Empty,
    /// The whole name is longer than 255 octets (RFC 5321 §4.5.3.1.2).
    TooLong,
    /// A label is empty or longer than 63 octets (RFC 1035 §2.3.4); the offset is in octets.
    BadLabel {
        /// Where the label begins.
        at: usize,
    },
    /// An octet that no label may hold (RFC 5321 §4.1.2 `sub-domain`); the offset is in octets.
    BadOctet {
        /// Where the octet stands.
        at: usize,
    },
    /// The text between `[` and `]` is not an address (RFC 5321 §4.1.3).
    BadLiteral,
}

const NAME_OCTETS_MAX: usize = 255;
const LABEL_OCTETS_MAX: usize = 63;

impl Domain {
    /// The normalised text, as written on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is an address literal such as `[192.0.2.1]`.
    pub fn is_literal(&self) -> bool {
        self.0.starts_with('[')
    }

    /// Whether only ASCII is used, so that no SMTPUTF8 is needed to carry it.
    pub fn is_ascii(&self) -> bool {
        self.0.is_ascii()
    }

    /// The address of an address literal; `None` for a name.
    pub fn literal_address(&self) -> Option<IpAddr> {
        let inner = self.0.strip_prefix('[')?.strip_suffix(']')?;
        literal(inner)
    }

    /// The literal that names `address` (RFC 5321 §4.1.3).
    pub fn from_address(address: IpAddr) -> Domain {
        match address {
            IpAddr::V4(v4) => Domain(format!("[{v4}]")),
            IpAddr::V6(v6) => Domain(format!("[ipv6:{v6}]")),
        }
    }

    /// Whether `self` is `other` or a name below it.
    pub fn is_within(&self, other: &Domain) -> bool {
        match self.0.strip_suffix(other.as_str()) {
            Some("") => true,
            Some(rest) => rest.ends_with('.'),
            None => false,
        }
    }
}

fn literal(inner: &str) -> Option<IpAddr> {
    if let Ok(v4) = inner.parse::<Ipv4Addr>() {
        return Some(IpAddr::V4(v4));
    }
    let (tag, rest) = inner.split_at_checked(5)?;
    if !tag.eq_ignore_ascii_case("ipv6:") {
        return None;
    }
    rest.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

impl FromStr for Domain {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Domain, DomainError> {
        if let Some(rest) = text.strip_prefix('[') {
            let inner = rest.strip_suffix(']').ok_or(DomainError::BadLiteral)?;
            return literal(inner).map(Domain::from_address).ok_or(DomainError::BadLiteral);
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        if name.is_empty() {
            return Err(DomainError::Empty);
        }
        if name.len() > NAME_OCTETS_MAX {
            return Err(DomainError::TooLong);
        }
        let mut at = 0;
        for label in name.split('.') {
            check_label(label, at)?;
            at += label.len() + 1;
        }
        Ok(Domain(name.to_ascii_lowercase()))
    }
}

fn check_label(label: &str, at: usize) -> Result<(), DomainError> {
    if label.is_empty() || label.len() > LABEL_OCTETS_MAX || label.starts_with('-') || label.ends_with('-') {
        return Err(DomainError::BadLabel { at });
    }
    for (offset, character) in label.char_indices() {
        // The underscore is not in the grammar but stands in names that people really use.
        let fits = character.is_ascii_alphanumeric()
            || character == '-'
            || character == '_'
            || (!character.is_ascii() && !character.is_control() && !character.is_whitespace());
        if !fits {
            return Err(DomainError::BadOctet { at: at + offset });
        }
    }
    Ok(())
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Domain({})", self.0)
    }
}

impl fmt::Display for DomainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DomainError::Empty => f.write_str("the domain is empty"),
            DomainError::TooLong => write!(f, "the domain is longer than {NAME_OCTETS_MAX} octets"),
            DomainError::BadLabel { at } => write!(
                f,
                "the label at octet {at} is empty, longer than {LABEL_OCTETS_MAX} octets, or begins or ends with a hyphen"
            ),
            DomainError::BadOctet { at } => write!(f, "the character at octet {at} may not stand in a domain"),
            DomainError::BadLiteral => f.write_str("the text in brackets is neither an IPv4 nor an IPv6: address"),
        }
    }
}

impl std::error::Error for DomainError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_trailing_dot_do_not_count() {
        let left: Domain = "Example.ORG.".parse().unwrap();
        assert_eq!(left, "example.org".parse().unwrap());
    }

    #[test]
    fn literals_name_addresses() {
        let v6: Domain = "[IPv6:2001:db8::1]".parse().unwrap();
        assert_eq!(v6.literal_address(), Some("2001:db8::1".parse().unwrap()));
        assert_eq!("[300.1.1.1]".parse::<Domain>(), Err(DomainError::BadLiteral));
    }

    #[test]
    fn bad_labels_are_told_apart() {
        assert_eq!("a..b".parse::<Domain>(), Err(DomainError::BadLabel { at: 2 }));
        assert_eq!("a b".parse::<Domain>(), Err(DomainError::BadOctet { at: 1 }));
        assert_eq!("".parse::<Domain>(), Err(DomainError::Empty));
    }

    #[test]
    fn within_needs_a_label_boundary() {
        let base: Domain = "example.org".parse().unwrap();
        assert!("mail.example.org".parse::<Domain>().unwrap().is_within(&base));
        assert!(!"badexample.org".parse::<Domain>().unwrap().is_within(&base));
    }
}
