//! Sockets, TLS, limits, name service and the HTTP server: everything that touches the network.
//!
//! Nothing here knows a mail protocol. A door implements [`listener::Door`] and receives [`connection::Connection`]s.
//!
//! | file | holds |
//! |---|---|
//! | `connection` | [`Connection`]: a stream, who is at the other end, and how to wait for it |
//! | `stream`, `socket`, `deflate` | [`Stream`]: one concrete type for TCP, Unix and in-memory, with optional TLS and DEFLATE |
//! | `tls/` | certificates by SNI, reload, client trust, channel bindings (RFC 5929, RFC 9266), self-signed certificates |
//! | `listener`, `admission`, `proxy` | accepting: limits by address and in total, the PROXY protocol from trusted peers |
//! | `datagram` | questions and answers in UDP datagrams, a bounded number at a time |
//! | `dial` | connecting out, with a time limit and a chosen source address |
//! | `shutdown` | [`Shutdown`] and its token: finish the transaction, then close |
//! | `resolver/` | [`Resolver`]: MX, addresses, TXT, PTR, TLSA, SRV; hickory's and one from a table |
//! | `fetch` | one small document over HTTPS |
//! | `http` | the one HTTP server and what a site is; `http/administration`: `/metrics`, `/health/live`, `/health/ready` |
//! | `metrics` | [`Registry`]: counters, gauges, histograms, written as Prometheus text |
//! | `clock`, `random` | time and randomness as things handed in |

pub mod admission;
pub mod clock;
pub mod connection;
pub mod datagram;
pub mod deflate;
pub mod dial;
pub mod endpoint;
pub mod error;
pub mod fetch;
pub mod fuzz;
pub mod http;
pub mod limits;
pub mod listener;
pub mod metrics;
pub mod proxy;
pub mod random;
pub mod resolver;
pub mod shutdown;
mod signals;
mod socket;
pub mod stream;
pub mod tls;

pub use clock::{Clock, SystemClock};
pub use connection::{Connection, Received};
pub use endpoint::{Endpoint, ListenAddress};
pub use error::Error;
pub use listener::{BoxFuture, Door, Listener, ListenerSettings, TlsUse};
pub use metrics::{Counter, Gauge, Histogram, Registry};
pub use random::{Random, SystemRandom};
pub use resolver::record::{Family, Srv, Tlsa};
pub use resolver::{DnsError, HostAddress, Mx, Resolver};
pub use shutdown::{Shutdown, ShutdownToken};
pub use stream::Stream;
pub use tls::{ClientTls, ServerTls, TlsInfo, Trust};
