//! Entry points for the fuzzer: stored rows.

use crate::marks::{Marks, Page};
use crate::record::{MailboxRow, MessageRow, TrashRow};
use crate::scripts::{MemoryRow, ScriptRow, decode_trouble, encode_trouble};
use crate::uid_set::UidSet;

/// Any row of the mail store; what can be read is written the same.
pub fn fuzz_mail_rows(data: &[u8]) {
    if let Ok(row) = MailboxRow::decode(data) {
        assert_eq!(row.encode(), data);
    }
    if let Ok(row) = MessageRow::decode(data, Marks::default()) {
        assert_eq!(row.encode_fixed(), data);
    }
    if let Ok(row) = TrashRow::decode(data) {
        assert_eq!(row.encode(), data);
    }
    if let Ok(page) = Page::decode(data) {
        assert_eq!(Page::decode(&page.encode()), Ok(page));
    }
    if let Ok(row) = ScriptRow::decode(data) {
        assert_eq!(row.encode(), data);
    }
    if let Ok(row) = MemoryRow::decode(data) {
        assert_eq!(row.encode(), data);
    }
    if let Ok(trouble) = decode_trouble(data) {
        assert_eq!(encode_trouble(&trouble), data);
    }
    if let Ok(set) = UidSet::decode(data) {
        assert_eq!(UidSet::decode(&set.encode()), Ok(set));
    }
}
