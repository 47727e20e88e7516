//! Entry points for the fuzzer: stored records.

use crate::record;

/// Reads any octets as each kind of record; what is read must be written the same.
pub fn fuzz_queue_record(data: &[u8]) {
    if let Ok(message) = record::decode_message(data) {
        assert_eq!(record::decode_message(&record::encode_message(&message)), Ok(message));
    }
    if let Ok(recipient) = record::decode_recipient(data) {
        assert_eq!(record::decode_recipient(&record::encode_recipient(&recipient)), Ok(recipient));
    }
    if let Ok(event) = record::decode_event(data) {
        assert_eq!(record::decode_event(&record::encode_event(&event)), Ok(event));
    }
}
