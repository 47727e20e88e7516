//! One connection to another host, driven: greeting, TLS, login, transactions.

use crate::authentication::facts::Failure;
use crate::delivery::hosts::Candidate;
use crate::delivery::prepare;
use crate::delivery::routing::{Credentials, TlsPolicy};
use bytes::{Bytes, BytesMut};
use directory::sasl::client::Login;
use model::TraceId;
use net::tls::TrustVerdict;
use net::tls::distrust::Distrust;
use net::{ClientTls, Connection, Received, ShutdownToken, Tlsa, Trust, dial};
use smtp::client::{Event, Kind, Session, Stage, end_of_data, stuff};
use smtp::envelope::Envelope;
use smtp::reply::Reply;
use smtp::status::EnhancedStatus;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::Instant;

/// Octets of a body that are sent under one deadline (RFC 5321 §4.5.3.2.5).
const BLOCK_OCTETS: usize = 64 << 10;
/// How long a host has for the reply to QUIT.
const FAREWELL: Duration = Duration::from_secs(5);

/// Where a connection goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A host.
    Host {
        /// Its name.
        name: String,
        /// Where it is.
        address: std::net::SocketAddr,
    },
    /// A socket on this machine.
    Unix(PathBuf),
}

impl From<Candidate> for Place {
    fn from(candidate: Candidate) -> Place {
        Place::Host { name: candidate.name, address: candidate.address }
    }
}

impl Place {
    /// Its name, for notices and logs.
    pub fn name(&self) -> String {
        match self {
            Place::Host { name, .. } => name.clone(),
            Place::Unix(_) => "localhost".to_owned(),
        }
    }
}

/// How to connect.
pub struct Manner<'a> {
    pub kind: Kind,
    pub host: &'a str,
    pub tls: &'a ClientTls,
    pub policy: TlsPolicy,
    /// TLSA records that the certificate must fit, instead of the authorities.
    pub pins: &'a [Tlsa],
    /// The domain that the mail is for, which a certificate of its own authority may name.
    pub domain: &'a str,
    pub login: Option<&'a Credentials>,
    pub nonce: String,
    pub source: Option<IpAddr>,
    pub timeout: Duration,
    pub trace: TraceId,
    pub shutdown: ShutdownToken,
}

/// Why a host did not take the message.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// It could not be reached or broke off: another host may do.
    Away(Reply),
    /// It answered, and refused.
    Refused(Reply),
    /// It cannot be as private as it must be.
    Insecure(Failure, Reply),
    /// The handshake failed where TLS was only wished for: without it this host may do.
    Handshake(Failure, Reply),
}

impl Trouble {
    /// What the sender hears of it.
    pub fn into_reply(self) -> Reply {
        match self {
            Trouble::Away(reply)
            | Trouble::Refused(reply)
            | Trouble::Insecure(_, reply)
            | Trouble::Handshake(_, reply) => reply,
        }
    }
}

/// A connection that is ready for transactions.
pub struct Peer {
    connection: Connection,
    session: Session,
    input: BytesMut,
    /// The host's name.
    pub name: String,
    /// How many messages it was used for.
    pub messages: u32,
    body_began: bool,
}

fn away(text: impl std::fmt::Display) -> Trouble {
    // RFC 3463 §3.5: X.4.2 bad connection.
    Trouble::Away(Reply::new(451, EnhancedStatus::new(4, 4, 2), text.to_string()))
}

/// An error with the reasons behind it.
fn reasons(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text.push_str(": ");
        text.push_str(&error.to_string());
        next = error.source();
    }
    text
}

impl Peer {
    /// Connects and goes as far as the manner wants.
    pub async fn connect(place: &Place, manner: &Manner<'_>) -> Result<Peer, Trouble> {
        let dialled = match place {
            Place::Host { address, .. } => {
                dial::tcp(*address, manner.source, manner.timeout, manner.trace, manner.shutdown.clone()).await
            }
            Place::Unix(path) => dial::unix(path, manner.trace, manner.shutdown.clone()).await,
        };
        let connection = dialled.map_err(|error| {
            // RFC 3463 §3.5: X.4.1 no answer from host.
            Trouble::Away(Reply::new(451, EnhancedStatus::new(4, 4, 1), reasons(&error)))
        })?;
        Peer::over(connection, place.name(), manner).await
    }

    /// As [`Peer::connect`] over a connection that is there already.
    pub async fn over(connection: Connection, name: String, manner: &Manner<'_>) -> Result<Peer, Trouble> {
        let session = Session::new(manner.kind, manner.host);
        let mut peer = Peer { connection, session, input: BytesMut::new(), name, messages: 0, body_began: false };
        match peer.event().await? {
            Event::Ready => {}
            Event::Refused(reply) => return Err(Trouble::Refused(reply)),
            _ => return Err(away("the host closed the connection")),
        }
        peer.protect(manner).await?;
        if let Some(login) = manner.login {
            peer.log_in(login, manner.nonce.clone()).await?;
        }
        Ok(peer)
    }

    async fn protect(&mut self, manner: &Manner<'_>) -> Result<(), Trouble> {
        let is_needed = manner.policy >= TlsPolicy::Encrypted;
        if manner.policy == TlsPolicy::Never {
            return Ok(());
        }
        let lacking = || {
            let text = "the host does not offer TLS, which is required";
            Trouble::Insecure(Failure::StartTlsNotSupported, Reply::new(454, EnhancedStatus::new(4, 7, 10), text))
        };
        if !self.session.offered().has("STARTTLS") {
            return if is_needed { Err(lacking()) } else { Ok(()) };
        }
        self.session.start_tls();
        match self.event().await? {
            Event::StartTls => {}
            Event::NoTls(_) if !is_needed => return Ok(()),
            Event::NoTls(_) => return Err(lacking()),
            _ => return Err(away("the host closed the connection")),
        }
        // What came in plain text behind the reply is not from inside TLS.
        self.input.clear();
        let trust = if manner.policy == TlsPolicy::Verified { Trust::Required } else { Trust::Opportunistic };
        let started = match manner.pins {
            [] => self.connection.start_tls_as_client(manner.tls, &self.name, trust).await,
            pins => self.connection.start_tls_pinned(manner.tls, &[&self.name, manner.domain], pins).await,
        };
        if let Err(error) = started {
            let reply = Reply::new(454, EnhancedStatus::new(4, 7, 5), reasons(&error));
            let failure = Failure::of(error.distrust());
            return Err(match is_needed {
                true => Trouble::Insecure(failure, reply),
                false => Trouble::Handshake(failure, reply),
            });
        }
        self.session.tls_started();
        match self.event().await? {
            Event::Ready => Ok(()),
            Event::Refused(reply) => Err(Trouble::Refused(reply)),
            _ => Err(away("the host closed the connection")),
        }
    }

    async fn log_in(&mut self, credentials: &Credentials, nonce: String) -> Result<(), Trouble> {
        // A login that fails is for the operator to mend: the message waits.
        let refuse = |text: String| Trouble::Refused(Reply::new(454, EnhancedStatus::new(4, 7, 0), text));
        let offered = self.session.offered().mechanisms();
        let private = self.connection.is_private();
        let login = Login::choose(&offered, &credentials.name, &credentials.password, &nonce, private);
        let mut login = login.ok_or_else(|| refuse("no way to log in is common to both hosts".to_owned()))?;
        self.session.log_in(login.mechanism(), login.initial().as_deref());
        loop {
            match self.event().await? {
                Event::LoggedIn => return Ok(()),
                Event::Challenge(challenge) => match login.respond(&challenge) {
                    Ok(response) => self.session.respond(Some(&response)),
                    Err(_) => self.session.respond(None),
                },
                Event::LoginRefused(reply) => {
                    return Err(refuse(format!("the login was refused: {} {}", reply.code, reply.text())));
                }
                _ => return Err(away("the host closed the connection")),
            }
        }
    }

    /// Whether the host offers an extension.
    pub fn offers(&self, keyword: &str) -> bool {
        self.session.offered().has(keyword)
    }

    /// Whether TLS is on.
    pub fn is_encrypted(&self) -> bool {
        self.connection.tls().is_some()
    }

    /// Why nobody vouches for the host, where TLS is on and nobody does.
    pub fn distrust(&self) -> Option<(Distrust, &str)> {
        match self.connection.tls()?.trust.as_ref()? {
            TrustVerdict::Verified => None,
            TrustVerdict::Unverified(kind, why) => Some((*kind, why)),
        }
    }

    /// Whether octets of the last message went out, so that the host may have it.
    pub fn body_began(&self) -> bool {
        self.body_began
    }

    /// Whether another transaction can follow.
    pub fn is_idle(&self) -> bool {
        self.session.stage() == Stage::Idle
    }

    /// How many recipients the host takes at once, if it says so.
    pub fn recipients_max(&self) -> Option<usize> {
        self.session.offered().recipients_max()
    }

    /// One transaction; a reply for each recipient.
    pub async fn send(&mut self, mut envelope: Envelope, body: &Bytes) -> Result<Vec<Reply>, Trouble> {
        self.messages += 1;
        self.body_began = false;
        let count = envelope.recipients.len();
        let body = match prepare::fit(&mut envelope, body, self.session.offered()) {
            Ok(body) => body,
            Err(reply) => return Ok(vec![reply; count]),
        };
        self.session.begin(&envelope, body.len() as u64);
        loop {
            match self.event().await? {
                Event::SendBody { chunk } => self.send_body(&body, chunk).await?,
                Event::Done(replies) => return Ok(replies),
                Event::Refused(reply) => return Err(Trouble::Away(reply)),
                _ => return Err(away("the host closed the connection")),
            }
        }
    }

    async fn send_body(&mut self, body: &Bytes, chunk: bool) -> Result<(), Trouble> {
        self.body_began = true;
        let command = self.session.take_output();
        let timeout = self.session.stage().timeout();
        let deadline = || Some(Instant::now() + timeout);
        self.connection.send(&command, deadline()).await.map_err(away)?;
        let mut at_line_start = true;
        let mut out = Vec::new();
        for piece in body.chunks(BLOCK_OCTETS) {
            if chunk {
                self.connection.send(piece, deadline()).await.map_err(away)?;
            } else {
                out.clear();
                stuff(piece, &mut at_line_start, &mut out);
                self.connection.send(&out, deadline()).await.map_err(away)?;
            }
        }
        if !chunk {
            self.connection.send(end_of_data(at_line_start), deadline()).await.map_err(away)?;
        }
        self.session.body_sent();
        Ok(())
    }

    /// Sends what waits and receives until something happened.
    async fn event(&mut self) -> Result<Event, Trouble> {
        let timeout = self.session.stage().timeout();
        let mut waiting = self.session.take_output();
        if !waiting.is_empty() {
            let whole = self.session.may_pipeline() || !self.connection_waits_in_lines(&waiting);
            let first = if whole { std::mem::take(&mut waiting) } else { first_line(&mut waiting) };
            self.connection.send(&first, Some(Instant::now() + timeout)).await.map_err(away)?;
        }
        loop {
            let before = self.input.len();
            let mut input: &[u8] = &self.input;
            let event = self.session.receive(&mut input).map_err(away)?;
            let used = before - input.len();
            let replied = ends_reply(self.input.get(..used).unwrap_or_default());
            let _taken = self.input.split_to(used);
            if event != Event::NeedMore {
                return Ok(event);
            }
            let mut more = self.session.take_output();
            if replied && !waiting.is_empty() {
                more.extend(first_line(&mut waiting));
            }
            let timeout = self.session.stage().timeout();
            let deadline = Some(Instant::now() + timeout);
            if !more.is_empty() {
                self.connection.send(&more, deadline).await.map_err(away)?;
            }
            match self.connection.receive(&mut self.input, deadline).await.map_err(away)? {
                Received::Octets(_) => {}
                Received::Closed => return Err(away("the host closed the connection")),
                Received::TimedOut | Received::Draining => return Err(away("the host did not answer in time")),
            }
        }
    }

    fn connection_waits_in_lines(&self, waiting: &[u8]) -> bool {
        waiting.iter().filter(|octet| **octet == b'\n').count() > 1
    }

    /// Says goodbye; nobody is interested in what goes wrong then.
    pub async fn quit(mut self) {
        self.session.quit();
        let _farewell = tokio::time::timeout(FAREWELL, self.event()).await;
        self.connection.close(Some(Instant::now() + FAREWELL)).await;
    }
}

/// Takes the first line out of `waiting`.
fn first_line(waiting: &mut Vec<u8>) -> Vec<u8> {
    let end = waiting.iter().position(|octet| *octet == b'\n').map_or(waiting.len(), |at| at + 1);
    let rest = waiting.split_off(end);
    std::mem::replace(waiting, rest)
}

/// Whether the octets end with the last line of a reply.
fn ends_reply(octets: &[u8]) -> bool {
    let Some(text) = octets.strip_suffix(b"\n") else { return false };
    let line = text.rsplit(|octet| *octet == b'\n').next().unwrap_or(text);
    line.get(3).is_none_or(|octet| *octet != b'-')
}
