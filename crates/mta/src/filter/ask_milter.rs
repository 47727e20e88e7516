//! A conversation with a milter: the engine of [`smtp::milter::client`] on a wire.

use crate::filter::failure::{Failure, Strange};
use crate::filter::original::Original;
use crate::filter::report::{Report, tidy};
use crate::filter::wire::Wire;
use bytes::Buf;
use model::Address;
use net::Endpoint;
use smtp::milter::client::{Event, Judgement, Macros, Message, Session};
use smtp::milter::command::{Field, Path, Peer};
use smtp::milter::flags::Stage;
use smtp::milter::response::{Change, Verdict};
use smtp::reply::Reply;
use smtp::status::EnhancedStatus;

/// Asks about the message and the recipients at `places`.
pub async fn ask(
    wire: &mut Wire,
    session: &mut Session,
    original: &Original,
    places: &[usize],
) -> Result<Report, Failure> {
    let client = original.client();
    let at = message::header::octets(&original.message);
    let told = Message {
        host: &client,
        peer: peer_of(original.peer),
        hello: &original.hello,
        sender: Path::of(&original.bare_sender(), sender_arguments(original)),
        recipients: places.iter().map(|place| recipient(original.recipient(*place))).collect(),
        header: message::header::fields(&original.message).map(|field| field_of(&field)).collect(),
        body: original.message.get(at..).unwrap_or_default(),
        macros: macros(original, &client),
    };
    loop {
        let mut input: &[u8] = &wire.input;
        let before = input.len();
        let event = session.receive(&mut input, &told);
        let used = before - input.len();
        wire.input.advance(used);
        let event = event.map_err(|offence| wire.strange(&Strange(offence.to_string())))?;
        match event {
            Event::NeedMore => {
                wire.send(&session.take_output(), "telling the message").await?;
                wire.more("waiting for an answer").await?;
            }
            Event::Flush => wire.send(&session.take_output(), "telling the message").await?,
            // A sign of life: the next wait has its own time.
            Event::Progress => {}
            Event::Done(judgement) => return report(judgement, wire),
        }
    }
}

fn peer_of(peer: Endpoint) -> Peer {
    match peer {
        Endpoint::Ip(address) => Peer::Ip(std::net::SocketAddr::new(address.ip().to_canonical(), address.port())),
        Endpoint::Unix => Peer::Unix("local".to_owned()),
        Endpoint::Memory => Peer::Unknown,
    }
}

fn sender_arguments(original: &Original) -> Vec<String> {
    let mut arguments = vec![format!("SIZE={}", original.message.len())];
    if original.mail_from.smtputf8 {
        arguments.push("SMTPUTF8".to_owned());
    }
    match original.mail_from.body {
        smtp::envelope::BodyKind::SevenBit => {}
        smtp::envelope::BodyKind::EightBitMime => arguments.push("BODY=8BITMIME".to_owned()),
        smtp::envelope::BodyKind::BinaryMime => arguments.push("BODY=BINARYMIME".to_owned()),
    }
    arguments
}

fn recipient(address: &str) -> (Path, Macros) {
    let host = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    let macros = [("{rcpt_mailer}", "smtp"), ("{rcpt_host}", host), ("{rcpt_addr}", address)];
    (Path::of(address, Vec::new()), named(&macros))
}

/// A field as milters know it: folded lines are parted by line feeds alone.
fn field_of(field: &message::header::Field<'_>) -> Field {
    let name = String::from_utf8_lossy(field.name).into_owned();
    let value = field.value.iter().copied().filter(|octet| *octet != b'\r').collect();
    Field { name, value }
}

fn named(values: &[(&str, &str)]) -> Macros {
    let given = values.iter().filter(|(_, value)| !value.is_empty());
    given.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The macros by the names that sendmail and Postfix gave them.
fn macros(original: &Original, client: &str) -> Vec<(Stage, Macros)> {
    let ip = original.peer.ip().map(|ip| ip.to_string()).unwrap_or_default();
    let port = original.peer.port().map(|port| port.to_string()).unwrap_or_default();
    let daemon = match original.kind {
        smtp::server::Kind::Smtp => "smtp",
        smtp::server::Kind::Submission => "submission",
        smtp::server::Kind::Lmtp => "lmtp",
    };
    let id = original.trace.to_string();
    let sender = original.bare_sender();
    let host =
        original.mail_from.reverse_path.as_ref().map(|path: &Address| path.domain.to_string()).unwrap_or_default();
    let through = if ip.is_empty() { client.to_owned() } else { format!("{client} [{ip}]") };
    let login = original.login.as_deref().unwrap_or_default();
    let kind = if login.is_empty() { "" } else { "PLAIN" };
    let tls = if original.tls { "TLS" } else { "" };
    let connect = [
        ("j", original.host.as_str()),
        ("_", &through),
        ("{daemon_name}", daemon),
        ("{client_addr}", &ip),
        ("{client_name}", client),
        ("{client_port}", &port),
        ("v", "Heliograph"),
    ];
    let mail = [
        ("i", id.as_str()),
        ("{auth_authen}", login),
        ("{auth_type}", kind),
        ("{mail_addr}", &sender),
        ("{mail_host}", &host),
        ("{mail_mailer}", "smtp"),
    ];
    vec![
        (Stage::Connect, named(&connect)),
        (Stage::Helo, named(&[("{tls_version}", tls)])),
        (Stage::Mail, named(&mail)),
        (Stage::Data, named(&[("i", &id)])),
        (Stage::EndOfHeader, named(&[("i", &id)])),
        (Stage::EndOfMessage, named(&[("i", &id)])),
    ]
}

fn report(judgement: Judgement, wire: &Wire) -> Result<Report, Failure> {
    let Judgement { refusal, refused, changes, body, fields_cut: _ } = judgement;
    let quarantine = changes.iter().find_map(|change| match change {
        Change::Quarantine(reason) => Some(tidy(reason)),
        _ => None,
    });
    let mut report = Report { body, quarantine, ..Report::default() };
    report.changes = changes.into_iter().filter(|change| !matches!(change, Change::Quarantine(_))).collect();
    report.refused = refused.into_iter().filter_map(|(place, verdict)| Some((place, reply_of(&verdict)?))).collect();
    match refusal {
        None => {
            if report.quarantine.is_some() {
                report.verdict = Some("quarantine".to_owned());
            }
        }
        Some(Verdict::Discard) => {
            report.verdict = Some("discard".to_owned());
            report.discards = true;
        }
        Some(Verdict::ConnectionFailed) => return Err(wire.lost("judging the message")),
        Some(verdict) => {
            report.refusal = reply_of(&verdict);
            let temporary = report.refusal.as_ref().is_some_and(Reply::is_temporary);
            report.verdict = Some(if temporary { "try later" } else { "reject" }.to_owned());
        }
    }
    Ok(report)
}

/// The reply that a verdict means, if it refuses anything.
fn reply_of(verdict: &Verdict) -> Option<Reply> {
    let reply = |code, class, text: &str| Some(Reply::new(code, EnhancedStatus::new(class, 7, 1), text));
    match verdict {
        Verdict::Reject => reply(550, 5, "refused by a filter"),
        Verdict::TryLater => reply(451, 4, "a filter asks to try again later"),
        Verdict::Shutdown => reply(421, 4, "a filter asks to try again later"),
        Verdict::Reply(said) => {
            let mut said = said.clone();
            let class = if said.is_temporary() { 4 } else { 5 };
            said.status.get_or_insert(EnhancedStatus::new(class, 7, 1));
            Some(said)
        }
        Verdict::Continue | Verdict::Accept | Verdict::Discard | Verdict::Skip | Verdict::ConnectionFailed => None,
    }
}
