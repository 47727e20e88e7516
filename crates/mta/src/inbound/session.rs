//! A connection driven by the engine.

use crate::authentication::results::Results;
use crate::inbound::accept::{self, Answered, Learned};
use crate::inbound::arrival::{Arrival, Finding, Origin};
use crate::inbound::content;
use crate::inbound::entry::{self, Asked};
use crate::inbound::fate::Fates;
use crate::inbound::greylisting;
use crate::inbound::login::Login;
use crate::inbound::prefix;
use crate::inbound::recipient::Accepted;
use crate::inbound::refusal;
use crate::inbound::scripted::{self, Way};
use crate::inbound::service::{SPOOL_STEP_KIB, Service};
use crate::inbound::settings::EarlyTalkers;
use crate::inbound::stages;
use crate::inbound::system_script;
use crate::judge::hearing::{From, Hearing};
use crate::judge::lookups::Effects;
use bytes::{Buf, Bytes, BytesMut};
use model::TraceId;
use net::admission::Refused;
use net::{BoxFuture, Connection, Door, Received};
use smtp::envelope::{Envelope, MailFrom, RcptTo};
use smtp::reply::Reply;
use smtp::server::{Decision, Kind, Question, Session as Engine, Step};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

/// Recipients that a trace names.
const NOTED_MAX: usize = 5;

impl Door for Service {
    fn serve(self: Arc<Self>, connection: Connection) -> BoxFuture<'static, ()> {
        Box::pin(serve(self, connection))
    }

    fn farewell(&self, _refused: Refused) -> Bytes {
        Bytes::from_static(refusal::BUSY)
    }
}

/// Speaks with a client to the end.
pub async fn serve(service: Arc<Service>, connection: Connection) {
    let trace = connection.trace();
    service.signals.connected(trace, connection.peer());
    let engine = Engine::new(service.config(&connection), connection.tls().is_some());
    let hearing = Hearing::new(&service.parts.judge, service.kind, connection.peer(), connection.local(), Effects::On);
    let mut session = Session {
        service: &service,
        hearing,
        engine,
        connection,
        input: BytesMut::new(),
        spool: Vec::new(),
        permits: Vec::new(),
        login: Login::default(),
        recipients: Vec::new(),
        announced: 0,
        transactions: 0,
        errors: 0,
    };
    let why = session.run().await.err().unwrap_or("the client said goodbye");
    service.signals.ended(trace, why);
    let deadline = session.deadline(service.settings.send_timeout);
    session.connection.close(deadline).await;
}

struct Session<'a> {
    service: &'a Service,
    hearing: Hearing,
    engine: Engine,
    connection: Connection,
    input: BytesMut,
    spool: Vec<u8>,
    permits: Vec<OwnedSemaphorePermit>,
    login: Login,
    recipients: Vec<Accepted>,
    announced: u64,
    transactions: u64,
    errors: usize,
}

impl Session<'_> {
    fn deadline(&self, timeout: Duration) -> Option<Instant> {
        Some(Instant::now() + timeout)
    }

    async fn run(&mut self) -> Result<(), &'static str> {
        if !self.comes_too_often().await {
            self.admit().await?;
            self.greet().await?;
        }
        loop {
            let now = self.service.parts.clock.now();
            let mut input: &[u8] = &self.input;
            let step = self.engine.receive(&mut input, &mut self.spool, now);
            let used = self.input.len() - input.len();
            self.input.advance(used);
            match step {
                Step::NeedMore => {
                    self.flush().await?;
                    self.take_memory();
                    self.listen().await?;
                }
                Step::Ask(question) => self.answer(question).await,
                Step::StartTls => {
                    self.flush().await?;
                    self.connection.start_tls().await.map_err(|_| "the TLS handshake failed")?;
                    self.engine.tls_started();
                    self.login = Login::default();
                }
                Step::Close => return self.flush().await,
            }
        }
    }

    /// Whether this is one connection too many of its client, which is greeted with a refusal.
    async fn comes_too_often(&mut self) -> bool {
        let refused = entry::connection(self.service, &self.hearing, self.connection.peer()).await;
        let Some(reply) = refused else { return false };
        self.service.signals.refused(self.trace(), self.connection.peer(), "connect", &reply);
        self.engine.greet(Some(reply));
        true
    }

    /// Asks the policy; who is refused receives one line and nothing else.
    async fn admit(&mut self) -> Result<(), &'static str> {
        let Some(line) = self.hearing.connect(self.connection.trace()).await else { return Ok(()) };
        self.service.signals.not_admitted(self.connection.trace(), self.connection.peer(), &line);
        let plain: String = line.chars().filter(|character| !character.is_control()).collect();
        let deadline = self.deadline(self.service.settings.send_timeout);
        let _gone = self.connection.send(format!("{plain}\r\n").as_bytes(), deadline).await;
        Err("the policy refused the connection")
    }

    /// Waits a moment for clients that cannot, unless they are known to be well-behaved: on submission and LMTP, and on
    /// this machine as long as the operator has not asked for it.
    async fn greet(&mut self) -> Result<(), &'static str> {
        let mut refusal = None;
        let settings = &self.service.settings;
        let is_watched = self.service.kind == Kind::Smtp
            && !settings.greeting_delay.is_zero()
            && (settings.watches_loopback || !self.connection.peer().is_local());
        if is_watched {
            let deadline = self.deadline(settings.greeting_delay);
            let early = self.connection.receive(&mut self.input, deadline).await;
            match early.map_err(|_| "the connection failed")? {
                Received::Octets(_) => {
                    self.service.signals.early_talker(self.connection.trace(), self.connection.peer());
                    match settings.early_talkers {
                        EarlyTalkers::Refuse => refusal = Some(refusal::early_talker()),
                        EarlyTalkers::Purge => self.purge().await?,
                    }
                }
                Received::Closed => return Err("the client closed the connection"),
                Received::TimedOut | Received::Draining => {}
            }
        }
        self.engine.greet(refusal);
        Ok(())
    }

    /// Forgets what a client says before it is greeted, to the end of the delay; bounded, because nobody needs more.
    async fn purge(&mut self) -> Result<(), &'static str> {
        const FORGOTTEN_MAX: usize = 1 << 20;
        let deadline = self.deadline(self.service.settings.greeting_delay);
        let mut forgotten = 0;
        loop {
            forgotten += self.input.len();
            self.input.clear();
            if forgotten > FORGOTTEN_MAX {
                return Err("the client did not stop talking before it was greeted");
            }
            match self.connection.receive(&mut self.input, deadline).await.map_err(|_| "the connection failed")? {
                Received::Octets(_) => {}
                Received::Closed => return Err("the client closed the connection"),
                Received::TimedOut | Received::Draining => return Ok(()),
            }
        }
    }

    async fn flush(&mut self) -> Result<(), &'static str> {
        let output = self.engine.take_output();
        if output.is_empty() {
            return Ok(());
        }
        self.tarpit().await;
        let deadline = self.deadline(self.service.settings.send_timeout);
        self.connection.send(&output, deadline).await.map_err(|_| "the connection failed")
    }

    /// Who has made many errors waits for each new one.
    async fn tarpit(&mut self) {
        let errors = self.engine.errors();
        let over = errors.saturating_sub(self.service.settings.tarpit_after);
        if errors > self.errors && over > 0 {
            tokio::time::sleep(Duration::from_millis(250) * u32::try_from(over.min(20)).unwrap_or(20)).await;
        }
        self.errors = errors;
    }

    /// Takes memory from the common budget as the message grows; without any left the message is refused at its end.
    fn take_memory(&mut self) {
        if !self.engine.is_in_body() {
            return;
        }
        let held = self.permits.len() * SPOOL_STEP_KIB as usize * 1024;
        if self.spool.len() <= held {
            return;
        }
        let steps = (self.spool.len() - held).div_ceil(SPOOL_STEP_KIB as usize * 1024);
        for _ in 0..steps {
            match self.service.spool.clone().try_acquire_many_owned(SPOOL_STEP_KIB) {
                Ok(permit) => self.permits.push(permit),
                Err(_) => {
                    self.engine.refuse_body(refusal::no_memory());
                    self.spool = Vec::new();
                    return;
                }
            }
        }
    }

    async fn listen(&mut self) -> Result<(), &'static str> {
        let settings = &self.service.settings;
        let in_body = self.engine.is_in_body();
        let timeout = if in_body { settings.data_timeout } else { settings.command_timeout };
        let deadline = self.deadline(timeout);
        if !in_body && self.input.is_empty() {
            self.connection.rest();
            self.input = BytesMut::new();
        }
        let received = if in_body {
            self.connection.receive(&mut self.input, deadline).await
        } else {
            self.connection.receive_unless_draining(&mut self.input, deadline).await
        };
        match received.map_err(|_| "the connection failed")? {
            Received::Octets(_) => Ok(()),
            Received::Closed => Err("the client closed the connection"),
            Received::TimedOut => {
                self.engine.close_with(&refusal::timed_out(&settings.host));
                Ok(())
            }
            Received::Draining => {
                self.engine.close_with(&refusal::shutting_down(&settings.host));
                Ok(())
            }
        }
    }

    fn trace(&self) -> TraceId {
        // Each transaction of a connection has a name of its own that begins with the connection's.
        TraceId(self.connection.trace().0.wrapping_add(self.transactions))
    }

    fn refuse(&self, stage: &'static str, reply: Reply) -> Decision {
        self.service.signals.refused(self.trace(), self.connection.peer(), stage, &reply);
        Decision::Refuse(reply)
    }

    async fn answer(&mut self, question: Question) {
        match question {
            Question::Hello { name } => {
                self.forget_transaction();
                let heard = self.hearing.hello(self.trace(), &name).await;
                let decision = self.decided("EHLO", heard);
                self.engine.decide(decision);
            }
            Question::Auth { mechanism, initial } => {
                let answer = self.login.begin(self.service, &self.connection, &mechanism, initial.as_deref()).await;
                self.engine.answer_auth(answer);
            }
            Question::AuthResponse(response) => {
                let answer = self.login.respond(self.service, &self.connection, response.as_deref()).await;
                self.engine.answer_auth(answer);
            }
            Question::Mail(mail) => {
                self.forget_transaction();
                self.announced = mail.size_octets.unwrap_or(0);
                let decision = self.judge_sender(&mail).await;
                self.engine.decide(decision);
            }
            Question::Rcpt(rcpt) => {
                let judged = self.judge_recipient(&rcpt).await;
                let judged = judged.map(|accepted| self.recipients.push(accepted));
                let decision = self.decided("RCPT", judged);
                self.engine.decide(decision);
            }
            Question::Data => {
                let heard = self.hearing.data(self.trace()).await;
                let decision = self.decided("DATA", heard);
                self.engine.decide(decision);
            }
            Question::Message => {
                let replies = self.message().await;
                self.engine.answer_message(&replies);
                self.transactions += 1;
                self.forget_transaction();
            }
        }
    }

    fn decided(&self, stage: &'static str, outcome: Result<(), Reply>) -> Decision {
        match outcome {
            Ok(()) => Decision::Accept,
            Err(reply) => self.refuse(stage, reply),
        }
    }

    async fn judge_recipient(&mut self, rcpt: &RcptTo) -> Result<Accepted, Reply> {
        let asked = Asked {
            trace: self.trace(),
            octets: self.announced,
            account: self.login.account.as_deref(),
            before: self.recipients.len(),
            peer: self.connection.peer(),
            hello: self.engine.hello().unwrap_or_default(),
            reverse_path: self.engine.reverse_path(),
        };
        entry::recipient(self.service, &mut self.hearing, rcpt, asked).await
    }

    fn forget_transaction(&mut self) {
        self.hearing.forget_transaction();
        self.recipients = Vec::new();
        self.spool = Vec::new();
        self.permits = Vec::new();
        self.announced = 0;
    }

    async fn judge_sender(&mut self, mail: &MailFrom) -> Decision {
        let trace = self.trace();
        let from = From {
            is_extended: self.engine.is_extended(),
            tls: self.connection.tls().is_some(),
            account: self.login.account.as_deref(),
        };
        match entry::sender(self.service, &mut self.hearing, trace, mail, &from).await {
            Err(reply) => self.refuse("MAIL", reply),
            Ok(()) => match mail.priority {
                Some(wanted) if wanted > self.priority_max() => {
                    Decision::AcceptWith(refusal::priority_changed(self.priority_max()))
                }
                _ => Decision::Accept,
            },
        }
    }

    /// Strangers do not overtake others (RFC 6710 §4.1).
    fn priority_max(&self) -> i8 {
        if self.login.account.is_some() { 9 } else { 0 }
    }

    async fn message(&mut self) -> Vec<Reply> {
        let count = if self.engine.is_lmtp() { self.recipients.len() } else { 1 };
        if let Err(reply) = self.hearing.data_after_all(self.trace()).await {
            self.service.signals.refused(self.trace(), self.connection.peer(), "DATA", &reply);
            return vec![reply; count];
        }
        let mut envelope = self.engine.envelope();
        envelope.mail_from.priority = envelope.mail_from.priority.map(|wanted| wanted.min(self.priority_max()));
        let mut arrival = Arrival {
            trace: self.trace(),
            origin: self.origin(),
            envelope,
            recipients: std::mem::take(&mut self.recipients),
            fates: BTreeMap::new(),
            body: std::mem::take(&mut self.spool),
            fields: Vec::new(),
            spam_score: None,
            virus: None,
            gathered: None,
            copy: None,
            heard: self.hearing.heard(),
            returned: None,
            authentication: Results::default(),
            is_author: false,
        };
        if let Finding::Refuse(reply) = stages::examine(self.service, &mut arrival).await {
            self.service.signals.refused(self.trace(), self.connection.peer(), "DATA", &reply);
            content::give_up(self.service, &mut arrival, &reply).await;
            return vec![reply; count];
        }
        let fates = Fates::take(&mut arrival, count);
        if fates.dropped() > 0 {
            self.service.signals.dropped(self.trace(), self.connection.peer(), fates.dropped());
        }
        if arrival.recipients.is_empty() {
            return self.for_nobody(&mut arrival, &fates).await;
        }
        let message_id = message::header::find(&arrival.body, "Message-ID").map(|field| field.unfolded().into_owned());
        let report = self.service.parts.authentication.report_in(&arrival);
        let (answered, octets) = self.file(&mut arrival).await;
        let Arrival { envelope, recipients, authentication, .. } = arrival;
        let replies = &answered.replies;
        let taken = if self.engine.is_lmtp() {
            replies.iter().filter(|reply| reply.is_positive()).count()
        } else {
            recipients.len() * usize::from(replies.iter().all(Reply::is_positive))
        };
        self.note(&envelope, message_id.as_deref(), octets, &answered);
        if taken > 0 {
            if let Some(report) = report {
                self.service.parts.authentication.read_report(self.trace(), report).await;
            }
            self.tell_greylister(&envelope, &authentication);
            let from = envelope.mail_from.reverse_path.as_ref();
            self.service.signals.accepted(self.trace(), from, taken, octets);
        }
        for reply in replies.iter().filter(|reply| !reply.is_positive()) {
            self.service.signals.refused(self.trace(), self.connection.peer(), "DATA", reply);
        }
        if self.engine.is_lmtp() { fates.replies(answered.replies, self.trace()) } else { answered.replies }
    }

    /// A message that was taken makes others known to the greylister: to whom a user of ours writes, and strangers whose
    /// domain proved itself.
    fn tell_greylister(&self, envelope: &Envelope, found: &Results) {
        match (&self.service.parts.greylist, &self.login.account) {
            (Some(greylist), Some(_)) => greylisting::note_contacts(greylist, envelope),
            (Some(greylist), None) if self.service.kind == Kind::Smtp => {
                greylisting::note_proven(greylist, self.connection.peer(), found);
            }
            _ => {}
        }
    }

    /// Nobody gets the message: that stands in its trace before the client hears of it, and before the fragments that it was
    /// made of are gone.
    async fn for_nobody(&self, arrival: &mut Arrival, fates: &Fates) -> Vec<Reply> {
        if fates.dropped() > 0 {
            let from = arrival.envelope.mail_from.reverse_path.as_ref().map_or_else(String::new, ToString::to_string);
            let (octets, peer) = (arrival.body.len(), self.connection.peer());
            let text = format!("{octets} octets came from {peer}: <{from}>; dropped for all its recipients");
            if let Err(error) = self.service.parts.queue.note_durably(self.trace(), text).await {
                self.service.signals.queue_failed(self.trace(), &error);
                return vec![refusal::queue_away(&error); fates.named()];
            }
        }
        // Where everybody is refused nothing was taken, and the client may bring it once more.
        let copy = arrival.copy.take();
        if fates.dropped() == 0 {
            let missed = copy.map_or(0, |copy| copy.recipients.len());
            self.service.parts.scripts.not_captured(self.trace(), missed);
        } else if let Err(reply) = accept::submit_copy(self.service, self.trace(), copy).await {
            return vec![reply; fates.named()];
        }
        // Who is to come again needs them all once more.
        if !fates.may_come_again() {
            content::give_up(self.service, arrival, &refusal::content_refused("nobody is to get it")).await;
        }
        fates.replies(Vec::new(), self.trace())
    }

    /// Files the message, through its recipients' scripts where they have any; the replies, and the octets of it.
    async fn file(&self, arrival: &mut Arrival) -> (Answered, usize) {
        let (service, trace) = (self.service, arrival.trace);
        let is_final = accept::is_filed_at_once(&arrival.envelope, &arrival.recipients);
        if !scripted::is_concerned(service, arrival) {
            let whole = self.take_whole(arrival, is_final);
            let octets = whole.len();
            let learned = Learned::of(arrival);
            let answered = accept::file(service, trace, whole, &arrival.envelope, &arrival.recipients, learned).await;
            return (answered, octets);
        }
        // Signed and sealed once, as it would go into the queue: nothing covers Return-Path, which is on top of it here.
        let queued = self.take_whole(arrival, false);
        let mut whole = prefix::return_path(arrival.envelope.mail_from.reverse_path.as_ref());
        whole.extend_from_slice(&queued);
        let octets = whole.len();
        let left = match scripted::judge(service, arrival, whole).await {
            Way::Answered(answered) => {
                if let Some(refused) = answered.replies.first().filter(|_| answered.is_refusal()) {
                    content::give_up(service, arrival, refused).await;
                }
                system_script::give_up(service, arrival);
                return (answered, octets);
            }
            Way::Queued(left) => left,
        };
        let kept = |at: usize| left.iter().any(|one| one.as_ref().is_ok_and(|place| *place == at));
        let mut envelope = arrival.envelope.clone();
        let mut recipients = arrival.recipients.clone();
        let (mut first, mut second) = (0.., 0..);
        envelope.recipients.retain(|_| first.next().is_some_and(kept));
        recipients.retain(|_| second.next().is_some_and(kept));
        let learned = Learned::of(arrival);
        let reply = accept::submit(service, trace, queued, &envelope, &recipients, learned).await;
        let replies = if self.engine.is_lmtp() {
            left.into_iter().map(|one| one.map_or_else(|refused| refused, |_| reply.clone())).collect()
        } else {
            vec![reply]
        };
        (Answered::only(replies), octets)
    }

    /// Notes for the trace how the message came, and what it was told.
    fn note(&self, envelope: &Envelope, message_id: Option<&str>, octets: usize, answered: &Answered) {
        let from = envelope.mail_from.reverse_path.as_ref().map_or_else(String::new, ToString::to_string);
        let to: Vec<String> =
            envelope.recipients.iter().take(NOTED_MAX).map(|rcpt| format!("<{}>", rcpt.address)).collect();
        let more = envelope.recipients.len().saturating_sub(NOTED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let hello = self.engine.hello().unwrap_or_default();
        let tls = if self.connection.tls().is_some() { " under TLS" } else { "" };
        let login = self
            .login
            .account
            .as_ref()
            .map_or_else(String::new, |account| format!(", logged in as {}", account.address));
        let said: Vec<String> =
            answered.replies.iter().map(|reply| format!("{} {}", reply.code, reply.text())).collect();
        let filed = answered.where_filed.as_ref().map_or_else(String::new, |filed| format!("; filed for {filed}"));
        let text = format!(
            "{} octets came from {} ({hello}){tls}{login}: <{from}> to {}{more}{filed}; told {}",
            octets,
            self.connection.peer(),
            to.join(", "),
            said.join(", ")
        );
        self.service.parts.queue.note(self.trace(), message_id, text);
    }

    fn origin(&self) -> Origin {
        Origin {
            kind: self.service.kind,
            peer: self.connection.peer(),
            hello: self.engine.hello().unwrap_or_default().to_owned(),
            tls: self.connection.tls().is_some(),
            account: self.login.account.clone(),
            channel: self.hearing.source().to_owned(),
            may_relay: self.hearing.may_relay(),
        }
    }

    /// The message with everything on top. Its body is held once: `arrival` has none any more.
    fn take_whole(&self, arrival: &mut Arrival, is_final: bool) -> Vec<u8> {
        let only_recipient = match arrival.recipients.as_slice() {
            [only] => Some(&only.address),
            _ => None,
        };
        let mail = &arrival.envelope.mail_from;
        let way = prefix::Way {
            hello: self.engine.hello().unwrap_or("unknown"),
            is_extended: self.engine.is_extended(),
            peer: self.connection.peer(),
            host: &self.service.settings.host,
            kind: self.service.kind,
            tls: self.connection.tls().is_some(),
            authenticated: self.login.account.is_some(),
            smtputf8: mail.smtputf8,
            trace: self.trace(),
            reverse_path: mail.reverse_path.as_ref(),
            only_recipient,
            now: accept::now(self.service),
            is_final,
        };
        let mut whole = prefix::make(&way, &arrival.fields, &arrival.body);
        whole.append(&mut arrival.body);
        arrival.body = Vec::new();
        self.service.parts.authentication.finish(arrival, whole)
    }
}
