//! Sort keys that come from the envelope, ready to be compared octet by octet (RFC 5256 §3, RFC 5957 §3).

use crate::address::{Entry, Mailbox};
use crate::envelope::Envelope;
use crate::fold;
use crate::thread;
use crate::word;

/// SORT FROM, TO and CC: the local part of the first address, folded; empty if there is none.
pub fn address_key(entries: &[Entry]) -> String {
    match entries.first() {
        Some(Entry::Mailbox(mailbox)) => fold::fold(&mailbox.local),
        // In an envelope a group begins with an address whose mailbox is the group's name (RFC 9051 §7.5.2).
        Some(Entry::Group { name, .. }) => fold::fold(name),
        None => String::new(),
    }
}

/// SORT DISPLAYFROM and DISPLAYTO: the display name of the first address, or the address, folded.
pub fn display_key(entries: &[Entry]) -> String {
    match entries.first() {
        Some(Entry::Mailbox(mailbox)) => fold::fold(&Mailbox::display(mailbox)),
        Some(Entry::Group { name, .. }) => fold::fold(&word::decode(name)),
        None => String::new(),
    }
}

/// SORT SUBJECT: the base subject, folded.
pub fn subject_key(envelope: &Envelope) -> String {
    fold::fold(&thread::base_subject(envelope.subject.as_deref().unwrap_or_default()).text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_folded_and_come_from_the_first_address() {
        let envelope = Envelope::of(
            b"From: =?utf-8?Q?=C3=89mile?= <Zola@x>, other@x\r\nTo: Friends: a@x;\r\nCc: Plain@x\r\nSubject: Re: b\r\n\r\n",
        );
        assert_eq!(address_key(&envelope.from), "ZOLA");
        assert_eq!(display_key(&envelope.from), "E\u{301}MILE");
        assert_eq!(address_key(&envelope.to), "FRIENDS");
        assert_eq!(display_key(&envelope.cc), "PLAIN@X");
        assert_eq!(address_key(&envelope.bcc), "");
        assert_eq!(subject_key(&envelope), "B");
    }
}
