//! A connection: a stream, who is at the other end, what protects it, and how to wait for it.
//!
//! It keeps no buffer. The door lends one that grows only while octets arrive; between commands it should hand in an
//! empty `BytesMut` and call [`Connection::rest`], so that ten thousand idle sessions stay small.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use model::TraceId;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::time::Instant;
use tokio_rustls::TlsStream;

use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::limits;
use crate::resolver::record::Tlsa;
use crate::shutdown::ShutdownToken;
use crate::socket::Socket;
use crate::stream::Stream;
use crate::tls::{ClientTls, ServerTls, TlsInfo, Trust};

/// What waiting for a peer ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// So many octets were added to the lent buffer, at least one.
    Octets(usize),
    /// The peer closed its half.
    Closed,
    /// The deadline passed.
    TimedOut,
    /// The program is ending: say goodbye. Only from [`Connection::receive_unless_draining`].
    Draining,
}

/// A connection with a peer.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    peer: Endpoint,
    local: Endpoint,
    through: Option<SocketAddr>,
    tls: Option<Box<TlsInfo>>,
    server_tls: Option<ServerTls>,
    trace: TraceId,
    shutdown: ShutdownToken,
    handshake_timeout: Duration,
    /// Keeps the connection counted; released when it is dropped.
    admission: Option<Arc<dyn std::any::Any + Send + Sync>>,
}

impl Connection {
    /// A connection over `stream`, without TLS to offer.
    pub fn new(stream: Stream, peer: Endpoint, local: Endpoint, trace: TraceId, shutdown: ShutdownToken) -> Connection {
        Connection {
            stream,
            peer,
            local,
            through: None,
            tls: None,
            server_tls: None,
            trace,
            shutdown,
            handshake_timeout: limits::HANDSHAKE,
            admission: None,
        }
    }

    pub(crate) fn from_socket(
        socket: Socket,
        peer: Endpoint,
        local: Endpoint,
        trace: TraceId,
        shutdown: ShutdownToken,
    ) -> Connection {
        Connection::new(Stream::from_socket(socket), peer, local, trace, shutdown)
    }

    /// Two connections tied together in memory, for tests of doors: the door's and the client's.
    pub fn pair(octets: usize) -> (Connection, Connection) {
        let (left, right) = Stream::pair(octets);
        let connect = |stream, trace| {
            Connection::new(stream, Endpoint::Memory, Endpoint::Memory, TraceId(trace), ShutdownToken::never())
        };
        (connect(left, 1), connect(right, 2))
    }

    /// The same connection, able to start TLS as a server.
    #[must_use]
    pub fn with_server_tls(mut self, tls: ServerTls) -> Connection {
        self.server_tls = Some(tls);
        self
    }

    /// The same connection seen with another peer address (tests of doors).
    #[must_use]
    pub fn with_peer(mut self, peer: Endpoint) -> Connection {
        self.peer = peer;
        self
    }

    /// The same connection under another shutdown token (tests of doors).
    #[must_use]
    pub fn with_shutdown(mut self, shutdown: ShutdownToken) -> Connection {
        self.shutdown = shutdown;
        self
    }

    pub(crate) fn with_handshake_timeout(mut self, timeout: Duration) -> Connection {
        self.handshake_timeout = timeout;
        self
    }

    pub(crate) fn holding(mut self, admission: Arc<dyn std::any::Any + Send + Sync>) -> Connection {
        self.admission = Some(admission);
        self
    }

    pub(crate) fn set_proxied(&mut self, proxy: SocketAddr, peer: SocketAddr, local: SocketAddr) {
        self.through = Some(proxy);
        self.peer = Endpoint::Ip(peer);
        self.local = Endpoint::Ip(local);
    }

    /// The peer: behind a trusted proxy, the one for whom the proxy speaks.
    pub fn peer(&self) -> Endpoint {
        self.peer
    }

    /// Our end, as the peer sees it.
    pub fn local(&self) -> Endpoint {
        self.local
    }

    /// The trusted proxy in between, if there is one.
    pub fn through(&self) -> Option<SocketAddr> {
        self.through
    }

    /// What is known of the TLS in use; `None` in plain text.
    pub fn tls(&self) -> Option<&TlsInfo> {
        self.tls.as_deref()
    }

    /// Whether TLS could start here as a server: configured and not yet in use.
    pub fn can_start_tls(&self) -> bool {
        self.server_tls.is_some() && !self.stream.is_tls()
    }

    /// Whether nobody on a wire can listen: TLS, or a peer on this machine.
    pub fn is_private(&self) -> bool {
        self.stream.is_tls() || self.peer.is_local() && self.through.is_none_or(|proxy| proxy.ip().is_loopback())
    }

    /// The id by which the logs and the trace follow this connection.
    pub fn trace(&self) -> TraceId {
        self.trace
    }

    /// The token that says when to end.
    pub fn shutdown(&self) -> &ShutdownToken {
        &self.shutdown
    }

    /// The stream itself.
    pub fn stream(&mut self) -> &mut Stream {
        &mut self.stream
    }

    /// The stream alone, for a protocol library that drives it itself. The connection stays counted.
    pub fn into_stream(self) -> Stream {
        let mut stream = self.stream;
        if let Some(admission) = self.admission {
            stream.hold(admission);
        }
        stream
    }

    /// Adds what the peer sends to `into`, waiting until `deadline`. Safe to cancel: nothing is lost.
    ///
    /// # Errors
    /// Those of the socket or TLS; the connection is then of no more use.
    pub async fn receive(&mut self, into: &mut BytesMut, deadline: Option<Instant>) -> io::Result<Received> {
        let read = std::future::poll_fn(|cx| poll_receive(Pin::new(&mut self.stream), cx, into));
        let count = match deadline {
            None => read.await?,
            Some(deadline) => match tokio::time::timeout_at(deadline, read).await {
                Ok(count) => count?,
                Err(_) => return Ok(Received::TimedOut),
            },
        };
        Ok(if count == 0 { Received::Closed } else { Received::Octets(count) })
    }

    /// As [`Connection::receive`], but comes back with [`Received::Draining`] when the program begins to end. For the
    /// places between transactions. Octets that are already here go first.
    ///
    /// # Errors
    /// As [`Connection::receive`].
    pub async fn receive_unless_draining(
        &mut self,
        into: &mut BytesMut,
        deadline: Option<Instant>,
    ) -> io::Result<Received> {
        let token = self.shutdown.clone();
        tokio::select! {
            biased;
            received = self.receive(into, deadline) => received,
            () = token.draining() => Ok(Received::Draining),
        }
    }

    /// Writes all of `octets` and flushes, until `deadline`.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] when the peer does not take them in time, or those of the socket.
    pub async fn send(&mut self, octets: &[u8], deadline: Option<Instant>) -> io::Result<()> {
        let write = async {
            self.stream.write_all(octets).await?;
            self.stream.flush().await
        };
        within(deadline, write).await
    }

    /// Writes all `pieces` in order and flushes, until `deadline`; the list is empty afterwards.
    ///
    /// # Errors
    /// As [`Connection::send`].
    pub async fn send_pieces(&mut self, pieces: &mut Vec<Bytes>, deadline: Option<Instant>) -> io::Result<()> {
        let write = async {
            if let [only] = pieces.as_slice() {
                self.stream.write_all(only).await?;
            } else {
                write_pieces(&mut self.stream, pieces).await?;
            }
            self.stream.flush().await
        };
        let written = within(deadline, write).await;
        pieces.clear();
        written
    }

    /// Starts TLS as the server (RFC 3207, RFC 9051 §6.2.1, RFC 2595). The caller must have sent its consent, flushed, and thrown
    /// away whatever plain text came after the request.
    ///
    /// # Errors
    /// [`Error::Handshake`], [`Error::HandshakeTimeout`], or [`Error::TlsNotPossible`] when there is nothing to start.
    pub async fn start_tls(&mut self) -> Result<(), Error> {
        let tls = self.server_tls.clone().ok_or(Error::TlsNotPossible { why: "no certificate is configured" })?;
        let socket = self.stream.take_socket().ok_or(Error::TlsNotPossible { why: "TLS is already in use" })?;
        // Boxed: the handshake's state is large and must not stay in every idle session's future.
        let handshake = Box::pin(async move { tls.accept(socket).await });
        let (stream, info) = self.shake_hands(handshake).await?;
        self.stream.put_tls(TlsStream::Server(stream));
        self.tls = Some(Box::new(info));
        Ok(())
    }

    /// Starts TLS as the client, towards a server called `name`.
    ///
    /// # Errors
    /// As [`Connection::start_tls`]; under [`Trust::Required`] also when the certificate is not good for the name.
    pub async fn start_tls_as_client(&mut self, tls: &ClientTls, name: &str, trust: Trust) -> Result<(), Error> {
        let socket = self.stream.take_socket().ok_or(Error::TlsNotPossible { why: "TLS is already in use" })?;
        let (tls, name) = (tls.clone(), name.to_owned());
        let handshake = Box::pin(async move { tls.connect(socket, &name, trust).await });
        let (stream, info) = self.shake_hands(handshake).await?;
        self.stream.put_tls(TlsStream::Client(stream));
        self.tls = Some(Box::new(info));
        Ok(())
    }

    /// Starts TLS as the client, towards the server that these TLSA records describe (RFC 7672). The first of `names` is the
    /// server's; a certificate that the domain's own authority has made may be for any of them (§3.2.2).
    ///
    /// # Errors
    /// As [`Connection::start_tls`]; also when the certificate is not what the records describe.
    pub async fn start_tls_pinned(&mut self, tls: &ClientTls, names: &[&str], records: &[Tlsa]) -> Result<(), Error> {
        let socket = self.stream.take_socket().ok_or(Error::TlsNotPossible { why: "TLS is already in use" })?;
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let (tls, records) = (tls.clone(), records.to_vec());
        let handshake = Box::pin(async move { tls.connect_pinned(socket, &names, &records).await });
        let (stream, info) = self.shake_hands(handshake).await?;
        self.stream.put_tls(TlsStream::Client(stream));
        self.tls = Some(Box::new(info));
        Ok(())
    }

    async fn shake_hands<T>(&self, handshake: Pin<Box<impl Future<Output = io::Result<T>>>>) -> Result<T, Error> {
        match tokio::time::timeout(self.handshake_timeout, handshake).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(source)) => Err(Error::Handshake { peer: self.peer, source }),
            Err(_) => Err(Error::HandshakeTimeout { peer: self.peer, after: self.handshake_timeout }),
        }
    }

    /// Puts the DEFLATE layer of RFC 4978 on top. `read_ahead` are octets that came after the request.
    pub fn start_deflate(&mut self, read_ahead: &[u8]) {
        self.stream.start_deflate(read_ahead);
    }

    /// Lets go of memory that an idle connection does not need.
    pub fn rest(&mut self) {
        self.stream.rest();
    }

    /// Flushes and closes our half, as TLS and TCP want it, waiting at most until `deadline`. Errors are of no
    /// interest to anybody any more.
    pub async fn close(mut self, deadline: Option<Instant>) {
        let _of_no_interest = within(deadline, self.stream.shutdown()).await;
    }
}

async fn within<T>(deadline: Option<Instant>, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match deadline {
        None => work.await,
        Some(deadline) => {
            tokio::time::timeout_at(deadline, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        }
    }
}

/// Reads by way of the stack, so that waiting needs no room at all; the copy costs less than a standing buffer.
fn poll_receive(stream: Pin<&mut Stream>, cx: &mut Context<'_>, into: &mut BytesMut) -> Poll<io::Result<usize>> {
    let mut room = [const { MaybeUninit::uninit() }; limits::READ_OCTETS];
    let mut buf = ReadBuf::uninit(&mut room);
    ready!(stream.poll_read(cx, &mut buf))?;
    into.extend_from_slice(buf.filled());
    Poll::Ready(Ok(buf.filled().len()))
}

/// Writes all pieces, several with one system call where the carrier can.
async fn write_pieces(stream: &mut Stream, pieces: &[Bytes]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
    let mut rest = slices.as_mut_slice();
    IoSlice::advance_slices(&mut rest, 0);
    while !rest.is_empty() {
        let count = stream.write_vectored(rest).await?;
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        IoSlice::advance_slices(&mut rest, count);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
