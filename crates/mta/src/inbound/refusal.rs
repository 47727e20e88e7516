//! The only place where our errors become replies. What is not expected is a temporary failure.

use directory::login::Denied;
use policy::decision::{Refusal, Verdict};
use policy::stage::Stage;
use smtp::reply::Reply;
use smtp::status::EnhancedStatus;

fn reply(code: u16, status: (u8, u16, u16), text: &str) -> Reply {
    Reply::new(code, EnhancedStatus::new(status.0, status.1, status.2), text)
}

/// The queue does not take this now.
pub fn queue_away(error: &queue::error::Error) -> Reply {
    match error {
        queue::error::Error::Write(storage::WriteError::NoSpace) => {
            reply(452, (4, 3, 1), "the disk is full; try again later")
        }
        // RFC 3463 §3.4: X.3.5, the system is not as it should be; the operator can mend that.
        queue::error::Error::Instructions => {
            reply(451, (4, 3, 5), "policy and filters ask for more than a recipient can carry; try again later")
        }
        _ => reply(451, (4, 3, 0), "the queue is away; try again later"),
    }
}

/// The sender is taken, with another priority than it wished for (RFC 6710 §5.2).
pub fn priority_changed(granted: i8) -> Reply {
    reply(250, (2, 3, 6), &format!("{granted} is the new priority assigned to the message"))
}

/// The message is durable in the queue.
pub fn queued(_receipt: storage::Receipt, id: model::QueueId) -> Reply {
    reply(250, (2, 0, 0), &format!("queued as {id}"))
}

/// The name is not one of ours (RFC 5321 §4.2.3, RFC 3463 §3.2).
pub fn no_such_user() -> Reply {
    reply(550, (5, 1, 1), "there is no such mailbox here")
}

/// The account takes no mail now.
pub fn suspended() -> Reply {
    reply(450, (4, 2, 1), "the mailbox takes no mail at present")
}

/// The owner keeps as much as allowed.
pub fn over_quota() -> Reply {
    reply(452, (4, 2, 2), "the mailbox is full")
}

/// Aliases or groups that lead nowhere.
pub fn alias_loop() -> Reply {
    reply(550, (5, 4, 6), "the address leads back to itself")
}

/// The domain is not ours and the client may not send mail elsewhere through us (RFC 3463 §3.8).
pub fn relay_denied() -> Reply {
    reply(550, (5, 7, 1), "mail for that domain is not taken from you")
}

/// A login name that may not send as this address (RFC 6409 §6.1).
pub fn sender_denied() -> Reply {
    reply(553, (5, 7, 1), "you may not send as that address")
}

/// An address has connected too often (RFC 5321 §3.8).
pub fn too_many_connections(host: &str) -> Reply {
    reply(421, (4, 7, 0), &format!("{host} too many connections from your address; try again later"))
}

/// An account has sent as much as it may for now (RFC 3463 §3.8).
pub fn too_much_sent() -> Reply {
    reply(450, (4, 7, 1), "you have sent as much as you may for now; try again later")
}

/// A suspicious delivery has to come again; the code is the one that Sun's mail server gives (RFC 3463 §3.5).
pub fn greylisted(reason: &str) -> Reply {
    reply(451, (4, 4, 3), reason)
}

/// A delivery is too suspicious to be taken at all (RFC 3463 §3.8).
pub fn suspicious(reason: &str) -> Reply {
    reply(550, (5, 7, 1), reason)
}

/// The directory cannot be asked.
pub fn directory_away() -> Reply {
    reply(451, (4, 3, 0), "the directory is away; try again later")
}

/// The store does not take this now.
pub fn store_away(error: &mail::error::Error) -> Reply {
    match error {
        mail::error::Error::NoSpace => reply(452, (4, 3, 1), "the disk is full; try again later"),
        mail::error::Error::TooLarge(_) => reply(552, (5, 3, 4), "the message is too large"),
        _ => reply(451, (4, 3, 0), "the mail store is away; try again later"),
    }
}

/// All sessions together hold as much as they may.
pub fn no_memory() -> Reply {
    reply(452, (4, 3, 1), "too much mail at once; try again later")
}

/// More hops than any real way has (RFC 5321 §6.3).
pub fn mail_loop() -> Reply {
    reply(554, (5, 4, 6), "too many Received fields: the message is in a loop")
}

/// A recipient's script does not want the message (RFC 5429 §2.1.1).
pub fn refused_by_recipient(reason: &str, utf8: bool) -> Reply {
    refused_because(reason, utf8, "the recipient does not want this message")
}

/// The administrator's script does not want the message.
pub fn refused_by_policy(reason: &str, utf8: bool) -> Reply {
    refused_because(reason, utf8, "the message is not taken here")
}

/// The administrator's script of a stage before the message refuses what is judged there.
pub fn refused_at(stage: Stage, reason: &str) -> Verdict {
    // Whether the client understands other letters is not known yet.
    at_stage(stage, &refused_because(reason, false, "access denied"))
}

/// The administrator's script of a stage failed, so that nobody knows what it wanted (RFC 3463 §3.4: X.3.5).
pub fn undecided_at(stage: Stage) -> Verdict {
    at_stage(stage, &reply(451, (4, 3, 5), "the policy cannot decide this now; try again later"))
}

/// Before the greeting the text is the whole line, and there are two codes for it (RFC 5321 §3.1, §3.8).
fn at_stage(stage: Stage, reply: &Reply) -> Verdict {
    let is_temporary = reply.code < 500;
    let status = reply.status.unwrap_or(EnhancedStatus::new(if is_temporary { 4 } else { 5 }, 7, 1));
    let mut refusal = Refusal { code: reply.code, status, text: reply.text() };
    if stage == Stage::Connect {
        refusal.code = if is_temporary { 421 } else { 554 };
        refusal.text = refusal.to_string();
    }
    if is_temporary { Verdict::Defer(refusal) } else { Verdict::Reject(refusal) }
}

/// Words that the client cannot be told are not told.
fn refused_because(reason: &str, utf8: bool, otherwise: &str) -> Reply {
    reply(550, (5, 7, 1), sayable(reason, utf8).as_deref().unwrap_or(otherwise))
}

/// Words as they can stand on a line of a reply: one line, within its bound (RFC 5321 §4.5.3.1.5), and nothing but ASCII for
/// a client that has not said SMTPUTF8 (RFC 6531 §3.7.4).
fn sayable(words: &str, utf8: bool) -> Option<String> {
    const WORDS_OCTETS_MAX: usize = 400;
    let words: Vec<&str> = words.split_whitespace().collect();
    let mut text = words.join(" ");
    if !(utf8 || text.is_ascii()) || text.is_empty() || text.chars().any(char::is_control) {
        return None;
    }
    let end = (0..=WORDS_OCTETS_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.truncate(end.unwrap_or(0));
    Some(text)
}

/// A fragment that cannot be put together with others (RFC 3463 §3.7), or that has no room to wait.
pub fn bad_fragment(why: &crate::content::fragments::Refused) -> Reply {
    match why.is_temporary() {
        true => reply(452, (4, 3, 1), &why.to_string()),
        false => reply(554, (5, 6, 0), &why.to_string()),
    }
}

/// The owner of the sender's domain says that this host does not send for it (RFC 7372 §3.2).
pub fn spf_failed(domain: &str, explanation: Option<&str>) -> Reply {
    let said = explanation.map_or_else(String::new, |text| format!("; {domain} explains: {text}"));
    reply(550, (5, 7, 23), &format!("{domain} does not send from your address (SPF){said}"))
}

/// The owner of the author's domain wants it refused (RFC 7489 §10.3).
pub fn dmarc_failed(domain: &str) -> Reply {
    reply(550, (5, 7, 1), &format!("not authentic, and {domain} asks to refuse such mail (DMARC)"))
}

/// The header has more fields than anybody looks at (RFC 3463 §3.7).
pub fn too_many_fields() -> Reply {
    reply(554, (5, 6, 0), "the message has too many header fields")
}

/// DMARC is enforced, and the message does not tell who its author is (RFC 7489 §6.6.1).
pub fn several_authors() -> Reply {
    reply(550, (5, 7, 1), "the message must have one From field")
}

/// A rewritten address that leads nowhere.
pub fn not_rewritten(why: crate::authentication::srs::NotOurs) -> Reply {
    reply(550, (5, 1, 1), &format!("there is no such mailbox here: {why}"))
}

/// What a login ended with (RFC 4954 §6).
pub fn denied(why: Denied) -> Reply {
    match why {
        Denied::WrongCredentials => reply(535, (5, 7, 8), "name or password is wrong"),
        Denied::Suspended => reply(535, (5, 7, 13), "the account is suspended"),
        Denied::Malformed => reply(501, (5, 5, 2), "the exchange does not follow the mechanism"),
        Denied::TooMany => reply(421, (4, 7, 0), "too many failed logins; try again later"),
        Denied::Unavailable => reply(454, (4, 7, 0), "logging in is not possible at present"),
    }
}

/// A mechanism that cannot begin on this connection.
pub fn no_such_mechanism() -> Reply {
    reply(504, (5, 5, 4), "the mechanism is not offered")
}

/// What the policy refuses with.
pub fn of_policy(refusal: &policy::decision::Refusal) -> Reply {
    Reply::new(refusal.code, refusal.status, refusal.text.clone())
}

/// More recipients than the policy allows this sender (RFC 5321 §4.5.3.1.10).
pub fn too_many_recipients(limit: u64) -> Reply {
    reply(452, (4, 5, 3), &format!("at most {limit} recipients; send the rest in another transaction"))
}

/// More octets than the policy allows this sender.
pub fn too_large_here(limit_octets: u64) -> Reply {
    reply(552, (5, 3, 4), &format!("the message is over {limit_octets} octets"))
}

/// The channel asks for a login.
pub fn login_first() -> Reply {
    reply(530, (5, 7, 0), "log in first")
}

/// The channel asks for TLS.
pub fn tls_first() -> Reply {
    reply(530, (5, 7, 0), "say STARTTLS first")
}

/// The policy sends the mail to an address that is no address.
pub fn no_such_redirect() -> Reply {
    reply(451, (4, 3, 5), "the policy sends this mail to an address that cannot be used; try again later")
}

/// The client spoke before it was greeted.
pub fn early_talker() -> Reply {
    reply(554, (5, 5, 0), "you spoke before you were greeted")
}

/// The client was silent for too long (RFC 5321 §4.5.3.2).
pub fn timed_out(host: &str) -> Reply {
    reply(421, (4, 4, 2), &format!("{host} you were silent for too long"))
}

/// The program ends.
pub fn shutting_down(host: &str) -> Reply {
    reply(421, (4, 3, 2), &format!("{host} is shutting down; try again later"))
}

/// Too many connections; said before the greeting.
pub const BUSY: &[u8] = b"421 4.7.0 too many connections; try again later\r\n";

/// The message is durable: the one positive answer to its last octet, which only a receipt gives.
pub fn accepted(_receipt: storage::Receipt, trace: model::TraceId) -> Reply {
    reply(250, (2, 0, 0), &format!("accepted as {trace}"))
}

/// A filter that must judge the message gives no answer now.
pub fn filter_away() -> Reply {
    reply(451, (4, 7, 1), "the message cannot be checked now; try again later")
}

/// A filter that must judge the message gives no answer, and the operator wants it refused then.
pub fn filter_missing() -> Reply {
    reply(554, (5, 7, 1), "the message cannot be checked and is refused")
}

/// A filter's verdict, as the operator's script words it.
pub fn content_refused(reason: &str) -> Reply {
    reply(550, (5, 7, 1), reason)
}

/// A refusal in the words of a filter, or of the script for its verdict. Lines that the client cannot be told are not told.
pub fn of_filter(said: &Reply, utf8: bool) -> Reply {
    let mut lines: Vec<String> = said.lines.iter().filter_map(|line| sayable(line, utf8)).collect();
    if lines.is_empty() {
        lines.push("a filter does not let the message pass".to_owned());
    }
    Reply { lines, ..said.clone() }
}

/// Policy, filters or scripts decided that nobody gets the message, which is written down in its trace; nothing was stored.
pub fn dropped(trace: model::TraceId) -> Reply {
    reply(250, (2, 0, 0), &format!("accepted as {trace}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_says_what_a_reply_can_say() {
        let mut said = content_refused(&"x".repeat(5_000));
        said.lines.extend(["gr\u{fc}n".to_owned(), "a\r\n250 b".to_owned()]);
        let lines = |utf8| of_filter(&said, utf8).lines;
        assert_eq!(lines(false), ["x".repeat(400), "a 250 b".to_owned()]);
        assert_eq!(lines(true)[1], "gr\u{fc}n");
        let silent = of_filter(&content_refused("gr\u{fc}n"), false);
        assert_eq!((silent.code, silent.lines.len(), silent.text().is_ascii()), (550, 1, true));
    }
}
