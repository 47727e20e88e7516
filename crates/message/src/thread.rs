//! What threads are made of: message ids and base subjects (RFC 5256 §2.1, §2.2).

use crate::header;
use crate::limits::{MESSAGE_ID_OCTETS_MAX, REFERENCES_MAX};
use crate::word;

/// A subject without what replying and forwarding add to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BaseSubject {
    /// The base subject, decoded, white space normalised, case as it came.
    pub text: String,
    /// Whether it was a reply or a forward (RFC 5256 §2.1, §3 step 5).
    pub is_reply_or_forward: bool,
}

/// The base subject of a `Subject:` value, encoded words not yet decoded (RFC 5256 §2.1).
pub fn base_subject(subject: &str) -> BaseSubject {
    // Step 1: decode, and make every run of white space one space.
    let decoded = word::decode(subject);
    let normal = decoded.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let mut text = normal.as_str();
    let mut is_reply_or_forward = false;
    loop {
        // Step 2: trailers.
        while let Some(before) = strip_suffix_ignoring_case(text, "(fwd)") {
            text = before.trim_end_matches(' ');
            is_reply_or_forward = true;
        }
        // Steps 3 to 5: leaders, and blobs unless nothing would be left.
        loop {
            if let Some(after) = strip_leader(text) {
                text = after;
                is_reply_or_forward = true;
            } else if let Some(after) = strip_blob(text).filter(|after| !after.is_empty()) {
                text = after;
            } else {
                break;
            }
        }
        // Step 6: a forward in brackets, and all over again.
        match strip_prefix_ignoring_case(text, "[fwd:").and_then(|after| after.strip_suffix(']')) {
            Some(inner) => {
                text = inner.trim_matches(' ');
                is_reply_or_forward = true;
            }
            None => return BaseSubject { text: text.to_owned(), is_reply_or_forward },
        }
    }
}

/// `subj-leader = *subj-blob subj-refwd`, `subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"`.
fn strip_leader(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(after) = strip_blob(rest) {
        rest = after;
    }
    let rest = ["re", "fwd", "fw"].iter().find_map(|word| strip_prefix_ignoring_case(rest, word))?;
    let rest = rest.trim_start_matches(' ');
    let rest = strip_blob(rest).unwrap_or(rest);
    rest.strip_prefix(':').map(|after| after.trim_start_matches(' '))
}

/// `subj-blob = "[" *BLOBCHAR "]" *WSP`.
fn strip_blob(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let end = inner.find(['[', ']'])?;
    inner.get(end..)?.strip_prefix(']').map(|after| after.trim_start_matches(' '))
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn strip_suffix_ignoring_case<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let (rest, tail) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    tail.eq_ignore_ascii_case(suffix).then_some(rest)
}

/// The message ids of a `References:`, `In-Reply-To:` or `Message-ID:` value, angle brackets and needless quoting
/// removed (RFC 5322 §3.6.4, RFC 5256 §2.2). An id without brackets is taken if nothing else is there.
pub fn message_ids(value: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut rest = value;
    while let Some((_, after)) = rest.split_once('<') {
        let end = after.find(['<', '>']).unwrap_or(after.len());
        let (inner, tail) = after.split_at(end);
        if tail.starts_with('>') {
            ids.extend(normal_id(inner));
        }
        rest = tail;
    }
    if ids.is_empty() && !value.contains('<') {
        let mut words = value.split_ascii_whitespace();
        if let (Some(only), None) = (words.next(), words.next())
            && only.contains('@')
        {
            ids.extend(normal_id(only));
        }
    }
    ids
}

/// White space from folding and the quoting of a local part that needs none do not count (RFC 5256 §2.2).
fn normal_id(inner: &str) -> Option<String> {
    let mut id = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => {}
            '\\' => id.extend(characters.next()),
            other if other.is_whitespace() || other.is_control() => {}
            other => id.push(other),
        }
    }
    (!id.is_empty() && id.len() <= MESSAGE_ID_OCTETS_MAX).then_some(id)
}

/// The ancestors of a message, the oldest first: those of `References:`, or the first of `In-Reply-To:` when there are
/// none (RFC 5256 §3 REFERENCES step 1). `header` may be a whole message.
pub fn ancestors(header: &[u8]) -> Vec<String> {
    let mut ids = Vec::new();
    let mut replied_to = None;
    for field in header::fields(header) {
        if field.is("references") {
            ids.extend(message_ids(&field.unfolded()));
        } else if replied_to.is_none() && field.is("in-reply-to") {
            replied_to = message_ids(&field.unfolded()).into_iter().next();
        }
    }
    if ids.is_empty() {
        return replied_to.into_iter().collect();
    }
    ids.split_off(ids.len().saturating_sub(REFERENCES_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_subjects() {
        for (subject, base, is_reply) in [
            ("Hello", "Hello", false),
            ("Re: Hello", "Hello", true),
            ("RE [list] : hello  world", "hello world", true),
            ("[list] Hello", "Hello", false),
            ("[list] [sub] Re: [list] Fwd: Hello (fwd) (FWD)", "Hello", true),
            ("[only a blob]", "[only a blob]", false),
            ("Re: [blob]", "[blob]", true),
            ("[Fwd: Re: inner (fwd)]", "inner", true),
            ("Fw: ", "", true),
            ("Reply to you", "Reply to you", false),
            ("Re without colon", "Re without colon", false),
            ("=?utf-8?Q?Re:_caf=C3=A9?=", "café", true),
            ("", "", false),
            ("\tRe:\r\n [a] x", "x", true),
        ] {
            let expected = BaseSubject { text: base.to_owned(), is_reply_or_forward: is_reply };
            assert_eq!(base_subject(subject), expected, "{subject:?}");
        }
    }

    #[test]
    fn ids_lose_what_does_not_count() {
        assert_eq!(message_ids("<\"01KF8JCEOCBS0045PS\"@xxx.yyy.com>"), ["01KF8JCEOCBS0045PS@xxx.yyy.com"]);
        assert_eq!(message_ids("text <a@b>junk<c\r\n @d> <broken <e@f>"), ["a@b", "c@d", "e@f"]);
        assert_eq!(message_ids("bare@id"), ["bare@id"]);
        assert_eq!(message_ids("Your message of Friday"), [] as [&str; 0]);
        assert_eq!(message_ids("<>"), [] as [&str; 0]);
    }

    #[test]
    fn ancestors_come_from_references_or_the_message_replied_to() {
        assert_eq!(ancestors(b"In-Reply-To: <x@y> <z@y>\r\n\r\n"), ["x@y"]);
        assert_eq!(ancestors(b"In-Reply-To: <x@y>\r\nReferences: <a@y>\r\n <b@y>\r\n\r\n"), ["a@y", "b@y"]);
        let many: String = (0..500).map(|index| format!(" <{index}@x>\r\n")).collect();
        let kept = ancestors(format!("References:{many}\r\n").as_bytes());
        assert_eq!((kept.len(), kept.last().map(String::as_str)), (REFERENCES_MAX, Some("499@x")));
    }
}
