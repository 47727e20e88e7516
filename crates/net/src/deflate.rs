//! The DEFLATE layer of IMAP's COMPRESS (RFC 4978): raw deflate both ways, flushed wherever the writer flushes.
//!
//! A compressor costs a quarter of a MiB, so an idle stream has none: after a flush the output stands on an octet
//! boundary, and a fresh compressor that never looks back may go on from there. The decompressor must stay, because
//! the peer may refer back 32 KiB at any time.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::limits;

/// Compressed octets taken from below at once.
const TAKE_OCTETS: usize = 4096;

/// The state of both directions.
#[derive(Debug)]
pub struct Deflate {
    compressor: Option<Compress>,
    decompressor: Decompress,
    /// Compressed octets that came and are not decompressed yet; at most what one read brought.
    arrived: Vec<u8>,
    arrived_used: usize,
    /// Compressed octets that must still be written below.
    pending: Vec<u8>,
    pending_written: usize,
    /// Whether octets were compressed since the last flush.
    unflushed: bool,
    /// Whether the last decompression filled the lent buffer, so that more may be held inside.
    more_inside: bool,
}

impl Deflate {
    /// A fresh layer; `read_ahead` is the beginning of the peer's compressed octets.
    pub fn new(read_ahead: &[u8]) -> Deflate {
        Deflate {
            compressor: None,
            decompressor: Decompress::new(false),
            arrived: read_ahead.to_vec(),
            arrived_used: 0,
            pending: Vec::new(),
            pending_written: 0,
            unflushed: false,
            more_inside: false,
        }
    }

    /// Lets the compressor and the empty buffers go, if nothing is under way.
    pub fn rest(&mut self) {
        if !self.unflushed && self.pending.is_empty() {
            self.compressor = None;
            self.pending = Vec::new();
        }
        if self.arrived_used == self.arrived.len() {
            self.arrived = Vec::new();
            self.arrived_used = 0;
        }
    }

    /// Reads decompressed octets.
    pub(crate) fn poll_read<L: AsyncRead + Unpin>(
        &mut self,
        below: &mut L,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if (self.arrived_used < self.arrived.len() || self.more_inside) && self.decompress(buf)? > 0 {
                return Poll::Ready(Ok(()));
            }
            if buf.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            if ready!(self.take(below, cx))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn take<L: AsyncRead + Unpin>(&mut self, below: &mut L, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut room = [0; TAKE_OCTETS];
        let mut buf = ReadBuf::new(&mut room);
        ready!(Pin::new(below).poll_read(cx, &mut buf))?;
        self.arrived.clear();
        self.arrived.extend_from_slice(buf.filled());
        self.arrived_used = 0;
        Poll::Ready(Ok(buf.filled().len()))
    }

    fn decompress(&mut self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        let input = self.arrived.get(self.arrived_used..).unwrap_or_default();
        let (in_before, out_before) = (self.decompressor.total_in(), self.decompressor.total_out());
        let room = buf.initialize_unfilled();
        let room_octets = room.len();
        let status = self
            .decompressor
            .decompress(input, room, FlushDecompress::Sync)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        if status == Status::StreamEnd {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the peer ended its deflate stream"));
        }
        self.arrived_used += usize::try_from(self.decompressor.total_in() - in_before).unwrap_or(input.len());
        let count = usize::try_from(self.decompressor.total_out() - out_before).unwrap_or(0);
        buf.advance(count);
        self.more_inside = count == room_octets;
        if self.arrived_used >= self.arrived.len() {
            self.arrived.clear();
            self.arrived_used = 0;
        }
        Ok(count)
    }

    /// Compresses octets; they leave with the next flush at the latest.
    pub(crate) fn poll_write<L: AsyncWrite + Unpin>(
        &mut self,
        below: &mut L,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.pending.len() >= limits::DEFLATE_PENDING_OCTETS {
            ready!(self.poll_drain(below, cx))?;
        }
        let piece = octets.get(..limits::DEFLATE_PENDING_OCTETS).unwrap_or(octets);
        self.compress(piece, FlushCompress::None)?;
        self.unflushed |= !piece.is_empty();
        Poll::Ready(Ok(piece.len()))
    }

    /// Makes everything written so far reach the peer.
    pub(crate) fn poll_flush<L: AsyncWrite + Unpin>(
        &mut self,
        below: &mut L,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unflushed {
            self.compress(&[], FlushCompress::Sync)?;
            self.unflushed = false;
        }
        ready!(self.poll_drain(below, cx))?;
        Pin::new(below).poll_flush(cx)
    }

    fn compress(&mut self, mut input: &[u8], flush: FlushCompress) -> io::Result<()> {
        let compressor = self.compressor.get_or_insert_with(|| Compress::new(Compression::fast(), false));
        loop {
            self.pending.reserve(input.len() / 2 + 1024);
            let before = compressor.total_in();
            compressor.compress_vec(input, &mut self.pending, flush).map_err(io::Error::other)?;
            let taken = usize::try_from(compressor.total_in() - before).unwrap_or(input.len());
            input = input.get(taken..).unwrap_or_default();
            // Room left over means that the compressor had no more to say.
            if input.is_empty() && self.pending.len() < self.pending.capacity() {
                return Ok(());
            }
        }
    }

    fn poll_drain<L: AsyncWrite + Unpin>(&mut self, below: &mut L, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.pending.get(self.pending_written..).filter(|rest| !rest.is_empty()) {
            let count = ready!(Pin::new(&mut *below).poll_write(cx, rest))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.pending_written += count;
        }
        self.pending.clear();
        self.pending_written = 0;
        Poll::Ready(Ok(()))
    }
}
