//! From a whole command's octets to a [`Tagged`] command, one file a topic.

mod cursor;
mod fetch;
mod mailbox;
mod message;
mod notify;
mod scope;
mod search;

use crate::command::{Command, MetadataQuery, Numbers, Tagged};
use crate::limits::{ITEMS_MAX, TAG_OCTETS_MAX};
use cursor::Cursor;

/// What is wrong with a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Offence {
    /// It does not begin with a tag and a blank.
    #[error("the command has no tag")]
    NoTag,
    /// The verb is not known.
    #[error("the command is not known")]
    UnknownCommand,
    /// The arguments do not follow the grammar; the offset is in octets.
    #[error("{wanted} was expected at octet {at}")]
    Expected {
        /// What should stand there.
        wanted: &'static str,
        /// Where.
        at: usize,
    },
    /// A search in a charset that is not known (RFC 9051 §6.4.4).
    #[error("the charset is not known; UTF-8 and US-ASCII are")]
    BadCharset,
    /// More of something, or deeper, than is taken.
    #[error("there is too much of it")]
    TooMuch,
}

/// A command that cannot be understood, with its tag if it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadCommand {
    /// The tag.
    pub tag: Option<String>,
    /// What is wrong.
    pub offence: Offence,
}

/// Reads a whole command as [`crate::frame::Framer`] hands it out.
pub fn command(octets: &[u8]) -> Result<Tagged, BadCommand> {
    let mut cursor = Cursor::new(octets);
    let Some(tag) = tag(&mut cursor) else { return Err(BadCommand { tag: None, offence: Offence::NoTag }) };
    match verb(&mut cursor) {
        Ok(command) => Ok(Tagged { tag, command }),
        Err(offence) => Err(BadCommand { tag: Some(tag), offence }),
    }
}

/// RFC 9051 §9 `tag`: astring characters without `+`.
fn tag(cursor: &mut Cursor<'_>) -> Option<String> {
    let word = cursor.word().ok()?;
    let fits = (1..=TAG_OCTETS_MAX).contains(&word.len()) && !word.contains(['+', '*', '%']);
    (fits && cursor.blank().is_ok()).then(|| word.to_owned())
}

fn verb(cursor: &mut Cursor<'_>) -> Result<Command, Offence> {
    let mut verb = cursor.word()?.to_ascii_uppercase();
    let mut numbers = Numbers::Sequence;
    if verb == "UID" {
        cursor.blank()?;
        verb = cursor.word()?.to_ascii_uppercase();
        numbers = Numbers::Uid;
        let known = ["FETCH", "STORE", "COPY", "MOVE", "SEARCH", "SORT", "THREAD", "EXPUNGE", "REPLACE"];
        if !known.contains(&verb.as_str()) {
            return Err(Offence::UnknownCommand);
        }
    }
    let command = match verb.as_str() {
        "CAPABILITY" => Command::Capability,
        "NOOP" => Command::Noop,
        "LOGOUT" => Command::Logout,
        "STARTTLS" => Command::StartTls,
        "UNAUTHENTICATE" => Command::Unauthenticate,
        "NAMESPACE" => Command::Namespace,
        "IDLE" => Command::Idle,
        "CHECK" => Command::Check,
        "CLOSE" => Command::Close,
        "UNSELECT" => Command::Unselect,
        "EXPUNGE" if numbers == Numbers::Sequence => Command::Expunge(None),
        _ => {
            cursor.blank().map_err(|error| if is_known(&verb) { error } else { Offence::UnknownCommand })?;
            with_arguments(&verb, numbers, cursor)?
        }
    };
    cursor.end()?;
    Ok(command)
}

fn is_known(verb: &str) -> bool {
    const KNOWN: [&str; 39] = [
        "ID",
        "AUTHENTICATE",
        "LOGIN",
        "ENABLE",
        "COMPRESS",
        "SELECT",
        "EXAMINE",
        "CREATE",
        "DELETE",
        "RENAME",
        "SUBSCRIBE",
        "UNSUBSCRIBE",
        "LIST",
        "LSUB",
        "STATUS",
        "APPEND",
        "REPLACE",
        "EXPUNGE",
        "SEARCH",
        "SORT",
        "THREAD",
        "FETCH",
        "STORE",
        "COPY",
        "MOVE",
        "SETACL",
        "DELETEACL",
        "GETACL",
        "LISTRIGHTS",
        "MYRIGHTS",
        "GETQUOTA",
        "GETQUOTAROOT",
        "GETMETADATA",
        "SETMETADATA",
        "UID",
        "SETQUOTA",
        "ESEARCH",
        "CANCELUPDATE",
        "NOTIFY",
    ];
    KNOWN.contains(&verb)
}

fn with_arguments(verb: &str, numbers: Numbers, cursor: &mut Cursor<'_>) -> Result<Command, Offence> {
    match verb {
        "ID" => id(cursor),
        "AUTHENTICATE" => authenticate(cursor),
        "LOGIN" => login(cursor),
        "ENABLE" => enable(cursor),
        "COMPRESS" => Ok(Command::Compress(cursor.word()?.to_ascii_uppercase())),
        "SELECT" => mailbox::select(cursor).map(Command::Select),
        "EXAMINE" => mailbox::select(cursor).map(Command::Examine),
        "CREATE" => mailbox::create(cursor),
        "DELETE" => cursor.text().map(Command::Delete),
        "RENAME" => mailbox::rename(cursor),
        "SUBSCRIBE" => cursor.text().map(Command::Subscribe),
        "UNSUBSCRIBE" => cursor.text().map(Command::Unsubscribe),
        "LIST" => mailbox::list(cursor),
        "LSUB" => mailbox::lsub(cursor),
        "STATUS" => mailbox::status(cursor),
        "APPEND" => message::append(cursor),
        "REPLACE" => message::replace(cursor, numbers),
        "EXPUNGE" => cursor.set().map(|set| Command::Expunge(Some(set))),
        "SEARCH" => search::search(cursor, numbers),
        "SORT" => search::sort(cursor, numbers),
        "THREAD" => search::thread(cursor, numbers),
        "FETCH" => fetch::fetch(cursor, numbers),
        "STORE" => message::store(cursor, numbers),
        "COPY" => message::copy(cursor, numbers).map(Command::Copy),
        "MOVE" => message::copy(cursor, numbers).map(Command::Move),
        "SETACL" => set_acl(cursor),
        "DELETEACL" => {
            let (mailbox, identifier) = two(cursor)?;
            Ok(Command::DeleteAcl { mailbox, identifier })
        }
        "GETACL" => cursor.text().map(Command::GetAcl),
        "LISTRIGHTS" => {
            let (mailbox, identifier) = two(cursor)?;
            Ok(Command::ListRights { mailbox, identifier })
        }
        "MYRIGHTS" => cursor.text().map(Command::MyRights),
        "GETQUOTA" => cursor.text().map(Command::GetQuota),
        "GETQUOTAROOT" => cursor.text().map(Command::GetQuotaRoot),
        "SETQUOTA" => set_quota(cursor),
        "ESEARCH" => search::esearch(cursor),
        "CANCELUPDATE" => cancel_update(cursor),
        "NOTIFY" => notify::notify(cursor),
        "GETMETADATA" => get_metadata(cursor),
        "SETMETADATA" => set_metadata(cursor),
        _ => Err(Offence::UnknownCommand),
    }
}

fn two(cursor: &mut Cursor<'_>) -> Result<(String, String), Offence> {
    let first = cursor.text()?;
    cursor.blank()?;
    Ok((first, cursor.text()?))
}

/// RFC 2971 §3.1
fn id(cursor: &mut Cursor<'_>) -> Result<Command, Offence> {
    if cursor.take_word("NIL") {
        return Ok(Command::Id(Vec::new()));
    }
    let mut fields = Vec::new();
    cursor.list(|cursor| {
        let name = cursor.text()?;
        cursor.blank()?;
        fields.push((name, cursor.nullable_text()?));
        Ok(())
    })?;
    Ok(Command::Id(fields))
}

fn authenticate(cursor: &mut Cursor<'_>) -> Result<Command, Offence> {
    let mechanism = cursor.word()?.to_ascii_uppercase();
    let initial = if cursor.take(b' ') { Some(cursor.rest_of_line().to_owned()) } else { None };
    Ok(Command::Authenticate { mechanism, initial })
}

fn login(cursor: &mut Cursor<'_>) -> Result<Command, Offence> {
    let (name, password) = two(cursor)?;
    Ok(Command::Login { name, password })
}

fn enable(cursor: &mut Cursor<'_>) -> Result<Command, Offence> {
    let mut names = vec![cursor.word()?.to_ascii_uppercase()];
    while cursor.take(b' ') {
        names.push(cursor.word()?.to_ascii_uppercase());
    }
    Ok(Command::Enable(names))
}

fn set_acl(cursor: &mut Cursor<'_>) -> Result<Command, Offence> {
    let (mailbox, identifier) = two(cursor)?;
    cursor.blank()?;
    Ok(Command::SetAcl { mailbox, identifier, rights: cursor.text()? })
}

/// RFC 9208 §4.1.3
fn set_quota(cursor: &mut Cursor<'_>) -> Result<Command, Offence> {
    let root = cursor.text()?;
    cursor.blank()?;
    let mut limits = Vec::new();
    cursor.list(|cursor| {
        let resource = cursor.word()?.to_ascii_uppercase();
        cursor.blank()?;
        limits.push((resource, cursor.number64()?));
        Ok(())
    })?;
    Ok(Command::SetQuota { root, limits })
}

/// RFC 5267 §4.3.5: tags in quotes.
fn cancel_update(cursor: &mut Cursor<'_>) -> Result<Command, Offence> {
    let mut tags = vec![cursor.text()?];
    while cursor.take(b' ') {
        if tags.len() >= ITEMS_MAX {
            return Err(Offence::TooMuch);
        }
        tags.push(cursor.text()?);
    }
    Ok(Command::CancelUpdate(tags))
}

/// RFC 5464 §4.2: options before or after the mailbox's name, as both stand in the wild.
fn get_metadata(cursor: &mut Cursor<'_>) -> Result<Command, Offence> {
    let mut query = MetadataQuery::default();
    if cursor.peek() == Some(b'(') {
        mailbox::metadata_options(cursor, &mut query)?;
        cursor.blank()?;
    }
    let mailbox = cursor.text()?;
    cursor.blank()?;
    if mailbox::metadata_options_ahead(cursor) {
        mailbox::metadata_options(cursor, &mut query)?;
        cursor.blank()?;
    }
    let MetadataQuery { max_size, depth, .. } = query;
    let mut entries = Vec::new();
    if cursor.peek() == Some(b'(') {
        cursor.list(|cursor| {
            entries.push(cursor.text()?);
            Ok(())
        })?;
    } else {
        entries.push(cursor.text()?);
    }
    Ok(Command::GetMetadata { mailbox, entries, max_size, depth })
}

fn set_metadata(cursor: &mut Cursor<'_>) -> Result<Command, Offence> {
    let mailbox = cursor.text()?;
    cursor.blank()?;
    let mut entries = Vec::new();
    cursor.list(|cursor| {
        let entry = cursor.text()?;
        cursor.blank()?;
        entries.push((entry, cursor.nullable_octets()?));
        Ok(())
    })?;
    Ok(Command::SetMetadata { mailbox, entries })
}

#[cfg(test)]
mod tests;
