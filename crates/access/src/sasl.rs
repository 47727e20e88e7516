//! What clients say in a SASL exchange, the same in IMAP, POP3 and ManageSieve: base64, complete and nothing else
//! (RFC 4648 §4). Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The octets of a response; nothing if it is not base64.
pub fn response(text: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// The octets of an initial response, where `=` stands for none (RFC 4959 §3, RFC 5034 §4); nothing if it is not base64.
pub fn initial_response(text: &[u8]) -> Option<Vec<u8>> {
    if text == b"=" { Some(Vec::new()) } else { response(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_are_whole_base64() {
        assert_eq!(response(b"AGE="), Some(b"\0a".to_vec()));
        assert_eq!(response(b""), Some(Vec::new()));
        assert_eq!(initial_response(b"="), Some(Vec::new()));
        for bad in [b"=".as_slice(), b"AGE", b"AGF=", b"AGE= ", b"A\r\nGE=", b"*"] {
            assert_eq!(response(bad), None, "{}", bad.escape_ascii());
        }
    }
}
