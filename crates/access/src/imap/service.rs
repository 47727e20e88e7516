//! What all IMAP sessions share.

use crate::imap::memory::{Memory, WAIT};
use crate::imap::settings::Settings;
use crate::imap::signals::Signals;
use directory::directory::Directory;
use directory::login::Logins;
use mail::store::Mail;
use net::{Clock, Registry};
use std::sync::Arc;

/// IMAP.
pub struct Service {
    pub(crate) settings: Settings,
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) logins: Logins,
    pub(crate) mail: Mail,
    pub(crate) clock: Arc<dyn Clock>,
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
}

impl Service {
    /// Sessions that run on these settings.
    pub fn new(settings: Settings, parts: Parts, registry: &Registry) -> Service {
        let Parts { directory, logins, mail, clock } = parts;
        let memory = Memory::new(settings.memory_octets_max, WAIT);
        Service { settings, directory, logins, mail, clock, memory, signals: Signals::new(registry) }
    }
}
