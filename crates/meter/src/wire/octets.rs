//! Numbers and texts in frames. Numbers stand with their most significant octet first, texts behind their length.

use crate::wire::offence::Offence;

/// What of a frame has not been read yet.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// At the beginning of a frame.
    pub fn new(frame: &'a [u8]) -> Reader<'a> {
        Reader(frame)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Offence> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Offence::BadFrame { what: "it ends too early" })?;
        self.0 = rest;
        Ok(*taken)
    }

    /// So many octets as they are.
    pub fn octets<const N: usize>(&mut self) -> Result<[u8; N], Offence> {
        self.take()
    }

    pub fn u8(&mut self) -> Result<u8, Offence> {
        self.take::<1>().map(u8::from_be_bytes)
    }

    pub fn u16(&mut self) -> Result<u16, Offence> {
        self.take().map(u16::from_be_bytes)
    }

    pub fn u32(&mut self) -> Result<u32, Offence> {
        self.take().map(u32::from_be_bytes)
    }

    pub fn u64(&mut self) -> Result<u64, Offence> {
        self.take().map(u64::from_be_bytes)
    }

    pub fn i64(&mut self) -> Result<i64, Offence> {
        self.take().map(i64::from_be_bytes)
    }

    pub fn flag(&mut self) -> Result<bool, Offence> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Offence::BadFrame { what: "a flag is 0 or 1" }),
        }
    }

    /// A text behind a length of one octet.
    pub fn name(&mut self) -> Result<&'a str, Offence> {
        let length = usize::from(self.u8()?);
        self.text_of(length)
    }

    /// A text behind a length of two octets.
    pub fn text(&mut self) -> Result<&'a str, Offence> {
        let length = usize::from(self.u16()?);
        self.text_of(length)
    }

    fn text_of(&mut self, length: usize) -> Result<&'a str, Offence> {
        let too_early = Offence::BadFrame { what: "it ends too early" };
        let (taken, rest) = self.0.split_at_checked(length).ok_or(too_early)?;
        self.0 = rest;
        std::str::from_utf8(taken).map_err(|_| Offence::BadFrame { what: "a text is not UTF-8" })
    }

    /// That nothing is left.
    pub fn end(self) -> Result<(), Offence> {
        if self.0.is_empty() { Ok(()) } else { Err(Offence::BadFrame { what: "something stands behind its end" }) }
    }
}

/// Appends a text behind a length of one octet; what does not fit is cut.
pub fn put_name(out: &mut Vec<u8>, name: &str) {
    let name = cut(name, usize::from(u8::MAX));
    out.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(name.as_bytes());
}

/// Appends a text behind a length of two octets; what would not fit into a frame is cut.
pub fn put_text(out: &mut Vec<u8>, text: &str) {
    let text = cut(text, TEXT_OCTETS_MAX);
    out.extend_from_slice(&u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// Octets of one text: two of them, a name and the rest fit into a frame.
pub const TEXT_OCTETS_MAX: usize = 1536;

fn cut(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}
