//! The administrator's scripts of the stages before a message has come: `connect`, `hello`, `sender`, `recipient`, `data`.
//! They run behind the rules and mapping tables of their stage, on a message without anything in it, and what they want is
//! added to the same decision. They change nothing themselves, so that an explanation runs them as a session does.

use crate::inbound::refusal;
use crate::scripts::answers::{self, Unanswered};
use crate::scripts::fitness;
use crate::scripts::library::{Library, Named};
use crate::scripts::service::Scripts;
use message::structure::Structure;
use model::TraceId;
use policy::decision::{Decision, Effect, Verdict};
use policy::facts::Facts;
use policy::stage::Stage;
use sieve::{Answer, Context, Failure, Machine, Outcome, Question, Recipients, Script, Step};
use std::sync::Arc;
use tokio::time::Instant;

/// What a script is about.
pub struct Case<'a> {
    /// The transaction's name.
    pub trace: TraceId,
    /// When.
    pub stage: Stage,
    /// What is known.
    pub facts: &'a Facts,
    /// The client's name, if it was looked up and has one.
    pub remote_host: Option<String>,
    /// When everything that is asked must be answered.
    pub until: Instant,
    /// Whether this is real, and counted, or an explanation.
    pub is_real: bool,
    /// Whether every step is told.
    pub is_traced: bool,
}

/// Runs the scripts of a stage in the order of their names, as long as they keep, and adds what they want.
pub async fn judge(scripts: &Scripts, library: &Library, case: &Case<'_>, decision: &mut Decision) {
    let inputs = inputs(case.facts);
    for named in library.of_stage(case.stage) {
        if case.is_real {
            scripts.signals.ran();
        }
        let structure = message::parse::structure(NOTHING);
        let mut outcome = run(scripts, library, &named.script, context(scripts, case, &structure), case.until).await;
        tell_steps(case, named, &outcome, decision);
        let wanted = match outcome.failure.take() {
            Some(failure) => Err(failure),
            None => wishes(case.stage, &outcome),
        };
        let by = format!("script {}", named.name);
        match wanted {
            Ok(wishes) => {
                decision.add(&by, &place(&named.name, 0), &inputs, wishes.effects);
                if !wishes.goes_on {
                    break;
                }
            }
            Err(failure) => {
                let (place, effects) = failed(scripts, case, named, &failure);
                decision.add(&by, &place, &inputs, effects);
                break;
            }
        }
    }
}

/// Where it stands; line 0 is no line.
fn place(name: &str, line: u32) -> String {
    if line == 0 { format!("{name}.sieve") } else { format!("{name}.sieve:{line}") }
}

/// Nobody knows what the script wanted, so the client is to come again.
fn failed(scripts: &Scripts, case: &Case<'_>, named: &Named, failure: &Failure) -> (String, Vec<Effect>) {
    let name = match failure.script.as_str() {
        "" => named.name.clone(),
        included => format!("global/{included}"),
    };
    if case.is_real {
        scripts.signals.failed_early(case.trace, case.stage, &name, failure.line, &failure.reason);
    }
    let told = Effect::Note(format!("the script failed: {}", failure.reason));
    let verdict = Effect::Verdict(refusal::undecided_at(case.stage));
    (place(&name, failure.line), vec![verdict, told])
}

fn tell_steps(case: &Case<'_>, named: &Named, outcome: &Outcome<'_>, decision: &mut Decision) {
    if !case.is_traced {
        return;
    }
    decision.steps.push(format!("script {}", named.name));
    decision.steps.extend(outcome.trace.iter().map(|step| match step.script.as_str() {
        "" => format!("  line {}: {}", step.line, step.what),
        included => format!("  line {} of {included}: {}", step.line, step.what),
    }));
}

/// What scripts are given, for the reasons.
fn inputs(facts: &Facts) -> String {
    let known = ["client", "hello", "login", "sender", "recipient"].into_iter().filter_map(|name| {
        let value = facts.value(name).filter(|value| !value.is_empty())?;
        Some(format!("{name}={value}"))
    });
    known.collect::<Vec<_>>().join(" ")
}

fn context<'a>(scripts: &Scripts, case: &Case<'_>, structure: &'a Structure) -> Context<'a> {
    let facts = case.facts;
    Context {
        sender: facts.sender.clone(),
        recipient: facts.recipient.as_ref().map(|recipient| recipient.address.clone()),
        authenticated: facts.login.clone().filter(|_| case.stage >= Stage::Mail),
        now: scripts.parts.clock.now(),
        separator: scripts.settings.separator,
        environment: environment(scripts, case),
        // Whatever is judged can go to one other address.
        redirects_max: 1,
        traces: case.is_traced,
        ..Context::new(NOTHING, structure)
    }
}

/// The items of RFC 5183 §4.1 as far as they are known, and ours.
fn environment(scripts: &Scripts, case: &Case<'_>) -> Vec<(String, String)> {
    let facts = case.facts;
    let host = scripts.settings.host.to_string();
    let domain = host.split_once('.').map_or(host.as_str(), |(_, domain)| domain).to_owned();
    let has_login = case.stage >= Stage::Mail;
    let words = |is: bool| if is { "yes" } else { "no" }.to_owned();
    let items = [
        ("domain", Some(domain)),
        ("host", Some(host)),
        ("location", Some("MTA".to_owned())),
        ("name", Some("Heliograph".to_owned())),
        ("phase", Some("pre".to_owned())),
        ("version", Some(env!("CARGO_PKG_VERSION").to_owned())),
        ("remote-host", case.remote_host.clone()),
        ("remote-ip", Some(facts.client_address()).filter(|address| !address.is_empty())),
        ("vnd.heliograph.stage", Some(case.stage.name().to_owned())),
        ("vnd.heliograph.listener", Some(facts.protocol.name().to_owned())),
        ("vnd.heliograph.channel", Some(facts.source.clone())),
        ("vnd.heliograph.helo", (case.stage >= Stage::Hello).then(|| facts.hello.clone())),
        // Until the client names a sender it may still log in and begin with TLS.
        ("vnd.heliograph.auth", has_login.then(|| facts.login.clone().unwrap_or_default())),
        ("vnd.heliograph.tls", has_login.then(|| words(facts.tls))),
    ];
    items.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

async fn run<'a>(
    scripts: &Scripts,
    library: &Library,
    script: &Arc<Script>,
    context: Context<'a>,
    until: Instant,
) -> Box<Outcome<'a>> {
    let mut machine = Machine::new(Arc::clone(script), context);
    loop {
        let question = match machine.resume() {
            Step::Done(outcome) => return outcome,
            Step::Ask(question) => question,
        };
        machine.answer(answer_in_time(scripts, library, &question, until).await);
    }
}

/// What cannot be answered, or not in time, ends the run.
async fn answer_in_time(scripts: &Scripts, library: &Library, question: &Question, until: Instant) -> Answer {
    let answered = match Instant::now() < until {
        true => tokio::time::timeout_at(until, answer(scripts, library, question)).await.ok(),
        false => None,
    };
    match answered {
        Some(Ok(answer)) => answer,
        Some(Err(Unanswered::Away(reason) | Unanswered::Never(reason))) => Answer::Unknown(reason),
        None => Answer::Unknown("the look-ups of this command have taken too long".to_owned()),
    }
}

async fn answer(scripts: &Scripts, library: &Library, question: &Question) -> Result<Answer, Unanswered> {
    Ok(match question {
        Question::InList { list, value } => Answer::Is(answers::in_list(scripts, list, value).await?),
        Question::ListExists(list) => Answer::Is(answers::list_exists(scripts, list).await?),
        Question::Script { name, is_global: true } => {
            let found = library.global.get(name).map(|named| Arc::clone(&named.script));
            if let Some(problem) = found.as_deref().and_then(fitness::problem) {
                return Err(Unanswered::Never(format!("the script {name:?} cannot be included: {problem}")));
            }
            Answer::Script(found)
        }
        _ => return Err(Unanswered::Never("there is no mailbox to ask about at this stage".to_owned())),
    })
}

/// What a script wants.
#[derive(Debug, PartialEq)]
struct Wishes {
    effects: Vec<Effect>,
    /// Whether the next script is asked.
    goes_on: bool,
}

/// What came of a run, as the policy says it.
fn wishes(stage: Stage, outcome: &Outcome<'_>) -> Result<Wishes, Failure> {
    let fail = |reason: &str| Failure { script: String::new(), line: 0, reason: reason.to_owned() };
    let (mut effects, mut is_kept, mut is_redirected) = (Vec::new(), false, false);
    for effect in &outcome.effects {
        match effect {
            sieve::Effect::Keep { .. } => is_kept = true,
            sieve::Effect::Reject { reason, .. } => effects.push(Effect::Verdict(refusal::refused_at(stage, reason))),
            sieve::Effect::Hold { reason } => {
                effects.push(Effect::Verdict(Verdict::Hold));
                if !reason.is_empty() {
                    effects.push(Effect::Note(format!("held by a script: {reason}")));
                }
            }
            sieve::Effect::Redirect { to: Recipients::Address(to), .. } => {
                is_redirected = true;
                effects.push(Effect::Verdict(Verdict::Redirect(to.to_string())));
            }
            // The script was looked through before it was taken into use.
            _ => return Err(fail("the script does what cannot be done at this stage")),
        }
    }
    if is_kept && is_redirected {
        return Err(fail("keep and redirect exclude each other at this stage: there is no message to make a copy of"));
    }
    if !is_kept && effects.is_empty() {
        effects.push(Effect::Verdict(Verdict::Discard { for_all: false }));
    }
    let goes_on = is_kept && effects.is_empty();
    let octets = outcome.message.octets();
    if octets.len() > FIELDS_OCTETS_MAX {
        return Err(fail(&format!("the script adds more than {FIELDS_OCTETS_MAX} octets of fields")));
    }
    effects.extend(
        message::header::fields(&octets).map(|field| {
            Effect::Header(String::from_utf8_lossy(field.name).into_owned(), field.unfolded().into_owned())
        }),
    );
    Ok(Wishes { effects, goes_on })
}

/// The message that scripts see: an empty header and no body.
const NOTHING: &[u8] = b"\r\n";

/// Octets of the fields that one run may add: they are carried along with each transaction, as are those of all other
/// recipients of it; the header of a message has room for some more.
const FIELDS_OCTETS_MAX: usize = 16 * 1024;

#[cfg(test)]
mod tests;
