//! What is offered, and when: one table (RFC 9051 §7.2.2).

/// What of the session decides.
#[derive(Clone, Copy, Debug)]
pub struct State<'a> {
    /// Whether somebody is logged in.
    pub authenticated: bool,
    /// Whether TLS can start.
    pub can_start_tls: bool,
    /// Whether passwords may travel.
    pub may_log_in: bool,
    /// Whether the stream is compressed.
    pub compressed: bool,
    /// Largest message.
    pub append_octets_max: u64,
    /// Where the scripts of mailboxes are kept, if they are run (RFC 6785 §2.1).
    pub sieve_url: Option<&'a str>,
}

const ALWAYS: [&str; 6] = ["IMAP4rev1", "IMAP4rev2", "ID", "ENABLE", "LITERAL+", "SASL-IR"];

/// Offered to those who are logged in, each whole.
const AUTHENTICATED: [&str; 42] = [
    "ACL",
    "RIGHTS=texk",
    "BINARY",
    "CATENATE",
    "CHILDREN",
    "CONDSTORE",
    "CONTEXT=SEARCH",
    "CREATE-SPECIAL-USE",
    "ESEARCH",
    "ESORT",
    "IDLE",
    "INPROGRESS",
    "LIST-EXTENDED",
    "LIST-METADATA",
    "LIST-MYRIGHTS",
    "LIST-STATUS",
    "METADATA",
    "MOVE",
    "MULTIAPPEND",
    "MULTISEARCH",
    "NAMESPACE",
    "NOTIFY",
    "OBJECTID",
    "PARTIAL",
    "PREVIEW",
    "QRESYNC",
    "QUOTA",
    "QUOTA=RES-STORAGE",
    "QUOTA=RES-MESSAGE",
    "REPLACE",
    "SAVEDATE",
    "SEARCHRES",
    "SORT",
    "SORT=DISPLAY",
    "SPECIAL-USE",
    "STATUS=SIZE",
    "THREAD=ORDEREDSUBJECT",
    "THREAD=REFERENCES",
    "UIDONLY",
    "UIDPLUS",
    "UNSELECT",
    "WITHIN",
];

/// The list as it stands behind `CAPABILITY`.
pub fn list(state: State<'_>, mechanisms: &[&str]) -> String {
    let mut names: Vec<String> = ALWAYS.map(str::to_owned).to_vec();
    if state.authenticated {
        names.extend(AUTHENTICATED.map(str::to_owned));
        names.extend(["UTF8=ACCEPT".to_owned(), "UNAUTHENTICATE".to_owned()]);
        names.push(format!("APPENDLIMIT={}", state.append_octets_max));
        names.extend(state.sieve_url.map(|url| format!("IMAPSIEVE={url}")));
        if !state.compressed {
            names.push("COMPRESS=DEFLATE".to_owned());
        }
    } else {
        if state.can_start_tls {
            names.push("STARTTLS".to_owned());
        }
        if state.may_log_in {
            names.extend(mechanisms.iter().map(|name| format!("AUTH={name}")));
        } else {
            names.push("LOGINDISABLED".to_owned());
        }
    }
    names.join(" ")
}
