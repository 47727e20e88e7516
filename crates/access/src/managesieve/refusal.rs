//! Our errors as ManageSieve says them: `NO`, a response code where there is one (RFC 5804 §1.3), and why. Nowhere else
//! is a code chosen.

use crate::managesieve::frame;
use crate::managesieve::offence::Offence;
use directory::login::Denied;
use mail::error::Error;

/// `NO` with a code, if there is one, and a text.
fn no(code: Option<&str>, text: &str) -> Vec<u8> {
    response("NO", code, text)
}

/// A whole response.
fn response(word: &str, code: Option<&str>, text: &str) -> Vec<u8> {
    let mut output = word.as_bytes().to_vec();
    if let Some(code) = code {
        output.extend(format!(" ({code})").bytes());
    }
    output.push(b' ');
    frame::write(text.as_bytes(), &mut output);
    output.extend_from_slice(b"\r\n");
    output
}

/// A wrong command.
pub fn offence(offence: Offence) -> Vec<u8> {
    let code = match offence {
        Offence::NotPrivate => Some("ENCRYPT-NEEDED"),
        Offence::ScriptTooLarge { .. } => Some("QUOTA/MAXSIZE"),
        _ => None,
    };
    no(code, &offence.to_string())
}

/// A refused login.
pub fn denied(denied: Denied) -> Vec<u8> {
    let code = matches!(denied, Denied::TooMany | Denied::Unavailable).then_some("TRYLATER");
    no(code, &denied.to_string())
}

/// A client that ended its exchange.
pub fn cancelled() -> Vec<u8> {
    no(None, "the exchange was cancelled")
}

/// A script that cannot be used, with the place of the mistake.
pub fn fault(fault: &sieve::Fault) -> Vec<u8> {
    no(None, &fault.to_string())
}

/// The store did not do it.
pub fn store(error: &Error) -> Vec<u8> {
    let code = match error {
        Error::NoScript => Some("NONEXISTENT"),
        Error::ScriptExists => Some("ALREADYEXISTS"),
        Error::ScriptActive => Some("ACTIVE"),
        Error::TooMany(_) => Some("QUOTA/MAXSCRIPTS"),
        Error::TooLarge(_) => Some("QUOTA/MAXSIZE"),
        error if error.is_temporary() => Some("TRYLATER"),
        _ => None,
    };
    match error {
        error if error.is_temporary() => no(code, "the scripts are not available now"),
        error => no(code, &error.to_string()),
    }
}

/// The end of a session that the client did not end.
pub fn bye(code: Option<&str>, text: &str) -> Vec<u8> {
    response("BYE", code, text)
}

/// No more connections are taken.
pub const BUSY: &[u8] = b"BYE (TRYLATER) \"too many connections\"\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_tell_programs_what_is_wrong() {
        let said = |octets: Vec<u8>| String::from_utf8(octets).unwrap();
        assert_eq!(said(store(&Error::ScriptActive)), "NO (ACTIVE) \"the script is active\"\r\n");
        assert_eq!(said(store(&Error::NoSpace)), "NO (TRYLATER) \"the scripts are not available now\"\r\n");
        assert!(said(offence(Offence::NotPrivate)).starts_with("NO (ENCRYPT-NEEDED) "));
        assert_eq!(said(denied(Denied::WrongCredentials)), "NO \"name or password is wrong\"\r\n");
    }
}
