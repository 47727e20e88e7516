//! Sieve scripts without a server: checked, and run on a message with what the world would say given by hand. Nothing is
//! stored and nothing is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use message::parse;
use model::Timestamp;
use mta::scripts::settings::{administrator_extensions, user_extensions};
use serde::{Deserialize, Serialize};
use sieve::{
    Answer, Context, Effect, Extensions, Machine, Notify, Outcome, Question, Recipients, Script, Step, Target, compile,
};

/// Whose script it is: what it may require depends on that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Author {
    /// A user.
    #[default]
    User,
    /// An administrator.
    Administrator,
}

impl Author {
    /// Those that the server would let it require.
    fn extensions(self) -> Extensions {
        match self {
            Author::User => user_extensions(),
            Author::Administrator => administrator_extensions(),
        }
    }
}

/// What came of checking a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// Whether it can be run.
    pub valid: bool,
    /// What is wrong; the place is 0 where nothing is.
    pub problem: Option<String>,
    /// The line, counted from 1.
    pub line: u32,
    /// The character in the line, counted from 1.
    pub column: u32,
    /// The extensions it requires.
    pub requires: Vec<String>,
    /// How many operations it has.
    pub operations: usize,
}

/// Reads and checks a script.
pub fn check(script: &[u8], author: Author) -> CheckReport {
    match compile(script, author.extensions()) {
        Ok(script) => CheckReport {
            valid: true,
            problem: None,
            line: 0,
            column: 0,
            requires: script.extensions().names().into_iter().map(str::to_owned).collect(),
            operations: script.len(),
        },
        Err(fault) => CheckReport {
            valid: false,
            problem: Some(fault.problem.to_string()),
            line: fault.at.line,
            column: fault.at.column,
            requires: Vec::new(),
            operations: 0,
        },
    }
}

/// The world as a run finds it.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// The envelope sender; empty for the null sender.
    pub sender: Option<String>,
    /// The envelope recipient.
    pub recipient: Option<String>,
    /// Who authenticated.
    pub authenticated: Option<String>,
    /// The time.
    pub now: Timestamp,
    /// Minutes east of UTC.
    pub offset_minutes: i16,
    /// Between user and detail of an address.
    pub separator: char,
    /// Items of `environment`.
    pub environment: Vec<(String, String)>,
    /// How much it is like spam, 0 to 100.
    pub spam_percent: Option<u8>,
    /// The virus level, 1 to 5.
    pub virus: Option<u8>,
    /// Addresses that one run may redirect to.
    pub redirects_max: usize,
    /// Mailboxes that are there, besides INBOX.
    pub mailboxes: BTreeSet<String>,
    /// Values of external lists, by the list's name.
    pub lists: BTreeMap<String, BTreeSet<String>>,
    /// Values that `duplicate` has seen.
    pub duplicates: BTreeSet<String>,
    /// Annotations: mailbox (empty for the server), name, value.
    pub metadata: Vec<(String, String, String)>,
    /// Scripts that can be included: the user's, then the server's.
    pub scripts: [BTreeMap<String, Vec<u8>>; 2],
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunReport {
    /// What would be done, in order.
    pub actions: Vec<RunAction>,
    /// Why the run ended early; then the message is kept and nothing else is done.
    pub failure: Option<RunFailure>,
    /// What `duplicate` would remember.
    pub remembers: Vec<String>,
    /// Steps that were taken.
    pub steps: u32,
    /// What happened, if it was asked for.
    pub trace: Vec<RunStep>,
}

/// Why a run ended early.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFailure {
    /// The script; empty for the one that was begun with.
    pub script: String,
    /// The line in it.
    pub line: u32,
    /// Why.
    pub reason: String,
}

/// A step of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStep {
    /// The script; empty for the one that was begun with.
    pub script: String,
    /// The line in it.
    pub line: u32,
    /// What was done, and what came of it.
    pub what: String,
}

/// Something that would be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum RunAction {
    /// Store in the default mailbox.
    Keep {
        /// Whether the script did not ask for it.
        implicit: bool,
        /// Flags.
        flags: Vec<String>,
        /// The message as it is stored, if the script changed it.
        message: Option<String>,
    },
    /// Store elsewhere.
    Fileinto {
        /// Where and how.
        target: RunTarget,
        /// The message as it is stored, if the script changed it.
        message: Option<String>,
    },
    /// Send on.
    Redirect {
        /// The address, or the list.
        to: String,
        /// Whether it is a list.
        list: bool,
        /// The NOTIFY parameter.
        notify: Option<String>,
        /// The RET parameter.
        ret: Option<String>,
        /// The BY parameter.
        by: Option<String>,
        /// The message as it is sent, if the script changed it.
        message: Option<String>,
    },
    /// Refuse.
    Reject {
        /// What the sender is told.
        reason: String,
        /// Whether the protocol is to refuse if at all possible.
        extended: bool,
    },
    /// Answer that the recipient is away.
    Vacation {
        /// The same sender is not answered again for so long.
        seconds: u64,
        /// The subject.
        subject: Option<String>,
        /// From whom.
        from: Option<String>,
        /// More addresses of the recipient.
        addresses: Vec<String>,
        /// Whether the reason is a MIME part.
        mime: bool,
        /// What makes two answers the same.
        handle: String,
        /// Where a copy goes.
        fcc: Option<RunTarget>,
        /// What to say.
        reason: String,
    },
    /// Tell somebody.
    Notify {
        /// Whom.
        method: String,
        /// From whom.
        from: Option<String>,
        /// 1 high, 2 normal, 3 low.
        importance: u8,
        /// For the method.
        options: Vec<String>,
        /// What to say.
        message: Option<String>,
        /// Where a copy goes.
        fcc: Option<RunTarget>,
    },
    /// What only administrators' scripts do.
    System {
        /// Its name.
        name: String,
        /// Its argument.
        argument: String,
    },
}

/// A mailbox and how to store there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunTarget {
    /// Its name.
    pub mailbox: String,
    /// Found by this identifier first.
    pub mailbox_id: Option<String>,
    /// Found by this use first.
    pub special_use: Option<String>,
    /// Whether it is made if it is not there.
    pub create: bool,
    /// Flags.
    pub flags: Vec<String>,
}

/// Runs a script on a message and tells what would be done.
///
/// # Errors
/// What is wrong with the script.
pub fn run(
    script: &[u8],
    message: &[u8],
    world: &World,
    author: Author,
    traces: bool,
) -> Result<RunReport, sieve::Fault> {
    let script = Arc::new(compile(script, author.extensions())?);
    let structure = parse::structure(message);
    let context = Context {
        message,
        structure: &structure,
        sender: world.sender.clone(),
        recipient: world.recipient.clone(),
        authenticated: world.authenticated.clone(),
        now: world.now,
        offset_minutes: world.offset_minutes,
        separator: world.separator,
        environment: world.environment.clone(),
        spam_percent: world.spam_percent,
        virus: world.virus,
        flags: Vec::new(),
        redirects_max: world.redirects_max,
        traces,
    };
    let mut machine = Machine::new(script, context);
    loop {
        match machine.resume() {
            Step::Ask(question) => machine.answer(world.answer(&question, author)),
            Step::Done(outcome) => return Ok(report(&outcome)),
        }
    }
}

impl World {
    fn answer(&self, question: &Question, author: Author) -> Answer {
        match question {
            Question::MailboxExists(name) => {
                Answer::Is(name.eq_ignore_ascii_case("INBOX") || self.mailboxes.contains(name))
            }
            // Identifiers and uses are the store's to know.
            Question::MailboxIdExists(_) | Question::SpecialUseExists { .. } => Answer::Is(false),
            Question::Metadata { mailbox, annotation } => {
                let mailbox = mailbox.as_deref().unwrap_or_default();
                let is_it = |known: &&(String, String, String)| known.0 == mailbox && known.1 == *annotation;
                Answer::Text(self.metadata.iter().find(is_it).map(|(_, _, value)| value.clone()))
            }
            Question::InList { list, value } => {
                let values = self.lists.get(list);
                Answer::Is(values.is_some_and(|values| values.iter().any(|known| known.eq_ignore_ascii_case(value))))
            }
            Question::ListExists(list) => Answer::Is(self.lists.contains_key(list)),
            Question::IsDuplicate(key) => Answer::Is(self.duplicates.contains(&key.id)),
            // The machine has read the URI, so it is one of those that there are.
            Question::ValidMethod(_) => Answer::Is(true),
            Question::MethodCapability { capability, .. } => {
                Answer::Text((capability == "online").then(|| "maybe".to_owned()))
            }
            Question::Script { name, is_global } => self.script(name, *is_global, author),
        }
    }

    fn script(&self, name: &str, is_global: bool, author: Author) -> Answer {
        let [own, global] = &self.scripts;
        let (scripts, author) = if is_global { (global, Author::Administrator) } else { (own, author) };
        match scripts.get(name).map(|text| compile(text, author.extensions())) {
            None => Answer::Script(None),
            Some(Ok(script)) => Answer::Script(Some(Arc::<Script>::new(script))),
            Some(Err(fault)) => Answer::Unknown(format!("the script {name:?} cannot be run: {fault}")),
        }
    }
}

fn report(outcome: &Outcome<'_>) -> RunReport {
    let count = outcome.effects.len();
    let is_implicit = |number: usize| outcome.is_implicit_keep && number + 1 == count;
    RunReport {
        actions: outcome
            .effects
            .iter()
            .enumerate()
            .map(|(number, effect)| action(effect, is_implicit(number)))
            .collect(),
        failure: outcome.failure.clone().map(|failure| RunFailure {
            script: failure.script,
            line: failure.line,
            reason: failure.reason,
        }),
        remembers: outcome.remember.iter().map(|remember| remember.id.id.clone()).collect(),
        steps: outcome.steps,
        trace: outcome
            .trace
            .iter()
            .map(|step| RunStep { script: step.script.clone(), line: step.line, what: step.what.clone() })
            .collect(),
    }
}

fn action(effect: &Effect<'_>, implicit: bool) -> RunAction {
    let changed = |message: &sieve::Version<'_>| {
        (!message.is_original()).then(|| String::from_utf8_lossy(&message.octets()).into_owned())
    };
    let system = |name: &str, argument: String| RunAction::System { name: name.to_owned(), argument };
    match effect {
        Effect::Keep { flags, message } => {
            RunAction::Keep { implicit, flags: flags.clone(), message: changed(message) }
        }
        Effect::FileInto { target, message } => {
            RunAction::Fileinto { target: run_target(target), message: changed(message) }
        }
        Effect::Redirect { to, options, message } => {
            let (to, list) = match to {
                Recipients::Address(address) => (address.to_string(), false),
                Recipients::List(list) => (list.clone(), true),
            };
            RunAction::Redirect {
                to,
                list,
                notify: options.notify.map(notify_parameter),
                ret: options.returns_full.map(|is_full| if is_full { "FULL" } else { "HDRS" }.to_owned()),
                by: options.by.map(|by| {
                    let mode = if by.returns { 'R' } else { 'N' };
                    format!("{};{mode}{}", by.seconds, if by.traces { "T" } else { "" })
                }),
                message: changed(message),
            }
        }
        Effect::Reject { reason, is_extended } => RunAction::Reject { reason: reason.clone(), extended: *is_extended },
        Effect::Vacation(vacation) => RunAction::Vacation {
            seconds: vacation.seconds,
            subject: vacation.subject.clone(),
            from: vacation.from.clone(),
            addresses: vacation.addresses.clone(),
            mime: vacation.is_mime,
            handle: vacation.handle.clone(),
            fcc: vacation.copy.as_ref().map(run_target),
            reason: vacation.reason.clone(),
        },
        Effect::Notify(notification) => RunAction::Notify {
            method: notification.method.clone(),
            from: notification.from.clone(),
            importance: notification.importance,
            options: notification.options.clone(),
            message: notification.message.clone(),
            fcc: notification.copy.as_ref().map(run_target),
        },
        Effect::Jettison => system("jettison", String::new()),
        Effect::Junk => system("junk", String::new()),
        Effect::Hold { reason } => system("hold", reason.clone()),
        Effect::Capture { to } => system("capture", to.to_string()),
        Effect::AddTag { tag } => system("addtag", tag.clone()),
        Effect::SpamAdjust { thousandths } => system("spamadjust", format!("{thousandths}/1000")),
        Effect::VirusSet { level } => system("virusset", level.to_string()),
    }
}

fn run_target(target: &Target) -> RunTarget {
    RunTarget {
        mailbox: target.mailbox.clone(),
        mailbox_id: target.mailbox_id.clone(),
        special_use: target.special_use.clone(),
        create: target.creates,
        flags: target.flags.clone(),
    }
}

/// RFC 3461 §4.1.
fn notify_parameter(notify: Notify) -> String {
    let words = [(notify.success, "SUCCESS"), (notify.failure, "FAILURE"), (notify.delay, "DELAY")];
    let set: Vec<&str> = words.iter().filter(|(is_set, _)| *is_set).map(|(_, word)| *word).collect();
    if set.is_empty() { "NEVER".to_owned() } else { set.join(",") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_does_not_run_is_not_valid() {
        let is_valid =
            |extension: &str, author| check(format!("require \"{extension}\"; keep;").as_bytes(), author).valid;
        assert!(is_valid("fileinto", Author::User) && is_valid("imapsieve", Author::User));
        assert!(is_valid("vnd.heliograph.system", Author::Administrator));
        assert!(!is_valid("vnd.heliograph.system", Author::User), "that is the administrator's");
        assert!(!is_valid("vnd.other", Author::Administrator));
    }
}
