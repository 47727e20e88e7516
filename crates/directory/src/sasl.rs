//! The SASL mechanisms (RFC 4422), both sides, without input or output: PLAIN (RFC 4616), LOGIN, SCRAM-SHA-1 (RFC 5802) and
//! SCRAM-SHA-256 (RFC 7677), with and without channel binding.

pub mod client;
pub mod plain;
pub mod scram;

/// What ties a login to its TLS connection (RFC 5056).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelBindings {
    /// `tls-exporter` (RFC 9266): 32 octets.
    pub exporter: Option<Vec<u8>>,
    /// `tls-server-end-point` (RFC 5929 §4): the hash of the server's certificate.
    pub server_end_point: Option<Vec<u8>>,
}

impl ChannelBindings {
    /// Whether any can be used.
    pub fn is_empty(&self) -> bool {
        self.exporter.is_none() && self.server_end_point.is_none()
    }

    /// The data of the binding type of this name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        match name {
            "tls-exporter" => self.exporter.as_deref(),
            "tls-server-end-point" => self.server_end_point.as_deref(),
            _ => None,
        }
    }
}
