//! Commands about messages: APPEND, REPLACE, STORE, COPY, MOVE.

use crate::command::{Append, Command, Copy, Numbers, Piece, StoreMode};
use crate::limits::ITEMS_MAX;
use crate::parse::Offence;
use crate::parse::cursor::Cursor;
use model::{CivilTime, Timestamp};

pub fn append(cursor: &mut Cursor<'_>) -> Result<Command, Offence> {
    let mailbox = cursor.text()?;
    let mut messages = Vec::new();
    while cursor.take(b' ') {
        if messages.len() >= ITEMS_MAX {
            return Err(Offence::TooMuch);
        }
        messages.push(message(cursor)?);
    }
    if messages.is_empty() { Err(cursor.expected("a message")) } else { Ok(Command::Append { mailbox, messages }) }
}

pub fn replace(cursor: &mut Cursor<'_>, numbers: Numbers) -> Result<Command, Offence> {
    let number = cursor.number()?;
    cursor.blank()?;
    let mailbox = cursor.text()?;
    cursor.blank()?;
    Ok(Command::Replace { number, numbers, mailbox, message: message(cursor)? })
}

/// Flags, date, then the message: a literal, `UTF8 (literal8)`, or `CATENATE (...)`.
fn message(cursor: &mut Cursor<'_>) -> Result<Append, Offence> {
    let mut append = Append { flags: Vec::new(), date: None, pieces: Vec::new() };
    if cursor.peek() == Some(b'(') {
        cursor.list(|cursor| {
            append.flags.push(cursor.flag()?);
            Ok(())
        })?;
        cursor.blank()?;
    }
    if cursor.peek() == Some(b'"') {
        let text = cursor.text()?;
        append.date = Some(date_time(&text).ok_or_else(|| cursor.expected("a date and time"))?);
        cursor.blank()?;
    }
    if cursor.take_word("CATENATE") {
        cursor.blank()?;
        cursor.list(|cursor| {
            append.pieces.push(piece(cursor)?);
            Ok(())
        })?;
    } else if cursor.take_word("UTF8") {
        cursor.blank()?;
        cursor.need(b'(', "a literal in parentheses")?;
        append.pieces.push(Piece::Octets(cursor.literal()?));
        cursor.need(b')', "\")\"")?;
    } else {
        append.pieces.push(Piece::Octets(cursor.literal()?));
    }
    Ok(append)
}

fn piece(cursor: &mut Cursor<'_>) -> Result<Piece, Offence> {
    if cursor.take_word("TEXT") {
        cursor.blank()?;
        return cursor.literal().map(Piece::Octets);
    }
    if cursor.take_word("URL") {
        cursor.blank()?;
        return cursor.text().map(Piece::Url);
    }
    Err(cursor.expected("TEXT or URL"))
}

/// `dd-Mon-yyyy hh:mm:ss +zzzz` (RFC 9051 §9 `date-time`); the day may be one digit behind a blank.
pub fn date_time(text: &str) -> Option<Timestamp> {
    let mut words = text.trim_start().split(' ');
    let (date, time, zone) = (words.next()?, words.next()?, words.next()?);
    let (year, month, day) = date_parts(date)?;
    let mut clock = time.split(':').map(|part| part.parse::<u8>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let (sign, digits) = zone.split_at_checked(1)?;
    let fits = digits.len() == 4 && digits.bytes().all(|octet| octet.is_ascii_digit());
    let number: i16 = digits.parse().ok().filter(|_| fits)?;
    let minutes = number / 100 * 60 + number % 100;
    let offset_minutes = match sign {
        "+" => minutes,
        "-" => -minutes,
        _ => return None,
    };
    // Old mail may bear a date from before what a timestamp can say; the earliest is nearest.
    let early = || (year <= 1970 && hour < 24 && minute < 60 && second <= 60).then_some(Timestamp(0));
    CivilTime { year, month, day, hour, minute, second, offset_minutes }.timestamp().or_else(early)
}

/// `d-Mon-yyyy`
pub fn date_parts(text: &str) -> Option<(i32, u8, u8)> {
    let mut parts = text.split('-');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let year: i32 = year.parse().ok().filter(|_| year.len() == 4)?;
    let day = day.parse().ok().filter(|day| (1..=31).contains(day))?;
    parts.next().is_none().then_some((year, CivilTime::month_from_name(month)?, day))
}

pub fn store(cursor: &mut Cursor<'_>, numbers: Numbers) -> Result<Command, Offence> {
    let set = cursor.set()?;
    cursor.blank()?;
    let mut unchanged_since = None;
    if cursor.peek() == Some(b'(') {
        cursor.list(|cursor| {
            if !cursor.take_word("UNCHANGEDSINCE") {
                return Err(cursor.expected("UNCHANGEDSINCE"));
            }
            cursor.blank()?;
            unchanged_since = Some(cursor.number64()?);
            Ok(())
        })?;
        cursor.blank()?;
    }
    let item = cursor.word()?.to_ascii_uppercase();
    let (item, silent) = match item.strip_suffix(".SILENT") {
        Some(item) => (item, true),
        None => (item.as_str(), false),
    };
    let mode = match item {
        "FLAGS" => StoreMode::Replace,
        "+FLAGS" => StoreMode::Add,
        "-FLAGS" => StoreMode::Remove,
        _ => return Err(cursor.expected("FLAGS, +FLAGS or -FLAGS")),
    };
    cursor.blank()?;
    let mut flags = Vec::new();
    if cursor.peek() == Some(b'(') {
        cursor.list(|cursor| {
            flags.push(cursor.flag()?);
            Ok(())
        })?;
    } else {
        flags.push(cursor.flag()?);
        while cursor.take(b' ') {
            flags.push(cursor.flag()?);
        }
    }
    Ok(Command::Store { set, numbers, mode, silent, flags, unchanged_since })
}

pub fn copy(cursor: &mut Cursor<'_>, numbers: Numbers) -> Result<Copy, Offence> {
    let set = cursor.set()?;
    cursor.blank()?;
    Ok(Copy { set, numbers, mailbox: cursor.text()? })
}
