//! Comparators (RFC 4790, RFC 5051): when two strings are the same, and which comes first.

use std::borrow::Cow;
use std::cmp::Ordering;

/// A comparator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Comparator {
    /// Octet by octet.
    Octet,
    /// ASCII letters without their case; the default (RFC 5228 §2.7.3).
    #[default]
    AsciiCasemap,
    /// The number that a string begins with; a string that begins with none is larger than every number.
    AsciiNumeric,
    /// Letters of all scripts without their case.
    UnicodeCasemap,
}

impl Comparator {
    /// By its name.
    pub fn named(name: &str) -> Option<Comparator> {
        match name {
            "i;octet" => Some(Comparator::Octet),
            "i;ascii-casemap" => Some(Comparator::AsciiCasemap),
            "i;ascii-numeric" => Some(Comparator::AsciiNumeric),
            "i;unicode-casemap" => Some(Comparator::UnicodeCasemap),
            _ => None,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Comparator::Octet => "i;octet",
            Comparator::AsciiCasemap => "i;ascii-casemap",
            Comparator::AsciiNumeric => "i;ascii-numeric",
            Comparator::UnicodeCasemap => "i;unicode-casemap",
        }
    }

    /// The string in the form in which equal strings are the same octets. Numbers have no such form; see [`Self::compare`].
    pub fn fold(self, text: &str) -> Cow<'_, str> {
        match self {
            Comparator::Octet | Comparator::AsciiNumeric => Cow::Borrowed(text),
            Comparator::AsciiCasemap if text.bytes().any(|octet| octet.is_ascii_uppercase()) => {
                Cow::Owned(text.to_ascii_lowercase())
            }
            Comparator::AsciiCasemap => Cow::Borrowed(text),
            Comparator::UnicodeCasemap => Cow::Owned(message::fold::fold(text)),
        }
    }

    /// Which of two strings, as they came, is first.
    pub fn compare(self, one: &str, other: &str) -> Ordering {
        match self {
            Comparator::AsciiNumeric => number(one).cmp(&number(other)),
            // RFC 4790 §9.2.1 orders by the upper-case forms.
            Comparator::AsciiCasemap => {
                let upper = |octet: u8| octet.to_ascii_uppercase();
                one.bytes().map(upper).cmp(other.bytes().map(upper))
            }
            _ => self.fold(one).as_bytes().cmp(self.fold(other).as_bytes()),
        }
    }
}

/// RFC 4790 §9.1.1: the digits that a string begins with, of any number; no digits are infinity.
fn number(text: &str) -> (bool, usize, &str) {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let digits = text.get(..end).unwrap_or_default();
    let significant = digits.trim_start_matches('0');
    (digits.is_empty(), significant.len(), significant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_length_are_ordered() {
        let compare = |one, other| Comparator::AsciiNumeric.compare(one, other);
        assert_eq!(compare("9", "10"), Ordering::Less);
        assert_eq!(compare("007abc", "7"), Ordering::Equal);
        assert_eq!(compare("99999999999999999999999", "99999999999999999999998"), Ordering::Greater);
        assert_eq!(compare("", "99999999999999999999999"), Ordering::Greater);
        assert_eq!(compare("x", ""), Ordering::Equal);
    }

    #[test]
    fn case_goes_where_it_should() {
        assert_eq!(Comparator::AsciiCasemap.fold("ÄbC"), "Äbc");
        assert_eq!(Comparator::UnicodeCasemap.fold("ÄbC"), Comparator::UnicodeCasemap.fold("äBc"));
        assert_eq!(Comparator::Octet.fold("AbC"), "AbC");
        assert_eq!(Comparator::AsciiCasemap.compare("a", "B"), Ordering::Less);
        assert_eq!(Comparator::AsciiCasemap.compare("_", "a"), Ordering::Greater);
        for name in ["i;octet", "i;ascii-casemap", "i;ascii-numeric", "i;unicode-casemap"] {
            assert_eq!(Comparator::named(name).unwrap().name(), name);
        }
    }
}
