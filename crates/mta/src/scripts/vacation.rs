//! Answers that somebody is away: to whom, and what they say (RFC 5230 §4, §5; RFC 3834).

use crate::scripts::letter::{self, Body, Letter, mailbox};
use crate::scripts::remembered::hash;
use crate::scripts::service::Scripts;
use crate::scripts::subject::{Away, Subject};
use directory::resolve::Resolution;
use mail::scripts::Memory;
use message::{address, header};
use model::{Address, Timestamp};
use queue::entry::NewEntry;
use sieve::Vacation;
use std::time::Duration;

/// An answer that goes.
pub struct Answer {
    /// To whom.
    pub to: Address,
    /// As it is sent.
    pub entry: NewEntry,
    /// Its octets, for a copy.
    pub octets: Vec<u8>,
    /// That this sender was answered.
    pub remember: Option<Memory>,
}

/// The answer, or why there is none.
///
/// # Errors
/// The store or the directory is away.
pub async fn answer(
    scripts: &Scripts,
    subject: &Subject<'_>,
    octets: &[u8],
    wanted: &Vacation,
    now: Timestamp,
) -> Result<Result<Answer, &'static str>, Away> {
    let Some(to) = subject.sender else { return Ok(Err("the sender is null")) };
    if let Some(why) = is_automatic(to, octets) {
        return Ok(Err(why));
    }
    if !names_recipient(subject, octets, &wanted.addresses) {
        return Ok(Err("the message does not name the recipient"));
    }
    if is_own(scripts, subject, to).await? {
        return Ok(Err("the sender is the recipient"));
    }
    let key = hash(&["vacation", &wanted.handle, &to.to_string().to_lowercase()]);
    let owner = &subject.target.owner;
    let known = scripts.parts.mail.remembers(owner, key, now, subject.target.delivery);
    if wanted.seconds > 0 && known.map_err(|error| Away(error.to_string()))? {
        return Ok(Err("the sender was answered lately"));
    }
    let period = Duration::from_secs(wanted.seconds).max(scripts.settings.vacation_min);
    let remember = (wanted.seconds > 0).then(|| Memory { key, until: now.plus(period), is_new: true });
    let octets = write(scripts, subject, octets, wanted, now, to).await?;
    let entry = letter::entry(None, vec![to.clone()], octets.clone(), subject.trace);
    Ok(Ok(Answer { to: to.clone(), entry, octets, remember }))
}

async fn write(
    scripts: &Scripts,
    subject: &Subject<'_>,
    octets: &[u8],
    wanted: &Vacation,
    now: Timestamp,
    to: &Address,
) -> Result<Vec<u8>, Away> {
    let original = header::find(octets, "Subject").map(|field| field.decoded()).unwrap_or_default();
    let subject_line = wanted.subject.clone().unwrap_or_else(|| format!("Auto: {original}"));
    let mut fields = Vec::new();
    if let Some(id) = header::find(octets, "Message-ID").map(|field| field.unfolded().into_owned()) {
        // RFC 5230 §5.8, RFC 3834 §3.1.5.
        let before = header::find(octets, "References").map(|field| field.unfolded().into_owned());
        fields.push(("In-Reply-To", id.clone()));
        fields.push(("References", before.map_or_else(|| id.clone(), |before| format!("{before} {id}"))));
    }
    fields.push(("Auto-Submitted", "auto-replied".to_owned()));
    Ok(Letter {
        from: sender(scripts, subject, wanted.from.as_deref()).await?.0,
        to: format!("<{to}>"),
        subject: subject_line.trim_end(),
        host: &scripts.settings.host,
        now,
        token: scripts.parts.random.u64(),
        fields,
        body: if wanted.is_mime { Body::Part(&wanted.reason) } else { Body::Text(&wanted.reason) },
    }
    .write())
}

/// From whom a message of a script comes: as the script says if that is an address of its owner, else the owner. The
/// field's value, and the address.
///
/// # Errors
/// The directory is away.
pub async fn sender(
    scripts: &Scripts,
    subject: &Subject<'_>,
    wanted: Option<&str>,
) -> Result<(String, Option<Address>), Away> {
    if let Some(text) = wanted {
        let entries = address::parse(text.as_bytes());
        let found = address::mailboxes(&entries).next();
        if let Some((found, Ok(address))) = found.map(|found| (found, found.address().parse::<Address>()))
            && is_own(scripts, subject, &address).await?
        {
            let name = found.name.as_ref().map_or_else(String::new, |_| found.display());
            return Ok((mailbox(&name, &address.to_string()), Some(address)));
        }
    }
    let account = subject.account;
    Ok((mailbox(&account.name, &account.address), account.address.parse().ok()))
}

/// Whether an address leads to the account that the script belongs to, and to nobody else.
async fn is_own(scripts: &Scripts, subject: &Subject<'_>, address: &Address) -> Result<bool, Away> {
    let resolved = scripts.parts.directory.resolve(address).await.map_err(|error| Away(error.to_string()))?;
    Ok(match resolved {
        Resolution::Expanded { local, remote } => {
            let id = subject.account.id;
            remote.is_empty() && !local.is_empty() && local.iter().all(|target| target.account.id == id)
        }
        _ => false,
    })
}

/// Why a message is not one that a person wants answered (RFC 5230 §4.6, RFC 3834 §2).
pub fn is_automatic(sender: &Address, octets: &[u8]) -> Option<&'static str> {
    let local = sender.local.as_str().to_ascii_lowercase();
    let is_machine = matches!(local.as_str(), "mailer-daemon" | "listserv" | "majordomo")
        || local.starts_with("owner-")
        || local.ends_with("-request")
        || local.ends_with("-owner");
    if is_machine {
        return Some("the sender is a program");
    }
    for field in header::fields(octets) {
        let value = || field.unfolded().trim().to_ascii_lowercase();
        if field.is("auto-submitted") && !value().starts_with("no") {
            return Some("the message was sent by a program");
        }
        if field.is("precedence") && matches!(value().as_str(), "bulk" | "junk" | "list") {
            return Some("the message went to many");
        }
        let is_of_list = ["list-id", "list-help", "list-subscribe", "list-unsubscribe", "list-post", "list-owner"];
        if field.is("list-archive") || is_of_list.iter().any(|name| field.is(name)) {
            return Some("the message came by a mailing list");
        }
    }
    None
}

/// Whether the message's own fields name the recipient (RFC 5230 §4.5).
fn names_recipient(subject: &Subject<'_>, octets: &[u8], more: &[String]) -> bool {
    let own = [subject.recipient.to_string(), subject.account.address.clone()];
    let is_known = |found: &str| own.iter().chain(more).any(|known| known.eq_ignore_ascii_case(found));
    let names = ["to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc"];
    header::fields(octets).filter(|field| names.iter().any(|name| field.is(name))).any(|field| {
        let entries = address::parse(field.value);
        address::mailboxes(&entries).any(|mailbox| is_known(&mailbox.address()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_lists_are_not_answered() {
        let why = |from: &str, header: &str| is_automatic(&from.parse().unwrap(), header.as_bytes()).is_some();
        assert!(!why("a@b.test", "Subject: x\r\nAuto-Submitted: no\r\n\r\n"));
        for from in ["MAILER-DAEMON@b.test", "owner-list@b.test", "list-request@b.test"] {
            assert!(why(from, "\r\n"), "{from}");
        }
        for header in ["List-Id: <x>", "Precedence: bulk", "Auto-Submitted: auto-replied", "List-Archive: <x>"] {
            assert!(why("a@b.test", &format!("{header}\r\n\r\n")), "{header}");
        }
    }
}
