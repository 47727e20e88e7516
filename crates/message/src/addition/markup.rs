//! Where in an HTML document something can be added, told from its octets: comments and scripts are passed over.

use memchr::{memchr, memmem};

/// Elements whose content is no markup.
const RAW: [&[u8]; 5] = [b"script", b"style", b"title", b"textarea", b"template"];

/// The text with every character beyond ASCII as a reference.
pub fn ascii(html: &str) -> String {
    let mut output = String::with_capacity(html.len());
    for character in html.chars() {
        if character.is_ascii() {
            output.push(character);
        } else {
            output.push_str(&format!("&#{};", u32::from(character)));
        }
    }
    output
}

/// Behind the tag that opens the body, or else the head, or else the document.
pub fn top(html: &[u8]) -> usize {
    let mut best = (0, 0);
    each_tag(html, |name, is_end, after, _| {
        let rank = match (name, is_end) {
            (b"body", false) => 4,
            (b"head", true) => 3,
            (b"html", false) => 2,
            (b"!doctype", _) => 1,
            _ => 0,
        };
        if rank > best.0 {
            best = (rank, after);
        }
    });
    best.1
}

/// Before the last tag that closes the body, or else the document; at the end if there is neither.
pub fn bottom(html: &[u8]) -> usize {
    let mut best = (0, html.len());
    each_tag(html, |name, is_end, _, start| {
        let rank = match (name, is_end) {
            (b"body", true) => 2,
            (b"html", true) => 1,
            _ => 0,
        };
        if rank > 0 && rank >= best.0 {
            best = (rank, start);
        }
    });
    best.1
}

/// Calls `see` for every tag: its name in lower case, whether it ends an element, where what follows begins, where it begins.
fn each_tag(html: &[u8], mut see: impl FnMut(&[u8], bool, usize, usize)) {
    let mut at = 0;
    while let Some(found) = html.get(at..).and_then(|rest| memchr(b'<', rest)) {
        let start = at + found;
        let inner = html.get(start + 1..).unwrap_or_default();
        if let Some(comment) = inner.strip_prefix(b"!--") {
            at = memmem::find(comment, b"-->").map_or(html.len(), |end| start + 4 + end + 3);
            continue;
        }
        let is_end = inner.starts_with(b"/");
        let named = inner.get(usize::from(is_end)..).unwrap_or_default();
        let length = named.iter().take(16).take_while(|octet| octet.is_ascii_alphanumeric() || **octet == b'!').count();
        let name = named.get(..length).unwrap_or_default().to_ascii_lowercase();
        if name.is_empty() {
            at = start + 1;
            continue;
        }
        let after = start + 1 + tag_octets(inner);
        see(&name, is_end, after, start);
        at = after;
        if !is_end && RAW.contains(&name.as_slice()) {
            at += raw_octets(html.get(after..).unwrap_or_default(), &name);
        }
    }
}

/// How far the tag goes, with its `>`; a quoted value may hold one.
fn tag_octets(inner: &[u8]) -> usize {
    let mut quote = None;
    for (at, octet) in inner.iter().enumerate().take(4096) {
        match (quote, *octet) {
            (None, b'>') => return at + 1,
            (None, b'"' | b'\'') => quote = Some(*octet),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
    }
    memchr(b'>', inner).map_or(inner.len(), |at| at + 1)
}

/// The length of content that is no markup: up to the tag that ends it.
fn raw_octets(content: &[u8], name: &[u8]) -> usize {
    memmem::find_iter(content, b"</")
        .find(|at| content.get(at + 2..at + 2 + name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name)))
        .unwrap_or(content.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_in_real_and_in_broken_documents() {
        let place = |html: &str| (top(html.as_bytes()), bottom(html.as_bytes()));
        assert_eq!(place("<html><head></head><body class=\"a>b\">x</body></html>"), (37, 38));
        assert_eq!(place("<!-- <body> </body> --><BODY>x</BODY>"), (29, 30));
        assert_eq!(place("<script>'</body>'</script>x"), (0, 27));
        assert_eq!(place("x"), (0, 1));
        assert_eq!(place("<html>x</html>\r\n"), (6, 7));
        assert_eq!(place("<"), (0, 1));
        assert_eq!(place("<script>"), (0, 8));
        assert_eq!(ascii("5 € ä"), "5 &#8364; &#228;");
    }
}
