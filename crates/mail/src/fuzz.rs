//! Entry points for the fuzzer: stored rows.

use crate::record::{MailboxRow, MessageRow, TrashRow};

/// Any row of the mail store; what can be read is written the same.
pub fn fuzz_mail_rows(data: &[u8]) {
    if let Ok(row) = MailboxRow::decode(data) {
        assert_eq!(row.encode(), data);
    }
    if let Ok(row) = MessageRow::decode(data) {
        assert_eq!(row.encode(), data);
    }
    if let Ok(row) = TrashRow::decode(data) {
        assert_eq!(row.encode(), data);
    }
}
