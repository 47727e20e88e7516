//! FETCH: items, sections, modifiers.

use crate::command::{Command, Numbers};
use crate::fetch::{Item, Modifiers, Section, SectionName, SectionText};
use crate::parse::Offence;
use crate::parse::cursor::Cursor;

pub fn fetch(cursor: &mut Cursor<'_>, numbers: Numbers) -> Result<Command, Offence> {
    let set = cursor.set()?;
    cursor.blank()?;
    let mut items = Vec::new();
    if cursor.peek() == Some(b'(') {
        cursor.list(|cursor| item(cursor, &mut items))?;
    } else {
        item(cursor, &mut items)?;
    }
    let mut modifiers = Modifiers::default();
    if cursor.take(b' ') {
        cursor.list(|cursor| modifier(cursor, &mut modifiers))?;
    }
    if modifiers.vanished && (numbers == Numbers::Sequence || modifiers.changed_since.is_none()) {
        return Err(cursor.expected("VANISHED only on UID FETCH with CHANGEDSINCE"));
    }
    Ok(Command::Fetch { set, numbers, items, modifiers })
}

fn modifier(cursor: &mut Cursor<'_>, modifiers: &mut Modifiers) -> Result<(), Offence> {
    match cursor.word()?.to_ascii_uppercase().as_str() {
        "CHANGEDSINCE" => {
            cursor.blank()?;
            modifiers.changed_since = Some(cursor.number64()?);
        }
        "VANISHED" => modifiers.vanished = true,
        "PARTIAL" => {
            cursor.blank()?;
            modifiers.partial = Some(cursor.partial_range()?);
        }
        _ => return Err(cursor.expected("CHANGEDSINCE, VANISHED or PARTIAL")),
    }
    Ok(())
}

/// Items in parentheses, as NOTIFY has them too.
pub fn items(cursor: &mut Cursor<'_>) -> Result<Vec<Item>, Offence> {
    let mut items = Vec::new();
    cursor.list(|cursor| item(cursor, &mut items))?;
    Ok(items)
}

fn item(cursor: &mut Cursor<'_>, items: &mut Vec<Item>) -> Result<(), Offence> {
    let name = cursor.name()?.to_ascii_uppercase();
    let whole =
        |text, peek, name| Item::Section { section: Section { part: Vec::new(), text }, peek, partial: None, name };
    let item = match name.as_str() {
        "ALL" => {
            items.extend([Item::Flags, Item::InternalDate, Item::Size]);
            Item::Envelope
        }
        "FAST" => {
            items.extend([Item::Flags, Item::InternalDate]);
            Item::Size
        }
        "FULL" => {
            items.extend([Item::Flags, Item::InternalDate, Item::Size, Item::Envelope]);
            Item::Body
        }
        "ENVELOPE" => Item::Envelope,
        "FLAGS" => Item::Flags,
        "INTERNALDATE" => Item::InternalDate,
        "RFC822.SIZE" => Item::Size,
        "UID" => Item::Uid,
        "BODYSTRUCTURE" => Item::BodyStructure,
        "BODY" if cursor.peek() != Some(b'[') => Item::Body,
        "BODY" => section(cursor, false)?,
        "BODY.PEEK" => section(cursor, true)?,
        "RFC822" => whole(SectionText::All, false, SectionName::Rfc822),
        "RFC822.HEADER" => whole(SectionText::Header, true, SectionName::Rfc822Header),
        "RFC822.TEXT" => whole(SectionText::Text, false, SectionName::Rfc822Text),
        "BINARY" => binary(cursor, false)?,
        "BINARY.PEEK" => binary(cursor, true)?,
        "BINARY.SIZE" => Item::BinarySize { part: part_in_brackets(cursor)? },
        "MODSEQ" => Item::Modseq,
        "PREVIEW" => {
            lazy(cursor)?;
            Item::Preview
        }
        "SAVEDATE" => Item::SaveDate,
        "EMAILID" => Item::EmailId,
        "THREADID" => Item::ThreadId,
        _ => return Err(cursor.expected("a data item")),
    };
    items.push(item);
    Ok(())
}

/// `PREVIEW (LAZY)` (RFC 8970 §3.2)
fn lazy(cursor: &mut Cursor<'_>) -> Result<(), Offence> {
    let mut ahead = cursor.clone();
    if ahead.take(b' ') && ahead.peek() == Some(b'(') {
        ahead.list(|cursor| if cursor.take_word("LAZY") { Ok(()) } else { Err(cursor.expected("LAZY")) })?;
        *cursor = ahead;
    }
    Ok(())
}

fn part(cursor: &mut Cursor<'_>) -> Result<Vec<u32>, Offence> {
    let mut part = Vec::new();
    while cursor.peek().is_some_and(|octet| octet.is_ascii_digit()) {
        let number = cursor.number()?;
        if number == 0 || part.len() >= 64 {
            return Err(cursor.expected("a part"));
        }
        part.push(number);
        if !cursor.take(b'.') {
            break;
        }
    }
    Ok(part)
}

fn part_in_brackets(cursor: &mut Cursor<'_>) -> Result<Vec<u32>, Offence> {
    cursor.need(b'[', "\"[\"")?;
    let part = part(cursor)?;
    cursor.need(b']', "\"]\"")?;
    Ok(part)
}

fn binary(cursor: &mut Cursor<'_>, peek: bool) -> Result<Item, Offence> {
    let part = part_in_brackets(cursor)?;
    Ok(Item::Binary { part, peek, partial: partial(cursor)? })
}

/// `<first.count>`
fn partial(cursor: &mut Cursor<'_>) -> Result<Option<(u32, u32)>, Offence> {
    if !cursor.take(b'<') {
        return Ok(None);
    }
    let first = cursor.number()?;
    cursor.need(b'.', "\".\"")?;
    let count = cursor.number()?;
    cursor.need(b'>', "\">\"")?;
    if count == 0 { Err(cursor.expected("at least one octet")) } else { Ok(Some((first, count))) }
}

fn section(cursor: &mut Cursor<'_>, peek: bool) -> Result<Item, Offence> {
    cursor.need(b'[', "\"[\"")?;
    let part = part(cursor)?;
    let text = if cursor.peek() == Some(b']') {
        SectionText::All
    } else {
        match cursor.name()?.to_ascii_uppercase().as_str() {
            "HEADER" => SectionText::Header,
            "TEXT" => SectionText::Text,
            "MIME" if !part.is_empty() => SectionText::Mime,
            "HEADER.FIELDS" => SectionText::HeaderFields(fields(cursor)?),
            "HEADER.FIELDS.NOT" => SectionText::HeaderFieldsNot(fields(cursor)?),
            _ => return Err(cursor.expected("a section")),
        }
    };
    cursor.need(b']', "\"]\"")?;
    Ok(Item::Section { section: Section { part, text }, peek, partial: partial(cursor)?, name: SectionName::Body })
}

fn fields(cursor: &mut Cursor<'_>) -> Result<Vec<String>, Offence> {
    cursor.blank()?;
    let mut names = Vec::new();
    cursor.list(|cursor| {
        names.push(cursor.text()?);
        Ok(())
    })?;
    if names.is_empty() { Err(cursor.expected("a field's name")) } else { Ok(names) }
}
