//! Every fact about POP3 sessions that is logged or counted, one function each.

use crate::pop3::engine::Ending;
use directory::entry::Account;
use directory::login::Denied;
use model::TraceId;
use net::{Counter, Endpoint, Registry};
use tracing::{debug, info, warn};

#[derive(Debug)]
pub(crate) struct Signals {
    logins: Counter,
    logins_refused: Counter,
    retrieved: Counter,
    deleted: Counter,
}

impl Signals {
    pub(crate) fn new(registry: &Registry) -> Signals {
        Signals {
            logins: registry.counter("heliograph_pop3_logins_total", "POP3 logins.", &[]),
            logins_refused: registry.counter("heliograph_pop3_logins_refused_total", "POP3 logins refused.", &[]),
            retrieved: registry.counter("heliograph_pop3_retrieved_total", "Messages sent over POP3.", &[]),
            deleted: registry.counter("heliograph_pop3_deleted_total", "Messages deleted over POP3.", &[]),
        }
    }

    pub(crate) fn logged_in(&self, trace: TraceId, peer: Endpoint, account: &Account) {
        self.logins.add(1);
        info!(%trace, %peer, account = %account.address, "POP3 login");
    }

    pub(crate) fn denied(&self, trace: TraceId, peer: Endpoint, denied: Denied) {
        self.logins_refused.add(1);
        info!(%trace, %peer, reason = %denied, "POP3 login refused");
    }

    pub(crate) fn in_use(&self, trace: TraceId, account: &Account) {
        self.logins_refused.add(1);
        info!(%trace, account = %account.address, "POP3 maildrop is in use");
    }

    pub(crate) fn retrieved(&self) {
        self.retrieved.add(1);
    }

    pub(crate) fn deleted(&self, trace: TraceId, count: usize) {
        self.deleted.add(u64::try_from(count).unwrap_or(u64::MAX));
        info!(%trace, count, "POP3 messages deleted");
    }

    pub(crate) fn store_failed(&self, trace: TraceId, error: &mail::error::Error) {
        warn!(%trace, reason = error as &dyn std::error::Error, "POP3 maildrop cannot be read or changed");
    }

    pub(crate) fn ended(&self, trace: TraceId, ending: Ending) {
        debug!(%trace, ?ending, "POP3 session ended");
    }

    pub(crate) fn broken(&self, trace: TraceId, why: &(dyn std::error::Error + 'static)) {
        debug!(%trace, reason = why, "POP3 connection ended before the session");
    }
}
