//! Every fact about incoming sessions that is logged or counted, one function each. No body and no password is logged.

use model::{Address, TraceId};
use net::{Counter, Endpoint, Registry};
use smtp::reply::Reply;
use tracing::{debug, info, warn};

#[derive(Debug)]
pub struct Signals {
    messages: Counter,
    recipients: Counter,
    refused: Counter,
    logins: Counter,
    logins_refused: Counter,
    early_talkers: Counter,
    no_room: Counter,
    dropped: Counter,
}

impl Signals {
    pub fn new(registry: &Registry, listener: &str) -> Signals {
        let labels = [("listener", listener)];
        let counter = |name, help| registry.counter(name, help, &labels);
        Signals {
            messages: counter("heliograph_smtp_messages_total", "Messages accepted."),
            recipients: counter("heliograph_smtp_recipients_total", "Recipients of accepted messages."),
            refused: counter("heliograph_smtp_refused_total", "Commands and messages refused."),
            logins: counter("heliograph_smtp_logins_total", "Logins."),
            logins_refused: counter("heliograph_smtp_logins_refused_total", "Logins refused."),
            no_room: counter(
                "heliograph_smtp_no_room_total",
                "Accounts passed over because their quota leaves no room.",
            ),
            dropped: counter(
                "heliograph_smtp_dropped_total",
                "Recipients for whom a message was accepted and dropped, by a filter's verdict or a script.",
            ),
            early_talkers: counter("heliograph_smtp_early_talkers_total", "Clients that spoke before the greeting."),
        }
    }

    pub fn connected(&self, trace: TraceId, peer: Endpoint) {
        debug!(%trace, %peer, "SMTP connection");
    }

    pub fn early_talker(&self, trace: TraceId, peer: Endpoint) {
        self.early_talkers.add(1);
        info!(%trace, %peer, "the client spoke before the greeting");
    }

    pub fn not_admitted(&self, trace: TraceId, peer: Endpoint, line: &str) {
        self.refused.add(1);
        info!(%trace, %peer, stage = "connect", reason = line, "refused");
    }

    pub fn no_room(&self, trace: TraceId, account: &str) {
        self.no_room.add(1);
        info!(%trace, account, "the quota leaves no room");
    }

    pub fn accepted(&self, trace: TraceId, from: Option<&Address>, recipients: usize, octets: usize) {
        self.messages.add(1);
        self.recipients.add(recipients as u64);
        let from = from.map_or_else(|| "<>".to_owned(), ToString::to_string);
        info!(%trace, %from, recipients, octets, "message accepted");
    }

    pub fn dropped(&self, trace: TraceId, peer: Endpoint, recipients: usize) {
        self.dropped.add(recipients as u64);
        info!(%trace, %peer, recipients, "message accepted and dropped");
    }

    pub fn refused(&self, trace: TraceId, peer: Endpoint, stage: &'static str, reply: &Reply) {
        self.refused.add(1);
        info!(%trace, %peer, stage, code = reply.code, reason = %reply.text(), "refused");
    }

    pub fn logged_in(&self, trace: TraceId, peer: Endpoint, account: &str) {
        self.logins.add(1);
        info!(%trace, %peer, account, "SMTP login");
    }

    pub fn login_refused(&self, trace: TraceId, peer: Endpoint, why: directory::login::Denied) {
        self.logins_refused.add(1);
        info!(%trace, %peer, reason = %why, "SMTP login refused");
    }

    pub fn directory_away(&self, trace: TraceId, error: &directory::error::Error) {
        warn!(%trace, reason = error as &dyn std::error::Error, "the directory cannot be asked; the client is told to come again");
    }

    pub fn store_failed(&self, trace: TraceId, error: &mail::error::Error) {
        warn!(%trace, reason = error as &dyn std::error::Error, "the message could not be filed; the client is told to come again");
    }

    pub fn queue_failed(&self, trace: TraceId, error: &queue::error::Error) {
        warn!(%trace, reason = error as &dyn std::error::Error, "the message could not be queued; the client is told to come again");
    }

    pub fn scripts_away(&self, trace: TraceId, error: &crate::scripts::subject::Away) {
        warn!(%trace, reason = error as &dyn std::error::Error, "the administrator's scripts cannot be run; the client is told to come again");
    }

    pub fn scripts_wait(&self, trace: TraceId, error: &crate::scripts::subject::Away) {
        warn!(%trace, reason = error as &dyn std::error::Error, "scripts cannot be run now; the queue keeps the message");
    }

    pub fn ended(&self, trace: TraceId, why: &str) {
        debug!(%trace, why, "SMTP session ended");
    }
}
