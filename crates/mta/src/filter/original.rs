//! The message as the filters see it: as the client sent it, with what is known of its way. All filters look at the same
//! one, side by side, and none sees what another did.

use bytes::Bytes;
use model::TraceId;
use net::Endpoint;
use smtp::envelope::MailFrom;
use smtp::server::Kind;

/// What filters are told.
#[derive(Clone, Debug)]
pub struct Original {
    /// The transaction's name.
    pub trace: TraceId,
    /// The kind of the channel by which it came.
    pub kind: Kind,
    /// That channel, as tables and rules name it.
    pub source: String,
    /// From where.
    pub peer: Endpoint,
    /// How the client named itself; empty when it did not.
    pub hello: String,
    /// Whether TLS was on.
    pub tls: bool,
    /// As whom the client logged in.
    pub login: Option<String>,
    /// This server.
    pub host: String,
    /// The sender's half of the envelope.
    pub mail_from: MailFrom,
    /// For each recipient its address as the client gave it, then those of the accounts behind it.
    pub recipients: Vec<Vec<String>>,
    /// For each recipient the named channel by which its mail leaves; empty for none.
    pub outs: Vec<String>,
    /// The message with the fields that earlier stages put on top.
    pub message: Bytes,
}

impl Original {
    /// The sender; `<>` is nobody.
    pub fn sender(&self) -> String {
        self.mail_from.reverse_path.as_ref().map_or_else(|| "<>".to_owned(), ToString::to_string)
    }

    /// The sender without the signs of nobody.
    pub fn bare_sender(&self) -> String {
        self.mail_from.reverse_path.as_ref().map_or_else(String::new, ToString::to_string)
    }

    /// A recipient's address as the client gave it.
    pub fn recipient(&self, place: usize) -> &str {
        self.recipients.get(place).and_then(|names| names.first()).map_or("", String::as_str)
    }

    /// The client's address in brackets, as mail servers call a client without a name.
    pub fn client(&self) -> String {
        self.peer.ip().map_or_else(|| "localhost".to_owned(), |ip| format!("[{ip}]"))
    }
}

/// The fields on top of the body; a body that does not begin with a field gets an empty line first.
pub fn joined(fields: &[u8], body: &[u8]) -> Vec<u8> {
    let gap: &[u8] = if fields.is_empty() || message::edit::begins_with_field(body) { b"" } else { b"\r\n" };
    [fields, gap, body].concat()
}
