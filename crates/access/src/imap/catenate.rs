//! Messages put together from parts of others: the URLs of CATENATE (RFC 4469 §3, RFC 5092 §4).
//!
//! ```text
//! "/" mailbox [";UIDVALIDITY=" n] "/;UID=" n ["/;SECTION=" section] ["/;PARTIAL=" first ["." count]]
//! ```
//! Without a mailbox the selected one is meant. URLs of other servers are not followed.

use crate::imap::section;
use crate::imap::session::Session;
use account::rights::Rights;
use bytes::Bytes;
use imap::command::Command;
use imap::fetch::{Item, Section};
use imap::parse;
use mail::change::Place;
use mail::error::Error;
use model::Uid;

/// What a URL names.
#[derive(Debug, PartialEq, Eq)]
struct Reference {
    /// In UTF-8; `None` is the selected one.
    mailbox: Option<String>,
    uid_validity: Option<u32>,
    uid: u32,
    section: Section,
    first: u64,
    count: Option<u64>,
}

impl Session<'_> {
    /// The octets that a URL names; `None` if it names nothing that the user may read.
    pub async fn octets_of(&self, url: &str) -> Result<Option<Bytes>, Error> {
        let Some(reference) = read(url) else { return Ok(None) };
        let place = match &reference.mailbox {
            None => match &self.selected {
                Some(selected) => selected.place.clone(),
                None => return Ok(None),
            },
            Some(name) => {
                let (owner, inner, is_own) = self.whose(name).await?;
                let Some(mailbox) = self.service.mail.find(&owner, &inner)? else { return Ok(None) };
                let user = self.user.as_ref().ok_or(Error::NoMailbox)?;
                if !is_own && !mailbox.row.grants.effective(&user.asker).has(Rights::READ) {
                    return Ok(None);
                }
                let validity = mailbox.row.uid_validity.0;
                if reference.uid_validity.is_some_and(|known| known != validity) {
                    return Ok(None);
                }
                Place { owner, mailbox: mailbox.id }
            }
        };
        let uid = Uid(reference.uid);
        let Some(row) = self.service.mail.message(&place, uid)? else { return Ok(None) };
        let summary = self.service.mail.summary(&place, uid, &row.blob)?;
        let Some(range) = section::span(&summary.structure, &reference.section) else { return Ok(None) };
        let octets = self.service.mail.body_range(&place.owner, &row.blob, range)?;
        let octets = section::fields(octets, &reference.section);
        let within = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(octets.len());
        let end = reference.count.map_or(u64::MAX, |count| reference.first.saturating_add(count));
        Ok(Some(octets.slice(within(reference.first)..within(end))))
    }
}

fn read(url: &str) -> Option<Reference> {
    let (mailbox, rest) = match url.strip_prefix('/').unwrap_or(url) {
        rest if rest.starts_with(';') => (None, rest),
        rest => {
            let (mailbox, rest) = rest.split_once("/;")?;
            (Some(mailbox), rest)
        }
    };
    let (mailbox, uid_validity) = match mailbox.map(|mailbox| (mailbox, mailbox.to_ascii_uppercase())) {
        None => (None, None),
        Some((mailbox, upper)) => match upper.find(";UIDVALIDITY=") {
            None => (Some(unescaped(mailbox)?), None),
            Some(at) => {
                let validity = mailbox.get(at + ";UIDVALIDITY=".len()..)?;
                (Some(unescaped(mailbox.get(..at)?)?), Some(validity.parse().ok()?))
            }
        },
    };
    let mut reference = Reference { mailbox, uid_validity, uid: 0, section: Section::default(), first: 0, count: None };
    for part in rest.split("/;") {
        let (name, value) = part.strip_prefix(';').unwrap_or(part).split_once('=')?;
        match name.to_ascii_uppercase().as_str() {
            "UID" => reference.uid = value.parse().ok()?,
            "SECTION" => reference.section = read_section(&unescaped(value)?)?,
            "PARTIAL" => {
                let (first, count) = value.split_once('.').map_or((value, None), |(first, count)| (first, Some(count)));
                reference.first = first.parse().ok()?;
                reference.count = count.map(str::parse).transpose().ok()?;
            }
            _ => return None,
        }
    }
    (reference.uid > 0).then_some(reference)
}

/// A section as FETCH has it, read by the grammar of FETCH.
fn read_section(text: &str) -> Option<Section> {
    if text.chars().any(char::is_control) {
        return None;
    }
    let command = parse::command(format!("a FETCH 1 BODY.PEEK[{text}]\r\n").as_bytes()).ok()?.command;
    let Command::Fetch { items, .. } = command else { return None };
    match <[Item; 1]>::try_from(items).ok()? {
        [Item::Section { section, partial: None, .. }] => Some(section),
        _ => None,
    }
}

/// `%41` as `A` (RFC 3986 §2.1).
fn unescaped(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        octets.extend_from_slice(before.as_bytes());
        let (digits, left) = after.split_at_checked(2)?;
        octets.push(u8::from_str_radix(digits, 16).ok()?);
        rest = left;
    }
    octets.extend_from_slice(rest.as_bytes());
    String::from_utf8(octets).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use imap::fetch::SectionText;
    use proptest::prelude::*;

    #[test]
    fn urls_are_read() {
        let whole = |mailbox: Option<&str>, uid| Reference {
            mailbox: mailbox.map(str::to_owned),
            uid_validity: None,
            uid,
            section: Section::default(),
            first: 0,
            count: None,
        };
        assert_eq!(read("/a%20b/c/;UID=20"), Some(whole(Some("a b/c"), 20)));
        assert_eq!(read("/;UID=20"), Some(whole(None, 20)));
        assert_eq!(read(";uid=20"), Some(whole(None, 20)));
        assert_eq!(
            read("/Drafts;UIDVALIDITY=385759045/;UID=20/;section=1.2.MIME/;PARTIAL=3.4"),
            Some(Reference {
                uid_validity: Some(385_759_045),
                section: Section { part: vec![1, 2], text: SectionText::Mime },
                first: 3,
                count: Some(4),
                ..whole(Some("Drafts"), 20)
            })
        );
        for wrong in [
            "",
            "/INBOX",
            "/INBOX/;UID=0",
            "/INBOX/;UID=x",
            "imap://host/INBOX",
            "/a/;UID=1/;SECTION=]",
            "/%zz/;UID=1",
            "/a/;UID=1/;X=2",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(url in "(/|;|UID=|SECTION=|PARTIAL=|UIDVALIDITY=|%|[a-z0-9.é]){0,12}") {
            let _ = read(&url);
        }
    }
}
