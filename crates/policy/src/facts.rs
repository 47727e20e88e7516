//! What is known of a session and a transaction when it is judged.

use std::net::SocketAddr;

use model::network_of;

/// The protocol of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// From anywhere (RFC 5321).
    #[default]
    Smtp,
    /// From our users (RFC 6409).
    Submission,
    /// From a neighbour (RFC 2033).
    Lmtp,
}

impl Protocol {
    /// Its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Smtp => "smtp",
            Protocol::Submission => "submission",
            Protocol::Lmtp => "lmtp",
        }
    }
}

/// All that is known so far. What a stage does not know yet is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The protocol.
    pub protocol: Protocol,
    /// Our end; `None` for a Unix socket.
    pub server: Option<SocketAddr>,
    /// The client's end; `None` for a Unix socket.
    pub client: Option<SocketAddr>,
    /// How the client named itself.
    pub hello: String,
    /// Whether it said EHLO or LHLO.
    pub is_extended: bool,
    /// Whether TLS is on.
    pub tls: bool,
    /// The address of the account that logged in.
    pub login: Option<String>,
    /// The channel that the session belongs to.
    pub source: String,
    /// The envelope sender; empty for `<>`.
    pub sender: Option<String>,
    /// The recipient that is judged.
    pub recipient: Option<Recipient>,
    /// Octets that were announced, or have come.
    pub octets: u64,
    /// What the authentication of the message found: method and result, such as `spf` and `fail`.
    pub authentication: Vec<(String, String)>,
    /// Fields of the message's header, decoded.
    pub header: Vec<(String, String)>,
    /// The words that earlier stages put on it.
    pub tags: Vec<String>,
    /// The points that earlier stages gave.
    pub score: f64,
}

/// One recipient.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipient {
    /// The address.
    pub address: String,
    /// The channel that it goes to.
    pub destination: String,
    /// Whether a notice of delay was asked for.
    pub notify_delay: bool,
    /// Whether a notice of failure was asked for.
    pub notify_failure: bool,
    /// Whether a notice of success was asked for.
    pub notify_success: bool,
}

impl Facts {
    /// A value by its name in the keys of rules: `client`, `network` (the client's /24 or /64), `hello`, `login`, `sender`,
    /// `sender_domain`, `recipient`, `recipient_domain`, `source`, `destination`, `port`.
    pub fn value(&self, name: &str) -> Option<String> {
        let domain = |address: &str| address.rsplit_once('@').map_or("", |(_, domain)| domain).to_owned();
        let sender = self.sender.as_deref().unwrap_or_default();
        let recipient = self.recipient.as_ref();
        let to = recipient.map_or("", |recipient| recipient.address.as_str());
        Some(match name {
            "client" => self.client_address(),
            "network" => self.client_network(),
            "hello" => self.hello.clone(),
            "login" => self.login.clone().unwrap_or_default(),
            "sender" => sender.to_owned(),
            "sender_domain" => domain(sender),
            "recipient" => to.to_owned(),
            "recipient_domain" => domain(to),
            "source" => self.source.clone(),
            "destination" => recipient.map_or_else(String::new, |recipient| recipient.destination.clone()),
            "port" => self.server.map_or_else(String::new, |server| server.port().to_string()),
            _ => return None,
        })
    }

    /// The client's address; empty for a Unix socket.
    pub fn client_address(&self) -> String {
        self.client.map_or_else(String::new, |client| client.ip().to_canonical().to_string())
    }

    fn client_network(&self) -> String {
        const V4_BITS: u8 = 24;
        const V6_BITS: u8 = 64;
        let Some(client) = self.client else { return String::new() };
        let network = network_of(client.ip(), V4_BITS, V6_BITS);
        format!("{network}/{}", if network.is_ipv4() { V4_BITS } else { V6_BITS })
    }

    /// The names that [`Facts::value`] knows.
    pub const NAMES: &'static [&'static str] = &[
        "client",
        "network",
        "hello",
        "login",
        "sender",
        "sender_domain",
        "recipient",
        "recipient_domain",
        "source",
        "destination",
        "port",
    ];
}
