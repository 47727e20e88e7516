//! Steps through a command: atoms, strings, literals, lists, numbers (RFC 9051 §9).

use crate::limits::ITEMS_MAX;
use crate::parse::Offence;
use crate::sequence::SequenceSet;

/// A place in a command.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    octets: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(octets: &'a [u8]) -> Cursor<'a> {
        Cursor { octets, at: 0 }
    }

    /// The offence of finding something else than `wanted` here.
    pub fn expected(&self, wanted: &'static str) -> Offence {
        Offence::Expected { wanted, at: self.at }
    }

    pub fn peek(&self) -> Option<u8> {
        self.octets.get(self.at).copied()
    }

    /// Takes `octet` if it is next.
    pub fn take(&mut self, octet: u8) -> bool {
        let is_next = self.peek() == Some(octet);
        self.at += usize::from(is_next);
        is_next
    }

    pub fn need(&mut self, octet: u8, wanted: &'static str) -> Result<(), Offence> {
        if self.take(octet) { Ok(()) } else { Err(self.expected(wanted)) }
    }

    pub fn blank(&mut self) -> Result<(), Offence> {
        self.need(b' ', "a blank")
    }

    /// The end of the command.
    pub fn end(&mut self) -> Result<(), Offence> {
        // Some clients leave a blank at the end.
        while self.take(b' ') {}
        self.take(b'\r');
        self.take(b'\n');
        if self.at >= self.octets.len() { Ok(()) } else { Err(self.expected("the end of the command")) }
    }

    fn run(&mut self, fits: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.octets.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|octet| !fits(*octet)).unwrap_or(rest.len());
        let run = rest.get(..length).unwrap_or_default();
        match std::str::from_utf8(run) {
            Ok(text) => {
                self.at += length;
                text
            }
            Err(_) => "",
        }
    }

    /// An atom, with `]`, as keywords, sets and mailbox names have it.
    pub fn word(&mut self) -> Result<&'a str, Offence> {
        let word = self.run(|octet| octet > b' ' && octet != 127 && !b"(){\"\\".contains(&octet));
        if word.is_empty() { Err(self.expected("a word")) } else { Ok(word) }
    }

    /// A word that ends before a bracket too.
    pub fn name(&mut self) -> Result<&'a str, Offence> {
        let word = self.run(|octet| octet > b' ' && octet != 127 && !b"(){\"\\[]<>".contains(&octet));
        if word.is_empty() { Err(self.expected("a word")) } else { Ok(word) }
    }

    /// Takes `word` in any case if it is the next word.
    pub fn take_word(&mut self, word: &str) -> bool {
        let mut ahead = self.clone();
        let is_next = ahead.word().is_ok_and(|next| next.eq_ignore_ascii_case(word));
        if is_next {
            *self = ahead;
        }
        is_next
    }

    /// Everything up to the end of the line.
    pub fn rest_of_line(&mut self) -> &'a str {
        self.run(|octet| octet != b'\r' && octet != b'\n')
    }

    pub fn number(&mut self) -> Result<u32, Offence> {
        let number = self.number64()?;
        u32::try_from(number).map_err(|_| self.expected("a number of 32 bits"))
    }

    pub fn number64(&mut self) -> Result<u64, Offence> {
        let digits = self.run(|octet| octet.is_ascii_digit());
        digits.parse::<u64>().ok().filter(|number| *number <= i64::MAX as u64).ok_or_else(|| self.expected("a number"))
    }

    /// A number with a sign, as PARTIAL has it.
    pub fn signed(&mut self) -> Result<i64, Offence> {
        let sign = if self.take(b'-') { -1 } else { 1 };
        let number = i64::try_from(self.number64()?).map_err(|_| self.expected("a number"))?;
        if number == 0 { Err(self.expected("a number other than 0")) } else { Ok(sign * number) }
    }

    /// `first:last` of PARTIAL (RFC 9394 §3.1): both ends of one sign.
    pub fn partial_range(&mut self) -> Result<(i64, i64), Offence> {
        let first = self.signed()?;
        self.need(b':', "\":\"")?;
        let last = self.signed()?;
        if (first < 0) == (last < 0) { Ok((first, last)) } else { Err(self.expected("a range from one end")) }
    }

    pub fn set(&mut self) -> Result<SequenceSet, Offence> {
        let text = self.run(|octet| octet.is_ascii_digit() || b"*:,$".contains(&octet));
        SequenceSet::parse(text).ok_or_else(|| self.expected("a set of numbers"))
    }

    /// A quoted string, a literal, or a word: `astring`, as octets.
    pub fn octets(&mut self) -> Result<Vec<u8>, Offence> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{' | b'~') if self.literal_ahead() => self.literal(),
            _ => self.word().map(|word| word.as_bytes().to_vec()),
        }
    }

    /// `astring`, as text; what is not UTF-8 is taken for Latin-1, as old clients send it.
    pub fn text(&mut self) -> Result<String, Offence> {
        self.octets().map(to_text)
    }

    /// A string or NIL.
    pub fn nullable_octets(&mut self) -> Result<Option<Vec<u8>>, Offence> {
        if self.take_word("NIL") { Ok(None) } else { self.octets().map(Some) }
    }

    pub fn nullable_text(&mut self) -> Result<Option<String>, Offence> {
        Ok(self.nullable_octets()?.map(to_text))
    }

    fn quoted(&mut self) -> Result<Vec<u8>, Offence> {
        self.need(b'"', "a quote")?;
        let mut out = Vec::new();
        loop {
            let octet = self.peek().ok_or_else(|| self.expected("the closing quote"))?;
            self.at += 1;
            match octet {
                b'"' => return Ok(out),
                b'\\' => {
                    let escaped = self.peek().filter(|octet| b"\"\\".contains(octet));
                    out.push(escaped.ok_or_else(|| self.expected("a quote or backslash"))?);
                    self.at += 1;
                }
                b'\r' | b'\n' | 0 => return Err(self.expected("the closing quote")),
                other => out.push(other),
            }
        }
    }

    fn literal_ahead(&self) -> bool {
        self.peek() == Some(b'{') || self.octets.get(self.at + 1) == Some(&b'{')
    }

    /// `{n}` or `~{n}`, CRLF, n octets; the framer has seen to it that they are there.
    pub fn literal(&mut self) -> Result<Vec<u8>, Offence> {
        self.take(b'~');
        self.need(b'{', "a literal")?;
        let length = usize::try_from(self.number64()?).map_err(|_| self.expected("a length"))?;
        self.take(b'+');
        self.need(b'}', "\"}\"")?;
        self.take(b'\r');
        self.need(b'\n', "the end of the line")?;
        let end = self.at.checked_add(length).ok_or_else(|| self.expected("a length"))?;
        let literal = self.octets.get(self.at..end).ok_or_else(|| self.expected("the octets of the literal"))?;
        self.at = end;
        Ok(literal.to_vec())
    }

    /// A list in parentheses, its members apart by blanks; may be empty.
    pub fn list(&mut self, mut member: impl FnMut(&mut Cursor<'a>) -> Result<(), Offence>) -> Result<(), Offence> {
        self.need(b'(', "a list")?;
        if self.take(b')') {
            return Ok(());
        }
        for _ in 0..ITEMS_MAX {
            member(self)?;
            if self.take(b')') {
                return Ok(());
            }
            self.blank()?;
        }
        Err(Offence::TooMuch)
    }

    /// A flag: `\Seen` or a keyword.
    pub fn flag(&mut self) -> Result<String, Offence> {
        let slash = if self.take(b'\\') { "\\" } else { "" };
        Ok(format!("{slash}{}", self.word()?))
    }
}

fn to_text(octets: Vec<u8>) -> String {
    String::from_utf8(octets)
        .unwrap_or_else(|error| error.into_bytes().iter().map(|octet| char::from(*octet)).collect())
}
