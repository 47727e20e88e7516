//! Our errors as POP3 says them: `-ERR`, a response code where there is one (RFC 2449 §8, RFC 3206 §4, §5), and why.
//! Nowhere else is a code chosen.

use crate::pop3::offence::Offence;
use directory::login::Denied;

/// A wrong command.
pub fn offence(offence: Offence) -> String {
    format!("-ERR {offence}\r\n")
}

/// A refused login. `AUTH` tells the client that the credentials are at fault, `SYS/TEMP` and `SYS/PERM` that they are
/// not and need not be asked for again.
pub fn denied(denied: Denied) -> String {
    let code = match denied {
        Denied::WrongCredentials | Denied::Malformed => "AUTH",
        Denied::Suspended => "SYS/PERM",
        Denied::TooMany | Denied::Unavailable => "SYS/TEMP",
    };
    format!("-ERR [{code}] {denied}\r\n")
}

/// A client that ended its exchange (RFC 5034 §4).
pub fn cancelled() -> String {
    "-ERR the exchange was cancelled\r\n".to_owned()
}

/// Another session has the maildrop (RFC 2449 §8.1.2).
pub fn in_use() -> String {
    "-ERR [IN-USE] another session has this maildrop\r\n".to_owned()
}

/// The store could not do it. Whether it is worth trying again is for the client; what went wrong inside is not.
pub fn store(error: &mail::error::Error) -> String {
    let code = store_code(error);
    format!("-ERR {code}the maildrop cannot be read now\r\n")
}

/// QUIT could not delete what was marked (RFC 1939 §6).
pub fn not_deleted(error: &mail::error::Error) -> String {
    let code = store_code(error);
    format!("-ERR {code}the marked messages were not all deleted\r\n")
}

/// A message that another session has deleted for good.
pub fn gone() -> String {
    "-ERR the message is gone\r\n".to_owned()
}

fn store_code(error: &mail::error::Error) -> &'static str {
    if error.is_temporary() { "[SYS/TEMP] " } else { "[SYS/PERM] " }
}

/// No more connections are taken.
pub const BUSY: &[u8] = b"-ERR [SYS/TEMP] too many connections, try again later\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_learns_whose_fault_it_is() {
        assert_eq!(denied(Denied::WrongCredentials), "-ERR [AUTH] name or password is wrong\r\n");
        assert_eq!(denied(Denied::Unavailable), "-ERR [SYS/TEMP] the directory is not available\r\n");
        assert_eq!(store(&mail::error::Error::NoSpace), "-ERR [SYS/TEMP] the maildrop cannot be read now\r\n");
        assert_eq!(store(&mail::error::Error::NoMailbox), "-ERR [SYS/PERM] the maildrop cannot be read now\r\n");
        assert_eq!(offence(Offence::BadArguments { usage: "RETR message" }), "-ERR usage: RETR message\r\n");
    }
}
