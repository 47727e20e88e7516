//! A connection driven by the engine.

use crate::line::{Broken, Line, WhenDraining};
use crate::managesieve::capability::Offer;
use crate::managesieve::engine::{Ending, Engine, Patience, Request, Step, ok};
use crate::managesieve::frame;
use crate::managesieve::refusal;
use crate::managesieve::settings::Settings;
use crate::managesieve::signals::Signals;
use account::owner::Owner;
use bytes::Bytes;
use directory::entry::Account;
use directory::login::{self, Denied, Exchange, LastWords, Logins, Origin};
use mail::error::Error;
use mail::store::Mail;
use net::admission::Refused;
use net::{BoxFuture, Connection, Door, Registry};
use std::sync::Arc;
use storage::{Committed, Receipt};

/// What all ManageSieve sessions share.
pub struct Service {
    settings: Settings,
    logins: Logins,
    mail: Mail,
    signals: Signals,
}

impl Service {
    /// Sessions that ask `logins` who may log in, over the scripts in `mail`.
    pub fn new(settings: Settings, logins: Logins, mail: Mail, registry: &Registry) -> Service {
        Service { settings, logins, mail, signals: Signals::new(registry) }
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

/// Speaks ManageSieve with a client to the end (RFC 5804).
pub async fn serve(service: Arc<Service>, connection: Connection) {
    let trace = connection.trace();
    let mut session = Session::new(&service, connection);
    match session.run().await {
        Ok(ending) => service.signals.ended(trace, ending),
        Err(why) => {
            // Whoever still listens learns why; what cannot be sent is lost with the connection.
            if let Some(words) = last_words(&why) {
                session.line.output.extend(words);
                let _ = session.line.flush().await;
            }
            service.signals.broken(trace, &why);
        }
    }
    session.line.close().await;
}

struct Session<'a> {
    service: &'a Service,
    line: Line,
    engine: Engine,
    exchange: Option<Box<Exchange>>,
    owner: Option<Owner>,
}

fn last_words(why: &Broken) -> Option<Vec<u8>> {
    match why {
        Broken::Silent => Some(refusal::bye(None, &why.to_string())),
        Broken::ShuttingDown => Some(refusal::bye(Some("TRYLATER"), &why.to_string())),
        Broken::Connection(_) | Broken::Tls(_) | Broken::Closed => None,
    }
}

impl<'a> Session<'a> {
    fn new(service: &'a Service, connection: Connection) -> Session<'a> {
        let settings = &service.settings;
        let patience = Patience {
            failed_logins_max: settings.failed_logins_max,
            offences_max: settings.offences_max,
            script_octets_max: settings.script_octets_max,
        };
        let mut line = Line::new(connection, settings.send_timeout);
        let engine = Engine::new(&settings.host, offer(service, &line.connection), patience, &mut line.output);
        Session { service, line, engine, exchange: None, owner: None }
    }

    async fn run(&mut self) -> Result<Ending, Broken> {
        loop {
            match self.engine.receive(&mut self.line.input, &mut self.line.output) {
                Step::NeedMore => {
                    self.line.flush().await?;
                    let settings = &self.service.settings;
                    let is_known = self.engine.is_logged_in();
                    let timeout = if is_known { settings.idle_timeout } else { settings.login_timeout };
                    self.line.listen(timeout, WhenDraining::Ends).await?;
                }
                Step::Flush => self.line.flush().await?,
                Step::StartTls => {
                    self.line.start_tls().await?;
                    self.engine.restart(offer(self.service, &self.line.connection), &mut self.line.output);
                }
                Step::BeginExchange { mechanism, initial } => self.begin(&mechanism, initial).await,
                Step::Respond(response) => self.respond(Some(response)).await,
                Step::Forget => self.owner = None,
                Step::Do(request) => {
                    let response = self.perform(request).await;
                    self.engine.answered(&response, &mut self.line.output);
                }
                Step::End(ending) => {
                    self.line.flush().await?;
                    return Ok(ending);
                }
            }
        }
    }

    async fn begin(&mut self, mechanism: &str, initial: Option<Vec<u8>>) {
        let origin = Origin::of(&self.line.connection);
        // They travel with the OK: the client need not answer them (RFC 5804 §2.1).
        self.exchange = self.service.logins.begin(mechanism, origin, LastWords::WithSuccess).map(Box::new);
        self.respond(initial).await;
    }

    async fn respond(&mut self, response: Option<Vec<u8>>) {
        let Some(exchange) = &mut self.exchange else { return self.refuse_login(Denied::Malformed) };
        match exchange.respond(response.as_deref()).await {
            Ok(login::Step::Challenge(challenge)) => self.engine.challenge(&challenge, &mut self.line.output),
            Ok(login::Step::Done(account, last)) => self.finish_login(&account, last.as_deref()),
            Err(denied) => self.refuse_login(denied),
        }
    }

    fn finish_login(&mut self, account: &Account, last: Option<&[u8]>) {
        self.exchange = None;
        let (trace, peer) = (self.line.connection.trace(), self.line.connection.peer());
        self.service.signals.logged_in(trace, peer, account);
        self.owner = Some(Owner::new(account.account_id(), account.partition.as_str()));
        self.engine.logged_in(&account.address, last, &mut self.line.output);
    }

    fn refuse_login(&mut self, denied: Denied) {
        self.exchange = None;
        self.service.signals.denied(self.line.connection.trace(), self.line.connection.peer(), denied);
        let counts = denied != Denied::Unavailable;
        self.engine.login_refused(&refusal::denied(denied), counts, &mut self.line.output);
    }

    /// Does what was asked with the scripts of who has logged in.
    async fn perform(&mut self, request: Request) -> Vec<u8> {
        // Not reached: only who has logged in is asked for.
        let Some(owner) = self.owner.clone() else { return refusal::denied(Denied::Malformed) };
        let mail = &self.service.mail;
        match request {
            Request::HaveSpace { name, octets } => match mail.has_room_for_script(&owner, &name, octets) {
                Ok(()) => said("there is room"),
                Err(error) => self.failed(&error),
            },
            Request::Check(text) => match sieve::compile(&text, self.service.settings.extensions) {
                Ok(_) => said("the script can be used"),
                Err(fault) => self.faulty(&fault),
            },
            Request::Put { name, text } => match sieve::compile(&text, self.service.settings.extensions) {
                Ok(_) => self.told("put", mail.put_script(&owner, &name, text.into()).await),
                Err(fault) => self.faulty(&fault),
            },
            Request::SetActive(name) => self.told("activate", mail.activate_script(&owner, name.as_deref()).await),
            Request::Delete(name) => self.told("delete", mail.delete_script(&owner, &name).await),
            Request::Rename { from, to } => self.told("rename", mail.rename_script(&owner, &from, &to).await),
            Request::List => match mail.scripts(&owner) {
                Ok(scripts) => list(&scripts),
                Err(error) => self.failed(&error),
            },
            Request::Get(name) => match self.read(&owner, &name) {
                Ok(text) => text,
                Err(error) => self.failed(&error),
            },
        }
    }

    fn read(&self, owner: &Owner, name: &str) -> Result<Vec<u8>, Error> {
        let mail = &self.service.mail;
        let script = mail.script(owner, name)?.ok_or(Error::NoScript)?;
        let text = mail.script_text(owner, &script)?;
        let mut response = format!("{{{}}}\r\n", text.len()).into_bytes();
        response.extend_from_slice(&text);
        response.extend_from_slice(b"\r\n");
        ok(None, "that is all", &mut response);
        Ok(response)
    }

    /// The answer to a change.
    fn told(&self, what: &'static str, outcome: Result<Committed<()>, Error>) -> Vec<u8> {
        match outcome {
            Ok(Committed { receipt, .. }) => self.confirm(what, &receipt),
            Err(error) => self.failed(&error),
        }
    }

    /// The only place where changes are acknowledged: it takes the proof that they are durable.
    fn confirm(&self, what: &'static str, _receipt: &Receipt) -> Vec<u8> {
        self.service.signals.changed(self.line.connection.trace(), what);
        said("done")
    }

    fn failed(&self, error: &Error) -> Vec<u8> {
        if error.is_temporary() {
            self.service.signals.store_failed(self.line.connection.trace(), error);
        }
        refusal::store(error)
    }

    fn faulty(&self, fault: &sieve::Fault) -> Vec<u8> {
        self.service.signals.faulty();
        refusal::fault(fault)
    }
}

fn said(text: &str) -> Vec<u8> {
    let mut output = Vec::new();
    ok(None, text, &mut output);
    output
}

/// RFC 5804 §2.7.
fn list(scripts: &[mail::scripts::Script]) -> Vec<u8> {
    let mut output = Vec::new();
    for script in scripts {
        frame::write(script.row.name.as_bytes(), &mut output);
        output.extend_from_slice(if script.is_active { b" ACTIVE\r\n" } else { b"\r\n" });
    }
    ok(None, "that is all", &mut output);
    output
}

fn offer(service: &Service, connection: &Connection) -> Offer {
    let settings = &service.settings;
    let offered = service.logins.offered(connection, settings.plain_login_on_loopback);
    Offer {
        can_start_tls: connection.can_start_tls(),
        can_log_in: offered.is_some(),
        mechanisms: offered.into_iter().flatten().map(str::to_owned).collect(),
        extensions: settings.extensions.names().into_iter().map(str::to_owned).collect(),
        methods: settings.methods.clone(),
        redirects_max: settings.redirects_max,
    }
}

#[cfg(test)]
mod tests;
