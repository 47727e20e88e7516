//! Names of messages and conversations that stay the same wherever they are (RFC 8474).

use mail::view::Row;

/// The same for the same octets, wherever they are (RFC 8474 §5.1).
pub(crate) fn email_id(row: &Row) -> String {
    let hash = row.blob.to_string();
    format!("M{}", hash.get(..24).unwrap_or(&hash))
}

/// The same for a conversation (RFC 8474 §5.2).
pub(crate) fn thread_id(row: &Row) -> String {
    format!("T{}", row.thread)
}
