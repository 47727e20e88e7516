//! The administrator's scripts of a whole message, run once when its last octet has come, whoever it is for: there is no
//! mailbox, and what needs one cannot be required.

use crate::aside::aside;
use crate::scripts::effects::{adjusted, tagged};
use crate::scripts::service::Scripts;
use crate::scripts::subject::Away;
use model::{Address, TraceId};
use queue::entry::Scores;
use sieve::{Answer, Context, Effect, Machine, Outcome, Question, Script, Step};
use std::sync::Arc;

/// The message, and what is known of it.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// The transaction's name.
    pub trace: TraceId,
    /// The envelope sender; `None` is the null sender.
    pub sender: Option<&'a Address>,
    /// The envelope recipient if there is only one.
    pub only_recipient: Option<&'a Address>,
    /// Who had logged in to send it.
    pub authenticated: Option<&'a str>,
    /// What filters found.
    pub scores: Scores,
    /// Its octets.
    pub octets: &'a [u8],
}

/// What the scripts want.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Another text.
    pub octets: Option<Vec<u8>>,
    /// The scores as they were corrected.
    pub scores: Scores,
    /// Refuse it, and why.
    pub rejection: Option<String>,
    /// Take it and drop it.
    pub is_dropped: bool,
    /// Keep it in Junk, unless its recipients' scripts say where.
    pub is_junk: bool,
    /// Let it wait for an operator, and why.
    pub hold: Option<String>,
    /// Who gets a copy with its envelope.
    pub captures: Vec<Address>,
    /// What a trace tells of it.
    pub notes: Vec<String>,
}

/// Runs the scripts, without any effect.
///
/// # Errors
/// The directory is away.
pub async fn end_of_message(scripts: &Scripts, message: &Message<'_>) -> Result<Wanted, Away> {
    let library = scripts.library();
    let mut wanted = Wanted { scores: message.scores, ..Wanted::default() };
    for named in &library.message {
        scripts.signals.ran();
        let octets = wanted.octets.clone();
        let octets = octets.as_deref().unwrap_or(message.octets);
        let structure = message::parse::structure(octets);
        let context = context(scripts, message, wanted.scores, octets, &structure);
        let outcome = run(scripts, &named.script, context).await?;
        if let Some(failure) = &outcome.failure {
            scripts.signals.failed(message.trace, "", &named.name, failure.line, &failure.reason);
            wanted.notes.push(format!("the script {} failed in line {}: {}", named.name, failure.line, failure.reason));
            continue;
        }
        if !apply(scripts, message, &named.name, &outcome, &mut wanted) {
            break;
        }
    }
    Ok(wanted)
}

fn context<'a>(
    scripts: &Scripts,
    message: &Message<'_>,
    scores: Scores,
    octets: &'a [u8],
    structure: &'a message::structure::Structure,
) -> Context<'a> {
    let settings = &scripts.settings;
    let host = settings.host.to_string();
    let item = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Context {
        message: octets,
        structure,
        sender: Some(message.sender.map_or_else(String::new, ToString::to_string)),
        recipient: message.only_recipient.map(ToString::to_string),
        authenticated: message.authenticated.map(str::to_owned),
        now: scripts.parts.clock.now(),
        offset_minutes: 0,
        separator: settings.separator,
        environment: vec![
            item("host", &host),
            item("location", "MTA"),
            item("name", "Heliograph"),
            item("phase", "during"),
            item("version", env!("CARGO_PKG_VERSION")),
        ],
        spam_percent: scores.spam_percent,
        virus: scores.virus,
        flags: Vec::new(),
        redirects_max: 0,
        traces: false,
    }
}

async fn run<'a>(scripts: &Scripts, script: &Arc<Script>, context: Context<'a>) -> Result<Box<Outcome<'a>>, Away> {
    let octets = context.message.len();
    let mut machine = Machine::new(Arc::clone(script), context);
    loop {
        let question = match aside(octets, || machine.resume()) {
            Step::Done(outcome) => return Ok(outcome),
            Step::Ask(question) => question,
        };
        let answer = match &question {
            Question::Script { name, is_global: true } => {
                Answer::Script(scripts.library().global.get(name).map(|named| Arc::clone(&named.script)))
            }
            Question::InList { list, value } => {
                let groups = scripts.parts.directory.groups_of(value).await;
                let groups = groups.map_err(|error| Away(error.to_string()))?;
                Answer::Is(groups.iter().any(|group| group.eq_ignore_ascii_case(list)))
            }
            _ => Answer::Unknown("a script of the whole message has no mailbox to ask about".to_owned()),
        };
        machine.answer(answer);
    }
}

/// Takes over what one script wants; whether the message is still to be passed on.
fn apply(scripts: &Scripts, message: &Message<'_>, name: &str, outcome: &Outcome<'_>, wanted: &mut Wanted) -> bool {
    let (mut is_kept, mut tags) = (false, Vec::new());
    for effect in &outcome.effects {
        match effect {
            Effect::Keep { message, .. } => {
                is_kept = true;
                if !message.is_original() {
                    wanted.octets = Some(message.octets().into_owned());
                    wanted.notes.push(format!("{name} changed the message"));
                }
            }
            Effect::Reject { reason, .. } => {
                wanted.rejection = Some(reason.clone());
                return false;
            }
            Effect::Hold { reason } => {
                wanted.hold = Some(reason.clone());
                return false;
            }
            Effect::Jettison => {
                wanted.is_dropped = true;
                return false;
            }
            Effect::Junk => wanted.is_junk = true,
            Effect::Capture { to } => wanted.captures.push(to.clone()),
            Effect::AddTag { tag } => tags.push(tag.clone()),
            Effect::SpamAdjust { thousandths } => wanted.scores = adjusted(wanted.scores, *thousandths),
            Effect::VirusSet { level } => wanted.scores.virus = Some((*level).min(5)),
            // They cannot be required; `redirect` needs no requiring, and its bound is none.
            Effect::FileInto { .. } | Effect::Redirect { .. } | Effect::Vacation(_) | Effect::Notify(_) => {
                scripts.signals.not_done(message.trace, "", "a script of the whole message has no mailbox to act for");
            }
        }
    }
    for tag in tags {
        let octets = wanted.octets.take();
        wanted.octets = Some(tagged(octets.as_deref().unwrap_or(message.octets), &tag));
    }
    if !is_kept {
        wanted.is_dropped = true;
    }
    is_kept
}
