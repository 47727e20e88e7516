//! A connection driven by the engine.

use crate::pop3::capability::Offer;
use crate::pop3::engine::{Ending, Engine, Patience, Step};
use crate::pop3::limits::PIECE_OCTETS;
use crate::pop3::listing::Listing;
use crate::pop3::lock::{Held, Locks};
use crate::pop3::port::{Denied, Exchange, Exchanged, Holder, Logins, Maildrop, Maildrops, Origin, Unreadable};
use crate::pop3::refusal;
use crate::pop3::settings::Settings;
use crate::pop3::signals::Signals;
use crate::pop3::stuffing::{self, Stuffing};
use bytes::{Bytes, BytesMut};
use model::Uid;
use net::{Connection, Received, Registry};
use std::io;
use std::sync::Arc;
use tokio::time::Instant;

/// What all POP3 sessions share.
pub struct Service {
    settings: Settings,
    logins: Arc<dyn Logins>,
    maildrops: Arc<dyn Maildrops>,
    locks: Locks,
    signals: Signals,
}

impl Service {
    /// Sessions over these logins and maildrops.
    pub fn new(
        settings: Settings,
        logins: Arc<dyn Logins>,
        maildrops: Arc<dyn Maildrops>,
        registry: &Registry,
    ) -> Service {
        Service { settings, logins, maildrops, locks: Locks::default(), signals: Signals::new(registry) }
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
    let deadline = session.send_deadline();
    let Session { connection, .. } = session;
    connection.close(deadline).await;
}

struct Session<'a> {
    service: &'a Service,
    connection: Connection,
    engine: Engine,
    input: BytesMut,
    output: Vec<u8>,
    exchange: Option<Box<dyn Exchange>>,
    /// Who comes out of a finished exchange whose last challenge the client has still to acknowledge.
    proven: Option<Holder>,
    maildrop: Option<Locked>,
}

/// An open maildrop and the lock that keeps others out of it.
type Locked = (Box<dyn Maildrop>, Held);

/// What ends a session that the client did not end.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the connection failed")]
    Connection(#[source] io::Error),
    #[error("TLS could not be started")]
    Tls(#[source] net::Error),
    #[error("the peer closed the connection")]
    Closed,
    #[error("the client was silent for too long")]
    Silent,
    #[error("the server is shutting down")]
    ShuttingDown,
}

impl<'a> Session<'a> {
    fn new(service: &'a Service, connection: Connection) -> Session<'a> {
        let settings = &service.settings;
        let patience = Patience { failed_logins_max: settings.failed_logins_max, offences_max: settings.offences_max };
        let mut output = Vec::new();
        let engine = Engine::new(&settings.host, offer(service, &connection), patience, &mut output);
        let input = BytesMut::new();
        Session { service, connection, engine, input, output, exchange: None, proven: None, maildrop: None }
    }

    async fn run(&mut self) -> Result<Ending, Broken> {
        loop {
            match self.engine.receive(&mut self.input, &mut self.output) {
                Step::NeedMore => {
                    self.flush().await?;
                    self.listen().await?;
                }
                Step::Flush => self.flush().await?,
                Step::StartTls => self.start_tls().await?,
                Step::CheckPassword { name, password } => self.check(&name, &password).await,
                Step::BeginExchange { mechanism, initial } => self.begin(&mechanism, initial).await,
                Step::Respond(response) => self.respond(response).await,
                Step::Send { uid, octets, lines } => self.send(uid, octets, lines).await?,
                Step::Delete(uids) => self.delete(uids).await,
                Step::End(ending) => {
                    // Free for the next session by the time the client has read our last word.
                    self.maildrop = None;
                    self.flush().await?;
                    return Ok(ending);
                }
            }
        }
    }

    fn send_deadline(&self) -> Option<Instant> {
        Some(Instant::now() + self.service.settings.send_timeout)
    }

    async fn flush(&mut self) -> Result<(), Broken> {
        if !self.output.is_empty() {
            let deadline = self.send_deadline();
            self.connection.send(&self.output, deadline).await.map_err(Broken::Connection)?;
            // An idle session keeps no buffer.
            self.output = Vec::new();
        }
        Ok(())
    }

    async fn listen(&mut self) -> Result<(), Broken> {
        let settings = &self.service.settings;
        let timeout = if self.engine.is_logged_in() { settings.idle_timeout } else { settings.login_timeout };
        let deadline = Some(Instant::now() + timeout);
        if self.input.is_empty() {
            self.input = BytesMut::new();
            self.connection.rest();
        }
        // Marks would be lost by ending now; the client gets the time to say QUIT.
        let received = if self.engine.has_marks() {
            self.connection.receive(&mut self.input, deadline).await
        } else {
            self.connection.receive_unless_draining(&mut self.input, deadline).await
        };
        match received.map_err(Broken::Connection)? {
            Received::Octets(_) => Ok(()),
            Received::Closed => Err(Broken::Closed),
            Received::TimedOut => Err(Broken::Silent),
            Received::Draining => Err(Broken::ShuttingDown),
        }
    }

    async fn start_tls(&mut self) -> Result<(), Broken> {
        self.flush().await?;
        // Whatever came in plain text after STLS may come from somebody else (RFC 2595 §4, RFC 8314 §4).
        self.input.clear();
        self.connection.start_tls().await.map_err(Broken::Tls)?;
        self.engine.restart(offer(self.service, &self.connection));
        Ok(())
    }

    async fn check(&mut self, name: &str, password: &str) {
        let service = self.service;
        let checked = service.logins.check(name, password, origin(&self.connection)).await;
        self.finish_login(checked).await;
    }

    async fn begin(&mut self, mechanism: &str, initial: Option<Vec<u8>>) {
        self.proven = None;
        self.exchange = self.service.logins.begin(mechanism, origin(&self.connection));
        match initial {
            // Every mechanism that is offered lets the client speak first (RFC 4422 §5, RFC 5034 §4).
            None => self.engine.challenge(b"", &mut self.output),
            Some(initial) => self.respond(initial).await,
        }
    }

    async fn respond(&mut self, response: Vec<u8>) {
        if let Some(holder) = self.proven.take() {
            let acknowledged = if response.is_empty() { Ok(holder) } else { Err(Denied::Malformed) };
            return self.finish_login(acknowledged).await;
        }
        let Some(exchange) = &mut self.exchange else { return self.finish_login(Err(Denied::Malformed)).await };
        match exchange.respond(response).await {
            Ok(Exchanged::Challenge(challenge)) => self.engine.challenge(&challenge, &mut self.output),
            Ok(Exchanged::Done { holder, additional: Some(words) }) => {
                self.proven = Some(holder);
                self.engine.challenge(&words, &mut self.output);
            }
            Ok(Exchanged::Done { holder, additional: None }) => self.finish_login(Ok(holder)).await,
            Err(denied) => self.finish_login(Err(denied)).await,
        }
    }

    async fn finish_login(&mut self, checked: Result<Holder, Denied>) {
        self.exchange = None;
        let (trace, peer) = (self.connection.trace(), self.connection.peer());
        let holder = match checked {
            Ok(holder) => holder,
            Err(denied) => {
                self.service.signals.denied(trace, peer, denied);
                let counts = denied != Denied::Unavailable;
                return self.engine.login_refused(&refusal::denied(denied), counts, &mut self.output);
            }
        };
        let Some(held) = self.service.locks.take(&holder) else {
            self.service.signals.in_use(trace, &holder);
            return self.engine.login_refused(&refusal::in_use(), false, &mut self.output);
        };
        match self.service.maildrops.open(&holder).await {
            Ok(maildrop) => {
                self.service.signals.logged_in(trace, peer, &holder);
                let listing = Listing::new(maildrop.validity(), maildrop.entries());
                self.maildrop = Some((maildrop, held));
                self.engine.opened(listing, &mut self.output);
            }
            Err(unreadable) => {
                self.service.signals.unreadable(trace, unreadable);
                self.engine.login_refused(&refusal::unreadable(unreadable), false, &mut self.output);
            }
        }
    }

    async fn send(&mut self, uid: Uid, octets: u64, lines: Option<u64>) -> Result<(), Broken> {
        let message = match read(self.maildrop.as_ref(), uid).await {
            Ok(message) => message,
            Err(unreadable) => {
                self.service.signals.unreadable(self.connection.trace(), unreadable);
                self.engine.not_sent(&refusal::unreadable(unreadable), &mut self.output);
                return Ok(());
            }
        };
        let (first, wanted) = match lines {
            None => (format!("+OK {octets} octets\r\n"), &message[..]),
            Some(lines) => ("+OK\r\n".to_owned(), stuffing::top(&message, lines)),
        };
        self.output.extend_from_slice(first.as_bytes());
        let mut stuffing = Stuffing::default();
        for piece in wanted.chunks(PIECE_OCTETS) {
            stuffing.push(piece, &mut self.output);
            if self.output.len() >= PIECE_OCTETS {
                self.flush().await?;
            }
        }
        stuffing.finish(&mut self.output);
        self.service.signals.retrieved();
        self.engine.sent();
        Ok(())
    }

    async fn delete(&mut self, uids: Vec<Uid>) {
        let count = uids.len();
        let deleted = match &self.maildrop {
            Some((maildrop, _)) => maildrop.delete(uids).await,
            None => Err(Unreadable::Temporary),
        };
        match deleted {
            Ok(()) => {
                self.service.signals.deleted(self.connection.trace(), count);
                self.engine.deleted(&mut self.output);
            }
            Err(unreadable) => {
                self.service.signals.unreadable(self.connection.trace(), unreadable);
                self.engine.not_deleted(&refusal::not_deleted(unreadable), &mut self.output);
            }
        }
    }
}

async fn read(maildrop: Option<&Locked>, uid: Uid) -> Result<Bytes, Unreadable> {
    match maildrop {
        Some((maildrop, _)) => maildrop.read(uid).await,
        None => Err(Unreadable::Temporary),
    }
}

fn origin(connection: &Connection) -> Origin<'_> {
    Origin { peer: connection.peer(), tls: connection.tls() }
}

fn offer(service: &Service, connection: &Connection) -> Offer {
    let is_private =
        connection.tls().is_some() || (service.settings.plain_login_on_loopback && connection.is_private());
    Offer {
        can_start_tls: connection.can_start_tls(),
        can_log_in: is_private,
        mechanisms: if is_private { service.logins.mechanisms(origin(connection)) } else { Vec::new() },
    }
}

#[cfg(test)]
mod tests;
