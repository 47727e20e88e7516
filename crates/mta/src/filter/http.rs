//! Heads, lengths and chunks as HTTP/1.1 (RFC 9112) and ICAP (RFC 3507 §4.3) have them, as far as asking filters needs. Pure:
//! octets go in, what was read comes out.

use crate::filter::failure::Strange;
use crate::filter::limits::{CHUNK_LINE_OCTETS_MAX, HEAD_OCTETS_MAX};

/// The head of a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// The words after it.
    pub reason: String,
    /// The fields in their order, names in lower case.
    pub fields: Vec<(String, String)>,
}

impl Head {
    /// The first field of that name, given in lower case.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the connection ends with this response.
    pub fn closes(&self) -> bool {
        let says = |word: &str| self.field("connection").is_some_and(|value| value.eq_ignore_ascii_case(word));
        says("close") || self.has_no_length() && !says("keep-alive")
    }

    fn has_no_length(&self) -> bool {
        self.field("content-length").is_none() && self.field("transfer-encoding").is_none()
    }

    /// How its body is framed (RFC 9112 §6.3).
    ///
    /// # Errors
    /// A length that is no number.
    pub fn framing(&self) -> Result<Framing, Strange> {
        if self.status == 204 || self.status == 304 || self.status / 100 == 1 {
            return Ok(Framing::Length(0));
        }
        if let Some(coding) = self.field("transfer-encoding") {
            return match coding.eq_ignore_ascii_case("chunked") {
                true => Ok(Framing::Chunked),
                false => Err(Strange(format!("the transfer encoding {coding}"))),
            };
        }
        match self.field("content-length") {
            Some(length) => {
                length.trim().parse().map(Framing::Length).map_err(|_| Strange::new("a length that is no number"))
            }
            None => Ok(Framing::UntilClosed),
        }
    }
}

/// How a body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// It has so many octets.
    Length(usize),
    /// It comes in chunks.
    Chunked,
    /// It ends with the connection.
    UntilClosed,
}

/// Reads a head off the beginning of `input`; the number is what it took. `None` when more is needed.
///
/// # Errors
/// It is no head of this protocol (`HTTP/` or `ICAP/`), or too long.
pub fn head(input: &[u8], protocol: &str) -> Result<Option<(Head, usize)>, Strange> {
    let Some(end) = end_of_head(input) else {
        return match input.len() > HEAD_OCTETS_MAX {
            true => Err(Strange::new("a head that never ends")),
            false => Ok(None),
        };
    };
    if end > HEAD_OCTETS_MAX {
        return Err(Strange::new("a head that is too long"));
    }
    let text = String::from_utf8_lossy(input.get(..end).unwrap_or_default());
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let mut words = first.splitn(3, ' ');
    let version = words.next().unwrap_or_default();
    let status = words.next().and_then(|word| word.parse().ok()).filter(|status| (100..1_000).contains(status));
    let (true, Some(status)) = (version.starts_with(protocol), status) else {
        return Err(Strange(format!("no status line of {}", protocol.trim_end_matches('/'))));
    };
    let reason = words.next().unwrap_or_default().trim().to_owned();
    let fields = lines.filter_map(|line| line.split_once(':'));
    let fields = fields.map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned())).collect();
    Ok(Some((Head { status, reason, fields }, end)))
}

/// Where the empty line that ends a head ends.
fn end_of_head(input: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = input.get(from..)?.iter().position(|octet| *octet == b'\n') {
        from += at + 1;
        match input.get(from..) {
            Some([b'\n', ..]) => return Some(from + 1),
            Some([b'\r', b'\n', ..]) => return Some(from + 2),
            _ => {}
        }
    }
    None
}

/// A body being read.
#[derive(Clone, Debug)]
pub struct Body {
    octets: Vec<u8>,
    octets_max: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// So many octets of the body or of a chunk are to come.
    Octets {
        left: usize,
        chunked: bool,
    },
    UntilClosed,
    /// A chunk's size line.
    Size,
    /// The line end behind a chunk.
    ChunkEnd,
    /// The trailer behind the last chunk.
    Trailer,
    Done,
}

impl Body {
    /// A body that is framed so and may have `octets_max` octets.
    pub fn new(framing: Framing, octets_max: usize) -> Body {
        let state = match framing {
            Framing::Length(0) => State::Done,
            Framing::Length(left) => State::Octets { left, chunked: false },
            Framing::Chunked => State::Size,
            Framing::UntilClosed => State::UntilClosed,
        };
        Body { octets: Vec::new(), octets_max, state }
    }

    /// Takes what it can of `input` and says how much that was.
    ///
    /// # Errors
    /// It is longer than allowed, or its chunks are broken.
    pub fn feed(&mut self, input: &[u8]) -> Result<usize, Strange> {
        let mut rest = input;
        loop {
            match self.state {
                State::Done => break,
                State::UntilClosed => {
                    self.add(rest)?;
                    rest = &[];
                    break;
                }
                State::Octets { left, chunked } => {
                    let (piece, after) = rest.split_at_checked(left).unwrap_or((rest, &[]));
                    self.add(piece)?;
                    rest = after;
                    self.state = match (left - piece.len(), chunked) {
                        (0, true) => State::ChunkEnd,
                        (0, false) => State::Done,
                        (left, chunked) => State::Octets { left, chunked },
                    };
                    if rest.is_empty() {
                        break;
                    }
                }
                State::Size | State::ChunkEnd | State::Trailer => {
                    let Some(line) = take_line(&mut rest)? else { break };
                    self.state = self.after_line(line)?;
                }
            }
        }
        Ok(input.len() - rest.len())
    }

    fn after_line(&self, line: &[u8]) -> Result<State, Strange> {
        match self.state {
            State::ChunkEnd if line.is_empty() => Ok(State::Size),
            State::ChunkEnd => Err(Strange::new("a chunk without its end")),
            State::Trailer if line.is_empty() => Ok(State::Done),
            State::Trailer => Ok(State::Trailer),
            _ => {
                let digits = line.split(|octet| *octet == b';').next().unwrap_or_default().trim_ascii();
                let size = std::str::from_utf8(digits).ok().and_then(|digits| usize::from_str_radix(digits, 16).ok());
                match size {
                    Some(0) => Ok(State::Trailer),
                    Some(left) => Ok(State::Octets { left, chunked: true }),
                    None => Err(Strange::new("a chunk without a size")),
                }
            }
        }
    }

    fn add(&mut self, piece: &[u8]) -> Result<(), Strange> {
        if self.octets.len() + piece.len() > self.octets_max {
            return Err(Strange(format!("more than {} octets", self.octets_max)));
        }
        self.octets.extend_from_slice(piece);
        Ok(())
    }

    /// Whether it is whole.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether only the end of the connection ends it.
    pub fn ends_with_connection(&self) -> bool {
        self.state == State::UntilClosed
    }

    /// Its octets.
    pub fn into_octets(self) -> Vec<u8> {
        self.octets
    }
}

/// A line without its end; `None` when it is not whole yet.
fn take_line<'a>(rest: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Strange> {
    let Some(end) = rest.iter().take(CHUNK_LINE_OCTETS_MAX).position(|octet| *octet == b'\n') else {
        return match rest.len() >= CHUNK_LINE_OCTETS_MAX {
            true => Err(Strange::new("a line that never ends")),
            false => Ok(None),
        };
    };
    let (line, after) = rest.split_at_checked(end + 1).unwrap_or((rest, &[]));
    *rest = after;
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    Ok(Some(line.strip_suffix(b"\r").unwrap_or(line)))
}

/// A value that can stand in a field of a request: no control characters.
pub fn value(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(framing: Framing, input: &[u8], piece: usize) -> Result<(Vec<u8>, bool), Strange> {
        let mut body = Body::new(framing, 1_000);
        let mut held: Vec<u8> = Vec::new();
        for piece in input.chunks(piece) {
            held.extend_from_slice(piece);
            let used = body.feed(&held)?;
            held.drain(..used);
        }
        let done = body.is_done();
        Ok((body.into_octets(), done))
    }

    #[test]
    fn heads_are_read_whole() {
        assert_eq!(head(b"HTTP/1.1 200 OK\r\nA: b\r\n", "HTTP/"), Ok(None));
        let (head_read, used) = head(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "HTTP/").unwrap().unwrap();
        assert_eq!((head_read.status, head_read.reason.as_str(), used), (200, "OK", 38));
        assert_eq!(head_read.framing(), Ok(Framing::Length(3)));
        assert!(head(b"SSH-2.0-x\r\n\r\n", "HTTP/").is_err() && head(b"HTTP/1.1 20 x\r\n\r\n", "HTTP/").is_err());
        assert!(head(&vec![b'x'; HEAD_OCTETS_MAX + 1], "HTTP/").is_err());
    }

    #[test]
    fn chunks_are_put_together() {
        let wire = b"4;x=y\r\nWiki\r\n5\r\npedia\r\n0\r\nTrailer: x\r\n\r\n";
        for piece in [1, 2, 7, 100] {
            assert_eq!(read(Framing::Chunked, wire, piece), Ok((b"Wikipedia".to_vec(), true)), "{piece}");
        }
        assert!(read(Framing::Chunked, b"zz\r\n", 9).is_err());
        assert!(read(Framing::Chunked, b"3\r\nabcd\r\n", 9).is_err());
        assert!(read(Framing::Length(2_000), &[0; 2_000], 64).is_err(), "the body is bounded");
    }

    proptest! {
        #[test]
        fn noise_never_panics(data in proptest::collection::vec(any::<u8>(), 0..200), piece in 1usize..20) {
            let _ = head(&data, "HTTP/");
            for framing in [Framing::Length(50), Framing::Chunked, Framing::UntilClosed] {
                let _ = read(framing, &data, piece);
            }
        }
    }
}
