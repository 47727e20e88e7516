//! What operators see and do. Every count is made from the rows of one snapshot, so that it agrees with what is there.

use crate::entry::{AHEAD, Channel, Event, Message, Recipient, State};
use crate::error::Error;
use crate::filter::Filter;
use crate::keys;
use crate::limits::{CHANGE_BATCH, PAGE_MAX};
use crate::queue::{Queue, load, lock};
use crate::trail::{self, Names};
use message::search::Needle;
use model::{QueueId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use storage::{Read, Scan, Snapshot, Transaction};

/// A message as it is listed.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its number.
    pub id: QueueId,
    /// The message.
    pub message: Message,
    /// All its recipients.
    pub recipients: Vec<Recipient>,
    /// Ways by which somebody tries it now.
    pub active: usize,
}

/// A page of messages.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The messages.
    pub entries: Vec<Entry>,
    /// Where to go on, if there may be more.
    pub next: Option<QueueId>,
}

/// One channel in numbers; a message counts once in every channel that it has open recipients in.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Summary {
    /// Which channel.
    pub channel: Channel,
    /// Whether it is stopped.
    pub stopped: bool,
    /// Messages.
    pub messages: u64,
    /// Their octets.
    pub octets: u64,
    /// Open recipients that are due.
    pub ready: u64,
    /// Open recipients that wait for their moment.
    pub deferred: u64,
    /// Recipients that are held.
    pub held: u64,
    /// When the oldest message arrived, in milliseconds since 1970.
    pub oldest_ms: Option<u64>,
    /// Whether the settings do not know it (any more), so that its mail cannot leave.
    #[serde(default)]
    pub unknown: bool,
}

/// By what `top` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    /// Senders.
    Sender,
    /// Recipients.
    Recipient,
    /// Domains of recipients.
    Domain,
    /// Subjects.
    Subject,
    /// The last that was heard.
    Reply,
}

/// What to do with messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// No more attempts until released.
    Hold,
    /// Try again, at once and ahead of all others.
    Release,
    /// Give up and tell the sender.
    Return,
    /// Give up and tell nobody.
    Delete,
    /// Try now what waits for its moment.
    Retry,
}

impl Queue {
    /// The messages that match, oldest first, after `after`.
    pub fn list(&self, filter: &Filter, after: Option<QueueId>, limit: usize) -> Result<Listing, Error> {
        let limit = limit.clamp(1, PAGE_MAX);
        let mut listing = Listing::default();
        self.visit(filter, after, &mut |entry| {
            if listing.entries.len() == limit {
                listing.next = listing.entries.last().map(|entry| entry.id);
                return false;
            }
            listing.entries.push(entry);
            true
        })?;
        Ok(listing)
    }

    /// One message.
    pub fn show(&self, id: QueueId) -> Result<Entry, Error> {
        let entry = load(&self.inner.partition.snapshot()?, self.inner.keys, id)?;
        let (message, recipients) = entry.ok_or(Error::NoMessage(id))?;
        Ok(self.entry(id, message, recipients))
    }

    /// All channels in numbers.
    pub fn summarize(&self) -> Result<Vec<Summary>, Error> {
        let now = self.now();
        let stopped = lock(&self.inner.stopped).clone();
        let empty = |channel| Summary {
            channel,
            stopped: stopped.contains(&channel),
            messages: 0,
            octets: 0,
            ready: 0,
            deferred: 0,
            held: 0,
            oldest_ms: None,
            unknown: !self.inner.settings.knows(channel),
        };
        let mut all: Vec<Summary> = self.inner.settings.all_channels().map(empty).collect();
        self.visit(&Filter::default(), None, &mut |entry| {
            let open = entry.recipients.iter().filter(|recipient| recipient.state.is_open());
            for channel in open.map(|recipient| recipient.route.channel) {
                if !all.iter().any(|summary| summary.channel == channel) {
                    all.push(empty(channel));
                }
            }
            for summary in &mut all {
                summary.count(&entry, now);
            }
            true
        })?;
        let lost = stopped.iter().filter(|channel| !all.iter().any(|summary| summary.channel == **channel));
        let lost: Vec<Summary> = lost.copied().map(empty).collect();
        all.extend(lost);
        Ok(all)
    }

    /// The most frequent values among messages that match, with how often each occurs.
    pub fn top(&self, field: Field, filter: &Filter, limit: usize) -> Result<Vec<(String, u64)>, Error> {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        self.visit(filter, None, &mut |entry| {
            for value in values(field, filter, &entry) {
                *counts.entry(value).or_default() += 1;
            }
            true
        })?;
        let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
        counts.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
        counts.truncate(limit.clamp(1, PAGE_MAX));
        Ok(counts)
    }

    /// Does something with every recipient that matches; returns how many messages that changed.
    pub async fn change(&self, filter: &Filter, action: Action) -> Result<u64, Error> {
        let mut ids = Vec::new();
        self.visit(filter, None, &mut |entry| {
            ids.push(entry.id);
            true
        })?;
        let mut changed = 0;
        for batch in ids.chunks(CHANGE_BATCH) {
            let (queue, batch, filter) = (self.clone(), batch.to_vec(), filter.clone());
            let work = move |transaction: &mut Transaction<'_>| {
                let mut changed = 0u64;
                for id in &batch {
                    changed += u64::from(queue.change_one(transaction, *id, &filter, action)?);
                }
                Ok(changed)
            };
            changed += self.inner.partition.write(work).await?.value;
        }
        Ok(changed)
    }

    fn change_one(
        &self,
        transaction: &mut Transaction<'_>,
        id: QueueId,
        filter: &Filter,
        action: Action,
    ) -> Result<bool, Error> {
        let Some((message, mut all)) = load(transaction, self.inner.keys, id)? else { return Ok(false) };
        let now = self.now();
        let numbers: Vec<u32> =
            (0u32..).zip(&all).filter(|(_, one)| filter.takes_recipient(one)).map(|(number, _)| number).collect();
        if numbers.is_empty() || !filter.takes(id, &message, now) {
            return Ok(false);
        }
        if action == Action::Return {
            let outcome = Queue::returned("returned by the administrator");
            let outcomes: Vec<_> = numbers.into_iter().map(|number| (number, outcome.clone())).collect();
            return self.conclude(transaction, id, &outcomes, &[]).map(|()| true);
        }
        let mut count = 0;
        for recipient in all.iter_mut().filter(|recipient| filter.takes_recipient(recipient)) {
            count += usize::from(act(recipient, action, now));
        }
        if count == 0 {
            return Ok(false);
        }
        let text = format!("an operator chose to {} {count} recipients of {id}", action.as_str());
        let event = Event { at: now, text };
        trail::note(transaction, self.inner.keys, message.trace, Names::queued(id), &event)?;
        self.store(transaction, id, &message, &all)?;
        Ok(true)
    }

    /// Stops a channel, or starts it again. What is under way ends as it ends.
    pub async fn stop(&self, channel: Channel, stopped: bool) -> Result<(), Error> {
        let key = self.inner.keys.stopped(channel);
        let work = move |transaction: &mut Transaction<'_>| {
            if stopped {
                transaction.put(key, Vec::new())
            } else {
                transaction.delete(key)
            }
            Ok(())
        };
        self.inner.partition.write(work).await?;
        let mut all = lock(&self.inner.stopped);
        if stopped {
            all.insert(channel)
        } else {
            all.remove(&channel)
        };
        drop(all);
        self.ring();
        Ok(())
    }

    /// The channels in which mail waits that the settings do not know (any more): nobody else takes it.
    pub fn lost_channels(&self) -> Result<BTreeSet<Channel>, Error> {
        let mut channels = self.refresh()?.channels();
        channels.retain(|channel| !self.inner.settings.knows(*channel));
        Ok(channels)
    }

    /// Whether there is such a channel: in the settings, with mail in it, or stopped.
    pub fn has_channel(&self, channel: Channel) -> Result<bool, Error> {
        let known = self.inner.settings.knows(channel) || lock(&self.inner.stopped).contains(&channel);
        Ok(known || self.refresh()?.channels().contains(&channel))
    }

    /// The channels that are stopped.
    pub fn stopped(&self) -> BTreeSet<Channel> {
        lock(&self.inner.stopped).clone()
    }

    fn entry(&self, id: QueueId, message: Message, recipients: Vec<Recipient>) -> Entry {
        let index = lock(&self.inner.index);
        let routes: BTreeSet<_> = recipients.iter().map(|recipient| &recipient.route).collect();
        let active = routes.into_iter().filter(|route| index.is_leased(id, route)).count();
        Entry { id, message, recipients, active }
    }

    /// Shows every message that matches until `see` has seen enough.
    fn visit(&self, filter: &Filter, after: Option<QueueId>, see: &mut dyn FnMut(Entry) -> bool) -> Result<(), Error> {
        let keys = self.inner.keys;
        let now = self.now();
        let snapshot = self.inner.partition.snapshot()?;
        let needle = filter.content.as_deref().map(Needle::new);
        let mut look = |id: QueueId| -> Result<bool, Error> {
            let Some((message, recipients)) = load(&snapshot, keys, id)? else { return Ok(true) };
            let fits = filter.takes(id, &message, now) && recipients.iter().any(|one| filter.takes_recipient(one));
            let matches = fits && self.has_content(&message, needle.as_ref())?;
            Ok(!matches || see(self.entry(id, message, recipients)))
        };
        let Some(mut ranges) = filter.ranges() else {
            return self.visit_range(&snapshot, after, None, &mut look).map(|_| ());
        };
        ranges.sort_unstable();
        let mut seen = after;
        for (first, last) in ranges {
            // Ranges may overlap, and no message is shown twice.
            let from = seen.max(Some(QueueId(first.0.saturating_sub(1))));
            if !self.visit_range(&snapshot, from, Some(last), &mut look)? {
                break;
            }
            seen = seen.max(Some(last));
        }
        Ok(())
    }

    /// Looks at the messages after one and up to another; whether more are wanted.
    fn visit_range(
        &self,
        snapshot: &Snapshot,
        after: Option<QueueId>,
        last: Option<QueueId>,
        look: &mut dyn FnMut(QueueId) -> Result<bool, Error>,
    ) -> Result<bool, Error> {
        let keys = self.inner.keys;
        let mut range = keys.messages().range();
        if let Some(after) = after {
            range = range.after(keys.message(after));
        }
        loop {
            let page = snapshot.scan(range.clone(), Scan::first(PAGE_MAX).keys_only())?;
            for (key, _) in &page.rows {
                let id = keys::rest(key).and_then(|mut parts| parts.u64()).map(QueueId);
                match id {
                    Some(id) if last.is_some_and(|last| id > last) => return Ok(true),
                    Some(id) if !look(id)? => return Ok(false),
                    _ => {}
                }
            }
            match page.next {
                None => return Ok(true),
                Some(next) => range = range.resume(next, false),
            }
        }
    }

    /// Whether the message's text has what the filter asks for; the body is read only when it does.
    fn has_content(&self, message: &Message, needle: Option<&Needle>) -> Result<bool, Error> {
        let Some(needle) = needle else { return Ok(true) };
        let body = self.inner.partition.blob(&message.body)?.into_bytes();
        Ok(needle.is_in_message(&body, &message::parse::structure(&body)))
    }
}

impl Summary {
    fn count(&mut self, entry: &Entry, now: Timestamp) {
        let mut any = false;
        for recipient in entry.recipients.iter().filter(|recipient| recipient.route.channel == self.channel) {
            match recipient.state {
                State::Due(at) if at <= now => self.ready += 1,
                State::Due(_) => self.deferred += 1,
                State::Held => self.held += 1,
                _ => continue,
            }
            any = true;
        }
        if any {
            self.messages += 1;
            self.octets += entry.message.octets;
            let arrived = entry.message.arrived_at.0;
            self.oldest_ms = Some(self.oldest_ms.map_or(arrived, |oldest| oldest.min(arrived)));
        }
    }
}

impl Action {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Hold => "hold",
            Action::Release => "release",
            Action::Return => "return",
            Action::Delete => "delete",
            Action::Retry => "retry",
        }
    }
}

/// Changes one open recipient; returns whether anything changed.
fn act(recipient: &mut Recipient, action: Action, now: Timestamp) -> bool {
    let before = recipient.clone();
    match (action, recipient.state) {
        (Action::Hold, State::Due(_)) => recipient.state = State::Held,
        (Action::Release, State::Held) => {
            (recipient.state, recipient.is_released) = (State::Due(AHEAD), true);
            if recipient.route.channel == Channel::Held {
                recipient.route = recipient.route.released();
            }
        }
        (Action::Retry, State::Due(at)) if at > now => recipient.state = State::Due(now),
        (Action::Delete, State::Due(_) | State::Held) => recipient.state = State::Failed,
        _ => {}
    }
    *recipient != before
}

fn values(field: Field, filter: &Filter, entry: &Entry) -> Vec<String> {
    let recipients = entry.recipients.iter().filter(|recipient| filter.takes_recipient(recipient));
    match field {
        Field::Sender => {
            vec![entry.message.mail_from.reverse_path.as_ref().map_or_else(|| "<>".to_owned(), ToString::to_string)]
        }
        Field::Subject => vec![entry.message.subject.clone()],
        Field::Recipient => recipients.map(|recipient| recipient.rcpt.address.to_string()).collect(),
        Field::Domain => recipients.map(|recipient| recipient.rcpt.address.domain.to_string()).collect(),
        Field::Reply => recipients
            .filter_map(|recipient| recipient.heard.as_ref().map(|heard| format!("{} {}", heard.code, heard.text)))
            .collect(),
    }
}
