//! `heliograph explain`: what the policy would do, step by step, done to nobody.

use std::fmt::Write as _;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand, ValueEnum};

use crate::commands::show::show;
use crate::context::Context;
use crate::control::client;
use crate::control::request::Request;
use crate::failure::Failure;
use crate::verbs::policy::{ExplainRequest, Explained, ExplainedStage, PolicyRequest};

/// What can be explained.
#[derive(Debug, Subcommand)]
pub enum ExplainVerb {
    /// A connection, before the greeting.
    Connection {
        #[command(flatten)]
        session: Session,
    },
    /// A session up to its recipients.
    Envelope {
        #[command(flatten)]
        session: Session,
        #[command(flatten)]
        envelope: Transaction,
    },
    /// A whole message.
    Message {
        /// The file with the message.
        file: PathBuf,
        #[command(flatten)]
        session: Session,
        #[command(flatten)]
        envelope: Transaction,
        /// A result of the message's authentication, such as spf=fail; can be given more than once.
        #[arg(long, value_name = "METHOD=RESULT")]
        result: Vec<String>,
    },
}

/// The session.
#[derive(Debug, Args)]
pub struct Session {
    /// The client's address, with its port if that matters.
    #[arg(long, value_name = "ADDRESS")]
    client: String,
    /// Our address and port.
    #[arg(long, value_name = "ADDRESS:PORT")]
    server: Option<String>,
    /// The protocol of the listener.
    #[arg(long, value_enum, default_value_t = Spoken::Smtp)]
    protocol: Spoken,
}

/// What the client says.
#[derive(Debug, Args)]
pub struct Transaction {
    /// How the client names itself.
    #[arg(long, default_value = "client.invalid", value_name = "NAME")]
    hello: String,
    /// Under TLS.
    #[arg(long)]
    tls: bool,
    /// Logged in as this account.
    #[arg(long, value_name = "ACCOUNT")]
    login: Option<String>,
    /// The envelope sender; <> for the empty one.
    #[arg(long, value_name = "ADDRESS")]
    from: String,
    /// A recipient; can be given more than once.
    #[arg(long, value_name = "ADDRESS")]
    to: Vec<String>,
    /// A notice that is asked for; can be given more than once.
    #[arg(long, value_parser = ["success", "failure", "delay"])]
    notify: Vec<String>,
}

/// A protocol.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Spoken {
    /// From anywhere.
    Smtp,
    /// From our users.
    Submission,
    /// From a neighbour.
    Lmtp,
}

/// Does it.
///
/// # Errors
/// Why it cannot be explained.
pub fn run(verb: ExplainVerb, context: &Context) -> Result<(), Failure> {
    let request = match verb {
        ExplainVerb::Connection { session } => of_session(session),
        ExplainVerb::Envelope { session, envelope } => of_envelope(session, envelope),
        ExplainVerb::Message { file, session, envelope, result } => {
            let octets = std::fs::read(&file)
                .map_err(|error| Failure::failed(format!("cannot read {}", file.display())).because(error))?;
            let message = Some(STANDARD.encode(octets));
            ExplainRequest { message, results: result, ..of_envelope(session, envelope) }
        }
    };
    let report = client::ask(context, Request::Policy(PolicyRequest::Explain(Box::new(request))))?;
    show(context, report, |explained: Explained| written(&explained))
}

fn of_session(session: Session) -> ExplainRequest {
    let protocol = match session.protocol {
        Spoken::Smtp => "smtp",
        Spoken::Submission => "submission",
        Spoken::Lmtp => "lmtp",
    };
    ExplainRequest {
        client: session.client,
        server: session.server,
        protocol: protocol.to_owned(),
        ..ExplainRequest::default()
    }
}

fn of_envelope(session: Session, envelope: Transaction) -> ExplainRequest {
    ExplainRequest {
        hello: Some(envelope.hello),
        tls: envelope.tls,
        login: envelope.login,
        from: Some(envelope.from),
        to: envelope.to,
        notify: envelope.notify,
        ..of_session(session)
    }
}

fn written(explained: &Explained) -> String {
    let mut text: String = explained.stages.iter().map(stage).collect();
    for refused in &explained.refused {
        let _infallible = writeln!(text, "refused at {}: {}", refused.command, refused.reply);
    }
    for recipient in &explained.recipients {
        let _infallible = writeln!(text, "<{}> is {}", recipient.address, recipient.fate);
    }
    if let Some(sender) = &explained.sender {
        let _infallible = writeln!(text, "from <{sender}>");
    }
    for line in explained.fields.lines() {
        let _infallible = writeln!(text, "added: {line}");
    }
    if explained.refused.is_empty() && explained.recipients.is_empty() {
        text.push_str("nothing is refused\n");
    }
    text
}

fn stage(stage: &ExplainedStage) -> String {
    if stage.steps.is_empty() && stage.reasons.is_empty() {
        return String::new();
    }
    let mut text = format!("{} {}\n", stage.stage, stage.about).replace(" \n", "\n");
    for step in &stage.steps {
        let _infallible = writeln!(text, "  {step}");
    }
    for reason in &stage.reasons {
        let mark = if reason.decides { " (decides)" } else { "" };
        let _infallible = writeln!(text, "  = {} by {} at {}{mark}", reason.effect, reason.by, reason.place);
    }
    for trouble in &stage.troubles {
        let _infallible = writeln!(text, "  ! {trouble}");
    }
    if stage.delay_ms > 0 {
        let _infallible = writeln!(text, "  = the reply waits {} ms", stage.delay_ms);
    }
    let _infallible = writeln!(text, "  => {}", stage.verdict);
    text
}
