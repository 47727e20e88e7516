//! The port by which a door has somebody act on what its user did with messages: defined here, below the doors, because
//! no door knows another one. The one that reads mailboxes calls it, the one that runs scripts implements it.

use crate::change::Place;
use crate::flags::Flags;
use model::{TraceId, Uid};
use std::future::Future;
use std::pin::Pin;

/// What somebody did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// New messages were put in.
    Added,
    /// Messages were copied or moved in.
    Copied,
    /// Flags of messages that were there have changed.
    Flagged,
}

/// A message to which it was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// Its number now.
    pub uid: Uid,
    /// The flags that are set now and were not, or the other way round; none unless the cause is [`Cause::Flagged`].
    pub changed: Flags,
}

/// Something that is done and durable.
#[derive(Clone, Debug)]
pub struct Happening {
    /// The connection's name in logs.
    pub trace: TraceId,
    /// The address of the account that did it.
    pub by: String,
    /// What was done.
    pub cause: Cause,
    /// Where the messages are.
    pub place: Place,
    /// The name of the script that the mailbox's owner wants run.
    pub script: String,
    /// The messages.
    pub messages: Vec<Touched>,
}

/// Acts on what happens. Comes back when all of it is durable; a failure is told to the operator, never to the caller.
pub trait Witness: Send + Sync {
    /// This happened.
    fn witness(&self, happening: Happening) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}
