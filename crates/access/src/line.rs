//! The line to a client over which IMAP, POP3 and ManageSieve are spoken: the connection with what came in and what waits to
//! go out.

use bytes::BytesMut;
use net::{Connection, Received};
use std::io;
use std::time::Duration;
use tokio::time::Instant;

/// What ends a session that the client did not end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// It can be neither read nor written.
    #[error("the connection failed")]
    Connection(#[source] io::Error),
    /// The handshake failed.
    #[error("TLS could not be started")]
    Tls(#[source] net::Error),
    /// The client went away.
    #[error("the peer closed the connection")]
    Closed,
    /// Nothing came in the time that there is for it.
    #[error("the client was silent for too long")]
    Silent,
    /// The program ends.
    #[error("the server is shutting down")]
    ShuttingDown,
}

/// What a session does when the program is about to end while it waits for its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenDraining {
    /// It ends, too.
    Ends,
    /// It waits on: the client has something to finish.
    Stays,
}

/// A client's line.
pub(crate) struct Line {
    /// The connection.
    pub connection: Connection,
    /// What came in and is not read yet.
    pub input: BytesMut,
    /// What waits to go out.
    pub output: Vec<u8>,
    send_timeout: Duration,
}

impl Line {
    /// Nothing has been said yet. A client has `send_timeout` to take what it is sent.
    pub fn new(connection: Connection, send_timeout: Duration) -> Line {
        Line { connection, input: BytesMut::new(), output: Vec::new(), send_timeout }
    }

    fn send_deadline(&self) -> Option<Instant> {
        Some(Instant::now() + self.send_timeout)
    }

    /// Sends what waits to go out. Keeps no buffer, for the session may be idle next.
    pub async fn flush(&mut self) -> Result<(), Broken> {
        if self.output.is_empty() {
            return Ok(());
        }
        let output = std::mem::take(&mut self.output);
        self.send(&output).await
    }

    /// Sends these octets; what waits to go out must have gone.
    pub async fn send(&mut self, octets: &[u8]) -> Result<(), Broken> {
        let deadline = self.send_deadline();
        self.connection.send(octets, deadline).await.map_err(Broken::Connection)
    }

    /// Keeps no more than an idle client needs.
    pub fn rest(&mut self) {
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
        self.connection.rest();
    }

    /// Waits for a command.
    pub async fn listen(&mut self, timeout: Duration, when_draining: WhenDraining) -> Result<(), Broken> {
        if self.input.is_empty() {
            self.rest();
        }
        self.receive(timeout, when_draining).await
    }

    /// Waits until something comes in. Safe to cancel: nothing is lost.
    pub async fn receive(&mut self, timeout: Duration, when_draining: WhenDraining) -> Result<(), Broken> {
        let deadline = Some(Instant::now() + timeout);
        let received = match when_draining {
            WhenDraining::Ends => self.connection.receive_unless_draining(&mut self.input, deadline).await,
            WhenDraining::Stays => self.connection.receive(&mut self.input, deadline).await,
        };
        match received.map_err(Broken::Connection)? {
            Received::Octets(_) => Ok(()),
            Received::Closed => Err(Broken::Closed),
            Received::TimedOut => Err(Broken::Silent),
            Received::Draining => Err(Broken::ShuttingDown),
        }
    }

    /// Shakes hands. Whatever came in plain text before may come from somebody else, and is forgotten (RFC 2595 §4,
    /// RFC 5804 §2.2).
    pub async fn start_tls(&mut self) -> Result<(), Broken> {
        self.flush().await?;
        self.input.clear();
        self.connection.start_tls().await.map_err(Broken::Tls)
    }

    /// Closes the connection.
    pub async fn close(self) {
        let deadline = self.send_deadline();
        self.connection.close(deadline).await;
    }
}
