//! What an ICAP server answers to a response modification (RFC 3507 §4.9), read: 204 lets the message pass; 200 brings another
//! response in its place, with what was found in fields that servers share. Pure.

use crate::filter::failure::Strange;
use crate::filter::http::Head;
use crate::filter::limits::PIECE_OCTETS;
use crate::filter::report::Report;

/// Fields in which servers name what they found, in the order in which they are believed.
const THREAT_FIELDS: &[&str] = &["x-infection-found", "x-virus-id", "x-virus-name", "x-threat-name"];

/// What an `OPTIONS` answer allows (RFC 3507 §4.10.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Octets that it wants to see first; `None` when it takes no previews.
    pub preview: Option<usize>,
    /// Whether it may answer 204 outside of previews.
    pub allows_204: bool,
}

/// Reads an answer to `OPTIONS`.
///
/// # Errors
/// The server does not know the service.
pub fn options(head: &Head) -> Result<Options, Strange> {
    if head.status != 200 {
        return Err(Strange(format!("the service answered {} {}", head.status, head.reason)));
    }
    let methods = head.field("methods").unwrap_or("RESPMOD");
    if !methods.split(',').any(|method| method.trim().eq_ignore_ascii_case("RESPMOD")) {
        return Err(Strange::new("the service does not modify responses"));
    }
    let preview = head.field("preview").and_then(|octets| octets.trim().parse::<usize>().ok());
    let allows_204 = head.field("allow").is_some_and(|codes| codes.split(',').any(|code| code.trim() == "204"));
    Ok(Options { preview: preview.map(|octets| octets.min(PIECE_OCTETS)), allows_204 })
}

/// Where the parts of an answer's body begin (RFC 3507 §4.4.1): the length of the encapsulated head, and whether a body
/// follows it.
pub fn encapsulated(head: &Head) -> Option<(usize, bool)> {
    let mut end = None;
    for part in head.field("encapsulated")?.split(',') {
        let (name, offset) = part.trim().split_once('=')?;
        match name.trim() {
            "res-body" => end = Some((offset.trim().parse().ok()?, true)),
            "null-body" => end = Some((offset.trim().parse().ok()?, false)),
            _ => {}
        }
    }
    end
}

/// What the answer says: `inner` is the encapsulated response's status, `body` its body, `sent` what was shown.
pub fn report(head: &Head, inner: Option<u16>, body: &[u8], sent: &[u8]) -> Report {
    let threat = THREAT_FIELDS.iter().find_map(|name| head.field(name)).map(threat_name);
    let clean = Report { virus: Some(1), ..Report::default() };
    match threat {
        Some(name) => Report { virus: Some(5), ..Report::found(&name) },
        // A server that cannot say 204 sends the message back as it was.
        None if head.status == 200 && inner.is_none_or(|status| status == 200) && body == sent => clean,
        None if head.status == 200 => {
            let status = inner.unwrap_or(200);
            Report { virus: Some(4), ..Report::found(&format!("blocked ({status})")) }
        }
        None => clean,
    }
}

/// `Type=0; Resolution=2; Threat=NAME;` names the threat; others have the name alone.
fn threat_name(value: &str) -> String {
    let named = value.split(';').filter_map(|part| part.split_once('='));
    let mut threat =
        named.filter(|(name, _)| name.trim().eq_ignore_ascii_case("threat")).map(|(_, value)| value.trim());
    threat.next_back().unwrap_or(value).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::http;

    fn head(text: &str) -> Head {
        http::head(format!("{}\r\n\r\n", text.replace('\n', "\r\n")).as_bytes(), "ICAP/").unwrap().unwrap().0
    }

    #[test]
    fn what_servers_say() {
        let infected = head(
            "ICAP/1.0 200 OK\nX-Infection-Found: Type=0; Resolution=2; Threat=Eicar;\nEncapsulated: res-hdr=0, res-body=108",
        );
        assert_eq!(report(&infected, Some(403), b"page", b"x").verdict.as_deref(), Some("Eicar"));
        assert_eq!(encapsulated(&infected), Some((108, true)));
        let plain = head("ICAP/1.0 200 OK\nEncapsulated: res-hdr=0, null-body=20");
        assert_eq!(report(&plain, Some(200), b"x", b"x").virus, Some(1));
        assert_eq!(report(&plain, Some(403), b"page", b"x").verdict.as_deref(), Some("blocked (403)"));
        assert_eq!(encapsulated(&plain), Some((20, false)));
        assert_eq!(report(&head("ICAP/1.0 204 No Content"), None, b"", b"x").virus, Some(1));
    }

    #[test]
    fn options_are_read() {
        let read = options(&head("ICAP/1.0 200 OK\nMethods: RESPMOD, REQMOD\nPreview: 4096\nAllow: 204, 206")).unwrap();
        assert_eq!(read, Options { preview: Some(4096), allows_204: true });
        assert!(options(&head("ICAP/1.0 404 Service not found")).is_err());
        assert!(options(&head("ICAP/1.0 200 OK\nMethods: REQMOD")).is_err());
    }
}
