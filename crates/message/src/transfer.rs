//! Content transfer encodings: base64 and quoted-printable, both ways, in pieces of any size (RFC 2045 §6).

use memchr::memchr;

/// The encodings that can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `7bit`, `8bit`, `binary`: the octets are the content (RFC 2045 §6.2).
    Identity,
    /// `base64` (RFC 2045 §6.8).
    Base64,
    /// `quoted-printable` (RFC 2045 §6.7).
    QuotedPrintable,
}

impl Encoding {
    /// The encoding of that name in any case; `None` for one that is not known, such as `x-uuencode`.
    pub fn named(name: &str) -> Option<Encoding> {
        let is = |known: &str| name.trim().eq_ignore_ascii_case(known);
        if is("") || is("7bit") || is("8bit") || is("binary") {
            Some(Encoding::Identity)
        } else if is("base64") {
            Some(Encoding::Base64)
        } else if is("quoted-printable") {
            Some(Encoding::QuotedPrintable)
        } else {
            None
        }
    }
}

/// Decodes piece by piece. Damaged input is decoded as far as it makes sense; nothing is refused.
#[derive(Clone, Debug)]
pub struct Decoder {
    encoding: Encoding,
    /// Quoted-printable: the line that has not ended yet.
    held: Vec<u8>,
    /// Base64: the bits of the quantum that is not full yet, and how many characters it has.
    quantum: u32,
    characters: u8,
}

/// A quoted-printable line longer than this is decoded before its end is seen.
const HELD_OCTETS_MAX: usize = 16 * 1024;

impl Decoder {
    /// A decoder at the start of a body.
    pub fn new(encoding: Encoding) -> Decoder {
        Decoder { encoding, held: Vec::new(), quantum: 0, characters: 0 }
    }

    /// Takes the next piece and appends what it means to `output`.
    pub fn push(&mut self, input: &[u8], output: &mut Vec<u8>) {
        match self.encoding {
            Encoding::Identity => output.extend_from_slice(input),
            Encoding::Base64 => self.push_base64(input, output),
            Encoding::QuotedPrintable => self.push_quoted(input, output),
        }
    }

    /// The end of the body: appends what was still held back.
    pub fn finish(&mut self, output: &mut Vec<u8>) {
        let held = std::mem::take(&mut self.held);
        quoted_line(&held, b"", output);
        self.end_quantum(output);
    }

    fn push_base64(&mut self, input: &[u8], output: &mut Vec<u8>) {
        output.reserve(input.len() / 4 * 3 + 3);
        let mut rest = input;
        while let Some((first, after)) = rest.split_first() {
            if self.characters == 0
                && let Some((&[a, b, c, d], after)) = rest.split_first_chunk::<4>()
                && let (Some(a), Some(b), Some(c), Some(d)) = (sextet(a), sextet(b), sextet(c), sextet(d))
            {
                let [_, x, y, z] = (a << 18 | b << 12 | c << 6 | d).to_be_bytes();
                output.extend_from_slice(&[x, y, z]);
                rest = after;
                continue;
            }
            rest = after;
            match sextet(*first) {
                Some(bits) => self.push_sextet(bits, output),
                None if *first == b'=' => self.end_quantum(output),
                // RFC 2045 §6.8: all other characters must be ignored.
                None => {}
            }
        }
    }

    fn push_sextet(&mut self, bits: u32, output: &mut Vec<u8>) {
        self.quantum = self.quantum << 6 | bits;
        self.characters += 1;
        if self.characters == 4 {
            let [_, x, y, z] = self.quantum.to_be_bytes();
            output.extend_from_slice(&[x, y, z]);
            self.quantum = 0;
            self.characters = 0;
        }
    }

    fn end_quantum(&mut self, output: &mut Vec<u8>) {
        match self.characters {
            2 => {
                let [.., x] = (self.quantum >> 4).to_be_bytes();
                output.push(x);
            }
            3 => {
                let [.., x, y] = (self.quantum >> 2).to_be_bytes();
                output.extend_from_slice(&[x, y]);
            }
            _ => {}
        }
        self.quantum = 0;
        self.characters = 0;
    }

    fn push_quoted(&mut self, input: &[u8], output: &mut Vec<u8>) {
        let mut rest = input;
        while let Some(end) = memchr(b'\n', rest) {
            let (line, after) = rest.split_at(end + 1);
            rest = after;
            if self.held.is_empty() {
                whole_line(line, output);
            } else {
                let mut held = std::mem::take(&mut self.held);
                held.extend_from_slice(line);
                whole_line(&held, output);
                held.clear();
                self.held = held;
            }
        }
        self.held.extend_from_slice(rest);
        if self.held.len() > HELD_OCTETS_MAX {
            self.release_long_line(output);
        }
    }

    /// Decodes the beginning of a line whose end is far away; what the end could change stays held.
    fn release_long_line(&mut self, output: &mut Vec<u8>) {
        let mut cut = self.held.len();
        if let Some(escape) = memchr(b'=', self.held.get(cut - 2..).unwrap_or_default()) {
            cut = cut - 2 + escape;
        }
        let kept = self.held.get(..cut).unwrap_or_default();
        let kept = kept.trim_ascii_end().len();
        let cut = if kept == 0 { cut } else { kept };
        let tail = self.held.split_off(cut);
        unescape(&self.held, output);
        self.held = tail;
    }
}

/// Decodes a whole body.
pub fn decode(encoding: Encoding, body: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(body.len());
    let mut decoder = Decoder::new(encoding);
    decoder.push(body, &mut output);
    decoder.finish(&mut output);
    output
}

fn whole_line(line: &[u8], output: &mut Vec<u8>) {
    match line.strip_suffix(b"\r\n") {
        Some(content) => quoted_line(content, b"\r\n", output),
        None => quoted_line(line.strip_suffix(b"\n").unwrap_or(line), b"\n", output),
    }
}

/// One line of quoted-printable: white space at its end was added on the way, `=` at its end joins it to the next.
fn quoted_line(content: &[u8], line_end: &[u8], output: &mut Vec<u8>) {
    let trimmed = content.trim_ascii_end();
    match trimmed.strip_suffix(b"=") {
        Some(joined) => unescape(joined, output),
        None => {
            unescape(trimmed, output);
            output.extend_from_slice(line_end);
        }
    }
}

fn unescape(content: &[u8], output: &mut Vec<u8>) {
    let mut rest = content;
    while let Some(at) = memchr(b'=', rest) {
        let (plain, escape) = rest.split_at(at);
        output.extend_from_slice(plain);
        rest = match escape {
            [_, high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                output.push(hex(*high) << 4 | hex(*low));
                after
            }
            // RFC 2045 §6.7: a robust decoder keeps what is no escape.
            _ => {
                output.push(b'=');
                escape.get(1..).unwrap_or_default()
            }
        };
    }
    output.extend_from_slice(rest);
}

/// The value of a hexadecimal digit; 0 for anything else.
pub(crate) fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
    }
}

fn sextet(character: u8) -> Option<u32> {
    const NONE: u8 = 0xff;
    const TABLE: [u8; 256] = {
        let mut table = [NONE; 256];
        let mut value = 0;
        while value < 64 {
            table[ALPHABET[value] as usize] = value as u8;
            value += 1;
        }
        table
    };
    TABLE.get(usize::from(character)).filter(|value| **value != NONE).map(|value| u32::from(*value))
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 in lines of 76 characters, each ended by CRLF (RFC 2045 §6.8).
pub fn base64_lines(content: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(content.len().div_ceil(57) * 78);
    for line in content.chunks(57) {
        push_base64(line, &mut output);
        output.extend_from_slice(b"\r\n");
    }
    output
}

/// Base64 without line ends (RFC 4648 §4).
pub fn base64(content: &[u8]) -> String {
    let mut output = Vec::with_capacity(content.len().div_ceil(3) * 4);
    push_base64(content, &mut output);
    output.into_iter().map(char::from).collect()
}

fn push_base64(content: &[u8], output: &mut Vec<u8>) {
    for group in content.chunks(3) {
        let octet = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = octet(0) << 16 | octet(1) << 8 | octet(2);
        for position in 0..4u32 {
            let index = bits >> (18 - 6 * position) & 63;
            let padding = position as usize > group.len();
            let character = ALPHABET.get(index as usize).copied().unwrap_or(b'A');
            output.push(if padding { b'=' } else { character });
        }
    }
}

/// Quoted-printable for text (RFC 2045 §6.7): CRLF stays CRLF; a CR or LF that stands alone is escaped, so that
/// decoding gives back every octet.
pub fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(text.len() + text.len() / 4);
    let mut column = 0;
    let mut rest = text;
    while let Some((octet, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(b"\r\n") {
            output.extend_from_slice(b"\r\n");
            column = 0;
            rest = after;
            continue;
        }
        let at_line_end = after.is_empty() || after.starts_with(b"\r\n");
        let plain = match octet {
            b' ' | b'\t' => !at_line_end,
            b'=' => false,
            other => other.is_ascii_graphic(),
        };
        let width = if plain { 1 } else { 3 };
        // One column stays free for the "=" of a soft line break.
        if column + width > 75 {
            output.extend_from_slice(b"=\r\n");
            column = 0;
        }
        if plain {
            output.push(*octet);
        } else {
            output.extend_from_slice(&[b'=', hex_digit(octet >> 4), hex_digit(octet & 15)]);
        }
        column += width;
        rest = after;
    }
    output
}

/// The hexadecimal digit, in upper case, of a number below 16.
pub(crate) fn hex_digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'A' - 10 + (value & 15) }
}

#[cfg(test)]
mod tests;
