//! A message whose last octet has come, on its way to the reply: what is known of it, and what a stage says of it. Nothing is
//! stored yet and nothing is promised; a stage changes the message, tells the recipients apart, or ends it.

use crate::authentication::results::Results;
use crate::channels::brought::Brought;
use crate::content::fragments::Gathered;
use crate::inbound::recipient::Accepted;
use crate::judge::hearing::Heard;
use directory::entry::Account;
use model::TraceId;
use net::Endpoint;
use queue::entry::{Channel, NewEntry, Scores};
use smtp::envelope::Envelope;
use smtp::reply::Reply;
use smtp::server::Kind;
use std::collections::BTreeMap;

/// Who brought a message, and how.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The listener's protocol.
    pub kind: Kind,
    /// From where.
    pub peer: Endpoint,
    /// How the client named itself; empty when it did not.
    pub hello: String,
    /// Whether TLS was on.
    pub tls: bool,
    /// Who was logged in.
    pub account: Option<Box<Account>>,
    /// The channel of the session, as tables and rules name it.
    pub channel: String,
    /// Whether that channel may send elsewhere without a login.
    pub may_relay: bool,
}

/// The message with all that is known of it.
#[derive(Debug)]
pub struct Arrival {
    /// The transaction's name.
    pub trace: TraceId,
    /// Who brought it.
    pub origin: Origin,
    /// The envelope as it is now.
    pub envelope: Envelope,
    /// What is behind each recipient of the envelope, in its order.
    pub recipients: Vec<Accepted>,
    /// Recipients by their place who do not get it as the others do.
    pub fates: BTreeMap<usize, Fate>,
    /// The message as the client sent it, or as a stage made it.
    pub body: Vec<u8>,
    /// Whole fields, each with its line end, that go on top of it below our own Received.
    pub fields: Vec<u8>,
    /// How much it is like spam, 0 to 100, once a filter has said so (RFC 5235 §2.1).
    pub spam_score: Option<u8>,
    /// 1 clean to 5 certainly infected, once a filter has said so (RFC 5235 §3.2).
    pub virus: Option<u8>,
    /// Fragments in the queue that end when this is taken in.
    pub gathered: Option<Gathered>,
    /// A copy for those whom the administrator wants to have one, to be queued with it.
    pub copy: Option<NewEntry>,
    /// What the policy decided about it so far; nothing when there is no policy.
    pub heard: Option<Box<Heard>>,
    /// How it came before a scanner had it, who has given it back: it was judged then.
    pub returned: Option<Brought>,
    /// What is known of its authenticity; nothing before that stage, and for mail that is not checked.
    pub authentication: Results,
    /// Whether who logged in may speak for all its authors, so that it is signed with their domain's keys.
    pub is_author: bool,
}

impl Arrival {
    /// Whether it is a fragment that waits for others: nobody judges it before it is whole.
    pub fn is_fragment(&self) -> bool {
        let waits =
            |accepted: &Accepted| accepted.route.as_ref().is_some_and(|route| route.channel == Channel::Defragment);
        self.recipients.iter().any(waits)
    }

    /// How it came.
    pub fn brought(&self) -> Brought {
        let Origin { kind, account, channel, .. } = &self.origin;
        self.returned.clone().unwrap_or_else(|| Brought::of_session(*kind, account.is_some(), channel))
    }

    /// What the scripts that file it are told of it.
    pub fn scores(&self) -> Scores {
        Scores { spam_percent: self.spam_score, virus: self.virus }
    }
}

/// What becomes of one recipient alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is refused, which only LMTP can say of one alone (RFC 2033 §4.2).
    Refused(Reply),
    /// The sender is told that it was accepted, and it gets nothing.
    Dropped,
}

/// What a stage says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Go on.
    Pass,
    /// The message is refused for all, with this reply.
    Refuse(Reply),
}
