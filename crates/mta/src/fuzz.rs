//! Entry points for the fuzzer: whatever filters answer, nothing panics and no bound is passed.

use crate::filter::http::{self, Body, Framing};
use crate::filter::{clamd, icap, rspamd, spamd};

/// Octets that a body may have here.
const OCTETS_MAX: usize = 4_096;

/// Heads and bodies of HTTP; the first octet chooses how the input is cut.
pub fn fuzz_filter_http(data: &[u8]) {
    let Some((&first, rest)) = data.split_first() else { return };
    let Ok(Some((head, used))) = http::head(rest, "HTTP/") else { return };
    let Ok(framing) = head.framing() else { return };
    let mut body = Body::new(framing, OCTETS_MAX);
    let mut held = Vec::new();
    for piece in rest.get(used..).unwrap_or_default().chunks(usize::from(first) + 1) {
        held.extend_from_slice(piece);
        let Ok(used) = body.feed(&held) else { return };
        held.drain(..used);
    }
    assert!(body.into_octets().len() <= OCTETS_MAX, "bodies are bounded");
}

/// rspamd's JSON.
pub fn fuzz_filter_rspamd(data: &[u8]) {
    if let Ok(report) = rspamd::read(data) {
        assert!(report.told().len() < 16_384, "what is told of it is bounded");
    }
}

/// spamd's heads.
pub fn fuzz_filter_spamd(data: &[u8]) {
    if let Ok(Some(head)) = spamd::head(data) {
        assert!(head.octets <= data.len(), "a head lies in its input");
        let _ = spamd::report(&head);
    }
}

/// clamd's lines.
pub fn fuzz_filter_clamd(data: &[u8]) {
    let _ = clamd::read(data);
}

/// ICAP's heads and what they hold.
pub fn fuzz_filter_icap(data: &[u8]) {
    let Ok(Some((head, used))) = http::head(data, "ICAP/") else { return };
    let _ = icap::options(&head);
    let rest = data.get(used..).unwrap_or_default();
    let Some((octets, _)) = icap::encapsulated(&head) else { return };
    let mut inner = Body::new(Framing::Length(octets), OCTETS_MAX);
    let _ = inner.feed(rest);
    let inner = http::head(&inner.into_octets(), "HTTP/").ok().flatten().map(|(head, _)| head.status);
    let _ = icap::report(&head, inner, rest, b"sent").told();
}
