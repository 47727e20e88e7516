//! The queue: what waits, and what operators do with it.

use model::{QueueId, Timestamp, TraceId};
use queue::entry::{AHEAD, Channel, State};
use queue::filter::Filter;
use queue::operate::{Action, Entry, Field};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::operations::{Operations, report};

/// What can be asked about the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QueueRequest {
    /// Every channel in numbers.
    Summarize,
    /// Messages, oldest first.
    List {
        /// Which.
        filter: Filter,
        /// Only those after this id.
        after: Option<String>,
        /// At most so many.
        limit: usize,
    },
    /// The most frequent values of a field.
    Top {
        /// Of what.
        field: Field,
        /// Of which messages.
        filter: Filter,
        /// At most so many.
        limit: usize,
    },
    /// Do something with messages.
    Change {
        /// Which.
        filter: Filter,
        /// What.
        action: Action,
    },
    /// Stop a channel, or start it again.
    Stop {
        /// Which.
        channel: Channel,
        /// Whether it stops.
        stopped: bool,
    },
    /// What happened to a message.
    Trace {
        /// Its queue id, the name under which it was accepted, or its Message-ID.
        id: String,
    },
}

/// A message as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownMessage {
    /// Its queue id.
    pub id: String,
    /// When it was accepted.
    pub arrived: String,
    /// The envelope sender; `<>` for none.
    pub sender: String,
    /// Its subject, cut.
    pub subject: String,
    /// Octets.
    pub octets: u64,
    /// Its recipients.
    pub recipients: Vec<ShownRecipient>,
}

/// A recipient as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownRecipient {
    /// The address.
    pub address: String,
    /// The channel.
    pub channel: String,
    /// Where it goes.
    pub destination: String,
    /// `due`, `held`, `delivered`, `relayed`, `failed` or `expanded`.
    pub state: String,
    /// When it is tried next.
    pub due: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// The last that was heard.
    pub heard: Option<String>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownEvent {
    /// When.
    pub at: String,
    /// What.
    pub text: String,
}

/// Performs a request.
///
/// # Errors
/// Why it was not done.
pub fn perform(operations: &Operations, request: QueueRequest) -> Result<Value, Failure> {
    let queue = &operations.services.queue;
    let wait = |future| tokio::runtime::Handle::current().block_on(future);
    match request {
        QueueRequest::Summarize => report(&queue.summarize().map_err(refused)?),
        QueueRequest::List { filter, after, limit } => {
            let after = after.map(|id| parse_id(&id)).transpose()?;
            let listing = queue.list(&filter, after, limit).map_err(refused)?;
            report(&listing.entries.iter().map(shown).collect::<Vec<ShownMessage>>())
        }
        QueueRequest::Top { field, filter, limit } => report(&queue.top(field, &filter, limit).map_err(refused)?),
        QueueRequest::Change { filter, action } => {
            let changing = async { queue.change(&filter, action).await.map(Some) };
            let boxed: std::pin::Pin<Box<dyn Future<Output = _>>> = Box::pin(changing);
            report(&wait(boxed).map_err(refused)?)
        }
        QueueRequest::Stop { channel, stopped } => {
            known(operations, channel)?;
            let stopping = async { queue.stop(channel, stopped).await.map(|()| None) };
            let boxed: std::pin::Pin<Box<dyn Future<Output = Result<Option<u64>, _>>>> = Box::pin(stopping);
            report(&wait(boxed).map_err(refused)?)
        }
        QueueRequest::Trace { id } => trace(operations, &id),
    }
}

/// Refuses what is no channel: neither in the settings nor with mail in it.
fn known(operations: &Operations, channel: Channel) -> Result<(), Failure> {
    let queue = &operations.services.queue;
    if queue.has_channel(channel).map_err(refused)? {
        return Ok(());
    }
    let all: Vec<String> = queue.settings().all_channels().map(|channel| channel.to_string()).collect();
    Err(Failure::usage(format!("there is no channel {channel}: there are {}", all.join(", "))))
}

fn trace(operations: &Operations, text: &str) -> Result<Value, Failure> {
    let queue = &operations.services.queue;
    tokio::runtime::Handle::current().block_on(queue.write_notes()).map_err(refused)?;
    let mut events = Vec::new();
    for named in named(operations, text)? {
        events.extend(queue.events(named).map_err(refused)?);
    }
    if events.is_empty() {
        return Err(Failure::failed(format!("nothing is known of {text}")));
    }
    let shown = events.into_iter().map(|event| ShownEvent { at: event.at.to_string(), text: event.text });
    report(&shown.collect::<Vec<ShownEvent>>())
}

/// The traces that a queue id, the name under which a message was accepted, or a Message-ID stands for.
fn named(operations: &Operations, text: &str) -> Result<Vec<TraceId>, Failure> {
    let queue = &operations.services.queue;
    if text.contains('@') {
        return queue.traces_of_message_id(text).map_err(refused);
    }
    let queued = queue.trace_of(parse_id(text)?).map_err(refused)?;
    match queued {
        Some(trace) => Ok(vec![trace]),
        None => Ok(vec![text.parse::<TraceId>().map_err(|_| Failure::usage(format!("{text} is no id")))?]),
    }
}

fn shown(entry: &Entry) -> ShownMessage {
    let time = |at: Timestamp| at.to_string();
    ShownMessage {
        id: entry.id.to_string(),
        arrived: time(entry.message.arrived_at),
        sender: entry.message.mail_from.reverse_path.as_ref().map_or_else(|| "<>".to_owned(), ToString::to_string),
        subject: entry.message.subject.clone(),
        octets: entry.message.octets,
        recipients: entry
            .recipients
            .iter()
            .map(|recipient| ShownRecipient {
                address: recipient.rcpt.address.to_string(),
                channel: recipient.route.channel.as_str().to_owned(),
                destination: recipient.route.destination.clone(),
                state: state_name(recipient.state).to_owned(),
                due: match recipient.state {
                    State::Due(AHEAD) => Some("once, ahead of others".to_owned()),
                    State::Due(at) => Some(time(at)),
                    _ => None,
                },
                attempts: recipient.attempts,
                heard: recipient.heard.as_ref().map(|heard| format!("{} {} {}", heard.code, heard.status, heard.text)),
            })
            .collect(),
    }
}

fn state_name(state: State) -> &'static str {
    match state {
        State::Due(_) => "due",
        State::Held => "held",
        State::Delivered => "delivered",
        State::Relayed => "relayed",
        State::Failed => "failed",
        State::Expanded => "expanded",
    }
}

fn parse_id(text: &str) -> Result<QueueId, Failure> {
    text.parse().map_err(|_| Failure::usage(format!("{text} is no queue id")))
}

fn refused(error: queue::error::Error) -> Failure {
    Failure::failed("the queue did not do it").because(error)
}
