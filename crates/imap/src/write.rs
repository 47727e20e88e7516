//! Strings, lists and dates as responses have them (RFC 9051 §9).

pub mod response;

use model::Timestamp;
use std::io::Write as _;

/// Appends a string, quoted where that is possible, else as a literal. With `utf8` text beyond ASCII may be quoted
/// (RFC 6855 §3, RFC 9051 §4.3).
pub fn string(out: &mut Vec<u8>, octets: &[u8], utf8: bool) {
    let plain = octets.len() <= 1_000
        && !octets.iter().any(|octet| matches!(octet, 0 | b'\r' | b'\n'))
        && (octets.is_ascii() || utf8 && std::str::from_utf8(octets).is_ok());
    if plain {
        out.push(b'"');
        for octet in octets {
            if matches!(octet, b'"' | b'\\') {
                out.push(b'\\');
            }
            out.push(*octet);
        }
        out.push(b'"');
    } else {
        literal(out, octets);
    }
}

/// Appends a number.
pub fn number(out: &mut Vec<u8>, number: u64) {
    let _infallible = write!(out, "{number}");
}

/// Appends a literal. It may hold no NUL; where the grammar allows one, [`literal8`] is right.
pub fn literal(out: &mut Vec<u8>, octets: &[u8]) {
    literal_head(out, octets.len());
    out.extend_from_slice(octets);
}

/// Appends what `BINARY` answers with: a literal, or with a NUL in it a literal8 (RFC 3516 §4.4).
pub fn literal8(out: &mut Vec<u8>, octets: &[u8]) {
    if octets.contains(&0) {
        out.push(b'~');
    }
    literal(out, octets);
}

/// Appends what stands in front of a literal's octets.
pub fn literal_head(out: &mut Vec<u8>, octets: usize) {
    let _infallible = write!(out, "{{{octets}}}\r\n");
}

/// Appends a string or NIL.
pub fn nstring(out: &mut Vec<u8>, text: Option<&[u8]>, utf8: bool) {
    match text {
        None => out.extend_from_slice(b"NIL"),
        Some(text) => string(out, text, utf8),
    }
}

/// Appends a mailbox name or another astring: as an atom where that is possible.
pub fn astring(out: &mut Vec<u8>, text: &str, utf8: bool) {
    let is_atom = !text.is_empty()
        && !text.eq_ignore_ascii_case("NIL")
        && text.bytes().all(|octet| octet.is_ascii_graphic() && !b"(){%*\"\\]".contains(&octet));
    if is_atom {
        out.extend_from_slice(text.as_bytes());
    } else {
        string(out, text.as_bytes(), utf8);
    }
}

/// A moment as `INTERNALDATE` and `SAVEDATE` have it, with its quotes.
pub fn date_time(moment: Timestamp) -> String {
    let civil = moment.civil(0);
    format!(
        "\"{:2}-{}-{:04} {:02}:{:02}:{:02} +0000\"",
        civil.day,
        civil.month_name(),
        civil.year,
        civil.hour,
        civil.minute,
        civil.second
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;
    use proptest::prelude::*;

    fn written(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_shortest_form_that_is_right_is_chosen() {
        assert_eq!(written(|out| string(out, b"a \"b\"\\", false)), "\"a \\\"b\\\"\\\\\"");
        assert_eq!(written(|out| string(out, "é".as_bytes(), false)), "{2}\r\né");
        assert_eq!(written(|out| string(out, "é".as_bytes(), true)), "\"é\"");
        assert_eq!(written(|out| string(out, b"a\nb", true)), "{3}\r\na\nb");
        assert_eq!(written(|out| astring(out, "INBOX", false)), "INBOX");
        assert_eq!(written(|out| astring(out, "a b", false)), "\"a b\"");
        assert_eq!(written(|out| astring(out, "nil", false)), "\"nil\"");
        assert_eq!(written(|out| literal8(out, b"a\0")), "~{2}\r\na\0");
        assert_eq!(written(|out| literal8(out, b"ab")), "{2}\r\nab");
        assert_eq!(written(|out| nstring(out, None, false)), "NIL");
        assert_eq!(date_time(Timestamp::from_secs(880_127_706)), "\"21-Nov-1997 15:55:06 +0000\"");
    }

    proptest! {
        #[test]
        fn strings_read_back(octets in proptest::collection::vec(any::<u8>(), 0..60), utf8: bool) {
            let text = String::from_utf8_lossy(&octets).into_owned();
            let mut command = b"a STATUS ".to_vec();
            string(&mut command, text.as_bytes(), utf8);
            command.extend_from_slice(b" (MESSAGES)\r\n");
            let read = parse::command(&command).unwrap().command;
            let crate::command::Command::Status { mailbox, .. } = read else { panic!("not a status") };
            prop_assert_eq!(mailbox, text);
        }
    }
}
