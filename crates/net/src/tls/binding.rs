//! The `tls-server-end-point` channel binding (RFC 5929 §4.1): the hash of the server's certificate, by the hash that
//! its signature uses.

use sha2::{Digest, Sha256, Sha384, Sha512};

/// The binding for a certificate in DER, or `None` where its signature algorithm names no hash that RFC 5929 covers.
pub fn server_end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    match signature_algorithm(certificate)? {
        // MD5 and SHA-1 signatures: RFC 5929 says SHA-256 instead.
        SHA256_RSA | MD5_RSA | SHA1_RSA | SHA1_ECDSA | SHA256_ECDSA => Some(Sha256::digest(certificate).to_vec()),
        SHA384_RSA | SHA384_ECDSA => Some(Sha384::digest(certificate).to_vec()),
        SHA512_RSA | SHA512_ECDSA => Some(Sha512::digest(certificate).to_vec()),
        _ => None,
    }
}

/// The object identifier's octets of `signatureAlgorithm` (RFC 5280 §4.1.1.2).
fn signature_algorithm(certificate: &[u8]) -> Option<&[u8]> {
    let (SEQUENCE, body, _) = element(certificate)? else { return None };
    let (SEQUENCE, _to_be_signed, rest) = element(body)? else { return None };
    let (SEQUENCE, algorithm, _) = element(rest)? else { return None };
    let (OBJECT_IDENTIFIER, identifier, _) = element(algorithm)? else { return None };
    Some(identifier)
}

/// One DER element: tag, contents, what follows.
fn element(octets: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = octets.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    Some((tag, contents, rest))
}

const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;
// 1.2.840.113549.1.1.x (RFC 8017 appendix C) and 1.2.840.10045.4.x (RFC 5758 §3.2).
const MD5_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 4];
const SHA1_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5];
const SHA256_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
const SHA384_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12];
const SHA512_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13];
const SHA1_ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1];
const SHA256_ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const SHA384_ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];
const SHA512_ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ecdsa_certificate_is_hashed_by_its_own_hash() {
        let made = crate::tls::self_signed::make(&["mail.example.test".to_owned()]).unwrap();
        assert_eq!(server_end_point(&made.der), Some(Sha256::digest(&made.der).to_vec()));
    }

    #[test]
    fn broken_certificates_give_nothing() {
        let made = crate::tls::self_signed::make(&["mail.example.test".to_owned()]).unwrap();
        for cut in 0..made.der.len().min(64) {
            assert_eq!(server_end_point(&made.der[..cut]), None);
        }
        assert_eq!(server_end_point(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
