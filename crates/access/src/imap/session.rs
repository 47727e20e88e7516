//! A connection: commands in, responses out, one after the other.

use crate::imap::capability::{self, State};
use crate::imap::memory::{FREE_OCTETS, Taken};
use crate::imap::refusal;
use crate::imap::service::Service;
use crate::imap::state::{Context, Selected, Wanted, Watch};
use crate::line::{self, Line, WhenDraining};
use account::owner::Owner;
use account::rights::Asker;
use bytes::{Buf, Bytes};
use directory::login::Origin;
use imap::command::{Command, Numbers, Tagged};
use imap::frame::{Framed, Framer};
use imap::limits::LITERAL_OCTETS_MAX;
use imap::parse;
use imap::search::Key;
use imap::sequence::SequenceSet;
use mail::deliver::Quota;
use net::admission::Refused;
use net::{BoxFuture, Connection, Door};
use std::sync::Arc;
use std::time::Duration;

/// Output that is gathered before it is sent.
const OUTPUT_OCTETS: usize = 32 * 1024;

/// Who is logged in.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub owner: Owner,
    pub asker: Asker,
    pub quota: Quota,
}

/// How a command ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// `OK` with code and text.
    Ok(String),
    /// `NO`
    No(String),
    /// `BAD`
    Bad(String),
    /// The response was sent already.
    Said,
    /// The session ends.
    End,
}

impl Outcome {
    pub fn ok(text: &str) -> Outcome {
        Outcome::Ok(text.to_owned())
    }

    pub fn no(text: &str) -> Outcome {
        Outcome::No(text.to_owned())
    }

    pub fn bad(text: &str) -> Outcome {
        Outcome::Bad(text.to_owned())
    }
}

/// Why the session ends before the client says so.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// The line to the client broke.
    #[error(transparent)]
    Line(#[from] line::Broken),
    /// We cannot go on.
    #[error("{0}")]
    Session(&'static str),
}

/// What a command does.
pub(crate) type Done = Result<Outcome, Broken>;

/// One connection.
pub(crate) struct Session<'a> {
    pub service: &'a Service,
    pub line: Line,
    pub user: Option<User>,
    pub selected: Option<Box<Selected>>,
    /// UIDs that the last search with SAVE found (RFC 5182).
    pub saved: Vec<u32>,
    /// Searches of the selected mailbox whose results are kept up to date.
    pub contexts: Vec<Context>,
    /// What the client wants to be told without asking.
    pub watch: Option<Box<Watch>>,
    pub utf8: bool,
    pub rev2: bool,
    pub condstore: bool,
    pub qresync: bool,
    /// No message numbers any more (RFC 9586).
    pub uid_only: bool,
    pub failed_logins: u32,
    /// The tag of the command at hand.
    pub tag: String,
    framer: Framer,
    /// Memory for the literals of the command that is coming in.
    memory: Option<Taken>,
    offences: u32,
}

impl Door for Service {
    fn serve(self: Arc<Self>, connection: Connection) -> BoxFuture<'static, ()> {
        Box::pin(serve(self, connection))
    }

    fn farewell(&self, _refused: Refused) -> Bytes {
        Bytes::from_static(refusal::BUSY)
    }
}

/// Whether a command names messages by their numbers, which UIDONLY forbids (RFC 9586 §3).
fn uses_numbers(command: &Command) -> bool {
    match command {
        Command::Fetch { numbers, .. } | Command::Store { numbers, .. } | Command::Replace { numbers, .. } => {
            *numbers == Numbers::Sequence
        }
        Command::Copy(copy) | Command::Move(copy) => copy.numbers == Numbers::Sequence,
        Command::Search { numbers, key, .. }
        | Command::Sort { numbers, key, .. }
        | Command::Thread { numbers, key, .. } => *numbers == Numbers::Sequence || key_uses_numbers(key),
        _ => false,
    }
}

/// Whether a search names messages by their numbers.
pub(crate) fn key_uses_numbers(key: &Key) -> bool {
    match key {
        Key::Numbers(set) => *set != SequenceSet::Saved,
        Key::Not(key) => key_uses_numbers(key),
        Key::Or(one, other) => key_uses_numbers(one) || key_uses_numbers(other),
        Key::And(keys) => keys.iter().any(key_uses_numbers),
        _ => false,
    }
}

/// Speaks with a client to the end.
pub async fn serve(service: Arc<Service>, connection: Connection) {
    let trace = connection.trace();
    let mut session = Session {
        service: &service,
        line: Line::new(connection, service.settings.send_timeout),
        user: None,
        selected: None,
        saved: Vec::new(),
        contexts: Vec::new(),
        watch: None,
        utf8: false,
        rev2: false,
        condstore: false,
        qresync: false,
        uid_only: false,
        failed_logins: 0,
        tag: String::new(),
        framer: Framer::new(LITERAL_OCTETS_MAX),
        memory: None,
        offences: 0,
    };
    match session.run().await {
        Ok(()) => service.signals.ended(trace),
        Err(why) => {
            // Whoever still listens learns why; what cannot be sent is lost with the connection.
            session.line.output.extend_from_slice(last_words(&why));
            let _ = session.line.flush().await;
            service.signals.broken(trace, &why);
        }
    }
    session.line.close().await;
}

fn last_words(why: &Broken) -> &'static [u8] {
    match why {
        Broken::Line(line::Broken::Silent) => refusal::SILENT,
        Broken::Line(line::Broken::ShuttingDown) => refusal::SHUTTING_DOWN,
        // Nobody listens any more, or the client may be waiting for the rest of a literal.
        Broken::Line(_) | Broken::Session(_) => b"",
    }
}

/// Returns when something that is watched has changed; never when nothing is watched. Safe to cancel.
pub(crate) async fn changed(watch: Option<&mut Watch>) {
    match watch {
        Some(watch) => drop(watch.subscription.next().await),
        None => std::future::pending().await,
    }
}

impl Session<'_> {
    async fn run(&mut self) -> Result<(), Broken> {
        let greeting = format!("* OK [CAPABILITY {}] {} ready\r\n", self.capabilities(), self.service.settings.host);
        self.say(&greeting);
        loop {
            let mut input: &[u8] = &self.line.input;
            let framed = self.framer.read(&mut input);
            let used = self.line.input.len() - input.len();
            self.line.input.advance(used);
            let framed = self.remember(framed).await;
            match framed {
                Framed::NeedMore => {
                    self.flush().await?;
                    self.listen().await?;
                }
                Framed::Continue => self.say("+ go on\r\n"),
                Framed::Command(octets) => {
                    let goes_on = Box::pin(self.command(octets)).await?;
                    self.memory = None;
                    if !goes_on {
                        return self.flush().await;
                    }
                }
                Framed::Refused { tag, why } if why.is_temporary() => {
                    self.memory = None;
                    self.service.signals.no_memory(self.line.connection.trace());
                    self.say(&format!("{} NO [UNAVAILABLE] {why}; try again\r\n", tag.as_deref().unwrap_or("*")));
                }
                Framed::Refused { tag, why } => {
                    self.memory = None;
                    self.offended(&why)?;
                    let tag = tag.unwrap_or_else(|| "*".to_owned());
                    self.say(&format!("{tag} BAD [TOOBIG] {why}\r\n"));
                    if why.is_fatal() {
                        self.say("* BYE the command line has no end\r\n");
                        return self.flush().await;
                    }
                }
            }
        }
    }

    /// Takes memory for the literal that a command has announced, or gives the command up.
    async fn remember(&mut self, framed: Framed) -> Framed {
        let octets = self.framer.announced_octets();
        if octets <= FREE_OCTETS {
            return framed;
        }
        let held = self.memory.as_ref().map_or(0, |memory| memory.num_permits() as u64) << 10;
        if octets <= held {
            return framed;
        }
        match self.service.memory.take(octets - held).await {
            Some(more) => {
                match &mut self.memory {
                    Some(memory) => memory.merge(more),
                    None => self.memory = Some(more),
                }
                framed
            }
            None => self.framer.give_up(framed == Framed::Continue),
        }
    }

    /// One command; returns whether the session goes on.
    async fn command(&mut self, octets: Vec<u8>) -> Result<bool, Broken> {
        let parsed = parse::command(&octets);
        drop(octets);
        let Tagged { tag, command } = match parsed {
            Ok(tagged) => tagged,
            Err(bad) => {
                self.offended(&bad.offence)?;
                let tag = bad.tag.unwrap_or_else(|| "*".to_owned());
                let verdict =
                    if bad.offence == parse::Offence::BadCharset { "NO [BADCHARSET (UTF-8 US-ASCII)]" } else { "BAD" };
                self.say(&format!("{tag} {verdict} {}\r\n", bad.offence));
                return Ok(true);
            }
        };
        self.service.signals.command();
        self.tag.clone_from(&tag);
        let outcome = self.dispatch(&tag, command).await?;
        match outcome {
            Outcome::Ok(text) => self.say(&format!("{tag} OK {text}\r\n")),
            Outcome::No(text) => self.say(&format!("{tag} NO {text}\r\n")),
            Outcome::Bad(text) => {
                self.offended(&text)?;
                self.say(&format!("{tag} BAD {text}\r\n"));
            }
            Outcome::Said => {}
            Outcome::End => {
                self.say(&format!("* BYE {} says goodbye\r\n{tag} OK logged out\r\n", self.service.settings.host));
                return Ok(false);
            }
        }
        if self.failed_logins >= self.service.settings.failed_logins_max {
            self.say("* BYE too many failed logins\r\n");
            return Ok(false);
        }
        Ok(true)
    }

    fn offended(&mut self, what: &dyn std::fmt::Display) -> Result<(), Broken> {
        self.service.signals.offence(self.line.connection.trace(), what);
        self.offences += 1;
        if self.offences > self.service.settings.offences_max {
            self.say("* BYE too many wrong commands\r\n");
            Err(Broken::Session("too many wrong commands"))
        } else {
            Ok(())
        }
    }

    async fn dispatch(&mut self, tag: &str, command: Command) -> Done {
        match command {
            Command::Capability => {
                let line = format!("* CAPABILITY {}\r\n", self.capabilities());
                self.say(&line);
                Ok(Outcome::ok("done"))
            }
            Command::Noop | Command::Check => {
                self.catch_up(true)?;
                Ok(Outcome::ok("done"))
            }
            Command::Logout => Ok(Outcome::End),
            Command::Id(_) => {
                self.say("* ID (\"name\" \"Heliograph\")\r\n");
                Ok(Outcome::ok("done"))
            }
            Command::StartTls => self.start_tls(tag).await,
            Command::Login { .. } | Command::Authenticate { .. } if self.user.is_some() => {
                Ok(Outcome::bad("you have logged in already"))
            }
            Command::Login { name, password } => self.log_in(&name, &password).await,
            Command::Authenticate { mechanism, initial } => self.authenticate(&mechanism, initial).await,
            _ if self.user.is_none() => Ok(Outcome::bad("log in first")),
            command => self.authenticated(tag, command).await,
        }
    }

    async fn authenticated(&mut self, tag: &str, command: Command) -> Done {
        match command {
            Command::Enable(names) => Ok(self.enable(&names)),
            Command::Unauthenticate => {
                self.leave();
                self.user = None;
                (self.utf8, self.rev2, self.condstore, self.qresync) = (false, false, false, false);
                self.uid_only = false;
                self.watch = None;
                Ok(Outcome::ok("nobody is logged in"))
            }
            Command::Compress(algorithm) => self.compress(tag, &algorithm).await,
            Command::Select(select) => self.select(select, true).await,
            Command::Examine(select) => self.select(select, false).await,
            Command::Create { mailbox, special_use } => self.create(&mailbox, &special_use).await,
            Command::Delete(mailbox) => self.delete(&mailbox).await,
            Command::Rename { from, to } => self.rename(&from, &to).await,
            Command::Subscribe(mailbox) => self.subscribe(&mailbox, mail::mailboxes::Subscribed::Yes).await,
            Command::Unsubscribe(mailbox) => self.subscribe(&mailbox, mail::mailboxes::Subscribed::No).await,
            Command::List(list) => self.list(list).await,
            Command::Lsub { reference, pattern } => self.lsub(&reference, &pattern).await,
            Command::Namespace => {
                self.say("* NAMESPACE ((\"\" \"/\")) ((\"Other Users/\" \"/\")) NIL\r\n");
                Ok(Outcome::ok("done"))
            }
            Command::Status { mailbox, items } => self.status(&mailbox, &items).await,
            Command::Append { mailbox, messages } => self.append(&mailbox, messages).await,
            Command::Idle => self.idle().await,
            Command::SetAcl { mailbox, identifier, rights } => self.set_acl(&mailbox, &identifier, &rights).await,
            Command::DeleteAcl { mailbox, identifier } => self.set_acl(&mailbox, &identifier, "").await,
            Command::GetAcl(mailbox) => self.get_acl(&mailbox).await,
            Command::ListRights { mailbox, identifier } => self.list_rights(&mailbox, &identifier).await,
            Command::MyRights(mailbox) => self.my_rights(&mailbox).await,
            Command::GetQuota(root) => Ok(self.get_quota(&root)),
            Command::GetQuotaRoot(mailbox) => self.get_quota_root(&mailbox).await,
            Command::GetMetadata { mailbox, entries, max_size, depth } => {
                self.get_metadata(&mailbox, &entries, max_size, depth).await
            }
            Command::SetMetadata { mailbox, entries } => self.set_metadata(&mailbox, entries).await,
            Command::Notify(wanted) => self.notify(wanted).await,
            Command::Esearch { scopes, returns, key } => self.search_many(scopes, returns, key).await,
            Command::CancelUpdate(tags) => Ok(self.cancel_update(&tags)),
            Command::SetQuota { .. } => Ok(Outcome::no("[NOPERM] quotas are set by the operator")),
            command if self.selected.is_some() => self.in_mailbox(command).await,
            _ => Ok(Outcome::bad("select a mailbox first")),
        }
    }

    async fn in_mailbox(&mut self, command: Command) -> Done {
        if self.uid_only && uses_numbers(&command) {
            return Ok(Outcome::bad("[UIDREQUIRED] message numbers are not in use"));
        }
        match command {
            Command::Close => self.close().await,
            Command::Unselect => {
                self.leave();
                Ok(Outcome::ok("done"))
            }
            Command::Expunge(set) => self.expunge(set).await,
            Command::Search { numbers, returns, key } => self.search(numbers, returns, key).await,
            Command::Replace { number, numbers, mailbox, message } => {
                self.replace(number, numbers, &mailbox, message).await
            }
            Command::Sort { numbers, returns, criteria, key } => self.sort(numbers, returns, &criteria, &key),
            Command::Thread { numbers, algorithm, key } => self.thread(numbers, algorithm, &key),
            Command::Fetch { set, numbers, items, modifiers } => self.fetch(set, numbers, items, modifiers).await,
            Command::Store { set, numbers, mode, silent, flags, unchanged_since } => {
                let wanted = Wanted { mode, silent, flags, unchanged_since };
                self.store(set, numbers, wanted).await
            }
            Command::Copy(copy) => self.copy(copy).await,
            Command::Move(copy) => self.move_messages(copy).await,
            _ => Ok(Outcome::bad("the command is not offered")),
        }
    }

    fn enable(&mut self, names: &[String]) -> Outcome {
        let mut enabled = Vec::new();
        for name in names {
            match name.as_str() {
                "CONDSTORE" => self.condstore = true,
                "QRESYNC" => (self.condstore, self.qresync) = (true, true),
                "UTF8=ACCEPT" => self.utf8 = true,
                "UIDONLY" => self.uid_only = true,
                "IMAP4REV2" => (self.rev2, self.utf8) = (true, true),
                _ => continue,
            }
            enabled.push(if name == "IMAP4REV2" { "IMAP4rev2" } else { name });
        }
        let line = format!("* ENABLED {}", enabled.join(" "));
        self.say(&format!("{}\r\n", line.trim_end()));
        Outcome::ok("done")
    }

    async fn start_tls(&mut self, tag: &str) -> Done {
        if !self.line.connection.can_start_tls() {
            return Ok(Outcome::bad("TLS cannot start here"));
        }
        if self.user.is_some() {
            return Ok(Outcome::bad("you have logged in already"));
        }
        // What stands in plain text behind STARTTLS was put there by somebody else.
        if !self.line.input.is_empty() {
            return Err(Broken::Session("plain text behind STARTTLS"));
        }
        self.say(&format!("{tag} OK begin the handshake\r\n"));
        self.line.start_tls().await?;
        Ok(Outcome::Said)
    }

    async fn compress(&mut self, tag: &str, algorithm: &str) -> Done {
        if algorithm != "DEFLATE" {
            return Ok(Outcome::bad("only DEFLATE is known"));
        }
        if self.line.connection.stream().is_compressed() {
            return Ok(Outcome::no("[COMPRESSIONACTIVE] the stream is compressed already"));
        }
        self.say(&format!("{tag} OK compressed from here on\r\n"));
        self.flush().await?;
        let ahead = std::mem::take(&mut self.line.input);
        self.line.connection.start_deflate(&ahead);
        Ok(Outcome::Said)
    }

    /// What is offered now.
    pub fn capabilities(&mut self) -> String {
        let offered = self.offered();
        let state = State {
            authenticated: self.user.is_some(),
            can_start_tls: self.line.connection.can_start_tls(),
            may_log_in: offered.is_some(),
            compressed: self.line.connection.stream().is_compressed(),
            append_octets_max: self.service.settings.append_octets_max,
            sieve_url: self.service.sieve_url(),
        };
        capability::list(state, &offered.unwrap_or_default())
    }

    /// The mechanisms; nothing where passwords may not travel.
    pub fn offered(&self) -> Option<Vec<&'static str>> {
        self.service.logins.offered(&self.line.connection, self.service.settings.plain_login_on_loopback)
    }

    pub fn origin(&self) -> Origin {
        Origin::of(&self.line.connection)
    }

    /// Adds to the output.
    pub fn say(&mut self, text: &str) {
        self.line.output.extend_from_slice(text.as_bytes());
    }

    /// Sends what is gathered.
    pub async fn flush(&mut self) -> Result<(), Broken> {
        Ok(self.line.flush().await?)
    }

    /// Sends what is gathered if it is much.
    pub async fn flush_some(&mut self) -> Result<(), Broken> {
        if self.line.output.len() >= OUTPUT_OCTETS { self.flush().await } else { Ok(()) }
    }

    /// Sends octets without copying them when they are many.
    pub async fn send_octets(&mut self, octets: Bytes) -> Result<(), Broken> {
        if octets.len() < OUTPUT_OCTETS {
            self.line.output.extend_from_slice(&octets);
            return self.flush_some().await;
        }
        self.flush().await?;
        Ok(self.line.send(&octets).await?)
    }

    /// Waits for octets.
    async fn listen(&mut self) -> Result<(), Broken> {
        let settings = &self.service.settings;
        let timeout = if self.user.is_some() { settings.idle_timeout } else { settings.login_timeout };
        let is_idle = self.framer.is_idle() && self.line.input.is_empty();
        if is_idle {
            self.line.rest();
        }
        // Between commands, what happens can be told.
        let mut watch = if is_idle { self.watch.take() } else { None };
        let received = tokio::select! {
            received = self.line.receive(timeout, WhenDraining::Ends) => Some(received),
            () = changed(watch.as_deref_mut()) => None,
        };
        self.watch = watch.or(self.watch.take());
        match received {
            Some(received) => Ok(received?),
            // Boxed: most sessions never watch, and all of them wait here.
            None => Box::pin(self.tell_watched()).await,
        }
    }

    /// A line of the client that is no command: in AUTHENTICATE and IDLE.
    pub async fn line(&mut self, timeout: Duration) -> Result<String, Broken> {
        self.flush().await?;
        loop {
            if let Some(line) = self.line_ready()? {
                return Ok(line);
            }
            self.line.receive(timeout, WhenDraining::Ends).await?;
        }
    }

    /// The next line if it is here.
    pub fn line_ready(&mut self) -> Result<Option<String>, Broken> {
        match self.line.input.iter().position(|octet| *octet == b'\n') {
            Some(end) => {
                let line = self.line.input.split_to(end + 1);
                Ok(Some(String::from_utf8_lossy(line.trim_ascii_end()).into_owned()))
            }
            None if self.line.input.len() > 16 * 1024 => Err(Broken::Session("a line without end")),
            None => Ok(None),
        }
    }

    /// A failure of the mail store as the end of a command.
    pub fn failed(&self, error: &mail::error::Error) -> Outcome {
        if error.is_temporary() {
            self.service.signals.store_failed(self.line.connection.trace(), error);
        }
        Outcome::No(refusal::store(error))
    }

    /// Memory for so many octets, or the answer that there is none.
    pub async fn memory_for(&self, octets: u64) -> Result<Taken, Outcome> {
        match self.service.memory.take(octets).await {
            Some(taken) => Ok(taken),
            None => {
                self.service.signals.no_memory(self.line.connection.trace());
                Err(Outcome::no("[UNAVAILABLE] there is no memory for a message of this size now; try again"))
            }
        }
    }

    /// From now on messages may come.
    pub fn allow_messages(&mut self) {
        let most = usize::try_from(self.service.settings.append_octets_max).unwrap_or(usize::MAX);
        self.framer.set_message_octets_max(most);
    }

    /// The user; commands that come here need one.
    pub fn user(&self) -> Result<&User, Broken> {
        self.user.as_ref().ok_or(Broken::Session("nobody is logged in"))
    }

    /// The tag as a string, for ESEARCH.
    pub fn tag_string(&self) -> String {
        let mut out = Vec::new();
        imap::write::string(&mut out, self.tag.as_bytes(), false);
        String::from_utf8_lossy(&out).into_owned()
    }
}
