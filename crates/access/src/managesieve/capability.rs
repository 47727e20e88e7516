//! What the server says of itself (RFC 5804 §1.7).

use crate::managesieve::frame;

/// What is offered to a client now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// TLS can start.
    pub can_start_tls: bool,
    /// Credentials are taken.
    pub can_log_in: bool,
    /// SASL mechanisms.
    pub mechanisms: Vec<String>,
    /// Extensions that scripts may require.
    pub extensions: Vec<String>,
    /// Methods of `notify`.
    pub methods: Vec<String>,
    /// How often one run may redirect.
    pub redirects_max: usize,
}

/// Appends the capabilities, one a line. `owner` is who has logged in.
pub fn write(offer: &Offer, owner: Option<&str>, output: &mut Vec<u8>) {
    let mut line = |name: &str, value: Option<&str>| {
        frame::write(name.as_bytes(), output);
        if let Some(value) = value {
            output.push(b' ');
            frame::write(value.as_bytes(), output);
        }
        output.extend_from_slice(b"\r\n");
    };
    line("IMPLEMENTATION", Some("Heliograph"));
    line("SIEVE", Some(&offer.extensions.join(" ")));
    line("SASL", Some(&offer.mechanisms.join(" ")));
    if offer.can_start_tls {
        line("STARTTLS", None);
    }
    line("MAXREDIRECTS", Some(&offer.redirects_max.to_string()));
    if !offer.methods.is_empty() {
        line("NOTIFY", Some(&offer.methods.join(" ")));
    }
    line("UNAUTHENTICATE", None);
    if let Some(owner) = owner {
        line("OWNER", Some(owner));
    }
    line("VERSION", Some("1.0"));
}
