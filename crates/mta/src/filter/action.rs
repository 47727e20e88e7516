//! From a verdict to what is done: the action is a Sieve script in which `$U` stands for the verdict. It is run once when the
//! message comes, to know what must be said before the reply; what must wait for the delivery goes with the message.

use message::structure::Structure;
use sieve::{Context, Effect, Extensions, Machine, Script, Step};
use std::sync::Arc;

/// What an action comes to for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Nothing but what would happen anyway.
    Nothing,
    /// Refuse with this reason.
    Refuse(String),
    /// Accept and forget, whatever users' scripts say.
    Jettison,
    /// Accept and forget, unless a user's script keeps it.
    Discard,
    /// Put it into the held channel.
    Hold(String),
    /// Change the message: it is kept all the same.
    Change(Change),
    /// Run the script at delivery.
    AtDelivery,
}

/// How an action changes a message that is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The whole message as it is now, if fields or parts changed.
    pub message: Option<Vec<u8>>,
    /// What goes before the subject.
    pub tags: Vec<String>,
    /// Thousandths added to the score.
    pub spam_thousandths: i64,
    /// The virus level.
    pub virus: Option<u8>,
}

/// The script for a verdict: `data:` URLs are opened, `$U` is replaced.
pub fn script(action: &str, verdict: &str) -> String {
    opened(action).replace("$U", &quoted(verdict))
}

/// Checks an action of the settings.
///
/// # Errors
/// What is wrong with it, with its line.
pub fn check(action: &str) -> Result<(), String> {
    compile(&script(action, "verdict")).map(|_| ())
}

/// Makes a script ready to run.
///
/// # Errors
/// What is wrong with it, with its line.
pub fn compile(source: &str) -> Result<Arc<Script>, String> {
    let compiled = sieve::compile(source.as_bytes(), Extensions::for_administrators());
    compiled.map(Arc::new).map_err(|fault| fault.to_string())
}

/// A text as it may stand inside of quotes (RFC 5228 §2.4.2).
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !c.is_control()) {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

/// Opens `data:,TEXT`, in which octets may be written `%XX` (RFC 2397). Anything else is the script itself.
fn opened(action: &str) -> String {
    let Some(coded) = action.trim_start().strip_prefix("data:,") else { return action.to_owned() };
    let mut octets = Vec::with_capacity(coded.len());
    let mut rest = coded.as_bytes();
    while let Some((octet, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| *octet == b'%');
        let value = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match value {
            Some(value) => {
                octets.push(value);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                octets.push(*octet);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

/// Whom an action is run for.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    /// The message as it is now.
    pub message: &'a [u8],
    /// Its parts.
    pub structure: &'a Structure,
    /// The sender; empty for the null sender.
    pub sender: String,
    /// The recipient.
    pub recipient: String,
    /// Who logged in to send it.
    pub login: Option<String>,
    /// Now.
    pub now: model::Timestamp,
    /// How much it is like spam.
    pub spam_percent: Option<u8>,
    /// The virus level.
    pub virus: Option<u8>,
    /// Addresses that a script may send a message on to, as at the delivery.
    pub redirects_max: usize,
}

/// Runs a script and says what it comes to.
///
/// # Errors
/// Why it failed.
pub fn run(script: &Arc<Script>, subject: &Subject<'_>) -> Result<Act, String> {
    let context = Context {
        message: subject.message,
        structure: subject.structure,
        sender: Some(subject.sender.clone()),
        recipient: Some(subject.recipient.clone()),
        authenticated: subject.login.clone(),
        now: subject.now,
        offset_minutes: 0,
        separator: '+',
        environment: Vec::new(),
        spam_percent: subject.spam_percent,
        virus: subject.virus,
        flags: Vec::new(),
        redirects_max: subject.redirects_max,
        traces: false,
    };
    let mut machine = Machine::new(Arc::clone(script), context);
    match machine.resume() {
        // What only the recipient's mailboxes can answer is left to the delivery.
        Step::Ask(_) => Ok(Act::AtDelivery),
        Step::Done(outcome) => match outcome.failure {
            Some(failure) => Err(format!("line {}: {}", failure.line, failure.reason)),
            None => Ok(sum(&outcome.effects)),
        },
    }
}

/// What effects come to: a refusal goes before all else, then jettison, then hold.
fn sum(effects: &[Effect<'_>]) -> Act {
    let reason = effects.iter().find_map(|effect| match effect {
        Effect::Reject { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    if let Some(reason) = reason {
        return Act::Refuse(reason);
    }
    if effects.iter().any(|effect| matches!(effect, Effect::Jettison)) {
        return Act::Jettison;
    }
    let held = effects.iter().find_map(|effect| match effect {
        Effect::Hold { reason } => Some(reason.clone()),
        _ => None,
    });
    if let Some(reason) = held {
        return Act::Hold(reason);
    }
    let (mut change, mut keeps, mut other) = (Change::default(), 0u32, false);
    for effect in effects {
        match effect {
            Effect::Keep { flags, message } if flags.is_empty() => {
                keeps += 1;
                if !message.is_original() {
                    change.message = Some(message.octets().into_owned());
                }
            }
            Effect::AddTag { tag } => change.tags.push(tag.clone()),
            Effect::SpamAdjust { thousandths } => change.spam_thousandths += thousandths,
            Effect::VirusSet { level } => change.virus = Some(*level),
            _ => other = true,
        }
    }
    match (other, keeps) {
        (true, _) | (false, 2..) => Act::AtDelivery,
        (false, 0) => Act::Discard,
        (false, 1) if change == Change::default() => Act::Nothing,
        (false, 1) => Act::Change(change),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use message::parse;

    fn come_to(source: &str) -> Result<Act, String> {
        let message = b"Subject: hello\r\n\r\nbody\r\n";
        let structure = parse::structure(message);
        let subject = Subject {
            message,
            structure: &structure,
            sender: "a@b.test".to_owned(),
            recipient: "c@d.test".to_owned(),
            login: None,
            now: model::Timestamp(0),
            spam_percent: None,
            virus: None,
            redirects_max: 2,
        };
        run(&compile(source)?, &subject)
    }

    #[test]
    fn scripts_are_made_of_verdicts() {
        assert_eq!(script("reject \"found $U\";", "a\"b\\c\r\n"), "reject \"found a\\\"b\\\\c\";");
        assert_eq!(
            script("data:,require%20%22fileinto%22;fileinto \"$U\"", "x"),
            "require \"fileinto\";fileinto \"x\""
        );
        assert!(check("require \"reject\"; reject \"no\";").is_ok());
        assert!(check("rejekt \"no\";").is_err());
    }

    #[test]
    fn what_scripts_come_to() {
        assert_eq!(come_to("keep;"), Ok(Act::Nothing));
        assert_eq!(come_to("discard;"), Ok(Act::Discard));
        assert_eq!(come_to("require \"reject\"; reject \"no\";"), Ok(Act::Refuse("no".to_owned())));
        assert_eq!(come_to("require \"fileinto\"; fileinto \"Spam\";"), Ok(Act::AtDelivery));
        assert_eq!(come_to("redirect \"a@far.test\"; redirect \"b@far.test\";"), Ok(Act::AtDelivery));
        let third = "redirect \"a@far.test\"; redirect \"b@far.test\"; redirect \"c@far.test\";";
        assert!(come_to(third).is_err_and(|why| why.contains("more than 2")), "as at the delivery");
        let Ok(Act::Change(change)) = come_to("require \"editheader\"; addheader \"Spam-Test\" \"True\";") else {
            panic!("a change");
        };
        assert!(String::from_utf8(change.message.unwrap()).unwrap().starts_with("Spam-Test: True\r\n"));
    }

    #[test]
    fn the_administrators_own_actions() {
        let system = |rest: &str| come_to(&format!("require \"vnd.heliograph.system\"; {rest}"));
        assert_eq!(system("jettison;"), Ok(Act::Jettison));
        assert_eq!(system("hold \"odd\";"), Ok(Act::Hold("odd".to_owned())));
        let change = Change { tags: vec!["[SPAM]".to_owned()], ..Change::default() };
        assert_eq!(system("addtag \"[SPAM]\";"), Ok(Act::Change(change)));
        let change = Change { spam_thousandths: 2_500, ..Change::default() };
        assert_eq!(system("spamadjust \"2.5\";"), Ok(Act::Change(change)));
    }
}
