//! What can be asked of a table and what comes back: the words that tables, the protocol and its users share.

use std::time::Duration;

use crate::table::comparison::Test;

/// One question about one key of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call<'a> {
    /// The table's name.
    pub table: &'a str,
    /// The key, as it came; the table says what of it counts.
    pub key: &'a str,
    /// What to do.
    pub operation: Operation<'a>,
}

/// What to do with a key: the routines of Sun's `check_metermaid`, and amounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation<'a> {
    /// Count so many and say whether the key is over its quota.
    Throttle {
        /// How many at once: 1 for a connection, the recipients of a message.
        amount: u32,
    },
    /// Say the same, or what the key holds, and count nothing.
    Query,
    /// Add to the number, which is 0 for a key that is not there.
    Adjust {
        /// How much; less than zero takes away.
        by: i64,
    },
    /// Add to the number, then test it.
    AdjustAndTest {
        /// How much.
        by: i64,
        /// The test.
        test: Test<'a>,
    },
    /// Test the number or text; a number that is not there is 0.
    Test(Test<'a>),
    /// What is kept for the key.
    Fetch,
    /// Keep this for the key.
    Store(&'a str),
    /// Forget the key.
    Remove,
    /// Say whether this sender has to wait, and remember that it was here.
    Greylist,
}

impl Operation<'_> {
    /// Its name in mapping tables, logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Operation::Throttle { .. } => "throttle",
            Operation::Query => "query",
            Operation::Adjust { .. } => "adjust",
            Operation::AdjustAndTest { .. } => "adjust_and_test",
            Operation::Test(_) => "test",
            Operation::Fetch => "fetch",
            Operation::Store(_) => "store",
            Operation::Remove => "remove",
            Operation::Greylist => "greylisting",
        }
    }
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Of `throttle`, and of `query` on such a table.
    Verdict(Verdict),
    /// Of `greylisting`, and of `query` on such a table.
    Greylisting(Greylisting),
    /// It is done.
    Done,
    /// Of a test: whether it holds.
    Holds(bool),
    /// What is kept for the key, if anything.
    Value(Option<String>),
}

impl Outcome {
    /// As a mapping table sees it: a text is success, nothing is failure. Over the quota is success, so that the rest of
    /// the entry deals with the offender (`check_metermaid`).
    pub fn as_callout(self) -> Option<String> {
        let success = |is: bool| is.then(String::new);
        match self {
            Outcome::Verdict(verdict) => success(verdict.is_over),
            Outcome::Greylisting(verdict) => success(verdict.waits()),
            Outcome::Done => success(true),
            Outcome::Holds(holds) => success(holds),
            Outcome::Value(value) => value,
        }
    }
}

/// Whether a key is over its quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is over: what was asked for was not admitted.
    pub is_over: bool,
    /// How many count against the quota now.
    pub used: u64,
    /// How many may.
    pub quota: u64,
    /// When the same would be admitted; zero if it was.
    pub retry_after: Duration,
}

/// What greylisting says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greylisting {
    /// Not seen before, or so long ago that it does not count: it has to wait.
    New {
        /// So long.
        retry_after: Duration,
    },
    /// Came back too early.
    TooEarly {
        /// It still has to wait so long.
        retry_after: Duration,
    },
    /// Came back in time, and is known from now on.
    Proven,
    /// Known.
    Known,
}

impl Greylisting {
    /// Whether the sender has to wait.
    pub fn waits(self) -> bool {
        matches!(self, Greylisting::New { .. } | Greylisting::TooEarly { .. })
    }
}

/// Why a table did not do what it was asked for: the caller's or the operator's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such table.
    #[error("there is no table {table}; name it in [[meter.tables]] of the server that keeps the tables")]
    NoSuchTable {
        /// Its name.
        table: String,
    },
    /// The table is of another type.
    #[error("{operation} cannot be asked of the table {table}: it is of type {kind}")]
    WrongType {
        /// What was asked for.
        operation: &'static str,
        /// The table.
        table: String,
        /// Its type.
        kind: &'static str,
    },
    /// The key is no address, is empty or is too long.
    #[error("the key is refused: {why}")]
    Key {
        /// Why.
        why: &'static str,
    },
    /// An argument is missing or makes no sense.
    #[error("{what}")]
    Argument {
        /// What is wrong.
        what: String,
    },
}
