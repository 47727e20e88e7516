//! A conversation with an ICAP server: the message is shown as the response to a made-up request (RFC 3507 §4.9), its
//! beginning first where the server wants that (§4.5).

use crate::filter::failure::{Failure, Strange};
use crate::filter::http::{self, Framing, Head, value};
use crate::filter::icap::{self, Options};
use crate::filter::limits::{GROWTH_OCTETS_MAX, PIECE_OCTETS};
use crate::filter::original::Original;
use crate::filter::report::Report;
use crate::filter::wire::Wire;

/// Asks what the server allows.
pub async fn options(wire: &mut Wire, service: &str) -> Result<Options, Failure> {
    let host = value(wire.host());
    let request = format!(
        "OPTIONS icap://{host}/{} ICAP/1.0\r\nHost: {host}\r\nEncapsulated: null-body=0\r\n\r\n",
        value(service)
    );
    wire.send(request.as_bytes(), "asking for its options").await?;
    let head = wire.head("ICAP/", "asking for its options").await?;
    let options = icap::options(&head).map_err(|strange| wire.strange(&strange))?;
    // An opt-body is allowed and of no use to us.
    let has_body = head.field("encapsulated").is_some_and(|parts| parts.contains("opt-body"));
    if has_body {
        wire.body(Framing::Chunked, GROWTH_OCTETS_MAX, "asking for its options").await?;
    }
    Ok(options)
}

/// Asks about the message; the flag says whether the connection can be used again.
pub async fn ask(
    wire: &mut Wire,
    original: &Original,
    service: &str,
    options: Options,
    preview_max: usize,
) -> Result<(Report, bool), Failure> {
    let message: &[u8] = &original.message;
    let preview = options.preview.map(|wanted| wanted.min(preview_max.max(1)).min(message.len()));
    wire.send(head(wire.host(), original, service, options, preview).as_bytes(), "sending the message").await?;
    let answer = match preview {
        None => {
            send_chunks(wire, message, "0\r\n\r\n").await?;
            wire.head("ICAP/", "waiting for the verdict").await?
        }
        Some(octets) => {
            let (first, rest) = message.split_at_checked(octets).unwrap_or((message, &[]));
            let end = if rest.is_empty() { "0; ieof\r\n\r\n" } else { "0\r\n\r\n" };
            send_chunks(wire, first, end).await?;
            let answer = wire.head("ICAP/", "waiting whether it wants the rest").await?;
            if answer.status == 100 {
                send_chunks(wire, rest, "0\r\n\r\n").await?;
                wire.head("ICAP/", "waiting for the verdict").await?
            } else {
                answer
            }
        }
    };
    let can_stay = !answer.field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    match answer.status {
        204 => Ok((icap::report(&answer, None, b"", message), can_stay)),
        200 | 201 => {
            let (inner, body) = encapsulated(wire, &answer, message.len()).await?;
            Ok((icap::report(&Head { status: 200, ..answer }, inner, &body, message), can_stay))
        }
        status => Err(wire.declined(format!("{status} {}", answer.reason))),
    }
}

fn head(host: &str, original: &Original, service: &str, options: Options, preview: Option<usize>) -> String {
    let (host, service) = (value(host), value(service));
    let request =
        format!("GET http://{}/{}.eml HTTP/1.1\r\nHost: {}\r\n\r\n", original.host, original.trace, original.host);
    let response = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: message/rfc822\r\nContent-Length: {}\r\n\r\n",
        original.message.len()
    );
    let mut head = format!("RESPMOD icap://{host}/{service} ICAP/1.0\r\nHost: {host}\r\n");
    if options.allows_204 {
        head.push_str("Allow: 204\r\n");
    }
    if let Some(octets) = preview {
        head.push_str(&format!("Preview: {octets}\r\n"));
    }
    if let Some(ip) = original.peer.ip() {
        head.push_str(&format!("X-Client-IP: {ip}\r\n"));
    }
    let (first, second) = (request.len(), request.len() + response.len());
    head.push_str(&format!("Encapsulated: req-hdr=0, res-hdr={first}, res-body={second}\r\n\r\n{request}{response}"));
    head
}

async fn send_chunks(wire: &mut Wire, octets: &[u8], end: &str) -> Result<(), Failure> {
    for piece in octets.chunks(PIECE_OCTETS) {
        wire.send(format!("{:x}\r\n", piece.len()).as_bytes(), "sending the message").await?;
        wire.send(piece, "sending the message").await?;
        wire.send(b"\r\n", "sending the message").await?;
    }
    wire.send(end.as_bytes(), "sending the message").await
}

/// The response that stands in place of the message: its status and its body.
async fn encapsulated(wire: &mut Wire, answer: &Head, sent: usize) -> Result<(Option<u16>, Vec<u8>), Failure> {
    let Some((octets, has_body)) = icap::encapsulated(answer) else {
        return Err(wire.strange(&Strange::new("an answer that does not say what it holds")));
    };
    let inner = wire.body(Framing::Length(octets), GROWTH_OCTETS_MAX, "receiving the verdict").await?;
    let status = http::head(&inner, "HTTP/").ok().flatten().map(|(head, _)| head.status);
    let body = match has_body {
        true => wire.body(Framing::Chunked, sent + GROWTH_OCTETS_MAX, "receiving the verdict").await?,
        false => Vec::new(),
    };
    Ok((status, body))
}
