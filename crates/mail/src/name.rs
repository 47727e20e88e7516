//! Names of mailboxes: levels joined by `/`, in UTF-8, with INBOX in any case.

use crate::error::Error;
use crate::limits::{NAME_LEVELS_MAX, NAME_OCTETS_MAX};

/// What joins the levels of a name.
pub const SEPARATOR: char = '/';

/// The mailbox that always is there (RFC 9051 §5.1).
pub const INBOX: &str = "INBOX";

/// The name as it is stored: a first level INBOX is written in capitals, a trailing separator is dropped.
pub fn normalise(name: &str) -> Result<String, Error> {
    let name = name.strip_suffix(SEPARATOR).unwrap_or(name);
    if name.is_empty() {
        return Err(Error::BadName("it is empty"));
    }
    if name.len() > NAME_OCTETS_MAX {
        return Err(Error::BadName("it is longer than 200 octets"));
    }
    let levels: Vec<&str> = name.split(SEPARATOR).collect();
    if levels.len() > NAME_LEVELS_MAX {
        return Err(Error::BadName("it has more than 32 levels"));
    }
    if levels.iter().any(|level| level.is_empty()) {
        return Err(Error::BadName("a level is empty"));
    }
    if name.chars().any(|character| character.is_control() || matches!(character, '%' | '*' | '\u{2028}' | '\u{2029}'))
    {
        return Err(Error::BadName("it holds a control character, % or *"));
    }
    Ok(match name.split_once(SEPARATOR) {
        None if name.eq_ignore_ascii_case(INBOX) => INBOX.to_owned(),
        Some((first, rest)) if first.eq_ignore_ascii_case(INBOX) => format!("{INBOX}{SEPARATOR}{rest}"),
        _ => name.to_owned(),
    })
}

/// The names above `name`, the highest first.
pub fn parents(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices(SEPARATOR).filter_map(|(at, _)| name.get(..at))
}

/// Whether `name` lies below `above`.
pub fn is_below(name: &str, above: &str) -> bool {
    name.strip_prefix(above).is_some_and(|rest| rest.starts_with(SEPARATOR))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inbox_is_one_in_any_case() {
        assert_eq!(normalise("inbox").unwrap(), "INBOX");
        assert_eq!(normalise("Inbox/a/").unwrap(), "INBOX/a");
        assert_eq!(normalise("Inboxes").unwrap(), "Inboxes");
    }

    #[test]
    fn bad_names_are_refused() {
        for name in ["", "/", "a//b", "/a", "a\u{7}", "a*", &"x".repeat(300), &"a/".repeat(40)] {
            assert!(matches!(normalise(name), Err(Error::BadName(_))), "{name:?}");
        }
    }

    #[test]
    fn parents_come_from_the_top() {
        assert_eq!(parents("a/b/c").collect::<Vec<_>>(), ["a", "a/b"]);
        assert!(is_below("a/b", "a") && !is_below("ab", "a"));
    }
}
