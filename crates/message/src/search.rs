//! Exact substring search in decoded headers and bodies under i;unicode-casemap (RFC 9051 §6.4.4, RFC 5051), without
//! copies of the whole message.

use crate::content;
use crate::fold;
use crate::header;
use crate::structure::{Content, Part, Structure};
use memchr::memmem::Finder;

/// What is searched for, folded once and used for many messages.
#[derive(Clone, Debug)]
pub struct Needle {
    finder: Finder<'static>,
}

impl Needle {
    /// A text to look for; the empty text is found everywhere.
    pub fn new(text: &str) -> Needle {
        Needle { finder: Finder::new(fold::fold(text).as_bytes()).into_owned() }
    }

    /// Whether `text` contains it.
    pub fn is_in(&self, text: &str) -> bool {
        self.finder.find(fold::fold(text).as_bytes()).is_some()
    }

    /// Whether a text that is folded already contains it.
    pub(crate) fn is_in_folded(&self, folded: &str) -> bool {
        self.finder.find(folded.as_bytes()).is_some()
    }

    /// Whether a field of that name contains it: SEARCH HEADER, SUBJECT and the like. An empty needle asks whether
    /// there is such a field at all. `header` may be a whole message.
    pub fn is_in_field(&self, header: &[u8], name: &str) -> bool {
        header::fields(header).filter(|field| field.is(name)).any(|field| self.is_in(&field.decoded()))
    }

    /// Whether any field of the header contains it, its name included. `header` may be a whole message.
    pub fn is_in_header(&self, header: &[u8]) -> bool {
        let mut folded = String::new();
        header::fields(header).any(|field| {
            folded.clear();
            fold::push(&String::from_utf8_lossy(field.name), &mut folded);
            folded.push_str(": ");
            fold::push(&field.decoded(), &mut folded);
            self.finder.find(folded.as_bytes()).is_some()
        })
    }

    /// SEARCH BODY: whether the decoded text of any part, or the header of any embedded message, contains it.
    pub fn is_in_body(&self, message: &[u8], structure: &Structure) -> bool {
        self.needs_nothing() || self.is_in_content(message, &structure.root, false)
    }

    /// SEARCH TEXT: whether any header, those of parts included, or any body contains it.
    pub fn is_in_message(&self, message: &[u8], structure: &Structure) -> bool {
        self.needs_nothing()
            || self.is_in_header(structure.root.header.of(message))
            || self.is_in_content(message, &structure.root, true)
    }

    fn needs_nothing(&self) -> bool {
        self.finder.needle().is_empty()
    }

    fn is_in_content(&self, message: &[u8], part: &Part, with_part_headers: bool) -> bool {
        match &part.content {
            Content::Leaf => has_text(part) && self.is_in_text(message, part),
            Content::Multipart(children) => children.iter().any(|child| {
                (with_part_headers && self.is_in_header(child.header.of(message)))
                    || self.is_in_content(message, child, with_part_headers)
            }),
            Content::Message(embedded) => {
                self.is_in_header(embedded.root.header.of(message))
                    || self.is_in_content(message, &embedded.root, with_part_headers)
            }
        }
    }

    /// Looks through a window over the folded text, which keeps just enough of it to see what a cut divides.
    fn is_in_text(&self, message: &[u8], part: &Part) -> bool {
        let mut window = String::new();
        content::pieces(message, part, |piece| {
            fold::push(piece, &mut window);
            let found = self.finder.find(window.as_bytes()).is_some();
            let kept = window.len().saturating_sub(self.finder.needle().len());
            window.drain(..window.floor_char_boundary(kept));
            found
        })
    }
}

/// Whether a leaf can hold text: what is text by its type, and whatever is not sent as base64, which is lines of
/// characters anyway. Pictures and the like are not looked through.
fn has_text(part: &Part) -> bool {
    let textual = |subtype: &str| {
        ["json", "xml", "javascript", "sql", "yaml", "rtf", "calendar"]
            .iter()
            .any(|word| subtype.rsplit(['+', '-', '.']).next().is_some_and(|last| last == *word))
    };
    match part.kind.as_str() {
        "text" | "message" => true,
        "application" => part.encoding != "base64" || textual(&part.subtype),
        "image" | "audio" | "video" | "font" | "model" => false,
        _ => part.encoding != "base64",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;
    use crate::transfer;

    fn message() -> Vec<u8> {
        let long = transfer::base64_lines(("x".repeat(50_000) + "NeedlÉ" + &"y".repeat(50_000)).as_bytes());
        [
            &b"Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nX-Empty:\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
               Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"[..],
            &long,
            b"--b\r\nContent-Type: image/png; name=picture.png\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJDREVG\r\n\
              --b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inside\r\n\r\nsoft=\r\n\r\n--b--\r\n",
        ]
        .concat()
    }

    #[test]
    fn headers_are_searched_decoded() {
        let message = message();
        assert!(Needle::new("GRÜß").is_in_field(&message, "subject"));
        assert!(!Needle::new("inside").is_in_field(&message, "subject"));
        assert!(Needle::new("").is_in_field(&message, "x-empty"));
        assert!(!Needle::new("").is_in_field(&message, "x-none"));
        assert!(Needle::new("subject: gr").is_in_header(&message));
    }

    #[test]
    fn bodies_are_searched_decoded_across_pieces() {
        let message = message();
        let structure = parse::structure(&message);
        let in_body = |text: &str| Needle::new(text).is_in_body(&message, &structure);
        let in_message = |text: &str| Needle::new(text).is_in_message(&message, &structure);
        assert!(in_body("xneedle\u{301}y") && in_message("xneedléy"));
        assert!(in_body("inside"), "the header of an embedded message is body");
        assert!(!in_body("picture.png") && in_message("picture.png"));
        assert!(!in_body("abcdef") && !in_message("abcdef"), "pictures are not text");
        assert!(!in_body("grüße") && in_message("grüße"));
        assert!(in_body("") && in_message(""));
    }

    #[test]
    fn a_needle_is_found_wherever_pieces_are_cut() {
        for before in 16_370..16_390 {
            let message = format!("\r\n{}needle", "é".repeat(before / 2) + &"x".repeat(before % 2));
            let structure = parse::structure(message.as_bytes());
            assert!(Needle::new("éNEEDLE").is_in_body(message.as_bytes(), &structure) != (before % 2 == 1));
            assert!(Needle::new("NEEDLE").is_in_body(message.as_bytes(), &structure));
        }
    }
}
