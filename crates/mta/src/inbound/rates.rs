//! How much one client may bring in a time: connections of an address, messages and recipients of an account. The meter
//! counts; where it cannot be asked, nobody is held back.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::judge::lookups::Effects;
use meter::meter::Meter;
use net::Endpoint;

/// The tables that count for us, whether this server keeps them or another one.
pub mod tables {
    /// Connections of an address.
    pub const CONNECTIONS: &str = "connections";
    /// Messages of an account.
    pub const MESSAGES: &str = "submission.messages";
    /// Recipients of an account.
    pub const RECIPIENTS: &str = "submission.recipients";
}

/// Which of them hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// Connections of an address.
    pub connections: bool,
    /// Messages of an account.
    pub messages: bool,
    /// Recipients of an account.
    pub recipients: bool,
}

/// The rates of all sessions.
#[derive(Debug)]
pub struct Rates {
    meter: Meter,
    connections: AtomicBool,
    messages: AtomicBool,
    recipients: AtomicBool,
}

impl Rates {
    /// Counted by `meter`.
    pub fn new(meter: Meter, chosen: Chosen) -> Rates {
        let [connections, messages, recipients] = [false; 3].map(AtomicBool::new);
        let rates = Rates { meter, connections, messages, recipients };
        rates.choose(chosen);
        rates
    }

    /// Other ones from now on (a reload).
    pub fn choose(&self, chosen: Chosen) {
        self.connections.store(chosen.connections, Ordering::Relaxed);
        self.messages.store(chosen.messages, Ordering::Relaxed);
        self.recipients.store(chosen.recipients, Ordering::Relaxed);
    }

    /// Counts a connection and tells whether it is one too many. Whoever has no address is on this machine.
    pub(crate) async fn too_many_connections(&self, peer: Endpoint, effects: Effects) -> bool {
        let address: Option<IpAddr> = peer.ip().filter(|_| self.connections.load(Ordering::Relaxed));
        match address {
            Some(address) => self.is_over(tables::CONNECTIONS, &address.to_string(), effects).await,
            None => false,
        }
    }

    /// Counts a message of an account and tells whether it is one too many. Who has not logged in has no such rate.
    pub(crate) async fn too_many_messages(&self, account: Option<&str>, effects: Effects) -> bool {
        match account.filter(|_| self.messages.load(Ordering::Relaxed)) {
            Some(account) => self.is_over(tables::MESSAGES, account, effects).await,
            None => false,
        }
    }

    /// Counts a recipient of an account and tells whether it is one too many.
    pub(crate) async fn too_many_recipients(&self, account: Option<&str>, effects: Effects) -> bool {
        match account.filter(|_| self.recipients.load(Ordering::Relaxed)) {
            Some(account) => self.is_over(tables::RECIPIENTS, account, effects).await,
            None => false,
        }
    }

    /// Without effects, whether one more would be too many.
    async fn is_over(&self, table: &str, key: &str, effects: Effects) -> bool {
        match effects {
            Effects::On => self.meter.throttle(table, key, 1).await.is_over,
            Effects::Off => self.meter.call("query", table, key, &[]).await.is_ok_and(|found| found.is_some()),
        }
    }
}
