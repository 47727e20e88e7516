//! The one HTTP server: sites that are read, each behind a door of its own.

pub mod administration;

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};

use crate::connection::Connection;
use crate::limits;
use crate::listener::{BoxFuture, Door};

/// A page, as it is handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The status code (RFC 9110 §15).
    pub status: u16,
    /// The media type.
    pub media_type: &'static str,
    /// The page.
    pub body: String,
}

impl Page {
    /// Plain text.
    pub fn text(status: u16, body: impl Into<String>) -> Page {
        Page { status, media_type: "text/plain; charset=utf-8", body: body.into() }
    }
}

/// What is asked for with GET or HEAD.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The host that the client means, without a port; empty when it does not say.
    pub host: &'a str,
    /// The path, without a query.
    pub path: &'a str,
    /// Whether the server is about to end.
    pub is_draining: bool,
}

/// What a door shows.
pub trait Site: Send + Sync {
    /// The page; `None` where nothing is.
    fn page<'a>(&'a self, asked: Asked<'a>) -> BoxFuture<'a, Option<Page>>;
}

/// A door that shows a site.
pub struct Web {
    site: Arc<dyn Site>,
}

impl Web {
    /// For this site.
    pub fn new(site: impl Site + 'static) -> Web {
        Web { site: Arc::new(site) }
    }
}

async fn answer(site: &dyn Site, request: &Request<Incoming>, is_draining: bool) -> Response<Full<Bytes>> {
    let page = if request.method() != Method::GET && request.method() != Method::HEAD {
        Page::text(405, "only GET is answered here\n")
    } else {
        let said = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        let host = request.uri().authority().map(|authority| authority.as_str()).or(said).unwrap_or_default();
        let asked = Asked { host: without_port(host), path: request.uri().path(), is_draining };
        site.page(asked).await.unwrap_or_else(|| Page::text(404, "nothing is here\n"))
    };
    let mut response = Response::new(Full::new(Bytes::from(page.body)));
    *response.status_mut() = StatusCode::from_u16(page.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(page.media_type));
    response
}

/// The name in `name:port`; addresses in brackets keep them.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|octet| octet.is_ascii_digit()) => name,
        _ => host,
    }
}

impl Door for Web {
    fn serve(self: Arc<Self>, connection: Connection) -> BoxFuture<'static, ()> {
        let token = connection.shutdown().clone();
        let draining = token.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let (site, is_draining) = (Arc::clone(&self.site), draining.is_draining());
            async move { Ok::<_, Infallible>(answer(&*site, &request, is_draining).await) }
        });
        Box::pin(async move {
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(limits::HTTP_HEAD)
                .max_buf_size(limits::HTTP_HEAD_OCTETS)
                .serve_connection(TokioIo::new(connection.into_stream()), service);
            let mut served = std::pin::pin!(served);
            let finished = tokio::select! {
                finished = served.as_mut() => finished,
                () = token.draining() => {
                    served.as_mut().graceful_shutdown();
                    served.await
                }
            };
            if let Err(error) = finished {
                tracing::debug!(cause = %error, "a web connection ended early");
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_known_without_their_port() {
        assert_eq!(without_port("mta-sts.a.test:8443"), "mta-sts.a.test");
        assert_eq!(without_port("a.test"), "a.test");
        assert_eq!(without_port("[::1]:80"), "[::1]");
        assert_eq!(without_port("[::1]"), "[::1]");
    }
}
