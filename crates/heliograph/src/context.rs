//! What every verb may need to know of the command line.

use std::path::PathBuf;

/// What every verb may need to know of the command line.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--data`.
    pub data: Option<PathBuf>,
    /// `--json`.
    pub json: bool,
    /// `--yes`.
    pub yes: bool,
}

/// Where the settings lie unless said otherwise.
const USUAL_FILE: &str = "/etc/heliograph/heliograph.toml";

impl Context {
    /// The settings file that is meant.
    pub fn settings_file(&self) -> PathBuf {
        let of_environment = || std::env::var_os("HELIOGRAPH_CONFIG").map(PathBuf::from);
        let of_data = self.data.as_ref().map(|data| data.join("heliograph.toml")).filter(|file| file.exists());
        self.config.clone().or_else(of_environment).or(of_data).unwrap_or_else(|| PathBuf::from(USUAL_FILE))
    }
}
