//! What can go wrong on the network, with the operation and the object named.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::endpoint::{Endpoint, ListenAddress};
use crate::tls::distrust::Distrust;

/// A failure of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address could not be listened on: taken, forbidden, or not of this machine.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: ListenAddress,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The Unix socket's path holds something that is not a socket, which is never removed.
    #[error("cannot listen on unix:{path}: something that is not a socket is there", path = path.display())]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// A connection could not be made.
    #[error("cannot connect to {peer}")]
    Connect {
        /// To whom.
        peer: Endpoint,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A connection was not answered in time.
    #[error("{peer} did not answer within {}", humane(*after))]
    ConnectTimeout {
        /// To whom.
        peer: Endpoint,
        /// How long it was waited for.
        after: Duration,
    },
    /// The TLS handshake failed.
    #[error("TLS handshake with {peer} failed")]
    Handshake {
        /// With whom.
        peer: Endpoint,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The TLS handshake took too long.
    #[error("TLS handshake with {peer} was not done within {}", humane(*after))]
    HandshakeTimeout {
        /// With whom.
        peer: Endpoint,
        /// How long it was waited for.
        after: Duration,
    },
    /// TLS was asked for twice, or where no certificate is configured.
    #[error("TLS cannot start here: {why}")]
    TlsNotPossible {
        /// What stands against it.
        why: &'static str,
    },
    /// A certificate, key or root file could not be used.
    #[error("cannot use {what} {path}: {why}", path = path.display())]
    Certificate {
        /// "certificate", "key" or "root certificates".
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it, for a person.
        why: String,
    },
    /// A self-signed certificate could not be made.
    #[error("cannot make a self-signed certificate: {why}")]
    SelfSigned {
        /// Why.
        why: String,
    },
    /// The trusted proxy's header was missing or broken.
    #[error("{peer} is a trusted proxy but sent no proper PROXY header")]
    Proxy {
        /// The proxy.
        peer: Endpoint,
        /// The offence.
        #[source]
        source: crate::proxy::ProxyError,
    },
    /// The peer closed, or the socket failed.
    #[error("connection with {peer} was lost")]
    Lost {
        /// With whom.
        peer: Endpoint,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The name service could not be set up.
    #[error("cannot set up the name service: {why}")]
    NameService {
        /// Why.
        why: String,
    },
}

impl Error {
    /// Why the server was not believed, where a handshake failed for its certificate.
    pub fn distrust(&self) -> Option<Distrust> {
        let Error::Handshake { source, .. } = self else { return None };
        Distrust::of(source.get_ref()?.downcast_ref()?)
    }
}

/// A duration in whole seconds, or milliseconds when it is short.
fn humane(duration: Duration) -> String {
    if duration.as_secs() > 0 { format!("{} s", duration.as_secs()) } else { format!("{} ms", duration.as_millis()) }
}
