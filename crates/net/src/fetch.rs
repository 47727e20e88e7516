//! One small document over HTTPS, as RFC 8461 §3.3 wants it fetched: a certificate that is good for the host, no
//! redirection, a bound on time and size. And a page of the operator's own over HTTP, within the same bounds.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full, Limited};
use hyper::header::{ACCEPT_ENCODING, CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use model::TraceId;

use crate::connection::Connection;
use crate::dial;
use crate::error::Error;
use crate::limits;
use crate::resolver::{DnsError, Resolver};
use crate::shutdown::ShutdownToken;
use crate::tls::{ClientTls, Trust};

/// The port of HTTPS.
const PORT: u16 = 443;

/// Addresses of a host that are tried.
const ADDRESSES_MAX: usize = 4;

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The status code; 200 is the only one with which a document means anything.
    pub status: u16,
    /// The media type, in lower case and without parameters.
    pub media_type: String,
    /// The document.
    pub body: Bytes,
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The host has no address, or it cannot be found out.
    #[error("cannot find {host}")]
    NoAddress {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: DnsError,
    },
    /// The host does not answer.
    #[error("cannot reach {host}")]
    Unreachable {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: Error,
    },
    /// Its certificate is not good.
    #[error("{host} cannot prove who it is")]
    NotTrusted {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: Error,
    },
    /// It does not speak HTTP as it should, or says too much.
    #[error("{host} does not answer as it should: {why}")]
    Answer {
        /// The host.
        host: String,
        /// What is wrong.
        why: String,
    },
    /// It takes too long.
    #[error("{host} takes too long")]
    TooSlow {
        /// The host.
        host: String,
    },
}

/// Who fetches, handed in.
#[derive(Clone, Copy)]
pub struct Fetcher<'a> {
    /// Who knows names.
    pub resolver: &'a dyn Resolver,
    /// Whom to trust.
    pub tls: &'a ClientTls,
    /// When the program ends.
    pub shutdown: &'a ShutdownToken,
    /// What this belongs to.
    pub trace: TraceId,
}

impl Fetcher<'_> {
    /// `GET https://HOST/PATH`.
    ///
    /// # Errors
    /// [`FetchError`]; any status is an answer.
    pub async fn get(&self, host: &str, path: &str) -> Result<Fetched, FetchError> {
        self.exchange(host, path, None).await
    }

    /// `POST https://HOST/PATH` with a body of the media type.
    ///
    /// # Errors
    /// [`FetchError`]; any status is an answer.
    pub async fn post(&self, host: &str, path: &str, kind: &str, body: Bytes) -> Result<Fetched, FetchError> {
        self.exchange(host, path, Some((kind, body))).await
    }

    async fn exchange(&self, host: &str, path: &str, body: Option<(&str, Bytes)>) -> Result<Fetched, FetchError> {
        let exchange = Box::pin(self.exchange_slowly(host, path, body));
        let finished = tokio::time::timeout(limits::FETCH, exchange).await;
        finished.unwrap_or_else(|_| Err(FetchError::TooSlow { host: host.to_owned() }))
    }

    async fn exchange_slowly(
        &self,
        host: &str,
        path: &str,
        body: Option<(&str, Bytes)>,
    ) -> Result<Fetched, FetchError> {
        let named = || host.to_owned();
        let (name, port) =
            authority(host).ok_or_else(|| FetchError::Answer { host: named(), why: "it is no host".to_owned() })?;
        let mut connection = reach(self.resolver, name, port, self.trace, self.shutdown).await?;
        let started = connection.start_tls_as_client(self.tls, name, Trust::Required).await;
        started.map_err(|source| FetchError::NotTrusted { host: named(), source })?;
        let asked = Asked { authority: host, path, body };
        asked.over(connection).await.map_err(|why| FetchError::Answer { host: host.to_owned(), why })
    }
}

/// A page of a service of the operator's own.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// The name or address of its host, without brackets.
    pub host: &'a str,
    /// The port.
    pub port: u16,
    /// Host and port as they stand in the URL, which the page is asked under (RFC 9110 §7.2).
    pub authority: &'a str,
    /// What comes after them, with its slash.
    pub path: &'a str,
}

impl Page<'_> {
    /// `GET http://AUTHORITY/PATH`, or `POST` with a body of the media type. How long that may take, whoever asks knows.
    ///
    /// # Errors
    /// [`FetchError`]; any status is an answer.
    pub async fn ask(&self, resolver: &dyn Resolver, body: Option<(&str, Bytes)>) -> Result<Fetched, FetchError> {
        let Page { host, port, authority, path } = *self;
        let connection = reach(resolver, host, port, TraceId::default(), &ShutdownToken::never()).await?;
        let asked = Asked { authority, path, body };
        asked.over(connection).await.map_err(|why| FetchError::Answer { host: host.to_owned(), why })
    }
}

/// Connects to the first address of a host that answers.
async fn reach(
    resolver: &dyn Resolver,
    host: &str,
    port: u16,
    trace: TraceId,
    shutdown: &ShutdownToken,
) -> Result<Connection, FetchError> {
    let named = || host.to_owned();
    let sockets: Vec<SocketAddr> = match host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) => {
            let addresses = resolver.addresses(host).await;
            let addresses = addresses.map_err(|source| FetchError::NoAddress { host: named(), source })?;
            addresses.iter().map(|address| address.socket(port)).collect()
        }
    };
    let mut failed = Error::TlsNotPossible { why: "the host has no address" };
    for socket in sockets.into_iter().take(ADDRESSES_MAX) {
        match dial::tcp(socket, None, limits::CONNECT, trace, shutdown.clone()).await {
            Ok(connection) => return Ok(connection),
            Err(source) => failed = source,
        }
    }
    Err(FetchError::Unreachable { host: named(), source: failed })
}

/// A request.
struct Asked<'a> {
    authority: &'a str,
    path: &'a str,
    body: Option<(&'a str, Bytes)>,
}

impl Asked<'_> {
    async fn over(self, connection: Connection) -> Result<Fetched, String> {
        let (mut sender, driver) = hyper::client::conn::http1::handshake(TokioIo::new(connection.into_stream()))
            .await
            .map_err(|error| error.to_string())?;
        let request = match &self.body {
            None => Request::builder().method(Method::GET),
            Some((kind, _)) => Request::builder().method(Method::POST).header(CONTENT_TYPE, *kind),
        };
        let is_get = self.body.is_none();
        let octets = self.body.map_or_else(Bytes::new, |(_, octets)| octets);
        let payload = if octets.is_empty() { Empty::new().boxed() } else { Full::new(octets).boxed() };
        let request = request
            .uri(self.path)
            .header(HOST, self.authority)
            .header(ACCEPT_ENCODING, "identity")
            .body(payload)
            .map_err(|error| error.to_string())?;
        let answer = async {
            let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
            let status = response.status().as_u16();
            let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let media_type = media_type.and_then(|text| text.split(';').next()).unwrap_or_default();
            let media_type = media_type.trim().to_ascii_lowercase();
            let whole = Limited::new(response.into_body(), limits::FETCH_OCTETS).collect().await;
            let body = match whole {
                Ok(whole) => whole.to_bytes(),
                Err(error) if is_get => return Err(error.to_string()),
                // What is said to a document that was taken does not matter.
                Err(_) => Bytes::new(),
            };
            Ok(Fetched { status, media_type, body })
        };
        // The connection is driven beside the exchange and dropped with it.
        tokio::select! {
            answer = answer => answer,
            never = async { let _ended = driver.await; std::future::pending::<Infallible>().await } => match never {},
        }
    }
}

/// A host and its port, as they stand between `//` and the path (RFC 3986 §3.2).
fn authority(text: &str) -> Option<(&str, u16)> {
    match text.rsplit_once(':') {
        None => Some((text, PORT)),
        Some((host, port)) if !host.contains(':') => Some((host, port.parse().ok()?)),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_may_follow_the_host() {
        assert_eq!(authority("a.test"), Some(("a.test", 443)));
        assert_eq!(authority("a.test:8443"), Some(("a.test", 8443)));
        assert_eq!(authority("a.test:x"), None);
        assert_eq!(authority("a@b:1:2"), None);
    }
}
