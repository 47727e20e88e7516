//! What the operator chooses for scripts.

use model::Domain;
use sieve::{Extension, Extensions};
use std::path::PathBuf;
use std::time::Duration;

/// How scripts are run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// This host's name, for the messages that scripts cause.
    pub host: Domain,
    /// Where the administrator's scripts lie.
    pub folder: PathBuf,
    /// How often that folder is looked at.
    pub looked_at_every: Duration,
    /// Messages that the scripts of one recipient may send on.
    pub redirects_max: usize,
    /// The shortest time between two vacation answers to the same sender, unless a script wants to answer all.
    pub vacation_min: Duration,
    /// What divides a name from its detail in addresses.
    pub separator: char,
}

impl Settings {
    /// Defaults for a host of this name, with the administrator's scripts in `folder`.
    pub fn new(host: Domain, folder: PathBuf) -> Settings {
        Settings {
            host,
            folder,
            looked_at_every: Duration::from_secs(2),
            redirects_max: 4,
            vacation_min: Duration::from_secs(3600),
            separator: '+',
        }
    }
}

/// What a user's script may require, run where mail is filed or by an IMAP command.
pub fn user_extensions() -> Extensions {
    Extensions::for_users_of_imap()
}

/// What the administrator's scripts of whole messages may: there is no mailbox.
pub fn message_extensions() -> Extensions {
    let mut extensions = administrator_extensions();
    let of_mailboxes = [
        Extension::Copy,
        Extension::Duplicate,
        Extension::Fcc,
        Extension::FileInto,
        Extension::ImapFlags,
        Extension::ImapSieve,
        Extension::Mailbox,
        Extension::MailboxId,
        Extension::MailboxMetadata,
        Extension::Notify,
        Extension::RedirectDeliverBy,
        Extension::RedirectDsn,
        Extension::ServerMetadata,
        Extension::SpecialUse,
        Extension::Vacation,
        Extension::VacationSeconds,
    ];
    of_mailboxes.into_iter().for_each(|extension| extensions.remove(extension));
    extensions
}

/// What the administrator's may.
pub fn administrator_extensions() -> Extensions {
    Extensions::for_administrators()
}
