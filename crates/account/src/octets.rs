//! Records as bytes: little-endian numbers of stated width, texts behind their length, a version in front.

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
#[derive(Debug)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// A record of this version.
    pub fn new(version: u8) -> Writer {
        Writer(vec![version])
    }

    /// Appends one octet.
    pub fn u8(&mut self, value: u8) -> &mut Writer {
        self.0.push(value);
        self
    }

    /// Appends 32 bits.
    pub fn u32(&mut self, value: u32) -> &mut Writer {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// Appends 64 bits.
    pub fn u64(&mut self, value: u64) -> &mut Writer {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// Appends 128 bits.
    pub fn u128(&mut self, value: u128) -> &mut Writer {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// Appends a number in groups of seven bits, the lowest first; the highest bit of an octet says that more follow.
    pub fn groups(&mut self, mut value: u128) -> &mut Writer {
        loop {
            // Only seven bits are left of it.
            let [low, ..] = (value & 0x7f).to_le_bytes();
            value >>= 7;
            if value == 0 {
                self.0.push(low);
                return self;
            }
            self.0.push(low | 0x80);
        }
    }

    /// Appends octets as they are; their number must be known to the reader.
    pub fn raw(&mut self, value: &[u8]) -> &mut Writer {
        self.0.extend_from_slice(value);
        self
    }

    /// Appends a text behind its length.
    pub fn text(&mut self, value: &str) -> &mut Writer {
        self.u32(u32::try_from(value.len()).unwrap_or(u32::MAX)).raw(value.as_bytes())
    }

    /// The bytes.
    pub fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

/// Takes a record apart.
#[derive(Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Begins with the version, which must be `known`.
    pub fn new(bytes: &'a [u8], known: u8) -> Result<Reader<'a>, RecordError> {
        let mut reader = Reader(bytes);
        match reader.u8()? {
            version if version == known => Ok(reader),
            version => Err(RecordError::Version(version)),
        }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(RecordError::Length)?;
        self.0 = rest;
        Ok(*head)
    }

    /// One octet.
    pub fn u8(&mut self) -> Result<u8, RecordError> {
        self.take::<1>().map(|[octet]| octet)
    }

    /// 32 bits.
    pub fn u32(&mut self) -> Result<u32, RecordError> {
        self.take().map(u32::from_le_bytes)
    }

    /// 64 bits.
    pub fn u64(&mut self) -> Result<u64, RecordError> {
        self.take().map(u64::from_le_bytes)
    }

    /// 128 bits.
    pub fn u128(&mut self) -> Result<u128, RecordError> {
        self.take().map(u128::from_le_bytes)
    }

    /// A number in groups of seven bits, written in the shortest way.
    pub fn groups(&mut self) -> Result<u128, RecordError> {
        let mut value = 0u128;
        for shift in (0..128).step_by(7) {
            let octet = self.u8()?;
            let bits = u128::from(octet & 0x7f);
            if (bits << shift) >> shift != bits || (octet == 0 && shift > 0) {
                return Err(RecordError::Value);
            }
            value |= bits << shift;
            if octet & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(RecordError::Value)
    }

    /// Exactly 32 octets, as a hash has.
    pub fn hash(&mut self) -> Result<[u8; 32], RecordError> {
        self.take()
    }

    /// A text behind its length.
    pub fn text(&mut self) -> Result<String, RecordError> {
        let length = usize::try_from(self.u32()?).map_err(|_| RecordError::Length)?;
        let (text, rest) = self.0.split_at_checked(length).ok_or(RecordError::Length)?;
        self.0 = rest;
        std::str::from_utf8(text).map(str::to_owned).map_err(|_| RecordError::Text)
    }

    /// Whether everything was read.
    pub fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    /// Nothing may follow.
    pub fn end(self) -> Result<(), RecordError> {
        if self.0.is_empty() { Ok(()) } else { Err(RecordError::Length) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn reading_undoes_writing(a: u8, b: u32, c: u64, d: u128, text in ".*", hash: [u8; 32]) {
            let bytes = Writer::new(3).u8(a).u32(b).u64(c).u128(d).groups(d).text(&text).raw(&hash).finish();
            let mut reader = Reader::new(&bytes, 3).unwrap();
            prop_assert_eq!((reader.u8(), reader.u32(), reader.u64(), reader.u128()), (Ok(a), Ok(b), Ok(c), Ok(d)));
            prop_assert_eq!(reader.groups(), Ok(d));
            prop_assert_eq!((reader.text(), reader.hash()), (Ok(text), Ok(hash)));
            prop_assert_eq!(reader.end(), Ok(()));
        }

        #[test]
        fn damage_is_told(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            crate::fuzz::fuzz_account_row(&bytes);
            crate::fuzz::fuzz_rights(&bytes);
        }
    }

    #[test]
    fn a_length_beyond_the_end_is_no_text() {
        let mut reader = Reader::new(&[1, 255, 255, 255, 255, b'a'], 1).unwrap();
        assert_eq!(reader.text(), Err(RecordError::Length));
        assert_eq!(Reader::new(&[2], 1).unwrap_err(), RecordError::Version(2));
    }
}
