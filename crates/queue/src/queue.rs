//! The queue itself: opening, taking messages in, knowing what changed.

use crate::entry::{Channel, Event, Message, NewEntry, Recipient, Route, State};
use crate::error::Error;
use crate::fragments::Place;
use crate::index::Index;
use crate::keys::{self, Keys};
use crate::limits::{
    INSTRUCTIONS_MAX, INSTRUCTIONS_OCTETS_MAX, LOGIN_OCTETS_MAX, RECIPIENTS_MAX, SUBJECT_OCTETS_MAX, cut,
};
use crate::record;
use crate::settings::Settings;
use crate::trail::{self, Names, Notes};
use model::{AccountId, QueueId, Timestamp, TraceId};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use storage::{Abort, Committed, NewBlob, Notice, Observer, Partition, Read, Transaction};
use tokio::sync::Notify;

/// The topic under which changes of messages are published: the sequence is the queue id.
pub const TOPIC: u8 = 3;

/// Asks what time it is.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;
/// Gives random numbers, for jitter and message ids.
pub type Random = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The queue. Cheap to clone.
#[derive(Clone)]
pub struct Queue {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub partition: Partition,
    pub keys: Keys,
    pub settings: Settings,
    pub clock: Clock,
    pub random: Random,
    pub index: Mutex<Index>,
    pub stopped: Mutex<BTreeSet<Channel>>,
    pub notes: Mutex<Notes>,
    changes: Arc<Changes>,
}

/// Which messages have rows that the index has not seen.
#[derive(Default)]
struct Changes {
    dirty: Mutex<BTreeSet<QueueId>>,
    bell: Notify,
}

impl Observer for Changes {
    fn committed(&self, notices: &[Notice]) {
        let ours = notices.iter().filter(|notice| notice.account == AccountId(0) && notice.topic == TOPIC);
        let mut ids = ours.map(|notice| QueueId(notice.sequence)).peekable();
        if ids.peek().is_some() {
            lock(&self.dirty).extend(ids);
            self.bell.notify_waiters();
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Queue {
    /// Opens the queue of the system partition and reads what is due. Blocks.
    pub fn open(partition: Partition, settings: Settings, clock: Clock, random: Random) -> Result<Queue, Error> {
        let keys = Keys(partition.space(keys::SPACE)?);
        let changes = Arc::new(Changes::default());
        partition.subscribe(Arc::clone(&changes) as Arc<dyn Observer>);
        let mut index = Index::default();
        let mut stopped = BTreeSet::new();
        let snapshot = partition.snapshot()?;
        let mut failed = None;
        snapshot.each(keys.messages().range(), &mut |key, _| {
            if let Some(id) = keys::rest(key).and_then(|mut parts| parts.u64()).map(QueueId) {
                match load(&snapshot, keys, id) {
                    Ok(entry) => index.set(id, entry.as_ref().map(|(message, all)| (message, all.as_slice()))),
                    Err(error) => failed = Some(error),
                }
            }
            Ok(if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        snapshot.each(keys.all_stopped().range(), &mut |key, _| {
            stopped.extend(keys::stopped_channel(key));
            Ok(ControlFlow::Continue(()))
        })?;
        let (index, stopped) = (Mutex::new(index), Mutex::new(stopped));
        let notes = Mutex::default();
        let inner = Inner { partition, keys, settings, clock, random, index, stopped, notes, changes };
        Ok(Queue { inner: Arc::new(inner) })
    }

    /// What the queue runs on.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        (self.inner.clock)()
    }

    /// Takes a message in. When this returns it is durable.
    pub async fn submit(&self, entry: NewEntry) -> Result<Committed<QueueId>, Error> {
        let queue = self.clone();
        let work = move |transaction: &mut Transaction<'_>| queue.enqueue(transaction, &entry).map_err(Abort::from);
        Ok(self.inner.partition.write(work).await?)
    }

    /// Takes a message in inside a transaction of the system partition.
    pub fn enqueue(&self, transaction: &mut Transaction<'_>, entry: &NewEntry) -> Result<QueueId, Error> {
        let messages = lock(&self.inner.index).len();
        if messages >= self.inner.settings.messages_max {
            return Err(Error::Full(messages));
        }
        self.put(transaction, entry)
    }

    /// As [`Queue::enqueue`], without regard to how full the queue is: a notice must not be lost.
    pub(crate) fn put(&self, transaction: &mut Transaction<'_>, entry: &NewEntry) -> Result<QueueId, Error> {
        let count = entry.recipients.len();
        if count == 0 || count > usize::try_from(RECIPIENTS_MAX).unwrap_or(usize::MAX) {
            return Err(Error::Recipients(count));
        }
        if !entry.instructions.values().all(|fragments| can_carry(fragments)) {
            return Err(Error::Instructions);
        }
        let now = self.now();
        let counts_from = leaves_at(entry, now);
        let mut mail_from = entry.mail_from.clone();
        (mail_from.hold, mail_from.submitter) = (None, None);
        let message = Message {
            mail_from,
            body: entry.body.hash(),
            octets: entry.body.len() as u64,
            arrived_at: now,
            counts_from,
            trace: entry.trace,
            received_from: cut(&entry.received_from, 255).to_owned(),
            subject: subject_of(&entry.body),
            scores: entry.scores,
            authenticated: entry.authenticated.as_deref().map(|name| cut(name, LOGIN_OCTETS_MAX).to_owned()),
        };
        let recipients = entry.recipients.iter().enumerate().map(|(place, (rcpt, route))| {
            let instructions = entry.instructions.get(&place).cloned().unwrap_or_default();
            let (rcpt, route, state) = (rcpt.clone(), route.clone(), self.first_state(route, counts_from));
            Recipient { rcpt, route, state, attempts: 0, notices: 0, heard: None, instructions, is_released: false }
        });
        self.insert(transaction, &message, recipients.collect(), &entry.body)
    }

    /// How a recipient begins: a fragment waits for the others of its message first.
    fn first_state(&self, route: &Route, from: Timestamp) -> State {
        match route.channel {
            Channel::Held => State::Held,
            Channel::Defragment => {
                let channel = route.destination.parse::<Place>().map_or(Channel::Local, |place| place.channel);
                State::Due(from.plus(self.inner.settings.fragment_wait(channel)))
            }
            _ => State::Due(from),
        }
    }

    /// Writes a message with its recipients under a number of its own.
    pub(crate) fn insert(
        &self,
        transaction: &mut Transaction<'_>,
        message: &Message,
        recipients: Vec<Recipient>,
        body: &NewBlob,
    ) -> Result<QueueId, Error> {
        let (keys, count) = (self.inner.keys, recipients.len());
        let id = QueueId(u64::try_from(transaction.add(keys.last_id(), 1)).unwrap_or(0));
        transaction.blob(body);
        transaction.put(keys.message(id), record::encode_message(message));
        for (number, recipient) in (0u32..).zip(&recipients) {
            transaction.put(keys.recipient(id, number), record::encode_recipient(recipient));
        }
        transaction.put(keys.trace_of(id), message.trace.0.to_le_bytes());
        let from = message.mail_from.reverse_path.as_ref().map_or_else(|| "<>".to_owned(), ToString::to_string);
        let text = format!("queued as {id} from {from} for {count} recipients, {} octets", message.octets);
        let message_id = message::header::find(body.bytes(), "Message-ID").map(|field| field.unfolded().into_owned());
        let names = Names { id, message_id: message_id.as_deref().map_or(0, trail::hash_of) };
        let event = Event { at: self.now(), text };
        trail::note(transaction, keys, message.trace, names, &event)?;
        self.tell(transaction, id);
        Ok(id)
    }

    /// Has everybody look at a message again once the transaction is durable.
    pub(crate) fn tell(&self, transaction: &mut Transaction<'_>, id: QueueId) {
        transaction.notify(Notice { account: AccountId(0), topic: TOPIC, collection: 0, sequence: id.0 });
    }

    /// Brings the index up to what is durable.
    pub(crate) fn refresh(&self) -> Result<MutexGuard<'_, Index>, Error> {
        let mut index = lock(&self.inner.index);
        let dirty = std::mem::take(&mut *lock(&self.inner.changes.dirty));
        if dirty.is_empty() {
            return Ok(index);
        }
        let read = || -> Result<Vec<_>, Error> {
            let snapshot = self.inner.partition.snapshot()?;
            dirty.iter().map(|id| Ok((*id, load(&snapshot, self.inner.keys, *id)?))).collect()
        };
        match read() {
            Ok(entries) => {
                for (id, entry) in &entries {
                    index.set(*id, entry.as_ref().map(|(message, all)| (message, all.as_slice())));
                }
                Ok(index)
            }
            Err(error) => {
                lock(&self.inner.changes.dirty).extend(dirty);
                Err(error)
            }
        }
    }

    /// Waits until something changed or `most` has passed. Create the future, look, then await it: a change between
    /// creation and await is not missed once the future was enabled.
    pub fn changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.inner.changes.bell.notified()
    }

    /// How long until something not yet due becomes so, at most `most`.
    pub fn until_due(&self, most: Duration) -> Duration {
        let now = self.now();
        let mut index = lock(&self.inner.index);
        index.promote(now);
        index.next_due(now).map_or(most, |due| due.since(now).min(most))
    }

    /// Rings for those who wait in [`Queue::changed`].
    pub(crate) fn ring(&self) {
        self.inner.changes.bell.notify_waiters();
    }

    /// The trace under which a message goes.
    pub fn trace_of(&self, id: QueueId) -> Result<Option<TraceId>, Error> {
        let row = self.inner.partition.snapshot()?.get(&self.inner.keys.trace_of(id))?;
        Ok(row.and_then(|row| row.try_into().ok()).map(|row| TraceId(u64::from_le_bytes(row))))
    }
}

/// Whether a recipient can carry these Sieve fragments.
pub fn can_carry(fragments: &[String]) -> bool {
    let octets: usize = fragments.iter().map(String::len).sum();
    fragments.len() <= INSTRUCTIONS_MAX && octets <= INSTRUCTIONS_OCTETS_MAX
}

/// The subject as it is kept for listings.
pub(crate) fn subject_of(body: &NewBlob) -> String {
    let subject = message::header::find(body.bytes(), "Subject").map(|field| field.decoded());
    cut(&subject.unwrap_or_default(), SUBJECT_OCTETS_MAX).to_owned()
}

/// When a message may leave (RFC 4865 §4).
fn leaves_at(entry: &NewEntry, now: Timestamp) -> Timestamp {
    match entry.mail_from.hold {
        None => now,
        Some(smtp::envelope::Hold::ForSecs(secs)) => now.plus(Duration::from_secs(secs)),
        Some(smtp::envelope::Hold::Until(until)) => until.max(now),
    }
}

/// A message with all its recipients, in order.
pub(crate) fn load(read: &dyn Read, keys: Keys, id: QueueId) -> Result<Option<(Message, Vec<Recipient>)>, Error> {
    let Some(row) = read.get(&keys.message(id))? else { return Ok(None) };
    let message = record::decode_message(&row)?;
    let mut rows = Vec::new();
    read.each(keys.recipients(id).range(), &mut |_, value| {
        rows.push(record::decode_recipient(value));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(Some((message, rows.into_iter().collect::<Result<_, _>>()?)))
}

#[cfg(test)]
mod tests;
