//! The scripts of one recipient, one after the other.

use crate::aside::aside;
use crate::scripts::answers::{self, Unanswered};
use crate::scripts::decision::Decision;
use crate::scripts::effects::{Act, Kept, State};
use crate::scripts::service::{Scripts, Unready};
use crate::scripts::subject::{Away, Subject};
use crate::scripts::whole::Whole;
use mail::scripts::Trouble;
use model::Timestamp;
use sieve::{Context, Machine, Outcome, Script, Step};
use std::sync::Arc;

/// One script of those that run.
struct Layer {
    name: String,
    script: Arc<Script>,
    is_own: bool,
}

/// Runs what is to be run for a recipient, without any effect.
///
/// # Errors
/// The store or the directory is away.
pub async fn decide(scripts: &Scripts, subject: &Subject<'_>, whole: &Whole) -> Result<Decision, Away> {
    let mut decision = Decision::default();
    let layers = layers(scripts, subject, &mut decision)?;
    let mut state = State::new(whole.clone(), subject.scores, scripts.settings.redirects_max);
    for layer in layers {
        scripts.signals.ran();
        let before = state.whole.clone();
        let now = scripts.parts.clock.now();
        let mut outcome = execute(scripts, subject, &state, &before, now, &layer.script).await?;
        if let Some(failure) = outcome.failure.take() {
            let name = if failure.script.is_empty() { layer.name.clone() } else { failure.script };
            trouble(scripts, subject, &mut decision, name, failure.line, failure.reason);
            continue;
        }
        let act = Act { scripts, subject, name: &layer.name, now, is_own: layer.is_own };
        let kept = state.apply(&act, &mut decision, outcome).await?;
        if decision.hold.is_some() || decision.rejection.is_some() || kept == Kept::No {
            return Ok(decision);
        }
    }
    state.keep(subject, &mut decision).map_err(|error| Away(error.to_string()))?;
    Ok(decision)
}

/// All scripts that run, in their order. One that cannot be used is passed over, and its owner learns of it.
fn layers(scripts: &Scripts, subject: &Subject<'_>, decision: &mut Decision) -> Result<Vec<Layer>, Away> {
    let mut found = Vec::new();
    for (number, text) in (1..).zip(subject.instructions) {
        let name = format!("instruction {number}");
        match scripts.fragment(text) {
            Ok(script) => found.push(Layer { name, script, is_own: false }),
            Err(reason) => unusable(scripts, subject, decision, name, reason),
        }
    }
    let library = scripts.library();
    let of_library = |named: &crate::scripts::library::Named| Layer {
        name: named.name.clone(),
        script: Arc::clone(&named.script),
        is_own: false,
    };
    found.extend(library.before.iter().map(of_library));
    let domain = subject.account.address.rsplit_once('@').map_or("", |(_, domain)| domain).to_ascii_lowercase();
    found.extend(library.domains.get(&domain).map(of_library));
    match scripts.active(&subject.target.owner) {
        Ok(Some((name, script))) => found.push(Layer { name, script, is_own: true }),
        Ok(None) => {}
        Err(Unready::Unusable { script, reason }) => unusable(scripts, subject, decision, script, reason),
        Err(Unready::Store(error)) => return Err(Away(error.to_string())),
    }
    found.extend(library.after.iter().map(of_library));
    Ok(found)
}

/// One run. `before` is what the state holds, and outlives what comes of it.
async fn execute<'a>(
    scripts: &Scripts,
    subject: &Subject<'_>,
    state: &State,
    before: &'a Whole,
    now: Timestamp,
    script: &Arc<Script>,
) -> Result<Box<Outcome<'a>>, Away> {
    let settings = &scripts.settings;
    let host = settings.host.to_string();
    let item = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let phase = if subject.target.delivery.is_some() { "post" } else { "during" };
    let context = Context {
        message: before.octets(),
        structure: before.structure(),
        sender: Some(subject.sender.map_or_else(String::new, ToString::to_string)),
        recipient: Some(subject.recipient.to_string()),
        authenticated: subject.authenticated.map(str::to_owned),
        now,
        offset_minutes: 0,
        separator: settings.separator,
        environment: vec![
            item("domain", host.split_once('.').map_or(host.as_str(), |(_, domain)| domain)),
            item("host", &host),
            item("location", "MDA"),
            item("name", "Heliograph"),
            item("phase", phase),
            item("version", env!("CARGO_PKG_VERSION")),
        ],
        spam_percent: state.scores.spam_percent,
        virus: state.scores.virus,
        flags: Vec::new(),
        redirects_max: state.redirects_left,
        traces: false,
    };
    let mut machine = Machine::new(Arc::clone(script), context);
    loop {
        let step = aside(before.octets().len(), || machine.resume());
        let question = match step {
            Step::Done(outcome) => return Ok(outcome),
            Step::Ask(question) => question,
        };
        match answers::answer(scripts, subject, now, &question).await {
            Ok(answer) => machine.answer(answer),
            Err(Unanswered::Away(reason)) => return Err(Away(reason)),
            Err(Unanswered::Never(reason)) => machine.answer(sieve::Answer::Unknown(reason)),
        }
    }
}

fn unusable(scripts: &Scripts, subject: &Subject<'_>, decision: &mut Decision, script: String, reason: String) {
    scripts.signals.unusable(&script, &reason);
    trouble(scripts, subject, decision, script, 0, reason);
}

/// Notes a failure where the operator, the trace and the owner see it.
fn trouble(
    scripts: &Scripts,
    subject: &Subject<'_>,
    decision: &mut Decision,
    script: String,
    line: u32,
    reason: String,
) {
    scripts.signals.failed(subject.trace, &subject.account.address, &script, line, &reason);
    decision.note(format!("the script {script} failed in line {line}: {reason}"));
    decision.trouble = Some(Trouble { at: scripts.parts.clock.now(), script, line, reason });
}
