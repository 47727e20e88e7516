//! The server's side of one connection: octets in, typed questions out, decisions in, replies out.
//!
//! The engine keeps the order of commands, the grammar, the limits and the body's framing. It holds no body: octets of
//! the message go straight into the spool that the caller lends. What is right to do is asked of the caller, and a
//! question stands until it is answered.

mod data;

use crate::capabilities::{Capabilities, Offer};
use crate::command::{self, Command};
use crate::envelope::{Envelope, MailFrom, RcptTo};
use crate::limits::COMMAND_OCTETS_MAX;
use crate::offence::Offence;
use crate::reply::Reply;
use crate::status::EnhancedStatus;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use data::{DataScanner, Scanned};
use model::Timestamp;

/// Which protocol a listener speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Mail from anywhere (RFC 5321).
    Smtp,
    /// Mail from our users (RFC 6409).
    Submission,
    /// Mail from a neighbouring MTA, answered for each recipient (RFC 2033).
    Lmtp,
}

/// What one session runs on.
#[derive(Clone, Debug)]
pub struct Config {
    /// The protocol.
    pub kind: Kind,
    /// This server's name, first in greeting and EHLO reply (RFC 5321 §4.3.1).
    pub host: String,
    /// What the greeting says after the name.
    pub banner: String,
    /// Further lines of the greeting (RFC 5321 §4.2.1).
    pub banner_addition: Vec<String>,
    /// The extensions.
    pub capabilities: Capabilities,
    /// Whether `MAIL FROM` needs a login first.
    pub auth_required: bool,
    /// Whether `MAIL FROM` needs TLS first.
    pub tls_required: bool,
    /// Offences and refusals after which the session is closed with 421.
    pub errors_max: usize,
    /// Commands that do nothing - NOOP, RSET, VRFY, HELP - after which each counts as an error.
    pub idle_commands_max: usize,
}

/// What the engine wants next.
#[derive(Debug)]
pub enum Step {
    /// More octets, and none are left in the input.
    NeedMore,
    /// An answer.
    Ask(Question),
    /// The handshake, after the output is sent; then [`Session::tls_started`].
    StartTls,
    /// The end, after the output is sent.
    Close,
}

/// What the caller must decide. Each names the method that answers it.
#[derive(Debug)]
pub enum Question {
    /// The client has named itself: [`Session::decide`].
    Hello {
        /// The name that it gave.
        name: String,
    },
    /// A login begins: [`Session::answer_auth`].
    Auth {
        /// The mechanism, which is one of those offered.
        mechanism: String,
        /// The initial response, decoded.
        initial: Option<Vec<u8>>,
    },
    /// The client's response to a challenge, decoded; `None` when it gave up: [`Session::answer_auth`].
    AuthResponse(Option<Vec<u8>>),
    /// A transaction begins: [`Session::decide`].
    Mail(MailFrom),
    /// A recipient: [`Session::decide`].
    Rcpt(RcptTo),
    /// The message is about to come; a refusal here saves its octets: [`Session::decide`].
    Data,
    /// The message is whole in the spool: [`Session::answer_message`].
    Message,
}

/// The answer to a question about going on.
#[derive(Clone, Debug)]
pub enum Decision {
    /// Go on with the standard's reply.
    Accept,
    /// Go on with this reply.
    AcceptWith(Reply),
    /// Refuse with this reply; a 421 ends the session.
    Refuse(Reply),
}

/// The answer to a question about a login.
#[derive(Clone, Debug)]
pub enum AuthAnswer {
    /// Send this challenge and ask again.
    Challenge(Vec<u8>),
    /// The client is who it says.
    Success,
    /// It is not, or the exchange is broken; a 421 ends the session.
    Refuse(Reply),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pending {
    None,
    Hello { extended: bool },
    Auth,
    Mail,
    Rcpt,
    Data,
    Message,
}

#[derive(Clone, Copy, Debug)]
enum Reading {
    Command,
    AuthResponse,
    Data(DataScanner),
    Chunk { left: u64, last: bool },
    StartTls,
    Closed,
}

/// One connection.
#[derive(Debug)]
pub struct Session {
    config: Config,
    reading: Reading,
    pending: Pending,
    output: Vec<u8>,
    greeted: bool,
    hello: Option<String>,
    extended: bool,
    tls: bool,
    authenticated: bool,
    now: Timestamp,
    mail: Option<MailFrom>,
    waiting_mail: Option<MailFrom>,
    waiting_rcpt: Option<RcptTo>,
    recipients: Vec<RcptTo>,
    chunks_begun: bool,
    chunk_octets: u64,
    body_octets: u64,
    body_refusal: Option<Reply>,
    errors: usize,
    idle_commands: usize,
    transactions: usize,
}

impl Session {
    /// A session at its beginning. `tls` says that the connection began with TLS.
    pub fn new(config: Config, tls: bool) -> Session {
        Session {
            config,
            reading: Reading::Command,
            pending: Pending::None,
            output: Vec::new(),
            greeted: false,
            hello: None,
            extended: false,
            tls,
            authenticated: false,
            now: Timestamp(0),
            mail: None,
            waiting_mail: None,
            waiting_rcpt: None,
            recipients: Vec::new(),
            chunks_begun: false,
            chunk_octets: 0,
            body_octets: 0,
            body_refusal: None,
            errors: 0,
            idle_commands: 0,
            transactions: 0,
        }
    }

    /// Says the greeting, or refuses the connection with 421 or 554 (RFC 5321 §3.1).
    pub fn greet(&mut self, refusal: Option<Reply>) {
        self.greeted = true;
        match refusal {
            Some(reply) => {
                self.say(&reply);
                self.reading = Reading::Closed;
            }
            None => {
                let protocol = if self.config.kind == Kind::Lmtp { "LMTP" } else { "ESMTP" };
                let text = format!("{} {protocol} {}", self.config.host, self.config.banner);
                let mut reply = Reply::plain(220, text.trim_end());
                reply.lines.extend(self.config.banner_addition.iter().cloned());
                self.say(&reply);
            }
        }
    }

    /// Takes what it can from the front of `input`; octets of a message go to the end of `spool`. `now` is the time.
    pub fn receive(&mut self, input: &mut &[u8], spool: &mut Vec<u8>, now: Timestamp) -> Step {
        self.now = now;
        loop {
            if self.pending != Pending::None {
                return Step::NeedMore;
            }
            let step = match self.reading {
                Reading::Closed => return Step::Close,
                Reading::StartTls => return self.start_tls(input),
                Reading::Data(scanner) => self.receive_data(scanner, input, spool),
                Reading::Chunk { left, last } => self.receive_chunk(left, last, input, spool),
                Reading::Command | Reading::AuthResponse => self.receive_line(input),
            };
            if let Some(step) = step {
                return step;
            }
        }
    }

    /// Takes the replies that wait to be sent.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// The envelope of the transaction under way.
    pub fn envelope(&self) -> Envelope {
        Envelope { mail_from: self.mail.clone().unwrap_or_default(), recipients: self.recipients.clone() }
    }

    /// The sender of the transaction, without a copy of its recipients; nothing for the null sender.
    pub fn reverse_path(&self) -> Option<&model::Address> {
        self.mail.as_ref()?.reverse_path.as_ref()
    }

    /// How the client named itself.
    pub fn hello(&self) -> Option<&str> {
        self.hello.as_deref()
    }

    /// Whether it said EHLO or LHLO.
    pub fn is_extended(&self) -> bool {
        self.extended
    }

    /// Whether each recipient gets a reply of its own.
    pub fn is_lmtp(&self) -> bool {
        self.config.kind == Kind::Lmtp
    }

    /// Whether a message is coming in.
    pub fn is_in_body(&self) -> bool {
        matches!(self.reading, Reading::Data(_) | Reading::Chunk { .. })
    }

    /// Offences and refusals so far; the caller slows down who has many.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// From here on the octets of the message under way are dropped, and it is refused with `reply` at its end.
    pub fn refuse_body(&mut self, reply: Reply) {
        self.body_refusal.get_or_insert(reply);
    }

    /// Says `reply` (a 421) and closes: shutdown, time-out, too many connections.
    pub fn close_with(&mut self, reply: &Reply) {
        self.say(reply);
        self.reading = Reading::Closed;
        self.pending = Pending::None;
    }

    /// TLS is on; the client starts over (RFC 3207 §4.2).
    pub fn tls_started(&mut self) {
        self.tls = true;
        self.hello = None;
        self.extended = false;
        self.authenticated = false;
        self.reset();
        self.reading = Reading::Command;
    }

    fn say(&mut self, reply: &Reply) {
        reply.write(&mut self.output);
    }

    fn offer(&self) -> Offer {
        Offer { tls: self.tls, authenticated: self.authenticated, now: self.now }
    }

    /// Counts an error and closes when there have been too many.
    fn refuse(&mut self, reply: &Reply) {
        self.errors += 1;
        self.say(reply);
        if reply.code == 421 {
            self.reading = Reading::Closed;
        } else if self.errors >= self.config.errors_max {
            let text = format!("{} too many errors; closing", self.config.host);
            self.say(&Reply::new(421, EnhancedStatus::new(4, 7, 0), text));
            self.reading = Reading::Closed;
        }
    }

    fn receive_line(&mut self, input: &mut &[u8]) -> Option<Step> {
        let Some(end) = memchr::memchr(b'\n', input) else {
            if input.len() <= COMMAND_OCTETS_MAX {
                return Some(Step::NeedMore);
            }
            *input = &[];
            // What follows is the rest of the line; there is no way to find the next command safely.
            self.errors += 1;
            self.close_with(&Offence::LineTooLong { limit_octets: COMMAND_OCTETS_MAX }.reply());
            return None;
        };
        let (line, rest) = input.split_at_checked(end + 1).unwrap_or((input, &[]));
        *input = rest;
        if line.len() > COMMAND_OCTETS_MAX {
            self.refuse(&Offence::LineTooLong { limit_octets: COMMAND_OCTETS_MAX }.reply());
            return None;
        }
        let Some(line) = line.strip_suffix(b"\r\n").filter(|line| !line.contains(&b'\r')) else {
            self.refuse(&Offence::BareLineEnd.reply());
            return None;
        };
        if matches!(self.reading, Reading::AuthResponse) {
            return self.auth_response(line);
        }
        match command::parse(line).and_then(|command| self.command(command)) {
            Ok(step) => step,
            Err(offence) => {
                self.refuse(&offence.reply());
                None
            }
        }
    }

    fn command(&mut self, command: Command) -> Result<Option<Step>, Offence> {
        match command {
            Command::Ehlo(_) | Command::Helo(_) if self.config.kind == Kind::Lmtp => Err(Offence::UnknownCommand),
            Command::Lhlo(_) if self.config.kind != Kind::Lmtp => Err(Offence::UnknownCommand),
            Command::Ehlo(name) | Command::Lhlo(name) => Ok(self.hello_asked(name, true)),
            Command::Helo(name) => Ok(self.hello_asked(name, false)),
            Command::Mail(mail) => self.mail_asked(*mail),
            Command::Rcpt(rcpt) => self.rcpt_asked(*rcpt),
            Command::Data => self.data_asked(),
            Command::Bdat { octets, last } => self.bdat(octets, last),
            Command::Auth { mechanism, initial } => self.auth_asked(mechanism, initial),
            Command::StartTls => self.start_tls_asked(),
            Command::Rset => {
                self.reset();
                Ok(self.idle_command(&Reply::new(250, EnhancedStatus::new(2, 0, 0), "reset")))
            }
            Command::Noop => Ok(self.idle_command(&Reply::new(250, EnhancedStatus::new(2, 0, 0), "nothing done"))),
            Command::Help => Ok(self.idle_command(&Reply::new(214, EnhancedStatus::new(2, 0, 0), "see RFC 5321"))),
            Command::Vrfy => {
                let text = "not verified; send mail and see";
                Ok(self.idle_command(&Reply::new(252, EnhancedStatus::new(2, 5, 0), text)))
            }
            Command::Expn => Err(Offence::NotOffered { verb: "EXPN" }),
            Command::Quit => {
                let text = format!("{} closing", self.config.host);
                self.close_with(&Reply::new(221, EnhancedStatus::new(2, 0, 0), text));
                Ok(None)
            }
        }
    }

    /// Commands that do nothing are free only for a while.
    fn idle_command(&mut self, reply: &Reply) -> Option<Step> {
        self.idle_commands += 1;
        if self.idle_commands > self.config.idle_commands_max {
            self.refuse(&Reply::new(450, EnhancedStatus::new(4, 7, 0), "too many commands that do nothing"));
        } else {
            self.say(reply);
        }
        None
    }

    fn hello_asked(&mut self, name: String, extended: bool) -> Option<Step> {
        self.reset();
        self.hello = Some(name.clone());
        self.ask(Pending::Hello { extended }, Question::Hello { name })
    }

    fn ask(&mut self, pending: Pending, question: Question) -> Option<Step> {
        self.pending = pending;
        Some(Step::Ask(question))
    }

    fn mail_asked(&mut self, mail: MailFrom) -> Result<Option<Step>, Offence> {
        if self.hello.is_none() {
            return Err(Offence::BadSequence { what: "say EHLO first" });
        }
        if self.mail.is_some() {
            return Err(Offence::BadSequence { what: "a transaction is under way; RSET ends it" });
        }
        if self.config.tls_required && !self.tls {
            self.refuse(&Reply::new(530, EnhancedStatus::new(5, 7, 0), "say STARTTLS first"));
            return Ok(None);
        }
        if self.config.auth_required && !self.authenticated {
            self.refuse(&Reply::new(530, EnhancedStatus::new(5, 7, 0), "log in first"));
            return Ok(None);
        }
        let most = self.config.capabilities.transactions_max;
        if most > 0 && self.transactions >= most {
            let text = format!("{} that was the last message of this session", self.config.host);
            self.refuse(&Reply::new(421, EnhancedStatus::new(4, 7, 0), text));
            return Ok(None);
        }
        self.config.capabilities.check_mail(&mail, self.offer())?;
        self.waiting_mail = Some(mail.clone());
        Ok(self.ask(Pending::Mail, Question::Mail(mail)))
    }

    fn rcpt_asked(&mut self, rcpt: RcptTo) -> Result<Option<Step>, Offence> {
        let Some(mail) = &self.mail else {
            return Err(Offence::BadSequence { what: "say MAIL FROM first" });
        };
        if self.chunks_begun {
            return Err(Offence::BadSequence { what: "the message has begun" });
        }
        if !rcpt.address.is_ascii() && !mail.smtputf8 {
            return Err(Offence::NeedsSmtpUtf8);
        }
        if (rcpt.notify.is_some() || rcpt.original.is_some()) && !self.config.capabilities.dsn {
            return Err(Offence::UnknownParameter { name: "NOTIFY and ORCPT".to_owned() });
        }
        if self.recipients.len() >= self.config.capabilities.recipients_max {
            // RFC 5321 §4.5.3.1.10: the client sends the rest in another transaction, so this is no error of its.
            let offence = Offence::TooManyRecipients { limit: self.config.capabilities.recipients_max };
            self.say(&offence.reply());
            return Ok(None);
        }
        self.waiting_rcpt = Some(rcpt.clone());
        Ok(self.ask(Pending::Rcpt, Question::Rcpt(rcpt)))
    }

    fn data_asked(&mut self) -> Result<Option<Step>, Offence> {
        let Some(mail) = &self.mail else {
            return Err(Offence::BadSequence { what: "say MAIL FROM first" });
        };
        if self.chunks_begun {
            return Err(Offence::BadSequence { what: "the message has begun with BDAT" });
        }
        if mail.body == crate::envelope::BodyKind::BinaryMime {
            return Err(Offence::BinaryNeedsBdat);
        }
        if self.recipients.is_empty() {
            self.refuse(&no_recipients());
            return Ok(None);
        }
        Ok(self.ask(Pending::Data, Question::Data))
    }

    fn receive_data(&mut self, mut scanner: DataScanner, input: &mut &[u8], spool: &mut Vec<u8>) -> Option<Step> {
        if input.is_empty() {
            return Some(Step::NeedMore);
        }
        let limit = self.config.capabilities.size_octets_max;
        let refused = self.body_refusal.is_some();
        let octets = &mut self.body_octets;
        let scanned = scanner.scan(input, &mut |piece| {
            *octets += piece.len() as u64;
            if !refused && (limit == 0 || *octets <= limit) {
                spool.extend_from_slice(piece);
            }
        });
        self.check_size();
        match scanned {
            Scanned::More => {
                *input = &[];
                self.reading = Reading::Data(scanner);
                None
            }
            Scanned::End { used } => {
                *input = input.get(used..).unwrap_or_default();
                self.reading = Reading::Command;
                if scanner.has_bare_line_end() {
                    let text = "the message holds a CR or LF that is not part of a CRLF";
                    self.refuse_body(Reply::new(554, EnhancedStatus::new(5, 6, 0), text));
                }
                self.message_ended()
            }
        }
    }

    fn check_size(&mut self) {
        let limit_octets = self.config.capabilities.size_octets_max;
        if limit_octets > 0 && self.body_octets > limit_octets {
            self.refuse_body(Offence::MessageTooLarge { limit_octets }.reply());
        }
    }

    fn bdat(&mut self, octets: u64, last: bool) -> Result<Option<Step>, Offence> {
        if !self.config.capabilities.chunking {
            return Err(Offence::NotOffered { verb: "BDAT" });
        }
        // The chunk follows whatever the answer will be, so it must be read (RFC 3030 §2).
        if self.mail.is_none() {
            self.refuse_body(Offence::BadSequence { what: "say MAIL FROM first" }.reply());
        } else if self.recipients.is_empty() {
            self.refuse_body(no_recipients());
        }
        self.chunks_begun = true;
        self.chunk_octets = octets;
        self.reading = Reading::Chunk { left: octets, last };
        Ok(None)
    }

    fn receive_chunk(&mut self, left: u64, last: bool, input: &mut &[u8], spool: &mut Vec<u8>) -> Option<Step> {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        let (piece, rest) = input.split_at_checked(most).unwrap_or((input, &[]));
        *input = rest;
        self.body_octets = self.body_octets.saturating_add(piece.len() as u64);
        self.check_size();
        if self.body_refusal.is_none() {
            spool.extend_from_slice(piece);
        }
        let left = left - piece.len() as u64;
        if left > 0 {
            self.reading = Reading::Chunk { left, last };
            return Some(Step::NeedMore);
        }
        self.reading = Reading::Command;
        if last {
            return self.message_ended();
        }
        match self.body_refusal.clone() {
            // After a refused chunk the transaction is over; further chunks are read and refused (RFC 3030 §2).
            Some(reply) => self.refuse(&reply),
            None => {
                let text = format!("{} octets received", self.chunk_octets);
                self.say(&Reply::new(250, EnhancedStatus::new(2, 0, 0), text));
            }
        }
        None
    }

    fn message_ended(&mut self) -> Option<Step> {
        match self.body_refusal.take() {
            Some(reply) => {
                let replies = if self.config.kind == Kind::Lmtp { self.recipients.len().max(1) } else { 1 };
                self.reset();
                for _ in 1..replies {
                    self.say(&reply);
                }
                self.refuse(&reply);
                None
            }
            None => self.ask(Pending::Message, Question::Message),
        }
    }

    fn auth_asked(&mut self, mechanism: String, initial: Option<String>) -> Result<Option<Step>, Offence> {
        let capabilities = &self.config.capabilities;
        if capabilities.mechanisms.is_empty() {
            return Err(Offence::NotOffered { verb: "AUTH" });
        }
        if self.hello.is_none() || !self.extended {
            return Err(Offence::BadSequence { what: "say EHLO first" });
        }
        if self.authenticated {
            return Err(Offence::BadSequence { what: "you have logged in already" });
        }
        if self.mail.is_some() {
            return Err(Offence::BadSequence { what: "AUTH cannot stand inside a transaction" });
        }
        if !capabilities.offers_auth(self.tls) {
            let text = "logging in needs TLS; say STARTTLS first";
            self.refuse(&Reply::new(538, EnhancedStatus::new(5, 7, 11), text));
            return Ok(None);
        }
        if !capabilities.mechanisms(self.tls).any(|name| *name == mechanism) {
            self.refuse(&Reply::new(504, EnhancedStatus::new(5, 5, 4), "the mechanism is not offered"));
            return Ok(None);
        }
        let initial = match initial.as_deref() {
            None => None,
            Some("=") => Some(Vec::new()),
            Some(text) => match STANDARD.decode(text) {
                Ok(octets) => Some(octets),
                Err(_) => {
                    self.refuse(&not_base64());
                    return Ok(None);
                }
            },
        };
        Ok(self.ask(Pending::Auth, Question::Auth { mechanism, initial }))
    }

    fn auth_response(&mut self, line: &[u8]) -> Option<Step> {
        self.reading = Reading::Command;
        if line == b"*" {
            return self.ask(Pending::Auth, Question::AuthResponse(None));
        }
        match STANDARD.decode(line) {
            Ok(octets) => self.ask(Pending::Auth, Question::AuthResponse(Some(octets))),
            Err(_) => {
                self.refuse(&not_base64());
                None
            }
        }
    }

    fn start_tls_asked(&mut self) -> Result<Option<Step>, Offence> {
        if !self.config.capabilities.starttls {
            return Err(Offence::NotOffered { verb: "STARTTLS" });
        }
        if self.tls {
            return Err(Offence::BadSequence { what: "TLS is on already" });
        }
        if self.mail.is_some() {
            return Err(Offence::BadSequence { what: "STARTTLS cannot stand inside a transaction" });
        }
        self.reading = Reading::StartTls;
        Ok(None)
    }

    /// Whatever stands in plain text behind STARTTLS was put there by somebody else (RFC 3207 §6): refuse and forget it.
    fn start_tls(&mut self, input: &mut &[u8]) -> Step {
        if input.is_empty() {
            self.say(&Reply::new(220, EnhancedStatus::new(2, 0, 0), "begin the handshake"));
            return Step::StartTls;
        }
        *input = &[];
        self.errors += 1;
        self.close_with(&Offence::PlainTextAfterStartTls.reply());
        Step::Close
    }

    /// Answers `Hello`, `Mail`, `Rcpt` and `Data`.
    pub fn decide(&mut self, decision: Decision) {
        let pending = std::mem::replace(&mut self.pending, Pending::None);
        let reply = match decision {
            Decision::Refuse(reply) => return self.decided_against(pending, &reply),
            Decision::AcceptWith(reply) => Some(reply),
            Decision::Accept => None,
        };
        let standard = |code, status: (u8, u16, u16), text: &str| {
            Reply::new(code, EnhancedStatus::new(status.0, status.1, status.2), text)
        };
        match pending {
            Pending::Hello { extended } => self.hello_accepted(extended),
            Pending::Mail => {
                self.mail = self.waiting_mail.take();
                self.say(&reply.unwrap_or_else(|| standard(250, (2, 1, 0), "sender ok")));
            }
            Pending::Rcpt => {
                self.recipients.extend(self.waiting_rcpt.take());
                self.say(&reply.unwrap_or_else(|| standard(250, (2, 1, 5), "recipient ok")));
            }
            Pending::Data => {
                self.body_octets = 0;
                self.reading = Reading::Data(DataScanner::new());
                self.say(&Reply::plain(354, "send the message; end with <CRLF>.<CRLF>"));
            }
            Pending::None | Pending::Auth | Pending::Message => self.answered_wrongly(),
        }
    }

    /// A question answered by the wrong method is our own mistake; the client sees a temporary failure.
    fn answered_wrongly(&mut self) {
        let text = format!("{} internal error", self.config.host);
        self.close_with(&Reply::new(421, EnhancedStatus::new(4, 3, 0), text));
    }

    fn decided_against(&mut self, pending: Pending, reply: &Reply) {
        self.waiting_mail = None;
        self.waiting_rcpt = None;
        if matches!(pending, Pending::Hello { .. }) {
            self.hello = None;
        }
        self.refuse(reply);
    }

    fn hello_accepted(&mut self, extended: bool) {
        self.extended = extended;
        let name = self.hello.clone().unwrap_or_default();
        let mut reply = Reply::plain(250, format!("{} greets {name}", self.config.host));
        if extended {
            reply.lines.extend(self.config.capabilities.lines(self.offer()));
        }
        self.say(&reply);
    }

    /// Answers `Auth` and `AuthResponse`.
    pub fn answer_auth(&mut self, answer: AuthAnswer) {
        if std::mem::replace(&mut self.pending, Pending::None) != Pending::Auth {
            return self.answered_wrongly();
        }
        match answer {
            AuthAnswer::Challenge(challenge) => {
                self.reading = Reading::AuthResponse;
                let line = format!("334 {}\r\n", STANDARD.encode(challenge));
                self.output.extend_from_slice(line.as_bytes());
            }
            AuthAnswer::Success => {
                self.authenticated = true;
                self.say(&Reply::new(235, EnhancedStatus::new(2, 7, 0), "welcome"));
            }
            AuthAnswer::Refuse(reply) => self.refuse(&reply),
        }
    }

    /// Answers `Message`: one reply, or under LMTP one for each accepted recipient in their order (RFC 2033 §4.2).
    pub fn answer_message(&mut self, replies: &[Reply]) {
        let wanted = if self.config.kind == Kind::Lmtp { self.recipients.len() } else { 1 };
        if std::mem::replace(&mut self.pending, Pending::None) != Pending::Message || replies.len() != wanted {
            return self.answered_wrongly();
        }
        self.reset();
        self.transactions += 1;
        for reply in replies {
            if reply.is_positive() {
                self.say(reply);
            } else {
                self.refuse(reply);
            }
        }
    }

    fn reset(&mut self) {
        self.mail = None;
        self.waiting_mail = None;
        self.waiting_rcpt = None;
        self.recipients = Vec::new();
        self.chunks_begun = false;
        self.body_octets = 0;
        self.body_refusal = None;
    }
}

fn no_recipients() -> Reply {
    Reply::new(503, EnhancedStatus::new(5, 5, 1), "no recipient was accepted")
}

fn not_base64() -> Reply {
    Reply::new(501, EnhancedStatus::new(5, 5, 2), "the response is not base64")
}

#[cfg(test)]
mod tests;
