//! The octets of a section, and its name in the response (RFC 9051 §6.4.5.1).

use bytes::Bytes;
use imap::fetch::{Section, SectionName, SectionText};
use message::header;
use message::structure::{SectionText as Wanted, Structure};
use std::ops::Range;

/// Which octets of a message answer a section, or hold the header whose fields do; `None` if there is no such part. No
/// structure is needed for the whole message.
pub fn span(structure: &Structure, section: &Section) -> Option<Range<u64>> {
    let wanted = match &section.text {
        SectionText::All => Wanted::Whole,
        SectionText::Header | SectionText::HeaderFields(_) | SectionText::HeaderFieldsNot(_) => Wanted::Header,
        SectionText::Text => Wanted::Text,
        SectionText::Mime => Wanted::Mime,
    };
    structure.section(&section.part, wanted).map(message::span::Span::range)
}

/// The fields of a header that a section names; other sections are answered with all octets of their span.
pub fn fields(octets: Bytes, section: &Section) -> Bytes {
    let named = |names: &[String], choose: fn(&[u8], &[&str]) -> Vec<u8>| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        choose(&octets, &names).into()
    };
    match &section.text {
        SectionText::HeaderFields(names) => named(names, header::only),
        SectionText::HeaderFieldsNot(names) => named(names, header::except),
        _ => octets,
    }
}

/// The octets that `<first.count>` asks for.
pub fn partial(octets: Bytes, partial: Option<(u32, u32)>) -> Bytes {
    let Some((first, count)) = partial else { return octets };
    let start = (first as usize).min(octets.len());
    let end = start.saturating_add(count as usize).min(octets.len());
    octets.slice(start..end)
}

/// Of a span, the part that `<first.count>` asks for.
pub fn partial_range(range: Range<u64>, partial: Option<(u32, u32)>) -> Range<u64> {
    let Some((first, count)) = partial else { return range };
    let start = range.start.saturating_add(u64::from(first)).min(range.end);
    start..start.saturating_add(u64::from(count)).min(range.end)
}

/// Whether fields are chosen out of the span, which needs it whole.
pub fn is_chosen(section: &Section) -> bool {
    matches!(section.text, SectionText::HeaderFields(_) | SectionText::HeaderFieldsNot(_))
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
