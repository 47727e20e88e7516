//! What CAPA lists (RFC 2449 §5, §6): only what works, and only where it does.

/// What a connection can offer at the moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// Whether STLS would work: a certificate is there and TLS is not yet in use.
    pub can_start_tls: bool,
    /// Whether credentials may be sent, because nobody can listen.
    pub can_log_in: bool,
    /// The SASL mechanisms, in upper case, the strongest first.
    pub mechanisms: Vec<String>,
}

/// Appends the lines of CAPA, without the response's first and last.
pub fn write(offer: &Offer, is_logged_in: bool, output: &mut Vec<u8>) {
    let mut line = |text: &str| {
        output.extend_from_slice(text.as_bytes());
        output.extend_from_slice(b"\r\n");
    };
    line("TOP");
    line("UIDL");
    line("PIPELINING");
    line("RESP-CODES");
    line("AUTH-RESP-CODE");
    line("EXPIRE NEVER");
    line("UTF8 USER");
    if !is_logged_in && offer.can_log_in {
        line("USER");
        if !offer.mechanisms.is_empty() {
            line(&format!("SASL {}", offer.mechanisms.join(" ")));
        }
    }
    if !is_logged_in && offer.can_start_tls {
        line("STLS");
    }
    line("IMPLEMENTATION Heliograph");
}
