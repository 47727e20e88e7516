//! Every fact about IMAP sessions that is logged or counted, one function each.

use directory::login::Denied;
use model::TraceId;
use net::{Counter, Endpoint, Registry};
use tracing::{debug, info, warn};

#[derive(Debug)]
pub struct Signals {
    logins: Counter,
    logins_refused: Counter,
    commands: Counter,
    offences: Counter,
    no_memory: Counter,
}

impl Signals {
    pub fn new(registry: &Registry) -> Signals {
        let counter = |name, help| registry.counter(name, help, &[]);
        Signals {
            logins: counter("heliograph_imap_logins_total", "IMAP logins."),
            logins_refused: counter("heliograph_imap_logins_refused_total", "IMAP logins refused."),
            commands: counter("heliograph_imap_commands_total", "IMAP commands."),
            no_memory: counter(
                "heliograph_imap_no_memory_total",
                "IMAP commands refused because messages in flight use all the memory they may.",
            ),
            offences: counter("heliograph_imap_offences_total", "IMAP commands that could not be understood."),
        }
    }

    pub fn logged_in(&self, trace: TraceId, peer: Endpoint, account: &str) {
        self.logins.add(1);
        info!(%trace, %peer, account, "IMAP login");
    }

    pub fn denied(&self, trace: TraceId, peer: Endpoint, why: Denied) {
        self.logins_refused.add(1);
        info!(%trace, %peer, reason = %why, "IMAP login refused");
    }

    pub fn command(&self) {
        self.commands.add(1);
    }

    pub fn offence(&self, trace: TraceId, what: &dyn std::fmt::Display) {
        self.offences.add(1);
        debug!(%trace, %what, "IMAP command not understood");
    }

    pub fn no_memory(&self, trace: TraceId) {
        self.no_memory.add(1);
        warn!(%trace, "IMAP: no memory for a message, the command is refused; imap.spool_size sets how much there is");
    }

    pub fn store_failed(&self, trace: TraceId, error: &mail::error::Error) {
        warn!(%trace, reason = error as &dyn std::error::Error, "IMAP: the mail store did not do it");
    }

    pub fn ended(&self, trace: TraceId) {
        debug!(%trace, "IMAP session ended");
    }

    pub fn broken(&self, trace: TraceId, why: &(dyn std::error::Error + 'static)) {
        debug!(%trace, reason = why, "IMAP connection ended before the session");
    }
}
