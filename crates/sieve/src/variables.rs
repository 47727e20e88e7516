//! Variables and what changes their values (RFC 5229).

use std::collections::HashMap;

use crate::limits::{VARIABLE_OCTETS_MAX, VARIABLES_MAX, VARIABLES_OCTETS_MAX};
use crate::program::Modifier;

/// Variables by name.
#[derive(Debug, Default)]
pub(crate) struct Variables {
    values: HashMap<String, String>,
    octets: usize,
}

/// There are too many, or they are too large.
#[derive(Debug)]
pub(crate) struct TooMuch;

impl Variables {
    /// The value; empty if it was never set.
    pub fn get(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// Sets a value. What is too long is cut (RFC 5229 §6).
    pub fn set(&mut self, name: &str, mut value: String) -> Result<(), TooMuch> {
        value.truncate(value.floor_char_boundary(VARIABLE_OCTETS_MAX));
        let before = self.values.get(name).map_or(0, String::len);
        let octets = self.octets - before + value.len();
        if octets > VARIABLES_OCTETS_MAX || (self.values.len() >= VARIABLES_MAX && !self.values.contains_key(name)) {
            return Err(TooMuch);
        }
        self.octets = octets;
        self.values.insert(name.to_owned(), value);
        Ok(())
    }
}

/// Applies modifiers in their order (RFC 5229 §4.1).
pub(crate) fn modify(value: String, modifiers: &[Modifier]) -> String {
    modifiers.iter().fold(value, |value, modifier| match modifier {
        Modifier::Lower => value.to_ascii_lowercase(),
        Modifier::Upper => value.to_ascii_uppercase(),
        Modifier::LowerFirst => first(value, str::make_ascii_lowercase),
        Modifier::UpperFirst => first(value, str::make_ascii_uppercase),
        Modifier::QuoteWildcard => escape(&value, |character| matches!(character, '*' | '?' | '\\')),
        Modifier::QuoteRegex => escape(&value, |character| {
            matches!(character, '*' | '?' | '\\' | '.' | '+' | '^' | '$' | '|' | '(' | ')' | '[' | ']' | '{' | '}')
        }),
        Modifier::EncodeUrl => encode_url(&value),
        Modifier::Length => value.chars().count().to_string(),
    })
}

fn first(mut value: String, change: fn(&mut str)) -> String {
    let end = value.chars().next().map_or(0, char::len_utf8);
    value.get_mut(..end).into_iter().for_each(change);
    value
}

fn escape(value: &str, is_special: fn(char) -> bool) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        if is_special(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// RFC 5435 §6: all but the unreserved characters of RFC 3986 §2.3.
fn encode_url(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for octet in value.bytes() {
        if octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(octet));
        } else {
            encoded.push_str(&format!("%{octet:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modifiers_of_the_standard() {
        let set = |value: &str, modifiers: &[Modifier]| modify(value.to_owned(), modifiers);
        let a = "juMBlEd lETteRS";
        assert_eq!(set(a, &[Modifier::Length]), "15");
        assert_eq!(set(a, &[Modifier::Lower]), "jumbled letters");
        assert_eq!(set(a, &[Modifier::UpperFirst]), "JuMBlEd lETteRS");
        assert_eq!(set(a, &[Modifier::Lower, Modifier::UpperFirst]), "Jumbled letters");
        assert_eq!(set("Rock*\\", &[Modifier::QuoteWildcard]), "Rock\\*\\\\");
        assert_eq!(set("ä b", &[Modifier::EncodeUrl]), "%C3%A4%20b");
        assert_eq!(set("äö", &[Modifier::Length]), "2");
    }

    #[test]
    fn values_are_bounded() {
        let mut variables = Variables::default();
        variables.set("a", "x".repeat(VARIABLE_OCTETS_MAX + 5)).unwrap();
        assert_eq!(variables.get("a").len(), VARIABLE_OCTETS_MAX);
        let full = (0..VARIABLES_MAX + 1).find(|number| variables.set(&number.to_string(), String::new()).is_err());
        assert_eq!(full, Some(VARIABLES_MAX - 1));
    }
}
