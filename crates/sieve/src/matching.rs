//! How values are held against keys: match types with comparators (RFC 5228 §2.7, RFC 5231, the regex draft).

use std::borrow::Cow;
use std::cmp::Ordering;

use memchr::memmem::Finder;

use crate::comparator::Comparator;
use crate::glob::Glob;
use crate::limits::{CAPTURES_MAX, VARIABLE_OCTETS_MAX};
use crate::regular::{BadRegex, Regular};
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
    /// Whether a key is a list of words divided by spaces, as flags are (RFC 5232 §2).
    pub are_words: bool,
}

impl Match {
    /// Whether values must be folded to be held against a key. Equality without the case of ASCII letters is seen
    /// without.
    pub fn needs_folded(self) -> bool {
        match self.kind {
            Kind::Is => self.comparator == Comparator::UnicodeCasemap,
            Kind::Contains | Kind::Matches => true,
            Kind::Regex | Kind::Value(_) | Kind::Count(_) | Kind::List => false,
        }
    }

    /// Steps for each octet of a value that is folded.
    pub fn effort_of_folding(self) -> u64 {
        let is_unicode = self.comparator == Comparator::UnicodeCasemap;
        if is_unicode && self.needs_folded() { UNICODE_EFFORT } else { 0 }
    }
}

/// A key as a match type needs it.
#[derive(Clone, Debug)]
pub(crate) enum Needle {
    /// The value must be this; folded where values are.
    Whole(String),
    /// The value must hold this; folded.
    Within(Box<Finder<'static>>),
    /// As it came, for ordering and lists.
    Plain(String),
    /// Read and folded.
    Glob(Glob),
    /// Read.
    Regex(Box<Regular>),
}

/// How much more an octet costs that i;unicode-casemap folds.
const UNICODE_EFFORT: u64 = 8;

impl Needle {
    /// Prepares a key.
    pub fn new(key: &str, how: Match) -> Result<Needle, BadRegex> {
        Ok(match how.kind {
            Kind::Is if how.comparator == Comparator::AsciiNumeric => Needle::Plain(key.to_owned()),
            Kind::Is if !how.needs_folded() => Needle::Whole(key.to_owned()),
            Kind::Is => Needle::Whole(how.comparator.fold(key).into_owned()),
            Kind::Contains => Needle::Within(Box::new(Finder::new(how.comparator.fold(key).as_bytes()).into_owned())),
            Kind::Matches => Needle::Glob(Glob::new(key, how.comparator)),
            Kind::Regex => Needle::Regex(Box::new(Regular::new(key, how.comparator != Comparator::Octet)?)),
            Kind::Value(_) | Kind::Count(_) | Kind::List => Needle::Plain(key.to_owned()),
        })
    }

    /// Steps for each octet of a value, at most.
    pub fn effort(&self, how: Match) -> u64 {
        match self {
            Needle::Plain(_) if how.comparator == Comparator::UnicodeCasemap => UNICODE_EFFORT,
            Needle::Whole(_) | Needle::Within(_) | Needle::Plain(_) => 1,
            Needle::Glob(glob) => glob.effort(),
            Needle::Regex(regular) => regular.effort(),
        }
    }

    /// Steps for each value besides, at most: a key for ordering is folded each time.
    pub fn effort_of_key(&self, how: Match) -> u64 {
        match self {
            Needle::Plain(key) if how.comparator == Comparator::UnicodeCasemap => key.len() as u64 * UNICODE_EFFORT,
            _ => 1,
        }
    }

    /// Steps for each octet of a value that it matches and whose captures are wanted, at most.
    pub fn effort_of_captures(&self, how: Match) -> u64 {
        match self {
            Needle::Glob(glob) if how.comparator == Comparator::UnicodeCasemap => {
                glob.effort().saturating_add(CAPTURES_MAX as u64 * UNICODE_EFFORT)
            }
            Needle::Glob(glob) => glob.effort(),
            Needle::Regex(regular) => regular.effort_of_captures(),
            Needle::Whole(_) | Needle::Within(_) | Needle::Plain(_) => 0,
        }
    }

    /// Steps that it took to make it, at most.
    pub fn effort_of_making(&self) -> u64 {
        match self {
            Needle::Regex(regular) => regular.effort_of_making(),
            Needle::Whole(_) | Needle::Within(_) | Needle::Plain(_) | Needle::Glob(_) => 0,
        }
    }

    /// Whether `value` matches. `folded` is the value folded by the comparator where [`Match::needs_folded`] says so.
    pub fn is_match(&self, value: &str, folded: &str, how: Match) -> bool {
        match self {
            Needle::Whole(key) => match how.comparator {
                Comparator::AsciiCasemap => value.eq_ignore_ascii_case(key),
                Comparator::Octet | Comparator::AsciiNumeric => value == key,
                Comparator::UnicodeCasemap => folded == key,
            },
            Needle::Within(finder) => finder.find(folded.as_bytes()).is_some(),
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
        match self {
            Needle::Glob(glob) => {
                let spans = glob.captures(folded).unwrap_or_default();
                let parts = spans.iter().map(|(start, end)| cut(unfolded(value, folded, *start, *end)));
                std::iter::once(cut(value)).chain(parts).collect()
            }
            Needle::Regex(regex) => regex.captures(value).into_iter().map(cut).collect(),
            Needle::Whole(_) | Needle::Within(_) | Needle::Plain(_) => Vec::new(),
        }
    }
}

/// As much of it as a variable can hold (RFC 5229 §6).
fn cut(value: &str) -> String {
    value.get(..value.floor_char_boundary(VARIABLE_OCTETS_MAX)).unwrap_or_default().to_owned()
}

/// The part of a value that a part of its folded form came from.
fn unfolded<'v>(value: &'v str, folded: &str, start: usize, end: usize) -> &'v str {
    // Folding ASCII keeps every octet in its place; only i;unicode-casemap changes lengths, character by character.
    if value.len() == folded.len() && value.eq_ignore_ascii_case(folded) {
        return value.get(start..end).unwrap_or_default();
    }
    let mut length = 0;
    let mut character = [0; 4];
    let mut places = value.char_indices().map(|(at, found)| {
        let before = length;
        let one: Cow<'_, str> = Comparator::UnicodeCasemap.fold(found.encode_utf8(&mut character));
        length += one.len();
        (before, at)
    });
    let mut place = |wanted| places.find(|(folded_at, _)| *folded_at >= wanted);
    let from = if start == 0 { Some((0, 0)) } else { place(start) };
    let Some((found, from)) = from else { return "" };
    let to = if end <= found { from } else { place(end).map_or(value.len(), |(_, at)| at) };
    value.get(from..to).unwrap_or_default()
}
