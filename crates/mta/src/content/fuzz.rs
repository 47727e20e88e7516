//! Entry points for fuzzing: each takes any octets and panics only if a law of this folder is broken.

use crate::content::conversion::directives;
use crate::content::conversion::file::Conversions;
use crate::content::way::Way;
use queue::fragments::Place;

/// Any octets may stand in a `conversions` file, in the options that a command wrote, or in a route.
pub fn fuzz_conversions(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(conversions) = Conversions::parse(&text) {
        assert!(conversions.entries.len() <= text.lines().count(), "an entry has a line");
    }
    let _ = directives::read(&text);
    if let Ok(way) = text.parse::<Way>() {
        assert_eq!(way.to_string().parse(), Ok(way), "a way is written as it was read");
    }
    let _ = text.parse::<Place>();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_octets_are_borne(data in prop::collection::vec(any::<u8>(), 0..300)) {
            fuzz_conversions(&data);
        }

        #[test]
        fn what_looks_like_a_file_is_borne(pieces in prop::collection::vec(prop::sample::select(vec![
            "in-type=", "in-parameter-name-0=", "in-parameter-value-0=", "out-dparameter-name-4294967296=", "command=", "\"", "\\", "\n",
            ";", "=", "x", " ", "delete=1", "!", "*", "%", "STATUS=", "0x0A9C857A", "OUTPUT_DIAGNOSTIC=", "é", ">", "#", "smtp", "\r\n",
        ]), 0..40)) {
            fuzz_conversions(pieces.concat().as_bytes());
        }
    }
}
