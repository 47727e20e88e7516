//! What all agents share, and taking what is due.

use crate::authentication::service::Authentication;
use crate::channels::service::Channels;
use crate::content::service::Content;
use crate::delivery::pool::Pool;
use crate::delivery::settings::Settings;
use crate::delivery::signals::Signals;
use crate::delivery::throttle::Throttle;
use crate::scripts::service::Scripts;
use directory::directory::Directory;
use mail::store::Mail;
use net::{ClientTls, Random, Registry, Resolver};
use queue::entry::Channel;
use queue::lease::Lease;
use queue::queue::Queue;
use std::sync::Arc;
use std::time::Duration;

/// How long agents sleep at most: clocks may be set.
const NAP: Duration = Duration::from_secs(30);

/// Everything that agents need, handed in.
pub struct Parts {
    /// Where mail waits.
    pub queue: Queue,
    /// Our mailboxes.
    pub mail: Mail,
    /// What runs when mail is filed.
    pub scripts: Arc<Scripts>,
    /// Who there is.
    pub directory: Arc<dyn Directory>,
    /// Who knows names.
    pub resolver: Arc<dyn Resolver>,
    /// TLS for those to whom we connect.
    pub tls: ClientTls,
    /// What is done to the content of mail.
    pub content: Arc<Content>,
    /// Channels that the operator named.
    pub channels: Arc<Channels>,
    /// Who rewrites senders, and whose policies hold.
    pub authentication: Arc<Authentication>,
    /// Random numbers.
    pub random: Arc<dyn Random>,
}

/// All agents.
pub struct Service {
    pub(crate) settings: Settings,
    pub(crate) parts: Parts,
    pub(crate) signals: Signals,
    pub(crate) pool: Pool,
    pub(crate) throttle: Throttle,
}

impl Service {
    /// Agents with these settings.
    pub fn new(settings: Settings, parts: Parts, registry: &Registry) -> Service {
        let signals = Signals::new(registry);
        Service { settings, parts, signals, pool: Pool::default(), throttle: Throttle::default() }
    }

    /// By which route mail for an address of another domain goes.
    pub fn route(&self, address: &model::Address) -> queue::entry::Route {
        crate::delivery::routing::rule_of(&self.settings.rules, &address.domain).route(&address.domain)
    }

    /// Takes one message of a channel if one is due and may go.
    pub fn take(&self, channel: Channel) -> Result<Option<Lease>, queue::error::Error> {
        let now = self.parts.queue.now();
        let most = match channel {
            Channel::Smtp | Channel::Lmtp | Channel::Named(_) => self.settings.destination_agents,
            Channel::Process | Channel::Local | Channel::Held | Channel::Conversion | Channel::Defragment => usize::MAX,
        };
        let lease =
            self.parts.queue.take(channel, now, &mut |destination| self.throttle.may(destination, most, now))?;
        if let Some(lease) = &lease {
            self.throttle.begin(&lease.route.destination);
        }
        Ok(lease)
    }

    /// Lets a destination rest whose hosts could not be reached.
    pub(crate) fn rest(&self, destination: &str, reached: Option<bool>) {
        let now = self.parts.queue.now();
        self.throttle.judge(destination, reached, &self.settings.back_off, now, self.parts.random.fraction());
    }

    /// How long there is nothing to do, as far as is known.
    pub(crate) fn nap(&self) -> Duration {
        let due = self.parts.queue.until_due(NAP);
        let now = self.parts.queue.now();
        let rested = self.throttle.next(now).map_or(NAP, |until| until.since(now));
        due.min(rested).min(NAP)
    }
}
