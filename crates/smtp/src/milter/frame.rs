//! The length and the octet around everything that passes between a mail server and its filter: four octets of length, most
//! significant first, that count the octet which says what it is and what follows it.

use crate::milter::offence::Offence;

/// A whole frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it is.
    pub kind: u8,
    /// Its content.
    pub data: &'a [u8],
}

/// Takes the next whole frame off `input`; `None`, and nothing taken, when more octets are needed.
///
/// # Errors
/// [`Offence::FrameTooLong`] as soon as the length is known, [`Offence::EmptyFrame`].
pub fn take<'a>(input: &mut &'a [u8], octets_max: usize) -> Result<Option<Frame<'a>>, Offence> {
    let Some((length, rest)) = input.split_first_chunk::<4>() else { return Ok(None) };
    let octets = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    if octets > octets_max {
        return Err(Offence::FrameTooLong { octets, limit_octets: octets_max });
    }
    let Some((content, rest)) = rest.split_at_checked(octets) else { return Ok(None) };
    let (kind, data) = content.split_first().ok_or(Offence::EmptyFrame)?;
    *input = rest;
    Ok(Some(Frame { kind: *kind, data }))
}

/// Appends a frame whose content is `pieces` one after the other.
pub fn write(kind: u8, pieces: &[&[u8]], out: &mut Vec<u8>) {
    let octets = pieces.iter().fold(1, |sum, piece| sum + piece.len());
    // Every caller keeps its content below the limits of a frame, far below four gibibytes.
    out.extend_from_slice(&u32::try_from(octets).unwrap_or(u32::MAX).to_be_bytes());
    out.push(kind);
    for piece in pieces {
        out.extend_from_slice(piece);
    }
}

/// Reads the content of a frame from front to back.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Fields<'a> {
    /// The content of a frame called `what` in offences.
    pub fn new(data: &'a [u8], what: &'static str) -> Fields<'a> {
        Fields { rest: data, what }
    }

    fn broken(&self) -> Offence {
        Offence::BrokenFrame { what: self.what }
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// One octet.
    ///
    /// # Errors
    /// Nothing is left.
    pub fn octet(&mut self) -> Result<u8, Offence> {
        let (octet, rest) = self.rest.split_first().ok_or_else(|| self.broken())?;
        self.rest = rest;
        Ok(*octet)
    }

    /// A number of 16 bits.
    ///
    /// # Errors
    /// Too little is left.
    pub fn short(&mut self) -> Result<u16, Offence> {
        let (octets, rest) = self.rest.split_first_chunk().ok_or_else(|| self.broken())?;
        self.rest = rest;
        Ok(u16::from_be_bytes(*octets))
    }

    /// A number of 32 bits.
    ///
    /// # Errors
    /// Too little is left.
    pub fn number(&mut self) -> Result<u32, Offence> {
        let (octets, rest) = self.rest.split_first_chunk().ok_or_else(|| self.broken())?;
        self.rest = rest;
        Ok(u32::from_be_bytes(*octets))
    }

    /// Octets up to a NUL.
    ///
    /// # Errors
    /// No NUL is left.
    pub fn octets(&mut self) -> Result<&'a [u8], Offence> {
        let end = memchr::memchr(0, self.rest).ok_or_else(|| self.broken())?;
        let (octets, rest) = self.rest.split_at_checked(end).ok_or_else(|| self.broken())?;
        self.rest = rest.get(1..).unwrap_or_default();
        Ok(octets)
    }

    /// Text up to a NUL. What is not UTF-8 is replaced: names of hosts and addresses from the wire may be anything.
    ///
    /// # Errors
    /// No NUL is left.
    pub fn text(&mut self) -> Result<String, Offence> {
        Ok(String::from_utf8_lossy(self.octets()?).into_owned())
    }

    /// Texts up to the end.
    ///
    /// # Errors
    /// The last one has no NUL, or there are more than `limit`.
    pub fn texts(&mut self, limit: usize) -> Result<Vec<String>, Offence> {
        let mut texts = Vec::new();
        while !self.is_empty() {
            if texts.len() >= limit {
                return Err(Offence::TooMany { what: "texts in a frame", limit });
            }
            texts.push(self.text()?);
        }
        Ok(texts)
    }

    /// Holds that nothing is left.
    ///
    /// # Errors
    /// Something is.
    pub fn end(&self) -> Result<(), Offence> {
        if self.is_empty() { Ok(()) } else { Err(self.broken()) }
    }
}

/// What of `text` may stand in front of a NUL.
pub fn before_nul(text: &[u8]) -> &[u8] {
    text.split(|octet| *octet == 0).next().unwrap_or_default()
}
