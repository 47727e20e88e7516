//! What the operator chooses for the policy.

use queue::entry::{Channel, Route};
use std::path::PathBuf;
use std::time::Duration;

/// How the policy is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The longest time that one reply waits because a table or rule says so.
    pub delay_max: Duration,
    /// How long one look-up may take.
    pub lookup_timeout: Duration,
    /// Commands, pages and sockets that are asked at a time.
    pub outside_max: usize,
    /// The commands that look-ups may run.
    pub commands: Vec<Command>,
    /// How destination channels are called.
    pub destinations: Destinations,
}

/// A command that look-ups may run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Its name in look-ups.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// What it is always given.
    pub arguments: Vec<String>,
}

/// How destination channels are called in probes and rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destinations {
    /// Our own mailboxes.
    pub local: String,
    /// Other hosts.
    pub smtp: String,
    /// Another store.
    pub lmtp: String,
    /// Addresses that must be looked up again in the queue.
    pub process: String,
    /// Nowhere until somebody releases it.
    pub held: String,
}

impl Destinations {
    /// The name of the channel of a route; none means our own mailboxes.
    pub fn name_of<'n>(&'n self, route: Option<&'n Route>) -> &'n str {
        match route.map(|route| &route.channel) {
            None | Some(Channel::Local) => &self.local,
            Some(Channel::Process | Channel::Conversion | Channel::Defragment) => &self.process,
            Some(Channel::Smtp) => &self.smtp,
            Some(Channel::Lmtp) => &self.lmtp,
            Some(Channel::Held) => &self.held,
            Some(Channel::Named(name)) => name.as_str(),
        }
    }

    /// The same for what is asked about the content of mail: what is looked up here is ours.
    pub fn name_behind<'n>(&'n self, route: &'n Route) -> &'n str {
        if route.channel == Channel::Process { &self.local } else { self.name_of(Some(route)) }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            delay_max: Duration::from_secs(60),
            lookup_timeout: Duration::from_secs(5),
            outside_max: 32,
            commands: Vec::new(),
            destinations: Destinations::default(),
        }
    }
}

impl Default for Destinations {
    fn default() -> Destinations {
        Destinations {
            local: "ims-ms".to_owned(),
            smtp: "tcp_local".to_owned(),
            lmtp: "tcp_lmtp".to_owned(),
            process: "process".to_owned(),
            held: "hold".to_owned(),
        }
    }
}
