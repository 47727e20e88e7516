//! SEARCH, SORT and THREAD.

use crate::command::{Command, Numbers};
use crate::limits::{ITEMS_MAX, SEARCH_DEPTH_MAX};
use crate::parse::Offence;
use crate::parse::cursor::Cursor;
use crate::parse::message::date_parts;
use crate::parse::scope;
use crate::search::{Day, Key, Return, SortKey, ThreadAlgorithm, Which};
use model::CivilTime;

pub fn search(cursor: &mut Cursor<'_>, numbers: Numbers) -> Result<Command, Offence> {
    let returns = returns(cursor)?;
    if cursor.take_word("CHARSET") {
        cursor.blank()?;
        charset(cursor)?;
        cursor.blank()?;
    }
    let key = keys(cursor, 0)?;
    Ok(Command::Search { numbers, returns, key })
}

fn charset(cursor: &mut Cursor<'_>) -> Result<(), Offence> {
    let name = cursor.text()?;
    let known = name.eq_ignore_ascii_case("UTF-8") || name.eq_ignore_ascii_case("US-ASCII");
    if known { Ok(()) } else { Err(Offence::BadCharset) }
}

/// `ESEARCH [IN (...)]` (RFC 7377 §2.1)
pub fn esearch(cursor: &mut Cursor<'_>) -> Result<Command, Offence> {
    let mut scopes = Vec::new();
    if cursor.take_word("IN") {
        cursor.blank()?;
        cursor.list(|cursor| {
            scopes.push(scope::source(cursor)?);
            Ok(())
        })?;
        cursor.blank()?;
    }
    match search(cursor, Numbers::Uid)? {
        Command::Search { returns, key, .. } => {
            let returns = returns.unwrap_or(Return { all: true, ..Return::default() });
            Ok(Command::Esearch { scopes, returns, key })
        }
        _ => Err(Offence::UnknownCommand),
    }
}

pub fn sort(cursor: &mut Cursor<'_>, numbers: Numbers) -> Result<Command, Offence> {
    let returns = returns(cursor)?;
    let mut criteria = Vec::new();
    cursor.list(|cursor| {
        let mut name = cursor.word()?.to_ascii_uppercase();
        let is_reversed = name == "REVERSE";
        if is_reversed {
            cursor.blank()?;
            name = cursor.word()?.to_ascii_uppercase();
        }
        let key = match name.as_str() {
            "ARRIVAL" => SortKey::Arrival,
            "CC" => SortKey::Cc,
            "DATE" => SortKey::Date,
            "FROM" => SortKey::From,
            "SIZE" => SortKey::Size,
            "SUBJECT" => SortKey::Subject,
            "TO" => SortKey::To,
            "DISPLAYFROM" => SortKey::DisplayFrom,
            "DISPLAYTO" => SortKey::DisplayTo,
            _ => return Err(cursor.expected("a sort criterion")),
        };
        criteria.push((key, is_reversed));
        Ok(())
    })?;
    if criteria.is_empty() {
        return Err(cursor.expected("a sort criterion"));
    }
    cursor.blank()?;
    charset(cursor)?;
    cursor.blank()?;
    let key = keys(cursor, 0)?;
    Ok(Command::Sort { numbers, returns, criteria, key })
}

pub fn thread(cursor: &mut Cursor<'_>, numbers: Numbers) -> Result<Command, Offence> {
    let algorithm = match cursor.word()?.to_ascii_uppercase().as_str() {
        "ORDEREDSUBJECT" => ThreadAlgorithm::OrderedSubject,
        "REFERENCES" => ThreadAlgorithm::References,
        _ => return Err(cursor.expected("ORDEREDSUBJECT or REFERENCES")),
    };
    cursor.blank()?;
    charset(cursor)?;
    cursor.blank()?;
    let key = keys(cursor, 0)?;
    Ok(Command::Thread { numbers, algorithm, key })
}

/// `RETURN (...)` (RFC 4731 §3.1); an empty list means ALL.
fn returns(cursor: &mut Cursor<'_>) -> Result<Option<Return>, Offence> {
    if !cursor.take_word("RETURN") {
        return Ok(None);
    }
    cursor.blank()?;
    let mut returns = Return::default();
    cursor.list(|cursor| {
        match cursor.word()?.to_ascii_uppercase().as_str() {
            "MIN" => returns.min = true,
            "MAX" => returns.max = true,
            "ALL" => returns.all = true,
            "COUNT" => returns.count = true,
            "SAVE" => returns.save = true,
            "UPDATE" => returns.update = true,
            "CONTEXT" => returns.context = true,
            "PARTIAL" => {
                cursor.blank()?;
                returns.partial = Some(cursor.partial_range()?);
            }
            _ => return Err(cursor.expected("a result option")),
        }
        Ok(())
    })?;
    cursor.blank()?;
    // CONTEXT is but a hint (RFC 5267 §4.2): with nothing beside it, all are asked for.
    if returns == (Return { context: returns.context, ..Return::default() }) {
        returns.all = true;
    }
    Ok(Some(returns))
}

/// One or more keys, all of which must fit.
fn keys(cursor: &mut Cursor<'_>, depth: usize) -> Result<Key, Offence> {
    let mut all = vec![key(cursor, depth)?];
    while cursor.peek() == Some(b' ') {
        // A blank at the very end is forgiven by whoever reads the end.
        let mut ahead = cursor.clone();
        ahead.blank()?;
        if matches!(ahead.peek(), None | Some(b'\r' | b'\n')) {
            break;
        }
        *cursor = ahead;
        if all.len() >= ITEMS_MAX {
            return Err(Offence::TooMuch);
        }
        all.push(key(cursor, depth)?);
    }
    Ok(match all.pop() {
        Some(only) if all.is_empty() => only,
        Some(last) => {
            all.push(last);
            Key::And(all)
        }
        None => Key::All,
    })
}

fn key(cursor: &mut Cursor<'_>, depth: usize) -> Result<Key, Offence> {
    if depth > SEARCH_DEPTH_MAX {
        return Err(Offence::TooMuch);
    }
    match cursor.peek() {
        Some(b'(') => {
            cursor.take(b'(');
            let key = keys(cursor, depth + 1)?;
            cursor.need(b')', "\")\"")?;
            return Ok(key);
        }
        Some(octet) if octet.is_ascii_digit() || octet == b'*' || octet == b'$' => {
            return cursor.set().map(Key::Numbers);
        }
        _ => {}
    }
    let name = cursor.word()?.to_ascii_uppercase();
    if let Some(key) = simple(&name) {
        return Ok(key);
    }
    cursor.blank()?;
    with_argument(cursor, &name, depth)
}

fn simple(name: &str) -> Option<Key> {
    let flag = |name: &str| Some(Key::Flag(format!("\\{name}")));
    let not = |name: &str| Some(Key::NotFlag(format!("\\{name}")));
    match name {
        "ALL" => Some(Key::All),
        "ANSWERED" => flag("Answered"),
        "DELETED" => flag("Deleted"),
        "DRAFT" => flag("Draft"),
        "FLAGGED" => flag("Flagged"),
        "SEEN" => flag("Seen"),
        "UNANSWERED" => not("Answered"),
        "UNDELETED" => not("Deleted"),
        "UNDRAFT" => not("Draft"),
        "UNFLAGGED" => not("Flagged"),
        "UNSEEN" => not("Seen"),
        // No message is recent (RFC 9051 appendix E.3), so none is new and all are old.
        "NEW" | "RECENT" => flag("Recent"),
        "OLD" => not("Recent"),
        "SAVEDATESUPPORTED" => Some(Key::SaveDateSupported),
        _ => None,
    }
}

fn with_argument(cursor: &mut Cursor<'_>, name: &str, depth: usize) -> Result<Key, Offence> {
    let header = |cursor: &mut Cursor<'_>, field: &str| Ok(Key::Header(field.to_owned(), cursor.text()?));
    match name {
        "BCC" => header(cursor, "Bcc"),
        "CC" => header(cursor, "Cc"),
        "FROM" => header(cursor, "From"),
        "SUBJECT" => header(cursor, "Subject"),
        "TO" => header(cursor, "To"),
        "HEADER" => {
            let field = cursor.text()?;
            cursor.blank()?;
            Ok(Key::Header(field, cursor.text()?))
        }
        "BODY" => cursor.text().map(Key::Body),
        "TEXT" => cursor.text().map(Key::Text),
        "KEYWORD" => cursor.word().map(|word| Key::Flag(word.to_owned())),
        "UNKEYWORD" => cursor.word().map(|word| Key::NotFlag(word.to_owned())),
        "LARGER" => cursor.number64().map(Key::Larger),
        "SMALLER" => cursor.number64().map(Key::Smaller),
        "UID" => cursor.set().map(Key::Uids),
        "BEFORE" => day(cursor).map(|day| Key::Before(Which::Internal, day)),
        "ON" => day(cursor).map(|day| Key::On(Which::Internal, day)),
        "SINCE" => day(cursor).map(|day| Key::Since(Which::Internal, day)),
        "SENTBEFORE" => day(cursor).map(|day| Key::Before(Which::Sent, day)),
        "SENTON" => day(cursor).map(|day| Key::On(Which::Sent, day)),
        "SENTSINCE" => day(cursor).map(|day| Key::Since(Which::Sent, day)),
        "SAVEDBEFORE" => day(cursor).map(|day| Key::Before(Which::Saved, day)),
        "SAVEDON" => day(cursor).map(|day| Key::On(Which::Saved, day)),
        "SAVEDSINCE" => day(cursor).map(|day| Key::Since(Which::Saved, day)),
        "OLDER" => seconds(cursor).map(Key::Older),
        "YOUNGER" => seconds(cursor).map(Key::Younger),
        "MODSEQ" => modseq(cursor),
        "EMAILID" => cursor.text().map(Key::EmailId),
        "THREADID" => cursor.text().map(Key::ThreadId),
        "NOT" => key(cursor, depth + 1).map(|key| Key::Not(Box::new(key))),
        "OR" => {
            let one = key(cursor, depth + 1)?;
            cursor.blank()?;
            Ok(Key::Or(Box::new(one), Box::new(key(cursor, depth + 1)?)))
        }
        _ => Err(cursor.expected("a search key")),
    }
}

fn seconds(cursor: &mut Cursor<'_>) -> Result<u64, Offence> {
    cursor.number64()?.checked_sub(1).map(|less| less + 1).ok_or_else(|| cursor.expected("a number above 0"))
}

fn day(cursor: &mut Cursor<'_>) -> Result<Day, Offence> {
    let text = cursor.text()?;
    let (year, month, day) = date_parts(&text).ok_or_else(|| cursor.expected("a date"))?;
    Ok(Day::of(CivilTime { year, month, day, hour: 0, minute: 0, second: 0, offset_minutes: 0 }))
}

/// `MODSEQ [entry-name entry-type] number` (RFC 7162 §3.1.5); the entry is read and means nothing to us.
fn modseq(cursor: &mut Cursor<'_>) -> Result<Key, Offence> {
    if cursor.peek() == Some(b'"') {
        cursor.text()?;
        cursor.blank()?;
        cursor.word()?;
        cursor.blank()?;
    }
    cursor.number64().map(Key::Modseq)
}
