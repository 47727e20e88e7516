//! How values are held against keys: match types with comparators (RFC 5228 §2.7, RFC 5231, the regex draft).

use std::cmp::Ordering;

use regex::{Regex, RegexBuilder};

use crate::comparator::Comparator;
use crate::glob::Glob;
use crate::limits::{CAPTURES_MAX, REGEX_OCTETS_MAX};
use crate::template::Template;

/// How.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Match {
    pub kind: Kind,
    pub comparator: Comparator,
}

/// A match type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    #[default]
    Is,
    Contains,
    Matches,
    Regex,
    Value(Relation),
    Count(Relation),
    List,
}

/// RFC 5231 §4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
}

impl Relation {
    /// By its name.
    pub fn named(name: &str) -> Option<Relation> {
        match name.to_ascii_lowercase().as_str() {
            "gt" => Some(Relation::Greater),
            "ge" => Some(Relation::GreaterOrEqual),
            "lt" => Some(Relation::Less),
            "le" => Some(Relation::LessOrEqual),
            "eq" => Some(Relation::Equal),
            "ne" => Some(Relation::NotEqual),
            _ => None,
        }
    }

    /// Whether it holds.
    pub fn holds(self, ordering: Ordering) -> bool {
        match self {
            Relation::Greater => ordering.is_gt(),
            Relation::GreaterOrEqual => ordering.is_ge(),
            Relation::Less => ordering.is_lt(),
            Relation::LessOrEqual => ordering.is_le(),
            Relation::Equal => ordering.is_eq(),
            Relation::NotEqual => ordering.is_ne(),
        }
    }
}

/// The keys of a test. What is known beforehand is prepared once.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    pub templates: Vec<Template>,
    /// One for each template; `None` where variables decide.
    pub prepared: Vec<Option<Needle>>,
}

/// A key as a match type needs it.
#[derive(Clone, Debug)]
pub(crate) enum Needle {
    /// Folded.
    Folded(String),
    /// As it came, for ordering and lists.
    Plain(String),
    /// Folded and read.
    Glob(Glob),
    /// Read.
    Regex(Regex),
}

/// A regular expression that cannot be read.
#[derive(Debug)]
pub(crate) struct BadRegex;

impl Needle {
    /// Prepares a key.
    pub fn new(key: &str, how: Match) -> Result<Needle, BadRegex> {
        Ok(match how.kind {
            Kind::Is if how.comparator == Comparator::AsciiNumeric => Needle::Plain(key.to_owned()),
            Kind::Is | Kind::Contains => Needle::Folded(how.comparator.fold(key).into_owned()),
            Kind::Matches => Needle::Glob(Glob::new(&how.comparator.fold(key))),
            Kind::Regex => {
                let folds = how.comparator != Comparator::Octet;
                let regex = RegexBuilder::new(key).case_insensitive(folds).size_limit(REGEX_OCTETS_MAX).build();
                Needle::Regex(regex.map_err(|_| BadRegex)?)
            }
            Kind::Value(_) | Kind::Count(_) | Kind::List => Needle::Plain(key.to_owned()),
        })
    }

    /// Whether `value` matches. `folded` is the value folded by the comparator.
    pub fn is_match(&self, value: &str, folded: &str, how: Match) -> bool {
        match self {
            Needle::Folded(key) if how.kind == Kind::Contains => folded.contains(key.as_str()),
            Needle::Folded(key) => folded == key,
            Needle::Glob(glob) => glob.is_match(folded),
            Needle::Regex(regex) => regex.is_match(value),
            Needle::Plain(key) => match how.kind {
                Kind::Value(relation) => relation.holds(how.comparator.compare(value, key)),
                _ => how.comparator.compare(value, key).is_eq(),
            },
        }
    }

    /// What the wildcards or groups stood for, the whole first (RFC 5229 §3.2). Empty for other match types.
    pub fn captures(&self, value: &str, folded: &str) -> Vec<String> {
        let mut captures = vec![value.to_owned()];
        match self {
            Needle::Glob(glob) => {
                for (start, end) in glob.captures(folded).unwrap_or_default() {
                    // Folding keeps the length of ASCII; where it does not, only the folded text can be given.
                    let source = if folded.len() == value.len() { value } else { folded };
                    captures.push(source.get(start..end).unwrap_or_default().to_owned());
                }
            }
            Needle::Regex(regex) => {
                let Some(found) = regex.captures(value) else { return Vec::new() };
                let groups = found.iter().take(CAPTURES_MAX);
                captures = groups.map(|group| group.map_or("", |group| group.as_str()).to_owned()).collect();
            }
            Needle::Folded(_) | Needle::Plain(_) => return Vec::new(),
        }
        captures
    }
}
