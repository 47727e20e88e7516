//! spamd's answers, read: the SPAMC protocol as SpamAssassin documents it (`SPAMD/1.1 0 EX_OK`, fields, text). Pure.

use crate::filter::failure::Strange;
use crate::filter::limits::HEAD_OCTETS_MAX;
use crate::filter::report::{Report, Score, tidy};

/// An answer's head.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Head {
    /// 0 for success, else a code of sysexits.
    pub code: u32,
    /// Its name.
    pub name: String,
    /// Octets that follow.
    pub length: Option<usize>,
    /// Whether it is spam, with score and limit.
    pub spam: Option<(bool, Score)>,
    /// The octets of the head itself.
    pub octets: usize,
}

/// Reads a head off the beginning of `input`. `None` when more is needed.
///
/// # Errors
/// It is no answer of spamd.
pub fn head(input: &[u8]) -> Result<Option<Head>, Strange> {
    let text = String::from_utf8_lossy(input.get(..HEAD_OCTETS_MAX.min(input.len())).unwrap_or_default());
    let Some(end) = text.find("\r\n\r\n") else {
        let begins = text.starts_with("SPAMD/") || "SPAMD/".starts_with(text.as_ref());
        return match begins && input.len() < HEAD_OCTETS_MAX {
            true => Ok(None),
            false => Err(Strange::new("no answer of spamd")),
        };
    };
    let mut lines = text.get(..end).unwrap_or_default().lines();
    let mut words = lines.next().unwrap_or_default().splitn(3, ' ');
    let version = words.next().unwrap_or_default();
    let code = words.next().and_then(|code| code.parse().ok());
    let (true, Some(code)) = (version.starts_with("SPAMD/"), code) else {
        return Err(Strange::new("no status line of spamd"));
    };
    let name = tidy(words.next().unwrap_or_default());
    // Replaced octets would shift the count: only plain text has the length that it seems to have.
    let octets = input.windows(4).position(|window| window == b"\r\n\r\n").map_or(end, |at| at) + 4;
    let mut head = Head { code, name, octets, ..Head::default() };
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        match name.trim().to_ascii_lowercase().as_str() {
            "content-length" => {
                let length = value.parse().map_err(|_| Strange::new("a length that is no number"))?;
                head.length = Some(length);
            }
            "spam" => head.spam = Some(spam(value)?),
            _ => {}
        }
    }
    Ok(Some(head))
}

/// `True ; 27.7 / 5.0`
fn spam(value: &str) -> Result<(bool, Score), Strange> {
    let broken = || Strange(format!("the verdict `{}`", tidy(value)));
    let (word, numbers) = value.split_once(';').ok_or_else(broken)?;
    let (score, limit) = numbers.split_once('/').ok_or_else(broken)?;
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| broken());
    let is_spam = matches!(word.trim().to_ascii_lowercase().as_str(), "true" | "yes");
    Ok((is_spam, Score::new(number(score)?, number(limit)?)))
}

/// What an answer with this head says of a message.
///
/// # Errors
/// The head has no verdict.
pub fn report(head: &Head) -> Result<Report, Strange> {
    let Some((is_spam, score)) = head.spam else { return Err(Strange::new("an answer without a verdict")) };
    let verdict = is_spam.then(|| format!("True ; {score}"));
    Ok(Report { verdict, score: Some(score), ..Report::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read() {
        let wire = b"SPAMD/1.1 0 EX_OK\r\nContent-length: 5\r\nSpam: True ; 1000.0 / 5.0\r\n\r\nGTUBE";
        let head = head(wire).unwrap().unwrap();
        assert_eq!((head.code, head.length, &wire[head.octets..]), (0, Some(5), &b"GTUBE"[..]));
        let report = report(&head).unwrap();
        assert_eq!(report.verdict.as_deref(), Some("True ; 1000.0 / 5.0"));
        assert_eq!(report.score.unwrap().percent(), 100);
    }

    #[test]
    fn clean_broken_and_cut_answers() {
        let clean = head(b"SPAMD/1.5 0 EX_OK\r\nSpam: False ; -1.2 / 5.0\r\n\r\n").unwrap().unwrap();
        assert_eq!(report(&clean).unwrap().verdict, None);
        assert_eq!(head(b"SPA"), Ok(None));
        assert_eq!(head(b"SPAMD/1.1 0 EX_OK\r\n"), Ok(None));
        for wire in [&b"HTTP/1.1 200 OK\r\n\r\n"[..], b"SPAMD/1.1 x\r\n\r\n", b"SPAMD/1.1 0 OK\r\nSpam: yes\r\n\r\n"] {
            assert!(head(wire).is_err(), "{}", String::from_utf8_lossy(wire));
        }
        assert!(report(&head(b"SPAMD/1.1 76 EX_PROTOCOL\r\n\r\n").unwrap().unwrap()).is_err());
    }
}
