//! clamd's answer to `INSTREAM`, read: `stream: OK`, `stream: NAME FOUND`, or an error. Pure.

use crate::filter::failure::Strange;
use crate::filter::report::Report;

/// What clamd said: a report, or why it could not look at the message.
///
/// # Errors
/// It is no answer of clamd.
pub fn read(line: &[u8]) -> Result<Result<Report, String>, Strange> {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    if let Some(why) = text.strip_suffix("ERROR") {
        return Ok(Err(why.trim().to_owned()));
    }
    let said = text.strip_prefix("stream:").ok_or_else(|| Strange::new("no answer of clamd"))?.trim();
    if said == "OK" {
        return Ok(Ok(Report { virus: Some(1), ..Report::default() }));
    }
    let name = said.strip_suffix("FOUND").ok_or_else(|| Strange::new("no answer of clamd"))?.trim();
    Ok(Ok(Report { virus: Some(5), ..Report::found(name) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_answers() {
        let virus = |line: &[u8]| read(line).unwrap().unwrap().virus;
        assert_eq!(virus(b"stream: OK\0"), Some(1));
        assert_eq!(virus(b"stream: Eicar-Test-Signature FOUND\0"), Some(5));
        let found = read(b"stream: Win.Test FOUND\n").unwrap().unwrap();
        assert_eq!(found.verdict.as_deref(), Some("Win.Test"));
        assert_eq!(
            read(b"INSTREAM size limit exceeded. ERROR\0").unwrap(),
            Err("INSTREAM size limit exceeded.".to_owned())
        );
        assert!(read(b"PONG\0").is_err() && read(b"").is_err() && read(b"stream: what").is_err());
    }
}
