//! `heliograph queue` and `heliograph message trace`.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use queue::entry::Channel;
use queue::filter::Filter;
use queue::operate::{Action, Field, Summary};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::context::Context;
use crate::control::client;
use crate::control::request::Request;
use crate::failure::Failure;
use crate::terminal::{confirm, print};
use crate::verbs::queue::{QueueRequest, ShownEvent, ShownMessage};

/// Which messages: all that is given must hold.
#[derive(Clone, Debug, Default, Args)]
pub struct Which {
    /// These queue ids, or FIRST-LAST for all from one to another.
    ids: Vec<String>,
    /// In the sender; "<>" is the null sender.
    #[arg(long)]
    sender: Option<String>,
    /// In a recipient.
    #[arg(long)]
    recipient: Option<String>,
    /// The domain of a recipient.
    #[arg(long)]
    domain: Option<String>,
    /// In the subject.
    #[arg(long)]
    subject: Option<String>,
    /// In the text of the message.
    #[arg(long)]
    content: Option<String>,
    /// At least this old, such as 2h.
    #[arg(long)]
    older: Option<humantime::Duration>,
    /// In this channel.
    #[arg(long)]
    channel: Option<String>,
    /// Only those that are held.
    #[arg(long)]
    held: bool,
    /// All messages.
    #[arg(long)]
    all: bool,
}

/// What can be done with the queue.
#[derive(Debug, Subcommand)]
pub enum QueueVerb {
    /// Every channel in numbers.
    Summarize,
    /// List messages, oldest first.
    List {
        #[command(flatten)]
        which: Which,
        /// Only those after this id.
        #[arg(long)]
        after: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// List what is held, oldest first.
    Held {
        /// Only those after this id.
        #[arg(long)]
        after: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Hold every message that holds some text, as when many copies of one came; --delete to delete them instead.
    Clean {
        /// In the subject.
        #[arg(long)]
        subject: Option<String>,
        /// In the sender; "<>" is the null sender.
        #[arg(long)]
        from: Option<String>,
        /// In a recipient.
        #[arg(long)]
        to: Option<String>,
        /// In the text of the message.
        #[arg(long)]
        content: Option<String>,
        /// In this channel.
        #[arg(long)]
        channel: Option<String>,
        /// Texts with fewer octets are refused: they are in too many messages.
        #[arg(long, default_value_t = 24)]
        min_length: usize,
        /// Delete the messages and tell nobody, instead of holding them.
        #[arg(long)]
        delete: bool,
    },
    /// Show one message with its recipients.
    Show {
        /// Its queue id.
        id: String,
    },
    /// No more attempts until released.
    Hold(Which),
    /// Try held messages again, at once.
    Release(Which),
    /// Give up and tell the senders.
    Return(Which),
    /// Give up and tell nobody.
    Delete(Which),
    /// Try now what waits for its moment.
    Retry(Which),
    /// Stop a channel: no new attempts.
    Stop {
        /// process, local, smtp, lmtp, conversion, defragment, or one of [[named_channels]].
        channel: String,
    },
    /// Start a channel again.
    Start {
        /// process, local, smtp, lmtp, conversion, defragment, or one of [[named_channels]].
        channel: String,
    },
    /// The most frequent senders, recipients, domains, subjects or replies.
    Top {
        /// sender, recipient, domain, subject, reply.
        #[arg(default_value = "domain")]
        field: String,
        /// At most so many.
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
}

/// `heliograph queue`.
///
/// # Errors
/// Why it was not done.
pub fn run(verb: QueueVerb, context: &Context) -> Result<(), Failure> {
    match verb {
        QueueVerb::Summarize => show(context, QueueRequest::Summarize, |channels: Vec<Summary>| summary(&channels)),
        QueueVerb::List { which, after, limit } => {
            let request = QueueRequest::List { filter: filter(which)?, after, limit };
            show(context, request, |messages: Vec<ShownMessage>| messages.iter().map(line).collect())
        }
        QueueVerb::Held { after, limit } => {
            let filter = Filter { held: Some(true), ..Filter::default() };
            let request = QueueRequest::List { filter, after, limit };
            show(context, request, |messages: Vec<ShownMessage>| messages.iter().map(line).collect())
        }
        QueueVerb::Clean { subject, from, to, content, channel, min_length, delete } => {
            let texts = [&subject, &from, &to, &content];
            check_lengths(&texts, min_length)?;
            let which = Which { subject, sender: from, recipient: to, content, channel, ..Which::default() };
            let (action, question) = match delete {
                true => (Action::Delete, Some("Delete these messages and tell nobody?")),
                false => (Action::Hold, None),
            };
            change(context, which, action, question)
        }
        QueueVerb::Show { id } => {
            let filter = Filter { ids: vec![id.clone()], ..Filter::default() };
            let request = QueueRequest::List { filter, after: None, limit: 1 };
            let report = client::ask(context, Request::Queue(request))?;
            let messages: Vec<ShownMessage> = parse(&report)?;
            let message = messages.first().ok_or_else(|| Failure::failed(format!("{id} is not in the queue")))?;
            if context.json {
                let text = serde_json::to_string(message);
                return print(&(text.map_err(|error| Failure::failed("cannot report").because(error))? + "\n"));
            }
            print(&whole(message))
        }
        QueueVerb::Hold(which) => change(context, which, Action::Hold, None),
        QueueVerb::Release(which) => change(context, which, Action::Release, None),
        QueueVerb::Retry(which) => change(context, which, Action::Retry, None),
        QueueVerb::Return(which) => {
            change(context, which, Action::Return, Some("Give these messages up and tell their senders?"))
        }
        QueueVerb::Delete(which) => {
            change(context, which, Action::Delete, Some("Delete these messages and tell nobody?"))
        }
        QueueVerb::Stop { channel } => stop(context, &channel, true),
        QueueVerb::Start { channel } => stop(context, &channel, false),
        QueueVerb::Top { field, limit } => {
            let field = match field.as_str() {
                "sender" => Field::Sender,
                "recipient" => Field::Recipient,
                "domain" => Field::Domain,
                "subject" => Field::Subject,
                "reply" => Field::Reply,
                other => {
                    return Err(Failure::usage(format!(
                        "{other} is no field: sender, recipient, domain, subject, reply"
                    )));
                }
            };
            let request = QueueRequest::Top { field, filter: Filter::default(), limit };
            show(context, request, |rows: Vec<(String, u64)>| {
                rows.iter().map(|(text, count)| format!("{count:>8}  {text}\n")).collect()
            })
        }
    }
}

/// `heliograph message trace`.
///
/// # Errors
/// Why it cannot be told.
pub fn trace(id: String, context: &Context) -> Result<(), Failure> {
    show(context, QueueRequest::Trace { id }, |events: Vec<ShownEvent>| {
        events.iter().map(|event| format!("{}  {}\n", event.at, event.text)).collect()
    })
}

/// Texts that are cleaned by must say enough; the null sender says all that there is.
fn check_lengths(texts: &[&Option<String>], min_length: usize) -> Result<(), Failure> {
    let given: Vec<&String> = texts.iter().filter_map(|text| text.as_ref()).collect();
    if given.is_empty() {
        return Err(Failure::usage("say what is in the messages: --subject, --from, --to or --content"));
    }
    match given.iter().find(|text| text.len() < min_length && text.as_str() != "<>") {
        None => Ok(()),
        Some(short) => Err(Failure::usage(format!(
            "\"{short}\" has fewer than {min_length} octets and may be in many messages; --min-length {} takes it all the same",
            short.len()
        ))),
    }
}

fn filter(which: Which) -> Result<Filter, Failure> {
    if let Some(odd) = which.ids.iter().find(|text| queue::filter::range(text).is_none()) {
        return Err(Failure::usage(format!("{odd} is no queue id, and no range of them such as 1a-2f")));
    }
    Ok(Filter {
        ids: which.ids,
        sender: which.sender,
        recipient: which.recipient,
        domain: which.domain,
        subject: which.subject,
        content: which.content,
        older_secs: which.older.map(|older| older.as_secs()),
        channel: which.channel.map(|channel| parse_channel(&channel)).transpose()?,
        held: which.held.then_some(true),
        ..Filter::default()
    })
}

fn parse_channel(text: &str) -> Result<Channel, Failure> {
    text.parse().map_err(|error| Failure::usage(format!("{text} is no channel: {error}")))
}

fn change(context: &Context, which: Which, action: Action, question: Option<&str>) -> Result<(), Failure> {
    let all = which.all;
    let filter = filter(which)?;
    if filter.is_empty() && !all {
        return Err(Failure::usage("say which messages, or --all"));
    }
    if let Some(question) = question {
        confirm(context, question)?;
    }
    show(context, QueueRequest::Change { filter, action }, |count: Option<u64>| {
        format!("{} messages\n", count.unwrap_or(0))
    })
}

fn stop(context: &Context, channel: &str, stopped: bool) -> Result<(), Failure> {
    let channel = parse_channel(channel)?;
    client::ask(context, Request::Queue(QueueRequest::Stop { channel, stopped })).map(|_| ())
}

fn show<T: DeserializeOwned>(
    context: &Context,
    request: QueueRequest,
    text: impl FnOnce(T) -> String,
) -> Result<(), Failure> {
    let report = client::ask(context, Request::Queue(request))?;
    if context.json {
        return print(&format!("{report}\n"));
    }
    print(&text(parse(&report)?))
}

fn parse<T: DeserializeOwned>(report: &Value) -> Result<T, Failure> {
    serde_json::from_value(report.clone()).map_err(|error| Failure::failed("a strange report").because(error))
}

fn summary(channels: &[Summary]) -> String {
    let width = channels.iter().map(|channel| channel.channel.as_str().len()).max().unwrap_or_default().max(10);
    let mut text = format!("{:<width$}  messages     ready  deferred      held  octets\n", "channel");
    for channel in channels {
        let stopped = if channel.stopped { "  (stopped)" } else { "" };
        let unknown = if channel.unknown { "  (not in the settings)" } else { "" };
        let _infallible = writeln!(
            text,
            "{:<width$} {:>9} {:>9} {:>9} {:>9}  {}{stopped}{unknown}",
            channel.channel.as_str(),
            channel.messages,
            channel.ready,
            channel.deferred,
            channel.held,
            channel.octets,
        );
    }
    text
}

fn line(message: &ShownMessage) -> String {
    let recipients: Vec<&str> = message.recipients.iter().map(|recipient| recipient.address.as_str()).collect();
    format!(
        "{}  {}  {:>8}  {} -> {}\n",
        message.id,
        message.arrived,
        message.octets,
        message.sender,
        recipients.join(" ")
    )
}

fn whole(message: &ShownMessage) -> String {
    let mut text = line(message);
    let _infallible = writeln!(text, "subject: {}", message.subject);
    for recipient in &message.recipients {
        let due = recipient.due.as_deref().map_or_else(String::new, |due| format!(" at {due}"));
        let heard = recipient.heard.as_deref().unwrap_or("nothing yet");
        let _infallible = writeln!(
            text,
            "  {} by {} to {}: {}{due}, tried {} times; heard: {heard}",
            recipient.address, recipient.channel, recipient.destination, recipient.state, recipient.attempts
        );
    }
    text
}
