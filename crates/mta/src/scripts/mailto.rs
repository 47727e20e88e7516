//! `mailto:` URIs (RFC 6068), as notifications name whom to tell.

use model::Address;

/// Recipients of one notification.
const RECIPIENTS_MAX: usize = 10;

/// A `mailto:` URI (RFC 6068 §2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mailto {
    /// To whom.
    pub to: Vec<Address>,
    /// The subject.
    pub subject: Option<String>,
    /// The text.
    pub body: Option<String>,
}

impl Mailto {
    /// Reads a URI. Fields besides `to`, `cc`, `subject` and `body` are passed over (RFC 5436 §2.1 forbids most).
    pub fn read(uri: &str) -> Option<Mailto> {
        let scheme = uri.get(..7)?;
        if !scheme.eq_ignore_ascii_case("mailto:") {
            return None;
        }
        let (to, query) = uri.get(7..)?.split_once('?').unwrap_or((uri.get(7..)?, ""));
        let mut read = Mailto::default();
        read.add(&decoded(to)?)?;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=')?;
            let value = decoded(value)?;
            match decoded(name)?.to_ascii_lowercase().as_str() {
                "to" | "cc" => read.add(&value)?,
                "subject" => read.subject = Some(value),
                "body" => read.body = Some(value),
                _ => {}
            }
        }
        (!read.to.is_empty()).then_some(read)
    }

    fn add(&mut self, list: &str) -> Option<()> {
        for text in list.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            if self.to.len() >= RECIPIENTS_MAX {
                return None;
            }
            self.to.push(text.parse().ok()?);
        }
        Some(())
    }
}

/// Undoes percent-encoding (RFC 3986 §2.1).
fn decoded(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        if octet != b'%' {
            octets.push(octet);
            continue;
        }
        let digit = |octet: Option<u8>| char::from(octet?).to_digit(16);
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        octets.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(octets).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_read() {
        let read = Mailto::read("mailto:a@b.test,c@d.test?subject=one%20two&body=x%0Ay&bcc=e@f.test").unwrap();
        assert_eq!(read.to.len(), 2);
        assert_eq!((read.subject.as_deref(), read.body.as_deref()), (Some("one two"), Some("x\ny")));
        assert_eq!(Mailto::read("MAILTO:?to=a%40b.test").map(|read| read.to.len()), Some(1));
        for bad in ["", "mailto:", "xmpp:a@b.test", "mailto:nobody", "mailto:a@b.test?subject=%zz", "mailto:a%4"] {
            assert_eq!(Mailto::read(bad), None, "{bad}");
        }
    }
}
