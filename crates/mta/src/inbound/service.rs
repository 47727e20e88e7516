//! What all sessions of one listener share.

use crate::authentication::service::Authentication;
use crate::channels::service::Channels;
use crate::content::service::Content;
use crate::delivery::routing::Rule;
use crate::filter::service::Filters;
use crate::inbound::rates::Rates;
use crate::inbound::settings::Settings;
use crate::inbound::signals::Signals;
use crate::judge::court::Judge;
use crate::scripts::service::Scripts;
use directory::directory::Directory;
use directory::login::{Logins, MECHANISMS};
use mail::store::Mail;
use meter::greylist::judge::Greylist;
use net::{Clock, Connection, Registry};
use queue::queue::Queue;
use smtp::capabilities::Capabilities;
use smtp::server::{Config, Kind};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Kibibytes of the memory budget that a session takes at a time.
pub(crate) const SPOOL_STEP_KIB: u32 = 64;

/// Everything that a session needs, handed in.
pub struct Parts {
    /// Who there is.
    pub directory: Arc<dyn Directory>,
    /// Who may log in.
    pub logins: Logins,
    /// The mailboxes.
    pub mail: Mail,
    /// What runs when mail is filed.
    pub scripts: Arc<Scripts>,
    /// Where mail for others waits.
    pub queue: Queue,
    /// How much one client may bring in a time.
    pub rates: Arc<Rates>,
    /// Who judges deliveries by strangers, and learns to whom our users write; nobody when it is off.
    pub greylist: Option<Arc<Greylist>>,
    /// Domains with a way of their own.
    pub rules: Vec<Rule>,
    /// Who judges whole messages.
    pub filters: Filters,
    /// What is done to the content of mail.
    pub content: Arc<Content>,
    /// Channels that the operator named.
    pub channels: Arc<Channels>,
    /// Who really sent it.
    pub authentication: Arc<Authentication>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The policy.
    pub judge: Arc<Judge>,
}

/// One listener's sessions.
pub struct Service {
    pub(crate) kind: Kind,
    pub(crate) settings: Settings,
    pub(crate) parts: Parts,
    pub(crate) signals: Signals,
    /// Kibibytes of messages that may be held in memory.
    pub(crate) spool: Arc<Semaphore>,
}

impl Service {
    /// Sessions of this kind; `listener` names them in metrics.
    pub fn new(kind: Kind, listener: &str, settings: Settings, parts: Parts, registry: &Registry) -> Service {
        let signals = Signals::new(registry, listener);
        let spool = Arc::new(Semaphore::new(spool_kib(&settings)));
        Service { kind, settings, parts, signals, spool }
    }

    /// Takes memory for copies of a message out of what all sessions may hold; nothing when there is too little left.
    pub(crate) fn memory_for_copies(&self, octets: usize, copies: usize) -> Option<OwnedSemaphorePermit> {
        let kib = u32::try_from(copies_kib(spool_kib(&self.settings), octets, copies)).ok()?;
        Arc::clone(&self.spool).try_acquire_many_owned(kib).ok()
    }

    /// What the engine runs on for this connection.
    pub(crate) fn config(&self, connection: &Connection) -> Config {
        let settings = &self.settings;
        let offered = self.parts.logins.offered(connection, settings.plain_login_on_loopback);
        // TLS may still begin: the engine leaves out what needs it until then.
        let mechanisms = match self.kind {
            Kind::Lmtp => Vec::new(),
            Kind::Smtp | Kind::Submission => MECHANISMS.map(str::to_owned).to_vec(),
        };
        Config {
            kind: self.kind,
            host: settings.host.clone(),
            banner: settings.banner.clone(),
            banner_addition: settings.banner_addition.clone(),
            capabilities: Capabilities {
                size_octets_max: settings.message_octets_max,
                starttls: connection.can_start_tls(),
                mechanisms,
                plaintext_auth: offered.is_some(),
                smtputf8: true,
                chunking: true,
                dsn: true,
                // What LMTP brings is in its mailbox at once: there is nothing to hurry, to hold or to protect any more.
                require_tls: self.kind != Kind::Lmtp,
                deliver_by: self.kind != Kind::Lmtp,
                hold_secs_max: (self.kind == Kind::Submission)
                    .then_some(settings.hold_max.as_secs())
                    .filter(|secs| *secs > 0),
                priority: self.kind != Kind::Lmtp,
                recipients_max: settings.recipients_max,
                transactions_max: 0,
            },
            auth_required: self.kind == Kind::Submission,
            tls_required: false,
            errors_max: settings.errors_max,
            idle_commands_max: 1_000,
        }
    }
}

/// Kibibytes of messages that all sessions may hold.
fn spool_kib(settings: &Settings) -> usize {
    usize::try_from(settings.spool_octets_max >> 10).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS)
}

/// What copies of a message take. Where all memory is too little for them they take what is left beside it,
/// so that the largest message is taken when nothing else is there.
fn copies_kib(all_kib: usize, octets: usize, copies: usize) -> usize {
    let kib = octets.div_ceil(1024);
    kib.saturating_mul(copies).min(all_kib.saturating_sub(kib + SPOOL_STEP_KIB as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_take_their_octets_and_leave_room_for_the_largest_message() {
        assert_eq!(copies_kib(1_000, 100 << 10, 3), 300);
        assert_eq!(copies_kib(1_000, 400 << 10, 3), 600 - SPOOL_STEP_KIB as usize);
        assert_eq!((copies_kib(1_000, 1_000 << 10, 3), copies_kib(1_000, 0, 3)), (0, 0));
    }
}
