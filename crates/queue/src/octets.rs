//! Records as bytes: a version in front, little-endian numbers of stated width, texts behind their length.

/// Why stored bytes are not the record they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The bytes end too early, or go on behind the end.
    #[error("the record has the wrong length")]
    Length,
    /// A text is not UTF-8.
    #[error("a text of the record is not UTF-8")]
    Text,
    /// A version that this program does not know.
    #[error("the record has version {0}, which this program does not know")]
    Version(u8),
    /// A value that cannot be.
    #[error("the record holds an impossible value")]
    Value,
}

/// Puts a record together.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub fn new(version: u8) -> Writer {
        Writer(vec![version])
    }

    pub fn raw(&mut self, octets: &[u8]) -> &mut Writer {
        self.0.extend_from_slice(octets);
        self
    }

    pub fn u8(&mut self, value: u8) -> &mut Writer {
        self.raw(&[value])
    }

    pub fn u16(&mut self, value: u16) -> &mut Writer {
        self.raw(&value.to_le_bytes())
    }

    pub fn u32(&mut self, value: u32) -> &mut Writer {
        self.raw(&value.to_le_bytes())
    }

    pub fn u64(&mut self, value: u64) -> &mut Writer {
        self.raw(&value.to_le_bytes())
    }

    pub fn text(&mut self, value: &str) -> &mut Writer {
        self.u32(u32::try_from(value.len()).unwrap_or(u32::MAX)).raw(value.as_bytes())
    }

    /// 0, or 1 and what `write` writes.
    pub fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Writer, T)) -> &mut Writer {
        self.u8(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
        self
    }

    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Takes a record apart.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(octets: &'a [u8], known: u8) -> Result<Reader<'a>, RecordError> {
        match Reader::up_to(octets, known)? {
            (reader, version) if version == known => Ok(reader),
            (_, version) => Err(RecordError::Version(version)),
        }
    }

    /// A record of this or an older version, and which.
    pub fn up_to(octets: &'a [u8], newest: u8) -> Result<(Reader<'a>, u8), RecordError> {
        let mut reader = Reader(octets);
        match reader.u8()? {
            version if (1..=newest).contains(&version) => Ok((reader, version)),
            version => Err(RecordError::Version(version)),
        }
    }

    pub fn take<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(RecordError::Length)?;
        self.0 = rest;
        Ok(*head)
    }

    pub fn u8(&mut self) -> Result<u8, RecordError> {
        self.take::<1>().map(|[octet]| octet)
    }

    pub fn bool(&mut self) -> Result<bool, RecordError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(RecordError::Value),
        }
    }

    pub fn u16(&mut self) -> Result<u16, RecordError> {
        self.take().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Result<u32, RecordError> {
        self.take().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Result<u64, RecordError> {
        self.take().map(u64::from_le_bytes)
    }

    pub fn text(&mut self) -> Result<String, RecordError> {
        let length = usize::try_from(self.u32()?).map_err(|_| RecordError::Length)?;
        let (text, rest) = self.0.split_at_checked(length).ok_or(RecordError::Length)?;
        self.0 = rest;
        std::str::from_utf8(text).map(str::to_owned).map_err(|_| RecordError::Text)
    }

    /// A text that must parse.
    pub fn parsed<T: std::str::FromStr>(&mut self) -> Result<T, RecordError> {
        self.text()?.parse().map_err(|_| RecordError::Value)
    }

    pub fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, RecordError>,
    ) -> Result<Option<T>, RecordError> {
        if self.bool()? { read(self).map(Some) } else { Ok(None) }
    }

    pub fn end(self) -> Result<(), RecordError> {
        if self.0.is_empty() { Ok(()) } else { Err(RecordError::Length) }
    }
}
