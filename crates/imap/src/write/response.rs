//! Responses that several commands share: flags, LIST, ESEARCH.

use super::{astring, string};
use crate::sequence;
use std::io::Write as _;

/// Appends words in parentheses, such as flags or mailbox attributes (RFC 9051 §9 `flag-list`).
pub fn words<'a>(out: &mut Vec<u8>, words: impl IntoIterator<Item = &'a str>) {
    out.push(b'(');
    for (index, word) in words.into_iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(word.as_bytes());
    }
    out.push(b')');
}

/// Appends a LIST or LSUB response up to the mailbox's name, without CRLF, so that extended data may follow
/// (RFC 9051 §7.3.1). The name is as it goes over the wire.
pub fn list<'a>(
    out: &mut Vec<u8>,
    response: &str,
    attributes: impl IntoIterator<Item = &'a str>,
    name: &str,
    utf8: bool,
) {
    let _infallible = write!(out, "* {response} ");
    words(out, attributes);
    out.extend_from_slice(b" \"/\" ");
    astring(out, name, utf8);
}

/// What an ESEARCH response tells (RFC 9051 §7.3.4, RFC 7162 §3.1.5, RFC 7377 §2.1, RFC 9394 §3.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Esearch<'a> {
    /// The command's tag; none if what is told was not asked for.
    pub tag: Option<&'a str>,
    /// The mailbox as it goes over the wire and its UIDVALIDITY, for a search over several (RFC 7377 §2.1).
    pub mailbox: Option<(&'a str, u32)>,
    /// Whether the numbers are UIDs.
    pub uid: bool,
    /// The smallest.
    pub min: Option<u32>,
    /// The greatest.
    pub max: Option<u32>,
    /// How many.
    pub count: Option<usize>,
    /// All, in the order of the result; nothing is told of none.
    pub all: Option<&'a [u32]>,
    /// The range that was asked for and what lies in it, in the order of the result.
    pub partial: Option<((i64, i64), &'a [u32])>,
    /// The greatest modseq of what is told.
    pub modseq: Option<u64>,
}

impl Esearch<'_> {
    /// Appends the response with its CRLF.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"* ESEARCH");
        if self.tag.is_some() || self.mailbox.is_some() {
            self.correlator(out);
        }
        if self.uid {
            out.extend_from_slice(b" UID");
        }
        let mut number = |name: &str, value: Option<u64>| {
            if let Some(value) = value {
                let _infallible = write!(out, " {name} {value}");
            }
        };
        number("MIN", self.min.map(u64::from));
        number("MAX", self.max.map(u64::from));
        number("COUNT", self.count.map(|count| u64::try_from(count).unwrap_or(u64::MAX)));
        if let Some(all) = self.all.filter(|all| !all.is_empty()) {
            let _infallible = write!(out, " ALL {}", sequence::write(all.iter().copied()));
        }
        if let Some(((first, last), found)) = self.partial {
            let found =
                if found.is_empty() { "NIL".to_owned() } else { sequence::write_in_order(found.iter().copied()) };
            let _infallible = write!(out, " PARTIAL ({first}:{last} {found})");
        }
        if let Some(modseq) = self.modseq {
            let _infallible = write!(out, " MODSEQ {modseq}");
        }
        out.extend_from_slice(b"\r\n");
    }

    fn correlator(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b" (");
        if let Some(tag) = self.tag {
            out.extend_from_slice(b"TAG ");
            string(out, tag.as_bytes(), false);
        }
        if let Some((name, uid_validity)) = self.mailbox {
            out.extend_from_slice(if self.tag.is_some() { b" MAILBOX " } else { b"MAILBOX " });
            astring(out, name, true);
            let _infallible = write!(out, " UIDVALIDITY {uid_validity}");
        }
        out.push(b')');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(esearch: &Esearch<'_>) -> String {
        let mut out = Vec::new();
        esearch.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn results_of_searches_are_told() {
        let found = [2, 10, 11, 12, 15];
        let all = Esearch { tag: Some("A1"), min: Some(2), count: Some(5), all: Some(&found), ..Esearch::default() };
        assert_eq!(written(&all), "* ESEARCH (TAG \"A1\") MIN 2 COUNT 5 ALL 2,10:12,15\r\n");
        let none = Esearch { tag: Some("A1"), uid: true, all: Some(&[]), ..Esearch::default() };
        assert_eq!(written(&none), "* ESEARCH (TAG \"A1\") UID\r\n");
        let several = Esearch {
            tag: Some("t"),
            mailbox: Some(("folder1", 1)),
            uid: true,
            all: Some(&[4001, 4003]),
            modseq: Some(7),
            ..Esearch::default()
        };
        let expected = "* ESEARCH (TAG \"t\" MAILBOX folder1 UIDVALIDITY 1) UID ALL 4001,4003 MODSEQ 7\r\n";
        assert_eq!(written(&several), expected);
        let partial = |found| Esearch { partial: Some(((-1, -100), found)), ..Esearch::default() };
        assert_eq!(written(&partial(&[])), "* ESEARCH PARTIAL (-1:-100 NIL)\r\n");
        assert_eq!(written(&partial(&[9, 3])), "* ESEARCH PARTIAL (-1:-100 9,3)\r\n");
    }

    #[test]
    fn mailboxes_are_listed() {
        let mut out = Vec::new();
        list(&mut out, "LIST", ["\\HasNoChildren", "\\Sent"], "Sent Items", false);
        assert_eq!(out, b"* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent Items\"");
    }
}
