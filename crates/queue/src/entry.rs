//! A message in the queue with its recipients, and what becomes of them.

pub use crate::channel::{Channel, ChannelName};
use model::{Address, BlobHash, Timestamp, TraceId};
use smtp::envelope::{DeliverByMode, Envelope, MailFrom, RcptTo};
use smtp::reply::Reply;
use std::collections::BTreeMap;
use std::time::Duration;
use storage::NewBlob;

/// The moment of what goes ahead of all that is due.
pub const AHEAD: Timestamp = Timestamp(0);

/// By which channel and to which destination of it a recipient goes. Recipients of one message with the same route go
/// together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route {
    /// The channel.
    pub channel: Channel,
    /// Such as a domain; empty where the channel has one destination only.
    pub destination: String,
}

impl Route {
    /// A route.
    pub fn new(channel: Channel, destination: &str) -> Route {
        Route { channel, destination: destination.to_owned() }
    }

    /// The way of what waits for an operator, who lets it go on by this one. What is held already stays as it is.
    pub fn held(&self) -> Route {
        match self.channel {
            Channel::Held => self.clone(),
            channel => Route::new(Channel::Held, &format!("{channel} {}", self.destination)),
        }
    }

    /// By which way a held recipient goes on: the one that it had, or, where none is known, whatever its address leads to.
    pub fn released(&self) -> Route {
        let before = self.destination.split_once(' ');
        let known = before.and_then(|(channel, destination)| Some((channel.parse::<Channel>().ok()?, destination)));
        match known.filter(|(channel, _)| *channel != Channel::Held) {
            Some((channel, destination)) => Route::new(channel, destination),
            None => Route::new(Channel::Process, ""),
        }
    }
}

/// A message to be queued.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// The sender's half of the envelope.
    pub mail_from: MailFrom,
    /// Recipients with their routes.
    pub recipients: Vec<(RcptTo, Route)>,
    /// The message, with the fields that were put on top of it.
    pub body: NewBlob,
    /// The connection or transaction by which its way can be followed.
    pub trace: TraceId,
    /// The name that the client gave in EHLO; empty for mail of our own.
    pub received_from: String,
    /// Who had logged in to send it: the account's address; `None` for strangers and for mail of our own.
    pub authenticated: Option<String>,
    /// What filters thought of it.
    pub scores: Scores,
    /// Sieve fragments by the place of the recipient that they are for, counted from 0; see [`Recipient::instructions`].
    pub instructions: BTreeMap<usize, Vec<String>>,
}

/// What filters thought of a message, for the scripts that file it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scores {
    /// How much it is like spam, 0 to 100, if that was tested (RFC 5235 §2.1).
    pub spam_percent: Option<u8>,
    /// 1 clean to 5 certainly infected, if that was tested (RFC 5235 §3.2).
    pub virus: Option<u8>,
}

impl NewEntry {
    /// All recipients of an envelope by one route.
    pub fn by(envelope: &Envelope, route: &Route, body: NewBlob, trace: TraceId) -> NewEntry {
        let recipients = envelope.recipients.iter().map(|recipient| (recipient.clone(), route.clone())).collect();
        let mail_from = envelope.mail_from.clone();
        NewEntry { recipients, ..NewEntry::of(mail_from, Vec::new(), body, trace) }
    }

    /// A message from ourselves that nobody has judged.
    pub fn of(mail_from: MailFrom, recipients: Vec<(RcptTo, Route)>, body: NewBlob, trace: TraceId) -> NewEntry {
        let (received_from, authenticated, scores, instructions) = Default::default();
        NewEntry { mail_from, recipients, body, trace, received_from, authenticated, scores, instructions }
    }
}

/// A message that is in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The sender's half of the envelope. Times in it count from `arrived_at`; `hold` is done with.
    pub mail_from: MailFrom,
    /// The message.
    pub body: BlobHash,
    /// Its octets.
    pub octets: u64,
    /// When it was accepted.
    pub arrived_at: Timestamp,
    /// From when its age counts: later than `arrived_at` when it was to be held (RFC 4865).
    pub counts_from: Timestamp,
    /// The connection that brought it.
    pub trace: TraceId,
    /// The name that the client gave in EHLO.
    pub received_from: String,
    /// Its subject, cut.
    pub subject: String,
    /// What filters thought of it.
    pub scores: Scores,
    /// Who had logged in to send it, for the scripts that file it.
    pub authenticated: Option<String>,
}

impl Message {
    /// Until when it must be delivered (RFC 2852).
    pub fn deliver_until(&self) -> Option<Timestamp> {
        let by = self.mail_from.deliver_by?;
        Some(self.counts_from.plus(Duration::from_secs(u64::try_from(by.secs).unwrap_or(0))))
    }

    /// When it must be returned unless it is delivered by then (RFC 2852 §4.1.3).
    pub fn returned_at(&self) -> Option<Timestamp> {
        let returns = self.mail_from.deliver_by.is_some_and(|by| by.mode == DeliverByMode::Return);
        self.deliver_until().filter(|_| returns)
    }

    /// Its priority, 0 unless the sender said otherwise (RFC 6710).
    pub fn priority(&self) -> i8 {
        self.mail_from.priority.unwrap_or(0)
    }
}

/// Where a recipient stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// To be tried from this moment on.
    Due(Timestamp),
    /// Held by an operator.
    Held,
    /// In the mailbox.
    Delivered,
    /// With another host.
    Relayed,
    /// Given up.
    Failed,
    /// Other recipients took its place.
    Expanded,
}

impl State {
    /// Whether something is still to be done.
    pub fn is_open(self) -> bool {
        matches!(self, State::Due(_) | State::Held)
    }
}

/// The last that was heard of a recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// When.
    pub at: Timestamp,
    /// From which host; empty for ourselves.
    pub host: String,
    /// The reply's code.
    pub code: u16,
    /// The enhanced status, such as `4.4.1`.
    pub status: String,
    /// What it said, cut.
    pub text: String,
}

/// A recipient of a message in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The address and what the sender wants to know of it.
    pub rcpt: RcptTo,
    /// Its way.
    pub route: Route,
    /// Where it stands.
    pub state: State,
    /// How often it was tried.
    pub attempts: u32,
    /// How many of the channel's notices were passed.
    pub notices: u8,
    /// The last that was heard.
    pub heard: Option<Heard>,
    /// Sieve fragments of administrators and filters for this recipient alone, run in this order before all scripts when
    /// the message is filed.
    pub instructions: Vec<String>,
    /// Whether an operator has let it go on: no script holds it again.
    pub is_released: bool,
}

/// What an attempt came to for one recipient.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was said, by the host or by ourselves.
    pub reply: Reply,
    /// Which host said so; empty for ourselves.
    pub host: String,
    /// What that means.
    pub verdict: Verdict,
}

/// What a reply means for the recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// In the mailbox.
    Delivered,
    /// Another host has it; `dsn` says that it will tell the sender itself (RFC 3461 §5.2).
    Relayed {
        /// Whether the host takes DSN parameters.
        dsn: bool,
        /// Whether the host keeps times of delivery (RFC 2852).
        deliver_by: bool,
    },
    /// To be tried again by the channel's schedule.
    Deferred,
    /// To wait for an operator, who lets it go on without the instructions that it carried.
    Held,
    /// Given up.
    Failed,
    /// To be replaced by these: aliases, groups, or a way found.
    Expanded(Vec<(Address, Route)>),
}

/// One thing that happened to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    pub text: String,
}
