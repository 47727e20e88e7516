//! Authentication-Results fields that others wrote: those that claim to be ours are lies, and go (RFC 8601 §5).

use std::borrow::Cow;

use message::header;
use message::limits::FIELD_OCTETS_MAX;

/// The service identifier of a field's value (RFC 8601 §2.2): comments and white space in front are passed over.
pub fn service_of(value: &str) -> Option<String> {
    let mut rest = value.trim_start();
    while let Some(inner) = rest.strip_prefix('(') {
        rest = after_comment(inner)?.trim_start();
    }
    if let Some(inner) = rest.strip_prefix('"') {
        let mut name = String::new();
        let mut chars = inner.chars();
        loop {
            match chars.next()? {
                '"' => return Some(name),
                '\\' => name.push(chars.next()?),
                c => name.push(c),
            }
        }
    }
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, ';' | '(' | '"')).unwrap_or(rest.len());
    let name = rest.get(..end)?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// What follows a comment whose opening parenthesis is passed.
fn after_comment(text: &str) -> Option<&str> {
    let mut depth = 1_usize;
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return text.get(at + 1..);
        }
    }
    None
}

/// The message without the Authentication-Results fields that name this service, and how many there were. A field that is
/// longer than anybody looks at may name it behind a long comment, and goes as well.
pub fn without<'a>(message: &'a [u8], service: &str) -> (Cow<'a, [u8]>, usize) {
    let is_forged = |field: &header::Field<'_>| {
        field.is("Authentication-Results")
            && (field.value.len() > FIELD_OCTETS_MAX
                || service_of(&field.unfolded()).is_some_and(|name| name.eq_ignore_ascii_case(service)))
    };
    cut(message, is_forged)
}

/// The message without the fields that `goes` takes, wherever they stand, and how many there were.
pub fn cut<'a>(message: &'a [u8], mut goes: impl FnMut(&header::Field<'_>) -> bool) -> (Cow<'a, [u8]>, usize) {
    let mut kept = Vec::new();
    let (mut at, mut count) = (0, 0);
    for field in header::all_fields(message).filter(|field| goes(field)) {
        let octets = field.span.of(message).len();
        let begin = field.span.start as usize;
        kept.extend_from_slice(message.get(at..begin).unwrap_or_default());
        at = begin + octets;
        count += 1;
    }
    if count == 0 {
        return (Cow::Borrowed(message), 0);
    }
    kept.extend_from_slice(message.get(at..).unwrap_or_default());
    (Cow::Owned(kept), count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fields_that_claim_to_be_ours_go() {
        let message =
            b"A: 1\r\nAuthentication-Results: mx.test; spf=pass\r\nauthentication-results:\r\n (c(d)) \"MX.test\" 1;\
            none\r\nAuthentication-Results: other.test; spf=pass\r\n\r\nAuthentication-Results: mx.test; body\r\n";
        let (kept, count) = without(message, "mx.test");
        assert_eq!(count, 2);
        let text = String::from_utf8(kept.into_owned()).unwrap();
        assert_eq!(
            text,
            "A: 1\r\nAuthentication-Results: other.test; spf=pass\r\n\r\nAuthentication-Results: mx.test; body\r\n"
        );
    }

    #[test]
    fn a_name_behind_a_long_comment_is_not_overlooked() {
        for octets in [1000, 300_000] {
            let comment = "x".repeat(octets);
            let message = format!("Authentication-Results: ({comment}) mx.test; dmarc=pass\r\nA: 1\r\n\r\nbody\r\n");
            let (kept, count) = without(message.as_bytes(), "mx.test");
            assert_eq!((&*kept, count), (&b"A: 1\r\n\r\nbody\r\n"[..], 1));
        }
    }

    #[test]
    fn a_field_behind_very_many_others_is_not_overlooked() {
        let message = format!("{}Authentication-Results: mx.test; dmarc=pass\r\n\r\nbody\r\n", "X: y\r\n".repeat(6000));
        let (kept, count) = without(message.as_bytes(), "mx.test");
        assert!(count == 1 && !kept.windows(4).any(|octets| octets == b"pass"));
    }

    #[test]
    fn names_are_found_behind_comments_and_quotes() {
        assert_eq!(service_of(" (a \\) (b) c) mx.test; x=y").as_deref(), Some("mx.test"));
        assert_eq!(service_of("\"a \\\"b\" 1; x=y").as_deref(), Some("a \"b"));
        assert_eq!(service_of("(never ends; mx.test"), None);
        assert_eq!(service_of("; none"), None);
    }
}
