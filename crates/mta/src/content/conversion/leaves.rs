//! The parts of a message that can be converted: its leaves, those of embedded messages included, without what is signed or
//! encrypted.

use message::header;
use message::protection;
use message::structure::{Content, Part, Structure};

/// A part with what entries ask for.
#[derive(Clone, Debug)]
pub struct Leaf<'a> {
    /// The part.
    pub part: &'a Part,
    /// Its number, such as `1.2`.
    pub number: String,
    /// Which attachment it is, from 1 on; 0 for texts that are shown before any.
    pub attachment: u32,
    /// The message around it, as a part.
    pub message: &'a Part,
    /// The subject of that message, decoded.
    pub subject: String,
}

/// What was found in a message.
#[derive(Clone, Debug, Default)]
pub struct Leaves<'a> {
    /// In the order of the octets.
    pub leaves: Vec<Leaf<'a>>,
    /// Numbers of parts that are protected, each with what protects it.
    pub protected: Vec<(String, &'static str)>,
}

/// All leaves of a message.
pub fn of<'a>(message: &[u8], structure: &'a Structure) -> Leaves<'a> {
    let mut walk = Walk { message, found: Leaves::default(), attachments: 0 };
    walk.message(&structure.root, "");
    walk.found
}

struct Walk<'m, 'a> {
    message: &'m [u8],
    found: Leaves<'a>,
    attachments: u32,
}

impl<'a> Walk<'_, 'a> {
    /// `prefix` is the number of the part that the message stands in.
    fn message(&mut self, root: &'a Part, prefix: &str) {
        let subject = header::find(root.header.of(self.message), "Subject").map(|field| field.decoded());
        let subject = subject.unwrap_or_default();
        match root.content {
            Content::Multipart(_) if protection::of_type(root).is_none() => self.children(root, prefix, root, &subject),
            _ => self.part(root, &numbered(prefix, 1), root, &subject),
        }
    }

    fn children(&mut self, part: &'a Part, prefix: &str, message: &'a Part, subject: &str) {
        let Content::Multipart(children) = &part.content else { return };
        for (index, child) in (1..).zip(children) {
            self.part(child, &numbered(prefix, index), message, subject);
        }
    }

    fn part(&mut self, part: &'a Part, number: &str, message: &'a Part, subject: &str) {
        if let Some(what) = protection::of(self.message, part) {
            return self.found.protected.push((number.to_owned(), what));
        }
        match &part.content {
            Content::Multipart(_) => self.children(part, number, message, subject),
            Content::Message(embedded) => self.message(&embedded.root, number),
            Content::Leaf => {
                let is_shown = part.kind == "text" && !part.is_attachment() && part.file_name().is_none();
                if !is_shown || self.attachments > 0 {
                    self.attachments += 1;
                }
                let (number, subject) = (number.to_owned(), subject.to_owned());
                self.found.leaves.push(Leaf { part, number, attachment: self.attachments, message, subject });
            }
        }
    }
}

fn numbered(prefix: &str, index: u32) -> String {
    if prefix.is_empty() { index.to_string() } else { format!("{prefix}.{index}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use message::parse;

    #[test]
    fn leaves_have_numbers_and_protected_parts_are_told() {
        let message = b"Subject: outer\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n\r\ntext\r\n--o\r\n\
            Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nx\r\n--o\r\nContent-Type: multipart/signed; boundary=s\r\n\r\n\
            --s\r\n\r\ny\r\n--s--\r\n--o\r\nContent-Type: application/pdf\r\n\r\nPDF\r\n--o--\r\n";
        let structure = parse::structure(message);
        let found = of(message, &structure);
        let told: Vec<_> =
            found.leaves.iter().map(|leaf| (leaf.number.as_str(), leaf.attachment, leaf.subject.as_str())).collect();
        assert_eq!(told, [("1", 0, "outer"), ("2.1", 0, "inner"), ("4", 1, "outer")]);
        assert_eq!(found.protected, [("3".to_owned(), "multipart/signed")]);
        let signed = b"Content-Type: multipart/encrypted; boundary=s\r\n\r\n--s\r\n\r\ny\r\n--s--\r\n";
        let structure = parse::structure(signed);
        assert!(of(signed, &structure).leaves.is_empty());
    }
}
