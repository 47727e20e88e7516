//! What the policy would do, told step by step and done to nobody: the same hearing as a session has, without effects.

use crate::inbound::entry::{self, Asked};
use crate::inbound::recipient::Accepted;
use crate::inbound::service::Service;
use crate::judge::hearing::{From, Hearing, Told};
use crate::judge::lookups::Effects;
use crate::judge::whole::{self, Whole};
use directory::entry::Account;
use model::TraceId;
use net::Endpoint;
use smtp::envelope::{Envelope, MailFrom, RcptTo};
use smtp::reply::Reply;

/// What is to be explained: as much of a session as is known.
#[derive(Debug)]
pub struct Case {
    /// The client.
    pub peer: Endpoint,
    /// Our end.
    pub local: Endpoint,
    /// How the client names itself; without it only the connection is explained.
    pub hello: Option<String>,
    /// Whether TLS is on.
    pub tls: bool,
    /// Who has logged in.
    pub account: Option<Box<Account>>,
    /// The sender; without one nothing behind EHLO is explained.
    pub mail: Option<MailFrom>,
    /// The recipients.
    pub recipients: Vec<RcptTo>,
    /// The message.
    pub message: Option<Vec<u8>>,
    /// What its authentication found: method and result, such as `spf` and `fail`.
    pub results: Vec<(String, String)>,
}

/// What would happen.
#[derive(Debug, Default)]
pub struct Explanation {
    /// Each decision, in order.
    pub told: Vec<Told>,
    /// What the client would be told, where that is not what the protocol says anyway: at which command, and the reply.
    pub replies: Vec<(String, String)>,
    /// What would become of each recipient.
    pub recipients: Vec<(String, String)>,
    /// The fields that would be put on top of the message.
    pub fields: String,
    /// The envelope sender at the end, when there is a message.
    pub sender: Option<String>,
}

/// Explains a case on a listener.
pub async fn explain(service: &Service, case: Case) -> Explanation {
    let mut made = Explanation::default();
    let mut hearing = Hearing::new(&service.parts.judge, service.kind, case.peer, case.local, Effects::Off);
    let refused = hear(service, &mut hearing, case, &mut made).await;
    let mut told = hearing.take_told();
    told.append(&mut made.told);
    made.told = told;
    if let Err((command, reply)) = refused {
        made.replies.push((command, reply));
    }
    made
}

type Ended = Result<(), (String, String)>;

async fn hear(service: &Service, hearing: &mut Hearing, case: Case, made: &mut Explanation) -> Ended {
    let trace = TraceId(0);
    if let Some(reply) = entry::connection(service, hearing, case.peer).await {
        return Err(ended("connection", &reply));
    }
    if let Some(line) = hearing.connect(trace).await {
        return Err(("connection".to_owned(), line));
    }
    let Some(hello) = &case.hello else { return Ok(()) };
    hearing.hello(trace, hello).await.map_err(|reply| ended("EHLO", &reply))?;
    let Some(mail) = case.mail else { return Ok(()) };
    let from = From { is_extended: true, tls: case.tls, account: case.account.as_deref() };
    entry::sender(service, hearing, trace, &mail, &from).await.map_err(|reply| ended("MAIL FROM", &reply))?;
    let mut envelope = Envelope { mail_from: mail, recipients: Vec::new() };
    let mut accepted = Vec::new();
    for rcpt in case.recipients {
        let asked = Asked {
            trace,
            octets: envelope.mail_from.size_octets.unwrap_or(0),
            account: case.account.as_deref(),
            before: accepted.len(),
            peer: case.peer,
            hello,
            reverse_path: envelope.mail_from.reverse_path.as_ref(),
        };
        match entry::recipient(service, hearing, &rcpt, asked).await {
            Ok(found) => {
                accepted.push(found);
                envelope.recipients.push(rcpt);
            }
            Err(reply) => made.replies.push(ended(&format!("RCPT TO:<{}>", rcpt.address), &reply)),
        }
    }
    if accepted.is_empty() {
        return Ok(());
    }
    hearing.data(trace).await.map_err(|reply| ended("DATA", &reply))?;
    if let (Some(mut body), Some(mut heard)) = (case.message, hearing.heard()) {
        let mut fields = Vec::new();
        let whole = Whole {
            trace,
            envelope: &mut envelope,
            recipients: &mut accepted,
            body: &mut body,
            fields: &mut fields,
            heard: &mut heard,
            authentication: case.results,
            must_queue: false,
        };
        let outcome = whole::examine(service, whole).await;
        made.told.append(&mut heard.told);
        outcome.map_err(|reply| ended("the end of the message", &reply))?;
        made.fields = String::from_utf8_lossy(&fields).into_owned();
        made.sender = Some(envelope.mail_from.reverse_path.map_or_else(String::new, |address| address.to_string()));
    }
    made.recipients = accepted.iter().map(|accepted| (accepted.address.to_string(), fate(accepted))).collect();
    Ok(())
}

fn ended(command: &str, reply: &Reply) -> (String, String) {
    let status = reply.status.map_or_else(String::new, |status| format!("{status} "));
    (command.to_owned(), format!("{} {status}{}", reply.code, reply.text()))
}

fn fate(accepted: &Accepted) -> String {
    match &accepted.route {
        _ if accepted.is_nobody() => "discarded".to_owned(),
        None => {
            let accounts: Vec<&str> = accepted.targets.iter().map(|target| target.account.address.as_str()).collect();
            format!("filed for {}", accounts.join(", "))
        }
        Some(route) if route.channel == queue::entry::Channel::Held => "held in the queue".to_owned(),
        Some(route) => format!("queued for {} {}", route.channel, route.destination).trim_end().to_owned(),
    }
}
