//! The one stream type: TCP, Unix or in-memory; plain or TLS, as server or client; with or without DEFLATE.
//!
//! Concrete, so that no handler is generic over streams. It keeps no read buffer of its own: octets wait in the kernel
//! (and, under TLS, in at most 4 KiB of rustls') until somebody lends a buffer for them.

use std::any::Any;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsStream;

use crate::deflate::Deflate;
use crate::socket::{Carrier, Socket};

/// A connected stream.
#[derive(Debug)]
pub struct Stream {
    layer: Layer,
    deflate: Option<Box<Deflate>>,
    /// Whatever must live as long as the stream: the connection's place in the count.
    held: Option<Arc<dyn Any + Send + Sync>>,
}

/// What lies directly under the DEFLATE layer.
#[derive(Debug)]
pub(crate) enum Layer {
    Plain(Socket),
    Tls(Box<TlsStream<Socket>>),
    /// While TLS starts, and for ever after that failed.
    Gone,
}

impl Stream {
    /// A stream over TCP. Small writes are sent at once: every protocol here is a dialogue.
    pub fn tcp(socket: TcpStream) -> Stream {
        // A socket that cannot be told stays slower, nothing else.
        let _slower = socket.set_nodelay(true);
        Stream::over(Carrier::Tcp(socket))
    }

    /// A stream over a Unix socket.
    pub fn unix(socket: UnixStream) -> Stream {
        Stream::over(Carrier::Unix(socket))
    }

    /// A stream over one half of an in-memory pair.
    pub fn memory(half: DuplexStream) -> Stream {
        Stream::over(Carrier::Memory(half))
    }

    /// Two streams tied together in memory, each side holding back at most `octets` unread octets.
    pub fn pair(octets: usize) -> (Stream, Stream) {
        let (left, right) = tokio::io::duplex(octets);
        (Stream::memory(left), Stream::memory(right))
    }

    fn over(carrier: Carrier) -> Stream {
        Stream::from_socket(Socket::new(carrier))
    }

    /// Whether the stream is encrypted.
    pub fn is_tls(&self) -> bool {
        matches!(self.layer, Layer::Tls(_))
    }

    /// Whether the stream is compressed by a DEFLATE layer of ours.
    pub fn is_compressed(&self) -> bool {
        self.deflate.is_some()
    }

    /// Puts a DEFLATE layer (RFC 4978) on top: all octets from here on are compressed, both ways. `read_ahead` are
    /// octets that the peer had already sent after its request, which are compressed as well.
    pub fn start_deflate(&mut self, read_ahead: &[u8]) {
        debug_assert!(self.deflate.is_none(), "RFC 4978 §3 allows one compression layer");
        self.deflate = Some(Box::new(Deflate::new(read_ahead)));
    }

    /// Lets go of memory that an idle stream does not need. Call it before a long wait, after a flush.
    pub fn rest(&mut self) {
        if let Some(deflate) = &mut self.deflate {
            deflate.rest();
        }
    }

    pub(crate) fn hold(&mut self, held: Arc<dyn Any + Send + Sync>) {
        self.held = Some(held);
    }

    pub(crate) fn take_socket(&mut self) -> Option<Socket> {
        match std::mem::replace(&mut self.layer, Layer::Gone) {
            Layer::Plain(socket) => Some(socket),
            other => {
                self.layer = other;
                None
            }
        }
    }

    pub(crate) fn put_tls(&mut self, tls: TlsStream<Socket>) {
        self.layer = Layer::Tls(Box::new(tls));
    }

    pub(crate) fn from_socket(socket: Socket) -> Stream {
        Stream { layer: Layer::Plain(socket), deflate: None, held: None }
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "TLS did not start on this stream")
}

impl AsyncRead for Layer {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Layer::Plain(io) => Pin::new(io).poll_read(cx, buf),
            Layer::Tls(io) => end_of_stream_is_end(Pin::new(io.as_mut()).poll_read(cx, buf)),
            Layer::Gone => Poll::Ready(Err(gone())),
        }
    }
}

/// A peer that closes without TLS's close_notify looks to us like one that closed: every protocol here frames its
/// own messages, so a cut end is noticed there.
fn end_of_stream_is_end(polled: Poll<io::Result<()>>) -> Poll<io::Result<()>> {
    match polled {
        Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
        other => other,
    }
}

impl AsyncWrite for Layer {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Layer::Plain(io) => Pin::new(io).poll_write(cx, octets),
            Layer::Tls(io) => Pin::new(io.as_mut()).poll_write(cx, octets),
            Layer::Gone => Poll::Ready(Err(gone())),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Layer::Plain(io) => Pin::new(io).poll_write_vectored(cx, pieces),
            Layer::Tls(io) => Pin::new(io.as_mut()).poll_write_vectored(cx, pieces),
            Layer::Gone => Poll::Ready(Err(gone())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Layer::Plain(io) => io.is_write_vectored(),
            Layer::Tls(io) => io.is_write_vectored(),
            Layer::Gone => false,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Layer::Plain(io) => Pin::new(io).poll_flush(cx),
            Layer::Tls(io) => Pin::new(io.as_mut()).poll_flush(cx),
            Layer::Gone => Poll::Ready(Err(gone())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Layer::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Layer::Tls(io) => Pin::new(io.as_mut()).poll_shutdown(cx),
            Layer::Gone => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match &mut this.deflate {
            None => Pin::new(&mut this.layer).poll_read(cx, buf),
            Some(deflate) => deflate.poll_read(&mut this.layer, cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match &mut this.deflate {
            None => Pin::new(&mut this.layer).poll_write(cx, octets),
            Some(deflate) => deflate.poll_write(&mut this.layer, cx, octets),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match &mut this.deflate {
            None => Pin::new(&mut this.layer).poll_write_vectored(cx, pieces),
            Some(deflate) => {
                let first = pieces.iter().find(|piece| !piece.is_empty()).map_or(&[][..], |piece| piece);
                deflate.poll_write(&mut this.layer, cx, first)
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.deflate.is_none() && self.layer.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match &mut this.deflate {
            None => Pin::new(&mut this.layer).poll_flush(cx),
            Some(deflate) => deflate.poll_flush(&mut this.layer, cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(deflate) = &mut this.deflate {
            std::task::ready!(deflate.poll_flush(&mut this.layer, cx))?;
        }
        Pin::new(&mut this.layer).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
