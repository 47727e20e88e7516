//! A message whose last octet has come, on its way to the reply: what is known of it, and the stages that examine it in
//! their order. Nothing is stored yet and nothing is promised; a stage changes the message, tells the recipients apart, or
//! ends it.

use crate::inbound::recipient::Accepted;
use crate::inbound::refusal;
use crate::inbound::service::Service;
use crate::inbound::system_script::{self, Ruling};
use crate::scripts::stage::Message;
use directory::entry::Account;
use model::TraceId;
use net::Endpoint;
use queue::entry::Scores;
use smtp::envelope::Envelope;
use smtp::reply::Reply;
use smtp::server::Kind;

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
    /// The message as the client sent it, or as a stage made it.
    pub body: Vec<u8>,
    /// Whole fields, each with its line end, that go on top of it below our own Received.
    pub fields: Vec<u8>,
    /// How much it is like spam, 0 to 100, once a filter has said so (RFC 5235 §2.1).
    pub spam_score: Option<u8>,
    /// 1 clean to 5 certainly infected, once a filter has said so (RFC 5235 §3.2).
    pub virus: Option<u8>,
}

impl Arrival {
    /// What the scripts that file it are told of it.
    pub fn scores(&self) -> Scores {
        Scores { spam_percent: self.spam_score, virus: self.virus }
    }
}

/// What a stage says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Go on.
    Pass,
    /// The message is refused for all, with this reply.
    Refuse(Reply),
    /// The message is taken and dropped.
    Drop,
}

/// Examines a message stage by stage; the first refusal ends it.
pub async fn examine(service: &Service, arrival: &mut Arrival) -> Finding {
    if message::edit::hops(&arrival.body) > service.settings.hops_max {
        return Finding::Refuse(refusal::mail_loop());
    }
    obey_scripts(service, arrival).await
}

/// Has the administrator's scripts of whole messages judge it.
async fn obey_scripts(service: &Service, arrival: &mut Arrival) -> Finding {
    let only_recipient = match arrival.recipients.as_slice() {
        [only] => Some(&only.address),
        _ => None,
    };
    let mail_from = &arrival.envelope.mail_from;
    let message = Message {
        trace: arrival.trace,
        sender: mail_from.reverse_path.as_ref(),
        only_recipient,
        authenticated: arrival.origin.account.as_ref().map(|account| account.address.as_str()),
        scores: arrival.scores(),
        octets: &arrival.body,
    };
    let wanted = match system_script::judge(service, &message, mail_from.smtputf8).await {
        Ruling::Silent => return Finding::Pass,
        Ruling::Refused(reply) => return Finding::Refuse(reply),
        Ruling::Dropped => return Finding::Drop,
        Ruling::GoesOn(wanted) => wanted,
    };
    (arrival.spam_score, arrival.virus) = (wanted.scores.spam_percent, wanted.scores.virus);
    system_script::instruct(service, arrival.trace, &wanted, &mut arrival.recipients);
    if let Some(octets) = wanted.octets {
        arrival.body = octets;
    }
    Finding::Pass
}
