//! Every bound of this crate, with its unit and its reason. Those that an operator may change are settings' defaults.

use std::time::Duration;

/// Octets taken from a socket at once. A TLS record holds at most 16 KiB; larger reads gain nothing measurable.
pub const READ_OCTETS: usize = 16 * 1024;
/// Connections of one listener at one time, unless set.
pub const CONNECTIONS: usize = 20_000;
/// Connections from one address (IPv4) or one /64 (IPv6) at one time, unless set.
pub const CONNECTIONS_PER_ADDRESS: usize = 100;
/// Time that a TLS handshake may take: a slow phone network needs seconds, an attacker would take for ever.
pub const HANDSHAKE: Duration = Duration::from_secs(30);
/// Time that a trusted proxy has to say for whom it speaks; it is near and sends it at once.
pub const PROXY_HEADER: Duration = Duration::from_secs(5);
/// Octets of a PROXY header, version 1 (the specification's own figure).
pub const PROXY_V1_OCTETS: usize = 107;
/// Octets of a PROXY header, version 2, with its extensions. The length field allows 64 KiB; real ones stay below 300.
pub const PROXY_V2_OCTETS: usize = 4096;
/// Time that connecting to another host may take (RFC 5321 leaves it to the system; five minutes is too long).
pub const CONNECT: Duration = Duration::from_secs(30);
/// Time for the text that tells a peer that it has too many connections.
pub const REFUSAL: Duration = Duration::from_secs(2);
/// Pause after `accept` fails for want of file descriptors, so that the listener does not spin.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Octets that a DEFLATE layer compresses before it insists on writing them out.
pub const DEFLATE_PENDING_OCTETS: usize = 32 * 1024;
/// Time that one question to the name service may take, with its retries.
pub const DNS_QUESTION: Duration = Duration::from_secs(20);
/// Answers that the name service cache holds.
pub const DNS_CACHE_ANSWERS: u64 = 16 * 1024;
/// Records of one answer that are used; the rest of an absurd answer is dropped.
pub const DNS_RECORDS: usize = 64;
/// Series of one metric name; beyond it they are counted together.
pub const METRIC_SERIES: usize = 512;
/// Time that an HTTP request's head may take to arrive.
pub const HTTP_HEAD: Duration = Duration::from_secs(10);
/// Octets of an HTTP request's head.
pub const HTTP_HEAD_OCTETS: usize = 16 * 1024;
/// Octets of a datagram that are read; what is longer is cut, and its door sees one octet more than it may take.
pub const DATAGRAM_OCTETS: usize = 4096;
/// Time that fetching one document over HTTPS may take in all (RFC 8461 §3.3 suggests one minute).
pub const FETCH: Duration = Duration::from_secs(60);
/// Octets of a fetched document (RFC 8461 §3.3 suggests 64 kilobytes).
pub const FETCH_OCTETS: usize = 64 * 1024;
