//! Commands about mailboxes: SELECT, CREATE, RENAME, LIST, LSUB, STATUS.

use crate::command::{Command, Depth, List, MetadataQuery, Qresync, Select, StatusItem};
use crate::parse::Offence;
use crate::parse::cursor::Cursor;

pub fn select(cursor: &mut Cursor<'_>) -> Result<Select, Offence> {
    let mut select = Select { mailbox: cursor.text()?, condstore: false, qresync: None };
    if cursor.take(b' ') {
        cursor.list(|cursor| {
            match cursor.word()?.to_ascii_uppercase().as_str() {
                "CONDSTORE" => select.condstore = true,
                "QRESYNC" => {
                    cursor.blank()?;
                    select.qresync = Some(qresync(cursor)?);
                }
                _ => return Err(cursor.expected("CONDSTORE or QRESYNC")),
            }
            Ok(())
        })?;
    }
    Ok(select)
}

/// RFC 7162 §3.2.5: UIDVALIDITY, modseq, known UIDs, and known pairs of number and UID, of which we need nothing.
fn qresync(cursor: &mut Cursor<'_>) -> Result<Qresync, Offence> {
    cursor.need(b'(', "a list")?;
    let uid_validity = cursor.number()?;
    cursor.blank()?;
    let modseq = cursor.number64()?;
    let mut known = None;
    if cursor.take(b' ') {
        if cursor.peek() != Some(b'(') {
            known = Some(cursor.set()?);
            if cursor.take(b' ') {
                pairs(cursor)?;
            }
        } else {
            pairs(cursor)?;
        }
    }
    cursor.need(b')', "\")\"")?;
    Ok(Qresync { uid_validity, modseq, known })
}

fn pairs(cursor: &mut Cursor<'_>) -> Result<(), Offence> {
    cursor.need(b'(', "a list")?;
    cursor.set()?;
    cursor.blank()?;
    cursor.set()?;
    cursor.need(b')', "\")\"")
}

pub fn create(cursor: &mut Cursor<'_>) -> Result<Command, Offence> {
    let mailbox = cursor.text()?;
    let mut special_use = Vec::new();
    if cursor.take(b' ') {
        cursor.list(|cursor| {
            if !cursor.take_word("USE") {
                return Err(cursor.expected("USE"));
            }
            cursor.blank()?;
            cursor.list(|cursor| {
                special_use.push(cursor.flag()?);
                Ok(())
            })
        })?;
    }
    Ok(Command::Create { mailbox, special_use })
}

pub fn rename(cursor: &mut Cursor<'_>) -> Result<Command, Offence> {
    let from = cursor.text()?;
    cursor.blank()?;
    Ok(Command::Rename { from, to: cursor.text()? })
}

/// A pattern: like a mailbox name, but `%` and `*` may stand in a word.
fn pattern(cursor: &mut Cursor<'_>) -> Result<String, Offence> {
    cursor.text()
}

pub fn lsub(cursor: &mut Cursor<'_>) -> Result<Command, Offence> {
    let reference = cursor.text()?;
    cursor.blank()?;
    Ok(Command::Lsub { reference, pattern: pattern(cursor)? })
}

/// RFC 5258 §6
pub fn list(cursor: &mut Cursor<'_>) -> Result<Command, Offence> {
    let mut list = List::default();
    if cursor.peek() == Some(b'(') {
        list.is_extended = true;
        cursor.list(|cursor| {
            match cursor.word()?.to_ascii_uppercase().as_str() {
                "SUBSCRIBED" => list.subscribed = true,
                "RECURSIVEMATCH" => list.recursive_match = true,
                "SPECIAL-USE" => list.special_use = true,
                // Every mailbox is here, so this selects nothing more.
                "REMOTE" => {}
                _ => return Err(cursor.expected("a selection option")),
            }
            Ok(())
        })?;
        cursor.blank()?;
    }
    if list.recursive_match && !list.subscribed && !list.special_use {
        return Err(cursor.expected("RECURSIVEMATCH together with another option"));
    }
    list.reference = cursor.text()?;
    cursor.blank()?;
    if cursor.peek() == Some(b'(') {
        list.is_extended = true;
        cursor.list(|cursor| {
            list.patterns.push(pattern(cursor)?);
            Ok(())
        })?;
    } else {
        list.patterns.push(pattern(cursor)?);
    }
    if cursor.take(b' ') {
        list.is_extended = true;
        if !cursor.take_word("RETURN") {
            return Err(cursor.expected("RETURN"));
        }
        cursor.blank()?;
        cursor.list(|cursor| return_option(cursor, &mut list))?;
    }
    Ok(Command::List(list))
}

fn return_option(cursor: &mut Cursor<'_>, list: &mut List) -> Result<(), Offence> {
    match cursor.word()?.to_ascii_uppercase().as_str() {
        "SUBSCRIBED" => list.return_subscribed = true,
        "CHILDREN" | "SPECIAL-USE" => {}
        "MYRIGHTS" => list.return_my_rights = true,
        "STATUS" => {
            cursor.blank()?;
            list.return_status = Some(status_items(cursor)?);
        }
        "METADATA" => {
            cursor.blank()?;
            list.return_metadata = Some(metadata_query(cursor)?);
        }
        _ => return Err(cursor.expected("a return option")),
    }
    Ok(())
}

/// RFC 9590 §3: entries, and in front of them options in parentheses of their own.
fn metadata_query(cursor: &mut Cursor<'_>) -> Result<MetadataQuery, Offence> {
    let mut query = MetadataQuery::default();
    if metadata_options_ahead(cursor) {
        metadata_options(cursor, &mut query)?;
        cursor.blank()?;
    }
    cursor.list(|cursor| {
        query.entries.push(cursor.text()?);
        Ok(())
    })?;
    if query.entries.is_empty() { Err(cursor.expected("an entry's name")) } else { Ok(query) }
}

/// Whether options come next and no entries, whose names begin with a slash.
pub fn metadata_options_ahead(cursor: &Cursor<'_>) -> bool {
    let mut ahead = cursor.clone();
    ahead.take(b'(') && (ahead.take_word("MAXSIZE") || ahead.take_word("DEPTH"))
}

/// `(MAXSIZE 1024 DEPTH infinity)` (RFC 5464 §4.2).
pub fn metadata_options(cursor: &mut Cursor<'_>, query: &mut MetadataQuery) -> Result<(), Offence> {
    cursor.list(|cursor| {
        let name = cursor.word()?.to_ascii_uppercase();
        cursor.blank()?;
        match name.as_str() {
            "MAXSIZE" => query.max_size = Some(cursor.number64()?),
            "DEPTH" => {
                query.depth = match cursor.word()?.to_ascii_lowercase().as_str() {
                    "0" => Depth::Zero,
                    "1" => Depth::One,
                    "infinity" => Depth::Infinity,
                    _ => return Err(cursor.expected("0, 1 or infinity")),
                }
            }
            _ => return Err(cursor.expected("MAXSIZE or DEPTH")),
        }
        Ok(())
    })
}

pub fn status(cursor: &mut Cursor<'_>) -> Result<Command, Offence> {
    let mailbox = cursor.text()?;
    cursor.blank()?;
    Ok(Command::Status { mailbox, items: status_items(cursor)? })
}

fn status_items(cursor: &mut Cursor<'_>) -> Result<Vec<StatusItem>, Offence> {
    let mut items = Vec::new();
    cursor.list(|cursor| {
        items.push(match cursor.word()?.to_ascii_uppercase().as_str() {
            "MESSAGES" => StatusItem::Messages,
            "RECENT" => StatusItem::Recent,
            "UIDNEXT" => StatusItem::UidNext,
            "UIDVALIDITY" => StatusItem::UidValidity,
            "UNSEEN" => StatusItem::Unseen,
            "DELETED" => StatusItem::Deleted,
            "SIZE" => StatusItem::Size,
            "HIGHESTMODSEQ" => StatusItem::HighestModseq,
            "MAILBOXID" => StatusItem::MailboxId,
            "APPENDLIMIT" => StatusItem::AppendLimit,
            "DELETED-STORAGE" => StatusItem::DeletedStorage,
            _ => return Err(cursor.expected("a status item")),
        });
        Ok(())
    })?;
    Ok(items)
}
