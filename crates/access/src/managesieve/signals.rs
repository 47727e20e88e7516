//! Every fact about ManageSieve sessions that is logged or counted, one function each.

use crate::managesieve::engine::Ending;
use directory::entry::Account;
use directory::login::Denied;
use model::TraceId;
use net::{Counter, Endpoint, Registry};
use tracing::{debug, info, warn};

#[derive(Debug)]
pub(crate) struct Signals {
    logins: Counter,
    logins_refused: Counter,
    stored: Counter,
    faulty: Counter,
}

impl Signals {
    pub(crate) fn new(registry: &Registry) -> Signals {
        let counter = |name, help| registry.counter(name, help, &[]);
        Signals {
            logins: counter("heliograph_managesieve_logins_total", "ManageSieve logins."),
            logins_refused: counter("heliograph_managesieve_logins_refused_total", "ManageSieve logins refused."),
            stored: counter("heliograph_managesieve_stored_total", "Scripts stored over ManageSieve."),
            faulty: counter("heliograph_managesieve_faulty_total", "Scripts refused because of a mistake in them."),
        }
    }

    pub(crate) fn logged_in(&self, trace: TraceId, peer: Endpoint, account: &Account) {
        self.logins.add(1);
        info!(%trace, %peer, account = %account.address, "ManageSieve login");
    }

    pub(crate) fn denied(&self, trace: TraceId, peer: Endpoint, denied: Denied) {
        self.logins_refused.add(1);
        info!(%trace, %peer, reason = %denied, "ManageSieve login refused");
    }

    pub(crate) fn changed(&self, trace: TraceId, what: &'static str) {
        self.stored.add(u64::from(what == "put"));
        info!(%trace, what, "a script was changed over ManageSieve");
    }

    pub(crate) fn faulty(&self) {
        self.faulty.add(1);
    }

    pub(crate) fn store_failed(&self, trace: TraceId, error: &mail::error::Error) {
        warn!(%trace, reason = error as &dyn std::error::Error, "scripts cannot be read or changed");
    }

    pub(crate) fn ended(&self, trace: TraceId, ending: Ending) {
        debug!(%trace, ?ending, "ManageSieve session ended");
    }

    pub(crate) fn broken(&self, trace: TraceId, why: &(dyn std::error::Error + 'static)) {
        debug!(%trace, reason = why, "ManageSieve connection ended before the session");
    }
}
