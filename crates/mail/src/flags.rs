//! Flags and keywords of messages.

use crate::error::Error;
use crate::limits::{KEYWORD_OCTETS_MAX, KEYWORDS_MAX};

/// The flags that every mailbox has, as bits (RFC 9051 §2.3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SystemFlags(pub u8);

impl SystemFlags {
    /// It was read.
    pub const SEEN: SystemFlags = SystemFlags(1);
    /// It was answered.
    pub const ANSWERED: SystemFlags = SystemFlags(2);
    /// It is marked.
    pub const FLAGGED: SystemFlags = SystemFlags(4);
    /// It goes at the next expunge.
    pub const DELETED: SystemFlags = SystemFlags(8);
    /// It is not finished.
    pub const DRAFT: SystemFlags = SystemFlags(16);
    /// All five.
    pub const ALL: SystemFlags = SystemFlags(31);

    /// Whether all of `other` are set.
    pub fn has(self, other: SystemFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both together.
    #[must_use]
    pub fn with(self, other: SystemFlags) -> SystemFlags {
        SystemFlags(self.0 | other.0)
    }

    /// These without `other`.
    #[must_use]
    pub fn without(self, other: SystemFlags) -> SystemFlags {
        SystemFlags(self.0 & !other.0)
    }
}

/// Flags as a client names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Those that every mailbox has.
    pub system: SystemFlags,
    /// Keywords, as they were first written; case does not count (RFC 9051 §2.3.2).
    pub keywords: Vec<String>,
}

impl Flags {
    /// Only system flags.
    pub fn system(system: SystemFlags) -> Flags {
        Flags { system, keywords: Vec::new() }
    }
}

/// What a change of flags does with those it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagMode {
    /// Sets them and leaves the others.
    Add,
    /// Clears them and leaves the others.
    Remove,
    /// Sets them and clears the others.
    Replace,
}

/// The keywords of one mailbox by bit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeywordTable(Vec<String>);

impl KeywordTable {
    /// The table with these names, bit 0 first.
    pub fn new(names: Vec<String>) -> KeywordTable {
        KeywordTable(names)
    }

    /// The names, bit 0 first.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// Whether another keyword fits.
    pub fn has_room(&self) -> bool {
        self.0.len() < KEYWORDS_MAX
    }

    /// The bit of `name` if the mailbox knows it.
    pub fn bit(&self, name: &str) -> Option<u128> {
        self.0.iter().position(|known| known.eq_ignore_ascii_case(name)).map(|at| 1 << at)
    }

    /// The bits of `names`; unknown ones are added to the table.
    pub fn bits(&mut self, names: &[String]) -> Result<u128, Error> {
        let mut bits = 0;
        for name in names {
            bits |= match self.bit(name) {
                Some(bit) => bit,
                None => self.add(name)?,
            };
        }
        Ok(bits)
    }

    fn add(&mut self, name: &str) -> Result<u128, Error> {
        let fits = (1..=KEYWORD_OCTETS_MAX).contains(&name.len())
            && name.bytes().all(|octet| octet.is_ascii_graphic() && !b"(){%*\"\\]".contains(&octet));
        if !fits {
            return Err(Error::BadKeyword);
        }
        if !self.has_room() {
            return Err(Error::TooMany("keywords in the mailbox"));
        }
        self.0.push(name.to_owned());
        Ok(1 << (self.0.len() - 1))
    }

    /// The bits of those of `names` that are known.
    pub fn known_bits(&self, names: &[String]) -> u128 {
        names.iter().filter_map(|name| self.bit(name)).fold(0, |bits, bit| bits | bit)
    }

    /// The names of `bits`.
    pub fn names_of(&self, bits: u128) -> impl Iterator<Item = &str> {
        self.0.iter().enumerate().filter(move |(at, _)| bits & (1 << at) != 0).map(|(_, name)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_found_in_any_case_and_bounded() {
        let mut table = KeywordTable::default();
        assert_eq!(table.bits(&["$Junk".to_owned(), "b".to_owned()]).unwrap(), 3);
        assert_eq!(table.bits(&["$junk".to_owned()]).unwrap(), 1);
        assert_eq!(table.names_of(2).collect::<Vec<_>>(), ["b"]);
        for number in 0..KEYWORDS_MAX - 2 {
            table.bits(&[format!("k{number}")]).unwrap();
        }
        assert!(matches!(table.bits(&["more".to_owned()]), Err(Error::TooMany(_))));
        assert!(matches!(KeywordTable::default().bits(&["a b".to_owned()]), Err(Error::BadKeyword)));
    }
}
