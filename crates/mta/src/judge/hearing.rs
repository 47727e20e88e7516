//! One session before the judge: what is known of it, what was decided about its transaction, and what comes of that at
//! each stage. Sessions and explanations both go through here; an explanation only has no effects.

use crate::inbound::recipient::Accepted;
use crate::inbound::refusal;
use crate::judge::carried::{Carried, least};
use crate::judge::court::{InForce, Judge, Matter, Time};
use crate::judge::joint::{Joint, is_kept};
use crate::judge::lookups::Effects;
use crate::scripts::library::Library;
use directory::directory::Directory;
use directory::entry::Account;
use directory::resolve::{LocalTarget, Resolution};
use model::{Address, TraceId};
use net::Endpoint;
use policy::decision::{Decision, Verdict};
use policy::facts::{Facts, Protocol, Recipient};
use policy::source::{self, Manner};
use policy::stage::Stage;
use queue::entry::{Channel, Route};
use smtp::envelope::{MailFrom, RcptTo};
use smtp::reply::Reply;
use smtp::server::Kind;
use std::sync::Arc;
use std::time::Duration;

/// A session before the judge.
#[derive(Debug)]
pub struct Hearing {
    judge: Arc<Judge>,
    rules: Arc<InForce>,
    scripts: Arc<Library>,
    effects: Effects,
    facts: Facts,
    manner: Manner,
    /// What was decided before the client named itself; each time that it does so, this is what is added to.
    admitted: Carried,
    /// What was decided about the connection; each transaction begins with it.
    lasting: Carried,
    carried: Carried,
    /// Whether the stage of DATA has let the transaction pass.
    is_data_judged: bool,
    /// The time for the look-ups of the command that is judged.
    time: Time,
    /// How long the reply to it waits: once, however many decisions want it.
    delay: Duration,
    /// How long the reply to the message has waited already: it is judged as DATA as well, when that command was not given.
    waited: Duration,
    told: Vec<Told>,
}

/// What a whole message brings along from the stages before it.
#[derive(Clone, Debug)]
pub struct Heard {
    /// What held when its transaction began.
    pub rules: Arc<InForce>,
    /// Whether this is real.
    pub effects: Effects,
    /// What is known of the session.
    pub facts: Facts,
    /// What was decided.
    pub carried: Carried,
    /// How long the reply has waited already.
    pub waited: Duration,
    /// Each decision, for an explanation.
    pub told: Vec<Told>,
}

/// A decision as an explanation tells it.
#[derive(Clone, Debug)]
pub struct Told {
    /// The stage.
    pub stage: Stage,
    /// What it was about: an address, a name.
    pub about: String,
    /// What was decided.
    pub decision: Decision,
}

impl Hearing {
    /// A session at its beginning.
    pub fn new(judge: &Arc<Judge>, kind: Kind, peer: Endpoint, local: Endpoint, effects: Effects) -> Hearing {
        let socket = |end: Endpoint| match end {
            Endpoint::Ip(address) => Some(address),
            Endpoint::Unix | Endpoint::Memory => None,
        };
        let protocol = match kind {
            Kind::Smtp => Protocol::Smtp,
            Kind::Submission => Protocol::Submission,
            Kind::Lmtp => Protocol::Lmtp,
        };
        let mut hearing = Hearing {
            rules: judge.in_force(),
            scripts: judge.scripts(),
            judge: Arc::clone(judge),
            effects,
            facts: Facts { protocol, client: socket(peer), server: socket(local), ..Facts::default() },
            manner: Manner::default(),
            admitted: Carried::default(),
            lasting: Carried::default(),
            carried: Carried::default(),
            is_data_judged: false,
            time: Time::begin(),
            delay: Duration::ZERO,
            waited: Duration::ZERO,
            told: Vec::new(),
        };
        hearing.choose_source();
        hearing
    }

    /// Whether there is nothing to judge by, so that nothing needs to be known.
    fn is_idle(&self) -> bool {
        self.rules.policy.is_idle() && self.scripts.early.is_empty()
    }

    /// A reload takes effect here for sessions that go on.
    fn renew(&mut self) {
        self.rules = self.judge.in_force();
        self.scripts = self.judge.scripts();
    }

    fn choose_source(&mut self) {
        let (name, manner) = source::of(self.rules.policy.sources(), &self.facts);
        if self.facts.source != name {
            name.clone_into(&mut self.facts.source);
        }
        self.manner = manner;
    }

    /// The channel of the session, as tables and rules name it.
    pub fn source(&self) -> &str {
        &self.facts.source
    }

    /// Whether this is real.
    pub fn effects(&self) -> Effects {
        self.effects
    }

    /// Whether the channel may send elsewhere without a login.
    pub fn may_relay(&self) -> bool {
        self.manner.may_relay
    }

    /// What a whole message takes along.
    pub fn heard(&self) -> Option<Box<Heard>> {
        (!self.is_idle()).then(|| {
            Box::new(Heard {
                rules: Arc::clone(&self.rules),
                effects: self.effects,
                facts: self.facts.clone(),
                carried: self.carried.clone(),
                waited: self.waited,
                told: Vec::new(),
            })
        })
    }

    /// What was decided so far, for an explanation.
    pub fn take_told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }

    /// Forgets the transaction.
    pub fn forget_transaction(&mut self) {
        if self.carried != self.lasting {
            self.carried = self.lasting.clone();
        }
        self.is_data_judged = false;
        self.waited = Duration::ZERO;
        self.facts.sender = None;
        self.facts.recipient = None;
        self.facts.octets = 0;
    }

    /// Begins with a command, whose reply waits at least so long.
    fn begin(&mut self, delay: Duration) {
        self.time = Time::begin();
        self.delay = delay;
    }

    /// Lets the reply wait as decided; that long it was.
    async fn end(&mut self) -> Duration {
        let delay = std::mem::take(&mut self.delay).min(self.rules.settings.delay_max);
        if self.effects == Effects::On {
            self.judge.wait(delay).await;
        }
        delay
    }

    /// Judges the connection. A refusal is the whole line that the client receives before it is cut off.
    pub async fn connect(&mut self, trace: TraceId) -> Option<String> {
        if self.is_idle() {
            return None;
        }
        let about = self.facts.client_address();
        self.begin(Duration::ZERO);
        let decision = self.judge(trace, Stage::Connect, &about).await;
        let refused = decision.verdict.refusal().map(|refusal| refusal.text.clone());
        self.keep_for_connection(trace, decision);
        self.admitted = self.lasting.clone();
        self.end().await;
        refused
    }

    /// Judges how the client names itself.
    ///
    /// # Errors
    /// The refusal.
    pub async fn hello(&mut self, trace: TraceId, name: &str) -> Result<(), Reply> {
        // What is known is written down also without a policy: one may be there at the next command.
        self.renew();
        name.clone_into(&mut self.facts.hello);
        self.choose_source();
        if self.is_idle() {
            return Ok(());
        }
        self.begin(Duration::ZERO);
        // What an earlier name had decided goes with that name.
        self.lasting = self.admitted.clone();
        self.carried = self.admitted.clone();
        let decision = self.judge(trace, Stage::Hello, name).await;
        let refused = refused(&decision);
        self.keep_for_connection(trace, decision);
        self.end().await;
        refused
    }

    /// Judges a sender. `account` is who has logged in.
    ///
    /// # Errors
    /// The refusal.
    pub async fn mail(&mut self, trace: TraceId, mail: &MailFrom, from: &From<'_>) -> Result<(), Reply> {
        self.renew();
        self.facts.is_extended = from.is_extended;
        self.facts.tls = from.tls;
        self.facts.login = from.account.map(|account| account.address.clone());
        self.choose_source();
        if self.is_idle() {
            return Ok(());
        }
        self.begin(Duration::ZERO);
        let judged = self.judge_sender(trace, mail, from).await;
        self.end().await;
        judged
    }

    async fn judge_sender(&mut self, trace: TraceId, mail: &MailFrom, from: &From<'_>) -> Result<(), Reply> {
        if self.manner.must_tls && !from.tls {
            return Err(refusal::tls_first());
        }
        if self.manner.must_login && from.account.is_none() {
            return Err(refusal::login_first());
        }
        self.carried.octets_max = least(self.carried.octets_max, self.manner.octets_max);
        self.carried.recipients_max = least(self.carried.recipients_max, self.manner.recipients_max);
        let sender = mail.reverse_path.as_ref().map_or_else(String::new, Address::to_string);
        self.facts.octets = mail.size_octets.unwrap_or(0);
        self.facts.sender = Some(sender.clone());
        let decision = self.judge(trace, Stage::Mail, &sender).await;
        refused(&decision)?;
        self.keep(trace, decision);
        match self.carried.octets_max {
            Some(limit) if self.facts.octets > limit => Err(refusal::too_large_here(limit)),
            _ => Ok(()),
        }
    }

    /// Judges a recipient, as it was given and each address behind it, and changes what becomes of it. The address that
    /// it goes to instead is given back. `before` recipients were accepted already.
    ///
    /// # Errors
    /// The refusal.
    pub async fn recipient(
        &mut self,
        trace: TraceId,
        directory: &dyn Directory,
        rcpt: &RcptTo,
        accepted: &mut Accepted,
        before: usize,
    ) -> Result<Option<String>, Reply> {
        if self.is_idle() {
            return Ok(None);
        }
        self.begin(self.carried.delay);
        let judged = self.judge_recipient(trace, directory, rcpt, accepted, before).await;
        self.end().await;
        judged
    }

    async fn judge_recipient(
        &mut self,
        trace: TraceId,
        directory: &dyn Directory,
        rcpt: &RcptTo,
        accepted: &mut Accepted,
        before: usize,
    ) -> Result<Option<String>, Reply> {
        if let Some(limit) = self.carried.recipients_max.filter(|limit| before as u64 >= *limit) {
            return Err(refusal::too_many_recipients(limit));
        }
        let destination = self.destination(accepted);
        self.look_at(rcpt, &accepted.address.to_string(), destination);
        let about = accepted.address.to_string();
        let decision = self.judge(trace, Stage::Recipient, &about).await;
        refused(&decision)?;
        let mut fate = decision.verdict.clone();
        self.keep(trace, decision);
        if !self.rules.policy.is_silent(Stage::Expanded) {
            let behind = self.expanded(trace, directory, rcpt, accepted).await?;
            if behind.strength() > fate.strength() {
                fate = behind;
            }
        }
        if self.carried.fate.strength() > fate.strength() {
            fate = self.carried.fate.clone();
        }
        match fate {
            Verdict::Discard { .. } => accepted.discard(),
            Verdict::Hold => accepted.hold(),
            Verdict::Redirect(address) => return Ok(Some(address)),
            Verdict::Accept | Verdict::Defer(_) | Verdict::Reject(_) => {}
        }
        Ok(None)
    }

    /// Judges each address behind a recipient. Members of a group who are refused are passed over while others are left;
    /// where they cannot be told apart here, because some are elsewhere, one refusal refuses all. No other verdict about
    /// one of several is for the others: who is discarded is taken out, and what cannot be done to one alone is counted.
    async fn expanded(
        &mut self,
        trace: TraceId,
        directory: &dyn Directory,
        rcpt: &RcptTo,
        accepted: &mut Accepted,
    ) -> Result<Verdict, Reply> {
        let is_apart = accepted.route.is_none();
        let behind = self.behind(trace, directory, accepted).await?;
        let mut verdicts = Vec::with_capacity(behind.len());
        for (address, destination) in &behind {
            self.look_at(rcpt, address, destination.clone());
            let mut decision = self.judge(trace, Stage::Expanded, address).await;
            let verdict = decision.verdict.clone();
            if verdict.refusal().is_some() {
                let by = decision.reason().map_or("", |reason| reason.by.as_str());
                self.judge.signals.member_refused(trace, address, by);
                // What is said of mail for somebody who gets none of it is not said of the mail.
                decision = Decision { reasons: decision.reasons, ..Decision::default() };
            }
            self.keep(trace, decision);
            verdicts.push(verdict);
        }
        let joint = Joint::of(&verdicts, is_apart)?;
        for place in joint.passed_over {
            if let (Some((address, _)), Some(verdict)) = (behind.get(place), verdicts.get(place)) {
                self.judge.signals.member_not_apart(trace, address, verdict);
            }
        }
        if is_apart {
            let mut verdicts = verdicts.iter();
            accepted.targets.retain(|_| verdicts.next().is_none_or(is_kept));
        }
        Ok(joint.fate)
    }

    /// The addresses behind a recipient, each with its destination; the address itself where nothing is known of them.
    async fn behind(
        &self,
        trace: TraceId,
        directory: &dyn Directory,
        accepted: &Accepted,
    ) -> Result<Vec<(String, String)>, Reply> {
        let names = &self.rules.settings.destinations;
        let local = |target: &LocalTarget| (target.account.address.clone(), names.local.clone());
        let Some(route) = &accepted.route else { return Ok(accepted.targets.iter().map(local).collect()) };
        if route.channel == Channel::Process {
            let resolution = directory.resolve(&accepted.address).await.map_err(|error| {
                self.judge.signals.directory_away(trace, &error);
                refusal::directory_away()
            })?;
            if let Resolution::Expanded { local: ours, remote } = resolution {
                let elsewhere = remote.iter().map(|address| (address.to_string(), names.smtp.clone()));
                return Ok(ours.iter().map(local).chain(elsewhere).collect());
            }
        }
        Ok(vec![(accepted.address.to_string(), self.destination(accepted))])
    }

    /// Judges the message before it comes.
    ///
    /// # Errors
    /// The refusal.
    pub async fn data(&mut self, trace: TraceId) -> Result<(), Reply> {
        let (judged, _) = self.judge_data(trace).await;
        judged
    }

    /// Judges the message that has come without DATA (RFC 3030): what that stage would have said of it.
    ///
    /// # Errors
    /// The refusal.
    pub async fn data_after_all(&mut self, trace: TraceId) -> Result<(), Reply> {
        if self.is_data_judged {
            return Ok(());
        }
        let (judged, waited) = self.judge_data(trace).await;
        self.waited = waited;
        judged
    }

    /// With how long the reply has waited.
    async fn judge_data(&mut self, trace: TraceId) -> (Result<(), Reply>, Duration) {
        if self.is_idle() {
            return (Ok(()), Duration::ZERO);
        }
        self.begin(self.carried.delay);
        self.facts.recipient = None;
        let decision = self.judge(trace, Stage::Data, "").await;
        let judged = refused(&decision);
        if judged.is_ok() {
            self.is_data_judged = true;
            self.keep(trace, decision);
        }
        (judged, self.end().await)
    }

    fn look_at(&mut self, rcpt: &RcptTo, address: &str, destination: String) {
        // Without NOTIFY a sender is told of failures, as RFC 3461 §4.1 says, but has not asked for it.
        let notify = rcpt.notify.unwrap_or_default();
        self.facts.recipient = Some(Recipient {
            address: address.to_owned(),
            destination,
            notify_delay: notify.delay,
            notify_failure: notify.failure,
            notify_success: notify.success,
        });
    }

    fn destination(&self, accepted: &Accepted) -> String {
        let names = &self.rules.settings.destinations;
        channel_name(names, accepted.route.as_ref()).to_owned()
    }

    async fn judge(&mut self, trace: TraceId, stage: Stage, about: &str) -> Decision {
        self.facts.tags.clone_from(&self.carried.tags);
        self.facts.score = self.carried.score;
        let (rules, scripts, facts) = (&*self.rules, &*self.scripts, &self.facts);
        let (effects, time) = (self.effects, self.time);
        let decision = self.judge.judge(trace, &Matter { rules, scripts, stage, facts, effects, time }).await;
        if self.effects == Effects::Off {
            self.told.push(Told { stage, about: about.to_owned(), decision: decision.clone() });
        }
        self.delay = self.delay.max(decision.delay);
        decision
    }

    fn keep_for_connection(&mut self, trace: TraceId, decision: Decision) {
        self.judge.signals.not_carried(trace, self.lasting.take(decision));
        self.carried = self.lasting.clone();
    }

    fn keep(&mut self, trace: TraceId, decision: Decision) {
        let is_about_one = self.facts.recipient.is_some();
        let verdict = decision.verdict.clone();
        let held = self.carried.fate.clone();
        self.judge.signals.not_carried(trace, self.carried.take(decision));
        if is_about_one && !matches!(verdict, Verdict::Discard { for_all: true }) {
            self.carried.fate = held;
        }
    }
}

/// How a session stands at MAIL FROM.
#[derive(Debug)]
pub struct From<'a> {
    /// Whether it said EHLO or LHLO.
    pub is_extended: bool,
    /// Whether TLS is on.
    pub tls: bool,
    /// Who has logged in.
    pub account: Option<&'a Account>,
}

/// The name of the channel of a route; none means our own mailboxes.
pub fn channel_name<'n>(names: &'n crate::judge::settings::Destinations, route: Option<&'n Route>) -> &'n str {
    names.name_of(route)
}

fn refused(decision: &Decision) -> Result<(), Reply> {
    match decision.verdict.refusal() {
        Some(refusal) => Err(refusal::of_policy(refusal)),
        None => Ok(()),
    }
}
