//! One session before the judge: what is known of it, what was decided about its transaction, and what comes of that at
//! each stage. Sessions and explanations both go through here; an explanation only has no effects.

use crate::inbound::recipient::Accepted;
use crate::inbound::refusal;
use crate::judge::court::{InForce, Judge};
use crate::judge::lookups::Effects;
use directory::directory::Directory;
use directory::entry::Account;
use directory::resolve::Resolution;
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
    effects: Effects,
    facts: Facts,
    manner: Manner,
    /// What was decided about the connection; each transaction begins with it.
    lasting: Carried,
    carried: Carried,
    told: Vec<Told>,
}

/// What was decided about a transaction and is carried out later.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Carried {
    /// How long the reply to each further command waits.
    pub delay: Duration,
    /// Words for later rules and the log.
    pub tags: Vec<String>,
    /// Fields for the top of the message.
    pub headers: Vec<(String, String)>,
    /// The envelope sender instead of the client's.
    pub sender: Option<String>,
    /// The field `Sender`.
    pub sender_field: Option<String>,
    /// Octets of the message at most.
    pub octets_max: Option<u64>,
    /// Recipients at most.
    pub recipients_max: Option<u64>,
    /// Points.
    pub score: f64,
    /// What becomes of all recipients: accept, redirect, hold or discard.
    pub fate: Verdict,
    /// Every reason, as a line.
    pub reasons: Vec<String>,
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
            judge: Arc::clone(judge),
            effects,
            facts: Facts { protocol, client: socket(peer), server: socket(local), ..Facts::default() },
            manner: Manner::default(),
            lasting: Carried::default(),
            carried: Carried::default(),
            told: Vec::new(),
        };
        hearing.choose_source();
        hearing
    }

    /// Whether there is nothing to judge by, so that nothing needs to be known.
    fn is_idle(&self) -> bool {
        self.rules.policy.is_idle()
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
        self.facts.sender = None;
        self.facts.recipient = None;
        self.facts.octets = 0;
    }

    /// Judges the connection. A refusal is the whole line that the client receives before it is cut off.
    pub async fn connect(&mut self, trace: TraceId) -> Option<String> {
        if self.is_idle() {
            return None;
        }
        let about = self.facts.client_address();
        let decision = self.judge(trace, Stage::Connect, &about).await;
        let refused = decision.verdict.refusal().map(|refusal| refusal.text.clone());
        self.keep_for_connection(decision);
        refused
    }

    /// Judges how the client names itself.
    ///
    /// # Errors
    /// The refusal.
    pub async fn hello(&mut self, trace: TraceId, name: &str) -> Result<(), Reply> {
        // A reload takes effect here for sessions that go on.
        self.rules = self.judge.in_force();
        if self.is_idle() {
            return Ok(());
        }
        name.clone_into(&mut self.facts.hello);
        let decision = self.judge(trace, Stage::Hello, name).await;
        let refused = refused(&decision);
        self.keep_for_connection(decision);
        refused
    }

    /// Judges a sender. `account` is who has logged in.
    ///
    /// # Errors
    /// The refusal.
    pub async fn mail(&mut self, trace: TraceId, mail: &MailFrom, from: &From<'_>) -> Result<(), Reply> {
        self.rules = self.judge.in_force();
        self.facts.is_extended = from.is_extended;
        self.facts.tls = from.tls;
        self.facts.login = from.account.map(|account| account.address.clone());
        self.choose_source();
        if self.is_idle() {
            return Ok(());
        }
        if self.manner.must_tls && !from.tls {
            return Err(refusal::tls_first());
        }
        if self.manner.must_login && from.account.is_none() {
            return Err(refusal::login_first());
        }
        self.carried.octets_max = self.manner.octets_max;
        self.carried.recipients_max = self.manner.recipients_max;
        let sender = mail.reverse_path.as_ref().map_or_else(String::new, Address::to_string);
        self.facts.octets = mail.size_octets.unwrap_or(0);
        self.facts.sender = Some(sender.clone());
        let decision = self.judge(trace, Stage::Mail, &sender).await;
        refused(&decision)?;
        self.keep(decision);
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
        self.wait(self.carried.delay).await;
        if let Some(limit) = self.carried.recipients_max.filter(|limit| before as u64 >= *limit) {
            return Err(refusal::too_many_recipients(limit));
        }
        let destination = self.destination(accepted);
        self.look_at(rcpt, &accepted.address.to_string(), destination);
        let about = accepted.address.to_string();
        let decision = self.judge(trace, Stage::Recipient, &about).await;
        refused(&decision)?;
        let mut fate = decision.verdict.clone();
        self.keep(decision);
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
    /// where they cannot be told apart here, because some are elsewhere, one refusal refuses all.
    async fn expanded(
        &mut self,
        trace: TraceId,
        directory: &dyn Directory,
        rcpt: &RcptTo,
        accepted: &mut Accepted,
    ) -> Result<Verdict, Reply> {
        let names = self.rules.settings.destinations.clone();
        let mut behind: Vec<(String, String)> = Vec::new();
        let is_apart = accepted.route.is_none();
        if is_apart {
            let addresses = accepted.targets.iter().map(|target| target.account.address.clone());
            behind.extend(addresses.map(|address| (address, names.local.clone())));
        } else if accepted.route.as_ref().is_some_and(|route| route.channel == Channel::Process)
            && let Ok(Resolution::Expanded { local, remote }) = directory.resolve(&accepted.address).await
        {
            behind.extend(local.into_iter().map(|target| (target.account.address, names.local.clone())));
            behind.extend(remote.into_iter().map(|address| (address.to_string(), names.smtp.clone())));
        } else {
            behind.push((accepted.address.to_string(), self.destination(accepted)));
        }
        let (mut fate, mut worst, mut keep) = (Verdict::Accept, None::<Verdict>, Vec::new());
        for (address, destination) in behind {
            self.look_at(rcpt, &address, destination);
            let decision = self.judge(trace, Stage::Expanded, &address).await;
            let verdict = decision.verdict.clone();
            let by = decision.reason().map(|reason| reason.by.clone()).unwrap_or_default();
            keep.push(verdict.refusal().is_none() && !matches!(verdict, Verdict::Discard { .. }));
            if verdict.refusal().is_some() {
                self.judge.signals.member_refused(trace, &address, &by);
                worst = worst.filter(|held| held.strength() >= verdict.strength()).or(Some(verdict));
            } else if verdict.strength() > fate.strength()
                && !(is_apart && matches!(verdict, Verdict::Discard { for_all: false }))
            {
                fate = verdict;
            }
            self.keep(decision);
        }
        let is_anybody_left = keep.iter().any(|keep| *keep);
        match worst {
            Some(Verdict::Reject(refusal) | Verdict::Defer(refusal)) if !(is_apart && is_anybody_left) => {
                return Err(refusal::of_policy(&refusal));
            }
            _ => {}
        }
        if is_apart {
            let mut keep = keep.into_iter();
            accepted.targets.retain(|_| keep.next().unwrap_or(true));
        }
        Ok(fate)
    }

    /// Judges the message before it comes.
    ///
    /// # Errors
    /// The refusal.
    pub async fn data(&mut self, trace: TraceId) -> Result<(), Reply> {
        if self.is_idle() {
            return Ok(());
        }
        self.wait(self.carried.delay).await;
        self.facts.recipient = None;
        let decision = self.judge(trace, Stage::Data, "").await;
        refused(&decision)?;
        self.keep(decision);
        Ok(())
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
        let decision = self.judge.judge(&self.rules, trace, stage, &self.facts, self.effects).await;
        if self.effects == Effects::Off {
            self.told.push(Told { stage, about: about.to_owned(), decision: decision.clone() });
        } else {
            self.judge.wait(&self.rules, decision.delay).await;
        }
        decision
    }

    async fn wait(&self, delay: Duration) {
        if self.effects == Effects::On && !delay.is_zero() {
            self.judge.wait(&self.rules, delay).await;
        }
    }

    fn keep_for_connection(&mut self, decision: Decision) {
        self.lasting.take(decision);
        self.carried = self.lasting.clone();
    }

    fn keep(&mut self, decision: Decision) {
        let is_about_one = self.facts.recipient.is_some();
        let verdict = decision.verdict.clone();
        let held = self.carried.fate.clone();
        self.carried.take(decision);
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

impl Carried {
    /// Joins what a stage decided.
    pub fn take(&mut self, decision: Decision) {
        let least = |held: Option<u64>, new: Option<u64>| match (held, new) {
            (Some(held), Some(new)) => Some(held.min(new)),
            (held, new) => held.or(new),
        };
        self.reasons.extend(
            decision.reasons.iter().map(|reason| format!("{} by {} ({})", reason.effect, reason.by, reason.place)),
        );
        self.delay = self.delay.max(decision.later_delay);
        for tag in decision.tags {
            if !self.tags.contains(&tag) {
                self.tags.push(tag);
            }
        }
        self.headers.extend(decision.headers);
        self.sender = self.sender.take().or(decision.sender);
        self.sender_field = self.sender_field.take().or(decision.sender_field);
        self.octets_max = least(self.octets_max, decision.octets_max);
        self.recipients_max = least(self.recipients_max, decision.recipients_max);
        self.score += decision.score;
        if decision.verdict.refusal().is_none() && decision.verdict.strength() > self.fate.strength() {
            self.fate = decision.verdict;
        }
    }
}
