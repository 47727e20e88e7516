//! TLS 1.2 and 1.3 on both sides, by rustls with ring.

pub mod binding;
pub mod certificates;
mod client;
pub mod dane;
pub mod distrust;
pub mod self_signed;
mod server;

use rustls::ProtocolVersion;
use rustls::SupportedCipherSuite;

pub use certificates::{CertificateFiles, Certificates};
pub use client::{ClientTls, Trust, TrustVerdict};
pub use server::{ServerTls, TlsFloor};

/// What is known of a connection's TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsInfo {
    /// `TLSv1.2` or `TLSv1.3`, as Received fields write it (RFC 8314 §4.3).
    pub version: &'static str,
    /// The cipher suite by its IANA name.
    pub cipher: String,
    /// The name that the client asked for (RFC 6066 §3), on either side.
    pub server_name: Option<String>,
    /// The `tls-exporter` channel binding (RFC 9266 §3). Only under TLS 1.3: below it the value is safe only with the
    /// extended master secret, which rustls does not report.
    pub exporter: Option<[u8; 32]>,
    /// The `tls-server-end-point` channel binding (RFC 5929 §4), where the certificate's signature names a hash.
    pub server_end_point: Option<Vec<u8>>,
    /// On the client's side: whether the server's certificate stood the test. `None` on the server's side.
    pub trust: Option<TrustVerdict>,
}

/// The label and length of RFC 9266 §4.1.
const EXPORTER_LABEL: &[u8] = b"EXPORTER-Channel-Binding";

fn version_name(version: Option<ProtocolVersion>) -> &'static str {
    match version {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        _ => "TLS",
    }
}

fn cipher_name(suite: Option<SupportedCipherSuite>) -> String {
    // rustls writes TLS 1.3 suites as TLS13_AES_…, IANA as TLS_AES_….
    suite
        .and_then(|suite| suite.suite().as_str().map(|name| name.replacen("TLS13_", "TLS_", 1)))
        .unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(test)]
mod tests;
