//! CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE and STATUS (RFC 9051 §6.3.4 to §6.3.11).

use crate::imap::place::{Found, OTHERS};
use crate::imap::refusal;
use crate::imap::session::{Broken, Done, Outcome, Session};
use account::rights::Rights;
use imap::command::StatusItem;
use mail::error::Error;
use mail::mailboxes::Subscribed;
use mail::record::SpecialUse;

/// Special uses by their names on the wire (RFC 6154 §2).
pub(crate) const SPECIAL_USES: [(SpecialUse, &str); 5] = [
    (SpecialUse::Archive, "\\Archive"),
    (SpecialUse::Drafts, "\\Drafts"),
    (SpecialUse::Junk, "\\Junk"),
    (SpecialUse::Sent, "\\Sent"),
    (SpecialUse::Trash, "\\Trash"),
];

impl Session<'_> {
    pub async fn create(&mut self, name: &str, special_use: &[String]) -> Done {
        let special_use = match special_use {
            [] => None,
            [one] => match SPECIAL_USES.iter().find(|(_, known)| known.eq_ignore_ascii_case(one)) {
                Some((special_use, _)) => Some(*special_use),
                None => return Ok(Outcome::no("[USEATTR] the special use is not known")),
            },
            _ => return Ok(Outcome::no("[USEATTR] a mailbox has one special use")),
        };
        let created = async {
            let (owner, inner) = self.place_for(name).await?;
            Ok::<_, Error>((owner.clone(), self.service.mail.create(&owner, &inner, special_use).await?.value))
        };
        Ok(match created.await {
            Ok((owner, id)) => Outcome::Ok(format!("[MAILBOXID (F{:x}-{:x})] created", owner.account.0, id.0)),
            Err(error) => self.failed(&error),
        })
    }

    /// Whose mailbox a new one of this name will be; below somebody else's it needs the right to create there.
    async fn place_for(&self, name: &str) -> Result<(account::owner::Owner, String), Error> {
        let name = self.decode_name(name)?;
        let (owner, inner, is_own) = self.whose(&name).await?;
        if is_own {
            return Ok((owner, inner));
        }
        let parent =
            inner.rsplit_once('/').map(|(parent, _)| parent).ok_or(Error::BadName("you may not create there"))?;
        let parent = self.service.mail.find(&owner, parent)?.ok_or(Error::NoMailbox)?;
        let asker = self.user.as_ref().map(|user| user.asker.clone()).ok_or(Error::NoMailbox)?;
        if parent.row.grants.effective(&asker).has(Rights::CREATE) {
            Ok((owner, inner))
        } else {
            Err(Error::BadName("you may not create there"))
        }
    }

    pub async fn delete(&mut self, name: &str) -> Done {
        let found = match self.find(name).await {
            Ok(found) => found,
            Err(error) => return Ok(self.failed(&error)),
        };
        if !found.rights.has(Rights::DELETE_COLLECTION) {
            return Ok(Outcome::no(refusal::NO_PERMISSION));
        }
        if self.selected.as_ref().is_some_and(|selected| selected.place == found.place()) {
            self.leave();
        }
        Ok(match self.service.mail.delete(&found.owner, found.mailbox.id).await {
            Ok(_) => Outcome::ok("deleted"),
            Err(error) => self.failed(&error),
        })
    }

    pub async fn rename(&mut self, from: &str, to: &str) -> Done {
        let found = match self.find(from).await {
            Ok(found) => found,
            Err(error) => return Ok(self.failed(&error)),
        };
        if !found.rights.has(Rights::DELETE_COLLECTION) {
            return Ok(Outcome::no(refusal::NO_PERMISSION));
        }
        let (owner, inner) = match self.place_for(to).await {
            Ok(target) => target,
            Err(error) => return Ok(self.failed(&error)),
        };
        if owner != found.owner {
            return Ok(Outcome::no("[CANNOT] a mailbox stays with its owner"));
        }
        Ok(match self.service.mail.rename(&owner, found.mailbox.id, &inner).await {
            Ok(_) => Outcome::ok("renamed"),
            Err(error) => self.failed(&error),
        })
    }

    pub async fn subscribe(&mut self, name: &str, wanted: Subscribed) -> Done {
        let owner = self.user()?.owner.clone();
        let subscribed = match self.decode_name(name) {
            Ok(name) => self.service.mail.subscribe(&owner, &name, wanted).await,
            Err(error) => Err(error),
        };
        Ok(match subscribed {
            Ok(_) => Outcome::ok("done"),
            Err(error) => self.failed(&error),
        })
    }

    pub async fn status(&mut self, name: &str, items: &[StatusItem]) -> Done {
        let found = match self.find(name).await {
            Ok(found) => found,
            Err(error) => return Ok(self.failed(&error)),
        };
        if !found.rights.has(Rights::READ) {
            return Ok(Outcome::no(refusal::NO_PERMISSION));
        }
        self.condstore |= items.contains(&StatusItem::HighestModseq);
        self.tell_status(&found, items)?;
        Ok(Outcome::ok("done"))
    }

    /// An untagged STATUS of a mailbox.
    pub fn tell_status(&mut self, found: &Found, items: &[StatusItem]) -> Result<(), Broken> {
        let row = &found.mailbox.row;
        let deleted_octets = if items.contains(&StatusItem::DeletedStorage) && row.deleted > 0 {
            let view = self.service.mail.view(&found.place()).map_err(|_| Broken::Session("the mail store is away"))?;
            view.deleted().map(|row| u64::from(row.octets)).sum()
        } else {
            0
        };
        let append_max = self.service.settings.append_octets_max;
        let told: Vec<String> = items
            .iter()
            .map(|item| match item {
                StatusItem::Messages => format!("MESSAGES {}", row.messages),
                StatusItem::Recent => "RECENT 0".to_owned(),
                StatusItem::UidNext => format!("UIDNEXT {}", row.uid_next),
                StatusItem::UidValidity => format!("UIDVALIDITY {}", row.uid_validity),
                StatusItem::Unseen => format!("UNSEEN {}", row.unseen),
                StatusItem::Deleted => format!("DELETED {}", row.deleted),
                StatusItem::Size => format!("SIZE {}", row.octets),
                StatusItem::HighestModseq => format!("HIGHESTMODSEQ {}", row.highest_modseq),
                StatusItem::MailboxId => {
                    format!("MAILBOXID (F{:x}-{:x})", found.owner.account.0, found.mailbox.id.0)
                }
                StatusItem::AppendLimit => format!("APPENDLIMIT {append_max}"),
                StatusItem::DeletedStorage => format!("DELETED-STORAGE {}", deleted_octets / 1024),
            })
            .collect();
        self.say("* STATUS ");
        let name = self.shown_name(found);
        self.write_name(&name);
        self.say(&format!(" ({})\r\n", told.join(" ")));
        Ok(())
    }

    /// The name under which the user knows a mailbox.
    pub fn shown_name(&self, found: &Found) -> String {
        if found.is_own {
            return found.mailbox.row.name.clone();
        }
        format!("{OTHERS}{}/{}", found.address, found.mailbox.row.name)
    }
}
