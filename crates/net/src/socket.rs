//! The bare sockets below TLS, with whatever was read ahead of its time (behind a PROXY header) given back first.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// What carries the octets.
#[derive(Debug)]
pub(crate) enum Carrier {
    Tcp(TcpStream),
    Unix(UnixStream),
    Memory(DuplexStream),
}

/// A carrier and the octets already read from it.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) carrier: Carrier,
    /// Octets that arrived together with a PROXY header and belong to what follows.
    read_ahead: Bytes,
}

impl Socket {
    pub(crate) fn new(carrier: Carrier) -> Socket {
        Socket { carrier, read_ahead: Bytes::new() }
    }

    /// Gives octets back, to be read first.
    pub(crate) fn give_back(&mut self, octets: Bytes) {
        debug_assert!(self.read_ahead.is_empty(), "octets are given back once, before anything else is read");
        self.read_ahead = octets;
    }
}

macro_rules! on_carrier {
    ($self:expr, $io:ident => $body:expr) => {
        match &mut $self.get_mut().carrier {
            Carrier::Tcp(io) => {
                let $io = Pin::new(io);
                $body
            }
            Carrier::Unix(io) => {
                let $io = Pin::new(io);
                $body
            }
            Carrier::Memory(io) => {
                let $io = Pin::new(io);
                $body
            }
        }
    };
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.read_ahead.is_empty() {
            let count = self.read_ahead.len().min(buf.remaining());
            buf.put_slice(self.read_ahead.get(..count).unwrap_or_default());
            self.read_ahead.advance(count);
            return Poll::Ready(Ok(()));
        }
        on_carrier!(self, io => io.poll_read(cx, buf))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        on_carrier!(self, io => io.poll_write(cx, octets))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_carrier!(self, io => io.poll_write_vectored(cx, pieces))
    }

    fn is_write_vectored(&self) -> bool {
        !matches!(self.carrier, Carrier::Memory(_))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_carrier!(self, io => io.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_carrier!(self, io => io.poll_shutdown(cx))
    }
}
