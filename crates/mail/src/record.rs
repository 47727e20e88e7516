//! Rows of the mail store as bytes: little-endian, a version in front, pinned by tests.

use crate::flags::{KeywordTable, SystemFlags};
use crate::marks::Marks;
use account::octets::{Reader, RecordError, Writer};
use account::rights::Grants;
use model::{BlobHash, MailboxId, Modseq, Timestamp, Uid, UidValidity};

const MAILBOX_VERSION: u8 = 2;
const MESSAGE_VERSION: u8 = 2;
const TRASH_VERSION: u8 = 1;

/// What a mailbox is for (RFC 6154 §2, RFC 8457 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpecialUse {
    /// Old mail.
    Archive,
    /// Unfinished mail.
    Drafts,
    /// Unwanted mail.
    Junk,
    /// Sent mail.
    Sent,
    /// Deleted mail.
    Trash,
}

impl SpecialUse {
    /// All of them.
    pub const ALL: [SpecialUse; 5] =
        [SpecialUse::Archive, SpecialUse::Drafts, SpecialUse::Junk, SpecialUse::Sent, SpecialUse::Trash];

    fn number(self) -> u8 {
        match self {
            SpecialUse::Archive => 1,
            SpecialUse::Drafts => 2,
            SpecialUse::Junk => 3,
            SpecialUse::Sent => 4,
            SpecialUse::Trash => 5,
        }
    }

    fn from_number(number: u8) -> Option<SpecialUse> {
        SpecialUse::ALL.into_iter().find(|special_use| special_use.number() == number)
    }
}

/// One mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxRow {
    /// Its name.
    pub name: String,
    /// Never used before in the account (RFC 9051 §2.3.1.1).
    pub uid_validity: UidValidity,
    /// The next message gets this UID.
    pub uid_next: Uid,
    /// The last change in it (RFC 7162 §3.1.2.1).
    pub highest_modseq: Modseq,
    /// Up to here expunges were forgotten; who knows less must ask for everything.
    pub vanished_floor: Modseq,
    /// Up to here the lists of changes were forgotten; who knows less must look at every message.
    pub changed_floor: Modseq,
    /// Messages.
    pub messages: u32,
    /// Those without the seen flag.
    pub unseen: u32,
    /// Those with the deleted flag.
    pub deleted: u32,
    /// Octets of all.
    pub octets: u64,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
    /// Its keywords by bit.
    pub keywords: KeywordTable,
    /// Who besides the owner may use it.
    pub grants: Grants,
}

impl MailboxRow {
    /// The stored form: name, UIDVALIDITY u32, UIDNEXT u32, modseqs 3 × u64, counts 3 × u32, octets u64, special use u8,
    /// number of keywords u32 and each, grants.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(MAILBOX_VERSION);
        writer
            .text(&self.name)
            .u32(self.uid_validity.0)
            .u32(self.uid_next.0)
            .u64(self.highest_modseq.0)
            .u64(self.vanished_floor.0)
            .u64(self.changed_floor.0)
            .u32(self.messages)
            .u32(self.unseen)
            .u32(self.deleted)
            .u64(self.octets)
            .u8(self.special_use.map_or(0, SpecialUse::number))
            .u32(u32::try_from(self.keywords.names().len()).unwrap_or(0));
        for keyword in self.keywords.names() {
            writer.text(keyword);
        }
        self.grants.write(&mut writer);
        writer.finish()
    }

    /// Reads the stored form.
    pub fn decode(bytes: &[u8]) -> Result<MailboxRow, RecordError> {
        let mut reader = Reader::new(bytes, MAILBOX_VERSION)?;
        let mut row = MailboxRow {
            name: reader.text()?,
            uid_validity: UidValidity(reader.u32()?),
            uid_next: Uid(reader.u32()?),
            highest_modseq: Modseq(reader.u64()?),
            vanished_floor: Modseq(reader.u64()?),
            changed_floor: Modseq(reader.u64()?),
            messages: reader.u32()?,
            unseen: reader.u32()?,
            deleted: reader.u32()?,
            octets: reader.u64()?,
            special_use: match reader.u8()? {
                0 => None,
                number => Some(SpecialUse::from_number(number).ok_or(RecordError::Value)?),
            },
            keywords: KeywordTable::default(),
            grants: Grants::default(),
        };
        let count = reader.u32()?;
        if count > 128 {
            return Err(RecordError::Value);
        }
        let names: Result<Vec<String>, RecordError> = (0..count).map(|_| reader.text()).collect();
        row.keywords = KeywordTable::new(names?);
        row.grants = Grants::read(&mut reader)?;
        reader.end()?;
        Ok(row)
    }
}

/// One message in one mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRow {
    /// Its last change.
    pub modseq: Modseq,
    /// Flags.
    pub flags: SystemFlags,
    /// Keywords as bits of the mailbox's table.
    pub keywords: u128,
    /// When it arrived at its first mailbox, or what the client said (RFC 9051 §2.3.3).
    pub internal_date: Timestamp,
    /// When it came into this mailbox (RFC 8514 §3).
    pub save_date: Timestamp,
    /// Octets.
    pub octets: u32,
    /// Its octets' name in the store.
    pub blob: BlobHash,
    /// Its conversation.
    pub thread: u64,
}

impl MessageRow {
    /// What changes about it.
    pub fn marks(&self) -> Marks {
        Marks { modseq: self.modseq, flags: self.flags, keywords: self.keywords }
    }

    /// The stored form of what never changes: dates 2 × u64, octets u32, blob 32 octets, thread u64.
    pub fn encode_fixed(&self) -> Vec<u8> {
        let mut writer = Writer::new(MESSAGE_VERSION);
        self.write_fixed(&mut writer);
        writer.finish()
    }

    fn write_fixed(&self, writer: &mut Writer) {
        writer.u64(self.internal_date.0).u64(self.save_date.0).u32(self.octets).raw(&self.blob.0).u64(self.thread);
    }

    /// Reads the stored form and joins it with what changes.
    pub fn decode(bytes: &[u8], marks: Marks) -> Result<MessageRow, RecordError> {
        let mut reader = Reader::new(bytes, MESSAGE_VERSION)?;
        let row = MessageRow::read_fixed(&mut reader, marks)?;
        reader.end()?;
        Ok(row)
    }

    fn read_fixed(reader: &mut Reader<'_>, marks: Marks) -> Result<MessageRow, RecordError> {
        Ok(MessageRow {
            modseq: marks.modseq,
            flags: marks.flags,
            keywords: marks.keywords,
            internal_date: Timestamp(reader.u64()?),
            save_date: Timestamp(reader.u64()?),
            octets: reader.u32()?,
            blob: BlobHash(reader.hash()?),
            thread: reader.u64()?,
        })
    }

    /// As trash rows hold it: modseq u64, flags u8, keywords u128, then what never changes.
    fn write(&self, writer: &mut Writer) {
        writer.u64(self.modseq.0).u8(self.flags.0).u128(self.keywords);
        self.write_fixed(writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<MessageRow, RecordError> {
        let marks = Marks { modseq: Modseq(reader.u64()?), flags: SystemFlags(reader.u8()?), keywords: reader.u128()? };
        MessageRow::read_fixed(reader, marks)
    }
}

/// An expunged message that can be brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrashRow {
    /// The mailbox it was in; it may be gone.
    pub mailbox: MailboxId,
    /// That mailbox's name.
    pub name: String,
    /// Its keywords by name.
    pub keywords: Vec<String>,
    /// The message as it was.
    pub message: MessageRow,
}

impl TrashRow {
    /// The stored form: mailbox u32, name, number of keywords u32 and each, then the fields of a message.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(TRASH_VERSION);
        writer.u32(self.mailbox.0).text(&self.name).u32(u32::try_from(self.keywords.len()).unwrap_or(0));
        for keyword in &self.keywords {
            writer.text(keyword);
        }
        self.message.write(&mut writer);
        writer.finish()
    }

    /// Reads the stored form.
    pub fn decode(bytes: &[u8]) -> Result<TrashRow, RecordError> {
        let mut reader = Reader::new(bytes, TRASH_VERSION)?;
        let mailbox = MailboxId(reader.u32()?);
        let name = reader.text()?;
        let count = reader.u32()?;
        if count > 128 {
            return Err(RecordError::Value);
        }
        let keywords: Result<Vec<String>, RecordError> = (0..count).map(|_| reader.text()).collect();
        let row = TrashRow { mailbox, name, keywords: keywords?, message: MessageRow::read(&mut reader)? };
        reader.end()?;
        Ok(row)
    }
}

#[cfg(test)]
mod tests;
