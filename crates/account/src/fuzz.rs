//! Entry points for the fuzzer: damaged records are told from good ones and never panic.

use crate::octets::Reader;
use crate::rights::{Grants, Rights};
use crate::row::AccountRow;

/// A stored account row.
pub fn fuzz_account_row(data: &[u8]) {
    if let Ok(row) = AccountRow::decode(data) {
        assert_eq!(row.encode(), data, "a row that can be read is written the same");
    }
}

/// Rights in letters and stored grants.
pub fn fuzz_rights(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Some(rights) = Rights::parse(text)
    {
        assert_eq!(Rights::parse(&rights.to_string()), Some(rights));
    }
    if let Ok(mut reader) = Reader::new(data, 1) {
        let _ = Grants::read(&mut reader);
    }
}
