//! What others share with somebody, found through the rows that [`Mail::grant`] keeps for every identifier.

use crate::change::Place;
use crate::error::Error;
use crate::keys;
use crate::limits::SHARED_MAX;
use crate::rows::{self, Mailbox};
use crate::signals;
use crate::store::Mail;
use account::owner::Owner;
use account::rights::{Asker, Rights};
use model::{AccountId, MailboxId};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use storage::Read;

/// A mailbox of somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// Whose it is.
    pub owner: Owner,
    /// The mailbox.
    pub mailbox: Mailbox,
    /// What the asker may do with it.
    pub rights: Rights,
}

impl Mail {
    /// The mailboxes of others in which `asker` has rights, by owner and name. Those of `own` are left out. A partition
    /// that cannot be read does not hide those of the others.
    pub fn shared_with(&self, asker: &Asker, own: AccountId) -> Result<Vec<Shared>, Error> {
        let mut found = Vec::new();
        let nicks: Vec<String> = self.partitions().iter().map(|(nick, _)| nick.to_owned()).collect();
        for nick in nicks {
            match self.shared_on(&nick, asker, own, SHARED_MAX - found.len()) {
                Ok(shared) => found.extend(shared),
                Err(error) => signals::shares_unreadable(&nick, &error),
            }
        }
        found.sort_by(|left: &Shared, right| {
            (left.owner.account, &left.mailbox.row.name).cmp(&(right.owner.account, &right.mailbox.row.name))
        });
        Ok(found)
    }

    fn shared_on(&self, nick: &str, asker: &Asker, own: AccountId, limit: usize) -> Result<Vec<Shared>, Error> {
        let (snapshot, spaces) = self.read(&Owner::new(own, nick))?;
        let mut places = BTreeSet::new();
        for identifier in identifiers(asker) {
            snapshot.each(keys::shared_with(spaces.mail, &identifier).range(), &mut |key, _| {
                let place = keys::rest(key).and_then(|mut parts| {
                    parts.bytes()?;
                    Some((AccountId(parts.u32()?), MailboxId(parts.u32()?)))
                });
                places.extend(place.filter(|(account, _)| *account != own));
                Ok(if places.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
            })?;
        }
        let mut found = Vec::new();
        for (account, id) in places {
            let owner = Owner::new(account, nick);
            let Some(row) = rows::row(&snapshot, spaces.keys(&owner), id)? else { continue };
            let rights = row.grants.effective(asker);
            if !rights.is_empty() {
                found.push(Shared { owner, mailbox: Mailbox { id, row }, rights });
            }
        }
        Ok(found)
    }

    /// What `asker`, whose own account is `own`, may do with a mailbox; nothing when it is not there. Owners may do
    /// everything with theirs (RFC 4314 §2).
    pub fn rights(&self, place: &Place, asker: &Asker, own: AccountId) -> Result<Rights, Error> {
        let Some(mailbox) = self.mailbox(&place.owner, place.mailbox)? else { return Ok(Rights::NONE) };
        Ok(if place.owner.account == own { Rights::ALL } else { mailbox.row.grants.effective(asker) })
    }
}

/// The identifiers, in lower case, that fit `asker`.
fn identifiers(asker: &Asker) -> BTreeSet<String> {
    let address = asker.address.to_lowercase();
    let domain = address.rsplit_once('@').map(|(_, domain)| format!("anyone@{domain}"));
    let groups = asker.groups.iter().map(|group| format!("group={}", group.to_lowercase()));
    ["anyone".to_owned(), address].into_iter().chain(domain).chain(groups).collect()
}
