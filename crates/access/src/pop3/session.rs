//! A connection driven by the engine.

use crate::line::{self, Line, WhenDraining};
use crate::pop3::capability::Offer;
use crate::pop3::engine::{Ending, Engine, Patience, Step};
use crate::pop3::lock::{Held, Locks};
use crate::pop3::maildrop::Maildrop;
use crate::pop3::refusal;
use crate::pop3::settings::Settings;
use crate::pop3::signals::Signals;
use crate::pop3::stuffing::Stuffing;
use account::owner::Owner;
use bytes::Bytes;
use directory::entry::Account;
use directory::login::{self, Denied, Exchange, LastWords, Logins, Origin};
use mail::store::Mail;
use model::Uid;
use net::admission::Refused;
use net::{BoxFuture, Connection, Door, Registry};
use std::sync::Arc;
use storage::Receipt;

/// What all POP3 sessions share.
pub struct Service {
    settings: Settings,
    logins: Logins,
    mail: Mail,
    locks: Locks,
    signals: Signals,
}

impl Service {
    /// Sessions that ask `logins` who may log in, over the mailboxes of `mail`.
    pub fn new(settings: Settings, logins: Logins, mail: Mail, registry: &Registry) -> Service {
        Service { settings, logins, mail, locks: Locks::default(), signals: Signals::new(registry) }
    }
}

impl Door for Service {
    fn serve(self: Arc<Self>, connection: Connection) -> BoxFuture<'static, ()> {
        Box::pin(serve(self, connection))
    }

    fn farewell(&self, _refused: Refused) -> Bytes {
        Bytes::from_static(refusal::BUSY)
    }
}

/// Speaks POP3 with a client to the end (RFC 1939).
pub async fn serve(service: Arc<Service>, connection: Connection) {
    let trace = connection.trace();
    let mut session = Session::new(&service, connection);
    match session.run().await {
        Ok(ending) => service.signals.ended(trace, ending),
        Err(why) => service.signals.broken(trace, &why),
    }
    // The lock on the maildrop goes before the connection, which may take its time.
    let Session { line, .. } = session;
    line.close().await;
}

struct Session<'a> {
    service: &'a Service,
    line: Line,
    engine: Engine,
    exchange: Option<Box<Exchange>>,
    maildrop: Option<Locked>,
}

/// An open maildrop and the lock that keeps others out of it.
type Locked = (Maildrop, Held);

/// What ends a session that the client did not end.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Line(#[from] line::Broken),
    #[error("the message could not be read to its end")]
    Store(#[source] mail::error::Error),
}

impl<'a> Session<'a> {
    fn new(service: &'a Service, connection: Connection) -> Session<'a> {
        let settings = &service.settings;
        let patience = Patience { failed_logins_max: settings.failed_logins_max, offences_max: settings.offences_max };
        let mut line = Line::new(connection, settings.send_timeout);
        let engine = Engine::new(&settings.host, offer(service, &line.connection), patience, &mut line.output);
        Session { service, line, engine, exchange: None, maildrop: None }
    }

    async fn run(&mut self) -> Result<Ending, Broken> {
        loop {
            match self.engine.receive(&mut self.line.input, &mut self.line.output) {
                Step::NeedMore => {
                    self.line.flush().await?;
                    self.listen().await?;
                }
                Step::Flush => self.line.flush().await?,
                Step::StartTls => {
                    self.line.start_tls().await?;
                    self.engine.restart(offer(self.service, &self.line.connection));
                }
                Step::CheckPassword { name, password } => self.check(&name, &password).await,
                Step::BeginExchange { mechanism, initial } => self.begin(&mechanism, initial).await,
                Step::Respond(response) => self.respond(Some(response)).await,
                Step::Send { uid, lines } => self.send(uid, lines).await?,
                Step::Delete(uids) => self.delete(uids).await,
                Step::End(ending) => {
                    // Free for the next session by the time the client has read our last word.
                    self.maildrop = None;
                    self.line.flush().await?;
                    return Ok(ending);
                }
            }
        }
    }

    async fn listen(&mut self) -> Result<(), Broken> {
        let settings = &self.service.settings;
        let timeout = if self.engine.is_logged_in() { settings.idle_timeout } else { settings.login_timeout };
        // Marks would be lost by ending now; the client gets the time to say QUIT.
        let when_draining = if self.engine.has_marks() { WhenDraining::Stays } else { WhenDraining::Ends };
        Ok(self.line.listen(timeout, when_draining).await?)
    }

    async fn check(&mut self, name: &str, password: &str) {
        let service = self.service;
        let checked = service.logins.check(name, password, &Origin::of(&self.line.connection)).await;
        self.finish_login(checked.map(Box::new)).await;
    }

    async fn begin(&mut self, mechanism: &str, initial: Option<Vec<u8>>) {
        let origin = Origin::of(&self.line.connection);
        self.exchange = self.service.logins.begin(mechanism, origin, LastWords::AsChallenge).map(Box::new);
        self.respond(initial).await;
    }

    async fn respond(&mut self, response: Option<Vec<u8>>) {
        let Some(exchange) = &mut self.exchange else { return self.finish_login(Err(Denied::Malformed)).await };
        match exchange.respond(response.as_deref()).await {
            Ok(login::Step::Challenge(challenge)) => self.engine.challenge(&challenge, &mut self.line.output),
            Ok(login::Step::Done(account, _)) => self.finish_login(Ok(account)).await,
            Err(denied) => self.finish_login(Err(denied)).await,
        }
    }

    async fn finish_login(&mut self, checked: Result<Box<Account>, Denied>) {
        self.exchange = None;
        let (trace, peer) = (self.line.connection.trace(), self.line.connection.peer());
        let account = match checked {
            Ok(account) => account,
            Err(denied) => {
                self.service.signals.denied(trace, peer, denied);
                let counts = denied != Denied::Unavailable;
                return self.engine.login_refused(&refusal::denied(denied), counts, &mut self.line.output);
            }
        };
        let owner = Owner::new(account.account_id(), account.partition.as_str());
        let Some(held) = self.service.locks.take(&owner) else {
            self.service.signals.in_use(trace, &account);
            return self.engine.login_refused(&refusal::in_use(), false, &mut self.line.output);
        };
        match Maildrop::open(&self.service.mail, &owner).await {
            Ok(maildrop) => {
                self.service.signals.logged_in(trace, peer, &account);
                self.engine.opened(maildrop.listing(), &mut self.line.output);
                self.maildrop = Some((maildrop, held));
            }
            Err(error) => {
                self.service.signals.store_failed(trace, &error);
                self.engine.login_refused(&refusal::store(&error), false, &mut self.line.output);
            }
        }
    }

    /// Sends a message in pieces. When the first cannot be read the client is told; later nothing but the end of the
    /// connection tells it that the message is not whole.
    async fn send(&mut self, uid: Uid, lines: Option<u64>) -> Result<(), Broken> {
        let Some((maildrop, held)) = self.maildrop.take() else {
            self.engine.not_sent(&refusal::gone(), &mut self.line.output);
            return Ok(());
        };
        let sent = self.send_from(&maildrop, uid, lines).await;
        self.maildrop = Some((maildrop, held));
        sent
    }

    async fn send_from(&mut self, maildrop: &Maildrop, uid: Uid, lines: Option<u64>) -> Result<(), Broken> {
        let Some((blob, octets)) = maildrop.blob(uid) else {
            self.engine.not_sent(&refusal::gone(), &mut self.line.output);
            return Ok(());
        };
        let first = match lines {
            None => maildrop.piece(&blob, 0),
            Some(lines) => maildrop.top(&blob, octets, lines),
        };
        let mut piece = match first {
            Ok(piece) => piece,
            Err(error) => {
                self.service.signals.store_failed(self.line.connection.trace(), &error);
                self.engine.not_sent(&refusal::store(&error), &mut self.line.output);
                return Ok(());
            }
        };
        self.line.output.extend_from_slice(format!("+OK {octets} octets\r\n").as_bytes());
        let mut stuffing = Stuffing::default();
        let mut sent = 0;
        loop {
            stuffing.push(&piece, &mut self.line.output);
            sent += piece.len() as u64;
            if lines.is_some() || sent >= octets || piece.is_empty() {
                break;
            }
            self.line.flush().await?;
            piece = maildrop.piece(&blob, sent).map_err(Broken::Store)?;
        }
        stuffing.finish(&mut self.line.output);
        self.service.signals.retrieved();
        self.engine.sent();
        Ok(())
    }

    async fn delete(&mut self, uids: Vec<Uid>) {
        let deleted = match &self.maildrop {
            Some((maildrop, _)) => maildrop.delete(&uids).await,
            None => Ok(None),
        };
        match deleted {
            Ok(Some(receipt)) => self.confirm(&receipt, uids.len()),
            // Not reached: there is something to delete, and a maildrop to delete it from.
            Ok(None) => self.engine.not_deleted(&refusal::gone(), &mut self.line.output),
            Err(error) => {
                self.service.signals.store_failed(self.line.connection.trace(), &error);
                self.engine.not_deleted(&refusal::not_deleted(&error), &mut self.line.output);
            }
        }
    }

    /// The only place where deletions are acknowledged: it takes the proof that they are durable.
    fn confirm(&mut self, _receipt: &Receipt, count: usize) {
        self.service.signals.deleted(self.line.connection.trace(), count);
        self.engine.deleted(&mut self.line.output);
    }
}

fn offer(service: &Service, connection: &Connection) -> Offer {
    let offered = service.logins.offered(connection, service.settings.plain_login_on_loopback);
    Offer {
        can_start_tls: connection.can_start_tls(),
        can_log_in: offered.is_some(),
        mechanisms: offered.into_iter().flatten().map(str::to_owned).collect(),
    }
}

#[cfg(test)]
mod tests;
