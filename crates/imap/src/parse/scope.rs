//! Which mailboxes: of ESEARCH (RFC 7377 §2.2) and of NOTIFY (RFC 5465 §6).

use crate::parse::Offence;
use crate::parse::cursor::Cursor;
use crate::search::Scope;

/// What ESEARCH takes: the selected mailbox cannot be put off there.
pub fn source(cursor: &mut Cursor<'_>) -> Result<Scope, Offence> {
    match scope(cursor)? {
        Scope::SelectedDelayed => Err(cursor.expected("which mailboxes to search")),
        scope => Ok(scope),
    }
}

/// What NOTIFY takes: there is no `subtree-one` there (RFC 5465 §8).
pub fn filter(cursor: &mut Cursor<'_>) -> Result<Scope, Offence> {
    match scope(cursor)? {
        Scope::SubtreeOne(_) => Err(cursor.expected("which mailboxes to watch")),
        scope => Ok(scope),
    }
}

fn scope(cursor: &mut Cursor<'_>) -> Result<Scope, Offence> {
    Ok(match cursor.word()?.to_ascii_uppercase().as_str() {
        "SELECTED" => Scope::Selected,
        "SELECTED-DELAYED" => Scope::SelectedDelayed,
        "INBOXES" => Scope::Inboxes,
        "PERSONAL" => Scope::Personal,
        "SUBSCRIBED" => Scope::Subscribed,
        "SUBTREE" => Scope::Subtree(names(cursor)?),
        "SUBTREE-ONE" => Scope::SubtreeOne(names(cursor)?),
        "MAILBOXES" => Scope::Mailboxes(names(cursor)?),
        _ => return Err(cursor.expected("which mailboxes are meant")),
    })
}

fn names(cursor: &mut Cursor<'_>) -> Result<Vec<String>, Offence> {
    cursor.blank()?;
    if cursor.peek() != Some(b'(') {
        return Ok(vec![cursor.text()?]);
    }
    let mut names = Vec::new();
    cursor.list(|cursor| {
        names.push(cursor.text()?);
        Ok(())
    })?;
    if names.is_empty() { Err(cursor.expected("a mailbox name")) } else { Ok(names) }
}
