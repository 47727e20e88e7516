//! Fields put on top of a message, all below them untouched (RFC 5321 §4.4, RFC 6409 §8), and what the fields on top
//! tell about its way.

use crate::address;
use crate::header;
use model::{Address, Timestamp};

/// Fields in the making, to be put in front of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefix {
    octets: Vec<u8>,
}

/// The length that lines should not pass, without CRLF (RFC 5322 §2.1.1).
const LINE_OCTETS: usize = 78;

impl Prefix {
    /// No field yet.
    pub fn new() -> Prefix {
        Prefix::default()
    }

    /// Adds a field below those already there. Line ends in the value become spaces; long values are folded at white
    /// space so that lines stay below 79 characters where they can (RFC 5322 §2.2.3).
    pub fn field(&mut self, name: &str, value: &str) -> &mut Prefix {
        self.octets.extend(name.bytes().filter(|octet| octet.is_ascii_graphic() && *octet != b':'));
        self.octets.push(b':');
        let mut column = name.len() + 1;
        let words = value.split(|c: char| c.is_ascii_whitespace() || c.is_control()).filter(|word| !word.is_empty());
        for (index, word) in words.enumerate() {
            // A line of white space alone would end some readers' headers, so the first word never moves down.
            if index > 0 && column + 1 + word.len() > LINE_OCTETS {
                self.octets.extend_from_slice(b"\r\n");
                column = 0;
            }
            self.octets.push(b' ');
            self.octets.extend_from_slice(word.as_bytes());
            column += 1 + word.len();
        }
        self.octets.extend_from_slice(b"\r\n");
        self
    }

    /// Adds `Return-Path:`; `None` is the null reverse-path `<>` (RFC 5321 §4.4).
    pub fn return_path(&mut self, reverse_path: Option<&Address>) -> &mut Prefix {
        let path = reverse_path.map(Address::to_string).unwrap_or_default();
        // Not through `field`, which would fold at a space in a quoted local part.
        self.octets.extend_from_slice(format!("Return-Path: <{path}>\r\n").as_bytes());
        self
    }

    /// The octets to put in front of the message, each line ended by CRLF.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The octets to put in front of the message.
    pub fn into_octets(self) -> Vec<u8> {
        self.octets
    }
}

/// Adds what a submitted message lacks: `Date:` and `Message-ID:` (RFC 6409 §8.1, §8.3). `message_id` is given without
/// angle brackets. `message` is only read.
pub fn complete(message: &[u8], now: Timestamp, message_id: &str, prefix: &mut Prefix) {
    if header::find(message, "date").is_none() {
        prefix.field("Date", &now.rfc5322());
    }
    if header::find(message, "message-id").is_none() {
        prefix.field("Message-ID", &format!("<{message_id}>"));
    }
}

/// Whether the message begins with a header: if its first line is no field, a field put on top must be followed by an
/// empty line, or the text would be taken for a header.
pub fn begins_with_field(message: &[u8]) -> bool {
    header::fields(message).next().is_none_or(|field| !field.name.is_empty())
}

/// How often the message was received before: its `Received:` fields (RFC 5321 §6.3).
pub fn hops(message: &[u8]) -> usize {
    header::fields(message).filter(|field| field.is("received")).count()
}

/// Whether a `Delivered-To:` field names this address, so that delivering it again would be a loop.
pub fn was_delivered_to(message: &[u8], address: &Address) -> bool {
    let address = address.to_string();
    header::fields(message).filter(|field| field.is("delivered-to")).any(|field| {
        let entries = address::parse(field.value);
        address::mailboxes(&entries).any(|mailbox| mailbox.address().eq_ignore_ascii_case(&address))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_are_folded_at_white_space() {
        let mut prefix = Prefix::new();
        let value = "from client.example (client.example [192.0.2.1])\r\n by mx.example with ESMTPS id 0123456789abcdef\r\n \
            for <user@example>; Fri, 21 Nov 1997 15:55:06 +0000";
        prefix.return_path(None).field("Received", value);
        let text = String::from_utf8(prefix.into_octets()).unwrap();
        assert!(text.starts_with("Return-Path: <>\r\nReceived: from client.example"));
        assert!(text.ends_with("+0000\r\n") && text.lines().all(|line| line.len() <= 78));
        let unfolded = header::find(text.as_bytes(), "received").unwrap().unfolded().into_owned();
        assert_eq!(unfolded, value.replace("\r\n", ""));
    }

    #[test]
    fn only_what_is_missing_is_added() {
        let mut prefix = Prefix::new();
        complete(b"DATE: today\r\n\r\nMessage-ID: body\r\n", Timestamp::from_secs(0), "1@x", &mut prefix);
        assert_eq!(prefix.octets(), b"Message-ID: <1@x>\r\n");
        let mut prefix = Prefix::new();
        complete(b"Message-ID: <2@x>\r\n\r\n", Timestamp::from_secs(880_127_706), "1@x", &mut prefix);
        assert_eq!(prefix.octets(), b"Date: Fri, 21 Nov 1997 15:55:06 +0000\r\n");
    }

    #[test]
    fn the_way_of_a_message_is_seen() {
        let message = b"Received: a\r\nReceived: b\r\n c\r\nDelivered-To: User@Example.org\r\n\r\nReceived: body\r\n";
        assert_eq!(hops(message), 2);
        assert!(was_delivered_to(message, &"user@example.org".parse().unwrap()));
        assert!(!was_delivered_to(message, &"other@example.org".parse().unwrap()));
        assert!(begins_with_field(message) && begins_with_field(b"\r\nx") && !begins_with_field(b"just text"));
    }

    proptest! {
        #[test]
        fn no_value_ends_the_header(value in any::<String>()) {
            let mut prefix = Prefix::new();
            prefix.field("X-Any", &value).field("X-Next", "x");
            prop_assert_eq!(header::fields(prefix.octets()).count(), 2);
            prop_assert_eq!(header::octets(prefix.octets()), prefix.octets().len());
        }
    }
}
