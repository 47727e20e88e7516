//! Which mailboxes a search or a watch means (RFC 7377 §2.2, RFC 5465 §6).

use crate::imap::place::Found;
use crate::imap::session::Session;
use account::rights::Rights;
use imap::search::Scope;
use mail::error::Error;
use mail::name::is_below;

/// A mailbox by the name under which the user knows it.
pub(crate) struct Known {
    pub name: String,
    pub found: Found,
    pub is_subscribed: bool,
}

impl Session<'_> {
    /// Every mailbox that the user may see, in the order of the names.
    pub async fn known(&self) -> Result<Vec<Known>, Error> {
        let names = self.names(&["*".to_owned()]).await?;
        let known = names.into_iter().filter_map(|(name, named)| {
            let is_subscribed = named.is_subscribed;
            named.found.map(|found| Known { name, found, is_subscribed })
        });
        Ok(known.collect())
    }

    /// Whether a mailbox belongs to a scope. The selected one belongs to no other scope's name.
    pub fn is_in(&self, scope: &Scope, known: &Known) -> bool {
        let decoded = |names: &[String]| -> Vec<String> {
            names.iter().filter_map(|name| self.decode_name(name).ok()).map(|name| normal(&name)).collect()
        };
        match scope {
            Scope::Selected | Scope::SelectedDelayed => {
                self.selected.as_ref().is_some_and(|selected| selected.place == known.found.place())
            }
            // Mail is delivered into INBOX and, by its subaddress, into any mailbox that lets others post.
            Scope::Inboxes => known.found.is_own && known.name == "INBOX",
            Scope::Personal => known.found.is_own,
            Scope::Subscribed => known.is_subscribed,
            Scope::Subtree(names) => {
                decoded(names).iter().any(|above| known.name == *above || is_below(&known.name, above))
            }
            Scope::SubtreeOne(names) => decoded(names).iter().any(|above| {
                known.name == *above
                    || is_below(&known.name, above)
                        && known.name.get(above.len() + 1..).is_some_and(|rest| !rest.contains('/'))
            }),
            Scope::Mailboxes(names) => decoded(names).contains(&known.name),
        }
    }
}

/// Whether the user may read what is in it.
pub(crate) fn may_read(known: &Known) -> bool {
    known.found.rights.has(Rights::READ)
}

/// INBOX is one in any case.
fn normal(name: &str) -> String {
    mail::name::normalise(name).unwrap_or_else(|_| name.to_owned())
}
