//! Our errors as tagged NO responses (RFC 9051 §7.1). What is not expected is a temporary failure.

use directory::login::Denied;
use mail::error::Error;

/// Code and text behind `NO`.
pub fn store(error: &Error) -> String {
    let code = match error {
        Error::NoMailbox => "[NONEXISTENT] ",
        Error::MailboxExists => "[ALREADYEXISTS] ",
        Error::Unmovable | Error::BadName(_) | Error::BadIdentifier | Error::BadEntry => "[CANNOT] ",
        Error::SpecialUseTaken => "[USEATTR] ",
        Error::TooMany(_) | Error::TooLarge(_) | Error::BadKeyword => "[LIMIT] ",
        Error::OverQuota => "[OVERQUOTA] ",
        Error::NoMessage => "",
        // IMAP does not touch scripts.
        Error::NoScript | Error::ScriptExists | Error::ScriptActive | Error::BadScriptName => "",
        Error::NoPartition(_) | Error::NoSpace | Error::Unavailable(_) | Error::Closed | Error::Outdated => {
            "[UNAVAILABLE] "
        }
    };
    format!("{code}{error}")
}

/// Code and text behind `NO` for a login.
pub fn denied(why: Denied) -> &'static str {
    match why {
        Denied::WrongCredentials => "[AUTHENTICATIONFAILED] name or password is wrong",
        Denied::Suspended => "[CONTACTADMIN] the account is suspended",
        Denied::Malformed => "the exchange does not follow the mechanism",
        Denied::TooMany => "[LIMIT] too many failed logins; try again later",
        Denied::Unavailable => "[UNAVAILABLE] the directory is away; try again later",
    }
}

/// There is no such mailbox for a command that could make one (RFC 9051 §6.3.12).
pub const TRY_CREATE: &str = "[TRYCREATE] there is no such mailbox";

/// The rights do not suffice (RFC 5530 §3).
pub const NO_PERMISSION: &str = "[NOPERM] you may not do that here";

/// The client's time is over.
pub const SILENT: &[u8] = b"* BYE you were silent for too long\r\n";

/// Ours is.
pub const SHUTTING_DOWN: &[u8] = b"* BYE [UNAVAILABLE] the server is shutting down\r\n";

/// Somebody said goodbye before the first word.
pub const BUSY: &[u8] = b"* BYE [UNAVAILABLE] too many connections; try again later\r\n";
