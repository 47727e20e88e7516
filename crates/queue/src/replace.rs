//! A message in the place of another, as when it was converted, and fragments in the place of a whole or a whole in the place
//! of its fragments: always one transaction, so that a crash leaves either the one or the other.

use crate::entry::{Channel, Event, NewEntry, Outcome, Recipient, Route, State};
use crate::error::Error;
use crate::fragments::{Load, SetId, Waiting};
use crate::lease::Lease;
use crate::queue::{Queue, load, subject_of};
use crate::record;
use crate::trail::{self, Names};
use bytes::Bytes;
use model::QueueId;
use std::collections::BTreeMap;
use storage::{Abort, Committed, NewBlob, Transaction};

/// A message that takes the place of a leased one for some of its recipients.
#[derive(Clone, Debug)]
pub struct Replacement {
    /// The octets.
    pub body: NewBlob,
    /// The recipients by their numbers, each with the way by which it goes on.
    pub recipients: Vec<(u32, Route)>,
}

/// What becomes of a leased message.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Messages in its place. A recipient may stand in several: fragments.
    pub replacements: Vec<Replacement>,
    /// Recipients that an operator must release, by which way, and why.
    pub held: Vec<(u32, Route, String)>,
    /// What else was decided.
    pub outcomes: Vec<(u32, Outcome)>,
    /// What the trace tells, one event each.
    pub told: Vec<String>,
}

impl Lease {
    /// Writes down what becomes of the message and gives the lease back. Its times, its sender and what the sender wants to
    /// know go on with every message in its place.
    pub async fn change(self, change: Change) -> Result<Committed<()>, Error> {
        let (queue, id) = (self.queue().clone(), self.id);
        let worker = queue.clone();
        let work =
            move |transaction: &mut Transaction<'_>| worker.exchange(transaction, id, &change).map_err(Abort::from);
        let committed = queue.inner.partition.write(work).await?;
        drop(self);
        Ok(committed)
    }
}

impl Queue {
    fn exchange(&self, transaction: &mut Transaction<'_>, id: QueueId, change: &Change) -> Result<(), Error> {
        let keys = self.inner.keys;
        let Some((message, mut all)) = load(transaction, keys, id)? else { return Ok(()) };
        let now = self.now();
        let open = |all: &[Recipient], number: u32| {
            let recipient = usize::try_from(number).ok().and_then(|at| all.get(at));
            recipient.filter(|recipient| recipient.state.is_open()).cloned()
        };
        for text in &change.told {
            let event = Event { at: now, text: text.clone() };
            trail::note(transaction, keys, message.trace, Names::queued(id), &event)?;
        }
        let mut replaced = Vec::new();
        for replacement in &change.replacements {
            let mut recipients = Vec::new();
            for (number, route) in &replacement.recipients {
                if let Some(before) = open(&all, *number) {
                    let state = State::Due(now);
                    recipients.push(Recipient { route: route.clone(), state, attempts: 0, heard: None, ..before });
                    replaced.push(*number);
                }
            }
            if recipients.is_empty() {
                continue;
            }
            let mut successor = message.clone();
            successor.body = replacement.body.hash();
            successor.octets = replacement.body.len() as u64;
            successor.subject = subject_of(&replacement.body);
            successor.mail_from.size_octets = None;
            self.insert(transaction, &successor, recipients, &replacement.body)?;
        }
        for (number, recipient) in (0u32..).zip(&mut all) {
            let held = change.held.iter().find(|(held, ..)| *held == number);
            if replaced.contains(&number) {
                recipient.state = State::Expanded;
            } else if let Some((_, route, why)) = held.filter(|_| recipient.state.is_open()) {
                (recipient.state, recipient.route) = (State::Held, route.clone());
                let event = Event { at: now, text: format!("{} is held: {why}", recipient.rcpt.address) };
                trail::note(transaction, keys, message.trace, Names::queued(id), &event)?;
            } else {
                continue;
            }
            transaction.put(keys.recipient(id, number), record::encode_recipient(recipient));
        }
        self.conclude(transaction, id, &change.outcomes, &[])
    }

    /// The fragments of one message that wait, by their numbers.
    pub fn fragments(&self, set: SetId) -> Result<BTreeMap<u32, Waiting>, Error> {
        Ok(self.refresh()?.fragments.of(set))
    }

    /// How many fragments wait, of all and of one sender, whose address is in lower case and empty for the null sender.
    pub fn fragment_load(&self, sender: &str) -> Result<Load, Error> {
        Ok(self.refresh()?.fragments.load(sender))
    }

    /// The octets of a message in the queue.
    pub fn body(&self, id: QueueId) -> Result<Bytes, Error> {
        let entry = load(&self.inner.partition.snapshot()?, self.inner.keys, id)?;
        let (message, _) = entry.ok_or(Error::NoMessage(id))?;
        Ok(self.inner.partition.blob(&message.body)?.into_bytes())
    }

    /// Takes several messages in, and the fragments that they are made of out, in one transaction. When this returns it is
    /// durable.
    ///
    /// # Errors
    /// [`Error::Fragment`] when one of the fragments has gone meanwhile; nothing has happened then.
    pub async fn submit_all(
        &self,
        entries: Vec<NewEntry>,
        fragments: Vec<QueueId>,
        told: String,
    ) -> Result<Committed<Vec<QueueId>>, Error> {
        let queue = self.clone();
        let work = move |transaction: &mut Transaction<'_>| {
            for id in &fragments {
                if !queue.close_fragment(transaction, *id, &told)? {
                    return Err(Abort::from(Error::Fragment(*id)));
                }
            }
            let mut ids = Vec::with_capacity(entries.len());
            for entry in &entries {
                ids.push(queue.enqueue(transaction, entry)?);
            }
            Ok(ids)
        };
        Ok(self.inner.partition.write(work).await?)
    }

    /// Gives waiting fragments up and tells nobody but the trace; returns how many there still were.
    pub async fn drop_fragments(&self, fragments: Vec<QueueId>, told: String) -> Result<u64, Error> {
        let queue = self.clone();
        let work = move |transaction: &mut Transaction<'_>| {
            let mut dropped = 0u64;
            for id in &fragments {
                dropped += u64::from(queue.close_fragment(transaction, *id, &told)?);
            }
            Ok(dropped)
        };
        Ok(self.inner.partition.write(work).await?.value)
    }

    /// Ends the waiting of a fragment; whether it still waited.
    fn close_fragment(&self, transaction: &mut Transaction<'_>, id: QueueId, told: &str) -> Result<bool, Error> {
        let keys = self.inner.keys;
        let Some((message, mut all)) = load(transaction, keys, id)? else { return Ok(false) };
        let mut waiting = all
            .iter_mut()
            .filter(|one| one.route.channel == Channel::Defragment && matches!(one.state, State::Due(_)))
            .peekable();
        if waiting.peek().is_none() {
            return Ok(false);
        }
        waiting.for_each(|recipient| recipient.state = State::Expanded);
        let event = Event { at: self.now(), text: told.to_owned() };
        trail::note(transaction, keys, message.trace, Names::queued(id), &event)?;
        self.store(transaction, id, &message, &all)?;
        Ok(true)
    }
}
