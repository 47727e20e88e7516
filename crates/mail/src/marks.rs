//! What changes about a message: its flags, its keywords and the number of its last change. The marks of neighbouring
//! messages share a row, a page, so that a change of a whole mailbox writes some rows and not one for each message.
//!
//! A page on disk: version u8, newest modseq u64, number of messages u8; of each the slot u8, flags u8, the modseq as
//! its distance to the newest and the keywords, both in seven-bit groups.

use crate::flags::SystemFlags;
use account::octets::{Reader, RecordError, Writer};
use model::{Modseq, Uid};

const VERSION: u8 = 1;
/// UIDs of a page: few enough that a delivery, which writes one page, stays small.
const SLOTS: u32 = 64;

/// What changes about a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Its last change.
    pub modseq: Modseq,
    /// Flags.
    pub flags: SystemFlags,
    /// Keywords as bits of the mailbox's table.
    pub keywords: u128,
}

/// The number of the page on which a UID stands.
pub fn page_of(uid: Uid) -> u32 {
    uid.0 / SLOTS
}

fn slot_of(uid: Uid) -> u8 {
    u8::try_from(uid.0 % SLOTS).unwrap_or(0)
}

/// The marks of neighbouring messages, by slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page(Vec<(u8, Marks)>);

impl Page {
    /// The marks of a message that is there.
    pub fn marks(&self, uid: Uid) -> Option<Marks> {
        let at = self.0.binary_search_by_key(&slot_of(uid), |(slot, _)| *slot).ok()?;
        self.0.get(at).map(|(_, marks)| *marks)
    }

    /// Sets the marks of a message.
    pub fn set(&mut self, uid: Uid, marks: Marks) {
        match self.0.binary_search_by_key(&slot_of(uid), |(slot, _)| *slot) {
            Ok(at) => {
                if let Some(entry) = self.0.get_mut(at) {
                    entry.1 = marks;
                }
            }
            Err(at) => self.0.insert(at, (slot_of(uid), marks)),
        }
    }

    /// Takes a message off the page.
    pub fn remove(&mut self, uid: Uid) {
        self.0.retain(|(slot, _)| *slot != slot_of(uid));
    }

    /// Whether no message stands on it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every message on the page with this number, ascending.
    pub fn messages(&self, number: u32) -> impl Iterator<Item = (Uid, Marks)> + '_ {
        let first = number.saturating_mul(SLOTS);
        self.0.iter().map(move |(slot, marks)| (Uid(first.saturating_add(u32::from(*slot))), *marks))
    }

    /// The stored form.
    pub fn encode(&self) -> Vec<u8> {
        let newest = self.0.iter().map(|(_, marks)| marks.modseq.0).max().unwrap_or(0);
        let mut writer = Writer::new(VERSION);
        writer.u64(newest).u8(u8::try_from(self.0.len()).unwrap_or(u8::MAX));
        for (slot, marks) in &self.0 {
            let age = u128::from(newest.saturating_sub(marks.modseq.0));
            writer.u8(*slot).u8(marks.flags.0).groups(age).groups(marks.keywords);
        }
        writer.finish()
    }

    /// Reads the stored form.
    pub fn decode(bytes: &[u8]) -> Result<Page, RecordError> {
        let mut reader = Reader::new(bytes, VERSION)?;
        let newest = reader.u64()?;
        let count = reader.u8()?;
        let mut entries: Vec<(u8, Marks)> = Vec::with_capacity(usize::from(count).min(SLOTS as usize));
        for _ in 0..count {
            let slot = reader.u8()?;
            let flags = SystemFlags(reader.u8()?);
            let age = u64::try_from(reader.groups()?).map_err(|_| RecordError::Value)?;
            let modseq = Modseq(newest.checked_sub(age).ok_or(RecordError::Value)?);
            let is_next = entries.last().is_none_or(|(last, _)| *last < slot) && u32::from(slot) < SLOTS;
            if !is_next {
                return Err(RecordError::Value);
            }
            entries.push((slot, Marks { modseq, flags, keywords: reader.groups()? }));
        }
        reader.end()?;
        Ok(Page(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_page_has_its_golden_octets() {
        let mut page = Page::default();
        page.set(Uid(70), Marks { modseq: Modseq(300), flags: SystemFlags::SEEN, keywords: 0x81 });
        page.set(Uid(65), Marks { modseq: Modseq(100), flags: SystemFlags::default(), keywords: 0 });
        let golden = [1, 44, 1, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0xc8, 1, 0, 6, 1, 0, 0x81, 1];
        assert_eq!(page.encode(), golden);
        assert_eq!(Page::decode(&golden), Ok(page.clone()));
        let uids: Vec<u32> = page.messages(page_of(Uid(70))).map(|(uid, _)| uid.0).collect();
        assert_eq!(uids, [65, 70]);
        page.remove(Uid(65));
        assert_eq!((page.marks(Uid(65)), page.is_empty()), (None, false));
    }

    #[test]
    fn a_page_with_slots_out_of_order_is_damage() {
        let twice = [1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 6, 0, 0, 0, 6, 0, 0, 0];
        assert_eq!(Page::decode(&twice), Err(RecordError::Value));
    }

    proptest! {
        #[test]
        fn reading_undoes_writing(
            entries in proptest::collection::btree_map(0u32..SLOTS, (any::<u64>(), 0u8..32, any::<u128>()), 0..64)
        ) {
            let mut page = Page::default();
            for (slot, (modseq, flags, keywords)) in entries {
                page.set(Uid(slot), Marks { modseq: Modseq(modseq), flags: SystemFlags(flags), keywords });
            }
            prop_assert_eq!(Page::decode(&page.encode()), Ok(page));
        }
    }
}
