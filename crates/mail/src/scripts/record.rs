//! Rows of scripts as bytes: little-endian, a version in front, pinned by tests.

use account::octets::{Reader, RecordError, Writer};
use model::{BlobHash, Modseq, QueueId, Timestamp};

const SCRIPT_VERSION: u8 = 1;
const MEMORY_VERSION: u8 = 1;
const TROUBLE_VERSION: u8 = 1;

/// What is stored of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptRow {
    /// What its owner calls it.
    pub name: String,
    /// Octets of its text.
    pub octets: u32,
    /// Its text's name in the store.
    pub blob: BlobHash,
    /// Its last change.
    pub modseq: Modseq,
    /// When that was.
    pub changed: Timestamp,
}

impl ScriptRow {
    /// The stored form: name, octets u32, blob 32 octets, modseq u64, changed u64.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(SCRIPT_VERSION);
        writer.text(&self.name).u32(self.octets).raw(&self.blob.0).u64(self.modseq.0).u64(self.changed.0);
        writer.finish()
    }

    /// Reads the stored form.
    pub fn decode(octets: &[u8]) -> Result<ScriptRow, RecordError> {
        let mut reader = Reader::new(octets, SCRIPT_VERSION)?;
        let row = ScriptRow {
            name: reader.text()?,
            octets: reader.u32()?,
            blob: BlobHash(reader.hash()?),
            modseq: Modseq(reader.u64()?),
            changed: Timestamp(reader.u64()?),
        };
        reader.end()?;
        Ok(row)
    }
}

/// Something that a script must not do again for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemoryRow {
    /// Until when.
    pub until: Timestamp,
    /// The delivery that caused it: done once more after a crash, it does not count as another. 0 is none.
    pub delivery: (QueueId, u32),
}

impl MemoryRow {
    /// The stored form: until u64, queue id u64, recipient u32.
    pub fn encode(&self) -> Vec<u8> {
        let (id, recipient) = self.delivery;
        Writer::new(MEMORY_VERSION).u64(self.until.0).u64(id.0).u32(recipient).finish()
    }

    /// Reads the stored form.
    pub fn decode(octets: &[u8]) -> Result<MemoryRow, RecordError> {
        let mut reader = Reader::new(octets, MEMORY_VERSION)?;
        let until = Timestamp(reader.u64()?);
        let row = MemoryRow { until, delivery: (QueueId(reader.u64()?), reader.u32()?) };
        reader.end()?;
        Ok(row)
    }
}

/// A run of a script that ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// When.
    pub at: Timestamp,
    /// Which script.
    pub script: String,
    /// The line in it; 0 is none.
    pub line: u32,
    /// Why.
    pub reason: String,
}

/// The stored form: at u64, script, line u32, reason.
pub(crate) fn encode_trouble(trouble: &Trouble) -> Vec<u8> {
    let mut writer = Writer::new(TROUBLE_VERSION);
    writer.u64(trouble.at.0).text(&trouble.script).u32(trouble.line).text(&trouble.reason);
    writer.finish()
}

/// Reads the stored form.
pub(crate) fn decode_trouble(octets: &[u8]) -> Result<Trouble, RecordError> {
    let mut reader = Reader::new(octets, TROUBLE_VERSION)?;
    let at = Timestamp(reader.u64()?);
    let trouble = Trouble { at, script: reader.text()?, line: reader.u32()?, reason: reader.text()? };
    reader.end()?;
    Ok(trouble)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_script_has_pinned_bytes() {
        let (blob, modseq, changed) = (BlobHash([7; 32]), Modseq(2), Timestamp(3));
        let row = ScriptRow { name: "n".to_owned(), octets: 1, blob, modseq, changed };
        let mut expected = vec![1, 1, 0, 0, 0, b'n', 1, 0, 0, 0];
        expected.extend([7; 32]);
        expected.extend([2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(row.encode(), expected);
        assert_eq!(ScriptRow::decode(&expected), Ok(row));
    }

    #[test]
    fn memory_and_trouble_have_pinned_bytes() {
        let row = MemoryRow { until: Timestamp(1), delivery: (QueueId(2), 3) };
        let expected = [1, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0];
        assert_eq!(row.encode(), expected);
        assert_eq!(MemoryRow::decode(&expected), Ok(row));
        let trouble = Trouble { at: Timestamp(1), script: "s".to_owned(), line: 2, reason: "r".to_owned() };
        let expected = [1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, b's', 2, 0, 0, 0, 1, 0, 0, 0, b'r'];
        assert_eq!(encode_trouble(&trouble), expected);
        assert_eq!(decode_trouble(&expected), Ok(trouble));
    }

    proptest! {
        #[test]
        fn damaged_records_never_panic(data in proptest::collection::vec(any::<u8>(), 0..120)) {
            let mut data = data;
            if let Some(first) = data.first_mut() {
                *first = 1;
            }
            crate::fuzz::fuzz_mail_rows(&data);
        }
    }
}
