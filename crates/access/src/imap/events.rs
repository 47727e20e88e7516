//! What happens in mailboxes that have a script (RFC 6785 §2): APPEND, COPY and changed flags. Which script that is stands
//! in the metadata; somebody else runs it. Mailboxes without one cost two looks at one row each.

use crate::imap::session::Session;
use mail::change::Place;
use mail::deliver::Placed;
use mail::flags::{Flags, SystemFlags};
use mail::view::{Row, View};
use mail::witness::{Cause, Happening, Touched};
use model::Uid;

/// The entry that names the script (RFC 6785 §2.3.1).
const ENTRY: &str = "/shared/imapsieve/script";

impl Session<'_> {
    /// The script of a mailbox: the one that its own metadata names, else that of its account. An entry that is there
    /// and names nothing is no script.
    fn script_of(&self, place: &Place) -> Option<String> {
        self.service.witness.as_ref()?;
        let mail = &self.service.mail;
        let found = mail.annotation(&place.owner, Some(place.mailbox), ENTRY).and_then(|own| match own {
            None => mail.annotation(&place.owner, None, ENTRY),
            own => Ok(own),
        });
        match found {
            Ok(value) => value.and_then(|name| String::from_utf8(name).ok()).filter(|name| !name.is_empty()),
            Err(error) => {
                // The command itself is done; the log has why no script was run.
                self.failed(&error);
                None
            }
        }
    }

    /// Messages came into a mailbox.
    pub async fn arrived(&self, cause: Cause, place: &Place, placed: &Placed) {
        let Some(script) = self.script_of(place) else { return };
        let touched = |uid: &Uid| Touched { uid: *uid, changed: Flags::default() };
        self.happened(cause, place, script, placed.uids.iter().map(touched).collect()).await;
    }

    /// Flags of some of `uids` may have changed since `old` was seen. Whether they did is looked at only where there is
    /// a script; returns whether there is one.
    pub async fn flagged(&self, place: &Place, old: &View, uids: &[Uid]) -> bool {
        let Some(script) = self.script_of(place) else { return false };
        let new = match self.service.mail.view(place) {
            Ok(new) => new,
            Err(error) => {
                self.failed(&error);
                return false;
            }
        };
        let touched = uids.iter().filter_map(|uid| {
            let before = old.index_of(*uid).and_then(|index| old.get(index))?;
            let after = new.index_of(*uid).and_then(|index| new.get(index))?;
            let changed = difference(&new, before, after);
            (changed != Flags::default()).then_some(Touched { uid: *uid, changed })
        });
        let touched: Vec<Touched> = touched.collect();
        self.happened(Cause::Flagged, place, script, touched).await;
        true
    }

    async fn happened(&self, cause: Cause, place: &Place, script: String, messages: Vec<Touched>) {
        let (Some(witness), Some(user)) = (&self.service.witness, &self.user) else { return };
        if messages.is_empty() {
            return;
        }
        let (trace, by) = (self.line.connection.trace(), user.asker.address.clone());
        witness.witness(Happening { trace, by, cause, place: place.clone(), script, messages }).await;
    }
}

/// The flags that only one of the two has. A mailbox's keywords keep their bits.
fn difference(view: &View, one: &Row, other: &Row) -> Flags {
    let system = SystemFlags(one.flags.0 ^ other.flags.0);
    let keywords = view.keywords.names_of(one.keywords ^ other.keywords).map(str::to_owned).collect();
    Flags { system, keywords }
}
