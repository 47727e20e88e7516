//! Macros of SPF (RFC 7208 §7).

use std::net::IpAddr;

/// The record does not follow the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// A macro string, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Macro { letter: char, escape: bool, parts: usize, reverse: bool, delimiters: Vec<char> },
}

/// What the letters stand for.
#[derive(Clone, Debug)]
pub struct Values<'a> {
    /// `s`: the sender, with `postmaster` for a missing local part.
    pub sender: &'a str,
    /// `d`: the domain whose record is read.
    pub domain: &'a str,
    /// `i`, `c`, `v`.
    pub address: IpAddr,
    /// `p`: a validated name of the address.
    pub validated: &'a str,
    /// `h`: how the client named itself.
    pub hello: &'a str,
    /// `r`: this server.
    pub receiver: &'a str,
    /// `t`: seconds of now.
    pub now_secs: u64,
}

/// Reads a macro string; it must be printable ASCII without spaces.
pub fn parse(text: &str) -> Result<Text, Malformed> {
    read(text, false)
}

/// Reads an explanation, which may hold spaces and the letters `c`, `r` and `t` (§6.2, §7.2).
pub fn parse_explanation(text: &str) -> Result<Text, Malformed> {
    read(text, true)
}

fn read(text: &str, is_explanation: bool) -> Result<Text, Malformed> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '%' => match rest.next() {
                Some('%') => literal.push('%'),
                Some('_') => literal.push(' '),
                Some('-') => literal.push_str("%20"),
                Some('{') => {
                    let (inner, after) = rest.as_str().split_once('}').ok_or(Malformed)?;
                    rest = after.chars();
                    if !literal.is_empty() {
                        pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                    }
                    pieces.push(read_macro(inner, is_explanation)?);
                }
                _ => return Err(Malformed),
            },
            ' ' if is_explanation => literal.push(' '),
            '!'..='~' => literal.push(c),
            _ => return Err(Malformed),
        }
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(Text(pieces))
}

fn read_macro(inner: &str, is_explanation: bool) -> Result<Piece, Malformed> {
    let mut rest = inner.chars();
    let letter = rest.next().ok_or(Malformed)?;
    let escape = letter.is_ascii_uppercase();
    let letter = letter.to_ascii_lowercase();
    let known = if is_explanation { "slodiphcrtv" } else { "slodiphv" };
    if !known.contains(letter) {
        return Err(Malformed);
    }
    let rest = rest.as_str();
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, rest) = rest.split_at(digits);
    let parts = match number {
        "" => usize::MAX,
        // Names have at most 127 labels: whoever wants more gets all.
        number => number.parse().unwrap_or(usize::MAX),
    };
    if parts == 0 {
        return Err(Malformed);
    }
    let (reverse, rest) = match rest.strip_prefix(['r', 'R']) {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    if !rest.chars().all(|c| ".-+,/_=".contains(c)) {
        return Err(Malformed);
    }
    let delimiters = if rest.is_empty() { vec!['.'] } else { rest.chars().collect() };
    Ok(Piece::Macro { letter, escape, parts, reverse, delimiters })
}

impl Text {
    /// Whether the last piece is a macro, so that only expanding it tells what it ends with.
    pub fn ends_with_macro(&self) -> bool {
        matches!(self.0.last(), Some(Piece::Macro { .. }))
    }

    /// Whether a validated name of the address is asked for, which costs questions.
    pub fn wants_validated_name(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Macro { letter: 'p', .. }))
    }

    /// With everything put in.
    pub fn expand(&self, values: &Values<'_>) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Macro { letter, escape, parts, reverse, delimiters } => {
                    let value = value_of(*letter, values);
                    let mut labels: Vec<&str> = value.split(delimiters.as_slice()).collect();
                    if *reverse {
                        labels.reverse();
                    }
                    let kept = labels.len().saturating_sub(*parts);
                    let joined = labels.split_off(kept).join(".");
                    if *escape { push_escaped(&joined, &mut text) } else { text.push_str(&joined) }
                }
            }
        }
        text
    }
}

fn value_of(letter: char, values: &Values<'_>) -> String {
    let (local, domain) = values.sender.rsplit_once('@').unwrap_or(("postmaster", values.sender));
    match letter {
        's' => values.sender.to_owned(),
        'l' => local.to_owned(),
        'o' => domain.to_owned(),
        'd' => values.domain.to_owned(),
        'i' => match values.address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                let nibbles = address.octets().into_iter().flat_map(|octet| [octet >> 4, octet & 15]);
                nibbles.map(|nibble| format!("{nibble:x}")).collect::<Vec<_>>().join(".")
            }
        },
        'p' => values.validated.to_owned(),
        'h' => values.hello.to_owned(),
        'c' => values.address.to_string(),
        'r' => values.receiver.to_owned(),
        't' => values.now_secs.to_string(),
        'v' => if values.address.is_ipv4() { "in-addr" } else { "ip6" }.to_owned(),
        _ => String::new(),
    }
}

fn push_escaped(value: &str, text: &mut String) {
    for octet in value.bytes() {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(octet)),
            _ => text.push_str(&format!("%{octet:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(text: &str, address: &str) -> String {
        let values = Values {
            sender: "strong-bad@email.example.com",
            domain: "email.example.com",
            address: address.parse().unwrap(),
            validated: "mx.example.org",
            hello: "hello.example",
            receiver: "mx.test",
            now_secs: 7,
        };
        parse_explanation(text).unwrap().expand(&values)
    }

    #[test]
    fn the_examples_of_the_standard() {
        // RFC 7208 §7.4.
        for (text, expanded) in [
            ("%{s}", "strong-bad@email.example.com"),
            ("%{o}", "email.example.com"),
            ("%{d4}", "email.example.com"),
            ("%{d2}", "example.com"),
            ("%{d1}", "com"),
            ("%{dr}", "com.example.email"),
            ("%{d2r}", "example.email"),
            ("%{l-}", "strong.bad"),
            ("%{lr-}", "bad.strong"),
            ("%{l1r-}", "strong"),
            ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
            ("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"),
            ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
            ("%{S}", "strong-bad%40email.example.com"),
        ] {
            assert_eq!(expand(text, "192.0.2.3"), expanded, "{text}");
        }
        let v6 = "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com";
        assert_eq!(expand("%{ir}.%{v}._spf.%{d2}", "2001:db8::cb01"), v6);
    }

    #[test]
    fn what_is_no_macro_is_refused() {
        for text in ["%", "%a", "%{", "%{}", "%{x}", "%{d0}", "%{d2x}", "%{c}", "a b", "\u{e4}"] {
            assert_eq!(parse(text), Err(Malformed), "{text}");
        }
    }
}
