//! What operators' programs read: `GET /metrics`, `/health/live` and `/health/ready`, and nothing else.

use std::sync::Arc;

use crate::http::{Asked, Page, Site};
use crate::listener::BoxFuture;
use crate::metrics::Registry;

/// Says what keeps the program from doing its work; nothing when it can.
pub type Readiness = Arc<dyn Fn() -> Vec<String> + Send + Sync>;

/// Metrics and health.
pub struct Administration {
    registry: Registry,
    readiness: Readiness,
}

impl Administration {
    /// Shows `registry` and asks `readiness`.
    pub fn new(registry: Registry, readiness: Readiness) -> Administration {
        Administration { registry, readiness }
    }
}

impl Site for Administration {
    fn page<'a>(&'a self, asked: Asked<'a>) -> BoxFuture<'a, Option<Page>> {
        Box::pin(async move {
            Some(match asked.path {
                "/metrics" => Page {
                    media_type: "text/plain; version=0.0.4; charset=utf-8",
                    ..Page::text(200, self.registry.render())
                },
                "/health/live" => Page::text(200, "alive\n"),
                "/health/ready" if asked.is_draining => Page::text(503, "shutting down\n"),
                "/health/ready" => match (self.readiness)().as_slice() {
                    [] => Page::text(200, "ready\n"),
                    reasons => Page::text(503, reasons.join("\n") + "\n"),
                },
                _ => return None,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Connection;
    use crate::http::Web;
    use crate::listener::Door;
    use bytes::BytesMut;

    async fn get(path: &str, reasons: &'static [&'static str]) -> String {
        let registry = Registry::new();
        registry.counter("seen_total", "Seen.", &[]).add(1);
        let readiness: Readiness = Arc::new(|| reasons.iter().map(ToString::to_string).collect());
        let door = Arc::new(Web::new(Administration::new(registry, readiness)));
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
