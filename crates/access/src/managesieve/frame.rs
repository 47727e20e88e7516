//! Lines, strings and literals (RFC 5804 §4): where a command ends, and its tokens.

use crate::managesieve::limits::{LINE_OCTETS_MAX, PASSED_OVER_OCTETS_MAX, QUOTED_OCTETS_MAX, TOKENS_MAX};
use crate::managesieve::offence::Offence;
use memchr::memchr;

/// How far a command has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// It is not whole.
    NeedMore,
    /// It has so many octets.
    Whole {
        /// Its line ends included.
        octets: usize,
    },
    /// It has a literal that is too large to be held, itself or with what comes before it.
    TooLarge {
        /// Octets before the literal.
        before: usize,
        /// Octets of the literal.
        octets: usize,
    },
}

/// A part of a command.
#[derive(Clone, PartialEq, Eq)]
pub enum Token {
    /// A keyword.
    Word(String),
    /// A number.
    Number(u64),
    /// A quoted string or a literal.
    Text(Vec<u8>),
}

/// Looks for the end of the command at the beginning of `input`.
///
/// # Errors
/// What is too long, or a literal that clients may not send.
pub fn scan(input: &[u8], literal_octets_max: usize) -> Result<Scan, Offence> {
    let mut at = 0;
    loop {
        let rest = input.get(at..).unwrap_or_default();
        let Some(end) = memchr(b'\n', rest).filter(|end| *end < LINE_OCTETS_MAX) else {
            let limit_octets = LINE_OCTETS_MAX;
            return if rest.len() < limit_octets {
                Ok(Scan::NeedMore)
            } else {
                Err(Offence::LineTooLong { limit_octets })
            };
        };
        let line = rest.get(..end).unwrap_or_default();
        at += end + 1;
        match literal(line)? {
            None => return Ok(Scan::Whole { octets: at }),
            Some(octets) if octets > PASSED_OVER_OCTETS_MAX => {
                return Err(Offence::LiteralTooLarge { limit_octets: PASSED_OVER_OCTETS_MAX });
            }
            // Many literals together are no smaller than one: what is held of a command has one bound.
            Some(octets) if octets > literal_octets_max || at + octets > literal_octets_max + LINE_OCTETS_MAX => {
                return Ok(Scan::TooLarge { before: at, octets });
            }
            Some(octets) => at += octets,
        }
        if input.len() < at {
            return Ok(Scan::NeedMore);
        }
    }
}

/// The size of the literal that a line announces at its end.
fn literal(line: &[u8]) -> Result<Option<usize>, Offence> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let Some(inner) = line.strip_suffix(b"}") else { return Ok(None) };
    let Some(open) = inner.iter().rposition(|octet| *octet == b'{') else { return Ok(None) };
    let digits = inner.get(open + 1..).unwrap_or_default();
    let (digits, is_pushed) = match digits.strip_suffix(b"+") {
        Some(digits) => (digits, true),
        None => (digits, false),
    };
    // What only looks like one is part of a quoted string.
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) || is_within_string(inner.get(..open)) {
        return Ok(None);
    }
    if !is_pushed {
        return Err(Offence::WaitingLiteral);
    }
    let octets = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    Ok(Some(octets.unwrap_or(usize::MAX)))
}

fn is_within_string(before: Option<&[u8]>) -> bool {
    let (mut is_open, mut is_escaped) = (false, false);
    for octet in before.unwrap_or_default() {
        match octet {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_open => is_escaped = true,
            b'"' => is_open = !is_open,
            _ => {}
        }
    }
    is_open
}

/// The tokens of a whole command.
///
/// # Errors
/// What is wrong with one of them.
pub fn tokens(command: &[u8]) -> Result<Vec<Token>, Offence> {
    let mut rest = command;
    let mut found = Vec::new();
    loop {
        rest = without_blanks(rest);
        let Some(first) = rest.first() else { return Ok(found) };
        if matches!(first, b'\r' | b'\n') {
            return Ok(found);
        }
        if found.len() >= TOKENS_MAX {
            return Err(Offence::BadArguments { usage: "fewer arguments" });
        }
        let (token, after) = match first {
            b'"' => quoted(rest)?,
            b'{' => pushed(rest)?,
            _ => word(rest)?,
        };
        found.push(token);
        rest = after;
    }
}

/// Without blanks in front; line ends stay.
fn without_blanks(input: &[u8]) -> &[u8] {
    let blanks = input.iter().take_while(|octet| matches!(octet, b' ' | b'\t')).count();
    input.get(blanks..).unwrap_or_default()
}

fn quoted(input: &[u8]) -> Result<(Token, &[u8]), Offence> {
    let mut text = Vec::new();
    let mut octets = input.iter().enumerate().skip(1);
    while let Some((at, octet)) = octets.next() {
        match octet {
            b'"' => return Ok((Token::Text(text), input.get(at + 1..).unwrap_or_default())),
            b'\\' => text.extend(octets.next().map(|(_, octet)| *octet)),
            b'\r' | b'\n' | 0 => return Err(Offence::BadString),
            octet => text.push(*octet),
        }
        if text.len() > QUOTED_OCTETS_MAX {
            return Err(Offence::BadString);
        }
    }
    Err(Offence::BadString)
}

fn pushed(input: &[u8]) -> Result<(Token, &[u8]), Offence> {
    let end = memchr(b'\n', input).ok_or(Offence::BadOctet)?;
    let line = input.get(..end).unwrap_or_default();
    let octets = literal(line)?.ok_or(Offence::BadOctet)?;
    let rest = input.get(end + 1..).unwrap_or_default();
    let (text, rest) = rest.split_at_checked(octets).ok_or(Offence::BadOctet)?;
    Ok((Token::Text(text.to_vec()), rest))
}

fn word(input: &[u8]) -> Result<(Token, &[u8]), Offence> {
    let is_end = |octet: &u8| matches!(octet, b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'{');
    let end = input.iter().position(is_end).unwrap_or(input.len());
    let (text, rest) = input.split_at_checked(end).ok_or(Offence::BadOctet)?;
    if !text.iter().all(u8::is_ascii_graphic) {
        return Err(Offence::BadOctet);
    }
    let text = std::str::from_utf8(text).map_err(|_| Offence::BadOctet)?;
    let is_number = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    let token = match text.parse() {
        Ok(number) if is_number => Token::Number(number),
        _ => Token::Word(text.to_owned()),
    };
    Ok((token, rest))
}

/// Appends a string as the server writes it: quoted where it can be, else as a literal.
pub fn write(text: &[u8], output: &mut Vec<u8>) {
    let is_plain = text.len() <= QUOTED_OCTETS_MAX / 2
        && std::str::from_utf8(text).is_ok_and(|text| !text.chars().any(|c| matches!(c, '\r' | '\n' | '\0')));
    if !is_plain {
        output.extend(format!("{{{}}}\r\n", text.len()).bytes());
        output.extend_from_slice(text);
        return;
    }
    output.push(b'"');
    for octet in text {
        if matches!(octet, b'"' | b'\\') {
            output.push(b'\\');
        }
        output.push(*octet);
    }
    output.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_ends_behind_its_literals() {
        let whole = b"PUTSCRIPT \"a\" {3+}\r\nabc\r\nNOOP\r\n";
        assert_eq!(scan(whole, 10), Ok(Scan::Whole { octets: 25 }));
        assert_eq!(scan(&whole[..22], 10), Ok(Scan::NeedMore));
        assert_eq!(scan(whole, 2), Ok(Scan::TooLarge { before: 20, octets: 3 }));
        assert_eq!(scan(b"X {3}\r\n", 10), Err(Offence::WaitingLiteral));
        assert_eq!(scan(b"X \"{3}\r\n", 10), Ok(Scan::Whole { octets: 8 }));
        assert!(matches!(scan(&[b'a'; 5000], 10), Err(Offence::LineTooLong { .. })));
        assert!(matches!(scan(b"X {99999999999999999999999+}\r\n", 10), Err(Offence::LiteralTooLarge { .. })));
    }

    #[test]
    fn many_literals_are_held_no_longer_than_one() {
        let unfinished = |literal: &[u8]| {
            let mut input = b"X".to_vec();
            while input.len() < 64 * 1024 {
                input.extend_from_slice(literal);
            }
            input
        };
        for literal in [b"{0+}\r\n".as_slice(), b" {9+}\r\n123456789"] {
            let found = scan(&unfinished(literal), 10);
            assert!(matches!(found, Ok(Scan::TooLarge { before, .. }) if before <= LINE_OCTETS_MAX + 20), "{found:?}");
        }
    }

    #[test]
    fn tokens_are_words_numbers_and_texts() {
        let found = tokens(b"havespace \"a \\\"b\" 12 {2+}\r\nx\n\r\n").unwrap();
        let text = |text: &[u8]| Token::Text(text.to_vec());
        let expected = vec![Token::Word("havespace".to_owned()), text(b"a \"b"), Token::Number(12), text(b"x\n")];
        assert!(found == expected);
        assert_eq!(tokens(b"X \"open\r\n").err(), Some(Offence::BadString));
        assert_eq!(tokens(b"\xff\r\n").err(), Some(Offence::BadOctet));
        assert!(tokens(b"\r\n").unwrap().is_empty());
    }

    #[test]
    fn strings_are_written_in_the_shortest_safe_form() {
        let written = |text: &[u8]| {
            let mut output = Vec::new();
            write(text, &mut output);
            String::from_utf8(output).unwrap()
        };
        assert_eq!(written(b"a\"b"), "\"a\\\"b\"");
        assert_eq!(written(b"a\r\nb"), "{4}\r\na\r\nb");
    }
}
