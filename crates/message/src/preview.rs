//! The preview of a message (RFC 8970 §3): the beginning of what it says, on one line.

use crate::content;
use crate::html;
use crate::limits::{PREVIEW_CHARACTERS_MAX, PREVIEW_OCTETS_MAX};
use crate::structure::{Content, Part, Structure};

/// At most 200 characters of the message's text; empty if it has none.
pub fn preview(message: &[u8], structure: &Structure) -> String {
    of_part(message, &structure.root)
}

/// The first part that says something; of alternatives the plain one, if it does.
fn of_part(message: &[u8], part: &Part) -> String {
    match &part.content {
        Content::Leaf if part.kind == "text" && !part.is_attachment() => of_text(message, part),
        Content::Multipart(_) if part.subtype == "encrypted" => String::new(),
        Content::Multipart(children) => {
            let prefers_plain = part.subtype == "alternative";
            let plain = children.iter().filter(|child| prefers_plain && child.is("text", "plain"));
            plain.chain(children).map(|child| of_part(message, child)).find(|text| !text.is_empty()).unwrap_or_default()
        }
        // A message that only forwards another says what that one says.
        Content::Message(embedded) => of_part(message, &embedded.root),
        Content::Leaf => String::new(),
    }
}

fn of_text(message: &[u8], part: &Part) -> String {
    let text = content::text(message, part, PREVIEW_OCTETS_MAX);
    if part.subtype == "html" {
        return one_line(&html::text(&text, PREVIEW_OCTETS_MAX));
    }
    // What others wrote and the signature say little; they are taken only if there is nothing else.
    let own: String = text
        .lines()
        .take_while(|line| *line != "-- ")
        .filter(|line| !line.starts_with('>'))
        .flat_map(|line| [line, "\n"])
        .collect();
    let line = one_line(&own);
    if line.is_empty() { one_line(&text) } else { line }
}

/// White space runs become one space; what cannot be seen is dropped.
fn one_line(text: &str) -> String {
    let mut line = String::new();
    let mut count = 0;
    let mut wants_space = false;
    for character in text.chars() {
        if character.is_whitespace() {
            wants_space = count > 0;
        } else if !is_invisible(character) {
            if count + usize::from(wants_space) >= PREVIEW_CHARACTERS_MAX {
                break;
            }
            if std::mem::take(&mut wants_space) {
                line.push(' ');
                count += 1;
            }
            line.push(character);
            count += 1;
        }
    }
    line
}

/// Controls, soft hyphens, joiners, direction marks and the byte order mark: newsletters pad their beginning with them.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{34f}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    fn of(message: &str) -> String {
        preview(message.as_bytes(), &parse::structure(message.as_bytes()))
    }

    #[test]
    fn the_text_is_put_on_one_line() {
        assert_eq!(
            of("Subject: s\r\n\r\nHello,\r\n\r\n  this   is\ttext.\r\n-- \r\nsignature\r\n"),
            "Hello, this is text."
        );
        assert_eq!(of("\r\n> quoted\r\nown\r\n"), "own");
        assert_eq!(of("\r\n> only quoted\r\n"), "> only quoted");
        assert_eq!(of("Subject: nothing\r\n\r\n"), "");
    }

    #[test]
    fn it_is_short() {
        let text = of(&format!("\r\n{}", "é ".repeat(500)));
        assert_eq!(text.chars().count(), 199);
        assert_eq!(of(&format!("\r\n{}", "x".repeat(500))).len(), 200);
    }

    #[test]
    fn html_is_read_and_plain_text_preferred() {
        let both = "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n\
            <p>Rich</p>\r\n--b\r\n\r\nPlain\r\n--b--\r\n";
        assert_eq!(of(both), "Plain");
        assert_eq!(of(&both.replace("Plain", " ")), "Rich");
        let attached = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Disposition: attachment\r\n\r\nno\r\n\
            --b\r\nContent-Type: text/html\r\n\r\n<style>x</style>&zwnj;<b>Yes</b>\r\n--b--\r\n";
        assert_eq!(of(attached), "Yes");
        assert_eq!(of("Content-Type: image/png\r\n\r\nno"), "");
        assert_eq!(of("Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nForwarded"), "Forwarded");
    }
}
