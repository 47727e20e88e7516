//! Where mail lies: the mailboxes, and the queue of what is for others.

use std::sync::Arc;

use events::Bus;
use mail::store::Mail;
use queue::queue::Queue;

use crate::compose::ground::Ground;
use crate::compose::store::Store;
use crate::failure::Failure;
use crate::settings::Settings;

/// The mailboxes; what happens in them is told on `bus`.
///
/// # Errors
/// They cannot be read.
pub fn mail(settings: &Settings, store: &Store, bus: Bus) -> Result<Mail, Failure> {
    Mail::new(store.partitions.clone(), bus, settings.mail.clone())
        .map_err(|error| Failure::failed("cannot open the mail store").because(error))
}

/// The queue.
///
/// # Errors
/// It cannot be read.
pub fn queue(settings: &Settings, store: &Store, ground: &Ground) -> Result<Queue, Failure> {
    let (clock, random) = (Arc::clone(&ground.clock), Arc::clone(&ground.random));
    Queue::open(
        store.system.clone(),
        queue::settings::Settings {
            channels: settings.queue.channels.iter().map(|(name, choice)| (*name, choice.schedule.clone())).collect(),
            messages_max: settings.queue.messages_max,
            return_octets_max: settings.queue.return_octets_max,
            trace_kept: settings.queue.trace_kept,
            fragment_wait: settings.fragment_wait,
            ..queue::settings::Settings::new(settings.server.host.clone())
        },
        Arc::new(move || clock.now()),
        Arc::new(move || random.u64()),
    )
    .map_err(|error| Failure::failed("cannot open the queue").because(error))
}
