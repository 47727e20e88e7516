//! What the operator chooses for mail that goes out.

use crate::delivery::routing::Rule;
use events::retry::Schedule;
use queue::entry::Channel;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// How agents behave.
#[derive(Clone, Debug)]
pub struct Settings {
    /// This host's name: in EHLO, and never a host to send to.
    pub host: String,
    /// Addresses of this host that are never sent to on the standard port.
    pub own_addresses: Vec<IpAddr>,
    /// Messages under way at a time in each channel.
    pub agents: BTreeMap<Channel, usize>,
    /// Octets of the largest message that a channel takes; larger ones are returned.
    pub message_octets_max: BTreeMap<Channel, u64>,
    /// Messages under way at a time to one destination.
    pub destination_agents: usize,
    /// How long a destination rests after its hosts could not be reached.
    pub back_off: Schedule,
    /// From which address connections to IPv4 hosts are made.
    pub source_v4: Option<Ipv4Addr>,
    /// From which address connections to IPv6 hosts are made.
    pub source_v6: Option<Ipv6Addr>,
    /// The port of SMTP.
    pub port: u16,
    /// Domains with a way of their own; the first that fits holds.
    pub rules: Vec<Rule>,
    /// How long a host may take to answer a connection.
    pub connect_timeout: Duration,
    /// How long an idle connection is kept for the next message.
    pub idle_kept: Duration,
    /// Messages sent over one connection.
    pub connection_messages: u32,
    /// Recipients of one transaction (RFC 5321 §4.5.3.1.8).
    pub recipients_max: usize,
}

impl Settings {
    /// Defaults for a host of this name.
    pub fn new(host: &str) -> Settings {
        let minute = Duration::from_secs(60);
        Settings {
            host: host.to_owned(),
            own_addresses: Vec::new(),
            agents: [
                (Channel::Process, 16),
                (Channel::Local, 16),
                (Channel::Smtp, 64),
                (Channel::Lmtp, 16),
                (Channel::Conversion, 4),
                (Channel::Defragment, 4),
            ]
            .into(),
            message_octets_max: BTreeMap::new(),
            destination_agents: 8,
            back_off: Schedule::exponential(minute, 2.0, 30 * minute).with_jitter(0.1),
            source_v4: None,
            source_v6: None,
            port: 25,
            rules: Vec::new(),
            connect_timeout: Duration::from_secs(60),
            idle_kept: Duration::from_secs(10),
            connection_messages: 100,
            recipients_max: 100,
        }
    }

    /// Messages under way at a time.
    pub fn agents(&self, channel: Channel) -> usize {
        self.agents.get(&channel).copied().unwrap_or_default()
    }
}
