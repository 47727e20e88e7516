//! Entry points for fuzzing what an operator can write.

use std::path::Path;

use crate::settings::Settings;
use crate::settings::edit;

/// A settings file: never panics, and everything wrong with it can be told.
pub fn fuzz_settings(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(problems) = Settings::parse(Path::new("heliograph.toml"), text) {
        assert!(!problems.to_string().is_empty(), "a refused file is told why");
    }
}

/// A change of a settings file: the first line is the key, the second the value, the rest the file. What is accepted
/// loads.
pub fn fuzz_settings_change(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut parts = text.splitn(3, '\n');
    let (Some(key), Some(value), Some(text)) = (parts.next(), parts.next(), parts.next()) else { return };
    if let Ok(changed) = edit::set(Path::new("heliograph.toml"), text, key, value) {
        assert!(Settings::parse(Path::new("heliograph.toml"), &changed).is_ok(), "an accepted change loads");
    }
}
