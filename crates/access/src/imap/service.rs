//! What all IMAP sessions share.

use crate::imap::memory::{Memory, WAIT};
use crate::imap::settings::Settings;
use crate::imap::signals::Signals;
use directory::directory::Directory;
use directory::login::Logins;
use mail::store::Mail;
use mail::witness::Witness;
use net::{Clock, Registry};
use std::sync::Arc;

/// IMAP.
pub struct Service {
    pub(crate) settings: Settings,
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) logins: Logins,
    pub(crate) mail: Mail,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) witness: Option<Arc<dyn Witness>>,
    pub(crate) memory: Memory,
    pub(crate) signals: Signals,
}

/// Everything that sessions need, handed in.
pub struct Parts {
    /// Who there is.
    pub directory: Arc<dyn Directory>,
    /// Who may log in.
    pub logins: Logins,
    /// The mailboxes.
    pub mail: Mail,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who runs the scripts of mailboxes (RFC 6785); nobody does if there is none.
    pub witness: Option<Arc<dyn Witness>>,
}

impl Service {
    /// Where the scripts of mailboxes are kept, if they are run.
    pub(crate) fn sieve_url(&self) -> Option<&str> {
        self.witness.as_ref().and(self.settings.sieve_url.as_deref())
    }

    /// Sessions that run on these settings.
    pub fn new(settings: Settings, parts: Parts, registry: &Registry) -> Service {
        let Parts { directory, logins, mail, clock, witness } = parts;
        let memory = Memory::new(settings.memory_octets_max, WAIT);
        Service { settings, directory, logins, mail, clock, witness, memory, signals: Signals::new(registry) }
    }
}
