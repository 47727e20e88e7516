//! Parameters of `Content-Type:` and `Content-Disposition:` (RFC 2045 §5.1), with the charsets and continuations of
//! RFC 2231.

use crate::charset;
use crate::header;
use crate::lexeme;
use crate::limits::{PARAMETER_OCTETS_MAX, PARAMETERS_MAX};
use crate::transfer::{hex, hex_digit};
use crate::word;
use std::iter::Peekable;
use std::str::Chars;

/// One parameter, continuations joined and charsets decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// In lower case, without the `*` marks of RFC 2231.
    pub name: String,
    /// The value in UTF-8; encoded words, which do not belong here but are found, are kept as they came.
    pub value: String,
}

impl Parameter {
    /// Name and value using only ASCII: a value that needs it is written as `name*` and `utf-8''…` (RFC 2231 §4).
    pub fn ascii(&self) -> (String, String) {
        if self.value.is_ascii() {
            return (self.name.clone(), self.value.clone());
        }
        let mut value = String::from("utf-8''");
        for octet in self.value.bytes() {
            if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
                value.push(char::from(octet));
            } else {
                value.extend(['%', char::from(hex_digit(octet >> 4)), char::from(hex_digit(octet & 15))]);
            }
        }
        (format!("{}*", self.name), value)
    }

    /// The value with encoded words decoded (what some programs write in file names).
    pub fn decoded(&self) -> String {
        word::decode(&self.value).into_owned()
    }
}

/// Writes a type or disposition with its parameters, ASCII only: values that are no tokens are quoted (RFC 2045 §5.1), those
/// beyond ASCII are written as RFC 2231 §4 says.
pub fn write(word: &str, parameters: &[Parameter]) -> String {
    let mut output = word.to_owned();
    for parameter in parameters {
        let (name, value) = parameter.ascii();
        let is_token = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|octet| octet.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&octet))
        };
        output.push_str("; ");
        output.push_str(&name);
        output.push('=');
        if is_token(&value) {
            output.push_str(&value);
            continue;
        }
        output.push('"');
        for character in value.chars().filter(|character| !character.is_control()) {
            if matches!(character, '"' | '\\') {
                output.push('\\');
            }
            output.push(character);
        }
        output.push('"');
    }
    output
}

/// Reads `word *( ";" name "=" value )` from the unfolded or folded value of a field: the word as it came, and the
/// parameters.
pub fn parse(value: &[u8]) -> (String, Vec<Parameter>) {
    let line = header::unfold(value);
    let mut input = line.chars().peekable();
    let first = text_until_semicolon(&mut input, false);
    let mut pieces = Vec::new();
    while input.next().is_some() && pieces.len() < PARAMETERS_MAX * 4 {
        pieces.extend(Piece::read(&mut input));
    }
    (first, join(pieces))
}

/// The value of the parameter of that name.
pub(crate) fn find<'a>(parameters: &'a [Parameter], name: &str) -> Option<&'a str> {
    parameters.iter().find(|parameter| parameter.name.eq_ignore_ascii_case(name)).map(|found| found.value.as_str())
}

/// One `name=value` as written; several of them can make one parameter (RFC 2231 §3).
struct Piece {
    name: String,
    section: u32,
    /// Whether the name ended in `*`: percent escapes, and a charset in the first section (RFC 2231 §4).
    is_extended: bool,
    /// Whether the name had any mark of RFC 2231.
    is_marked: bool,
    value: String,
}

impl Piece {
    /// Reads up to the next semicolon, which is left for the caller.
    fn read(input: &mut Peekable<Chars<'_>>) -> Option<Piece> {
        let written = text_until_semicolon(input, true);
        input.next_if_eq(&'=')?;
        let value = value(input);
        let (name, marks) = written.split_once('*').unwrap_or((&written, ""));
        let is_marked = name.len() < written.len();
        let (section, is_extended) = match marks.strip_suffix('*') {
            Some(section) => (section, true),
            None => (marks, is_marked && marks.is_empty()),
        };
        let section = if section.is_empty() { 0 } else { section.parse().ok()? };
        (!name.is_empty()).then(|| Piece { name: name.to_ascii_lowercase(), section, is_extended, is_marked, value })
    }

    fn octets(&self, text: &str) -> Vec<u8> {
        if self.is_extended { unescape(text.as_bytes()) } else { text.as_bytes().to_vec() }
    }
}

/// Text up to `;` (or `=`), comments and white space around it removed.
fn text_until_semicolon(input: &mut Peekable<Chars<'_>>, stop_at_equals: bool) -> String {
    let mut text = String::new();
    while let Some(character) = input.next_if(|c| *c != ';' && !(stop_at_equals && *c == '=')) {
        match character {
            '(' => drop(lexeme::comment(input)),
            '"' => text.push_str(&lexeme::quoted(input)),
            other => text.push(other),
        }
    }
    text.trim().to_owned()
}

/// A quoted string, or whatever stands before the next semicolon: unquoted spaces in file names are common.
fn value(input: &mut Peekable<Chars<'_>>) -> String {
    let mut text = String::new();
    let mut after_space = true;
    // Each attempt looks as far as the end, so there are few.
    let mut attempts = 8;
    while let Some(character) = input.next_if(|c| *c != ';') {
        match character {
            '"' if text.trim().is_empty() => {
                text = lexeme::quoted(input);
                // Whatever follows the closing quote belongs to nothing.
                while input.next_if(|c| *c != ';').is_some() {}
                return bounded(text);
            }
            '(' if after_space && attempts > 0 => {
                attempts -= 1;
                if ends_with_comment(input) {
                    drop(lexeme::comment(input));
                } else {
                    text.push('(');
                }
            }
            other => text.push(other),
        }
        after_space = character == ' ' || character == '\t';
    }
    bounded(text.trim().to_owned())
}

/// Whether the parenthesis just read begins a comment at the end of the value, not one inside a sloppy file name.
fn ends_with_comment(input: &Peekable<Chars<'_>>) -> bool {
    let mut ahead = input.clone();
    lexeme::comment(&mut ahead);
    ahead.find(|character| !matches!(character, ' ' | '\t')).is_none_or(|character| character == ';')
}

fn bounded(mut text: String) -> String {
    if text.len() > PARAMETER_OCTETS_MAX {
        text.truncate(text.floor_char_boundary(PARAMETER_OCTETS_MAX));
    }
    text
}

/// Puts continuations together. A parameter given in both forms is taken from the marked one (RFC 2231 §3, RFC 5987).
fn join(pieces: Vec<Piece>) -> Vec<Parameter> {
    let mut parameters: Vec<Parameter> = Vec::new();
    for first in &pieces {
        if parameters.len() >= PARAMETERS_MAX {
            break;
        }
        if parameters.iter().any(|parameter| parameter.name == first.name) {
            continue;
        }
        let mut marked: Vec<&Piece> =
            pieces.iter().filter(|piece| piece.is_marked && piece.name == first.name).collect();
        let value = if marked.is_empty() {
            first.value.clone()
        } else {
            marked.sort_by_key(|piece| piece.section);
            joined_value(&marked)
        };
        parameters.push(Parameter { name: first.name.clone(), value });
    }
    parameters
}

fn joined_value(sections: &[&Piece]) -> String {
    let mut charset = "";
    let mut octets = Vec::new();
    for (index, piece) in sections.iter().enumerate() {
        let mut text = piece.value.as_str();
        // charset "'" [language] "'" stands before the first section only.
        if index == 0
            && piece.is_extended
            && let Some((name, rest)) = text.split_once('\'')
            && let Some((_, rest)) = rest.split_once('\'')
        {
            charset = name;
            text = rest;
        }
        octets.extend(piece.octets(text));
    }
    let decoded = if charset.is_empty() { charset::guess(&octets) } else { charset::decode(charset, &octets) };
    bounded(decoded.chars().filter(|character| !character.is_control()).collect())
}

fn unescape(text: &[u8]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        rest = match rest {
            [] => return octets,
            [b'%', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                octets.push(hex(*high) << 4 | hex(*low));
                after
            }
            [other, after @ ..] => {
                octets.push(*other);
                after
            }
        };
    }
}

#[cfg(test)]
mod tests;
