//! A connection with a filter. Everything that is waited for has a step's time, and all of it together the conversation's.

use crate::filter::failure::{Failure, Strange};
use crate::filter::http::{self, Body, Framing, Head};
use crate::filter::limits::PIECE_OCTETS;
use crate::filter::settings::Host;
use bytes::{Buf, BytesMut};
use model::TraceId;
use net::{Connection, Received, Resolver, ShutdownToken, dial};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::time::Instant;

/// The connection.
#[derive(Debug)]
pub struct Wire {
    connection: Connection,
    /// What was received and not used yet.
    pub input: BytesMut,
    host: String,
    step: Duration,
    deadline: Instant,
}

/// Time limits of a conversation.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// To connect.
    pub connect: Duration,
    /// For one step.
    pub step: Duration,
    /// The end of all of it.
    pub deadline: Instant,
}

impl Wire {
    /// Connects.
    ///
    /// # Errors
    /// [`Failure::Connect`].
    pub async fn connect(
        host: &Host,
        resolver: &dyn Resolver,
        limits: Limits,
        trace: TraceId,
    ) -> Result<Wire, Failure> {
        let until = limits.deadline.min(Instant::now() + limits.connect);
        let left = || until.saturating_duration_since(Instant::now());
        let failed = |why: String| Failure::Connect { host: host.to_string(), why };
        let connecting = async {
            match host {
                Host::Unix(path) => {
                    dial::unix(path, trace, ShutdownToken::never()).await.map_err(|error| failed(causes(&error)))
                }
                Host::Tcp { host: name, port } => {
                    let addresses = addresses(name, *port, resolver).await.map_err(&failed)?;
                    let mut last = "the name has no address".to_owned();
                    // Each has its share of the time that is left, so that one that is silent leaves some to the others.
                    for (place, address) in addresses.iter().copied().enumerate() {
                        let share = share(left(), addresses.len() - place);
                        match dial::tcp(address, None, share, trace, ShutdownToken::never()).await {
                            Ok(connection) => return Ok(connection),
                            Err(error) => last = causes(&error),
                        }
                    }
                    Err(failed(last))
                }
            }
        };
        let connection = match tokio::time::timeout_at(until, connecting).await {
            Ok(connected) => connected?,
            Err(_) => return Err(failed(format!("no answer within {} ms", limits.connect.as_millis()))),
        };
        Ok(Wire {
            connection,
            input: BytesMut::new(),
            host: host.to_string(),
            step: limits.step,
            deadline: limits.deadline,
        })
    }

    /// Sets the end of the next conversation.
    pub fn arm(&mut self, limits: Limits) {
        self.step = limits.step;
        self.deadline = limits.deadline;
    }

    /// The end of the next step. The end of all is looked at first: a filter that always has something to say, or takes
    /// everything at once, would never be waited for.
    fn until(&self, phase: &'static str) -> Result<Option<Instant>, Failure> {
        let now = Instant::now();
        if now >= self.deadline { Err(self.timed_out(phase)) } else { Ok(Some(self.deadline.min(now + self.step))) }
    }

    /// Sends all of `octets`; each piece has a step's time.
    ///
    /// # Errors
    /// [`Failure::Lost`], [`Failure::TimedOut`].
    pub async fn send(&mut self, octets: &[u8], phase: &'static str) -> Result<(), Failure> {
        for piece in octets.chunks(PIECE_OCTETS) {
            let until = self.until(phase)?;
            self.connection.send(piece, until).await.map_err(|error| match error.kind() {
                std::io::ErrorKind::TimedOut => self.timed_out(phase),
                _ => self.lost(phase),
            })?;
        }
        Ok(())
    }

    /// Receives something; `false` when the peer has closed its half.
    ///
    /// # Errors
    /// [`Failure::Lost`], [`Failure::TimedOut`].
    pub async fn more_or_end(&mut self, phase: &'static str) -> Result<bool, Failure> {
        let until = self.until(phase)?;
        match self.connection.receive(&mut self.input, until).await {
            Ok(Received::Octets(_)) => Ok(true),
            Ok(Received::Closed) => Ok(false),
            Ok(Received::TimedOut | Received::Draining) => Err(self.timed_out(phase)),
            Err(_) => Err(self.lost(phase)),
        }
    }

    /// Receives something.
    ///
    /// # Errors
    /// As [`Wire::more_or_end`], and [`Failure::Lost`] at the end.
    pub async fn more(&mut self, phase: &'static str) -> Result<(), Failure> {
        if self.more_or_end(phase).await? { Ok(()) } else { Err(self.lost(phase)) }
    }

    /// Receives a head of HTTP or ICAP.
    ///
    /// # Errors
    /// As [`Wire::more`], and [`Failure::Strange`].
    pub async fn head(&mut self, protocol: &str, phase: &'static str) -> Result<Head, Failure> {
        loop {
            match http::head(&self.input, protocol).map_err(|strange| self.strange(&strange))? {
                Some((head, used)) => {
                    self.input.advance(used);
                    return Ok(head);
                }
                None => self.more(phase).await?,
            }
        }
    }

    /// Receives a body.
    ///
    /// # Errors
    /// As [`Wire::more`], and [`Failure::Strange`].
    pub async fn body(&mut self, framing: Framing, octets_max: usize, phase: &'static str) -> Result<Vec<u8>, Failure> {
        let mut body = Body::new(framing, octets_max);
        loop {
            let used = body.feed(&self.input).map_err(|strange| self.strange(&strange))?;
            self.input.advance(used);
            if body.is_done() {
                return Ok(body.into_octets());
            }
            if !self.more_or_end(phase).await? {
                let is_whole = body.ends_with_connection();
                return if is_whole { Ok(body.into_octets()) } else { Err(self.lost(phase)) };
            }
        }
    }

    /// The host, as it is configured.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The peer's answer is not as it should be.
    pub fn strange(&self, strange: &Strange) -> Failure {
        Failure::Strange { host: self.host.clone(), why: strange.0.clone() }
    }

    /// The peer cannot judge this message.
    pub fn declined(&self, why: impl Into<String>) -> Failure {
        Failure::Declined { host: self.host.clone(), why: why.into() }
    }

    fn timed_out(&self, phase: &'static str) -> Failure {
        Failure::TimedOut { host: self.host.clone(), phase }
    }

    /// The connection ended too early.
    pub fn lost(&self, phase: &'static str) -> Failure {
        Failure::Lost { host: self.host.clone(), phase }
    }
}

/// The time that one of so many may have.
pub fn share(left: Duration, among: usize) -> Duration {
    left / u32::try_from(among.max(1)).unwrap_or(u32::MAX)
}

async fn addresses(name: &str, port: u16, resolver: &dyn Resolver) -> Result<Vec<SocketAddr>, String> {
    if let Ok(ip) = name.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    if name.eq_ignore_ascii_case("localhost") {
        return Ok(vec![SocketAddr::from(([127, 0, 0, 1], port)), SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], port))]);
    }
    let found = resolver.addresses(name).await.map_err(|error| error.to_string())?;
    Ok(found.into_iter().map(|address| address.socket(port)).collect())
}

/// An error with what caused it.
fn causes(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
