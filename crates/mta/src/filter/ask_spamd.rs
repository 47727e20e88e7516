//! A conversation with SpamAssassin's spamd: one connection for each message.

use crate::filter::failure::{Failure, Strange};
use crate::filter::http::value;
use crate::filter::limits::{ANSWER_OCTETS_MAX, GROWTH_OCTETS_MAX};
use crate::filter::original::Original;
use crate::filter::report::{Report, tidy};
use crate::filter::settings::SpamdCommand;
use crate::filter::spamd::{self, Head};
use crate::filter::wire::Wire;
use bytes::Buf;

/// Asks about the message; what came back with the report is the whole message as spamd rewrote it, when it was asked for.
pub async fn ask(
    wire: &mut Wire,
    original: &Original,
    command: SpamdCommand,
    user: Option<&str>,
) -> Result<(Report, Option<Vec<u8>>), Failure> {
    let word = match command {
        SpamdCommand::Check => "CHECK",
        SpamdCommand::Symbols => "SYMBOLS",
        SpamdCommand::Process => "PROCESS",
    };
    // SpamAssassin reads from the uppermost Received field who brought the message; ours is put on top only later.
    let received = received(original);
    let head = request(word, user, "", received.len() + original.message.len());
    wire.send(head.as_bytes(), "sending the message").await?;
    wire.send(received.as_bytes(), "sending the message").await?;
    wire.send(&original.message, "sending the message").await?;
    let head = read_head(wire).await?;
    let mut report = spamd::report(&head).map_err(|strange| wire.strange(&strange))?;
    let octets_max = match command {
        SpamdCommand::Process => original.message.len() + GROWTH_OCTETS_MAX,
        SpamdCommand::Check | SpamdCommand::Symbols => ANSWER_OCTETS_MAX,
    };
    let body = rest(wire, &head, octets_max).await?;
    if command == SpamdCommand::Symbols && report.verdict.is_some() {
        let rules = tidy(&String::from_utf8_lossy(&body));
        report.verdict = report.verdict.map(|verdict| tidy(&format!("{verdict} {rules}")));
    }
    let rewritten = (command == SpamdCommand::Process).then(|| without(&body, received.as_bytes()));
    Ok((report, rewritten))
}

/// Teaches it that a message is spam, or is not.
pub async fn learn(wire: &mut Wire, user: Option<&str>, is_spam: bool, message: &[u8]) -> Result<(), Failure> {
    let class = if is_spam { "spam" } else { "ham" };
    let head = request("TELL", user, &format!("Message-class: {class}\r\nSet: local\r\n"), message.len());
    wire.send(head.as_bytes(), "sending the message").await?;
    wire.send(message, "sending the message").await?;
    read_head(wire).await.map(|_| ())
}

fn request(word: &str, user: Option<&str>, more: &str, octets: usize) -> String {
    let user = user.map_or_else(String::new, |user| format!("User: {}\r\n", value(user)));
    format!("{word} SPAMC/1.5\r\nContent-length: {octets}\r\n{user}{more}\r\n")
}

async fn read_head(wire: &mut Wire) -> Result<Head, Failure> {
    loop {
        match spamd::head(&wire.input).map_err(|strange| wire.strange(&strange))? {
            Some(head) if head.code != 0 => return Err(wire.declined(format!("{} {}", head.code, head.name))),
            Some(head) => {
                wire.input.advance(head.octets.min(wire.input.len()));
                return Ok(head);
            }
            None => wire.more("waiting for the verdict").await?,
        }
    }
}

/// What follows the head: as long as it says, or up to the end.
async fn rest(wire: &mut Wire, head: &Head, octets_max: usize) -> Result<Vec<u8>, Failure> {
    let too_long = |wire: &Wire| wire.strange(&Strange(format!("more than {octets_max} octets")));
    if head.length.is_some_and(|length| length > octets_max) {
        return Err(too_long(wire));
    }
    loop {
        if wire.input.len() > octets_max {
            return Err(too_long(wire));
        }
        match head.length {
            Some(length) if wire.input.len() >= length => return Ok(wire.input.split_to(length).to_vec()),
            _ => {}
        }
        if !wire.more_or_end("receiving the verdict").await? {
            return match head.length {
                Some(_) => Err(wire.lost("receiving the verdict")),
                None => Ok(wire.input.split().to_vec()),
            };
        }
    }
}

fn received(original: &Original) -> String {
    let from = original.peer.ip().map_or_else(|| "local socket".to_owned(), |ip| format!("[{ip}]"));
    let with = if original.login.is_some() { "ESMTPA" } else { "ESMTP" };
    let hello = if original.hello.is_empty() { "unknown" } else { original.hello.as_str() };
    let hello: String = hello.chars().filter(|c| c.is_ascii_graphic()).collect();
    format!("Received: from {hello} ({from}) by {} with {with} id {}\r\n", original.host, original.trace)
}

/// The message without the first place where `piece` stands, its lines ended by CRLF.
fn without(message: &[u8], piece: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len());
    let mut before = 0;
    for octet in message {
        if *octet == b'\n' && before != b'\r' {
            out.push(b'\r');
        }
        out.push(*octet);
        before = *octet;
    }
    if let Some(at) = out.windows(piece.len().max(1)).position(|window| window == piece) {
        out.drain(at..at + piece.len());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::without;

    #[test]
    fn the_field_for_spamd_alone_does_not_come_back() {
        let message = b"X-Spam: Yes\nReceived: from x\nSubject: y\n\nbody\r\n";
        assert_eq!(without(message, b"Received: from x\r\n"), b"X-Spam: Yes\r\nSubject: y\r\n\r\nbody\r\n");
        assert_eq!(without(b"a\r\n", b"zz\r\n"), b"a\r\n");
    }
}
