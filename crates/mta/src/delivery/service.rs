//! The agents: taking what is due, one task a message, and ending gracefully.

use crate::delivery::local;
use crate::delivery::pool::Pool;
use crate::delivery::remote;
use crate::delivery::settings::Settings;
use crate::delivery::signals::Signals;
use crate::delivery::throttle::Throttle;
use directory::directory::Directory;
use mail::store::Mail;
use model::TraceId;
use net::{ClientTls, Random, Registry, Resolver, ShutdownToken};
use queue::entry::Channel;
use queue::lease::Lease;
use queue::queue::Queue;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// How long agents sleep at most: clocks may be set.
const NAP: Duration = Duration::from_secs(30);
/// How often old traces are looked for.
const SWEEP: Duration = Duration::from_secs(3600);
/// After the queue could not be read.
const PAUSE: Duration = Duration::from_secs(1);

/// Everything that agents need, handed in.
pub struct Parts {
    /// Where mail waits.
    pub queue: Queue,
    /// Our mailboxes.
    pub mail: Mail,
    /// Who there is.
    pub directory: Arc<dyn Directory>,
    /// Who knows names.
    pub resolver: Arc<dyn Resolver>,
    /// TLS for those to whom we connect.
    pub tls: ClientTls,
    /// Random numbers.
    pub random: Arc<dyn Random>,
}

/// All agents.
pub struct Service {
    pub(crate) settings: Settings,
    pub(crate) parts: Parts,
    pub(crate) signals: Signals,
    pub(crate) pool: Pool,
    throttle: Throttle,
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
            Channel::Smtp | Channel::Lmtp => self.settings.destination_agents,
            Channel::Process | Channel::Local | Channel::Held => usize::MAX,
        };
        let lease =
            self.parts.queue.take(channel, now, &mut |destination| self.throttle.may(destination, most, now))?;
        if let Some(lease) = &lease {
            self.throttle.begin(&lease.route.destination);
        }
        Ok(lease)
    }

    /// One attempt, from lease to the durable word on what it came to.
    pub async fn attempt(&self, lease: Lease, shutdown: &ShutdownToken) -> Result<(), queue::error::Error> {
        let _under_way = UnderWay { service: self, destination: lease.route.destination.clone() };
        let (trace, destination) = (lease.message.trace, lease.route.destination.clone());
        let outcomes = match lease.route.channel {
            Channel::Process | Channel::Local | Channel::Held => local::attempt(self, &lease).await,
            Channel::Smtp | Channel::Lmtp => {
                let attempt = remote::attempt(self, &lease, shutdown).await;
                self.rest(&destination, attempt.reached);
                attempt.outcomes
            }
        };
        let completed = lease.complete(outcomes).await;
        completed.map(|_| ()).inspect_err(|error| self.signals.queue_failed(trace, error))
    }

    fn rest(&self, destination: &str, reached: Option<bool>) {
        let now = self.parts.queue.now();
        self.throttle.judge(destination, reached, &self.settings.back_off, now, self.parts.random.fraction());
    }

    fn nap(&self) -> Duration {
        let due = self.parts.queue.until_due(NAP);
        let now = self.parts.queue.now();
        let rested = self.throttle.next(now).map_or(NAP, |until| until.since(now));
        due.min(rested).min(NAP)
    }
}

/// Counts a message as under way, also when its task is ended from outside.
struct UnderWay<'a> {
    service: &'a Service,
    destination: String,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.service.throttle.end(&self.destination);
    }
}

/// Runs all agents until the program ends: what is under way when it drains is finished, if there is time.
pub async fn start(service: Arc<Service>, shutdown: ShutdownToken) {
    let mut channels = JoinSet::new();
    for channel in [Channel::Process, Channel::Local, Channel::Smtp, Channel::Lmtp] {
        channels.spawn(run(Arc::clone(&service), channel, shutdown.clone()));
    }
    channels.spawn(tidy(Arc::clone(&service), shutdown.clone()));
    while channels.join_next().await.is_some() {}
}

async fn run(service: Arc<Service>, channel: Channel, shutdown: ShutdownToken) {
    let most = service.settings.agents(channel).max(1);
    let mut tasks: JoinSet<()> = JoinSet::new();
    while !shutdown.is_draining() {
        let mut changed = std::pin::pin!(service.parts.queue.changed());
        changed.as_mut().enable();
        let mut nap = None;
        while tasks.len() < most && nap.is_none() {
            match service.take(channel) {
                Ok(Some(lease)) => {
                    let (service, shutdown) = (Arc::clone(&service), shutdown.clone());
                    tasks.spawn(async move {
                        // A failure is logged where it happens; the message stays in the queue.
                        if service.attempt(lease, &shutdown).await.is_err() {
                            tokio::time::sleep(PAUSE).await;
                        }
                    });
                }
                Ok(None) => nap = Some(service.nap()),
                Err(error) => {
                    service.signals.queue_failed(TraceId::default(), &error);
                    nap = Some(PAUSE);
                }
            }
        }
        tokio::select! {
            () = &mut changed, if tasks.len() < most => {}
            Some(_) = tasks.join_next() => {}
            () = tokio::time::sleep(nap.unwrap_or(NAP)) => {}
            () = shutdown.draining() => {}
        }
    }
    tokio::select! {
        () = async { while tasks.join_next().await.is_some() {} } => {}
        () = shutdown.stopped() => tasks.shutdown().await,
    }
}

/// Closes connections that nobody uses any more, and forgets old traces.
async fn tidy(service: Arc<Service>, shutdown: ShutdownToken) {
    let mut until_sweep = Duration::ZERO;
    while !shutdown.is_draining() {
        for peer in service.pool.expire(service.settings.idle_kept) {
            peer.quit().await;
        }
        if until_sweep.is_zero() {
            while matches!(service.parts.queue.sweep().await, Ok(true)) {}
            until_sweep = SWEEP;
        }
        until_sweep = until_sweep.saturating_sub(PAUSE);
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = shutdown.draining() => {}
        }
    }
    for peer in service.pool.expire(Duration::ZERO) {
        peer.quit().await;
    }
}

#[cfg(test)]
mod tests;
