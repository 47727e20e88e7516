//! The octets of a section, and its name in the response (RFC 9051 §6.4.5.1).

use bytes::Bytes;
use imap::fetch::{Section, SectionName, SectionText};
use message::header;
use message::structure::{SectionText as Wanted, Structure};

/// What of a message answers a section; `None` if there is no such part.
pub fn octets(message: &Bytes, structure: &Structure, section: &Section) -> Option<Bytes> {
    let span = |text| structure.section(&section.part, text);
    let slice = |text| {
        let span = span(text)?;
        let range = usize::try_from(span.start).ok()?..usize::try_from(span.end).ok()?;
        (range.end <= message.len() && range.start <= range.end).then(|| message.slice(range))
    };
    match &section.text {
        SectionText::All => slice(Wanted::Whole),
        SectionText::Header => slice(Wanted::Header),
        SectionText::Text => slice(Wanted::Text),
        SectionText::Mime => slice(Wanted::Mime),
        SectionText::HeaderFields(names) => {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            slice(Wanted::Header).map(|header| header::only(&header, &names).into())
        }
        SectionText::HeaderFieldsNot(names) => {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            slice(Wanted::Header).map(|header| header::except(&header, &names).into())
        }
    }
}

/// The octets that `<first.count>` asks for.
pub fn partial(octets: Bytes, partial: Option<(u32, u32)>) -> Bytes {
    let Some((first, count)) = partial else { return octets };
    let start = (first as usize).min(octets.len());
    let end = start.saturating_add(count as usize).min(octets.len());
    octets.slice(start..end)
}

/// The name under which a section is answered.
pub fn name(section: &Section, name: SectionName, partial: Option<(u32, u32)>) -> String {
    match name {
        SectionName::Rfc822 => return "RFC822".to_owned(),
        SectionName::Rfc822Header => return "RFC822.HEADER".to_owned(),
        SectionName::Rfc822Text => return "RFC822.TEXT".to_owned(),
        SectionName::Body => {}
    }
    let part = part(&section.part);
    let (text, fields) = match &section.text {
        SectionText::All => ("", None),
        SectionText::Header => ("HEADER", None),
        SectionText::Text => ("TEXT", None),
        SectionText::Mime => ("MIME", None),
        SectionText::HeaderFields(fields) => ("HEADER.FIELDS", Some(fields)),
        SectionText::HeaderFieldsNot(fields) => ("HEADER.FIELDS.NOT", Some(fields)),
    };
    let dot = if part.is_empty() || text.is_empty() { "" } else { "." };
    let fields = fields.map_or_else(String::new, |fields| {
        let names: Vec<String> = fields
            .iter()
            .map(|field| {
                let mut out = Vec::new();
                imap::write::astring(&mut out, field, false);
                String::from_utf8_lossy(&out).into_owned()
            })
            .collect();
        format!(" ({})", names.join(" "))
    });
    format!("BODY[{part}{dot}{text}{fields}]{}", origin(partial))
}

/// `1.2.3`
pub fn part(part: &[u32]) -> String {
    part.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

/// `<first>` of a partial answer.
pub fn origin(partial: Option<(u32, u32)>) -> String {
    partial.map_or_else(String::new, |(first, _)| format!("<{first}>"))
}
