//! A mail address: local part and domain, in the form in which they are compared and stored.

use crate::domain::{Domain, DomainError};
use std::fmt;
use std::str::FromStr;

/// The part of an address before the last `@`, without its quoting (RFC 5321 §4.1.2 `Local-part`).
///
/// Case is kept, as the standard asks; whoever owns the domain decides whether it counts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalPart(String);

/// A mail address (RFC 5321 §4.1.2 `Mailbox`, RFC 6531 §3.3).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// What stands before the `@`.
    pub local: LocalPart,
    /// What stands after it.
    pub domain: Domain,
}

/// Why a text is not an [`Address`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// No `@` separates local part and domain.
    NoAt,
    /// The local part is empty.
    EmptyLocalPart,
    /// The local part is longer than 64 octets (RFC 5321 §4.5.3.1.1).
    LocalPartTooLong,
    /// A character that neither a dot-string nor a quoted string may hold; the offset is in octets.
    BadLocalPart {
        /// Where the character stands.
        at: usize,
    },
    /// The domain is wrong.
    Domain(DomainError),
}

const LOCAL_OCTETS_MAX: usize = 64;

impl LocalPart {
    /// Takes the unquoted text of a local part.
    pub fn new(text: &str) -> Result<LocalPart, AddressError> {
        if text.is_empty() {
            return Err(AddressError::EmptyLocalPart);
        }
        if text.len() > LOCAL_OCTETS_MAX {
            return Err(AddressError::LocalPartTooLong);
        }
        match text.char_indices().find(|(_, character)| character.is_control()) {
            Some((at, _)) => Err(AddressError::BadLocalPart { at }),
            None => Ok(LocalPart(text.to_owned())),
        }
    }

    /// The unquoted text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether only ASCII is used.
    pub fn is_ascii(&self) -> bool {
        self.0.is_ascii()
    }

    /// Splits `user+detail` at the first `separator`; the detail is `None` when there is none (RFC 5233 §1).
    pub fn split_detail(&self, separator: char) -> (&str, Option<&str>) {
        match self.0.split_once(separator) {
            Some((user, detail)) if !user.is_empty() => (user, Some(detail)),
            _ => (&self.0, None),
        }
    }

    fn is_dot_string(&self) -> bool {
        self.0.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
    }
}

/// RFC 5322 §3.2.3 `atext`, extended by RFC 6531 §3.3 with everything beyond ASCII.
fn is_atext(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(character) || !character.is_ascii()
}

impl Address {
    /// Joins the two halves.
    pub fn new(local: LocalPart, domain: Domain) -> Address {
        Address { local, domain }
    }

    /// Whether the address can be carried without SMTPUTF8 (RFC 6531 §3.2).
    pub fn is_ascii(&self) -> bool {
        self.local.is_ascii() && self.domain.is_ascii()
    }
}

impl FromStr for LocalPart {
    type Err = AddressError;

    /// Reads a dot-string or a quoted string.
    fn from_str(text: &str) -> Result<LocalPart, AddressError> {
        if let Some(rest) = text.strip_prefix('"') {
            return unquote(rest);
        }
        let part = LocalPart::new(text)?;
        if part.is_dot_string() {
            return Ok(part);
        }
        let at = text.char_indices().find(|(_, c)| !is_atext(*c) && *c != '.').map_or(0, |(at, _)| at);
        Err(AddressError::BadLocalPart { at })
    }
}

fn unquote(rest: &str) -> Result<LocalPart, AddressError> {
    let mut text = String::with_capacity(rest.len());
    let mut characters = rest.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' if at + 1 == rest.len() => return LocalPart::new(&text),
            '"' => return Err(AddressError::BadLocalPart { at: at + 1 }),
            '\\' => match characters.next() {
                Some((_, escaped)) if !escaped.is_control() => text.push(escaped),
                _ => return Err(AddressError::BadLocalPart { at: at + 1 }),
            },
            other if other.is_control() => return Err(AddressError::BadLocalPart { at: at + 1 }),
            other => text.push(other),
        }
    }
    Err(AddressError::BadLocalPart { at: rest.len() })
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::NoAt)?;
        Ok(Address { local: local.parse()?, domain: domain.parse().map_err(AddressError::Domain)? })
    }
}

impl fmt::Display for LocalPart {
    /// Writes the local part as it stands on the wire, quoted where it must be.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_dot_string() {
            return f.write_str(&self.0);
        }
        f.write_str("\"")?;
        for character in self.0.chars() {
            if matches!(character, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{character}")?;
        }
        f.write_str("\"")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

impl fmt::Debug for LocalPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalPart({})", self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddressError::NoAt => f.write_str("the address has no \"@\""),
            AddressError::EmptyLocalPart => f.write_str("nothing stands before the \"@\""),
            AddressError::LocalPartTooLong => {
                write!(f, "the part before the \"@\" is longer than {LOCAL_OCTETS_MAX} octets")
            }
            AddressError::BadLocalPart { at } => {
                write!(f, "the character at octet {at} may not stand there before the \"@\" without quoting")
            }
            AddressError::Domain(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AddressError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quoted_local_parts_lose_needless_quotes() {
        let plain: Address = "\"john.doe\"@Example.org".parse().unwrap();
        assert_eq!(plain.to_string(), "john.doe@example.org");
        let odd: Address = "\"a b\\\"c\"@example.org".parse().unwrap();
        assert_eq!(odd.local.as_str(), "a b\"c");
        assert_eq!(odd.to_string(), "\"a b\\\"c\"@example.org");
    }

    #[test]
    fn offences_name_their_place() {
        assert_eq!("a b@x.org".parse::<Address>(), Err(AddressError::BadLocalPart { at: 1 }));
        assert_eq!("plain".parse::<Address>(), Err(AddressError::NoAt));
        assert_eq!("@x.org".parse::<Address>(), Err(AddressError::EmptyLocalPart));
    }

    #[test]
    fn detail_is_split_once() {
        let local: LocalPart = "alice+a+b".parse().unwrap();
        assert_eq!(local.split_detail('+'), ("alice", Some("a+b")));
    }

    proptest! {
        #[test]
        fn parse_undoes_print(text in "[ -~é]{1,30}") {
            let local = LocalPart::new(&text).unwrap();
            prop_assert_eq!(local.to_string().parse::<LocalPart>().unwrap(), local);
        }

        #[test]
        fn parsing_never_panics(text in "\\PC{0,80}") {
            let _ = text.parse::<Address>();
        }
    }
}
