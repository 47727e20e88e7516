//! Filters: which there are, how they are, and what they say of a message file.

use std::sync::Arc;

use bytes::Bytes;
use model::TraceId;
use mta::filter::action;
use mta::filter::original::Original;
use mta::filter::service::Said;
use net::Endpoint;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smtp::envelope::MailFrom;
use smtp::server::Kind;

use crate::failure::Failure;
use crate::operations::{Operations, report};
use crate::verbs::people::parse_address;

/// What can be asked about filters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FilterRequest {
    /// All filters, and how they are.
    List,
    /// What they say of a message.
    Test {
        /// The message.
        message: String,
        /// Its sender; nothing is the null sender.
        sender: Option<String>,
        /// Its recipients.
        recipients: Vec<String>,
        /// From which address it seems to come.
        client: Option<std::net::IpAddr>,
    },
}

/// A filter as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownFilter {
    /// Its number.
    pub number: usize,
    /// Its name.
    pub name: String,
    /// Its protocol.
    pub protocol: String,
    /// Where it is.
    pub hosts: Vec<String>,
    /// `accept`, `defer` or `reject`.
    pub on_failure: String,
    /// Whether it answered last time.
    pub up: bool,
    /// Hosts that are left alone for a moment because they failed.
    pub resting: Vec<String>,
    /// Messages in which it found nothing.
    pub clean: u64,
    /// Messages in which it found something.
    pub found: u64,
    /// Messages about which it gave no answer.
    pub failed: u64,
}

/// What a filter says of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownVerdict {
    /// Its number.
    pub number: usize,
    /// Its name.
    pub name: String,
    /// For which of the recipients it is asked.
    pub recipients: Vec<String>,
    /// What it found; nothing is the null verdict.
    pub verdict: Option<String>,
    /// Its score and the limit.
    pub score: Option<String>,
    /// All that it said, in a few words, or why it said nothing.
    pub told: String,
    /// The script that would run.
    pub action: Option<String>,
    /// What would be done.
    pub then: String,
}

/// Performs a request.
///
/// # Errors
/// Why it was not done.
pub fn perform(operations: &Operations, request: FilterRequest) -> Result<Value, Failure> {
    let filters = &operations.services.filters;
    match request {
        FilterRequest::List => {
            let all: Vec<ShownFilter> = filters.status().into_iter().map(shown).collect();
            report(&all)
        }
        FilterRequest::Test { message, sender, recipients, client } => {
            let sender = sender.filter(|text| !text.is_empty() && text != "<>");
            let reverse_path = sender.map(|text| parse_address(&text)).transpose()?;
            let peer = client.map_or(Endpoint::Unix, |ip| Endpoint::Ip(std::net::SocketAddr::new(ip, 0)));
            let original = Original {
                trace: TraceId(0),
                kind: Kind::Smtp,
                source: String::new(),
                outs: Vec::new(),
                peer,
                hello: "localhost".to_owned(),
                tls: false,
                login: None,
                host: operations.services.host.clone(),
                mail_from: MailFrom { reverse_path, ..MailFrom::default() },
                recipients: recipients.into_iter().map(|address| vec![address]).collect(),
                message: Bytes::from(message.into_bytes()),
            };
            let original = Arc::new(original);
            let said = tokio::runtime::Handle::current().block_on(filters.ask(&original));
            let redirects_max = operations.services.scripts.redirects_max();
            let verdicts: Vec<ShownVerdict> = said.iter().map(|said| verdict(said, &original, redirects_max)).collect();
            report(&verdicts)
        }
    }
}

fn shown(status: mta::filter::service::Status) -> ShownFilter {
    ShownFilter {
        number: status.filter.number,
        name: status.filter.name,
        protocol: status.filter.protocol.name().to_owned(),
        hosts: status.filter.hosts.iter().map(ToString::to_string).collect(),
        on_failure: status.filter.on_failure.name().to_owned(),
        up: status.is_up,
        resting: status.resting,
        clean: status.clean,
        found: status.found,
        failed: status.failed,
    }
}

fn verdict(said: &Said, original: &Original, redirects_max: usize) -> ShownVerdict {
    let filter = &said.engine.filter;
    let report = said.answer.as_ref().and_then(|answer| answer.as_ref().ok()).map(|answer| &answer.report);
    let verdict = report.and_then(|report| report.verdict.as_ref());
    let named = verdict.map(|own| filter.verdict.as_ref().unwrap_or(own).clone());
    let script = report.and_then(|_| said.script());
    let then = match (&said.answer, &script, report) {
        (None, ..) => "the message goes on: it is too large for this filter".to_owned(),
        (Some(Err(_)), ..) => format!("no answer: {}", filter.on_failure.name()),
        (_, Some(script), _) => tried(script, original, redirects_max).unwrap_or_else(|reason| {
            format!("the script fails ({reason}), as if the filter gave no answer: {}", filter.on_failure.name())
        }),
        (.., Some(report)) => match &report.refusal {
            Some(reply) => format!("refused with {} {}", reply.code, reply.text()),
            None if report.discards => "accepted and dropped".to_owned(),
            None if report.quarantine.is_some() => "held".to_owned(),
            None => "the message goes on".to_owned(),
        },
        _ => "the message goes on".to_owned(),
    };
    ShownVerdict {
        number: filter.number,
        name: filter.name.clone(),
        recipients: said.places.iter().map(|place| original.recipient(*place).to_owned()).collect(),
        verdict: named,
        score: report.and_then(|report| report.score).map(|score| score.to_string()),
        told: match &said.answer {
            None => "not asked".to_owned(),
            Some(Ok(answer)) => answer.report.told(),
            Some(Err(failure)) => failure.to_string(),
        },
        action: script,
        then,
    }
}

/// What a script would do.
fn tried(script: &str, original: &Original, redirects_max: usize) -> Result<String, String> {
    let structure = message::parse::structure(&original.message);
    let subject = action::Subject {
        message: &original.message,
        structure: &structure,
        sender: original.bare_sender(),
        recipient: original.recipient(0).to_owned(),
        login: None,
        now: model::Timestamp(0),
        spam_percent: None,
        virus: None,
        redirects_max,
    };
    Ok(match action::run(&action::compile(script)?, &subject)? {
        action::Act::Nothing => "the message goes on".to_owned(),
        action::Act::Refuse(reason) => format!("refused: {reason}"),
        action::Act::Jettison => "accepted and dropped".to_owned(),
        action::Act::Discard => "dropped at delivery".to_owned(),
        action::Act::Hold(reason) => format!("held: {reason}"),
        action::Act::Change(_) => "the message is changed and goes on".to_owned(),
        action::Act::AtDelivery => "the script runs at delivery".to_owned(),
    })
}
