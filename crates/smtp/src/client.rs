//! The client's side of one connection: it says what to send, reads the replies, and tells what became of each recipient.
//!
//! A session goes through [`Stage`]s. The caller sends what [`Session::take_output`] holds, feeds what it receives to
//! [`Session::receive`], and gives the body when it is asked for: as dot-stuffed DATA made by [`stuff`], or as one chunk.

mod replies;

pub use replies::{BadReply, ReplyReader};

use crate::envelope::{BodyKind, DeliverByMode, Envelope, Hold, MailFrom, RcptTo, Returned};
use crate::reply::Reply;
use crate::xtext;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::VecDeque;
use std::time::Duration;

/// SMTP or LMTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// RFC 5321
    Smtp,
    /// RFC 2033
    Lmtp,
}

/// What the peer offers, read from its reply to EHLO.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offered {
    /// Keywords in capitals with their parameters.
    keywords: Vec<(String, String)>,
}

impl Offered {
    /// Reads the reply to EHLO or LHLO (RFC 5321 §4.1.1.1).
    pub fn read(reply: &Reply) -> Offered {
        let keywords = reply.lines.iter().skip(1).map(|line| {
            // Some old servers write `AUTH=PLAIN`.
            let (keyword, parameters) = line.split_once([' ', '=']).unwrap_or((line, ""));
            (keyword.to_ascii_uppercase(), parameters.trim().to_owned())
        });
        Offered { keywords: keywords.collect() }
    }

    /// The parameters of `keyword` if it is offered.
    pub fn parameters(&self, keyword: &str) -> Option<&str> {
        self.keywords.iter().find(|(name, _)| name == keyword).map(|(_, parameters)| parameters.as_str())
    }

    /// Whether `keyword` is offered.
    pub fn has(&self, keyword: &str) -> bool {
        self.parameters(keyword).is_some()
    }

    /// The SASL mechanisms (RFC 4954 §3), in capitals.
    pub fn mechanisms(&self) -> Vec<String> {
        self.parameters("AUTH").unwrap_or_default().split_whitespace().map(str::to_ascii_uppercase).collect()
    }

    /// The largest message that the peer takes, if it says so (RFC 1870 §4).
    pub fn size_octets_max(&self) -> Option<u64> {
        self.parameters("SIZE")?.parse().ok().filter(|size| *size > 0)
    }

    /// How many recipients a transaction may have (RFC 9422 §4.2).
    pub fn recipients_max(&self) -> Option<usize> {
        let limits = self.parameters("LIMITS")?;
        limits.split_whitespace().find_map(|limit| limit.strip_prefix("RCPTMAX=")?.parse().ok())
    }
}

/// What the session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The greeting.
    Greeting,
    /// The reply to EHLO, HELO or LHLO.
    Hello,
    /// The reply to STARTTLS.
    StartTls,
    /// A step of AUTH.
    Auth,
    /// The caller: the session is idle between transactions.
    Idle,
    /// Replies to MAIL, RCPT and DATA.
    Envelope,
    /// The caller: the body is wanted now.
    Body,
    /// The reply, or replies, to the whole message.
    Accepted,
    /// The reply to RSET or QUIT.
    Closing,
    /// Nothing more.
    Closed,
}

impl Stage {
    /// How long a client waits in this stage at least (RFC 5321 §4.5.3.2).
    pub fn timeout(self) -> Duration {
        Duration::from_secs(match self {
            Stage::Accepted => 600,
            Stage::Body => 180,
            _ => 300,
        })
    }
}

/// What has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Octets are missing.
    NeedMore,
    /// The peer has greeted and EHLO is on its way; or it refused with this reply and the session is closed.
    Refused(Reply),
    /// EHLO is answered: the session is idle.
    Ready,
    /// The peer is ready for the handshake; then [`Session::tls_started`].
    StartTls,
    /// The peer refused STARTTLS.
    NoTls(Reply),
    /// A challenge of the login, decoded: [`Session::respond`].
    Challenge(Vec<u8>),
    /// The login is done.
    LoggedIn,
    /// The login was refused.
    LoginRefused(Reply),
    /// At least one recipient was accepted and the peer waits for the message: [`Session::body_sent`].
    SendBody {
        /// Whether it goes as one `BDAT … LAST` chunk, whose command is in the output already.
        chunk: bool,
    },
    /// The transaction is over: what became of each recipient, in the envelope's order.
    Done(Vec<Reply>),
    /// The session is over.
    Closed,
}

/// One connection.
#[derive(Debug)]
pub struct Session {
    kind: Kind,
    name: String,
    stage: Stage,
    reader: ReplyReader,
    output: Vec<u8>,
    offered: Offered,
    extended: bool,
    expected: VecDeque<Expected>,
    outcomes: Vec<Option<Reply>>,
    body_octets: u64,
    chunk: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Mail,
    Rcpt(usize),
    Data,
    Rset,
}

impl Session {
    /// A session that waits for the greeting. `name` is how this host calls itself.
    pub fn new(kind: Kind, name: &str) -> Session {
        Session {
            kind,
            name: name.to_owned(),
            stage: Stage::Greeting,
            reader: ReplyReader::default(),
            output: Vec::new(),
            offered: Offered::default(),
            extended: false,
            expected: VecDeque::new(),
            outcomes: Vec::new(),
            body_octets: 0,
            chunk: false,
        }
    }

    /// What the peer offers.
    pub fn offered(&self) -> &Offered {
        &self.offered
    }

    /// What the session waits for.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Takes what waits to be sent.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Takes what it can from the front of `input`.
    pub fn receive(&mut self, input: &mut &[u8]) -> Result<Event, BadReply> {
        loop {
            if matches!(self.stage, Stage::Closed) {
                return Ok(Event::Closed);
            }
            let Some(reply) = self.reader.read(input)? else { return Ok(Event::NeedMore) };
            if let Some(event) = self.reply(reply)? {
                return Ok(event);
            }
        }
    }

    fn reply(&mut self, reply: Reply) -> Result<Option<Event>, BadReply> {
        match self.stage {
            Stage::Greeting => Ok(self.greeted(reply)),
            Stage::Hello => Ok(self.hello_answered(reply)),
            Stage::StartTls if reply.code == 220 => Ok(Some(Event::StartTls)),
            Stage::StartTls => {
                self.stage = Stage::Idle;
                Ok(Some(Event::NoTls(reply)))
            }
            Stage::Auth => self.auth_answered(reply).map(Some),
            Stage::Envelope => Ok(self.envelope_answered(reply)),
            Stage::Body => Ok(self.fail_open(&reply)),
            Stage::Accepted => Ok(self.accepted(reply)),
            Stage::Closing => {
                self.stage = Stage::Closed;
                Ok(Some(Event::Closed))
            }
            // A server that speaks unasked is saying goodbye (421).
            Stage::Idle | Stage::Closed => {
                self.stage = Stage::Closed;
                Ok(Some(Event::Refused(reply)))
            }
        }
    }

    fn greeted(&mut self, reply: Reply) -> Option<Event> {
        if reply.code != 220 {
            self.stage = Stage::Closed;
            return Some(Event::Refused(reply));
        }
        self.say_hello();
        None
    }

    fn say_hello(&mut self) {
        self.extended = true;
        self.stage = Stage::Hello;
        let verb = if self.kind == Kind::Lmtp { "LHLO" } else { "EHLO" };
        self.output.extend_from_slice(format!("{verb} {}\r\n", self.name).as_bytes());
    }

    fn hello_answered(&mut self, reply: Reply) -> Option<Event> {
        if reply.is_positive() {
            self.offered = if self.extended { Offered::read(&reply) } else { Offered::default() };
            self.stage = Stage::Idle;
            return Some(Event::Ready);
        }
        // RFC 5321 §3.2: a server without extensions is greeted the old way.
        if self.extended && self.kind == Kind::Smtp && reply.class() == 5 {
            self.extended = false;
            self.output.extend_from_slice(format!("HELO {}\r\n", self.name).as_bytes());
            return None;
        }
        self.stage = Stage::Closed;
        Some(Event::Refused(reply))
    }

    /// Asks for TLS; the session must be idle.
    pub fn start_tls(&mut self) {
        self.stage = Stage::StartTls;
        self.output.extend_from_slice(b"STARTTLS\r\n");
    }

    /// TLS is on: everything known is forgotten and EHLO is said again (RFC 3207 §4.2).
    pub fn tls_started(&mut self) {
        self.offered = Offered::default();
        self.reader = ReplyReader::default();
        self.say_hello();
    }

    /// Begins a login with an initial response, when there is one (RFC 4954 §4).
    pub fn log_in(&mut self, mechanism: &str, initial: Option<&[u8]>) {
        self.stage = Stage::Auth;
        let line = match initial {
            None => format!("AUTH {mechanism}\r\n"),
            Some([]) => format!("AUTH {mechanism} =\r\n"),
            Some(octets) => format!("AUTH {mechanism} {}\r\n", STANDARD.encode(octets)),
        };
        self.output.extend_from_slice(line.as_bytes());
    }

    /// Answers a challenge; `None` gives the login up.
    pub fn respond(&mut self, response: Option<&[u8]>) {
        let line = response.map_or_else(|| "*".to_owned(), |octets| STANDARD.encode(octets));
        self.output.extend_from_slice(line.as_bytes());
        self.output.extend_from_slice(b"\r\n");
    }

    fn auth_answered(&mut self, reply: Reply) -> Result<Event, BadReply> {
        match reply.code {
            334 => STANDARD.decode(reply.text().trim()).map(Event::Challenge).map_err(|_| BadReply::Challenge),
            235 => {
                self.stage = Stage::Idle;
                Ok(Event::LoggedIn)
            }
            _ => {
                self.stage = Stage::Idle;
                Ok(Event::LoginRefused(reply))
            }
        }
    }

    /// Begins a transaction; the session must be idle and the envelope must have recipients. Parameters that the peer
    /// does not offer are left out, so the caller checks first whether the message may go without them. `body_octets`
    /// is the size of the body as it is stored. A binary body goes as one chunk, others too when the peer takes chunks.
    pub fn begin(&mut self, envelope: &Envelope, body_octets: u64) {
        self.stage = Stage::Envelope;
        self.outcomes = vec![None; envelope.recipients.len()];
        self.body_octets = body_octets;
        self.chunk = self.offered.has("CHUNKING");
        self.expected.clear();
        let mail = mail_command(&envelope.mail_from, body_octets, &self.offered);
        self.output.extend_from_slice(mail.as_bytes());
        self.expected.push_back(Expected::Mail);
        for (index, recipient) in envelope.recipients.iter().enumerate() {
            let line = rcpt_command(recipient, &self.offered);
            self.output.extend_from_slice(line.as_bytes());
            self.expected.push_back(Expected::Rcpt(index));
        }
        // DATA is pipelined; a chunk is not, for its octets would have to follow at once (RFC 2920 §3.1, RFC 3030 §4.2).
        if !self.chunk {
            self.output.extend_from_slice(b"DATA\r\n");
            self.expected.push_back(Expected::Data);
        }
    }

    /// Whether the commands may be sent in one go; without it the caller sends line by line, waiting for each reply.
    pub fn may_pipeline(&self) -> bool {
        self.offered.has("PIPELINING")
    }

    fn envelope_answered(&mut self, reply: Reply) -> Option<Event> {
        match self.expected.pop_front() {
            Some(Expected::Mail) if !reply.is_positive() => {
                for outcome in &mut self.outcomes {
                    *outcome = Some(reply.clone());
                }
            }
            Some(Expected::Rcpt(index)) if !reply.is_positive() => {
                if let Some(outcome) = self.outcomes.get_mut(index) {
                    outcome.get_or_insert(reply);
                }
            }
            Some(Expected::Data) => return self.data_answered(reply),
            Some(Expected::Rset) | None => return self.done(),
            Some(Expected::Mail | Expected::Rcpt(_)) => {}
        }
        if !self.expected.is_empty() {
            return None;
        }
        if self.outcomes.iter().all(Option::is_some) {
            return self.give_up();
        }
        self.stage = Stage::Body;
        self.output.extend_from_slice(format!("BDAT {} LAST\r\n", self.body_octets).as_bytes());
        Some(Event::SendBody { chunk: true })
    }

    fn data_answered(&mut self, reply: Reply) -> Option<Event> {
        let wanted = self.outcomes.iter().any(Option::is_none);
        if reply.code == 354 {
            self.stage = Stage::Body;
            if wanted {
                return Some(Event::SendBody { chunk: false });
            }
            // Nobody is left but the peer waits: an empty message ends the transaction (RFC 2920 §3.1).
            self.output.extend_from_slice(b".\r\n");
            self.stage = Stage::Accepted;
            return None;
        }
        self.fail_open(&reply);
        self.give_up()
    }

    /// Everybody who is not refused yet gets `reply`.
    fn fail_open(&mut self, reply: &Reply) -> Option<Event> {
        for outcome in &mut self.outcomes {
            outcome.get_or_insert_with(|| reply.clone());
        }
        if self.stage == Stage::Body {
            self.stage = Stage::Closed;
            return Some(Event::Done(self.outcomes.drain(..).flatten().collect()));
        }
        None
    }

    fn give_up(&mut self) -> Option<Event> {
        self.output.extend_from_slice(b"RSET\r\n");
        self.expected.push_back(Expected::Rset);
        self.stage = Stage::Envelope;
        None
    }

    /// The whole body has been put on its way by the caller.
    pub fn body_sent(&mut self) {
        self.stage = Stage::Accepted;
    }

    fn accepted(&mut self, reply: Reply) -> Option<Event> {
        match self.kind {
            Kind::Smtp => {
                for outcome in &mut self.outcomes {
                    outcome.get_or_insert_with(|| reply.clone());
                }
            }
            Kind::Lmtp => {
                // One reply for each recipient that RCPT accepted, in order (RFC 2033 §4.2).
                if let Some(outcome) = self.outcomes.iter_mut().find(|outcome| outcome.is_none()) {
                    *outcome = Some(reply);
                }
                if self.outcomes.iter().any(Option::is_none) {
                    return None;
                }
            }
        }
        self.done()
    }

    fn done(&mut self) -> Option<Event> {
        self.stage = Stage::Idle;
        self.expected.clear();
        Some(Event::Done(self.outcomes.drain(..).flatten().collect()))
    }

    /// Says goodbye.
    pub fn quit(&mut self) {
        self.stage = Stage::Closing;
        self.output.extend_from_slice(b"QUIT\r\n");
    }
}

fn mail_command(mail: &MailFrom, body_octets: u64, offered: &Offered) -> String {
    let path = mail.reverse_path.as_ref().map_or_else(String::new, ToString::to_string);
    let mut line = format!("MAIL FROM:<{path}>");
    if offered.has("SIZE") {
        line.push_str(&format!(" SIZE={body_octets}"));
    }
    match mail.body {
        BodyKind::EightBitMime if offered.has("8BITMIME") => line.push_str(" BODY=8BITMIME"),
        BodyKind::BinaryMime if offered.has("BINARYMIME") => line.push_str(" BODY=BINARYMIME"),
        _ => {}
    }
    if mail.smtputf8 && offered.has("SMTPUTF8") {
        line.push_str(" SMTPUTF8");
    }
    if offered.has("DSN") {
        match mail.returned {
            Some(Returned::Full) => line.push_str(" RET=FULL"),
            Some(Returned::Headers) => line.push_str(" RET=HDRS"),
            None => {}
        }
        if let Some(id) = &mail.envelope_id {
            line.push_str(&format!(" ENVID={}", xtext::encode(id)));
        }
    }
    if mail.require_tls && offered.has("REQUIRETLS") {
        line.push_str(" REQUIRETLS");
    }
    if let Some(by) = mail.deliver_by.filter(|_| offered.has("DELIVERBY")) {
        let mode = if by.mode == DeliverByMode::Return { "R" } else { "N" };
        line.push_str(&format!(" BY={};{mode}{}", by.secs, if by.trace { "T" } else { "" }));
    }
    if let Some(Hold::ForSecs(secs)) = mail.hold.filter(|_| offered.has("FUTURERELEASE")) {
        line.push_str(&format!(" HOLDFOR={secs}"));
    }
    if let Some(priority) = mail.priority.filter(|_| offered.has("MT-PRIORITY")) {
        line.push_str(&format!(" MT-PRIORITY={priority}"));
    }
    line.push_str("\r\n");
    line
}

fn rcpt_command(recipient: &RcptTo, offered: &Offered) -> String {
    let mut line = format!("RCPT TO:<{}>", recipient.address);
    if offered.has("DSN") {
        if let Some(notify) = recipient.notify {
            let words = [(notify.success, "SUCCESS"), (notify.failure, "FAILURE"), (notify.delay, "DELAY")];
            let words: Vec<&str> = words.iter().filter(|(set, _)| *set).map(|(_, word)| *word).collect();
            let words = if words.is_empty() { "NEVER".to_owned() } else { words.join(",") };
            line.push_str(&format!(" NOTIFY={words}"));
        }
        if let Some(original) = &recipient.original {
            line.push_str(&format!(" ORCPT={};{}", original.kind, xtext::encode(&original.address)));
        }
    }
    line.push_str("\r\n");
    line
}

/// Dot-stuffs a piece of a body (RFC 5321 §4.5.2). `at_line_start` is carried from piece to piece, true at first.
pub fn stuff(piece: &[u8], at_line_start: &mut bool, out: &mut Vec<u8>) {
    out.reserve(piece.len() + piece.len() / 64);
    for line in piece.split_inclusive(|octet| *octet == b'\n') {
        if *at_line_start && line.first() == Some(&b'.') {
            out.push(b'.');
        }
        out.extend_from_slice(line);
        *at_line_start = line.ends_with(b"\n");
    }
}

/// What ends a body after [`stuff`]: a line end if the last line has none, and the dot.
pub fn end_of_data(at_line_start: bool) -> &'static [u8] {
    if at_line_start { b".\r\n" } else { b"\r\n.\r\n" }
}

#[cfg(test)]
mod tests;
