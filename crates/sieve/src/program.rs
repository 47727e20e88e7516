//! A script after checking: a flat list of operations, each with its place in the text.

use crate::extension::Extensions;
use crate::fault::Position;
use crate::matching::{Keys, Match};
use crate::template::{Name, Template};

/// A script that can be run.
#[derive(Clone, Debug)]
pub struct Script {
    pub(crate) operations: Vec<(Position, Operation)>,
    pub(crate) extensions: Extensions,
}

impl Script {
    /// What it requires.
    pub fn extensions(&self) -> Extensions {
        self.extensions
    }

    /// How many operations it has.
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether it does nothing of its own.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }
}

/// One operation. Tests leave their outcome for the jump that follows.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    /// Goes on elsewhere.
    Jump(usize),
    /// Goes on elsewhere if the last test was true.
    JumpIf(usize),
    /// Goes on elsewhere if it was not.
    JumpUnless(usize),
    /// Turns the outcome round.
    Not,
    /// Tests.
    Test(Test),
    /// Does something.
    Action(Action),
    /// Begins a loop over the parts; goes to `end` if there are none.
    EachPart {
        /// Behind the loop.
        end: usize,
    },
    /// Goes on with the next part, if there is one, at `start`.
    NextPart {
        /// The first operation of the loop.
        start: usize,
    },
    /// Leaves so many loops, then goes on elsewhere.
    Break {
        /// How many.
        loops: usize,
        /// Where.
        to: usize,
    },
    /// Runs another script.
    Include(Include),
    /// Ends this script; an including one goes on.
    Return,
    /// Ends all.
    Stop,
    /// Ends all with an error of the author (RFC 5463 §5).
    Error(Template),
}

/// RFC 6609 §3.2.
#[derive(Clone, Debug)]
pub(crate) struct Include {
    pub name: Template,
    pub is_global: bool,
    pub is_once: bool,
    pub is_optional: bool,
}

/// Which part of an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum AddressPart {
    #[default]
    All,
    LocalPart,
    Domain,
    User,
    Detail,
}

/// Which of several fields of a name: the number from 1, from the end or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Index {
    pub number: u64,
    pub is_from_end: bool,
}

/// Whose fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// Fields of the part at hand rather than of the message.
    pub is_part: bool,
    /// And of the parts in it.
    pub has_children: bool,
    /// What of the field.
    pub aspect: Option<Aspect>,
}

/// RFC 5703 §4.2.
#[derive(Clone, Debug)]
pub(crate) enum Aspect {
    Type,
    Subtype,
    ContentType,
    Parameters(Vec<Template>),
}

/// What of a body (RFC 5173 §5).
#[derive(Clone, Debug)]
pub(crate) enum Transform {
    Raw,
    Text,
    Content(Vec<Template>),
}

/// In which zone a date is looked at.
#[derive(Clone, Debug)]
pub(crate) enum Zone {
    /// That of the server.
    Local,
    /// That of the field.
    Original,
    /// `+0200`.
    Fixed(Template),
}

/// RFC 5260 §4.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DatePart {
    Year,
    Month,
    Day,
    Date,
    Julian,
    Hour,
    Minute,
    Second,
    Time,
    Iso8601,
    Std11,
    Zone,
    Weekday,
}

/// What a mailbox is asked.
#[derive(Clone, Debug)]
pub(crate) enum Wanted {
    /// Whether all of these are there and may be filed into.
    Mailboxes(Vec<Template>),
    /// Whether all of these are there, by their identifiers.
    MailboxIds(Vec<Template>),
    /// Whether these uses are assigned, in one mailbox or anywhere.
    SpecialUses { mailbox: Option<Template>, uses: Vec<Template> },
    /// Whether these annotations have a value; of the server if there is no mailbox.
    Metadata { mailbox: Option<Template>, annotations: Vec<Template> },
}

/// A test.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    Constant(bool),
    Size {
        is_over: bool,
        octets: u64,
    },
    Exists {
        names: Vec<Template>,
        scope: Scope,
    },
    Header {
        names: Vec<Template>,
        keys: Keys,
        how: Match,
        index: Option<Index>,
        scope: Scope,
    },
    Address {
        names: Vec<Template>,
        keys: Keys,
        how: Match,
        index: Option<Index>,
        scope: Scope,
        part: AddressPart,
    },
    Envelope {
        parts: Vec<Template>,
        keys: Keys,
        how: Match,
        part: AddressPart,
    },
    Body {
        transform: Transform,
        keys: Keys,
        how: Match,
    },
    /// Without a header it is the current date.
    Date {
        header: Option<Template>,
        zone: Zone,
        part: DatePart,
        keys: Keys,
        how: Match,
        index: Option<Index>,
    },
    Text {
        sources: Vec<Template>,
        keys: Keys,
        how: Match,
    },
    HasFlag {
        variables: Vec<Name>,
        keys: Keys,
        how: Match,
    },
    Environment {
        name: Template,
        keys: Keys,
        how: Match,
    },
    There(Wanted),
    Metadata {
        mailbox: Option<Template>,
        annotation: Template,
        keys: Keys,
        how: Match,
    },
    Duplicate(Duplicate),
    ValidList(Vec<Template>),
    ValidMethod(Vec<Template>),
    MethodCapability {
        method: Template,
        capability: Template,
        keys: Keys,
        how: Match,
    },
    Spam {
        is_percent: bool,
        keys: Keys,
        how: Match,
    },
    Virus {
        keys: Keys,
        how: Match,
    },
}

/// RFC 7352 §3.
#[derive(Clone, Debug)]
pub(crate) struct Duplicate {
    pub handle: Option<Template>,
    pub id: DuplicateId,
    pub seconds: Option<u64>,
    pub is_last: bool,
}

/// What makes two messages the same.
#[derive(Clone, Debug)]
pub(crate) enum DuplicateId {
    Header(Template),
    Given(Template),
}

/// Where something is stored, and how.
#[derive(Clone, Debug, Default)]
pub(crate) struct Storing {
    pub flags: Option<Vec<Template>>,
    pub creates: bool,
    pub mailbox_id: Option<Template>,
    pub special_use: Option<Template>,
}

/// How a variable's value is changed, in the order of RFC 5229 §4.1: the highest precedence first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Modifier {
    Lower,
    Upper,
    LowerFirst,
    UpperFirst,
    QuoteWildcard,
    QuoteRegex,
    EncodeUrl,
    Length,
}

/// What is done with flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlagChange {
    Set,
    Add,
    Remove,
}

/// An action.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    Keep { flags: Option<Vec<Template>> },
    FileInto { mailbox: Template, is_copy: bool, storing: Storing },
    Redirect(Redirect),
    Discard,
    Reject { reason: Template, is_extended: bool },
    Set { name: Name, modifiers: Vec<Modifier>, value: Template },
    Flags { change: FlagChange, variable: Option<Name>, flags: Vec<Template> },
    AddHeader { is_last: bool, name: Template, value: Template },
    DeleteHeader { name: Template, index: Option<Index>, how: Match, keys: Option<Keys> },
    Vacation(Vacation),
    Notify(Notify),
    Global(Vec<Name>),
    Replace { is_mime: bool, subject: Option<Template>, from: Option<Template>, text: Template },
    Enclose { subject: Option<Template>, headers: Vec<Template>, text: Template },
    ExtractText { name: Name, modifiers: Vec<Modifier>, first: Option<u64> },
    Jettison,
    Junk,
    Hold { reason: Option<Template> },
    Capture { address: Template },
    AddTag { tag: Template },
    SpamAdjust { score: Template },
    VirusSet { level: Template },
}

/// RFC 5228 §4.2, RFC 3894, RFC 6009, RFC 6134.
#[derive(Clone, Debug)]
pub(crate) struct Redirect {
    pub address: Template,
    pub is_copy: bool,
    pub is_list: bool,
    pub notify: Option<Template>,
    pub ret: Option<Template>,
    pub by: Option<DeliverBy>,
}

/// RFC 6009 §5.
#[derive(Clone, Debug)]
pub(crate) struct DeliverBy {
    pub time: ByTime,
    pub returns: bool,
    pub traces: bool,
}

/// The moment of it.
#[derive(Clone, Debug)]
pub(crate) enum ByTime {
    /// Seconds from now.
    Relative(u64),
    /// A date as of RFC 3339.
    Absolute(Template),
}

/// RFC 5230.
#[derive(Clone, Debug)]
pub(crate) struct Vacation {
    pub seconds: u64,
    pub subject: Option<Template>,
    pub from: Option<Template>,
    pub addresses: Vec<Template>,
    pub is_mime: bool,
    pub handle: Option<Template>,
    /// What stands for the handle where there is none: the arguments as the script has them (RFC 5230 §4.2).
    pub identity: String,
    pub fcc: Option<(Template, Storing)>,
    pub reason: Template,
}

/// RFC 5435.
#[derive(Clone, Debug)]
pub(crate) struct Notify {
    pub from: Option<Template>,
    pub importance: Option<Template>,
    pub options: Vec<Template>,
    pub message: Option<Template>,
    pub fcc: Option<(Template, Storing)>,
    pub method: Template,
}
