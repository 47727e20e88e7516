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
