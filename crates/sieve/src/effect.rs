//! What a run asks for in the end. Nothing of it has happened yet: whoever runs the script does it.

use model::{Address, LocalPart};

use crate::version::Version;

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome<'a> {
    /// What to do, in order. An implicit keep is among it.
    pub effects: Vec<Effect<'a>>,
    /// The message as the script left it, whatever is to be done with it.
    pub message: Version<'a>,
    /// Whether one of them is a keep that the script did not ask for.
    pub is_implicit_keep: bool,
    /// Why the run ended early; then what came before is not done, and the message is kept (RFC 5228 §2.10.6).
    pub failure: Option<Failure>,
    /// What `duplicate` tests want remembered once the effects have happened (RFC 7352 §3).
    pub remember: Vec<Remember>,
    /// Steps that were taken.
    pub steps: u32,
    /// What happened, if it was asked for.
    pub trace: Vec<TraceStep>,
}

/// A run that ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The name of the script; empty for the one that was begun with.
    pub script: String,
    /// The line in it.
    pub line: u32,
    /// Why.
    pub reason: String,
}

/// A step of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceStep {
    /// The name of the script; empty for the one that was begun with.
    pub script: String,
    /// The line in it.
    pub line: u32,
    /// What was done, and what came of it.
    pub what: String,
}

/// One thing to do.
#[derive(Clone, Debug)]
pub enum Effect<'a> {
    /// Store in the default mailbox.
    Keep {
        /// With these flags.
        flags: Vec<String>,
        /// This text of the message.
        message: Version<'a>,
    },
    /// Store elsewhere.
    FileInto {
        /// Where.
        target: Target,
        /// This text of the message.
        message: Version<'a>,
    },
    /// Send on.
    Redirect {
        /// To whom.
        to: Recipients,
        /// What to tell the sender, and when.
        options: RedirectOptions,
        /// This text of the message.
        message: Version<'a>,
    },
    /// Refuse.
    Reject {
        /// What the sender is told.
        reason: String,
        /// Refuse in the protocol if at all possible (RFC 5429 §2.1).
        is_extended: bool,
    },
    /// Answer that the recipient is away.
    Vacation(Vacation),
    /// Tell somebody.
    Notify(Notification),
    /// Drop, whatever users' scripts say.
    Jettison,
    /// Keep in the mailbox for spam, unless the owner's script says where.
    Junk,
    /// Put into the queue's held channel.
    Hold {
        /// Why.
        reason: String,
    },
    /// Send a copy with its envelope.
    Capture {
        /// To whom.
        to: Address,
    },
    /// Put before the subject.
    AddTag {
        /// What.
        tag: String,
    },
    /// Add to the spam score, in thousandths.
    SpamAdjust {
        /// How much.
        thousandths: i64,
    },
    /// Set the virus level of `virustest`.
    VirusSet {
        /// 0 to 5.
        level: u8,
    },
}

/// A mailbox and how to store there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// Its name in UTF-8.
    pub mailbox: String,
    /// Found by this identifier first (RFC 9042 §4).
    pub mailbox_id: Option<String>,
    /// Found by this use first (RFC 8579 §4).
    pub special_use: Option<String>,
    /// Made if it is not there (RFC 5490 §3.2).
    pub creates: bool,
    /// Flags of the message.
    pub flags: Vec<String>,
}

/// To whom a message is sent on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipients {
    /// One.
    Address(Address),
    /// All of an external list (RFC 6134 §2.5).
    List(String),
}

/// RFC 6009 §3 to §5.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedirectOptions {
    /// The NOTIFY parameter.
    pub notify: Option<Notify>,
    /// Whether the whole message is wanted in failure reports.
    pub returns_full: Option<bool>,
    /// The BY parameter.
    pub by: Option<DeliverBy>,
}

/// When the sender is told (RFC 3461 §4.1). Nothing set is NEVER.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notify {
    /// On delivery.
    pub success: bool,
    /// On failure.
    pub failure: bool,
    /// On delay.
    pub delay: bool,
}

/// RFC 2852 §4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliverBy {
    /// Seconds from now; negative if it is over.
    pub seconds: i64,
    /// Return when late, rather than tell.
    pub returns: bool,
    /// Trace.
    pub traces: bool,
}

/// RFC 5230. Whoever sends it checks who may be answered and whether that was done lately.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vacation {
    /// The same sender is not answered again for so long.
    pub seconds: u64,
    /// The subject.
    pub subject: Option<String>,
    /// From whom.
    pub from: Option<String>,
    /// More addresses of the recipient.
    pub addresses: Vec<String>,
    /// Whether the reason is a MIME part with its header.
    pub is_mime: bool,
    /// What makes two answers the same: the script's `:handle`, or the other arguments as they stand in the script,
    /// variables unexpanded (RFC 5230 §4.2). May be long; keep a digest of it.
    pub handle: String,
    /// Where a copy goes.
    pub copy: Option<Target>,
    /// What to say.
    pub reason: String,
}

/// RFC 5435.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notification {
    /// A URI, such as `mailto:` or `xmpp:`.
    pub method: String,
    /// From whom.
    pub from: Option<String>,
    /// 1 high, 2 normal, 3 low.
    pub importance: u8,
    /// For the method.
    pub options: Vec<String>,
    /// What to say.
    pub message: Option<String>,
    /// Where a copy goes.
    pub copy: Option<Target>,
}

/// Something to remember for `duplicate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remember {
    /// What.
    pub id: DuplicateKey,
    /// For how long.
    pub seconds: u64,
    /// Whether it was remembered already, and its time begins anew.
    pub is_known: bool,
}

/// What makes two messages the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DuplicateKey {
    /// The `:handle`, or nothing.
    pub handle: String,
    /// The value.
    pub id: String,
}

/// An address as an action wants it: bare, or with a name beside it.
pub(crate) fn read_address(text: &str) -> Option<Address> {
    let entries = message::address::parse(text.as_bytes());
    match entries.as_slice() {
        // RFC 5228 §2.4.2.3: neither routes nor groups.
        [message::address::Entry::Mailbox(mailbox)] if !mailbox.domain.is_empty() && mailbox.route.is_none() => {
            address_of(mailbox)
        }
        _ => None,
    }
}

/// The mailbox's address; what was quoted in it may have to be quoted again.
fn address_of(mailbox: &message::address::Mailbox) -> Option<Address> {
    Some(Address::new(LocalPart::new(&mailbox.local).ok()?, mailbox.domain.parse().ok()?))
}

/// Whether this can be the author of an answer: mailboxes with or without a name (RFC 5230 §4.3).
pub(crate) fn is_author(text: &str) -> bool {
    let entries = message::address::parse(text.as_bytes());
    let is_mailbox = |entry: &message::address::Entry| match entry {
        message::address::Entry::Mailbox(mailbox) => address_of(mailbox).is_some(),
        message::address::Entry::Group { .. } => false,
    };
    !entries.is_empty() && entries.iter().all(is_mailbox)
}

/// `NEVER`, or some of `SUCCESS`, `FAILURE` and `DELAY` (RFC 6009 §4).
pub(crate) fn read_notify(text: &str) -> Option<Notify> {
    let mut notify = Notify::default();
    if text.trim().eq_ignore_ascii_case("NEVER") {
        return Some(notify);
    }
    for word in text.split(',') {
        match word.trim().to_ascii_uppercase().as_str() {
            "SUCCESS" => notify.success = true,
            "FAILURE" => notify.failure = true,
            "DELAY" => notify.delay = true,
            _ => return None,
        }
    }
    Some(notify)
}
