//! What is wrong with a script, and where.

/// A place in a script, both counted from 1; columns count characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The character in it.
    pub column: u32,
}

impl std::fmt::Display for Position {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "line {}, column {}", self.line, self.column)
    }
}

/// Why a script cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {problem}")]
pub struct Fault {
    /// Where.
    pub at: Position,
    /// What.
    pub problem: Problem,
}

/// What can be wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Larger than any script needs to be.
    #[error("the script is larger than {max} octets")]
    ScriptTooLarge {
        /// The bound.
        max: usize,
    },
    /// Not UTF-8.
    #[error("the script is not UTF-8")]
    NotUtf8,
    /// A character that has no meaning there.
    #[error("the character {0:?} has no meaning here")]
    StrayCharacter(char),
    /// A string without its closing quote.
    #[error("the string that begins here has no end")]
    StringWithoutEnd,
    /// A `text:` without its lone dot.
    #[error("the text that begins here has no line with a single dot at its end")]
    TextWithoutEnd,
    /// A comment without `*/`.
    #[error("the comment that begins here has no end")]
    CommentWithoutEnd,
    /// A number that nothing can hold.
    #[error("the number is too large")]
    NumberTooLarge,
    /// Something else was needed.
    #[error("{wanted} is missing here; there is {found}")]
    Missing {
        /// What was needed.
        wanted: &'static str,
        /// What stands there.
        found: String,
    },
    /// Too deep.
    #[error("blocks and tests are nested deeper than {max}")]
    TooDeep {
        /// The bound.
        max: usize,
    },
    /// Too many strings.
    #[error("a list holds more than {max} strings")]
    ListTooLong {
        /// The bound.
        max: usize,
    },
    /// Too long.
    #[error("the script has more than {max} commands and tests")]
    ScriptTooLong {
        /// The bound.
        max: usize,
    },
    /// An extension that does not exist here.
    #[error("the extension {0:?} is not supported")]
    UnknownExtension(String),
    /// An extension that only the administrator's scripts may use.
    #[error("the extension {0:?} is for the administrator's scripts only")]
    ExtensionNotAllowed(String),
    /// Used without `require`.
    #[error("{what} needs require {extension:?} at the top of the script")]
    NotRequired {
        /// What was used.
        what: String,
        /// The extension that brings it.
        extension: &'static str,
    },
    /// `require` after other commands.
    #[error("require must stand before all other commands")]
    LateRequire,
    /// No such command.
    #[error("there is no command {name:?}{}", hint(.nearest))]
    UnknownCommand {
        /// Its name.
        name: String,
        /// What it may be meant to be.
        nearest: Option<&'static str>,
    },
    /// No such test.
    #[error("there is no test {name:?}{}", hint(.nearest))]
    UnknownTest {
        /// Its name.
        name: String,
        /// What it may be meant to be.
        nearest: Option<&'static str>,
    },
    /// No such tagged argument.
    #[error("{of} has no argument :{tag}")]
    UnknownTag {
        /// The command or test.
        of: String,
        /// The tag.
        tag: String,
    },
    /// A tagged argument behind one without a tag (RFC 5228 §2.6.2).
    #[error("{of} takes :{tag} before its other arguments only")]
    LateTag {
        /// The command or test.
        of: String,
        /// The tag.
        tag: String,
    },
    /// The same or a contradicting tag.
    #[error(":{0} stands beside an argument that excludes it")]
    TagTwice(String),
    /// An argument of the wrong kind.
    #[error("{of} wants {wanted} as its argument here; there is {found}")]
    WrongArgument {
        /// The command or test.
        of: String,
        /// What it wants.
        wanted: &'static str,
        /// What is there.
        found: String,
    },
    /// Too few arguments.
    #[error("{of} lacks an argument: {wanted}")]
    LacksArgument {
        /// The command or test.
        of: String,
        /// What is missing.
        wanted: &'static str,
    },
    /// Too many arguments.
    #[error("{of} has more arguments than it takes")]
    ExcessArgument {
        /// The command or test.
        of: String,
    },
    /// A tag that needs another beside it.
    #[error(":{tag} needs :{needed} beside it")]
    NeedsTag {
        /// What was used.
        tag: &'static str,
        /// What must accompany it.
        needed: &'static str,
    },
    /// `else` without `if`.
    #[error("{0} must follow an if or elsif")]
    WithoutIf(&'static str),
    /// A command that needs a block has none.
    #[error("{0} needs a block in braces")]
    LacksBlock(String),
    /// A block where none belongs.
    #[error("{0} takes no block")]
    ExcessBlock(String),
    /// A test where none belongs, or none where one does.
    #[error("{of} takes {wanted}")]
    WrongTests {
        /// The command or test.
        of: String,
        /// How many tests it takes.
        wanted: &'static str,
    },
    /// No such comparator.
    #[error(
        "the comparator {0:?} is not known; there are i;octet, i;ascii-casemap, i;ascii-numeric and i;unicode-casemap"
    )]
    UnknownComparator(String),
    /// A comparator that cannot do this.
    #[error("the comparator {comparator} cannot do :{match_type}")]
    ComparatorCannot {
        /// The comparator.
        comparator: &'static str,
        /// What it cannot do.
        match_type: &'static str,
    },
    /// Not `gt`, `ge`, `lt`, `le`, `eq` or `ne`.
    #[error("{0:?} is no relation; there are gt, ge, lt, le, eq and ne")]
    UnknownRelation(String),
    /// A regular expression that cannot be read or is too large.
    #[error("the regular expression {regex:?} {reason}")]
    BadRegex {
        /// The expression.
        regex: String,
        /// What is the matter with it.
        reason: &'static str,
    },
    /// Too many regular expressions.
    #[error("the script has more than {max} regular expressions")]
    TooManyRegexes {
        /// The bound.
        max: usize,
    },
    /// Not a name of a header field.
    #[error("{0:?} is no name of a header field")]
    BadFieldName(String),
    /// A field that holds no addresses.
    #[error("the field {0:?} holds no addresses")]
    NotAnAddressField(String),
    /// Not a part of an envelope.
    #[error("{0:?} is no part of an envelope")]
    BadEnvelopePart(String),
    /// Not an address.
    #[error("{0:?} is no mail address")]
    BadAddress(String),
    /// Not a notification method.
    #[error("{0}")]
    BadMethod(crate::method::BadMethod),
    /// Not a name of a script.
    #[error("{0:?} cannot be the name of a script")]
    BadScriptName(String),
    /// A reference to a match variable that never is.
    #[error("${{{number}}} is never set; the last match variable is ${{{max}}}")]
    NoSuchCapture {
        /// Its number.
        number: String,
        /// The last that there is.
        max: usize,
    },
    /// A variable that is the script's own already.
    #[error("the variable {0:?} was set in this script before, so it cannot become global here")]
    SetBeforeGlobal(String),
    /// Not a variable name.
    #[error("{0:?} cannot be the name of a variable")]
    BadVariable(String),
    /// Not a time zone.
    #[error("{0:?} is no time zone; it is written like +0200")]
    BadZone(String),
    /// Not a part of a date.
    #[error("{0:?} is no part of a date")]
    BadDatePart(String),
    /// Something outside the allowed values.
    #[error("{what} must be {wanted}")]
    BadValue {
        /// What.
        what: &'static str,
        /// What it must be.
        wanted: &'static str,
    },
    /// Commands that exclude each other in every run.
    #[error("{0}")]
    Conflict(&'static str),
    /// A loop that does not exist.
    #[error("break stands outside of {0}")]
    BreakOutside(String),
    /// Something that only a loop over parts gives.
    #[error("{0} works inside foreverypart only")]
    OutsideLoop(&'static str),
    /// Too many loops within each other.
    #[error("loops over parts are nested deeper than {max}")]
    LoopsTooDeep {
        /// The bound.
        max: usize,
    },
}

fn hint(nearest: &Option<&'static str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!("; {nearest} comes nearest"))
}
