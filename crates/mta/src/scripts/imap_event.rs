//! The script of a mailbox in which an IMAP command did something (RFC 6785). Called when the command's own work is durable;
//! comes back when what the script wants is durable, too. A failure leaves the messages as they are and the command good.
//!
//! Nothing here goes through a session, so that what a script does starts no other script (RFC 6785 §6). The order for each
//! message is: copies are filed, messages are sent, flags are changed. Whatever breaks off in between, nothing is lost.

use crate::aside::aside;
use crate::scripts::answers::{self, Unanswered};
use crate::scripts::decision::{Decision, Sent};
use crate::scripts::effects::{self, Act, Kept, State};
use crate::scripts::service::{Scripts, Unready};
use crate::scripts::subject::Subject;
use crate::scripts::whole::Whole;
use directory::entry::Account;
use mail::deliver::{Quota, Rule, Target};
use mail::filing::{Destination, Filing, Placed};
use mail::flags::{FlagMode, Flags, SystemFlags};
use mail::mailboxes::Mailbox;
use mail::record::MessageRow;
use mail::scripts::Trouble;
use mail::witness::{Cause, Happening, Touched, Witness};
use message::edit::{self, Prefix};
use model::{Address, Timestamp, Uid};
use queue::entry::{NewEntry, Scores};
use queue::queue::Queue;
use sieve::{Answer, Context, Effect, Extension, Machine, Outcome, Question, Script, Step};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// Messages of one command for which a script is run: each is read and looked at while the client waits.
const MESSAGES_MAX: usize = 1_000;
/// How long the runs for one command go on; clients wait a minute and more.
const TIME_MAX: Duration = Duration::from_secs(30);
/// What is made for a message's delivery alone, or changes more than its owner's mail (RFC 6785 §3.11).
const INAPPLICABLE: [Extension; 4] =
    [Extension::Reject, Extension::ExternalReject, Extension::Vacation, Extension::System];
/// The system flags by the names that scripts know.
const SYSTEM_FLAGS: [(SystemFlags, &str); 5] = [
    (SystemFlags::ANSWERED, "\\Answered"),
    (SystemFlags::FLAGGED, "\\Flagged"),
    (SystemFlags::DELETED, "\\Deleted"),
    (SystemFlags::SEEN, "\\Seen"),
    (SystemFlags::DRAFT, "\\Draft"),
];

/// Runs scripts because of IMAP commands.
pub struct ImapEvents {
    scripts: Arc<Scripts>,
    queue: Queue,
}

/// A script, and where it runs.
struct Ready<'a> {
    happening: &'a Happening,
    script: Arc<Script>,
    account: Account,
    /// The owner's address: who sends what the script sends (RFC 6785 §3.4).
    address: Address,
    target: Target,
    mailbox: Mailbox,
}

/// What is to be done because of one message.
struct Wanted {
    uid: Uid,
    filing: Filing,
    outgoing: Vec<(Sent, NewEntry)>,
    added: Flags,
    removed: Flags,
}

/// Why a run did nothing.
enum Failure {
    /// The script's own mistake: its owner is told.
    Script { name: String, line: u32, reason: String },
    /// Something is away: the operator is told.
    Away(String),
}

impl Witness for ImapEvents {
    fn witness(&self, happening: Happening) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move { self.run(&happening).await })
    }
}

impl ImapEvents {
    /// Runs `scripts`; what they send goes into `queue`.
    pub fn new(scripts: Arc<Scripts>, queue: Queue) -> ImapEvents {
        ImapEvents { scripts, queue }
    }

    async fn run(&self, happening: &Happening) {
        let trouble = match self.ready(happening).await {
            Ok(Some(ready)) => self.run_for_all(&ready).await,
            Ok(None) => None,
            Err(failure) => self.failed(happening, failure),
        };
        if let Some(trouble) = trouble {
            self.note(happening, trouble).await;
        }
    }

    /// The first failure that is the script's own doing.
    async fn run_for_all(&self, ready: &Ready<'_>) -> Option<Trouble> {
        let (happening, clock) = (ready.happening, &self.scripts.parts.clock);
        let (began, mut trouble) = (clock.now(), None);
        for (done, touched) in happening.messages.iter().enumerate() {
            if done >= MESSAGES_MAX || clock.now() > began.plus(TIME_MAX) {
                let left = happening.messages.len() - done;
                self.scripts.signals.left_alone(happening.trace, &ready.account.address, &happening.script, left);
                break;
            }
            let outcome = match self.decide(ready, touched).await {
                Ok(Some(wanted)) => self.fulfil(ready, wanted).await,
                Ok(None) => Ok(()),
                Err(failure) => Err(failure),
            };
            if let Err(failure) = outcome {
                let told = self.failed(happening, failure);
                trouble = trouble.or(told);
            }
        }
        trouble
    }

    /// The script, compiled, and whose it is; nothing where there is none of its name.
    async fn ready<'a>(&self, happening: &'a Happening) -> Result<Option<Ready<'a>>, Failure> {
        let (owner, parts) = (&happening.place.owner, &self.scripts.parts);
        let account = parts.directory.account(owner.account).await.map_err(|error| Failure::Away(error.to_string()))?;
        let Some(account) = account.filter(Account::is_active) else { return Ok(None) };
        let Some(mailbox) = parts.mail.mailbox(owner, happening.place.mailbox)? else { return Ok(None) };
        let Ok(address) = account.address.parse::<Address>() else { return Ok(None) };
        let unusable = |reason| Failure::Script { name: happening.script.clone(), line: 0, reason };
        let script = match self.scripts.personal(owner, &happening.script) {
            Ok(Some(compiled)) => compiled.map_err(unusable)?,
            Ok(None) => match self.scripts.library().global.get(&happening.script) {
                Some(named) => Arc::clone(&named.script),
                None => {
                    let what = format!("there is no script {:?} for an IMAP command to run", happening.script);
                    self.scripts.signals.not_done(happening.trace, &account.address, &what);
                    return Ok(None);
                }
            },
            Err(Unready::Unusable { reason, .. }) => return Err(unusable(reason)),
            Err(Unready::Store(error)) => return Err(error.into()),
        };
        if let Some(reason) = inapplicable(&script) {
            return Err(unusable(reason));
        }
        let target = Target {
            owner: owner.clone(),
            mailbox: None,
            poster: None,
            flags: Flags::default(),
            quota: Quota { octets: account.quota_octets, messages: account.quota_messages },
            delivery: None,
        };
        Ok(Some(Ready { happening, script, account, address, target, mailbox }))
    }

    /// Runs the script for one message, without any effect; nothing where the message has gone.
    async fn decide(&self, ready: &Ready<'_>, touched: &Touched) -> Result<Option<Wanted>, Failure> {
        let (scripts, parts) = (&*self.scripts, &self.scripts.parts);
        let place = &ready.happening.place;
        let Some(row) = parts.mail.message(place, touched.uid)? else { return Ok(None) };
        let octets = aside(row.octets as usize, || parts.mail.body(&place.owner, &row.blob))?;
        let whole = aside(octets.len(), || Whole::new(octets))?;
        let subject = Subject {
            trace: ready.happening.trace,
            sender: Some(&ready.address),
            recipient: &ready.address,
            account: &ready.account,
            target: &ready.target,
            instructions: &[],
            scores: Scores::default(),
            authenticated: None,
            is_released: false,
        };
        let now = parts.clock.now();
        let before = flags_of(ready, &row);
        scripts.signals.ran();
        let context = context(scripts, ready, touched, &whole, before.clone(), now);
        let outcome = self.execute(ready, &subject, context, now).await?;
        let after = outcome.effects.iter().rev().find_map(|effect| match effect {
            Effect::Keep { flags, .. } => Some(flags.clone()),
            _ => None,
        });
        let mut decision = Decision::default();
        let act = Act { scripts, subject: &subject, name: &ready.happening.script, now, is_own: true };
        let mut state = State::new(whole.clone(), Scores::default(), scripts.settings.redirects_max);
        let kept = state.apply(&act, &mut decision, outcome).await.map_err(|error| Failure::Away(error.to_string()))?;
        self.check_mailboxes(ready, &decision)?;
        // Without a keep the message stays and is marked to go (RFC 6785 §3.3 to §3.5), unless what was to become of it
        // instead cannot be done.
        let (added, removed) = match (after, kept) {
            (Some(after), _) => changes(&before, &after),
            (None, Kept::Yes) => Default::default(),
            (None, Kept::No) => (Flags::system(SystemFlags::DELETED), Flags::default()),
        };
        let filing = Filing { internal_date: Some(row.internal_date), ..decision.filing(&ready.target) };
        Ok(Some(Wanted { uid: touched.uid, filing, outgoing: decision.outgoing, added, removed }))
    }

    async fn execute<'a>(
        &self,
        ready: &Ready<'_>,
        subject: &Subject<'_>,
        context: Context<'a>,
        now: Timestamp,
    ) -> Result<Box<Outcome<'a>>, Failure> {
        let failed = |name, line, reason| Failure::Script { name, line, reason };
        let octets = context.message.len();
        let mut machine = Machine::new(Arc::clone(&ready.script), context);
        let mut outcome = loop {
            let question = match aside(octets, || machine.resume()) {
                Step::Done(outcome) => break outcome,
                Step::Ask(question) => question,
            };
            let answer = match answers::answer(&self.scripts, subject, now, &question).await {
                Ok(answer) => answer,
                Err(Unanswered::Away(reason)) => return Err(Failure::Away(reason)),
                Err(Unanswered::Never(reason)) => Answer::Unknown(reason),
            };
            machine.answer(applicable(&question, answer));
        };
        if let Some(failure) = outcome.failure.take() {
            let name = if failure.script.is_empty() { ready.happening.script.clone() } else { failure.script };
            return Err(failed(name, failure.line, failure.reason));
        }
        let is_applicable = |effect: &Effect<'_>| {
            matches!(
                effect,
                Effect::Keep { .. } | Effect::FileInto { .. } | Effect::Redirect { .. } | Effect::Notify(_)
            )
        };
        if !outcome.effects.iter().all(is_applicable) {
            let reason = "it uses an action that is for the delivery of mail alone".to_owned();
            return Err(failed(ready.happening.script.clone(), 0, reason));
        }
        Ok(outcome)
    }

    /// A mailbox that is not there and not to be made: the message stays as it is rather than going to INBOX, for it has
    /// a place already.
    fn check_mailboxes(&self, ready: &Ready<'_>, decision: &Decision) -> Result<(), Failure> {
        let (mail, owner) = (&self.scripts.parts.mail, &ready.target.owner);
        for placement in &decision.placements {
            let Destination::Chosen { id, special_use, mailbox, creates: false } = &placement.destination else {
                continue;
            };
            let has_id = match id {
                Some(id) => mail.mailbox(owner, *id)?.is_some(),
                None => false,
            };
            let has_use = |held: &Mailbox| special_use.is_some() && held.row.special_use == *special_use;
            let is_there = has_id
                || (special_use.is_some() && mail.mailboxes(owner)?.iter().any(has_use))
                || mail.find(owner, mailbox).is_ok_and(|found| found.is_some());
            if !is_there {
                let (name, reason) = (ready.happening.script.clone(), format!("there is no mailbox {mailbox}"));
                return Err(Failure::Script { name, line: 0, reason });
            }
        }
        Ok(())
    }

    /// Does what is wanted, each step durable before the next.
    async fn fulfil(&self, ready: &Ready<'_>, wanted: Wanted) -> Result<(), Failure> {
        let (mail, place) = (&self.scripts.parts.mail, &ready.happening.place);
        let Wanted { uid, filing, outgoing, added, removed } = wanted;
        if !filing.placements.is_empty() || !filing.remember.is_empty() {
            let placed = mail.place(&place.owner.partition, vec![filing], Rule::Each).await?.value;
            if placed.contains(&Placed::OverQuota) {
                let what = "there is no room for the copy that a script wants; the message stays as it is";
                self.scripts.signals.not_done(ready.happening.trace, &ready.account.address, what);
                return Ok(());
            }
        }
        for (kind, entry) in outgoing {
            let entry = if kind == Sent::Redirect { self.completed(ready, entry) } else { entry };
            let told = [(kind, entry)];
            let [(_, entry)] = &told;
            self.queue.submit(entry.clone()).await.map_err(|error| Failure::Away(error.to_string()))?;
            self.scripts.sent(ready.happening.trace, &ready.account.address, &told);
        }
        for (mode, flags) in [(FlagMode::Remove, removed), (FlagMode::Add, added)] {
            if flags != Flags::default() {
                mail.store_flags(place, vec![uid], mode, flags, None).await?;
            }
        }
        Ok(())
    }

    /// What was never delivered may lack what a message on its way must have (RFC 6785 §3.4, RFC 6409 §8).
    fn completed(&self, ready: &Ready<'_>, entry: NewEntry) -> NewEntry {
        let parts = &self.scripts.parts;
        let now = parts.clock.now();
        let mut prefix = Prefix::new();
        let id = format!("{:016x}.{:x}@{}", parts.random.u64(), now.0, ready.address.domain);
        edit::complete(entry.body.bytes(), now, &id, &mut prefix);
        if prefix.octets().is_empty() {
            return entry;
        }
        let octets = [prefix.octets(), entry.body.bytes()].concat();
        NewEntry { body: storage::NewBlob::new(octets), ..entry }
    }

    /// Tells the operator; returns what the owner is to see.
    fn failed(&self, happening: &Happening, failure: Failure) -> Option<Trouble> {
        let signals = &self.scripts.signals;
        let account = happening.place.owner.account.to_string();
        match failure {
            Failure::Script { name, line, reason } => {
                signals.failed(happening.trace, &account, &name, line, &reason);
                Some(Trouble { at: self.scripts.parts.clock.now(), script: name, line, reason })
            }
            Failure::Away(reason) => {
                signals.away(happening.trace, &account, &reason);
                None
            }
        }
    }

    /// Keeps a failure where the script's owner sees it.
    async fn note(&self, happening: &Happening, trouble: Trouble) {
        let owner = happening.place.owner.clone();
        let partition = owner.partition.clone();
        let (quota, delivery, internal_date) = (Quota::default(), None, None);
        let (placements, remember, trouble) = (Vec::new(), Vec::new(), Some(trouble));
        let filing = Filing { owner, quota, delivery, internal_date, placements, remember, trouble };
        if let Err(error) = self.scripts.parts.mail.place(&partition, vec![filing], Rule::Each).await {
            self.failed(happening, error.into());
        }
    }
}

impl From<mail::error::Error> for Failure {
    fn from(error: mail::error::Error) -> Failure {
        Failure::Away(error.to_string())
    }
}

fn context<'a>(
    scripts: &Scripts,
    ready: &Ready<'_>,
    touched: &Touched,
    whole: &'a Whole,
    flags: Vec<String>,
    now: Timestamp,
) -> Context<'a> {
    let (settings, happening) = (&scripts.settings, ready.happening);
    let host = settings.host.to_string();
    let cause = match happening.cause {
        Cause::Added => "APPEND",
        Cause::Copied => "COPY",
        Cause::Flagged => "FLAG",
    };
    let item = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Context {
        now,
        flags,
        separator: settings.separator,
        environment: vec![
            item("domain", host.split_once('.').map_or(host.as_str(), |(_, domain)| domain)),
            item("host", &host),
            item("imap.cause", cause),
            item("imap.changedflags", &names(&touched.changed).join(" ")),
            item("imap.email", &happening.by),
            item("imap.mailbox", &ready.mailbox.row.name),
            item("imap.user", &happening.by),
            item("location", "MS"),
            item("name", "Heliograph"),
            item("phase", "post"),
            item("version", env!("CARGO_PKG_VERSION")),
        ],
        redirects_max: settings.redirects_max,
        ..Context::new(whole.octets(), whole.structure())
    }
}

/// Why a script cannot run because of an IMAP command, if so.
fn inapplicable(script: &Script) -> Option<String> {
    let found = INAPPLICABLE.iter().find(|extension| script.extensions().has(**extension))?;
    Some(format!("{} is for the delivery of mail alone", found.name()))
}

/// The answer, unless it is a script that cannot run here.
fn applicable(question: &Question, answer: Answer) -> Answer {
    match (question, &answer) {
        (Question::Script { name, .. }, Answer::Script(Some(script))) => match inapplicable(script) {
            Some(reason) => Answer::Unknown(format!("the script {name:?} cannot be included: {reason}")),
            None => answer,
        },
        _ => answer,
    }
}

/// The flags of a message by the names that scripts know.
fn flags_of(ready: &Ready<'_>, row: &MessageRow) -> Vec<String> {
    let keywords = ready.mailbox.row.keywords.names_of(row.keywords).map(str::to_owned).collect();
    names(&Flags { system: row.flags, keywords })
}

fn names(flags: &Flags) -> Vec<String> {
    let system = SYSTEM_FLAGS.iter().filter(|(flag, _)| flags.system.has(*flag)).map(|(_, name)| (*name).to_owned());
    system.chain(flags.keywords.iter().cloned()).collect()
}

/// What comes on and what goes off. A flag that a script cannot name is in both lists and stays.
fn changes(before: &[String], after: &[String]) -> (Flags, Flags) {
    let missing = |from: &[String], of: &[String]| -> Vec<String> {
        of.iter().filter(|flag| !from.iter().any(|held| held.eq_ignore_ascii_case(flag))).cloned().collect()
    };
    (effects::flags(&missing(before, after)), effects::flags(&missing(after, before)))
}

#[cfg(test)]
mod tests;
