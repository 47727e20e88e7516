//! One small document over HTTPS, as RFC 8461 §3.3 wants it fetched: a certificate that is good for the host, no
//! redirection, a bound on time and size.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full, Limited};
use hyper::header::{ACCEPT_ENCODING, CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use model::TraceId;

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
        let addresses = self.resolver.addresses(name).await;
        let addresses = addresses.map_err(|source| FetchError::NoAddress { host: named(), source })?;
        let mut connected = None;
        for address in addresses.iter().take(ADDRESSES_MAX) {
            let shutdown = self.shutdown.clone();
            match dial::tcp(address.socket(port), None, limits::CONNECT, self.trace, shutdown).await {
                Ok(connection) => {
                    connected = Some(Ok(connection));
                    break;
                }
                Err(source) => connected = Some(Err(source)),
            }
        }
        let strange = |why: String| FetchError::Answer { host: named(), why };
        let mut connection = connected
            .unwrap_or(Err(Error::TlsNotPossible { why: "the host has no address" }))
            .map_err(|source| FetchError::Unreachable { host: named(), source })?;
        let started = connection.start_tls_as_client(self.tls, name, Trust::Required).await;
        started.map_err(|source| FetchError::NotTrusted { host: named(), source })?;
        let (mut sender, driver) = hyper::client::conn::http1::handshake(TokioIo::new(connection.into_stream()))
            .await
            .map_err(|error| strange(error.to_string()))?;
        let request = match &body {
            None => Request::builder().method(Method::GET),
            Some((kind, _)) => Request::builder().method(Method::POST).header(CONTENT_TYPE, *kind),
        };
        let is_get = body.is_none();
        let octets = body.map_or_else(Bytes::new, |(_, octets)| octets);
        let payload = if octets.is_empty() { Empty::new().boxed() } else { Full::new(octets).boxed() };
        let request = request
            .uri(path)
            .header(HOST, host)
            .header(ACCEPT_ENCODING, "identity")
            .body(payload)
            .map_err(|error| strange(error.to_string()))?;
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
            answer = answer => answer.map_err(strange),
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
