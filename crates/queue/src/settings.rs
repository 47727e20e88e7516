//! What the operator chooses for the queue.

use crate::entry::Channel;
use events::retry::Schedule;
use model::{Address, Domain, LocalPart};
use std::collections::BTreeMap;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// How the queue behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// This host, as notices name it.
    pub host: Domain,
    /// Channels with a behaviour of their own; the others have `ChannelSettings::default()`.
    pub channels: BTreeMap<Channel, ChannelSettings>,
    /// Messages that the queue takes.
    pub messages_max: usize,
    /// A failed message up to this size is returned whole unless the sender says otherwise.
    pub return_octets_max: u64,
    /// How long traces are kept.
    pub trace_kept: Duration,
    /// How long a fragment waits for the others of its message; `None` is half of the time to the first notice of the
    /// channel that it is for.
    pub fragment_wait: Option<Duration>,
}

/// How one channel tries.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelSettings {
    /// When to try again.
    pub retry: Schedule,
    /// Ages at which the sender is told of the delay; at the last one the message is returned.
    pub notices: Vec<Duration>,
}

impl Default for ChannelSettings {
    fn default() -> ChannelSettings {
        let steps = [1, 5, 10, 20, 30, 60].map(|minutes| minutes * MINUTE).to_vec();
        ChannelSettings {
            retry: Schedule::steps(steps).with_jitter(0.1),
            notices: [3, 6, 9, 12].map(|days| days * DAY).to_vec(),
        }
    }
}

impl Settings {
    /// Defaults for a host of this name.
    pub fn new(host: Domain) -> Settings {
        Settings {
            host,
            channels: BTreeMap::new(),
            messages_max: 1_000_000,
            return_octets_max: 128 << 10,
            trace_kept: 7 * DAY,
            fragment_wait: None,
        }
    }

    /// How a channel tries. A named one that is not in the settings any more does as the one to other hosts.
    pub fn channel(&self, channel: Channel) -> ChannelSettings {
        let usual = || self.channels.get(&Channel::Smtp).filter(|_| channel.named().is_some());
        self.channels.get(&channel).or_else(usual).cloned().unwrap_or_default()
    }

    /// Whether mail can leave by a channel: every server has it, or the operator named it.
    pub fn knows(&self, channel: Channel) -> bool {
        channel.named().is_none() || self.channels.contains_key(&channel)
    }

    /// All channels that there are.
    pub fn all_channels(&self) -> impl Iterator<Item = Channel> {
        let named = self.channels.keys().copied().filter(|channel| channel.named().is_some());
        Channel::ALL.into_iter().chain(named)
    }

    /// How long a fragment for this channel waits for the others.
    pub fn fragment_wait(&self, channel: Channel) -> Duration {
        let half = || self.channel(channel).notices.first().map_or(DAY, |first| *first / 2);
        self.fragment_wait.unwrap_or_else(half)
    }

    /// Who sends notices.
    pub(crate) fn daemon(&self) -> Option<Address> {
        LocalPart::new("MAILER-DAEMON").ok().map(|local| Address::new(local, self.host.clone()))
    }
}
