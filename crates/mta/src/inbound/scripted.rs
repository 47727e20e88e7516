//! Scripts of recipients, run before a message is answered, so that a refusal is a reply and not a message of its own.
//!
//! What scripts only file is filed at once. Where they send messages, too, the message goes through the queue, whose
//! agent runs them again with all that makes each effect happen once.

use crate::aside::aside;
use crate::delivery::target::target;
use crate::inbound::accept::{self, Answered, Plan};
use crate::inbound::arrival::Arrival;
use crate::inbound::recipient::Accepted;
use crate::inbound::refusal;
use crate::inbound::service::Service;
use crate::scripts::decision::{Decision, usual};
use crate::scripts::run;
use crate::scripts::subject::{Away, Subject};
use crate::scripts::whole::Whole;
use mail::filing::{Filing, Placement};
use mail::flags::Flags;
use queue::entry::Channel;
use smtp::reply::Reply;
use smtp::server::Kind;

/// Accounts whose decisions a trace tells.
const TOLD_MAX: usize = 5;

/// Whether a script may have a say. Costs next to nothing when not.
pub fn is_concerned(service: &Service, arrival: &Arrival) -> bool {
    let scripts = &service.parts.scripts;
    // What waits for something or is changed first meets the scripts when the queue files it.
    let comes_home =
        |accepted: &Accepted| accepted.route.as_ref().is_none_or(|route| route.channel == Channel::Process);
    let concerns = |accepted: &Accepted| {
        comes_home(accepted)
            && accepted.targets.iter().any(|local| scripts.concern(&local.account, &accepted.instructions))
    };
    arrival.recipients.iter().any(concerns)
}

/// What scripts decided for the accounts behind one recipient; `None` for those without any.
type Decided = Vec<Option<Decision>>;

/// What is done with a message.
pub enum Way {
    /// It is answered with this.
    Answered(Answered),
    /// It goes through the queue for the recipients that are left, by their places; the others are told these replies.
    Queued(Vec<Result<usize, Reply>>),
}

/// Runs the scripts of all recipients and files what can be filed at once. `whole` is the message as it is filed.
pub async fn judge(service: &Service, arrival: &Arrival, whole: Vec<u8>) -> Way {
    let everybody = || (0..arrival.recipients.len()).map(Ok).collect::<Vec<Result<usize, Reply>>>();
    let parsed = aside(whole.len(), || Whole::new(whole));
    let whole = match parsed {
        Ok(whole) => whole,
        Err(error) => {
            service.signals.store_failed(arrival.trace, &error);
            return Way::Answered(refused(service, arrival, &refusal::store_away(&error)));
        }
    };
    let mut decided: Vec<Decided> = Vec::with_capacity(arrival.recipients.len());
    for accepted in &arrival.recipients {
        match decide(service, arrival, accepted, &whole).await {
            Ok(decisions) => decided.push(decisions),
            // The queue keeps the message until what scripts need is there again.
            Err(error) => {
                service.signals.scripts_wait(arrival.trace, &error);
                return Way::Queued(everybody());
            }
        }
    }
    let utf8 = arrival.envelope.mail_from.smtputf8;
    let rejections: Vec<Option<Reply>> =
        decided.iter().map(|one| rejection(one).map(|reason| refusal::refused_by_recipient(reason, utf8))).collect();
    let left = match service.kind {
        Kind::Lmtp => (0..).zip(&rejections).map(|(at, reply)| reply.clone().map_or(Ok(at), Err)).collect(),
        Kind::Smtp | Kind::Submission => match rejections.iter().cloned().collect::<Option<Vec<Reply>>>() {
            Some(all) => all.into_iter().map(Err).collect(),
            None => everybody(),
        },
    };
    finish(service, arrival, &whole, decided, left).await
}

/// Files for those who are left, or says that the queue must.
async fn finish(
    service: &Service,
    arrival: &Arrival,
    whole: &Whole,
    decided: Vec<Decided>,
    left: Vec<Result<usize, Reply>>,
) -> Way {
    let kept: Vec<usize> = left.iter().filter_map(|one| one.as_ref().ok().copied()).collect();
    if kept.is_empty() {
        note(service, arrival, &decided);
        let replies: Vec<Reply> = left.into_iter().filter_map(Result::err).collect();
        let count = if service.kind == Kind::Lmtp { replies.len() } else { 1 };
        return Way::Answered(Answered::only(replies.into_iter().take(count).collect()));
    }
    let mut envelope = arrival.envelope.clone();
    envelope.recipients = kept.iter().filter_map(|at| arrival.envelope.recipients.get(*at).cloned()).collect();
    let recipients: Vec<Accepted> = kept.iter().filter_map(|at| arrival.recipients.get(*at).cloned()).collect();
    let all = decided.clone();
    let decided: Vec<Decided> =
        (0..).zip(decided).filter(|(at, _)| kept.contains(at)).map(|(_, decisions)| decisions).collect();
    let is_local = decided.iter().flatten().flatten().all(Decision::is_local);
    let Some(plan) = accept::plan(&envelope, &recipients).filter(|_| is_local) else {
        return Way::Queued(left);
    };
    let filings = filings(&plan, &decided, whole);
    let Some(answered) = accept::place(service, arrival.trace, &recipients, &plan, filings).await else {
        return Way::Queued(left);
    };
    note(service, arrival, &all);
    if service.kind != Kind::Lmtp {
        return Way::Answered(answered);
    }
    let mut replies = answered.replies.into_iter();
    let all = left.into_iter().map(|one| match one {
        Err(reply) => reply,
        Ok(_) => replies.next().unwrap_or_else(refusal::no_memory),
    });
    Way::Answered(Answered { replies: all.collect(), where_filed: answered.where_filed })
}

/// The filing of each target of the plan.
fn filings(plan: &Plan, decided: &[Decided], whole: &Whole) -> Vec<Filing> {
    let mut filings: Vec<Filing> = Vec::with_capacity(plan.targets.len());
    for (number, target) in plan.targets.iter().enumerate() {
        let decisions = plan.places.iter().zip(decided).flat_map(|(places, decisions)| places.iter().zip(decisions));
        let mut mine = decisions.filter(|(place, _)| **place == number).map(|(_, decision)| decision);
        filings.push(match mine.find_map(Option::as_ref) {
            Some(decision) => decision.filing(target),
            None => {
                let placement =
                    Placement { message: whole.filed(), destination: usual(target), flags: Flags::default() };
                Decision { placements: vec![placement], ..Decision::default() }.filing(target)
            }
        });
    }
    filings
}

async fn decide(service: &Service, arrival: &Arrival, accepted: &Accepted, whole: &Whole) -> Result<Decided, Away> {
    let scripts = &service.parts.scripts;
    let mut decided = Vec::with_capacity(accepted.targets.len());
    for local in &accepted.targets {
        if !scripts.concern(&local.account, &accepted.instructions) {
            decided.push(None);
            continue;
        }
        let target = target(arrival.envelope.mail_from.reverse_path.as_ref(), local, None);
        let subject = Subject {
            trace: arrival.trace,
            sender: arrival.envelope.mail_from.reverse_path.as_ref(),
            recipient: &accepted.address,
            account: &local.account,
            target: &target,
            instructions: &accepted.instructions,
            scores: arrival.scores(),
            authenticated: arrival.origin.account.as_ref().map(|account| account.address.as_str()),
            is_released: false,
        };
        decided.push(Some(run::decide(scripts, &subject, whole).await?));
    }
    Ok(decided)
}

/// Why everybody behind a recipient refuses the message. Where only some do, the queue tells the sender.
fn rejection(decided: &Decided) -> Option<&str> {
    let reasons: Option<Vec<&str>> =
        decided.iter().map(|one| one.as_ref().and_then(|decision| decision.rejection.as_deref())).collect();
    // With a refusal other things may have been asked for, which only the queue's agent can do.
    let is_all =
        decided.iter().flatten().all(|decision| decision.placements.is_empty() && decision.outgoing.is_empty());
    reasons.filter(|_| is_all).and_then(|reasons| reasons.first().copied())
}

fn refused(service: &Service, arrival: &Arrival, reply: &Reply) -> Answered {
    let count = if service.kind == Kind::Lmtp { arrival.recipients.len() } else { 1 };
    Answered::only(vec![reply.clone(); count])
}

/// Tells the trace what scripts decided.
fn note(service: &Service, arrival: &Arrival, decided: &[Decided]) {
    let targets = arrival.recipients.iter().zip(decided).flat_map(|(accepted, one)| accepted.targets.iter().zip(one));
    let told = targets.filter_map(|(local, decision)| Some((local, decision.as_ref()?)));
    for (local, decision) in told.filter(|(_, decision)| !decision.notes.is_empty()).take(TOLD_MAX) {
        let text = format!("scripts of {}: {}", local.account.address, decision.notes.join("; "));
        service.parts.queue.note(arrival.trace, None, text);
    }
}
