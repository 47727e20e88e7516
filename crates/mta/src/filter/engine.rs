//! One filter: its hosts, how they are, its connections. It asks about one message and comes back in time, whatever the
//! filter does.

use crate::filter::failure::Failure;
use crate::filter::icap::Options;
use crate::filter::limits::{FAILURES_BEFORE_REST, GROWTH_OCTETS_MAX, REST_FIRST, REST_MAX};
use crate::filter::original::Original;
use crate::filter::report::Report;
use crate::filter::settings::{Filter, Host, Protocol};
use crate::filter::signals::Signals;
use crate::filter::wire::{Limits, Wire, share};
use crate::filter::{ask_clamd, ask_icap, ask_milter, ask_rspamd, ask_spamd};
use model::TraceId;
use net::{Registry, Resolver};
use smtp::milter::client::Session;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// A report with the message as the filter rewrote it, if it did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// What the filter says.
    pub report: Report,
    /// The whole message in its place.
    pub rewritten: Option<Vec<u8>>,
}

/// One filter.
pub struct Engine {
    /// Its settings.
    pub filter: Filter,
    /// What is counted and logged of it.
    pub signals: Signals,
    resolver: Arc<dyn Resolver>,
    permits: Semaphore,
    hosts: Vec<Health>,
    idle: Mutex<Vec<Idle>>,
}

/// A connection that waits for the next message.
struct Idle {
    host: usize,
    since: Instant,
    line: Line,
}

/// A connection with what its protocol remembers.
enum Line {
    Plain(Wire),
    Milter(Wire, Box<Session>),
    Icap(Wire, Options),
}

/// How a host is.
#[derive(Debug, Default)]
struct Health(Mutex<Condition>);

#[derive(Clone, Copy, Debug, Default)]
struct Condition {
    failures: u32,
    rests_until: Option<Instant>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Health {
    fn is_resting(&self) -> bool {
        lock(&self.0).rests_until.is_some_and(|until| Instant::now() < until)
    }

    fn succeeded(&self) {
        *lock(&self.0) = Condition::default();
    }

    fn failed(&self, failure: &Failure) {
        // What the filter says of one message tells nothing of the host.
        if matches!(failure, Failure::Declined { .. } | Failure::Resting | Failure::Busy(_)) {
            return;
        }
        let mut condition = lock(&self.0);
        condition.failures += 1;
        let over = match failure {
            Failure::Connect { .. } => Some(condition.failures - 1),
            _ => condition.failures.checked_sub(FAILURES_BEFORE_REST),
        };
        let rest = over.map(|over| REST_FIRST.saturating_mul(1 << over.min(10)).min(REST_MAX));
        condition.rests_until = rest.map(|rest| Instant::now() + rest);
    }
}

impl Engine {
    /// A filter that nobody has asked yet.
    pub fn new(filter: Filter, resolver: Arc<dyn Resolver>, registry: &Registry) -> Engine {
        Engine {
            signals: Signals::new(registry, &filter.name),
            resolver,
            permits: Semaphore::new(filter.connections_max),
            hosts: filter.hosts.iter().map(|_| Health::default()).collect(),
            idle: Mutex::new(Vec::new()),
            filter,
        }
    }

    /// The hosts, each with whether it is left alone now.
    pub fn hosts(&self) -> impl Iterator<Item = (&Host, bool)> {
        self.filter.hosts.iter().zip(&self.hosts).map(|(host, health)| (host, health.is_resting()))
    }

    /// Asks about a message for the recipients at `places`.
    ///
    /// # Errors
    /// Why no host gave an answer within the filter's time.
    pub async fn ask(&self, original: &Original, places: &[usize]) -> Result<Answer, Failure> {
        let begun = Instant::now();
        let deadline = begun + self.filter.total_timeout;
        let asked = self.ask_until(original, places, deadline).await;
        match &asked {
            Ok(answer) => self.signals.reported(original.trace, &answer.report, begun.elapsed()),
            Err(failure) => {
                self.signals.failed(original.trace, failure, self.filter.on_failure, begun.elapsed());
            }
        }
        asked
    }

    async fn ask_until(&self, original: &Original, places: &[usize], deadline: Instant) -> Result<Answer, Failure> {
        let busy = || Failure::Busy(self.filter.total_timeout);
        let permit = tokio::time::timeout_at(deadline, self.permits.acquire()).await;
        let _permit = permit.map_err(|_| busy())?.map_err(|_| busy())?;
        // A place that becomes free at the last moment is of no use.
        if Instant::now() >= deadline {
            return Err(busy());
        }
        let mut last = Failure::Resting;
        for (at, health) in self.hosts.iter().enumerate() {
            if health.is_resting() {
                continue;
            }
            let limits = self.limits(deadline, self.hosts.len() - at);
            match self.ask_host(at, original, places, limits).await {
                Ok(answer) => {
                    health.succeeded();
                    return Ok(answer);
                }
                Err(failure) => {
                    health.failed(&failure);
                    self.signals.host_failed(original.trace, &failure);
                    last = failure;
                }
            }
            if matches!(last, Failure::Declined { .. }) || Instant::now() >= deadline {
                break;
            }
        }
        Err(last)
    }

    /// The times for one host; those that are still to be asked share what is left for dialling.
    fn limits(&self, deadline: Instant, hosts: usize) -> Limits {
        let left = deadline.saturating_duration_since(Instant::now());
        Limits {
            connect: self.filter.connect_timeout.min(share(left, hosts)),
            step: self.filter.step_timeout,
            deadline,
        }
    }

    /// Asks one host; a kept connection that turns out to be closed is tried again afresh.
    async fn ask_host(
        &self,
        host: usize,
        original: &Original,
        places: &[usize],
        limits: Limits,
    ) -> Result<Answer, Failure> {
        if let Some(line) = self.take_idle(host) {
            match self.converse(host, line, original, places, limits).await {
                Err(Failure::Lost { .. }) => {}
                answered => return answered,
            }
        }
        let line = self.connect(host, original.trace, limits).await?;
        self.converse(host, line, original, places, limits).await
    }

    async fn connect(&self, host: usize, trace: TraceId, limits: Limits) -> Result<Line, Failure> {
        let Some(place) = self.filter.hosts.get(host) else { return Err(Failure::Resting) };
        let mut wire = Wire::connect(place, &*self.resolver, limits, trace).await?;
        Ok(match self.filter.protocol {
            Protocol::Milter => {
                let octets_max = usize::try_from(self.filter.message_octets_max).unwrap_or(usize::MAX);
                Line::Milter(wire, Box::new(Session::new(octets_max.saturating_add(GROWTH_OCTETS_MAX))))
            }
            Protocol::Icap => {
                let options = ask_icap::options(&mut wire, &self.filter.icap_service).await?;
                Line::Icap(wire, options)
            }
            Protocol::Rspamd | Protocol::Spamd | Protocol::Clamd => Line::Plain(wire),
        })
    }

    async fn converse(
        &self,
        host: usize,
        line: Line,
        original: &Original,
        places: &[usize],
        limits: Limits,
    ) -> Result<Answer, Failure> {
        let plain = |report| Answer { report, rewritten: None };
        match line {
            Line::Milter(mut wire, mut session) => {
                wire.arm(limits);
                let report = ask_milter::ask(&mut wire, &mut session, original, places).await?;
                // COMPAT: sendmail's library 8.17 does not go on after "quit, another client follows", so every message has a
                // connection of its own, as every client of other mail servers has.
                session.quit();
                // It has told what it had to tell; whether it hears the goodbye is of no interest.
                let _of_no_interest = wire.send(&session.take_output(), "saying goodbye").await;
                Ok(plain(report))
            }
            Line::Icap(mut wire, options) => {
                wire.arm(limits);
                let (service, preview) = (&self.filter.icap_service, self.filter.icap_preview);
                let (report, can_stay) = ask_icap::ask(&mut wire, original, service, options, preview).await?;
                if can_stay {
                    self.keep(host, Line::Icap(wire, options));
                }
                Ok(plain(report))
            }
            Line::Plain(mut wire) => {
                wire.arm(limits);
                match self.filter.protocol {
                    Protocol::Rspamd => {
                        let (report, can_stay) = ask_rspamd::ask(&mut wire, original, places).await?;
                        if can_stay {
                            self.keep(host, Line::Plain(wire));
                        }
                        Ok(plain(report))
                    }
                    Protocol::Spamd => {
                        let user = self.filter.user.as_deref();
                        let command = self.filter.spamd_command;
                        let (report, rewritten) = ask_spamd::ask(&mut wire, original, command, user).await?;
                        Ok(Answer { report, rewritten })
                    }
                    _ => ask_clamd::ask(&mut wire, original).await.map(plain),
                }
            }
        }
    }

    /// Teaches the filter that a message is spam, or is not. Filters that cannot learn do nothing.
    ///
    /// # Errors
    /// Why no host learned it.
    pub async fn learn(&self, is_spam: bool, message: &[u8]) -> Result<(), Failure> {
        let deadline = Instant::now() + self.filter.total_timeout;
        let mut last = Failure::Resting;
        let hosts = if self.filter.learn_hosts.is_empty() { &self.filter.hosts } else { &self.filter.learn_hosts };
        for (at, host) in hosts.iter().enumerate() {
            let limits = self.limits(deadline, hosts.len() - at);
            let taught = async {
                let mut wire = Wire::connect(host, &*self.resolver, limits, TraceId(0)).await?;
                let user = self.filter.user.as_deref();
                match self.filter.protocol {
                    Protocol::Rspamd => {
                        ask_rspamd::learn(&mut wire, self.filter.password.as_deref(), is_spam, message).await
                    }
                    Protocol::Spamd => ask_spamd::learn(&mut wire, user, is_spam, message).await,
                    Protocol::Milter | Protocol::Clamd | Protocol::Icap => Ok(()),
                }
            };
            match taught.await {
                Ok(()) => return Ok(()),
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }

    fn take_idle(&self, host: usize) -> Option<Line> {
        let mut idle = lock(&self.idle);
        idle.retain(|kept| kept.since.elapsed() < self.filter.idle_kept);
        let at = idle.iter().rposition(|kept| kept.host == host)?;
        Some(idle.swap_remove(at).line)
    }

    fn keep(&self, host: usize, line: Line) {
        let mut idle = lock(&self.idle);
        if self.filter.idle_kept > Duration::ZERO && idle.len() < self.filter.connections_max {
            idle.push(Idle { host, since: Instant::now(), line });
        }
    }
}

#[cfg(test)]
mod tests;
