//! The enhanced status code: class, subject and detail of what happened.

use std::fmt;
use std::str::FromStr;

/// An enhanced mail system status code (RFC 3463 §2), such as `5.1.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnhancedStatus {
    /// 2 success, 4 temporary failure, 5 permanent failure.
    pub class: u8,
    /// What it is about: address, mailbox, system, network, protocol, content, security.
    pub subject: u16,
    /// What exactly.
    pub detail: u16,
}

/// Why a text is no [`EnhancedStatus`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an enhanced status is a class 2, 4 or 5 and two numbers of at most three digits, such as \"5.1.1\"")]
pub struct NotAStatus;

impl EnhancedStatus {
    /// Puts the three numbers together.
    pub const fn new(class: u8, subject: u16, detail: u16) -> EnhancedStatus {
        EnhancedStatus { class, subject, detail }
    }

    /// The same matter with the class that belongs to a reply code: `5.2.2` becomes `4.2.2` under 452.
    pub const fn with_class(self, class: u8) -> EnhancedStatus {
        EnhancedStatus { class, subject: self.subject, detail: self.detail }
    }
}

impl fmt::Display for EnhancedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

impl FromStr for EnhancedStatus {
    type Err = NotAStatus;

    fn from_str(text: &str) -> Result<EnhancedStatus, NotAStatus> {
        let mut parts = text.split('.');
        let class = match parts.next() {
            Some("2") => 2,
            Some("4") => 4,
            Some("5") => 5,
            _ => return Err(NotAStatus),
        };
        let subject = number(parts.next())?;
        let detail = number(parts.next())?;
        if parts.next().is_some() {
            return Err(NotAStatus);
        }
        Ok(EnhancedStatus { class, subject, detail })
    }
}

fn number(part: Option<&str>) -> Result<u16, NotAStatus> {
    let part = part.ok_or(NotAStatus)?;
    if part.is_empty() || part.len() > 3 || !part.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(NotAStatus);
    }
    part.parse().map_err(|_| NotAStatus)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_reads_back_and_refuses_others() {
        let status: EnhancedStatus = "5.1.1".parse().unwrap();
        assert_eq!(status, EnhancedStatus::new(5, 1, 1));
        assert_eq!(status.to_string(), "5.1.1");
        for wrong in ["3.0.0", "5.1", "5.1.1.1", "5.1234.1", "5.+1.1", ""] {
            assert_eq!(wrong.parse::<EnhancedStatus>(), Err(NotAStatus), "{wrong}");
        }
    }
}
