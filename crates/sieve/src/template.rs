//! Strings of a script: encoded characters decoded, references to variables found (RFC 5228 §2.4.2.4, RFC 5229 §3).

use crate::extension::{Extension, Extensions};
use crate::limits::CAPTURES_MAX;

/// A string that is known, or becomes so when variables have values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Template {
    /// Known.
    Literal(String),
    /// Put together anew each time.
    Pieces(Vec<Piece>),
}

/// A piece of such a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// As it is.
    Text(String),
    /// A variable, its name in lower case.
    Variable(Name),
    /// What a wildcard or group of the last match stood for.
    Capture(usize),
}

/// The name of a variable.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// Whether all scripts of the run share it (RFC 6609 §3.4.3).
    pub is_global: bool,
    /// In lower case.
    pub name: String,
}

impl Name {
    /// Reads the name of a variable that can be set: an identifier, `global.` before it or not.
    pub fn read(text: &str, extensions: Extensions) -> Option<Name> {
        let lower = text.to_ascii_lowercase();
        let (is_global, name) = match lower.split_once('.') {
            Some(("global", name)) if extensions.has(Extension::Include) => (true, name),
            Some(_) => return None,
            None => (false, lower.as_str()),
        };
        is_identifier(name).then(|| Name { is_global, name: name.to_owned() })
    }
}

impl Template {
    /// Reads a string; which extensions are required decides what in it is special. `Err` holds a reference to a
    /// namespace that does not exist, to a match variable that never is (RFC 5229 §6), or an encoded character that no
    /// charset has.
    pub fn read(text: &str, extensions: Extensions) -> Result<Template, String> {
        let decoded;
        let text = if extensions.has(Extension::EncodedCharacter) && text.contains("${") {
            decoded = decode_characters(text)?;
            &decoded
        } else {
            text
        };
        if !extensions.has(Extension::Variables) || !text.contains("${") {
            return Ok(Template::Literal(text.to_owned()));
        }
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let (before, reference) = rest.split_at(start);
            plain.push_str(before);
            match read_reference(reference, extensions)? {
                Some((piece, octets)) => {
                    if !plain.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    }
                    pieces.push(piece);
                    rest = reference.get(octets..).unwrap_or_default();
                }
                None => {
                    plain.push_str("${");
                    rest = reference.get(2..).unwrap_or_default();
                }
            }
        }
        plain.push_str(rest);
        if pieces.is_empty() {
            return Ok(Template::Literal(plain));
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Template::Pieces(pieces))
    }

    /// The string, if it is known.
    pub fn literal(&self) -> Option<&str> {
        match self {
            Template::Literal(text) => Some(text),
            Template::Pieces(_) => None,
        }
    }
}

/// `${name}`, `${global.name}`, `${3}` at the beginning of `text`, and its length.
fn read_reference(text: &str, extensions: Extensions) -> Result<Option<(Piece, usize)>, String> {
    let Some(end) = text.find('}') else { return Ok(None) };
    let inner = text.get(2..end).unwrap_or_default();
    let octets = end + 1;
    if !inner.is_empty() && inner.bytes().all(|octet| octet.is_ascii_digit()) {
        return match inner.parse::<usize>().ok().filter(|number| *number < CAPTURES_MAX) {
            Some(number) => Ok(Some((Piece::Capture(number), octets))),
            None => Err(inner.to_owned()),
        };
    }
    let parts: Vec<&str> = inner.split('.').collect();
    let (Some(last), Some((_, spaces))) = (parts.last(), parts.split_last()) else { return Ok(None) };
    let names_something = is_identifier(last)
        || (!spaces.is_empty() && last.bytes().all(|octet| octet.is_ascii_digit()) && !last.is_empty());
    if !names_something || !spaces.iter().all(|space| is_identifier(space)) {
        return Ok(None);
    }
    match Name::read(inner, extensions) {
        Some(name) => Ok(Some((Piece::Variable(name), octets))),
        // RFC 5229 §3: an unknown namespace is an error.
        None => Err(inner.to_owned()),
    }
}

fn is_identifier(text: &str) -> bool {
    let is_first = |octet: u8| octet.is_ascii_alphabetic() || octet == b'_';
    text.bytes().next().is_some_and(is_first) && text.bytes().all(|octet| is_first(octet) || octet.is_ascii_digit())
}

/// `${hex: 40 41}` and `${unicode: 40}`; what is not of that form stays as it is (RFC 5228 §2.4.2.4).
fn decode_characters(text: &str) -> Result<String, String> {
    let mut octets: Vec<u8> = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, reference) = rest.split_at(start);
        octets.extend_from_slice(before.as_bytes());
        let end = reference.find('}').unwrap_or(0);
        let inner = reference.get(2..end).unwrap_or_default();
        let decoded = match inner.split_once(':') {
            Some((kind, numbers)) if kind.eq_ignore_ascii_case("hex") => hexadecimal(numbers),
            Some((kind, numbers)) if kind.eq_ignore_ascii_case("unicode") => unicode(numbers)?,
            _ => None,
        };
        match decoded {
            Some(decoded) => {
                octets.extend_from_slice(&decoded);
                rest = reference.get(end + 1..).unwrap_or_default();
            }
            None => {
                octets.extend_from_slice(b"${");
                rest = reference.get(2..).unwrap_or_default();
            }
        }
    }
    octets.extend_from_slice(rest.as_bytes());
    Ok(String::from_utf8_lossy(&octets).into_owned())
}

fn hexadecimal(numbers: &str) -> Option<Vec<u8>> {
    let octets: Option<Vec<u8>> = numbers
        .split_ascii_whitespace()
        .map(|number| u8::from_str_radix(number, 16).ok().filter(|_| number.len() <= 2 && !number.starts_with('+')))
        .collect();
    octets.filter(|octets| !octets.is_empty())
}

fn unicode(numbers: &str) -> Result<Option<Vec<u8>>, String> {
    let mut text = String::new();
    for number in numbers.split_ascii_whitespace() {
        let is_number = number.bytes().all(|octet| octet.is_ascii_hexdigit());
        if !is_number {
            return Ok(None);
        }
        match u32::from_str_radix(number, 16).ok().and_then(char::from_u32) {
            Some(character) => text.push(character),
            None => return Err(format!("unicode: {number}")),
        }
    }
    Ok((!text.is_empty()).then(|| text.into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extensions(list: &[Extension]) -> Extensions {
        list.iter().fold(Extensions::default(), |mut all, extension| {
            all.add(*extension);
            all
        })
    }

    fn literal(text: &str, list: &[Extension]) -> Result<String, String> {
        Template::read(text, extensions(list)).map(|template| match template {
            Template::Literal(text) => text,
            Template::Pieces(pieces) => format!("{pieces:?}"),
        })
    }

    #[test]
    fn encoded_characters_of_the_standard() {
        let read = |text| literal(text, &[Extension::EncodedCharacter]);
        assert_eq!(read("$${hex:40}"), Ok("$@".into()));
        assert_eq!(read("${hex: 40 }"), Ok("@".into()));
        assert_eq!(read("${HEX: 40}"), Ok("@".into()));
        assert_eq!(read("${hex:40"), Ok("${hex:40".into()));
        assert_eq!(read("${hex:400}"), Ok("${hex:400}".into()));
        assert_eq!(read("${hex:4${hex:30}}"), Ok("${hex:40}".into()));
        assert_eq!(read("${unicode:40}"), Ok("@".into()));
        assert_eq!(read("${ unicode:40}"), Ok("${ unicode:40}".into()));
        assert_eq!(read("${UNICODE:40}"), Ok("@".into()));
        assert_eq!(read("${UnICoDE:0000040}"), Ok("@".into()));
        assert_eq!(read("${Unicode:40}"), Ok("@".into()));
        assert_eq!(read("${Unicode:Cool}"), Ok("${Unicode:Cool}".into()));
        assert_eq!(read("${unicode:200000}"), Err("unicode: 200000".into()));
        assert_eq!(read("${hex:c3 bc}"), Ok("ü".into()));
        assert_eq!(literal("${hex:40}", &[]), Ok("${hex:40}".into()));
    }

    #[test]
    fn references_of_the_standard() {
        let read = |text: &str| Template::read(text, extensions(&[Extension::Variables])).unwrap();
        let name = |name: &str| Piece::Variable(Name { is_global: false, name: name.into() });
        let text = |text: &str| Piece::Text(text.into());
        assert_eq!(read("&%${}!"), Template::Literal("&%${}!".into()));
        assert_eq!(read("${doh!}"), Template::Literal("${doh!}".into()));
        assert_eq!(read("${Company}, ${0}"), Template::Pieces(vec![name("company"), text(", "), Piece::Capture(0)]));
        assert_eq!(read("${President, ${Vp}"), Template::Pieces(vec![text("${President, "), name("vp")]));
        assert!(Template::read("${other.name}", extensions(&[Extension::Variables])).is_err());
        let global = Template::read("${global.Name}", extensions(&[Extension::Variables, Extension::Include])).unwrap();
        assert_eq!(global, Template::Pieces(vec![Piece::Variable(Name { is_global: true, name: "name".into() })]));
    }
}
