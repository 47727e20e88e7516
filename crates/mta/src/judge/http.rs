//! Pages asked over HTTP, for answers of a service of the operator's own: plain `http://`, one request a connection.
//!
//! 200 means yes, with what the page says; 204 means yes without words; 403 and 404 mean no; everything else is a failure.

use net::Resolver;
use policy::limits::ANSWER_OCTETS_MAX;
use policy::lookup::Answer;
use std::net::{IpAddr, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Octets of a reply with its header.
const REPLY_OCTETS_MAX: u64 = (ANSWER_OCTETS_MAX + 16 * 1024) as u64;

/// Asks for a page; with a body, posts it.
pub async fn ask(resolver: &dyn Resolver, url: &str, body: Option<&str>) -> Answer {
    match request(resolver, url, body).await {
        Ok(reply) => read(&reply),
        Err(why) => Answer::Failed(why),
    }
}

async fn request(resolver: &dyn Resolver, url: &str, body: Option<&str>) -> Result<Vec<u8>, String> {
    let Url { authority, host, port, path } = Url::read(url)?;
    let address = match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        Ok(ip) => SocketAddr::new(ip, port),
        Err(_) => {
            let found = resolver.addresses(host).await.map_err(|error| error.to_string())?;
            found.first().map(|host| host.socket(port)).ok_or_else(|| format!("{host} has no address"))?
        }
    };
    let failed = |error: std::io::Error| format!("{address}: {error}");
    let mut stream = TcpStream::connect(address).await.map_err(failed)?;
    let method = if body.is_some() { "POST" } else { "GET" };
    let body = body.unwrap_or_default();
    // HTTP/1.0: the reply ends with the connection and comes in one piece.
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: {authority}\r\nUser-Agent: heliograph\r\nAccept: text/plain\r\nContent-Type: \
         text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.map_err(failed)?;
    stream.write_all(body.as_bytes()).await.map_err(failed)?;
    let mut reply = Vec::new();
    stream.take(REPLY_OCTETS_MAX).read_to_end(&mut reply).await.map_err(failed)?;
    Ok(reply)
}

struct Url<'a> {
    /// Host and port as the operator wrote them, which the page is asked under (RFC 9110 §7.2).
    authority: &'a str,
    host: &'a str,
    port: u16,
    path: String,
}

impl<'a> Url<'a> {
    fn read(url: &'a str) -> Result<Url<'a>, String> {
        let rest = url.strip_prefix("http://").ok_or_else(|| format!("`{url}` does not begin with http://"))?;
        if rest.contains(|character: char| character.is_control() || character == ' ' || !character.is_ascii()) {
            return Err(format!("`{url}` holds what no URL has"));
        }
        let (authority, path) =
            rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len())).unwrap_or((rest, ""));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| format!("`{port}` is no port"))?)
            }
            _ => (authority, 80),
        };
        if host.is_empty() || host.contains('@') {
            return Err(format!("`{url}` names no host"));
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Url { authority, host, port, path })
    }
}

/// What a whole reply says.
fn read(reply: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(reply);
    let code = text.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok());
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body).trim_end();
    match code {
        Some(200) => Answer::Found(body.to_owned()),
        Some(204) => Answer::Found(String::new()),
        Some(403 | 404) => Answer::NotFound,
        Some(code) => Answer::Failed(format!("the page answered {code}")),
        None => Answer::Failed("that was no reply of HTTP".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_say_yes_no_or_fail() {
        assert_eq!(read(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n$Nno\r\n"), Answer::Found("$Nno".to_owned()));
        assert_eq!(read(b"HTTP/1.1 404 Not Found\r\n\r\n"), Answer::NotFound);
        assert!(matches!(read(b"HTTP/1.1 500 x\r\n\r\n"), Answer::Failed(_)));
        assert!(matches!(read(b""), Answer::Failed(_)));
    }

    #[test]
    fn urls_are_taken_apart() {
        let read = |url| Url::read(url).map(|url| (url.host.to_owned(), url.port, url.path));
        assert_eq!(read("http://h:81/a?b"), Ok(("h".to_owned(), 81, "/a?b".to_owned())));
        assert_eq!(Url::read("http://h:81/a").map(|url| url.authority), Ok("h:81"), "what the page is asked under");
        assert_eq!(read("http://[::1]?q"), Ok(("[::1]".to_owned(), 80, "/?q".to_owned())));
        for wrong in ["https://h/", "http:///x", "http://h/a b", "http://a@h/", "http://h/\r\nX: y", "http://h:x/"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
