//! What the policy would do: a connection, an envelope or a message explained, with no effect on anything.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use directory::directory::Directory;
use model::Address;
use mta::judge::explain::{Case, explain};
use mta::judge::hearing::Told;
use net::Endpoint;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smtp::envelope::{MailFrom, Notify, RcptTo};
use smtp::server::Kind;

use crate::failure::Failure;
use crate::operations::{Operations, report};
use crate::serve::doors::inbound_service;

/// What can be asked about the policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyRequest {
    /// What it would do.
    Explain(Box<ExplainRequest>),
}

/// A session as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainRequest {
    /// The client: an address, with a port or without.
    pub client: String,
    /// Our end: an address and a port.
    pub server: Option<String>,
    /// smtp, submission or lmtp.
    pub protocol: String,
    /// How the client names itself.
    pub hello: Option<String>,
    /// Whether TLS is on.
    pub tls: bool,
    /// The account that has logged in.
    pub login: Option<String>,
    /// The sender; empty for `<>`.
    pub from: Option<String>,
    /// The recipients.
    pub to: Vec<String>,
    /// The notices that are asked for: success, failure, delay.
    pub notify: Vec<String>,
    /// The message, in base64.
    pub message: Option<String>,
    /// Results of authentication, such as `spf=fail`.
    pub results: Vec<String>,
}

/// What would happen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Explained {
    /// Each stage.
    pub stages: Vec<ExplainedStage>,
    /// What the client would be told when it is refused.
    pub refused: Vec<ExplainedReply>,
    /// What would become of each recipient.
    pub recipients: Vec<ExplainedRecipient>,
    /// Fields that would be put on top of the message.
    pub fields: String,
    /// The envelope sender at the end.
    pub sender: Option<String>,
}

/// One stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExplainedStage {
    /// The stage.
    pub stage: String,
    /// What it was about.
    pub about: String,
    /// The verdict.
    pub verdict: String,
    /// How long the reply would wait, in milliseconds.
    pub delay_ms: u64,
    /// All reasons.
    pub reasons: Vec<ExplainedReason>,
    /// What failed and was passed over.
    pub troubles: Vec<String>,
    /// Every step.
    pub steps: Vec<String>,
}

/// One reason.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExplainedReason {
    /// The table or rule.
    pub by: String,
    /// Where it stands.
    pub place: String,
    /// What it was given.
    pub inputs: String,
    /// What it decided.
    pub effect: String,
    /// Whether this is the one that gave the verdict.
    pub decides: bool,
}

/// What the client would be told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExplainedReply {
    /// At which command.
    pub command: String,
    /// The reply.
    pub reply: String,
}

/// What would become of a recipient.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExplainedRecipient {
    /// The address.
    pub address: String,
    /// What becomes of it.
    pub fate: String,
}

/// Answers a request.
///
/// # Errors
/// What was asked wrongly, or the directory is away.
pub fn perform(operations: &Operations, request: PolicyRequest) -> Result<Value, Failure> {
    let PolicyRequest::Explain(request) = request;
    report(&tokio::runtime::Handle::current().block_on(answer(operations, *request))?)
}

async fn answer(operations: &Operations, request: ExplainRequest) -> Result<Explained, Failure> {
    let settings =
        operations.running.as_ref().map_or_else(|| Arc::clone(&operations.settings), |running| running.settings());
    let (kind, usual_port) = match request.protocol.as_str() {
        "submission" => (Kind::Submission, 587),
        "lmtp" => (Kind::Lmtp, 24),
        _ => (Kind::Smtp, 25),
    };
    let case = case(operations, request, usual_port).await?;
    let service = inbound_service(&settings, &operations.services, kind, "explain", false);
    let made = explain(&service, case).await;
    let pair = |(address, fate)| ExplainedRecipient { address, fate };
    Ok(Explained {
        stages: made.told.into_iter().map(stage).collect(),
        refused: made.replies.into_iter().map(|(command, reply)| ExplainedReply { command, reply }).collect(),
        recipients: made.recipients.into_iter().map(pair).collect(),
        fields: made.fields,
        sender: made.sender,
    })
}

async fn case(operations: &Operations, request: ExplainRequest, usual_port: u16) -> Result<Case, Failure> {
    let account = match &request.login {
        None => None,
        Some(name) => {
            let found = operations.services.directory.account_named(name).await;
            let found = found.map_err(|error| Failure::temporary("the directory is away").because(error))?;
            Some(Box::new(found.ok_or_else(|| Failure::failed(format!("there is no account {name}")))?))
        }
    };
    let server = match &request.server {
        Some(text) => endpoint(text, usual_port)?,
        None => SocketAddr::from(([127, 0, 0, 1], usual_port)),
    };
    let mail = match request.from.as_deref() {
        None => None,
        Some("" | "<>") => Some(MailFrom::default()),
        Some(text) => Some(MailFrom { reverse_path: Some(address(text)?), ..MailFrom::default() }),
    };
    let asks = |name: &str| request.notify.iter().any(|notice| notice == name);
    let notify = Notify { success: asks("success"), failure: asks("failure"), delay: asks("delay") };
    let notify = (!request.notify.is_empty()).then_some(notify);
    let recipient = |text: &String| address(text).map(|address| RcptTo { address, notify, original: None });
    let message = request
        .message
        .map(|text| STANDARD.decode(text).map_err(|error| Failure::usage("the message is not base64").because(error)));
    let mail = mail.map(|mail| MailFrom {
        size_octets: message.as_ref().and_then(|m| m.as_ref().ok()).map(|m| m.len() as u64),
        ..mail
    });
    Ok(Case {
        peer: Endpoint::Ip(endpoint(&request.client, 49_152)?),
        local: Endpoint::Ip(server),
        hello: request.hello,
        tls: request.tls,
        account,
        mail,
        recipients: request.to.iter().map(recipient).collect::<Result<_, _>>()?,
        message: message.transpose()?,
        results: request.results.iter().map(|text| result(text)).collect::<Result<_, _>>()?,
    })
}

/// A method and its result, as `spf=fail`.
fn result(text: &str) -> Result<(String, String), Failure> {
    let word = text.split_whitespace().next().unwrap_or_default();
    let pair = word.split_once('=').map(|(method, result)| (method.to_ascii_lowercase(), result.to_ascii_lowercase()));
    pair.ok_or_else(|| Failure::usage(format!("`{text}` is no result such as spf=fail")))
}

fn endpoint(text: &str, usual_port: u16) -> Result<SocketAddr, Failure> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, usual_port));
    }
    text.parse().map_err(|_| Failure::usage(format!("`{text}` is no address, such as 192.0.2.1 or 192.0.2.1:4321")))
}

fn address(text: &str) -> Result<Address, Failure> {
    let bare = text.trim_start_matches('<').trim_end_matches('>');
    bare.parse().map_err(|error| Failure::usage(format!("`{text}` is no address: {error}")))
}

fn stage(told: Told) -> ExplainedStage {
    let Told { stage, about, decision } = told;
    let decided_by = decision.decided_by;
    let reasons = decision.reasons.into_iter().enumerate().map(|(number, reason)| ExplainedReason {
        by: reason.by,
        place: reason.place,
        inputs: reason.inputs,
        effect: reason.effect,
        decides: decided_by == Some(number),
    });
    ExplainedStage {
        stage: stage.name().to_owned(),
        about,
        verdict: decision.verdict.to_string(),
        delay_ms: u64::try_from(decision.delay.as_millis()).unwrap_or(u64::MAX),
        reasons: reasons.collect(),
        troubles: decision.troubles,
        steps: decision.steps,
    }
}
