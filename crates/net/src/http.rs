//! The administration HTTP listener: `GET /metrics`, `/health/live` and `/health/ready`, and nothing else.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};

use crate::connection::Connection;
use crate::limits;
use crate::listener::{BoxFuture, Door};
use crate::metrics::Registry;
use crate::shutdown::ShutdownToken;

/// Says what keeps the program from doing its work; nothing when it can.
pub type Readiness = Arc<dyn Fn() -> Vec<String> + Send + Sync>;

/// The administration door.
pub struct Administration {
    registry: Registry,
    readiness: Readiness,
}

impl Administration {
    /// A door that shows `registry` and asks `readiness`.
    pub fn new(registry: Registry, readiness: Readiness) -> Administration {
        Administration { registry, readiness }
    }

    fn answer(&self, method: &Method, path: &str, draining: bool) -> Response<Full<Bytes>> {
        if method != Method::GET && method != Method::HEAD {
            return text(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered here\n".to_owned());
        }
        match path {
            "/metrics" => {
                let mut response = text(StatusCode::OK, self.registry.render());
                let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
                response.headers_mut().insert(CONTENT_TYPE, kind);
                response
            }
            "/health/live" => text(StatusCode::OK, "alive\n".to_owned()),
            "/health/ready" if draining => text(StatusCode::SERVICE_UNAVAILABLE, "shutting down\n".to_owned()),
            "/health/ready" => match (self.readiness)().as_slice() {
                [] => text(StatusCode::OK, "ready\n".to_owned()),
                reasons => text(StatusCode::SERVICE_UNAVAILABLE, reasons.join("\n") + "\n"),
            },
            _ => text(StatusCode::NOT_FOUND, "nothing is here\n".to_owned()),
        }
    }
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

impl Door for Administration {
    fn serve(self: Arc<Self>, connection: Connection) -> BoxFuture<'static, ()> {
        let token: ShutdownToken = connection.shutdown().clone();
        let draining = token.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let response = self.answer(request.method(), request.uri().path(), draining.is_draining());
            async move { Ok::<_, Infallible>(response) }
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
                tracing::debug!(cause = %error, "administration connection ended early");
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::BytesMut;

    async fn get(path: &str, reasons: &'static [&'static str]) -> String {
        let registry = Registry::new();
        registry.counter("seen_total", "Seen.", &[]).add(1);
        let readiness: Readiness = Arc::new(|| reasons.iter().map(ToString::to_string).collect());
        let door = Arc::new(Administration::new(registry, readiness));
        let (ours, mut theirs) = Connection::pair(4096);
        let client = async {
            let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            theirs.send(request.as_bytes(), None).await.unwrap();
            let mut answer = BytesMut::new();
            while theirs.receive(&mut answer, None).await.unwrap() != crate::Received::Closed {}
            String::from_utf8(answer.to_vec()).unwrap()
        };
        tokio::join!(door.serve(ours), client).1
    }

    #[tokio::test]
    async fn metrics_are_shown() {
        let answer = get("/metrics", &[]).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("version=0.0.4"), "{answer}");
        assert!(answer.ends_with("seen_total 1\n"), "{answer}");
    }

    #[tokio::test]
    async fn health_tells_why_not() {
        assert!(get("/health/live", &["no store"]).await.starts_with("HTTP/1.1 200"));
        assert!(get("/health/ready", &[]).await.starts_with("HTTP/1.1 200"));
        let answer = get("/health/ready", &["no store"]).await;
        assert!(answer.starts_with("HTTP/1.1 503") && answer.ends_with("no store\n"), "{answer}");
        assert!(get("/etc/passwd", &[]).await.starts_with("HTTP/1.1 404"));
    }
}
