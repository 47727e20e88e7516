//! What an operator says about the meter that is asked.

use std::net::SocketAddr;
use std::time::Duration;

use crate::secret::Secret;

/// Where the meter is and how long to wait for it.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// The servers, in the order in which they are preferred.
    pub servers: Vec<SocketAddr>,
    /// What both sides know.
    pub secret: Secret,
    /// The longest wait for a connection, and for a place among the questions under way.
    pub connect_wait: Duration,
    /// The longest wait for an answer.
    pub read_wait: Duration,
    /// How long a server is left alone after a failure.
    pub connect_frequency: Duration,
    /// Questions under way at a time.
    pub outstanding_max: usize,
}
