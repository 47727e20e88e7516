//! A conversation with rspamd over HTTP: a message is judged (`/checkv2`) or learned (`/learnspam`, `/learnham`).

use crate::filter::failure::{Failure, Strange};
use crate::filter::http::{Framing, value};
use crate::filter::limits::ANSWER_OCTETS_MAX;
use crate::filter::original::Original;
use crate::filter::report::Report;
use crate::filter::rspamd;
use crate::filter::wire::Wire;

/// Asks about the message and the recipients at `places`; the flag says whether the connection can be used again.
pub async fn ask(wire: &mut Wire, original: &Original, places: &[usize]) -> Result<(Report, bool), Failure> {
    let mut head = format!(
        "POST /checkv2 HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\nQueue-Id: {}\r\nFrom: {}\r\nMTA-Name: {}\r\n",
        value(wire.host()),
        original.message.len(),
        original.trace,
        value(&original.bare_sender()),
        value(&original.host)
    );
    for place in places {
        head.push_str(&format!("Rcpt: {}\r\n", value(original.recipient(*place))));
    }
    let ip = original.peer.ip().map(|ip| ip.to_string());
    let optional = [
        ("IP", ip.as_deref()),
        ("Helo", Some(original.hello.as_str()).filter(|hello| !hello.is_empty())),
        ("User", original.login.as_deref()),
        ("TLS-Version", original.tls.then_some("TLS")),
    ];
    for (name, text) in optional {
        if let Some(text) = text {
            head.push_str(&format!("{name}: {}\r\n", value(text)));
        }
    }
    head.push_str("\r\n");
    let (status, json, closes) = exchange(wire, &head, &original.message).await?;
    if status != 200 {
        return Err(wire.declined(format!("HTTP status {status}")));
    }
    let report = rspamd::read(&json).map_err(|strange| wire.strange(&strange))?;
    Ok((report, !closes))
}

/// Teaches it that a message is spam, or is not.
pub async fn learn(wire: &mut Wire, password: Option<&str>, is_spam: bool, message: &[u8]) -> Result<(), Failure> {
    let path = if is_spam { "/learnspam" } else { "/learnham" };
    let password = password.map_or_else(String::new, |password| format!("Password: {}\r\n", value(password)));
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\nConnection: close\r\n{password}\r\n",
        value(wire.host()),
        message.len()
    );
    match exchange(wire, &head, message).await? {
        // 204 and 208: it knows the message already, or has nothing to learn from it.
        (200 | 204 | 208, ..) => Ok(()),
        (status, ..) => Err(wire.declined(format!("HTTP status {status}"))),
    }
}

async fn exchange(wire: &mut Wire, head: &str, message: &[u8]) -> Result<(u16, Vec<u8>, bool), Failure> {
    wire.send(head.as_bytes(), "sending the message").await?;
    wire.send(message, "sending the message").await?;
    let answer = wire.head("HTTP/", "waiting for the verdict").await?;
    let framing = answer.framing().map_err(|Strange(why)| wire.strange(&Strange(why)))?;
    let body = wire.body(framing, ANSWER_OCTETS_MAX, "receiving the verdict").await?;
    Ok((answer.status, body, answer.closes() || framing == Framing::UntilClosed))
}
