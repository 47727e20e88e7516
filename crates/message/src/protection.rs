//! What is signed or encrypted and therefore must stay as it is, octet by octet: multipart/signed and multipart/encrypted
//! (RFC 1847), S/MIME (RFC 8551 §3), OpenPGP in a text (RFC 9580 §6.2).

use crate::content;
use crate::structure::Part;

/// How much of a text is searched for the first line of an armour.
const ARMOUR_OCTETS_MAX: usize = 1024 * 1024;

/// Lines that open a signed or encrypted text (RFC 9580 §6.2.1, §7).
const ARMOUR: [&str; 2] = ["-----BEGIN PGP MESSAGE-----", "-----BEGIN PGP SIGNED MESSAGE-----"];

/// What protects this part, in a word; `None` for one that may be changed. The parts inside are not looked at.
pub fn of(message: &[u8], part: &Part) -> Option<&'static str> {
    if let Some(container) = of_type(part) {
        return Some(container);
    }
    if part.kind != "text" {
        return None;
    }
    let text = content::text(message, part, ARMOUR_OCTETS_MAX);
    let opens = |line: &str| ARMOUR.iter().any(|armour| line.trim_end().starts_with(armour));
    text.lines().any(opens).then_some("OpenPGP in the text")
}

/// As [`of`], by the part's type alone.
pub fn of_type(part: &Part) -> Option<&'static str> {
    match (part.kind.as_str(), part.subtype.as_str()) {
        ("multipart", "signed") => Some("multipart/signed"),
        ("multipart", "encrypted") => Some("multipart/encrypted"),
        ("application", "pkcs7-mime" | "x-pkcs7-mime") => Some("application/pkcs7-mime"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::parse;

    #[test]
    fn signed_and_encrypted_mail_is_recognised() {
        let of = |message: &[u8]| super::of(message, &parse::structure(message).root);
        assert_eq!(of(b"Content-Type: multipart/SIGNED; boundary=b\r\n\r\n--b--\r\n"), Some("multipart/signed"));
        assert_eq!(of(b"Content-Type: application/pkcs7-mime\r\n\r\nMII=\r\n"), Some("application/pkcs7-mime"));
        let armoured = b"Content-Transfer-Encoding: base64\r\n\r\naGkKLS0tLS1CRUdJTiBQR1AgTUVTU0FHRS0tLS0tCg==\r\n";
        assert_eq!(of(armoured), Some("OpenPGP in the text"));
        assert_eq!(of(b"\r\nHe wrote: -----BEGIN PGP MESSAGE-----\r\n"), None);
    }
}
