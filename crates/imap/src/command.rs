//! What a client can ask for.

use crate::fetch::{Item, Modifiers};
use crate::notify::Notify;
use crate::search::{Key, Return, Scope, SortKey, ThreadAlgorithm};
use crate::sequence::SequenceSet;
use model::Timestamp;

/// A command with its tag.
#[derive(Clone, Debug, PartialEq)]
pub struct Tagged {
    /// The tag.
    pub tag: String,
    /// The command.
    pub command: Command,
}

/// Whether numbers are message numbers or UIDs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// Message numbers.
    Sequence,
    /// UIDs.
    Uid,
}

/// A command. Mailbox names are as they came, not yet decoded.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// RFC 9051 §6.1.1
    Capability,
    /// RFC 9051 §6.1.2
    Noop,
    /// RFC 9051 §6.1.3
    Logout,
    /// RFC 2971
    Id(Vec<(String, Option<String>)>),
    /// RFC 9051 §6.2.1
    StartTls,
    /// RFC 9051 §6.2.2, with the initial response of RFC 4959, still in base64.
    Authenticate {
        /// The mechanism.
        mechanism: String,
        /// The initial response; `=` is an empty one.
        initial: Option<String>,
    },
    /// RFC 9051 §6.2.3
    Login {
        /// The name.
        name: String,
        /// The password.
        password: String,
    },
    /// RFC 8437
    Unauthenticate,
    /// RFC 5161
    Enable(Vec<String>),
    /// RFC 4978
    Compress(String),
    /// RFC 9051 §6.3.2
    Select(Select),
    /// RFC 9051 §6.3.3
    Examine(Select),
    /// RFC 9051 §6.3.4, RFC 6154 §3
    Create {
        /// The name.
        mailbox: String,
        /// What it is for, as `\Drafts` and the like.
        special_use: Vec<String>,
    },
    /// RFC 9051 §6.3.5
    Delete(String),
    /// RFC 9051 §6.3.6
    Rename {
        /// From.
        from: String,
        /// To.
        to: String,
    },
    /// RFC 9051 §6.3.7
    Subscribe(String),
    /// RFC 9051 §6.3.8
    Unsubscribe(String),
    /// RFC 9051 §6.3.9, RFC 5258
    List(List),
    /// RFC 3501 §6.3.9
    Lsub {
        /// In front of the pattern.
        reference: String,
        /// The pattern.
        pattern: String,
    },
    /// RFC 9051 §6.3.10
    Namespace,
    /// RFC 9051 §6.3.11
    Status {
        /// The mailbox.
        mailbox: String,
        /// What is asked.
        items: Vec<StatusItem>,
    },
    /// RFC 9051 §6.3.12, RFC 3502
    Append {
        /// The mailbox.
        mailbox: String,
        /// The messages.
        messages: Vec<Append>,
    },
    /// RFC 8508
    Replace {
        /// Which message.
        number: u32,
        /// What the number is.
        numbers: Numbers,
        /// The mailbox.
        mailbox: String,
        /// The new message.
        message: Append,
    },
    /// RFC 9051 §6.3.13
    Idle,
    /// RFC 3501 §6.4.1
    Check,
    /// RFC 9051 §6.4.1
    Close,
    /// RFC 9051 §6.4.2
    Unselect,
    /// RFC 9051 §6.4.3; with a set it is `UID EXPUNGE` (RFC 4315 §2.1).
    Expunge(Option<SequenceSet>),
    /// RFC 9051 §6.4.4
    Search {
        /// What is answered with: message numbers or UIDs.
        numbers: Numbers,
        /// What is answered; `None` is the old SEARCH response.
        returns: Option<Return>,
        /// What is searched for.
        key: Key,
    },
    /// RFC 5256, RFC 5267
    Sort {
        /// What is answered with.
        numbers: Numbers,
        /// What is answered; `None` is the old SORT response.
        returns: Option<Return>,
        /// Criteria and whether each is reversed.
        criteria: Vec<(SortKey, bool)>,
        /// What is searched for.
        key: Key,
    },
    /// RFC 5256
    Thread {
        /// What is answered with.
        numbers: Numbers,
        /// How.
        algorithm: ThreadAlgorithm,
        /// What is searched for.
        key: Key,
    },
    /// RFC 9051 §6.4.5
    Fetch {
        /// Which messages.
        set: SequenceSet,
        /// What the numbers are.
        numbers: Numbers,
        /// What of them.
        items: Vec<Item>,
        /// What else.
        modifiers: Modifiers,
    },
    /// RFC 9051 §6.4.6
    Store {
        /// Which messages.
        set: SequenceSet,
        /// What the numbers are.
        numbers: Numbers,
        /// What is done with the flags.
        mode: StoreMode,
        /// Whether the new flags are not told.
        silent: bool,
        /// The flags.
        flags: Vec<String>,
        /// `UNCHANGEDSINCE` (RFC 7162 §3.1.3).
        unchanged_since: Option<u64>,
    },
    /// RFC 9051 §6.4.7
    Copy(Copy),
    /// RFC 9051 §6.4.8
    Move(Copy),
    /// RFC 4314 §3.1
    SetAcl {
        /// The mailbox.
        mailbox: String,
        /// Who.
        identifier: String,
        /// `+lrs`, `-w` or `lrs`.
        rights: String,
    },
    /// RFC 4314 §3.2
    DeleteAcl {
        /// The mailbox.
        mailbox: String,
        /// Who.
        identifier: String,
    },
    /// RFC 4314 §3.3
    GetAcl(String),
    /// RFC 4314 §3.4
    ListRights {
        /// The mailbox.
        mailbox: String,
        /// Who.
        identifier: String,
    },
    /// RFC 4314 §3.5
    MyRights(String),
    /// RFC 9208 §4.1.1
    GetQuota(String),
    /// RFC 9208 §4.1.2
    GetQuotaRoot(String),
    /// RFC 9208 §4.1.3
    SetQuota {
        /// The root.
        root: String,
        /// Resources and their limits.
        limits: Vec<(String, u64)>,
    },
    /// `ESEARCH` over several mailboxes (RFC 7377).
    Esearch {
        /// Where; empty is the selected mailbox.
        scopes: Vec<Scope>,
        /// What is answered.
        returns: Return,
        /// What is searched for.
        key: Key,
    },
    /// `CANCELUPDATE`: the tags of the searches that end (RFC 5267 §4.3.5).
    CancelUpdate(Vec<String>),
    /// RFC 5465; nothing is `NOTIFY NONE`.
    Notify(Option<Notify>),
    /// RFC 5464 §4.2
    GetMetadata {
        /// The mailbox; empty is the server.
        mailbox: String,
        /// The entries.
        entries: Vec<String>,
        /// Longest value that is wanted.
        max_size: Option<u64>,
        /// How many levels below the entries: 0, 1, or all.
        depth: Depth,
    },
    /// RFC 5464 §4.3
    SetMetadata {
        /// The mailbox; empty is the server.
        mailbox: String,
        /// Entries and values; none takes the entry away.
        entries: Vec<(String, Option<Vec<u8>>)>,
    },
}

/// SELECT and EXAMINE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    /// The mailbox.
    pub mailbox: String,
    /// `CONDSTORE` (RFC 7162 §3.1.8).
    pub condstore: bool,
    /// `QRESYNC` (RFC 7162 §3.2.5).
    pub qresync: Option<Qresync>,
}

/// What a client knew when it last saw the mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qresync {
    /// UIDVALIDITY.
    pub uid_validity: u32,
    /// The last modseq.
    pub modseq: u64,
    /// The UIDs it knows; all if it does not say.
    pub known: Option<SequenceSet>,
}

/// LIST.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// In front of the patterns.
    pub reference: String,
    /// The patterns.
    pub patterns: Vec<String>,
    /// Only subscribed ones.
    pub subscribed: bool,
    /// Also those of which something below is subscribed.
    pub recursive_match: bool,
    /// Only those with a special use.
    pub special_use: bool,
    /// Tell the subscriptions.
    pub return_subscribed: bool,
    /// Tell their STATUS (RFC 5819).
    pub return_status: Option<Vec<StatusItem>>,
    /// Tell the client's rights (RFC 8440).
    pub return_my_rights: bool,
    /// Tell these annotations (RFC 9590).
    pub return_metadata: Option<MetadataQuery>,
    /// Whether the extended form was used.
    pub is_extended: bool,
}

/// Which annotations LIST tells (RFC 9590 §3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataQuery {
    /// The entries.
    pub entries: Vec<String>,
    /// Longest value that is wanted.
    pub max_size: Option<u64>,
    /// How many levels below the entries.
    pub depth: Depth,
}

/// What STATUS tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusItem {
    /// How many messages.
    Messages,
    /// How many recent ones: none, ever (RFC 3501).
    Recent,
    /// The next UID.
    UidNext,
    /// UIDVALIDITY.
    UidValidity,
    /// How many unseen ones.
    Unseen,
    /// How many marked deleted (RFC 9051).
    Deleted,
    /// Octets of all (RFC 8438).
    Size,
    /// The last modseq (RFC 7162).
    HighestModseq,
    /// Its number (RFC 8474).
    MailboxId,
    /// The largest message it takes (RFC 7889).
    AppendLimit,
    /// Octets that expunging would free (RFC 9208).
    DeletedStorage,
}

/// A message to put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// Its flags.
    pub flags: Vec<String>,
    /// When it arrived.
    pub date: Option<Timestamp>,
    /// Its octets, in pieces.
    pub pieces: Vec<Piece>,
}

/// A piece of an appended message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// These octets.
    Octets(Vec<u8>),
    /// A part of a message that is there (RFC 4469).
    Url(String),
}

/// What STORE does with the flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreMode {
    /// `FLAGS`
    Replace,
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
}

/// COPY and MOVE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// Which messages.
    pub set: SequenceSet,
    /// What the numbers are.
    pub numbers: Numbers,
    /// Where to.
    pub mailbox: String,
}

/// How far below an entry metadata is wanted (RFC 5464 §4.2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// The entry itself.
    #[default]
    Zero,
    /// And what stands right below it.
    One,
    /// And everything below it.
    Infinity,
}
