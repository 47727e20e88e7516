//! NOTIFY (RFC 5465).

use crate::command::Command;
use crate::limits::ITEMS_MAX;
use crate::notify::{Event, Group, Notify};
use crate::parse::cursor::Cursor;
use crate::parse::{Offence, fetch, scope};

pub fn notify(cursor: &mut Cursor<'_>) -> Result<Command, Offence> {
    if cursor.take_word("NONE") {
        return Ok(Command::Notify(None));
    }
    if !cursor.take_word("SET") {
        return Err(cursor.expected("NONE or SET"));
    }
    cursor.blank()?;
    let status = cursor.take_word("STATUS");
    if status {
        cursor.blank()?;
    }
    let mut groups = vec![group(cursor)?];
    while cursor.take(b' ') {
        if groups.len() >= ITEMS_MAX {
            return Err(Offence::TooMuch);
        }
        groups.push(group(cursor)?);
    }
    Ok(Command::Notify(Some(Notify { status, groups })))
}

fn group(cursor: &mut Cursor<'_>) -> Result<Group, Offence> {
    cursor.need(b'(', "a group of mailboxes")?;
    let scope = scope::filter(cursor)?;
    cursor.blank()?;
    let mut events = Vec::new();
    if !cursor.take_word("NONE") {
        cursor.list(|cursor| {
            events.push(event(cursor)?);
            Ok(())
        })?;
    }
    cursor.need(b')', "\")\"")?;
    // RFC 5465 §5: the one says nothing without the other, and flags need both.
    let has = |wanted: fn(&Event) -> bool| events.iter().any(wanted);
    let comes = has(|event| matches!(event, Event::MessageNew(_)));
    let goes = has(|event| *event == Event::MessageExpunge);
    let changes = has(|event| matches!(event, Event::FlagChange | Event::AnnotationChange));
    if comes != goes || changes && !comes {
        return Err(cursor.expected("MessageNew together with MessageExpunge"));
    }
    Ok(Group { scope, events })
}

fn event(cursor: &mut Cursor<'_>) -> Result<Event, Offence> {
    let name = cursor.word()?;
    Ok(match name.to_ascii_uppercase().as_str() {
        "MESSAGENEW" => {
            let mut ahead = cursor.clone();
            let has_items = ahead.take(b' ') && ahead.peek() == Some(b'(');
            if !has_items {
                return Ok(Event::MessageNew(Vec::new()));
            }
            cursor.blank()?;
            Event::MessageNew(fetch::items(cursor)?)
        }
        "MESSAGEEXPUNGE" => Event::MessageExpunge,
        "FLAGCHANGE" => Event::FlagChange,
        "ANNOTATIONCHANGE" => Event::AnnotationChange,
        "MAILBOXNAME" => Event::MailboxName,
        "SUBSCRIPTIONCHANGE" => Event::SubscriptionChange,
        "MAILBOXMETADATACHANGE" => Event::MailboxMetadataChange,
        "SERVERMETADATACHANGE" => Event::ServerMetadataChange,
        _ => Event::Other(name.to_owned()),
    })
}
