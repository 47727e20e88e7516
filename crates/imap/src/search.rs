//! What a client can search for (RFC 9051 §6.4.4 and the extensions).

use crate::sequence::SequenceSet;
use model::CivilTime;

/// A search key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// Every message.
    All,
    /// These message numbers.
    Numbers(SequenceSet),
    /// `UID`
    Uids(SequenceSet),
    /// A system flag or keyword is set, by its name on the wire.
    Flag(String),
    /// It is not set.
    NotFlag(String),
    /// Octets more than this.
    Larger(u64),
    /// Octets less than this.
    Smaller(u64),
    /// A header field holds this text; an empty text asks whether the field is there.
    Header(String, String),
    /// The decoded body holds this text.
    Body(String),
    /// Header or body hold this text.
    Text(String),
    /// A date lies before this day.
    Before(Which, Day),
    /// A date lies on this day.
    On(Which, Day),
    /// A date lies on this day or after it.
    Since(Which, Day),
    /// It arrived so many seconds ago or longer (RFC 5032).
    Older(u64),
    /// It arrived so many seconds ago or later (RFC 5032).
    Younger(u64),
    /// It changed at this modseq or later (RFC 7162 §3.1.5).
    Modseq(u64),
    /// RFC 8474
    EmailId(String),
    /// RFC 8474
    ThreadId(String),
    /// Whether messages have a save date at all (RFC 8514); ours have.
    SaveDateSupported,
    /// It does not fit this.
    Not(Box<Key>),
    /// It fits one of these.
    Or(Box<Key>, Box<Key>),
    /// It fits all of these.
    And(Vec<Key>),
}

/// Which date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// When it arrived.
    Internal,
    /// What its Date field says.
    Sent,
    /// When it came into the mailbox (RFC 8514).
    Saved,
}

/// A day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub i64);

impl Day {
    /// The day of a moment as some calendar shows it: days since 1970.
    pub fn of(civil: CivilTime) -> Day {
        Day(civil.days())
    }
}

/// What a search answers with (RFC 4731, RFC 5182, RFC 5267, RFC 9394).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Return {
    /// The smallest.
    pub min: bool,
    /// The greatest.
    pub max: bool,
    /// All.
    pub all: bool,
    /// How many.
    pub count: bool,
    /// Remember them as `$`.
    pub save: bool,
    /// Some of them, counted from either end (RFC 9394).
    pub partial: Option<(i64, i64)>,
    /// Keep telling what changes in the result (RFC 5267 §4.3).
    pub update: bool,
    /// The client will come back for more of the same (RFC 5267 §4.2).
    pub context: bool,
}

/// Mailboxes of a search over several (RFC 7377 §2.2) or of NOTIFY (RFC 5465 §6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The selected mailbox.
    Selected,
    /// The selected mailbox, told of expunges only when the client asks (RFC 5465 §6.2).
    SelectedDelayed,
    /// The mailboxes that mail is delivered to.
    Inboxes,
    /// All mailboxes of the client's own.
    Personal,
    /// All that it is subscribed to.
    Subscribed,
    /// These and all below them.
    Subtree(Vec<String>),
    /// These and those right below them (RFC 7377 §2.2).
    SubtreeOne(Vec<String>),
    /// These.
    Mailboxes(Vec<String>),
}

/// A sort criterion (RFC 5256 §3, RFC 5957).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// When it arrived.
    Arrival,
    /// The first Cc address.
    Cc,
    /// When it was sent.
    Date,
    /// The first From address.
    From,
    /// Octets.
    Size,
    /// The base subject.
    Subject,
    /// The first To address.
    To,
    /// What is displayed of the first From address.
    DisplayFrom,
    /// What is displayed of the first To address.
    DisplayTo,
}

/// How messages are threaded (RFC 5256).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadAlgorithm {
    /// By subject and date.
    OrderedSubject,
    /// By References.
    References,
}
