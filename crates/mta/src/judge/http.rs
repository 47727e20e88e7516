//! Pages asked over HTTP, for answers of a service of the operator's own: plain `http://`, one request a connection.
//!
//! 200 means yes, with what the page says; 204 means yes without words; 403 and 404 mean no; everything else is a failure.

use net::Resolver;
use net::fetch::{Fetched, Page};
use policy::lookup::Answer;
use std::error::Error;

/// Asks for a page; with a body, posts it.
pub async fn ask(resolver: &dyn Resolver, url: &str, body: Option<&str>) -> Answer {
    match request(resolver, url, body).await {
        Ok(page) => read(&page),
        Err(why) => Answer::Failed(why),
    }
}

async fn request(resolver: &dyn Resolver, url: &str, body: Option<&str>) -> Result<Fetched, String> {
    let Url { authority, host, port, path } = Url::read(url)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let page = Page { host, port, authority, path: &path };
    let body = body.map(|text| ("text/plain; charset=utf-8", text.to_owned().into()));
    page.ask(resolver, body).await.map_err(|error| match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    })
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

/// What a page says.
fn read(page: &Fetched) -> Answer {
    match page.status {
        200 => Answer::Found(String::from_utf8_lossy(&page.body).trim_end().to_owned()),
        204 => Answer::Found(String::new()),
        403 | 404 => Answer::NotFound,
        code => Answer::Failed(format!("the page answered {code}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_say_yes_no_or_fail() {
        let read =
            |status, body: &'static [u8]| read(&Fetched { status, media_type: String::new(), body: body.into() });
        assert_eq!(read(200, b"$Nno\r\n"), Answer::Found("$Nno".to_owned()));
        assert_eq!(read(204, b""), Answer::Found(String::new()));
        assert_eq!(read(404, b"x"), Answer::NotFound);
        assert!(matches!(read(500, b""), Answer::Failed(_)));
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
