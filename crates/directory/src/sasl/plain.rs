//! PLAIN (RFC 4616) and LOGIN, which hand the password over.

use crate::limits::SASL_OCTETS_MAX;

/// Name and password, and whom the client wants to act for.
#[derive(Clone, PartialEq, Eq)]
pub struct Plain {
    /// Whose mail is wanted; empty for the client's own.
    pub authorization: String,
    /// Who the client says it is.
    pub name: String,
    /// The proof.
    pub password: String,
}

impl std::fmt::Debug for Plain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plain({})", self.name)
    }
}

/// Reads `[authzid] NUL authcid NUL passwd` (RFC 4616 §2).
pub fn read(message: &[u8]) -> Option<Plain> {
    if message.len() > SASL_OCTETS_MAX {
        return None;
    }
    let mut parts = std::str::from_utf8(message).ok()?.split('\0');
    let (authorization, name, password) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || name.is_empty() || password.is_empty() {
        return None;
    }
    Some(Plain { authorization: authorization.to_owned(), name: name.to_owned(), password: password.to_owned() })
}

/// Writes what [`read`] reads, for a client's own mail.
pub fn write(name: &str, password: &str) -> Vec<u8> {
    format!("\0{name}\0{password}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_s_examples_are_read() {
        let plain = read(b"\0tim\0tanstaaftanstaaf").unwrap();
        assert_eq!((plain.authorization.as_str(), plain.name.as_str()), ("", "tim"));
        assert_eq!(read(b"Ursel\0Kurt\0xipj3plmq").unwrap().authorization, "Ursel");
        for wrong in [b"tim".as_slice(), b"\0tim", b"\0\0x", b"\0a\0", b"\0a\0b\0c", b"\0\xff\0x"] {
            assert_eq!(read(wrong), None);
        }
        assert_eq!(read(&write("a", "b")).unwrap().password, "b");
    }
}
