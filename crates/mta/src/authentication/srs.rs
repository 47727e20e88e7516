//! Senders of mail that we forward, rewritten so that SPF of the next host finds us, and back (the Sender Rewriting
//! Scheme): `SRS0=HASH=DAY=DOMAIN=LOCAL@OURS`, and `SRS1=HASH=HOST==REST@OURS` where somebody has rewritten it already.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Days for which failures may come back.
const DAYS_MAX: u64 = 21;
/// Days after which the count begins again: two characters of five bits.
const DAYS_CYCLE: u64 = 1024;
/// Characters of the hash, five bits each. Case does not matter on the way, so it is base32.
const HASH_CHARACTERS: usize = 8;
/// Octets of a local part (RFC 5321 §4.5.3.1.1).
const LOCAL_OCTETS_MAX: usize = 64;
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Rewrites senders for one domain of ours.
#[derive(Clone)]
pub struct Rewriter {
    domain: String,
    secret: Vec<u8>,
}

/// Why an address leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOurs {
    /// It does not have the form.
    #[error("it is no rewritten address")]
    Form,
    /// We did not make it.
    #[error("we did not make it")]
    Hash,
    /// Too long ago.
    #[error("it has expired")]
    Expired,
}

impl Rewriter {
    /// One for addresses of `domain`, with a secret that nobody else knows.
    pub fn new(domain: &str, secret: Vec<u8>) -> Rewriter {
        Rewriter { domain: domain.to_ascii_lowercase(), secret }
    }

    /// The domain of its addresses.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The sender as we forward it, from its local part and domain; `None` when that would be no address any more, being
    /// too long.
    pub fn forward(&self, local: &str, domain: &str, now_secs: u64) -> Option<String> {
        // Rewritten by somebody else: what they wrote is kept, and only they can read it.
        let theirs = match scheme(local) {
            Some((0, rest)) => Some(format!("{}={rest}", domain.to_ascii_lowercase())),
            Some((_, rest)) => twice_rewritten(rest).map(str::to_owned),
            None => None,
        };
        let rewritten = match theirs {
            Some(body) => format!("SRS1={}={body}", self.hash(&body)),
            None => {
                let body = format!("{}={}={local}", day(now_secs / 86_400), domain.to_ascii_lowercase());
                format!("SRS0={}={body}", self.hash(&body))
            }
        };
        (rewritten.len() <= LOCAL_OCTETS_MAX).then(|| format!("{rewritten}@{}", self.domain))
    }

    /// Whether a local part looks like one of ours.
    pub fn is_rewritten(local: &str) -> bool {
        scheme(local).is_some()
    }

    /// The address that a local part of ours stands for.
    ///
    /// # Errors
    /// [`NotOurs`].
    pub fn reverse(&self, local: &str, now_secs: u64) -> Result<String, NotOurs> {
        let (number, rest) = scheme(local).ok_or(NotOurs::Form)?;
        let rest = rest.get(1..).ok_or(NotOurs::Form)?;
        let (hash, body) = rest.split_once('=').ok_or(NotOurs::Form)?;
        if !same(&hash.to_ascii_lowercase(), &self.hash(body)) {
            return Err(NotOurs::Hash);
        }
        if number == 1 {
            let (host, rest) = body.split_once('=').ok_or(NotOurs::Form)?;
            return Ok(format!("SRS0{rest}@{host}"));
        }
        let (made, body) = body.split_once('=').ok_or(NotOurs::Form)?;
        let (domain, local) = body.split_once('=').ok_or(NotOurs::Form)?;
        let made = read_day(made).ok_or(NotOurs::Form)?;
        let age = (now_secs / 86_400 + DAYS_CYCLE - made) % DAYS_CYCLE;
        // A clock that is a day behind has made addresses of tomorrow.
        if age > DAYS_MAX && age != DAYS_CYCLE - 1 {
            return Err(NotOurs::Expired);
        }
        Ok(format!("{local}@{domain}"))
    }

    /// Over the text in lower case: some hosts change it on the way.
    fn hash(&self, body: &str) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.secret) else { return String::new() };
        mac.update(body.to_ascii_lowercase().as_bytes());
        let octets = mac.finalize().into_bytes();
        let bits = octets.iter().take(8).fold(0_u64, |bits, octet| bits << 8 | u64::from(*octet));
        (0..HASH_CHARACTERS).map(|at| digit(bits >> (59 - 5 * at))).collect()
    }
}

/// The number of the scheme, and what follows it beginning with its separator.
fn scheme(local: &str) -> Option<(u8, &str)> {
    let (name, rest) = local.split_at_checked(4)?;
    let number = if name.eq_ignore_ascii_case("SRS0") {
        0
    } else if name.eq_ignore_ascii_case("SRS1") {
        1
    } else {
        return None;
    };
    rest.starts_with(['=', '+', '-']).then_some((number, rest))
}

/// What stands behind the hash of an address that was rewritten more than once: a host, and what it wrote; nothing where
/// somebody's own name only begins like one.
fn twice_rewritten(rest: &str) -> Option<&str> {
    let (_, body) = rest.get(1..)?.split_once('=')?;
    body.split_once('=').is_some_and(|(host, _)| !host.is_empty()).then_some(body)
}

fn digit(value: u64) -> char {
    ALPHABET.get((value & 31) as usize).map_or('a', |octet| char::from(*octet))
}

fn day(days: u64) -> String {
    let days = days % DAYS_CYCLE;
    [digit(days >> 5), digit(days)].iter().collect()
}

fn read_day(text: &str) -> Option<u64> {
    let value = |octet: u8| ALPHABET.iter().position(|known| *known == octet.to_ascii_lowercase());
    match text.as_bytes() {
        [high, low] => Some((value(*high)? << 5 | value(*low)?) as u64),
        _ => None,
    }
}

/// Compares without telling where two texts differ.
fn same(left: &str, right: &str) -> bool {
    left.len() == right.len() && left.bytes().zip(right.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY: u64 = 86_400;

    fn rewriter() -> Rewriter {
        Rewriter::new("ours.test", b"secret".to_vec())
    }

    fn local(address: &str) -> &str {
        address.rsplit_once('@').unwrap().0
    }

    #[test]
    fn what_is_rewritten_comes_back() {
        let sent = rewriter().forward("Alice", "far.test", 1000 * DAY).unwrap();
        assert!(sent.starts_with("SRS0=") && sent.ends_with("=far.test=Alice@ours.test"), "{sent}");
        let back = |text: &str, days| rewriter().reverse(local(text), days * DAY);
        assert_eq!(back(&sent, 1000).as_deref(), Ok("Alice@far.test"));
        assert_eq!(back(&sent, 1021).as_deref(), Ok("Alice@far.test"));
        assert_eq!(back(&sent, 999).as_deref(), Ok("Alice@far.test"));
        assert_eq!(back(&sent, 1022), Err(NotOurs::Expired));
        assert_eq!(back(&sent.to_lowercase(), 1000).as_deref(), Ok("alice@far.test"));
        assert_eq!(back(&sent.replace("Alice", "Mallory"), 1000), Err(NotOurs::Hash));
        assert_eq!(back("postmaster@ours.test", 1000), Err(NotOurs::Form));
    }

    #[test]
    fn who_is_only_called_like_that_gets_failures_too() {
        for name in ["srs1-x=y", "SRS1=", "SRS1=x==y"] {
            let sent = rewriter().forward(name, "far.test", 5 * DAY).unwrap();
            assert_eq!(rewriter().reverse(local(&sent), 5 * DAY), Ok(format!("{name}@far.test")));
        }
    }

    #[test]
    fn what_others_have_rewritten_goes_back_to_them() {
        let others = Rewriter::new("first.test", b"other".to_vec());
        let first = others.forward("a", "far.test", 5 * DAY).unwrap();
        let second = rewriter().forward(local(&first), "first.test", 5 * DAY).unwrap();
        assert!(second.starts_with("SRS1="), "{second}");
        let third = Rewriter::new("third.test", b"third".to_vec());
        let again = third.forward(local(&second), "ours.test", 5 * DAY).unwrap();
        for (by, text) in [(&rewriter(), &second), (&third, &again)] {
            assert_eq!(by.reverse(local(text), 5 * DAY).unwrap(), first);
        }
        assert_eq!(others.reverse(local(&first), 5 * DAY).as_deref(), Ok("a@far.test"));
    }

    proptest! {
        #[test]
        fn nothing_foreign_is_taken_for_ours(text in "(SRS[01]=)?.{0,60}", days in 0_u64..5000) {
            prop_assert!(rewriter().reverse(&text, days * DAY).is_err());
        }

        #[test]
        fn every_sender_comes_back(local_part in "[a-z.=+-]{1,12}", days in 0_u64..5000) {
            prop_assume!(!Rewriter::is_rewritten(&local_part));
            let sent = rewriter().forward(&local_part, "far.test", days * DAY).unwrap();
            prop_assert_eq!(rewriter().reverse(local(&sent), days * DAY).unwrap(), format!("{local_part}@far.test"));
        }
    }
}
