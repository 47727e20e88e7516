//! The agents: one task a message, as many as the channel may have, and a graceful end.

use crate::content::{fragments, treatment};
use crate::delivery::local;
use crate::delivery::remote;
use crate::delivery::service::Service;
use model::TraceId;
use net::ShutdownToken;
use queue::entry::{Channel, Outcome, Verdict};
use queue::lease::Lease;
use queue::replace::Change;
use smtp::reply::Reply;
use smtp::status::EnhancedStatus;
use std::sync::Arc;
use std::time::Duration;
use storage::NewBlob;
use tokio::task::JoinSet;

/// How long agents with nothing left to start wait at most.
const NAP: Duration = Duration::from_secs(30);
/// How often old traces are looked for.
const SWEEP: Duration = Duration::from_secs(3600);
/// How often mail is looked for that nobody takes.
const LOOK: Duration = Duration::from_secs(5);
/// After the queue could not be read, and between looks at idle connections.
const PAUSE: Duration = Duration::from_secs(1);

/// One attempt, from lease to the durable word on what it came to.
pub async fn attempt(service: &Service, lease: Lease, shutdown: &ShutdownToken) -> Result<(), queue::error::Error> {
    let _under_way = UnderWay { service, destination: lease.route.destination.clone() };
    let trace = lease.message.trace;
    if let Some(reply) = unknown(service, &lease) {
        let outcome = || Outcome { reply: reply.clone(), host: String::new(), verdict: Verdict::Deferred };
        let outcomes = lease.recipients.iter().map(|(number, _)| (*number, outcome())).collect();
        let completed = lease.complete(outcomes).await;
        return completed.map(|_| ()).inspect_err(|error| service.signals.queue_failed(trace, error));
    }
    if let Some(reply) = too_large(service, &lease) {
        service.signals.attempted(trace, lease.route.channel, "", &reply);
        let outcomes = refused(&lease, &reply);
        let completed = lease.complete(outcomes).await;
        return completed.map(|_| ()).inspect_err(|error| service.signals.queue_failed(trace, error));
    }
    let content = &service.parts.content;
    let change = match lease.route.channel {
        Channel::Conversion => {
            let mut change = treatment::attempt(content, &*service.parts.directory, &lease).await;
            sign_again(service, &lease, &mut change).await;
            Some(change)
        }
        Channel::Smtp | Channel::Lmtp | Channel::Named(_) => fragments::split(content, &lease),
        _ => None,
    };
    if let Some(change) = change {
        let changed = lease.change(change).await;
        return changed.map(|_| ()).inspect_err(|error| service.signals.queue_failed(trace, error));
    }
    let (mut peers, mut caused) = (Vec::new(), Vec::new());
    let outcomes = match lease.route.channel {
        Channel::Defragment => fragments::release(content, &lease),
        Channel::Process | Channel::Local | Channel::Held | Channel::Conversion => {
            let attempted = local::attempt(service, &lease).await;
            caused = attempted.caused;
            attempted.outcomes
        }
        Channel::Smtp | Channel::Lmtp | Channel::Named(_) => {
            let attempt = remote::attempt(service, &lease, shutdown).await;
            service.rest(&lease.route.destination, attempt.reached);
            peers = attempt.peers;
            attempt.outcomes
        }
    };
    let completed = lease.complete_with(outcomes, caused).await;
    for (key, peer) in peers {
        remote::keep(service, key, peer).await;
    }
    completed.map(|_| ()).inspect_err(|error| service.signals.queue_failed(trace, error))
}

/// What was signed by us and then changed is signed as it is now.
async fn sign_again(service: &Service, lease: &Lease, change: &mut Change) {
    if change.replacements.is_empty() {
        return;
    }
    let Ok(before) = lease.body() else { return };
    for replacement in &mut change.replacements {
        let signed = service.parts.authentication.sign_again(&before, replacement.body.bytes()).await;
        if let Some(signed) = signed {
            replacement.body = tokio::task::block_in_place(|| NewBlob::new(signed));
        }
    }
}

/// That the settings do not know the channel (any more): its mail waits by the times of the channel to other hosts.
fn unknown(service: &Service, lease: &Lease) -> Option<Reply> {
    let channel = lease.route.channel;
    if channel.named().is_none_or(|name| service.parts.channels.find(name).is_some()) {
        return None;
    }
    service.parts.channels.signals.unknown(lease.message.trace, channel);
    // RFC 3463 §3.4: X.3.5, system incorrectly configured.
    let text = format!("the channel {channel} is not in the settings");
    Some(Reply::new(451, EnhancedStatus::new(4, 3, 5), text))
}

/// Why the channel does not take a message of this size.
fn too_large(service: &Service, lease: &Lease) -> Option<Reply> {
    let most = *service.settings.message_octets_max.get(&lease.route.channel)?;
    let text = format!("the channel {} takes at most {most} octets", lease.route.channel);
    (lease.message.octets > most).then(|| Reply::new(552, EnhancedStatus::new(5, 3, 4), text))
}

fn refused(lease: &Lease, reply: &Reply) -> Vec<(u32, Outcome)> {
    let outcome = || Outcome { reply: reply.clone(), host: String::new(), verdict: Verdict::Failed };
    lease.recipients.iter().map(|(number, _)| (*number, outcome())).collect()
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
    for channel in service.parts.queue.settings().all_channels().filter(|channel| *channel != Channel::Held) {
        channels.spawn(run(Arc::clone(&service), channel, shutdown.clone()));
    }
    channels.spawn(put_off(Arc::clone(&service), shutdown.clone()));
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
                        if attempt(&service, lease, &shutdown).await.is_err() {
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

/// Has what is due for channels that the settings do not know wait on, so that it is told and counted.
async fn put_off(service: Arc<Service>, shutdown: ShutdownToken) {
    while !shutdown.is_draining() {
        for channel in service.parts.queue.lost_channels().unwrap_or_default() {
            // A failure is logged where it happens; the message stays in the queue.
            while let Ok(Some(lease)) = service.take(channel) {
                if attempt(&service, lease, &shutdown).await.is_err() {
                    break;
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = shutdown.draining() => {}
        }
    }
}

/// Closes connections that nobody uses any more, and forgets old traces.
async fn tidy(service: Arc<Service>, shutdown: ShutdownToken) {
    let mut until_sweep = Duration::ZERO;
    while !shutdown.is_draining() {
        write_notes(&service).await;
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

async fn write_notes(service: &Service) {
    if let Err(error) = service.parts.queue.write_notes().await {
        service.signals.queue_failed(TraceId::default(), &error);
    }
}

#[cfg(test)]
mod tests;
