//! APPEND (RFC 9051 §6.3.12, RFC 3502, RFC 4469, RFC 7889).

use crate::imap::refusal;
use crate::imap::session::{Done, Outcome, Session};
use crate::imap::store::parse_flags;
use account::rights::Rights;
use imap::command::{Append, Piece};
use imap::sequence;
use mail::deliver::{Append as NewAppend, NewMessage};
use mail::error::Error;
use mail::flags::{Flags, SystemFlags};
use mail::witness::Cause;

impl Session<'_> {
    pub async fn append(&mut self, mailbox: &str, messages: Vec<Append>) -> Done {
        let target = match self.find(mailbox).await {
            Ok(target) => target,
            Err(Error::NoMailbox) => return Ok(Outcome::no(refusal::TRY_CREATE)),
            Err(error) => return Ok(self.failed(&error)),
        };
        if !target.rights.has(Rights::INSERT) {
            return Ok(Outcome::no(refusal::NO_PERMISSION));
        }
        let mut appends = Vec::with_capacity(messages.len());
        for append in messages {
            match ready(self, append, target.rights).await {
                Ok(append) => appends.push(append),
                Err(outcome) => return Ok(outcome),
            }
        }
        let placed = match self.service.mail.append(&target.owner, target.mailbox.id, appends, target.quota).await {
            Ok(placed) => placed,
            Err(error) => return Ok(self.failed(&error)),
        };
        Box::pin(self.arrived(Cause::Added, &target.place(), &placed.value)).await;
        self.catch_up(true)?;
        Ok(appended(placed))
    }
}

/// A message that a client sends, with its pieces put together and read.
pub(crate) async fn ready(session: &Session<'_>, append: Append, rights: Rights) -> Result<NewAppend, Outcome> {
    let flags = allowed(parse_flags(&append.flags)?, rights);
    let mut octets = Vec::new();
    // What URLs bring in was not announced, as literals are.
    let gathers = append.pieces.iter().any(|piece| matches!(piece, Piece::Url(_)));
    let _memory = match gathers {
        true => Some(session.memory_for(session.service.settings.append_octets_max).await?),
        false => None,
    };
    for piece in append.pieces {
        match piece {
            Piece::Octets(piece) if octets.is_empty() => octets = piece,
            Piece::Octets(piece) => octets.extend_from_slice(&piece),
            Piece::Url(url) => match session.octets_of(&url).await {
                Ok(Some(piece)) => octets.extend_from_slice(&piece),
                Ok(None) | Err(Error::NoMailbox | Error::BadName(_)) => return Err(bad_url(&url)),
                Err(error) => return Err(session.failed(&error)),
            },
        }
        if octets.len() as u64 > session.service.settings.append_octets_max {
            return Err(Outcome::no("[TOOBIG] the message is too large"));
        }
    }
    if octets.is_empty() {
        return Err(Outcome::no("[CANNOT] an empty message is none"));
    }
    // Reading a large message takes a while; others go on meanwhile.
    let message = tokio::task::block_in_place(|| NewMessage::new(octets)).map_err(|error| session.failed(&error))?;
    Ok(NewAppend { message, flags, internal_date: append.date })
}

/// The one positive answer to APPEND, which only a receipt gives.
fn appended(placed: storage::Committed<mail::deliver::Placed>) -> Outcome {
    let _durable: storage::Receipt = placed.receipt;
    let uids = sequence::write(placed.value.uids.iter().map(|uid| uid.0));
    Outcome::Ok(format!("[APPENDUID {} {uids}] there", placed.value.uid_validity))
}

/// RFC 4469 §4.1
fn bad_url(url: &str) -> Outcome {
    let mut quoted = Vec::new();
    let shown: String = url.chars().filter(char::is_ascii_graphic).take(200).collect();
    imap::write::string(&mut quoted, shown.as_bytes(), false);
    Outcome::No(format!("[BADURL {}] it names nothing that can be read", String::from_utf8_lossy(&quoted)))
}

/// Flags that the user may not set are left out (RFC 4314 §4).
fn allowed(mut flags: Flags, rights: Rights) -> Flags {
    if !rights.has(Rights::SEEN) {
        flags.system = flags.system.without(SystemFlags::SEEN);
    }
    if !rights.has(Rights::DELETE_ITEMS) {
        flags.system = flags.system.without(SystemFlags::DELETED);
    }
    if !rights.has(Rights::WRITE) {
        let kept = SystemFlags::SEEN.with(SystemFlags::DELETED);
        flags.system = flags.system.without(SystemFlags::ALL.without(kept));
        flags.keywords.clear();
    }
    flags
}
