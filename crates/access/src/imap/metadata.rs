//! METADATA (RFC 5464, RFC 9590).

use crate::imap::place::Found;
use crate::imap::refusal;
use crate::imap::session::{Done, Outcome, Session};
use account::rights::Rights;
use imap::command::{Depth, MetadataQuery};
use imap::write;
use mail::error::Error;

/// Whose annotations are meant: those of a mailbox, or the account's own.
enum Subject {
    Mailbox(Box<Found>),
    Account,
}

impl Session<'_> {
    async fn subject(&self, mailbox: &str) -> Result<Subject, Error> {
        if mailbox.is_empty() {
            Ok(Subject::Account)
        } else {
            Ok(Subject::Mailbox(Box::new(self.find(mailbox).await?)))
        }
    }

    pub async fn get_metadata(
        &mut self,
        mailbox: &str,
        entries: &[String],
        max_size: Option<u64>,
        depth: Depth,
    ) -> Done {
        let subject = match self.subject(mailbox).await {
            Ok(subject) => subject,
            Err(error) => return Ok(self.failed(&error)),
        };
        let user = self.user()?.clone();
        let all = match &subject {
            Subject::Account => self.service.mail.annotations(&user.owner, None),
            Subject::Mailbox(found) if found.is_own => {
                self.service.mail.annotations(&found.owner, Some(found.mailbox.id))
            }
            Subject::Mailbox(found) => {
                self.service.mail.annotations_for(&found.owner, Some(found.mailbox.id), user.owner.account)
            }
        };
        let all = match all {
            Ok(all) => all,
            Err(error) => return Ok(self.failed(&error)),
        };
        let mut longest = 0;
        let mut told: Vec<(&String, &Vec<u8>)> = Vec::new();
        for (entry, value) in &all {
            if !entries.iter().any(|wanted| is_wanted(wanted, entry, depth)) {
                continue;
            }
            if max_size.is_some_and(|most| value.len() as u64 > most) {
                longest = longest.max(value.len());
            } else {
                told.push((entry, value));
            }
        }
        if !told.is_empty() {
            self.say("* METADATA ");
            match &subject {
                Subject::Account => self.say("\"\""),
                Subject::Mailbox(found) => {
                    let name = self.shown_name(found);
                    self.write_name(&name);
                }
            }
            self.say(" (");
            for (at, (entry, value)) in told.into_iter().enumerate() {
                if at > 0 {
                    self.line.output.push(b' ');
                }
                write::astring(&mut self.line.output, entry, self.utf8);
                self.line.output.push(b' ');
                write::string(&mut self.line.output, value, self.utf8);
            }
            self.say(")\r\n");
        }
        Ok(match longest {
            0 => Outcome::ok("done"),
            octets => Outcome::Ok(format!("[METADATA LONGENTRIES {octets}] done")),
        })
    }

    /// The METADATA response of LIST: an entry that is not there is told as NIL (RFC 9590 §3).
    pub fn tell_metadata(&mut self, found: &Found, query: &MetadataQuery) -> Result<(), Error> {
        let guest = self.user.as_ref().map(|user| user.owner.account).ok_or(Error::NoMailbox)?;
        let all = if found.is_own {
            self.service.mail.annotations(&found.owner, Some(found.mailbox.id))?
        } else {
            self.service.mail.annotations_for(&found.owner, Some(found.mailbox.id), guest)?
        };
        let mut told: Vec<(String, Option<&Vec<u8>>)> = Vec::new();
        for wanted in &query.entries {
            let fits = all.iter().filter(|(entry, value)| {
                let is_short = query.max_size.is_none_or(|most| value.len() as u64 <= most);
                is_short && is_wanted(wanted, entry, query.depth)
            });
            let before = told.len();
            told.extend(fits.map(|(entry, value)| (entry.clone(), Some(value))));
            if told.len() == before {
                told.push((wanted.clone(), None));
            }
        }
        if told.is_empty() {
            return Ok(());
        }
        self.say("* METADATA ");
        let name = self.shown_name(found);
        self.write_name(&name);
        for (at, (entry, value)) in told.into_iter().enumerate() {
            self.say(if at == 0 { " (" } else { " " });
            write::astring(&mut self.line.output, &entry, self.utf8);
            self.line.output.push(b' ');
            write::nstring(&mut self.line.output, value.map(Vec::as_slice), self.utf8);
        }
        self.say(")\r\n");
        Ok(())
    }

    pub async fn set_metadata(&mut self, mailbox: &str, entries: Vec<(String, Option<Vec<u8>>)>) -> Done {
        let subject = match self.subject(mailbox).await {
            Ok(subject) => subject,
            Err(error) => return Ok(self.failed(&error)),
        };
        let good = |entry: &str| {
            let entry = entry.to_ascii_lowercase();
            let is_rooted = entry.starts_with("/private/") || entry.starts_with("/shared/");
            is_rooted && !entry.ends_with('/') && !entry.contains("//") && !entry.contains(['*', '%'])
        };
        if !entries.iter().all(|(entry, _)| good(entry)) {
            return Ok(Outcome::bad("an entry begins with /private/ or /shared/"));
        }
        let user = self.user()?.clone();
        let set = match &subject {
            Subject::Account => self.service.mail.annotate(&user.owner, None, entries).await,
            Subject::Mailbox(found) if found.is_own => {
                self.service.mail.annotate(&found.owner, Some(found.mailbox.id), entries).await
            }
            Subject::Mailbox(found) => {
                let is_shared =
                    |(entry, _): &(String, Option<Vec<u8>>)| entry.to_ascii_lowercase().starts_with("/shared/");
                if entries.iter().any(is_shared) && !found.rights.has(Rights::WRITE) {
                    return Ok(Outcome::no(refusal::NO_PERMISSION));
                }
                let guest = user.owner.account;
                self.service.mail.annotate_as(&found.owner, Some(found.mailbox.id), guest, entries).await
            }
        };
        Ok(match set {
            Ok(_) => Outcome::ok("done"),
            Err(Error::TooLarge(_)) => Outcome::no("[METADATA MAXSIZE 32768] the value is too large"),
            Err(Error::TooMany(_)) => Outcome::no("[METADATA TOOMANY] there are too many entries"),
            Err(error) => self.failed(&error),
        })
    }
}

fn is_wanted(wanted: &str, entry: &str, depth: Depth) -> bool {
    let wanted = wanted.to_ascii_lowercase();
    if wanted == entry {
        return true;
    }
    let Some(below) = entry.strip_prefix(&wanted).and_then(|rest| rest.strip_prefix('/')) else { return false };
    match depth {
        Depth::Zero => false,
        Depth::One => !below.contains('/'),
        Depth::Infinity => true,
    }
}
