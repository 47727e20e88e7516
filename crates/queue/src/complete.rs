//! What an attempt came to: recipients, notices and the end of a message, in one transaction.

use crate::entry::{Channel, Event, Heard, Message, NewEntry, Outcome, Recipient, Route, State, Verdict};
use crate::error::Error;
use crate::lease::Lease;
use crate::limits::{RECIPIENTS_MAX, REPLY_OCTETS_MAX, cut};
use crate::notice::{self, Told};
use crate::queue::{Queue, load};
use crate::record;
use crate::trail::{self, Names};
use message::report::Action;
use model::{Address, QueueId, Timestamp};
use smtp::envelope::{DeliverByMode, Notify, OriginalRecipient, RcptTo};
use smtp::reply::Reply;
use smtp::status::EnhancedStatus;
use std::time::Duration;
use storage::{Abort, Committed, Transaction};

/// Set in a recipient's count of notices once it was told that the time of DELIVERBY has passed.
const LATE_TOLD: u8 = 0x80;

/// No attempt follows another sooner.
const PAUSE_MIN: Duration = Duration::from_secs(1);

impl Lease {
    /// Writes down what the attempt came to, with the notices that are due, and gives the lease back. Recipients that
    /// are not named stay as they were.
    pub async fn complete(self, outcomes: Vec<(u32, Outcome)>) -> Result<Committed<()>, Error> {
        self.complete_with(outcomes, Vec::new()).await
    }

    /// As [`Lease::complete`], and in the same transaction queues messages that recipients caused, named by their
    /// numbers. A message is queued once its recipient is done with; while that one is tried again, none is.
    pub async fn complete_with(
        self,
        outcomes: Vec<(u32, Outcome)>,
        caused: Vec<(u32, NewEntry)>,
    ) -> Result<Committed<()>, Error> {
        let (queue, id) = (self.queue().clone(), self.id);
        let worker = queue.clone();
        let work = move |transaction: &mut Transaction<'_>| {
            worker.conclude(transaction, id, &outcomes, &caused).map_err(Abort::from)
        };
        // The lease is dropped when the future is, whatever became of the transaction.
        let committed = queue.inner.partition.write(work).await?;
        drop(self);
        Ok(committed)
    }
}

impl Queue {
    /// Applies outcomes to a message in an open transaction; nothing if it has gone meanwhile.
    pub(crate) fn conclude(
        &self,
        transaction: &mut Transaction<'_>,
        id: QueueId,
        outcomes: &[(u32, Outcome)],
        caused: &[(u32, NewEntry)],
    ) -> Result<(), Error> {
        let keys = self.inner.keys;
        let Some((message, mut all)) = load(transaction, keys, id)? else { return Ok(()) };
        let now = self.now();
        let mut told = Vec::new();
        for (number, outcome) in outcomes {
            let at = usize::try_from(*number).unwrap_or(usize::MAX);
            let mut added = Vec::new();
            let Some(recipient) = all.get_mut(at).filter(|recipient| recipient.state.is_open()) else { continue };
            let action = self.apply(&message, recipient, outcome, now, &mut added);
            if !recipient.state.is_open() {
                for (_, entry) in caused.iter().filter(|(by, _)| by == number) {
                    self.put(transaction, entry)?;
                }
            }
            let event = Event { at: now, text: trace_text(recipient, outcome) };
            trail::note(transaction, keys, message.trace, Names::queued(id), &event)?;
            if let Some(action) = action {
                told.push(Told { recipient: recipient.clone(), action, until: self.gives_up_at(&message, recipient) });
            }
            all.extend(added);
        }
        for entry in self.notices(&message, &told, now)? {
            self.put(transaction, &entry)?;
        }
        self.store(transaction, id, &message, &all)
    }

    /// Writes the recipients back, or removes the message when nothing is left to do.
    pub(crate) fn store(
        &self,
        transaction: &mut Transaction<'_>,
        id: QueueId,
        message: &Message,
        all: &[Recipient],
    ) -> Result<(), Error> {
        let keys = self.inner.keys;
        if all.iter().any(|recipient| recipient.state.is_open()) {
            for (number, recipient) in (0u32..).zip(all) {
                transaction.put(keys.recipient(id, number), record::encode_recipient(recipient));
            }
        } else {
            transaction.delete(keys.message(id));
            transaction.delete_range(keys.recipients(id).range());
            transaction.unlink(&message.body)?;
            let event = Event { at: self.now(), text: format!("{id} left the queue") };
            trail::note(transaction, keys, message.trace, Names::queued(id), &event)?;
        }
        self.tell(transaction, id);
        Ok(())
    }

    /// Changes a recipient by one outcome; returns what its sender is to be told.
    fn apply(
        &self,
        message: &Message,
        recipient: &mut Recipient,
        outcome: &Outcome,
        now: Timestamp,
        added: &mut Vec<Recipient>,
    ) -> Option<Action> {
        recipient.attempts = recipient.attempts.saturating_add(1);
        recipient.heard = Some(heard(outcome, now));
        let notify = recipient.rcpt.notify;
        let wants = |chosen: fn(Notify) -> bool, otherwise| notify.map_or(otherwise, chosen);
        match &outcome.verdict {
            Verdict::Delivered => {
                recipient.state = State::Delivered;
                wants(|notify| notify.success, false).then_some(Action::Delivered)
            }
            Verdict::Relayed { dsn, deliver_by } => {
                recipient.state = State::Relayed;
                // RFC 2852 §4.1.3: the sender hears of each hop it asked to trace, and of one that keeps no time.
                let timed = message.mail_from.deliver_by.is_some_and(|by| by.trace || !*deliver_by);
                let tells = timed && wants(|notify| !notify.is_never(), true);
                (tells || !*dsn && wants(|notify| notify.success, false)).then_some(Action::Relayed)
            }
            Verdict::Failed => {
                recipient.state = State::Failed;
                wants(|notify| notify.failure, true).then_some(Action::Failed)
            }
            Verdict::Expanded(into) => {
                recipient.state = State::Expanded;
                for (address, route) in into.iter().take(usize::try_from(RECIPIENTS_MAX).unwrap_or(usize::MAX)) {
                    added.push(successor(recipient, address, route, now));
                }
                None
            }
            Verdict::Held => {
                recipient.state = State::Held;
                recipient.instructions.clear();
                None
            }
            Verdict::Deferred => self.defer(message, recipient, now),
        }
    }

    /// Decides when a recipient is tried again, or that it is not.
    fn defer(&self, message: &Message, recipient: &mut Recipient, now: Timestamp) -> Option<Action> {
        let channel = self.inner.settings.channel(recipient.route.channel);
        let age = now.since(message.counts_from);
        let notify = recipient.rcpt.notify;
        let late = message.deliver_until().is_some_and(|until| until <= now);
        let by = message.mail_from.deliver_by.map(|by| by.mode);
        let expired = channel.notices.last().is_some_and(|last| age >= *last);
        if expired || late && by == Some(DeliverByMode::Return) {
            recipient.state = State::Failed;
            if let Some(heard) = &mut recipient.heard {
                // RFC 3463 §3.5: X.4.7, delivery time expired.
                heard.status = if expired { "4.4.7" } else { "5.4.7" }.to_owned();
            }
            return notify.is_none_or(|notify| notify.failure).then_some(Action::Failed);
        }
        let warnings = channel.notices.split_last().map_or(&[][..], |(_, warnings)| warnings);
        let passed = warnings.iter().filter(|warning| age >= **warning).count();
        let passed_count = u8::try_from(passed).unwrap_or(LATE_TOLD - 1);
        let told_late = recipient.notices & LATE_TOLD != 0;
        let tells_late = late && !told_late;
        let tells = passed_count > recipient.notices & !LATE_TOLD || tells_late;
        recipient.notices = passed_count | if late { LATE_TOLD } else { 0 };
        let next_notice = channel.notices.get(passed).map(|age| message.counts_from.plus(*age));
        let deadline = message.deliver_until().filter(|until| *until > now);
        let fraction = ((self.inner.random)() >> 11) as f64 / (1u64 << 53) as f64;
        let retry = now.plus(channel.retry.delay(recipient.attempts, fraction));
        let next = [Some(retry), next_notice, deadline].into_iter().flatten().min().unwrap_or(retry);
        if recipient.state != State::Held {
            recipient.state = State::Due(next.max(now.plus(PAUSE_MIN)));
        }
        (tells && notify.is_none_or(|notify| notify.delay)).then_some(Action::Delayed)
    }

    fn gives_up_at(&self, message: &Message, recipient: &Recipient) -> Option<Timestamp> {
        let last = self.inner.settings.channel(recipient.route.channel).notices.last().copied()?;
        Some(message.counts_from.plus(last))
    }

    /// Notices to the sender, one for each action; none for a null sender (RFC 5321 §6.1).
    fn notices(&self, message: &Message, told: &[Told], now: Timestamp) -> Result<Vec<NewEntry>, Error> {
        if told.is_empty() || message.mail_from.reverse_path.is_none() {
            return Ok(Vec::new());
        }
        let original = self.inner.partition.blob(&message.body)?;
        let mut entries = Vec::new();
        for action in [Action::Failed, Action::Delayed, Action::Delivered, Action::Relayed] {
            let of_it: Vec<&Told> = told.iter().filter(|told| told.action == action).collect();
            if !of_it.is_empty() {
                let token = (self.inner.random)();
                entries.extend(notice::build(&self.inner.settings, message, &of_it, &original, now, token));
            }
        }
        Ok(entries)
    }

    /// Returns recipients to the sender with a reason.
    pub(crate) fn returned(text: &str) -> Outcome {
        let reply = Reply::new(550, EnhancedStatus::new(5, 0, 0), text);
        Outcome { reply, host: String::new(), verdict: Verdict::Failed }
    }
}

fn heard(outcome: &Outcome, now: Timestamp) -> Heard {
    let reply = &outcome.reply;
    let status = match reply.status {
        Some(status) => status.to_string(),
        None => format!("{}.0.0", reply.class()),
    };
    Heard {
        at: now,
        host: cut(&outcome.host, 255).to_owned(),
        code: reply.code,
        status,
        text: cut(&reply.text(), REPLY_OCTETS_MAX).to_owned(),
    }
}

/// A recipient in the place of another: the sender's wishes go on with it (RFC 3461 §5.2.7.1).
fn successor(before: &Recipient, address: &Address, route: &Route, now: Timestamp) -> Recipient {
    let rcpt = &before.rcpt;
    let original = rcpt.original.clone().or_else(|| {
        (rcpt.address != *address)
            .then(|| OriginalRecipient { kind: "rfc822".to_owned(), address: rcpt.address.to_string() })
            .filter(|original| original.address.is_ascii())
    });
    Recipient {
        rcpt: RcptTo { address: address.clone(), notify: rcpt.notify, original },
        route: route.clone(),
        // Whose way is to wait for an operator is never due: nobody would take it, and a release would not find it.
        state: if route.channel == Channel::Held { State::Held } else { State::Due(now) },
        attempts: 0,
        notices: before.notices,
        heard: None,
        instructions: before.instructions.clone(),
        is_released: before.is_released,
    }
}

fn trace_text(recipient: &Recipient, outcome: &Outcome) -> String {
    let address = &recipient.rcpt.address;
    let host = if outcome.host.is_empty() { "here" } else { &outcome.host };
    let what = match (&outcome.verdict, recipient.state) {
        (Verdict::Expanded(into), _) => {
            let ways = into.iter().map(|(to, route)| format!("{to} by {}", route.channel)).collect::<Vec<_>>();
            return format!("{address} became {}", ways.join(", "));
        }
        (_, State::Due(at)) => format!("deferred until {at}"),
        (Verdict::Held, State::Held) => "held".to_owned(),
        (_, State::Held) => "still held".to_owned(),
        (_, State::Delivered) => "delivered".to_owned(),
        (_, State::Relayed) => "relayed".to_owned(),
        (_, State::Failed | State::Expanded) => "failed".to_owned(),
    };
    format!(
        "{address} by {}, attempt {}: {what}; {host} said {} {}",
        recipient.route.channel,
        recipient.attempts,
        outcome.reply.code,
        outcome.reply.text()
    )
}
