//! The one row of an account that every change touches.

use crate::octets::{Reader, RecordError, Writer};

/// Counter, usage, and the next numbers to give out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountRow {
    /// The last change (RFC 7162 §3.1): every change of anything in the account gets the next number.
    pub modseq: u64,
    /// The last collection number given out; none is given twice.
    pub last_collection: u32,
    /// The last UIDVALIDITY given out; none is given twice (RFC 9051 §2.3.1.1).
    pub last_uid_validity: u32,
    /// The last thread number given out.
    pub last_thread: u64,
    /// Octets of all messages, each counted as often as it is filed.
    pub octets: u64,
    /// Messages.
    pub items: u64,
}

const VERSION: u8 = 1;

impl AccountRow {
    /// The stored form: version, then 64, 32, 32, 64, 64 and 64 bits in the order of the fields.
    pub fn encode(&self) -> Vec<u8> {
        Writer::new(VERSION)
            .u64(self.modseq)
            .u32(self.last_collection)
            .u32(self.last_uid_validity)
            .u64(self.last_thread)
            .u64(self.octets)
            .u64(self.items)
            .finish()
    }

    /// Reads the stored form.
    pub fn decode(bytes: &[u8]) -> Result<AccountRow, RecordError> {
        let mut reader = Reader::new(bytes, VERSION)?;
        let row = AccountRow {
            modseq: reader.u64()?,
            last_collection: reader.u32()?,
            last_uid_validity: reader.u32()?,
            last_thread: reader.u64()?,
            octets: reader.u64()?,
            items: reader.u64()?,
        };
        reader.end()?;
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_pinned() {
        let row =
            AccountRow { modseq: 1, last_collection: 2, last_uid_validity: 3, last_thread: 4, octets: 5, items: 6 };
        let bytes = [
            1, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0,
            0, 0, 0, 0, 0,
        ];
        assert_eq!(row.encode(), bytes);
        assert_eq!(AccountRow::decode(&bytes), Ok(row));
        assert_eq!(AccountRow::decode(&bytes[..40]), Err(RecordError::Length));
        assert_eq!(AccountRow::decode(&[9]), Err(RecordError::Version(9)));
    }
}
